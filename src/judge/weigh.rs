//! From evidence to a verdict.
//!
//! Praise and blame are summed apart, each group within its cap: politeness
//! weighs nothing, and praise beside failure never makes a message positive.

use std::collections::BTreeMap;

use super::Letter;
use super::evidence::{Evidence, Fired};
use super::language::WORDS;
use super::learned;
use super::rules::{Labels, Rules};
use super::severity::{self, Circumstances};
use super::signal;
use super::verdict::{Severity, Signal, Tone, ToneLabel, Urgency, UrgencyLabel, Verdict};
use crate::read::Direction;

impl Evidence {
    /// Sums up.
    pub(super) fn verdict(self, rules: &Rules, letter: &Letter<'_>) -> Verdict {
        let mut circumstances = Circumstances { before_opening: self.wanted.before_opening, share: None };
        let mut verdict = self.by_rules(rules, letter);
        let Some(weighed) = learned::weigh(letter, &verdict) else { return verdict };
        circumstances.share = Some(weighed.escalate);
        weighed.settle(&mut verdict, |rule| rules.is_own(rule));
        // Whether a copy is for effect, the message says as it now reads.
        verdict.signals.retain(|found| found.rule != COPY);
        if let Some(tone) = verdict.tone {
            add_structural(&mut verdict.signals, letter, tone);
        }
        add_broader(&mut verdict.signals);
        verdict.reasons.clear();
        severity::decide(rules, letter, circumstances, &mut verdict);
        verdict
    }

    /// What the rules alone say.
    pub(super) fn by_rules(mut self, rules: &Rules, letter: &Letter<'_>) -> Verdict {
        let labels = rules.labels();
        self.cap(rules);
        let sums = Sums::of(&self.hits);
        let tone = tone(labels, &sums, &self);
        let mut signals = self.signals();
        add_structural(&mut signals, letter, tone);
        add_broader(&mut signals);
        let urgency = urgency(labels, &sums, &self, tone);
        let confidence = self.confidence(letter);
        let circumstances = Circumstances { before_opening: self.wanted.before_opening, share: None };
        let [about, words] = self.about;
        let mut verdict = Verdict {
            tone: Some(tone),
            urgency: Some(urgency),
            asks: self.asks,
            signals,
            hits: self.hits.into_iter().map(|fired| fired.hit).collect(),
            leanings: Vec::new(),
            commitments: self.promises.into_iter().map(|found| found.promise).collect(),
            deeds: self.deeds,
            about,
            words,
            severity: Severity::None,
            confidence,
            reasons: Vec::new(),
        };
        severity::decide(rules, letter, circumstances, &mut verdict);
        verdict
    }

    /// Writes the points that count into the hits: each group within its cap.
    fn cap(&mut self, rules: &Rules) {
        // What each group has left, by group and by column: worse, better, urgency up, urgency down.
        let mut left: BTreeMap<(String, u8), f64> = BTreeMap::new();
        for fired in self.hits.iter_mut().filter(|fired| fired.hit.suppressed.is_none()) {
            let group = rules.rule(&fired.hit.rule).and_then(|rule| rule.group.clone());
            let cap = group.as_ref().and_then(|g| rules.labels().groups.get(g).copied());
            let key = group.unwrap_or_default();
            let mut take = |points: f64, column: u8, most: Option<i32>| {
                let Some(most) = most else { return points };
                let rest = left.entry((key.clone(), column)).or_insert_with(|| f64::from(most));
                let taken = points.abs().min(*rest);
                *rest -= taken;
                taken.copysign(points)
            };
            let tone = take(fired.tone, u8::from(fired.tone > 0.0), cap.map(|c| c.tone));
            let urgency = take(fired.urgency, 2 + u8::from(fired.urgency > 0.0), cap.map(|c| c.urgency));
            fired.hit.tone = points(tone * self.weight);
            fired.hit.urgency = points(urgency);
        }
    }

    fn signals(&self) -> Vec<Signal> {
        let mut found: Vec<Signal> = Vec::new();
        let from_rules = self.hits.iter().filter(|f| f.hit.suppressed.is_none() && !f.inverted);
        for fired in from_rules {
            let Some(name) = &fired.hit.signal else {
                continue;
            };
            if found.iter().all(|s| s.signal != *name) {
                found.push(Signal {
                    signal: name.clone(),
                    rule: fired.hit.rule.clone(),
                    words: fired.hit.words.clone(),
                });
            }
        }
        for signal in &self.engine {
            if found.iter().all(|s| s.signal != signal.signal) {
                found.push(signal.clone());
            }
        }
        found
    }

    /// As sure as the surest evidence, and no surer than the reading.
    fn confidence(&self, letter: &Letter<'_>) -> f64 {
        let counted = self.hits.iter().filter(|f| f.hit.suppressed.is_none());
        let best =
            counted.map(|f| f.confidence).fold(None, |best: Option<f64>, c| Some(best.map_or(c, |best| best.max(c))));
        let evidence = if self.engine.is_empty() { best.unwrap_or(1.0) } else { 1.0 };
        (evidence * self.weight).min(letter.reading_confidence)
    }
}

/// Negative and positive points, kept apart.
struct Sums {
    worse: i32,
    better: i32,
    urgency: i32,
}

