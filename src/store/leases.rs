//! What one daemon at a time does, and until when it may.
//!
//! A lease is a row with an end on the wall clock. Its owner renews it long before;
//! after a crash another daemon takes it when it has ended. Whoever writes under a
//! lease asks [`hold`] in the same transaction, so that a daemon that was
//! suspended past its end writes nothing.

use jiff::Timestamp;
use sqlx::AnyConnection;

use super::Result;

/// Takes a lease that is free, ended, or ours already; false where another has it.
///
/// # Errors
///
/// Fails where the store does.
pub async fn take(db: &mut AnyConnection, name: &str, owner: &str, now: Timestamp, until: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO leases (name, owner, until_us) VALUES ($1, $2, $4)
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_us = excluded.until_us
         WHERE leases.owner = excluded.owner OR leases.until_us <= $3",
    )
    .bind(name)
    .bind(owner)
    .bind(now.as_microsecond())
    .bind(until.as_microsecond())
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether a lease is still ours; it stays so until the transaction ends.
///
/// # Errors
///
/// Fails where the store does.
pub async fn hold(db: &mut AnyConnection, name: &str, owner: &str) -> Result<bool> {
    let done = sqlx::query("UPDATE leases SET owner = owner WHERE name = $1 AND owner = $2")
        .bind(name)
        .bind(owner)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives back everything that an owner holds.
///
/// # Errors
///
/// Fails where the store does.
pub async fn release(db: &mut AnyConnection, owner: &str) -> Result<()> {
    sqlx::query("DELETE FROM leases WHERE owner = $1").bind(owner).execute(db).await?;
    Ok(())
}

/// Ends every lease: whoever held one is known to be gone.
///
/// # Errors
///
/// Fails where the store does.
pub async fn clear(db: &mut AnyConnection) -> Result<()> {
    sqlx::query("DELETE FROM leases").execute(db).await?;
    Ok(())
}
