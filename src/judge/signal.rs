//! The table of signals: what each is called by people, which topic it opens,
//! how fast it must be told, and to whom.

use serde::{Deserialize, Serialize};

use super::verdict::Severity;
use crate::config::Kind;
use crate::read::Direction;

/// What an incident is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// The relationship may end, pause or move.
    Cancellation,
    /// Somebody goes over somebody's head.
    Escalation,
    /// How people treat each other.
    Conduct,
    /// The work.
    Quality,
    /// Scope, budget, payment, law.
    Terms,
    /// Urgency, chasing, exclusivity.
    Pressure,
    /// Answers that are owed.
    Response,
    /// Promises.
    Commitment,
    /// Nobody speaks.
    Silence,
}

impl Topic {
    /// The topic in words, as the end of "an incident about".
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Cancellation => "the relationship",
            Self::Escalation => "going over somebody's head",
            Self::Conduct => "how people treat each other",
            Self::Quality => "the work",
            Self::Terms => "scope, money or law",
            Self::Pressure => "pressure",
            Self::Response => "an answer that is owed",
            Self::Commitment => "a promise",
            Self::Silence => "silence",
        }
    }
}

/// How soon people must hear of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speed {
    /// Feeds the trend only.
    Score,
    /// In the weekly digest.
    Week,
    /// In the daily digest.
    Day,
    /// Within a working hour, grouped.
    Hour,
    /// Within five minutes of sending hours.
    Minutes,
    /// At once.
    Now,
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listener {
    /// The account's owner.
    Owner,
    /// The account's managers.
    Manager,
    /// A partner or director.
    Director,
    /// Who handles money.
    Finance,
    /// Who runs Barometer.
    Admin,
    /// The superior whom the mail names or copies.
    NamedSuperior,
    /// The `reports_to` of the member concerned, alone, in a mail of their own.
    OwnSuperiorAlone,
}

/// Where a signal comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Inbound,
    Outbound,
    Either,
    /// Computed over time; no rule may raise it.
    Computed,
}

/// For whom its speed is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Client,
    Vendor,
    Both,
}

struct Entry {
    name: &'static str,
    phrase: &'static str,
    topic: Option<Topic>,
    from: Origin,
    with: With,
    speed: Speed,
    /// Whether it counts against the relationship.
    negative: bool,
    who: &'static [Listener],
}

const fn entry(name: &'static str, phrase: &'static str, topic: Option<Topic>) -> Entry {
    Entry {
        name,
        phrase,
        topic,
        from: Origin::Inbound,
        with: With::Both,
        speed: Speed::Score,
        negative: false,
        who: &[],
    }
}

impl Entry {
    const fn told(mut self, speed: Speed, who: &'static [Listener]) -> Self {
        self.speed = speed;
        self.who = who;
        self
    }
    const fn of(mut self, with: With) -> Self {
        self.with = with;
        self
    }
    const fn from(mut self, from: Origin) -> Self {
        self.from = from;
        self
    }
    const fn bad(mut self) -> Self {
        self.negative = true;
        self
    }
}

const OWNER: &[Listener] = &[Listener::Owner];
const BOTH: &[Listener] = &[Listener::Owner, Listener::Manager];
const MANAGER: &[Listener] = &[Listener::Manager];
const MONEY: &[Listener] = &[Listener::Finance, Listener::Owner];
const PRIVATE: &[Listener] = &[Listener::OwnSuperiorAlone];

