//! Regular expressions for single sentences: linear in time, small in memory.
//!
//! Each is held as it is written and compiled when it is first needed: into states
//! for ASCII alone, which nearly every sentence is, and apart from them into states
//! for all of Unicode. On ASCII text both mean the same, so that no reading depends
//! on which one runs. All share one working memory a thread.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use regex_automata::nfa::thompson::backtrack::{BoundedBacktracker, Cache};
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{Compiler, Config, NFA, WhichCaptures};
use regex_automata::util::prefilter::Prefilter;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input, MatchKind, PatternID};
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Repetition};

use super::quick::{Quick, Told};
use super::text::Line;

/// Memory that one compiled expression may take, in bytes.
const SIZE_LIMIT: usize = 10 << 20;
/// What one state takes at most, with a way out of it, in bytes.
const STATE_BYTES: usize = 48;
/// States for one range of characters beyond ASCII, at most.
const RANGE_STATES: usize = 12;

/// More bytes that a match may begin with are not worth looking for.
const MOST_FIRST: usize = 40;

/// As many needles are looked for by a table.
const TABLE: usize = 128;

/// A regular expression. Letter case means nothing unless it says `(?-i:`.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    written: String,
    verbose: bool,
    /// Somewhere, letter case counts.
    cased: bool,
    ascii: OnceLock<Option<BoundedBacktracker>>,
    /// For ASCII text.
    quick: OnceLock<Option<Arc<Quick>>>,
    whole: OnceLock<Option<BoundedBacktracker>>,
}

/// Why an expression cannot be had.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is none.
    Syntax(Box<regex_syntax::Error>),
    /// It takes more memory than it may.
    TooBig,
}

thread_local! {
    static MEMORY: RefCell<Option<Cache>> = const { RefCell::new(None) };
}

type Slot = Option<NonMaxUsize>;

impl Machine {
    /// Reads an expression; beside it, what it matches, with letters in lower case.
    pub(super) fn new(written: &str, verbose: bool) -> Result<(Self, Hir), Fault> {
        let read = read(written, verbose).map_err(Fault::Syntax)?;
        let cased = is_cased(&read);
        let hir = folded(&read, cased, false);
        if bytes(&hir) > SIZE_LIMIT && compiled(&hir).is_none() {
            return Err(Fault::TooBig);
        }
        let (ascii, quick, whole) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Ok((Self { written: written.to_owned(), verbose, cased, ascii, quick, whole }, hir))
    }

    pub(super) fn written(&self) -> &str {
        &self.written
    }

    pub(super) fn is_match(&self, line: Line<'_>) -> bool {
        self.search(line, 0, &mut [])
    }

    /// The first match.
    pub(super) fn find(&self, line: Line<'_>) -> Option<Range<usize>> {
        self.find_from(line, 0)
    }

