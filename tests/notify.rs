//! Who is owed which e-mail, and when: the fold compared with the log.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed step fails its test")]

use barometer::config::{self, Settings};
use barometer::judge::{Severity, Topic};
use barometer::notify::{Named, Notice, Plan, Saying, ToldSoFar, plan};
use barometer::watch::{Cause, Incident, Phase, Told};
use jiff::{SignedDuration, Timestamp};

const SETTINGS: &str = r#"
[service]
address = "watch@northlight.example"
domains = ["northlight.example"]
time_zone = "Europe/London"

[[member]]
address = "marcus@northlight.example"
role = "director"

[[member]]
address = "dana@northlight.example"
role = "manager"
reports_to = "marcus@northlight.example"

[[member]]
address = "sam@northlight.example"
reports_to = "dana@northlight.example"

[[account]]
id = "acme"
domains = ["acme.example"]
owner = "sam@northlight.example"
"#;

fn settings() -> Settings {
    config::parse(SETTINGS, "settings").unwrap()
}

fn at(text: &str) -> Timestamp {
    format!("2026-03-{text}:00Z").parse().unwrap()
}

fn cause(key: &str, sent: &str, severity: Severity) -> Cause {
    Cause {
        key: key.to_owned(),
        fact: None,
        to: None,
        sent_at: at(sent),
        arrived_at: at(sent),
        history: false,
        person: "ann@acme.example".to_owned(),
        member: "sam@northlight.example".to_owned(),
        superiors: Vec::new(),
        signals: vec!["quality_complaint".to_owned()],
        severity,
    }
}

fn incident(causes: Vec<Cause>) -> Incident {
    Incident {
        topic: Topic::Quality,
        phase: Phase::Open,
        severity: causes.iter().map(|c| c.severity).max().unwrap(),
        opened_at: causes[0].sent_at,
        changed_at: causes[0].sent_at,
        causes,
        caused: 1,
        calmed_by: None,
        plan: None,
        answered_at: None,
    }
}

fn named(causes: Vec<Cause>, told: ToldSoFar) -> Named {
    Named { name: "acme/quality-1".to_owned(), incident: incident(causes), told }
}

fn told(causes: &[&Cause], last: &str) -> ToldSoFar {
    let mut told = ToldSoFar { last_at: Some(at(last)), ..ToldSoFar::default() };
    for cause in causes {
        told.add(cause);
    }
    told
}

fn planned(incidents: &[Named], now: Timestamp) -> Plan {
    let settings = settings();
    plan(settings.account("acme").unwrap(), incidents, &settings, now)
}

/// Asks again whenever the plan wants it, until it owes something.
fn first_notice(incidents: &[Named], from: &str) -> (Timestamp, Notice) {
    let mut now = at(from);
    loop {
        let plan = planned(incidents, now);
        if let Some(notice) = plan.notices.into_iter().next() {
            return (now, notice);
        }
        let next = plan.next.unwrap();
        assert!(next > now, "time must move on");
        now = next;
    }
}

#[test]
fn a_warning_waits_for_company_and_for_sending_hours() {
    #[rustfmt::skip]
    let cases = [
        // written,   severity,            leaves
        ("02T10:00", Severity::Warning,  "02T10:02"), // the group wait
        ("02T17:59", Severity::Warning,  "03T08:00"), // closed by then
        ("02T22:00", Severity::Warning,  "03T08:00"),
        ("06T19:00", Severity::Warning,  "09T08:00"), // Friday evening
        ("02T10:00", Severity::Critical, "02T10:00"),
        ("07T03:00", Severity::Critical, "07T03:00"), // critical goes at once, at any hour
    ];
    for (written, severity, leaves) in cases {
        let (when, notice) = first_notice(&[named(vec![cause("a", written, severity)], ToldSoFar::default())], written);
        assert_eq!(when, at(leaves), "{severity:?} at {written}");
        assert_eq!(notice.lines[0].saying, Saying::Alert);
        assert_eq!(notice.recipients.len(), 2, "the manager and the owner: {:?}", notice.recipients);
        assert!(notice.recipients.iter().all(|(_, leaves)| *leaves == when));
    }
}

