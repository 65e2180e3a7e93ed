//! Which expressions can match in which sentence: one pass over the text for the
//! literals of all of them, so that few run.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

use super::needs::Needs;
use super::text::Zone;

/// Literals of so many bytes together are looked for in the fastest way, which takes some 150
/// bytes of memory for each; more of them in one that takes a tenth.
const FEW_BYTES: usize = 40_000;

/// The literals of all expressions, which are numbered in order.
#[derive(Debug, Clone)]
pub(super) struct Prefilter {
    finder: AhoCorasick,
    /// By text: the literals that it is.
    literals: Vec<Vec<Literal>>,
    /// How many literals there are.
    count: usize,
    /// By expression: a bit for each of its groups; none where it always runs.
    groups: Vec<u8>,
    /// Expressions that need nothing known: they run on every sentence.
    always: Vec<u32>,
}

/// A text at the edge of words or not, and the groups that it belongs to.
#[derive(Debug, Clone)]
struct Literal {
    number: usize,
    left: bool,
    right: bool,
    /// Expression, and bit of the group.
    wanted: Vec<(u32, u8)>,
}

/// The literals that are one text, by whether they begin and end at the edge of a word.
type Edges = BTreeMap<(bool, bool), Vec<(u32, u8)>>;

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
        let mut groups = Vec::new();
        let mut always = Vec::new();
        for (number, needs) in (0u32..).zip(all) {
            let mut bits = 0;
            for (bit, group) in (0u8..8).map(|n| 1u8 << n).zip(needs) {
                bits |= bit;
                for literal in group {
                    let edges = by_text.entry(&literal.text).or_default();
                    edges.entry((literal.left, literal.right)).or_default().push((number, bit));
                }
            }
            if bits == 0 {
                always.push(number);
            }
            groups.push(bits);
        }
        let bytes: usize = by_text.keys().map(|text| text.len()).sum();
        let kind = if bytes <= FEW_BYTES { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
        let finder = AhoCorasickBuilder::new()
            .match_kind(MatchKind::Standard)
            .kind(Some(kind))
            .prefilter(false)
            .build(by_text.keys())
            .map_err(|e| format!("the words of all rules together are too many: {e}"))?;
        let mut count = 0;
        let numbered = |edges: Edges| {
            let literal = |((left, right), wanted)| {
                count += 1;
                Literal { number: count - 1, left, right, wanted }
            };
            edges.into_iter().map(literal).collect()
        };
        let literals = by_text.into_values().map(numbered).collect();
        Ok(Self { finder, literals, count, groups, always })
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
        // The sentence in which each literal was last seen: one that is repeated a
        // thousand times in a sentence is looked up once. 0 is none.
        let mut seen = vec![0u32; self.count];
        let mut met = Met { bits: vec![0; self.groups.len()], touched: Vec::new(), groups: &self.groups };
        let (mut here, mut was) = (0, 0);
        for hit in self.finder.find_overlapping_iter(zone.low()) {
            // Hits come by their ends, so that sentences come in order.
            let Some(span) = zone.sentence_of(&mut here, &hit.range()) else { continue };
            if here != was {
                met.clear();
                was = here;
            }
            let Ok(sentence) = u32::try_from(here) else { return };
            let text = zone.low().get(span.clone()).unwrap_or("");
            let (start, end) = (hit.start() - span.start, hit.end() - span.start);
            let literals = self.literals.get(hit.pattern().as_usize());
            for literal in literals.into_iter().flatten() {
                let Some(last) = seen.get_mut(literal.number) else { continue };
                if *last == sentence + 1
                    || (literal.left && !is_edge(text, start))
                    || (literal.right && !is_edge(text, end))
                {
                    continue;
                }
                *last = sentence + 1;
                for (expression, bit) in &literal.wanted {
                    if met.meet(*expression, *bit) {
                        found(*expression, sentence);
                    }
                }
            }
        }
    }
}

/// Which groups were met in one sentence.
struct Met<'a> {
    bits: Vec<u8>,
    touched: Vec<u32>,
    groups: &'a [u8],
}

impl Met<'_> {
    fn clear(&mut self) {
        for expression in self.touched.drain(..) {
            if let Some(bits) = self.bits.get_mut(expression as usize) {
                *bits = 0;
            }
        }
    }

    /// Whether this was the last group that an expression lacked.
    fn meet(&mut self, expression: u32, bit: u8) -> bool {
        let (Some(bits), Some(all)) = (self.bits.get_mut(expression as usize), self.groups.get(expression as usize))
        else {
            return false;
        };
        if *bits == 0 {
            self.touched.push(expression);
        }
        let lacked = *bits != *all;
        *bits |= bit;
        lacked && *bits == *all
    }
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
