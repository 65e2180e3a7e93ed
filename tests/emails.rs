//! Golden e-mails: each is rendered from a sample, and its text, HTML and bytes are compared with the files in
//! `tests/emails/`. `BLESS=1 cargo test --test emails` writes them anew.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

use std::fs;
use std::path::{Path, PathBuf};

use barometer::command::Verb;
use barometer::notify::compose::{Envelope, MailKind, compose};
use barometer::notify::notice::NoticeView;
use barometer::notify::{
    AlertView, DigestView, OpenLine, Rendered, Templates, alert, digest, incidents, notice, page, receipt, sample,
};
use barometer::read::Address;
use jiff::tz::TimeZone;

fn london() -> TimeZone {
    TimeZone::get("Europe/London").unwrap()
}

fn every_mail() -> Vec<(&'static str, MailKind, Rendered)> {
    let templates = Templates::shipped().unwrap();
    let zone = london();
    let alert = |view| alert::render(&view, &templates, &zone).unwrap();
    let staff = |view| alert::render_staff(&view, &templates, &zone).unwrap();
    let digest = |view| digest::render(&view, &templates, &zone).unwrap();
    let daily = sample::daily();
    // A list on the terminal has no reader who was told.
    let open: Vec<_> = daily.open.iter().cloned().map(|line| OpenLine { told_you: false, ..line }).collect();
    vec![
        ("alert-cancellation", MailKind::Alert, alert(sample::cancellation())),
        ("alert-late", MailKind::Alert, alert(sample::late_complaint())),
        ("alert-silence", MailKind::Alert, alert(sample::silence())),
        ("staff-coaching", MailKind::Alert, staff(sample::coaching())),
        ("staff-berated", MailKind::Alert, staff(sample::berated())),
        ("digest-daily", MailKind::Digest, digest(sample::daily())),
        ("digest-weekly", MailKind::Digest, digest(sample::weekly())),
        ("digest-calm", MailKind::Digest, digest(sample::calm())),
        ("alert-foreign", MailKind::Alert, alert(foreign_alert())),
        ("digest-foreign", MailKind::Digest, digest(foreign_digest())),
        ("notice", MailKind::Alert, notice::render(&sample::notice(), &templates).unwrap()),
        ("incidents", MailKind::Digest, incidents::render(&open, daily.until, &templates, &zone).unwrap()),
        ("answer-taken", MailKind::Alert, notice::render(&taken(), &templates).unwrap()),
        ("answer-who", MailKind::Alert, notice::render(&who(), &templates).unwrap()),
        ("answer-help", MailKind::Alert, notice::render(&receipt::help("ACME Ltd"), &templates).unwrap()),
    ]
}

/// Text that runs from right to left, and words that no line holds.
const HEBREW: &str = "שלום סאם, אנחנו שוקלים לעבור לסוכנות אחרת בסוף החודש.";
const ARABIC: &str = "مرحباً سام، لم نعد راضين عن العمل (النسخة 2.1).";
const LONG: &str = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk";

fn foreign_alert() -> AlertView {
    let mut view = sample::cancellation();
    view.account.name = "שירותי דפוס בע״מ".into();
    for incident in &mut view.incidents {
        incident.headline = "נועה לוי may end the work".into();
        for cause in &mut incident.causes {
            cause.author.name = "נועה לוי".into();
            cause.author.address = format!("{}@print.example", "noa.levi.of.the.print.works");
            cause.subject = "הצעת מחיר".into();
            cause.excerpt = format!("{HEBREW}\n\n{ARABIC}\n\n{LONG}bauunterbeamten");
            cause.signals.iter_mut().for_each(|signal| signal.words = "לעבור לסוכנות אחרת".into());
        }
    }
    view.exchanges.iter_mut().for_each(|line| line.gist = ARABIC.into());
    view
}

fn foreign_digest() -> DigestView {
    let mut view = sample::weekly();
    view.waiting.iter_mut().for_each(|line| line.subject = format!("הצעת מחיר {LONG}"));
    view.open.iter_mut().for_each(|line| line.account = "شركة الطباعة".into());
    view.promises.iter_mut().for_each(|line| line.words = HEBREW.into());
    view.changes.iter_mut().flat_map(|change| &mut change.lines).for_each(|line| line.words = ARABIC.into());
    view.good_news.iter_mut().for_each(|line| line.account = LONG.into());
    view
}

fn taken() -> NoticeView {
    let incidents = ["acme/cancellation-1".to_owned(), "acme/quality-2".to_owned()];
    receipt::shown("Sam Hill", "ACME Ltd", &Verb::Mine, "", &incidents).unwrap()
}

