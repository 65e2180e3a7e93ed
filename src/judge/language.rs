//! What a sentence means around a match: denied, conditional, asked, hedged, and
//! of whom it speaks. The words are data, in `rules/lang/judge-en.toml`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::ops::Range;
use std::sync::LazyLock;

use foldhash::fast::FixedState;
use serde::Deserialize;

use super::machine::{Captured, Machine};
use super::needs::{self, Needs};
use super::prefilter::Prefilter;
use super::text::{Line, Lowered, Zone};

/// Words between a negator and what it denies.
const NEGATION_REACH: usize = 5;
/// Bytes between a verb of copying and the name of who is copied.
const COPIED_REACH: usize = 60;
/// Bytes before a full stop that tell an abbreviation: what stands before it, and the longest.
const ABBREVIATION_REACH: usize = 7;
/// Most words by which a sentence is known.
const MOST_ABOUT: usize = 24;
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
    idle: String,
    time: BTreeMap<String, String>,
    promise: BTreeMap<String, String>,
    deed: BTreeMap<String, String>,
}

/// The language pack, compiled.
#[derive(Debug)]
pub(super) struct Words {
    abbreviations: Notion,
    courtesy: Notion,
    negators: Notion,
    no_negation: Notion,
    denied_after: Notion,
    breaks: Notion,
    conditions: Notion,
    subject: Notion,
    softeners: Notion,
    strengtheners: Notion,
    third: Notion,
    reader: Notion,
    own_fault: Notion,
    writer: Notion,
    request: Notion,
    imperative: Notion,
    copying: Notion,
    unhurried: Notion,
    inherited: Notion,
    idle: HashSet<String, FixedState>,
    time: Named,
    promise: Named,
    deed: Named,
    /// Which notions may stand in which sentence.
    prefilter: Prefilter,
}

/// Notions by the hash of their names: they are looked up a hundred times a sentence, and never by a name that came by mail.
#[derive(Debug)]
struct Named(HashMap<u64, Notion, FixedState>);

impl Named {
    fn new(pack: &BTreeMap<String, String>, compile: &mut impl FnMut(&str) -> Notion) -> Self {
        Self(pack.iter().map(|(name, text)| (Self::hash(name), compile(text))).collect())
    }

    fn get(&self, name: &str) -> Option<&Notion> {
        self.0.get(&Self::hash(name))
    }

    fn hash(name: &str) -> u64 {
        FixedState::default().hash_one(name)
    }
}

/// One expression of the language pack.
#[derive(Debug)]
pub(super) struct Notion {
    machine: Machine,
    /// Its bit in [`Line::notions`]; 0 where nothing tells that it cannot be there.
    bit: u128,
}

impl Notion {
    fn may_stand_in(&self, line: Line<'_>) -> bool {
        self.bit == 0 || line.notions() & self.bit != 0
    }

    pub(super) fn is_match(&self, line: Line<'_>) -> bool {
        self.may_stand_in(line) && self.machine.is_match(line)
    }

    pub(super) fn find(&self, line: Line<'_>) -> Option<Range<usize>> {
        self.may_stand_in(line).then(|| self.machine.find(line)).flatten()
    }

    pub(super) fn find_iter<'a>(&'a self, line: Line<'a>) -> impl Iterator<Item = Range<usize>> + 'a {
        self.may_stand_in(line).then(|| self.machine.find_iter(line)).into_iter().flatten()
    }

    pub(super) fn captures<'a>(&'a self, line: Line<'a>) -> Option<Captured<'a>> {
        self.may_stand_in(line).then(|| self.machine.captures(line)).flatten()
    }

