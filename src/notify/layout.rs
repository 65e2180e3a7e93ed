//! Times, numbers and lines as people read them. Pure and defined for every input.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

use super::templates::Clocks;

/// Columns of a plain text.
pub(super) const COLUMNS: usize = 72;

/// `Thu 5 Mar 2026, 16:45 GMT`; where the other side's clock is known and shows another time,
/// `Thu 5 Mar 2026, 16:45 for you, 17:45 for them`.
pub(super) fn when(at: Timestamp, clocks: &Clocks, minutes: Option<i16>) -> String {
    let ours = at.to_zoned(clocks.ours.clone());
    let told = ours.strftime("%a %-d %b %Y, %H:%M");
    let Some(theirs) = theirs(at, clocks, minutes) else {
        return format!("{told} {}", zone_name(at, &clocks.ours));
    };
    let there = at.to_zoned(theirs);
    let format = if there.date() == ours.date() { "%H:%M" } else { "%a %-d %b, %H:%M" };
    format!("{told} for you, {} for them", there.strftime(format))
}

/// The other side's zone where it is known and their clock shows another time: as set, else that of a mail.
pub(super) fn theirs(at: Timestamp, clocks: &Clocks, minutes: Option<i16>) -> Option<TimeZone> {
    let of_mail = || Some(TimeZone::fixed(Offset::from_seconds(i32::from(minutes?) * 60).ok()?));
    let zone = clocks.theirs.clone().or_else(of_mail)?;
    (zone.to_offset(at) != clocks.ours.to_offset(at)).then_some(zone)
}

/// `Thu 5 Mar`.
pub(super) fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b").to_string()
}

/// `16:45`.
pub(super) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

/// `Thu 5 Mar, 16:45`.
pub(super) fn stamp(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b, %H:%M").to_string()
}

/// `Thursday 5 March 2026`.
pub(super) fn long_date(day: Date) -> String {
    day.strftime("%A %-d %B %Y").to_string()
}

/// `Thu 5 Mar`.
pub(super) fn short_date(day: Date) -> String {
    day.strftime("%a %-d %b").to_string()
}

/// `Europe/London`, or the abbreviation of a zone without a name.
pub(super) fn zone_title(at: Timestamp, zone: &TimeZone) -> String {
    zone.iana_name().map_or_else(|| zone_name(at, zone), |name| name.replace('_', " "))
}

/// `GMT`; `UTC+04` where the zone has only a number.
fn zone_name(at: Timestamp, zone: &TimeZone) -> String {
    let info = zone.to_offset_info(at);
    let name = info.abbreviation();
    if name.starts_with(['+', '-']) { format!("UTC{name}") } else { name.to_owned() }
}

/// `Jane Doe <jane@acme.example> (finance director)`.
pub(super) fn person(name: &str, address: &str, note: &str) -> String {
    let written = match (name.is_empty(), address.is_empty()) {
        (false, false) if name != address => format!("{name} <{address}>"),
        (true, _) => address.to_owned(),
        _ => name.to_owned(),
    };
    noted(written, note)
}

/// What to know of somebody, in brackets after the name.
pub(super) fn noted(name: String, note: &str) -> String {
    if note.is_empty() { name } else { format!("{name} ({note})") }
}

/// The word for a severity.
pub(super) fn severity(name: &str) -> &'static str {
    match name {
        "critical" => "Critical",
        "warning" => "Warning",
        _ => "Note",
    }
}

/// Pixels of a bar in a chart whose greatest number is `top`: never none, so that every week shows.
pub(super) fn bar(points: u64, top: u64) -> u64 {
    const TALLEST: u64 = 28;
    points.min(top).saturating_mul(TALLEST).checked_div(top).unwrap_or(0).max(1)
}

/// How much pressure or goodwill points are, in a word: one bad mail is some, three in a week are high.
pub(super) fn level(points: u64) -> &'static str {
    match points {
        0 => "none",
        1..15 => "low",
        15..40 => "some",
        _ => "high",
    }
}

/// Which way a balance has gone.
pub(super) fn arrow(change: i128) -> &'static str {
    match change {
        3.. => "▲ better:",
        ..=-3 => "▼ worse:",
        _ => "● steady:",
    }
}

/// The text with a capital first letter.
pub(super) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// `1 message`, `3 messages`.
pub(super) fn count(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// The text with a line of equal length under it.
pub(super) fn underlined(text: &str, columns: usize) -> String {
    let width = text.chars().count().min(columns);
    format!("{text}\n{}", "-".repeat(width))
}

/// The text after a label, its further lines set under its first.
pub(super) fn hang(text: &str, label: &str, columns: usize) -> String {
    wrap(text, (label, &" ".repeat(label.chars().count())), columns)
}

/// The text as a quotation.
pub(super) fn quote(text: &str, columns: usize) -> String {
    text.lines().map(|line| wrap(line, ("  > ", "  > "), columns)).collect::<Vec<_>>().join("\n")
}

/// The text in lines of at most so many columns, words kept whole; how the first line begins, and the others.
pub(super) fn wrap(text: &str, (first, further): (&str, &str), most: usize) -> String {
    let mut done = String::new();
    let mut line = first.to_owned();
    let mut columns = line.chars().count();
    let mut empty = true;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if !empty && columns + 1 + width > most {
            done.push_str(line.trim_end());
            done.push('\n');
            further.clone_into(&mut line);
            columns = line.chars().count();
            empty = true;
        }
        if !empty {
            line.push(' ');
            columns += 1;
        }
        line.push_str(word);
        columns += width;
        empty = false;
    }
    done.push_str(line.trim_end());
    done
}
