//! What judging promises: of rule files, of single messages, of labelled mail.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests fail by panicking, hold tables, and take the time"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use barometer::calendar::Calendar;
use barometer::config::Kind;
use barometer::judge::score::{self, Labelled, LabelledKind, Predicted, Row};
use barometer::judge::{Judge, Letter, RuleFile, Rules, Severity, ToneLabel, Verdict, shipped};
use barometer::read::Direction;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A letter with nothing but a text: inbound, from a client, on a Tuesday at ten.
fn letter<'a>(text: &'a str, calendar: &'a Calendar) -> Letter<'a> {
    Letter { at: Some(at("2026-03-03T10:00")), author: "ottoline@tansy.example", ..Letter::of_text(text, calendar) }
}

fn at(local: &str) -> jiff::Zoned {
    local.parse::<DateTime>().unwrap().to_zoned(TimeZone::UTC).unwrap()
}

/// A small set of rules, so that these tests stand whatever ships.
const RULES: &str = r#"
[group.worry]
tone = 20
[[family]]
name = "work"
words = ["project", "contract"]
[[rule]]
id = "leave"
signal = "cancellation_risk"
describe = "Ends the work"
kind = ["client"]
any = ['\b(cancel|end|terminate)\b.{0,30}\b{work}\b']
unless = ['\bcancel the (meeting|call)\b']
tone = -10
hit = ["We will end the contract."]
miss = ["We won't end the contract."]
[[rule]]
id = "late"
signal = "quality_complaint"
describe = "Complains of lateness"
any = ['\blate again\b', '\blet (us|me) down\b', '\bdelay\b']
tone = -30
hit = ["You are late again."]
miss = ["He was late again."]
[[rule]]
id = "praise"
signal = "praise"
describe = "Praises"
any = ['\bgreat\b', '\bthank you for\b', '\bthanks\b']
tone = 30
hit = ["That was great work."]
miss = ["That was not great."]
[[rule]]
id = "worry"
describe = "Worries"
any = ['\bworried\b', '\bnervous\b', '\bafraid\b']
tone = -15
group = "worry"
max_hits = 5
conditional = "suppress"
hit = ["I am worried."]
miss = ["If I get worried I will call."]
[[rule]]
id = "insult"
signal = "abuse"
describe = "Insults"
any = ['\bidiots\b']
tone = -70
hit = ["You idiots."]
miss = ['The film is called "Idiots" and is good.']
[[rule]]
id = "weak"
signal = "over_your_head"
describe = "A guess"
any = ['\byour boss\b']
confidence = 0.3
hit = ["I know your boss."]
miss = ["I know my boss."]
[[rule]]
id = "heat"
describe = "Late and worried"
meta = "quality_complaint and worry"
severity = "critical"
hit = ["You are late again and I am worried."]
miss = ["You are late again."]
"#;

fn small() -> Judge {
    let file = RuleFile { name: "small.toml".to_owned(), text: RULES.to_owned() };
    let rules = Rules::load(&[file]).unwrap();
    assert_eq!(rules.prove(), [], "the small set proves itself");
    Judge::new(rules)
}

fn judged(text: &str) -> Verdict {
    small().by_rules(&letter(text, &Calendar::office()))
}

#[test]
fn words_are_read_as_meant() {
    #[rustfmt::skip]
    let cases = [
        // text, signal, whether it holds
        ("We have decided to end the contract.",                  "cancellation_risk", true),
        ("Nobody wants to end the contract.",                     "cancellation_risk", false), // negation
        ("Ending the contract is not what we want.",              "cancellation_risk", false), // another word form
        ("Please cancel the call about the project.",             "cancellation_risk", false), // harmless sense
        ("If it slips again we will have to end the contract.",   "cancellation_risk", true),  // a threat keeps its condition
        ("You let us down.",                                      "quality_complaint", true),
        ("Our last agency let us down.",                          "quality_complaint", false), // third party
        ("Sorry, my fault that the delay happened.",              "quality_complaint", false), // own doing
        ("The song \"Let me down\" plays at ten.",                "quality_complaint", false), // only mentioned
        ("Great, another delay.",                                 "quality_complaint", true),  // sarcasm
    ];
    for (text, signal, expected) in cases {
        assert_eq!(judged(text).has(signal), expected, "{text}");
    }
}

