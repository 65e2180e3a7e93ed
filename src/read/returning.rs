//! The day on which somebody says they are back, in many languages.
//!
//! A day counts only beside a word like "back" or "until", and only if it is
//! plausible; the year is inferred from the day of sending. Never panics.

use std::ops::Range;
use std::sync::LazyLock;

use jiff::civil::{Date, Weekday};
use regex::Regex;

use super::words::{Language, Phrases, WORDS, fold};

/// A cue and the date it speaks of stand at most so many bytes apart.
const REACH: usize = 60;
/// An absence said without a year may have ended so many days ago.
const STALE_DAYS: i32 = 45;

/// The day of return that a text names, year-month-day. Days after a word like
/// "back" are preferred to days after "until", these to any other.
pub(super) fn return_on(text: &str, sent: Date) -> Option<String> {
    let text = fold(text);
    let dates = dates(&text, sent);
    let languages = &WORDS.languages;
    let spans = |cues: fn(&Language) -> &Phrases| -> Vec<(usize, usize)> {
        languages.iter().flat_map(|language| cues(language).spans(&text).collect::<Vec<_>>()).collect()
    };
    let backs = spans(|language| &language.back);
    let untils = spans(|language| &language.until);
    let cued = |cues: &[(usize, usize)]| {
        dates.iter().filter(|found| cues.iter().any(|cue| is_near(&text, *cue, &found.at))).map(|found| found.day).max()
    };
    let clear = |cues: &[(usize, usize)]| {
        dates
            .iter()
            .filter(|found| found.clear && cues.iter().any(|cue| is_near(&text, *cue, &found.at)))
            .map(|found| found.day)
            .max()
    };
    let span_end = || dates.iter().filter(|found| found.ends_span).map(|found| found.day).max();
    let day =
        clear(&backs).or_else(|| clear(&untils)).or_else(span_end).or_else(|| cued(&backs)).or_else(|| cued(&untils));
    day.filter(|day| is_plausible(*day, sent)).map(|day| day.to_string())
}

/// Whether a cue stands before the date, in its sentence, or right after it.
fn is_near(text: &str, cue: (usize, usize), date: &Range<usize>) -> bool {
    let (start, end) = cue;
    if end <= date.start {
        let between = text.get(end..date.start).unwrap_or("\n");
        return between.len() <= REACH && !between.contains(['!', '?', ';', '。']) && !between.contains(". ");
    }
    start >= date.end
        && text.get(date.end..start).is_some_and(|between| between.trim().len() <= 6 && !between.contains(['.', '。']))
}

fn is_plausible(day: Date, sent: Date) -> bool {
    let days = sent.until(day).map(|span| span.get_days());
    days.is_ok_and(|days| (-STALE_DAYS..=500).contains(&days))
}

/// A date that a text names.
struct Found {
    at: Range<usize>,
    day: Date,
    /// Month or figures are said, not only a weekday.
    clear: bool,
    /// The last day of a span ("July 10-31").
    ends_span: bool,
}

static NUMERIC: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(?:(?P<y>20\d\d)[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})|(?P<a>\d{1,2})(?P<sep>[-/.])\s?(?P<b>\d{1,2})(?:[-/.]\s?(?P<c>(?:20)?\d\d)?)?)(?:\b|\D|$)").ok()
});
static CHINESE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:(\d{4})\s?年\s?)?(\d{1,2})\s?月\s?(\d{1,2})\s?[日号]").ok());
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let forms = WORDS.languages.iter().flat_map(|language| language.months).flat_map(|month| month.split(' '));
    let mut months: Vec<String> = forms.map(regex::escape).collect();
    months.sort_by_key(|month| std::cmp::Reverse(month.len()));
    months.dedup();
    let months = months.join("|");
    let day = r"\d{1,2}(?:\s?[-–]\s?(?P<to{n}>\d{1,2}))?";
    let first = day.replace("{n}", "1");
    let second = day.replace("{n}", "2");
    Regex::new(&format!(
        r"\b(?:(?P<d1>{first})(?:st|nd|rd|th|er|\.|º|°|:a|:e)?(?:\s(?:of|de|d'))?[\s.]?\s?(?P<m1>{months})\b\.?(?:,?\s?(?:de\s)?(?P<y1>20\d\d))?|(?P<m2>{months})\b\.?\s(?P<d2>{second})(?:st|nd|rd|th|\.)?(?:,?\s(?P<y2>20\d\d))?)(?:\b|\D|$)"
    ))
    .ok()
});

