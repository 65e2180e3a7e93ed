//! Which messages belong together, inside one account, and what says so.
//!
//! In-Reply-To is trusted alone; References only where the bare subject agrees,
//! because some clients recycle them; what a message quotes, and the number that Outlook
//! gives a conversation, only between people who share it; the subject alone only between the same
//! people, within [`SUBJECT_WINDOW`], and never where it is generic.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::read::{Message, is_subject_prefix};

/// How long a bare subject ties messages together.
pub const SUBJECT_WINDOW: SignedDuration = SignedDuration::from_hours(21 * 24);
/// How long after it was written the beginning of a text is known again where it is quoted.
const QUOTE_WINDOW: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Words by which the beginning of a text is known, and the fewest that tell it from others.
const WORDS: usize = 14;
const FEWEST_WORDS: usize = 8;
/// Lines of a quotation at which the quoted text may begin.
const LINES: usize = 12;
/// Most messages of one subject among which the nearest is looked for.
const ALIKE: usize = 200;
/// Most addresses of one message that are kept for joining.
const PEOPLE: usize = 100;

/// Bare subjects that say nothing, one a line.
const GENERIC: &str = include_str!("../../rules/lang/subject_generic.txt");

/// By what a message is joined to another, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tie {
    /// In-Reply-To names it.
    ReplyTo,
    /// References names it, and the bare subjects agree.
    References,
    /// It is forwarded inside.
    InnerId,
    /// The beginning of its text is quoted.
    Quote,
    /// Thread-Index numbers the same conversation.
    ThreadIndex,
    /// The bare subjects agree.
    Subject,
}

impl Tie {
    /// Its name, as the store and `threads --json` have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReplyTo => "reply_to",
            Self::References => "references",
            Self::InnerId => "inner_id",
            Self::Quote => "quote",
            Self::ThreadIndex => "thread_index",
            Self::Subject => "subject",
        }
    }

    /// The tie of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::ReplyTo, Self::References, Self::InnerId, Self::Quote, Self::ThreadIndex, Self::Subject];
        all.into_iter().find(|tie| tie.name() == name)
    }
}

/// What a message can be found by, and what it points to.
///
/// A mark is `id:` and a Message-ID, `says:` and the beginning of a text, `talk:` and the number of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its own.
    pub is: Vec<String>,
    /// Those of others, by the tie that each would be; of one tie, the nearest first.
    pub points: Vec<(Tie, String)>,
}

impl Marks {
    /// The marks of `message`.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        let id = |id: &String| format!("id:{id}");
        let talk = message.conversation.as_ref().map(|number| format!("talk:{number}"));
        let own = message.message_id.iter().chain(&message.original_id).map(id);
        let is = unique(own.chain(says(&message.texts.new_text)).chain(talk.clone()));
        let inner = message.original_id.iter().chain(message.layers.iter().filter_map(|l| l.message_id.as_ref()));
        let points = message
            .in_reply_to
            .iter()
            .map(|to| (Tie::ReplyTo, id(to)))
            .chain(message.references.iter().rev().map(|to| (Tie::References, id(to))))
            .chain(inner.map(|to| (Tie::InnerId, id(to))))
            .chain(quoted(&message.texts.quoted_text).into_iter().map(|to| (Tie::Quote, to)))
            .chain(talk.map(|to| (Tie::ThreadIndex, to)));
        let mut seen = HashSet::new();
        Self { is, points: points.filter(|(_, mark)| seen.insert(mark.clone())).collect() }
    }
}

fn unique(marks: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    marks.filter(|mark| seen.insert(mark.clone())).collect()
}

/// The mark of the beginning of a text, if it is long enough to be known again.
fn says(text: &str) -> Option<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(WORDS);
    let words: Vec<String> = words.map(str::to_lowercase).collect();
    (words.len() >= FEWEST_WORDS).then(|| {
        let hash = Sha256::digest(words.join(" ").as_bytes());
        hash.iter().take(12).fold("says:".to_owned(), |mark, byte| mark + &format!("{byte:02x}"))
    })
}

/// The marks of the texts that a quotation may begin with: which of its lines are header fields is not known here.
fn quoted(text: &str) -> Vec<String> {
    let bare = |line: &str| line.trim_start_matches(['>', ' ', '\u{a0}']).to_owned();
    let lines: Vec<String> = text.lines().map(bare).filter(|line| !line.is_empty()).take(LINES + WORDS).collect();
    let starts = (0..lines.len().min(LINES)).filter_map(|at| says(&lines.get(at..)?.join("\n")));
    unique(starts)
}

/// A message of the same account that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number in the store.
    pub message: i64,
    /// Marks of its own, as far as they matter.
    pub is: Vec<String>,
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
    /// What says so.
    pub by: Tie,
}

/// What of a message decides where it is joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joining {
    /// What it can be found by, and what it points to.
    pub marks: Marks,
    /// Its bare subject.
    pub base_subject: String,
    /// Whether the subject says that it answers or forwards.
    pub answers: bool,
    /// When it was written.
    pub sent_at: Option<Timestamp>,
    /// Lower-case addresses of author and recipients.
    pub people: Vec<String>,
}

