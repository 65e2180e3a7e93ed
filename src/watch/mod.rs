//! Fifth stage: an account's messages and the time → what is true now.
//!
//! A fold: the same messages and the same time give the same incidents, promises,
//! clocks and findings, in whatever order the messages reached us. It also says when
//! it next wants to be asked, so that nothing is ever scanned. What is old leaves it:
//! the state of an account stays small however long it lives. What was told to whom
//! is not known here; `notify` compares the two. Pure.

mod commitment;
mod decision;
mod entry;
mod evidence;
mod finding;
mod incident;
pub mod past;
mod people;
mod response;
mod rhythm;
mod superiors;
mod trend;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::config::{Kind, Target};
use crate::judge::Severity;

pub use commitment::{Commitment, Ledger, Standing};
pub use decision::Decisions;
pub use entry::{Entry, Matter, Uncopied};
pub use finding::{Alarm, Finding, Pledge, Told, What};
pub use incident::{Cause, Incident, Patience, Phase};
pub use people::People;
pub use response::{Clocks, Wait};
pub use rhythm::Rhythm;
pub use superiors::Superiors;
pub use trend::{Standing as TrendStanding, Trend, weekly};

/// How the name of a cause begins that is a mail of ours which did not arrive.
pub const UNDELIVERED: &str = "undelivered:";
/// How long what was found out stays in the state, after which only the store has it.
const MEMORY: SignedDuration = SignedDuration::from_hours(24 * 7);
/// Most findings that stay.
const MOST_FINDINGS: usize = 60;
/// Steps of time between two messages; more than any account has.
const MOST_STEPS: usize = 1_000;

/// Under which terms an account is watched.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// When incidents calm and close.
    pub patience: &'a Patience,
    /// When we work for it.
    pub calendar: &'a Calendar,
    /// What it is to us.
    pub kind: Kind,
    /// Whether it was made from an unknown domain: a stranger's silence says nothing until we have written.
    pub provisional: bool,
    /// Whether it is at rest: no silence, no clocks.
    pub resting: bool,
    /// The rhythm agreed with it, in days between two contacts.
    pub cadence_days: Option<u16>,
    /// How soon it is answered, and the calendar of that.
    pub target: Option<(&'a Target, &'a Calendar)>,
    /// When one of us was in touch with it beside the mail we see, oldest first; none in the future.
    pub touches: &'a [Timestamp],
    /// What people have said is wrong: the key of a cause, and one signal or all of them.
    pub wrong: &'a [(String, Option<String>)],
}

impl<'a> Terms<'a> {
    /// A client of whom nothing else was agreed.
    #[must_use]
    pub fn plain(patience: &'a Patience, calendar: &'a Calendar) -> Self {
        Self {
            patience,
            calendar,
            kind: Kind::Client,
            provisional: false,
            resting: false,
            cadence_days: None,
            target: None,
            touches: &[],
            wrong: &[],
        }
    }
}

/// What is true of one account. Serialised into the store between messages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Incidents, oldest first: open ones, and those closed not long ago.
    pub incidents: Vec<Incident>,
    /// Position of the last entry taken in.
    pub last: Option<(Timestamp, String)>,
    /// Promises.
    #[serde(default)]
    pub commitments: Ledger,
    /// Answers that are owed.
    #[serde(default)]
    pub clocks: Clocks,
    /// Dates and decisions that were asked for.
    #[serde(default)]
    pub decisions: Decisions,
    /// Silence and rhythm.
    #[serde(default)]
    pub rhythm: Rhythm,
    /// What single people do.
    #[serde(default)]
    pub people: People,
    /// Pressure and goodwill.
    #[serde(default)]
    pub trend: Trend,
    /// Who of our superiors is on which thread.
    #[serde(default)]
    pub superiors: Superiors,
    /// How many of the instants were taken in at which somebody was in touch beside the mail.
    #[serde(default)]
    pub touched: usize,
    /// What was found out lately, in order of time.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Incidents that this fold has left behind: closed, and long over.
    #[serde(skip)]
    pub departed: Vec<Incident>,
    /// What became of promises that this fold has left behind: for the record, and no news.
    #[serde(skip)]
    pub settled: Vec<Finding>,
}

