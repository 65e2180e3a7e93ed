//! What a graver matter hides: an account that may leave needs no second e-mail that it presses.

use super::plan::Named;
use crate::judge::{Severity, Topic};
use crate::watch::Phase;

/// Whether an incident keeps still while a graver one with the same account is open.
///
/// An open cancellation hides warnings of pressure and of missing answers, and of conduct
/// where blame is all there is. What is critical is never hidden.
#[must_use]
pub fn is_hidden(named: &Named, all: &[Named]) -> bool {
    let incident = &named.incident;
    let leaving = all.iter().any(|other| {
        other.incident.topic == Topic::Cancellation
            && other.incident.phase == Phase::Open
            && other.incident.severity >= Severity::Warning
    });
    let blamed = || incident.causes.iter().all(|c| c.signals.iter().all(|s| s == "blame"));
    let hides = match incident.topic {
        Topic::Pressure | Topic::Response => true,
        Topic::Conduct => blamed(),
        _ => false,
    };
    leaving && hides && incident.severity < Severity::Critical
}
