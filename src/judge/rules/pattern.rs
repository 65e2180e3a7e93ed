//! From a pattern as written to a regular expression that runs in linear time,
//! and what must stand in a text for it to match.

use std::collections::BTreeMap;

use regex_syntax::ast::ErrorKind;

use crate::judge::machine::{Fault, Machine};
use crate::judge::needs::{self, Needs};
use crate::judge::text::Lowered;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(in crate::judge) machine: Machine,
    /// What must stand in a sentence for it to match.
    pub(in crate::judge) needs: Needs,
}

impl Pattern {
    /// The length of the shortest word that may stand for all of it; none where it needs no word.
    pub(crate) fn shortest_word(&self) -> Option<usize> {
        self.needs.first()?.iter().map(|literal| literal.text.len()).min()
    }

    /// How long it is, families written out.
    pub(crate) fn written_bytes(&self) -> usize {
        self.machine.written().len()
    }
}

/// Families by name, their words as written.
pub(crate) type Families = BTreeMap<String, Vec<String>>;

/// Compiles a pattern; the error is what is wrong and what to do.
pub(crate) fn compile(written: &str, families: &Families) -> Result<Pattern, (String, String)> {
    if written.trim().is_empty() {
        return Err(refusal(written, "is empty", "write what it should match, or remove it"));
    }
    let expanded = expand(written, families)?;
    let (machine, hir) = Machine::new(&expanded, false).map_err(|fault| match fault {
        Fault::Syntax(error) => explain(written, &error),
        Fault::TooBig => {
            let remedy = "lower its counted repetitions (a compiled pattern may take 10 MiB)";
            refusal(written, "is too big", remedy)
        }
    })?;
    let shortest = hir.properties().minimum_len();
    let is_everything = || ["x", "0", " "].iter().any(|text| machine.is_match(Lowered::new(text).line()));
    if shortest == Some(0) || (shortest == Some(1) && is_everything()) {
        return Err(refusal(written, "matches everything", "make it ask for a word"));
    }
    Ok(Pattern { needs: needs::needs(&hir), machine })
}

fn refusal(written: &str, what: &str, remedy: &str) -> (String, String) {
    (format!("the pattern '{written}' {what}"), remedy.to_owned())
}

fn explain(written: &str, error: &regex_syntax::Error) -> (String, String) {
    let kind = match error {
        regex_syntax::Error::Parse(e) => Some(e.kind()),
        _ => None,
    };
    match kind {
        Some(ErrorKind::UnsupportedLookAround) => refusal(
            written,
            "looks around (`(?=`, `(?!`, `(?<`), which no linear-time engine can do",
            "match the neighbouring words too, or use `unless`",
        ),
        Some(ErrorKind::UnsupportedBackreference) => {
            refusal(written, "refers back (`\\1`), which no linear-time engine can do", "write the repeated words out")
        }
        Some(other) => refusal(written, &format!("is wrong: {other}"), "mend its syntax"),
        None => refusal(written, "cannot be read", "mend its syntax"),
    }
}

/// What may stand in braces after `\b` and is no family.
const EDGES: [&str; 4] = ["start}", "end}", "start-half}", "end-half}"];

/// Puts the words of families in place of `{name}`, and a word boundary that
/// keeps the engine fast on non-ASCII text in place of `\b`.
fn expand(written: &str, families: &Families) -> Result<String, (String, String)> {
    let mut out = String::with_capacity(written.len() * 2);
    let mut rest = written;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let after = rest.split_at_checked(c.len_utf8()).map_or("", |(_, after)| after);
        rest = after;
        match c {
            '\\' => {
                let escaped = after.chars().next();
                rest = escaped.map_or("", |e| after.get(e.len_utf8()..).unwrap_or(""));
                let special =
                    rest.strip_prefix('{').is_some_and(|after| EDGES.iter().any(|edge| after.starts_with(edge)));
                let boundary = escaped == Some('b') && !in_class && !special;
                out.push_str(if boundary { r"(?-u:\b)" } else { "\\" });
                if !boundary && let Some(e) = escaped {
                    out.push(e);
                }
                let takes_braces = special || matches!(escaped, Some('p' | 'P' | 'x' | 'u'));
                if takes_braces && rest.starts_with('{') {
                    out.push('{');
                    rest = rest.strip_prefix('{').unwrap_or(rest);
                }
            }
            '{' => match family_name(after) {
                Some((name, tail)) => {
                    out.push_str(&words_of(written, name, families)?);
                    rest = tail;
                }
                None => out.push('{'),
            },
            '\u{2019}' | '\u{2018}' => out.push('\''),
            other => {
                in_class = other == '[' || (in_class && other != ']');
                out.push(other);
            }
        }
    }
    Ok(out)
}

fn family_name(after: &str) -> Option<(&str, &str)> {
    let (name, tail) = after.split_once('}')?;
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
    (starts && plain).then_some((name, tail))
}

fn words_of(written: &str, name: &str, families: &Families) -> Result<String, (String, String)> {
    let Some(words) = families.get(name) else {
        let what = format!("the pattern '{written}' names the family `{name}`, which is unknown");
        let known: Vec<&str> = families.keys().map(String::as_str).collect();
        let remedy = match crate::config::fields::nearest(name, &known) {
            Some(near) => format!("did you mean `{{{near}}}`?"),
            None => "add a [[family]] of that name".to_owned(),
        };
        return Err((what, remedy));
    };
    let escaped: Vec<String> = words.iter().map(|w| regex::escape(&w.replace('\u{2019}', "'"))).collect();
    Ok(format!("(?:{})", escaped.join("|")))
}

#[cfg(test)]
mod tests {
    use super::{Families, Lowered, compile};

    fn families() -> Families {
        Families::from([("work".to_owned(), vec!["project".to_owned(), "the job".to_owned()])])
    }

    #[test]
    fn a_family_is_taken_literally() {
        let pattern = compile(r"\bend (of )?{work}\b", &families()).unwrap();
        assert!(pattern.machine.is_match(Lowered::new("the END of the job now").line()));
        assert_eq!(pattern.shortest_word(), Some("end project".len()));
        assert!(compile(r"\b{work}\b", &families()).unwrap().machine.is_match(Lowered::new("—project").line()));
        assert!(compile(r"\b{start}late\b{end}", &families()).unwrap().machine.is_match(Lowered::new("late").line()));
    }

    #[test]
    fn braces_that_are_no_family_stay() {
        let pattern = compile(r"\p{Lu}\p{Lu}{3,} \x{41}bc", &families()).unwrap();
        assert!(pattern.machine.is_match(Lowered::new("WHERE Abc").line()));
    }

    #[test]
    fn what_no_linear_engine_can_do_is_explained() {
        #[rustfmt::skip]
        let cases = [
            (r"cancel(?! the call)", "looks around"),
            (r"(\w+) and \1",        "refers back"),
            (r"",                    "is empty"),
            (r".*",                  "matches everything"),
            (r"\w+",                 "matches everything"),
            (r"{worc} is late",      "unknown"),
            (r"((x{1000}){1000}){9}", "is too big"),
            (r"(open",               "is wrong"),
        ];
        for (pattern, complaint) in cases {
            let (what, _) = compile(pattern, &families()).unwrap_err();
            assert!(what.contains(complaint), "{pattern}: {what}");
        }
    }
}
