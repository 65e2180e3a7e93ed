//! `barometer score`: the rules against labelled messages.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use barometer::calendar::Calendar;
use barometer::judge::score::{self, Labelled, Predicted, Row};
use clap::Args;

use super::{Common, Outcome, open, print};

/// Measure the rules against labelled messages and print figures with intervals and the worst misses.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  barometer score labels.jsonl\nA `strata.json` beside the file, if there is one, adds figures by stratum."
)]
pub struct Score {
    /// Labelled messages, one JSON object a line.
    #[arg(value_name = "LABELS")]
    labels: PathBuf,
}

impl Score {
    pub fn run(self, common: &Common) -> Result<Outcome> {
        let settings = open::settings_or_none(common)?;
        let judge = open::judge_with(settings.as_ref())?;
        let calendar = settings.map_or_else(Calendar::office, |s| s.default_calendar().clone());
        let strata = strata(&self.labels.with_file_name("strata.json"))?;
        let rows = labelled(&self.labels)?.into_iter().map(|message| {
            let predicted = Predicted::from(&judge.judge(&message.letter(&calendar)));
            let stratum = strata.get(&message.id).cloned().unwrap_or_default();
            Row { id: message.id, stratum, truth: message.labels, predicted }
        });
        let report = score::measure(&rows.collect::<Vec<_>>());
        if common.json {
            print::json(&report);
        } else {
            print::text(&report.to_string());
        }
        Ok(Outcome::Done)
    }
}

fn labelled(path: &Path) -> Result<Vec<Labelled>> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        open::Usage(format!("{name}: cannot read the labels ({error}); name a JSONL file of labelled messages"))
    })?;
    let mut found = Vec::new();
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let message = serde_json::from_str(line)
            .map_err(|error| open::Usage(format!("{name}:{}: no labelled message ({error}); mend the line", n + 1)))?;
        found.push(message);
    }
    Ok(found)
}

/// Message id to stratum; empty where there is no such file.
fn strata(path: &Path) -> Result<BTreeMap<String, String>> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let wrong = |error| {
        open::Usage(format!("{}: no table of strata ({error}); write one JSON object, id to stratum", path.display()))
    };
    Ok(serde_json::from_str(&text).map_err(wrong)?)
}
