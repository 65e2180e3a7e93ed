//! The log of what members answered, and of contact that no mail shows.
//!
//! Rows are added in the order in which things happened, and never changed; the same message
//! leaves one row, however often it comes.

use sqlx::{AnyConnection, FromRow};

use super::{Result, sql};

/// An answer to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAnswer {
    /// What makes two the same.
    pub key: String,
    /// When, in unix microseconds.
    pub at_us: i64,
    /// Address of who gave it.
    pub person: String,
    /// The account it is about.
    pub account: String,
    /// What it asks for, by name.
    pub verb: String,
    /// The copy that brought it.
    pub source: String,
    /// All of it, as JSON.
    pub doc: String,
}

/// A recorded answer.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AnswerRow {
    /// Its number, in the order in which answers came.
    pub id: i64,
    /// When, in unix microseconds.
    pub at_us: i64,
    /// Address of who gave it.
    pub person: String,
    /// The account it is about.
    pub account: String,
    /// What it asks for, by name.
    pub verb: String,
    /// All of it, as JSON.
    pub doc: String,
}

/// Adds an answer; its number, or `None` where the same message has been heard before.
///
/// # Errors
///
/// Fails where the store does.
pub async fn append(db: &mut AnyConnection, new: &NewAnswer) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "INSERT INTO answers (answer_key, at_us, person, account, verb, source, doc)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (answer_key) DO NOTHING RETURNING id",
    )
    .bind(sql::key(&new.key).into_owned())
    .bind(new.at_us)
    .bind(new.person.as_str())
    .bind(new.account.as_str())
    .bind(new.verb.as_str())
    .bind(sql::text(&new.source).into_owned())
    .bind(sql::text(&new.doc).into_owned())
    .fetch_optional(db)
    .await?)
}

/// Whether the same message has been heard before.
///
/// # Errors
///
/// Fails where the store does.
pub async fn is_known(db: &mut AnyConnection, key: &str) -> Result<bool> {
    let known: Option<i64> = sqlx::query_scalar("SELECT id FROM answers WHERE answer_key = $1")
        .bind(sql::key(key).into_owned())
        .fetch_optional(db)
        .await?;
    Ok(known.is_some())
}

/// What was answered about an account, in the order in which it happened.
///
/// # Errors
///
/// Fails where the store does.
pub async fn of_account(db: &mut AnyConnection, account: &str) -> Result<Vec<AnswerRow>> {
    Ok(sqlx::query_as("SELECT id, at_us, person, account, verb, doc FROM answers WHERE account = $1 ORDER BY id")
        .bind(account)
        .fetch_all(db)
        .await?)
}

/// What was answered after `since_us` and not after `until_us`, about whatever account, in the order in which it happened.
///
/// # Errors
///
/// Fails where the store does.
pub async fn between(db: &mut AnyConnection, since_us: i64, until_us: i64) -> Result<Vec<AnswerRow>> {
    Ok(sqlx::query_as(
        "SELECT id, at_us, person, account, verb, doc FROM answers WHERE at_us > $1 AND at_us <= $2 ORDER BY id",
    )
    .bind(since_us)
    .bind(until_us)
    .fetch_all(db)
    .await?)
}

/// Answers of these four kinds and what takes them back, about whatever account: what reaches beyond one incident.
///
/// # Errors
///
/// Fails where the store does.
pub async fn far_reaching(db: &mut AnyConnection) -> Result<Vec<AnswerRow>> {
    Ok(sqlx::query_as(
        "SELECT id, at_us, person, account, verb, doc FROM answers
         WHERE verb IN ('away', 'back', 'wrong', 'file under', 'undo') ORDER BY id",
    )
    .fetch_all(db)
    .await?)
}

/// Records contact that no mail shows; how is `close` or `note`.
///
/// # Errors
///
/// Fails where the store does.
pub async fn touch(
    db: &mut AnyConnection,
    account: &str,
    key: &str,
    (at_us, person, how): (i64, &str, &'static str),
) -> Result<()> {
    sqlx::query(
        "INSERT INTO touches (account, touch_key, at_us, person, how)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account, touch_key) DO NOTHING",
    )
    .bind(account)
    .bind(sql::key(key).into_owned())
    .bind(at_us)
    .bind(person)
    .bind(how)
    .execute(db)
    .await?;
    Ok(())
}

/// Instants, in unix microseconds, at which one of us was in touch with an account beside the mail we see; oldest first.
///
/// # Errors
///
/// Fails where the store does.
pub async fn touches(db: &mut AnyConnection, account: &str) -> Result<Vec<i64>> {
    Ok(sqlx::query_scalar("SELECT at_us FROM touches WHERE account = $1 ORDER BY at_us")
        .bind(account)
        .fetch_all(db)
        .await?)
}
