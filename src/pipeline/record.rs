//! Puts a batch of understood messages into the ledger: copy or new, account, contact,
//! thread, verdict. What is known is asked message by message, as one may join another
//! of its own batch; everything is written in a few statements at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde::Serialize;

use super::{Pipeline, PipelineError, Result, Understood};
use crate::command::Trust;
use crate::filing::{self, Join, Joining, Known, Marks, Tie};
use crate::read::{Automatic, Message, remembered};
use crate::store::accounts::Contact;
use crate::store::messages::{self, KnownMessage, NewMessage};
use crate::store::raw::{Settled, Waiting};
use crate::store::verdicts::VerdictRow;
use crate::store::{AnyConnection, accounts, answers, habits, never, raw, threads, verdicts};
use crate::watch::Entry;

/// A message that is new, and its place.
struct New<'a> {
    copy: i64,
    understood: &'a Understood,
    entry: Entry,
    thread: Option<i64>,
    join: Option<Join>,
    joining: Joining,
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
    /// Stored messages that a message of this batch turned out to be what they point to: both, and the tie.
    late: Vec<(i64, i64, Tie)>,
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
            if understood.reply.is_some() {
                // An answer to us is no mail of an account: it is obeyed, or has no effect.
                batch.settled.push(Settled { copy: copy.copy, message: None, state: "read" });
            } else if self.is_never(&understood.message) {
                never::forget(db, copy.copy, now).await?;
            } else if let Some(message) = known.get(&key) {
                batch.settled.push(Settled { copy: copy.copy, message: Some(*message), state: "duplicate" });
            } else if let Some(place) = batch.keys.get(&key) {
                batch.copies.push((copy.copy, *place));
            } else {
                let arrived = copy.arrived_us.and_then(|us| Timestamp::from_microsecond(us).ok());
                let arrived = arrived.or(understood.message.arrived_at).unwrap_or(now);
                if let (Some(account), Some(person)) = (&understood.filed.account, self.noted(copy, understood)) {
                    let touch = (arrived.as_microsecond(), person.as_str(), "note");
                    answers::touch(db, account, &key, touch).await?;
                }
                let mut entry = understood.entry(key, arrived, copy.history);
                if entry.is_note() && !self.is_vouched(copy, &understood.message) {
                    // It may add, and end nothing.
                    entry.matter.deeds.clear();
                }
                batch.add(db, (copy.copy, understood, entry), now).await?;
            }
        }
        self.write(db, batch).await
    }

    /// Who noted a contact that no mail shows. Where somebody vouches for our people, only they can: it quietens
    /// what silence would say.
    fn noted(&self, copy: &Waiting, understood: &Understood) -> Option<String> {
        let message = &understood.message;
        message.directives.contact.as_ref()?;
        let author = message.carrier.as_ref().and_then(|c| c.from.as_ref()).or(message.from.as_ref())?.address.clone();
        self.is_vouched(copy, message).then_some(author)
    }

    /// Whether a message that claims to be ours is, as far as somebody vouches for our people.
    fn is_vouched(&self, copy: &Waiting, message: &Message) -> bool {
        let vouching = self.vouching(&copy.source);
        vouching.is_none() || Trust::of(&copy.bytes, message, vouching).is_ok()
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

        let mut joins: Vec<_> = placed().filter_map(|(new, message)| new.joined(message, &numbers)).collect();
        let late =
            batch.late.iter().map(|(earlier, to, tie)| (*earlier, Some(stored_number(*to, &numbers)), tie.name()));
        joins.extend(late);
        threads::join_all(db, &joins).await?;
        threads::mark_all(db, &placed().flat_map(|(new, message)| new.marks(message)).collect::<Vec<_>>()).await?;
        let mut last: BTreeMap<i64, i64> = BTreeMap::new();
        for (thread, at) in batch.new.iter().filter_map(|new| Some((new.thread?, new.entry.sent_at))) {
            let latest = last.entry(thread).or_insert(i64::MIN);
            *latest = at.as_microsecond().max(*latest);
        }
        for (thread, at_us) in last {
            threads::touch(db, thread, at_us).await?;
        }
        let repeated = batch.new.iter().flat_map(New::remembered).collect::<Vec<_>>();
        habits::see_all(db, &repeated).await?;
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
        let joining = Joining::of(&understood.message, Some(entry.sent_at));
        let place = self.new.len();
        let (mut known, mut join) = (None, None);
        if let Some(account) = filed.account.as_deref() {
            if self.accounts.insert((account.to_owned(), filed.provisional)) {
                accounts::see_account(db, account, filed.provisional, now).await?;
            }
            join = self.by_marks(db, account, &joining).await?;
            let mut here = joining.known(number_of(place));
            // Messages that wait for this one are surer than a subject.
            let mut waiting = self.waiting(db, account, &here).await?;
            waiting.retain(|(_, thread, _)| join.as_ref().is_none_or(|join| join.thread != *thread));
            if join.is_none() && waiting.is_empty() {
                join = self.by_subject(db, account, &joining).await?;
            }
            here.thread = match (&join, waiting.first()) {
                (Some(join), _) => join.thread,
                (None, Some((_, thread, _))) => *thread,
                (None, None) => threads::create(db, account, &joining.base_subject, now).await?,
            };
            self.tie(db, waiting, &here).await?;
            known = Some(here);
        }
        let thread = known.as_ref().map(|known| known.thread);
        self.keys.insert(entry.key.clone(), place);
        self.new.push(New { copy, understood, entry, thread, join, joining, known });
        Ok(())
    }

    async fn by_marks(&self, db: &mut AnyConnection, account: &str, message: &Joining) -> Result<Option<Join>> {
        let here: Vec<&Known> = self.of_account(account).filter_map(|new| new.known.as_ref()).collect();
        let pointed = |is_id: bool| {
            let marks = message.marks.points.iter().map(|(_, mark)| mark);
            marks.filter(move |mark| mark.starts_with("id:") == is_id).cloned().collect::<Vec<_>>()
        };
        let ids: Vec<String> =
            pointed(true).iter().filter_map(|mark| mark.strip_prefix("id:")).map(str::to_owned).collect();
        if !ids.is_empty() {
            let stored = known(messages::known_ids(db, account, &ids).await?, "id:");
            let by_id: Vec<&Known> = stored.iter().chain(here.iter().copied()).collect();
            if let Some(join) = filing::choose(message, &by_id, &[]) {
                return Ok(Some(join));
            }
        }
        let marks = pointed(false);
        if !marks.is_empty() {
            let stored = known(threads::marked(db, account, &marks).await?, "");
            let by_mark: Vec<&Known> = stored.iter().chain(here.iter().copied()).collect();
            if let Some(join) = filing::choose(message, &by_mark, &[]) {
                return Ok(Some(join));
            }
        }
        Ok(None)
    }

    async fn by_subject(&self, db: &mut AnyConnection, account: &str, message: &Joining) -> Result<Option<Join>> {
        let here = self.of_account(account).filter_map(|new| new.known.as_ref());
        let Some(sent) = message.sent_at else { return Ok(None) };
        let since = sent.checked_sub(filing::SUBJECT_WINDOW).unwrap_or(Timestamp::MIN);
        let until = sent.checked_add(filing::SUBJECT_WINDOW).unwrap_or(Timestamp::MAX);
        let stored = known(messages::by_subject(db, account, &message.base_subject, (since, until)).await?, "id:");
        let by_subject: Vec<&Known> = stored.iter().chain(here).collect();
        Ok(filing::choose(message, &[], &by_subject))
    }

    /// Earlier messages that point to this one and found nothing then: their number, their thread, and the tie.
    async fn waiting(&self, db: &mut AnyConnection, account: &str, late: &Known) -> Result<Vec<(i64, i64, Tie)>> {
        let mut waiting: Vec<(i64, i64, Tie)> = Vec::new();
        for found in threads::pointing(db, account, &late.is).await? {
            let Some(tie) = Tie::named(&found.tie) else { continue };
            let earlier = Joining {
                marks: Marks { is: Vec::new(), points: vec![(tie, found.mark)] },
                base_subject: found.base_subject,
                answers: true,
                sent_at: Timestamp::from_microsecond(found.sent_us).ok(),
                people: found.people.split(' ').map(str::to_owned).collect(),
            };
            let is_new = self.late.iter().all(|(known, ..)| *known != found.message)
                && waiting.iter().all(|(known, ..)| *known != found.message);
            if is_new && filing::joins_late(&earlier, late).is_some() {
                waiting.push((found.message, found.thread, tie));
            }
        }
        let here = self.new.iter().enumerate().filter(|(_, new)| new.join.is_none());
        let here = here.filter(|(_, new)| new.understood.filed.account.as_deref() == Some(account));
        let here = here
            .filter_map(|(place, new)| Some((number_of(place), new.thread?, filing::joins_late(&new.joining, late)?)));
        waiting.extend(here);
        Ok(waiting)
    }

    /// Joins messages that waited for `late` to it, with all that stands in their threads.
    async fn tie(&mut self, db: &mut AnyConnection, waiting: Vec<(i64, i64, Tie)>, late: &Known) -> Result<()> {
        let mut merged = vec![late.thread];
        for (earlier, thread, by) in waiting {
            if !merged.contains(&thread) {
                self.merge(db, thread, late.thread).await?;
                merged.push(thread);
            }
            match usize::try_from(-1 - earlier).ok().and_then(|place| self.new.get_mut(place)) {
                Some(new) => new.join = Some(Join { to: late.message, thread: late.thread, by }),
                None => self.late.push((earlier, late.message, by)),
            }
        }
        Ok(())
    }

    /// One thread becomes part of another, in the store and in this batch.
    async fn merge(&mut self, db: &mut AnyConnection, from: i64, into: i64) -> Result<()> {
        threads::merge(db, from, into).await?;
        for new in self.new.iter_mut().filter(|new| new.thread == Some(from)) {
            new.thread = Some(into);
            if let Some(known) = &mut new.known {
                known.thread = into;
            }
        }
        Ok(())
    }

    fn of_account(&self, account: &str) -> impl Iterator<Item = &New<'a>> {
        self.new.iter().filter(move |new| new.understood.filed.account.as_deref() == Some(account))
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
            base_subject: self.joining.base_subject.clone(),
            from_address: self.entry.person.clone(),
            people: self.joining.people.join(" "),
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
        Some((message, Some(stored_number(join.to, numbers)), join.by.name()))
    }

    /// The marks by which later messages find it; where it found nothing to join, also what it points to.
    fn marks(&self, message: i64) -> Vec<threads::Mark<'_>> {
        let Some(account) = self.understood.filed.account.as_deref() else { return Vec::new() };
        let Marks { is, points } = &self.joining.marks;
        let own = is.iter().filter(|mark| !mark.starts_with("id:")).map(|mark| (account, mark.as_str(), "", message));
        let waits = points.iter().filter(|(tie, _)| self.join.is_none() && *tie != Tie::ThreadIndex).take(POINTS);
        own.chain(waits.map(|(tie, mark)| (account, mark.as_str(), tie.name(), message))).collect()
    }

    /// Paragraphs that may turn out to be a habit of its author's domain.
    fn remembered(&self) -> Vec<(String, String, i64)> {
        let message = &self.understood.message;
        let person = message.automatic.is_none().then(|| remembered(message)).flatten();
        let Some((domain, marks)) = person else { return Vec::new() };
        let at_us = self.entry.sent_at.as_microsecond();
        marks.into_iter().map(|mark| (domain.clone(), mark, at_us)).collect()
    }

    fn contact(&self) -> Option<Contact> {
        let Understood { message, filed, .. } = self.understood;
        let address = filed.contact.clone().filter(|_| message.automatic.is_none())?;
        let at_us = self.entry.sent_at.as_microsecond();
        let name = message.people().find(|a| a.address == address).map_or(String::new(), |a| a.name.clone());
        Some(Contact { account: filed.account.clone()?, address, name, first_us: at_us, last_us: at_us })
    }
}

/// Most marks that a message which found nothing to join waits for.
const POINTS: usize = 40;

/// The number in the store of a message that may be of the batch.
fn stored_number(number: i64, numbers: &[i64]) -> i64 {
    let of_batch = usize::try_from(-1 - number).ok().and_then(|place| numbers.get(place).copied());
    of_batch.unwrap_or(number)
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

/// Rows as joining knows them; `kind` is what their ids lack to be marks.
fn known(rows: Vec<KnownMessage>, kind: &str) -> Vec<Known> {
    rows.into_iter()
        .filter_map(|row| Some((row.thread?, row)))
        .map(|(thread, row)| Known {
            message: row.message,
            is: row.message_id.into_iter().map(|id| format!("{kind}{id}")).collect(),
            thread,
            base_subject: row.base_subject,
            sent_at: Timestamp::from_microsecond(row.sent_us).ok(),
            people: row.people.split(' ').map(str::to_owned).collect(),
        })
        .collect()
}
