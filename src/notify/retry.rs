//! When an e-mail is tried again, and how long it is worth it.
//!
//! Pure: what a relay said is told by the edge, what follows is decided here.

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

/// When to try again after so many `failures` in a row. `jitter`, from 0 to 1, moves the wait by
/// up to a tenth of it to either side. Defined for every input.
#[must_use]
pub fn next_attempt(failures: u32, now: Timestamp, jitter: f64) -> Timestamp {
    let step = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX).min(WAITS.len() - 1);
    let wait = SignedDuration::from_mins(WAITS.get(step).copied().unwrap_or(60));
    let factor = 1.0 + SPREAD * (2.0 * jitter.clamp(0.0, 1.0) - 1.0);
    now.checked_add(wait.mul_f64(factor)).unwrap_or(Timestamp::MAX)
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
            (7,        0.5, 3600.0),
            (u32::MAX, 0.5, 3600.0),
            (1,        0.0,   54.0),
            (1,        1.0,   66.0),
            (1,        9.0,   66.0),
        ];
        for (failures, jitter, seconds) in cases {
            let wait = next_attempt(failures, now, jitter).duration_since(now).as_secs_f64();
            assert!((wait - seconds).abs() < 0.01, "after {failures} failures, jitter {jitter}: {wait}");
        }
    }
}