    /// All matches that do not overlap, in order.
    pub(super) fn find_iter<'a>(&'a self, line: Line<'a>) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut from = Some(0);
        std::iter::from_fn(move || {
            let found = self.find_from(line, from?)?;
            from = next_start(line, &found);
            Some(found)
        })
    }

    /// The groups of all matches that do not overlap, in order.
    pub(super) fn captures_iter<'a>(&'a self, line: Line<'a>) -> impl Iterator<Item = Captured<'a>> + 'a {
        let mut from = Some(0);
        std::iter::from_fn(move || {
            let found = self.captures_from(line, from?)?;
            from = next_start(line, &found.range());
            Some(found)
        })
    }

    /// The groups of the first match.
    pub(super) fn captures<'a>(&'a self, line: Line<'a>) -> Option<Captured<'a>> {
        self.captures_from(line, 0)
    }

    fn find_from(&self, line: Line<'_>, from: usize) -> Option<Range<usize>> {
        let mut slots = [None; 2];
        let found = self.search(line, from, &mut slots);
        let [start, end] = slots.map(|slot| slot.map(NonMaxUsize::get));
        if found { Some(start?..end?) } else { None }
    }

    fn captures_from<'a>(&'a self, line: Line<'a>, from: usize) -> Option<Captured<'a>> {
        let nfa = self.engine(line)?.get_nfa();
        let mut slots = vec![None; nfa.group_info().slot_len()];
        self.search(line, from, &mut slots).then_some(Captured { nfa, line, slots })
    }

    /// Compiles on first use, once.
    fn engine(&self, line: Line<'_>) -> Option<&BoundedBacktracker> {
        let ascii = line.text().is_ascii();
        let place = if ascii { &self.ascii } else { &self.whole };
        let compile = || {
            let hir = self.hir(ascii)?;
            let config = BoundedBacktracker::config().prefilter(first_bytes(&hir));
            BoundedBacktracker::builder().configure(config).build_from_nfa(compiled(&hir)?).ok()
        };
        place.get_or_init(compile).as_ref()
    }

    fn search(&self, line: Line<'_>, from: usize, slots: &mut [Slot]) -> bool {
        let Some(engine) = self.engine(line) else { return false };
        let text = if self.cased { line.text() } else { line.low() };
        if from > text.len() {
            return false;
        }
        let mut input = Input::new(text).range(from..);
        if line.text().is_ascii() {
            match self.told(engine, &input, slots.is_empty()) {
                Told::Nothing => return false,
                Told::Match(_) if slots.is_empty() => return true,
                Told::Match(found) => {
                    if let [start, end] = slots {
                        (*start, *end) = (NonMaxUsize::new(found.start), NonMaxUsize::new(found.end));
                        return true;
                    }
                    input = input.range(found).anchored(Anchored::Yes);
                }
                Told::Unknown => {}
            }
        }
        by_steps(engine, &input.earliest(slots.is_empty()), slots)
    }

    fn told(&self, engine: &BoundedBacktracker, input: &Input<'_>, no_matter_where: bool) -> Told {
        let quick = self.quick.get_or_init(|| Quick::new(engine.get_nfa()).map(Arc::new));
        let Some(quick) = quick else { return Told::Unknown };
        if no_matter_where {
            return quick.is_match(input);
        }
        quick.find(input, || reversed(&self.hir(true)?))
    }

    fn hir(&self, ascii: bool) -> Option<Hir> {
        Some(folded(&read(&self.written, self.verbose).ok()?, self.cased, ascii))
    }
}

/// One state after the other, as they are compiled.
fn by_steps(engine: &BoundedBacktracker, input: &Input<'_>, slots: &mut [Slot]) -> bool {
    if input.get_range().len() > engine.max_haystack_len() {
        return by_breadth(engine.get_nfa(), input, slots);
    }
    MEMORY.with_borrow_mut(|memory| {
        let cache = memory.get_or_insert_with(|| engine.create_cache());
        cache.reset(engine);
        matches!(engine.try_search_slots(cache, input, slots), Ok(Some(_)))
    })
}

/// For texts beyond the memory of the usual way.
fn by_breadth(nfa: &NFA, input: &Input<'_>, slots: &mut [Slot]) -> bool {
    let Ok(engine) = PikeVM::new_from_nfa(nfa.clone()) else { return false };
    engine.search_slots(&mut engine.create_cache(), input, slots).is_some()
}

fn next_start(line: Line<'_>, found: &Range<usize>) -> Option<usize> {
    let next = if found.is_empty() { line.text().ceil_char_boundary(found.end + 1) } else { found.end };
    (next <= line.text().len() && next > found.start).then_some(next)
}

/// A match and its groups.
pub(super) struct Captured<'a> {
    nfa: &'a NFA,
    line: Line<'a>,
    slots: Vec<Slot>,
}

impl<'a> Captured<'a> {
    /// Where the whole match stands.
    pub(super) fn range(&self) -> Range<usize> {
        self.span(0).unwrap_or(0..0)
    }

