//! Mail in, e-mails out: one story on each engine, with a clock that we set.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

#[path = "support/firm.rs"]
mod firm;
#[path = "support/history.rs"]
mod history;
#[path = "support/office.rs"]
mod office;
mod support;

use std::fs;

use barometer::edge::smtp::Outcome;
use barometer::notify::Templates;
use barometer::pipeline::{Event, Pipeline};
use barometer::store::mailboxes::Epoch;
use barometer::store::outbox::NewNotification;
use barometer::store::raw::{self, NewCopy};
use barometer::store::{Store, accounts, incidents, messages, outbox};
use history::{judge, mails, replay_history, replay_on, settings};
use jiff::{SignedDuration, Timestamp};
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

#[tokio::test(flavor = "multi_thread")]
async fn of_a_message_too_large_its_headers_are_known_and_nothing_is_judged() {
    on_each_engine(|Fresh { store, .. }| async move {
        let now: Timestamp = NOON.parse().unwrap();
        let pipeline = pipeline(&store);
        let mail = mails("b_quarrie").remove(0);
        // Of 70 MB the beginning is stored; of 26 MB all, and the beginning is looked at.
        let head = b"From: Jane Roe <jane@acme.example>\r\nSubject: Large\r\n\r\nWe end the contract.\r\n";
        let beginning = NewCopy { whole_bytes: 70 << 20, ..copy("a", head, false) };
        let long = copy("b", &[mail.bytes.as_slice(), &vec![b'x'; 26 << 20]].concat(), false);
        pipeline.take(&[beginning, long], now).await.unwrap();
        let mut read = 0;
        loop {
            let pass = pipeline.work(now).await.unwrap();
            assert_eq!(
                pass.outcomes.keys().copied().collect::<Vec<_>>(),
                if pass.handled > 0 { vec!["unreadable"] } else { vec![] }
            );
            read += pass.handled;
            if pass.handled == 0 {
                break;
            }
        }
        assert_eq!(read, 2);
    })
    .await;
}

