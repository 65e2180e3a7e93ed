//! A small firm with one client, whose managers answer alerts: mail in, e-mails out, a clock that we set.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::LazyLock;

use barometer::config::{self, Settings};
use barometer::edge::folder::Folder;
use barometer::edge::smtp::Outcome;
use barometer::judge::{Judge, Rules, shipped};
use barometer::notify::Templates;
use barometer::pipeline::{Event, Incoming, Pipeline, Story, World};
use barometer::store::outbox::Notification;
use barometer::store::raw::NewCopy;
use barometer::store::{Store, incidents};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

/// Members, an account with a ladder, and a server that vouches.
pub const SETTINGS: &str = r#"
[service]
address = "watch@northlight.example"
domains = ["northlight.example"]
time_zone = "Europe/London"

[[mailbox]]
name = "watch"
host = "localhost"
user = "watch"
password = { env = "NONE" }
authserv_id = "mail.northlight.example"

[[member]]
address = "marcus@northlight.example"
name = "Marcus Hale"
role = "director"

[[member]]
address = "dana@northlight.example"
name = "Dana Reyes"
role = "manager"
reports_to = "marcus@northlight.example"
deputy = "robin@northlight.example"

[[member]]
address = "robin@northlight.example"
name = "Robin Ash"

[[member]]
address = "sam@northlight.example"
name = "Sam Field"
reports_to = "dana@northlight.example"

[[account]]
id = "acme"
name = "ACME Ltd"
domains = ["acme.example"]
owner = "sam@northlight.example"
ladder = "standard"

[[account]]
id = "zenith"
name = "Zenith"
domains = ["zenith.example"]
owner = "sam@northlight.example"

[ladder.standard]
steps = [{ to = "owner", after = "0m" }, { to = "manager", after = "2h" }, { to = "director", after = "4h" }]
"#;

pub const DANA: &str = "dana@northlight.example";
pub const SAM: &str = "sam@northlight.example";
pub const MARCUS: &str = "marcus@northlight.example";
pub const ROBIN: &str = "robin@northlight.example";
/// What our server writes above mail of somebody who passed.
pub const PASS: &str = "Authentication-Results: mail.northlight.example; dmarc=pass header.from=northlight.example\n";
/// How the message came in from outside.
pub const RECEIVED: &str = "Received: from mx.northlight.example by mail.northlight.example with ESMTPS id 1; Mon, 02 Mar 2026 10:00:00 +0000\n";

pub fn settings() -> Settings {
    config::parse(SETTINGS, "settings").unwrap()
}

pub fn judge() -> Judge {
    static JUDGE: LazyLock<Judge> = LazyLock::new(|| Judge::new(Rules::load(&shipped()).unwrap()));
    JUDGE.clone()
}

/// The same token for the same purpose.
pub fn foreseeable(purpose: &str) -> Option<[u8; 20]> {
    Sha256::digest(purpose.as_bytes()).first_chunk().copied()
}

pub fn pipeline(store: &Store, settings: Settings) -> Pipeline {
    Pipeline::new(store.clone(), settings, judge(), Templates::shipped().unwrap()).with_chance(foreseeable)
}

pub fn at(text: &str) -> Timestamp {
    format!("2026-03-{text}:00Z").parse().unwrap()
}

/// An e-mail that left.
#[derive(Debug, Clone)]
pub struct Sent {
    pub to: String,
    pub subject: String,
    pub bytes: Vec<u8>,
}

impl Sent {
    /// Where answers to it go; empty where it takes none.
    pub fn reply_to(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        let line = text.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix("Reply-To:"));
        line.map_or(String::new(), |line| line.rsplit('<').next().unwrap().trim().trim_end_matches('>').to_owned())
    }
}

/// A firm at work.
pub struct Firm {
    pub store: Store,
    pub pipeline: Pipeline,
    pub now: Timestamp,
    pub events: Vec<Event>,
    pub sent: Vec<Sent>,
    /// Whose address the relay refuses.
    pub unreachable: Option<String>,
    number: u32,
}

impl Firm {
    pub async fn new(start: &str) -> Self {
        Self::on(Store::memory().await.unwrap(), settings(), start)
    }

    pub fn on(store: Store, settings: Settings, start: &str) -> Self {
        let pipeline = pipeline(&store, settings);
        Self { store, pipeline, now: at(start), events: Vec::new(), sent: Vec::new(), unreachable: None, number: 0 }
    }

    /// Lets a message reach the mailbox now.
    pub async fn arrive(&mut self, message: &str) {
        self.number += 1;
        let bytes = message.replace('\n', "\r\n").into_bytes();
        let copy = NewCopy {
            source: format!("imap:watch/INBOX/1/{:010}", self.number),
            whole_bytes: i64::try_from(bytes.len()).unwrap(),
            bytes,
            arrived_us: Some(self.now.as_microsecond()),
            history: false,
        };
        self.pipeline.take(&[copy], self.now).await.unwrap();
        loop {
            let pass = self.pipeline.work(self.now).await.unwrap();
            self.events.extend(pass.events);
            if pass.handled == 0 {
                break;
            }
        }
        self.deliver().await;
    }

