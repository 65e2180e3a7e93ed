//! Statements over many rows, and text that both engines accept.
//!
//! The only place that makes SQL at run time: of constants and `$n`, never of
//! data. Slices are cut so that few different statements arise, which each
//! connection then keeps prepared.

use std::borrow::Cow;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;

/// Most rows in one statement; a power of two.
const MOST_ROWS: usize = 64;

/// Longest text in an index. `PostgreSQL` takes 2,704 bytes for all its columns.
const KEY_BYTES: usize = 800;

/// Cuts a slice into runs of 64, 32, 16, 8, 4, 2 or 1.
pub(super) fn runs<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = 1 << items.len().checked_ilog2()?.min(MOST_ROWS.ilog2());
        let (run, rest) = items.split_at_checked(length)?;
        items = rest;
        Some(run)
    })
}

/// Puts `($first,…),(…)` in place of each `:rows` of a statement.
pub(super) fn with_rows(statement: &'static str, first: usize, columns: usize, rows: usize) -> AssertSqlSafe<String> {
    let mut values = String::with_capacity(rows * columns * 5);
    for row in 0..rows {
        values.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            let comma = if column == 0 { "" } else { "," };
            let number = first + row * columns + column;
            // Writing to a String cannot fail.
            write!(values, "{comma}${number}").ok();
        }
        values.push(')');
    }
    AssertSqlSafe(statement.replace(":rows", &values))
}

/// Text without NUL, which `PostgreSQL` refuses.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// Text that fits into an index: beyond 800 bytes its beginning, and its hash.
pub(super) fn key(full: &str) -> Cow<'_, str> {
    if full.len() <= KEY_BYTES {
        return text(full);
    }
    let hash = hex(&Sha256::digest(full.as_bytes()));
    let room = KEY_BYTES - hash.len() - '…'.len_utf8();
    let beginning = full.get(..full.floor_char_boundary(room)).unwrap_or("");
    Cow::Owned(format!("{}…{hash}", text(beginning)))
}

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(digits, "{byte:02x}").ok();
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_powers_of_two_and_lose_nothing() {
        let items: Vec<usize> = (0..203).collect();
        let lengths: Vec<usize> = runs(&items).map(<[usize]>::len).collect();
        assert_eq!(lengths, [64, 64, 64, 8, 2, 1]);
        assert_eq!(runs(&items).flatten().copied().collect::<Vec<_>>(), items);
        assert_eq!(runs::<usize>(&[]).count(), 0);
    }

    #[test]
    fn rows_are_numbered_through() {
        let sql = with_rows("INSERT INTO t (a, b) VALUES :rows", 2, 2, 2).0;
        assert_eq!(sql, "INSERT INTO t (a, b) VALUES ($2,$3),($4,$5)");
    }

    #[test]
    fn a_key_is_short_and_keeps_texts_apart() {
        let long = "ü".repeat(5_000);
        let longer = "ü".repeat(5_001);
        assert!(key(&long).len() <= KEY_BYTES);
        assert_ne!(key(&long), key(&longer));
        assert_eq!(key("a@b.example"), "a@b.example");
        assert_eq!(key("a\0b"), "a\u{fffd}b");
    }
}
