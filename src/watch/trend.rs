//! Pressure and goodwill of an account: two numbers that fade, which way they go, and
//! whether an account is well again after a bad time. Whole numbers, so that every
//! fold of the same messages comes to the same.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::finding::{Finding, What};
use super::{Entry, Terms};
use crate::calendar::Calendar;
use crate::judge::{DeedSort, Severity, Side, ToneLabel, signal};

/// A point, in the thousandths that are counted.
const POINT: i64 = 1000;
/// What is left after a working day, in millionths: half in ten days, and half in thirty.
const FADE_10: i64 = 933_033;
const FADE_30: i64 = 977_160;
/// After so many working days nothing is left.
const FORGOTTEN: i64 = 400;
/// Pressure from which on a time is bad, in points.
const BAD: i64 = 18;
/// Working days without a bad word after which a friendly one means that an account is well again.
const WELL_DAYS: i64 = 10;
/// The same where nobody says a friendly word.
const QUIETLY_WELL_DAYS: i64 = 25;
/// Most people, reasons and days that are remembered.
const FEW: usize = 8;

/// Two numbers that fade with working time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fading {
    /// In thousandths of a point, as of `day`.
    quick: i64,
    slow: i64,
    day: Option<Date>,
}

impl Fading {
    /// Adds points on a day; what is grave fades in thirty working days, else in ten.
    pub(super) fn add(&mut self, points: i64, grave: bool, day: Date, calendar: &Calendar) {
        *self = self.on(day, calendar);
        if grave {
            self.slow += points * POINT;
        } else {
            self.quick += points * POINT;
        }
    }

    /// What is left of it on a later day.
    pub(super) fn on(self, day: Date, calendar: &Calendar) -> Self {
        let from = self.day.unwrap_or(day);
        let days = working_days(from, day, calendar);
        let fade = |value: i64, by: i64| (0..days).fold(value, |value, _| value * by / 1_000_000);
        Self { quick: fade(self.quick, FADE_10), slow: fade(self.slow, FADE_30), day: Some(from.max(day)) }
    }

    /// In thousandths of a point.
    pub(super) fn value(self) -> i64 {
        self.quick + self.slow
    }
}

fn working_days(from: Date, to: Date, calendar: &Calendar) -> i64 {
    if from >= to {
        return 0;
    }
    let at = |date: Date| crate::calendar::local_instant(&calendar.zone, date, 12 * 60);
    if to.checked_sub(800.days()).is_ok_and(|early| early > from) {
        return FORGOTTEN;
    }
    calendar.working_days_between(at(from), at(to)).min(FORGOTTEN)
}

/// A bad time that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct BadTime {
    since: Timestamp,
    /// The last bad word.
    last_at: Timestamp,
    /// Who spoke it, by address and by name.
    people: Vec<String>,
    /// When the other side last wrote without a bad word.
    calm_at: Option<Timestamp>,
    history: bool,
}

/// How an account fares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trend {
    pressure: Fading,
    goodwill: Fading,
    /// Both as the last days with mail left them, oldest first.
    past: Vec<(Date, Fading, Fading)>,
    /// What made it worse last, the newest last.
    pub reasons: Vec<String>,
    /// What made it better last, the newest last.
    #[serde(default)]
    pub thanks: Vec<String>,
    bad: Option<BadTime>,
}

/// The trend as of a day, in points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Negative points that are left.
    pub pressure: i64,
    /// Positive points that are left.
    pub goodwill: i64,
    /// How goodwill less pressure has changed in a week.
    pub change: i64,
}

