//! A message forwarded inside the text of another: where it begins, and who wrote it.

use jiff::tz::TimeZone;

use super::layout::{Block, LAYOUT, Marker, block, field, marker};
use super::quote;

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

/// Most empty lines between a marker and its header fields.
const GAP: usize = 3;

/// Whether a subject begins, or ends, as those of forwards do.
pub(super) fn is_forward_subject(subject: &str) -> bool {
    let lower = subject.trim().to_lowercase();
    let mut rest = lower.trim_start_matches('[');
    if lower.ends_with("(fwd)") {
        return true;
    }
    // `Re: Fwd: …` is an answer, `Fwd: Re: …` a forward: the first prefix says what this mail is.
    while let Some((head, after)) = rest.split_once([':', '：']) {
        let word = head.trim().trim_matches(|c: char| c.is_ascii_digit() || "[]()^ ".contains(c));
        if LAYOUT.forward_prefixes.contains(word) {
            return true;
        }
        // A tag of a gateway or a list may stand before it.
        let Some((_, behind)) = head.rsplit_once(']') else { return false };
        let word = behind.trim();
        if LAYOUT.forward_prefixes.contains(word) {
            return true;
        }
        rest = after;
        if !word.is_empty() {
            return false;
        }
    }
    false
}

/// The outermost message that a text forwards. `is_forward` says that the subject calls it one: then
/// the header fields need no line that announces them.
pub(super) fn find(text: &str, is_forward: bool, zone: &TimeZone) -> Option<Forward> {
    let lines: Vec<&str> = text.lines().collect();
    let mut answered = false;
    for (at, line) in lines.iter().enumerate() {
        if let Some(kind) = marker(line) {
            let quoted = line.trim_start().starts_with('>');
            let found = after_marker(&lines, at, quoted, zone);
            match (kind, found) {
                (Marker::Forwarded, Some(found)) if is_forward || !(quoted && answered) => return Some(found),
                (Marker::Original, Some(found)) if is_forward => return Some(found),
                (Marker::Original, _) if !is_forward => return None,
                _ => {}
            }
        } else if begins_block(&lines, at) {
            if let Some((header, taken)) = block(lines.get(at..)?, zone).filter(|(header, _)| is_whole(header)) {
                let above = lines.get(..at)?;
                let alone = above.iter().all(|l| l.trim().is_empty() || is_rule(l));
                return (is_forward || alone)
                    .then(|| forward(above, header, lines.get(at + taken..).unwrap_or_default()));
            }
        }
        if !is_forward {
            answered |= line.starts_with('>');
            if quote::attribution(&lines, at).is_some() {
                answered = true;
            }
        }
    }
    None
}

fn after_marker(lines: &[&str], at: usize, quoted: bool, zone: &TimeZone) -> Option<Forward> {
    let below = lines.get(at + 1..)?;
    let below: Vec<&str> = if quoted { below.iter().map(|line| unquoted(line)).collect() } else { below.to_vec() };
    let gap = below.iter().take(GAP).take_while(|line| line.trim().is_empty()).count();
    let (header, taken) = block(below.get(gap..)?, zone)?;
    Some(forward(lines.get(..at)?, header, below.get(gap + taken..).unwrap_or_default()))
}

fn forward(above: &[&str], header: Block, below: &[&str]) -> Forward {
    let end = above.iter().rposition(|line| !line.trim().is_empty() && !is_rule(line)).map_or(0, |last| last + 1);
    let note = above.get(..end).unwrap_or_default().join("\n").trim().to_owned();
    Forward { note, header, text: below.join("\n") }
}

/// Whether a line may be the first of a header block: a field, after nothing, an empty line or a ruler.
fn begins_block(lines: &[&str], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|n| lines.get(n));
    let free = before.is_none_or(|line| line.trim().is_empty() || is_rule(line));
    free && lines.get(at).is_some_and(|line| line.len() < 1_000 && field(line).is_some())
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
    line.strip_prefix("> ").or_else(|| line.strip_prefix('>')).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_of_forwards_say_so_first() {
        #[rustfmt::skip]
        let cases = [
            ("Fwd: Plan", true), ("FW: Plan", true), ("WG: Plan", true), ("Fwd: Re: Plan", true), ("[EXT] Fwd: Plan", true), ("[Fwd: Plan]", true),
            ("Plan (fwd)", true), ("转发：计划", true),
            ("Re: Fwd: Plan", false), ("Plan", false), ("Re: Plan", false), ("Forward planning", false), ("", false),
        ];
        for (subject, expected) in cases {
            assert_eq!(is_forward_subject(subject), expected, "{subject}");
        }
    }

    const BLOCK: &str = "From: Ann Archer <ann@acme.example>\nDate: Mon, 2 Mar 2026 at 09:14\nSubject: Plan\nTo: <sam@us.example>\n\nHi Sam";

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
        #[rustfmt::skip]
        let cases = [
            (gmail.as_str(),  false, Some("FYI")),
            (&apple,          false, Some("")),
            (&quoted,         false, Some("FYI")),
            (&outlook,        true,  Some("FYI")),
            (&outlook,        false, None),
            (BLOCK,           false, Some("")),
            (&reply,          true,  Some("Thanks!")),
            (&reply,          false, None),
            (&nested,         false, None),
            ("Hello",         true,  None),
        ];
        for (text, is_forward, note) in cases {
            let found = find(text, is_forward, &TimeZone::UTC);
            assert_eq!(found.as_ref().map(|f| f.note.as_str()), note, "{text}");
            if let Some(found) = found {
                assert_eq!(found.text.trim(), "Hi Sam", "{text}");
                assert_eq!(found.header.from.unwrap().address, "ann@acme.example");
            }
        }
    }
}
