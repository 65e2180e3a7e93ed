//! What happened, one line of `events.jsonl` each (fields: README, "replay").

use jiff::Timestamp;
use serde::Serialize;

/// A message that an e-mail tells for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cite {
    /// Where its first copy was found.
    pub path: String,
    /// Its Message-ID.
    pub message_id: Option<String>,
}

/// One thing that happened. Fields that do not apply are null.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// When; for e-mails the moment they leave.
    pub at: Timestamp,
    /// What.
    pub event: &'static str,
    /// The message that caused it.
    pub path: Option<String>,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// Every message told for the first time.
    pub cites: Vec<Cite>,
    /// The account.
    pub account: Option<String>,
    /// The incident's name.
    pub incident: Option<String>,
    /// Its topic.
    pub topic: Option<crate::judge::Topic>,
    /// Its severity.
    pub severity: Option<crate::judge::Severity>,
    /// Names of the signals behind it.
    pub signals: Vec<String>,
    /// Whom it is about, as an address.
    pub person: Option<String>,
    /// The promise it is about.
    pub commitment: Option<crate::watch::Pledge>,
    /// Whether a message was written more than a day before it arrived.
    pub late: bool,
    /// Addresses of those told.
    pub recipients: Vec<String>,
    /// The e-mail, below the output folder.
    pub file: Option<String>,
    /// Message-ID of that e-mail, by which the file is found.
    #[serde(skip)]
    pub notification: Option<String>,
}

impl Event {
    /// Nothing but a moment and a name; the rest is filled in by who knows it.
    #[must_use]
    pub fn new(at: Timestamp, event: &'static str) -> Self {
        Self {
            at,
            event,
            path: None,
            message_id: None,
            cites: Vec::new(),
            account: None,
            incident: None,
            topic: None,
            severity: None,
            signals: Vec::new(),
            person: None,
            commitment: None,
            late: false,
            recipients: Vec::new(),
            file: None,
            notification: None,
        }
    }
}
