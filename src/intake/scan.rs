//! The limits of what the parser is shown.
//!
//! The parser goes into messages within messages as deep as they are, and has no
//! limits of its own: a mail of two megabytes can end the process. So its way
//! through a message is gone once before, with its own steps over the bytes, but
//! without recursion, without a tree, and with an end to everything.

use mail_parser::parsers::MessageStream;
use mail_parser::{ContentType, GetHeader as _, Header, HeaderName, HeaderValue, MessageParser};

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
/// How often an encoded message may hold another before the parser leaves it closed.
const ENCODED_LEVELS: usize = 3;
/// Most parameters of a field that are cut in pieces: the parser compares each with each.
const MOST_PIECES: usize = 500;
/// Most bytes that parts without an end may make the parser look at in vain.
const MOST_IN_VAIN: usize = 512 * 1024 * 1024;

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
    #[error("one of its header fields is too long")]
    Header,
    /// Parts whose end is nowhere.
    #[error("too many of its parts have no end")]
    Broken,
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
    measure(raw).map(drop)
}

fn measure(raw: &[u8]) -> Result<Spent, OverLimit> {
    let mut spent = Spent::default();
    let mut encoded = vec![];
    walk(raw, 0, &mut spent, &mut encoded)?;
    for _ in 0..ENCODED_LEVELS {
        let mut within = Vec::new();
        for Encoded { bytes, depth } in &encoded {
            walk(bytes, *depth, &mut spent, &mut within)?;
        }
        encoded = within;
    }
    Ok(spent)
}

/// What the whole message has used up.
#[derive(Default)]
struct Spent {
    parts: usize,
    deepest: usize,
    in_vain: usize,
}

impl Spent {
    fn depth(&mut self, depth: usize) -> Result<(), OverLimit> {
        self.deepest = self.deepest.max(depth);
        if depth > DEEPEST { Err(OverLimit::Depth) } else { Ok(()) }
    }

    fn part(&mut self) -> Result<(), OverLimit> {
        self.parts += 1;
        if self.parts > MOST_PARTS { Err(OverLimit::Parts) } else { Ok(()) }
    }

    fn in_vain(&mut self, bytes: usize) -> Result<(), OverLimit> {
        self.in_vain = self.in_vain.saturating_add(bytes);
        if self.in_vain > MOST_IN_VAIN { Err(OverLimit::Broken) } else { Ok(()) }
    }
}

/// A message that the parser will decode and parse, and how deep it lies.
struct Encoded {
    bytes: Vec<u8>,
    depth: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Message,
    Digest,
    Other,
}

/// What is open around the part that is read.
struct Level {
    kind: Kind,
    boundary: Option<Vec<u8>>,
}

/// A level that waits for the one inside it to end.
struct Waiting {
    level: Level,
    /// Whether what is inside is a message, not a multipart.
    for_message: bool,
}

/// The parser's way through a message that lies so deep; adds the encoded messages in it to `within`.
fn walk(raw: &[u8], depth: usize, spent: &mut Spent, within: &mut Vec<Encoded>) -> Result<(), OverLimit> {
    let parser = MessageParser::default();
    let mut stream = MessageStream::new(raw);
    let mut level = Level { kind: Kind::Message, boundary: None };
    let mut open: Vec<Waiting> = Vec::new();
    let mut headers: Vec<Header<'_>> = Vec::new();
    loop {
        block(raw.get(stream.offset()..).unwrap_or_default(), spent)?;
        headers.clear();
        if !stream.parse_headers(&parser, &mut headers) {
            return Ok(());
        }
        spent.part()?;
        let content_type = headers.header_value(&HeaderName::ContentType).and_then(HeaderValue::as_content_type);
        let (multipart, mut kind) = kind_of(content_type, level.kind);
        if let Some(boundary) = content_type.filter(|_| multipart).and_then(|t| t.attribute("boundary")) {
            if stream.seek_next_part(boundary.as_bytes()) {
                stream.skip_crlf();
                let inside = Level { kind, boundary: Some(boundary.as_bytes().to_vec()) };
                open.push(Waiting { level: std::mem::replace(&mut level, inside), for_message: false });
                spent.depth(depth + open.len())?;
                continue;
            }
            spent.in_vain(stream.remaining())?;
            kind = Kind::Other;
        }
        let encoding = headers.header_value(&HeaderName::ContentTransferEncoding).and_then(HeaderValue::as_text);
        let is_encoded = encoding.is_some_and(is_encoding);
        if kind == Kind::Message && !is_encoded {
            let inside = Level { kind: Kind::Message, boundary: level.boundary.take() };
            open.push(Waiting { level: std::mem::replace(&mut level, inside), for_message: true });
            spent.depth(depth + open.len())?;
            continue;
        }
        let bytes = part(&mut stream, encoding.unwrap_or_default(), &mut level, spent)?;
        if let (Kind::Message, Some(bytes)) = (kind, bytes) {
            let depth = depth + open.len() + 1;
            spent.depth(depth)?;
            within.push(Encoded { bytes, depth });
        }
        if !next_part(&mut stream, &mut level, &mut open, spent)? {
            return Ok(());
        }
    }
}

