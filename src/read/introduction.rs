//! The line by which a program introduces what it quotes: `On 2 March 2026 at
//! 09:14, Ann Archer <ann@…> wrote:`, in any language of the word lists.
//!
//! Such a line may be wrapped; it is told from prose by its beginning, its end, and a date or an address between.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::Regex;

use super::layout::LAYOUT;
use super::message::Address;
use super::quote::is_quoted;
use super::{dates, headers};

/// Most lines that it is wrapped over, and most bytes of it.
const LINES: usize = 4;
const BYTES: usize = 500;
/// Longest line that names a date, a person and nothing else.
const BARE: usize = 120;
/// Most words of a name.
const NAME_WORDS: usize = 5;

#[expect(clippy::expect_used, reason = "the patterns are constant, and a test compiles each")]
fn pattern(source: &str) -> Regex {
    Regex::new(source).expect("a constant pattern compiles")
}

static DATED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\d{1,2}[:.h]\d{2}|\b\d{4}\b|\d{1,2}[/.-]\d{1,2}[/.-]\d{2}|\d{4}年"));
/// `2026-03-02 09:14 GMT+01:00 Ann Archer`, `2026/3/2 Ann Archer <ann@acme.example>`: without a verb, at times
/// without a colon.
static STAMPED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\d{4}-\d{2}-\d{2} \d{1,2}:\d{2} (?:GMT|UTC)?[+-]\d{1,2}:?\d{2} \S|^\d{4}[/-]\d{1,2}[/-]\d{1,2} [^<>]{1,80}<[^<>\s]+@[^<>\s]+>:?\s*$",
    )
});
/// The end of one sentence and the beginning of another.
static SENTENCES: LazyLock<Regex> = LazyLock::new(|| pattern(r"[.!?] +\p{Lu}"));
/// An address, be it in brackets or not.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[^\s<>()\[\]:,;]+@[^\s<>()\[\]:,;]+\.[^\s<>()\[\]:,;.]+"));
/// What a program wrote behind the last word that somebody typed.
static SHARED: LazyLock<Regex> = LazyLock::new(|| pattern(r"[^\s-](-{3,}\s?\p{L}+\s[^<>]{0,200}[:：])\s*$"));

/// Who is quoted, and when that was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Introduction {
    pub(super) author: Address,
    /// As written; empty where there is none.
    pub(super) date_raw: String,
    pub(super) sent_at: Option<Timestamp>,
}

/// How many lines from `at` on introduce a quotation.
pub(super) fn lines_at(lines: &[&str], at: usize) -> Option<usize> {
    let first = lines.get(at)?;
    if first.len() > BYTES || first.trim().is_empty() || is_quoted(first) {
        return None;
    }
    if first.len() <= BARE && STAMPED.is_match(first) && lines.get(at + 1).is_none_or(|line| is_apart(line)) {
        return Some(1);
    }
    if !may_end(lines, at) || !begins_well(first) {
        return None;
    }
    let mut joined = String::new();
    for (n, line) in lines.get(at..)?.iter().take(LINES).enumerate() {
        let goes_on = n == 0 || !is_quoted(line) || closes_bracket(&joined, line);
        if line.trim().is_empty() || !goes_on || joined.len() + line.len() > BYTES {
            return None;
        }
        // Prose that runs into the line.
        if n > 0 && begins_with_date(line) && !begins_with_date(first) {
            return None;
        }
        if n > 0 {
            joined.push(' ');
        }
        joined.push_str(undashed(line));
        if joined.ends_with([':', '：']) || (n == 0 && ends_with_verb(&joined, line)) {
            return introduces(&joined).then_some(n + 1);
        }
    }
    None
}

/// Whether a line that can be the last of an introduction is near: most are told from prose by that alone.
fn may_end(lines: &[&str], at: usize) -> bool {
    let ends = |line: &&str| line.trim_end().ends_with([':', '：', '-', '*']);
    let near = lines.get(at..).unwrap_or_default().iter().take(LINES);
    near.clone().any(ends) || near.take(1).any(|first| first.contains('@'))
}

fn is_apart(line: &str) -> bool {
    line.trim().is_empty() || is_quoted(line)
}

/// `<ann@acme.example` at the end of one line, `>:` on the next.
fn closes_bracket(joined: &str, line: &str) -> bool {
    let open = joined.rfind('<').is_some_and(|at| joined.get(at..).is_some_and(|rest| !rest.contains('>')));
    open && line.len() < 60 && line.trim_end().ends_with([':', '：'])
}

/// Some programs put dashes around the line.
fn undashed(line: &str) -> &str {
    let line = line.trim();
    match line.strip_prefix("--") {
        Some(rest) => rest.trim_matches(['-', ' ']),
        None => line,
    }
}

