//! `barometer rules`: check rule files with their own examples; list them.

use std::path::PathBuf;

use anyhow::Result;
use barometer::judge::Rules;
use barometer::pipeline::Correction;
use clap::{Args, Subcommand};

use super::{Common, Outcome, open, print};

/// Check or list the rules.
#[derive(Debug, Args)]
pub struct RulesCommand {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check rule files: their grammar, and that every example holds.
    #[command(
        after_help = "Example:\n  barometer rules check                 the shipped rules, and those of the settings\n  barometer rules check my-rules.toml   these beside the shipped ones"
    )]
    Check {
        /// Rule files or folders of them, beside the shipped ones.
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// List the rules, with how often each fired on stored mail.
    #[command(after_help = "Example:\n  barometer rules list")]
    List,
}

impl RulesCommand {
    pub fn run(self, common: &Common) -> Result<Outcome> {
        match self.command {
            What::Check { paths } => check(common, paths),
            What::List => list(common),
        }
    }
}

fn check(common: &Common, mut paths: Vec<PathBuf>) -> Result<Outcome> {
    if let Some(settings) = open::settings_or_none(common)? {
        paths.splice(0..0, settings.service.rules);
    }
    let rules = open::rules(&paths)?;
    let warnings = rules.warnings();
    for warning in warnings {
        print::error(warning);
    }
    let listed: Vec<_> = rules.list().collect();
    let examples: usize = listed.iter().map(|r| r.examples).sum();
    if common.json {
        print::json(&serde_json::json!({ "rules": listed.len(), "examples": examples, "warnings": warnings.len() }));
    } else {
        print::text(&format!(
            "{} rules hold with their {examples} examples; {} warnings",
            listed.len(),
            warnings.len()
        ));
    }
    Ok(Outcome::Done)
}

fn list(common: &Common) -> Result<Outcome> {
    let settings = open::settings_or_none(common)?;
    let rules: Rules = open::rules(&settings.as_ref().map(|s| s.service.rules.clone()).unwrap_or_default())?;
    let (hits, judged, corrections) = match &settings {
        Some(settings) => open::block_on(async {
            let store = barometer::store::Store::open(&settings.service.store).await?;
            let mut db = store.read().await?;
            let hits = barometer::store::verdicts::hit_counts(&mut db).await?;
            let corrections = barometer::pipeline::corrections(&mut db).await?;
            Ok((hits, barometer::store::verdicts::judged(&mut db).await?, corrections))
        })?,
        None => (Vec::new(), 0, Vec::new()),
    };
    let mut rows =
        vec![["rule", "signal", "status", "hits", "rate", "file", "what it sees"].map(String::from).to_vec()];
    for rule in rules.list() {
        let count = hits.iter().find(|(id, _)| *id == rule.id).map_or(0, |(_, n)| *n);
        if common.json {
            print::json(
                &serde_json::json!({ "rule": rule.id, "signal": rule.signal, "status": rule.status, "hits": count,
                "judged": judged, "file": rule.file, "describe": rule.describe }),
            );
        }
        rows.push(vec![
            rule.id.to_owned(),
            rule.signal.unwrap_or_default().to_owned(),
            serde_json::to_value(rule.status)?.as_str().unwrap_or_default().to_owned(),
            count.to_string(),
            rate(count, judged),
            rule.file.to_owned(),
            rule.describe.to_owned(),
        ]);
    }
    if !common.json {
        print::table(&rows);
    }
    list_corrections(common, &corrections);
    Ok(Outcome::Done)
}

/// What managers corrected by answering `wrong`.
fn list_corrections(common: &Common, corrections: &[Correction]) {
    let mut rows = vec![["corrected rule", "account", "points left"].map(String::from).to_vec()];
    for Correction { account, rule, left } in corrections {
        if common.json {
            print::json(&serde_json::json!({ "corrected": rule, "account": account, "points_left": left }));
        }
        rows.push(vec![rule.clone(), account.clone(), format!("{left} %")]);
    }
    if !common.json && !corrections.is_empty() {
        print::text("");
        print::table(&rows);
    }
}

/// Hits a hundred messages.
fn rate(hits: i64, judged: i64) -> String {
    if judged == 0 { String::new() } else { format!("{}.{} %", hits * 100 / judged, hits * 1000 / judged % 10) }
}
