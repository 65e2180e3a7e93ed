//! Managers answer alerts by replying: what each answer does, and who may give none.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

#[path = "support/firm.rs"]
mod firm;

use barometer::judge::Topic;
use barometer::notify::DigestSpan;
use firm::{DANA, Firm, MARCUS, ROBIN, SAM, Sent, at};
use jiff::SignedDuration;

const LEAVES: &str = "We will end our agreement in March and move the work to another agency.";
const ANGRY: &str = "This is unacceptable. The quality of the last delivery was terrible and full of mistakes again. Frankly I am fed up, and my board is asking what we pay for.";
const JANE: &str = "Jane Doe <jane@acme.example>";
const BOB: &str = "Bob Roe <bob@acme.example>";

/// Who had mail, and what it says in its subject.
fn told(mails: &[Sent]) -> Vec<(&str, &str)> {
    mails.iter().map(|mail| (mail.to.as_str(), mail.subject.as_str())).collect()
}

fn readers(mails: &[Sent]) -> Vec<&str> {
    let mut readers: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    readers.sort_unstable();
    readers
}

/// The address at which somebody answers the last alert they had.
fn address(mails: &[Sent], reader: &str) -> String {
    mails.iter().rev().find(|mail| mail.to == reader && !mail.reply_to().is_empty()).unwrap().reply_to()
}

/// A client leaves on Monday at ten; the alert has left.
async fn alarmed() -> (Firm, Vec<Sent>) {
    let mut firm = Firm::new("02T10:00").await;
    firm.client(JANE, LEAVES).await;
    firm.wait(1).await;
    let mails = firm.news();
    assert_eq!(readers(&mails), [DANA, SAM], "{:?}", told(&mails));
    assert!(firm.happened().contains(&"alert"));
    (firm, mails)
}

