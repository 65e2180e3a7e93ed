//! Which messages belong together: two thousand generated mails of one account, in any order, against
//! what a real Dovecot makes of their References; and what arrives late.
//!
//! Prints figures (`./test --test threads -- --nocapture`).

#![expect(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "it runs a real server, counts, and fails by panicking"
)]

#[path = "support/rig.rs"]
mod rig;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rig::Rig;
use serde_json::Value;

const MAILS: usize = 2_000;
const CLIENTS: [&str; 5] = ["jane.roe", "tom.hale", "ada.voss", "li.wen", "omar.diaz"];
const MEMBERS: [&str; 4] = ["sam", "dana", "kim", "noor"];
const THINGS: [&str; 10] =
    ["brochure", "launch", "photo shoot", "website", "invoice run", "press list", "booth", "survey", "film", "signage"];
const VERBS: [&str; 6] = ["draft", "plan", "costs", "dates", "feedback", "sign-off"];

/// xorshift64: the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

#[derive(Clone)]
struct Mail {
    id: String,
    /// Which conversation it belongs to.
    talk: usize,
    references: Vec<String>,
    subject: String,
    author: String,
    /// Everybody on it.
    people: Vec<String>,
    at: i64,
    body: String,
    raw: String,
}

fn generated() -> Vec<Mail> {
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let mut mails: Vec<Mail> = Vec::new();
    let mut talk = 0;
    let mut begun = 1_740_000_000;
    while mails.len() < MAILS {
        begun += 3_600 * (1 + i64::try_from(chance.below(30)).unwrap());
        let subject = format!("{} {} {}", THINGS[chance.below(10)], VERBS[chance.below(6)], chance.below(60));
        let client = format!("{}@acme.example", CLIENTS[chance.below(5)]);
        let member = format!("{}@firm.example", MEMBERS[chance.below(4)]);
        let mut people = vec![client, member];
        if chance.one_in(3) {
            people.push(format!("{}@acme.example", CLIENTS[chance.below(5)]));
            people.dedup();
        }
        let first = mails.len();
        for n in 0..=chance.below(12) {
            let number = mails.len();
            let parent = (n > 0).then(|| mails[first + chance.below(n)].clone());
            mails.push(mail(&mut chance, (number, talk), &people, parent.as_ref(), (&subject, begun)));
        }
        talk += 1;
    }
    mails.truncate(MAILS);
    mails
}

fn mail(
    chance: &mut Chance,
    (number, talk): (usize, usize),
    people: &[String],
    parent: Option<&Mail>,
    (subject, begun): (&str, i64),
) -> Mail {
    let id = format!("{number}.{talk}@mail.example");
    let author = people[chance.below(people.len())].clone();
    let at = parent.map_or(begun, |p| p.at + 1_800 + i64::try_from(chance.below(100_000)).unwrap());
    let words: Vec<String> = (0..20).map(|_| format!("{}{}", VERBS[chance.below(6)], chance.below(900))).collect();
    let mut body = format!("Hi all,\n\n{}.\n", words.join(" "));
    let mut subject = subject.to_owned();
    let (mut references, mut named) = (Vec::new(), String::new());
    if let Some(parent) = parent {
        references = parent.references.iter().cloned().chain([parent.id.clone()]).collect();
        subject = format!("Re: {}", parent.subject.trim_start_matches("Re: "));
        let list: Vec<String> = references.iter().map(|id| format!("<{id}>")).collect();
        match chance.below(20) {
            // Some programs write the one, some the other.
            0 | 1 => named = format!("In-Reply-To: <{}>\n", parent.id),
            2 => named = format!("References: {}\n", list.join("\n ")),
            // Somebody gave it another subject.
            3 => {
                subject = format!("{} (was: {subject})", THINGS[chance.below(10)]);
                named = format!("In-Reply-To: <{}>\nReferences: {}\n", parent.id, list.join("\n "));
            }
            _ => named = format!("In-Reply-To: <{}>\nReferences: {}\n", parent.id, list.join("\n ")),
        }
        let quoted: Vec<String> = parent.body.lines().map(|line| format!("> {line}")).collect();
        body = format!("{body}\nOn Monday 3 March 2025 at 10:00, {} wrote:\n{}\n", parent.author, quoted.join("\n"));
    }
    let date = jiff::Timestamp::from_second(at).unwrap().strftime("%a, %d %b %Y %H:%M:%S +0000");
    let readers: Vec<&str> = people.iter().filter(|p| **p != author).map(String::as_str).collect();
    let raw = format!(
        "From: <{author}>\nTo: {}\nSubject: {subject}\nDate: {date}\nMessage-ID: <{id}>\n{named}\n{body}",
        readers.join(", ")
    );
    let own = body.split("\nOn Monday").next().unwrap().to_owned();
    Mail { id, talk, references, subject, author, people: people.to_vec(), at, body: own, raw }
}

