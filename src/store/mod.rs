//! The ledger: every query of the program, one file per group of tables.
//!
//! What is committed survives a power cut, and a transaction that was not
//! committed leaves nothing. The same SQL runs on `SQLite` and on `PostgreSQL`;
//! `engine` alone knows one from the other.
#![expect(clippy::disallowed_methods, reason = "SQL lives here")]

mod engine;
mod sql;

pub mod leases;
pub mod mailboxes;

pub mod raw;

pub mod messages;

pub mod habits;

pub mod accounts;
pub mod threads;
pub mod verdicts;

pub mod answers;
pub mod commitments;
pub mod findings;
pub mod incidents;
pub mod outbox;
pub mod tokens;
pub mod told;

pub mod never;
pub mod periods;

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyPool, Transaction};

pub use engine::{Sole, StoreError};
pub use sqlx::AnyConnection;

/// What a query yields.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// An open store, ready to read and write. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    writers: AnyPool,
    readers: AnyPool,
    begin: &'static str,
}

impl Store {
    /// Opens the store at `sqlite:/path`, `sqlite::memory:` or `postgres://…`,
    /// creating the file and bringing its tables up to date.
    ///
    /// # Errors
    ///
    /// Names the store, without its password, and what can be done.
    pub async fn open(url: &str) -> Result<Self> {
        engine::open(url).await
    }

    /// Makes us the only daemon on the `SQLite` file at `url`, for as long as the answer is kept;
    /// `None` on `PostgreSQL`, where leases part the work.
    ///
    /// # Errors
    ///
    /// Where another daemon has it, or the lock beside it cannot be made.
    pub fn claim_for_daemon(&self, url: &str) -> Result<Option<Sole>> {
        engine::claim_for_daemon(url)
    }

    /// An empty store that ends with its last clone. It has one connection:
    /// whoever holds a transaction or a reader must let go of it before asking for another.
    ///
    /// # Errors
    ///
    /// Fails only where memory does.
    pub async fn memory() -> Result<Self> {
        engine::open("sqlite::memory:").await
    }

    /// Starts a transaction that may read and write. On `SQLite` there is one at
    /// a time: it waits for its turn here, and never fails half-way for want of a lock.
    ///
    /// # Errors
    ///
    /// Fails where the store cannot be reached, or another process keeps it locked.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(Tx(self.writers.begin_with(self.begin).await?))
    }

    /// A connection for queries that only read; it does not wait for writers.
    ///
    /// # Errors
    ///
    /// Fails where the store cannot be reached.
    pub async fn read(&self) -> Result<PoolConnection<Any>> {
        Ok(self.readers.acquire().await?)
    }

    /// Closes every connection, when those who hold one have let go of it.
    pub async fn close(self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

/// A transaction that may read and write; dropped without [`Tx::commit`], it leaves nothing.
#[derive(Debug)]
pub struct Tx(Transaction<'static, Any>);

impl Tx {
    /// The connection that queries take.
    pub fn db(&mut self) -> &mut AnyConnection {
        &mut self.0
    }

    /// Makes everything written in it durable.
    ///
    /// # Errors
    ///
    /// Fails where the store does; then nothing of it is kept, or, when the
    /// connection was lost meanwhile, all of it may be.
    pub async fn commit(self) -> Result<()> {
        Ok(self.0.commit().await?)
    }
}
