//! How well verdicts fit labelled mail: the figures of the `score` command.
//!
//! Pure measuring. Intervals are 90 %: Wilson's for shares, a bootstrap with a
//! fixed seed for averages of F1, so the same input gives the same figures.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::Letter;
use super::signal;
use super::verdict::{ToneLabel, UrgencyLabel, Verdict};
use crate::calendar::Calendar;
use crate::config::Kind;
use crate::read::Direction;

/// Resamplings of the bootstrap.
const RESAMPLINGS: usize = 500;
/// Misses that a report names.
const WORST: usize = 20;
/// For 90 %, two-sided.
const Z: f64 = 1.645;

/// One labelled message, as a line of JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Labelled {
    /// Its name.
    pub id: String,
    /// Who wrote it to whom.
    pub kind: LabelledKind,
    /// Subject.
    pub subject: String,
    /// New text.
    pub body: String,
    /// Local arrival, without zone.
    pub received_local: String,
    /// The truth.
    pub labels: Truth,
}

impl Labelled {
    /// The message as the judge is shown it, read on the calendar's clock.
    #[must_use]
    pub fn letter<'a>(&'a self, calendar: &'a Calendar) -> Letter<'a> {
        let (direction, kind) = match self.kind {
            LabelledKind::Client => (Direction::Inbound, Kind::Client),
            LabelledKind::Vendor => (Direction::Inbound, Kind::Vendor),
            LabelledKind::StaffOutbound => (Direction::Outbound, Kind::Client),
        };
        let at = self.received_local.parse::<DateTime>().ok();
        Letter {
            subject: &self.subject,
            direction,
            kind,
            at: at.and_then(|at| at.to_zoned(calendar.zone.clone()).ok()),
            ..Letter::of_text(&self.body, calendar)
        }
    }
}

/// Who wrote a labelled message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelledKind {
    /// A client, to us.
    Client,
    /// A vendor, to us.
    Vendor,
    /// One of us, to a client or vendor.
    StaffOutbound,
}

/// What a reader says of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Tone.
    pub tone: ToneLabel,
    /// Urgency.
    pub urgency: UrgencyLabel,
    /// Signals; `none` counts as the empty set.
    pub signals: Vec<String>,
    /// Whether a sensible manager would want to be told now.
    pub escalate: bool,
}

/// What we say of it, in the same terms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Tone; `None` where it was not judged.
    pub tone: Option<ToneLabel>,
    /// Urgency; `None` where it was not judged.
    pub urgency: Option<UrgencyLabel>,
    /// Signals, finer names included.
    pub signals: Vec<String>,
    /// Severity warning or critical.
    pub escalate: bool,
    /// What moved it, for the list of misses.
    pub because: Vec<String>,
}

impl From<&Verdict> for Predicted {
    fn from(verdict: &Verdict) -> Self {
        let counted = verdict.hits.iter().filter(|hit| hit.suppressed.is_none());
        Self {
            tone: verdict.tone.map(|tone| tone.label),
            urgency: verdict.urgency.map(|urgency| urgency.label),
            signals: verdict.signals.iter().map(|s| s.signal.clone()).collect(),
            escalate: verdict.escalate(),
            because: counted.map(|hit| format!("{} \"{}\"", hit.rule, hit.words)).collect(),
        }
    }
}

/// One message with both.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub id: String,
    /// The part of the mix it was written for; empty where unknown.
    pub stratum: String,
    /// What is true.
    pub truth: Truth,
    /// What we say.
    pub predicted: Predicted,
}

/// A figure and its 90 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}  [{:.3}, {:.3}]", self.value, self.low, self.high)
    }
}

/// A message we got wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Miss {
    /// Its name.
    pub id: String,
    /// How far off we are.
    pub weight: u32,
    /// What should have been, what was, and why.
    pub what: String,
}

/// Precision, recall and F1 of one name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// Of what we said, how much is true.
    pub precision: f64,
    /// Of what is true, how much we said.
    pub recall: f64,
    /// Their harmonic mean.
    pub f1: f64,
    /// How often it is true.
    pub count: usize,
}

