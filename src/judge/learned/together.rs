//! What the answers to all questions mean together: blame beside calm words is another matter than blame in anger.

use super::weights::logistic;

/// An answer that is surer than this counts as this.
const SUREST: f64 = 0.999;

/// What is further from its middle, in spreads, counts as this far: squares of what is rare would drown the rest.
pub const FURTHEST: f64 = 2.0;

/// The odds of a share, by their logarithm.
#[must_use]
pub fn odds(share: f64) -> f64 {
    let share = share.clamp(1.0 - SUREST, SUREST);
    (share / (1.0 - share)).ln()
}

/// A sum over answers, their squares and their products.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Together {
    inputs: Vec<Input>,
    products: Vec<Product>,
}

/// The odds of a question, or the amount of a mark.
#[derive(Debug, Clone, PartialEq)]
struct Input {
    name: String,
    middle: f64,
    spread: f64,
}

/// One or two inputs, each as its distance from its middle in spreads, multiplied; none is 1.
#[derive(Debug, Clone, PartialEq)]
struct Product {
    of: Vec<usize>,
    weight: f64,
}

impl Together {
    /// Takes a line: `%` and name, middle and spread of an input, or `*` and a weight and the numbers of up to two
    /// inputs, from 0.
    pub(super) fn line<'a>(&mut self, sign: &str, mut fields: impl Iterator<Item = &'a str>) -> Option<()> {
        if sign == "%" {
            let name = fields.next()?.to_owned();
            let (middle, spread) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            self.inputs.push(Input { name, middle, spread });
            return Some(());
        }
        let weight = fields.next()?.parse().ok()?;
        let of = fields.map(|n| n.parse().ok().filter(|n| *n < self.inputs.len())).collect::<Option<Vec<usize>>>()?;
        self.products.push(Product { of, weight });
        Some(())
    }

    /// The share to which all comes; `amount` is what an input is in this message, 0 where it has none. None without
    /// weights.
    pub(super) fn share(&self, amount: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        if self.products.is_empty() {
            return None;
        }
        let far = |input: &Input| (amount(&input.name).unwrap_or(0.0) - input.middle) / input.spread;
        let of = |input: &Input| far(input).clamp(-FURTHEST, FURTHEST);
        let values: Vec<f64> = self.inputs.iter().map(of).collect();
        let product = |p: &Product| p.of.iter().filter_map(|n| values.get(*n)).product::<f64>() * p.weight;
        Some(logistic(self.products.iter().map(product).sum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_answers_are_added_up() {
        let mut together = Together::default();
        for line in ["%\ta\t1\t2", "%\tb\t0\t1", "*\t0.5", "*\t1\t0", "*\t2\t0\t1"] {
            let mut fields = line.split('\t');
            let sign = fields.next().unwrap();
            together.line(sign, fields).unwrap();
        }
        // a is 3: one spread above its middle; b is not there: 0.
        let share = together.share(|name| (name == "a").then_some(3.0)).unwrap();
        assert!((share - logistic(1.5)).abs() < 1e-9);
        assert!(together.line("*", ["1", "2"].into_iter()).is_none());
        assert_eq!(Together::default().share(|_| None), None);
    }
}
