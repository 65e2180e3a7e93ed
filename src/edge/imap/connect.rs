//! From a host name to a greeted, private connection that knows what the server can do.
//!
//! This first conversation is held line by line, before any parser: an answer to STARTTLS
//! that brings more than itself is refused, and so is a server that is no IMAP server.

use std::io;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::tls;
use super::error::{ImapError, words};
use super::{Stream, Timeouts};
use crate::config::{Server, Tls};

/// The longest line of the first conversation.
const LONGEST_LINE: usize = 8 * 1024;
/// The most lines before the answer to one command.
const MOST_LINES: usize = 50;
/// A peer that is silent is asked whether it is there: first after, then every, so often.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_mins(1), Duration::from_secs(20), 3);
/// What we sent and nobody acknowledged for this long means that the connection is dead.
const UNACKNOWLEDGED: Duration = Duration::from_mins(2);

/// A connection that has greeted, and what it says it can do, in capitals.
pub(super) struct Greeted {
    pub(super) stream: Box<dyn Stream>,
    pub(super) abilities: Vec<String>,
}

/// Connects, sets up TLS, reads the greeting and asks for capabilities.
pub(super) async fn connect(server: &Server, timeouts: &Timeouts) -> Result<Greeted, ImapError> {
    let place = format!("{}:{}", server.host, server.port);
    let tcp = tcp(server, &place, timeouts).await?;
    let mut talk = match server.tls {
        Tls::Implicit => {
            let stream = encrypt(Box::new(tcp), server, &place, timeouts).await?;
            let mut talk = Talk::new(stream, place, timeouts);
            talk.greeting().await?;
            talk
        }
        Tls::None => {
            let mut talk = Talk::new(Box::new(tcp), place, timeouts);
            talk.greeting().await?;
            talk
        }
        Tls::StartTls => {
            let mut talk = Talk::new(Box::new(tcp), place.clone(), timeouts);
            talk.greeting().await?;
            let plain = talk.start_tls().await?;
            let stream = encrypt(plain, server, &place, timeouts).await?;
            Talk::new(stream, place, timeouts)
        }
    };
    let abilities = talk.abilities().await?;
    Ok(Greeted { stream: talk.stream, abilities })
}

async fn tcp(server: &Server, place: &str, timeouts: &Timeouts) -> Result<TcpStream, ImapError> {
    let failed = |source| ImapError::Connect { place: place.to_owned(), source };
    let connecting = TcpStream::connect((server.host.as_str(), server.port));
    let stream = timeout(timeouts.connect, connecting)
        .await
        .map_err(|_| failed(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")))?
        .map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let (idle, interval, retries) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(retries);
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&keepalive).map_err(failed)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED)).map_err(failed)?;
    Ok(stream)
}

