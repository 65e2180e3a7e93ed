//! From rules and text to evidence: what fires where, and what keeps it from counting.

use std::ops::Range;

use super::Letter;
use super::deadline::{self, Wanted};
use super::deed;
use super::language::{Speaks, WORDS, Words};
use super::prefilter::Candidates;
use super::promise::{self, Found};
use super::rules::{About, Conditional, Negation, Rule, Rules, Scope, Status};
use super::signal::{self, Speed};
use super::text::{Line, Zone};
use super::verdict::{Deed, Hit, Signal};
use crate::read::Direction;

/// A letter longer than this many words also tells of matters between others.
const LETTER_WORDS: usize = 120;
/// Beyond this many words a text proves less by a single phrase, in proportion.
const LONG_WORDS: u32 = 350;
/// So many words tell what a text speaks of.
const MOST_WORDS: usize = 80;
/// Why a hit of a rule on trial does not count.
const TESTING: &str = "the rule is on trial";

/// All that was found in one message.
pub(super) struct Evidence {
    pub(super) hits: Vec<Fired>,
    pub(super) wanted: Wanted,
    pub(super) promises: Vec<Found>,
    pub(super) deeds: Vec<Deed>,
    /// What subject and text speak of.
    pub(super) about: [Vec<String>; 2],
    pub(super) asks: bool,
    pub(super) unhurried: bool,
    /// Signals without a rule, with the words behind them.
    pub(super) engine: Vec<Signal>,
    /// What a single phrase proves in a text of this length, 0 to 1.
    pub(super) weight: f64,
}

/// One hit of a rule.
pub(super) struct Fired {
    pub(super) hit: Hit,
    /// Points before caps.
    pub(super) tone: f64,
    pub(super) urgency: f64,
    pub(super) confidence: f64,
    /// Turned to its opposite by a negation: its signal does not hold.
    pub(super) inverted: bool,
}

impl Fired {
    fn counts(&self) -> bool {
        self.hit.suppressed.as_deref().is_none_or(|why| why == TESTING)
    }
}

impl Evidence {
    /// Whether a rule fired, on trial or not.
    pub(super) fn fired(&self, id: &str) -> bool {
        self.hits.iter().any(|fired| fired.hit.rule == id && fired.counts())
    }

    /// What kept a rule from counting.
    pub(super) fn why_not(&self, id: &str) -> Option<&str> {
        self.hits.iter().find(|f| f.hit.rule == id)?.hit.suppressed.as_deref()
    }

    /// Whether a signal was found, or a rule fired.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.engine.iter().any(|s| s.signal == name)
            || self.hits.iter().any(|f| {
                f.hit.suppressed.is_none()
                    && (f.hit.rule == name || (!f.inverted && f.hit.signal.as_deref() == Some(name)))
            })
    }
}

/// Reads a letter with all rules.
pub(super) fn gather(rules: &Rules, letter: &Letter<'_>) -> Evidence {
    let words: &Words = &WORDS;
    let zones = zones(rules, letter);
    let reader = Reader { rules, letter, words, zones: &zones };
    let mut hits = reader.hits();
    let subject = &zones.iter().find(|z| z.scope == Scope::Subject).map(|z| &z.zone);
    let new = &zones.iter().find(|z| z.scope == Scope::New).map(|z| &z.zone);
    let empty = Zone::default();
    let (subject, new) = (subject.unwrap_or(&empty), new.unwrap_or(&empty));
    let wanted = deadline::wanted(words, letter, [subject, new]);
    let promises = promise::promises(words, letter, [subject, new]);
    let deeds = deed::deeds(words, letter, [subject, new]);
    let spoken = || new.sentences().enumerate().filter(|(i, _)| !new.is_courtesy(*i));
    let mut evidence = Evidence {
        asks: spoken().any(|(_, s)| words.asks(s)),
        unhurried: spoken().any(|(_, s)| words.unhurried(s)),
        engine: engine_signals(&wanted, &promises),
        weight: weight(new),
        hits: std::mem::take(&mut hits),
        wanted,
        promises,
        deeds,
        about: [words.about(letter.subject), words.stems(new.low(), MOST_WORDS)],
    };
    add_metas(rules, letter, &mut evidence);
    evidence
}

