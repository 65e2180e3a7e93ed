//! Who wrote the message that matters: what lies inside a forward, and how it came.
//!
//! Forwarded messages are looked for in attachments and in the text, one level
//! after the other, without recursion, at most [`MOST_LAYERS`] of them.

use std::collections::VecDeque;

use jiff::tz::TimeZone;
use mail_parser::{Message as Mail, MessagePart, PartType};

use super::headers::{self, Headers};
use super::message::{Address, Carrier, Layer, Wrapping};
use super::forward::Says;
use super::{Ours, body, forward};

/// Most forwarded messages that are looked at in one message.
const MOST_LAYERS: usize = 50;
/// Most text of all layers together, in bytes: each holds those within it once more.
const MOST_TEXT: usize = 8 * 1024 * 1024;

/// One forwarded message, and where it was found.
pub(super) struct Found<'m> {
    pub(super) layer: Layer,
    /// The attached message; `None` where it stood in a text.
    pub(super) attached: Option<&'m Mail<'m>>,
    /// The fields of an attached message.
    pub(super) headers: Option<Headers>,
}

/// The forwarded messages inside, outermost first, and what was typed above the first.
#[derive(Default)]
pub(super) struct Inside<'m> {
    pub(super) found: Vec<Found<'m>>,
    pub(super) note: Option<String>,
}

/// Where to look next.
enum Place<'m> {
    Attached(&'m Mail<'m>),
    Text(String),
}

/// Looks for forwarded messages in a message with this text.
pub(super) fn inside<'m>(mail: &'m Mail<'m>, outer: &Headers, text: &str, zone: &TimeZone) -> Inside<'m> {
    let mut inside = Inside::default();
    let mut places = VecDeque::new();
    let says = forward::says(&outer.subject);
    let attached: Vec<&Mail<'_>> = if is_report(mail) { Vec::new() } else { attached(mail).collect() };
    if let Some(first) = forward::find(text, says, zone) {
        inside.note = note(&first.note);
        places.push_back(Place::Text(text.to_owned()));
    } else if !attached.is_empty() && (says == Says::Forward || outer.in_reply_to.is_empty() || text.trim().is_empty()) {
        inside.note = note(text);
    } else {
        return inside;
    }
    places.extend(attached.into_iter().map(Place::Attached));
    let mut read = 0;
    while let Some(place) = places.pop_front() {
        let (found, text, deeper) = match place {
            Place::Attached(mail) => opened(mail, zone),
            Place::Text(text) => match forward::find(&text, if inside.found.is_empty() { says } else { Says::Answer }, zone) {
                Some(forward) => (of_text(&forward, &outer.subject), forward.text, Vec::new()),
                None => continue,
            },
        };
        read += text.len();
        if inside.found.len() >= MOST_LAYERS || read > MOST_TEXT {
            break;
        }
        inside.found.push(found);
        // What lies in this one comes before what lies beside it.
        for mail in deeper.into_iter().rev() {
            places.push_front(Place::Attached(mail));
        }
        places.push_front(Place::Text(text));
    }
    inside
}

/// An attached message, its text, and those attached to it.
fn opened<'m>(mail: &'m Mail<'m>, zone: &TimeZone) -> (Found<'m>, String, Vec<&'m Mail<'m>>) {
    let fields = Headers::of(mail, zone);
    let text = body::of(mail).text;
    let layer = Layer {
        message_id: fields.message_id.clone(),
        from: fields.from.clone(),
        to: fields.to.clone(),
        cc: fields.cc.clone(),
        subject: fields.subject.clone(),
        sent_at: fields.sent_at,
        date_raw: fields.date_raw.clone(),
        text: text.clone(),
    };
    let deeper = if is_report(mail) { Vec::new() } else { attached(mail).collect() };
    (Found { layer, attached: Some(mail), headers: Some(fields) }, text, deeper)
}

fn of_text<'m>(forward: &forward::Forward, outer_subject: &str) -> Found<'m> {
    let header = &forward.header;
    let layer = Layer {
        message_id: header.message_id.clone(),
        from: header.from.clone(),
        to: header.to.clone(),
        cc: header.cc.clone(),
        subject: if header.subject.is_empty() { forward::original_subject(outer_subject).to_owned() } else { header.subject.clone() },
        sent_at: header.sent_at,
        date_raw: header.date_raw.clone(),
        text: forward.text.clone(),
    };
    Found { layer, attached: None, headers: None }
}

fn note(text: &str) -> Option<String> {
    let note = text.trim();
    (!note.is_empty()).then(|| note.to_owned())
}

fn attached<'m>(mail: &'m Mail<'m>) -> impl Iterator<Item = &'m Mail<'m>> {
    let message = |part: &'m MessagePart<'m>| match &part.body {
        PartType::Message(inner) => Some(inner),
        _ => None,
    };
    mail.attachments.iter().filter_map(|id| mail.part(*id)).filter_map(message)
}

/// What a report (RFC 6522) carries is what it reports of, not a forward.
fn is_report(mail: &Mail<'_>) -> bool {
    use mail_parser::MimeHeaders as _;
    mail.root_part().is_content_type("multipart", "report")
}

/// How a message came that nobody forwarded, and who brought it.
pub(super) fn route(mail: &Mail<'_>, fields: &Headers, ours: &Ours) -> (Wrapping, Option<Carrier>) {
    let named = fields.to.iter().chain(&fields.cc).any(|a| a.address == ours.service);
    let resent = headers::fields(mail, "Resent-From").into_iter().next();
    if let Some(from) = resent {
        return (Wrapping::Resent, Some(Carrier { from: Some(from), sent_at: resent_at(mail) }));
    }
    let by_us = fields.from.as_ref().is_some_and(|a| ours.includes(&a.address));
    // A blind copy is handed over by the author's server, a redirected one by somebody's mailbox.
    let redirected = mail.header("X-Forwarded-To").is_some() || mail.header("X-Forwarded-For").is_some();
    match (named, by_us) {
        (true, _) => (Wrapping::Direct, None),
        (false, true) if redirected => {
            (Wrapping::Resent, Some(Carrier { from: redirector(mail, ours), sent_at: None }))
        }
        (false, true) => (Wrapping::Bcc, None),
        (false, false) if fields.from.is_none() => (Wrapping::Direct, None),
        (false, false) => (Wrapping::Resent, Some(Carrier { from: redirector(mail, ours), sent_at: None })),
    }
}

fn resent_at(mail: &Mail<'_>) -> Option<jiff::Timestamp> {
    mail.resent_date().as_datetime().and_then(crate::intake::instant)
}

/// The member whose mailbox handed the message on, where a field names one.
fn redirector(mail: &Mail<'_>, ours: &Ours) -> Option<Address> {
    let is_member = |a: &Address| a.address != ours.service && ours.includes(&a.address);
    [
        "X-Forwarded-For",
        "X-Resent-From",
        "Resent-Sender",
        "X-Forwarded-To",
        "Delivered-To",
        "X-Original-To",
        "Envelope-To",
    ]
    .iter()
    .flat_map(|field| words_of(mail, field))
    .find(is_member)
}

fn words_of(mail: &Mail<'_>, field: &'static str) -> Vec<Address> {
    let texts = mail.headers_raw().filter(|(name, _)| name.eq_ignore_ascii_case(field)).map(|(_, value)| value);
    let words = texts.flat_map(|text| text.split(|c: char| c.is_whitespace() || ",;<>".contains(c)));
    words.filter(|word| word.contains('@')).map(|word| headers::clean("", word)).collect()
}
