//! How fast mail is understood, from bytes to verdict, and where the time goes.
//!
//! `cargo bench --bench read -- FOLDER` reads the messages below FOLDER (the labelled mail
//! of the tests where none is named) again and again on one thread, for some seconds, and
//! prints messages a second and the share of each step: the scan that guards the parser, the
//! parser, the rest of reading, filing, judging.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench reads the clock and prints")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use barometer::config;
use barometer::edge::files;
use barometer::filing::Directory;
use barometer::intake;
use barometer::judge::{Judge, Rules, shipped};
use barometer::pipeline::Reader;
use barometer::read::{self, Message, Ours};
use mail_parser::MessageParser;

const SETTINGS: &str = "[service]\naddress = \"inbox@barometer.example\"\ndomains = [\"barometer.example\"]\ntime_zone = \"Europe/London\"\n";
/// Each step is measured for at least so long.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

fn main() -> Result<()> {
    // `cargo test --benches` and `cargo bench` add flags of their own.
    let folder = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let folder =
        folder.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/mailbox"), PathBuf::from);
    let listing = files::list(std::slice::from_ref(&folder), &mut |_| {})?;
    let mail = listing.items.iter().map(|item| Ok(files::fetch(item)?.bytes)).collect::<Result<Vec<_>>>()?;
    anyhow::ensure!(!mail.is_empty(), "no message below {}; name a folder of messages", folder.display());
    let bytes: usize = mail.iter().map(Vec::len).sum();
    println!(
        "{} messages below {}, {:.1} KB on average, one thread",
        mail.len(),
        folder.display(),
        real(bytes) / real(mail.len()) / 1024.0
    );
    steps(&mail)
}

/// Times each step by itself, and what contains it as a whole.
fn steps(mail: &[Vec<u8>]) -> Result<()> {
    let settings = config::parse(SETTINGS, "bench")?;
    let ours = Ours {
        service: settings.service.address.clone(),
        domains: settings.service.domains.clone(),
        time_zone: Some(settings.service.time_zone.clone()),
        ..Ours::default()
    };
    let directory = Directory::new(&[], &ours.domains, std::slice::from_ref(&ours.service));
    let reader = Reader::new(Arc::new(settings), Judge::new(Rules::load(&shipped())?));
    let messages: Vec<Message> = mail.iter().map(|raw| read::read(raw, &ours)).collect();
    let safe: Vec<&Vec<u8>> = mail.iter().filter(|raw| intake::scan(raw).is_ok()).collect();

    let whole = seconds(mail, |raw| reader.understand(raw, raw.len() as u64, None));
    let reading = seconds(mail, |raw| read::read(raw, &ours));
    let scan = seconds(mail, |raw| intake::scan(raw));
    let parser = seconds(&safe, |raw| MessageParser::default().parse(raw.as_slice()));
    let parser = parser * real(safe.len()) / real(mail.len());
    let filing = seconds(&messages, |message| directory.attribute(message));
    println!("{:.0} messages a second, {:.3} ms a message", 1.0 / whole, 1000.0 * whole);
    let shares = [
        ("scan", scan),
        ("parser", parser),
        ("rest of reading", reading - scan - parser),
        ("filing", filing),
        ("judging", whole - reading - filing),
    ];
    for (step, seconds) in shares {
        println!("{step:>16}  {:5.1} %  {:.3} ms", 100.0 * seconds / whole, 1000.0 * seconds);
    }
    Ok(())
}

/// Seconds that a step takes for one of `items`.
fn seconds<T, R>(items: &[T], step: impl Fn(&T) -> R) -> f64 {
    let step = |item: &T| drop(std::hint::black_box(step(item)));
    items.iter().for_each(step);
    let (mut rounds, begun) = (0, Instant::now());
    while begun.elapsed() < LONG_ENOUGH {
        items.iter().for_each(step);
        rounds += 1;
    }
    begun.elapsed().as_secs_f64() / real(rounds * items.len())
}

#[expect(clippy::cast_precision_loss, reason = "no bench counts that far")]
fn real(count: usize) -> f64 {
    count as f64
}
