//! Who wrote each of the labelled messages, when, to whom it belongs, and how it came.
//!
//! Prints accuracies (`cargo test --test attribution -- --nocapture`).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a failed step fails its test")]

#[path = "support/history.rs"]
mod history;

use std::fs;
use std::sync::Arc;

use barometer::pipeline::{Reader, Understood};
use barometer::read::Direction;
use history::{expected, judge, mailbox, settings};
use jiff::Timestamp;
use serde_json::Value;

const HISTORIES: [&str; 3] = ["a_ferrier_vane", "b_quarrie", "c_halcyon_pell"];

/// Spam in nobody's name: whose it is, and whether it is automatic, is a matter of taste.
const SPAM: [&str; 3] = ["a_ferrier_vane/024.eml", "b_quarrie/030.eml", "c_halcyon_pell/036.eml"];

/// One labelled message: its name, the truth, and what we make of it.
struct Case {
    name: String,
    truth: Value,
    found: Understood,
}

fn cases() -> Vec<Case> {
    let reader = Reader::new(Arc::new(settings()), judge());
    let mut cases = Vec::new();
    for history in HISTORIES {
        for truth in expected(history)["files"].as_array().unwrap() {
            let file = truth["file"].as_str().unwrap();
            let bytes = fs::read(mailbox().join(history).join(file)).unwrap();
            let found = reader.understand(&bytes, bytes.len() as u64, None);
            cases.push(Case { name: format!("{history}/{file}"), truth: truth.clone(), found });
        }
    }
    assert_eq!(cases.len(), 104);
    cases
}

fn wrong(what: &str, cases: &[Case], right: impl Fn(&Case) -> bool) -> Vec<String> {
    let wrong: Vec<String> = cases.iter().filter(|case| !right(case)).map(|case| case.name.clone()).collect();
    println!("{what}: {} of {} right {wrong:?}", cases.len() - wrong.len(), cases.len());
    wrong
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

#[test]
fn author_and_date_are_right_on_every_message() {
    let cases = cases();
    let author = wrong("author", &cases, |c| {
        let found = c.found.message.from.as_ref().map(|a| a.address.as_str());
        found == c.truth["author"]["email"].as_str()
    });
    let date = wrong("date", &cases, |c| {
        let expected: Timestamp = c.truth["original_date"].as_str().unwrap().parse().unwrap();
        c.found.message.sent_at.map(minute) == Some(minute(expected))
    });
    assert!(author.is_empty() && date.is_empty());
}

#[test]
fn direction_and_account_are_right_but_for_spam_and_internal_mail() {
    let mut cases = cases();
    cases.retain(|c| !SPAM.contains(&c.name.as_str()) && c.truth["direction"] != "internal");
    let direction = wrong("direction", &cases, |c| {
        let message = &c.found.message;
        match c.truth["direction"].as_str().unwrap() {
            "automatic" => message.automatic.is_some(),
            "inbound" => message.automatic.is_none() && message.direction == Some(Direction::Inbound),
            _ => message.automatic.is_none() && message.direction == Some(Direction::Outbound),
        }
    });
    let account = wrong("account", &cases, |c| match c.truth["account"].as_str() {
        Some(account) => c.found.filed.account.as_deref() == Some(account),
        None => c.found.filed.provisional || c.found.filed.account.is_none(),
    });
    assert!(direction.is_empty() && account.is_empty());
}

#[test]
fn each_way_of_coming_is_known() {
    let mut cases = cases();
    // An automatic answer of our own: no field tells its blind copy from a redirect.
    cases.retain(|c| c.name != "b_quarrie/005.eml");
    let route = wrong("route", &cases, |c| {
        let wrapping = serde_json::to_value(c.found.message.wrapping).unwrap();
        let wrapping = wrapping.as_str().unwrap();
        match c.truth["route"].as_str().unwrap() {
            "bcc" => wrapping == "bcc",
            "cc" | "direct" => wrapping == "direct",
            "auto-forward" => wrapping == "resent",
            route if route.contains("rfc822") => wrapping == "attached",
            route if route.contains("inline") || route.contains("forward") => wrapping == "inline",
            _ => true,
        }
    });
    assert!(route.is_empty());
}
