//! From tone, urgency and signals to what we do about a message, each step with its reason.

use super::Letter;
use super::learned;
use super::rules::{Rules, Status};
use super::signal::{self, Speed};
use super::verdict::{Severity, Signal, ToneLabel, UrgencyLabel, Verdict};
use crate::config::Sensitivity;
use crate::read::Direction;

/// Below this, a reading or a verdict never alerts by itself.
const DOUBTFUL: f64 = 0.5;
/// The share that the words, taken together, need where a rule has seen what is told at once.
const SEEN_SHARE: f64 = 0.42;
/// Signals that rules hardly ever see where they are not, and the share that these need.
const PLAIN: [&str; 4] = ["staff_hostile", "legal_threat", "abuse", "over_your_head"];
const PLAIN_SHARE: f64 = 0.34;
/// The share that open anger needs, where the rules of severity ask for an alert.
const ANGRY_SHARE: f64 = 0.34;

/// Circumstances that words alone do not tell.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Circumstances {
    /// Something is wanted before we next open, outside our hours.
    pub(super) before_opening: bool,
    /// How much the words, taken together, speak for telling a manager now, and from what share one is told.
    pub(super) share: Option<(f64, f64)>,
}

/// Decides the severity of a verdict that has everything else, and records why.
pub(super) fn decide(rules: &Rules, letter: &Letter<'_>, circumstances: Circumstances, verdict: &mut Verdict) {
    let mut case = Case { letter, verdict, severity: Severity::None, reasons: Vec::new() };
    match letter.direction {
        Direction::Internal => {}
        Direction::Inbound => case.inbound(circumstances),
        Direction::Outbound => case.outbound(),
    }
    if let Some(share) = circumstances.share.filter(|_| letter.direction != Direction::Internal) {
        case.as_a_whole(rules, share);
    }
    if letter.direction != Direction::Internal {
        case.floors(rules, circumstances.share);
    }
    case.doubt();
    let Case { severity, reasons, .. } = case;
    verdict.severity = severity;
    verdict.reasons.extend(reasons);
}

struct Case<'a> {
    letter: &'a Letter<'a>,
    verdict: &'a Verdict,
    severity: Severity,
    reasons: Vec<String>,
}