    pub(super) fn captures_iter<'a>(&'a self, line: Line<'a>) -> impl Iterator<Item = Captured<'a>> + 'a {
        self.may_stand_in(line).then(|| self.machine.captures_iter(line)).into_iter().flatten()
    }
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
    #[expect(clippy::expect_used, reason = "the pack is part of the binary; a test loads it")]
    fn english() -> Self {
        let pack: Pack =
            toml::from_str(include_str!("../../rules/lang/judge-en.toml")).expect("the language pack is whole");
        let mut known: Vec<Needs> = Vec::new();
        let mut compile = |text: &str| {
            let ascii = text.replace(r"\b", r"(?-u:\b)");
            let (machine, hir) = Machine::new(&ascii, true).expect("the language pack is whole");
            let needs = needs::needs(&hir);
            let place = u32::try_from(known.len()).ok().filter(|_| !needs.is_empty());
            known.push(needs);
            Notion { machine, bit: place.and_then(|place| 1u128.checked_shl(place)).unwrap_or(0) }
        };
        let mut words = Self {
            prefilter: Prefilter::new([].into_iter()).expect("no literals are few"),
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
            idle: pack.idle.split_whitespace().map(str::to_owned).collect(),
            time: Named::new(&pack.time, &mut compile),
            promise: Named::new(&pack.promise, &mut compile),
            deed: Named::new(&pack.deed, &mut compile),
        };
        words.prefilter = Prefilter::new(known.iter()).expect("the language pack is whole");
        words
    }

    /// Notes which notions may stand in which sentence of a zone.
    pub(super) fn note(&self, zone: &mut Zone) {
        let mut found = Vec::new();
        self.prefilter.scan(zone, &mut |notion, sentence| found.push((notion, sentence)));
        for (notion, sentence) in found {
            zone.note(sentence as usize, 1u128.checked_shl(notion).unwrap_or(0));
        }
    }

    /// Whether a text says that one of these people is put on copy.
    pub(super) fn brings_in(&self, text: &str, names: &[String]) -> bool {
        let lowered = Lowered::new(text);
        self.copying.find_iter(lowered.line()).any(|verb| {
            let rest = text.get(verb.end..).unwrap_or_default();
            let near = rest.get(..rest.floor_char_boundary(COPIED_REACH)).unwrap_or_default();
            let near = near.split(['.', '!', '?', '\n']).next().unwrap_or_default().to_lowercase();
            let mut words = near.split(|c: char| !c.is_alphanumeric());
            words.any(|word| names.iter().any(|name| name.to_lowercase() == word))
        })
    }

    /// Whether a full stop after `before` ends a word, not a sentence.
    pub(super) fn is_abbreviation(&self, before: Line<'_>) -> bool {
        let trimmed = before.text().trim();
        let numbered = trimmed.len() <= 3 && trimmed.bytes().all(|b| b.is_ascii_digit());
        let tail = tail(before, ABBREVIATION_REACH);
        let long = tail.text().len() == ABBREVIATION_REACH && tail.text().bytes().all(|b| b.is_ascii_alphanumeric());
        numbered || (!long && self.abbreviations.is_match(tail))
    }

    /// Whether a line only greets or takes leave.
    pub(super) fn is_courtesy(&self, line: Line<'_>) -> bool {
        line.text().len() <= 80 && self.courtesy.is_match(line)
    }

    /// The word that denies what stands at `span` of `clause`.
    pub(super) fn negation<'t>(
        &self,
        sentence: Line<'t>,
        span: &Range<usize>,
        clause: &Range<usize>,
    ) -> Option<&'t str> {
        let before = sentence.get(clause.start..span.start)?;
        let innocent: Vec<Range<usize>> = self.no_negation.find_iter(before).collect();
        let condition = self.conditions.find(before).map(|m| m.end);
        let mut denying = self.negators.find_iter(before).filter(|m| {
            let between = before.part(m.end..);
            let in_condition = condition.is_some_and(|end| end <= m.start);
            !innocent.iter().any(|i| i.start < m.end && m.start < i.end)
                && words_in(between.text()) <= NEGATION_REACH
                && !(in_condition && self.subject.is_match(between))
        });
        let first = denying.next();
        let denied_twice = denying.next().is_some();
        if let Some(found) = first {
            return if denied_twice { None } else { before.text().get(found) };
        }
        let after = sentence.get(span.end..)?;
        self.denied_after.find(after).and_then(|found| after.text().get(found)).map(str::trim)
    }

    /// The words of a condition that the clause at `span` hangs on.
    pub(super) fn condition<'t>(&self, sentence: Line<'t>, span: &Range<usize>) -> Option<&'t str> {
        let found = self.conditions.find(sentence)?;
        let near = found.start < span.start || found.start < span.end + 60;
        sentence.text().get(found).filter(|_| near)
    }

    /// Whether the words before `span` weaken it.
    pub(super) fn softened(&self, sentence: Line<'_>, span: &Range<usize>) -> bool {
        colours(&self.softeners, sentence, span)
    }

    /// Whether the words before `span` strengthen it.
    pub(super) fn strengthened(&self, sentence: Line<'_>, span: &Range<usize>) -> bool {
        colours(&self.strengtheners, sentence, span) || sentence.part(span.end..).text().ends_with("!!")
    }

    /// Whether `span` stands between double quotes: mentioned, not said.
    pub(super) fn is_quoted(sentence: Line<'_>, span: &Range<usize>) -> bool {
        let before = sentence.part(..span.start).text().matches('"').count();
        let after = sentence.part(span.end..).text().contains('"');
        before % 2 == 1 && after
    }

    /// Whom `clause`, which is around `span`, speaks of. The match itself may name them.
    pub(super) fn speaks_of(&self, sentence: Line<'_>, span: &Range<usize>, clause: &Range<usize>) -> Speaks {
        let Some(words) = sentence.get(clause.clone()) else {
            return Speaks::Reader;
        };
        if self.own_fault.is_match(words) {
            return Speaks::Writer;
        }
        let matched = sentence.part(span.clone());
        // "We are disappointed" speaks of the writer only to say what the reader did.
        let writer_feels = self.writer.find(matched).is_some_and(|m| m.start == 0);
        if self.reader.is_match(words) || writer_feels {
            return Speaks::Reader;
        }
        let before = sentence.part(..span.start);
        match self.third.find_iter(before).last() {
            Some(third) if !self.reader.is_match(before.part(third.end..)) => Speaks::Third,
            _ => Speaks::Reader,
        }
    }

    /// Whether the writer is the subject of `clause`, as far as the end of `span`.
    pub(super) fn writer_acts(&self, sentence: Line<'_>, span: &Range<usize>, clause: &Range<usize>) -> bool {
        let words = sentence.part(clause.start..span.end);
        self.writer.is_match(words) && !self.reader.is_match(words)
    }

    /// Whether a piece of a sentence begins with somebody who acts.
    pub(super) fn begins_with_subject(&self, piece: Line<'_>) -> bool {
        let blank = piece.text().len() - piece.text().trim_start().len();
        self.subject.find(piece).is_some_and(|found| found.start == blank)
    }

    /// Whether a sentence names its writer or its reader.
    pub(super) fn is_personal(&self, sentence: Line<'_>) -> bool {
        self.writer.is_match(sentence) || self.reader.is_match(sentence)
    }

    /// Whether a sentence names its reader.
    pub(super) fn addresses(&self, sentence: Line<'_>) -> bool {
        self.reader.is_match(sentence)
    }

    /// Whether a sentence asks its reader for something.
    pub(super) fn asks(&self, sentence: Line<'_>) -> bool {
        let question = sentence.text().trim_end_matches(['"', ')', ' ']).ends_with('?');
        question || self.request.is_match(sentence) || self.imperative.is_match(sentence)
    }

    /// Whether it says that there is no hurry.
    pub(super) fn unhurried(&self, sentence: Line<'_>) -> bool {
        self.unhurried.is_match(sentence)
    }

    /// Whether a subject was inherited from an older message.
    pub(super) fn inherited(&self, subject: &str) -> bool {
        self.inherited.is_match(Lowered::new(subject).line())
    }

    pub(super) fn time(&self, name: &str) -> Option<&Notion> {
        self.time.get(name)
    }

    pub(super) fn promise(&self, name: &str) -> Option<&Notion> {
        self.promise.get(name)
    }

    pub(super) fn deed(&self, name: &str) -> Option<&Notion> {
        self.deed.get(name)
    }

    /// The words that tell what a text is about, by their stems, each once; at most 24.
    pub(super) fn about(&self, text: &str) -> Vec<String> {
        self.stems(text, MOST_ABOUT)
    }

    /// The same, at most so many.
    pub(super) fn stems(&self, text: &str, most: usize) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut low = String::new();
        for word in text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '-')) {
            if found.len() >= most {
                break;
            }
            let word = word.trim_matches(['\'', '-']);
            if word.is_ascii() {
                word.clone_into(&mut low);
                low.make_ascii_lowercase();
            } else {
                low = word.to_lowercase();
            }
            if low.chars().nth(2).is_none() || self.idle.contains(&low) || is_number_of_day(&low) {
                continue;
            }
            // "Go-live" is spoken of as "live" too.
            let parts = low.split('-').filter(|part| *part != low && part.chars().count() > 3);
            let parts = parts.filter(|part| !self.idle.contains(*part));
            for stem in [stem(&low)].into_iter().chain(parts.map(stem)) {
                if found.len() < most && !found.iter().any(|other| other == stem) {
                    found.push(stem.to_owned());
                }
            }
        }
        found
    }

    /// The clause around `span`: from the last break before it to the first after it.
    pub(super) fn clause(&self, sentence: Line<'_>, span: &Range<usize>) -> Range<usize> {
        let mut clause = 0..sentence.text().len();
        for found in self.breaks.find_iter(sentence) {
            if found.end <= span.start {
                clause.start = found.end;
            } else if found.start >= span.end {
                clause.end = found.start;
                break;
            }
        }
        clause
    }
}

