//! How fast mail is judged, and what rules cost.
//!
//! `cargo bench --bench judge` takes the labelled messages of the tests, puts them together
//! to texts of about 2 KB, and judges each on one thread: with the shipped rules, and with
//! 1,000 and 10,000 rules added whose words are the commonest words of these texts, so that
//! hardly one of them can be left aside. For each set it prints how long it takes to load, how
//! much more memory the process holds then and after a first pass over all texts, and then, of the second
//! pass, messages a second and milliseconds a message.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench reads the clock and prints")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use barometer::calendar::Calendar;
use barometer::judge::score::Labelled;
use barometer::judge::{Judge, Letter, RuleFile, Rules, Verdict, shipped};

const TEXT_BYTES: usize = 2048;
/// How many words are common.
const COMMON: usize = 400;
/// A set is measured for at least so long.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

fn main() -> Result<()> {
    let texts = texts()?;
    let bytes: usize = texts.iter().map(String::len).sum();
    println!("{} texts of {} bytes on average, one thread", texts.len(), bytes / texts.len().max(1));
    let common = common(&texts);
    for added in [0, 1_000, 10_000] {
        measure(&texts, &common, added)?;
    }
    Ok(())
}

fn measure(texts: &[String], common: &[String], added: usize) -> Result<()> {
    let mut files = shipped();
    files.push(RuleFile { name: "added.toml".to_owned(), text: rules(common, added) });
    let before = resident_kb()?;
    let begun = Instant::now();
    let judge = Judge::new(Rules::load(&files)?);
    let loaded = begun.elapsed();
    let held = resident_kb()?.saturating_sub(before);
    let shipped = judge.rules().list().count() - added;
    let calendar = Calendar::office();
    let fired: usize = texts.iter().map(|text| judged(&judge, text, &calendar).hits.len()).sum();
    let warm = resident_kb()?.saturating_sub(before);
    let (mut messages, begun) = (0u32, Instant::now());
    while begun.elapsed() < LONG_ENOUGH {
        for text in texts {
            std::hint::black_box(judged(&judge, text, &calendar));
            messages += 1;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{shipped} shipped rules and {added} added: loaded in {} ms, {} MB held, {} MB after a pass; \
         {:.0} messages a second, {:.3} ms a message, {:.1} hits a message",
        loaded.as_millis(),
        held / 1024,
        warm / 1024,
        f64::from(messages) / seconds,
        1000.0 * seconds / f64::from(messages),
        f64::from(u32::try_from(fired)?) / f64::from(u32::try_from(texts.len())?),
    );
    Ok(())
}

/// Bodies of the labelled messages, put together until each is long enough.
fn texts() -> Result<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/messages.jsonl");
    let lines = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut texts = vec![String::new()];
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let message: Labelled = serde_json::from_str(line)?;
        if texts.last().is_none_or(|text| text.len() >= TEXT_BYTES) {
            texts.push(String::new());
        }
        if let Some(text) = texts.last_mut() {
            text.push_str(&message.body);
            text.push_str("\n\n");
        }
    }
    for text in &mut texts {
        text.truncate(text.floor_char_boundary(TEXT_BYTES));
    }
    texts.retain(|text| text.len() > TEXT_BYTES / 2);
    Ok(texts)
}

/// The commonest words, the commonest first.
fn common(texts: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for word in texts.iter().flat_map(|text| text.split(|c: char| !c.is_ascii_alphabetic())) {
        if word.len() >= 4 {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    let mut words: Vec<(String, usize)> = counts.into_iter().collect();
    words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    words.into_iter().take(COMMON).map(|(word, _)| word).collect()
}

/// A file of rules of the usual shapes, made of common words.
fn rules(common: &[String], count: usize) -> String {
    let mut text = String::new();
    let word = |n: usize| common.get(n % common.len().max(1)).map_or("", String::as_str);
    for n in 0..count {
        // Steps without a common divisor, so that all pairs differ.
        let (a, b, c, d) = (word(n), word(7 * n + n / COMMON), word(11 * n + 3), word(13 * n + 5 + n / COMMON));
        let pattern = match n % 4 {
            0 => format!(r"\b({a}|{c}) (?:\S+ ){{0,3}}?{b}\b"),
            1 => format!(r"\b{a} ({b}|{c}|{d})\b"),
            2 => format!(r"\b({a}|{b})\b.{{0,60}}\b({c}|{d})\b"),
            _ => format!(r"\b{a}\w* (the |your |our )?{b}\b"),
        };
        let rule = format!(
            "[[rule]]\nid = \"added-{n}\"\ndescribe = \"An added rule\"\nany = ['''{pattern}''']\ntone = -1\n\
             hit = [\"x\"]\nmiss = [\"y\"]\n"
        );
        text.push_str(&rule);
    }
    text
}

fn judged(judge: &Judge, text: &str, calendar: &Calendar) -> Verdict {
    judge.judge(&Letter {
        subject: "Second floor",
        at: "2026-03-03T10:00[UTC]".parse().ok(),
        author: "ottoline@tansy.example",
        ..Letter::of_text(text, calendar)
    })
}

/// The memory that this process holds now.
fn resident_kb() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("no VmRSS in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}
