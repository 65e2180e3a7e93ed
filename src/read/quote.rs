//! The parts of a body: what the author wrote now, history, signature, boilerplate.
//!
//! Each line goes to exactly one of them, in order. Linear in the size of the text.

use jiff::tz::TimeZone;

use super::dates;
use super::forward::{below_marker, is_rule, stands_free};
use super::habits::{self, Habits};
use super::html::SEAM;
use super::introduction;
use super::layout::{Label, Marker, block, field, marker};
use super::message::{Address, Texts};
use super::notes;
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

/// Shortest quoted line that a program wraps, in characters.
const WRAPPED: usize = 58;
/// Fewest fields of a header block that nothing sets off from what stands above it.
const BEYOND_DOUBT: usize = 4;

/// Takes a body apart; `author` helps to know a signature.
pub(super) fn part(text: &str, author: Option<&Address>, habits: &Habits) -> Parted {
    let lines: Vec<&str> = text.lines().flat_map(apart).collect();
    let mut parts = vec![Part::New; lines.len()];
    let unmarked = quoted(&lines, &mut parts);
    signature::mark(&lines, &mut parts, author);
    habits::set_apart(&lines, &mut parts, habits, author);
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
    let (confidence, doubt) = if nothing_new {
        (0.8, Some("nothing stands beside the quoted text"))
    } else if unmarked {
        (0.9, Some("history begins at an introduction, without marks of quotation"))
    } else {
        (1.0, None)
    };
    Parted { texts, confidence, doubts: doubt.into_iter().map(str::to_owned).collect() }
}

/// A line, or what somebody typed and what a program put on the same line behind it.
fn apart(line: &str) -> impl Iterator<Item = &str> {
    let (first, second) = introduction::shared(line).map_or((line, None), |(typed, rest)| (typed, Some(rest)));
    std::iter::once(first).chain(second)
}

/// Marks history: quoted lines, the lines that introduce them, and all below a header block. Whether it is
/// history by an introduction alone.
fn quoted(lines: &[&str], parts: &mut [Part]) -> bool {
    let many = lines.iter().filter(|line| is_quoted(line)).count() > 1;
    let mut at = 0;
    while at < lines.len() {
        let Some(line) = lines.get(at) else { break };
        if let Some(taken) = introduction::lines_at(lines, at) {
            let next = (at + taken..lines.len()).find(|n| lines.get(*n).is_some_and(|l| !l.trim().is_empty()));
            let followed = next.and_then(|n| lines.get(n)).is_some_and(|l| is_quoted(l));
            if !followed {
                mark(parts, at, lines.len());
                return true;
            }
            mark(parts, at, at + taken);
            at += taken;
            continue;
        }
        let is_history = is_quoted(line) && !is_ornament(line) && (many || !looks_like_a_figure(line));
        if !is_history && begins_history(lines, at) {
            let from = rule_above(lines, at);
            mark(parts, from, lines.len());
            return false;
        }
        if is_history || is_rest_of_quote(lines, at) || is_initialled(lines, at) {
            mark(parts, at, at + 1);
        }
        at += 1;
    }
    false
}

/// Whether a line between two quoted ones is the end of the first, which a program wrapped.
fn is_rest_of_quote(lines: &[&str], at: usize) -> bool {
    let beside = |n: Option<usize>| n.and_then(|n| lines.get(n)).copied().filter(|line| is_quoted(line));
    let (Some(before), Some(_), Some(line)) = (beside(at.checked_sub(1)), beside(at.checked_add(1)), lines.get(at))
    else {
        return false;
    };
    let line = line.trim();
    let goes_on = before.chars().count() >= WRAPPED && line.starts_with(char::is_lowercase);
    // An address of the web has no blanks to be wrapped at.
    let of_link = line.split_whitespace().count() <= 2 && (line.contains("://") || line.contains('='));
    goes_on || of_link
}

