//! Promises that a writer makes: who, what, by when. Conditions, questions and
//! mere intentions are none.

use std::ops::Range;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};

use super::Letter;
use super::language::Words;
use super::moment::{Moment, Sort, moments};
use super::plan;
use super::text::{Line, Lowered, Zone};
use super::verdict::{Promise, PromiseSort, Side};
use crate::read::Direction;

/// A day named in the first bytes of a sentence, or just before the binding words, belongs to them.
const OPENING: usize = 24;
const NEXT_TO: usize = 12;
/// Most promises that are read from one message.
const MOST: usize = 20;
/// A promise that says less of its matter than this borrows words from the sentence before it.
const FEW_WORDS: usize = 2;
/// An answer of more words says what it promises.
const ANSWER_WORDS: usize = 12;

/// A promise, and whether it is definite enough to count as a signal.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) promise: Promise,
    pub(super) definite: bool,
}

/// What reading a promise needs to know of its message.
pub(super) struct Reading<'a> {
    pub(super) words: &'a Words,
    pub(super) letter: &'a Letter<'a>,
    pub(super) now: Option<DateTime>,
    /// Whose mail it is.
    pub(super) side: Side,
    /// The day its subject names, to come.
    pub(super) day: Option<Date>,
}

/// The promises of the new text, in order; at most 20.
pub(super) fn promises(words: &Words, letter: &Letter<'_>, [subject, zone]: [&Zone; 2]) -> Vec<Found> {
    let side = if letter.direction == Direction::Inbound { Side::Them } else { Side::Us };
    let reading = Reading { words, letter, now: letter.wrote_at(), side, day: None };
    let reading = Reading { day: reading.day_of(subject), ..reading };
    let items = plan::items(&reading, subject, zone);
    let mut found = Vec::new();
    found.extend(reading.answer(zone));
    for index in (0..zone.len()).filter(|index| !zone.is_courtesy(*index)) {
        if let Some(item) = items.iter().find(|item| item.index == index) {
            found.push(item.promise(&reading, zone));
        } else {
            found.extend(reading.sentence(zone, index));
        }
        if found.len() >= MOST {
            break;
        }
    }
    found.truncate(MOST);
    found
}

/// Whether the writer's own promise leads to the moment: it is no demand then.
pub(super) fn leads_to(words: &Words, sentence: Line<'_>, moment: &Moment) -> bool {
    lead(words, sentence).is_some_and(|end| end <= moment.span.start) && !sentence.text().ends_with('?')
}

/// Where the words that bind the writer end.
fn lead(words: &Words, sentence: Line<'_>) -> Option<usize> {
    words.promise("lead")?.find(sentence).map(|m| m.end)
}

const CLOSE: jiff::civil::Time = jiff::civil::Time::constant(23, 59, 0, 0);
/// Where no hour of the night is named.
const EVENING: jiff::civil::Time = jiff::civil::Time::constant(22, 0, 0, 0);

/// Who is bound by a sentence, and where the binding words stand.
pub(super) struct Bond {
    pub(super) span: Range<usize>,
    /// Empty where the sentence does not say.
    pub(super) person: String,
    pub(super) by: Side,
    /// A call proposed in a question counts as promised.
    pub(super) proposed: bool,
}

