//! Learns what words weigh, and writes `rules/lang/learned-en.tsv`.
//!
//! `cargo run --release --example learn -- FILE… [ordinary=FILE…]` reads labelled messages as `barometer score`
//! does; rows `{"id": …, "labels": …}`, by which a second reader labels one of them anew (each counts half); and rows
//! `{"id": …, "text": …, "label_tone": …}` of other texts, of which it learns from one half, by a hash of
//! the id, and only whether they are displeased. Rows of an `ordinary` file are sentences of everyday mail: put together to
//! letters of 1 to 16, they show what no manager need hear of.
//!
//! It first learns from seven of eight parts of the writers (an id says who: `ma-012` is of `ma`), in turn, and prints how well
//! that does on the part left out. From these answers it learns what they mean together, and chooses the shares from which
//! an answer is yes.
//!
//! Logistic regression (multinomial for tone and urgency), rare classes weighed up by the root of their rarity, L2, by L-BFGS (Nocedal 1980);
//! words and pairs by the logarithm of their count, times their rarity, each text of the same length.
#![expect(clippy::print_stdout, reason = "an example prints")]
#![expect(clippy::cast_precision_loss, reason = "no file has that many rows")]
#![expect(clippy::indexing_slicing, reason = "matrices of one size throughout")]

mod regression;
mod together;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};
use barometer::calendar::Calendar;
use barometer::judge::learned::{RULED, Sheet, levelled, marked, odds, often};
use barometer::judge::score::{Labelled, Truth};
use barometer::judge::{Judge, Letter, Rules, ToneLabel, shipped};
use regression::{Learnt, Row, fit};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use together::{Case, Whole};

const WEIGHTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/lang/learned-en.tsv");
/// Fewest texts that hold a term.
const FEWEST: usize = 3;
/// Weights that matter less than this are left out of the file.
const LEAST: f64 = 0.22;
/// How much a text of another kind counts, beside 1 for labelled mail.
const FOREIGN: f64 = 0.3;
/// How much an ordinary letter counts where all answers are taken together: calm mail is most of what there is.
const CALM: f64 = 0.5;
/// How many sentences make an ordinary letter, in turn; and how often each sentence is used.
const SENTENCES: [usize; 5] = [1, 2, 4, 8, 16];
const TURNS: usize = 3;
/// What an ordinary letter may well carry; of other signals it has none.
const EVERYDAY: [&str; 8] = [
    "apology",
    "commitment_made",
    "commitment_requested",
    "contract_renewal",
    "deadline",
    "handover",
    "praise",
    "short_notice_deadline",
];
/// Into as many parts the writers are divided, of which one is left out.
const PARTS: usize = 8;
/// The precision at which a manager is told now.
const SURE: f64 = 0.893;
/// As large a part of real mail is worth it.
const WORTH: f64 = 0.25;
/// How much a miss counts beside the size of the weights.
const LOSS: f64 = 3.0;
/// Beside the answers, what tells whether a manager should hear of it.
const CIRCUMSTANCES: [&str; 4] = ["=from Client", "=from Vendor", "=from us", "=length"];

const TONES: [&str; 6] = ["hostile", "frustrated", "concerned", "neutral", "positive", "grateful"];
const URGENCIES: [&str; 4] = ["low", "normal", "high", "critical"];
const NEGATIVE: [&str; 4] = ["negative", "hostile", "frustrated", "concerned"];

/// What a second reader says of a message.
#[derive(Deserialize)]
struct Reading {
    id: String,
    labels: Truth,
}

#[derive(Deserialize)]
struct Foreign {
    id: String,
    text: String,
    label_tone: Option<String>,
    #[serde(default)]
    emotions: Vec<String>,
}

impl Foreign {
    /// Whether it is displeased; and its tone, where theirs is one of ours.
    fn known(&self) -> Known {
        let label = self.label_tone.as_deref().unwrap_or_default();
        let tone = match label {
            _ if self.emotions.iter().any(|emotion| emotion == "gratitude") => place(&TONES, "grateful"),
            "neutral" if !self.emotions.is_empty() => place(&TONES, "neutral"),
            _ => None,
        };
        Known::Tone(NEGATIVE.contains(&label), tone)
    }
}

fn place(list: &[&str], name: &str) -> Option<usize> {
    list.iter().position(|one| *one == name)
}

/// What is known of a text.
enum Known {
    /// All of it.
    Labels(Truth),
    /// Whether it is displeased, and perhaps its place among the tones.
    Tone(bool, Option<usize>),
    /// That nobody need hear of it.
    Ordinary,
}

