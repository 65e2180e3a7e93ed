//! What a look back over weeks shows: charts, answers, what recurs, what was corrected, and which rules are noisy.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan as _};

use super::digests::Arrived;
use super::record::parse;
use super::so_far::standing;
use super::waits::Known;
use super::{Pipeline, Result, instant};
use crate::command::Verb;
use crate::config::{Account, Member};
use crate::judge::{Severity, signal};
use crate::notify::{CauseLine, CorrectionLine, DigestSpan, NewsLine, RuleLine, WeekPoint, WeekView};
use crate::read::Direction;
use crate::store::findings::{self, FindingRow};
use crate::store::{AnyConnection, answers, periods};
use crate::watch::{Entry, Finding, What, weekly};

/// Weeks in a chart, and days before them whose words still weigh.
const WEEKS: i32 = 8;
const FADING_DAYS: i64 = 120;
/// Most lines of a kind.
const FEW: usize = 8;
/// A rule is noisy that fires on more than this share of mail, in percent, and on so many messages.
const NOISY: (u64, u64) = (10, 5);
/// Alerts of a rule that nobody answered, from which it is noisy too.
const UNHEARD: u64 = 5;

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

    /// What only a week shows; nothing in a daily digest.
    pub(super) async fn week_view(
        &self,
        db: &mut AnyConnection,
        (member, states): (&Member, &[Known<'_>]),
        arrived: &[Arrived],
        (since, until, span): (Timestamp, Timestamp, DigestSpan),
    ) -> Result<WeekView> {
        if span == DigestSpan::Daily {
            return Ok(WeekView::default());
        }
        let (mut missed, mut people): (BTreeMap<String, Vec<String>>, Vec<NewsLine>) = (BTreeMap::new(), Vec::new());
        for FindingRow { account, doc, .. } in
            findings::between(db, since.as_microsecond(), until.as_microsecond()).await?
        {
            let account = self.account(&account);
            let finding: Finding = parse(&doc, "finding")?;
            if finding.history || !account.managers.contains(&member.address) {
                continue;
            }
            match finding.what {
                // What they owe us has no alarm, and what will soon be late is not yet.
                What::Unanswered if finding.alarm.is_some() && finding.id.ends_with(":missed") => {
                    missed.entry(account.id).or_default().push(finding.id);
                }
                What::DifficultPerson => people.push(self.found_line(&account, &finding)),
                _ => {}
            }
        }
        let said = self.said_between(db, member, (since, until)).await?;
        Ok(WeekView {
            answers: self.answer_lines(states, &missed, since),
            causes: self.causes(arrived),
            people,
            rules: noisy(arrived, &said),
            corrections: said.corrections,
        })
    }

    /// What was answered about the accounts of `member`, without what was taken back.
    async fn said_between(
        &self,
        db: &mut AnyConnection,
        member: &Member,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<Answered> {
        let mut said = Answered::default();
        for (row, logged) in standing(answers::between(db, since.as_microsecond(), until.as_microsecond()).await?)? {
            let account = self.account(&row.account);
            if !account.managers.contains(&member.address) {
                continue;
            }
            if !matches!(logged.asks, Verb::Undo) {
                let keys = logged.covers.iter().flat_map(|covered| covered.keys.iter().chain(&covered.cites));
                said.keys.extend(keys.map(|key| (account.id.clone(), key.clone())));
            }
            let Verb::Wrong { signal: wrong } = &logged.asks else { continue };
            for rule in &logged.rules {
                *said.wrong.entry(rule.clone()).or_default() += 1;
            }
            said.corrections.push(CorrectionLine {
                at: instant(row.at_us).unwrap_or(until),
                account: account.name,
                who: self.name_of(&row.person),
                what: wrong.as_deref().map_or_else(String::new, |name| signal::phrase(name).to_owned()),
                rules: logged.rules,
            });
        }
        Ok(said)
    }

    fn causes(&self, arrived: &[Arrived]) -> Vec<CauseLine> {
        let mut seen: BTreeMap<&str, (u64, BTreeSet<String>)> = BTreeMap::new();
        let theirs = arrived.iter().filter(|a| !a.entry.automatic && a.entry.direction == Some(Direction::Inbound));
        for one in theirs {
            // What is told in general is not told again in particular.
            let doubled = |name: &str| signal::broader(name).is_some_and(|other| one.entry.has(other));
            for name in one.entry.signals.iter().filter(|s| signal::is_negative(s) && !doubled(s)) {
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

/// What people answered in a week.
#[derive(Default)]
struct Answered {
    corrections: Vec<CorrectionLine>,
    /// How often each rule was wrong.
    wrong: BTreeMap<String, u64>,
    /// Account and key of every message that somebody answered for.
    keys: BTreeSet<(String, String)>,
}

/// Rules that say little: those that people said were wrong, those that nobody answers, and those that fire on much
/// of the mail.
fn noisy(arrived: &[Arrived], said: &Answered) -> Vec<RuleLine> {
    let of = arrived.iter().filter(|a| !a.entry.automatic).count() as u64;
    let mut seen: BTreeMap<&str, RuleLine> = BTreeMap::new();
    for one in arrived.iter().filter(|a| !a.entry.automatic) {
        let counted = one.filed.verdict.hits.iter().filter(|hit| hit.suppressed.is_none() && hit.signal.is_some());
        let told = one.entry.severity >= Severity::Warning;
        let answered = told && said.keys.contains(&(one.account.clone(), one.entry.key.clone()));
        for rule in counted.map(|hit| hit.rule.as_str()).collect::<BTreeSet<_>>() {
            let line = seen.entry(rule).or_insert_with(|| RuleLine { of, ..blank(rule) });
            line.messages += 1;
            line.told += u64::from(told);
            line.answered += u64::from(answered);
        }
    }
    for (rule, times) in &said.wrong {
        seen.entry(rule).or_insert_with(|| RuleLine { of, ..blank(rule) }).corrected += times;
    }
    let (share, least) = NOISY;
    let mut lines: Vec<RuleLine> = seen
        .into_values()
        .filter(|line| {
            let much = line.messages >= least && line.messages * 100 > of * share;
            line.corrected > 0 || much || (line.told >= UNHEARD && line.answered == 0)
        })
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse((line.corrected, line.told - line.answered, line.messages)));
    lines.truncate(FEW);
    lines
}

fn blank(rule: &str) -> RuleLine {
    RuleLine { rule: rule.to_owned(), messages: 0, of: 0, told: 0, answered: 0, corrected: 0 }
}
