//! E-mails out, by SMTP: one envelope a recipient, and an honest word of what came of each.
//!
//! What reaches the wire ends its lines in CRLF and has no bare CR or LF, whatever the input. Every
//! step has a time-out, and so has the whole. Before its final dot is written a message is certainly
//! not delivered; from then on a missing answer is [`Outcome::Unknown`], never a guess. A connection
//! is used again only if the relay answered everything in order. Reasons hold the relay's words, cut
//! short and without addresses.

mod connect;
mod error;
mod letter;
mod wire;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt, Rset};
use lettre::transport::smtp::response::Response;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::config::Server;
use crate::notify::retry::{self, Stage, words};
use letter::Letter;

pub use crate::notify::retry::Outcome;
pub use error::RelayError;

/// How many e-mails one connection carries before a new one is made.
const MOST_ON_ONE: u32 = 50;
/// How much of a message is written at a time.
const CHUNK: usize = 16 * 1024;
/// The most that a step takes while a person waits.
const BRISK: Duration = Duration::from_secs(30);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// The time that steps may take; by default the least that RFC 5321 4.5.3.2 asks for.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// TCP, for each address of the host; TLS; and proof of life of a connection that was idle.
    pub connect: Duration,
    /// Greeting and each command.
    pub command: Duration,
    /// The answer to DATA.
    pub data: Duration,
    /// All of an attempt until the final dot is written. With `dot` it is to stay below the time
    /// that an e-mail is claimed for, or two would send it.
    pub until_dot: Duration,
    /// The answer to the final dot.
    pub dot: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_mins(5),
            data: Duration::from_mins(2),
            until_dot: Duration::from_mins(4),
            dot: Duration::from_mins(10),
        }
    }
}

/// What a relay is like that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How it calls itself.
    pub name: String,
    /// How the connection is kept private; `None` where it is not.
    pub encryption: Option<&'static str>,
    /// How we logged in; `None` where the settings have no log-in.
    pub mechanism: Option<&'static str>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answers, {}, ", self.name, self.encryption.unwrap_or("without TLS"))?;
        match self.mechanism {
            Some(mechanism) => write!(f, "logged in by {mechanism}"),
            None => f.write_str("no log-in is set"),
        }
    }
}

/// A relay, and the connection to it while there is one.
pub struct Relay {
    server: Server,
    from: String,
    timeouts: Timeouts,
    line: Option<Line>,
}

/// A connection that is logged in.
struct Line {
    connection: AsyncSmtpConnection,
    /// Attempts made over it.
    attempts: u32,
    /// Whether an e-mail was accepted over it.
    proven: bool,
    /// Whether a transaction was begun and not ended.
    open: bool,
}

impl Relay {
    /// The relay of the settings; `from` is the address that bounces go to.
    #[must_use]
    pub fn new(server: Server, from: String) -> Self {
        Self::patient(server, from, Timeouts::default())
    }

    /// The same, with time-outs of its own.
    #[must_use]
    pub fn patient(server: Server, from: String, timeouts: Timeouts) -> Self {
        Self { server, from, timeouts, line: None }
    }

    /// Makes sure that there is a connection that answers, logged in.
    ///
    /// # Errors
    ///
    /// Names the step that failed and the remedy; nothing was sent.
    pub async fn ready(&mut self) -> Result<(), RelayError> {
        if let Some(line) = self.line.take()
            && line.attempts < MOST_ON_ONE
            && let Some(line) = line.answers(self.timeouts.connect).await
        {
            self.line = Some(line);
            return Ok(());
        }
        self.line = Some(self.connect().await?);
        Ok(())
    }

    /// Connects and logs in afresh, and sends nothing. Somebody waits for it, so no step is
    /// given minutes.
    ///
    /// # Errors
    ///
    /// Names the step that failed and the remedy.
    pub async fn check(&mut self) -> Result<Report, RelayError> {
        self.rest().await;
        let brisk = Timeouts { command: self.timeouts.command.min(BRISK), ..self.timeouts };
        let (connection, report) = connect::connect(&self.server, &brisk).await?;
        self.line = Some(Line::new(connection));
        Ok(report)
    }

    /// Sends one message, whole, to one recipient.
    pub async fn send(&mut self, recipient: &str, bytes: &[u8]) -> Outcome {
        let letter = match Letter::new(&self.from, recipient, bytes) {
            Ok(letter) => letter,
            Err(outcome) => return outcome,
        };
        let (until_dot, dot) = (self.timeouts.until_dot, self.timeouts.dot);
        let progress = Progress::default();
        let mut attempt = pin!(AssertUnwindSafe(self.attempt(&letter, &progress)).catch_unwind());
        let before = async {
            tokio::select! {
                biased;
                ended = &mut attempt => Some(ended),
                () = progress.dotted.notified() => None,
            }
        };
        let ended = match timeout(until_dot, before).await {
            Ok(Some(ended)) => Ok(ended),
            Err(_) if !progress.has_dot() => Err(()),
            Ok(None) | Err(_) => timeout(dot, attempt).await.map_err(|_| ()),
        };
        match ended {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => progress.broken("nobody can read what the relay said"),
            Err(()) => progress.broken("the relay did not answer in time"),
        }
    }

    /// Lets go of a connection that is not needed now.
    pub async fn rest(&mut self) {
        if let Some(mut line) = self.line.take() {
            // A farewell; whether it is heard changes nothing.
            timeout(FAREWELL, AssertUnwindSafe(line.connection.abort()).catch_unwind()).await.ok();
        }
    }

    /// Ends the connection.
    pub async fn close(mut self) {
        self.rest().await;
    }

    async fn connect(&self) -> Result<Line, RelayError> {
        Ok(Line::new(connect::connect(&self.server, &self.timeouts).await?.0))
    }

