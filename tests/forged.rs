//! Replies that must have no effect whatever: each differs from an honest one in a single point.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

#[path = "support/firm.rs"]
mod firm;

use firm::{DANA, Firm, PASS, RECEIVED, SAM, at};

/// A reply, in the parts in which it can be forged.
#[derive(Clone)]
struct Mail {
    /// What our server wrote on top.
    top: String,
    /// What stands below the field of our server: anybody's.
    below: String,
    from: String,
    to: String,
    body: String,
}

impl Mail {
    fn text(&self, number: usize) -> String {
        let Self { top, below, from, to, body } = self;
        format!(
            "{top}{below}{from}{to}Subject: Re: Critical: [ACME Ltd]\nDate: Mon, 02 Mar 2026 10:{:02}:00 +0000\nMessage-ID: <forged.{number}@northlight.example>\n\n{body}\n",
            number % 60
        )
    }
}

fn results(text: &str) -> String {
    format!("Authentication-Results: {text}\n")
}

/// What our server may have written, or somebody in its name, where the reply is honest otherwise.
const TOPS: [(&str, &str); 44] = [
    ("nothing", ""),
    ("another server passes", "other.example; dmarc=pass header.from=northlight.example"),
    ("a longer name", "mail.northlight.example.evil.example; dmarc=pass header.from=northlight.example"),
    ("a shorter name", "northlight.example; dmarc=pass header.from=northlight.example"),
    ("the name in a comment", "evil.example (mail.northlight.example); dmarc=pass header.from=northlight.example"),
    ("the name as a version", "evil.example mail.northlight.example; dmarc=pass header.from=northlight.example"),
    ("a look-alike name", "m\u{430}il.northlight.example; dmarc=pass header.from=northlight.example"),
    ("no name", "; dmarc=pass header.from=northlight.example"),
    ("no name at all", "dmarc=pass header.from=northlight.example"),
    ("none", "mail.northlight.example; none"),
    ("nothing found", "mail.northlight.example"),
    ("dmarc failed", "mail.northlight.example; dmarc=fail header.from=northlight.example"),
    ("dmarc none", "mail.northlight.example; dmarc=none header.from=northlight.example"),
    ("dmarc temperror", "mail.northlight.example; dmarc=temperror header.from=northlight.example"),
    ("dmarc permerror", "mail.northlight.example; dmarc=permerror header.from=northlight.example"),
    ("dmarc quarantine", "mail.northlight.example; dmarc=quarantine header.from=northlight.example"),
    ("dmarc pass in a comment", "mail.northlight.example; dmarc=fail (dmarc=pass) header.from=northlight.example"),
    ("all in a comment", "mail.northlight.example (; dmarc=pass header.from=northlight.example)"),
    ("nested comments", "mail.northlight.example; dmarc=none ((x) dmarc=pass header.from=northlight.example)"),
    ("an open comment", "mail.northlight.example; (dmarc=fail; dmarc=pass header.from=northlight.example"),
    (
        "an open quotation",
        "mail.northlight.example; spf=fail smtp.mailfrom=\"x; dmarc=pass header.from=northlight.example",
    ),
    (
        "pass in a quotation",
        "mail.northlight.example; spf=pass smtp.mailfrom=\"; dmarc=pass header.from=northlight.example;\"@evil.example",
    ),
    (
        "pass and fail",
        "mail.northlight.example; dmarc=pass header.from=northlight.example; dmarc=fail header.from=northlight.example",
    ),
    (
        "two verdicts",
        "mail.northlight.example; dmarc=pass header.from=northlight.example; dmarc=none header.from=northlight.example",
    ),
    ("another domain", "mail.northlight.example; dmarc=pass header.from=evil.example"),
    ("a sub-domain", "mail.northlight.example; dmarc=pass header.from=x.northlight.example"),
    ("a parent domain", "mail.northlight.example; dmarc=pass header.from=example"),
    ("two domains", "mail.northlight.example; dmarc=pass header.from=northlight.example header.from=evil.example"),
    ("no domain", "mail.northlight.example; dmarc=pass"),
    ("the domain in the envelope", "mail.northlight.example; dmarc=pass smtp.mailfrom=northlight.example"),
    ("spf alone", "mail.northlight.example; spf=pass smtp.mailfrom=dana@northlight.example"),
    ("spf of the greeting", "mail.northlight.example; spf=pass smtp.helo=northlight.example"),
    ("a signature of others", "mail.northlight.example; dkim=pass header.d=evil.example header.i=@northlight.example"),
    ("a signature for others", "mail.northlight.example; dkim=pass header.i=@evil.example"),
    ("a signature for nobody", "mail.northlight.example; dkim=pass header.s=northlight.example"),
    ("a broken signature", "mail.northlight.example; dkim=fail header.d=northlight.example"),
    (
        "a signature, and dmarc failed",
        "mail.northlight.example; dkim=pass header.d=northlight.example; dmarc=fail header.from=northlight.example",
    ),
    ("another user", "mail.northlight.example; auth=pass smtp.auth=sam@northlight.example"),
    (
        "another user, though signed",
        "mail.northlight.example; dkim=pass header.d=northlight.example; auth=pass smtp.auth=sam@northlight.example",
    ),
    ("a user without name", "mail.northlight.example; auth=pass"),
    ("a user by half a name", "mail.northlight.example; auth=pass smtp.auth=dana"),
    ("no log-in", "mail.northlight.example; auth=fail smtp.auth=dana@northlight.example"),
    ("an unknown method", "mail.northlight.example; x-mark=pass header.from=northlight.example"),
    ("arc alone", "mail.northlight.example; arc=pass header.from=northlight.example"),
];

