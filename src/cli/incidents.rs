//! `barometer incidents`: what managers must know of.

use anyhow::Result;
use barometer::store::{Store, incidents};
use clap::Args;
use jiff::Timestamp;

use super::{Common, Outcome, open, print};

/// List incidents, the open ones unless asked for all.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  barometer incidents --all")]
pub struct Incidents {
    /// Closed ones too.
    #[arg(long)]
    all: bool,
    /// Of this account alone.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
}

impl Incidents {
    pub fn run(self, common: &Common) -> Result<Outcome> {
        let settings = open::settings(common)?;
        let rows = open::block_on(async {
            let store = Store::open(&settings.service.store).await?;
            let mut db = store.read().await?;
            Ok(incidents::all(&mut db, !self.all).await?)
        })?;
        let mut table = vec![["incident", "severity", "state", "opened", "changed"].map(String::from).to_vec()];
        let day =
            |us: i64| Timestamp::from_microsecond(us).map_or(String::new(), |at| at.strftime("%Y-%m-%d").to_string());
        for row in rows.iter().filter(|r| self.account.as_ref().is_none_or(|a| *a == r.account)) {
            if common.json {
                let at = |us: i64| Timestamp::from_microsecond(us).ok();
                print::json(
                    &serde_json::json!({ "incident": row.id, "account": row.account, "topic": row.topic, "severity": row.severity,
                    "state": row.state, "opened_at": at(row.opened_us), "changed_at": at(row.changed_us), "closed_at": row.closed_us.and_then(at) }),
                );
            }
            table.push(vec![
                row.id.clone(),
                row.severity.clone(),
                row.state.clone(),
                day(row.opened_us),
                day(row.changed_us),
            ]);
        }
        if !common.json {
            print::table(&table);
        }
        Ok(Outcome::Done)
    }
}