#[test]
fn praise_beside_failure_is_never_positive() {
    let verdict = judged("Great, another delay. Thank you for nothing.");
    assert!(verdict.tone.unwrap().label < ToneLabel::Neutral, "{verdict:?}");
}

#[test]
fn many_worries_stay_concerned() {
    let verdict = judged("I am worried. I am nervous. I am afraid. I am worried sick.");
    assert_eq!(verdict.tone.unwrap().label, ToneLabel::Concerned);
}

#[test]
fn a_closing_courtesy_is_no_praise() {
    let verdict = judged("Please send the file.\n\nMany thanks,\nOttoline");
    assert_eq!(verdict.tone.unwrap().label, ToneLabel::Neutral, "{:?}", verdict.hits);
}

#[test]
fn a_calm_cancellation_is_critical_and_a_vendor_s_is_not_ours_to_lose() {
    let calendar = Calendar::office();
    let text = "We have decided to end the contract. Thank you for everything.";
    let client = small().by_rules(&letter(text, &calendar));
    assert_eq!(client.severity, Severity::Critical, "{:?}", client.reasons);
    let vendor = small().by_rules(&Letter { kind: Kind::Vendor, ..letter(text, &calendar) });
    assert!(vendor.severity < Severity::Critical, "{:?}", vendor.reasons);
}

#[test]
fn weak_evidence_never_alerts_by_itself() {
    let calendar = Calendar::office();
    let guess = small().by_rules(&letter("I know your boss.", &calendar));
    assert_eq!(guess.severity, Severity::Info, "{:?}", guess.reasons);
    let unsure = Letter { reading_confidence: 0.3, ..letter("You idiots.", &calendar) };
    let unsure = small().by_rules(&unsure);
    assert_eq!(unsure.severity, Severity::Info);
    assert!(unsure.reasons.iter().any(|r| r.contains("not certain")), "{:?}", unsure.reasons);
}

#[test]
fn a_rule_may_ask_for_more() {
    let verdict = judged("You are late again and I am worried.");
    assert_eq!(verdict.severity, Severity::Critical, "{:?}", verdict.reasons);
    assert!(verdict.hits.iter().any(|hit| hit.rule == "heat"));
}

#[test]
fn an_inherited_subject_and_stop_phrases_count_for_nothing() {
    let calendar = Calendar::office();
    let plain = letter("See attached.", &calendar);
    let new = small().by_rules(&Letter { subject: "You idiots", ..plain.clone() });
    assert!(new.has("abuse"));
    let old = small().by_rules(&Letter { subject: "Re: You idiots", ..plain.clone() });
    assert!(!old.has("abuse"));
    let habit = ["you idiots".to_owned()];
    let stopped = Letter { stop_phrases: &habit, ..letter("Morning you idiots!", &calendar) };
    assert!(!small().by_rules(&stopped).has("abuse"));
}

#[test]
fn our_own_mail_and_internal_mail_keep_their_own_scale() {
    let calendar = Calendar::office();
    let text = "You are late again.";
    for direction in [Direction::Outbound, Direction::Internal] {
        let verdict = small().by_rules(&Letter { direction, ..letter(text, &calendar) });
        assert!(verdict.severity <= Severity::Info, "{direction:?}: {:?}", verdict.reasons);
    }
}

#[test]
fn a_superior_on_copy_of_tense_mail_goes_over_a_head() {
    let calendar = Calendar::office();
    let copied = ["Dana".to_owned()];
    let tense = letter("You are late again. I need it by 5pm today.", &calendar);
    let tense = small().by_rules(&Letter { superiors_on_copy: &copied, ..tense });
    assert!(tense.has("over_your_head"));
    assert_eq!(tense.severity, Severity::Critical);
    let calm = letter("The minutes are attached.", &calendar);
    let calm = small().by_rules(&Letter { superiors_on_copy: &copied, ..calm });
    assert!(!calm.has("over_your_head"));
}

