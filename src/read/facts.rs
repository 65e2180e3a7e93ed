//! What automatic mail says that people want to know: when somebody is back,
//! whom to turn to, which appointment it is about.
//!
//! Never guesses: a fact that is not said plainly is absent.

use std::sync::LazyLock;

use jiff::civil::Date;
use mail_parser::{Message, MessagePart, MimeHeaders};
use regex::Regex;

use super::bounce::is_calendar;
use super::message::{Automatic, Facts};
use super::returning::{return_on, weekday_number};
use super::words::WORDS;

/// One line about an appointment is at most this long.
const LONGEST_EVENT: usize = 200;

/// The facts that a message of this kind may hold.
pub(super) fn of(kind: Option<Automatic>, mail: &Message<'_>, subject: &str, text: &str) -> Facts {
    match kind {
        Some(Automatic::OutOfOffice | Automatic::AutoReply) => Facts {
            return_on: sent_on(mail).and_then(|sent| return_on(&format!("{subject}\n{text}"), sent)),
            deputy: deputy(text, mail),
            event: None,
        },
        Some(Automatic::Calendar) => Facts { event: event(mail, subject), ..Facts::default() },
        _ => Facts::default(),
    }
}

fn sent_on(mail: &Message<'_>) -> Option<Date> {
    let date = mail.date()?;
    Date::new(date.year.try_into().ok()?, date.month.try_into().ok()?, date.day.try_into().ok()?).ok()
}

static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}").ok());
static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^[\s:,]*(?i:(?:my|our|meine[nr]?|mein|ma|mon|mijn|min|mi)\s+)?(?i:(?:colleague|assistant|deputy|manager|kollegin|kollegen|kollege|collègue|compañera|compañero|collega|colega|herrn|frau|kollega|kollegan)\s+)?(\p{Lu}[\p{L}'’-]+(?:\s+(?:(?:van|von|de|der|den|di|da|du|la|le)\s+){0,2}\p{Lu}[\p{L}'’-]+){0,2})").ok()
});

/// Whom to turn to meanwhile: an address where one is given, else a name.
fn deputy(text: &str, mail: &Message<'_>) -> Option<String> {
    let author = mail.from().and_then(|from| from.first()).and_then(|from| from.address.as_deref()).unwrap_or_default();
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = flat.to_lowercase();
    // Positions are shared only where lowering changed no length.
    let cues_in = if lower.len() == flat.len() { &lower } else { &flat };
    let mut cues: Vec<(usize, usize)> = WORDS
        .languages
        .iter()
        .flat_map(|language| language.deputy.spans(cues_in).take(20).collect::<Vec<_>>())
        .collect();
    cues.sort_by_key(|(start, end)| (*start, std::cmp::Reverse(*end)));
    let near = |(_, end): &(usize, usize)| {
        let after = flat.get(*end..)?;
        after.get(..after.floor_char_boundary(200))
    };
    let nears: Vec<&str> = cues.iter().take(20).filter_map(near).collect();
    let address = |near: &&str| {
        let mut found = ADDRESS.as_ref()?.find_iter(near).map(|hit| hit.as_str().trim_end_matches('.').to_lowercase());
        found.find(|address| !address.eq_ignore_ascii_case(author))
    };
    nears.iter().find_map(address).or_else(|| nears.iter().find_map(|near| name_at_start(near)))
}

/// The name that a text begins with.
fn name_at_start(text: &str) -> Option<String> {
    let hit = NAME.as_ref()?.captures(text)?;
    let name = hit.get(1)?;
    let title_of_things = text.get(name.end()..).is_some_and(|rest| rest.trim_start().starts_with('@'));
    (!title_of_things && weekday_number(&name.as_str().to_lowercase()).is_none()).then(|| name.as_str().to_owned())
}

/// Whether a calendar part asks for an answer or is one; a mere attachment does neither.
pub(super) fn asks_or_answers(part: &MessagePart<'_>) -> bool {
    let named = part.content_type().and_then(|kind| kind.attribute("method")).map(str::to_uppercase);
    let method = named.or_else(|| field(&unfolded(part), "METHOD").map(|(_, value)| value.trim().to_uppercase()));
    method.is_some_and(|method| {
        ["REQUEST", "REPLY", "CANCEL", "COUNTER", "DECLINECOUNTER", "ADD", "REFRESH"].contains(&method.as_str())
    })
}

/// The appointment in one line: its name, when it begins, and who asks for it, answers or calls it off.
fn event(mail: &Message<'_>, subject: &str) -> Option<String> {
    let part = mail.parts.iter().find(|part| is_calendar(part));
    let lines = part.map(unfolded).unwrap_or_default();
    let at = lines.iter().position(|line| line.eq_ignore_ascii_case("BEGIN:VEVENT")).unwrap_or_default();
    let event = lines.get(at..).unwrap_or_default();
    let summary =
        field(event, "SUMMARY").map(|(_, value)| unescaped(&value)).filter(|summary| !summary.trim().is_empty());
    let summary = summary.unwrap_or_else(|| subject.trim().to_owned());
    let start = field(event, "DTSTART").and_then(|(parameters, value)| moment(&parameters, value.trim()));
    let mut line = [Some(summary), start, who(&lines, event)]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    line.truncate(line.floor_char_boundary(LONGEST_EVENT));
    (!line.is_empty()).then_some(line)
}

