//! Dates as people's mail programs write them, in any of the languages of the word
//! lists, above forwarded and quoted messages.

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{Offset, TimeZone};
use regex::Regex;

use super::returning::names_a_day;
use super::words::WORDS;

/// Longest text that is looked at, in bytes.
const LONGEST: usize = 200;

#[expect(clippy::expect_used, reason = "the patterns are constant, and a test compiles each")]
fn pattern(source: &str) -> Regex {
    Regex::new(source).expect("a constant pattern compiles")
}

static TIME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?P<before>오전|오후|上午|下午|午前|午後)?\s*\b(?P<h>\d{1,2})\s*[:h時시]\s*(?P<m>\d{2})(?:分)?(?:[:.](?P<s>\d{2}))?(?:秒)?(?:[.,]\d+)?(?:\s*(?P<half>[ap]\.?\s?m\b\.?))?",
    )
});
/// Dots in a time look like those of a date: only after a word for the clock, or a year.
static DOTTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:\bklo?\.?|\bkello|\bum|\bat|\bo|\d{4},?)\s+(?P<h>\d{1,2})\.(?P<m>\d{2})(?:\.(?P<s>\d{2}))?(?:\s*(?P<half>[ap]\.?\s?m\b\.?))?",
    )
});
static YEAR_FIRST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<y>\d{4})\s?(?:[-/.]|年|년)\s?(?P<m>\d{1,2})\s?(?:[-/.]|月|월)\s?(?P<d>\d{1,2})"));
static NUMBERS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(?P<a>\d{1,2})\s?[/.-]\s?(?P<b>\d{1,2})\s?[/.-]\s?(?P<y>\d{4}|\d{2})\b"));
static OFFSET: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:\b(?:utc|gmt|z)\s*|\s)(?P<sign>[+\u{2212}-])\s?(?P<h>\d{1,2})(?::?(?P<m>\d{2}))?(?:\D|$)")
});
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"\p{L}+"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d+"));

/// Month by word, 1 to 12.
static MONTHS: LazyLock<HashMap<&str, i8>> = LazyLock::new(|| {
    let mut months = HashMap::new();
    for language in &WORDS.languages {
        for (words, number) in language.months.iter().zip(1..) {
            for word in words.split_whitespace() {
                months.entry(word).or_insert(number);
            }
        }
    }
    months
});
/// Weekday by word; a word that means different days in two languages names none.
static WEEKDAYS: LazyLock<HashMap<&str, Option<i8>>> = LazyLock::new(|| {
    let mut days: HashMap<&str, Option<i8>> = HashMap::new();
    for language in &WORDS.languages {
        for (words, number) in language.weekdays.iter().zip(1..) {
            for word in words.split_whitespace().filter(|word| names_a_day(word)) {
                days.entry(word).and_modify(|known| *known = known.filter(|k| *k == number)).or_insert(Some(number));
            }
        }
    }
    days
});
/// Names of zones that mean one offset wherever mail is written, in minutes.
const ZONES: [(&str, i32); 26] = [
    ("utc", 0),
    ("gmt", 0),
    ("z", 0),
    ("bst", 60),
    ("wet", 0),
    ("west", 60),
    ("cet", 60),
    ("mez", 60),
    ("cest", 120),
    ("mesz", 120),
    ("seč", 60),
    ("selč", 120),
    ("мск", 180),
    ("hnec", 60),
    ("eet", 120),
    ("eest", 180),
    ("msk", 180),
    ("est", -300),
    ("edt", -240),
    ("cst", -360),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("jst", 540),
];

/// The instant that a written date means; `zone` is for one that names none. `None`
/// where no day is named; midday where no time is.
pub(super) fn parse(raw: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text: String = raw.get(..raw.floor_char_boundary(LONGEST))?.chars().map(plain).collect();
    let text = text.to_lowercase();
    let clock = TIME.captures(&text).or_else(|| DOTTED.captures(&text));
    let time = clock.as_ref().and_then(time);
    // What is left without the time: its dots look like those of a date.
    let span = clock.as_ref().filter(|_| time.is_some()).and_then(|c| Some((c.name("h")?.start(), c.get(0)?.end())));
    let (start, end) = span.unwrap_or((0, 0));
    let rest = format!("{} ; {}", text.get(..start)?, text.get(end..)?);
    let date = date(&rest, &text, zone)?;
    let local = DateTime::from_parts(date, time.unwrap_or(Time::constant(12, 0, 0, 0)));
    match offset(text.get(end..)?) {
        Some(offset) => offset.to_timestamp(local).ok(),
        None => local.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp()),
    }
}

