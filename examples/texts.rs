//! How far judging agrees with labels of single texts, of any source.
//!
//! `cargo run --release --example texts -- FILE…` reads JSONL files of rows `{"text": …, "label_tone": …}`
//! or `{"text": …, "label_urgency": …}`. It prints, as far as a file has the labels:
//! how well the tone score ranks negative texts before all others (area under the ROC curve),
//! precision and recall of `grateful`, and precision, recall and F1 of "asks for something" (an
//! urgency other than `none`).
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::cmp::Ordering;
use std::fs;

use anyhow::{Context as _, Result};
use barometer::calendar::Calendar;
use barometer::judge::{Judge, Letter, Rules, ToneLabel, Verdict, shipped};
use serde::Deserialize;

/// Labels of displeasure.
const NEGATIVE: [&str; 4] = ["negative", "hostile", "frustrated", "concerned"];

#[derive(Deserialize)]
struct Row {
    text: String,
    label_tone: Option<String>,
    label_urgency: Option<String>,
    /// Names of feelings, where a source is that exact.
    #[serde(default)]
    emotions: Vec<String>,
}

fn main() -> Result<()> {
    let judge = Judge::new(Rules::load(&shipped())?);
    let calendar = Calendar::office();
    for file in std::env::args().skip(1) {
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        let rows = text.lines().filter(|line| !line.trim().is_empty());
        let rows =
            rows.enumerate().map(|(n, line)| serde_json::from_str(line).with_context(|| format!("{file}:{}", n + 1)));
        let rows: Vec<Row> = rows.collect::<Result<_>>()?;
        let judged: Vec<(Row, Verdict)> = rows
            .into_iter()
            .map(|row| {
                let verdict = judge.judge(&Letter::of_text(&row.text, &calendar));
                (row, verdict)
            })
            .collect();
        println!("{file}: {} texts", judged.len());
        ranking(&judged);
        gratitude(&judged);
        asking(&judged);
    }
    Ok(())
}

/// The share of pairs of a negative and another text of which the negative one has the lower score; ties count half.
fn ranking(judged: &[(Row, Verdict)]) {
    let score = |verdict: &Verdict| verdict.tone.map_or(0, |tone| i64::from(tone.score));
    let of = |negative: bool| -> Vec<i64> {
        let mine = judged
            .iter()
            .filter(|(row, _)| row.label_tone.as_ref().is_some_and(|l| NEGATIVE.contains(&l.as_str()) == negative));
        mine.map(|(_, verdict)| score(verdict)).collect()
    };
    let (negative, other) = (of(true), of(false));
    if negative.is_empty() || other.is_empty() {
        return;
    }
    let pairs = negative.iter().flat_map(|n| other.iter().map(move |o| (n, o)));
    let won: f64 = pairs
        .map(|(n, o)| match n.cmp(o) {
            Ordering::Less => 1.0,
            Ordering::Equal => 0.5,
            Ordering::Greater => 0.0,
        })
        .sum();
    println!(
        "  negative: ROC AUC {:.3} ({} of {})",
        won / (real(negative.len()) * real(other.len())),
        negative.len(),
        judged.len()
    );
}

fn gratitude(judged: &[(Row, Verdict)]) {
    let is_grateful = |row: &Row| match row.emotions.as_slice() {
        [] => row.label_tone.as_deref() == Some("grateful"),
        emotions => emotions.iter().any(|emotion| emotion == "gratitude"),
    };
    if judged.iter().any(|(row, _)| is_grateful(row)) {
        let rows = judged.iter().map(|(row, verdict)| {
            let found = verdict.tone.is_some_and(|tone| tone.label == ToneLabel::Grateful);
            (is_grateful(row), found)
        });
        report("grateful", rows);
    }
}

fn asking(judged: &[(Row, Verdict)]) {
    if judged.iter().any(|(row, _)| row.label_urgency.is_some()) {
        report(
            "asks",
            judged.iter().map(|(row, verdict)| (row.label_urgency.as_deref() != Some("none"), verdict.asks)),
        );
    }
}

/// Precision, recall and F1 over pairs of truth and finding.
fn report(what: &str, rows: impl Iterator<Item = (bool, bool)>) {
    let (mut both, mut truth, mut found) = (0, 0, 0);
    for (is, says) in rows {
        both += usize::from(is && says);
        truth += usize::from(is);
        found += usize::from(says);
    }
    let (precision, recall) = (real(both) / real(found.max(1)), real(both) / real(truth.max(1)));
    let f1 = 2.0 * real(both) / real((truth + found).max(1));
    println!("  {what}: precision {precision:.3}, recall {recall:.3}, F1 {f1:.3} ({truth} are, {found} found)");
}

#[expect(clippy::cast_precision_loss, reason = "no file has that many rows")]
fn real(count: usize) -> f64 {
    count as f64
}
