//! The command line: one short file per command.
//!
//! Each command returns whether it found something wrong; errors carry what was
//! wrong and what to do about it. With `main.rs` the only place that prints.

mod accounts;
mod brief;
mod check;
mod demo;
mod demo_page;
mod digest;
mod explain;
mod import;
mod incidents;
mod open;
mod print;
mod progress;
mod quarantine;
mod read;
mod replay;
mod rules;
mod run;
mod score;
mod threads;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;

pub use open::Usage;

/// Reads the client and vendor mail that a firm copies to it, and tells managers in time.
#[derive(Debug, Parser)]
#[command(name = "barometer", version, max_term_width = 100)]
#[command(
    after_help = "Start here:\n  barometer demo          see it work, with no set-up\n  barometer read FILE     what it makes of one message"
)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Where the settings are, unless `--config` says otherwise.
const DEFAULT_CONFIG: &str = "/etc/barometer/barometer.toml";

/// What every command may be told.
#[derive(Debug, Args)]
pub struct Common {
    /// Settings file.
    #[arg(long, global = true, value_name = "FILE", env = "BAROMETER_CONFIG", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// Pretend it is this instant (RFC 3339, for example 2026-03-02T09:00:00Z).
    #[arg(long, global = true, value_name = "INSTANT")]
    now: Option<Timestamp>,
    /// Print JSON, one object a line, instead of text.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take the mail of a small fictional firm through the whole pipeline; no set-up needed.
    Demo(demo::Demo),
    /// The daemon: mailboxes in, alerts and digests out, until SIGTERM.
    Run(run::Run),
    /// Try each step: settings, rules, store, mailboxes, relay.
    Check(check::Check),
    /// Take mail from disk into the store as history.
    Import(import::Import),
    /// What would Barometer have told whom, when, on this mail at its own dates?
    Replay(replay::Replay),
    /// Show what the stages make of single messages.
    Read(read::Read),
    /// Measure the rules against labelled messages.
    Score(score::Score),
    /// Check or list the rules.
    Rules(rules::RulesCommand),
    /// Print a manager's digest.
    Digest(digest::DigestCommand),
    /// Print all that one needs to know of an account.
    Brief(brief::BriefCommand),
    /// List accounts, or suggest settings for unknown organisations.
    Accounts(accounts::Accounts),
    /// List incidents.
    Incidents(incidents::Incidents),
    /// List threads and what tied them together.
    Threads(threads::Threads),
    /// List mail that could not be read, or try it again.
    Quarantine(quarantine::Quarantine),
}

/// What a command came to; its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done: 0.
    Done,
    /// Done, and something is wrong with what was looked at: 1.
    FoundWrong,
}

impl Cli {
    /// What is logged unless `RUST_LOG` says otherwise: a daemon tells what it does, a command what is wrong.
    #[must_use]
    pub fn talks(&self) -> &'static str {
        if matches!(self.command, Command::Run(_)) { "info" } else { "warn" }
    }

    /// Runs the command at `clock`, unless `--now` says otherwise.
    ///
    /// # Errors
    ///
    /// Whatever kept the command from its work, with the remedy.
    pub fn run(self, clock: Timestamp) -> Result<Outcome> {
        let now = self.common.now.unwrap_or(clock);
        let common = &self.common;
        match self.command {
            Command::Demo(c) => c.run(common),
            Command::Run(c) => c.run(common, now),
            Command::Check(c) => c.run(common, now),
            Command::Import(c) => c.run(common, now),
            Command::Replay(c) => c.run(common),
            Command::Read(c) => c.run(common),
            Command::Score(c) => c.run(common),
            Command::Rules(c) => c.run(common),
            Command::Digest(c) => c.run(common, now),
            Command::Brief(c) => c.run(common, now),
            Command::Accounts(c) => c.run(common),
            Command::Incidents(c) => c.run(common, now),
            Command::Threads(c) => c.run(common, now),
            Command::Quarantine(c) => c.run(common, now),
        }
    }
}
