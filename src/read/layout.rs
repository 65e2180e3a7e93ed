//! The words by which mail programs lay out replies and forwards, and the header
//! blocks that they write into texts.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::message::Address;
use super::packs::all;
use super::words::Beginnings;
use super::{dates, headers};

/// A header field that programs write into a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Label {
    From,
    To,
    Cc,
    Bcc,
    Subject,
    Date,
    ReplyTo,
    Other,
}

/// The words, ready for look-up.
pub(super) struct Layout {
    /// A word may be the label of several fields: `de` is From and, elsewhere, To.
    labels: HashMap<String, Vec<Label>>,
    forwarded: HashSet<String>,
    original: HashSet<String>,
    pub(super) wrote: Vec<String>,
    pub(super) on: HashSet<String>,
    pub(super) forward_prefixes: HashSet<String>,
    pub(super) sign_offs: HashSet<String>,
    /// Thanks that close a text where only a name follows.
    pub(super) thanks: HashSet<String>,
    pub(super) devices: Beginnings,
    pub(super) traits: Vec<String>,
    pub(super) banners: Beginnings,
    pub(super) footers: Beginnings,
}

/// The words of all languages.
pub(super) static LAYOUT: LazyLock<Layout> = LazyLock::new(|| {
    let mut labels: HashMap<String, Vec<Label>> = HashMap::new();
    for (words, label) in [
        (all(|pack| &pack.labels.from), Label::From),
        (all(|pack| &pack.labels.to), Label::To),
        (all(|pack| &pack.labels.cc), Label::Cc),
        (all(|pack| &pack.labels.bcc), Label::Bcc),
        (all(|pack| &pack.labels.subject), Label::Subject),
        (all(|pack| &pack.labels.date), Label::Date),
        (all(|pack| &pack.labels.reply_to), Label::ReplyTo),
        (all(|pack| &pack.labels.other), Label::Other),
    ] {
        for word in words {
            labels.entry(word).or_default().push(label);
        }
    }
    let mut wrote = all(|pack| &pack.layout.wrote);
    wrote.sort_by_key(|word| std::cmp::Reverse(word.len()));
    Layout {
        labels,
        forwarded: all(|pack| &pack.layout.forwarded).into_iter().collect(),
        original: all(|pack| &pack.layout.original).into_iter().collect(),
        wrote,
        on: all(|pack| &pack.layout.on).into_iter().collect(),
        forward_prefixes: all(|pack| &pack.subjects.forward).into_iter().collect(),
        sign_offs: all(|pack| &pack.closing.sign_off).into_iter().collect(),
        thanks: all(|pack| &pack.closing.thanks).into_iter().collect(),
        devices: Beginnings::new(&all(|pack| &pack.closing.device)),
        traits: all(|pack| &pack.boilerplate.traits),
        banners: Beginnings::new(&all(|pack| &pack.boilerplate.banners)),
        footers: Beginnings::new(&all(|pack| &pack.boilerplate.footers)),
    }
});

/// What a line between two messages announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Forwarded,
    Original,
}

/// Longest line that can be a marker or a header field's first, in bytes.
const LONGEST: usize = 300;

/// The marker that a line is, without regard to what it is decorated with.
pub(super) fn marker(line: &str) -> Option<Marker> {
    if line.len() > LONGEST {
        return None;
    }
    let decorated = line.trim_start_matches(['>', ' ']).trim();
    let leads = decorated.starts_with(['-', '_', '=', '*', '—', '–']);
    if !leads && !decorated.ends_with([':', '：', '-', '—']) {
        return None;
    }
    let bare = decorated.trim_matches(|c: char| "-_=*~>#—–:：.…<｜| \u{a0}\u{ff0d}".contains(c));
    let bare = folded(bare);
    let bare = bare.split_whitespace().collect::<Vec<_>>().join(" ");
    if bare.is_empty() {
        return None;
    }
    if LAYOUT.forwarded.contains(&bare) {
        return Some(Marker::Forwarded);
    }
    // `----- Forwarded by Ann/London on 03/02/2026 -----`
    if decorated.starts_with("--") && LAYOUT.forwarded.iter().any(|phrase| bare.starts_with(phrase.as_str())) {
        return Some(Marker::Forwarded);
    }
    (LAYOUT.original.contains(&bare) && decorated.starts_with(['-', '_', '=', '*', '—'])).then_some(Marker::Original)
}