#[rustfmt::skip]
const TABLE: [Entry; 62] = {
    use Origin::{Computed, Either, Outbound};
    use Listener::{Director, Manager, NamedSuperior, Owner};
    use Speed::{Day, Hour, Minutes, Now, Week};
    use Topic::{Cancellation, Commitment, Conduct, Escalation, Pressure, Quality, Response, Silence, Terms};
    use With::{Client, Vendor};
    [
        // The 27 names of labelled mail.
        entry("cancellation_risk", "may end, pause or move the work", Some(Cancellation)).of(Client).told(Now, BOTH).bad(),
        entry("over_your_head", "goes over the head of the person they deal with", Some(Escalation)).told(Now, &[NamedSuperior, Owner, Manager]).bad(),
        entry("chaser", "asks again for something already asked for", Some(Pressure)).told(Hour, OWNER).bad(),
        entry("short_notice_deadline", "wants something at short notice", Some(Pressure)).told(Hour, OWNER).bad(),
        entry("deadline", "names a day by which something is needed", None),
        entry("after_hours_demand", "expects work outside our hours", Some(Pressure)).bad(),
        entry("abuse", "uses harsh words", Some(Conduct)).told(Now, MANAGER).bad(),
        entry("blame", "puts the fault on us", Some(Conduct)).told(Hour, OWNER).bad(),
        entry("scope_dispute", "disagrees on what is included", Some(Terms)).told(Hour, OWNER).bad(),
        entry("budget_dispute", "disagrees on the price or the hours", Some(Terms)).of(Client).told(Hour, BOTH).bad(),
        entry("payment_dispute", "is at odds with us over a payment", Some(Terms)).told(Hour, MONEY).bad(),
        entry("legal_threat", "speaks of lawyers, claims or reserved rights", Some(Terms)).told(Now, &[Director, Manager]).bad(),
        entry("broken_promise", "says that a promise was not kept", Some(Commitment)).told(Hour, OWNER).bad(),
        entry("quality_complaint", "says that the work was not good enough", Some(Quality)).told(Hour, OWNER).bad(),
        entry("commitment_made", "promises something definite", None).from(Either),
        entry("commitment_requested", "asks for a date, a plan or a decision", Some(Response)).from(Either),
        entry("roadblock_raised", "is stopped and waits for somebody", Some(Response)).from(Either).told(Hour, OWNER).bad(),
        entry("roadblock_cleared", "says that a blocker is gone", None).from(Either).told(Day, OWNER),
        entry("praise", "praises work or people", None).told(Day, MANAGER),
        entry("deescalation", "calms things down", None).told(Hour, BOTH),
        entry("apology", "says sorry", None).from(Either),
        entry("exclusivity_demand", "wants to come before everybody else", Some(Pressure)).of(Client).told(Hour, MANAGER).bad(),
        entry("competitor_mentioned", "names another supplier", Some(Cancellation)).of(Client).told(Hour, BOTH).bad(),
        entry("contract_renewal", "speaks of renewing or extending", None).of(Client).told(Day, OWNER),
        entry("staff_hostile", "our reply is sharp", Some(Conduct)).from(Outbound).told(Hour, PRIVATE).bad(),
        entry("handover", "a contact changes", None).from(Either),
        entry("misunderstanding", "the two sides meant different things", Some(Quality)).from(Either),
        // Finer names of single messages.
        entry("cancel_meeting", "calls a meeting on whether to go on", Some(Cancellation)).of(Client).told(Minutes, BOTH).bad(),
        entry("superior_copied", "copies one of our superiors into a tense thread", Some(Escalation)).told(Minutes, MANAGER).bad(),
        entry("new_senior_person", "a new senior person appears on their side", None).told(Hour, BOTH),
        entry("champion_leaving", "our friendly contact is leaving", None).told(Hour, BOTH),
        entry("public_threat", "threatens to complain in public", Some(Escalation)).of(Client).told(Minutes, MANAGER).bad(),
        entry("contract_request", "asks for the contract, the notice period or a hand-over of data", Some(Cancellation)).of(Client).told(Hour, BOTH).bad(),
        entry("conflict_of_interest", "minds whom else we work with", Some(Conduct)).told(Minutes, BOTH).bad(),
        entry("urgency_words", "says that it is urgent", Some(Pressure)).told(Hour, OWNER),
        entry("repeat_issue", "reports the same trouble again", Some(Quality)).told(Hour, BOTH).bad(),
        entry("berating", "belittles a colleague of ours", Some(Conduct)).of(Client).told(Minutes, PRIVATE).bad(),
        entry("disappointment", "is disappointed", Some(Quality)).told(Hour, OWNER).bad(),
        entry("sarcasm_mix", "praises and complains in one breath", Some(Quality)).told(Day, OWNER).bad(),
        entry("trust_loss", "no longer trusts us", Some(Conduct)).told(Minutes, MANAGER).bad(),
        entry("staff_overpromise", "one of us promises more than was agreed", Some(Commitment)).from(Outbound).told(Hour, OWNER),
        entry("payment_dispute_vendor", "asks us for overdue money", Some(Terms)).of(Vendor).told(Hour, MONEY).bad(),
        entry("recovery_plan", "we answered with a dated plan", None).from(Outbound).told(Day, OWNER),
        entry("candour", "gives an early, constructive warning", None).told(Hour, OWNER),
        entry("listening", "we restate the concern before answering", None).from(Outbound),
        entry("closing_courtesy", "only thanks or acknowledges", None).from(Either),
        entry("quiet_account_wakes", "writes again after a long silence", None).told(Hour, OWNER),
        // Computed over time.
        entry("contact_burst", "contacts several of us about one matter", Some(Escalation)).from(Computed).told(Minutes, BOTH).bad(),
        entry("unanswered", "has had no answer", Some(Response)).from(Computed).told(Hour, BOTH).bad(),
        entry("volume_burst", "writes far more than usual", Some(Pressure)).from(Computed).told(Hour, OWNER).bad(),
        entry("commitment_broken", "a promise is past its date", Some(Commitment)).from(Computed).told(Hour, OWNER).bad(),
        entry("commitment_kept_early", "a promise was kept before its date", None).from(Computed).told(Day, OWNER),
        entry("silence_after_conflict", "nobody has spoken since the trouble", Some(Silence)).from(Computed).told(Hour, OWNER).bad(),
        entry("account_quiet", "has gone quiet", Some(Silence)).from(Computed).told(Week, OWNER).bad(),
        entry("cadence_missed", "the agreed contact did not take place", Some(Silence)).from(Computed).told(Day, OWNER).bad(),
        entry("reply_slowing", "answers take longer than they did", Some(Silence)).from(Computed).told(Week, OWNER).bad(),
        entry("tone_shift", "sounds different from how they used to", Some(Quality)).from(Computed).told(Week, BOTH).bad(),
        entry("person_vs_company", "one person is the trouble, not the company", Some(Conduct)).from(Computed).told(Week, MANAGER).bad(),
        entry("capture_gap", "no longer copies us", Some(Silence)).from(Computed).told(Week, OWNER),
        entry("recovered", "the account has recovered", None).from(Computed).told(Week, MANAGER),
        entry("unmatched_mail", "belongs to no account", None).from(Computed).told(Day, &[Listener::Admin]),
        entry("owner_missing", "the account has no owner", None).from(Computed).told(Day, MANAGER),
    ]
};

