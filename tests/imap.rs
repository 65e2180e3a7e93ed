//! What the IMAP edge makes of servers that refuse, hang, lie and cut off.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails its test")]
#![allow(dead_code, reason = "each test file uses its own part of what they share")]

#[path = "support/scripted.rs"]
mod scripted;

use std::sync::Arc;
use std::time::Duration;

use barometer::config::Tls;
use barometer::edge::imap::{Class, Idle, ImapError, Listed, Session, Timeouts};
use barometer::edge::login::Login;
use scripted::{Do, Heard, Trust, nowhere, password, say, serve, server, token};
use tokio_util::sync::CancellationToken;

const QUICK: Timeouts = Timeouts { connect: Duration::from_millis(600), command: Duration::from_millis(600) };

/// Greeting and log-in of a plain server, then what a test wants.
fn logged_in(rest: Vec<Do>) -> Vec<Do> {
    let mut script = vec![
        say("* OK hello\r\n"),
        Do::Hear("CAPABILITY"),
        say("* CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN\r\n{tag} OK done\r\n"),
        Do::Hear("AUTHENTICATE PLAIN"),
        say("+ \r\n"),
        Do::Hear("AHDHDGNOQGZPCM0UZXHHBXBSZQBZM2NYZXQ="),
        say("{tag} OK in\r\n"),
        Do::Hear("CAPABILITY"),
        say("* CAPABILITY IMAP4rev1 IDLE UIDPLUS\r\n{tag} OK done\r\n"),
    ];
    script.extend(rest);
    script
}

async fn connect_with(script: Vec<Do>, login: Option<Login>) -> (Result<Session, ImapError>, Heard) {
    let (address, heard) = serve(vec![script], None, None).await;
    (Session::connect(&server(address, Tls::None, None), login, &QUICK).await, heard)
}

async fn session(rest: Vec<Do>) -> Session {
    connect_with(logged_in(rest), Some(password())).await.0.unwrap_or_else(|error| panic!("{error}"))
}

/// What an error is about, in a word.
fn kind(error: &ImapError) -> &'static str {
    match error {
        ImapError::Tls(_) => "tls",
        ImapError::Host { .. } => "host",
        ImapError::Exposed { .. } => "exposed",
        ImapError::Connect { .. } => "connect",
        ImapError::Handshake { .. } => "handshake",
        ImapError::NoStartTls { .. } => "starttls",
        ImapError::Greeting { .. } => "greeting",
        ImapError::NoMechanism { .. } => "mechanism",
        ImapError::NoSecret => "secret",
        ImapError::Login { .. } => "login",
        ImapError::Folder { .. } => "folder",
        ImapError::Target { .. } => "target",
        ImapError::Message { .. } => "message",
        ImapError::NoUidValidity { .. } => "uidvalidity",
        ImapError::No { .. } => "no",
        ImapError::Bad { .. } => "bad",
        ImapError::Bye { .. } => "bye",
        ImapError::Ended { .. } => "ended",
        ImapError::Broke { .. } => "broke",
        ImapError::Slow { .. } => "slow",
        ImapError::Garbled { .. } => "garbled",
    }
}

/// What it is, the script, the log-in, what the error is about, and what to do about it.
type Case = (&'static str, Vec<Do>, Option<Login>, &'static str, Class);

/// Every way in which the answer to a command can fail, with what must be told of it.
fn failures() -> Vec<(Vec<Do>, &'static str, Class)> {
    vec![
        (vec![say("{tag} NO [UNAVAILABLE] later, ann@acme.example\r\n")], "no", Class::Busy),
        (vec![say("{tag} BAD what?\r\n")], "bad", Class::Protocol),
        (vec![say("* BYE going down\r\n"), Do::HangUp], "bye", Class::Lost),
        (vec![Do::HangUp], "ended", Class::Lost),
        (vec![say("* 1 FET"), Do::HangUp], "ended", Class::Lost),
        (vec![Do::Silence], "slow", Class::Lost),
        (vec![say("(((( no IMAP at all\r\n")], "garbled", Class::Protocol),
        (vec![say(&format!("* 1 FETCH (BODYSTRUCTURE {}\r\n", "(".repeat(400)))], "garbled", Class::Protocol),
        (vec![say("* 1 FETCH (UID 1 BODY[] {4294967296}\r\nabc")], "garbled", Class::Protocol),
    ]
}

