//! The head of a message, and the moment of arrival it tells.

use std::io::{self, BufRead};

use jiff::Timestamp;
use mail_parser::DateTime;

use super::lines::{Line, Lines};

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
        arrived_at(&self.bytes)
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

/// When a message arrived, by its head.
fn arrived_at(raw: &[u8]) -> Option<Timestamp> {
    let mut sent_at = None;
    for field in fields(raw) {
        if field.name.eq_ignore_ascii_case(b"received") {
            if let Some(received_at) = date_after_semicolon(&field.value()) {
                return Some(received_at);
            }
        } else if sent_at.is_none() && field.name.eq_ignore_ascii_case(b"date") {
            sent_at = date(&field.value());
        }
    }
    sent_at
}

/// One header field.
struct Field<'a> {
    name: &'a [u8],
    first_line: &'a [u8],
    following: &'a [u8],
}

impl Field<'_> {
    /// The value with the lines it was folded into joined.
    fn value(&self) -> String {
        let mut value = String::from_utf8_lossy(self.first_line).into_owned();
        for line in self.following.split(|b| *b == b'\n') {
            if !line.starts_with(b" ") && !line.starts_with(b"\t") {
                break;
            }
            value.push_str(&String::from_utf8_lossy(line));
        }
        value.replace('\r', " ")
    }
}

/// The fields before the empty line; what is no field is passed over.
fn fields(raw: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |at| at + 1);
            let (line, following) = rest.split_at_checked(end)?;
            rest = following;
            if matches!(line, b"\n" | b"\r\n") {
                return None;
            }
            if let Some((name, value)) = field_of(line) {
                let first_line = value.strip_suffix(b"\n").unwrap_or(value);
                return Some(Field { name, first_line, following });
            }
        }
        None
    })
}

/// Name and value, where a line begins a field.
fn field_of(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|b| *b == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let name = name.trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    is_name.then_some((name, value.strip_prefix(b":")?))
}

/// The date of a `Received` field. Where a bracket left open in the trace hides it, what follows the last semicolon.
fn date_after_semicolon(value: &str) -> Option<Timestamp> {
    let (_, tail) = value.rsplit_once(';')?;
    date(value).or_else(|| date(tail))
}

fn date(value: &str) -> Option<Timestamp> {
    // The blank ends the seconds of a date that names no zone.
    let mut parsed = DateTime::parse_rfc822(&format!("{value} "))?;
    // Leap seconds have no place in a count of seconds.
    parsed.second = parsed.second.min(59);
    if !parsed.is_valid() {
        return None;
    }
    Timestamp::from_second(parsed.to_timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrival_is_the_topmost_received_else_the_date() {
        #[rustfmt::skip]
        let cases: [(&str, Option<&str>); 11] = [
            ("Date: Mon, 02 Mar 2026 09:14:00 +0000\n\n", Some("2026-03-02T09:14:00Z")),
            ("date : Mon, 2 Mar 2026 09:14:00 +0100\r\n\r\n", Some("2026-03-02T08:14:00Z")),
            ("Received: from a by b; Tue, 03 Mar 2026 10:00:00 +0000\nReceived: from c by a; Mon, 02 Mar 2026 10:00:00 +0000\nDate: Sun, 01 Mar 2026 10:00:00 +0000\n\n", Some("2026-03-03T10:00:00Z")),
            ("Received: from a\n by b (id 1; x)\r\n\twith ESMTP;\n Tue, 03 Mar 2026 10:00:00 +0000 (GMT)\n\n", Some("2026-03-03T10:00:00Z")),
            ("Received: from (a by b; Tue, 03 Mar 2026 10:00:00 +0000\n\n", Some("2026-03-03T10:00:00Z")),
            ("Received: from a by b\nDate: Mon, 02 Mar 2026 09:14:00\n\n", Some("2026-03-02T09:14:00Z")),
            ("Date: Sat, 31 Dec 2016 23:59:60 +0000\n\n", Some("2016-12-31T23:59:59Z")),
            ("Date: yesterday\n\n", None),
            ("Date: Mon, 99 Mar 2026 09:14:00 +0000\n\n", None),
            ("Subject: x\n\nDate: Mon, 02 Mar 2026 09:14:00 +0000\n", None),
            ("", None),
        ];
        for (raw, expected) in cases {
            let arrived = arrived_at(raw.as_bytes()).map(|at| at.to_string());
            assert_eq!(arrived.as_deref(), expected, "{raw:?}");
        }
    }

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
