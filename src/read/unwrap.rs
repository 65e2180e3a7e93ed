//! Who wrote the message that matters: what lies inside a forward, and how it came.
//!
//! Forwarded messages are looked for in attachments and in the text, one level
//! after the other, without recursion, at most [`MOST_LAYERS`] of them.

use std::collections::{HashMap, VecDeque};

use jiff::tz::TimeZone;
use mail_parser::{Message as Mail, MessageParser, MessagePart, MimeHeaders as _, PartType};

use super::forward::{self, Around, Forward, Says};
use super::head::Head;
use super::headers::{self, Headers};
use super::message::{Address, Carrier, Layer, Wrapping};
use super::{Ours, body, quote};
use crate::intake;

/// Most forwarded messages that are looked at in one message.
const MOST_LAYERS: usize = 50;
/// Most text of all layers together, in bytes: each holds those within it once more.
const MOST_TEXT: usize = 8 * 1024 * 1024;
/// Deepest message in which a message that came as a file is opened.
const DEEPEST_FILE: usize = 4;

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
    /// Whether the outer message has words of its own for somebody, and what is inside only came along.
    pub(super) is_enclosure: bool,
}

/// Where to look next.
enum Place<'m> {
    Attached(&'m Mail<'m>),
    /// Found in the text of a message with this subject.
    Text(Box<Forward>, String),
}

/// Messages that came as plain files, `.eml`, become attached messages.
pub(super) fn open_files(mail: &mut Mail<'_>) {
    let mut left = MOST_LAYERS;
    let mut open = vec![(mail, 0)];
    while let Some((mail, depth)) = open.pop() {
        for part in &mut mail.parts {
            if left > 0
                && depth < DEEPEST_FILE
                && let Some(message) = filed(part)
            {
                left -= 1;
                part.body = PartType::Message(message);
            }
            if let PartType::Message(inner) = &mut part.body {
                open.push((inner, depth + 1));
            }
        }
    }
}

/// The message in a file, if its name and its beginning say that it is one.
fn filed(part: &MessagePart<'_>) -> Option<Mail<'static>> {
    let (PartType::Binary(bytes) | PartType::InlineBinary(bytes)) = &part.body else { return None };
    let named = part.attachment_name().is_some_and(|name| name.trim().to_lowercase().ends_with(".eml"));
    if !named || intake::scan(bytes).is_err() {
        return None;
    }
    let mail = MessageParser::default().parse(bytes.as_ref())?;
    let is_mail =
        !mail.parts.is_empty() && mail.from().is_some() && (mail.date().is_some() || mail.subject().is_some());
    is_mail.then(|| mail.into_owned())
}

/// Looks for forwarded messages in a message with this text.
pub(super) fn inside<'m>(
    mail: &'m Mail<'m>,
    outer: &Headers,
    text: &str,
    (ours, zone): (&Ours, &TimeZone),
) -> Inside<'m> {
    let mut inside = Inside::default();
    if is_report(mail, outer) {
        return inside;
    }
    let mut places = VecDeque::new();
    let around = around_carrier(outer, ours);
    if let Some(first) = forward::find(text, &around, zone) {
        inside.note = note(&first.note);
        places.push_back(Place::Text(Box::new(first), outer.subject.clone()));
    } else {
        inside.note = note(text);
    }
    let by_text = !places.is_empty();
    places.extend(attached(mail, outer).map(Place::Attached));
    if !by_text && around.says != Says::Forward && !outer.in_reply_to.is_empty() {
        inside.is_enclosure = !quote::part(text, outer.from.as_ref(), &ours.habits).texts.new_text.trim().is_empty();
    }
    let mut read = 0;
    while let Some(place) = places.pop_front() {
        let (found, text) = match place {
            Place::Attached(mail) => opened(mail, zone),
            Place::Text(forward, around) => of_text(*forward, &around),
        };
        read += text.len();
        if inside.found.len() >= MOST_LAYERS || read > MOST_TEXT {
            break;
        }
        // What lies in this one comes before what lies beside it.
        if let (Some(mail), Some(fields)) = (found.attached, &found.headers) {
            let deeper: Vec<_> = attached(mail, fields).collect();
            deeper.into_iter().rev().for_each(|mail| places.push_front(Place::Attached(mail)));
        }
        if let Some(forward) = forward::find(&text, &around_layer(&found.layer), zone) {
            places.push_front(Place::Text(Box::new(forward), found.layer.subject.clone()));
        }
        inside.found.push(found);
    }
    if inside.found.is_empty() {
        inside.note = None;
    }
    name_the_nameless(&mut inside.found, outer);
    inside
}

fn around_carrier<'a>(outer: &'a Headers, ours: &Ours) -> Around<'a> {
    let readers: Vec<&Address> = outer.to.iter().chain(&outer.cc).collect();
    Around {
        says: forward::says(&outer.subject),
        subject: &outer.subject,
        author: outer.from.as_ref(),
        to_service: !readers.is_empty() && readers.iter().all(|a| ours.is_service(&a.address)),
        readers,
    }
}

fn around_layer(layer: &Layer) -> Around<'_> {
    // History that it quotes is no forward.
    let says = if forward::says(&layer.subject) == Says::Forward { Says::Forward } else { Says::Answer };
    let readers = layer.to.iter().chain(&layer.cc).collect();
    Around { says, subject: &layer.subject, author: layer.from.as_ref(), readers, to_service: false }
}

