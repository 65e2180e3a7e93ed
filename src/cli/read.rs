//! `barometer read`: what the stages make of single messages.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use barometer::edge::files;
use barometer::judge::Verdict;
use barometer::pipeline::{Reader, Understood};
use barometer::read::{Address, Reading};
use clap::Args;
use serde_json::{Value, json};

use super::{Common, Outcome, open, print};

/// Show what the stages make of single messages: author, wrapping, account, texts, tone, urgency, signals.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  barometer read --config barometer.toml mail/complaint.eml\n  barometer read --json ~/Maildir | jq .severity"
)]
pub struct Read {
    /// Messages: `.eml` files, mbox files, Maildir folders, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Read {
    pub fn run(self, common: &Common) -> Result<Outcome> {
        let settings = open::settings(common)?;
        let judge = open::judge_for(&settings)?;
        let reader = Reader::new(Arc::new(settings), judge);
        let listing = files::list(&self.paths, &mut |_| {})?;
        let mut outcome = Outcome::Done;
        for complaint in &listing.complaints {
            print::error(complaint);
            if complaint.is_fault() {
                outcome = Outcome::FoundWrong;
            }
        }
        for item in &listing.items {
            let raw = match files::fetch(item) {
                Ok(raw) => raw,
                Err(error) => {
                    print::error(&error);
                    outcome = Outcome::FoundWrong;
                    continue;
                }
            };
            let understood = reader.understand(&raw.bytes, raw.whole_bytes, item.arrived_at);
            if matches!(understood.message.reading, Reading::Unreadable(_)) {
                outcome = Outcome::FoundWrong;
            }
            if common.json {
                print::json(&as_json(&item.path, &understood));
            } else {
                print::text(&super::explain::explain(&item.path, &understood));
            }
        }
        Ok(outcome)
    }
}

/// One object a message; names as the README documents them.
pub fn as_json(path: &str, understood: &Understood) -> Value {
    let Understood { message: m, filed, verdict, .. } = understood;
    let (reading, reason) = match &m.reading {
        Reading::Ok => ("ok", Value::Null),
        Reading::Unreadable(reason) => ("unreadable", json!(reason)),
    };
    let carrier = m.carrier.as_ref().map(|c| json!({ "from": c.from.as_ref().map(address), "sent_at": c.sent_at }));
    let layers: Vec<Value> = m
        .layers
        .iter()
        .map(|l| {
            json!({ "message_id": l.message_id, "from": l.from.as_ref().map(address), "to": addresses(&l.to), "cc": addresses(&l.cc),
                    "subject": l.subject, "sent_at": l.sent_at, "date_raw": l.date_raw, "text": l.text })
        })
        .collect();
    let mut object = json!({
        "path": path, "reading": reading, "reason": reason, "confidence": round(m.confidence), "doubts": m.doubts, "doubtful": understood.doubtful,
        "message_id": m.message_id, "wrapping": m.wrapping, "carrier": carrier, "note": m.note, "layers": layers,
        "from": m.from.as_ref().map(address), "to": addresses(&m.to), "cc": addresses(&m.cc), "subject": m.subject, "sent_at": m.sent_at,
        "direction": m.direction, "automatic": m.automatic, "bounced": m.bounced, "facts": m.facts,
        "account": filed.account, "provisional": filed.provisional, "contact": filed.contact, "evidence": filed.evidence,
        "new_text": m.texts.new_text, "quoted_text": m.texts.quoted_text, "signature": m.texts.signature,
        "disclaimer": m.texts.disclaimer, "language": m.language,
    });
    if let (Some(object), Value::Object(judged)) = (object.as_object_mut(), verdict_json(verdict)) {
        object.extend(judged);
    }
    object
}

fn verdict_json(verdict: &Verdict) -> Value {
    let promises = verdict.commitments.iter();
    let promises: Vec<Value> =
        promises.map(|p| json!({ "by": p.by, "person": p.person, "words": p.words, "due": p.due })).collect();
    json!({
        "tone": verdict.tone, "urgency": verdict.urgency, "asks": verdict.asks, "signals": verdict.signals,
        "commitments": promises, "severity": verdict.severity, "escalate": verdict.escalate(),
        "reasons": verdict.reasons, "hits": verdict.hits, "leanings": verdict.leanings,
    })
}

fn address(a: &Address) -> Value {
    json!({ "name": a.name, "address": a.address })
}

fn addresses(list: &[Address]) -> Vec<Value> {
    list.iter().map(address).collect()
}

fn round(confidence: f64) -> f64 {
    (confidence * 100.0).round() / 100.0
}
