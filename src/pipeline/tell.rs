//! From what is true of an account to what its readers are owed: fold, names, plan, outbox.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::record::{json, parse, word};
use super::{Event, Pipeline, Result};
use crate::config::Account;
use crate::judge::Severity;
use crate::notify::retry;
use crate::notify::{Line, Named, Notice, Saying, ToldSoFar, plan, shown};
use crate::store::accounts::FoldRow;
use crate::store::incidents::{self, IncidentRow};
use crate::store::outbox::{self, NewNotification};
use crate::store::told::{self, Told};
use crate::store::{AnyConnection, accounts, messages};
use crate::watch::{Entry, Incident, Phase, State, Terms};

/// What an e-mail is about: an account, and what is true of it now.
pub(super) struct About<'a> {
    pub(super) account: &'a Account,
    pub(super) named: &'a [Named],
    pub(super) now: Timestamp,
}

impl About<'_> {
    pub(super) fn named(&self, incident: &str) -> Option<&Named> {
        self.named.iter().find(|n| n.name == incident)
    }
}

/// The fold of an account.
pub(super) struct Folded {
    /// As its last message left it.
    pub(super) state: State,
    /// As time has left it.
    pub(super) view: State,
    /// As it was before; nothing where it was made from the start.
    pub(super) before: Option<State>,
}

impl Pipeline {
    /// Takes in an account's fresh entries, lets time pass, and enqueues what is owed.
    pub(super) async fn tell(
        &self,
        db: &mut AnyConnection,
        account: &str,
        fresh: Vec<Entry>,
        now: Timestamp,
    ) -> Result<Vec<Event>> {
        let account = self.account(account);
        let terms = self.terms(&account);
        let (state, before) = self.folded(db, &account, &fresh, &terms).await?;
        let folded = Folded { view: state.at(&terms, now), state, before };
        let (named, mut events) = self.name(db, &account, &folded, now).await?;
        events.extend(self.find(db, &account, &folded, now).await?);
        events.extend(self.good_news(db, &account, &fresh, now).await?);
        let plan = plan(&account, &named, &self.settings, now);
        let about = About { account: &account, named: &named, now };
        for notice in &plan.notices {
            events.extend(self.enqueue(db, &about, notice).await?);
        }
        let next = [folded.view.next_ask(&terms), plan.next].into_iter().flatten().min();
        let state = &folded.state;
        let (last_us, last_key) = state.last.clone().map_or((0, String::new()), |(at, key)| (at.as_microsecond(), key));
        let fold = FoldRow {
            state: json(state, "fold")?,
            last_key: (last_us, last_key),
            next_ask_us: next.map(Timestamp::as_microsecond),
        };
        accounts::put_fold(db, &account.id, &fold).await?;
        Ok(events)
    }

    /// The account as set, or as an unknown organisation.
    pub(super) fn account(&self, id: &str) -> Account {
        self.settings.account(id).cloned().unwrap_or_else(|| self.settings.provisional(id))
    }

