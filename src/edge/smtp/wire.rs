//! The connection below the SMTP library: replies line by line and made plain, nothing written
//! while the relay says what nobody asked for.
//!
//! The library would take a reply too many for the answer to what comes next, and so report as
//! sent what was not; it stumbles over lone line feeds, bytes beyond ASCII and codes without text,
//! panics on a blank line in the answer to EHLO (RUSTSEC-2026-0562), and waits for an answer to QUIT
//! when EHLO is refused. It sees none of these.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

/// The longest line of a reply that is read; RFC 5321 allows 512 bytes.
const LONGEST_LINE: usize = 8 * 1024;
/// How much of a line is kept.
const KEPT: usize = 500;
/// The most lines of a reply before the library takes over.
const MOST_LINES: usize = 100;

/// Both directions of a connection, plain or private.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for T {}

/// A connection.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    peer: SocketAddr,
    /// Read, and not yet a line.
    raw: Vec<u8>,
    /// A line that is being handed out.
    line: Vec<u8>,
    /// The reply to the next command, which is not to be written.
    known: Option<Vec<u8>>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>, peer: SocketAddr) -> Self {
        Self { stream, peer, raw: Vec::new(), line: Vec::new(), known: None }
    }

    /// Lets the library greet and introduce itself without a word to the relay, which has heard all
    /// that: `abilities` is what it answered.
    pub(super) fn rehearse(&mut self, abilities: &[String]) {
        self.line = b"220 greeted\r\n".to_vec();
        let more = abilities.iter().skip(1).fold(String::new(), |more, ability| more + "250-" + ability + "\r\n");
        self.known = Some(format!("250-relay\r\n{more}250 OK\r\n").into_bytes());
    }

    /// A whole reply: its code, and the text of its lines.
    pub(super) async fn reply(&mut self) -> io::Result<(u16, Vec<String>)> {
        let mut texts = Vec::new();
        while texts.len() < MOST_LINES {
            let mut line = Vec::new();
            while line.last() != Some(&b'\n') {
                line.push(self.read_u8().await?);
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let code = line.get(..3).and_then(|code| code.parse().ok()).filter(|code| (200..600).contains(code));
            let code = code.ok_or_else(|| garbled("it speaks no SMTP"))?;
            texts.push(line.get(4..).unwrap_or_default().to_owned());
            if line.get(3..4) != Some("-") {
                return Ok((code, texts));
            }
        }
        Err(garbled("it talks without end"))
    }

    /// Asks, and returns the reply.
    pub(super) async fn ask(&mut self, command: &str) -> io::Result<(u16, Vec<String>)> {
        self.write_all(format!("{command}\r\n").as_bytes()).await?;
        self.flush().await?;
        self.reply().await
    }

    /// The stream below, for TLS. What lies in the pipe by then was not said in private.
    pub(super) async fn into_stream(mut self) -> io::Result<Box<dyn Stream>> {
        std::future::poll_fn(|cx| Poll::Ready(self.check_turn(cx))).await?;
        Ok(self.stream)
    }

    /// Reads what has arrived; zero is the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut chunk = [0_u8; 1024];
        let mut buffer = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        self.raw.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Whether it is our turn: everything the relay said has been taken, and it is still there.
    fn check_turn(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.raw.is_empty() && self.line.is_empty() {
            match self.poll_fill(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(0)) => {
                    return Err(io::Error::new(
                        io::ErrorKind::ConnectionAborted,
                        "the relay has closed the connection",
                    ));
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        let said = String::from_utf8_lossy(if self.line.is_empty() { &self.raw } else { &self.line }).into_owned();
        Err(garbled(&format!("the relay spoke out of turn: {said}")))
    }

    /// Takes a line out of what was read.
    fn take_line(&mut self) -> io::Result<bool> {
        let Some(end) = self.raw.iter().position(|byte| *byte == b'\n') else {
            return if self.raw.len() > LONGEST_LINE {
                Err(garbled("a line of a reply is too long"))
            } else {
                Ok(false)
            };
        };
        let rest = self.raw.split_off(end + 1);
        let line = std::mem::replace(&mut self.raw, rest);
        self.line = plain(&line);
        Ok(true)
    }
}

/// A line of a reply in visible ASCII, without blanks at its end, ended by CRLF. A code without
/// text gets the blank that the library wants to see.
fn plain(line: &[u8]) -> Vec<u8> {
    let visible = |byte: &u8| match byte {
        b' '..=b'~' => *byte,
        b'\t' | b'\r' | b'\n' => b' ',
        _ => b'?',
    };
    let mut plain: Vec<u8> = line.iter().take(KEPT).map(visible).collect();
    while plain.last() == Some(&b' ') {
        plain.pop();
    }
    if plain.len() == 3 {
        plain.push(b' ');
    }
    plain.extend_from_slice(b"\r\n");
    plain
}

fn garbled(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // One line at a time: what is behind it stays here, where it is noticed.
        while self.line.is_empty() && !self.take_line()? {
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        let fits = self.line.len().min(buffer.remaining());
        let rest = self.line.split_off(fits);
        buffer.put_slice(&self.line);
        self.line = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(mut reply) = self.known.take() {
            // What the relay said beyond its answer stays behind it, to be noticed.
            reply.append(&mut self.raw);
            self.raw = reply;
            return Poll::Ready(Ok(bytes.len()));
        }
        self.check_turn(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_made_plain() {
        #[rustfmt::skip]
        let cases: [(&[u8], &[u8]); 7] = [
            (b"250 ok\r\n",           b"250 ok\r\n"),
            (b"250 ok\n",             b"250 ok\r\n"),
            (b"250\r\n",              b"250 \r\n"),
            (b"250 \t \r\n",          b"250 \r\n"),
            (b"250-   \r\n",          b"250-\r\n"),
            (b"250 \xfcber\x1b[0m\n", b"250 ?ber?[0m\r\n"),
            (b"\r\n",                 b"\r\n"),
        ];
        for (line, expected) in cases {
            assert_eq!(plain(line), expected, "{line:?}");
        }
        assert!(plain(&[b'2'; 2_000]).len() < 998);
    }
}
