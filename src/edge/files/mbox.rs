//! Many messages in one file, each behind a `From ` line.
//!
//! A separator stands at the start of the file or after an empty line, and must
//! look like an envelope: a sender and a date. So text that begins with "From "
//! splits nothing, even in an mbox whose writer quoted nothing.

use std::io::{self, BufRead};

use jiff::Timestamp;

use super::head::Head;
use super::lines::{Line, Lines};
use super::size;

/// Longest separator line that is believed.
const SEPARATOR_BYTES: usize = 1000;

/// Most words a date has: weekday, month, day, time, two zones, year.
const DATE_WORDS: usize = 8;

/// One message found in an mbox.
pub(super) struct Found {
    /// Where its `From ` line begins.
    pub(super) offset: u64,
    /// Bytes up to the empty line before the next separator.
    pub(super) length: u64,
    /// Bytes of the message, unquoted and without the `From ` line.
    pub(super) size_bytes: u64,
    /// What its headers say.
    pub(super) arrived_at: Option<Timestamp>,
}

/// The message that is being passed.
struct Passing {
    offset: u64,
    overhead: u64,
    head: Head,
}

impl Passing {
    fn end(self, at: u64) -> Found {
        let length = at.saturating_sub(self.offset);
        let size_bytes = length.saturating_sub(self.overhead);
        Found { offset: self.offset, length, size_bytes, arrived_at: self.head.arrived_at() }
    }
}

/// Finds every message in one pass that holds one line and one head at a time.
pub(super) fn index(reader: impl BufRead, found: &mut dyn FnMut(Found)) -> io::Result<()> {
    let mut lines = Lines::new(reader);
    let mut passing: Option<Passing> = None;
    let mut at: u64 = 0;
    let mut blank_bytes: u64 = 0;
    while let Some(line) = lines.next()? {
        let length = size(line.bytes);
        if line.is_start && (at == 0 || blank_bytes > 0) && is_separator(line.bytes) {
            let next = Passing { offset: at, overhead: length, head: Head::default() };
            if let Some(done) = passing.replace(next) {
                found(done.end(at.saturating_sub(blank_bytes)));
            }
        } else if let Some(message) = &mut passing {
            message.overhead += length.saturating_sub(size(unquoted(&line)));
            message.head.push(&line);
        }
        blank_bytes = if line.is_blank() { length } else { 0 };
        at += length;
    }
    if let Some(done) = passing {
        found(done.end(at.saturating_sub(blank_bytes)));
    }
    Ok(())
}

/// A line of a message without the `>` that kept it from splitting.
pub(super) fn unquoted<'a>(line: &Line<'a>) -> &'a [u8] {
    match line.bytes.strip_prefix(b">") {
        Some(inner) if line.is_start && is_from_behind_quotes(inner) => inner,
        _ => line.bytes,
    }
}

fn is_from_behind_quotes(line: &[u8]) -> bool {
    let quotes = line.iter().take_while(|b| **b == b'>').count();
    line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From "))
}

/// Length of the `From ` line that some writers put before a single message.
pub(super) fn envelope_bytes(raw: &[u8]) -> usize {
    let first = raw.split_inclusive(|b| *b == b'\n').next().unwrap_or_default();
    if is_separator(first) { first.len() } else { 0 }
}

/// Whether a line is the envelope that begins a message: `From sender date`.
pub(super) fn is_separator(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else {
        return false;
    };
    if line.len() > SEPARATOR_BYTES {
        return false;
    }
    let text = String::from_utf8_lossy(rest);
    let text = text.split(" remote from ").next().unwrap_or_default();
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let dated = words.iter().rev().take(DATE_WORDS).take_while(|w| Part::of(w).is_some()).count();
    let Some((sender, date)) = words.split_at_checked(words.len().saturating_sub(dated)) else {
        return false;
    };
    let has = |part| date.iter().any(|word| Part::of(word) == Some(part));
    let is_date = has(Part::Time) && (has(Part::IsoDate) || (has(Part::Month) && has(Part::Day) && has(Part::Year)));
    let is_stamp = has(Part::IsoStamp);
    (is_date || is_stamp) && is_sender(sender, has(Part::Weekday))
}

