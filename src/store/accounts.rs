//! Accounts and contacts that mail has shown, and how far each account is folded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{AnyConnection, FromRow};

use super::{Result, sql};

/// An account and its mail in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Short name; of a provisional one, its domain.
    pub id: String,
    /// Whether it was made from an unknown domain.
    pub provisional: bool,
    /// Messages filed under it.
    pub messages: i64,
    /// Those that came from it.
    pub inbound: i64,
    /// Those that went to it.
    pub outbound: i64,
    /// When the first was written, in unix microseconds.
    pub first_us: Option<i64>,
    /// When the last was written, in unix microseconds.
    pub last_us: Option<i64>,
}

/// A person at an account.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Contact {
    /// The account.
    pub account: String,
    /// Address, lower case.
    pub address: String,
    /// The newest name that mail gave; empty where it gave none.
    pub name: String,
    /// First seen, in unix microseconds.
    pub first_us: i64,
    /// Last seen, in unix microseconds.
    pub last_us: i64,
}

/// What is true of each account that is folded, as JSON, by account.
///
/// # Errors
///
/// Fails where the store does.
pub async fn folds(db: &mut AnyConnection) -> Result<Vec<(String, String)>> {
    Ok(sqlx::query_as("SELECT account, state FROM folds WHERE state <> '' ORDER BY account").fetch_all(db).await?)
}

/// How far an account is folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldRow {
    /// What is true of it, as JSON; empty where messages have come that it lacks.
    pub state: String,
    /// Instant in unix microseconds and content key of the last message in it.
    pub last_key: (i64, String),
    /// When time may change it next, in unix microseconds.
    pub next_ask_us: Option<i64>,
}

/// Records that there is such an account, or that it is no longer provisional.
///
/// # Errors
///
/// Fails where the store does.
pub async fn see_account(db: &mut AnyConnection, account: &str, provisional: bool, now: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO accounts (id, provisional, seen_us) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET provisional = excluded.provisional
         WHERE accounts.provisional <> excluded.provisional",
    )
    .bind(account)
    .bind(i64::from(provisional))
    .bind(now.as_microsecond())
    .execute(db)
    .await?;
    Ok(())
}

/// Every account with its figures, by name.
///
/// # Errors
///
/// Fails where the store does.
pub async fn accounts(db: &mut AnyConnection) -> Result<Vec<AccountRow>> {
    type Row = (String, i64, i64, i64, i64, Option<i64>, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT accounts.id, accounts.provisional, COUNT(messages.id),
                COUNT(CASE WHEN messages.direction = 'inbound' THEN 1 END),
                COUNT(CASE WHEN messages.direction = 'outbound' THEN 1 END),
                MIN(messages.sent_us), MAX(messages.sent_us)
         FROM accounts LEFT JOIN messages ON messages.account = accounts.id
         GROUP BY accounts.id, accounts.provisional
         ORDER BY accounts.id",
    )
    .fetch_all(db)
    .await?;
    let accounts = rows.into_iter().map(|(id, provisional, messages, inbound, outbound, first_us, last_us)| {
        AccountRow { id, provisional: provisional != 0, messages, inbound, outbound, first_us, last_us }
    });
    Ok(accounts.collect())
}

/// Records that a person of an account was seen in mail.
///
/// # Errors
///
/// Fails where the store does.
pub async fn see_contact(db: &mut AnyConnection, account: &str, address: &str, name: &str, at_us: i64) -> Result<()> {
    let seen = Contact {
        account: account.to_owned(),
        address: address.to_owned(),
        name: name.to_owned(),
        first_us: at_us,
        last_us: at_us,
    };
    see_contacts(db, &[seen]).await
}

