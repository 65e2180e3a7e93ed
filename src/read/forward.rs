//! A message forwarded inside the text of another: where it begins, and who wrote it.

use std::borrow::Cow;
use std::collections::HashSet;

use jiff::tz::TimeZone;

use super::introduction::{self, Introduction};
use super::layout::{self, Block, LAYOUT, Marker, block, field, marker};
use super::message::Address;
use super::notes;
use super::packs::is_subject_prefix;

/// A forwarded message as the text gives it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Forward {
    /// What stands above, as typed.
    pub(super) note: String,
    /// Its header fields.
    pub(super) header: Block,
    /// Everything below them.
    pub(super) text: String,
}

/// What a subject says of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// It forwards another.
    Forward,
    /// It answers another: what stands below is history.
    Answer,
    /// Nothing.
    Nothing,
}

const BYTE_ORDER: char = '\u{feff}';
/// Most empty lines between a marker and its header fields.
const GAP: usize = 3;
/// Lines by which an indented text is known.
const FIRST_LINES: usize = 200;

/// What the first prefix of a subject says; the tag of a gateway or a list may stand before it.
/// `Re: Fwd: …` is an answer, `Fwd: Re: …` a forward.
pub(super) fn says(subject: &str) -> Says {
    let lower = layout::folded(subject.trim());
    if lower.ends_with("(fwd)") {
        return Says::Forward;
    }
    let Some((head, _)) = lower.split_once([':', '：']) else { return Says::Nothing };
    let head = head.trim_start_matches('[');
    let head = head.rsplit_once(']').map_or(head, |(tag, behind)| if behind.trim().is_empty() { tag } else { behind });
    let word = head.trim().trim_matches(|c: char| c.is_ascii_digit() || "[]()^ ".contains(c));
    if LAYOUT.forward_prefixes.contains(word) {
        Says::Forward
    } else if is_subject_prefix(word) {
        Says::Answer
    } else {
        Says::Nothing
    }
}

/// A subject without the prefix that makes it one of a forward.
pub(super) fn original_subject(subject: &str) -> &str {
    match (says(subject), subject.split_once([':', '：'])) {
        (Says::Forward, Some((_, rest))) => rest.trim().trim_end_matches(']'),
        _ => subject,
    }
}

/// What is known of the message whose text is looked at.
#[derive(Debug, Clone)]
pub(super) struct Around<'a> {
    pub(super) says: Says,
    pub(super) subject: &'a str,
    pub(super) author: Option<&'a Address>,
    pub(super) readers: Vec<&'a Address>,
    /// Whether it is for the service inbox and nobody else.
    pub(super) to_service: bool,
}

/// The outermost message that a text forwards.
pub(super) fn find(text: &str, around: &Around<'_>, zone: &TimeZone) -> Option<Forward> {
    let says = around.says;
    let text = unglued(text);
    let lines: Vec<&str> = text.lines().map(|line| line.trim_start_matches(BYTE_ORDER)).collect();
    // Outlook for Mac puts one in front of what it forwards.
    let marks =
        text.contains(BYTE_ORDER).then(|| text.lines().map(|line| line.starts_with(BYTE_ORDER)).collect::<Vec<_>>());
    let is_forward = says == Says::Forward;
    // Whether history came before, and whether anything else did.
    let (mut answered, mut typed) = (false, false);
    for (at, line) in lines.iter().enumerate() {
        // Nothing but marks of quotation, or nothing at all.
        if line.bytes().all(|byte| byte == b'>' || byte == b' ') {
            answered |= !is_forward && line.starts_with('>');
            continue;
        }
        if let Some(kind) = marker(line) {
            let found = after_marker(&lines, at, zone);
            let quoted = line.trim_start().starts_with('>');
            match (kind, found) {
                (Marker::Forwarded, Some(found)) if is_forward || !(quoted && answered) => return Some(found),
                (Marker::Original, Some(found)) if is_passed_on(around, &found.header, answered, typed) => {
                    return Some(found);
                }
                (Marker::Original, _) if !is_forward => return None,
                _ => {}
            }
        } else if let Some((header, taken)) = bare_block(&lines, at, zone) {
            let (above, below) = (lines.get(..at)?, lines.get(at + taken..).unwrap_or_default());
            let passed_on = is_passed_on(around, &header, answered, typed);
            return passed_on.then(|| forward(above, header, below));
        }
        if let Some(taken) = introduction::lines_at(&lines, at) {
            let below = lines.get(at + taken..).unwrap_or_default();
            let marked = marks.as_ref().and_then(|marks| marks.get(at)).is_some_and(|mark| *mark) || is_indented(below);
            let introduces = if typed { marked && says != Says::Answer } else { marked || is_forward };
            if introduces && !answered && !is_quoted_first(below) {
                return introduced(&lines, (at, taken), zone);
            }
            answered |= !is_forward;
        }
        answered |= !is_forward && line.starts_with('>');
        typed |= !line.trim().is_empty() && !is_rule(line);
    }
    None
}

