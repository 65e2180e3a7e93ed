//! Synthetic mail of a firm and those it works with: own text, the same bytes for
//! the same number, as many as one likes. For tests of the whole and for load.
#![allow(dead_code, reason = "each test binary takes what it needs")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "test support")]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::ops::Range;
use std::path::Path;

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

/// Monday, 5 January 2026, 08:00 UTC.
const BEGIN_SECONDS: i64 = 1_767_600_000;
/// Between two messages.
const STEP_SECONDS: i64 = 1_013;

const MEMBERS: [(&str, &str); 4] = [
    ("Sam Okafor", "sam@northlight.example"),
    ("Dana Reyes", "dana@northlight.example"),
    ("Priya Nair", "priya@northlight.example"),
    ("Tom Lindqvist", "tom@northlight.example"),
];
const FIRST_NAMES: [&str; 8] = ["Ines", "Marek", "Aoife", "Jürgen", "Chloé", "Hiro", "Wanda", "Piet"];
const LAST_NAMES: [&str; 8] = ["Quarrie", "Vane", "Halcyon", "Brandt", "Morel", "Sato", "Kowal", "de Wit"];
const TOPICS: [&str; 10] = [
    "spring catalogue",
    "invoice for February",
    "launch film",
    "stand in Leeds",
    "new roster",
    "banner set",
    "print run",
    "call on Thursday",
    "contract renewal",
    "photo rights",
];
const OPENINGS: [&str; 6] = [
    "I hope you had a good week.",
    "Quick one before the meeting.",
    "Thank you for the update.",
    "I am writing about where we stand.",
    "As agreed on the phone, here is our side.",
    "Following up on the below.",
];
const MIDDLES: [&str; 14] = [
    "The second draft is much closer to what we had in mind.",
    "We still have not received the corrected files, and this is the third time I ask.",
    "Could you send the figures by Friday noon?",
    "Our board looked at it and was very pleased, please pass that on to the team.",
    "I am disappointed by how this was handled, to be frank.",
    "From what I can see, nothing has moved since Monday.",
    "We will deliver the proofs on Wednesday, at the latest.",
    "Please cancel the order for the second batch.",
    "Nothing urgent, next week is fine.",
    "If this is not solved today I shall have to take it to your director.",
    "The courier came at nine and all boxes were complete.",
    "There is a small change on page four, see the comment in the margin.",
    "We need this within the hour, the printers are waiting.",
    "I will be away until Tuesday; Wanda knows the details.",
];
const GERMAN: [&str; 3] = [
    "Vielen Dank für die schnelle Rückmeldung.",
    "Wir warten seit zwei Wochen auf die Unterlagen und sind verärgert.",
    "Könnten Sie uns bis Freitag Bescheid geben?",
];
const FRENCH: [&str; 3] = [
    "Merci beaucoup pour votre réponse.",
    "Nous sommes très déçus du résultat, à vrai dire.",
    "Pourriez-vous nous envoyer le devis avant vendredi ?",
];

/// Everything the parts of one message share.
struct Draft {
    number: u64,
    sent_at: Timestamp,
    from: (String, String),
    to: (String, String),
    subject: String,
    text: String,
}

/// One message, at least `padding_bytes` long: where that is above 0 it carries an attachment of this size.
pub fn message(number: u64, padding_bytes: usize) -> Vec<u8> {
    let draft = draft(number);
    let raw = match number % 12 {
        1 => reply(&draft),
        2 => inline_forward(&draft),
        3 => attached_forward(&draft),
        4 => html(&draft),
        5 => base64_text(&draft),
        6 => out_of_office(&draft),
        7 => bounce(&draft),
        8 => newsletter(&draft),
        _ => plain(&draft, &draft.text),
    };
    if padding_bytes == 0 {
        return raw.into_bytes();
    }
    with_attachment(&draft, &raw, padding_bytes).into_bytes()
}

/// Writes messages of these numbers into an mbox, quoted as `mboxrd`; holds one at a time.
pub fn write_mbox(path: &Path, numbers: Range<u64>, padding_bytes: usize) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for number in numbers {
        let date = sent_at(number).strftime("%a %b %e %H:%M:%S %Y");
        writeln!(file, "From mail{number}@northlight.example {date}")?;
        for line in message(number, padding_bytes).split_inclusive(|b| *b == b'\n') {
            let quotes = line.iter().take_while(|b| **b == b'>').count();
            if line[quotes..].starts_with(b"From ") {
                file.write_all(b">")?;
            }
            file.write_all(line)?;
        }
        file.write_all(b"\n")?;
    }
    file.flush()
}

