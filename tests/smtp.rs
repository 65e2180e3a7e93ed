//! What the SMTP edge makes of relays that refuse, hang and cut off, and what it puts on the wire.
#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]
#![allow(dead_code, reason = "each test file uses its own part of what they share")]

#[path = "support/scripted.rs"]
mod scripted;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use barometer::config::Tls;
use barometer::edge::smtp::{Outcome, Relay, RelayError, Timeouts};
use proptest::test_runner::{Config, TestRunner};
use scripted::{Do, Heard, Trust, nowhere, say, serve, server, with_password, with_token};

/// For what comes to an end by itself.
const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(20),
    command: Duration::from_secs(20),
    data: Duration::from_secs(20),
    until_dot: Duration::from_secs(20),
    dot: Duration::from_secs(20),
};
/// For relays that fall silent once they are connected.
const QUICK: Timeouts = Timeouts {
    command: Duration::from_millis(200),
    data: Duration::from_millis(200),
    dot: Duration::from_millis(200),
    ..PATIENT
};
const FROM: &str = "watch@firm.example";
const TO: &str = "dana@firm.example";
const MAIL: &[u8] = b"Subject: a\r\n\r\nHello\r\n";

fn hello(rest: Vec<Do>) -> Vec<Do> {
    [vec![say("220 mail ESMTP\r\n"), Do::Hear("EHLO"), say("250-mail\r\n250 PIPELINING\r\n")], rest].concat()
}

/// A transaction that is accepted.
fn accepted() -> Vec<Do> {
    let mut script = before_dot();
    script.push(say("250 2.0.0 queued as 4711\r\n"));
    script
}

/// A transaction up to its final dot, without an answer to that.
fn before_dot() -> Vec<Do> {
    vec![
        Do::Hear("MAIL FROM"),
        say("250 ok\r\n"),
        Do::Hear("RCPT TO"),
        say("250 ok\r\n"),
        Do::Hear("DATA"),
        say("354 go\r\n"),
        Do::HearMessage,
    ]
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Doubtful { .. } => "doubtful",
        Outcome::Refused { .. } => "refused",
        Outcome::ContentRefused { .. } => "content",
        other => other.word(),
    }
}

fn plain(address: SocketAddr, timeouts: Timeouts) -> Relay {
    Relay::patient(server(address, Tls::None, None), FROM.to_owned(), timeouts)
}

fn text(heard: &Heard) -> String {
    String::from_utf8_lossy(&heard.lock().unwrap().clone()).into_owned()
}

/// One e-mail over a connection with this script.
async fn attempt(script: Vec<Do>, timeouts: Timeouts) -> (Outcome, String) {
    let (address, heard) = serve(vec![script], None, None).await;
    let outcome = plain(address, timeouts).send(TO, MAIL).await;
    (outcome, text(&heard))
}

