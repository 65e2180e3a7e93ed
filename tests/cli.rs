//! The commands as people meet them: what they print, their exit codes, and what they
//! say to bad input. No message is lost, whatever it is.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "the tests run the binary; a failed step fails its test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with settings in it, and the binary run there.
struct Desk {
    folder: TempDir,
}

struct Answer {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

const SETTINGS: &str = r#"
[service]
address   = "watch@northlight.example"
domains   = ["northlight.example"]
time_zone = "Europe/London"
store     = "sqlite:barometer.db"

[[member]]
address = "dana@northlight.example"
role    = "manager"
"#;

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        desk.write("barometer.toml", SETTINGS);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_barometer"));
        command.current_dir(self.folder.path()).env_remove("BAROMETER_CONFIG").env("RUST_LOG", "warn");
        command
    }

    /// Runs a command with no settings named.
    fn bare(&self, words: &[&str]) -> Answer {
        self.command().args(words).output().unwrap().into()
    }

    /// Runs a command with `barometer.toml`.
    fn run(&self, words: &[&str]) -> Answer {
        self.command().args(["--config", "barometer.toml"]).args(words).output().unwrap().into()
    }

    /// One message read; there is always an answer.
    fn read(&self, bytes: &[u8]) -> Value {
        self.write("message.eml", bytes);
        let answer = self.run(&["read", "--json", "message.eml"]);
        assert!(answer.code == 0 || answer.code == 1, "{}", answer.err);
        assert_eq!(answer.out.lines().count(), 1, "{}", answer.err);
        serde_json::from_str(&answer.out).unwrap()
    }
}

fn mail(subject: &str, text: &str) -> String {
    format!(
        "From: Ann Archer <ann@acme.example>\r\nTo: dana@northlight.example\r\nCc: watch@northlight.example\r\n\
         Date: Mon, 2 Mar 2026 10:00:00 +0000\r\nMessage-ID: <{}@acme.example>\r\nSubject: {subject}\r\n\r\n{text}\r\n",
        subject.len()
    )
}

fn corpus(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name).display().to_string()
}

#[test]
fn the_demo_needs_nothing_and_leaves_something_to_look_at() {
    let desk = Desk::new();
    let answer = desk.bare(&["demo"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.out.contains("barometer-demo/index.html"), "{}", answer.out);
    let page = fs::read_to_string(desk.path("barometer-demo/index.html")).unwrap();
    assert!(page.contains("Quarrie"));
    let events = fs::read_to_string(desk.path("barometer-demo/events.jsonl")).unwrap();
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if let Some(file) = event["file"].as_str() {
            assert!(desk.path("barometer-demo").join(file).is_file(), "{file}");
            assert!(desk.path("barometer-demo").join(file).with_extension("html").is_file(), "{file}");
        }
    }
    assert_eq!(desk.bare(&["demo"]).code, 0, "it may be run again");
    fs::remove_file(desk.path("barometer-demo/events.jsonl")).unwrap();
    assert_eq!(desk.bare(&["demo"]).code, 1, "it never empties a folder that is not its own");
}

#[test]
fn every_command_has_help_with_an_example() {
    let desk = Desk::new();
    for words in [
        &["demo"][..],
        &["run"],
        &["check"],
        &["import"],
        &["replay"],
        &["read"],
        &["score"],
        &["rules", "check"],
        &["rules", "list"],
        &["digest"],
        &["brief"],
        &["accounts"],
        &["incidents"],
        &["threads"],
        &["quarantine"],
    ] {
        let answer = desk.bare(&[words, &["--help"]].concat());
        assert_eq!(answer.code, 0, "{words:?}");
        assert!(answer.out.contains("Example"), "{words:?} shows no example:\n{}", answer.out);
    }
}

