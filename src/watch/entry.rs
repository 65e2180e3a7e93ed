//! One judged message of an account, as watching sees it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::judge::{Deed, Promise, Severity, Side, ToneLabel, UrgencyLabel};
use crate::read::Direction;

/// One judged message of an account, as watching sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Content key: the same for every copy.
    pub key: String,
    /// When it was written; arrival where that is unknown.
    pub sent_at: Timestamp,
    /// When it reached us.
    pub arrived_at: Timestamp,
    /// Known before we were watching: recorded, never told as news.
    pub history: bool,
    /// Towards us, from us, or among us.
    pub direction: Option<Direction>,
    /// Whether no person wrote it.
    pub automatic: bool,
    /// The author's address, else name.
    pub person: String,
    /// The author's name, else address.
    pub name: String,
    /// The first member it was addressed to, lower case; empty for none.
    pub addressee: String,
    /// Members above our person whom it names or copies, lower case.
    pub superiors: Vec<String>,
    /// What the other side is to us.
    pub kind: crate::config::Kind,
    /// Names of the signals it carries.
    pub signals: Vec<String>,
    /// Tone, where it could be read.
    pub tone: Option<ToneLabel>,
    /// Urgency, where it could be read.
    pub urgency: Option<UrgencyLabel>,
    /// What the message by itself warrants.
    pub severity: Severity,
    /// What else it says, beyond its mood.
    #[serde(default)]
    pub matter: Matter,
}

/// What a message is about, to whom it goes, and what it promises and shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Matter {
    /// Subject without prefixes, lower case.
    pub subject: String,
    /// Stems of the words of its subject.
    pub about: Vec<String>,
    /// Stems of the words of its new text.
    pub words: Vec<String>,
    /// Addresses on To, lower case; at most ten.
    pub to: Vec<String>,
    /// Addresses on Cc, lower case; at most ten.
    pub cc: Vec<String>,
    /// The member who brought it to us, lower case; empty for none.
    pub brought_by: String,
    /// Whether it asks its reader for something.
    pub asks: bool,
    /// Whether it is an invitation, or the answer to one.
    pub calendar: bool,
    /// What it promises.
    pub promises: Vec<Promise>,
    /// What it shows of promises and talks.
    pub deeds: Vec<Deed>,
    /// How near its words, taken together, come to what a manager is told at once, in percent.
    pub nearly: u8,
    /// Addresses that a mail of ours did not reach, lower case, where it tells of that.
    pub bounced: Vec<String>,
    /// Whether our own server found that it is not of who it says: it can add to what is known, and take nothing away.
    pub doubtful: bool,
    /// What it would be, were the superiors on it no news; `None` where that makes no difference.
    pub uncopied: Option<Uncopied>,
}

/// A message whose superiors have been on its thread before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncopied {
    /// Names of the signals it carries then.
    pub signals: Vec<String>,
    /// What it warrants then.
    pub severity: Severity,
}

/// Mail that was written longer ago than this when it arrived rings nothing.
const STALE: SignedDuration = SignedDuration::from_hours(24 * 14);

impl Entry {
    /// Position in the fold: by time written, ties by content.
    #[must_use]
    pub fn position(&self) -> (Timestamp, &str) {
        (self.sent_at, &self.key)
    }

    /// Whose word it is; `None` for machines, for our own talk and where the author is unknown.
    #[must_use]
    pub fn side(&self) -> Option<Side> {
        match self.direction {
            _ if self.automatic => None,
            Some(Direction::Inbound) => Some(Side::Them),
            Some(Direction::Outbound) => Some(Side::Us),
            Some(Direction::Internal) | None => None,
        }
    }

    /// Whether it reached us so late that it is for the record alone.
    pub(super) fn is_stale(&self) -> bool {
        self.arrived_at.duration_since(self.sent_at) > STALE
    }

    /// Whom it is written or copied to.
    pub(super) fn readers(&self) -> Vec<String> {
        self.matter.to.iter().chain(&self.matter.cc).cloned().collect()
    }

    /// Whether it is a note among us about the account.
    #[must_use]
    pub fn is_note(&self) -> bool {
        self.direction == Some(Direction::Internal) && !self.automatic
    }

    /// Whether it is addressed to the other side: to one of ours where they write, and not only on copy.
    #[must_use]
    pub fn crosses(&self) -> bool {
        let domain = |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        let ours = domain(&self.matter.brought_by);
        match self.direction {
            Some(Direction::Inbound) if ours.is_some() => self.matter.to.iter().any(|to| domain(to) == ours),
            _ => !self.addressee.is_empty() && domain(&self.addressee) != domain(&self.person),
        }
    }

    /// Whether it carries this signal.
    #[must_use]
    pub fn has(&self, signal: &str) -> bool {
        self.signals.iter().any(|s| s == signal)
    }

    /// Whether it stands against the relationship: displeased, or worth an alert.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.severity >= Severity::Warning || matches!(self.tone, Some(ToneLabel::Hostile | ToneLabel::Frustrated))
    }

    /// Whether it is kind: pleased, and nothing to worry about.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        let kind = matches!(self.tone, Some(ToneLabel::Positive | ToneLabel::Grateful));
        kind && self.severity < Severity::Warning && !self.matter.doubtful
    }
}
