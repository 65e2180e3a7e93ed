//! Puts a batch of understood messages into the ledger: copy or new, account, contact,
//! thread, verdict. What is known is asked message by message, as one may join another
//! of its own batch; everything is written in a few statements at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{Pipeline, PipelineError, Result, Understood};
use crate::filing::{self, Ids, Join, Known};
use crate::read::{Automatic, Message};
use crate::store::accounts::Contact;
use crate::store::messages::{self, KnownMessage, NewMessage};
use crate::store::raw::{Settled, Waiting};
use crate::store::verdicts::VerdictRow;
use crate::store::{AnyConnection, accounts, never, raw, threads, verdicts};
use crate::watch::Entry;

/// A message that is new, and its place.
struct New<'a> {
    copy: i64,
    understood: &'a Understood,
    entry: Entry,
    thread: Option<i64>,
    join: Option<Join>,
    /// The message as later ones of its batch know it.
    known: Option<Known>,
}

/// A batch on its way into the ledger.
#[derive(Default)]
struct Batch<'a> {
    new: Vec<New<'a>>,
    /// Content key to place in `new`.
    keys: HashMap<String, usize>,
    /// Copies of messages of this batch: copy, and place in `new`.
    copies: Vec<(i64, usize)>,
    settled: Vec<Settled>,
    accounts: BTreeSet<(String, bool)>,
}

impl Pipeline {
    /// Records what was understood of each copy. Returns what accounts must watch, as far as it is new.
    pub(super) async fn record(
        &self,
        db: &mut AnyConnection,
        understood: &[(&Waiting, Box<Understood>)],
        now: Timestamp,
    ) -> Result<BTreeMap<String, Vec<Entry>>> {
        let keyed: Vec<(String, &Waiting, &Understood)> =
            understood.iter().map(|(copy, u)| (u.key(&copy.bytes), *copy, &**u)).collect();
        let keys: Vec<String> = keyed.iter().map(|(key, ..)| key.clone()).collect();
        let known: HashMap<String, i64> = messages::by_content_keys(db, &keys).await?.into_iter().collect();
        let mut batch = Batch::default();
        for (key, copy, understood) in keyed {
            if self.is_never(&understood.message) {
                never::forget(db, copy.copy, now).await?;
            } else if let Some(message) = known.get(&key) {
                batch.settled.push(Settled { copy: copy.copy, message: Some(*message), state: "duplicate" });
            } else if let Some(place) = batch.keys.get(&key) {
                batch.copies.push((copy.copy, *place));
            } else {
                let arrived = copy.arrived_us.and_then(|us| Timestamp::from_microsecond(us).ok());
                let arrived = arrived.or(understood.message.arrived_at).unwrap_or(now);
                let entry = understood.entry(key, arrived, copy.history);
                batch.add(db, (copy.copy, understood, entry), now).await?;
            }
        }
        self.write(db, batch).await
    }

    /// Mail that the firm said is never to be recorded.
    fn is_never(&self, message: &Message) -> bool {
        let never = &self.settings.service.never;
        let named = message.people().any(|a| never.covers(&a.address));
        let subject = message.subject.to_lowercase();
        let note = message.note.as_deref().unwrap_or("").to_lowercase();
        named
            || message.directives.private
            || never.tags.iter().any(|tag| subject.contains(tag.as_str()) || note.contains(tag.as_str()))
            || message.automatic == Some(Automatic::Own)
    }

