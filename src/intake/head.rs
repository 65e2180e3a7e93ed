//! What the headers tell of a message that is not, or not yet, parsed.

use std::borrow::Cow;

use jiff::Timestamp;
use mail_parser::{DateTime, MessageParser};

use super::scan::{LONGEST_HEADER, MOST_HEADERS};

/// How much of a message is looked at for its headers.
const HEAD_BYTES: usize = 256 * 1024;

/// What a message says of itself, for lists of mail that cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headline {
    /// The From field, decoded; empty where there is none.
    pub from: String,
    /// The subject, decoded; empty where there is none.
    pub subject: String,
    /// The Date field as written; empty where there is none.
    pub date: String,
    /// The Message-ID without angle brackets; empty where there is none.
    pub message_id: String,
}

/// From, subject, date and id of a message of which the beginning is known.
#[must_use]
pub fn headline(raw: &[u8]) -> Headline {
    let Some(message) = parse_head(raw) else { return Headline::default() };
    let from = message.from().and_then(|a| a.first());
    let person = |a: &mail_parser::Addr<'_>| match (a.name(), a.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    };
    Headline {
        from: from.map(person).unwrap_or_default(),
        subject: message.subject().unwrap_or_default().to_owned(),
        date: message.header_raw("Date").unwrap_or_default().trim().to_owned(),
        message_id: message.message_id().unwrap_or_default().to_owned(),
    }
}

/// When a message reached us by its own headers: topmost Received, else Date.
#[must_use]
pub fn arrived_at(raw: &[u8]) -> Option<Timestamp> {
    let mut sent_at = None;
    let head = head(raw);
    for field in fields(&head) {
        if field.name.eq_ignore_ascii_case(b"received") {
            if let Some(received_at) = received_at(&field.value()) {
                return Some(received_at);
            }
        } else if sent_at.is_none() && field.name.eq_ignore_ascii_case(b"date") {
            sent_at = date(&field.value());
        }
    }
    sent_at
}

/// The headers alone, with a sane number of fields, whatever the message is.
pub(crate) fn parse_head(raw: &[u8]) -> Option<mail_parser::Message<'static>> {
    let mut kept = Vec::new();
    for field in fields(&head(raw)).take(MOST_HEADERS) {
        let value = field.value();
        if value.len() <= LONGEST_HEADER {
            kept.extend([field.name, b":", value.as_bytes(), b"\r\n"].concat());
        }
    }
    kept.extend(b"\r\n");
    let parsed = MessageParser::default().parse_headers(&kept).map(mail_parser::Message::into_owned);
    parsed.filter(|message| !message.parts.is_empty())
}

/// The beginning of a message; lines of old systems, which end in CR alone, end in LF.
fn head(raw: &[u8]) -> Cow<'_, [u8]> {
    let head = raw.get(..raw.len().min(HEAD_BYTES)).unwrap_or_default();
    if head.contains(&b'\n') || !head.contains(&b'\r') {
        return Cow::Borrowed(head);
    }
    Cow::Owned(head.iter().map(|b| if *b == b'\r' { b'\n' } else { *b }).collect())
}

/// One header field.
pub(crate) struct Field<'a> {
    pub(crate) name: &'a [u8],
    first_line: &'a [u8],
    following: &'a [u8],
}

impl Field<'_> {
    /// The value with the lines it was folded into joined.
    pub(crate) fn value(&self) -> String {
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

/// Who vouches in a message's Authentication-Results, the topmost first (RFC 8601 2.2). Whether they
/// may is not told here.
#[must_use]
pub fn vouching(raw: &[u8]) -> Vec<String> {
    let results = fields(raw).filter(|field| field.name.eq_ignore_ascii_case(b"Authentication-Results"));
    let names = results.filter_map(|field| {
        let value = field.value();
        let name = value.split(';').next()?.split_whitespace().next()?.to_owned();
        name.is_ascii().then_some(name)
    });
    names.collect()
}

/// The fields before the empty line; what is no field is passed over.
pub(crate) fn fields(raw: &[u8]) -> impl Iterator<Item = Field<'_>> {
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
pub(crate) fn field_of(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|b| *b == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let name = name.trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    is_name.then_some((name, value.strip_prefix(b":")?))
}

/// The date of a `Received` field. Where a bracket left open in the trace hides it, what follows the last semicolon.
pub(crate) fn received_at(value: &str) -> Option<Timestamp> {
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

/// The instant that a date of the parser means, if there is such a day.
pub(crate) fn instant(date: &DateTime) -> Option<Timestamp> {
    // Leap seconds have no place in a count of seconds.
    let date = DateTime { second: date.second.min(59), ..*date };
    date.is_valid().then(|| Timestamp::from_second(date.to_timestamp()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrival_is_the_topmost_received_else_the_date() {
        #[rustfmt::skip]
        let cases: [(&str, Option<&str>); 12] = [
            ("Date: Mon, 02 Mar 2026 09:14:00 +0000\n\n", Some("2026-03-02T09:14:00Z")),
            ("date : Mon, 2 Mar 2026 09:14:00 +0100\r\n\r\n", Some("2026-03-02T08:14:00Z")),
            ("Received: from a by b; Tue, 03 Mar 2026 10:00:00 +0000\nReceived: from c by a; Mon, 02 Mar 2026 10:00:00 +0000\nDate: Sun, 01 Mar 2026 10:00:00 +0000\n\n", Some("2026-03-03T10:00:00Z")),
            ("Received: from a\n by b (id 1; x)\r\n\twith ESMTP;\n Tue, 03 Mar 2026 10:00:00 +0000 (GMT)\n\n", Some("2026-03-03T10:00:00Z")),
            ("Received: from (a by b; Tue, 03 Mar 2026 10:00:00 +0000\n\n", Some("2026-03-03T10:00:00Z")),
            ("Received: from a by b\nDate: Mon, 02 Mar 2026 09:14:00\n\n", Some("2026-03-02T09:14:00Z")),
            ("Date: Sat, 31 Dec 2016 23:59:60 +0000\n\n", Some("2016-12-31T23:59:59Z")),
            ("From: a@b.example\rDate: Mon, 02 Mar 2026 09:14:00 +0000\r\rHello\r", Some("2026-03-02T09:14:00Z")),
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
    fn a_headline_is_read_from_whatever_there_is() {
        let raw = b"From: =?utf-8?q?J=C3=BCrgen?= <j@b.example>\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\nDate: soon\r\nMessage-ID: <1@b.example>\r\n\r\nx";
        let expected = Headline {
            from: "J\u{fc}rgen <j@b.example>".to_owned(),
            subject: "Gr\u{fc}\u{df}e".to_owned(),
            date: "soon".to_owned(),
            message_id: "1@b.example".to_owned(),
        };
        assert_eq!(headline(raw), expected);
        assert_eq!(headline(b""), Headline::default());
        assert_eq!(headline(&[0xff; 1000]), Headline::default());
        let many = ["X-Hop: y\r\n".repeat(100_000).as_bytes(), b"Subject: late\r\n\r\n"].concat();
        assert_eq!(headline(&many), Headline::default());
    }
}
