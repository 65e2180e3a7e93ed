//! Mailboxes in, by IMAP.
//!
//! Every step has a time-out and fails with what the caller can do about it; a command that was not
//! answered with OK never looks like one that was. Flags are never read, and messages are
//! never marked by being fetched. What the server sends is bounded before it is parsed. After an
//! error the session is of no more use: drop it and connect again.

mod command;
mod connect;
mod error;
mod fetch;
mod guard;
mod idle;

use std::fmt;
use std::time::Duration;

use async_imap::imap_proto::{MailboxDatum, Response, ResponseCode};
use async_imap::{Authenticator, Client};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::login::{Login, Proof};
use crate::config::Server;
use error::{code, words};
use guard::Guarded;

pub use error::{Class, ImapError};

/// The time that steps may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// TCP, then TLS.
    pub connect: Duration,
    /// The greeting, and each response to a command.
    pub command: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(30), command: Duration::from_mins(2) }
    }
}

/// A message as the server lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its UID.
    pub uid: u32,
    /// Its size, as the server says.
    pub size_bytes: u64,
    /// When it reached the server (INTERNALDATE).
    pub arrived_at: Option<Timestamp>,
}

/// A selected folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selected {
    /// Under which its UIDs hold.
    pub uid_validity: u32,
    /// The UID that the next message will get at least, where the server says so.
    pub uid_next: Option<u32>,
    /// How many messages it has.
    pub exists: u32,
}

/// How waiting for news ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// Something changed in the folder.
    News,
    /// Nothing did.
    TimedOut,
    /// We were told to stop.
    Stopped,
}

/// Both halves of a connection, whatever lies below.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug {}

/// A connection that is logged in.
pub struct Session {
    wire: async_imap::Session<Guarded<Box<dyn Stream>>>,
    timeouts: Timeouts,
    /// What the server says it can do, in capitals.
    abilities: Vec<String>,
}

impl Session {
    /// Connects and logs in.
    ///
    /// # Errors
    ///
    /// [`ImapError`], naming the step and the remedy.
    pub async fn connect(server: &Server, login: Option<Login>, timeouts: &Timeouts) -> Result<Self, ImapError> {
        let login = login.ok_or(ImapError::NoSecret)?;
        let greeted = connect::connect(server, timeouts).await?;
        let way = Way::of(&login, &greeted.abilities, server)?;
        let client = Client::new(Guarded::new(greeted.stream));
        let logging_in = timeout(timeouts.command, client.authenticate(way.mechanism, way));
        let wire = match logging_in.await {
            Ok(Ok(wire)) => wire,
            Ok(Err((error, _))) => return Err(refused(error)),
            Err(_) => return Err(ImapError::Slow { step: LOG_IN }),
        };
        let mut session = Self { wire, timeouts: *timeouts, abilities: greeted.abilities };
        session.ask_abilities().await?;
        Ok(session)
    }

    /// What the server can do once we are logged in is often more.
    async fn ask_abilities(&mut self) -> Result<(), ImapError> {
        let mut found = Vec::new();
        self.command("say what it can do", "CAPABILITY", |response| {
            if let Response::Capabilities(abilities) = response {
                found.extend(abilities.iter().map(ability));
            }
        })
        .await?;
        if !found.is_empty() {
            self.abilities = found;
        }
        Ok(())
    }

    fn can(&self, ability: &str) -> bool {
        self.abilities.iter().any(|a| a == ability)
    }

    /// What the server says it can do, in capitals.
    #[must_use]
    pub fn abilities(&self) -> &[String] {
        &self.abilities
    }

    /// Whether the server tells of news by itself.
    #[must_use]
    pub fn can_idle(&self) -> bool {
        self.can("IDLE")
    }

    /// Opens a folder.
    ///
    /// # Errors
    ///
    /// [`ImapError`]; also where the server gives no UIDVALIDITY, without which no UID means anything.
    pub async fn select(&mut self, name: &str) -> Result<Selected, ImapError> {
        let (mut uid_validity, mut uid_next, mut exists) = (None, None, 0);
        let select = format!("SELECT {}", command::folder(name));
        let opening = self.command("open the folder", &select, |response| match response {
            Response::Data { outcome, .. } => match outcome.code {
                Some(ResponseCode::UidValidity(n)) => uid_validity = Some(n),
                Some(ResponseCode::UidNext(n)) => uid_next = Some(n),
                _ => {}
            },
            Response::MailboxData(MailboxDatum::Exists(n)) => exists = *n,
            _ => {}
        });
        opening.await.map_err(|error| match error {
            ImapError::No { code, words, .. } => ImapError::Folder { folder: name.to_owned(), code, words },
            other => other,
        })?;
        let uid_validity = uid_validity.ok_or_else(|| ImapError::NoUidValidity { folder: name.to_owned() })?;
        Ok(Selected { uid_validity, uid_next, exists })
    }

