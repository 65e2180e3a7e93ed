//! One rule file as written: families, rules and their examples, not yet compiled.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::labels::{self, Labels};
use super::{About, Conditional, Negation, Scope, Status};
use crate::config::Complaint;
use crate::config::Kind;
use crate::config::fields::{Fields, Placed, Source};
use crate::judge::Severity;
use crate::read::Direction;

const KINDS: [(&str, Kind); 3] = [("client", Kind::Client), ("vendor", Kind::Vendor), ("partner", Kind::Partner)];
const DIRECTIONS: [(&str, Option<Direction>); 4] = [
    ("inbound", Some(Direction::Inbound)),
    ("outbound", Some(Direction::Outbound)),
    ("internal", Some(Direction::Internal)),
    ("any", None),
];
const SCOPES: [(&str, Scope); 7] = [
    ("subject", Scope::Subject),
    ("new", Scope::New),
    ("quoted", Scope::Quoted),
    ("signature", Scope::Signature),
    ("disclaimer", Scope::Disclaimer),
    ("attachment_name", Scope::AttachmentName),
    ("headers", Scope::Headers),
];
const NEGATIONS: [(&str, Negation); 3] =
    [("suppress", Negation::Suppress), ("ignore", Negation::Ignore), ("invert", Negation::Invert)];
const CONDITIONALS: [(&str, Conditional); 3] =
    [("keep", Conditional::Keep), ("soften", Conditional::Soften), ("suppress", Conditional::Suppress)];
const ABOUTS: [(&str, About); 4] =
    [("us", About::Us), ("them", About::Them), ("third", About::Third), ("any", About::Any)];
const STATUSES: [(&str, Status); 3] = [("live", Status::Live), ("testing", Status::Testing), ("off", Status::Off)];
const SEVERITIES: [(&str, Severity); 4] = [
    ("critical", Severity::Critical),
    ("warning", Severity::Warning),
    ("info", Severity::Info),
    ("none", Severity::None),
];
#[rustfmt::skip]
const RULE_KEYS: [&str; 26] = [
    "id", "signal", "describe", "headline", "advice", "direction", "kind", "scope", "lang", "any",
    "all", "unless", "negation", "conditional", "about", "tone", "urgency", "group", "confidence",
    "max_hits", "severity", "status", "hit", "miss", "meta", "replaces",
];

/// A text that a rule must or must not fire on, and its circumstances.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Example {
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) subject: String,
    /// Local arrival, `2026-03-03T10:00`.
    pub(crate) at: Option<String>,
    pub(crate) direction: Option<Direction>,
    pub(crate) kind: Option<Kind>,
}

/// A rule as written.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) id: String,
    pub(super) signal: Option<Placed<String>>,
    pub(super) describe: Option<String>,
    pub(super) headline: Option<String>,
    pub(super) advice: Option<String>,
    pub(super) directions: Vec<Option<Direction>>,
    pub(super) kinds: Vec<Kind>,
    pub(super) scopes: Vec<Scope>,
    pub(super) lang: Option<String>,
    pub(super) any: Vec<Placed<String>>,
    pub(super) all: Vec<Placed<String>>,
    pub(super) unless: Vec<Placed<String>>,
    pub(super) negation: Negation,
    pub(super) conditional: Conditional,
    pub(super) about: Option<About>,
    pub(super) tone: Placed<i32>,
    pub(super) urgency: Placed<i32>,
    pub(super) group: Option<Placed<String>>,
    pub(super) confidence: f64,
    pub(super) max_hits: usize,
    pub(super) severity: Option<Severity>,
    pub(super) status: Status,
    pub(super) meta: Option<Placed<String>>,
    pub(super) replaces: Vec<Placed<String>>,
    pub(super) hit: Vec<Example>,
    pub(super) miss: Vec<Example>,
}

/// What the files say so far: later files replace what earlier ones named.
#[derive(Default)]
pub(super) struct Drafts {
    pub(super) families: super::pattern::Families,
    pub(super) rules: Vec<Draft>,
    pub(super) labels: Labels,
}

