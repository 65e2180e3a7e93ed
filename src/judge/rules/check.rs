//! From rules as written to rules that can run: names, weights, patterns, metas.

use std::collections::BTreeMap;

use super::file::{Draft, Drafts};
use super::labels::Labels;
use super::pattern::{self, Families};
use super::{Expr, Pattern, Rule, Scope, Status, meta};
use crate::config::Complaint;
use crate::config::fields::{Placed, nearest};
use crate::judge::signal;

/// Shorter than this, every literal of a rule stands in most mail.
const BROAD: usize = 4;

/// What checking yields.
pub(super) struct Checked {
    pub(super) rules: Vec<Rule>,
    pub(super) metas: Vec<usize>,
    pub(super) labels: Labels,
    pub(super) warnings: Vec<Complaint>,
}

/// Checks and compiles all drafts.
pub(super) fn compile(drafts: Drafts, complaints: &mut Vec<Complaint>) -> Checked {
    let Drafts { families, mut rules, labels } = drafts;
    rules.retain(|draft| draft.status != Status::Off);
    let mut warnings = Vec::new();
    let mut compiled = Vec::new();
    for draft in &rules {
        let mut check = Check { draft, families: &families, labels: &labels, complaints };
        let rule = check.rule();
        warn(draft, &rule, &mut warnings);
        compiled.push(rule);
    }
    let metas = order_metas(&rules, &compiled, complaints);
    Checked { rules: compiled, metas, labels, warnings }
}

struct Check<'a> {
    draft: &'a Draft,
    families: &'a Families,
    labels: &'a Labels,
    complaints: &'a mut Vec<Complaint>,
}

impl Check<'_> {
    fn rule(&mut self) -> Rule {
        let draft = self.draft;
        self.words();
        self.weights();
        let scopes = if draft.scopes.is_empty() { vec![Scope::Subject, Scope::New] } else { draft.scopes.clone() };
        let any_direction = draft.directions.iter().any(Option::is_none);
        let directions = draft.directions.iter().copied().flatten();
        Rule {
            id: draft.id.clone(),
            file: draft.file.clone(),
            signal: draft.signal.as_ref().map(|s| s.value.clone()),
            describe: draft.describe.clone().unwrap_or_default(),
            headline: draft.headline.clone(),
            advice: draft.advice.clone(),
            directions: if any_direction { Vec::new() } else { directions.collect() },
            kinds: draft.kinds.clone(),
            scopes,
            lang: draft.lang.clone(),
            any: self.patterns(&draft.any),
            all: self.patterns(&draft.all),
            unless: self.patterns(&draft.unless),
            negation: draft.negation,
            conditional: draft.conditional,
            about: draft.about,
            tone: draft.tone.value,
            urgency: draft.urgency.value,
            group: draft.group.as_ref().map(|g| g.value.clone()),
            confidence: draft.confidence,
            max_hits: draft.max_hits,
            severity: draft.severity,
            status: draft.status,
            meta: self.meta(),
            replaces: draft.replaces.iter().map(|r| r.value.clone()).collect(),
            hit: draft.hit.clone(),
            miss: draft.miss.clone(),
        }
    }

    fn complain(&mut self, line: usize, what: impl Into<String>, remedy: impl Into<String>) {
        self.complaints.push(complaint(self.draft, line, what, remedy));
    }

    fn words(&mut self) {
        let line = self.draft.line;
        if self.draft.describe.is_none() {
            self.complain(line, "it has no `describe`", "say in a sentence what it finds");
        }
        if self.draft.hit.is_empty() {
            self.complain(line, "it has no `hit`", "add a text it must fire on");
        }
        if self.draft.miss.is_empty() {
            self.complain(line, "it has no `miss`", "add a text it must not fire on");
        }
        let matches = !self.draft.any.is_empty() || !self.draft.all.is_empty();
        match (matches, self.draft.meta.is_some()) {
            (false, false) => {
                self.complain(line, "it can never fire", "add `any`, `all` or `meta`");
            }
            (true, true) => {
                let remedy = "put the patterns into a rule of their own and name it in `meta`";
                self.complain(line, "it has both patterns and a `meta`", remedy);
            }
            _ => {}
        }
        if let Some(Placed { line, value }) = self.draft.signal.clone()
            && !signal::may_be_raised(&value)
        {
            let names: Vec<&str> = signal::names().collect();
            let remedy = match nearest(&value, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "use a name of the table of signals, or leave `signal` out".to_owned(),
            };
            self.complain(line, format!("`{value}` is no signal of a message"), remedy);
        }
    }

    fn weights(&mut self) {
        let (tone, urgency) = (self.draft.tone.clone(), self.draft.urgency.clone());
        let Some(Placed { line, value: name }) = self.draft.group.clone() else {
            for (points, key) in [(tone, "tone"), (urgency, "urgency")] {
                if points.value.abs() > 100 {
                    let what = format!("`{key}` is {}, more than 100", points.value);
                    self.complain(points.line, what, "write −100 to 100");
                }
            }
            return;
        };
        let Some(cap) = self.labels.groups.get(&name).copied() else {
            let names: Vec<&str> = self.labels.groups.keys().map(String::as_str).collect();
            let remedy = match nearest(&name, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add [group.{name}] to labels.toml"),
            };
            self.complain(line, format!("the group `{name}` is unknown"), remedy);
            return;
        };
        for (points, most, key) in [(tone, cap.tone, "tone"), (urgency, cap.urgency, "urgency")] {
            if points.value.abs() > most {
                let what = format!("`{key}` is {}, more than the {most} that its group `{name}` may add", points.value);
                self.complain(points.line, what, "lower it, or raise the cap of the group");
            }
        }
    }

    fn patterns(&mut self, written: &[Placed<String>]) -> Vec<Pattern> {
        let mut found = Vec::with_capacity(written.len());
        for Placed { line, value } in written {
            match pattern::compile(value, self.families) {
                Ok(pattern) => found.push(pattern),
                Err((what, remedy)) => self.complain(*line, what, remedy),
            }
        }
        found
    }

    fn meta(&mut self) -> Option<Expr> {
        let Placed { line, value } = self.draft.meta.as_ref()?;
        match meta::parse(value) {
            Ok(expr) => Some(expr),
            Err(why) => {
                let remedy = "use names, numbers, and or not + >= > == ( )";
                self.complain(*line, format!("its `meta` cannot be read: {why}"), remedy);
                None
            }
        }
    }
}

