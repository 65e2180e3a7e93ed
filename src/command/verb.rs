//! What a member asks for: the first line of a reply, word for word.
//!
//! A verb stands alone, or before a comma, a dash or a thank-you; prose that happens to begin with
//! one is not understood, and does nothing.

use jiff::civil::Time;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use super::when;
use crate::judge::signal;

/// Longest reason that is kept, in characters.
const REASON: usize = 200;
/// What `snooze` means alone.
const A_DAY: &str = "1d";

/// What a reply asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verb")]
pub enum Verb {
    /// Somebody knows.
    Ack,
    /// Somebody has taken it over.
    Mine,
    /// Quiet until then.
    Snooze {
        /// As asked for, before any cap.
        until: Timestamp,
    },
    /// It is over.
    Close {
        /// In the words of who closed it; may be empty.
        reason: String,
    },
    /// The alert was wrong about what it cites.
    Wrong {
        /// The signal that was wrong; all of them where none is named.
        signal: Option<String>,
    },
    /// The next on the ladder is to hear of it now.
    Raise,
    /// Who has been told, and what they answered.
    Who,
    /// Take back what I said last.
    Undo,
    /// What can be answered.
    Help,
    /// What it cites belongs to another account.
    FileUnder {
        /// Id or name of the account, lower case.
        account: String,
    },
    /// My alerts go to my deputy.
    Away {
        /// Until then.
        until: Timestamp,
    },
    /// I am here again.
    Back,
    /// None of these.
    Unclear,
}

impl Verb {
    /// Its name in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Mine => "mine",
            Self::Snooze { .. } => "snooze",
            Self::Close { .. } => "close",
            Self::Wrong { .. } => "wrong",
            Self::Raise => "raise",
            Self::Who => "who",
            Self::Undo => "undo",
            Self::Help => "help",
            Self::FileUnder { .. } => "file under",
            Self::Away { .. } => "away",
            Self::Back => "back",
            Self::Unclear => "unclear",
        }
    }
}

/// What a line asks for; `now` in the zone of who wrote it.
pub(super) fn parse(line: &str, now: &Zoned) -> Verb {
    let line = plain(line);
    let (word, rest) = line.split_once(|c: char| !c.is_alphanumeric()).unwrap_or((&line, ""));
    // What parts the verb from the rest belongs to the rest: a comma says that prose follows.
    let rest = line.get(line.len() - rest.len() - usize::from(line.len() > word.len())..).unwrap_or_default();
    let said = rest.trim();
    match word {
        "ack" | "acked" | "acknowledge" | "acknowledged" if is_aside(rest) => Verb::Ack,
        "mine" if is_aside(rest) => Verb::Mine,
        "raise" if is_aside(rest) => Verb::Raise,
        "who" if is_aside(rest) || said == "?" => Verb::Who,
        "undo" if is_aside(rest) => Verb::Undo,
        "help" if is_aside(rest) || said == "?" => Verb::Help,
        "back" if is_aside(rest) => Verb::Back,
        "snooze" => snooze(said, now),
        "close" | "closed" => Verb::Close { reason: said.trim_start_matches(MARKS).chars().take(REASON).collect() },
        "wrong" => wrong(rest),
        "file" => under(said),
        "away" => said.strip_prefix("until ").map_or(Verb::Unclear, |day| away(day, now)),
        _ => Verb::Unclear,
    }
}

const MARKS: [char; 9] = [',', '.', ';', ':', '-', '–', '—', '!', ' '];

/// Lower case, one blank between words, without marks around it.
fn plain(line: &str) -> String {
    let line = line.replace('\u{a0}', " ").to_lowercase();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let marks = ['"', '\'', '“', '”', '*', '_', '`', '.', '!', ' '];
    line.trim_matches(marks).to_owned()
}

/// Whether what follows a verb leaves it what it is.
fn is_aside(rest: &str) -> bool {
    let thanks = ["thanks", "thank you", "thx", "cheers", "please", "ok"];
    let said = rest.trim();
    said.is_empty()
        || said.starts_with([',', '.', ';', ':', '-', '–', '—', '!'])
        || thanks.iter().any(|word| said.starts_with(word))
}

fn snooze(said: &str, now: &Zoned) -> Verb {
    let nine = Time::constant(9, 0, 0, 0);
    let span = said.strip_prefix("for ").unwrap_or(if said.is_empty() { A_DAY } else { said });
    let until = match said.strip_prefix("until ").or_else(|| said.strip_prefix("till ")) {
        Some(moment) => when::at(moment, now, nine),
        None => when::after(span, now).or_else(|| when::at(span, now, nine)),
    };
    until.map_or(Verb::Unclear, |until| Verb::Snooze { until: until.timestamp() })
}

