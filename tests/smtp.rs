//! What the SMTP edge makes of relays that refuse, hang and cut off, and what it puts on the wire.
#![expect(clippy::unwrap_used, clippy::too_many_lines, reason = "tables are long, and a failed step fails its test")]
#![allow(dead_code, reason = "each test file uses its own part of what they share")]

#[path = "support/scripted.rs"]
mod scripted;

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use barometer::config::Tls;
use barometer::edge::smtp::{Outcome, Relay, Timeouts};
use proptest::test_runner::{Config, TestRunner};
use scripted::{Do, Heard, Trust, nowhere, say, serve, server, with_password};

const QUICK: Timeouts = Timeouts {
    connect: Duration::from_millis(600),
    command: Duration::from_millis(600),
    data: Duration::from_millis(600),
    message: Duration::from_millis(600),
};
const FROM: &str = "watch@firm.example";
const MAIL: &[u8] = b"Subject: a\r\n\r\nHello\r\n";

fn hello(rest: Vec<Do>) -> Vec<Do> {
    [vec![say("220 mail ESMTP\r\n"), Do::Hear("EHLO"), say("250-mail\r\n250 PIPELINING\r\n")], rest].concat()
}

/// A transaction up to a step, which answers so; `None` lets it pass.
fn transaction(
    mail: Option<Vec<Do>>,
    recipient: Option<Vec<Do>>,
    data: Option<Vec<Do>>,
    dot: Option<Vec<Do>>,
) -> Vec<Do> {
    let mut script = Vec::new();
    let steps = [
        (Do::Hear("MAIL FROM"), mail, "250 ok\r\n"),
        (Do::Hear("RCPT TO"), recipient, "250 ok\r\n"),
        (Do::Hear("DATA"), data, "354 go\r\n"),
        (Do::HearMessage, dot, "250 2.0.0 queued as 4711\r\n"),
    ];
    for (hear, answer, pass) in steps {
        script.push(hear);
        match answer {
            Some(answer) => {
                script.extend(answer);
                return script;
            }
            None => script.push(say(pass)),
        }
    }
    script
}

async fn attempt(script: Vec<Do>) -> (Outcome, Heard) {
    let (address, heard) = serve(vec![script], None, None).await;
    let mut relay = Relay::patient(server(address, Tls::None, None), FROM.to_owned(), QUICK);
    (relay.send("dana@firm.example", MAIL).await, heard)
}

