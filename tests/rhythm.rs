//! Signals over time: silence, answers owed, rhythm, people, trend, each on a small history.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

use barometer::calendar::{Calendar, WorkingSpan};
use barometer::config::{Kind, Target};
use barometer::judge::{Deed, DeedSort, Promise, PromiseSort, Severity, Side, ToneLabel, Topic};
use barometer::read::Direction;
use barometer::watch::{Entry, Finding, Matter, Patience, Phase, State, Terms, Told, Uncopied, What};
use jiff::{SignedDuration, Timestamp};

/// Monday 2 March 2026, 09:00 UTC, and so many days and minutes.
fn at(days: i64, minutes: i64) -> Timestamp {
    let monday: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    monday + SignedDuration::from_hours(24 * days) + SignedDuration::from_mins(minutes)
}

const ANN: &str = "ann@acme.example";
const BOB: &str = "bob@acme.example";
const SAM: &str = "sam@firm.example";
const DANA: &str = "dana@firm.example";

/// Mail of `from` to `to`, so many days and minutes after the Monday.
fn mail(from: &str, to: &str, (days, minutes): (i64, i64)) -> Entry {
    let inbound = from.ends_with("acme.example");
    Entry {
        key: format!("{days:04}-{minutes:05}-{from}"),
        sent_at: at(days, minutes),
        arrived_at: at(days, minutes),
        history: false,
        direction: Some(if inbound { Direction::Inbound } else { Direction::Outbound }),
        automatic: false,
        person: from.to_owned(),
        name: from.to_owned(),
        addressee: to.to_owned(),
        superiors: Vec::new(),
        kind: Kind::Client,
        signals: Vec::new(),
        tone: Some(ToneLabel::Neutral),
        urgency: None,
        severity: Severity::None,
        matter: Matter {
            subject: "order".to_owned(),
            about: vec!["order".to_owned()],
            to: vec![to.to_owned()],
            ..Matter::default()
        },
    }
}

fn angry(entry: Entry) -> Entry {
    Entry {
        signals: vec!["quality_complaint".to_owned()],
        tone: Some(ToneLabel::Frustrated),
        severity: Severity::Warning,
        ..entry
    }
}

fn asking(entry: Entry) -> Entry {
    Entry { matter: Matter { asks: true, ..entry.matter.clone() }, ..entry }
}

fn view(entries: &[Entry], terms: &Terms<'_>, days: i64) -> State {
    let mut entries = entries.to_vec();
    entries.sort_by(|a, b| a.position().cmp(&b.position()));
    State::of(&entries, terms).at(terms, at(days, 0))
}

fn with_signal<'a>(state: &'a State, signal: &str) -> Vec<&'a Finding> {
    state.findings.iter().filter(|f| f.signals.iter().any(|s| s == signal)).collect()
}

