//! A date, a plan or a decision that was asked for and is not given. Whether a question was
//! answered at all is for the clocks of `response`; here an answer that decides nothing counts as none.

use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::finding::{Alarm, Finding, Told, What};
use super::{Entry, Terms};
use crate::config::Kind;
use crate::judge::{DeedSort, Severity, Side, Topic, UrgencyLabel};

/// The signal of a message that asks for one.
const ASKS: &str = "commitment_requested";
/// Working days after which somebody is told.
const DAYS: i64 = 3;
/// Days after which nobody waits any more.
const PATIENCE_DAYS: i64 = 45;
/// Most that wait at a time.
const MOST: usize = 20;

/// Something that somebody was asked to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    /// Who asked.
    by: Side,
    /// Who asked, or was asked, on the other side.
    person: String,
    name: String,
    subject: String,
    key: String,
    since: Timestamp,
    known_at: Timestamp,
    history: bool,
    /// Whether there was a word that decided nothing.
    answered: bool,
    /// Whether it has been told.
    said: bool,
}

/// What was asked for at an account and is not given yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions(Vec<Asked>);

impl Decisions {
    pub(super) fn next_change(&self, terms: &Terms<'_>) -> Option<Timestamp> {
        if terms.resting {
            return None;
        }
        self.0.iter().filter(|asked| !asked.said).map(|asked| due(asked, terms)).min()
    }

    /// What time alone brings at `at`.
    pub(super) fn pass(&mut self, terms: &Terms<'_>, at: Timestamp) -> Vec<Finding> {
        if terms.resting {
            return Vec::new();
        }
        let late = self.0.iter_mut().filter(|asked| !asked.said && due(asked, terms) <= at);
        late.filter_map(|asked| {
            asked.said = true;
            missing(asked, terms, at)
        })
        .collect()
    }

    pub(super) fn take_in(&mut self, entry: &Entry) {
        let Some(side) = entry.side() else { return };
        let since = entry.sent_at.checked_sub((PATIENCE_DAYS * 24).hours()).unwrap_or(Timestamp::MIN);
        self.0.retain(|asked| asked.since >= since);
        let asks = entry.has(ASKS);
        let again = asks || entry.has("chaser");
        let (gives, called) = (decides(entry), showed(entry, DeedSort::Called));
        self.0.retain_mut(|asked| {
            if entry.matter.doubtful || !concerns(asked, entry, side) {
                return true;
            }
            match (asked.by == side, asked.by) {
                // Who writes of the matter and does not ask again has what they asked for.
                (true, _) => again && !called,
                // Whatever they say to it, we have read it.
                (false, Side::Us) => false,
                (false, Side::Them) => {
                    asked.answered = true;
                    !gives && !called
                }
            }
        });
        let waits = asks && entry.urgency != Some(UrgencyLabel::Low) && entry.crosses();
        let subject = &entry.matter.subject;
        if waits && !self.0.iter().any(|asked| asked.by == side && asked.subject == *subject) {
            let theirs = side == Side::Them;
            self.0.push(Asked {
                by: side,
                person: if theirs { entry.person.clone() } else { entry.addressee.clone() },
                name: if theirs { entry.name.clone() } else { entry.addressee.clone() },
                subject: subject.clone(),
                key: entry.key.clone(),
                since: entry.sent_at,
                known_at: entry.arrived_at,
                history: entry.history,
                answered: false,
                said: false,
            });
            let surplus = self.0.len().saturating_sub(MOST);
            self.0.drain(..surplus);
        }
    }
}

/// Whether a message belongs to what was asked: of its thread, or between the same people.
fn concerns(asked: &Asked, entry: &Entry, side: Side) -> bool {
    let matter = &entry.matter;
    let between = match side {
        Side::Them => entry.person == asked.person,
        Side::Us => matter.to.contains(&asked.person),
    };
    // Who asks may write of other things meanwhile; who was asked answers in any thread.
    matter.subject == asked.subject || (between && asked.by != side)
}

fn showed(entry: &Entry, sort: DeedSort) -> bool {
    entry.matter.deeds.iter().any(|deed| deed.sort == sort)
}

/// Whether a message gives a date, a decision or the thing itself.
fn decides(entry: &Entry) -> bool {
    let signals = ["commitment_made", "roadblock_cleared"];
    !entry.matter.promises.is_empty()
        || signals.iter().any(|signal| entry.has(signal))
        || [DeedSort::Delivers, DeedSort::Keeps, DeedSort::Allows, DeedSort::Slips]
            .iter()
            .any(|sort| showed(entry, *sort))
}

/// When it has waited long enough: nobody of ours could know before it reached us.
fn due(asked: &Asked, terms: &Terms<'_>) -> Timestamp {
    terms.calendar.add_working_days(asked.since, DAYS).max(asked.known_at)
}

