//! Mail that the firm said is never to be recorded: taken out again, bytes and all.

use sqlx::AnyConnection;

use super::Result;

/// Forgets a copy, and its bytes unless another copy has the same.
///
/// # Errors
///
/// Fails where the store does.
pub async fn forget(db: &mut AnyConnection, copy: i64) -> Result<()> {
    let hash: Option<Vec<u8>> = sqlx::query_scalar("DELETE FROM copies WHERE id = $1 RETURNING hash")
        .bind(copy)
        .fetch_optional(&mut *db)
        .await?;
    let Some(hash) = hash else { return Ok(()) };
    sqlx::query(
        "DELETE FROM contents
         WHERE hash = $1 AND NOT EXISTS (SELECT 1 FROM copies WHERE copies.hash = contents.hash)",
    )
    .bind(hash)
    .execute(db)
    .await?;
    Ok(())
}