#[test]
fn mail_is_imported_once_and_can_be_looked_at() {
    let desk = Desk::new();
    desk.write("mail/one.eml", mail("Roster", "Could you send me the roster by Friday?"));
    desk.write("mail/two.eml", mail("Invoice 12", "Thank you so much, the team did brilliant work."));
    let first = desk.run(&["import", "mail"]);
    assert_eq!((first.code, first.out.trim()), (0, "2 messages taken, 0 known already"), "{}", first.err);
    let second = desk.run(&["import", "--json", "mail"]);
    let tally: Value = serde_json::from_str(&second.out).unwrap();
    assert_eq!((tally["taken"].as_u64(), tally["known"].as_u64()), (Some(0), Some(2)));
    let accounts: Value = serde_json::from_str(&desk.run(&["accounts", "--json"]).out).unwrap();
    assert_eq!(accounts["account"], "acme.example");
    let threads = desk.run(&["threads", "--json"]);
    assert_eq!(threads.out.lines().count(), 2, "{}", threads.out);
    assert_eq!(desk.run(&["incidents"]).code, 0);
    assert_eq!(desk.run(&["quarantine"]).code, 0);
    let suggested = desk.run(&["accounts", "suggest"]);
    assert!(suggested.out.contains("[[account]]"), "{}", suggested.out);
    let digest = desk.run(&["--now", "2026-03-03T08:00:00Z", "digest", "--for", "dana@northlight.example"]);
    assert_eq!(digest.code, 0, "{}", digest.err);
    let stranger = desk.run(&["digest", "--for", "nobody@northlight.example"]);
    assert_eq!(stranger.code, 2);
    assert!(stranger.err.contains("dana@northlight.example"), "names who there is: {}", stranger.err);
}

#[test]
fn a_terminal_shows_what_the_mails_say_whatever_its_width() {
    let desk = Desk::new();
    desk.write("one.eml", mail("The contract", "We will end the contract in March and take our business elsewhere."));
    desk.run(&["--now", "2026-03-02T11:00:00Z", "import", "one.eml"]);
    let commands: [&[&str]; 3] =
        [&["incidents"], &["brief", "acme.example"], &["digest", "--for", "dana@northlight.example"]];
    let colour = regex::Regex::new("\u{1b}\\[[0-9;]+m").unwrap();
    for words in commands {
        let shown = |set: &[(&str, &str)]| -> Answer {
            let mut command = desk.command();
            command.args(["--config", "barometer.toml", "--now", "2026-03-02T12:00:00Z"]).args(words);
            command.envs(set.iter().copied()).output().unwrap().into()
        };
        for (columns, most) in [("60", 60), ("120", 100)] {
            let text = shown(&[("COLUMNS", columns)]).out;
            assert!(text.lines().all(|line| line.chars().count() <= most), "{words:?} in {columns}:\n{text}");
            let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(plain.contains("Ann Archer may end the work"), "{words:?}: {text}");
            assert!(plain.contains("open since Mon 2 Mar"), "{words:?}: {text}");
            assert!(!text.contains('\u{1b}'), "no colours where nobody looks");
        }
        let coloured = shown(&[("CLICOLOR_FORCE", "1")]).out;
        assert!(coloured.contains("\u{1b}[1;31m  Critical\u{1b}[0m"), "{words:?}: {coloured}");
        let bare = colour.replace_all(&coloured, "").into_owned();
        assert!(!bare.contains('\u{1b}'), "{bare}");
        let html = desk.path("page.html");
        let answer =
            desk.run(&[&["--now", "2026-03-02T12:00:00Z"], words, &["--html", html.to_str().unwrap()]].concat());
        assert_eq!(answer.code, 0, "{}", answer.err);
        assert!(fs::read_to_string(&html).unwrap().contains("Ann Archer may end the work"), "{words:?}");
    }
}