/// All dates of a folded text, the year inferred from the day of sending.
fn dates(text: &str, sent: Date) -> Vec<Found> {
    let mut found = named_dates(text, sent);
    found.extend(numeric_dates(text, sent));
    if let Some(pattern) = CHINESE.as_ref() {
        found.extend(pattern.captures_iter(text).take(50).filter_map(|hit| {
            let number = |group: usize| hit.get(group).and_then(|part| part.as_str().parse().ok());
            Some(Found {
                at: hit.get(0)?.range(),
                day: nearest(number(1), number(2)?.try_into().ok()?, number(3)?.try_into().ok()?, sent)?,
                clear: true,
                ends_span: false,
            })
        }));
    }
    found.extend(weekdays(text, sent));
    found
}

fn named_dates(text: &str, sent: Date) -> Vec<Found> {
    let Some(pattern) = NAMED.as_ref() else {
        return Vec::new();
    };
    let read = |hit: regex::Captures<'_>| {
        let part = |names: [&str; 2]| names.iter().find_map(|name| hit.name(name)).map(|part| part.as_str());
        let month = month_number(part(["m1", "m2"])?)?;
        let first = part(["d1", "d2"])?.split(|c: char| !c.is_ascii_digit()).next()?;
        let day = part(["to1", "to2"]).unwrap_or(first).parse().ok()?;
        let year = part(["y1", "y2"]).and_then(|year| year.parse().ok());
        let ends_span = part(["to1", "to2"]).is_some();
        Some(Found { at: hit.get(0)?.range(), day: nearest(year, month, day, sent)?, clear: true, ends_span })
    };
    pattern.captures_iter(text).take(50).filter_map(read).collect()
}

fn month_number(name: &str) -> Option<i8> {
    WORDS.languages.iter().find_map(|language| {
        let at = language.months.iter().position(|month| month.split(' ').any(|form| form == name))?;
        i8::try_from(at + 1).ok()
    })
}

fn numeric_dates(text: &str, sent: Date) -> Vec<Found> {
    let Some(pattern) = NUMERIC.as_ref() else {
        return Vec::new();
    };
    let read = |hit: regex::Captures<'_>| {
        Some(Found { at: hit.get(0)?.range(), day: numeric_day(&hit, sent)?, clear: true, ends_span: false })
    };
    pattern.captures_iter(text).take(50).filter_map(read).collect()
}

fn numeric_day(hit: &regex::Captures<'_>, sent: Date) -> Option<Date> {
    let number = |name: &str| hit.name(name)?.as_str().parse::<i16>().ok();
    let small = |name: &str| i8::try_from(number(name)?).ok();
    if let Some(year) = number("y") {
        return nearest(Some(year), small("m")?, small("d")?, sent);
    }
    let year = number("c").map(|year| if year < 100 { year + 2000 } else { year });
    let (a, b) = (small("a")?, small("b")?);
    let separator = hit.name("sep")?.as_str();
    // "3-5" may be hours, "24/7" is no day.
    if year.is_none() && (separator == "-" || (a, b) == (24, 7)) {
        return None;
    }
    day_month(year, a, b, separator == "/", sent)
}

/// Day and month in the order that makes sense; after a slash, where both do,
/// the one that is closer ahead.
fn day_month(year: Option<i16>, a: i8, b: i8, either: bool, sent: Date) -> Option<Date> {
    let european = nearest(year, b, a, sent).filter(|day| is_plausible(*day, sent));
    let american = nearest(year, a, b, sent).filter(|day| either && is_plausible(*day, sent));
    match (european, american) {
        (Some(european), Some(american)) => {
            let distance = |day: Date| {
                sent.until(day).map_or(i32::MAX, |span| if span.get_days() < 0 { i32::MAX } else { span.get_days() })
            };
            Some(if distance(american) < distance(european) { american } else { european })
        }
        (european, american) => european.or(american),
    }
}

/// The date in the year it names, else in the year in which it lies ahead or has just passed.
fn nearest(year: Option<i16>, month: i8, day: i8, sent: Date) -> Option<Date> {
    if let Some(year) = year {
        return Date::new(year, month, day).ok();
    }
    let ahead = |year: i16| {
        Date::new(year, month, day).ok().filter(|day| sent.until(*day).is_ok_and(|span| span.get_days() >= -STALE_DAYS))
    };
    let this = sent.year();
    [this.saturating_sub(1), this, this.saturating_add(1)].into_iter().find_map(ahead)
}

