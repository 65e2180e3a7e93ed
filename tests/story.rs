//! Mail in, e-mails out: one story on each engine, with a clock that we set.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

#[path = "support/history.rs"]
mod history;
mod support;

use barometer::notify::Templates;
use barometer::pipeline::{Event, Pipeline};
use barometer::store::raw::{self, NewCopy};
use barometer::store::{Store, accounts, incidents, outbox};
use history::{judge, mails, replay_history, replay_on, settings};
use jiff::Timestamp;
use support::{Fresh, on_each_engine};

fn lines(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| serde_json::to_string(event).unwrap()).collect()
}

fn pipeline(store: &Store) -> Pipeline {
    Pipeline::new(store.clone(), settings(), judge(), Templates::shipped().unwrap())
}

fn copy(source: &str, bytes: &[u8], history: bool) -> NewCopy {
    let whole_bytes = i64::try_from(bytes.len()).unwrap();
    NewCopy { source: source.to_owned(), bytes: bytes.to_vec(), whole_bytes, arrived_us: None, history }
}

async fn work_until_done(pipeline: &Pipeline, now: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let pass = pipeline.work(now).await.unwrap();
        events.extend(pass.events);
        if pass.handled == 0 {
            return events;
        }
    }
}

const NOON: &str = "2026-06-01T12:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn a_history_ends_the_same_on_each_engine() {
    let expected = tokio::task::spawn_blocking(|| replay_history("b_quarrie")).await.unwrap();
    assert!(expected.mails.len() > 10, "the story is worth telling");
    let expected = (lines(&expected.events), expected.mails);
    on_each_engine(move |Fresh { store, .. }| {
        let expected = expected.clone();
        async move {
            let story = replay_on(store, "b_quarrie").await;
            assert_eq!(lines(&story.events), expected.0);
            assert!(story.mails == expected.1, "the same e-mails, byte for byte");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_mail_is_recorded_and_never_mailed_as_news() {
    on_each_engine(|Fresh { store, .. }| async move {
        let now: Timestamp = NOON.parse().unwrap();
        let pipeline = pipeline(&store);
        let copies: Vec<NewCopy> = mails("b_quarrie").iter().map(|m| copy(&m.path, &m.bytes, true)).collect();
        pipeline.take(&copies, now).await.unwrap();
        let again = pipeline.take(&copies, now).await.unwrap();
        assert!(again.iter().all(|kept| kept.known), "the same files are not taken twice");
        let events = work_until_done(&pipeline, now).await;
        // History is folded once all of it is there.
        pipeline.settle(now).await.unwrap();
        let mut db = store.read().await.unwrap();
        let counts = raw::counts(&mut db).await.unwrap();
        assert_eq!((counts.waiting, counts.quarantined), (0, 0));
        assert!(!incidents::all(&mut db, false).await.unwrap().is_empty());
        assert!(accounts::accounts(&mut db).await.unwrap().iter().any(|a| a.id == "quarrieproductions.example"));
        assert_eq!(outbox::counts(&mut db).await.unwrap().queued, 0);
        assert!(!events.iter().any(|e| e.event.starts_with("alert")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_before_a_crash_is_told_after_it() {
    on_each_engine(|Fresh { store, .. }| async move {
        let now: Timestamp = NOON.parse().unwrap();
        let mail = mails("b_quarrie").remove(0);
        // The process ends here: bytes are committed, nothing has looked at them.
        pipeline(&store).take(&[copy(&mail.path, &mail.bytes, false)], now).await.unwrap();
        let pass = pipeline(&store).work(now).await.unwrap();
        assert_eq!(pass.handled, 1);
        let mut db = store.read().await.unwrap();
        assert_eq!(raw::counts(&mut db).await.unwrap().waiting, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_ends_the_process_three_times_waits_in_quarantine_and_can_be_tried_again() {
    on_each_engine(|Fresh { store, .. }| async move {
        let now: Timestamp = NOON.parse().unwrap();
        let pipeline = pipeline(&store);
        let [bad, good] = [0, 1].map(|n| mails("b_quarrie").remove(n));
        let kept = pipeline.take(&[copy("bad.eml", &bad.bytes, false)], now).await.unwrap();
        for _ in 0..3 {
            // What is left of a pass whose process died on the message: the attempt it had counted.
            let mut tx = store.begin().await.unwrap();
            raw::count_attempts(tx.db(), &[kept[0].copy], now).await.unwrap();
            tx.commit().await.unwrap();
        }
        pipeline.take(&[copy("good.eml", &good.bytes, false)], now).await.unwrap();
        work_until_done(&pipeline, now).await;
        let mut tx = store.begin().await.unwrap();
        let counts = raw::counts(tx.db()).await.unwrap();
        assert_eq!((counts.waiting, counts.quarantined), (0, 1), "its neighbour was read");
        let quarantined = raw::quarantined(tx.db()).await.unwrap();
        assert_eq!(quarantined[0].source, "bad.eml");
        assert!(!quarantined[0].error.is_empty());
        assert_eq!(raw::bytes_of(tx.db(), kept[0].copy).await.unwrap(), Some(bad.bytes.clone()), "nothing is lost");
        assert_eq!(raw::retry_all(tx.db(), now).await.unwrap(), 1);
        tx.commit().await.unwrap();
        work_until_done(&pipeline, now).await;
        let mut db = store.read().await.unwrap();
        let counts = raw::counts(&mut db).await.unwrap();
        assert_eq!((counts.waiting, counts.quarantined), (0, 0));
    })
    .await;
}
