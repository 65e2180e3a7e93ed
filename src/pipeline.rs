//! What happens to mail, in one page.
//!
//! `take` commits the raw bytes; `work` counts the attempt, reads, files and
//! judges on threads of its own, and records all of it in one transaction with
//! what is owed because of it; what managers answer is obeyed in the same one; `tick` does what time alone brings; `deliver` hands
//! out what is due. A crash between any two lines loses nothing: what was taken
//! waits, what was recorded is told, what was enqueued is sent.

mod answers;
mod brief;
mod caretaking;
mod corrections;
mod deliver;
mod digests;
mod event;
mod find;
mod history;
mod letters;
mod mailbox;
mod notes;
mod obey;
mod receipts;
mod record;
mod relation;
mod rethread;
mod said;
mod so_far;
mod tell;
mod understand;
mod views;
mod waits;
mod watched;
mod weeks;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::config::Settings;
use crate::filing::Directory;
use crate::judge::Judge;
use crate::notify::compose::ComposeError;
use crate::notify::{TemplateError, Templates};
use crate::read::{Habits, Ours, Reading};
use crate::store::raw::{self, Kept, NewCopy};
use crate::store::{Store, StoreError, Tx, accounts, habits, leases, outbox, tokens};
use crate::watch::Patience;

pub use corrections::{Correction, corrections};
pub use deliver::{Delivered, Names};
pub use event::{Cite, Event};
pub use history::{Happened, history};
pub use mailbox::{Haul, Holder, Queues};
pub use rethread::{Rethreaded, rethread};
pub use understand::{Reader, Stopwatch, Times, Understood};
pub use world::{Incoming, Story, World};

/// How often we ask what domains repeat, and for how long a paragraph is remembered that few messages have.
const LEARNING: SignedDuration = SignedDuration::from_hours(1);
const RARE: SignedDuration = SignedDuration::from_hours(24 * 90);
/// How many messages one transaction takes in, and how many bytes.
const BATCH: i64 = 200;
const BATCH_BYTES: i64 = 16 * 1024 * 1024;
/// How many accounts one transaction folds.
const FOLDS: i64 = 50;
/// How long a fold that history has changed waits for the rest of it.
const REST: SignedDuration = SignedDuration::from_secs(10);

