//! `barometer threads`: which messages belong together, and what says so.

use anyhow::Result;
use barometer::pipeline;
use barometer::store::{Store, threads};
use clap::Args;
use jiff::Timestamp;

use super::{Common, Outcome, open, print};

/// List threads and what tied their messages together.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  barometer threads --account acme --json")]
pub struct Threads {
    /// Of this account alone.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Find all threads anew, from everything that is stored; nothing else changes.
    #[arg(long)]
    rebuild: bool,
}

impl Threads {
    pub fn run(self, common: &Common, now: Timestamp) -> Result<Outcome> {
        if self.rebuild { self.rebuild(common, now) } else { self.list(common) }
    }

    fn rebuild(&self, common: &Common, now: Timestamp) -> Result<Outcome> {
        let settings = open::settings(common)?;
        let done = open::block_on(async {
            let store = Store::open(&settings.service.store).await?;
            Ok(pipeline::rethread(&store, self.account.as_deref(), now).await?)
        })?;
        if let (0, Some(account)) = (done.messages, &self.account) {
            return Err(open::Usage(format!(
                "the store has no message of an account {account}; `barometer accounts` names those it knows"
            ))
            .into());
        }
        if common.json {
            print::json(
                &serde_json::json!({ "messages": done.messages, "threads": done.threads, "changed": done.changed }),
            );
        } else {
            print::text(&format!("{} messages in {} threads; {} changed", done.messages, done.threads, done.changed));
        }
        Ok(Outcome::Done)
    }

    fn list(&self, common: &Common) -> Result<Outcome> {
        let settings = open::settings(common)?;
        let rows = open::block_on(async {
            let store = Store::open(&settings.service.store).await?;
            let mut db = store.read().await?;
            Ok(threads::threads(&mut db, self.account.as_deref()).await?)
        })?;
        let mut table = vec![["thread", "account", "messages", "joined by"].map(String::from).to_vec()];
        for row in &rows {
            if common.json {
                let joined: Vec<_> = row
                    .joined
                    .iter()
                    .map(|j| serde_json::json!({ "message_id": j.message_id, "to": j.to, "by": j.by }))
                    .collect();
                print::json(
                    &serde_json::json!({ "thread": row.thread, "account": row.account, "messages": row.messages, "joined": joined }),
                );
            }
            let mut by: Vec<&str> = row.joined.iter().map(|j| j.by.as_str()).collect();
            by.sort_unstable();
            by.dedup();
            table.push(vec![
                row.thread.to_string(),
                row.account.clone(),
                row.messages.len().to_string(),
                by.join(", "),
            ]);
        }
        if !common.json {
            print::table(&table);
        }
        Ok(Outcome::Done)
    }
}
