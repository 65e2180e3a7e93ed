//! The labelled histories, replayed in memory.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};

use barometer::config::{self, Settings};
use barometer::edge::folder::Folder;
use barometer::intake;
use barometer::judge::{Judge, Rules, shipped};
use barometer::notify::Templates;
use barometer::pipeline::{Incoming, Pipeline, Story, World};
use barometer::store::Store;
use serde_json::Value;

/// The folder of the labelled mail.
pub fn mailbox() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/mailbox")
}

/// The settings under which the histories are read.
pub fn settings() -> Settings {
    config::load(&mailbox().join("northlight.toml")).unwrap()
}

/// The folder of a history: mail and the truth about it.
pub fn folder(history: &str) -> PathBuf {
    let known = mailbox().join(history);
    let told = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories").join(history);
    if known.is_dir() { known } else { told }
}

/// The settings under which one history is read: its own, else those of all.
pub fn settings_of(history: &str) -> Settings {
    let own = folder(history).join("settings.toml");
    if own.is_file() { config::load(&own).unwrap() } else { settings() }
}

/// The shipped rules.
pub fn judge() -> Judge {
    Judge::new(Rules::load(&shipped()).unwrap())
}

/// The truth about a history.
pub fn expected(history: &str) -> Value {
    let text = fs::read_to_string(folder(history).join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A history's messages in order of arrival, by file name.
pub fn mails(history: &str) -> Vec<Incoming> {
    let mut mails: Vec<Incoming> = fs::read_dir(folder(history))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "eml"))
        .map(|path| {
            let bytes = fs::read(&path).unwrap();
            Incoming {
                path: path.file_name().unwrap().to_str().unwrap().to_owned(),
                whole_bytes: bytes.len() as u64,
                arrived_at: intake::arrived_at(&bytes).unwrap(),
                bytes,
            }
        })
        .collect();
    mails.sort_by(|a, b| (a.arrived_at, &a.path).cmp(&(b.arrived_at, &b.path)));
    mails
}

/// What Barometer would have told whom, on `store`.
pub async fn replay_on(store: Store, history: &str) -> Story {
    let out = tempfile::tempdir().unwrap();
    let outbox = Folder::create(out.path().join("mail")).unwrap();
    let pipeline = Pipeline::new(store, settings_of(history), judge(), Templates::shipped().unwrap());
    let mut world = World::new(pipeline, outbox);
    for mail in mails(history) {
        world.arrive(mail).await.unwrap();
    }
    world.end().await.unwrap()
}

/// What Barometer would have told whom, in memory.
pub fn replay_history(history: &str) -> Story {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async { replay_on(Store::memory().await.unwrap(), history).await })
}