impl State {
    /// What is true after all of `entries`, in order of [`Entry::position`].
    #[must_use]
    pub fn of(entries: &[Entry], terms: &Terms<'_>) -> Self {
        let mut state = Self::default();
        for entry in entries {
            state.apply(entry, terms);
        }
        state
    }

    /// What is true at `now`, when quiet alone has done its work.
    ///
    /// The stored state stays where its last entry left it: a message that was
    /// written before `now` and arrives after it must find it so.
    #[must_use]
    pub fn at(&self, terms: &Terms<'_>, now: Timestamp) -> Self {
        let mut state = self.clone();
        state.advance(terms, now);
        state
    }

    /// Whether `entry` comes after everything taken in, so that [`State::apply`] is right for it.
    #[must_use]
    pub fn precedes(&self, entry: &Entry) -> bool {
        self.last.as_ref().is_none_or(|(at, key)| (*at, key.as_str()) < entry.position())
    }

    /// Takes in the next entry; the last one again changes nothing.
    pub fn apply(&mut self, entry: &Entry, terms: &Terms<'_>) {
        if !self.precedes(entry) {
            return;
        }
        self.advance(terms, entry.sent_at);
        let seen = self.superiors.take_in(entry);
        let entry = &*seen;
        let leaving = self.leaving(entry);
        incident::take_in(&mut self.incidents, entry);
        let mut found = self.commitments.take_in(entry, terms);
        found.extend(self.clocks.take_in(entry, terms));
        self.decisions.take_in(entry);
        found.extend(self.rhythm.take_in(entry, terms));
        found.extend(self.people.take_in(entry, terms));
        found.extend(self.trend.take_in(entry, terms));
        found.extend(leaving);
        found.extend(self.undelivered(entry));
        self.note(found, terms);
        self.forget(entry.sent_at);
        self.last = Some((entry.sent_at, entry.key.clone()));
    }

    /// A friend there leaves while the account is at risk.
    fn leaving(&self, entry: &Entry) -> Option<Finding> {
        let grave = |i: &Incident| i.severity == Severity::Critical && !i.causes.iter().all(|c| c.history);
        let at_risk = self.incidents.iter().any(grave) && entry.side() == Some(crate::judge::Side::Them);
        (at_risk && entry.has("champion_leaving") && !entry.is_stale()).then(|| Finding {
            key: Some(entry.key.clone()),
            person: entry.person.clone(),
            signals: vec!["champion_leaving".to_owned()],
            alarm: Some(Alarm {
                topic: crate::judge::Topic::Cancellation,
                severity: Severity::Warning,
                to: Told::Manager,
            }),
            says: format!("{} leaves while the account is at risk", entry.name),
            history: entry.history,
            ..Finding::new(format!("leaving:{}", entry.key), What::Signal, entry.sent_at)
        })
    }

    /// A mail of ours does not reach somebody at the very time when they wait for a word.
    fn undelivered(&self, entry: &Entry) -> Option<Finding> {
        let grave = |i: &Incident| i.phase == Phase::Open && i.severity >= Severity::Warning;
        let (to, (address, name)) = entry.matter.bounced.iter().find_map(|to| Some((to, self.people.meant_by(to)?)))?;
        let slip = if address == to { String::new() } else { format!("; they write from {address}") };
        (self.incidents.iter().any(grave) && !entry.is_stale()).then(|| Finding {
            person: to.clone(),
            signals: vec!["unanswered".to_owned()],
            alarm: Some(Alarm { topic: crate::judge::Topic::Response, severity: Severity::Warning, to: Told::Owner }),
            says: format!("a mail of ours to {name} did not arrive: it went to {to}{slip}"),
            history: entry.history,
            ..Finding::new(format!("{UNDELIVERED}{}", entry.key), What::Signal, entry.sent_at)
        })
    }

