//! The brief: all that one needs to know of an account before one speaks with it.
//!
//! Every line that rests on a message says which one. Counts are counted from what is shown.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::layout;
use super::templates::{Clocks, Rendered, TemplateError, Templates};
use super::view::{AccountView, OpenLine, PromiseState, PromiseView, Trend};
use crate::config::Kind;
use crate::judge::{Severity, Side};

/// Most bars of the curve; where there are more weeks, a bar stands for several.
const BARS: usize = 44;
/// Height of the tallest bar of the page, in pixels.
const TALLEST: u32 = 56;
/// Bars of the terminal, from nothing to the most.
const STEPS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// An account, looked back over.
#[derive(Debug, Clone, Serialize)]
pub struct BriefView {
    /// The account.
    pub account: AccountView,
    /// Until when it was looked at.
    pub until: Timestamp,
    /// When the first message was written; `None` where there is none.
    pub first_at: Option<Timestamp>,
    /// When the last was.
    pub last_at: Option<Timestamp>,
    /// Messages that came from them.
    pub inbound: u64,
    /// Messages that went to them.
    pub outbound: u64,
    /// Decayed negative points, rounded.
    pub pressure: u32,
    /// Decayed positive points, rounded.
    pub goodwill: u32,
    /// Which way it goes.
    pub trend: Trend,
    /// Who is who, theirs first, the busiest first.
    pub people: Vec<WhoLine>,
    /// How it went, a line a week, none left out.
    pub weeks: Vec<WeekLine>,
    /// Where it turned, oldest first.
    pub turns: Vec<TurnLine>,
    /// Incidents that are open.
    pub open: Vec<OpenLine>,
    /// Promises of either side that are not settled, the next due first.
    pub promises: Vec<PromiseView>,
    /// What became of the settled ones: ours, then theirs.
    pub settled: Vec<SettledLine>,
    /// What we tried after trouble, oldest first.
    pub tried: Vec<TriedLine>,
    /// Questions that wait for an answer, oldest first.
    pub unanswered: Vec<WaitLine>,
    /// Good moments, newest first.
    pub good: Vec<MomentLine>,
    /// The messages to read, oldest first; at most ten.
    pub read: Vec<MomentLine>,
}

/// Which message a line rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// When it was written.
    pub at: Timestamp,
    /// Name of its author.
    pub author: String,
    /// Its subject.
    pub subject: String,
    /// Its Message-ID without brackets, else the file it was in.
    pub message: String,
}

/// One person.
#[derive(Debug, Clone, Serialize)]
pub struct WhoLine {
    /// Whose side they are on.
    pub side: Side,
    /// Name; the address where none is known.
    pub name: String,
    /// Address; empty where none is known.
    pub address: String,
    /// What they are, as their signature or our settings say; empty where neither does.
    pub title: String,
    /// Messages they wrote.
    pub messages: u64,
    /// When they last wrote.
    pub last_at: Timestamp,
    /// How they usually sound, in a word; of the other side alone.
    pub tone: Option<&'static str>,
    /// What else to know of them; empty where nothing.
    pub note: String,
}

/// One week.
#[derive(Debug, Clone, Serialize)]
pub struct WeekLine {
    /// Its Monday.
    pub week: Date,
    /// Pressure at its end.
    pub pressure: u32,
    /// Goodwill at its end.
    pub goodwill: u32,
    /// Messages from them.
    pub inbound: u64,
    /// Messages to them.
    pub outbound: u64,
}

/// Which way things turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// For the worse.
    Worse,
    /// For the better.
    Better,
}

/// One turning point.
#[derive(Debug, Clone, Serialize)]
pub struct TurnLine {
    /// When.
    pub at: Timestamp,
    /// Which way.
    pub turn: Turn,
    /// What happened.
    pub what: String,
    /// The message behind it; `None` where time alone did it.
    pub reference: Option<Reference>,
}

/// What became of the promises of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SettledLine {
    /// Whose.
    pub by: Side,
    /// Kept in time.
    pub kept: u64,
    /// Kept after their time.
    pub late: u64,
    /// Not kept.
    pub broken: u64,
}

/// What came of something we tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Helped {
    /// Their next clear word was friendly.
    Yes,
    /// Their next clear word was not.
    No,
    /// They have said neither.
    Unclear,
}

