//! How often ordinary mail is taken for trouble.
//!
//! `cargo run --release --example ordinary -- PATH…` reads mail as `barometer read` does (`.eml`, mbox, Maildir, or
//! folders of them), for a firm that nobody belongs to, and prints of what is not automatic: how much would be
//! told at once, how much has a negative tone, and each message that would be told, with the words behind it.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use barometer::edge::files;
use barometer::judge::{Judge, Rules, ToneLabel, shipped};
use barometer::pipeline::{Reader, Understood};

const SETTINGS: &str = "[service]\naddress = \"watch@nobody.example\"\ndomains = [\"nobody.example\"]\n";

fn main() -> Result<()> {
    let settings = Arc::new(barometer::config::parse(SETTINGS, "ordinary.toml")?);
    let reader = Reader::new(settings, Judge::new(Rules::load(&shipped())?));
    for path in std::env::args().skip(1) {
        let listing = files::list(&[PathBuf::from(&path)], &mut |_| {})?;
        let (mut people, mut negative, mut told) = (0, 0, Vec::new());
        for item in &listing.items {
            let raw = files::fetch(item)?;
            let understood = reader.understand(&raw.bytes, raw.whole_bytes, item.arrived_at);
            let Some(tone) = understood.verdict.tone.filter(|_| understood.message.automatic.is_none()) else {
                continue;
            };
            people += 1;
            negative += usize::from(tone.label < ToneLabel::Neutral);
            if understood.verdict.escalate() {
                told.push(format!("  {}: {}", item.path, why(&understood)));
            }
        }
        println!(
            "{path}: {} messages, {people} not automatic: {} told at once ({}), {negative} of negative tone ({})",
            listing.items.len(),
            told.len(),
            share(told.len(), people),
            share(negative, people)
        );
        for line in told {
            println!("{line}");
        }
    }
    Ok(())
}

fn why(understood: &Understood) -> String {
    let signals = understood.verdict.signals.iter().map(|s| format!("{} “{}”", s.signal, s.words));
    signals.chain(understood.verdict.reasons.iter().cloned()).collect::<Vec<_>>().join("; ").replace('\n', " ")
}

/// A share in per cent, with one digit.
fn share(part: usize, of: usize) -> String {
    let tenths = (part * 1000).checked_div(of).unwrap_or(0);
    format!("{}.{} %", tenths / 10, tenths % 10)
}
