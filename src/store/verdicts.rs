//! Verdicts on messages, and which rules fired.
//!
//! A message has at most one verdict: a new one replaces it, with its hits.

use sqlx::{AnyConnection, FromRow};

use super::{Result, sql};

/// What the rules made of one message.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct VerdictRow {
    /// The message.
    pub message: i64,
    /// Revision of the rules that judged it.
    pub revision: String,
    /// What we do about it.
    pub severity: String,
    /// Tone from -100 to 100; `None` where it is unreadable.
    pub tone: Option<i64>,
    /// Urgency from 0 to 100; `None` where it is unreadable.
    pub urgency: Option<i64>,
    /// The whole verdict, as JSON.
    pub doc: String,
}

/// Stores the verdict on a message in place of an earlier one.
///
/// # Errors
///
/// Fails where the store does.
pub async fn put(db: &mut AnyConnection, verdict: &VerdictRow) -> Result<()> {
    put_all(db, std::slice::from_ref(verdict)).await
}

/// Stores verdicts on different messages in place of earlier ones.
///
/// # Errors
///
/// Fails where the store does.
pub async fn put_all(db: &mut AnyConnection, verdicts: &[VerdictRow]) -> Result<()> {
    for run in sql::runs(verdicts) {
        let statement = sql::with_rows(
            "INSERT INTO verdicts (message, revision, severity, tone, urgency, doc) VALUES :rows
             ON CONFLICT (message) DO UPDATE SET
                 revision = excluded.revision, severity = excluded.severity,
                 tone = excluded.tone, urgency = excluded.urgency, doc = excluded.doc",
            1,
            6,
            run.len(),
        );
        let mut query = sqlx::query(statement);
        for verdict in run {
            query = query
                .bind(verdict.message)
                .bind(verdict.revision.as_str())
                .bind(verdict.severity.as_str())
                .bind(verdict.tone)
                .bind(verdict.urgency)
                .bind(sql::text(&verdict.doc).into_owned());
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// Stores which rules fired on a message in place of those that did earlier.
///
/// # Errors
///
/// Fails where the store does.
pub async fn put_hits(db: &mut AnyConnection, message: i64, rules: &[String]) -> Result<()> {
    put_hits_all(db, &[(message, rules)]).await
}

/// Stores for each message which rules fired in place of those that did earlier.
///
/// # Errors
///
/// Fails where the store does.
pub async fn put_hits_all(db: &mut AnyConnection, hits: &[(i64, &[String])]) -> Result<()> {
    for run in sql::runs(hits) {
        let statement = sql::with_rows("DELETE FROM hits WHERE message IN (VALUES :rows)", 1, 1, run.len());
        let mut query = sqlx::query(statement);
        for (message, _) in run {
            query = query.bind(*message);
        }
        query.execute(&mut *db).await?;
    }
    let each = |(message, rules): &(i64, &[String])| {
        let message = *message;
        rules.iter().map(move |rule| (message, rule.clone())).collect::<Vec<_>>()
    };
    let rows: Vec<(i64, String)> = hits.iter().flat_map(each).collect();
    for run in sql::runs(&rows) {
        let statement = sql::with_rows(
            "INSERT INTO hits (message, rule) VALUES :rows ON CONFLICT (message, rule) DO NOTHING",
            1,
            2,
            run.len(),
        );
        let mut query = sqlx::query(statement);
        for (message, rule) in run {
            query = query.bind(*message).bind(rule.as_str());
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// On how many messages each rule fired, by rule.
///
/// # Errors
///
/// Fails where the store does.
pub async fn hit_counts(db: &mut AnyConnection) -> Result<Vec<(String, i64)>> {
    Ok(sqlx::query_as("SELECT rule, COUNT(*) FROM hits GROUP BY rule ORDER BY rule").fetch_all(db).await?)
}

/// How many messages have a verdict.
///
/// # Errors
///
/// Fails where the store does.
pub async fn judged(db: &mut AnyConnection) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM verdicts").fetch_one(db).await?)
}

/// The verdict on a message.
///
/// # Errors
///
/// Fails where the store does.
pub async fn get(db: &mut AnyConnection, message: i64) -> Result<Option<VerdictRow>> {
    Ok(sqlx::query_as("SELECT message, revision, severity, tone, urgency, doc FROM verdicts WHERE message = $1")
        .bind(message)
        .fetch_optional(db)
        .await?)
}
