//! `barometer accounts`: who we work with, and whom the settings do not know yet.

use anyhow::Result;
use barometer::store::{Store, accounts};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::{Common, Outcome, open, print};

/// List accounts, or suggest settings for unknown organisations.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  barometer accounts\n  barometer accounts suggest >> /etc/barometer/accounts/new.toml"
)]
pub struct Accounts {
    #[command(subcommand)]
    command: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the TOML that adopts each provisional account, the busiest first.
    Suggest,
}

impl Accounts {
    pub fn run(self, common: &Common) -> Result<Outcome> {
        let settings = open::settings(common)?;
        let mut rows = open::block_on(async {
            let store = Store::open(&settings.service.store).await?;
            let mut db = store.read().await?;
            Ok(accounts::accounts(&mut db).await?)
        })?;
        rows.sort_by_key(|r| std::cmp::Reverse(r.messages));
        let known = |id: &str| settings.account(id).is_some();
        if matches!(self.command, Some(What::Suggest)) {
            for row in rows.iter().filter(|r| !known(&r.id)) {
                if common.json {
                    print::json(
                        &serde_json::json!({ "id": row.id, "name": name_of(&row.id), "messages": row.messages }),
                    );
                } else {
                    print::text(&suggestion(&row.id, row.messages));
                }
            }
            return Ok(Outcome::Done);
        }
        let mut table = vec![["account", "messages", "in", "out", "last"].map(String::from).to_vec()];
        for row in &rows {
            if common.json {
                print::json(
                    &serde_json::json!({ "account": row.id, "provisional": !known(&row.id), "messages": row.messages,
                    "inbound": row.inbound, "outbound": row.outbound, "last": row.last_us.and_then(|us| Timestamp::from_microsecond(us).ok()) }),
                );
            }
            let mark = if known(&row.id) { "" } else { " (provisional)" };
            let last = row.last_us.and_then(|us| Timestamp::from_microsecond(us).ok());
            let last = last.map_or_else(String::new, |at| at.strftime("%Y-%m-%d").to_string());
            table.push(vec![
                format!("{}{mark}", row.id),
                row.messages.to_string(),
                row.inbound.to_string(),
                row.outbound.to_string(),
                last,
            ]);
        }
        if !common.json {
            print::table(&table);
        }
        Ok(Outcome::Done)
    }
}

/// A name to begin with: the first label of the domain.
fn name_of(id: &str) -> String {
    let label = id.rsplit('@').next().unwrap_or(id).split('.').next().unwrap_or(id);
    let mut letters = label.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The id stays what the store files its mail under, so that nothing has to be filed again.
fn suggestion(id: &str, messages: i64) -> String {
    let whose = if id.contains('@') { "addresses" } else { "domains" };
    format!(
        "# {messages} messages\n[[account]]\nid = \"{id}\"\nname = \"{}\"\nkind = \"client\" # client | vendor | partner\n{whose} = [\"{id}\"]\n# owner = \"somebody@…\"\n",
        name_of(id)
    )
}
