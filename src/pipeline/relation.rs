//! What the fold of an account says beyond its incidents, for an alert: what is owed to
//! whom, and how the people who wrote usually write.

use jiff::Timestamp;

use super::record::parse;
use super::{Pipeline, Result};
use crate::config::Account;
use crate::judge::Side;
use crate::notify::{IncidentView, OwedView};
use crate::store::{AnyConnection, accounts};
use crate::watch::State;

/// Most answers that are owed in an alert.
const IN_ALERT: usize = 4;

impl Pipeline {
    /// What is true of an account at `now`; nothing where messages wait to be folded in.
    pub(super) async fn fold_of(&self, db: &mut AnyConnection, account: &Account, now: Timestamp) -> Result<State> {
        match accounts::fold(db, &account.id).await?.filter(|row| !row.state.is_empty()) {
            Some(row) => Ok(self.stand_at(account, parse(&row.state, "fold")?, now)),
            None => Ok(State::default()),
        }
    }

    /// Answers that have been owed for too long by either side, the oldest first.
    pub(super) fn owed(&self, account: &Account, state: &State) -> Vec<OwedView> {
        let owner = account.owner.as_deref().map_or_else(String::new, |owner| self.name_of(owner));
        let waits = state.clocks.pressing().take(IN_ALERT);
        let owed = waits.map(|wait| match wait.owed_by {
            Side::Us => OwedView {
                by: Side::Us,
                person: owner.clone(),
                what: format!("an answer to {} about “{}”", wait.name, wait.subject),
                since: wait.since,
            },
            Side::Them => OwedView {
                by: Side::Them,
                person: wait.name.clone(),
                what: format!("an answer about “{}”", wait.subject),
                since: wait.since,
            },
        });
        owed.collect()
    }
}

/// Says of every author how they usually write.
pub(super) fn add_habits(incidents: &mut [IncidentView], state: &State) {
    for cause in incidents.iter_mut().flat_map(|incident| &mut incident.causes) {
        cause.usually = state.people.usually(&cause.author.address.to_lowercase()).unwrap_or_default();
    }
}

/// Why those who are told are told, as the end of "because".
pub(super) fn reason<T>(account: &Account, recipients: &[(String, T)]) -> String {
    let all = |test: &dyn Fn(&String) -> bool| !recipients.is_empty() && recipients.iter().all(|(r, _)| test(r));
    let name = &account.name;
    if account.provisional {
        return format!("nobody is named for {name} yet");
    }
    if all(&|reader| account.managers.contains(reader)) {
        return format!("you manage {name}");
    }
    if all(&|reader| account.owner.as_ref() == Some(reader)) {
        return format!("you look after {name}");
    }
    if all(&|reader| account.managers.contains(reader) || account.owner.as_ref() == Some(reader)) {
        return format!("you manage {name} or look after it");
    }
    format!("the settings name you for such a matter with {name}")
}
