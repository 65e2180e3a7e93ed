//! Spans and moments as people type them: `2d`, `mon 09:00`, `tomorrow`, `3 Aug`, `17:30`.

use jiff::civil::{Date, Time, Weekday};
use jiff::{Span, ToSpan as _, Zoned};

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// Longest span, in its own unit.
const MOST: i64 = 999;

/// `now` and a span such as `30m`, `4h`, `2d`, `1w` or `2 days`; a day has the length that the calendar gives it.
pub(super) fn after(text: &str, now: &Zoned) -> Option<Zoned> {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: i64 = number.parse().ok().filter(|n| (1..=MOST).contains(n))?;
    let span: Span = match unit.trim() {
        "m" | "min" | "mins" | "minute" | "minutes" => number.minutes(),
        "h" | "hr" | "hrs" | "hour" | "hours" => number.hours(),
        "d" | "day" | "days" => number.days(),
        "w" | "week" | "weeks" => number.weeks(),
        _ => return None,
    };
    now.checked_add(span).ok()
}

/// The next moment that `text` names, at `default` where it names a day alone.
pub(super) fn at(text: &str, now: &Zoned, default: Time) -> Option<Zoned> {
    let text = text.replace(',', " ").replace(" at ", " ");
    let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "on" && *word != "next").collect();
    let (last, before) = words.split_last()?;
    if let Some(time) = time(last) {
        return if before.is_empty() { next(time, now) } else { day(before, now, time) };
    }
    day(&words, now, default)
}

/// Today at that time, else tomorrow.
fn next(time: Time, now: &Zoned) -> Option<Zoned> {
    let today = moment(now.date(), time, now)?;
    if today > *now { Some(today) } else { moment(now.date().tomorrow().ok()?, time, now) }
}

fn day(words: &[&str], now: &Zoned, time: Time) -> Option<Zoned> {
    let today = now.date();
    match words {
        ["today" | "tonight"] => moment(today, time, now).filter(|at| at > now),
        ["tomorrow"] => moment(today.tomorrow().ok()?, time, now),
        [one] => {
            if let Some(weekday) = weekday(one) {
                let mut days = (0..8_i32).filter_map(|n| today.checked_add(n.days()).ok());
                let mut moments = days.by_ref().filter(|d| d.weekday() == weekday);
                return moments.find_map(|date| moment(date, time, now).filter(|at| at > now));
            }
            moment(one.parse().ok()?, time, now).filter(|at| at > now)
        }
        [number, month] => date(number, month, None, now, time),
        [number, month, year] => date(number, month, Some(year), now, time),
        _ => None,
    }
}

/// `3 aug`, `aug 3rd`, with or without a year; without one, the next.
fn date(one: &str, two: &str, year: Option<&str>, now: &Zoned, time: Time) -> Option<Zoned> {
    let (number, month) = if month(two).is_some() { (one, month(two)?) } else { (two, month(one)?) };
    let number = number.trim_end_matches(['.']).trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: i8 = number.parse().ok()?;
    let years = match year {
        Some(year) => vec![year.parse().ok()?],
        None => vec![now.year(), now.year().checked_add(1)?],
    };
    let dates = years.into_iter().filter_map(|year| Date::new(year, month, number).ok());
    dates.filter_map(|date| moment(date, time, now)).find(|at| at > now)
}

fn moment(date: Date, time: Time, now: &Zoned) -> Option<Zoned> {
    date.to_datetime(time).to_zoned(now.time_zone().clone()).ok()
}

fn weekday(word: &str) -> Option<Weekday> {
    let is_word = word.len() >= 3 && word.bytes().all(|b| b.is_ascii_alphabetic());
    DAYS.iter().find(|(day, _)| is_word && word.starts_with(day) && is_rest(word, "day")).map(|(_, weekday)| *weekday)
}

/// `mon`, `tues`, `thur`, or the whole name.
fn is_rest(word: &str, end: &str) -> bool {
    word.len() <= 5 || word.ends_with(end)
}

fn month(word: &str) -> Option<i8> {
    let word = word.trim_end_matches('.');
    let place =
        MONTHS.iter().position(|month| word.starts_with(month) && word.bytes().all(|b| b.is_ascii_alphabetic()));
    place.and_then(|place| i8::try_from(place + 1).ok())
}

/// `9:00`, `09.30`, `17:30`, `9am`, `5 pm` without its blank, `noon`.
fn time(word: &str) -> Option<Time> {
    if word == "noon" {
        return Time::new(12, 0, 0, 0).ok();
    }
    let half = word.strip_suffix("am").map(|w| (w, 0)).or_else(|| word.strip_suffix("pm").map(|w| (w, 12)));
    let (digits, offset) = half.unwrap_or((word, 0));
    let (hour, minute) = match digits.split_once([':', '.']) {
        Some((hour, minute)) if minute.len() == 2 => (hour, minute),
        None if half.is_some() => (digits, "0"),
        _ => return None,
    };
    let (hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = if half.is_some() { (1..=12).contains(&hour).then_some(hour % 12 + offset)? } else { hour };
    Time::new(hour, minute, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        // A Friday.
        "2026-03-06T16:45[Europe/London]".parse().unwrap()
    }

    #[test]
    fn people_name_moments_in_many_ways() {
        let nine = Time::new(9, 0, 0, 0).unwrap();
        #[rustfmt::skip]
        let cases = [
            ("mon 09:00",        Some("2026-03-09T09:00")),
            ("monday",           Some("2026-03-09T09:00")),
            ("next tues at 2pm", Some("2026-03-10T14:00")),
            ("fri",              Some("2026-03-13T09:00")), // nine has passed
            ("fri 17:00",        Some("2026-03-06T17:00")),
            ("tomorrow",         Some("2026-03-07T09:00")),
            ("17:30",            Some("2026-03-06T17:30")),
            ("9am",              Some("2026-03-07T09:00")),
            ("3 aug",            Some("2026-08-03T09:00")),
            ("august 3rd",       Some("2026-08-03T09:00")),
            ("3 feb",            Some("2027-02-03T09:00")),
            ("3 feb 2026",       None),                      // has passed
            ("2026-04-01 noon",  Some("2026-04-01T12:00")),
            ("31 jun",           None),
            ("25:00",            None),
            ("moonday",          None),
            ("soon",             None),
            ("",                 None),
        ];
        for (text, expected) in cases {
            let found = at(text, &now(), nine).map(|at| at.datetime().strftime("%Y-%m-%dT%H:%M").to_string());
            assert_eq!(found.as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_day_is_a_day_across_daylight_saving() {
        let friday: Zoned = "2026-03-27T17:00[Europe/London]".parse().unwrap();
        let found = after("2d", &friday).unwrap();
        assert_eq!(found.to_string(), "2026-03-29T17:00:00+01:00[Europe/London]");
        for wrong in ["0d", "d", "2x", "-1d", "99999d", "two days", ""] {
            assert_eq!(after(wrong, &friday), None, "{wrong:?}");
        }
    }
}
