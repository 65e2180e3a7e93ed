//! Who is owed which e-mail now: the fold compared with the log.
//!
//! Told at once is what raises severity, or brings a signal or a person not yet
//! told in its incident; a repetition waits for the digest. An unchanged incident
//! repeats at its interval, a set number of times, until one of us writes to the
//! account or answers. What nobody answers climbs the ladder. Pure: the same fold, log and time give the same plan.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::answers::{self, Answers, Stance};
use super::{hidden, ladder};
use crate::calendar::Calendar;
use crate::config::{Account, Alerts, Member, Role, Settings, StaffTone};
use crate::judge::{Severity, signal};
use crate::watch::{Cause, Incident, Phase, Told};

/// Older mail than this is for the digest, however new to us.
const STALE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// So long after the last one told, a critical message is another matter, and so is a warning.
const ANOTHER_DAY: SignedDuration = SignedDuration::from_hours(20);
const ANOTHER_WEEK: SignedDuration = SignedDuration::from_hours(24 * 5);
/// Mail that took longer than this to reach us is told as late.
const LATE: SignedDuration = SignedDuration::from_hours(24);
/// Signals told to the superior of the member concerned, and to nobody else.
const PRIVATE: [&str; 2] = [STAFF_HOSTILE, "berating"];
/// Our own mail at its worst; the firm may not want it told to anybody.
const STAFF_HOSTILE: &str = "staff_hostile";

/// What the log says of one incident.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldSoFar {
    /// Keys of the messages told by alert.
    pub keys: BTreeSet<String>,
    /// Signals told.
    pub signals: BTreeSet<String>,
    /// People told of.
    pub people: BTreeSet<String>,
    /// The worst severity told.
    pub severity: Severity,
    /// When an e-mail about it was last written.
    pub last_at: Option<Timestamp>,
    /// Alerts that said the same again, since the last that said something new.
    pub repeats: u32,
    /// Addresses of those who were told by e-mail.
    pub readers: BTreeSet<String>,
    /// Those of them who were told by the ladder.
    pub climbed: BTreeSet<String>,
    /// When the ladder was last climbed.
    pub climbed_at: Option<Timestamp>,
    /// Since when it has waited for an answer: the first news told after the last one.
    pub waiting_since: Option<Timestamp>,
    /// When it was last recorded that a snooze had ended.
    pub woken_at: Option<Timestamp>,
    /// What members answered.
    pub answers: Answers,
}

impl ToldSoFar {
    /// Takes in a message that was told.
    pub fn add(&mut self, cause: &Cause) {
        self.keys.insert(cause.key.clone());
        self.signals.extend(cause.signals.iter().cloned());
        self.people.insert(cause.person.clone());
        self.severity = self.severity.max(cause.severity);
    }
}

/// An incident and its name in the store.
#[derive(Debug, Clone)]
pub struct Named {
    /// `account/topic-number`.
    pub name: String,
    /// What the fold says.
    pub incident: Incident,
    /// What the log says.
    pub told: ToldSoFar,
}

/// What an e-mail says of one incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saying {
    /// The first e-mail about it.
    Alert,
    /// It got worse, or a new cause came.
    Update,
    /// The same again.
    Repeat,
    /// The same again, after a snooze.
    Anew,
    /// The same to somebody else, since nobody answered.
    Climb,
}

impl Saying {
    /// Whether it says something that was not said before.
    #[must_use]
    pub fn is_news(self) -> bool {
        matches!(self, Self::Alert | Self::Update)
    }
}

/// One incident in an e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub incident: String,
    /// What is said.
    pub saying: Saying,
    /// Keys of the messages told for the first time.
    pub cites: Vec<String>,
    /// The gravest of what is cited, or of the incident where nothing is.
    pub severity: Severity,
    /// Whether a cited message reached us more than a day after it was written.
    pub late: bool,
}

/// One e-mail, and when it leaves for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it says, gravest first.
    pub lines: Vec<Line>,
    /// Address and the instant it may leave.
    pub recipients: Vec<(String, Timestamp)>,
    /// Whether it is for the superior of a member alone.
    pub private: bool,
}

/// What is owed now, and when to ask again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// E-mails to write now.
    pub notices: Vec<Notice>,
    /// When time alone will next owe something.
    pub next: Option<Timestamp>,
}

/// A line that is owed, the moment it falls due, and who must have it.
pub(super) struct Owed {
    pub(super) line: Line,
    pub(super) due: Timestamp,
    pub(super) recipients: BTreeSet<String>,
    pub(super) private: bool,
    /// Whether it shares no e-mail that others read.
    pub(super) alone: bool,
}