async fn state(firm: &Firm) -> String {
    let states = firm.states().await;
    states.into_iter().find(|(name, _)| name.starts_with("acme/cancellation")).unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reader_has_an_address_of_their_own_that_nobody_can_guess() {
    let (_, mails) = alarmed().await;
    let (dana, sam) = (address(&mails, DANA), address(&mails, SAM));
    assert_ne!(dana, sam);
    for address in [dana, sam] {
        let token = address.strip_prefix("watch+").unwrap().strip_suffix("@northlight.example").unwrap();
        assert_eq!(token.len(), 32, "160 bits in letters: {token}");
    }
    assert!(String::from_utf8_lossy(&mails[0].bytes).contains("Reply with one word"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_ends_repeats_and_ladder_and_is_shown_to_the_others() {
    let (mut firm, mails) = alarmed().await;
    firm.reply(DANA, &address(&mails, DANA), "Ack, I call her at noon.").await;
    assert_eq!(firm.happened(), ["incident_acknowledged"]);
    let shown = firm.news();
    assert_eq!(told(&shown), [(SAM, "Barometer: Dana Reyes has acknowledged ACME Ltd")]);
    assert_eq!(state(&firm).await, "acknowledged");
    firm.pass_to("06T17:00").await;
    assert!(firm.news().is_empty(), "nobody is reminded, and nothing climbs");
    let mut db = firm.store.read().await.unwrap();
    let judged = barometer::store::verdicts::judged(&mut db).await.unwrap();
    assert_eq!(judged, 1, "the reply was neither filed nor judged");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_it_is_repeated_and_climbs() {
    let (mut firm, _) = alarmed().await;
    firm.pass_to("02T13:59").await;
    assert!(firm.news().is_empty(), "the manager and the owner had it at once");
    firm.pass_to("02T14:02").await;
    let mails = firm.news();
    assert_eq!(
        readers(&mails),
        [DANA, MARCUS, SAM],
        "the director after four hours; the others are reminded: {:?}",
        told(&mails)
    );
    let happened = firm.happened();
    assert!(happened.contains(&"ladder_step") && happened.contains(&"alert_repeat"), "{happened:?}");
    // Who was reached by the ladder stays in the picture, and may answer.
    firm.reply(MARCUS, &address(&mails, MARCUS), "mine").await;
    let shown = firm.news();
    assert_eq!(readers(&shown), [DANA, SAM]);
    assert!(shown[0].subject.contains("Marcus Hale has taken over ACME Ltd"), "{:?}", told(&shown));
    assert_eq!(state(&firm).await, "acknowledged");
    firm.pass_to("06T17:00").await;
    assert!(firm.news().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_ends_where_something_worse_or_new_comes() {
    let mut firm = Firm::new("02T10:00").await;
    firm.client(JANE, ANGRY).await;
    firm.wait(5).await;
    let mails = firm.news();
    firm.reply(DANA, &address(&mails, DANA), "ack").await;
    firm.news();
    // The same again by the same person is for the digest.
    firm.wait(60).await;
    firm.client(JANE, "The quality is terrible, again full of mistakes. This is unacceptable.").await;
    firm.wait(60).await;
    assert!(firm.news().is_empty());
    // Somebody else is news, and ends the acknowledgement.
    firm.client(BOB, ANGRY).await;
    firm.wait(5).await;
    let update = firm.news();
    assert!(readers(&update).contains(&DANA), "{:?}", told(&update));
    let states = firm.states().await;
    assert!(states.iter().any(|(_, state)| state == "open"), "{states:?}");
    // The old alert covers what it told, and no more.
    firm.reply(DANA, &address(&mails, DANA), "ack").await;
    assert!(firm.states().await.iter().any(|(_, state)| state == "open"));
    firm.reply(DANA, &address(&update, DANA), "ack").await;
    let states = firm.states().await;
    assert!(states.contains(&("acme/quality-1".to_owned(), "acknowledged".to_owned())), "{states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snooze_is_quiet_and_wakes() {
    let (mut firm, mails) = alarmed().await;
    firm.reply(DANA, &address(&mails, DANA), "snooze 2d").await;
    assert_eq!(firm.happened(), ["incident_snoozed"]);
    let shown = firm.news();
    // What is critical sleeps eight hours at most, and who asked for more is told so.
    assert_eq!(readers(&shown), [DANA, SAM], "{:?}", told(&shown));
    assert_eq!(state(&firm).await, "snoozed");
    firm.pass_to("02T18:00").await;
    assert!(firm.news().is_empty(), "quiet");
    firm.pass_to("02T18:05").await;
    assert_eq!(firm.happened(), ["incident_woken", "alert_repeat"]);
    let woken = firm.news();
    assert_eq!(readers(&woken), [DANA, SAM]);
    assert_eq!(state(&firm).await, "open");
    // From then on it waits for an answer anew.
    firm.pass_to("03T12:45").await;
    let mails = firm.news();
    assert!(!readers(&mails).contains(&MARCUS), "not four hours of work yet: {:?}", told(&mails));
    firm.pass_to("03T13:05").await;
    assert!(readers(&firm.news()).contains(&MARCUS));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_cancels_a_snooze_and_a_new_snooze_replaces_the_old() {
    let (mut firm, mails) = alarmed().await;
    let dana = address(&mails, DANA);
    firm.reply(DANA, &dana, "snooze 4h").await;
    firm.wait(10).await;
    firm.reply(SAM, &address(&mails, SAM), "snooze 1h").await;
    firm.news();
    firm.pass_to("02T11:20").await;
    assert_eq!(readers(&firm.news()), [DANA, SAM], "woken by the second");
    firm.reply(DANA, &dana, "snooze 2h").await;
    firm.wait(10).await;
    firm.reply(DANA, &dana, "ack").await;
    firm.news();
    firm.pass_to("06T17:00").await;
    assert!(firm.news().is_empty(), "no waking, no repeat");
    assert_eq!(state(&firm).await, "acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_opens_again_with_a_new_message_and_a_call_counts_as_contact() {
    let (mut firm, mails) = alarmed().await;
    firm.reply(DANA, &address(&mails, DANA), "close: called Jane, all is well").await;
    assert_eq!(firm.happened(), ["incident_closed"]);
    assert_eq!(state(&firm).await, "closed");
    let mut db = firm.store.read().await.unwrap();
    let touches = barometer::store::answers::touches(&mut db, "acme").await.unwrap();
    assert_eq!(touches, [firm.now.as_microsecond()]);
    drop(db);
    firm.news();
    firm.pass_to("03T10:00").await;
    assert!(firm.news().is_empty());
    firm.reply(SAM, &address(&mails, SAM), "ack").await;
    let vain = firm.news();
    assert_eq!(told(&vain), [(SAM, "Barometer: nothing was changed for ACME Ltd")]);
    firm.client(JANE, LEAVES).await;
    firm.wait(1).await;
    assert_eq!(readers(&firm.news()), [DANA, SAM], "though it says the same");
    assert_eq!(state(&firm).await, "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_taken_back_and_waiting_begins_anew() {
    let (mut firm, mails) = alarmed().await;
    let dana = address(&mails, DANA);
    firm.reply(DANA, &dana, "ack").await;
    firm.pass_to("02T12:00").await;
    firm.news();
    firm.reply(SAM, &address(&mails, SAM), "undo").await;
    assert_eq!(told(&firm.news()), [(SAM, "Barometer: nothing was changed for ACME Ltd")], "not his to take back");
    firm.reply(DANA, &dana, "undo").await;
    assert_eq!(told(&firm.news()), [(SAM, "Barometer: Dana Reyes has taken back an answer about ACME Ltd")]);
    assert_eq!(state(&firm).await, "open");
    firm.pass_to("02T15:50").await;
    assert!(!readers(&firm.news()).contains(&MARCUS));
    firm.pass_to("02T16:05").await;
    assert!(readers(&firm.news()).contains(&MARCUS), "four hours after it was taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_is_answered_once_and_who_is_not_understood_too() {
    let (mut firm, mails) = alarmed().await;
    let dana = address(&mails, DANA);
    for (said, subject) in [
        ("who?", "Barometer: who knows about ACME Ltd"),
        ("help", "Barometer: how to answer an alert about ACME Ltd"),
        ("I think we should all calm down", "Barometer: your answer about ACME Ltd was not understood"),
    ] {
        let message = firm.reply_text(DANA, &dana, said);
        for _ in 0..2 {
            firm.arrive(&format!("{}{}{message}", firm::PASS, firm::RECEIVED)).await;
        }
        let mails = firm.news();
        assert_eq!(told(&mails), [(DANA, subject)], "once, though the message came twice");
        assert!(mails[0].reply_to().is_empty());
        let text = String::from_utf8_lossy(&mails[0].bytes).into_owned();
        assert!(!text.contains("calm down"), "no mail is read back");
        firm.wait(2).await;
    }
    firm.reply(DANA, &dana, "").await;
    firm.reply(DANA, &dana, "\n\n").await;
    assert!(firm.news().is_empty(), "who says nothing is not answered");
    assert_eq!(state(&firm).await, "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn raising_tells_the_next_at_once() {
    let (mut firm, mails) = alarmed().await;
    firm.reply(SAM, &address(&mails, SAM), "raise").await;
    firm.wait(1).await;
    let raised = firm.news();
    assert_eq!(readers(&raised), [MARCUS], "{:?}", told(&raised));
    assert!(firm.happened().contains(&"ladder_step"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_has_their_alerts_read_by_their_deputy() {
    let (mut firm, mails) = alarmed().await;
    firm.reply(DANA, &address(&mails, DANA), "away until 9 Mar").await;
    assert_eq!(told(&firm.news()), [(DANA, "Barometer: your answer about ACME Ltd")]);
    firm.client(BOB, LEAVES).await;
    firm.wait(1).await;
    let update = firm.news();
    assert_eq!(readers(&update), [ROBIN, SAM], "{:?}", told(&update));
    // The deputy answers in their own name.
    firm.reply(ROBIN, &address(&update, ROBIN), "ack").await;
    assert_eq!(state(&firm).await, "acknowledged");
    firm.news();
    firm.pass_to("09T10:00").await;
    firm.client("Carl Poe <carl@acme.example>", LEAVES).await;
    firm.wait(1).await;
    assert!(readers(&firm.news()).contains(&DANA), "back again");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_an_alert_in_place_of_somebody_unreachable_may_answer_it() {
    let mut firm = Firm::new("02T10:00").await;
    firm.unreachable = Some(DANA.to_owned());
    firm.client(JANE, LEAVES).await;
    firm.wait(1).await;
    let mails = firm.news();
    assert_eq!(readers(&mails), [ROBIN, SAM], "{:?}", told(&mails));
    let robin = address(&mails, ROBIN);
    firm.reply(DANA, &robin, "ack").await;
    assert_eq!(state(&firm).await, "open", "no more hers");
    firm.reply(ROBIN, &robin, "ack").await;
    assert_eq!(state(&firm).await, "acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_waits_for_its_readers_morning_is_not_sent_after_an_answer() {
    // Sam reads in Auckland, where it is night.
    let text = firm::SETTINGS.replace("name = \"Sam Field\"", "name = \"Sam Field\"\ntime_zone = \"Pacific/Auckland\"");
    let settings = barometer::config::parse(
        &format!("{text}[alerts]\nrepeat_interval = {{ warning = \"4h\", critical = \"4h\" }}\n"),
        "settings",
    )
    .unwrap();
    let mut firm = Firm::on(barometer::store::Store::memory().await.unwrap(), settings, "02T09:00");
    firm.client(JANE, ANGRY).await;
    firm.pass_to("02T13:10").await;
    let mails = firm.news();
    assert!(mails.iter().filter(|mail| mail.to == DANA).count() == 2, "told and reminded: {:?}", told(&mails));
    firm.reply(DANA, &address(&mails, DANA), "ack").await;
    firm.pass_to("02T23:00").await;
    let mails = firm.news();
    let alerts = mails.iter().filter(|mail| mail.to == SAM && !mail.subject.starts_with("Barometer:")).count();
    assert_eq!(alerts, 1, "the alert itself, and no reminder: {:?}", told(&mails));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_wrong_is_corrected_for_good_and_can_be_taken_back() {
    let (mut firm, mails) = alarmed().await;
    firm.reply(DANA, &address(&mails, DANA), "wrong, she is joking").await;
    assert_eq!(state(&firm).await, "closed");
    firm.pass_to("04T12:00").await;
    assert!(firm.news().is_empty(), "no repeat, no ladder");
    firm.reply(DANA, &address(&mails, DANA), "undo").await;
    assert_eq!(state(&firm).await, "open");
}

/// How mail programs put an answer above what they quote: name, type, body with `{said}` and `{alert}` in it.
const PROGRAMS: [(&str, &str, &str); 16] = [
    (
        "Gmail",
        "text/plain; charset=utf-8",
        "{said}\n\nOn Mon, Mar 2, 2026 at 10:00 AM Barometer <watch@northlight.example> wrote:\n\n{quoted}",
    ),
    (
        "Gmail, wrapped",
        "text/plain; charset=utf-8",
        "{said}\n\nOn Mon, Mar 2, 2026 at 10:00 AM Barometer <\nwatch+abcdefghijklmnopqrstuvwxyz234567@northlight.example> wrote:\n\n{quoted}",
    ),
    (
        "Apple Mail",
        "text/plain; charset=utf-8",
        "{said}\n\n> On 2 Mar 2026, at 10:00, Barometer <watch@northlight.example> wrote:\n> \n{quoted}",
    ),
    (
        "iPhone",
        "text/plain; charset=utf-8",
        "{said}\n\nSent from my iPhone\n\n> On 2 Mar 2026, at 10:00, Barometer <watch@northlight.example> wrote:\n> \n> \u{feff}\n{quoted}",
    ),
    (
        "Thunderbird",
        "text/plain; charset=UTF-8; format=flowed",
        "{said}\n\nOn 02/03/2026 10:00, Barometer wrote:\n{quoted}",
    ),
    (
        "Thunderbird in German",
        "text/plain; charset=UTF-8",
        "{said}\n\nAm 02.03.26 um 10:00 schrieb Barometer:\n{quoted}",
    ),
    (
        "Outlook",
        "text/plain; charset=utf-8",
        "{said}\n\nDana\n\nFrom: Barometer <watch@northlight.example>\nSent: Monday, 2 March 2026 10:00\nTo: Dana Reyes <dana@northlight.example>\nSubject: Critical: [ACME Ltd] Jane Doe may end the work\n\n{alert}",
    ),
    (
        "Outlook with a divider",
        "text/plain; charset=utf-8",
        "{said}\n\n-----Original Message-----\nFrom: Barometer <watch@northlight.example>\nSent: Monday, 2 March 2026 10:00\nTo: Dana Reyes\nSubject: Critical: [ACME Ltd] Jane Doe may end the work\n\n{alert}",
    ),
    (
        "Outlook on the web",
        "text/plain; charset=utf-8",
        "{said}\n________________________________\nFrom: Barometer <watch@northlight.example>\nSent: 02 March 2026 10:00\nTo: Dana Reyes <dana@northlight.example>\nSubject: Critical: [ACME Ltd] Jane Doe may end the work\n\n{alert}",
    ),
    (
        "Outlook in German",
        "text/plain; charset=utf-8",
        "{said}\n\nVon: Barometer <watch@northlight.example>\nGesendet: Montag, 2. M\u{e4}rz 2026 10:00\nAn: Dana Reyes <dana@northlight.example>\nBetreff: Critical: [ACME Ltd] Jane Doe may end the work\n\n{alert}",
    ),
    (
        "Outlook for phones",
        "text/plain; charset=utf-8",
        "{said}\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\nFrom: Barometer <watch@northlight.example>\nSent: Monday, March 2, 2026 10:00:00 AM\nTo: Dana Reyes <dana@northlight.example>\nSubject: Critical: [ACME Ltd] Jane Doe may end the work\n\n{alert}",
    ),
    (
        "a signature",
        "text/plain; charset=utf-8",
        "{said}\n\n-- \nDana Reyes\nNorthlight, 12 Long Lane\n+44 20 7946 0000\n\nOn 2 March 2026 Barometer wrote:\n{quoted}",
    ),
    (
        "blank lines first",
        "text/plain; charset=utf-8",
        "\n\n   \n{said}\n\nOn 2 March 2026, Barometer <watch@northlight.example> wrote:\n\n{quoted}",
    ),
    (
        "Gmail as a page",
        "text/html; charset=utf-8",
        "<div dir=\"ltr\">{said}</div><br><div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">On Mon, Mar 2, 2026 at 10:00 AM Barometer &lt;<a href=\"mailto:watch@northlight.example\">watch@northlight.example</a>&gt; wrote:<br></div><blockquote class=\"gmail_quote\"><pre>{alert}</pre></blockquote></div>",
    ),
    (
        "Outlook as a page",
        "text/html; charset=utf-8",
        "<html><body><div class=\"WordSection1\"><p class=\"MsoNormal\">{said}<o:p></o:p></p><p class=\"MsoNormal\">&nbsp;</p><div style=\"border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm\"><p class=\"MsoNormal\"><b>From:</b> Barometer &lt;watch@northlight.example&gt;<br><b>Sent:</b> Monday, March 2, 2026 10:00 AM<br><b>To:</b> Dana Reyes &lt;dana@northlight.example&gt;<br><b>Subject:</b> Critical: [ACME Ltd] Jane Doe may end the work</p></div><pre>{alert}</pre></div></body></html>",
    ),
    ("nothing quoted", "text/plain; charset=utf-8", "{said}\n"),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_found_above_whatever_a_mail_program_quotes() {
    for (name, kind, body) in PROGRAMS {
        let (mut firm, mails) = alarmed().await;
        let dana = mails.iter().find(|mail| mail.to == DANA).unwrap();
        let alert = barometer_text(&dana.bytes);
        let quoted: Vec<String> = alert.lines().map(|line| format!("> {line}")).collect();
        let body =
            body.replace("{said}", "snooze 1h").replace("{quoted}", &quoted.join("\n")).replace("{alert}", &alert);
        let date = firm.now.strftime("%a, %d %b %Y %H:%M:%S +0000");
        firm.arrive(&format!(
            "{}{}From: Dana Reyes <{DANA}>\nTo: Barometer <{}>\nSubject: Re: Critical: [ACME Ltd] Jane Doe may end the work\nDate: {date}\nMessage-ID: <1@northlight.example>\nMIME-Version: 1.0\nContent-Type: {kind}\nContent-Transfer-Encoding: 8bit\n\n{body}",
            firm::PASS,
            firm::RECEIVED,
            dana.reply_to()
        ))
        .await;
        assert_eq!(firm.happened(), ["incident_snoozed"], "{name}");
    }
}

/// The plain text of an alert.
fn barometer_text(bytes: &[u8]) -> String {
    let mail = mail_parser::MessageParser::default().parse(bytes).unwrap();
    mail.body_text(0).unwrap().replace("\r\n", "\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_were_wrong_weigh_less_there_and_never_less_than_half() {
    use barometer::pipeline::corrections;
    let mut firm = Firm::new("02T10:00").await;
    let mut last = String::new();
    for week in 0..7 {
        firm.client(&format!("Jane {week} <jane{week}@acme.example>"), LEAVES).await;
        firm.wait(1).await;
        last = address(&firm.news(), DANA);
        firm.reply(DANA, &last, "wrong").await;
        firm.wait(60).await;
    }
    let mut db = firm.store.read().await.unwrap();
    let found = corrections(&mut db).await.unwrap();
    drop(db);
    assert!(!found.is_empty());
    assert!(found.iter().all(|one| one.account == "acme" && one.left >= 50), "{found:?}");
    assert!(found.iter().any(|one| one.left == 50), "{found:?}");
    // Of the account alone, and taken back one by one.
    let left = found[0].clone();
    for _ in 0..3 {
        firm.reply(DANA, &last, "undo").await;
        firm.wait(2).await;
    }
    let mut db = firm.store.read().await.unwrap();
    let fewer = corrections(&mut db).await.unwrap();
    assert!(fewer.iter().find(|one| one.rule == left.rule).is_some_and(|one| one.left >= left.left), "{fewer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_changes_what_the_next_message_scores_in_that_account_alone() {
    let mut firm = Firm::new("02T10:00").await;
    let mut tones = Vec::new();
    let mut said = 0;
    let wrong = [("acme", true); 5];
    for (from, corrects) in wrong.into_iter().chain([("acme", false), ("zenith", false)]) {
        said += 1;
        firm.client(
            &format!("Jane <jane{said}@{from}.example>"),
            "I am disappointed by the quality of this work. Your team let us down badly and it has cost us a customer.",
        )
        .await;
        firm.wait(5).await;
        let mut db = firm.store.read().await.unwrap();
        let key = barometer::store::messages::recent(&mut db, from, i64::MAX, 1).await.unwrap()[0].message;
        let verdict = barometer::store::verdicts::get(&mut db, key).await.unwrap().unwrap();
        tones.push(verdict.tone.unwrap());
        drop(db);
        let mails = firm.news();
        if corrects {
            firm.reply(DANA, &address(&mails, DANA), "wrong").await;
        }
        firm.wait(60).await;
    }
    assert!(tones[0] < tones[5], "less harsh after the corrections: {tones:?}");
    assert_eq!(tones[0], tones[6], "{tones:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_of_an_unknown_domain_is_filed_under_its_account_now_and_later() {
    let mut firm = Firm::new("02T10:00").await;
    firm.client("Jane Doe <jane@acme-group.example>", LEAVES).await;
    firm.wait(1).await;
    let mails = firm.news();
    assert_eq!(readers(&mails), [DANA], "{:?}", told(&mails));
    let dana = address(&mails, DANA);
    firm.reply(DANA, &dana, "file under nobody").await;
    assert_eq!(told(&firm.news()), [(DANA, "Barometer: nothing was changed for acme-group.example")]);
    firm.wait(2).await;
    firm.reply(DANA, &dana, "file under ACME Ltd").await;
    firm.wait(1).await;
    let alert = firm.news();
    assert!(alert.iter().any(|mail| mail.subject.contains("[ACME Ltd]")), "{:?}", told(&alert));
    let states = firm.states().await;
    assert!(states.contains(&("acme/cancellation-1".to_owned(), "open".to_owned())), "{states:?}");
    assert!(states.contains(&("acme-group.example/cancellation-1".to_owned(), "closed".to_owned())), "{states:?}");
    // What comes later goes there by itself.
    firm.client("Bob Roe <bob@acme-group.example>", ANGRY).await;
    firm.wait(20).await;
    assert!(
        firm.states().await.iter().filter(|(name, _)| name.starts_with("acme/")).count() >= 2,
        "{:?}",
        firm.states().await
    );
    firm.news();
    firm.reply(DANA, &dana, "undo").await;
    let states = firm.states().await;
    assert!(states.contains(&("acme-group.example/cancellation-1".to_owned(), "open".to_owned())), "{states:?}");
    assert!(states.contains(&("acme/cancellation-1".to_owned(), "closed".to_owned())), "{states:?}");
}

/// Who was told of silence by e-mail, one entry each time.
fn told_of_silence(firm: &mut Firm) -> Vec<Vec<String>> {
    let events = std::mem::take(&mut firm.events);
    let about = events.into_iter().filter(|e| e.topic == Some(Topic::Silence) && !e.recipients.is_empty());
    about.map(|e| e.recipients).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_told_in_its_stages_whatever_the_ladder_says() {
    let mut firm = Firm::new("02T10:00").await;
    firm.client(JANE, ANGRY).await;
    firm.pass_to("05T17:00").await;
    assert_eq!(told_of_silence(&mut firm), [[SAM]], "the owner, on the third working day");
    firm.pass_to("09T17:00").await;
    assert_eq!(told_of_silence(&mut firm), [[DANA, SAM]], "the manager, on the fifth");
    firm.pass_to("16T17:00").await;
    assert_eq!(told_of_silence(&mut firm), [[DANA, MARCUS, SAM]], "the director, on the tenth");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_silence_and_counting_begins_anew() {
    let mut firm = Firm::new("02T10:00").await;
    firm.client(JANE, ANGRY).await;
    firm.pass_to("05T11:00").await;
    let mails = firm.news();
    assert_eq!(told_of_silence(&mut firm), [[SAM]]);
    firm.reply(SAM, &address(&mails, SAM), "close called").await;
    let silence = |states: Vec<(String, String)>| states.into_iter().filter(|(n, _)| n.contains("silence")).collect();
    let states: Vec<(String, String)> = silence(firm.states().await);
    assert_eq!(states, [("acme/silence-1".to_owned(), "closed".to_owned())]);
    firm.pass_to("10T10:59").await;
    assert!(told_of_silence(&mut firm).is_empty(), "three working days have not passed");
    firm.pass_to("10T11:30").await;
    assert_eq!(told_of_silence(&mut firm), [[SAM]], "now they have");
}

/// The digest of the manager as it would be now.
async fn digest(firm: &Firm) -> String {
    let member = firm::settings().member(DANA).unwrap().clone();
    let mut db = firm.store.read().await.unwrap();
    let span =
        (firm.now - SignedDuration::from_hours(24), firm.now, firm.now.to_zoned(member.time_zone.clone()).date());
    let view = firm.pipeline.digest_view(&mut db, &member, span, DigestSpan::Daily).await.unwrap();
    let text = firm.pipeline.render_digest(&view, &member).unwrap().text;
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_says_what_was_answered() {
    let (mut firm, mails) = alarmed().await;
    let shown = async |firm: &Firm, words: &str| {
        let text = digest(firm).await;
        assert!(text.contains(words), "{words} is not in {text}");
    };
    shown(&firm, "| open since Mon").await;
    firm.reply(SAM, &address(&mails, SAM), "ack").await;
    shown(&firm, "| acknowledged by Sam Field on Mon 2 Mar, began Mon").await;
    firm.reply(DANA, &address(&mails, DANA), "snooze 3h").await;
    shown(&firm, "| snoozed by Dana Reyes on Mon 2 Mar until Mon 2 Mar, 13:01, began Mon").await;
    firm.reply(DANA, &address(&mails, DANA), "mine").await;
    shown(&firm, "| taken over by Dana Reyes on Mon 2 Mar, began Mon").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weekly_digest_comes_by_itself_on_its_day() {
    let mut firm = Firm::new("03T10:00").await;
    firm.client(JANE, ANGRY).await;
    firm.pass_to("09T07:29").await;
    let weekly = |firm: &mut Firm| -> Vec<(String, String)> {
        let events = std::mem::take(&mut firm.events).into_iter().filter(|e| e.event == "weekly");
        events.map(|e| (e.person.unwrap(), e.at.strftime("%d %H:%M").to_string())).collect()
    };
    assert!(weekly(&mut firm).is_empty());
    firm.pass_to("09T17:00").await;
    // Summer time begins later; readers are those who manage an account.
    assert_eq!(weekly(&mut firm), [(DANA.to_owned(), "09 07:30".to_owned())]);
    firm.pass_to("15T23:00").await;
    assert!(weekly(&mut firm).is_empty(), "once a week");
    firm.pass_to("16T07:30").await;
    assert_eq!(weekly(&mut firm).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_that_was_none_is_corrected() {
    let mut firm = Firm::new("02T10:00").await;
    firm.client(JANE, ANGRY).await;
    firm.pass_to("05T11:00").await;
    let mails = firm.news();
    firm.reply(SAM, &address(&mails, SAM), "wrong silence_after_conflict").await;
    let states = firm.states().await;
    assert!(states.contains(&("acme/silence-1".to_owned(), "closed".to_owned())), "{states:?}");
    told_of_silence(&mut firm);
    firm.reply(SAM, &address(&mails, SAM), "undo").await;
    let states = firm.states().await;
    assert!(states.contains(&("acme/silence-1".to_owned(), "open".to_owned())), "{states:?}");
    firm.pass_to("06T17:00").await;
    assert!(told_of_silence(&mut firm).is_empty(), "it was told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_of_a_contact_counts_where_its_author_is_vouched_for() {
    let mut firm = Firm::new("02T10:00").await;
    let forward = |from: &str, n: u32| {
        format!(
            "From: <{from}>\nTo: <watch@northlight.example>\nSubject: Fwd: Plan {n}\nDate: Mon, 02 Mar 2026 09:{n:02}:00 +0000\nMessage-ID: <n{n}@x.example>\n\n@note Had lunch with Jane\n\n---------- Forwarded message ---------\nFrom: Jane Doe <jane@acme.example>\nDate: Fri, 27 Feb 2026 at 09:{n:02}\nSubject: Plan {n}\nTo: <sam@northlight.example>\n\nHere is the plan number {n}.\n"
        )
    };
    let touches = async |firm: &Firm| {
        let mut db = firm.store.read().await.unwrap();
        barometer::store::answers::touches(&mut db, "acme").await.unwrap().len()
    };
    firm.arrive(&format!("{}{}", firm::RECEIVED, forward(SAM, 1))).await;
    assert_eq!(touches(&firm).await, 0, "anybody can write that");
    firm.arrive(&format!("{}{}{}", firm::PASS, firm::RECEIVED, forward(SAM, 2))).await;
    assert_eq!(touches(&firm).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graver_matter_hides_what_it_makes_needless() {
    let (mut firm, _) = alarmed().await;
    firm.happened();
    firm.client(
        BOB,
        "I have chased you three times now. I need this today by five o'clock, it is urgent and I am still waiting.",
    )
    .await;
    firm.wait(30).await;
    let pressed = firm.states().await.into_iter().filter(|(name, _)| name.contains("pressure")).count();
    let mails = firm.news();
    assert!(mails.iter().all(|mail| !mail.subject.contains("chas")), "{pressed} {:?}", told(&mails));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_an_incident_did_is_told_on_request() {
    let (mut firm, mails) = alarmed().await;
    firm.reply(DANA, &address(&mails, DANA), "snooze 1h").await;
    firm.pass_to("02T12:00").await;
    firm.reply(DANA, &address(&mails, DANA), "close called").await;
    let mut db = firm.store.read().await.unwrap();
    let history = barometer::pipeline::history(&mut db, "acme/cancellation-1").await.unwrap().unwrap();
    let what: Vec<&str> = history.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(what, ["alert", "message", "snooze", "alert_anew", "incident_woken", "close", "stands"], "{history:?}");
    assert!(history.last().unwrap().more.starts_with("closed"));
    assert!(barometer::pipeline::history(&mut db, "acme/none-1").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_test_obeys_replies_and_tells_the_same_twice() {
    let client = "From: Jane Doe <jane@acme.example>\nTo: sam@northlight.example\nSubject: The contract\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nMessage-ID: <1@acme.example>\n\nWe will end our agreement in March and move the work to another agency.\n";
    let first = firm::replayed(vec![(at("02T10:00"), client.to_owned())]).await;
    let mail = first.mails.iter().find(|mail| mail.recipient == DANA).unwrap();
    let to = Sent { to: DANA.to_owned(), subject: String::new(), bytes: mail.bytes.clone() }.reply_to();
    let reply = format!(
        "{}{}From: <{DANA}>\nTo: <{to}>\nSubject: Re: x\nDate: Mon, 02 Mar 2026 11:00:00 +0000\nMessage-ID: <2@northlight.example>\n\nsnooze 3h\n",
        firm::PASS,
        firm::RECEIVED
    );
    let story = firm::replayed(vec![(at("02T10:00"), client.to_owned()), (at("02T11:00"), reply)]).await;
    let events: Vec<(&str, String)> = story.events.iter().map(|e| (e.event, e.at.to_string())).collect();
    let find = |name: &str| story.events.iter().find(|e| e.event == name).unwrap_or_else(|| panic!("{events:?}"));
    let snoozed = find("incident_snoozed");
    assert_eq!(
        (snoozed.at, snoozed.path.as_deref(), snoozed.person.as_deref()),
        (at("02T11:00"), Some("1.eml"), Some(DANA))
    );
    assert!(snoozed.file.is_some() && snoozed.recipients == [SAM]);
    assert_eq!(find("incident_woken").at, at("02T14:00"));
    assert_eq!(find("ladder_step").at, at("03T09:30"), "four hours of work after it woke, the night left out");
}