#[tokio::test]
async fn a_failure_of_any_command_is_an_error_of_its_kind() {
    for (command, step) in
        [("SELECT", 0), ("UID SEARCH", 1), ("UID FETCH", 2), ("UID FETCH", 3), ("NOOP", 4), ("UID STORE", 5)]
    {
        for (answer, expected, class) in failures() {
            let mut script = vec![Do::Hear(command)];
            script.extend(answer.clone());
            let mut session = session(script).await;
            let listed = Listed { uid: 1, size_bytes: 10, arrived_at: None };
            let outcome = match step {
                0 => session.select("INBOX").await.map(|_| ()),
                1 => session.uids_from(1).await.map(|_| ()),
                2 => session.sizes(&[1]).await.map(|_| ()),
                3 => session.bodies(&[listed]).await.map(|_| ()),
                4 => session.noop().await,
                _ => session.flag(&[1]).await,
            };
            let error = outcome.expect_err(command);
            let expected = if step == 0 && expected == "no" { "folder" } else { expected };
            assert_eq!(kind(&error), expected, "{command} {answer:?}: {error}");
            assert_eq!(error.class(), class, "{command} {answer:?}: {error}");
            assert!(!error.to_string().contains("ann@"), "{error}");
        }
    }
}

#[tokio::test]
async fn greetings_and_log_ins_that_fail() {
    let ask = |rest: Vec<Do>| [vec![say("* OK hello\r\n"), Do::Hear("CAPABILITY")], rest].concat();
    let offer = |offered: &str, rest: Vec<Do>| {
        ask([vec![say(&format!("* CAPABILITY IMAP4rev1 {offered}\r\n{{tag}} OK done\r\n"))], rest].concat())
    };
    #[rustfmt::skip]
    let cases: Vec<Case> = vec![
        ("a web server",   vec![say("HTTP/1.1 400 Bad Request\r\n")],    Some(password()), "greeting", Class::Settings),
        ("busy",           vec![say("* BYE too many connections\r\n")],  Some(password()), "bye",      Class::Busy),
        ("an endless talk", vec![say("* OK hello\r\n"), Do::Hear("CAPABILITY"), Do::Say("* OK well\r\n".repeat(60))], Some(password()), "garbled", Class::Protocol),
        ("a good-bye",     offer("AUTH=PLAIN", vec![Do::Hear("AUTHENTICATE"), say("* bye [UNAVAILABLE] later\r\n")]), Some(password()), "bye", Class::Busy),
        ("not understood", offer("AUTH=PLAIN", vec![Do::Hear("AUTHENTICATE"), say("{tag} BAD what?\r\n")]), Some(password()), "bad", Class::Protocol),
        ("too many of us", offer("AUTH=PLAIN", vec![Do::Hear("AUTHENTICATE"), say("{tag} NO [ALERT] Too many simultaneous connections. (Failure)\r\n")]), Some(password()), "login", Class::Busy),
        ("hangs up",       vec![Do::HangUp],                             Some(password()), "ended",    Class::Lost),
        ("says nothing",   vec![Do::Silence],                            Some(password()), "slow",     Class::Lost),
        ("an endless line", vec![say(&"x".repeat(20_000))],              Some(password()), "garbled",  Class::Protocol),
        ("no secret",      vec![],                                       None,       "secret",   Class::Credentials),
        ("no password",    offer("LOGINDISABLED AUTH=GSSAPI", vec![]),   Some(password()), "mechanism", Class::Settings),
        ("no token",       offer("AUTH=PLAIN", vec![]),                  Some(token()),    "mechanism", Class::Settings),
        ("wrong password", offer("AUTH=PLAIN", vec![Do::Hear("AUTHENTICATE"), say("+ \r\n"), Do::Hear("="),
                               say("{tag} NO [AUTHENTICATIONFAILED] no\r\n")]), Some(password()), "login", Class::Credentials),
        ("busy log-in",    offer("AUTH=PLAIN", vec![Do::Hear("AUTHENTICATE"), say("+ \r\n"), Do::Hear("="),
                               say("{tag} NO [UNAVAILABLE] later\r\n")]), Some(password()), "login", Class::Busy),
        ("log-in cut off", offer("AUTH=PLAIN", vec![Do::Hear("AUTHENTICATE"), Do::HangUp]), Some(password()), "ended", Class::Lost),
        ("log-in silent",  offer("AUTH=PLAIN", vec![Do::Hear("AUTHENTICATE"), Do::Silence]), Some(password()), "slow", Class::Lost),
        ("stale token",    offer("AUTH=XOAUTH2", vec![Do::Hear("AUTHENTICATE XOAUTH2"), say("+ \r\n"), Do::Hear("="),
                               say("+ eyJzdGF0dXMiOiI0MDAifQ==\r\n"), Do::Hear(""),
                               say("{tag} NO AUTHENTICATE failed.\r\n")]), Some(token()), "login", Class::Credentials),
    ];
    for (name, script, login, expected, class) in cases {
        let (outcome, _) = connect_with(script, login).await;
        let error = outcome.err().unwrap_or_else(|| panic!("{name} succeeded"));
        assert_eq!(kind(&error), expected, "{name}: {error}");
        assert_eq!(error.class(), class, "{name}: {error}");
        assert!(!error.to_string().contains("s3cret") && !format!("{error:?}").contains("t0ken"), "{error:?}");
    }
    let mut elsewhere = server(nowhere().await, Tls::Implicit, None);
    elsewhere.host = "no-such-host.invalid".to_owned();
    assert_eq!(kind(&Session::connect(&elsewhere, Some(password()), &QUICK).await.err().unwrap()), "host");
    let mut bare = server(nowhere().await, Tls::None, None);
    bare.host = "192.0.2.1".to_owned();
    assert_eq!(kind(&Session::connect(&bare, Some(password()), &QUICK).await.err().unwrap()), "exposed");
    let lost = Session::connect(&server(nowhere().await, Tls::None, None), Some(password()), &QUICK).await;
    assert_eq!(kind(&lost.err().unwrap()), "connect");
}

