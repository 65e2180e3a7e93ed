//! What the logs of an account say of each incident: what was told to whom, and what was answered.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::parse;
use super::{Result, instant};
use crate::command::{Covered, Verb};
use crate::notify::{Answer, Said, Saying, ToldSoFar, climbs, is_private_signal};
use crate::store::AnyConnection;
use crate::store::answers::{self, AnswerRow};
use crate::store::told::{self, Told};
use crate::watch::Cause;

/// An answer as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Logged {
    /// What was asked for; a snooze with the end that it got.
    pub(super) asks: Verb,
    /// What it is about: incidents that were open then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) covers: Vec<Covered>,
    /// Number of the answer that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) takes_back: Option<i64>,
    /// Rules that were wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rules: Vec<String>,
    /// Domain whose mail belongs elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sender: Option<String>,
    /// Numbers of messages that were moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) moved: Vec<i64>,
}

impl Logged {
    /// An answer about these incidents and nothing more.
    pub(super) fn of(asks: Verb, covers: Vec<Covered>) -> Self {
        Self { asks, covers, takes_back: None, rules: Vec::new(), sender: None, moved: Vec::new() }
    }
}

/// What a line is called in the log. There, what is told anew after a snooze is no repetition.
pub(super) fn name_of(saying: Saying) -> &'static str {
    match saying {
        Saying::Alert => "alert",
        Saying::Update => "alert_update",
        Saying::Repeat => "alert_repeat",
        Saying::Anew => "alert_anew",
        Saying::Climb => "ladder_step",
    }
}

/// Answers with what they say, in the order in which they came, without those that were taken back.
pub(super) fn standing(rows: Vec<AnswerRow>) -> Result<Vec<(AnswerRow, Logged)>> {
    let read = |row: AnswerRow| Ok((parse(&row.doc, "answer")?, row));
    let read: Vec<(Logged, AnswerRow)> = rows.into_iter().map(read).collect::<Result<_>>()?;
    let gone: BTreeSet<i64> = read.iter().filter_map(|(logged, _)| logged.takes_back).collect();
    Ok(read.into_iter().filter(|(_, row)| !gone.contains(&row.id)).map(|(logged, row)| (row, logged)).collect())
}

/// What the logs say of some incidents of an account.
pub(super) async fn told_so_far(
    db: &mut AnyConnection,
    account: &str,
    incidents: &[String],
) -> Result<BTreeMap<String, ToldSoFar>> {
    let mut by_incident: BTreeMap<String, ToldSoFar> = BTreeMap::new();
    for (row, logged) in standing(answers::of_account(db, account).await?)? {
        for covered in logged.covers.iter().filter(|covered| incidents.contains(&covered.incident)) {
            answered(by_incident.entry(covered.incident.clone()).or_default(), &row, &logged, covered);
        }
    }
    for row in told::of_incidents(db, incidents).await? {
        if let Some(incident) = row.incident.clone() {
            add(by_incident.entry(incident).or_default(), &row)?;
        }
    }
    for so_far in by_incident.values_mut() {
        // Who takes an answer back makes everybody wait from then on.
        so_far.waiting_since =
            so_far.waiting_since.map(|since| so_far.answers.taken_back_at.unwrap_or(since).max(since));
    }
    Ok(by_incident)
}

fn answered(so_far: &mut ToldSoFar, row: &AnswerRow, logged: &Logged, covered: &Covered) {
    let Some(at) = instant(row.at_us) else { return };
    let said = match &logged.asks {
        Verb::Ack => Said::Ack,
        Verb::Mine => Said::Mine,
        Verb::Snooze { until } => Said::Snooze(*until),
        Verb::Close { .. } => Said::Close,
        Verb::Raise => Said::Raise,
        Verb::Undo => {
            so_far.answers.taken_back_at = Some(at).max(so_far.answers.taken_back_at);
            return;
        }
        _ => return,
    };
    so_far.answers.given.push(Answer {
        id: row.id,
        at,
        person: row.person.clone(),
        said,
        covers: covered.keys.iter().cloned().collect(),
    });
}

/// Takes in one line of the log of what was told.
fn add(so_far: &mut ToldSoFar, row: &Told) -> Result<()> {
    let at = Timestamp::from_microsecond(row.at_us).ok();
    if row.event == "incident_woken" {
        so_far.woken_at = at.max(so_far.woken_at);
        return Ok(());
    }
    let cause: Option<Cause> =
        if row.event.starts_with("alert") && !row.doc.is_empty() { Some(parse(&row.doc, "cause")?) } else { None };
    // A word to one superior alone tells nobody of the rest.
    let is_private = |cause: &Cause| !cause.signals.is_empty() && cause.signals.iter().all(|s| is_private_signal(s));
    if let Some(cause) = cause.as_ref().filter(|cause| is_private(cause)) {
        so_far.last_at = at.max(so_far.last_at);
        so_far.repeats = 0;
        so_far.add(cause);
        return Ok(());
    }
    let readers = || row.recipient.split(' ').filter(|reader| !reader.is_empty()).map(str::to_owned);
    so_far.readers.extend(readers());
    if row.event == "ladder_step" {
        so_far.climbed.extend(readers());
        so_far.climbed_at = at.max(so_far.climbed_at);
        return Ok(());
    }
    so_far.last_at = at.max(so_far.last_at);
    if row.event == "alert_repeat" {
        so_far.repeats += 1;
        return Ok(());
    }
    so_far.repeats = 0;
    if let Some(at) = at
        && cause.as_ref().is_none_or(climbs)
        && so_far.waiting_since.is_none_or(|since| so_far.answers.parted(since, at))
    {
        so_far.waiting_since = Some(at);
        so_far.climbed_at = None;
    }
    if let Some(cause) = &cause {
        so_far.add(cause);
    }
    Ok(())
}
