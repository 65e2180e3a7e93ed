//! Who is owed which e-mail, and when: the fold compared with the log.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed step fails its test")]

use barometer::config::{self, Settings};
use barometer::judge::{Severity, Topic};
use barometer::notify::{Answer, Answers, Named, Notice, Plan, Said, Saying, ToldSoFar, plan, plan_without, shown};
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
fn the_same_again_is_news_on_another_day_where_it_is_critical_and_in_another_week() {
    let before = cause("a", "02T10:00", Severity::Critical);
    #[rustfmt::skip]
    let cases = [
        ("02T16:00", Severity::Critical, false),
        ("03T10:00", Severity::Critical, true),
        ("04T10:00", Severity::Warning,  false),
        ("09T10:00", Severity::Warning,  true),
    ];
    for (written, severity, is_news) in cases {
        let again = named(vec![before.clone(), cause("b", written, severity)], told(&[&before], "02T10:00"));
        let notices = planned(&[again], at(written) + SignedDuration::from_mins(5)).notices;
        let says = notices.iter().flat_map(|n| &n.lines).any(|line| line.cites.iter().any(|key| key == "b"));
        assert_eq!(says, is_news, "{written} {severity:?}: {notices:?}");
    }
}

#[test]
fn a_grave_reply_to_our_answer_is_news() {
    let before = cause("a", "02T10:00", Severity::Critical);
    let mut again =
        named(vec![before.clone(), cause("b", "02T12:00", Severity::Critical)], told(&[&before], "02T10:00"));
    let later = at("02T12:05");
    assert!(
        planned(std::slice::from_ref(&again), later).notices.iter().flat_map(|n| &n.lines).all(|l| l.cites.is_empty())
    );
    again.incident.answered_at = Some(at("02T11:00"));
    let notices = planned(&[again], later).notices;
    assert!(notices.iter().flat_map(|n| &n.lines).any(|line| line.cites == ["b"]), "{notices:?}");
}

#[test]
fn an_alert_shows_what_is_worth_one() {
    let causes = vec![cause("a", "02T09:00", Severity::Info), cause("b", "02T10:00", Severity::Critical)];
    let (_, notice) = first_notice(&[named(causes, ToldSoFar::default())], "02T10:00");
    assert_eq!(notice.lines[0].cites, ["b"]);
}

