//! What a message says, as people read it: who did what, the sentences behind it, and what to do.
//!
//! The gravest comes first. What rests on one sentence is told once, with that sentence whole: a few
//! words cut out of it can mean what nobody wrote.

use super::Pipeline;
use super::views::{Filed, who};
use crate::config::Kind;
use crate::judge::{Rules, Signal, sentences_with, signal};
use crate::notify::{SignalLine, is_private_signal};
use crate::read::Direction;
use crate::watch::Cause;

/// Most lines of what a message says.
const MOST_LINES: usize = 5;
/// A longer sentence is cut between two of its parts, in characters.
const LONG_SENTENCE: usize = 240;
/// The rule by which somebody was put on copy: its words are the address.
const COPIED: &str = "engine:copy";
/// The rule of a signal that no rule has seen.
const LEARNED: &str = "learned";
/// The rule that advises on it.
const COPIED_RULE: &str = "copied-for-effect";

impl Pipeline {
    /// Who did what, from the gravest signal.
    pub(super) fn headline(&self, filed: &Filed, cause: &Cause) -> String {
        let author = who(filed.message.from.as_ref());
        match gravest_first(filed, cause).as_slice() {
            [] => format!("{author} wrote what you should read"),
            // That a superior reads along says how grave it is, and the rest what it is about.
            [first, next, ..] if first.rule == COPIED => {
                format!(
                    "{author} {} and {}",
                    self.says(first, is_direct(filed, first)),
                    self.says(next, is_direct(filed, next))
                )
            }
            [first, ..] => format!("{author} {}", self.says(first, is_direct(filed, first))),
        }
    }

    /// What somebody did, as the rest of a sentence about them.
    /// A superior of ours is written to (`direct`), or reads along.
    pub(super) fn says(&self, found: &Signal, direct: bool) -> String {
        if found.rule == COPIED {
            let name = self.name_of(&found.words);
            return if direct { format!("writes to {name} about it") } else { format!("copies {name}") };
        }
        let own = rule_of(self.rules(), found).and_then(|id| self.rules().headline(id));
        own.map_or_else(|| signal::phrase(&found.signal).to_owned(), str::to_owned)
    }

    /// What to do about it, as the gravest has it: before all others, what keeps us from harm at law.
    pub(super) fn advice(&self, filed: &Filed, cause: &Cause) -> Option<String> {
        let rules = self.rules();
        let written =
            |s: &Signal| if s.rule == COPIED { Some(COPIED_RULE) } else { rule_of(rules, s) }.map(str::to_owned);
        let of = |s: &&Signal| written(s).and_then(|id| rules.advice(&id)).or_else(|| rules.advice_on(&s.signal));
        let signals = gravest_first(filed, cause);
        let law = signals.iter().filter(|found| found.signal == "legal_threat");
        law.chain(&signals).find_map(of).map(str::to_owned)
    }

    /// What a message says under an incident, each with its sentence.
    pub(super) fn lines(&self, filed: &Filed, cause: &Cause) -> Vec<SignalLine> {
        let signals = gravest_first(filed, cause);
        let words: Vec<&str> = signals.iter().map(|s| s.words.as_str()).collect();
        let whole = sentences_with(&filed.message.texts.new_text, &words);
        let mut lines: Vec<SignalLine> = Vec::new();
        for (found, sentence) in signals.iter().zip(whole) {
            let phrase = if found.rule == COPIED {
                self.says(found, is_direct(filed, found))
            } else {
                signal::phrase(&found.signal).to_owned()
            };
            let words = match sentence {
                _ if found.rule == COPIED => String::new(),
                Some(sentence) => short(&sentence, LONG_SENTENCE),
                None => found.words.clone(),
            };
            match lines.iter_mut().find(|line| !words.is_empty() && line.words == words) {
                Some(line) => line.phrase = format!("{}; {phrase}", line.phrase),
                None => lines.push(SignalLine { phrase, words }),
            }
        }
        if lines.is_empty()
            && let Some(lean) = filed.verdict.leanings.iter().find(|l| l.to == "escalate")
        {
            let phrase = "of the kind that a manager wants to hear of, by this most of all".to_owned();
            lines.push(SignalLine { phrase, words: lean.sentence.clone() });
        }
        lines.truncate(MOST_LINES);
        lines
    }

    /// What a message says first, or of these signals before all others, as a line of a digest: the words behind it too.
    pub(super) fn news(&self, filed: &Filed, before: &[&str]) -> (String, String) {
        if !filed.undelivered().is_empty() {
            return (not_arrived(filed.undelivered()), String::new());
        }
        let author = who(filed.message.from.as_ref());
        let signals = &filed.verdict.signals;
        let asked = before.iter().find_map(|name| signals.iter().find(|found| found.signal == *name));
        let Some(first) = asked.or_else(|| signals.iter().find(|found| is_borne_out(filed, found))) else {
            return (format!("{author} wrote: {}", filed.message.subject), String::new());
        };
        (format!("{author} {}", self.says(first, is_direct(filed, first))), words_of(filed, first))
    }

