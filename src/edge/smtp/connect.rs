//! From a host name to a private connection, greeted and logged in; each step by itself, so that
//! the one that fails has its name.
//!
//! The conversation before TLS is held here, line by line: an answer to STARTTLS that brings more
//! than itself is refused, since nobody knows who said it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Auth;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret as _;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::login::{self, Login, Proof};
use super::super::tls;
use super::error::RelayError;
use super::wire::{Stream, Wire};
use super::{Report, Timeouts, reply_of, said};
use crate::config::{Server, Tls};
use crate::notify::retry::words;

/// A peer that is silent is asked whether it is there: first after, then every, so often.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_mins(1), Duration::from_secs(20), 3);
/// What we sent and nobody acknowledged for this long means that the connection is dead.
const UNACKNOWLEDGED: Duration = Duration::from_mins(2);

/// The most questions of a relay that we answer while we log in.
const MOST_CHALLENGES: usize = 4;

/// Connects and logs in.
pub(super) async fn connect(server: &Server, timeouts: &Timeouts) -> Result<(AsyncSmtpConnection, Report), RelayError> {
    let login = login::of(server)?;
    let call = Call { server, timeouts, place: format!("{}:{}", server.host, server.port), hello: hello() };
    let (mut wire, encryption) = call.wire().await?;
    let abilities = call.abilities(&mut wire).await?;
    wire.rehearse(&abilities);
    let opening = AsyncSmtpConnection::connect_with_transport(Box::new(wire), &call.hello);
    let mut connection = call.step("EHLO", opening).await?;
    let mechanism = match &login {
        Some(login) => Some(call.log_in(&mut connection, login).await?),
        None => None,
    };
    let name = abilities.first().and_then(|line| line.split_whitespace().next());
    Ok((connection, Report { name: words(name.unwrap_or("the relay")), encryption, mechanism }))
}

/// How we call ourselves: the machine's name where it can stand in a command.
fn hello() -> ClientId {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    match ClientId::default() {
        ClientId::Domain(name) if !name.is_empty() && name.len() <= 255 && name.chars().all(plain) => {
            ClientId::Domain(name)
        }
        _ => ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST),
    }
}

/// One connection in the making.
struct Call<'a> {
    server: &'a Server,
    timeouts: &'a Timeouts,
    place: String,
    hello: ClientId,
}