/// All figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Messages measured.
    pub messages: usize,
    /// Mean F1 of six tones.
    pub tone_6: Figure,
    /// Mean F1 of negative, neutral, positive.
    pub tone_3: Figure,
    /// Mean F1 of four urgencies.
    pub urgency: Figure,
    /// Of what we would tell at once, how much should be.
    pub escalate_precision: Figure,
    /// Of what should be told at once, how much is.
    pub escalate_recall: Figure,
    /// The same by stratum.
    pub escalate_recall_by_stratum: BTreeMap<String, Figure>,
    /// F1 of all signals pooled.
    pub signals: Figure,
    /// Escalations per hundred routine messages; none where no stratum is called routine.
    pub false_alerts_routine: Option<Figure>,
    /// Escalations per hundred messages that should not be.
    pub false_alerts: Figure,
    /// By tone.
    pub tones: BTreeMap<String, Rates>,
    /// By urgency.
    pub urgencies: BTreeMap<String, Rates>,
    /// By signal.
    pub by_signal: BTreeMap<String, Rates>,
    /// The worst misses first.
    pub misses: Vec<Miss>,
}

/// Measures all rows.
#[must_use]
pub fn measure(rows: &[Row]) -> Report {
    let all: Vec<&Row> = rows.iter().collect();
    let should: Vec<&Row> = all.iter().copied().filter(|r| r.truth.escalate).collect();
    let calm: Vec<&Row> = all.iter().copied().filter(|r| !r.truth.escalate).collect();
    let told = |list: &[&Row]| list.iter().filter(|r| r.predicted.escalate).count();
    let mut strata: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in should.iter().filter(|row| !row.stratum.is_empty()) {
        strata.entry(row.stratum.clone()).or_default().push(row);
    }
    let by_stratum = strata.into_iter();
    let routine: Vec<&Row> = all.iter().copied().filter(|r| r.stratum == "routine").collect();
    Report {
        messages: rows.len(),
        tone_6: bootstrap(&all, |rows| macro_f1(rows, &tone_pair)),
        tone_3: bootstrap(&all, |rows| macro_f1(rows, &polarity_pair)),
        urgency: bootstrap(&all, |rows| macro_f1(rows, &urgency_pair)),
        escalate_precision: wilson(told(&should), told(&all)),
        escalate_recall: wilson(told(&should), should.len()),
        escalate_recall_by_stratum: by_stratum.map(|(name, list)| (name, wilson(told(&list), list.len()))).collect(),
        signals: bootstrap(&all, signals_f1),
        false_alerts_routine: (!routine.is_empty()).then(|| per_hundred(wilson(told(&routine), routine.len()))),
        false_alerts: per_hundred(wilson(told(&calm), calm.len())),
        tones: rates(&all, &tone_pair),
        urgencies: rates(&all, &urgency_pair),
        by_signal: signal_rates(&all),
        misses: misses(&all),
    }
}

/// Truth and prediction of one row, as names.
type Pair = (String, Option<String>);

