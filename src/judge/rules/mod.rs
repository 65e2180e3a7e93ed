//! Rule files: loaded, checked and compiled, or refused with every complaint.
//!
//! A [`Rules`] is always usable: its patterns compile, its metas end, its names
//! are known. That its examples hold is proved by [`Rules::prove`].

mod check;
mod file;
mod labels;
mod meta;
mod pattern;
mod prove;
mod shipped;

use std::collections::BTreeMap;

pub use labels::{Cap, Labels};
pub use shipped::shipped;

pub(crate) use file::Example;
pub(crate) use meta::Expr;
pub(crate) use pattern::Pattern;

use super::prefilter::Prefilter;
use super::verdict::Severity;
use crate::config::Kind;
pub use crate::config::{Complaint, Complaints};
use crate::filing::content_hash;
use crate::read::Direction;

/// A rule file: its name for complaints, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// Name, as complaints show it.
    pub name: String,
    /// TOML.
    pub text: String,
}

/// The part of a message that a pattern reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Subject,
    New,
    Quoted,
    Signature,
    Disclaimer,
    AttachmentName,
    Headers,
}

impl Scope {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::New => "new",
            Self::Quoted => "quoted",
            Self::Signature => "signature",
            Self::Disclaimer => "disclaimer",
            Self::AttachmentName => "attachment_name",
            Self::Headers => "headers",
        }
    }
}

/// What a negation over a match does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Negation {
    #[default]
    Suppress,
    Ignore,
    Invert,
}

/// What a condition over a match does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Conditional {
    #[default]
    Keep,
    Soften,
    Suppress,
}

/// Whom a clause must speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Us,
    Them,
    Third,
    Any,
}

/// Whether a rule counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It counts.
    #[default]
    Live,
    /// It is counted and shown, and never alerts.
    Testing,
    /// It is removed.
    Off,
}

/// A rule, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) file: String,
    pub(crate) signal: Option<String>,
    pub(crate) describe: String,
    pub(crate) headline: Option<String>,
    pub(crate) advice: Option<String>,
    /// Empty: any.
    pub(crate) directions: Vec<Direction>,
    /// Empty: any.
    pub(crate) kinds: Vec<Kind>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) lang: Option<String>,
    pub(crate) any: Vec<Pattern>,
    pub(crate) all: Vec<Pattern>,
    pub(crate) unless: Vec<Pattern>,
    pub(crate) negation: Negation,
    pub(crate) conditional: Conditional,
    pub(crate) about: Option<About>,
    pub(crate) tone: i32,
    pub(crate) urgency: i32,
    pub(crate) group: Option<String>,
    pub(crate) confidence: f64,
    pub(crate) max_hits: usize,
    pub(crate) severity: Option<Severity>,
    pub(crate) status: Status,
    pub(crate) meta: Option<Expr>,
    pub(crate) replaces: Vec<String>,
    pub(crate) hit: Vec<Example>,
    pub(crate) miss: Vec<Example>,
}

/// A rule, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RuleInfo<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it is evidence of, if of anything.
    pub signal: Option<&'a str>,
    /// What it finds.
    pub describe: &'a str,
    /// Whether it counts.
    pub status: Status,
    /// The file it stands in.
    pub file: &'a str,
    /// How many examples prove it.
    pub examples: usize,
}

/// A checked set of rules.
#[derive(Debug, Clone)]
pub struct Rules {
    all: Vec<Rule>,
    by_id: BTreeMap<String, usize>,
    /// Indices of rules with a meta, each after those it names.
    metas: Vec<usize>,
    labels: Labels,
    /// Over the patterns of `any`, then `all`, of each rule in order.
    prefilter: Prefilter,
    /// The number of the first pattern of each rule.
    firsts: Vec<u32>,
    warnings: Vec<Complaint>,
    revision: String,
}

