//! Answers that are owed: by us from the oldest unanswered question, and by vendors.
//!
//! Not every answer is copied to us. How often answers at this account are seen
//! decides whether a missing one is an alarm, a line of the digest, or nothing.

use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::finding::{Alarm, Finding, Told, What};
use super::{Entry, Terms};
use crate::calendar::{Calendar, WorkingSpan};
use crate::config::Kind;
use crate::judge::{DeedSort, Severity, Side, Topic, UrgencyLabel};

/// Most questions that wait at a time, and fates of answers that are remembered.
const MOST: usize = 40;
const FATES: usize = 12;
/// Days after which nobody waits any more.
const PATIENCE_DAYS: i64 = 45;
/// Minutes of working time after which a mail is no answer any more to what was asked before: five days of eight hours.
const LONGEST: i64 = 5 * 8 * 60;
/// Answers that must have been looked for before their absence means anything.
const LEAST: usize = 4;
/// Share of seen answers, in percent, from which a missing one is an alarm, and below which it says nothing.
const USUALLY: usize = 60;
const RARELY: usize = 20;

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fate {
    /// We saw the answer.
    Seen,
    /// Their next message shows that there was one.
    Evident,
    /// Nothing was seen.
    None,
}

/// How far a question has waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Fresh,
    Warned,
    Missed,
}

/// A question that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Who owes the answer.
    pub owed_by: Side,
    /// Who asked, or was asked, on the other side.
    pub person: String,
    /// Their name.
    pub name: String,
    /// Subject without prefixes.
    pub subject: String,
    /// Key of the oldest message that waits.
    pub key: String,
    /// When that was written.
    pub since: Timestamp,
    /// When it reached us: before, nobody of ours had missed it.
    #[serde(default)]
    known_at: Timestamp,
    first: bool,
    stage: Stage,
    history: bool,
}

/// The questions of an account that wait.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// Oldest first.
    pub waits: Vec<Wait>,
    fates: Vec<Fate>,
    /// Subjects that we have written about.
    threads: Vec<String>,
    /// Minutes of working time that answers took, with their day: ours, then theirs.
    took: [Vec<(Timestamp, i64)>; 2],
    /// When we last wrote.
    wrote_at: Option<Timestamp>,
    informed_said: bool,
    slow_said: [Option<Timestamp>; 2],
}

impl Clocks {
    /// Answers that are owed for so long that they press, the oldest first; none where answers
    /// at this account are hardly ever copied to us, since nobody can tell then.
    pub fn pressing(&self) -> impl Iterator<Item = &Wait> {
        let rarely = self.seen_share().is_some_and(|share| share < RARELY);
        self.waits.iter().filter(move |wait| !rarely && !wait.history && wait.stage > Stage::Fresh)
    }

    /// Minutes of working time that our answers since an instant took, the quickest first.
    #[must_use]
    pub fn our_answers(&self, since: Timestamp) -> Vec<i64> {
        let [ours, _] = &self.took;
        let mut minutes: Vec<i64> = ours.iter().filter(|(at, _)| *at > since).map(|(_, took)| *took).collect();
        minutes.sort_unstable();
        minutes
    }

    pub(super) fn next_change(&self, terms: &Terms<'_>) -> Option<Timestamp> {
        if terms.resting {
            return None;
        }
        let waits = self.waits.iter().filter_map(|wait| due(wait, terms));
        waits.chain(self.informed_due(terms)).min()
    }

    /// What time alone brings at `at`.
    pub(super) fn pass(&mut self, terms: &Terms<'_>, at: Timestamp) -> Vec<Finding> {
        let mut found = Vec::new();
        if terms.resting {
            return found;
        }
        let seen = self.seen_share();
        for wait in &mut self.waits {
            if due(wait, terms).is_some_and(|due| due <= at) {
                wait.stage = if wait.stage == Stage::Fresh { Stage::Warned } else { Stage::Missed };
                found.extend(overdue(wait, seen, at));
            }
        }
        if self.informed_due(terms).is_some_and(|due| due <= at) {
            self.informed_said = true;
            found.push(Finding {
                signals: vec!["unanswered".to_owned()],
                says: "we have not written for longer than was agreed while something is open".to_owned(),
                ..Finding::new(format!("informed:{}", self.wrote_at.unwrap_or(at)), What::Unanswered, at)
            });
        }
        found
    }

