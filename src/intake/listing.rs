//! What a mailbox lists: which of it is news, and how much is fetched at a time.

use jiff::{SignedDuration, Timestamp};

/// Servers count whole seconds, by clocks of their own. What is older than it seems is a copy
/// of something known, and found out as such.
const SLACK: SignedDuration = SignedDuration::from_mins(2);

/// What parts news from history in one epoch of a mailbox.
///
/// What was there when the epoch began is history. Where the mailbox had another
/// UIDVALIDITY before, what reached it after our last successful poll is news all the same;
/// what is a copy of something known is found out by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// The first UID that was not there when the epoch began.
    pub news_from: u32,
    /// The last successful poll under another UIDVALIDITY.
    pub polled_before: Option<Timestamp>,
}

impl Horizon {
    /// Whether a message is history. `arrived_at` is the server's INTERNALDATE.
    #[must_use]
    pub fn is_history(&self, uid: u32, arrived_at: Option<Timestamp>) -> bool {
        let since_we_looked = match (self.polled_before, arrived_at) {
            (Some(polled), Some(arrived)) => arrived.duration_since(polled) > -SLACK,
            _ => false,
        };
        uid < self.news_from && !since_we_looked
    }
}

/// The first messages of `sizes` (bytes, in order) that are fetched and kept together: at most
/// `most`, and no more once they hold `most_bytes`; at least one where there is any.
#[must_use]
pub fn haul(sizes: &[u64], most: usize, most_bytes: u64) -> usize {
    let mut total = 0_u64;
    let mut count = 0;
    for size in sizes.iter().take(most) {
        total = total.saturating_add(*size);
        if count > 0 && total > most_bytes {
            break;
        }
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    #[test]
    fn what_was_there_before_us_is_history_unless_it_came_since_we_looked() {
        #[rustfmt::skip]
        let cases = [
            // polled before, UID, INTERNALDATE, history
            (None,     9,  at(500),  true),
            (None,     10, at(500),  false),
            (at(400),  9,  at(500),  false),
            (at(400),  9,  at(400),  false),
            (at(400),  9,  at(281),  false),
            (at(400),  9,  at(280),  true),
            (at(400),  9,  None,     true),
            (at(400),  10, at(100),  false),
        ];
        for (polled_before, uid, arrived, history) in cases {
            let horizon = Horizon { news_from: 10, polled_before };
            assert_eq!(horizon.is_history(uid, arrived), history, "{polled_before:?} {uid} {arrived:?}");
        }
    }

    #[test]
    fn a_haul_is_bounded_and_never_empty() {
        #[rustfmt::skip]
        let cases: [(&[u64], usize); 6] = [
            (&[],               0),
            (&[100],            1),
            (&[4, 4, 4],        2),
            (&[4, 100, 1],      1),
            (&[1; 50],          3),
            (&[u64::MAX, 1],    1),
        ];
        for (sizes, count) in cases {
            assert_eq!(haul(sizes, 3, 10), count, "{sizes:?}");
        }
    }
}