/// A phrase in a short letter is meant; one among a thousand words may be anything.
fn weight(zone: &Zone) -> f64 {
    let words = u32::try_from(zone.words()).unwrap_or(u32::MAX);
    f64::from(LONG_WORDS) / f64::from(words.max(LONG_WORDS))
}

struct Part {
    scope: Scope,
    zone: Zone,
}

fn zones(rules: &Rules, letter: &Letter<'_>) -> Vec<Part> {
    let names = letter.attachment_names.join("\n");
    let headers = if letter.high_priority { "Importance: high\nX-Priority: 1" } else { "" };
    #[rustfmt::skip]
    let texts = [
        (Scope::Subject,        letter.subject),
        (Scope::New,            letter.new_text),
        (Scope::Quoted,         letter.quoted_text),
        (Scope::Signature,      letter.signature),
        (Scope::Disclaimer,     letter.disclaimer),
        (Scope::AttachmentName, names.as_str()),
        (Scope::Headers,        headers),
    ];
    let read = |scope: Scope| matches!(scope, Scope::Subject | Scope::New) || rules.reads(scope);
    let filled = texts.into_iter().filter(|(scope, text)| !text.trim().is_empty() && read(*scope));
    filled.map(|(scope, text)| Part { scope, zone: Zone::new(text) }).collect()
}

fn engine_signals(wanted: &Wanted, promises: &[Found]) -> Vec<Signal> {
    let mut found = Vec::new();
    let mut push = |signal: &str, rule: &str, words: &str| {
        found.push(Signal { signal: signal.to_owned(), rule: rule.to_owned(), words: words.to_owned() });
    };
    let timed = [
        ("short_notice_deadline", &wanted.short_notice),
        ("deadline", &wanted.deadline),
        ("after_hours_demand", &wanted.after_hours),
    ];
    for (signal, words) in timed {
        if let Some(words) = words {
            push(signal, "engine:deadline", words);
        }
    }
    if let Some(found) = promises.iter().find(|found| found.definite) {
        push("commitment_made", "engine:promise", &found.promise.words);
    }
    found
}

struct Reader<'a> {
    rules: &'a Rules,
    letter: &'a Letter<'a>,
    words: &'a Words,
    zones: &'a [Part],
}

