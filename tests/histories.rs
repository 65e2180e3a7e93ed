//! The three labelled histories, replayed: which alerts a manager would have had.
//!
//! Prints recall of the alerts that must come and the messages that must not raise
//! one, per history (`cargo test --test histories -- --nocapture`). What is asserted
//! is what holds today; a change may raise the bar, never lower it.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

#[path = "support/history.rs"]
mod history;

use std::collections::BTreeSet;

use barometer::pipeline::Event;
use history::{expected, replay_history};
use serde_json::Value;

/// History, alerts that must come and do, alerts that must come, messages that must not raise one and do.
const BAR: [(&str, usize, usize, usize); 3] =
    [("a_ferrier_vane", 3, 3, 0), ("b_quarrie", 4, 4, 0), ("c_halcyon_pell", 2, 2, 0)];

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

/// Files cited by e-mails that are alarms.
fn alarmed(events: &[Event]) -> BTreeSet<String> {
    let alarms = events.iter().filter(|e| ["alert", "alert_update", "alert_repeat"].contains(&e.event));
    alarms.flat_map(|e| e.cites.iter().map(|c| c.path.clone())).collect()
}

#[test]
fn managers_hear_what_they_must_and_nothing_that_they_must_not() {
    for (history, at_least, of, at_most) in BAR {
        let story = replay_history(history);
        let truth = expected(history);
        let alarmed = alarmed(&story.events);
        let must = truth["alerts"]["must"].as_array().unwrap();
        let missed: Vec<&str> = must
            .iter()
            .filter(|m| !names(&m["any_of"]).iter().any(|f| alarmed.contains(*f)))
            .map(|m| m["id"].as_str().unwrap())
            .collect();
        let forbidden: Vec<&str> = truth["alerts"]["must_not"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|m| names(&m["files"]))
            .filter(|f| alarmed.contains(*f))
            .collect();
        let found = must.len() - missed.len();
        println!(
            "{history}: must {found}/{} (missed {missed:?}), must_not raised {} {forbidden:?}",
            must.len(),
            forbidden.len()
        );
        assert_eq!(must.len(), of);
        assert!(found >= at_least, "{history}: missed {missed:?}");
        assert!(forbidden.len() <= at_most, "{history}: false alarms {forbidden:?}");
        for once in must.iter().filter(|m| m["exactly_once"] == true) {
            let files = names(&once["any_of"]);
            let alerts = story.events.iter().filter(|e| e.event == "alert");
            let count = alerts.filter(|e| e.cites.iter().any(|c| files.contains(&c.path.as_str()))).count();
            assert!(count <= 1, "{history}: {} was alerted {count} times", once["id"]);
        }
    }
}

#[test]
fn a_history_tells_the_same_story_every_time() {
    let lines = |story: &[Event]| story.iter().map(|e| serde_json::to_string(e).unwrap()).collect::<Vec<_>>();
    let (one, two) = (replay_history("b_quarrie"), replay_history("b_quarrie"));
    assert_eq!(lines(&one.events), lines(&two.events));
    let bytes = |mails: &[barometer::pipeline::Delivered]| mails.iter().map(|m| m.bytes.clone()).collect::<Vec<_>>();
    assert!(bytes(&one.mails) == bytes(&two.mails), "the same e-mail must have the same bytes");
}

#[test]
fn every_alert_names_a_file_that_was_delivered_before_its_digest() {
    let story = replay_history("a_ferrier_vane");
    let files: BTreeSet<String> = story.mails.iter().map(|m| format!("mail/{}", m.file)).collect();
    for event in story.events.iter().filter(|e| ["alert", "alert_update", "alert_repeat", "digest"].contains(&e.event))
    {
        assert!(
            event.file.as_ref().is_some_and(|f| files.contains(f)),
            "{} at {} has no e-mail",
            event.event,
            event.at
        );
        assert!(!event.recipients.is_empty());
        assert!(event.recipients.iter().all(|r| r.ends_with("@northlight.example")), "only members are written to");
    }
}
