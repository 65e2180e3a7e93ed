//! `barometer score`: the rules against labelled messages.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use barometer::judge::score as measure;
use clap::Args;

use super::{Common, Outcome, open, print};

/// Measure the rules against labelled messages and print figures with intervals and the worst misses.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  barometer score labels.jsonl\nA `strata.json` beside the file, if there is one, adds figures by stratum.")]
pub struct Score {
    /// Labelled messages, one JSON object a line.
    #[arg(value_name = "LABELS")]
    labels: PathBuf,
}

impl Score {
    pub fn run(self, common: &Common) -> Result<Outcome> {
        let settings = open::settings_or_none(common)?;
        let judge = open::judge_with(settings.as_ref())?;
        let name = self.labels.display().to_string();
        let text = std::fs::read_to_string(&self.labels).with_context(|| format!("cannot read {name}; name a JSONL file of labelled messages"))?;
        let strata = self.labels.with_file_name("strata.json");
        let strata = std::fs::read_to_string(strata).ok();
        let rows = measure::parse(&text, strata.as_deref()).map_err(|e| open::Usage(format!("{name}:{e}")))?;
        let report = measure::measure(&judge, &rows);
        if common.json {
            print::json(&report);
        } else {
            print::text(&report.to_string());
        }
        Ok(Outcome::Done)
    }
}
