//! Where incidents stand after any sequence of mail, answers and time: the program against a small model.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed step fails its test")]

#[path = "support/firm.rs"]
mod firm;

use std::collections::BTreeSet;

use barometer::store::Store;
use firm::{DANA, Firm, MARCUS, SETTINGS};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Every hour works and sends, so that the model can count in hours.
const ALWAYS: &str = r#"
[alerts]
send = { mon-sun = ["00:00-24:00"] }

[calendar.default]
week = { mon-sun = ["00:00-24:00"] }
"#;
const TEXT: &str = "This is unacceptable. The quality of the last delivery was terrible and full of mistakes.";
/// Longer than any wait for company.
const SETTLES: i64 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// One of three people complains.
    Complaint(u8),
    Ack,
    Mine,
    /// For an hour.
    Snooze,
    Close,
    Undo,
    /// That many times twenty minutes.
    Wait(u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Known,
    Until(Timestamp),
    Over(Timestamp),
}

/// What an account of one matter looks like to somebody who keeps a list.
#[derive(Debug, Default)]
struct Model {
    /// Person and arrival of each complaint.
    complaints: Vec<(u8, Timestamp)>,
    /// Complaints that were told by alert.
    told: BTreeSet<usize>,
    /// Answers that stand, with the complaints each covers.
    answers: Vec<(Said, BTreeSet<usize>)>,
    /// Since when somebody is waited for.
    waiting_since: Option<Timestamp>,
    /// Whether an answer, or its end, came since then.
    parted: bool,
    director_knows: bool,
}

impl Model {
    fn covered(&self) -> BTreeSet<usize> {
        self.answers.iter().flat_map(|(_, covers)| covers.clone()).collect()
    }

    /// What the last answer is worth still.
    fn holds(&self) -> Option<&Said> {
        let (said, _) = self.answers.last()?;
        let covered = self.covered();
        let people: BTreeSet<u8> = covered.iter().map(|n| self.complaints[*n].0).collect();
        let overtaken = self
            .complaints
            .iter()
            .enumerate()
            .filter(|(n, _)| !covered.contains(n))
            .any(|(_, (who, at))| !people.contains(who) || matches!(said, Said::Over(closed) if at > closed));
        (!overtaken).then_some(said)
    }

    fn state(&self, now: Timestamp) -> &'static str {
        match self.holds() {
            Some(Said::Over(_)) => "closed",
            Some(Said::Known) => "acknowledged",
            Some(Said::Until(until)) if now < *until => "snoozed",
            _ => "open",
        }
    }

    fn complain(&mut self, who: u8, at: Timestamp) {
        let known: BTreeSet<u8> = self.told.iter().map(|n| self.complaints[*n].0).collect();
        let reopens = matches!(self.answers.last(), Some((Said::Over(_), _)));
        self.complaints.push((who, at));
        if !known.contains(&who) || reopens {
            self.told = (0..self.complaints.len()).collect();
        }
    }

    fn answer(&mut self, said: Said, seen: &BTreeSet<usize>, now: Timestamp) {
        if self.state(now) != "closed" {
            self.answers.push((said, seen.clone()));
            self.parted = true;
        }
    }

    fn undo(&mut self, now: Timestamp) {
        if self.answers.pop().is_some() {
            self.parted = true;
            if self.waiting_since.is_some() {
                self.waiting_since = Some(now);
            }
        }
    }

    /// Something was told that waits for an answer.
    fn news(&mut self, at: Timestamp) {
        if self.waiting_since.is_none() || self.parted {
            self.waiting_since = Some(at);
        }
        self.parted = false;
    }
}