impl Reader<'_> {
    fn hits(&self) -> Vec<Fired> {
        let candidates: Vec<(Scope, &Zone, Candidates)> = self
            .zones
            .iter()
            .map(|part| (part.scope, &part.zone, self.rules.prefilter().candidates(&part.zone)))
            .collect();
        let patterns = candidates.iter().flat_map(|(.., candidates)| candidates.expressions());
        let mut worth_trying: Vec<(usize, u32)> = patterns.filter_map(|pattern| self.rules.rule_of(pattern)).collect();
        worth_trying.sort_unstable();
        worth_trying.dedup();
        let mut found = Vec::new();
        for (index, first) in worth_trying {
            if let Some(rule) = self.rules.all().get(index).filter(|rule| rule.meta.is_none() && self.applies(rule)) {
                self.read_rule(rule, first, &candidates, &mut found);
            }
        }
        found
    }

    fn applies(&self, rule: &Rule) -> bool {
        let letter = self.letter;
        (rule.directions.is_empty() || rule.directions.contains(&letter.direction))
            && (rule.kinds.is_empty() || rule.kinds.contains(&letter.kind))
            && rule.lang.as_deref().is_none_or(|lang| lang == letter.language)
    }

    fn read_rule(&self, rule: &Rule, first: u32, zones: &[(Scope, &Zone, Candidates)], found: &mut Vec<Fired>) {
        let in_scope = || zones.iter().filter(|(scope, ..)| rule.scopes.contains(scope));
        let mut numbered = (first..).zip(rule.any.iter().chain(&rule.all)).skip(rule.any.len());
        let complete = numbered.all(|(number, pattern)| {
            in_scope().any(|(_, zone, candidates)| {
                candidates.of(number).any(|sentence| pattern.machine.is_match(zone.sentence(sentence)))
            })
        });
        if !complete {
            return;
        }
        // A rule with `all` alone shows the words of its first pattern.
        let shown = if rule.any.is_empty() { rule.all.get(..1) } else { Some(rule.any.as_slice()) };
        let mut mine: Vec<Fired> = Vec::new();
        for (scope, zone, candidates) in in_scope() {
            for (number, pattern) in (first..).zip(shown.into_iter().flatten()) {
                for sentence in candidates.of(number) {
                    if enough(rule, &mine) {
                        break;
                    }
                    let line = zone.sentence(sentence);
                    let Some(span) = pattern.machine.find(line) else {
                        continue;
                    };
                    let courtesy = zone.is_courtesy(sentence);
                    let clause = self.words.clause(line, &span);
                    let place = Place { scope: *scope, line, span, clause, courtesy, zone, index: sentence };
                    let fired = self.fire(rule, &place);
                    if !mine.iter().any(|f| f.counts() && f.hit.words == fired.hit.words) {
                        mine.push(fired);
                    }
                }
            }
        }
        found.extend(mine);
    }

    fn fire(&self, rule: &Rule, place: &Place<'_>) -> Fired {
        let corrected = self.letter.corrected.iter().find(|(id, _)| *id == rule.id);
        let mut factor = rule.confidence * corrected.map_or(1.0, |(_, left)| f64::from(*left) / 100.0);
        let mut inverted = false;
        let mut suppressed = self.suppressor(rule, place);
        if suppressed.is_none()
            && let Some(word) = self.words.negation(place.line, &place.span, &place.clause)
        {
            match rule.negation {
                Negation::Suppress => suppressed = Some(format!("denied by \"{word}\"")),
                Negation::Invert => inverted = true,
                Negation::Ignore => {}
            }
        }
        if let Some(word) = self.words.condition(place.line, &place.span) {
            match rule.conditional {
                Conditional::Suppress if suppressed.is_none() => {
                    suppressed = Some(format!("conditional by \"{word}\""));
                }
                Conditional::Soften => factor *= 0.5,
                Conditional::Keep | Conditional::Suppress => {}
            }
        }
        let mut colour = 1.0;
        if self.words.softened(place.line, &place.span) {
            colour = 0.75;
        } else if self.words.strengthened(place.line, &place.span) {
            colour = 1.2;
        }
        if rule.status == Status::Testing && suppressed.is_none() {
            suppressed = Some(TESTING.to_owned());
        }
        let sign = if inverted { -1.0 } else { 1.0 };
        let matched = place.line.part(place.span.clone()).text();
        Fired {
            tone: f64::from(rule.tone) * factor * colour * sign,
            urgency: f64::from(rule.urgency) * factor,
            confidence: rule.confidence,
            inverted,
            hit: Hit {
                rule: rule.id.clone(),
                signal: rule.signal.clone(),
                scope: place.scope.name().to_owned(),
                words: matched.chars().take(200).collect(),
                tone: 0,
                urgency: 0,
                suppressed,
            },
        }
    }

    /// What keeps a match from counting, whatever it says.
    fn suppressor(&self, rule: &Rule, place: &Place<'_>) -> Option<String> {
        if let Some(found) = rule.unless.iter().find_map(|p| p.machine.find(place.line)) {
            let words: String = place.line.part(found).text().chars().take(60).collect();
            return Some(format!("\"{words}\" stands beside it"));
        }
        if self.in_stop_phrase(place) {
            return Some("the account uses these words harmlessly".to_owned());
        }
        if place.scope == Scope::Subject && self.words.inherited(self.letter.subject) {
            return Some("the subject is older than the message".to_owned());
        }
        if !matches!(place.scope, Scope::Subject | Scope::New) {
            return None;
        }
        if Words::is_quoted(place.line, &place.span) {
            return Some("it is only mentioned, between quotes".to_owned());
        }
        if place.courtesy && rule.tone > 0 {
            return Some("it is a mere courtesy".to_owned());
        }
        if self.is_report(rule, place) {
            return Some("it reports on others".to_owned());
        }
        self.about_another(rule, place)
    }

    /// Whether a sentence of a long text tells of neither writer nor reader. What
    /// would be told at once must say so itself; for the rest its neighbours may.
    fn is_report(&self, rule: &Rule, place: &Place<'_>) -> bool {
        if rule.tone >= 0 || place.scope != Scope::New || place.zone.words() <= LETTER_WORDS {
            return false;
        }
        let signal = rule.signal.as_deref().unwrap_or("");
        if signal::speed(signal, self.letter.direction, self.letter.kind) >= Speed::Minutes {
            return !self.words.is_personal(place.line);
        }
        !place.zone.around(place.index).any(|s| self.words.is_personal(s))
    }

    fn about_another(&self, rule: &Rule, place: &Place<'_>) -> Option<String> {
        let speaks = self.words.speaks_of(place.line, &place.span, &place.clause);
        let outbound = self.letter.direction == Direction::Outbound;
        let wrong = match rule.about {
            Some(About::Any) => false,
            Some(About::Third) => speaks != Speaks::Third,
            Some(About::Us) if outbound => speaks == Speaks::Third,
            Some(About::Them) if outbound => speaks != Speaks::Reader,
            Some(About::Us) | None => speaks != Speaks::Reader,
            Some(About::Them) => {
                speaks == Speaks::Third
                    || !(speaks == Speaks::Writer || self.words.writer_acts(place.line, &place.span, &place.clause))
            }
        };
        let why = match speaks {
            Speaks::Reader => "it speaks of the reader",
            Speaks::Writer => "the writer speaks of their own doing",
            Speaks::Third => "it speaks of somebody else",
        };
        wrong.then(|| why.to_owned())
    }

    fn in_stop_phrase(&self, place: &Place<'_>) -> bool {
        if self.letter.stop_phrases.is_empty() {
            return false;
        }
        let text = place.line.low();
        self.letter.stop_phrases.iter().filter(|phrase| !phrase.is_empty()).any(|phrase| {
            text.match_indices(&phrase.to_ascii_lowercase())
                .any(|(start, found)| start < place.span.end && place.span.start < start + found.len())
        })
    }
}