impl Reading<'_> {
    /// The promises of one sentence: one, or one for each of its dated parts.
    fn sentence(&self, zone: &Zone, index: usize) -> Vec<Found> {
        let sentence = zone.sentence(index);
        // What ends with a colon only announces what follows.
        if sentence.text().ends_with(':') {
            return Vec::new();
        }
        let steps = self.steps(zone, index);
        if !steps.is_empty() {
            return steps;
        }
        let before = index.checked_sub(1).map(|before| zone.sentence(before));
        let among_us = self.letter.direction == Direction::Internal;
        let bond = if among_us { self.noted(sentence, before) } else { self.bond(sentence, before) };
        let Some(bond) = bond else { return self.moved(zone, index).into_iter().collect() };
        let Some(after) = sentence.get(bond.span.end..) else { return Vec::new() };
        if !self.is_meant(sentence, &bond, after) {
            return Vec::new();
        }
        let is = |name: &str, line: Line<'_>| self.words.promise(name).is_some_and(|r| r.is_match(line));
        let terms = self.terms(sentence);
        let mut due = self.due_of(sentence, &terms, &bond.span);
        if due.is_none() && is("by_then", sentence) {
            due = index.checked_sub(1).and_then(|before| self.terms(zone.sentence(before)).into_iter().next());
        }
        if is("being", after) && due.as_ref().is_none_or(|m| m.time.is_none()) {
            return Vec::new();
        }
        if is("recurring", sentence) {
            due = self.first_of(sentence, &terms, due);
        }
        let meets = is("meeting", after);
        if among_us && meets && bond.person == self.letter.author && !is("told", sentence) {
            return Vec::new();
        }
        // Undated, only our own plain word counts.
        let unbound = self.side == Side::Them || bond.by == Side::Them || bond.proposed || among_us;
        if due.is_none() && (unbound || is("vague", after) || is("able", sentence.part(bond.span.clone())))
            || (bond.proposed && due.as_ref().is_none_or(|m| m.time.is_none()))
        {
            return Vec::new();
        }
        let segments = self.segments(sentence, &terms, &bond.span);
        if segments.len() > 1 {
            return segments.into_iter().map(|(span, due)| self.found(zone, (index, span), &bond, Some(due))).collect();
        }
        let mut found = self.found(zone, (index, 0..sentence.text().len()), &bond, due);
        if meets && found.promise.sort != PromiseSort::Meeting {
            found.promise.sort = PromiseSort::Meeting;
        }
        vec![found]
    }

    /// Another day for what slips: "It won't be today after all. Wednesday instead."
    fn moved(&self, zone: &Zone, index: usize) -> Option<Found> {
        let sentence = zone.sentence(index);
        let is = |name: &str| self.words.promise(name).is_some_and(|r| r.is_match(sentence));
        let slips = |line: Line<'_>| self.words.deed("slips").is_some_and(|r| r.is_match(line));
        let before = index.checked_sub(1).map(|before| zone.sentence(before));
        if !is("another_day") || !(slips(sentence) || before.is_some_and(slips)) || sentence.text().ends_with('?') {
            return None;
        }
        if self.letter.direction == Direction::Internal || self.words.condition(sentence, &(0..0)).is_some() {
            return None;
        }
        let due = self.terms(sentence).into_iter().next_back()?;
        let bond = Bond { span: 0..0, person: self.letter.author.to_owned(), by: self.side, proposed: false };
        Some(self.found(zone, (index, 0..sentence.text().len()), &bond, Some(due)))
    }

    /// What is taken on by a short answer: "Yes. Noon tomorrow."
    fn answer(&self, zone: &Zone) -> Option<Found> {
        let is = |name: &str, line: Line<'_>| self.words.promise(name).is_some_and(|r| r.is_match(line));
        let said: Vec<usize> = (0..zone.len()).filter(|index| !zone.is_courtesy(*index)).collect();
        let count: usize = said.iter().map(|index| zone.sentence(*index).text().split(' ').count()).sum();
        let first = zone.sentence(*said.first()?);
        let short = count <= ANSWER_WORDS && is("yes", first) && self.words.inherited(self.letter.subject);
        let asked = Lowered::new(self.letter.quoted_text);
        let other = said.iter().any(|index| is("meets", zone.sentence(*index)) || self.lead_in(zone.sentence(*index)));
        let question = said.iter().any(|index| zone.sentence(*index).text().ends_with('?'));
        if !short || self.letter.direction != Direction::Outbound || other || question || is("meets", asked.line()) {
            return None;
        }
        let (index, due) =
            said.iter().find_map(|index| Some((*index, self.terms(zone.sentence(*index)).into_iter().next()?)))?;
        let bond = Bond { span: 0..0, person: self.letter.author.to_owned(), by: self.side, proposed: false };
        let mut found = self.found(zone, (index, 0..zone.sentence(index).text().len()), &bond, Some(due));
        found.promise.about = self.words.about(self.letter.subject);
        Some(found)
    }

    fn lead_in(&self, sentence: Line<'_>) -> bool {
        self.words.promise("lead").is_some_and(|r| r.is_match(sentence))
    }

    /// The day a subject names, where it names one that is to come.
    fn day_of(&self, subject: &Zone) -> Option<Date> {
        let now = self.now?;
        let named = subject.sentences().flat_map(|line| moments(self.words, line, now, self.letter.calendar));
        let mut days = named.filter(|m| m.sort == Sort::Day && m.date > now.date()).map(|m| m.date);
        days.next()
    }

    /// The first time of what comes again: "every Friday by four, from the 5th".
    fn first_of(&self, sentence: Line<'_>, terms: &[Moment], due: Option<Moment>) -> Option<Moment> {
        let now = self.now?;
        let all = moments(self.words, sentence, now, self.letter.calendar);
        let from = |m: &&Moment| {
            let before = sentence.part(..m.span.start);
            m.sort != Sort::Clock && self.words.promise("first_time").is_some_and(|r| r.is_match(before))
        };
        let Some(first) = all.iter().find(from) else { return due };
        let time = first.time.or(due.and_then(|m| m.time)).or(terms.iter().find_map(|m| m.time));
        Some(Moment { time, ..first.clone() })
    }

    /// The steps of a plan told in one sentence: "here is the plan: text on Tuesday, layout on Thursday".
    fn steps(&self, zone: &Zone, index: usize) -> Vec<Found> {
        let sentence = zone.sentence(index);
        let is = |name: &str, line: Line<'_>| self.words.promise(name).is_some_and(|r| r.is_match(line));
        let before = index.checked_sub(1).map(|before| zone.sentence(before));
        let announced = is("plan", sentence) || before.is_some_and(|line| is("plan", line));
        if !announced || is("no_plan", sentence) || sentence.text().ends_with('?') {
            return Vec::new();
        }
        let Some(colon) = sentence.text().find(": ").map(|colon| colon + 1) else { return Vec::new() };
        let bond = Bond { span: colon..colon, person: self.letter.author.to_owned(), by: self.side, proposed: false };
        if self.words.condition(sentence, &bond.span).is_some() || is("conditional", sentence) {
            return Vec::new();
        }
        let segments = self.segments(sentence, &self.terms(sentence), &bond.span);
        if segments.len() < 2 {
            return Vec::new();
        }
        segments.into_iter().map(|(span, due)| self.found(zone, (index, span), &bond, Some(due))).collect()
    }

    /// No condition, no denial, no mere intention, no question.
    fn is_meant(&self, sentence: Line<'_>, bond: &Bond, after: Line<'_>) -> bool {
        let is = |name: &str, line: Line<'_>| self.words.promise(name).is_some_and(|r| r.is_match(line));
        let at = bond.span.end..bond.span.end;
        let question = sentence.text().trim_end_matches(['"', ')', ' ']).ends_with('?');
        (bond.proposed || !question)
            && self.words.condition(sentence, &at).is_none()
            && !is("conditional", sentence)
            && self.words.negation(sentence, &at, &self.words.clause(sentence, &at)).is_none()
            && !is("soft", after)
    }

    /// The times of a sentence that may be the end of a term.
    pub(super) fn terms(&self, sentence: Line<'_>) -> Vec<Moment> {
        let Some(now) = self.now else { return Vec::new() };
        let is = |name: &str, line: Line<'_>| self.words.promise(name).is_some_and(|r| r.is_match(line));
        let leads = |name: &str| self.words.promise(name).and_then(|r| r.find(sentence)).map(|found| found.end);
        let bound = ["lead", "told", "says", "yours"].into_iter().filter_map(leads).min();
        // "At two", under a subject that names the day.
        let placed = |m: Moment| match self.day {
            Some(day) if m.sort == Sort::Clock && is("being_there", sentence) => Moment { date: day, ..m },
            _ => m,
        };
        moments(self.words, sentence, now, self.letter.calendar)
            .into_iter()
            .map(placed)
            .filter(|m| m.end(CLOSE) >= now && (!m.past || bound.is_some_and(|end| end <= m.span.start)))
            // A promise for tonight is kept until the day is over.
            .map(|m| Moment { time: m.time.filter(|time| m.sort != Sort::Tonight || *time != EVENING), ..m })
            .filter(|m| {
                let before = sentence.part(..m.span.start);
                let led = is("term_lead", before) || m.until;
                !is("not_a_term", before) && !ends_in_range(before.text()) && (!m.bare || led || m.time.is_some())
            })
            .collect()
    }

    /// The term of a promise: the first that the binding words lead to, else one that leads to them.
    fn due_of(&self, sentence: Line<'_>, terms: &[Moment], bond: &Range<usize>) -> Option<Moment> {
        let clause = self.words.clause(sentence, bond);
        let led = |m: &&Moment| m.span.start >= bond.end && self.leads(sentence, bond.end..m.span.start);
        let near = terms.iter().filter(led).find(|m| m.span.start < clause.end || m.until);
        let mut before = terms.iter().filter(|m| m.span.end <= bond.start);
        let opening = before.rfind(|m| {
            let between = sentence.part(m.span.end..bond.start).low();
            let apart = [" and ", " but ", " so ", ","].iter().any(|word| between.contains(word));
            m.until || (!apart && (m.span.start <= OPENING || bond.start - m.span.end <= NEXT_TO))
        });
        // "By Friday we will have tested it, and by Tuesday …": each its own.
        let apart = |m: &Moment| sentence.part(bond.end..m.span.start).text().contains(',');
        let due = match (near, opening) {
            (Some(after), Some(before)) if before.until && apart(after) => before,
            (Some(after), _) => after,
            (None, before) => before?,
        };
        let rest = sentence.part(due.span.end..);
        // "Thursday or Tuesday" leaves it open.
        if rest.low().trim_start().starts_with("or ") && terms.iter().any(|m| m.span.start > due.span.end) {
            return None;
        }
        let mut due = due.clone();
        if due.sort == Sort::Clock
            && let Some(day) = terms.iter().rfind(|m| m.span.end <= due.span.start && m.sort != Sort::Clock)
        {
            due.date = day.date;
            // "By 11" in the evening means 23:00 today, but the morning of another day.
            let evening = due.time.filter(|time| time.hour() >= 19);
            due.time = evening.and_then(|time| time.checked_sub(12.hours()).ok()).or(due.time);
        }
        Some(due)
    }

    /// Whether what stands between a promise and a time begins no thought of its own: ", he flies in on".
    fn leads(&self, sentence: Line<'_>, between: Range<usize>) -> bool {
        let between = sentence.part(between);
        let Some(comma) = between.text().rfind([',', ';', '-']) else { return true };
        let tail = between.part(comma + 1..);
        let lead = self.words.promise("lead").is_some_and(|r| r.is_match(tail));
        lead || !self.words.begins_with_subject(tail)
    }

    /// Parts of a sentence with a day each: "the deck on Tuesday and the numbers on Thursday".
    pub(super) fn segments(
        &self,
        sentence: Line<'_>,
        terms: &[Moment],
        bond: &Range<usize>,
    ) -> Vec<(Range<usize>, Moment)> {
        let mut segments: Vec<(Range<usize>, Moment)> = Vec::new();
        let mut start = bond.end;
        for term in terms.iter().filter(|t| t.span.start >= bond.end && t.sort != Sort::Clock) {
            let own = sentence.part(start..term.span.start);
            // What follows a comma or an "and" is another matter only where it names one.
            let separated = segments.is_empty()
                || own.text().trim_start().starts_with([',', ';'])
                || own.low().trim_start().starts_with("and ");
            let subordinate =
                SUBORDINATE.iter().any(|word| own.low().trim_start_matches([',', ';', ' ']).starts_with(word));
            let separated = separated && (segments.is_empty() || !subordinate);
            if separated && !self.words.about(own.text()).is_empty() {
                segments.push((start..term.span.end, term.clone()));
            }
            start = term.span.end;
        }
        segments
    }

    fn found(&self, zone: &Zone, (index, span): (usize, Range<usize>), bond: &Bond, due: Option<Moment>) -> Found {
        let sentence = zone.sentence(index);
        let span_start = span.start;
        let part = sentence.part(span);
        let mut about = self.words.about(part.text());
        let told = |stem: &String| !GENERIC.contains(&stem.as_str());
        let rest = part.part(bond.span.end.saturating_sub(span_start).min(part.text().len())..);
        let pronoun = self.words.promise("it").is_some_and(|r| r.is_match(rest))
            || self.words.promise("they").is_some_and(|r| r.is_match(sentence.part(..bond.span.start + 1)));
        if (about.iter().filter(|stem| told(stem)).count() < FEW_WORDS || pronoun)
            && let Some(before) = index.checked_sub(1)
        {
            let more = self.words.about(zone.sentence(before).text());
            about.extend(more.into_iter().filter(|word| !about.contains(word)).collect::<Vec<_>>());
        }
        if pronoun {
            let subject = self.words.about(self.letter.subject);
            about.extend(subject.into_iter().filter(|word| !about.contains(word)).collect::<Vec<_>>());
        }
        let is = |name: &str| self.words.promise(name).is_some_and(|r| r.is_match(sentence));
        // Undated, only a writer's own plain word counts, and only ours is kept to it.
        let definite = due.is_some() || (self.side == Side::Us && bond.by == Side::Us);
        let calls = self.words.promise("meeting_part").is_some_and(|r| r.is_match(part));
        let sort = if is("recurring") { PromiseSort::Recurring } else { PromiseSort::Delivery };
        Found {
            definite,
            promise: Promise {
                by: bond.by,
                person: bond.person.clone(),
                words: said(part.text()),
                due: due.map(|m| m.written()),
                about,
                sort: if bond.proposed || calls { PromiseSort::Meeting } else { sort },
            },
        }
    }

    /// Who is bound, and by which words.
    pub(super) fn bond(&self, sentence: Line<'_>, before: Option<Line<'_>>) -> Option<Bond> {
        let own = |span: Range<usize>, proposed: bool| Bond {
            person: self.keeper(sentence, span.start),
            span,
            by: self.side,
            proposed,
        };
        if let Some(found) = self.says_so(sentence) {
            return Some(found);
        }
        if let Some(found) = self.words.promise("proposal").and_then(|r| r.find(sentence)) {
            return Some(own(found, true));
        }
        let binds = |found: &Range<usize>| {
            !self.words.promise("no_lead").is_some_and(|r| r.is_match(sentence.part(found.clone())))
        };
        let lead = self.words.promise("lead").and_then(|r| r.find(sentence)).filter(binds);
        // "My colleague Lena will": she is bound, not the writer.
        let of_other = |found: &Range<usize>| {
            let low = sentence.part(found.clone()).low();
            low.starts_with("my ") || low.starts_with("our ")
        };
        if let Some(found) = lead.clone().filter(|found| !of_other(found)) {
            return Some(own(found, false));
        }
        if let Some(captures) = self.words.promise("named").and_then(|r| r.captures(sentence)) {
            let who = captures.name("who")?;
            let arrives = self.words.promise("arrives").is_some_and(|r| r.is_match(sentence.part(captures.range())));
            if arrives && !self.is_member(who) {
                // Not who, but what: "Copy will come by Friday".
                let end = captures.range_of("verb")?.start;
                return Some(own(captures.range().start..end, false));
            }
            if who.starts_with(char::is_uppercase) && !PRONOUNS.contains(&who) {
                let by = if self.is_member(who) { Side::Us } else { self.side };
                let end = captures.range_of("verb")?.start;
                return Some(Bond { span: captures.range().start..end, person: who.to_owned(), by, proposed: false });
            }
        }
        if let Some(found) = lead {
            return Some(own(found, false));
        }
        if let Some(reported) = self.reported(sentence, before) {
            return Some(reported);
        }
        if sentence.text().split_whitespace().count() > 7 || !(self.side == Side::Us || self.was_asked(sentence)) {
            return None;
        }
        let short = self.words.promise("short")?.find(sentence)?;
        let is_none = self.words.asks(sentence) || self.words.promise("no_short").is_some_and(|r| r.is_match(sentence));
        (!is_none && !self.terms(sentence).is_empty()).then(|| own(0..short.start, false))
    }

    /// Whether an answer names a thing that the message it answers spoke of: then it is what they will bring.
    fn was_asked(&self, sentence: Line<'_>) -> bool {
        let asked = self.letter.quoted_text.to_lowercase();
        let about = self.words.about(sentence.text());
        self.words.inherited(self.letter.subject)
            && !about.is_empty()
            && about.iter().all(|stem| asked.contains(stem.as_str()))
    }

    /// What the other side's writer tells of a colleague: "Ann says you'll have it on Friday".
    fn says_so(&self, sentence: Line<'_>) -> Option<Bond> {
        let told = || self.reported(sentence, None);
        if self.letter.direction == Direction::Inbound { told() } else { None }
    }

    /// Whose thing it is that will be done: "Lena's report will be with you on Friday"; else the writer.
    fn keeper(&self, sentence: Line<'_>, start: usize) -> String {
        let before = sentence.part(..start).text();
        let passive =
            sentence.part(start..).low().starts_with("will be") || sentence.part(start..).low().starts_with("'ll be");
        let mut owners = before.split(' ').filter_map(|word| word.strip_suffix("'s"));
        let named = owners.rfind(|who| passive && who.starts_with(char::is_uppercase) && self.is_member(who));
        named.map_or_else(|| self.letter.author.to_owned(), str::to_owned)
    }

    /// Whether a name is one of ours.
    pub(super) fn is_member(&self, who: &str) -> bool {
        self.letter.members.iter().any(|m| m.split([' ', '@', '.']).any(|part| part.eq_ignore_ascii_case(who)))
    }
}

