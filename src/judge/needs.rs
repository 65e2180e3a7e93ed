//! What must stand in a text for an expression to match there: groups of literals,
//! each bound to a word's edge where the expression says so. Of every group, at least
//! one literal stands in every match.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// Shorter literals, with the edges of words that they must have, stand in every text.
const SHORTEST: usize = 3;
/// A literal is as good as this length makes it; longer ones are hardly rarer.
const LONG: usize = 9;
/// More alternatives than this are not worth telling apart.
const MOST: usize = 400;
/// As many are written out where neighbours are put together.
const MOST_CROSSED: usize = 48;
/// Groups that are kept of one expression.
pub(super) const MOST_GROUPS: usize = 3;
/// Beside the best group, one that is no better than this is not worth looking for.
const POOR: usize = 3;
/// A class of more characters is no set of literals.
const MOST_CHARACTERS: u32 = 16;

/// A text in lower case, and whether a word begins or ends there.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Literal {
    pub(crate) text: String,
    /// A word's edge (or, beside a blank, its lack of one) lies before it.
    pub(crate) left: bool,
    /// The same behind it.
    pub(crate) right: bool,
}

/// Of each group, one literal must be there. Empty: nothing is known.
pub(crate) type Needs = Vec<Vec<Literal>>;

/// What `hir` needs; its letters are in lower case.
pub(super) fn needs(hir: &Hir) -> Needs {
    let mut groups = walk(hir).groups();
    groups.sort_unstable();
    groups.dedup();
    groups.sort_by_key(|group| std::cmp::Reverse(worth(group)));
    groups.truncate(MOST_GROUPS);
    while groups.len() > 1 && groups.last().is_some_and(|group| worth(group).0 <= POOR) {
        groups.pop();
    }
    groups
}

/// What is known of a part of an expression.
struct Part {
    /// All texts that it can match, where these are few.
    exact: Option<Vec<Literal>>,
    /// All texts that its matches begin with, where it is not exact and these are few.
    begins: Option<Vec<Literal>>,
    groups: Needs,
}

impl Part {
    fn unknown() -> Self {
        Self { exact: None, begins: None, groups: Vec::new() }
    }

    fn exact(literals: Vec<Literal>) -> Self {
        Self { exact: Some(literals), begins: None, groups: Vec::new() }
    }

    fn groups(self) -> Needs {
        let mut groups = self.groups;
        groups.extend(self.exact.or(self.begins).and_then(group));
        groups
    }

    fn best(self) -> Option<Vec<Literal>> {
        self.groups().into_iter().max_by_key(|group| worth(group))
    }
}

/// A set of literals, if each is worth looking for.
fn group(mut literals: Vec<Literal>) -> Option<Vec<Literal>> {
    if literals.is_empty() || literals.len() > MOST || !literals.iter().all(is_telling) {
        return None;
    }
    literals.sort_unstable();
    literals.dedup();
    Some(literals)
}

/// Whether most sentences are without it: a word, or a sign that is seldom written.
fn is_telling(literal: &Literal) -> bool {
    let Literal { text, left, right } = literal;
    let is_word = text.trim().len() > 1 && text.len() + usize::from(*left) + usize::from(*right) >= SHORTEST;
    is_word
        || text
            .chars()
            .any(|c| !c.is_ascii_alphabetic() && !matches!(c, ' ' | '.' | ',' | '\'' | '_') && !c.is_control())
}

/// A set is as good as its worst literal; of equals, the smaller.
fn worth(group: &[Literal]) -> (usize, usize) {
    let worth = |l: &Literal| (l.text.len() + usize::from(l.left) + usize::from(l.right)).min(LONG);
    (group.iter().map(worth).min().unwrap_or(0), usize::MAX - group.len())
}

/// Depth is bounded by the parser's own nest limit.
fn walk(hir: &Hir) -> Part {
    match hir.kind() {
        HirKind::Empty => Part::exact(vec![Literal::default()]),
        HirKind::Look(look) => {
            let edge = *look == Look::WordAscii;
            Part::exact(vec![Literal { text: String::new(), left: edge, right: edge }])
        }
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => Part::exact(vec![plain(text)]),
            Err(_) => Part::unknown(),
        },
        HirKind::Class(class) => characters(class).map_or_else(Part::unknown, Part::exact),
        HirKind::Capture(capture) => walk(&capture.sub),
        HirKind::Repetition(repetition) => repeated(repetition),
        HirKind::Concat(parts) => sequence(parts),
        HirKind::Alternation(branches) => choice(branches),
    }
}

fn plain(text: &str) -> Literal {
    Literal { text: text.to_ascii_lowercase(), left: false, right: false }
}

fn characters(class: &Class) -> Option<Vec<Literal>> {
    let Class::Unicode(class) = class else { return None };
    let ranges = class.ranges();
    let size: u32 = ranges.iter().map(|r| u32::from(r.end()) - u32::from(r.start()) + 1).sum();
    if size > MOST_CHARACTERS || size == 0 {
        return None;
    }
    Some(ranges.iter().flat_map(|r| r.start()..=r.end()).map(|c| plain(c.encode_utf8(&mut [0; 4]))).collect())
}

