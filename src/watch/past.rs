//! An account looked back over: how it went week by week, and what we tried and what
//! came of it. From entries and findings alone; nothing here decides what is told.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::trend::{Fading, points};
use super::{Entry, Finding, What};
use crate::calendar::Calendar;
use crate::judge::{DeedSort, Side};

/// Days within which an answer to what we did is looked for.
const ANSWER_DAYS: i64 = 21;
/// Dated steps from which on promises are a plan.
const PLAN_STEPS: usize = 2;

/// How an account fared in one week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Week {
    /// Its Monday.
    pub monday: Date,
    /// Points against that are left at its end.
    pub pressure: i64,
    /// Points for it that are left at its end.
    pub goodwill: i64,
    /// Messages that came from them, and went to them.
    pub inbound: u64,
    /// The other way.
    pub outbound: u64,
}

/// The weeks from the first entry to the day of `until`, with no week left out; entries are in order.
#[must_use]
pub fn weeks(entries: &[Entry], found: &[Finding], calendar: &Calendar, until: Timestamp) -> Vec<Week> {
    let Some(first) = entries.first() else { return Vec::new() };
    let (mut pressure, mut goodwill) = (Fading::default(), Fading::default());
    let (mut entries, mut found) = (entries.iter().peekable(), found.iter().peekable());
    let mut weeks = Vec::new();
    let mut monday = monday_of(calendar.date_of(first.sent_at));
    let last = calendar.date_of(until);
    while monday <= last {
        let Ok(next) = monday.checked_add(7.days()) else { break };
        let mut week = Week { monday, pressure: 0, goodwill: 0, inbound: 0, outbound: 0 };
        while let Some(entry) = entries.next_if(|e| calendar.date_of(e.sent_at) < next) {
            match entry.side() {
                Some(Side::Them) => week.inbound += 1,
                Some(Side::Us) => week.outbound += 1,
                None => {}
            }
            if entry.side() == Some(Side::Them) {
                let ((bad, good), day) = (points(entry), calendar.date_of(entry.sent_at));
                pressure.add(bad, entry.severity == crate::judge::Severity::Critical, day, calendar);
                goodwill.add(good, false, day, calendar);
            }
        }
        while let Some(one) = found.next_if(|f| calendar.date_of(f.at) < next) {
            let day = calendar.date_of(one.at);
            match one.what {
                _ if one.pledge.as_ref().is_none_or(|p| p.by != Side::Us) => {}
                What::CommitmentKept | What::CommitmentKeptEarly => goodwill.add(2, false, day, calendar),
                What::CommitmentBroken => pressure.add(4, false, day, calendar),
                _ => {}
            }
        }
        let end = next.checked_sub(1.day()).unwrap_or(next).min(last);
        let left = |fading: Fading| (fading.on(end, calendar).value() + 500) / 1000;
        (week.pressure, week.goodwill) = (left(pressure), left(goodwill));
        weeks.push(week);
        monday = next;
    }
    weeks
}

fn monday_of(day: Date) -> Date {
    let since = i64::from(day.weekday().to_monday_zero_offset());
    day.checked_sub(since.days()).unwrap_or(day)
}

/// What we did to mend something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Two dated steps or more.
    Plan,
    /// We said sorry.
    Apology,
    /// We spoke, or met.
    Call,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Their next clear word was friendly.
    Helped,
    /// Their next clear word was not.
    DidNotHelp,
    /// They have said neither.
    Unclear,
}

/// Something we tried while there was trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What.
    pub remedy: Remedy,
    /// Place of our message among the entries.
    pub place: usize,
    /// What came of it.
    pub effect: Effect,
    /// Place of the message that shows it, where one does.
    pub shown_by: Option<usize>,
}

/// What we tried after trouble, oldest first; entries are in order.
#[must_use]
pub fn attempts(entries: &[Entry]) -> Vec<Attempt> {
    let mut trouble: Option<Timestamp> = None;
    let mut tried = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        if entry.side() == Some(Side::Them) && entry.is_negative() {
            trouble = Some(entry.sent_at);
        }
        let recent = trouble.is_some_and(|at| entry.sent_at <= after(at));
        let Some(remedy) = remedy(entry).filter(|_| recent) else { continue };
        let (effect, shown_by) = effect(entries, place);
        tried.push(Attempt { remedy, place, effect, shown_by });
    }
    tried
}

fn after(at: Timestamp) -> Timestamp {
    at.checked_add((ANSWER_DAYS * 24).hours()).unwrap_or(Timestamp::MAX)
}

fn remedy(entry: &Entry) -> Option<Remedy> {
    let spoke = entry.matter.deeds.iter().any(|d| d.sort == DeedSort::Called);
    if entry.automatic || entry.side() == Some(Side::Them) {
        return None;
    }
    let ours = entry.side() == Some(Side::Us);
    let steps = entry.matter.promises.iter().filter(|p| p.by == Side::Us && p.due.is_some()).count();
    if ours && (steps >= PLAN_STEPS || entry.has("recovery_plan")) {
        Some(Remedy::Plan)
    } else if ours && entry.has("apology") {
        Some(Remedy::Apology)
    } else {
        spoke.then_some(Remedy::Call)
    }
}

/// Their next clear word after the message at `place`.
fn effect(entries: &[Entry], place: usize) -> (Effect, Option<usize>) {
    let Some(until) = entries.get(place).map(|e| after(e.sent_at)) else { return (Effect::Unclear, None) };
    let later = entries.iter().enumerate().skip(place + 1).take_while(|(_, e)| e.sent_at <= until);
    for (n, entry) in later.filter(|(_, e)| e.side() == Some(Side::Them)) {
        if entry.is_negative() {
            return (Effect::DidNotHelp, Some(n));
        }
        if entry.is_positive() || (entry.has("deescalation") && !entry.matter.doubtful) {
            return (Effect::Helped, Some(n));
        }
    }
    (Effect::Unclear, None)
}
