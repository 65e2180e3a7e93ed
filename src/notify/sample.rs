//! Invented views: what a firm's own templates are tried on before they are trusted, and
//! what the golden e-mails of the tests show.
#![expect(clippy::too_many_lines, reason = "only data")]

mod digest;

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::{TimeZone, offset};

use crate::config::Kind;
use crate::judge::{Severity, Side, ToneLabel, UrgencyLabel};

use super::notice::NoticeView;
use super::page::{DemoAccount, DemoEvent, DemoEventKind, DemoMorning, DemoOutcome, DemoPage, DemoStep};
use super::view::{
    AccountView, AlertEvent, AlertView, CauseView, ExchangeLine, IncidentView, OwedView, PersonView, PromiseState,
    PromiseView, SignalLine, StaffAlertView, StaffMatter, Way,
};

pub use digest::{calm, daily, weekly};

/// Midnight of Thursday 5 March 2026, UTC.
const THURSDAY: i64 = 1_772_668_800;

/// A minute of that week: days from Thursday, then hours and minutes.
fn at(days: i64, hours: i64, minutes: i64) -> Timestamp {
    Timestamp::from_second(THURSDAY + ((days * 24 + hours) * 60 + minutes) * 60).unwrap_or_default()
}

fn person(name: &str, address: &str, note: &str) -> PersonView {
    PersonView { name: name.into(), address: address.into(), note: note.into() }
}

fn signal(phrase: &str, words: &str) -> SignalLine {
    SignalLine { phrase: phrase.into(), words: words.into() }
}

fn acme() -> AccountView {
    AccountView {
        id: "acme".into(),
        name: "ACME Ltd".into(),
        kind: Kind::Client,
        provisional: false,
        owner_name: Some("Sam Hill".into()),
        zone: Some(TimeZone::fixed(offset(1))),
    }
}

fn vendor() -> AccountView {
    AccountView {
        id: "harrow.example".into(),
        name: "harrow.example".into(),
        kind: Kind::Vendor,
        provisional: true,
        owner_name: None,
        zone: None,
    }
}

fn exchange(at: Timestamp, who: &str, way: Way, gist: &str) -> ExchangeLine {
    ExchangeLine { at, who: who.into(), way, gist: gist.into() }
}

fn promise(by: Side, who: &str, words: &str, day: i8, state: PromiseState) -> PromiseView {
    PromiseView {
        by,
        person: who.into(),
        words: words.into(),
        due: Some(date(2026, 3, day)),
        state,
        account: String::new(),
    }
}

/// A mailbox that is not read.
#[must_use]
pub fn notice() -> NoticeView {
    NoticeView {
        headline: "the mailbox \"watch\" is not read".into(),
        what: "It could not be polled since Thu 5 Mar 09:14 UTC.".into(),
        lines: vec!["The last trouble: the server refused the log-in".into()],
        next_step: "Run `barometer check`, which tries each step and names the remedy.".into(),
    }
}

/// A cancellation: critical, in two zones.
#[must_use]
pub fn cancellation() -> AlertView {
    AlertView {
        event: AlertEvent::First,
        severity: Severity::Critical,
        account: acme(),
        reader_name: "Dana Reyes".into(),
        reader_reason: "you manage ACME Ltd".into(),
        incidents: vec![IncidentView {
            name: "acme/cancellation".into(),
            topic: "the work may end".into(),
            severity: Severity::Critical,
            state: "open".into(),
            opened_at: at(0, 16, 45),
            headline: "Jane Doe may end the work".into(),
            causes: vec![cancelling()],
            facts: Vec::new(),
            advice: Some("Listen before you explain: ask what would have to be true for them to stay.".into()),
        }],
        owed: vec![OwedView {
            by: Side::Us,
            person: "Sam Hill".into(),
            what: "an answer to “Launch plan, third request”".into(),
            since: at(-2, 9, 12),
        }],
        promises: vec![
            promise(Side::Us, "Sam Hill", "you will have the test build on Wednesday", 4, PromiseState::Overdue),
            promise(Side::Them, "Jane Doe", "I will send the legal text by Monday", 9, PromiseState::Open),
        ],
        exchanges: vec![
            exchange(at(-2, 9, 12), "Jane Doe", Way::Inbound, "Launch plan, third request"),
            exchange(at(-3, 15, 40), "Sam Hill", Way::Outbound, "Test build on Wednesday"),
            exchange(at(-6, 10, 5), "Jane Doe", Way::Inbound, "Where do we stand?"),
        ],
        told_also: vec!["Sam Hill".into(), "Marcus Bell".into()],
        next_step: "Call Jane Doe today: listen first, own the missed date, and bring a dated plan.".into(),
        takes_replies: true,
    }
}