/// Who does what: `declined by ann@acme.example` (RFC 5546, 1.4).
fn who(lines: &[String], event: &[String]) -> Option<String> {
    let method = field(lines, "METHOD").map(|(_, value)| value.trim().to_uppercase())?;
    let address = |value: &str| {
        let lower = value.trim().to_lowercase();
        let bare = lower.strip_prefix("mailto:").unwrap_or(&lower);
        bare.contains('@').then(|| bare.to_owned())
    };
    let by = |deed: &str, property: &str| Some(format!("{deed} by {}", address(&field(event, property)?.1)?));
    match method.as_str() {
        "REPLY" | "COUNTER" => {
            let (parameters, _) = field(event, "ATTENDEE")?;
            let parameters = parameters.to_uppercase();
            let status = parameters.split(';').find_map(|parameter| parameter.strip_prefix("PARTSTAT="));
            by(&status.unwrap_or("ANSWERED").to_lowercase(), "ATTENDEE")
        }
        "CANCEL" => by("cancelled", "ORGANIZER"),
        _ => by("asked for", "ORGANIZER"),
    }
}

/// The lines of a calendar part, continued ones joined (RFC 5545, 3.1).
fn unfolded(part: &MessagePart<'_>) -> Vec<String> {
    let text = String::from_utf8_lossy(part.contents()).replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().take(2_000) {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Parameters and value of the first such property.
fn field(lines: &[String], name: &str) -> Option<(String, String)> {
    lines.iter().find_map(|line| {
        let (head, value) = line.split_once(':')?;
        let (property, parameters) = head.split_once(';').unwrap_or((head, ""));
        property.eq_ignore_ascii_case(name).then(|| (parameters.to_owned(), value.to_owned()))
    })
}

fn unescaped(value: &str) -> String {
    value.replace("\\n", " ").replace("\\N", " ").replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
}

/// `20260409T140000Z` → `2026-04-09 14:00 UTC`.
fn moment(parameters: &str, value: &str) -> Option<String> {
    let digits = |from: usize, to: usize| value.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let day = format!("{}-{}-{}", digits(0, 4)?, digits(4, 6)?, digits(6, 8)?);
    let Some((hour, minute)) = digits(9, 11).zip(digits(11, 13)) else {
        return Some(day);
    };
    let zone = parameters
        .split(';')
        .find_map(|parameter| parameter.strip_prefix("TZID="))
        .map(|zone| format!(" ({})", zone.trim_matches('"')));
    let zone = if value.ends_with('Z') { " UTC".to_owned() } else { zone.unwrap_or_default() };
    Some(format!("{day} {hour}:{minute}{zone}"))
}

#[cfg(test)]
mod tests {
    use super::{deputy, moment, who};

    #[test]
    fn deputies_are_read() {
        #[rustfmt::skip]
        let cases = [
            ("If it is urgent, please contact my colleague Ana Ruiz (ana.ruiz@lumen.example).", Some("ana.ruiz@lumen.example")),
            ("In urgent cases please contact Ana Ruiz.", Some("Ana Ruiz")),
            ("Wenden Sie sich bitte an Frau Ilse Krämer.", Some("Ilse Krämer")),
            ("En mon absence, veuillez contacter Luc Martin.", Some("Luc Martin")),
            ("Please contact the London front desk.", None),
            ("I am away until Monday.", None),
        ];
        for (text, whom) in cases {
            let mail = mail_parser::MessageParser::default().parse("From: jo@lumen.example\n\nx").unwrap();
            assert_eq!(deputy(text, &mail).as_deref(), whom, "{text}");
        }
    }

    #[test]
    fn who_does_what_with_an_appointment_is_read() {
        let lines = |method: &str| -> Vec<String> {
            let text = format!(
                "BEGIN:VCALENDAR\nMETHOD:{method}\nBEGIN:VEVENT\nORGANIZER;CN=Sam:mailto:Sam@us.example\nATTENDEE;PARTSTAT=DECLINED;CN=Ann:MAILTO:ann@acme.example\nEND:VEVENT"
            );
            text.lines().map(str::to_owned).collect()
        };
        #[rustfmt::skip]
        let cases = [
            ("REQUEST", Some("asked for by sam@us.example")),
            ("REPLY",   Some("declined by ann@acme.example")),
            ("CANCEL",  Some("cancelled by sam@us.example")),
        ];
        for (method, expected) in cases {
            let lines = lines(method);
            assert_eq!(who(&lines, &lines).as_deref(), expected, "{method}");
        }
    }

    #[test]
    fn moments_are_readable() {
        #[rustfmt::skip]
        let cases = [
            ("", "20260409T140000Z", Some("2026-04-09 14:00 UTC")),
            ("TZID=Europe/Paris", "20260409T140000", Some("2026-04-09 14:00 (Europe/Paris)")),
            ("VALUE=DATE", "20260409", Some("2026-04-09")),
            ("", "soon", None),
        ];
        for (parameters, value, shown) in cases {
            assert_eq!(moment(parameters, value).as_deref(), shown, "{value}");
        }
    }
}