fn plain(c: char) -> char {
    match c {
        '\u{ff10}'..='\u{ff19}' => char::from_digit(u32::from(c) - 0xff10, 10).unwrap_or(c),
        '\u{ff1a}' => ':',
        c if c.is_whitespace() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '*') => ' ',
        c => c,
    }
}

fn number<T: std::str::FromStr>(found: &regex::Captures<'_>, name: &str) -> Option<T> {
    found.name(name)?.as_str().parse().ok()
}

fn time(found: &regex::Captures<'_>) -> Option<Time> {
    let hour: i8 = number(found, "h")?;
    let half = found.name("half").map(|m| m.as_str().starts_with('p'));
    let half = half.or_else(|| found.name("before").map(|m| matches!(m.as_str(), "오후" | "下午" | "午後")));
    let hour = match half {
        Some(true) if hour < 12 => hour + 12,
        Some(false) if hour == 12 => 0,
        _ => hour,
    };
    let second: i8 = number(found, "s").unwrap_or(0);
    Time::new(hour, number(found, "m")?, second.min(59), 0).ok()
}

fn date(text: &str, whole: &str, zone: &TimeZone) -> Option<Date> {
    if let Some(found) = YEAR_FIRST.captures(text) {
        return Date::new(number(&found, "y")?, number(&found, "m")?, number(&found, "d")?).ok();
    }
    by_name(text).or_else(|| by_numbers(text, whole, zone))
}

/// `2 March 2026`, `March 2nd, 2026`, `2. März 2026`, `2 de marzo de 2026`.
fn by_name(text: &str) -> Option<Date> {
    // "mar. 10 févr.": a word that may be a weekday is one where another names a month.
    let months = || WORD.find_iter(text).filter(|word| MONTHS.contains_key(word.as_str()));
    let clear = |word: &regex::Match<'_>| !WEEKDAYS.contains_key(word.as_str());
    for word in months().filter(clear).chain(months().filter(|word| !clear(word))) {
        let Some(month) = MONTHS.get(word.as_str()).copied() else { continue };
        let (before, after) = (text.get(..word.start())?, text.get(word.end()..)?);
        let near = |text: &str| NUMBER.find_iter(text).next().map(|m| m.as_str().to_owned());
        let last = NUMBER.find_iter(before).last().map(|m| m.as_str().to_owned());
        let following: Vec<&str> = NUMBER.find_iter(after).map(|m| m.as_str()).take(3).collect();
        let day_before = last.filter(|n| n.len() <= 2).and_then(|n| n.parse().ok());
        let (day, years): (i8, &[&str]) = match (day_before, following.split_first()) {
            (Some(day), _) => (day, &following),
            (None, Some((first, others))) if first.len() <= 2 => (first.parse().ok()?, others),
            _ => continue,
        };
        let year = years.iter().find(|n| n.len() == 4 || n.len() == 2).and_then(|n| year(n));
        // `2026 März 2` is rare, yet a year may stand in front.
        let year = year.or_else(|| near(before).filter(|n| n.len() == 4).and_then(|n| n.parse().ok()));
        if let Some(date) = year.and_then(|year| Date::new(year, month, day).ok()) {
            return Some(date);
        }
    }
    None
}

fn year(digits: &str) -> Option<i16> {
    let year: i16 = digits.parse().ok()?;
    Some(if digits.len() == 2 { 2000 + year } else { year })
}

/// `03/04/2026`: told apart by what cannot be, by the weekday, by the clock, then by the zone.
fn by_numbers(text: &str, whole: &str, zone: &TimeZone) -> Option<Date> {
    let found = NUMBERS.captures(text)?;
    let (a, b): (i8, i8) = (number(&found, "a")?, number(&found, "b")?);
    let year = year(found.name("y")?.as_str())?;
    let day_first = Date::new(year, b, a).ok();
    let month_first = Date::new(year, a, b).ok();
    let (Some(one), Some(other)) = (day_first, month_first) else {
        return day_first.or(month_first);
    };
    let weekday = WORD.find_iter(whole).find_map(|w| WEEKDAYS.get(w.as_str()).copied().flatten());
    if let Some(weekday) = weekday.and_then(|n| Weekday::from_monday_one_offset(n).ok()) {
        match (one.weekday() == weekday, other.weekday() == weekday) {
            (true, false) => return Some(one),
            (false, true) => return Some(other),
            _ => {}
        }
    }
    let twelve_hours = TIME.captures(whole).is_some_and(|t| t.name("half").is_some());
    let slashes = found.get(0).is_some_and(|m| m.as_str().contains('/'));
    let american = zone.iana_name().is_some_and(|name| name.starts_with("America/"));
    Some(if slashes && (american || (twelve_hours && !is_british(zone))) { other } else { one })
}

