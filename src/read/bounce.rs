//! Delivery reports: machine-made ones (RFC 3464, 5965, 8098) and those that
//! old mail servers write in free text; and the addresses they complain of.
//!
//! Only addresses that failed or are delayed are named, lower case, each once.

use std::sync::LazyLock;

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};
use regex::Regex;

use super::head::{Head, begins};
use super::html;
use super::message::Automatic;
use super::words::{WORDS, fold};

/// Text of a report is read up to here.
const LONGEST_TEXT: usize = 100_000;
/// Words of a report stand near its top.
const TOP: usize = 3_000;
/// More addresses than this are no report but an attack.
const MOST_ADDRESSES: usize = 500;
/// Messages within messages are followed so far.
const DEEPEST: usize = 3;

static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[\p{L}\p{N}!#$%&*+/=?^_{|}~.'-]+@[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?").ok());

/// What a report in machine form reports, if the message is one.
pub(super) fn in_form(mail: &Message<'_>) -> Option<Automatic> {
    let root = mail.parts.first()?;
    let report_type =
        content_type(root).and_then(|kind| kind.attribute("report-type")).unwrap_or_default().to_lowercase();
    let has = |subtype: &str| parts(mail).any(|part| is_message(part, subtype));
    if has("feedback-report") || report_type == "feedback-report" {
        return Some(Automatic::Report);
    }
    if has("disposition-notification") || report_type == "disposition-notification" {
        return Some(Automatic::Receipt);
    }
    if !has("delivery-status") && !has("global-delivery-status") && report_type != "delivery-status" {
        return None;
    }
    let statuses: Vec<Status> = statuses(mail).collect();
    let arrived = !statuses.is_empty() && statuses.iter().all(|status| !status.failing);
    Some(if arrived { Automatic::Receipt } else { Automatic::Bounce })
}

/// Whether a provider passes on a complaint with the message it is about,
/// without the form of RFC 5965.
pub(super) fn is_complaint(mail: &Message<'_>, head: &Head<'_>) -> bool {
    let attached = || parts(mail).any(|part| matches!(part.body, PartType::Message(_)));
    WORDS.subjects.report.after_beginning(&head.subject).is_some() && !head.answers() && attached()
}

/// Whether the message is a report in free text.
pub(super) fn in_words(mail: &Message<'_>, head: &Head<'_>) -> bool {
    if head.has("x-failed-recipients") {
        return true;
    }
    let subject = WORDS.subjects.bounce.found(&head.subject);
    if !(subject || head.is_daemon() || head.null_path() || head.is_no_reply()) {
        return false;
    }
    let text = text_of(mail);
    let (said, original) = split_original(&text);
    let top = fold(said.get(..said.floor_char_boundary(TOP)).unwrap_or_default());
    let words = WORDS.texts.bounce.found(&top);
    let returned = original || parts(mail).any(|part| matches!(part.body, PartType::Message(_)) || is_headers(part));
    let null = head.null_path();
    if head.is_daemon() && (subject || words || returned) {
        return true;
    }
    if null && words && (returned || head.is_no_reply() || (subject && !head.answers())) {
        return true;
    }
    if head.answers() || !words {
        return false;
    }
    let proof = returned || !unreached(said, head).is_empty();
    let opens = WORDS.texts.bounce.found(&fold(opening(said)));
    // A person may tell of a mail that came back: the subject of a machine says that and no more.
    let formal = returned || begins(&WORDS.subjects.bounce, &head.subject) || head.is_role();
    proof && (head.is_no_reply() || (subject && formal && (opens || !head.is_reply())))
}

/// The first words of a text, without lines of ornament.
fn opening(text: &str) -> &str {
    let text = text.trim_start_matches(|c: char| !c.is_alphabetic());
    text.get(..text.floor_char_boundary(80)).unwrap_or_default()
}

/// The addresses that a report says could not be reached.
pub(super) fn addresses(mail: &Message<'_>, head: &Head<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |addresses: Vec<String>| {
        for address in addresses {
            if found.len() < MOST_ADDRESSES && !found.contains(&address) {
                found.push(address);
            }
        }
    };
    add(statuses(mail).filter(|status| status.failing).filter_map(|status| status.address).collect());
    for value in head.values("x-failed-recipients") {
        add(in_text(value));
    }
    if found.is_empty() {
        let text = text_of(mail);
        let (said, _) = split_original(&text);
        found = unreached(said, head);
    }
    if found.is_empty() {
        found.extend(only_reader(mail, head));
    }
    found
}

