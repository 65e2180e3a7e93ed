//! What a message shows of promises and talks: something is handed over, has come,
//! is missed, is put off. Each is found in one sentence; whose promise it settles,
//! `watch` decides.

use super::Letter;
use super::language::Words;
use super::moment::{Moment, moments};
use super::text::{Line, Zone};
use super::verdict::{Deed, DeedSort};
use crate::read::Direction;

/// Most deeds that are read from one message.
const MOST: usize = 24;

/// Sorts by the name of what finds them, gravest first: a sentence that misses something hands nothing over.
const SORTS: [(&str, DeedSort); 9] = [
    ("misses", DeedSort::Misses),
    ("slips", DeedSort::Slips),
    ("withdraws", DeedSort::Withdraws),
    ("keeps", DeedSort::Keeps),
    ("called", DeedSort::Called),
    ("answered", DeedSort::Answered),
    ("delivers", DeedSort::Delivers),
    ("receives", DeedSort::Receives),
    ("allows", DeedSort::Allows),
];

/// The deeds of subject and new text; at most 24.
pub(super) fn deeds(words: &Words, letter: &Letter<'_>, [subject, zone]: [&Zone; 2]) -> Vec<Deed> {
    let mut found = Vec::new();
    let inherited = words.inherited(letter.subject);
    let subjects = subject.sentences().filter(|_| !inherited);
    let texts = (0..zone.len()).filter(|index| !zone.is_courtesy(*index)).map(|index| zone.sentence(index));
    for sentence in subjects.chain(texts) {
        for (name, sort) in SORTS {
            if found.len() < MOST
                && let Some(at) = words.deed(name).and_then(|r| r.find(sentence))
                && is_meant(words, sentence, &at, sort)
            {
                let about = words.about(sentence.text());
                // The day that was named for it is not the day on which it came.
                let comes = matches!(sort, DeedSort::Delivers | DeedSort::Receives | DeedSort::Keeps);
                let was_due = comes && words.deed("was_due").is_some_and(|r| r.is_match(sentence));
                let on = if was_due { None } else { on(words, letter, sentence) };
                found.push(Deed { sort, about, on });
            }
        }
    }
    let files: Vec<String> = letter.attachment_names.iter().filter(|name| is_document(name)).cloned().collect();
    if !files.is_empty() && letter.direction != Direction::Internal && found.len() < MOST {
        // A file is handed over, whatever is said of it; its name and the subject say what it is.
        let mut about = words.about(&files.join(" ").replace(['_', '-', '.'], " "));
        let subject = words.about(letter.subject);
        about.extend(subject.into_iter().filter(|stem| !about.contains(stem)).collect::<Vec<_>>());
        found.push(Deed { sort: DeedSort::Delivers, about, on: None });
    }
    found
}

/// Whether a file is a thing that people promise each other, and no picture of a signature or an invitation.
fn is_document(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !["ics", "vcf", "p7s", "asc", "eml", "gif"].iter().any(|ending| name.ends_with(&format!(".{ending}")))
        && !name.starts_with("image0")
        && !name.is_empty()
}

/// A thing handed over or received is so in fact: not denied, not planned, not asked for.
fn is_meant(words: &Words, sentence: Line<'_>, at: &std::ops::Range<usize>, sort: DeedSort) -> bool {
    let question = sentence.text().trim_end_matches(['"', ')', ' ']).ends_with('?');
    match sort {
        DeedSort::Delivers | DeedSort::Receives | DeedSort::Keeps | DeedSort::Called => {
            let clause = words.clause(sentence, at);
            let planned = words.promise("lead").and_then(|r| r.find(sentence)).is_some_and(|lead| {
                let handed = sentence.part(at.clone()).low();
                lead.start <= at.start && !handed.starts_with("as ") && !handed.contains("attached")
            });
            !question
                && !planned
                && words.negation(sentence, at, &clause).is_none()
                && words.condition(sentence, at).is_none()
                && !words.promise("conditional").is_some_and(|r| r.is_match(sentence.part(clause)))
        }
        DeedSort::Misses => words.condition(sentence, at).is_none(),
        DeedSort::Slips | DeedSort::Withdraws | DeedSort::Allows | DeedSort::Answered => !question,
    }
}

/// The day a sentence names, the nearest to the day it was written: "received on the 18th".
fn on(words: &Words, letter: &Letter<'_>, sentence: Line<'_>) -> Option<String> {
    let now = letter.wrote_at()?;
    let named: Vec<Moment> = moments(words, sentence, now, letter.calendar);
    named.first().map(|moment| moment.date.to_string())
}
