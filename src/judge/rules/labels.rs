//! Where a label begins, and how much a group of rules may add: `rules/labels.toml`.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::Complaint;
use crate::config::fields::{Fields, Source};

/// The most that the rules of a group add together, in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// Points of tone.
    pub tone: i32,
    /// Points of urgency.
    pub urgency: i32,
}

impl Default for Cap {
    fn default() -> Self {
        Self { tone: 100, urgency: 100 }
    }
}

/// Thresholds of the labels and caps of the groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// Negative points from which a tone is hostile.
    pub hostile: i32,
    /// Negative points from which it is frustrated.
    pub frustrated: i32,
    /// Negative points from which it is concerned.
    pub concerned: i32,
    /// Positive points from which it is positive.
    pub positive: i32,
    /// Positive points from which it is grateful.
    pub grateful: i32,
    /// So many times the negative points make a merely worried message positive.
    pub outweigh: f64,
    /// Urgency of a message that says nothing about it.
    pub base: i32,
    /// Added where the message asks for nothing.
    pub no_ask: i32,
    /// Added where it is pleased and asks for nothing.
    pub only_thanks: i32,
    /// Added where something is wanted before the next working morning.
    pub short_notice: i32,
    /// Added where the time wanted is less than two hours away.
    pub within_hours: i32,
    /// Points from which urgency is normal.
    pub normal: i32,
    /// Points from which urgency is high.
    pub high: i32,
    /// Points from which urgency is critical.
    pub critical: i32,
    /// Caps by group.
    pub groups: BTreeMap<String, Cap>,
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            hostile: 60,
            frustrated: 25,
            concerned: 10,
            positive: 10,
            grateful: 25,
            outweigh: 3.0,
            base: 30,
            no_ask: -10,
            only_thanks: -20,
            short_notice: 25,
            within_hours: 10,
            normal: 15,
            high: 50,
            critical: 80,
            groups: BTreeMap::new(),
        }
    }
}

/// Reads `[tone]`, `[urgency]` and `[group.*]` of one file into `labels`.
pub(super) fn read(labels: &mut Labels, source: &Source<'_>, table: &DeTable<'_>, complaints: &mut Vec<Complaint>) {
    if let Some((start, tone)) = section(table, "tone", source, complaints) {
        let fields = &mut Fields::new(source, tone, start, complaints);
        fields.only(&["hostile", "frustrated", "concerned", "positive", "grateful", "outweigh"]);
        set(&mut labels.hostile, fields.integer("hostile").map(i32::saturating_abs));
        set(&mut labels.frustrated, fields.integer("frustrated").map(i32::saturating_abs));
        set(&mut labels.concerned, fields.integer("concerned").map(i32::saturating_abs));
        set(&mut labels.positive, fields.integer("positive"));
        set(&mut labels.grateful, fields.integer("grateful"));
        set(&mut labels.outweigh, fields.number("outweigh"));
    }
    if let Some((start, urgency)) = section(table, "urgency", source, complaints) {
        let fields = &mut Fields::new(source, urgency, start, complaints);
        let known = ["base", "no_ask", "only_thanks", "short_notice", "within_hours"];
        fields.only(&[&known[..], &["normal", "high", "critical"]].concat());
        set(&mut labels.base, fields.integer("base"));
        set(&mut labels.no_ask, fields.integer("no_ask"));
        set(&mut labels.only_thanks, fields.integer("only_thanks"));
        set(&mut labels.short_notice, fields.integer("short_notice"));
        set(&mut labels.within_hours, fields.integer("within_hours"));
        set(&mut labels.normal, fields.integer("normal"));
        set(&mut labels.high, fields.integer("high"));
        set(&mut labels.critical, fields.integer("critical"));
    }
    if let Some((_, groups)) = section(table, "group", source, complaints) {
        for (name, group) in groups {
            read_group(labels, name.get_ref(), group, (source, complaints));
        }
    }
}

fn read_group(
    labels: &mut Labels,
    name: &str,
    group: &Spanned<DeValue<'_>>,
    (source, complaints): (&Source<'_>, &mut Vec<Complaint>),
) {
    let start = group.span().start;
    let Some(table) = group.get_ref().as_table() else {
        let remedy = format!("write [group.{name}] with tone = … and urgency = …");
        complaints.push(source.complain(start, None, format!("group `{name}` is no table"), remedy));
        return;
    };
    let mut fields = Fields::new(source, table, start, complaints);
    fields.only(&["tone", "urgency"]);
    let none = Cap::default();
    let tone = fields.integer("tone").map_or(none.tone, i32::saturating_abs);
    let urgency = fields.integer("urgency").map_or(none.urgency, i32::saturating_abs);
    labels.groups.insert(name.to_owned(), Cap { tone, urgency });
}

fn section<'t>(
    table: &'t DeTable<'t>,
    name: &str,
    source: &Source<'_>,
    complaints: &mut Vec<Complaint>,
) -> Option<(usize, &'t DeTable<'t>)> {
    let value = table.get(name)?;
    let found = value.get_ref().as_table();
    if found.is_none() {
        let start = value.span().start;
        let remedy = format!("write a table, [{name}]");
        complaints.push(source.complain(start, None, format!("`{name}` is no table"), remedy));
    }
    Some((value.span().start, found?))
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