/// Groups of Message-IDs.
type Groups = Vec<Vec<String>>;

/// F1 over pairs that stand together.
fn agreement(found: &Groups, truth: &Groups) -> f64 {
    let place = |groups: &Groups| -> HashMap<String, usize> {
        groups.iter().enumerate().flat_map(|(n, group)| group.iter().map(move |id| (id.clone(), n))).collect()
    };
    let pairs = |size: usize| (size * size.saturating_sub(1) / 2) as f64;
    let (of_truth, mut both) = (place(truth), 0.0);
    for group in found {
        let mut by_truth: BTreeMap<usize, usize> = BTreeMap::new();
        for id in group {
            *by_truth.entry(of_truth[id]).or_default() += 1;
        }
        both += by_truth.values().map(|n| pairs(*n)).sum::<f64>();
    }
    let all = |groups: &Groups| groups.iter().map(|group| pairs(group.len())).sum::<f64>();
    2.0 * both / (all(found) + all(truth))
}

fn barometer(config: &Path, arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_barometer")).arg("--config").arg(config).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn settings(folder: &Path) -> PathBuf {
    let config = folder.join("threads.toml");
    let store = folder.join("threads.db");
    let text = format!(
        "[service]\naddress = \"watch@firm.example\"\ndomains = [\"firm.example\"]\ntime_zone = \"Europe/London\"\nstore = \"sqlite:{}\"\n[[account]]\nid = \"acme\"\nname = \"Acme\"\nkind = \"client\"\ndomains = [\"acme.example\"]\n",
        store.display()
    );
    fs::write(&config, text).unwrap();
    config
}

/// Puts mails into a folder under names that say nothing of their order.
fn write(folder: &Path, mails: &[Mail]) {
    fs::create_dir_all(folder).unwrap();
    for (n, mail) in mails.iter().enumerate() {
        let name = (n * 7_919) % 10_007;
        fs::write(folder.join(format!("{name:05}.eml")), &mail.raw).unwrap();
    }
}

