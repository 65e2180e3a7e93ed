//! Promises that a writer tells of rather than makes: what one of us said on the
//! phone, what the other side said it will do, what the reader agreed to. Whose they
//! are is read from the sentence; a person nobody names is left empty, for filing to find.

use super::promise::{Bond, Reading};
use super::text::Line;
use super::verdict::Side;
use crate::read::Direction;

impl Reading<'_> {
    /// Who is bound by a sentence of a note among us.
    pub(super) fn noted(&self, sentence: Line<'_>, before: Option<Line<'_>>) -> Option<Bond> {
        self.told(sentence)
            .or_else(|| self.given(sentence))
            .or_else(|| self.says(sentence))
            .or_else(|| self.they(sentence))
            .or_else(|| self.bond(sentence, before))
    }

    /// What is agreed with the other side, or told of somebody, in mail that crosses.
    pub(super) fn reported(&self, sentence: Line<'_>, before: Option<Line<'_>>) -> Option<Bond> {
        match self.letter.direction {
            Direction::Outbound => self.yours(sentence).or_else(|| self.stand_in(sentence, before?)),
            // Of all that people say to each other, what is for the reader concerns us.
            Direction::Inbound => self.says(sentence).filter(|_| self.words.addresses(sentence)),
            Direction::Internal => None,
        }
    }

    /// "I told him he'd have it by Friday", "we said Lena would send it".
    fn told(&self, sentence: Line<'_>) -> Option<Bond> {
        let found = self.words.promise("told")?.captures(sentence)?;
        let named = found.name("who").filter(|who| self.is_member(who));
        let person = named.map_or_else(|| self.letter.author.to_owned(), str::to_owned);
        Some(Bond { span: found.range().start..found.range_of("verb")?.start, person, by: Side::Us, proposed: false })
    }

    /// "And Lena, you will ring them tomorrow."
    fn given(&self, sentence: Line<'_>) -> Option<Bond> {
        let found = self.words.promise("given")?.captures(sentence)?;
        let who = found.name("who").or_else(|| found.name("whom")).filter(|who| self.is_member(who))?;
        let verb = found.range_of("verb").or_else(|| found.range_of("what"))?;
        Some(Bond { span: found.range().start..verb.start, person: who.to_owned(), by: Side::Us, proposed: false })
    }

    /// "Ann says the copy will be here tomorrow."
    fn says(&self, sentence: Line<'_>) -> Option<Bond> {
        let found = self.words.promise("says")?.captures(sentence)?;
        let who = found.name("who").unwrap_or_default();
        if self.is_member(who) || (!who.is_empty() && !who.starts_with(char::is_uppercase)) || is_writer(who) {
            return None;
        }
        let person = if is_pronoun(who) { String::new() } else { who.to_owned() };
        Some(Bond { span: found.range().start..found.range_of("verb")?.start, person, by: Side::Them, proposed: false })
    }

    /// "She'll send the logo tomorrow", "they'll have it from Lena on Friday".
    fn they(&self, sentence: Line<'_>) -> Option<Bond> {
        let brings = |span: &std::ops::Range<usize>| {
            // "She will have it sent up": she sends it.
            let rest = sentence.part(span.end..);
            self.words.promise("has_it_done").is_some_and(|r| r.is_match(rest))
        };
        if let Some(span) = self.words.promise("they_get")?.find(sentence).filter(|span| !brings(span)) {
            let from = sentence.part(span.end..).text().split(" from ").nth(1);
            let named = from.and_then(|rest| rest.split(|c: char| !c.is_alphanumeric()).next());
            let named = named.filter(|who| self.is_member(who));
            let person = named.map_or_else(|| self.letter.author.to_owned(), str::to_owned);
            return Some(Bond { span, person, by: Side::Us, proposed: false });
        }
        let done = || self.words.promise("they_get")?.find(sentence).filter(brings);
        let span = self.words.promise("they_will")?.find(sentence).or_else(done)?;
        Some(Bond { span, person: String::new(), by: Side::Them, proposed: false })
    }

    /// "You'll send us the numbers by Friday."
    fn yours(&self, sentence: Line<'_>) -> Option<Bond> {
        let span = self.words.promise("yours")?.find(sentence)?;
        Some(Bond { span, person: String::new(), by: Side::Them, proposed: false })
    }

    /// "Lena has it from here. She'll ring you tomorrow."
    fn stand_in(&self, sentence: Line<'_>, before: Line<'_>) -> Option<Bond> {
        let found = self.words.promise("stand_in")?.captures(sentence)?;
        let mut words = before.text().split(|c: char| !c.is_alphanumeric());
        let who = words.rfind(|word| word.starts_with(char::is_uppercase) && self.is_member(word))?;
        let span = found.range().start..found.range_of("verb")?.start;
        Some(Bond { span, person: who.to_owned(), by: Side::Us, proposed: false })
    }
}

fn is_pronoun(word: &str) -> bool {
    ["", "he", "she", "they"].iter().any(|pronoun| pronoun.eq_ignore_ascii_case(word))
}

/// What the writer or the reader said is no word of the other side.
fn is_writer(word: &str) -> bool {
    ["i", "we", "you", "it", "who", "that", "this"].iter().any(|pronoun| pronoun.eq_ignore_ascii_case(word))
}
