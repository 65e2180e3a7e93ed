//! The parts of a body: what the author wrote now, history, signature, boilerplate.
//!
//! Each line goes to exactly one of them, in order. Linear in the size of the text.

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use regex::Regex;

use super::forward::is_rule;
use super::layout::{LAYOUT, Marker, block, field, marker};
use super::message::{Address, Texts};
use super::signature;

/// A body taken apart, and how sure we are of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parted {
    pub(super) texts: Texts,
    pub(super) doubts: Vec<String>,
    /// 0 to 1.
    pub(super) confidence: f64,
}

/// What a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    New,
    Quoted,
    Signature,
    Disclaimer,
}

/// Most lines that an attribution is wrapped over, and most bytes of it.
const ATTRIBUTION_LINES: usize = 4;
const ATTRIBUTION_BYTES: usize = 500;

/// Takes a body apart; `author` helps to know a signature.
pub(super) fn part(text: &str, author: Option<&Address>) -> Parted {
    let lines: Vec<&str> = text.lines().collect();
    let mut parts = vec![Part::New; lines.len()];
    quoted(&lines, &mut parts);
    signature::mark(&lines, &mut parts, author);
    let of = |part: Part| {
        let mine = lines.iter().zip(&parts).filter(|(_, p)| **p == part).map(|(line, _)| *line);
        mine.collect::<Vec<_>>().join("\n").trim_matches('\n').trim_end().to_owned()
    };
    let texts = Texts {
        new_text: of(Part::New),
        quoted_text: of(Part::Quoted),
        signature: of(Part::Signature),
        disclaimer: of(Part::Disclaimer),
    };
    let nothing_new = texts.new_text.trim().is_empty() && !texts.quoted_text.trim().is_empty();
    let doubts = if nothing_new { vec!["nothing stands beside the quoted text".to_owned()] } else { Vec::new() };
    Parted { texts, confidence: if nothing_new { 0.8 } else { 1.0 }, doubts }
}

/// Marks history: quoted lines, the lines that introduce them, and all below a header block.
fn quoted(lines: &[&str], parts: &mut [Part]) {
    let many = lines.iter().filter(|line| is_quoted(line)).count() > 1;
    let mut at = 0;
    while at < lines.len() {
        let Some(line) = lines.get(at) else { break };
        if let Some(taken) = attribution(lines, at) {
            let next = (at + taken..lines.len()).find(|n| lines.get(*n).is_some_and(|l| !l.trim().is_empty()));
            let followed = next.and_then(|n| lines.get(n)).is_some_and(|l| is_quoted(l));
            if !followed {
                mark(parts, at, lines.len());
                return;
            }
            mark(parts, at, at + taken);
            at += taken;
            continue;
        }
        if begins_history(lines, at) {
            let from = rule_above(lines, at);
            mark(parts, from, lines.len());
            return;
        }
        if is_quoted(line) && (many || !looks_like_a_figure(line)) {
            mark(parts, at, at + 1);
        }
        at += 1;
    }
}

fn mark(parts: &mut [Part], from: usize, to: usize) {
    parts.iter_mut().take(to).skip(from).for_each(|part| *part = Part::Quoted);
}

fn is_quoted(line: &str) -> bool {
    line.trim_start_matches([' ', '\u{a0}']).starts_with('>')
}

/// `> 5 people`: more than five.
fn looks_like_a_figure(line: &str) -> bool {
    let rest = line.trim_start().trim_start_matches('>').trim_start();
    rest.starts_with(|c: char| c.is_ascii_digit() || "£$€".contains(c))
}

/// A marker, or a header block that stands on its own.
fn begins_history(lines: &[&str], at: usize) -> bool {
    let Some(line) = lines.get(at) else { return false };
    let below = |from: usize| lines.get(from..).unwrap_or_default();
    match marker(line) {
        Some(Marker::Original) => return true,
        Some(Marker::Forwarded) => {
            let gap = below(at + 1).iter().take(3).take_while(|l| l.trim().is_empty()).count();
            return block(below(at + 1 + gap), &TimeZone::UTC).is_some();
        }
        None => {}
    }
    let before = at.checked_sub(1).and_then(|n| lines.get(n));
    let free = before.is_none_or(|line| line.trim().is_empty() || is_rule(line));
    if !free || line.len() > 1_000 || field(line).is_none() {
        return false;
    }
    block(below(at), &TimeZone::UTC).is_some_and(|(found, _)| {
        let known = found.from.as_ref().is_some_and(|a| !a.address.is_empty());
        found.sent_at.is_some() && (known || !found.to.is_empty() || !found.subject.is_empty())
    })
}

/// The ruler that Outlook draws above a header block belongs to it.
fn rule_above(lines: &[&str], at: usize) -> usize {
    let mut from = at;
    while let Some(line) = from.checked_sub(1).and_then(|n| lines.get(n)) {
        if is_rule(line) {
            return from - 1;
        }
        if !line.trim().is_empty() {
            break;
        }
        from -= 1;
    }
    at
}