#[tokio::test]
async fn tokens_are_given_by_the_mechanism_that_the_server_knows() {
    for (offered, proof) in [
        ("XOAUTH2", "user=watch@firm.example\x01auth=Bearer t0ken"),
        ("OAUTHBEARER", "n,a=watch@firm.example,\x01host=localhost"),
    ] {
        let script = vec![
            say("* OK hello\r\n"),
            Do::Hear("CAPABILITY"),
            Do::Say(format!("* CAPABILITY IMAP4rev1 AUTH={offered}\r\n{{tag}} OK done\r\n")),
            Do::Hear(if offered == "XOAUTH2" { "AUTHENTICATE XOAUTH2" } else { "AUTHENTICATE OAUTHBEARER" }),
            say("+ \r\n"),
            Do::Hear(""),
            say("{tag} OK in\r\n"),
            Do::Hear("CAPABILITY"),
            say("* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n"),
        ];
        let (outcome, heard) = connect_with(script, Some(token())).await;
        assert!(!outcome.unwrap_or_else(|error| panic!("{error}")).can_idle());
        let heard = String::from_utf8(heard.lock().unwrap().clone()).unwrap();
        let sent = heard.lines().find(|line| line.ends_with('=') || line.len() > 60).unwrap();
        let decoded = base64(sent);
        assert!(decoded.starts_with(proof), "{decoded:?}");
    }
}

#[tokio::test]
async fn a_log_in_is_as_short_as_the_server_allows_and_the_secret_is_said_once() {
    let offer = |offered: &str, rest: Vec<Do>| {
        let offer = Do::Say(format!("* CAPABILITY IMAP4rev1 {offered} \r\n{{tag}} OK done\r\n"));
        let after = vec![say("{tag} OK in\r\n"), Do::Hear("CAPABILITY"), say("{tag} OK done\r\n")];
        [vec![say("* OK hello\r\n"), Do::Hear("CAPABILITY"), offer], rest, after].concat()
    };
    #[rustfmt::skip]
    let cases = [
        ("with the command", offer("SASL-IR AUTH=PLAIN", vec![Do::Hear("AUTHENTICATE PLAIN AHDHDGNO")])),
        ("asked in words",   offer("AUTH=PLAIN", vec![Do::Hear("AUTHENTICATE PLAIN"), say("+ go ahead\r\n"), Do::Hear("AHDHDGNO")])),
        ("asked bare",       offer("AUTH=PLAIN", vec![Do::Hear("AUTHENTICATE PLAIN"), say("+\r\n"), Do::Hear("AHDHDGNO")])),
        ("asked again",      offer("AUTH=PLAIN", vec![Do::Hear("AUTHENTICATE PLAIN"), say("+\r\n"), Do::Hear("AHDHDGNO"), say("+\r\n"), Do::Hear("")])),
        ("the old way",      offer("IDLE", vec![Do::Hear("LOGIN \"WATCH@FIRM.EXAMPLE\" \"S3CRET\"")])),
    ];
    for (name, script) in cases {
        let (outcome, heard) = connect_with(script, Some(password())).await;
        assert!(outcome.is_ok(), "{name}: {:?}", outcome.err());
        let heard = String::from_utf8(heard.lock().unwrap().clone()).unwrap();
        assert_eq!(heard.matches("AHdhdGNo").count() + heard.matches("s3cret").count(), 1, "{name}: {heard}");
    }
}

