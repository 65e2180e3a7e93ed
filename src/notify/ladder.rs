//! Who is told next while nobody answers.
//!
//! Steps are counted in the account's working time from the news that waits for an answer, and stand at least
//! ten minutes apart, whatever was missed meanwhile. Who was told already is passed over. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::answers::Said;
use super::plan::{Named, Owed, Saying, after, is_for, line_of, present, with_role};
use crate::config::{Account, DEFAULT, Role, Rung, Settings, Step};
use crate::judge::Severity;
use crate::watch::{Cause, Told};

/// Least time between two steps.
const APART: SignedDuration = SignedDuration::from_mins(10);
/// What holds where no ladder is set. Managers know at once; owners hear what signals let them hear.
const USUAL: [Step; 2] = [
    Step { to: Rung::Role(Role::Manager), after: SignedDuration::from_hours(2) },
    Step { to: Rung::Role(Role::Director), after: SignedDuration::from_hours(4) },
];

/// Found out by time, with stages of its own: who hears of it when it has lasted longer is said there.
const IN_STAGES: [&str; 2] = ["silence_after_conflict", "cadence_missed"];
/// Told to the owner first, and to others by the ladder.
const UNANSWERED: &str = "unanswered";

/// Whether the ladder takes a cause to others while nobody answers. What is for the owner alone stays with the
/// owner, until time finds out more; only an answer that is owed goes on from there.
#[must_use]
pub fn climbs(cause: &Cause) -> bool {
    let is = |names: &[&str]| cause.signals.iter().any(|signal| names.contains(&signal.as_str()));
    is(&[UNANSWERED]) || (cause.to != Some(Told::Owner) && !(cause.fact.is_some() && is(&IN_STAGES)))
}

/// Whether nothing of what was told climbs.
fn stays(named: &Named) -> bool {
    let told = named.incident.causes.iter().filter(|c| is_for(c, false) && named.told.keys.contains(&c.key));
    let told: Vec<&Cause> = told.collect();
    !told.is_empty() && !told.into_iter().any(climbs)
}

/// The account's ladder, else the one named "default". Else the usual one where alerts can be answered:
/// nobody is bothered because others could not say that they know.
fn steps<'a>(account: &Account, settings: &'a Settings) -> &'a [Step] {
    let named = account.ladder.as_deref().unwrap_or(DEFAULT);
    match settings.ladders.get(named) {
        Some(steps) => steps,
        None if settings.mailboxes.iter().any(|mailbox| mailbox.authserv_id.is_some()) => &USUAL,
        None => &[],
    }
}

/// The usual readers, and who else must have what they have: the first step of a ladder that does not wait,
/// those it has reached, and who took the incident over.
pub(super) fn with_company(
    mut readers: BTreeSet<String>,
    named: &Named,
    account: &Account,
    settings: &Settings,
) -> BTreeSet<String> {
    let at_once = steps(account, settings).iter().filter(|step| step.after.is_zero());
    readers.extend(at_once.flat_map(|step| people(&step.to, account, settings)));
    readers.extend(reached(named));
    readers
}

/// Those whom the ladder has told, and who took the incident over.
pub(super) fn reached(named: &Named) -> impl Iterator<Item = String> {
    named.told.climbed.iter().cloned().chain(named.told.answers.taker().map(str::to_owned))
}

/// The next step of the ladder that reaches somebody new, due or not.
pub(super) fn next(
    away: &BTreeMap<String, String>,
    account: &Account,
    named: &Named,
    settings: &Settings,
) -> Option<Owed> {
    let told = &named.told;
    let is_recent = |at: Timestamp| told.waiting_since.is_none_or(|since| at >= since);
    let raised = told.answers.given.iter().rev().find(|answer| answer.said == Said::Raise && is_recent(answer.at));
    // Who has written to them has seen it.
    let waits = told.waiting_since.filter(|_| !named.incident.is_answered() && !stays(named));
    if told.severity < Severity::Warning || (waits.is_none() && raised.is_none()) {
        return None;
    }
    let reached = |step: &Step| -> BTreeSet<String> {
        let people = people(&step.to, account, settings).into_iter().map(|person| present(person, away));
        people.filter(|person| !told.readers.contains(person)).collect()
    };
    let mut open = steps(account, settings).iter().map(|step| (step, reached(step)));
    let (step, recipients) = open.find(|(_, people)| !people.is_empty())?;
    let raised = raised.map(|answer| answer.at).filter(|at| told.climbed_at.is_none_or(|climbed| climbed < *at));
    let due = match (raised, waits) {
        (Some(at), _) => at,
        (None, None) => return None,
        (None, Some(since)) => {
            let waited = settings.calendar_of(account).add_working(since, step.after)?;
            waited.max(told.climbed_at.map_or(Timestamp::MIN, |at| after(at, APART)))
        }
    };
    Some(Owed { line: line_of(named, Saying::Climb), due, recipients, private: false, alone: true })
}

/// Who stands on a rung, as members are now.
fn people(rung: &Rung, account: &Account, settings: &Settings) -> Vec<String> {
    match rung {
        Rung::Owner => account.owner.iter().cloned().collect(),
        Rung::Member(address) => vec![address.clone()],
        // Those of this account, not every one of the firm.
        Rung::Role(Role::Manager) => account.managers.clone(),
        Rung::Role(Role::Director) => {
            let near = account.owner.iter().chain(&account.managers);
            let above = near.flat_map(|person| settings.superiors_of(person)).filter(|m| m.role == Role::Director);
            let above: BTreeSet<String> = above.map(|m| m.address.clone()).collect();
            if above.is_empty() { with_role(settings, Role::Director).collect() } else { above.into_iter().collect() }
        }
        Rung::Role(role) => with_role(settings, *role).collect(),
    }
}