/// An address, `MAILER-DAEMON`, or, before a full date, any one word or none.
fn is_sender(words: &[&str], before_full_date: bool) -> bool {
    match words {
        [] | [_, "at", _] => before_full_date,
        [one] => before_full_date || one.contains('@') || *one == "MAILER-DAEMON",
        [first, ..] => first.starts_with('"') && words.iter().any(|word| word.contains('@')),
    }
}

/// What a word can be in the date of a separator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Weekday,
    Month,
    Day,
    Time,
    Zone,
    Year,
    IsoDate,
    IsoStamp,
}

impl Part {
    fn of(word: &str) -> Option<Self> {
        let word = word.trim_end_matches(',');
        let is_any = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
        let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).take(26).collect();
        match shape.as_str() {
            _ if is_any(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"]) => Some(Self::Weekday),
            _ if is_any(&MONTHS) => Some(Self::Month),
            "9" | "99" => Some(Self::Day),
            "9999" => Some(Self::Year),
            "9:99" | "99:99" | "9:99:99" | "99:99:99" => Some(Self::Time),
            "+9999" | "-9999" | "+99:99" | "-99:99" => Some(Self::Zone),
            "9999-99-99" => Some(Self::IsoDate),
            _ if shape.starts_with("9999-99-99T99:99") => Some(Self::IsoStamp),
            _ if is_zone_name(word) => Some(Self::Zone),
            _ => None,
        }
    }
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

fn is_zone_name(word: &str) -> bool {
    let bare = word.trim_start_matches('(').trim_end_matches(')');
    (1..=5).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_envelope_separates() {
        #[rustfmt::skip]
        let cases = [
            ("From dana@northlight.example Mon Mar  2 09:14:00 2026\n", true),
            ("From dana@northlight.example  Mon Mar  2 09:14:00 2026\r\n", true),
            ("From MAILER-DAEMON Fri Jul  8 12:08:34 2011", true),
            ("From - Tue Jan 01 00:00:00 2008\n", true),
            ("From 1621873476183@xxx Mon Jan 01 00:00:00 +0000 2018\n", true),
            ("From ???@??? Mon Mar 02 09:14:00 2026\n", true),
            ("From root Mon Mar  2 09:14 EST 2026\n", true),
            ("From  Mon Mar  2 09:14:00 2026\n", true),
            ("From sam at quarrie.example  Mon Mar  2 09:14:00 2026\n", true),
            ("From sam@quarrie.example Mon, 2 Mar 2026 09:14:00 +0100\n", true),
            ("From sam@quarrie.example 2 Mar 2026 09:14:00 +0100 (CET)\n", true),
            ("From sam@quarrie.example 2026-03-02 09:14:00\n", true),
            ("From sam@quarrie.example 2026-03-02T09:14:00Z\n", true),
            ("From a!b!sam Mon Mar  2 09:14:00 2026 remote from quarrie\n", true),
            ("From \"sam q\"@quarrie.example Mon Mar  2 09:14:00 2026\n", true),
            ("From here on Mon we work until 17:00\n", false),
            ("From Mon 2 Mar 2026 10:00 we shall be in Leeds\n", false),
            ("From 3 March 2026 10:00\n", false),
            ("From London Mar 3 2026 10:00\n", false),
            ("From: sam@quarrie.example Mon Mar  2 09:14:00 2026\n", false),
            ("From sam@quarrie.example\n", false),
            ("From the desk of sam@quarrie.example Mon Mar  2 09:14:00 2026\n", false),
            ("from sam@quarrie.example Mon Mar  2 09:14:00 2026\n", false),
            (">From sam@quarrie.example Mon Mar  2 09:14:00 2026\n", false),
            ("From \n", false),
            ("", false),
        ];
        for (line, expected) in cases {
            assert_eq!(is_separator(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn one_level_of_quoting_is_undone() {
        for (line, expected) in [
            (">From here\n", "From here\n"),
            (">>From here\n", ">From here\n"),
            ("> From here\n", "> From here\n"),
            (">Fromage\n", ">Fromage\n"),
            ("From here\n", "From here\n"),
        ] {
            let line = Line { bytes: line.as_bytes(), is_start: true };
            assert_eq!(unquoted(&line), expected.as_bytes());
        }
        let part = Line { bytes: b">From here", is_start: false };
        assert_eq!(unquoted(&part), b">From here");
    }
}
