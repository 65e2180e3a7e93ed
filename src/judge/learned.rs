//! What the words of a text weigh when they are taken together, where no single rule says it.
//!
//! One linear model a question: each tone, each urgency, each signal, and whether a manager should hear of it now.
//! It adds up the words and pairs of words of subject and new text, and what the rules found; whether a manager should
//! hear of it now is then decided on all answers together. The weights are
//! data, `rules/lang/learned-en.tsv`; `cargo run --release --example learn` learns them from labelled mail and
//! says how well they do on mail they have not seen. Whatever is decided so is explained: by the sentence and
//! the words that weigh most.

mod sheet;
mod together;
mod weights;

use std::sync::LazyLock;

use super::Letter;
use super::signal::{self, Speed};
use super::verdict::{Leaning, Signal, Tone, ToneLabel, Urgency, UrgencyLabel, Verdict};
use crate::read::Direction;

pub use sheet::Sheet;
pub use together::{FURTHEST, odds};
pub use weights::{Question, Weights, levelled, marked, often};
use weights::{Read, logistic};

/// What a rule has seen needs so much less of a share.
pub const RULED: f64 = 0.4;
/// What no rule has seen needs at least this share.
const UNRULED: f64 = 0.35;
/// What would be told at once, and no rule has seen, needs as much of a share.
const GRAVE: f64 = 0.65;
/// So many words are hardly any.
const FEW: usize = 3;
/// Signals that words decide: the others need more than the text.
const PREFIX: &str = "signal.";
/// The question of whether a manager should hear of it now.
const ESCALATE: &str = "escalate";
/// The name of a signal's rule, where none fired.
pub const LEARNED: &str = "learned";

const TONES: [(&str, ToneLabel, f64); 6] = [
    ("tone.hostile", ToneLabel::Hostile, -90.0),
    ("tone.frustrated", ToneLabel::Frustrated, -50.0),
    ("tone.concerned", ToneLabel::Concerned, -20.0),
    ("tone.neutral", ToneLabel::Neutral, 0.0),
    ("tone.positive", ToneLabel::Positive, 30.0),
    ("tone.grateful", ToneLabel::Grateful, 60.0),
];

/// How far words of displeasure move the score, whatever the label.
const DISPLEASED: f64 = 60.0;

/// The place of neutral among the tones, and signals beside which nothing is praise.
const NEUTRAL: usize = 3;
const FAILURES: [&str; 4] = ["quality_complaint", "broken_promise", "blame", "payment_dispute"];

const URGENCIES: [(&str, UrgencyLabel, f64); 4] = [
    ("urgency.low", UrgencyLabel::Low, 8.0),
    ("urgency.normal", UrgencyLabel::Normal, 30.0),
    ("urgency.high", UrgencyLabel::High, 60.0),
    ("urgency.critical", UrgencyLabel::Critical, 90.0),
];

#[expect(clippy::expect_used, reason = "the file is part of the program; a test reads it")]
static ENGLISH: LazyLock<Weights> = LazyLock::new(|| {
    Weights::parse(include_str!("../../rules/lang/learned-en.tsv")).expect("the learned weights hold together")
});

/// How near the words come to what is told at once, in percent; 0 where they were not weighed.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
pub(super) fn nearly(verdict: &Verdict) -> u8 {
    let from = ENGLISH.questions().iter().find(|q| q.name == ESCALATE).map_or(1.0, |q| q.from);
    let share = verdict.leanings.iter().find(|l| l.to == ESCALATE).map_or(0.0, |l| l.share);
    (100.0 * share / from.max(0.01)).clamp(0.0, 100.0).round() as u8
}

/// What the weights say of a message.
#[derive(Debug)]
pub(super) struct Weighed {
    tone: Tone,
    urgency: Urgency,
    signals: Vec<Signal>,
    leanings: Vec<Leaning>,
    /// What speaks for telling a manager now, and the share from which one is told.
    pub(super) escalate: (f64, f64),
}

/// A message on the scales.
struct Scales<'a> {
    weights: &'a Weights,
    sheet: Sheet,
    read: Read,
    /// What each question comes to.
    sums: Vec<f64>,
    letter: &'a Letter<'a>,
    by_rules: &'a Verdict,
}

/// Weighs a message on which the rules have their say, if we have weights for its language.
pub(super) fn weigh(letter: &Letter<'_>, by_rules: &Verdict) -> Option<Weighed> {
    let weights = (letter.language == "en" && letter.direction != Direction::Internal).then_some(&*ENGLISH)?;
    let sheet = Sheet::new(letter, by_rules);
    let read = weights.read(&sheet);
    let sums = read.sums(weights);
    let scales = Scales { weights, sheet, read, sums, letter, by_rules };
    if scales.read.known.is_empty() {
        return None;
    }
    let (alone, from) = scales.alone(ESCALATE).unwrap_or((0.0, 1.0));
    let share = weights.told(&scales.sums, scales.sheet.marks()).unwrap_or(alone);
    let escalate = (share * scales.believed(), from);
    let mut leanings = vec![scales.explain(ESCALATE, escalate.0)];
    let tone = scales.tone(&mut leanings)?;
    let urgency = scales.urgency(&mut leanings)?;
    let signals = scales.signals(&mut leanings);
    Some(Weighed { tone, urgency, signals, leanings, escalate })
}

