//! Command line, logging, exit code, and the clock of one command.

mod cli;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use barometer::config::Complaints;
use clap::Parser as _;
use tracing_subscriber::EnvFilter;

/// Libraries that would write secrets and mail into the log, whatever detail is asked for.
const DISCREET: [&str; 2] = ["async_imap=warn", "lettre=warn"];

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    let filter = DISCREET.iter().filter_map(|rule| rule.parse().ok()).fold(wanted, EnvFilter::add_directive);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    #[expect(clippy::disallowed_methods, reason = "the one place where a command reads the clock")]
    let clock = jiff::Timestamp::now();
    match cli.run(clock) {
        Ok(cli::Outcome::Done) => ExitCode::SUCCESS,
        Ok(cli::Outcome::FoundWrong) => ExitCode::from(1),
        Err(error) => {
            complain(&error);
            let usage = error.is::<Complaints>() || error.is::<cli::Usage>();
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

/// Says what went wrong, cause by cause.
#[expect(clippy::print_stderr, reason = "this is where errors reach people")]
fn complain(error: &anyhow::Error) {
    eprintln!("barometer: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
}
