//! Gathers from the ledger what an e-mail shows, and has it written.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::event::Cite;
use super::record::parse;
use super::relation::{add_habits, reason};
use super::said::{SEND_AGAIN, not_arrived, short};
use super::tell::About;
use super::{Pipeline, Result};
use crate::config::{Account, Role};
use crate::filing::content_hash;
use crate::judge::{Severity, Verdict, signal};
use crate::notify::compose::{Envelope, MailKind, compose};
use crate::notify::{
    AccountView, AlertEvent, AlertView, CauseView, ExchangeLine, IncidentView, Named, Notice, PersonView, Rendered,
    Saying, SignalLine, StaffAlertView, StaffMatter, Way, alert, is_private_signal, shown,
};
use crate::read::{Address, Automatic, Direction, Message};
use crate::store::{AnyConnection, messages, verdicts};
use crate::watch::{Cause, Incident, Phase, UNDELIVERED};

/// How many earlier messages an alert shows.
const EXCHANGES: usize = 3;
/// So many are looked at, since automatic mail is none.
const LOOKED_AT: i64 = 12;
/// The most characters of an earlier message.
const GIST: usize = 160;

/// An e-mail with its bytes and its name for ever.
#[derive(Clone)]
pub(super) struct Frozen {
    pub(super) bytes: Vec<u8>,
    pub(super) message_id: String,
}

/// What an e-mail is, beside its words.
pub(super) struct Posting<'a> {
    pub(super) kind: MailKind,
    /// What ties it to others: an incident, or a series of digests.
    pub(super) about: &'a str,
    pub(super) to: &'a [&'a str],
    pub(super) now: Timestamp,
}

/// A message of the ledger with everything known about it.
pub(super) struct Filed {
    pub(super) message: Message,
    pub(super) verdict: Verdict,
    evidence: String,
    source: String,
}

impl Filed {
    /// A message that is not looked up by its key, and shows no evidence.
    pub(super) fn of(message: Message, verdict: Verdict) -> Self {
        Self { message, verdict, evidence: String::new(), source: String::new() }
    }

    /// The addresses that a mail of ours did not reach, where this is the news of it.
    pub(super) fn undelivered(&self) -> &[String] {
        if self.message.automatic == Some(Automatic::Bounce) { &self.message.bounced } else { &[] }
    }
}

impl Pipeline {
    /// Writes the e-mail that a notice calls for: one for all, or each reader's own, with the address that
    /// answers go to.
    pub(super) async fn write_alert(
        &self,
        db: &mut AnyConnection,
        about: &About<'_>,
        notice: &Notice,
        own: Option<(&str, &str)>,
    ) -> Result<Frozen> {
        let mut incidents = Vec::new();
        for line in &notice.lines {
            let Some(named) = about.named(&line.incident) else {
                continue;
            };
            let incident = shown(&named.incident, notice.private);
            let causes = incident.causes.iter().rev();
            let causes: Vec<&Cause> = if line.cites.is_empty() {
                causes.take(1).collect()
            } else {
                causes.filter(|c| line.cites.contains(&c.key)).collect()
            };
            let view = self.incident_view(db, named, &causes, line.severity).await?;
            incidents.push((view, line.saying));
        }
        let readers = notice.recipients.iter().map(|(r, _)| r.as_str());
        let readers: Vec<&str> = own.map_or_else(|| readers.collect(), |(reader, _)| vec![reader]);
        let zone = self.zone_of(readers.first().copied());
        let several = readers.iter().any(|reader| self.zone_of(Some(reader)) != zone);
        let rendered = if notice.private {
            let view = self.staff_view(db, about, notice, incidents).await?;
            alert::render_staff(&view, &self.templates, &zone)?
        } else {
            let mut view = self.alert_view(db, about, (notice, &readers), incidents).await?;
            if several {
                view.tell_one_zone();
            }
            if let Some((reader, _)) = own {
                let others = notice.recipients.iter().filter(|(r, _)| r != reader);
                view.told_also = others.map(|(r, _)| self.name_of(r)).collect();
                view.takes_replies = true;
            }
            alert::render(&view, &self.templates, &zone)?
        };
        let incident = notice.lines.first().map_or("", |l| l.incident.as_str());
        let posting = Posting { kind: MailKind::Alert, about: incident, to: &readers, now: about.now };
        self.freeze_for(&rendered, &posting, own.map(|(_, address)| address))
    }

