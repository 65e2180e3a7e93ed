//! Second stage: bytes → [`Message`].
//!
//! Finds the author behind a BCC, a redirect or a forward, and parts the new
//! text from quotes, signature and disclaimer. Defined for every input: never
//! panics, never fails, linear in the size of the input.

mod message;

mod headers;
mod unwrap;

mod directives;

mod body;
mod html;
mod lines;

mod forward;
mod habits;
mod introduction;
mod layout;
mod notes;
mod quote;
mod signature;

mod dates;
mod language;

mod automatic;
mod bounce;
mod facts;
mod head;
mod packs;
mod returning;
mod words;

use jiff::tz::TimeZone;
use mail_parser::{Message as Mail, MessageParser};

pub use directives::Directives;
pub use habits::{Habits, remembered};
pub use message::{
    Address, Attachment, Automatic, Carrier, Direction, Facts, Layer, Message, Reading, Texts, Wrapping,
};

pub use packs::is_subject_prefix;

use crate::intake;
use body::Body;
use headers::Headers;
use unwrap::Inside;

/// Who we are, as far as reading must know it.
#[derive(Debug, Clone, Default)]
pub struct Ours {
    /// The service inbox, lower case.
    pub service: String,
    /// Our domains, lower case; sub-domains count.
    pub domains: Vec<String>,
    /// Members at other domains, lower case.
    pub members: Vec<String>,
    /// Domains whose "automatic" headers are not believed.
    pub people_domains: Vec<String>,
    /// Zone for dates that name none.
    pub time_zone: Option<TimeZone>,
    /// What other domains are known to repeat.
    pub habits: Habits,
}

/// Reads a message. Always answers; what cannot be read says why.
#[must_use]
pub fn read(raw: &[u8], ours: &Ours) -> Message {
    let zone = ours.time_zone.clone().unwrap_or(TimeZone::UTC);
    let whole = headers::repaired(raw);
    if let Err(limit) = intake::scan(&whole) {
        return by_head(raw, limit.to_string(), ours, &zone);
    }
    let Some(mut mail) = MessageParser::default().parse(whole.as_ref()).filter(has_fields) else {
        let reason = if raw.trim_ascii().is_empty() { "it is empty" } else { "it has no header fields" };
        return by_head(raw, reason.to_owned(), ours, &zone);
    };
    unwrap::open_files(&mut mail);
    let fields = Headers::of(&mail, &zone);
    let body = body::of(&mail);
    let inside = unwrap::inside(&mail, &fields, &body.text, (ours, &zone));
    let mut message = match matters(&fields, &inside, ours) {
        Some(place) => forwarded(&fields, &body, inside, place, ours),
        None => direct(&mail, &fields, body, inside, ours),
    };
    message.arrived_at = intake::arrived_at(raw).or(fields.sent_at);
    message.message_id = fields.message_id;
    message
}

/// Reads the beginning of a message that is too large to be looked at whole: its headers, and why no more.
#[must_use]
pub fn read_beginning(raw: &[u8], ours: &Ours) -> Message {
    let zone = ours.time_zone.clone().unwrap_or(TimeZone::UTC);
    by_head(raw, intake::OverLimit::Size.to_string(), ours, &zone)
}

fn has_fields(mail: &Mail<'_>) -> bool {
    !mail.parts.is_empty() && !mail.headers().is_empty()
}

/// The place, among what was found inside, of the message that matters; `None` where it is the outer one.
fn matters(outer: &Headers, inside: &Inside<'_>, ours: &Ours) -> Option<usize> {
    let by_us = outer.from.as_ref().is_some_and(|a| ours.includes(&a.address));
    let outside = |a: &Address| !a.address.is_empty() && !ours.includes(&a.address);
    let named = |a: &Address| ours.is_service(&a.address);
    let mut readers = outer.to.iter().chain(&outer.cc);
    // One of us who forwards something to a client, and lets us see it, writes to the client.
    let to_others = readers.clone().any(outside) && !readers.any(named);
    if !by_us || to_others || inside.is_enclosure || inside.found.is_empty() {
        return None;
    }
    let is_ours = |a: &Address| ours.includes(&a.address);
    let stranger = inside.found.iter().position(|f| !f.layer.from.as_ref().is_some_and(is_ours));
    Some(stranger.unwrap_or(inside.found.len() - 1))
}