/// A text, made ready, and what is known of it.
struct Text {
    writer: String,
    id: String,
    terms: HashMap<String, u32>,
    marks: Vec<(String, f64)>,
    known: Known,
    /// What a second reader says of it.
    second: Option<Truth>,
}

impl Text {
    /// What its readers say, each for half where there are two.
    fn readings(&self) -> impl Iterator<Item = (&Truth, f64)> {
        let counts = if self.second.is_some() { 0.5 } else { 1.0 };
        self.labels().into_iter().chain(&self.second).map(move |labels| (labels, counts))
    }

    fn labels(&self) -> Option<&Truth> {
        if let Known::Labels(labels) = &self.known { Some(labels) } else { None }
    }
}

struct Vocabulary {
    places: HashMap<String, usize>,
    /// By place: rarity; 0 for a mark.
    rarity: Vec<f64>,
}

fn main() -> Result<()> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let texts = texts(&files.iter().collect::<Vec<_>>())?;
    readers(&texts);
    let signals: Vec<String> = {
        let all = texts.iter().filter_map(Text::labels).flat_map(|labels| labels.signals.iter());
        let mut names: Vec<String> = all.filter(|s| *s != "none").cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let answers = left_out(&texts, &signals);
    let (whole, told) = whole(&answers);
    let labelled: Vec<&Answer<'_>> = answers.iter().filter(|a| a.text.labels().is_some()).collect();
    let shares = Shares { escalate: told, signals: pooled(&labelled, &signals) };
    let all: Vec<&Text> = texts.iter().collect();
    let vocabulary = vocabulary(&all);
    let learnt = learn(&all, &vocabulary, &signals);
    write(&vocabulary, &learnt, &shares, &whole)
}

/// The shares from which a question is answered with yes.
struct Shares {
    escalate: f64,
    signals: HashMap<String, f64>,
}

fn texts(files: &[&String]) -> Result<Vec<Text>> {
    let judge = Judge::new(Rules::load(&shipped())?);
    let calendar = Calendar::office();
    let mut texts = Vec::new();
    for argument in files {
        let (ordinary, name) =
            argument.strip_prefix("ordinary=").map_or((false, argument.as_str()), |name| (true, name));
        let rows = fs::read_to_string(name).with_context(|| format!("cannot read {name}"))?;
        let lines = rows.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let of = |(n, line): (usize, &str)| {
            serde_json::from_str::<Foreign>(line).with_context(|| format!("{name}:{}", n + 1))
        };
        let of_text = |body: &str, known| text(&judge, &Letter::of_text(body, &calendar), "", known);
        if ordinary {
            let sentences = lines.map(of).collect::<Result<Vec<_>>>()?;
            texts.extend(put_together(sentences).iter().map(|body| of_text(body, Known::Ordinary)));
            continue;
        }
        for (n, line) in lines {
            if let Ok(message) = serde_json::from_str::<Labelled>(line) {
                let known = Known::Labels(message.labels.clone());
                texts.push(text(&judge, &message.letter(&calendar), &message.id, known));
                continue;
            }
            if let Ok(reading) = serde_json::from_str::<Reading>(line) {
                let of = texts.iter_mut().find(|text| text.id == reading.id);
                let of = of.with_context(|| format!("{name}:{}: no message {} stands before it", n + 1, reading.id))?;
                of.second = Some(reading.labels);
                continue;
            }
            let row = of((n, line))?;
            if hash(&row.id).is_multiple_of(2) {
                texts.push(of_text(&row.text, row.known()));
            }
        }
    }
    Ok(texts)
}

fn hash(id: &str) -> u8 {
    Sha256::digest(id.as_bytes()).first().copied().unwrap_or(0)
}

/// Letters of one to sixteen sentences that need not belong together.
fn put_together(mut sentences: Vec<Foreign>) -> Vec<String> {
    let mut letters = Vec::new();
    let mut sizes = SENTENCES.iter().cycle();
    for turn in 0..TURNS {
        sentences.sort_by_cached_key(|s| Sha256::digest(format!("{turn} {}", s.id)).to_vec());
        let mut rest = sentences.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(*sizes.next().unwrap_or(&1)));
            letters.push(now.iter().map(|s| s.text.trim()).collect::<Vec<_>>().join(" "));
            rest = later;
        }
    }
    letters
}

