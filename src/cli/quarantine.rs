//! `barometer quarantine`: mail that failed three times, visible and retryable.

use anyhow::Result;
use barometer::intake;
use barometer::pipeline::Pipeline;
use barometer::store::raw::{self, Quarantined};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::{Common, Outcome, open, print};

/// List mail that could not be read, or try it again.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  barometer quarantine\n  barometer quarantine retry        # after an upgrade"
)]
pub struct Quarantine {
    #[command(subcommand)]
    command: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Try quarantined mail again: the numbers listed, or all.
    Retry {
        /// Numbers as listed.
        #[arg(value_name = "NUMBER")]
        numbers: Vec<i64>,
    },
}

impl Quarantine {
    pub fn run(self, common: &Common, now: Timestamp) -> Result<Outcome> {
        let settings = open::settings(common)?;
        open::block_on(async {
            let pipeline = open::pipeline(settings).await?;
            match self.command {
                Some(What::Retry { numbers }) => retry(&pipeline, &numbers, common.json, now).await,
                None => list(&pipeline, common.json).await,
            }
        })
    }
}

async fn list(pipeline: &Pipeline, json: bool) -> Result<Outcome> {
    let mut db = pipeline.store().read().await?;
    let rows = raw::quarantined(&mut db).await?;
    let mut table = vec![["number", "from", "subject", "why", "where"].map(String::from).to_vec()];
    for row in &rows {
        let Quarantined { copy, source, bytes_head, error, .. } = row;
        let head = intake::headline(bytes_head);
        if json {
            print::json(
                &serde_json::json!({ "number": copy, "path": source, "from": head.from, "subject": head.subject,
                "date": head.date, "error": error, "attempts": row.attempts }),
            );
        }
        table.push(vec![copy.to_string(), head.from.clone(), head.subject.clone(), error.clone(), source.clone()]);
    }
    if !json {
        if rows.is_empty() {
            print::text("nothing in quarantine");
        } else {
            print::table(&table);
        }
    }
    Ok(if rows.is_empty() { Outcome::Done } else { Outcome::FoundWrong })
}

async fn retry(pipeline: &Pipeline, numbers: &[i64], json: bool, now: Timestamp) -> Result<Outcome> {
    let mut tx = pipeline.store().begin().await?;
    let mut tried = 0;
    if numbers.is_empty() {
        tried = raw::retry_all(tx.db(), now).await?;
    }
    for number in numbers {
        tried += raw::retry(tx.db(), *number, now).await?;
    }
    tx.commit().await?;
    while pipeline.work(now).await?.handled > 0 {}
    let mut db = pipeline.store().read().await?;
    let left = raw::counts(&mut db).await?.quarantined;
    if json {
        print::json(&serde_json::json!({ "tried": tried, "quarantined": left }));
    } else {
        print::text(&format!("{tried} tried again, {left} still in quarantine"));
    }
    Ok(if left > 0 { Outcome::FoundWrong } else { Outcome::Done })
}
