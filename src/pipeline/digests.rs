//! The mail that comes on schedule: what changed, what is open, what went well.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan as _};

use super::record::parse;
use super::views::{Filed, Posting, headline, who};
use super::{Event, Pipeline, Result};
use crate::calendar::local_instant;
use crate::config::{Account, EmptyDigest, Member};
use crate::judge::{Severity, ToneLabel, signal};
use crate::notify::compose::MailKind;
use crate::notify::retry;
use crate::notify::{
    AccountChanges, DigestCounts, DigestSpan, DigestView, MailboxLine, NewsLine, OpenLine, Rendered, StrangerLine,
    UnreadLine, digest, is_private_signal,
};
use crate::read::{Direction, Reading};
use crate::store::outbox::{self, NewNotification};
use crate::store::periods::{self, ArrivedRow};
use crate::store::told::{self, Told};
use crate::store::{AnyConnection, incidents, mailboxes, messages, raw};
use crate::watch::{Cause, Entry, Incident, Phase};

/// Signals that are good news by themselves.
const GOOD: [&str; 5] = ["praise", "deescalation", "contract_renewal", "roadblock_cleared", "recovered"];

/// Whether people should hear of it because it is good.
pub(super) fn is_good_news(entry: &Entry) -> bool {
    let friendly = matches!(entry.tone, Some(ToneLabel::Positive | ToneLabel::Grateful | ToneLabel::Neutral));
    !entry.automatic
        && entry.direction == Some(Direction::Inbound)
        && entry.severity < Severity::Info
        && friendly
        && entry.signals.iter().any(|s| GOOD.contains(&s.as_str()))
}

/// A message in the time a digest covers.
struct Arrived {
    account: String,
    entry: Entry,
    filed: Filed,
}

