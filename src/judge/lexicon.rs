//! How far the words of a text lean to displeasure, where no rule says so.
//!
//! A linear model over words and pairs of words, `rules/lang/lexicon-en.toml`. It ranks messages that rules find alike; it
//! moves the score of a tone by less than any label asks for, so that no label and no alert rests on it.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde::Deserialize;

/// Most words of a text that are looked at.
const WORDS: usize = 1_500;
/// The most that the lean takes off a score: below the least label.
const MOST: f64 = 9.0;
/// Terms that are named in the explanation.
const NAMED: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lexicon {
    bias: f64,
    terms: HashMap<String, f64>,
}

#[expect(clippy::expect_used, reason = "the file is part of the program; a test reads it")]
static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    toml::from_str(include_str!("../../rules/lang/lexicon-en.toml")).expect("the lexicon holds together")
});

/// The lean of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lean {
    /// Points off the score of the tone, 0 to 9.
    pub(super) points: i32,
    /// The terms that weigh most.
    pub(super) words: String,
}

/// The words of a text, lower case, and each pair of neighbours.
pub fn terms(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'').map(|word| word.trim_matches('\''));
    let words: Vec<String> = words.filter(|word| !word.is_empty()).take(WORDS).map(str::to_lowercase).collect();
    let pairs: Vec<String> = words.windows(2).map(|pair| pair.join(" ")).collect();
    words.into_iter().chain(pairs)
}

/// How far a text leans to displeasure.
#[expect(clippy::cast_possible_truncation, reason = "between 0 and 9")]
pub(super) fn lean(text: &str) -> Lean {
    let mut seen = HashSet::new();
    let mut found: Vec<(String, f64)> = terms(text)
        .filter_map(|term| LEXICON.terms.get(&term).map(|weight| (term, *weight)))
        .filter(|(term, _)| seen.insert(term.clone()))
        .collect();
    let sum: f64 = found.iter().map(|(_, weight)| weight).sum();
    let share = 1.0 / (1.0 + (-sum - LEXICON.bias).exp());
    found.sort_by(|one, other| other.1.total_cmp(&one.1));
    let named = found.iter().filter(|(_, weight)| *weight > 0.0).take(NAMED).map(|(term, _)| term.as_str());
    Lean { points: (MOST * share).round() as i32, words: named.collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lexicon_leans_the_way_people_do() {
        assert!(LEXICON.terms.len() > 500);
        let of = |text: &str| lean(text).points;
        assert!(of("This is really ugly and I hate how broken it is.") > of("Please merge this when you have time."));
        assert!(of("") <= 4);
        assert!((0..=9).contains(&of(&"hate ".repeat(5_000))));
    }

    #[test]
    fn terms_are_words_and_pairs() {
        let found: Vec<String> = terms("It's NOT good!").collect();
        assert_eq!(found, ["it's", "not", "good", "it's not", "not good"]);
    }
}
