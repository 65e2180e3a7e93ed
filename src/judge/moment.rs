//! Times that a text names, as local dates and times: "by 5", "EOD", "tomorrow
//! first thing", "the 28th". Relative ones are counted from the arrival.

use std::ops::Range;

use jiff::Span;
use jiff::civil::{Date, DateTime, Time, Weekday};

use super::language::Words;
use super::text::Line;
use crate::calendar::Calendar;

/// A time named in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) span: Range<usize>,
    pub(super) date: Date,
    pub(super) time: Option<Time>,
    pub(super) sort: Sort,
    /// Whether it is worded as the end of a term: "by", "before", "at the latest".
    pub(super) until: bool,
    /// Whether the words around it tell of the past.
    pub(super) past: bool,
    /// Whether no weekday, month or "tomorrow" names it: "the 13th" alone.
    pub(super) bare: bool,
}

/// How a time is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// A time of day alone.
    Clock,
    /// Now, or in a matter of minutes.
    Soon,
    /// Today, or by the end of it.
    Today,
    /// In the evening or at night.
    Tonight,
    /// Tomorrow.
    Tomorrow,
    /// At the weekend.
    Weekend,
    /// A weekday, a date, an end of week or month.
    Day,
}

impl Moment {
    /// As written in a commitment: a local date, or date and time.
    pub(super) fn written(&self) -> String {
        match self.time {
            Some(time) => self.date.to_datetime(time).strftime("%Y-%m-%dT%H:%M").to_string(),
            None => self.date.to_string(),
        }
    }

    /// The instant by which it has passed, on the same clock; `close` where no hour is named.
    pub(super) fn end(&self, close: Time) -> DateTime {
        self.date.to_datetime(self.time.unwrap_or(close))
    }
}

struct Part {
    span: Range<usize>,
    date: Option<Date>,
    time: Option<Time>,
    sort: Sort,
    by: NamedBy,
}

/// What names a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NamedBy {
    Weekday,
    /// The number of a day alone.
    Number,
    /// A day and its month.
    Date,
    Else,
}

/// The times named in a sentence, in order; at most 20.
pub(super) fn moments(words: &Words, sentence: Line<'_>, now: DateTime, calendar: &Calendar) -> Vec<Moment> {
    let mut parts = dates(words, sentence, now, calendar);
    parts.extend(clocks(words, sentence));
    parts.sort_by_key(|part| (part.span.start, usize::MAX - part.span.end));
    let mut kept: Vec<Part> = Vec::new();
    for part in parts {
        if kept.last().is_none_or(|last| last.span.end <= part.span.start) {
            kept.push(part);
        }
    }
    join(kept, sentence).into_iter().take(20).map(|part| finish(words, sentence, now, part)).collect()
}

/// Joins "5pm" and "on Thursday" into one time when they stand together.
fn join(parts: Vec<Part>, sentence: Line<'_>) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in parts {
        if let Some(last) = joined.last_mut() {
            let between = sentence.part(last.span.end..part.span.start).text();
            let near = between.split_whitespace().count() <= 3 && !between.contains([';', '.']);
            let dated = last.date.is_some() || last.sort != Sort::Clock;
            let complements = dated != (part.date.is_some() || part.sort != Sort::Clock)
                && (last.time.is_none() || part.time.is_none() || last.sort == Sort::Tonight);
            let later = matches!(part.sort, Sort::Day | Sort::Tomorrow | Sort::Weekend);
            let day_of = last.sort == Sort::Today && later && part.date.is_some();
            // "Friday, the 13th": one day, and its number is surer. "Tomorrow, Tuesday": one day.
            let beside = between.chars().all(|c| matches!(c, ' ' | ',' | '(')) && part.time.is_none();
            let same = beside && part.date.is_some() && last.time.is_none() && last.date.is_some();
            if same && last.by == NamedBy::Weekday && matches!(part.by, NamedBy::Number | NamedBy::Date) {
                last.span.end = part.span.end;
                last.date = part.date;
                last.by = NamedBy::Else;
                continue;
            }
            if same
                && part.by == NamedBy::Weekday
                && (matches!(last.by, NamedBy::Number | NamedBy::Date)
                    || last.sort == Sort::Tomorrow
                    || last.date == part.date)
            {
                last.span.end = part.span.end;
                last.by = NamedBy::Else;
                continue;
            }
            if near && (complements || day_of) {
                last.span.end = part.span.end;
                if !dated || day_of {
                    last.sort = part.sort;
                    last.date = part.date;
                }
                last.time = part.time.or(last.time);
                continue;
            }
        }
        joined.push(part);
    }
    joined
}