impl Pipeline {
    /// Writes every digest that is due. One that is overdue covers all the time since the last.
    pub(super) async fn send_digests(&self, db: &mut AnyConnection, now: Timestamp) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for member in self.digest_readers() {
            let Some(since) = self.digest_anchor(db, member).await? else {
                continue;
            };
            let Some((due, date)) = next_digest(member, since) else {
                continue;
            };
            if due > now || !told::mark_digest(db, &member.address, &date.to_string(), "daily", now).await? {
                continue;
            }
            let view = self.digest_view(db, member, (since, now, date), DigestSpan::Daily).await?;
            if self.is_worth_sending(&view) {
                events.push(self.send_digest(db, member, &view, now).await?);
            }
        }
        Ok(events)
    }

    /// When the next digest of anybody falls due.
    pub(super) async fn next_digest(&self, db: &mut AnyConnection, _now: Timestamp) -> Result<Option<Timestamp>> {
        let mut next: Option<Timestamp> = None;
        for member in self.digest_readers() {
            let Some(since) = self.digest_anchor(db, member).await? else {
                continue;
            };
            let due = next_digest(member, since).map(|(due, _)| due);
            next = [next, due].into_iter().flatten().min();
        }
        Ok(next)
    }

    /// Everybody whom an account names as manager, or who is told of unknown organisations.
    fn digest_readers(&self) -> Vec<&Member> {
        let unknown = self.settings.provisional("").managers;
        let named: BTreeSet<&String> =
            self.settings.accounts.iter().flat_map(|a| &a.managers).chain(&unknown).collect();
        let members = self.settings.members.iter();
        members.filter(|m| named.contains(&m.address)).collect()
    }

    /// Where the time of the next digest begins: at the last one, else at the first mail.
    async fn digest_anchor(&self, db: &mut AnyConnection, member: &Member) -> Result<Option<Timestamp>> {
        let last = told::last_digest(db, &member.address).await?;
        let start = match last {
            Some(us) => Some(us),
            None => periods::first_arrival(db).await?,
        };
        Ok(start.and_then(|us| Timestamp::from_microsecond(us).ok()))
    }

    fn is_worth_sending(&self, view: &DigestView) -> bool {
        let empty = digest::is_empty(view);
        match self.settings.digest.empty {
            _ if !empty => true,
            EmptyDigest::Skip => false,
            EmptyDigest::Short => view.date.weekday() == Weekday::Monday,
            EmptyDigest::Heartbeat => true,
        }
    }

    async fn send_digest(
        &self,
        db: &mut AnyConnection,
        member: &Member,
        view: &DigestView,
        now: Timestamp,
    ) -> Result<Event> {
        let rendered = self.render_digest(view, member)?;
        let about = format!("digest {}", member.address);
        let posting = Posting { kind: MailKind::Digest, about: &about, to: &[&member.address], now };
        let mail = self.freeze(&rendered, &posting)?;
        let row = NewNotification {
            dedup_key: format!("{}>{}", mail.message_id, member.address),
            kind: "digest".to_owned(),
            recipient: member.address.clone(),
            bytes: mail.bytes,
            message_id: mail.message_id.clone(),
            due_us: now.as_microsecond(),
            expires_us: Some(now.as_microsecond().saturating_add(retry::micros(retry::DIGEST_LIFE))),
            grave: false,
            account: None,
            incident: None,
        };
        let notification = outbox::enqueue(db, &[row]).await?.first().copied();
        let mut event = Event {
            person: Some(member.address.clone()),
            recipients: vec![member.address.clone()],
            notification: Some(mail.message_id.clone()),
            ..Event::new(now, "digest")
        };
        let arrived = self.arrived(db, member, view.since, view.until).await?;
        let mut log = Vec::new();
        for one in arrived.iter().filter(|a| is_line(a) || is_good_news(&a.entry)) {
            event.cites.push(self.cite(db, &one.entry.key).await?);
            log.push(Told {
                at_us: now.as_microsecond(),
                event: "digest".to_owned(),
                account: one.account.clone(),
                incident: None,
                message: messages::by_content_key(db, &one.entry.key).await?,
                severity: super::record::word(&one.entry.severity),
                recipient: member.address.clone(),
                notification,
                doc: String::new(),
            });
        }
        told::append(db, &log).await?;
        Ok(event)
    }

    /// A digest as mail, text and page.
    ///
    /// # Errors
    ///
    /// Where a replaced template fails.
    pub fn render_digest(&self, view: &DigestView, member: &Member) -> Result<Rendered> {
        Ok(digest::render(view, &self.templates, &member.time_zone)?)
    }

    /// What `member` should know of the time `(since, until]`, on the local `date`.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub async fn digest_view(
        &self,
        db: &mut AnyConnection,
        member: &Member,
        (since, until, date): (Timestamp, Timestamp, Date),
        span: DigestSpan,
    ) -> Result<DigestView> {
        let arrived = self.arrived(db, member, since, until).await?;
        let rules = self.reader.reader().judge().rules();
        let news = |one: &Arrived| news_line(rules, one, &self.account(&one.account).name);
        let mut changes: BTreeMap<&str, Vec<NewsLine>> = BTreeMap::new();
        for one in arrived.iter().rev().filter(|a| is_line(a)) {
            changes.entry(&one.account).or_default().push(news(one));
        }
        let mut changes: Vec<AccountChanges> = changes
            .into_iter()
            .map(|(id, lines)| AccountChanges { account: self.account_view(&self.account(id)), lines })
            .collect();
        let found = self.found_lines(db, member, since, until).await?;
        for (id, line) in found.news {
            let account = self.account(&id);
            match changes.iter_mut().find(|c| c.account.id == id) {
                Some(known) => known.lines.push(line),
                None => changes.push(AccountChanges { account: self.account_view(&account), lines: vec![line] }),
            }
        }
        changes.sort_by_key(|c| std::cmp::Reverse(c.lines.iter().map(|l| l.severity).max()));
        let mut good_news: Vec<NewsLine> = arrived.iter().rev().filter(|a| is_good_news(&a.entry)).map(news).collect();
        good_news.extend(found.good);
        Ok(DigestView {
            span,
            reader_name: member.name.clone(),
            date,
            since,
            until,
            changes,
            open: self.open_lines(db, member).await?,
            good_news,
            promises: self.promise_lines(db, member, (date, span)).await?,
            strangers: self.strangers(&arrived),
            unread: unread(db, &arrived).await?,
            trends: self.trend_lines(db, member, (until, span)).await?,
            counts: counts(db, &arrived).await?,
            mailboxes: self.mailbox_lines(db).await?,
        })
    }

    async fn arrived(
        &self,
        db: &mut AnyConnection,
        member: &Member,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Arrived>> {
        let rows = periods::arrived_between(db, since.as_microsecond(), until.as_microsecond()).await?;
        let mut arrived = Vec::new();
        for ArrivedRow { account, entry, doc, verdict } in rows {
            let id = account.unwrap_or_default();
            if !id.is_empty() && !self.account(&id).managers.contains(&member.address) {
                continue;
            }
            let filed = Filed::of(parse(&doc, "message")?, parse(&verdict, "verdict")?);
            arrived.push(Arrived { account: id, entry: parse(&entry, "entry")?, filed });
        }
        Ok(arrived)
    }

    async fn open_lines(&self, db: &mut AnyConnection, member: &Member) -> Result<Vec<OpenLine>> {
        let mut lines = Vec::new();
        for row in incidents::all(db, true).await? {
            let account = self.account(&row.account);
            let incident: Incident = parse(&row.doc, "incident")?;
            let private = incident.causes.iter().all(|c| c.signals.iter().any(|s| is_private_signal(s)));
            let beside = self.works_beside(&account, member);
            let concerns = account.managers.contains(&member.address) || beside.is_some();
            if incident.severity < Severity::Warning || private || !concerns {
                continue;
            }
            let state = if incident.phase == Phase::Calming { "calming" } else { "open" };
            let state = if incident.plan.is_some() { format!("{state}, with a plan") } else { state.to_owned() };
            let gravest = incident.causes.iter().max_by_key(|c| c.severity);
            let headline = self.cause_headline(db, gravest).await?;
            lines.push(OpenLine {
                account: account.name.clone(),
                name: row.id.clone(),
                headline,
                severity: incident.severity,
                state: beside.map_or_else(|| state.clone(), |other| format!("{state}, works with {other}")),
                opened_at: incident.opened_at,
                told_at: periods::last_told(db, &row.id).await?.and_then(|us| Timestamp::from_microsecond(us).ok()),
            });
        }
        lines.sort_by_key(|l| std::cmp::Reverse(l.severity));
        Ok(lines)
    }

    /// An account of this reader that shares a client with `account`: trouble with one shows on the other.
    fn works_beside(&self, account: &Account, member: &Member) -> Option<&str> {
        let mut own =
            self.settings.accounts.iter().filter(|a| a.id != account.id && a.managers.contains(&member.address));
        own.find(|a| a.works_with.contains(&account.id) || account.works_with.contains(&a.id)).map(|a| a.name.as_str())
    }

    pub(super) async fn cause_headline(&self, db: &mut AnyConnection, cause: Option<&Cause>) -> Result<String> {
        let Some(cause) = cause else {
            return Ok(String::new());
        };
        if cause.fact.is_some() {
            return Ok(self.fact_headline(cause));
        }
        let filed = self.filed(db, &cause.key).await?;
        Ok(filed.map_or_else(String::new, |f| headline(self.reader.reader().judge().rules(), &f, cause)))
    }

    /// What became of everything that each mailbox listed; none before the daemon has read one.
    async fn mailbox_lines(&self, db: &mut AnyConnection) -> Result<Vec<MailboxLine>> {
        let mut lines = Vec::new();
        for mailbox in &self.settings.mailboxes {
            let tally = mailboxes::tally(db, &mailbox.name).await?;
            let count = |n: i64| u64::try_from(n).unwrap_or(0);
            lines.push(MailboxLine {
                name: mailbox.name.clone(),
                listed: count(tally.listed),
                settled: count(tally.listed - tally.waiting - tally.missing()),
                waiting: count(tally.waiting),
                missing: count(tally.missing()),
            });
        }
        lines.retain(|line| line.listed > 0);
        Ok(lines)
    }

    fn strangers(&self, arrived: &[Arrived]) -> Vec<StrangerLine> {
        let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
        for one in arrived.iter().filter(|a| !a.account.is_empty() && self.settings.account(&a.account).is_none()) {
            *seen.entry(&one.account).or_default() += 1;
        }
        let mut lines: Vec<StrangerLine> =
            seen.into_iter().map(|(domain, messages)| StrangerLine { domain: domain.to_owned(), messages }).collect();
        lines.sort_by_key(|l| std::cmp::Reverse(l.messages));
        lines
    }
}

