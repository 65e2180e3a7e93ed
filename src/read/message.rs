//! What reading yields: the message that matters, and how it came to us.
//!
//! Plain data, serialised as it stands into the store. Everything here came by
//! mail: nothing may be trusted, indexed or sliced.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::directives::Directives;

/// A name and an address, as mail writes them. Either may be empty, not both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// Display name, decoded, without quotes; empty where there was none.
    pub name: String,
    /// `local@domain`, lower case; empty where a forward dropped it.
    pub address: String,
}

/// How a message came to us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrapping {
    /// Sent to the service inbox, by To or Cc.
    #[default]
    Direct,
    /// One of ours blind-copied the service inbox.
    Bcc,
    /// Redirected or auto-forwarded with its headers intact.
    Resent,
    /// Forwarded as a `message/rfc822` part.
    Attached,
    /// Forwarded inside the text.
    Inline,
}

/// Towards us, from us, or among us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Written by somebody outside the firm.
    Inbound,
    /// Written by a member to somebody outside.
    Outbound,
    /// Written by a member to members only.
    Internal,
}

/// Why a message counts as automatic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automatic {
    /// A delivery failure or delay (RFC 3464, or free text).
    Bounce,
    /// A feedback report (RFC 5965).
    Report,
    /// A read or delivery receipt (RFC 8098).
    Receipt,
    /// An automatic answer of no particular kind.
    AutoReply,
    /// An automatic answer that says somebody is away.
    OutOfOffice,
    /// A notice made by a machine.
    Notification,
    /// A newsletter, mailing or advertisement.
    Bulk,
    /// An invitation, or the answer to one.
    Calendar,
    /// Our own alert or digest come back.
    Own,
}

/// Whether a message could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Text was found and taken apart.
    Ok,
    /// There is nothing to judge, and this is why (a whole phrase for people).
    Unreadable(String),
}

/// The message that brought the one that matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carrier {
    /// Who forwarded or redirected; `None` where nothing names them.
    pub from: Option<Address>,
    /// When they did.
    pub sent_at: Option<Timestamp>,
}

/// One forwarded message found inside another, outermost first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its own Message-ID, without angle brackets, where known.
    pub message_id: Option<String>,
    /// Its author.
    pub from: Option<Address>,
    /// Its recipients.
    pub to: Vec<Address>,
    /// Its copied recipients.
    pub cc: Vec<Address>,
    /// Its subject, decoded.
    pub subject: String,
    /// When it was written.
    pub sent_at: Option<Timestamp>,
    /// The date as the forward wrote it.
    pub date_raw: String,
    /// Its whole text, quotes and signature included.
    pub text: String,
}

/// Facts read from automatic mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The day somebody says they are back (`YYYY-MM-DD`).
    pub return_on: Option<String>,
    /// Whom to turn to meanwhile.
    pub deputy: Option<String>,
    /// What a calendar mail is about, in one line.
    pub event: Option<String>,
}

/// The parts of a body. Nothing is thrown away: each character of the readable
/// text is in exactly one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// What the author wrote now.
    pub new_text: String,
    /// History under or between it.
    pub quoted_text: String,
    /// The author's contact block or mobile footer.
    pub signature: String,
    /// Legal boilerplate and external-mail banners.
    pub disclaimer: String,
}

/// A file that came along. Never opened; known by name, type, size and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// File name as given; empty where there is none.
    pub name: String,
    /// Media type, lower case.
    pub media_type: String,
    /// Decoded size in bytes.
    pub size_bytes: u64,
}

/// One message, read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Whether there is text to judge.
    pub reading: Reading,
    /// How sure the reading is of author and new text, 0 to 1.
    pub confidence: f64,
    /// Why `confidence` is below 1; empty where it is not.
    pub doubts: Vec<String>,
    /// Message-ID of the file that was read, without angle brackets.
    pub message_id: Option<String>,
    /// Message-ID of the message that matters, where known: the inner one of a forward.
    pub original_id: Option<String>,
    /// Ids of In-Reply-To of the message that matters, duplicates removed.
    pub in_reply_to: Vec<String>,
    /// Ids of References of the message that matters, oldest first, duplicates removed.
    pub references: Vec<String>,
    /// Number by which Outlook knows the conversation (Thread-Index), in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// How it came.
    pub wrapping: Wrapping,
    /// Who brought it; `None` for direct and Bcc.
    pub carrier: Option<Carrier>,
    /// What the forwarder typed above.
    pub note: Option<String>,
    /// What the forwarder asked for there.
    #[serde(default, skip_serializing_if = "Directives::is_empty")]
    pub directives: Directives,
    /// Every forwarded message found inside, outermost first.
    pub layers: Vec<Layer>,
    /// The author of the message that matters.
    pub from: Option<Address>,
    /// Its recipients.
    pub to: Vec<Address>,
    /// Its copied recipients.
    pub cc: Vec<Address>,
    /// Its subject, decoded.
    pub subject: String,
    /// When it was written.
    pub sent_at: Option<Timestamp>,
    /// Minutes by which the clock of its author's program was ahead of UTC, as its own Date says; `None` where that
    /// does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_minutes: Option<i16>,
    /// When it reached us by its own headers: topmost Received, else the carrier's Date.
    pub arrived_at: Option<Timestamp>,
    /// Towards us, from us, or among us; `None` where the author is unknown.
    pub direction: Option<Direction>,
    /// Set where no person wrote it.
    pub automatic: Option<Automatic>,
    /// Addresses that a bounce says could not be reached.
    pub bounced: Vec<String>,
    /// Facts read from automatic mail.
    pub facts: Facts,
    /// The parts of the body.
    pub texts: Texts,
    /// ISO 639-1 code of the new text; `en` where it is too short to tell.
    pub language: String,
    /// Files that came along.
    pub attachments: Vec<Attachment>,
    /// Whether the author marked it as important (X-Priority, Importance).
    pub high_priority: bool,
}

impl Message {
    /// Every address that the message that matters names: author, To, Cc.
    pub fn people(&self) -> impl Iterator<Item = &Address> {
        self.from.iter().chain(&self.to).chain(&self.cc)
    }
}
