//! Our superiors on the threads of an account. One who is copied for the first time is
//! called upon; one who has been there before, or has written there, merely reads on.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::judge::{Severity, Side};

/// Most threads that are remembered; the oldest give way.
const MOST: usize = 60;
/// Most people of one thread.
const MOST_PEOPLE: usize = 12;

/// Who of ours has been on which thread, by its subject, the latest last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superiors(Vec<(String, Vec<String>)>);

impl Superiors {
    /// The message as it is to be weighed: without the superiors where none of them is new on its thread.
    pub(super) fn take_in<'e>(&mut self, entry: &'e Entry) -> Cow<'e, Entry> {
        let subject = &entry.matter.subject;
        let known = self.0.iter().position(|(thread, _)| thread == subject && !subject.is_empty());
        let there = known.and_then(|place| self.0.get(place)).map(|(_, people)| people.as_slice()).unwrap_or_default();
        let none_new = !entry.superiors.is_empty() && entry.superiors.iter().all(|who| there.contains(who));
        let mut people = there.to_vec();
        if let Some(side) = entry.side() {
            let author = Some(&entry.person).filter(|_| side == Side::Us);
            let on_it = author.into_iter().chain(&entry.matter.to).chain(&entry.matter.cc).chain(&entry.superiors);
            for who in on_it {
                if !people.contains(who) && people.len() < MOST_PEOPLE {
                    people.push(who.clone());
                }
            }
            if let Some(place) = known {
                self.0.remove(place);
            }
            self.0.push((subject.clone(), people));
            let surplus = self.0.len().saturating_sub(MOST);
            self.0.drain(..surplus);
        }
        match &entry.matter.uncopied {
            // What warrants an alert anyway is what it is.
            Some(plain) if none_new && plain.severity < Severity::Warning => {
                let mut entry = entry.clone();
                entry.signals.clone_from(&plain.signals);
                entry.severity = plain.severity;
                entry.superiors.clear();
                Cow::Owned(entry)
            }
            _ => Cow::Borrowed(entry),
        }
    }
}
