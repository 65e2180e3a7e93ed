//! Which lines a graver matter of the same account makes needless, for as long as it lasts. Pure.

use jiff::Timestamp;

use super::answers::Stance;
use super::plan::{Named, Owed, is_news};
use crate::judge::{Severity, Topic};

/// Says less than that they may leave.
const BLAME: &str = "blame";

/// Whether a graver matter of the same account makes a line needless for as long as it lasts.
pub(super) fn is_hidden(owed: &Owed, incidents: &[Named], now: Timestamp) -> bool {
    let Some(named) = incidents.iter().find(|named| named.name == owed.line.incident).filter(|_| !owed.private) else {
        return false;
    };
    let others = || incidents.iter().filter(|other| other.name != named.name);
    let stance = |other: &Named| other.told.answers.stance(&other.incident, now);
    let leaves = || {
        others().filter(|other| other.incident.topic == Topic::Cancellation).any(|other| {
            let is_live = other.incident.causes.iter().any(|c| is_news(c) && c.severity >= Severity::Warning);
            is_live && matches!(stance(other), Stance::Open | Stance::Acknowledged | Stance::Snoozed)
        })
    };
    let blame_alone = || named.incident.causes.iter().flat_map(|c| &c.signals).all(|signal| signal == BLAME);
    match named.incident.topic {
        Topic::Silence => others().any(|other| stance(other) == Stance::Acknowledged),
        Topic::Pressure | Topic::Response => owed.line.severity == Severity::Warning && leaves(),
        Topic::Conduct => owed.line.severity == Severity::Warning && blame_alone() && leaves(),
        _ => false,
    }
}
