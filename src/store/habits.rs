//! Paragraphs that mail of a domain repeats.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sqlx::AnyConnection;

use super::{Result, sql};

/// How often a paragraph must have been seen to be a habit.
const OFTEN: i64 = 5;
/// And over how long.
const LONG: SignedDuration = SignedDuration::from_hours(48);
/// Most habits that are handed out; those seen last come first.
const MOST: i64 = 20_000;

/// Counts that a paragraph was seen in one more message: domain, mark, and when it was written.
///
/// # Errors
///
/// Fails where the store does.
pub async fn see_all(db: &mut AnyConnection, seen: &[(String, String, i64)]) -> Result<()> {
    let mut rows: BTreeMap<(&str, &str), (i64, i64, i64)> = BTreeMap::new();
    for (domain, mark, at_us) in seen {
        let row = rows.entry((domain, mark)).or_insert((0, *at_us, *at_us));
        *row = (row.0 + 1, row.1.min(*at_us), row.2.max(*at_us));
    }
    let rows: Vec<_> = rows.into_iter().collect();
    for run in sql::runs(&rows) {
        let statement = sql::with_rows(
            "INSERT INTO habits (domain, mark, messages, first_us, last_us) VALUES :rows
             ON CONFLICT (domain, mark) DO UPDATE SET
                 messages = habits.messages + excluded.messages,
                 first_us = CASE WHEN excluded.first_us < habits.first_us THEN excluded.first_us ELSE habits.first_us END,
                 last_us = CASE WHEN excluded.last_us > habits.last_us THEN excluded.last_us ELSE habits.last_us END",
            1,
            5,
            run.len(),
        );
        let mut query = sqlx::query(statement);
        for ((domain, mark), (messages, first_us, last_us)) in run {
            query =
                query.bind(sql::key(domain).into_owned()).bind(*mark).bind(*messages).bind(*first_us).bind(*last_us);
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// What has become a habit: domain and mark.
///
/// # Errors
///
/// Fails where the store does.
pub async fn learnt(db: &mut AnyConnection) -> Result<Vec<(String, String)>> {
    let long = i64::try_from(LONG.as_micros()).unwrap_or(i64::MAX);
    Ok(sqlx::query_as(
        "SELECT domain, mark FROM habits WHERE messages >= $1 AND last_us - first_us >= $2
         ORDER BY last_us DESC, domain, mark LIMIT $3",
    )
    .bind(OFTEN)
    .bind(long)
    .bind(MOST)
    .fetch_all(db)
    .await?)
}

/// Forgets what was seen too seldom to be a habit, and not since an instant.
///
/// # Errors
///
/// Fails where the store does.
pub async fn forget_rare(db: &mut AnyConnection, before: Timestamp) -> Result<()> {
    sqlx::query("DELETE FROM habits WHERE messages < $1 AND last_us < $2")
        .bind(OFTEN)
        .bind(before.as_microsecond())
        .execute(db)
        .await?;
    Ok(())
}