    /// Under which terms an account is watched.
    pub(super) fn terms<'a>(&'a self, account: &Account) -> Terms<'a> {
        let calendar = self.settings.calendar_of(account);
        let target = self.settings.target_of(account);
        let of = |name: &Option<String>| name.as_ref().and_then(|name| self.settings.calendars.get(name));
        Terms {
            patience: &self.patience,
            calendar,
            kind: account.kind,
            provisional: account.provisional,
            resting: account.resting,
            cadence_days: account.cadence_days,
            target: target.map(|target| (target, of(&target.calendar).unwrap_or(calendar))),
        }
    }

    /// The fold with `fresh` taken in: one step where they come last, from the start where one came
    /// late or history has been added meanwhile.
    async fn folded(
        &self,
        db: &mut AnyConnection,
        account: &Account,
        fresh: &[Entry],
        terms: &Terms<'_>,
    ) -> Result<(State, Option<State>)> {
        let row = accounts::fold(db, &account.id).await?;
        let outdated = row.as_ref().is_some_and(|row| row.state.is_empty());
        let mut state: State = match row {
            Some(row) if !outdated => parse(&row.state, "fold")?,
            _ => State::default(),
        };
        let mut fresh: Vec<&Entry> = fresh.iter().collect();
        fresh.sort_by(|a, b| a.position().cmp(&b.position()));
        if outdated || fresh.first().is_some_and(|first| !state.precedes(first)) {
            let rows = messages::entries(db, &account.id).await?;
            let entries = rows.iter().map(|(_, entry)| parse(entry, "entry")).collect::<Result<Vec<Entry>>>()?;
            return Ok((State::of(&entries, terms), None));
        }
        let before = state.clone();
        for entry in fresh {
            state.apply(entry, terms);
        }
        Ok((state, Some(before)))
    }

    /// Gives each incident of the fold its name in the store, and records what changed.
    async fn name(
        &self,
        db: &mut AnyConnection,
        account: &Account,
        folded: &Folded,
        now: Timestamp,
    ) -> Result<(Vec<Named>, Vec<Event>)> {
        let view = &folded.view;
        let rows = match &folded.before {
            None => incidents::of_account(db, &account.id).await?,
            Some(before) => {
                let shown = view.incidents.iter().chain(&before.incidents);
                let oldest = shown.map(|i| i.changed_at.min(i.opened_at)).min().unwrap_or(now);
                incidents::lately(db, &account.id, oldest.as_microsecond()).await?
            }
        };
        let numbers = incidents::numbers(db, &account.id).await?;
        let mut stored = Stored::of(rows, numbers)?;
        let (mut named, mut events) = (Vec::new(), Vec::new());
        // What a fold from the start has left behind is written too.
        let departed = if folded.before.is_none() { folded.state.departed.as_slice() } else { &[] };
        for incident in departed.iter().chain(&view.incidents) {
            let topic = word(&incident.topic);
            let before = stored.take(&topic, incident);
            let (id, number) = if let Some((row, _)) = &before {
                (row.id.clone(), row.number)
            } else {
                let number = stored.next_number(&topic);
                (format!("{}/{topic}-{number}", account.id), number)
            };
            let old = before.map(|(_, old)| old);
            if old.as_ref() != Some(incident) {
                incidents::upsert(db, &row(&id, account, number, incident)?).await?;
            }
            for kind in changes(old.as_ref(), incident) {
                let cause = occasion(kind, incident);
                let (path, message_id) = self.origin(db, cause).await?;
                events.push(Event {
                    path,
                    message_id,
                    account: Some(account.id.clone()),
                    incident: Some(id.clone()),
                    ..incident_event(kind, incident, now)
                });
            }
            if incident.phase != Phase::Closed {
                named.push(Named { told: ToldSoFar::default(), name: id, incident: incident.clone() });
            }
        }
        let open: Vec<String> = named.iter().map(|n| n.name.clone()).collect();
        let mut told = told_so_far(db, &open).await?;
        for one in &mut named {
            one.told = told.remove(&one.name).unwrap_or_default();
        }
        Ok((named, events))
    }

    /// Writes an e-mail, freezes its bytes, and records what it tells.
    async fn enqueue(&self, db: &mut AnyConnection, about: &About<'_>, notice: &Notice) -> Result<Vec<Event>> {
        let mail = self.write_alert(db, about, notice).await?;
        let grave = notice.lines.iter().any(|line| line.severity == Severity::Critical);
        let life = if grave { retry::CRITICAL_LIFE } else { retry::WARNING_LIFE };
        let row = |(recipient, due): &(String, Timestamp)| NewNotification {
            dedup_key: format!("{}>{recipient}", mail.message_id),
            kind: "alert".to_owned(),
            recipient: recipient.clone(),
            bytes: mail.bytes.clone(),
            message_id: mail.message_id.clone(),
            due_us: due.as_microsecond(),
            expires_us: Some(due.as_microsecond().saturating_add(retry::micros(life))),
            grave,
            account: Some(about.account.id.clone()),
            incident: notice.lines.first().map(|l| l.incident.clone()),
        };
        let rows: Vec<NewNotification> = notice.recipients.iter().map(row).collect();
        let first = outbox::enqueue(db, &rows).await?.first().copied();
        let mut events = Vec::new();
        for line in &notice.lines {
            if let Some(incident) = about.named(&line.incident).map(|n| shown(&n.incident, notice.private)) {
                let event = Event {
                    account: Some(about.account.id.clone()),
                    notification: Some(mail.message_id.clone()),
                    ..line_event(line, notice, &incident, about.now)
                };
                events.push(self.log(db, (event, first), (line, &incident), about).await?);
            }
        }
        Ok(events)
    }

    /// Records what one line of an e-mail tells, cause by cause, and completes its event.
    async fn log(
        &self,
        db: &mut AnyConnection,
        (mut event, notification): (Event, Option<i64>),
        (line, incident): (&Line, &Incident),
        about: &About<'_>,
    ) -> Result<Event> {
        let mut log = Vec::new();
        for cause in incident.causes.iter().filter(|c| line.cites.contains(&c.key)) {
            // What time alone found out has no message.
            let cite = self.cite(db, &cause.key).await?;
            if !cite.path.is_empty() && !event.cites.contains(&cite) {
                event.cites.push(cite);
            }
            for signal in &cause.signals {
                if !event.signals.contains(signal) {
                    event.signals.push(signal.clone());
                }
            }
            event.person = Some(cause.person.clone());
            log.push(Told {
                message: messages::by_content_key(db, &cause.key).await?,
                doc: json(cause, "cause")?,
                ..entry(&event, about, notification)
            });
        }
        if log.is_empty() {
            log.push(entry(&event, about, notification));
        }
        told::append(db, &log).await?;
        if let Some(last) = event.cites.last() {
            event.path = Some(last.path.clone());
            event.message_id.clone_from(&last.message_id);
        }
        Ok(event)
    }

    /// Praise and peace are events too; they go to the digest.
    async fn good_news(
        &self,
        db: &mut AnyConnection,
        account: &Account,
        fresh: &[Entry],
        now: Timestamp,
    ) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for entry in fresh.iter().filter(|e| super::digests::is_good_news(e)) {
            let (path, message_id) = self.origin(db, Some(&entry.key)).await?;
            events.push(Event {
                path,
                message_id,
                account: Some(account.id.clone()),
                signals: entry.signals.clone(),
                person: Some(entry.person.clone()),
                ..Event::new(now, "good_news")
            });
        }
        Ok(events)
    }
}