const MAILBOX: &str = "
[[mailbox]]
name     = \"watch\"
host     = \"localhost\"
user     = \"watch\"
password = { env = \"NONE\" }
";

/// Subjects of what is due.
async fn due(pipeline: &Pipeline, now: Timestamp) -> Vec<String> {
    send_all(pipeline, &Outcome::Sent { reply: "ok".to_owned() }, now)
        .await
        .into_iter()
        .map(|(_, subject)| subject)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_stalls_falls_silent_or_is_numbered_anew_is_told_of_once() {
    on_each_engine(|Fresh { store, .. }| async move {
        // A Friday, an hour before the end of work.
        let begun: Timestamp = "2026-06-05T15:30:00Z".parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.toml");
        let text = fs::read_to_string(history::mailbox().join("northlight.toml")).unwrap();
        fs::write(&path, format!("{text}{MAILBOX}")).unwrap();
        let pipeline = Pipeline::new(
            store.clone(),
            barometer::config::load(&path).unwrap(),
            judge(),
            Templates::shipped().unwrap(),
        );
        let epoch = |uid_validity| Epoch { mailbox: "watch".to_owned(), folder: "INBOX".to_owned(), uid_validity };
        pipeline.cursor(&epoch(1), begun).await.unwrap();
        let report = async |troubles: &[(String, String)], now: Timestamp| {
            pipeline.report_mailboxes(troubles, begun, now).await.unwrap();
            due(&pipeline, now).await
        };
        let trouble = [("watch".to_owned(), "the connection broke".to_owned())];
        let minutes = |n| begun + SignedDuration::from_mins(n);
        assert!(report(&trouble, minutes(14)).await.is_empty());
        let told = report(&trouble, minutes(16)).await;
        assert!(told.len() == 1 && told[0].contains("is not read"), "{told:?}");
        assert!(report(&trouble, minutes(30)).await.is_empty(), "said once");

        // A week-end is no silence; two days without a message are.
        let monday: Timestamp = "2026-06-08T15:00:00Z".parse().unwrap();
        pipeline.polled(&epoch(1), monday).await.unwrap();
        assert!(report(&[], monday).await.is_empty());
        let wednesday = monday + SignedDuration::from_hours(48);
        let told = report(&[], wednesday).await;
        assert!(told.len() == 1 && told[0].contains("nothing comes"), "{told:?}");
        assert!(report(&[], wednesday + SignedDuration::from_hours(24)).await.is_empty(), "said once");

        let later = wednesday + SignedDuration::from_hours(72);
        for uid_validity in 2..=4 {
            pipeline.cursor(&epoch(uid_validity), later).await.unwrap();
        }
        assert!(report(&[], later).await.is_empty());
        pipeline.cursor(&epoch(5), later).await.unwrap();
        let told = report(&[], later).await;
        assert!(told.len() == 1 && told[0].contains("numbered anew all the time"), "{told:?}");
        assert!(report(&[], later).await.is_empty(), "said once");
    })
    .await;
}

/// An alert in the outbox, for one reader.
fn owed(n: u32, now: Timestamp, grave: bool) -> NewNotification {
    NewNotification {
        dedup_key: format!("alert {n}"),
        kind: "alert".to_owned(),
        recipient: "priya@northlight.example".to_owned(),
        bytes: format!("Subject: Alert {n}\r\n\r\nWords.\r\n").into_bytes(),
        message_id: format!("{n}@northlight.example"),
        due_us: now.as_microsecond(),
        expires_us: None,
        grave,
        account: None,
        incident: None,
    }
}

async fn enqueue(store: &Store, rows: &[NewNotification]) {
    let mut tx = store.begin().await.unwrap();
    outbox::enqueue(tx.db(), rows).await.unwrap();
    tx.commit().await.unwrap();
}

/// Sends everything that is due; kinds and subjects, in order.
async fn send_all(pipeline: &Pipeline, outcome: &Outcome, now: Timestamp) -> Vec<(String, String)> {
    let mut sent = Vec::new();
    while let Some(due) = pipeline.claim_delivery(now).await.unwrap() {
        pipeline.settle_delivery(&due, outcome, now, 0.5).await.unwrap();
        sent.push((due.kind, barometer::intake::headline(&due.bytes).subject));
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_merges_and_hides_nothing_and_what_is_grave_goes_first() {
    on_each_engine(|Fresh { store, .. }| async move {
        let now: Timestamp = NOON.parse().unwrap();
        let pipeline = pipeline(&store);
        let accepted = Outcome::Sent { reply: "ok".to_owned() };
        let cap = settings().alerts.cap_per_hour;
        enqueue(&store, &(0..cap + 5).map(|n| owed(n, now, false)).collect::<Vec<_>>()).await;
        enqueue(&store, &[owed(1_000, now, true)]).await;
        let sent = send_all(&pipeline, &accepted, now).await;
        assert_eq!(sent.first().unwrap().1, "Alert 1000", "the gravest first");
        assert_eq!(sent.iter().filter(|(kind, _)| kind == "alert").count(), cap as usize);
        assert_eq!(sent.last().unwrap().0, "summary");
        assert!(sent.last().unwrap().1.contains("6 more alerts"), "{sent:?}");
        // A minute later the next summary must wait; in a quarter of an hour it comes.
        let soon = now + SignedDuration::from_mins(1);
        enqueue(&store, &[owed(2_000, soon, false)]).await;
        assert!(send_all(&pipeline, &accepted, soon).await.is_empty());
        let later = now + SignedDuration::from_mins(16);
        assert_eq!(send_all(&pipeline, &accepted, later).await.len(), 1);
        let mut db = store.read().await.unwrap();
        let counts = outbox::counts(&mut db).await.unwrap();
        assert_eq!(counts.sent, i64::from(cap) + 9, "everything was told: {counts:?}");
        assert_eq!((counts.queued, counts.deferred), (0, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_outcome_of_an_attempt_has_its_end() {
    on_each_engine(|Fresh { store, .. }| async move {
        let mut now: Timestamp = NOON.parse().unwrap();
        let pipeline = pipeline(&store);
        let said = |text: &str| text.to_owned();
        let mut turn = async |outcome: Outcome, minutes: i64| {
            let due = pipeline.claim_delivery(now).await.unwrap();
            let key = due.as_ref().map(|d| (d.kind.clone(), d.recipient.clone(), d.attempts, d.bytes.clone()));
            if let Some(due) = due {
                pipeline.settle_delivery(&due, &outcome, now, 0.5).await.unwrap();
            }
            now += SignedDuration::from_mins(minutes);
            key
        };
        enqueue(&store, &[owed(1, NOON.parse().unwrap(), false)]).await;
        // Nothing is burned by a fault of the relay; patience is counted.
        assert_eq!(turn(Outcome::RelayFault { reason: said("no") }, 2).await.unwrap().2, 1);
        assert_eq!(turn(Outcome::Deferred { reason: said("later") }, 2).await.unwrap().2, 1);
        // An unknown outcome is repeated once, with the same bytes, then held and reported.
        let first = turn(Outcome::Unknown { reason: said("cut") }, 9).await.unwrap();
        assert!(turn(Outcome::Sent { reply: said("ok") }, 2).await.is_none(), "not before ten minutes");
        let second = turn(Outcome::Unknown { reason: said("cut") }, 0).await.unwrap();
        assert_eq!(first.3, second.3);
        assert_eq!(turn(Outcome::Sent { reply: said("ok") }, 0).await.unwrap().0, "notice", "people are told");
        while turn(Outcome::Sent { reply: said("ok") }, 0).await.is_some() {}
        // A recipient in doubt is asked three times, an hour apart, whatever was deferred before; then the deputy hears.
        enqueue(&store, &[owed(2, NOON.parse().unwrap(), false)]).await;
        turn(Outcome::Deferred { reason: said("later") }, 60).await.unwrap();
        for _ in 0..2 {
            assert_eq!(
                turn(Outcome::Doubtful { reason: said("550") }, 61).await.unwrap().1,
                "priya@northlight.example"
            );
        }
        turn(Outcome::Doubtful { reason: said("550") }, 0).await.unwrap();
        let instead = turn(Outcome::Sent { reply: said("ok") }, 0).await.unwrap();
        assert_ne!(instead.1, "priya@northlight.example");
        while turn(Outcome::Sent { reply: said("ok") }, 0).await.is_some() {}
        // A relay that refuses the words has the bare fact.
        enqueue(&store, &[owed(3, NOON.parse().unwrap(), false)]).await;
        turn(Outcome::ContentRefused { reason: said("554") }, 0).await.unwrap();
        let less = turn(Outcome::Sent { reply: said("ok") }, 0).await.unwrap();
        assert_eq!(less.0, "notice");
        assert!(!String::from_utf8(less.3).unwrap().contains("Words."));
        let mut db = store.read().await.unwrap();
        let counts = outbox::counts(&mut db).await.unwrap();
        assert_eq!((counts.held, counts.failed), (1, 2), "{counts:?}");
        assert_eq!((counts.queued, counts.deferred, counts.unknown), (0, 0, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_domain_repeats_is_learnt_and_no_new_text_any_more() {
    const FAIR: &str =
        "Visit our stand in hall seven of the winter fair, where the new oak counters are shown until Sunday evening.";
    on_each_engine(|Fresh { store, .. }| async move {
        let start: Timestamp = NOON.parse().unwrap();
        let pipeline = pipeline(&store);
        for day in 0..7 {
            let now = start + SignedDuration::from_hours(24 * day);
            let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
            let mail = format!(
                "From: Ann <ann@joiner.example>\nTo: <watch@northlight.example>\nSubject: Counter {day}\nDate: {date}\nMessage-ID: <{day}@joiner.example>\n\nCounter number {day} is ready and waits for you.\n\n{FAIR}\n"
            );
            pipeline.take(&[copy(&format!("{day}.eml"), mail.as_bytes(), false)], now).await.unwrap();
            work_until_done(&pipeline, now).await;
        }
        let mut db = store.read().await.unwrap();
        let rows = messages::recent(&mut db, "joiner.example", i64::MAX, 10).await.unwrap();
        let mut is_new = Vec::new();
        for row in rows.iter().rev() {
            let doc = messages::doc(&mut db, row.message).await.unwrap().unwrap();
            let message: barometer::read::Message = serde_json::from_str(&doc).unwrap();
            assert_eq!(message.texts.disclaimer.contains("hall seven"), !message.texts.new_text.contains("hall seven"));
            is_new.push(message.texts.new_text.contains("hall seven"));
        }
        assert_eq!(is_new, [true, true, true, true, true, false, false], "five times over two days make a habit");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_answer_by_replying_on_real_servers() {
    const READERS: [&str; 3] = ["dana", "marcus", "sam"];
    let mut office = office::Office::open("2026-03-02T10:00:00Z").await;
    office.client("We will end our agreement in March and move the work to another agency.").await;
    let alert = office.had("dana", "ACME");
    assert_eq!(office.counts(READERS), [1, 0, 1], "the manager and the owner know");

    // Who is not vouched for is not heard: from outside with results of their own making, nor as somebody else.
    office.forge("dana", &alert, "close").await;
    office.reply_as("sam", "dana", &alert, "close").await;
    assert_eq!(office.state().await, "open");
    assert_eq!(office.counts(READERS), [1, 0, 1], "and is told nothing");

    // Nobody answers: the director hears of it, the others are reminded.
    office.pass_to("2026-03-02T14:05:00Z").await;
    let climbed = office.had("marcus", "still open");
    assert_eq!(office.counts(READERS), [2, 1, 2]);

    // Dana wants quiet until she has called them; the others see it at once.
    office.reply_as("dana", "dana", &alert, "Snooze 2h").await;
    assert_eq!(office.state().await, "snoozed");
    office.had("sam", "Dana Reyes has put ACME Ltd off");
    assert_eq!(office.counts(READERS), [2, 2, 3]);
    office.pass_to("2026-03-02T15:55:00Z").await;
    assert_eq!(office.counts(READERS), [2, 2, 3], "quiet");
    office.pass_to("2026-03-02T16:10:00Z").await;
    assert_eq!(office.state().await, "open");
    assert_eq!(office.counts(READERS), [3, 3, 4], "awake");

    // The director takes it: no repeat and no step of the ladder after that.
    office.reply_as("marcus", "marcus", &climbed, "Mine, leave it to me.").await;
    assert_eq!(office.state().await, "acknowledged");
    office.had("dana", "Marcus Hale has taken over ACME Ltd");
    office.pass_to("2026-03-06T17:00:00Z").await;
    assert_eq!(office.counts(READERS), [4, 3, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_its_effect_on_each_engine() {
    const LEAVES: &str = "We will end our agreement in March and move the work to another agency.";
    on_each_engine(|Fresh { store, .. }| async move {
        let mut firm = firm::Firm::on(store, firm::settings(), "02T10:00");
        firm.client("Jane Doe <jane@acme-group.example>", LEAVES).await;
        let dana = firm.news().iter().find(|mail| mail.to == firm::DANA).unwrap().reply_to();
        let mut said = async |text: &str, minutes| {
            firm.reply(firm::DANA, &dana, text).await;
            firm.wait(minutes).await;
            let happened = firm.happened();
            let states =
                firm.states().await.into_iter().map(|(name, state)| format!("{name} {state}")).collect::<Vec<_>>();
            (happened, states.join(", "))
        };
        let only = |state: &str| format!("acme-group.example/cancellation-1 {state}");
        said("who", 2).await;
        assert_eq!(said("ack", 2).await, (vec!["incident_acknowledged"], only("acknowledged")));
        assert_eq!(said("undo", 2).await, (vec![], only("open")));
        assert_eq!(said("snooze 1h", 2).await, (vec!["incident_snoozed"], only("snoozed")));
        assert_eq!(said("help", 61).await, (vec!["incident_woken", "alert_repeat"], only("open")));
        assert_eq!(said("away until fri", 2).await, (vec![], only("open")));
        assert_eq!(said("back", 2).await, (vec![], only("open")));
        assert_eq!(said("wrong", 2).await.1, only("closed"));
        assert_eq!(said("undo", 2).await.1, only("open"));
        let (happened, states) = said("file under acme", 2).await;
        assert!(happened.contains(&"incident_opened") && happened.contains(&"alert"), "{happened:?}");
        assert_eq!(states, format!("{}, acme/cancellation-1 open", only("closed")));
        assert_eq!(said("undo", 2).await.1, format!("{}, acme/cancellation-1 closed", only("open")));
        assert_eq!(
            said("close called", 2).await,
            (vec!["incident_closed"], format!("{}, acme/cancellation-1 closed", only("closed")))
        );
    })
    .await;
}
