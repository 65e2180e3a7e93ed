//! The thin layer of our own over async-imap: each command is read up to its own tag, and everything
//! but a tagged OK is an error. The helpers of the crate take NO, BAD, BYE and an orderly
//! end for success; none of them is used.

use std::time::Duration;

use async_imap::imap_proto::{RequestId, Response, Status};
use tokio::time::timeout;

use super::Session;
use super::error::{ImapError, code, words};

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
        mut each: impl FnMut(&Response<'_>) + Send,
    ) -> Result<(), ImapError> {
        let tag = self.begin(step, text).await?;
        while !matches!(self.hear(step, &tag, self.timeouts.command, &mut each).await?, Heard::Done) {}
        Ok(())
    }

    /// Sends a command and returns its tag.
    pub(super) async fn begin(&mut self, step: &'static str, text: &str) -> Result<RequestId, ImapError> {
        // What came unasked between two commands is of no use, and must not pile up.
        while self.wire.unsolicited_responses.try_recv().is_ok() {}
        match timeout(self.timeouts.command, self.wire.run_command(text)).await {
            Ok(Ok(tag)) => Ok(tag),
            Ok(Err(async_imap::error::Error::Io(error))) => Err(ImapError::of_stream(step, error)),
            Ok(Err(_)) => Err(ImapError::Garbled { step, reason: "the command cannot be sent".to_owned() }),
            Err(_) => Err(ImapError::Slow { step }),
        }
    }

    /// Hears one response. A tagged NO or BAD, a BYE, an end and silence are errors.
    pub(super) async fn hear(
        &mut self,
        step: &'static str,
        tag: &RequestId,
        patience: Duration,
        each: &mut (impl FnMut(&Response<'_>) + Send),
    ) -> Result<Heard, ImapError> {
        let heard = timeout(patience, self.wire.read_response()).await.map_err(|_| ImapError::Slow { step })?;
        let response = heard.map_err(|error| ImapError::of_stream(step, error))?;
        let response = response.ok_or(ImapError::Ended { step })?;
        match response.parsed() {
            Response::Done { tag: theirs, status, outcome } if theirs == tag => {
                let text = outcome.information.as_deref().unwrap_or("");
                match status {
                    Status::Ok => Ok(Heard::Done),
                    Status::No => Err(ImapError::No { step, code: code(text), words: words(text) }),
                    _ => Err(ImapError::Bad { step, words: words(text) }),
                }
            }
            Response::Data { status: Status::Bye, outcome } => {
                Err(ImapError::Bye { step, words: words(outcome.information.as_deref().unwrap_or("")) })
            }
            other => {
                each(other);
                Ok(Heard::Other)
            }
        }
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
