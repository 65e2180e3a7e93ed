//! The one who reads, judges and tells: one daemon at a time, message by message in order.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Shared, WORK, chain, lease};
use crate::pipeline::PipelineError;

/// The longest sleep: the watchdog wants to hear of a pass that worked.
const NAP: Duration = Duration::from_secs(10);
/// Waits after trouble with the store, doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Works until the daemon stops.
pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.stop.is_cancelled() {
        // Without the lease another daemon works; this one is well all the same.
        shared.systemd.watchdog();
        lease::with(&shared, WORK, |held| work(&shared, held)).await;
    }
}

async fn work(shared: &Shared, held: CancellationToken) {
    let mut wait = FIRST_WAIT;
    while !held.is_cancelled() {
        match step(shared).await {
            Ok(more) => {
                wait = FIRST_WAIT;
                shared.health.ok("store", shared.clock.now());
                shared.systemd.watchdog();
                shared.metrics.pass(true);
                if !more {
                    rest(shared, &held).await;
                }
            }
            Err(error) => {
                shared.metrics.pass(false);
                shared.health.wrong("store", shared.clock.now(), &chain(&error));
                tracing::error!("a pass failed, and is tried again: {}", chain(&error));
                if matches!(error, PipelineError::LeaseLost) {
                    held.cancel();
                } else if shared.pause(wait).await {
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }
}

/// One batch of messages, and what time alone brings. Whether there is more to do at once.
async fn step(shared: &Shared) -> Result<bool, PipelineError> {
    let pass = shared.pipeline.work(shared.clock.now()).await?;
    for (outcome, count) in &pass.outcomes {
        shared.metrics.messages(outcome, *count);
    }
    for times in &pass.times {
        shared.metrics.understood(times.rules, times.whole);
    }
    let now = shared.clock.now();
    let due = shared.pipeline.next_tick(now).await?.is_some_and(|at| at <= now);
    let events = if due { shared.pipeline.tick(now).await? } else { Vec::new() };
    if pass.events.iter().chain(&events).any(|event| event.notification.is_some()) {
        shared.owed.notify_waiters();
    }
    Ok(pass.handled > 0)
}

/// Sleeps until bytes are kept, or until time has something to say.
async fn rest(shared: &Shared, held: &CancellationToken) {
    let next: Option<Timestamp> = shared.pipeline.next_tick(shared.clock.now()).await.unwrap_or_default();
    tokio::select! {
        () = held.cancelled() => {}
        () = shared.kept.notified() => {}
        () = shared.clock.wait_until(next, NAP) => {}
    }
}
