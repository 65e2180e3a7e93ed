//! Lists of dated steps: "1. Blockers fixed: Wed 1 April (Ritu)". Each line is a promise.

use super::moment::{Moment, Sort};
use super::promise::{Found, Reading};
use super::text::{Line, Zone};
use super::verdict::{Promise, PromiseSort, Side};

/// A dated step of a plan.
pub(super) struct Item {
    /// The sentence it is.
    pub(super) index: usize,
    due: Moment,
}

/// The dated steps of a list, where the text says that it is a plan; at least two.
pub(super) fn items(reading: &Reading<'_>, subject: &Zone, zone: &Zone) -> Vec<Item> {
    let found: Vec<Item> = (0..zone.len()).filter_map(|index| item(reading, zone, index)).collect();
    let Some(first) = found.first().map(|item| item.index) else { return Vec::new() };
    let is = |name: &str, line: Line<'_>| reading.words.promise(name).is_some_and(|r| r.is_match(line));
    let above = || (0..first).filter(|index| !zone.is_courtesy(*index)).map(|index| zone.sentence(index));
    let announced = subject.sentences().chain(above()).any(|line| is("plan", line));
    // The line right above the list says what it is for.
    let other = first.checked_sub(1).is_some_and(|index| is("no_plan", zone.sentence(index)));
    let named = found.iter().filter(|item| owner(reading, zone.sentence(item.index)).is_some()).count();
    let is_plan = found.len() >= 2 && !other && (announced || named >= 2);
    if is_plan { found } else { Vec::new() }
}

fn item(reading: &Reading<'_>, zone: &Zone, index: usize) -> Option<Item> {
    let sentence = zone.sentence(index);
    let text = sentence.text();
    if zone.is_courtesy(index) || text.ends_with('?') || text.chars().count() > 220 || !is_listed(text) {
        return None;
    }
    let is = |name: &str| reading.words.promise(name).is_some_and(|r| r.is_match(sentence));
    if is("conditional") || reading.words.condition(sentence, &(0..0)).is_some() {
        return None;
    }
    // A clock beside a day is its hour, wherever it stands in the line.
    let mut terms = reading.terms(sentence);
    // Hours alone are the order of a day.
    if terms.iter().all(|m| m.sort == Sort::Clock) {
        return None;
    }
    terms.sort_by_key(|m| m.sort == Sort::Clock);
    let mut due = terms.iter().find(|m| m.until && m.sort != Sort::Clock).or(terms.first())?.clone();
    if due.time.is_none() {
        due.time = terms.iter().find(|m| m.date == due.date || m.sort == Sort::Clock).and_then(|m| m.time);
    }
    Some(Item { index, due })
}

/// Whether a line begins as an item, or is a matter and its day.
fn is_listed(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.len() < text.len() && rest.starts_with([')', '.', ':']);
    let lettered =
        text.get(..2).is_some_and(|head| head.ends_with([')', '.']) && head.starts_with(char::is_alphabetic));
    let titled = text
        .split_once([':', '–', '—'])
        .or_else(|| text.split_once(" - "))
        .is_some_and(|(head, tail)| head.split_whitespace().count() <= 12 && !tail.trim().is_empty());
    text.starts_with(['-', '*', '•', '–', '·']) || numbered || lettered || titled
}

/// Who is named as the owner of a step: in brackets, or before a colon or after a dash.
fn owner<'t>(reading: &Reading<'_>, sentence: Line<'t>) -> Option<&'t str> {
    let text = sentence.text().trim_end_matches(['.', ';', ',', ' ']);
    let bracketed = text.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')).map(|(_, inner)| inner);
    let dashed = text.rsplit_once(" - ").or_else(|| text.rsplit_once(", ")).map(|(_, tail)| tail);
    let first = |inner: &'t str| inner.split([',', '/', '&', '+']).next().unwrap_or_default().trim();
    let is_name = |name: &&str| {
        name.split_whitespace().count() <= 2
            && name.starts_with(char::is_uppercase)
            && name.chars().all(|c| c.is_alphabetic() || c == ' ')
    };
    let member = |name: &&str| name.split_whitespace().next().is_some_and(|name| reading.is_member(name));
    let words = text.split(|c: char| !c.is_alphanumeric());
    let mut words = words.filter(|word| word.starts_with(char::is_uppercase));
    bracketed
        .map(first)
        .filter(is_name)
        .or_else(|| dashed.map(first).filter(is_name).filter(member))
        .or_else(|| words.rfind(|word| member(word)))
}

impl Item {
    /// The promise of this step.
    pub(super) fn promise(&self, reading: &Reading<'_>, zone: &Zone) -> Found {
        let sentence = zone.sentence(self.index);
        let named = owner(reading, sentence);
        let by = if named.is_some_and(|who| reading.is_member(first_name(who))) { Side::Us } else { reading.side };
        let recurring = reading.words.promise("recurring").is_some_and(|r| r.is_match(sentence));
        Found {
            definite: true,
            promise: Promise {
                by,
                person: named.map_or_else(|| reading.letter.author.to_owned(), str::to_owned),
                words: sentence.text().chars().take(200).collect(),
                due: Some(self.due.written()),
                about: reading.words.about(sentence.text()),
                sort: if recurring { PromiseSort::Recurring } else { PromiseSort::Delivery },
            },
        }
    }
}

fn first_name(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or_default()
}
