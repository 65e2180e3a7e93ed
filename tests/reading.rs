//! Mail of every program and language, of people and of machines, beside what reading must make of it:
//! `tests/reading/KIND/NAME.eml` and `NAME.json`, which says why.
//!
//! Prints figures (`cargo test --test reading -- --nocapture`).

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a failed step fails its test")]

use std::fs;
use std::path::{Path, PathBuf};

use barometer::read::{self, Address, Message, Ours};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

struct Fixture {
    name: String,
    raw: Vec<u8>,
    expected: Value,
}

fn fixtures(kind: &str) -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reading").join(kind);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "eml"));
    files.sort();
    let fixture = |file: PathBuf| Fixture {
        name: format!("{kind}/{}", file.file_stem().unwrap().display()),
        raw: fs::read(&file).unwrap(),
        expected: serde_json::from_slice(&fs::read(file.with_extension("json")).unwrap()).unwrap(),
    };
    files.into_iter().map(fixture).collect()
}

fn ours() -> Ours {
    Ours {
        service: "watch@northlight.example".to_owned(),
        domains: vec!["northlight.example".to_owned()],
        time_zone: TimeZone::get("Europe/London").ok(),
        ..Ours::default()
    }
}

/// White space does not count, but that words are apart.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn word<T: serde::Serialize>(value: T) -> Value {
    serde_json::to_value(value).unwrap()
}

/// What an expectation of this name is compared with; texts are `spaced`.
fn found(message: &Message, key: &str) -> Value {
    let addresses = |all: &[Address]| all.iter().map(|a| json!(a.address)).collect::<Value>();
    let author = message.from.clone().unwrap_or_default();
    match key {
        "layers" => json!(message.layers.len()),
        "from" => json!(author.address),
        "name" => json!(author.name),
        "to" => addresses(&message.to),
        "cc" => addresses(&message.cc),
        "subject" => json!(message.subject),
        "sent_at" => word(message.sent_at),
        "note" => message.note.as_deref().map_or(Value::Null, |note| json!(spaced(note))),
        "wrapping" => word(message.wrapping),
        "direction" => word(message.direction),
        "new_text" => json!(spaced(&message.texts.new_text)),
        "automatic" => word(message.automatic),
        "bounced" => json!(message.bounced),
        "return_on" => json!(message.facts.return_on),
        "deputy" => json!(message.facts.deputy),
        "reading" => json!(if message.reading == read::Reading::Ok { "ok" } else { "unreadable" }),
        "low_confidence" => json!(message.confidence < 1.0),
        _ => panic!("{key} is no expectation"),
    }
}

fn text<'m>(message: &'m Message, key: &str) -> &'m str {
    match key {
        "new_contains" | "new_lacks" => &message.texts.new_text,
        "quoted_contains" => &message.texts.quoted_text,
        "signature_contains" => &message.texts.signature,
        "disclaimer_contains" => &message.texts.disclaimer,
        "event_contains" => message.facts.event.as_deref().unwrap_or_default(),
        _ => panic!("{key} is no expectation"),
    }
}

/// What a message is not, though it ought to be.
fn complaints(message: &Message, expected: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    for (key, want) in expected.as_object().unwrap().iter().filter(|(key, _)| *key != "why") {
        if let Some(pieces) = want.as_array().filter(|_| key.ends_with("_contains") || key.ends_with("_lacks")) {
            let text = spaced(text(message, key));
            for piece in pieces.iter().map(|piece| spaced(piece.as_str().unwrap())) {
                if text.contains(&piece) == key.ends_with("_lacks") {
                    complaints.push(format!("{key}: {piece:?} and {text:?}"));
                }
            }
        } else {
            let want = if matches!(key.as_str(), "new_text" | "note") {
                want.as_str().map_or(Value::Null, |text| json!(spaced(text)))
            } else {
                want.clone()
            };
            let found = found(message, key);
            if found != want {
                complaints.push(format!("{key}: {found} and not {want}"));
            }
        }
    }
    complaints
}

