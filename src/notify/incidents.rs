//! The list of incidents: what a digest says of those that are open, of as many as are asked for.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::layout::{self, count};
use super::templates::{Clocks, Rendered, TemplateError, Templates};
use super::view::OpenLine;

/// What the list's templates see.
#[derive(Serialize)]
struct IncidentsPage<'a> {
    subject: &'a str,
    /// How many there are.
    summary: &'a str,
    incidents: &'a [OpenLine],
    /// When it was looked at.
    until: Timestamp,
    zone: String,
}

/// Title, text and HTML of a list of incidents as of `until`; times are told in `zone`.
///
/// # Errors
///
/// Only where a shipped template fails, which its tests exclude.
pub fn render(
    incidents: &[OpenLine],
    until: Timestamp,
    templates: &Templates,
    zone: &TimeZone,
) -> Result<Rendered, TemplateError> {
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let held = incidents.iter().filter(|line| line.held).count();
    let summary = match (incidents.len(), held) {
        (0, _) => "No incidents.".to_owned(),
        (all, 0) => format!("{}.", count(number(all), "incident")),
        (all, held) => format!("{}, {held} of them in hand.", count(number(all), "incident")),
    };
    let zone_title = layout::zone_title(until, zone);
    let page = IncidentsPage { subject: "Incidents", summary: &summary, incidents, until, zone: zone_title };
    templates.render("incidents", page.subject, &page, &Clocks { ours: zone.clone(), theirs: None })
}
