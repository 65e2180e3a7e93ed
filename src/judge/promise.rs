//! Promises that a writer makes: who, what, by when. Conditions, questions and
//! mere intentions are none.

use jiff::civil::DateTime;

use super::Letter;
use super::language::Words;
use super::moment::{Moment, moments};
use super::text::{Line, Zone};
use super::verdict::{Promise, Side};
use crate::read::Direction;

/// A promise, and whether it is definite enough to count as a signal.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) promise: Promise,
    pub(super) definite: bool,
}

/// The promises of the new text, in order; at most 20.
pub(super) fn promises(words: &Words, letter: &Letter<'_>, zone: &Zone) -> Vec<Found> {
    if letter.direction == Direction::Internal {
        return Vec::new();
    }
    let now = letter.at.as_ref().map(jiff::Zoned::datetime);
    zone.sentences()
        .enumerate()
        .filter(|(index, sentence)| !zone.is_courtesy(*index) && !sentence.text().ends_with('?'))
        .filter_map(|(_, sentence)| promise(words, letter, sentence, now))
        .take(20)
        .collect()
}

/// Whether the writer's own promise leads to the moment: it is no demand then.
pub(super) fn leads_to(words: &Words, sentence: Line<'_>, moment: &Moment) -> bool {
    lead(words, sentence).is_some_and(|end| end <= moment.span.start) && !sentence.text().ends_with('?')
}

/// Where the words that bind the writer end.
fn lead(words: &Words, sentence: Line<'_>) -> Option<usize> {
    words.promise("lead")?.find(sentence).map(|m| m.end)
}

fn promise(words: &Words, letter: &Letter<'_>, sentence: Line<'_>, now: Option<DateTime>) -> Option<Found> {
    let ours = if letter.direction == Direction::Outbound { Side::Us } else { Side::Them };
    let (end, person, by) = binds(words, letter, sentence, ours)?;
    let after = sentence.get(end..)?;
    if words.condition(sentence, &(end..end)).is_some()
        || words.negation(sentence, &(end..end), &words.clause(sentence, &(end..end))).is_some()
        || words.promise("soft").is_some_and(|soft| soft.is_match(after))
    {
        return None;
    }
    let due = now.and_then(|now| moments(words, sentence, now).into_iter().find(|m| m.end(CLOSE) >= now && !m.past));
    // Undated, only a writer's own plain word counts, and only ours is kept to it.
    let definite = due.is_some() || (ours == Side::Us && by == Side::Us);
    Some(Found {
        definite,
        promise: Promise {
            by,
            person,
            words: sentence.text().chars().take(200).collect(),
            due: due.map(|m| m.written()),
        },
    })
}

const CLOSE: jiff::civil::Time = jiff::civil::Time::constant(23, 59, 0, 0);

/// Where the binding words end, and who is bound.
fn binds(words: &Words, letter: &Letter<'_>, sentence: Line<'_>, ours: Side) -> Option<(usize, String, Side)> {
    if let Some(end) = lead(words, sentence) {
        return Some((end, letter.author.to_owned(), ours));
    }
    if let Some(captures) = words.promise("named").and_then(|r| r.captures(sentence)) {
        let who = captures.name("who")?;
        if who.starts_with(char::is_uppercase) && !PRONOUNS.contains(&who) {
            let member =
                letter.members.iter().any(|m| m.split([' ', '@', '.']).any(|part| part.eq_ignore_ascii_case(who)));
            let by = if member { Side::Us } else { ours };
            return Some((captures.range_of("verb")?.start, who.to_owned(), by));
        }
    }
    if ours != Side::Us || sentence.text().split_whitespace().count() > 7 {
        return None;
    }
    let short = words.promise("short")?.find(sentence)?;
    (!words.asks(sentence)).then(|| (short.end, letter.author.to_owned(), ours))
}

/// Capitalised only because they begin a sentence.
const PRONOUNS: [&str; 14] = [
    "You",
    "They",
    "He",
    "She",
    "It",
    "This",
    "That",
    "There",
    "What",
    "Who",
    "Which",
    "These",
    "Everything",
    "Nothing",
];