/// The fields a line may begin, and its value.
pub(super) fn field(line: &str) -> Option<(&'static [Label], &str)> {
    let line = line.trim_start_matches([' ', '\t', '*', '|', '\u{a0}']);
    let (head, value) = line.split_once([':', '：'])?;
    let head = head.trim().trim_matches(['*', '_', ' ', '\u{a0}']);
    if head.is_empty() || head.len() > 60 {
        return None;
    }
    let labels = LAYOUT.labels.get(&folded(head))?;
    let value = value.trim_start_matches('*').trim_matches(|c: char| c.is_whitespace());
    Some((labels.as_slice(), value))
}

/// The header fields of a message as a text gives them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Block {
    pub(super) from: Option<Address>,
    pub(super) to: Vec<Address>,
    pub(super) cc: Vec<Address>,
    pub(super) subject: String,
    pub(super) sent_at: Option<Timestamp>,
    pub(super) date_raw: String,
    pub(super) message_id: Option<String>,
    /// How many fields it has.
    pub(super) fields: usize,
}

/// Most lines of a block, and most lines that one field is folded into.
const BLOCK_LINES: usize = 60;
const FOLDED_LINES: usize = 30;

/// Lower case, without the dots that Turkish capitals leave behind.
pub(super) fn folded(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase().replace('\u{307}', "") }
}

/// A marker that all fields of its block follow on the same line: the marker, and the fields.
pub(super) fn glued(line: &str) -> Option<(&str, Vec<String>)> {
    let trimmed = line.trim_start();
    if !trimmed.starts_with("--") || trimmed.len() > 20 * LONGEST {
        return None;
    }
    let words = trimmed.trim_start_matches('-');
    let end = words.find("--").filter(|end| *end < 100)?;
    let (_, rest) = words.split_at_checked(end)?;
    let rest = rest.trim_start_matches('-');
    let head = trimmed.get(..trimmed.len() - rest.len())?;
    marker(head).filter(|_| rest.contains(':'))?;
    let mut starts: Vec<usize> =
        rest.match_indices([':', '：']).filter_map(|(colon, _)| label_before(rest, colon)).collect();
    starts.push(rest.len());
    let fields = starts.windows(2).filter_map(|pair| rest.get(*pair.first()?..*pair.last()?));
    let fields: Vec<String> = fields.flat_map(|field| subject_apart(field.trim())).collect();
    (fields.len() >= 3).then_some((head, fields))
}

/// A field, and the subject that runs into it without a colon of its own: `09:26:50 CETAssunto The plan`.
fn subject_apart(field: &str) -> Vec<String> {
    let words = field.match_indices(' ').filter_map(|(end, _)| {
        let word = field.get(..end)?.rsplit(' ').next()?;
        let is_subject = |at: usize| {
            let label = word.get(at..).map(folded).unwrap_or_default();
            at > 0 && LAYOUT.labels.get(&label).is_some_and(|labels| labels.contains(&Label::Subject))
        };
        let capitals = word.char_indices().filter(|(_, c)| c.is_uppercase()).map(|(at, _)| at).take(8);
        let at = capitals.filter(|at| word.len() - at >= 5).find(|at| is_subject(*at))?;
        Some((end - word.len() + at, end))
    });
    match words.take(200).next() {
        Some((start, end)) => {
            let part = |range: std::ops::Range<usize>| field.get(range).unwrap_or_default();
            vec![part(0..start).to_owned(), format!("{}:{}", part(start..end), part(end..field.len()))]
        }
        None => vec![field.to_owned()],
    }
}

