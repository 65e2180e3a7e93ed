//! The store keeps what it promises, on each engine.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "stories are long, look behind the store's own queries, and fail by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use barometer::store::accounts::FoldRow;
use barometer::store::incidents::IncidentRow;
use barometer::store::messages::NewMessage;
use barometer::store::outbox::{NewNotification, Notification};
use barometer::store::raw::{Kept, NewCopy};
use barometer::store::told::Told;
use barometer::store::verdicts::VerdictRow;
use barometer::store::{
    AnyConnection, Store, StoreError, accounts, incidents, messages, outbox, periods, raw, threads, told, verdicts,
};
use jiff::{SignedDuration, Timestamp};
use sqlx::Connection;
use support::{Engine, Fresh, on_each_engine};

/// Noon on a Monday, and so many minutes.
fn minute(minutes: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_mins(minutes)
}

fn micros(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap()
}

fn copy(source: &str, bytes: &[u8]) -> NewCopy {
    NewCopy {
        source: source.to_owned(),
        bytes: bytes.to_vec(),
        whole_bytes: i64::try_from(bytes.len()).unwrap(),
        arrived_us: None,
        history: false,
    }
}

fn message(content_key: &str, account: &str, sent_us: i64) -> NewMessage {
    NewMessage {
        content_key: content_key.to_owned(),
        account: Some(account.to_owned()),
        subject: "Re: Roster".to_owned(),
        base_subject: "roster".to_owned(),
        from_address: "ann@acme.example".to_owned(),
        people: "ann@acme.example sam@northlight.example".to_owned(),
        sent_us,
        arrived_us: sent_us,
        entry: Some(format!("{{\"key\":\"{content_key}\"}}")),
        doc: "{}".to_owned(),
        ..NewMessage::default()
    }
}

fn notification(dedup_key: &str, due: Timestamp) -> NewNotification {
    NewNotification {
        dedup_key: dedup_key.to_owned(),
        kind: "alert".to_owned(),
        recipient: "dana@northlight.example".to_owned(),
        bytes: format!("Subject: {dedup_key}\r\n\r\n").into_bytes(),
        message_id: format!("{dedup_key}@northlight.example"),
        due_us: due.as_microsecond(),
        expires_us: None,
        grave: false,
        account: Some("acme".to_owned()),
        incident: None,
    }
}

/// One write transaction around one query.
macro_rules! write {
    ($store:expr, |$db:ident| $query:expr) => {{
        let mut tx = $store.begin().await.unwrap();
        let $db = tx.db();
        let answer = $query.await.unwrap();
        tx.commit().await.unwrap();
        answer
    }};
}

/// One query on a reading connection.
macro_rules! read {
    ($store:expr, |$db:ident| $query:expr) => {{
        let mut reader = $store.read().await.unwrap();
        let $db: &mut AnyConnection = &mut reader;
        $query.await.unwrap()
    }};
}

