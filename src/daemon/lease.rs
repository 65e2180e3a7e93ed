//! What is done under a lease: it is renewed beside the work, and the work is told when it is lost.

use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::{Shared, chain};

/// How long a lease holds. It is renewed by a task of its own, and everything written under it
/// is fenced, so the length only says how soon another daemon steps in.
const HOLDS: SignedDuration = SignedDuration::from_secs(30);
/// How often it is renewed, and how often others ask for it.
const RENEWED: Duration = Duration::from_secs(8);

/// Waits until the lease `name` is ours, then does `work` for as long as it stays so. `work` is
/// given a token that is cancelled when the lease is lost or the daemon stops.
/// Returns `None` where the daemon stops before the lease is ours.
pub(super) async fn with<T, F>(shared: &Shared, name: &str, work: impl FnOnce(CancellationToken) -> F) -> Option<T>
where
    F: Future<Output = T>,
{
    while !renew(shared, name).await {
        if !shared.pause(RENEWED).await {
            return None;
        }
    }
    let held = shared.stop.child_token();
    let keeping = async {
        while shared.pause(RENEWED).await {
            if !renew(shared, name).await {
                tracing::warn!(lease = name, "another daemon has taken over, or the store cannot be reached");
                held.cancel();
                return;
            }
        }
        std::future::pending::<()>().await;
    };
    let working = work(held.clone());
    tokio::pin!(working);
    tokio::select! {
        done = &mut working => Some(done),
        () = keeping => Some(working.await),
    }
}

async fn renew(shared: &Shared, name: &str) -> bool {
    let now = shared.clock.now();
    let until = now.checked_add(HOLDS).unwrap_or(now);
    match shared.pipeline.lease(&shared.holder(name), now, until).await {
        Ok(ours) => ours,
        Err(error) => {
            tracing::warn!(lease = name, "the lease cannot be renewed: {}", chain(&error));
            false
        }
    }
}