/// Whether a part is a multipart, and what the parser takes it for.
fn kind_of(content_type: Option<&ContentType<'_>>, around: Kind) -> (bool, Kind) {
    let Some(content_type) = content_type else {
        return (false, if around == Kind::Digest { Kind::Message } else { Kind::Other });
    };
    match (content_type.ctype(), content_type.subtype()) {
        ("multipart", Some("digest")) => (true, Kind::Digest),
        ("multipart", _) => (true, Kind::Other),
        ("message", Some("rfc822" | "global")) => (false, Kind::Message),
        _ => (false, Kind::Other),
    }
}

fn is_encoding(name: &str) -> bool {
    name.eq_ignore_ascii_case("base64") || name.eq_ignore_ascii_case("quoted-printable")
}

/// Passes the content of a part. Returns its bytes if it is encoded, and well.
fn part(
    stream: &mut MessageStream<'_>,
    encoding: &str,
    level: &mut Level,
    spent: &mut Spent,
) -> Result<Option<Vec<u8>>, OverLimit> {
    let boundary = level.boundary.as_deref().unwrap_or_default();
    let before = stream.remaining();
    let (end, bytes) = if encoding.eq_ignore_ascii_case("base64") {
        stream.decode_base64_mime(boundary)
    } else if encoding.eq_ignore_ascii_case("quoted-printable") {
        stream.decode_quoted_printable_mime(boundary)
    } else {
        stream.mime_part(boundary)
    };
    if end != usize::MAX {
        return Ok(is_encoding(encoding).then(|| bytes.into_owned()));
    }
    spent.in_vain(before)?;
    let (_, found) = stream.seek_part_end(level.boundary.as_deref());
    if !found {
        level.boundary = None;
    }
    Ok(None)
}

/// Goes on to the next header block, out of all that ends here. `false` at the end of the message.
fn next_part(
    stream: &mut MessageStream<'_>,
    level: &mut Level,
    open: &mut Vec<Waiting>,
    spent: &mut Spent,
) -> Result<bool, OverLimit> {
    if level.boundary.is_none() {
        return Ok(stream.remaining() > 0);
    }
    loop {
        if level.kind == Kind::Message {
            let Some(Waiting { level: around, for_message: true }) = open.pop() else { return Ok(false) };
            let boundary = level.boundary.take();
            *level = Level { boundary, ..around };
        }
        if !stream.is_multipart_end() {
            return Ok(true);
        }
        let Some(Waiting { level: around, .. }) = open.pop() else { return Ok(false) };
        *level = around;
        let Some(boundary) = &level.boundary else { return Ok(false) };
        if stream.seek_next_part_offset(boundary).is_none() {
            spent.in_vain(stream.remaining())?;
            return Ok(false);
        }
    }
}

/// Counts and measures the fields up to the empty line. Lines of blanks alone may or may not end them.
fn block(rest: &[u8], spent: &mut Spent) -> Result<(), OverLimit> {
    let (mut fields, mut field, mut begun) = (0, Field::default(), 0);
    for line in rest.split_inclusive(|b| *b == b'\n') {
        begun += line.len();
        let plain = line.trim_ascii_end();
        if plain.is_empty() && !line.starts_with(b" ") && !line.starts_with(b"\t") {
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            field = Field::default();
        }
        fields += usize::from(field.add(line)?);
        if fields > MOST_HEADERS {
            return Err(OverLimit::Headers);
        }
    }
    // Each byte is looked at once, unless the parser sees an end where none is for us.
    spent.in_vain(begun)
}

