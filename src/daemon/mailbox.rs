//! One mailbox, read for ever: connect, catch up, wait, catch up.
//!
//! Whatever goes wrong ends the connection; the next one goes on from the cursor.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{Shared, chain, lease};
use crate::config::{After, Mailbox};
use crate::edge::imap::{Class, Idle, ImapError, Listed, Session, Timeouts};
use crate::edge::login::{self, LoginError};
use crate::intake::{self, Horizon};
use crate::pipeline::{Haul, Holder, PipelineError};
use crate::store::mailboxes::Epoch;
use crate::store::raw::NewCopy;

/// The longest wait for news before we look ourselves. IDLE is renewed with each look.
const POLL: Duration = Duration::from_mins(5);
/// How often the list of the server is compared with what is kept.
const RECONCILED: SignedDuration = SignedDuration::from_hours(1);
/// How far back that looks.
const RECONCILED_SPAN: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How long who has a mailbox waits before asking for one more.
const COURTESY: Duration = Duration::from_secs(1);
/// UIDs whose sizes are asked for at a time.
const LISTED: usize = 500;
/// Messages and bytes that are kept in one transaction.
const HAUL: usize = 100;
const HAUL_BYTES: u64 = 8 * 1024 * 1024;
/// How often a message is asked for that its server refuses to hand out.
const REFUSALS: u32 = 3;
/// The most bytes of a message that are stored; above it, its beginning.
const STORED: u64 = 64 * 1024 * 1024;
const BEGINNING: u64 = 1024 * 1024;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error(transparent)]
    Server(#[from] ImapError),
    #[error(transparent)]
    Store(#[from] PipelineError),
}

/// Reads a mailbox, the one at `place` of the settings, until the daemon stops.
pub(super) async fn watch(shared: Arc<Shared>, mailbox: Mailbox, place: u32) {
    let lease = format!("mailbox {}", mailbox.name);
    let mut failures = 0;
    let refused = Mutex::default();
    if !shared.alone && !shared.pause(COURTESY * place).await {
        return;
    }
    while !shared.stop.is_cancelled() {
        // Who has mailboxes already lets others go first: so several daemons share them.
        let mine = shared.mailboxes.load(Ordering::Relaxed);
        if mine > 0 && !shared.alone && !shared.pause(COURTESY * mine).await {
            return;
        }
        let begun = shared.clock.now();
        let outcome = lease::with(&shared, &lease, |held| async {
            shared.mailboxes.fetch_add(1, Ordering::Relaxed);
            let reader =
                Reader { shared: &shared, mailbox: &mailbox, holder: shared.holder(&lease), held, refused: &refused };
            let outcome = reader.read().await;
            if let Err(Trouble::Server(ImapError::Message { uid, .. })) = &outcome {
                *reader.refused().entry(*uid).or_default() += 1;
            }
            shared.mailboxes.fetch_sub(1, Ordering::Relaxed);
            outcome
        });
        let Some(Err(trouble)) = outcome.await else { continue };
        let now = shared.clock.now();
        // A connection that served for a while is no repeated failure.
        if now.duration_since(begun) > SignedDuration::from_mins(10) {
            failures = 0;
        }
        failures += 1;
        let part = part_of(&mailbox);
        shared.health.wrong(&part, now, &chain(&trouble));
        shared.metrics.connected(&mailbox.name, false);
        tracing::warn!(mailbox = mailbox.name, failures, "{}", chain(&trouble));
        if !shared.pause(wait_after(&trouble, failures, shared.clock.jitter())).await {
            return;
        }
    }
}

/// What the state of a mailbox is called in health reports.
pub(super) fn part_of(mailbox: &Mailbox) -> String {
    format!("mailbox {}", mailbox.name)
}

/// How long to leave a server alone. A refused log-in is asked for rarely, so that no account is
/// locked; a lost connection is soon made anew.
fn wait_after(trouble: &Trouble, failures: u32, jitter: f64) -> Duration {
    let (first, longest) = match trouble {
        Trouble::Login(_) => (60, 30 * 60),
        Trouble::Store(_) => (1, 60),
        Trouble::Server(error) => match error.class() {
            Class::Credentials => (60, 30 * 60),
            Class::Settings => (30, 10 * 60),
            Class::Busy | Class::Protocol => (5, 5 * 60),
            Class::Lost => (1, 60),
        },
    };
    let doubled = 2_u64.saturating_pow(failures.saturating_sub(1).min(20)).saturating_mul(first);
    Duration::from_secs(doubled.min(longest)).mul_f64(0.8 + 0.4 * jitter)
}

/// One connection to one mailbox.
struct Reader<'a> {
    shared: &'a Shared,
    mailbox: &'a Mailbox,
    holder: Holder,
    held: CancellationToken,
    /// How often the server refused to hand out a message, by UID.
    refused: &'a Mutex<HashMap<u32, u32>>,
}