fn plain(test: impl Fn(&Terms<'_>)) {
    let (patience, calendar) = (Patience::default(), Calendar::office());
    test(&Terms::plain(&patience, &calendar));
}

#[test]
fn silence_after_a_conflict_climbs_from_owner_to_director() {
    plain(|terms| {
        let complaint = angry(mail(ANN, SAM, (0, 0)));
        let state = view(std::slice::from_ref(&complaint), terms, 30);
        let found = with_signal(&state, "silence_after_conflict");
        let days: Vec<i64> = found.iter().map(|f| terms.calendar.working_days_between(at(0, 0), f.at)).collect();
        let told: Vec<Told> = found.iter().map(|f| f.alarm.unwrap().to).collect();
        assert_eq!((days, told), (vec![3, 5, 10], vec![Told::Owner, Told::Manager, Told::Director]));
        assert!(found[0].says.ends_with("we owe the next word"), "{}", found[0].says);
        // A word of ours starts the count anew, and they owe the next one.
        let ours = mail(SAM, ANN, (1, 0));
        let state = view(&[complaint.clone(), ours], terms, 5);
        let found = with_signal(&state, "silence_after_conflict");
        assert!(found.len() == 1 && found[0].says.ends_with("they owe the next word"), "{found:?}");
        // A calm word of theirs ends the conflict.
        let peace = mail(ANN, SAM, (1, 0));
        assert_eq!(with_signal(&view(&[complaint.clone(), peace], terms, 30), "silence_after_conflict").len(), 0);
        // A stranger to whom we never wrote may be silent.
        let stranger = Terms { provisional: true, ..*terms };
        assert_eq!(
            with_signal(&view(std::slice::from_ref(&complaint), &stranger, 30), "silence_after_conflict").len(),
            0
        );
        // An account at rest has none.
        let resting = Terms { resting: true, ..*terms };
        assert_eq!(view(&[complaint], &resting, 30).findings.len(), 0);
    });
}

#[test]
fn silence_ends_with_a_word() {
    plain(|terms| {
        let state = view(&[angry(mail(ANN, SAM, (0, 0))), mail(SAM, ANN, (4, 0))], terms, 4);
        let silence = state.incidents.iter().find(|i| i.topic == Topic::Silence).unwrap();
        assert_eq!(silence.phase, Phase::Calming);
    });
}

#[test]
fn a_quiet_account_is_told_by_its_own_rhythm_and_wakes() {
    plain(|terms| {
        let weekly: Vec<Entry> = (0..8).map(|week| mail(ANN, SAM, (7 * week, 0))).collect();
        let quiet_until = |days| with_signal(&view(&weekly, terms, days), "account_quiet").len();
        assert_eq!((quiet_until(49 + 20), quiet_until(49 + 21)), (0, 1));
        let mut woken = weekly.clone();
        woken.push(mail(BOB, SAM, (49 + 40, 0)));
        assert_eq!(with_signal(&view(&woken, terms, 90), "quiet_account_wakes").len(), 1);
    });
}

#[test]
fn an_agreed_rhythm_that_is_missed_is_told_and_calls_count() {
    plain(|terms| {
        let terms = Terms { cadence_days: Some(7), ..*terms };
        let first = mail(SAM, ANN, (0, 0));
        let missed = |entries: &[Entry], days| {
            view(entries, &terms, days).findings.iter().filter(|f| f.what == What::CadenceMissed).count()
        };
        // Due on day 7, with two working days of grace.
        assert_eq!(missed(std::slice::from_ref(&first), 8), 0);
        assert_eq!(missed(std::slice::from_ref(&first), 10), 1);
        assert_eq!(missed(std::slice::from_ref(&first), 17), 2);
        let mut invitation = mail(ANN, SAM, (6, 0));
        invitation.automatic = true;
        invitation.matter.calendar = true;
        assert_eq!(missed(&[first, invitation], 10), 0);
    });
}

fn target() -> Target {
    let span = |hours| WorkingSpan { days: 0, time: SignedDuration::from_hours(hours) };
    let none = WorkingSpan::default();
    Target {
        calendar: None,
        first_response: span(4),
        next_response: span(8),
        keep_informed: none,
        warn_at: 0.75,
        kind: None,
    }
}

#[test]
fn a_missing_answer_is_an_alarm_only_where_answers_are_usually_seen() {
    let (patience, calendar, target) = (Patience::default(), Calendar::office(), target());
    let terms = Terms { target: Some((&target, &calendar)), ..Terms::plain(&patience, &calendar) };
    let question = asking(mail(ANN, SAM, (30, 0)));
    let unanswered = |entries: &[Entry], days| -> Vec<(Option<Severity>, i64)> {
        let state = view(entries, &terms, days);
        let found = state.findings.iter().filter(|f| f.what == What::Unanswered);
        found.map(|f| (f.alarm.map(|a| a.severity), f.at.duration_since(at(30, 0)).as_mins())).collect()
    };
    // Nothing known of how they are answered: the digest has it. Warned after 3 of 4 working hours.
    let unknown = unanswered(std::slice::from_ref(&question), 31);
    assert_eq!(unknown, [(Some(Severity::Info), 180), (Some(Severity::Info), 240)]);
    // Five answers were seen: the sixth is missed.
    let answered = |n: i64| [asking(mail(ANN, SAM, (n, 0))), mail(SAM, ANN, (n, 60))];
    let mut seen: Vec<Entry> = (0..5).flat_map(answered).collect();
    seen.push(question.clone());
    let alarmed: Vec<Severity> = unanswered(&seen, 32).into_iter().filter_map(|(severity, _)| severity).collect();
    assert_eq!(alarmed, [Severity::Info, Severity::Warning]);
    // Their next mail quotes an answer that we did not see.
    let mut thanks = mail(ANN, SAM, (30, 100));
    thanks.matter.deeds = vec![Deed { sort: DeedSort::Answered, about: Vec::new(), on: None }];
    assert_eq!(unanswered(&[question.clone(), thanks], 31), []);
    // Courtesies, machines and questions among themselves start no clock.
    let courtesy = Entry { signals: vec!["closing_courtesy".to_owned()], ..question.clone() };
    let machine = Entry { automatic: true, ..question.clone() };
    let among = Entry { addressee: BOB.to_owned(), ..question };
    for quiet in [courtesy, machine, among] {
        assert_eq!(unanswered(&[quiet], 31), []);
    }
}

#[test]
fn one_person_who_contacts_several_of_us_is_one_burst() {
    plain(|terms| {
        let several = [mail(ANN, SAM, (0, 0)), mail(ANN, DANA, (0, 20)), mail(ANN, "zoe@firm.example", (0, 30))];
        let state = view(&several, terms, 0);
        let found = with_signal(&state, "contact_burst");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].alarm.unwrap().severity, Severity::Warning);
        let slow = [mail(ANN, SAM, (0, 0)), mail(ANN, DANA, (0, 90))];
        assert_eq!(with_signal(&view(&slow, terms, 1), "contact_burst").len(), 0);
        let two_people = [mail(ANN, SAM, (0, 0)), mail(BOB, DANA, (0, 20))];
        assert_eq!(with_signal(&view(&two_people, terms, 1), "contact_burst").len(), 0);
    });
}

