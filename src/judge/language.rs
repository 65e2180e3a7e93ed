//! What a sentence means around a match: denied, conditional, asked, hedged, and
//! of whom it speaks. The words are data, in `rules/lang/judge-en.toml`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

/// Words between a negator and what it denies.
const NEGATION_REACH: usize = 5;
/// Bytes between a verb of copying and the name of who is copied.
const COPIED_REACH: usize = 60;
/// Words between a hedge or an intensifier and what it colours.
const COLOUR_REACH: usize = 3;

/// The language pack: a regular expression a notion.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pack {
    abbreviations: String,
    courtesy: String,
    negators: String,
    no_negation: String,
    denied_after: String,
    breaks: String,
    conditions: String,
    subject: String,
    softeners: String,
    strengtheners: String,
    third: String,
    reader: String,
    own_fault: String,
    writer: String,
    request: String,
    imperative: String,
    copying: String,
    unhurried: String,
    inherited: String,
    time: std::collections::BTreeMap<String, String>,
    promise: std::collections::BTreeMap<String, String>,
}

/// The language pack, compiled.
#[derive(Debug)]
pub(super) struct Words {
    abbreviations: Regex,
    courtesy: Regex,
    negators: Regex,
    no_negation: Regex,
    denied_after: Regex,
    breaks: Regex,
    conditions: Regex,
    subject: Regex,
    softeners: Regex,
    strengtheners: Regex,
    third: Regex,
    reader: Regex,
    own_fault: Regex,
    writer: Regex,
    request: Regex,
    imperative: Regex,
    copying: Regex,
    unhurried: Regex,
    inherited: Regex,
    time: std::collections::BTreeMap<String, Regex>,
    promise: std::collections::BTreeMap<String, Regex>,
}

/// English.
pub(super) static WORDS: LazyLock<Words> = LazyLock::new(Words::english);

/// Whom a clause speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    /// The reader, or nobody in particular.
    Reader,
    /// The writer, of their own doing.
    Writer,
    /// Somebody else.
    Third,
}

