//! Everything that one incident did: its messages, what was told to whom, what was answered.

use jiff::Timestamp;

use super::record::{parse, word};
use super::so_far::{Logged, standing};
use super::{Result, instant};
use crate::command::Verb;
use crate::store::{AnyConnection, answers, incidents, told};
use crate::watch::{Incident, Phase};

/// One thing that happened to an incident.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// What, in a word: `message`, `alert`, `ladder_step`, `ack` and so on.
    pub what: String,
    /// Addresses of those it concerns.
    pub who: Vec<String>,
    /// What else there is to know.
    pub more: String,
}

/// The history of an incident, the oldest first; `None` where there is none of this name.
///
/// # Errors
///
/// Where the store cannot be read.
pub async fn history(db: &mut AnyConnection, name: &str) -> Result<Option<Vec<Happened>>> {
    let row = incidents::all(db, false).await?.into_iter().find(|row| row.id == name);
    let Some(row) = row else { return Ok(None) };
    let incident: Incident = parse(&row.doc, "incident")?;
    let mut happened: Vec<Happened> = messages_of(&incident);
    for told in told::of_incidents(db, std::slice::from_ref(&row.id)).await? {
        let who = told.recipient.split(' ').filter(|reader| !reader.is_empty()).map(str::to_owned).collect();
        happened.extend(instant(told.at_us).map(|at| Happened { at, what: told.event, who, more: told.severity }));
    }
    let rows = answers::of_account(db, &row.account).await?;
    let stands: Vec<i64> = standing(rows.clone())?.into_iter().map(|(row, _)| row.id).collect();
    for answer in rows {
        let logged: Logged = parse(&answer.doc, "answer")?;
        if !logged.covers.iter().any(|covered| covered.incident == name) {
            continue;
        }
        let mut more = details(&logged);
        if !stands.contains(&answer.id) {
            more.push_str(if more.is_empty() { "taken back" } else { " (taken back)" });
        }
        let who = vec![answer.person];
        happened.extend(instant(answer.at_us).map(|at| Happened { at, what: answer.verb, who, more }));
    }
    happened.sort();
    happened.dedup();
    let more = format!("{}, {}", row.state, row.severity);
    let last = happened.last().map_or(incident.changed_at, |last| last.at.max(incident.changed_at));
    happened.push(Happened { at: last, what: "stands".to_owned(), who: Vec::new(), more });
    Ok(Some(happened))
}

fn messages_of(incident: &Incident) -> Vec<Happened> {
    let message = |cause: &crate::watch::Cause| Happened {
        at: cause.arrived_at,
        what: if cause.fact.is_some() { "found" } else { "message" }.to_owned(),
        who: vec![cause.person.clone()],
        more: format!("{}: {}", word(&cause.severity), cause.signals.join(", ")),
    };
    let mut happened: Vec<Happened> = incident.causes.iter().map(message).collect();
    if incident.phase != Phase::Open {
        let what = word(&incident.phase);
        happened.push(Happened { at: incident.changed_at, what, who: Vec::new(), more: String::new() });
    }
    happened
}

fn details(logged: &Logged) -> String {
    match &logged.asks {
        Verb::Snooze { until } => format!("until {}", until.strftime("%Y-%m-%d %H:%M UTC")),
        Verb::Close { reason } => reason.clone(),
        Verb::Wrong { .. } => format!("corrected: {}", logged.rules.join(", ")),
        Verb::FileUnder { account } => format!("to {account}"),
        _ => String::new(),
    }
}
