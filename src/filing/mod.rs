//! Third stage: [`Message`] → the account, contact and thread it belongs to.
//!
//! Members are excluded before anything is looked up; nothing matches an empty
//! address; every choice carries the evidence that a person can check. Pure.

mod account;
mod identity;
mod notes;
mod thread;

pub use account::{Attribution, Directory};
pub use identity::{content_hash, content_key};
pub use notes::Acquaintance;
pub use thread::{Join, Joining, Known, Marks, SUBJECT_WINDOW, Tie, base_subject, choose, joins_late, thread_all};

#[cfg(doc)]
use crate::read::Message;
