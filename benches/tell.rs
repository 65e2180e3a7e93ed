//! How long the morning's digest of somebody who manages very much takes.
//!
//! `cargo bench --bench tell [ACCOUNTS] [MESSAGES]` takes the mail of one account through the pipeline, writes it as
//! that of 500 accounts into a new `SQLite` store on disk, 200,000 messages in all, and prints how long it takes to
//! gather and write the daily and the weekly digest of the one who manages them all: the median of several.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a bench reads the clock and prints"
)]

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Instant;

use barometer::config::{self, Settings};
use barometer::judge::{Judge, Rules, shipped};
use barometer::notify::{DigestSpan, Templates};
use barometer::pipeline::Pipeline;
use barometer::store::accounts::{self, FoldRow};
use barometer::store::commitments::{self, CommitmentRow};
use barometer::store::findings::{self, FindingRow};
use barometer::store::incidents::{self, IncidentRow};
use barometer::store::messages::{self, NewMessage};
use barometer::store::periods::{self, ArrivedRow};
use barometer::store::raw::NewCopy;
use barometer::store::verdicts::{self, VerdictRow};
use barometer::store::{AnyConnection, Store};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

/// Minutes between two messages of an account: 400 in a year.
const APART: i64 = 1_314;
/// Digests that are measured.
const MEASURED: usize = 7;
const PEOPLE: usize = 5;

/// What names a message in the documents of the store.
static KEY: LazyLock<Regex> = LazyLock::new(|| Regex::new("[0-9a-f]{32,}").unwrap());

/// One account as the pipeline left it.
struct Pattern {
    arrived: Vec<ArrivedRow>,
    fold: FoldRow,
    incidents: Vec<IncidentRow>,
    findings: Vec<FindingRow>,
    promises: Vec<CommitmentRow>,
}

fn main() {
    // `cargo test --benches` and `cargo bench` add flags of their own.
    let mut words = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let accounts: usize = words.next().map_or(500, |n| n.parse().unwrap());
    let messages: usize = words.next().map_or(200_000, |n| n.parse().unwrap());
    let each = messages / accounts;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let pattern = pattern(each).await;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", folder.path().join("barometer.db").display())).await.unwrap();
        for n in 0..accounts {
            write(&store, &pattern, n).await;
        }
        let open = pattern.incidents.iter().filter(|row| row.closed_us.is_none()).count();
        println!("{accounts} accounts, {} messages, {} incidents open", accounts * each, open * accounts);
        let pipeline = pipeline(store, settings(accounts));
        for (span, days) in [(DigestSpan::Daily, 1), (DigestSpan::Weekly, 7)] {
            digest(&pipeline, accounts, each, (span, days)).await;
        }
    });
}

fn start() -> Timestamp {
    "2025-03-03T09:00:00Z".parse().unwrap()
}

fn nth(n: usize) -> Timestamp {
    start() + SignedDuration::from_mins(APART * i64::try_from(n).unwrap())
}

fn name(n: usize) -> String {
    format!("acme{n:04}")
}

fn settings(accounts: usize) -> Settings {
    let mut text = "[service]\naddress = \"watch@firm.example\"\ndomains = [\"firm.example\"]\n\
                    [[member]]\naddress = \"dana@firm.example\"\nname = \"Dana Reyes\"\nrole = \"manager\"\n\
                    [[member]]\naddress = \"sam@firm.example\"\nname = \"Sam Hill\"\nreports_to = \"dana@firm.example\"\n\
                    [target.standard]\nfirst_response = \"4h\"\nnext_response = \"8h\"\n"
        .to_owned();
    for n in 0..accounts {
        let id = name(n);
        write!(text, "[[account]]\nid = \"{id}\"\ndomains = [\"{id}.example\"]\nowner = \"sam@firm.example\"\n")
            .unwrap();
    }
    config::parse(&text, "bench").unwrap()
}

fn pipeline(store: Store, settings: Settings) -> Pipeline {
    let judge = Judge::new(Rules::load(&shipped()).unwrap());
    Pipeline::new(store, settings, judge, Templates::shipped().unwrap())
}

/// Mail of one account: mostly plain, now and then a complaint, a question, a promise, a thank-you.
fn letter(n: usize) -> String {
    let date = nth(n).to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let who = n % PEOPLE;
    let text = match n % 9 {
        _ if n % 100 == 96 => "We will end our agreement in March and move the work to another agency.",
        0 => "Could you please tell me when the second drawing will be ready?",
        1 => "Thank you for the measurements, they are just what we needed.",
        2 => "This is still not right, the second drawing has the wrong door.",
        _ => "The crew comes through the north gate, and the lift is booked until four.",
    };
    let (from, to, text) = match n % 9 {
        5 if n % 100 != 96 => (
            "Sam Hill <sam@firm.example>".to_owned(),
            format!("p{who}@acme0000.example"),
            "I will send you the measurements by Friday.",
        ),
        _ => (format!("Person {who} <p{who}@acme0000.example>"), "Sam Hill <sam@firm.example>".to_owned(), text),
    };
    format!(
        "From: {from}\nTo: {to}\nCc: watch@firm.example\nSubject: House {}\nDate: {date}\nMessage-ID: <{n}@acme0000.example>\n\nHello,\n\n{text} We have looked at the drawings again and found the stairs well placed; the carpenter agrees, and so does the neighbour who has been asked about the wall between the gardens.\n\nBest regards\n",
        n / 7
    )
}