    /// Whether it became known too late that somebody was in touch, so that only a fold from the start is right.
    #[must_use]
    pub fn missed_touches(&self, terms: &Terms<'_>) -> bool {
        let until = self.last.as_ref().map(|(at, _)| *at);
        let due = terms.touches.iter().filter(|touch| until.is_some_and(|until| **touch <= until)).count();
        due != self.touched
    }

    /// Goes from one instant at which something changes without mail to the next.
    fn advance(&mut self, terms: &Terms<'_>, now: Timestamp) {
        for touch in terms.touches.iter().copied().skip(self.touched).take_while(|touch| *touch <= now) {
            self.pass(terms, touch);
            self.touched += 1;
            self.rhythm.touch(touch);
            incident::touch(&mut self.incidents, touch);
        }
        self.pass(terms, now);
    }

    /// Does what time alone brings.
    fn pass(&mut self, terms: &Terms<'_>, now: Timestamp) {
        for _ in 0..MOST_STEPS {
            let Some(at) = self.next_ask(terms).filter(|at| *at <= now) else { return };
            for incident in &mut self.incidents {
                incident.advance(terms.patience, terms.calendar, at);
            }
            let mut found = self.commitments.pass(terms, at);
            found.extend(self.clocks.pass(terms, at));
            found.extend(self.decisions.pass(terms, at));
            let waited_for = self.commitments.expects(terms, at);
            let quiet = self.rhythm.pass(terms, at);
            // A day has been named: until then nobody owes a word.
            found.extend(quiet.into_iter().filter(|f| !waited_for || f.what != What::Silence || f.alarm.is_none()));
            found.extend(self.trend.pass(terms, at));
            self.note(found, terms);
        }
    }

    /// Keeps what was found out, once, and lets it open or change incidents.
    fn note(&mut self, found: Vec<Finding>, terms: &Terms<'_>) {
        for mut finding in found {
            if self.findings.iter().any(|known| known.id == finding.id) {
                continue;
            }
            // Time rings one bell a day; whatever else it finds then is for the digest.
            let day = terms.calendar.date_of(finding.at);
            let rung = self.findings.iter().any(|f| f.rings() && terms.calendar.date_of(f.at) == day);
            if let Some(alarm) = finding.alarm.as_mut().filter(|_| rung && finding.key.is_none()) {
                alarm.severity = alarm.severity.min(Severity::Info);
            }
            let is_wrong = |signal: &Option<String>| signal.as_ref().is_none_or(|s| finding.signals.contains(s));
            if terms.wrong.iter().any(|(key, signal)| *key == *finding.cause_key() && is_wrong(signal)) {
                finding.alarm = None;
            }
            incident::take_finding(&mut self.incidents, &finding);
            self.trend.weigh(&finding, terms.calendar);
            self.findings.push(finding);
        }
    }

    fn forget(&mut self, now: Timestamp) {
        let since = now.checked_sub(MEMORY).unwrap_or(Timestamp::MIN);
        let old = self.findings.extract_if(.., |finding| finding.at < since);
        let old = old.filter(|finding| finding.pledge.is_some());
        self.settled.extend(old.map(|finding| Finding { alarm: None, history: true, ..finding }));
        let surplus = self.findings.len().saturating_sub(MOST_FINDINGS);
        self.findings.drain(..surplus);
        incident::leave(&mut self.incidents, &mut self.departed, now);
    }

    /// When time alone will next change something.
    #[must_use]
    pub fn next_ask(&self, terms: &Terms<'_>) -> Option<Timestamp> {
        let incidents = self.incidents.iter().filter_map(|i| i.next_change(terms.patience, terms.calendar)).min();
        let others = [
            self.commitments.next_change(terms),
            self.clocks.next_change(terms),
            self.decisions.next_change(terms),
            self.rhythm.next_change(terms),
            self.trend.next_change(terms),
        ];
        others.into_iter().flatten().chain(incidents).min()
    }
}