fn text(judge: &Judge, letter: &Letter<'_>, id: &str, known: Known) -> Text {
    let sheet = Sheet::new(letter, &judge.by_rules(letter));
    let mut terms: HashMap<String, u32> = HashMap::new();
    for term in sheet.terms() {
        *terms.entry(term.to_owned()).or_default() += 1;
    }
    let writer = id.split('-').next().unwrap_or_default().to_owned();
    Text { writer, id: id.to_owned(), terms, marks: sheet.marks().to_vec(), known, second: None }
}

fn word<T: serde::Serialize>(label: &T) -> Result<String> {
    Ok(serde_json::to_value(label)?.as_str().unwrap_or_default().to_owned())
}

fn vocabulary(texts: &[&Text]) -> Vocabulary {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut marks: BTreeMap<&str, usize> = BTreeMap::new();
    // Words of other texts alone would know nothing of tone or signals.
    for text in texts.iter().filter(|text| text.labels().is_some()) {
        text.terms.keys().for_each(|term| *counts.entry(term).or_default() += 1);
        text.marks.iter().for_each(|(mark, _)| *marks.entry(mark).or_default() += 1);
    }
    for text in texts.iter().filter(|text| text.labels().is_none()) {
        text.terms.keys().for_each(|term| *counts.entry(term).or_default() += 1);
    }
    let (mut places, mut rarity) = (HashMap::new(), Vec::new());
    for (term, n) in counts.into_iter().filter(|(_, n)| *n >= FEWEST) {
        places.insert(term.to_owned(), rarity.len());
        rarity.push(((1.0 + texts.len() as f64) / (1.0 + n as f64)).ln() + 1.0);
    }
    for (mark, _) in marks.into_iter().filter(|(_, n)| *n >= FEWEST) {
        places.insert(mark.to_owned(), rarity.len());
        rarity.push(0.0);
    }
    Vocabulary { places, rarity }
}

fn row(text: &Text, vocabulary: &Vocabulary) -> Row {
    let known = text.terms.iter().filter_map(|(term, n)| Some((*vocabulary.places.get(term)?, *n)));
    let (places, mut amounts): (Vec<usize>, Vec<f64>) =
        known.map(|(place, n)| (place, often(n) * vocabulary.rarity[place])).unzip();
    levelled(&mut amounts);
    let mut row: Row = places.into_iter().zip(amounts).collect();
    let marks = text.marks.iter().filter_map(|(mark, amount)| Some((*vocabulary.places.get(mark)?, marked(*amount))));
    row.extend(marks);
    row.sort_unstable_by_key(|(place, _)| *place);
    row
}

fn learn(texts: &[&Text], vocabulary: &Vocabulary, signals: &[String]) -> Vec<Learnt> {
    let rows: Vec<Row> = texts.iter().map(|text| row(text, vocabulary)).collect();
    let words: Vec<bool> = vocabulary.rarity.iter().map(|rarity| *rarity > 0.0).collect();
    // `other`: what a text of another kind answers, where that is known.
    let some = |answers: &dyn Fn(&Truth) -> usize, other: &dyn Fn(&Known) -> Option<usize>, names: Vec<String>| {
        let read =
            texts.iter().enumerate().flat_map(|(n, text)| text.readings().map(move |(t, counts)| (n, t, counts)));
        let read = read.map(|(n, labels, counts)| (n, answers(labels), counts));
        let others = texts.iter().enumerate().filter_map(|(n, text)| match &text.known {
            Known::Labels(_) => None,
            Known::Tone(..) => Some((n, other(&text.known)?, FOREIGN / 3.0)),
            Known::Ordinary => Some((n, other(&text.known)?, FOREIGN)),
        });
        fit(&rows, &read.chain(others).collect::<Vec<_>>(), names, &words, LOSS)
    };
    let calm = |known: &Known| matches!(known, Known::Ordinary).then_some(0);
    let tone = |known: &Known| match known {
        Known::Tone(_, tone) => *tone,
        _ => place(&TONES, "neutral"),
    };
    let named = |prefix: &str, list: &[&str]| list.iter().map(|name| format!("{prefix}.{name}")).collect();
    let number = |list: &[&str], label: Result<String>| place(list, &label.unwrap_or_default()).unwrap_or(0);
    let mut learnt = vec![
        some(&|t| number(&TONES, word(&t.tone)), &tone, named("tone", &TONES)),
        some(&|t| number(&URGENCIES, word(&t.urgency)), &|_| None, named("urgency", &URGENCIES)),
        some(&|t| usize::from(t.escalate), &calm, vec!["escalate".to_owned()]),
    ];
    for signal in signals {
        let other = |known: &Known| calm(known).filter(|_| !EVERYDAY.contains(&signal.as_str()));
        let answers = |t: &Truth| usize::from(t.signals.contains(signal));
        learnt.push(some(&answers, &other, vec![format!("signal.{signal}")]));
    }
    // Who is displeased may write ordinary mail: of this it tells nothing.
    let displeased = texts.iter().enumerate().filter_map(|(n, text)| match &text.known {
        Known::Labels(labels) => Some((n, usize::from(labels.tone < ToneLabel::Neutral), 1.0)),
        Known::Tone(displeased, _) => Some((n, usize::from(*displeased), 1.0)),
        Known::Ordinary => None,
    });
    learnt.push(fit(&rows, &displeased.collect::<Vec<_>>(), vec!["displeased".to_owned()], &words, LOSS));
    learnt
}

