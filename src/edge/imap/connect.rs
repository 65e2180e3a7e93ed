//! From a host name to a private, greeted connection that is logged in, and to what the server can do.

use std::io;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::login::Login;
use super::super::tls;
use super::error::ImapError;
use super::log_in::Way;
use super::talk::Talk;
use super::{Stream, Timeouts};
use crate::config::{Server, Tls};

/// The most addresses of a host that are tried.
const MOST_ADDRESSES: usize = 4;
/// A peer that is silent is asked whether it is there: first after, then every, so often.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_mins(1), Duration::from_secs(20), 3);
/// What we sent and nobody acknowledged for this long means that the connection is dead.
const UNACKNOWLEDGED: Duration = Duration::from_mins(2);

/// A connection that is logged in, and what its server says it can do, in capitals.
pub(super) struct Connected {
    pub(super) stream: Box<dyn Stream>,
    pub(super) abilities: Vec<String>,
}

/// Connects, sets up TLS, reads the greeting and logs in.
pub(super) async fn connect(server: &Server, login: &Login, timeouts: &Timeouts) -> Result<Connected, ImapError> {
    let mut talk = greeted(server, timeouts).await?;
    let abilities = talk.abilities().await?;
    let way = Way::of(login, &abilities, server)?;
    talk.log_in(way).await?;
    // What it can do is often more once we are logged in.
    let more = talk.abilities().await?;
    Ok(Connected { stream: talk.into_stream(), abilities: if more.is_empty() { abilities } else { more } })
}

async fn greeted(server: &Server, timeouts: &Timeouts) -> Result<Talk, ImapError> {
    let place = format!("{}:{}", server.host, server.port);
    let tcp = tcp(server, &place, timeouts).await?;
    match server.tls {
        Tls::Implicit => {
            let stream = encrypt(Box::new(tcp), server, &place, timeouts).await?;
            let mut talk = Talk::new(stream, place, timeouts);
            talk.greeting().await?;
            Ok(talk)
        }
        Tls::None => {
            let mut talk = Talk::new(Box::new(tcp), place, timeouts);
            talk.greeting().await?;
            Ok(talk)
        }
        Tls::StartTls => {
            let mut talk = Talk::new(Box::new(tcp), place.clone(), timeouts);
            talk.greeting().await?;
            let plain = talk.start_tls().await?;
            let stream = encrypt(plain, server, &place, timeouts).await?;
            Ok(Talk::new(stream, place, timeouts))
        }
    }
}

/// A connection to the first address of the host that takes one.
async fn tcp(server: &Server, place: &str, timeouts: &Timeouts) -> Result<TcpStream, ImapError> {
    let unknown = |source| ImapError::Host { host: server.host.clone(), source };
    let found = timeout(timeouts.connect, lookup_host((server.host.as_str(), server.port)));
    let found = found.await.map_err(|_| unknown(late()))?.map_err(unknown)?;
    let mut failure = unknown(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
    for address in found.take(MOST_ADDRESSES) {
        if server.tls == Tls::None && !address.ip().is_loopback() {
            return Err(ImapError::Exposed { place: place.to_owned() });
        }
        // A time of its own for each: one that swallows everything must not use up that of the next.
        let connecting = timeout(timeouts.connect, TcpStream::connect(address)).await;
        match connecting.unwrap_or_else(|_| Err(late())).and_then(|stream| keep_alive(&stream).map(|()| stream)) {
            Ok(stream) => return Ok(stream),
            Err(source) => failure = ImapError::Connect { place: place.to_owned(), source },
        }
    }
    Err(failure)
}

fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (idle, interval, retries) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(retries);
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))
}

async fn encrypt(
    stream: Box<dyn Stream>,
    server: &Server,
    place: &str,
    timeouts: &Timeouts,
) -> Result<Box<dyn Stream>, ImapError> {
    let config = tls::client(server.ca_file.as_deref())?;
    let name = ServerName::try_from(server.host.clone()).map_err(|error| ImapError::Host {
        host: server.host.clone(),
        source: io::Error::new(io::ErrorKind::InvalidInput, error),
    })?;
    let encrypting = timeout(timeouts.connect, TlsConnector::from(config).connect(name, stream));
    match encrypting.await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(source)) if is_refusal(&source) => {
            Err(ImapError::Handshake { place: place.to_owned(), remedy: tls::remedy(&source), source })
        }
        Ok(Err(source)) => Err(ImapError::Connect { place: place.to_owned(), source }),
        Err(_) => Err(ImapError::Slow { step: "set up TLS" }),
    }
}

/// Whether it is TLS that failed, and not the connection below it.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other)
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
}

/// Both halves of a connection, whatever lies below.
impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Stream for T {}