fn complaint(draft: &Draft, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Complaint {
    Complaint { file: draft.file.clone(), line, rule: Some(draft.id.clone()), what: what.into(), remedy: remedy.into() }
}

fn warn(draft: &Draft, rule: &Rule, warnings: &mut Vec<Complaint>) {
    for (written, pattern) in draft.any.iter().zip(&rule.any) {
        let (what, remedy) = match pattern.shortest_word() {
            None => ("needs no particular word, so it runs on every sentence", "name a word"),
            Some(length) if length < BROAD && pattern.written_bytes() < 24 => {
                ("is very short, so it may fire on much ordinary mail", "ask for more words")
            }
            Some(_) => continue,
        };
        let what = format!("the pattern '{}' {what}", written.value);
        warnings.push(complaint(draft, written.line, what, remedy));
    }
}

/// Orders metas so that each stands after those it names; complains of unknown names and cycles.
fn order_metas(drafts: &[Draft], rules: &[Rule], complaints: &mut Vec<Complaint>) -> Vec<usize> {
    let by_id: BTreeMap<String, usize> = rules.iter().enumerate().map(|(i, r)| (r.id.clone(), i)).collect();
    let mut waiting: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, (draft, rule)) in drafts.iter().zip(rules).enumerate() {
        let line = draft.meta.as_ref().map_or(draft.line, |m| m.line);
        let replaced = draft.replaces.iter().map(|r| (r.line, r.value.as_str()));
        let mut names: Vec<(usize, &str)> = replaced.collect();
        let Some(expr) = &rule.meta else {
            unknown_names(draft, &names, &by_id, complaints);
            continue;
        };
        expr.names(&mut |name| names.push((line, name)));
        unknown_names(draft, &names, &by_id, complaints);
        waiting.insert(index, needs(expr, rules, &by_id));
    }
    let mut order = Vec::with_capacity(waiting.len());
    loop {
        let free = |needs: &Vec<usize>| needs.iter().all(|n| !waiting.contains_key(n));
        let ready: Vec<usize> = waiting.iter().filter(|(_, needs)| free(needs)).map(|(i, _)| *i).collect();
        if ready.is_empty() {
            break;
        }
        for index in ready {
            waiting.remove(&index);
            order.push(index);
        }
    }
    for draft in waiting.keys().filter_map(|index| drafts.get(*index)) {
        let line = draft.meta.as_ref().map_or(draft.line, |m| m.line);
        let remedy = "let no meta lead back to itself";
        complaints.push(complaint(draft, line, "its `meta` forms a cycle", remedy));
    }
    order
}

fn unknown_names(
    draft: &Draft,
    names: &[(usize, &str)],
    by_id: &BTreeMap<String, usize>,
    complaints: &mut Vec<Complaint>,
) {
    for (line, name) in names {
        if by_id.contains_key(*name) || signal::may_be_raised(name) {
            continue;
        }
        let mut known: Vec<&str> = by_id.keys().map(String::as_str).collect();
        for name in signal::names() {
            known.push(name);
        }
        let remedy = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "name a rule or a signal".to_owned(),
        };
        let what = format!("its `meta` names `{name}`, which is no rule and no signal");
        complaints.push(complaint(draft, *line, what, remedy));
    }
}

/// The rules that must be known before `expr` is: those it names, and metas that raise a signal it names.
fn needs(expr: &Expr, rules: &[Rule], by_id: &BTreeMap<String, usize>) -> Vec<usize> {
    let mut found = Vec::new();
    expr.names(&mut |name| {
        found.extend(by_id.get(name).copied());
        let raising =
            rules.iter().enumerate().filter(|(_, rule)| rule.meta.is_some() && rule.signal.as_deref() == Some(name));
        found.extend(raising.map(|(index, _)| index));
    });
    found
}
