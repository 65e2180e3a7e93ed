//! When: the loops, the clock and the signals of `barometer run`.
//!
//! One task a mailbox reads, one works, a few deliver, one keeps watch over them. Each
//! does one step, commits it, and asks whether to go on: whatever is stopped, killed
//! or cut off goes on from its last commit. What is done under a lease is written under it.

mod chance;
mod deliver;
mod lease;
mod mailbox;
mod vigil;
mod work;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Settings;
use crate::edge::health::Health;
use crate::edge::metrics::{self, Metrics};
use crate::edge::systemd::Systemd;
use crate::judge::Judge;
use crate::notify::Templates;
use crate::notify::retry;
use crate::pipeline::{Holder, Pipeline, PipelineError};
use crate::store::{Store, StoreError};

/// How long the steps in hand may take once the daemon is told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How many e-mails may be on their way at a time: one relay that is slow to answer holds up one.
const COURIERS: usize = 3;
/// What one daemon at a time does for all.
const WORK: &str = "work";

/// What keeps the daemon from running.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The store cannot be opened, or another daemon has it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store holds cannot be taken up.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The page of metrics cannot be served.
    #[error(transparent)]
    Metrics(#[from] metrics::ServeError),
    /// The system gives no signals.
    #[error("cannot listen for signals; the system refuses it")]
    Signals(#[source] std::io::Error),
}

/// How the daemon came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Asked to; everything in hand was finished.
    Stopped,
    /// Asked to; something in hand was left as it was, to be taken up at the next start.
    Hurried,
}

/// What a reload brings in, all or nothing.
pub struct Loaded {
    /// Settings that hold together.
    pub settings: Settings,
    /// Compiled and proven rules.
    pub judge: Judge,
    /// Mail templates that compile.
    pub templates: Templates,
}

/// The time, and the only one who waits for it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    ahead: SignedDuration,
}

impl Clock {
    /// A clock that shows `now` at this moment, and goes on from there.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the daemon's one clock")]
    pub fn showing(now: Timestamp) -> Self {
        Self { ahead: now.duration_since(Timestamp::now()) }
    }

    /// What it shows.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the daemon's one clock")]
    pub fn now(&self) -> Timestamp {
        Timestamp::now().checked_add(self.ahead).unwrap_or(Timestamp::MAX)
    }

    /// Time since some moment before, for measuring.
    #[expect(clippy::disallowed_methods, reason = "the daemon's one clock")]
    fn elapsed() -> Duration {
        static BEGUN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
        BEGUN.elapsed()
    }

    /// Waits.
    #[expect(clippy::disallowed_methods, reason = "the daemon is who waits")]
    async fn wait(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    /// Waits until `at`, but no longer than `most`.
    async fn wait_until(&self, at: Option<Timestamp>, most: Duration) {
        let left = at.map(|at| at.duration_since(self.now()).max(SignedDuration::ZERO).unsigned_abs());
        self.wait(left.map_or(most, |left| left.min(most))).await;
    }

    /// A number from 0 to 1 that differs from moment to moment, for spreading attempts.
    fn jitter(&self) -> f64 {
        f64::from(u16::try_from(self.now().subsec_nanosecond() / 1_000 % 1_000).unwrap_or(0)) / 1_000.0
    }
}

/// What the tasks of one generation of settings share.
struct Shared {
    pipeline: Pipeline,
    settings: Settings,
    clock: Clock,
    /// Who we are among the daemons on this store.
    owner: String,
    stop: CancellationToken,
    /// Bytes were kept: there is work.
    kept: Notify,
    /// E-mails were enqueued: there is something to deliver.
    owed: Notify,
    metrics: Metrics,
    health: Health,
    systemd: Systemd,
    /// Whether no other daemon can be on this store.
    alone: bool,
    /// How many mailboxes we hold.
    mailboxes: AtomicU32,
}

impl Shared {
    fn holder(&self, lease: &str) -> Holder {
        Holder { lease: lease.to_owned(), owner: self.owner.clone() }
    }

    /// Waits; false where we are to stop.
    async fn pause(&self, span: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = self.clock.wait(span) => true,
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        // Some errors tell their cause themselves.
        if text.ends_with(&cause) { text } else { format!("{text}: {cause}") }
    })
}

/// What outlives a reload.
struct Lasting {
    store: Store,
    alone: bool,
    clock: Clock,
    owner: String,
    metrics: Metrics,
    health: Health,
    systemd: Systemd,
}

/// The signals that concern us.
struct Signals {
    end: Signal,
    interrupt: Signal,
    reload: Signal,
}

enum Asked {
    Stop,
    Reload,
}