fn repeated(Repetition { min, max, sub, .. }: &Repetition) -> Part {
    let part = walk(sub);
    match (min, max, part.exact) {
        (0, Some(1), Some(mut exact)) => {
            exact.push(Literal::default());
            Part::exact(exact)
        }
        (0, ..) => Part::unknown(),
        (1, Some(1), exact) => Part { exact, ..part },
        (_, _, exact) => Part { exact: None, begins: exact.or(part.begins), groups: part.groups },
    }
}

fn sequence(parts: &[Hir]) -> Part {
    let mut groups = Vec::new();
    let mut begins = None;
    let mut run = nothing();
    for part in parts.iter().map(walk) {
        groups.extend(part.groups);
        let ends_here = part.exact.is_none();
        let next = part.exact.or(part.begins).unwrap_or_else(nothing);
        if run.len().saturating_mul(next.len()) <= MOST_CROSSED || run.len() == 1 || next.len() == 1 {
            run = crossed(&run, &next);
        } else {
            let ended = std::mem::replace(&mut run, next);
            groups.extend(group(ended.clone()));
            begins.get_or_insert(ended);
        }
        if ends_here {
            let ended = std::mem::replace(&mut run, nothing());
            groups.extend(group(ended.clone()));
            begins.get_or_insert(ended);
        }
    }
    if begins.is_none() {
        return Part { exact: Some(run), begins, groups };
    }
    groups.extend(group(run));
    Part { exact: None, begins, groups }
}

/// The text that is empty.
fn nothing() -> Vec<Literal> {
    vec![Literal::default()]
}

/// Each of `left` with each of `right` behind it.
fn crossed(left: &[Literal], right: &[Literal]) -> Vec<Literal> {
    let joined = |a: &Literal, b: &Literal| Literal {
        text: format!("{}{}", a.text, b.text),
        left: a.left || (a.text.is_empty() && b.left),
        right: b.right || (b.text.is_empty() && a.right),
    };
    left.iter().flat_map(|a| right.iter().map(move |b| joined(a, b))).collect()
}

fn choice(branches: &[Hir]) -> Part {
    let parts: Vec<Part> = branches.iter().map(walk).collect();
    let first = |part: &Part| part.exact.clone().or_else(|| part.begins.clone());
    let begins: Option<Vec<Vec<Literal>>> = parts.iter().map(first).collect();
    let begins = begins.map(|all| all.concat()).filter(|all| all.len() <= MOST);
    if parts.iter().all(|part| part.exact.is_some()) && begins.is_some() {
        return Part { exact: begins, begins: None, groups: Vec::new() };
    }
    let best: Option<Vec<Vec<Literal>>> = parts.into_iter().map(Part::best).collect();
    let all = best.and_then(|best| group(best.concat()));
    Part { exact: None, begins, groups: all.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::super::machine::Machine;
    use super::needs;

    /// Groups as texts; `|` stands where a word must begin or end.
    fn shown(pattern: &str) -> Vec<String> {
        let (_, hir) = Machine::new(pattern, false).unwrap();
        let edge = |there: bool| if there { "|" } else { "" };
        let groups = needs(&hir).into_iter();
        let texts =
            groups.map(|group| group.into_iter().map(|l| format!("{}{}{}", edge(l.left), l.text, edge(l.right))));
        texts.map(|texts| texts.collect::<Vec<_>>().join("/")).collect()
    }

    #[test]
    fn every_match_holds_one_literal_of_each_group() {
        #[rustfmt::skip]
        let cases: [(&str, &[&str]); 12] = [
            (r"tak(e|ing) (the|our) work elsewhere", &["take our work elsewhere/take the work elsewhere/taking our work elsewhere/taking the work elsewhere"]),
            (r"(?-u:\b)(stop|halt)(?-u:\b).{0,9}(?-u:\b)not?(?-u:\b)", &["|halt|/|stop|", "|no|/|not|"]),
            (r"(very )?late",                        &["late/very late"]),
            (r"(?-u:\b)we (want|need) .*now",        &["|we need /|we want "]),
            (r"\w+ (hours|h)",                       &[]),
            (r"[0-9]+ euros?",                       &[" euro/ euros"]),
            (r"[A-Z]{4,}",                           &[]),
            (r"(?:late|\w+)?ness",                   &["ness"]),
            (r"café au lait",                        &["cafÉ au lait/café au lait"]),
            (r"(?-u:\b)(hugs|xx+)(?-u:\b)",          &["|hugs/|xx"]),
            (r"(\?\?+|!\?|😀|😊)",                    &["!?/??/😀/😊"]),
            (r"i|a|(?-u:\b)u(?-u:\b)",               &[]),
        ];
        for (pattern, expected) in cases {
            assert_eq!(shown(pattern), expected, "{pattern}");
        }
    }
}