fn cancelling() -> CauseView {
    CauseView {
        author: person("Jane Doe", "jane.doe@acme.example", "operations director"),
        to: vec![person("Sam Hill", "sam@northlight.example", "")],
        cc: vec![
            person("Marcus Bell", "marcus@northlight.example", "our director, newly on copy"),
            person("Omar Said", "omar.said@acme.example", ""),
        ],
        sent_at: Some(at(0, 16, 41)),
        clock_minutes: Some(60),
        arrived_at: at(0, 16, 45),
        late: false,
        subject: "Re: Launch plan".into(),
        signals: vec![
            signal("the work may end", "take the remaining phases elsewhere"),
            signal("goes over your head", "I have copied Marcus"),
        ],
        excerpt: "Sam,\n\nthis is the third date that has passed without a word from you. We have decided to \
                  take the remaining phases elsewhere at the end of the month. I have copied Marcus, since I no \
                  longer know who decides at your end.\n\nThe other agency's plan is at \
                  https://plans.brightline.com/acme/launch?token=4f2a, for what it is worth.\n\nJane"
            .into(),
        tone: Some(ToneLabel::Frustrated),
        urgency: Some(UrgencyLabel::High),
        usually: "warm; 46 mails, 3 of them displeased".into(),
        evidence: "jane.doe@acme.example writes from acme.example".into(),
        forwarded_by: None,
        note: None,
        reference: "0f3c21@mail.acme.example".into(),
    }
}

/// A complaint that was forwarded late, from an organisation nobody has configured: an update of two incidents.
#[must_use]
pub fn late_complaint() -> AlertView {
    let incident = |name: &str, topic: &str, headline: &str| IncidentView {
        name: name.into(),
        topic: topic.into(),
        severity: Severity::Warning,
        state: "open".into(),
        opened_at: at(-6, 17, 20),
        headline: headline.into(),
        causes: Vec::new(),
        facts: Vec::new(),
        advice: None,
    };
    let money = incident("harrow.example/terms", "money and scope", "Harrow may stop the print run");
    let pressure = incident("harrow.example/pressure", "pressure", "Ines Roth asks a second time");
    AlertView {
        event: AlertEvent::Update,
        severity: Severity::Warning,
        account: vendor(),
        reader_name: "Dana Reyes".into(),
        reader_reason: "no one else is named for harrow.example".into(),
        incidents: vec![
            IncidentView { causes: vec![forwarded()], ..money },
            IncidentView {
                facts: vec!["Two mails of 24 and 27 February have no answer that we saw.".into()],
                ..pressure
            },
        ],
        owed: Vec::new(),
        promises: Vec::new(),
        exchanges: vec![exchange(at(-9, 11, 0), "Ines Roth", Way::Inbound, "Invoice 3017")],
        told_also: Vec::new(),
        next_step: "Ask finance today when invoice 3017 will be paid, and tell Ines Roth the date.".into(),
        takes_replies: false,
    }
}

fn forwarded() -> CauseView {
    CauseView {
        author: person("Ines Roth", "ines@harrow.example", ""),
        to: vec![person("Josie Brandt", "josie@northlight.example", "")],
        cc: Vec::new(),
        sent_at: Some(at(-6, 17, 20)),
        clock_minutes: Some(330),
        arrived_at: at(0, 9, 3),
        late: true,
        subject: "Fwd: Invoice 3017".into(),
        signals: vec![signal("threatens to stop work over money", "we will have to stop the print run")],
        excerpt: "Dear Josie, invoice 3017 is six weeks overdue. Without payment by Friday we will have to stop the print run.".into(),
        tone: Some(ToneLabel::Concerned),
        urgency: None,
        usually: String::new(),
        evidence: "ines@harrow.example writes from harrow.example".into(),
        forwarded_by: Some(person("Josie Brandt", "josie@northlight.example", "")),
        note: Some("Sorry, this got stuck with me. What do we say?".into()),
        reference: "inbox/0412.eml".into(),
    }
}

/// Silence after a conflict, told again: no message behind it.
#[must_use]
pub fn silence() -> AlertView {
    AlertView {
        event: AlertEvent::Repeat,
        severity: Severity::Warning,
        account: AccountView { zone: None, ..acme() },
        reader_name: "Dana Reyes".into(),
        reader_reason: String::new(),
        incidents: vec![IncidentView {
            name: "acme/silence".into(),
            topic: "silence".into(),
            severity: Severity::Warning,
            state: "open".into(),
            opened_at: at(5, 9, 0),
            headline: "Three quiet days after the complaint".into(),
            causes: Vec::new(),
            facts: vec![
                "Nobody has written or called, in either direction, since Jane Doe's mail of 5 March.".into(),
                "The next word is ours.".into(),
            ],
            advice: None,
        }],
        owed: vec![OwedView {
            by: Side::Us,
            person: String::new(),
            what: "an answer to “Re: Launch plan”".into(),
            since: at(0, 16, 45),
        }],
        promises: Vec::new(),
        exchanges: vec![exchange(at(0, 16, 41), "Jane Doe", Way::Inbound, "Re: Launch plan")],
        told_also: vec!["Sam Hill".into()],
        next_step: "Call Jane Doe; a call they did not expect says more than a long mail.".into(),
        takes_replies: true,
    }
}