/// One header field, folded over lines.
#[derive(Default)]
struct Field {
    bytes: usize,
    named: bool,
    stars: usize,
    equals: usize,
}

impl Field {
    /// Takes the next line. Returns whether this line makes it a field.
    fn add(&mut self, line: &[u8]) -> Result<bool, OverLimit> {
        self.bytes += line.len();
        for byte in line {
            self.stars += usize::from(*byte == b'*');
            self.equals += usize::from(*byte == b'=');
        }
        if self.bytes > LONGEST_HEADER || (self.stars > MOST_PIECES && self.equals > MOST_PIECES) {
            return Err(OverLimit::Header);
        }
        let names = !self.named && line.contains(&b':');
        self.named |= names;
        Ok(names)
    }
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
            ("encoded, encoded", in_base64(&in_base64(&in_base64(&nested(99, "")))),  Err(OverLimit::Depth)),
            ("left closed",      in_base64(&in_base64(&in_base64(&in_base64(&nested(99, ""))))), Ok(())),
            ("after junk",       [b"junk\n ".as_slice(), &in_base64(&nested(99, ""))].concat(), Err(OverLimit::Depth)),
            ("cut in pieces",    format!("Content-Type: text/plain;{}\r\n\r\n", " a*0=x;".repeat(600)).into_bytes(), Err(OverLimit::Header)),
            ("ends nowhere",     [multipart(900, "Content-Type: multipart/mixed; boundary=no\r\n\r\nHello"), vec![b'.'; 2_000_000]].concat(), Err(OverLimit::Broken)),
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

    /// Messages within each other as the parser left them, and parts in all.
    fn tree(message: &mail_parser::Message<'_>) -> (usize, usize) {
        let (mut deepest, mut parts) = (0, 0);
        let mut open = vec![(message, 0)];
        while let Some((message, depth)) = open.pop() {
            deepest = deepest.max(depth);
            parts += message.parts.len();
            for part in &message.parts {
                if let mail_parser::PartType::Message(inner) = &part.body {
                    open.push((inner, depth + 1));
                }
            }
        }
        (deepest, parts)
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]
        #[test]
        fn the_way_gone_is_the_way_of_the_parser(pieces in proptest::collection::vec(0usize..PIECES.len(), 0..40)) {
            let raw: String = pieces.iter().map(|n| PIECES[*n]).collect();
            let Ok(spent) = measure(raw.as_bytes()) else { return Ok(()) };
            if let Some(message) = MessageParser::default().parse(&raw) {
                let (deepest, parts) = tree(&message);
                proptest::prop_assert!(deepest <= spent.deepest, "{raw:?}: {deepest} > {}", spent.deepest);
                proptest::prop_assert!(parts <= spent.parts + 1 + deepest, "{raw:?}: {parts} > {}", spent.parts);
            }
        }
    }

    const PIECES: [&str; 26] = [
        "Content-Type: message/rfc822\r\n",
        "Content-Type: message/global\n",
        "Content-Type: text/plain\n",
        "Content-Type: text/html\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n",
        "Content-Type: multipart/digest; boundary=\"b\"\n",
        "Content-Type: multipart/alternative;\n boundary=bb\n",
        "Content-Type: multipart/mixed; boundary=\n",
        "Content-Transfer-Encoding: base64\n",
        "Content-Transfer-Encoding: quoted-printable\r\n",
        "Subject: x\n",
        "junk\n",
        " ",
        "\t\n",
        "\r\n",
        "\n",
        "\n\n",
        "--b\n",
        "--b\r\n",
        "--b--\n",
        "\n--bb\n",
        "--bb--",
        "x",
        "=0A",
        "=\n",
        "Q29udGVudC1UeXBlOiBtZXNzYWdlL3JmYzgyMgoKQ29udGVudC1UeXBlOiBtZXNzYWdlL3JmYzgyMgoKU3ViamVjdDogeAoKeA==\n",
    ];
}
