//! What stands below, and sometimes above, what somebody wrote: the signature, the
//! mobile footer, legal boilerplate, warnings of mail gateways.

use super::forward::is_rule;
use super::layout::LAYOUT;
use super::message::Address;
use super::quote::Part;
use super::words::WORDS;

/// Most lines of a signature below `-- `, and below a closing word.
const DELIMITED: usize = 25;
const CLOSED: usize = 12;
/// Longest line of a contact block, in characters.
const CONTACT: usize = 90;
/// Longest legal notice, in bytes.
const LONGEST_NOTICE: usize = 16 << 10;
/// Most words of a footer that a device adds.
const DEVICE_WORDS: usize = 9;
/// Traits of boilerplate that a paragraph must show: above a signature, and below one.
const TRAITS: usize = 3;
const TRAITS_BELOW: usize = 2;

/// Marks signature and boilerplate among the new lines.
pub(super) fn mark(lines: &[&str], parts: &mut [Part], author: Option<&Address>) {
    banners(lines, parts);
    boilerplate(lines, parts);
    for (from, to) in runs(parts) {
        devices(lines, parts, (from, to));
        let run = (from, to);
        let start = delimiter(lines, parts, run)
            .or_else(|| closing(lines, parts, run, author))
            .or_else(|| ruled(lines, parts, run))
            .or_else(|| dashed_name(lines, parts, run));
        if let Some(start) = start.filter(|start| !is_all(lines, parts, *start)) {
            parts.iter_mut().take(to).skip(start).filter(|p| **p == Part::New).for_each(|p| *p = Part::Signature);
        }
    }
    // What looked like prose before is boilerplate once it stands below a signature.
    boilerplate(lines, parts);
}

/// Stretches of lines without history between them.
fn runs(parts: &[Part]) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut start = None;
    for (at, part) in parts.iter().chain([&Part::Quoted]).enumerate() {
        match (start, *part == Part::Quoted) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                runs.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    runs
}

/// Warnings of a gateway above the text.
fn banners(lines: &[&str], parts: &mut [Part]) {
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if line.trim().is_empty() || is_rule(line) {
            at += 1;
            continue;
        }
        let bare = line.trim().trim_start_matches(['*', '|', '!', '⚠', '\u{fe0f}', ' ']).to_lowercase();
        if !LAYOUT.banners.begin(&bare) {
            return;
        }
        while lines.get(at).is_some_and(|line| !line.trim().is_empty()) {
            if let Some(part) = parts.get_mut(at).filter(|part| **part == Part::New) {
                *part = Part::Disclaimer;
            }
            at += 1;
        }
    }
}

/// Paragraphs of boilerplate and footers at the end of each stretch.
fn boilerplate(lines: &[&str], parts: &mut [Part]) {
    for (from, to) in runs(parts) {
        let mut end = to;
        while let Some(start) = paragraph_above(lines, (from, end)) {
            let paragraph = lines.get(start..end).unwrap_or_default();
            if paragraph.iter().map(|line| line.len()).sum::<usize>() > LONGEST_NOTICE {
                break;
            }
            let text = paragraph.join(" ").to_lowercase();
            let below = parts.get(start) == Some(&Part::Signature);
            let first = text.trim_start_matches(|c: char| !c.is_alphanumeric());
            let footer = LAYOUT.footers.begin(first);
            let found = LAYOUT.traits.iter().filter(|word| text.contains(word.as_str())).take(TRAITS).count();
            let legal = found >= if below { TRAITS_BELOW } else { TRAITS } && text.trim().len() > 60;
            let ruler = lines.get(start..end).is_some_and(|l| l.iter().all(|l| l.trim().is_empty() || is_rule(l)));
            let known = parts.get(start..end).is_some_and(|p| p.contains(&Part::Disclaimer));
            if !(footer || legal || known || (ruler && end < to)) {
                break;
            }
            parts.iter_mut().take(end).skip(start).for_each(|part| *part = Part::Disclaimer);
            end = start;
        }
    }
}

