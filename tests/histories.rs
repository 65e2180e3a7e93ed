//! The three labelled histories, replayed: which alerts a manager would have had.
//!
//! Prints recall of the alerts that must come and the messages that must not raise
//! one, per history (`cargo test --test histories -- --nocapture`). What is asserted
//! is what holds today; a change may raise the bar, never lower it.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

#[path = "support/history.rs"]
mod history;

use std::collections::{BTreeMap, BTreeSet};

use barometer::pipeline::{Event, Story};
use history::{expected, replay_history, settings};
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

/// What became of each promise: who owes it, its day, and its last fate.
struct Followed {
    person: String,
    day: String,
    made_in: String,
    outcome: &'static str,
}

fn followed(story: &Story) -> Vec<Followed> {
    let mut found: BTreeMap<String, Followed> = BTreeMap::new();
    for event in &story.events {
        let Some(pledge) = &event.commitment else { continue };
        let outcome = match event.event {
            "commitment_made" => {
                let day = pledge.due.clone().unwrap_or_default().chars().take(10).collect();
                let made_in = event.path.clone().unwrap_or_default();
                let followed = Followed { person: pledge.person.clone(), day, made_in, outcome: "open" };
                found.entry(pledge.id.clone()).or_insert(followed);
                continue;
            }
            "commitment_kept" | "commitment_kept_early" => "kept",
            "commitment_kept_late" => "kept_late",
            "commitment_broken" => "broken",
            _ => continue,
        };
        found.get_mut(&pledge.id).unwrap().outcome = outcome;
    }
    found.into_values().filter(|f| !f.day.is_empty()).collect()
}

/// Addresses by name: the other side's from the truth, ours from the settings.
fn addresses(truth: &Value) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for account in truth["accounts"].as_array().unwrap() {
        for person in account["people"].as_array().unwrap() {
            let name = person["name"].as_str().unwrap().to_owned();
            found.entry(name).or_default().push(person["email"].as_str().unwrap().to_owned());
        }
    }
    for member in settings().members {
        found.entry(member.name).or_default().push(member.address);
    }
    found
}

/// Messages whose promises the truth does not list one by one.
const MORE: [(&str, &str); 3] =
    [("a_ferrier_vane", "026.eml"), ("a_ferrier_vane", "032.eml"), ("b_quarrie", "027.eml")];

#[test]
fn promises_are_followed_to_their_end() {
    let (mut right, mut extra, mut missed, mut judged) = (0, Vec::new(), Vec::new(), 0);
    for (history, ..) in BAR {
        let truth = expected(history);
        let names = addresses(&truth);
        let mut found = followed(&replay_history(history));
        for promise in truth["commitments"].as_array().unwrap().iter().filter(|c| !c["due"].is_null()) {
            let by = promise["by"].as_str().unwrap().split(" (").next().unwrap();
            let day = promise["due"].as_str().unwrap().get(..10).unwrap();
            let known = |f: &Followed| f.day == day && names[by].contains(&f.person);
            let Some(place) = found.iter().position(known) else {
                missed.push(format!("{history} {}", promise["id"]));
                continue;
            };
            let followed = found.remove(place);
            right += 1;
            judged += usize::from(promise["outcome"] == followed.outcome);
        }
        found.retain(|f| !MORE.contains(&(history, f.made_in.as_str())));
        extra.extend(found.iter().map(|f| format!("{history} {} {} {}", f.made_in, f.person, f.day)));
    }
    let percent = |part: usize, of: usize| part * 100 / of.max(1);
    let (precision, recall) = (percent(right, right + extra.len()), percent(right, right + missed.len()));
    println!(
        "promises: precision {precision} % {extra:?}, recall {recall} % {missed:?}, fate {} %",
        percent(judged, right)
    );
    assert!(precision >= 90 && recall >= 90 && percent(judged, right) >= 95);
}

#[test]
fn the_difficult_person_is_named_and_nobody_else() {
    for (history, expected) in
        [("a_ferrier_vane", &[][..]), ("b_quarrie", &[][..]), ("c_halcyon_pell", &["v.strake@halcyonpell.example"][..])]
    {
        let story = replay_history(history);
        let named: Vec<&str> =
            story.events.iter().filter(|e| e.event == "difficult_person").filter_map(|e| e.person.as_deref()).collect();
        assert_eq!(named, expected, "{history}");
    }
}

#[test]
fn good_news_is_seen_and_alarms_without_a_cause_are_few() {
    let good = ["incident_calming", "incident_closed", "recovered", "good_news"];
    for (history, ..) in BAR {
        let (story, truth) = (replay_history(history), expected(history));
        let seen: BTreeSet<&str> =
            story.events.iter().filter(|e| good.contains(&e.event)).filter_map(|e| e.path.as_deref()).collect();
        for may in truth["alerts"]["may"].as_array().unwrap().iter().filter(|m| m["polarity"] == "good news") {
            assert!(names(&may["any_of"]).iter().any(|f| seen.contains(f)), "{history}: {may}");
        }
        let lists = |name: &str| truth["alerts"][name].as_array().unwrap().clone();
        let wanted: Vec<Value> = lists("must").into_iter().chain(lists("may")).collect();
        let wanted: BTreeSet<&str> = wanted.iter().flat_map(|m| names(&m["any_of"])).collect();
        let mut others: BTreeMap<String, usize> = BTreeMap::new();
        for alert in story.events.iter().filter(|e| e.event == "alert") {
            if !alert.cites.iter().any(|c| wanted.contains(c.path.as_str())) {
                let day = alert.at.to_zoned(settings().service.time_zone).date();
                *others.entry(format!("{:?} {day}", alert.account)).or_default() += 1;
            }
        }
        assert!(others.values().all(|n| *n <= 1), "{history}: {others:?}");
    }
}
