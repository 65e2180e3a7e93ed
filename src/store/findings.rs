//! What the fold found out over time.
//!
//! A row is written when something first becomes true, and never changed: the same
//! finding of a later fold leaves no second one.

use sqlx::{AnyConnection, FromRow};

use super::{Result, sql};

/// Something that became true of an account. Instants are unix microseconds.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct FindingRow {
    /// The account.
    pub account: String,
    /// Its name, unique within the account.
    pub id: String,
    /// What, as events call it.
    pub event: String,
    /// When it became true.
    pub at_us: i64,
    /// When we found out.
    pub known_us: i64,
    /// All of it, as JSON.
    pub doc: String,
}

/// Writes what is new, and returns the names of these.
///
/// # Errors
///
/// Fails where the store does.
pub async fn add(db: &mut AnyConnection, found: &[FindingRow]) -> Result<Vec<String>> {
    let mut fresh = Vec::new();
    for run in sql::runs(found) {
        let statement = sql::with_rows(
            "INSERT INTO findings (account, id, event, at_us, known_us, doc) VALUES :rows
             ON CONFLICT (account, id) DO NOTHING RETURNING id",
            1,
            6,
            run.len(),
        );
        let mut query = sqlx::query_scalar(statement);
        for row in run {
            query = query
                .bind(row.account.as_str())
                .bind(sql::key(&row.id).into_owned())
                .bind(row.event.as_str())
                .bind(row.at_us)
                .bind(row.known_us)
                .bind(sql::text(&row.doc).into_owned());
        }
        let added: Vec<String> = query.fetch_all(&mut *db).await?;
        fresh.extend(added);
    }
    Ok(fresh)
}

/// Everything that was ever found out of an account, in order of time.
///
/// # Errors
///
/// Fails where the store does.
pub async fn of_account(db: &mut AnyConnection, account: &str) -> Result<Vec<FindingRow>> {
    Ok(sqlx::query_as(
        "SELECT account, id, event, at_us, known_us, doc FROM findings
         WHERE account = $1 ORDER BY at_us, id",
    )
    .bind(account)
    .fetch_all(db)
    .await?)
}

/// Account and name of what was found out of this kind after `since_us` and not after `until_us`.
///
/// # Errors
///
/// Fails where the store does.
pub async fn names_between(
    db: &mut AnyConnection,
    event: &str,
    (since_us, until_us): (i64, i64),
) -> Result<Vec<(String, String)>> {
    Ok(sqlx::query_as(
        "SELECT account, id FROM findings WHERE event = $1 AND known_us > $2 AND known_us <= $3
         ORDER BY account, id",
    )
    .bind(event)
    .bind(since_us)
    .bind(until_us)
    .fetch_all(db)
    .await?)
}

/// What was found out after `since_us` and not after `until_us`, in order of time.
///
/// # Errors
///
/// Fails where the store does.
pub async fn between(db: &mut AnyConnection, since_us: i64, until_us: i64) -> Result<Vec<FindingRow>> {
    Ok(sqlx::query_as(
        "SELECT account, id, event, at_us, known_us, doc FROM findings
         WHERE known_us > $1 AND known_us <= $2 ORDER BY at_us, account, id",
    )
    .bind(since_us)
    .bind(until_us)
    .fetch_all(db)
    .await?)
}
