//! Messages, as they were read, filed and shortened for watching.
//!
//! A message is stored once, whatever number of copies came of it: its content
//! key is unique. Identifiers and subjects beyond 800 bytes are kept by their
//! beginning and hash, and found by their full text all the same.

use jiff::Timestamp;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, FromRow, Row};

use super::{Result, sql};

/// A message to be stored. Instants are unix microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewMessage {
    /// What makes two copies the same message.
    pub content_key: String,
    /// Message-ID of the file that was read.
    pub message_id: Option<String>,
    /// Message-ID of the original it forwards.
    pub original_id: Option<String>,
    /// The account it belongs to.
    pub account: Option<String>,
    /// The thread it stands in.
    pub thread: Option<i64>,
    /// Inbound, outbound or internal.
    pub direction: Option<String>,
    /// Why it counts as automatic.
    pub automatic: Option<String>,
    /// Subject as written.
    pub subject: String,
    /// Subject without prefixes, for joining.
    pub base_subject: String,
    /// Its author.
    pub from_address: String,
    /// All addresses in it, lower case, separated by spaces.
    pub people: String,
    /// When it was written.
    pub sent_us: i64,
    /// When it reached us.
    pub arrived_us: i64,
    /// Whether it is history rather than news.
    pub history: bool,
    /// Why it was filed as it was.
    pub evidence: String,
    /// What `watch` folds, as JSON.
    pub entry: Option<String>,
    /// The whole reading, as JSON.
    pub doc: String,
}

/// A stored message, without its documents. Instants are unix microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// The message.
    pub message: i64,
    /// What makes two copies the same message.
    pub content_key: String,
    /// Message-ID of the file that was read.
    pub message_id: Option<String>,
    /// Message-ID of the original it forwards.
    pub original_id: Option<String>,
    /// The account it belongs to.
    pub account: Option<String>,
    /// The thread it stands in.
    pub thread: Option<i64>,
    /// Inbound, outbound or internal.
    pub direction: Option<String>,
    /// Why it counts as automatic.
    pub automatic: Option<String>,
    /// Subject as written.
    pub subject: String,
    /// Subject without prefixes.
    pub base_subject: String,
    /// Its author.
    pub from_address: String,
    /// All addresses in it.
    pub people: String,
    /// When it was written.
    pub sent_us: i64,
    /// When it reached us.
    pub arrived_us: i64,
    /// Whether it is history rather than news.
    pub history: bool,
    /// Why it was filed as it was.
    pub evidence: String,
}

/// What threading must know of an earlier message.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct KnownMessage {
    /// The message.
    pub message: i64,
    /// The identifier that was asked for; where none was, its Message-ID.
    pub message_id: Option<String>,
    /// The thread it stands in.
    pub thread: Option<i64>,
    /// Subject without prefixes.
    pub base_subject: String,
    /// When it was written, in unix microseconds.
    pub sent_us: i64,
    /// All addresses in it, lower case, separated by spaces.
    pub people: String,
}

/// Stores a message and returns its number.
///
/// # Errors
///
/// Fails where the store does, and where its content key is known already.
pub async fn insert(db: &mut AnyConnection, message: &NewMessage) -> Result<i64> {
    let statement = sql::with_rows(INSERT, 1, COLUMNS, 1);
    let row = bind(sqlx::query(statement), message).fetch_one(db).await?;
    Ok(row.try_get(0)?)
}

/// Stores messages, and returns their numbers in the same order.
///
/// # Errors
///
/// Fails where the store does, and where a content key is known already.
pub async fn insert_all(db: &mut AnyConnection, messages: &[NewMessage]) -> Result<Vec<i64>> {
    let mut numbers = Vec::with_capacity(messages.len());
    for run in sql::runs(messages) {
        let mut query = sqlx::query(sql::with_rows(INSERT, 1, COLUMNS, run.len()));
        for message in run {
            query = bind(query, message);
        }
        // No engine promises the order in which it returns rows.
        let mut rows: Vec<(String, i64)> = Vec::with_capacity(run.len());
        for row in query.fetch_all(&mut *db).await? {
            rows.push((row.try_get(1)?, row.try_get(0)?));
        }
        rows.sort_unstable();
        numbers.extend(run.iter().filter_map(|message| {
            let at = rows.binary_search_by(|(key, _)| key.as_str().cmp(&message.content_key));
            at.ok().and_then(|at| rows.get(at)).map(|(_, number)| *number)
        }));
    }
    Ok(numbers)
}

