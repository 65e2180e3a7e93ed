//! E-mails out, by SMTP: one envelope a recipient, and an honest word of what came of each.
//!
//! What reaches the wire ends its lines in CRLF and has no bare CR or LF, whatever the input. Every
//! step has a time-out. An attempt that broke before the final dot was certainly not delivered;
//! once the message is on its way, a missing answer is [`Outcome::Unknown`], never a guess.
//! Reasons hold the relay's words, cut short and without addresses.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, TlsParameters, TlsParametersBuilder, TlsVersion,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Severity;
use secrecy::ExposeSecret as _;

use super::login::{self, Login, LoginError, Proof};
use crate::config::{Server, Tls};

/// The longest line that may go out, without its end (RFC 5321 4.5.3.1.6).
const LONGEST_LINE: usize = 998;
/// The most characters of a reason that are kept.
const REASON: usize = 200;
/// How many e-mails one connection carries before a new one is made.
const MOST_ON_ONE: usize = 50;

/// The time each step may take; the defaults are the least that RFC 5321 4.5.3.2 asks for.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// TCP and TLS.
    pub connect: Duration,
    /// Greeting and each command.
    pub command: Duration,
    /// The answer to DATA.
    pub data: Duration,
    /// From the first byte of the message to the answer to its final dot.
    pub message: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_mins(5),
            data: Duration::from_mins(2),
            message: Duration::from_mins(10),
        }
    }
}

/// What came of an attempt, and so what is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The relay has it.
    Sent {
        /// What it answered.
        reply: String,
    },
    /// Certainly not delivered; the relay asked for patience, or the connection broke early. Try again.
    Deferred {
        /// Why.
        reason: String,
    },
    /// The relay, or our settings for it, are at fault, not this recipient: hold everything.
    RelayFault {
        /// Why.
        reason: String,
    },
    /// The relay refuses this recipient, without a reason that is final: try twice more, with time between.
    Doubtful {
        /// Why.
        reason: String,
    },
    /// The relay will never deliver to this recipient.
    Refused {
        /// Why.
        reason: String,
    },
    /// The relay does not like what the message says.
    ContentRefused {
        /// Why.
        reason: String,
    },
    /// It may have been delivered, and it may not.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// What came of it, in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Deferred { .. } | Self::Doubtful { .. } => "deferred",
            Self::RelayFault { .. } => "relay_fault",
            Self::Refused { .. } | Self::ContentRefused { .. } => "failed",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The relay's words.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Sent { reply } => reply,
            Self::Deferred { reason }
            | Self::RelayFault { reason }
            | Self::Doubtful { reason }
            | Self::Refused { reason }
            | Self::ContentRefused { reason }
            | Self::Unknown { reason } => reason,
        }
    }
}

/// Why a relay cannot be used. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The secret cannot be had.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The authority's certificates cannot be read.
    #[error("cannot read the certificates in {}; mend `ca_file` of [relay]: {reason}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection, or none that is private.
    #[error("cannot reach the relay at {place}: {reason}; {remedy}")]
    Unreachable {
        /// Host and port.
        place: String,
        /// What happened.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// It does not let us in.
    #[error("the relay at {place} refuses the log-in: {reason}; check `user` and the secret of [relay]")]
    Refused {
        /// Host and port.
        place: String,
        /// What it said.
        reason: String,
    },
    /// A step took too long.
    #[error("the relay at {place} did not answer in time ({step}); is it overloaded, or the port another service's?")]
    Slow {
        /// Host and port.
        place: String,
        /// Which step.
        step: &'static str,
    },
}

