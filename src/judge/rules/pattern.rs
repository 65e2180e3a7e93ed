//! From a pattern as written to a regular expression that runs in linear time,
//! and the literals without which it cannot match.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use regex_syntax::ast::ErrorKind;
use regex_syntax::hir::{Hir, HirKind};

/// Memory that one compiled pattern may take, in bytes.
const SIZE_LIMIT: usize = 10 << 20;
/// More alternatives than this are not worth telling apart.
const MOST_LITERALS: usize = 400;
/// Shorter literals stand in every text.
const SHORTEST: usize = 3;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    /// Lower-case texts of which at least one stands in every match; empty: none is known.
    pub(crate) literals: Vec<String>,
}

/// Families by name, their words as written.
pub(crate) type Families = BTreeMap<String, Vec<String>>;

/// Compiles a pattern; the error is what is wrong and what to do.
pub(crate) fn compile(written: &str, families: &Families) -> Result<Pattern, (String, String)> {
    if written.trim().is_empty() {
        return Err(refusal(written, "is empty", "write what it should match, or remove it"));
    }
    let expanded = expand(written, families)?;
    let hir = regex_syntax::Parser::new().parse(&expanded).map_err(|e| explain(written, &e))?;
    let regex = RegexBuilder::new(&expanded).case_insensitive(true).size_limit(SIZE_LIMIT).build().map_err(|_| {
        let remedy = "lower its counted repetitions (a compiled pattern may take 10 MiB)";
        refusal(written, "is too big", remedy)
    })?;
    if hir.properties().minimum_len() == Some(0) || ["x", "0", " "].iter().any(|t| regex.is_match(t)) {
        return Err(refusal(written, "matches everything", "make it ask for a word"));
    }
    Ok(Pattern { regex, literals: literals(&hir) })
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
                let boundary = escaped == Some('b') && !in_class && !rest.starts_with('{');
                out.push_str(if boundary { r"(?-u:\b)" } else { "\\" });
                if !boundary && let Some(e) = escaped {
                    out.push(e);
                }
                if matches!(escaped, Some('p' | 'P' | 'x' | 'u')) && rest.starts_with('{') {
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

/// The literals of which at least one stands in every match of `hir`; empty where none is known.
fn literals(hir: &Hir) -> Vec<String> {
    let mut found = required(hir).unwrap_or_default();
    found.sort_unstable();
    found.dedup();
    found
}

/// Depth is bounded by the parser's own nest limit.
fn required(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            let run = text.split(|c: char| !c.is_ascii()).max_by_key(|run| run.len())?;
            (run.trim().len() >= SHORTEST).then(|| vec![run.to_ascii_lowercase()])
        }
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(required).max_by_key(|set| worth(set)),
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.extend(required(branch)?);
            }
            (all.len() <= MOST_LITERALS).then_some(all)
        }
        _ => None,
    }
}

/// A set is as good as its shortest literal; of equals, the smaller.
fn worth(set: &[String]) -> (usize, usize) {
    let shortest = set.iter().map(String::len).min().unwrap_or(0).min(6);
    (shortest, usize::MAX - set.len())
}

#[cfg(test)]
mod tests {
    use super::{Families, compile};

    fn families() -> Families {
        Families::from([("work".to_owned(), vec!["project".to_owned(), "the job".to_owned()])])
    }

    #[test]
    fn a_family_is_taken_literally() {
        let pattern = compile(r"\bend (of )?{work}\b", &families()).unwrap();
        assert!(pattern.regex.is_match("the END of the job now"));
        assert_eq!(pattern.literals, ["project", "the job"]);
    }

    #[test]
    fn braces_that_are_no_family_stay() {
        let pattern = compile(r"\p{Lu}\p{Lu}{3,} \x{41}bc", &families()).unwrap();
        assert!(pattern.regex.is_match("WHERE Abc"));
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

    #[test]
    fn a_literal_is_found_where_one_is_required() {
        #[rustfmt::skip]
        let cases: [(&str, &[&str]); 5] = [
            (r"tak(e|ing) (the|our) work elsewhere", &[" work elsewhere"]),
            (r"\b(stop|halt)\b.{0,9}\bno\b",          &["halt", "stop"]),
            (r"(very )?late",                         &["late"]),
            (r"\d+ (hours|h)",                        &[]),
            (r"[A-Z]{4,}",                            &[]),
        ];
        for (pattern, expected) in cases {
            assert_eq!(compile(pattern, &families()).unwrap().literals, expected, "{pattern}");
        }
    }
}
