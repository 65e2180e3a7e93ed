//! The limits of what the parser is shown: one pass, no recursion, nothing copied
//! but boundaries and encoded messages.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

/// Most bytes of a message that is parsed.
pub const LARGEST: usize = 25 * 1024 * 1024;
/// Deepest nesting of parts and messages.
pub const DEEPEST: usize = 50;
/// Most parts.
pub const MOST_PARTS: usize = 1_000;
/// Most header fields of one message or part.
pub const MOST_HEADERS: usize = 500;
/// Longest header field, in bytes.
pub const LONGEST_HEADER: usize = 100 * 1024;
/// How often an encoded message may hold another: the parser goes no deeper.
const ENCODED_LEVELS: usize = 4;

/// Why a message is not parsed. Its words are shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverLimit {
    /// More bytes than [`LARGEST`].
    #[error("it is larger than 25 MB")]
    Size,
    /// Parts or messages within each other.
    #[error("more than 50 messages or parts are nested in each other")]
    Depth,
    /// Too many parts.
    #[error("it has more than 1,000 parts")]
    Parts,
    /// Too many header fields.
    #[error("it has more than 500 header fields")]
    Headers,
    /// A header field that does not end.
    #[error("one of its header fields is longer than 100 KB")]
    Header,
}

/// Whether the parser may be shown a message.
///
/// # Errors
///
/// The first limit that it passes.
pub fn scan(raw: &[u8]) -> Result<(), OverLimit> {
    if raw.len() > LARGEST {
        return Err(OverLimit::Size);
    }
    let mut encoded = scan_one(raw)?;
    for _ in 0..ENCODED_LEVELS {
        let mut deeper = Vec::new();
        for message in &encoded {
            deeper.extend(scan_one(message)?);
        }
        if deeper.is_empty() {
            return Ok(());
        }
        encoded = deeper;
    }
    Err(OverLimit::Depth)
}

/// One level that is open: a multipart with its boundary, or a message within a message.
struct Level {
    boundary: Option<Vec<u8>>,
    digest: bool,
}

/// The header block that is being read.
#[derive(Default)]
struct Block {
    fields: usize,
    field_bytes: usize,
    /// Content-Type and Content-Transfer-Encoding, unfolded, in lower case but for boundaries.
    content_type: Vec<u8>,
    encoding: Vec<u8>,
    /// Which of the two the last field was.
    gathers: Gathers,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Gathers {
    #[default]
    Nothing,
    Type,
    Encoding,
}

impl Block {
    fn add(&mut self, line: &[u8]) -> Result<(), OverLimit> {
        let folded = line.first().is_some_and(|b| *b == b' ' || *b == b'\t');
        if folded {
            self.field_bytes += line.len();
        } else {
            self.fields += 1;
            self.field_bytes = line.len();
            self.gathers = match name_of(line).as_slice() {
                b"content-type" => Gathers::Type,
                b"content-transfer-encoding" => Gathers::Encoding,
                _ => Gathers::Nothing,
            };
        }
        if self.fields > MOST_HEADERS {
            return Err(OverLimit::Headers);
        }
        if self.field_bytes > LONGEST_HEADER {
            return Err(OverLimit::Header);
        }
        match self.gathers {
            Gathers::Type => self.content_type.extend(line),
            Gathers::Encoding => self.encoding.extend(line),
            Gathers::Nothing => {}
        }
        Ok(())
    }