#[expect(clippy::expect_used, reason = "the pattern is constant, and a test compiles it")]
static DATED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\d{1,2}[:.h]\d{2}|\b\d{4}\b|\d{1,2}[/.-]\d{1,2}[/.-]\d{2}|\d{4}年")
        .expect("a constant pattern compiles")
});

/// How many lines from `at` on introduce a quotation: `On 2 March 2026 at 09:14, Ann wrote:`.
pub(super) fn attribution(lines: &[&str], at: usize) -> Option<usize> {
    let first = lines.get(at)?;
    if first.len() > ATTRIBUTION_BYTES || first.trim().is_empty() || is_quoted(first) {
        return None;
    }
    let mut joined = String::new();
    for (n, line) in lines.get(at..)?.iter().take(ATTRIBUTION_LINES).enumerate() {
        if line.trim().is_empty() || (n > 0 && is_quoted(line)) || joined.len() + line.len() > ATTRIBUTION_BYTES {
            return None;
        }
        if n > 0 {
            joined.push(' ');
        }
        joined.push_str(line.trim());
        if joined.ends_with([':', '：']) || (n == 0 && ends_with_verb(&joined)) {
            return (starts_well(first) && introduces(&joined)).then_some(n + 1);
        }
    }
    None
}

/// Whether the first line can begin an attribution: a word that does, a date, or a person.
fn starts_well(first: &str) -> bool {
    let first = first.trim().trim_start_matches(['*', '[', '(', '-', ' ']);
    let word = first.split(|c: char| c.is_whitespace() || c == ',').next().unwrap_or_default().to_lowercase();
    LAYOUT.on.contains(word.trim_end_matches([',', '.'])) || DATED.is_match(first) || first.contains('@')
}

/// A date or an address, and a verb of writing; or both of the former and nothing else.
fn introduces(joined: &str) -> bool {
    let bare = joined.trim_end_matches([':', '：', ' ', '*']);
    let (dated, person) = (DATED.is_match(bare), bare.contains('@'));
    let ends_with_person = bare.ends_with(['>', ')', ']']) && person;
    ((dated || person) && has_verb(bare)) || (dated && ends_with_person && !bare.contains(". "))
}

fn ends_with_verb(joined: &str) -> bool {
    if !joined.contains('@') {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn new_text(text: &str) -> String {
        part(text, None).texts.new_text
    }

    #[test]
    fn history_is_told_from_new_text() {
        #[rustfmt::skip]
        let cases = [
            ("Fine.\n\nOn Mon, 2 Mar 2026 at 09:14, Ann <ann@acme.example> wrote:\n> Is it fine?", "Fine."),
            ("Fine.\n\nOn Mon, 2 Mar 2026 at 09:14, Ann Archer\n<ann@acme.example> wrote:\n\n> Is it fine?\n", "Fine."),
            ("Gut.\n\nAm 02.03.2026 um 09:14 schrieb Ann Archer:\n> Gut?", "Gut."),
            ("Bien.\n\nLe lun. 2 mars 2026 à 09:14, Ann <ann@acme.example> a écrit :\n\nEst-ce bien ?", "Bien."),
            ("Dobrze.\n\npon., 2 mar 2026 o 09:14 Ann <ann@acme.example> napisał(a):\n> Dobrze?", "Dobrze."),
            ("好。\n\nAnn <ann@acme.example> 于2026年3月2日周一 09:14写道：\n> 好吗？", "好。"),
            ("Fine.\n\n-----Original Message-----\nFrom: Ann\nSent: 2 March 2026 09:14\nTo: Sam\nSubject: x\n\nIs it?", "Fine."),
            ("Fine.\n\n________________________________\nFrom: Ann <ann@acme.example>\nSent: 2 March 2026 09:14\nTo: Sam\nSubject: x\n\nIs it?", "Fine."),
            ("> Is it fine?\nYes.\n> And this?\nNo.", "Yes.\nNo."),
            ("On Monday, Jane wrote: we need it.\nI agree.", "On Monday, Jane wrote: we need it.\nI agree."),
            ("From: Monday we start.\nFine?", "From: Monday we start.\nFine?"),
            ("We expect\n> 5 people", "We expect\n> 5 people"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(new_text(text), expected, "{text}");
        }
    }

    #[test]
    fn a_megabyte_of_anything_is_taken_apart_in_time() {
        for line in
            ["> x\n", "On \n", "From: a\n", "On 2 March 2026,\n", "-----Original\n", "regards\n", "wrote:\n", "\n"]
        {
            let text = line.repeat(1_000_000 / line.len());
            let parted = part(&text, None);
            assert!(parted.confidence > 0.0);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_letter_is_lost(text in r"(On 2 March 2026 at 09:14, Ann wrote:|> |From: Ann|-- |Regards|[a-z ,.:]{0,20}|\n){0,40}") {
            let Texts { new_text, quoted_text, signature, disclaimer } = part(&text, None).texts;
            let count = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
            let all = count(&new_text) + count(&quoted_text) + count(&signature) + count(&disclaimer);
            proptest::prop_assert_eq!(all, count(&text));
        }
    }
}
