//! Mailboxes in, by IMAP.
//!
//! Every step has a time-out and fails with what the caller can do about it; a command that was not
//! answered with OK never looks like one that was. Flags are never read, and messages are
//! never marked by being fetched. What the server sends is bounded before it is parsed. A refused command
//! leaves the session as it was; after any other error, or a call that was dropped midway, it only fails:
//! drop it and connect again.

mod command;
mod connect;
mod error;
mod fetch;
mod guard;
mod idle;
mod log_in;
mod talk;

use std::fmt;
use std::time::Duration;

use async_imap::Client;
use async_imap::imap_proto::{MailboxDatum, Response, ResponseCode};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};

use super::login::Login;
use crate::config::Server;
use guard::Guarded;

pub use error::{Class, ImapError};

/// The time that steps may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// The name of the host, each of its addresses, and TLS.
    pub connect: Duration,
    /// The greeting, and each response to a command; a command as a whole may take five times as long.
    /// Large messages have more, by their size.
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
    wire: Client<Guarded<Box<dyn Stream>>>,
    timeouts: Timeouts,
    /// What the server says it can do, in capitals.
    abilities: Vec<String>,
    /// How many commands were sent.
    tags: u32,
    /// Whether the end of a command has not been heard.
    in_hand: bool,
    /// Messages in the folder, as last told.
    exists: u32,
    /// Whether more came while something else was asked for.
    more_came: bool,
}

impl Session {
    /// Connects and logs in.
    ///
    /// # Errors
    ///
    /// [`ImapError`], naming the step and the remedy.
    pub async fn connect(server: &Server, login: Option<Login>, timeouts: &Timeouts) -> Result<Self, ImapError> {
        let login = login.ok_or(ImapError::NoSecret)?;
        let connected = connect::connect(server, &login, timeouts).await?;
        Ok(Self {
            wire: Client::new(Guarded::new(connected.stream)),
            timeouts: *timeouts,
            abilities: connected.abilities,
            tags: 0,
            in_hand: false,
            exists: 0,
            more_came: false,
        })
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
        (self.exists, self.more_came) = (exists, false);
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