/// Whether the first line can begin an introduction: a word that does, a date, or a person.
fn begins_well(first: &str) -> bool {
    let first = first.trim().trim_start_matches(['*', '[', '(', '-', ' ']);
    begins_with_word(first) || DATED.is_match(first) || ADDRESS.is_match(first)
}

fn begins_with_word(line: &str) -> bool {
    let word = line.split(|c: char| c.is_whitespace() || c == ',').next().unwrap_or_default().to_lowercase();
    LAYOUT.on.contains(word.trim_end_matches([',', '.']))
}

fn begins_with_date(line: &str) -> bool {
    let line = line.trim();
    begins_with_word(line) && DATED.is_match(line)
}

/// A date or an address, and a verb of writing; or both of the former and nothing else.
fn introduces(joined: &str) -> bool {
    let bare = joined.trim_end_matches([':', '：', ' ', '*', '-']);
    let (dated, person) = (DATED.is_match(bare), bare.contains('@'));
    let ends_with_person = bare.ends_with(['>', ')', ']']) && person;
    ((dated || person) && has_verb(bare)) || (dated && ends_with_person && !SENTENCES.is_match(bare))
}

fn ends_with_verb(joined: &str, line: &str) -> bool {
    if !joined.contains('@') && !line.trim_end().ends_with("--") {
        return false;
    }
    let lower = joined.to_lowercase();
    LAYOUT.wrote.iter().any(|verb| lower.ends_with(verb.as_str()))
}

fn has_verb(text: &str) -> bool {
    let lower = text.to_lowercase();
    LAYOUT.wrote.iter().any(|verb| {
        lower.match_indices(verb.as_str()).any(|(start, found)| {
            let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() && c.is_ascii() && verb.is_ascii());
            let before = lower.get(..start).and_then(|t| t.chars().next_back());
            let after = lower.get(start + found.len()..).and_then(|t| t.chars().next());
            !letter(before) && !letter(after)
        })
    })
}

/// Parts a line on which a program introduces a quotation right behind what somebody typed.
pub(super) fn shared(line: &str) -> Option<(&str, &str)> {
    if line.len() > BYTES || !line.contains("---") {
        return None;
    }
    let begins = SHARED.captures(line)?.get(1)?.start();
    let (typed, line) = line.split_at_checked(begins)?;
    introduces(line.trim()).then_some((typed, line))
}

/// Who is named, and when, by a line that introduces a quotation.
pub(super) fn read(line: &str, zone: &TimeZone) -> Option<Introduction> {
    let found = ADDRESS.find(line)?;
    let (before, after) = (line.get(..found.start())?, line.get(found.end()..)?);
    let (around, name) = name_at_end(before.trim_end_matches(|c: char| c.is_whitespace() || "<([".contains(c)));
    let sides = [around, after];
    let date_raw = sides.into_iter().find(|side| DATED.is_match(side)).map(date_in).unwrap_or_default();
    Some(Introduction {
        author: headers::clean(name, found.as_str().trim_start_matches("mailto:")),
        sent_at: dates::parse(&date_raw, zone),
        date_raw,
    })
}

/// A name at the end of a text, in quotes or of words with capitals, and what stands before it.
fn name_at_end(text: &str) -> (&str, &str) {
    const OPENING: [char; 6] = ['"', '„', '“', '«', '\'', '”'];
    let bare = text.trim_end_matches(['"', '”', '“', '»', '\'']);
    if bare.len() < text.len()
        && let Some((before, name)) = bare.rsplit_once(OPENING)
    {
        return (before, name);
    }
    let mut start = text.len();
    for _ in 0..NAME_WORDS {
        let head = text.get(..start).unwrap_or_default().trim_end();
        let at = head.rfind(' ').map_or(0, |blank| blank + 1);
        let word = head.get(at..).unwrap_or_default();
        if !is_of_name(word) {
            break;
        }
        start = at;
    }
    text.split_at_checked(start).unwrap_or((text, ""))
}

/// Whether a word can be of a name, and not of a date or the language around it.
fn is_of_name(word: &str) -> bool {
    let lower = word.chars().next().is_none_or(char::is_lowercase) && !PARTICLES.contains(&word);
    let breaks = word.chars().any(|c| c.is_ascii_digit()) || word.ends_with([',', ':', ';']);
    let clock = matches!(word, "AM" | "PM" | "GMT" | "UTC" | "CET" | "CEST" | "EST" | "EDT" | "PST" | "PDT");
    !(lower || breaks || clock || LAYOUT.on.contains(word.to_lowercase().as_str()))
}

/// Words in names that have no capital.
const PARTICLES: [&str; 20] = [
    "van", "von", "de", "der", "den", "del", "della", "di", "da", "do", "dos", "das", "du", "la", "le", "el", "al",
    "bin", "ter", "zu",
];