    fn rules(&self) -> &Rules {
        self.reader.reader().judge().rules()
    }
}

/// The signals of a message that an incident goes by; the gravest heads the alert, and has the first word of advice.
fn gravest_first<'a>(filed: &'a Filed, cause: &Cause) -> Vec<&'a Signal> {
    let direction = filed.message.direction.unwrap_or(Direction::Inbound);
    let all = &filed.verdict.signals;
    let finer = |found: &Signal| {
        let same = |other: &Signal| signal::broader(&other.signal) == Some(found.signal.as_str());
        // Who copies a superior has gone over somebody's head: that is one thing, not two.
        let copies = found.rule == COPIED && found.signal != COPIES && all.iter().any(|s| s.signal == COPIES);
        copies || all.iter().any(|other| same(other) && cause.signals.contains(&other.signal))
    };
    // What is for one superior alone is told to nobody beside anything else.
    let private = cause.signals.iter().all(|s| is_private_signal(s));
    let hushed = |found: &Signal| !private && is_private_signal(&found.signal);
    let told = all.iter().filter(|s| cause.signals.contains(&s.signal) && !finer(s) && !hushed(s));
    let mut signals: Vec<_> = told.collect();
    let severity = |s: &Signal| {
        let name = if s.rule == COPIED { "over_your_head" } else { s.signal.as_str() };
        signal::severity_of(name, direction, Kind::Client)
    };
    signals.sort_by_key(|s| (std::cmp::Reverse(severity(s)), s.rule == COPIED));
    // What the words hardly bear out is not told as if somebody had said it.
    if signals.iter().any(|found| is_borne_out(filed, found)) {
        signals.retain(|found| is_borne_out(filed, found));
    }
    signals
}

/// Whether the superior whom a signal is about is written to, and not only copied.
fn is_direct(filed: &Filed, found: &Signal) -> bool {
    filed.message.to.iter().any(|reader| reader.address == found.words)
}

/// Whether a rule has seen a signal, or the words taken together speak for it rather than against it.
pub(super) fn is_borne_out(filed: &Filed, found: &Signal) -> bool {
    let share = || filed.verdict.leanings.iter().find(|l| l.to.strip_prefix("signal.") == Some(&found.signal));
    found.rule != LEARNED || share().is_none_or(|leaning| leaning.share >= 0.5)
}

/// The signal of a superior on copy.
const COPIES: &str = "superior_copied";

/// What to do where a mail of ours did not arrive.
pub(super) const SEND_AGAIN: &str = "Send it again today, to the address they write from, and tell them it is coming.";

/// Says that a mail of ours did not arrive.
pub(super) fn not_arrived(addresses: &[String]) -> String {
    format!("A mail of ours to {} did not arrive", addresses.join(", "))
}

/// The rule whose words may stand for a signal: one that was written for it, not for a finer one.
fn rule_of<'a>(rules: &Rules, found: &'a Signal) -> Option<&'a str> {
    rules.raises(&found.rule, &found.signal).then_some(found.rule.as_str())
}

/// The sentence behind a signal, else the words alone; none behind what was computed.
pub(super) fn words_of(filed: &Filed, found: &Signal) -> String {
    if found.rule == COPIED {
        return String::new();
    }
    let sentence = sentences_with(&filed.message.texts.new_text, &[&found.words]).into_iter().next().flatten();
    sentence.map_or_else(|| found.words.clone(), |sentence| short(&sentence, LONG_SENTENCE))
}

/// At most so many characters, cut where a part of the sentence ends, else between words.
pub(super) fn short(sentence: &str, most: usize) -> String {
    if sentence.chars().count() <= most {
        return sentence.to_owned();
    }
    let head: String = sentence.chars().take(most).collect();
    let part = head.rfind([',', ';', ':', '–', '—']).filter(|at| *at > head.len() / 2);
    let end = part.or_else(|| head.rfind(' ')).unwrap_or(head.len());
    format!("{}…", head.get(..end).unwrap_or(&head).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_is_cut_between_its_parts() {
        let long = format!("We were told on Monday, {}and nothing came of it", "by people who know, ".repeat(14));
        let cut = short(&long, LONG_SENTENCE);
        assert!(cut.ends_with("who know…"), "{cut}");
        assert!(cut.chars().count() <= LONG_SENTENCE);
        assert_eq!(short("As it is.", 20), "As it is.");
        assert!(short(&"x".repeat(400), 100).ends_with("x…"));
    }
}
