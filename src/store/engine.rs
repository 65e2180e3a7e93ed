//! `SQLite` or `PostgreSQL`: opening, pragmas, how a transaction begins.
//!
//! The only file where one differs from the other. Nothing here shows a password.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::PoolConnectionMetadata;
use sqlx::{AnyConnection, AnyPool, Connection};

use super::{Result, Store};

static FOR_SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static FOR_POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// FULL: a commit survives a power cut. The WAL is cut back after a long import.
const SQLITE_WRITER: &str = "PRAGMA busy_timeout = 5000;
     PRAGMA journal_mode = WAL;
     PRAGMA synchronous = FULL;
     PRAGMA foreign_keys = ON;
     PRAGMA journal_size_limit = 67108864;
     PRAGMA cache_size = -16384;";
const SQLITE_READER: &str = "PRAGMA busy_timeout = 5000;";
/// One writer at a time, and it has the lock before it reads: a read that turns
/// into a write fails at once where another wrote meanwhile.
const SQLITE_BEGIN: &str = "BEGIN IMMEDIATE";
const POSTGRES_BEGIN: &str = "BEGIN";

const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 8;
/// Longest wait for a connection: on `SQLite` others write before us, on `PostgreSQL` the server is away.
const SQLITE_PATIENCE: Duration = Duration::from_secs(30);
const POSTGRES_PATIENCE: Duration = Duration::from_secs(5);

/// Result codes of `SQLite` that tell what is wrong with a file.
const SQLITE_READONLY: i64 = 8;
const SQLITE_CANTOPEN: i64 = 14;
const SQLITE_NOTADB: i64 = 26;

/// Why a store could not be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another daemon works on it.
    #[error(
        "another Barometer has the store {store} (it holds {lock}); stop it first, or use PostgreSQL, which lets several work"
    )]
    Taken {
        /// The store.
        store: String,
        /// The file that it holds.
        lock: String,
    },
    /// The setting names no store.
    #[error("store: {store} is no store: write sqlite:/path/to/barometer.db or postgres://user@host/database")]
    Unknown {
        /// What was written, without its password.
        store: String,
    },
    /// The file cannot be created or written.
    #[error(
        "cannot open the store {store}: its folder must exist, and the user who runs Barometer must be able to write there"
    )]
    Unwritable {
        /// Which store.
        store: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// There is a file, but none of ours.
    #[error("{store} is not a Barometer store: choose another file, or move this one away")]
    NotAStore {
        /// Which store.
        store: String,
        /// What the engine says.
        #[source]
        source: sqlx::Error,
    },
    /// The server does not answer, or refuses us.
    #[error(
        "cannot reach the store {store}: is the server running, does the database exist, and may this user connect?"
    )]
    Unreachable {
        /// Which store, without its password.
        store: String,
        /// What the engine says.
        #[source]
        source: sqlx::Error,
    },
    /// A newer Barometer has written it.
    #[error(
        "the store {store} has version {found}, and this Barometer knows versions up to {known}: install the Barometer that wrote it, or a later one"
    )]
    Newer {
        /// Which store, without its password.
        store: String,
        /// Version of the store.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// Its tables could not be brought up to date.
    #[error("cannot bring the store {store} up to date; nothing in it was changed")]
    Migration {
        /// Which store, without its password.
        store: String,
        /// What the engine says.
        #[source]
        source: Box<MigrateError>,
    },
    /// A query failed.
    #[error("the store failed")]
    Sql(#[from] sqlx::Error),
}

/// What a URL names.
enum Place {
    Memory,
    File(String),
    Server(String),
}

impl Place {
    fn of(url: &str) -> Option<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Some(Self::Server(url.to_owned()));
        }
        match url.strip_prefix("sqlite:")? {
            ":memory:" => Some(Self::Memory),
            "" | "//" => None,
            path => Some(Self::File(path.strip_prefix("//").unwrap_or(path).to_owned())),
        }
    }
}

pub(super) async fn open(url: &str) -> Result<Store> {
    sqlx::any::install_default_drivers();
    match Place::of(url) {
        Some(Place::Memory) => open_memory().await,
        Some(Place::File(path)) => open_file(&path).await,
        Some(Place::Server(url)) => open_server(&url).await,
        None => Err(StoreError::Unknown { store: without_password(url) }),
    }
}

/// What keeps a second daemon from a `SQLite` file: the system lets go of it when we end, however we end.
#[derive(Debug)]
pub struct Sole(#[expect(dead_code, reason = "it is held, not read")] File);

/// Locks a `SQLite` file for one daemon; `None` where the engine lets several work.
pub(super) fn claim_for_daemon(url: &str) -> Result<Option<Sole>> {
    let Some(Place::File(path)) = Place::of(url) else { return Ok(None) };
    let lock = format!("{path}.lock");
    let store = format!("sqlite:{path}");
    let unwritable = |source| StoreError::Unwritable { store: store.clone(), source };
    create_file(Path::new(&lock)).map_err(unwritable)?;
    let file = OpenOptions::new().write(true).open(&lock).map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Sole(file))),
        Err(TryLockError::WouldBlock) => Err(StoreError::Taken { store, lock }),
        Err(TryLockError::Error(source)) => Err(unwritable(source)),
    }
}

async fn open_memory() -> Result<Store> {
    // Each connection would have a memory of its own: there is one, and it stays.
    let pool = pool(1, SQLITE_WRITER)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect("sqlite::memory:")
        .await?;
    migrate(&mut *pool.acquire().await?, &FOR_SQLITE, "sqlite::memory:").await?;
    Ok(Store { writers: pool.clone(), readers: pool, begin: SQLITE_BEGIN })
}