#[tokio::test]
async fn each_answer_at_each_step_means_what_it_must() {
    let answer = |text: &str| Some(vec![say(text)]);
    let at = |step: usize, what: Option<Vec<Do>>| {
        let mut steps = [None, None, None, None];
        steps[step] = what;
        let [a, b, c, d] = steps;
        hello(transaction(a, b, c, d))
    };
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<Do>, &str)> = vec![
        ("accepted",                at(0, None),                                          "sent"),
        ("greeting 554",            vec![say("554 go away\r\n")],                             "relay_fault"),
        ("greeting 421",            vec![say("421 busy\r\n")],                                "relay_fault"),
        ("greeting cut off",        vec![Do::HangUp],                                         "relay_fault"),
        ("greeting silent",         vec![Do::Silence],                                        "relay_fault"),
        ("greeting is no SMTP",     vec![say("* OK IMAP4rev1\r\n")],                          "relay_fault"),
        ("EHLO 502",                vec![say("220 x\r\n"), Do::Hear("EHLO"), say("502 no\r\n")], "relay_fault"),
        ("EHLO with a blank line",  vec![say("220 x\r\n"), Do::Hear("EHLO"), say("250-mail\r\n250 \r\n")], "sent or fault"),
        ("MAIL 451",                at(0, answer("451 4.3.0 later\r\n")),                     "deferred"),
        ("MAIL 530",                at(0, answer("530 5.7.0 log in first\r\n")),              "relay_fault"),
        ("MAIL 553",                at(0, answer("553 5.7.1 not your address\r\n")),          "relay_fault"),
        ("MAIL cut off",            at(0, Some(vec![Do::HangUp])),                            "deferred"),
        ("RCPT 450 greylisted",     at(1, answer("450 4.7.1 come again\r\n")),                "deferred"),
        ("RCPT 452",                at(1, answer("452 4.2.2 full\r\n")),                      "deferred"),
        ("RCPT 550 5.1.1",          at(1, answer("550 5.1.1 <dana@firm.example> who?\r\n")),  "refused"),
        ("RCPT 550 5.2.1",          at(1, answer("550-5.2.1 it is\r\n550 5.2.1 disabled\r\n")), "refused"),
        ("RCPT 552 5.2.2",          at(1, answer("552 5.2.2 full\r\n")),                      "deferred"),
        ("RCPT 550",                at(1, answer("550 no\r\n")),                              "doubtful"),
        ("RCPT 550 5.5.0",          at(1, answer("550 5.5.0 no\r\n")),                        "doubtful"),
        ("RCPT 550 5.7.30",         at(1, answer("550 5.7.30 basic auth is over\r\n")),       "relay_fault"),
        ("RCPT silent",             at(1, Some(vec![Do::Silence])),                           "deferred"),
        ("RCPT in pieces",          at(1, Some(vec![Do::Drip("550 5.1.1 no\r\n".to_owned())])), "refused"),
        ("RCPT garbage",            at(1, answer("what?\r\n")),                               "deferred"),
        ("DATA 451",                at(2, answer("451 later\r\n")),                           "deferred"),
        ("DATA 554",                at(2, answer("554 no\r\n")),                              "doubtful"),
        ("DATA 421",                at(2, Some(vec![say("421 bye\r\n"), Do::HangUp])),        "deferred"),
        ("dot 451",                 at(3, answer("451 4.3.0 disk full\r\n")),                 "deferred"),
        ("dot 554 5.7.1",           at(3, answer("554 5.7.1 looks like spam\r\n")),           "content"),
        ("dot 552 5.3.4",           at(3, answer("552 5.3.4 too large\r\n")),                 "content"),
        ("dot 550 5.1.1",           at(3, answer("550 5.1.1 nobody\r\n")),                    "refused"),
        ("dot cut off",             at(3, Some(vec![Do::HangUp])),                            "unknown"),
        ("dot silent",              at(3, Some(vec![Do::Silence])),                           "unknown"),
        ("dot half a reply",        at(3, Some(vec![say("250 2.0"), Do::HangUp])),            "unknown"),
        ("dot in pieces",           at(3, Some(vec![Do::Drip("250-ok\r\n250 queued\r\n".to_owned())])), "sent"),
    ];
    for (name, script, expected) in cases {
        let (outcome, _) = attempt(script).await;
        let word = match &outcome {
            Outcome::Sent { .. } => "sent",
            Outcome::Deferred { .. } => "deferred",
            Outcome::RelayFault { .. } => "relay_fault",
            Outcome::Doubtful { .. } => "doubtful",
            Outcome::Refused { .. } => "refused",
            Outcome::ContentRefused { .. } => "content",
            Outcome::Unknown { .. } => "unknown",
        };
        // Whatever the library makes of it, the program lives.
        if expected == "sent or fault" {
            assert!(matches!(word, "relay_fault" | "deferred"), "{name}: {outcome:?}");
        } else {
            assert_eq!(word, expected, "{name}: {outcome:?}");
        }
        assert!(!outcome.reason().contains("dana@"), "{outcome:?}");
    }
    let mut relay = Relay::patient(server(nowhere().await, Tls::None, None), FROM.to_owned(), QUICK);
    assert!(matches!(relay.send("dana@firm.example", MAIL).await, Outcome::RelayFault { .. }));
}