/// Reads one file into `drafts`.
pub(super) fn read(drafts: &mut Drafts, name: &str, text: &str, complaints: &mut Vec<Complaint>) {
    let source = Source::new(name, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let start = error.span().map_or(0, |span| span.start);
        complaints.push(source.complain(start, None, error.message(), "mend the TOML"));
    }
    if !errors.is_empty() {
        return;
    }
    let table = table.get_ref();
    let fields = &mut Fields::new(&source, table, 0, complaints);
    fields.only(&["family", "rule", "tone", "urgency", "group"]);
    let families = fields.items("family");
    let rules = fields.items("rule");
    labels::read(&mut drafts.labels, &source, table, complaints);
    for family in families {
        read_family(drafts, &source, family, complaints);
    }
    let mut here: Vec<String> = Vec::new();
    for item in rules {
        let Some(draft) = read_rule(&source, item, complaints) else {
            continue;
        };
        if here.contains(&draft.id) {
            let what = format!("the id `{}` stands twice in this file", draft.id);
            let remedy = "give one of them another id";
            complaints.push(source.complain(item.span().start, Some(&draft.id), what, remedy));
            continue;
        }
        here.push(draft.id.clone());
        match drafts.rules.iter_mut().find(|earlier| earlier.id == draft.id) {
            Some(earlier) => *earlier = draft,
            None => drafts.rules.push(draft),
        }
    }
}

fn read_family(drafts: &mut Drafts, source: &Source<'_>, item: &Spanned<DeValue<'_>>, complaints: &mut Vec<Complaint>) {
    let Some(table) = table_of(source, item, "family", complaints) else {
        return;
    };
    let mut fields = Fields::new(source, table, item.span().start, complaints);
    fields.only(&["name", "lang", "words"]);
    let Some(name) = fields.text("name") else {
        fields.complain("name", "a family has no name", "add name = \"…\"");
        return;
    };
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(lower) {
        let what = format!("`{name}` cannot be written as {{{name}}} in a pattern");
        fields.complain("name", what, "use lower-case letters, digits, `_` and `-`");
    }
    let words: Vec<String> = fields.texts("words").into_iter().map(|w| w.value).collect();
    if words.is_empty() || words.iter().any(|w| w.trim().is_empty()) {
        let what = format!("the family `{name}` has no words, or an empty one");
        fields.complain("words", what, "list its words");
    }
    drafts.families.insert(name, words);
}

fn table_of<'t>(
    source: &Source<'_>,
    item: &'t Spanned<DeValue<'t>>,
    what: &str,
    complaints: &mut Vec<Complaint>,
) -> Option<&'t DeTable<'t>> {
    let table = item.get_ref().as_table();
    if table.is_none() {
        let remedy = format!("begin it with [[{what}]]");
        let what = format!("`{what}` is no table");
        complaints.push(source.complain(item.span().start, None, what, remedy));
    }
    table
}

fn read_rule(source: &Source<'_>, item: &Spanned<DeValue<'_>>, complaints: &mut Vec<Complaint>) -> Option<Draft> {
    let table = table_of(source, item, "rule", complaints)?;
    let mut fields = Fields::new(source, table, item.span().start, complaints);
    let Some(id) = fields.text("id").filter(|id| !id.trim().is_empty()) else {
        fields.complain("id", "a rule has no id", "add id = \"…\"");
        return None;
    };
    fields.named(&id);
    fields.only(&RULE_KEYS);
    if id.starts_with(|c: char| c.is_ascii_digit()) || id.contains(|c: char| !id_character(c)) {
        let remedy = "use letters, digits, `-` and `_`, beginning with a letter";
        fields.complain("id", "a `meta` cannot name this id", remedy);
    }
    let mut draft = draft(&mut fields, source.name(), id);
    let (hit, miss) = (fields.items("hit"), fields.items("miss"));
    draft.hit = hit.iter().filter_map(|e| example(source, e, &draft.id, complaints)).collect();
    draft.miss = miss.iter().filter_map(|e| example(source, e, &draft.id, complaints)).collect();
    Some(draft)
}