fn name(label: impl Serialize) -> String {
    match serde_json::to_value(label) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

fn tone_pair(row: &Row) -> Pair {
    (name(row.truth.tone), row.predicted.tone.map(name))
}

fn urgency_pair(row: &Row) -> Pair {
    (name(row.truth.urgency), row.predicted.urgency.map(name))
}

fn polarity(tone: ToneLabel) -> String {
    match tone {
        ToneLabel::Hostile | ToneLabel::Frustrated | ToneLabel::Concerned => "negative",
        ToneLabel::Neutral => "neutral",
        ToneLabel::Positive | ToneLabel::Grateful => "positive",
    }
    .to_owned()
}

fn polarity_pair(row: &Row) -> Pair {
    (polarity(row.truth.tone), row.predicted.tone.map(polarity))
}

fn rates(rows: &[&Row], pair: &impl Fn(&Row) -> Pair) -> BTreeMap<String, Rates> {
    // Right, said, true.
    let mut counts: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
    for row in rows {
        let (truth, said) = pair(row);
        let right = said.as_ref() == Some(&truth);
        if let Some(said) = said {
            counts.entry(said).or_default().1 += 1;
        }
        let count = counts.entry(truth).or_default();
        count.0 += usize::from(right);
        count.2 += 1;
    }
    counts.into_iter().map(|(name, (right, said, count))| (name, rate(right, said, count))).collect()
}

fn rate(right: usize, said: usize, count: usize) -> Rates {
    Rates { precision: share(right, said), recall: share(right, count), f1: share(2 * right, said + count), count }
}

/// Names that are never true do not count: they have no F1.
fn macro_f1(rows: &[&Row], pair: &impl Fn(&Row) -> Pair) -> f64 {
    let rates = rates(rows, pair);
    let true_ones: Vec<f64> = rates.values().filter(|r| r.count > 0).map(|r| r.f1).collect();
    if true_ones.is_empty() { 0.0 } else { true_ones.iter().sum::<f64>() / real(true_ones.len()) }
}

fn labelled_set(names: &[String]) -> BTreeSet<&str> {
    signal::labelled().filter(|name| names.iter().any(|n| n == name)).collect()
}

fn signals_f1(rows: &[&Row]) -> f64 {
    let (mut right, mut both) = (0, 0);
    for row in rows {
        let truth = labelled_set(&row.truth.signals);
        let said = labelled_set(&row.predicted.signals);
        right += truth.intersection(&said).count();
        both += truth.len() + said.len();
    }
    share(2 * right, both)
}

fn signal_rates(rows: &[&Row]) -> BTreeMap<String, Rates> {
    let mut found = BTreeMap::new();
    for name in signal::labelled() {
        let has = |names: &[String]| names.iter().any(|n| n == name);
        let count = rows.iter().filter(|r| has(&r.truth.signals)).count();
        let said = rows.iter().filter(|r| has(&r.predicted.signals)).count();
        let right = rows.iter().filter(|r| has(&r.truth.signals) && has(&r.predicted.signals)).count();
        found.insert(name.to_owned(), rate(right, said, count));
    }
    found
}

fn misses(rows: &[&Row]) -> Vec<Miss> {
    let mut found: Vec<Miss> = rows.iter().filter_map(|row| miss(row)).collect();
    found.sort_by(|a, b| b.weight.cmp(&a.weight).then_with(|| a.id.cmp(&b.id)));
    found.truncate(WORST);
    found
}

fn miss(row: &Row) -> Option<Miss> {
    let mut weight = 0;
    let mut what = Vec::new();
    if row.truth.escalate != row.predicted.escalate {
        weight += 4;
        let said = if row.predicted.escalate { "escalated, should not be" } else { "not escalated" };
        what.push(said.to_owned());
    }
    for (truth, said) in [tone_pair(row), urgency_pair(row)] {
        let said = said.unwrap_or_else(|| "not judged".to_owned());
        if truth != said {
            weight += 1;
            what.push(format!("{truth}, judged {said}"));
        }
    }
    if polarity_pair(row).1 != Some(polarity_pair(row).0) {
        weight += 1;
    }
    if weight == 0 {
        return None;
    }
    if !row.predicted.because.is_empty() {
        what.push(format!("by {}", row.predicted.because.join(", ")));
    }
    Some(Miss { id: row.id.clone(), weight, what: what.join("; ") })
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { real(part) / real(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "counts of messages are far below 2^52")]
fn real(count: usize) -> f64 {
    count as f64
}

fn wilson(part: usize, whole: usize) -> Figure {
    if whole == 0 {
        return Figure { value: 0.0, low: 0.0, high: 1.0 };
    }
    let (p, n) = (share(part, whole), real(whole));
    let centre = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    Figure { value: p, low: ((centre - spread) / scale).max(0.0), high: ((centre + spread) / scale).min(1.0) }
}

fn per_hundred(figure: Figure) -> Figure {
    Figure { value: figure.value * 100.0, low: figure.low * 100.0, high: figure.high * 100.0 }
}

fn bootstrap(rows: &[&Row], figure: impl Fn(&[&Row]) -> f64) -> Figure {
    let value = figure(rows);
    let mut dice = Dice(0x5DEE_CE66_D1CE_4E5B);
    let mut samples: Vec<f64> = (0..RESAMPLINGS)
        .map(|_| {
            let sample: Vec<&Row> = (0..rows.len()).filter_map(|_| rows.get(dice.below(rows.len())).copied()).collect();
            figure(&sample)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    let at = |per_mille: usize| samples.get(RESAMPLINGS * per_mille / 1_000).copied().unwrap_or(value);
    Figure { value, low: at(50), high: at(950) }
}

/// `SplitMix64`: small, even, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let limit = u64::try_from(limit.max(1)).unwrap_or(1);
        usize::try_from(z % limit).unwrap_or(0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} messages; figures with 90 % intervals", self.messages)?;
        writeln!(f, "tone, six labels, macro-F1      {}", self.tone_6)?;
        writeln!(f, "tone, three labels, macro-F1    {}", self.tone_3)?;
        writeln!(f, "urgency, macro-F1               {}", self.urgency)?;
        writeln!(f, "escalate, precision             {}", self.escalate_precision)?;
        writeln!(f, "escalate, recall                {}", self.escalate_recall)?;
        for (stratum, figure) in &self.escalate_recall_by_stratum {
            writeln!(f, "  {stratum:<30}{figure}")?;
        }
        writeln!(f, "signals, micro-F1               {}", self.signals)?;
        if let Some(routine) = &self.false_alerts_routine {
            writeln!(f, "false alerts per 100 routine    {routine}")?;
        }
        writeln!(f, "false alerts per 100 to be left {}", self.false_alerts)?;
        let tables = [("tone", &self.tones), ("urgency", &self.urgencies), ("signal", &self.by_signal)];
        for (title, table) in tables {
            writeln!(f, "\n{title:<24}precision  recall      F1   true")?;
            for (name, r) in table {
                let Rates { precision, recall, f1, count } = r;
                writeln!(f, "{name:<24}{precision:>9.2}{recall:>8.2}{f1:>8.2}{count:>7}")?;
            }
        }
        if !self.misses.is_empty() {
            writeln!(f, "\nworst misses")?;
        }
        for miss in &self.misses {
            writeln!(f, "{}: {}", miss.id, miss.what)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, truth: ToneLabel, said: ToneLabel, escalate: (bool, bool)) -> Row {
        Row {
            id: id.to_owned(),
            stratum: "routine".to_owned(),
            truth: Truth {
                tone: truth,
                urgency: UrgencyLabel::Normal,
                signals: vec!["none".to_owned()],
                escalate: escalate.0,
            },
            predicted: Predicted {
                tone: Some(said),
                urgency: Some(UrgencyLabel::Normal),
                signals: Vec::new(),
                escalate: escalate.1,
                because: Vec::new(),
            },
        }
    }

    #[test]
    fn figures_are_those_of_the_definitions() {
        use ToneLabel::{Hostile, Neutral};
        let rows = [
            row("a", Neutral, Neutral, (false, false)),
            row("b", Neutral, Hostile, (false, true)),
            row("c", Hostile, Hostile, (true, true)),
            row("d", Hostile, Hostile, (true, false)),
        ];
        let report = measure(&rows);
        // Neutral: F1 2/3; hostile: F1 4/5.
        assert!((report.tone_6.value - f64::midpoint(2.0 / 3.0, 0.8)).abs() < 1e-9);
        assert!((report.escalate_precision.value - 0.5).abs() < 1e-9);
        assert!((report.escalate_recall.value - 0.5).abs() < 1e-9);
        assert!((report.false_alerts.value - 50.0).abs() < 1e-9);
        assert_eq!(report.misses.first().unwrap().id, "b");
        assert!(report.tone_6.low <= report.tone_6.value);
        assert!(report.to_string().contains("worst misses"));
    }

    #[test]
    fn the_same_rows_give_the_same_intervals() {
        let rows: Vec<Row> = (0..40)
            .map(|i| {
                let said = if i % 3 == 0 { ToneLabel::Neutral } else { ToneLabel::Concerned };
                row(&i.to_string(), ToneLabel::Concerned, said, (i % 2 == 0, i % 5 == 0))
            })
            .collect();
        assert_eq!(measure(&rows), measure(&rows));
    }
}