impl Scales<'_> {
    fn tone(&self, leanings: &mut Vec<Leaning>) -> Option<Tone> {
        let shares = self.weights.shares(&self.sums, &mut TONES.iter().map(|(name, ..)| *name));
        // Praise beside a failure never makes a message positive.
        let spoilt = FAILURES.iter().any(|signal| {
            let found = self.alone(&format!("{PREFIX}{signal}"));
            found.is_some_and(|(share, from)| share >= if self.by_rules.has(signal) { from * RULED } else { from })
        });
        let allowed = if spoilt { shares.get(..=NEUTRAL)? } else { &shares };
        let (place, share) = best(allowed);
        let (name, label, _) = *TONES.get(place)?;
        leanings.push(self.explain(name, share));
        let displeased = self.alone("displeased").map_or(0.0, |(share, _)| share);
        Some(Tone { label, score: score(label, &shares, displeased, self.believed()) })
    }

    fn urgency(&self, leanings: &mut Vec<Leaning>) -> Option<Urgency> {
        let shares = self.weights.shares(&self.sums, &mut URGENCIES.iter().map(|(name, ..)| *name));
        let (place, share) = best(&shares);
        let (name, label, _) = *URGENCIES.get(place)?;
        leanings.push(self.explain(name, share));
        Some(Urgency { label, score: urgency_score(label, &shares) })
    }

    fn signals(&self, leanings: &mut Vec<Leaning>) -> Vec<Signal> {
        let mut found = Vec::new();
        for (question, sum) in self.weights.questions().iter().zip(&self.sums) {
            let Some(signal) = question.name.strip_prefix(PREFIX) else { continue };
            let known = self.by_rules.signals.iter().find(|s| s.signal == signal);
            // Where the firm has said that words were weighed wrong for this account, it takes more of them.
            let share = logistic(*sum) * if known.is_some() { 1.0 } else { self.believed() };
            // What is told at once heads the alert: it says no more than the words do.
            let grave = signal::speed(signal, self.letter.direction, self.letter.kind) == Speed::Now;
            let least = match known {
                // A text of hardly a word has nothing to weigh: "?" says what the rules say.
                Some(_) if self.sheet.len() <= FEW => 0.0,
                Some(_) => question.from * RULED,
                None => question.from.max(if grave { GRAVE } else { UNRULED }),
            };
            if share < least {
                continue;
            }
            let leaning = self.explain(&question.name, share);
            found.push(known.cloned().unwrap_or_else(|| Signal {
                signal: signal.to_owned(),
                rule: LEARNED.to_owned(),
                words: leaning.sentence.clone(),
            }));
            leanings.push(leaning);
        }
        found
    }

    /// What corrections have left of our word, 0.5 to 1.
    fn believed(&self) -> f64 {
        let corrected = self.letter.corrected.iter().find(|(id, _)| id == LEARNED);
        corrected.map_or(1.0, |(_, left)| f64::from(*left) / 100.0)
    }

    fn alone(&self, name: &str) -> Option<(f64, f64)> {
        self.weights.alone(&self.sums, name)
    }

    fn explain(&self, name: &str, share: f64) -> Leaning {
        self.read.explain(self.weights, &self.sheet, name, share)
    }
}

impl Weighed {
    /// Puts what was weighed in the place of what the rules alone say. What a rule of the firm's own (`is_own`)
    /// says, and a signal that the weights do not know, stands.
    pub(super) fn settle(mut self, verdict: &mut Verdict, is_own: impl Fn(&str) -> bool) {
        let own = || verdict.hits.iter().filter(|hit| hit.suppressed.is_none() && is_own(&hit.rule));
        if own().all(|hit| hit.tone == 0) {
            verdict.tone = Some(self.tone);
        }
        if own().all(|hit| hit.urgency == 0) {
            verdict.urgency = Some(self.urgency);
        }
        // The clock knows better than words whether a term is near, and who is bound by it.
        let promised = verdict.signals.iter().any(|signal| signal.rule == "engine:promise");
        if promised {
            self.signals
                .retain(|s| s.rule != LEARNED || !["deadline", "short_notice_deadline"].contains(&s.signal.as_str()));
        }
        for (found, other) in [("short_notice_deadline", "deadline"), ("deadline", "short_notice_deadline")] {
            if verdict.has(found) {
                self.signals.retain(|signal| signal.signal != other || signal.rule != LEARNED);
            }
        }
        let rules = std::mem::replace(&mut verdict.signals, self.signals);
        for signal in rules {
            let stands = is_own(&signal.rule) || !asks_of(&signal.signal);
            if stands && !verdict.has(&signal.signal) {
                verdict.signals.push(signal);
            }
        }
        verdict.leanings = self.leanings;
    }
}