/// Base64, decoded by hand: enough for a test.
fn base64(text: &str) -> String {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for value in text.chars().filter_map(|c| DIGITS.find(c)) {
        bits = (bits << 6) | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 255).unwrap());
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn privacy_is_checked_before_anything_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (right, other) = (Arc::new(Trust::new("localhost")), Trust::new("localhost"));
    let wrong_name = Arc::new(Trust::new("mail.elsewhere.example"));
    let ca = |name: &str, trust: &Trust| {
        let path = folder.path().join(name);
        trust.write(&path);
        path
    };
    let (right_ca, other_ca, wrong_ca) = (ca("right", &right), ca("other", &other), ca("wrong", &wrong_name));
    let hello = || logged_in(vec![]);

    let (address, _) = serve(vec![hello()], Some(Arc::clone(&right)), None).await;
    assert!(Session::connect(&server(address, Tls::Implicit, Some(&right_ca)), Some(password()), &QUICK).await.is_ok());

    let (address, heard) = serve(vec![hello()], Some(Arc::clone(&right)), None).await;
    let error = Session::connect(&server(address, Tls::Implicit, Some(&other_ca)), Some(password()), &QUICK)
        .await
        .err()
        .unwrap();
    assert_eq!((kind(&error), error.class()), ("handshake", Class::Settings), "an unknown authority");
    assert!(heard.lock().unwrap().is_empty());

    let (address, _) = serve(vec![hello()], Some(wrong_name), None).await;
    let error = Session::connect(&server(address, Tls::Implicit, Some(&wrong_ca)), Some(password()), &QUICK)
        .await
        .err()
        .unwrap();
    assert_eq!(kind(&error), "handshake", "a wrong host name");

    let (address, _) = serve(vec![hello()], None, None).await;
    let error = Session::connect(&server(address, Tls::Implicit, Some(&right_ca)), Some(password()), &QUICK)
        .await
        .err()
        .unwrap();
    assert_eq!((kind(&error), error.class()), ("handshake", Class::Settings), "a plain-text server");

    let missing = folder.path().join("missing");
    let (address, _) = serve(vec![hello()], None, None).await;
    let error = Session::connect(&server(address, Tls::Implicit, Some(&missing)), Some(password()), &QUICK)
        .await
        .err()
        .unwrap();
    assert_eq!(kind(&error), "tls", "{error}");
    assert!(error.to_string().contains("ca_file"), "{error}");
}

#[tokio::test]
async fn starttls_must_be_offered_and_must_be_all_that_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let trust = Arc::new(Trust::new("localhost"));
    let ca = folder.path().join("ca");
    trust.write(&ca);
    let offered = "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n{tag} OK done\r\n";
    let begin = |capabilities: &str, rest: Vec<Do>| {
        [vec![say("* OK hello\r\n"), Do::Hear("CAPABILITY"), say(capabilities)], rest].concat()
    };
    // The log-in without its greeting: there is none after STARTTLS.
    let inside = logged_in(vec![]).split_off(1);
    let good = begin(offered, [vec![Do::Hear("STARTTLS"), say("{tag} OK go\r\n"), Do::StartTls], inside].concat());
    let (address, _) = serve(vec![good], None, Some(Arc::clone(&trust))).await;
    let outcome = Session::connect(&server(address, Tls::StartTls, Some(&ca)), Some(password()), &QUICK).await;
    assert!(outcome.is_ok(), "{:?}", outcome.err());

    let stripped = begin("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n", vec![Do::Silence]);
    let refused = begin(offered, vec![Do::Hear("STARTTLS"), say("{tag} NO not now\r\n")]);
    let injected =
        begin(offered, vec![Do::Hear("STARTTLS"), say("{tag} OK go\r\n* CAPABILITY AUTH=PLAIN\r\n"), Do::Silence]);
    for (name, script) in [("stripped", stripped), ("refused", refused), ("injected", injected)] {
        let (address, heard) = serve(vec![script], None, Some(Arc::clone(&trust))).await;
        let error =
            Session::connect(&server(address, Tls::StartTls, Some(&ca)), Some(password()), &QUICK).await.err().unwrap();
        assert!(matches!(kind(&error), "starttls" | "handshake"), "{name}: {error}");
        let heard = String::from_utf8(heard.lock().unwrap().clone()).unwrap();
        assert!(!heard.contains("AUTHENTICATE"), "{name}: {heard}");
    }
}