/// The message that made an incident change so; `None` where time alone did.
fn occasion<'a>(kind: &str, incident: &'a Incident) -> Option<&'a str> {
    match kind {
        "incident_calming" => incident.calmed_by.as_deref(),
        "incident_closed" => None,
        _ => incident.causes.last().filter(|c| c.fact.is_none()).map(|c| c.key.as_str()),
    }
}

fn incident_event(kind: &'static str, incident: &Incident, now: Timestamp) -> Event {
    let last = incident.causes.last();
    Event {
        topic: Some(incident.topic),
        severity: Some(incident.severity),
        signals: last.map(|c| c.signals.clone()).unwrap_or_default(),
        person: last.map(|c| c.person.clone()),
        ..Event::new(now, kind)
    }
}

/// What one line of an e-mail says; dated when the e-mail leaves.
fn line_event(line: &Line, notice: &Notice, incident: &Incident, now: Timestamp) -> Event {
    let leaves = notice.recipients.iter().map(|(_, due)| *due).min();
    Event {
        incident: Some(line.incident.clone()),
        topic: Some(incident.topic),
        severity: Some(line.severity),
        late: line.late,
        recipients: notice.recipients.iter().map(|(r, _)| r.clone()).collect(),
        ..Event::new(leaves.unwrap_or(now), name_of(line.saying))
    }
}

fn name_of(saying: Saying) -> &'static str {
    match saying {
        Saying::Alert => "alert",
        Saying::Update => "alert_update",
        Saying::Repeat => "alert_repeat",
    }
}

