//! What the text wants by when, weighed against the arrival and our hours: the
//! engine's own signals `short_notice_deadline`, `deadline`, `after_hours_demand`.

use std::cell::LazyCell;

use jiff::civil::{DateTime, Time};
use jiff::{SignedDuration, Zoned};

use super::Letter;
use super::language::Words;
use super::moment::{Moment, Sort, moments};
use super::promise;
use super::text::{Line, Zone};

/// Where no hour is named, a day ends then.
const CLOSE: Time = Time::constant(17, 30, 0, 0);
/// What is wanted this soon after we next open leaves no working time for it.
const GRACE: SignedDuration = SignedDuration::from_mins(60);
/// Later dates are plans, not terms.
const FARTHEST: SignedDuration = SignedDuration::from_hours(24 * 120);

/// What a message wants by when.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Words that want something before the next working morning.
    pub(super) short_notice: Option<String>,
    /// Words that name a later day.
    pub(super) deadline: Option<String>,
    /// Words that want work outside our hours.
    pub(super) after_hours: Option<String>,
    /// Whether the time wanted is less than two hours away.
    pub(super) within_two_hours: bool,
    /// Whether it is wanted before we next open.
    pub(super) before_opening: bool,
}

/// Reads subject and new text for demands with a time.
pub(super) fn wanted(words: &Words, letter: &Letter<'_>, zones: [&Zone; 2]) -> Wanted {
    let mut found = Wanted::default();
    let Some(at) = &letter.at else { return found };
    let unhurried = LazyCell::new(|| zones.iter().any(|zone| zone.sentences().any(|s| words.unhurried(s))));
    for zone in zones {
        let asking: Vec<bool> = zone.sentences().map(|s| words.asks(s)).collect();
        let mut asked_before = false;
        for (index, sentence) in zone.sentences().enumerate() {
            if zone.is_courtesy(index) {
                continue;
            }
            let asks = |index: usize| asking.get(index).copied().unwrap_or(false);
            let (asked, beside) = (asks(index), asked_before || asks(index + 1));
            // Where nobody asks, no time is a demand.
            let from = letter.wrote_at().unwrap_or(at.datetime());
            let named = if asked || beside { moments(words, sentence, from, letter.calendar) } else { Vec::new() };
            for moment in named {
                // What was over when it reached us presses nobody any more.
                let is_over = from < at.datetime() && moment.date < at.date();
                if is_over || moment.past || is_slot(sentence, &moment) || promise::leads_to(words, sentence, &moment) {
                    continue;
                }
                let demand = Demand { asked, beside, unhurried: *unhurried };
                weigh(&mut found, &demand, &moment, (letter, at), sentence);
            }
            asked_before = asked;
        }
    }
    found
}

/// `9:10 - 9:55`, `from 4 to 6`: when something takes place, not by when it is wanted.
fn is_slot(sentence: Line<'_>, moment: &Moment) -> bool {
    if moment.sort != Sort::Clock || moment.until {
        return false;
    }
    let text = sentence.text();
    let before = text.get(..moment.span.start).unwrap_or_default().trim_end();
    let after = text.get(moment.span.end..).unwrap_or_default().trim_start();
    let numbered = |rest: &str| rest.trim_start().starts_with(|c: char| c.is_ascii_digit());
    let begins = after.strip_prefix(['-', '–', '—']).or_else(|| after.strip_prefix("to ")).is_some_and(numbered);
    let ends = before.ends_with(['-', '–', '—'])
        && before.trim_end_matches(['-', '–', '—', ' ']).ends_with(|c: char| c.is_ascii_digit() || c == 'm');
    begins || ends
}

struct Demand {
    /// The sentence itself asks.
    asked: bool,
    /// A neighbouring sentence asks.
    beside: bool,
    /// The writer says that there is no hurry.
    unhurried: bool,
}

fn weigh(
    found: &mut Wanted,
    demand: &Demand,
    moment: &Moment,
    (letter, at): (&Letter<'_>, &Zoned),
    sentence: Line<'_>,
) {
    let now = at.datetime();
    let due = moment.end(CLOSE);
    if due < now && moment.sort != Sort::Today {
        return;
    }
    let pressing = matches!(moment.sort, Sort::Today | Sort::Tonight | Sort::Soon | Sort::Tomorrow);
    let wants =
        (demand.asked && (moment.until || pressing || moment.sort == Sort::Clock)) || (demand.beside && moment.until);
    if !wants {
        return;
    }
    let words = || Some(sentence.text().chars().take(200).collect());
    let limit = next_morning(letter, at);
    let short = match moment.sort {
        Sort::Weekend => true,
        Sort::Tomorrow if moment.time.is_none() => false,
        _ => due <= limit,
    };
    if short && !demand.unhurried {
        found.short_notice = found.short_notice.take().or_else(words);
        let hours = due.duration_since(now).as_hours();
        found.within_two_hours |= hours < 2 && moment.sort != Sort::Today;
        if outside_hours(letter, at, due, moment.sort) {
            found.after_hours = found.after_hours.take().or_else(words);
            found.before_opening = true;
        }
    } else if !short && moment.until && due.duration_since(now) <= FARTHEST {
        found.deadline = found.deadline.take().or_else(words);
    }
}

/// An hour after we open on the next working day, on the receiver's clock.
fn next_morning(letter: &Letter<'_>, at: &Zoned) -> DateTime {
    let tomorrow = at.tomorrow().and_then(|z| z.start_of_day());
    let midnight = tomorrow.map_or_else(|_| at.timestamp(), |z| z.timestamp());
    let opening = letter.calendar.next_open(midnight).unwrap_or(midnight).to_zoned(at.time_zone().clone());
    opening.datetime().checked_add(GRACE).unwrap_or(opening.datetime())
}

/// Whether hardly any working time is left until `due`.
fn outside_hours(letter: &Letter<'_>, at: &Zoned, due: DateTime, sort: Sort) -> bool {
    if matches!(sort, Sort::Tonight | Sort::Weekend) {
        return true;
    }
    let Ok(due) = due.to_zoned(at.time_zone().clone()) else {
        return false;
    };
    let working = letter.calendar.working_between(at.timestamp(), due.timestamp());
    !letter.calendar.is_open(at.timestamp()) && working <= SignedDuration::from_mins(30)
}