async fn follow(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let settings = barometer::config::parse(&format!("{SETTINGS}{ALWAYS}"), "settings").unwrap();
    let mut firm = Firm::on(Store::memory().await.unwrap(), settings, "02T00:00");
    let mut model = Model::default();
    // What Dana's newest alert covers.
    let (mut address, mut seen) = (String::new(), BTreeSet::new());
    for step in std::iter::once(Step::Complaint(0)).chain(steps) {
        let before = model.state(firm.now);
        let begun = firm.now;
        let minutes = match step {
            Step::Complaint(who) => {
                firm.client(&format!("Person {who} <p{who}@acme.example>"), TEXT).await;
                model.complain(who, firm.now);
                SETTLES
            }
            Step::Wait(times) => SETTLES * i64::from(times),
            Step::Ack | Step::Mine | Step::Snooze | Step::Close | Step::Undo => {
                let (text, said) = match step {
                    Step::Ack => ("ack", Said::Known),
                    Step::Mine => ("mine", Said::Known),
                    Step::Snooze => ("snooze 1h", Said::Until(firm.now + SignedDuration::from_hours(1))),
                    _ => ("close", Said::Over(firm.now)),
                };
                if step == Step::Undo {
                    firm.reply(DANA, &address, "undo").await;
                    model.undo(firm.now);
                } else {
                    firm.reply(DANA, &address, text).await;
                    model.answer(said, &seen, firm.now);
                }
                SETTLES
            }
        };
        let after_step = model.state(firm.now);
        firm.wait(minutes).await;
        let mails = firm.news();
        if let Some(alert) = mails.iter().rev().find(|mail| mail.to == DANA && !mail.reply_to().is_empty()) {
            address = alert.reply_to();
            seen = model.told.clone();
        }
        check(&mut firm, &mut model, &mails, (begun, step))?;
        let quiet = |state| matches!(state, "acknowledged" | "closed");
        if quiet(before) && quiet(after_step) && quiet(model.state(firm.now)) && matches!(step, Step::Wait(_)) {
            prop_assert!(mails.is_empty(), "quiet: {:?}", mails.iter().map(|m| &m.subject).collect::<Vec<_>>());
        }
    }
    Ok(())
}

/// Compares what happened in a step with what the model says must have.
fn check(
    firm: &mut Firm,
    model: &mut Model,
    mails: &[firm::Sent],
    (begun, step): (Timestamp, Step),
) -> Result<(), TestCaseError> {
    let mut climbs = Vec::new();
    for event in std::mem::take(&mut firm.events) {
        match event.event {
            "alert" | "alert_update" | "alert_repeat" => model.news(event.at),
            "ladder_step" => climbs.push(event.at),
            _ => {}
        }
    }
    let state = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(firm.states()));
    prop_assert_eq!(state.len(), 1, "one matter");
    prop_assert_eq!(&state[0].1, model.state(firm.now), "after {:?} at {}: {:?}", step, firm.now, model);
    let due = model.waiting_since.map(|since| since + SignedDuration::from_hours(4));
    let is_due = due.is_some_and(|due| due <= firm.now) && model.state(firm.now) == "open" && !model.director_knows;
    if is_due {
        prop_assert!(climbs.len() == 1, "the director hears of it at {due:?}: {climbs:?} {model:?}");
        // At the hour, or when waiting was resumed after it.
        prop_assert!(climbs[0] == due.unwrap() || climbs[0] >= begun, "{climbs:?} {due:?}");
        prop_assert!(mails.iter().any(|mail| mail.to == MARCUS));
        model.director_knows = true;
    } else {
        prop_assert!(climbs.is_empty(), "nobody climbs before {due:?}, nor twice: {climbs:?} {model:?}");
    }
    Ok(())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..3).prop_map(Step::Complaint),
        2 => Just(Step::Ack),
        1 => Just(Step::Mine),
        2 => Just(Step::Snooze),
        2 => Just(Step::Close),
        2 => Just(Step::Undo),
        4 => (1_u8..10).prop_map(Step::Wait),
    ]
}

#[test]
fn an_incident_stands_where_a_careful_clerk_would_say() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&proptest::collection::vec(step(), 1..14), |steps| runtime.block_on(follow(steps)));
    outcome.unwrap();
}