#[test]
fn what_one_of_us_wrote_sharply_is_for_the_superior_alone() {
    let mut own = cause("a", "02T10:00", Severity::Warning);
    own.person.clone_from(&own.member);
    own.signals = vec!["abuse".to_owned(), "staff_hostile".to_owned()];
    assert!(shown(&incident(vec![own.clone()]), false).causes.is_empty());
    assert_eq!(shown(&incident(vec![own]), true).causes[0].signals, ["staff_hostile"]);
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

/// An incident of another topic of the same account.
fn of_topic(topic: Topic, name: &str, cause: Cause, told: ToldSoFar) -> Named {
    Named { name: format!("acme/{name}-1"), incident: Incident { topic, ..incident(vec![cause]) }, told }
}

#[test]
fn a_client_who_may_leave_makes_lesser_warnings_needless() {
    let leaves = cause("l", "02T10:00", Severity::Critical);
    let leaving = || of_topic(Topic::Cancellation, "cancellation", leaves.clone(), told(&[&leaves], "02T10:00"));
    let later = |signal: &str, severity| Cause {
        signals: vec![signal.to_owned()],
        person: "bob@acme.example".to_owned(),
        ..cause("p", "02T11:00", severity)
    };
    #[rustfmt::skip]
    let cases = [
        // topic,           signal,              severity,            is told
        (Topic::Pressure,  "chaser",            Severity::Warning,  false),
        (Topic::Pressure,  "chaser",            Severity::Critical, true),
        (Topic::Response,  "chaser",            Severity::Warning,  false),
        (Topic::Conduct,   "blame",             Severity::Warning,  false),
        (Topic::Conduct,   "insult",            Severity::Warning,  true),
        (Topic::Quality,   "quality_complaint", Severity::Warning,  true),
    ];
    for (topic, signal, severity, is_told) in cases {
        let other = of_topic(topic, "other", later(signal, severity), ToldSoFar::default());
        let of_other = |plan: &Plan| plan.notices.iter().flat_map(|n| &n.lines).any(|l| l.incident == "acme/other-1");
        let plan = planned(&[leaving(), other.clone()], at("02T11:30"));
        assert_eq!(of_other(&plan), is_told, "{topic:?} {signal} {severity:?}");
        // Once they stay after all, it is told.
        let mut stays = leaving();
        stays.incident.phase = Phase::Calming;
        assert!(of_other(&planned(&[stays, other], at("02T11:30"))), "{topic:?} {signal}");
    }
}

#[test]
fn silence_is_no_news_while_somebody_is_at_work_on_another_matter() {
    let first = cause("a", "02T10:00", Severity::Warning);
    let ack = Answer {
        id: 1,
        at: at("02T10:30"),
        person: "dana@northlight.example".to_owned(),
        said: Said::Ack,
        covers: ["a".to_owned()].into(),
    };
    let quiet = || of_topic(Topic::Silence, "silence", cause("s", "02T11:00", Severity::Warning), ToldSoFar::default());
    let matter = |given| {
        let answers = Answers { given, taken_back_at: None };
        named(vec![first.clone()], ToldSoFar { answers, ..told(&[&first], "02T10:02") })
    };
    let tells = |given| !planned(&[matter(given), quiet()], at("02T11:30")).notices.is_empty();
    assert!(tells(Vec::new()));
    assert!(!tells(vec![ack]));
}

#[test]
fn the_ladder_passes_over_those_who_know_and_keeps_its_distance() {
    let text = format!(
        "{}\nladder = \"long\"\n[ladder.long]\nsteps = [{{ to = \"manager\", after = \"10m\" }}, {{ to = \"director\", after = \"20m\" }}, {{ to = \"admin\", after = \"30m\" }}]\n[[member]]\naddress = \"ada@northlight.example\"\nrole = \"admin\"\n",
        SETTINGS.trim_end()
    );
    let settings = config::parse(&text, "settings").unwrap();
    let account = settings.account("acme").unwrap();
    let first = cause("a", "02T10:00", Severity::Warning);
    let mut log = told(&[&first], "02T10:02");
    log.readers = ["dana@northlight.example".to_owned(), "sam@northlight.example".to_owned()].into();
    log.waiting_since = Some(at("02T10:02"));
    let next = |log: &ToldSoFar, now: &str| {
        let plan = plan(account, &[named(vec![first.clone()], log.clone())], &settings, at(now));
        plan.notices.into_iter().map(|n| (n.lines[0].saying, n.recipients)).collect::<Vec<_>>()
    };
    assert!(next(&log, "02T10:21").is_empty(), "the manager knows already");
    let climbed = next(&log, "02T10:22");
    assert_eq!(climbed.len(), 1);
    assert_eq!(climbed[0].0, Saying::Climb);
    assert_eq!(climbed[0].1[0].0, "marcus@northlight.example");
    // Told late, for whatever reason: the next waits ten minutes all the same.
    log.readers.insert("marcus@northlight.example".to_owned());
    log.climbed_at = Some(at("02T12:00"));
    assert!(next(&log, "02T12:09").is_empty());
    assert_eq!(next(&log, "02T12:10")[0].1[0].0, "ada@northlight.example");
    // Not in the evening: quiet hours hold for the ladder too.
    log.climbed_at = None;
    log.waiting_since = Some(at("02T17:25"));
    assert!(next(&log, "02T20:00").is_empty());
}

#[test]
fn the_ladder_goes_past_one_who_is_away_and_whose_deputy_knows() {
    let settings = config::parse(
        &format!("{SETTINGS}ladder = \"l\"\n[ladder.l]\nsteps = [{{ to = \"manager\", after = \"10m\" }}, {{ to = \"director\", after = \"20m\" }}]\n"),
        "settings",
    )
    .unwrap();
    let first = cause("a", "02T10:00", Severity::Warning);
    let mut log = told(&[&first], "02T10:02");
    log.readers = ["sam@northlight.example".to_owned()].into();
    log.waiting_since = Some(at("02T10:02"));
    let away = [("dana@northlight.example".to_owned(), "sam@northlight.example".to_owned())].into();
    let incidents = [named(vec![first], log)];
    let plan = plan_without(&away, settings.account("acme").unwrap(), &incidents, &settings, at("02T10:30"));
    assert_eq!(plan.notices[0].recipients[0].0, "marcus@northlight.example");
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

#[test]
fn what_is_the_owner_s_alone_stays_so_on_the_ladder_unless_an_answer_is_owed() {
    let steps = "steps = [{ to = \"manager\", after = \"0m\" }, { to = \"director\", after = \"20m\" }]";
    let settings =
        config::parse(&format!("{}\nladder = \"l\"\n[ladder.l]\n{steps}\n", SETTINGS.trim_end()), "settings");
    let settings = settings.unwrap();
    let found = |signal: &str| Cause {
        fact: Some("no word".to_owned()),
        to: Some(Told::Owner),
        signals: vec![signal.to_owned()],
        ..cause("f", "02T10:00", Severity::Warning)
    };
    let readers = |log: ToldSoFar, found: &Cause, now: &str| -> Vec<String> {
        let plan = plan(settings.account("acme").unwrap(), &[named(vec![found.clone()], log)], &settings, at(now));
        plan.notices.into_iter().flat_map(|n| n.recipients).map(|(address, _)| address).collect()
    };
    let waits = |found: &Cause| ToldSoFar {
        readers: ["sam@northlight.example".to_owned()].into(),
        waiting_since: Some(at("02T10:02")),
        ..told(&[found], "02T10:02")
    };
    let silence = found("silence_after_conflict");
    assert_eq!(readers(ToldSoFar::default(), &silence, "02T10:05"), ["sam@northlight.example"]);
    assert!(readers(waits(&silence), &silence, "02T16:00").is_empty(), "silence has stages of its own");
    let owed = found("unanswered");
    assert_eq!(readers(ToldSoFar::default(), &owed, "02T10:05"), ["sam@northlight.example"]);
    assert_eq!(readers(waits(&owed), &owed, "02T16:00"), ["dana@northlight.example"]);
    // Somebody may want the next to know all the same.
    let raise = Answer {
        id: 1,
        at: at("02T11:00"),
        person: "sam@northlight.example".to_owned(),
        said: Said::Raise,
        covers: ["f".to_owned()].into(),
    };
    let mut log = ToldSoFar { waiting_since: None, ..waits(&silence) };
    log.answers.given.push(raise);
    assert_eq!(readers(log, &silence, "02T11:00"), ["dana@northlight.example"]);
}
