//! The alert: one e-mail to one reader about one account, and the private word about a member.
//!
//! The subject keeps its base for the life of an incident, so that mail clients thread.

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::judge::Severity;

use super::harmless::one_line;
use super::layout;
use super::templates::{Clocks, Rendered, TemplateError, Templates};
use super::view::{AccountView, AlertEvent, AlertView, CauseView, IncidentView, StaffAlertView, StaffMatter};

/// The most characters of a subject.
const SUBJECT: usize = 104;
/// The most characters of an account's name in a subject.
const ACCOUNT: usize = 30;
/// Earlier exchanges that are shown.
const EXCHANGES: usize = 3;

/// What the alert's templates see.
#[derive(Serialize)]
struct AlertPage<'a> {
    subject: &'a str,
    /// One line for the preview of a mailbox.
    summary: String,
    headline: String,
    /// One thing to do next; never empty.
    next_step: &'a str,
    /// Why they are told again; empty for the first time.
    news: String,
    /// More incidents than the one in the headline.
    more: u64,
    alert: &'a AlertView,
    zones: String,
    exchanges_shown: usize,
}

/// What the templates of a private word see.
#[derive(Serialize)]
struct StaffPage<'a> {
    subject: &'a str,
    summary: String,
    headline: String,
    next_step: &'a str,
    alert: &'a StaffAlertView,
    zones: String,
    exchanges_shown: usize,
}

/// Subject, text and HTML of an alert; times are told in `zone`, the reader's.
///
/// # Errors
///
/// Only where a shipped template fails, which its tests exclude.
pub fn render(view: &AlertView, templates: &Templates, zone: &TimeZone) -> Result<Rendered, TemplateError> {
    let subject = subject(view);
    let worst = strongest(&view.incidents);
    let clocks = clocks(&view.account, zone);
    let page = AlertPage {
        subject: &subject,
        summary: worst.map_or_else(String::new, |i| format!("{} {}", summary(i), next_step(view))),
        headline: worst.map_or_else(|| view.account.name.clone(), |i| i.headline.clone()),
        next_step: next_step(view),
        news: news(view),
        more: view.incidents.len().saturating_sub(1).try_into().unwrap_or(u64::MAX),
        alert: view,
        zones: zones(&clocks, worst.map(|i| i.opened_at), view.incidents.iter().flat_map(|i| &i.causes)),
        exchanges_shown: EXCHANGES,
    };
    templates.render_to_fit("alert", &subject, &page, &clocks)
}

/// Subject, text and HTML of a private word; times are told in `zone`, the reader's.
///
/// # Errors
///
/// Only where a shipped template fails, which its tests exclude.
pub fn render_staff(view: &StaffAlertView, templates: &Templates, zone: &TimeZone) -> Result<Rendered, TemplateError> {
    let headline = staff_headline(view);
    let subject = staff_subject(view);
    let clocks = clocks(&view.account, zone);
    let page = StaffPage {
        subject: &subject,
        summary: "For you alone. Nobody else has been told.".to_owned(),
        headline,
        next_step: staff_step(view),
        alert: view,
        zones: zones(&clocks, view.causes.first().map(|c| c.arrived_at), view.causes.iter()),
        exchanges_shown: EXCHANGES,
    };
    templates.render_to_fit("staff", &subject, &page, &clocks)
}

/// `Critical: [ACME Ltd] Jane Doe may end the work`.
fn subject(view: &AlertView) -> String {
    let critical = view.severity == Severity::Critical;
    let mark = match (view.event, critical) {
        (AlertEvent::First, true) => "Critical: ",
        (AlertEvent::First, false) => "",
        (AlertEvent::Update, true) => "Critical, update: ",
        (AlertEvent::Update, false) => "Update: ",
        (AlertEvent::Repeat, true) => "Critical, still open: ",
        (AlertEvent::Repeat, false) => "Still open: ",
    };
    let headline = strongest(&view.incidents).map_or("", |incident| &incident.headline);
    let tail = match view.incidents.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" (+{more} more)"),
    };
    let start = format!("{mark}[{}] ", one_line(&view.account.name, ACCOUNT));
    let room = SUBJECT.saturating_sub(start.chars().count() + tail.chars().count());
    format!("{start}{}{tail}", one_line(fitting(headline, room), room))
}

/// The headline, or where it is longer than `room` characters, its first part if that stands by itself.
fn fitting(headline: &str, room: usize) -> &str {
    if headline.chars().count() <= room {
        return headline;
    }
    let parts = [": ", " and "].into_iter().filter_map(|end| Some(headline.rsplit_once(end)?.0));
    parts.filter(|part| part.chars().count() <= room).max_by_key(|part| part.len()).unwrap_or(headline)
}