impl Rules {
    /// Loads rule files in order: a rule or family of a later file replaces its
    /// namesake, and `status = "off"` removes it.
    ///
    /// # Errors
    ///
    /// Every complaint about every file at once.
    pub fn load(files: &[RuleFile]) -> Result<Self, Complaints> {
        let mut complaints = Vec::new();
        let mut drafts = file::Drafts::default();
        for file in files {
            file::read(&mut drafts, &file.name, &file.text, &mut complaints);
        }
        let checked = check::compile(drafts, &mut complaints);
        if !complaints.is_empty() {
            return Err(Complaints(complaints));
        }
        let patterns = || checked.rules.iter().flat_map(|rule| rule.any.iter().chain(&rule.all));
        let prefilter = Prefilter::new(patterns().map(|pattern| &pattern.needs)).map_err(|what| {
            Complaints(vec![Complaint {
                file: "rules".to_owned(),
                line: 1,
                rule: None,
                what,
                remedy: "load fewer rules".to_owned(),
            }])
        })?;
        let mut next = 0;
        let firsts = checked.rules.iter().map(|rule| {
            let first = next;
            next += u32::try_from(rule.any.len() + rule.all.len()).unwrap_or(u32::MAX);
            first
        });
        let firsts = firsts.collect();
        let by_id = checked.rules.iter().enumerate().map(|(i, r)| (r.id.clone(), i)).collect();
        let warnings = checked.warnings;
        Ok(Self {
            all: checked.rules,
            by_id,
            metas: checked.metas,
            labels: checked.labels,
            prefilter,
            firsts,
            warnings,
            revision: revision(files),
        })
    }

    /// The rules that ship with Barometer.
    ///
    /// # Errors
    ///
    /// As [`Rules::load`]; a test keeps the shipped files whole.
    pub fn load_shipped() -> Result<Self, Complaints> {
        Self::load(&shipped())
    }

    /// Tries each rule on its own examples, with all rules loaded.
    #[must_use]
    pub fn prove(&self) -> Vec<Complaint> {
        prove::prove(self)
    }

    /// What is allowed but unwise: rules that always run, or are very broad.
    #[must_use]
    pub fn warnings(&self) -> &[Complaint] {
        &self.warnings
    }

    /// All rules, in order of loading.
    pub fn list(&self) -> impl Iterator<Item = RuleInfo<'_>> {
        self.all.iter().map(|rule| RuleInfo {
            id: &rule.id,
            signal: rule.signal.as_deref(),
            describe: &rule.describe,
            status: rule.status,
            file: &rule.file,
            examples: rule.hit.len() + rule.miss.len(),
        })
    }

    /// Whether a rule was written for this signal.
    #[must_use]
    pub fn raises(&self, id: &str, signal: &str) -> bool {
        self.rule(id).is_some_and(|rule| rule.signal.as_deref() == Some(signal))
    }

    /// The words that an alert's subject uses for a rule.
    #[must_use]
    pub fn headline(&self, id: &str) -> Option<&str> {
        self.rule(id)?.headline.as_deref()
    }

    /// A line of advice for who reads the alert.
    #[must_use]
    pub fn advice(&self, id: &str) -> Option<&str> {
        self.rule(id)?.advice.as_deref()
    }

    /// Advice on a signal that no rule of ours saw: that of its first rule which has some.
    #[must_use]
    pub fn advice_on(&self, signal: &str) -> Option<&str> {
        self.all.iter().filter(|rule| rule.signal.as_deref() == Some(signal)).find_map(|rule| rule.advice.as_deref())
    }

    /// Whether a rule is none of those that ship with Barometer: added by the firm, or put in the place of one.
    pub(in crate::judge) fn is_own(&self, id: &str) -> bool {
        self.rule(id).is_some_and(|rule| !shipped::has_file(&rule.file))
    }

    /// What a rule finds, in a sentence.
    #[must_use]
    pub fn describe(&self, id: &str) -> Option<&str> {
        Some(&self.rule(id)?.describe)
    }

    /// Changes with every change of any rule file: 16 hexadecimal digits.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Thresholds and caps.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    pub(crate) fn rule(&self, id: &str) -> Option<&Rule> {
        self.all.get(*self.by_id.get(id)?)
    }

    pub(crate) fn all(&self) -> &[Rule] {
        &self.all
    }

    pub(crate) fn metas(&self) -> impl Iterator<Item = &Rule> {
        self.metas.iter().filter_map(|index| self.all.get(*index))
    }

    pub(in crate::judge) fn prefilter(&self) -> &Prefilter {
        &self.prefilter
    }

    /// The rule that a pattern of the prefilter belongs to: its index, and the number of its first pattern.
    pub(in crate::judge) fn rule_of(&self, pattern: u32) -> Option<(usize, u32)> {
        let index = self.firsts.partition_point(|first| *first <= pattern).checked_sub(1)?;
        Some((index, *self.firsts.get(index)?))
    }

    /// Whether any rule reads a part of a message.
    pub(in crate::judge) fn reads(&self, scope: Scope) -> bool {
        self.all.iter().any(|rule| rule.scopes.contains(&scope))
    }
}

/// The first 64 bits of a hash of every text, in order.
fn revision(files: &[RuleFile]) -> String {
    let texts: Vec<&str> = files.iter().map(|file| file.text.as_str()).collect();
    content_hash(texts.join("\0").as_bytes()).chars().take(16).collect()
}
