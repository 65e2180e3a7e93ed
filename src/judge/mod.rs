//! Fourth stage: the text of one message → [`Verdict`].
//!
//! The engine knows language (sentences, negation, conditions, questions, who is
//! meant, time); the rules know the business. Pure, linear, within a budget.

mod verdict;

pub use verdict::{
    Hit, Letter, Promise, Severity, Side, Signal, Tone, ToneLabel, Urgency, UrgencyLabel, Verdict,
};