/// Signals that bring the name used for labelled mail with them.
const BROADER: [(&str, &str); 5] = [
    ("disappointment", "quality_complaint"),
    ("repeat_issue", "quality_complaint"),
    ("recovery_plan", "commitment_made"),
    ("payment_dispute_vendor", "payment_dispute"),
    ("trust_loss", "blame"),
];

/// Signals that never raise the severity of a message.
#[rustfmt::skip]
const HARMLESS: [&str; 10] = [
    "praise", "deescalation", "apology", "listening", "closing_courtesy", "contract_renewal",
    "recovered", "candour", "quiet_account_wakes", "roadblock_cleared",
];

fn find(signal: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.name == signal)
}

/// Whether a rule may name it: known, and not computed over time.
#[must_use]
pub fn may_be_raised(signal: &str) -> bool {
    find(signal).is_some_and(|entry| entry.from != Origin::Computed)
}

/// The names that a rule may raise.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(|entry| entry.from != Origin::Computed).map(|entry| entry.name)
}

/// All names, those computed over time too.
pub fn all_names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|entry| entry.name)
}

/// The 27 names that labelled mail uses, and `score` compares.
pub fn labelled() -> impl Iterator<Item = &'static str> {
    TABLE.iter().take(27).map(|entry| entry.name)
}

