//! The page that `barometer demo` leaves behind: what happened at each account, when, and
//! what we would have said. Static: no script, nothing fetched, links to files beside it only.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use crate::config::Kind;
use crate::judge::Severity;

use super::layout;
use super::templates::{self, Clocks, TemplateError, Templates};

/// All that the page shows.
#[derive(Debug, Clone, Serialize)]
pub struct DemoPage {
    /// Name of the firm whose mail it is.
    pub firm: String,
    /// First day of the story.
    pub from: Date,
    /// Last day of the story.
    pub to: Date,
    /// Messages read.
    pub messages: u64,
    /// Alerts written.
    pub alerts: u64,
    /// Digests written.
    pub digests: u64,
    /// The accounts, in the order in which to read them.
    pub accounts: Vec<DemoAccount>,
    /// The digests, oldest first.
    pub mornings: Vec<DemoMorning>,
    /// What to try next.
    pub next: Vec<DemoStep>,
}

/// How an account's story ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DemoOutcome {
    /// The relationship is well.
    Well,
    /// Something is still open.
    Open,
    /// The relationship is in danger.
    Danger,
}

/// One account's story.
#[derive(Debug, Clone, Serialize)]
pub struct DemoAccount {
    /// Name for people.
    pub name: String,
    /// What it is to the firm.
    pub kind: Kind,
    /// The story in a sentence or two.
    pub story: String,
    /// How it ended, in a sentence.
    pub outcome: String,
    /// How it ended, in a word.
    pub state: DemoOutcome,
    /// What happened, oldest first.
    pub events: Vec<DemoEvent>,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DemoEventKind {
    /// An alert left.
    Alert,
    /// An alert about something worse or new left.
    Update,
    /// An alert was repeated.
    Reminder,
    /// A fact was noticed that waits for the digest.
    Noticed,
    /// Somebody promised something, or kept or broke a promise.
    Promise,
    /// Somebody went quiet.
    Silence,
    /// An incident changed its state.
    Incident,
    /// Something good happened.
    GoodNews,
}

/// One event of a story.
#[derive(Debug, Clone, Serialize)]
pub struct DemoEvent {
    /// When.
    pub at: Timestamp,
    /// What kind of thing.
    pub kind: DemoEventKind,
    /// How severe it was.
    pub severity: Severity,
    /// What happened, one line.
    pub line: String,
    /// The words behind it; empty where it was computed.
    pub words: String,
    /// The e-mail's HTML file, relative to the page.
    #[serde(serialize_with = "local_file")]
    pub file: Option<String>,
}

/// One digest.
#[derive(Debug, Clone, Serialize)]
pub struct DemoMorning {
    /// Its day.
    pub date: Date,
    /// Its summary.
    pub line: String,
    /// Its HTML file, relative to the page.
    #[serde(serialize_with = "local_file")]
    pub file: Option<String>,
}

/// Something to try.
#[derive(Debug, Clone, Serialize)]
pub struct DemoStep {
    /// The command.
    pub command: String,
    /// What it shows.
    pub what: String,
}

/// What the page's template sees.
#[derive(Serialize)]
struct Page<'a> {
    page: &'a DemoPage,
    zone: String,
}

/// The page as HTML; times are told in `zone`.
///
/// # Errors
///
/// Only where a shipped template fails, which its tests exclude.
pub fn index(page: &DemoPage, templates: &Templates, zone: &TimeZone) -> Result<String, TemplateError> {
    rendered(page, templates, zone).map(|(html, _)| html)
}

/// Whether the page's own template works, where a firm has one.
pub(super) fn try_index(page: &DemoPage, templates: &Templates, zone: &TimeZone) -> Result<(), TemplateError> {
    rendered(page, templates, zone)?.1.map_or(Ok(()), Err)
}

/// The page, and why a firm's own template was passed over where it was.
fn rendered(
    page: &DemoPage,
    templates: &Templates,
    zone: &TimeZone,
) -> Result<(String, Option<TemplateError>), TemplateError> {
    let noon = page.from.at(12, 0, 0, 0).to_zoned(zone.clone());
    let at = noon.map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp());
    let shown = Page { page, zone: layout::zone_title(at, zone) };
    let clocks = Clocks { ours: zone.clone(), theirs: None };
    templates.render_file("demo.html", &templates::harmless_page("demo.html", &shown)?, &clocks)
}

/// Only a plain path below the page may become a link.
#[expect(clippy::ref_option, reason = "the shape that serde asks for")]
fn local_file<S: Serializer>(file: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let plain = |path: &&String| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        !path.starts_with('/') && !path.contains("..") && path.chars().all(allowed)
    };
    file.as_ref().filter(plain).serialize(serializer)
}
