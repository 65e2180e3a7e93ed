//! Invented digests: a day, a quiet day and a week.

use jiff::Timestamp;
use jiff::civil::date;

use super::{acme, at, promise};
use crate::config::Kind;
use crate::judge::{Severity, Side};
use crate::notify::view::{
    AccountChanges, AccountView, AnswerLine, CauseLine, CorrectionLine, DigestCounts, DigestSpan, DigestView,
    MailboxLine, NewsLine, OpenLine, PromiseState, PromiseView, RuleLine, StrangerLine, Trend, TrendLine, UnreadLine,
    WaitLine, WeekPoint, WeekView,
};

fn news(at: Timestamp, severity: Severity, headline: &str, words: &str) -> NewsLine {
    NewsLine {
        at,
        account: String::new(),
        headline: headline.into(),
        words: words.into(),
        severity,
        late: false,
        earned_by: String::new(),
    }
}

/// A full daily digest.
#[must_use]
pub fn daily() -> DigestView {
    let good = |account: &str, line: NewsLine| NewsLine { account: account.into(), ..line };
    let of = |account: &str, promise: PromiseView| PromiseView { account: account.into(), ..promise };
    DigestView {
        span: DigestSpan::Daily,
        reader_name: "Dana Reyes".into(),
        date: date(2026, 3, 6),
        since: at(0, 7, 30),
        until: at(1, 7, 30),
        changes: changes(),
        waiting: vec![
            WaitLine {
                account: "ACME Ltd".into(),
                person: "Jane Doe".into(),
                subject: "launch plan".into(),
                since: at(-2, 9, 12),
                late: true,
            },
            WaitLine {
                account: "Quill Print".into(),
                person: "Ines Roth".into(),
                subject: "who signs the proofs".into(),
                since: at(0, 15, 20),
                late: false,
            },
        ],
        quiet: vec![good(
            "Tannberg",
            news(at(0, 9, 0), Severity::Info, "No word from them for 19 days; they usually write every 6", ""),
        )],
        kept: vec![good(
            "Brightside Foods",
            news(at(0, 10, 0), Severity::None, "Ritu Sehgal: kept a promise early", "the menu cards by Friday"),
        )],
        open: open_incidents(),
        good_news: vec![NewsLine {
            earned_by: "Ritu Sehgal".into(),
            ..good(
                "Brightside Foods",
                news(at(0, 14, 5), Severity::Info, "Theo Lang praises work or people", "exactly what we hoped for"),
            )
        }],
        promises: vec![
            of(
                "ACME Ltd",
                promise(Side::Us, "Sam Hill", "you will have the test build on Wednesday", 4, PromiseState::Overdue),
            ),
            of("Quill Print", promise(Side::Them, "Ines Roth", "proofs on Friday", 6, PromiseState::Due)),
        ],
        strangers: vec![
            StrangerLine { domain: "tannberg.example".into(), messages: 4 },
            StrangerLine { domain: "oru.example".into(), messages: 1 },
        ],
        unread: vec![UnreadLine { reason: "encrypted".into(), messages: 1 }],
        trends: Vec::new(),
        week: WeekView::default(),
        counts: DigestCounts { read: 61, automatic: 22, unreadable: 1, waiting: 0 },
        mailboxes: vec![MailboxLine { name: "watch".into(), listed: 2_140, settled: 2_139, waiting: 1, missing: 0 }],
    }
}

fn open_incidents() -> Vec<OpenLine> {
    let open = OpenLine {
        account: "ACME Ltd".into(),
        name: "acme/cancellation-1".into(),
        headline: "Jane Doe may end the work".into(),
        severity: Severity::Critical,
        state: "acknowledged by Sam Hill on Thu 5 Mar".into(),
        calming: false,
        held: true,
        opened_at: at(0, 16, 45),
        told_at: Some(at(0, 16, 45)),
        told_you: true,
    };
    let calming = OpenLine {
        account: "Quill Print".into(),
        name: "quill/terms-2".into(),
        headline: "Ines Roth disputes an invoice".into(),
        severity: Severity::Warning,
        state: "calming, with a plan".into(),
        calming: true,
        held: false,
        opened_at: at(-9, 11, 0),
        told_at: Some(at(-9, 11, 5)),
        told_you: true,
    };
    let waiting = OpenLine {
        account: "Brightside Foods".into(),
        name: "brightside/quality-1".into(),
        headline: "Theo Lang was not content with the last menu cards".into(),
        severity: Severity::Warning,
        state: "open".into(),
        calming: false,
        opened_at: at(0, 10, 10),
        told_at: Some(at(0, 10, 12)),
        ..calming.clone()
    };
    vec![open, waiting, calming]
}