/// Whether a header block that no line calls forwarded begins a message that is passed on, rather than the history
/// of an answer. Written to its author: an answer. Nothing typed above it: passed on. Else the subject tells, unless
/// it speaks of something else than the block does, as an answer to a forward may; or it goes to the service inbox
/// alone, from somebody whom the block names as its reader.
fn is_passed_on(around: &Around<'_>, header: &Block, answered: bool, typed: bool) -> bool {
    let same = |one: &Address, other: &Address| {
        (!one.address.is_empty() && one.address == other.address)
            || (other.address.is_empty() && !one.name.is_empty() && one.name.eq_ignore_ascii_case(&other.name))
    };
    if header.from.as_ref().is_some_and(|author| around.readers.iter().any(|reader| same(reader, author))) {
        return false;
    }
    let had_it = || {
        let mut readers = header.to.iter().chain(&header.cc);
        around.author.is_some_and(|author| readers.any(|reader| same(author, reader)))
    };
    match around.says {
        Says::Forward => !typed || !speaks_of_another(around.subject, &header.subject),
        Says::Nothing => !answered,
        Says::Answer => !answered && (!typed || (around.to_service && had_it())),
    }
}

/// Whether two subjects share no word.
fn speaks_of_another(one: &str, other: &str) -> bool {
    let words = |subject: &str| -> HashSet<String> {
        let folded = layout::folded(subject);
        let all = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= 2);
        all.filter(|word| !is_subject_prefix(word)).map(str::to_owned).collect()
    };
    let (words_of_one, words_of_other) = (words(one), words(other));
    !words_of_one.is_empty() && !other.is_empty() && words_of_one.is_disjoint(&words_of_other)
}

/// Whether all that is not empty is indented, as Outlook for Mac does with what it forwards.
fn is_indented(lines: &[&str]) -> bool {
    let mut filled = lines.iter().filter(|line| !line.trim().is_empty()).take(FIRST_LINES).peekable();
    filled.peek().is_some() && filled.all(|line| line.starts_with("    "))
}

fn is_quoted_first(lines: &[&str]) -> bool {
    lines.iter().find(|line| !line.trim().is_empty()).is_some_and(|line| line.trim_start().starts_with('>'))
}

fn after_marker(lines: &[&str], at: usize, zone: &TimeZone) -> Option<Forward> {
    let below = lines.get(at + 1..)?;
    // The block may be quoted although the line that announces it is not.
    let first = below.iter().find(|line| !line.trim().is_empty());
    let quoted = first.is_some_and(|line| line.trim_start().starts_with('>'));
    let below: Vec<&str> = if quoted { below.iter().map(|line| unquoted(line)).collect() } else { below.to_vec() };
    let fields = below_marker(&below);
    let (header, taken) = block(fields, zone).or_else(|| notes::block(fields, zone))?;
    let text = fields.get(taken..).unwrap_or_default();
    // Some programs frame the fields with the same line below them.
    let text = text.strip_prefix(&[*lines.get(at)?]).unwrap_or(text);
    Some(forward(lines.get(..at)?, header, text))
}

/// What stands below a marker, without the rest of one that was wrapped and without the gap.
pub(super) fn below_marker<'l, 't>(below: &'l [&'t str]) -> &'l [&'t str] {
    let below = match below.split_first() {
        Some((first, rest)) if first.trim_end().ends_with("-----") && marker(first).is_none() => rest,
        _ => below,
    };
    let gap = below.iter().take(GAP).take_while(|line| line.trim().is_empty()).count();
    below.get(gap..).unwrap_or_default()
}

/// Some programs forward below a line that introduces a quotation, and indent the text.
fn introduced(lines: &[&str], (at, taken): (usize, usize), zone: &TimeZone) -> Option<Forward> {
    let line = lines.get(at..at + taken)?.join(" ");
    let Introduction { author, date_raw, sent_at } = introduction::read(&line, zone)?;
    let header = Block { from: Some(author), sent_at, date_raw, ..Block::default() };
    let below: Vec<&str> =
        lines.get(at + taken..)?.iter().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    let start = below.iter().position(|line| !line.trim().is_empty())?;
    let quoted = below.get(start..)?.iter().map(|line| unquoted_or_plain(line)).collect::<Vec<_>>();
    Some(forward(lines.get(..at)?, header, &quoted))
}

