//! Who, to whom, when, about what: the header fields, as clean as they can be had.
//!
//! Mail breaks every rule there is for them; what cannot be understood is left
//! out, never guessed.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::{Address as Parsed, HeaderValue, Message as Mail, MessageParser};
use regex::bytes::Regex as BytesRegex;

use super::message::Address;
use super::{Ours, dates};
use crate::intake;

/// Most addresses of one field.
const MOST_ADDRESSES: usize = 1_000;
/// Most ids of one field.
const MOST_IDS: usize = 200;
/// Clocks that people live by, in minutes ahead of UTC.
const CLOCKS: std::ops::RangeInclusive<i16> = -720..=840;
/// Longest id, in bytes: a line of a header (RFC 5322).
const LONGEST_ID: usize = 998;

/// The header fields of one message.
#[derive(Debug, Clone, Default)]
pub(super) struct Headers {
    pub(super) from: Option<Address>,
    pub(super) to: Vec<Address>,
    pub(super) cc: Vec<Address>,
    pub(super) subject: String,
    pub(super) sent_at: Option<Timestamp>,
    pub(super) date_raw: String,
    /// Minutes by which the author's clock was ahead of UTC, where the Date tells.
    pub(super) clock_minutes: Option<i16>,
    pub(super) message_id: Option<String>,
    pub(super) in_reply_to: Vec<String>,
    pub(super) references: Vec<String>,
    /// Number of the conversation (Thread-Index), in hexadecimal.
    pub(super) conversation: Option<String>,
    pub(super) high_priority: bool,
    pub(super) doubts: Vec<&'static str>,
}

impl Headers {
    /// Reads the fields of a parsed message; `zone` is for dates that name none.
    pub(super) fn of(mail: &Mail<'_>, zone: &TimeZone) -> Self {
        let again = reread(mail);
        let mail = again.as_ref().unwrap_or(mail);
        let mut doubts = Vec::new();
        let date_raw = mail.header_raw("Date").unwrap_or_default().replace(char::is_control, " ").trim().to_owned();
        let from = author(mail, &mut doubts);
        Self {
            from,
            to: fields(mail, "To"),
            cc: fields(mail, "Cc"),
            subject: subject(mail),
            sent_at: date(mail, &date_raw, zone, &mut doubts),
            date_raw,
            clock_minutes: clock(mail),
            message_id: ids(mail.header("Message-ID")).into_iter().next(),
            in_reply_to: ids(mail.header("In-Reply-To")),
            references: ids(mail.header("References")),
            conversation: conversation(mail),
            high_priority: is_important(mail),
            doubts,
        }
    }
}