/// A relay, and the connection to it while there is one.
pub struct Relay {
    server: Server,
    from: String,
    timeouts: Timeouts,
    connection: Option<AsyncSmtpConnection>,
    carried: usize,
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
        Self { server, from, timeouts, connection: None, carried: 0 }
    }

    /// Makes sure that there is a connection that answers, logged in.
    ///
    /// # Errors
    ///
    /// Names the step that failed and the remedy; nothing was sent.
    pub async fn ready(&mut self) -> Result<(), RelayError> {
        if let Some(mut connection) = self.connection.take()
            && self.carried < MOST_ON_ONE
            && let Ok(true) = tokio::time::timeout(self.timeouts.connect, connection.test_connected()).await
        {
            self.connection = Some(connection);
            return Ok(());
        }
        self.carried = 0;
        self.connection = Some(self.connect().await?);
        Ok(())
    }

    /// Sends one message, whole, to one recipient.
    pub async fn send(&mut self, recipient: &str, bytes: &[u8]) -> Outcome {
        let Some((from, to)) = parsed(&self.from).zip(parsed(recipient)) else {
            return Outcome::Refused { reason: "the address cannot be written to".to_owned() };
        };
        let wire = canonical(bytes);
        if wire.split(|b| *b == b'\n').any(|line| line.len() > LONGEST_LINE + 1) {
            return Outcome::ContentRefused { reason: "a line of it is too long for any relay".to_owned() };
        }
        if self.connection.is_none()
            && let Err(error) = self.ready().await
        {
            return Outcome::RelayFault { reason: error.to_string() };
        }
        let Some(mut connection) = self.connection.take() else {
            return Outcome::Deferred { reason: "there is no connection".to_owned() };
        };
        let outcome = transact(&mut connection, &self.timeouts, (from, to), &wire).await;
        // Whatever else happened, what the connection is in the middle of is unknown.
        if matches!(outcome, Outcome::Sent { .. }) {
            self.carried += 1;
            self.connection = Some(connection);
        }
        outcome
    }

    /// Lets go of a connection that is not needed now.
    pub async fn rest(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            // A farewell; whether it is heard changes nothing.
            tokio::time::timeout(Duration::from_secs(5), connection.abort()).await.ok();
        }
    }

    /// Ends the connection.
    pub async fn close(mut self) {
        self.rest().await;
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, RelayError> {
        let login = login::of(&self.server)?;
        let tls = match self.server.tls {
            Tls::None => None,
            Tls::Implicit | Tls::StartTls => Some(self.tls()?),
        };
        let (host, port) = (self.server.host.clone(), self.server.port);
        let implicit = tls.clone().filter(|_| self.server.tls == Tls::Implicit);
        let (connect, command) = (self.timeouts.connect, self.timeouts.command);
        // A task of its own: the library panics on some answers to EHLO (RUSTSEC-2026-0562).
        let opening = tokio::spawn(async move {
            let hello = ClientId::default();
            let opening = AsyncSmtpConnection::connect_tokio1((host, port), Some(connect), &hello, implicit, None);
            let mut connection = tokio::time::timeout(connect + command, opening).await.map_err(|_| None)??;
            if let Some(tls) = tls.filter(|_| !connection.is_encrypted()) {
                tokio::time::timeout(command, connection.starttls(tls, &hello)).await.map_err(|_| None)??;
            }
            Ok::<_, Option<lettre::transport::smtp::Error>>(connection)
        });
        let mut connection = match opening.await {
            Ok(Ok(connection)) => connection,
            Ok(Err(Some(error))) => return Err(self.unreachable(&error)),
            Ok(Err(None)) => return Err(self.slow("greeting")),
            Err(_) => return Err(self.unintelligible()),
        };
        if let Some(login) = login {
            self.log_in(&mut connection, &login).await?;
        }
        Ok(connection)
    }

    async fn log_in(&self, connection: &mut AsyncSmtpConnection, login: &Login) -> Result<(), RelayError> {
        let (mechanisms, secret): (&[Mechanism], _) = match &login.proof {
            Proof::Password(secret) => (&[Mechanism::Plain, Mechanism::Login], secret),
            Proof::Token(secret) => (&[Mechanism::Xoauth2], secret),
        };
        let credentials = Credentials::new(login.user.clone(), secret.expose_secret().to_owned());
        match tokio::time::timeout(self.timeouts.command, connection.auth(mechanisms, &credentials)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_transient() => Err(self.unreachable(&error)),
            Ok(Err(error)) => Err(RelayError::Refused { place: self.place(), reason: said(&error) }),
            Err(_) => Err(self.slow("log-in")),
        }
    }

    fn tls(&self) -> Result<TlsParameters, RelayError> {
        let mut builder: TlsParametersBuilder =
            TlsParameters::builder(self.server.host.clone()).set_min_tls_version(TlsVersion::Tlsv12);
        if let Some(path) = &self.server.ca_file {
            let wrong = |reason: String| RelayError::Certificates { path: path.clone(), reason };
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let authority = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
            builder = builder.add_root_certificate(authority);
        }
        builder.build_rustls().map_err(|error| self.unreachable(&error))
    }

    fn place(&self) -> String {
        format!("{}:{}", self.server.host, self.server.port)
    }

    fn slow(&self, step: &'static str) -> RelayError {
        RelayError::Slow { place: self.place(), step }
    }

    fn unintelligible(&self) -> RelayError {
        RelayError::Unreachable {
            place: self.place(),
            reason: "its greeting is no SMTP".to_owned(),
            remedy: "is `port` that of a mail relay?",
        }
    }

    fn unreachable(&self, error: &lettre::transport::smtp::Error) -> RelayError {
        let reason = said(error);
        let lower = reason.to_lowercase();
        let remedy = if lower.contains("certificate") || lower.contains("unknownissuer") {
            "the certificate must name `host` and be signed by an authority of the system, or of `ca_file`"
        } else if lower.contains("starttls") {
            "it offers no STARTTLS; use `tls = \"implicit\"` with port 465, or ask whoever runs it"
        } else if lower.contains("corrupt message") || lower.contains("invalidcontenttype") {
            "it speaks no TLS on this port; use `tls = \"starttls\"` with port 587"
        } else {
            "check `host`, `port` and `tls` of [relay], and that it runs"
        };
        RelayError::Unreachable { place: self.place(), reason, remedy }
    }
}

