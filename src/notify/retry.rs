//! What a relay's answer means for an e-mail, when it is tried again, and how long it is worth it.
//!
//! Pure: the edge says what it heard and how far it had come; what follows is decided here. Nobody
//! is given up for a fault of the relay or of our settings, and nothing is called unsent that may
//! have been sent.

use jiff::{SignedDuration, Timestamp};

/// The wait before the one repeat of an e-mail whose outcome is unknown.
pub const UNKNOWN_WAIT: SignedDuration = SignedDuration::from_mins(10);
/// How long a critical alert is worth sending.
pub const CRITICAL_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// How long a warning is worth sending; the digest has it all the same.
pub const WARNING_LIFE: SignedDuration = SignedDuration::from_hours(12);
/// How long a digest is worth sending: until the next one.
pub const DIGEST_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// How long a notice about our own work is worth sending.
pub const NOTICE_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Waits after the first, second, … failure; then the last one, for ever. The first steps fit
/// greylisting.
const WAITS: [i64; 8] = [1, 2, 5, 10, 20, 30, 60, 60];
/// How far jitter moves a wait, as a share of it.
const SPREAD: f64 = 0.1;
/// Tries at a recipient whom the relay refuses without a reason that is final.
const DOUBTFUL_TRIES: u32 = 3;
/// The wait between them.
const DOUBTFUL_WAIT: SignedDuration = SignedDuration::from_hours(1);
/// The most characters of a relay's words that are kept.
const WORDS: usize = 200;

/// What came of an attempt, and so what is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The relay has it.
    Sent {
        /// What it answered.
        reply: String,
    },
    /// Certainly not delivered; the relay asked for patience, or the connection broke early. Try again.
    Deferred {
        /// Why.
        reason: String,
    },
    /// The relay, or our settings for it, are at fault, not this recipient: hold everything.
    RelayFault {
        /// Why.
        reason: String,
    },
    /// The relay refuses this recipient, without a reason that is final: see [`after_doubt`].
    Doubtful {
        /// Why.
        reason: String,
    },
    /// The relay will never deliver to this recipient.
    Refused {
        /// Why.
        reason: String,
    },
    /// The relay does not like what the message says: once more with less in it, then no more.
    ContentRefused {
        /// Why.
        reason: String,
    },
    /// It may have been delivered, and it may not.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// What came of it, in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Deferred { .. } | Self::Doubtful { .. } => "deferred",
            Self::RelayFault { .. } => "relay_fault",
            Self::Refused { .. } | Self::ContentRefused { .. } => "failed",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The relay's words, or ours.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Sent { reply } => reply,
            Self::Deferred { reason }
            | Self::RelayFault { reason }
            | Self::Doubtful { reason }
            | Self::Refused { reason }
            | Self::ContentRefused { reason }
            | Self::Unknown { reason } => reason,
        }
    }
}

/// What in a transaction was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Who sends: MAIL.
    Sender,
    /// Who gets it: RCPT.
    Recipient,
    /// That a message follows: DATA.
    Data,
    /// The message, with its final dot.
    Message,
}

/// What an answer means that did not accept what was asked. `proven`: over the same connection the
/// relay has accepted an e-mail of ours, so it knows us and takes our mail in general.
///
/// By stage and enhanced code (RFC 3463). Many relays, Postfix first, say what they hold against
/// the client or the sender only when they are told the recipient.
#[must_use]
pub fn refusal(stage: Stage, code: u16, text: &str, proven: bool) -> Outcome {
    let reason = words(&format!("{code} {text}"));
    let enhanced = enhanced(text);
    match (code, stage) {
        (400..=499, _) => return Outcome::Deferred { reason },
        (500..=599, _) => {}
        // No refusal, but not what was due either: we have lost each other.
        (_, Stage::Message) => return Outcome::Unknown { reason },
        _ => return Outcome::Deferred { reason },
    }
    let unknown_to_it = matches!(code, 530 | 534 | 535 | 538) || matches!(enhanced, Some((7, 8 | 9 | 30 | 57)));
    let of_us = !proven && is_about_us(stage, enhanced, text);
    match (stage, enhanced) {
        (Stage::Sender, _) => Outcome::RelayFault { reason },
        _ if unknown_to_it || of_us => Outcome::RelayFault { reason },
        (Stage::Recipient | Stage::Message, Some((1, 0..=6 | 9 | 10) | (2, 1))) => Outcome::Refused { reason },
        // A mailbox may be full (5.2.2) for a while; longer than that, somebody else must hear of it.
        (Stage::Recipient | Stage::Data, _) | (Stage::Message, Some((2, 2))) => Outcome::Doubtful { reason },
        (Stage::Message, _) => Outcome::ContentRefused { reason },
    }
}