/// The date in what is left of a line without its author: between the words that lead to it and those after it.
fn date_in(text: &str) -> String {
    let words: Vec<&str> =
        text.trim_matches(|c: char| c.is_whitespace() || ",>)]".contains(c)).split_whitespace().collect();
    let numbered = |word: &&str| word.chars().any(|c| c.is_ascii_digit());
    let Some(number) = words.iter().position(numbered) else { return String::new() };
    let leads = |word: &&str| {
        let word = word.trim_matches([',', '.', '-']).to_lowercase();
        LAYOUT.on.contains(word.as_str()) || LAYOUT.wrote.contains(&word)
    };
    let begin = words.iter().take(number).rposition(leads).map_or(0, |last| last + 1);
    let belongs = |word: &&str| {
        let bare = word.trim_matches([',', '.', ':']);
        numbered(word)
            || matches!(bare.to_lowercase().as_str(), "am" | "pm" | "a.m" | "p.m")
            || (bare.len() >= 3 && bare.chars().all(|c| c.is_ascii_uppercase()))
    };
    let end = words.iter().rposition(belongs).map_or(0, |last| last + 1);
    words.get(begin..end).unwrap_or_default().join(" ").trim_matches([',', ':', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_introduce_are_known() {
        #[rustfmt::skip]
        let cases = [
            ("On Mon, 2 Mar 2026 at 09:14, Ann <ann@acme.example> wrote:", Some(1)),
            ("On Mon, 2 Mar 2026 at 09:14, Ann Archer\n<ann@acme.example> wrote:", Some(2)),
            ("tir. 3. mars 2026 kl. 13:09 skrev Ann <ann@acme.example\n>:", Some(2)),
            ("---- On Mon, 02 Mar 2026 09:14:50 +0530 ann@acme.example wrote ----", Some(1)),
            ("2026-03-02 17:21 GMT+01:00 Ann Archer", Some(1)),
            ("2026/3/2 Ann Archer <ann@acme.example>", Some(1)),
            ("вт, 3 мар. 2026 г. в 09:14, Ann <ann@acme.example>:", Some(1)),
            ("On 2-Mar-2026, at 6:54 PM, Ann <ann@acme.example> sent:", Some(1)),
            ("and that is what @ann meant when we spoke of it last week, I think.\nOn 2 Mar 2026 05:13 \"ann\" <ann@acme.example> wrote:", None),
            ("On Monday she wrote: we need it.", None),
            ("We agreed on this:", None),
            ("These are due on 3 March 2026:", None),
        ];
        for (text, expected) in cases {
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines_at(&lines, 0), expected, "{text}");
        }
    }

    #[test]
    fn who_and_when_are_read_in_any_order() {
        let ann = |name: &str| Address { name: name.to_owned(), address: "ann@acme.example".to_owned() };
        #[rustfmt::skip]
        let cases = [
            ("On 02/03/2026 09:14, \"Ann Archer\" <ann@acme.example> wrote:",            "Ann Archer", "02/03/2026 09:14"),
            ("Dnia 02/03/2026, 09:14 użytkownik „Ann Archer” <ann@acme.example> napisał:", "Ann Archer", "02/03/2026, 09:14"),
            ("02/03/2026 09:14 időpontban Ann Archer (ann@acme.example) ezt írta:",      "Ann Archer", "02/03/2026 09:14"),
            ("Ann Archer <ann@acme.example> skrev følgende den 02/03/2026, 09:14:",      "Ann Archer", "02/03/2026, 09:14"),
            ("\"Ann Archer\" <ann@acme.example>, 02/03/2026 09:14 tarihinde şunu yazdı:", "Ann Archer", "02/03/2026 09:14"),
            ("Am 02.03.2026 um 09:14 schrieb Ann von Archer <ann@acme.example>:",        "Ann von Archer", "02.03.2026 um 09:14"),
            ("On Mon, Mar 2, 2026 at 9:14 AM ann@acme.example wrote:",                  "", "Mon, Mar 2, 2026 at 9:14 AM"),
        ];
        for (line, name, date) in cases {
            let found = read(line, &TimeZone::UTC).unwrap();
            assert_eq!(found.author, ann(name), "{line}");
            assert_eq!(found.date_raw, date, "{line}");
            assert_eq!(found.sent_at.unwrap().to_string(), "2026-03-02T09:14:00Z", "{line}");
        }
    }

    #[test]
    fn a_line_may_be_shared_with_what_was_typed() {
        assert_eq!(
            shared("fine--- On Mon, Mar 2, 2026 at 3:59 PM, ann@acme.example wrote:"),
            Some(("fine", "--- On Mon, Mar 2, 2026 at 3:59 PM, ann@acme.example wrote:"))
        );
        assert_eq!(shared("a---b is a rule: see"), None);
    }
}
