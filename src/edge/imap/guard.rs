//! What a parser must not be shown: lists nested without end (it recurses), literals and lines
//! larger than any we ask for. Checked byte by byte below it, without recursion.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The largest literal: a message as large as we store, and some.
const LARGEST_LITERAL: u64 = 65 * 1024 * 1024;
/// The longest response without its literals: a list of two million UIDs.
const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// The deepest list. What we ask for has two levels; a hundred end the process where the parser is not
/// optimised and the stack is that of a worker thread.
const DEEPEST: u32 = 20;

/// How far a response has been seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Guard {
    /// Bytes of the response, literals aside.
    length: usize,
    /// Its first bytes, which say what it is.
    head: Vec<u8>,
    depth: u32,
    quoted: bool,
    escaped: bool,
    /// Whether a status may have a code, in which a literal could stand.
    bracket: bool,
    /// Bytes of a literal still to come.
    literal: u64,
    brace: Brace,
}

/// How much of `{123}` CRLF has been seen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Brace {
    #[default]
    None,
    Open(u64),
    Closed(u64),
    Return(u64),
}

impl Guard {
    /// Takes the next bytes.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<(), &'static str> {
        while let Some((byte, rest)) = bytes.split_first() {
            if self.literal > 0 {
                let inside = usize::try_from(self.literal).unwrap_or(usize::MAX).min(bytes.len());
                self.literal -= inside as u64;
                bytes = bytes.get(inside..).unwrap_or_default();
                continue;
            }
            self.byte(*byte)?;
            bytes = rest;
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8) -> Result<(), &'static str> {
        self.length += 1;
        if self.length > LONGEST_LINE {
            return Err("a response is too long");
        }
        if self.head.len() < 12 {
            self.head.push(byte);
        }
        if byte == b'\n' {
            return self.end_of_line();
        }
        self.brace = self.brace.next(byte)?;
        self.bracket |= byte == b'[';
        if self.is_words() {
            return Ok(());
        }
        match (self.quoted, byte) {
            (true, _) if self.escaped => self.escaped = false,
            (true, b'\\') => self.escaped = true,
            (_, b'"') => self.quoted = !self.quoted,
            (false, b'(') => self.depth += 1,
            (false, b')') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.depth > DEEPEST { Err("lists are nested too deep") } else { Ok(()) }
    }

    fn end_of_line(&mut self) -> Result<(), &'static str> {
        match self.brace {
            // In a code the parser would take it for a literal, behind it for words: then it and we would no
            // longer agree where a response ends.
            Brace::Return(_) if self.is_words() && self.bracket => return Err("a literal stands in a status"),
            Brace::Return(size) if !self.is_words() => {
                if size > LARGEST_LITERAL {
                    return Err("a literal is too large");
                }
                self.literal = size;
                self.brace = Brace::None;
            }
            _ => *self = Self::default(),
        }
        Ok(())
    }

    /// Whether it is a status, for people: in those, braces and parentheses are words.
    fn is_words(&self) -> bool {
        let head = self.head.as_slice();
        let Some(rest) = head.strip_prefix(b"* ") else {
            // A tagged answer, or one that asks for more.
            return head.len() >= 2;
        };
        let word = rest.split(|b| !b.is_ascii_alphabetic()).next().unwrap_or_default();
        [b"OK".as_slice(), b"NO", b"BAD", b"BYE", b"PREAUTH"].iter().any(|known| word.eq_ignore_ascii_case(known))
            && word.len() < rest.len()
    }
}

impl Brace {
    fn next(self, byte: u8) -> Result<Self, &'static str> {
        Ok(match (self, byte) {
            (_, b'{') => Self::Open(0),
            (Self::Open(size), b'0'..=b'9') => {
                let more = size.checked_mul(10).and_then(|size| size.checked_add(u64::from(byte - b'0')));
                Self::Open(more.ok_or("a literal is too large")?)
            }
            (Self::Open(size), b'+') => Self::Open(size),
            (Self::Open(size), b'}') => Self::Closed(size),
            (Self::Closed(size), b'\r') => Self::Return(size),
            _ => Self::None,
        })
    }
}

