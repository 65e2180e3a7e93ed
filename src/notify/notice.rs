//! A word to those who look after Barometer, or to a reader about e-mails that wait.

use jiff::tz::TimeZone;
use serde::Serialize;

use super::harmless::one_line;
use super::templates::{Clocks, Rendered, TemplateError, Templates};

/// The most characters of a subject.
const SUBJECT: usize = 120;

/// What a notice says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoticeView {
    /// The subject, and the first line.
    pub headline: String,
    /// What happened, a sentence or two.
    pub what: String,
    /// Single facts, a line each.
    pub lines: Vec<String>,
    /// What to do now.
    pub next_step: String,
}

/// What the notice's templates see.
#[derive(Serialize)]
struct NoticePage<'a> {
    subject: &'a str,
    notice: &'a NoticeView,
}

/// Subject, text and HTML of a notice.
///
/// # Errors
///
/// Only where a shipped template fails, which its tests exclude.
pub fn render(view: &NoticeView, templates: &Templates) -> Result<Rendered, TemplateError> {
    let subject = one_line(&format!("Barometer: {}", view.headline), SUBJECT);
    let clocks = Clocks { ours: TimeZone::UTC, theirs: None };
    templates.render("notice", &subject, &NoticePage { subject: &subject, notice: view }, &clocks)
}
