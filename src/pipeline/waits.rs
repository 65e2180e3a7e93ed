//! Answers that we owe, and how soon we gave those that we gave, against what the targets allow.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::record::parse;
use super::{Pipeline, Result, after};
use crate::calendar::{Calendar, WorkingSpan};
use crate::config::{Account, Member};
use crate::judge::Side;
use crate::notify::{AnswerLine, WaitLine};
use crate::store::{AnyConnection, accounts, findings};
use crate::watch::{State, What};

/// How long anybody waits.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24 * 60);

/// An account with what is true of it.
pub(super) type Known<'a> = (&'a Account, State);

impl Pipeline {
    /// The accounts of `member` with what is true of each at `now`, in the order of the settings.
    pub(super) async fn states(
        &self,
        db: &mut AnyConnection,
        member: &Member,
        now: Timestamp,
    ) -> Result<Vec<Known<'_>>> {
        let mut folds: BTreeMap<String, String> = accounts::folds(db).await?.into_iter().collect();
        let own = self.settings.accounts.iter().filter(|a| a.managers.contains(&member.address));
        own.filter_map(|account| Some((account, folds.remove(&account.id)?)))
            .map(|(account, state)| Ok((account, self.stand_at(account, parse(&state, "fold")?, now))))
            .collect()
    }

    /// A stored fold stands where its last message left it; this is what time has made of it since.
    pub(super) fn stand_at(&self, account: &Account, fold: State, now: Timestamp) -> State {
        let terms = self.terms(account);
        if fold.next_ask(&terms).is_some_and(|at| at <= now) { fold.at(&terms, now) } else { fold }
    }

    /// Answers that we owe at these accounts, the oldest first.
    pub(super) async fn wait_lines(
        &self,
        db: &mut AnyConnection,
        states: &[Known<'_>],
        until: Timestamp,
    ) -> Result<Vec<WaitLine>> {
        let ours = |state: &State| state.clocks.pressing().filter(|wait| wait.owed_by == Side::Us).count();
        if states.iter().all(|(_, state)| ours(state) == 0) {
            return Ok(Vec::new());
        }
        let span = (after(until, -PATIENCE).as_microsecond(), until.as_microsecond());
        let missed: BTreeSet<(String, String)> =
            findings::names_between(db, What::Unanswered.event(), span).await?.into_iter().collect();
        let mut lines = Vec::new();
        for (account, state) in states {
            let waits = state.clocks.pressing().filter(|wait| wait.owed_by == Side::Us);
            lines.extend(waits.map(|wait| WaitLine {
                account: account.name.clone(),
                person: wait.name.clone(),
                subject: wait.subject.clone(),
                since: wait.since,
                late: missed.contains(&(account.id.clone(), missed_name(&wait.key))),
            }));
        }
        lines.sort_by_key(|line| line.since);
        Ok(lines)
    }

    /// How soon we answered since an instant, those accounts first where the target was missed most often;
    /// `missed` has the keys of the questions that waited too long, by account.
    pub(super) fn answer_lines(
        &self,
        states: &[Known<'_>],
        missed: &BTreeMap<String, Vec<String>>,
        since: Timestamp,
    ) -> Vec<AnswerLine> {
        let mut lines = Vec::new();
        for (account, state) in states {
            let took = state.clocks.our_answers(since);
            let missed: &[String] = missed.get(&account.id).map_or(&[], Vec::as_slice);
            if took.is_empty() && missed.is_empty() {
                continue;
            }
            let (allowed, longest) = self.allowed(account, since);
            // What was missed and waits no more was answered too late.
            let waits = |name: &&String| state.clocks.waits.iter().any(|wait| missed_name(&wait.key) == **name);
            let too_late = missed.len() - missed.iter().filter(waits).count();
            let within = took.iter().filter(|minutes| **minutes <= longest).count();
            lines.push(AnswerLine {
                account: account.name.clone(),
                seen: took.len() as u64,
                median: took.get(took.len() / 2).map_or_else(String::new, |minutes| working_time(*minutes)),
                kept: if allowed.is_empty() { 0 } else { within.min(took.len().saturating_sub(too_late)) as u64 },
                allowed,
                late: missed.len() as u64,
            });
        }
        lines.sort_by_key(|line| std::cmp::Reverse(line.late));
        lines
    }

    /// What an account's target allows, in words and, at most, in minutes of working time.
    fn allowed(&self, account: &Account, from: Timestamp) -> (String, i64) {
        let Some(target) = self.settings.target_of(account) else { return (String::new(), i64::MAX) };
        let calendar = self.settings.calendar_of(account);
        let (first, next) = (target.first_response, target.next_response);
        let longest = minutes_of(first, calendar, from).max(minutes_of(next, calendar, from));
        let words = if first == next {
            span_words(first)
        } else {
            format!("{} for a first answer, {} for the next", span_words(first), span_words(next))
        };
        (words, longest)
    }
}

/// What the fold calls a question that has waited too long.
pub(super) fn missed_name(key: &str) -> String {
    format!("unanswered:{key}:missed")
}

fn minutes_of(span: WorkingSpan, calendar: &Calendar, from: Timestamp) -> i64 {
    calendar.add_span(from, span).map_or(i64::MAX, |end| calendar.working_between(from, end).as_mins())
}

/// `4 h`, `1 working day`, `2 working days and 30 min`.
fn span_words(span: WorkingSpan) -> String {
    let days = match span.days {
        0 => return working_time(span.time.as_mins()),
        1 => "1 working day".to_owned(),
        days => format!("{days} working days"),
    };
    if span.time.is_positive() { format!("{days} and {}", working_time(span.time.as_mins())) } else { days }
}

/// `40 min`, `3 h`, as people say it.
fn working_time(minutes: i64) -> String {
    match minutes {
        60 => "1 h".to_owned(),
        ..60 | 61..90 => format!("{minutes} min"),
        90..1_440 => format!("{} h", (minutes + 30) / 60),
        // Eight hours make a working day.
        _ => format!("{} days", (minutes + 240) / 480),
    }
}