#[test]
fn who_chases_without_an_answer_is_told_again() {
    plain(|terms| {
        let chaser = |day| Entry { signals: vec!["chaser".to_owned()], ..mail(ANN, SAM, (day, 0)) };
        let state = view(&[chaser(0), chaser(1), chaser(2)], terms, 2);
        let worth: Vec<Severity> =
            with_signal(&state, "chaser").iter().filter_map(|f| f.alarm).map(|a| a.severity).collect();
        assert_eq!(worth, [Severity::Info, Severity::Warning]);
        let state = view(&[chaser(0), mail(SAM, ANN, (0, 60)), chaser(1)], terms, 2);
        assert_eq!(with_signal(&state, "chaser").len(), 0, "our answer lies between");
    });
}

#[test]
fn the_trouble_is_one_person_only_where_others_are_at_ease() {
    plain(|terms| {
        let trouble = |n: i64| angry(mail(ANN, SAM, (n, 0)));
        let ease = |n: i64| Entry { tone: Some(ToneLabel::Positive), ..mail(BOB, SAM, (n, 90)) };
        let named = |entries: &[Entry]| -> Vec<String> {
            let state = view(entries, terms, 7);
            state.findings.iter().filter(|f| f.what == What::DifficultPerson).map(|f| f.person.clone()).collect()
        };
        let both: Vec<Entry> = (0..7).flat_map(|n| [trouble(n), ease(n)]).collect();
        assert_eq!(named(&both), [ANN]);
        let alone: Vec<Entry> = (0..7).map(trouble).collect();
        assert_eq!(named(&alone), Vec::<String>::new());
        let all: Vec<Entry> = (0..7).flat_map(|n| [trouble(n), angry(mail(BOB, SAM, (n, 90)))]).collect();
        assert_eq!(named(&all), Vec::<String>::new());
        let vendor = Terms { kind: Kind::Vendor, ..*terms };
        let state = view(&both, &vendor, 7);
        assert!(state.findings.iter().all(|f| f.what != What::DifficultPerson));
    });
}