/// What Outlook numbers a conversation with: the GUID in the first 22 bytes of Thread-Index (MS-OXOMSG, 2.2.1.3).
fn conversation(mail: &Mail<'_>) -> Option<String> {
    let (_, value) = mail.headers_raw().find(|(name, _)| name.eq_ignore_ascii_case("Thread-Index"))?;
    let bytes = base64_decode(value.get(..value.floor_char_boundary(LONGEST_ID))?.trim().as_bytes())?;
    let guid = bytes.get(6..22)?;
    Some(guid.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

/// The bytes as the parser takes them best: no blank lines and no mark of an encoding before the fields, line
/// ends that it knows, header bytes in UTF-8. The body stays as it is.
pub(super) fn repaired(raw: &[u8]) -> Cow<'_, [u8]> {
    let raw = bounded(indented(unix_or_dos(beginning(raw))));
    let lines = raw.split_inclusive(|b| *b == b'\n').take_while(|line| !matches!(*line, b"\n" | b"\r\n"));
    let end = lines.map(<[u8]>::len).sum();
    let Some((head, body)) = raw.split_at_checked(end).filter(|(head, _)| std::str::from_utf8(head).is_err()) else {
        return raw;
    };
    let head = head.split_inclusive(|b| *b == b'\n').map(utf8_line).collect::<String>();
    Cow::Owned([head.as_bytes(), body].concat())
}

/// The fields of an attached message once more, where they are not UTF-8.
fn reread(mail: &Mail<'_>) -> Option<Mail<'static>> {
    let values = mail.headers().iter().map(|header| {
        let range = header.offset_start() as usize..header.offset_end() as usize;
        (header.name(), mail.raw_message.get(range).unwrap_or_default())
    });
    if values.clone().all(|(_, value)| std::str::from_utf8(value).is_ok()) {
        return None;
    }
    let mut head = String::new();
    for (name, value) in values {
        head.extend([name, ":", utf8_line(value).trim_end(), "\r\n"]);
    }
    head.push_str("\r\n");
    MessageParser::default().parse_headers(&head).map(Mail::into_owned)
}

/// What is left after a byte order mark and blank lines, where header fields follow.
fn beginning(raw: &[u8]) -> &[u8] {
    let rest = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw).trim_ascii_start();
    let first = rest.split(|b| *b == b'\n' || *b == b'\r').next().unwrap_or_default();
    if intake::field_of(first).is_some() { rest } else { raw }
}

/// A header line in UTF-8. Within an encoded word, which names its own charset, bytes stay what they are.
fn utf8_line(line: &[u8]) -> Cow<'_, str> {
    if !line.windows(2).any(|w| w == b"=?") || std::str::from_utf8(line).is_ok() {
        return western(line);
    }
    let mut escaped = Vec::with_capacity(line.len() * 2);
    for word in line.split_inclusive(u8::is_ascii_whitespace) {
        if word.starts_with(b"=?") && word.to_ascii_lowercase().windows(3).any(|w| w == b"?q?") {
            for byte in word {
                if byte.is_ascii() {
                    escaped.push(*byte);
                } else {
                    escaped.extend(format!("={byte:02X}").bytes());
                }
            }
        } else {
            escaped.extend(western(word).bytes());
        }
    }
    Cow::Owned(western(&escaped).into_owned())
}

#[expect(clippy::expect_used, reason = "the pattern is constant, and a test compiles it")]
static LOST: LazyLock<BytesRegex> =
    LazyLock::new(|| BytesRegex::new(r";[ \t]*\r?\n(?P<parameter>boundary=)").expect("a constant pattern compiles"));
/// Most parameters that are brought back to their fields.
const MOST_LOST: usize = 50;

/// A parameter that some systems put at the beginning of a line belongs to the field above it.
fn indented(raw: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let mended = match LOST.replacen(&raw, MOST_LOST, &b";\n $parameter"[..]) {
        Cow::Owned(mended) => mended,
        Cow::Borrowed(_) => return raw,
    };
    Cow::Owned(mended)
}

#[expect(clippy::expect_used, reason = "the pattern is constant, and a test compiles it")]
static UNBOUNDED: LazyLock<BytesRegex> = LazyLock::new(|| {
    BytesRegex::new(r"(?im)^content-type:[ \t]*multipart/[a-z-]+").expect("a constant pattern compiles")
});

/// A message of parts that does not say what parts them is given the first line that can be it.
fn bounded(raw: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let lines = raw.split_inclusive(|b| *b == b'\n').take_while(|line| !matches!(*line, b"\n" | b"\r\n"));
    let end: usize = lines.map(<[u8]>::len).sum();
    let Some((head, body)) = raw.split_at_checked(end) else { return raw };
    let Some(kind) = UNBOUNDED.find(head).filter(|_| !head.to_ascii_lowercase().windows(9).any(|w| w == b"boundary="))
    else {
        return raw;
    };
    let mut lines = body.split(|b| *b == b'\n').take(200).map(<[u8]>::trim_ascii_end);
    let Some(line) = lines.find_map(|line| line.strip_prefix(b"--").filter(|rest| !rest.is_empty())) else {
        return raw;
    };
    let (before, after) = head.split_at(kind.end());
    Cow::Owned([before, b"; boundary=\"", line, b"\"", after, body].concat())
}

/// Lines that end in CR alone, as old systems wrote them, end in LF.
fn unix_or_dos(raw: &[u8]) -> Cow<'_, [u8]> {
    if raw.contains(&b'\n') || !raw.contains(&b'\r') {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.iter().map(|b| if *b == b'\r' { b'\n' } else { *b }).collect())
}

/// UTF-8, else windows-1252.
pub(super) fn western(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => match charset_decoder(b"windows-1252") {
            Some(decode) => Cow::Owned(decode(bytes)),
            None => String::from_utf8_lossy(bytes),
        },
    }
}

