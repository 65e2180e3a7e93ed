//! A message as the weights read it: each term a slice of one plain text, and what else counts.

use std::ops::Range;

use crate::judge::language;
use crate::judge::verdict::{Letter, Verdict};
use crate::read::Direction;

/// What stands in the place of a name: no word reads so.
const NAME: &str = "Aa";
/// Days and months, which have capitals and are no names; each may be cut to three letters.
const DAYS: [&str; 19] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Most bytes of a text that are looked at.
const MOST_BYTES: usize = 16 << 10;
/// Sentences of fewer words weigh no more by being short.
const SHORT: u16 = 8;

/// The text of a message made plain, so that each term is a slice of it; and what else counts.
#[derive(Debug)]
pub struct Sheet {
    /// Words in lower case, digits as `#`, names as `Aa`, a blank between two.
    plain: String,
    words: Vec<Range<usize>>,
    /// By word: the place in the message of which it was made.
    origins: Vec<Range<usize>>,
    /// By word: whether a sentence begins with it.
    begins: Vec<bool>,
    text: String,
    marks: Vec<(String, f64)>,
}

impl Sheet {
    /// Subject and new text of a letter, and what the rules say of it.
    #[must_use]
    pub fn new(letter: &Letter<'_>, by_rules: &Verdict) -> Self {
        let cut = |text: &str| text.get(..text.floor_char_boundary(MOST_BYTES)).unwrap_or_default().to_owned();
        let subject = if language::WORDS.inherited(letter.subject) { "" } else { letter.subject };
        let mut text = format!("{} .\n{}", cut(subject), cut(letter.new_text));
        for phrase in letter.stop_phrases.iter().filter(|phrase| !phrase.is_empty()) {
            text = without(&text, phrase);
        }
        let found: Vec<(usize, &str)> = tokens(&text).collect();
        let origins: Vec<Range<usize>> = found.iter().map(|(at, token)| *at..at + token.len()).collect();
        let begins = beginnings(&text, &origins);
        let (mut plain, mut words) = (String::with_capacity(text.len()), Vec::with_capacity(found.len()));
        for (n, (_, token)) in found.iter().enumerate() {
            if !plain.is_empty() {
                plain.push(' ');
            }
            let start = plain.len();
            if token.starts_with(|c: char| c.is_ascii_digit()) {
                plain.push('#');
            } else if is_name(&found, &begins, n) {
                plain.push_str(NAME);
            } else if token.is_ascii() {
                plain.push_str(token);
                if let Some(word) = plain.get_mut(start..) {
                    word.make_ascii_lowercase();
                }
            } else {
                plain.extend(token.chars().flat_map(char::to_lowercase).map(|c| if c == '’' { '\'' } else { c }));
            }
            words.push(start..plain.len());
        }
        let marks = marks(letter, by_rules, words.len());
        Self { plain, words, origins, begins, text, marks }
    }

    /// Each word, and each pair of neighbours, as often as it is there.
    pub fn terms(&self) -> impl Iterator<Item = &str> {
        self.spans().filter_map(|(span, _)| self.plain.get(span))
    }

    /// What else counts, with its amount.
    #[must_use]
    pub fn marks(&self) -> &[(String, f64)] {
        &self.marks
    }

    /// How many words it has.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// The term that a span of [`Sheet::spans`] is.
    pub(super) fn term(&self, span: Range<usize>) -> Option<&str> {
        self.plain.get(span)
    }

    /// Each term, and the word at which it begins.
    pub(super) fn spans(&self) -> impl Iterator<Item = (Range<usize>, usize)> {
        let words = self.words.iter().cloned().enumerate().map(|(n, span)| (span, n));
        let pairs = self.words.windows(2).enumerate();
        words.chain(pairs.filter_map(|(n, pair)| Some((pair.first()?.start..pair.last()?.end, n))))
    }
}

/// Which words begin a sentence. The sign that ends one may be a word of its own, or stand between two.
fn beginnings(text: &str, origins: &[Range<usize>]) -> Vec<bool> {
    let ends = |c: char| matches!(c, '.' | '!' | '?' | '\n');
    let mut before: Option<usize> = None;
    let begins = |origin: &Range<usize>| {
        let ended = before.replace(origin.end).is_none_or(|end| {
            let between = text.get(end.saturating_sub(1)..origin.start);
            between.is_none_or(|between| between.contains(ends) && !is_point(text, end, origin.start))
        });
        ended && !text.get(origin.clone()).is_some_and(|word| word.contains(ends))
    };
    origins.iter().map(begins).collect()
}

/// Whether what stands between two words is the point within a number, as in `£3,450.00` or `section 11.2`.
fn is_point(text: &str, end: usize, start: usize) -> bool {
    let digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    text.get(end..start) == Some(".") && digit(end.wrapping_sub(1)) && digit(start)
}

/// Whether a word is written as a name: with a capital where no sentence begins, or right before such a word.
/// Who people are must not weigh, only what they say.
fn is_name(tokens: &[(usize, &str)], begins: &[bool], n: usize) -> bool {
    let capital = |n: usize| {
        let Some((_, token)) = tokens.get(n) else { return false };
        let mut letters = token.chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.as_str().contains(char::is_lowercase)
            && !token.starts_with("I'")
            && !token.starts_with("I’")
            && !is_day(token)
    };
    let within = |n: usize| capital(n) && begins.get(n).is_some_and(|begins| !begins);
    within(n) || (capital(n) && within(n + 1))
}

