//! `barometer incidents`: what managers must know of.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use barometer::config::Settings;
use barometer::pipeline::{Happened, history};
use barometer::store::{Store, incidents};
use clap::Args;
use jiff::Timestamp;

use super::{Common, Outcome, open, print};

/// List incidents, the open ones unless asked for all; or tell everything that one of them did.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  barometer incidents --all\n  barometer incidents --html incidents.html\n  barometer incidents acme/cancellation-1   # its messages, what was told to whom, what was answered"
)]
pub struct Incidents {
    /// Tell everything that this one did.
    #[arg(value_name = "NAME", conflicts_with_all = ["all", "account"])]
    name: Option<String>,
    /// Closed ones too.
    #[arg(long)]
    all: bool,
    /// Of this account alone.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Write the page instead of printing text.
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    html: Option<PathBuf>,
}

impl Incidents {
    pub fn run(self, common: &Common, now: Timestamp) -> Result<Outcome> {
        let settings = open::settings(common)?;
        if let Some(name) = &self.name {
            return one(common, &settings, name);
        }
        let (rows, lines, rendered) = open::block_on(async {
            let pipeline = open::pipeline(settings).await?.in_columns(print::columns());
            let mut db = pipeline.store().read().await?;
            let mut rows = incidents::all(&mut db, !self.all).await?;
            rows.retain(|row| self.account.as_ref().is_none_or(|account| *account == row.account));
            let lines = pipeline.incident_lines(&mut db, rows.clone()).await?;
            let rendered = pipeline.render_incidents(&lines, now)?;
            Ok((rows, lines, rendered))
        })?;
        if let Some(path) = &self.html {
            std::fs::write(path, &rendered.html)
                .with_context(|| format!("cannot write {}; is its folder there and writable?", path.display()))?;
        } else if common.json {
            for row in &rows {
                let line = lines.iter().find(|line| line.name == row.id);
                let at = |us: i64| Timestamp::from_microsecond(us).ok();
                print::json(
                    &serde_json::json!({ "incident": row.id, "account": row.account, "topic": row.topic, "severity": row.severity,
                    "state": row.state, "opened_at": at(row.opened_us), "changed_at": at(row.changed_us), "closed_at": row.closed_us.and_then(at),
                    "headline": line.map(|line| &line.headline), "stands": line.map(|line| &line.state), "told_at": line.and_then(|line| line.told_at) }),
                );
            }
        } else {
            print::page(&rendered.text);
        }
        Ok(Outcome::Done)
    }
}

/// Everything that one incident did, in the order in which it happened.
fn one(common: &Common, settings: &Settings, name: &str) -> Result<Outcome> {
    let happened = open::block_on(async {
        let store = Store::open(&settings.service.store).await?;
        let mut db = store.read().await?;
        Ok(history(&mut db, name).await?)
    })?;
    let Some(happened) = happened else {
        bail!("there is no incident {name:?}; `barometer incidents --all` lists them");
    };
    let mut table = vec![["when (UTC)", "what", "who", "more"].map(String::from).to_vec()];
    for Happened { at, what, who, more } in &happened {
        if common.json {
            print::json(&serde_json::json!({ "incident": name, "at": at, "what": what, "who": who, "more": more }));
        }
        table.push(vec![at.strftime("%Y-%m-%d %H:%M").to_string(), what.clone(), who.join(", "), more.clone()]);
    }
    if !common.json {
        print::table(&table);
    }
    Ok(Outcome::Done)
}