/// What two readers of the same messages agree on: more than that no program can be asked for.
fn readers(texts: &[Text]) {
    let both: Vec<(&Truth, &Truth)> = texts.iter().filter_map(|t| Some((t.labels()?, t.second.as_ref()?))).collect();
    let [tone, urgency] = [
        f1_of(&TONES, both.iter().map(|(a, b)| (word(&a.tone), word(&b.tone)))),
        f1_of(&URGENCIES, both.iter().map(|(a, b)| (word(&a.urgency), word(&b.urgency)))),
    ];
    let count = |is: &dyn Fn(&Truth, &Truth) -> bool| both.iter().filter(|(a, b)| is(a, b)).count();
    let agreed = count(&|a, b| a.escalate && b.escalate) as f64;
    let [first, second] = [count(&|a, _| a.escalate), count(&|_, b| b.escalate)].map(|n| n.max(1) as f64);
    println!(
        "{} messages have a second reader: tone {tone:.3}, urgency {urgency:.3}, escalate precision {:.3}, recall {:.3}",
        both.len(),
        agreed / second,
        agreed / first,
    );
}

/// A text that was left out, and the shares of each question.
struct Answer<'a> {
    text: &'a Text,
    part: usize,
    shares: HashMap<String, f64>,
}

impl Answer<'_> {
    fn truth(&self) -> Option<&Truth> {
        self.text.labels()
    }

    fn share(&self, name: &str) -> f64 {
        self.shares.get(name).copied().unwrap_or(0.0)
    }
}

/// Learns from all writers but some, in turn, and asks about those.
fn left_out<'a>(texts: &'a [Text], signals: &[String]) -> Vec<Answer<'a>> {
    let mut answers: Vec<Answer<'_>> = Vec::new();
    let writers: BTreeSet<&str> =
        texts.iter().filter(|t| t.labels().is_some()).map(|text| text.writer.as_str()).collect();
    let part_of = |(n, text): (usize, &Text)| {
        let writer = writers.iter().position(|w| *w == text.writer).filter(|_| text.labels().is_some());
        writer.unwrap_or(n) % PARTS
    };
    let parts: Vec<usize> = texts.iter().enumerate().map(part_of).collect();
    for part in 0..PARTS {
        let of =
            |mine: bool| texts.iter().zip(&parts).filter(move |(_, p)| (**p == part) == mine).map(|(text, _)| text);
        let others: Vec<&Text> = of(false).collect();
        let vocabulary = vocabulary(&others);
        let learnt = learn(&others, &vocabulary, signals);
        let from = answers.len();
        // Where a text shows displeasure alone, nobody knows whether a manager should hear of it.
        for text in of(true).filter(|text| !matches!(text.known, Known::Tone(..))) {
            let row = row(text, &vocabulary);
            let shares = learnt.iter().flat_map(|l| l.names.iter().cloned().zip(l.shares(&row))).collect();
            answers.push(Answer { text, part, shares });
        }
        let left = &answers[from..];
        println!("part {part} left out: {} texts, tone {:.3}, urgency {:.3}", left.len(), tone(left), urgency(left));
    }
    println!("all left out: {} texts, tone {:.3}, urgency {:.3}", answers.len(), tone(&answers), urgency(&answers));
    answers
}

