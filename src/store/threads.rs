//! Threads, and why each message stands in its own.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::AnyConnection;

use super::messages::KnownMessage;
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

/// A mark of a message: its account, the mark, what it would be for another's ("" for its own), and the message.
pub type Mark<'a> = (&'a str, &'a str, &'a str, i64);

/// Records marks of messages.
///
/// # Errors
///
/// Fails where the store does.
pub async fn mark_all(db: &mut AnyConnection, marks: &[Mark<'_>]) -> Result<()> {
    for run in sql::runs(marks) {
        let statement = sql::with_rows(
            "INSERT INTO marks (account, mark, tie, message) VALUES :rows ON CONFLICT DO NOTHING",
            1,
            4,
            run.len(),
        );
        let mut query = sqlx::query(statement);
        for (account, mark, tie, message) in run {
            query = query.bind(*account).bind(sql::key(mark).into_owned()).bind(*tie).bind(*message);
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// Messages of an account that have one of these marks; each row names the one it has.
///
/// # Errors
///
/// Fails where the store does.
pub async fn marked(db: &mut AnyConnection, account: &str, marks: &[String]) -> Result<Vec<KnownMessage>> {
    let mut known = Vec::new();
    for run in sql::runs(marks) {
        let statement = sql::with_rows(
            "SELECT messages.id AS message, marks.mark AS message_id, thread, base_subject, sent_us, people
             FROM marks JOIN messages ON messages.id = marks.message
             WHERE marks.account = $1 AND marks.tie = '' AND marks.mark IN (VALUES :rows)
             ORDER BY sent_us DESC, messages.id LIMIT 200",
            2,
            1,
            run.len(),
        );
        let mut query = sqlx::query_as::<_, KnownMessage>(statement).bind(account);
        for mark in run {
            query = query.bind(sql::key(mark).into_owned());
        }
        known.extend(query.fetch_all(&mut *db).await?);
    }
    Ok(known)
}

/// A message that began its thread and points to a mark.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Pointing {
    /// Its number.
    pub message: i64,
    /// The thread that it began.
    pub thread: i64,
    /// The mark that it points to.
    pub mark: String,
    /// What the other would be to it.
    pub tie: String,
    /// Subject without prefixes.
    pub base_subject: String,
    /// When it was written, in unix microseconds.
    pub sent_us: i64,
    /// All addresses in it, lower case, separated by spaces.
    pub people: String,
}

/// Messages of an account that began their threads and point to one of these marks.
///
/// # Errors
///
/// Fails where the store does.
pub async fn pointing(db: &mut AnyConnection, account: &str, marks: &[String]) -> Result<Vec<Pointing>> {
    let mut found = Vec::new();
    for run in sql::runs(marks) {
        let statement = sql::with_rows(
            "SELECT messages.id AS message, thread, marks.mark, marks.tie, base_subject, sent_us, people
             FROM marks JOIN messages ON messages.id = marks.message JOIN joins ON joins.message = messages.id
             WHERE marks.account = $1 AND marks.tie <> '' AND marks.mark IN (VALUES :rows)
               AND thread IS NOT NULL AND joins.to_message IS NULL
             ORDER BY messages.id LIMIT 200",
            2,
            1,
            run.len(),
        );
        let mut query = sqlx::query_as::<_, Pointing>(statement).bind(account);
        for mark in run {
            query = query.bind(sql::key(mark).into_owned());
        }
        found.extend(query.fetch_all(&mut *db).await?);
    }
    Ok(found)
}

/// Moves all messages of a thread into another, and ends it.
///
/// # Errors
///
/// Fails where the store does.
pub async fn merge(db: &mut AnyConnection, from: i64, into: i64) -> Result<()> {
    sqlx::query("UPDATE messages SET thread = $2 WHERE thread = $1").bind(from).bind(into).execute(&mut *db).await?;
    sqlx::query("UPDATE threads SET last_us = (SELECT MAX(last_us) FROM threads WHERE id IN ($1, $2)) WHERE id = $2")
        .bind(from)
        .bind(into)
        .execute(&mut *db)
        .await?;
    sqlx::query("DELETE FROM threads WHERE id = $1").bind(from).execute(db).await?;
    Ok(())
}

/// Puts messages into a thread.
///
/// # Errors
///
/// Fails where the store does.
pub async fn place_all(db: &mut AnyConnection, thread: i64, messages: &[i64]) -> Result<()> {
    for run in sql::runs(messages) {
        let statement = sql::with_rows("UPDATE messages SET thread = $1 WHERE id IN (VALUES :rows)", 2, 1, run.len());
        let mut query = sqlx::query(statement).bind(thread);
        for message in run {
            query = query.bind(*message);
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// Ends the threads that no message stands in.
///
/// # Errors
///
/// Fails where the store does.
pub async fn end_empty(db: &mut AnyConnection) -> Result<()> {
    sqlx::query("DELETE FROM threads WHERE NOT EXISTS (SELECT 1 FROM messages WHERE messages.thread = threads.id)")
        .execute(db)
        .await?;
    Ok(())
}

/// A message of an account, and how it stands in its thread.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Member {
    /// Its number.
    pub message: i64,
    /// Its thread.
    pub thread: Option<i64>,
    /// By what it was joined.
    pub how: Option<String>,
    /// What watching knows of it, as JSON.
    pub entry: Option<String>,
    /// Its whole reading, as JSON.
    pub doc: String,
}

/// Every message of an account, the oldest first.
///
/// # Errors
///
/// Fails where the store does.
pub async fn members(db: &mut AnyConnection, account: &str) -> Result<Vec<Member>> {
    Ok(sqlx::query_as(
        "SELECT messages.id AS message, thread, joins.how, entry, doc
         FROM messages LEFT JOIN joins ON joins.message = messages.id
         WHERE account = $1 ORDER BY sent_us, content_key",
    )
    .bind(account)
    .fetch_all(db)
    .await?)
}

/// The accounts that have threads.
///
/// # Errors
///
/// Fails where the store does.
pub async fn accounts(db: &mut AnyConnection) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar("SELECT DISTINCT account FROM threads ORDER BY account").fetch_all(db).await?)
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