const COLUMNS: usize = 17;
const INSERT: &str = "INSERT INTO messages (content_key, message_id, original_id, account, thread,
         direction, automatic, subject, base_subject, from_address, people,
         sent_us, arrived_us, history, evidence, entry, doc)
     VALUES :rows
     RETURNING id, content_key";

type Statement<'q> = Query<'q, Any, AnyArguments>;

fn bind<'q>(query: Statement<'q>, message: &NewMessage) -> Statement<'q> {
    let key = |text: &Option<String>| text.as_deref().map(|text| sql::key(text).into_owned());
    query
        .bind(message.content_key.clone())
        .bind(key(&message.message_id))
        .bind(key(&message.original_id))
        .bind(message.account.clone())
        .bind(message.thread)
        .bind(message.direction.clone())
        .bind(message.automatic.clone())
        .bind(sql::text(&message.subject).into_owned())
        .bind(sql::key(&message.base_subject).into_owned())
        .bind(sql::text(&message.from_address).into_owned())
        .bind(sql::text(&message.people).into_owned())
        .bind(message.sent_us)
        .bind(message.arrived_us)
        .bind(i64::from(message.history))
        .bind(sql::text(&message.evidence).into_owned())
        .bind(message.entry.as_deref().map(|entry| sql::text(entry).into_owned()))
        .bind(sql::text(&message.doc).into_owned())
}

/// The message with this content.
///
/// # Errors
///
/// Fails where the store does.
pub async fn by_content_key(db: &mut AnyConnection, content_key: &str) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar("SELECT id FROM messages WHERE content_key = $1")
        .bind(content_key)
        .fetch_optional(db)
        .await?)
}

/// The messages with one of these contents, each with its content key.
///
/// # Errors
///
/// Fails where the store does.
pub async fn by_content_keys(db: &mut AnyConnection, content_keys: &[String]) -> Result<Vec<(String, i64)>> {
    let mut known = Vec::new();
    for run in sql::runs(content_keys) {
        let statement =
            sql::with_rows("SELECT content_key, id FROM messages WHERE content_key IN (VALUES :rows)", 1, 1, run.len());
        let mut query = sqlx::query_as(statement);
        for key in run {
            query = query.bind(key.as_str());
        }
        known.extend(query.fetch_all(&mut *db).await?);
    }
    Ok(known)
}

/// Messages of an account that have, or forward a message that has, one of
/// these Message-IDs; each row names the one it has.
///
/// # Errors
///
/// Fails where the store does.
pub async fn known_ids(db: &mut AnyConnection, account: &str, message_ids: &[String]) -> Result<Vec<KnownMessage>> {
    let mut known = Vec::new();
    for run in sql::runs(message_ids) {
        let statement = sql::with_rows(
            "SELECT id AS message, message_id, thread, base_subject, sent_us, people
             FROM messages WHERE account = $1 AND message_id IN (VALUES :rows)
             UNION
             SELECT id, original_id, thread, base_subject, sent_us, people
             FROM messages WHERE account = $1 AND original_id IN (VALUES :rows)",
            2,
            1,
            run.len(),
        );
        let mut query = sqlx::query_as::<_, KnownMessage>(statement).bind(account);
        for id in run {
            query = query.bind(sql::key(id).into_owned());
        }
        known.extend(query.fetch_all(&mut *db).await?);
    }
    known.sort_unstable_by_key(|message| message.message);
    Ok(known)
}

/// The newest messages of an account with this base subject, written between two instants.
///
/// # Errors
///
/// Fails where the store does.
pub async fn by_subject(
    db: &mut AnyConnection,
    account: &str,
    base_subject: &str,
    (since, until): (Timestamp, Timestamp),
) -> Result<Vec<KnownMessage>> {
    Ok(sqlx::query_as(
        "SELECT id AS message, message_id, thread, base_subject, sent_us, people
         FROM messages WHERE account = $1 AND base_subject = $2 AND sent_us >= $3 AND sent_us <= $4
         ORDER BY sent_us DESC, content_key LIMIT 200",
    )
    .bind(account)
    .bind(sql::key(base_subject).into_owned())
    .bind(since.as_microsecond())
    .bind(until.as_microsecond())
    .fetch_all(db)
    .await?)
}

/// What there is to fold of an account: message and entry, in the order of the fold.
///
/// # Errors
///
/// Fails where the store does.
pub async fn entries(db: &mut AnyConnection, account: &str) -> Result<Vec<(i64, String)>> {
    Ok(sqlx::query_as(
        "SELECT id, entry FROM messages WHERE account = $1 AND entry IS NOT NULL
         ORDER BY sent_us, content_key",
    )
    .bind(account)
    .fetch_all(db)
    .await?)
}