/// Where in a transaction an answer came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Mail,
    Recipient,
    Data,
    Dot,
}

async fn transact(
    connection: &mut AsyncSmtpConnection,
    timeouts: &Timeouts,
    (from, to): (Address, Address),
    wire: &[u8],
) -> Outcome {
    use tokio::time::timeout;
    let steps = async {
        step(Stage::Mail, timeout(timeouts.command, connection.command(Mail::new(Some(from), Vec::new()))).await)?;
        step(Stage::Recipient, timeout(timeouts.command, connection.command(Rcpt::new(to, Vec::new()))).await)?;
        step(Stage::Data, timeout(timeouts.data, connection.command(Data)).await)?;
        // The library ends the message with CRLF of its own.
        let body = wire.strip_suffix(b"\r\n").unwrap_or(wire);
        step(Stage::Dot, timeout(timeouts.message, connection.message(body)).await)
    };
    match steps.await {
        Ok(reply) => Outcome::Sent { reply },
        Err(outcome) => outcome,
    }
}

type Answer = Result<
    Result<lettre::transport::smtp::response::Response, lettre::transport::smtp::Error>,
    tokio::time::error::Elapsed,
>;

/// What an answer means where it comes.
fn step(stage: Stage, answer: Answer) -> Result<String, Outcome> {
    match answer {
        Ok(Ok(response)) => Ok(scrubbed(&response.message().collect::<Vec<_>>().join(" "))),
        Ok(Err(error)) => Err(refusal(stage, &error)),
        Err(_) => Err(broken(stage, "the relay did not answer in time".to_owned())),
    }
}

/// No answer: before the final dot nothing can have been delivered.
fn broken(stage: Stage, reason: String) -> Outcome {
    if stage == Stage::Dot { Outcome::Unknown { reason } } else { Outcome::Deferred { reason } }
}

