//! The life of a promise: made, due, and kept, broken, withdrawn or moved.
//!
//! Ours is broken a working day after its time where nothing shows that it was kept,
//! or when somebody says so. Theirs, and calls, only when somebody says so: much reaches
//! us by ways that we do not see.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::evidence::{self, Outcome};
use super::finding::{Alarm, Finding, Pledge, Told, What};
use super::{Entry, Terms};
use crate::calendar::{Calendar, local_instant};
use crate::judge::{Promise, PromiseSort, Severity, Side, Topic};

/// A day ends then where the calendar has no hours for it: 17:30, in minutes.
const CLOSE: u16 = 17 * 60 + 30;
/// Working days after which a promise of ours without a trace counts as broken.
const GRACE_DAYS: i64 = 1;
/// Days that a settled promise is remembered, and one without a day.
const SETTLED_DAYS: i64 = 2;
const UNDATED_DAYS: i64 = 30;
/// Days after its time that an open promise is remembered.
const OVERDUE_DAYS: i64 = 45;
/// Most promises remembered; the oldest give way.
const MOST: usize = 100;
/// A promise of fewer words may be any other of its thread and day.
const VAGUE_WORDS: usize = 2;
/// Working days to a promised day within which nobody misses a word.
const EXPECTED_DAYS: i64 = 7;
/// Two broken promises of ours within so many days are worth an alert.
const TWICE_DAYS: i64 = 14;

/// How a promise stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not settled.
    Open,
    /// Not settled, and its time has passed.
    Overdue,
    /// Its time passed long enough ago without a trace.
    Lapsed,
    /// Somebody said that it was not kept.
    Broken,
    /// Kept on its day, or on an earlier or a later one.
    Kept,
    /// Needed no more.
    Withdrawn,
    /// Replaced by a later day.
    Moved,
}

/// One promise of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// Its name: of the message that made it, and its place there.
    pub id: String,
    /// As the message worded it; `due` is the day that stands now.
    pub promise: Promise,
    /// Key of the message that made it.
    pub made_in: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// When that reached us: before, nobody could have missed anything.
    #[serde(default)]
    pub known_at: Timestamp,
    /// Subject of that message.
    pub subject: String,
    /// To whom it was made, lower case; empty where a note tells of it.
    #[serde(default)]
    pub readers: Vec<String>,
    /// Known before we were watching.
    pub history: bool,
    /// How it stands.
    pub standing: Standing,
    /// When it came to stand so.
    pub changed_at: Timestamp,
}

impl Commitment {
    /// The day it is due.
    #[must_use]
    pub fn due_day(&self) -> Option<Date> {
        let due = self.promise.due.as_deref()?;
        due.get(..10)?.parse().ok()
    }

    /// When it falls due: its hour, else the close of its day.
    #[must_use]
    pub fn due_at(&self, calendar: &Calendar) -> Option<Timestamp> {
        let due = self.promise.due.as_deref()?;
        if let Some(local) = due.parse::<DateTime>().ok().filter(|_| due.len() > 10) {
            return calendar.zone.to_ambiguous_zoned(local).compatible().ok().map(|z| z.timestamp());
        }
        let day = self.due_day()?;
        let close = calendar.windows_of(day).last().map_or(CLOSE, |(_, end)| *end);
        Some(local_instant(&calendar.zone, day, close))
    }

    /// Whether it may still be settled.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Open | Standing::Overdue | Standing::Lapsed)
    }

    /// As people and scripts are shown it.
    #[must_use]
    pub fn pledge(&self) -> Pledge {
        Pledge {
            id: self.id.clone(),
            by: self.promise.by,
            person: self.promise.person.clone(),
            words: self.promise.words.clone(),
            due: self.promise.due.clone(),
        }
    }

    /// When time alone changes it next.
    fn next_change(&self, terms: &Terms<'_>) -> Option<Timestamp> {
        let due = self.due_at(terms.calendar)?;
        match self.standing {
            Standing::Open => Some(due.max(self.known_at)),
            // A call leaves no trace: that there was none, somebody must say.
            Standing::Overdue if self.promise.by == Side::Us && self.promise.sort != PromiseSort::Meeting => {
                Some(terms.calendar.add_working_days(due.max(self.known_at), GRACE_DAYS))
            }
            _ => None,
        }
    }

    fn finding(&self, what: What, at: Timestamp, key: Option<&str>) -> Finding {
        let due = self.promise.due.as_deref().map_or("", |due| due.get(..10).unwrap_or(due));
        Finding {
            key: key.map(str::to_owned),
            person: self.promise.person.clone(),
            pledge: Some(self.pledge()),
            history: self.history,
            signals: if what == What::CommitmentBroken { vec!["commitment_broken".to_owned()] } else { Vec::new() },
            says: says(what, &self.promise.words, due),
            ..Finding::new(format!("{}:{}:{due}", what.event(), self.id), what, at)
        }
    }
}

