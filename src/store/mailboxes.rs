//! How far each mailbox is read, and that nothing in it is missed.
//!
//! A folder under one UIDVALIDITY is an epoch, with a cursor of its own. The cursor
//! moves in the transaction that keeps what lies below it, so a UID below it is
//! stored as a copy, or absent for a reason that is recorded.

use jiff::Timestamp;
use sqlx::{AnyConnection, FromRow};

use super::{Result, sql};

/// A folder of a mailbox under one UIDVALIDITY.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// Name of the mailbox in the settings.
    pub mailbox: String,
    /// Folder on its server.
    pub folder: String,
    /// The server's own word for the epoch.
    pub uid_validity: u32,
}

impl Epoch {
    /// What names a message of it as a copy; in order of UID.
    #[must_use]
    pub fn source(&self, uid: u32) -> String {
        format!("{}{uid:010}", self.prefix())
    }

    fn prefix(&self) -> String {
        format!("imap:{}/{}/{}/", self.mailbox, self.folder, self.uid_validity)
    }

    /// The UID in a source of this epoch.
    fn uid_of(&self, source: &str) -> Option<u32> {
        source.strip_prefix(self.prefix().as_str())?.parse().ok()
    }
}

/// Whether a source names a message of a mailbox.
pub(super) fn is_of_mailbox(source: &str) -> bool {
    source.starts_with("imap:")
}

/// How far an epoch is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Cursor {
    /// The first UID that is not yet kept.
    pub next_uid: i64,
    /// The first UID that was not there when the epoch began; `None` before the first listing.
    pub news_from: Option<i64>,
    /// The first UID that was not yet flagged or moved.
    pub settled_uid: i64,
    /// Last successful poll, in unix microseconds; when the epoch began, where there was none.
    pub polled_us: i64,
}

/// What became of everything that a mailbox ever listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages listed by the server.
    pub listed: i64,
    /// Waiting to be read.
    pub waiting: i64,
    /// Read.
    pub read: i64,
    /// Copies of a message that was read.
    pub duplicate: i64,
    /// Not readable in three attempts.
    pub quarantined: i64,
    /// Gone from the server before they were fetched.
    pub gone: i64,
    /// Not to be recorded: the settings say so, or they are our own.
    pub unwanted: i64,
}

impl Tally {
    /// Listed messages of which nothing is known: anything but zero is a fault.
    #[must_use]
    pub fn missing(&self) -> i64 {
        self.listed - self.waiting - self.read - self.duplicate - self.quarantined - self.gone - self.unwanted
    }
}

/// The cursor of an epoch; a new epoch begins at UID 1.
///
/// # Errors
///
/// Fails where the store does.
pub async fn cursor(db: &mut AnyConnection, epoch: &Epoch, now: Timestamp) -> Result<Cursor> {
    // The update changes nothing; it makes both engines return the row that is there.
    Ok(sqlx::query_as(
        "INSERT INTO cursors (mailbox, folder, uid_validity, next_uid, news_from, settled_uid,
                              listed, began_us, polled_us, heard_us)
         VALUES ($1, $2, $3, 1, NULL, 1, 0, $4, $4, $4)
         ON CONFLICT (mailbox, folder, uid_validity) DO UPDATE SET began_us = cursors.began_us
         RETURNING next_uid, news_from, settled_uid, polled_us",
    )
    .bind(epoch.mailbox.as_str())
    .bind(epoch.folder.as_str())
    .bind(i64::from(epoch.uid_validity))
    .bind(now.as_microsecond())
    .fetch_one(db)
    .await?)
}

/// The last successful poll of a folder under any other UIDVALIDITY, in unix microseconds.
///
/// # Errors
///
/// Fails where the store does.
pub async fn polled_before(db: &mut AnyConnection, epoch: &Epoch) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "SELECT MAX(polled_us) FROM cursors
         WHERE mailbox = $1 AND folder = $2 AND uid_validity <> $3 AND news_from IS NOT NULL",
    )
    .bind(epoch.mailbox.as_str())
    .bind(epoch.folder.as_str())
    .bind(i64::from(epoch.uid_validity))
    .fetch_one(db)
    .await?)
}

/// Records the first listing of an epoch: UIDs below `news_from` were there before us.
///
/// # Errors
///
/// Fails where the store does.
pub async fn first_listing(db: &mut AnyConnection, epoch: &Epoch, news_from: i64) -> Result<()> {
    sqlx::query(
        "UPDATE cursors SET news_from = $4
         WHERE mailbox = $1 AND folder = $2 AND uid_validity = $3 AND news_from IS NULL",
    )
    .bind(epoch.mailbox.as_str())
    .bind(epoch.folder.as_str())
    .bind(i64::from(epoch.uid_validity))
    .bind(news_from)
    .execute(db)
    .await?;
    Ok(())
}

/// Moves the cursor behind `listed` messages that are kept or absent; where there is one, the
/// mailbox is heard of now.
///
/// # Errors
///
/// Fails where the store does.
pub async fn advance(db: &mut AnyConnection, epoch: &Epoch, next_uid: i64, listed: i64, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE cursors SET next_uid = CASE WHEN next_uid < $4 THEN $4 ELSE next_uid END, listed = listed + $5,
                            heard_us = CASE WHEN $5 > 0 THEN $6 ELSE heard_us END
         WHERE mailbox = $1 AND folder = $2 AND uid_validity = $3",
    )
    .bind(epoch.mailbox.as_str())
    .bind(epoch.folder.as_str())
    .bind(i64::from(epoch.uid_validity))
    .bind(next_uid)
    .bind(listed)
    .bind(now.as_microsecond())
    .execute(db)
    .await?;
    Ok(())
}

