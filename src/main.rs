//! Command line, logging, exit code, and the clock of one command.

mod cli;

use std::io::IsTerminal as _;
use std::os::linux::fs::MetadataExt as _;
use std::process::ExitCode;

use barometer::config::Complaints;
use clap::Parser as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Libraries that would write secrets and mail into the log, whatever detail is asked for.
const DISCREET: [&str; 2] = ["async_imap=warn", "lettre=warn"];

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    log(cli.talks());
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

/// Logs into the journal where standard error ends there anyway, else to standard error.
fn log(default: &str) {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| default.into());
    let filter = DISCREET.iter().filter_map(|rule| rule.parse().ok()).fold(wanted, EnvFilter::add_directive);
    let logs = tracing_subscriber::registry().with(filter);
    match in_journal().then(tracing_journald::layer) {
        Some(Ok(journal)) => logs.with(journal.with_field_prefix(Some("BAROMETER".to_owned()))).init(),
        Some(Err(_)) | None => logs
            .with(
                tracing_subscriber::fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_ansi(std::io::stderr().is_terminal()),
            )
            .init(),
    }
}

/// Whether the journal reads standard error: systemd names the socket that it gave us, and
/// whoever started us from there may have put another in its place (systemd.exec(5), `JOURNAL_STREAM`).
fn in_journal() -> bool {
    let named = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    std::fs::metadata("/proc/self/fd/2").is_ok_and(|ours| named == format!("{}:{}", ours.st_dev(), ours.st_ino()))
}

/// Says what went wrong, cause by cause.
#[expect(clippy::print_stderr, reason = "this is where errors reach people")]
fn complain(error: &anyhow::Error) {
    eprintln!("barometer: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
}