impl Call<'_> {
    /// A connection that is as private as the settings want it, and has greeted.
    async fn wire(&self) -> Result<(Wire, Option<&'static str>), RelayError> {
        let (tcp, peer) = self.tcp().await?;
        match self.server.tls {
            Tls::None => {
                let mut wire = Wire::new(Box::new(tcp), peer);
                self.greeting(&mut wire).await?;
                Ok((wire, None))
            }
            Tls::Implicit => {
                let (stream, version) = self.encrypt(Box::new(tcp)).await?;
                let mut wire = Wire::new(stream, peer);
                self.greeting(&mut wire).await?;
                Ok((wire, Some(version)))
            }
            Tls::StartTls => {
                let mut wire = Wire::new(Box::new(tcp), peer);
                self.greeting(&mut wire).await?;
                let (stream, version) = self.encrypt(self.start_tls(wire).await?).await?;
                Ok((Wire::new(stream, peer), Some(version)))
            }
        }
    }

    /// The first of the host's addresses that answers.
    async fn tcp(&self) -> Result<(TcpStream, SocketAddr), RelayError> {
        let failed = |error: io::Error| RelayError::Connect { place: self.place.clone(), reason: error.to_string() };
        let slow = || io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
        let patience = self.timeouts.connect;
        let host = (self.server.host.as_str(), self.server.port);
        let found = timeout(patience, tokio::net::lookup_host(host)).await.map_err(|_| failed(slow()))?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in found.map_err(failed)? {
            match timeout(patience, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    steady(&tcp).map_err(failed)?;
                    return Ok((tcp, address));
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = slow(),
            }
        }
        Err(failed(last))
    }

    async fn encrypt(&self, stream: Box<dyn Stream>) -> Result<(Box<dyn Stream>, &'static str), RelayError> {
        let config = tls::client(self.server.ca_file.as_deref())?;
        let failed = |error: &io::Error| RelayError::Handshake {
            place: self.place.clone(),
            reason: words(&error.to_string()),
            remedy: tls::remedy(error),
            // What TLS itself finds wrong comes as invalid data; the rest is the network's.
            passing: !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput),
        };
        let name = ServerName::try_from(self.server.host.clone())
            .map_err(|error| failed(&io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        let stream = timeout(self.timeouts.connect, TlsConnector::from(config).connect(name, stream))
            .await
            .map_err(|_| RelayError::Slow { place: self.place.clone(), step: "TLS" })?
            .map_err(|error| failed(&error))?;
        let version = match stream.get_ref().1.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "TLS 1.2",
        };
        Ok((Box::new(stream), version))
    }

    async fn greeting(&self, wire: &mut Wire) -> Result<(), RelayError> {
        let (code, texts) = self.heard("greeting", wire.reply()).await?;
        if code == 220 { Ok(()) } else { Err(self.refused("us at the greeting", code, &texts.join(" "))) }
    }

    /// Introduces us. What the relay calls itself, then what it can do.
    async fn abilities(&self, wire: &mut Wire) -> Result<Vec<String>, RelayError> {
        let (code, texts) = self.heard("EHLO", wire.ask(&format!("EHLO {}", self.hello))).await?;
        if code == 250 { Ok(texts) } else { Err(self.refused("EHLO", code, &texts.join(" "))) }
    }

    /// Asks for TLS; without a clear yes there is no connection.
    async fn start_tls(&self, mut wire: Wire) -> Result<Box<dyn Stream>, RelayError> {
        let no = |reason: &str| RelayError::NoStartTls { place: self.place.clone(), reason: words(reason) };
        let offers = self.abilities(&mut wire).await?;
        if !offers.iter().skip(1).any(|offer| offer.trim().eq_ignore_ascii_case("STARTTLS")) {
            return Err(no("it is not among what it can do"));
        }
        match self.heard("STARTTLS", wire.ask("STARTTLS")).await? {
            (220, _) => {}
            (code @ 400..=499, texts) => return Err(self.refused("STARTTLS", code, &texts.join(" "))),
            (code, texts) => return Err(no(&format!("{code} {}", texts.join(" ")))),
        }
        wire.into_stream().await.map_err(|error| RelayError::of_stream(&self.place, "STARTTLS", &error))
    }

    /// Logs in, by the first mechanism that both know.
    async fn log_in(&self, connection: &mut AsyncSmtpConnection, login: &Login) -> Result<&'static str, RelayError> {
        let (mechanisms, secret, kind): (&[Mechanism], _, _) = match &login.proof {
            Proof::Password(secret) => {
                (&[Mechanism::Plain, Mechanism::Login], secret, "password (AUTH PLAIN or LOGIN)")
            }
            Proof::Token(secret) => (&[Mechanism::Xoauth2], secret, "token (AUTH XOAUTH2)"),
        };
        let credentials = Credentials::new(login.user.clone(), secret.expose_secret().to_owned());
        let mechanism = connection
            .server_info()
            .get_auth_mechanism(mechanisms)
            .ok_or_else(|| RelayError::NoMechanism { place: self.place.clone(), kind })?;
        let reply = self.step("the log-in", present(connection, mechanism, credentials)).await?;
        match u16::from(reply.code()) {
            200..=299 => Ok(match mechanism {
                Mechanism::Plain => "PLAIN",
                Mechanism::Login => "LOGIN",
                Mechanism::Xoauth2 => "XOAUTH2",
            }),
            code => Err(self.refused("the log-in", code, "it asks without end")),
        }
    }

    /// A step of ours, in time.
    async fn heard<T>(&self, step: &'static str, asking: impl Future<Output = io::Result<T>>) -> Result<T, RelayError> {
        match timeout(self.timeouts.command, asking).await {
            Ok(answer) => answer.map_err(|error| RelayError::of_stream(&self.place, step, &error)),
            Err(_) => Err(RelayError::Slow { place: self.place.clone(), step }),
        }
    }

    /// A step of the library's, in time; should it panic, that is the relay's fault and nobody's end.
    async fn step<T>(
        &self,
        step: &'static str,
        doing: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, RelayError> {
        let place = || self.place.clone();
        match timeout(self.timeouts.command, AssertUnwindSafe(doing).catch_unwind()).await {
            Ok(Ok(Ok(done))) => Ok(done),
            Ok(Ok(Err(error))) => Err(match reply_of(&error) {
                Some((code, text)) => self.refused(step, code, &text),
                None if is_garbled(&error) => RelayError::Garbled { place: place(), step, reason: said(&error) },
                None => RelayError::Lost { place: place(), step, reason: said(&error) },
            }),
            Ok(Err(_)) => Err(RelayError::Garbled { place: place(), step, reason: "nobody can read it".to_owned() }),
            Err(_) => Err(RelayError::Slow { place: place(), step }),
        }
    }

    fn refused(&self, step: &'static str, code: u16, text: &str) -> RelayError {
        let remedy = match (step, self.server.auth.as_ref()) {
            ("the log-in", _) => "check `user` and the secret of [relay]",
            (_, None) => "does it want a log-in? See `auth` of [relay]",
            _ => "ask whoever runs it",
        };
        let passing = (400..500).contains(&code);
        RelayError::Refused {
            place: self.place.clone(),
            step,
            reason: words(&format!("{code} {text}")),
            remedy,
            passing,
        }
    }
}

/// Whether something was said, but no SMTP; else the connection broke.
fn is_garbled(error: &lettre::transport::smtp::Error) -> bool {
    let stream = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    let of_stream = stream.is_some_and(|stream| stream.kind() == io::ErrorKind::InvalidData);
    // The library's word for an end in the middle of a reply.
    of_stream || (error.is_response() && !said(error).contains("incomplete"))
}

/// Shows what proves who we are. A relay that refuses a token says so in a challenge first, and in
/// plain words only once that is answered by an empty line.
async fn present(
    connection: &mut AsyncSmtpConnection,
    mechanism: Mechanism,
    credentials: Credentials,
) -> Result<Response, lettre::transport::smtp::Error> {
    let mut reply = connection.command(Auth::new(mechanism, credentials.clone(), None)?).await?;
    for _ in 0..MOST_CHALLENGES {
        if !reply.has_code(334) {
            break;
        }
        reply = if mechanism == Mechanism::Login {
            connection.command(Auth::new_from_response(mechanism, credentials.clone(), &reply)?).await?
        } else {
            connection.command("\r\n").await?
        };
    }
    Ok(reply)
}

/// Small writes leave at once, and a peer that is gone is noticed.
fn steady(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let (idle, interval, retries) = KEEPALIVE;
    let socket = SockRef::from(tcp);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(retries))?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))
}
