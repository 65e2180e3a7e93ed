//! When two copies are the same message.
//!
//! A colleague's BCC, a forward of it and the client's own copy differ in bytes,
//! in headers and at times in Message-ID. Author, minute, subject and first words
//! do not.

use sha2::{Digest, Sha256};

use super::base_subject;
use crate::read::Message;

/// How many letters and digits of the new text count. Long enough to part two
/// mails of one minute, short enough that a forward's cut does not matter.
const FIRST_WORDS: usize = 120;

/// The same for every copy of one message, 64 hexadecimal digits.
///
/// Where author or date is unknown, the raw bytes are taken in: such mail is never
/// a copy of anything but itself.
#[must_use]
pub fn content_key(message: &Message, raw: &[u8]) -> String {
    let author = message.from.as_ref().map(|a| if a.address.is_empty() { &a.name } else { &a.address });
    let mut hash = Sha256::new();
    match (author, message.sent_at) {
        (Some(author), Some(sent)) => {
            hash.update(author.to_lowercase());
            hash.update((sent.as_second().div_euclid(60)).to_be_bytes());
        }
        _ => hash.update(raw),
    }
    hash.update([0]);
    hash.update(base_subject(&message.subject));
    hash.update([0]);
    hash.update(first_words(message));
    hex(&hash.finalize())
}

fn first_words(message: &Message) -> String {
    let text =
        if message.texts.new_text.trim().is_empty() { &message.texts.quoted_text } else { &message.texts.new_text };
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(FIRST_WORDS).collect()
}

/// SHA-256 in 64 hexadecimal digits.
#[must_use]
pub fn content_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