impl Signals {
    fn new() -> Result<Self, DaemonError> {
        let on = |kind| signal(kind).map_err(DaemonError::Signals);
        Ok(Self {
            end: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            reload: on(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.end.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.reload.recv() => Asked::Reload,
        }
    }

    async fn stop(&mut self) {
        while !matches!(self.next().await, Asked::Stop) {}
    }
}

/// Runs until SIGTERM or SIGINT. SIGHUP calls `load`; what it brings takes the place of
/// everything, and where it complains nothing changes.
///
/// # Errors
///
/// Where it cannot begin: the store cannot be opened or is another daemon's, or the address of
/// the metrics is taken. Once it runs, trouble is reported and tried again, never returned.
pub async fn run(
    first: Loaded,
    load: impl Fn() -> Result<Loaded, String>,
    clock: Clock,
    owner: String,
) -> Result<End, DaemonError> {
    let mut signals = Signals::new()?;
    let url = first.settings.service.store.clone();
    let store = Store::open(&url).await?;
    let sole = store.claim_for_daemon(&url)?;
    let lasting = Lasting {
        store,
        alone: sole.is_some(),
        clock,
        owner,
        metrics: Metrics::new(),
        health: Health::new(),
        systemd: Systemd::from_environment(),
    };
    if sole.is_some() {
        take_up(&lasting).await?;
    }
    let mut next = first;
    loop {
        let generation = Generation::begin(&lasting, next).await?;
        lasting.systemd.ready();
        tracing::info!("running");
        let reloaded = wait_for_change(&lasting, &mut signals, &load, &url).await;
        if reloaded.is_none() {
            lasting.systemd.stopping();
        }
        let finished = generation.end(&mut signals).await;
        match reloaded {
            Some(loaded) if finished => next = loaded,
            Some(_) => return Ok(End::Hurried),
            None => return Ok(if finished { End::Stopped } else { End::Hurried }),
        }
    }
}

/// Takes up what a daemon that ended left: it was the only one, so all of it is ours.
async fn take_up(lasting: &Lasting) -> Result<(), DaemonError> {
    let now = lasting.clock.now();
    let repeat_at = now.checked_add(retry::UNKNOWN_WAIT).unwrap_or(now);
    let mut tx = lasting.store.begin().await?;
    crate::store::leases::clear(tx.db()).await?;
    crate::store::outbox::recover(tx.db(), now, repeat_at).await?;
    tx.commit().await?;
    Ok(())
}

/// Waits for a signal. `None` is to stop; settings are those of a reload that holds together.
async fn wait_for_change(
    lasting: &Lasting,
    signals: &mut Signals,
    load: &impl Fn() -> Result<Loaded, String>,
    url: &str,
) -> Option<Loaded> {
    loop {
        match signals.next().await {
            Asked::Stop => return None,
            Asked::Reload => {}
        }
        lasting.systemd.reloading();
        let loaded = load().and_then(|loaded| {
            let same = loaded.settings.service.store == url;
            if same { Ok(loaded) } else { Err("`store` has changed; restart the daemon for that".to_owned()) }
        });
        let now = lasting.clock.now();
        match loaded {
            Ok(loaded) => {
                lasting.health.ok("settings", now);
                tracing::info!("settings and rules reloaded");
                return Some(loaded);
            }
            Err(complaints) => {
                lasting.health.wrong("settings", now, "the new settings were refused, the old ones stay");
                tracing::error!("the new settings are refused, the old ones stay:\n{complaints}");
                lasting.systemd.ready();
            }
        }
    }
}

/// The tasks that run under one set of settings.
struct Generation {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Generation {
    async fn begin(lasting: &Lasting, loaded: Loaded) -> Result<Self, DaemonError> {
        let Loaded { settings, judge, templates } = loaded;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let work = Holder { lease: WORK.to_owned(), owner: lasting.owner.clone() };
        let pipeline =
            Pipeline::under(lasting.store.clone(), settings.clone(), judge, templates, (work, Clock::elapsed))
                .with_chance(chance::bytes);
        if let Some(address) = settings.service.metrics {
            let page = metrics::bind(address).await?;
            let (numbers, health, clock) = (lasting.metrics.clone(), lasting.health.clone(), lasting.clock);
            let stop = stop.clone();
            tasks.spawn(async move {
                if let Err(error) = page.serve(numbers, health, move || clock.now(), stop).await {
                    tracing::error!("the page of metrics ended: {error}");
                }
            });
        }
        let shared = Arc::new(Shared {
            pipeline,
            settings,
            clock: lasting.clock,
            owner: lasting.owner.clone(),
            stop: stop.clone(),
            kept: Notify::new(),
            owed: Notify::new(),
            metrics: lasting.metrics.clone(),
            health: lasting.health.clone(),
            systemd: lasting.systemd.clone(),
            alone: lasting.alone,
            mailboxes: AtomicU32::new(0),
        });
        for (place, mailbox) in (0..).zip(shared.settings.mailboxes.clone()) {
            tasks.spawn(mailbox::watch(Arc::clone(&shared), mailbox, place));
        }
        for _ in 0..COURIERS {
            tasks.spawn(deliver::run(Arc::clone(&shared)));
        }
        tasks.spawn(work::run(Arc::clone(&shared)));
        tasks.spawn(vigil::run(Arc::clone(&shared)));
        tasks.close();
        Ok(Self { stop, tasks })
    }

    /// Lets what is in hand come to its end. False where it took too long, or a second signal came.
    async fn end(self, signals: &mut Signals) -> bool {
        self.stop.cancel();
        tokio::select! {
            finished = tokio::time::timeout(GRACE, self.tasks.wait()) => finished.is_ok(),
            () = signals.stop() => false,
        }
    }
}
