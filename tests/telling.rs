//! What readers are told, from the mail to the e-mail: times in both zones, what needs them today, and
//! what only a week shows.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a failed step fails its test")]

#[path = "support/firm.rs"]
mod firm;

use barometer::config;
use barometer::notify::DigestSpan;
use barometer::store::Store;
use firm::{DANA, Firm, SAM, SETTINGS, Sent};
use jiff::SignedDuration;

const JANE: &str = "Jane Doe <jane@acme.example>";
const BOB: &str = "Bob Roe <bob@acme.example>";
const LEAVES: &str = "We will end our agreement in March and move the work to another agency.";

/// The text of what somebody was last sent, its lines as one.
fn last_text(mails: &[Sent], reader: &str) -> String {
    let mail = mails.iter().rev().find(|mail| mail.to == reader).unwrap();
    let parsed = mail_parser::MessageParser::default().parse(&mail.bytes).unwrap();
    words(&parsed.body_text(0).unwrap())
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the manager is told of a mail whose Date is written so, at a firm with these settings.
async fn told_of(date: &str, settings: &str) -> String {
    let mut firm = Firm::on(Store::memory().await.unwrap(), config::parse(settings, "settings").unwrap(), "02T10:00");
    firm.arrive(&format!(
        "Received: from mx.example by mail.northlight.example with ESMTP id 9; Mon, 02 Mar 2026 10:00:00 +0000\nFrom: Jane Doe <jane@acme.example>\nTo: <{SAM}>\nSubject: Plans\nDate: {date}\nMessage-ID: <1@acme.example>\n\n{LEAVES}\n"
    ))
    .await;
    firm.wait(1).await;
    last_text(&firm.news(), DANA)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_says_what_time_it_was_for_them_where_their_mail_or_the_settings_tell() {
    let in_tokyo = SETTINGS.replace("id = \"acme\"", "id = \"acme\"\ntime_zone = \"Asia/Tokyo\"");
    #[rustfmt::skip]
    let cases = [
        ("Mon, 02 Mar 2026 05:00:00 -0500", SETTINGS,   "Mon 2 Mar 2026, 10:00 for you, 05:00 for them"),
        ("Mon, 02 Mar 2026 05:00:00 -0500", &in_tokyo,  "Mon 2 Mar 2026, 10:00 for you, 19:00 for them"),
        // A server that knows no place writes the same as somebody in London; and no place is so far ahead.
        ("Mon, 02 Mar 2026 10:00:00 +0000", SETTINGS,   "Mon 2 Mar 2026, 10:00 GMT"),
        ("Tue, 03 Mar 2026 02:30:00 +1630", SETTINGS,   "Mon 2 Mar 2026, 10:00 GMT"),
    ];
    for (date, settings, told) in cases {
        let text = told_of(date, settings).await;
        assert!(text.contains(told), "{date}: {text}");
        assert_eq!(text.contains("for you"), told.contains("for you"), "{date}: {text}");
    }
}

const TARGET: &str = "[target.standard]\nfirst_response = \"4h\"\nnext_response = \"4h\"\n";
const ASKS: &str =
    "Could you please tell me which of the two drafts you would print? I would like to know before we go on.";

async fn with_target(start: &str) -> Firm {
    Firm::on(
        Store::memory().await.unwrap(),
        config::parse(&format!("{SETTINGS}\n{TARGET}"), "settings").unwrap(),
        start,
    )
}

/// One of us writes to the client, and lets us see it.
async fn member(firm: &mut Firm, (to, number): (&str, u32), subject: &str, text: &str) {
    let date = firm.now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    firm.arrive(&format!(
        "From: Sam Field <{SAM}>\nTo: {to}\nBcc: <watch@northlight.example>\nSubject: {subject}\nDate: {date}\nMessage-ID: <o{number}@northlight.example>\n\n{text}\n"
    ))
    .await;
}

/// The digest of the manager as it would be now.
async fn digest(firm: &Firm, span: DigestSpan) -> String {
    let settings = firm::settings();
    let member = settings.member(DANA).unwrap();
    let hours = if span == DigestSpan::Weekly { 7 * 24 } else { 24 };
    let date = firm.now.to_zoned(member.time_zone.clone()).date();
    let time = (firm.now - SignedDuration::from_hours(hours), firm.now, date);
    let mut db = firm.store.read().await.unwrap();
    let view = firm.pipeline.digest_view(&mut db, member, time, span).await.unwrap();
    words(&firm.pipeline.render_digest(&view, member).unwrap().text)
}

/// What stands between two headings.
fn part<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{from} is not in {text}"));
    rest.split_once(to).map_or(rest, |(part, _)| part)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_needs_the_reader_today_and_stands_in_one_place() {
    let mut firm = with_target("02T10:00").await;
    firm.client(JANE, ASKS).await;
    firm.pass_to("02T10:30").await;
    member(&mut firm, (BOB, 1), "Menu cards", "Dear Bob, I will send you the menu cards by Tuesday. Sam").await;
    firm.pass_to("02T13:20").await;
    let text = digest(&firm, DigestSpan::Daily).await;
    assert!(part(&text, "WAITING ON US", "--").contains("Jane Doe, ACME Ltd: an answer about"), "{text}");
    assert!(!text.contains("NEEDS YOU"), "{text}");
    firm.pass_to("04T07:30").await;
    let text = digest(&firm, DigestSpan::Daily).await;
    let needs = part(&text, "NEEDS YOU TODAY (2)", "--");
    assert!(needs.contains("Mon 2 Mar Jane Doe, ACME Ltd, waits for our answer about"), "{text}");
    assert!(
        needs.contains("Tue 3 Mar Sam Field, to ACME Ltd: \"Dear Bob, I will send you the menu cards by Tuesday"),
        "{text}"
    );
    assert!(needs.find("menu cards") < needs.find("waits for our answer"), "{text}");
    assert_eq!(text.matches("menu cards by Tuesday").count(), 1, "{text}");
    assert!(!text.contains("WAITING ON US") && !text.contains("PROMISES"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_says_which_answers_kept_the_target() {
    let mut firm = with_target("02T10:00").await;
    for day in 2..=5 {
        firm.pass_to(&format!("{day:02}T10:00")).await;
        firm.client(JANE, ASKS).await;
        // On the last two days nobody answers in time; on the last, nobody at all.
        firm.pass_to(&format!("{day:02}T{}", if day < 4 { "11:00" } else { "16:30" })).await;
        if day < 5 {
            let subject = format!("Re: Matter {}", (day - 2) * 2);
            member(&mut firm, (JANE, day), &subject, "Dear Jane, we would print the second one. Sam").await;
        }
    }
    firm.pass_to("06T17:00").await;
    let text = digest(&firm, DigestSpan::Weekly).await;
    let answers = part(&text, "HOW SOON WE ANSWERED", "--");
    assert!(
        answers.contains(
            "2 missed ACME Ltd: 2 of 3 answers in time, half of them within 1 h of working time; target: 4 h"
        ),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_says_who_has_what_in_hand_and_what_was_corrected() {
    let mut firm = with_target("02T10:00").await;
    firm.client(JANE, LEAVES).await;
    firm.wait(1).await;
    let mails = firm.news();
    let address = |reader: &str| mails.iter().rev().find(|mail| mail.to == reader).unwrap().reply_to();
    firm.reply(SAM, &address(SAM), "mine").await;
    let text = digest(&firm, DigestSpan::Weekly).await;
    let in_hand = part(&text, "IN HAND", "--");
    assert!(in_hand.contains("taken over by Sam Field on Mon 2 Mar, began Mon 2 Mar"), "{text}");
    assert!(!text.contains("NEEDS YOU"), "{text}");
    firm.reply(DANA, &address(DANA), "wrong").await;
    let text = digest(&firm, DigestSpan::Weekly).await;
    let corrected = part(&text, "CORRECTED THIS WEEK", "--");
    assert!(corrected.contains("Mon 2 Mar ACME Ltd: Dana Reyes said that an alert was wrong; "), "{text}");
    assert!(corrected.contains("less there now") && corrected.contains("\"undo\""), "{text}");
    let noisy = part(&text, "NOISY RULES", "--");
    assert!(noisy.contains("matched 1 of 1 message; 1 worth an alert, 1 answered; said to be wrong once"), "{text}");
    firm.reply(DANA, &address(DANA), "undo").await;
    let text = digest(&firm, DigestSpan::Weekly).await;
    assert!(!text.contains("CORRECTED") && !text.contains("NOISY"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentence_is_quoted_whole_and_once() {
    let mut firm = Firm::on(Store::memory().await.unwrap(), config::parse(SETTINGS, "settings").unwrap(), "02T10:00");
    let says = "Twice now you have missed the day that you promised, so we will end our agreement in March.";
    firm.client(JANE, says).await;
    firm.wait(1).await;
    let text = last_text(&firm.news(), DANA);
    assert_eq!(text.matches(&format!("\"{says}\"")).count(), 1, "{text}");
    assert!(text.contains("May end, pause or move the work; "), "what rests on it stands in one line: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_says_only_that_a_mail_did_not_arrive() {
    let mut firm = Firm::on(Store::memory().await.unwrap(), config::parse(SETTINGS, "settings").unwrap(), "02T10:00");
    firm.arrive(
        "From: Mail Delivery System <MAILER-DAEMON@mx.acme.example>\nTo: <watch@northlight.example>\nSubject: Undelivered Mail Returned to Sender\nDate: Mon, 02 Mar 2026 09:00:00 +0000\nMessage-ID: <b1@mx.acme.example>\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nThis is the mail system at host mx.acme.example.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.acme.example\n\nFinal-Recipient: rfc822; jnae@acme.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n",
    )
    .await;
    firm.client(JANE, LEAVES).await;
    firm.wait(1).await;
    let text = last_text(&firm.news(), DANA);
    assert!(text.contains("A mail of ours to jnae[@]acme.example did not arrive"), "{text}");
    assert!(!text.contains("Mail Delivery System"), "{text}");
}
