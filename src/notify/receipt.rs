//! What members read about answers: their colleagues', and what became of their own.

use super::notice::NoticeView;
use crate::command::Verb;

/// What a colleague answered, for the others who had the alert; `None` for what concerns nobody else.
#[must_use]
pub fn shown(person: &str, account: &str, asks: &Verb, when: &str, incidents: &[String]) -> Option<NoticeView> {
    let (headline, next_step) = match asks {
        Verb::Ack => (
            format!("{person} has acknowledged {account}"),
            "Nothing. It comes back if it gets worse, or if something new happens.",
        ),
        Verb::Mine => {
            (format!("{person} has taken over {account}"), "Nothing, unless you know something that they should know.")
        }
        Verb::Snooze { .. } => (
            format!("{person} has put {account} off until {when}"),
            "Nothing until then. It comes back earlier if it gets worse.",
        ),
        Verb::Close { .. } => {
            (format!("{person} has closed {account}"), "Nothing. A new message of this kind opens it again.")
        }
        Verb::Undo => (
            format!("{person} has taken back an answer about {account}"),
            "It is open again: answer the alert if you take it.",
        ),
        _ => return None,
    };
    let what = match asks {
        Verb::Close { reason } if !reason.is_empty() => format!("Their reason: {reason}"),
        _ => "This is about an alert that you had too.".to_owned(),
    };
    let lines = incidents.iter().map(|name| format!("Incident {name}")).collect();
    Some(NoticeView { headline, what, lines, next_step: next_step.to_owned() })
}

/// What can be answered to an alert.
#[must_use]
pub fn help(account: &str) -> NoticeView {
    NoticeView {
        headline: format!("how to answer an alert about {account}"),
        what: "Reply to the alert, with one of these as the first line. Everything below that line is ignored."
            .to_owned(),
        lines: WORDS.iter().map(|line| (*line).to_owned()).collect(),
        next_step: "Reply to the alert itself; this e-mail takes no answers.".to_owned(),
    }
}

/// The same, for somebody whose reply was not understood. It is not quoted: what was meant is theirs to say.
#[must_use]
pub fn unclear(account: &str) -> NoticeView {
    NoticeView {
        headline: format!("your answer about {account} was not understood"),
        what: "Nothing was changed. The first line of a reply must be one of these, and nothing else.".to_owned(),
        ..help(account)
    }
}

/// Something that an answer could not do, and why.
#[must_use]
pub fn in_vain(account: &str, why: &str) -> NoticeView {
    NoticeView {
        headline: format!("nothing was changed for {account}"),
        what: why.to_owned(),
        lines: Vec::new(),
        next_step: "Nothing, or answer with `help` to see what can be said.".to_owned(),
    }
}

/// What an answer did, where it is not what the words say.
#[must_use]
pub fn done(account: &str, what: String, lines: Vec<String>) -> NoticeView {
    NoticeView {
        headline: format!("your answer about {account}"),
        what,
        lines,
        next_step: "Nothing. Answer the alert with `undo` to take it back.".to_owned(),
    }
}

/// Who has been told of an alert, and what they answered.
#[must_use]
pub fn who(account: &str, lines: Vec<String>) -> NoticeView {
    NoticeView {
        headline: format!("who knows about {account}"),
        what: "These were told, and answered:".to_owned(),
        lines,
        next_step: "Answer the alert with `mine` to take it over.".to_owned(),
    }
}

const WORDS: [&str; 12] = [
    "ack: I know; nobody need remind me",
    "mine: I take it over; the others are told",
    "snooze 2d, snooze until mon 09:00: quiet until then (at most 3 days, 8 hours where it is critical)",
    "close, close called, close lunch, close and any reason: it is over",
    "wrong, wrong quality complaint: that message was no such thing",
    "raise: the next on the ladder is told now",
    "who: who has been told, and what they answered",
    "file under ACCOUNT: this mail belongs to that account",
    "away until 3 Aug: my alerts go to my deputy; back: I am here again",
    "undo: takes back my last answer about this",
    "help: this list",
    "Only the person whom an alert was sent to can answer it.",
];