/// Where the last paragraph of a stretch begins.
fn paragraph_above(lines: &[&str], (from, to): (usize, usize)) -> Option<usize> {
    let last = (from..to).rev().find(|n| lines.get(*n).is_some_and(|l| !l.trim().is_empty()))?;
    let start = (from..last).rev().find(|n| lines.get(*n).is_some_and(|l| l.trim().is_empty() || is_rule(l)));
    Some(start.map_or(from, |blank| if lines.get(blank).is_some_and(|l| is_rule(l)) { blank } else { blank + 1 }))
}

/// `Sent from my phone` and the like. What stands below one that stands below a text is history that a program
/// did not mark.
fn devices(lines: &[&str], parts: &mut [Part], (from, to): (usize, usize)) {
    let mut typed = false;
    let mut below = false;
    for at in from..to {
        let (Some(line), Some(part)) = (lines.get(at), parts.get_mut(at)) else { continue };
        if *part != Part::New || line.trim().is_empty() {
            continue;
        }
        if is_device(line) {
            *part = Part::Signature;
            below = typed;
        } else if below {
            *part = Part::Quoted;
        } else {
            typed = true;
        }
    }
}

fn is_device(line: &str) -> bool {
    if line.len() > 200 {
        return false;
    }
    let bare = line.trim().trim_start_matches(['*', '[', '(', '-', '_', '<', ' ']).to_lowercase();
    let named = bare.chars().count() <= 80 && LAYOUT.devices.begin(&bare);
    // `Sent from my desk, which is easier than my phone.` is a sentence, unless it begs pardon.
    let words = bare.split_whitespace().filter(|word| !word.contains("://")).count();
    named && (words <= DEVICE_WORDS || WORDS.pardons.iter().any(|word| bare.contains(word.as_str())))
}

/// Whether nothing but this signature would be left of what is not history.
fn is_all(lines: &[&str], parts: &[Part], start: usize) -> bool {
    let written = lines.iter().zip(parts).take(start);
    let mut written = written.filter(|(line, part)| !line.trim().is_empty() && **part != Part::Quoted);
    written.next().is_none() && !parts.contains(&Part::Quoted)
}

/// A card of contacts below a ruler, to the end.
fn ruled(lines: &[&str], parts: &[Part], (from, to): (usize, usize)) -> Option<usize> {
    let at = (from..to).rev().find(|at| lines.get(*at).is_some_and(|line| is_long_rule(line)))?;
    let below = lines.get(at + 1..to)?;
    let card = below.iter().filter(|line| !line.trim().is_empty());
    let short = card.clone().all(|line| line.chars().count() <= CONTACT && !is_prose(line));
    let named = card.clone().any(|line| reaches(line));
    (parts.get(at) == Some(&Part::New) && short && named && card.count() <= DELIMITED).then_some(at)
}

fn is_long_rule(line: &str) -> bool {
    line.trim().len() >= 8 && is_rule(line)
}

/// `-Ann Archer` as the last paragraph of a stretch.
fn dashed_name(lines: &[&str], parts: &[Part], (from, to): (usize, usize)) -> Option<usize> {
    let at = (from..to).rev().find(|at| lines.get(*at).is_some_and(|line| !line.trim().is_empty()))?;
    let line = lines.get(at)?.trim();
    let name = line.strip_prefix(['-', '–', '—', '~'])?;
    let alone = at.checked_sub(1).and_then(|n| lines.get(n)).is_some_and(|line| line.trim().is_empty());
    (alone && may_be_name(name) && parts.get(at) == Some(&Part::New)).then_some(at)
}

/// One to three words with capitals, and nothing else.
fn may_be_name(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let capital =
        |word: &&str| word.chars().next().is_some_and(char::is_uppercase) && !word.ends_with([':', ',', '?', '!']);
    (1..=3).contains(&words.len()) && words.iter().all(capital)
}

/// The line `-- ` (RFC 3676) with a block below that can be a signature.
fn delimiter(lines: &[&str], parts: &[Part], (from, to): (usize, usize)) -> Option<usize> {
    (from..to).find(|at| {
        let Some(line) = lines.get(*at) else { return false };
        let exact = *line == "-- " || line.trim_end() == "--" || line.trim() == "—";
        let dashes =
            line.trim().len() >= 2 && line.trim().len() <= 4 && line.trim().chars().all(|c| "-_–—".contains(c));
        (exact || dashes) && parts.get(*at) == Some(&Part::New) && filled(lines, (*at + 1, to)) <= DELIMITED
    })
}

