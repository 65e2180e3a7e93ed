//! Logistic regression by L-BFGS.

const ROUNDS: usize = 120;
/// Steps that are remembered, and how often one is halved.
const REMEMBERED: usize = 10;
const HALVED: usize = 30;

/// Amounts by place in the vocabulary.
pub type Row = Vec<(usize, f64)>;

/// One or several questions that are learnt together.
#[derive(Default)]
pub struct Learnt {
    pub names: Vec<String>,
    pub biases: Vec<f64>,
    /// By question, by place.
    pub weights: Vec<Vec<f64>>,
}

/// Learns from rows, each with its answer and how much it counts. One name: yes or no. `words` are the places that hold words;
/// `loss` is how much a miss counts beside the size of the weights.
pub fn fit(rows: &[Row], truth: &[(usize, usize, f64)], names: Vec<String>, words: &[bool], loss: f64) -> Learnt {
    let width = words.len();
    let classes = names.len().max(2);
    let mut sums = vec![0.0; classes];
    for (_, answer, counts) in truth {
        sums[*answer] += counts;
    }
    let all: f64 = sums.iter().sum();
    let counted = truth.iter().map(|(row, answer, counts)| {
        let weight = loss * counts * (all / (classes as f64 * sums[*answer].max(1.0))).sqrt();
        (*row, *answer, weight)
    });
    let counted: Vec<(usize, usize, f64)> = counted.collect();
    let (size, heads) = (width + 1, names.len());
    let reach = reach(rows, &counted, heads, words);
    let mut at = descend(heads * size, |at, out| slope(rows, &counted, (heads, width), (at, &reach), out));
    for (value, reach) in at.iter_mut().zip(&reach) {
        *value *= reach;
    }
    Learnt {
        biases: (0..heads).map(|head| at[head * size + width]).collect(),
        weights: (0..heads).map(|head| at[head * size..head * size + width].to_vec()).collect(),
        names,
    }
}

/// How far the weight of each word may go at the same cost: as far as it tells yes from no where it is counted alone, by
/// the root of the logarithm of its odds (a gentler form of the scales of Wang and Manning, 2012).
fn reach(rows: &[Row], truth: &[(usize, usize, f64)], heads: usize, words: &[bool]) -> Vec<f64> {
    let size = words.len() + 1;
    let mut reach = vec![1.0; heads * size];
    for head in 0..heads {
        let yes = if heads == 1 { 1 } else { head };
        let mut sums = [vec![1.0; words.len()], vec![1.0; words.len()]];
        for (row, answer, counts) in truth {
            for (place, amount) in rows[*row].iter().filter(|(place, _)| words[*place]) {
                sums[usize::from(*answer == yes)][*place] += counts * amount;
            }
        }
        let [no, all] = sums.each_ref().map(|sums| sums.iter().sum::<f64>());
        for place in (0..words.len()).filter(|place| words[*place]) {
            let odds = (sums[1][place] / all) / (sums[0][place] / no);
            reach[head * size + place] = odds.ln().abs().sqrt();
        }
    }
    reach
}

/// What weights cost, and the way up from them.
fn slope(
    rows: &[Row],
    truth: &[(usize, usize, f64)],
    (heads, width): (usize, usize),
    (at, reach): (&[f64], &[f64]),
    out: &mut [f64],
) -> f64 {
    let size = width + 1;
    let mut loss = 0.0;
    for (n, (value, slope)) in at.iter().zip(out.iter_mut()).enumerate() {
        // What stands before any word is free.
        let held = if n % size == width { 0.0 } else { *value };
        loss += 0.5 * held * held;
        *slope = held;
    }
    for (n, answer, count) in truth {
        let row = &rows[*n];
        let sum_of = |head: usize| {
            let from = head * size;
            at[from + width]
                + row.iter().map(|(place, amount)| at[from + place] * reach[from + place] * amount).sum::<f64>()
        };
        let mut errors = shares((0..heads).map(sum_of).collect());
        let right =
            if heads == 1 && *answer == 0 { 1.0 - errors[0] } else { errors[if heads == 1 { 0 } else { *answer }] };
        loss -= count * right.max(1e-12).ln();
        match heads {
            1 => errors[0] -= f64::from(u8::from(*answer == 1)),
            _ => errors[*answer] -= 1.0,
        }
        for (head, error) in errors.iter().enumerate() {
            let from = head * size;
            out[from + width] += count * error;
            for (place, amount) in row {
                out[from + place] += count * error * amount * reach[from + place];
            }
        }
    }
    loss
}

