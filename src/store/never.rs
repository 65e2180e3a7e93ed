//! Mail that the firm said is never to be recorded: taken out again, bytes and all.

use jiff::Timestamp;
use sqlx::AnyConnection;

use super::Result;

/// Forgets a copy, and its bytes unless another copy has the same. Of a mailbox it is
/// remembered that there was one, so that nothing seems to be missing.
///
/// # Errors
///
/// Fails where the store does.
pub async fn forget(db: &mut AnyConnection, copy: i64, now: Timestamp) -> Result<()> {
    let found: Option<(Vec<u8>, String)> = sqlx::query_as("DELETE FROM copies WHERE id = $1 RETURNING hash, source")
        .bind(copy)
        .fetch_optional(&mut *db)
        .await?;
    let Some((hash, source)) = found else { return Ok(()) };
    if super::mailboxes::is_of_mailbox(&source) {
        sqlx::query(
            "INSERT INTO absent (source, why, at_us) VALUES ($1, 'unwanted', $2) ON CONFLICT (source) DO NOTHING",
        )
        .bind(source)
        .bind(now.as_microsecond())
        .execute(&mut *db)
        .await?;
    }
    sqlx::query(
        "DELETE FROM contents
         WHERE hash = $1 AND NOT EXISTS (SELECT 1 FROM copies WHERE copies.hash = contents.hash)",
    )
    .bind(hash)
    .execute(db)
    .await?;
    Ok(())
}