#[test]
fn info_and_history_and_stale_mail_are_for_the_digest() {
    let info = cause("a", "02T10:00", Severity::Info);
    let history = Cause { history: true, ..cause("b", "02T10:00", Severity::Critical) };
    let stale = Cause { arrived_at: at("20T10:00"), ..cause("c", "02T10:00", Severity::Critical) };
    for quiet in [info, history, stale] {
        let plan = planned(&[named(vec![quiet.clone()], ToldSoFar::default())], at("20T11:00"));
        assert_eq!(plan, Plan::default(), "{quiet:?}");
    }
}

#[test]
fn mail_that_took_its_time_is_told_as_late() {
    let late = Cause { arrived_at: at("04T10:00"), ..cause("a", "02T10:00", Severity::Critical) };
    let (_, notice) = first_notice(&[named(vec![late], ToldSoFar::default())], "04T10:00");
    assert!(notice.lines[0].late);
}

#[test]
fn more_of_the_same_waits_for_the_digest_and_worse_does_not() {
    let first = cause("a", "02T10:00", Severity::Warning);
    let same = cause("b", "02T11:00", Severity::Warning);
    let plan = planned(&[named(vec![first.clone(), same], told(&[&first], "02T10:02"))], at("02T12:00"));
    assert!(plan.notices.is_empty(), "{plan:?}");
    let worse = cause("c", "02T11:00", Severity::Critical);
    let other = Cause { person: "bob@acme.example".to_owned(), ..cause("d", "02T11:00", Severity::Warning) };
    for news in [worse, other] {
        let incidents = [named(vec![first.clone(), news.clone()], told(&[&first], "02T10:02"))];
        let (_, notice) = first_notice(&incidents, "02T11:00");
        assert_eq!(notice.lines[0].saying, Saying::Update);
        assert_eq!(notice.lines[0].cites, [news.key]);
    }
}

#[test]
fn two_e_mails_about_an_account_keep_their_distance() {
    let first = cause("a", "02T10:00", Severity::Warning);
    let other = Cause { person: "bob@acme.example".to_owned(), ..cause("b", "02T10:03", Severity::Warning) };
    let (when, _) = first_notice(&[named(vec![first.clone(), other], told(&[&first], "02T10:02"))], "02T10:03");
    assert_eq!(when, at("02T10:17"), "the group interval after the last");
}

#[test]
fn the_same_is_said_again_until_it_was_said_often_enough() {
    let first = cause("a", "02T10:00", Severity::Critical);
    let unanswered = |repeats| {
        let log = ToldSoFar { repeats, ..told(&[&first], "02T10:00") };
        planned(&[named(vec![first.clone()], log)], at("02T14:00"))
    };
    assert_eq!(unanswered(0).notices[0].lines[0].saying, Saying::Repeat, "four hours later");
    assert_eq!(unanswered(4).notices.len(), 1);
    assert_eq!(unanswered(5), Plan::default());
}

#[test]
fn who_has_written_to_them_needs_no_reminder() {
    let first = cause("a", "02T10:00", Severity::Critical);
    let mut answered = named(vec![first.clone()], told(&[&first], "02T10:00"));
    answered.incident.answered_at = Some(at("02T10:30"));
    assert_eq!(planned(std::slice::from_ref(&answered), at("02T14:00")), Plan::default());
    // A later complaint is unanswered again.
    let second = cause("b", "02T11:00", Severity::Critical);
    answered.incident.causes.push(second.clone());
    answered.told.add(&second);
    assert_eq!(planned(&[answered], at("02T14:00")).notices.len(), 1);
}

#[test]
fn what_is_calm_or_closed_is_not_repeated() {
    let first = cause("a", "02T10:00", Severity::Critical);
    for phase in [Phase::Calming, Phase::Closed] {
        let mut calm = named(vec![first.clone()], told(&[&first], "02T10:00"));
        calm.incident.phase = phase;
        assert_eq!(planned(&[calm], at("09T10:00")), Plan::default());
    }
}

#[test]
fn the_tone_of_our_own_mail_is_for_the_writers_superior_alone() {
    let ours = Cause {
        person: "sam@northlight.example".to_owned(),
        signals: vec!["staff_hostile".to_owned()],
        ..cause("a", "02T10:00", Severity::Warning)
    };
    let (_, notice) = first_notice(&[named(vec![ours], ToldSoFar::default())], "02T10:00");
    assert!(notice.private);
    assert_eq!(notice.recipients.iter().map(|(r, _)| r.as_str()).collect::<Vec<_>>(), ["dana@northlight.example"]);
}