/// Where people write the day first and a clock of twelve hours.
fn is_british(zone: &TimeZone) -> bool {
    let name = zone.iana_name().unwrap_or_default();
    ["Europe/London", "Europe/Dublin", "Australia/", "Pacific/Auckland", "Asia/Kolkata"]
        .iter()
        .any(|z| name.starts_with(z))
}

fn offset(text: &str) -> Option<Offset> {
    if let Some(found) = OFFSET.captures(text) {
        let minutes = number::<i32>(&found, "h")? * 60 + number::<i32>(&found, "m").unwrap_or(0);
        let behind = found.name("sign").is_some_and(|sign| sign.as_str() != "+");
        return Offset::from_seconds(minutes * if behind { -60 } else { 60 }).ok();
    }
    let named = WORD.find_iter(text).find_map(|word| ZONES.iter().find(|(name, _)| *name == word.as_str()));
    named.and_then(|(_, minutes)| Offset::from_seconds(minutes * 60).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_many_programs_mean_one_instant() {
        let london = TimeZone::get("Europe/London").unwrap();
        #[rustfmt::skip]
        let cases = [
            ("Mon, 2 Mar 2026 at 09:14",                      Some("2026-03-02T09:14:00Z")),
            ("Mon, Mar 2, 2026 at 9:14 AM",                   Some("2026-03-02T09:14:00Z")),
            ("Monday, March 2, 2026 9:14 PM",                 Some("2026-03-02T21:14:00Z")),
            ("02 March 2026 09:14",                           Some("2026-03-02T09:14:00Z")),
            ("2 March 2026 at 09:14:33 GMT+1",                Some("2026-03-02T08:14:33Z")),
            ("Mon, 2 Mar 2026 09:14:00 -0500",                Some("2026-03-02T14:14:00Z")),
            ("March 2, 2026 9:14:00 AM PST",                  Some("2026-03-02T17:14:00Z")),
            ("2 mars 2026 à 09:14:00 UTC+1",                  Some("2026-03-02T08:14:00Z")),
            ("lundi 2 mars 2026 09h14",                       Some("2026-03-02T09:14:00Z")),
            ("mar. 10 févr. 2026 à 09:14",                     Some("2026-02-10T09:14:00Z")),
            ("ke 25. helmik. 2026 klo 9.14",                  Some("2026-02-25T09:14:00Z")),
            ("26. októbra 2026, 14:25:08 GMT+3",              Some("2026-10-26T11:25:08Z")),
            ("Montag, 2. März 2026 09:14",                    Some("2026-03-02T09:14:00Z")),
            ("2. marts 2026 kl. 09.14",                       Some("2026-03-02T09:14:00Z")),
            ("2 de marzo de 2026, 9:14",                      Some("2026-03-02T09:14:00Z")),
            ("pon., 2 mar 2026 o 09:14",                      Some("2026-03-02T09:14:00Z")),
            ("2026-03-02 09:14",                              Some("2026-03-02T09:14:00Z")),
            ("2026年3月2日 9:14",                              Some("2026-03-02T09:14:00Z")),
            ("2026년 3월 2일 (월) 오후 9:14",                    Some("2026-03-02T21:14:00Z")),
            ("02/03/2026 09:14",                              Some("2026-03-02T09:14:00Z")),
            ("3/2/2026 9:14 AM Monday",                       Some("2026-03-02T09:14:00Z")),
            ("Mon 30/03/2026 09:14",                          Some("2026-03-30T08:14:00Z")),
            ("02.03.26 um 09:14",                             Some("2026-03-02T09:14:00Z")),
            ("2 March 2026",                                  Some("2026-03-02T12:00:00Z")),
            ("tomorrow",                                      None),
            ("",                                              None),
            ("99/99/2026 10:00",                              None),
        ];
        for (raw, expected) in cases {
            let parsed = parse(raw, &london).map(|at| at.to_string());
            assert_eq!(parsed.as_deref(), expected, "{raw}");
        }
    }

    #[test]
    fn americans_write_the_month_first() {
        let york = TimeZone::get("America/New_York").unwrap();
        assert_eq!(parse("03/04/2026 09:14", &york).unwrap().to_string(), "2026-03-04T14:14:00Z");
    }
}
