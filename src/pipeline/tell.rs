//! From what is true of an account to what its readers are owed: fold, names, plan, outbox.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::letters::Letter;
use super::record::{json, parse, word};
use super::{Event, Pipeline, Result, corrections, instant, so_far};
use crate::config::Account;
use crate::judge::Severity;
use crate::notify::retry;
use crate::notify::{Line, Named, Notice, Saying, Stance, plan_without, shown};
use crate::store::accounts::FoldRow;
use crate::store::incidents::{self, IncidentRow};
use crate::store::outbox::{self, NewNotification};
use crate::store::told::{self, Told};
use crate::store::{AnyConnection, accounts, answers, messages};
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

/// An incident that is not over, or has just changed.
struct Changed<'a> {
    name: String,
    incident: &'a Incident,
    /// As the last fold left it.
    old: Option<Incident>,
    /// What to call the difference.
    changes: Vec<&'static str>,
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
        let touches = answers::touches(db, &account.id).await?;
        let touches: Vec<Timestamp> = touches.into_iter().filter_map(instant).collect();
        let wrong = corrections::wrong(db, &account.id).await?;
        let terms = Terms { touches: &touches, wrong: &wrong, ..self.terms(&account) };
        let (state, before) = self.folded(db, &account, &fresh, &terms).await?;
        let folded = Folded { view: state.at(&terms, now), state, before };
        let (mut named, mut events) = self.name(db, &account, &folded, now).await?;
        events.extend(self.find(db, &account, &folded, now).await?);
        events.extend(self.good_news(db, &account, &fresh, now).await?);
        events.extend(self.settle_stances(db, &account, &named, now).await?);
        let away = self.stand_ins(db, now).await?;
        let plan = plan_without(&away, &account, &named, &self.settings, now);
        let about = About { account: &account, named: &named, now };
        for notice in &plan.notices {
            events.extend(self.enqueue(db, &about, notice).await?);
        }
        let mut next = plan.next;
        if !plan.notices.is_empty() {
            // What was told just now is to be repeated, or climbs, from now on.
            let alive: Vec<String> = named.iter().map(|one| one.name.clone()).collect();
            let mut told = so_far::told_so_far(db, &account.id, &alive).await?;
            for one in &mut named {
                one.told = told.remove(&one.name).unwrap_or_default();
            }
            next = plan_without(&away, &account, &named, &self.settings, now).next;
        }
        let next = [folded.view.next_ask(&terms), next].into_iter().flatten().min();
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
            touches: &[],
            wrong: &[],
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
        let is_late = fresh.first().is_some_and(|first| !state.precedes(first)) || state.missed_touches(terms);
        if outdated || is_late {
            let rows = messages::entries(db, &account.id).await?;
            let mut entries = rows.iter().map(|(_, entry)| parse(entry, "entry")).collect::<Result<Vec<Entry>>>()?;
            corrections::correct(&mut entries, terms.wrong);
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
        let changed = store_incidents(db, account, folded, now).await?;
        let names: Vec<String> = changed.iter().map(|one| one.name.clone()).collect();
        let mut told = so_far::told_so_far(db, &account.id, &names).await?;
        let (mut alive, mut events) = (Vec::new(), Vec::new());
        for Changed { name, incident, old, changes } in changed {
            let told = told.remove(&name).unwrap_or_default();
            let is_over = old.as_ref().is_some_and(|old| told.answers.stance(old, now) == Stance::Closed);
            // Who has closed it need not hear that it calms.
            let is_said = |kind: &&str| !is_over || matches!(*kind, "incident_opened" | "incident_changed");
            for kind in changes.into_iter().filter(is_said) {
                let (path, message_id) = self.origin(db, occasion(kind, incident)).await?;
                events.push(Event {
                    path,
                    message_id,
                    account: Some(account.id.clone()),
                    incident: Some(name.clone()),
                    ..incident_event(kind, incident, now)
                });
            }
            if incident.phase != Phase::Closed {
                alive.push(Named { told, name, incident: incident.clone() });
            }
        }
        Ok((alive, events))
    }

    /// Writes an e-mail, freezes its bytes, and records what it tells.
    async fn enqueue(&self, db: &mut AnyConnection, about: &About<'_>, notice: &Notice) -> Result<Vec<Event>> {
        let letters = self.letters(db, about, notice).await?;
        let Some(named) = letters.first().map(|letter| letter.mail.message_id.clone()) else {
            return Ok(Vec::new());
        };
        let grave = notice.lines.iter().any(|line| line.severity == Severity::Critical);
        let life = if grave { retry::CRITICAL_LIFE } else { retry::WARNING_LIFE };
        let reminds = matches!(notice.lines.as_slice(), [only] if !only.saying.is_news());
        let again = if reminds { outbox::AGAIN } else { "" };
        let row = |letter: &Letter| NewNotification {
            dedup_key: format!("{}>{}{again}", letter.mail.message_id, letter.recipient),
            kind: "alert".to_owned(),
            recipient: letter.recipient.clone(),
            bytes: letter.mail.bytes.clone(),
            message_id: letter.mail.message_id.clone(),
            due_us: letter.due.as_microsecond(),
            expires_us: Some(letter.due.as_microsecond().saturating_add(retry::micros(life))),
            grave,
            account: Some(about.account.id.clone()),
            incident: notice.lines.first().map(|l| l.incident.clone()),
        };
        let rows: Vec<NewNotification> = letters.iter().map(row).collect();
        let first = outbox::enqueue(db, &rows).await?.first().copied();
        let mut events = Vec::new();
        for line in &notice.lines {
            if let Some(incident) = about.named(&line.incident).map(|n| shown(&n.incident, notice.private)) {
                let event = Event {
                    account: Some(about.account.id.clone()),
                    notification: Some(named.clone()),
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
            let message = messages::by_content_key(db, &cause.key).await?;
            let cite = self.cite(db, &cause.key).await?;
            // What another incident has told already is no news here.
            let told = match message {
                Some(message) => told::elsewhere(db, message, &line.incident).await?,
                None => false,
            };
            if !told && !cite.path.is_empty() && !event.cites.contains(&cite) {
                event.cites.push(cite);
            }
            for signal in &cause.signals {
                if !event.signals.contains(signal) {
                    event.signals.push(signal.clone());
                }
            }
            event.person = Some(cause.person.clone());
            log.push(Told { message, doc: json(cause, "cause")?, ..entry(&event, about, notification) });
        }
        if log.is_empty() {
            log.push(Told { event: so_far::name_of(line.saying).to_owned(), ..entry(&event, about, notification) });
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

/// Writes the incidents of a fold in place of what the last one left. Returns those that are not over, or have just changed.
async fn store_incidents<'a>(
    db: &mut AnyConnection,
    account: &Account,
    folded: &'a Folded,
    now: Timestamp,
) -> Result<Vec<Changed<'a>>> {
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
    let mut found = Vec::new();
    // What the fold has left behind is written too.
    for incident in folded.state.departed.iter().chain(&view.incidents) {
        let topic = word(&incident.topic);
        let before = stored.take(&topic, incident);
        let (id, number) = if let Some((row, _)) = &before {
            (row.id.clone(), row.number)
        } else {
            let number = stored.next_number(&topic);
            (format!("{}/{topic}-{number}", account.id), number)
        };
        let was_over = before.as_ref().is_some_and(|(row, _)| row.closed_us.is_some());
        let old = before.map(|(_, old)| old);
        // What was shown as over, and is not, is shown as the fold has it until answers say otherwise.
        if old.as_ref() != Some(incident) || was_over != (incident.phase == Phase::Closed) {
            incidents::upsert(db, &row(&id, account, number, incident)?).await?;
        }
        let changes = changes(old.as_ref(), incident);
        if incident.phase != Phase::Closed || !changes.is_empty() {
            found.push(Changed { name: id, incident, old, changes });
        }
    }
    // What nothing speaks for any more, since somebody has corrected what was found.
    for gone in stored.rows.into_iter().flatten().map(|(row, _)| row).filter(|row| row.closed_us.is_none()) {
        incidents::set_state(db, &gone.id, "closed", Some(now.as_microsecond())).await?;
    }
    Ok(found)
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
        Saying::Repeat | Saying::Anew => "alert_repeat",
        Saying::Climb => "ladder_step",
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
