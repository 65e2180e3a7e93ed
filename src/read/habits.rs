//! What mail of one domain says again and again: boilerplate that no list knows.
//!
//! A paragraph counts by its letters and digits alone. Which ones have been seen often enough is for
//! the store to say; reading is told.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::message::{Address, Message};
use super::quote::Part;

/// Shortest paragraph that can be boilerplate, in letters and digits.
const SHORTEST: usize = 60;
/// Longest that is looked at, in bytes.
const LONGEST: usize = 4_000;
/// How many paragraphs at the beginning and at the end of a text are remembered.
const FIRST: usize = 1;
const LAST: usize = 4;

/// Paragraphs by which each domain is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Habits(HashMap<String, HashSet<String>>);

impl Habits {
    /// Takes pairs of a domain, lower case, and the [`paragraph marks`](remembered) it repeats.
    #[must_use]
    pub fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut habits = Self::default();
        for (domain, mark) in pairs {
            habits.0.entry(domain).or_default().insert(mark);
        }
        habits
    }

    fn of_author(&self, author: Option<&Address>) -> Option<&HashSet<String>> {
        self.0.get(domain(&author?.address)?)
    }
}

/// The author's domain, and the marks of paragraphs that may turn out to be a habit.
#[must_use]
pub fn remembered(message: &Message) -> Option<(String, Vec<String>)> {
    let domain = domain(&message.from.as_ref()?.address)?;
    let text = format!("{}\n\n{}", message.texts.new_text, message.texts.disclaimer);
    let lines: Vec<&str> = text.lines().collect();
    let all: Vec<String> = paragraphs(&lines).filter_map(|(from, to)| mark(lines.get(from..to)?)).collect();
    let begin = all.iter().take(FIRST);
    let end = all.iter().skip(FIRST.max(all.len().saturating_sub(LAST)));
    let marks: Vec<String> = begin.chain(end).cloned().collect();
    (!marks.is_empty()).then(|| (domain.to_owned(), marks))
}

fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}

/// Marks what the author's domain is known to add at the beginning and at the end, unless nothing else is there.
pub(super) fn set_apart(lines: &[&str], parts: &mut [Part], habits: &Habits, author: Option<&Address>) {
    let Some(known) = habits.of_author(author) else { return };
    let all: Vec<(usize, usize)> = paragraphs(lines).collect();
    let is_new = |(from, to): &(usize, usize)| parts.get(*from..*to).is_some_and(|p| p.contains(&Part::New));
    let new: Vec<(usize, usize)> = all.into_iter().filter(is_new).collect();
    let is_habit =
        |(from, to): &(usize, usize)| lines.get(*from..*to).and_then(mark).is_some_and(|m| known.contains(&m));
    let begin = new.iter().take_while(|span| is_habit(span)).count();
    if begin == new.len() {
        return;
    }
    let end = new.iter().rev().take_while(|span| is_habit(span)).count();
    for (from, to) in new.iter().take(begin).chain(new.iter().rev().take(end)) {
        let lines = parts.iter_mut().take(*to).skip(*from);
        lines.filter(|part| **part == Part::New).for_each(|part| *part = Part::Disclaimer);
    }
}

/// Where each stretch of lines that are not empty begins and ends.
fn paragraphs(lines: &[&str]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let filled = |line: &&str| !line.trim().is_empty();
        let from = at + lines.get(at..)?.iter().position(filled)?;
        let to = from + lines.get(from..)?.iter().take_while(|line| filled(line)).count();
        at = to;
        Some((from, to))
    })
}

fn mark(lines: &[&str]) -> Option<String> {
    if lines.iter().map(|line| line.len()).sum::<usize>() > LONGEST {
        return None;
    }
    let letters: String = lines
        .iter()
        .flat_map(|line| line.chars())
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    (letters.chars().count() >= SHORTEST).then(|| {
        let hash = Sha256::digest(letters.as_bytes());
        hash.iter().take(12).fold(String::new(), |mark, byte| mark + &format!("{byte:02x}"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::quote::part;
    use super::*;

    #[test]
    fn what_a_domain_repeats_is_no_new_text() {
        const AD: &str =
            "Meet us at the winter fair in hall seven, where our new line of oak counters is on show until Sunday.";
        let ann = Address { name: "Ann".to_owned(), address: "ann@acme.example".to_owned() };
        let bob = Address { name: "Bob".to_owned(), address: "bob@lumen.example".to_owned() };
        let habits = Habits::of([("acme.example".to_owned(), mark(&[AD]).unwrap())]);
        let text = format!("The wall is too short.\n\n{AD}");
        #[rustfmt::skip]
        let cases = [
            (&ann, text.as_str(), "The wall is too short."),
            (&bob, &text,         &text),
            (&ann, AD,            AD),
        ];
        for (author, text, new) in cases {
            assert_eq!(part(text, Some(author), &habits).texts.new_text, new, "{text}");
        }
        let between = format!("{AD}\n\nOne.\n\n{}\n\nTwo.\n\n{AD}", AD.to_uppercase());
        let new = part(&between, Some(&ann), &habits).texts.new_text;
        assert_eq!(new, format!("One.\n\n{}\n\nTwo.", AD.to_uppercase()), "in the middle it is said on purpose");
    }
}
