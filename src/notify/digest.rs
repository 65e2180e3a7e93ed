//! The digest: what a reader should know each morning, in a minute.
//!
//! Counts are counted from the lines that are shown, never brought along.

use jiff::tz::TimeZone;
use serde::Serialize;

use super::layout::{self, count};
use super::templates::{Clocks, Rendered, TemplateError, Templates};
use super::view::{DigestSpan, DigestView, PromiseState};

/// What the digest's templates see.
#[derive(Serialize)]
struct DigestPage<'a> {
    subject: &'a str,
    /// The whole digest in one sentence; also the preview in a mailbox.
    summary: &'a str,
    /// Whether there is nothing to tell.
    empty: bool,
    digest: &'a DigestView,
    zone: String,
}

/// Subject, text and HTML of a digest; times are told in `zone`, the reader's.
///
/// # Errors
///
/// Only where a shipped template fails, which its tests exclude.
pub fn render(view: &DigestView, templates: &Templates, zone: &TimeZone) -> Result<Rendered, TemplateError> {
    let summary = summary(view);
    let subject = subject(view);
    let page = DigestPage {
        subject: &subject,
        summary: &summary,
        empty: is_empty(view),
        digest: view,
        zone: layout::zone_title(view.until, zone),
    };
    let clocks = Clocks { ours: zone.clone(), theirs: None };
    templates.render_to_fit("digest", &subject, &page, &clocks)
}

/// Whether nothing changed and nothing is open: what `empty` of the settings is about.
#[must_use]
pub fn is_empty(view: &DigestView) -> bool {
    view.changes.is_empty()
        && view.open.is_empty()
        && view.waiting.is_empty()
        && view.quiet.is_empty()
        && view.good_news.is_empty()
        && view.kept.is_empty()
        && view.promises.is_empty()
        && view.strangers.is_empty()
        && view.unread.is_empty()
        && view.trends.is_empty()
        && view.week.corrections.is_empty()
}

/// Incidents that are neither calming nor over.
fn open(view: &DigestView) -> usize {
    view.open.iter().filter(|line| !line.calming).count()
}

/// Promises that nobody has seen kept by their day.
fn unseen(view: &DigestView) -> usize {
    view.promises.iter().filter(|p| p.state == PromiseState::Overdue).count()
}

/// `Barometer, Thu 5 Mar: 2 changes, 1 open, 1 good news`.
fn subject(view: &DigestView) -> String {
    let day = layout::short_date(view.date);
    let title = match view.span {
        DigestSpan::Daily => format!("Barometer, {day}"),
        DigestSpan::Weekly => format!("Barometer, week to {day}"),
    };
    let mut parts = Vec::new();
    for (n, one, many) in [
        (changed(view), "change", "changes"),
        (open(view), "open", "open"),
        (view.good_news.len(), "good news", "good news"),
    ] {
        if n > 0 {
            parts.push(format!("{n} {}", if n == 1 { one } else { many }));
        }
    }
    match (parts.is_empty(), unseen(view)) {
        (true, 0) => format!("{title}: all calm"),
        (true, n) => format!("{title}: {} past its day", count(number(n), "promise")),
        (false, _) => format!("{title}: {}", parts.join(", ")),
    }
}

/// One sentence that says what matters most first.
fn summary(view: &DigestView) -> String {
    if is_empty(view) {
        return "Nothing new, nothing open: a calm day.".to_owned();
    }
    let overdue = unseen(view);
    let mut parts = Vec::new();
    if changed(view) > 0 {
        let news = count(number(changed(view)), "change");
        parts.push(format!("{news} at {}", count(number(view.changes.len()), "account")));
    }
    if open(view) > 0 {
        parts.push(format!("{} open", count(number(open(view)), "incident")));
    }
    if view.open.len() > open(view) {
        parts.push(format!("{} getting better", view.open.len() - open(view)));
    }
    if !view.waiting.is_empty() {
        parts.push(format!("{} waiting on us", count(number(view.waiting.len()), "answer")));
    }
    if overdue > 0 {
        parts.push(format!("{} past its day", count(number(overdue), "promise")));
    }
    match view.good_news.len() {
        0 => {}
        1 => parts.push("1 piece of good news".to_owned()),
        n => parts.push(format!("{n} pieces of good news")),
    }
    if parts.is_empty() {
        return "No account needs you today.".to_owned();
    }
    format!("{}.", listed(&parts))
}

/// `a`, `a and b`, `a, b and c`.
fn listed(parts: &[String]) -> String {
    match parts.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

fn changed(view: &DigestView) -> usize {
    view.changes.iter().map(|account| account.lines.len()).sum()
}

fn number(n: usize) -> u64 {
    n.try_into().unwrap_or(u64::MAX)
}