/// Where the label before a colon begins, if there is one and nothing runs into it.
fn label_before(text: &str, colon: usize) -> Option<usize> {
    let before = text.get(..colon)?.trim_end();
    let starts = before.char_indices().rev().take(30).map(|(at, _)| at);
    let mut labels =
        starts.filter(|at| before.get(*at..).is_some_and(|word| LAYOUT.labels.contains_key(&folded(word))));
    labels.find(|at| {
        let first_is_capital = before.get(*at..).and_then(|w| w.chars().next()).is_some_and(|c| !c.is_lowercase());
        let second_is_small = before.get(*at..).and_then(|w| w.chars().nth(1)).is_some_and(|c| !c.is_uppercase());
        let previous = before.get(..*at).and_then(|t| t.chars().next_back());
        previous.is_none_or(|c| !c.is_alphabetic() || (first_is_capital && (c.is_lowercase() || second_is_small)))
    })
}

/// Reads a header block from the first of `lines`. Returns it, and how many lines it takes with the
/// empty ones after it. `None` unless it names an author and at least two more fields.
pub(super) fn block(lines: &[&str], zone: &TimeZone) -> Option<(Block, usize)> {
    followed(Vec::new(), lines, zone)
}

/// The same where the first fields are known already.
pub(super) fn followed(mut values: Vec<(Label, String)>, lines: &[&str], zone: &TimeZone) -> Option<(Block, usize)> {
    let (mut at, mut gap) = (0, 0);
    let mut end = 0;
    let mut folded = 0;
    while let Some(line) = lines.get(at).filter(|_| at < BLOCK_LINES) {
        let known = |label: Label| values.iter().any(|(l, _)| *l == label);
        if line.trim().is_empty() {
            gap += 1;
            // Some programs leave a line between two fields; two end the block.
            if gap > 1 || at == 0 {
                break;
            }
        } else if let Some((labels, value)) = field(line) {
            let Some(label) = labels.iter().copied().find(|l| *l == Label::Other || !known(*l)) else { break };
            // After a gap, only a field that a block still lacks belongs to it.
            let (value, subject) = value_apart(label, value);
            values.push((label, value.to_owned()));
            values.extend(subject.map(|subject| (Label::Subject, subject.to_owned())));
            (gap, folded) = (0, 0);
            end = at + 1;
        } else if let (0, Some((label, last))) = (gap, values.last_mut()) {
            folded += 1;
            if folded > FOLDED_LINES || !continues(*label, last, line) {
                break;
            }
            last.push(' ');
            last.push_str(line.trim());
            end = at + 1;
        } else {
            break;
        }
        at += 1;
    }
    let named = |label: Label| values.iter().any(|(l, v)| *l == label && !v.is_empty());
    let others = [Label::To, Label::Subject, Label::Date].into_iter().filter(|l| values.iter().any(|(v, _)| v == l));
    if !named(Label::From) || others.count() < 1 || values.len() < 3 && !(named(Label::Date) || named(Label::Subject)) {
        return None;
    }
    while lines.get(end).is_some_and(|line| line.trim().is_empty()) {
        end += 1;
    }
    Some((filled(values, zone), end))
}

/// People, and the subject that a program wrote on the same line behind them.
fn value_apart(label: Label, value: &str) -> (&str, Option<&str>) {
    let lists_people = matches!(label, Label::To | Label::Cc);
    for (colon, sign) in value.match_indices([':', '：']).take(20).filter(|_| lists_people) {
        let Some(before) = value.get(..colon).map(str::trim_end) else { continue };
        let start = before.rfind(' ').map_or(0, |blank| blank + 1);
        let word = before.get(start..).map(folded).unwrap_or_default();
        if start > 0 && LAYOUT.labels.get(&word).is_some_and(|labels| labels.contains(&Label::Subject)) {
            let people = before.get(..start).unwrap_or_default().trim_end();
            return (people, value.get(colon + sign.len()..).map(str::trim));
        }
    }
    (value, None)
}