#[test]
fn a_firm_may_not_want_to_hear_of_its_own_tone() {
    let ours = Cause { signals: vec!["staff_hostile".to_owned()], ..cause("a", "02T10:00", Severity::Warning) };
    let berated = Cause { signals: vec!["berating".to_owned()], ..cause("b", "02T10:00", Severity::Warning) };
    let settings = config::parse(&format!("{SETTINGS}\n[privacy]\nstaff_tone = \"off\"\n"), "settings").unwrap();
    let owed = |cause: Cause| {
        let incidents = [named(vec![cause], ToldSoFar::default())];
        plan(settings.account("acme").unwrap(), &incidents, &settings, at("02T12:00")).notices.len()
    };
    assert_eq!((owed(ours), owed(berated)), (0, 1));
}

#[test]
fn a_superior_named_in_the_mail_is_told_too() {
    let over = Cause {
        signals: vec!["over_your_head".to_owned()],
        superiors: vec!["marcus@northlight.example".to_owned()],
        ..cause("a", "02T10:00", Severity::Critical)
    };
    let (_, notice) = first_notice(&[named(vec![over], ToldSoFar::default())], "02T10:00");
    assert!(notice.recipients.iter().any(|(r, _)| r == "marcus@northlight.example"), "{:?}", notice.recipients);
}

#[test]
fn several_incidents_of_an_account_share_an_e_mail() {
    let quality = named(vec![cause("a", "02T10:00", Severity::Warning)], ToldSoFar::default());
    let mut terms = named(vec![cause("b", "02T10:01", Severity::Warning)], ToldSoFar::default());
    terms.name = "acme/terms-1".to_owned();
    let (when, notice) = first_notice(&[quality, terms], "02T10:01");
    assert_eq!(when, at("02T10:00").checked_add(SignedDuration::from_mins(2)).unwrap());
    assert_eq!(notice.lines.len(), 2, "{notice:?}");
}

#[test]
fn who_may_leave_needs_no_second_e_mail_that_they_press() {
    let of = |topic: Topic, severity: Severity, name: &str| Named {
        name: name.to_owned(),
        incident: Incident { topic, ..incident(vec![cause(name, "02T10:00", severity)]) },
        told: ToldSoFar::default(),
    };
    let leaving = of(Topic::Cancellation, Severity::Critical, "acme/cancellation-1");
    let told = |other: Named| -> Vec<String> {
        let plan = planned(&[leaving.clone(), other], at("02T10:05"));
        plan.notices.iter().flat_map(|n| &n.lines).map(|l| l.incident.clone()).collect()
    };
    assert_eq!(told(of(Topic::Pressure, Severity::Warning, "p")), ["acme/cancellation-1"]);
    assert_eq!(told(of(Topic::Response, Severity::Warning, "r")), ["acme/cancellation-1"]);
    assert_eq!(told(of(Topic::Pressure, Severity::Critical, "p")), ["acme/cancellation-1", "p"]);
    assert_eq!(told(of(Topic::Quality, Severity::Warning, "q")), ["acme/cancellation-1", "q"]);
}

#[test]
fn what_time_found_out_may_be_the_owner_s_alone() {
    let found =
        |to| Cause { fact: Some("no word".to_owned()), to: Some(to), ..cause("f", "02T10:00", Severity::Warning) };
    let readers = |to| -> Vec<String> {
        let (_, notice) = first_notice(&[named(vec![found(to)], ToldSoFar::default())], "02T10:00");
        notice.recipients.into_iter().map(|(address, _)| address).collect()
    };
    assert_eq!(readers(Told::Owner), ["sam@northlight.example"]);
    assert!(readers(Told::Manager).contains(&"dana@northlight.example".to_owned()));
}

#[test]
fn what_time_found_out_is_said_once() {
    let found = Cause {
        fact: Some("no word".to_owned()),
        to: Some(Told::Manager),
        ..cause("f", "02T10:00", Severity::Warning)
    };
    let plan = planned(&[named(vec![found.clone()], told(&[&found], "02T10:02"))], at("20T10:00"));
    assert_eq!(plan, Plan::default());
}