/// A secret that only we can read.
fn secret(folder: &Path) -> PathBuf {
    let path = folder.join("secret");
    std::fs::write(&path, "s3cret\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Every step of a conversation with all that there can be: what is heard, and the good answer.
const STEPS: [(&str, &str, &str); 8] = [
    ("greeting", "", "220 mail\r\n"),
    ("EHLO", "EHLO", "250-mail\r\n250 STARTTLS\r\n"),
    ("STARTTLS", "STARTTLS", "220 go\r\n"),
    ("AUTH", "AUTH PLAIN", "235 in\r\n"),
    ("MAIL", "MAIL FROM", "250 ok\r\n"),
    ("RCPT", "RCPT TO", "250 ok\r\n"),
    ("DATA", "DATA", "354 go\r\n"),
    ("dot", ".", "250 2.0.0 queued\r\n"),
];

/// The conversation, with other answers at one step; after them it goes on only if they are good.
fn conversation(at: &str, answers: &[Do], goes_on: bool) -> Vec<Do> {
    let mut script = Vec::new();
    for (step, hear, good) in STEPS {
        match hear {
            "" => {}
            "." => script.push(Do::HearMessage),
            hear => script.push(Do::Hear(hear)),
        }
        if step == at {
            script.extend_from_slice(answers);
            if !goes_on {
                return script;
            }
        } else {
            script.push(say(good));
        }
        if step == "STARTTLS" {
            script.extend([Do::StartTls, Do::Hear("EHLO"), say("250-mail\r\n250 AUTH PLAIN\r\n")]);
        }
    }
    script
}

#[tokio::test]
async fn each_kind_of_answer_at_each_step_means_what_it_must() {
    let folder = tempfile::tempdir().unwrap();
    let (trust, ca, secret) = (Arc::new(Trust::new("localhost")), folder.path().join("ca"), secret(folder.path()));
    trust.write(&ca);
    #[rustfmt::skip]
    let kinds: [(&str, Vec<Do>, [&str; 8]); 7] = [
        //                                                     greeting       EHLO           STARTTLS       AUTH           MAIL           RCPT        DATA        dot
        ("4xx",       vec![say("451 4.3.0 later\r\n")],              ["deferred",    "deferred",    "deferred",    "deferred",    "deferred",    "deferred", "deferred", "deferred"]),
        ("5xx",       vec![say("550 no\r\n")],                       ["relay_fault", "relay_fault", "relay_fault", "relay_fault", "relay_fault", "doubtful", "doubtful", "content"]),
        ("many 5xx",  vec![say("550-5.1.1 <dana@firm.example>\r\n550 5.1.1 who?\r\n")],
                                                                     ["relay_fault", "relay_fault", "relay_fault", "relay_fault", "relay_fault", "refused",  "doubtful", "refused"]),
        ("421",       vec![say("421 bye\r\n"), Do::HangUp],          ["deferred",    "deferred",    "deferred",    "deferred",    "deferred",    "deferred", "deferred", "deferred"]),
        ("cut off",   vec![Do::HangUp],                              ["deferred",    "deferred",    "deferred",    "deferred",    "deferred",    "deferred", "deferred", "unknown"]),
        ("cut short", vec![say("250 2.0"), Do::HangUp],              ["deferred",    "deferred",    "deferred",    "deferred",    "deferred",    "deferred", "deferred", "unknown"]),
        ("garbage",   vec![say("what?\r\n")],                        ["relay_fault", "relay_fault", "relay_fault", "relay_fault", "deferred",    "deferred", "deferred", "unknown"]),
    ];
    let mut cases = Vec::new();
    for (kind, answers, expected) in kinds {
        for ((step, ..), expected) in STEPS.into_iter().zip(expected) {
            cases.push((format!("{kind} at {step}"), conversation(step, &answers, false), PATIENT, expected));
        }
    }
    for (step, _, good) in STEPS {
        let (timeouts, silent) = match step {
            "dot" => (Timeouts { dot: QUICK.dot, ..PATIENT }, "unknown"),
            _ => (QUICK, "deferred"),
        };
        cases.push((format!("silence at {step}"), conversation(step, &[Do::Silence], false), timeouts, silent));
        let drip = [Do::Drip(good.to_owned())];
        cases.push((format!("in pieces at {step}"), conversation(step, &drip, true), PATIENT, "sent"));
        let long = [say(&format!("{}-and more\r\n{good}", good.get(..3).unwrap()))];
        cases.push((format!("two lines at {step}"), conversation(step, &long, true), PATIENT, "sent"));
    }
    for (name, script, timeouts, expected) in cases {
        let (address, heard) = serve(vec![script], None, Some(Arc::clone(&trust))).await;
        let settings = with_password(server(address, Tls::StartTls, Some(&ca)), &secret);
        let outcome = Relay::patient(settings, FROM.to_owned(), timeouts).send(TO, MAIL).await;
        assert_eq!(word(&outcome), expected, "{name}: {outcome:?}\n{}", text(&heard));
        assert!(!outcome.reason().contains('@') && outcome.reason().len() < 600, "{outcome:?}");
    }
}

#[tokio::test]
async fn odd_answers_are_read_for_what_they_are() {
    let at_dot = |answer: Do| hello([before_dot(), vec![answer]].concat());
    let data = |answer: &str| {
        let mut script = before_dot();
        script.truncate(5);
        script.push(say(answer));
        hello(script)
    };
    let blank =
        |reply: &str| [vec![say("220 mail\r\n"), Do::Hear("EHLO"), Do::Say(reply.to_owned())], accepted()].concat();
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<Do>, &str)> = vec![
        ("a blank line in EHLO",        blank("250-mail\r\n250-   \r\n250 SIZE\r\n"),                   "sent"),
        ("a blank last line in EHLO",   blank("250-mail\r\n250  \t \r\n"),                              "sent"),
        ("EHLO of lone line feeds",     blank("250-mail\n250 SIZE\n"),                                  "sent"),
        ("EHLO that names nothing",     blank("250 \r\n"),                                              "sent"),
        ("EHLO in capitals and small",  blank("250-mail\r\n250 8bitmime\r\n"),                          "sent"),
        ("a code without text",         at_dot(say("250\r\n")),                                         "sent"),
        ("not ASCII",                   at_dot(Do::SayBytes(b"250 Nachricht \xfcbernommen\r\n")),       "sent"),
        ("a long line",                 at_dot(Do::Say(format!("250 {}\r\n", "x".repeat(3_000)))),      "sent"),
        ("an endless line",             at_dot(Do::Say("2".repeat(20_000))),                            "unknown"),
        ("354 to the dot",              at_dot(say("354 go on\r\n")),                                   "unknown"),
        ("250 to DATA",                 data("250 ok\r\n"),                                             "deferred"),
        ("200 to the dot and 550",      at_dot(say("250-ok\r\n550 no\r\n")),                            "unknown"),
        ("two greetings",               vec![say("220 mail\r\n220 mail\r\n"), Do::Silence],             "relay_fault"),
        ("an answer too many to EHLO",  blank("250-mail\r\n250 SIZE\r\n250 ok\r\n"),                   "deferred"),
        ("an answer too many",          data("354 go\r\n250 queued\r\n"),                               "deferred"),
    ];
    for (name, script, expected) in cases {
        let (outcome, heard) = attempt(script, PATIENT).await;
        assert_eq!(word(&outcome), expected, "{name}: {outcome:?}\n{heard}");
    }
    assert_eq!(word(&plain(nowhere().await, PATIENT).send(TO, MAIL).await), "deferred");
}

#[tokio::test]
async fn a_relay_that_stops_reading_has_nothing_before_the_dot() {
    let mut script = before_dot();
    script.truncate(6);
    let (address, heard) = serve(vec![hello(script)], None, None).await;
    let body = b"all work and no play\r\n".repeat(2_000_000);
    let timeouts = Timeouts { until_dot: Duration::from_millis(1_500), ..PATIENT };
    let outcome = plain(address, timeouts).send(TO, &body).await;
    assert_eq!(word(&outcome), "deferred", "{outcome:?}\n{}", text(&heard));
}

#[tokio::test]
async fn one_connection_carries_several_and_a_stale_one_is_replaced() {
    let noop = || vec![Do::Hear("NOOP"), say("250 ok\r\n")];
    #[rustfmt::skip]
    let ends: Vec<(&str, bool, Vec<Do>)> = vec![
        ("421 to NOOP",         true,  vec![Do::Hear("NOOP"), say("421 idle too long\r\n"), Do::HangUp]),
        ("closed while idle",   true,  vec![Do::HangUp]),
        ("421 while idle",      true,  vec![say("421 idle too long\r\n"), Do::HangUp]),
        ("closed while sending", false, vec![Do::HangUp]),
        ("421 unasked",         false, vec![say("421 idle too long\r\n"), Do::HangUp]),
        ("421 to MAIL",         false, vec![Do::Hear("MAIL FROM"), say("421 idle too long\r\n"), Do::HangUp]),
        ("cut off after MAIL",  false, vec![Do::Hear("MAIL FROM"), Do::HangUp]),
    ];
    for (name, asks, end) in ends {
        let between = if asks { noop() } else { Vec::new() };
        let first = hello([accepted(), between, accepted(), end].concat());
        let (address, heard) = serve(vec![first, hello(accepted())], None, None).await;
        let mut relay = plain(address, PATIENT);
        for n in 0..3 {
            if asks {
                relay.ready().await.unwrap();
            }
            let outcome = relay.send(TO, format!("Subject: {n}\r\n\r\n").as_bytes()).await;
            assert_eq!(word(&outcome), "sent", "{name}: {outcome:?}");
        }
        let heard = text(&heard);
        assert_eq!(heard.matches("EHLO").count(), 2, "{name}: {heard}");
        assert_eq!(heard.matches("RCPT TO:<dana@firm.example>\r\n").count(), 3, "{name}: {heard}");
        for n in 0..3 {
            assert_eq!(heard.matches(&format!("Subject: {n}\r\n")).count(), 1, "{name}: {heard}");
        }
    }
}

#[tokio::test]
async fn a_first_refusal_of_ours_holds_the_queue_and_a_later_one_does_not() {
    let denied = || {
        vec![
            Do::Hear("MAIL FROM"),
            say("250 ok\r\n"),
            Do::Hear("RCPT TO"),
            say("554 5.7.1 <dana@firm.example>: Relay access denied\r\n"),
        ]
    };
    let reset = || vec![Do::Hear("RSET"), say("250 ok\r\n")];
    let script = hello([denied(), reset(), accepted(), denied(), reset(), accepted()].concat());
    let (address, heard) = serve(vec![script], None, None).await;
    let mut relay = plain(address, PATIENT);
    let mut words = Vec::new();
    for _ in 0..4 {
        words.push(word(&relay.send(TO, MAIL).await));
    }
    assert_eq!(words, ["relay_fault", "sent", "doubtful", "sent"], "{}", text(&heard));
    assert_eq!(text(&heard).matches("EHLO").count(), 1);
}

#[tokio::test]
async fn nothing_is_sent_twice_where_the_answer_to_the_dot_is_lost() {
    let script = hello([accepted(), before_dot(), vec![Do::HangUp]].concat());
    let (address, heard) = serve(vec![script, hello(accepted())], None, None).await;
    let mut relay = plain(address, PATIENT);
    assert_eq!(word(&relay.send(TO, MAIL).await), "sent");
    assert_eq!(word(&relay.send(TO, MAIL).await), "unknown");
    assert_eq!(text(&heard).matches("DATA\r\n").count(), 2);
}

fn greeted(offer: &str, rest: Vec<Do>) -> Vec<Do> {
    let offer = Do::Say(format!("250-mail.firm.example\r\n250 {offer}\r\n"));
    [vec![say("220 mail\r\n"), Do::Hear("EHLO"), offer], rest].concat()
}

#[tokio::test]
async fn logging_in_and_being_refused() {
    let folder = tempfile::tempdir().unwrap();
    let secret = secret(folder.path());
    let asked = |line: &'static str, answer: &str| vec![Do::Hear(line), say(answer)];
    let login = [
        asked("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n"),
        asked("D2F0Y2HAZMLYBS5LEGFTCGXL", "334 UGFzc3dvcmQ6\r\n"),
        asked("CZNJCMV0", "235 in\r\n"),
    ]
    .concat();
    // The challenge says in base64 what is wrong; the answer to it is empty.
    let stale = [asked("AUTH XOAUTH2", "334 eyJzdGF0dXMiOiI0MDAifQ==\r\n"), asked("", "535 5.7.8 token expired\r\n")];
    #[rustfmt::skip]
    let cases = vec![
        ("AUTH PLAIN LOGIN", false, asked("AUTH PLAIN", "235 in\r\n"),                "logged in by PLAIN", None),
        ("AUTH LOGIN",       false, login,                                            "logged in by LOGIN", None),
        ("AUTH XOAUTH2",     true,  asked("AUTH XOAUTH2", "235 in\r\n"),              "logged in by XOAUTH2", None),
        ("AUTH XOAUTH2",     true,  stale.concat(),                                   "token expired", Some(false)),
        ("AUTH PLAIN",       false, asked("AUTH PLAIN", "535 5.7.8 no\r\n"),          "check `user` and the secret", Some(false)),
        ("AUTH PLAIN",       false, asked("AUTH PLAIN", "454 4.7.0 later\r\n"),       "refuses the log-in: 454", Some(true)),
        ("AUTH PLAIN",       true,  vec![Do::Silence],                                "takes no token", Some(false)),
        ("PIPELINING",       false, vec![Do::Silence],                                "takes no password", Some(false)),
    ];
    for (offer, token, script, says, passing) in cases {
        let (address, heard) = serve(vec![greeted(offer, script)], None, None).await;
        let settings = server(address, Tls::None, None);
        let settings = if token { with_token(settings, &secret) } else { with_password(settings, &secret) };
        match (Relay::patient(settings, FROM.to_owned(), PATIENT).check().await, passing) {
            (Ok(report), None) => {
                let report = report.to_string();
                assert!(report.contains(says) && report.contains("mail.firm.example"), "{offer}: {report}");
            }
            (Err(error), Some(passing)) => {
                assert!(error.to_string().contains(says) && !error.to_string().contains("s3cret"), "{error}");
                assert_eq!(error.is_passing(), passing, "{error}");
            }
            (other, _) => panic!("{offer}: {other:?}\n{}", text(&heard)),
        }
        assert!(!text(&heard).contains("MAIL"));
    }
    // Others could read it: it is not even tried.
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    let settings = with_password(server(nowhere().await, Tls::None, None), &secret);
    let error = Relay::patient(settings, FROM.to_owned(), PATIENT).ready().await.err().unwrap();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[tokio::test]
async fn privacy_is_checked_before_anything_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong_name) = (Arc::new(Trust::new("localhost")), Arc::new(Trust::new("mail.elsewhere.example")));
    let ca = |name: &str, trust: &Trust| {
        let path = folder.path().join(name);
        trust.write(&path);
        path
    };
    let (right_ca, wrong_ca) = (ca("right", &right), ca("wrong", &wrong_name));
    let other_ca = ca("other", &Trust::new("localhost"));
    let empty_ca = folder.path().join("empty");
    std::fs::write(&empty_ca, "").unwrap();
    let over = |answer: &str| {
        let private = [hello(vec![]).split_off(1), accepted()].concat();
        greeted("STARTTLS", [vec![Do::Hear("STARTTLS"), say(answer), Do::StartTls], private].concat())
    };
    let stripped = greeted("PIPELINING", vec![Do::Silence]);
    #[rustfmt::skip]
    let cases = vec![
        ("implicit",            Tls::Implicit, Some(&right),      None,              &right_ca, hello(accepted()),                "sent", ""),
        ("starttls",            Tls::StartTls, None,              Some(&right),      &right_ca, over("220 go\r\n"),               "sent", ""),
        ("unknown authority",   Tls::Implicit, Some(&right),      None,              &other_ca, hello(accepted()),                "relay_fault", "ca_file"),
        ("wrong host name",     Tls::Implicit, Some(&wrong_name), None,              &wrong_ca, hello(accepted()),                "relay_fault", "name `host`"),
        ("wrong after starttls", Tls::StartTls, None,             Some(&wrong_name), &wrong_ca, over("220 go\r\n"),               "relay_fault", "name `host`"),
        ("a plain-text server", Tls::Implicit, None,              None,              &right_ca, hello(accepted()),                "relay_fault", "TLS on this port"),
        ("starttls stripped",   Tls::StartTls, None,              Some(&right),      &right_ca, stripped,                         "relay_fault", "offers no STARTTLS"),
        ("starttls refused",    Tls::StartTls, None,              Some(&right),      &right_ca, over("502 no\r\n"),               "relay_fault", "offers no STARTTLS"),
        ("starttls put off",    Tls::StartTls, None,              Some(&right),      &right_ca, over("454 later\r\n"),            "deferred", "454"),
        ("an answer slipped in", Tls::StartTls, None,             Some(&right),      &right_ca, over("220 go\r\n250 AUTH PLAIN\r\n"), "relay_fault", ""),
        ("no certificate",      Tls::Implicit, Some(&right),      None,              &empty_ca, hello(accepted()),                "relay_fault", "no certificate"),
    ];
    for (name, tls, implicit, later, ca, script, expected, says) in cases {
        let (address, heard) = serve(vec![script], implicit.map(Arc::clone), later.map(Arc::clone)).await;
        let mut relay = Relay::patient(server(address, tls, Some(ca)), FROM.to_owned(), PATIENT);
        let outcome = relay.send(TO, MAIL).await;
        assert_eq!(word(&outcome), expected, "{name}: {outcome:?}");
        assert!(outcome.reason().contains(says), "{name}: {outcome:?}");
        assert_eq!(text(&heard).contains("MAIL FROM"), expected == "sent", "{name}");
    }
}

