//! What a note among us is about: the account whose name, or whose people, it names.
//! A name in the subject says more than one in passing; nobody is guessed from a first
//! name that one of us bears too, nor where two accounts are named alike.

use std::collections::{BTreeMap, HashSet};

use super::account::{Attribution, Directory};
use crate::read::{Direction, Message};

/// Somebody of an account, as their mail showed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquaintance {
    /// Id of the account.
    pub account: String,
    /// Their address, lower case.
    pub address: String,
    /// Their name; empty where no mail told it.
    pub name: String,
}

/// Points for what a note names, and how many make an account sure.
const NAME_OF_ACCOUNT: u32 = 3;
const WHOLE_NAME: u32 = 4;
const LAST_NAME: u32 = 2;
const FIRST_NAME: u32 = 1;
const ENOUGH: u32 = 2;
/// Shorter names are words of their own too often.
const SHORTEST: usize = 3;
const SHORTEST_LAST: usize = 4;
const SHORTEST_DESK: usize = 5;

/// The words of a text that begin with a capital, lower case.
fn capitalised(text: &str) -> HashSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| word.starts_with(char::is_uppercase)).map(str::to_lowercase).collect()
}

/// What a note says, ready to be searched.
struct Note {
    text: String,
    words: HashSet<String>,
    subject: HashSet<String>,
}

impl Note {
    /// Points for one word: twice as many where the subject names it.
    fn points(&self, word: &str, least: usize, points: u32) -> u32 {
        let word = word.to_lowercase();
        let named = word.chars().count() >= least && self.words.contains(&word);
        u32::from(named) * points * if self.subject.contains(&word) { 2 } else { 1 }
    }

    fn points_of(&self, who: &Acquaintance, ours: &HashSet<String>) -> u32 {
        let name = who.name.to_lowercase();
        let parts: Vec<&str> = name.split(' ').filter(|part| !part.is_empty() && !ours.contains(*part)).collect();
        if name.contains(' ') && self.text.contains(&name) {
            return WHOLE_NAME;
        }
        let last = parts.last().filter(|_| name.contains(' '));
        let last = last.map_or(0, |last| self.points(last, SHORTEST_LAST, LAST_NAME));
        let first = parts.first().map_or(0, |first| self.points(first, SHORTEST, FIRST_NAME));
        let desk = who.address.split('@').next().unwrap_or_default().split(['.', '-', '_']);
        let desk = desk.filter(|part| !ours.contains(*part) && !name.contains(*part));
        let desk = desk.map(|part| self.points(part, SHORTEST_DESK, FIRST_NAME)).max().unwrap_or(0);
        last.max(first).max(desk)
    }
}

impl Directory {
    /// The account that a note among us is about, with the person it names most clearly; `None` where that is
    /// not plain. `members` are the names of ours.
    #[must_use]
    pub fn about(&self, message: &Message, people: &[Acquaintance], members: &[String]) -> Option<Attribution> {
        if message.direction != Some(Direction::Internal) || message.automatic.is_some() {
            return None;
        }
        let text = format!("{}\n{}", message.subject, message.texts.new_text);
        let note =
            Note { words: capitalised(&text), subject: capitalised(&message.subject), text: text.to_lowercase() };
        let ours: HashSet<String> = members.iter().flat_map(|name| name.split(' ')).map(str::to_lowercase).collect();
        // Points of an account: of its name and of whom it names, and that person.
        let mut found: BTreeMap<&str, (u32, u32, Option<&Acquaintance>)> = BTreeMap::new();
        for (word, account) in self.telling_words() {
            let points = note.points(word, SHORTEST, NAME_OF_ACCOUNT);
            if points > 0 {
                found.entry(account).or_default().0 += points;
            }
        }
        for who in people {
            let points = note.points_of(who, &ours);
            if points > 0 {
                let (sum, most, person) = found.entry(&who.account).or_default();
                *sum += points;
                if points > *most {
                    (*most, *person) = (points, Some(who));
                }
            }
        }
        let (account, (sum, _, person)) = found.iter().max_by_key(|(_, (sum, ..))| *sum)?;
        let is_plain = found.iter().all(|(other, (rest, ..))| other == account || rest < sum);
        (*sum >= ENOUGH && is_plain).then(|| Attribution {
            account: Some((*account).to_owned()),
            contact: person.map(|who| who.address.clone()),
            evidence: "a note among us that names it".to_owned(),
            doubt: Some("filed by names in its text".to_owned()),
            ..Attribution::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Account;
    use crate::read::{self, Ours};

    fn note(subject: &str, text: &str) -> Message {
        let ours = Ours { domains: vec!["firm.example".to_owned()], ..Ours::default() };
        let head = "From: Sam Hill <sam@firm.example>\r\nTo: watch@firm.example";
        read::read(format!("{head}\r\nSubject: {subject}\r\n\r\n{text}\r\n").as_bytes(), &ours)
    }

    #[test]
    fn a_note_belongs_to_whom_it_names_plainly() {
        let who = |account: &str, address: &str, name: &str| Acquaintance {
            account: account.to_owned(),
            address: address.to_owned(),
            name: name.to_owned(),
        };
        let people = [
            who("acme", "ann.teller@acme.example", "Ann Teller"),
            who("acme", "westdock.desk@acme.example", "Bea"),
            who("quarrie", "lou@quarrie.example", "Lou Quarrie"),
            who("quarrie", "sam@quarrie.example", "Sam Vogel"),
        ];
        let members = ["Sam Hill".to_owned()];
        let directory = Directory::new(&[] as &[Account], &["firm.example".to_owned()], &[]);
        #[rustfmt::skip]
        let cases = [
            ("Phone note",         "Rang Ann Teller, all is well.",            Some("acme")),
            ("Ann, 4:30 call",     "Ten minutes, civil.",                      Some("acme")),
            ("Westdock on Monday", "They open at seven.",                      Some("acme")),
            ("Lunch",              "Saw Teller in town.",                      Some("acme")),
            ("Lunch",              "Ann was there.",                           None),
            ("Sam, about Friday",  "Can you take the stand?",                  None),
            ("Both",               "Ann Teller and Lou Quarrie were at odds.", None),
        ];
        for (subject, text, expected) in cases {
            let found = directory.about(&note(subject, text), &people, &members);
            assert_eq!(found.and_then(|f| f.account).as_deref(), expected, "{subject}: {text}");
        }
    }
}