/// Compares what is true of an account with what has been said.
#[must_use]
pub fn plan(account: &Account, incidents: &[Named], settings: &Settings, now: Timestamp) -> Plan {
    plan_without(&BTreeMap::new(), account, incidents, settings, now)
}

/// The same while some are `away`: address, and who reads their alerts meanwhile.
#[must_use]
pub fn plan_without(
    away: &BTreeMap<String, String>,
    account: &Account,
    incidents: &[Named],
    settings: &Settings,
    now: Timestamp,
) -> Plan {
    let last = incidents.iter().filter_map(|i| i.told.last_at).max();
    let owed: Vec<Owed> = incidents
        .iter()
        .filter(|named| named.incident.phase == Phase::Open)
        .flat_map(|named| owed_for(away, account, named, settings, now))
        .filter(|o| !hidden::is_hidden(o, incidents, now))
        .map(|o| represented(o, away))
        .map(|mut o| {
            if let (Some(last), true) = (last, o.line.severity < Severity::Critical) {
                o.due = o.due.max(after(last, settings.alerts.group_interval));
            }
            o.due = o.due.max(opening(&o, account, settings));
            o
        })
        .collect();
    let wakes = incidents.iter().filter_map(|named| named.told.answers.wakes_at(&named.incident));
    let next = owed.iter().map(|o| o.due).chain(wakes).filter(|due| *due > now).min();
    let mut groups: BTreeMap<(bool, Option<BTreeSet<String>>), Vec<Owed>> = BTreeMap::new();
    for o in owed {
        // What is private, climbs, or is the owner's, keeps its own readers; the rest of an account shares one e-mail.
        groups.entry((o.private, o.alone.then(|| o.recipients.clone()))).or_default().push(o);
    }
    let notices = groups
        .into_values()
        .filter(|group| group.iter().any(|o| o.due <= now))
        .filter_map(|group| notice(group, account, settings, now))
        .collect();
    Plan { notices, next }
}

/// The same for those who stand in for readers that are away; what is private waits for its reader.
fn represented(mut owed: Owed, away: &BTreeMap<String, String>) -> Owed {
    if !owed.private {
        owed.recipients = owed.recipients.into_iter().map(|reader| present(reader, away)).collect();
    }
    owed
}

/// A reader, or who reads for them.
pub(super) fn present(reader: String, away: &BTreeMap<String, String>) -> String {
    away.get(&reader).cloned().unwrap_or(reader)
}

/// At most two lines an incident: one for its readers, one in private. And one for the next on the ladder.
fn owed_for(
    away: &BTreeMap<String, String>,
    account: &Account,
    named: &Named,
    settings: &Settings,
    now: Timestamp,
) -> Vec<Owed> {
    let incident = &named.incident;
    let news = incident.causes.iter().filter(|c| is_news(c) && !named.told.keys.contains(&c.key));
    // A message may be for both: each of the two e-mails shows its own signals.
    let open: Vec<&Cause> = news.clone().filter(|c| is_for(c, false)).collect();
    let private: Vec<&Cause> = news.filter(|c| is_for(c, true)).collect();
    let mut owed = Vec::new();
    let stance = named.told.answers.stance(incident, now);
    if let Some(line) = news_line(named, &open, stance) {
        owed.push(Owed {
            due: first_due(&line, &open, &settings.alerts),
            recipients: recipients(account, &open, named, settings),
            line,
            private: false,
            alone: is_owners(&open),
        });
    } else if let Some((line, due)) = woken_line(named).or_else(|| repeat_line(named, stance, &settings.alerts)) {
        let causes: Vec<&Cause> = incident.causes.iter().filter(|c| is_for(c, false)).collect();
        let recipients = recipients(account, &causes, named, settings);
        owed.push(Owed { line, due, recipients, private: false, alone: is_owners(&causes) });
    }
    // What is told now begins a new wait.
    if stance == Stance::Open && owed.iter().all(|o| o.line.saying == Saying::Repeat) {
        owed.extend(ladder::next(away, account, named, settings));
    }
    let off = settings.privacy.staff_tone == StaffTone::Off;
    let silenced = |cause: &Cause| off && !cause.signals.iter().any(|s| is_private_signal(s) && s != STAFF_HOSTILE);
    for cause in private.iter().filter(|c| c.severity >= Severity::Warning && !silenced(c)) {
        let recipients = superior(&cause.member, settings);
        if let (Some(line), false) = (news_line(named, &[cause], stance), recipients.is_empty()) {
            owed.push(Owed {
                due: first_due(&line, &[cause], &settings.alerts),
                recipients,
                line,
                private: true,
                alone: true,
            });
        }
    }
    owed
}