/// Evenly spread bits for one choice about one message (`SplitMix64`).
fn bits(number: u64, choice: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ choice.wrapping_mul(0xD1B5_4A32_D192_ED03);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn below(number: u64, choice: u64, end: usize) -> usize {
    usize::try_from(bits(number, choice) % end as u64).unwrap()
}

fn one_of<'a>(number: u64, choice: u64, from: &[&'a str]) -> &'a str {
    from[below(number, choice, from.len())]
}

fn sent_at(number: u64) -> Timestamp {
    Timestamp::from_second(BEGIN_SECONDS + i64::try_from(number).unwrap() * STEP_SECONDS).unwrap()
}

fn rfc(at: Timestamp) -> String {
    rfc2822::to_string(&at.to_zoned(jiff::tz::TimeZone::UTC)).unwrap()
}

fn id(number: u64) -> String {
    format!("<{number}.{:08x}@mail.example>", bits(number, 1) >> 32)
}

fn draft(number: u64) -> Draft {
    let first = one_of(number, 2, &FIRST_NAMES);
    let last = one_of(number, 3, &LAST_NAMES);
    let organisation = below(number, 4, 40);
    let address = format!("{}@client{organisation}.example", first.to_lowercase().replace(['ü', 'é'], "e"));
    let (member, member_address) = MEMBERS[below(number, 5, MEMBERS.len())];
    let outside = (format!("{first} {last}"), address);
    let ours = (member.to_owned(), member_address.to_owned());
    // A third of what is copied to us is our own mail.
    let (from, to) = if bits(number, 6).is_multiple_of(3) { (ours, outside) } else { (outside, ours) };
    let sentences = 1 + below(number, 7, 9);
    let mut text = format!("Dear {},\n\n{}", first_word(&to.0), one_of(number, 8, &OPENINGS));
    for n in 0..sentences {
        let gap = if n % 3 == 2 { "\n\n" } else { "\n" };
        write!(text, "{gap}{}", one_of(number, 20 + n as u64, &MIDDLES)).unwrap();
    }
    write!(text, "\n\nKind regards\n{}\n\n-- \n{}\n+44 20 7946 {:04}\n", from.0, from.0, number % 10_000).unwrap();
    let subject = format!("{} ({})", one_of(number, 9, &TOPICS), 1 + organisation);
    Draft { number, sent_at: sent_at(number), from, to, subject, text }
}

