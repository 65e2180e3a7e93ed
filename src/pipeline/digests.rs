//! The mail that comes on schedule: what changed, what is open, what went well.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::record::parse;
use super::said::is_borne_out;
use super::views::{Filed, Posting};
use super::{Event, Pipeline, Result, after, instant, so_far};
use crate::calendar::local_instant;
use crate::config::{Account, EmptyDigest, Member};
use crate::judge::{Severity, ToneLabel};
use crate::notify::compose::MailKind;
use crate::notify::retry;
use crate::notify::{self};
use crate::notify::{
    AccountChanges, DigestCounts, DigestSpan, DigestView, MailboxLine, NewsLine, OpenLine, Rendered, Said,
    StrangerLine, UnreadLine, digest, is_private_signal, shown,
};
use crate::read::{Direction, Reading};
use crate::store::incidents::IncidentRow;
use crate::store::outbox::{self, NewNotification};
use crate::store::periods::{self, ArrivedRow, KnownRow};
use crate::store::told::{self, Told};
use crate::store::{AnyConnection, incidents, mailboxes, messages, raw};
use crate::watch::{Cause, Entry, Incident, Phase};

/// What the first weekly digest covers.
const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);
/// Signals that are good news by themselves.
const GOOD: [&str; 5] = ["praise", "deescalation", "contract_renewal", "roadblock_cleared", "recovered"];

/// Signals of our own mail that the digest tells.
const OF_OURS: [&str; 6] =
    ["apology", "roadblock_raised", "handover", "payment_dispute", "cancellation_risk", "legal_threat"];

/// Accounts that a digest shows in full, with a chart.
pub(super) const IN_FULL: usize = 20;

/// Whether people should hear of it because it is good.
pub(super) fn is_good_news(entry: &Entry) -> bool {
    let friendly = matches!(entry.tone, Some(ToneLabel::Positive | ToneLabel::Grateful | ToneLabel::Neutral));
    !entry.automatic
        && entry.direction == Some(Direction::Inbound)
        && entry.severity < Severity::Info
        && friendly
        && !entry.matter.doubtful
        && entry.signals.iter().any(|s| GOOD.contains(&s.as_str()))
}

/// Whether what was told of a cause was for one superior alone.
fn is_in_confidence(doc: &str) -> bool {
    let cause: Option<Cause> = serde_json::from_str(doc).ok();
    cause.is_some_and(|cause| !cause.signals.is_empty() && cause.signals.iter().all(|s| is_private_signal(s)))
}

/// A message in the time a digest covers.
pub(super) struct Arrived {
    pub(super) account: String,
    pub(super) entry: Entry,
    pub(super) filed: Filed,
}