/// Who is told of these causes, with the company that a ladder gives them.
fn recipients(account: &Account, causes: &[&Cause], named: &Named, settings: &Settings) -> BTreeSet<String> {
    let readers = readers(account, causes, settings);
    // What starts with the owner waits for no step of a ladder that does not wait.
    if is_owners(causes) {
        readers.into_iter().chain(ladder::reached(named)).collect()
    } else {
        ladder::with_company(readers, named, account, settings)
    }
}

/// Whether the account's owner is to hear of it first, and alone.
fn is_owners(causes: &[&Cause]) -> bool {
    !causes.is_empty() && causes.iter().all(|c| c.to == Some(Told::Owner))
}

/// Whether it may still be told at once.
pub(super) fn is_news(cause: &Cause) -> bool {
    !cause.history && cause.arrived_at.duration_since(cause.sent_at) <= STALE
}

/// Whether a signal is for the superior of the member concerned alone, and for no shared digest.
#[must_use]
pub fn is_private_signal(signal: &str) -> bool {
    PRIVATE.contains(&signal)
}

/// Whether a message has something to say to the one or the other.
pub(super) fn is_for(cause: &Cause, private: bool) -> bool {
    // What one of us wrote sharply is for the superior alone, whatever else it says.
    if cause.signals.iter().any(|s| s == STAFF_HOSTILE) {
        return private;
    }
    (cause.signals.is_empty() && !private) || cause.signals.iter().any(|s| is_private_signal(s) == private)
}

/// An incident as its readers may see it: what is private to the superior alone, all else to the others.
#[must_use]
pub fn shown(incident: &Incident, private: bool) -> Incident {
    let mut shown = incident.clone();
    shown.causes.retain(|cause| is_for(cause, private));
    for cause in &mut shown.causes {
        cause.signals.retain(|s| is_private_signal(s) == private);
    }
    shown
}

/// A line, if what is new must be told at once.
fn news_line(named: &Named, causes: &[&Cause], stance: Stance) -> Option<Line> {
    let worst = causes.iter().map(|c| c.severity).max()?;
    let told = &named.told;
    let first = told.last_at.is_none();
    let rose = worst > told.severity;
    let new_cause = causes
        .iter()
        .filter(|c| c.severity >= Severity::Warning)
        .any(|c| !told.people.contains(&c.person) || c.signals.iter().any(|s| !told.signals.contains(s)));
    // What lasts is for more people, until one of them says that they know.
    let told_to = named.incident.causes.iter().filter(|c| told.keys.contains(&c.key)).filter_map(|c| c.to).max();
    let spreads = stance == Stance::Open && told_to.is_some() && causes.iter().any(|c| c.to > told_to);
    // The same again is no news; a grave word on another day is, and so is one in reply to our answer.
    let told_until = named.incident.causes.iter().filter(|c| told.keys.contains(&c.key)).map(|c| c.sent_at).max();
    let grave_again = causes.iter().any(|c| match c.severity {
        Severity::Critical => told_until.is_some_and(|until| {
            let answered = named.incident.answered_at.is_some_and(|at| at > until && at < c.sent_at);
            answered || c.sent_at.duration_since(until) >= ANOTHER_DAY
        }),
        Severity::Warning => told_until.is_some_and(|until| c.sent_at.duration_since(until) >= ANOTHER_WEEK),
        Severity::Info | Severity::None => false,
    });
    let reopens = told.answers.last().is_some_and(|last| causes.iter().any(|c| answers::reopens(last, c)));
    if worst < Severity::Warning || !(first || rose || new_cause || spreads || grave_again || reopens) {
        return None;
    }
    // What came before and was worth no alert is for the digest: an alert shows what it is about.
    let causes: Vec<&&Cause> = causes.iter().filter(|c| c.severity >= Severity::Warning).collect();
    Some(Line {
        incident: named.name.clone(),
        saying: if first { Saying::Alert } else { Saying::Update },
        cites: causes.iter().map(|c| c.key.clone()).collect(),
        severity: worst,
        late: causes.iter().any(|c| c.arrived_at.duration_since(c.sent_at) > LATE),
    })
}

/// Everything anew, where a snooze has ended and nothing was told since.
fn woken_line(named: &Named) -> Option<(Line, Timestamp)> {
    let until = named.told.answers.wakes_at(&named.incident)?;
    let is_told = named.told.last_at.is_none_or(|last| last >= until);
    (!is_told).then(|| (line_of(named, Saying::Anew), until))
}

/// A line that cites nothing.
pub(super) fn line_of(named: &Named, saying: Saying) -> Line {
    Line { incident: named.name.clone(), saying, cites: Vec::new(), severity: named.told.severity, late: false }
}