fn says(what: What, words: &str, due: &str) -> String {
    let by = if due.is_empty() { String::new() } else { format!(" (due {due})") };
    let fate = match what {
        What::CommitmentMade => "promised",
        What::CommitmentDue => "is due and nothing shows yet that it was kept",
        What::CommitmentKept => "was kept",
        What::CommitmentKeptLate => "was kept late",
        What::CommitmentKeptEarly => "was kept early",
        What::CommitmentWithdrawn => "is no longer needed",
        What::CommitmentMoved => "was moved",
        _ => "was not kept",
    };
    format!("the promise \"{words}\"{by} {fate}")
}

/// The promises of an account, in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Open ones, and those settled not long ago.
    pub all: Vec<Commitment>,
    /// When promises of ours were broken, the last ones.
    broken: Vec<Timestamp>,
}

impl Ledger {
    pub(super) fn next_change(&self, terms: &Terms<'_>) -> Option<Timestamp> {
        self.all.iter().filter_map(|c| c.next_change(terms)).min()
    }

    /// Whether a day was named by which something will come or happen, and it is not over.
    pub(super) fn expects(&self, terms: &Terms<'_>, at: Timestamp) -> bool {
        let latest = terms.calendar.add_working_days(at, EXPECTED_DAYS);
        self.all
            .iter()
            .filter(|c| c.standing == Standing::Open && c.promise.sort != PromiseSort::Recurring)
            .any(|c| c.due_at(terms.calendar).is_some_and(|due| due > at && due <= latest) && c.known_at <= at)
    }

    /// What time alone brings at `at`.
    pub(super) fn pass(&mut self, terms: &Terms<'_>, at: Timestamp) -> Vec<Finding> {
        let mut found = Vec::new();
        for commitment in &mut self.all {
            if commitment.next_change(terms).is_none_or(|next| next > at) {
                continue;
            }
            commitment.changed_at = at;
            if commitment.standing == Standing::Open {
                commitment.standing = Standing::Overdue;
                found.push(commitment.finding(What::CommitmentDue, at, None));
            } else {
                commitment.standing = Standing::Lapsed;
                let twice = twice(&mut self.broken, at);
                let severity = if twice { Severity::Warning } else { Severity::Info };
                let alarm = Alarm { topic: Topic::Commitment, severity, to: Told::Owner };
                let alarm = if twice { Alarm { to: Told::Manager, ..alarm } } else { alarm };
                found.push(Finding { alarm: Some(alarm), ..commitment.finding(What::CommitmentBroken, at, None) });
            }
        }
        found
    }

    /// Settles what a message shows, and takes in what it promises.
    pub(super) fn take_in(&mut self, entry: &Entry, terms: &Terms<'_>) -> Vec<Finding> {
        // A note tells what one of us has done and heard: it is our word.
        let side = entry.side().or(entry.is_note().then_some(Side::Us));
        let Some(side) = side else { return Vec::new() };
        let mut found = Vec::new();
        let shows = if entry.matter.doubtful { Vec::new() } else { evidence::weigh(&self.all, entry, side, terms) };
        for (commitment, outcome) in self.all.iter_mut().zip(shows) {
            let Some(outcome) = outcome else { continue };
            found.extend(settle(commitment, outcome, entry, &mut self.broken));
        }
        for (place, promise) in entry.matter.promises.iter().enumerate() {
            if self.is_restated(entry, promise) {
                continue;
            }
            let commitment = Commitment {
                id: format!("{}.{}", entry.key.get(..16).unwrap_or(&entry.key), place + 1),
                promise: promise.clone(),
                made_in: entry.key.clone(),
                made_at: entry.sent_at,
                known_at: entry.arrived_at,
                readers: if entry.is_note() { Vec::new() } else { entry.readers() },
                subject: entry.matter.subject.clone(),
                // A promise of long ago is for the record: nobody is to be rung up for it now.
                history: entry.history || entry.is_stale(),
                standing: Standing::Open,
                changed_at: entry.sent_at,
            };
            found.push(commitment.finding(What::CommitmentMade, entry.sent_at, Some(&entry.key)));
            self.all.push(commitment);
        }
        self.forget(entry.sent_at);
        found
    }