#[tokio::test]
async fn a_folder_is_opened_only_with_a_uidvalidity() {
    let answer = "* FLAGS (\\Seen)\r\n* 3 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 77] ok\r\n* OK [UIDNEXT 12] ok\r\n{tag} OK [READ-WRITE] done\r\n";
    let mut good = session(vec![Do::Hear("SELECT \"B&APW-RO\""), say(answer)]).await;
    let selected = good.select("Büro").await.unwrap();
    assert_eq!((selected.uid_validity, selected.uid_next, selected.exists), (77, Some(12), 3));
    let mut bare = session(vec![Do::Hear("SELECT"), say("* 3 EXISTS\r\n{tag} OK done\r\n")]).await;
    assert_eq!(kind(&bare.select("INBOX").await.err().unwrap()), "uidvalidity");
}

#[tokio::test]
async fn lists_hold_what_was_asked_for_and_nothing_else() {
    let mut session = session(vec![
        Do::Hear("UID SEARCH UID 8:*"),
        // The range names the newest message, whatever its UID.
        say("* SEARCH 7\r\n{tag} OK done\r\n"),
        Do::Hear("UID SEARCH UID 5:*"),
        say("* SEARCH 9 5\r\n* SEARCH 7 7\r\n{tag} OK done\r\n"),
        Do::Hear("UID FETCH 5,7,9 (UID RFC822.SIZE INTERNALDATE)"),
        say("* 1 FETCH (UID 5 RFC822.SIZE 120 INTERNALDATE \"17-Jul-2026 02:44:25 -0700\")\r\n* 4 EXISTS\r\n* 2 EXPUNGE\r\n* 3 FETCH (FLAGS (\\Seen))\r\n* 3 FETCH (UID 9 RFC822.SIZE 99 INTERNALDATE \" 1-Aug-2026 00:00:00 +0000\")\r\n{tag} OK done\r\n"),
        Do::Hear("UID FETCH 5,9 (UID BODY.PEEK[])"),
        Do::Drip("* 1 FETCH (UID 5 BODY[] {5}\r\nh\r\n)o)\r\n* 9 FETCH (UID 90 BODY[] {1}\r\nx)\r\n{tag} OK done\r\n".to_owned()),
        Do::Hear("UID SEARCH SINCE 12-NOV-2026"),
        say("* SEARCH\r\n{tag} OK done\r\n"),
    ])
    .await;
    assert_eq!(session.uids_from(8).await.unwrap(), [] as [u32; 0]);
    assert_eq!(session.uids_from(5).await.unwrap(), [5, 7, 9]);
    let listed = session.sizes(&[5, 7, 9]).await.unwrap();
    assert_eq!(listed.iter().map(|l| (l.uid, l.size_bytes)).collect::<Vec<_>>(), [(5, 120), (9, 99)], "7 is gone");
    assert_eq!(listed[0].arrived_at, "2026-07-17T09:44:25Z".parse().ok());
    assert_eq!(session.bodies(&listed).await.unwrap(), [(5, b"h\r\n)o".to_vec())], "9 is gone, 90 was not asked for");
    let since = "2026-11-13T08:00:00Z".parse().unwrap();
    assert!(session.uids_since(since).await.unwrap().is_empty());
}

#[tokio::test]
async fn large_messages_come_in_slices_and_end_where_less_comes() {
    const SLICE: usize = 1024 * 1024;
    let slice = |offset: usize, length: usize| {
        Do::Say(format!(
            "* 1 FETCH (UID 4 BODY[]<{offset}> {{{length}}}\r\n{})\r\n{{tag}} OK done\r\n",
            "x".repeat(length)
        ))
    };
    let mut session = session(vec![
        Do::Hear("UID FETCH 4 (UID BODY.PEEK[]<0.1048576>)"),
        slice(0, SLICE),
        Do::Hear("UID FETCH 4 (UID BODY.PEEK[]<1048576.1048576>)"),
        slice(SLICE, 7),
        Do::Hear("UID FETCH 4 (UID BODY.PEEK[]<0.1000>)"),
        slice(0, 1_000),
        Do::Hear("UID FETCH 5 (UID BODY.PEEK[]<0.1048576>)"),
        say("{tag} OK done\r\n"),
    ])
    .await;
    // The server's word on the size is an estimate.
    assert_eq!(session.body(4, 30_000_000, u64::MAX).await.unwrap().unwrap().len(), SLICE + 7);
    assert_eq!(session.body(4, 90_000_000, 1_000).await.unwrap().unwrap().len(), 1_000, "the beginning alone");
    assert_eq!(session.body(5, 30_000_000, u64::MAX).await.unwrap(), None, "gone");
}