async fn open_file(path: &str) -> Result<Store> {
    let store = format!("sqlite:{path}");
    create_file(Path::new(path)).map_err(|source| StoreError::Unwritable { store: store.clone(), source })?;
    let for_writing = AnyConnectOptions::from_str(&file_url(path, "rw"))?;
    let for_reading = AnyConnectOptions::from_str(&file_url(path, "ro"))?;
    // A first connection outside the pool, which would hide the cause of a failure.
    let mut first = AnyConnection::connect_with(&for_writing).await.map_err(|source| file_error(&store, source))?;
    sqlx::raw_sql(SQLITE_WRITER).execute(&mut first).await.map_err(|source| file_error(&store, source))?;
    migrate(&mut first, &FOR_SQLITE, &store).await?;
    first.close().await?;
    Ok(Store {
        writers: pool(1, SQLITE_WRITER).before_acquire(is_fit).connect_lazy_with(for_writing),
        readers: pool(SQLITE_READERS, SQLITE_READER).connect_lazy_with(for_reading),
        begin: SQLITE_BEGIN,
    })
}

async fn open_server(url: &str) -> Result<Store> {
    let store = without_password(url);
    let unreachable = |source| StoreError::Unreachable { store: store.clone(), source };
    let options = AnyConnectOptions::from_str(url).map_err(unreachable)?;
    let mut first = AnyConnection::connect_with(&options).await.map_err(unreachable)?;
    migrate(&mut first, &FOR_POSTGRES, &store).await?;
    first.close().await?;
    let pool: AnyPool = AnyPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(POSTGRES_PATIENCE)
        .connect_lazy_with(options);
    Ok(Store { writers: pool.clone(), readers: pool, begin: POSTGRES_BEGIN })
}

/// Whether a connection has no transaction left behind. `SQLite` ends one by itself where the disk
/// fails; the driver, told that there is none to roll back, counts on being in it for ever.
fn is_fit<'c>(
    connection: &'c mut AnyConnection,
    _: PoolConnectionMetadata,
) -> Pin<Box<dyn Future<Output = sqlx::Result<bool>> + Send + 'c>> {
    Box::pin(std::future::ready(Ok(!connection.is_in_transaction())))
}

/// Connections to a `SQLite` file, each with its pragmas.
fn pool(connections: u32, pragmas: &'static str) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(SQLITE_PATIENCE)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(pragmas).execute(connection).await?;
                Ok(())
            })
        })
}

/// Creates the file where there is none, for nobody else to read.
fn create_file(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => OpenOptions::new().write(true).open(path).map(drop),
        created => created.map(drop),
    }
}

/// The URL that the driver takes; whatever the path holds, it is a path.
fn file_url(path: &str, mode: &str) -> String {
    let mut url = String::from("sqlite:");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(url, "%{byte:02X}").ok();
        }
    }
    url + "?mode=" + mode
}

/// What is wrong with a file, from `SQLite`'s own code.
fn file_error(store: &str, source: sqlx::Error) -> StoreError {
    let store = store.to_owned();
    let code = source.as_database_error().and_then(DatabaseError::code);
    // The low byte is the kind; the rest says more about it.
    let kind = code.and_then(|code| code.parse::<i64>().ok()).map(|code| code & 0xff);
    match kind {
        Some(SQLITE_NOTADB) => StoreError::NotAStore { store, source },
        Some(SQLITE_READONLY | SQLITE_CANTOPEN) => {
            StoreError::Unwritable { store, source: std::io::Error::other(source) }
        }
        _ => StoreError::Sql(source),
    }
}

/// Brings the tables up to date, all or nothing for each version.
async fn migrate(db: &mut AnyConnection, migrator: &Migrator, store: &str) -> Result<()> {
    // Not `run`, whose future cannot go to another thread.
    let Err(error) = migrator.run_direct(None, &mut *db, false).await else {
        return Ok(());
    };
    let store = store.to_owned();
    match error {
        MigrateError::VersionMissing(_) => Err(StoreError::Newer {
            store,
            found: newest_version(db).await?,
            known: migrator.iter().map(|step| step.version).max().unwrap_or_default(),
        }),
        other => Err(StoreError::Migration { store, source: Box::new(other) }),
    }
}

/// The version that the store's tables have.
async fn newest_version(db: &mut AnyConnection) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(db).await?)
}

/// A URL as people may see it: user, host and database.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    if login.contains(['?', '/']) {
        // A password that is not written as a URL wants: tell nothing apart.
        return format!("{scheme}://…");
    }
    let place = place.split('?').next().unwrap_or_default();
    match login.split(':').next() {
        Some(user) if !user.is_empty() => format!("{scheme}://{user}@{place}"),
        _ => format!("{scheme}://{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        #[rustfmt::skip]
        let cases = [
            ("postgres://bar:secret@db.example/mail",             "postgres://bar@db.example/mail"),
            ("postgres://bar:se@cret@db.example:5432/mail",       "postgres://bar@db.example:5432/mail"),
            ("postgres://db.example/mail?password=secret",        "postgres://db.example/mail"),
            ("postgres://db.example/mail?password=s@secret",      "postgres://…"),
            ("postgres://bar:pa?secret@db.example/mail",          "postgres://…"),
            ("postgres://:secret@db.example/mail",                "postgres://db.example/mail"),
            ("sqlite:/var/lib/barometer/barometer.db",            "sqlite:/var/lib/barometer/barometer.db"),
        ];
        for (url, shown) in cases {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn a_path_stays_a_path() {
        assert_eq!(file_url("/a b/50%?#ü.db", "rw"), "sqlite:/a%20b/50%25%3F%23%C3%BC.db?mode=rw");
    }
}