    /// Writes everything that is new, and what became of each copy.
    async fn write(&self, db: &mut AnyConnection, mut batch: Batch<'_>) -> Result<BTreeMap<String, Vec<Entry>>> {
        let rows = batch.new.iter().map(New::row).collect::<Result<Vec<_>>>()?;
        let numbers = messages::insert_all(db, &rows).await?;
        let placed = || batch.new.iter().zip(numbers.iter().copied());

        let revision = self.reader.reader().judge().rules().revision();
        let rows = placed().map(|(new, message)| new.verdict(message, revision)).collect::<Result<Vec<_>>>()?;
        verdicts::put_all(db, &rows).await?;
        let fired: Vec<(i64, Vec<String>)> = placed().map(|(new, message)| (message, new.fired())).collect();
        let fired: Vec<(i64, &[String])> = fired.iter().map(|(message, rules)| (*message, rules.as_slice())).collect();
        verdicts::put_hits_all(db, &fired).await?;

        let joins: Vec<_> = placed().filter_map(|(new, message)| new.joined(message, &numbers)).collect();
        threads::join_all(db, &joins).await?;
        let mut last: BTreeMap<i64, i64> = BTreeMap::new();
        for (thread, at) in batch.new.iter().filter_map(|new| Some((new.thread?, new.entry.sent_at))) {
            let latest = last.entry(thread).or_insert(i64::MIN);
            *latest = at.as_microsecond().max(*latest);
        }
        for (thread, at_us) in last {
            threads::touch(db, thread, at_us).await?;
        }
        accounts::see_contacts(db, &batch.new.iter().filter_map(New::contact).collect::<Vec<_>>()).await?;

        let read = placed().map(|(new, message)| Settled { copy: new.copy, message: Some(message), state: "read" });
        let copies = batch.copies.iter().filter_map(|(copy, place)| Some((*copy, *numbers.get(*place)?)));
        let copies = copies.map(|(copy, message)| Settled { copy, message: Some(message), state: "duplicate" });
        let settled: Vec<Settled> = read.chain(copies).chain(batch.settled.iter().copied()).collect();
        raw::settle_all(db, &settled).await?;

        let mut fresh: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for new in batch.new.drain(..) {
            if let Some(account) = &new.understood.filed.account {
                fresh.entry(account.clone()).or_default().push(new.entry);
            }
        }
        Ok(fresh)
    }
}

impl<'a> Batch<'a> {
    /// Finds the message its thread, and keeps it for the end.
    async fn add(
        &mut self,
        db: &mut AnyConnection,
        (copy, understood, entry): (i64, &'a Understood, Entry),
        now: Timestamp,
    ) -> Result<()> {
        let filed = &understood.filed;
        let (mut thread, mut join) = (None, None);
        if let Some(account) = filed.account.as_deref() {
            if self.accounts.insert((account.to_owned(), filed.provisional)) {
                accounts::see_account(db, account, filed.provisional, now).await?;
            }
            join = self.join(db, account, &understood.message).await?;
            thread = join.as_ref().map(|join| join.thread);
            if thread.is_none() {
                let subject = filing::base_subject(&understood.message.subject);
                thread = Some(threads::create(db, account, &subject, now).await?);
            }
        }
        let place = self.new.len();
        let known = thread.map(|thread| known_here(&understood.message, &entry, (place, thread)));
        self.keys.insert(entry.key.clone(), place);
        self.new.push(New { copy, understood, entry, thread, join, known });
        Ok(())
    }

    async fn join(&self, db: &mut AnyConnection, account: &str, message: &Message) -> Result<Option<Join>> {
        let same = |new: &&New<'_>| new.understood.filed.account.as_deref() == Some(account);
        let here: Vec<&Known> = self.new.iter().filter(same).filter_map(|new| new.known.as_ref()).collect();
        let ids = Ids::of(message).all();
        if !ids.is_empty() {
            let stored = known(messages::known_ids(db, account, &ids).await?);
            let by_id: Vec<&Known> = stored.iter().chain(here.iter().copied()).collect();
            if let Some(join) = filing::choose(message, &by_id, &[]) {
                return Ok(Some(join));
            }
        }
        let Some(sent) = message.sent_at else { return Ok(None) };
        let since = sent.checked_sub(filing::SUBJECT_WINDOW).unwrap_or(Timestamp::MIN);
        let until = sent.checked_add(filing::SUBJECT_WINDOW).unwrap_or(Timestamp::MAX);
        let subject = filing::base_subject(&message.subject);
        let stored = known(messages::by_subject(db, account, &subject, (since, until)).await?);
        let by_subject: Vec<&Known> = stored.iter().chain(here).collect();
        Ok(filing::choose(message, &[], &by_subject))
    }
}

/// A message of the batch, as the store will know it.
fn known_here(message: &Message, entry: &Entry, (place, thread): (usize, i64)) -> Known {
    Known {
        message: number_of(place),
        ids: message.message_id.iter().chain(&message.original_id).cloned().collect(),
        thread,
        base_subject: filing::base_subject(&message.subject),
        sent_at: Some(entry.sent_at),
        people: addresses(message).into_iter().map(str::to_owned).collect(),
    }
}

/// The provisional number of a message of the batch: −1 for the first.
fn number_of(place: usize) -> i64 {
    -1 - i64::try_from(place).unwrap_or(i64::MAX - 1)
}

impl New<'_> {
    fn row(&self) -> Result<NewMessage> {
        let Understood { message, filed, .. } = self.understood;
        Ok(NewMessage {
            content_key: self.entry.key.clone(),
            message_id: message.message_id.clone(),
            original_id: message.original_id.clone(),
            account: filed.account.clone(),
            thread: self.thread,
            direction: message.direction.as_ref().map(word),
            automatic: message.automatic.as_ref().map(word),
            subject: message.subject.clone(),
            base_subject: filing::base_subject(&message.subject),
            from_address: self.entry.person.clone(),
            people: addresses(message).join(" "),
            sent_us: self.entry.sent_at.as_microsecond(),
            arrived_us: self.entry.arrived_at.as_microsecond(),
            history: self.entry.history,
            doc: json(message, "message")?,
            evidence: filed.evidence.clone(),
            entry: Some(json(&self.entry, "entry")?),
        })
    }