#[test]
fn the_wire_is_clean_whatever_the_message() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let message = proptest::collection::vec(proptest::sample::select(b"ab .\r\n.\r\n\0\xc3".to_vec()), 0..120);
    runner
        .run(&message, |body| {
            let heard = runtime.block_on(async {
                let (address, heard) = serve(vec![hello(accepted())], None, None).await;
                let outcome = plain(address, PATIENT).send(TO, &body).await;
                assert_eq!(word(&outcome), "sent", "{outcome:?}");
                heard.lock().unwrap().clone()
            });
            assert_crlf_only(&heard);
            // The message arrives as it was, once its dots are unstuffed and its line ends are made equal.
            let begin = heard.windows(6).position(|w| w == b"DATA\r\n").unwrap() + 6;
            let (body_on_wire, end) = heard[begin..].split_at(heard.len() - begin - 3);
            assert_eq!(end, b".\r\n");
            let lines: Vec<&[u8]> = body_on_wire.split_inclusive(|b| *b == b'\n').collect();
            assert!(lines.iter().all(|line| line.first() != Some(&b'.') || line.get(1) == Some(&b'.')), "{lines:?}");
            let arrived: Vec<u8> =
                lines.iter().flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect();
            let latin = |bytes: &[u8]| bytes.iter().map(|b| char::from(*b)).collect::<String>();
            let mut sent = latin(&body).replace("\r\n", "\n").replace('\r', "\n");
            if !sent.ends_with('\n') {
                sent.push('\n');
            }
            assert_eq!(latin(&arrived).replace("\r\n", "\n"), sent);
            Ok(())
        })
        .unwrap();
}