#[tokio::test]
async fn a_copy_is_kept_once_and_its_bytes_are_shared() {
    on_each_engine(|Fresh { store, .. }| async move {
        let copies = [copy("a/1", b"same"), copy("a/2", b"same"), copy("a/1", b"same")];
        let first = write!(store, |db| raw::keep(db, &copies, minute(0)));
        assert_eq!(first.iter().map(|kept| kept.known).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(first[0].copy, first[2].copy);
        let again = write!(store, |db| raw::keep(db, &copies, minute(1)));
        assert!(again.iter().all(|kept| kept.known));
        assert_eq!(
            again.iter().map(|kept| kept.copy).collect::<Vec<_>>(),
            [first[0].copy, first[1].copy, first[0].copy]
        );
        let contents: i64 = read!(store, |db| sqlx::query_scalar("SELECT COUNT(*) FROM contents").fetch_one(db));
        assert_eq!(contents, 1);
        let bytes = read!(store, |db| raw::bytes_of(db, first[1].copy));
        assert_eq!(bytes.as_deref(), Some(&b"same"[..]));
    })
    .await;
}

#[tokio::test]
async fn many_copies_are_kept_in_the_order_given() {
    on_each_engine(|Fresh { store, .. }| async move {
        let copies: Vec<NewCopy> =
            (0..203).rev().map(|n| copy(&format!("box#{n}"), format!("message {n}").as_bytes())).collect();
        let kept = write!(store, |db| raw::keep(db, &copies, minute(0)));
        assert_eq!(kept.len(), 203);
        for (kept, copy) in kept.iter().zip(&copies) {
            let bytes = read!(store, |db| raw::bytes_of(db, kept.copy));
            assert_eq!(bytes.as_ref(), Some(&copy.bytes), "{}", copy.source);
        }
    })
    .await;
}

#[tokio::test]
async fn a_large_copy_and_an_endless_source_are_kept() {
    on_each_engine(|Fresh { store, .. }| async move {
        let large = copy(&"folder/".repeat(1_000), &vec![b'x'; 3_000_000]);
        let kept = write!(store, |db| raw::keep(db, std::slice::from_ref(&large), minute(0)));
        let again = write!(store, |db| raw::keep(db, std::slice::from_ref(&large), minute(0)));
        assert_eq!(again, [Kept { copy: kept[0].copy, known: true }]);
        let waiting = read!(store, |db| raw::waiting(db, 10, 10));
        assert_eq!(waiting.len(), 1, "the first is never too large");
        assert_eq!(waiting[0].bytes, large.bytes);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_contents_come_back_as_they_were_and_the_largest_by_their_beginning() {
    on_each_engine(|Fresh { store, .. }| async move {
        let mebibyte = 1024 * 1024;
        let bytes = |length: usize| (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect::<Vec<u8>>();
        let sizes = [mebibyte, mebibyte + 1, 5 * mebibyte / 2, 26 * mebibyte];
        for (name, size) in ["a", "b", "c", "d"].into_iter().zip(sizes) {
            let copies = [copy(name, &bytes(size)), copy(&format!("{name} again"), &bytes(size))];
            write!(store, |db| raw::keep(db, &copies, minute(0)));
        }
        let waiting = read!(store, |db| raw::waiting(db, 10, 1 << 40));
        assert_eq!(waiting.len(), 8);
        for one in waiting {
            let size = usize::try_from(one.whole_bytes).unwrap();
            let seen = if size > 25 * mebibyte { mebibyte } else { size };
            assert!(one.bytes == bytes(seen), "{}: {} bytes of {size}", one.source, one.bytes.len());
            let stored = read!(store, |db| raw::bytes_of(db, one.copy));
            assert!(stored == Some(bytes(size)), "{}: all of it is stored", one.source);
        }
    })
    .await;
}

#[tokio::test]
async fn waiting_copies_come_by_arrival_then_source_up_to_the_limits() {
    on_each_engine(|Fresh { store, .. }| async move {
        let mut copies = [copy("c", b"3333"), copy("b", b"2222"), copy("a", b"1111"), copy("d", b"0000")];
        copies[3].arrived_us = Some(minute(-60).as_microsecond());
        copies[3].history = true;
        copies[2].arrived_us = Some(minute(5).as_microsecond());
        write!(store, |db| raw::keep(db, &copies, minute(0)));
        let order = |waiting: Vec<raw::Waiting>| {
            waiting.into_iter().map(|waiting| waiting.source).collect::<Vec<_>>().join(" ")
        };
        let all = read!(store, |db| raw::waiting(db, 10, 1_000));
        assert!(all[0].history && !all[1].history);
        assert_eq!(all[1].arrived_us, None);
        assert_eq!(order(all), "d b c a");
        assert_eq!(order(read!(store, |db| raw::waiting(db, 2, 1_000))), "d b");
        assert_eq!(order(read!(store, |db| raw::waiting(db, 10, 9))), "d b c");
        assert_eq!(order(read!(store, |db| raw::waiting(db, 10, 8))), "d b");
    })
    .await;
}

#[tokio::test]
async fn three_failures_quarantine_a_copy_until_it_is_retried() {
    on_each_engine(|Fresh { store, .. }| async move {
        let copies = [copy("bad", b"From: \x00\xff"), copy("good", b"ok")];
        let kept = write!(store, |db| raw::keep(db, &copies, minute(0)));
        let bad = kept[0].copy;
        for attempt in 1..=3 {
            let waiting = read!(store, |db| raw::waiting(db, 10, 1_000));
            assert!(waiting.iter().any(|waiting| waiting.copy == bad), "attempt {attempt}");
            write!(store, |db| raw::count_attempts(db, &[bad], minute(attempt)));
            write!(store, |db| raw::record_failure(db, bad, "odd \0 header", minute(attempt)));
        }
        write!(store, |db| raw::settle(db, kept[1].copy, None, "read"));
        let expected = raw::Counts { read: 1, quarantined: 1, ..raw::Counts::default() };
        assert_eq!(read!(store, |db| raw::counts(db)), expected);
        assert!(read!(store, |db| raw::waiting(db, 10, 1_000)).is_empty());
        let quarantined = read!(store, |db| raw::quarantined(db));
        assert_eq!(quarantined.len(), 1);
        assert_eq!(quarantined[0].bytes_head, b"From: \x00\xff");
        assert_eq!(quarantined[0].error, "odd \u{fffd} header");
        assert_eq!((quarantined[0].attempts, quarantined[0].at_us), (3, minute(3).as_microsecond()));

        assert_eq!(write!(store, |db| raw::retry(db, bad, minute(9))), 1);
        assert_eq!(write!(store, |db| raw::retry(db, bad, minute(9))), 0);
        let waiting = read!(store, |db| raw::waiting(db, 10, 1_000));
        assert_eq!((waiting.len(), waiting[0].attempts), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_copy_that_ended_the_program_three_times_is_quarantined() {
    on_each_engine(|Fresh { store, .. }| async move {
        let kept = write!(store, |db| raw::keep(db, &[copy("a", b"boom")], minute(0)));
        for _ in 0..3 {
            assert_eq!(write!(store, |db| raw::quarantine_exhausted(db, minute(1))), 0);
            write!(store, |db| raw::count_attempts(db, &[kept[0].copy], minute(1)));
        }
        assert!(read!(store, |db| raw::waiting(db, 10, 1_000)).is_empty());
        assert_eq!(write!(store, |db| raw::quarantine_exhausted(db, minute(2))), 1);
        assert_eq!(read!(store, |db| raw::counts(db)).quarantined, 1);
        assert_eq!(write!(store, |db| raw::retry_all(db, minute(3))), 1);
        assert_eq!(read!(store, |db| raw::counts(db)).waiting, 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_committed_leaves_nothing() {
    on_each_engine(|Fresh { store, .. }| async move {
        let mut tx = store.begin().await.unwrap();
        raw::keep(tx.db(), &[copy("a", b"1")], minute(0)).await.unwrap();
        messages::insert(tx.db(), &message("k", "acme", 1)).await.unwrap();
        outbox::enqueue(tx.db(), &[notification("n", minute(0))]).await.unwrap();
        drop(tx);
        assert_eq!(read!(store, |db| raw::counts(db)), raw::Counts::default());
        assert_eq!(read!(store, |db| messages::by_content_key(db, "k")), None);
        assert_eq!(read!(store, |db| outbox::next_due(db)), None);
    })
    .await;
}

#[tokio::test]
async fn what_is_committed_is_there_after_reopening() {
    on_each_engine(|Fresh { store, url, .. }| async move {
        write!(store, |db| raw::keep(db, &[copy("a", b"1")], minute(0)));
        store.close().await;
        let store = Store::open(&url).await.unwrap();
        assert_eq!(read!(store, |db| raw::counts(db)).waiting, 1);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_message_is_found_by_what_is_known_of_it() {
    on_each_engine(|Fresh { store, .. }| async move {
        let thread = write!(store, |db| threads::create(db, "acme", "roster", minute(0)));
        let long = format!("{}@acme.example", "x".repeat(20_000));
        let mut first = message("k1", "acme", 20);
        first.message_id = Some("one@acme.example".to_owned());
        first.thread = Some(thread);
        first.history = true;
        let mut second = message("k2", "acme", 10);
        second.message_id = Some("carrier@northlight.example".to_owned());
        second.original_id = Some(long.clone());
        second.automatic = Some("bounce".to_owned());
        let elsewhere =
            NewMessage { content_key: "k3".to_owned(), account: Some("quarrie".to_owned()), ..first.clone() };
        let numbers = write!(store, |db| messages::insert_all(db, &[first.clone(), second.clone(), elsewhere]));
        assert_eq!(read!(store, |db| messages::by_content_key(db, "k2")), Some(numbers[1]));

        let asked = [long.clone(), "none@x".to_owned(), "one@acme.example".to_owned()];
        let known = read!(store, |db| messages::known_ids(db, "acme", &asked));
        assert_eq!(known.iter().map(|known| known.message).collect::<Vec<_>>(), numbers[..2]);
        assert_eq!(known[0].message_id.as_deref(), Some("one@acme.example"));
        assert_eq!((known[0].thread, known[1].thread), (Some(thread), None));
        assert!(read!(store, |db| messages::known_ids(db, "acme", &[])).is_empty());

        let by_subject = read!(store, |db| messages::by_subject(db, "acme", "roster", (micros(15), Timestamp::MAX)));
        assert_eq!(by_subject.len(), 1);
        assert_eq!(by_subject[0].people, first.people);

        let entries = read!(store, |db| messages::entries(db, "acme"));
        assert_eq!(entries, [(numbers[1], second.entry.clone().unwrap()), (numbers[0], first.entry.clone().unwrap())]);
        let row = read!(store, |db| messages::get(db, numbers[0])).unwrap();
        assert_eq!((row.thread, row.history, row.automatic), (Some(thread), true, None));
        assert_eq!(read!(store, |db| messages::doc(db, numbers[0])).as_deref(), Some("{}"));
        let recent = read!(store, |db| messages::recent(db, "acme", 21, 5));
        assert_eq!(recent.iter().map(|row| row.sent_us).collect::<Vec<_>>(), [20, 10]);
        assert_eq!(read!(store, |db| messages::recent(db, "acme", 20, 5)).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_message_knows_its_copies_the_first_to_arrive_first() {
    on_each_engine(|Fresh { store, .. }| async move {
        let mut copies = [copy("b", b"1"), copy("a", b"2"), copy("c", b"3")];
        copies[2].arrived_us = Some(minute(-5).as_microsecond());
        let kept = write!(store, |db| raw::keep(db, &copies, minute(0)));
        let number = write!(store, |db| messages::insert(db, &message("k", "acme", 1)));
        for (kept, state) in kept.iter().zip(["read", "duplicate", "duplicate"]) {
            write!(store, |db| raw::settle(db, kept.copy, Some(number), state));
        }
        assert_eq!(read!(store, |db| messages::copies_of(db, number)), ["c", "a", "b"]);
        assert_eq!(read!(store, |db| messages::source_of(db, number)).as_deref(), Some("c"));
        assert_eq!(read!(store, |db| messages::source_of(db, number + 1)), None);
    })
    .await;
}

#[tokio::test]
async fn text_with_nul_and_huge_subjects_are_stored() {
    on_each_engine(|Fresh { store, .. }| async move {
        let mut odd = message("k", "acme", 1);
        odd.subject = "a\0b".to_owned();
        odd.base_subject = format!("\0{}", "ü".repeat(50_000));
        odd.message_id = Some("\0".to_owned());
        odd.from_address = "\0@\0".to_owned();
        odd.people = "\0".to_owned();
        odd.evidence = "\0".to_owned();
        odd.entry = Some("\0".to_owned());
        odd.doc = "\0".to_owned();
        let number = write!(store, |db| messages::insert(db, &odd));
        let row = read!(store, |db| messages::get(db, number)).unwrap();
        assert_eq!(row.subject, "a\u{fffd}b");
        let found = read!(store, |db| messages::by_subject(db, "acme", &odd.base_subject, (micros(0), Timestamp::MAX)));
        assert_eq!(found.len(), 1);
        let ids = [odd.message_id.clone().unwrap()];
        assert_eq!(read!(store, |db| messages::known_ids(db, "acme", &ids)).len(), 1);
        write!(store, |db| accounts::see_contact(db, "acme", "\0@\0", "\0", 1));
        assert_eq!(read!(store, |db| accounts::contact(db, "\0@\0")).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn accounts_and_contacts_are_counted() {
    on_each_engine(|Fresh { store, .. }| async move {
        write!(store, |db| accounts::see_account(db, "zeta.example", true, minute(0)));
        write!(store, |db| accounts::see_account(db, "acme", true, minute(0)));
        write!(store, |db| accounts::see_account(db, "acme", false, minute(1)));
        for (key, direction, sent_us) in [("a", "inbound", 5), ("b", "outbound", 9), ("c", "inbound", 7)] {
            let mut filed = message(key, "acme", sent_us);
            filed.direction = Some(direction.to_owned());
            write!(store, |db| messages::insert(db, &filed));
        }
        let rows = read!(store, |db| accounts::accounts(db));
        assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["acme", "zeta.example"]);
        assert_eq!((rows[0].messages, rows[0].inbound, rows[0].outbound), (3, 2, 1));
        assert_eq!((rows[0].first_us, rows[0].last_us), (Some(5), Some(9)));
        assert_eq!((rows[0].provisional, rows[1].provisional), (false, true));
        assert_eq!((rows[1].messages, rows[1].first_us), (0, None));

        for (name, at_us) in [("Ann", 5), ("", 9), ("A. Old", 3), ("Ann Ash", 8)] {
            write!(store, |db| accounts::see_contact(db, "acme", "ann@acme.example", name, at_us));
        }
        write!(store, |db| accounts::see_contact(db, "quarrie", "ann@acme.example", "", 4));
        let contacts = read!(store, |db| accounts::contacts(db, "acme"));
        assert_eq!(contacts.len(), 1);
        assert_eq!((contacts[0].name.as_str(), contacts[0].first_us, contacts[0].last_us), ("Ann", 3, 9));
        assert_eq!(read!(store, |db| accounts::contact(db, "ann@acme.example")).len(), 2);
        let accounts = read!(store, |db| accounts::accounts_of_domain(db, "acme.example"));
        assert_eq!(accounts, ["acme", "quarrie"]);
    })
    .await;
}

#[tokio::test]
async fn folds_are_asked_when_due() {
    on_each_engine(|Fresh { store, .. }| async move {
        assert_eq!(read!(store, |db| accounts::next_ask(db)), None);
        let mut fold = FoldRow { state: "{}".to_owned(), last_key: (7, "k".to_owned()), next_ask_us: None };
        write!(store, |db| accounts::put_fold(db, "acme", &fold));
        assert_eq!(read!(store, |db| accounts::next_ask(db)), None);
        fold.next_ask_us = Some(minute(5).as_microsecond());
        write!(store, |db| accounts::put_fold(db, "acme", &fold));
        assert_eq!(read!(store, |db| accounts::fold(db, "acme")), Some(fold.clone()));
        assert_eq!(read!(store, |db| accounts::fold(db, "none")), None);
        assert_eq!(read!(store, |db| accounts::next_ask(db)), fold.next_ask_us);
        assert!(read!(store, |db| accounts::due_folds(db, minute(4))).is_empty());
        assert_eq!(read!(store, |db| accounts::due_folds(db, minute(5))), ["acme"]);
    })
    .await;
}

#[tokio::test]
async fn threads_tell_who_was_joined_to_whom() {
    on_each_engine(|Fresh { store, .. }| async move {
        let thread = write!(store, |db| threads::create(db, "acme", "roster", minute(0)));
        write!(store, |db| threads::create(db, "quarrie", "other", minute(0)));
        write!(store, |db| threads::touch(db, thread, minute(3).as_microsecond()));
        let mut numbers = Vec::new();
        for (key, sent_us, id) in [("k1", 2, Some("two@x")), ("k2", 1, None)] {
            let mut in_thread = message(key, "acme", sent_us);
            in_thread.thread = Some(thread);
            in_thread.message_id = id.map(str::to_owned);
            numbers.push(write!(store, |db| messages::insert(db, &in_thread)));
        }
        write!(store, |db| threads::join(db, numbers[1], None, "first"));
        write!(store, |db| threads::join(db, numbers[0], None, "first"));
        write!(store, |db| threads::join(db, numbers[0], Some(numbers[1]), "references"));
        let rows = read!(store, |db| threads::threads(db, None));
        assert_eq!(rows.len(), 1, "a thread without a message is not shown");
        assert_eq!(rows[0].messages, ["k2", "two@x"]);
        assert_eq!(rows[0].joined.len(), 1);
        let joined = &rows[0].joined[0];
        assert_eq!((joined.message_id.as_str(), joined.to.as_str(), joined.by.as_str()), ("two@x", "k2", "references"));
        assert_eq!(read!(store, |db| threads::threads(db, Some("acme"))), rows);
        assert!(read!(store, |db| threads::threads(db, Some("quarrie"))).is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_later_verdict_replaces_the_earlier_one() {
    on_each_engine(|Fresh { store, .. }| async move {
        let number = write!(store, |db| messages::insert(db, &message("k", "acme", 1)));
        let mut verdict = VerdictRow {
            message: number,
            revision: "r1".to_owned(),
            severity: "warning".to_owned(),
            tone: Some(-40),
            urgency: Some(10),
            doc: "{}".to_owned(),
        };
        let rules = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        write!(store, |db| verdicts::put(db, &verdict));
        write!(store, |db| verdicts::put_hits(db, number, &rules(&["b", "a", "b"])));
        verdict.tone = None;
        write!(store, |db| verdicts::put(db, &verdict));
        assert_eq!(read!(store, |db| verdicts::get(db, number)), Some(verdict));
        assert_eq!(read!(store, |db| verdicts::judged(db)), 1);
        let counts = read!(store, |db| verdicts::hit_counts(db));
        assert_eq!(counts, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
        write!(store, |db| verdicts::put_hits(db, number, &rules(&["c"])));
        assert_eq!(read!(store, |db| verdicts::hit_counts(db)), [("c".to_owned(), 1)]);
    })
    .await;
}

#[tokio::test]
async fn incidents_keep_their_names() {
    on_each_engine(|Fresh { store, .. }| async move {
        let mut incident = IncidentRow {
            id: "acme-quality-1".to_owned(),
            account: "acme".to_owned(),
            topic: "quality".to_owned(),
            number: 1,
            state: "open".to_owned(),
            severity: "warning".to_owned(),
            opened_us: 5,
            changed_us: 5,
            closed_us: None,
            doc: "{}".to_owned(),
        };
        write!(store, |db| incidents::upsert(db, &incident));
        assert_eq!(read!(store, |db| incidents::all(db, true)).len(), 1);
        let told = Told {
            at_us: 5,
            event: "alert".to_owned(),
            account: "acme".to_owned(),
            incident: Some(incident.id.clone()),
            message: None,
            recipient: "an_a@northlight.example dana@northlight.example".to_owned(),
            severity: "warning".to_owned(),
            notification: None,
            doc: "{}".to_owned(),
        };
        write!(store, |db| told::append(db, &[told]));
        for (reader, times) in [
            (None, 1),
            (Some("dana@northlight.example"), 1),
            (Some("an_a@northlight.example"), 1),
            (Some("anna@northlight.example"), 0),
        ] {
            assert_eq!(read!(store, |db| periods::told_of_open(db, reader)).len(), times, "{reader:?}");
        }
        incident.opened_us = 3;
        incident.closed_us = Some(9);
        write!(store, |db| incidents::upsert(db, &incident));
        assert_eq!(read!(store, |db| incidents::of_account(db, "acme")), [incident.clone()]);
        assert!(read!(store, |db| incidents::all(db, true)).is_empty());
        assert_eq!(read!(store, |db| incidents::all(db, false)).len(), 1);
        assert_eq!(read!(store, |db| incidents::closed_between(db, 8, 9)).len(), 1);
        assert!(read!(store, |db| incidents::closed_between(db, 9, 20)).is_empty());
        let mut tx = store.begin().await.unwrap();
        incident.id = "another".to_owned();
        assert!(incidents::upsert(tx.db(), &incident).await.is_err(), "the number is taken");
    })
    .await;
}

#[tokio::test]
async fn the_log_keeps_its_order_and_digests_are_made_once() {
    on_each_engine(|Fresh { store, .. }| async move {
        let told = |at_us: i64, event: &str| Told {
            at_us,
            event: event.to_owned(),
            account: "acme".to_owned(),
            incident: None,
            message: None,
            recipient: "dana@northlight.example".to_owned(),
            severity: "warning".to_owned(),
            notification: None,
            doc: "{}".to_owned(),
        };
        write!(store, |db| told::append(db, &[told(9, "alert"), told(4, "signal")]));
        write!(store, |db| told::append(db, &[told(12, "digest")]));
        write!(store, |db| told::append(db, &[]));
        let events = |log: Vec<Told>| log.into_iter().map(|told| told.event).collect::<Vec<_>>().join(" ");
        assert_eq!(events(read!(store, |db| told::of_account(db, "acme"))), "alert signal digest");
        assert_eq!(events(read!(store, |db| told::since(db, 9))), "alert digest");

        let dana = "dana@northlight.example";
        assert_eq!(read!(store, |db| told::last_digest(db, dana, "daily")), None);
        assert!(write!(store, |db| told::mark_digest(db, dana, "2026-03-02", "daily", minute(0))));
        assert!(!write!(store, |db| told::mark_digest(db, dana, "2026-03-02", "daily", minute(9))));
        assert!(write!(store, |db| told::mark_digest(db, dana, "2026-03-02", "weekly", minute(1))));
        let last = read!(store, |db| told::last_digest(db, dana, "daily"));
        assert_eq!(last, Some(minute(0).as_microsecond()));
    })
    .await;
}

async fn claim(store: &Store, now: i64) -> Option<Notification> {
    write!(store, |db| outbox::claim_due(db, minute(now), minute(now + 15)))
}

#[tokio::test]
async fn one_dedup_key_is_one_notification_with_its_first_bytes() {
    on_each_engine(|Fresh { store, .. }| async move {
        let first = notification("n", minute(0));
        let numbers = write!(store, |db| outbox::enqueue(db, &[first.clone(), notification("m", minute(1))]));
        let changed = NewNotification { bytes: b"other".to_vec(), ..first.clone() };
        let again = write!(store, |db| outbox::enqueue(db, &[changed]));
        assert_eq!(again, numbers[..1]);
        assert_eq!(read!(store, |db| outbox::next_due(db)), Some(minute(0).as_microsecond()));
        let claimed = claim(&store, 0).await.unwrap();
        assert_eq!((claimed.id, claimed.bytes), (numbers[0], first.bytes));
        assert_eq!(claim(&store, 0).await, None, "the other is not due");
    })
    .await;
}

#[tokio::test]
async fn a_lease_hides_a_notification_until_it_ends() {
    on_each_engine(|Fresh { store, .. }| async move {
        write!(store, |db| outbox::enqueue(db, &[notification("n", minute(0))]));
        let first = claim(&store, 0).await.unwrap();
        assert_eq!(claim(&store, 14).await, None);
        let second = claim(&store, 15).await.unwrap();
        assert_eq!((second.id, second.attempts, second.repeats), (first.id, 2, 0));
        assert!(!write!(store, |db| outbox::mark_sending(db, &first, minute(15))), "lost its claim");
        assert!(!write!(store, |db| outbox::mark_sending(db, &second, minute(30))), "too late");
        assert!(write!(store, |db| outbox::mark_sending(db, &second, minute(16))));
        write!(store, |db| outbox::sent(db, second.id, minute(17), "250 ok"));
        assert_eq!(claim(&store, 99).await, None);
        assert_eq!(read!(store, |db| outbox::counts(db)), outbox::Counts { sent: 1, ..Default::default() });
        assert_eq!(read!(store, |db| outbox::next_due(db)), None);
    })
    .await;
}

#[tokio::test]
async fn deferred_comes_back_given_up_does_not() {
    on_each_engine(|Fresh { store, .. }| async move {
        let numbers = write!(store, |db| outbox::enqueue(db, &[notification("n", minute(0))]));
        claim(&store, 0).await.unwrap();
        let later = minute(5).as_microsecond();
        write!(store, |db| outbox::deferred(db, numbers[0], later, "450 later"));
        assert_eq!(read!(store, |db| outbox::counts(db)).deferred, 1);
        assert_eq!(claim(&store, 4).await, None);
        assert_eq!(claim(&store, 5).await.unwrap().attempts, 2);
        write!(store, |db| outbox::given_up(db, numbers[0], minute(6), "550 no"));
        write!(store, |db| outbox::deferred(db, numbers[0], later, "450 later"));
        assert_eq!(claim(&store, 99).await, None);
        assert_eq!(read!(store, |db| outbox::counts(db)).failed, 1);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_outcome_is_repeated_once_then_held() {
    on_each_engine(|Fresh { store, .. }| async move {
        let both = [notification("crash", minute(0)), notification("cut", minute(1))];
        write!(store, |db| outbox::enqueue(db, &both));
        let first = claim(&store, 1).await.unwrap();
        // The program ends after this mark: nobody knows.
        assert!(write!(store, |db| outbox::mark_sending(db, &first, minute(1))));
        let other = claim(&store, 1).await.unwrap();
        assert!(write!(store, |db| outbox::mark_sending(db, &other, minute(1))));
        let retry_us = minute(11).as_microsecond();
        write!(store, |db| outbox::unknown(db, other.id, minute(1), retry_us, "cut"));

        let repeat = claim(&store, 11).await.unwrap();
        assert_eq!((repeat.id, repeat.repeats, &repeat.bytes), (other.id, 1, &other.bytes));
        assert!(write!(store, |db| outbox::mark_sending(db, &repeat, minute(11))));
        write!(store, |db| outbox::unknown(db, other.id, minute(12), retry_us, "cut"));
        assert_eq!(read!(store, |db| outbox::counts(db)).held, 1);

        let repeat = claim(&store, 16).await.unwrap();
        assert_eq!((repeat.id, repeat.repeats, &repeat.bytes), (first.id, 1, &first.bytes));
        assert!(write!(store, |db| outbox::mark_sending(db, &repeat, minute(16))));
        assert_eq!(claim(&store, 31).await, None);
        assert_eq!(read!(store, |db| outbox::counts(db)).held, 2);
    })
    .await;
}

#[tokio::test]
async fn what_is_past_its_time_expires() {
    on_each_engine(|Fresh { store, .. }| async move {
        let mut late = notification("n", minute(0));
        late.expires_us = Some(minute(10).as_microsecond());
        let mut tried = notification("m", minute(0));
        tried.expires_us = late.expires_us;
        write!(store, |db| outbox::enqueue(db, &[tried, late]));
        let claimed = claim(&store, 0).await.unwrap();
        assert!(write!(store, |db| outbox::mark_sending(db, &claimed, minute(0))));
        let claimed = claim(&store, 20).await.unwrap();
        assert_eq!(claimed.repeats, 1, "of unknown outcome: repeated all the same");
        assert_eq!(read!(store, |db| outbox::counts(db)).expired, 1);
    })
    .await;
}

#[tokio::test]
async fn two_processes_never_claim_the_same_row() {
    on_each_engine(|Fresh { store, url, .. }| async move {
        let queue: Vec<NewNotification> = (0..40).map(|n| notification(&format!("n{n}"), minute(0))).collect();
        write!(store, |db| outbox::enqueue(db, &queue));
        let claimers: Vec<_> = [store.clone(), Store::open(&url).await.unwrap(), store]
            .into_iter()
            .map(|store| {
                tokio::spawn(async move {
                    let mut claimed = Vec::new();
                    while read!(store, |db| outbox::next_due(db)) == Some(minute(0).as_microsecond()) {
                        claimed.extend(claim(&store, 0).await.map(|claimed| claimed.id));
                    }
                    claimed
                })
            })
            .collect();
        let mut claimed = Vec::new();
        for claimer in claimers {
            claimed.extend(claimer.await.unwrap());
        }
        assert_eq!(claimed.len(), 40);
        assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), 40);
    })
    .await;
}

#[tokio::test]
async fn writers_wait_for_each_other() {
    on_each_engine(|Fresh { store, url, .. }| async move {
        let number = write!(store, |db| messages::insert(db, &message("k", "acme", 1)));
        let second = Store::open(&url).await.unwrap();
        let writers: Vec<_> = [store, second]
            .into_iter()
            .enumerate()
            .map(|(writer, store)| {
                tokio::spawn(async move {
                    for n in 0..50 {
                        // Reads, then writes: what fails at once in a plain SQLite transaction.
                        let mut tx = store.begin().await.unwrap();
                        messages::get(tx.db(), number).await.unwrap().unwrap();
                        let source = format!("{writer}/{n}");
                        raw::keep(tx.db(), &[copy(&source, b"x")], minute(0)).await.unwrap();
                        tx.commit().await.unwrap();
                    }
                    store
                })
            })
            .collect();
        for writer in writers {
            let store = writer.await.unwrap();
            drop(store);
        }
        let store = Store::open(&url).await.unwrap();
        assert_eq!(read!(store, |db| raw::counts(db)).waiting, 100);
    })
    .await;
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused() {
    on_each_engine(|Fresh { store, url, .. }| async move {
        store.close().await;
        let mut behind = AnyConnection::connect(&url).await.unwrap();
        sqlx::query(
            "INSERT INTO _sqlx_migrations
                 (version, description, success, checksum, execution_time)
             SELECT 9001, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
        )
        .execute(&mut behind)
        .await
        .unwrap();
        behind.close().await.unwrap();
        let error = Store::open(&url).await.unwrap_err();
        let steps = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite")).unwrap();
        let number =
            |name: std::ffi::OsString| name.to_str().unwrap().split('_').next().unwrap().parse::<i64>().unwrap();
        let newest = steps.map(|step| number(step.unwrap().file_name())).max().unwrap();
        assert!(matches!(error, StoreError::Newer { found: 9001, known, .. } if known == newest), "{error:?}");
        assert!(error.to_string().contains("install the Barometer that wrote it"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_memory_store_starts_empty_and_keeps() {
    let store = Store::memory().await.unwrap();
    write!(store, |db| raw::keep(db, &[copy("a", b"1")], minute(0)));
    assert_eq!(read!(store, |db| raw::counts(db)).waiting, 1);
    let other = Store::open("sqlite::memory:").await.unwrap();
    assert_eq!(read!(other, |db| raw::counts(db)).waiting, 0);
}

#[tokio::test]
async fn what_is_no_store_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let text = "Dear Sam, this is not a database, however long one looks at it. ".repeat(100);
    std::fs::write(folder.path().join("letter.db"), text).unwrap();
    #[rustfmt::skip]
    let cases = [
        (path("letter.db"),         "is not a Barometer store"),
        (path("missing/a.db"),      "its folder must exist"),
        (path("letter.db/a.db"),    "its folder must exist"),
        (path(""),                  "its folder must exist"),
        ("sqlite:".to_owned(),      "is no store: write sqlite:/path"),
        ("mysql://u:secret@h/d".to_owned(), "mysql://u@h/d is no store"),
        ("postgres://u:secret@127.0.0.1:1/d".to_owned(), "cannot reach the store postgres://u@127.0.0.1:1/d"),
    ];
    for (url, complaint) in cases {
        let error = Store::open(&url).await.unwrap_err();
        assert!(error.to_string().contains(complaint), "{url}: {error}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_store_is_for_its_owner_alone_and_durable() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("with space, 100% #1?.db");
    let store = Store::open(&format!("sqlite:{}", file.display())).await.unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let mut tx = store.begin().await.unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *tx.db()).await.unwrap();
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(tx.db()).await.unwrap();
    assert_eq!((synchronous, journal.as_str()), (2, "wal"));
}

#[test]
fn both_engines_have_the_same_migrations() {
    let files = |engine: &str| -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert!(!files("sqlite").is_empty());
    assert_eq!(files("sqlite"), files("postgres"));
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let sqlite = Store::memory().await.unwrap();
    let expected = columns(&sqlite, Engine::Sqlite).await;
    assert!(expected.contains(&("outbox".to_owned(), "due_us".to_owned(), "integer no".to_owned())));
    on_each_engine(move |Fresh { store, engine, .. }| {
        let expected = expected.clone();
        async move { assert_eq!(columns(&store, engine).await, expected) }
    })
    .await;
}

/// Table, column, and type with whether it may be NULL.
async fn columns(store: &Store, engine: Engine) -> Vec<(String, String, String)> {
    let question = match engine {
        Engine::Sqlite => {
            "SELECT t.name, c.name,
                    LOWER(c.type) || CASE WHEN c.\"notnull\" OR c.pk THEN ' no' ELSE ' yes' END
             FROM sqlite_master t, pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE '%sqlx%' AND t.name NOT LIKE 'sqlite%'
             ORDER BY t.name, c.cid"
        }
        Engine::Postgres => {
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT),
                    CASE data_type WHEN 'bigint' THEN 'integer' WHEN 'bytea' THEN 'blob'
                                   ELSE CAST(data_type AS TEXT) END
                    || ' ' || LOWER(CAST(is_nullable AS TEXT))
             FROM information_schema.columns
             WHERE table_schema = CURRENT_SCHEMA() AND table_name NOT LIKE '%sqlx%'
             ORDER BY table_name COLLATE \"C\", ordinal_position"
        }
    };
    read!(store, |db| sqlx::query_as(question).fetch_all(db))
}
