//! Each rule proves itself with its own examples.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Example, Rule, Rules};
use crate::calendar::Calendar;
use crate::config::Complaint;
use crate::config::Kind;
use crate::judge::{Letter, evidence};
use crate::read::Direction;

/// A Tuesday at ten.
const USUAL: &str = "2026-03-03T10:00";

/// Every example that does not hold.
pub(super) fn prove(rules: &Rules) -> Vec<Complaint> {
    let calendar = Calendar::office();
    let mut complaints = Vec::new();
    for rule in rules.all() {
        for example in &rule.hit {
            if let Some(why) = missed(rules, rule, example, &calendar) {
                complaints.push(complaint(rule, example, "must fire on", &why));
            }
        }
        for example in &rule.miss {
            if missed(rules, rule, example, &calendar).is_none() {
                complaints.push(complaint(rule, example, "must not fire on", ", but does"));
            }
        }
    }
    complaints
}

/// Why the rule does not fire on the example; `None` where it does.
fn missed(rules: &Rules, rule: &Rule, example: &Example, calendar: &Calendar) -> Option<String> {
    let at = example.at.as_deref().unwrap_or(USUAL).parse::<DateTime>().ok();
    let letter = Letter {
        subject: &example.subject,
        direction: example.direction.or_else(|| rule.directions.first().copied()).unwrap_or(Direction::Inbound),
        kind: example.kind.or_else(|| rule.kinds.first().copied()).unwrap_or(Kind::Client),
        language: rule.lang.as_deref().unwrap_or("en"),
        at: at.and_then(|at| at.to_zoned(TimeZone::UTC).ok()),
        ..Letter::of_text(&example.text, calendar)
    };
    let evidence = evidence::gather(rules, &letter);
    if evidence.fired(&rule.id) {
        return None;
    }
    let why = evidence.why_not(&rule.id);
    Some(why.map_or_else(|| ", but does not".to_owned(), |why| format!(", but does not: {why}")))
}

fn complaint(rule: &Rule, example: &Example, duty: &str, why: &str) -> Complaint {
    let mut text: String = example.text.chars().take(80).collect();
    if text.is_empty() {
        text = example.subject.chars().take(80).collect();
    }
    Complaint {
        file: rule.file.clone(),
        line: example.line,
        rule: Some(rule.id.clone()),
        what: format!("it {duty} \"{text}\"{why}"),
        remedy: "mend the rule or the example".to_owned(),
    }
}
