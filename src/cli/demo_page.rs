//! The page that the demo leaves: each account's story, and where its e-mails are.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use barometer::config::{Account, Settings};
use barometer::judge::{Severity, signal};
use barometer::notify::Templates;
use barometer::notify::page::{
    self, DemoAccount, DemoEvent, DemoEventKind, DemoMorning, DemoOutcome, DemoPage, DemoStep,
};
use barometer::pipeline::{Event, Story};
use jiff::tz::TimeZone;

/// Writes `index.html` into `out`.
/// `names` holds people's names by address; `messages` is how many were read.
pub fn write(
    out: &Path,
    settings: &Settings,
    story: &Story,
    (messages, names): (usize, &HashMap<String, String>),
) -> Result<()> {
    let zone = &settings.service.time_zone;
    let subjects = subjects(story);
    let count = |names: &[&str]| story.events.iter().filter(|e| names.contains(&e.event)).count() as u64;
    let days = || story.events.iter().map(|e| e.at.to_zoned(zone.clone()).date());
    let page = DemoPage {
        firm: "Northlight".into(),
        from: days().min().unwrap_or_default(),
        to: days().max().unwrap_or_default(),
        messages: messages as u64,
        alerts: count(&["alert", "alert_update", "alert_repeat"]),
        digests: count(&["digest", "weekly"]),
        accounts: settings.accounts.iter().map(|a| account(a, story, &subjects, names)).collect(),
        mornings: story
            .events
            .iter()
            .filter(|e| matches!(e.event, "digest" | "weekly"))
            .map(|e| morning(e, &subjects, zone))
            .collect(),
        next: next_steps(),
    };
    let html = page::index(&page, &Templates::shipped()?, zone)?;
    let path = out.join("index.html");
    std::fs::write(&path, html).with_context(|| format!("cannot write {}; is the disk full?", path.display()))
}

/// Subject of every e-mail by its file.
fn subjects(story: &Story) -> HashMap<String, String> {
    let parser = mail_parser::MessageParser::default();
    let subject =
        |bytes: &[u8]| parser.parse_headers(bytes).and_then(|m| m.subject().map(str::to_owned)).unwrap_or_default();
    story.mails.iter().map(|m| (format!("mail/{}", m.file), subject(&m.bytes))).collect()
}

fn account(
    account: &Account,
    story: &Story,
    subjects: &HashMap<String, String>,
    names: &HashMap<String, String>,
) -> DemoAccount {
    let of_it: Vec<&Event> = story.events.iter().filter(|e| e.account.as_ref() == Some(&account.id)).collect();
    let last = |name: &str| of_it.iter().rev().find(|e| e.event == name);
    let worst = of_it.iter().filter_map(|e| e.severity).max().unwrap_or_default();
    let open = open_incidents(&of_it);
    let state = match open {
        0 => DemoOutcome::Well,
        _ if worst == Severity::Critical && last("incident_calming").is_none() => DemoOutcome::Danger,
        _ => DemoOutcome::Open,
    };
    let (alerts, good) = (tally(&of_it, "alert"), tally(&of_it, "good_news"));
    DemoAccount {
        name: account.name.clone(),
        kind: account.kind,
        story: format!("{} and {good} times good news.", plural(alerts, "alert")),
        outcome: if open == 0 {
            "Nothing is open at the end.".into()
        } else {
            format!("{} open at the end.", plural(open, "incident"))
        },
        state,
        events: of_it.iter().filter_map(|e| line(e, subjects, names)).collect(),
    }
}

fn tally(events: &[&Event], name: &str) -> usize {
    events.iter().filter(|e| e.event == name).count()
}

fn plural(n: usize, what: &str) -> String {
    match n {
        0 => format!("no {what}s"),
        1 => format!("one {what}"),
        _ => format!("{n} {what}s"),
    }
}

/// Incidents of at least a warning that neither calmed nor closed.
fn open_incidents(events: &[&Event]) -> usize {
    let mut open: HashMap<&str, bool> = HashMap::new();
    for event in events {
        let Some(name) = event.incident.as_deref() else {
            continue;
        };
        match event.event {
            "alert" | "alert_update" => drop(open.insert(name, true)),
            "incident_calming" | "incident_closed" => drop(open.insert(name, false)),
            _ => {}
        }
    }
    open.values().filter(|open| **open).count()
}

fn line(event: &Event, subjects: &HashMap<String, String>, names: &HashMap<String, String>) -> Option<DemoEvent> {
    let (kind, line) = match event.event {
        "alert" => (DemoEventKind::Alert, subject(event, subjects)),
        "alert_update" => (DemoEventKind::Update, subject(event, subjects)),
        "alert_repeat" => (DemoEventKind::Reminder, subject(event, subjects)),
        "incident_calming" => (DemoEventKind::Incident, format!("Calmer: {}", event.topic?.phrase())),
        "incident_closed" => (DemoEventKind::Incident, format!("Closed: {}", event.topic?.phrase())),
        "incident_opened" | "incident_changed" if event.severity < Some(Severity::Warning) => {
            (DemoEventKind::Noticed, said(event, names))
        }
        "good_news" => (DemoEventKind::GoodNews, said(event, names)),
        _ => return None,
    };
    Some(DemoEvent {
        at: event.at,
        kind,
        severity: event.severity.unwrap_or_default(),
        line,
        words: String::new(),
        file: event.file.as_ref().map(|f| f.replace(".eml", ".html")),
    })
}

/// The subject of its e-mail, without what the page says beside it: severity and account.
fn subject(event: &Event, subjects: &HashMap<String, String>) -> String {
    let whole = event.file.as_ref().and_then(|f| subjects.get(f)).map_or("", String::as_str);
    whole.split_once("] ").map_or(whole, |(_, line)| line).to_owned()
}

/// Who did what, from the signals.
fn said(event: &Event, names: &HashMap<String, String>) -> String {
    let phrases: Vec<&str> = event.signals.iter().map(|s| signal::phrase(s)).collect();
    let address = event.person.as_deref().unwrap_or("somebody");
    format!("{} {}", names.get(address).map_or(address, String::as_str), phrases.join("; "))
}

fn morning(event: &Event, subjects: &HashMap<String, String>, zone: &TimeZone) -> DemoMorning {
    DemoMorning {
        date: event.at.to_zoned(zone.clone()).date(),
        line: subject(event, subjects),
        file: event.file.as_ref().map(|f| f.replace(".eml", ".html")),
    }
}

fn next_steps() -> Vec<DemoStep> {
    let step = |command: &str, what: &str| DemoStep { command: command.into(), what: what.into() };
    vec![
        step("barometer read --config barometer.toml FILE.eml", "what it makes of one message of yours, and why"),
        step("barometer replay --config barometer.toml MAILDIR --out replay", "what it would have told you last year"),
        step("barometer rules list", "the rules behind every line above"),
    ]
}
