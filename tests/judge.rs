//! What judging promises: of rule files, of single messages, of labelled mail.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use barometer::calendar::Calendar;
use barometer::config::{Kind, Sensitivity};
use barometer::judge::score::{self, Labelled, LabelledKind, Predicted, Row};
use barometer::judge::{Judge, Letter, RuleFile, Rules, Verdict, shipped};
use barometer::read::Direction;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A letter with nothing but a text: inbound, from a client, on a Tuesday at ten.
fn letter<'a>(text: &'a str, calendar: &'a Calendar) -> Letter<'a> {
    Letter {
        subject: "",
        new_text: text,
        quoted_text: "",
        signature: "",
        disclaimer: "",
        attachment_names: &[],
        direction: Direction::Inbound,
        kind: Kind::Client,
        language: "en",
        at: at("2026-03-03T10:00"),
        calendar,
        author: "ottoline@tansy.example",
        superiors_on_copy: &[],
        members: &[],
        high_priority: false,
        reading_confidence: 1.0,
        stop_phrases: &[],
        sensitivity: Sensitivity::Normal,
    }
}

fn at(local: &str) -> Option<jiff::Zoned> {
    Some(local.parse::<DateTime>().unwrap().to_zoned(TimeZone::UTC).unwrap())
}

#[test]
fn the_shipped_rules_load_and_prove_themselves() {
    let rules = match Rules::load(&shipped()) {
        Ok(rules) => rules,
        Err(errors) => panic!("{errors}"),
    };
    let complaints = rules.prove();
    let text: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert!(complaints.is_empty(), "{} complaints:\n{}", text.len(), text.join("\n"));
}

/// Labelled mail of ours, judged. Every second message was kept aside while rules were written.
fn labelled(keep: impl Fn(usize) -> bool) -> Vec<Row> {
    let judge = Judge::new(Rules::load(&shipped()).unwrap());
    let strata: BTreeMap<String, String> =
        serde_json::from_str(include_str!("corpus/strata.json")).unwrap();
    let calendar = Calendar::office();
    let lines = include_str!("corpus/messages.jsonl").lines().enumerate();
    lines
        .filter(|(index, _)| keep(*index))
        .map(|(_, line)| {
            let message: Labelled = serde_json::from_str(line).unwrap();
            let (direction, kind) = match message.kind {
                LabelledKind::Client => (Direction::Inbound, Kind::Client),
                LabelledKind::Vendor => (Direction::Inbound, Kind::Vendor),
                LabelledKind::StaffOutbound => (Direction::Outbound, Kind::Client),
            };
            let verdict = judge.judge(&Letter {
                subject: &message.subject,
                direction,
                kind,
                at: at(&message.received_local),
                ..letter(&message.body, &calendar)
            });
            Row {
                stratum: strata.get(&message.id).cloned().unwrap_or_default(),
                predicted: Predicted::from(&verdict),
                truth: message.labels,
                id: message.id,
            }
        })
        .collect()
}

#[test]
fn labelled_mail_is_judged_well_on_both_halves() {
    for (name, half) in [("tuned", 0), ("kept aside", 1)] {
        let report = score::measure(&labelled(|index| index % 2 == half));
        println!("== {name}\n{report}");
    }
}
