//! The text of one zone as sentences: typography made plain, lines joined where
//! they were only wrapped, bounded in size. Every span lies on character bounds.

use std::ops::Range;
use std::slice::SliceIndex;

use super::language::{WORDS, Words};

/// More of a zone is not judged: nobody writes it, and nobody reads it.
const MOST_BYTES: usize = 64 << 10;
/// A longer sentence is cut at a space.
const LONGEST_SENTENCE: usize = 1_500;
/// A line at least this long, in characters, was wrapped rather than ended.
const WRAPPED: usize = 55;
/// The last lines of a text that may be a closing courtesy.
const CLOSING_LINES: usize = 4;

/// A piece of text and, byte for byte, the same with ASCII letters in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'t> {
    text: &'t str,
    low: &'t str,
    /// The notions of the language that may stand in it, a bit each.
    notions: u128,
}

impl<'t> Line<'t> {
    pub(super) fn text(self) -> &'t str {
        self.text
    }

    pub(super) fn low(self) -> &'t str {
        self.low
    }

    pub(super) fn notions(self) -> u128 {
        self.notions
    }

    pub(super) fn get<R: SliceIndex<str, Output = str> + Clone>(self, range: R) -> Option<Self> {
        Some(Self { text: self.text.get(range.clone())?, low: self.low.get(range)?, ..self })
    }

    /// The same, empty where `range` is not within.
    pub(super) fn part<R: SliceIndex<str, Output = str> + Clone>(self, range: R) -> Self {
        self.get(range).unwrap_or(Self { text: "", low: "", ..self })
    }
}

/// A text that is no sentence of a zone, made ready.
pub(super) struct Lowered<'t> {
    text: &'t str,
    low: String,
}

impl<'t> Lowered<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, low: text.to_ascii_lowercase() }
    }

    pub(super) fn line(&self) -> Line<'_> {
        Line { text: self.text, low: &self.low, notions: u128::MAX }
    }
}

/// One zone, ready to be read.
#[derive(Debug, Default)]
pub(super) struct Zone {
    text: String,
    /// The text with ASCII letters in lower case.
    low: String,
    sentences: Vec<Sentence>,
    words: usize,
}

/// One sentence of a zone.
#[derive(Debug, Clone)]
pub(super) struct Sentence {
    span: Range<usize>,
    /// The notions of the language that may stand in it, a bit each.
    notions: u128,
    /// A greeting or a closing courtesy ("Many thanks,"), which says nothing.
    pub(super) courtesy: bool,
}

impl Zone {
    pub(super) fn new(raw: &str) -> Self {
        let words: &Words = &WORDS;
        let mut zone = Self::default();
        let mut courtesies = Vec::new();
        for line in paragraphs(&plain(raw)) {
            let start = zone.text.len();
            zone.text.push_str(&line);
            zone.low.push_str(&line);
            if let Some(low) = zone.low.get_mut(start..) {
                low.make_ascii_lowercase();
            }
            let whole = Line { text: &line, low: zone.low.get(start..).unwrap_or(""), notions: u128::MAX };
            courtesies.push((zone.sentences.len(), words.is_courtesy(whole)));
            zone.split(start, words);
            zone.text.push('\n');
            zone.low.push('\n');
            zone.words += 1 + line.bytes().filter(|byte| *byte == b' ').count();
        }
        words.note(&mut zone);
        // Where nothing else is said, a courtesy is the message.
        if courtesies.iter().all(|(_, courtesy)| *courtesy) {
            return zone;
        }
        let last = courtesies.len().saturating_sub(CLOSING_LINES);
        for (i, (sentence, courtesy)) in courtesies.into_iter().enumerate() {
            if courtesy
                && (i == 0 || i >= last)
                && let Some(found) = zone.sentences.get_mut(sentence)
            {
                found.courtesy = true;
            }
        }
        zone
    }

    /// The whole text with ASCII letters in lower case.
    pub(super) fn low(&self) -> &str {
        &self.low
    }

