//! From a listed message to kept bytes: what a mailbox's reader writes down.
//!
//! Bytes and cursor are one transaction, under the mailbox's lease: after a crash
//! nothing is fetched twice and nothing is passed over.

use jiff::{SignedDuration, Timestamp};

use super::{Pipeline, Result, instant};
use crate::intake::Horizon;
use crate::store::leases;
use crate::store::mailboxes::{self, Cursor, Epoch};
use crate::store::outbox;
use crate::store::raw::{self, NewCopy};

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
        mailboxes::advance(tx.db(), haul.epoch, haul.next_uid.into(), listed, now).await?;
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
