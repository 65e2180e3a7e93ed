//! Fifth stage: an account's messages and the time → what is true now.
//!
//! A fold: the same messages and the same time give the same incidents, in
//! whatever order the messages reached us. It also says when it next wants to be
//! asked, so that nothing is ever scanned. What was told to whom is not known
//! here; `notify` compares the two. Pure.

mod incident;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::judge::{Severity, ToneLabel, UrgencyLabel};
use crate::read::Direction;

pub use incident::{Cause, Incident, Patience, Phase};

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
}

impl Entry {
    /// Position in the fold: by time written, ties by content.
    #[must_use]
    pub fn position(&self) -> (Timestamp, &str) {
        (self.sent_at, &self.key)
    }
}

/// What is true of one account. Serialised into the store between messages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Incidents, oldest first, closed ones included.
    pub incidents: Vec<Incident>,
    /// Position of the last entry taken in.
    pub last: Option<(Timestamp, String)>,
}

impl State {
    /// What is true after all of `entries`, in order of [`Entry::position`].
    #[must_use]
    pub fn of(entries: &[Entry], patience: &Patience, calendar: &Calendar) -> Self {
        let mut state = Self::default();
        for entry in entries {
            state.apply(entry, patience, calendar);
        }
        state
    }

    /// What is true at `now`, when quiet alone has done its work.
    ///
    /// The stored state stays where its last entry left it: a message that was
    /// written before `now` and arrives after it must find it so.
    #[must_use]
    pub fn at(&self, patience: &Patience, calendar: &Calendar, now: Timestamp) -> Self {
        let mut state = self.clone();
        state.advance(patience, calendar, now);
        state
    }

    /// Whether `entry` comes after everything taken in, so that [`State::apply`] is right for it.
    #[must_use]
    pub fn precedes(&self, entry: &Entry) -> bool {
        self.last.as_ref().is_none_or(|(at, key)| (*at, key.as_str()) < entry.position())
    }

    /// Takes in the next entry.
    pub fn apply(&mut self, entry: &Entry, patience: &Patience, calendar: &Calendar) {
        self.advance(patience, calendar, entry.sent_at);
        incident::take_in(&mut self.incidents, entry);
        self.last = Some((entry.sent_at, entry.key.clone()));
    }

    fn advance(&mut self, patience: &Patience, calendar: &Calendar, now: Timestamp) {
        for incident in &mut self.incidents {
            incident.advance(patience, calendar, now);
        }
    }

    /// When time alone will next change something.
    #[must_use]
    pub fn next_ask(&self, patience: &Patience, calendar: &Calendar) -> Option<Timestamp> {
        self.incidents.iter().filter_map(|i| i.next_change(patience, calendar)).min()
    }
}