    /// The same promise said again in a later message.
    fn is_restated(&self, entry: &Entry, promise: &Promise) -> bool {
        self.all.iter().any(|c| {
            let day = |due: &Option<String>| due.as_deref().and_then(|d| d.get(..10)).map(str::to_owned);
            let vague = c.promise.about.len().min(promise.about.len()) < VAGUE_WORDS;
            c.made_in != entry.key
                && c.is_open()
                && c.promise.by == promise.by
                && day(&c.promise.due) == day(&promise.due)
                && (evidence::alike(&c.promise.about, &promise.about)
                    || (vague
                        && c.subject == entry.matter.subject
                        && c.promise.person == promise.person
                        && promise.due.is_some()))
        })
    }

    fn forget(&mut self, now: Timestamp) {
        let before = |days: i64| now.checked_sub((days * 24).hours()).unwrap_or(Timestamp::MIN);
        let (settled, undated, overdue) = (before(SETTLED_DAYS), before(UNDATED_DAYS), before(OVERDUE_DAYS));
        self.all.retain(|c| match c.standing {
            Standing::Open => c.promise.due.is_some() || c.made_at >= undated,
            Standing::Overdue | Standing::Lapsed | Standing::Broken | Standing::Moved => c.changed_at >= overdue,
            _ => c.changed_at >= settled,
        });
        while self.all.len() > MOST {
            let oldest = self.all.iter().position(|c| !c.is_open() || c.promise.due.is_none()).unwrap_or(0);
            self.all.remove(oldest);
        }
    }
}

/// Whether another promise of ours was broken not long before.
fn twice(broken: &mut Vec<Timestamp>, at: Timestamp) -> bool {
    let since = at.checked_sub((TWICE_DAYS * 24).hours()).unwrap_or(Timestamp::MIN);
    broken.retain(|b| *b >= since);
    broken.push(at);
    broken.len() > 1
}

fn settle(c: &mut Commitment, outcome: Outcome, entry: &Entry, broken: &mut Vec<Timestamp>) -> Option<Finding> {
    let lapsed = c.standing == Standing::Lapsed;
    let (standing, what) = match outcome {
        Outcome::Kept => (Standing::Kept, What::CommitmentKept),
        Outcome::KeptLate => (Standing::Kept, What::CommitmentKeptLate),
        Outcome::KeptEarly => (Standing::Kept, What::CommitmentKeptEarly),
        Outcome::Broken => (Standing::Broken, What::CommitmentBroken),
        Outcome::Withdrawn => (Standing::Withdrawn, What::CommitmentWithdrawn),
        Outcome::Moved(None) => (Standing::Moved, What::CommitmentMoved),
        Outcome::Moved(Some(_)) => (Standing::Open, What::CommitmentMoved),
    };
    if let Outcome::Moved(Some(day)) = outcome {
        c.promise.due = Some(day.to_string());
    }
    c.standing = standing;
    c.changed_at = entry.sent_at;
    // Time has said it already.
    if outcome == Outcome::Broken && lapsed {
        return None;
    }
    let mut found = Finding { history: entry.history, ..c.finding(what, entry.sent_at, Some(&entry.key)) };
    if outcome == Outcome::Broken && c.promise.by == Side::Us {
        broken.push(entry.sent_at);
        found.alarm = Some(Alarm { topic: Topic::Commitment, severity: Severity::Info, to: Told::Owner });
    }
    Some(found)
}