fn first_word(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

/// Name and address as a header shows them.
fn mailbox((name, address): &(String, String)) -> String {
    if name.is_ascii() { format!("{name} <{address}>") } else { format!("{} <{address}>", encoded_word(name)) }
}

fn encoded_word(text: &str) -> String {
    format!("=?utf-8?B?{}?=", base64(text.as_bytes()))
}

/// The headers all have, without the empty line.
fn headers(draft: &Draft, subject: &str) -> String {
    let received_at = draft.sent_at + SignedDuration::from_secs(90);
    format!(
        "Return-Path: <{}>\nReceived: from mx{}.example (mx.example [192.0.2.{}])\n\tby mail.northlight.example with ESMTPS id {:08X};\n\t{}\n\
         From: {}\nTo: {}\nBcc: watch@northlight.example\nSubject: {subject}\nDate: {}\nMessage-ID: {}\nMIME-Version: 1.0\n",
        draft.from.1,
        draft.number % 7,
        draft.number % 250,
        bits(draft.number, 10) >> 32,
        rfc(received_at),
        mailbox(&draft.from),
        mailbox(&draft.to),
        rfc(draft.sent_at),
        id(draft.number),
    )
}

fn plain(draft: &Draft, text: &str) -> String {
    format!(
        "{}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}",
        headers(draft, &draft.subject)
    )
}

fn reply(draft: &Draft) -> String {
    let earlier = self::draft(draft.number.saturating_sub(7));
    let quoted: String = earlier.text.lines().flat_map(|line| ["> ", line, "\n"]).collect();
    format!(
        "{}In-Reply-To: {}\nReferences: {}\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{}\nOn {}, {} wrote:\n{quoted}",
        headers(draft, &format!("Re: {}", earlier.subject)),
        id(earlier.number),
        id(earlier.number),
        draft.text,
        earlier.sent_at.strftime("%a, %-d %b %Y at %H:%M"),
        earlier.from.0,
    )
}

fn inline_forward(draft: &Draft) -> String {
    let inner = self::draft(draft.number.saturating_sub(5));
    let text = format!(
        "Please have a look at this one.\n\n---------- Forwarded message ---------\nFrom: {} <{}>\nDate: {}\nSubject: {}\nTo: {} <{}>\n\n{}",
        inner.from.0,
        inner.from.1,
        inner.sent_at.strftime("%a, %-d %b %Y at %H:%M"),
        inner.subject,
        inner.to.0,
        inner.to.1,
        inner.text,
    );
    let forwarded = Draft { subject: format!("Fwd: {}", inner.subject), ..self::draft(draft.number) };
    plain(&forwarded, &text)
}

fn boundary(number: u64) -> String {
    format!("b{:016x}", bits(number, 11))
}

fn attached_forward(draft: &Draft) -> String {
    let inner = self::draft(draft.number.saturating_sub(5));
    let boundary = boundary(draft.number);
    format!(
        "{}Content-Type: multipart/mixed; boundary=\"{boundary}\"\n\n--{boundary}\nContent-Type: text/plain\n\nFor the file.\n\n--{boundary}\nContent-Type: message/rfc822\nContent-Disposition: attachment; filename=\"original.eml\"\n\n{}\n--{boundary}--\n",
        headers(draft, &format!("Fwd: {}", inner.subject)),
        plain(&inner, &inner.text),
    )
}

fn html(draft: &Draft) -> String {
    let boundary = boundary(draft.number);
    let paragraphs: String = draft.text.split("\n\n").flat_map(|text| ["<p>", text, "</p>\n"]).collect();
    let page = format!("<html><head><style>p {{ margin: 0 }}</style></head><body>{paragraphs}</body></html>\n");
    format!(
        "{}Content-Type: multipart/alternative; boundary=\"{boundary}\"\n\n--{boundary}\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n{}\n--{boundary}\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n{}\n--{boundary}--\n",
        headers(draft, &draft.subject),
        quoted_printable(&draft.text),
        quoted_printable(&page),
    )
}

fn base64_text(draft: &Draft) -> String {
    let sentences = if draft.number.is_multiple_of(2) { GERMAN } else { FRENCH };
    let text = sentences.join("\n");
    format!(
        "{}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{}",
        headers(draft, &encoded_word("Rückfrage / précision")),
        lines_of_base64(format!("{text}\n\n{}\n", draft.from.0).as_bytes()),
    )
}

fn out_of_office(draft: &Draft) -> String {
    let text = "I am out of the office until next Monday without access to mail.\n";
    let away = headers(draft, &format!("Automatic reply: {}", draft.subject));
    format!("{away}Auto-Submitted: auto-replied\nX-Auto-Response-Suppress: All\nContent-Type: text/plain\n\n{text}")
}

fn bounce(draft: &Draft) -> String {
    let boundary = boundary(draft.number);
    let head = headers(draft, "Undelivered Mail Returned to Sender").replace(&draft.from.1, "mailer-daemon@mx.example");
    format!(
        "{head}Auto-Submitted: auto-replied\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"{boundary}\"\n\n--{boundary}\nContent-Type: text/plain\n\nYour message could not be delivered.\n\n--{boundary}\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; {}\nAction: failed\nStatus: 5.1.1\n\n--{boundary}--\n",
        draft.to.1,
    )
}

fn newsletter(draft: &Draft) -> String {
    let head = headers(draft, &format!("News of the week {}", draft.number % 52));
    format!(
        "{head}Precedence: bulk\nList-Unsubscribe: <mailto:leave@list.example>\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{}",
        draft.text
    )
}

/// The message with its body as first part and an attachment behind it.
fn with_attachment(draft: &Draft, raw: &str, bytes: usize) -> String {
    let (head, body) = raw.split_once("\n\n").unwrap();
    let at = head.find("\nContent-").unwrap();
    let (common, content) = head.split_at(at);
    let boundary = format!("outer{:016x}", bits(draft.number, 12));
    let data: Vec<u8> =
        (0..bytes as u64 * 3 / 4).step_by(8).flat_map(|n| bits(draft.number, 1000 + n).to_le_bytes()).collect();
    format!(
        "{common}\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\n\n--{boundary}{content}\n\n{body}\n--{boundary}\nContent-Type: application/pdf; name=\"proof-{n}.pdf\"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"proof-{n}.pdf\"\n\n{}\n--{boundary}--\n",
        lines_of_base64(&data),
        n = draft.number,
    )
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().enumerate().fold(0u32, |word, (n, byte)| word | u32::from(*byte) << (16 - 8 * n));
        for n in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * n)) as usize & 63];
            out.push(if n <= group.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

fn lines_of_base64(bytes: &[u8]) -> String {
    bytes.chunks(57).map(|line| base64(line) + "\n").collect()
}

fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for byte in text.bytes() {
        let is_plain = matches!(byte, b' '..=b'~') && byte != b'=';
        if column > 71 && byte != b'\n' {
            out.push_str("=\n");
            column = 0;
        }
        if byte == b'\n' {
            out.push('\n');
            column = 0;
        } else if is_plain {
            out.push(char::from(byte));
            column += 1;
        } else {
            write!(out, "={byte:02X}").unwrap();
            column += 3;
        }
    }
    out
}
