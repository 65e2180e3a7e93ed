//! `barometer digest`: a manager's digest, whenever one wants it.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use barometer::notify::DigestSpan;
use clap::Args;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::{Common, Outcome, open, print};

/// Print a manager's digest: what changed, what is open, what went well.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  barometer digest --for dana@northlight.example\n  barometer digest --for dana@northlight.example --date 2026-03-16 --weekly --html digest.html"
)]
pub struct DigestCommand {
    /// Address of the manager.
    #[arg(long = "for", value_name = "PERSON")]
    person: String,
    /// The manager's local day; today if not said. The digest covers the time up to that day's hour.
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
    /// Cover a week, and everything open.
    #[arg(long)]
    weekly: bool,
    /// Write the page instead of printing text.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl DigestCommand {
    pub fn run(self, common: &Common, now: Timestamp) -> Result<Outcome> {
        let settings = open::settings(common)?;
        let person = self.person.to_lowercase();
        let Some(member) = settings.member(&person).cloned() else {
            let known: Vec<&str> = settings.members.iter().map(|m| m.address.as_str()).collect();
            return Err(open::Usage(format!("{person} is no member; the settings know {}", known.join(", "))).into());
        };
        let (date, until) = match self.date {
            Some(date) => (date, barometer::calendar::local_instant(&member.time_zone, date, member.digest_at)),
            None => (now.to_zoned(member.time_zone.clone()).date(), now),
        };
        let days = if self.weekly { 7 } else { 1 };
        let since = until.checked_sub((days * 24).hours()).context("that day is before all time")?;
        let span = if self.weekly { DigestSpan::Weekly } else { DigestSpan::Daily };
        let (view, rendered) = open::block_on(async {
            let pipeline = open::pipeline(settings).await?.in_columns(print::columns());
            let mut db = pipeline.store().read().await?;
            let view = pipeline.digest_view(&mut db, &member, (since, until, date), span).await?;
            let rendered = pipeline.render_digest(&view, &member)?;
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