fn entry(event: &Event, about: &About<'_>, notification: Option<i64>) -> Told {
    Told {
        at_us: about.now.as_microsecond(),
        event: event.event.to_owned(),
        account: about.account.id.clone(),
        incident: event.incident.clone(),
        message: None,
        recipient: event.recipients.join(" "),
        severity: event.severity.as_ref().map_or_else(String::new, word),
        notification,
        doc: String::new(),
    }
}

fn row(id: &str, account: &Account, number: i64, incident: &Incident) -> Result<IncidentRow> {
    Ok(IncidentRow {
        id: id.to_owned(),
        account: account.id.clone(),
        topic: word(&incident.topic),
        number,
        state: word(&incident.phase),
        severity: word(&incident.severity),
        opened_us: incident.opened_at.as_microsecond(),
        changed_us: incident.changed_at.as_microsecond(),
        closed_us: (incident.phase == Phase::Closed).then(|| incident.changed_at.as_microsecond()),
        doc: json(incident, "incident")?,
    })
}

/// The incidents of an account as the last fold left them, to be matched with those of the next.
struct Stored {
    rows: Vec<Option<(IncidentRow, Incident)>>,
    /// Topic and cause to places in `rows`.
    causes: HashMap<(String, String), Vec<usize>>,
    /// The highest number of each topic.
    numbers: BTreeMap<String, i64>,
}

impl Stored {
    fn of(rows: Vec<IncidentRow>, numbers: Vec<(String, i64)>) -> Result<Self> {
        let mut stored = Self {
            rows: Vec::with_capacity(rows.len()),
            causes: HashMap::new(),
            numbers: numbers.into_iter().collect(),
        };
        for (place, row) in rows.into_iter().enumerate() {
            let incident: Incident = parse(&row.doc, "incident")?;
            for cause in &incident.causes {
                stored.causes.entry((row.topic.clone(), cause.key.clone())).or_default().push(place);
            }
            stored.rows.push(Some((row, incident)));
        }
        Ok(stored)
    }

    /// The first one that shares a cause with `incident`; taken out, so that it is given once.
    fn take(&mut self, topic: &str, incident: &Incident) -> Option<(IncidentRow, Incident)> {
        let shared = incident.causes.iter().filter_map(|c| self.causes.get(&(topic.to_owned(), c.key.clone())));
        let is_there = |place: &&usize| self.rows.get(**place).is_some_and(Option::is_some);
        let place = shared.flatten().filter(is_there).min().copied()?;
        self.rows.get_mut(place)?.take()
    }

    fn next_number(&mut self, topic: &str) -> i64 {
        let highest = self.numbers.entry(topic.to_owned()).or_default();
        *highest += 1;
        *highest
    }
}

/// What to call the difference.
fn changes(old: Option<&Incident>, new: &Incident) -> Vec<&'static str> {
    let mut found = Vec::new();
    match old {
        None => found.push("incident_opened"),
        Some(old) if new.caused > old.caused.max(old.causes.len() as u64) => found.push("incident_changed"),
        Some(_) => {}
    }
    let before = old.map_or(Phase::Open, |o| o.phase);
    match new.phase {
        Phase::Calming if before != Phase::Calming => found.push("incident_calming"),
        Phase::Closed if before != Phase::Closed => found.push("incident_closed"),
        _ => {}
    }
    found
}

/// The log of some incidents, summed up by incident.
async fn told_so_far(db: &mut AnyConnection, incidents: &[String]) -> Result<BTreeMap<String, ToldSoFar>> {
    let mut by_incident: BTreeMap<String, ToldSoFar> = BTreeMap::new();
    for row in told::of_incidents(db, incidents).await? {
        let Some(incident) = row.incident else {
            continue;
        };
        let so_far = by_incident.entry(incident).or_default();
        so_far.last_at = Timestamp::from_microsecond(row.at_us).ok().max(so_far.last_at);
        if row.event == "alert_repeat" {
            so_far.repeats += 1;
            continue;
        }
        so_far.repeats = 0;
        if !row.doc.is_empty() {
            so_far.add(&parse(&row.doc, "cause")?);
        }
    }
    Ok(by_incident)
}
