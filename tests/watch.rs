//! Incidents: opened, changed, calmed and closed by what messages say and by quiet,
//! in whatever order the messages reached us.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

use barometer::calendar::Calendar;
use barometer::config::Kind;
use barometer::judge::{Severity, ToneLabel, Topic};
use barometer::read::Direction;
use barometer::watch::{Entry, Incident, Matter, Patience, Phase, State, Terms};
use jiff::Timestamp;
use proptest::prelude::*;

/// Monday 2 March 2026, 09:00 UTC, and so many hours.
fn hour(hours: i64) -> Timestamp {
    let monday: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    monday.checked_add(jiff::SignedDuration::from_hours(hours)).unwrap()
}

const DAY: i64 = 24;

fn entry(hours: i64, signals: &[&str], severity: Severity) -> Entry {
    Entry {
        key: format!("{hours:06}"),
        sent_at: hour(hours),
        arrived_at: hour(hours),
        history: false,
        direction: Some(Direction::Inbound),
        automatic: false,
        person: "ann@acme.example".to_owned(),
        name: "Ann".to_owned(),
        addressee: "sam@northlight.example".to_owned(),
        superiors: Vec::new(),
        kind: Kind::Client,
        signals: signals.iter().map(|&s| s.to_owned()).collect(),
        tone: Some(ToneLabel::Frustrated),
        urgency: None,
        severity,
        matter: Matter::default(),
    }
}

/// An account at rest: nothing but what messages say opens an incident.
fn quiet<'a>(patience: &'a Patience, calendar: &'a Calendar) -> Terms<'a> {
    Terms { resting: true, ..Terms::plain(patience, calendar) }
}

fn state(entries: &[Entry]) -> State {
    State::of(entries, &quiet(&Patience::default(), &Calendar::office()))
}

fn incidents(entries: &[Entry], now: i64) -> Vec<Incident> {
    state(entries).at(&quiet(&Patience::default(), &Calendar::office()), hour(now)).incidents
}

#[test]
fn a_warning_opens_an_incident_and_more_of_the_same_changes_it() {
    let one = entry(0, &["quality_complaint"], Severity::Warning);
    let two = entry(3, &["quality_complaint"], Severity::Critical);
    let found = incidents(&[one, two], 4);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].topic, found[0].phase, found[0].severity), (Topic::Quality, Phase::Open, Severity::Critical));
    assert_eq!((found[0].opened_at, found[0].changed_at, found[0].causes.len()), (hour(0), hour(3), 2));
}

#[test]
fn another_topic_is_another_incident_and_one_message_rings_one_bell() {
    let both = entry(0, &["cancellation_risk", "quality_complaint"], Severity::Critical);
    let found = incidents(&[both], 1);
    let severities: Vec<(Topic, Severity)> = found.iter().map(|i| (i.topic, i.severity)).collect();
    assert!(severities.contains(&(Topic::Cancellation, Severity::Critical)), "{severities:?}");
    assert_eq!(severities.iter().filter(|(_, s)| *s >= Severity::Warning).count(), 1, "{severities:?}");
}

#[test]
fn quiet_calms_after_five_working_days_and_closes_after_ten_more() {
    let cause = [entry(0, &["quality_complaint"], Severity::Warning)];
    let (patience, calendar) = (Patience::default(), Calendar::office());
    let terms = quiet(&patience, &calendar);
    let open = state(&cause);
    let calms_at = open.next_ask(&terms).unwrap();
    assert_eq!(calms_at, calendar.add_working_days(hour(0), 5));
    let just_before = calms_at.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap();
    assert_eq!(open.at(&terms, just_before).incidents[0].phase, Phase::Open);
    let calming = open.at(&terms, calms_at);
    assert_eq!(calming.incidents[0].phase, Phase::Calming);
    let closes_at = calming.next_ask(&terms).unwrap();
    assert_eq!(closes_at, calendar.add_working_days(calms_at, 10));
    let closed = open.at(&terms, closes_at);
    assert_eq!((closed.incidents[0].phase, closed.incidents[0].changed_at), (Phase::Closed, closes_at));
    assert_eq!(closed.next_ask(&terms), None);
}

