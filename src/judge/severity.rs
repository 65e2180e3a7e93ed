//! From tone, urgency and signals to what we do about a message, each step with its reason.

use super::Letter;
use super::rules::{Rules, Status};
use super::signal::{self, Speed};
use super::verdict::{Severity, Signal, ToneLabel, UrgencyLabel, Verdict};
use crate::config::Sensitivity;
use crate::read::Direction;

/// Below this, a reading or a verdict never alerts by itself.
const DOUBTFUL: f64 = 0.5;

/// Circumstances that words alone do not tell.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Circumstances {
    /// Something is wanted before we next open, outside our hours.
    pub(super) before_opening: bool,
}

/// Decides the severity of a verdict that has everything else, and records why.
pub(super) fn decide(rules: &Rules, letter: &Letter<'_>, circumstances: Circumstances, verdict: &mut Verdict) {
    let mut case = Case { letter, verdict, severity: Severity::None, reasons: Vec::new() };
    match letter.direction {
        Direction::Internal => {}
        Direction::Inbound => case.inbound(circumstances),
        Direction::Outbound => case.outbound(),
    }
    if letter.direction != Direction::Internal {
        case.floors(rules);
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

    /// Floors that rules set.
    fn floors(&mut self, rules: &Rules) {
        for hit in self.verdict.hits.iter().filter(|hit| hit.suppressed.is_none()) {
            let Some(rule) = rules.rule(&hit.rule) else {
                continue;
            };
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