async fn encrypt(
    stream: Box<dyn Stream>,
    server: &Server,
    place: &str,
    timeouts: &Timeouts,
) -> Result<Box<dyn Stream>, ImapError> {
    let config = tls::client(server.ca_file.as_deref())?;
    let failed =
        |source: io::Error| ImapError::Handshake { place: place.to_owned(), remedy: tls::remedy(&source), source };
    let name = ServerName::try_from(server.host.clone())
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let encrypting = TlsConnector::from(config).connect(name, stream);
    let stream = timeout(timeouts.connect, encrypting)
        .await
        .map_err(|_| failed(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")))?
        .map_err(failed)?;
    Ok(Box::new(stream))
}

/// The first conversation.
struct Talk {
    stream: Box<dyn Stream>,
    place: String,
    patience: Duration,
}

impl Talk {
    fn new(stream: Box<dyn Stream>, place: String, timeouts: &Timeouts) -> Self {
        Self { stream, place, patience: timeouts.command }
    }

    async fn greeting(&mut self) -> Result<(), ImapError> {
        let line = self.line("greet us").await?;
        let upper = line.to_ascii_uppercase();
        if upper.starts_with("* OK") {
            Ok(())
        } else if let Some(rest) = upper.starts_with("* BYE").then(|| line.get(5..).unwrap_or("")) {
            Err(ImapError::Bye { step: "greet us", words: words(rest) })
        } else {
            Err(ImapError::Greeting { place: self.place.clone(), words: words(&line) })
        }
    }

    /// What the server can do, in capitals.
    async fn abilities(&mut self) -> Result<Vec<String>, ImapError> {
        let lines = self.ask("b1", "CAPABILITY", "say what it can do").await?;
        let found = lines.iter().filter_map(|line| {
            let upper = line.to_ascii_uppercase();
            upper.strip_prefix("* CAPABILITY ").map(|rest| rest.split(' ').map(str::to_owned).collect::<Vec<_>>())
        });
        Ok(found.flatten().collect())
    }

    /// Goes over to TLS; what lies in the pipe beside the answer was not said in private.
    async fn start_tls(mut self) -> Result<Box<dyn Stream>, ImapError> {
        let no = |place: &str, why: &str| ImapError::NoStartTls { place: place.to_owned(), words: words(why) };
        if !self.abilities().await?.iter().any(|a| a == "STARTTLS") {
            return Err(no(&self.place, "it is not among its capabilities"));
        }
        match self.ask("b2", "STARTTLS", "go over to TLS").await {
            Ok(_) => {}
            Err(ImapError::No { words, .. } | ImapError::Bad { words, .. }) => return Err(no(&self.place, &words)),
            Err(other) => return Err(other),
        }
        let mut more = [0_u8; 1];
        let injected = std::future::poll_fn(|cx| {
            let mut buffer = tokio::io::ReadBuf::new(&mut more);
            let polled = std::pin::Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
            std::task::Poll::Ready(polled.is_ready() && !buffer.filled().is_empty())
        });
        if injected.await {
            return Err(no(&self.place, "it said more before TLS than it was asked"));
        }
        Ok(self.stream)
    }

    /// Asks, and returns the lines before the answer.
    async fn ask(&mut self, tag: &str, command: &str, step: &'static str) -> Result<Vec<String>, ImapError> {
        let writing = async {
            self.stream.write_all(format!("{tag} {command}\r\n").as_bytes()).await?;
            self.stream.flush().await
        };
        timeout(self.patience, writing)
            .await
            .map_err(|_| ImapError::Slow { step })?
            .map_err(|error| ImapError::of_stream(step, error))?;
        let mut lines = Vec::new();
        while lines.len() < MOST_LINES {
            let line = self.line(step).await?;
            let Some(answer) = line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) else {
                if let Some(bye) = line.strip_prefix("* BYE") {
                    return Err(ImapError::Bye { step, words: words(bye) });
                }
                lines.push(line);
                continue;
            };
            let (status, rest) = answer.split_once(' ').unwrap_or((answer, ""));
            return match status.to_ascii_uppercase().as_str() {
                "OK" => Ok(lines),
                "NO" => Err(ImapError::No { step, code: super::error::code(rest), words: words(rest) }),
                _ => Err(ImapError::Bad { step, words: words(rest) }),
            };
        }
        Err(ImapError::Garbled { step, reason: "it talks without end".to_owned() })
    }

    /// One line, read byte by byte so that nothing behind it is taken.
    async fn line(&mut self, step: &'static str) -> Result<String, ImapError> {
        let reading = async {
            let mut line = Vec::new();
            while line.len() < LONGEST_LINE {
                match self.stream.read_u8().await? {
                    b'\n' => return Ok(line),
                    byte => line.push(byte),
                }
            }
            Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"))
        };
        let line = timeout(self.patience, reading)
            .await
            .map_err(|_| ImapError::Slow { step })?
            .map_err(|error| ImapError::of_stream(step, error))?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

/// Both halves of a connection, whatever lies below.
impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Stream for T {}