/// A stream that shows only what the guard lets through.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    guard: Guard,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, guard: Guard::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let fresh = buffer.filled().get(before..).unwrap_or_default();
        let outcome = self.guard.take(fresh);
        Poll::Ready(outcome.map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(bytes: &[u8]) -> Result<(), &'static str> {
        Guard::default().take(bytes)
    }

    #[test]
    fn what_a_parser_must_not_see_is_refused() {
        let deep = |n: usize| format!("* 1 FETCH {}{}\r\n", "(".repeat(n), ")".repeat(n)).into_bytes();
        let behind_a_literal = [b"* 1 FETCH (BODY[] {3}\r\na(b ".as_slice(), "(".repeat(20).as_bytes()].concat();
        let long = [b"* 1 ".as_slice(), &vec![b'x'; LONGEST_LINE]].concat();
        #[rustfmt::skip]
        let cases: [(&str, Vec<u8>, bool); 14] = [
            ("a greeting",         b"* OK [CAPABILITY IMAP4rev1] hello (((\r\n".to_vec(),           true),
            ("20 levels",          deep(20),                                                        true),
            ("21 levels",          deep(21),                                                        false),
            ("400 levels",         deep(400),                                                       false),
            ("in quotes",          format!("* 1 FETCH (\"{}\\\"(\")\r\n", "(".repeat(200)).into(),   true),
            ("in a literal",       format!("* 1 FETCH ({{200}}\r\n{})\r\n", "(".repeat(200)).into(), true),
            ("behind a literal",   behind_a_literal,                                                false),
            ("behind false words", format!("* OK {{900}}\r\n* 1 FETCH {}\r\n", "(".repeat(200)).into(), false),
            ("in a code",          b"* OK [BADCHARSET ({60}\r\n* OK \r\n".to_vec(),                   false),
            ("a code, then words", b"* OK [ALERT] {60} \r\n".to_vec(),                             true),
            ("4 GB",               b"* 1 FETCH (BODY[] {4294967296}\r\n".to_vec(),                   false),
            ("beyond numbers",     b"* 1 FETCH (BODY[] {99999999999999999999}\r\n".to_vec(),         false),
            ("64 MB",              b"* 1 FETCH (BODY[] {67108864}\r\n".to_vec(),                     true),
            ("an endless line",    long,                                                            false),
        ];
        for (name, bytes, passes) in cases {
            assert_eq!(whole(&bytes).is_ok(), passes, "{name}");
        }
    }

    /// Pieces of which responses are made, some of them wrongly.
    fn responses() -> impl Strategy<Value = Vec<u8>> {
        let piece = r#"(\* 1 FETCH \(|\* OK |\* OK \[BADCHARSET \(|UID 7 |BODY\[\] |"a\(" |\{2\}\r\n|\)\r\n|\* SEARCH 1|\* LIST \(\) "/" |t1 NO \[X\] |\+ |[(){}"\\a1+\] ]|\r\n|\n)"#;
        proptest::collection::vec(piece, 1..24).prop_map(|pieces| pieces.concat().into_bytes())
    }

    /// A response that is often right.
    fn line() -> impl Strategy<Value = String> {
        let begins =
            r#"\* 1 FETCH \(UID 7 BODY\[\] |\* OK \[BADCHARSET \(|\* OK |\* LIST \(\) "/" |\* SEARCH 1|t1 NO |\+ "#;
        let goes_on = r#"(\{9\}\r\n\* 1 \{9\}\r\n|\{2\}\r\n[(a"]\)|"\(\\"\("|a|\[ALERT\] |\(\(|\{1\}){0,2}"#;
        let ends = r"\)\r\n|\)\] a\r\n|\r\n|\{2\}\r\n";
        (begins, goes_on, ends).prop_map(|(begins, goes_on, ends)| begins + &goes_on + &ends)
    }

    #[test]
    fn however_it_is_cut_the_answer_is_the_same() {
        let bytes = b"* 1 FETCH (UID 7 BODY[] {4}\r\n\r\n)( X \"a\\\"(\")\r\n* OK [ALERT] (((\r\na1 OK {3}\r\n";
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let mut guard = Guard::default();
            guard.take(first).unwrap();
            guard.take(second).unwrap();
            assert_eq!(guard, Guard::default(), "cut at {cut}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn whatever_it_is_and_however_it_is_cut_the_answer_is_the_same(bytes in responses(), cut in 0usize..200) {
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let (mut guard, mut other) = (Guard::default(), Guard::default());
            let cut = guard.take(first).and_then(|()| guard.take(second));
            prop_assert_eq!(cut, other.take(&bytes));
            prop_assert!(cut.is_err() || guard == other);
        }

        #[test]
        fn guard_and_parser_agree_where_a_response_ends(lines in proptest::collection::vec(line(), 1..6)) {
            let bytes = lines.concat().into_bytes();
            let shown = whole(&bytes).is_ok();
            let mut rest = if shown { bytes.as_slice() } else { &[] };
            while let Ok((behind, _)) = async_imap::imap_proto::Response::parse(rest) {
                let (response, _) = rest.split_at(rest.len() - behind.len());
                let mut guard = Guard::default();
                guard.take(response).unwrap();
                prop_assert_eq!(guard, Guard::default());
                rest = behind;
            }
        }
    }
}
