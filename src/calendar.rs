//! Working time: zones, hours, holidays. Pure; knows no clock.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Half-open windows `[from, to)` of one day, in minutes from midnight (0 to 1440), sorted, not overlapping.
pub type Windows = Vec<(u16, u16)>;

/// When somebody works.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// The zone in which its hours are meant.
    pub zone: TimeZone,
    /// Windows by weekday, Monday first.
    pub week: [Windows; 7],
    /// Days that replace the week's windows: holidays (empty) and half days.
    pub days: BTreeMap<Date, Windows>,
}

impl Calendar {
    /// Monday to Friday, 09:00 to 17:30, UTC.
    #[must_use]
    pub fn office() -> Self {
        let day: Windows = vec![(9 * 60, 17 * 60 + 30)];
        let mut week: [Windows; 7] = std::array::from_fn(|_| day.clone());
        for free in week.iter_mut().skip(5) {
            free.clear();
        }
        Self {
            zone: TimeZone::UTC,
            week,
            days: BTreeMap::new(),
        }
    }

    fn windows(&self, date: Date) -> &[(u16, u16)] {
        let index = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
        let usual = self.week.get(index).map_or(&[][..], Vec::as_slice);
        self.days.get(&date).map_or(usual, Vec::as_slice)
    }

    /// Whether it is working time.
    #[must_use]
    pub fn is_open(&self, at: &jiff::Zoned) -> bool {
        let local = at.with_time_zone(self.zone.clone());
        let minute = u16::try_from(local.hour()).unwrap_or(0) * 60
            + u16::try_from(local.minute()).unwrap_or(0);
        self.windows(local.date())
            .iter()
            .any(|(from, to)| (*from..*to).contains(&minute))
    }

    /// The first working instant at or after `at`; `at` itself if there is none in a year.
    #[must_use]
    pub fn next_open(&self, at: jiff::Timestamp) -> jiff::Timestamp {
        let mut zoned = at.to_zoned(self.zone.clone());
        for _ in 0..366 * 96 {
            if self.is_open(&zoned) {
                return zoned.timestamp();
            }
            let Ok(next) = zoned
                .round(
                    jiff::ZonedRound::new()
                        .smallest(jiff::Unit::Minute)
                        .increment(15)
                        .mode(jiff::RoundMode::Floor),
                )
                .and_then(|z| z.checked_add(jiff::SignedDuration::from_mins(15)))
            else {
                return at;
            };
            zoned = next;
        }
        at
    }

    /// Working time in `[a, b)`.
    #[must_use]
    pub fn working_between(&self, a: jiff::Timestamp, b: jiff::Timestamp) -> jiff::SignedDuration {
        let step = jiff::SignedDuration::from_mins(5);
        let (mut at, mut sum) = (a, jiff::SignedDuration::ZERO);
        for _ in 0..100_000 {
            if at >= b {
                break;
            }
            if self.is_open(&at.to_zoned(self.zone.clone())) {
                sum += step;
            }
            at += step;
        }
        sum
    }
}
