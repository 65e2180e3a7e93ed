//! A firm on real servers: Postfix takes its mail and vouches for its people, Dovecot keeps it, and a
//! clock that we set tells the time.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "it runs real servers, waits for what must come, and fails by panicking"
)]

#[path = "rig.rs"]
mod rig;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use barometer::config::{self, Relay as RelaySettings, Server, Settings};
use barometer::edge::imap::{Session, Timeouts};
use barometer::edge::login;
use barometer::edge::smtp::{Outcome, Relay};
use barometer::judge::{Judge, Rules, shipped};
use barometer::notify::Templates;
use barometer::pipeline::Pipeline;
use barometer::store::mailboxes::Epoch;
use barometer::store::raw::NewCopy;
use barometer::store::{Store, incidents};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use rig::{Rig, field, until};

const SETTINGS: &str = r#"
[service]
address = "watch@firm.example"
domains = ["firm.example"]
time_zone = "Europe/London"

[[mailbox]]
name = "watch"
host = "localhost"
port = @IMAPS@
ca_file = "@CA@"
user = "watch@firm.example"
password = { file = "@SECRET@" }
authserv_id = "mail.firm.example"

[relay]
host = "localhost"
port = @SMTPS@
ca_file = "@CA@"
user = "watch@firm.example"
password = { file = "@SECRET@" }

[[member]]
address = "marcus@firm.example"
name = "Marcus Hale"
role = "director"

[[member]]
address = "dana@firm.example"
name = "Dana Reyes"
role = "manager"
reports_to = "marcus@firm.example"

[[member]]
address = "sam@firm.example"
name = "Sam Field"
reports_to = "dana@firm.example"

[[account]]
id = "acme"
name = "ACME Ltd"
domains = ["acme.example"]
owner = "sam@firm.example"
"#;

fn foreseeable(purpose: &str) -> Option<[u8; 20]> {
    Sha256::digest(purpose.as_bytes()).first_chunk().copied()
}

pub struct Office {
    rig: Rig,
    store: Store,
    settings: Settings,
    pipeline: Pipeline,
    now: Timestamp,
    next_uid: u32,
    letters: u32,
}

impl Office {
    pub async fn open(now: &str) -> Self {
        let rig = Rig::up(&["dovecot", "postfix"]);
        let secret = rig.path().join("secret");
        fs::write(&secret, "secret\n").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let text = SETTINGS
            .replace("@IMAPS@", rig.get("RIG_IMAPS_PORT"))
            .replace("@SMTPS@", rig.get("RIG_SMTPS_PORT"))
            .replace("@CA@", rig.get("RIG_CA"))
            .replace("@SECRET@", secret.to_str().unwrap());
        let settings = config::parse(&text, "settings").unwrap();
        let store = Store::memory().await.unwrap();
        let judge = Judge::new(Rules::load(&shipped()).unwrap());
        let pipeline = Pipeline::new(store.clone(), settings.clone(), judge, Templates::shipped().unwrap())
            .with_chance(foreseeable);
        Self { rig, store, settings, pipeline, now: now.parse().unwrap(), next_uid: 1, letters: 0 }
    }

    fn server(&self, user: &str) -> Server {
        let Some(RelaySettings::Smtp(server)) = self.settings.relay.clone() else { panic!("a relay is set") };
        Server { user: format!("{user}@firm.example"), ..server }
    }

    fn head(&mut self, from: &str, to: &str) -> String {
        self.letters += 1;
        let date = self.now.strftime("%a, %d %b %Y %H:%M:%S +0000");
        let number = self.letters;
        format!("From: {from}\nTo: {to}\nSubject: The contract\nDate: {date}\nMessage-ID: <{number}@mail.example>\n")
    }

    /// A client writes to the service inbox, from outside.
    pub async fn client(&mut self, text: &str) {
        let head = self.head("Jane Doe <jane@acme.example>", "Sam Field <sam@firm.example>");
        self.rig.submit("jane@acme.example", &["watch@firm.example"], &format!("{head}\n{text}\n"));
        self.take().await;
    }

    /// Somebody outside answers in the name of one of us, and vouches for themselves.
    pub async fn forge(&mut self, name: &str, alert: &str, text: &str) {
        let (from, to) = (format!("{name}@firm.example"), reply_to(alert));
        let head = self.head(&from, &to);
        let results = "Authentication-Results: mail.firm.example; dmarc=pass header.from=firm.example\n";
        self.rig.submit(&from, &[&to], &format!("{results}{head}\n{text}\n"));
        self.take().await;
    }