    /// A client writes.
    pub async fn client(&mut self, from: &str, text: &str) {
        let date = self.now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        let number = self.number;
        self.arrive(&format!(
            "Received: from mx.example by mail.northlight.example with ESMTP id 9; {date}\nFrom: {from}\nTo: Sam Field <{SAM}>\nSubject: Matter {number}\nDate: {date}\nMessage-ID: <{number}@client.example>\n\n{text}\n"
        ))
        .await;
    }

    /// One of us answers an alert, in a way that is beyond doubt.
    pub async fn reply(&mut self, from: &str, to: &str, text: &str) {
        let message = self.reply_text(from, to, text);
        self.arrive(&format!("{PASS}{RECEIVED}{message}")).await;
    }

    /// The message of an honest mail program.
    pub fn reply_text(&self, from: &str, to: &str, text: &str) -> String {
        let date = self.now.strftime("%a, %d %b %Y %H:%M:%S +0000");
        let number = self.number;
        format!(
            "From: <{from}>\nTo: Barometer <{to}>\nSubject: Re: Matter\nDate: {date}\nMessage-ID: <r{number}@northlight.example>\n\n{text}\n\nOn Mon, 2 Mar 2026 at 10:00, Barometer <watch@northlight.example> wrote:\n\n> CRITICAL | ACME Ltd\n> snooze 2d\n"
        )
    }

    async fn deliver(&mut self) -> Vec<Notification> {
        let mut sent = Vec::new();
        while let Some(due) = self.pipeline.claim_delivery(self.now).await.unwrap() {
            let refused = self.unreachable.as_ref() == Some(&due.recipient);
            let (reply, reason) = ("ok".to_owned(), "no such person".to_owned());
            let outcome = if refused { Outcome::Refused { reason } } else { Outcome::Sent { reply } };
            self.pipeline.settle_delivery(&due, &outcome, self.now, 0.5).await.unwrap();
            if refused {
                continue;
            }
            let subject = barometer::intake::headline(&due.bytes).subject;
            if due.kind != "digest" {
                self.sent.push(Sent { to: due.recipient.clone(), subject, bytes: due.bytes.clone() });
            }
            sent.push(due);
        }
        sent
    }

    /// Lets time pass, and whatever it brings happen when it is due.
    pub async fn pass_to(&mut self, until: &str) {
        let until = at(until);
        while let Some(next) = self.pipeline.next_wake(self.now).await.unwrap().filter(|next| *next <= until) {
            let before = self.now;
            self.now = next.max(self.now);
            self.events.extend(self.pipeline.tick(self.now).await.unwrap());
            self.deliver().await;
            let again = self.pipeline.next_wake(self.now).await.unwrap();
            assert!(
                again.is_none_or(|again| again > self.now) || self.now > before,
                "time stands still at {}",
                self.now
            );
        }
        self.now = until;
    }

    pub async fn wait(&mut self, minutes: i64) {
        let until = self.now + SignedDuration::from_mins(minutes);
        self.pass_to(&until.strftime("%dT%H:%M").to_string()).await;
    }

    /// What left since the last call, by reader and subject.
    pub fn news(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// Names of events since the last call, without digests, daily or weekly.
    pub fn happened(&mut self) -> Vec<&'static str> {
        let events = std::mem::take(&mut self.events);
        events.iter().map(|e| e.event).filter(|e| !["digest", "weekly"].contains(e)).collect()
    }

    /// Where each incident stands.
    pub async fn states(&self) -> Vec<(String, String)> {
        let mut db = self.store.read().await.unwrap();
        incidents::all(&mut db, false).await.unwrap().into_iter().map(|row| (row.id, row.state)).collect()
    }
}

/// The same mail as a back-test tells it.
pub async fn replayed(mails: Vec<(Timestamp, String)>) -> Story {
    let out = tempfile::tempdir().unwrap();
    let folder = Folder::create(out.path().join("mail")).unwrap();
    let store = Store::memory().await.unwrap();
    let pipeline = Pipeline::new(store, settings(), judge(), Templates::shipped().unwrap());
    let mut world = World::new(pipeline, folder);
    for (number, (arrived_at, text)) in mails.into_iter().enumerate() {
        let bytes = text.replace('\n', "\r\n").into_bytes();
        let whole_bytes = bytes.len() as u64;
        world.arrive(Incoming { path: format!("{number}.eml"), bytes, whole_bytes, arrived_at }).await.unwrap();
    }
    world.end().await.unwrap()
}