impl Words {
    #[expect(
        clippy::expect_used,
        reason = "the pack is part of the binary; a test loads it"
    )]
    fn english() -> Self {
        let pack: Pack = toml::from_str(include_str!("../../rules/lang/judge-en.toml"))
            .expect("the language pack is whole");
        let compile = |text: &str| {
            let ascii = text.replace(r"\b", r"(?-u:\b)");
            let mut builder = RegexBuilder::new(&ascii);
            builder.case_insensitive(true).ignore_whitespace(true);
            builder.build().expect("the language pack is whole")
        };
        let all = |texts: &std::collections::BTreeMap<String, String>| {
            texts
                .iter()
                .map(|(name, text)| (name.clone(), compile(text)))
                .collect()
        };
        Self {
            abbreviations: compile(&pack.abbreviations),
            courtesy: compile(&pack.courtesy),
            negators: compile(&pack.negators),
            no_negation: compile(&pack.no_negation),
            denied_after: compile(&pack.denied_after),
            breaks: compile(&pack.breaks),
            conditions: compile(&pack.conditions),
            subject: compile(&pack.subject),
            softeners: compile(&pack.softeners),
            strengtheners: compile(&pack.strengtheners),
            third: compile(&pack.third),
            reader: compile(&pack.reader),
            own_fault: compile(&pack.own_fault),
            writer: compile(&pack.writer),
            request: compile(&pack.request),
            imperative: compile(&pack.imperative),
            copying: compile(&pack.copying),
            unhurried: compile(&pack.unhurried),
            inherited: compile(&pack.inherited),
            time: all(&pack.time),
            promise: all(&pack.promise),
        }
    }

    /// Whether a text says that one of these people is put on copy.
    pub(super) fn brings_in(&self, text: &str, names: &[String]) -> bool {
        self.copying.find_iter(text).any(|verb| {
            let rest = text.get(verb.end()..).unwrap_or_default();
            let near = rest.get(..rest.floor_char_boundary(COPIED_REACH)).unwrap_or_default();
            let near = near.split(['.', '!', '?', '\n']).next().unwrap_or_default().to_lowercase();
            let mut words = near.split(|c: char| !c.is_alphanumeric());
            words.any(|word| names.iter().any(|name| name.to_lowercase() == word))
        })
    }

    /// Whether a full stop after `before` ends a word, not a sentence.
    pub(super) fn is_abbreviation(&self, before: &str) -> bool {
        let tail = tail(before, 12);
        let numbered =
            before.trim().len() <= 3 && before.trim().bytes().all(|b| b.is_ascii_digit());
        numbered || self.abbreviations.is_match(tail)
    }

    /// Whether a line only greets or takes leave.
    pub(super) fn is_courtesy(&self, line: &str) -> bool {
        line.len() <= 80 && self.courtesy.is_match(line)
    }

    /// The word that denies what stands at `span`.
    pub(super) fn negation<'t>(&self, sentence: &'t str, span: &Range<usize>) -> Option<&'t str> {
        let clause = self.clause(sentence, span);
        let before = sentence.get(clause.start..span.start)?;
        let innocent: Vec<Range<usize>> = self
            .no_negation
            .find_iter(before)
            .map(|m| m.range())
            .collect();
        let condition = self.conditions.find(before).map(|m| m.end());
        let mut denying = self.negators.find_iter(before).filter(|m| {
            let between = before.get(m.end()..).unwrap_or("");
            let in_condition = condition.is_some_and(|end| end <= m.start());
            !innocent
                .iter()
                .any(|i| i.start < m.end() && m.start() < i.end)
                && words_in(between) <= NEGATION_REACH
                && !(in_condition && self.subject.is_match(between))
        });
        let first = denying.next();
        let denied_twice = denying.next().is_some();
        if let Some(found) = first {
            return if denied_twice {
                None
            } else {
                Some(found.as_str())
            };
        }
        let after = sentence.get(span.end..)?;
        self.denied_after.find(after).map(|m| m.as_str().trim())
    }

    /// The words of a condition that the clause at `span` hangs on.
    pub(super) fn condition<'t>(&self, sentence: &'t str, span: &Range<usize>) -> Option<&'t str> {
        let found = self.conditions.find(sentence)?;
        (found.start() < span.start || found.start() < span.end + 60).then_some(found.as_str())
    }

    /// Whether the words before `span` weaken it.
    pub(super) fn softened(&self, sentence: &str, span: &Range<usize>) -> bool {
        colours(&self.softeners, sentence, span)
    }

    /// Whether the words before `span` strengthen it.
    pub(super) fn strengthened(&self, sentence: &str, span: &Range<usize>) -> bool {
        colours(&self.strengtheners, sentence, span)
            || sentence
                .get(span.end..)
                .is_some_and(|after| after.ends_with("!!"))
    }

    /// Whether `span` stands between double quotes: mentioned, not said.
    pub(super) fn is_quoted(sentence: &str, span: &Range<usize>) -> bool {
        let before = sentence
            .get(..span.start)
            .unwrap_or("")
            .matches('"')
            .count();
        let after = sentence.get(span.end..).unwrap_or("").contains('"');
        before % 2 == 1 && after
    }

    /// Whom the clause around `span` speaks of. The match itself may name them.
    pub(super) fn speaks_of(&self, sentence: &str, span: &Range<usize>) -> Speaks {
        let clause = self.clause(sentence, span);
        let Some(words) = sentence.get(clause) else {
            return Speaks::Reader;
        };
        if self.own_fault.is_match(words) {
            return Speaks::Writer;
        }
        let matched = sentence.get(span.clone()).unwrap_or("");
        // "We are disappointed" speaks of the writer only to say what the reader did.
        let writer_feels = self.writer.find(matched).is_some_and(|m| m.start() == 0);
        if self.reader.is_match(words) || writer_feels {
            return Speaks::Reader;
        }
        let before = sentence.get(..span.start).unwrap_or("");
        match self.third.find_iter(before).last() {
            Some(third)
                if !self
                    .reader
                    .is_match(before.get(third.end()..).unwrap_or("")) =>
            {
                Speaks::Third
            }
            _ => Speaks::Reader,
        }
    }

    /// Whether the writer is the subject of the clause around `span`.
    pub(super) fn writer_acts(&self, sentence: &str, span: &Range<usize>) -> bool {
        let clause = self.clause(sentence, span);
        let words = sentence.get(clause.start..span.end).unwrap_or("");
        self.writer.is_match(words) && !self.reader.is_match(words)
    }

    /// Whether a sentence names its writer or its reader.
    pub(super) fn is_personal(&self, sentence: &str) -> bool {
        self.writer.is_match(sentence) || self.reader.is_match(sentence)
    }

    /// Whether a sentence asks its reader for something.
    pub(super) fn asks(&self, sentence: &str) -> bool {
        let question = sentence.trim_end_matches(['"', ')', ' ']).ends_with('?');
        question || self.request.is_match(sentence) || self.imperative.is_match(sentence)
    }

    /// Whether it says that there is no hurry.
    pub(super) fn unhurried(&self, sentence: &str) -> bool {
        self.unhurried.is_match(sentence)
    }

    /// Whether a subject was inherited from an older message.
    pub(super) fn inherited(&self, subject: &str) -> bool {
        self.inherited.is_match(subject)
    }

    pub(super) fn time(&self, name: &str) -> Option<&Regex> {
        self.time.get(name)
    }

    pub(super) fn promise(&self, name: &str) -> Option<&Regex> {
        self.promise.get(name)
    }

    /// The clause around `span`: from the last break before it to the first after it.
    pub(super) fn clause(&self, sentence: &str, span: &Range<usize>) -> Range<usize> {
        let mut clause = 0..sentence.len();
        for found in self.breaks.find_iter(sentence) {
            if found.end() <= span.start {
                clause.start = found.end();
            } else if found.start() >= span.end {
                clause.end = found.start();
                break;
            }
        }
        clause
    }
}

