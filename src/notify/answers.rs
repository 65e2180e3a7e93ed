//! What members answered about one incident, and where it stands because of that.
//!
//! An answer covers the messages that had been told when its alert was written; whatever comes
//! later and is graver, or brings a signal or a person that they do not have, ends it. Answers lie in a log and
//! are never recomputed; where an incident stands follows from log, fold and time. Pure.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::plan::{is_for, is_news};
use crate::judge::Severity;
use crate::watch::{Cause, Incident, Phase};

/// Longest snooze of a critical incident, and of any other.
const CRITICAL_SNOOZE: SignedDuration = SignedDuration::from_hours(8);
const SNOOZE: SignedDuration = SignedDuration::from_hours(72);

/// What was said about an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Somebody knows.
    Ack,
    /// Somebody has taken it over.
    Mine,
    /// Quiet until then.
    Snooze(Timestamp),
    /// It is over.
    Close,
    /// The next on the ladder is to hear of it.
    Raise,
}

/// One answer that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its number in the log.
    pub id: i64,
    /// When it reached us.
    pub at: Timestamp,
    /// Address of who gave it.
    pub person: String,
    /// What was said.
    pub said: Said,
    /// Keys of the messages that it covers.
    pub covers: BTreeSet<String>,
}

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stance {
    /// It needs somebody.
    Open,
    /// Somebody knows.
    Acknowledged,
    /// Quiet for a while.
    Snoozed,
    /// It is getting better.
    Calming,
    /// It is over.
    Closed,
}

/// The answers about one incident that stand, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// What stands.
    pub given: Vec<Answer>,
    /// When an answer was last taken back.
    pub taken_back_at: Option<Timestamp>,
}

impl Answers {
    /// The last answer that says where the incident stands.
    #[must_use]
    pub fn last(&self) -> Option<&Answer> {
        self.given.iter().rev().find(|answer| answer.said != Said::Raise)
    }

    /// Where the incident stands at `now`.
    #[must_use]
    pub fn stance(&self, incident: &Incident, now: Timestamp) -> Stance {
        let by_itself = match incident.phase {
            Phase::Open => Stance::Open,
            Phase::Calming => Stance::Calming,
            Phase::Closed => return Stance::Closed,
        };
        let Some(last) = self.last().filter(|last| !self.is_overtaken(last, incident)) else {
            return by_itself;
        };
        match last.said {
            Said::Close => Stance::Closed,
            _ if by_itself == Stance::Calming => Stance::Calming,
            Said::Ack | Said::Mine => Stance::Acknowledged,
            Said::Snooze(until) if now < until => Stance::Snoozed,
            Said::Snooze(_) | Said::Raise => Stance::Open,
        }
    }

    /// Whether something has come that the answers do not cover, and that ends them.
    fn is_overtaken(&self, last: &Answer, incident: &Incident) -> bool {
        let covered: BTreeSet<&String> = self.given.iter().flat_map(|answer| &answer.covers).collect();
        let (known, new): (Vec<&Cause>, Vec<&Cause>) =
            incident.causes.iter().filter(|c| is_for(c, false)).partition(|c| covered.contains(&c.key));
        let mut new = new.into_iter().filter(|c| is_news(c) && c.severity >= Severity::Warning);
        let worst = known.iter().map(|c| c.severity).max().unwrap_or_default();
        let is_known = |signal: &String| known.iter().any(|c| c.signals.contains(signal));
        new.any(|c| {
            reopens(last, c)
                || c.severity > worst
                || known.iter().all(|k| k.person != c.person)
                || !c.signals.iter().all(is_known)
        })
    }

    /// The end of a snooze that nothing has replaced or overtaken.
    #[must_use]
    pub fn wakes_at(&self, incident: &Incident) -> Option<Timestamp> {
        let last = self.last().filter(|_| incident.phase == Phase::Open)?;
        let Said::Snooze(until) = last.said else { return None };
        (!self.is_overtaken(last, incident)).then_some(until)
    }

    /// Address of the one who took it over last, as long as nobody has closed it since.
    #[must_use]
    pub fn taker(&self) -> Option<&str> {
        let since = self.given.iter().rposition(|answer| answer.said == Said::Close).map_or(0, |place| place + 1);
        let taken = self.given.iter().skip(since).rev().find(|answer| answer.said == Said::Mine);
        taken.map(|answer| answer.person.as_str())
    }

    /// Whether waiting for an answer began anew between two instants, the second included.
    #[must_use]
    pub fn parted(&self, from: Timestamp, to: Timestamp) -> bool {
        let said = self.given.iter().filter(|answer| answer.said != Said::Raise).map(|answer| answer.at);
        said.chain(self.taken_back_at).any(|at| at >= from && at <= to)
    }
}

/// Whether a message opens again what an answer has closed: any that reaches us afterwards.
pub(super) fn reopens(last: &Answer, cause: &Cause) -> bool {
    last.said == Said::Close && cause.arrived_at > last.at && cause.severity >= Severity::Warning
}

/// When a snooze ends that was asked to end at `until`, by how grave the incident is.
#[must_use]
pub fn snooze_end(until: Timestamp, severity: Severity, now: Timestamp) -> Timestamp {
    let longest = if severity == Severity::Critical { CRITICAL_SNOOZE } else { SNOOZE };
    until.min(now.checked_add(longest).unwrap_or(Timestamp::MAX))
}
