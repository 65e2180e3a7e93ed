//! The file of weights, and what a message comes to by it.

use std::collections::HashMap;
use std::ops::Range;

use super::sheet::Sheet;
use super::together::{Together, odds};
use crate::judge::verdict::Leaning;

/// What all words together weigh at most, and a mark that is 1.
const WORDS: f64 = 3.0;
const MARK: f64 = 0.3;
/// Words that an explanation names.
const NAMED: usize = 4;

/// One thing that is asked of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// `tone.…`, `urgency.…`, `signal.…`, `escalate` or `displeased`.
    pub name: String,
    /// What stands before any word is read.
    pub bias: f64,
    /// The share, 0 to 1, from which the answer is yes.
    pub from: f64,
}

/// A word, a pair of words, or a mark.
#[derive(Debug, Clone, PartialEq)]
struct Term {
    /// How much rarer it is than a word that all texts have: 1 or more.
    rarity: f64,
    /// Place in the questions, and weight.
    weights: Vec<(u16, f32)>,
}

/// The weights of a language.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    questions: Vec<Question>,
    places: HashMap<Box<str>, u32>,
    terms: Vec<Term>,
    together: Together,
}

/// How much `count` of a term amounts to, before rarity.
#[must_use]
pub fn often(count: u32) -> f64 {
    1.0 + f64::from(count.max(1)).ln()
}

/// Amounts of the terms of one text, so that all words together weigh the same in every text.
pub fn levelled(amounts: &mut [f64]) {
    let length = amounts.iter().map(|amount| amount * amount).sum::<f64>().sqrt();
    if length > 0.0 {
        for amount in amounts {
            *amount *= WORDS / length;
        }
    }
}

/// What a mark of this amount counts.
#[must_use]
pub fn marked(amount: f64) -> f64 {
    MARK * amount
}

pub(super) fn logistic(sum: f64) -> f64 {
    1.0 / (1.0 + (-sum).exp())
}

/// A text in terms of the weights.
pub(super) struct Read {
    /// Place of a term, and what it amounts to here; ascending.
    amounts: Vec<(u32, f64)>,
    /// Its terms that we know, in order.
    pub(super) known: Vec<Known>,
}

/// A term of the text that has weights.
pub(super) struct Known {
    place: u32,
    /// The word at which it begins, and where it stands in the plain text.
    word: usize,
    span: Range<usize>,
}

impl Weights {
    /// Reads the file of weights: `--` begins a comment, `@` a question (name, bias, share), `%` and `*` what answers mean
    /// together ([`Together`]), the others terms (term, rarity, then number of a question `:` weight, as often as needed),
    /// with tabs between.
    ///
    /// # Errors
    ///
    /// The number of a line that does not read so, from 1.
    pub fn parse(text: &str) -> Result<Self, usize> {
        let mut weights = Self::default();
        for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with("--")) {
            weights.line(line).ok_or(n + 1)?;
        }
        Ok(weights)
    }

    /// What is asked, in the order in which the terms number it.
    #[must_use]
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    fn line(&mut self, line: &str) -> Option<()> {
        let mut fields = line.split('\t');
        let first = fields.next()?;
        if first == "@" {
            let name = fields.next()?.to_owned();
            let (bias, from) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            self.questions.push(Question { name, bias, from });
            return Some(());
        }
        if first == "%" || first == "*" {
            return self.together.line(first, fields);
        }
        let rarity = fields.next()?.parse().ok()?;
        let weight = |field: &str| {
            let (place, weight) = field.split_once(':')?;
            Some((place.parse().ok()?, weight.parse().ok()?))
        };
        let weights = fields.next()?.split(' ').map(weight).collect::<Option<Vec<_>>>()?;
        self.places.insert(first.into(), u32::try_from(self.terms.len()).ok()?);
        self.terms.push(Term { rarity, weights });
        Some(())
    }

    pub(super) fn read(&self, sheet: &Sheet) -> Read {
        let found = sheet.spans().filter_map(|(span, word)| {
            let place = *self.places.get(sheet.term(span.clone())?)?;
            Some(Known { place, word, span })
        });
        let known: Vec<Known> = found.collect();
        let mut places: Vec<u32> = known.iter().map(|known| known.place).collect();
        places.sort_unstable();
        let (mut terms, mut amounts) = (Vec::new(), Vec::new());
        for run in places.chunk_by(|one, other| one == other) {
            let Some(term) = run.first().and_then(|place| self.terms.get(*place as usize)) else { continue };
            terms.extend(run.first());
            amounts.push(often(u32::try_from(run.len()).unwrap_or(u32::MAX)) * term.rarity);
        }
        levelled(&mut amounts);
        let marks = sheet.marks().iter().filter_map(|(name, amount)| Some((*self.places.get(name.as_str())?, *amount)));
        let mut amounts: Vec<(u32, f64)> = terms.into_iter().zip(amounts).collect();
        amounts.extend(marks.map(|(place, amount)| (place, marked(amount))));
        amounts.sort_unstable_by_key(|(place, _)| *place);
        Read { amounts, known }
    }

    /// The share of "should a manager hear of it now" once all answers are taken together.
    pub(super) fn told(&self, sums: &[f64], marks: &[(String, f64)]) -> Option<f64> {
        let [tones, urgencies] = ["tone.", "urgency."].map(|prefix| {
            let places = self.questions.iter().enumerate().filter(|(_, q)| q.name.starts_with(prefix));
            let places: Vec<usize> = places.map(|(n, _)| n).collect();
            let shares = softened(places.iter().filter_map(|n| sums.get(*n).copied()).collect());
            places.into_iter().zip(shares).collect::<Vec<_>>()
        });
        self.together.share(|name| match self.questions.iter().position(|q| q.name == name) {
            Some(place) => {
                let one = tones.iter().chain(&urgencies).find(|(of, _)| *of == place).map(|(_, share)| *share);
                one.or_else(|| sums.get(place).map(|sum| logistic(*sum))).map(odds)
            }
            None => marks.iter().find(|(mark, _)| mark == name).map(|(_, amount)| *amount),
        })
    }

    /// The share of a question that stands alone, and the share from which it is answered with yes.
    pub(super) fn alone(&self, sums: &[f64], name: &str) -> Option<(f64, f64)> {
        let (question, sum) = self.questions.iter().zip(sums).find(|(question, _)| question.name == name)?;
        Some((logistic(*sum), question.from))
    }

    /// The shares of questions of which just one is answered with yes; together 1.
    pub(super) fn shares(&self, sums: &[f64], names: &mut dyn Iterator<Item = &'static str>) -> Vec<f64> {
        let sum_of = |name| self.questions.iter().zip(sums).find(|(q, _)| q.name == name).map_or(0.0, |(_, sum)| *sum);
        softened(names.map(sum_of).collect())
    }
}