/// `8 to ` before `19 June`: a span of days ends there, no term.
fn ends_in_range(before: &str) -> bool {
    let before = before.trim_end();
    let shorter = ["to", "-", "–", "and"].iter().find_map(|word| before.strip_suffix(word));
    shorter.is_some_and(|rest| rest.trim_end().ends_with(|c: char| c.is_ascii_digit()))
}

/// Words that begin what only goes along with a promise.
const SUBORDINATE: [&str; 16] = [
    "so ", "so that", "because", "when", "which", "that ", "as ", "if ", "before", "after", "where", "who", "since",
    "for ", "to ", "not ",
];

/// Stems that name no matter.
const GENERIC: [&str; 8] = ["answ", "repl", "response", "respons", "word", "thing", "updat", "item"];

/// Capitalised only because they begin a sentence.
const PRONOUNS: [&str; 26] = [
    "Someone",
    "Somebody",
    "Anyone",
    "People",
    "You",
    "They",
    "He",
    "She",
    "It",
    "This",
    "That",
    "There",
    "What",
    "Who",
    "Which",
    "These",
    "Those",
    "Everything",
    "Nothing",
    "Everybody",
    "Everyone",
    "Nobody",
    "Both",
    "All",
    "We",
    "The",
];

/// The words of a promise as they are shown, without the sign of a list; at most 200 characters.
pub(super) fn said(words: &str) -> String {
    let words = words.trim_start_matches(['-', '*', '•', '·', '–', ' ']);
    words.trim_matches([',', ';', ' ']).chars().take(200).collect()
}
