//! What judging promises: of rule files, of single messages, of labelled mail.

use std::time::{Duration, Instant};

use barometer::calendar::Calendar;
use barometer::config::{Kind, Sensitivity};
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
