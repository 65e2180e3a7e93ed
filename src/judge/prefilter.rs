//! Which patterns can match in which sentence: one pass over the text for the
//! literals of all rules, so that few regular expressions run.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

use super::rules::Rule;
use super::text::Zone;

/// Patterns are numbered `(rule, index in any)`; `all` follows `any`.
type PatternId = (u32, u32);

/// The literals of all patterns.
#[derive(Debug, Clone)]
pub(super) struct Prefilter {
    finder: AhoCorasick,
    /// For each literal, the patterns that need it.
    wanted: Vec<Vec<PatternId>>,
    /// Patterns without a known literal: they run on every sentence.
    always: Vec<PatternId>,
}

/// Sentences in which a pattern may match, ascending.
#[derive(Debug, Default)]
pub(super) struct Candidates(BTreeMap<PatternId, Vec<usize>>);

impl Prefilter {
    pub(super) fn new(rules: &[Rule]) -> Result<Self, String> {
        let mut by_literal: BTreeMap<&str, Vec<PatternId>> = BTreeMap::new();
        let mut always = Vec::new();
        for (rule_index, rule) in (0u32..).zip(rules) {
            for (index, pattern) in (0u32..).zip(rule.any.iter().chain(&rule.all)) {
                if pattern.literals.is_empty() {
                    always.push((rule_index, index));
                }
                for literal in &pattern.literals {
                    by_literal.entry(literal).or_default().push((rule_index, index));
                }
            }
        }
        let finder = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(by_literal.keys())
            .map_err(|e| format!("the words of all rules together are too many: {e}"))?;
        Ok(Self { finder, wanted: by_literal.into_values().collect(), always })
    }

    /// The patterns worth trying in a zone, and where.
    pub(super) fn candidates(&self, zone: &Zone) -> Candidates {
        let mut found: BTreeMap<PatternId, Vec<usize>> = BTreeMap::new();
        if zone.len() == 0 {
            return Candidates(found);
        }
        // The last sentence in which each literal was seen: a literal repeated
        // a thousand times in one sentence is looked up once.
        let mut seen = vec![usize::MAX; self.wanted.len()];
        for hit in self.finder.find_overlapping_iter(zone.text()) {
            let literal = hit.pattern().as_usize();
            let Some(sentence) = zone.sentence_at(hit.start()) else {
                continue;
            };
            let Some(last) = seen.get_mut(literal) else {
                continue;
            };
            if *last == sentence {
                continue;
            }
            *last = sentence;
            for id in self.wanted.get(literal).into_iter().flatten() {
                found.entry(*id).or_default().push(sentence);
            }
        }
        for sentences in found.values_mut() {
            sentences.sort_unstable();
            sentences.dedup();
        }
        for id in &self.always {
            found.insert(*id, (0..zone.len()).collect());
        }
        Candidates(found)
    }
}

impl Candidates {
    /// Sentences in which pattern `index` (of `any`, then `all`) of a rule may match.
    pub(super) fn of(&self, rule: usize, index: usize) -> &[usize] {
        let key = u32::try_from(rule).ok().zip(u32::try_from(index).ok());
        key.and_then(|key| self.0.get(&key)).map_or(&[], Vec::as_slice)
    }
}