/// All of a rule but its examples.
fn draft(fields: &mut Fields<'_, '_>, file: &str, id: String) -> Draft {
    let placed = |fields: &mut Fields<'_, '_>, key: &str| {
        fields.text(key).map(|value| Placed { line: fields.line_of(key), value })
    };
    let points = |fields: &mut Fields<'_, '_>, key: &str| Placed {
        value: fields.integer(key).unwrap_or(0),
        line: fields.line_of(key),
    };
    Draft {
        file: file.to_owned(),
        line: fields.line(),
        signal: placed(fields, "signal"),
        describe: fields.text("describe").filter(|text| !text.trim().is_empty()),
        headline: fields.text("headline"),
        advice: fields.text("advice"),
        directions: fields.choices("direction", &DIRECTIONS),
        kinds: fields.choices("kind", &KINDS),
        scopes: fields.choices("scope", &SCOPES),
        lang: fields.text("lang"),
        any: fields.texts("any"),
        all: fields.texts("all"),
        unless: fields.texts("unless"),
        negation: fields.choice("negation", &NEGATIONS).unwrap_or_default(),
        conditional: fields.choice("conditional", &CONDITIONALS).unwrap_or_default(),
        about: fields.choice("about", &ABOUTS),
        tone: points(fields, "tone"),
        urgency: points(fields, "urgency"),
        group: placed(fields, "group"),
        confidence: confidence(fields),
        max_hits: max_hits(fields),
        severity: fields.choice("severity", &SEVERITIES),
        status: fields.choice("status", &STATUSES).unwrap_or_default(),
        meta: placed(fields, "meta"),
        replaces: fields.texts("replaces"),
        hit: Vec::new(),
        miss: Vec::new(),
        id,
    }
}

fn id_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn confidence(fields: &mut Fields<'_, '_>) -> f64 {
    let value = fields.number("confidence").unwrap_or(1.0);
    if !(0.0..=1.0).contains(&value) {
        fields.complain("confidence", format!("{value} is no share"), "write a number from 0 to 1");
    }
    value.clamp(0.0, 1.0)
}

fn max_hits(fields: &mut Fields<'_, '_>) -> usize {
    let value = fields.integer("max_hits").unwrap_or(1);
    if !(1..=20).contains(&value) {
        fields.complain("max_hits", format!("{value} hits cannot be"), "write 1 to 20");
    }
    usize::try_from(value.clamp(1, 20)).unwrap_or(1)
}

fn example(
    source: &Source<'_>,
    item: &Spanned<DeValue<'_>>,
    rule: &str,
    complaints: &mut Vec<Complaint>,
) -> Option<Example> {
    let line = source.line(item.span().start);
    let plain = Example { line, text: String::new(), subject: String::new(), at: None, direction: None, kind: None };
    if let Some(text) = item.get_ref().as_str() {
        return Some(Example { text: text.to_owned(), ..plain });
    }
    let Some(table) = item.get_ref().as_table() else {
        let remedy = "write a text, or a table { text, subject, at, direction, kind }";
        let start = item.span().start;
        complaints.push(source.complain(start, Some(rule), "an example is no text", remedy));
        return None;
    };
    let mut fields = Fields::new(source, table, item.span().start, complaints);
    fields.named(rule);
    fields.only(&["text", "subject", "at", "direction", "kind"]);
    let at = fields.text("at");
    if let Some(at) = &at
        && at.parse::<jiff::civil::DateTime>().is_err()
    {
        fields.complain("at", format!("`{at}` is no local time"), "write 2026-03-03T10:00");
    }
    Some(Example {
        text: fields.text("text").unwrap_or_default(),
        subject: fields.text("subject").unwrap_or_default(),
        direction: fields.choice("direction", &DIRECTIONS).flatten(),
        kind: fields.choice("kind", &KINDS),
        at,
        ..plain
    })
}
