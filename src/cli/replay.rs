//! `barometer replay`: the back-test.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use barometer::config::Settings;
use barometer::edge::files::{self, Complaint, Listing};
use barometer::edge::folder::Folder;
use barometer::judge::Judge;
use barometer::pipeline::{Event, Incoming, Story, World};
use clap::Args;
use jiff::Timestamp;

use super::progress::Progress;
use super::{Common, Outcome, open, print};

/// What would Barometer have told whom, when, on this mail at its own dates?
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  barometer replay ~/Maildir --out /tmp/replay\n  barometer replay last-year.mbox --out /tmp/new --rules my-rules   # what my-rules add and lose"
)]
pub struct Replay {
    /// Mail: Maildir folders, mbox files, `.eml` files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Folder for `events.jsonl` and `mail/`; made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Another rule set to try beside the settings' own; prints the alerts it adds and loses.
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

impl Replay {
    pub fn run(self, common: &Common) -> Result<Outcome> {
        let settings = open::settings(common)?;
        let listing = files::list(&self.paths, &mut |_| {})?;
        let usual = story(&settings, open::judge_for(&settings)?, &listing, &self.out)?;
        let faulty = listing.complaints.iter().any(Complaint::is_fault);
        let mut outcome = if faulty { Outcome::FoundWrong } else { Outcome::Done };
        for complaint in &listing.complaints {
            print::error(complaint);
        }
        if let Some(folder) = &self.rules {
            let mut folders = settings.service.rules.clone();
            folders.push(folder.clone());
            let judge = Judge::new(open::rules(&folders)?);
            let tried = story(&settings, judge, &listing, &self.out.join("rules"))?;
            compare(&usual, &tried, common.json);
        } else {
            summary(&usual, &listing, &self.out, common.json);
        }
        if usual.events.is_empty() && listing.items.is_empty() {
            outcome = Outcome::FoundWrong;
        }
        Ok(outcome)
    }
}

/// Runs the mail through the pipeline at its own dates.
fn story(settings: &Settings, judge: Judge, listing: &Listing, out: &Path) -> Result<Story> {
    clear(out)?;
    let folder = Folder::create(out.join("mail"))?;
    let progress = Progress::new("replaying", listing.items.len() as u64);
    let story = open::block_on(async {
        let pipeline = open::in_memory(settings.clone(), judge).await?;
        let mut world = World::new(pipeline, folder);
        // Mail without any date arrives with the last that has one.
        let mut last = Timestamp::UNIX_EPOCH;
        for item in &listing.items {
            let raw = files::fetch(item)?;
            last = item.arrived_at.unwrap_or(last);
            let mail =
                Incoming { path: item.path.clone(), bytes: raw.bytes, whole_bytes: raw.whole_bytes, arrived_at: last };
            world.arrive(mail).await?;
            progress.step(1);
        }
        Ok(world.end().await?)
    })?;
    progress.finish();
    write_events(&out.join("events.jsonl"), &story.events)?;
    Ok(story)
}

/// Removes the e-mails that an earlier run left, and nothing else.
pub fn clear(out: &Path) -> Result<()> {
    let mail = out.join("mail");
    if !mail.is_dir() {
        return Ok(());
    }
    if !out.join("events.jsonl").is_file() {
        bail!("{} has a mail folder that no earlier run made; choose another folder with --out", out.display());
    }
    for entry in std::fs::read_dir(&mail).with_context(|| format!("cannot read {}", mail.display()))? {
        let path = entry.with_context(|| format!("cannot read {}", mail.display()))?.path();
        if path.extension().is_some_and(|e| e == "eml" || e == "html") {
            std::fs::remove_file(&path).with_context(|| format!("cannot replace {}", path.display()))?;
        }
    }
    Ok(())
}

/// One event a line.
pub fn write_events(path: &Path, events: &[Event]) -> Result<()> {
    let cannot = || format!("cannot write {}; is the folder writable, and the disk not full?", path.display());
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).with_context(cannot)?);
    for event in events {
        serde_json::to_writer(&mut file, event).with_context(cannot)?;
        file.write_all(b"\n").with_context(cannot)?;
    }
    file.flush().with_context(cannot)
}

fn summary(story: &Story, listing: &Listing, out: &Path, json: bool) {
    let count = |name: &str| story.events.iter().filter(|e| e.event == name).count();
    let (alerts, updates, repeats) = (count("alert"), count("alert_update"), count("alert_repeat"));
    let digests = count("digest") + count("weekly");
    let files: BTreeSet<&str> = story.mails.iter().map(|m| m.file.as_str()).collect();
    if json {
        print::json(&serde_json::json!({ "messages": listing.items.len(), "alerts": alerts, "updates": updates,
            "repeats": repeats, "digests": digests, "mails": files.len(), "out": out }));
        return;
    }
    print::text(&format!(
        "{} messages: {alerts} alerts, {updates} updates, {repeats} repeats, {digests} digests; {} e-mails in {}",
        listing.items.len(),
        files.len(),
        out.join("mail").display()
    ));
    for event in story.events.iter().filter(|e| matches!(e.event, "alert" | "alert_update")) {
        print::text(&event_line(event));
    }
}

/// One alert in one line.
pub fn event_line(event: &Event) -> String {
    let cites: Vec<&str> = event.cites.iter().map(|c| c.path.as_str()).collect();
    format!(
        "  {}  {:12} {:24} {} [{}]",
        event.at.strftime("%Y-%m-%d %H:%M"),
        event.event,
        event.incident.as_deref().unwrap_or(""),
        cites.join(" "),
        event.signals.join(", ")
    )
}

/// Alerts told apart by what they cite.
fn compare(usual: &Story, tried: &Story, json: bool) {
    let cited = |story: &Story| -> BTreeSet<(String, String)> {
        let alerts = story.events.iter().filter(|e| matches!(e.event, "alert" | "alert_update"));
        alerts.flat_map(|e| e.cites.iter().map(|c| (c.path.clone(), e.account.clone().unwrap_or_default()))).collect()
    };
    let (before, after) = (cited(usual), cited(tried));
    for (sign, word, set) in [("+", "gained", after.difference(&before)), ("-", "lost", before.difference(&after))] {
        for (path, account) in set {
            if json {
                print::json(&serde_json::json!({ "change": word, "path": path, "account": account }));
            } else {
                print::text(&format!("{sign} {account}  {path}"));
            }
        }
    }
    if !json {
        print::text(&format!(
            "{} alerted messages with the usual rules, {} with the tried ones: {} gained, {} lost",
            before.len(),
            after.len(),
            after.difference(&before).count(),
            before.difference(&after).count()
        ));
    }
}
