//! Which messages belong together, inside one account, and what says so.
//!
//! In-Reply-To is trusted alone; References only where the bare subject agrees,
//! because some clients recycle them; the subject alone only between the same
//! people, within [`SUBJECT_WINDOW`], and never where it is generic.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::read::{Message, is_subject_prefix};

/// How long a bare subject ties messages together.
pub const SUBJECT_WINDOW: SignedDuration = SignedDuration::from_hours(21 * 24);

/// Bare subjects that say nothing, one a line.
const GENERIC: &str = include_str!("../../rules/lang/subject_generic.txt");

/// A message of the same account that the store knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number in the store.
    pub message: i64,
    /// Ids by which it may be referred to.
    pub ids: Vec<String>,
    /// Its thread.
    pub thread: i64,
    /// Its bare subject.
    pub base_subject: String,
    /// When it was written.
    pub sent_at: Option<Timestamp>,
    /// Lower-case addresses of author and recipients.
    pub people: Vec<String>,
}

/// The message it was joined to, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Number of the message joined to.
    pub to: i64,
    /// Its thread.
    pub thread: i64,
    /// `reply_to`, `references`, `inner_id` or `subject`.
    pub by: &'static str,
}

/// The ids a message refers to, strongest evidence first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// In-Reply-To.
    pub reply_to: Vec<String>,
    /// References, nearest first.
    pub references: Vec<String>,
    /// The carrier's own references, where the original has none: a forward that answers.
    pub inner: Vec<String>,
}

impl Ids {
    /// What `message` refers to.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        Self {
            reply_to: message.in_reply_to.clone(),
            references: message.references.iter().rev().cloned().collect(),
            inner: message
                .original_id
                .iter()
                .chain(message.layers.iter().filter_map(|l| l.message_id.as_ref()))
                .cloned()
                .collect(),
        }
    }

    /// Every id, for one look-up.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.reply_to
            .iter()
            .chain(&self.references)
            .chain(&self.inner)
            .filter(|id| seen.insert(id.as_str()))
            .cloned()
            .collect()
    }
}

/// Picks what `message` joins, from the account's messages found by id and by subject.
#[must_use]
pub fn choose(message: &Message, by_id: &[&Known], by_subject: &[&Known]) -> Option<Join> {
    let ids = Ids::of(message);
    let subject = base_subject(&message.subject);
    let named = |id: &String| by_id.iter().copied().find(|k| k.ids.contains(id));
    if let Some(known) = ids.reply_to.iter().find_map(named) {
        return Some(join(known, "reply_to"));
    }
    if let Some(known) = ids.references.iter().filter_map(named).find(|k| k.base_subject == subject) {
        return Some(join(known, "references"));
    }
    if let Some(known) = ids.inner.iter().find_map(named) {
        return Some(join(known, "inner_id"));
    }
    same_subject(message, &subject, by_subject).map(|known| join(known, "subject"))
}

fn join(known: &Known, by: &'static str) -> Join {
    Join { to: known.message, thread: known.thread, by }
}

fn same_subject<'k>(message: &Message, subject: &str, candidates: &[&'k Known]) -> Option<&'k Known> {
    if is_generic(subject) {
        return None;
    }
    let sent = message.sent_at?;
    let people: HashSet<&str> = message.people().map(|a| a.address.as_str()).filter(|a| !a.is_empty()).collect();
    candidates
        .iter()
        .copied()
        .filter(|k| k.base_subject == subject)
        .filter(|k| k.people.iter().filter(|p| people.contains(p.as_str())).count() >= 2)
        .filter_map(|k| k.sent_at.map(|at| (at.duration_since(sent).abs(), k)))
        .filter(|(gap, _)| *gap <= SUBJECT_WINDOW)
        .min_by_key(|(gap, k)| (*gap, k.message))
        .map(|(_, k)| k)
}

fn is_generic(subject: &str) -> bool {
    subject.chars().filter(|c| c.is_alphanumeric()).count() < 4 || GENERIC.lines().any(|g| g == subject)
}

/// The subject without reply and forward prefixes and list tags, lower case, spaces folded.
#[must_use]
pub fn base_subject(subject: &str) -> String {
    let folded = subject.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let mut rest = folded.as_str();
    loop {
        let shorter = strip_prefix(strip_tag(rest));
        if shorter.len() == rest.len() {
            break;
        }
        rest = shorter;
    }
    rest.trim_end_matches("(fwd)").trim().to_owned()
}

/// Drops `[list]` in front where something follows it.
fn strip_tag(subject: &str) -> &str {
    let Some((tag, rest)) = subject.strip_prefix('[').and_then(|s| s.split_once(']')) else {
        return subject;
    };
    if tag.len() > 40 || rest.trim().is_empty() { subject } else { rest.trim_start() }
}

/// Drops one `re:`, `fw (2):`, `aw[3]:` … in front.
fn strip_prefix(subject: &str) -> &str {
    let Some((head, rest)) = subject.split_once([':', '：']) else {
        return subject;
    };
    let word = head.trim().trim_end_matches(|c: char| c.is_ascii_digit() || "[]()^* ".contains(c));
    if head.len() <= 24 && is_subject_prefix(word) { rest.trim_start() } else { subject }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_subjects_lose_prefixes_and_tags_only() {
        #[rustfmt::skip]
        let cases = [
            ("Re: Fwd: AW: The plan",      "the plan"),
            ("RE[2]: The  plan",           "the plan"),
            ("[press] Re: [press] Launch", "launch"),
            ("Antw : Angebot",             "angebot"),
            ("Note: read this",            "note: read this"),
            ("[urgent]",                   "[urgent]"),
            ("回复：计划",                   "计划"),
            ("",                           ""),
        ];
        for (subject, bare) in cases {
            assert_eq!(base_subject(subject), bare, "{subject}");
        }
    }
}
