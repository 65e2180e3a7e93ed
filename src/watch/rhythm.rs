//! Silence, weighed by what came before it, and the rhythm that was agreed.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::finding::{Alarm, Finding, Told, What};
use super::{Entry, Terms};
use crate::judge::{DeedSort, Severity, Side, Topic};

/// Working days of silence after a conflict: the owner hears of it, the manager, the director.
const QUIET_DAYS: [(i64, Told); 3] = [(3, Told::Owner), (5, Told::Manager), (10, Told::Director)];
/// Days that an account may be quiet whatever is usual with it, and gaps that it takes to know what is.
const QUIET_LEAST: i64 = 21;
const GAPS: (usize, usize) = (5, 20);
/// Days of grace for an agreed contact.
const CADENCE_GRACE: i64 = 2;
/// Members and days within which one who used to copy us has stopped.
const COPYING: (usize, u32, i64) = (20, 5, 21);

/// A conflict after which silence is bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Conflict {
    key: String,
    at: Timestamp,
    person: String,
    name: String,
    history: bool,
}

/// A member who brings mail to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Copying {
    member: String,
    count: u32,
    last_at: Timestamp,
    /// Messages of the other side to them since.
    missed: u32,
    said: bool,
}

/// Who spoke when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rhythm {
    /// The last word of a person, and whose it was.
    last_word: Option<(Timestamp, Side)>,
    /// When one of us last wrote.
    #[serde(default)]
    wrote_at: Option<Timestamp>,
    conflict: Option<Conflict>,
    /// How many steps of silence were said since the last word.
    steps: usize,
    /// When the other side last wrote, and the days between its messages.
    inbound_at: Option<Timestamp>,
    gaps: Vec<i64>,
    quiet_said: bool,
    /// Any contact: mail, calls, invitations.
    contact_at: Option<Timestamp>,
    missed: i64,
    copying: Vec<Copying>,
}

impl Rhythm {
    pub(super) fn next_change(&self, terms: &Terms<'_>) -> Option<Timestamp> {
        if terms.resting {
            return None;
        }
        [self.step_due(terms), self.quiet_due(terms), self.cadence_due(terms)].into_iter().flatten().min()
    }

    fn step_due(&self, terms: &Terms<'_>) -> Option<Timestamp> {
        let (days, _) = QUIET_DAYS.get(self.steps)?;
        self.conflict.as_ref()?;
        if terms.provisional && self.wrote_at.is_none() {
            return None;
        }
        Some(terms.calendar.add_working_days(self.last_word?.0, *days))
    }

    /// When an account has been quiet for twice as long as is usual with it.
    fn quiet_due(&self, terms: &Terms<'_>) -> Option<Timestamp> {
        if self.quiet_said || self.gaps.len() < GAPS.0 {
            return None;
        }
        let mut gaps = self.gaps.clone();
        gaps.sort_unstable();
        let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(0);
        let day = terms.calendar.date_of(self.inbound_at?).checked_add(QUIET_LEAST.max(2 * usual).days()).ok()?;
        Some(morning(day, terms))
    }

    fn cadence_due(&self, terms: &Terms<'_>) -> Option<Timestamp> {
        let every = i64::from(terms.cadence_days?);
        let day = terms.calendar.date_of(self.contact_at?);
        let last = day.checked_add((every * (self.missed + 1)).days()).ok()?;
        // A rhythm that nobody keeps any more is said a few times, not for ever.
        (self.missed < 4).then(|| terms.calendar.add_working_days(morning(last, terms), CADENCE_GRACE))
    }

    /// What time alone brings at `at`.
    pub(super) fn pass(&mut self, terms: &Terms<'_>, at: Timestamp) -> Vec<Finding> {
        let mut found = Vec::new();
        if terms.resting {
            return found;
        }
        if self.step_due(terms).is_some_and(|due| due <= at)
            && let Some((days, to)) = QUIET_DAYS.get(self.steps).copied()
        {
            self.steps += 1;
            found.extend(self.silence(days, to, at));
        }
        if self.quiet_due(terms).is_some_and(|due| due <= at) {
            self.quiet_said = true;
            found.push(Finding {
                signals: vec!["account_quiet".to_owned()],
                says: "has been quiet for longer than is usual".to_owned(),
                ..Finding::new(format!("quiet:{}", self.inbound_at.unwrap_or(at)), What::Silence, at)
            });
        }
        if self.cadence_due(terms).is_some_and(|due| due <= at) {
            self.missed += 1;
            let severity = if self.missed == 2 { Severity::Warning } else { Severity::Info };
            let to = if self.missed >= 2 { Told::Manager } else { Told::Owner };
            found.push(Finding {
                signals: vec!["cadence_missed".to_owned()],
                alarm: Some(Alarm { topic: Topic::Silence, severity, to }),
                says: format!("the agreed contact did not take place ({} in a row)", self.missed),
                ..Finding::new(
                    format!("cadence:{}:{}", self.contact_at.unwrap_or(at), self.missed),
                    What::CadenceMissed,
                    at,
                )
            });
        }
        found
    }