#[test]
fn what_comes_after_the_end_is_a_new_incident() {
    let first = entry(0, &["quality_complaint"], Severity::Warning);
    let second = entry(60 * DAY, &["quality_complaint"], Severity::Warning);
    let found = incidents(&[first, second], 60 * DAY);
    assert_eq!(found.iter().map(|i| i.phase).collect::<Vec<_>>(), [Phase::Closed, Phase::Open]);
}

#[test]
fn a_kind_word_calms_and_a_new_complaint_opens_again() {
    let complaint = entry(0, &["quality_complaint"], Severity::Critical);
    let peace = Entry { tone: Some(ToneLabel::Positive), ..entry(5, &["deescalation"], Severity::Info) };
    let again = entry(30, &["quality_complaint"], Severity::Warning);
    let calm = incidents(&[complaint.clone(), peace.clone()], 6);
    assert_eq!((calm[0].phase, calm[0].calmed_by.as_deref()), (Phase::Calming, Some("000005")));
    let open = incidents(&[complaint, peace, again], 31);
    assert_eq!((open[0].phase, open[0].severity), (Phase::Open, Severity::Warning), "the calm wiped the slate");
}

#[test]
fn a_letter_of_ours_answers_what_came_before_it() {
    let complaint = entry(0, &["quality_complaint"], Severity::Warning);
    let ours = Entry { direction: Some(Direction::Outbound), ..entry(3, &[], Severity::None) };
    let again = entry(5, &["quality_complaint"], Severity::Warning);
    assert!(incidents(&[complaint.clone(), ours.clone()], 4)[0].is_answered());
    assert!(!incidents(&[complaint, ours, again], 6)[0].is_answered());
}

#[test]
fn machines_and_our_own_talk_open_nothing() {
    let machine = Entry { automatic: true, ..entry(0, &["quality_complaint"], Severity::Critical) };
    let internal =
        Entry { direction: Some(Direction::Internal), ..entry(1, &["quality_complaint"], Severity::Critical) };
    let unknown = Entry { direction: None, ..entry(2, &["quality_complaint"], Severity::Critical) };
    let nothing = entry(3, &[], Severity::None);
    assert_eq!(incidents(&[machine, internal, unknown, nothing], 4), []);
}

/// What the pipeline does with arrivals: one step where an entry comes last, from the start where it came late.
fn folded(arrivals: &[Entry]) -> State {
    let (patience, calendar) = (Patience::default(), Calendar::office());
    let terms = quiet(&patience, &calendar);
    let mut known: Vec<Entry> = Vec::new();
    let mut state = State::default();
    for entry in arrivals {
        known.push(entry.clone());
        if state.precedes(entry) {
            state.apply(entry, &terms);
        } else {
            known.sort_by(|a, b| a.position().cmp(&b.position()));
            state = State::of(&known, &terms);
        }
    }
    state
}

proptest! {
    #[test]
    fn the_order_of_arrival_changes_nothing(
        written in proptest::collection::btree_set(0i64..60 * DAY, 1..12),
        seed in proptest::collection::vec((0usize..4, 0usize..4), 12),
        order in Just((0..12usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let signals = [&["quality_complaint"][..], &["cancellation_risk", "blame"], &["deescalation"], &["praise"]];
        let severities = [Severity::None, Severity::Info, Severity::Warning, Severity::Critical];
        let entries: Vec<Entry> = written
            .iter()
            .zip(&seed)
            .map(|(hours, (signal, severity))| entry(*hours, signals[*signal], severities[*severity]))
            .collect();
        let shuffled: Vec<Entry> = order.iter().filter_map(|n| entries.get(*n).cloned()).collect();
        prop_assert_eq!(folded(&shuffled), state(&entries));
    }
}
