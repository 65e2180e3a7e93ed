//! Threads, and why each message stands in its own.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::AnyConnection;

use super::{Result, sql};

/// A thread with its messages, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRow {
    /// The thread.
    pub thread: i64,
    /// Its account.
    pub account: String,
    /// Message-IDs; of a message without one, its content key.
    pub messages: Vec<String>,
    /// Which message was joined to which, and by what.
    pub joined: Vec<Joined>,
}

/// Why a message stands in its thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The message.
    pub message_id: String,
    /// The one it was joined to.
    pub to: String,
    /// By what: `references`, `subject` and so on.
    pub by: String,
}

/// Starts a thread.
///
/// # Errors
///
/// Fails where the store does.
pub async fn create(db: &mut AnyConnection, account: &str, base_subject: &str, now: Timestamp) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "INSERT INTO threads (account, base_subject, created_us, last_us) VALUES ($1, $2, $3, $3)
         RETURNING id",
    )
    .bind(account)
    .bind(sql::key(base_subject).into_owned())
    .bind(now.as_microsecond())
    .fetch_one(db)
    .await?)
}

/// Records that something was written in a thread, unless something later was already.
///
/// # Errors
///
/// Fails where the store does.
pub async fn touch(db: &mut AnyConnection, thread: i64, at_us: i64) -> Result<()> {
    sqlx::query("UPDATE threads SET last_us = $2 WHERE id = $1 AND last_us < $2")
        .bind(thread)
        .bind(at_us)
        .execute(db)
        .await?;
    Ok(())
}

/// Records which message another was joined to, and by what; `None` where it began its thread.
///
/// # Errors
///
/// Fails where the store does.
pub async fn join(db: &mut AnyConnection, message: i64, to: Option<i64>, by: &str) -> Result<()> {
    join_all(db, &[(message, to, by)]).await
}

/// Records of different messages which other each was joined to, and by what.
///
/// # Errors
///
/// Fails where the store does.
pub async fn join_all(db: &mut AnyConnection, joins: &[(i64, Option<i64>, &str)]) -> Result<()> {
    for run in sql::runs(joins) {
        let statement = sql::with_rows(
            "INSERT INTO joins (message, to_message, how) VALUES :rows
             ON CONFLICT (message) DO UPDATE SET
                 to_message = excluded.to_message, how = excluded.how",
            1,
            3,
            run.len(),
        );
        let mut query = sqlx::query(statement);
        for (message, to, by) in run {
            query = query.bind(*message).bind(*to).bind(*by);
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// The threads of an account, or of all, with their messages.
///
/// # Errors
///
/// Fails where the store does.
pub async fn threads(db: &mut AnyConnection, account: Option<&str>) -> Result<Vec<ThreadRow>> {
    type Row = (i64, String, String, Option<String>, Option<String>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT threads.id, threads.account, COALESCE(message.message_id, message.content_key),
                COALESCE(earlier.message_id, earlier.content_key), joins.how
         FROM threads
         JOIN messages AS message ON message.thread = threads.id
         LEFT JOIN joins ON joins.message = message.id
         LEFT JOIN messages AS earlier ON earlier.id = joins.to_message
         WHERE threads.account = $1 OR $1 IS NULL
         ORDER BY threads.id, message.sent_us, message.content_key",
    )
    .bind(account)
    .fetch_all(db)
    .await?;
    let mut threads = BTreeMap::new();
    for (thread, account, message_id, to, by) in rows {
        let row = threads.entry(thread).or_insert_with(|| ThreadRow {
            thread,
            account,
            messages: Vec::new(),
            joined: Vec::new(),
        });
        row.messages.push(message_id.clone());
        if let Some((to, by)) = to.zip(by) {
            row.joined.push(Joined { message_id, to, by });
        }
    }
    Ok(threads.into_values().collect())
}