/// Shares of one, from sums.
fn softened(mut sums: Vec<f64>) -> Vec<f64> {
    let most = sums.iter().copied().fold(f64::MIN, f64::max);
    for sum in &mut sums {
        *sum = (*sum - most).exp();
    }
    let all: f64 = sums.iter().sum();
    for sum in &mut sums {
        *sum /= all;
    }
    sums
}

impl Read {
    pub(super) fn sums(&self, weights: &Weights) -> Vec<f64> {
        let mut sums: Vec<f64> = weights.questions.iter().map(|question| question.bias).collect();
        for (place, amount) in &self.amounts {
            for (question, weight) in weights.terms.get(*place as usize).into_iter().flat_map(|term| &term.weights) {
                if let Some(sum) = sums.get_mut(usize::from(*question)) {
                    *sum += amount * f64::from(*weight);
                }
            }
        }
        sums
    }

    /// The words and the sentence that weigh most for a question.
    pub(super) fn explain(&self, weights: &Weights, sheet: &Sheet, name: &str, share: f64) -> Leaning {
        let question = weights.questions.iter().position(|q| q.name == name).and_then(|n| u16::try_from(n).ok());
        let weight = |place: u32| {
            let term = weights.terms.get(place as usize)?;
            let (_, weight) = term.weights.iter().find(|(of, _)| Some(*of) == question)?;
            Some(f64::from(*weight))
        };
        // In step with the amounts, which are in order of their places.
        let points: Vec<f64> =
            self.amounts.iter().map(|(place, amount)| weight(*place).map_or(0.0, |weight| amount * weight)).collect();
        let of = |place: u32| {
            let at = self.amounts.binary_search_by_key(&place, |(place, _)| *place).ok()?;
            points.get(at).copied()
        };
        let mut words: Vec<(u32, f64, &Range<usize>)> = Vec::new();
        let mut by_word = vec![0.0; sheet.len()];
        for known in &self.known {
            let points = of(known.place).unwrap_or(0.0);
            if let Some(sum) = by_word.get_mut(known.word) {
                *sum += points;
            }
            if points > 0.0 {
                words.push((known.place, points, &known.span));
            }
        }
        words.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        words.dedup_by_key(|(place, ..)| *place);
        let words: Vec<&str> = words.iter().take(NAMED).filter_map(|(.., span)| sheet.term((*span).clone())).collect();
        Leaning {
            to: name.to_owned(),
            share: rounded(share),
            words: words.join(", "),
            sentence: sheet.strongest(&by_word),
        }
    }
}

fn rounded(share: f64) -> f64 {
    (share * 100.0).round() / 100.0
}
