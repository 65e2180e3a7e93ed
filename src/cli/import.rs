//! `barometer import`: mail from disk into the store, as history.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use barometer::edge::files::{self, Complaint, Item};
use barometer::pipeline::Pipeline;
use barometer::store::raw::NewCopy;
use clap::Args;
use jiff::Timestamp;

use super::progress::Progress;
use super::{Common, Outcome, open, print};

/// Messages and bytes that are committed together before anything looks at them.
const BATCH: usize = 500;
const BATCH_BYTES: u64 = 32 * 1024 * 1024;

/// Take mail from disk into the store as history: recorded and judged, never mailed as news.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  barometer import ~/Maildir ~/old-mail.mbox\nMay be run again: what is known is not taken twice."
)]
pub struct Import {
    /// Mail: Maildir folders, mbox files, `.eml` files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// What became of the mail.
#[derive(Default)]
struct Tally {
    taken: u64,
    known: u64,
    failed: u64,
}

impl Import {
    pub fn run(self, common: &Common, now: Timestamp) -> Result<Outcome> {
        let settings = open::settings(common)?;
        let looking = Progress::new("looking", 0);
        let listing = files::list(&self.paths, &mut |n| looking.step(n))?;
        looking.finish();
        let (tally, counts) = open::block_on(async {
            let pipeline = open::pipeline(settings).await?;
            let tally = take(&pipeline, &listing.items, now).await?;
            pipeline.settle(now).await?;
            let mut db = pipeline.store().read().await?;
            Ok((tally, barometer::store::raw::counts(&mut db).await?))
        })?;
        for complaint in &listing.complaints {
            print::error(complaint);
        }
        if common.json {
            print::json(
                &serde_json::json!({ "taken": tally.taken, "known": tally.known, "unreadable_files": tally.failed,
                "quarantined": counts.quarantined, "waiting": counts.waiting }),
            );
        } else {
            print::text(&format!("{} messages taken, {} known already", tally.taken, tally.known));
        }
        if counts.quarantined > 0 && !common.json {
            print::text(&format!("{} wait in quarantine: barometer quarantine", counts.quarantined));
        }
        let wrong = tally.failed > 0 || listing.complaints.iter().any(Complaint::is_fault);
        Ok(if wrong { Outcome::FoundWrong } else { Outcome::Done })
    }
}

async fn take(pipeline: &Pipeline, items: &[Item], now: Timestamp) -> Result<Tally> {
    let progress = Progress::new("importing", items.len() as u64);
    let mut tally = Tally::default();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for item in items {
        match files::fetch(item) {
            Ok(raw) => {
                bytes += raw.bytes.len() as u64;
                batch.push(NewCopy {
                    source: item.path.clone(),
                    whole_bytes: i64::try_from(raw.whole_bytes).context("a message larger than any disk")?,
                    bytes: raw.bytes,
                    arrived_us: item.arrived_at.map(Timestamp::as_microsecond),
                    history: true,
                });
            }
            Err(error) => {
                print::error(&error);
                tally.failed += 1;
            }
        }
        if batch.len() >= BATCH || bytes >= BATCH_BYTES {
            flush(pipeline, &mut batch, &mut tally, now).await?;
            bytes = 0;
        }
        progress.step(1);
    }
    flush(pipeline, &mut batch, &mut tally, now).await?;
    progress.finish();
    Ok(tally)
}

/// Commits the bytes, then works until nothing waits.
async fn flush(pipeline: &Pipeline, batch: &mut Vec<NewCopy>, tally: &mut Tally, now: Timestamp) -> Result<()> {
    let kept = pipeline.take(&std::mem::take(batch), now).await?;
    let known = kept.iter().filter(|k| k.known).count() as u64;
    tally.known += known;
    tally.taken += kept.len() as u64 - known;
    while pipeline.work(now).await?.handled > 0 {}
    Ok(())
}