    fn silence(&self, days: i64, to: Told, at: Timestamp) -> Option<Finding> {
        let conflict = self.conflict.as_ref()?;
        let (last_at, last) = self.last_word?;
        let owes = if last == Side::Them { "we owe the next word" } else { "they owe the next word" };
        Some(Finding {
            person: conflict.person.clone(),
            signals: vec!["silence_after_conflict".to_owned()],
            alarm: (!conflict.history).then_some(Alarm { topic: Topic::Silence, severity: Severity::Warning, to }),
            says: format!("no word for {days} working days after {} was displeased; {owes}", conflict.name),
            history: conflict.history,
            ..Finding::new(format!("silence:{last_at}:{days}"), What::Silence, at)
        })
    }

    /// One of us was in touch beside the mail: that is contact, and the last word.
    pub(super) fn touch(&mut self, at: Timestamp) {
        (self.contact_at, self.missed) = (Some(at), 0);
        (self.last_word, self.steps) = (Some((at, Side::Us)), 0);
    }

    pub(super) fn take_in(&mut self, entry: &Entry, terms: &Terms<'_>) -> Vec<Finding> {
        if entry.matter.doubtful {
            return Vec::new();
        }
        let talked = entry.matter.calendar || entry.matter.deeds.iter().any(|d| d.sort == DeedSort::Called);
        if entry.side().is_some() || talked {
            self.contact_at = Some(entry.sent_at);
            self.missed = 0;
        }
        let Some(side) = entry.side() else {
            if talked && entry.is_note() {
                self.touch(entry.sent_at);
            }
            return Vec::new();
        };
        self.last_word = Some((entry.sent_at, side));
        if side == Side::Us {
            self.wrote_at = Some(entry.sent_at);
        }
        self.steps = 0;
        let mut found = self.copies(entry, side);
        if side == Side::Them {
            if self.quiet_said {
                found.push(Finding {
                    key: Some(entry.key.clone()),
                    person: entry.person.clone(),
                    signals: vec!["quiet_account_wakes".to_owned()],
                    says: format!("{} writes again after a long silence", entry.name),
                    history: entry.history,
                    ..Finding::new(format!("wakes:{}", entry.key), What::Signal, entry.sent_at)
                });
            }
            self.note_gap(entry, terms);
            self.weigh(entry);
        }
        found
    }

    fn note_gap(&mut self, entry: &Entry, terms: &Terms<'_>) {
        let day = terms.calendar.date_of(entry.sent_at);
        if let Some(before) = self.inbound_at.map(|at| terms.calendar.date_of(at)) {
            let days = before.until(day).map_or(0, |span| i64::from(span.get_days()));
            // Messages of one day are one contact.
            if days > 0 {
                self.gaps.push(days);
                let surplus = self.gaps.len().saturating_sub(GAPS.1);
                self.gaps.drain(..surplus);
            }
        }
        self.inbound_at = Some(entry.sent_at);
        self.quiet_said = false;
    }

    /// A bad word makes a conflict; a friendly or calm one of the same person ends it.
    fn weigh(&mut self, entry: &Entry) {
        if entry.severity >= Severity::Warning {
            self.conflict = Some(Conflict {
                key: entry.key.clone(),
                at: entry.sent_at,
                person: entry.person.clone(),
                name: entry.name.clone(),
                // What is long over when it reaches us is no conflict of today.
                history: entry.history || entry.is_stale(),
            });
        } else if !entry.is_negative() {
            let same = self.conflict.as_ref().is_some_and(|c| c.person == entry.person || c.name == entry.name);
            if same || entry.is_positive() || entry.has("deescalation") {
                self.conflict = None;
            }
        }
    }

    /// Who brings mail to us, and who has stopped while the other side writes on.
    fn copies(&mut self, entry: &Entry, side: Side) -> Vec<Finding> {
        let (most, usual, days) = COPYING;
        let by = &entry.matter.brought_by;
        if !by.is_empty() {
            match self.copying.iter_mut().find(|c| c.member == *by) {
                Some(known) => {
                    known.count = known.count.saturating_add(1);
                    (known.last_at, known.missed, known.said) = (entry.sent_at, 0, false);
                }
                None => self.copying.push(Copying {
                    member: by.clone(),
                    count: 1,
                    last_at: entry.sent_at,
                    missed: 0,
                    said: false,
                }),
            }
            if let Some(oldest) = (self.copying.len() > most)
                .then(|| self.copying.iter().enumerate().min_by_key(|(_, c)| c.last_at).map(|(place, _)| place))
            {
                oldest.map(|place| self.copying.remove(place));
            }
        }
        if side != Side::Them {
            return Vec::new();
        }
        let since = entry.sent_at.checked_sub((days * 24).hours()).unwrap_or(Timestamp::MIN);
        let on_it = |member: &String| entry.matter.to.contains(member) || entry.addressee == *member;
        let mut found = Vec::new();
        for known in self.copying.iter_mut().filter(|c| c.member != *by && on_it(&c.member)) {
            known.missed = known.missed.saturating_add(1);
            if known.count >= usual && known.missed >= 3 && known.last_at < since && !known.said {
                known.said = true;
                found.push(Finding {
                    person: known.member.clone(),
                    signals: vec!["capture_gap".to_owned()],
                    says: "their mail with this account no longer reaches us".to_owned(),
                    history: entry.history,
                    ..Finding::new(format!("gap:{}:{}", known.member, known.last_at), What::Signal, entry.sent_at)
                });
            }
        }
        found
    }
}

/// Nine on the clock of the calendar.
fn morning(day: Date, terms: &Terms<'_>) -> Timestamp {
    crate::calendar::local_instant(&terms.calendar.zone, day, 9 * 60)
}
