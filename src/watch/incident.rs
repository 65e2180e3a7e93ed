//! One topic with one account that people must know of, open until closed.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Entry, Finding, Told};
use crate::calendar::Calendar;
use crate::judge::{Severity, ToneLabel, Topic, signal};
use crate::read::Direction;

/// Where an incident stands. Acknowledging and snoozing are said, not found out: they live in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It needs somebody.
    Open,
    /// It is getting better.
    Calming,
    /// It is over.
    Closed,
}

/// Working days without a negative message before an incident calms, and then closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Open → calming.
    pub calm_after_days: i64,
    /// Calming → closed.
    pub close_after_days: i64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { calm_after_days: 5, close_after_days: 10 }
    }
}

/// Days after its end that an incident stays in the state; then only the store has it.
const MEMORY: SignedDuration = SignedDuration::from_hours(24 * 60);
/// So near its words come to what is told at once, in percent, where a message of a bad time is told.
const NEAR: u8 = 70;
/// So long trouble makes a bad time.
const BAD_TIME: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Most causes that are remembered: the first, and the last ones.
const MOST_CAUSES: usize = 40;

/// One message that is part of an incident, or something found out that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Content key of the message; of what was found out, its name.
    pub key: String,
    /// What was found out, as people are told it; `None` where a message is the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<String>,
    /// Whom to tell, where it is not the account's managers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Told>,
    /// When it was written.
    pub sent_at: Timestamp,
    /// When it reached us.
    pub arrived_at: Timestamp,
    /// Known before we were watching.
    pub history: bool,
    /// The author's address, else name.
    pub person: String,
    /// The member it concerns: its author or addressee, lower case; empty for none.
    pub member: String,
    /// Members above our person whom it names or copies, lower case.
    pub superiors: Vec<String>,
    /// The signals that belong to this topic, or all where the topic leads the message.
    pub signals: Vec<String>,
    /// What it warrants under this topic.
    pub severity: Severity,
}

/// One topic with one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// What it is about.
    pub topic: Topic,
    /// Where it stands.
    pub phase: Phase,
    /// The worst that its causes warranted since it was last calm.
    pub severity: Severity,
    /// When its first cause was written.
    pub opened_at: Timestamp,
    /// When it last changed phase or took in a cause.
    pub changed_at: Timestamp,
    /// Its causes in order of [`Entry::position`]: the first, and the last forty.
    pub causes: Vec<Cause>,
    /// How many causes it ever had.
    #[serde(default)]
    pub caused: u64,
    /// Key of the message that calmed it; `None` where quiet did.
    pub calmed_by: Option<String>,
    /// Key of the message in which one of us answered it with a plan: two dated steps or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// When one of us last wrote to the account since it opened.
    pub answered_at: Option<Timestamp>,
}

impl Incident {
    /// When its last negative message was written.
    #[must_use]
    pub fn last_cause_at(&self) -> Timestamp {
        self.causes.last().map_or(self.opened_at, |c| c.sent_at)
    }

    /// Whether one of us wrote to the account after its last negative message.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.answered_at.is_some_and(|at| at > self.last_cause_at())
    }

    pub(super) fn advance(&mut self, patience: &Patience, calendar: &Calendar, now: Timestamp) {
        // Twice at most: open → calming → closed.
        while let Some(at) = self.next_change(patience, calendar).filter(|at| *at <= now) {
            self.phase = if self.phase == Phase::Open { Phase::Calming } else { Phase::Closed };
            self.changed_at = at;
        }
    }

    pub(super) fn next_change(&self, patience: &Patience, calendar: &Calendar) -> Option<Timestamp> {
        match self.phase {
            Phase::Open => Some(calendar.add_working_days(self.last_cause_at(), patience.calm_after_days)),
            Phase::Calming => Some(calendar.add_working_days(self.changed_at, patience.close_after_days)),
            Phase::Closed => None,
        }
    }

    fn open(topic: Topic, cause: Cause) -> Self {
        Self {
            topic,
            phase: Phase::Open,
            severity: cause.severity,
            opened_at: cause.sent_at,
            changed_at: cause.sent_at,
            causes: vec![cause],
            caused: 1,
            calmed_by: None,
            plan: None,
            answered_at: None,
        }
    }

    fn add(&mut self, cause: Cause) {
        if self.phase == Phase::Calming {
            self.severity = cause.severity;
            self.calmed_by = None;
        }
        self.phase = Phase::Open;
        self.severity = self.severity.max(cause.severity);
        self.changed_at = cause.sent_at;
        self.causes.push(cause);
        self.caused = self.caused.saturating_add(1);
        if self.causes.len() > MOST_CAUSES {
            // The first names it; of the others the last are worth knowing.
            self.causes.remove(1);
        }
    }
}

