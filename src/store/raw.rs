//! Raw bytes and the copies they came in, from the moment they are kept.
//!
//! A copy is `waiting` until it is `read`, found to be a `duplicate`, or, after
//! three attempts that were each counted beforehand, `quarantined` with its
//! error. It is never dropped, and keeping it again changes nothing.

use std::collections::HashMap;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, FromRow};

use super::{Result, sql};

/// Attempts before a copy is quarantined.
pub const MOST_ATTEMPTS: i64 = 3;

/// Bytes above which contents are stored one a statement.
const SMALL_BYTES: usize = 64 * 1024;
/// Bytes of a large content that are handled at a time.
const PIECE_BYTES: usize = 1024 * 1024;

/// A message larger than this is not looked at whole (`intake::LARGEST`); its beginning is.
const LOOKED_AT_BYTES: i64 = 25 * 1024 * 1024;
const BEGINNING_BYTES: i64 = 1024 * 1024;

/// Bytes of a quarantined copy that are shown.
const HEAD_BYTES: i64 = 16 * 1024;

/// A message as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCopy {
    /// Where it was found; what makes two copies the same.
    pub source: String,
    /// What is stored of it: all, or above the limit the headers and a beginning.
    pub bytes: Vec<u8>,
    /// Its whole size.
    pub whole_bytes: i64,
    /// When it reached us, in unix microseconds, where it says so.
    pub arrived_us: Option<i64>,
    /// Whether it is history rather than news.
    pub history: bool,
}

/// What became of a copy that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The copy.
    pub copy: i64,
    /// Whether it had been kept before.
    pub known: bool,
}

/// A copy that waits to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The copy.
    pub copy: i64,
    /// Where it was found.
    pub source: String,
    /// What is stored of it; of a message too large to be looked at whole, its beginning.
    pub bytes: Vec<u8>,
    /// Its whole size.
    pub whole_bytes: i64,
    /// Attempts so far.
    pub attempts: i64,
    /// When it reached us, in unix microseconds, where it says so.
    pub arrived_us: Option<i64>,
    /// When it was kept, in unix microseconds.
    pub kept_us: i64,
    /// Whether it is history rather than news.
    pub history: bool,
}

/// What became of a copy that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The copy.
    pub copy: i64,
    /// The message it holds; `None` where there is nothing to file.
    pub message: Option<i64>,
    /// `read` or `duplicate`.
    pub state: &'static str,
}

/// A copy that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Quarantined {
    /// The copy.
    pub copy: i64,
    /// Where it was found.
    pub source: String,
    /// Its first 16 KiB.
    pub bytes_head: Vec<u8>,
    /// Its whole size.
    pub whole_bytes: i64,
    /// What went wrong last.
    pub error: String,
    /// Attempts so far.
    pub attempts: i64,
    /// When it was quarantined, in unix microseconds.
    pub at_us: i64,
}

/// How many copies are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// To be read.
    pub waiting: i64,
    /// Read.
    pub read: i64,
    /// Further copies of a message that was read.
    pub duplicate: i64,
    /// Not readable in three attempts.
    pub quarantined: i64,
}

/// Stores copies and their bytes; answers in the order given.
///
/// # Errors
///
/// Fails where the store does.
pub async fn keep(db: &mut AnyConnection, copies: &[NewCopy], now: Timestamp) -> Result<Vec<Kept>> {
    let before = ids_of(db, copies.iter()).await?;
    let is_new = |copy: &&NewCopy| !before.contains_key(&*sql::key(&copy.source));
    let mut new: Vec<(&NewCopy, [u8; 32])> =
        copies.iter().filter(is_new).map(|copy| (copy, Sha256::digest(&copy.bytes).into())).collect();
    // In one order, so that two processes never wait for each other.
    new.sort_unstable_by_key(|(_, hash)| *hash);
    insert_contents(db, &new).await?;
    new.sort_unstable_by(|a, b| a.0.source.cmp(&b.0.source));
    let mut added = HashMap::with_capacity(new.len());
    insert_copies(db, &new, now, &mut added).await?;
    // Another process may have kept some of them since we looked.
    let missed = copies.iter().filter(is_new).filter(|copy| !added.contains_key(&*sql::key(&copy.source)));
    let meanwhile = ids_of(db, missed).await?;
    let mut first_time = added.clone();
    let kept = copies.iter().filter_map(|copy| {
        let source = sql::key(&copy.source);
        let known = first_time.remove(&*source).is_none();
        let found = before.get(&*source).or(added.get(&*source)).or(meanwhile.get(&*source));
        Some(Kept { copy: *found?, known })
    });
    Ok(kept.collect())
}

