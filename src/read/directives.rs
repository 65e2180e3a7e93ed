//! What one of us may type above a forward to say how it is to be filed:
//! `@account acme`, `@vendor zenith`, `@from jane@acme.example`, `@private`, `@note …`, each on a line of its own.

use serde::{Deserialize, Serialize};

/// Most lines above a message that are looked at.
const LINES: usize = 20;
/// Longest word that is taken, in bytes.
const LONGEST: usize = 254;

/// What the lines above a forward ask for. They beat what reading and filing would guess.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directives {
    /// Id of the account it belongs to, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Address of its author, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Whether it must not be recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// What somebody noted of a contact that no mail shows; it also stays where it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

impl Directives {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads the lines that begin with `@`, and returns the rest of the text.
pub(super) fn take(text: &str) -> (Directives, String) {
    let mut found = Directives::default();
    let mut rest = Vec::new();
    for (n, line) in text.lines().enumerate() {
        if n >= LINES || !understood(line.trim(), &mut found) {
            rest.push(line);
        }
    }
    (found, rest.join("\n").trim_matches('\n').to_owned())
}

/// Whether a line is a directive; what it asks for is noted.
fn understood(line: &str, found: &mut Directives) -> bool {
    let Some((word, value)) = line.strip_prefix('@').map(|rest| rest.split_once(' ').unwrap_or((rest, ""))) else {
        return false;
    };
    if word.eq_ignore_ascii_case("note") && !value.trim().is_empty() {
        // For people, too: it stays where they can read it.
        found.contact.get_or_insert_with(|| value.trim().chars().take(LONGEST).collect());
        return false;
    }
    let value = value.trim().trim_matches(['<', '>', '"']).to_lowercase();
    let value =
        Some(value).filter(|value| !value.is_empty() && value.len() <= LONGEST && !value.contains(char::is_whitespace));
    match (word.to_lowercase().as_str(), value) {
        ("account" | "vendor" | "client", Some(id)) => found.account = Some(id),
        ("from", Some(address)) if address.contains('@') => found.from = Some(address),
        ("private", None) => found.private = true,
        // What follows is for people, and stays where they can read it.
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_above_a_forward_are_orders() {
        let of = |account: Option<&str>, from: Option<&str>, private| Directives {
            account: account.map(str::to_owned),
            from: from.map(str::to_owned),
            private,
            contact: None,
        };
        #[rustfmt::skip]
        let cases = [
            ("@account acme\nPlease watch this one.", of(Some("acme"), None, false), "Please watch this one."),
            ("@Vendor Zenith",                        of(Some("zenith"), None, false), ""),
            ("fyi\n@from <Jane@Acme.example>",        of(None, Some("jane@acme.example"), false), "fyi"),
            ("@private",                              of(None, None, true), ""),
            ("@note Had lunch",                       Directives { contact: Some("Had lunch".into()), ..of(None, None, false) }, "@note Had lunch"),
            ("@note",                                 Directives::default(), "@note"),
            ("@sam can you look at this?",            Directives::default(), "@sam can you look at this?"),
            ("@account two words",                    Directives::default(), "@account two words"),
            ("",                                      Directives::default(), ""),
        ];
        for (text, found, rest) in cases {
            assert_eq!(take(text), (found, rest.to_owned()), "{text}");
        }
    }
}
