//! E-mails we owe, until the relay has them or it is clear that it never will.
//!
//! ```text
//! queued ─► leased ─► sending ─► sent
//!   ▲          │         ├─────► deferred ─► leased …       the relay asked for patience
//!   └──────────┘         ├─────► failed                     the relay refused it
//!   lease ran out        └─────► unknown ─► leased … ─► held
//! ```
//!
//! - Bytes, recipient and Message-ID are frozen when enqueued: a repeat is byte-identical.
//! - One dedup key is one notification, however often it is enqueued.
//! - A claim is a lease: nobody else gets the notification before it ends.
//! - `sending` is committed before the attempt. A crash before that mark left
//!   nothing with the relay, and the notification comes back; after it, the
//!   outcome is unknown: it is repeated once, then `held` for a person to look at.
//! - What is still owed past its time is `expired`; no row is ever deleted.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::{AnyConnection, FromRow};

use super::{Result, sql};

/// An e-mail to be sent. Instants are unix microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// What makes two the same.
    pub dedup_key: String,
    /// Alert, digest and so on.
    pub kind: String,
    /// Address of the one recipient.
    pub recipient: String,
    /// The whole message as it will be sent.
    pub bytes: Vec<u8>,
    /// Its Message-ID.
    pub message_id: String,
    /// When to send it.
    pub due_us: i64,
    /// When it is no longer worth sending.
    pub expires_us: Option<i64>,
    /// Whether it must not wait behind a cap: a critical alert.
    pub grave: bool,
    /// The account it is about.
    pub account: Option<String>,
    /// The incident it is about.
    pub incident: Option<String>,
}

/// A claimed e-mail.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Notification {
    /// The notification.
    pub id: i64,
    /// What makes two the same.
    pub dedup_key: String,
    /// Whether it must not wait behind a cap: 1 for a critical alert.
    pub grave: i64,
    /// The account it is about.
    pub account: Option<String>,
    /// The incident it is about.
    pub incident: Option<String>,
    /// When it is no longer worth sending, in unix microseconds.
    pub expires_us: Option<i64>,
    /// Alert, digest and so on.
    pub kind: String,
    /// Address of the one recipient.
    pub recipient: String,
    /// The whole message.
    pub bytes: Vec<u8>,
    /// Its Message-ID.
    pub message_id: String,
    /// Attempts, this one included.
    pub attempts: i64,
    /// Those of them that follow an unknown outcome.
    pub repeats: i64,
    /// How often the relay refused the recipient without a reason that is final.
    pub doubts: i64,
    /// When the claim ends, in unix microseconds.
    pub lease_end_us: i64,
}

/// An e-mail that was closed without being sent.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SetAside {
    /// The notification.
    pub id: i64,
    /// Alert, digest and so on.
    pub kind: String,
    /// Expired or held.
    pub state: String,
}

/// How many notifications are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not tried yet.
    pub queued: i64,
    /// Claimed.
    pub leased: i64,
    /// With the relay at this moment, or since a crash.
    pub sending: i64,
    /// To be tried again.
    pub deferred: i64,
    /// To be repeated, since nobody knows how the attempt ended.
    pub unknown: i64,
    /// Accepted by the relay.
    pub sent: i64,
    /// Refused by the relay.
    pub failed: i64,
    /// Not sent in time.
    pub expired: i64,
    /// Twice with an unknown outcome: a person must look.
    pub held: i64,
}

/// Adds e-mails to the queue, ignoring those that are in it; returns the
/// number of each, new or known, in the order given.
///
/// # Errors
///
/// Fails where the store does.
pub async fn enqueue(db: &mut AnyConnection, new: &[NewNotification]) -> Result<Vec<i64>> {
    for run in sql::runs(new) {
        let statement = sql::with_rows(
            "INSERT INTO outbox (dedup_key, kind, recipient, message_id, account, incident, state,
                                 attempts, repeats, due_us, expires_us, bytes, grave)
             VALUES :rows ON CONFLICT (dedup_key) DO NOTHING",
            1,
            13,
            run.len(),
        );
        let mut query = sqlx::query(statement);
        for notification in run {
            query = query
                .bind(sql::key(&notification.dedup_key).into_owned())
                .bind(notification.kind.as_str())
                .bind(notification.recipient.as_str())
                .bind(notification.message_id.as_str())
                .bind(notification.account.as_deref())
                .bind(notification.incident.as_deref())
                .bind("queued")
                .bind(0_i64)
                .bind(0_i64)
                .bind(notification.due_us)
                .bind(notification.expires_us)
                .bind(notification.bytes.as_slice())
                .bind(i64::from(notification.grave));
        }
        query.execute(&mut *db).await?;
    }
    numbers_of(db, new).await
}

