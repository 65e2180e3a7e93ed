//! What happened in a span of time, for those who look back over it.

use sqlx::{AnyConnection, FromRow};

use super::{Result, sql};

/// A message that arrived, with its documents as JSON.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ArrivedRow {
    /// The account it belongs to.
    pub account: Option<String>,
    /// What `watch` folds.
    pub entry: String,
    /// The whole reading.
    pub doc: String,
    /// The verdict on it.
    pub verdict: String,
}

/// Messages that arrived after `since_us` and not after `until_us`, in order of arrival.
///
/// # Errors
///
/// Fails where the store does.
pub async fn arrived_between(db: &mut AnyConnection, since_us: i64, until_us: i64) -> Result<Vec<ArrivedRow>> {
    Ok(sqlx::query_as(
        "SELECT messages.account, messages.entry, messages.doc, verdicts.doc AS verdict
         FROM messages JOIN verdicts ON verdicts.message = messages.id
         WHERE messages.arrived_us > $1 AND messages.arrived_us <= $2 AND messages.entry IS NOT NULL
         ORDER BY messages.arrived_us, messages.content_key",
    )
    .bind(since_us)
    .bind(until_us)
    .fetch_all(db)
    .await?)
}

/// What `watch` folds, of an account's messages written after `since_us`, in order of time.
///
/// # Errors
///
/// Fails where the store does.
pub async fn entries_since(db: &mut AnyConnection, account: &str, since_us: i64) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "SELECT entry FROM messages WHERE account = $1 AND sent_us > $2 AND entry IS NOT NULL
         ORDER BY sent_us, content_key",
    )
    .bind(account)
    .bind(since_us)
    .fetch_all(db)
    .await?)
}

/// When the first message arrived that was news, in unix microseconds.
///
/// # Errors
///
/// Fails where the store does.
pub async fn first_arrival(db: &mut AnyConnection) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar("SELECT MIN(arrived_us) FROM messages WHERE history = 0").fetch_one(db).await?)
}

/// A message by what makes its copies the same, with its documents as JSON.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct KnownRow {
    /// What makes two copies the same message.
    pub content_key: String,
    /// The whole reading.
    pub doc: String,
    /// The verdict on it.
    pub verdict: String,
}

/// Those of these messages that were judged, in no order.
///
/// # Errors
///
/// Fails where the store does.
pub async fn known(db: &mut AnyConnection, content_keys: &[String]) -> Result<Vec<KnownRow>> {
    let mut known = Vec::new();
    for run in sql::runs(content_keys) {
        let statement = sql::with_rows(
            "SELECT messages.content_key, messages.doc, verdicts.doc AS verdict
             FROM messages JOIN verdicts ON verdicts.message = messages.id
             WHERE messages.content_key IN (VALUES :rows)",
            1,
            1,
            run.len(),
        );
        let mut query = sqlx::query_as(statement);
        for key in run {
            query = query.bind(sql::key(key).into_owned());
        }
        known.extend(query.fetch_all(&mut *db).await?);
    }
    Ok(known)
}

/// Each time that an open incident was told to `recipient`, or to anybody: its name, when in unix microseconds, and what
/// was told as JSON; of each, the last comes last.
///
/// # Errors
///
/// Fails where the store does.
pub async fn told_of_open(db: &mut AnyConnection, recipient: Option<&str>) -> Result<Vec<(String, i64, String)>> {
    Ok(sqlx::query_as(
        "SELECT told.incident, told.at_us, told.doc FROM told JOIN incidents ON incidents.id = told.incident
         WHERE incidents.closed_us IS NULL AND ' ' || told.recipient || ' ' LIKE $1 ESCAPE '!'
         ORDER BY told.incident, told.at_us",
    )
    // An alert to several is one row, with all of them.
    .bind(recipient.map_or_else(|| "%".to_owned(), |one| format!("% {} %", plain(one))))
    .fetch_all(db)
    .await?)
}

/// What a pattern takes as it stands.
fn plain(words: &str) -> String {
    words.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// When an incident was last told, in unix microseconds.
///
/// # Errors
///
/// Fails where the store does.
pub async fn last_told(db: &mut AnyConnection, incident: &str) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar("SELECT MAX(at_us) FROM told WHERE incident = $1").bind(incident).fetch_one(db).await?)
}
