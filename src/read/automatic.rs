//! Tells what machines wrote from what people wrote, and of what kind it is.
//!
//! Header fields are evidence; words are weak evidence, of which two are
//! needed. A person on a mailing list is a person. Defined for every message.

use std::cell::LazyCell;

use mail_parser::Message;

use super::head::{Head, begins};
use super::message::{Address, Automatic, Facts};
use super::words::{Language, Phrases, WORDS, fold};
use super::{Ours, bounce, facts};

/// Words of a machine stand near the top of its text.
const TOP: usize = 4_000;

/// What reading says of a message beyond its text.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// Of what kind, where no person wrote it.
    pub(super) automatic: Option<Automatic>,
    /// Addresses that could not be reached.
    pub(super) bounced: Vec<String>,
    /// What automatic mail says that people want to know.
    pub(super) facts: Facts,
}

/// Whether a machine wrote the message, and what it says.
pub(super) fn of(mail: &Message<'_>, subject: &str, from: Option<&Address>, new_text: &str, ours: &Ours) -> Finding {
    let head = Head::new(mail, subject, from);
    let top = new_text.get(..new_text.floor_char_boundary(TOP)).unwrap_or_default();
    let text = fold(top);
    let automatic =
        kind(mail, &head, &text, ours).or_else(|| is_mailing(mail, &head, new_text).then_some(Automatic::Bulk));
    let bounced = match automatic {
        Some(Automatic::Bounce) => bounce::addresses(mail, &head),
        _ => Vec::new(),
    };
    Finding { automatic, bounced, facts: facts::of(automatic, mail, subject, top) }
}

fn kind(mail: &Message<'_>, head: &Head<'_>, text: &str, ours: &Ours) -> Option<Automatic> {
    if head.has("x-barometer-id") {
        return Some(Automatic::Own);
    }
    if let Some(kind) = bounce::in_form(mail) {
        return Some(kind);
    }
    if bounce::is_complaint(mail, head) {
        return Some(Automatic::Report);
    }
    if is_calendar(mail, head, text) {
        return Some(Automatic::Calendar);
    }
    if bounce::in_words(mail, head) {
        return Some(Automatic::Bounce);
    }
    let believed =
        head.domain().is_some_and(|domain| ours.people_domains.iter().any(|people| is_within(domain, people)));
    if believed { by_words(head, text) } else { by_headers(mail, head, text).or_else(|| by_words(head, text)) }
}

/// What header fields prove.
fn by_headers(mail: &Message<'_>, head: &Head<'_>, text: &str) -> Option<Automatic> {
    let names = &WORDS.headers;
    let submitted = head.value("auto-submitted").to_lowercase();
    let precedence = head.value("precedence").to_lowercase();
    let precedence = precedence.trim();
    let generated = submitted.starts_with("auto");
    let bulk = matches!(precedence, "bulk" | "junk");
    if submitted.starts_with("auto-replied")
        || precedence.starts_with("auto")
        || head.any_true(&names.replies)
        || head.is_responder()
    {
        return Some(answer(head, text));
    }
    if (generated || bulk || head.null_path())
        && (head.says_automatic() || (head.says_absent() && WORDS.texts.away.found(text)))
    {
        return Some(answer(head, text));
    }
    if head.any(&names.notices) {
        return Some(Automatic::Notification);
    }
    let mailing = head.any(&names.mailings);
    if !mailing && !generated && !head.is_no_reply() && is_discussion(head, precedence) {
        return None;
    }
    let offers_leave = head.has("list-unsubscribe") || head.has("list-id");
    if (mailing || offers_leave) && (bulk || !head.answers()) {
        return Some(Automatic::Bulk);
    }
    if generated || head.is_no_reply() {
        let acknowledges = head.answers() && WORDS.texts.received.found(text);
        return Some(if acknowledges { Automatic::AutoReply } else { Automatic::Notification });
    }
    if bulk && !(head.answers() && head.is_reply()) {
        return Some(if head.is_role() { Automatic::Notification } else { Automatic::Bulk });
    }
    by_sending_service(mail, head)
}