/// Programs drop addresses from what they forward; where a person's is known from beside, it is the same person.
fn name_the_nameless(found: &mut [Found<'_>], outer: &Headers) {
    let layers = found.iter().map(|f| &f.layer).flat_map(|l| l.from.iter().chain(&l.to).chain(&l.cc));
    let people = outer.from.iter().chain(&outer.to).chain(&outer.cc).chain(layers);
    let mut known: HashMap<String, Option<String>> = HashMap::new();
    for person in people.filter(|a| !a.address.is_empty() && !a.name.is_empty()) {
        let one = known.entry(person.name.to_lowercase()).or_insert_with(|| Some(person.address.clone()));
        if one.as_ref().is_some_and(|address| *address != person.address) {
            *one = None;
        }
    }
    for from in found.iter_mut().filter_map(|f| f.layer.from.as_mut()).filter(|a| a.address.is_empty()) {
        if let Some(Some(address)) = known.get(&from.name.to_lowercase()) {
            from.address.clone_from(address);
        }
    }
}

/// An attached message, and its text.
fn opened<'m>(mail: &'m Mail<'m>, zone: &TimeZone) -> (Found<'m>, String) {
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
    (Found { layer, attached: Some(mail), headers: Some(fields) }, text)
}

fn of_text<'m>(forward: Forward, around: &str) -> (Found<'m>, String) {
    let Forward { header, text, .. } = forward;
    let unnamed = header.subject.is_empty();
    let layer = Layer {
        message_id: header.message_id,
        from: header.from,
        to: header.to,
        cc: header.cc,
        subject: if unnamed { forward::original_subject(around).to_owned() } else { header.subject },
        sent_at: header.sent_at,
        date_raw: header.date_raw,
        text: text.clone(),
    };
    (Found { layer, attached: None, headers: None }, text)
}

fn note(text: &str) -> Option<String> {
    let note = text.trim();
    (!note.is_empty()).then(|| note.to_owned())
}

/// The messages attached to one that a person sent.
fn attached<'m>(mail: &'m Mail<'m>, fields: &Headers) -> impl Iterator<Item = &'m Mail<'m>> + use<'m> {
    let message = |part: &'m MessagePart<'m>| match &part.body {
        PartType::Message(inner) => Some(inner),
        _ => None,
    };
    let parts = if is_report(mail, fields) { [].iter() } else { mail.parts.iter() };
    parts.filter_map(message)
}

/// What a report (RFC 6522) or a mail server carries is what it reports of, not a forward.
fn is_report(mail: &Mail<'_>, fields: &Headers) -> bool {
    mail.parts.first().is_some_and(|root| root.is_content_type("multipart", "report"))
        || Head::new(mail, &fields.subject, fields.from.as_ref()).is_daemon()
}

/// How a message came that nobody forwarded, and who brought it.
pub(super) fn route(mail: &Mail<'_>, fields: &Headers, ours: &Ours) -> (Wrapping, Option<Carrier>) {
    if let Some(from) = headers::fields(mail, "Resent-From").into_iter().next() {
        return (Wrapping::Resent, Some(Carrier { from: Some(from), sent_at: resent_at(mail) }));
    }
    let named = fields.to.iter().chain(&fields.cc).any(|a| ours.is_service(&a.address));
    let by_us = fields.from.as_ref().is_some_and(|a| ours.includes(&a.address));
    let passed_on = REDIRECTS.iter().any(|field| mail.header(*field).is_some());
    if named || fields.from.is_none() {
        (Wrapping::Direct, None)
    } else if by_us && !passed_on {
        (Wrapping::Bcc, None)
    } else {
        (Wrapping::Resent, Some(Carrier { from: redirector(mail, ours), sent_at: None }))
    }
}

/// Fields by which a server says that it passed a message on.
const REDIRECTS: [&str; 3] = ["X-Forwarded-To", "X-Forwarded-For", "X-Resent-From"];
/// Fields that name mailboxes a message lay in, the surest first.
const MAILBOXES: [&str; 7] = [
    "X-Forwarded-For",
    "X-Resent-From",
    "Resent-Sender",
    "X-Forwarded-To",
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
];

fn resent_at(mail: &Mail<'_>) -> Option<jiff::Timestamp> {
    mail.resent_date().as_datetime().and_then(crate::intake::instant)
}

/// The member whose mailbox handed the message on, where a field names one.
fn redirector(mail: &Mail<'_>, ours: &Ours) -> Option<Address> {
    let is_member = |a: &Address| !ours.is_service(&a.address) && ours.includes(&a.address);
    // `by mail.ours.example for <ann@ours.example>; Mon, …`
    let traces = mail.headers_raw().filter(|(name, _)| name.eq_ignore_ascii_case("Received"));
    let readers = traces.filter_map(|(_, trace)| trace.split_once(" for ").map(|(_, after)| after));
    let readers = readers.filter_map(|after| addresses_in(after).next());
    MAILBOXES.iter().flat_map(|field| words_of(mail, field)).chain(readers).find(is_member)
}

fn words_of(mail: &Mail<'_>, field: &'static str) -> Vec<Address> {
    let texts = mail.headers_raw().filter(|(name, _)| name.eq_ignore_ascii_case(field)).map(|(_, value)| value);
    texts.flat_map(addresses_in).collect()
}

fn addresses_in(text: &str) -> impl Iterator<Item = Address> {
    let words = text.split(|c: char| c.is_whitespace() || ",;<>".contains(c));
    words.filter(|word| word.contains('@')).map(|word| headers::clean("", word))
}