/// The copies that are already known, by source.
async fn ids_of<'a>(db: &mut AnyConnection, copies: impl Iterator<Item = &'a NewCopy>) -> Result<HashMap<String, i64>> {
    let sources: Vec<_> = copies.map(|copy| sql::key(&copy.source)).collect();
    let mut known = HashMap::new();
    for run in sql::runs(&sources) {
        let statement = sql::with_rows("SELECT source, id FROM copies WHERE source IN (VALUES :rows)", 1, 1, run.len());
        let mut query = sqlx::query_as::<_, (String, i64)>(statement);
        for source in run {
            query = query.bind(source.as_ref());
        }
        known.extend(query.fetch_all(&mut *db).await?);
    }
    Ok(known)
}

async fn insert_contents(db: &mut AnyConnection, new: &[(&NewCopy, [u8; 32])]) -> Result<()> {
    let is_small = |(copy, _): &&(&NewCopy, [u8; 32])| copy.bytes.len() <= SMALL_BYTES;
    let (small, large): (Vec<_>, Vec<_>) = new.iter().partition(is_small);
    for run in sql::runs(&small).chain(large.chunks(1)) {
        let statement = sql::with_rows(
            "INSERT INTO contents (hash, bytes) VALUES :rows ON CONFLICT (hash) DO NOTHING",
            1,
            2,
            run.len(),
        );
        let mut query = sqlx::query(statement);
        for (copy, hash) in run {
            let first = copy.bytes.chunks(PIECE_BYTES).next().unwrap_or_default();
            query = query.bind(hash.as_slice()).bind(first);
        }
        query.execute(&mut *db).await?;
    }
    for (copy, hash) in &large {
        for (number, piece) in (1_i64..).zip(copy.bytes.chunks(PIECE_BYTES).skip(1)) {
            sqlx::query("INSERT INTO pieces (hash, number, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(hash.as_slice())
                .bind(number)
                .bind(piece)
                .execute(&mut *db)
                .await?;
        }
    }
    Ok(())
}

/// What a content has beyond `first`, its first piece.
async fn with_pieces(db: &mut AnyConnection, copy: i64, mut first: Vec<u8>, stored_bytes: i64) -> Result<Vec<u8>> {
    let stored = usize::try_from(stored_bytes).unwrap_or(usize::MAX);
    first.reserve_exact(stored.saturating_sub(first.len()));
    for number in 1_i64.. {
        if first.len() >= stored {
            break;
        }
        let piece: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT pieces.bytes FROM copies JOIN pieces ON pieces.hash = copies.hash
             WHERE copies.id = $1 AND pieces.number = $2",
        )
        .bind(copy)
        .bind(number)
        .fetch_optional(&mut *db)
        .await?;
        let Some(piece) = piece else { break };
        first.extend_from_slice(&piece);
    }
    Ok(first)
}

async fn insert_copies(
    db: &mut AnyConnection,
    new: &[(&NewCopy, [u8; 32])],
    now: Timestamp,
    added: &mut HashMap<String, i64>,
) -> Result<()> {
    for run in sql::runs(new) {
        let statement = sql::with_rows(
            "INSERT INTO copies (source, hash, whole_bytes, stored_bytes, arrived_us, kept_us,
                                 history, state, attempts, changed_us)
             VALUES :rows
             ON CONFLICT (source) DO NOTHING
             RETURNING source, id",
            1,
            10,
            run.len(),
        );
        let mut query = sqlx::query_as::<_, (String, i64)>(statement);
        for (copy, hash) in run {
            query = query
                .bind(sql::key(&copy.source).into_owned())
                .bind(hash.as_slice())
                .bind(copy.whole_bytes)
                .bind(i64::try_from(copy.bytes.len()).unwrap_or(i64::MAX))
                .bind(copy.arrived_us)
                .bind(now.as_microsecond())
                .bind(i64::from(copy.history))
                .bind("waiting")
                .bind(0_i64)
                .bind(now.as_microsecond());
        }
        added.extend(query.fetch_all(&mut *db).await?);
    }
    Ok(())
}

