//! Incidents: opened, changed, calmed and closed by what messages say and by quiet,
//! in whatever order the messages reached us.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a failed step fails its test"
)]

use barometer::calendar::Calendar;
use std::collections::BTreeSet;

use barometer::calendar::WorkingSpan;
use barometer::config::{Kind, Target};
use barometer::judge::{Deed, DeedSort, Promise, PromiseSort, Severity, Side, ToneLabel, Topic};
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
fn anger_without_a_name_is_told_as_well() {
    let found = incidents(&[entry(0, &[], Severity::Warning)], 1);
    assert_eq!(found.iter().map(|i| (i.topic, i.severity)).collect::<Vec<_>>(), [(Topic::Quality, Severity::Warning)]);
}

/// Anger whose words come so near to what is told at once.
fn angry(hours: i64, nearly: u8) -> Entry {
    Entry { matter: Matter { nearly, ..Matter::default() }, ..entry(hours, &["quality_complaint"], Severity::Info) }
}

#[test]
fn who_complains_again_in_a_bad_time_is_taken_at_their_word() {
    let bad = || entry(0, &["quality_complaint"], Severity::Info);
    let severity = |entries: &[Entry], now| incidents(entries, now)[0].severity;
    assert_eq!(severity(&[bad(), angry(48, 90)], 49), Severity::Warning);
    assert_eq!(severity(&[bad(), angry(48, 40)], 49), Severity::Info, "its words do not come near");
    assert_eq!(severity(&[angry(48, 90)], 49), Severity::Info, "there was no trouble");
    assert_eq!(severity(&[bad(), angry(20 * 24, 90)], 20 * 24 + 1), Severity::Info, "the trouble is long past");
    let hurry = entry(0, &["short_notice_deadline"], Severity::Info);
    let found = incidents(&[hurry, angry(48, 90)], 49);
    assert!(found.iter().all(|i| i.severity == Severity::Info), "haste is no bad time");
    let calm = Entry { tone: Some(ToneLabel::Concerned), ..angry(48, 90) };
    assert_eq!(severity(&[bad(), calm], 49), Severity::Info, "a kind word in a bad time is kind");
}

