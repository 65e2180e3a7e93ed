//! What one more message costs an account that has many, and a tick over many accounts.
//!
//! `cargo bench --bench watch` fills a store with an account of 100 messages and one of
//! 100,000, as many a day in both, and takes in more mail of each, one message at a
//! time, in order; prints the median of each and their ratio, and the size of what is
//! folded; then how long the brief of an account with eighteen months of mail takes. Then it asks 10,000 accounts of which nothing is due, and prints what a tick takes.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a bench reads the clock and prints"
)]

use std::time::{Duration, Instant};

use barometer::config;
use barometer::judge::{
    Deed, DeedSort, Judge, Promise, PromiseSort, Rules, Severity, Side, ToneLabel, UrgencyLabel, shipped,
};
use barometer::notify::Templates;
use barometer::pipeline::Pipeline;
use barometer::read::Direction;
use barometer::store::accounts::{self, FoldRow};
use barometer::store::messages::{self, NewMessage};
use barometer::store::raw::NewCopy;
use barometer::store::{Store, threads};
use barometer::watch::{Entry, Matter, Patience, State, Terms};
use jiff::{SignedDuration, Timestamp};

/// Messages that are taken in and measured.
const MEASURED: usize = 60;
/// Messages of eighteen months, at a busy account.
const BRIEFED: usize = 8_000;
/// Minutes between two messages.
const APART: i64 = 97;

const SETTINGS: &str = r#"
[service]
address = "watch@firm.example"
domains = ["firm.example"]
[[member]]
address = "sam@firm.example"
name = "Sam Hill"
reports_to = "dana@firm.example"
[[member]]
address = "dana@firm.example"
name = "Dana Reyes"
role = "manager"
[[account]]
id = "acme"
name = "ACME"
domains = ["acme.example"]
owner = "sam@firm.example"
"#;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut one, mut other) = (Account::of(100).await, Account::of(100_000).await);
        // By turns, so that whatever else the machine does weighs on both.
        for _ in 0..MEASURED {
            one.more().await;
            other.more().await;
        }
        let ((few, few_bytes), (many, many_bytes)) = (one.measured().await, other.measured().await);
        println!("one more on 100 messages: {:.2} ms, fold of {few_bytes} bytes", millis(few));
        println!("one more on 100,000 messages: {:.2} ms, fold of {many_bytes} bytes", millis(many));
        println!("ratio {:.2}", many.as_secs_f64() / few.as_secs_f64());
        println!("brief of {BRIEFED} messages: {:.0} ms", millis(brief().await));
        println!("tick over 10,000 accounts: {:.2} ms", millis(tick().await));
    });
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn start() -> Timestamp {
    "2026-01-05T09:00:00Z".parse().unwrap()
}

fn nth(n: usize) -> Timestamp {
    start() + SignedDuration::from_mins(APART * i64::try_from(n).unwrap())
}

async fn pipeline() -> (tempfile::TempDir, Pipeline) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("barometer.toml");
    std::fs::write(&file, SETTINGS).unwrap();
    let settings = config::load(&file).unwrap();
    let store = Store::open(&format!("sqlite:{}", folder.path().join("barometer.db").display())).await.unwrap();
    let judge = Judge::new(Rules::load(&shipped()).unwrap());
    (folder, Pipeline::new(store, settings, judge, Templates::shipped().unwrap()))
}

/// An account with so many messages, and what each more took.
struct Account {
    _folder: tempfile::TempDir,
    pipeline: Pipeline,
    next: usize,
    times: Vec<Duration>,
}

impl Account {
    async fn of(count: usize) -> Self {
        let (folder, pipeline) = pipeline().await;
        fill(&pipeline, count).await;
        Self { _folder: folder, pipeline, next: count, times: Vec::new() }
    }

    async fn more(&mut self) {
        let (n, at) = (self.next, nth(self.next));
        self.next += 1;
        let bytes = letter(n, at).into_bytes();
        let copy = NewCopy {
            source: format!("{n}.eml"),
            whole_bytes: i64::try_from(bytes.len()).unwrap(),
            bytes,
            arrived_us: Some(at.as_microsecond()),
            history: false,
        };
        let begun = Instant::now();
        self.pipeline.take(&[copy], at).await.unwrap();
        assert_eq!(self.pipeline.work(at).await.unwrap().handled, 1);
        self.times.push(begun.elapsed());
    }

    /// The median, and the size of the fold.
    async fn measured(&mut self) -> (Duration, usize) {
        self.times.sort_unstable();
        let fold = accounts::fold(&mut self.pipeline.store().read().await.unwrap(), "acme").await.unwrap().unwrap();
        (self.times.get(self.times.len() / 2).copied().unwrap(), fold.state.len())
    }
}

fn letter(n: usize, at: Timestamp) -> String {
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let who = n % 12;
    let text = match n % 10 {
        0 => "I'll send you the measurements by Friday.",
        1 => "Thank you for the measurements, they are just what we needed.",
        2 => "This is still not right, the second drawing has the wrong door.",
        _ => "The crew comes through the north gate, and the lift is booked until four.",
    };
    format!(
        "From: Person {who} <p{who}@acme.example>\nTo: Sam Hill <sam@firm.example>\nCc: watch@firm.example\nSubject: House {}\nDate: {date}\nMessage-ID: <{n}@acme.example>\n\nHello Sam,\n\n{text} We have looked at the drawings again and found the stairs well placed; the carpenter agrees, and so does the neighbour who has been asked about the wall between the gardens.\n\nBest regards,\nPerson {who}\n",
        n / 7
    )
}