    fn is_message(&self, in_digest: bool) -> bool {
        let kind = lower(&self.content_type);
        contains(&kind, b"message/rfc822") || contains(&kind, b"message/global") || (in_digest && kind.is_empty())
    }
}

/// Walks one message. Returns the encoded messages in it, decoded.
fn scan_one(raw: &[u8]) -> Result<Vec<Vec<u8>>, OverLimit> {
    let (mut levels, mut block, mut parts) = (Vec::<Level>::new(), Some(Block::default()), 0usize);
    // Where an encoded message began, and how it is encoded.
    let mut encoded: Option<(usize, bool)> = None;
    let mut found = Vec::new();
    let mut at = 0;
    for line in raw.split_inclusive(|b| *b == b'\n') {
        let start = at;
        at += line.len();
        let plain = trim_end(line);
        if let Some(level) = boundary_at(&levels, plain) {
            if let Some((from, base64)) = encoded.take() {
                found.extend(decoded(raw.get(from..start).unwrap_or_default(), base64));
            }
            parts += 1;
            if parts > MOST_PARTS {
                return Err(OverLimit::Parts);
            }
            let closes = plain.ends_with(b"--") && !is_open_line(&levels, level, plain);
            levels.truncate(if closes { level } else { level + 1 });
            block = (!closes).then(Block::default);
            continue;
        }
        let Some(current) = block.as_mut() else { continue };
        if !plain.is_empty() {
            current.add(line)?;
            continue;
        }
        let ended = std::mem::take(current);
        let in_digest = levels.last().is_some_and(|l| l.digest);
        block = None;
        if ended.is_message(in_digest) {
            let way = lower(&ended.encoding);
            if contains(&way, b"base64") || contains(&way, b"quoted-printable") {
                encoded = Some((at, contains(&way, b"base64")));
            } else {
                levels.push(Level { boundary: None, digest: false });
                block = Some(Block::default());
            }
        } else if let Some(boundary) = boundary_of(&ended.content_type) {
            let digest = contains(&lower(&ended.content_type), b"multipart/digest");
            levels.push(Level { boundary: Some(boundary), digest });
        }
        if levels.len() > DEEPEST {
            return Err(OverLimit::Depth);
        }
    }
    if let Some((from, base64)) = encoded {
        found.extend(decoded(raw.get(from..).unwrap_or_default(), base64));
    }
    Ok(found)
}

fn decoded(bytes: &[u8], base64: bool) -> Option<Vec<u8>> {
    if base64 { base64_decode(bytes) } else { quoted_printable_decode(bytes) }
}

fn trim_end(line: &[u8]) -> &[u8] {
    line.trim_ascii_end()
}

fn lower(bytes: &[u8]) -> Vec<u8> {
    bytes.to_ascii_lowercase()
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn name_of(line: &[u8]) -> Vec<u8> {
    let name = line.split(|b| *b == b':').next().unwrap_or_default();
    lower(name.trim_ascii().get(..name.trim_ascii().len().min(40)).unwrap_or_default())
}

/// The innermost open multipart that this line ends or continues.
fn boundary_at(levels: &[Level], line: &[u8]) -> Option<usize> {
    let rest = line.strip_prefix(b"--")?;
    levels.iter().rposition(|level| {
        let boundary = level.boundary.as_deref();
        boundary.is_some_and(|b| rest == b || rest.strip_suffix(b"--") == Some(b))
    })
}

fn is_open_line(levels: &[Level], level: usize, line: &[u8]) -> bool {
    let boundary = levels.get(level).and_then(|l| l.boundary.as_deref());
    line.strip_prefix(b"--") == boundary
}

/// The boundary of a multipart, from its Content-Type as written.
fn boundary_of(content_type: &[u8]) -> Option<Vec<u8>> {
    let lowered = lower(content_type);
    if !contains(&lowered, b"multipart/") {
        return None;
    }
    let word = b"boundary";
    let start = lowered.windows(word.len()).position(|w| w == word)? + word.len();
    let rest = content_type.get(start..)?;
    let rest = rest.get(rest.iter().position(|b| *b == b'=')? + 1..)?.trim_ascii_start();
    let boundary: &[u8] = match rest.strip_prefix(b"\"") {
        Some(quoted) => quoted.split(|b| *b == b'"').next()?,
        None => rest.split(|b| *b == b';' || b.is_ascii_whitespace()).next()?,
    };
    let boundary = trim_end(boundary);
    (!boundary.is_empty()).then(|| boundary.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize, inner: &str) -> Vec<u8> {
        let mut raw = "From: a@b.example\r\nContent-Type: message/rfc822\r\n\r\n".repeat(levels);
        raw.push_str(inner);
        raw.into_bytes()
    }

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digit = |n: usize| char::from(DIGITS[n & 63]);
        let group = |three: &[u8]| {
            let n = three.iter().fold(0, |n, b| n << 8 | usize::from(*b)) << (8 * (3 - three.len()));
            (0..4).map(|i| if i > three.len() { '=' } else { digit(n >> (18 - 6 * i)) }).collect::<String>()
        };
        bytes.chunks(3).map(group).collect()
    }

    fn in_base64(bytes: &[u8]) -> Vec<u8> {
        let head = "From: a@b.example\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n";
        [head.as_bytes(), base64(bytes).as_bytes(), b"\r\n"].concat()
    }

    fn multipart(parts: usize, part: &str) -> Vec<u8> {
        let one = format!("--=b\r\n{part}\r\n");
        format!("Content-Type: multipart/mixed;\r\n boundary=\"=b\"\r\n\r\n{}--=b--\r\n", one.repeat(parts))
            .into_bytes()
    }

    #[test]
    fn each_limit_is_kept_and_not_passed() {
        let headers = |n: usize| format!("{}\r\nHello\r\n", "X-Hop: y\r\n".repeat(n)).into_bytes();
        let field = |n: usize| format!("X-Long: {}\r\n\r\nHello\r\n", "y".repeat(n)).into_bytes();
        let digest = |n: usize| {
            let inner = "\r\nContent-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n".repeat(n);
            format!("Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n{inner}").into_bytes()
        };
        #[rustfmt::skip]
        let cases = [
            ("empty",            vec![],                                           Ok(())),
            ("plain",            b"Subject: x\r\n\r\nHello\r\n".to_vec(),        Ok(())),
            ("no headers",       b"\r\nHello".to_vec(),                           Ok(())),
            ("LF",               b"Subject: x\n\nHello\n".to_vec(),               Ok(())),
            ("50 messages",      nested(50, "Subject: x\r\n\r\nHello"),           Ok(())),
            ("51 messages",      nested(51, "Subject: x\r\n\r\nHello"),           Err(OverLimit::Depth)),
            ("5,000 messages",   nested(5_000, ""),                                Err(OverLimit::Depth)),
            ("encoded",          in_base64(&nested(3, "\r\n\r\nHello")),          Ok(())),
            ("deep, encoded",    in_base64(&nested(5_000, "")),                    Err(OverLimit::Depth)),
            ("encoded in part",  multipart(1, &String::from_utf8(in_base64(&nested(99, ""))).unwrap()), Err(OverLimit::Depth)),
            ("encoded, encoded", in_base64(&in_base64(&in_base64(&in_base64(&in_base64(&in_base64(b"x")))))), Err(OverLimit::Depth)),
            ("1,000 parts",      multipart(999, "\r\nHello"),                      Ok(())),
            ("1,001 parts",      multipart(1_001, "\r\nHello"),                    Err(OverLimit::Parts)),
            ("digests",          digest(200),                                      Err(OverLimit::Depth)),
            ("500 fields",       headers(500),                                     Ok(())),
            ("501 fields",       headers(501),                                     Err(OverLimit::Headers)),
            ("a long field",     field(LONGEST_HEADER - 100),                      Ok(())),
            ("an endless field", field(LONGEST_HEADER),                            Err(OverLimit::Header)),
            ("25 MB",            vec![b'x'; LARGEST],                              Err(OverLimit::Header)),
            ("more",             vec![b'x'; LARGEST + 1],                          Err(OverLimit::Size)),
        ];
        for (name, raw, expected) in cases {
            assert_eq!(scan(&raw), expected, "{name}");
        }
    }

    #[test]
    fn what_looks_like_a_boundary_in_a_text_is_text() {
        let patch = "--- a/file\r\n+++ b/file\r\n".repeat(5_000);
        assert_eq!(scan(&multipart(2, &format!("\r\n{patch}"))), Ok(()));
    }

    #[test]
    fn parts_one_after_the_other_are_not_nested() {
        let forwarded = "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nHello";
        assert_eq!(scan(&multipart(200, forwarded)), Ok(()));
    }
}
