//! The text of a message: the best of its parts, decoded, in one piece.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding, Message as Mail, MessagePart, MimeHeaders, PartType};

use super::headers::western;
use super::html;
use super::message::Attachment;

/// Most text that is read, in bytes.
const LONGEST: usize = 1024 * 1024;
const DIRECTION_MARKS: [char; 11] = [
    '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}',
    '\u{2068}', '\u{2069}',
];
/// How often richer the HTML must be before a plain text counts as a stub of it.
const RICHER: usize = 3;

/// What a message says, before it is taken apart.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Lines end in LF; quoted lines of HTML begin with `> `.
    pub(super) text: String,
    pub(super) encrypted: bool,
    pub(super) attachments: Vec<Attachment>,
    pub(super) doubts: Vec<&'static str>,
}

/// Reads the body of a parsed message.
pub(super) fn of(mail: &Mail<'_>) -> Body {
    let mut body = Body { attachments: mail.attachments().map(attachment).collect(), ..Body::default() };
    if is_encrypted(mail) {
        body.encrypted = true;
        return body;
    }
    let text = best(mail);
    let mut text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "");
    // Marks of writing direction stand in front of labels and addresses, and say nothing to us.
    if text.contains(DIRECTION_MARKS) {
        text = text.replace(DIRECTION_MARKS, "");
    }
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        body.doubts.push("only the first 1 MB of its text was read");
    }
    body.encrypted = text.trim_start().starts_with("-----BEGIN PGP MESSAGE-----");
    body.text = unsigned(text);
    body
}

/// The plain text, unless the HTML says much more.
fn best(mail: &Mail<'_>) -> String {
    let plain: Vec<Cow<'_, str>> = parts(mail, &mail.text_body).filter_map(|p| plain_of(mail, p)).collect();
    let only_plain = parts(mail, &mail.html_body).all(|p| !matches!(p.body, PartType::Html(_)));
    let plain = plain.join("\n");
    // Mail without plain text gives its HTML for both.
    if only_plain || mail.text_body == mail.html_body {
        return plain;
    }
    let rich: Vec<String> = parts(mail, &mail.html_body)
        .filter_map(|p| match &p.body {
            PartType::Html(_) => decoded(mail, p).map(|h| html::to_text(&h)),
            _ => plain_of(mail, p).map(Cow::into_owned),
        })
        .collect();
    let rich = rich.join("\n");
    let words = |text: &str| text.split_whitespace().take(2_000).count();
    let stub = words(&rich) > 12 && words(&rich) > RICHER * words(&plain);
    if plain.trim().is_empty() || stub { rich } else { plain }
}

fn parts<'m, 'x>(mail: &'m Mail<'x>, ids: &'m [u32]) -> impl Iterator<Item = &'m MessagePart<'x>> {
    ids.iter().filter_map(|id| mail.part(*id))
}

fn plain_of<'m>(mail: &'m Mail<'_>, part: &'m MessagePart<'_>) -> Option<Cow<'m, str>> {
    let text = decoded(mail, part)?;
    if matches!(part.body, PartType::Html(_)) {
        return Some(Cow::Owned(html::to_text(&text)));
    }
    let flowed = |a: &str, value: &str| {
        part.content_type().and_then(|t| t.attribute(a)).is_some_and(|v| v.eq_ignore_ascii_case(value))
    };
    if flowed("format", "flowed") { Some(Cow::Owned(unflow(&text, flowed("delsp", "yes")))) } else { Some(text) }
}

