//! Short cases that word lists fall for, each named for what it shows: `tests/traps.toml`.
//!
//! Written from the definitions of the labels alone, without sight of the rules. Those that we still fall for say
//! `missed = true`; who mends one takes the line away.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

use barometer::calendar::Calendar;
use barometer::config::Kind;
use barometer::judge::{Judge, Letter, Rules, Verdict, shipped};
use barometer::read::Direction;
use jiff::civil::DateTime;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Traps {
    trap: Vec<Trap>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trap {
    name: String,
    kind: String,
    text: String,
    #[serde(default)]
    subject: String,
    at: Option<String>,
    #[serde(default)]
    tone: Vec<String>,
    #[serde(default)]
    urgency: Vec<String>,
    #[serde(default)]
    has: Vec<String>,
    #[serde(default)]
    lacks: Vec<String>,
    escalate: Option<bool>,
    #[serde(default)]
    missed: bool,
}

fn judged(judge: &Judge, trap: &Trap) -> Verdict {
    let calendar = Calendar::office();
    let (direction, kind) = match trap.kind.as_str() {
        "staff" => (Direction::Outbound, Kind::Client),
        "vendor" => (Direction::Inbound, Kind::Vendor),
        _ => (Direction::Inbound, Kind::Client),
    };
    let at: DateTime = trap.at.as_deref().unwrap_or("2026-05-12T10:00").parse().unwrap();
    judge.judge(&Letter {
        subject: &trap.subject,
        direction,
        kind,
        at: Some(at.to_zoned(calendar.zone.clone()).unwrap()),
        ..Letter::of_text(&trap.text, &calendar)
    })
}

fn word<T: serde::Serialize>(label: &T) -> String {
    serde_json::to_value(label).unwrap().as_str().unwrap().to_owned()
}

/// What is not as it should be.
fn wrong(trap: &Trap, verdict: &Verdict) -> Vec<String> {
    let (tone, urgency) = (word(&verdict.tone.unwrap().label), word(&verdict.urgency.unwrap().label));
    let mut wrong = Vec::new();
    if !trap.tone.is_empty() && !trap.tone.contains(&tone) {
        wrong.push(format!("tone {tone}, not {:?}", trap.tone));
    }
    if !trap.urgency.is_empty() && !trap.urgency.contains(&urgency) {
        wrong.push(format!("urgency {urgency}, not {:?}", trap.urgency));
    }
    wrong.extend(trap.has.iter().filter(|s| !verdict.has(s)).map(|s| format!("lacks {s}")));
    wrong.extend(trap.lacks.iter().filter(|s| verdict.has(s)).map(|s| format!("has {s}")));
    if trap.escalate.is_some_and(|escalate| escalate != verdict.escalate()) {
        wrong.push(format!("escalate {}: {:?}", verdict.escalate(), verdict.reasons));
    }
    wrong
}

#[test]
fn nobody_falls_into_the_traps() {
    let judge = Judge::new(Rules::load(&shipped()).unwrap());
    let traps: Traps = toml::from_str(include_str!("traps.toml")).unwrap();
    let (mut fallen, mut mended) = (Vec::new(), Vec::new());
    for trap in &traps.trap {
        let wrong = wrong(trap, &judged(&judge, trap));
        match (wrong.is_empty(), trap.missed) {
            (false, false) => fallen.push(format!("{}: {}: {}", trap.name, wrong.join("; "), trap.text)),
            (true, true) => mended.push(trap.name.as_str()),
            _ => {}
        }
    }
    let missed = traps.trap.iter().filter(|trap| trap.missed).count();
    println!("{} of {} traps are passed", traps.trap.len() - missed, traps.trap.len());
    assert!(traps.trap.len() >= 150);
    assert!(fallen.is_empty(), "fallen into {}:\n{}", fallen.len(), fallen.join("\n"));
    assert!(mended.is_empty(), "passed by now, so they say `missed` no more: {mended:?}");
}