fn filled(lines: &[&str], (from, to): (usize, usize)) -> usize {
    lines.get(from..to).unwrap_or_default().iter().filter(|line| !line.trim().is_empty()).count()
}

/// A closing word on a line of its own, or the author's name with a way to reach them below it.
fn closing(lines: &[&str], parts: &[Part], (from, to): (usize, usize), author: Option<&Address>) -> Option<usize> {
    let mut seen = 0;
    let (mut reached, mut named) = (false, false);
    let mut found = None;
    // Whether what stands below can be the rest of a card: a post, a firm.
    let mut card = true;
    for at in (from..to).rev() {
        let line = lines.get(at).map_or("", |line| line.trim());
        if line.is_empty() || parts.get(at) != Some(&Part::New) {
            continue;
        }
        seen += 1;
        if seen > CLOSED || line.chars().count() > CONTACT {
            break;
        }
        let bare = line.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        // Some close in two languages: "Met vriendelijke groet / Kind regards".
        let closes = |words: &str| LAYOUT.sign_offs.contains(words.trim());
        if closes(&bare)
            || bare.contains('/') && bare.split('/').all(closes)
            || (named && seen == 2 && LAYOUT.thanks.contains(bare.as_str()))
        {
            return Some(at);
        }
        named |= seen == 1 && may_be_name(line);
        let posted = card && seen > 1 && bare.contains(' ');
        if (reached || posted) && author.is_some_and(|author| is_name(&bare, author)) {
            found = Some(at);
        }
        reached |= reaches(line);
        card &= may_be_post(line);
        if found.is_some() && is_prose(line) {
            break;
        }
    }
    found
}

/// A post or a firm: few words, and none that ends a sentence.
fn may_be_post(line: &str) -> bool {
    !line.ends_with(['.', '?', '!', ':', ';']) && line.split_whitespace().count() <= 8
}

fn is_name(bare: &str, author: &Address) -> bool {
    let name = author.name.to_lowercase();
    !name.is_empty() && (bare == name || (name.split_whitespace().next() == Some(bare) && bare.len() > 2))
}

/// A telephone number, a web address, a separator of cards.
fn reaches(line: &str) -> bool {
    let digits = line.chars().filter(char::is_ascii_digit).count();
    let lower = line.to_lowercase();
    (digits >= 7 && line.chars().count() <= 60)
        || lower.contains("www.")
        || lower.contains("http")
        || line.contains(" | ")
        || (line.contains('@') && line.split_whitespace().count() <= 3)
}

fn is_prose(line: &str) -> bool {
    line.ends_with(['.', '?', '!']) && line.split_whitespace().count() > 6
}

#[cfg(test)]
mod tests {
    use crate::read::habits::Habits;
    use crate::read::message::Address;
    use crate::read::quote::part;

    #[test]
    fn signatures_and_boilerplate_are_set_apart() {
        let ann = Address { name: "Ann Archer".to_owned(), address: "ann@acme.example".to_owned() };
        #[rustfmt::skip]
        let cases = [
            ("Fine.\n\n-- \nAnn\n020 7946 0000", "Fine."),
            ("Fine.\n\nKind regards,\nAnn\nHead of Plans", "Fine."),
            ("Fine.\n\nMit freundlichen Grüßen\nAnn", "Fine."),
            ("Fine.\n\nAnn Archer\nHead of Plans | ACME\n020 7946 0000", "Fine."),
            ("Fine.\n\nSent from my iPhone", "Fine."),
            ("Fine.\n\nAnn", "Fine.\n\nAnn"),
            ("CAUTION: This email originated from outside of us.\n\nFine.", "Fine."),
            ("Fine.\n\nThis email and any attachments are confidential and intended solely for the addressee. If you are not the intended recipient, notify the sender.", "Fine."),
            ("Our lawyers will start legal action on Monday.", "Our lawyers will start legal action on Monday."),
            ("Please keep this confidential: we may end the contract.", "Please keep this confidential: we may end the contract."),
            ("Best regards from Rome were on the card.\nFine.", "Best regards from Rome were on the card.\nFine."),
        ];
        for (text, expected) in cases {
            assert_eq!(part(text, Some(&ann), &Habits::default()).texts.new_text, expected, "{text}");
        }
    }
}