/// Something we tried.
#[derive(Debug, Clone, Serialize)]
pub struct TriedLine {
    /// What, in words (`a dated plan`).
    pub what: &'static str,
    /// Whether it helped.
    pub helped: Helped,
    /// Our message.
    pub reference: Reference,
    /// Their message that shows what came of it.
    pub shown_by: Option<Reference>,
}

/// A question that waits.
#[derive(Debug, Clone, Serialize)]
pub struct WaitLine {
    /// Who owes the answer.
    pub owed_by: Side,
    /// The person on the other side.
    pub person: String,
    /// Since when.
    pub since: Timestamp,
    /// The message that waits.
    pub reference: Option<Reference>,
}

/// A message worth a look.
#[derive(Debug, Clone, Serialize)]
pub struct MomentLine {
    /// What it is, in a few words.
    pub what: String,
    /// The words behind it; empty where there are none.
    pub words: String,
    /// The message.
    pub reference: Reference,
}

/// One bar of the page's curve, in pixels.
#[derive(Serialize)]
struct Bar {
    from: Date,
    pressure: u32,
    goodwill: u32,
}

/// The curve as the terminal and the page draw it.
#[derive(Serialize)]
struct Curve {
    pressure: String,
    goodwill: String,
    bars: Vec<Bar>,
    most: u32,
    weeks_a_bar: usize,
}

/// What the brief's templates see.
#[derive(Serialize)]
struct BriefPage<'a> {
    subject: &'a str,
    summary: &'a str,
    brief: &'a BriefView,
    curve: Curve,
    zone: String,
}

/// Title, text and HTML of a brief; times are told in `zone`.
///
/// # Errors
///
/// Only where a shipped template fails, which its tests exclude.
pub fn render(view: &BriefView, templates: &Templates, zone: &TimeZone) -> Result<Rendered, TemplateError> {
    let subject = super::harmless::one_line(&format!("Brief: {}", view.account.name), 120);
    let summary = summary(view);
    let page = BriefPage {
        subject: &subject,
        summary: &summary,
        brief: view,
        curve: curve(&view.weeks),
        zone: layout::zone_title(view.until, zone),
    };
    let clocks = Clocks { ours: zone.clone(), theirs: None };
    templates.render_to_fit("brief", &subject, &page, &clocks)
}

/// How it stands, in one sentence.
fn summary(view: &BriefView) -> String {
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let way = match view.trend {
        Trend::Better => "getting better",
        Trend::Steady => "steady",
        Trend::Worse => "getting worse",
    };
    let overdue = |by: Side| view.promises.iter().filter(|p| p.by == by && p.state == PromiseState::Overdue).count();
    let mut parts = vec![way.to_owned()];
    parts.push(match view.open.len() {
        0 => "nothing open".to_owned(),
        n => format!("{} open", layout::count(number(n), "incident")),
    });
    for (by, whose) in [(Side::Us, "of ours"), (Side::Them, "of theirs")] {
        if overdue(by) > 0 {
            parts.push(format!("{} {whose} overdue", layout::count(number(overdue(by)), "promise")));
        }
    }
    let ours = view.unanswered.iter().filter(|w| w.owed_by == Side::Us).count();
    if ours > 0 {
        parts.push(format!("{} waiting for our answer", layout::count(number(ours), "question")));
    }
    format!("{}.", layout::capital(&parts.join(", ")))
}

/// The weeks, drawn; a bar that stands for several weeks shows the highest of each.
fn curve(weeks: &[WeekLine]) -> Curve {
    let weeks_a_bar = weeks.len().div_ceil(BARS).max(1);
    let bars: Vec<(Date, u32, u32)> = weeks
        .chunks(weeks_a_bar)
        .filter_map(|run| {
            let of = |value: fn(&WeekLine) -> u32| run.iter().map(value).max().unwrap_or(0);
            run.first().map(|first| (first.week, of(|w| w.pressure), of(|w| w.goodwill)))
        })
        .collect();
    let most = bars.iter().map(|(_, p, g)| *p.max(g)).max().unwrap_or(0);
    let step = |value: u32, steps: u32| (value * steps).div_ceil(most.max(1));
    let drawn = |value: u32| STEPS.get(step(value, 8) as usize).copied().unwrap_or(' ');
    Curve {
        pressure: bars.iter().map(|(_, p, _)| drawn(*p)).collect(),
        goodwill: bars.iter().map(|(.., g)| drawn(*g)).collect(),
        bars: bars
            .iter()
            .map(|(from, p, g)| Bar { from: *from, pressure: step(*p, TALLEST), goodwill: step(*g, TALLEST) })
            .collect(),
        most,
        weeks_a_bar,
    }
}

