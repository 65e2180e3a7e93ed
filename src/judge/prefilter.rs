//! Which expressions can match in which sentence: one pass over the text for the
//! literals of all of them, so that few run.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

use super::needs::{self, MOST_GROUPS, Needs};
use super::text::Zone;

/// Literals of so many bytes together are looked for in the fastest way, which takes some 150
/// bytes of memory for each; more of them in one that takes a tenth.
const FEW_BYTES: usize = 40_000;

/// The literals of all expressions, which are numbered in order.
#[derive(Debug, Clone)]
pub(super) struct Prefilter {
    finder: AhoCorasick,
    /// By text: the number of the first of the literals that it is, and of the last one's successor.
    texts: Vec<Range<u32>>,
    /// By number. What is met in every text lies close together.
    literals: Vec<Literal>,
    /// The groups of the first literal, of the second, …
    groups: Vec<Group>,
    /// By group: the expressions that it leads, of whose groups it is the one least often met.
    led: Vec<Vec<Led>>,
    /// Expressions that need nothing known: they run on every sentence.
    always: Vec<u32>,
}

/// A text at the edge of words or not.
#[derive(Debug, Clone)]
struct Literal {
    left: bool,
    right: bool,
    /// Where the groups that it belongs to stand.
    groups: Range<u32>,
}

/// A group that a literal belongs to.
#[derive(Debug, Clone, Copy)]
struct Group {
    number: u32,
    /// Whether it leads an expression.
    leads: bool,
}

/// An expression, and what it needs beside the group that leads it: that same group where it needs nothing more.
#[derive(Debug, Clone)]
struct Led {
    expression: u32,
    others: [u32; MOST_GROUPS - 1],
}

/// The literals that are one text, by whether they begin and end at the edge of a word.
type Edges = BTreeMap<(bool, bool), Vec<u32>>;

/// What was met in which sentence. Every sentence has a number of its own, so that nothing is ever wiped
/// between two texts, and any number of prefilters can share it.
#[derive(Default)]
struct Marks {
    now: u32,
    literals: Vec<u32>,
    groups: Vec<u32>,
    /// The groups met in this sentence that lead an expression.
    met: Vec<u32>,
}

thread_local! {
    static MARKS: RefCell<Marks> = RefCell::default();
}

/// Expressions, and the sentences in which each may match; ascending.
#[derive(Debug, Default)]
pub(super) struct Candidates(Vec<(u32, u32)>);

