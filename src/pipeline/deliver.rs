//! What is due leaves: claimed, marked as being sent, handed to a relay, settled by what came of it.
//!
//! The mark is committed before the attempt, so a crash leaves either nothing with the
//! relay or an outcome that is known to be unknown; see [`crate::store::outbox`]. Nothing here
//! holds a transaction while a relay is spoken to.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{Pipeline, PipelineError, Result, after};
use crate::command;
use crate::edge::folder::Folder;
use crate::intake;
use crate::notify::notice::NoticeView;
use crate::notify::retry::{self, Outcome};
use crate::store::outbox::{self, NewNotification, Notification, SetAside};
use crate::store::{AnyConnection, tokens};

/// How long a claim holds, should we crash in the middle of it. Longer than any attempt.
const LEASE: SignedDuration = SignedDuration::from_mins(15);
/// The span over which e-mails to one reader are counted.
const CAP_SPAN: SignedDuration = SignedDuration::from_hours(1);
/// Critical alerts have a cap of their own, against floods alone.
const GRAVE_CAP: u32 = 60;
/// The most alerts that a summary lists.
const SUMMARY_LINES: usize = 40;

/// One e-mail handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its Message-ID.
    pub message_id: String,
    /// Who had it.
    pub recipient: String,
    /// Its file name in the folder.
    pub file: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The file names that e-mails got, by Message-ID: `0001.eml` and on.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, String>);

impl Names {
    fn of(&mut self, message_id: &str) -> String {
        let next = self.0.len() + 1;
        self.0.entry(message_id.to_owned()).or_insert_with(|| format!("{next:04}.eml")).clone()
    }
}

impl Pipeline {
    /// Delivers everything that is due into `folder`. The same e-mail to several readers is one file.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be written; what was not delivered stays due.
    pub async fn deliver(&self, folder: &Folder, names: &mut Names, now: Timestamp) -> Result<Vec<Delivered>> {
        let mut delivered = Vec::new();
        while let Some(due) = self.claim_delivery(now).await? {
            let file = names.of(&due.message_id);
            folder.deliver(&file, &due.bytes).map_err(|source| PipelineError::Folder { path: file.clone(), source })?;
            self.settle_delivery(&due, &Outcome::Sent { reply: file.clone() }, now, 0.5).await?;
            delivered.push(Delivered { message_id: due.message_id, recipient: due.recipient, file, bytes: due.bytes });
        }
        Ok(delivered)
    }

    /// Takes what has been due longest, and commits that it is being sent. What is over a
    /// reader's cap is merged on the way.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written; what was due stays due.
    pub async fn claim_delivery(&self, now: Timestamp) -> Result<Option<Notification>> {
        let lease_end = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        loop {
            let mut tx = self.store.begin().await?;
            for one in outbox::set_aside(tx.db(), now).await? {
                self.report_set_aside(tx.db(), &one, now).await?;
            }
            let due = outbox::claim_due(tx.db(), now, lease_end).await?;
            let Some(due) = due else {
                tx.commit().await?;
                return Ok(None);
            };
            let ready =
                !self.is_over_cap(tx.db(), &due, now).await? && outbox::mark_sending(tx.db(), &due, now).await?;
            tx.commit().await?;
            if ready {
                return Ok(Some(due));
            }
        }
    }

