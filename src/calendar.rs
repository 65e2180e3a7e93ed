//! Working time: zones, hours, holidays. Pure; knows no clock.
//!
//! Windows are meant on a wall clock and measured between instants, so a day
//! that is an hour short or long counts what it has. Defined for every instant:
//! nothing panics, and no answer costs more than [`REACH_DAYS`] days of looking.

use std::collections::BTreeMap;
use std::iter::successors;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// Half-open windows `[from, to)` of one day, in minutes from midnight (0 to 1440), sorted, not overlapping.
pub type Windows = Vec<(u16, u16)>;

/// Minutes of a day, and the last minute a window may end at.
pub const DAY_MINUTES: u16 = 24 * 60;

/// How far working time is counted, in days: a hundred years.
pub const REACH_DAYS: usize = 36_525;

/// How far ahead an opening or a closing is looked for, in days.
const OUTLOOK_DAYS: usize = 400;

const DAY_NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// When somebody works.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// The zone in which its hours are meant.
    pub zone: TimeZone,
    /// Windows by weekday, Monday first.
    pub week: [Windows; 7],
    /// Days that replace the week's windows: holidays (empty) and half days.
    pub days: BTreeMap<Date, Windows>,
}

/// A span of working time as people write it: a day in it is a working day, however long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkingSpan {
    /// Working days, counted first.
    pub days: i64,
    /// Working time on top of them.
    pub time: SignedDuration,
}

impl Calendar {
    /// Monday to Friday, 09:00 to 17:30, UTC, no holidays.
    #[must_use]
    pub fn office() -> Self {
        let open = || vec![(9 * 60, 17 * 60 + 30)];
        let week = [open(), open(), open(), open(), open(), vec![], vec![]];
        Self { zone: TimeZone::UTC, week, days: BTreeMap::new() }
    }

    /// Every minute of every day, UTC.
    #[must_use]
    pub fn always() -> Self {
        let week = std::array::from_fn(|_| vec![(0, DAY_MINUTES)]);
        Self { zone: TimeZone::UTC, week, days: BTreeMap::new() }
    }