/// The outer message is the one that matters.
fn direct(mail: &Mail<'_>, fields: &Headers, body: Body, inside: Inside<'_>, ours: &Ours) -> Message {
    let (wrapping, carrier) = unwrap::route(mail, fields, ours);
    let by_us = fields.from.as_ref().is_some_and(|a| ours.includes(&a.address));
    let mut message = Message {
        original_id: fields.message_id.clone(),
        wrapping,
        carrier,
        note: inside.note.filter(|_| by_us && !inside.is_enclosure),
        ..described(fields)
    };
    message.layers = inside.found.into_iter().map(|f| f.layer).collect();
    take_texts(&mut message, quote::part(&body.text, fields.from.as_ref(), &ours.habits));
    if by_us {
        // Somebody may paste what was written, and say who wrote it.
        let (directives, rest) = directives::take(&message.texts.new_text);
        if !directives.is_empty() {
            message.texts.new_text = rest;
            obey(&mut message, directives);
        }
    }
    finish(&mut message, mail, ours);
    take_body(&mut message, body);
    message
}

/// A message inside is the one that matters.
fn forwarded(outer: &Headers, around: &Body, mut inside: Inside<'_>, place: usize, ours: &Ours) -> Message {
    let found = inside.found.get_mut(place);
    let (attached, fields) = found.map_or((None, None), |f| (f.attached, f.headers.take()));
    let layer = inside.found.get(place).map(|f| f.layer.clone()).unwrap_or_default();
    let fields = fields.unwrap_or_else(|| Headers {
        // What a forward answers is, for most programs, the message that it forwards.
        references: outer.references.iter().chain(&outer.in_reply_to).cloned().collect(),
        conversation: outer.conversation.clone(),
        ..of_layer(&layer)
    });
    let mut message = Message {
        original_id: layer.message_id.clone(),
        wrapping: if attached.is_some() { Wrapping::Attached } else { Wrapping::Inline },
        carrier: Some(Carrier { from: outer.from.clone(), sent_at: outer.sent_at }),
        note: inside.note,
        layers: inside.found.into_iter().map(|f| f.layer).collect(),
        ..described(&Headers { from: layer.from.clone(), ..fields })
    };
    take_texts(&mut message, quote::part(&layer.text, layer.from.as_ref(), &ours.habits));
    let (directives, _) = directives::take(message.note.as_deref().unwrap_or_default());
    obey(&mut message, directives);
    if let Some(mail) = attached {
        finish(&mut message, mail, ours);
        take_body(&mut message, body::of(mail));
    } else {
        finish_inline(&mut message, &layer, ours);
        let attachments = around.attachments.clone();
        take_body(&mut message, Body { text: layer.text, attachments, ..Body::default() });
    }
    message
}

/// What came beside the text, and whether there is any.
fn take_body(message: &mut Message, body: Body) {
    let nothing = body.text.trim().is_empty();
    let reason = if body.encrypted {
        Some("it is encrypted")
    } else if nothing && !body.attachments.is_empty() {
        Some("it has no text, only attachments")
    } else if nothing && message.subject.is_empty() {
        Some("it has no text and no subject")
    } else {
        None
    };
    // Of what a machine sent, nothing is judged: it may be without words.
    if let (Some(reason), None) = (reason, message.automatic) {
        message.reading = Reading::Unreadable(reason.to_owned());
    }
    message.attachments = body.attachments;
    for doubt in body.doubts {
        doubted(message, doubt, 0.1);
    }
}

fn of_layer(layer: &Layer) -> Headers {
    Headers {
        from: layer.from.clone(),
        to: layer.to.clone(),
        cc: layer.cc.clone(),
        subject: layer.subject.clone(),
        sent_at: layer.sent_at,
        date_raw: layer.date_raw.clone(),
        message_id: layer.message_id.clone(),
        ..Headers::default()
    }
}

/// What the fields say, and nothing of the body yet.
fn described(fields: &Headers) -> Message {
    let mut message = blank();
    message.from.clone_from(&fields.from);
    message.to.clone_from(&fields.to);
    message.cc.clone_from(&fields.cc);
    message.subject.clone_from(&fields.subject);
    message.sent_at = fields.sent_at;
    message.clock_minutes = fields.clock_minutes;
    message.in_reply_to.clone_from(&fields.in_reply_to);
    message.references.clone_from(&fields.references);
    message.conversation.clone_from(&fields.conversation);
    message.high_priority = fields.high_priority;
    for doubt in &fields.doubts {
        doubted(&mut message, doubt, 0.15);
    }
    match &fields.from {
        None => doubted(&mut message, "nothing names its author", 0.4),
        Some(from) if from.address.is_empty() => doubted(&mut message, "its author is known by name alone", 0.2),
        Some(_) => {}
    }
    message
}

