//! Puts one understood message into the ledger: copy or new, account, contact, thread, verdict.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Serialize;

use super::{Pipeline, PipelineError, Result, Understood};
use crate::filing::{self, Ids, Join, Known};
use crate::judge::Verdict;
use crate::read::{Automatic, Message};
use crate::store::messages::{self, KnownMessage, NewMessage};
use crate::store::raw::Waiting;
use crate::store::verdicts::VerdictRow;
use crate::store::{AnyConnection, accounts, never, raw, threads, verdicts};
use crate::watch::Entry;

impl Pipeline {
    /// Records what was understood of one copy. Returns what its account must watch, if that is new.
    pub(super) async fn record(
        &self,
        db: &mut AnyConnection,
        copy: &Waiting,
        understood: &Understood,
        now: Timestamp,
    ) -> Result<Option<(String, Entry)>> {
        if self.is_never(&understood.message) {
            never::forget(db, copy.copy).await?;
            return Ok(None);
        }
        let key = understood.key(&copy.bytes);
        if let Some(known) = messages::by_content_key(db, &key).await? {
            raw::settle(db, copy.copy, Some(known), "duplicate").await?;
            return Ok(None);
        }
        let arrived = copy.arrived_us.and_then(|us| Timestamp::from_microsecond(us).ok());
        let arrived = arrived.or(understood.message.arrived_at).unwrap_or(now);
        let entry = understood.entry(key, arrived, copy.history);
        let join = self.join(db, understood).await?;
        let thread = self.place(db, understood, join.as_ref(), now).await?;
        let message = insert(db, understood, &entry, thread).await?;
        if let Some(thread) = thread {
            let (to, by) = join.map_or((None, "first"), |j| (Some(j.to), j.by));
            threads::touch(db, thread, entry.sent_at.as_microsecond()).await?;
            threads::join(db, message, to, by).await?;
        }
        self.put_verdict(db, message, &understood.verdict).await?;
        raw::settle(db, copy.copy, Some(message), "read").await?;
        Ok(understood.filed.account.clone().map(|account| (account, entry)))
    }

    /// Mail that the firm said is never to be recorded.
    fn is_never(&self, message: &Message) -> bool {
        let never = &self.settings.service.never;
        let named = message.people().any(|a| never.covers(&a.address));
        let subject = message.subject.to_lowercase();
        let note = message.note.as_deref().unwrap_or("").to_lowercase();
        named
            || never.tags.iter().any(|tag| subject.contains(tag.as_str()) || note.contains(tag.as_str()))
            || message.automatic == Some(Automatic::Own)
    }

    async fn join(&self, db: &mut AnyConnection, understood: &Understood) -> Result<Option<Join>> {
        let Some(account) = understood.filed.account.as_deref() else {
            return Ok(None);
        };
        let message = &understood.message;
        let ids = Ids::of(message).all();
        let by_id = if ids.is_empty() { Vec::new() } else { known(messages::known_ids(db, account, &ids).await?) };
        if let Some(join) = filing::choose(message, &by_id, &[]) {
            return Ok(Some(join));
        }
        let since = message.sent_at.and_then(|at| at.checked_sub(filing::SUBJECT_WINDOW).ok());
        let subject = filing::base_subject(&message.subject);
        let by_subject =
            messages::by_subject(db, account, &subject, since.map_or(i64::MIN, Timestamp::as_microsecond)).await?;
        Ok(filing::choose(message, &[], &known(by_subject)))
    }

    /// Makes sure of the account, the contact and the thread; `None` for mail of no account.
    async fn place(
        &self,
        db: &mut AnyConnection,
        understood: &Understood,
        join: Option<&Join>,
        now: Timestamp,
    ) -> Result<Option<i64>> {
        let Understood { message, filed, .. } = understood;
        let Some(account) = filed.account.as_deref() else {
            return Ok(join.map(|j| j.thread));
        };
        accounts::see_account(db, account, filed.provisional, now).await?;
        if let (Some(contact), None) = (filed.contact.as_deref(), message.automatic) {
            let named = message.people().find(|a| a.address == contact);
            let seen = message.sent_at.unwrap_or(now).as_microsecond();
            accounts::see_contact(db, account, contact, named.map_or("", |a| a.name.as_str()), seen).await?;
        }
        if let Some(join) = join {
            return Ok(Some(join.thread));
        }
        let subject = filing::base_subject(&message.subject);
        Ok(Some(threads::create(db, account, &subject, now).await?))
    }

    async fn put_verdict(&self, db: &mut AnyConnection, message: i64, verdict: &Verdict) -> Result<()> {
        let row = VerdictRow {
            message,
            revision: self.reader.reader().judge().rules().revision().to_owned(),
            severity: word(&verdict.severity),
            tone: verdict.tone.map(|t| t.score.into()),
            urgency: verdict.urgency.map(|u| u.score.into()),
            doc: json(verdict, "verdict")?,
        };
        verdicts::put(db, &row).await?;
        let counted = verdict.hits.iter().filter(|h| h.suppressed.is_none());
        let mut fired: Vec<String> = counted.map(|h| h.rule.clone()).collect();
        fired.sort_unstable();
        fired.dedup();
        verdicts::put_hits(db, message, &fired).await?;
        Ok(())
    }
}

async fn insert(db: &mut AnyConnection, understood: &Understood, entry: &Entry, thread: Option<i64>) -> Result<i64> {
    let Understood { message, filed, .. } = understood;
    let row = NewMessage {
        content_key: entry.key.clone(),
        message_id: message.message_id.clone(),
        original_id: message.original_id.clone(),
        account: filed.account.clone(),
        thread,
        direction: message.direction.as_ref().map(word),
        automatic: message.automatic.as_ref().map(word),
        subject: message.subject.clone(),
        base_subject: filing::base_subject(&message.subject),
        from_address: entry.person.clone(),
        people: people(message),
        sent_us: entry.sent_at.as_microsecond(),
        arrived_us: entry.arrived_at.as_microsecond(),
        history: entry.history,
        doc: json(message, "message")?,
        evidence: filed.evidence.clone(),
        entry: Some(json(entry, "entry")?),
    };
    Ok(messages::insert(db, &row).await?)
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

fn people(message: &Message) -> String {
    let mut seen = HashSet::new();
    let addresses: Vec<&str> =
        message.people().map(|a| a.address.as_str()).filter(|a| !a.is_empty() && seen.insert(*a)).take(100).collect();
    addresses.join(" ")
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