    /// Whether `at` lies inside a window.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.openings(at, 3).any(|(start, _)| start <= at)
    }

    /// `at` itself where it is open, else the next opening; `None` if there is none within 400 days.
    #[must_use]
    pub fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        let (start, _) = self.openings(at, OUTLOOK_DAYS + 2).next()?;
        let start = start.max(at);
        (start <= later(at, OUTLOOK_DAYS)).then_some(start)
    }

    /// When the time that is open at `at`, or else opens next, comes to an end;
    /// windows that touch are one. `None` if it does not end, or never opens, within 400 days.
    #[must_use]
    pub fn next_close(&self, at: Timestamp) -> Option<Timestamp> {
        let mut close = None;
        for (start, end) in self.openings(at, OUTLOOK_DAYS + 3) {
            if close.is_some_and(|close| close < start) {
                break;
            }
            close = Some(end);
        }
        close.filter(|&close| close < later(at, OUTLOOK_DAYS))
    }

    /// Working time in `[from, to)`; zero where `to` is not later than `from`.
    ///
    /// Counts at most a hundred years from `from`.
    #[must_use]
    pub fn working_between(&self, from: Timestamp, to: Timestamp) -> SignedDuration {
        self.openings(from, REACH_DAYS)
            .take_while(|&(start, _)| start < to)
            .map(|(start, end)| end.min(to).duration_since(start.max(from)))
            .filter(SignedDuration::is_positive)
            .fold(SignedDuration::ZERO, SignedDuration::saturating_add)
    }

    /// The first instant by which `span` of working time has passed since `from`.
    ///
    /// `from` itself for a span of zero or less; `None` if that much working time
    /// does not come within a hundred years.
    #[must_use]
    pub fn add_working(&self, from: Timestamp, span: SignedDuration) -> Option<Timestamp> {
        let mut left = span;
        if !left.is_positive() {
            return Some(from);
        }
        for (start, end) in self.openings(from, REACH_DAYS) {
            let start = start.max(from);
            let open = end.duration_since(start);
            if left <= open {
                return start.checked_add(left).ok();
            }
            left = left.saturating_sub(open);
        }
        None
    }

    /// Working days after the day of `from`, up to and including that of `to`.
    ///
    /// Never negative; counts at most a hundred years.
    #[must_use]
    pub fn working_days_between(&self, from: Timestamp, to: Timestamp) -> i64 {
        let last = self.date_of(to);
        let days = dates_after(self.date_of(from))
            .take(REACH_DAYS)
            .take_while(|&date| date <= last)
            .filter(|&date| self.is_working_day(date))
            .count();
        i64::try_from(days).unwrap_or(i64::MAX)
    }

    /// The same time of day, `days` working days later; `from` itself for zero or fewer.
    ///
    /// Where the calendar has not that many within a hundred years, the end of these.
    #[must_use]
    pub fn add_working_days(&self, from: Timestamp, days: i64) -> Timestamp {
        if days <= 0 {
            return from;
        }
        let local = self.zone.to_datetime(from);
        let mut left = days;
        let mut date = local.date();
        for next in dates_after(local.date()).take(REACH_DAYS) {
            date = next;
            left -= i64::from(self.is_working_day(next));
            if left == 0 {
                break;
            }
        }
        instant_of(&self.zone, date.to_datetime(local.time()))
    }

    /// When a span of working time that starts at `from` is over: its days first, then its time.
    ///
    /// `None` if that does not come within a hundred years.
    #[must_use]
    pub fn add_span(&self, from: Timestamp, span: WorkingSpan) -> Option<Timestamp> {
        self.add_working(self.add_working_days(from, span.days), span.time)
    }

    /// Whether any window opens on this day.
    #[must_use]
    pub fn is_working_day(&self, date: Date) -> bool {
        !self.windows_of(date).is_empty()
    }

    /// The day of `at` on this calendar's wall clock.
    #[must_use]
    pub fn date_of(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The windows of one day: its own, else those of its weekday.
    #[must_use]
    pub fn windows_of(&self, date: Date) -> &[(u16, u16)] {
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default();
        self.days.get(&date).or_else(|| self.week.get(weekday)).map_or(&[], Vec::as_slice)
    }

    /// Windows as instants, in order, that end after `at`, on `days` days from the day before it.
    ///
    /// The day before, because clocks set back at midnight repeat the end of a day.
    fn openings(&self, at: Timestamp, days: usize) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let today = self.date_of(at);
        let first = today.yesterday().unwrap_or(today);
        successors(Some(first), |date| date.tomorrow().ok())
            .take(days)
            .flat_map(|date| self.windows_of(date).iter().map(move |window| (date, window)))
            .map(|(date, &(start, end))| (local_instant(&self.zone, date, start), local_instant(&self.zone, date, end)))
            .filter(move |&(start, end)| start < end && at < end)
    }
}

/// The instant when a wall clock in `zone` shows `minutes` after midnight (1440 is the next midnight).
///
/// Where the clock skips that time, the first minute after the gap; where it
/// shows it twice, the first of the two.
#[must_use]
pub fn local_instant(zone: &TimeZone, date: Date, minutes: u16) -> Timestamp {
    if minutes >= DAY_MINUTES {
        return date.tomorrow().map_or(Timestamp::MAX, |next| instant_of(zone, next.to_datetime(Time::midnight())));
    }
    let hour = i8::try_from(minutes / 60).unwrap_or_default();
    let minute = i8::try_from(minutes % 60).unwrap_or_default();
    instant_of(zone, date.at(hour, minute, 0, 0))
}

/// As [`local_instant`], for any time; instants beyond what a timestamp holds are its nearest end.
fn instant_of(zone: &TimeZone, local: DateTime) -> Timestamp {
    let with = |offset: jiff::tz::Offset| {
        let end = if local.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
        offset.to_timestamp(local).unwrap_or(end)
    };
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => with(offset),
        AmbiguousOffset::Fold { before, .. } => with(before),
        // Read with the later offset, a skipped time lies before the change.
        AmbiguousOffset::Gap { before, after } => {
            zone.following(with(after)).next().map_or_else(|| with(before), |change| change.timestamp())
        }
    }
}