/// How long a message is, if it is there, or what the error is about.
type Length = Result<Option<usize>, &'static str>;

#[tokio::test]
async fn slices_end_well_whatever_the_server_makes_of_them() {
    const SLICE: usize = 1024 * 1024;
    let full = |origin: &str, length: usize| {
        Do::Say(format!(
            "* 1 FETCH (UID 4 BODY[]{origin} {{{length}}}\r\n{})\r\n{{tag}} OK done\r\n",
            "x".repeat(length)
        ))
    };
    let first = || vec![Do::Hear("<0.1048576>"), full("<0>", SLICE), Do::Hear("<1048576.1048576>")];
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<Do>, Length)> = vec![
        ("ends at a slice, in NIL", [first(), vec![say("* 1 FETCH (UID 4 BODY[]<1048576> NIL)\r\n{tag} OK done\r\n")]].concat(), Ok(Some(SLICE))),
        ("ends at a slice, empty",  [first(), vec![say("* 1 FETCH (UID 4 BODY[]<1048576> \"\")\r\n{tag} OK done\r\n")]].concat(), Ok(Some(SLICE))),
        ("gone midway",             [first(), vec![say("{tag} OK done\r\n")]].concat(), Ok(None)),
        ("gone midway, told so",    [first(), vec![say("{tag} NO [EXPUNGEISSUED] gone\r\n")]].concat(), Ok(None)),
        ("no slices there",         vec![Do::Hear("<0.1048576>"), full("", SLICE + 9)], Ok(Some(SLICE + 9))),
        ("more than was asked for", [first(), vec![full("<1048576>", SLICE + 1)]].concat(), Err("garbled")),
        ("another part",            [first(), vec![full("<0>", 5)]].concat(), Err("garbled")),
        ("refused",                 [first(), vec![say("{tag} NO cannot read it\r\n")]].concat(), Err("message")),
    ];
    for (name, script, expected) in cases {
        let mut session = session(script).await;
        let outcome = session.body(4, 30_000_000, 60_000_000).await;
        assert_eq!(outcome.map(|b| b.map(|b| b.len())).map_err(|error| kind(&error)), expected, "{name}");
    }
    let mut session = session(vec![Do::Hear("UID FETCH 4 (UID BODY.PEEK[])"), full("", 5_000)]).await;
    assert_eq!(session.body(4, 900, 1_000).await.unwrap().unwrap().len(), 1_000, "larger than it was said to be");
}

#[tokio::test]
async fn one_message_that_cannot_be_had_is_named() {
    let listed: Vec<Listed> = (1..=3).map(|uid| Listed { uid, size_bytes: 1, arrived_at: None }).collect();
    let one = "* 1 FETCH (UID 1 BODY[] {1}\r\na)\r\n";
    let script = vec![
        Do::Hear("UID FETCH 1:3 (UID BODY.PEEK[])"),
        Do::Say(format!("{one}{{tag}} NO some of them cannot be fetched\r\n")),
        Do::Hear("UID FETCH 2 (UID BODY.PEEK[])"),
        say("* 2 FETCH (UID 2 BODY[] {1}\r\nb)\r\n{tag} OK done\r\n"),
        Do::Hear("UID FETCH 3 (UID BODY.PEEK[])"),
        say("{tag} NO it is broken\r\n"),
        Do::Hear("UID FETCH 1:2 (UID BODY.PEEK[])"),
        Do::Say(format!("{one}{{tag}} NO [EXPUNGEISSUED] some are gone\r\n")),
        Do::Hear("UID FETCH 1:2 (UID BODY.PEEK[])"),
        say("{tag} NO [UNAVAILABLE] later\r\n"),
    ];
    let mut session = session(script).await;
    let error = session.bodies(&listed).await.err().unwrap();
    assert!(matches!(error, ImapError::Message { uid: 3, .. }), "{error}");
    assert_eq!(session.bodies(&listed[..2]).await.unwrap(), [(1, b"a".to_vec())], "refusals leave the session whole");
    assert_eq!(kind(&session.bodies(&listed[..2]).await.err().unwrap()), "no", "a busy server is no broken message");
}