    /// One attempt; over a new connection if the relay has given up the old one meanwhile. Where
    /// this is dropped, the connection goes with it.
    async fn attempt(&mut self, letter: &Letter, progress: &Progress) -> Outcome {
        let mut line = match self.line.take() {
            Some(line) => line,
            None => match self.connect().await {
                Ok(line) => line,
                Err(error) => return error.into_outcome(),
            },
        };
        let mut result = line.transact(letter, &self.timeouts, progress).await;
        if line.attempts > 1 && result.as_ref().is_err_and(Failure::is_stale) {
            line = match self.connect().await {
                Ok(line) => line,
                Err(error) => return error.into_outcome(),
            };
            result = line.transact(letter, &self.timeouts, progress).await;
        }
        if result.as_ref().map_or_else(Failure::keeps_connection, |_| true) {
            self.line = Some(line);
        }
        match result {
            Ok(reply) => Outcome::Sent { reply },
            Err(Failure::Said { stage, code, text, proven }) => retry::refusal(stage, code, &text, proven),
            Err(Failure::Broken { reason, .. }) => progress.broken(&reason),
        }
    }
}

/// How far an attempt has come, for whoever waits for it.
#[derive(Default)]
struct Progress {
    dot: AtomicBool,
    dotted: Notify,
}

impl Progress {
    /// From now on the relay may have the message.
    fn mark_dot(&self) {
        self.dot.store(true, Ordering::SeqCst);
        self.dotted.notify_one();
    }

    fn has_dot(&self) -> bool {
        self.dot.load(Ordering::SeqCst)
    }

    /// What an attempt without an answer came to.
    fn broken(&self, reason: &str) -> Outcome {
        let reason = reason.to_owned();
        if self.has_dot() { Outcome::Unknown { reason } } else { Outcome::Deferred { reason } }
    }
}

/// Why a transaction did not end well.
enum Failure {
    /// The relay answered something else than yes.
    Said { stage: Stage, code: u16, text: String, proven: bool },
    /// It did not answer, or not so that one could understand it.
    Broken { stage: Stage, reason: String },
}

impl Failure {
    /// Whether the relay had given up the connection before it was told anything.
    fn is_stale(&self) -> bool {
        matches!(self, Self::Broken { stage: Stage::Sender, .. } | Self::Said { stage: Stage::Sender, code: 421, .. })
    }

    /// Whether both sides still know where they are.
    fn keeps_connection(&self) -> bool {
        matches!(self, Self::Said { code: 400..=599, .. }) && !matches!(self, Self::Said { code: 421, .. })
    }
}

impl Line {
    fn new(connection: AsyncSmtpConnection) -> Self {
        Self { connection, attempts: 0, proven: false, open: false }
    }

    /// The same line, ready for the next transaction, if the relay still answers.
    async fn answers(mut self, patience: Duration) -> Option<Self> {
        let asking =
            async { if self.open { self.connection.command(Rset).await } else { self.connection.command(Noop).await } };
        let answer = timeout(patience, AssertUnwindSafe(asking).catch_unwind()).await;
        let positive = matches!(answer, Ok(Ok(Ok(reply))) if u16::from(reply.code()) / 100 == 2);
        self.open = false;
        positive.then_some(self)
    }

    /// One transaction.
    async fn transact(&mut self, letter: &Letter, timeouts: &Timeouts, progress: &Progress) -> Result<String, Failure> {
        self.attempts += 1;
        let mail = Mail::new(Some(letter.from.clone()), Vec::new());
        let rcpt = Rcpt::new(letter.to.clone(), Vec::new());
        if std::mem::replace(&mut self.open, true) {
            let answer = timeout(timeouts.command, self.connection.command(Rset)).await;
            self.expect(Stage::Sender, 2, answer)?;
        }
        let answer = timeout(timeouts.command, self.connection.command(mail)).await;
        self.expect(Stage::Sender, 2, answer)?;
        let answer = timeout(timeouts.command, self.connection.command(rcpt)).await;
        self.expect(Stage::Recipient, 2, answer)?;
        let answer = timeout(timeouts.data, self.connection.command(Data)).await;
        self.expect(Stage::Data, 3, answer)?;
        let chunks = letter.wire.chunks(CHUNK).chain(std::iter::once_with(|| {
            // The library asks for more only when everything before is written; next is the dot.
            progress.mark_dot();
            b"".as_slice()
        }));
        let answer = self.connection.message_iter(chunks).await;
        let reply = self.expect(Stage::Message, 2, Ok(answer))?;
        self.open = false;
        self.proven = true;
        Ok(reply)
    }

    /// The text of an answer of this class.
    fn expect(&self, stage: Stage, class: u16, answer: Answer) -> Result<String, Failure> {
        let broken = |reason: String| Failure::Broken { stage, reason };
        let (code, text) = match answer {
            Ok(Ok(reply)) => (u16::from(reply.code()), reply.message().collect::<Vec<_>>().join(" ")),
            Ok(Err(error)) => reply_of(&error).ok_or_else(|| broken(said(&error)))?,
            Err(_) => return Err(broken("the relay did not answer in time".to_owned())),
        };
        if code / 100 == class {
            return Ok(words(&format!("{code} {text}")));
        }
        Err(Failure::Said { stage, code, text, proven: self.proven })
    }
}

type Answer = Result<Result<Response, lettre::transport::smtp::Error>, tokio::time::error::Elapsed>;

/// The reply that an error of the library stands for, if it is one.
fn reply_of(error: &lettre::transport::smtp::Error) -> Option<(u16, String)> {
    let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    error.status().map(|code| (u16::from(code), text))
}

/// An error with its causes, fit to be kept.
fn said(error: &lettre::transport::smtp::Error) -> String {
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    words(&cause)
}
