//! A courier: takes what is due, hands it to the relay, writes down what came of it.
//!
//! The relay is spoken to before anything is claimed: while it cannot be reached nothing is
//! marked as being sent, and no attempt is counted against a reader.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Shared, chain};
use crate::config;
use crate::edge::folder::Folder;
use crate::edge::smtp::{Outcome, Relay};
use crate::pipeline::PipelineError;
use crate::store::outbox::Notification;

/// The longest sleep.
const NAP: Duration = Duration::from_secs(15);
/// Waits while the relay cannot be used, doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Where e-mails go.
enum Way {
    Relay(Box<Relay>),
    Folder(config::Relay),
    /// The settings name no relay: what is owed waits.
    None,
}

/// Delivers until the daemon stops.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut way = match &shared.settings.relay {
        Some(config::Relay::Smtp(server)) => {
            Way::Relay(Box::new(Relay::new(server.clone(), shared.settings.service.address.clone())))
        }
        Some(folder) => Way::Folder(folder.clone()),
        None => Way::None,
    };
    let mut wait = FIRST_WAIT;
    while !shared.stop.is_cancelled() {
        match deliver(&shared, &mut way).await {
            Ok(true) => wait = FIRST_WAIT,
            Ok(false) => {
                wait = FIRST_WAIT;
                rest(&shared, &mut way).await;
            }
            Err(trouble) => {
                report(&shared, &trouble);
                let spread = wait.mul_f64(0.8 + 0.4 * shared.clock.jitter());
                if shared.pause(spread).await {
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }
    if let Way::Relay(relay) = way {
        relay.close().await;
    }
}

/// What keeps everything from leaving.
enum Trouble {
    Relay(String),
    Store(PipelineError),
}

impl From<PipelineError> for Trouble {
    fn from(error: PipelineError) -> Self {
        Self::Store(error)
    }
}

fn report(shared: &Shared, trouble: &Trouble) {
    let now = shared.clock.now();
    match trouble {
        Trouble::Relay(reason) => {
            shared.health.wrong("relay", now, reason);
            tracing::warn!("the relay cannot be used; what is owed waits: {reason}");
        }
        Trouble::Store(error) => {
            shared.health.wrong("store", now, &chain(error));
            tracing::error!("what is owed cannot be read or settled: {}", chain(error));
        }
    }
}

/// Delivers one e-mail; false where none is due.
async fn deliver(shared: &Shared, way: &mut Way) -> Result<bool, Trouble> {
    let due = shared.pipeline.next_delivery().await?;
    if due.is_none_or(|at| at > shared.clock.now()) {
        return Ok(false);
    }
    match way {
        Way::Relay(relay) => relay.ready().await.map_err(|fault| Trouble::Relay(fault.to_string()))?,
        Way::Folder(_) => {}
        Way::None => return Err(Trouble::Relay("the settings have no [relay]; add one".to_owned())),
    }
    let Some(claimed) = shared.pipeline.claim_delivery(shared.clock.now()).await? else {
        return Ok(false);
    };
    let outcome = match way {
        Way::Relay(relay) => relay.send(&claimed.recipient, &claimed.bytes).await,
        Way::Folder(config::Relay::Folder(path)) => into_folder(path, &claimed),
        Way::Folder(_) | Way::None => Outcome::RelayFault { reason: "there is no relay".to_owned() },
    };
    let now = shared.clock.now();
    shared.pipeline.settle_delivery(&claimed, &outcome, now, shared.clock.jitter()).await?;
    shared.metrics.notification(&claimed.kind, outcome.word());
    match outcome {
        Outcome::RelayFault { reason } => Err(Trouble::Relay(reason)),
        outcome => {
            if matches!(outcome, Outcome::Sent { .. }) {
                shared.health.ok("relay", now);
                tracing::info!(notification = claimed.id, kind = claimed.kind, "sent");
            } else {
                tracing::warn!(notification = claimed.id, kind = claimed.kind, "not sent: {}", outcome.reason());
            }
            Ok(true)
        }
    }
}

fn into_folder(path: &std::path::Path, claimed: &Notification) -> Outcome {
    let name = format!("{:06}-{}.eml", claimed.id, claimed.kind);
    let delivered = Folder::create(path)
        .map_err(|error| error.to_string())
        .and_then(|folder| folder.deliver(&name, &claimed.bytes).map_err(|error| error.to_string()));
    match delivered {
        Ok(_) => Outcome::Sent { reply: name },
        Err(reason) => Outcome::RelayFault { reason },
    }
}

/// Sleeps until something is enqueued or falls due. A connection that nobody uses is closed.
async fn rest(shared: &Shared, way: &mut Way) {
    let next: Option<Timestamp> = shared.pipeline.next_delivery().await.unwrap_or_default();
    tokio::select! {
        () = shared.stop.cancelled() => {}
        () = shared.owed.notified() => {}
        () = shared.clock.wait_until(next, NAP) => {}
    }
    if let Way::Relay(relay) = way {
        relay.rest().await;
    }
}