fn finish(words: &Words, sentence: Line<'_>, now: DateTime, part: Part) -> Moment {
    let before = sentence.part(..part.span.start);
    let after = sentence.part(part.span.end..);
    let near = last_words(before, 4);
    let until = words.time("until").is_some_and(|r| r.is_match(near))
        || words.time("until_after").is_some_and(|r| r.is_match(after))
        || words.time("until").is_some_and(|r| r.is_match(sentence.part(part.span.clone())));
    let clause = words.clause(sentence, &part.span);
    let told = sentence.part(clause.start..part.span.start);
    let is_told = words.time("past").is_some_and(|r| r.is_match(told));
    let morning =
        words.time("morning").is_some_and(|r| r.is_match(last_words(before, 3)) || r.is_match(first_bytes(after, 24)));
    let time = match (part.sort, part.time) {
        (Sort::Tomorrow | Sort::Day, None) if morning => Some(Time::constant(9, 30, 0, 0)),
        (_, time) => time.map(|time| likely(time, part.sort, now)),
    };
    let bare = part.by == NamedBy::Number;
    Moment { date: part.date.unwrap_or(now.date()), time, sort: part.sort, until, past: is_told, bare, span: part.span }
}

/// An hour before now, named without am or pm, is meant for later today.
fn likely(time: Time, sort: Sort, now: DateTime) -> Time {
    let later = time.checked_add(Span::new().hours(12));
    let today = matches!(sort, Sort::Clock | Sort::Today | Sort::Soon);
    match later {
        Ok(later) if today && time < now.time() && time.hour() < 12 && later > now.time() => later,
        _ => time,
    }
}

fn dates(words: &Words, sentence: Line<'_>, now: DateTime, calendar: &Calendar) -> Vec<Part> {
    let today = now.date();
    let mut parts = Vec::new();
    let evening = Some(Time::constant(22, 0, 0, 0));
    let hour_on = now.checked_add(Span::new().hours(1)).ok();
    let soon = hour_on.filter(|on| on.date() == today).map(DateTime::time);
    #[rustfmt::skip]
    let plain = [
        ("end_of_day",  Sort::Today,    Some(today),              None),
        ("today",       Sort::Today,    Some(today),              None),
        ("soon",        Sort::Soon,     Some(today),              soon),
        ("tonight",     Sort::Tonight,  Some(today),              evening),
        ("tomorrow",    Sort::Tomorrow, today.tomorrow().ok(),    None),
        ("after_tomorrow", Sort::Day,   later(today, 2),          None),
        ("weekend",     Sort::Weekend,  on(today, Weekday::Saturday), None),
        ("end_of_week", Sort::Day,      on_or_after(today, Weekday::Friday), None),
        ("start_of_week", Sort::Day,    next_week(today, Weekday::Monday), None),
        ("next_week",   Sort::Day,      next_week(today, Weekday::Friday), None),
        ("end_of_next_week", Sort::Day, next_week(today, Weekday::Friday), None),
        ("week_after_next", Sort::Day,  next_week(today, Weekday::Friday).and_then(|day| later(day, 7)), None),
    ];
    for (name, sort, date, time) in plain {
        for span in words.time(name).into_iter().flat_map(|r| r.find_iter(sentence)) {
            let named = sentence.part(span.clone()).low();
            let day = named.ends_with("sunday").then(|| on(today, Weekday::Sunday)).flatten().or(date);
            let by = if named.ends_with("day") && sort == Sort::Weekend { NamedBy::Weekday } else { NamedBy::Else };
            parts.push(Part { span, date: day, time, sort, by });
        }
    }
    parts.extend(named_days(words, sentence, today, calendar));
    parts
}