/// Those that wait to be read, in order of arrival, then of source: up to
/// `limit`, and no more once they hold `max_bytes`.
///
/// # Errors
///
/// Fails where the store does.
pub async fn waiting(db: &mut AnyConnection, limit: i64, max_bytes: i64) -> Result<Vec<Waiting>> {
    type Row = (i64, String, Vec<u8>, i64, i64, i64, Option<i64>, i64, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, source,
                CASE WHEN stored_bytes > $4 THEN SUBSTR(bytes, 1, CAST($5 AS INTEGER)) ELSE bytes END,
                stored_bytes, whole_bytes, attempts, arrived_us, kept_us, history
         FROM (SELECT id, source, hash, whole_bytes, stored_bytes, attempts, arrived_us, kept_us, history, order_us,
                      SUM(stored_bytes) OVER (ORDER BY order_us, source) - stored_bytes AS before_bytes
               FROM (SELECT copies.*, COALESCE(arrived_us, kept_us) AS order_us
                     FROM copies WHERE state = 'waiting' AND attempts < $3
                     ORDER BY COALESCE(arrived_us, kept_us), source LIMIT $1) AS first) AS next
         JOIN contents ON contents.hash = next.hash
         WHERE before_bytes < $2
         ORDER BY order_us, source",
    )
    .bind(limit)
    .bind(max_bytes)
    .bind(MOST_ATTEMPTS)
    .bind(LOOKED_AT_BYTES)
    .bind(BEGINNING_BYTES)
    .fetch_all(&mut *db)
    .await?;
    let mut waiting = Vec::with_capacity(rows.len());
    for (copy, source, first, stored_bytes, whole_bytes, attempts, arrived_us, kept_us, history) in rows {
        let bytes =
            if stored_bytes > LOOKED_AT_BYTES { first } else { with_pieces(db, copy, first, stored_bytes).await? };
        waiting.push(Waiting {
            copy,
            source,
            bytes,
            whole_bytes,
            attempts,
            arrived_us,
            kept_us,
            history: history != 0,
        });
    }
    Ok(waiting)
}