/// Learns what the answers mean together; and the share from which a manager is told.
fn whole(answers: &[Answer<'_>]) -> (Whole, f64) {
    let asked = answers.first().map(|answer| answer.shares.keys()).into_iter().flatten();
    let mut names: Vec<String> = asked.filter(|name| *name != "displeased").cloned().collect();
    names.sort_unstable();
    names.extend(CIRCUMSTANCES.map(str::to_owned));
    let input = |answer: &Answer<'_>, name: &String| match answer.shares.get(name) {
        Some(share) => odds(*share),
        None => answer.text.marks.iter().find(|(mark, _)| mark == name).map_or(0.0, |(_, amount)| *amount),
    };
    let case = |answer: &Answer<'_>| {
        let mut truth: Vec<(bool, f64)> = answer.text.readings().map(|(t, counts)| (t.escalate, counts)).collect();
        if truth.is_empty() {
            truth.push((false, CALM));
        }
        Case { inputs: names.iter().map(|name| input(answer, name)).collect(), truth }
    };
    let cases: Vec<Case> = answers.iter().map(case).collect();
    let mut judged: Vec<(f64, bool)> = Vec::new();
    for part in 0..PARTS {
        let of = |mine: bool| answers.iter().zip(&cases).filter(move |(answer, _)| (answer.part == part) == mine);
        let whole = Whole::learn(names.clone(), &of(false).map(|(_, case)| case).collect::<Vec<_>>());
        let shares = of(true).filter_map(|(a, case)| Some((whole.share(&case.inputs), a.truth()?.escalate)));
        judged.extend(shares);
    }
    let alone = answers.iter().filter_map(|a| Some((a.share("escalate"), a.truth()?.escalate)));
    println!("escalate by its own words");
    told(alone.collect());
    println!("escalate by all answers together");
    let from = told(judged);
    (Whole::learn(names, &cases.iter().collect::<Vec<_>>()), from)
}