impl Case<'_> {
    fn raise(&mut self, to: Severity, reason: impl Into<String>) {
        self.severity = self.severity.max(to);
        self.reasons.push(reason.into());
    }

    fn tone(&self) -> ToneLabel {
        self.verdict.tone.map_or(ToneLabel::Neutral, |tone| tone.label)
    }

    fn urgency(&self) -> UrgencyLabel {
        self.verdict.urgency.map_or(UrgencyLabel::Normal, |urgency| urgency.label)
    }

    fn speed(&self, name: &str) -> Speed {
        signal::speed(name, self.letter.direction, self.letter.kind)
    }

    fn inbound(&mut self, circumstances: Circumstances) {
        let verdict = self.verdict;
        for found in verdict.signals.iter().filter(|s| signal::may_alert(&s.signal)) {
            let says = signal::phrase(&found.signal);
            match self.speed(&found.signal) {
                Speed::Now => self.raise(Severity::Critical, format!("it {says}: told at once")),
                Speed::Minutes => self.raise(Severity::Warning, format!("it {says}")),
                Speed::Hour | Speed::Day => self.raise(Severity::Info, format!("it {says}")),
                Speed::Week | Speed::Score => {}
            }
        }
        // A courteous request at an odd hour is for the one who reads it; heat, or a second sign, makes it more.
        let second = |s: &&Signal| s.rule != "engine:deadline" && signal::is_negative(&s.signal);
        let heated = self.tone() < ToneLabel::Neutral || verdict.signals.iter().any(|s| second(&s));
        if verdict.has("after_hours_demand") && circumstances.before_opening && heated {
            self.raise(Severity::Warning, "it wants work before we next open");
        }
        self.heated();
        if self.urgency() == UrgencyLabel::Critical {
            self.raise(Severity::Warning, "it must be handled within the hour");
        }
    }

    /// Signals of an hour become a warning when the tone is bad enough.
    fn heated(&mut self) {
        let hourly: Vec<&str> = self
            .verdict
            .signals
            .iter()
            .map(|s| s.signal.as_str())
            .filter(|name| signal::may_alert(name) && self.speed(name) == Speed::Hour)
            .collect();
        let negative = hourly.iter().filter(|name| signal::is_negative(name)).count();
        if hourly.is_empty() {
            return;
        }
        let pressing = self.urgency() >= UrgencyLabel::High;
        match (self.tone(), self.letter.sensitivity) {
            (ToneLabel::Hostile, _) => self.raise(Severity::Warning, "its tone is hostile"),
            (ToneLabel::Frustrated, Sensitivity::Calm) if pressing && negative >= 2 => {
                self.raise(Severity::Warning, "it is frustrated, pressing, and has several causes");
            }
            (ToneLabel::Frustrated, Sensitivity::Calm) => {}
            (ToneLabel::Frustrated, _) if pressing => {
                self.raise(Severity::Warning, "it is frustrated and pressing");
            }
            (ToneLabel::Frustrated, _) if negative >= 2 => {
                self.raise(Severity::Warning, "it is frustrated for more than one cause");
            }
            (ToneLabel::Frustrated, Sensitivity::Watch) if negative >= 1 => {
                self.raise(Severity::Warning, "it is frustrated, and the account is watched");
            }
            _ => {}
        }
    }

    /// Our own mail: only sharpness, or frustration that presses, is told.
    fn outbound(&mut self) {
        if self.verdict.has("staff_hostile") {
            self.raise(Severity::Warning, "our own reply is sharp");
        }
        let inbound_speed = |name: &str| signal::speed(name, Direction::Inbound, self.letter.kind);
        let hourly = self.verdict.signals.iter().any(|s| {
            let name = s.signal.as_str();
            signal::may_alert(name) && (inbound_speed(name) == Speed::Hour || self.speed(name) == Speed::Hour)
        });
        if hourly && self.tone() <= ToneLabel::Frustrated && self.urgency() >= UrgencyLabel::High {
            self.raise(Severity::Warning, "one of us is frustrated and pressing");
        } else if hourly {
            self.raise(Severity::Info, "our own mail shows trouble");
        }
    }

    /// What single signs leave open, or claim too much of, the words decide that are taken together.
    fn as_a_whole(&mut self, rules: &Rules, (share, from): (f64, f64)) {
        if share >= from {
            self.raise(Severity::Warning, "its words, taken together, are of the kind that a manager wants to hear of");
            return;
        }
        // What a rule has seen and must be told at once needs less of them, and least what rules hardly ever mistake.
        let seen = |s: &Signal| match self.speed(&s.signal) {
            _ if rules.is_own(&s.rule) => true,
            _ if s.rule == learned::LEARNED => false,
            _ if PLAIN.contains(&s.signal.as_str()) => share >= PLAIN_SHARE,
            Speed::Now => share >= SEEN_SHARE,
            _ => false,
        };
        // Their open anger needs no more than that nothing speaks against it; one of us may well be cross with a late self.
        let theirs = self.letter.direction == Direction::Inbound;
        let angry = theirs && self.tone() <= ToneLabel::Frustrated && share >= ANGRY_SHARE;
        let sure = angry || self.verdict.signals.iter().any(seen);
        if self.severity >= Severity::Warning && !sure {
            self.severity = Severity::Info;
            self.reasons.push("its words, taken together, do not bear that out: told in the digest only".to_owned());
        }
    }

    /// Floors that rules set: always, where the rule is the firm's own.
    fn floors(&mut self, rules: &Rules, share: Option<(f64, f64)>) {
        let doubtful = share.is_some_and(|(share, _)| share < PLAIN_SHARE);
        for hit in self.verdict.hits.iter().filter(|hit| hit.suppressed.is_none()) {
            let Some(rule) = rules.rule(&hit.rule) else {
                continue;
            };
            if doubtful && !rules.is_own(&rule.id) {
                continue;
            }
            let Some(floor) = rule.severity.filter(|_| rule.status == Status::Live) else {
                continue;
            };
            if floor > self.severity {
                self.raise(floor, format!("the rule `{}` asks for it", rule.id));
            }
        }
    }

    fn doubt(&mut self) {
        if self.severity <= Severity::Info {
            return;
        }
        let doubt = if self.letter.reading_confidence < DOUBTFUL {
            "it is not certain who wrote what: told in the digest only"
        } else if self.verdict.confidence < DOUBTFUL {
            "the evidence is weak: told in the digest only"
        } else {
            return;
        };
        self.severity = Severity::Info;
        self.reasons.push(doubt.to_owned());
    }
}
