//! What judging yields: tone, urgency, signals, severity, and why.

use serde::{Deserialize, Serialize};

use crate::read::Direction;

/// What the writer feels towards the reader (definitions: README, "Tone").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToneLabel {
    /// Attacks, insults, threats, contempt.
    Hostile,
    /// Clear dissatisfaction with the reader.
    Frustrated,
    /// Worry or doubt without blame.
    Concerned,
    /// Business.
    Neutral,
    /// Pleased or friendly beyond courtesy.
    Positive,
    /// Explicit thanks or praise for work done.
    Grateful,
}

/// How soon somebody must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrgencyLabel {
    /// No action, or explicitly unhurried.
    Low,
    /// Days.
    Normal,
    /// The same business day.
    High,
    /// Within the hour, or damage follows.
    Critical,
}

/// What we do about it. Ordered: `None < Info < Warning < Critical`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing.
    #[default]
    None,
    /// A line in the digest.
    Info,
    /// An alert in sending hours, after the group wait.
    Warning,
    /// An alert at once.
    Critical,
}

/// A label and the points behind it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tone {
    /// The label.
    pub label: ToneLabel,
    /// −100 (hostile) to 100 (warm).
    pub score: i32,
}

/// A label and the points behind it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Urgency {
    /// The label.
    pub label: UrgencyLabel,
    /// 0 to 100.
    pub score: i32,
}

/// A rule that fired, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Id of the rule.
    pub rule: String,
    /// What it is evidence of, if of anything.
    pub signal: Option<String>,
    /// The part of the message it read: subject, new, quoted, signature, …
    pub scope: String,
    /// The words that matched, at most 200 characters.
    pub words: String,
    /// Points added to tone, after caps.
    pub tone: i32,
    /// Points added to urgency, after caps.
    pub urgency: i32,
    /// Why the hit does not count, where it does not: a negation, a condition, a testing rule, …
    pub suppressed: Option<String>,
}

/// Where the words of a text lean when they are taken together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leaning {
    /// `tone.…`, `urgency.…`, `signal.…` or `escalate`.
    pub to: String,
    /// How sure that is, 0 to 1.
    pub share: f64,
    /// The words that weigh most for it.
    pub words: String,
    /// The sentence that weighs most for it, at most 200 characters.
    pub sentence: String,
}

/// A named fact about the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Its name in the table of signals.
    pub signal: String,
    /// The rule that saw it, or `engine:…`.
    pub rule: String,
    /// The words behind it.
    pub words: String,
}

/// Whose promise it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Ours.
    Us,
    /// Theirs.
    Them,
}

/// A promise as one message words it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Whose it is.
    pub by: Side,
    /// Who owes it: an address, else the name as written.
    pub person: String,
    /// The words.
    pub words: String,
    /// Local date (`2026-03-13`) or date-time (`2026-03-23T12:00`) without offset, in the service's zone.
    pub due: Option<String>,
    /// Stems of the words that tell what it is about.
    #[serde(default)]
    pub about: Vec<String>,
    /// How one sees that it was kept.
    #[serde(default)]
    pub sort: PromiseSort,
}

/// How one sees that a promise was kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromiseSort {
    /// Something arrives or is done.
    #[default]
    Delivery,
    /// People speak or meet; mail tells of it afterwards.
    Meeting,
    /// It comes again and again; the first time counts.
    Recurring,
}

/// What a sentence shows of promises and talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeedSort {
    /// The writer hands something over, or says that it is done.
    Delivers,
    /// The writer has received something.
    Receives,
    /// The writer says that the reader did what was promised.
    Keeps,
    /// The writer misses something.
    Misses,
    /// The writer will not do something in time.
    Slips,
    /// The writer needs something no more.
    Withdraws,
    /// The writer gives more time.
    Allows,
    /// The two sides have spoken.
    Called,
    /// An answer has reached the writer.
    Answered,
}

/// Evidence of one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// What it shows.
    pub sort: DeedSort,
    /// Stems of the words that tell what it is about.
    pub about: Vec<String>,
    /// The day it names, as a local date.
    pub on: Option<String>,
}