/// A brief with something in every place, on which templates are tried.
#[must_use]
#[expect(clippy::too_many_lines, reason = "only data")]
pub fn sample() -> BriefView {
    let at = |text: &str| text.parse::<Timestamp>().unwrap_or_default();
    let told = |when: &str, author: &str, subject: &str, message: &str| Reference {
        at: at(when),
        author: author.to_owned(),
        subject: subject.to_owned(),
        message: message.to_owned(),
    };
    let complaint = told("2026-02-10T09:20:00Z", "Jane Doe", "Storyboard", "storyboard.7@acme.example");
    let plan = told("2026-02-12T15:05:00Z", "Sam Hill", "Re: Storyboard", "plan.1@northlight.example");
    let peace = told("2026-02-20T10:00:00Z", "Jane Doe", "Re: Storyboard", "storyboard.9@acme.example");
    let week = |day: i8, month: i8, pressure, goodwill| WeekLine {
        week: Date::new(2026, month, day).unwrap_or_default(),
        pressure,
        goodwill,
        inbound: 4,
        outbound: 3,
    };
    let who = |side, name: &str, address: &str, title: &str, tone, note: &str| WhoLine {
        side,
        name: name.to_owned(),
        address: address.to_owned(),
        title: title.to_owned(),
        messages: 12,
        last_at: at("2026-03-02T10:00:00Z"),
        tone,
        note: note.to_owned(),
    };
    BriefView {
        account: AccountView {
            id: "acme".to_owned(),
            name: "ACME Ltd".to_owned(),
            kind: Kind::Client,
            provisional: false,
            owner_name: Some("Sam Hill".to_owned()),
            zone: None,
        },
        until: at("2026-03-05T09:00:00Z"),
        first_at: Some(at("2026-01-26T09:00:00Z")),
        last_at: Some(at("2026-03-02T10:00:00Z")),
        inbound: 24,
        outbound: 18,
        pressure: 9,
        goodwill: 14,
        trend: Trend::Better,
        people: vec![
            who(Side::Them, "Jane Doe", "jane@acme.example", "Head of Marketing", Some("concerned"), ""),
            who(Side::Us, "Sam Hill", "sam@northlight.example", "looks after the account", None, ""),
        ],
        weeks: vec![
            week(26, 1, 0, 4),
            week(2, 2, 2, 6),
            week(9, 2, 18, 4),
            week(16, 2, 14, 8),
            week(23, 2, 11, 12),
            week(2, 3, 9, 14),
        ],
        turns: vec![
            TurnLine {
                at: complaint.at,
                turn: Turn::Worse,
                what: "Jane Doe says that the work was not good enough".to_owned(),
                reference: Some(complaint.clone()),
            },
            TurnLine {
                at: peace.at,
                turn: Turn::Better,
                what: "Jane Doe calms things down".to_owned(),
                reference: Some(peace.clone()),
            },
        ],
        open: vec![OpenLine {
            account: "ACME Ltd".to_owned(),
            name: "acme-quality-1".to_owned(),
            headline: "Jane Doe says that the work was not good enough".to_owned(),
            severity: Severity::Warning,
            calming: true,
            held: false,
            state: "calming".to_owned(),
            opened_at: complaint.at,
            told_at: Some(at("2026-02-10T09:25:00Z")),
            told_you: false,
        }],
        promises: vec![PromiseView {
            by: Side::Us,
            person: "Sam Hill".to_owned(),
            words: "You will have the second cut on Friday.".to_owned(),
            due: Date::new(2026, 3, 6).ok(),
            state: PromiseState::Open,
            account: String::new(),
        }],
        settled: vec![SettledLine { by: Side::Us, kept: 5, late: 1, broken: 1 }],
        tried: vec![TriedLine {
            what: "a dated plan",
            helped: Helped::Yes,
            reference: plan,
            shown_by: Some(peace.clone()),
        }],
        unanswered: vec![WaitLine {
            owed_by: Side::Us,
            person: "Jane Doe".to_owned(),
            since: peace.at,
            reference: Some(peace.clone()),
        }],
        good: vec![MomentLine {
            what: "Jane Doe calms things down".to_owned(),
            words: "let us forget about that week".to_owned(),
            reference: peace,
        }],
        read: vec![MomentLine {
            what: "Jane Doe says that the work was not good enough".to_owned(),
            words: "this is not what we agreed".to_owned(),
            reference: complaint,
        }],
    }
}
