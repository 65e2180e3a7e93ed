//! Threads all messages of an account anew, as if they had come in the order in which they were written.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use super::Result;
use super::record::parse;
use crate::filing::{self, Joining};
use crate::read::Message;
use crate::store::{AnyConnection, Store, threads};
use crate::watch::Entry;

/// What came of threading anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rethreaded {
    /// Messages that were looked at.
    pub messages: usize,
    /// Threads they stand in now.
    pub threads: usize,
    /// Messages that stand in another thread than before, or for another reason.
    pub changed: usize,
}

/// Recomputes the threads of an account, or of all; each account in a transaction of its own.
///
/// # Errors
///
/// Where the store cannot be read or written; accounts that were done stay done.
pub async fn rethread(store: &Store, account: Option<&str>, now: Timestamp) -> Result<Rethreaded> {
    let accounts = match account {
        Some(account) => vec![account.to_owned()],
        None => threads::accounts(&mut *store.read().await?).await?,
    };
    let mut all = Rethreaded::default();
    for account in accounts {
        let mut tx = store.begin().await?;
        let done = rethread_one(tx.db(), &account, now).await?;
        threads::end_empty(tx.db()).await?;
        tx.commit().await?;
        all.messages += done.messages;
        all.threads += done.threads;
        all.changed += done.changed;
    }
    Ok(all)
}

/// The same for one account, in a transaction of somebody else's.
pub(super) async fn rethread_one(db: &mut AnyConnection, account: &str, now: Timestamp) -> Result<Rethreaded> {
    let rows = threads::members(db, account).await?;
    let mut joining = Vec::with_capacity(rows.len());
    for row in &rows {
        let message: Message = parse(&row.doc, "message")?;
        let entry: Option<Entry> = row.entry.as_deref().map(|entry| parse(entry, "entry")).transpose()?;
        joining.push(Joining::of(&message, entry.map(|entry| entry.sent_at).or(message.sent_at)));
    }
    let threaded = filing::thread_all(&joining);
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, (root, _)) in threaded.iter().enumerate() {
        groups.entry(*root).or_default().push(place);
    }
    let mut done = Rethreaded { messages: rows.len(), threads: groups.len(), changed: 0 };
    let mut taken: HashSet<i64> = HashSet::new();
    let mut changed: HashSet<i64> = HashSet::new();
    for places in groups.values() {
        let members = || places.iter().filter_map(|place| rows.get(*place));
        // A thread keeps its number where it can.
        let kept = members().filter_map(|row| row.thread).filter(|thread| !taken.contains(thread)).min();
        let thread = if let Some(thread) = kept {
            thread
        } else {
            let first = places.first().and_then(|place| joining.get(*place));
            threads::create(db, account, first.map_or("", |first| &first.base_subject), now).await?
        };
        taken.insert(thread);
        let moved: Vec<i64> = members().filter(|row| row.thread != Some(thread)).map(|row| row.message).collect();
        changed.extend(&moved);
        threads::place_all(db, thread, &moved).await?;
    }
    let number = |place: usize| rows.get(place).map(|row| row.message);
    let joins: Vec<(i64, Option<i64>, &str)> = threaded
        .iter()
        .enumerate()
        .filter_map(|(place, (_, join))| {
            let by = join.map_or("first", |(_, tie)| tie.name());
            Some((number(place)?, join.and_then(|(to, _)| number(to)), by))
        })
        .collect();
    let before = rows.iter().map(|row| row.how.as_deref().unwrap_or("first"));
    let others = joins.iter().zip(before).filter(|((_, _, by), before)| by != before);
    changed.extend(others.map(|((message, ..), _)| *message));
    done.changed = changed.len();
    threads::join_all(db, &joins).await?;
    Ok(done)
}
