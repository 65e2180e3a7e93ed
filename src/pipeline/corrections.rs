//! What people have corrected for good: it beats what rules find, now and when mail is folded anew.

use std::collections::BTreeMap;

use super::obey::Order;
use super::so_far::{Logged, standing};
use super::{Event, Pipeline, Result};
use crate::command::{Covered, Verb};
use crate::config::Kind;
use crate::judge::{Severity, signal};
use crate::read::Direction;
use crate::store::{AnyConnection, accounts, answers};
use crate::watch::Entry;

impl Pipeline {
    /// Takes out of an account's messages what somebody said was wrong.
    pub(super) async fn correct(&self, db: &mut AnyConnection, account: &str, entries: &mut [Entry]) -> Result<()> {
        let mut wrong: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
        for (_, logged) in standing(answers::of_account(db, account).await?)? {
            let Verb::Wrong { signal } = logged.asks else { continue };
            for key in logged.covers.iter().flat_map(corrected) {
                wrong.entry(key.clone()).or_default().push(signal.clone());
            }
        }
        for entry in entries {
            for signal in wrong.get(&entry.key).into_iter().flatten() {
                strike(entry, signal.as_deref());
            }
        }
        Ok(())
    }

    /// `wrong`: what was found in the messages that the alert cites is taken out for good.
    pub(super) async fn correct_for_good(
        &self,
        db: &mut AnyConnection,
        order: &Order<'_>,
        asks: Verb,
    ) -> Result<Vec<Event>> {
        let account = order.issued().account.clone();
        self.log_answer(db, order, &Logged::of(asks, order.covers())).await?;
        accounts::outdate_fold(db, &account, order.now).await?;
        self.relearn(db).await?;
        self.tell(db, &account, Vec::new(), order.now).await
    }

    /// Takes up what was corrected since.
    pub(super) async fn relearn(&self, _db: &mut AnyConnection) -> Result<()> {
        Ok(())
    }

    pub(super) async fn file_under(
        &self,
        _db: &mut AnyConnection,
        _order: &Order<'_>,
        _account: &str,
    ) -> Result<Vec<Event>> {
        Ok(Vec::new())
    }

    pub(super) async fn file_back(
        &self,
        _db: &mut AnyConnection,
        _order: &Order<'_>,
        _logged: &Logged,
    ) -> Result<Vec<Event>> {
        Ok(Vec::new())
    }
}

/// The messages that a correction is about: those that the alert cites; where it says the same again, all of them.
fn corrected(covered: &Covered) -> &[String] {
    if covered.cites.is_empty() { &covered.keys } else { &covered.cites }
}

/// Without that signal, or without any.
fn strike(entry: &mut Entry, wrong: Option<&str>) {
    entry.signals.retain(|signal| wrong.is_some_and(|wrong| signal != wrong));
    let direction = entry.direction.unwrap_or(Direction::Inbound);
    let rest = entry.signals.iter().map(|name| worth(name, direction, entry.kind)).max();
    entry.severity = entry.severity.min(rest.unwrap_or(Severity::None));
}

fn worth(name: &str, direction: Direction, kind: Kind) -> Severity {
    signal::severity_of(name, direction, kind)
}