    fn informed_due(&self, terms: &Terms<'_>) -> Option<Timestamp> {
        let (target, calendar) = terms.target?;
        let wanted = target.keep_informed != WorkingSpan::default()
            && !self.informed_said
            && self.waits.iter().any(|wait| wait.owed_by == Side::Us);
        if wanted { calendar.add_span(self.wrote_at?, target.keep_informed) } else { None }
    }

    /// Share of answers that were seen, in percent; `None` where too few were looked for.
    fn seen_share(&self) -> Option<usize> {
        let seen = self.fates.iter().filter(|fate| **fate == Fate::Seen).count();
        (self.fates.len() >= LEAST).then(|| seen * 100 / self.fates.len())
    }

    pub(super) fn take_in(&mut self, entry: &Entry, terms: &Terms<'_>) -> Vec<Finding> {
        let Some(side) = entry.side() else { return Vec::new() };
        self.give_up(entry.sent_at);
        let showed = |sort: DeedSort| entry.matter.deeds.iter().any(|deed| deed.sort == sort);
        let trusted = !entry.matter.doubtful;
        if trusted {
            self.answer(entry, side, terms.calendar);
        }
        if trusted && side == Side::Them && (showed(DeedSort::Answered) || showed(DeedSort::Called)) {
            let before = self.waits.len();
            self.waits.retain(|w| w.owed_by != Side::Us || w.person != entry.person);
            self.fate((self.waits.len() < before).then_some(Fate::Evident));
        }
        if trusted && side == Side::Us {
            self.wrote_at = Some(entry.sent_at);
            self.informed_said = false;
            if !self.threads.contains(&entry.matter.subject) {
                self.threads.push(entry.matter.subject.clone());
                let surplus = self.threads.len().saturating_sub(MOST);
                self.threads.drain(..surplus);
            }
        }
        let other = if side == Side::Them { Side::Us } else { Side::Them };
        if waits_for_answer(entry, side, terms.kind)
            && !self.waits.iter().any(|w| w.owed_by == other && w.subject == entry.matter.subject)
        {
            let person = if side == Side::Them { entry.person.clone() } else { entry.addressee.clone() };
            self.waits.push(Wait {
                owed_by: other,
                name: if side == Side::Them { entry.name.clone() } else { person.clone() },
                person,
                subject: entry.matter.subject.clone(),
                key: entry.key.clone(),
                since: entry.sent_at,
                known_at: entry.arrived_at,
                first: !self.threads.contains(&entry.matter.subject),
                stage: Stage::Fresh,
                history: entry.history,
            });
            let surplus = self.waits.len().saturating_sub(MOST);
            self.waits.drain(..surplus);
        }
        self.slowing(entry)
    }

    /// A message of `side` answers what the other side asked in its thread, or what its reader asked.
    fn answer(&mut self, entry: &Entry, side: Side, calendar: &Calendar) {
        let matter = &entry.matter;
        let answered = |w: &Wait| {
            let to_them = side == Side::Us && (matter.to.contains(&w.person) || matter.cc.contains(&w.person));
            let by_them = side == Side::Them && entry.person == w.person;
            w.owed_by == side && (w.subject == matter.subject || to_them || by_them)
        };
        let done: Vec<Timestamp> = self.waits.iter().filter(|w| answered(w)).map(|w| w.since).collect();
        self.waits.retain(|w| !answered(w));
        for since in done {
            let minutes = calendar.working_between(since, entry.sent_at).as_mins();
            let took = self.took.get_mut(usize::from(side == Side::Them)).filter(|_| minutes <= LONGEST);
            if let Some(took) = took {
                took.push((entry.sent_at, minutes));
                let surplus = took.len().saturating_sub(MOST);
                took.drain(..surplus);
            }
            self.fate((side == Side::Us).then_some(Fate::Seen));
        }
    }

    fn fate(&mut self, fate: Option<Fate>) {
        self.fates.extend(fate);
        let surplus = self.fates.len().saturating_sub(FATES);
        self.fates.drain(..surplus);
    }

    fn give_up(&mut self, now: Timestamp) {
        let since = now.checked_sub((PATIENCE_DAYS * 24).hours()).unwrap_or(Timestamp::MIN);
        let before = self.waits.iter().filter(|w| w.owed_by == Side::Us).count();
        self.waits.retain(|w| w.since >= since);
        let after = self.waits.iter().filter(|w| w.owed_by == Side::Us).count();
        for _ in after..before {
            self.fate(Some(Fate::None));
        }
    }