fn who() -> NoticeView {
    let lines = [
        "Dana Reyes was told on Thu 5 Mar, 16:45 and has not answered",
        "Sam Hill was told on Thu 5 Mar, 16:45 and answered mine",
    ];
    receipt::who("ACME Ltd", lines.map(str::to_owned).to_vec())
}

fn bytes_of(name: &str, kind: MailKind, mail: &Rendered) -> Vec<u8> {
    let person = |name: &str, address: &str| Address { name: name.into(), address: address.into() };
    let envelope = Envelope {
        from: person("Barometer", "watch@northlight.example"),
        to: vec![person("Dana Reyes", "dana@northlight.example")],
        reply_to: None,
        date: "2026-03-05T16:45:10Z".parse().unwrap(),
        message_id: format!("{name}.1@northlight.example"),
        references: vec!["first.1@northlight.example".into()],
        id: name.into(),
        kind,
    };
    compose(mail, &envelope).unwrap()
}

fn check(name: &str, found: &[u8]) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/emails").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, found).unwrap();
    }
    let expected = fs::read(&file).unwrap_or_default();
    let found = String::from_utf8_lossy(found);
    let expected = String::from_utf8_lossy(&expected);
    for (n, (is, was)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(is, was, "{name}, line {}", n + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "{name}: lines");
}

#[test]
fn every_mail_reads_as_agreed() {
    for (name, kind, mail) in every_mail() {
        assert_eq!(mail.fault, None);
        check(&format!("{name}.txt"), format!("Subject: {}\n\n{}", mail.subject, mail.text).as_bytes());
        check(&format!("{name}.html"), mail.html.as_bytes());
        check(&format!("{name}.eml"), &bytes_of(name, kind, &mail));
    }
}

#[test]
fn the_page_of_the_demo_reads_as_agreed() {
    let templates = Templates::shipped().unwrap();
    let html = page::index(&sample::demo(), &templates, &london()).unwrap();
    check("demo.html", html.as_bytes());
}

#[test]
fn no_mail_holds_anything_active() {
    for (name, _, mail) in every_mail() {
        let lower = mail.html.to_lowercase();
        for word in
            ["http:", "https:", "mailto:", "href", "src=", "url(", "<img", "<script", "<form", "@import", "<svg"]
        {
            assert!(!lower.contains(word), "{name}: {word}");
            assert!(!mail.text.to_lowercase().contains(word), "{name}: {word}");
        }
    }
}

#[test]
fn subjects_are_short_and_texts_fit_a_terminal() {
    for (name, _, mail) in every_mail() {
        assert!(mail.subject.chars().count() <= 110, "{name}: {}", mail.subject);
        for line in mail.text.lines() {
            assert!(line.chars().count() <= 72 && line.trim_end() == line, "{name}: {line:?}");
        }
        assert!(!mail.text.contains("\n\n\n"), "{name}: blank lines");
    }
}

#[test]
fn what_the_text_says_the_html_says_too() {
    for (name, _, mail) in every_mail() {
        let html = mail.html.replace("&quot;", "\"").replace("&#x27;", "'").replace("&#x2f;", "/");
        for word in mail.text.split(|c: char| !c.is_alphanumeric()).filter(|w| w.chars().count() > 4) {
            assert!(html.to_lowercase().contains(&word.to_lowercase()), "{name}: {word}");
        }
    }
}

#[test]
fn an_alert_in_other_clothes_says_the_same_thing_in_the_same_zone() {
    let templates = Templates::shipped().unwrap();
    let kolkata = TimeZone::get("Asia/Kolkata").unwrap();
    let mail = alert::render(&sample::cancellation(), &templates, &kolkata).unwrap();
    assert!(mail.text.contains("Thu 5 Mar 2026, 22:11 for you, 17:41 for them"), "{}", mail.text);
    assert!(mail.text.contains("Asia/Kolkata for you"), "{}", mail.text);
}

