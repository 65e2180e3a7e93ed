//! What each alert lets its reader answer to. Tokens themselves are never stored.

use jiff::Timestamp;
use sqlx::{AnyConnection, FromRow};

use super::{Result, sql};

/// A token that was issued. Instants are unix microseconds.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct TokenRow {
    /// SHA-256 of the token, in hexadecimal.
    pub hash: String,
    /// Address of the one it was issued to.
    pub person: String,
    /// The account its alert was about.
    pub account: String,
    /// Incidents and the messages told, as JSON.
    pub covers: String,
    /// When it was issued.
    pub issued_us: i64,
    /// From when on it counts for nothing.
    pub expires_us: i64,
}

/// Records a token; one that is known stays as it was.
///
/// # Errors
///
/// Fails where the store does.
pub async fn issue(db: &mut AnyConnection, token: &TokenRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO tokens (hash, person, account, covers, issued_us, expires_us)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (hash) DO NOTHING",
    )
    .bind(token.hash.as_str())
    .bind(token.person.as_str())
    .bind(token.account.as_str())
    .bind(sql::text(&token.covers).into_owned())
    .bind(token.issued_us)
    .bind(token.expires_us)
    .execute(db)
    .await?;
    Ok(())
}

/// The token with this hash, whoever it was issued to and whether it holds or not.
///
/// # Errors
///
/// Fails where the store does.
pub async fn by_hash(db: &mut AnyConnection, hash: &str) -> Result<Option<TokenRow>> {
    Ok(sqlx::query_as("SELECT hash, person, account, covers, issued_us, expires_us FROM tokens WHERE hash = $1")
        .bind(hash)
        .fetch_optional(db)
        .await?)
}

/// Gives a token to somebody else: the one it was issued to will never have it.
///
/// # Errors
///
/// Fails where the store does.
pub async fn hand_over(db: &mut AnyConnection, hash: &str, person: &str) -> Result<()> {
    sqlx::query("UPDATE tokens SET person = $2 WHERE hash = $1").bind(hash).bind(person).execute(db).await?;
    Ok(())
}

/// Forgets tokens that expired before an instant.
///
/// # Errors
///
/// Fails where the store does.
pub async fn forget_expired(db: &mut AnyConnection, before: Timestamp) -> Result<()> {
    sqlx::query("DELETE FROM tokens WHERE expires_us < $1").bind(before.as_microsecond()).execute(db).await?;
    Ok(())
}