#[test]
fn an_account_recovers_after_ten_good_working_days() {
    plain(|terms| {
        let bad = Entry { severity: Severity::Critical, ..angry(mail(ANN, SAM, (0, 0))) };
        let calm = |day| mail(ANN, SAM, (day, 0));
        let recovered = |entries: &[Entry], days| {
            view(entries, terms, days).findings.iter().filter(|f| f.what == What::Recovered).count()
        };
        assert_eq!(recovered(&[bad.clone(), calm(8)], 12), 0, "too soon");
        assert_eq!(recovered(&[bad.clone(), calm(8), calm(14)], 15), 1);
        assert_eq!(recovered(&[bad.clone(), calm(8)], 60), 1, "quietly");
        assert_eq!(recovered(std::slice::from_ref(&bad), 60), 0, "who never spoke again is not won back");
        let again = Entry { severity: Severity::Critical, ..angry(mail(ANN, SAM, (10, 0))) };
        assert_eq!(recovered(&[bad, again, calm(14)], 16), 0);
    });
}

#[test]
fn pressure_halves_in_ten_working_days_and_shows_its_way() {
    plain(|terms| {
        let state = view(&[angry(mail(ANN, SAM, (0, 0)))], terms, 0);
        let now = state.trend.standing(terms.calendar, at(0, 0));
        let later = state.trend.standing(terms.calendar, at(14, 0));
        assert_eq!((now.pressure, later.pressure), (12, 6));
        assert!(now.change < 0 && later.change > 0, "{now:?} {later:?}");
        assert_eq!(state.trend.reasons.len(), 1);
    });
}

#[test]
fn being_in_touch_beside_the_mail_is_contact() {
    plain(|terms| {
        let complaint = angry(mail(ANN, SAM, (0, 0)));
        let called = [at(2, 0)];
        let terms = Terms { touches: &called, cadence_days: Some(7), ..*terms };
        let state = view(std::slice::from_ref(&complaint), &terms, 6);
        let found = with_signal(&state, "silence_after_conflict");
        assert!(found.is_empty(), "a call on Wednesday begins the count anew: {found:?}");
        let found = view(std::slice::from_ref(&complaint), &terms, 7);
        let found = with_signal(&found, "silence_after_conflict");
        assert!(found.len() == 1 && found[0].says.ends_with("they owe the next word"), "{found:?}");
        let state = view(std::slice::from_ref(&complaint), &terms, 10);
        assert!(state.findings.iter().all(|f| f.what != What::CadenceMissed), "the agreed contact took place");
        // It ends a silence that was told.
        let late = [at(4, 0)];
        let terms = Terms { touches: &late, ..terms };
        let state = view(std::slice::from_ref(&complaint), &terms, 4);
        let silence = state.incidents.iter().find(|i| i.topic == Topic::Silence).unwrap();
        assert_eq!(silence.phase, Phase::Calming);
        // Known too late, it asks for a fold from the start.
        let entries = [complaint, mail(SAM, ANN, (5, 0))];
        let unaware = State::of(&entries, &Terms { touches: &[], ..terms });
        assert!(unaware.missed_touches(&terms));
        assert!(!State::of(&entries, &terms).missed_touches(&terms));
    });
}

#[test]
fn what_time_found_out_wrongly_opens_nothing() {
    plain(|terms| {
        let complaint = [angry(mail(ANN, SAM, (0, 0)))];
        let silences = |state: &State| state.incidents.iter().filter(|i| i.topic == Topic::Silence).count();
        let state = view(&complaint, terms, 3);
        let key = state.incidents.iter().find(|i| i.topic == Topic::Silence).unwrap().causes[0].key.clone();
        for (signal, left) in [(None, 0), (Some("silence_after_conflict"), 0), (Some("chaser"), 1)] {
            let wrong = [(key.clone(), signal.map(str::to_owned))];
            assert_eq!(silences(&view(&complaint, &Terms { wrong: &wrong, ..*terms }, 3)), left, "{signal:?}");
        }
    });
}