fn dates_after(date: Date) -> impl Iterator<Item = Date> {
    successors(date.tomorrow().ok(), |date| date.tomorrow().ok())
}

fn later(at: Timestamp, days: usize) -> Timestamp {
    let hours = i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(24);
    at.checked_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX)
}

/// What is wrong with written working hours, and how to write them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    /// No time of day.
    #[error("\"{0}\" is not a time of day; write hours and minutes, 00:00 to 24:00")]
    Time(String),
    /// No two times.
    #[error("\"{0}\" is not a window; write two times, such as \"09:00-12:30\"")]
    Window(String),
    /// A window of no length, or one that passes midnight.
    #[error("\"{0}\" ends before it begins; split what passes midnight at 24:00")]
    Backwards(String),
    /// Two windows share time.
    #[error("\"{0}\" and \"{1}\" overlap; join them or move one")]
    Overlap(String, String),
    /// No day, or no range of days.
    #[error("\"{0}\" is not a day; write mon tue wed thu fri sat sun, or a range such as mon-fri")]
    Day(String),
}

/// Reads a time of day, `00:00` to `24:00`, as minutes from midnight.
///
/// # Errors
///
/// When it is no such time.
pub fn parse_time(text: &str) -> Result<u16, BadHours> {
    let number = |part: &str| match part.len() {
        2 if part.bytes().all(|b| b.is_ascii_digit()) => part.parse::<u16>().ok(),
        _ => None,
    };
    text.trim()
        .split_once(':')
        .and_then(|(hours, minutes)| Some((number(hours)?, number(minutes)?)))
        .filter(|&(_, minutes)| minutes < 60)
        .map(|(hours, minutes)| hours * 60 + minutes)
        .filter(|&minutes| minutes <= DAY_MINUTES)
        .ok_or_else(|| BadHours::Time(text.to_owned()))
}

/// Reads the windows of a day, such as `"09:00-12:30"`, and sorts them.
///
/// # Errors
///
/// When one is no window, ends before it begins, or overlaps another.
pub fn parse_windows<S: AsRef<str>>(texts: &[S]) -> Result<Windows, BadHours> {
    let mut windows = Vec::new();
    for text in texts.iter().map(AsRef::as_ref) {
        let (start, end) = text.split_once('-').ok_or_else(|| BadHours::Window(text.to_owned()))?;
        let (start, end) = (parse_time(start)?, parse_time(end)?);
        if end <= start {
            return Err(BadHours::Backwards(text.to_owned()));
        }
        windows.push((start, end, text));
    }
    windows.sort_unstable();
    for (one, next) in windows.iter().zip(windows.iter().skip(1)) {
        if next.0 < one.1 {
            return Err(BadHours::Overlap(one.2.to_owned(), next.2.to_owned()));
        }
    }
    Ok(windows.into_iter().map(|(start, end, _)| (start, end)).collect())
}