/// A mailing without the header fields of one: its sender or its page is made
/// for many, and its foot says how to leave.
fn is_mailing(mail: &Message<'_>, head: &Head<'_>, whole_text: &str) -> bool {
    if head.answers() || head.is_reply() || is_discussion(head, "") {
        return false;
    }
    let foot =
        whole_text.get(whole_text.ceil_char_boundary(whole_text.len().saturating_sub(TOP))..).unwrap_or_default();
    let watches = |page: &str| {
        ["width=\"1\"", "width=1 ", "width='1'"].iter().any(|width| page.contains(width))
            && page.matches("href=").count() >= 5
    };
    let made_for_many = head.is_mailing()
        || mail.parts.iter().any(|part| matches!(&part.body, mail_parser::PartType::Html(page) if watches(page)));
    made_for_many && WORDS.texts.leave.found(&fold(foot))
}

/// A person on a list that passes on what its members write.
fn is_discussion(head: &Head<'_>, precedence: &str) -> bool {
    let posts = |value: &str| !value.trim().eq_ignore_ascii_case("no");
    let named = WORDS.headers.discussions.iter().any(|name| head.values(name).any(posts))
        || head.any(&WORDS.headers.discussions);
    let refused = head.has("list-post") && !head.values("list-post").any(posts);
    (named && !refused) || head.is_relayed() || (precedence == "list" && !head.has("list-unsubscribe"))
}

/// What a sending service or a spam filter leaves behind, where nothing else speaks.
fn by_sending_service(mail: &Message<'_>, head: &Head<'_>) -> Option<Automatic> {
    if head.answers() {
        return None;
    }
    let only_page = mail.parts.iter().all(|part| !matches!(part.body, mail_parser::PartType::Text(_)));
    if head.any(&WORDS.headers.services) && head.is_role() && only_page {
        return Some(Automatic::Notification);
    }
    let flagged = head.value("x-spam-flag").trim().to_lowercase().starts_with("yes")
        || head.value("x-spam-status").trim().to_lowercase().starts_with("yes");
    flagged.then_some(Automatic::Bulk)
}

/// What words alone prove: two signs, each of another kind.
fn by_words(head: &Head<'_>, text: &str) -> Option<Automatic> {
    let words = &WORDS.texts;
    // Looked for where they can matter: the text is searched anew for each.
    let away = LazyCell::new(|| words.away.found(text));
    let machine = LazyCell::new(|| words.machine.found(text));
    let received = LazyCell::new(|| words.received.found(text));
    let null = head.null_path();
    let answers = (head.says_automatic() && (null || head.answers() || *away || *machine || *received))
        || (head.says_absent() && *away && (head.answers() || null || *machine || tells_when(text)))
        || (null && (*away || *received))
        || (head.is_role() && *machine && *received);
    if answers {
        return Some(answer(head, text));
    }
    if (null || (head.is_role() && !head.answers())) && *machine {
        return Some(Automatic::Notification);
    }
    let receipt = begins(&WORDS.subjects.receipt, &head.subject) && words.receipt.found(text);
    receipt.then_some(Automatic::Receipt)
}

/// Whether a text says when somebody is back or whom to turn to, and asks nothing.
fn tells_when(text: &str) -> bool {
    let says = |cues: fn(&Language) -> &Phrases| WORDS.languages.iter().any(|language| cues(language).found(text));
    !text.contains(['?', '？']) && (says(|l| &l.back) || says(|l| &l.until) || says(|l| &l.deputy))
}

/// Which kind of automatic answer.
fn answer(head: &Head<'_>, text: &str) -> Automatic {
    let received = WORDS.texts.received.found(text);
    if head.has("x-apple-action") || head.has("x-vacation") {
        return Automatic::OutOfOffice;
    }
    if received && head.is_role() {
        return Automatic::AutoReply;
    }
    if WORDS.texts.away.found(text) {
        return Automatic::OutOfOffice;
    }
    let personal = !received && !head.is_role() && !head.is_no_reply() && !WORDS.texts.machine.found(text);
    if personal && (head.says_automatic() || head.says_absent() || WORDS.subjects.away.found(&head.subject)) {
        return Automatic::OutOfOffice;
    }
    Automatic::AutoReply
}

/// Whether the message carries an appointment or the answer to one.
fn is_calendar(mail: &Message<'_>, head: &Head<'_>, text: &str) -> bool {
    if mail.parts.iter().any(|part| bounce::is_calendar(part) && facts::asks_or_answers(part)) {
        return true;
    }
    if head.value("content-class").to_lowercase().contains("calendarmessage") {
        return true;
    }
    let machine = head.is_no_reply() || head.value("sender").to_lowercase().contains("calendar-notification");
    let silent = text.is_empty() && mail.attachment_count() == 0;
    begins(&WORDS.subjects.calendar, &head.subject) && (silent || (machine && WORDS.texts.calendar.found(text)))
}