/// The first digest of `member` after `since`, and its local date.
fn next_digest(member: &Member, since: Timestamp) -> Option<(Timestamp, Date)> {
    let first = since.to_zoned(member.time_zone.clone()).date();
    (0..8).filter_map(|n| first.checked_add(n.days()).ok()).find_map(|date| {
        let day = usize::try_from(date.weekday().to_monday_zero_offset()).ok()?;
        let at = local_instant(&member.time_zone, date, member.digest_at);
        (member.digest_days.get(day).copied().unwrap_or(false) && at > since).then_some((at, date))
    })
}

/// Whether it is a line of the digest: worth knowing, and told by no alert.
fn is_line(one: &Arrived) -> bool {
    let entry = &one.entry;
    let private = entry.signals.iter().any(|s| is_private_signal(s));
    !entry.history && !private && !entry.automatic && entry.severity == Severity::Info
}

fn news_line(rules: &crate::judge::Rules, one: &Arrived, account: &str) -> NewsLine {
    let signals = &one.filed.verdict.signals;
    let says = signals.first().map(|s| rules.headline(&s.rule).unwrap_or_else(|| signal::phrase(&s.signal)));
    let author = who(one.filed.message.from.as_ref());
    NewsLine {
        at: one.entry.sent_at,
        account: account.to_owned(),
        headline: says
            .map_or_else(|| format!("{author} wrote: {}", one.filed.message.subject), |s| format!("{author} {s}")),
        words: signals.first().map(|s| s.words.clone()).unwrap_or_default(),
        severity: one.entry.severity,
        late: one.entry.arrived_at.duration_since(one.entry.sent_at).as_hours() >= 24,
    }
}

async fn unread(db: &mut AnyConnection, arrived: &[Arrived]) -> Result<Vec<UnreadLine>> {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for one in arrived {
        if let Reading::Unreadable(reason) = &one.filed.message.reading {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let mut lines: Vec<UnreadLine> =
        reasons.into_iter().map(|(reason, messages)| UnreadLine { reason: reason.to_owned(), messages }).collect();
    let quarantined = raw::counts(db).await?.quarantined;
    if let Some(messages) = u64::try_from(quarantined).ok().filter(|n| *n > 0) {
        lines.push(UnreadLine { reason: "set aside after three failures (barometer quarantine)".into(), messages });
    }
    Ok(lines)
}

async fn counts(db: &mut AnyConnection, arrived: &[Arrived]) -> Result<DigestCounts> {
    let count = |test: &dyn Fn(&Arrived) -> bool| arrived.iter().filter(|a| test(a)).count() as u64;
    Ok(DigestCounts {
        read: arrived.len() as u64,
        automatic: count(&|a| a.entry.automatic),
        unreadable: count(&|a| a.filed.message.reading != Reading::Ok),
        waiting: u64::try_from(raw::counts(db).await?.waiting).unwrap_or(0),
    })
}