#[test]
fn the_hour_of_arrival_decides_what_short_notice_is() {
    #[rustfmt::skip]
    let cases: [(&str, &str, &[&str]); 9] = [
        ("2026-03-03T16:45", "I need the proof before you leave.",          &["short_notice_deadline"]),
        ("2026-03-03T10:00", "Could you send it by 5 please?",              &["short_notice_deadline"]),
        ("2026-03-02T10:00", "Please send it by end of day Friday.",        &["deadline"]),
        ("2026-03-06T16:45", "I need it on my desk by 9 on Monday.",        &["short_notice_deadline"]),
        ("2026-03-03T16:45", "I need it tonight.",                          &["short_notice_deadline", "after_hours_demand"]),
        ("2026-03-03T16:45", "No rush, but could you send it today?",       &[]),
        ("2026-03-03T10:00", "I'll send it by 5.",                          &[]),
        ("2026-03-03T10:00", "You said you would send it by Monday.",       &[]),
        ("2026-03-03T10:00", "We need the spec by the 22nd.",               &["deadline"]),
    ];
    let calendar = Calendar::office();
    for (arrival, text, expected) in cases {
        let verdict = small().by_rules(&Letter { at: Some(at(arrival)), ..letter(text, &calendar) });
        let timed = ["short_notice_deadline", "deadline", "after_hours_demand"];
        let found: Vec<&str> = timed.into_iter().filter(|s| verdict.has(s)).collect();
        assert_eq!(found, expected, "{text} at {arrival}");
    }
}

#[test]
fn promises_are_kept_with_their_date() {
    #[rustfmt::skip]
    let cases: [(&str, Option<Option<&str>>); 6] = [
        ("I'll send it by Thursday.",              Some(Some("2026-03-05"))),
        ("You will have it tomorrow before ten.",  Some(Some("2026-03-04T10:00"))),
        ("I will call the printer.",               Some(None)),
        ("If it rains we will move it to Friday.", None),
        ("Will you send it by Thursday?",          None),
        ("We'll see how it goes on Friday.",       None),
    ];
    let calendar = Calendar::office();
    for (text, expected) in cases {
        let ours = Letter { direction: Direction::Outbound, ..letter(text, &calendar) };
        let verdict = small().by_rules(&ours);
        let due = verdict.commitments.first().map(|promise| promise.due.as_deref());
        assert_eq!(due, expected, "{text}");
    }
}