/// Ways to name a day, and what finds each.
const DAYS: [&str; 15] = [
    "weekday",
    "weekday_day",
    "week_on",
    "start_of_month",
    "middle_of_month",
    "end_of_month",
    "day_month",
    "month_day",
    "day_only",
    "bare_day",
    "iso",
    "numeric",
    "within_days",
    "days_from",
    "within_hours",
];

/// Days by weekday, date or distance.
fn named_days(words: &Words, sentence: Line<'_>, today: Date, calendar: &Calendar) -> Vec<Part> {
    let mut parts = Vec::new();
    for name in DAYS {
        let Some(regex) = words.time(name) else {
            continue;
        };
        for captures in regex.captures_iter(sentence) {
            let get = |group: &str| captures.name(group);
            let month =
                if get("following").is_some() { next_month(today) } else { get("month").and_then(month_number) };
            let mut span = captures.range();
            let date = match name {
                "weekday" if get("following").is_some() => {
                    get("day").and_then(weekday_named).and_then(|d| next_week(today, d))
                }
                "weekday" => weekday(get("day"), get("next"), get("week"), today),
                "week_on" => week_on(sentence.part(captures.range()).low(), today),
                "start_of_month" => day_in(month, 1, today),
                "middle_of_month" => day_in(month, 15, today),
                "end_of_month" => end_of_month(month, today),
                "within_days" | "days_from" => within(get("count"), get("working"), get("unit"), (today, calendar)),
                "within_hours" => within_hours(get("count"), today),
                "iso" | "numeric" => calendar_day(get("year"), get("month_number"), get("day")),
                _ => day_of(get("last").or(get("day")), get("month"), get("year"), today),
            };
            // The preposition belongs to the sentence, not to the day.
            if name == "bare_day" {
                span.start += sentence.part(span.clone()).text().find(' ').map_or(0, |blank| blank + 1);
            }
            let by = match name {
                "weekday" => NamedBy::Weekday,
                "day_only" | "bare_day" => NamedBy::Number,
                "day_month" | "month_day" => NamedBy::Date,
                _ => NamedBy::Else,
            };
            if let Some(date) = date {
                parts.push(Part { span, date: Some(date), time: None, sort: Sort::Day, by });
            }
        }
    }
    parts
}

fn clocks(words: &Words, sentence: Line<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for captures in words.time("clock").into_iter().flat_map(|r| r.captures_iter(sentence)) {
        let (span, group) = (captures.range(), |name: &str| captures.name(name));
        let whole = sentence.part(span.clone()).text();
        let exact = group("half").is_some() || whole.ends_with("clock") || whole.contains(':');
        if !exact && !framed(words, sentence, &span) {
            continue;
        }
        let hour: Option<i8> = group("hour").and_then(|h| h.parse().ok());
        let minute: i8 = group("minute").and_then(|m| m.parse().ok()).unwrap_or(0);
        let time = hour.and_then(|h| clock_time(h, minute, group("half")));
        if time.is_some() {
            parts.push(Part { span, date: None, time, sort: Sort::Clock, by: NamedBy::Else });
        }
    }
    for span in words.time("spoken_clock").into_iter().flat_map(|r| r.find_iter(sentence)) {
        let found = sentence.part(span.clone()).text();
        let plain = found.to_ascii_lowercase();
        let named = ["noon", "midday", "lunch", "midnight", "half ", "quarter "].iter().any(|n| starts(found, n))
            || plain.ends_with("clock");
        if named || framed(words, sentence, &span) {
            let time = spoken(found);
            parts.push(Part { span, date: None, time, sort: Sort::Clock, by: NamedBy::Else });
        }
    }
    parts
}