/// From; where a list put its own address there, the person behind it; else who sent it.
fn author(mail: &Mail<'_>, doubts: &mut Vec<&'static str>) -> Option<Address> {
    let named = fields(mail, "From").into_iter().next();
    if let Some(from) = named.filter(|a| !a.address.is_empty() || !a.name.is_empty()) {
        return Some(behind_a_list(mail, &from).unwrap_or(from));
    }
    let other = ["Sender", "Reply-To", "X-Original-From", "Return-Path"]
        .iter()
        .find_map(|field| fields(mail, field).into_iter().find(|a| !a.address.is_empty()));
    if other.is_some() {
        doubts.push("no author is named; taken from who sent it");
    }
    other
}

/// `"Ann via Team" <team@…>`: lists write so where the author's domain forbids them to write as her.
fn behind_a_list(mail: &Mail<'_>, from: &Address) -> Option<Address> {
    let other = |names: &[&'static str]| {
        let all = names.iter().flat_map(|field| fields(mail, field));
        all.into_iter().find(|a| !a.address.is_empty() && a.address != from.address)
    };
    let via = from.name.rsplit_once(" via ").map(|(name, _)| name.trim().trim_matches(['\'', '"']));
    let real =
        other(&["X-Original-From", "X-Original-Sender"]).or_else(|| other(&["Reply-To"]).filter(|_| via.is_some()))?;
    let name = if real.name.is_empty() { via.unwrap_or_default().to_owned() } else { real.name };
    Some(Address { name, address: real.address })
}

/// Every address of every field of this name.
pub(super) fn fields(mail: &Mail<'_>, name: &'static str) -> Vec<Address> {
    let mut found = Vec::new();
    for value in mail.header_values(name) {
        match value {
            HeaderValue::Address(parsed) => found.extend(people(parsed)),
            HeaderValue::Text(text) => found.extend(from_text(text)),
            HeaderValue::TextList(texts) => found.extend(texts.iter().filter_map(|t| from_text(t))),
            _ => {}
        }
    }
    let mut seen = HashSet::new();
    found.retain(|a: &Address| a.address.is_empty() || seen.insert(a.address.clone()));
    found.truncate(MOST_ADDRESSES);
    found
}

fn people(parsed: &Parsed<'_>) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    let mut waiting = String::new();
    for one in parsed.iter() {
        let (name, address) = (one.name().unwrap_or_default(), one.address().unwrap_or_default());
        let mut person = clean(name, address);
        // `Doe, Jane <jane@…>` without quotes comes as two.
        if person.address.is_empty() && !person.name.is_empty() {
            if !waiting.is_empty() {
                waiting.push_str(", ");
            }
            waiting.push_str(&person.name);
            continue;
        }
        if !waiting.is_empty() {
            let whole = format!("{waiting}, {}", person.name);
            whole.trim_end_matches([',', ' ']).clone_into(&mut person.name);
            waiting.clear();
        }
        if !person.address.is_empty() {
            found.push(person);
        }
    }
    if !waiting.is_empty() && found.is_empty() {
        found.push(Address { name: waiting, address: String::new() });
    }
    found
}

fn from_text(text: &str) -> Option<Address> {
    let text = text.trim();
    let inner = text.rsplit_once('<').map(|(name, rest)| (name, rest.trim_end_matches('>')));
    let person = match inner {
        Some((name, address)) => clean(name, address),
        None => clean("", text),
    };
    (!person.address.is_empty() || !person.name.is_empty()).then_some(person)
}

/// A name without quotes and leftovers, an address in lower case; what is no address is a name.
pub(super) fn clean(name: &str, address: &str) -> Address {
    let address = address.trim().trim_matches(['<', '>', '\'', '"', ' ', ';', ',']);
    let address = address.strip_prefix("mailto:").unwrap_or(address);
    let address: String = address.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    let is_address = address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    let name = if name.trim().is_empty() && !is_address { address.clone() } else { name.to_owned() };
    let address = if is_address { address.to_lowercase() } else { String::new() };
    let name = tidy(&decoded(&name));
    let name = if name.eq_ignore_ascii_case(&address) { String::new() } else { name };
    Address { name, address }
}