#[test]
fn bad_rule_files_are_refused_by_exact_complaint() {
    let rule =
        |lines: &str| format!("[[rule]]\nid = \"r\"\ndescribe = \"d\"\nhit = [\"late\"]\nmiss = [\"early\"]\n{lines}");
    #[rustfmt::skip]
    let cases = [
        (rule("any = [\"late\"]\nurgancy = 5"),
         "bad.toml:7: rule `r`: unknown key `urgancy`; did you mean `urgency`?"),
        (rule("any = [\"late\"]\nsignal = \"chasser\""),
         "bad.toml:7: rule `r`: `chasser` is no signal of a message; did you mean `chaser`?"),
        (rule("any = [\"late\"]\nsignal = \"unanswered\""),
         "bad.toml:7: rule `r`: `unanswered` is no signal of a message; use a name of the table of signals, or leave `signal` out"),
        (rule("any = [\"late\"]\nseverity = \"critcal\""),
         "bad.toml:7: rule `r`: `critcal` is no value of `severity`; did you mean `critical`?"),
        (rule("any = ['late(?! again)']"),
         "bad.toml:6: rule `r`: the pattern 'late(?! again)' looks around (`(?=`, `(?!`, `(?<`), which no linear-time engine can do; match the neighbouring words too, or use `unless`"),
        (rule(r"any = ['(\w+) \1']"),
         r"bad.toml:6: rule `r`: the pattern '(\w+) \1' refers back (`\1`), which no linear-time engine can do; write the repeated words out"),
        (rule("any = ['']"),
         "bad.toml:6: rule `r`: the pattern '' is empty; write what it should match, or remove it"),
        (rule("any = ['(a*)*']"),
         "bad.toml:6: rule `r`: the pattern '(a*)*' matches everything; make it ask for a word"),
        (rule("any = ['{wrok}']"),
         "bad.toml:6: rule `r`: the pattern '{wrok}' names the family `wrok`, which is unknown; add a [[family]] of that name"),
        (rule(r"any = ['((x{1000}){1000}){99}']"),
         r"bad.toml:6: rule `r`: the pattern '((x{1000}){1000}){99}' is too big; lower its counted repetitions (a compiled pattern may take 10 MiB)"),
        (rule("meta = \"latr\""),
         "bad.toml:6: rule `r`: its `meta` names `latr`, which is no rule and no signal; name a rule or a signal"),
        (rule("meta = \"not r\""),
         "bad.toml:6: rule `r`: its `meta` forms a cycle; let no meta lead back to itself"),
        (rule("meta = \"(praise\""),
         "bad.toml:6: rule `r`: its `meta` cannot be read: a `)` is missing; use names, numbers, and or not + >= > == ( )"),
        (rule("any = [\"late\"]\ntone = -30\ngroup = \"g\"\n[group.g]\ntone = 20"),
         "bad.toml:7: rule `r`: `tone` is -30, more than the 20 that its group `g` may add; lower it, or raise the cap of the group"),
        ("[[rule]]\nid = \"r\"\nany = [\"late\"]\nhit = [\"late\"]\nmiss = [\"early\"]".to_owned(),
         "bad.toml:1: rule `r`: it has no `describe`; say in a sentence what it finds"),
        ("[[rule]]\nid = \"r\"\ndescribe = \"d\"\nany = [\"late\"]\nhit = [\"late\"]".to_owned(),
         "bad.toml:1: rule `r`: it has no `miss`; add a text it must not fire on"),
        ("[[rule]\nid = 3".to_owned(),
         "bad.toml:1: "),
    ];
    for (text, expected) in cases {
        let errors = Rules::load(&[RuleFile { name: "bad.toml".to_owned(), text: text.clone() }]).unwrap_err();
        let first = errors.0.first().unwrap().to_string();
        assert!(first.starts_with(expected), "{text}\nexpected {expected}\nfound    {first}");
    }
}

#[test]
fn every_complaint_comes_at_once() {
    let text = "[[rule]]\nid = \"a\"\nany = ['(']\n[[rule]]\nid = \"a\"\nspeed = 3\n";
    let file = RuleFile { name: "bad.toml".to_owned(), text: text.to_owned() };
    let errors = Rules::load(&[file]).unwrap_err().to_string();
    for expected in ["no `describe`", "no `hit`", "no `miss`", "is wrong", "twice", "key `speed`"] {
        assert!(errors.contains(expected), "{expected} in\n{errors}");
    }
}

#[test]
fn a_later_file_replaces_and_removes() {
    let own = r#"
[[rule]]
id = "late"
describe = "Ours"
any = ['\bovertime\b']
tone = -30
hit = ["It runs into overtime."]
miss = ["Late again."]
[[rule]]
id = "insult"
status = "off"
[[rule]]
id = "weak"
describe = "On trial"
status = "testing"
any = ['\byour boss\b']
tone = -50
hit = ["I know your boss."]
miss = ["I know my boss."]
"#;
    let file = |name: &str, text: &str| RuleFile { name: name.to_owned(), text: text.to_owned() };
    let rules = Rules::load(&[file("small.toml", RULES), file("own.toml", own)]).unwrap();
    assert_eq!(rules.describe("late"), Some("Ours"));
    assert_eq!(rules.describe("insult"), None);
    let verdict = Judge::new(rules).by_rules(&letter("Please give the form to your boss.", &Calendar::office()));
    assert_eq!(verdict.tone.unwrap().label, ToneLabel::Neutral, "a rule on trial only shows");
    assert!(verdict.hits.iter().any(|hit| hit.rule == "weak" && hit.suppressed.is_some()));
}