#[test]
fn where_nothing_is_set_their_own_mail_says_what_time_it_was_for_them() {
    let templates = Templates::shipped().unwrap();
    let text = |clock_minutes, zone: &str| {
        let mut view = sample::cancellation();
        view.account.zone = None;
        view.incidents[0].causes[0].clock_minutes = clock_minutes;
        let text = alert::render(&view, &templates, &TimeZone::get(zone).unwrap()).unwrap().text;
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let told = text(Some(-300), "Asia/Tokyo");
    assert!(told.contains("Fri 6 Mar 2026, 01:41 for you, Thu 5 Mar, 11:41 for them"), "{told}");
    assert!(told.contains("Times: Asia/Tokyo for you; for them, the clock of their own mail."), "{told}");
    for (clock, zone) in [(None, "Asia/Tokyo"), (Some(540), "Asia/Tokyo")] {
        let told = text(clock, zone);
        assert!(told.contains("Fri 6 Mar 2026, 01:41 JST") && !told.contains("for you"), "{told}");
    }
}

fn own(file: &str, source: &str) -> Vec<(String, String)> {
    vec![(file.to_owned(), source.to_owned())]
}

#[test]
fn a_firm_may_put_its_own_template_in_place() {
    let templates = Templates::load(&own("alert.txt", "Look: {{ headline }}\n")).unwrap();
    let mail = alert::render(&sample::cancellation(), &templates, &london()).unwrap();
    assert_eq!(mail.text, "Look: Jane Doe may end the work\n");
    assert!(mail.html.contains("<h1"));
}

#[test]
fn a_template_that_cannot_work_is_refused_with_file_and_line() {
    #[rustfmt::skip]
    let cases = [
        ("alert.txt",  "a\n{% if %}",                "alert.txt:2: "),
        ("alert.txt",  "a\nb\n{{ alrt.name }}",      "alert.txt:3: "),
        ("digest.txt", "a\n{{ summary|shout }}",     "digest.txt:2: "),
        ("demo.html",  "{{ page.firm.nothing.at }}", "demo.html:1: "),
        ("news.txt",   "a",                          "news.txt: no template has this name; there are parts.txt"),
    ];
    for (file, source, complaint) in cases {
        let error = Templates::load(&own(file, source)).unwrap_err().to_string();
        assert!(error.starts_with(complaint), "{error}");
    }
}

#[test]
fn a_template_that_fails_later_gives_way_to_the_shipped_one() {
    let source = "{% if alert.reader_name == 'Nobody' %}{{ alert.no.such }}{% endif %}fine\n";
    let templates = Templates::load(&own("alert.txt", source)).unwrap();
    let mut view = sample::cancellation();
    view.reader_name = "Nobody".into();
    let mail = alert::render(&view, &templates, &london()).unwrap();
    assert!(mail.text.contains("Jane Doe may end the work"));
    assert_eq!(mail.fault.unwrap().file, "alert.txt");
}

#[test]
fn hostile_mail_stays_words() {
    let mut view = sample::cancellation();
    let evil = "</td><script>x</script> {{ 7*7 }} {% include 'a' %}\u{202e}\u{200b} http://evil.com/?t=1 evil.com\r\nBcc: x@y.com\u{0}";
    view.account.name = evil.into();
    for incident in &mut view.incidents {
        incident.headline = evil.into();
        for cause in &mut incident.causes {
            cause.author.name = evil.into();
            cause.subject = evil.into();
            cause.excerpt = format!("{evil}\n").repeat(500);
            cause.reference = evil.into();
            cause.note = Some(evil.into());
        }
    }
    let mail = alert::render(&view, &Templates::shipped().unwrap(), &london()).unwrap();
    assert_eq!(mail.fault, None);
    let subject = &mail.subject;
    assert!(!subject.contains(['\r', '\n', '\0', '\u{202e}']) && subject.chars().count() <= 110, "{subject:?}");
    assert!(!mail.html.contains("<script") && mail.html.contains("{{ 7*7 }}"));
    for part in [&mail.text, &mail.html, &mail.subject] {
        assert!(!part.contains("http:") && !part.contains("evil.com"), "{part}");
        assert!(!part.contains(['\u{202e}', '\u{200b}', '\0', '\r']));
    }
    assert!(mail.html.len() < 60_000);
}

#[test]
fn the_page_links_to_plain_files_below_it_only() {
    let templates = Templates::shipped().unwrap();
    for file in ["/etc/passwd", "../x.html", "http://evil.com/x", "javascript:x", "a b.html", "\" onclick=x"] {
        let mut page = sample::demo();
        for account in &mut page.accounts {
            for event in &mut account.events {
                event.file = Some(file.to_owned());
            }
        }
        let html = page::index(&page, &templates, &london()).unwrap();
        assert!(!html.contains("read the e-mail"), "{file}");
    }
}

#[test]
fn no_golden_file_is_left_over() {
    let names: Vec<&str> = every_mail().iter().map(|(name, _, _)| *name).collect();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emails")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(stem == "demo" || names.contains(&stem.as_str()), "{}", path.display());
    }
}