/// Adds what was found out to the incident that it opens or changes.
pub(super) fn take_finding(incidents: &mut Vec<Incident>, finding: &Finding) {
    let Some(alarm) = finding.alarm else { return };
    let cause = Cause {
        key: finding.cause_key().to_owned(),
        fact: Some(finding.says.clone()),
        to: Some(alarm.to),
        sent_at: finding.at,
        arrived_at: finding.at,
        history: finding.history,
        person: finding.person.clone(),
        member: String::new(),
        superiors: Vec::new(),
        signals: finding.signals.clone(),
        severity: alarm.severity,
    };
    add(incidents, alarm.topic, cause);
}

fn add(incidents: &mut Vec<Incident>, topic: Topic, cause: Cause) {
    match incidents.iter_mut().find(|i| i.topic == topic && i.phase != Phase::Closed) {
        Some(incident) => incident.add(cause),
        None => incidents.push(Incident::open(topic, cause)),
    }
}

/// Incidents that are long over leave.
pub(super) fn leave(incidents: &mut Vec<Incident>, departed: &mut Vec<Incident>, now: Timestamp) {
    let since = now.checked_sub(MEMORY).unwrap_or(Timestamp::MIN);
    departed.extend(incidents.extract_if(.., |i| i.phase == Phase::Closed && i.changed_at < since));
}

/// Adds a message to the incidents that it opens, changes or calms.
pub(super) fn take_in(incidents: &mut Vec<Incident>, entry: &Entry) {
    if entry.automatic || entry.direction.is_none() || entry.direction == Some(Direction::Internal) {
        return;
    }
    let entry = &*weighed(incidents, entry);
    for (topic, severity, signals) in topics(entry) {
        let cause = Cause {
            key: entry.key.clone(),
            fact: None,
            to: None,
            sent_at: entry.sent_at,
            arrived_at: entry.arrived_at,
            history: entry.history,
            person: entry.person.clone(),
            member: member(entry),
            superiors: entry.superiors.clone(),
            signals,
            severity,
        };
        add(incidents, topic, cause);
    }
    if entry.matter.doubtful {
        return;
    }
    if entry.direction == Some(Direction::Outbound) {
        for incident in incidents.iter_mut().filter(|i| i.phase != Phase::Closed) {
            incident.answered_at = Some(entry.sent_at);
            // To silence and a missing answer, the answer is any word.
            if incident.severity >= Severity::Warning
                && !matches!(incident.topic, Topic::Silence | Topic::Response)
                && entry.matter.promises.iter().filter(|p| p.due.is_some()).count() > 1
            {
                incident.plan = Some(entry.key.clone());
            }
        }
    }
    for incident in incidents.iter_mut().filter(|i| i.phase == Phase::Open && is_ended_by(i, entry)) {
        incident.phase = Phase::Calming;
        incident.changed_at = entry.sent_at;
        incident.calmed_by = Some(entry.key.clone());
    }
    if calms(entry) {
        // A colleague's kind word takes back nothing that somebody else has said.
        let theirs = |i: &Incident| i.causes.iter().any(|c| c.fact.is_none() && c.person == entry.person);
        for incident in incidents.iter_mut().filter(|i| i.phase == Phase::Open && theirs(i)) {
            incident.phase = Phase::Calming;
            incident.changed_at = entry.sent_at;
            incident.calmed_by = Some(entry.key.clone());
        }
    }
}

/// Somebody was in touch beside the mail, which ends silence.
pub(super) fn touch(incidents: &mut [Incident], at: Timestamp) {
    for incident in incidents.iter_mut().filter(|i| i.phase == Phase::Open && i.topic == Topic::Silence) {
        (incident.phase, incident.changed_at) = (Phase::Calming, at);
    }
}