#[test]
fn hostile_texts_are_judged_in_little_time() {
    let judge = Judge::new(Rules::load(&shipped()).unwrap());
    let calendar = Calendar::office();
    let texts = [
        "a".repeat(100_000),
        "not ".repeat(25_000),
        "\"".repeat(100_000),
        "if you don't send it by 5 we will cancel the contract ".repeat(2_000),
        "urgent! ".repeat(12_000),
        "é".repeat(50_000),
        "1.".repeat(50_000),
        "\n".repeat(100_000),
        "the 1st by the 2nd, ".repeat(5_000),
    ];
    for text in &texts {
        let start = Instant::now();
        let verdict = judge.judge(&letter(text, &calendar));
        let took = start.elapsed();
        let shown: String = text.chars().take(20).collect();
        // Unoptimised and on a busy machine; a quadratic step would take minutes.
        assert!(took < Duration::from_secs(8), "{shown}… took {took:?}");
        assert!(verdict.commitments.len() <= 20);
        println!("{shown:?}… {took:?}");
    }
}

#[test]
fn the_shipped_rules_load_and_prove_themselves() {
    let rules = match Rules::load(&shipped()) {
        Ok(rules) => rules,
        Err(errors) => panic!("{errors}"),
    };
    let complaints = rules.prove();
    let text: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert!(complaints.is_empty(), "{} complaints:\n{}", text.len(), text.join("\n"));
}

#[test]
fn what_a_firm_s_own_rule_says_stands_whatever_the_words_weigh() {
    let own = r#"
[[rule]]
id = "plates-back"
signal = "cancellation_risk"
describe = "Asks for the plates"
any = ['\bplates back\b']
tone = -30
hit = ["Could we have the plates back?"]
miss = ["The plates are here."]
"#;
    let mut files = shipped();
    let calendar = Calendar::office();
    let text = "Morning! Lovely weather. Could we have the plates back some time? Thanks.";
    let before = Judge::new(Rules::load(&files).unwrap()).judge(&letter(text, &calendar));
    assert!(!before.escalate(), "the words alone are harmless: {:?}", before.reasons);
    files.push(RuleFile { name: "firm/own.toml".to_owned(), text: own.to_owned() });
    let after = Judge::new(Rules::load(&files).unwrap()).judge(&letter(text, &calendar));
    assert!(after.has("cancellation_risk"));
    assert_eq!(after.severity, Severity::Critical, "{:?}", after.reasons);
    assert_eq!(after.tone.unwrap().label, ToneLabel::Frustrated);
}

/// Labelled mail of ours, judged. Every second message was kept aside while rules were written.
fn labelled(keep: impl Fn(usize) -> bool) -> Vec<Row> {
    let judge = Judge::new(Rules::load(&shipped()).unwrap());
    let strata: BTreeMap<String, String> = serde_json::from_str(include_str!("corpus/strata.json")).unwrap();
    let calendar = Calendar::office();
    let lines = include_str!("corpus/messages.jsonl").lines().enumerate();
    lines
        .filter(|(index, _)| keep(*index))
        .map(|(_, line)| {
            let message: Labelled = serde_json::from_str(line).unwrap();
            let (direction, kind) = match message.kind {
                LabelledKind::Client => (Direction::Inbound, Kind::Client),
                LabelledKind::Vendor => (Direction::Inbound, Kind::Vendor),
                LabelledKind::StaffOutbound => (Direction::Outbound, Kind::Client),
            };
            let verdict = judge.judge(&Letter {
                subject: &message.subject,
                direction,
                kind,
                at: Some(at(&message.received_local)),
                ..letter(&message.body, &calendar)
            });
            Row {
                stratum: strata.get(&message.id).cloned().unwrap_or_default(),
                predicted: Predicted::from(&verdict),
                truth: message.labels,
                id: message.id,
            }
        })
        .collect()
}

#[test]
fn labelled_mail_is_judged_well_on_both_halves() {
    for (name, half) in [("tuned", 1), ("kept aside", 0)] {
        let report = score::measure(&labelled(|index| index % 2 == half));
        println!("== {name}\n{report}");
    }
}