    pub(super) fn sentences(&self) -> impl Iterator<Item = Line<'_>> {
        (0..self.len()).map(|index| self.sentence(index))
    }

    pub(super) fn sentence(&self, index: usize) -> Line<'_> {
        let (span, notions) = self.sentences.get(index).map_or((0..0, 0), |s| (s.span.clone(), s.notions));
        Line { text: &self.text, low: &self.low, notions }.part(span)
    }

    /// Notes that a notion of the language may stand in a sentence.
    pub(super) fn note(&mut self, index: usize, notion: u128) {
        if let Some(sentence) = self.sentences.get_mut(index) {
            sentence.notions |= notion;
        }
    }

    /// How many words it has, roughly.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// The sentence and its neighbours.
    pub(super) fn around(&self, index: usize) -> impl Iterator<Item = Line<'_>> {
        (index.saturating_sub(1)..=index.saturating_add(1)).map(|i| self.sentence(i))
    }

    pub(super) fn is_courtesy(&self, index: usize) -> bool {
        self.sentences.get(index).is_some_and(|s| s.courtesy)
    }

    pub(super) fn len(&self) -> usize {
        self.sentences.len()
    }

    /// The span of the sentence that holds a span of the text whole. `from`, a sentence
    /// that is not after it, becomes its index.
    pub(super) fn sentence_of(&self, from: &mut usize, span: &Range<usize>) -> Option<Range<usize>> {
        let rest = self.sentences.get(*from..)?;
        let later = rest.iter().position(|s| span.end <= s.span.end)?;
        *from += later;
        let found = &rest.get(later)?.span;
        (found.start <= span.start).then(|| found.clone())
    }

    /// Splits the line that begins at `start` and ends the text.
    fn split(&mut self, start: usize, words: &Words) {
        let whole = Line { text: &self.text, low: &self.low, notions: u128::MAX }.part(start..);
        let line = whole.text();
        let mut begin = 0;
        let mut found = Vec::new();
        for (at, c) in line.char_indices() {
            let end = at + c.len_utf8();
            if end - begin <= LONGEST_SENTENCE && !matches!(c, '.' | '!' | '?' | '…') {
                continue;
            }
            let next = line.get(end..).and_then(|rest| rest.chars().next());
            let long = end - begin > LONGEST_SENTENCE && (c == ' ' || end - begin > 2 * LONGEST_SENTENCE);
            let closes = matches!(c, '.' | '!' | '?' | '…')
                && next.is_none_or(|n| n == ' ' || matches!(n, '"' | ')'))
                && !(c == '.' && words.is_abbreviation(whole.part(begin..at)));
            if long || closes {
                let end = match next {
                    Some(n @ ('"' | ')')) if closes => end + n.len_utf8(),
                    _ => end,
                };
                found.push(begin..end);
                begin = end;
            }
        }
        found.push(begin..line.len());
        let trimmed = found.into_iter().filter_map(|span| {
            let piece = line.get(span.clone())?;
            let lead = piece.len() - piece.trim_start().len();
            let length = piece.trim().len();
            (length > 0).then(|| start + span.start + lead..start + span.start + lead + length)
        });
        let sentences: Vec<Sentence> = trimmed.map(|span| Sentence { span, notions: 0, courtesy: false }).collect();
        self.sentences.extend(sentences);
    }
}

/// Plain quotes and spaces, no invisible characters, at most [`MOST_BYTES`].
fn plain(raw: &str) -> String {
    let cut = raw.floor_char_boundary(MOST_BYTES);
    let mut out = String::with_capacity(cut);
    let mut rest = raw.get(..cut).unwrap_or("");
    while let Some(at) = rest.find(|c| !matches!(c, ' '..='_' | 'a'..='~' | '\n')) {
        out.push_str(rest.get(..at).unwrap_or(""));
        let mut chars = rest.get(at..).unwrap_or("").chars();
        match chars.next().unwrap_or(' ') {
            '\u{2018}' | '\u{2019}' | '\u{02bc}' | '\u{00b4}' | '`' => out.push('\''),
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{00ab}' | '\u{00bb}' => out.push('"'),
            '\u{00ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\r' => {}
            '\u{017f}' => out.push('s'),
            '\u{212a}' => out.push('K'),
            c if c.is_whitespace() || c.is_control() => out.push(' '),
            c => out.push(c),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// Lines as meant: wrapped ones joined, runs of spaces made one.
fn paragraphs(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.split('\n') {
        // No other blanks are left.
        let mut words = line.split_ascii_whitespace().peekable();
        let Some(first) = words.peek().copied() else {
            open = false;
            continue;
        };
        // A row of a table: what stands before the gap heads what stands after it.
        let row = line.trim().split_once("   ").filter(|(head, _)| head.chars().any(char::is_alphabetic));
        let heads = row.map_or(0, |(head, _)| head.split_whitespace().count());
        if !open || row.is_some() || begins_item(first) {
            found.push(String::with_capacity(2 * line.len()));
        }
        let Some(last) = found.last_mut() else { continue };
        let mut length = 0;
        for (place, word) in words.enumerate() {
            if heads > 0 && place == heads && !last.ends_with(':') {
                last.push(':');
            }
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
            length += word.chars().count() + 1;
        }
        open = length > WRAPPED && row.is_none();
    }
    found
}

/// Whether a line that begins with this word is an item of a list.
fn begins_item(word: &str) -> bool {
    let number = word.trim_start_matches(|c: char| c.is_ascii_digit());
    word.starts_with(['-', '*', '•', '–', '>']) || (number.len() < word.len() && number.starts_with([')', '.']))
}

#[cfg(test)]
mod tests {
    use super::{Line, Zone};

    #[test]
    fn sentences_end_where_people_end_them() {
        #[rustfmt::skip]
        let cases: [(&str, &[&str]); 7] = [
            ("Hi Sam,\n\nIt broke. Again!",            &["Hi Sam,", "It broke.", "Again!"]),
            ("Mr. Pell asked for 3.5 hours, e.g. now.", &["Mr. Pell asked for 3.5 hours, e.g. now."]),
            ("- one\n- two",                            &["- one", "- two"]),
            ("the proof     Wed 6 May\nthe print      Fri", &["the proof: Wed 6 May", "the print: Fri"]),
            ("He said “no way.” Then he left",          &["He said \"no way.\"", "Then he left"]),
            ("A line that runs on to the very far end of its column and then\nends here.",
             &["A line that runs on to the very far end of its column and then ends here."]),
            ("",                                        &[]),
        ];
        for (text, expected) in cases {
            let zone = Zone::new(text);
            assert_eq!(zone.sentences().map(Line::text).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn closing_courtesies_are_marked() {
        let zone = Zone::new("Hi Bea,\nThe file is here.\n\nMany thanks,\nOsric");
        let marked: Vec<bool> = (0..zone.len()).map(|i| zone.is_courtesy(i)).collect();
        assert_eq!(marked, [true, false, true, false]);
    }
}