fn blank() -> Message {
    Message {
        reading: Reading::Ok,
        confidence: 1.0,
        doubts: Vec::new(),
        message_id: None,
        original_id: None,
        in_reply_to: Vec::new(),
        references: Vec::new(),
        conversation: None,
        wrapping: Wrapping::Direct,
        carrier: None,
        note: None,
        directives: Directives::default(),
        layers: Vec::new(),
        from: None,
        to: Vec::new(),
        cc: Vec::new(),
        subject: String::new(),
        sent_at: None,
        clock_minutes: None,
        arrived_at: None,
        direction: None,
        automatic: None,
        bounced: Vec::new(),
        facts: Facts::default(),
        texts: Texts::default(),
        language: "en".to_owned(),
        attachments: Vec::new(),
        high_priority: false,
    }
}

fn doubted(message: &mut Message, doubt: &str, cost: f64) {
    message.confidence = (message.confidence - cost).max(0.0);
    message.doubts.push(doubt.to_owned());
}

fn take_texts(message: &mut Message, parted: quote::Parted) {
    message.language = language::of(&parted.texts.new_text);
    message.texts = parted.texts;
    message.confidence = (message.confidence * parted.confidence).clamp(0.0, 1.0);
    message.doubts.extend(parted.doubts);
}

/// Direction, and whether a machine wrote it.
fn finish(message: &mut Message, mail: &Mail<'_>, ours: &Ours) {
    message.direction = direction(message, ours);
    let new_text = &message.texts.new_text;
    let finding = automatic::of(mail, &message.subject, message.from.as_ref(), new_text, ours);
    message.automatic = finding.automatic;
    message.bounced = finding.bounced;
    message.facts = finding.facts;
}

/// A message forwarded in a text has lost its header fields; what is left of them stands in for it.
fn finish_inline(message: &mut Message, layer: &Layer, ours: &Ours) {
    let from = layer.from.clone().unwrap_or_default();
    let plain = |text: &str| text.replace(['\r', '\n', '"', '<', '>'], " ");
    let date = layer.sent_at.map_or(String::new(), |at| at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string());
    let head = format!(
        "From: \"{}\" <{}>\r\nSubject: {}\r\nDate: {date}\r\n\r\n",
        plain(&from.name),
        plain(&from.address),
        plain(&layer.subject)
    );
    let whole = format!("{head}{}", message.texts.new_text);
    match MessageParser::default().parse(whole.as_bytes()) {
        Some(mail) => finish(message, &mail, ours),
        None => message.direction = direction(message, ours),
    }
}

/// Does what the forwarder asked for, as far as it concerns reading.
fn obey(message: &mut Message, directives: Directives) {
    if let Some(address) = &directives.from {
        let known = message.from.as_ref().filter(|from| from.address.is_empty() || from.address == *address);
        let name = known.map(|from| from.name.clone()).unwrap_or_default();
        // The one who brought it did not write it.
        if message.carrier.is_none() && message.wrapping != Wrapping::Inline {
            message.carrier = Some(Carrier { from: message.from.clone(), sent_at: message.sent_at });
            message.wrapping = Wrapping::Inline;
            message.clock_minutes = None;
        }
        message.from = Some(Address { name, address: address.clone() });
    }
    message.directives = directives;
}

fn direction(message: &Message, ours: &Ours) -> Option<Direction> {
    let from = message.from.as_ref()?;
    if from.address.is_empty() || !ours.includes(&from.address) {
        return Some(Direction::Inbound);
    }
    let mut readers = message.to.iter().chain(&message.cc).filter(|a| !a.address.is_empty()).peekable();
    let only_us = readers.peek().is_some() && readers.all(|a| ours.includes(&a.address));
    Some(if only_us { Direction::Internal } else { Direction::Outbound })
}

/// A message that the parser must not see, by its header fields.
fn by_head(raw: &[u8], reason: String, ours: &Ours, zone: &TimeZone) -> Message {
    let mail = intake::parse_head(raw);
    let fields = mail.as_ref().map_or_else(Headers::default, |mail| Headers::of(mail, zone));
    let route = mail.as_ref().map(|mail| unwrap::route(mail, &fields, ours));
    let (wrapping, carrier) = route.unwrap_or((Wrapping::Direct, None));
    let mut message = Message {
        reading: Reading::Unreadable(reason),
        original_id: fields.message_id.clone(),
        message_id: fields.message_id.clone(),
        arrived_at: intake::arrived_at(raw).or(fields.sent_at),
        wrapping,
        carrier,
        ..described(&fields)
    };
    message.direction = direction(&message, ours);
    message.confidence = 0.0;
    message
}
