//! Where incidents stand because of what members answered, and who reads for whom.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::record::word;
use super::so_far::standing;
use super::{Event, Pipeline, Result};
use crate::command::Verb;
use crate::config::Account;
use crate::notify::{Named, Stance};
use crate::store::told::{self, Told};
use crate::store::{AnyConnection, answers, incidents};
use crate::watch::Phase;

impl Pipeline {
    /// Brings what the store shows of incidents in line with the answers to them, and records which snoozes have ended.
    pub(super) async fn settle_stances(
        &self,
        db: &mut AnyConnection,
        account: &Account,
        named: &[Named],
        now: Timestamp,
    ) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        let answered = |named: &&Named| {
            let answers = &named.told.answers;
            !answers.given.is_empty() || answers.taken_back_at.is_some()
        };
        for named in named.iter().filter(answered) {
            let Named { name, incident, told } = named;
            let stance = told.answers.stance(incident, now);
            let closed = match (incident.phase, told.answers.last()) {
                (Phase::Closed, _) => Some(incident.changed_at),
                (_, Some(last)) if stance == Stance::Closed => Some(last.at),
                _ => None,
            };
            incidents::set_state(db, name, &word(&stance), closed.map(Timestamp::as_microsecond)).await?;
            let woken = told.answers.wakes_at(incident).filter(|until| *until <= now);
            if woken.is_some_and(|until| told.woken_at.is_none_or(|at| at < until)) {
                let event = Event {
                    account: Some(account.id.clone()),
                    incident: Some(name.clone()),
                    topic: Some(incident.topic),
                    severity: Some(incident.severity),
                    ..Event::new(now, "incident_woken")
                };
                told::append(db, &[recorded(&event, account)]).await?;
                events.push(event);
            }
        }
        Ok(events)
    }

    /// Who is away, and who reads their alerts meanwhile.
    pub(super) async fn stand_ins(&self, db: &mut AnyConnection, now: Timestamp) -> Result<BTreeMap<String, String>> {
        if !self.takes_replies() {
            return Ok(BTreeMap::new());
        }
        let mut away: BTreeMap<String, Timestamp> = BTreeMap::new();
        for (row, logged) in standing(answers::far_reaching(db).await?)? {
            match logged.asks {
                Verb::Away { until } => drop(away.insert(row.person, until)),
                Verb::Back => drop(away.remove(&row.person)),
                _ => {}
            }
        }
        away.retain(|_, until| *until > now);
        let deputy = |person: &String| {
            let mut one = person.clone();
            // A circle of deputies who are all away ends where it began.
            for _ in 0..away.len() {
                one = self.settings.member(&one)?.deputy.clone()?;
                if !away.contains_key(&one) {
                    return Some(one);
                }
            }
            None
        };
        Ok(away.keys().filter_map(|person| Some((person.clone(), deputy(person)?))).collect())
    }
}

/// An event as a line of the log that went to nobody.
fn recorded(event: &Event, account: &Account) -> Told {
    Told {
        at_us: event.at.as_microsecond(),
        event: event.event.to_owned(),
        account: account.id.clone(),
        incident: event.incident.clone(),
        message: None,
        recipient: String::new(),
        severity: event.severity.as_ref().map_or_else(String::new, word),
        notification: None,
        doc: String::new(),
    }
}