fn holds(kind: &str) {
    let fixtures = fixtures(kind);
    let mut wrong = Vec::new();
    for Fixture { name, raw, expected } in &fixtures {
        let complaints = complaints(&read::read(raw, &ours()), expected);
        if !complaints.is_empty() {
            wrong.push(format!("{name} ({}):\n    {}", expected["why"], complaints.join("\n    ")));
        }
    }
    println!("{kind}: {} of {} right", fixtures.len() - wrong.len(), fixtures.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn forwards() {
    holds("forward");
}

#[test]
fn replies() {
    holds("reply");
}

#[test]
fn automatic_mail() {
    holds("automatic");
}

#[test]
fn malformed_mail() {
    holds("malformed");
}

/// The mail with another subject, or none.
fn with_subject(raw: &[u8], subject: Option<&str>) -> Vec<u8> {
    let text = raw.split_inclusive(|b| *b == b'\n');
    let (mut out, mut in_head, mut dropped) = (Vec::new(), true, false);
    for line in text {
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        in_head &= !line.trim_ascii().is_empty();
        dropped = in_head && (line.to_ascii_lowercase().starts_with(b"subject:") || (dropped && folded));
        if !dropped {
            out.extend_from_slice(line);
        }
    }
    match subject {
        Some(subject) => [format!("Subject: {subject}\n").as_bytes(), &out].concat(),
        None => out,
    }
}

/// A forward is told by more than its subject, and so is an answer.
#[test]
fn subjects_alone_decide_nothing() {
    let forwards: Vec<Fixture> =
        fixtures("forward").into_iter().filter(|f| f.expected["layers"].as_u64() > Some(0)).collect();
    let replies: Vec<Fixture> = fixtures("reply");
    let share = |fixtures: &[Fixture], subject: Option<&str>, unwraps: bool| {
        let right = |f: &&Fixture| read::read(&with_subject(&f.raw, subject), &ours()).layers.is_empty() != unwraps;
        let wrong: Vec<&str> = fixtures.iter().filter(|f| !right(f)).map(|f| f.name.as_str()).collect();
        println!("{subject:?}: {} of {} right; not {wrong:?}", fixtures.len() - wrong.len(), fixtures.len());
        100 * wrong.len() / fixtures.len()
    };
    assert!(share(&forwards, None, true) <= 4, "forwards without a subject");
    assert!(share(&forwards, Some("Re: The other matter"), true) <= 4, "forwards under the subject of an answer");
    assert!(share(&replies, Some("FW: The other matter"), false) <= 2, "answers under the subject of a forward");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(400))]
    /// Whatever mail is made of, it is read, and no letter of its text is lost.
    #[test]
    fn nothing_makes_reading_fail(
        head in r"(From: |To: |Subject: |Date: |Content-Type: (text/html|text/plain|multipart/mixed|message/rfc822)|References: |X-Forwarded-For: |[A-Za-z-]{1,12}: |[a-z<>@.,; =?\x80-\xff]{0,30}|\n){0,20}",
        text in r"(On 2 March 2026 at 09:14, Ann <ann@acme.example> wrote:|> |From: Ann <ann@acme.example>|Sent: 2 March 2026|Subject: Plan|-----Original Message-----|---------- Forwarded message ---------|________________________________|-- |Regards|Sent from my phone|<blockquote>|<div>|</td>|&amp;|\x{feff}|\x00|[a-z ,.:\x{80}-\x{2ff}]{0,20}|\n){0,60}",
    ) {
        let raw = format!("{head}\n\n{text}");
        let message = read::read(raw.as_bytes(), &ours());
        proptest::prop_assert!((0.0..=1.0).contains(&message.confidence));
        let plain = format!("From: Ann <ann@acme.example>\nTo: <watch@northlight.example>\nSubject: Plan\n\n{text}");
        let parts = read::read(plain.as_bytes(), &ours()).texts;
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
        let kept = [&parts.new_text, &parts.quoted_text, &parts.signature, &parts.disclaimer];
        proptest::prop_assert_eq!(kept.into_iter().map(|text| letters(text)).sum::<usize>(), letters(&text));
    }
}