    async fn alert_view(
        &self,
        db: &mut AnyConnection,
        about: &About<'_>,
        (notice, readers): (&Notice, &[&str]),
        incidents: Vec<(IncidentView, Saying)>,
    ) -> Result<AlertView> {
        let account = about.account;
        let says = |saying| incidents.iter().any(|(_, s)| *s == saying);
        let event = if says(Saying::Alert) {
            AlertEvent::First
        } else if says(Saying::Update) {
            AlertEvent::Update
        } else {
            AlertEvent::Repeat
        };
        let mut incidents: Vec<IncidentView> = incidents.into_iter().map(|(view, _)| view).collect();
        let state = self.fold_of(db, account, about.now).await?;
        add_habits(&mut incidents, &state);
        // One voice: rules do not know of each other, and two pieces of advice contradict one another.
        let advice = || incidents.iter().find_map(|incident| incident.advice.clone());
        let again = event == AlertEvent::Repeat;
        // A reminder leaves the note out.
        let noted = if again { None } else { self.in_hand(&incidents, readers) };
        let next_step = noted.or_else(advice).unwrap_or_default();
        once(&mut incidents);
        if again {
            incidents.iter_mut().for_each(remind);
        }
        Ok(AlertView {
            event,
            severity: incidents.iter().map(|i| i.severity).max().unwrap_or_default(),
            account: self.account_view(account),
            reader_name: String::new(),
            reader_reason: reason(account, &notice.recipients),
            exchanges: if again { Vec::new() } else { self.exchanges(db, account, notice).await? },
            incidents,
            owed: self.owed(account, &state),
            promises: if again { Vec::new() } else { self.open_promises(db, account, about.now).await? },
            told_also: notice.recipients.iter().map(|(r, _)| self.name_of(r)).collect(),
            next_step,
            takes_replies: false,
        })
    }

    async fn staff_view(
        &self,
        db: &mut AnyConnection,
        about: &About<'_>,
        notice: &Notice,
        incidents: Vec<(IncidentView, Saying)>,
    ) -> Result<StaffAlertView> {
        let cited: BTreeSet<&String> = notice.lines.iter().flat_map(|l| &l.cites).collect();
        let cause = about.named.iter().flat_map(|n| &n.incident.causes).find(|c| cited.contains(&c.key));
        let member = cause.map_or(String::new(), |c| c.member.clone());
        let ours = cause.is_some_and(|c| c.person == c.member);
        Ok(StaffAlertView {
            matter: if ours { StaffMatter::Coaching } else { StaffMatter::Berated },
            severity: notice.lines.iter().map(|l| l.severity).max().unwrap_or(Severity::Warning),
            account: self.account_view(about.account),
            reader_name: notice.recipients.first().map_or(String::new(), |(r, _)| self.name_of(r)),
            member: PersonView { name: self.name_of(&member), address: member, note: String::new() },
            causes: incidents.into_iter().flat_map(|(i, _)| i.causes).collect(),
            exchanges: self.exchanges(db, about.account, notice).await?,
            next_step: String::new(),
        })
    }