/// A member's own sharp mail, for their superior alone.
#[must_use]
pub fn coaching() -> StaffAlertView {
    StaffAlertView {
        matter: StaffMatter::Coaching,
        severity: Severity::Warning,
        account: acme(),
        reader_name: "Dana Reyes".into(),
        member: person("Sam Hill", "sam@northlight.example", ""),
        causes: vec![CauseView {
            author: person("Sam Hill", "sam@northlight.example", ""),
            to: vec![person("Jane Doe", "jane.doe@acme.example", "")],
            cc: Vec::new(),
            sent_at: Some(at(0, 17, 30)),
            clock_minutes: None,
            arrived_at: at(0, 17, 31),
            late: false,
            subject: "Re: Launch plan".into(),
            signals: vec![signal("sounds sharp", "as I have told you twice already")],
            excerpt: "Jane, as I have told you twice already, the delay is on your side. Sam".into(),
            tone: Some(ToneLabel::Hostile),
            urgency: Some(UrgencyLabel::Normal),
            usually: String::new(),
            evidence: "jane.doe@acme.example is a contact of ACME Ltd".into(),
            forwarded_by: None,
            note: None,
            reference: "77ab@northlight.example".into(),
        }],
        exchanges: vec![exchange(at(0, 16, 41), "Jane Doe", Way::Inbound, "Re: Launch plan")],
        next_step: String::new(),
    }
}

/// A client who belittled a member, for the member's superior alone.
#[must_use]
pub fn berated() -> StaffAlertView {
    let cause = CauseView {
        signals: vec![signal("belittles Sam Hill", "send somebody who can count")],
        excerpt: "Marcus, please send somebody who can count. Sam clearly cannot.".into(),
        tone: Some(ToneLabel::Hostile),
        usually: String::new(),
        ..cancelling()
    };
    StaffAlertView { matter: StaffMatter::Berated, causes: vec![cause], ..coaching() }
}

/// A small page of the demo.
#[must_use]
pub fn demo() -> DemoPage {
    let event = |at, kind, severity, line: &str, words: &str, file: Option<&str>| DemoEvent {
        at,
        kind,
        severity,
        line: line.into(),
        words: words.into(),
        file: file.map(str::to_owned),
    };
    let account = |name: &str, kind, state, story: &str, outcome: &str| DemoAccount {
        name: name.into(),
        kind,
        story: story.into(),
        outcome: outcome.into(),
        state,
        events: vec![
            event(
                at(-6, 9, 2),
                DemoEventKind::Noticed,
                Severity::Info,
                "Jane Doe asks for other quotes",
                "two more quotes",
                None,
            ),
            event(
                at(-3, 15, 40),
                DemoEventKind::Promise,
                Severity::Info,
                "Sam Hill promises the test build for Wednesday",
                "",
                None,
            ),
            event(
                at(0, 16, 45),
                DemoEventKind::Alert,
                Severity::Critical,
                "Jane Doe may end the work",
                "take the remaining phases elsewhere",
                Some("mail/0001.html"),
            ),
            event(
                at(1, 9, 10),
                DemoEventKind::Update,
                Severity::Warning,
                "She writes to our director as well",
                "I have copied Marcus",
                Some("mail/0002.html"),
            ),
            event(
                at(5, 9, 0),
                DemoEventKind::Silence,
                Severity::Warning,
                "Three quiet days; the next word is ours",
                "",
                None,
            ),
            event(
                at(6, 14, 0),
                DemoEventKind::GoodNews,
                Severity::Info,
                "Jane Doe accepts the plan",
                "let us go on from here",
                None,
            ),
            event(at(8, 9, 0), DemoEventKind::Incident, Severity::None, "Closed after ten calm days", "", None),
        ],
    };
    DemoPage {
        firm: "Northlight".into(),
        from: date(2026, 2, 27),
        to: date(2026, 3, 13),
        messages: 104,
        alerts: 9,
        digests: 30,
        accounts: vec![
            account(
                "ACME Ltd",
                Kind::Client,
                DemoOutcome::Well,
                "A launch slips twice, and the client's director loses patience.",
                "A dated plan was kept line by line; the work goes on.",
            ),
            account(
                "Quill Print",
                Kind::Vendor,
                DemoOutcome::Open,
                "A printer waits for money and says so, first to Josie, then to her director.",
                "The invoice is paid, but nobody has called since.",
            ),
            account(
                "Brightside Foods",
                Kind::Client,
                DemoOutcome::Danger,
                "A friendly client grows quiet.",
                "Three weeks without a word.",
            ),
        ],
        mornings: vec![
            DemoMorning {
                date: date(2026, 3, 5),
                line: "Nothing new, nothing open: a calm day.".into(),
                file: Some("mail/0003.html".into()),
            },
            DemoMorning {
                date: date(2026, 3, 6),
                line: "2 changes at 1 account and 1 incident open.".into(),
                file: Some("mail/0004.html".into()),
            },
        ],
        next: vec![
            DemoStep {
                command: "barometer replay ~/Maildir --out last-year".into(),
                what: "What would it have told you about your own mail of last year?".into(),
            },
            DemoStep {
                command: "barometer read message.eml".into(),
                what: "What it makes of one message, with every rule and word behind it.".into(),
            },
        ],
    }
}