async fn pattern(each: usize) -> Pattern {
    let pipeline = pipeline(Store::memory().await.unwrap(), settings(1));
    for n in 0..each {
        let bytes = letter(n).into_bytes();
        let whole_bytes = i64::try_from(bytes.len()).unwrap();
        let arrived_us = Some(nth(n).as_microsecond());
        let copy = NewCopy { source: format!("{n}.eml"), whole_bytes, bytes, arrived_us, history: false };
        pipeline.take(&[copy], nth(n)).await.unwrap();
        while pipeline.work(nth(n)).await.unwrap().handled > 0 {}
    }
    let mut db = pipeline.store().read().await.unwrap();
    let id = name(0);
    Pattern {
        arrived: periods::arrived_between(&mut db, i64::MIN, i64::MAX).await.unwrap(),
        fold: accounts::fold(&mut db, &id).await.unwrap().unwrap(),
        incidents: incidents::of_account(&mut db, &id).await.unwrap(),
        findings: findings::of_account(&mut db, &id).await.unwrap(),
        promises: commitments::open_of(&mut db, &id).await.unwrap(),
    }
}

/// The same account under another name: as many messages, with names of their own.
async fn write(store: &Store, pattern: &Pattern, n: usize) {
    let id = name(n);
    let own = |text: &str| {
        let text = text.replace(&name(0), &id);
        let key = |found: &regex::Captures<'_>| format!("{n:04x}{}", found[0].get(4..).unwrap());
        KEY.replace_all(&text, key).into_owned()
    };
    let mut tx = store.begin().await.unwrap();
    accounts::see_account(tx.db(), &id, false, start()).await.unwrap();
    write_mail(tx.db(), &pattern.arrived, (&id, &own)).await;
    let db = tx.db();
    let fold = FoldRow { state: own(&pattern.fold.state), next_ask_us: None, ..pattern.fold.clone() };
    accounts::put_fold(db, &id, &fold).await.unwrap();
    for row in &pattern.incidents {
        let (name, account, doc) = (own(&row.id), id.clone(), own(&row.doc));
        incidents::upsert(db, &IncidentRow { id: name, account, doc, ..row.clone() }).await.unwrap();
    }
    let found =
        |row: &FindingRow| FindingRow { id: own(&row.id), account: id.clone(), doc: own(&row.doc), ..row.clone() };
    findings::add(db, &pattern.findings.iter().map(found).collect::<Vec<_>>()).await.unwrap();
    let promised = |row: &CommitmentRow| CommitmentRow {
        id: own(&row.id),
        account: id.clone(),
        doc: own(&row.doc),
        ..row.clone()
    };
    commitments::put_all(db, &pattern.promises.iter().map(promised).collect::<Vec<_>>()).await.unwrap();
    tx.commit().await.unwrap();
}

/// The messages of an account with their verdicts; `own` gives what they say names of its own.
async fn write_mail(db: &mut AnyConnection, arrived: &[ArrivedRow], (id, own): (&str, &dyn Fn(&str) -> String)) {
    let mut rows = Vec::new();
    for row in arrived {
        let entry = own(&row.entry);
        let read: barometer::watch::Entry = serde_json::from_str(&entry).unwrap();
        rows.push(NewMessage {
            content_key: read.key,
            account: Some(id.to_owned()),
            direction: Some("inbound".to_owned()),
            subject: read.matter.subject.clone(),
            base_subject: read.matter.subject,
            from_address: read.person,
            sent_us: read.sent_at.as_microsecond(),
            arrived_us: read.arrived_at.as_microsecond(),
            entry: Some(entry),
            doc: own(&row.doc),
            ..NewMessage::default()
        });
    }
    let numbers = messages::insert_all(db, &rows).await.unwrap();
    let verdict = |(message, row): (i64, &ArrivedRow)| VerdictRow {
        message,
        revision: "1".to_owned(),
        severity: "none".to_owned(),
        tone: Some(0),
        urgency: Some(0),
        doc: own(&row.verdict),
    };
    verdicts::put_all(db, &numbers.into_iter().zip(arrived).map(verdict).collect::<Vec<_>>()).await.unwrap();
}

async fn digest(pipeline: &Pipeline, accounts: usize, each: usize, (span, days): (DigestSpan, i64)) {
    let settings = settings(accounts);
    let member = settings.member("dana@firm.example").unwrap();
    let until = nth(each - 1) + SignedDuration::from_mins(30);
    let time = (until - SignedDuration::from_hours(24 * days), until, until.to_zoned(member.time_zone.clone()).date());
    let mut db = pipeline.store().read().await.unwrap();
    let mut times = Vec::new();
    for _ in 0..MEASURED {
        let begun = Instant::now();
        let view = pipeline.digest_view(&mut db, member, time, span).await.unwrap();
        let gathered = begun.elapsed();
        let mail = pipeline.render_digest(&view, member).unwrap();
        times.push((begun.elapsed(), gathered, mail.html.len(), view.counts.read));
    }
    times.sort_unstable();
    let (whole, gathered, bytes, read) = times.get(MEASURED / 2).copied().unwrap();
    println!(
        "{span:?} digest of {read} messages: {:.0} ms, of which {:.0} to gather; {} KB",
        whole.as_secs_f64() * 1e3,
        gathered.as_secs_f64() * 1e3,
        bytes / 1024
    );
}
