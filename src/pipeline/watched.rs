//! What watching adds to what people read: promises, trend, and what time found out.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::digests::IN_FULL;
use super::record::parse;
use super::waits::Known;
use super::{Pipeline, Result};
use crate::calendar::{DAY_MINUTES, local_instant};
use crate::config::{Account, Member};
use crate::judge::{PromiseSort, Severity, Side};
use crate::notify::{DigestSpan, NewsLine, PromiseState, PromiseView, Trend, TrendLine};
use crate::store::commitments;
use crate::store::findings::{self, FindingRow};
use crate::store::{AnyConnection, accounts};
use crate::watch::{Commitment, Finding, What};

/// Days that a digest goes on naming a promise that nobody settled; and one to speak or meet, or to do something again
/// and again, of which mail need not tell.
const OVERDUE_DAYS: i32 = 20;
/// So long the daily digest asks again for what nobody has seen.
const NAGGING_DAYS: i32 = 5;
/// Most open promises in an alert.
const IN_ALERT: usize = 5;

/// Lines of a digest that come from no single message.
#[derive(Default)]
pub(super) struct Found {
    /// By account.
    pub(super) news: Vec<(String, NewsLine)>,
    /// What people are glad to hear.
    pub(super) good: Vec<NewsLine>,
    /// Promises that were kept.
    pub(super) kept: Vec<NewsLine>,
    /// Who has gone quiet.
    pub(super) quiet: Vec<NewsLine>,
}