    /// Records what came of an attempt, and does what follows from it. `jitter`, from 0 to 1,
    /// spreads the next one.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written; the outcome is unknown then.
    pub async fn settle_delivery(
        &self,
        tried: &Notification,
        outcome: &Outcome,
        now: Timestamp,
        jitter: f64,
    ) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let db = tx.db();
        let us = |at: Timestamp| at.as_microsecond();
        match outcome {
            Outcome::Sent { reply } => outbox::sent(db, tried.id, now, reply).await?,
            Outcome::Deferred { reason } => {
                let failures = u32::try_from(tried.attempts).unwrap_or(u32::MAX);
                outbox::deferred(db, tried.id, us(retry::next_attempt(failures, now, jitter)), reason).await?;
            }
            // Not at once: one that the relay finds fault with must not keep all others waiting.
            Outcome::RelayFault { reason } => {
                outbox::returned(db, tried.id, us(retry::next_attempt(1, now, jitter)), reason).await?;
            }
            Outcome::Doubtful { reason } | Outcome::Refused { reason } => {
                let doubts = u32::try_from(tried.doubts).unwrap_or(u32::MAX).saturating_add(1);
                let again =
                    matches!(outcome, Outcome::Doubtful { .. }).then(|| retry::after_doubt(doubts, now)).flatten();
                if let Some(next) = again {
                    outbox::doubted(db, tried.id, us(next), reason).await?;
                } else {
                    outbox::given_up(db, tried.id, now, reason).await?;
                    self.to_deputy(db, tried, now).await?;
                }
            }
            Outcome::ContentRefused { reason } => {
                outbox::given_up(db, tried.id, now, reason).await?;
                self.say_less(db, tried, now).await?;
            }
            Outcome::Unknown { reason } => {
                outbox::unknown(db, tried.id, now, us(after(now, retry::UNKNOWN_WAIT)), reason).await?;
                if tried.repeats > 0 {
                    let held = SetAside { id: tried.id, kind: tried.kind.clone(), state: "held".to_owned() };
                    self.report_set_aside(db, &held, now).await?;
                }
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Whether the reader has had enough for an hour. Then everything that waits for them becomes
    /// one e-mail, or waits for the next one: a cap may delay what was found, and never hides it.
    async fn is_over_cap(&self, db: &mut AnyConnection, due: &Notification, now: Timestamp) -> Result<bool> {
        let alerts = &self.settings.alerts;
        let cap = if due.grave == 0 { alerts.cap_per_hour } else { alerts.cap_per_hour.max(GRAVE_CAP) };
        if due.kind != "alert" || alerts.cap_per_hour == 0 {
            return Ok(false);
        }
        let since = now.checked_sub(CAP_SPAN).unwrap_or(Timestamp::MIN);
        if outbox::sent_since(db, &due.recipient, since.as_microsecond()).await? < i64::from(cap) {
            return Ok(false);
        }
        outbox::returned(db, due.id, now.as_microsecond(), "more e-mails than the cap allows").await?;
        let last = outbox::newest_due(db, &due.recipient, "summary").await?;
        let next = last.and_then(|us| Timestamp::from_microsecond(us).ok()).map(|at| after(at, alerts.group_interval));
        match next.filter(|next| *next > now) {
            Some(next) => outbox::hold_back(db, &due.recipient, next.as_microsecond(), due.grave).await?,
            None => self.merge(db, due, now).await?,
        }
        Ok(true)
    }

    /// One e-mail in the place of all alerts that wait for a reader.
    async fn merge(&self, db: &mut AnyConnection, due: &Notification, now: Timestamp) -> Result<()> {
        let waiting = outbox::untouched_alerts(db, &due.recipient, now, due.grave).await?;
        let mut lines: Vec<String> =
            waiting.iter().take(SUMMARY_LINES).map(|(_, bytes)| intake::headline(bytes).subject).collect();
        if let Some(rest) = waiting.len().checked_sub(SUMMARY_LINES).filter(|rest| *rest > 0) {
            lines.push(format!("and {rest} more"));
        }
        let view = NoticeView {
            headline: format!("{} more alerts within the hour", waiting.len()),
            what: "So much has happened within an hour that these alerts share one e-mail. Nothing was left out."
                .to_owned(),
            lines,
            next_step: "See the whole with `barometer incidents`, or in the next digest.".to_owned(),
        };
        // Each summary is an e-mail of its own: a second one of the same name would be taken for the first.
        let about = format!("summary {} {}", due.recipient, now.as_microsecond());
        let row = self.notice(&view, &about, &due.recipient, now)?;
        let told_in = format!("told in {}", row.message_id);
        outbox::enqueue(db, &[NewNotification { kind: "summary".to_owned(), grave: true, ..row }]).await?;
        for (id, _) in waiting {
            outbox::sent(db, id, now, &told_in).await?;
        }
        Ok(())
    }

    /// What one reader can never have goes to whoever stands in: the deputy, else the superior,
    /// else those who look after Barometer. What went to such a one already goes no further.
    async fn to_deputy(&self, db: &mut AnyConnection, failed: &Notification, now: Timestamp) -> Result<()> {
        let member = self.settings.member(&failed.recipient);
        let one = member.and_then(|m| m.deputy.clone().or_else(|| m.reports_to.clone()));
        let others = if failed.dedup_key.contains(INSTEAD) {
            Vec::new()
        } else {
            one.map_or_else(|| self.settings.caretakers(), |deputy| vec![deputy])
        };
        let rows: Vec<NewNotification> = others
            .into_iter()
            .filter(|other| *other != failed.recipient)
            .map(|other| NewNotification {
                dedup_key: format!("{}{INSTEAD}{other}", failed.dedup_key),
                kind: failed.kind.clone(),
                recipient: other,
                bytes: failed.bytes.clone(),
                message_id: failed.message_id.clone(),
                due_us: now.as_microsecond(),
                expires_us: failed.expires_us,
                grave: failed.grave != 0,
                account: failed.account.clone(),
                incident: failed.incident.clone(),
            })
            .collect();
        if let [deputy] = rows.as_slice()
            && let Some(hash) = command::answered_at(&failed.bytes, &self.settings.service.address)
        {
            // The alert is theirs now, and so is the right to answer it.
            tokens::hand_over(db, &hash, &deputy.recipient).await?;
        }
        outbox::enqueue(db, &rows).await?;
        Ok(())
    }

    /// A relay that refuses the content takes the bare fact: no word of anybody's mail in it.
    async fn say_less(&self, db: &mut AnyConnection, refused: &Notification, now: Timestamp) -> Result<()> {
        if refused.kind == "notice" {
            return Ok(());
        }
        let about = refused.account.as_deref().map(|id| self.account(id).name);
        let view = NoticeView {
            headline: about.map_or_else(
                || "an e-mail that the relay refused".to_owned(),
                |name| format!("an alert about {name} that the relay refused"),
            ),
            what: "The mail relay did not take the full text, most likely because of words that it quotes.".to_owned(),
            lines: refused.incident.iter().map(|name| format!("Incident {name}")).collect(),
            next_step: "Run `barometer incidents`, or wait for the digest.".to_owned(),
        };
        let row = self.notice(&view, &format!("less of {}", refused.message_id), &refused.recipient, now)?;
        outbox::enqueue(db, &[NewNotification { grave: refused.grave != 0, ..row }]).await?;
        Ok(())
    }
}

/// Parts a dedup key from the one who has the e-mail instead.
const INSTEAD: &str = ">instead>";