    /// The text of a named group, if it took part.
    pub(super) fn name(&self, name: &str) -> Option<&'a str> {
        self.line.text().get(self.range_of(name)?)
    }

    /// Where a named group stands, if it took part.
    pub(super) fn range_of(&self, name: &str) -> Option<Range<usize>> {
        self.span(self.nfa.group_info().to_index(PatternID::ZERO, name)?)
    }

    fn span(&self, group: usize) -> Option<Range<usize>> {
        let place = |n: usize| self.slots.get(n).copied().flatten().map(NonMaxUsize::get);
        Some(place(2 * group)?..place(2 * group + 1)?)
    }
}

fn read(written: &str, verbose: bool) -> Result<Hir, Box<regex_syntax::Error>> {
    let mut parser = regex_syntax::ParserBuilder::new();
    parser.case_insensitive(true).ignore_whitespace(verbose).build().parse(written).map_err(Box::new)
}

fn compiled(hir: &Hir) -> Option<NFA> {
    let config = Config::new().nfa_size_limit(Some(SIZE_LIMIT)).which_captures(WhichCaptures::All);
    Compiler::new().configure(config).build_from_hir(hir).ok()
}

/// The same for reading from the end of a match to its beginning.
fn reversed(hir: &Hir) -> Option<NFA> {
    let config = Config::new().nfa_size_limit(Some(SIZE_LIMIT)).which_captures(WhichCaptures::None).reverse(true);
    Compiler::new().configure(config).build_from_hir(hir).ok()
}

/// Finds the bytes that a match may begin with, where these are few.
fn first_bytes(hir: &Hir) -> Option<Prefilter> {
    let mut extractor = Extractor::new();
    extractor.limit_literal_len(1).limit_class(MOST_FIRST).limit_repeat(1).limit_total(1 << 12);
    let mut bytes: Vec<&[u8]> = Vec::new();
    let seq = extractor.extract(hir);
    for literal in seq.literals()? {
        bytes.push(literal.as_bytes().get(..1)?);
    }
    bytes.sort_unstable();
    bytes.dedup();
    if bytes.is_empty() || bytes.len() > MOST_FIRST {
        return None;
    }
    // So many needles make it a table of bytes, which beats wider searches where a hit is never far.
    let needles: Vec<&[u8]> = bytes.iter().copied().cycle().take(TABLE).collect();
    Prefilter::new(MatchKind::LeftmostFirst, &needles)
}

/// What the compiled form takes at most, in bytes: an estimate that costs nothing.
fn bytes(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => STATE_BYTES,
        HirKind::Literal(literal) => literal.0.len().saturating_mul(STATE_BYTES),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len().saturating_mul(8).saturating_add(STATE_BYTES),
        HirKind::Class(Class::Unicode(class)) => {
            let wide = class.ranges().iter().filter(|range| !range.end().is_ascii()).count();
            let narrow = class.ranges().len().saturating_mul(8);
            wide.saturating_mul(RANGE_STATES * STATE_BYTES).saturating_add(narrow).saturating_add(STATE_BYTES)
        }
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)) as usize;
            bytes(&repetition.sub).saturating_add(2 * STATE_BYTES).saturating_mul(times.max(1))
        }
        HirKind::Capture(capture) => bytes(&capture.sub).saturating_add(2 * STATE_BYTES),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(STATE_BYTES, |sum, part| sum.saturating_add(bytes(part)).saturating_add(STATE_BYTES))
        }
    }
}

/// Whether a capital and its small letter are told apart anywhere.
fn is_cased(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.iter().any(u8::is_ascii_alphabetic),
        HirKind::Class(class) => {
            let holds = |letter: u8| match class {
                Class::Unicode(class) => {
                    class.ranges().iter().any(|r| (r.start()..=r.end()).contains(&char::from(letter)))
                }
                Class::Bytes(class) => class.ranges().iter().any(|r| (r.start()..=r.end()).contains(&letter)),
            };
            (b'a'..=b'z').any(|letter| holds(letter) != holds(letter.to_ascii_uppercase()))
        }
        HirKind::Repetition(repetition) => is_cased(&repetition.sub),
        HirKind::Capture(capture) => is_cased(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(is_cased),
    }
}

