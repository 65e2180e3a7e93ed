//! Rendered e-mail → the bytes that are frozen in the outbox.
//!
//! The same input gives the same bytes. Every line ends in CRLF and has at most 998 octets,
//! no header carries a line break or a hidden character, whatever the input.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

use crate::filing::content_hash;
use crate::read::Address;

use super::harmless::one_line;
use super::templates::Rendered;

/// The most characters of a display name.
const NAME: usize = 80;
/// The most characters of a subject; subjects of ours are shorter.
const SUBJECT: usize = 200;
/// The most characters of an id in a header.
const ID: usize = 200;
/// The most ids in References: the first ones tie the thread, the last ones are the nearest.
const REFERENCES: usize = 20;

/// What kind of e-mail it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// An alert, or a private word.
    Alert,
    /// A digest or a brief.
    Digest,
}

/// All that stands around an e-mail. Addresses come from settings, never from mail.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The service inbox.
    pub from: Address,
    /// Readers.
    pub to: Vec<Address>,
    /// Where answers go, where not to `from`.
    pub reply_to: Option<Address>,
    /// When it was composed; kept to the second.
    pub date: Timestamp,
    /// Message-ID without angle brackets: ASCII, no blanks.
    pub message_id: String,
    /// Ids of earlier e-mails about the same incident, without angle brackets, oldest first.
    pub references: Vec<String>,
    /// What tells this e-mail from all others of ours (`X-Barometer-Id`).
    pub id: String,
    /// Alert or digest.
    pub kind: MailKind,
}

/// An envelope that makes no valid e-mail.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// An address is no `local@domain` in ASCII.
    #[error("{address:?} is no address that can be written to")]
    Address {
        /// The address as given.
        address: String,
    },
    /// There is nobody to write to.
    #[error("the e-mail has no recipient")]
    Nobody,
    /// The Message-ID is empty or has characters that no id has.
    #[error("the Message-ID {id:?} is not valid")]
    MessageId {
        /// The id as given.
        id: String,
    },
    /// The builder refused it.
    #[error("the e-mail could not be built")]
    Build(#[from] lettre::error::Error),
}

/// The bytes of an e-mail.
///
/// # Errors
///
/// Where an address of the envelope cannot be written to, nobody is named, or the Message-ID is not valid.
pub fn compose(mail: &Rendered, envelope: &Envelope) -> Result<Vec<u8>, ComposeError> {
    if envelope.to.is_empty() {
        return Err(ComposeError::Nobody);
    }
    if !is_id(&envelope.message_id) {
        return Err(ComposeError::MessageId { id: envelope.message_id.clone() });
    }
    let mut builder = lettre::Message::builder()
        .from(mailbox(&envelope.from)?)
        .date(whole_second(envelope.date))
        .message_id(Some(format!("<{}>", envelope.message_id)))
        .subject(one_line(&mail.subject, SUBJECT));
    for reader in &envelope.to {
        builder = builder.to(mailbox(reader)?);
    }
    if let Some(answers) = &envelope.reply_to {
        builder = builder.reply_to(mailbox(answers)?);
    }
    let earlier = references(&envelope.references);
    if let Some(latest) = earlier.last() {
        builder = builder.in_reply_to(latest.clone()).references(earlier.join(" "));
    }
    for (name, value) in marks(envelope) {
        builder = builder.raw_header(HeaderValue::new(name, value));
    }
    let parts = MultiPart::alternative()
        .boundary(boundary(&envelope.id))
        .singlepart(part(ContentType::TEXT_PLAIN, &mail.text))
        .singlepart(part(ContentType::TEXT_HTML, &mail.html));
    Ok(builder.multipart(parts)?.formatted())
}

