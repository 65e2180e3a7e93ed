//! Tables of states that tell, in one step a byte, whether and where an expression matches in ASCII text.
//!
//! They grow as texts ask for states, up to a limit; what is beyond it is left to slower engines.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::NFA;
use regex_automata::{Anchored, Input, MatchKind};

/// Memory that one table may take, in bytes. Beyond it, the states that are there still serve.
const TABLE_BYTES: usize = 256 << 10;
/// Where all tables of the process together take as much, in bytes, no expression gets a new one: with ten thousand
/// rules, those that are tried first and therefore most have theirs.
const ALL_BYTES: usize = 8 << 20;

/// What all tables take, in bytes.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Searches by tables. One set serves all threads: who finds it taken does without.
#[derive(Debug)]
pub(super) struct Quick {
    forward: DFA,
    tables: Mutex<Tables>,
}

#[derive(Debug)]
struct Tables {
    /// What they were last counted as, in bytes.
    counted: usize,
    forward: Cache,
    /// From the end of a match to its beginning; made for the first match, which most expressions never see.
    backward: OnceCell<Option<(DFA, Cache)>>,
}

/// What a search comes to.
pub(super) enum Told {
    /// There is no match.
    Nothing,
    /// There is one; where, if that was asked.
    Match(Range<usize>),
    /// It takes a slower engine to tell.
    Unknown,
}

impl Quick {
    /// For an expression compiled for ASCII text.
    pub(super) fn new(nfa: &NFA) -> Option<Self> {
        let forward = build(nfa.clone(), DFA::config())?;
        let mut tables = Tables { counted: 0, forward: forward.create_cache(), backward: OnceCell::new() };
        tables.count();
        Some(Self { forward, tables: Mutex::new(tables) })
    }

    /// Whether there is a match in a text.
    pub(super) fn is_match(&self, input: &Input<'_>) -> Told {
        let Ok(mut tables) = self.tables.try_lock() else { return Told::Unknown };
        let found = self.forward.try_search_fwd(&mut tables.forward, &input.clone().earliest(true));
        tables.count();
        match found {
            Ok(None) => Told::Nothing,
            Ok(Some(_)) => Told::Match(0..0),
            Err(_) => Told::Unknown,
        }
    }

    /// The first match. `reversed` compiles the expression for reading backward.
    pub(super) fn find(&self, input: &Input<'_>, reversed: impl FnOnce() -> Option<NFA>) -> Told {
        let Ok(mut tables) = self.tables.try_lock() else { return Told::Unknown };
        let found = self.forward.try_search_fwd(&mut tables.forward, input);
        tables.count();
        let end = match found {
            Ok(None) => return Told::Nothing,
            Ok(Some(end)) => end.offset(),
            Err(_) => return Told::Unknown,
        };
        let back = input.clone().range(input.start()..end).anchored(Anchored::Yes);
        match tables.start(&back, reversed) {
            Some(start) => Told::Match(start..end),
            None => Told::Unknown,
        }
    }
}

impl Tables {
    /// Where the match begins that ends where `back` ends.
    fn start(&mut self, back: &Input<'_>, reversed: impl FnOnce() -> Option<NFA>) -> Option<usize> {
        self.backward.get_or_init(|| {
            let dfa = build(reversed()?, DFA::config().match_kind(MatchKind::All))?;
            let table = dfa.create_cache();
            Some((dfa, table))
        });
        let (dfa, table) = self.backward.get_mut()?.as_mut()?;
        let found = dfa.try_search_rev(table, back);
        self.count();
        Some(found.ok()??.offset())
    }

    /// Keeps count of what all tables take.
    fn count(&mut self) {
        let backward = self.backward.get().and_then(Option::as_ref).map_or(0, |(_, table)| table.memory_usage());
        let now = self.forward.memory_usage() + backward;
        if now != self.counted {
            HELD.fetch_add(now.wrapping_sub(self.counted), Ordering::Relaxed);
            self.counted = now;
        }
    }
}

impl Drop for Tables {
    fn drop(&mut self) {
        HELD.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

fn build(nfa: NFA, config: Config) -> Option<DFA> {
    if HELD.load(Ordering::Relaxed) >= ALL_BYTES {
        return None;
    }
    let config = config
        .unicode_word_boundary(true)
        .cache_capacity(TABLE_BYTES)
        .skip_cache_capacity_check(true)
        .minimum_cache_clear_count(Some(0));
    DFA::builder().configure(config).build_from_nfa(nfa).ok()
}