/// Whether the words around a bare number make it a time of day.
fn framed(words: &Words, sentence: Line<'_>, span: &Range<usize>) -> bool {
    let before = last_words(sentence.part(..span.start), 2);
    let after = first_bytes(sentence.part(span.end..), 16);
    words.time("clock_lead").is_some_and(|lead| lead.is_match(before))
        && words.time("clock_tail").is_some_and(|tail| tail.is_match(after))
}

/// Offices mean the afternoon by a bare 1 to 6.
fn clock_time(hour: i8, minute: i8, half: Option<&str>) -> Option<Time> {
    let afternoon = half.map(|half| half.starts_with(['p', 'P']));
    let hour = match (hour, afternoon) {
        (12, Some(false)) => 0,
        (1..=11, Some(true)) | (1..=6, None) => hour + 12,
        _ => hour,
    };
    Time::new(hour, minute, 0, 0).ok()
}

fn spoken(word: &str) -> Option<Time> {
    let word = word.to_ascii_lowercase();
    if word == "midnight" {
        return Time::new(23, 59, 0, 0).ok();
    }
    if word.starts_with("lunch") {
        return Time::new(12, 30, 0, 0).ok();
    }
    let word = word.trim_end_matches("clock").trim_end_matches("o'").trim();
    let (shift, word) = match word.split_once(" past ").or_else(|| word.split_once(" to ")) {
        Some((part, hour)) if word.contains(" past ") => (if part == "half" { 30 } else { 15 }, hour),
        Some((part, hour)) => (if part == "half" { -30 } else { -15 }, hour),
        None => (0, word),
    };
    let hour = if matches!(word, "noon" | "midday") { 12 } else { count(word)? };
    let time = clock_time(i8::try_from(hour).ok()?, 0, None)?;
    time.checked_add(Span::new().minutes(shift)).ok()
}

/// A small number in figures or in words.
pub(super) fn count(word: &str) -> Option<i32> {
    #[rustfmt::skip]
    const WORDS: [(&str, i32); 15] = [
        ("one", 1), ("two", 2), ("three", 3), ("four", 4), ("five", 5), ("six", 6), ("seven", 7),
        ("eight", 8), ("nine", 9), ("ten", 10), ("eleven", 11), ("twelve", 12), ("fourteen", 14),
        ("a", 1), ("an", 1),
    ];
    let found = WORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    word.parse().ok().or(found.map(|(_, n)| *n))
}

fn starts(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with))
}

/// A weekday by the beginning of its name.
fn weekday_named(day: &str) -> Option<Weekday> {
    #[rustfmt::skip]
    const NAMES: [(&str, Weekday); 7] = [
        ("mon", Weekday::Monday), ("tue", Weekday::Tuesday), ("wed", Weekday::Wednesday),
        ("thu", Weekday::Thursday), ("fri", Weekday::Friday), ("sat", Weekday::Saturday),
        ("sun", Weekday::Sunday),
    ];
    NAMES.into_iter().find(|(name, _)| starts(day, name)).map(|(_, weekday)| weekday)
}

fn weekday(day: Option<&str>, next: Option<&str>, week: Option<&str>, today: Date) -> Option<Date> {
    let weekday = weekday_named(day?)?;
    let found = match next {
        Some(next) if starts(next, "next") => next_week(today, weekday),
        Some(next) if starts(next, "this") => on_or_after(today, weekday),
        _ => on(today, weekday),
    };
    if week.is_some() { later(found?, 7) } else { found }
}