    /// Asks whether the server is there.
    ///
    /// # Errors
    ///
    /// [`ImapError`].
    pub async fn noop(&mut self) -> Result<(), ImapError> {
        self.command("answer", "NOOP", |_| {}).await
    }

    /// Says good-bye.
    ///
    /// # Errors
    ///
    /// [`ImapError`]; the connection is over all the same.
    pub async fn logout(&mut self) -> Result<(), ImapError> {
        match self.command("part", "LOGOUT", |_| {}).await {
            // Its good-bye is what we asked for.
            Err(ImapError::Bye { .. }) => Ok(()),
            other => other,
        }
    }
}

const LOG_IN: &str = "let us in";

/// A mechanism, and what it answers when it is asked.
struct Way {
    mechanism: &'static str,
    answer: Option<Vec<u8>>,
}

impl Way {
    fn of(login: &Login, abilities: &[String], server: &Server) -> Result<Self, ImapError> {
        let offers = |mechanism: &str| abilities.iter().any(|a| a == &format!("AUTH={mechanism}"));
        let offered = || {
            let found: Vec<&str> = abilities.iter().filter_map(|a| a.strip_prefix("AUTH=")).collect();
            if found.is_empty() { "nothing".to_owned() } else { words(&found.join(", ")) }
        };
        let user = &login.user;
        let (mechanism, answer) = match &login.proof {
            Proof::Password(_) if abilities.iter().any(|a| a == "LOGINDISABLED") && !offers("PLAIN") => {
                return Err(ImapError::NoMechanism { wanted: "password", offered: offered() });
            }
            Proof::Password(secret) => ("PLAIN", format!("\0{user}\0{}", secret.expose_secret())),
            Proof::Token(secret) if offers("XOAUTH2") => {
                ("XOAUTH2", format!("user={user}\x01auth=Bearer {}\x01\x01", secret.expose_secret()))
            }
            // RFC 7628 3.1.
            Proof::Token(secret) if offers("OAUTHBEARER") => (
                "OAUTHBEARER",
                format!(
                    "n,a={user},\x01host={}\x01port={}\x01auth=Bearer {}\x01\x01",
                    server.host,
                    server.port,
                    secret.expose_secret()
                ),
            ),
            Proof::Token(_) => return Err(ImapError::NoMechanism { wanted: "token", offered: offered() }),
        };
        Ok(Self { mechanism, answer: Some(answer.into_bytes()) })
    }
}

impl Authenticator for Way {
    type Response = Vec<u8>;

    /// The proof when it is first asked for; then nothing: a server that refuses a token sends a
    /// challenge that says why, and waits for an empty line before it says NO.
    fn process(&mut self, _challenge: &[u8]) -> Self::Response {
        self.answer.take().unwrap_or_default()
    }
}

/// Why a log-in failed. The library's own errors may hold what we sent; only the server's words are kept.
fn refused(error: async_imap::error::Error) -> ImapError {
    use async_imap::error::Error;
    match error {
        Error::No(text) => {
            let text = information(&text);
            ImapError::Login { code: code(&text), words: words(&text) }
        }
        Error::Bad(text) => ImapError::Bad { step: LOG_IN, words: words(&information(&text)) },
        Error::Io(error) => ImapError::of_stream(LOG_IN, error),
        Error::ConnectionLost => ImapError::Ended { step: LOG_IN },
        _ => ImapError::Garbled { step: LOG_IN, reason: "it is no answer to a log-in".to_owned() },
    }
}

/// The server's words in the library's `code: …, info: Some("…")`.
fn information(text: &str) -> String {
    let info = text.split_once("info: Some(\"").and_then(|(_, rest)| rest.strip_suffix("\")"));
    info.unwrap_or("").replace("\\\"", "\"")
}

/// A capability as its server wrote it, in capitals.
fn ability(capability: &async_imap::imap_proto::Capability<'_>) -> String {
    use async_imap::imap_proto::Capability;
    match capability {
        Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
        Capability::Auth(name) => format!("AUTH={}", name.to_ascii_uppercase()),
        Capability::Atom(name) => name.to_ascii_uppercase(),
    }
}