/// The most severe incident; of several, the first.
fn strongest(incidents: &[IncidentView]) -> Option<&IncidentView> {
    let mut found: Option<&IncidentView> = None;
    for incident in incidents {
        if found.is_none_or(|best| incident.severity > best.severity) {
            found = Some(incident);
        }
    }
    found
}

/// What a mailbox shows beside the subject: the words behind the headline, else a fact, else the topic.
fn summary(incident: &IncidentView) -> String {
    let words = incident.causes.iter().flat_map(|cause| &cause.signals);
    let words = words.map(|signal| signal.words.as_str()).find(|words| !words.is_empty());
    match words {
        Some(words) => format!("“{words}”"),
        None => incident.facts.first().unwrap_or(&incident.topic).clone(),
    }
}

/// The step that the rules advise, else the plainest one.
fn next_step(view: &AlertView) -> &str {
    match view.severity {
        _ if !view.next_step.is_empty() => &view.next_step,
        Severity::Critical => "Call them today, and listen before you explain.",
        _ if view.incidents.iter().all(|incident| incident.causes.is_empty()) => {
            "Ask today where it stands, and let them hear from us."
        }
        _ => "Read their words below, and see that somebody answers today.",
    }
}

/// Why they are told again.
fn news(view: &AlertView) -> String {
    let worst = strongest(&view.incidents);
    match view.event {
        AlertEvent::First => String::new(),
        AlertEvent::Update => match worst {
            Some(incident) if incident.causes.is_empty() && !incident.facts.is_empty() => {
                "Update: time has passed, and nothing that we saw has happened.".to_owned()
            }
            _ => "Update: there is a new message since we last wrote.".to_owned(),
        },
        AlertEvent::Repeat if view.takes_replies => {
            "Reminder: it is still open, and nobody has acknowledged it. Reply with ack, and this stops.".to_owned()
        }
        AlertEvent::Repeat => "Reminder: it is still open.".to_owned(),
    }
}

fn staff_headline(view: &StaffAlertView) -> String {
    let member = named(view);
    match view.matter {
        StaffMatter::Coaching => {
            format!("A mail of {member}'s to {} may have hurt", view.account.name)
        }
        StaffMatter::Berated => {
            let author = view.causes.first().map_or("Somebody", writer);
            format!("{author} of {} was hard on {member}", view.account.name)
        }
    }
}

/// Names no fault: subjects are read over shoulders.
fn staff_subject(view: &StaffAlertView) -> String {
    let start = format!("In confidence: [{}] ", one_line(&view.account.name, ACCOUNT));
    let room = SUBJECT.saturating_sub(start.chars().count());
    let quiet = match view.matter {
        StaffMatter::Coaching => format!("a word with {}?", named(view)),
        StaffMatter::Berated => format!("{} could use your support", named(view)),
    };
    format!("{start}{}", one_line(&quiet, room))
}

fn staff_step(view: &StaffAlertView) -> &str {
    if !view.next_step.is_empty() {
        return &view.next_step;
    }
    match view.matter {
        StaffMatter::Coaching => {
            "Talk to them in person today: ask how it goes with this account before you speak of the wording."
        }
        StaffMatter::Berated => {
            "Talk to them before you answer the sender: hear their side, then decide together who replies."
        }
    }
}

fn named(view: &StaffAlertView) -> &str {
    if view.member.name.is_empty() { &view.member.address } else { &view.member.name }
}

fn writer(cause: &CauseView) -> &str {
    if cause.author.name.is_empty() { &cause.author.address } else { &cause.author.name }
}

fn clocks(account: &AccountView, zone: &TimeZone) -> Clocks {
    Clocks { ours: zone.clone(), theirs: account.zone.clone() }
}

/// Whose times are told, for the foot of the e-mail.
fn zones<'a>(clocks: &Clocks, at: Option<jiff::Timestamp>, mut causes: impl Iterator<Item = &'a CauseView>) -> String {
    let at = at.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let ours = layout::zone_title(at, &clocks.ours);
    if let Some(theirs) = layout::theirs(at, clocks, None) {
        return format!("{ours} for you, {} for them", layout::zone_title(at, &theirs));
    }
    let by_mail = |cause: &CauseView| {
        layout::theirs(cause.sent_at.unwrap_or(cause.arrived_at), clocks, cause.clock_minutes).is_some()
    };
    if causes.any(by_mail) { format!("{ours} for you; for them, the clock of their own mail") } else { ours }
}
