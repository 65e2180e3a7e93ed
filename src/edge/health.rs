//! What is well and what is not, part by part, for operators and their tools.
//!
//! Sentences are our own: no word of any mail, no address. No clock: instants are given.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// A part that was last well longer ago than this is stale, whatever it last said.
const STALE: SignedDuration = SignedDuration::from_mins(15);
/// The most characters that a part says.
const SAYS: usize = 300;

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It has begun, and has not yet worked once.
    Starting,
    /// Its last attempt failed.
    Failing,
    /// It has not been well for long.
    Stale,
}

/// One part, as it is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartReport {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: State,
    /// When it was last well; null before the first time.
    pub last_ok: Option<Timestamp>,
    /// What is wrong; empty where nothing is.
    pub says: String,
}

/// The whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// `ok` or `degraded`.
    pub status: &'static str,
    /// When this was true.
    pub at: Timestamp,
    /// Every part, by name.
    pub parts: Vec<PartReport>,
}

#[derive(Debug, Clone)]
struct Part {
    begun: Timestamp,
    last_ok: Option<Timestamp>,
    trouble: Option<String>,
    /// Whether it must be well again and again, or only until it fails.
    beats: bool,
}

/// What the parts of the daemon report into. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, Part>>>);

impl Health {
    /// Nothing reported yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A part that must report that it is well again and again, from now on.
    pub fn expect(&self, part: &str, now: Timestamp) {
        self.change(part, now, |part| part.beats = true);
    }

    /// A part did what it is for.
    pub fn ok(&self, part: &str, now: Timestamp) {
        self.change(part, now, |part| {
            part.last_ok = Some(now);
            part.trouble = None;
        });
    }

    /// A part failed; `says` why.
    pub fn wrong(&self, part: &str, now: Timestamp, says: &str) {
        let says: String = says.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAYS).collect();
        self.change(part, now, |part| part.trouble = Some(says));
    }

    /// What is wrong with a part, if anything is.
    #[must_use]
    pub fn trouble(&self, part: &str) -> Option<String> {
        self.parts().get(part)?.trouble.clone()
    }

    /// Forgets parts that a reload took away: all but those named.
    pub fn keep(&self, names: &[String]) {
        self.parts().retain(|name, _| names.contains(name));
    }

    /// How everything is.
    #[must_use]
    pub fn report(&self, now: Timestamp) -> Report {
        let parts: Vec<PartReport> = self
            .parts()
            .iter()
            .map(|(name, part)| PartReport {
                name: name.clone(),
                state: state(part, now),
                last_ok: part.last_ok,
                says: part.trouble.clone().unwrap_or_default(),
            })
            .collect();
        let degraded = parts.iter().any(|p| matches!(p.state, State::Failing | State::Stale));
        Report { status: if degraded { "degraded" } else { "ok" }, at: now, parts }
    }

    /// How everything is, in one line.
    #[must_use]
    pub fn line(&self, now: Timestamp) -> String {
        let report = self.report(now);
        let troubles: Vec<String> = report
            .parts
            .iter()
            .filter(|p| matches!(p.state, State::Failing | State::Stale))
            .map(|p| {
                let since = p.last_ok.map_or_else(
                    || "never yet".to_owned(),
                    |at| format!("not for {} min", now.duration_since(at).as_secs() / 60),
                );
                let says = if p.says.is_empty() { String::new() } else { format!(": {}", p.says) };
                format!("{} ({since}{says})", p.name)
            })
            .collect();
        if troubles.is_empty() { "all is well".to_owned() } else { format!("trouble with {}", troubles.join("; ")) }
    }

    fn change(&self, name: &str, now: Timestamp, change: impl FnOnce(&mut Part)) {
        let mut parts = self.parts();
        let fresh = || Part { begun: now, last_ok: None, trouble: None, beats: false };
        change(parts.entry(name.to_owned()).or_insert_with(fresh));
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Part>> {
        // A reporter that panicked has left whole values behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn state(part: &Part, now: Timestamp) -> State {
    let quiet = now.duration_since(part.last_ok.unwrap_or(part.begun)) > STALE;
    match (&part.trouble, part.last_ok) {
        (_, _) if quiet && (part.beats || part.trouble.is_some()) => State::Stale,
        (Some(_), _) => State::Failing,
        (None, None) => State::Starting,
        (None, Some(_)) => State::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(n: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + n * 60).unwrap()
    }

    #[test]
    fn a_line_says_what_is_wrong_and_since_when() {
        let health = Health::new();
        health.expect("mailbox watch", minute(0));
        assert_eq!(health.line(minute(1)), "all is well");
        health.ok("mailbox watch", minute(1));
        health.wrong("relay", minute(2), "connection\nrefused");
        assert_eq!(health.line(minute(3)), "trouble with relay (never yet: connection refused)");
        assert_eq!(health.report(minute(3)).status, "degraded");
        health.ok("relay", minute(3));
        assert_eq!(health.line(minute(4)), "all is well");
        // What must beat and is silent is stale; what has nothing to do is not.
        assert_eq!(health.line(minute(30)), "trouble with mailbox watch (not for 29 min)");
    }

    #[test]
    fn what_a_reload_took_away_is_forgotten() {
        let health = Health::new();
        health.wrong("mailbox old", minute(0), "gone");
        health.keep(&["store".to_owned()]);
        assert_eq!(health.line(minute(1)), "all is well");
    }
}