/// The number of each, in the order given.
async fn numbers_of(db: &mut AnyConnection, all: &[NewNotification]) -> Result<Vec<i64>> {
    let keys: Vec<_> = all.iter().map(|notification| sql::key(&notification.dedup_key)).collect();
    let mut numbers: HashMap<String, i64> = HashMap::with_capacity(keys.len());
    for run in sql::runs(&keys) {
        let statement =
            sql::with_rows("SELECT dedup_key, id FROM outbox WHERE dedup_key IN (VALUES :rows)", 1, 1, run.len());
        let mut query = sqlx::query_as::<_, (String, i64)>(statement);
        for key in run {
            query = query.bind(key.as_ref());
        }
        numbers.extend(query.fetch_all(&mut *db).await?);
    }
    Ok(keys.iter().filter_map(|key| numbers.get(key.as_ref()).copied()).collect())
}

/// Takes the notification that has been due longest, a grave one first, and hides it until
/// `lease_end`: should we crash before it is sent, it comes back by itself.
/// What is past its time, or was twice of unknown outcome, is set aside first.
///
/// # Errors
///
/// Fails where the store does.
pub async fn claim_due(db: &mut AnyConnection, now: Timestamp, lease_end: Timestamp) -> Result<Option<Notification>> {
    set_aside(db, now).await?;
    // `due_us` is tested twice: PostgreSQL re-checks only the outer condition
    // after waiting for another claim.
    Ok(sqlx::query_as(
        "UPDATE outbox
         SET due_us = $2, state = 'leased', attempts = attempts + 1,
             repeats = repeats + CASE WHEN state IN ('sending', 'unknown') THEN 1 ELSE 0 END
         WHERE closed_us IS NULL AND due_us <= $1
           AND id = (SELECT id FROM outbox
                     WHERE closed_us IS NULL AND due_us <= $1
                     ORDER BY grave DESC, due_us, id LIMIT 1)
         RETURNING id, dedup_key, grave, account, incident, expires_us, kind, recipient, bytes, message_id,
                   attempts, repeats, doubts, due_us AS lease_end_us",
    )
    .bind(now.as_microsecond())
    .bind(lease_end.as_microsecond())
    .fetch_optional(db)
    .await?)
}

/// Closes what must not be sent: past its time and surely not sent, or, though
/// repeated once, left in `sending` until the lease ran out.
///
/// # Errors
///
/// Fails where the store does.
pub async fn set_aside(db: &mut AnyConnection, now: Timestamp) -> Result<Vec<SetAside>> {
    Ok(sqlx::query_as(
        "UPDATE outbox
         SET closed_us = $1, state = CASE WHEN state = 'sending' THEN 'held' ELSE 'expired' END
         WHERE closed_us IS NULL AND due_us <= $1
           AND ((state = 'sending' AND repeats > 0)
                OR (state IN ('queued', 'leased', 'deferred') AND expires_us <= $1))
         RETURNING id, kind, state",
    )
    .bind(now.as_microsecond())
    .fetch_all(db)
    .await?)
}

/// Records that the attempt begins; to be committed before it does. False
/// where the claim has ended meanwhile: then the attempt must not be made.
///
/// # Errors
///
/// Fails where the store does.
pub async fn mark_sending(db: &mut AnyConnection, claimed: &Notification, now: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE outbox SET state = 'sending'
         WHERE id = $1 AND state = 'leased' AND due_us = $2 AND due_us > $3",
    )
    .bind(claimed.id)
    .bind(claimed.lease_end_us)
    .bind(now.as_microsecond())
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records that the relay has accepted it, and what it answered.
///
/// # Errors
///
/// Fails where the store does.
pub async fn sent(db: &mut AnyConnection, id: i64, now: Timestamp, reply: &str) -> Result<()> {
    // Whatever was thought of it meanwhile: an acceptance is the truth.
    sqlx::query("UPDATE outbox SET state = 'sent', closed_us = $2, reply = $3 WHERE id = $1")
        .bind(id)
        .bind(now.as_microsecond())
        .bind(sql::text(reply).into_owned())
        .execute(db)
        .await?;
    Ok(())
}