/// Headers that tell machines what this is, so that none answers it.
fn marks(envelope: &Envelope) -> Vec<(HeaderName, String)> {
    let domain = envelope.from.address.rsplit('@').next().unwrap_or_default();
    let mut marks = vec![
        (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()),
        (HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"), "All".to_owned()),
        (HeaderName::new_from_ascii_str("List-Id"), format!("Barometer <barometer.{domain}>")),
    ];
    if envelope.kind == MailKind::Digest {
        marks.push((HeaderName::new_from_ascii_str("Precedence"), "bulk".to_owned()));
    }
    let id: String = envelope.id.chars().filter(char::is_ascii_graphic).take(ID).collect();
    marks.push((HeaderName::new_from_ascii_str("X-Barometer-Id"), id));
    marks
}

/// One part, always in an encoding that no relay has a reason to change.
fn part(kind: ContentType, text: &str) -> SinglePart {
    let body = Body::new_with_encoding(plain_lines(text), ContentTransferEncoding::QuotedPrintable)
        // Not reached: quoted-printable takes any bytes, and so does base64.
        .unwrap_or_else(Body::new);
    SinglePart::builder().header(kind).body(body)
}

/// Lines ended by LF, without any other control character: a template of a firm may hold them.
fn plain_lines(text: &str) -> String {
    let lines = text.replace("\r\n", "\n");
    lines
        .chars()
        .filter_map(|c| match c {
            '\n' | '\r' => Some('\n'),
            '\t' => Some(' '),
            c if c.is_control() => None,
            c => Some(c),
        })
        .collect()
}

/// An address that can be written to, with its name made plain.
fn mailbox(person: &Address) -> Result<Mailbox, ComposeError> {
    let wrong = || ComposeError::Address { address: person.address.clone() };
    if person.address.len() > 254 || !person.address.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong());
    }
    let address = person.address.parse().map_err(|_| wrong())?;
    // lettre 0.11.23 panics on a line break in a name.
    let name = one_line(&person.name, NAME);
    Ok(Mailbox::new((!name.is_empty()).then_some(name), address))
}

/// Whether it can stand between angle brackets in a header.
fn is_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'(' | b')' | b'"' | b'\\');
    (3..=ID).contains(&id.len()) && id.contains('@') && id.bytes().all(plain)
}

/// The ids worth naming, in angle brackets.
fn references(ids: &[String]) -> Vec<String> {
    let valid: Vec<&String> = ids.iter().filter(|id| is_id(id)).collect();
    let dropped = valid.len().saturating_sub(REFERENCES);
    let first = valid.iter().take(1);
    let last = valid.iter().skip(1 + dropped);
    first.chain(last).map(|id| format!("<{id}>")).collect()
}

/// A boundary that quoted-printable text cannot contain.
fn boundary(id: &str) -> String {
    let hex: String = content_hash(id.as_bytes()).chars().take(24).collect();
    format!("=_barometer_{hex}")
}