fn tidy(name: &str) -> String {
    let folded: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let folded = folded.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut name = folded.as_str();
    for quote in ['"', '\''] {
        if let Some(inner) = name.strip_prefix(quote).and_then(|n| n.strip_suffix(quote)) {
            name = inner.trim();
        }
    }
    name.replace("\\\"", "\"")
}

/// Encoded words that stand where none should, as in quotes.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains("=?") || !text.contains("?=") {
        return Cow::Borrowed(text);
    }
    let header = format!("Subject: {}\r\n\r\n", text.replace(['\r', '\n', '"'], " "));
    let parsed = MessageParser::default().parse_headers(header.as_bytes()).and_then(|m| m.subject().map(str::to_owned));
    parsed.map_or(Cow::Borrowed(text), Cow::Owned)
}

fn subject(mail: &Mail<'_>) -> String {
    let text = match mail.header("Subject") {
        Some(HeaderValue::Text(text)) => text.as_ref(),
        _ => "",
    };
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn date(mail: &Mail<'_>, raw: &str, zone: &TimeZone, doubts: &mut Vec<&'static str>) -> Option<Timestamp> {
    let parsed = mail.date().and_then(intake::instant).or_else(|| dates::parse(raw, zone));
    if parsed.is_some() {
        return parsed;
    }
    let mut trace = mail.headers_raw().filter(|(name, _)| name.eq_ignore_ascii_case("Received"));
    let received = trace.find_map(|(_, value)| intake::received_at(value));
    doubts.push(if received.is_some() { "no date of its own; taken from its arrival" } else { "it has no date" });
    received
}

/// The clock of the author's program. Zero is what servers write that know no place, so it tells nothing.
fn clock(mail: &Mail<'_>) -> Option<i16> {
    let date = mail.date().filter(|date| intake::instant(date).is_some())?;
    let minutes = i16::from(date.tz_hour) * 60 + i16::from(date.tz_minute);
    let ahead = if date.tz_before_gmt { -minutes } else { minutes };
    (ahead != 0 && CLOCKS.contains(&ahead)).then_some(ahead)
}

/// Ids without angle brackets, each once, in order.
fn ids(value: Option<&HeaderValue<'_>>) -> Vec<String> {
    let texts: Vec<&str> = match value {
        Some(HeaderValue::Text(text)) => vec![text.as_ref()],
        Some(HeaderValue::TextList(texts)) => texts.iter().map(AsRef::as_ref).collect(),
        _ => Vec::new(),
    };
    let words =
        texts.iter().flat_map(|text| text.split(|c: char| c.is_whitespace() || c.is_control() || "<>,".contains(c)));
    let words: Vec<&str> = words.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID).collect();
    // `Your message of Monday <1@…>`: where one is an id beyond doubt, words are none.
    let sure = words.iter().any(|id| id.contains('@'));
    let mut seen = HashSet::new();
    let ids = words.into_iter().filter(|id| (!sure || id.contains('@')) && seen.insert(id.to_owned()));
    ids.take(MOST_IDS).map(str::to_owned).collect()
}

fn is_important(mail: &Mail<'_>) -> bool {
    let says = |field: &'static str, words: &[&str]| {
        let value = mail.header_raw(field).unwrap_or_default().trim().to_ascii_lowercase();
        let first = value.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        words.contains(&first)
    };
    says("X-Priority", &["1", "2"]) || says("Importance", &["high"]) || says("Priority", &["urgent"])
}

impl Ours {
    /// Whether an address is a member's or the service inbox.
    #[must_use]
    pub fn includes(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.is_service(address)
            || self.members.iter().any(|member| member == address)
            || self.domains.iter().any(|ours| crate::config::is_below(domain, ours))
    }

    /// Whether an address is the service inbox, with or without a `+tag`.
    #[must_use]
    pub fn is_service(&self, address: &str) -> bool {
        let untagged = address.split_once('+').zip(address.rsplit_once('@'));
        address == self.service
            || untagged.is_some_and(|((local, _), (_, domain))| {
                self.service.rsplit_once('@').is_some_and(|(l, d)| l == local && d == domain)
            })
    }
}