fn assert_crlf_only(bytes: &[u8]) {
    for (n, byte) in bytes.iter().enumerate() {
        let before = n.checked_sub(1).and_then(|n| bytes.get(n));
        assert!(*byte != b'\n' || before == Some(&b'\r'), "a bare LF");
        assert!(*byte != b'\r' || bytes.get(n + 1) == Some(&b'\n'), "a bare CR");
    }
}

#[tokio::test]
async fn an_envelope_has_one_recipient_and_asks_for_no_extension() {
    let offers = greeted("8BITMIME\r\n250-SMTPUTF8\r\n250 CHUNKING", accepted()).into_iter();
    let script = offers.map(|step| match step {
        Do::Say(reply) if reply.contains("8BITMIME") => Do::Say(reply.replace("250 8BITMIME", "250-8BITMIME")),
        step => step,
    });
    let (address, heard) = serve(vec![script.collect()], None, None).await;
    // Large enough for many pieces, and a dot begins each line.
    let body = format!("Subject: a\r\n\r\n{}", ".dots\r\n".repeat(20_000));
    let outcome = plain(address, PATIENT).send(TO, body.as_bytes()).await;
    assert!(matches!(&outcome, Outcome::Sent { reply } if reply == "250 2.0.0 queued as 4711"), "{outcome:?}");
    let heard = text(&heard);
    let (envelope, message) = heard.split_once("DATA\r\n").unwrap();
    let (_, envelope) = envelope.split_once("\r\n").unwrap();
    assert_eq!(envelope, "MAIL FROM:<watch@firm.example>\r\nRCPT TO:<dana@firm.example>\r\n");
    assert_eq!(message, format!("Subject: a\r\n\r\n{}.\r\n", "..dots\r\n".repeat(20_000)));
}