/// Whether a refusal is about the sender, our machine, or our right to use the relay.
fn is_about_us(stage: Stage, enhanced: Option<(u16, u16)>, text: &str) -> bool {
    match enhanced {
        // The recipient is what it names.
        Some((1, 1..=6 | 9 | 10) | (2, 1)) => false,
        // Bad sender; sender not authenticated (SPF, DKIM), not allowed, or barred.
        Some((1, 7 | 8) | (7, 20..=29 | 60 | 500..=799)) => true,
        _ => {
            let text = text.to_ascii_lowercase();
            let words = ["relay", "sender", "client host", "helo", "authenticat"];
            // Of a message, the same words may speak of what it says.
            stage == Stage::Recipient && words.iter().any(|word| text.contains(word))
        }
    }
}

/// Subject and detail of an enhanced status code of class 5, where the answer has one.
fn enhanced(text: &str) -> Option<(u16, u16)> {
    text.split([' ', ':', ';', ',', '(', ')', '[', ']', '#']).find_map(|word| {
        let mut parts = word.strip_prefix("5.")?.split('.');
        let (subject, detail) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some((subject, detail))
    })
}

/// A relay's words as they may be kept and logged: one short line, every address masked.
#[must_use]
pub fn words(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = plain.split_whitespace().map(|word| if word.contains('@') { "(address)" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(WORDS).collect()
}

/// When to try again after so many `failures` in a row. `jitter`, from 0 to 1, moves the wait by
/// up to a tenth of it to either side. Defined for every input.
#[must_use]
pub fn next_attempt(failures: u32, now: Timestamp, jitter: f64) -> Timestamp {
    let step = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX).min(WAITS.len() - 1);
    let wait = SignedDuration::from_mins(WAITS.get(step).copied().unwrap_or(60));
    let jitter = if jitter.is_nan() { 0.5 } else { jitter.clamp(0.0, 1.0) };
    let factor = 1.0 + SPREAD * (2.0 * jitter - 1.0);
    now.checked_add(wait.mul_f64(factor)).unwrap_or(Timestamp::MAX)
}

/// When to try again after so many `tries`, this one included, at a recipient refused without a
/// reason that is final; `None` where it is to be taken as final now.
#[must_use]
pub fn after_doubt(tries: u32, now: Timestamp) -> Option<Timestamp> {
    (tries < DOUBTFUL_TRIES).then(|| now.checked_add(DOUBTFUL_WAIT).unwrap_or(Timestamp::MAX))
}

/// A span as the store counts.
#[must_use]
pub fn micros(span: SignedDuration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_level_off() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        #[rustfmt::skip]
        let cases = [
            // failures, jitter, seconds
            (0,        0.5,   60.0),
            (1,        0.5,   60.0),
            (2,        0.5,  120.0),
            (3,        0.5,  300.0),
            (4,        0.5,  600.0),
            (5,        0.5, 1200.0),
            (6,        0.5, 1800.0),
            (7,        0.5, 3600.0),
            (8,        0.5, 3600.0),
            (u32::MAX, 0.5, 3600.0),
            (1,        0.0,   54.0),
            (1,        1.0,   66.0),
            (1,        9.0,   66.0),
            (8,       -1.0, 3240.0),
        ];
        for (failures, jitter, seconds) in cases {
            let wait = next_attempt(failures, now, jitter).duration_since(now).as_secs_f64();
            assert!((wait - seconds).abs() < 0.01, "after {failures} failures, jitter {jitter}: {wait}");
        }
        assert!(next_attempt(3, now, f64::NAN) >= now);
        assert_eq!(next_attempt(9, Timestamp::MAX, 1.0), Timestamp::MAX);
    }

    #[test]
    fn doubt_lasts_for_three_tries() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let hour = Some(now + SignedDuration::from_hours(1));
        for (tries, next) in [(0, hour), (1, hour), (2, hour), (3, None), (u32::MAX, None)] {
            assert_eq!(after_doubt(tries, now), next, "after {tries} tries");
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table is as long as it is")]
    fn an_answer_means_what_stage_and_code_say() {
        use Stage::{Data, Message, Recipient, Sender};
        #[rustfmt::skip]
        let cases = [
            // stage, code, text, proven, what it means
            (Sender,    451, "4.3.0 later",                                    false, "deferred"),
            (Sender,    421, "too many connections",                           true,  "deferred"),
            (Sender,    550, "no",                                             true,  "relay_fault"),
            (Sender,    530, "5.7.0 Must issue a STARTTLS command first",      false, "relay_fault"),
            (Sender,    553, "5.7.1 Sender address rejected: not owned by user", true, "relay_fault"),
            (Sender,    354, "go",                                             false, "deferred"),
            (Recipient, 450, "4.7.1 Greylisted",                               false, "deferred"),
            (Recipient, 452, "4.2.2 full",                                     false, "deferred"),
            (Recipient, 550, "5.1.1 who?",                                     false, "refused"),
            (Recipient, 550, "5.1.10 null MX",                                 false, "refused"),
            (Recipient, 550, "#5.1.0 Address rejected.",                       false, "refused"),
            (Recipient, 550, "Address unknown (5.1.1)",                        false, "refused"),
            (Recipient, 550, "5.1.1 unknown to this relay, sender",            false, "refused"),
            (Recipient, 550, "5.2.1 disabled",                                 false, "refused"),
            (Recipient, 552, "5.2.2 full",                                     false, "doubtful"),
            (Recipient, 550, "no",                                             false, "doubtful"),
            (Recipient, 550, "5.5.0 no",                                       false, "doubtful"),
            (Recipient, 550, "5.1.1.1 is no such code",                        false, "doubtful"),
            (Recipient, 550, "4.1.1 is another class",                         false, "doubtful"),
            (Recipient, 554, "5.7.1 <(address)>: Relay access denied",         false, "relay_fault"),
            (Recipient, 554, "5.7.1 <(address)>: Relay access denied",         true,  "doubtful"),
            (Recipient, 550, "5.1.0 <(address)>: Sender address rejected",     false, "relay_fault"),
            (Recipient, 550, "5.1.8 bad outbound sender",                      false, "relay_fault"),
            (Recipient, 504, "5.5.2 <x>: Helo command rejected",               false, "relay_fault"),
            (Recipient, 554, "5.7.1 Client host rejected: Access denied",      false, "relay_fault"),
            (Recipient, 550, "5.7.30 Basic authentication is not supported",   true,  "relay_fault"),
            (Recipient, 530, "5.7.57 Client not authenticated",                true,  "relay_fault"),
            (Recipient, 550, "5.7.1 not for the likes of you",                 false, "doubtful"),
            (Data,      451, "later",                                          false, "deferred"),
            (Data,      554, "5.5.1 no valid recipients",                      false, "doubtful"),
            (Data,      530, "log in",                                         false, "relay_fault"),
            (Message,   451, "4.3.0 disk full",                                false, "deferred"),
            (Message,   421, "bye",                                            false, "deferred"),
            (Message,   554, "looks like spam",                                false, "content"),
            (Message,   554, "5.7.1 looks like spam, says our relay",          false, "content"),
            (Message,   552, "5.7.0 blocked because of its content",           false, "content"),
            (Message,   550, "5.6.0 broken",                                   false, "content"),
            (Message,   552, "5.3.4 too large",                                false, "content"),
            (Message,   552, "5.2.3 too large for them",                       false, "content"),
            (Message,   552, "5.2.2 full",                                     false, "doubtful"),
            (Message,   550, "5.1.1 nobody",                                   false, "refused"),
            (Message,   550, "5.7.60 no right to send as this sender",         false, "relay_fault"),
            (Message,   550, "5.7.26 unauthenticated sender",                  false, "relay_fault"),
            (Message,   550, "5.7.26 unauthenticated sender",                  true,  "content"),
            (Message,   550, "5.7.708 traffic not accepted from this IP",      false, "relay_fault"),
            (Message,   535, "5.7.8 who are you?",                             true,  "relay_fault"),
            (Message,   354, "go on",                                          false, "unknown"),
        ];
        for (stage, code, text, proven, expected) in cases {
            let outcome = refusal(stage, code, text, proven);
            let word = match &outcome {
                Outcome::Doubtful { .. } => "doubtful",
                Outcome::ContentRefused { .. } => "content",
                Outcome::Refused { .. } => "refused",
                other => other.word(),
            };
            assert_eq!(word, expected, "{stage:?} {code} {text}, proven: {proven}");
        }
    }

    #[test]
    fn what_is_kept_of_an_answer_names_nobody() {
        let said = words("550 5.1.1 <ann@acme.example>:\r\n no such user,\task postmaster@acme.example\0");
        assert_eq!(said, "550 5.1.1 (address) no such user, ask (address)");
        assert_eq!(enhanced(&said), Some((1, 1)));
        assert_eq!(words(&"ä".repeat(1_000)).chars().count(), WORDS);
    }
}