/// Silence ends with any word; a missing answer, and only that, with one of ours.
fn is_ended_by(incident: &Incident, entry: &Entry) -> bool {
    let found = incident.causes.iter().all(|c| c.fact.is_some());
    match incident.topic {
        Topic::Silence => found,
        Topic::Response => found && entry.direction == Some(Direction::Outbound),
        _ => false,
    }
}

fn member(entry: &Entry) -> String {
    let ours = entry.direction == Some(Direction::Outbound);
    if ours { entry.person.clone() } else { entry.addressee.clone() }
}

fn is_angry(entry: &Entry) -> bool {
    matches!(entry.tone, Some(ToneLabel::Hostile | ToneLabel::Frustrated))
}

/// A person on the other side withdraws or concedes, and does not complain in the same breath.
fn calms(entry: &Entry) -> bool {
    let friendly = !is_angry(entry);
    entry.direction == Some(Direction::Inbound)
        && entry.severity < Severity::Warning
        && friendly
        && entry.signals.iter().any(|s| s == "deescalation")
}

/// The message, worth a warning where it is angry, its words come near to one, and there is trouble already: who
/// complains again in a bad time means it.
fn weighed<'a>(incidents: &[Incident], entry: &'a Entry) -> Cow<'a, Entry> {
    let since = entry.sent_at.checked_sub(BAD_TIME).unwrap_or(Timestamp::MIN);
    let passing = [Topic::Pressure, Topic::Response, Topic::Silence];
    let bad = |i: &Incident| i.phase != Phase::Closed && !passing.contains(&i.topic) && i.last_cause_at() >= since;
    let mild = ["praise", "deescalation"].iter().any(|signal| entry.has(signal));
    let near = entry.direction == Some(Direction::Inbound) && is_angry(entry) && entry.matter.nearly >= NEAR && !mild;
    if entry.severity >= Severity::Warning || !near || !incidents.iter().any(bad) {
        return Cow::Borrowed(entry);
    }
    Cow::Owned(Entry { severity: Severity::Warning, ..entry.clone() })
}

/// The topics a message belongs to, each with what it warrants there.
///
/// The topic of its gravest signal leads and takes the message's whole severity and
/// all its signals; the others are recorded as info, so that one message rings one bell.
fn topics(entry: &Entry) -> Vec<(Topic, Severity, Vec<String>)> {
    let mut found: Vec<(Topic, Severity, Vec<String>)> = Vec::new();
    if entry.severity < Severity::Info {
        return found;
    }
    let direction = entry.direction.unwrap_or(Direction::Inbound);
    for name in &entry.signals {
        let Some(topic) = signal::topic_of(name) else {
            continue;
        };
        let alone = signal::severity_of(name, direction, entry.kind).min(entry.severity);
        if alone < Severity::Info {
            continue;
        }
        match found.iter_mut().find(|(t, _, _)| *t == topic) {
            Some((_, worst, names)) => {
                *worst = (*worst).max(alone);
                names.push(name.clone());
            }
            None => found.push((topic, alone, vec![name.clone()])),
        }
    }
    if found.is_empty() && entry.severity >= Severity::Warning {
        match direction {
            // What no signal has a name for is worth reading all the same.
            Direction::Inbound => {
                let telling = entry.signals.iter().filter(|s| signal::may_alert(s)).cloned().collect();
                found.push((Topic::Quality, entry.severity, telling));
            }
            // Our own mail at its worst is a matter between two people. Who promises something is not at their worst.
            Direction::Outbound if is_angry(entry) && entry.matter.promises.is_empty() => {
                found.push((Topic::Conduct, entry.severity, vec!["staff_hostile".to_owned()]));
            }
            _ => {}
        }
    }
    // Gravest first; `Topic` is ordered by how much is at stake.
    found.sort_by_key(|(topic, severity, _)| (std::cmp::Reverse(*severity), *topic));
    if let Some((_, severity, names)) = found.first_mut() {
        *severity = entry.severity;
        let others = entry.signals.iter().filter(|name| signal::topic_of(name).is_some() && !names.contains(name));
        let others: Vec<String> = others.cloned().collect();
        names.extend(others);
    }
    for (_, severity, _) in found.iter_mut().skip(1) {
        *severity = Severity::Info;
    }
    found
}
