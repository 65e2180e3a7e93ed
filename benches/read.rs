//! How fast mail is understood, from bytes to verdict, and where the time goes.
//!
//! `cargo bench --bench read -- FOLDER` reads the messages below FOLDER (the labelled mail
//! of the tests where none is named) again and again on one thread, for some seconds, and
//! prints messages a second and the share of each step: the scan that guards the parser, the
//! parser, the rest of reading, filing, judging.
//!
//! `cargo bench --bench read -- hostile` reads 1 MB each of what is meant to take long.
//!
//! `cargo bench --bench read -- subjects FOLDER` measures how far reading relies on subjects: FOLDER holds
//! `forward.jsonl` and `reply.jsonl`, a row `{"eml": path below FOLDER, "expected": {"forwarded": bool}}`
//! each. Copies in a temporary folder lose their subject or get another.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench reads the clock and prints")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
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
    let mut arguments = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let folder = arguments.next();
    match (folder.as_deref(), arguments.next()) {
        (Some("hostile"), _) => {
            hostile();
            return Ok(());
        }
        (Some("subjects"), Some(folder)) => return subjects(Path::new(&folder)),
        _ => {}
    }
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
    println!("{:.0} a second are read", 1.0 / reading);
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

/// Texts and pages of 1 MB that would take a naive reader hours.
fn hostile() {
    let many = |piece: &str| piece.repeat(1_000_000 / piece.len());
    let quotes: Vec<String> = (0..1_400).map(|n| format!("{} x", ">".repeat(n))).collect();
    let texts = [
        ("quote marks", "text/plain", many(">")),
        ("lines of quote marks", "text/plain", many("> \n")),
        ("deeper and deeper quotes", "text/plain", quotes.join("\n")),
        ("open quotation marks", "text/plain", many("\"")),
        ("beginnings of introductions", "text/plain", many("On 2 March 2026 Ann\n")),
        ("one introduction without end", "text/plain", many("On 2 March 2026 at 09:14 Ann <ann@acme.example> ")),
        ("header fields", "text/plain", many("From: Ann\n")),
        (
            "blocks of header fields",
            "text/plain",
            many("From: a@b.example\nDate: 2 March 2026 09:14\nTo: c@d.example\n"),
        ),
        ("rulers", "text/plain", many("________________________________\n")),
        ("markers", "text/plain", many("-----Original Message-----\n")),
        ("dashes on one line", "text/plain", many("---- Forwarded message ---- ")),
        ("closing words", "text/plain", many("Regards\n")),
        ("at signs", "text/plain", many("a@b.c ")),
        ("blanks", "text/plain", many(" ")),
        ("open divisions", "text/html", many("<div>")),
        ("open quotations", "text/html", many("<blockquote>x")),
        ("open tables", "text/html", many("<table><tr><td>")),
        ("angle brackets", "text/html", many("<")),
        ("open comments", "text/html", many("<!--")),
        ("attributes", "text/html", format!("<div {}>", many("a=b "))),
        ("entities", "text/html", many("&amp;&#x;&#99999999;")),
        ("closing tags", "text/html", many("</div>")),
    ];
    for (name, kind, text) in texts {
        let head = "From: a@acme.example\nTo: b@us.example\nSubject: x\nDate: Mon, 2 Mar 2026 09:14:00 +0000\n";
        let raw = format!("{head}Content-Type: {kind}; charset=utf-8\n\n{text}");
        let begun = Instant::now();
        std::hint::black_box(read::read(raw.as_bytes(), &Ours::default()));
        println!("{:6.1} ms  {name}", 1000.0 * begun.elapsed().as_secs_f64());
    }
}

/// A row of labels, as far as it matters here.
#[derive(serde::Deserialize)]
struct Row {
    eml: PathBuf,
    expected: Option<Expected>,
}

#[derive(serde::Deserialize)]
struct Expected {
    forwarded: bool,
}

/// How many forwards are found without their subject and under that of an answer, and how many
/// answers are taken for forwards under the subject of one.
fn subjects(folder: &Path) -> Result<()> {
    let rows = |name: &str| -> Result<Vec<Row>> {
        let text =
            std::fs::read_to_string(folder.join(name)).with_context(|| format!("{name} below {}", folder.display()))?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    };
    let forwards: Vec<_> =
        rows("forward.jsonl")?.into_iter().filter(|row| row.expected.as_ref().is_some_and(|e| e.forwarded)).collect();
    let replies = rows("reply.jsonl")?;
    let ours = Ours {
        service: "inbox@barometer.example".to_owned(),
        domains: vec!["example.com".to_owned(), "barometer.example".to_owned()],
        ..Ours::default()
    };
    let count = |rows: &[Row], subject: fn(&str) -> Option<String>| -> Result<f64> {
        let copies = tempfile::tempdir()?;
        let mut unwrapped = 0;
        for (n, row) in rows.iter().enumerate() {
            let copy = copies.path().join(format!("{n}.eml"));
            std::fs::write(&copy, with_subject(&std::fs::read(folder.join(&row.eml))?, subject))?;
            unwrapped += usize::from(!read::read(&std::fs::read(&copy)?, &ours).layers.is_empty());
        }
        Ok(100.0 * real(unwrapped) / real(rows.len()))
    };
    println!("{:5.1} % of {} forwards found without a subject", count(&forwards, |_| None)?, forwards.len());
    let answers = |old: &str| Some(format!("Re: {}", bare(old)));
    println!("{:5.1} % of them found under \"Re: …\"", count(&forwards, answers)?);
    let forwarding = |old: &str| Some(format!("FW: {}", bare(old)));
    println!("{:5.1} % of {} answers taken for forwards under \"FW: …\"", count(&replies, forwarding)?, replies.len());
    Ok(())
}

/// A subject without what stands before its last colon.
fn bare(subject: &str) -> &str {
    subject.rsplit(':').next().unwrap_or_default().trim()
}

/// The message with another subject, or none.
fn with_subject(raw: &[u8], subject: fn(&str) -> Option<String>) -> Vec<u8> {
    let (mut out, mut in_head, mut dropped, mut old) = (Vec::new(), true, false, String::new());
    for line in raw.split_inclusive(|b| *b == b'\n') {
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        in_head &= !line.trim_ascii().is_empty() || out.is_empty();
        dropped = in_head && (line.to_ascii_lowercase().starts_with(b"subject:") || (dropped && folded));
        if dropped {
            old.push_str(&String::from_utf8_lossy(line));
        } else {
            out.extend_from_slice(line);
        }
    }
    match subject(&old) {
        Some(subject) => [format!("Subject: {subject}\n").as_bytes(), &out].concat(),
        None => out,
    }
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