fn is_within(domain: &str, parent: &str) -> bool {
    domain == parent || domain.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::super::message::{Address, Automatic};
    use super::{Finding, Ours, of};

    fn finding(raw: &str, ours: &Ours) -> Finding {
        let mail = MessageParser::default().parse(raw.as_bytes()).unwrap();
        let from = mail.from().and_then(|from| from.first()).map(|from| Address {
            name: from.name.as_deref().unwrap_or_default().to_owned(),
            address: from.address.as_deref().unwrap_or_default().to_lowercase(),
        });
        let text = super::bounce::text_of(&mail);
        of(&mail, mail.subject().unwrap_or_default(), from.as_ref(), &text, ours)
    }

    fn kind(raw: &str) -> Option<Automatic> {
        finding(raw, &Ours::default()).automatic
    }

    #[test]
    fn people_are_people() {
        #[rustfmt::skip]
        let cases = [
            "From: Jo <jo@lumen.example>\nSubject: Invoice\nX-Auto-Response-Suppress: All\n\nPlease send it again.",
            "From: Jo <jo@lumen.example>\nSubject: Re: Undelivered goods\n\nThe crates were not delivered. They were returned to sender.",
            "From: Jo <jo@lumen.example>\nSubject: Out of office next week\n\nI'm out of the office next week, so let us talk on Friday.",
            "From: Jo <jo@lumen.example>\nSubject: Accepted: your offer\n\nWe accept your offer. When can you start?",
            "From: Jo <jo@lumen.example>\nSubject: [crew] Rota\nList-Id: <crew.lumen.example>\nList-Post: <mailto:crew@lumen.example>\nList-Unsubscribe: <mailto:crew-leave@lumen.example>\nPrecedence: list\n\nI don't like this rota.",
            "From: Jo <jo@lumen.example>\nSubject: Rota\nSender: owner-crew@lists.example\nPrecedence: bulk\n\nI don't like this rota.",
            "From: Jo <jo@lumen.example>\nSubject: Re: Rota\nIn-Reply-To: <1@a.example>\nX-SG-EID: abc\nFeedback-ID: 1:SG\n\nSent through our relay.",
            "Return-Path: <>\nX-MS-Exchange-Inbox-Rules-Loop: sam@us.example\nFrom: Jo <jo@lumen.example>\nSubject: Holidays\n\nI'm on holiday next week, please finish before.",
            "From: Jo <jo@lumen.example>\nSubject: Mail trouble\n\nMy mail to ana@lumen.example could not be delivered yesterday, can you pass it on?",
            "From: Info <info@lumen.example>\nSubject: Your portal\n\nWe get an automated message from your portal every night. Stop it please.",
            "From: Jo <jo@lumen.example>\nSubject: Date\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nThe fair, for your diary.\n--b\nContent-Type: text/calendar; name=fair.ics\nContent-Disposition: attachment\n\nBEGIN:VCALENDAR\nMETHOD:PUBLISH\nBEGIN:VEVENT\nSUMMARY:Fair\nEND:VEVENT\nEND:VCALENDAR\n--b--",
        ];
        for raw in cases {
            assert_eq!(kind(raw), None, "{raw}");
        }
    }

    #[test]
    fn machines_are_told_by_kind() {
        use Automatic::{AutoReply, Bounce, Bulk, Calendar, Notification, OutOfOffice, Own, Receipt, Report};
        #[rustfmt::skip]
        let cases = [
            (Own, "From: watch@us.example\nX-Barometer-Id: 1\nAuto-Submitted: auto-generated\nSubject: x\n\nx"),
            (OutOfOffice, "From: jo@lumen.example\nSubject: Re: Plan\nAuto-Submitted: auto-replied\n\nI am on annual leave."),
            (OutOfOffice, "From: jo@lumen.example\nSubject: Automatische Antwort: Plan\n\nIch bin im Urlaub."),
            (OutOfOffice, "From: jo@lumen.example\nSubject: Poissa: Plan\nIn-Reply-To: <1@us.example>\n\nOlen lomalla."),
            (OutOfOffice, "From: jo@lumen.example\nSubject: Automatic reply: Plan\nAuto-Submitted: auto-generated\n\nSee you on Monday."),
            (AutoReply, "From: support@lumen.example\nSubject: Re: Plan [#412]\nX-Autoreply: yes\n\nWe have received your request. Ticket number 412."),
            (AutoReply, "From: noreply@lumen.example\nSubject: Plan\nIn-Reply-To: <1@us.example>\n\nThank you for contacting us."),
            (OutOfOffice, "From: jo@lumen.example\nSubject: [Auto-Reply] Plan\n\nI will be back on Monday."),
            (AutoReply, "From: jo@lumen.example\nSubject: Re: Plan\nX-Mailer: Acme Autoresponder 2\n\nGot it."),
            (Report, "From: staff@isp.example\nSubject: complaint about message from 192.0.2.1\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nFrom: us@us.example\n\nx\n--b--"),
            (Notification, "From: builds@ci.example\nSubject: Build 7 failed\nAuto-Submitted: auto-generated\n\nSee the log."),
            (Notification, "From: Ada <notifications@hub.example>\nSubject: Re: [app] Crash (#7)\nX-GitHub-Reason: mention\nList-Id: <app.hub.example>\nList-Post: <mailto:reply@hub.example>\nPrecedence: list\nIn-Reply-To: <7@hub.example>\n\nI see it too."),
            (Notification, "From: no-reply@bank.example\nSubject: Statement\n\nYour statement is ready."),
            (Bulk, "From: News <hello@lumen.example>\nSubject: Spring\nList-Unsubscribe: <https://lumen.example/u>\n\nNew brass."),
            (Bulk, "From: Lumen <news@lumen.example>\nSubject: Spring\n\nNew brass.\n\nUnsubscribe here."),
            (Bulk, "From: x@y.example\nSubject: Win\nX-Spam-Flag: YES\n\nWin now."),
            (Calendar, "From: jo@lumen.example\nSubject: Plan\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nEND:VCALENDAR"),
            (Calendar, "From: jo@lumen.example\nSubject: Abgelehnt: Plan\n\n"),
            (Receipt, "From: jo@lumen.example\nSubject: Read: Plan\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\nContent-Type: text/plain\n\nRead.\n--b--"),
            (Report, "From: fbl@isp.example\nSubject: Abuse\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n--b--"),
            (Bounce, "From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\n<ana@lumen.example>:\nNo such user."),
        ];
        for (expected, raw) in cases {
            assert_eq!(kind(raw), Some(expected), "{raw}");
        }
    }

    #[test]
    fn people_at_trusted_domains_are_believed() {
        let ours = Ours { people_domains: vec!["desk.example".to_owned()], ..Ours::default() };
        let raw = "From: Ana <ana@eu.desk.example>\nSubject: Re: Plan\nAuto-Submitted: auto-generated\nPrecedence: bulk\n\nThis is not good enough.";
        assert_eq!(finding(raw, &ours).automatic, None);
        assert_eq!(kind(raw), Some(Automatic::Notification));
    }

    #[test]
    fn facts_come_along() {
        let raw = "From: jo@lumen.example\nDate: Tue, 3 Mar 2026 10:00:00 +0000\nSubject: Automatic reply: Plan\nAuto-Submitted: auto-replied\n\n\
                   I am out of the office until 9 March. Please contact ana@lumen.example.";
        let facts = finding(raw, &Ours::default()).facts;
        assert_eq!(
            (facts.return_on.as_deref(), facts.deputy.as_deref()),
            (Some("2026-03-09"), Some("ana@lumen.example"))
        );
        let raw = "From: jo@lumen.example\nSubject: Invitation\nContent-Type: text/calendar; method=REQUEST\n\n\
                   BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Site visit\\, Leeds\nDTSTART:20260401T100000Z\nEND:VEVENT\nEND:VCALENDAR\n";
        assert_eq!(
            finding(raw, &Ours::default()).facts.event.as_deref(),
            Some("Site visit, Leeds, 2026-04-01 10:00 UTC")
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(head in "((from|to|subject|return-path|precedence|list-id|auto-submitted|content-type): [ -~]{0,30}\n){0,6}", body in "\\PC{0,200}") {
            finding(&format!("From: x@y.example\n{head}\n{body}"), &Ours::default());
        }
    }
}