/// The same again, where nobody answered within the interval.
fn repeat_line(named: &Named, stance: Stance, alerts: &Alerts) -> Option<(Line, Timestamp)> {
    let last = named.told.last_at?;
    let severity = named.told.severity;
    // Who has written to them has seen it; what a manager still owes is for the digest.
    let found = named.incident.causes.iter().all(|c| c.fact.is_some());
    if stance != Stance::Open
        || severity < Severity::Warning
        || found
        || named.told.repeats >= alerts.max_repeats
        || named.incident.is_answered()
    {
        return None;
    }
    let interval = match severity {
        Severity::Critical => alerts.repeat_critical,
        _ => alerts.repeat_warning,
    };
    // Counted in sending hours: a night is no reason to ask again.
    let due = alerts.send.add_working(last, interval)?;
    Some((line_of(named, Saying::Repeat), due))
}

fn first_due(line: &Line, causes: &[&Cause], alerts: &Alerts) -> Timestamp {
    let urgent = causes.iter().filter(|c| c.severity == line.severity).map(|c| c.arrived_at).min();
    let since = urgent.unwrap_or(Timestamp::MIN);
    if line.severity == Severity::Critical { since } else { after(since, alerts.group_wait) }
}

pub(super) fn after(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// The earliest moment at which one of its readers may have it.
fn opening(owed: &Owed, account: &Account, settings: &Settings) -> Timestamp {
    owed.recipients
        .iter()
        .map(|r| may_leave(r, owed.line.severity, account, settings, owed.due))
        .min()
        .unwrap_or(owed.due)
}

fn may_leave(
    recipient: &str,
    severity: Severity,
    account: &Account,
    settings: &Settings,
    from: Timestamp,
) -> Timestamp {
    if severity == Severity::Critical && account.critical_any_time {
        return from;
    }
    let zone = settings.member(recipient).map(|m| m.time_zone.clone());
    let hours =
        Calendar { zone: zone.unwrap_or_else(|| settings.service.time_zone.clone()), ..settings.alerts.send.clone() };
    hours.next_open(from).unwrap_or(from)
}

fn notice(group: Vec<Owed>, account: &Account, settings: &Settings, now: Timestamp) -> Option<Notice> {
    let worst = group.iter().map(|o| o.line.severity).max()?;
    let private = group.first()?.private;
    let recipients: BTreeSet<String> = group.iter().flat_map(|o| o.recipients.iter().cloned()).collect();
    // A repeat that is not due yet has nothing to add to news that is.
    let mut lines: Vec<Line> =
        group.into_iter().filter(|o| o.due <= now || o.line.saying.is_news()).map(|o| o.line).collect();
    lines.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.incident.cmp(&b.incident)));
    let recipients = recipients
        .into_iter()
        .map(|r| {
            let at = may_leave(&r, worst, account, settings, now);
            (r, at)
        })
        .collect();
    Some(Notice { lines, recipients, private })
}

/// The account's managers, and those whom the signals name.
fn readers(account: &Account, causes: &[&Cause], settings: &Settings) -> BTreeSet<String> {
    // What time found out may be the owner's alone, for now.
    if let Some(owner) = account.owner.as_ref().filter(|_| is_owners(causes)) {
        return BTreeSet::from([owner.clone()]);
    }
    let mut readers: BTreeSet<String> = account.managers.iter().cloned().collect();
    for cause in causes {
        if cause.to == Some(Told::Director) {
            readers.extend(with_role(settings, Role::Director));
        }
        for listener in cause.signals.iter().flat_map(|s| signal::listeners(s)) {
            match listener {
                signal::Listener::Owner => readers.extend(account.owner.clone()),
                // Managers read everything; what is for one superior alone never comes here.
                signal::Listener::Manager | signal::Listener::OwnSuperiorAlone => {}
                signal::Listener::NamedSuperior => readers.extend(cause.superiors.iter().cloned()),
                signal::Listener::Director => readers.extend(with_role(settings, Role::Director)),
                signal::Listener::Finance => readers.extend(with_role(settings, Role::Finance)),
                signal::Listener::Admin => readers.extend(with_role(settings, Role::Admin)),
            }
        }
    }
    readers
}

pub(super) fn with_role(settings: &Settings, role: Role) -> impl Iterator<Item = String> {
    settings.members.iter().filter(move |m| m.role == role).map(|m: &Member| m.address.clone())
}

fn superior(member: &str, settings: &Settings) -> BTreeSet<String> {
    settings.member(member).and_then(|m| m.reports_to.clone()).into_iter().collect()
}