    async fn incident_view(
        &self,
        db: &mut AnyConnection,
        about: &Named,
        shown: &[&Cause],
        severity: Severity,
    ) -> Result<IncidentView> {
        let (mut causes, mut headlines) = (Vec::new(), Vec::new());
        let mut advice = None;
        let facts: Vec<String> = shown.iter().filter_map(|cause| cause.fact.clone()).collect();
        for cause in shown.iter().filter(|cause| cause.fact.is_some()) {
            headlines.push((cause.severity, self.fact_headline(cause)));
            if cause.key.starts_with(UNDELIVERED) {
                advice = Some(SEND_AGAIN.to_owned());
            }
        }
        for cause in shown {
            let Some(filed) = self.filed(db, &cause.key).await? else {
                continue;
            };
            headlines.push((cause.severity, self.headline(&filed, cause)));
            advice = advice.or_else(|| self.advice(&filed, cause));
            causes.push(cause_view(&filed, cause, self.lines(&filed, cause)));
        }
        headlines.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
        Ok(IncidentView {
            name: about.name.clone(),
            topic: about.incident.topic.phrase().to_owned(),
            severity,
            state: self.state_of(about),
            opened_at: about.incident.opened_at,
            headline: headlines.into_iter().next().map_or_else(String::new, |(_, h)| h),
            causes,
            facts,
            advice,
        })
    }

    /// What to do where somebody who leads us has brought the message with a word of their own: that word goes
    /// before what rules advise, to everybody but them.
    fn in_hand(&self, incidents: &[IncidentView], readers: &[&str]) -> Option<String> {
        let cause = incidents.first()?.causes.last()?;
        let note = cause.note.as_ref()?;
        let who = self.settings.member(&cause.forwarded_by.as_ref()?.address)?;
        if who.role < Role::Manager || readers.iter().all(|reader| *reader == who.address) {
            return None;
        }
        Some(if note.contains('?') {
            format!("Answer the note of {} below first; then agree who writes.", who.name)
        } else {
            format!("Go by the note of {} below, and ask before you answer.", who.name)
        })
    }

    /// Where an incident stands, and who has taken it over.
    fn state_of(&self, about: &Named) -> String {
        let state = state(&about.incident);
        about
            .told
            .answers
            .taker()
            .map_or_else(|| state.clone(), |taker| format!("{state}, taken over by {}", self.name_of(taker)))
    }

    /// What time found out, in a few words.
    pub(super) fn fact_headline(&self, cause: &Cause) -> String {
        let says = cause.signals.first().map_or("something became true", |name| signal::phrase(name));
        if let Some(member) = self.settings.member(&cause.person) {
            return format!("{}: {says}", member.name);
        }
        // It names people by their names, and says what is new when it comes again.
        let fact = cause.fact.as_deref().and_then(|fact| fact.split(';').next()).unwrap_or(says);
        let mut rest = fact.chars();
        rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
    }

    /// The message with this content key, as the ledger has it.
    pub(super) async fn filed(&self, db: &mut AnyConnection, key: &str) -> Result<Option<Filed>> {
        let Some(id) = messages::by_content_key(db, key).await? else {
            return Ok(None);
        };
        let (Some(row), Some(doc), Some(verdict)) =
            (messages::get(db, id).await?, messages::doc(db, id).await?, verdicts::get(db, id).await?)
        else {
            return Ok(None);
        };
        Ok(Some(Filed {
            message: parse(&doc, "message")?,
            verdict: parse(&verdict.doc, "verdict")?,
            evidence: row.evidence,
            source: messages::source_of(db, id).await?.unwrap_or_default(),
        }))
    }

    /// Where a message came from, for the reader of `events.jsonl`.
    pub(super) async fn origin(
        &self,
        db: &mut AnyConnection,
        key: Option<&str>,
    ) -> Result<(Option<String>, Option<String>)> {
        let Some(key) = key else {
            return Ok((None, None));
        };
        let cite = self.cite(db, key).await?;
        Ok((Some(cite.path), cite.message_id))
    }

    /// The first copy of a message.
    pub(super) async fn cite(&self, db: &mut AnyConnection, key: &str) -> Result<Cite> {
        let filed = self.filed(db, key).await?;
        Ok(filed.map_or_else(
            || Cite { path: String::new(), message_id: None },
            |f| Cite { path: f.source, message_id: f.message.message_id },
        ))
    }