fn away(day: &str, now: &Zoned) -> Verb {
    when::at(day, now, Time::midnight()).map_or(Verb::Unclear, |until| Verb::Away { until: until.timestamp() })
}

/// Alone it means all that was found; else a signal by name or by its phrase.
fn wrong(rest: &str) -> Verb {
    if is_aside(rest) {
        return Verb::Wrong { signal: None };
    }
    let said = rest.trim().replace(['-', ' '], "_");
    let mut named = signal::all_names().filter(|name| *name == said || signal::phrase(name) == rest.trim());
    named.next().map_or(Verb::Unclear, |name| Verb::Wrong { signal: Some(name.to_owned()) })
}

fn under(said: &str) -> Verb {
    let account = said.strip_prefix("under ").map(|account| account.trim().trim_matches(['<', '>', '"']).to_owned());
    account.filter(|a| !a.is_empty()).map_or(Verb::Unclear, |account| Verb::FileUnder { account })
}

/// Whether closing for this reason says that somebody has spoken with them.
#[must_use]
pub fn counts_as_contact(reason: &str) -> bool {
    const SPOKEN: [&str; 17] = [
        "called",
        "call",
        "phoned",
        "rang",
        "spoke",
        "spoken",
        "talked",
        "met",
        "meeting",
        "visited",
        "visit",
        "lunch",
        "coffee",
        "dinner",
        "breakfast",
        "drinks",
        "zoom",
    ];
    reason.split(|c: char| !c.is_alphanumeric()).next().is_some_and(|first| SPOKEN.contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_command_or_does_nothing() {
        // A Friday.
        let now: Zoned = "2026-03-06T16:45[Europe/London]".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let close = |reason: &str| Verb::Close { reason: reason.to_owned() };
        #[rustfmt::skip]
        let cases = [
            ("ack",                          Verb::Ack),
            ("ACK.",                         Verb::Ack),
            (" *Ack* ",                      Verb::Ack),
            ("Ack, I call her at five",      Verb::Ack),
            ("ack – on it",                  Verb::Ack),
            ("Ack thanks!",                  Verb::Ack),
            ("acknowledged",                 Verb::Ack),
            ("Mine",                         Verb::Mine),
            ("snooze 2d",                    Verb::Snooze { until: at("2026-03-08T16:45:00Z") }),
            ("snooze for 4 hours",           Verb::Snooze { until: at("2026-03-06T20:45:00Z") }),
            ("Snooze until Mon 09:00",       Verb::Snooze { until: at("2026-03-09T09:00:00Z") }),
            ("snooze",                       Verb::Snooze { until: at("2026-03-07T16:45:00Z") }),
            ("close",                        close("")),
            ("Close: called Jane",           close("called jane")),
            ("close lunch",                  close("lunch")),
            ("wrong",                        Verb::Wrong { signal: None }),
            ("wrong, she is joking",         Verb::Wrong { signal: None }),
            ("wrong quality complaint",      Verb::Wrong { signal: Some("quality_complaint".to_owned()) }),
            ("wrong silence after conflict", Verb::Wrong { signal: Some("silence_after_conflict".to_owned()) }),
            ("wrong chaser",                 Verb::Wrong { signal: Some("chaser".to_owned()) }),
            ("wrong person wrote this",      Verb::Unclear),
            ("raise",                        Verb::Raise),
            ("who?",                         Verb::Who),
            ("undo",                         Verb::Undo),
            ("help",                         Verb::Help),
            ("file under ACME",              Verb::FileUnder { account: "acme".to_owned() }),
            ("file it under acme",           Verb::Unclear),
            ("away until 3 Aug",             Verb::Away { until: at("2026-08-02T23:00:00Z") }),
            ("away",                         Verb::Unclear),
            ("back",                         Verb::Back),
            ("mine is the other account",    Verb::Unclear),
            ("who told them this",           Verb::Unclear),
            ("acknowledgement of receipt",   Verb::Unclear),
            ("snooze until the cows come home", Verb::Unclear),
            ("\u{430}ck",                    Verb::Unclear), // Cyrillic
            ("please ack",                   Verb::Unclear),
            ("closer look needed",           Verb::Unclear),
            ("",                             Verb::Unclear),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(line, &now), expected, "{line:?}");
        }
    }

    #[test]
    fn some_reasons_say_that_somebody_spoke_with_them() {
        for reason in ["called", "call with jane", "lunch", "met them on friday"] {
            assert!(counts_as_contact(reason), "{reason}");
        }
        for reason in ["", "nothing in it", "they called it off", "callous"] {
            assert!(!counts_as_contact(reason), "{reason}");
        }
    }
}
