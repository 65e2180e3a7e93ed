//! The first conversation, held line by line before any parser: greeting, STARTTLS, log-in.
//!
//! An answer to STARTTLS that brings more than itself is refused, and so is a server that is no IMAP
//! server. Nothing behind the last line is taken from the stream. A secret is sent once.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;

use super::error::{ImapError, code, words};
use super::log_in::Way;
use super::{Stream, Timeouts};

/// The longest line.
const LONGEST_LINE: usize = 8 * 1024;
/// The most lines before the answer to one command.
const MOST_LINES: usize = 50;

const GREET: &str = "greet us";
const SAY_ABILITIES: &str = "say what it can do";
const LOG_IN: &str = "let us in";

/// A conversation by lines.
pub(super) struct Talk {
    stream: Box<dyn Stream>,
    place: String,
    patience: Duration,
    tags: u32,
}

/// The end of a command.
enum Answer {
    Ok,
    No(String),
    Bad(String),
}

/// One line, by what it is to the command in hand.
enum Line {
    /// The server waits for more of the command.
    More,
    Untagged(String),
    Answer(Answer),
}

impl Talk {
    pub(super) fn new(stream: Box<dyn Stream>, place: String, timeouts: &Timeouts) -> Self {
        Self { stream, place, patience: timeouts.command, tags: 0 }
    }

    pub(super) fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    pub(super) async fn greeting(&mut self) -> Result<(), ImapError> {
        let line = self.line(GREET).await?;
        let upper = line.to_ascii_uppercase();
        if upper.starts_with("* OK") {
            Ok(())
        } else if let Some(rest) = upper.starts_with("* BYE").then(|| line.get(5..).unwrap_or("")) {
            Err(ImapError::Bye { step: GREET, words: words(rest) })
        } else {
            Err(ImapError::Greeting { place: self.place.clone(), words: words(&line) })
        }
    }

    /// What the server can do, in capitals.
    pub(super) async fn abilities(&mut self) -> Result<Vec<String>, ImapError> {
        let (lines, answer) = self.ask(SAY_ABILITIES, "CAPABILITY").await?;
        match answer {
            Answer::Ok => {}
            Answer::No(text) => {
                return Err(ImapError::No { step: SAY_ABILITIES, code: code(&text), words: words(&text) });
            }
            Answer::Bad(text) => return Err(ImapError::Bad { step: SAY_ABILITIES, words: words(&text) }),
        }
        let found = lines.iter().filter_map(|line| {
            let upper = line.to_ascii_uppercase();
            let listed = upper.strip_prefix("* CAPABILITY ")?;
            Some(listed.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        });
        Ok(found.flatten().collect())
    }

    /// Goes over to TLS; what lies in the pipe beside the answer was not said in private.
    pub(super) async fn start_tls(mut self) -> Result<Box<dyn Stream>, ImapError> {
        let no = |place: &str, why: &str| ImapError::NoStartTls { place: place.to_owned(), words: words(why) };
        if !self.abilities().await?.iter().any(|a| a == "STARTTLS") {
            return Err(no(&self.place, "it is not among its capabilities"));
        }
        if let (_, Answer::No(text) | Answer::Bad(text)) = self.ask("go over to TLS", "STARTTLS").await? {
            return Err(no(&self.place, &text));
        }
        let mut more = [0_u8; 1];
        let injected = poll_fn(|cx| {
            let mut buffer = ReadBuf::new(&mut more);
            let polled = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
            Poll::Ready(polled.is_ready() && !buffer.filled().is_empty())
        });
        if injected.await {
            return Err(no(&self.place, "it said more before TLS than it was asked"));
        }
        Ok(self.stream)
    }

    /// Proves who we are.
    pub(super) async fn log_in(&mut self, mut way: Way) -> Result<(), ImapError> {
        let tag = self.send(LOG_IN, &way.command()).await?;
        for _ in 0..MOST_LINES {
            match self.hear(LOG_IN, &tag).await? {
                // A server that refuses a token says why before it says NO: it is given an empty line.
                Line::More => self.write(LOG_IN, &format!("{}\r\n", way.answer())).await?,
                Line::Untagged(_) => {}
                Line::Answer(Answer::Ok) => return Ok(()),
                Line::Answer(Answer::No(text)) => {
                    return Err(ImapError::Login { code: code(&text), words: words(&text) });
                }
                Line::Answer(Answer::Bad(text)) => return Err(ImapError::Bad { step: LOG_IN, words: words(&text) }),
            }
        }
        Err(endless(LOG_IN))
    }

    /// Asks, and returns the lines before the answer, and the answer.
    async fn ask(&mut self, step: &'static str, command: &str) -> Result<(Vec<String>, Answer), ImapError> {
        let tag = self.send(step, command).await?;
        let mut lines = Vec::new();
        while lines.len() < MOST_LINES {
            match self.hear(step, &tag).await? {
                Line::Untagged(line) => lines.push(line),
                Line::Answer(answer) => return Ok((lines, answer)),
                Line::More => return Err(ImapError::Garbled { step, reason: "it asks for more".to_owned() }),
            }
        }
        Err(endless(step))
    }

    /// Sends a command and returns its tag.
    async fn send(&mut self, step: &'static str, command: &str) -> Result<String, ImapError> {
        tracing::debug!(step, "asked");
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        self.write(step, &format!("{tag} {command}\r\n")).await?;
        Ok(tag)
    }

    async fn write(&mut self, step: &'static str, text: &str) -> Result<(), ImapError> {
        let writing = async {
            self.stream.write_all(text.as_bytes()).await?;
            self.stream.flush().await
        };
        let written = timeout(self.patience, writing).await.map_err(|_| ImapError::Slow { step })?;
        written.map_err(|error| ImapError::of_stream(step, error))
    }

    async fn hear(&mut self, step: &'static str, tag: &str) -> Result<Line, ImapError> {
        let line = self.line(step).await?;
        if line.starts_with('+') {
            return Ok(Line::More);
        }
        let Some(answer) = line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) else {
            let (mark, rest) = line.split_at_checked(5).unwrap_or((&line, ""));
            if mark.eq_ignore_ascii_case("* BYE") {
                return Err(ImapError::Bye { step, words: words(rest) });
            }
            return Ok(Line::Untagged(line));
        };
        let (status, rest) = answer.split_once(' ').unwrap_or((answer, ""));
        Ok(Line::Answer(match status.to_ascii_uppercase().as_str() {
            "OK" => Answer::Ok,
            "NO" => Answer::No(rest.to_owned()),
            _ => Answer::Bad(rest.to_owned()),
        }))
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

fn endless(step: &'static str) -> ImapError {
    ImapError::Garbled { step, reason: "it talks without end".to_owned() }
}
