//! Makes text that came by mail safe to show: nothing hidden, nothing that turns the
//! reading direction, nothing a mail client would make a link of, and never much of it.
//!
//! Defined for every input; linear.

use std::sync::LazyLock;

use minijinja::Value;
use regex::{Captures, Regex};
use serde_json::Value as Json;

/// About how many characters of one text an e-mail shows.
const LONGEST: usize = 640;
/// The most lines of one text that an e-mail shows.
const MOST_LINES: usize = 14;

/// Fields that hold a name or an id: longer ones are none.
const NAMES: [&str; 14] = [
    "name",
    "account",
    "accounts",
    "person",
    "who",
    "author",
    "owner_name",
    "reader_name",
    "earned_by",
    "told_also",
    "domain",
    "rule",
    "rules",
    "title",
];
/// Fields that hold one line.
const LINES: [&str; 5] = ["subject", "headline", "gist", "state", "note"];
/// Fields that hold an address or the id of a message.
const ADDRESSES: [&str; 3] = ["address", "message", "reference"];
/// The most characters of either.
const NAME: usize = 80;
const LINE: usize = 240;

/// A view as templates see it: every string made harmless, whatever it is for.
///
/// Recursion is as deep as the view structs are, not as anything that came by mail.
pub(super) fn harmless_view(view: Json) -> Value {
    harmless_field(view, "")
}

/// What a field of this name holds.
fn harmless_field(view: Json, field: &str) -> Value {
    match view {
        Json::Null => Value::from(()),
        Json::Bool(yes) => Value::from(yes),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(n), _) => Value::from(n),
            (None, Some(n)) => Value::from(n),
            (None, None) => Value::from(number.as_f64()),
        },
        Json::String(text) => Value::from(match field {
            _ if ADDRESSES.contains(&field) => address(&text, LINE),
            _ if NAMES.contains(&field) => one_line(&text, NAME),
            _ if LINES.contains(&field) => one_line(&text, LINE),
            _ => harmless(&text),
        }),
        Json::Array(items) => items.into_iter().map(|item| harmless_field(item, field)).collect(),
        Json::Object(fields) => Value::from_pairs(fields.into_iter().map(|(name, held)| {
            let held = harmless_field(held, &name);
            (name, held)
        })),
    }
}

/// One text, as it may be shown; line breaks are kept.
pub(super) fn harmless(text: &str) -> String {
    broken(&clip_sentences(&few_lines(&visible(text, LONGEST * 4)), LONGEST))
}

/// What is an address or an id: it stays readable where it is nothing else.
fn address(text: &str, most: usize) -> String {
    let shown = clip(&visible(text, most * 4).split_whitespace().collect::<Vec<_>>().join(" "), most);
    if ADDRESS_ALONE.is_match(&shown) { shown } else { broken(&shown) }
}

/// One line of at most `most` characters, before links in it are broken, for a header or a heading.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let shown = visible(text, most.saturating_mul(4).max(LONGEST));
    // What looks like an encoded word would be decoded by whoever reads the header.
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ").replace("=?", "= ?");
    broken(&clip(&shown, most))
}

/// At most `most` characters, cut between words where there is a gap near, and marked as cut.
fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most.saturating_sub(1)).collect();
    let words = head.trim_end_matches(|c: char| !c.is_whitespace());
    let kept = if words.chars().count() * 4 >= most * 3 { words } else { &head };
    format!("{}…", kept.trim_end_matches(|c: char| c.is_whitespace() || ",;:-–…".contains(c)))
}

/// The same, cut behind a whole sentence where one ends in the second half.
fn clip_sentences(text: &str, most: usize) -> String {
    let clipped = clip(text, most);
    if clipped.len() == text.len() {
        return clipped;
    }
    let mut ends = clipped.match_indices(['.', '!', '?']).map(|(at, _)| at + 1);
    let whole = ends.rfind(|end| clipped.get(*end..).is_some_and(|rest| rest.starts_with(char::is_whitespace)));
    match whole.filter(|end| *end * 2 > clipped.len()).and_then(|end| clipped.get(..end)) {
        Some(kept) => format!("{kept} …"),
        None => clipped,
    }
}

/// The first `most` characters, without the ones that nobody sees or that turn the line round.
fn visible(text: &str, most: usize) -> String {
    let head: String = text.chars().take(most).collect();
    let mut plain = String::with_capacity(head.len());
    for c in head.replace("\r\n", "\n").chars() {
        match c {
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                plain.push('\n');
            }
            c if c.is_whitespace() => plain.push(' '),
            c => plain.push(c),
        }
    }
    let seen = HIDDEN.replace_all(&plain, "");
    MARKS.replace_all(&seen, "$marks").trim_matches('\n').trim_end().to_owned()
}

/// Blank lines one at a time, and not too many lines.
fn few_lines(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_none_or(|l| l.is_empty())) {
            lines.push(line);
        }
    }
    if lines.len() > MOST_LINES {
        lines.truncate(MOST_LINES - 1);
        lines.push("…");
    }
    lines.join("\n")
}