/// Records that it was certainly not sent, and when to try again.
///
/// # Errors
///
/// Fails where the store does.
pub async fn deferred(db: &mut AnyConnection, id: i64, next_us: i64, error: &str) -> Result<()> {
    sqlx::query(
        "UPDATE outbox SET state = 'deferred', due_us = $2, error = $3
         WHERE id = $1 AND closed_us IS NULL",
    )
    .bind(id)
    .bind(next_us)
    .bind(sql::text(error).into_owned())
    .execute(db)
    .await?;
    Ok(())
}

/// Records that nobody knows whether it was sent: it is due once more at
/// `next_us`, or held if this was the repeat.
///
/// # Errors
///
/// Fails where the store does.
pub async fn unknown(db: &mut AnyConnection, id: i64, now: Timestamp, next_us: i64, error: &str) -> Result<()> {
    sqlx::query(
        "UPDATE outbox
         SET state = CASE WHEN repeats > 0 THEN 'held' ELSE 'unknown' END,
             closed_us = CASE WHEN repeats > 0 THEN CAST($2 AS BIGINT) END,
             due_us = $3, error = $4
         WHERE id = $1 AND closed_us IS NULL",
    )
    .bind(id)
    .bind(now.as_microsecond())
    .bind(next_us)
    .bind(sql::text(error).into_owned())
    .execute(db)
    .await?;
    Ok(())
}

/// Records that the relay refused the recipient, perhaps not for ever, and when to ask again.
///
/// # Errors
///
/// Fails where the store does.
pub async fn doubted(db: &mut AnyConnection, id: i64, next_us: i64, error: &str) -> Result<()> {
    sqlx::query("UPDATE outbox SET doubts = doubts + 1 WHERE id = $1").bind(id).execute(&mut *db).await?;
    deferred(db, id, next_us, error).await
}

/// Gives a claim back: no attempt was made, and none is counted.
///
/// # Errors
///
/// Fails where the store does.
pub async fn returned(db: &mut AnyConnection, id: i64, due_us: i64, error: &str) -> Result<()> {
    sqlx::query(
        "UPDATE outbox SET state = CASE WHEN repeats > 0 THEN 'unknown' ELSE 'deferred' END,
                           due_us = $2, error = $3, attempts = attempts - 1,
                           repeats = CASE WHEN repeats > 0 THEN repeats - 1 ELSE 0 END
         WHERE id = $1 AND closed_us IS NULL",
    )
    .bind(id)
    .bind(due_us)
    .bind(sql::text(error).into_owned())
    .execute(db)
    .await?;
    Ok(())
}

/// How many e-mails of kinds that are capped went to a recipient since an instant.
///
/// # Errors
///
/// Fails where the store does.
pub async fn sent_since(db: &mut AnyConnection, recipient: &str, since_us: i64) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT COUNT(*) FROM outbox
         WHERE recipient = $1 AND closed_us >= $2 AND state = 'sent' AND kind = 'alert' AND reply NOT LIKE 'told in %'",
    )
    .bind(recipient)
    .bind(since_us)
    .fetch_one(db)
    .await?)
}

/// When the newest e-mail of a kind was enqueued for a recipient, in unix microseconds.
///
/// # Errors
///
/// Fails where the store does.
pub async fn newest_due(db: &mut AnyConnection, recipient: &str, kind: &str) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar("SELECT MAX(COALESCE(closed_us, due_us)) FROM outbox WHERE recipient = $1 AND kind = $2")
        .bind(recipient)
        .bind(kind)
        .fetch_one(db)
        .await?)
}

/// The alerts that a recipient is owed by now and that nobody has begun to send: number and bytes,
/// the oldest first; grave ones too where `grave` is 1.
///
/// # Errors
///
/// Fails where the store does.
pub async fn untouched_alerts(
    db: &mut AnyConnection,
    recipient: &str,
    now: Timestamp,
    grave: i64,
) -> Result<Vec<(i64, Vec<u8>)>> {
    Ok(sqlx::query_as(
        "SELECT id, bytes FROM outbox
         WHERE recipient = $1 AND closed_us IS NULL AND due_us <= $2 AND kind = 'alert' AND grave <= $3
           AND state IN ('queued', 'deferred')
         ORDER BY due_us, id LIMIT 500",
    )
    .bind(recipient)
    .bind(now.as_microsecond())
    .bind(grave)
    .fetch_all(db)
    .await?)
}

