//! Lists of dated steps: "1. Blockers fixed: Wed 1 April (Ritu)". Each line is a promise.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::moment::{Moment, Sort, count, working_days_after};
use super::promise::{Found, Reading};
use super::text::{Line, Zone};
use super::verdict::{Promise, PromiseSort, Side};
use crate::read::Direction;

/// A dated step of a plan.
pub(super) struct Item {
    /// The sentence it is.
    pub(super) index: usize,
    due: Moment,
}

/// The dated steps of a list, where the text says that it is a plan; at least two.
pub(super) fn items(reading: &Reading<'_>, subject: &Zone, zone: &Zone) -> Vec<Item> {
    let mut found: Vec<Item> = Vec::new();
    for index in 0..zone.len() {
        let before = found.last().map(|item| item.due.date);
        found.extend(item(reading, zone, index, before));
    }
    let Some(first) = found.first().map(|item| item.index) else { return Vec::new() };
    let is = |name: &str, line: Line<'_>| reading.words.promise(name).is_some_and(|r| r.is_match(line));
    let above = || (0..first).filter(|index| !zone.is_courtesy(*index)).map(|index| zone.sentence(index));
    let announced = subject.sentences().chain(above()).any(|line| is("plan", line));
    // The line right above the list says what it is for.
    let other = first.checked_sub(1).is_some_and(|index| is("no_plan", zone.sentence(index)));
    let named = found.iter().filter(|item| owner(reading, zone.sentence(item.index)).is_some()).count();
    // A list of ours whose lines nearly all have a day is one, whatever stands above it.
    let is_dated = |index: &usize| {
        found.iter().any(|item| item.index == *index) || !reading.terms(zone.sentence(*index)).is_empty()
    };
    let marked: Vec<usize> = (0..zone.len()).filter(|index| is_marked(zone.sentence(*index).text())).collect();
    let dated = marked.iter().filter(|index| is_dated(index)).count();
    let marked = marked.len();
    let all_dated = reading.letter.direction == Direction::Outbound && dated >= 2 && dated * 10 >= marked * 6;
    let is_plan = !other && (all_dated || (found.len() >= 2 && (announced || named >= 2)));
    if is_plan { found } else { Vec::new() }
}

fn item(reading: &Reading<'_>, zone: &Zone, index: usize, before: Option<Date>) -> Option<Item> {
    let sentence = zone.sentence(index);
    let text = sentence.text();
    if zone.is_courtesy(index) || text.ends_with('?') || text.chars().count() > 220 || !is_listed(text) {
        return None;
    }
    let is = |name: &str| reading.words.promise(name).is_some_and(|r| r.is_match(sentence));
    // What the reader is to do is no promise of ours; an agreed part of theirs is found as a sentence.
    if is("your_part") || is("conditional") || reading.words.condition(sentence, &(0..0)).is_some() {
        return None;
    }
    if let Some(due) = days_after(reading, sentence, before) {
        return Some(Item { index, due });
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

/// "Two working days after that", counted from the step before.
fn days_after(reading: &Reading<'_>, sentence: Line<'_>, before: Option<Date>) -> Option<Moment> {
    let found = reading.words.time("days_after")?.captures(sentence)?;
    let (number, span) = (count(found.name("count")?)?, found.range());
    let date = match found.name("working") {
        Some(_) => working_days_after(before?, number, reading.letter.calendar)?,
        None => before?.checked_add(number.days()).ok()?,
    };
    Some(Moment { span, date, time: None, sort: Sort::Day, until: false, past: false, bare: false })
}

/// Whether a line begins as an item, or is a matter and its day.
fn is_listed(text: &str) -> bool {
    let titled = text
        .split_once([':', '–', '—'])
        .or_else(|| text.split_once(" - "))
        .is_some_and(|(head, tail)| head.split_whitespace().count() <= 12 && !tail.trim().is_empty());
    titled || is_marked(text)
}

/// Whether a line begins with a bullet, a number or a letter.
fn is_marked(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.len() < text.len() && rest.starts_with([')', '.', ':']);
    let lettered =
        text.get(..2).is_some_and(|head| head.ends_with([')', '.']) && head.starts_with(char::is_alphabetic));
    text.starts_with(['-', '*', '•', '–', '·']) || numbered || lettered
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
    // Who writes "I will" or "we come" owns it, whoever else is named.
    let mut plain = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let lead = plain.find(|word| *word == "I" || word.eq_ignore_ascii_case("we") || member(word));
    let own = lead.is_some_and(|word| !member(&word));
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|_| !own);
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
        let is = |name: &str| reading.words.promise(name).is_some_and(|r| r.is_match(sentence));
        let recurring = is("recurring");
        let sort = if is("visit") { PromiseSort::Meeting } else { PromiseSort::Delivery };
        Found {
            definite: true,
            promise: Promise {
                by,
                person: named.map_or_else(|| reading.letter.author.to_owned(), str::to_owned),
                words: super::promise::said(sentence.text()),
                due: Some(self.due.written()),
                about: reading.words.about(sentence.text()),
                sort: if recurring && sort == PromiseSort::Delivery { PromiseSort::Recurring } else { sort },
            },
        }
    }
}

fn first_name(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or_default()
}
