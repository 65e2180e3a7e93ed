//! Reads the keys of one TOML table. Every complaint is kept, none ends the reading.
//! Settings and rule files are both read through here.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::complaint::Complaint;

/// The text of a file, and where its lines begin.
pub(crate) struct Source<'a> {
    name: &'a str,
    starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(name: &'a str, text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(i, _)| i + 1)).collect();
        Self { name, starts }
    }

    pub(crate) fn name(&self) -> &str {
        self.name
    }

    /// Line of a byte, from 1.
    pub(crate) fn line(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte)
    }

    pub(crate) fn complain(
        &self,
        byte: usize,
        rule: Option<&str>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Complaint {
        Complaint {
            file: self.name.to_owned(),
            line: self.line(byte),
            rule: rule.map(str::to_owned),
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed<T> {
    pub(crate) line: usize,
    pub(crate) value: T,
}

/// One table being read.
pub(crate) struct Fields<'s, 't> {
    source: &'s Source<'s>,
    table: &'t DeTable<'t>,
    /// Where the table begins.
    start: usize,
    rule: Option<String>,
    complaints: &'s mut Vec<Complaint>,
}

impl<'s, 't> Fields<'s, 't> {
    pub(crate) fn new(
        source: &'s Source<'s>,
        table: &'t DeTable<'t>,
        start: usize,
        complaints: &'s mut Vec<Complaint>,
    ) -> Self {
        Self { source, table, start, rule: None, complaints }
    }

    /// From here on, complaints name this rule.
    pub(crate) fn named(&mut self, rule: &str) {
        self.rule = Some(rule.to_owned());
    }

    pub(crate) fn line(&self) -> usize {
        self.source.line(self.start)
    }

    /// Line of a key, or of the table where it has none.
    pub(crate) fn line_of(&self, key: &str) -> usize {
        self.get(key).map_or_else(|| self.line(), |v| self.source.line(v.span().start))
    }

    fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(key)
    }

    /// Complains about a key, or about the table where the key is missing.
    pub(crate) fn complain(&mut self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let byte = self.get(key).map_or(self.start, |v| v.span().start);
        self.complain_at(byte, what, remedy);
    }

    fn complain_at(&mut self, byte: usize, what: impl Into<String>, remedy: impl Into<String>) {
        let complaint = self.source.complain(byte, self.rule.as_deref(), what, remedy);
        self.complaints.push(complaint);
    }

    /// Refuses keys that are not in `known`, and names the nearest that is.
    pub(crate) fn only(&mut self, known: &[&str]) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let remedy = match nearest(name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the keys here are {}", known.join(", ")),
                };
                self.complain_at(key.span().start, format!("unknown key `{name}`"), remedy);
            }
        }
    }

    fn wrong_type(&mut self, key: &str, found: &Spanned<DeValue<'_>>, want: &str) {
        let kind = found.get_ref().type_str();
        let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
        let what = format!("`{key}` is {article} {kind}");
        self.complain_at(found.span().start, what, format!("write {want}"));
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        let value = self.get(key)?;
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong_type(key, value, "a text in quotes");
        }
        text
    }

    pub(crate) fn integer(&mut self, key: &str) -> Option<i32> {
        let value = self.get(key)?;
        let number = value.get_ref().as_integer().and_then(|n| n.as_str().parse().ok());
        if number.is_none() {
            self.wrong_type(key, value, "a whole number");
        }
        number
    }

    pub(crate) fn number(&mut self, key: &str) -> Option<f64> {
        let value = self.get(key)?;
        let float = value.get_ref().as_float().and_then(|n| n.as_str().parse().ok());
        let number = float.or_else(|| value.get_ref().as_integer().and_then(|n| n.as_str().parse().ok()));
        if number.is_none() {
            self.wrong_type(key, value, "a number");
        }
        number
    }

    /// A text, or a list of texts.
    pub(crate) fn texts(&mut self, key: &str) -> Vec<Placed<String>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let line = self.source.line(value.span().start);
        if let Some(text) = value.get_ref().as_str() {
            return vec![Placed { line, value: text.to_owned() }];
        }
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of texts");
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in items {
            let line = self.source.line(item.span().start);
            match item.get_ref().as_str() {
                Some(text) => found.push(Placed { line, value: text.to_owned() }),
                None => self.wrong_type(key, item, "a list of texts"),
            }
        }
        found
    }

    pub(crate) fn boolean(&mut self, key: &str) -> Option<bool> {
        let value = self.get(key)?;
        let found = value.get_ref().as_bool();
        if found.is_none() {
            self.wrong_type(key, value, "true or false");
        }
        found
    }

    /// A table below this one, and where it begins.
    pub(crate) fn table(&mut self, key: &str) -> Option<(&'t DeTable<'t>, usize)> {
        let value = self.get(key)?;
        let found = value.get_ref().as_table();
        if found.is_none() {
            self.wrong_type(key, value, "a table");
        }
        found.map(|table| (table, value.span().start))
    }

    /// Reads a table below this one with `read`.
    pub(crate) fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Fields<'_, 't>) -> T) -> Option<T> {
        let (table, start) = self.table(key)?;
        Some(read(&mut Fields::new(self.source, table, start, self.complaints)))
    }

    /// Reads each table of a list of tables with `read`.
    pub(crate) fn each<T>(&mut self, key: &str, mut read: impl FnMut(&mut Fields<'_, 't>) -> Option<T>) -> Vec<T> {
        let mut found = Vec::new();
        for item in self.items(key) {
            match item.get_ref().as_table() {
                Some(table) => {
                    found.extend(read(&mut Fields::new(self.source, table, item.span().start, self.complaints)));
                }
                None => self.wrong_type(key, item, "a table"),
            }
        }
        found
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(crate) fn is_text(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.get_ref().is_str())
    }

    /// Complaints so far, in this file.
    pub(crate) fn complained(&self) -> usize {
        self.complaints.len()
    }

    pub(crate) fn is_empty_list(&self, key: &str) -> bool {
        self.get(key).and_then(|value| value.get_ref().as_array()).is_some_and(|items| items.is_empty())
    }

    /// The keys, in order of the alphabet.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.table.keys().map(|key| key.get_ref().to_string()).collect()
    }

    pub(crate) fn file(&self) -> &str {
        self.source.name()
    }

    /// The items of a list, whatever they are.
    pub(crate) fn items(&mut self, key: &str) -> Vec<&'t Spanned<DeValue<'t>>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        if let Some(items) = value.get_ref().as_array() {
            return items.iter().collect();
        }
        if value.get_ref().is_str() || value.get_ref().is_table() {
            return vec![value];
        }
        self.wrong_type(key, value, "a list");
        Vec::new()
    }

    /// One word of a choice.
    pub(crate) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let word = self.text(key)?;
        self.choose(key, &word, choices)
    }

    /// Several words of a choice.
    pub(crate) fn choices<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Vec<T> {
        let words = self.texts(key);
        words.iter().filter_map(|word| self.choose(key, &word.value, choices)).collect()
    }

    fn choose<T: Copy>(&mut self, key: &str, word: &str, choices: &[(&str, T)]) -> Option<T> {
        let found = choices.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let remedy = match nearest(word, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write one of {}", names.join(", ")),
            };
            self.complain(key, format!("`{word}` is no value of `{key}`"), remedy);
        }
        found
    }
}

/// The word that takes the fewest edits, if few enough to be a slip.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    within(1 + word.chars().count() / 4, word, known)
}

/// The same for addresses, of which many differ little.
pub(crate) fn nearest_address<'a>(address: &str, known: &[&'a str]) -> Option<&'a str> {
    within(2, address, known)
}

fn within<'a>(limit: usize, word: &str, known: &[&'a str]) -> Option<&'a str> {
    let best = known.iter().map(|k| (edits(word, k), *k)).min_by_key(|(n, _)| *n)?;
    (best.0 <= limit).then_some(best.1)
}

/// Levenshtein distance of the first 64 characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, cb) in row.iter_mut().skip(1).zip(&b) {
            let swap = diagonal + usize::from(ca != *cb);
            diagonal = *cell;
            left = swap.min(left + 1).min(*cell + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}