/// Pressure and goodwill in points at the end of each of the last `weeks` weeks before `now`, the
/// oldest first, from the entries of an account in order of time.
#[must_use]
pub fn weekly(entries: &[Entry], calendar: &Calendar, now: Timestamp, weeks: i32) -> Vec<(i64, i64)> {
    let today = calendar.date_of(now);
    let (mut pressure, mut goodwill) = (Fading::default(), Fading::default());
    let mut theirs = entries.iter().filter(|entry| entry.side() == Some(Side::Them)).peekable();
    let mut found = Vec::new();
    for back in (0..weeks).rev() {
        let end = today.checked_sub((back * 7).days()).unwrap_or(today);
        while let Some(entry) = theirs.next_if(|entry| calendar.date_of(entry.sent_at) <= end) {
            let day = calendar.date_of(entry.sent_at);
            let (bad, good) = points(entry);
            pressure.add(bad, entry.severity == Severity::Critical, day, calendar);
            goodwill.add(good, false, day, calendar);
        }
        let rounded = |sum: Fading| (sum.on(end, calendar).value() + POINT / 2) / POINT;
        found.push((rounded(pressure), rounded(goodwill)));
    }
    found
}

impl Trend {
    /// The two numbers on the day of `now`, and how they have changed in a week.
    #[must_use]
    pub fn standing(&self, calendar: &Calendar, now: Timestamp) -> Standing {
        let day = calendar.date_of(now);
        let (pressure, goodwill) = (self.pressure.on(day, calendar), self.goodwill.on(day, calendar));
        let week_ago = day.checked_sub(7.days()).unwrap_or(day);
        let before = self.past.iter().rfind(|(past, ..)| *past <= week_ago);
        let before = before.map_or(0, |(_, p, g)| g.on(week_ago, calendar).value() - p.on(week_ago, calendar).value());
        let points = |value: i64| (value + POINT / 2) / POINT;
        Standing {
            pressure: points(pressure.value()),
            goodwill: points(goodwill.value()),
            change: (goodwill.value() - pressure.value() - before) / POINT,
        }
    }

    pub(super) fn next_change(&self, terms: &Terms<'_>) -> Option<Timestamp> {
        let bad = self.bad.as_ref().filter(|bad| bad.calm_at.is_some())?;
        Some(terms.calendar.add_working_days(bad.last_at, QUIETLY_WELL_DAYS))
    }

    /// What time alone brings at `at`.
    pub(super) fn pass(&mut self, terms: &Terms<'_>, at: Timestamp) -> Vec<Finding> {
        if self.next_change(terms).is_none_or(|next| next > at) {
            return Vec::new();
        }
        self.bad.take().map(|bad| recovered(&bad, at, None)).into_iter().collect()
    }

    /// What became of a promise weighs too.
    pub(super) fn weigh(&mut self, found: &Finding, calendar: &Calendar) {
        let day = calendar.date_of(found.at);
        let Some(pledge) = found.pledge.as_ref().filter(|pledge| pledge.by == Side::Us) else { return };
        match found.what {
            What::CommitmentKept | What::CommitmentKeptEarly => {
                self.goodwill.add(2, false, day, calendar);
                remember(&mut self.thanks, format!("we kept a promise: \"{}\"", pledge.words));
            }
            What::CommitmentBroken => {
                self.pressure.add(4, false, day, calendar);
                remember(&mut self.reasons, format!("we did not keep a promise: \"{}\"", pledge.words));
            }
            _ => {}
        }
    }

    pub(super) fn take_in(&mut self, entry: &Entry, terms: &Terms<'_>) -> Vec<Finding> {
        let Some(side) = entry.side() else { return Vec::new() };
        if side == Side::Us {
            return Vec::new();
        }
        let (bad, good) = points(entry);
        let day = terms.calendar.date_of(entry.sent_at);
        self.pressure.add(bad, entry.severity == Severity::Critical, day, terms.calendar);
        self.goodwill.add(good, false, day, terms.calendar);
        self.past.retain(|(past, ..)| *past != day);
        self.past.push((day, self.pressure, self.goodwill));
        let surplus = self.past.len().saturating_sub(2 * FEW);
        self.past.drain(..surplus);
        if let Some(signal) =
            entry.signals.iter().find(|s| signal::is_negative(s) == (bad > good)).filter(|_| bad != good)
        {
            let moved = if bad > good { &mut self.reasons } else { &mut self.thanks };
            remember(moved, format!("{} {}", entry.name, signal::phrase(signal)));
        }
        self.times(entry, terms)
    }

