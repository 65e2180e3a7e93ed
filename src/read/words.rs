//! The words by which machines give themselves away, in all languages, ready to
//! be looked for in one pass; and the names that programs have for themselves.
//!
//! Text is folded before it is searched: lower case, single blanks, plain
//! apostrophes. Searching is linear in the text.

use std::collections::HashSet;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Anchored, Input, StartKind};
use serde::{Deserialize, Deserializer};

use super::packs::{PACKS, Pack, all};

/// Everything by which machines are known.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) headers: HeaderNames,
    pub(super) senders: Senders,
    pub(super) subjects: Subjects,
    pub(super) texts: Texts,
    pub(super) languages: Vec<Language>,
    /// Words by which a footer that a device adds begs pardon.
    pub(super) pardons: Vec<String>,
    /// Common words that English has for itself.
    pub(super) english: HashSet<String>,
}

/// What `rules/lang/programs.toml` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Programs {
    headers: HeaderNames,
    senders: Senders,
    footer: Footer,
    language: OfLanguage,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Footer {
    pardon: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfLanguage {
    english: HashSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderNames {
    pub(super) replies: Vec<String>,
    pub(super) notices: Vec<String>,
    pub(super) mailings: Vec<String>,
    pub(super) services: Vec<String>,
    pub(super) discussions: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Senders {
    pub(super) daemons: Vec<String>,
    pub(super) daemon_names: Phrases,
    pub(super) no_reply: Vec<String>,
    pub(super) responders: Phrases,
    pub(super) mailing_names: Phrases,
    pub(super) roles: Vec<String>,
    pub(super) mailings: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Subjects {
    pub(super) automatic: Phrases,
    pub(super) absent: Phrases,
    pub(super) away: Phrases,
    pub(super) bounce: Phrases,
    pub(super) report: Phrases,
    pub(super) calendar: Phrases,
    pub(super) receipt: Phrases,
}

#[derive(Debug)]
pub(super) struct Texts {
    pub(super) away: Phrases,
    pub(super) machine: Phrases,
    pub(super) received: Phrases,
    pub(super) bounce: Phrases,
    pub(super) original: Phrases,
    pub(super) unreached: Phrases,
    pub(super) unrelated: Phrases,
    pub(super) calendar: Phrases,
    pub(super) leave: Phrases,
    pub(super) receipt: Phrases,
}

/// How one language names days, and what it says around them.
#[derive(Debug)]
pub(super) struct Language {
    /// January first; each entry holds the forms of one name.
    pub(super) months: &'static [String],
    /// Monday first.
    pub(super) weekdays: &'static [String],
    pub(super) back: Phrases,
    pub(super) until: Phrases,
    pub(super) tomorrow: Phrases,
    pub(super) deputy: Phrases,
}

/// The words, read once.
#[expect(clippy::expect_used, reason = "the file is part of the program; a test reads it")]
pub(super) static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let programs: Programs =
        toml::from_str(include_str!("../../rules/lang/programs.toml")).expect("programs.toml holds together");
    Words {
        headers: programs.headers,
        senders: programs.senders,
        subjects: Subjects {
            automatic: phrases(|pack| &pack.subjects.automatic),
            absent: phrases(|pack| &pack.subjects.absent),
            away: phrases(|pack| &pack.subjects.away),
            bounce: phrases(|pack| &pack.subjects.bounce),
            report: phrases(|pack| &pack.subjects.report),
            calendar: phrases(|pack| &pack.subjects.calendar),
            receipt: phrases(|pack| &pack.subjects.receipt),
        },
        texts: Texts {
            away: phrases(|pack| &pack.automatic.away),
            machine: phrases(|pack| &pack.automatic.machine),
            received: phrases(|pack| &pack.automatic.received),
            bounce: phrases(|pack| &pack.automatic.bounce),
            original: phrases(|pack| &pack.automatic.original),
            unreached: phrases(|pack| &pack.automatic.unreached),
            unrelated: phrases(|pack| &pack.automatic.unrelated),
            calendar: phrases(|pack| &pack.automatic.calendar),
            leave: phrases(|pack| &pack.automatic.leave),
            receipt: phrases(|pack| &pack.automatic.receipt),
        },
        languages: PACKS.iter().map(Language::of).collect(),
        pardons: programs.footer.pardon,
        english: programs.language.english,
    }
});

#[expect(clippy::expect_used, reason = "the packs are part of the program; a test reads them")]
fn phrases(list: fn(&Pack) -> &Vec<String>) -> Phrases {
    Phrases::new(&all(list)).expect("the phrases of a pack are folded")
}

impl Language {
    #[expect(clippy::expect_used, reason = "the packs are part of the program; a test reads them")]
    fn of(pack: &'static Pack) -> Self {
        let phrases = |list: &Vec<String>| Phrases::new(list).expect("the phrases of a pack are folded");
        Self {
            months: &pack.dates.months,
            weekdays: &pack.dates.weekdays,
            back: phrases(&pack.automatic.back),
            until: phrases(&pack.automatic.until),
            tomorrow: phrases(&pack.automatic.tomorrow),
            deputy: phrases(&pack.automatic.deputy),
        }
    }
}

/// Phrases to look for, whole words only.
#[derive(Debug)]
pub(super) struct Phrases(AhoCorasick);

impl<'de> Deserialize<'de> for Phrases {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&Vec::<String>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Phrases {
    /// Makes phrases ready; each must be folded, and none empty.
    fn new(phrases: &[String]) -> Result<Self, String> {
        match phrases.iter().find(|phrase| fold(phrase) != **phrase || phrase.is_empty()) {
            Some(phrase) => Err(format!("{phrase:?} is not lower case with single blanks")),
            None => AhoCorasick::new(phrases).map(Self).map_err(|error| error.to_string()),
        }
    }

    /// Whether a phrase stands in the folded text.
    pub(super) fn found(&self, text: &str) -> bool {
        self.spans(text).next().is_some()
    }

    /// Where the phrases stand in the folded text, by their ends.
    pub(super) fn spans<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.0
            .find_overlapping_iter(text)
            .map(|hit| (hit.start(), hit.end()))
            .filter(move |&(start, end)| is_whole(text, start, end))
    }

    /// What follows the longest phrase that the folded text begins with.
    pub(super) fn after_beginning<'t>(&self, text: &'t str) -> Option<&'t str> {
        let end = self.spans(text).filter(|&(start, _)| start == 0).map(|(_, end)| end).max()?;
        text.get(end..)
    }

    /// Whether the folded text ends with a phrase.
    pub(super) fn ends(&self, text: &str) -> bool {
        self.spans(text).any(|(_, end)| end == text.len())
    }
}