fn unquoted_or_plain(line: &str) -> &str {
    if line.trim_start().starts_with('>') { unquoted(line) } else { line }
}

/// Puts the fields of a block on lines of their own where a program wrote all of them behind its marker.
fn unglued(text: &str) -> Cow<'_, str> {
    let glued = |line: &str| layout::glued(line).is_some();
    if !text.lines().any(glued) {
        return Cow::Borrowed(text);
    }
    let lines = text.lines().map(|line| match layout::glued(line) {
        Some((marker, fields)) => Cow::Owned(format!("{marker}\n{}\n", fields.join("\n"))),
        None => Cow::Borrowed(line),
    });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

fn forward(above: &[&str], header: Block, below: &[&str]) -> Forward {
    let end = above.iter().rposition(|line| !line.trim().is_empty() && !is_rule(line)).map_or(0, |last| last + 1);
    let note = above.get(..end).unwrap_or_default().join("\n").trim().to_owned();
    let mut filled = below.iter().filter(|line| !line.trim().is_empty()).peekable();
    let quoted = filled.peek().is_some() && filled.all(|line| line.trim_start().starts_with('>'));
    let text =
        if quoted { below.iter().map(|line| unquoted(line)).collect::<Vec<_>>().join("\n") } else { below.join("\n") };
    Forward { note, header, text }
}

/// A header block that no line announces, and how many lines it takes.
fn bare_block(lines: &[&str], at: usize, zone: &TimeZone) -> Option<(Block, usize)> {
    let line = lines.get(at).filter(|line| line.len() < 1_000)?;
    if !stands_free(lines, at) {
        return None;
    }
    let labelled = field(line).and_then(|_| block(lines.get(at..)?, zone)).filter(|(header, _)| is_whole(header));
    labelled.or_else(|| notes::block(lines.get(at..)?, zone))
}

/// Whether nothing, an empty line or a ruler stands above.
pub(super) fn stands_free(lines: &[&str], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|n| lines.get(n));
    before.is_none_or(|line| line.trim().is_empty() || is_rule(line))
}

/// A block that stands without a marker must be beyond doubt.
fn is_whole(header: &Block) -> bool {
    let person = header.from.as_ref().is_some_and(|a| !a.address.is_empty() || a.name.split_whitespace().count() <= 5);
    person && header.sent_at.is_some() && (!header.to.is_empty() || !header.subject.is_empty())
}

/// A line of dashes or underscores.
pub(super) fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 3 && line.chars().all(|c| "-_=*~—–".contains(c))
}