/// The text with every number of a card hidden and every link broken.
fn broken(text: &str) -> String {
    let masked = CARD.replace_all(text, mask_card);
    let inert = OPAQUE.replace_all(&masked, "$scheme[:]");
    // URLs first: an address before one must not swallow its scheme.
    let inert = URL.replace_all(&inert, |found: &Captures| {
        let part = |name| found.name(name).map_or("", |m| m.as_str());
        break_url(part("scheme"), part("rest"))
    });
    let inert = LINK.replace_all(&inert, break_link);
    // What was cut off after its scheme is no URL, and looks like one.
    CUT.replace_all(&inert, "hxxp$s:").into_owned()
}

/// Keeps the last four digits of what passes the check of a card number.
fn mask_card(found: &Captures) -> String {
    let text = found.get(0).map_or("", |m| m.as_str());
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits.iter().rev().zip([1, 2].iter().cycle()).map(|(d, times)| digit_sum(d * times)).sum();
    if sum.is_multiple_of(10) {
        let tail: String = digits.iter().skip(digits.len() - 4).map(ToString::to_string).collect();
        format!("•••• {tail}")
    } else {
        text.to_owned()
    }
}

/// Sum of the digits of a number below 20.
fn digit_sum(number: u32) -> u32 {
    number / 10 + number % 10
}

/// Breaks one address, network path or host so that no mail client makes a link of it.
fn break_link(found: &Captures) -> String {
    let part = |name| found.name(name).map_or("", |m| m.as_str());
    if !part("local").is_empty() {
        let local = part("local");
        // With a slash in it, a client would see host and path before the at sign.
        let local = if local.contains('/') { break_dots(local) } else { break_host(local) };
        return format!("{local}[@]{}", break_host(part("domain")));
    }
    if !part("host").is_empty() {
        let host = break_host(part("host"));
        let path = if part("path").is_empty() { "" } else { "/…" };
        // What looks like a host and is none (a file name, an abbreviation) keeps what follows.
        return if host == part("host") { host + &break_dots(part("path")) } else { host + path };
    }
    "\\ \\".to_owned()
}

/// A URL as `hxxps://host[.]example/…`: the path may carry a token, the user part a password.
fn break_url(scheme: &str, rest: &str) -> String {
    // Broken before: what follows stays, or it would be shortened once more.
    let lower = scheme.to_ascii_lowercase();
    if matches!(lower.as_str(), "hxxp" | "hxxps") {
        return format!("{lower}://{}", break_dots(rest));
    }
    let (host, path) = match rest.find(['/', '\\', '?', '#']).and_then(|at| rest.split_at_checked(at)) {
        Some((host, path)) => (host, path),
        None => (rest, ""),
    };
    let host = host.rsplit('@').next().unwrap_or_default();
    let bare = host.trim_end_matches(['.', ',', ';', ':', '!', ')', ']', '\'', '>']);
    let tail = host.strip_prefix(bare).unwrap_or_default();
    let start = match lower.as_str() {
        "http" => "hxxp://".to_owned(),
        "https" => "hxxps://".to_owned(),
        other => format!("{}[:]//", break_dots(other)),
    };
    format!("{start}{}{}", break_dots(bare), if path.is_empty() { tail } else { "/…" })
}

/// Breaks a host with a public suffix at its end, or before it: clients differ in where
/// they think that a host ends. Others are no links to any client.
fn break_host(host: &str) -> String {
    let lower = host.to_lowercase();
    // A client ends a host before signs that no label ends with.
    let known = |label: &str| {
        let label = label.trim_end_matches(|c: char| !c.is_alphanumeric());
        psl::suffix(label.as_bytes()).is_some_and(|suffix| suffix.is_known())
    };
    if lower.split('.').skip(1).any(known) || lower.starts_with("www.") { break_dots(host) } else { host.to_owned() }
}

/// Puts each dot between brackets, once.
fn break_dots(text: &str) -> String {
    text.replace("[.]", ".").replace('.', "[.]")
}

#[expect(clippy::expect_used, reason = "the patterns are constant, and a test compiles each")]
fn pattern(source: &str) -> Regex {
    Regex::new(source).expect("a constant pattern compiles")
}

/// Characters that nobody sees, or that turn the reading direction.
static HIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"[[\p{Cc}\p{Cf}\p{Co}\x{34F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2800}\x{3164}\x{FFA0}]--[\n]]",
    )
});

/// More marks on one letter than any language writes.
static MARKS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<marks>\p{M}{3})\p{M}+"));

/// A whole text that is one plain address.
static ADDRESS_ALONE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^[\p{L}\p{N}!#$%&'*+=?^_`{|}~.-]+@[\p{L}\p{N}.-]+$"));

/// Thirteen to nineteen digits, with or without gaps.
static CARD: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[0-9](?:[ -]?[0-9]){12,18}\b"));

/// Schemes that need no slashes.
static OPAQUE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(?P<scheme>mailto|callto|facetime|javascript|vbscript|sip|xmpp|magnet):"));

/// A scheme without its slashes.
static CUT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)http(?P<s>s?):"));