/// Records when people were seen in mail, and by which names; the same one may come again.
///
/// # Errors
///
/// Fails where the store does.
pub async fn see_contacts(db: &mut AnyConnection, seen: &[Contact]) -> Result<()> {
    // One statement must not touch a row twice. In one order, so that two
    // processes never wait for each other.
    let mut people: BTreeMap<(&str, Cow<str>), Contact> = BTreeMap::new();
    for contact in seen {
        people
            .entry((&contact.account, sql::key(&contact.address)))
            .and_modify(|known| known.merge(contact))
            .or_insert_with(|| contact.clone());
    }
    let people: Vec<(Cow<str>, Contact)> =
        people.into_iter().map(|((_, address), contact)| (address, contact)).collect();
    for run in sql::runs(&people) {
        let mut query = sqlx::query(sql::with_rows(SEE_CONTACTS, 1, 6, run.len()));
        for (address, contact) in run {
            query = query
                .bind(contact.account.as_str())
                .bind(address.as_ref())
                .bind(sql::key(domain_of(&contact.address)).into_owned())
                .bind(sql::text(&contact.name).into_owned())
                .bind(contact.first_us)
                .bind(contact.last_us);
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// [`Contact::merge`], in SQL.
const SEE_CONTACTS: &str = "INSERT INTO contacts (account, address, domain, name, first_us, last_us)
     VALUES :rows
     ON CONFLICT (account, address) DO UPDATE SET
         name = CASE WHEN excluded.name = '' OR
                          (contacts.name <> '' AND excluded.last_us < contacts.last_us)
                     THEN contacts.name ELSE excluded.name END,
         first_us = CASE WHEN excluded.first_us < contacts.first_us
                         THEN excluded.first_us ELSE contacts.first_us END,
         last_us = CASE WHEN excluded.last_us > contacts.last_us
                        THEN excluded.last_us ELSE contacts.last_us END";

impl Contact {
    /// Adds what was seen of the same person: the newest name that is not empty stays.
    fn merge(&mut self, seen: &Self) {
        if !seen.name.is_empty() && (self.name.is_empty() || seen.last_us >= self.last_us) {
            self.name.clone_from(&seen.name);
        }
        self.first_us = self.first_us.min(seen.first_us);
        self.last_us = self.last_us.max(seen.last_us);
    }
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// The people of an account, by address.
///
/// # Errors
///
/// Fails where the store does.
pub async fn contacts(db: &mut AnyConnection, account: &str) -> Result<Vec<Contact>> {
    Ok(sqlx::query_as(
        "SELECT account, address, name, first_us, last_us FROM contacts
         WHERE account = $1 ORDER BY address",
    )
    .bind(account)
    .fetch_all(db)
    .await?)
}

/// Everybody of whom mail told a name, by account and address.
///
/// # Errors
///
/// Fails where the store does.
pub async fn named_contacts(db: &mut AnyConnection) -> Result<Vec<Contact>> {
    Ok(sqlx::query_as(
        "SELECT account, address, name, first_us, last_us FROM contacts
         WHERE name <> '' ORDER BY account, address",
    )
    .fetch_all(db)
    .await?)
}

/// A person, once for each account they were seen in, by account.
///
/// # Errors
///
/// Fails where the store does.
pub async fn contact(db: &mut AnyConnection, address: &str) -> Result<Vec<Contact>> {
    Ok(sqlx::query_as(
        "SELECT account, address, name, first_us, last_us FROM contacts
         WHERE domain = $1 AND address = $2 ORDER BY account",
    )
    .bind(sql::key(domain_of(address)).into_owned())
    .bind(sql::key(address).into_owned())
    .fetch_all(db)
    .await?)
}

/// The accounts in which people of a domain were seen, by name.
///
/// # Errors
///
/// Fails where the store does.
pub async fn accounts_of_domain(db: &mut AnyConnection, domain: &str) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar("SELECT DISTINCT account FROM contacts WHERE domain = $1 ORDER BY account")
        .bind(sql::key(domain).into_owned())
        .fetch_all(db)
        .await?)
}

/// How far an account is folded.
///
/// # Errors
///
/// Fails where the store does.
pub async fn fold(db: &mut AnyConnection, account: &str) -> Result<Option<FoldRow>> {
    let row: Option<(String, i64, String, Option<i64>)> =
        sqlx::query_as("SELECT state, last_sent_us, last_content_key, next_ask_us FROM folds WHERE account = $1")
            .bind(account)
            .fetch_optional(db)
            .await?;
    Ok(row.map(|(state, sent_us, content_key, next_ask_us)| FoldRow {
        state,
        last_key: (sent_us, content_key),
        next_ask_us,
    }))
}

/// Records how far an account is folded.
///
/// # Errors
///
/// Fails where the store does.
pub async fn put_fold(db: &mut AnyConnection, account: &str, fold: &FoldRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO folds (account, state, last_sent_us, last_content_key, next_ask_us)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account) DO UPDATE SET
             state = excluded.state, last_sent_us = excluded.last_sent_us,
             last_content_key = excluded.last_content_key, next_ask_us = excluded.next_ask_us",
    )
    .bind(account)
    .bind(sql::text(&fold.state).into_owned())
    .bind(fold.last_key.0)
    .bind(fold.last_key.1.as_str())
    .bind(fold.next_ask_us)
    .execute(db)
    .await?;
    Ok(())
}

/// Records that an account's fold lacks messages, and by when it must be made anew.
///
/// # Errors
///
/// Fails where the store does.
pub async fn outdate_fold(db: &mut AnyConnection, account: &str, due: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO folds (account, state, last_sent_us, last_content_key, next_ask_us)
         VALUES ($1, '', 0, '', $2)
         ON CONFLICT (account) DO UPDATE SET state = '', next_ask_us = excluded.next_ask_us",
    )
    .bind(account)
    .bind(due.as_microsecond())
    .execute(db)
    .await?;
    Ok(())
}

/// Accounts whose fold must be made anew, at most `limit`.
///
/// # Errors
///
/// Fails where the store does.
pub async fn outdated_folds(db: &mut AnyConnection, limit: i64) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar("SELECT account FROM folds WHERE state = '' ORDER BY account LIMIT $1")
        .bind(limit)
        .fetch_all(db)
        .await?)
}

/// Accounts that time may have changed by now, the longest due first.
///
/// # Errors
///
/// Fails where the store does.
pub async fn due_folds(db: &mut AnyConnection, now: Timestamp) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar("SELECT account FROM folds WHERE next_ask_us <= $1 ORDER BY next_ask_us, account")
        .bind(now.as_microsecond())
        .fetch_all(db)
        .await?)
}

/// When time may change any account next, in unix microseconds.
///
/// # Errors
///
/// Fails where the store does.
pub async fn next_ask(db: &mut AnyConnection) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar("SELECT MIN(next_ask_us) FROM folds WHERE next_ask_us IS NOT NULL").fetch_one(db).await?)
}