/// Authors that are not Dana, or not plainly.
const AUTHORS: [(&str, &str); 36] = [
    ("somebody else", "From: Sam Field <sam@northlight.example>\n"),
    ("a stranger", "From: Eve <eve@evil.example>\n"),
    ("a member of no firm", "From: <nobody@northlight.example>\n"),
    ("her name and another address", "From: Dana Reyes <eve@northlight.example>\n"),
    ("her address as a name", "From: \"dana@northlight.example\" <eve@evil.example>\n"),
    ("her address as a name among us", "From: \"dana@northlight.example\" <robin@northlight.example>\n"),
    ("her address in an encoded name", "From: =?utf-8?q?dana=40northlight=2Eexample?= <eve@northlight.example>\n"),
    ("an encoded address", "From: =?utf-8?q?dana=40northlight.example?=\n"),
    ("an encoded address in brackets", "From: <=?utf-8?q?dana=40northlight.example?=>\n"),
    ("two fields", "From: <dana@northlight.example>\nFrom: <dana@northlight.example>\n"),
    ("two fields, hers first", "From: <dana@northlight.example>\nFrom: <sam@northlight.example>\n"),
    ("two fields, hers last", "From: <sam@northlight.example>\nFrom: <dana@northlight.example>\n"),
    ("two fields in other letters", "From: <dana@northlight.example>\nFROM: <sam@northlight.example>\n"),
    ("two fields, one with a blank", "From: <dana@northlight.example>\nFrom : <sam@northlight.example>\n"),
    ("no field", ""),
    ("an empty field", "From:\n"),
    ("an empty address", "From: <>\n"),
    ("two addresses", "From: dana@northlight.example, sam@northlight.example\n"),
    ("two addresses, hers last", "From: <sam@northlight.example>, <dana@northlight.example>\n"),
    ("two in brackets", "From: <dana@northlight.example><sam@northlight.example>\n"),
    ("one behind the brackets", "From: <dana@northlight.example> sam@northlight.example\n"),
    ("a group", "From: Managers: dana@northlight.example;\n"),
    ("an empty group", "From: dana@northlight.example:;\n"),
    ("a route", "From: <@evil.example:dana@northlight.example>\n"),
    ("a comment behind", "From: dana@northlight.example (Dana)\n"),
    ("a comment in it", "From: dana(x)@northlight.example\n"),
    ("a comment with another", "From: (dana@northlight.example) eve@northlight.example\n"),
    ("a quoted local part", "From: \"dana\"@northlight.example\n"),
    ("an open quotation", "From: \"Dana <dana@northlight.example>\n"),
    ("an open bracket", "From: Dana <dana@northlight.example\n"),
    ("a look-alike", "From: <d\u{430}na@northlight.example>\n"),
    ("a look-alike domain", "From: <dana@n\u{43e}rthlight.example>\n"),
    ("a hidden character", "From: <dana\u{200b}@northlight.example>\n"),
    ("a dot behind", "From: <dana@northlight.example.>\n"),
    ("plus", "From: <dana+x@northlight.example>\n"),
    ("a folded second", "From: <sam@northlight.example>\n ,<dana@northlight.example>\n"),
];