/// Suppressed hits are shown, but not without end.
fn enough(rule: &Rule, hits: &[Fired]) -> bool {
    let counted = hits.iter().filter(|fired| fired.counts()).count();
    counted >= rule.max_hits || hits.len() >= rule.max_hits + 5
}

struct Place<'a> {
    scope: Scope,
    line: Line<'a>,
    span: Range<usize>,
    /// The clause that the span lies in.
    clause: Range<usize>,
    courtesy: bool,
    zone: &'a Zone,
    index: usize,
}

fn add_metas(rules: &Rules, letter: &Letter<'_>, evidence: &mut Evidence) {
    for rule in rules.metas() {
        let fits = (rule.directions.is_empty() || rule.directions.contains(&letter.direction))
            && (rule.kinds.is_empty() || rule.kinds.contains(&letter.kind));
        let Some(expr) = rule.meta.as_ref().filter(|_| fits) else {
            continue;
        };
        if expr.value(&|name| evidence.holds(name)) == 0 {
            continue;
        }
        if rule.status == Status::Live {
            for fired in &mut evidence.hits {
                let by_signal = fired.hit.signal.as_ref().is_some_and(|s| rule.replaces.contains(s));
                if by_signal || rule.replaces.contains(&fired.hit.rule) {
                    (fired.tone, fired.urgency) = (0.0, 0.0);
                }
            }
        }
        let testing = rule.status == Status::Testing;
        evidence.hits.push(Fired {
            tone: f64::from(rule.tone) * rule.confidence,
            urgency: f64::from(rule.urgency) * rule.confidence,
            confidence: rule.confidence,
            inverted: false,
            hit: Hit {
                rule: rule.id.clone(),
                signal: rule.signal.clone(),
                scope: "meta".to_owned(),
                words: String::new(),
                tone: 0,
                urgency: 0,
                suppressed: testing.then(|| TESTING.to_owned()),
            },
        });
    }
}