    /// The last exchanges with an account, beside the messages that a notice shows anyway.
    async fn exchanges(&self, db: &mut AnyConnection, account: &Account, notice: &Notice) -> Result<Vec<ExchangeLine>> {
        let mut lines = Vec::new();
        for row in messages::recent(db, &account.id, i64::MAX, LOOKED_AT).await? {
            if lines.len() == EXCHANGES {
                break;
            }
            if notice.lines.iter().any(|line| line.cites.contains(&row.content_key)) {
                continue;
            }
            let Some(doc) = messages::doc(db, row.message).await? else {
                continue;
            };
            let verdict = verdicts::get(db, row.message).await?;
            let verdict: Verdict =
                verdict.map(|row| parse(&row.doc, "verdict")).transpose()?.unwrap_or_else(Verdict::silent);
            // What is a matter between one of us and their superior is shown to nobody else.
            if verdict.signals.iter().any(|found| is_private_signal(&found.signal)) {
                continue;
            }
            let message: Message = parse(&doc, "message")?;
            let at = Timestamp::from_microsecond(row.sent_us).unwrap_or_default();
            let line = exchange(&message, at);
            lines.extend(if verdict.has("abuse") { line.map(unspoken) } else { line });
        }
        Ok(lines)
    }

    pub(super) fn account_view(&self, account: &Account) -> AccountView {
        AccountView {
            id: account.id.clone(),
            name: account.name.clone(),
            kind: account.kind,
            provisional: account.provisional,
            owner_name: account.owner.as_deref().map(|o| self.name_of(o)),
            zone: account.time_zone.clone(),
        }
    }

    /// A member's name, else the address.
    pub(super) fn name_of(&self, address: &str) -> String {
        self.settings.member(address).map_or_else(|| address.to_owned(), |m| m.name.clone())
    }

    /// The reader's zone, else the firm's.
    pub(super) fn zone_of(&self, reader: Option<&str>) -> jiff::tz::TimeZone {
        let member = reader.and_then(|r| self.settings.member(r));
        member.map_or_else(|| self.settings.service.time_zone.clone(), |m| m.time_zone.clone())
    }

    /// Fixes an e-mail's bytes, its Date and its Message-ID.
    pub(super) fn freeze(&self, rendered: &Rendered, posting: &Posting<'_>) -> Result<Frozen> {
        self.freeze_for(rendered, posting, None)
    }

    /// The same, where answers go to an address of their own.
    pub(super) fn freeze_for(
        &self,
        rendered: &Rendered,
        posting: &Posting<'_>,
        reply_to: Option<&str>,
    ) -> Result<Frozen> {
        let Posting { kind, about, to, now } = *posting;
        let seed = format!("{about}\n{}\n{now}\n{}", to.join(","), rendered.text);
        let id = short_hash(&seed);
        let domain = self.settings.service.address.rsplit_once('@').map_or("localhost", |(_, d)| d);
        let message_id = format!("brm.{id}@{domain}");
        let thread = short_hash(about);
        let envelope = Envelope {
            from: Address { name: "Barometer".into(), address: self.settings.service.address.clone() },
            to: to.iter().map(|a| Address { name: self.name_of(a), address: (*a).to_owned() }).collect(),
            reply_to: reply_to.map(|address| Address { name: "Barometer".into(), address: address.to_owned() }),
            date: now,
            message_id: message_id.clone(),
            references: vec![format!("brm.incident.{thread}@{domain}")],
            id,
            kind,
        };
        Ok(Frozen { bytes: compose(rendered, &envelope)?, message_id })
    }
}

/// Names an e-mail or an incident in a Message-ID: 96 bits, no address, no date.
pub(super) fn short_hash(text: &str) -> String {
    content_hash(text.as_bytes()).chars().take(24).collect()
}

