//! Promises: what day is meant, and what becomes of them in later mail.
//!
//! `tests/promises/terms.tsv` holds ways to name a day, `tests/promises/lives.toml`
//! promises with what was written later and what became of them.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

use std::path::Path;

use barometer::calendar::Calendar;
use barometer::config::Kind;
use barometer::judge::{Judge, Letter, Rules, Side, Verdict, shipped};
use barometer::read::Direction;
use barometer::watch::{Entry, Matter, Patience, State, Terms, What};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

fn judge() -> Judge {
    Judge::new(Rules::load(&shipped()).unwrap())
}

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/promises").join(file)).unwrap()
}

/// A message of ours, or of theirs, at a local time.
fn judged(judge: &Judge, text: (&str, &str), ours: bool, at: DateTime) -> Verdict {
    written(judge, &Calendar::office(), text, (if ours { Direction::Outbound } else { Direction::Inbound }, at))
}

/// A message that goes one way, at a local time.
fn written(
    judge: &Judge,
    calendar: &Calendar,
    (subject, text): (&str, &str),
    (direction, at): (Direction, DateTime),
) -> Verdict {
    let members = ["Dana Reyes".to_owned(), "Sam Hill".to_owned()];
    let ours = direction != Direction::Inbound;
    let letter = Letter {
        subject,
        direction,
        at: Some(at.to_zoned(TimeZone::UTC).unwrap()),
        members: &members,
        author: if ours { "sam@firm.example" } else { "ann@acme.example" },
        ..Letter::of_text(text, calendar)
    };
    judge.judge(&letter)
}

#[test]
fn a_day_is_meant_as_people_mean_it() {
    let judge = judge();
    let (mut seen, mut wrong) = (0, Vec::new());
    for line in read("terms.tsv").lines().filter(|l| !l.starts_with('#')) {
        let [at, words, due] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        seen += 1;
        let text = format!("Hi Ann,\n\nI'll send it {words}.\n\nSam");
        let verdict = judged(&judge, ("Drawings", &text), true, at.parse().unwrap());
        let found = verdict.commitments.first().and_then(|c| c.due.as_deref());
        if found != Some(due) {
            wrong.push(format!("{at} {words}: meant {due}, found {found:?}"));
        }
    }
    println!("{seen} ways to name a day, {} misread", wrong.len());
    assert!(seen >= 200, "only {seen} ways");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whose promises a message holds and for when, as `us sam@firm.example 2026-03-05`; the text of a
/// line is what was written, after its subject and a bar where it has one.
#[test]
fn a_promise_is_told_from_what_only_sounds_like_one() {
    let judge = judge();
    let mut calendar = Calendar::office();
    calendar.days.insert("2026-03-06".parse().unwrap(), Vec::new());
    let mut wrong = Vec::new();
    for line in read("said.tsv").lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let [way, expected, text] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let (subject, text) = text.split_once(" | ").unwrap_or(("Poster", text));
        let text = text.replace("\\n", "\n");
        let way = match way {
            "out" => Direction::Outbound,
            "in" => Direction::Inbound,
            _ => Direction::Internal,
        };
        // A Tuesday; the Friday of that week is a holiday.
        let verdict = written(&judge, &calendar, (subject, &text), (way, "2026-03-03T10:00".parse().unwrap()));
        let side = |by: Side| if by == Side::Us { "us" } else { "them" };
        let dated = verdict.commitments.iter().filter_map(|c| Some((c, c.due.as_deref()?)));
        let found: Vec<String> = dated.map(|(c, due)| format!("{} {} {due}", side(c.by), c.person)).collect();
        if found.join(", ") != expected.replace("none", "") {
            wrong.push(format!("{text}: meant {expected}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A promise, and what was written later.
#[derive(serde::Deserialize)]
struct Life {
    outcome: String,
    promise: [String; 4],
    later: Vec<[String; 4]>,
    #[serde(default)]
    until: Option<String>,
    /// Why it is beyond us.
    #[serde(default)]
    skip: Option<String>,
}

#[derive(serde::Deserialize)]
struct Lives {
    life: Vec<Life>,
}

fn entry(judge: &Judge, [who, at, subject, text]: &[String; 4], number: usize) -> Entry {
    let (ours, at): (bool, DateTime) = (who == "us", at.parse().unwrap());
    let verdict = judged(judge, (subject, text), ours, at);
    let sent_at = at.to_zoned(TimeZone::UTC).unwrap().timestamp();
    let (person, reader) =
        if ours { ("sam@firm.example", "ann@acme.example") } else { ("ann@acme.example", "sam@firm.example") };
    let base = subject.to_lowercase().trim_start_matches("re: ").to_owned();
    Entry {
        key: format!("{number:016}"),
        sent_at,
        arrived_at: sent_at,
        history: false,
        direction: Some(if ours { Direction::Outbound } else { Direction::Inbound }),
        automatic: false,
        person: person.to_owned(),
        name: person.to_owned(),
        addressee: reader.to_owned(),
        superiors: Vec::new(),
        kind: Kind::Client,
        signals: verdict.signals.iter().map(|s| s.signal.clone()).collect(),
        tone: verdict.tone.map(|t| t.label),
        urgency: verdict.urgency.map(|u| u.label),
        severity: verdict.severity,
        matter: Matter {
            subject: base,
            about: verdict.about,
            words: verdict.words,
            to: vec![reader.to_owned()],
            asks: verdict.asks,
            promises: verdict.commitments,
            deeds: verdict.deeds,
            ..Matter::default()
        },
    }
}

/// What became of the first promise of a life.
fn fate(judge: &Judge, life: &Life) -> String {
    let (patience, calendar) = (Patience::default(), Calendar::office());
    let terms = Terms::plain(&patience, &calendar);
    let letters = std::iter::once(&life.promise).chain(&life.later);
    let entries: Vec<Entry> = letters.enumerate().map(|(n, letter)| entry(judge, letter, n)).collect();
    let state = State::of(&entries, &terms);
    let last = entries.last().unwrap().sent_at;
    let until = life.until.as_ref().map(|day| format!("{day}T12:00:00Z").parse().unwrap());
    let now = until.unwrap_or_else(|| calendar.add_working_days(last, 10));
    let view = state.at(&terms, now);
    let first = State::of(entries.get(..1).unwrap(), &terms);
    let Some(id) = first.commitments.all.last().map(|c| c.id.clone()) else { return "none".to_owned() };
    let mut closing = view.findings.iter().filter(|f| f.pledge.as_ref().is_some_and(|p| p.id == id));
    let last = closing.rfind(|f| !matches!(f.what, What::CommitmentMade | What::CommitmentDue));
    last.map_or("open", |f| f.what.event().trim_start_matches("commitment_")).to_owned()
}

#[test]
fn a_promise_lives_as_later_mail_shows() {
    let judge = judge();
    let lives: Lives = toml::from_str(&read("lives.toml")).unwrap();
    let (mut seen, mut wrong) = (0, Vec::new());
    for life in lives.life.iter().filter(|l| l.skip.is_none()) {
        seen += 1;
        let found = fate(&judge, life);
        if found != life.outcome {
            wrong.push(format!("{}: {found}: {:?} {:?}", life.outcome, life.promise[3], life.later));
        }
    }
    println!("{seen} promises, {} misjudged\n{}", wrong.len(), wrong.join("\n"));
    assert!(wrong.len() * 10 <= seen, "more than a tenth is misjudged");
}