    /// One who is logged in as `user` answers an alert in the name of `name`, above what their program quotes.
    pub async fn reply_as(&mut self, user: &str, name: &str, alert: &str, text: &str) {
        let to = reply_to(alert);
        let head = self.head(&format!("<{name}@firm.example>"), &format!("Barometer <{to}>"));
        let quoted = alert.lines().take(60).map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n");
        let answers =
            format!("In-Reply-To: {}\nReferences: {}\n", field(alert, "Message-ID"), field(alert, "References"));
        let body = format!(
            "{text}\n\n-- \n{name}\n\nOn Mon, 2 Mar 2026 at 10:00, Barometer <watch@firm.example> wrote:\n\n{quoted}"
        );
        let message = format!("{head}{answers}\n{body}").replace("\r\n", "\n").replace('\n', "\r\n");
        let mut relay = Relay::new(self.server(user), format!("{user}@firm.example"));
        let outcome = relay.send(&to, message.as_bytes()).await;
        assert!(matches!(outcome, Outcome::Sent { .. }), "{outcome:?}");
        relay.close().await;
        self.take().await;
    }

    /// Reads the service inbox over IMAP once the next message is in it, and sends what follows.
    async fn take(&mut self) {
        let mailbox = self.settings.mailboxes[0].clone();
        let expected = usize::try_from(self.letters).unwrap();
        until("the message reaches the inbox", || (self.rig.mailbox("watch").len() >= expected).then_some(()));
        let login = login::of(&mailbox.server).unwrap();
        let mut session = Session::connect(&mailbox.server, login, &Timeouts::default()).await.unwrap();
        let selected = session.select("INBOX").await.unwrap();
        let epoch =
            Epoch { mailbox: "watch".to_owned(), folder: "INBOX".to_owned(), uid_validity: selected.uid_validity };
        let uids = session.uids_from(self.next_uid).await.unwrap();
        let listed = session.sizes(&uids).await.unwrap();
        let copies = session.bodies(&listed).await.unwrap().into_iter().map(|(uid, bytes)| NewCopy {
            source: epoch.source(uid),
            whole_bytes: i64::try_from(bytes.len()).unwrap(),
            bytes,
            arrived_us: Some(self.now.as_microsecond()),
            history: false,
        });
        let copies: Vec<NewCopy> = copies.collect();
        self.next_uid = uids.last().unwrap() + 1;
        session.logout().await.unwrap();
        self.pipeline.take(&copies, self.now).await.unwrap();
        while self.pipeline.work(self.now).await.unwrap().handled > 0 {}
        self.send().await;
    }

    async fn send(&self) {
        let mut relay = Relay::new(self.server("watch"), "watch@firm.example".to_owned());
        while let Some(due) = self.pipeline.claim_delivery(self.now).await.unwrap() {
            let outcome = if due.kind == "digest" {
                Outcome::Sent { reply: "not of this story".to_owned() }
            } else {
                relay.send(&due.recipient, &due.bytes).await
            };
            assert!(matches!(outcome, Outcome::Sent { .. }), "{outcome:?}");
            self.pipeline.settle_delivery(&due, &outcome, self.now, 0.5).await.unwrap();
        }
        relay.close().await;
    }

    /// Lets time pass, and whatever it brings happen when it is due.
    pub async fn pass_to(&mut self, end: &str) {
        let end: Timestamp = end.parse().unwrap();
        while let Some(next) = self.pipeline.next_wake(self.now).await.unwrap().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.pipeline.tick(self.now).await.unwrap();
            self.send().await;
        }
        self.now = end;
    }

    /// The newest e-mail in somebody's mailbox whose subject has these words.
    pub fn had(&self, user: &str, words: &str) -> String {
        until(words, || self.rig.mailbox(user).into_iter().find(|mail| field(mail, "Subject").contains(words)))
    }

    /// How many e-mails each has had, once all that left has arrived.
    pub fn counts<const N: usize>(&self, users: [&str; N]) -> [usize; N] {
        self.settled();
        users.map(|user| self.rig.mailbox(user).len())
    }

    /// Waits until the relay has nothing in hand: what it takes it hands on within moments.
    fn settled(&self) {
        until("the relay has delivered everything", || {
            let waits = ["incoming", "active", "maildrop", "deferred"].iter().any(|queue| {
                let folder = self.rig.path().join("postfix/queue").join(queue);
                fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some())
            });
            (!waits).then_some(())
        });
    }

    /// Where the one incident stands.
    pub async fn state(&self) -> String {
        let mut db = self.store.read().await.unwrap();
        incidents::all(&mut db, false).await.unwrap().remove(0).state
    }
}

fn reply_to(alert: &str) -> String {
    let value = field(alert, "Reply-To");
    value.rsplit('<').next().unwrap().trim_end_matches('>').to_owned()
}