/// "A week on Friday", "two weeks today".
fn week_on(words: &str, today: Date) -> Option<Date> {
    let mut parts = words.split_whitespace();
    let weeks = count(parts.next()?)?;
    let from = match parts.next_back()? {
        "today" => today,
        "tomorrow" => later(today, 1)?,
        day => on(today, weekday_named(day)?)?,
    };
    later(from, weeks * 7)
}

fn later(from: Date, days: i32) -> Option<Date> {
    from.checked_add(Span::new().days(days)).ok()
}

/// The first such day after today.
fn on(today: Date, weekday: Weekday) -> Option<Date> {
    today.nth_weekday(1, weekday).ok()
}

fn on_or_after(today: Date, weekday: Weekday) -> Option<Date> {
    if today.weekday() == weekday { Some(today) } else { on(today, weekday) }
}

/// Such a day in the week after this one.
fn next_week(today: Date, weekday: Weekday) -> Option<Date> {
    let monday = on(today, Weekday::Monday)?;
    on_or_after(monday, weekday)
}

fn next_month(today: Date) -> Option<i8> {
    Some(today.last_of_month().tomorrow().ok()?.month())
}

/// The last day of a month, of this one where none is named; never in the past.
fn end_of_month(month: Option<i8>, today: Date) -> Option<Date> {
    let Some(month) = month else {
        return Some(today.last_of_month());
    };
    let this_year = Date::new(today.year(), month, 1).ok()?.last_of_month();
    if this_year >= today {
        return Some(this_year);
    }
    Some(Date::new(today.year() + 1, month, 1).ok()?.last_of_month())
}

/// A day of a named month; never in the past.
fn day_in(month: Option<i8>, day: i8, today: Date) -> Option<Date> {
    let this_year = Date::new(today.year(), month?, day).ok()?;
    if this_year >= today { Some(this_year) } else { Date::new(today.year() + 1, month?, day).ok() }
}

fn month_number(name: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let index = MONTHS.iter().position(|month| starts(name, month))?;
    i8::try_from(index + 1).ok()
}

/// A day of a month, or of the month that comes next: never long ago.
fn day_of(day: Option<&str>, month: Option<&str>, year: Option<&str>, today: Date) -> Option<Date> {
    let day: i8 = day?.parse().ok()?;
    if let (Some(year), Some(month)) = (year, month) {
        return Date::new(year.parse().ok()?, month_number(month)?, day).ok();
    }
    let Some(month) = month else {
        let this = Date::new(today.year(), today.month(), day).ok().filter(|d| *d >= today);
        return this.or_else(|| {
            let next = today.last_of_month().tomorrow().ok()?;
            Date::new(next.year(), next.month(), day).ok()
        });
    };
    let date = Date::new(today.year(), month_number(month)?, day).ok()?;
    let half_year_ago = today.checked_sub(Span::new().days(183)).ok()?;
    if date < half_year_ago { Date::new(today.year() + 1, date.month(), day).ok() } else { Some(date) }
}

fn calendar_day(year: Option<&str>, month: Option<&str>, day: Option<&str>) -> Option<Date> {
    let year: i16 = year?.parse().ok()?;
    let year = if year < 100 { 2000 + year } else { year };
    Date::new(year, month?.parse().ok()?, day?.parse().ok()?).ok()
}

/// So many days on; working days leave the weekends out.
fn within(
    number: Option<&str>,
    working: Option<&str>,
    unit: Option<&str>,
    (today, calendar): (Date, &Calendar),
) -> Option<Date> {
    let (number, unit) = (count(number?)?, unit?);
    if starts(unit, "month") {
        return today.checked_add(Span::new().months(number)).ok();
    }
    if starts(unit, "week") || starts(unit, "fortnight") {
        return later(today, number * if starts(unit, "week") { 7 } else { 14 });
    }
    if working.is_none() {
        return later(today, number);
    }
    working_days_after(today, number, calendar)
}

