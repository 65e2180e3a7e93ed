//! One message explained on a terminal: where it belongs, what it says, and why.

use barometer::judge::Hit;
use barometer::pipeline::Understood;
use barometer::read::{Address, Reading};
use serde::Serialize;

/// Width of the label column.
const LABEL: usize = 11;

/// Everything a reader of a verdict may ask, on about a screen.
pub fn explain(path: &str, understood: &Understood) -> String {
    let mut out = vec![path.to_owned()];
    envelope(&mut out, understood);
    verdict(&mut out, understood);
    for (label, text) in [
        ("new text", &understood.message.texts.new_text),
        ("quoted", &understood.message.texts.quoted_text),
        ("signature", &understood.message.texts.signature),
        ("disclaimer", &understood.message.texts.disclaimer),
    ] {
        zone(&mut out, label, text);
    }
    out.push(String::new());
    out.join("\n")
}

fn envelope(out: &mut Vec<String>, understood: &Understood) {
    let m = &understood.message;
    if let Reading::Unreadable(reason) = &m.reading {
        line(out, "unreadable", reason);
    }
    line(out, "from", &m.from.as_ref().map_or_else(|| "unknown".into(), person));
    line(out, "to", &m.to.iter().chain(&m.cc).map(person).collect::<Vec<_>>().join(", "));
    line(out, "subject", &m.subject);
    line(out, "written", &m.sent_at.map_or_else(|| "unknown".into(), |at| at.to_string()));
    let carrier =
        m.carrier.as_ref().and_then(|c| c.from.as_ref()).map_or_else(String::new, |a| format!(" by {}", person(a)));
    line(out, "came", &format!("{}{carrier}", word(&m.wrapping)));
    line(out, "direction", &m.direction.as_ref().map_or_else(|| "unknown".into(), word));
    if let Some(automatic) = &m.automatic {
        line(out, "automatic", &word(automatic));
    }
    origin(out, understood);
}

/// Where it was filed, and what it came through.
fn origin(out: &mut Vec<String>, understood: &Understood) {
    let Understood { message: m, filed, .. } = understood;
    let provisional = if filed.provisional { " (provisional)" } else { "" };
    line(out, "account", &format!("{}{provisional}: {}", filed.account.as_deref().unwrap_or("none"), filed.evidence));
    if m.confidence < 1.0 {
        line(out, "confidence", &format!("{:.2} {}", m.confidence, m.doubts.join("; ")));
    }
    if understood.doubtful {
        line(out, "doubted", "the server set as `authserv_id` says that its author did not send it: it calms nothing");
    }
    if let Some(note) = &m.note {
        line(out, "note", note);
    }
    for (n, layer) in m.layers.iter().enumerate() {
        let author = layer.from.as_ref().map_or_else(|| "unknown".into(), person);
        line(out, "forwarded", &format!("{}. {author}, {}: {}", n + 1, layer.date_raw, layer.subject));
    }
}

fn verdict(out: &mut Vec<String>, understood: &Understood) {
    let v = &understood.verdict;
    if let (Some(tone), Some(urgency)) = (v.tone, v.urgency) {
        line(out, "tone", &format!("{} ({:+})", word(&tone.label), tone.score));
        line(out, "urgency", &format!("{} ({})", word(&urgency.label), urgency.score));
    }
    for signal in &v.signals {
        line(out, "signal", &format!("{} by {}: “{}”", signal.signal, signal.rule, signal.words));
    }
    for hit in &v.hits {
        line(out, "hit", &hit_line(hit));
    }
    for lean in &v.leanings {
        line(out, "leans", &format!("to {} ({:.2}) by {}: “{}”", lean.to, lean.share, lean.words, lean.sentence));
    }
    for promise in &v.commitments {
        line(
            out,
            "promise",
            &format!("{} until {}: “{}”", promise.person, promise.due.as_deref().unwrap_or("no day"), promise.words),
        );
    }
    let action = if v.escalate() { "alert" } else { "no alert" };
    line(out, "severity", &format!("{}, {action} (confidence {:.2})", word(&v.severity), v.confidence));
    for reason in &v.reasons {
        line(out, "because", reason);
    }
}

fn hit_line(hit: &Hit) -> String {
    let mut text =
        format!("{} in {}: “{}” tone {:+} urgency {:+}", hit.rule, hit.scope, hit.words, hit.tone, hit.urgency);
    if let Some(why) = &hit.suppressed {
        text.push_str(" — does not count: ");
        text.push_str(why);
    }
    text
}

fn zone(out: &mut Vec<String>, label: &str, text: &str) {
    if text.trim().is_empty() {
        return;
    }
    out.push(format!("  {label}:"));
    for text_line in text.trim_end().lines() {
        out.push(format!("    | {text_line}"));
    }
}

fn line(out: &mut Vec<String>, label: &str, text: &str) {
    out.push(format!("  {label:LABEL$} {}", text.replace(['\n', '\r', '\t'], " ")));
}

fn person(who: &Address) -> String {
    match (who.name.is_empty(), who.address.is_empty()) {
        (true, _) => who.address.clone(),
        (_, true) => who.name.clone(),
        _ => format!("{} <{}>", who.name, who.address),
    }
}

/// Mail must not steer a terminal.
fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