/// One recipient's fate.
struct Status {
    address: Option<String>,
    failing: bool,
}

/// The fates that delivery-status parts tell of, also those of a report within.
fn statuses<'a>(mail: &'a Message<'a>) -> impl Iterator<Item = Status> + 'a {
    let mut mails = vec![(mail, 0)];
    let mut reports = Vec::new();
    while let Some((mail, depth)) = mails.pop() {
        for part in parts(mail) {
            match &part.body {
                PartType::Message(inner) if depth < DEEPEST => mails.push((inner, depth + 1)),
                _ if is_message(part, "delivery-status") || is_message(part, "global-delivery-status") => {
                    reports.push(part.contents());
                }
                _ => {}
            }
        }
    }
    reports.into_iter().flat_map(|report| {
        let text = String::from_utf8_lossy(report).replace("\r\n", "\n").replace('\r', "\n");
        text.split("\n\n").filter_map(status).collect::<Vec<_>>()
    })
}

/// The fate in one block of fields; `None` where it names no recipient.
fn status(block: &str) -> Option<Status> {
    let field = |name: &str| {
        block.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let named = |name: &str| {
        field(name).map(|value| value.split_once(';').map_or(value, |(_, address)| address)).and_then(first_address)
    };
    let address =
        named("Original-Recipient").or_else(|| named("Final-Recipient")).or_else(|| named("X-Actual-Recipient"));
    field("Original-Recipient").or_else(|| field("Final-Recipient")).or_else(|| field("Action"))?;
    let action = field("Action").unwrap_or_default().to_lowercase();
    let code = field("Status").unwrap_or_default();
    let arrived = ["delivered", "relayed", "expanded", "deliverable"].iter().any(|word| action.starts_with(word))
        || (action.is_empty() && code.starts_with('2'));
    Some(Status { address, failing: !arrived })
}

/// The addresses that free text names as failed: those at the head of a line or
/// after a word like "recipient"; else any other; else one in a line "To:".
fn unreached(said: &str, head: &Head<'_>) -> Vec<String> {
    let mut ranked: [Vec<String>; 3] = Default::default();
    for (before, address, after) in said.lines().flat_map(addresses_of).take(4 * MOST_ADDRESSES) {
        if head.is_party(&address) {
            continue;
        }
        let Some(list) = rank(&before, after).and_then(|rank| ranked.get_mut(rank)) else {
            continue;
        };
        if list.len() < MOST_ADDRESSES && !list.contains(&address) {
            list.push(address);
        }
    }
    ranked.into_iter().find(|list| !list.is_empty()).unwrap_or_default()
}

/// The reader of the message that came back, if it had only one.
fn only_reader(mail: &Message<'_>, head: &Head<'_>) -> Option<String> {
    let attached = parts(mail).find_map(|part| match &part.body {
        PartType::Message(inner) => {
            Some(inner.to()?.iter().filter_map(|to| Some(to.address.as_deref()?.to_lowercase())).collect())
        }
        _ => None,
    });
    let text = text_of(mail);
    let written =
        || text.lines().find_map(|line| Some(in_text(line.strip_prefix("To:").or_else(|| line.strip_prefix("to:"))?)));
    let mut readers: Vec<String> = attached.or_else(written)?;
    readers.retain(|reader| !head.is_party(reader));
    readers.pop().filter(|_| readers.is_empty())
}

/// How clearly a line says that its address failed, 0 best; `None` where it says otherwise.
fn rank(before: &str, after: &str) -> Option<usize> {
    let before = fold(before);
    let before = before.trim_end_matches(['<', '"', '\'', '[', '(', ' ', ';']);
    let before = ["mailto:", "smtp:", "smtp=", "rfc822"]
        .iter()
        .fold(before, |before, scheme| before.strip_suffix(scheme).unwrap_or(before));
    let before = before.trim_end_matches(['<', '"', '\'', '[', '(', ' ', ';', '=']);
    let bullet = before.trim_matches([' ', '*', '-', '•', '>', '#', '|', ':', '・', '"', '\'', '.']);
    let after = after.trim_start_matches(['>', '"', '\'', ']', ' ']);
    if bullet.is_empty() {
        return Some(0);
    }
    if before == "to:" || before == "cc:" {
        return Some(2);
    }
    if WORDS.texts.unreached.ends(before) {
        return Some(0);
    }
    if WORDS.texts.unrelated.ends(before) {
        return None;
    }
    Some(usize::from(!after.starts_with("... ")))
}

/// Each address of a line, with what stands before and after it.
fn addresses_of(line: &str) -> Vec<(String, String, &str)> {
    let line = line.get(..line.floor_char_boundary(1_000)).unwrap_or_default();
    let Some(pattern) = ADDRESS.as_ref() else {
        return Vec::new();
    };
    let found = pattern.find_iter(line).filter_map(|hit| {
        let (bare, cut) = bare_address(hit.as_str())?;
        let before = format!("{}{cut}", line.get(..hit.start())?);
        Some((before, bare, line.get(hit.end()..)?))
    });
    found.collect()
}

/// The address without what MTAs glue to its front, and what that was.
fn bare_address(found: &str) -> Option<(String, &str)> {
    let start = found.to_ascii_lowercase().find("smtp=").map_or(0, |at| at + "smtp=".len());
    let (glued, address) = found.split_at_checked(start)?;
    let address = address.trim_start_matches(['\'', '.', '*', '-', '/', '=', '|']);
    let (local, domain) = address.rsplit_once('@')?;
    let plausible = !local.is_empty() && domain.contains('.') && !domain.contains("..");
    plausible.then(|| (address.to_lowercase(), glued))
}

fn in_text(text: &str) -> Vec<String> {
    addresses_of(text).into_iter().map(|(_, address, _)| address).collect()
}

/// The first address of a status field. A bare host is possible there.
fn first_address(value: &str) -> Option<String> {
    let pattern = ADDRESS.as_ref()?;
    let found = pattern.find(value)?.as_str();
    bare_address(found).map(|(address, _)| address).or_else(|| Some(found.to_lowercase()))
}

/// The readable text of a message, without attached messages and headers.
pub(super) fn text_of(mail: &Message<'_>) -> String {
    let mut text = String::new();
    for part in parts(mail).filter(|part| !is_headers(part) && !is_calendar(part)) {
        match &part.body {
            PartType::Text(part) => text.push_str(part),
            PartType::Html(part) if text.trim().is_empty() => text.push_str(&html::to_text(part)),
            _ => continue,
        }
        text.push('\n');
        if text.len() > LONGEST_TEXT {
            text.truncate(text.floor_char_boundary(LONGEST_TEXT));
            break;
        }
    }
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The report without the message that came back under it, and whether one did.
fn split_original(text: &str) -> (&str, bool) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let short = line.get(..line.floor_char_boundary(200)).unwrap_or_default();
        let bare = fold(short.trim_start_matches(['-', '=', '*', '_', '#', ' ', '\t', '>', '|']));
        let header = ["received:", "return-path:", "message-id:", "mime-version:"]
            .iter()
            .any(|name| short.to_ascii_lowercase().starts_with(name));
        if header || WORDS.texts.original.found(&bare) {
            return (text.get(..at).unwrap_or_default(), true);
        }
        at += line.len();
    }
    (text, false)
}