/// The part's text; where its charset is missing or wrong, UTF-8, else windows-1252.
fn decoded<'m>(mail: &'m Mail<'_>, part: &'m MessagePart<'_>) -> Option<Cow<'m, str>> {
    let (PartType::Text(text) | PartType::Html(text)) = &part.body else { return None };
    if !text.contains('\u{fffd}') {
        return Some(Cow::Borrowed(text));
    }
    let range = usize::try_from(part.offset_body).ok()?..usize::try_from(part.offset_end).ok()?;
    let raw = mail.raw_message.get(range)?;
    let bytes = match part.encoding {
        Encoding::None => Some(raw.to_vec()),
        Encoding::QuotedPrintable => quoted_printable_decode(raw),
        Encoding::Base64 => base64_decode(raw),
    };
    match bytes {
        Some(bytes) if !bytes.contains(&0) => Some(Cow::Owned(western(&bytes).into_owned())),
        _ => Some(Cow::Borrowed(text)),
    }
}

/// Joins the soft lines of format=flowed (RFC 3676).
fn unflow(text: &str, delete_space: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|b| *b == b'>').count();
        let content = line.get(depth..).unwrap_or_default();
        let content = content.strip_prefix(' ').unwrap_or(content);
        match open {
            Some(before) if before == depth && content != "-- " => {}
            Some(_) => {
                out.push('\n');
                begin(&mut out, depth);
            }
            None => begin(&mut out, depth),
        }
        let soft = content.ends_with(' ') && content != "-- ";
        out.push_str(if soft && delete_space { content.trim_end_matches(' ') } else { content });
        open = soft.then_some(depth);
        if !soft {
            out.push('\n');
        }
    }
    out
}

fn begin(out: &mut String, depth: usize) {
    if depth > 0 {
        out.extend(std::iter::repeat_n('>', depth));
        out.push(' ');
    }
}

/// A text signed inline (RFC 9580), without the signature around it.
fn unsigned(text: String) -> String {
    let Some(rest) = text.trim_start().strip_prefix("-----BEGIN PGP SIGNED MESSAGE-----") else {
        return text;
    };
    let body = rest.split_once("\n\n").map_or(rest, |(_, body)| body);
    let body = body.split_once("\n-----BEGIN PGP SIGNATURE-----").map_or(body, |(body, _)| body);
    body.lines().map(|line| line.strip_prefix("- ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn is_encrypted(mail: &Mail<'_>) -> bool {
    let root = mail.root_part();
    let kind = root.content_type();
    let is = |main: &str, sub: &str| root.is_content_type(main, sub);
    is("multipart", "encrypted")
        || ((is("application", "pkcs7-mime") || is("application", "x-pkcs7-mime"))
            && kind.and_then(|t| t.attribute("smime-type")).is_none_or(|t| t.eq_ignore_ascii_case("enveloped-data")))
}

fn attachment(part: &MessagePart<'_>) -> Attachment {
    let media_type = part.content_type().map_or_else(String::new, |kind| {
        let sub = kind.subtype().map_or(String::new(), |sub| format!("/{sub}"));
        format!("{}{sub}", kind.ctype()).to_lowercase()
    });
    Attachment {
        name: part.attachment_name().unwrap_or_default().chars().filter(|c| !c.is_control()).take(255).collect(),
        media_type,
        size_bytes: part.len() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_lines_are_joined_within_one_depth() {
        #[rustfmt::skip]
        let cases = [
            ("one \ntwo\nthree", false, "one two\nthree\n"),
            ("one \ntwo", true, "onetwo\n"),
            ("> a \n> b\nc", false, "> a b\nc\n"),
            ("> a \nc", false, "> a \nc\n"),
            ("end\n-- \nAnn", false, "end\n-- \nAnn\n"),
            (" From here", false, "From here\n"),
        ];
        for (text, delete, expected) in cases {
            assert_eq!(unflow(text, delete), expected, "{text:?}");
        }
    }

    #[test]
    fn inline_signatures_are_taken_off() {
        let signed = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHello\n- -- dash\n-----BEGIN PGP SIGNATURE-----\n\nabc\n";
        assert_eq!(unsigned(signed.to_owned()), "Hello\n-- dash");
        assert_eq!(unsigned("Hello".to_owned()), "Hello");
    }
}