fn colours(words: &Regex, sentence: &str, span: &Range<usize>) -> bool {
    let before = sentence.get(..span.start).unwrap_or("");
    let within = sentence.get(span.clone()).unwrap_or("");
    let near = words
        .find_iter(before)
        .last()
        .is_some_and(|found| words_in(before.get(found.end()..).unwrap_or("")) <= COLOUR_REACH);
    near || words.is_match(within)
}

fn words_in(text: &str) -> usize {
    text.split_whitespace()
        .filter(|w| w.contains(char::is_alphanumeric))
        .count()
}

/// The last `most` bytes or so.
fn tail(text: &str, most: usize) -> &str {
    let start = text.floor_char_boundary(text.len().saturating_sub(most));
    text.get(start..).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(sentence: &str, words: &str) -> Range<usize> {
        let start = sentence.find(words).unwrap();
        start..start + words.len()
    }

    #[test]
    fn negation_reaches_its_own_clause_only() {
        #[rustfmt::skip]
        let cases = [
            ("We won't cancel the project.",                 "cancel", true),
            ("Nobody wants to cancel anything.",             "cancel", true),
            ("This is not only late, it is wrong.",          "late",   false),
            ("I'm not happy, but cancel it all the same.",   "cancel", false),
            ("Cancelling the contract is not an option.",    "contract", true),
            ("I can't believe you cancel now.",              "cancel", false),
            ("We will cancel.",                              "cancel", false),
        ];
        for (sentence, words, expected) in cases {
            let found = WORDS.negation(sentence, &around(sentence, words));
            assert_eq!(found.is_some(), expected, "{sentence}: {found:?}");
        }
    }

    #[test]
    fn third_parties_are_told_from_the_reader() {
        #[rustfmt::skip]
        let cases = [
            ("Our client is furious about the weather.",  "furious",  Speaks::Third),
            ("The previous agency let us down.",          "let us down", Speaks::Third),
            ("You let us down.",                          "let us down", Speaks::Reader),
            ("Sorry, that was my mistake on the order.",  "mistake",  Speaks::Writer),
            ("The plan is late.",                         "late",     Speaks::Reader),
        ];
        for (sentence, words, expected) in cases {
            assert_eq!(
                WORDS.speaks_of(sentence, &around(sentence, words)),
                expected,
                "{sentence}"
            );
        }
    }
}
