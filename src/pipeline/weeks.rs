//! What a look back over weeks shows: charts, answers, what recurs, and which rules are noisy.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan as _};

use super::digests::Arrived;
use super::record::parse;
use super::{Pipeline, Result};
use crate::config::{Account, Member};
use crate::judge::{Side, signal};
use crate::notify::{AnswerLine, CauseLine, DigestSpan, NewsLine, RuleLine, WaitLine, WeekPoint, WeekView};
use crate::read::Direction;
use crate::store::findings::{self, FindingRow};
use crate::store::{AnyConnection, accounts, periods};
use crate::watch::{Entry, Finding, State, What, weekly};

/// Weeks in a chart, and days before them whose words still weigh.
const WEEKS: i32 = 8;
const FADING_DAYS: i64 = 120;
/// Most lines of a kind.
const FEW: usize = 8;
/// A rule is noisy that fires on more than this share of mail, in percent, and on so many messages.
const NOISY: (u64, u64) = (10, 5);

impl Pipeline {
    /// Pressure and goodwill of the last eight weeks; empty where both were nothing.
    pub(super) async fn chart(
        &self,
        db: &mut AnyConnection,
        account: &Account,
        until: Timestamp,
    ) -> Result<Vec<WeekPoint>> {
        let days = FADING_DAYS + i64::from(WEEKS) * 7;
        let since = until.checked_sub((days * 24).hours()).unwrap_or(Timestamp::MIN);
        let mut entries: Vec<Entry> = Vec::new();
        for doc in periods::entries_since(db, &account.id, since.as_microsecond()).await? {
            entries.push(parse(&doc, "entry")?);
        }
        entries.retain(|entry| entry.arrived_at <= until);
        let points = |points: i64| u32::try_from(points.max(0)).unwrap_or(u32::MAX);
        let chart: Vec<WeekPoint> = weekly(&entries, self.settings.calendar_of(account), until, WEEKS)
            .into_iter()
            .map(|(pressure, goodwill)| WeekPoint { pressure: points(pressure), goodwill: points(goodwill) })
            .collect();
        let blank = chart.iter().all(|week| *week == WeekPoint::default());
        Ok(if blank { Vec::new() } else { chart })
    }

    /// Answers that we owe at the accounts of `member`, the oldest first.
    pub(super) async fn wait_lines(&self, db: &mut AnyConnection, member: &Member) -> Result<Vec<WaitLine>> {
        let mut lines = Vec::new();
        for (account, state) in self.states(db, member).await? {
            let waits = state.clocks.pressing().filter(|wait| wait.owed_by == Side::Us);
            lines.extend(waits.map(|wait| WaitLine {
                account: account.name.clone(),
                person: wait.name.clone(),
                subject: wait.subject.clone(),
                since: wait.since,
            }));
        }
        lines.sort_by_key(|line| line.since);
        Ok(lines)
    }

    /// What only a week shows; nothing in a daily digest.
    pub(super) async fn week_view(
        &self,
        db: &mut AnyConnection,
        member: &Member,
        arrived: &[Arrived],
        (since, until, span): (Timestamp, Timestamp, DigestSpan),
    ) -> Result<WeekView> {
        if span == DigestSpan::Daily {
            return Ok(WeekView::default());
        }
        let (mut late, mut people): (BTreeMap<String, u64>, Vec<NewsLine>) = (BTreeMap::new(), Vec::new());
        for FindingRow { account, doc, .. } in
            findings::between(db, since.as_microsecond(), until.as_microsecond()).await?
        {
            let account = self.account(&account);
            let finding: Finding = parse(&doc, "finding")?;
            if finding.history || !account.managers.contains(&member.address) {
                continue;
            }
            match finding.what {
                What::Unanswered => *late.entry(account.id).or_default() += 1,
                What::DifficultPerson => people.push(self.found_line(&account, &finding)),
                _ => {}
            }
        }
        let mut answers = Vec::new();
        for (account, state) in self.states(db, member).await? {
            let took = state.clocks.our_answers(since);
            let line = AnswerLine {
                account: account.name.clone(),
                seen: took.len() as u64,
                median: took.get(took.len() / 2).map_or_else(String::new, |minutes| working_time(*minutes)),
                late: late.get(&account.id).copied().unwrap_or(0),
            };
            answers.extend(Some(line).filter(|line| line.seen > 0 || line.late > 0));
        }
        answers.sort_by_key(|line| std::cmp::Reverse(line.late));
        Ok(WeekView { answers, causes: self.causes(arrived), people, rules: noisy(arrived) })
    }

    /// The accounts of `member` with what is true of each.
    async fn states(&self, db: &mut AnyConnection, member: &Member) -> Result<Vec<(&Account, State)>> {
        let mut states = Vec::new();
        for account in self.settings.accounts.iter().filter(|a| a.managers.contains(&member.address)) {
            if let Some(row) = accounts::fold(db, &account.id).await?.filter(|row| !row.state.is_empty()) {
                states.push((account, parse(&row.state, "fold")?));
            }
        }
        Ok(states)
    }

    fn causes(&self, arrived: &[Arrived]) -> Vec<CauseLine> {
        let mut seen: BTreeMap<&str, (u64, BTreeSet<String>)> = BTreeMap::new();
        let theirs = arrived.iter().filter(|a| !a.entry.automatic && a.entry.direction == Some(Direction::Inbound));
        for one in theirs {
            for name in one.entry.signals.iter().filter(|s| signal::is_negative(s)) {
                let (messages, accounts) = seen.entry(name).or_default();
                *messages += 1;
                accounts.insert(self.account(&one.account).name);
            }
        }
        let mut lines: Vec<CauseLine> = seen
            .into_iter()
            .filter(|(_, (messages, _))| *messages > 1)
            .map(|(name, (messages, accounts))| CauseLine {
                phrase: signal::phrase(name).to_owned(),
                messages,
                accounts: accounts.into_iter().collect(),
            })
            .collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.messages));
        lines.truncate(FEW);
        lines
    }
}

/// Rules that fired on so much of the mail that they say little.
fn noisy(arrived: &[Arrived]) -> Vec<RuleLine> {
    let of = arrived.iter().filter(|a| !a.entry.automatic).count() as u64;
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for one in arrived.iter().filter(|a| !a.entry.automatic) {
        let counted = one.filed.verdict.hits.iter().filter(|hit| hit.suppressed.is_none() && hit.signal.is_some());
        for rule in counted.map(|hit| hit.rule.as_str()).collect::<BTreeSet<_>>() {
            *seen.entry(rule).or_default() += 1;
        }
    }
    let (share, least) = NOISY;
    let mut lines: Vec<RuleLine> = seen
        .into_iter()
        .filter(|(_, messages)| *messages >= least && messages * 100 > of * share)
        .map(|(rule, messages)| RuleLine { rule: rule.to_owned(), messages, of })
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.messages));
    lines.truncate(FEW);
    lines
}

/// `40 min`, `3 h`, as people say it.
fn working_time(minutes: i64) -> String {
    if minutes < 90 { format!("{minutes} min") } else { format!("{} h", (minutes + 30) / 60) }
}