/// Everything that judging says of one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// `None` where the reading is unreadable.
    pub tone: Option<Tone>,
    /// `None` where the reading is unreadable.
    pub urgency: Option<Urgency>,
    /// Whether the message asks its reader for something.
    pub asks: bool,
    /// Signals, at most one entry a name.
    pub signals: Vec<Signal>,
    /// Every rule that fired, those that do not count included.
    pub hits: Vec<Hit>,
    /// What the words say taken together; empty where no weights are for its language.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leanings: Vec<Leaning>,
    /// Promises the writer makes.
    pub commitments: Vec<Promise>,
    /// What it shows of promises made before.
    #[serde(default)]
    pub deeds: Vec<Deed>,
    /// Stems of the words of its subject.
    #[serde(default)]
    pub about: Vec<String>,
    /// Stems of the words of its new text, the first of them.
    #[serde(default)]
    pub words: Vec<String>,
    /// What the message by itself warrants.
    pub severity: Severity,
    /// How sure the verdict is, 0 to 1.
    pub confidence: f64,
    /// Why the severity is what it is, one whole phrase a reason.
    pub reasons: Vec<String>,
}

impl Verdict {
    /// Nothing found: automatic, internal or unreadable mail.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            tone: None,
            urgency: None,
            asks: false,
            signals: Vec::new(),
            hits: Vec::new(),
            leanings: Vec::new(),
            commitments: Vec::new(),
            deeds: Vec::new(),
            about: Vec::new(),
            words: Vec::new(),
            severity: Severity::None,
            confidence: 1.0,
            reasons: Vec::new(),
        }
    }

    /// Whether a manager should be told now rather than in the digest.
    #[must_use]
    pub fn escalate(&self) -> bool {
        self.severity >= Severity::Warning
    }

    /// Whether it carries this signal.
    #[must_use]
    pub fn has(&self, signal: &str) -> bool {
        self.signals.iter().any(|s| s.signal == signal)
    }
}

/// What the judge is shown of one message: text and circumstances, no headers.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    /// Subject, decoded.
    pub subject: &'a str,
    /// What the author wrote now.
    pub new_text: &'a str,
    /// Quoted history, read only by rules that ask for it.
    pub quoted_text: &'a str,
    /// Contact block, read only by rules that ask for it.
    pub signature: &'a str,
    /// Legal boilerplate, read only by rules that ask for it.
    pub disclaimer: &'a str,
    /// Names of attached files.
    pub attachment_names: &'a [String],
    /// Towards us, from us, or among us.
    pub direction: Direction,
    /// What the other side is to us.
    pub kind: crate::config::Kind,
    /// ISO 639-1.
    pub language: &'a str,
    /// Arrival on the receiver's clock; `None` where unknown.
    pub at: Option<jiff::Zoned>,
    /// When it was written, on the same clock; as it arrived where that is unknown. Its "tomorrow" counts from here.
    pub written: Option<jiff::Zoned>,
    /// The receiver's working hours.
    pub calendar: &'a crate::calendar::Calendar,
    /// The author: an address, else a name; empty where unknown.
    pub author: &'a str,
    /// Addresses, then first names, of members above the addressee who are on copy.
    pub superiors_on_copy: &'a [String],
    /// Names of members, for telling our people from theirs.
    pub members: &'a [String],
    /// Whether the author marked it as important.
    pub high_priority: bool,
    /// Confidence of the reading, 0 to 1.
    pub reading_confidence: f64,
    /// Phrases the account uses harmlessly; hits inside them do not count.
    pub stop_phrases: &'a [String],
    /// Rules whose points people have corrected for this account: id, and how many of a hundred points are left.
    pub corrected: &'a [(String, u8)],
    /// How easily the account's mail alerts.
    pub sensitivity: crate::config::Sensitivity,
}

impl<'a> Letter<'a> {
    /// The wall clock from which its writer counts days.
    pub(super) fn wrote_at(&self) -> Option<jiff::civil::DateTime> {
        self.written.as_ref().or(self.at.as_ref()).map(jiff::Zoned::datetime)
    }

    /// A letter of which nothing is known but an English text: from a client, at no particular time.
    #[must_use]
    pub fn of_text(new_text: &'a str, calendar: &'a crate::calendar::Calendar) -> Self {
        Self {
            subject: "",
            new_text,
            quoted_text: "",
            signature: "",
            disclaimer: "",
            attachment_names: &[],
            direction: Direction::Inbound,
            kind: crate::config::Kind::Client,
            language: "en",
            at: None,
            written: None,
            calendar,
            author: "",
            superiors_on_copy: &[],
            members: &[],
            high_priority: false,
            reading_confidence: 1.0,
            stop_phrases: &[],
            corrected: &[],
            sensitivity: crate::config::Sensitivity::Normal,
        }
    }
}
