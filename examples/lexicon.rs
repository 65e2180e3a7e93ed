//! Learns which words lean to displeasure, and writes `rules/lang/lexicon-en.toml`.
//!
//! `cargo run --release --example lexicon -- FILE…` reads JSONL files of rows `{"id": …, "text": …,
//! "label_tone": …}`, learns from half of them by logistic regression (L2, `AdaGrad`) over the words and pairs of
//! words that a text holds, and prints the area under the ROC curve on what it learnt from and on the
//! other half. The shipped file was learnt from comments between professionals under free licences: GitHub pull
//! requests (CC0) and `PRemo` (MIT).
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};
use barometer::judge::lexicon::terms;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Fewest texts that hold a term which is kept, and the least weight.
const FEWEST: usize = 4;
const LEAST: f64 = 0.12;
/// Most terms that are kept.
const MOST: usize = 4_000;
const EPOCHS: usize = 8;
const RATE: f64 = 0.05;
const L2: f64 = 0.02;

/// Labels of displeasure.
const NEGATIVE: [&str; 4] = ["negative", "hostile", "frustrated", "concerned"];

#[derive(Deserialize)]
struct Row {
    id: String,
    text: String,
    label_tone: String,
}

struct Text {
    file: String,
    terms: Vec<String>,
    negative: bool,
}

fn main() -> Result<()> {
    let (mut learning, mut measuring) = (Vec::new(), Vec::new());
    for file in std::env::args().skip(1) {
        let rows = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        for (n, line) in rows.lines().enumerate() {
            let row: Row = serde_json::from_str(line).with_context(|| format!("{file}:{}", n + 1))?;
            let terms: HashSet<String> =
                terms(&row.text).filter(|term| !term.contains(|c: char| c.is_ascii_digit())).collect();
            let mut terms: Vec<String> = terms.into_iter().collect();
            terms.sort_unstable();
            let negative = NEGATIVE.contains(&row.label_tone.as_str());
            let text = Text { file: file.clone(), terms, negative };
            let half = Sha256::digest(row.id.as_bytes()).first().is_some_and(|byte| byte % 2 == 0);
            if half { learning.push(text) } else { measuring.push(text) }
        }
    }
    let (weights, bias) = learn(&learning);
    let score = |text: &Text| bias + text.terms.iter().filter_map(|term| weights.get(term)).sum::<f64>();
    for (name, texts) in [("learnt from", &learning), ("set aside", &measuring)] {
        for file in std::env::args().skip(1) {
            let of_file: Vec<&Text> = texts.iter().filter(|text| text.file == file).collect();
            println!("{name}: {file}: {} texts, ROC AUC {:.3}", of_file.len(), area(&of_file, &score));
        }
    }
    write(&weights, bias)
}

fn learn(texts: &[Text]) -> (HashMap<String, f64>, f64) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for term in texts.iter().flat_map(|text| &text.terms) {
        *counts.entry(term).or_default() += 1;
    }
    let mut weights: HashMap<String, (f64, f64)> =
        counts.into_iter().filter(|(_, n)| *n >= FEWEST).map(|(term, _)| (term.to_owned(), (0.0, 1e-6))).collect();
    let mut bias = (0.0, 1e-6);
    let step = |(weight, squares): &mut (f64, f64), slope: f64| {
        *squares += slope * slope;
        *weight -= RATE * slope / squares.sqrt();
    };
    for _ in 0..EPOCHS {
        for text in texts {
            let sum: f64 = text.terms.iter().filter_map(|term| weights.get(term)).map(|(weight, _)| weight).sum();
            let error = 1.0 / (1.0 + (-sum - bias.0).exp()) - f64::from(u8::from(text.negative));
            for term in &text.terms {
                if let Some(one) = weights.get_mut(term) {
                    let slope = error + L2 * one.0;
                    step(one, slope);
                }
            }
            step(&mut bias, error);
        }
    }
    let mut kept: Vec<(String, f64)> = weights.into_iter().map(|(term, (weight, _))| (term, weight)).collect();
    kept.retain(|(_, weight)| weight.abs() >= LEAST);
    kept.sort_by(|one, other| other.1.abs().total_cmp(&one.1.abs()).then_with(|| one.0.cmp(&other.0)));
    kept.truncate(MOST);
    (kept.into_iter().collect(), bias.0)
}

/// The share of pairs of a negative and another text that are ranked right.
#[expect(clippy::cast_precision_loss, reason = "no file has that many rows")]
fn area(texts: &[&Text], score: &impl Fn(&Text) -> f64) -> f64 {
    let of = |negative: bool| {
        texts.iter().filter(move |text| text.negative == negative).map(|text| score(text)).collect::<Vec<_>>()
    };
    let (negative, other) = (of(true), of(false));
    let won = negative.iter().map(|n| other.iter().filter(|o| n > *o).count()).sum::<usize>();
    won as f64 / (negative.len() * other.len()).max(1) as f64
}

fn write(weights: &HashMap<String, f64>, bias: f64) -> Result<()> {
    let sorted: BTreeMap<&String, &f64> = weights.iter().collect();
    let mut text = "# Words and pairs of words that lean to displeasure (above 0) or away from it, learnt by\n\
        # `cargo run --release --example lexicon`. They move the score of a tone a little, never its label.\n"
        .to_owned();
    write!(text, "bias = {bias:.2}\n\n[terms]\n")?;
    for (term, weight) in sorted {
        writeln!(text, "\"{term}\" = {weight:.2}")?;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/lang/lexicon-en.toml");
    fs::write(path, text).with_context(|| format!("cannot write {path}"))?;
    println!("{} terms written to {path}", weights.len());
    Ok(())
}