/// Whether a line goes on with a field: a list of people that was not at its end, or an indented one.
fn continues(label: Label, value: &str, line: &str) -> bool {
    let lists_people = matches!(label, Label::To | Label::Cc | Label::Bcc | Label::ReplyTo);
    let open = value.ends_with([',', ';']) || (value.is_empty() && (!lists_people || line.contains('@')));
    let addresses = value.contains('@') && (line.contains('@') || line.trim_end().ends_with([';', ',']));
    let address = line.trim_start().starts_with('<') && line.contains('@');
    open || addresses || address || line.starts_with([' ', '\t'])
}

fn filled(values: Vec<(Label, String)>, zone: &TimeZone) -> Block {
    let mut block = Block { fields: values.len(), ..Block::default() };
    for (label, value) in values {
        let value = value.trim_matches(['*', ' ']).to_owned();
        match label {
            Label::From => block.from = people(&value).into_iter().next(),
            Label::To => block.to = people(&value),
            Label::Cc => block.cc = people(&value),
            Label::Subject => block.subject = value,
            Label::Date => {
                block.sent_at = dates::parse(&value, zone);
                block.date_raw = value;
            }
            Label::Bcc | Label::ReplyTo | Label::Other => {}
        }
    }
    block
}

/// People as programs list them in texts: `Ann <ann@…>; Bob [mailto:bob@…], carl@…`.
pub(super) fn people(text: &str) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    let mut rest = text;
    while !rest.trim().is_empty() && found.len() < 200 {
        let (one, after) = split_person(rest);
        rest = after;
        let one = one.trim().trim_matches([',', ';']).trim();
        if one.is_empty() {
            continue;
        }
        let person = person(one);
        if !person.name.is_empty() || !person.address.is_empty() {
            found.push(person);
        }
    }
    merged(found)
}

/// Up to the end of the first address, or to a separator outside of quotes.
fn split_person(text: &str) -> (&str, &str) {
    let (mut quoted, mut seen_at) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '@' => seen_at = true,
            '>' | ']' | ')' if seen_at && !quoted => {
                let end = at + c.len_utf8();
                // `<ann@…<mailto:ann@…>>`
                let more = text.get(end..).map_or(0, |t| t.len() - t.trim_start_matches(['>', ']', ')']).len());
                return text.split_at_checked(end + more).unwrap_or((text, ""));
            }
            ';' if !quoted => return (text.get(..at).unwrap_or(text), text.get(at + 1..).unwrap_or("")),
            ',' if !quoted && seen_at && !text.get(..at).is_some_and(|t| t.contains('<')) => {
                return (text.get(..at).unwrap_or(text), text.get(at + 1..).unwrap_or(""));
            }
            _ => {}
        }
    }
    (text, "")
}

fn person(text: &str) -> Address {
    let cleaned = text.replace("mailto:", "");
    let opening = cleaned.find(['<', '[']).filter(|_| cleaned.contains('@'));
    let Some((name, rest)) = opening.and_then(|at| cleaned.split_at_checked(at)) else {
        let bare = cleaned.split_whitespace().find(|w| w.contains('@')).unwrap_or("");
        // `Ann Archer/London@ACME`: a name, and where it stands in a directory.
        let of_directory = bare.split_once('@').is_some_and(|(_, domain)| !domain.contains('.'));
        if of_directory && (cleaned.trim().contains(' ') || bare.contains('/')) {
            return headers::clean(cleaned.split(['/', '@']).next().unwrap_or_default(), "");
        }
        let name = if bare.is_empty() { cleaned.as_str() } else { "" };
        return headers::clean(name, bare);
    };
    let address = rest.split(['<', '>', '[', ']', '(', ')', ' ']).find(|w| w.contains('@')).unwrap_or("");
    // `ann@… <ann@…>`: the name is the address once more.
    headers::clean(name.trim().trim_end_matches(['<', '[', '(']), address)
}

