//! Hostile mail in every kind of e-mail: whatever stands in a name, a subject or a body, what we send stays our
//! own. Its headers are these and no others, our own reader reads it back, nothing of it is a link or a tag, and
//! it stays below what mail programs cut off.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

use std::sync::LazyLock;

use barometer::command::Verb;
use barometer::notify::compose::{Envelope, MailKind, compose};
use barometer::notify::{
    AlertView, CauseView, DigestView, NewsLine, PersonView, Rendered, StaffAlertView, Templates, alert, brief, digest,
    notice, receipt, sample,
};
use barometer::read::{self, Address, Automatic, Ours};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use regex::Regex;

/// Stands in every hostile text: where it shows, mail shows.
const MARK: &str = "Zq9x";
/// Mail programs cut off what is longer, and hide the end.
const LARGEST: usize = 100_000;
/// The tags of our templates.
const TAGS: [&str; 18] = [
    "bdi", "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "span", "strong",
    "b", "br", "h1", "code",
];
/// What mail tries.
const TRICKS: [&str; 34] = [
    "</td></tr></table><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href=\"http://evil.com/?t=1\">pay</a>",
    "\" onmouseover=\"x",
    "' style='position:fixed",
    "<style>*{display:none}</style>",
    "<!-- ",
    " -->",
    "]]>",
    "&lt;b&gt;",
    "&#x202e;",
    "http://evil.com/a?b=c",
    "https:\\\\evil.com",
    "mailto:boss@evil.com",
    "evil.com",
    "www.evil.com/pay",
    "jane@evil.com",
    "javascript:alert(1)",
    "{{ 7*7 }}",
    "{% include \"alert.html\" %}",
    "{# gone #}",
    "{{ digest }}",
    "\r\nBcc: everybody@evil.com",
    "\r\n\r\n<html>",
    "\r\n.\r\n",
    "\nFrom evil",
    "\u{202e}gpj.exe",
    "\u{2066}\u{2067}",
    "\u{200b}\u{feff}\u{ad}",
    "\0\u{1b}[31m\u{7}",
    "> > > > nested",
    "--=_barometer_0",
    "=?utf-8?q?=0d=0aBcc:?=",
    "4111 1111 1111 1111",
];

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates::shipped().unwrap());
static TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<[^>]*>").unwrap());
static LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)https?:|ftp:/|\bmailto:\S|\bjavascript:|\bwww\.|\bevil\.com\b").unwrap());

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(TRICKS.to_vec()).prop_map(str::to_owned),
        2 => r"(?s).{0,30}",
        1 => r"[\u{590}-\u{6ff}\u{300}-\u{36f}]{0,40}",
        1 => Just("W".repeat(10_000)),
        1 => Just("&<>\"'".repeat(2_000)),
        1 => Just("x\n".repeat(500)),
        2 => Just(" ".to_owned()),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| format!("{MARK} {}", pieces.concat()))
}

/// Hostile texts, one after the other and over again.
struct Texts(Vec<String>, usize);

impl Texts {
    fn next(&mut self) -> String {
        self.1 += 1;
        self.0.get(self.1 % self.0.len()).unwrap().clone()
    }

    fn into(&mut self, fields: &mut [&mut String]) {
        for field in fields {
            **field = self.next();
        }
    }
}

fn london() -> TimeZone {
    TimeZone::get("Europe/London").unwrap()
}

fn person(who: &mut PersonView, t: &mut Texts) {
    t.into(&mut [&mut who.name, &mut who.address, &mut who.note]);
    // An address that is one stays readable: another test.
    who.address.push_str(" x");
}

fn cause(c: &mut CauseView, t: &mut Texts) {
    person(&mut c.author, t);
    c.to = vec![c.author.clone(); 60];
    c.to.iter_mut().chain(&mut c.cc).for_each(|who| person(who, t));
    t.into(&mut [&mut c.subject, &mut c.excerpt, &mut c.usually, &mut c.evidence, &mut c.reference]);
    c.reference.push_str(" x");
    c.note = Some(t.next());
    c.forwarded_by = Some(c.author.clone());
    c.signals.iter_mut().for_each(|s| s.words = t.next());
}