/// Fields that a person's reply does not have.
const EXTRAS: [(&str, &str); 29] = [
    ("a secretary", "Sender: <sam@northlight.example>\n"),
    ("a stranger's program", "Sender: eve@evil.example\n"),
    ("two senders", "Sender: <dana@northlight.example>\nSender: <sam@northlight.example>\n"),
    ("sent again", "Resent-From: <sam@northlight.example>\n"),
    ("sent again by herself", "Resent-From: <dana@northlight.example>\nResent-Date: Mon, 02 Mar 2026 11:00:00 +0000\n"),
    ("sent again to us", "Resent-To: <watch@northlight.example>\n"),
    ("a vacation", "Auto-Submitted: auto-replied\n"),
    ("a robot", "Auto-Submitted: auto-generated (by cron)\n"),
    ("a notice", "Auto-Submitted: auto-notified; owner-email=\"dana@northlight.example\"\n"),
    ("bulk", "Precedence: bulk\n"),
    ("a list", "Precedence: list\n"),
    ("junk", "Precedence: junk\n"),
    ("an automatic reply", "Precedence: auto_reply\n"),
    ("a list id", "List-Id: <crew.northlight.example>\n"),
    ("a way out", "List-Unsubscribe: <mailto:leave@northlight.example>\n"),
    ("a list that takes posts", "List-Post: <mailto:crew@northlight.example>\n"),
    ("an autoreply", "X-Autoreply: yes\n"),
    ("an autoresponder", "X-Autorespond: Re: Critical\n"),
    ("a loop", "X-Loop: watch@northlight.example\n"),
    ("our own mark", "X-Barometer-Id: al.1\n"),
    ("a bounce", "X-Failed-Recipients: sam@northlight.example\n"),
    ("a null path", "Return-Path: <>\n"),
    ("a report", "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n"),
    ("an appointment", "MIME-Version: 1.0\nContent-Type: text/calendar; method=REPLY\n"),
    (
        "forged results below",
        "Authentication-Results: mail.northlight.example; dmarc=pass header.from=northlight.example\n",
    ),
    (
        "forged failure below",
        "Authentication-Results: mail.northlight.example; dmarc=fail header.from=northlight.example\n",
    ),
    ("forged results that break off", "Authentication-Results: mail.northlight.example; (\n"),
    (
        "forged results behind a hop",
        "Received: from a.example by b.example with LMTP id 3; Mon, 02 Mar 2026 09:59:00 +0000\nAuthentication-Results: mail.northlight.example; dmarc=pass header.from=northlight.example\n",
    ),
    ("a second token", "Delivered-To: {sam}\n"),
];

