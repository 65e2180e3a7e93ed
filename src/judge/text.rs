//! The text of one zone as sentences: typography made plain, lines joined where
//! they were only wrapped, bounded in size. Every span lies on character bounds.

use std::ops::Range;
use std::sync::LazyLock;

use super::language::Words;

/// More of a zone is not judged: nobody writes it, and nobody reads it.
const MOST_BYTES: usize = 64 << 10;
/// A longer sentence is cut at a space.
const LONGEST_SENTENCE: usize = 1_500;
/// A line at least this long, in characters, was wrapped rather than ended.
const WRAPPED: usize = 55;
/// The last lines of a text that may be a closing courtesy.
const CLOSING_LINES: usize = 4;

/// One zone, ready to be read.
#[derive(Debug, Default)]
pub(super) struct Zone {
    text: String,
    sentences: Vec<Sentence>,
    words: usize,
}

/// One sentence of a zone.
#[derive(Debug, Clone)]
pub(super) struct Sentence {
    span: Range<usize>,
    /// A greeting or a closing courtesy ("Many thanks,"), which says nothing.
    pub(super) courtesy: bool,
}

impl Zone {
    pub(super) fn new(raw: &str) -> Self {
        let words: &LazyLock<Words> = &super::language::WORDS;
        let mut zone = Self::default();
        let mut courtesies = Vec::new();
        for line in paragraphs(&plain(raw)) {
            let start = zone.text.len();
            zone.text.push_str(&line);
            let from = zone.sentences.len();
            zone.split(start, words);
            zone.text.push('\n');
            zone.words += line.split(' ').count();
            courtesies.push((from, words.is_courtesy(&line)));
        }
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

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn sentences(&self) -> impl Iterator<Item = &str> {
        self.sentences
            .iter()
            .map(|s| self.text.get(s.span.clone()).unwrap_or(""))
    }

    pub(super) fn sentence(&self, index: usize) -> &str {
        let span = self.sentences.get(index).map(|s| s.span.clone());
        span.and_then(|span| self.text.get(span)).unwrap_or("")
    }

    /// How many words it has, roughly.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// The sentence and its neighbours.
    pub(super) fn around(&self, index: usize) -> impl Iterator<Item = &str> {
        (index.saturating_sub(1)..=index.saturating_add(1)).map(|i| self.sentence(i))
    }

    pub(super) fn is_courtesy(&self, index: usize) -> bool {
        self.sentences.get(index).is_some_and(|s| s.courtesy)
    }

    pub(super) fn len(&self) -> usize {
        self.sentences.len()
    }

    /// The sentence that holds a byte of the text.
    pub(super) fn sentence_at(&self, byte: usize) -> Option<usize> {
        let after = self.sentences.partition_point(|s| s.span.start <= byte);
        let index = after.checked_sub(1)?;
        self.sentences
            .get(index)
            .is_some_and(|s| s.span.contains(&byte))
            .then_some(index)
    }

    /// Splits the line that begins at `start` and ends the text.
    fn split(&mut self, start: usize, words: &Words) {
        let line = self.text.get(start..).unwrap_or("");
        let mut begin = 0;
        let mut found = Vec::new();
        let mut chars = line.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let end = at + c.len_utf8();
            let next = chars.peek().map(|(_, next)| *next);
            let long =
                end - begin > LONGEST_SENTENCE && (c == ' ' || end - begin > 2 * LONGEST_SENTENCE);
            let closes = matches!(c, '.' | '!' | '?' | '…')
                && next.is_none_or(|n| n == ' ' || matches!(n, '"' | ')'))
                && !(c == '.' && words.is_abbreviation(line.get(begin..at).unwrap_or("")));
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
        let sentences: Vec<Sentence> = trimmed
            .map(|span| Sentence {
                span,
                courtesy: false,
            })
            .collect();
        self.sentences.extend(sentences);
    }
}

/// Plain quotes and spaces, no invisible characters, at most [`MOST_BYTES`].
fn plain(raw: &str) -> String {
    let cut = raw.floor_char_boundary(MOST_BYTES);
    let mut out = String::with_capacity(cut);
    for c in raw.chars().take_while({
        let mut seen = 0;
        move |c| {
            seen += c.len_utf8();
            seen <= cut
        }
    }) {
        match c {
            '\u{2018}' | '\u{2019}' | '\u{02bc}' | '\u{00b4}' | '`' => out.push('\''),
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{00ab}' | '\u{00bb}' => out.push('"'),
            '\u{00ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\r' => {}
            '\n' => out.push('\n'),
            c if c.is_whitespace() || c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Lines as meant: wrapped ones joined, runs of spaces made one.
fn paragraphs(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.split('\n') {
        let words: Vec<&str> = line.split_whitespace().collect();
        let line = words.join(" ");
        if line.is_empty() {
            open = false;
            continue;
        }
        let length = line.chars().count();
        match found.last_mut() {
            Some(last) if open && !begins_item(&line) => {
                last.push(' ');
                last.push_str(&line);
            }
            _ => found.push(line),
        }
        open = length >= WRAPPED;
    }
    found
}

fn begins_item(line: &str) -> bool {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with(['-', '*', '•', '–', '>'])
        || (number.len() < line.len() && number.starts_with([')', '.']))
}

#[cfg(test)]
mod tests {
    use super::Zone;

    #[test]
    fn sentences_end_where_people_end_them() {
        #[rustfmt::skip]
        let cases: [(&str, &[&str]); 6] = [
            ("Hi Sam,\n\nIt broke. Again!",            &["Hi Sam,", "It broke.", "Again!"]),
            ("Mr. Pell asked for 3.5 hours, e.g. now.", &["Mr. Pell asked for 3.5 hours, e.g. now."]),
            ("- one\n- two",                            &["- one", "- two"]),
            ("He said “no way.” Then he left",          &["He said \"no way.\"", "Then he left"]),
            ("A line that runs on to the very far end of its column and then\nends here.",
             &["A line that runs on to the very far end of its column and then ends here."]),
            ("",                                        &[]),
        ];
        for (text, expected) in cases {
            let zone = Zone::new(text);
            assert_eq!(zone.sentences().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn closing_courtesies_are_marked() {
        let zone = Zone::new("Hi Bea,\nThe file is here.\n\nMany thanks,\nOsric");
        let marked: Vec<bool> = (0..zone.len()).map(|i| zone.is_courtesy(i)).collect();
        assert_eq!(marked, [true, false, true, false]);
    }
}
