//! Incidents as the last fold left them.
//!
//! An incident keeps its name, and (account, topic, number) is unique.

use sqlx::{AnyConnection, FromRow};

use super::{Result, sql};

/// One topic with one account that people must know of. Instants are unix microseconds.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct IncidentRow {
    /// Its name.
    pub id: String,
    /// The account.
    pub account: String,
    /// The topic.
    pub topic: String,
    /// Which one of this topic with this account, from 1.
    pub number: i64,
    /// Open, acknowledged, snoozed, calming or closed.
    pub state: String,
    /// What we do about it.
    pub severity: String,
    /// When it began.
    pub opened_us: i64,
    /// When it changed last.
    pub changed_us: i64,
    /// When it was closed; `None` while it is open.
    pub closed_us: Option<i64>,
    /// All of it, as JSON.
    pub doc: String,
}

/// Stores an incident in place of what was known of it.
///
/// # Errors
///
/// Fails where the store does.
pub async fn upsert(db: &mut AnyConnection, incident: &IncidentRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO incidents (id, account, topic, number, state, severity,
                                opened_us, changed_us, closed_us, doc)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (id) DO UPDATE SET
             account = excluded.account, topic = excluded.topic, number = excluded.number,
             state = excluded.state, severity = excluded.severity,
             opened_us = excluded.opened_us, changed_us = excluded.changed_us,
             closed_us = excluded.closed_us, doc = excluded.doc",
    )
    .bind(incident.id.as_str())
    .bind(incident.account.as_str())
    .bind(incident.topic.as_str())
    .bind(incident.number)
    .bind(incident.state.as_str())
    .bind(incident.severity.as_str())
    .bind(incident.opened_us)
    .bind(incident.changed_us)
    .bind(incident.closed_us)
    .bind(sql::text(&incident.doc).into_owned())
    .execute(db)
    .await?;
    Ok(())
}

/// Sets where an incident stands, as answers have it; nothing where it stands so already.
///
/// # Errors
///
/// Fails where the store does.
pub async fn set_state(db: &mut AnyConnection, id: &str, state: &str, closed_us: Option<i64>) -> Result<()> {
    sqlx::query("UPDATE incidents SET state = $2, closed_us = $3 WHERE id = $1 AND state <> $2")
        .bind(id)
        .bind(state)
        .bind(closed_us)
        .execute(db)
        .await?;
    Ok(())
}

/// The incidents of an account, in the order in which they began.
///
/// # Errors
///
/// Fails where the store does.
pub async fn of_account(db: &mut AnyConnection, account: &str) -> Result<Vec<IncidentRow>> {
    Ok(sqlx::query_as(
        "SELECT id, account, topic, number, state, severity, opened_us, changed_us, closed_us, doc
         FROM incidents WHERE account = $1 ORDER BY opened_us, id",
    )
    .bind(account)
    .fetch_all(db)
    .await?)
}

/// The open incidents of an account, and those opened or closed at an instant or later, in the order in which they began.
///
/// # Errors
///
/// Fails where the store does.
pub async fn lately(db: &mut AnyConnection, account: &str, since_us: i64) -> Result<Vec<IncidentRow>> {
    Ok(sqlx::query_as(
        "SELECT id, account, topic, number, state, severity, opened_us, changed_us, closed_us, doc
         FROM incidents WHERE account = $1 AND (closed_us IS NULL OR closed_us >= $2 OR opened_us >= $2)
         ORDER BY opened_us, id",
    )
    .bind(account)
    .bind(since_us)
    .fetch_all(db)
    .await?)
}

/// The incidents of all accounts that were closed in the time `(since, until]`, in the order in which they began.
///
/// # Errors
///
/// Fails where the store does.
pub async fn closed_between(db: &mut AnyConnection, since_us: i64, until_us: i64) -> Result<Vec<IncidentRow>> {
    Ok(sqlx::query_as(
        "SELECT id, account, topic, number, state, severity, opened_us, changed_us, closed_us, doc
         FROM incidents WHERE closed_us > $1 AND closed_us <= $2 ORDER BY opened_us, id",
    )
    .bind(since_us)
    .bind(until_us)
    .fetch_all(db)
    .await?)
}

/// The highest number of each topic with an account.
///
/// # Errors
///
/// Fails where the store does.
pub async fn numbers(db: &mut AnyConnection, account: &str) -> Result<Vec<(String, i64)>> {
    Ok(sqlx::query_as("SELECT topic, MAX(number) FROM incidents WHERE account = $1 GROUP BY topic ORDER BY topic")
        .bind(account)
        .fetch_all(db)
        .await?)
}

/// The incidents of all accounts, or the open ones of them, in the order in which they began.
///
/// # Errors
///
/// Fails where the store does.
pub async fn all(db: &mut AnyConnection, open_only: bool) -> Result<Vec<IncidentRow>> {
    Ok(sqlx::query_as(
        "SELECT id, account, topic, number, state, severity, opened_us, changed_us, closed_us, doc
         FROM incidents WHERE closed_us IS NULL OR $1 = 0 ORDER BY opened_us, id",
    )
    .bind(i64::from(open_only))
    .fetch_all(db)
    .await?)
}