    /// Begins, prolongs and ends a bad time.
    fn times(&mut self, entry: &Entry, terms: &Terms<'_>) -> Vec<Finding> {
        let worst = entry.severity == Severity::Critical || self.pressure.value() >= BAD * POINT;
        if entry.is_negative() && (self.bad.is_some() || worst) {
            let bad = self.bad.get_or_insert_with(|| BadTime {
                since: entry.sent_at,
                last_at: entry.sent_at,
                people: Vec::new(),
                calm_at: None,
                history: entry.history,
            });
            bad.last_at = entry.sent_at;
            bad.calm_at = None;
            bad.people = vec![entry.person.clone(), entry.name.clone()];
            return Vec::new();
        }
        let Some(bad) = self.bad.as_mut().filter(|_| !entry.matter.doubtful) else { return Vec::new() };
        bad.calm_at = Some(entry.sent_at);
        let concerned = bad.people.contains(&entry.person) || bad.people.contains(&entry.name);
        let days = terms.calendar.working_days_between(bad.last_at, entry.sent_at);
        let kind = entry.is_positive() || entry.matter.deeds.iter().any(|d| d.sort == DeedSort::Keeps);
        let peace = concerned && kind && days < WELL_DAYS;
        if peace && !entry.signals.iter().any(|s| signal::is_negative(s)) {
            return vec![Finding {
                key: Some(entry.key.clone()),
                person: entry.person.clone(),
                history: entry.history,
                says: format!("{} has a friendly word after the trouble", entry.name),
                ..Finding::new(format!("peace:{}", bad.since), What::GoodNews, entry.sent_at)
            }];
        }
        let asks_again = entry.signals.iter().any(|s| signal::is_negative(s));
        if days < WELL_DAYS || !concerned || asks_again {
            return Vec::new();
        }
        self.bad.take().map(|bad| recovered(&bad, entry.sent_at, Some(entry))).into_iter().collect()
    }
}

/// Keeps the newest reasons, each once.
fn remember(reasons: &mut Vec<String>, reason: String) {
    reasons.retain(|known| *known != reason);
    reasons.push(reason);
    let surplus = reasons.len().saturating_sub(FEW / 2);
    reasons.drain(..surplus);
}

fn recovered(bad: &BadTime, at: Timestamp, entry: Option<&Entry>) -> Finding {
    Finding {
        key: entry.map(|e| e.key.clone()),
        person: entry.map_or_else(String::new, |e| e.person.clone()),
        signals: vec!["recovered".to_owned()],
        history: bad.history && entry.is_none_or(|e| e.history),
        says: "things look up after a bad time".to_owned(),
        ..Finding::new(format!("recovered:{}", bad.since), What::Recovered, at)
    }
}

/// Points against and for the relationship.
pub(super) fn points(entry: &Entry) -> (i64, i64) {
    let tone = match entry.tone {
        Some(ToneLabel::Hostile) => (10, 0),
        Some(ToneLabel::Frustrated) => (6, 0),
        Some(ToneLabel::Concerned) => (2, 0),
        Some(ToneLabel::Positive) => (0, 4),
        Some(ToneLabel::Grateful) => (0, 6),
        Some(ToneLabel::Neutral) | None => (0, 0),
    };
    let grave = match entry.severity {
        Severity::Critical => 10,
        Severity::Warning => 6,
        Severity::Info if entry.signals.iter().any(|s| signal::is_negative(s)) => 2,
        Severity::Info | Severity::None => 0,
    };
    let kind = |name: &str, points: i64| if entry.has(name) { points } else { 0 };
    let good = kind("praise", 2) + kind("deescalation", 4) + kind("contract_renewal", 3) + kind("roadblock_cleared", 1);
    (tone.0 + grave, if grave > 2 || entry.matter.doubtful { 0 } else { tone.1 + good })
}
