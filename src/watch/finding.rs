//! What the fold found out beyond single messages: an event of a line each, found
//! once, with a name that stays the same however often the fold is made.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::judge::{Severity, Side, Topic};

/// What was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Somebody promised something.
    CommitmentMade,
    /// A promise fell due, and nothing showed that it was kept.
    CommitmentDue,
    /// A promise was kept on its day.
    CommitmentKept,
    /// A promise was kept after its time.
    CommitmentKeptLate,
    /// A promise was kept on an earlier day.
    CommitmentKeptEarly,
    /// A promise was not kept.
    CommitmentBroken,
    /// Who was promised something needs it no more.
    CommitmentWithdrawn,
    /// Another day was agreed.
    CommitmentMoved,
    /// An answer is owed for too long.
    Unanswered,
    /// Nobody speaks.
    Silence,
    /// The agreed contact did not take place.
    CadenceMissed,
    /// One person is the trouble, not the company.
    DifficultPerson,
    /// An account is well again after a bad time.
    Recovered,
    /// Something good.
    GoodNews,
    /// Another signal over time, named in `signals`.
    Signal,
}

impl What {
    /// Its name in `events.jsonl`.
    #[must_use]
    pub fn event(self) -> &'static str {
        match self {
            Self::CommitmentMade => "commitment_made",
            Self::CommitmentDue => "commitment_due",
            Self::CommitmentKept => "commitment_kept",
            Self::CommitmentKeptLate => "commitment_kept_late",
            Self::CommitmentKeptEarly => "commitment_kept_early",
            Self::CommitmentBroken => "commitment_broken",
            Self::CommitmentWithdrawn => "commitment_withdrawn",
            Self::CommitmentMoved => "commitment_moved",
            Self::Unanswered => "unanswered",
            Self::Silence => "silence",
            Self::CadenceMissed => "cadence_missed",
            Self::DifficultPerson => "difficult_person",
            Self::Recovered => "recovered",
            Self::GoodNews => "good_news",
            Self::Signal => "signal",
        }
    }

    /// Whether people are glad to hear of it.
    #[must_use]
    pub fn is_good(self) -> bool {
        matches!(
            self,
            Self::CommitmentKept
                | Self::CommitmentKeptEarly
                | Self::CommitmentKeptLate
                | Self::Recovered
                | Self::GoodNews
        )
    }
}

/// A promise as people and scripts are shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pledge {
    /// Its name, the same for ever.
    pub id: String,
    /// Whose it is.
    pub by: Side,
    /// Who owes it: an address, else the name as written.
    pub person: String,
    /// The words.
    pub words: String,
    /// Local date or date-time without offset; `None` where no day was named.
    pub due: Option<String>,
}

/// Who is told of an alarm first; the account's managers where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The account's owner alone.
    Owner,
    /// The account's managers, and its owner.
    Manager,
    /// Directors too.
    Director,
}

/// The incident that something found out opens or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its topic.
    pub topic: Topic,
    /// What it warrants there.
    pub severity: Severity,
    /// Who is told.
    pub to: Told,
}

/// Something that became true at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Unique within the account, and the same in every fold.
    pub id: String,
    /// What.
    pub what: What,
    /// When it became true.
    pub at: Timestamp,
    /// Key of the message that shows it; `None` where time alone did it.
    pub key: Option<String>,
    /// Whom it is about: an address, else a name; empty for nobody.
    pub person: String,
    /// Names of the signals behind it.
    pub signals: Vec<String>,
    /// The promise it is about.
    pub pledge: Option<Pledge>,
    /// The incident it opens or changes, if any.
    pub alarm: Option<Alarm>,
    /// What it says to people: a whole phrase, without a final point.
    pub says: String,
    /// Known before we were watching: recorded, never told as news.
    pub history: bool,
}

impl Finding {
    /// Whether time alone found it out and it is worth an alert.
    pub(super) fn rings(&self) -> bool {
        self.key.is_none() && self.alarm.is_some_and(|alarm| alarm.severity >= Severity::Warning)
    }

    /// The key of the cause that it is of an incident.
    pub(super) fn cause_key(&self) -> &str {
        // What a message shows of its writer is shown with it; what became of a promise is not its fault.
        self.key.as_deref().filter(|_| self.what == What::Signal).unwrap_or(&self.id)
    }

    /// Nothing but a name, a kind and a moment; the rest is filled in by who knows it.
    #[must_use]
    pub fn new(id: String, what: What, at: Timestamp) -> Self {
        Self {
            id,
            what,
            at,
            key: None,
            person: String::new(),
            signals: Vec::new(),
            pledge: None,
            alarm: None,
            says: String::new(),
            history: false,
        }
    }
}