/// Counts an attempt for each; to be committed before the attempt is made.
///
/// # Errors
///
/// Fails where the store does.
pub async fn count_attempts(db: &mut AnyConnection, copies: &[i64], now: Timestamp) -> Result<()> {
    for run in sql::runs(copies) {
        let statement = sql::with_rows(
            "UPDATE copies SET attempts = attempts + 1, changed_us = $1 WHERE id IN (VALUES :rows)",
            2,
            1,
            run.len(),
        );
        let mut query = sqlx::query(statement).bind(now.as_microsecond());
        for copy in run {
            query = query.bind(*copy);
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// Records that a copy was `read`, or is a `duplicate`, and of which message.
///
/// # Errors
///
/// Fails where the store does.
pub async fn settle(db: &mut AnyConnection, copy: i64, message: Option<i64>, state: &'static str) -> Result<()> {
    let settled = Settled { copy, message, state };
    settle_all(db, &[settled]).await
}

/// Records of each copy that it was `read`, or is a `duplicate`, and of which message.
///
/// # Errors
///
/// Fails where the store does.
pub async fn settle_all(db: &mut AnyConnection, settled: &[Settled]) -> Result<()> {
    for run in sql::runs(settled) {
        // Both engines name the columns of VALUES so.
        let statement = sql::with_rows(
            "UPDATE copies SET message = given.column2, state = given.column3, error = NULL
             FROM (VALUES :rows) AS given WHERE copies.id = given.column1",
            1,
            3,
            run.len(),
        );
        let mut query = sqlx::query(statement);
        for one in run {
            query = query.bind(one.copy).bind(one.message).bind(one.state);
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// Records why an attempt failed; after the third the copy is quarantined.
///
/// # Errors
///
/// Fails where the store does.
pub async fn record_failure(db: &mut AnyConnection, copy: i64, error: &str, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE copies
         SET error = $2, changed_us = $3,
             state = CASE WHEN attempts >= $4 THEN 'quarantined' ELSE state END
         WHERE id = $1 AND state = 'waiting'",
    )
    .bind(copy)
    .bind(sql::text(error).as_ref())
    .bind(now.as_microsecond())
    .bind(MOST_ATTEMPTS)
    .execute(db)
    .await?;
    Ok(())
}

/// Quarantines those whose third attempt ended with the program itself, and says how many.
///
/// # Errors
///
/// Fails where the store does.
pub async fn quarantine_exhausted(db: &mut AnyConnection, now: Timestamp) -> Result<u64> {
    let done = sqlx::query(
        "UPDATE copies
         SET state = 'quarantined', changed_us = $1, error = 'the program ended while reading it'
         WHERE state = 'waiting' AND attempts >= $2",
    )
    .bind(now.as_microsecond())
    .bind(MOST_ATTEMPTS)
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Those in quarantine, the oldest first.
///
/// # Errors
///
/// Fails where the store does.
pub async fn quarantined(db: &mut AnyConnection) -> Result<Vec<Quarantined>> {
    Ok(sqlx::query_as(
        "SELECT id AS copy, source, COALESCE(SUBSTR(bytes, 1, CAST($1 AS INTEGER)), bytes) AS bytes_head,
                whole_bytes, COALESCE(error, '') AS error, attempts, changed_us AS at_us
         FROM copies JOIN contents ON contents.hash = copies.hash
         WHERE state = 'quarantined'
         ORDER BY changed_us, source",
    )
    .bind(HEAD_BYTES)
    .fetch_all(db)
    .await?)
}

/// Lets one out of quarantine for three more attempts; says how many that were.
///
/// # Errors
///
/// Fails where the store does.
pub async fn retry(db: &mut AnyConnection, copy: i64, now: Timestamp) -> Result<u64> {
    let done = sqlx::query(
        "UPDATE copies SET state = 'waiting', attempts = 0, error = NULL, changed_us = $2
         WHERE state = 'quarantined' AND id = $1",
    )
    .bind(copy)
    .bind(now.as_microsecond())
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Lets all out of quarantine for three more attempts; says how many that were.
///
/// # Errors
///
/// Fails where the store does.
pub async fn retry_all(db: &mut AnyConnection, now: Timestamp) -> Result<u64> {
    let done = sqlx::query(
        "UPDATE copies SET state = 'waiting', attempts = 0, error = NULL, changed_us = $1
         WHERE state = 'quarantined'",
    )
    .bind(now.as_microsecond())
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// How many copies are in each state.
///
/// # Errors
///
/// Fails where the store does.
pub async fn counts(db: &mut AnyConnection) -> Result<Counts> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, COUNT(*) FROM copies GROUP BY state").fetch_all(db).await?;
    let mut counts = Counts::default();
    for (state, count) in rows {
        match state.as_str() {
            "waiting" => counts.waiting = count,
            "read" => counts.read = count,
            "duplicate" => counts.duplicate = count,
            _ => counts.quarantined += count,
        }
    }
    Ok(counts)
}

/// What is stored of a copy.
///
/// # Errors
///
/// Fails where the store does.
pub async fn bytes_of(db: &mut AnyConnection, copy: i64) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>, i64)> = sqlx::query_as(
        "SELECT bytes, stored_bytes FROM contents JOIN copies ON copies.hash = contents.hash WHERE copies.id = $1",
    )
    .bind(copy)
    .fetch_optional(&mut *db)
    .await?;
    match row {
        Some((first, stored_bytes)) => Ok(Some(with_pieces(db, copy, first, stored_bytes).await?)),
        None => Ok(None),
    }
}