#[tokio::test]
async fn what_no_relay_takes_is_not_tried() {
    let mut relay = plain(nowhere().await, PATIENT);
    let long = [b"Subject: a\r\n\r\n".as_slice(), &[b'x'; 1_200]].concat();
    assert_eq!(word(&relay.send(TO, &long).await), "content");
    for bad in ["", "dana", "dana@firm.example>\r\nRCPT TO:<eve@evil.example", "d a@firm.example", "é@firm.example"] {
        let outcome = relay.send(bad, MAIL).await;
        assert_eq!(word(&outcome), "refused", "{bad:?}");
        assert!(!outcome.reason().contains("firm"), "{outcome:?}");
    }
    let mut ours = Relay::patient(server(nowhere().await, Tls::None, None), "no address".to_owned(), PATIENT);
    assert_eq!(word(&ours.send(TO, MAIL).await), "relay_fault");
}

#[tokio::test]
async fn errors_name_the_step_and_the_remedy() {
    #[rustfmt::skip]
    let cases: Vec<(Vec<Do>, &str, &str)> = vec![
        (vec![say("554 5.7.1 go away\r\n")],                          "us at the greeting: 554", "`auth`"),
        (vec![say("* OK IMAP4rev1\r\n")],                             "greeting", "`port`"),
        (vec![Do::HangUp],                                            "greeting", "`tls`"),
        (vec![say("220 x\r\n"), Do::Hear("EHLO"), say("502 no\r\n")], "EHLO: 502", "`auth`"),
        (vec![say("220 x\r\n"), Do::Hear("EHLO"), Do::Silence],       "EHLO", "overloaded"),
    ];
    for (script, step, remedy) in cases {
        let (address, _) = serve(vec![script], None, None).await;
        let timeouts = if remedy == "overloaded" { QUICK } else { PATIENT };
        let error = plain(address, timeouts).check().await.err().unwrap().to_string();
        assert!(error.contains(step) && error.contains(remedy), "{error}");
    }
    let error = plain(nowhere().await, PATIENT).check().await.err().unwrap();
    assert!(matches!(error, RelayError::Connect { .. }) && error.to_string().contains("`host`"), "{error}");
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_log_has_secrets_addresses_or_mail_even_at_its_most_talkative() {
    let folder = tempfile::tempdir().unwrap();
    let secret = secret(folder.path());
    let log = Log::default();
    let kept = log.clone();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || kept.clone()).init();
    tracing::info!("begun");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let script = [vec![Do::Hear("AUTH PLAIN"), say("235 in\r\n")], accepted()].concat();
        let (address, _) = serve(vec![greeted("AUTH PLAIN", script)], None, None).await;
        let settings = with_password(server(address, Tls::None, None), &secret);
        let mut relay = Relay::patient(settings, FROM.to_owned(), PATIENT);
        assert_eq!(word(&relay.send("canary@firm.example", b"Subject: canary\r\n\r\ncanary\r\n").await), "sent");
    });
    let log = String::from_utf8_lossy(&log.0.lock().unwrap().clone()).into_owned();
    assert!(log.contains("begun"), "{log}");
    for canary in ["canary", "s3cret", "AHdhdGNo", "CZNJCMV0", "@"] {
        assert!(!log.contains(canary), "{canary}: {log}");
    }
}
