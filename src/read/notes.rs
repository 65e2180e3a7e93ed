//! Header blocks as Lotus Notes and its heirs write them: author and date first, without labels.
//!
//! ```text
//! Ann Archer@ACME              Ann Archer on 03/02/2026 09:14:00 AM      To: Sam Hill/London@US
//! 03/02/2026 09:14 AM          To: Sam Hill/London@US                    cc:
//! To: Sam Hill/London@US       cc:                                       Subject: Plan
//! cc:                          Subject: Plan
//! Subject: Plan
//! ```

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use regex::Regex;

use super::layout::{Block, Label, field, followed};

/// Longest line with author and date, in bytes.
const LONGEST: usize = 160;
/// Most empty lines between the date and the first field.
const GAP: usize = 3;

#[expect(clippy::expect_used, reason = "the pattern is constant, and a test compiles it")]
static STAMP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:(?P<author>.{2,100}?)[ \t]+on[ \t]+)?(?P<date>\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}[ \t]+\d{1,2}:\d{2}(?::\d{2})?(?:[ \t]*[AaPp][Mm])?)$")
        .expect("a constant pattern compiles")
});

/// Reads such a block from the first of `lines`. Returns it, and how many lines it takes with the empty ones
/// after it.
pub(super) fn block(lines: &[&str], zone: &TimeZone) -> Option<(Block, usize)> {
    let (author, date, taken) = signed(lines)?;
    let gap = lines.get(taken..)?.iter().take(GAP).take_while(|line| line.trim().is_empty()).count();
    let at = taken + gap;
    if !begins_with(lines.get(at)?, Label::To) {
        return None;
    }
    let first = vec![(Label::From, author), (Label::Date, date)];
    let (block, end) = followed(first, lines.get(at..)?, zone)?;
    (block.fields >= 4).then_some((block, at + end))
}

/// Author and date at the beginning, and the lines they take.
fn signed(lines: &[&str]) -> Option<(String, String, usize)> {
    let first = lines.first()?.trim();
    if first.is_empty() || first.len() > LONGEST {
        return None;
    }
    let bare = match field(first) {
        Some((labels, value)) if labels.contains(&Label::From) => value,
        Some(_) => return None,
        None => first,
    };
    let stamp = |line: &str| {
        let found = STAMP.captures(line.trim())?;
        let author = found.name("author").map_or("", |author| author.as_str());
        Some((author.to_owned(), found.name("date")?.as_str().to_owned()))
    };
    if let Some((author, date)) = stamp(bare).filter(|(author, _)| !author.is_empty()) {
        return Some((author, date, 1));
    }
    let second = lines.get(1).filter(|line| line.len() <= LONGEST)?;
    let (_, date) = stamp(second).filter(|(author, _)| author.is_empty())?;
    // A sentence is no name.
    let named = !bare.ends_with(['.', ':', ',', '?', '!']) && bare.split_whitespace().count() <= 8;
    named.then(|| (bare.to_owned(), date, 2))
}

/// Whether the fields begin with those who had it and end with the subject: the author is lost.
pub(super) fn is_headless(lines: &[&str]) -> bool {
    let begins = lines.first().is_some_and(|line| begins_with(line, Label::To));
    let mut rest = lines.iter().skip(1).take(12).take_while(|line| !line.trim().is_empty());
    begins
        && rest.clone().any(|line| begins_with(line, Label::Cc))
        && rest.any(|line| begins_with(line, Label::Subject))
}

fn begins_with(line: &str, label: Label) -> bool {
    field(line).is_some_and(|(labels, _)| labels.contains(&label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_without_labels_for_author_and_date_are_read() {
        let rest = "To: Sam Hill/London@US\ncc: Kim Ode/London@US, Lee \nPark/Paris@US\nSubject: Plan\n\nHi Sam";
        #[rustfmt::skip]
        let cases = [
            (format!("Ann Archer@ACME\n03/02/2026 09:14 AM\n{rest}"),               Some("Ann Archer")),
            (format!("Ann Archer@ACME\n03/02/2026 09:14 AM\n\n\t\n{rest}"),         Some("Ann Archer")),
            (format!("Ann Archer on 03/02/2026 09:14:00 AM\n{rest}"),               Some("Ann Archer")),
            (format!("From: Ann Archer on 03/02/2026 09:14 AM\n{rest}"),            Some("Ann Archer")),
            (format!("\"Archer, Ann\" <ann@acme.example> on 03/02/2026 09:14:00 AM\n{rest}"), Some("Archer, Ann")),
            (format!("We met Ann on 03/02/2026 09:14 AM\n\nIt was fine.\n{rest}"),   None),
            (format!("That is all.\n03/02/2026 09:14 AM\n{rest}"),                   None),
            (format!("Ann Archer\n{rest}"),                                          None),
        ];
        for (text, author) in cases {
            let lines: Vec<&str> = text.lines().collect();
            let found = block(&lines, &TimeZone::UTC);
            let name = found.as_ref().and_then(|(block, _)| block.from.as_ref()).map(|from| from.name.as_str());
            assert_eq!(name, author, "{text}");
            if let Some((block, end)) = found {
                assert_eq!(lines.get(end..), Some(&["Hi Sam"][..]), "{text}");
                assert_eq!(block.subject, "Plan");
                assert!(block.sent_at.is_some(), "{text}");
            }
        }
    }

    #[test]
    fn a_block_may_have_lost_its_author() {
        let is = |text: &str| is_headless(&text.lines().collect::<Vec<_>>());
        assert!(is("To: Sam Hill/London@US, Kim\nOde/London@US\ncc: \nSubject: Plan\n\nHi"));
        assert!(!is("To: everybody who asked\n\nSubject: to change"));
        assert!(!is("To be or not"));
    }
}