/// How far the reading of an epoch has come.
struct Place {
    epoch: Epoch,
    next_uid: u32,
    settled_uid: u32,
    horizon: Horizon,
}

impl Reader<'_> {
    fn refused(&self) -> MutexGuard<'_, HashMap<u32, u32>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self) -> Result<(), Trouble> {
        let login = login::of(&self.mailbox.server)?;
        let mut session = Session::connect(&self.mailbox.server, login, &Timeouts::default()).await?;
        let outcome = self.serve(&mut session).await;
        if outcome.is_ok() {
            // We leave as we came; whether the server answers changes nothing.
            session.logout().await.ok();
        }
        outcome
    }

    async fn serve(&self, session: &mut Session) -> Result<(), Trouble> {
        let mut place = self.open(session).await?;
        self.shared.metrics.connected(&self.mailbox.name, true);
        tracing::info!(mailbox = self.mailbox.name, "connected");
        let mut reconciled = self.shared.clock.now();
        loop {
            self.catch_up(session, &mut place).await?;
            self.settle(session, &mut place).await?;
            if self.held.is_cancelled() {
                return Ok(());
            }
            let now = self.shared.clock.now();
            if now.duration_since(reconciled) >= RECONCILED {
                self.reconcile(session, &mut place).await?;
                reconciled = now;
            }
            if !self.wait(session).await? {
                return Ok(());
            }
        }
    }

    /// Selects the folder and finds out where reading stands in it.
    async fn open(&self, session: &mut Session) -> Result<Place, Trouble> {
        let selected = session.select(&self.mailbox.folder).await?;
        let epoch = Epoch {
            mailbox: self.mailbox.name.clone(),
            folder: self.mailbox.folder.clone(),
            uid_validity: selected.uid_validity,
        };
        let pipeline = &self.shared.pipeline;
        let (cursor, polled_before) = pipeline.cursor(&epoch, self.shared.clock.now()).await?;
        let known = |uid: i64| u32::try_from(uid).unwrap_or(u32::MAX);
        let horizon = match cursor.news_from {
            Some(uid) => Horizon { news_from: known(uid), polled_before },
            None => self.first_look(session, &epoch, polled_before).await?,
        };
        let mut place =
            Place { epoch, next_uid: known(cursor.next_uid), settled_uid: known(cursor.settled_uid), horizon };
        if selected.uid_next.is_some_and(|next| next < place.next_uid) {
            tracing::warn!(mailbox = self.mailbox.name, "the server counts backwards; its list is compared with ours");
            let uids = session.uids_from(1).await?;
            self.fetch_missing(session, &mut place, &uids).await?;
        }
        Ok(place)
    }

    /// A folder that we have not seen under this UIDVALIDITY: what is in it was there before us.
    async fn first_look(
        &self,
        session: &mut Session,
        epoch: &Epoch,
        polled_before: Option<Timestamp>,
    ) -> Result<Horizon, Trouble> {
        let uids = session.uids_from(1).await?;
        let news_from = uids.last().map_or(1, |last| last.saturating_add(1));
        let horizon = self.shared.pipeline.first_listing(epoch, news_from, polled_before).await?;
        tracing::info!(
            mailbox = self.mailbox.name,
            messages = uids.len(),
            "{}",
            if polled_before.is_some() {
                "the server has numbered its messages anew: what is known is recognised, and told to nobody again"
            } else {
                "read for the first time: what is there is history, recorded and told to nobody"
            }
        );
        self.shared.pipeline.introduce(epoch, (uids.len(), polled_before), self.shared.clock.now()).await?;
        self.shared.owed.notify_waiters();
        Ok(horizon)
    }

    /// Keeps everything that the server lists behind the cursor.
    async fn catch_up(&self, session: &mut Session, place: &mut Place) -> Result<(), Trouble> {
        let uids = session.uids_from(place.next_uid).await?;
        for chunk in uids.chunks(LISTED) {
            let listed = session.sizes(chunk).await?;
            if !self.keep_all(session, place, chunk, &listed).await? {
                return Ok(());
            }
        }
        if !self.held.is_cancelled() {
            let now = self.shared.clock.now();
            self.shared.pipeline.polled(&place.epoch, now).await?;
            self.shared.health.ok(&part_of(self.mailbox), now);
            self.shared.metrics.polled(&self.mailbox.name, now);
        }
        Ok(())
    }

    /// Keeps listed messages, haul by haul; false where we are to stop.
    async fn keep_all(
        &self,
        session: &mut Session,
        place: &mut Place,
        uids: &[u32],
        listed: &[Listed],
    ) -> Result<bool, Trouble> {
        let (mut uids, mut listed) = (uids, listed);
        while !uids.is_empty() {
            if self.held.is_cancelled() {
                return Ok(false);
            }
            let sizes: Vec<u64> = listed.iter().map(|l| l.size_bytes).collect();
            let (taken, left) =
                listed.split_at_checked(intake::haul(&sizes, HAUL, HAUL_BYTES)).unwrap_or((listed, &[]));
            // UIDs before the first that is left over, listed or gone.
            let upto = left.first().map_or(uids.len(), |next| uids.partition_point(|uid| *uid < next.uid));
            let (mine, later) = uids.split_at_checked(upto).unwrap_or((uids, &[]));
            let next_uid = mine.last().map_or(place.next_uid, |last| last.saturating_add(1).max(place.next_uid));
            if !self.keep(session, (place, mine), taken, next_uid).await? {
                return Ok(false);
            }
            place.next_uid = next_uid;
            (uids, listed) = (later, left);
        }
        Ok(true)
    }

    /// Fetches messages and commits their bytes; false where the lease is no longer ours.
    async fn keep(
        &self,
        session: &mut Session,
        (place, uids): (&Place, &[u32]),
        listed: &[Listed],
        next_uid: u32,
    ) -> Result<bool, Trouble> {
        let copies = self.fetch(session, place, listed).await?;
        let fetched: std::collections::HashSet<&str> = copies.iter().map(|c| c.source.as_str()).collect();
        let gone: Vec<u32> =
            uids.iter().copied().filter(|uid| !fetched.contains(place.epoch.source(*uid).as_str())).collect();
        let count = copies.len();
        let haul = Haul { epoch: &place.epoch, copies, gone: &gone, next_uid, listed: uids.len() };
        let kept = self.shared.pipeline.haul(haul, &self.holder, self.shared.clock.now()).await?;
        if kept {
            self.shared.metrics.fetched(&self.mailbox.name, count as u64);
            self.shared.kept.notify_one();
        } else {
            self.held.cancel();
        }
        Ok(kept)
    }

    /// What is there of the listed messages. Small ones come many at a time.
    async fn fetch(&self, session: &mut Session, place: &Place, listed: &[Listed]) -> Result<Vec<NewCopy>, Trouble> {
        let now = self.shared.clock.now();
        let refused = |l: &Listed| self.refused().get(&l.uid).is_some_and(|n| *n >= REFUSALS);
        let (given_up, listed): (Vec<Listed>, Vec<Listed>) = listed.iter().copied().partition(refused);
        let (small, large): (Vec<Listed>, Vec<Listed>) =
            listed.iter().copied().partition(|l| l.size_bytes < HAUL_BYTES);
        let mut bodies = session.bodies(&small).await?;
        // What the server never hands out is recorded as what it is to us: a message without a word.
        bodies.extend(given_up.iter().map(|l| (l.uid, Vec::new())));
        for one in &large {
            let most = if one.size_bytes > STORED { BEGINNING } else { STORED };
            if let Some(bytes) = session.body(one.uid, one.size_bytes, most).await? {
                bodies.push((one.uid, bytes));
            }
        }
        let copies = bodies.into_iter().filter_map(|(uid, bytes)| {
            let listed = listed.iter().chain(&given_up).find(|l| l.uid == uid)?;
            let history = place.horizon.is_history(uid, listed.arrived_at);
            // News is what reaches us now; history came when the server says.
            let arrived = if history { listed.arrived_at.unwrap_or(now) } else { now };
            Some(NewCopy {
                source: place.epoch.source(uid),
                whole_bytes: i64::try_from(listed.size_bytes.max(bytes.len() as u64)).unwrap_or(i64::MAX),
                bytes,
                arrived_us: Some(arrived.as_microsecond()),
                history,
            })
        });
        Ok(copies.collect())
    }

    /// Flags or moves what is kept, where that is wanted.
    async fn settle(&self, session: &mut Session, place: &mut Place) -> Result<(), Trouble> {
        if self.mailbox.after == After::Keep || place.settled_uid >= place.next_uid {
            return Ok(());
        }
        let there = session.uids_from(place.settled_uid).await?;
        let kept: Vec<u32> = there.into_iter().filter(|uid| *uid < place.next_uid).collect();
        for uids in kept.chunks(LISTED) {
            match &self.mailbox.after {
                After::Keep => {}
                After::Flag => session.flag(uids).await?,
                After::Move(folder) => session.move_to(uids, folder).await?,
            }
        }
        self.shared.pipeline.dealt_with(&place.epoch, place.next_uid).await?;
        place.settled_uid = place.next_uid;
        Ok(())
    }

    /// Compares the server's list with what is kept. Anything missing is fetched, and is a fault
    /// of the server or of ours that people must hear of.
    async fn reconcile(&self, session: &mut Session, place: &mut Place) -> Result<(), Trouble> {
        let since = self.shared.clock.now().checked_sub(RECONCILED_SPAN).unwrap_or(Timestamp::MIN);
        let uids = session.uids_since(since).await?;
        self.fetch_missing(session, place, &uids).await
    }

    async fn fetch_missing(&self, session: &mut Session, place: &mut Place, uids: &[u32]) -> Result<(), Trouble> {
        let below: Vec<u32> = uids.iter().copied().filter(|uid| *uid < place.next_uid).collect();
        let missing = self.shared.pipeline.missing(&place.epoch, &below).await?;
        if missing.is_empty() {
            return Ok(());
        }
        tracing::error!(
            mailbox = self.mailbox.name,
            messages = missing.len(),
            "the server lists messages that we passed over; they are fetched now"
        );
        for chunk in missing.chunks(LISTED) {
            let listed = session.sizes(chunk).await?;
            self.keep_all(session, place, chunk, &listed).await?;
        }
        Ok(())
    }

    /// Waits for news; false where we are to stop.
    async fn wait(&self, session: &mut Session) -> Result<bool, Trouble> {
        if session.can_idle() {
            return Ok(session.idle(POLL, &self.held).await? != Idle::Stopped);
        }
        tokio::select! {
            () = self.held.cancelled() => return Ok(false),
            () = self.shared.clock.wait(POLL) => {}
        }
        session.noop().await?;
        Ok(true)
    }
}