impl Pipeline {
    /// Writes every digest that is due. One that is overdue covers all the time since the last.
    pub(super) async fn send_digests(&self, db: &mut AnyConnection, now: Timestamp) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for member in self.digest_readers() {
            // The weekly one first: it begins where the daily ones leave off.
            for span in [DigestSpan::Weekly, DigestSpan::Daily] {
                let Some((since, due, date)) = self.due_digest(db, member, span).await? else { continue };
                let kind = kind_of(span);
                if due > now || !told::mark_digest(db, &member.address, &date.to_string(), kind, now).await? {
                    continue;
                }
                let view = self.digest_view(db, member, (since, now, date), span).await?;
                if self.is_worth_sending(&view) {
                    events.push(self.send_digest(db, member, &view, now).await?);
                }
            }
        }
        Ok(events)
    }

    /// When the next digest of anybody falls due.
    pub(super) async fn next_digest(&self, db: &mut AnyConnection, _now: Timestamp) -> Result<Option<Timestamp>> {
        let mut next: Option<Timestamp> = None;
        for member in self.digest_readers() {
            for span in [DigestSpan::Weekly, DigestSpan::Daily] {
                let due = self.due_digest(db, member, span).await?.map(|(_, due, _)| due);
                next = [next, due].into_iter().flatten().min();
            }
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

    /// The next digest of a kind: where its time begins, when it is due, and its local date.
    async fn due_digest(
        &self,
        db: &mut AnyConnection,
        member: &Member,
        span: DigestSpan,
    ) -> Result<Option<(Timestamp, Timestamp, Date)>> {
        let last = told::last_digest(db, &member.address, kind_of(span)).await?;
        let mut start = last;
        if start.is_none() && span == DigestSpan::Weekly {
            // Who had none yet is not told today of weeks long gone.
            start = told::last_digest(db, &member.address, kind_of(DigestSpan::Daily)).await?;
        }
        if start.is_none() {
            start = periods::first_arrival(db).await?;
        }
        let Some(start) = start.and_then(instant) else { return Ok(None) };
        let days = match span {
            DigestSpan::Daily => member.digest_days,
            DigestSpan::Weekly => only(self.settings.digest.weekly),
        };
        let Some((due, date)) = next_digest(member, days, start) else { return Ok(None) };
        let since = match span {
            DigestSpan::Weekly if last.is_none() => after(due, -WEEK),
            _ => start,
        };
        Ok(Some((since, due, date)))
    }

    fn is_worth_sending(&self, view: &DigestView) -> bool {
        let empty = digest::is_empty(view);
        match self.settings.digest.empty {
            _ if !empty => true,
            EmptyDigest::Skip => false,
            // That all is well is said once.
            _ if view.span == DigestSpan::Weekly => false,
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
        let event = event_of(view.span);
        let about = format!("{event} {}", member.address);
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
            ..Event::new(now, event)
        };
        let arrived = self.arrived(db, member, view.since, view.until).await?;
        let mut log = Vec::new();
        for one in arrived.iter().filter(|a| is_line(a) || is_good_news(&a.entry)) {
            event.cites.push(self.cite(db, &one.entry.key).await?);
            log.push(Told {
                at_us: now.as_microsecond(),
                event: event_of(view.span).to_owned(),
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
        let states = self.states(db, member, until).await?;
        let news = |one: &Arrived| self.news_line(one);
        let told: Vec<(&str, NewsLine)> =
            arrived.iter().rev().filter(|a| is_line(a)).map(|a| (a.account.as_str(), news(a))).collect();
        let found = self.found_lines(db, member, since, until).await?;
        let changes = self.account_changes(db, told, found.news, until).await?;
        let mut good_news: Vec<NewsLine> = arrived.iter().rev().filter(|a| is_good_news(&a.entry)).map(news).collect();
        good_news.extend(found.good);
        Ok(DigestView {
            span,
            reader_name: member.name.clone(),
            date,
            since,
            until,
            waiting: self.wait_lines(db, &states, until).await?,
            changes,
            quiet: found.quiet,
            open: self.open_lines(db, member, (since, until, span)).await?,
            good_news,
            kept: found.kept,
            promises: self.promise_lines(db, member, (date, span)).await?,
            strangers: self.strangers(&arrived),
            unread: unread(db, &arrived).await?,
            trends: self.trend_lines(db, &states, (until, span)).await?,
            week: self.week_view(db, (member, &states), &arrived, (since, until, span)).await?,
            counts: counts(db, &arrived).await?,
            mailboxes: self.mailbox_lines(db).await?,
        })
    }

    /// What messages and time told of each account, the weightiest first, those in full with a chart.
    async fn account_changes(
        &self,
        db: &mut AnyConnection,
        told: Vec<(&str, NewsLine)>,
        found: Vec<(String, NewsLine)>,
        until: Timestamp,
    ) -> Result<Vec<AccountChanges>> {
        let mut changes: BTreeMap<&str, Vec<NewsLine>> = BTreeMap::new();
        for (id, line) in told {
            changes.entry(id).or_default().push(line);
        }
        let mut changes: Vec<AccountChanges> = changes
            .into_iter()
            .map(|(id, lines)| AccountChanges {
                account: self.account_view(&self.account(id)),
                lines,
                chart: Vec::new(),
            })
            .collect();
        for (id, line) in found {
            let account = self.account(&id);
            match changes.iter_mut().find(|c| c.account.id == id) {
                Some(known) => known.lines.push(line),
                None => changes.push(AccountChanges {
                    account: self.account_view(&account),
                    lines: vec![line],
                    chart: Vec::new(),
                }),
            }
        }
        changes.sort_by_key(|c| std::cmp::Reverse(c.lines.iter().map(|l| l.severity).max()));
        for change in changes.iter_mut().take(IN_FULL) {
            change.chart = self.chart(db, &self.account(&change.account.id), until).await?;
        }
        Ok(changes)
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
            if !id.is_empty() && !self.manages(member, &id) {
                continue;
            }
            let filed = Filed::of(parse(&doc, "message")?, parse(&verdict, "verdict")?);
            arrived.push(Arrived { account: id, entry: parse(&entry, "entry")?, filed });
        }
        Ok(arrived)
    }

    /// What is open, and what has come to its end. That something calms down is told once a day, not every day.
    async fn open_lines(
        &self,
        db: &mut AnyConnection,
        member: &Member,
        (since, until, span): (Timestamp, Timestamp, DigestSpan),
    ) -> Result<Vec<OpenLine>> {
        let (since, until) = (since.as_microsecond(), until.as_microsecond());
        let said = |row: &IncidentRow| span == DigestSpan::Daily && row.state == "calming" && row.changed_us <= since;
        let mut rows = incidents::all(db, true).await?;
        rows.extend(incidents::closed_between(db, since, until).await?);
        let mut open = Vec::new();
        for row in rows.into_iter().filter(|row| !said(row)) {
            let account = self.account(&row.account);
            let incident: Incident = parse(&row.doc, "incident")?;
            let private = incident.causes.iter().all(|c| c.signals.iter().any(|s| is_private_signal(s)));
            let beside = self.works_beside(&account, member).map(str::to_owned);
            let concerns = account.managers.contains(&member.address) || beside.is_some();
            if incident.severity >= Severity::Warning && !private && concerns {
                open.push((row, incident, account.name, beside));
            }
        }
        self.open_of_rows(db, open, Some(member)).await
    }

    /// What a list says of these incidents, in the firm's zone, the gravest first.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub async fn incident_lines(&self, db: &mut AnyConnection, rows: Vec<IncidentRow>) -> Result<Vec<OpenLine>> {
        let mut open = Vec::new();
        for row in rows {
            // What is for one superior alone is not spelt out in a list.
            let incident = shown(&parse(&row.doc, "incident")?, false);
            let account = self.account(&row.account).name;
            open.push((row, incident, account, None));
        }
        self.open_of_rows(db, open, None).await
    }

    /// The list as text and page.
    ///
    /// # Errors
    ///
    /// Where a replaced template fails.
    pub fn render_incidents(&self, lines: &[OpenLine], now: Timestamp) -> Result<Rendered> {
        Ok(notify::incidents::render(lines, now, &self.templates, &self.settings.service.time_zone)?)
    }

    /// What people read of incidents: who did what, where it stands, and when it was last told (to the reader, where
    /// there is one); the gravest first.
    async fn open_of_rows(
        &self,
        db: &mut AnyConnection,
        open: Vec<(IncidentRow, Incident, String, Option<String>)>,
        reader: Option<&Member>,
    ) -> Result<Vec<OpenLine>> {
        let zone = reader.map_or(&self.settings.service.time_zone, |member| &member.time_zone);
        let gravest = |incident: &Incident| incident.causes.iter().max_by_key(|c| c.severity).cloned();
        let causes: Vec<Option<Cause>> = open.iter().map(|(_, incident, ..)| gravest(incident)).collect();
        let headlines = self.headlines(db, &causes).await?;
        let rows = periods::told_of_open(db, reader.map(|member| member.address.as_str())).await?;
        // The last of each stays. What was told in confidence, no digest speaks of.
        let told: HashMap<String, i64> =
            rows.into_iter().filter(|(.., doc)| !is_in_confidence(doc)).map(|(id, at, _)| (id, at)).collect();
        let mut lines = Vec::new();
        for ((row, incident, account, beside), headline) in open.into_iter().zip(headlines) {
            let (held, state) = match self.held_by(db, &row, zone).await? {
                Some(by) => (true, by),
                None => (false, row.state.clone()),
            };
            let over = row.state == "closed";
            let state = if incident.plan.is_some() && !over { format!("{state}, with a plan") } else { state };
            lines.push(OpenLine {
                account,
                headline,
                severity: incident.severity,
                calming: incident.phase == Phase::Calming || over,
                held,
                state: beside.map_or_else(|| state.clone(), |other| format!("{state}, works with {other}")),
                opened_at: incident.opened_at,
                told_at: told.get(&row.id).and_then(|us| instant(*us)),
                told_you: reader.is_some(),
                name: row.id,
            });
        }
        lines.sort_by_key(|l| std::cmp::Reverse(l.severity));
        Ok(lines)
    }

    /// What each of these says, in their order.
    async fn headlines(&self, db: &mut AnyConnection, causes: &[Option<Cause>]) -> Result<Vec<String>> {
        let mail = causes.iter().flatten().filter(|cause| cause.fact.is_none());
        let keys: Vec<String> = mail.map(|cause| cause.key.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let known: HashMap<String, KnownRow> =
            periods::known(db, &keys).await?.into_iter().map(|row| (row.content_key.clone(), row)).collect();
        let says = |cause: &Option<Cause>| {
            let Some(cause) = cause else { return Ok(String::new()) };
            if cause.fact.is_some() {
                return Ok(self.fact_headline(cause));
            }
            let Some(row) = known.get(&cause.key) else { return Ok(String::new()) };
            let filed = Filed::of(parse(&row.doc, "message")?, parse(&row.verdict, "verdict")?);
            Ok(self.headline(&filed, cause))
        };
        causes.iter().map(says).collect()
    }

    /// Who said that they know of an incident, when, and until when it is quiet; `None` where nobody did.
    async fn held_by(&self, db: &mut AnyConnection, row: &IncidentRow, zone: &TimeZone) -> Result<Option<String>> {
        if !matches!(row.state.as_str(), "acknowledged" | "snoozed") {
            return Ok(None);
        }
        let told = so_far::told_so_far(db, &row.account, std::slice::from_ref(&row.id)).await?;
        let Some(last) = told.get(&row.id).and_then(|told| told.answers.last()) else {
            return Ok(Some(row.state.clone()));
        };
        let (who, since) = (self.name_of(&last.person), last.at.to_zoned(zone.clone()));
        let since = since.strftime("%a %-d %b");
        Ok(Some(match last.said {
            Said::Mine => format!("taken over by {who} on {since}"),
            Said::Snooze(until) => {
                let until = until.to_zoned(zone.clone()).strftime("%a %-d %b, %H:%M").to_string();
                format!("snoozed by {who} on {since} until {until}")
            }
            _ => format!("{} by {who} on {since}", row.state),
        }))
    }

    fn manages(&self, member: &Member, account: &str) -> bool {
        match self.settings.account(account) {
            Some(account) => account.managers.contains(&member.address),
            None => self.settings.provisional(account).managers.contains(&member.address),
        }
    }

    /// Whom praise is for: those of us whom it names, else the one it is written to.
    fn earned_by(&self, entry: &Entry, words: &str) -> String {
        if !entry.has("praise") || entry.addressee.is_empty() {
            return String::new();
        }
        let says = |name: &str| words.split(|c: char| !c.is_alphanumeric()).any(|word| word == name);
        let members = self.settings.members.iter().map(|member| member.name.as_str());
        let named: Vec<&str> = members.filter(|name| name.split(' ').next().is_some_and(says)).collect();
        let readers = entry.matter.to.iter().chain(&entry.matter.cc);
        let ours = readers.filter(|reader| self.settings.member(reader).is_some()).count();
        match (named.is_empty(), ours) {
            (false, _) => named.join(", "),
            (true, 0 | 1) => self.name_of(&entry.addressee),
            // Who of several it was for, nobody can tell.
            (true, _) => String::new(),
        }
    }

    /// An account of this reader that shares a client with `account`: trouble with one shows on the other.
    fn works_beside(&self, account: &Account, member: &Member) -> Option<&str> {
        let mut own =
            self.settings.accounts.iter().filter(|a| a.id != account.id && a.managers.contains(&member.address));
        own.find(|a| a.works_with.contains(&account.id) || account.works_with.contains(&a.id)).map(|a| a.name.as_str())
    }

    fn news_line(&self, one: &Arrived) -> NewsLine {
        let first = match one.entry.direction {
            Some(Direction::Outbound) => &OF_OURS[..],
            _ if is_good_news(&one.entry) => &GOOD[..],
            _ => &[],
        };
        let (headline, words) = self.news(&one.filed, first);
        NewsLine {
            at: one.entry.sent_at,
            account: self.account(&one.account).name,
            earned_by: self.earned_by(&one.entry, &words),
            headline,
            words,
            severity: one.entry.severity,
            late: one.entry.arrived_at.duration_since(one.entry.sent_at).as_hours() >= 24,
        }
    }

    pub(super) async fn cause_headline(&self, db: &mut AnyConnection, cause: Option<&Cause>) -> Result<String> {
        let Some(cause) = cause else {
            return Ok(String::new());
        };
        if cause.fact.is_some() {
            return Ok(self.fact_headline(cause));
        }
        let filed = self.filed(db, &cause.key).await?;
        Ok(filed.map_or_else(String::new, |f| self.headline(&f, cause)))
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

/// What a digest is called in the store.
fn kind_of(span: DigestSpan) -> &'static str {
    match span {
        DigestSpan::Daily => "daily",
        DigestSpan::Weekly => "weekly",
    }
}

/// What a digest is called among events.
fn event_of(span: DigestSpan) -> &'static str {
    match span {
        DigestSpan::Daily => "digest",
        DigestSpan::Weekly => "weekly",
    }
}

/// That day of the week alone.
fn only(day: Weekday) -> [bool; 7] {
    let mut days = [false; 7];
    if let Some(one) = usize::try_from(day.to_monday_zero_offset()).ok().and_then(|n| days.get_mut(n)) {
        *one = true;
    }
    days
}

/// The first digest of `member` on one of `days` after `since`, and its local date.
fn next_digest(member: &Member, days: [bool; 7], since: Timestamp) -> Option<(Timestamp, Date)> {
    let first = since.to_zoned(member.time_zone.clone()).date();
    (0..8).filter_map(|n| first.checked_add(n.days()).ok()).find_map(|date| {
        let day = usize::try_from(date.weekday().to_monday_zero_offset()).ok()?;
        let at = local_instant(&member.time_zone, date, member.digest_at);
        (days.get(day).copied().unwrap_or(false) && at > since).then_some((at, date))
    })
}

/// Whether it is a line of the digest: worth knowing, and told by no alert.
fn is_line(one: &Arrived) -> bool {
    let entry = &one.entry;
    if !one.filed.undelivered().is_empty() {
        return !entry.history;
    }
    let private = entry.signals.iter().any(|s| is_private_signal(s));
    let ours = entry.direction == Some(Direction::Outbound);
    // What one of us asks of others is no trouble at the account.
    let mut telling =
        one.filed.verdict.signals.iter().filter(|found| !ours || OF_OURS.contains(&found.signal.as_str()));
    let tells = telling.any(|found| is_borne_out(&one.filed, found));
    !entry.history && !private && !entry.automatic && entry.severity == Severity::Info && tells
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
