//! `barometer demo`: the main job, with no set-up.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use barometer::config::{self, Settings};
use barometer::edge::folder::Folder;
use barometer::intake;
use barometer::pipeline::{Incoming, Story, World};
use clap::Args;
use include_dir::{Dir, include_dir};
use jiff::Timestamp;

use super::progress::Progress;
use super::{Common, Outcome, open, print, replay};

/// Three histories of a small fictional agency, and its settings.
static MAIL: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/tests/corpus/mailbox");

/// The inbox that the mail would be in; its server vouches for who answers an alert.
const INBOX: &str = r#"
[[mailbox]]
name        = "watch"
host        = "mail.northlight.example"
user        = "watch@northlight.example"
password    = { env = "NOBODY_LOGS_IN" }
authserv_id = "mail.northlight.example"
"#;

/// Take the mail of a small fictional firm through the whole pipeline, at the mail's own dates.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  barometer demo\nThen open barometer-demo/index.html.")]
pub struct Demo {
    /// Folder for what it leaves behind.
    #[arg(long, value_name = "DIR", default_value = "barometer-demo")]
    out: PathBuf,
}

impl Demo {
    pub fn run(self, common: &Common) -> Result<Outcome> {
        let text = MAIL
            .get_file("northlight.toml")
            .and_then(|f| f.contents_utf8())
            .context("the demo's settings are missing from the binary")?;
        let settings = config::parse(&format!("{text}{INBOX}"), "northlight.toml")?;
        let mails = mails()?;
        replay::clear(&self.out)?;
        let folder = Folder::create(self.out.join("mail"))?;
        let progress = Progress::new("replaying", mails.len() as u64);
        let count = mails.len();
        let names = names(&mails);
        let world_settings = settings.clone();
        let story = open::block_on(async {
            let judge = open::judge_with(None)?;
            let mut world = World::new(open::in_memory(world_settings, judge).await?, folder);
            for mail in mails {
                world.arrive(mail).await?;
                progress.step(1);
            }
            Ok(world.end().await?)
        })?;
        progress.finish();
        leave(&self.out, &story)?;
        super::demo_page::write(&self.out, &settings, &story, (count, &names))?;
        if common.json {
            story.events.iter().for_each(print::json);
        } else {
            tell(&self.out, &settings, &story, count);
        }
        Ok(Outcome::Done)
    }
}

/// Every message of the three histories, in order of arrival.
fn mails() -> Result<Vec<Incoming>> {
    let mut mails = Vec::new();
    for folder in MAIL.dirs() {
        for file in folder.files().filter(|f| f.path().extension().is_some_and(|e| e == "eml")) {
            let bytes = file.contents().to_vec();
            let path = file.path().display().to_string();
            let arrived_at = intake::arrived_at(&bytes).with_context(|| format!("{path} has no date"))?;
            mails.push(Incoming { path, whole_bytes: bytes.len() as u64, bytes, arrived_at });
        }
    }
    mails.sort_by(|a, b| (a.arrived_at, &a.path).cmp(&(b.arrived_at, &b.path)));
    Ok(mails)
}

/// What people call themselves, by address.
fn names(mails: &[Incoming]) -> HashMap<String, String> {
    let headlines = mails.iter().map(|mail| intake::headline(&mail.bytes).from);
    let person = |from: String| {
        let (name, address) = from.split_once(" <")?;
        Some((address.trim_end_matches('>').to_lowercase(), name.to_owned()))
    };
    headlines.filter_map(person).collect()
}

/// The events, and a page beside every e-mail.
fn leave(out: &Path, story: &Story) -> Result<()> {
    replay::write_events(&out.join("events.jsonl"), &story.events)?;
    for mail in &story.mails {
        let path = out.join("mail").join(&mail.file).with_extension("html");
        let parsed = mail_parser::MessageParser::default().parse(&mail.bytes);
        let html = parsed
            .as_ref()
            .and_then(|m| m.html_bodies().next())
            .and_then(|p| p.text_contents())
            .unwrap_or_default()
            .to_owned();
        std::fs::write(&path, html).with_context(|| format!("cannot write {}; is the disk full?", path.display()))?;
    }
    Ok(())
}

fn tell(out: &Path, settings: &Settings, story: &Story, count: usize) {
    let named = |name: &str| story.events.iter().filter(|e| e.event == name).count();
    let day = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.strftime("%-d %B %Y").to_string());
    let dates = || story.events.iter().map(|e| e.at);
    print::text(&format!(
        "{count} messages between {} accounts and {} people of one firm, from {} to {}.",
        settings.accounts.len(),
        settings.members.len(),
        day(dates().min()),
        day(dates().max())
    ));
    print::text(&format!(
        "{} alerts, {} updates of them, {} reminders, {} digests.\n",
        named("alert"),
        named("alert_update"),
        named("alert_repeat"),
        named("digest") + named("weekly")
    ));
    for event in story.events.iter().filter(|e| matches!(e.event, "alert" | "alert_update")) {
        print::text(&replay::event_line(event));
    }
    print::text(&format!("\nOpen {} in a browser.", out.join("index.html").display()));
    print::text("Then try your own: barometer read FILE.eml --config barometer.toml (see README.md).");
}