/// What a signal says, as the rest of a sentence about its writer; its name where it is unknown.
#[must_use]
pub fn phrase(signal: &str) -> &str {
    find(signal).map_or(signal, |entry| entry.phrase)
}

/// The topic of the incident it opens, if it opens one.
#[must_use]
pub fn topic_of(signal: &str) -> Option<Topic> {
    find(signal)?.topic
}

/// How soon it must be told, for a message of this direction and kind; `Score` elsewhere.
#[must_use]
pub fn speed(signal: &str, direction: Direction, kind: Kind) -> Speed {
    let Some(entry) = find(signal) else {
        return Speed::Score;
    };
    let from = match entry.from {
        Origin::Inbound => direction == Direction::Inbound,
        Origin::Outbound => direction == Direction::Outbound,
        Origin::Either => direction != Direction::Internal,
        Origin::Computed => true,
    };
    let with = match entry.with {
        With::Client => kind == Kind::Client,
        With::Vendor => kind == Kind::Vendor,
        With::Both => true,
    };
    if from && with { entry.speed } else { Speed::Score }
}

/// What a signal warrants by its speed alone, where nothing else speaks.
#[must_use]
pub fn severity_of(signal: &str, direction: Direction, kind: Kind) -> Severity {
    match speed(signal, direction, kind) {
        _ if !may_alert(signal) => Severity::None,
        Speed::Now => Severity::Critical,
        Speed::Minutes => Severity::Warning,
        Speed::Hour | Speed::Day => Severity::Info,
        Speed::Week | Speed::Score => Severity::None,
    }
}

/// Who is told of it.
#[must_use]
pub fn listeners(signal: &str) -> &'static [Listener] {
    find(signal).map_or(&[], |entry| entry.who)
}

/// Whether it counts against the relationship.
#[must_use]
pub fn is_negative(signal: &str) -> bool {
    find(signal).is_some_and(|entry| entry.negative)
}

/// Whether it may raise the severity of a message at all.
#[must_use]
pub fn may_alert(signal: &str) -> bool {
    !HARMLESS.contains(&signal)
}

/// The broader name that fires with it.
#[must_use]
pub fn broader(signal: &str) -> Option<&'static str> {
    BROADER.iter().find(|(finer, _)| *finer == signal).map(|(_, broad)| *broad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_counts_in_its_own_direction_and_kind_only() {
        use Direction::{Inbound, Outbound};
        #[rustfmt::skip]
        let cases = [
            ("cancellation_risk", Inbound,  Kind::Client, Speed::Now),
            ("cancellation_risk", Inbound,  Kind::Vendor, Speed::Score),
            ("over_your_head",    Inbound,  Kind::Vendor, Speed::Now),
            ("abuse",             Outbound, Kind::Client, Speed::Score),
            ("staff_hostile",     Outbound, Kind::Vendor, Speed::Hour),
            ("roadblock_raised",  Outbound, Kind::Client, Speed::Hour),
            ("no_such_signal",    Inbound,  Kind::Client, Speed::Score),
        ];
        for (signal, direction, kind, expected) in cases {
            assert_eq!(speed(signal, direction, kind), expected, "{signal} {direction:?} {kind:?}");
        }
    }

    #[test]
    fn names_stand_once() {
        let mut all: Vec<&str> = TABLE.iter().map(|entry| entry.name).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), TABLE.len());
        assert!(HARMLESS.iter().all(|name| find(name).is_some()));
    }

    #[test]
    fn each_signal_with_a_topic_is_a_phrase_for_people() {
        for entry in &TABLE {
            assert!(!entry.phrase.is_empty() && !entry.phrase.contains('_'), "{}", entry.name);
        }
    }
}
