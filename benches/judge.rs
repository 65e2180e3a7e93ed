//! How fast ordinary mail is judged: texts of about 2 KB, all shipped rules.

use barometer::calendar::Calendar;
use barometer::config::{Kind, Sensitivity};
use barometer::judge::{Judge, Letter, Rules, Verdict};
use barometer::read::Direction;

fn main() {
    divan::main();
}

/// Business prose of about 2 KB, with a time, a promise and a complaint in it.
fn text() -> String {
    let paragraph = "Thank you for the drawings of the second floor. We went through them with the \
        surveyor, and most of it is as agreed. The stair has moved again, though, and nobody told \
        us why. Could you let me have the revised sheet by Thursday? I'll send the measurements of \
        the lift shaft tomorrow morning.\n\n";
    paragraph.repeat(2048 / paragraph.len() + 1)
}

#[divan::bench]
#[expect(
    clippy::unwrap_used,
    reason = "a bench may stop where the shipped rules are broken"
)]
fn two_kilobytes(bencher: divan::Bencher<'_, '_>) {
    let judge = Judge::new(Rules::load_shipped().unwrap());
    let (text, calendar) = (text(), Calendar::office());
    bencher.bench(|| judged(&judge, &text, &calendar));
}

#[divan::bench]
fn load_shipped_rules() -> bool {
    Rules::load_shipped().is_ok()
}

fn judged(judge: &Judge, text: &str, calendar: &Calendar) -> Verdict {
    judge.judge(&Letter {
        subject: "Second floor",
        new_text: text,
        quoted_text: "",
        signature: "",
        disclaimer: "",
        attachment_names: &[],
        direction: Direction::Inbound,
        kind: Kind::Client,
        language: "en",
        at: "2026-03-03T10:00[UTC]".parse().ok(),
        calendar,
        author: "ottoline@tansy.example",
        superiors_on_copy: &[],
        members: &[],
        high_priority: false,
        reading_confidence: 1.0,
        stop_phrases: &[],
        sensitivity: Sensitivity::Normal,
    })
}
