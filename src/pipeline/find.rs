//! What the fold found out over time, on its way into the ledger and the events.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::record::{json, word};
use super::tell::Folded;
use super::{Event, Pipeline, Result};
use crate::config::Account;
use crate::store::AnyConnection;
use crate::store::commitments::{self, CommitmentRow};
use crate::store::findings::{self, FindingRow};
use crate::watch::{Commitment, Finding};

impl Pipeline {
    /// Records what has become true and how promises stand. Returns what is new, as events.
    pub(super) async fn find(
        &self,
        db: &mut AnyConnection,
        account: &Account,
        folded: &Folded,
        now: Timestamp,
    ) -> Result<Vec<Event>> {
        let (view, before) = (&folded.view, folded.before.as_ref());
        let known: BTreeSet<&str> = before.into_iter().flat_map(|s| &s.findings).map(|f| f.id.as_str()).collect();
        // Old mail that reached us late has its promises too; a fold from the start finds them.
        let settled = folded.state.settled.iter().filter(|_| before.is_none());
        let fresh: Vec<&Finding> = settled.chain(&view.findings).filter(|f| !known.contains(f.id.as_str())).collect();
        let rows = fresh.iter().map(|finding| row(account, finding, now)).collect::<Result<Vec<_>>>()?;
        let added: BTreeSet<String> = findings::add(db, &rows).await?.into_iter().collect();
        self.keep_promises(db, account, folded).await?;
        let mut events = Vec::new();
        for finding in fresh.into_iter().filter(|f| added.contains(&f.id)) {
            let (path, message_id) = self.origin(db, finding.key.as_deref()).await?;
            let person = Some(finding.person.clone()).filter(|person| !person.is_empty());
            events.push(Event {
                path,
                message_id,
                account: Some(account.id.clone()),
                topic: finding.alarm.map(|alarm| alarm.topic),
                severity: finding.alarm.map(|alarm| alarm.severity),
                signals: finding.signals.clone(),
                person,
                commitment: finding.pledge.clone(),
                ..Event::new(now, finding.what.event())
            });
        }
        Ok(events)
    }

    /// Writes the promises that stand otherwise than the last fold left them.
    async fn keep_promises(&self, db: &mut AnyConnection, account: &Account, folded: &Folded) -> Result<()> {
        let mut old: &[Commitment] = &[];
        if let Some(before) = &folded.before {
            old = before.commitments.all.as_slice();
        } else {
            commitments::clear(db, &account.id).await?;
        }
        let calendar = self.settings.calendar_of(account);
        let changed = folded.view.commitments.all.iter().filter(|c| !old.contains(c));
        let row = |c: &Commitment| {
            Ok(CommitmentRow {
                account: account.id.clone(),
                id: c.id.clone(),
                standing: word(&c.standing),
                due_us: c.due_at(calendar).map(Timestamp::as_microsecond),
                open_us: c.is_open().then(|| c.made_at.as_microsecond()),
                doc: json(c, "commitment")?,
            })
        };
        let rows = changed.map(row).collect::<Result<Vec<_>>>()?;
        Ok(commitments::put_all(db, &rows).await?)
    }
}

fn row(account: &Account, finding: &Finding, now: Timestamp) -> Result<FindingRow> {
    Ok(FindingRow {
        account: account.id.clone(),
        id: finding.id.clone(),
        event: finding.what.event().to_owned(),
        at_us: finding.at.as_microsecond(),
        known_us: now.as_microsecond(),
        doc: json(finding, "finding")?,
    })
}
