//! Keeps watch over the rest: figures, the status line, and a word to people where something stalls.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Shared, chain, mailbox};
use crate::pipeline::PipelineError;

/// How often it looks.
const LOOK: Duration = Duration::from_secs(15);

/// Watches until the daemon stops.
pub(super) async fn run(shared: Arc<Shared>) {
    let begun = shared.clock.now();
    for mailbox in &shared.settings.mailboxes {
        shared.health.expect(&mailbox::part_of(mailbox), shared.clock.now());
    }
    loop {
        if let Err(error) = look(&shared, begun).await {
            shared.health.wrong("store", shared.clock.now(), &chain(&error));
        }
        shared.systemd.status(&shared.health.line(shared.clock.now()));
        if !shared.pause(LOOK).await {
            return;
        }
    }
}

async fn look(shared: &Shared, begun: Timestamp) -> Result<(), PipelineError> {
    let now = shared.clock.now();
    let queues = shared.pipeline.queues(now).await?;
    shared.metrics.copies(queues.copies_waiting, queues.copies_quarantined);
    shared.metrics.outbox(queues.outbox_waiting, queues.outbox_oldest_due);
    let says: Vec<(String, String)> = shared
        .settings
        .mailboxes
        .iter()
        .filter_map(|m| Some((m.name.clone(), shared.health.trouble(&mailbox::part_of(m))?)))
        .collect();
    if shared.pipeline.report_mailboxes(&says, begun, now).await? > 0 {
        shared.owed.notify_waiters();
    }
    Ok(())
}
