//! Whether a manager should hear of a message now, from the answers to all questions taken together.

use std::fmt::Write as _;

use anyhow::Result;
use barometer::judge::learned::FURTHEST;

use crate::regression::{Learnt, Row, fit};

/// How much a miss counts beside the size of the weights: little, since there are many products.
const LOSS: f64 = 0.01;
/// Weights that matter less than this are left out of the file.
const LEAST: f64 = 0.001;

/// Answers and marks, their squares and products.
pub struct Whole {
    names: Vec<String>,
    /// By input: its middle and spread.
    scales: Vec<(f64, f64)>,
    learnt: Learnt,
}

/// The inputs of one text, whether a manager should hear of it, and how much it counts.
pub struct Case {
    pub inputs: Vec<f64>,
    pub truth: Vec<(bool, f64)>,
}

impl Whole {
    /// Learns from cases with as many inputs as there are names.
    pub fn learn(names: Vec<String>, cases: &[&Case]) -> Self {
        let scales: Vec<(f64, f64)> =
            (0..names.len()).map(|n| scale(cases.iter().map(|case| case.inputs[n]))).collect();
        let mut whole = Self { names, scales, learnt: Learnt::default() };
        let rows: Vec<Row> = cases.iter().map(|case| whole.row(&case.inputs)).collect();
        let truth = cases.iter().enumerate().flat_map(|(n, case)| case.truth.iter().map(move |(t, w)| (n, *t, *w)));
        let truth: Vec<(usize, usize, f64)> = truth.map(|(n, told, counts)| (n, usize::from(told), counts)).collect();
        let width = whole.products().count();
        whole.learnt = fit(&rows, &truth, vec!["escalate".to_owned()], &vec![false; width], LOSS);
        whole
    }

    /// The share of yes.
    pub fn share(&self, inputs: &[f64]) -> f64 {
        self.learnt.shares(&self.row(inputs))[0]
    }

    /// One or two inputs each, by their numbers.
    fn products(&self) -> impl Iterator<Item = Vec<usize>> + use<> {
        let inputs = self.names.len();
        (0..inputs).map(|n| vec![n]).chain((0..inputs).flat_map(move |n| (n..inputs).map(move |m| vec![n, m])))
    }

    fn row(&self, inputs: &[f64]) -> Row {
        let far =
            |(value, (middle, spread)): (&f64, &(f64, f64))| ((value - middle) / spread).clamp(-FURTHEST, FURTHEST);
        let values: Vec<f64> = inputs.iter().zip(&self.scales).map(far).collect();
        self.products().map(|of| of.iter().map(|n| values[*n]).product()).enumerate().collect()
    }

    /// The lines of the file.
    pub fn lines(&self) -> Result<String> {
        let mut text = String::new();
        for (name, (middle, spread)) in self.names.iter().zip(&self.scales) {
            writeln!(text, "%\t{name}\t{middle:.3}\t{spread:.3}")?;
        }
        writeln!(text, "*\t{:.4}", self.learnt.biases[0])?;
        for (of, weight) in self.products().zip(&self.learnt.weights[0]).filter(|(_, weight)| weight.abs() >= LEAST) {
            write!(text, "*\t{weight:.4}")?;
            for n in of {
                write!(text, "\t{n}")?;
            }
            text.push('\n');
        }
        Ok(text)
    }
}

/// Mean and standard deviation.
fn scale(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let (count, sum) = values.clone().fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    let mean = sum / f64::max(count, 1.0);
    let spread = (values.map(|value| (value - mean).powi(2)).sum::<f64>() / f64::max(count, 1.0)).sqrt();
    (mean, spread.max(1e-3))
}