/// Eight weeks, as pressure and goodwill.
fn chart(weeks: [(u32, u32); 8]) -> Vec<WeekPoint> {
    weeks.map(|(pressure, goodwill)| WeekPoint { pressure, goodwill }).to_vec()
}

fn week() -> WeekView {
    let answers = |account: &str, seen, median: &str, (kept, late)| AnswerLine {
        account: account.into(),
        seen,
        median: median.into(),
        allowed: "4 h for a first answer, 8 h for the next".into(),
        kept,
        late,
    };
    let rule = |rule: &str, messages, (told, answered, corrected)| RuleLine {
        rule: rule.into(),
        messages,
        of: 190,
        told,
        answered,
        corrected,
    };
    WeekView {
        answers: vec![
            answers("ACME Ltd", 4, "9 h", (2, 3)),
            answers("Brightside Foods", 7, "50 min", (7, 0)),
            AnswerLine { allowed: String::new(), ..answers("Quill Print", 1, "3 h", (0, 0)) },
        ],
        causes: vec![CauseLine {
            phrase: "asks again".into(),
            messages: 5,
            accounts: vec!["ACME Ltd".into(), "Quill Print".into()],
        }],
        people: vec![NewsLine {
            account: "ACME Ltd".into(),
            ..news(
                at(-1, 9, 0),
                Severity::Info,
                "What weighs at this account comes from Jane Doe; the others are at ease",
                "",
            )
        }],
        corrections: vec![
            CorrectionLine {
                at: at(-2, 10, 30),
                account: "Brightside Foods".into(),
                who: "Dana Reyes".into(),
                what: "complains about quality".into(),
                rules: vec!["quality-not-good-enough".into()],
            },
            CorrectionLine {
                at: at(-1, 16, 5),
                account: "ACME Ltd".into(),
                who: "Sam Hill".into(),
                what: String::new(),
                rules: Vec::new(),
            },
        ],
        rules: vec![
            rule("quality-not-good-enough", 3, (3, 2, 1)),
            rule("chasing-again", 6, (5, 0, 0)),
            rule("urgent-words", 31, (0, 0, 0)),
        ],
    }
}

fn changes() -> Vec<AccountChanges> {
    let quill = AccountView { id: "quill".into(), name: "Quill Print".into(), kind: Kind::Vendor, ..acme() };
    let late = news(at(0, 9, 3), Severity::Info, "Ines Roth asks who signs the proofs", "who signs for these?");
    vec![
        AccountChanges {
            account: acme(),
            chart: chart([(4, 22), (3, 24), (9, 20), (14, 17), (22, 14), (31, 11), (47, 9), (64, 8)]),
            lines: vec![
                news(
                    at(0, 11, 20),
                    Severity::Info,
                    "Omar Said asks for other quotes",
                    "two more quotes for phase three",
                ),
                news(at(0, 8, 55), Severity::Info, "Jane Doe answers half as fast as before", ""),
            ],
        },
        AccountChanges { account: quill, lines: vec![NewsLine { late: true, ..late }], chart: Vec::new() },
    ]
}

/// A weekly digest: everything open, and the trend.
#[must_use]
pub fn weekly() -> DigestView {
    let line = |account: &str, pressure, goodwill, trend, note: &str| TrendLine {
        chart: chart([8, 7, 6, 5, 4, 3, 2, 1].map(|n| (pressure / n, goodwill / n))),
        account: account.into(),
        pressure,
        goodwill,
        trend,
        note: note.into(),
    };
    DigestView {
        span: DigestSpan::Weekly,
        since: at(-6, 7, 30),
        week: week(),
        trends: vec![
            line("ACME Ltd", 64, 8, Trend::Worse, "Most of it comes from Jane Doe; the others are friendly."),
            line("Quill Print", 12, 14, Trend::Steady, ""),
            line("Brightside Foods", 3, 31, Trend::Better, "Two promises kept early."),
        ],
        ..daily()
    }
}

/// A digest with nothing to tell.
#[must_use]
pub fn calm() -> DigestView {
    DigestView {
        waiting: Vec::new(),
        quiet: Vec::new(),
        kept: Vec::new(),
        changes: Vec::new(),
        open: Vec::new(),
        good_news: Vec::new(),
        promises: Vec::new(),
        strangers: Vec::new(),
        unread: Vec::new(),
        counts: DigestCounts { read: 17, automatic: 9, unreadable: 0, waiting: 0 },
        mailboxes: Vec::new(),
        ..daily()
    }
}