/// `AB> Is it fine?`: quoted with the initials of its author, as some programs do, on more than one line.
fn is_initialled(lines: &[&str], at: usize) -> bool {
    let initials = |n: Option<usize>| {
        let (head, rest) = n.and_then(|n| lines.get(n))?.split_once('>')?;
        let named = (1..=3).contains(&head.len()) && head.bytes().all(|b| b.is_ascii_uppercase());
        (named && (rest.is_empty() || rest.starts_with([' ', '>']))).then_some(head)
    };
    let mine = initials(Some(at));
    mine.is_some() && (mine == initials(at.checked_sub(1)) || mine == initials(at.checked_add(1)))
}

fn mark(parts: &mut [Part], from: usize, to: usize) {
    parts.iter_mut().take(to).skip(from).for_each(|part| *part = Part::Quoted);
}

/// Whether a line is quoted; `>= 50` is not.
pub(super) fn is_quoted(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\u{a0}']);
    line.starts_with('>') && !line.starts_with(">=")
}

/// `>>> our page <<<`.
fn is_ornament(line: &str) -> bool {
    line.trim_end().ends_with("<<")
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
        Some(Marker::Forwarded) => return is_announced(below(at + 1)),
        None => {}
    }
    if line.trim() == SEAM && is_seam(below(at + 1)) {
        return true;
    }
    let free = stands_free(lines, at);
    if free && notes::block(below(at), &TimeZone::UTC).is_some() {
        return true;
    }
    let Some((labels, _)) = field(line).filter(|_| line.len() <= 1_000) else { return false };
    // Prose above it, or the same field below it: not the first line of a block.
    if !free && field(lines.get(at + 1).unwrap_or(&"")).is_none_or(|(next, _)| next == labels) {
        return false;
    }
    if free && (is_dated_to_somebody(below(at)) || notes::is_headless(below(at))) {
        return true;
    }
    block(below(at), &TimeZone::UTC).is_some_and(|(found, _)| {
        let known = found.from.as_ref().is_some_and(|a| !a.address.is_empty());
        let whole = found.sent_at.is_some() && (known || !found.to.is_empty() || !found.subject.is_empty());
        whole && (free || (known && found.fields >= BEYOND_DOUBT))
    })
}

/// Whether header fields of some kind follow a line that announces a forwarded message.
fn is_announced(below: &[&str]) -> bool {
    let fields = below_marker(below);
    let zone = &TimeZone::UTC;
    block(fields, zone).is_some() || notes::block(fields, zone).is_some() || notes::is_headless(fields)
}

/// Whether a block begins with its date and an address that it went to: some programs leave out the author.
fn is_dated_to_somebody(below: &[&str]) -> bool {
    let value_of = |at: usize, label: Label| {
        let (labels, value) = below.get(at).and_then(|line| field(line))?;
        labels.contains(&label).then_some(value)
    };
    let dated = value_of(0, Label::Date)
        .is_some_and(|value| value.contains(':') && dates::parse(value, &TimeZone::UTC).is_some());
    dated && value_of(1, Label::To).is_some_and(|value| value.contains('@'))
}

/// Whether two header fields follow the line that Outlook draws, or a line that introduces a quotation.
fn is_seam(below: &[&str]) -> bool {
    let Some(first) = below.iter().position(|line| !line.trim().is_empty()).filter(|gap| *gap < 3) else {
        return false;
    };
    let is_field = |at: usize| below.get(at).and_then(|line| field(line));
    let named = is_field(first).is_some_and(|(labels, _)| labels.contains(&Label::From));
    (named && is_field(first + 1).is_some()) || introduction::lines_at(below, first).is_some()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn new_text(text: &str) -> String {
        part(text, None, &Habits::default()).texts.new_text
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
            let parted = part(&text, None, &Habits::default());
            assert!(parted.confidence > 0.0);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_letter_is_lost(text in r"(On 2 March 2026 at 09:14, Ann wrote:|> |From: Ann|-- |Regards|[a-z ,.:]{0,20}|\n){0,40}") {
            let Texts { new_text, quoted_text, signature, disclaimer } = part(&text, None, &Habits::default()).texts;
            let count = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
            let all = count(&new_text) + count(&quoted_text) + count(&signature) + count(&disclaimer);
            proptest::prop_assert_eq!(all, count(&text));
        }
    }
}
