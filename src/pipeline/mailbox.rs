//! From a listed message to kept bytes: what a mailbox's reader writes down.
//!
//! Bytes and cursor are one transaction, under the mailbox's lease: after a crash
//! nothing is fetched twice and nothing is passed over. A mailbox that is not read for
//! long is told to those who look after Barometer.

use jiff::{SignedDuration, Timestamp};

use super::{Pipeline, Result, instant};
use crate::intake::Horizon;
use crate::notify::notice::NoticeView;
use crate::store::leases;
use crate::store::mailboxes::{self, Cursor, Epoch};
use crate::store::outbox;
use crate::store::raw::{self, NewCopy};

/// A mailbox that was not read for this long is told of.
const STALLED: SignedDuration = SignedDuration::from_mins(15);

/// What waits, for those who watch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queues {
    /// Messages kept and not yet read.
    pub copies_waiting: i64,
    /// Messages in quarantine.
    pub copies_quarantined: i64,
    /// E-mails owed.
    pub outbox_waiting: i64,
    /// How long the oldest of them has been due.
    pub outbox_oldest_due: SignedDuration,
}

/// Messages of one epoch that were fetched together.
#[derive(Debug)]
pub struct Haul<'a> {
    /// Where they are.
    pub epoch: &'a Epoch,
    /// What was fetched.
    pub copies: Vec<NewCopy>,
    /// UIDs that were gone when they were to be fetched.
    pub gone: &'a [u32],
    /// The first UID that is not part of it.
    pub next_uid: u32,
    /// How many UIDs it covers.
    pub listed: usize,
}

/// The one who writes, and the lease that allows it.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The lease.
    pub lease: String,
    /// Who holds it.
    pub owner: String,
}

impl Pipeline {
    /// How far an epoch is read, and what is history in it.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written.
    pub async fn cursor(&self, epoch: &Epoch, now: Timestamp) -> Result<(Cursor, Option<Timestamp>)> {
        let mut tx = self.store.begin().await?;
        let cursor = mailboxes::cursor(tx.db(), epoch, now).await?;
        let before = mailboxes::polled_before(tx.db(), epoch).await?;
        tx.commit().await?;
        Ok((cursor, before.and_then(|us| Timestamp::from_microsecond(us).ok())))
    }

    /// Records the first listing of an epoch, and returns what parts news from history.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written.
    pub async fn first_listing(
        &self,
        epoch: &Epoch,
        news_from: u32,
        polled_before: Option<Timestamp>,
    ) -> Result<Horizon> {
        let mut tx = self.store.begin().await?;
        mailboxes::first_listing(tx.db(), epoch, news_from.into()).await?;
        tx.commit().await?;
        Ok(Horizon { news_from, polled_before })
    }

