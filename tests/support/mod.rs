//! What several tests need: a fresh store on each engine.
#![allow(dead_code, reason = "each test file uses its own part")]
#![expect(clippy::panic, clippy::print_stderr, clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};

use barometer::store::Store;
use sqlx::{AssertSqlSafe, Connection};

/// The engines that stories run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// An empty store, and where it is, for a second connection.
pub struct Fresh {
    pub engine: Engine,
    pub url: String,
    pub store: Store,
}

/// Runs a story on a fresh `SQLite` file, and on a fresh schema of the `PostgreSQL`
/// server that `BAROMETER_TEST_POSTGRES` names. Without one the second half is
/// left out, unless `CI` is set: then the test fails.
pub async fn on_each_engine<Story, Told>(run: Story)
where
    Story: Fn(Fresh) -> Told,
    Told: Future<Output = ()> + Send + 'static,
{
    on_sqlite(&run).await;
    match std::env::var("BAROMETER_TEST_POSTGRES") {
        Ok(server) => on_postgres(&run, &server).await,
        Err(unset) if std::env::var_os("CI").is_some() => {
            panic!("BAROMETER_TEST_POSTGRES: {unset}: run the tests by ./test")
        }
        Err(unset) => eprintln!("skipped on PostgreSQL: BAROMETER_TEST_POSTGRES: {unset}"),
    }
}

async fn on_sqlite<Story, Told>(run: &Story)
where
    Story: Fn(Fresh) -> Told,
    Told: Future<Output = ()>,
{
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("barometer.db").display());
    let store = Store::open(&url).await.unwrap();
    run(Fresh { engine: Engine::Sqlite, url, store }).await;
}

async fn on_postgres<Story, Told>(run: &Story, server: &str)
where
    Story: Fn(Fresh) -> Told,
    Told: Future<Output = ()> + Send + 'static,
{
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let schema = format!("story_{}_{number}", std::process::id());
    run_on(server, format!("CREATE SCHEMA {schema}")).await;
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}options[search_path]={schema}");
    let store = Store::open(&url).await.unwrap();
    let fresh = Fresh { engine: Engine::Postgres, url, store };
    // A task of its own, so that the schema is dropped whatever happens in it.
    let end = tokio::spawn(run(fresh)).await;
    run_on(server, format!("DROP SCHEMA {schema} CASCADE")).await;
    if let Err(failure) = end {
        std::panic::resume_unwind(failure.into_panic());
    }
}

async fn run_on(server: &str, statement: String) {
    sqlx::any::install_default_drivers();
    let mut admin = sqlx::AnyConnection::connect(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}