#[tokio::test]
async fn long_lists_are_asked_for_in_parts() {
    let odd: Vec<u32> = (0..1_200).map(|n| 100_001 + 2 * n).collect();
    let some = |first: u32| Do::Say(format!("* 1 FETCH (RFC822.SIZE 5 UID {first})\r\n{{tag}} OK done\r\n"));
    let (outcome, heard) = connect_with(
        logged_in(vec![
            Do::Hear("UID FETCH 100001,"),
            some(100_001),
            Do::Hear("UID FETCH 101001,"),
            some(101_001),
            Do::Hear("UID FETCH 102001,"),
            some(102_001),
        ]),
        Some(password()),
    )
    .await;
    let listed = outcome.unwrap_or_else(|error| panic!("{error}")).sizes(&odd).await.unwrap();
    assert_eq!(listed.iter().map(|l| l.uid).collect::<Vec<_>>(), [100_001, 101_001, 102_001]);
    let heard = String::from_utf8(heard.lock().unwrap().clone()).unwrap();
    assert!(heard.lines().all(|line| line.len() < 4_096), "servers refuse long lines");
}

#[tokio::test]
async fn a_list_of_many_messages_is_read() {
    let uids: Vec<String> = (1..=100_000).map(|uid| (1_000_000 + uid).to_string()).collect();
    let all = Do::Say(format!("* SEARCH {}\r\n{{tag}} OK done\r\n", uids.join(" ")));
    let script = logged_in(vec![Do::Hear("UID SEARCH"), all]);
    let (address, _) = serve(vec![script], None, None).await;
    let mut session =
        Session::connect(&server(address, Tls::None, None), Some(password()), &Timeouts::default()).await.ok().unwrap();
    assert_eq!(session.uids_from(1).await.unwrap().len(), 100_000);
}

#[tokio::test]
async fn nested_lists_below_the_limit_are_no_danger() {
    let deep = format!("* 1 FETCH (BODYSTRUCTURE {}{})\r\n", "(".repeat(19), ")".repeat(19));
    let mut session = session(vec![Do::Hear("NOOP"), Do::Say(deep), say("{tag} OK done\r\n")]).await;
    // No such structure exists: what matters is that we are still here.
    assert_eq!(kind(&session.noop().await.err().unwrap()), "garbled");
}

#[tokio::test]
async fn a_session_that_failed_or_was_left_midway_is_not_used_again() {
    let hang = || vec![Do::Hear("NOOP"), Do::Silence];
    let mut failed = session(hang()).await;
    assert_eq!(kind(&failed.noop().await.err().unwrap()), "slow");
    assert_eq!(kind(&failed.noop().await.err().unwrap()), "ended");
    let mut left = session(hang()).await;
    assert!(tokio::time::timeout(Duration::from_millis(20), left.noop()).await.is_err());
    assert_eq!(kind(&left.uids_from(1).await.err().unwrap()), "ended");
}

#[tokio::test]
async fn a_message_that_came_while_something_else_was_asked_for_is_news() {
    let open = "* 3 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n{tag} OK done\r\n";
    let mut session = session(vec![
        Do::Hear("SELECT"),
        say(open),
        Do::Hear("UID FETCH"),
        say("* 1 EXPUNGE\r\n* 2 EXISTS\r\n* 3 EXISTS\r\n{tag} OK done\r\n"),
        // Told already: the server is not waited for, which would not say it again.
        Do::Hear("NOOP"),
        say("* 3 EXISTS\r\n* 2 EXPUNGE\r\n{tag} OK done\r\n"),
        Do::Hear("IDLE"),
        say("* 3 EXISTS\r\n+ idling\r\n"),
        Do::Hear("DONE"),
        say("{tag} OK done\r\n"),
        Do::Hear("IDLE"),
        say("+ idling\r\n"),
        Do::Hear("DONE"),
        say("{tag} OK done\r\n"),
    ])
    .await;
    let (never, long, short) = (CancellationToken::new(), Duration::from_mins(9), Duration::from_millis(50));
    session.select("INBOX").await.unwrap();
    session.sizes(&[1]).await.unwrap();
    assert_eq!(session.idle(long, &never).await.unwrap(), Idle::News, "during another command");
    session.noop().await.unwrap();
    assert_eq!(session.idle(long, &never).await.unwrap(), Idle::News, "before the server waited");
    assert_eq!(session.idle(short, &never).await.unwrap(), Idle::TimedOut, "and told once");
}