#[tokio::test]
async fn one_connection_carries_several_and_a_stale_one_is_replaced() {
    let one = || transaction(None, None, None, None);
    let noop = || vec![Do::Hear("NOOP"), say("250 ok\r\n")];
    let first =
        hello([one(), noop(), one(), vec![Do::Hear("NOOP"), say("421 idle too long\r\n"), Do::HangUp]].concat());
    let (address, heard) = serve(vec![first, hello(one())], None, None).await;
    let mut relay = Relay::patient(server(address, Tls::None, None), FROM.to_owned(), QUICK);
    for _ in 0..3 {
        relay.ready().await.unwrap();
        assert!(matches!(relay.send("dana@firm.example", MAIL).await, Outcome::Sent { .. }));
    }
    let heard = String::from_utf8(heard.lock().unwrap().clone()).unwrap();
    assert_eq!(heard.matches("EHLO").count(), 2, "{heard}");
    assert_eq!(heard.matches("RCPT TO:<dana@firm.example>\r\n").count(), 3, "{heard}");
}

#[tokio::test]
async fn logging_in_and_being_refused() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s3cret\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let greeted = |rest: Vec<Do>| {
        [
            vec![say("220 mail\r\n"), Do::Hear("EHLO"), say("250-mail\r\n250 AUTH PLAIN\r\n"), Do::Hear("AUTH PLAIN")],
            rest,
        ]
        .concat()
    };
    for (answer, good, says) in [
        ("235 in\r\n", true, ""),
        ("535 5.7.8 no\r\n", false, "refuses the log-in"),
        ("454 4.7.0 later\r\n", false, "cannot reach"),
    ] {
        let (address, heard) = serve(vec![greeted(vec![say(answer)])], None, None).await;
        let settings = with_password(server(address, Tls::None, None), &secret);
        let outcome = Relay::patient(settings, FROM.to_owned(), QUICK).ready().await;
        assert_eq!(outcome.is_ok(), good, "{answer}: {outcome:?}");
        if let Err(error) = outcome {
            assert!(error.to_string().contains(says) && !error.to_string().contains("s3cret"), "{error}");
        }
        assert!(
            String::from_utf8(heard.lock().unwrap().clone()).unwrap().contains("AHdhdGNoQGZpcm0uZXhhbXBsZQBzM2NyZXQ=")
        );
    }
    // Others could read it: it is not even tried.
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    let settings = with_password(server(nowhere().await, Tls::None, None), &secret);
    let error = Relay::patient(settings, FROM.to_owned(), QUICK).ready().await.err().unwrap();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[tokio::test]
async fn privacy_is_checked_before_anything_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong_name) = (Arc::new(Trust::new("localhost")), Arc::new(Trust::new("mail.elsewhere.example")));
    let other = Trust::new("localhost");
    let ca = |name: &str, trust: &Trust| {
        let path = folder.path().join(name);
        trust.write(&path);
        path
    };
    let (right_ca, wrong_ca, other_ca) = (ca("right", &right), ca("wrong", &wrong_name), ca("other", &other));
    let starttls = |offer: &str, rest: Vec<Do>| {
        [vec![say("220 mail\r\n"), Do::Hear("EHLO"), Do::Say(format!("250-mail\r\n250 {offer}\r\n"))], rest].concat()
    };
    let all = || hello(transaction(None, None, None, None));
    let inside = hello(vec![]).split_off(1);
    let upgraded = starttls(
        "STARTTLS",
        [vec![Do::Hear("STARTTLS"), say("220 go\r\n"), Do::StartTls], inside, transaction(None, None, None, None)]
            .concat(),
    );
    #[rustfmt::skip]
    let cases = vec![
        ("implicit",            Tls::Implicit, Some(Arc::clone(&right)),      None,                      &right_ca, all(),      true),
        ("starttls",            Tls::StartTls, None,                          Some(Arc::clone(&right)),  &right_ca, upgraded,   true),
        ("unknown authority",   Tls::Implicit, Some(Arc::clone(&right)),      None,                      &other_ca, all(),      false),
        ("wrong host name",     Tls::Implicit, Some(Arc::clone(&wrong_name)), None,                      &wrong_ca, all(),      false),
        ("a plain-text server", Tls::Implicit, None,                          None,                      &right_ca, all(),      false),
        ("starttls stripped",   Tls::StartTls, None,                          Some(Arc::clone(&right)),  &right_ca, starttls("PIPELINING", vec![Do::Silence]), false),
    ];
    for (name, tls, implicit, later, ca, script, good) in cases {
        let (address, heard) = serve(vec![script], implicit, later).await;
        let mut relay = Relay::patient(server(address, tls, Some(ca)), FROM.to_owned(), QUICK);
        let outcome = relay.send("dana@firm.example", MAIL).await;
        assert_eq!(matches!(outcome, Outcome::Sent { .. }), good, "{name}: {outcome:?}");
        let heard = String::from_utf8_lossy(&heard.lock().unwrap().clone()).into_owned();
        assert_eq!(heard.contains("MAIL FROM"), good, "{name}: {heard}");
    }
}