/// Marks, at the end of a dedup key, an e-mail that says again what was said, about one incident alone.
pub const AGAIN: &str = "#again";

/// Closes reminders of an incident that nobody has begun to send: somebody has answered meanwhile.
///
/// # Errors
///
/// Fails where the store does.
pub async fn cancel_reminders(db: &mut AnyConnection, incident: &str, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE outbox SET state = 'expired', closed_us = $2, error = 'answered before it was sent'
         WHERE incident = $1 AND closed_us IS NULL AND state IN ('queued', 'deferred') AND dedup_key LIKE '%' || $3",
    )
    .bind(incident)
    .bind(now.as_microsecond())
    .bind(AGAIN)
    .execute(db)
    .await?;
    Ok(())
}

/// Makes the alerts that a recipient is owed wait until `until_us`; grave ones too where `grave` is 1.
///
/// # Errors
///
/// Fails where the store does.
pub async fn hold_back(db: &mut AnyConnection, recipient: &str, until_us: i64, grave: i64) -> Result<()> {
    sqlx::query(
        "UPDATE outbox SET due_us = $2
         WHERE recipient = $1 AND closed_us IS NULL AND due_us < $2 AND kind = 'alert' AND grave <= $3
           AND state IN ('queued', 'deferred')",
    )
    .bind(recipient)
    .bind(until_us)
    .bind(grave)
    .execute(db)
    .await?;
    Ok(())
}

/// Records that no further attempt will be made, and why.
///
/// # Errors
///
/// Fails where the store does.
pub async fn given_up(db: &mut AnyConnection, id: i64, now: Timestamp, error: &str) -> Result<()> {
    sqlx::query(
        "UPDATE outbox SET state = 'failed', closed_us = $2, error = $3
         WHERE id = $1 AND closed_us IS NULL",
    )
    .bind(id)
    .bind(now.as_microsecond())
    .bind(sql::text(error).into_owned())
    .execute(db)
    .await?;
    Ok(())
}

/// Takes up what a daemon that is gone had in hand: what it had only claimed is due
/// now, what it was sending is of unknown outcome and due at `repeat_at`.
///
/// # Errors
///
/// Fails where the store does.
pub async fn recover(db: &mut AnyConnection, now: Timestamp, repeat_at: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE outbox
         SET state = CASE WHEN state = 'leased' THEN 'deferred' WHEN repeats > 0 THEN 'held' ELSE 'unknown' END,
             closed_us = CASE WHEN state = 'sending' AND repeats > 0 THEN CAST($1 AS BIGINT) END,
             due_us = CASE WHEN state = 'leased' THEN $1 ELSE $2 END,
             error = CASE WHEN state = 'leased' THEN error ELSE 'the program ended while it was sent' END
         WHERE closed_us IS NULL AND state IN ('leased', 'sending')",
    )
    .bind(now.as_microsecond())
    .bind(repeat_at.as_microsecond())
    .execute(db)
    .await?;
    Ok(())
}

/// When to ask for a claim next, in unix microseconds.
///
/// # Errors
///
/// Fails where the store does.
pub async fn next_due(db: &mut AnyConnection) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar("SELECT MIN(due_us) FROM outbox WHERE closed_us IS NULL").fetch_one(db).await?)
}

/// How many notifications are in each state.
///
/// # Errors
///
/// Fails where the store does.
pub async fn counts(db: &mut AnyConnection) -> Result<Counts> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, COUNT(*) FROM outbox GROUP BY state").fetch_all(db).await?;
    let mut counts = Counts::default();
    for (state, count) in rows {
        let of_state = match state.as_str() {
            "queued" => &mut counts.queued,
            "leased" => &mut counts.leased,
            "sending" => &mut counts.sending,
            "deferred" => &mut counts.deferred,
            "unknown" => &mut counts.unknown,
            "sent" => &mut counts.sent,
            "failed" => &mut counts.failed,
            "expired" => &mut counts.expired,
            _ => &mut counts.held,
        };
        *of_state += count;
    }
    Ok(counts)
}
