//! The log of what was told to whom, and which digests were made.
//!
//! Rows are added in the order in which things happened, and never changed.

use jiff::Timestamp;
use sqlx::{AnyConnection, FromRow};

use super::{Result, sql};

/// One thing that was told to one person, or recorded.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Told {
    /// When, in unix microseconds.
    pub at_us: i64,
    /// What kind of thing.
    pub event: String,
    /// About which account.
    pub account: String,
    /// About which incident.
    pub incident: Option<String>,
    /// The message that caused it; `None` where time alone did.
    pub message: Option<i64>,
    /// Whom.
    pub recipient: String,
    /// How grave it was.
    pub severity: String,
    /// In which notification; `None` where it was only recorded.
    pub notification: Option<i64>,
    /// All of it, as JSON.
    pub doc: String,
}

/// Adds to the log, in the order given.
///
/// # Errors
///
/// Fails where the store does.
pub async fn append(db: &mut AnyConnection, log: &[Told]) -> Result<()> {
    for run in sql::runs(log) {
        let statement = sql::with_rows(
            "INSERT INTO told (at_us, event, account, incident, message, recipient, severity,
                               notification, doc)
             VALUES :rows",
            1,
            9,
            run.len(),
        );
        let mut query = sqlx::query(statement);
        for told in run {
            query = query
                .bind(told.at_us)
                .bind(told.event.as_str())
                .bind(told.account.as_str())
                .bind(told.incident.as_deref())
                .bind(told.message)
                .bind(told.recipient.as_str())
                .bind(told.severity.as_str())
                .bind(told.notification)
                .bind(sql::text(&told.doc).into_owned());
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// What was told about an account, in the order in which it happened.
///
/// # Errors
///
/// Fails where the store does.
pub async fn of_account(db: &mut AnyConnection, account: &str) -> Result<Vec<Told>> {
    Ok(sqlx::query_as(
        "SELECT at_us, event, account, incident, message, recipient, severity, notification, doc
         FROM told WHERE account = $1 ORDER BY id",
    )
    .bind(account)
    .fetch_all(db)
    .await?)
}

/// What was told about some incidents, in the order in which it happened.
///
/// # Errors
///
/// Fails where the store does.
pub async fn of_incidents(db: &mut AnyConnection, incidents: &[String]) -> Result<Vec<Told>> {
    let mut found: Vec<Told> = Vec::new();
    for run in sql::runs(incidents) {
        let statement = sql::with_rows(
            "SELECT at_us, event, account, incident, message, recipient, severity, notification, doc
             FROM told WHERE incident IN (VALUES :rows) ORDER BY id",
            1,
            1,
            run.len(),
        );
        let mut query = sqlx::query_as(statement);
        for incident in run {
            query = query.bind(incident.as_str());
        }
        found.extend(query.fetch_all(&mut *db).await?);
    }
    Ok(found)
}

/// What was told at an instant or later, in the order in which it happened.
///
/// # Errors
///
/// Fails where the store does.
pub async fn since(db: &mut AnyConnection, at_us: i64) -> Result<Vec<Told>> {
    Ok(sqlx::query_as(
        "SELECT at_us, event, account, incident, message, recipient, severity, notification, doc
         FROM told WHERE at_us >= $1 ORDER BY id",
    )
    .bind(at_us)
    .fetch_all(db)
    .await?)
}

/// Whether a message was told as part of another incident, in an earlier e-mail.
///
/// # Errors
///
/// Fails where the store does.
pub async fn elsewhere(db: &mut AnyConnection, message: i64, incident: &str) -> Result<bool> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT MIN(id) FROM told WHERE message = $1 AND incident <> $2 AND notification IS NOT NULL",
    )
    .bind(message)
    .bind(incident)
    .fetch_one(db)
    .await?;
    Ok(found.is_some())
}

/// When a person's last digest of one kind was made, in unix microseconds.
///
/// # Errors
///
/// Fails where the store does.
pub async fn last_digest(db: &mut AnyConnection, person: &str, kind: &str) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar("SELECT MAX(at_us) FROM digests WHERE person = $1 AND kind = $2")
        .bind(person)
        .bind(kind)
        .fetch_one(db)
        .await?)
}

/// Claims a person's digest of one kind for a day where they are; false if it was made already.
///
/// # Errors
///
/// Fails where the store does.
pub async fn mark_digest(
    db: &mut AnyConnection,
    person: &str,
    local_date: &str,
    kind: &str,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO digests (person, local_date, kind, at_us) VALUES ($1, $2, $3, $4)
         ON CONFLICT (person, local_date, kind) DO NOTHING",
    )
    .bind(person)
    .bind(local_date)
    .bind(kind)
    .bind(now.as_microsecond())
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