/// A scheme with its slashes, and what follows.
static URL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,20}):[/\\]{2,}(?P<rest>[^\s<>"]*)"#));

/// What else mail clients make links of: network paths, addresses, hosts.
static LINK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"\\{2,}",
        r"|(?P<local>[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]+)@(?P<domain>[\p{L}\p{N}][\p{L}\p{N}.-]*)",
        r"|(?P<host>(?:[\p{L}\p{N}_][\p{L}\p{N}_-]*\.)+[\p{N}-]*\p{L}[\p{L}\p{N}-]*)",
        r#"(?P<path>(?::\d{1,5})?/[^\s<>"]*)?"#,
    ))
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_client_would_link_is_broken() {
        #[rustfmt::skip]
        let cases = [
            ("a.com@mailto:http:\\\\x",                 "a[.]com[@]mailto[:]hxxp://x"),
            ("/@http:\\/x",                            "/[@]hxxp://x"),
            ("see https://login.acme.com/reset?t=1.",   "see hxxps://login[.]acme[.]com/…"),
            ("see http://acme.com, please",             "see hxxp://acme[.]com, please"),
            ("HTTPS://bob:secret@acme.com/x",           "hxxps://acme[.]com/…"),
            ("ftp://files.acme.com/x",                  "ftp[:]//files[.]acme[.]com/…"),
            ("www.acme.example/x",                      "www[.]acme[.]example/…"),
            ("go to acme.com/pay now",                  "go to acme[.]com/… now"),
            ("write to jane@acme.com.",                 "write to jane[@]acme[.]com[.]"),
            ("mailto:jane@acme.example",                "mailto[:]jane[@]acme.example"),
            (r"\\files\share",                          r"\ \files\share"),
            ("evil\u{200b}.com",                        "evil[.]com"),
            ("boss@evil.com--=_x",                      "boss[@]evil[.]com--=_x"),
            ("jane.doe@acme.com",                       "jane.doe[@]acme[.]com"),
            ("hxxps://login[.]acme[.]com/…",            "hxxps://login[.]acme[.]com/…"),
            ("the notes.md5x is e.g. at 9.30 a.m.",   "the notes.md5x is e.g. at 9.30 a.m."),
            ("data: none. Note: 3/4 of it",             "data: none. Note: 3/4 of it"),
        ];
        for (text, expected) in cases {
            assert_eq!(harmless(text), expected, "{text}");
        }
    }

    #[test]
    fn an_address_stays_readable_where_it_is_one_and_names_are_short() {
        assert_eq!(address("jane.doe@acme.com", LINE), "jane.doe@acme.com");
        assert_eq!(address("jane.doe@acme.com acme.com", LINE), "jane.doe[@]acme[.]com acme[.]com");
        let view =
            serde_json::json!({"name": "x".repeat(500), "words": "y ".repeat(500), "told_also": ["z".repeat(500)]});
        let view = harmless_view(view);
        let length = |value: Value| value.as_str().map_or(0, |text| text.chars().count());
        assert_eq!(length(view.get_attr("name").unwrap()), NAME);
        assert!((LONGEST - 9..=LONGEST).contains(&length(view.get_attr("words").unwrap())));
        assert_eq!(length(view.get_attr("told_also").unwrap().get_item_by_index(0).unwrap()), NAME);
    }

    #[test]
    fn what_is_hidden_goes_and_what_is_long_is_cut() {
        assert_eq!(harmless("a\u{202e}b\u{feff}\u{ad}c\u{7}\r\n\r\n\r\n\r\nd\u{2029}e"), "abc\n\nd\ne");
        let cut = harmless(&"word ".repeat(500));
        assert!(cut.chars().count() <= LONGEST && cut.ends_with("word…"), "{cut}");
        assert_eq!(harmless(&"x\n".repeat(50)).lines().count(), MOST_LINES);
        assert_eq!(one_line("a\n b\u{0}\u{2028}c", 90), "a b c");
        assert_eq!(one_line("one two three", 9), "one two…");
        assert_eq!(one_line("=?utf-8?q?=0d=0aBcc:?=", 90), "= ?utf-8?q?=0d=0aBcc:?=");
    }

    #[test]
    fn numbers_of_cards_keep_four_digits() {
        assert_eq!(harmless("card 4111 1111 1111 1111 ok"), "card •••• 1111 ok");
        assert_eq!(harmless("order 4111 1111 1111 1112 ok"), "order 4111 1111 1111 1112 ok");
    }

    /// What the most eager client takes for a host.
    static HOST: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{L}\p{N}][.]com\b"));

    /// What any client takes for the start of a link.
    static SCHEME: LazyLock<Regex> = LazyLock::new(|| pattern(r"https?:|\bmailto:\S"));

    proptest! {
        #[test]
        fn no_text_survives_as_a_link(text in r"(?s).{0,300}|(https?:[/\\]{2}|[a-z]{1,5}[.]com|@|/|mailto:|[ \n\u{200b}\u{202e}a-z.]){0,60}") {
            let shown = harmless(&text);
            prop_assert!(!SCHEME.is_match(&shown), "{}", shown);
            prop_assert!(!HIDDEN.is_match(&shown));
            prop_assert!(!HOST.is_match(&shown), "{}", shown);
        }
    }
}