fn is_day(word: &str) -> bool {
    let cut = |day: &str| day.get(..word.len().clamp(3, day.len())).is_some_and(|head| head.eq_ignore_ascii_case(word));
    DAYS.iter().any(|day| cut(day) || word.strip_suffix('s').is_some_and(|one| one.eq_ignore_ascii_case(day)))
}

/// The text with blanks in the place of a phrase, whatever its letter case.
fn without(text: &str, phrase: &str) -> String {
    let (low, phrase) = (text.to_ascii_lowercase(), phrase.to_ascii_lowercase());
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in low.match_indices(&phrase) {
        out.push_str(text.get(from..at).unwrap_or_default());
        out.push(' ');
        from = at + found.len();
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Runs of letters with their apostrophes, of digits, of `?` and `!`, and signs of money; each with its place.
fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let kind = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '\'' | '’' => 1,
        '0'..='9' => 2,
        '?' | '!' => 3,
        '£' | '$' | '€' => 4,
        c if !c.is_ascii() && c.is_alphabetic() => 1,
        _ => 0,
    };
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let start = at + rest.find(|c| kind(c) != 0)?;
            let rest = text.get(start..)?;
            let of = rest.chars().next().map(kind)?;
            let length = if of < 4 { rest.find(|c| kind(c) != of) } else { rest.chars().next().map(char::len_utf8) };
            let whole = rest.get(..length.unwrap_or(rest.len()))?;
            at = start + whole.len();
            let apostrophes = ['\'', '’'];
            let token = if of == 1 { whole.trim_start_matches(apostrophes) } else { whole };
            if !token.is_empty() {
                let start = at - token.len();
                return Some((start, if of == 1 { token.trim_end_matches(apostrophes) } else { token }));
            }
        }
    })
}

/// What the rules and the engine found, and the look of the text.
fn marks(letter: &Letter<'_>, by_rules: &Verdict, words: usize) -> Vec<(String, f64)> {
    let mut found: Vec<(String, f64)> = Vec::new();
    let mut mark = |name: String, amount: f64| {
        if amount != 0.0 {
            found.push((name, amount));
        }
    };
    if let (Some(tone), Some(urgency)) = (by_rules.tone, by_rules.urgency) {
        mark("=worse".to_owned(), f64::from((-tone.score).max(0)) / 30.0);
        mark("=better".to_owned(), f64::from(tone.score.max(0)) / 30.0);
        mark("=urgency".to_owned(), f64::from(urgency.score - 30) / 30.0);
        mark(format!("=tone {:?}", tone.label), 1.0);
        mark(format!("=urgency {:?}", urgency.label), 1.0);
    }
    mark(format!("=severity {:?}", by_rules.severity), 1.0);
    for signal in &by_rules.signals {
        mark(format!("={}", signal.signal), 1.0);
    }
    mark("=asks".to_owned(), f64::from(u8::from(by_rules.asks)));
    let side = if letter.direction == Direction::Outbound { "us".to_owned() } else { format!("{:?}", letter.kind) };
    mark(format!("=from {side}"), 1.0);
    let count = |sign: char| f64::from(u8::try_from(letter.new_text.matches(sign).take(3).count()).unwrap_or(3)) / 2.0;
    mark("=?".to_owned(), count('?'));
    mark("=!".to_owned(), count('!'));
    let shouted = letter
        .new_text
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| word.chars().all(char::is_uppercase) && word.chars().nth(2).is_some());
    mark("=capitals".to_owned(), f64::from(u8::try_from(shouted.take(4).count()).unwrap_or(4)) / 3.0);
    mark("=length".to_owned(), f64::from(u16::try_from(words).unwrap_or(u16::MAX)).ln_1p() / 4.0);
    found
}

impl Sheet {
    /// The sentence whose words add up to most; at most 200 characters.
    pub(super) fn strongest(&self, by_word: &[f64]) -> String {
        let mut best: Option<(f64, Range<usize>)> = None;
        let mut here: Option<(f64, u16, Range<usize>)> = None;
        let mut words = self.origins.iter().zip(&self.begins).zip(by_word).peekable();
        while let Some(((origin, begins), points)) = words.next() {
            here = match here {
                Some((sum, count, span)) if !begins => {
                    Some((sum + points, count.saturating_add(1), span.start..origin.end))
                }
                _ => Some((*points, 1, origin.clone())),
            };
            let ends = words.peek().is_none_or(|((_, begins), _)| **begins);
            if let Some((sum, count, span)) = here.as_ref().filter(|_| ends) {
                // A long sentence gathers points by its length alone.
                let weight = sum / f64::from((*count).max(SHORT)).sqrt();
                if best.as_ref().is_none_or(|(most, _)| weight > *most) {
                    best = Some((weight, span.clone()));
                }
            }
        }
        let text = best.and_then(|(_, span)| self.text.get(span)).unwrap_or_default();
        text.chars().take(200).collect()
    }
}