fn is_number_of_day(word: &str) -> bool {
    let digits = word.trim_end_matches(char::is_alphabetic);
    word.len() <= 4 && digits.len() <= 2 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A word without the commonest endings, so that `fixes`, `fixed` and `fixing` are one.
fn stem(word: &str) -> &str {
    let word = word.strip_suffix("'s").unwrap_or(word);
    for ending in ["ations", "ation", "ings", "ing", "ies", "ied", "ers", "es", "ed", "er", "s", "y", "e"] {
        if let Some(stem) = word.strip_suffix(ending).filter(|stem| stem.chars().nth(2).is_some()) {
            return stem;
        }
    }
    word
}

fn colours(words: &Notion, sentence: Line<'_>, span: &Range<usize>) -> bool {
    let before = sentence.part(..span.start);
    let near =
        words.find_iter(before).last().is_some_and(|found| words_in(before.part(found.end..).text()) <= COLOUR_REACH);
    near || words.is_match(sentence.part(span.clone()))
}

fn words_in(text: &str) -> usize {
    text.split_whitespace().filter(|w| w.contains(char::is_alphanumeric)).count()
}

/// The last `most` bytes or so.
fn tail(line: Line<'_>, most: usize) -> Line<'_> {
    let text = line.text();
    line.part(text.floor_char_boundary(text.len().saturating_sub(most))..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(sentence: &str, words: &str) -> Range<usize> {
        let start = sentence.find(words).unwrap();
        start..start + words.len()
    }

    #[test]
    fn abbreviations_are_short() {
        let (_, hir) = Machine::new(WORDS.abbreviations.machine.written(), true).unwrap();
        assert!(
            hir.properties().maximum_len().is_some_and(|most| most <= ABBREVIATION_REACH + 2),
            "\\s may take 3 bytes"
        );
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
            let (lowered, span) = (Lowered::new(sentence), around(sentence, words));
            let found = WORDS.negation(lowered.line(), &span, &WORDS.clause(lowered.line(), &span));
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
            let (lowered, span) = (Lowered::new(sentence), around(sentence, words));
            let clause = WORDS.clause(lowered.line(), &span);
            assert_eq!(WORDS.speaks_of(lowered.line(), &span, &clause), expected, "{sentence}");
        }
    }
}