/// The time without its fraction; headers know none.
fn whole_second(at: Timestamp) -> SystemTime {
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;
    use proptest::prelude::*;

    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            from: Address { name: "Barometer".into(), address: "watch@northlight.example".into() },
            to: vec![Address { name: "Dana Reyes".into(), address: "dana@northlight.example".into() }],
            reply_to: None,
            date: "2026-03-05T16:45:10.5Z".parse().unwrap(),
            message_id: "al.7.1@northlight.example".into(),
            references: vec!["al.6.1@northlight.example".into()],
            id: "al.7.1".into(),
            kind: MailKind::Alert,
        }
    }

    fn rendered(subject: &str, text: &str, html: &str) -> Rendered {
        Rendered { subject: subject.into(), text: text.into(), html: html.into(), fault: None }
    }

    fn assert_lines(bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).unwrap();
        assert!(text.is_ascii() && text.ends_with("\r\n"));
        for line in text.split("\r\n") {
            assert!(!line.contains(['\r', '\n']) && line.len() <= 998, "{line:?}");
        }
    }

    #[test]
    fn headers_are_these_and_no_others() {
        let bytes = compose(&rendered("Hello", "a\n", "<p>a</p>\n"), &envelope()).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> =
            head.lines().filter(|l| !l.starts_with([' ', '\t'])).map(|l| l.split(':').next().unwrap()).collect();
        let expected = [
            "From",
            "Date",
            "Message-ID",
            "Subject",
            "To",
            "In-Reply-To",
            "References",
            "Auto-Submitted",
            "X-Auto-Response-Suppress",
            "List-Id",
            "X-Barometer-Id",
            "MIME-Version",
            "Content-Type",
        ];
        assert_eq!(names, expected, "{head}");
        assert!(head.contains("Date: Thu, 05 Mar 2026 16:45:10 +0000"), "{head}");
        let digest = Envelope { kind: MailKind::Digest, ..envelope() };
        let bytes = compose(&rendered("Hello", "a", "a"), &digest).unwrap();
        assert!(String::from_utf8(bytes).unwrap().contains("\r\nPrecedence: bulk\r\n"));
    }

    #[test]
    fn an_envelope_that_names_nobody_or_nonsense_is_refused() {
        let mail = rendered("s", "t", "h");
        let nobody = Envelope { to: Vec::new(), ..envelope() };
        assert!(matches!(compose(&mail, &nobody), Err(ComposeError::Nobody)));
        for bad in ["", "x", "a@b\r\nBcc: c@d", "jané@acme.example", "a b@c.example"] {
            let to = vec![Address { name: String::new(), address: bad.into() }];
            let result = compose(&mail, &Envelope { to, ..envelope() });
            assert!(matches!(result, Err(ComposeError::Address { .. })), "{bad:?}");
        }
        let message_id = "a@b>\r\nBcc: c".to_owned();
        let result = compose(&mail, &Envelope { message_id, ..envelope() });
        assert!(matches!(result, Err(ComposeError::MessageId { .. })));
    }

    #[test]
    fn many_references_keep_the_first_and_the_last() {
        let ids: Vec<String> = (0..50).map(|n| format!("{n}@x.example")).collect();
        let kept = references(&ids);
        assert_eq!(kept.len(), REFERENCES);
        assert_eq!(kept.first().unwrap(), "<0@x.example>");
        assert_eq!(kept.last().unwrap(), "<49@x.example>");
        assert_eq!(references(&["a@b c".to_owned(), "ok@x.example".to_owned()]), ["<ok@x.example>"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn any_text_makes_a_valid_mail_that_reads_back(
            name in r"(?s)(.|[\r\n\x00\u{202e}\x22<>,;@=?]){0,60}",
            subject in r"(?s)(.|[\r\n\x00\u{202e}=?_]){0,150}",
            text in r"(?s)(.|[\r\n .=]|From |--=_barometer|[a-z]{50}){0,80}",
            references in proptest::collection::vec(r"(?s)(.|[a-z@<>\r\n]){0,30}", 0..4),
        ) {
            let to = vec![Address { name: name.clone(), address: "dana@northlight.example".into() }];
            let from = Address { name, address: "watch@northlight.example".into() };
            let envelope = Envelope { from, to, references, ..envelope() };
            let bytes = compose(&rendered(&subject, &text, &text), &envelope).unwrap();
            prop_assert_eq!(&bytes, &compose(&rendered(&subject, &text, &text), &envelope).unwrap());
            assert_lines(&bytes);
            let parsed = MessageParser::default().parse(&bytes).unwrap();
            let body = parsed.body_text(0).unwrap().replace("\r\n", "\n");
            let plain = plain_lines(&text);
            prop_assert_eq!(body.trim_end(), plain.trim_end());
            prop_assert_eq!(parsed.subject().unwrap_or_default(), one_line(&subject, SUBJECT));
            prop_assert_eq!(parsed.to().unwrap().iter().count(), 1);
            prop_assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("dana@northlight.example"));
            prop_assert!(parsed.header_raw("Bcc").is_none());
        }
    }
}