/// Beginnings of lines to look for, in one pass whatever their number.
#[derive(Debug)]
pub(super) struct Beginnings(AhoCorasick);

impl Beginnings {
    /// Makes beginnings ready; none may be empty.
    #[expect(clippy::expect_used, reason = "the packs are part of the program; a test reads them")]
    pub(super) fn new(beginnings: &[String]) -> Self {
        let builder = AhoCorasick::builder().start_kind(StartKind::Anchored).build(beginnings);
        Self(builder.expect("a few thousand short words fit"))
    }

    /// Whether the text begins with one of them.
    pub(super) fn begin(&self, text: &str) -> bool {
        self.0.is_match(Input::new(text).anchored(Anchored::Yes))
    }
}

/// Text made ready for searching.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '!'..='_' | 'a'..='~' => folded.push(c.to_ascii_lowercase()),
            '’' | '‘' | '`' | '´' => folded.push('\''),
            c if c.is_whitespace() => {
                if !folded.is_empty() && !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            c => folded.extend(c.to_lowercase()),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// Whether no letter continues the phrase on either side. Scripts that write
/// without blanks have no such bounds.
fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let after = text.get(end..).and_then(|text| text.chars().next());
    let phrase = text.get(start..end).unwrap_or_default();
    let continues =
        |edge: Option<char>, beside: Option<char>| edge.is_some_and(is_letter) && beside.is_some_and(is_letter);
    !continues(phrase.chars().next(), before) && !continues(phrase.chars().next_back(), after)
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric()
        && !('\u{e00}'..'\u{e80}').contains(&c)
        && !('\u{3040}'..'\u{a000}').contains(&c)
        && !('\u{ac00}'..'\u{d7b0}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::{WORDS, fold};

    #[test]
    fn phrases_are_whole_words() {
        #[rustfmt::skip]
        let cases = [
            ("I’m out of\n the   office", true),
            ("an away game? awayday", false),
            ("1月13日まで不在にしております。", true),
            ("Ich bin bis Montag nicht im Büro.", true),
        ];
        for (text, found) in cases {
            assert_eq!(WORDS.texts.away.found(&fold(text)), found, "{text}");
        }
    }
}
