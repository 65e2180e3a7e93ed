//! The head of a message, and the moment of arrival it tells.

use std::io::{self, BufRead};

use jiff::Timestamp;

use super::lines::{Line, Lines};
use crate::intake::{self, field_of, fields};

/// How much of a message is looked at for its arrival.
const HEAD_BYTES: usize = 256 << 10;

/// Fields of which a message has at least one.
const COMMON_FIELDS: [&str; 9] =
    ["received", "return-path", "delivered-to", "date", "from", "to", "subject", "message-id", "mime-version"];

/// Gathers header lines up to the empty line, at most 256 KB of them.
#[derive(Default)]
pub(super) struct Head {
    bytes: Vec<u8>,
    ended: bool,
}

impl Head {
    /// Adds the lines up to the empty one.
    pub(super) fn read<R: BufRead>(&mut self, lines: &mut Lines<R>) -> io::Result<()> {
        while !self.ended
            && let Some(line) = lines.next()?
        {
            self.push(&line);
        }
        Ok(())
    }

    /// Adds the next line of the message.
    pub(super) fn push(&mut self, line: &Line<'_>) {
        if self.ended {
            return;
        }
        let room = HEAD_BYTES.saturating_sub(self.bytes.len());
        self.ended = line.is_blank() || line.bytes.len() > room;
        self.bytes.extend(line.bytes.iter().take(room));
    }

    /// Topmost `Received` date, else `Date`.
    pub(super) fn arrived_at(&self) -> Option<Timestamp> {
        intake::arrived_at(&self.bytes)
    }

    /// Whether these are the headers of a message rather than the start of some other file.
    pub(super) fn looks_like_mail(&self) -> bool {
        let starts_with_field =
            self.bytes.split(|b| *b == b'\n').next().is_some_and(|line| {
                field_of(line).is_some() || line.starts_with(b"From ") || line.starts_with(b">From ")
            });
        starts_with_field && fields(&self.bytes).any(|field| is_common(field.name))
    }
}

fn is_common(name: &[u8]) -> bool {
    COMMON_FIELDS.iter().any(|common| name.eq_ignore_ascii_case(common.as_bytes()))
}

/// Where the body of a message begins; its length where none does.
pub(super) fn header_bytes(raw: &[u8]) -> usize {
    let mut count = 0;
    for line in raw.split_inclusive(|b| *b == b'\n') {
        count += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            break;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_do_not_look_like_mail() {
        for (text, expected) in [
            ("Subject: x\n\n", true),
            ("X-Odd: 1\nFrom: a@b.example\n\n", true),
            (">From a@b.example Mon Mar  2 09:14:00 2026\nFrom: a@b.example\n\n", true),
            ("{\"from\": \"a@b.example\"}\n", false),
            ("# Notes\n\nFrom: a\n", false),
            ("key: value\n", false),
            ("\0\0\0", false),
            ("", false),
        ] {
            let mut head = Head::default();
            head.read(&mut Lines::new(text.as_bytes())).unwrap();
            assert_eq!(head.looks_like_mail(), expected, "{text:?}");
        }
    }
}