fn parts<'a>(mail: &'a Message<'a>) -> impl Iterator<Item = &'a MessagePart<'a>> {
    mail.parts.iter().filter(|part| !matches!(part.body, PartType::Multipart(_)))
}

fn content_type<'a>(part: &'a MessagePart<'a>) -> Option<&'a mail_parser::ContentType<'a>> {
    part.content_type()
}

fn is_message(part: &MessagePart<'_>, subtype: &str) -> bool {
    is_type(part, "message", subtype)
}

fn is_headers(part: &MessagePart<'_>) -> bool {
    is_type(part, "text", "rfc822-headers") || is_message(part, "rfc822-headers") || is_type(part, "text", "rfc822")
}

/// Whether the part is an appointment.
pub(super) fn is_calendar(part: &MessagePart<'_>) -> bool {
    is_type(part, "text", "calendar")
}

fn is_type(part: &MessagePart<'_>, kind: &str, subtype: &str) -> bool {
    content_type(part).is_some_and(|found| {
        found.ctype().eq_ignore_ascii_case(kind)
            && found.subtype().is_some_and(|found| found.eq_ignore_ascii_case(subtype))
    })
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::super::head::Head;
    use super::super::message::{Address, Automatic};
    use super::{addresses, in_form};

    fn bounced(raw: &str) -> Vec<String> {
        let mail = MessageParser::default().parse(raw.as_bytes()).unwrap();
        let from = Address { name: String::new(), address: "mailer-daemon@mx.example".to_owned() };
        addresses(&mail, &Head::new(&mail, "failure notice", Some(&from)))
    }

    const REPORT: &str = "From: mailer-daemon@mx.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
        --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n";

    #[test]
    fn failing_addresses_of_reports() {
        #[rustfmt::skip]
        let cases = [
            ("Final-Recipient: rfc822; Ana@lumen.example\nAction: failed\nStatus: 5.1.1\n", Automatic::Bounce, vec!["ana@lumen.example"]),
            ("Original-Recipient: rfc822;ana@lumen.example\nFinal-Recipient: rfc822;a1@store.lumen.example\nAction: failed\n", Automatic::Bounce, vec!["ana@lumen.example"]),
            ("Final-Recipient: rfc822; ana@lumen.example\nAction: delayed\n\nFinal-Recipient: rfc822; jo@lumen.example\nAction: delivered\n", Automatic::Bounce, vec!["ana@lumen.example"]),
            ("Final-Recipient: rfc822; ana@lumen.example\nAction: relayed\nStatus: 2.0.0\n", Automatic::Receipt, vec![]),
        ];
        for (status, kind, expected) in cases {
            let raw = format!("{REPORT}{status}\n--b--\n");
            let mail = MessageParser::default().parse(raw.as_bytes()).unwrap();
            assert_eq!(
                (in_form(&mail), bounced(&raw)),
                (Some(kind), expected.into_iter().map(str::to_owned).collect()),
                "{status}"
            );
        }
    }

    #[test]
    fn failing_addresses_of_free_text() {
        #[rustfmt::skip]
        let cases = [
            ("Hi. This is the mail program at mx.example.\n\n<ana@lumen.example>:\nSorry, no mailbox here.\n\n--- Below this line is a copy of the message.\n\nTo: bo@lumen.example\n", vec!["ana@lumen.example"]),
            ("Your message was not delivered to:\n\n  ana@lumen.example\n  Jo@lumen.example\n\nQuestions? Ask desk@mx.example.", vec!["ana@lumen.example", "jo@lumen.example"]),
            ("Failed Recipient: ana@lumen.example\nReason: 550 unknown user <ana@lumen.example>", vec!["ana@lumen.example"]),
            ("   ----- Transcript of session follows -----\n550 ana@lumen.example... User unknown", vec!["ana@lumen.example"]),
            ("We could not deliver your mail to ana@lumen.example because it is full.", vec!["ana@lumen.example"]),
            ("did not reach the following recipient(s):\n\nc=US;a= ;dda:SMTP=ana@lumen.example; on Fri", vec!["ana@lumen.example"]),
            ("The message could not be sent.\n\nSubject: Plan\nTo: ana@lumen.example", vec!["ana@lumen.example"]),
            ("sam@us.example wrote to nobody we know", vec![]),
        ];
        for (text, expected) in cases {
            let raw = format!("From: mailer-daemon@mx.example\nTo: sam@us.example\n\n{text}\n");
            assert_eq!(bounced(&raw), expected, "{text}");
        }
    }
}