/// What a refusal means, by stage, code and enhanced code (RFC 3463).
fn refusal(stage: Stage, error: &lettre::transport::smtp::Error) -> Outcome {
    let reason = said(error);
    let Some(code) = error.status() else {
        return broken(stage, reason);
    };
    if code.severity != Severity::PermanentNegativeCompletion {
        return Outcome::Deferred { reason };
    }
    let enhanced = enhanced(&reason);
    match (stage, enhanced) {
        // Log-in is asked for, or the relay is closed to us: nothing to do with the recipient.
        (Stage::Mail, _) | (_, Some((7, 0 | 8 | 9 | 30 | 57))) => Outcome::RelayFault { reason },
        // Some relays say 552 or 5.2.2 where they mean that a mailbox is full at this moment.
        (Stage::Recipient | Stage::Dot, Some((2, 2))) => Outcome::Deferred { reason },
        (Stage::Recipient | Stage::Dot, Some((1, _) | (2, 1))) => Outcome::Refused { reason },
        (Stage::Recipient | Stage::Data, _) => Outcome::Doubtful { reason },
        (Stage::Dot, _) => Outcome::ContentRefused { reason },
    }
}

/// Subject and detail of an enhanced status code of class 5, where the answer has one.
fn enhanced(reason: &str) -> Option<(u16, u16)> {
    reason.split([' ', ':', '(', ')']).find_map(|word| {
        let mut parts = word.strip_prefix("5.")?.split('.');
        let (subject, detail) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some((subject, detail))
    })
}

/// An error with its causes, scrubbed.
fn said(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error).and_then(std::error::Error::source);
    while let Some(deeper) = cause {
        // Writing to a String cannot fail.
        write!(text, ": {deeper}").ok();
        cause = deeper.source();
    }
    scrubbed(&text)
}

/// One short line without control characters, and with every address masked.
fn scrubbed(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = plain.split_whitespace().map(|word| if word.contains('@') { "(address)" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(REASON).collect()
}

/// An address that can stand in an envelope: ASCII, no blanks, no brackets.
fn parsed(address: &str) -> Option<Address> {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\');
    (address.len() <= 254 && address.bytes().all(plain)).then(|| address.parse().ok()).flatten()
}

/// The bytes with every line ended by CRLF, whatever ended it: a lone CR or LF would let a
/// message end itself early (RUSTSEC-2026-0561).
fn canonical(bytes: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(bytes.len() + bytes.len() / 32 + 2);
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\r' => {
                rest.next_if_eq(&b'\n');
                wire.extend_from_slice(b"\r\n");
            }
            b'\n' => wire.extend_from_slice(b"\r\n"),
            byte => wire.push(byte),
        }
    }
    if !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_ends_in_crlf() {
        #[rustfmt::skip]
        let cases: [(&[u8], &[u8]); 6] = [
            (b"",               b"\r\n"),
            (b"a",              b"a\r\n"),
            (b"a\nb\r\nc\rd",   b"a\r\nb\r\nc\r\nd\r\n"),
            (b"a\n.\nb",        b"a\r\n.\r\nb\r\n"),
            (b"a\r\r\nb\r\n",   b"a\r\n\r\nb\r\n"),
            (b"a\r\n\r\n",      b"a\r\n\r\n"),
        ];
        for (bytes, wire) in cases {
            assert_eq!(canonical(bytes), wire, "{bytes:?}");
        }
    }

    #[test]
    fn an_answer_loses_addresses_and_keeps_its_code() {
        let said = scrubbed("550 5.1.1 <ann@acme.example>:\r\n no such user, ask postmaster@acme.example");
        assert_eq!(said, "550 5.1.1 (address) no such user, ask (address)");
        assert_eq!(enhanced(&said), Some((1, 1)));
        assert_eq!(enhanced("permanent error (550): 5.7.30 use OAuth"), Some((7, 30)));
        assert_eq!(enhanced("550 no"), None);
        assert_eq!(enhanced("550 5.1.1.1"), None);
    }

    #[test]
    fn only_plain_addresses_stand_in_an_envelope() {
        for bad in ["", "x", "a b@c.example", "a@b\r\nRCPT TO:<x@y>", "jané@acme.example", "<a@b.example>"] {
            assert!(parsed(bad).is_none(), "{bad:?}");
        }
        assert!(parsed("dana@northlight.example").is_some());
    }
}
