//! The files that a settings file names, and those it includes.

use std::fs;
use std::path::Path;

use super::fields::Placed;
use super::{Complaint, Written};

/// Largest settings file, in bytes.
const LARGEST: u64 = 8 << 20;

pub(super) fn text_of(path: &Path) -> Result<String, Complaint> {
    let complain = |what: String, remedy: &str| Complaint {
        file: path.display().to_string(),
        line: 0,
        rule: None,
        what,
        remedy: remedy.to_owned(),
    };
    let size = fs::metadata(path).map_or(0, |m| m.len());
    if size > LARGEST {
        return Err(complain(
            "this file is too large for settings".to_owned(),
            "name the settings file with --config FILE",
        ));
    }
    let bytes = fs::read(path).map_err(|error| {
        complain(
            format!("cannot read the settings ({error})"),
            "name another file with --config FILE, or write this one: deploy/barometer.example.toml is a start",
        )
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.split(|b| *b == b'\n').count();
        Complaint { line, ..complain("the text is not UTF-8".to_owned(), "save it as UTF-8") }
    })
}

/// The files that match the patterns, each pattern's in order of name. A `*`
/// stands for any characters of a file name.
pub(super) fn files(main: &Path, patterns: &[Placed<String>], complaints: &mut Vec<Complaint>) -> Vec<Written> {
    let folder = main.parent().unwrap_or(Path::new(""));
    let mut files: Vec<Written> = Vec::new();
    for pattern in patterns {
        let found = matching(&folder.join(&pattern.value)).unwrap_or_else(|what| {
            complaints.push(Complaint {
                file: main.display().to_string(),
                line: pattern.line,
                rule: None,
                what,
                remedy: "mend `include`".to_owned(),
            });
            Vec::new()
        });
        for path in found {
            let name = path.display().to_string();
            match text_of(&path) {
                _ if files.iter().any(|f| f.name == name) => {}
                Ok(text) => files.push(Written { name, text }),
                Err(complaint) => complaints.push(complaint),
            }
        }
    }
    files
}

fn matching(pattern: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let name = pattern.file_name().map_or(String::new(), |n| n.to_string_lossy().into_owned());
    let folder = pattern.parent().unwrap_or(Path::new(""));
    if !name.contains('*') {
        let there = pattern.is_file();
        return if there { Ok(vec![pattern.to_owned()]) } else { Err(format!("{} is no file", pattern.display())) };
    }
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries =
        fs::read_dir(here).map_err(|error| format!("cannot read the folder {} ({error})", folder.display()))?;
    let mut found: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| folder.join(entry.file_name()))
        .filter(|path| path.is_file() && path.file_name().is_some_and(|n| fits(&n.to_string_lossy(), &name)))
        .collect();
    found.sort();
    if found.is_empty() { Err(format!("no file is called {}", pattern.display())) } else { Ok(found) }
}

/// Whether a name fits a pattern with any number of `*`.
fn fits(name: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_characters() {
        #[rustfmt::skip]
        let cases = [
            ("acme.toml", "*.toml", true), ("acme.toml", "*", true), ("acme.toml", "a*e.t*l", true), ("acme.toml", "acme.toml", true),
            ("acme.toml.bak", "*.toml", false), ("acme.toml", "b*", false), ("a", "a*a", false), ("", "*", true),
        ];
        for (name, pattern, expected) in cases {
            assert_eq!(fits(name, pattern), expected, "{name} {pattern}");
        }
    }
}
