//! The header of a reply as it stands, field by field, and whether it shows a machine.

use crate::intake;

/// More hops than any honest way has.
const HOPS: usize = 50;

/// Name, in lower case, and unfolded value of each field, the topmost first.
pub(super) fn fields(raw: &[u8]) -> Vec<(String, String)> {
    let fields = intake::fields(raw).take(intake::MOST_HEADERS + 1);
    fields.map(|field| (String::from_utf8_lossy(field.name).to_ascii_lowercase(), field.value())).collect()
}

/// Whether a header field says that no person wrote it, or that it goes in circles.
pub(super) fn is_automatic(fields: &[(String, String)]) -> bool {
    let hops = fields.iter().filter(|(name, _)| name == "received").count();
    hops > HOPS || fields.len() > intake::MOST_HEADERS || fields.iter().any(|(name, value)| speaks(name, value))
}

fn speaks(name: &str, value: &str) -> bool {
    let value = value.trim().to_lowercase();
    match name {
        "return-path" => value.trim_matches(['<', '>', ' ']).is_empty(),
        "auto-submitted" => value.split([';', ' ', '(']).next() != Some("no"),
        "precedence" => ["bulk", "list", "junk", "auto_reply", "auto-reply"].contains(&value.as_str()),
        "x-autoreply" | "x-autorespond" | "x-autoresponse" | "x-loop" | "x-barometer-id" | "x-failed-recipients" => {
            true
        }
        "content-type" => value.starts_with("multipart/report") || value.starts_with("text/calendar"),
        _ => name.starts_with("list-"),
    }
}

/// A structured value in words: comments, quotation and what stands in angle brackets are taken
/// away. `None` where one of them is left open.
pub(super) fn words(value: &str) -> Option<Vec<String>> {
    let mut words = vec![String::new()];
    let mut chars = value.chars();
    let (mut depth, mut quoted, mut angled) = (0_usize, false, false);
    while let Some(c) = chars.next() {
        match c {
            '\\' if depth > 0 || quoted => drop(chars.next()),
            '"' if depth == 0 => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            '<' => angled = true,
            '>' => angled = false,
            _ if angled => {}
            c if c.is_whitespace() => words.push(String::new()),
            c => words.last_mut()?.extend(c.to_lowercase()),
        }
    }
    words.retain(|word| !word.is_empty());
    (depth == 0 && !quoted && !angled).then_some(words)
}