fn state(incident: &Incident) -> String {
    let again = incident.phase == Phase::Open && incident.causes.len() > 1;
    match incident.phase {
        Phase::Open if again => format!("open, {} messages", incident.causes.len()),
        Phase::Open => "open".to_owned(),
        Phase::Calming => "calming".to_owned(),
        Phase::Closed => "closed".to_owned(),
    }
}

/// Shows each message once, under the first incident that it is behind; an incident with nothing else to show is not
/// shown by itself.
fn once(incidents: &mut Vec<IncidentView>) {
    let mut seen: Vec<String> = Vec::new();
    incidents.retain_mut(|incident| {
        let before = incident.causes.len();
        incident.causes.retain(|cause| !seen.contains(&cause.reference));
        seen.extend(incident.causes.iter().map(|cause| cause.reference.clone()));
        before == 0 || !incident.causes.is_empty() || !incident.facts.is_empty()
    });
}

/// Leaves what a reminder needs: the whole was sent before.
fn remind(incident: &mut IncidentView) {
    incident.causes.truncate(1);
    for cause in &mut incident.causes {
        (cause.excerpt, cause.evidence, cause.note) = (String::new(), String::new(), None);
        cause.signals.truncate(2);
    }
}

fn cause_view(filed: &Filed, cause: &Cause, signals: Vec<SignalLine>) -> CauseView {
    let message = &filed.message;
    CauseView {
        author: person(message.from.as_ref()),
        to: message.to.iter().map(|a| person(Some(a))).collect(),
        cc: message.cc.iter().map(|a| person(Some(a))).collect(),
        sent_at: message.sent_at,
        clock_minutes: message.clock_minutes.filter(|_| message.direction == Some(Direction::Inbound)),
        arrived_at: cause.arrived_at,
        late: cause.arrived_at.duration_since(cause.sent_at).as_hours() >= 24,
        subject: message.subject.clone(),
        signals,
        excerpt: message.texts.new_text.clone(),
        tone: filed.verdict.tone.map(|t| t.label),
        urgency: filed.verdict.urgency.map(|u| u.label),
        usually: String::new(),
        evidence: filed.evidence.clone(),
        forwarded_by: message.carrier.as_ref().and_then(|c| c.from.as_ref()).map(|a| person(Some(a))),
        note: message.note.clone(),
        reference: message.message_id.clone().unwrap_or_else(|| filed.source.clone()),
    }
}

fn person(who: Option<&Address>) -> PersonView {
    let who = who.cloned().unwrap_or_default();
    PersonView { name: who.name, address: who.address, note: String::new() }
}

/// Name, else address, else an honest gap.
pub(super) fn who(author: Option<&Address>) -> String {
    match author {
        Some(a) if !a.name.is_empty() => a.name.clone(),
        Some(a) if !a.address.is_empty() => a.address.clone(),
        _ => "somebody".to_owned(),
    }
}

/// A message in one line. A machine has nothing to say, but that a mail of ours did not arrive.
fn exchange(message: &Message, at: Timestamp) -> Option<ExchangeLine> {
    let way = if message.direction == Some(Direction::Inbound) { Way::Inbound } else { Way::Outbound };
    match message.automatic {
        None => Some(ExchangeLine { at, who: who(message.from.as_ref()), way, gist: gist(message) }),
        Some(Automatic::Bounce) if !message.bounced.is_empty() => {
            let gist = not_arrived(&message.bounced);
            Some(ExchangeLine { at, who: "A mail server".to_owned(), way: Way::Inbound, gist })
        }
        Some(_) => None,
    }
}

/// Insults are told once, to those whom they concern.
fn unspoken(line: ExchangeLine) -> ExchangeLine {
    ExchangeLine { gist: "(harsh words, not repeated here)".to_owned(), ..line }
}

fn gist(message: &Message) -> String {
    let line = message.texts.new_text.lines().map(str::trim).find(|l| l.chars().count() > 25);
    short(line.unwrap_or(&message.subject), GIST)
}
