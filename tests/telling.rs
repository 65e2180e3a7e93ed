//! What readers are told, from the mail to the e-mail: times in both zones, what needs them today, and
//! what only a week shows.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

#[path = "support/firm.rs"]
mod firm;

use barometer::config;
use barometer::store::Store;
use firm::{DANA, Firm, SAM, SETTINGS, Sent};

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