/// What all forgeries are made of.
fn honest(dana: &str) -> Mail {
    Mail {
        top: format!("{PASS}{RECEIVED}"),
        below: String::new(),
        from: "From: Dana Reyes <dana@northlight.example>\n".to_owned(),
        to: format!("To: Barometer <{dana}>\n"),
        body: "ack".to_owned(),
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases(dana: &str, sam: &str) -> Vec<(String, Mail)> {
    let honest = honest(dana);
    let mut cases: Vec<(String, Mail)> = Vec::new();
    let mut case = |name: String, mail: Mail| cases.push((name, mail));
    for (name, top) in TOPS {
        let top = if top.is_empty() { RECEIVED.to_owned() } else { format!("{}{RECEIVED}", results(top)) };
        case(format!("results: {name}"), Mail { top, ..honest.clone() });
    }
    for (name, from) in AUTHORS {
        case(format!("author: {name}"), Mail { from: from.to_owned(), ..honest.clone() });
    }
    for (name, below) in EXTRAS {
        case(format!("field: {name}"), Mail { below: below.replace("{sam}", sam), ..honest.clone() });
    }
    // Results that only stand where anybody may write.
    let hops = [
        ("below our server's field", format!("{RECEIVED}{PASS}")),
        (
            "below a hop that claims to be ours",
            format!(
                "{RECEIVED}Received: from x by mail.northlight.example with LMTP id 2; Mon, 02 Mar 2026 09:59:00 +0000\n{PASS}"
            ),
        ),
        (
            "below a greeting that says LMTP",
            format!(
                "Received: from x with LMTP (unknown [192.0.2.1]) by mail.northlight.example with ESMTP id 2; Mon, 02 Mar 2026 09:59:00 +0000\n{PASS}"
            ),
        ),
        (
            "below a greeting that says by",
            format!(
                "Received: from by by mail.northlight.example with ESMTP id 2; Mon, 02 Mar 2026 09:59:00 +0000\n{PASS}"
            ),
        ),
        (
            "below mail of a local user",
            format!(
                "Received: by mail.northlight.example (Postfix, from userid 1000) id 2; Mon, 02 Mar 2026 09:59:00 +0000\n{PASS}"
            ),
        ),
        (
            "twice, with different verdicts",
            format!(
                "{PASS}{}{RECEIVED}",
                results("mail.northlight.example; dmarc=fail header.from=northlight.example")
            ),
        ),
        ("in the body", RECEIVED.to_owned()),
        ("under another name", format!("X-{PASS}{RECEIVED}")),
        ("as ARC", format!("ARC-{PASS}{RECEIVED}")),
        ("as what was", format!("Original-{PASS}{RECEIVED}")),
        ("fifty hops", format!("{PASS}{}", RECEIVED.repeat(51))),
    ];
    for (name, top) in hops {
        let body = if name == "in the body" { format!("ack\n\n{PASS}") } else { honest.body.clone() };
        case(format!("place: {name}"), Mail { top, body, ..honest.clone() });
    }
    let unknown = "a".repeat(32);
    let addresses = [
        ("Sam's token", format!("To: <{sam}>\n")),
        ("both tokens", format!("To: <{dana}>, <{sam}>\n")),
        ("both, one on copy", format!("To: <{dana}>\nCc: <{sam}>\n")),
        ("a token that nobody has", format!("To: <watch+{unknown}@northlight.example>\n")),
        ("a token cut short", format!("To: <{}>\n", dana.replacen('@', "", 1).replacen("watch+", "watch+x", 1))),
        ("one letter wrong", format!("To: <{}>\n", flipped(dana))),
        ("a token at another domain", format!("To: <{}>\n", dana.replace("northlight.example", "evil.example"))),
        ("a token of another inbox", format!("To: <{}>\n", dana.replace("watch+", "sam+"))),
        ("no token", "To: <watch@northlight.example>\n".to_owned()),
        ("a token in the subject", format!("To: <watch@northlight.example>\nComments: {dana}\n")),
    ];
    for (name, to) in addresses {
        case(format!("address: {name}"), Mail { to, ..honest.clone() });
    }
    let inbox = "To: <watch@northlight.example>\n".to_owned();
    case(
        "a token in the body".to_owned(),
        Mail { to: inbox.clone(), body: format!("ack\n\n{dana}"), ..honest.clone() },
    );
    case("a token quoted".to_owned(), Mail { to: inbox, body: format!("ack\n\n> Reply-To: {dana}"), ..honest.clone() });
    let quoted = "\nOn Mon, 2 Mar 2026 at 10:00, Barometer <watch@northlight.example> wrote:\n> ack\n> mine\n";
    case("a command that is quoted".to_owned(), Mail { body: quoted.to_owned(), ..honest.clone() });
    let away = "Return-Path: <>\nAuto-Submitted: auto-replied\n".to_owned();
    case("out of office".to_owned(), Mail { below: away, body: "ack".to_owned(), ..honest.clone() });
    let absent = honest.clone();
    case("nothing said".to_owned(), Mail { body: "\n  \n\u{200b}\n".to_owned(), ..absent });
    cases
}

/// The same address with another first letter of its token.
fn flipped(address: &str) -> String {
    let (start, token) = address.split_at("watch+".len());
    let (first, rest) = token.split_at(1);
    format!("{start}{}{rest}", if first == "a" { "b" } else { "a" })
}

async fn alarmed() -> (Firm, String, String) {
    let mut firm = Firm::new("02T10:00").await;
    firm.client(
        "Jane Doe <jane@acme.example>",
        "We will end our agreement in March and move the work to another agency.",
    )
    .await;
    firm.wait(1).await;
    let mails = firm.news();
    let of = |reader: &str| mails.iter().find(|mail| mail.to == reader).unwrap().reply_to();
    let (dana, sam) = (of(DANA), of(SAM));
    firm.happened();
    (firm, dana, sam)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_forgery_has_any_effect() {
    let (mut firm, dana, sam) = alarmed().await;
    let before = firm.states().await;
    let cases = cases(&dana, &sam);
    assert!(cases.len() > 100, "{}", cases.len());
    for (number, (name, mail)) in cases.iter().enumerate() {
        firm.arrive(&mail.text(number)).await;
        assert_eq!(firm.states().await, before, "{name}");
        assert!(firm.news().is_empty(), "{name}: nobody is written to, so that nobody learns anything");
        assert_eq!(firm.happened(), Vec::<&str>::new(), "{name}");
    }
    let mut db = firm.store.read().await.unwrap();
    assert!(barometer::store::answers::of_account(&mut db, "acme").await.unwrap().is_empty());
    drop(db);
    // What has none of these faults is obeyed: the fault was what it was refused for.
    firm.arrive(&honest(&dana).text(cases.len())).await;
    assert_eq!(firm.happened(), ["incident_acknowledged"]);
    println!("{} forgeries", cases.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_acts_once_however_it_comes_again() {
    let (mut firm, dana, sam) = alarmed().await;
    let reply = firm.reply_text(DANA, &dana, "snooze 1h");
    firm.arrive(&format!("{PASS}{RECEIVED}{reply}")).await;
    assert_eq!(firm.happened(), ["incident_snoozed"]);
    firm.reply(DANA, &dana, "undo").await;
    firm.news();
    // By another way, with other fields on top, even under another Message-ID.
    for again in [
        format!("{PASS}{RECEIVED}{reply}"),
        format!(
            "{PASS}Received: from y by mail.northlight.example with ESMTP id 7; Mon, 02 Mar 2026 11:00:00 +0000\n{reply}"
        ),
        format!("{PASS}{RECEIVED}{}", reply.replace("Message-ID: <", "Message-ID: <x")),
        format!("{PASS}{RECEIVED}{}", reply.replace("Subject: Re: Matter", "Subject: Re: Re: Matter")),
    ] {
        firm.arrive(&again).await;
        assert_eq!(firm.happened(), Vec::<&str>::new());
        assert!(firm.news().is_empty());
    }
    // Nor with somebody else's token, nor after two weeks.
    firm.arrive(&format!("{PASS}{RECEIVED}{}", reply.replace(&dana, &sam))).await;
    firm.pass_to("16T10:05").await;
    firm.news();
    firm.happened();
    firm.reply(DANA, &dana, "close").await;
    assert_eq!(firm.happened(), Vec::<&str>::new(), "expired");
    assert!(firm.news().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_ways_to_be_vouched_for() {
    let lmtp = "Delivered-To: <watch@northlight.example>\nReceived: from mail.northlight.example\n\tby mail.northlight.example with LMTP\n\tid abc\n\t(envelope-from <dana@northlight.example>)\n\tfor <watch@northlight.example>; Mon, 02 Mar 2026 10:00:00 +0000\n";
    let user = "mail.northlight.example; auth=pass smtp.auth=dana@northlight.example";
    let tops = [
        format!("{PASS}{RECEIVED}"),
        format!("{lmtp}{PASS}{RECEIVED}"),
        format!("{}{RECEIVED}", results(user)),
        format!(
            "{lmtp}{}{RECEIVED}",
            results(
                "mail.northlight.example (Postfix) 1; spf=pass (ok; dmarc=fail) smtp.mailfrom=northlight.example; dmarc=pass (p=NONE sp=NONE)\n header.from=northlight.example"
            )
        ),
        format!(
            "{}{RECEIVED}",
            results(
                "MAIL.northlight.example; dkim=pass header.d=northlight.example header.s=k header.b=\"abc=\"; dmarc=none"
            )
        ),
        // What a stranger's server wrote before, nobody minds.
        format!("{PASS}{RECEIVED}{}", results("other.example; dmarc=fail header.from=northlight.example")),
        format!(
            "{PASS}{RECEIVED}X-Auto-Response-Suppress: All\nSender: <dana@northlight.example>\nAuto-Submitted: no\n"
        ),
    ];
    for top in tops {
        let (mut firm, dana, _) = alarmed().await;
        let reply = firm.reply_text(DANA, &dana, "ack");
        firm.arrive(&format!("{top}{reply}")).await;
        assert_eq!(firm.happened(), ["incident_acknowledged"], "{top}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_that_vouches_nothing_can_be_answered() {
    let mut settings = firm::settings();
    for mailbox in &mut settings.mailboxes {
        mailbox.authserv_id = None;
    }
    let store = barometer::store::Store::memory().await.unwrap();
    let mut firm = Firm::on(store, settings, "02T10:00");
    firm.client(
        "Jane Doe <jane@acme.example>",
        "We will end our agreement in March and move the work to another agency.",
    )
    .await;
    firm.wait(1).await;
    let mails = firm.news();
    assert!(!mails.is_empty());
    for mail in &mails {
        assert!(mail.reply_to().is_empty());
        assert!(!String::from_utf8_lossy(&mail.bytes).contains("Reply with one word"));
    }
    assert_eq!(firm.now, at("02T10:01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_found_the_address_writes_mail_like_any_other() {
    let (mut firm, dana, _) = alarmed().await;
    let text = format!(
        "{RECEIVED}From: Bob Roe <bob@acme.example>\nTo: <{dana}>\nSubject: Leaving\nDate: Mon, 02 Mar 2026 10:30:00 +0000\nMessage-ID: <9@acme.example>\n\nWe will end our agreement in March and move the work to another agency.\n"
    );
    firm.wait(30).await;
    firm.arrive(&text).await;
    firm.wait(5).await;
    assert!(firm.happened().contains(&"alert_update"), "nothing that a client says is lost");
}
