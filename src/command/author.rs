//! The one author of a reply, read strictly: what a careful reader could take for two is none.

use super::Refusal;

/// Longest address.
const LONGEST: usize = 254;

/// Address of the author, lower case, where there is exactly one and nobody sent it for them.
///
/// # Errors
///
/// Where there is none, more than one, or one that can be read in two ways.
pub(super) fn only(fields: &[(String, String)]) -> Result<String, Refusal> {
    let mut authors = fields.iter().filter(|(name, _)| name == "from");
    let (Some((_, value)), None) = (authors.next(), authors.next()) else {
        return Err(Refusal::Author);
    };
    let author = address(value).ok_or(Refusal::Author)?;
    let sent_again = fields.iter().any(|(name, _)| name.starts_with("resent-"));
    let mut senders = fields.iter().filter(|(name, _)| name == "sender");
    if sent_again || senders.any(|(_, value)| address(value).as_ref() != Some(&author)) {
        return Err(Refusal::OnBehalf);
    }
    Ok(author)
}

/// `name <local@domain>` or `local@domain`, and nothing else: no list, no group, no comment.
fn address(value: &str) -> Option<String> {
    let mut chars = value.chars();
    let (mut bare, mut angled) = (String::new(), None::<String>);
    let (mut quoted, mut open) = (false, false);
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => drop(chars.next()),
            '"' if !open => quoted = !quoted,
            _ if quoted => {}
            '<' if angled.is_none() => {
                angled = Some(String::new());
                open = true;
            }
            '>' if open => open = false,
            '<' | '>' | '(' | ')' | ',' | ';' | ':' | '[' | ']' | '\\' => return None,
            c if c.is_control() && c != '\t' && c != '\n' => return None,
            c if open => angled.as_mut()?.push(c),
            c if angled.is_some() && !c.is_whitespace() => return None,
            c => bare.push(c),
        }
    }
    if quoted || open {
        return None;
    }
    let plain = angled.unwrap_or_else(|| bare.trim().to_owned());
    let (local, domain) = plain.split_once('@')?;
    let is_local = |c: u8| c.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&c);
    let is_domain = |c: u8| c.is_ascii_alphanumeric() || b".-".contains(&c);
    let valid = !local.is_empty()
        && !domain.is_empty()
        && plain.len() <= LONGEST
        && local.bytes().all(is_local)
        && domain.bytes().all(is_domain);
    valid.then(|| plain.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_is_plain_or_none() {
        #[rustfmt::skip]
        let cases = [
            ("dana@northlight.example", Some("dana@northlight.example")),
            (" Dana Reyes <Dana@Northlight.example> ", Some("dana@northlight.example")),
            ("\"Reyes, Dana (PM)\" <dana@northlight.example>", Some("dana@northlight.example")),
            ("=?utf-8?q?D=C3=A1na?= <dana@northlight.example>", Some("dana@northlight.example")),
            ("\"dana@northlight.example\" <eve@evil.example>", Some("eve@evil.example")),
            ("\"a\\\" <dana@northlight.example>\" <eve@evil.example>", Some("eve@evil.example")),
            ("dana@northlight.example, eve@evil.example", None),
            ("dana@northlight.example <eve@evil.example>", Some("eve@evil.example")),
            ("<dana@northlight.example> <eve@evil.example>", None),
            ("<dana@northlight.example> eve@evil.example", None),
            ("dana@northlight.example (Dana)", None),
            ("Managers: dana@northlight.example;", None),
            ("<@evil.example:dana@northlight.example>", None),
            ("dana@northlight.example\0@evil.example", None),
            ("\"dana@northlight.example", None),
            ("<dana@northlight.example", None),
            ("d\u{430}na@northlight.example", None),
            ("dana@northlight.example@evil.example", None),
            ("", None),
        ];
        for (value, expected) in cases {
            assert_eq!(address(value).as_deref(), expected, "{value:?}");
        }
    }
}