fn alert_of(mut view: AlertView, t: &mut Texts) -> Rendered {
    t.into(&mut [&mut view.account.id, &mut view.account.name, &mut view.reader_name, &mut view.next_step]);
    view.account.owner_name = Some(t.next());
    for i in &mut view.incidents {
        t.into(&mut [&mut i.name, &mut i.headline, &mut i.state]);
        i.facts.push(t.next());
        i.causes.iter_mut().for_each(|c| cause(c, t));
    }
    view.owed.iter_mut().for_each(|o| t.into(&mut [&mut o.person, &mut o.what]));
    view.promises.iter_mut().for_each(|p| t.into(&mut [&mut p.person, &mut p.words]));
    view.exchanges.iter_mut().for_each(|e| t.into(&mut [&mut e.who, &mut e.gist]));
    view.told_also.iter_mut().for_each(|name| *name = t.next());
    alert::render(&view, &TEMPLATES, &london()).unwrap()
}

fn staff_of(mut view: StaffAlertView, t: &mut Texts) -> Rendered {
    t.into(&mut [&mut view.account.name, &mut view.reader_name]);
    person(&mut view.member, t);
    view.causes.iter_mut().for_each(|c| cause(c, t));
    view.exchanges.iter_mut().for_each(|e| t.into(&mut [&mut e.who, &mut e.gist]));
    alert::render_staff(&view, &TEMPLATES, &london()).unwrap()
}

fn news(l: &mut NewsLine, t: &mut Texts) {
    t.into(&mut [&mut l.account, &mut l.headline, &mut l.words, &mut l.earned_by]);
}

fn digest_of(mut view: DigestView, times: usize, t: &mut Texts) -> Rendered {
    fn over<T: Clone>(list: &mut Vec<T>, times: usize) {
        *list = list.iter().cycle().take(list.len() * times).cloned().collect();
    }
    over(&mut view.waiting, times);
    over(&mut view.changes, times);
    over(&mut view.quiet, times);
    over(&mut view.open, times);
    over(&mut view.good_news, times);
    over(&mut view.kept, times);
    over(&mut view.promises, times);
    over(&mut view.strangers, times);
    over(&mut view.unread, times);
    over(&mut view.trends, times);
    over(&mut view.week.answers, times);
    over(&mut view.week.causes, times);
    over(&mut view.week.people, times);
    over(&mut view.week.corrections, times);
    over(&mut view.week.rules, times);
    view.waiting.iter_mut().for_each(|w| t.into(&mut [&mut w.account, &mut w.person, &mut w.subject]));
    for c in &mut view.changes {
        over(&mut c.lines, times);
        t.into(&mut [&mut c.account.name]);
        c.lines.iter_mut().for_each(|l| news(l, t));
    }
    let lists = [&mut view.quiet, &mut view.good_news, &mut view.kept, &mut view.week.people];
    lists.into_iter().flatten().for_each(|l| news(l, t));
    view.open.iter_mut().for_each(|o| t.into(&mut [&mut o.account, &mut o.name, &mut o.headline, &mut o.state]));
    view.promises.iter_mut().for_each(|p| t.into(&mut [&mut p.account, &mut p.person, &mut p.words]));
    view.strangers.iter_mut().for_each(|s| s.domain = t.next());
    view.unread.iter_mut().for_each(|u| u.reason = t.next());
    view.trends.iter_mut().for_each(|l| t.into(&mut [&mut l.account, &mut l.note]));
    view.week.answers.iter_mut().for_each(|a| a.account = t.next());
    view.week.causes.iter_mut().flat_map(|c| &mut c.accounts).for_each(|name| *name = t.next());
    for c in &mut view.week.corrections {
        t.into(&mut [&mut c.account, &mut c.who, &mut c.what]);
        c.rules.push(t.next());
    }
    view.week.rules.iter_mut().for_each(|r| r.rule = t.next());
    digest::render(&view, &TEMPLATES, &london()).unwrap()
}

fn receipts(t: &mut Texts) -> Vec<Rendered> {
    let (account, person) = (t.next(), t.next());
    let closed = Verb::Close { reason: t.next() };
    let shown = receipt::shown(&person, &account, &closed, &t.next(), &[t.next(), t.next()]).unwrap();
    let views = [
        shown,
        receipt::help(&account),
        receipt::unclear(&account),
        receipt::in_vain(&account, &t.next()),
        receipt::done(&account, t.next(), vec![t.next()]),
        receipt::who(&account, vec![t.next(), t.next()]),
    ];
    views.iter().map(|view| notice::render(view, &TEMPLATES).unwrap()).collect()
}