/// Writes `count` messages and the fold of them, as if they had come one by one.
async fn fill(pipeline: &Pipeline, count: usize) {
    let (patience, calendar) = (Patience::default(), barometer::calendar::Calendar::office());
    let terms = Terms::plain(&patience, &calendar);
    let mut state = State::default();
    let mut tx = pipeline.store().begin().await.unwrap();
    accounts::see_account(tx.db(), "acme", false, start()).await.unwrap();
    let mut rows = Vec::new();
    let mut thread = 0;
    for n in 0..count {
        if n % 7 == 0 {
            thread = threads::create(tx.db(), "acme", &format!("house {}", n / 7), nth(n)).await.unwrap();
        }
        let entry = entry(n);
        state.apply(&entry, &terms);
        rows.push(NewMessage {
            content_key: entry.key.clone(),
            message_id: Some(format!("{n}@acme.example")),
            account: Some("acme".to_owned()),
            thread: Some(thread),
            direction: Some("inbound".to_owned()),
            subject: entry.matter.subject.clone(),
            base_subject: entry.matter.subject.clone(),
            from_address: entry.person.clone(),
            people: format!("{} sam@firm.example", entry.person),
            sent_us: entry.sent_at.as_microsecond(),
            arrived_us: entry.arrived_at.as_microsecond(),
            entry: Some(serde_json::to_string(&entry).unwrap()),
            ..NewMessage::default()
        });
    }
    messages::insert_all(tx.db(), &rows).await.unwrap();
    let (at, key) = state.last.clone().unwrap();
    let fold = FoldRow {
        state: serde_json::to_string(&state).unwrap(),
        last_key: (at.as_microsecond(), key),
        next_ask_us: None,
    };
    accounts::put_fold(tx.db(), "acme", &fold).await.unwrap();
    tx.commit().await.unwrap();
}

fn entry(n: usize) -> Entry {
    let person = format!("p{}@acme.example", n % 12);
    let about = vec!["measur".to_owned(), format!("house{}", n % 9)];
    let due = nth(n + 40).to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let promise = Promise {
        by: Side::Them,
        person: person.clone(),
        words: "I'll send you the measurements by Friday.".to_owned(),
        due: Some(due),
        about: about.clone(),
        sort: PromiseSort::Delivery,
    };
    let deed = Deed { sort: DeedSort::Delivers, about, on: None };
    Entry {
        key: format!("{n:032}"),
        sent_at: nth(n),
        arrived_at: nth(n),
        history: false,
        direction: Some(Direction::Inbound),
        automatic: false,
        name: person.clone(),
        person,
        addressee: "sam@firm.example".to_owned(),
        superiors: Vec::new(),
        kind: config::Kind::Client,
        signals: if n % 10 == 2 { vec!["quality_complaint".to_owned()] } else { Vec::new() },
        tone: Some(if n % 10 == 2 { ToneLabel::Frustrated } else { ToneLabel::Neutral }),
        urgency: Some(UrgencyLabel::Normal),
        severity: if n % 10 == 2 { Severity::Info } else { Severity::None },
        matter: Matter {
            subject: format!("house {}", n / 7),
            to: vec!["sam@firm.example".to_owned()],
            promises: if n.is_multiple_of(10) { vec![promise] } else { Vec::new() },
            deeds: if n % 10 == 5 { vec![deed] } else { Vec::new() },
            ..Matter::default()
        },
    }
}

/// How long it takes to gather and write an account's brief.
async fn brief() -> Duration {
    let (folder, pipeline) = pipeline().await;
    fill(&pipeline, BRIEFED).await;
    let settings = config::load(&folder.path().join("barometer.toml")).unwrap();
    let account = settings.account("acme").unwrap();
    let mut db = pipeline.store().read().await.unwrap();
    let begun = Instant::now();
    let view = pipeline.brief_view(&mut db, account, nth(BRIEFED)).await.unwrap();
    assert!(!pipeline.render_brief(&view).unwrap().text.is_empty());
    begun.elapsed()
}

/// How long it takes to find that nothing is due.
async fn tick() -> Duration {
    let (_folder, pipeline) = pipeline().await;
    let mut tx = pipeline.store().begin().await.unwrap();
    for n in 0..10_000 {
        let id = format!("account-{n}.example");
        accounts::see_account(tx.db(), &id, true, start()).await.unwrap();
        let later = start() + SignedDuration::from_hours(24 * 30);
        let state = serde_json::to_string(&State::default()).unwrap();
        let fold = FoldRow { state, last_key: (0, String::new()), next_ask_us: Some(later.as_microsecond()) };
        accounts::put_fold(tx.db(), &id, &fold).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        assert!(pipeline.tick(start()).await.unwrap().is_empty());
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times.get(10).copied().unwrap()
}
