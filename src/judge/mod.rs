//! Fourth stage: the text of one message → [`Verdict`].
//!
//! The engine knows language (sentences, negation, conditions, questions, who is
//! meant, time); the rules know the business. Pure, linear, within a budget.

mod verdict;

pub mod signal;

mod text;

mod language;
mod machine;
mod needs;
mod prefilter;
mod quick;
mod rules;

mod deadline;
mod deed;
mod evidence;
mod moment;
mod plan;
mod promise;
mod report;
mod severity;
mod weigh;

pub mod learned;

pub mod score;

pub use rules::{Cap, Complaint, Complaints, Labels, RuleFile, RuleInfo, Rules, Status, shipped};
pub use signal::Topic;
pub use verdict::{
    Deed, DeedSort, Hit, Leaning, Letter, Promise, PromiseSort, Severity, Side, Signal, Tone, ToneLabel, Urgency,
    UrgencyLabel, Verdict,
};

/// Stems of the words that tell what a text is about, each once.
#[must_use]
pub fn about(text: &str) -> Vec<String> {
    language::WORDS.about(text)
}

/// How near the words of a message, taken together, come to what a manager is told at once, in percent: 100 there.
#[must_use]
pub fn nearly(verdict: &Verdict) -> u8 {
    learned::nearly(verdict)
}

/// The whole sentences of a text in which these words stand, in their order; `None` where they stand in none.
#[must_use]
pub fn sentences_with(text: &str, words: &[&str]) -> Vec<Option<String>> {
    let zone = text::Zone::new(text);
    let holds = |words: &&str| {
        let words = words.trim().to_ascii_lowercase();
        zone.sentences().find(|s| !words.is_empty() && s.low().contains(&words)).map(|s| s.text().to_owned())
    };
    words.iter().map(holds).collect()
}

/// Judges messages by a checked set of rules.
#[derive(Debug, Clone)]
pub struct Judge {
    rules: Rules,
}

impl Judge {
    /// A judge who goes by `rules`.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules }
    }

    /// The rules it goes by.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Judges one message. Defined for every text, linear in its size; at most
    /// 64 KiB of each part are read.
    #[must_use]
    pub fn judge(&self, letter: &Letter<'_>) -> Verdict {
        evidence::gather(&self.rules, letter).verdict(&self.rules, letter)
    }

    /// The same by the rules alone, before their words are weighed together.
    #[must_use]
    pub fn by_rules(&self, letter: &Letter<'_>) -> Verdict {
        evidence::gather(&self.rules, letter).by_rules(&self.rules, letter)
    }
}