/// What keeps a pass from its work.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A document in the store is not what this version writes.
    #[error("the store holds a document that this version cannot read ({what})")]
    Document {
        /// Which document.
        what: &'static str,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// A mail template fails on real data.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// An address of the settings makes no e-mail.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The program ends; what was in hand is tried again.
    #[error("interrupted; it is tried again")]
    Interrupted,
    /// Another daemon has taken over; nothing was written.
    #[error("another daemon has taken over this work")]
    LeaseLost,
    /// Time asks for the same instant for ever: a defect.
    #[error("the pipeline asks for {at} again and again; this is a defect worth reporting")]
    Stuck {
        /// The instant.
        at: Timestamp,
    },
    /// The folder that takes what we send cannot be written.
    #[error("cannot write {path}")]
    Folder {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

type Result<T> = std::result::Result<T, PipelineError>;

/// Everything a message meets on its way, and the ledger.
pub struct Pipeline {
    store: Store,
    settings: Arc<Settings>,
    reader: Arc<understand::Pool>,
    templates: Templates,
    patience: Patience,
    /// The lease under which it works; none where it has the store to itself.
    holder: Option<Holder>,
    /// When we last asked what domains repeat.
    learnt_at: Mutex<Option<Timestamp>>,
    /// Where random bytes come from; without it alerts cannot be answered.
    chance: Option<Chance>,
}

/// Random bytes that nobody can guess; what they are for is told, so that a back-test gets the same each time.
/// `None` where there are none to be had.
pub type Chance = fn(&str) -> Option<[u8; 20]>;

/// What one call of [`Pipeline::work`] did.
#[derive(Debug, Default)]
pub struct Pass {
    /// Messages that reached an end: read, a copy of a known one, or quarantined.
    pub handled: u64,
    /// What happened because of them.
    pub events: Vec<Event>,
    /// How many were `read`, `reply`, `automatic`, `unreadable` or `failed`.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// How long those that were understood took, where somebody measures.
    pub times: Vec<Times>,
}

impl Pipeline {
    /// Puts the stages together.
    #[must_use]
    pub fn new(store: Store, settings: Settings, judge: Judge, templates: Templates) -> Self {
        let settings = Arc::new(settings);
        let reader = Reader::new(Arc::clone(&settings), judge);
        Self::with(store, settings, reader, templates)
    }

    /// The same for a daemon: working only as long as `holder` holds its lease, and measuring
    /// what each message takes.
    #[must_use]
    pub fn under(
        store: Store,
        settings: Settings,
        judge: Judge,
        templates: Templates,
        (holder, stopwatch): (Holder, Stopwatch),
    ) -> Self {
        let settings = Arc::new(settings);
        let reader = Reader::new(Arc::clone(&settings), judge).timed(stopwatch);
        Self { holder: Some(holder), ..Self::with(store, settings, reader, templates) }
    }

    fn with(store: Store, settings: Arc<Settings>, reader: Reader, templates: Templates) -> Self {
        let reader = Arc::new(understand::Pool::new(reader));
        Self {
            store,
            settings,
            reader,
            templates,
            patience: Patience::default(),
            holder: None,
            learnt_at: Mutex::default(),
            chance: None,
        }
    }

    /// The same, with texts in lines of at most so many columns.
    #[must_use]
    pub fn in_columns(self, columns: usize) -> Self {
        Self { templates: self.templates.in_columns(columns), ..self }
    }

    /// The same, with alerts that can be answered, as far as the settings allow.
    #[must_use]
    pub fn with_chance(self, chance: Chance) -> Self {
        Self { chance: Some(chance), ..self }
    }

    /// A transaction that may be committed: where there is a lease, it is ours until then.
    async fn begin_work(&self) -> Result<Tx> {
        let mut tx = self.store.begin().await?;
        if let Some(Holder { lease, owner }) = &self.holder
            && !leases::hold(tx.db(), lease, owner).await?
        {
            return Err(PipelineError::LeaseLost);
        }
        Ok(tx)
    }

    /// The ledger, for those who only look.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Commits raw bytes, before anything looks at them. The same source again changes nothing.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written; nothing was taken then.
    pub async fn take(&self, copies: &[NewCopy], now: Timestamp) -> Result<Vec<Kept>> {
        let mut tx = self.store.begin().await?;
        let kept = raw::keep(tx.db(), copies, now).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Reads, files, judges and records the messages that have waited longest.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written. A message that cannot be read is no error:
    /// it is tried three times and then waits in quarantine.
    pub async fn work(&self, now: Timestamp) -> Result<Pass> {
        let waiting = self.claim(now).await?;
        let mut pass = Pass { handled: waiting.len() as u64, ..Pass::default() };
        if waiting.is_empty() {
            return Ok(pass);
        }
        let pool = Arc::clone(&self.reader);
        // The threads that read take their time; those that serve sockets must not wait for them.
        let reading = tokio::task::spawn_blocking(move || (pool.understand(&waiting), waiting));
        let (understood, waiting) = reading.await.map_err(|_| PipelineError::Interrupted)?;
        for outcome in &understood {
            *pass.outcomes.entry(outcome_of(outcome)).or_default() += 1;
            pass.times.extend(outcome.as_ref().ok().and_then(|u| u.times));
        }
        let mut tx = self.begin_work().await?;
        let mut read = Vec::with_capacity(waiting.len());
        for (copy, outcome) in waiting.iter().zip(understood) {
            match outcome {
                Ok(understood) => read.push((copy, understood)),
                Err(failure) => raw::record_failure(tx.db(), copy.copy, &failure, now).await?,
            }
        }
        self.place_notes(tx.db(), &mut read).await?;
        let fresh = self.record(tx.db(), &read, now).await?;
        let replies = read.iter().filter(|(_, understood)| understood.reply.is_some());
        let replies: Vec<(&raw::Waiting, &Understood)> = replies.map(|(copy, u)| (*copy, &**u)).collect();
        for (account, entries) in fresh {
            if entries.iter().all(|e| e.history) {
                accounts::outdate_fold(tx.db(), &account, after_the_rest(now)).await?;
            } else {
                pass.events.extend(self.tell(tx.db(), &account, entries, now).await?);
            }
        }
        for (copy, understood) in replies {
            pass.events.extend(self.obey(tx.db(), copy, understood, now).await?);
        }
        tx.commit().await?;
        Ok(pass)
    }

    /// Folds what history has changed. History tells nobody anything, so it is folded when
    /// all of it is there, or when an account has news.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written; what was not folded stays due.
    pub async fn settle(&self, now: Timestamp) -> Result<()> {
        loop {
            let mut tx = self.begin_work().await?;
            let outdated = accounts::outdated_folds(tx.db(), FOLDS).await?;
            for account in &outdated {
                self.tell(tx.db(), account, Vec::new(), now).await?;
            }
            tx.commit().await?;
            if outdated.is_empty() {
                return Ok(());
            }
        }
    }

    /// Whether it is an hour since we last asked what domains repeat.
    fn is_to_learn(&self, now: Timestamp) -> bool {
        let mut learnt_at = self.learnt_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = learnt_at.is_none_or(|at| now.duration_since(at).abs() >= LEARNING);
        if is_due {
            *learnt_at = Some(now);
        }
        is_due
    }

    /// Counts the attempt before the risk. A message that was tried before is tried alone, so
    /// that its neighbours do not pay for it.
    async fn claim(&self, now: Timestamp) -> Result<Vec<raw::Waiting>> {
        let mut tx = self.begin_work().await?;
        if self.is_to_learn(now) {
            habits::forget_rare(tx.db(), after(now, -RARE)).await?;
            tokens::forget_expired(tx.db(), after(now, -RARE)).await?;
            self.reader.reader().learn(Habits::of(habits::learnt(tx.db()).await?));
            self.relearn(tx.db()).await?;
        }
        raw::quarantine_exhausted(tx.db(), now).await?;
        let mut waiting = raw::waiting(tx.db(), BATCH, BATCH_BYTES).await?;
        let lone = waiting.iter().position(|w| w.attempts > 0);
        match lone {
            Some(0) => waiting.truncate(1),
            Some(n) => waiting.truncate(n),
            None => {}
        }
        let copies: Vec<i64> = waiting.iter().map(|w| w.copy).collect();
        raw::count_attempts(tx.db(), &copies, now).await?;
        tx.commit().await?;
        Ok(waiting)
    }

    /// Does what time alone brings: incidents calm and close, waits end, digests fall due.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written; what was due stays due.
    pub async fn tick(&self, now: Timestamp) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        let mut tx = self.begin_work().await?;
        let due: BTreeSet<String> = accounts::due_folds(tx.db(), now).await?.into_iter().collect();
        for account in due {
            events.extend(self.tell(tx.db(), &account, Vec::new(), now).await?);
        }
        events.extend(self.send_digests(tx.db(), now).await?);
        tx.commit().await?;
        Ok(events)
    }

    /// When [`Pipeline::tick`] or a delivery next has something to do.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub async fn next_wake(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        Ok([self.next_tick(now).await?, self.next_delivery().await?].into_iter().flatten().min())
    }

    /// When [`Pipeline::tick`] next has something to do.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub async fn next_tick(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let mut db = self.store.read().await?;
        let ask = accounts::next_ask(&mut db).await?.and_then(instant);
        let digest = self.next_digest(&mut db, now).await?;
        Ok([ask, digest].into_iter().flatten().min())
    }

    /// When an e-mail is next due; now or earlier where one waits.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub async fn next_delivery(&self) -> Result<Option<Timestamp>> {
        let mut db = self.store.read().await?;
        Ok(outbox::next_due(&mut db).await?.and_then(instant))
    }
}