    /// Whether the last answers of a side took twice as long as those before, of ninety days.
    fn slowing(&mut self, entry: &Entry) -> Vec<Finding> {
        let since = |days: i64| entry.sent_at.checked_sub((days * 24).hours()).unwrap_or(Timestamp::MIN);
        let mut found = Vec::new();
        for (took, (said, who)) in
            self.took.iter_mut().zip(self.slow_said.iter_mut().zip(["our answers", "their answers"]))
        {
            took.retain(|(at, _)| *at >= since(90));
            let split = took.len().saturating_sub(5);
            let (before, late) = took.split_at(split);
            let slow =
                before.len() >= 5 && late.len() == 5 && median(late) > 60 && median(late) >= 2 * median(before).max(1);
            if slow && said.is_none_or(|said| said < since(60)) {
                *said = Some(entry.sent_at);
                found.push(Finding {
                    signals: vec!["reply_slowing".to_owned()],
                    says: format!("{who} take twice as long as they did"),
                    history: entry.history,
                    ..Finding::new(format!("slowing:{who}:{}", entry.sent_at), What::Signal, entry.sent_at)
                });
            }
        }
        found
    }
}

fn median(took: &[(Timestamp, i64)]) -> i64 {
    let mut minutes: Vec<i64> = took.iter().map(|(_, m)| *m).collect();
    minutes.sort_unstable();
    minutes.get(minutes.len() / 2).copied().unwrap_or(0)
}

/// A question of a person to us; of ours to a vendor. Courtesies and copies ask nobody.
fn waits_for_answer(entry: &Entry, side: Side, kind: Kind) -> bool {
    let asks = entry.matter.asks && entry.urgency != Some(UrgencyLabel::Low) && !entry.has("closing_courtesy");
    match side {
        Side::Them => asks && entry.crosses(),
        Side::Us => asks && kind == Kind::Vendor && entry.crosses(),
    }
}

/// When a question reaches its next stage; `None` where no target applies.
fn due(wait: &Wait, terms: &Terms<'_>) -> Option<Timestamp> {
    limit(wait, terms).map(|due| due.max(wait.known_at))
}

fn limit(wait: &Wait, terms: &Terms<'_>) -> Option<Timestamp> {
    let (target, calendar) = terms.target?;
    let span = if wait.first && wait.owed_by == Side::Us { target.first_response } else { target.next_response };
    let limit = calendar.add_span(wait.since, span)?;
    match wait.stage {
        Stage::Fresh => {
            let whole = calendar.working_between(wait.since, limit);
            let share = whole.mul_f64(target.warn_at.clamp(0.0, 1.0));
            calendar.add_working(wait.since, share).map(|warn| warn.min(limit))
        }
        Stage::Warned => Some(limit),
        Stage::Missed => None,
    }
}

/// What a question that waits too long is worth.
fn overdue(wait: &Wait, seen: Option<usize>, at: Timestamp) -> Option<Finding> {
    let theirs = wait.owed_by == Side::Them;
    let missed = wait.stage == Stage::Missed;
    if seen.is_some_and(|share| share < RARELY) || (theirs && !missed) {
        return None;
    }
    let usually = seen.is_some_and(|share| share >= USUALLY);
    let severity = if usually && missed && !theirs { Severity::Warning } else { Severity::Info };
    let to = if missed { Told::Manager } else { Told::Owner };
    let says = match (theirs, missed) {
        (true, _) => format!("{} owes us an answer to \"{}\"", wait.name, wait.subject),
        (false, true) => format!("{} has had no answer to \"{}\" that we saw", wait.name, wait.subject),
        (false, false) => format!("{} will soon have waited too long for an answer to \"{}\"", wait.name, wait.subject),
    };
    let stage = if missed { "missed" } else { "warned" };
    Some(Finding {
        person: wait.person.clone(),
        signals: vec!["unanswered".to_owned()],
        alarm: (!theirs && !wait.history).then_some(Alarm { topic: Topic::Response, severity, to }),
        says,
        history: wait.history,
        ..Finding::new(format!("unanswered:{}:{stage}", wait.key), What::Unanswered, at)
    })
}
