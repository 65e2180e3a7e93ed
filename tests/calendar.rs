//! Working time over twenty years in thirty zones, daylight saving included.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

use barometer::calendar::{Calendar, local_instant};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use proptest::prelude::*;

const ZONES: [&str; 30] = [
    "UTC",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Berlin",
    "Europe/Warsaw",
    "Europe/Athens",
    "Europe/Moscow",
    "Europe/Istanbul",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Lagos",
    "Asia/Jerusalem",
    "Asia/Tehran",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Asia/Gaza",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Australia/Adelaide",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Apia",
    "America/New_York",
    "America/Chicago",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
];

fn office(zone: &str) -> Calendar {
    Calendar { zone: TimeZone::get(zone).unwrap(), ..Calendar::office() }
}

#[test]
fn every_day_of_twenty_years_has_its_hours() {
    let eight_and_a_half = SignedDuration::from_mins(510);
    let first: Date = "2010-01-01".parse().unwrap();
    for zone in ZONES {
        let calendar = office(zone);
        for date in std::iter::successors(Some(first), |d| d.tomorrow().ok()).take(20 * 365 + 5) {
            let start = local_instant(&calendar.zone, date, 0);
            let end = local_instant(&calendar.zone, date, 1440);
            let hours = calendar.working_between(start, end);
            // The day that Samoa left out has none; no zone changes its clocks in office hours.
            let left_out = zone == "Pacific/Apia" && date == "2011-12-30".parse().unwrap();
            let expected =
                if calendar.is_working_day(date) && !left_out { eight_and_a_half } else { SignedDuration::ZERO };
            assert_eq!(hours, expected, "{zone} {date}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn time_that_is_added_is_time_that_is_counted(
        zone in 0usize..30,
        seconds in 1_262_304_000i64..1_893_456_000,
        minutes in 1i64..6_000,
        days in 1i64..60,
    ) {
        let calendar = office(ZONES[zone]);
        let from = Timestamp::from_second(seconds).unwrap();
        let span = SignedDuration::from_mins(minutes);
        let until = calendar.add_working(from, span).unwrap();
        prop_assert_eq!(calendar.working_between(from, until), span);
        // One step is as long as two.
        let half = calendar.add_working(from, span / 2).unwrap();
        prop_assert_eq!(calendar.add_working(half, span - span / 2).unwrap(), until);
        // So many working days later it is a working day, as many days on, at the same time of day where there is one.
        let later = calendar.add_working_days(from, days);
        prop_assert!(calendar.is_working_day(calendar.date_of(later)) || zone == 24);
        prop_assert_eq!(calendar.working_days_between(from, later), days);
        let (local, moved) = (calendar.zone.to_datetime(from).time(), calendar.zone.to_datetime(later).time());
        prop_assert!((local.duration_since(moved)).abs() <= SignedDuration::from_hours(1), "{} {}", local, moved);
    }

    #[test]
    fn an_instant_of_a_wall_clock_shows_that_clock(zone in 0usize..30, day in 0i32..7_300, minute in 0u16..1440) {
        let zone = TimeZone::get(ZONES[zone]).unwrap();
        let date = "2010-01-01".parse::<Date>().unwrap().checked_add(day.days()).unwrap();
        let shown = zone.to_datetime(local_instant(&zone, date, minute));
        let wanted = date.at(i8::try_from(minute / 60).unwrap(), i8::try_from(minute % 60).unwrap(), 0, 0);
        // Never earlier; later only where clocks skip that time.
        let skipped = shown.duration_since(wanted);
        prop_assert!(!skipped.is_negative() && skipped <= SignedDuration::from_hours(24), "{} {}", shown, wanted);
        let skips = zone.to_ambiguous_timestamp(wanted).offset();
        let in_gap = matches!(skips, jiff::tz::AmbiguousOffset::Gap { .. });
        prop_assert!(skipped.is_zero() || in_gap);
    }
}
