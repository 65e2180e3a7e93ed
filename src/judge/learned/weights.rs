//! The file of weights, and what a message comes to by it.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::ops::Range;

use foldhash::fast::FixedState;

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
    /// The questions for which it weighs anything, a bit each.
    asked: u64,
    /// Where its weights, one a bit, begin among those of all terms.
    from: u32,
}

/// The weights of a language.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    questions: Vec<Question>,
    /// Places of terms by their hash: no two share one, and the words themselves need not be looked at.
    places: HashMap<u64, u32, FixedState>,
    terms: Vec<Term>,
    /// Place in the questions, and weight: those of the first term, of the second, …
    all: Vec<(u16, f32)>,
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
    /// Its place among the amounts.
    amount: usize,
    /// The word at which it begins, and where it stands in the plain text.
    word: usize,
    span: Range<usize>,
}

impl Weights {
    /// Reads the file of weights: `--` begins a comment, `@` a question (name, bias, share), `%` and `*` what answers mean
    /// together (`Together`), the others terms (term, rarity, then number of a question `:` weight, as often as needed),
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
        let (from, mut asked) = (u32::try_from(self.all.len()).ok()?, 0u64);
        for field in fields.next()?.split(' ') {
            let (question, weight): (u16, f32) = weight(field)?;
            // Questions are few, and stand in order.
            let bit = 1u64.checked_shl(question.into()).filter(|bit| *bit > asked)?;
            asked |= bit;
            self.all.push((question, weight));
        }
        let place = u32::try_from(self.terms.len()).ok()?;
        if self.places.insert(hash(first), place).is_some() {
            return None;
        }
        self.terms.push(Term { rarity, asked, from });
        Some(())
    }

    /// What the term of a place weighs for one question.
    fn weight(&self, place: u32, question: u16) -> f64 {
        let bit = 1u64.checked_shl(question.into()).unwrap_or(0);
        let term = self.terms.get(place as usize).filter(|term| term.asked & bit != 0);
        let weight = term.and_then(|term| self.all.get((term.from + (term.asked & (bit - 1)).count_ones()) as usize));
        weight.map_or(0.0, |(_, weight)| f64::from(*weight))
    }

    /// What the term of a place weighs for which question.
    fn of(&self, place: u32) -> &[(u16, f32)] {
        let rest = self.terms.get(place as usize).and_then(|term| {
            let from = term.from as usize;
            self.all.get(from..from + term.asked.count_ones() as usize)
        });
        rest.unwrap_or_default()
    }

    pub(super) fn read(&self, sheet: &Sheet) -> Read {
        let mut known: Vec<Known> = Vec::with_capacity(2 * sheet.len());
        // Each place, and below it the number of a term that has it: one number sorts faster than two.
        let mut places: Vec<u64> = Vec::with_capacity(2 * sheet.len());
        for (span, word) in sheet.spans() {
            let place = sheet.term(span.clone()).and_then(|term| self.places.get(&hash(term)));
            if let Some(place) = place {
                places.push(u64::from(*place) << 32 | known.len() as u64);
                known.push(Known { amount: 0, word, span });
            }
        }
        places.sort_unstable();
        let (mut terms, mut amounts) = (Vec::new(), Vec::new());
        for run in places.chunk_by(|one, other| place_of(*one) == place_of(*other)) {
            let Some(place) = run.first().map(|packed| place_of(*packed)) else { continue };
            let Some(term) = self.terms.get(place as usize) else { continue };
            terms.push(place);
            amounts.push(often(u32::try_from(run.len()).unwrap_or(u32::MAX)) * term.rarity);
        }
        levelled(&mut amounts);
        let marks = sheet.marks().iter().filter_map(|(name, amount)| Some((*self.places.get(&hash(name))?, *amount)));
        let mut amounts: Vec<(u32, f64)> = terms.into_iter().zip(amounts).collect();
        amounts.extend(marks.map(|(place, amount)| (place, marked(amount))));
        amounts.sort_unstable_by_key(|(place, _)| *place);
        // Both are in order of their places.
        let mut at = 0;
        for packed in places {
            while amounts.get(at).is_some_and(|(here, _)| *here < place_of(packed)) {
                at += 1;
            }
            let number = packed & u64::from(u32::MAX);
            if let Some(known) = usize::try_from(number).ok().and_then(|number| known.get_mut(number)) {
                known.amount = at;
            }
        }
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
            for (question, weight) in weights.of(*place) {
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
        let points = |(place, amount): &(u32, f64)| amount * question.map_or(0.0, |of| weights.weight(*place, of));
        // In step with the amounts.
        let points: Vec<f64> = self.amounts.iter().map(points).collect();
        let mut most: Vec<(f64, &Known)> = Vec::with_capacity(NAMED + 1);
        // The points of the last of them, once they are complete.
        let mut least = 0.0;
        let mut by_word = vec![0.0; sheet.len()];
        for known in &self.known {
            let points = points.get(known.amount).copied().unwrap_or(0.0);
            if let Some(sum) = by_word.get_mut(known.word) {
                *sum += points;
            }
            if points > 0.0 && points >= least {
                insert(&mut most, points, known);
                least = most.get(NAMED - 1).map_or(0.0, |(least, _)| *least);
            }
        }
        let words: Vec<&str> = most.iter().filter_map(|(_, known)| sheet.term(known.span.clone())).collect();
        Leaning {
            to: name.to_owned(),
            share: rounded(share),
            words: words.join(", "),
            sentence: sheet.strongest(&by_word),
        }
    }
}

fn hash(term: &str) -> u64 {
    FixedState::default().hash_one(term)
}

/// The upper half.
fn place_of(packed: u64) -> u32 {
    u32::try_from(packed >> 32).unwrap_or(u32::MAX)
}

/// Keeps the terms of most points, each once; of equals, those that come first among the weights.
fn insert<'a>(most: &mut Vec<(f64, &'a Known)>, points: f64, known: &'a Known) {
    let before = |(other, of): &(f64, &Known)| match other.total_cmp(&points) {
        Ordering::Greater => true,
        Ordering::Equal => of.amount <= known.amount,
        Ordering::Less => false,
    };
    let at = most.iter().position(|one| !before(one)).unwrap_or(most.len());
    let is_there = at.checked_sub(1).and_then(|at| most.get(at)).is_some_and(|(_, of)| of.amount == known.amount);
    if at < NAMED && !is_there {
        most.insert(at, (points, known));
        most.truncate(NAMED);
    }
}

fn rounded(share: f64) -> f64 {
    (share * 100.0).round() / 100.0
}