impl Prefilter {
    /// Of expressions in order.
    ///
    /// # Errors
    ///
    /// Where all literals together are too many to look for.
    pub(super) fn new<'a>(all: impl Iterator<Item = &'a Needs>) -> Result<Self, String> {
        let mut by_text: BTreeMap<&str, Edges> = BTreeMap::new();
        let mut numbers: BTreeMap<&[needs::Literal], u32> = BTreeMap::new();
        let mut led: Vec<Vec<Led>> = Vec::new();
        let mut always = Vec::new();
        for (expression, needs) in (0u32..).zip(all) {
            let mut groups = needs.iter().map(|group| {
                let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                let number = *numbers.entry(group).or_insert(next);
                if number == next {
                    led.push(Vec::new());
                    for literal in group {
                        let edges = by_text.entry(&literal.text).or_default();
                        edges.entry((literal.left, literal.right)).or_default().push(number);
                    }
                }
                number
            });
            let Some(first) = groups.next() else {
                always.push(expression);
                continue;
            };
            let mut others = [first; MOST_GROUPS - 1];
            others.iter_mut().zip(groups).for_each(|(other, group)| *other = group);
            led.get_mut(first as usize).into_iter().for_each(|led| led.push(Led { expression, others }));
        }
        let bytes: usize = by_text.keys().map(|text| text.len()).sum();
        let kind = if bytes <= FEW_BYTES { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
        let finder = AhoCorasickBuilder::new()
            .match_kind(MatchKind::Standard)
            .kind(Some(kind))
            .prefilter(false)
            .build(by_text.keys())
            .map_err(|e| format!("the words of all rules together are too many: {e}"))?;
        let mut prefilter = Self { finder, texts: Vec::new(), literals: Vec::new(), groups: Vec::new(), led, always };
        for edges in by_text.into_values() {
            let first = place(prefilter.literals.len());
            for ((left, right), groups) in edges {
                let from = place(prefilter.groups.len());
                let leads = |number: &u32| prefilter.led.get(*number as usize).is_some_and(|led| !led.is_empty());
                prefilter.groups.extend(groups.into_iter().map(|number| Group { number, leads: leads(&number) }));
                prefilter.literals.push(Literal { left, right, groups: from..place(prefilter.groups.len()) });
            }
            prefilter.texts.push(first..place(prefilter.literals.len()));
        }
        Ok(prefilter)
    }

    /// The expressions worth trying in a zone, and where.
    pub(super) fn candidates(&self, zone: &Zone) -> Candidates {
        let mut found = Vec::new();
        self.scan(zone, &mut |expression, sentence| found.push((expression, sentence)));
        found.sort_unstable();
        Candidates(found)
    }

    /// Calls `found` with each expression and sentence worth trying.
    pub(super) fn scan(&self, zone: &Zone, found: &mut impl FnMut(u32, u32)) {
        let sentences = u32::try_from(zone.len()).unwrap_or(u32::MAX);
        for expression in &self.always {
            (0..sentences).for_each(|sentence| found(*expression, sentence));
        }
        MARKS.with_borrow_mut(|marks| {
            marks.begin(self);
            let (mut here, mut was) = (0, 0);
            for hit in self.finder.find_overlapping_iter(zone.low()) {
                // Hits come by their ends, so that sentences come in order.
                let Some(span) = zone.sentence_of(&mut here, &hit.range()) else { continue };
                if here != was {
                    self.settle(marks, was, found);
                    marks.next();
                    was = here;
                }
                let text = zone.low().get(span.clone()).unwrap_or("");
                let place = hit.start() - span.start..hit.end() - span.start;
                for number in self.texts.get(hit.pattern().as_usize()).cloned().into_iter().flatten() {
                    self.meet(marks, number, text, &place);
                }
            }
            self.settle(marks, was, found);
        });
    }

    /// Marks the groups of a literal. One that is repeated a thousand times in a sentence is looked up once.
    fn meet(&self, marks: &mut Marks, number: u32, text: &str, place: &Range<usize>) {
        let Some(seen) = marks.literals.get_mut(number as usize).filter(|seen| **seen != marks.now) else { return };
        let Some(literal) = self.literals.get(number as usize) else { return };
        if (literal.left && !is_edge(text, place.start)) || (literal.right && !is_edge(text, place.end)) {
            return;
        }
        *seen = marks.now;
        let groups = literal.groups.start as usize..literal.groups.end as usize;
        for group in self.groups.get(groups).unwrap_or_default() {
            let Some(seen) = marks.groups.get_mut(group.number as usize).filter(|seen| **seen != marks.now) else {
                continue;
            };
            *seen = marks.now;
            if group.leads {
                marks.met.push(group.number);
            }
        }
    }

    /// Tells of the expressions that a sentence has everything for.
    fn settle(&self, marks: &mut Marks, sentence: usize, found: &mut impl FnMut(u32, u32)) {
        let Ok(sentence) = u32::try_from(sentence) else { return };
        for led in marks.met.drain(..).filter_map(|group| self.led.get(group as usize)).flatten() {
            if led.others.iter().all(|group| marks.groups.get(*group as usize) == Some(&marks.now)) {
                found(led.expression, sentence);
            }
        }
    }
}

impl Marks {
    /// Makes room for the literals and groups of a prefilter, and begins with a sentence.
    fn begin(&mut self, of: &Prefilter) {
        if self.now > u32::MAX / 2 {
            *self = Self::default();
        }
        self.literals.resize(self.literals.len().max(of.literals.len()), 0);
        self.groups.resize(self.groups.len().max(of.led.len()), 0);
        self.met.clear();
        self.next();
    }

    fn next(&mut self) {
        self.now = self.now.saturating_add(1);
    }
}

fn place(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// Whether a word begins or ends at a byte, as `\b` has it.
fn is_edge(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let is_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    is_word(at.checked_sub(1).and_then(|before| bytes.get(before))) != is_word(bytes.get(at))
}

impl Candidates {
    /// The expressions that may match anywhere, ascending, each once or more.
    pub(super) fn expressions(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|(expression, _)| *expression)
    }

    /// Sentences in which an expression may match, ascending.
    pub(super) fn of(&self, expression: u32) -> impl Iterator<Item = usize> {
        let from = self.0.partition_point(|(e, _)| *e < expression);
        let mine = self.0.get(from..).into_iter().flatten().take_while(move |(e, _)| *e == expression);
        mine.map(|(_, sentence)| *sentence as usize)
    }
}