impl Pipeline {
    /// What was found out in the time `(since, until]`, for `member`.
    pub(super) async fn found_lines(
        &self,
        db: &mut AnyConnection,
        member: &Member,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Found> {
        let mut found = Found::default();
        for FindingRow { account, doc, .. } in
            findings::between(db, since.as_microsecond(), until.as_microsecond()).await?
        {
            let account = self.account(&account);
            let finding: Finding = parse(&doc, "finding")?;
            // What had an alert of its own stands among the open incidents.
            let told = finding.alarm.is_some_and(|alarm| alarm.severity >= Severity::Warning);
            if finding.history || told || !account.managers.contains(&member.address) {
                continue;
            }
            let mut line = self.found_line(&account, &finding);
            if let Some(pledge) = &finding.pledge {
                let person = self.known_name(db, self.name_of(&pledge.person)).await?;
                line.headline = format!("{person}: {}", fate(&finding));
            } else if finding.person.contains('@') && line.headline.contains(&finding.person) {
                let name = self.known_name(db, self.name_of(&finding.person)).await?;
                line.headline = line.headline.replace(&finding.person, &name);
            }
            match finding.what {
                What::CommitmentMade | What::CommitmentDue => {}
                What::CommitmentKept | What::CommitmentKeptEarly | What::CommitmentKeptLate => found.kept.push(line),
                What::Silence | What::CadenceMissed => found.quiet.push(line),
                what if what.is_good() => found.good.push(line),
                _ => found.news.push((account.id, line)),
            }
        }
        Ok(found)
    }

    pub(super) fn found_line(&self, account: &Account, finding: &Finding) -> NewsLine {
        let (headline, words) = match &finding.pledge {
            Some(pledge) => (format!("{}: {}", self.name_of(&pledge.person), fate(finding)), pledge.words.clone()),
            None => (finding.says.clone(), String::new()),
        };
        NewsLine {
            at: finding.at,
            account: account.name.clone(),
            headline,
            words,
            severity: if finding.what.is_good() { Severity::None } else { Severity::Info },
            late: false,
            earned_by: String::new(),
        }
    }

    /// Promises due on the day, of ours on the next one too, and those past their day; in a weekly digest every open one.
    pub(super) async fn promise_lines(
        &self,
        db: &mut AnyConnection,
        member: &Member,
        (date, span): (Date, DigestSpan),
    ) -> Result<Vec<PromiseView>> {
        let until = match span {
            DigestSpan::Daily => local_instant(&member.time_zone, date.saturating_add(1.day()), DAY_MINUTES),
            DigestSpan::Weekly => Timestamp::MAX,
        };
        let oldest = |sort| {
            let days = match (sort, span) {
                (PromiseSort::Delivery, DigestSpan::Weekly) => OVERDUE_DAYS,
                (PromiseSort::Delivery, DigestSpan::Daily) => NAGGING_DAYS,
                _ => 0,
            };
            date.checked_sub(days.days()).unwrap_or(date)
        };
        let mut lines = Vec::new();
        for row in commitments::due_by(db, until.as_microsecond()).await? {
            let account = self.account(&row.account);
            if !account.managers.contains(&member.address) {
                continue;
            }
            let commitment: Commitment = parse(&row.doc, "commitment")?;
            let oldest = oldest(commitment.promise.sort);
            let mut line = self.promise_view(commitment, date);
            line.person = self.known_name(db, line.person).await?;
            line.account.clone_from(&account.name);
            // Of tomorrow, only what we owe ourselves: there is still a day for it.
            let early = span == DigestSpan::Daily && line.by == Side::Them && line.due.is_some_and(|due| due > date);
            // What is long overdue is no news any more, in neither digest.
            if !early && line.due.is_none_or(|due| due >= oldest) {
                lines.push(line);
            }
        }
        Ok(lines)
    }

    /// The open promises of an account, the next due first.
    pub(super) async fn open_promises(
        &self,
        db: &mut AnyConnection,
        account: &Account,
        now: Timestamp,
    ) -> Result<Vec<PromiseView>> {
        let today = self.settings.calendar_of(account).date_of(now);
        let rows = commitments::open_of(db, &account.id).await?;
        let dated = rows.iter().filter(|row| row.due_us.is_some());
        let mut lines = Vec::new();
        for row in dated.take(IN_ALERT) {
            let mut line = self.promise_view(parse(&row.doc, "commitment")?, today);
            line.person = self.known_name(db, line.person).await?;
            lines.push(line);
        }
        Ok(lines)
    }

    /// The name by which mail knows somebody of theirs, where it is an address; else as it is.
    pub(super) async fn known_name(&self, db: &mut AnyConnection, person: String) -> Result<String> {
        if !person.contains('@') {
            return Ok(person);
        }
        let known = accounts::contact(db, &person).await?.into_iter().map(|contact| contact.name);
        Ok(known.max_by_key(String::len).filter(|name| !name.is_empty()).unwrap_or(person))
    }

    pub(super) fn promise_view(&self, commitment: Commitment, today: Date) -> PromiseView {
        let due = commitment.due_day();
        let state = match due {
            Some(due) if due < today => PromiseState::Overdue,
            Some(due) if due == today => PromiseState::Due,
            _ => PromiseState::Open,
        };
        PromiseView {
            by: commitment.promise.by,
            person: self.name_of(&commitment.promise.person),
            words: commitment.promise.words,
            due,
            state,
            account: String::new(),
        }
    }

    /// How each account fares, the heaviest first; in a weekly digest alone.
    pub(super) async fn trend_lines(
        &self,
        db: &mut AnyConnection,
        states: &[Known<'_>],
        (now, span): (Timestamp, DigestSpan),
    ) -> Result<Vec<TrendLine>> {
        let mut lines = Vec::new();
        if span == DigestSpan::Daily {
            return Ok(Vec::new());
        }
        for (account, state) in states {
            let standing = state.trend.standing(self.settings.calendar_of(account), now);
            let points = |points: i64| u32::try_from(points.max(0)).unwrap_or(u32::MAX);
            if standing.pressure == 0 && standing.goodwill == 0 {
                continue;
            }
            let line = TrendLine {
                account: account.name.clone(),
                pressure: points(standing.pressure),
                goodwill: points(standing.goodwill),
                trend: match standing.change {
                    3.. => Trend::Better,
                    ..=-3 => Trend::Worse,
                    _ => Trend::Steady,
                },
                note: match standing.change {
                    3.. => state.trend.thanks.last(),
                    ..=-3 => state.trend.reasons.last(),
                    _ => None,
                }
                .cloned()
                .unwrap_or_default(),
                chart: Vec::new(),
            };
            lines.push((*account, line));
        }
        lines.sort_by_key(|(_, line)| std::cmp::Reverse(line.pressure));
        for (account, line) in lines.iter_mut().take(IN_FULL) {
            line.chart = self.chart(db, account, now).await?;
        }
        Ok(lines.into_iter().map(|(_, line)| line).collect())
    }
}

/// What became of a promise, as the end of a sentence about who made it.
fn fate(finding: &Finding) -> &'static str {
    match finding.what {
        What::CommitmentKept => "kept a promise",
        What::CommitmentKeptLate => "kept a promise late",
        What::CommitmentKeptEarly => "kept a promise early",
        What::CommitmentWithdrawn => "a promise is no longer needed",
        What::CommitmentMoved => "a promise was moved",
        // Time alone knows no more than what is copied to us.
        _ if finding.key.is_none() => "nothing shows that a promise was kept",
        _ => "a promise was not kept",
    }
}