/// `Doe, Jane <jane@…>` in two pieces becomes one again.
fn merged(found: Vec<Address>) -> Vec<Address> {
    let mut out: Vec<Address> = Vec::new();
    for person in found {
        match out.last_mut() {
            Some(last) if last.address.is_empty() && !person.address.is_empty() && !last.name.contains(' ') => {
                last.name = format!("{}, {}", last.name, person.name);
                last.address = person.address;
            }
            _ => out.push(person),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_known_by_their_words_and_their_dress() {
        #[rustfmt::skip]
        let cases = [
            ("---------- Forwarded message ---------", Some(Marker::Forwarded)),
            ("Begin forwarded message:",               Some(Marker::Forwarded)),
            ("> Anfang der weitergeleiteten Nachricht:", Some(Marker::Forwarded)),
            ("----- Forwarded by Ann Archer/London on 02/03/2026 -----", Some(Marker::Forwarded)),
            ("-----Original Message-----",             Some(Marker::Original)),
            ("-------- Ursprüngliche Nachricht --------", Some(Marker::Original)),
            ("The forwarded message",                  None),
            ("forwarded message",                      None),
            ("----------",                             None),
            ("",                                       None),
        ];
        for (line, expected) in cases {
            assert_eq!(marker(line), expected, "{line}");
        }
    }

    #[test]
    fn people_are_told_apart() {
        let cases = [
            ("Ann Archer <ann@acme.example>", vec![("Ann Archer", "ann@acme.example")]),
            ("\"Archer, Ann\" <Ann@acme.example>", vec![("Archer, Ann", "ann@acme.example")]),
            ("Archer, Ann <ann@acme.example>", vec![("Archer, Ann", "ann@acme.example")]),
            (
                "Ann [mailto:ann@acme.example]; bob@acme.example",
                vec![("Ann", "ann@acme.example"), ("", "bob@acme.example")],
            ),
            (
                "ann@acme.example <ann@acme.example>, Bob <bob@acme.example>",
                vec![("", "ann@acme.example"), ("Bob", "bob@acme.example")],
            ),
            ("Ann <ann@acme.example<mailto:ann@acme.example>>", vec![("Ann", "ann@acme.example")]),
            ("Ann Archer; Bob Byte", vec![("Ann Archer", ""), ("Bob Byte", "")]),
            ("", vec![]),
        ];
        for (text, expected) in cases {
            let found: Vec<(String, String)> = people(text).into_iter().map(|a| (a.name, a.address)).collect();
            let expected: Vec<(String, String)> =
                expected.into_iter().map(|(n, a)| (n.to_owned(), a.to_owned())).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_block_ends_where_the_text_begins() {
        let text = "From: Ann Archer <ann@acme.example>\nSent: 02 March 2026 09:14\nTo: Sam Hill <sam@us.example>;\n Bob <bob@us.example>\nSubject: Plan\n\nHi Sam,\nTo: whom it may concern";
        let lines: Vec<&str> = text.lines().collect();
        let (block, taken) = block(&lines, &TimeZone::UTC).unwrap();
        assert_eq!(taken, 6);
        assert_eq!((block.to.len(), block.subject.as_str()), (2, "Plan"));
        assert_eq!(block.sent_at.unwrap().to_string(), "2026-03-02T09:14:00Z");
        for prose in ["From: Monday we start.\nI hope so.", "To: all\nFrom: me", "Hello"] {
            let lines: Vec<&str> = prose.lines().collect();
            assert_eq!(super::block(&lines, &TimeZone::UTC).filter(|(b, _)| b.sent_at.is_some()), None, "{prose}");
        }
    }
}