fn tone(answers: &[Answer<'_>]) -> f64 {
    macro_f1(answers, &TONES, "tone", |truth| word(&truth.tone))
}

fn urgency(answers: &[Answer<'_>]) -> f64 {
    macro_f1(answers, &URGENCIES, "urgency", |truth| word(&truth.urgency))
}

fn macro_f1(answers: &[Answer<'_>], names: &[&str], prefix: &str, of: impl Fn(&Truth) -> Result<String>) -> f64 {
    let share = |answer: &Answer<'_>, name: &str| answer.share(&format!("{prefix}.{name}"));
    let pairs = answers.iter().filter_map(|a| {
        let said = names.iter().max_by(|x, y| share(a, x).total_cmp(&share(a, y)))?;
        Some((of(a.truth()?), Ok((*said).to_owned())))
    });
    f1_of(names, pairs)
}

/// Mean F1 of pairs of names.
fn f1_of(names: &[&str], pairs: impl Iterator<Item = (Result<String>, Result<String>)>) -> f64 {
    let pairs: Vec<(String, String)> = pairs.filter_map(|(is, said)| Some((is.ok()?, said.ok()?))).collect();
    let one = |name: &str| {
        let are = pairs.iter().filter(|(is, _)| is == name).count();
        let found = pairs.iter().filter(|(_, said)| said == name).count();
        let both = pairs.iter().filter(|(is, said)| is == name && said == name).count();
        2.0 * both as f64 / (are + found).max(1) as f64
    };
    names.iter().map(|name| one(name)).sum::<f64>() / names.len() as f64
}

/// The share from which what is told is worth it often enough, where as many messages are worth it as in real mail.
fn told(mut sorted: Vec<(f64, bool)>) -> f64 {
    sorted.sort_by(|one, other| other.0.total_cmp(&one.0));
    let all = sorted.iter().filter(|(_, is)| *is).count().max(1) as f64;
    let calm = (sorted.len() as f64 - all).max(1.0);
    // How much a message counts that nobody need hear of.
    let counts = (1.0 - WORTH) / WORTH * all / calm;
    let (mut right, mut wrong, mut found, mut next) = (0.0, 0.0, (1.0, 0.0), 0.3);
    for (share, is) in &sorted {
        if *is {
            right += 1.0;
        } else {
            wrong += counts;
        }
        let (precision, recall) = (right / (right + wrong), right / all);
        if precision >= SURE {
            found = (*share, recall);
        }
        if recall >= next {
            println!("  from {share:.3}: precision {precision:.3}, recall {recall:.3}");
            next += 0.05;
        }
    }
    println!("  at precision {SURE}: from {:.3}, recall {:.3}", found.0, found.1);
    found.0
}

/// For each signal the share that serves F1 best, drawn to that of all together.
fn pooled(answers: &[&Answer<'_>], signals: &[String]) -> HashMap<String, f64> {
    let count = |signal: &str, from: f64, known: f64| {
        let (name, mark) = (format!("signal.{signal}"), format!("={signal}"));
        answers.iter().fold((0, 0, 0), |(both, said, is), answer| {
            let by_rule = answer.text.marks.iter().any(|(name, _)| *name == mark);
            let least = if by_rule { from * known } else { from };
            let says = answer.share(&name) >= least;
            let holds = answer.truth().is_some_and(|truth| truth.signals.iter().any(|s| s == signal));
            (both + usize::from(says && holds), said + usize::from(says), is + usize::from(holds))
        })
    };
    let f1 = |(both, said, is): (usize, usize, usize)| 2.0 * both as f64 / (said + is).max(1) as f64;
    let add = |a: (usize, usize, usize), b: (usize, usize, usize)| (a.0 + b.0, a.1 + b.1, a.2 + b.2);
    let together = |from: f64, known: f64| signals.iter().map(|s| count(s, from, known)).fold((0, 0, 0), add);
    let steps = || (4..=16).map(|n| f64::from(n) / 20.0);
    for known in [1.0, 0.6, 0.4, 0.25, 0.1, 0.0] {
        let best = steps().max_by(|a, b| f1(together(*a, known)).total_cmp(&f1(together(*b, known)))).unwrap_or(0.5);
        println!("signals, from {best:.2}, by a rule from {:.2}: F1 {:.3}", best * known, f1(together(best, known)));
    }
    let best = steps().max_by(|a, b| f1(together(*a, RULED)).total_cmp(&f1(together(*b, RULED)))).unwrap_or(0.5);
    let (mut sum, mut shares) = ((0, 0, 0), HashMap::new());
    for signal in signals {
        let better = |a: &f64, b: &f64| f1(count(signal, *a, RULED)).total_cmp(&f1(count(signal, *b, RULED)));
        let from = f64::midpoint(steps().max_by(better).unwrap_or(best), best);
        let counted = count(signal, from, RULED);
        println!("  {signal}: from {from:.2}, F1 {:.3} of {}", f1(counted), counted.2);
        sum = add(sum, counted);
        shares.insert(signal.clone(), from);
    }
    println!("signals, each with its share: F1 {:.3}", f1(sum));
    shares
}

fn write(vocabulary: &Vocabulary, learnt: &[Learnt], shares: &Shares, whole: &Whole) -> Result<()> {
    let mut text = "-- What words, pairs of words and marks (=) weigh, learnt by `cargo run --release --example learn`.\n\
        -- Lines with `@`: question, what stands before any word, the share from which the answer is yes. Lines with `%`: an\n\
        -- answer or a mark, its middle and its spread; with `*`: a weight, and the numbers (from 0) of those that are multiplied:\n\
        -- together they say whether a manager should hear of it now. The others: term, rarity, and for each question that it\n\
        -- matters to, number of the question (from 0) : weight.\n"
        .to_owned();
    let mut terms: BTreeMap<&str, (f64, String)> = BTreeMap::new();
    let mut number = 0;
    for (name, bias, weights) in
        learnt.iter().flat_map(|l| l.names.iter().zip(&l.biases).zip(&l.weights).map(|((n, b), w)| (n, b, w)))
    {
        let from = match name.strip_prefix("signal.") {
            Some(signal) => shares.signals.get(signal).copied().unwrap_or(0.5),
            None if name == "escalate" => shares.escalate,
            None => 0.5,
        };
        writeln!(text, "@\t{name}\t{bias:.3}\t{from:.3}")?;
        for (term, place) in &vocabulary.places {
            let weight = weights[*place];
            if weight.abs() < LEAST {
                continue;
            }
            let (_, line) = terms.entry(term).or_insert_with(|| (vocabulary.rarity[*place], String::new()));
            let blank = if line.is_empty() { "" } else { " " };
            // Without the nought before the point: of so many weights, each byte counts.
            let weight = format!("{weight:.2}").replacen("0.", ".", usize::from(weight.abs() < 0.995));
            write!(line, "{blank}{number}:{weight}")?;
        }
        number += 1;
    }
    text.push_str(&whole.lines()?);
    for (term, (rarity, line)) in &terms {
        writeln!(text, "{term}\t{rarity:.2}\t{line}")?;
    }
    fs::write(WEIGHTS, &text).with_context(|| format!("cannot write {WEIGHTS}"))?;
    println!("{} terms, {} KB written to {WEIGHTS}", terms.len(), text.len() / 1024);
    Ok(())
}