#[test]
fn the_wire_is_clean_whatever_the_message() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let message = proptest::collection::vec(proptest::sample::select(b"ab .\r\n\0\xc3".to_vec()), 0..120);
    runner
        .run(&message, |body| {
            let bytes = [b"Subject: a\r\n\r\n".as_slice(), &body].concat();
            let heard = runtime.block_on(async {
                let (address, heard) = serve(vec![hello(transaction(None, None, None, None))], None, None).await;
                let mut relay = Relay::patient(server(address, Tls::None, None), FROM.to_owned(), QUICK);
                let outcome = relay.send("dana@firm.example", &bytes).await;
                assert!(matches!(outcome, Outcome::Sent { .. }), "{outcome:?}");
                heard.lock().unwrap().clone()
            });
            let text: Vec<u8> = heard;
            // No CR without LF, no LF without CR.
            for (n, byte) in text.iter().enumerate() {
                let before = n.checked_sub(1).and_then(|n| text.get(n));
                assert_eq!(*byte == b'\n', before == Some(&b'\r') && *byte == b'\n');
                assert!(*byte != b'\r' || text.get(n + 1) == Some(&b'\n'), "a bare CR");
            }
            // The message arrives as it was, once its dots are unstuffed and its line ends are made equal.
            let begin = text.windows(6).position(|w| w == b"DATA\r\n").unwrap() + 6;
            let end = text.windows(5).rposition(|w| w == b"\r\n.\r\n").unwrap();
            let arrived = String::from_utf8_lossy(&text[begin..end]).replace("\r\n..", "\r\n.").replace("\r\n", "\n");
            let sent = String::from_utf8_lossy(&bytes).replace("\r\n", "\n").replace('\r', "\n");
            assert_eq!(arrived, sent.strip_suffix('\n').unwrap_or(&sent));
            Ok(())
        })
        .unwrap();
    let addressed = runtime.block_on(async {
        let (address, _) = serve(vec![hello(vec![])], None, None).await;
        let mut relay = Relay::patient(server(address, Tls::None, None), FROM.to_owned(), QUICK);
        relay.send("dana@firm.example>\r\nRCPT TO:<eve@evil.example", MAIL).await
    });
    assert!(matches!(addressed, Outcome::Refused { .. }));
}

#[tokio::test]
async fn a_line_that_no_relay_takes_is_not_sent() {
    let long = [b"Subject: a\r\n\r\n".as_slice(), &[b'x'; 1_200]].concat();
    let mut relay = Relay::patient(server(nowhere().await, Tls::None, None), FROM.to_owned(), QUICK);
    assert!(matches!(relay.send("dana@firm.example", &long).await, Outcome::ContentRefused { .. }));
}