impl Sums {
    fn of(hits: &[Fired]) -> Self {
        let counted = || hits.iter().filter(|f| f.hit.suppressed.is_none()).map(|f| &f.hit);
        Self {
            worse: counted().map(|hit| (-hit.tone).max(0)).sum(),
            better: counted().map(|hit| hit.tone.max(0)).sum(),
            urgency: counted().map(|hit| hit.urgency).sum(),
        }
    }
}

fn tone(labels: &Labels, sums: &Sums, evidence: &Evidence) -> Tone {
    let Sums { worse, better, .. } = *sums;
    let failure = evidence.holds("quality_complaint") || evidence.holds("broken_promise");
    let outweighed =
        worse < labels.frustrated && !failure && f64::from(better) >= labels.outweigh * f64::from(worse.max(1));
    let label = if worse >= labels.hostile {
        ToneLabel::Hostile
    } else if worse >= labels.frustrated {
        ToneLabel::Frustrated
    } else if worse >= labels.concerned && !outweighed {
        ToneLabel::Concerned
    } else if failure && worse > 0 {
        ToneLabel::Neutral
    } else if better >= labels.grateful {
        ToneLabel::Grateful
    } else if better >= labels.positive {
        ToneLabel::Positive
    } else {
        ToneLabel::Neutral
    };
    let score = match label {
        ToneLabel::Hostile | ToneLabel::Frustrated | ToneLabel::Concerned => -worse,
        ToneLabel::Positive | ToneLabel::Grateful => better - worse.min(better),
        ToneLabel::Neutral => better.min(labels.positive) - worse,
    };
    Tone { label, score: score.clamp(-100, 100) }
}

/// Signals that never wait until another day.
const GRAVE: [&str; 4] = ["legal_threat", "abuse", "over_your_head", "staff_hostile"];

fn urgency(labels: &Labels, sums: &Sums, evidence: &Evidence, tone: Tone) -> Urgency {
    let mut score = labels.base + sums.urgency;
    if evidence.wanted.short_notice.is_some() {
        score += labels.short_notice;
        if evidence.wanted.within_two_hours {
            score += labels.within_hours;
        }
    }
    if !evidence.asks {
        score += labels.no_ask;
        if tone.label >= ToneLabel::Positive {
            score += labels.only_thanks;
        }
    } else if evidence.unhurried && evidence.wanted.short_notice.is_none() {
        score += labels.no_ask;
    }
    // Law, insult and going to a superior want an answer the same day, whatever time is named.
    let grave = tone.label == ToneLabel::Hostile || GRAVE.iter().any(|signal| evidence.holds(signal));
    let score = if grave { score.max(labels.high) } else { score };
    let label = if score >= labels.critical {
        UrgencyLabel::Critical
    } else if score >= labels.high {
        UrgencyLabel::High
    } else if score >= labels.normal {
        UrgencyLabel::Normal
    } else {
        UrgencyLabel::Low
    };
    Urgency { label, score: score.clamp(0, 100) }
}

/// The rule of a superior on copy.
const COPY: &str = "engine:copy";

/// A superior newly on copy of a tense message goes over somebody's head.
fn add_structural(signals: &mut Vec<Signal>, letter: &Letter<'_>, tone: Tone) {
    const PRESSING: [&str; 5] =
        ["short_notice_deadline", "chaser", "urgency_words", "exclusivity_demand", "after_hours_demand"];
    let Some(superior) = letter.superiors_on_copy.first() else {
        return;
    };
    let pressing = signals.iter().any(|s| PRESSING.contains(&s.signal.as_str()));
    // Who praises and copies a superior wants the praise to be heard.
    let praised = signals.iter().any(|s| s.signal == "praise");
    let complains = signals.iter().any(|s| signal::is_negative(&s.signal));
    let cross = complains || !praised;
    let tense = (tone.label <= ToneLabel::Frustrated && cross)
        || (tone.label <= ToneLabel::Neutral && pressing && !praised)
        || signals.iter().any(|s| signal::is_negative(&s.signal) && s.signal == "blame");
    let announced =
        tone.label <= ToneLabel::Concerned && cross && WORDS.brings_in(letter.new_text, letter.superiors_on_copy);
    if letter.direction != Direction::Inbound || !(tense || announced) {
        return;
    }
    for name in ["superior_copied", "over_your_head"] {
        if signals.iter().all(|s| s.signal != name) {
            signals.push(Signal { signal: name.to_owned(), rule: COPY.to_owned(), words: superior.clone() });
        }
    }
}

fn add_broader(signals: &mut Vec<Signal>) {
    let mut added: Vec<Signal> = Vec::new();
    let names = |list: &[Signal], name: &str| list.iter().any(|s| s.signal == name);
    for finer in signals.iter() {
        let broad = match finer.signal.as_str() {
            "berating" if !names(signals, "abuse") => Some("blame"),
            name => signal::broader(name),
        };
        if let Some(broad) = broad
            && !names(signals, broad)
            && !names(&added, broad)
        {
            added.push(Signal { signal: broad.to_owned(), ..finer.clone() });
        }
    }
    signals.extend(added);
}

/// Points, whole.
#[expect(clippy::cast_possible_truncation, reason = "at most a few hundred in either direction")]
fn points(value: f64) -> i32 {
    value.round().clamp(-1_000.0, 1_000.0) as i32
}