/// Days named by weekday alone, or as tomorrow.
fn weekdays(text: &str, sent: Date) -> Vec<Found> {
    let Some(pattern) = WEEKDAY.as_ref() else {
        return Vec::new();
    };
    let mut found: Vec<Found> = pattern
        .find_iter(text)
        .take(50)
        .filter_map(|hit| {
            let weekday = weekday_number(hit.as_str())?;
            let day = sent.nth_weekday(1, weekday).ok()?;
            Some(Found { at: hit.range(), day, clear: false, ends_span: false })
        })
        .collect();
    if let Ok(day) = sent.tomorrow() {
        for language in &WORDS.languages {
            found.extend(language.tomorrow.spans(text).take(5).map(|(start, end)| Found {
                at: start..end,
                day,
                clear: false,
                ends_span: false,
            }));
        }
    }
    found
}

static WEEKDAY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let days = WORDS.languages.iter().flat_map(|language| language.weekdays);
    let forms = days.flat_map(|day| day.split(' ')).filter(|form| names_a_day(form));
    let bounded = |form: &str| {
        if form.starts_with(['月', '火', '水', '木', '金', '土', '日', '星', '周']) {
            regex::escape(form)
        } else {
            format!(r"\b{}\b", regex::escape(form))
        }
    };
    Regex::new(&forms.map(bounded).collect::<Vec<_>>().join("|")).ok()
});

/// The weekday of this name, in lower case, in any language.
/// Whether a form of a weekday's name is one beyond doubt: two letters are words of other languages too often.
pub(super) fn names_a_day(form: &str) -> bool {
    form.chars().count() > 2 || !form.is_ascii()
}

pub(super) fn weekday_number(name: &str) -> Option<Weekday> {
    WORDS.languages.iter().find_map(|language| {
        let is_form = |form: &str| form == name && names_a_day(form);
        let at = language.weekdays.iter().position(|day| day.split(' ').any(is_form))?;
        Weekday::from_monday_one_offset(i8::try_from(at + 1).ok()?).ok()
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::return_on;

    #[test]
    fn days_of_return_are_read() {
        // Sent on Tuesday, 3 March 2026.
        #[rustfmt::skip]
        let cases = [
            ("I am out of the office until 13 March.", Some("2026-03-13")),
            ("I'm away from 9 March to 20 March and back on Monday 23 March.", Some("2026-03-23")),
            ("I will be out of the office March 9-13.", Some("2026-03-13")),
            ("I'm on leave and will be back on Monday.", Some("2026-03-09")),
            ("Back tomorrow, no access to e-mail today.", Some("2026-03-04")),
            ("I am on parental leave, returning on January 11th, 2027.", Some("2027-01-11")),
            ("Out until 2 January", Some("2027-01-02")),
            ("I'm away until 3/20/2026", Some("2026-03-20")),
            ("I'm away until 20/03", Some("2026-03-20")),
            ("Ich bin bis einschließlich 13.03.2026 nicht im Büro.", Some("2026-03-13")),
            ("Ich bin ab dem 16. März wieder für Sie da.", Some("2026-03-16")),
            ("Je suis absente jusqu'au 1er avril inclus.", Some("2026-04-01")),
            ("Estoy fuera de la oficina hasta el 13 de abril.", Some("2026-04-13")),
            ("Sono fuori ufficio fino al 13 aprile.", Some("2026-04-13")),
            ("Estou de férias até 13 de abril.", Some("2026-04-13")),
            ("Ik ben afwezig tot 13 april.", Some("2026-04-13")),
            ("Jestem na urlopie do 13 kwietnia.", Some("2026-04-13")),
            ("Буду отсутствовать до 13 апреля.", Some("2026-04-13")),
            ("Jag är tillbaka på kontoret den 13 april.", Some("2026-04-13")),
            ("Jeg er tilbage mandag den 13. april.", Some("2026-04-13")),
            ("Palaan toimistolle 13. huhtikuuta.", Some("2026-04-13")),
            ("Jsem na dovolené do 13. dubna.", Some("2026-04-13")),
            ("Szabadságon vagyok április 13-ig.", Some("2026-04-13")),
            ("13 Nisan'a kadar izindeyim.", Some("2026-04-13")),
            ("4月13日まで不在にしております。", Some("2026-04-13")),
            ("我将于4月13日返回办公室。", Some("2026-04-13")),
            ("I'm out today. Call 020 7946 0123, we answer 24/7.", None),
            ("I am away. Our fair is in May.", None),
        ];
        for (text, day) in cases {
            assert_eq!(return_on(text, date(2026, 3, 3)).as_deref(), day, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "((until|bis|back|まで|jan|31|2/3|2026-13-01|monday|31.12.|[ .,/-]|\\PC){0,4}){0,20}") {
            return_on(&text, date(2026, 2, 28));
        }
    }
}