/// Whether the weights have a say on this signal.
fn asks_of(signal: &str) -> bool {
    ENGLISH.questions().iter().any(|q| q.name.strip_prefix(PREFIX) == Some(signal))
}

fn best(shares: &[f64]) -> (usize, f64) {
    let places = shares.iter().copied().enumerate();
    places.max_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or((0, 0.0))
}

/// Between the labels by their shares, lower where the words lean to displeasure, and nearer to 0 where we were
/// corrected; on the side of its label.
#[expect(clippy::cast_possible_truncation, reason = "between -100 and 100")]
fn score(label: ToneLabel, shares: &[f64], displeased: f64, believed: f64) -> i32 {
    let middle: f64 = TONES.iter().zip(shares).map(|((.., middle), share)| middle * share).sum();
    let score = ((middle - DISPLEASED * displeased) * believed).round().clamp(-100.0, 100.0) as i32;
    match label {
        ToneLabel::Hostile | ToneLabel::Frustrated | ToneLabel::Concerned => score.min(-10),
        ToneLabel::Neutral => score,
        ToneLabel::Positive | ToneLabel::Grateful => score.max(10),
    }
}

/// Between the labels by their shares, within the range of its label (`rules/labels.toml`).
#[expect(clippy::cast_possible_truncation, reason = "between 0 and 100")]
fn urgency_score(label: UrgencyLabel, shares: &[f64]) -> i32 {
    let middle: f64 = URGENCIES.iter().zip(shares).map(|((.., middle), share)| middle * share).sum();
    let (least, most) = match label {
        UrgencyLabel::Low => (0, 14),
        UrgencyLabel::Normal => (15, 49),
        UrgencyLabel::High => (50, 79),
        UrgencyLabel::Critical => (80, 100),
    };
    (middle.round() as i32).clamp(least, most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Calendar;

    fn weights() -> Weights {
        let lines = ["-- said", "@\tescalate\t-1.0\t0.5", "notice\t1.50\t0:2.00", "notice period\t2.00\t0:1.00"];
        Weights::parse(&lines.join("\n")).unwrap()
    }

    fn sheet(text: &str) -> Sheet {
        Sheet::new(&Letter::of_text(text, &Calendar::office()), &Verdict::silent())
    }

    #[test]
    fn terms_are_words_pairs_numbers_and_signs() {
        let sheet = sheet("It’s NOT good?! £40");
        let found: Vec<&str> = sheet.terms().take(6).collect();
        assert_eq!(found, ["it's", "not", "good", "?!", "£", "#"]);
        assert!(sheet.terms().any(|term| term == "not good"));
    }

    #[test]
    fn the_sentence_that_weighs_most_is_shown() {
        let (weights, sheet) = (weights(), sheet("Hello there. What is the notice period? Bye."));
        let read = weights.read(&sheet);
        let sums = read.sums(&weights);
        assert!(weights.alone(&sums, "escalate").unwrap().0 > 0.9);
        let leaning = read.explain(&weights, &sheet, "escalate", 0.9);
        assert!(leaning.sentence.starts_with("What is the notice period"), "{}", leaning.sentence);
        assert_eq!(leaning.words, "notice, notice period");
        let sheet = self::sheet("By section 11.2 the notice period is £3,450.00 long. Bye.");
        let leaning = weights.read(&sheet).explain(&weights, &sheet, "escalate", 0.9);
        assert!(leaning.sentence.starts_with("By section 11.2 the notice"), "{}", leaning.sentence);
    }

    #[test]
    fn a_bad_line_is_named() {
        assert_eq!(Weights::parse("notice\t1.0\t0:x"), Err(1));
        assert_eq!(Weights::parse("-- fine\n\n@\tescalate\tx\t1"), Err(3));
    }

    #[test]
    fn the_shipped_weights_answer_every_question() {
        let names: Vec<&str> = ENGLISH.questions().iter().map(|q| q.name.as_str()).collect();
        assert!(TONES.iter().all(|(name, ..)| names.contains(name)));
        assert!(URGENCIES.iter().all(|(name, ..)| names.contains(name)));
        assert!(names.contains(&"escalate") && names.contains(&"displeased"));
        assert_eq!(names.iter().filter(|name| name.starts_with(PREFIX)).count(), 27);
        assert!(include_str!("../../rules/lang/learned-en.tsv").len() <= 2_000_000);
    }
}