/// So many working days on: the firm's own, holidays left out.
pub(super) fn working_days_after(from: Date, number: i32, calendar: &Calendar) -> Option<Date> {
    let mut date = from;
    let mut left = number;
    for _ in 0..MOST_DAYS {
        if left <= 0 {
            break;
        }
        date = later(date, 1)?;
        left -= i32::from(calendar.is_working_day(date));
    }
    (left <= 0).then_some(date)
}

/// Days after which working days are no longer counted.
const MOST_DAYS: u16 = 400;

fn within_hours(number: Option<&str>, today: Date) -> Option<Date> {
    let hours = match number? {
        word if starts(word, "twenty-four") => 24,
        word if starts(word, "forty-eight") => 48,
        figures => figures.parse().ok()?,
    };
    later(today, (hours + 12) / 24)
}

fn last_words(line: Line<'_>, count: usize) -> Line<'_> {
    let blanks = line.text().char_indices().rev().filter(|(_, c)| *c == ' ');
    line.part(blanks.map(|(index, _)| index).nth(count).unwrap_or(0)..)
}

fn first_bytes(line: Line<'_>, most: usize) -> Line<'_> {
    line.part(..line.text().floor_char_boundary(most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::language::WORDS;
    use crate::judge::text::Lowered;

    #[test]
    fn times_are_counted_from_the_arrival() {
        // A Tuesday afternoon.
        let now: DateTime = "2026-03-03T14:45".parse().unwrap();
        #[rustfmt::skip]
        let cases = [
            ("I need it by 5.",                        Some("2026-03-03T17:00")),
            ("Send it by 5pm on Thursday please.",      Some("2026-03-05T17:00")),
            ("Please reply by end of day.",             Some("2026-03-03")),
            ("By end of day Friday, please.",           Some("2026-03-06")),
            ("Tomorrow first thing would be good.",     Some("2026-03-04T09:30")),
            ("before ten tomorrow",                     Some("2026-03-04T10:00")),
            ("We need the spec by the 22nd.",           Some("2026-03-22")),
            ("Nothing before 28 May, I think.",         Some("2026-05-28")),
            ("no later than June 5th",                  Some("2026-06-05")),
            ("within two weeks",                        Some("2026-03-17")),
            ("by next Tuesday",                         Some("2026-03-10")),
            ("until friday noon",                       Some("2026-03-06T12:00")),
            ("on Monday of next week, the 9th",         Some("2026-03-09")),
            ("on Thursday of next week",                Some("2026-03-12")),
            ("There are 5 pages of it.",                None),
            ("Version 3.5 of the 12 drawings",          None),
        ];
        for (sentence, expected) in cases {
            let found = moments(&WORDS, Lowered::new(sentence).line(), now, &Calendar::office());
            let written = found.first().map(Moment::written);
            assert_eq!(written.as_deref(), expected, "{sentence}: {found:?}");
        }
    }

    #[test]
    fn working_days_leave_holidays_out() {
        let mut calendar = Calendar::office();
        calendar.days.insert("2026-03-05".parse().unwrap(), Vec::new());
        let now: DateTime = "2026-03-03T14:45".parse().unwrap();
        for (sentence, expected) in [
            ("You'll have it within two working days.", "2026-03-06"),
            ("That is three working days from today.", "2026-03-09"),
        ] {
            let found = moments(&WORDS, Lowered::new(sentence).line(), now, &calendar);
            assert_eq!(found[0].written(), expected, "{sentence}");
        }
    }

    #[test]
    fn the_end_of_a_term_is_told_from_a_mere_time() {
        let now: DateTime = "2026-03-03T14:45".parse().unwrap();
        for (sentence, until) in
            [("We need the spec by Friday.", true), ("Wednesday would be ideal.", true), ("See you on Friday.", false)]
        {
            let found = moments(&WORDS, Lowered::new(sentence).line(), now, &Calendar::office());
            assert_eq!(found[0].until, until, "{sentence}");
        }
    }
}