fn threads(config: &Path) -> (Groups, Vec<Value>) {
    let rows: Vec<Value> =
        barometer(config, &["threads", "--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids =
        |row: &Value| row["messages"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    (rows.iter().map(ids).collect(), rows)
}

/// What Dovecot makes of the mails: `THREAD REFS` over its own IMAP program.
fn by_dovecot(rig: &Rig, mails: &[Mail]) -> Groups {
    let inbox = rig.path().join("mail/watch");
    for part in ["new", "cur", "tmp"] {
        fs::create_dir_all(inbox.join(part)).unwrap();
    }
    for (n, mail) in mails.iter().enumerate() {
        fs::write(
            inbox.join("cur").join(format!("{}.M{n}P1.test:2,", 1_700_000_000 + n)),
            mail.raw.replace('\n', "\r\n"),
        )
        .unwrap();
    }
    assert!(Command::new("chown").arg("-R").arg("nobody:").arg(rig.path().join("mail")).status().unwrap().success());
    let mut imap = Command::new("doveadm")
        .arg("-c")
        .arg(rig.path().join("dovecot.conf"))
        .args(["exec", "imap", "-u", "watch@firm.example"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ask = imap.stdin.take().unwrap();
    ask.write_all(b"a SELECT INBOX\r\nb THREAD REFS UTF-8 ALL\r\nc FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])\r\nd LOGOUT\r\n")
        .unwrap();
    // The program ends by LOGOUT; were its input closed before, it might end earlier.
    let output = imap.wait_with_output().unwrap();
    drop(ask);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("d OK"), "Dovecot answered everything");
    let threads = text.lines().find_map(|line| line.strip_prefix("* THREAD ")).expect("Dovecot has THREAD=REFS");
    let ids = fetched(&text);
    numbers(threads).into_iter().map(|group| group.into_iter().map(|number| ids[&number].clone()).collect()).collect()
}

/// Message-IDs by sequence number.
fn fetched(answers: &str) -> HashMap<usize, String> {
    let mut ids = HashMap::new();
    let mut number = 0;
    for line in answers.lines() {
        if let Some(rest) = line.strip_prefix("* ").filter(|rest| rest.contains(" FETCH ")) {
            number = rest.split(' ').next().unwrap().parse().unwrap();
        } else if let Some(id) = line.strip_prefix("Message-ID: ") {
            ids.insert(number, id.trim().trim_matches(['<', '>']).to_owned());
        }
    }
    ids
}

/// The numbers of each thread: `(1 2 (3)(4 5))(6)` has two.
fn numbers(threads: &str) -> Vec<Vec<usize>> {
    let (mut groups, mut depth): (Vec<Vec<usize>>, usize) = (Vec::new(), 0);
    let mut digits = String::new();
    for c in threads.chars().chain(" ".chars()) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            groups.last_mut().unwrap().push(digits.parse().unwrap());
            digits.clear();
        }
        if c == '(' {
            depth += 1;
            if depth == 1 {
                groups.push(Vec::new());
            }
        } else if c == ')' {
            depth -= 1;
        }
    }
    groups
}

#[test]
fn threads_are_those_of_a_mail_server_in_whatever_order_mail_comes() {
    let rig = Rig::up(&["dovecot"]);
    let mails = generated();
    let mut truth: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for mail in &mails {
        truth.entry(mail.talk).or_default().push(mail.id.clone());
    }
    let truth: Groups = truth.into_values().collect();
    let server = by_dovecot(&rig, &mails);

    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    write(&folder.path().join("mail"), &mails);
    barometer(&config, &["import", folder.path().join("mail").to_str().unwrap()]);
    let (found, _) = threads(&config);
    let (to_truth, to_server) = (agreement(&found, &truth), agreement(&found, &server));
    println!("{MAILS} mails, pairwise F1: {to_truth:.4} with the truth, {to_server:.4} with Dovecot's THREAD=REFS");
    assert!(to_server >= 0.98 && to_truth >= 0.98);

    barometer(&config, &["threads", "--rebuild"]);
    let (again, rows) = threads(&config);
    let (to_truth, to_server) = (agreement(&again, &truth), agreement(&again, &server));
    println!("found anew: {to_truth:.4} with the truth, {to_server:.4} with Dovecot");
    assert!(to_server >= 0.98 && to_truth >= 0.98);
    let nobody = Command::new(env!("CARGO_BIN_EXE_barometer"))
        .args(["threads", "--rebuild", "--account", "acne", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert_eq!(nobody.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no message of an account acne"));
    let people: HashMap<&str, HashSet<&String>> =
        mails.iter().map(|mail| (mail.id.as_str(), mail.people.iter().collect())).collect();
    for tie in rows.iter().flat_map(|row| row["joined"].as_array().unwrap()) {
        let of = |key: &str| &people[tie[key].as_str().unwrap()];
        assert!(tie["by"] != "subject" || !of("message_id").is_disjoint(of("to")), "{tie}");
    }
}

/// One mail: number, author, reader, subject, further header fields, text.
fn letter((number, author, reader): (u32, &str, &str), subject: &str, fields: &str, text: &str) -> String {
    format!(
        "From: <{author}>\nTo: <{reader}>\nSubject: {subject}\nDate: Mon, {:02} Mar 2025 10:00:00 +0000\nMessage-ID: <{number}@mail.example>\n{fields}\n{text}\n",
        number % 28 + 1
    )
}

#[test]
fn each_tie_says_what_it_is_and_none_crosses_accounts() {
    const JANE: &str = "jane@acme.example";
    const TOM: &str = "tom@lumen.example";
    const SAM: &str = "sam@firm.example";
    const PLAN: &str = "The plan for the booth has four walls, two screens and one counter in oak.";
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    let talk = |tail: char| format!("Thread-Index: AdFuZ6XxOH+qH5H+R76f2odV/Vn8M{tail}==\n");
    let quoted = format!("Agreed.\n\nOn 2 March 2025 at 10:00, Jane wrote:\n> {PLAN}");
    let days = [
        vec![
            // The answer comes before what it answers.
            letter((2, SAM, JANE), "Re: Booth", "In-Reply-To: <1@mail.example>\n", "Fine."),
            letter((3, JANE, SAM), "Walls", "", PLAN),
            letter((4, SAM, JANE), "Something else", "", &quoted),
            letter((5, JANE, SAM), "Screens", &talk('Q'), "One."),
            letter((6, SAM, JANE), "Screens please", &talk('Q'), "Two."),
            letter((7, JANE, SAM), "Budget round", "", "Three."),
            letter((8, SAM, JANE), "Re: Budget round", "", "Four."),
            // References that a program reused for another matter.
            letter((9, JANE, SAM), "Parking", "References: <7@mail.example>\n", "Five."),
            // Another account, the same subject and the same words.
            letter((10, TOM, SAM), "Re: Budget round", "", "Six."),
            letter((11, TOM, SAM), "Re: Walls", "In-Reply-To: <3@mail.example>\n", &quoted),
            letter((12, JANE, SAM), "Update", "", "Seven."),
            letter((13, JANE, SAM), "Update", "", "Eight."),
        ],
        vec![letter((1, JANE, SAM), "Booth", "", "Is it fine?")],
    ];
    let expected = [
        vec!["1", "2"],
        vec!["3", "4"],
        vec!["5", "6"],
        vec!["7", "8"],
        vec!["9"],
        vec!["10"],
        vec!["11"],
        vec!["12"],
        vec!["13"],
    ];
    let expected: Vec<Vec<String>> =
        expected.iter().map(|ids| ids.iter().map(|id| format!("{id}@mail.example")).collect()).collect();
    for (day, letters) in days.iter().enumerate() {
        let mail = folder.path().join(format!("day{day}"));
        fs::create_dir_all(&mail).unwrap();
        for (n, text) in letters.iter().enumerate() {
            fs::write(mail.join(format!("{n:02}.eml")), text).unwrap();
        }
        barometer(&config, &["import", mail.to_str().unwrap()]);
    }
    for _ in 0..2 {
        let (mut found, rows) = threads(&config);
        let number = |id: &String| id.split('@').next().unwrap().parse::<u32>().unwrap();
        for ids in &mut found {
            ids.sort_by_key(number);
        }
        found.sort_by_key(|ids| number(&ids[0]));
        assert_eq!(found, expected);
        let ties = rows.iter().flat_map(|row| row["joined"].as_array().unwrap());
        let mut by: Vec<&str> = ties.map(|tie| tie["by"].as_str().unwrap()).collect();
        by.sort_unstable();
        assert_eq!(by, ["quote", "reply_to", "subject", "thread_index"]);
        barometer(&config, &["threads", "--rebuild"]);
    }
}