fn outcome_of(outcome: &std::result::Result<Box<Understood>, String>) -> &'static str {
    match outcome {
        Err(_) => "failed",
        Ok(understood) if understood.reply.is_some() => "reply",
        Ok(understood) if understood.message.reading != Reading::Ok => "unreadable",
        Ok(understood) if understood.message.automatic.is_some() => "automatic",
        Ok(_) => "read",
    }
}

fn after(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

fn instant(us: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(us).ok()
}

fn after_the_rest(now: Timestamp) -> Timestamp {
    now.checked_add(REST).unwrap_or(Timestamp::MAX)
}

/// Who is whose, as the settings say.
fn directory(settings: &Settings) -> Directory {
    let members: Vec<String> =
        settings.members.iter().map(|m| m.address.clone()).chain([settings.service.address.clone()]).collect();
    Directory::new(&settings.accounts, &settings.service.domains, &members)
}

/// Who we are, as reading must know it.
fn ours(settings: &Settings) -> Ours {
    Ours {
        service: settings.service.address.clone(),
        domains: settings.service.domains.clone(),
        members: settings.members.iter().map(|m| m.address.clone()).collect(),
        people_domains: settings.service.people.clone(),
        time_zone: Some(settings.service.time_zone.clone()),
        ..Ours::default()
    }
}