fn brief_of(times: usize, t: &mut Texts) -> Rendered {
    let mut b = brief::sample();
    let told = |r: &mut brief::Reference, t: &mut Texts| {
        t.into(&mut [&mut r.author, &mut r.subject, &mut r.message]);
        r.message.push_str(" x");
    };
    t.into(&mut [&mut b.account.id, &mut b.account.name]);
    b.account.owner_name = Some(t.next());
    b.turns = b.turns.iter().cycle().take(b.turns.len() * times).cloned().collect();
    b.unanswered = b.unanswered.iter().cycle().take(times * 4).cloned().collect();
    b.promises = b.promises.iter().cycle().take(times * 4).cloned().collect();
    b.people.iter_mut().for_each(|w| t.into(&mut [&mut w.name, &mut w.address, &mut w.title, &mut w.note]));
    b.people.iter_mut().for_each(|w| w.address.push_str(" x"));
    for line in &mut b.turns {
        line.what = t.next();
        line.reference.iter_mut().for_each(|r| told(r, t));
    }
    b.open.iter_mut().for_each(|o| t.into(&mut [&mut o.name, &mut o.headline, &mut o.state]));
    b.promises.iter_mut().for_each(|p| t.into(&mut [&mut p.person, &mut p.words]));
    for line in &mut b.tried {
        told(&mut line.reference, t);
        line.shown_by.iter_mut().for_each(|r| told(r, t));
    }
    for line in &mut b.unanswered {
        line.person = t.next();
        line.reference.iter_mut().for_each(|r| told(r, t));
    }
    for line in b.good.iter_mut().chain(&mut b.read) {
        t.into(&mut [&mut line.what, &mut line.words]);
        told(&mut line.reference, t);
    }
    brief::render(&b, &TEMPLATES, &london()).unwrap()
}

fn ours() -> Ours {
    Ours { domains: vec!["northlight.example".into()], service: "watch@northlight.example".into(), ..Ours::default() }
}

/// Bytes of an e-mail; who it is for is as hostile as the rest.
fn bytes_of(mail: &Rendered, kind: MailKind, name: &str) -> Vec<u8> {
    let address = |name: &str, address: &str| Address { name: name.into(), address: address.into() };
    let envelope = Envelope {
        from: address("Barometer", "watch@northlight.example"),
        to: vec![address(name, "dana@northlight.example")],
        reply_to: Some(address(name, "watch+token@northlight.example")),
        date: "2026-03-05T16:45:10Z".parse().unwrap(),
        message_id: "brm.1@northlight.example".into(),
        references: vec!["brm.0@northlight.example".into(), name.to_owned()],
        id: "1".into(),
        kind,
    };
    compose(mail, &envelope).unwrap()
}

const HEADERS: [&str; 15] = [
    "From",
    "Date",
    "Message-ID",
    "Subject",
    "To",
    "Reply-To",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "List-Id",
    "Precedence",
    "X-Barometer-Id",
    "MIME-Version",
    "Content-Type",
];

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// What a browser would show, without our own tags.
fn shown(html: &str) -> String {
    let style = html.find("<style>").zip(html.find("</style>"));
    let body = style.map_or(html, |(_, end)| html.get(end..).unwrap());
    let text = TAG.replace_all(body, "\n");
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2f;", "/"), ("&amp;", "&")];
    plain.iter().fold(text.into_owned(), |text, (entity, c)| text.replace(entity, c))
}