impl Joining {
    /// What of `message` decides.
    #[must_use]
    pub fn of(message: &Message, sent_at: Option<Timestamp>) -> Self {
        let base_subject = base_subject(&message.subject);
        let folded = message.subject.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            marks: Marks::of(message),
            answers: folded.chars().count() > base_subject.chars().count(),
            base_subject,
            sent_at,
            people: unique(message.people().map(|a| a.address.clone()).filter(|a| !a.is_empty()))
                .into_iter()
                .take(PEOPLE)
                .collect(),
        }
    }

    fn shares(&self, people: &[String]) -> usize {
        people.iter().filter(|person| self.people.contains(person)).count()
    }

    /// Whether `tie` holds between this message and one that has the mark it points to.
    fn holds(&self, tie: Tie, known: &Known) -> bool {
        let apart = self.sent_at.zip(known.sent_at).map(|(mine, theirs)| mine.duration_since(theirs));
        match tie {
            Tie::ReplyTo | Tie::InnerId => true,
            Tie::References => known.base_subject == self.base_subject,
            Tie::Quote => {
                let after = apart.is_some_and(|apart| !apart.is_negative() && apart <= QUOTE_WINDOW);
                after && self.shares(&known.people) > 0
            }
            Tie::ThreadIndex => {
                let alike = known.base_subject == self.base_subject;
                self.shares(&known.people) >= if alike { 1 } else { 2 }
            }
            Tie::Subject => {
                let near = apart.is_some_and(|apart| apart.abs() <= SUBJECT_WINDOW);
                // An answer to a list, or to a colleague, shares one of them only.
                let people = if self.answers { 1 } else { 2 };
                near && !is_generic(&self.base_subject)
                    && known.base_subject == self.base_subject
                    && self.shares(&known.people) >= people
            }
        }
    }
}

/// Picks what a message joins, from the account's messages that were found by mark and by subject.
#[must_use]
pub fn choose(message: &Joining, by_mark: &[&Known], by_subject: &[&Known]) -> Option<Join> {
    let pointed = message.marks.points.iter().find_map(|(tie, mark)| {
        let named = by_mark.iter().filter(|known| known.is.contains(mark) && message.holds(*tie, known));
        // Texts may begin alike: the last one is meant.
        let last = |known: &&&Known| (*tie == Tie::Quote).then_some(known.sent_at).flatten();
        let found = named.max_by_key(|known| (last(known), std::cmp::Reverse(known.message)))?;
        Some(Join { to: found.message, thread: found.thread, by: *tie })
    });
    pointed.or_else(|| {
        let sent = message.sent_at?;
        let gap = |known: &Known| known.sent_at.map_or(SignedDuration::MAX, |at| at.duration_since(sent).abs());
        let near = by_subject.iter().filter(|known| message.holds(Tie::Subject, known));
        let found = near.min_by_key(|known| (gap(known), known.message))?;
        Some(Join { to: found.message, thread: found.thread, by: Tie::Subject })
    })
}

/// By what an earlier message that found nothing to join turns out to be joined to `late`, which it points to.
#[must_use]
pub fn joins_late(earlier: &Joining, late: &Known) -> Option<Tie> {
    let named = earlier.marks.points.iter().filter(|(_, mark)| late.is.contains(mark));
    named.map(|(tie, _)| *tie).find(|tie| earlier.holds(*tie, late))
}

/// Threads all messages of one account anew, whatever order they came in. For each, in the same order, its thread
/// (the place of one of its messages) and what it was joined to: place and tie.
#[must_use]
pub fn thread_all(messages: &[Joining]) -> Vec<(usize, Option<(usize, Tie)>)> {
    let number = |place: usize| i64::try_from(place).unwrap_or(i64::MAX);
    let known: Vec<Known> = messages.iter().enumerate().map(|(place, message)| message.known(number(place))).collect();
    let mut by_mark: HashMap<&str, Vec<&Known>> = HashMap::new();
    for one in &known {
        one.is.iter().for_each(|mark| by_mark.entry(mark).or_default().push(one));
    }
    // Those written before the message in hand.
    let mut by_subject: HashMap<&str, Vec<&Known>> = HashMap::new();
    let mut order: Vec<usize> = (0..messages.len()).collect();
    order.sort_by_key(|place| messages.get(*place).map(|message| message.sent_at));
    let mut sets = Sets::new(messages.len());
    let mut joined = vec![None; messages.len()];
    for place in order {
        let Some(message) = messages.get(place) else { continue };
        let other = |known: &&&Known| known.message != number(place);
        let marks = message.marks.points.iter().filter_map(|(_, mark)| by_mark.get(mark.as_str())).flatten();
        let marked: Vec<&Known> = marks.filter(other).copied().collect();
        let alike = by_subject.entry(message.base_subject.as_str()).or_default();
        let earlier: Vec<&Known> = alike.iter().rev().take(ALIKE).copied().collect();
        alike.extend(known.get(place));
        let Some(join) = choose(message, &marked, &earlier) else { continue };
        let Ok(to) = usize::try_from(join.to) else { continue };
        if sets.unite(place, to)
            && let Some(slot) = joined.get_mut(place)
        {
            *slot = Some((to, join.by));
        }
    }
    joined.into_iter().enumerate().map(|(place, join)| (sets.root(place), join)).collect()
}

impl Joining {
    /// The message as others find it.
    #[must_use]
    pub fn known(&self, message: i64) -> Known {
        Known {
            message,
            is: self.marks.is.clone(),
            thread: 0,
            base_subject: self.base_subject.clone(),
            sent_at: self.sent_at,
            people: self.people.clone(),
        }
    }
}

/// Sets that are united pair by pair.
struct Sets(Vec<usize>);

impl Sets {
    fn new(size: usize) -> Self {
        Self((0..size).collect())
    }

    fn root(&mut self, mut place: usize) -> usize {
        while let Some(parent) = self.0.get(place).copied().filter(|parent| *parent != place) {
            // Half the way each time: the next look-up is shorter.
            let above = self.0.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(place) {
                *slot = above;
            }
            place = above;
        }
        place
    }

    /// Whether they were apart.
    fn unite(&mut self, one: usize, other: usize) -> bool {
        let (one, other) = (self.root(one), self.root(other));
        if let (true, Some(slot)) = (one != other, self.0.get_mut(one)) {
            *slot = other;
        }
        one != other
    }
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