    fn verdict(&self, message: i64, revision: &str) -> Result<VerdictRow> {
        let verdict = &self.understood.verdict;
        Ok(VerdictRow {
            message,
            revision: revision.to_owned(),
            severity: word(&verdict.severity),
            tone: verdict.tone.map(|t| t.score.into()),
            urgency: verdict.urgency.map(|u| u.score.into()),
            doc: json(verdict, "verdict")?,
        })
    }

    /// Rules that fired and count, each once.
    fn fired(&self) -> Vec<String> {
        let counted = self.understood.verdict.hits.iter().filter(|h| h.suppressed.is_none());
        let rules: BTreeSet<&String> = counted.map(|h| &h.rule).collect();
        rules.into_iter().cloned().collect()
    }

    /// The message, the one it was joined to, and by what; `None` for mail of no thread.
    fn joined(&self, message: i64, numbers: &[i64]) -> Option<(i64, Option<i64>, &'static str)> {
        self.thread?;
        let Some(join) = &self.join else { return Some((message, None, "first")) };
        let of_batch = usize::try_from(-1 - join.to).ok().and_then(|place| numbers.get(place).copied());
        Some((message, Some(of_batch.unwrap_or(join.to)), join.by))
    }

    fn contact(&self) -> Option<Contact> {
        let Understood { message, filed, .. } = self.understood;
        let address = filed.contact.clone().filter(|_| message.automatic.is_none())?;
        let at_us = self.entry.sent_at.as_microsecond();
        let name = message.people().find(|a| a.address == address).map_or(String::new(), |a| a.name.clone());
        Some(Contact { account: filed.account.clone()?, address, name, first_us: at_us, last_us: at_us })
    }
}

/// Most addresses of one message that are kept for joining.
const PEOPLE: usize = 100;

fn addresses(message: &Message) -> Vec<&str> {
    let mut seen = HashSet::new();
    let all = message.people().map(|a| a.address.as_str());
    all.filter(|a| !a.is_empty() && seen.insert(*a)).take(PEOPLE).collect()
}

/// The snake-case word of an enumeration, as it stands in JSON.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A document for the store.
pub(super) fn json<T: Serialize>(value: &T, what: &'static str) -> Result<String> {
    serde_json::to_string(value).map_err(|source| PipelineError::Document { what, source })
}

/// A document from the store.
pub(super) fn parse<T: serde::de::DeserializeOwned>(text: &str, what: &'static str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| PipelineError::Document { what, source })
}

fn known(rows: Vec<KnownMessage>) -> Vec<Known> {
    rows.into_iter()
        .filter_map(|row| Some((row.thread?, row)))
        .map(|(thread, row)| Known {
            message: row.message,
            ids: row.message_id.into_iter().collect(),
            thread,
            base_subject: row.base_subject,
            sent_at: Timestamp::from_microsecond(row.sent_us).ok(),
            people: row.people.split(' ').map(str::to_owned).collect(),
        })
        .collect()
}