/// The whole reading of a message, as JSON.
///
/// # Errors
///
/// Fails where the store does.
pub async fn doc(db: &mut AnyConnection, message: i64) -> Result<Option<String>> {
    Ok(sqlx::query_scalar("SELECT doc FROM messages WHERE id = $1").bind(message).fetch_optional(db).await?)
}

/// A message without its documents.
///
/// # Errors
///
/// Fails where the store does.
pub async fn get(db: &mut AnyConnection, message: i64) -> Result<Option<MessageRow>> {
    let row = sqlx::query(
        "SELECT id, content_key, message_id, original_id, account, thread, direction, automatic,
                subject, base_subject, from_address, people, sent_us, arrived_us, history, evidence
         FROM messages WHERE id = $1",
    )
    .bind(message)
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| message_row(&row)).transpose()?)
}

/// The newest messages of an account that were written before an instant, the newest first.
///
/// # Errors
///
/// Fails where the store does.
pub async fn recent(db: &mut AnyConnection, account: &str, before_us: i64, limit: i64) -> Result<Vec<MessageRow>> {
    let rows = sqlx::query(
        "SELECT id, content_key, message_id, original_id, account, thread, direction, automatic,
                subject, base_subject, from_address, people, sent_us, arrived_us, history, evidence
         FROM messages WHERE account = $1 AND sent_us < $2
         ORDER BY sent_us DESC, content_key DESC LIMIT $3",
    )
    .bind(account)
    .bind(before_us)
    .bind(limit)
    .fetch_all(db)
    .await?;
    Ok(rows.iter().map(message_row).collect::<Result<_, sqlx::Error>>()?)
}

fn message_row(row: &AnyRow) -> Result<MessageRow, sqlx::Error> {
    Ok(MessageRow {
        message: row.try_get("id")?,
        content_key: row.try_get("content_key")?,
        message_id: row.try_get("message_id")?,
        original_id: row.try_get("original_id")?,
        account: row.try_get("account")?,
        thread: row.try_get("thread")?,
        direction: row.try_get("direction")?,
        automatic: row.try_get("automatic")?,
        subject: row.try_get("subject")?,
        base_subject: row.try_get("base_subject")?,
        from_address: row.try_get("from_address")?,
        people: row.try_get("people")?,
        sent_us: row.try_get("sent_us")?,
        arrived_us: row.try_get("arrived_us")?,
        history: row.try_get::<i64, _>("history")? != 0,
        evidence: row.try_get("evidence")?,
    })
}

/// Where the copies of a message were found, the first to arrive first.
///
/// # Errors
///
/// Fails where the store does.
pub async fn copies_of(db: &mut AnyConnection, message: i64) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "SELECT source FROM copies WHERE message = $1
         ORDER BY COALESCE(arrived_us, kept_us), source",
    )
    .bind(message)
    .fetch_all(db)
    .await?)
}

/// Where the first copy of a message was found.
///
/// # Errors
///
/// Fails where the store does.
pub async fn source_of(db: &mut AnyConnection, message: i64) -> Result<Option<String>> {
    Ok(sqlx::query_scalar(
        "SELECT source FROM copies WHERE message = $1
         ORDER BY COALESCE(arrived_us, kept_us), source LIMIT 1",
    )
    .bind(message)
    .fetch_optional(db)
    .await?)
}

/// Numbers of all messages of an account.
///
/// # Errors
///
/// Fails where the store does.
pub async fn of_account(db: &mut AnyConnection, account: &str) -> Result<Vec<i64>> {
    Ok(sqlx::query_scalar("SELECT id FROM messages WHERE account = $1 ORDER BY id").bind(account).fetch_all(db).await?)
}

/// Files messages under another account, in no thread yet, and says why.
///
/// # Errors
///
/// Fails where the store does.
pub async fn refile(db: &mut AnyConnection, messages: &[i64], account: &str, evidence: &str) -> Result<()> {
    for run in sql::runs(messages) {
        let moved = sql::with_rows(
            "UPDATE messages SET account = $1, evidence = $2, thread = NULL WHERE id IN (VALUES :rows)",
            3,
            1,
            run.len(),
        );
        let mut query = sqlx::query(moved).bind(account).bind(sql::text(evidence).into_owned());
        for message in run {
            query = query.bind(*message);
        }
        query.execute(&mut *db).await?;
        let marks = sql::with_rows("UPDATE marks SET account = $1 WHERE message IN (VALUES :rows)", 2, 1, run.len());
        let mut query = sqlx::query(marks).bind(account);
        for message in run {
            query = query.bind(*message);
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}