fn unquoted(line: &str) -> &str {
    let line = line.trim_start();
    line.strip_prefix("> ").or_else(|| line.strip_prefix('>')).unwrap_or(line).trim_start_matches(BYTE_ORDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_prefix_of_a_subject_says_what_it_is() {
        #[rustfmt::skip]
        let cases = [
            ("Fwd: Plan", Says::Forward), ("FW: Plan", Says::Forward), ("WG: Plan", Says::Forward), ("Fwd: Re: Plan", Says::Forward),
            ("[EXT] Fwd: Plan", Says::Forward), ("[Fwd: Plan]", Says::Forward), ("Plan (fwd)", Says::Forward), ("转发：计划", Says::Forward),
            ("Re: Fwd: Plan", Says::Answer), ("Re: Plan", Says::Answer), ("AW: Plan", Says::Answer), ("RE[2]: Plan", Says::Answer),
            ("Plan", Says::Nothing), ("Forward planning", Says::Nothing), ("Reminder: plan", Says::Nothing), ("", Says::Nothing),
        ];
        for (subject, expected) in cases {
            assert_eq!(says(subject), expected, "{subject}");
        }
    }

    fn around(says: Says, subject: &str) -> Around<'_> {
        Around { says, subject, author: None, readers: Vec::new(), to_service: false }
    }

    #[test]
    fn who_is_named_tells_an_answer_from_what_is_passed_on() {
        let text = format!("See below.\n\n{BLOCK}");
        let address = |address: &str| Address { name: String::new(), address: address.to_owned() };
        let (sam, ann, kim) = (address("sam@us.example"), address("ann@acme.example"), address("kim@us.example"));
        #[rustfmt::skip]
        let cases = [
            (Says::Answer,  &sam, vec![],             true,  true),
            (Says::Answer,  &kim, vec![],             true,  false),
            (Says::Answer,  &sam, vec![kim.clone()],  false, false),
            (Says::Answer,  &sam, vec![ann.clone()],  false, false),
            (Says::Forward, &sam, vec![ann.clone()],  false, false),
            (Says::Nothing, &sam, vec![ann.clone()],  false, false),
            (Says::Forward, &sam, vec![kim.clone()],  false, true),
        ];
        for (says, author, readers, to_service, found) in cases {
            let readers = readers.iter().collect();
            let around = Around { says, subject: "Plan", author: Some(author), readers, to_service };
            assert_eq!(find(&text, &around, &TimeZone::UTC).is_some(), found, "{around:?}");
        }
    }

    const BLOCK: &str = "From: Ann Archer <ann@acme.example>\nDate: Mon, 2 Mar 2026 at 09:14\nSubject: Plan\nTo: <sam@us.example>\n\nHi Sam";

    #[test]
    fn an_answer_to_a_forward_speaks_of_something_else() {
        let text = format!("Fine.\n\n{BLOCK}");
        for (subject, found) in [("FW: Plan", true), ("FW: The plan, please read", true), ("FW: Invoice", false)] {
            assert_eq!(find(&text, &around(says(subject), subject), &TimeZone::UTC).is_some(), found, "{subject}");
        }
    }

    #[test]
    fn forwards_are_found_and_answers_are_not() {
        let gmail = format!("FYI\n\n---------- Forwarded message ---------\n{BLOCK}");
        let apple = format!("Begin forwarded message:\n\n{BLOCK}");
        let quoted = format!(
            "FYI\n\n> Begin forwarded message:\n>\n{}",
            BLOCK.replace('\n', "\n> ").replace("From:", "> From:")
        );
        let outlook = format!("FYI\n\n________________________________\n{BLOCK}");
        let reply = format!("Thanks!\n\n-----Original Message-----\n{BLOCK}");
        let nested = format!(
            "Thanks!\n\nOn Mon, 2 Mar 2026 at 10:00, Sam <sam@us.example> wrote:\n> FYI\n> ---------- Forwarded message ---------\n> {}",
            BLOCK.replace('\n', "\n> ")
        );
        let glued = "FYI\n\n ----- Forwarded Message ----- From: Ann Archer <ann@acme.example>To: \"sam@us.example\" <sam@us.example>Sent: Monday, 2 March 2026, 09:14:00 GMT+1Subject: Plan\nHi Sam".to_owned();
        let half = format!("FYI\n\nForwarded message:\n\n> {}", BLOCK.replace('\n', "\n> "));
        let mac = "\u{feff}On 02/03/2026 09:14, \"Ann Archer\" <ann@acme.example> wrote:\n\n    Hi Sam".to_owned();
        let answer = format!("Fine.\n\n{mac}");
        #[rustfmt::skip]
        let cases = [
            (gmail.as_str(),  Says::Answer, Some("FYI")),
            (&apple,          Says::Nothing, Some("")),
            (&quoted,         Says::Nothing, Some("FYI")),
            (&outlook,        Says::Forward, Some("FYI")),
            (&outlook,        Says::Nothing, Some("FYI")),
            (&outlook,        Says::Answer,  None),
            (BLOCK,           Says::Nothing, Some("")),
            (BLOCK,           Says::Answer,  Some("")),
            (&reply,          Says::Forward, Some("Thanks!")),
            (&reply,          Says::Answer,  None),
            (&nested,         Says::Answer,  None),
            (&glued,          Says::Nothing, Some("FYI")),
            (&half,           Says::Nothing, Some("FYI")),
            (&mac,            Says::Forward, Some("")),
            (&mac,            Says::Answer,  Some("")),
            (&answer,         Says::Answer,  None),
            (&answer,         Says::Nothing, Some("Fine.")),
            ("Hello",         Says::Forward, None),
        ];
        for (text, says, note) in cases {
            let found = find(text, &around(says, ""), &TimeZone::UTC);
            assert_eq!(found.as_ref().map(|f| f.note.as_str()), note, "{text}");
            if let Some(found) = found {
                assert_eq!(found.text.trim(), "Hi Sam", "{text}");
                assert_eq!(found.header.from.unwrap().address, "ann@acme.example");
            }
        }
    }
}
