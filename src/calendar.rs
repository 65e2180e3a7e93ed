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