/// What is told of it, to its owner and in the digest: it is no alarm.
fn missing(asked: &Asked, terms: &Terms<'_>, at: Timestamp) -> Option<Finding> {
    let (says, ours) = match asked.by {
        Side::Them if asked.answered => (
            format!("{} asked for a date or a decision in \"{}\"; our answer gave none", asked.name, asked.subject),
            true,
        ),
        // No answer at all is what the clocks of `response` tell, for us and for vendors.
        Side::Us if terms.kind == Kind::Client => {
            (format!("{} has not given the date or decision we asked for in \"{}\"", asked.name, asked.subject), false)
        }
        _ => return None,
    };
    let alarm = Alarm { topic: Topic::Response, severity: Severity::Info, to: Told::Owner };
    Some(Finding {
        person: asked.person.clone(),
        signals: vec![ASKS.to_owned()],
        alarm: (ours && !asked.history).then_some(alarm),
        says,
        history: asked.history,
        ..Finding::new(format!("undecided:{}", asked.key), What::Signal, at)
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::calendar::Calendar;
    use crate::judge::{Promise, PromiseSort};
    use crate::read::Direction;
    use crate::watch::{Matter, Patience, State};

    const THEM: &str = "ruth@client.example";
    const US: &str = "josie@firm.example";

    fn entry(n: usize, at: &str, inbound: bool, signals: &[&str]) -> Entry {
        let at: Timestamp = at.parse().unwrap();
        let (person, other) = if inbound { (THEM, US) } else { (US, THEM) };
        Entry {
            key: format!("k{n}"),
            sent_at: at,
            arrived_at: at,
            history: false,
            direction: Some(if inbound { Direction::Inbound } else { Direction::Outbound }),
            automatic: false,
            person: person.to_owned(),
            name: if inbound { "Ruth".to_owned() } else { "Josie".to_owned() },
            addressee: other.to_owned(),
            superiors: Vec::new(),
            kind: Kind::Client,
            signals: signals.iter().map(|s| (*s).to_owned()).collect(),
            tone: None,
            urgency: None,
            severity: Severity::None,
            matter: Matter {
                subject: "launch".to_owned(),
                to: vec![other.to_owned()],
                brought_by: US.to_owned(),
                ..Matter::default()
            },
        }
    }

    fn said(entries: &[Entry], until: &str) -> Vec<String> {
        let (patience, calendar) = (Patience::default(), Calendar::office());
        let terms = Terms::plain(&patience, &calendar);
        let state = State::of(entries, &terms).at(&terms, until.parse().unwrap());
        state.findings.into_iter().filter(|f| f.id.starts_with("undecided:")).map(|f| f.says).collect()
    }

    // Monday 2 March 2026.
    const ASKED: &str = "2026-03-02T10:00:00Z";
    const NEXT: &str = "2026-03-03T10:00:00Z";
    const LATER: &str = "2026-03-06T10:00:00Z";

    #[test]
    fn an_answer_that_gives_no_date_is_told_after_three_working_days() {
        let asks = entry(1, ASKED, true, &[ASKS]);
        let vague = entry(2, NEXT, false, &[]);
        let told = said(&[asks.clone(), vague.clone()], LATER);
        assert_eq!(told, ["Ruth asked for a date or a decision in \"launch\"; our answer gave none"]);
        assert!(said(&[asks.clone(), vague.clone()], "2026-03-05T09:00:00Z").is_empty(), "too early");
        assert!(said(&[asks], LATER).is_empty(), "no answer at all is told elsewhere");
    }

    #[test]
    fn a_promise_or_their_peace_ends_it() {
        let asks = entry(1, ASKED, true, &[ASKS]);
        let vague = entry(2, NEXT, false, &[]);
        let mut promise = entry(3, "2026-03-04T10:00:00Z", false, &[]);
        promise.matter.promises.push(Promise {
            by: Side::Us,
            person: US.to_owned(),
            words: "I'll send it on Friday".to_owned(),
            due: None,
            about: Vec::new(),
            sort: PromiseSort::Delivery,
        });
        assert!(said(&[asks.clone(), vague.clone(), promise], LATER).is_empty());
        let content = entry(3, "2026-03-04T10:00:00Z", true, &["praise"]);
        assert!(said(&[asks.clone(), vague.clone(), content], LATER).is_empty());
        let again = entry(3, "2026-03-04T10:00:00Z", true, &["chaser"]);
        assert_eq!(said(&[asks, vague, again], LATER).len(), 1);
    }

    #[test]
    fn a_client_who_does_not_decide_is_told_too() {
        let asks = entry(1, ASKED, false, &[ASKS]);
        let told = said(std::slice::from_ref(&asks), LATER);
        assert_eq!(told, ["ruth@client.example has not given the date or decision we asked for in \"launch\""]);
        assert!(said(&[asks, entry(2, NEXT, true, &[])], LATER).is_empty());
    }
}