#[test]
fn what_no_signal_has_a_name_for_is_told_and_our_own_at_its_worst_in_private() {
    let calm = Entry { tone: Some(ToneLabel::Neutral), ..entry(0, &[], Severity::Warning) };
    assert_eq!(incidents(&[calm], 1)[0].severity, Severity::Warning);
    let ours = Entry { direction: Some(Direction::Outbound), ..entry(0, &[], Severity::Warning) };
    let found = incidents(std::slice::from_ref(&ours), 1);
    assert_eq!(
        (found[0].topic, found[0].causes[0].signals.as_slice()),
        (Topic::Conduct, &["staff_hostile".to_owned()][..])
    );
    let calm = Entry { tone: Some(ToneLabel::Neutral), ..ours };
    assert!(incidents(&[calm], 1).is_empty());
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
fn mail_that_our_server_doubts_adds_and_takes_nothing_away() {
    let doubted = |entry: Entry| Entry { matter: Matter { doubtful: true, ..entry.matter }, ..entry };
    let complaint = Entry { name: "Ann".to_owned(), ..entry(0, &["quality_complaint"], Severity::Critical) };
    let peace = Entry { tone: Some(ToneLabel::Grateful), ..entry(5, &["deescalation", "praise"], Severity::Info) };
    let ours = Entry { direction: Some(Direction::Outbound), ..entry(6, &[], Severity::None) };
    let plain = state(std::slice::from_ref(&complaint));
    let after = state(&[complaint.clone(), doubted(peace.clone()), doubted(ours.clone())]);
    assert_eq!(after.incidents, plain.incidents, "it neither calms nor answers");
    assert_eq!(after.trend.standing(&Calendar::office(), hour(6)).goodwill, 0);
    let believed = state(&[complaint.clone(), peace, ours]);
    assert_ne!(believed.incidents, plain.incidents);
    let threat = doubted(entry(1, &["legal_threat"], Severity::Critical));
    assert_eq!(incidents(&[complaint, threat], 2).len(), 2, "it adds");
}

#[test]
fn a_mail_that_does_not_reach_who_waits_for_it_is_told() {
    let complaint = entry(0, &["quality_complaint"], Severity::Critical);
    let bounce = |to: &str| Entry {
        automatic: true,
        person: "mailer-daemon@northlight.example".to_owned(),
        matter: Matter { bounced: vec![to.to_owned()], ..Matter::default() },
        ..entry(5, &[], Severity::None)
    };
    let told = |first: &Entry, to: &str| {
        let found = state(&[first.clone(), bounce(to)]).findings;
        found.iter().filter(|f| f.id.starts_with("undelivered:")).map(|f| f.says.clone()).collect::<Vec<_>>()
    };
    let ann = Entry { person: "ann.marlow@acme.example".to_owned(), ..complaint };
    assert_eq!(
        told(&ann, "ann.marlo@acme.example"),
        [
            "a mail of ours to Ann did not arrive: it went to ann.marlo@acme.example; they write from ann.marlow@acme.example"
        ]
    );
    assert_eq!(told(&ann, "ann.marlow@acme.example").len(), 1, "her own address");
    assert!(told(&ann, "bob@acme.example").is_empty(), "whom we do not know");
    let calm = Entry { severity: Severity::None, signals: Vec::new(), ..ann };
    assert!(told(&calm, "ann.marlo@acme.example").is_empty(), "nobody waits: the digest has it");
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

/// What the pipeline does with arrivals, in batches, each stored and read again: one step where entries
/// come last, from the start where one came late; a copy of what is known changes nothing.
fn folded(batches: &[Vec<Entry>], terms: &Terms<'_>) -> State {
    let mut known: Vec<Entry> = Vec::new();
    let mut state = State::default();
    for batch in batches {
        let mut fresh: Vec<Entry> = Vec::new();
        for entry in batch {
            if !known.iter().chain(&fresh).any(|k| k.key == entry.key) {
                fresh.push(entry.clone());
            }
        }
        fresh.sort_by(|a, b| a.position().cmp(&b.position()));
        known.extend(fresh.iter().cloned());
        known.sort_by(|a, b| a.position().cmp(&b.position()));
        if fresh.first().is_some_and(|first| !state.precedes(first)) {
            state = State::of(&known, terms);
        } else {
            for entry in &fresh {
                state.apply(entry, terms);
            }
        }
        // What time makes of it is looked at, and not kept.
        let later = state.last.as_ref().map_or(hour(0), |(at, _)| *at) + jiff::SignedDuration::from_hours(100);
        drop(state.at(terms, later));
        state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
    }
    state
}

/// A message with everything that watching looks at, from a few numbers.
fn rich(hours: i64, [kind, tone, promise, deed]: [usize; 4]) -> Entry {
    let signals: [&[&str]; 8] = [
        &["quality_complaint"],
        &["cancellation_risk", "blame"],
        &["deescalation"],
        &["praise"],
        &["chaser"],
        &["short_notice_deadline", "after_hours_demand"],
        &[],
        &["closing_courtesy"],
    ];
    let severities = [Severity::None, Severity::Info, Severity::Warning, Severity::Critical];
    let tones = [ToneLabel::Hostile, ToneLabel::Frustrated, ToneLabel::Neutral, ToneLabel::Grateful];
    let outbound = kind % 3 == 0;
    let people = ["ann@acme.example", "bob@acme.example", "cleo@acme.example"];
    let ours = ["sam@northlight.example", "dana@northlight.example"];
    let (theirs, ours) = (people[kind % 3], ours[tone % 2]);
    let words = ["draw", "list", "report", "invoice"];
    let by = if outbound { Side::Us } else { Side::Them };
    let due = hour(hours + 24 * (1 + i64::try_from(promise).unwrap())).to_zoned(jiff::tz::TimeZone::UTC).date();
    let promises = (promise < 4).then(|| Promise {
        by,
        person: if outbound { ours } else { theirs }.to_owned(),
        words: "you will have it".to_owned(),
        due: (promise > 0).then(|| due.to_string()),
        about: vec![words[promise].to_owned()],
        sort: if promise == 2 { PromiseSort::Meeting } else { PromiseSort::Delivery },
    });
    let sorts = [
        DeedSort::Delivers,
        DeedSort::Receives,
        DeedSort::Misses,
        DeedSort::Slips,
        DeedSort::Keeps,
        DeedSort::Called,
        DeedSort::Allows,
        DeedSort::Answered,
    ];
    let deeds = sorts.get(deed).map(|sort| Deed {
        sort: *sort,
        about: vec![words[tone].to_owned()],
        on: Some(due.to_string()),
    });
    Entry {
        direction: Some(if outbound { Direction::Outbound } else { Direction::Inbound }),
        person: if outbound { ours } else { theirs }.to_owned(),
        name: if outbound { ours } else { theirs }.to_owned(),
        addressee: if outbound { theirs } else { ours }.to_owned(),
        tone: Some(tones[tone]),
        matter: Matter {
            subject: words[deed % 4].to_owned(),
            about: vec![words[deed % 4].to_owned()],
            to: vec![if outbound { theirs } else { ours }.to_owned()],
            brought_by: ours.to_owned(),
            asks: deed % 2 == 0,
            promises: promises.into_iter().collect(),
            deeds: deeds.into_iter().collect(),
            ..Matter::default()
        },
        ..entry(hours, signals[(kind + deed) % 8], severities[(kind + tone) % 4])
    }
}

fn target() -> Target {
    let span = |hours| WorkingSpan { days: 0, time: jiff::SignedDuration::from_hours(hours) };
    Target {
        calendar: None,
        first_response: span(4),
        next_response: span(8),
        keep_informed: WorkingSpan { days: 5, time: jiff::SignedDuration::ZERO },
        warn_at: 0.75,
        kind: None,
    }
}

proptest! {
    #[test]
    fn the_order_of_arrival_changes_nothing(
        written in proptest::collection::btree_set(0i64..90 * DAY, 1..40),
        seed in proptest::collection::vec((0usize..6, 0usize..4, 0usize..6, 0usize..10), 40),
        order in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle(),
        cuts in proptest::collection::vec(1usize..6, 40),
        again in proptest::collection::vec(0usize..40, 6),
    ) {
        let (patience, calendar, target) = (Patience::default(), Calendar::office(), target());
        let terms = Terms { cadence_days: Some(7), target: Some((&target, &calendar)), ..Terms::plain(&patience, &calendar) };
        let entries: Vec<Entry> =
            written.iter().zip(&seed).map(|(hours, (a, b, c, d))| rich(*hours, [*a, *b, *c, *d])).collect();
        let mut arrivals: Vec<Entry> = order.iter().filter_map(|n| entries.get(*n).cloned()).collect();
        arrivals.extend(again.iter().filter_map(|n| entries.get(*n).cloned()));
        let mut batches = Vec::new();
        let mut rest = arrivals.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (batch, later) = rest.split_at(rest.len().min(*cut));
            batches.push(batch.to_vec());
            rest = later;
        }
        let mut whole = State::of(&entries, &terms);
        whole.departed.clear();
        whole.settled.clear();
        let mut by_pieces = folded(&batches, &terms);
        by_pieces.departed.clear();
        by_pieces.settled.clear();
        prop_assert_eq!(&by_pieces, &whole);
        // Time in one step is time in many.
        let (soon, late) = (hour(95 * DAY), hour(200 * DAY));
        prop_assert_eq!(whole.at(&terms, soon).at(&terms, late), whole.at(&terms, late));
        let mut seen = BTreeSet::new();
        prop_assert!(whole.at(&terms, late).findings.iter().all(|f| seen.insert(f.id.clone())), "a finding twice");
    }
}