/// Reads a set of days, Monday first: `mon-fri`, `sat,sun`, `fri-mon`.
///
/// # Errors
///
/// When it names no day or an unknown one.
pub fn parse_days(text: &str) -> Result<[bool; 7], BadHours> {
    let day = |name: &str| {
        DAY_NAMES
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name.trim()))
            .ok_or_else(|| BadHours::Day(text.to_owned()))
    };
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let length = (last + 7 - first) % 7 + 1;
        for index in (0..7).cycle().skip(first).take(length) {
            if let Some(named) = days.get_mut(index) {
                *named = true;
            }
        }
    }
    Ok(days)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Mon–Thu 09:00–12:30 and 13:30–17:30, Fri 09:00–16:00; Christmas closed, the day before half.
    fn london() -> Calendar {
        let long = || parse_windows(&["13:30-17:30", "09:00-12:30"]).unwrap();
        let friday = parse_windows(&["09:00-16:00"]).unwrap();
        let days = BTreeMap::from([
            ("2026-12-25".parse().unwrap(), vec![]),
            ("2026-12-28".parse().unwrap(), vec![]),
            ("2026-12-24".parse().unwrap(), parse_windows(&["09:00-13:00"]).unwrap()),
        ]);
        Calendar { zone: zone("Europe/London"), week: [long(), long(), long(), long(), friday, vec![], vec![]], days }
    }

    fn nights(name: &str) -> Calendar {
        let open = || parse_windows(&["00:00-06:00", "22:00-24:00"]).unwrap();
        Calendar { zone: zone(name), week: std::array::from_fn(|_| open()), days: BTreeMap::new() }
    }

    #[test]
    fn a_clock_that_skips_or_repeats() {
        #[rustfmt::skip]
        let cases = [
            // zone, date, minutes, instant
            ("Europe/London",     "2026-03-29",  30, "2026-03-29T00:30:00Z"),
            ("Europe/London",     "2026-03-29",  90, "2026-03-29T01:00:00Z"), // 01:30 does not exist
            ("Europe/London",     "2026-03-29", 120, "2026-03-29T01:00:00Z"),
            ("Europe/Berlin",     "2026-03-29", 150, "2026-03-29T01:00:00Z"), // 02:30 does not exist
            ("Europe/London",     "2026-10-25",  90, "2026-10-25T00:30:00Z"), // 01:30 comes twice
            ("Europe/London",     "2026-10-25", 120, "2026-10-25T02:00:00Z"),
            ("America/New_York",  "2026-11-01",  90, "2026-11-01T05:30:00Z"),
            ("Australia/Lord_Howe", "2026-10-04", 135, "2026-10-03T15:30:00Z"), // half an hour
            ("Pacific/Apia",      "2011-12-30", 600, "2011-12-30T10:00:00Z"), // the day that was not
            ("UTC",               "2026-01-01", 1440, "2026-01-02T00:00:00Z"),
        ];
        for (name, date, minutes, expected) in cases {
            let found = local_instant(&zone(name), date.parse().unwrap(), minutes);
            assert_eq!(found, at(expected), "{name} {date} {minutes}");
        }
    }

    #[test]
    fn opens_and_closes() {
        let calendar = london();
        #[rustfmt::skip]
        let cases = [
            // at, next open, next close
            ("2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z", "2026-03-02T12:30:00Z"),
            ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z", "2026-03-02T12:30:00Z"),
            ("2026-03-02T12:30:00Z", "2026-03-02T13:30:00Z", "2026-03-02T17:30:00Z"),
            ("2026-03-06T16:00:00Z", "2026-03-09T09:00:00Z", "2026-03-09T12:30:00Z"),
            ("2026-12-24T13:00:00Z", "2026-12-29T09:00:00Z", "2026-12-29T12:30:00Z"),
            ("2026-07-01T16:29:59Z", "2026-07-01T16:29:59Z", "2026-07-01T16:30:00Z"),
        ];
        for (when, open, close) in cases {
            assert_eq!(calendar.next_open(at(when)), Some(at(open)), "open after {when}");
            assert_eq!(calendar.next_close(at(when)), Some(at(close)), "close after {when}");
            assert_eq!(calendar.is_open(at(when)), open == when, "{when}");
        }
    }

    #[test]
    fn counts_working_time() {
        let calendar = london();
        #[rustfmt::skip]
        let cases = [
            // from, to, minutes
            ("2026-03-02T08:00:00Z", "2026-03-02T18:00:00Z", 450),
            ("2026-03-02T12:00:00Z", "2026-03-02T14:00:00Z",  60),
            ("2026-03-06T15:00:00Z", "2026-03-09T10:00:00Z", 120), // over a weekend
            ("2026-12-23T17:00:00Z", "2026-12-29T09:30:00Z", 300), // over Christmas
            ("2026-03-27T15:00:00Z", "2026-03-30T09:00:00Z", 120), // clocks go forward
            ("2026-03-02T14:00:00Z", "2026-03-02T12:00:00Z",   0),
        ];
        for (from, to, minutes) in cases {
            let expected = SignedDuration::from_mins(minutes);
            assert_eq!(calendar.working_between(at(from), at(to)), expected, "{from} to {to}");
        }
    }

    #[test]
    fn a_night_shift_lasts_as_long_as_the_night() {
        let calendar = nights("Europe/London");
        let night = |from, to| calendar.working_between(at(from), at(to));
        let usual = night("2026-06-01T12:00:00Z", "2026-06-02T12:00:00Z");
        let short = night("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
        let long = night("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
        assert_eq!([usual, short, long].map(|span| span.as_hours()), [8, 7, 9]);
    }

    #[test]
    fn counts_working_days() {
        let calendar = london();
        #[rustfmt::skip]
        let cases = [
            // from, days, the same time of day then
            ("2026-03-02T10:00:00Z", 0, "2026-03-02T10:00:00Z"),
            ("2026-03-02T10:00:00Z", 1, "2026-03-03T10:00:00Z"),
            ("2026-03-06T22:00:00Z", 1, "2026-03-09T22:00:00Z"),
            ("2026-03-07T10:00:00Z", 1, "2026-03-09T10:00:00Z"),
            ("2026-12-23T10:00:00Z", 2, "2026-12-29T10:00:00Z"),
            ("2026-03-27T10:00:00Z", 1, "2026-03-30T09:00:00Z"), // 10:00 there, both times
        ];
        for (from, days, expected) in cases {
            let found = calendar.add_working_days(at(from), days);
            assert_eq!(found, at(expected), "{from} and {days} days");
            assert_eq!(calendar.working_days_between(at(from), found), days);
        }
        assert_eq!(calendar.working_days_between(at("2026-03-09T10:00:00Z"), at("2026-03-02T10:00:00Z")), 0);
    }

    #[test]
    fn a_span_counts_days_then_time() {
        let span = WorkingSpan { days: 1, time: SignedDuration::from_hours(2) };
        let due = london().add_span(at("2026-03-05T15:00:00Z"), span);
        assert_eq!(due, Some(at("2026-03-09T10:00:00Z")));
    }

    #[test]
    fn always_and_never() {
        let always = Calendar::always();
        let mut never = Calendar::always();
        never.week = std::array::from_fn(|_| vec![]);
        let now = at("2026-03-02T10:00:00Z");
        assert!(always.is_open(now));
        assert_eq!(always.next_close(now), None);
        assert!(!never.is_open(now));
        assert_eq!(never.next_open(now), None);
        assert_eq!(never.next_close(now), None);
        assert_eq!(never.add_working(now, SignedDuration::from_secs(1)), None);
        assert_eq!(never.working_days_between(now, Timestamp::MAX), 0);
        assert!(never.add_working_days(now, 1) > at("2125-01-01T00:00:00Z"));
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        for calendar in [Calendar::office(), Calendar::always(), london(), nights("Asia/Kolkata")] {
            for when in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
                for days in [i64::MIN, 1, i64::MAX] {
                    std::hint::black_box(calendar.add_working_days(when, days));
                }
                std::hint::black_box(calendar.is_open(when));
                std::hint::black_box(calendar.next_open(when));
                std::hint::black_box(calendar.next_close(when));
                std::hint::black_box(calendar.add_working(when, SignedDuration::MAX));
            }
            let all = calendar.working_between(Timestamp::MIN, Timestamp::MAX);
            assert!(all.is_positive());
        }
    }

    #[test]
    fn reads_times_windows_and_days() {
        assert_eq!(parse_time("07:30"), Ok(450));
        assert_eq!(parse_time("24:00"), Ok(1440));
        for bad in ["25:00", "24:01", "7:30", "07:60", "0730", "+7:30", "", "07:30:00"] {
            assert_eq!(parse_time(bad), Err(BadHours::Time(bad.to_owned())));
        }
        assert_eq!(parse_windows(&["13:00-24:00", "09:00-12:30"]), Ok(vec![(540, 750), (780, 1440)]));
        assert_eq!(parse_windows(&["09:00"]), Err(BadHours::Window("09:00".to_owned())));
        assert_eq!(parse_windows(&["22:00-06:00"]), Err(BadHours::Backwards("22:00-06:00".to_owned())));
        assert!(matches!(parse_windows(&["09:00-12:00", "11:00-13:00"]), Err(BadHours::Overlap(..))));
        assert!(parse_windows(&["09:00-12:00", "12:00-13:00"]).is_ok());
        let days = |text| parse_days(text).map(|days| days.map(u8::from));
        assert_eq!(days("mon-fri"), Ok([1, 1, 1, 1, 1, 0, 0]));
        assert_eq!(days("sat, Sun"), Ok([0, 0, 0, 0, 0, 1, 1]));
        assert_eq!(days("fri-mon"), Ok([1, 0, 0, 0, 1, 1, 1]));
        assert_eq!(days("wed-wed"), Ok([0, 0, 1, 0, 0, 0, 0]));
        for bad in ["", "mond", "mon-", "mon-tue-wed", "mon,"] {
            assert!(days(bad).is_err(), "{bad}");
        }
    }

    const ZONES: [&str; 6] = [
        "Europe/London",
        "America/New_York",
        "America/Havana", // sets its clocks at midnight
        "Australia/Lord_Howe",
        "America/St_Johns", // set them back over midnight until 2011
        "Asia/Kathmandu",
    ];

    fn any_calendar() -> impl Strategy<Value = Calendar> {
        (0..ZONES.len(), 0..4_usize).prop_map(|(index, hours)| {
            let mut calendar = match hours {
                0 => london(),
                1 => Calendar::office(),
                2 => Calendar::always(),
                _ => nights("UTC"),
            };
            calendar.zone = zone(ZONES[index]);
            calendar
        })
    }

    /// From 2006 to 2026, to the second.
    fn any_instant() -> impl Strategy<Value = Timestamp> {
        (1_136_073_600_i64..1_767_225_600).prop_map(|second| Timestamp::from_second(second).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn elapsed_time_adds_up(calendar in any_calendar(), a in any_instant(), b in any_instant(), c in any_instant()) {
            let mut marks = [a, b, c];
            marks.sort_unstable();
            let [a, b, c] = marks;
            let (first, second) = (calendar.working_between(a, b), calendar.working_between(b, c));
            prop_assert!(!first.is_negative() && first <= b.duration_since(a));
            prop_assert_eq!(first + second, calendar.working_between(a, c));
        }

        #[test]
        fn adding_undoes_measuring(calendar in any_calendar(), from in any_instant(), minutes in 0_i64..60_000) {
            let span = SignedDuration::from_mins(minutes);
            let due = calendar.add_working(from, span).unwrap();
            prop_assert_eq!(calendar.working_between(from, due), span);
            // And nothing earlier would do.
            let before = due - SignedDuration::from_secs(1);
            prop_assert!(minutes == 0 || calendar.working_between(from, before) < span);
        }

        #[test]
        fn measuring_undoes_adding(calendar in any_calendar(), from in any_instant(), hours in 0_i64..20_000) {
            let to = from + SignedDuration::from_hours(hours);
            let due = calendar.add_working(from, calendar.working_between(from, to)).unwrap();
            prop_assert!(due <= to);
            prop_assert_eq!(calendar.working_between(due, to), SignedDuration::ZERO);
        }

        #[test]
        fn open_means_open(calendar in any_calendar(), when in any_instant()) {
            let open = calendar.next_open(when).unwrap();
            prop_assert!(calendar.is_open(open));
            prop_assert_eq!(calendar.is_open(when), open == when);
            prop_assert_eq!(calendar.working_between(when, open), SignedDuration::ZERO);
            if let Some(close) = calendar.next_close(when) {
                prop_assert!(!calendar.is_open(close));
                prop_assert_eq!(calendar.working_between(open, close), close.duration_since(open));
            }
        }

        #[test]
        fn days_count_both_ways(calendar in any_calendar(), from in any_instant(), days in 0_i64..500) {
            let to = calendar.add_working_days(from, days);
            prop_assert_eq!(calendar.working_days_between(from, to), days);
        }

        #[test]
        fn no_text_panics(text in "[0-9a-z:,-]{0,12}") {
            parse_time(&text).ok();
            parse_days(&text).ok();
            parse_windows(&[text]).ok();
        }
    }
}