/// Records that everything the server lists is kept.
///
/// # Errors
///
/// Fails where the store does.
pub async fn polled(db: &mut AnyConnection, epoch: &Epoch, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE cursors SET polled_us = $4
         WHERE mailbox = $1 AND folder = $2 AND uid_validity = $3 AND polled_us < $4",
    )
    .bind(epoch.mailbox.as_str())
    .bind(epoch.folder.as_str())
    .bind(i64::from(epoch.uid_validity))
    .bind(now.as_microsecond())
    .execute(db)
    .await?;
    Ok(())
}

/// How a mailbox has been of late; instants in unix microseconds.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Pulse {
    /// Its name.
    pub mailbox: String,
    /// Its last successful poll.
    pub polled_us: i64,
    /// When a message was last found in it, or it was first opened.
    pub heard_us: i64,
    /// How often it was numbered anew since the instant asked for.
    pub epochs: i64,
}

/// How each mailbox has been, by name; `since` is from when on its epochs are counted.
///
/// # Errors
///
/// Fails where the store does.
pub async fn pulses(db: &mut AnyConnection, since: Timestamp) -> Result<Vec<Pulse>> {
    Ok(sqlx::query_as(
        "SELECT mailbox, MAX(polled_us) AS polled_us, MAX(heard_us) AS heard_us,
                COUNT(CASE WHEN began_us >= $1 THEN 1 END) AS epochs
         FROM cursors GROUP BY mailbox ORDER BY mailbox",
    )
    .bind(since.as_microsecond())
    .fetch_all(db)
    .await?)
}

/// Records that messages below a UID were flagged or moved.
///
/// # Errors
///
/// Fails where the store does.
pub async fn settled(db: &mut AnyConnection, epoch: &Epoch, below: i64) -> Result<()> {
    sqlx::query(
        "UPDATE cursors SET settled_uid = $4
         WHERE mailbox = $1 AND folder = $2 AND uid_validity = $3 AND settled_uid < $4",
    )
    .bind(epoch.mailbox.as_str())
    .bind(epoch.folder.as_str())
    .bind(i64::from(epoch.uid_validity))
    .bind(below)
    .execute(db)
    .await?;
    Ok(())
}

/// Records that messages were listed, and gone before they could be fetched.
///
/// # Errors
///
/// Fails where the store does.
pub async fn gone(db: &mut AnyConnection, epoch: &Epoch, uids: &[u32], now: Timestamp) -> Result<()> {
    for run in sql::runs(uids) {
        let statement = sql::with_rows(
            "INSERT INTO absent (source, why, at_us) VALUES :rows ON CONFLICT (source) DO NOTHING",
            1,
            3,
            run.len(),
        );
        let mut query = sqlx::query(statement);
        for uid in run {
            query = query.bind(sql::key(&epoch.source(*uid)).into_owned()).bind("gone").bind(now.as_microsecond());
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// Which of these UIDs are neither stored nor absent for a known reason.
///
/// # Errors
///
/// Fails where the store does.
pub async fn missing(db: &mut AnyConnection, epoch: &Epoch, uids: &[u32]) -> Result<Vec<u32>> {
    let (Some(first), Some(last)) = (uids.iter().min(), uids.iter().max()) else {
        return Ok(Vec::new());
    };
    let known: Vec<String> = sqlx::query_scalar(
        "SELECT source FROM copies WHERE source >= $1 AND source <= $2
         UNION ALL SELECT source FROM absent WHERE source >= $1 AND source <= $2",
    )
    .bind(epoch.source(*first))
    .bind(epoch.source(*last))
    .fetch_all(db)
    .await?;
    let known: std::collections::HashSet<u32> = known.iter().filter_map(|source| epoch.uid_of(source)).collect();
    Ok(uids.iter().copied().filter(|uid| !known.contains(uid)).collect())
}

/// What became of everything that a mailbox ever listed, in all its epochs.
///
/// # Errors
///
/// Fails where the store does.
pub async fn tally(db: &mut AnyConnection, mailbox: &str) -> Result<Tally> {
    let listed: i64 =
        sqlx::query_scalar("SELECT CAST(COALESCE(SUM(listed), 0) AS BIGINT) FROM cursors WHERE mailbox = $1")
            .bind(mailbox)
            .fetch_one(&mut *db)
            .await?;
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT state, COUNT(*) FROM copies WHERE source >= $1 AND source < $2 GROUP BY state
         UNION ALL SELECT why, COUNT(*) FROM absent WHERE source >= $1 AND source < $2 GROUP BY why",
    )
    // '0' comes after '/': everything below the mailbox.
    .bind(format!("imap:{mailbox}/"))
    .bind(format!("imap:{mailbox}0"))
    .fetch_all(db)
    .await?;
    let mut tally = Tally { listed, ..Tally::default() };
    for (state, count) in rows {
        match state.as_str() {
            "waiting" => tally.waiting = count,
            "read" => tally.read = count,
            "duplicate" => tally.duplicate = count,
            "quarantined" => tally.quarantined = count,
            "gone" => tally.gone = count,
            _ => tally.unwanted = count,
        }
    }
    Ok(tally)
}
