//! The thin layer of our own over async-imap: each command is read up to its own tag, and everything
//! but a tagged OK is an error. The helpers of the crate take NO, BAD, BYE and an orderly
//! end for success; none of them is used.

use std::time::Duration;

use async_imap::imap_proto::{MailboxDatum, Response, Status};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::Session;
use super::error::{ImapError, code_of, words};

/// The most responses to one command: a server that never ends would be listened to for ever.
const MOST_RESPONSES: usize = 200_000;
/// How much longer than one response a command may take.
const WHOLE: u32 = 5;

/// What a response was to the command in hand.
pub(super) enum Heard {
    /// The command is done.
    Done,
    /// Something else, which the caller has seen.
    Other,
}

impl Session {
    /// Runs a command; every response before its end is shown to `each`.
    pub(super) async fn command(
        &mut self,
        step: &'static str,
        text: &str,
        each: impl FnMut(&Response<'_>) + Send,
    ) -> Result<(), ImapError> {
        self.patient_command((step, self.timeouts.command), text, each).await
    }

    /// Runs a command, each response to which may take as long as is said.
    pub(super) async fn patient_command(
        &mut self,
        (step, patience): (&'static str, Duration),
        text: &str,
        mut each: impl FnMut(&Response<'_>) + Send,
    ) -> Result<(), ImapError> {
        let tag = self.begin(step, text).await?;
        let answering = async {
            for _ in 0..MOST_RESPONSES {
                if let Heard::Done = self.hear(step, &tag, patience, &mut each).await? {
                    return Ok(());
                }
            }
            Err(ImapError::Garbled { step, reason: "it answers without end".to_owned() })
        };
        timeout(patience * WHOLE, answering).await.unwrap_or(Err(ImapError::Slow { step }))
    }

    /// Sends a command and returns its tag.
    pub(super) async fn begin(&mut self, step: &'static str, text: &str) -> Result<String, ImapError> {
        // Its rest would be taken for the answer to this one.
        if self.in_hand {
            return Err(ImapError::Ended { step });
        }
        tracing::debug!(step, "asked");
        self.in_hand = true;
        self.tags = self.tags.wrapping_add(1);
        let tag = format!("a{}", self.tags);
        self.write(step, &format!("{tag} {text}\r\n")).await?;
        Ok(tag)
    }

    /// Writes what is asked, in one piece.
    pub(super) async fn write(&mut self, step: &'static str, text: &str) -> Result<(), ImapError> {
        let stream = self.wire.get_mut();
        let writing = async {
            stream.write_all(text.as_bytes()).await?;
            stream.flush().await
        };
        let written = timeout(self.timeouts.command, writing).await.map_err(|_| ImapError::Slow { step })?;
        written.map_err(|error| ImapError::of_stream(step, error))
    }

    /// Hears one response in time. A tagged NO or BAD, a BYE, an end and silence are errors.
    pub(super) async fn hear(
        &mut self,
        step: &'static str,
        tag: &str,
        patience: Duration,
        each: &mut (impl FnMut(&Response<'_>) + Send),
    ) -> Result<Heard, ImapError> {
        timeout(patience, self.listen(step, tag, each)).await.unwrap_or(Err(ImapError::Slow { step }))
    }

    /// Hears one response, however long it takes. A dropped call loses nothing of it.
    pub(super) async fn listen(
        &mut self,
        step: &'static str,
        tag: &str,
        each: &mut (impl FnMut(&Response<'_>) + Send),
    ) -> Result<Heard, ImapError> {
        let heard = self.wire.read_response().await.map_err(|error| ImapError::of_stream(step, error))?;
        let response = heard.ok_or(ImapError::Ended { step })?;
        match response.parsed() {
            Response::Done { tag: theirs, status, outcome } if theirs.0 == tag => {
                self.in_hand = false;
                let text = outcome.information.as_deref().unwrap_or("");
                match status {
                    Status::Ok => Ok(Heard::Done),
                    Status::No => {
                        Err(ImapError::No { step, code: code_of(outcome.code.as_ref(), text), words: words(text) })
                    }
                    _ => Err(ImapError::Bad { step, words: words(text) }),
                }
            }
            Response::Data { status: Status::Bye, outcome } => {
                Err(ImapError::Bye { step, words: words(outcome.information.as_deref().unwrap_or("")) })
            }
            other => {
                note(other, &mut self.exists, &mut self.more_came);
                each(other);
                Ok(Heard::Other)
            }
        }
    }
}

/// A server tells of a new message once, and perhaps while something else is asked for: who waits
/// for news afterwards would wait in vain.
fn note(response: &Response<'_>, exists: &mut u32, more_came: &mut bool) {
    match response {
        Response::MailboxData(MailboxDatum::Exists(n)) => {
            *more_came |= n > exists;
            *exists = *n;
        }
        Response::Expunge(_) => *exists = exists.saturating_sub(1),
        _ => {}
    }
}

/// UIDs as a set of ranges, ascending (`1:5,7`).
pub(super) fn set(uids: &[u32]) -> String {
    let mut sorted = uids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for uid in sorted {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(uid) => *last = uid,
            _ => ranges.push((uid, uid)),
        }
    }
    let text = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}:{last}") };
    ranges.iter().map(text).collect::<Vec<_>>().join(",")
}

/// The name of a folder as IMAP wants it: modified UTF-7 (RFC 3501 5.1.3), in quotes.
pub(super) fn folder(name: &str) -> String {
    let mut encoded = String::from("\"");
    let mut foreign: Vec<u16> = Vec::new();
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            close(&mut encoded, &mut foreign);
            match c {
                '&' => encoded.push_str("&-"),
                '"' | '\\' => encoded.extend(['\\', c]),
                c => encoded.push(c),
            }
        } else {
            foreign.extend(c.encode_utf16(&mut [0; 2]).iter());
        }
    }
    close(&mut encoded, &mut foreign);
    encoded.push('"');
    encoded
}

/// Ends a run of characters outside ASCII: UTF-16 in base64 with `,` for `/` and no padding.
fn close(encoded: &mut String, foreign: &mut Vec<u16>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
    if foreign.is_empty() {
        return;
    }
    encoded.push('&');
    let (mut bits, mut count) = (0_u32, 0_u32);
    for unit in foreign.drain(..) {
        bits = (bits << 16) | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            push_digit(encoded, DIGITS, bits >> count);
            bits &= (1 << count) - 1;
        }
    }
    if count > 0 {
        push_digit(encoded, DIGITS, bits << (6 - count));
    }
    encoded.push('-');
}

fn push_digit(encoded: &mut String, digits: &[u8; 64], value: u32) {
    let digit = usize::try_from(value & 63).ok().and_then(|n| digits.get(n));
    encoded.extend(digit.map(|d| char::from(*d)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_become_ranges() {
        #[rustfmt::skip]
        let cases: [(&[u32], &str); 5] = [
            (&[],                       ""),
            (&[7],                      "7"),
            (&[1, 2, 3, 5, 7, 8],       "1:3,5,7:8"),
            (&[3, 1, 2, 2],             "1:3"),
            (&[u32::MAX, u32::MAX - 1], "4294967294:4294967295"),
        ];
        for (uids, text) in cases {
            assert_eq!(set(uids), text);
        }
    }

    #[test]
    fn folder_names_are_written_as_the_rfc_says() {
        #[rustfmt::skip]
        let cases = [
            ("INBOX",            "\"INBOX\""),
            ("R&D \"x\\y\"",     "\"R&-D \\\"x\\\\y\\\"\""),
            ("Büro",             "\"B&APw-ro\""),
            // The example of RFC 3501 5.1.3.
            ("~peter/mail/台北/日本語", "\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\""),
            ("a\r\nb",           "\"a&AA0ACg-b\""),
        ];
        for (name, encoded) in cases {
            assert_eq!(folder(name), encoded);
        }
    }
}