/// A promise of ours, made in `entry`, for a day of March.
fn promising(entry: Entry, day: i8) -> Entry {
    let promise = Promise {
        by: Side::Us,
        person: entry.person.clone(),
        words: "You'll have it then.".to_owned(),
        due: Some(format!("2026-03-{day:02}")),
        about: vec!["plan".to_owned()],
        sort: PromiseSort::Delivery,
    };
    Entry { matter: Matter { promises: vec![promise], ..entry.matter.clone() }, ..entry }
}

#[test]
fn silence_waits_for_a_day_that_was_named() {
    plain(|terms| {
        let hurt = angry(mail(ANN, SAM, (0, 0)));
        let answer = mail(SAM, ANN, (0, 60));
        let silent = |entries: &[Entry]| !with_signal(&view(entries, terms, 4), "silence_after_conflict").is_empty();
        assert!(silent(&[hurt.clone(), answer.clone()]));
        assert!(!silent(&[hurt.clone(), promising(answer.clone(), 9)]), "the 9th was named");
        assert!(silent(&[hurt, promising(answer, 30)]), "that is too far off to wait for");
    });
}

#[test]
fn an_old_quarrel_that_reaches_us_late_makes_no_silence() {
    plain(|terms| {
        let late = Entry { arrived_at: at(30, 0), ..angry(mail(ANN, SAM, (0, 0))) };
        let found = view(&[late], terms, 31);
        assert!(with_signal(&found, "silence_after_conflict").iter().all(|f| f.alarm.is_none()));
    });
}

#[test]
fn a_note_of_a_call_ends_silence_and_holds_promises() {
    plain(|terms| {
        let hurt = angry(mail(ANN, SAM, (0, 0)));
        let note = Entry { direction: Some(Direction::Internal), ..mail(SAM, "watch@firm.example", (2, 0)) };
        let called = Deed { sort: DeedSort::Called, about: Vec::new(), on: None };
        let matter = Matter { deeds: vec![called], subject: "call".to_owned(), ..note.matter.clone() };
        let note = promising(Entry { matter, ..note }, 20);
        let found = view(&[hurt, note], terms, 4);
        assert!(with_signal(&found, "silence_after_conflict").is_empty());
        assert_eq!(found.commitments.all.len(), 1);
        assert!(found.incidents.iter().all(|i| i.causes.len() == 1), "a note is no cause");
    });
}

#[test]
fn a_friend_who_leaves_is_told_at_once_where_the_account_is_at_risk() {
    plain(|terms| {
        let leaving = Entry { signals: vec!["champion_leaving".to_owned()], ..mail(BOB, SAM, (5, 0)) };
        let grave = Entry { severity: Severity::Critical, ..angry(mail(ANN, SAM, (0, 0))) };
        let told = |entries: &[Entry]| with_signal(&view(entries, terms, 6), "champion_leaving").len();
        assert_eq!(told(std::slice::from_ref(&leaving)), 0);
        assert_eq!(told(&[grave, leaving]), 1);
    });
}

#[test]
fn a_superior_who_was_on_the_thread_is_no_news() {
    plain(|terms| {
        let copied = |days: i64| {
            let plain = Uncopied { signals: vec!["praise".to_owned()], severity: Severity::None };
            let entry = mail(ANN, SAM, (days, 0));
            Entry {
                superiors: vec![DANA.to_owned()],
                signals: vec!["superior_copied".to_owned(), "over_your_head".to_owned()],
                severity: Severity::Critical,
                matter: Matter { uncopied: Some(plain), ..entry.matter.clone() },
                ..entry
            }
        };
        let causes = |entries: &[Entry]| {
            let found = view(entries, terms, 9);
            let escalations = found.incidents.iter().filter(|i| i.topic == Topic::Escalation);
            escalations.map(|i| i.caused).sum::<u64>()
        };
        assert_eq!(causes(&[copied(8)]), 1, "the first time she is called upon");
        assert_eq!(causes(&[mail(DANA, ANN, (1, 0)), copied(8)]), 0, "she wrote there herself");
        assert_eq!(causes(&[copied(0), copied(8)]), 1);
    });
}