#[test]
fn everything_that_an_incident_did_is_told_by_its_name() {
    let desk = Desk::new();
    desk.write("one.eml", mail("The contract", "We will end the contract in March and take our business elsewhere."));
    desk.run(&["import", "one.eml"]);
    let one = desk.run(&["incidents", "--all", "--json"]);
    let one: Value = serde_json::from_str(one.out.lines().next().unwrap()).unwrap();
    let name = one["incident"].as_str().unwrap();
    let told = desk.run(&["incidents", name, "--json"]);
    let lines: Vec<Value> = told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (lines[0]["what"].as_str(), lines[0]["incident"].as_str()),
        (Some("message"), Some(name)),
        "{}",
        told.out
    );
    assert_eq!(lines.last().unwrap()["what"], "stands");
    assert!(desk.run(&["incidents", name]).out.contains("cancellation_risk"));
    let unknown = desk.run(&["incidents", "acme/none-1"]);
    assert!(unknown.code != 0 && unknown.err.contains("incidents --all"), "{}", unknown.err);
    assert_eq!(desk.run(&["rules", "list", "--json"]).code, 0);
}

#[test]
fn a_brief_tells_an_account_in_one_look() {
    let desk = Desk::new();
    let settings = fs::read_to_string(corpus("mailbox/northlight.toml")).unwrap();
    desk.write("barometer.toml", settings.replacen("[service]", "[service]\nstore = \"sqlite:barometer.db\"", 1));
    assert_eq!(desk.run(&["import", &corpus("mailbox/b_quarrie")]).code, 0);
    let account: Value = serde_json::from_str(desk.run(&["accounts", "--json"]).out.lines().next().unwrap()).unwrap();
    let id = account["account"].as_str().unwrap();
    let now = ["--now", "2026-04-22T09:00:00Z", "brief", id];
    let told = desk.run(&now);
    assert_eq!(told.code, 0, "{}", told.err);
    for part in ["WHO IS WHO", "HOW IT WENT", "TURNING POINTS", "READ THESE", "Toby Quarrie"] {
        assert!(told.out.contains(part), "{part}:\n{}", told.out);
    }
    let narrow = |line: &&str| line.chars().count() > 80 && !line.contains('@');
    assert_eq!(told.out.lines().find(narrow), None);
    let view: Value = serde_json::from_str(&desk.run(&[&now[..], &["--json"]].concat()).out).unwrap();
    let read = view["read"].as_array().unwrap();
    assert!((3..=10).contains(&read.len()), "{read:?}");
    assert!(read.iter().all(|m| !m["reference"]["message"].as_str().unwrap().is_empty()));
    assert_eq!(desk.run(&[&now[..], &["--html", "brief.html"]].concat()).code, 0);
    let page = fs::read_to_string(desk.path("brief.html")).unwrap();
    assert!(page.contains("Toby Quarrie") && !page.contains("<a ") && !page.contains("http"), "nothing is fetched");
    let unknown = desk.run(&["brief", "nobody.example"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains(id), "names who there is: {}", unknown.err);
}

#[test]
fn a_replay_touches_no_store_and_may_try_other_rules() {
    let desk = Desk::new();
    let settings = corpus("mailbox/northlight.toml");
    let mail = corpus("mailbox/b_quarrie");
    let answer = desk.bare(&["--config", &settings, "replay", &mail, "--out", "out"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let events = fs::read_to_string(desk.path("out/events.jsonl")).unwrap();
    assert!(events.lines().any(|line| line.contains("\"event\":\"alert\"")));
    assert!(desk.path("out/mail/0001.eml").is_file());
    assert!(!desk.path("barometer.db").exists());
    desk.write("mine/own.toml", "[[rule]]\nid = \"going-over-heads\"\nstatus = \"off\"\n");
    let tried = desk.bare(&["--config", &settings, "replay", &mail, "--out", "out", "--rules", "mine"]);
    assert!(tried.code == 0 || tried.code == 2, "{}", tried.err);
}

#[test]
fn wrong_settings_name_file_line_and_remedy() {
    let desk = Desk::new();
    desk.write("barometer.toml", format!("{SETTINGS}\n[[account]]\nid = \"acme\"\ndomain = \"acme.example\"\n"));
    let answer = desk.run(&["read", "message.eml"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("barometer.toml:14: unknown key `domain`; did you mean `domains`?"), "{}", answer.err);
    let missing = desk.bare(&["--config", "nowhere.toml", "read", "message.eml"]);
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("nowhere.toml: cannot read the settings"), "{}", missing.err);
    assert_eq!(desk.bare(&["reed"]).code, 2);
}

#[test]
fn broken_rules_name_file_line_and_remedy() {
    let desk = Desk::new();
    desk.write("barometer.toml", SETTINGS.replace("store  ", "rules = [\"rules\"]\nstore  "));
    desk.write("rules/own.toml", "[[rule]]\nid = \"x\"\nnonsense = 1\n");
    let answer = desk.run(&["rules", "check"]);
    assert_eq!(answer.code, 2, "{}", answer.err);
    assert!(answer.err.contains("rules/own.toml:3: rule `x`: unknown key `nonsense`"), "{}", answer.err);
    desk.write("rules/own.toml", "[[rule]\n");
    assert!(desk.run(&["rules", "check"]).err.contains("rules/own.toml:1: "));
    fs::remove_dir_all(desk.path("rules")).unwrap();
    let gone = desk.run(&["read", "message.eml"]);
    assert_eq!(gone.code, 2);
    assert!(gone.err.contains("rules: cannot read the rules folder"), "{}", gone.err);
}

#[test]
fn a_missing_folder_and_a_store_that_cannot_be_are_told() {
    let desk = Desk::new();
    let missing = desk.run(&["import", "no-such-folder"]);
    assert_ne!(missing.code, 0);
    assert!(missing.err.contains("no-such-folder: there is no such file or folder"), "{}", missing.err);
    desk.write("mail/one.eml", mail("Roster", "Hello"));
    desk.write("barometer.toml", SETTINGS.replace("sqlite:barometer.db", "sqlite:no/such/folder/barometer.db"));
    let unwritable = desk.run(&["import", "mail"]);
    assert_eq!(unwritable.code, 1);
    assert!(unwritable.err.contains("cannot open the store"), "{}", unwritable.err);
    desk.write("barometer.toml", SETTINGS.replace("sqlite:barometer.db", "sqlite:mail/one.eml"));
    let foreign = desk.run(&["import", "mail"]);
    assert!(foreign.err.contains("is not a Barometer store"), "{}", foreign.err);
}

#[test]
fn a_daemon_without_a_mailbox_and_a_check_without_anything_say_what_to_add() {
    let desk = Desk::new();
    let answer = desk.run(&["run"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("no [[mailbox]]"), "{}", answer.err);
    let answer = desk.run(&["check"]);
    assert_eq!(answer.code, 1);
    assert!(answer.out.contains("ok    store"), "{}", answer.out);
    assert!(answer.out.contains("add a [[mailbox]]") && answer.out.contains("add [relay]"), "{}", answer.out);
    desk.write("barometer.toml", format!("{SETTINGS}[relay]\nfolder = \"out\"\n"));
    let answer = desk.run(&["check", "--send-test", "--json"]);
    let steps: Vec<Value> = answer.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(steps.iter().any(|s| s["step"] == "sample alert" && s["state"] == "ok"), "{steps:?}");
    assert!(fs::read_to_string(desk.path("out/check-sample.eml")).unwrap().contains("Subject: "));
}

#[test]
fn labels_that_cannot_be_read_are_told_by_line() {
    let desk = Desk::new();
    desk.write("labels.jsonl", "\n{\"id\": 1}\n");
    let answer = desk.bare(&["score", "labels.jsonl"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("labels.jsonl:2: no labelled message"), "{}", answer.err);
    let good = desk.bare(&["score", "--json", &corpus("messages.jsonl")]);
    assert_eq!(good.code, 0, "{}", good.err);
    serde_json::from_str::<Value>(&good.out).unwrap();
}

#[test]
fn broken_and_hostile_mail_always_has_an_answer() {
    let desk = Desk::new();
    assert_eq!(desk.read(b"")["reading"], "unreadable");
    assert_eq!(desk.read(b"\0\0\0\0")["from"], Value::Null);
    let nul = mail("Ro\0ster", "Hello\0 there, the \0 plan is fine.");
    assert_eq!(desk.read(nul.as_bytes())["from"]["address"], "ann@acme.example");
    let random: Vec<u8> = (0..20_000u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    desk.read(&random);
}

#[test]
fn mail_above_the_limits_is_told_by_its_headers() {
    let desk = Desk::new();
    let reason = |reading: &Value| reading["reason"].as_str().unwrap_or_default().to_owned();

    let mut nested = mail("Nested", "");
    nested.truncate(nested.find("\r\n\r\n").unwrap());
    for _ in 0..5_000 {
        nested.push_str("\r\nContent-Type: message/rfc822\r\n\r\nSubject: deeper");
    }
    let reading = desk.read(nested.as_bytes());
    assert_eq!(reading["reading"], "unreadable");
    assert!(reason(&reading).contains("50"), "{}", reason(&reading));
    assert_eq!(reading["subject"], "Nested");
    assert_eq!(reading["from"]["address"], "ann@acme.example");

    let headers = "X-Hop: y\r\n".repeat(100_000);
    let reading = desk.read(mail("Many", "Hello").replacen("\r\n\r\n", &format!("\r\n{headers}\r\n"), 1).as_bytes());
    assert_eq!(reading["reading"], "unreadable");
    assert!(reason(&reading).contains("500"), "{}", reason(&reading));
    assert_eq!(reading["subject"], "Many");

    let huge = mail("Huge", &"All work and no play.\r\n".repeat(60 * 1024 * 1024 / 23));
    let reading = desk.read(huge.as_bytes());
    assert_eq!(reading["reading"], "unreadable");
    assert!(reason(&reading).contains("25 MB"), "{}", reason(&reading));
    assert_eq!((&reading["subject"], &reading["tone"]), (&Value::from("Huge"), &Value::Null));
}

#[test]
fn unreadable_mail_is_imported_and_stays_visible() {
    let desk = Desk::new();
    desk.write("mail/empty.eml", "");
    desk.write("mail/fine.eml", mail("Fine", "All is well."));
    desk.write("mail/huge.eml", mail("Huge", &"x\r\n".repeat(20 * 1024 * 1024)));
    let answer = desk.run(&["import", "--json", "mail"]);
    let tally: Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(tally["taken"].as_u64(), Some(3), "{} {}", answer.out, answer.err);
    assert_eq!((tally["quarantined"].as_u64(), tally["waiting"].as_u64()), (Some(0), Some(0)));
    let digest = desk.run(&[
        "--now",
        "2026-03-03T08:00:00Z",
        "digest",
        "--for",
        "dana@northlight.example",
        "--date",
        "2026-03-03",
    ]);
    assert_eq!(digest.code, 0, "{}", digest.err);
    assert!(digest.out.contains("larger than 25 MB"), "what could not be read is shown to people:\n{}", digest.out);
}

#[test]
fn text_of_mail_cannot_steer_the_terminal() {
    let desk = Desk::new();
    desk.write("message.eml", mail("=?utf-8?q?=1B]0;owned=07?=", "\u{1b}[2Jgone\u{202e}txt.exe"));
    let answer = desk.run(&["read", "message.eml"]);
    assert!(!answer.out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", answer.out);
}

#[test]
fn a_reader_who_stops_reading_is_no_error() {
    let desk = Desk::new();
    for n in 0..300 {
        desk.write(&format!("mail/{n}.eml"), mail(&"x".repeat(n + 1), &"All is well. ".repeat(300)));
    }
    let mut child = desk
        .command()
        .args(["--config", "barometer.toml", "read", "mail"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let end = child.wait_with_output().unwrap();
    assert_eq!(end.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&end.stderr), "");
}