/// L-BFGS: the way down from zero.
fn descend(size: usize, slope: impl Fn(&[f64], &mut [f64]) -> f64) -> Vec<f64> {
    let (mut at, mut here) = (vec![0.0; size], vec![0.0; size]);
    let mut loss = slope(&at, &mut here);
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..ROUNDS {
        let way = way(&steps, &here);
        let fall = dot(&here, &way);
        let mut stride = if steps.is_empty() { 1.0 / dot(&here, &here).sqrt().max(1.0) } else { 1.0 };
        let (mut next, mut there) = (vec![0.0; size], vec![0.0; size]);
        let mut lower = f64::MAX;
        for _ in 0..HALVED {
            for (n, (a, w)) in next.iter_mut().zip(at.iter().zip(&way)) {
                *n = a - stride * w;
            }
            lower = slope(&next, &mut there);
            if lower <= loss - 1e-4 * stride * fall {
                break;
            }
            stride /= 2.0;
        }
        let gained = loss - lower;
        if gained <= 0.0 {
            break;
        }
        steps.extend(Step::between((&at, &here), (&next, &there)));
        if steps.len() > REMEMBERED {
            steps.remove(0);
        }
        (at, here, loss) = (next, there, lower);
        if gained < 1e-5 * loss.abs() {
            break;
        }
    }
    at
}

/// A step that was taken, how the slope changed by it, and one over their product.
struct Step {
    by: Vec<f64>,
    change: Vec<f64>,
    scale: f64,
}

impl Step {
    fn between((at, here): (&[f64], &[f64]), (next, there): (&[f64], &[f64])) -> Option<Self> {
        let by: Vec<f64> = next.iter().zip(at).map(|(n, a)| n - a).collect();
        let change: Vec<f64> = there.iter().zip(here).map(|(t, h)| t - h).collect();
        let bend = dot(&by, &change);
        (bend > 1e-12).then(|| Self { scale: 1.0 / bend, by, change })
    }
}

/// The slope, bent by what the last steps told of the ground.
fn way(steps: &[Step], here: &[f64]) -> Vec<f64> {
    let mut way = here.to_vec();
    let mut used = Vec::new();
    for step in steps.iter().rev() {
        let much = step.scale * dot(&step.by, &way);
        add(&mut way, &step.change, -much);
        used.push(much);
    }
    if let Some(step) = steps.last() {
        let scale = dot(&step.by, &step.change) / dot(&step.change, &step.change);
        for w in &mut way {
            *w *= scale;
        }
    }
    for (step, much) in steps.iter().zip(used.iter().rev()) {
        let back = step.scale * dot(&step.change, &way);
        add(&mut way, &step.by, much - back);
    }
    way
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn add(to: &mut [f64], what: &[f64], times: f64) {
    for (t, w) in to.iter_mut().zip(what) {
        *t += times * w;
    }
}

impl Learnt {
    /// What each name comes to: shares of one for several, else the share of yes.
    pub fn shares(&self, row: &Row) -> Vec<f64> {
        let sums = self.weights.iter().zip(&self.biases);
        shares(sums.map(|(w, bias)| bias + row.iter().map(|(place, amount)| w[*place] * amount).sum::<f64>()).collect())
    }
}

fn shares(mut sums: Vec<f64>) -> Vec<f64> {
    if let [sum] = sums.as_mut_slice() {
        *sum = 1.0 / (1.0 + (-*sum).exp());
        return sums;
    }
    let most = sums.iter().copied().fold(f64::MIN, f64::max);
    for sum in &mut sums {
        *sum = (*sum - most).exp();
    }
    let all: f64 = sums.iter().sum();
    for sum in &mut sums {
        *sum /= all;
    }
    sums
}