    /// Keeps what was fetched and moves the cursor behind it; false, and nothing is written,
    /// where the lease has gone to another daemon.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written; nothing was kept then.
    pub async fn haul(&self, haul: Haul<'_>, holder: &Holder, now: Timestamp) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        if !leases::hold(tx.db(), &holder.lease, &holder.owner).await? {
            return Ok(false);
        }
        raw::keep(tx.db(), &haul.copies, now).await?;
        mailboxes::gone(tx.db(), haul.epoch, haul.gone, now).await?;
        let listed = i64::try_from(haul.listed).unwrap_or(i64::MAX);
        mailboxes::advance(tx.db(), haul.epoch, haul.next_uid.into(), listed).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Records that everything a mailbox lists is kept.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written.
    pub async fn polled(&self, epoch: &Epoch, now: Timestamp) -> Result<()> {
        let mut tx = self.store.begin().await?;
        mailboxes::polled(tx.db(), epoch, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Records that messages below a UID were flagged or moved on the server.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written.
    pub async fn dealt_with(&self, epoch: &Epoch, below: u32) -> Result<()> {
        let mut tx = self.store.begin().await?;
        mailboxes::settled(tx.db(), epoch, below.into()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a lease, or renews it; false where another daemon has it.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written.
    pub async fn lease(&self, holder: &Holder, now: Timestamp, until: Timestamp) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        let ours = leases::take(tx.db(), &holder.lease, &holder.owner, now, until).await?;
        tx.commit().await?;
        Ok(ours)
    }

    /// Gives back every lease of an owner.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written; they end by themselves then.
    pub async fn release(&self, owner: &str) -> Result<()> {
        let mut tx = self.store.begin().await?;
        leases::release(tx.db(), owner).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Which of these UIDs are neither stored nor absent for a known reason.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub async fn missing(&self, epoch: &Epoch, uids: &[u32]) -> Result<Vec<u32>> {
        let mut db = self.store.read().await?;
        Ok(mailboxes::missing(&mut db, epoch, uids).await?)
    }

    /// Tells those who look after Barometer that a folder is read for the first time, or under
    /// another UIDVALIDITY (`polled_before`), and that the `messages` in it are history.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written.
    pub async fn introduce(
        &self,
        epoch: &Epoch,
        (messages, polled_before): (usize, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<()> {
        let name = &epoch.mailbox;
        let view = match polled_before {
            None => NoticeView {
                headline: format!("the mailbox \"{name}\" is read from now on"),
                what: format!(
                    "{messages} messages lie in it. They are recorded as history, and nobody is told of them."
                ),
                lines: Vec::new(),
                next_step: "Nothing; `barometer accounts suggest` prints the settings of organisations it has met."
                    .to_owned(),
            },
            Some(_) => NoticeView {
                headline: format!("the mailbox \"{name}\" has been numbered anew"),
                what: format!(
                    "Its server gave all {messages} messages new numbers (UIDVALIDITY). They are read again; what is known is recognised, and told to nobody twice."
                ),
                lines: Vec::new(),
                next_step: "Nothing, unless it happens often: then ask whoever runs the mail server.".to_owned(),
            },
        };
        let mut tx = self.store.begin().await?;
        self.tell_caretakers(tx.db(), &format!("epoch {name} {}", epoch.uid_validity), &view, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Tells those who look after Barometer of mailboxes that were not read for long, each time
    /// once. `troubles` holds mailbox and what is wrong with it; `begun` is when we began to read.
    /// Returns how many are stalled.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written.
    pub async fn report_stalls(
        &self,
        troubles: &[(String, String)],
        begun: Timestamp,
        now: Timestamp,
    ) -> Result<usize> {
        if troubles.is_empty() {
            return Ok(0);
        }
        let mut tx = self.store.begin().await?;
        let polls = mailboxes::last_polls(tx.db()).await?;
        let mut stalled = 0;
        for (name, trouble) in troubles {
            let last = polls.iter().find(|(mailbox, _)| mailbox == name).and_then(|(_, us)| instant(*us));
            if now.duration_since(last.map_or(begun, |last| last.max(begun))) < STALLED {
                continue;
            }
            stalled += 1;
            let since =
                last.map_or_else(|| "yet".to_owned(), |last| format!("since {}", last.strftime("%a %-d %b %H:%M UTC")));
            let view = NoticeView {
                headline: format!("the mailbox \"{name}\" is not read"),
                what: format!("It could not be read {since}. Mail in it waits on its server; nothing is lost."),
                lines: vec![format!("The last trouble: {trouble}")],
                next_step: "Run `barometer check`, which tries each step and names the remedy.".to_owned(),
            };
            let about = format!("stalled {name} {}", last.map_or(0, Timestamp::as_microsecond));
            self.tell_caretakers(tx.db(), &about, &view, now).await?;
        }
        tx.commit().await?;
        Ok(stalled)
    }

    /// What waits.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub async fn queues(&self, now: Timestamp) -> Result<Queues> {
        let mut db = self.store.read().await?;
        let copies = raw::counts(&mut db).await?;
        let counts = outbox::counts(&mut db).await?;
        let oldest = outbox::next_due(&mut db).await?.and_then(instant).filter(|due| *due < now);
        Ok(Queues {
            copies_waiting: copies.waiting,
            copies_quarantined: copies.quarantined,
            outbox_waiting: counts.queued + counts.leased + counts.sending + counts.deferred + counts.unknown,
            outbox_oldest_due: oldest.map_or(SignedDuration::ZERO, |due| now.duration_since(due)),
        })
    }
}
