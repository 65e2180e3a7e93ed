//! Promises as the last fold left them.

use sqlx::{AnyConnection, FromRow};

use super::{Result, sql};

/// A promise. Instants are unix microseconds.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CommitmentRow {
    /// The account.
    pub account: String,
    /// Its name, unique within the account.
    pub id: String,
    /// How it stands.
    pub standing: String,
    /// When it falls due; `None` where no day was named.
    pub due_us: Option<i64>,
    /// When it was made; `None` once it is settled.
    pub open_us: Option<i64>,
    /// All of it, as JSON.
    pub doc: String,
}

/// Stores promises in place of what was known of them.
///
/// # Errors
///
/// Fails where the store does.
pub async fn put_all(db: &mut AnyConnection, promises: &[CommitmentRow]) -> Result<()> {
    for run in sql::runs(promises) {
        let statement = sql::with_rows(
            "INSERT INTO commitments (account, id, standing, due_us, open_us, doc) VALUES :rows
             ON CONFLICT (account, id) DO UPDATE SET
                 standing = excluded.standing, due_us = excluded.due_us,
                 open_us = excluded.open_us, doc = excluded.doc",
            1,
            6,
            run.len(),
        );
        let mut query = sqlx::query(statement);
        for row in run {
            query = query
                .bind(row.account.as_str())
                .bind(sql::key(&row.id).into_owned())
                .bind(row.standing.as_str())
                .bind(row.due_us)
                .bind(row.open_us)
                .bind(sql::text(&row.doc).into_owned());
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// Forgets the promises of an account, before a fold from the start writes them anew.
///
/// # Errors
///
/// Fails where the store does.
pub async fn clear(db: &mut AnyConnection, account: &str) -> Result<()> {
    sqlx::query("DELETE FROM commitments WHERE account = $1").bind(account).execute(db).await?;
    Ok(())
}

/// Open promises that fall due at an instant or earlier, in the order in which they do.
///
/// # Errors
///
/// Fails where the store does.
pub async fn due_by(db: &mut AnyConnection, until_us: i64) -> Result<Vec<CommitmentRow>> {
    Ok(sqlx::query_as(
        "SELECT account, id, standing, due_us, open_us, doc FROM commitments
         WHERE open_us IS NOT NULL AND due_us <= $1 ORDER BY due_us, account, id",
    )
    .bind(until_us)
    .fetch_all(db)
    .await?)
}

/// Every open promise of an account, the next due first, those without a day last.
///
/// # Errors
///
/// Fails where the store does.
pub async fn open_of(db: &mut AnyConnection, account: &str) -> Result<Vec<CommitmentRow>> {
    let mut rows: Vec<CommitmentRow> = sqlx::query_as(
        "SELECT account, id, standing, due_us, open_us, doc FROM commitments
         WHERE account = $1 AND open_us IS NOT NULL ORDER BY id",
    )
    .bind(account)
    .fetch_all(db)
    .await?;
    rows.sort_by_key(|row| (row.due_us.is_none(), row.due_us));
    Ok(rows)
}