fn check(mail: &Rendered, kind: MailKind, name: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(&mail.fault, &None);
    let bytes = bytes_of(mail, kind, name);
    prop_assert!(
        mail.html.len() <= LARGEST && mail.text.len() <= LARGEST,
        "{} and {}",
        mail.html.len(),
        mail.text.len()
    );
    // Headers: these, in this order, and no others.
    let text = String::from_utf8(bytes.clone()).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let found: Vec<&str> =
        head.lines().filter(|l| !l.starts_with([' ', '\t'])).map(|l| l.split(':').next().unwrap()).collect();
    let expected: Vec<&str> = HEADERS.into_iter().filter(|h| *h != "Precedence" || kind == MailKind::Digest).collect();
    prop_assert_eq!(found, expected, "{}", head);
    // Our own reader reads it back, and knows whose it is.
    let message = read::read(&bytes, &ours());
    prop_assert_eq!(message.automatic, Some(Automatic::Own));
    prop_assert_eq!(message.from.unwrap().address, "watch@northlight.example");
    let to: Vec<String> = message.to.into_iter().map(|a| a.address).collect();
    prop_assert_eq!(to, ["dana@northlight.example"]);
    prop_assert!(message.cc.is_empty());
    prop_assert_eq!(squeezed(&message.subject), squeezed(&mail.subject));
    let t = &message.texts;
    let body = squeezed(&[&t.new_text, &t.quoted_text, &t.signature, &t.disclaimer].map(String::as_str).concat());
    for line in mail.text.lines().map(squeezed).filter(|line| !line.is_empty()) {
        let bare = line.trim_start_matches('>');
        prop_assert!(body.contains(bare), "{} is not in {}", bare, body);
    }
    // Nothing of the mail is a tag, a link, or hidden.
    for tag in TAG.find_iter(&mail.html) {
        let name: String = tag.as_str().chars().skip(1).take_while(|c| !c.is_whitespace() && *c != '>').collect();
        prop_assert!(TAGS.contains(&name.trim_start_matches('/')), "{}", tag.as_str());
        let active = ["href", "src=", "url(", " on", "evil", MARK];
        prop_assert!(!active.iter().any(|word| tag.as_str().contains(word)), "{}", tag.as_str());
    }
    for part in [&mail.text, &shown(&mail.html), &mail.subject] {
        let found = LINK.find(part);
        prop_assert!(found.is_none(), "{:?} in {}", found, part);
        let hidden = |c: char| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
        };
        prop_assert!(!part.contains(hidden), "{:?}", part);
        prop_assert!(!part.contains("49 ") || !part.contains("7*7"), "no template of theirs is run");
    }
    prop_assert!(!mail.subject.contains('\n') && mail.subject.chars().count() <= 200);
    Ok(())
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(hostile(), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_time: 15_000, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn alerts_stay_ours(texts in texts()) {
        let t = &mut Texts(texts, 0);
        for view in [sample::cancellation(), sample::late_complaint(), sample::silence()] {
            check(&alert_of(view, t), MailKind::Alert, &t.next())?;
        }
        for view in [sample::coaching(), sample::berated()] {
            check(&staff_of(view, t), MailKind::Alert, &t.next())?;
        }
    }

    #[test]
    fn digests_and_weeks_stay_ours(texts in texts()) {
        let t = &mut Texts(texts, 0);
        check(&digest_of(sample::daily(), 1, t), MailKind::Digest, &t.next())?;
        check(&digest_of(sample::weekly(), 1, t), MailKind::Digest, &t.next())?;
    }

    #[test]
    fn receipts_stay_ours(texts in texts()) {
        let t = &mut Texts(texts, 0);
        for mail in receipts(t) {
            check(&mail, MailKind::Alert, &t.next())?;
        }
    }

    #[test]
    fn briefs_stay_ours(texts in texts()) {
        let t = &mut Texts(texts, 0);
        check(&brief_of(1, t), MailKind::Digest, &t.next())?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_time: 15_000, ..ProptestConfig::with_cases(3) })]

    #[test]
    fn however_much_there_is_to_tell_no_mail_program_cuts_it_off(texts in texts(), times in 2usize..16) {
        let t = &mut Texts(texts, 0);
        check(&digest_of(sample::daily(), times, t), MailKind::Digest, &t.next())?;
        check(&digest_of(sample::weekly(), times, t), MailKind::Digest, &t.next())?;
        check(&brief_of(times, t), MailKind::Digest, &t.next())?;
        let mut view = sample::cancellation();
        let incident = view.incidents.first().unwrap().clone();
        view.incidents = vec![incident; times];
        for incident in &mut view.incidents {
            let cause = incident.causes.first().unwrap().clone();
            incident.causes = vec![cause; times];
        }
        check(&alert_of(view, t), MailKind::Alert, &t.next())?;
    }
}
