//! `barometer brief`: an account in one look, before one speaks with it.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use barometer::store::accounts;
use clap::Args;
use jiff::Timestamp;

use super::{Common, Outcome, open, print};

/// Print all that one needs to know of an account: who is who, how it went, what is open, what to read.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  barometer brief acme\n  barometer brief acme --html acme.html\n  barometer brief acme --json --now 2026-03-05T09:00:00Z"
)]
pub struct BriefCommand {
    /// Id of the account, as `barometer accounts` lists it.
    account: String,
    /// Write the page instead of printing text.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl BriefCommand {
    pub fn run(self, common: &Common, now: Timestamp) -> Result<Outcome> {
        let settings = open::settings(common)?;
        let id = self.account.to_lowercase();
        let (view, rendered) = open::block_on(async {
            let account = settings.account(&id).cloned().unwrap_or_else(|| settings.provisional(&id));
            let known = settings.account(&id).is_some();
            let pipeline = open::pipeline(settings).await?.in_columns(print::columns());
            let mut db = pipeline.store().read().await?;
            let rows = accounts::accounts(&mut db).await?;
            if !known && !rows.iter().any(|row| row.id == id) {
                let ids: Vec<String> = rows.into_iter().map(|row| row.id).take(20).collect();
                let there = if ids.is_empty() { "no account has mail yet".to_owned() } else { ids.join(", ") };
                return Err(open::Usage(format!("{id} is no account; there are: {there}")).into());
            }
            let view = pipeline.brief_view(&mut db, &account, now).await?;
            let rendered = pipeline.render_brief(&view)?;
            Ok((view, rendered))
        })?;
        if let Some(path) = &self.html {
            std::fs::write(path, &rendered.html)
                .with_context(|| format!("cannot write {}; is its folder there and writable?", path.display()))?;
        } else if common.json {
            print::json(&view);
        } else {
            print::page(&rendered.text);
        }
        Ok(Outcome::Done)
    }
}