/// The same for text in lower case (as far as ASCII goes), or for ASCII text alone.
fn folded(hir: &Hir, cased: bool, ascii: bool) -> Hir {
    let deeper = |hir: &Hir| folded(hir, cased, ascii);
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            let mut class = class.clone();
            if !cased {
                lower(&mut class);
            }
            if ascii {
                class.intersect(&ClassUnicode::new([ClassUnicodeRange::new('\0', '\u{7f}')]));
            }
            Hir::class(Class::Unicode(class))
        }
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            Hir::repetition(Repetition { min: *min, max: *max, greedy: *greedy, sub: Box::new(deeper(sub)) })
        }
        HirKind::Capture(capture) => {
            let mut capture = capture.clone();
            capture.sub = Box::new(deeper(&capture.sub));
            Hir::capture(capture)
        }
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(deeper).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(deeper).collect()),
        HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(Class::Bytes(_)) => hir.clone(),
    }
}

/// Takes the capitals away and, where they are all that is not ASCII, the two signs that
/// Unicode takes for an `s` and a `k`: no text that is judged holds them.
fn lower(class: &mut ClassUnicode) {
    let signs = ['\u{17f}', '\u{212a}'].map(|sign| ClassUnicodeRange::new(sign, sign));
    let mut gone = vec![ClassUnicodeRange::new('A', 'Z')];
    if class.ranges().iter().all(|range| range.end().is_ascii() || signs.contains(range)) {
        gone.extend(signs);
    }
    class.difference(&ClassUnicode::new(gone));
}

#[cfg(test)]
mod tests {
    use super::super::text::Lowered;
    use super::{Fault, Machine};

    /// What a general engine finds.
    fn expected(pattern: &str, text: &str) -> Vec<(usize, usize)> {
        let regex = regex::RegexBuilder::new(pattern).case_insensitive(true).build().unwrap();
        regex.find_iter(text).map(|m| (m.start(), m.end())).collect()
    }

    #[test]
    fn finds_what_a_general_engine_finds() {
        let patterns = [
            r"(?-u:\b)(?:not|never|\w+n't)(?-u:\b)",
            r"(?-u:\b)(want|need).{0,9}(?-u:\b)by",
            r"[^.!?]{2,5}[.!?]+",
            r"(?-i:[A-Z]{2,})",
            r"\p{Lu}\p{Ll}+",
            r"caf[eé]s?|naïve|Ünder",
            r"(?:\S+ ){0,3}?call",
            r"^(?:and |\W+)*(?:send|ask)",
            r"😀|;-?\)|\$\d+",
            r"task|ſ|[k-s]+$",
        ];
        let texts = [
            "We NEED it by Friday, don't we? Never mind.",
            "Das Café Ünder — naïve, CAFÉS; (call) me… ASK!",
            "- Send 😀 it;) for $50 to the TASK force ΑΒ Αβ",
            "",
            "and — ask",
        ];
        for pattern in patterns {
            let (machine, _) = Machine::new(pattern, false).unwrap();
            for text in texts {
                let lowered = Lowered::new(text);
                let found: Vec<_> = machine.find_iter(lowered.line()).map(|m| (m.start, m.end)).collect();
                assert_eq!(found, expected(pattern, text), "{pattern} in {text}");
            }
        }
    }

    #[test]
    fn what_takes_too_much_memory_is_refused() {
        for pattern in [r"((x{1000}){1000}){9}", r"(\w{500}){50}"] {
            assert!(matches!(Machine::new(pattern, false), Err(Fault::TooBig)), "{pattern}");
        }
        assert!(Machine::new(r"\w{1,40} and \S{1,40}", false).is_ok());
    }

    #[test]
    fn long_texts_are_read_with_little_memory() {
        let text = format!("{}the end", "ab ".repeat(1_000_000));
        let (machine, _) = Machine::new(r"(a|b| ){1,100}the end", false).unwrap();
        assert!(machine.is_match(Lowered::new(&text).line()));
    }
}
