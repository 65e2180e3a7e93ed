//! `barometer run`: the daemon.

use anyhow::{Context as _, Result, anyhow};
use barometer::daemon::{self, Clock, End, Loaded};
use clap::Args;
use jiff::Timestamp;

use super::{Common, Outcome, open, print};

/// The daemon: mailboxes in, alerts and digests out, until SIGTERM.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  barometer run --config /etc/barometer/barometer.toml\n\
    Try `barometer check` first. SIGTERM ends it within 10 seconds, a second one at once;\n\
    SIGHUP reloads settings and rules, all or nothing.")]
pub struct Run {}

/// The most memory a thread's stack takes; the MIME parser has threads of its own.
const STACK_BYTES: usize = 8 * 1024 * 1024;

impl Run {
    pub fn run(self, common: &Common, now: Timestamp) -> Result<Outcome> {
        let Self {} = self;
        // First of all: the clock goes on from here.
        let clock = Clock::showing(now);
        let first = load(common)?;
        if first.settings.mailboxes.is_empty() {
            return Err(open::Usage(
                "the settings have no [[mailbox]], so there is nothing to read; add one (see the README)".to_owned(),
            )
            .into());
        }
        let owner = format!("{}-{}", std::process::id(), now.as_microsecond());
        let again = || load(common).map_err(|error| complaints(&error));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let end = runtime.block_on(daemon::run(first, again, clock, owner));
        // Nothing that is left is waited for: whatever was in hand is taken up at the next start.
        runtime.shutdown_background();
        match end.map_err(|error| anyhow!(error))? {
            End::Stopped => Ok(Outcome::Done),
            End::Hurried => {
                print::note("ended before everything in hand was finished; it is taken up at the next start");
                Ok(Outcome::FoundWrong)
            }
        }
    }
}

fn load(common: &Common) -> Result<Loaded> {
    let settings = open::settings(common)?;
    let judge = open::judge_for(&settings)?;
    let templates = open::templates(&settings)?;
    Ok(Loaded { settings, judge, templates })
}

fn complaints(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