#[tokio::test]
async fn a_message_cut_short_is_an_error_wherever_it_is_cut() {
    let whole = "* 1 FETCH (UID 1 BODY[] {12}\r\nSubject: a\r\n)\r\n";
    for cut in [1, 10, 20, 28, 30, 35, 41, whole.len() - 1] {
        let mut session = session(vec![Do::Hear("UID FETCH"), say(whole.split_at(cut).0), Do::HangUp]).await;
        let outcome = session.body(1, 12, u64::MAX).await;
        assert_eq!(kind(&outcome.err().unwrap()), "ended", "cut at {cut}");
    }
}

#[tokio::test]
async fn waiting_ends_with_news_with_time_or_when_told_and_never_hides_a_failure() {
    let idle = |rest: Vec<Do>| [vec![Do::Hear("IDLE"), say("+ idling\r\n")], rest].concat();
    let done = || vec![Do::Hear("DONE"), say("{tag} OK done\r\n")];
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<Do>, Result<Idle, &str>)> = vec![
        ("news",     idle([vec![say("* OK still here\r\n* 4 EXISTS\r\n")], done()].concat()), Ok(Idle::News)),
        ("a message less", idle([vec![say("* 2 EXPUNGE\r\n")], done()].concat()),      Ok(Idle::News)),
        ("nothing",  idle(done()),                                              Ok(Idle::TimedOut)),
        ("bye",      idle(vec![say("* BYE restarting\r\n"), Do::HangUp]),       Err("bye")),
        ("the end",  idle(vec![Do::HangUp]),                                    Err("ended")),
        ("refused",  vec![Do::Hear("IDLE"), say("{tag} NO not here\r\n")],      Err("no")),
        ("not known", vec![Do::Hear("IDLE"), say("{tag} BAD what?\r\n")],       Err("bad")),
        ("no answer", vec![Do::Hear("IDLE"), Do::Silence],                      Err("slow")),
        ("no end",   idle(vec![Do::Hear("DONE"), Do::Silence]),                 Err("slow")),
    ];
    for (name, script, expected) in cases {
        let mut session = session(script).await;
        let outcome = session.idle(Duration::from_millis(300), &CancellationToken::new()).await;
        assert_eq!(outcome.as_ref().map_err(kind), expected.as_ref().map_err(|k| *k), "{name}");
    }
    let stop = CancellationToken::new();
    stop.cancel();
    let mut session = session(idle(done())).await;
    assert_eq!(session.idle(Duration::from_mins(5), &stop).await.unwrap(), Idle::Stopped);
}

#[tokio::test]
async fn messages_are_moved_as_far_as_the_server_can() {
    let mut session = session(vec![
        Do::Hear("UID COPY 3:4 \"DONE\""),
        say("{tag} OK done\r\n"),
        Do::Hear("UID STORE 3:4 +FLAGS.SILENT (\\SEEN \\DELETED)"),
        say("{tag} OK done\r\n"),
        // UIDPLUS: these alone are expunged, not what others have deleted.
        Do::Hear("UID EXPUNGE 3:4"),
        say("* 1 EXPUNGE\r\n{tag} OK done\r\n"),
        Do::Hear("UID COPY 5 \"NOWHERE\""),
        say("{tag} NO [TRYCREATE] no such folder\r\n"),
        Do::Hear("LOGOUT"),
        say("* BYE bye\r\n{tag} OK done\r\n"),
    ])
    .await;
    session.move_to(&[3, 4], "Done").await.unwrap();
    let missing = session.move_to(&[5], "Nowhere").await.err().unwrap();
    assert_eq!((kind(&missing), missing.class()), ("target", Class::Settings));
    session.logout().await.unwrap();
}

#[tokio::test]
async fn a_server_that_can_move_is_told_to() {
    let mut script = logged_in(vec![
        Do::Hear("UID MOVE 3:4 \"DONE\""),
        say("* OK [COPYUID 1 3:4 1:2] moved\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n{tag} OK done\r\n"),
        Do::Hear("UID MOVE 5 \"DONE\""),
        say("{tag} NO [OVERQUOTA] full\r\n"),
        Do::Hear("UID MOVE 5 \"DONE\""),
        say("{tag} OK done\r\n"),
    ]);
    script[8] = say("* CAPABILITY IMAP4rev1 MOVE\r\n{tag} OK done\r\n");
    let mut session = connect_with(script, Some(password())).await.0.unwrap_or_else(|error| panic!("{error}"));
    session.move_to(&[3, 4], "Done").await.unwrap();
    assert_eq!(session.move_to(&[5], "Done").await.err().unwrap().class(), Class::Busy);
    session.move_to(&[5], "Done").await.unwrap();
}
