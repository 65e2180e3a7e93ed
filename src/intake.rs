//! First stage: what can be told of raw bytes before anything parses them.
//!
//! Whatever the bytes are, the parser behind is only shown what it can take,
//! and a message that it is not shown still has a headline. Defined for every
//! input; linear.

mod head;
mod listing;
mod scan;

pub use head::{Headline, arrived_at, headline, vouching};
pub use listing::{Horizon, haul};
pub use scan::{DEEPEST, LARGEST, LONGEST_HEADER, MOST_HEADERS, MOST_PARTS, OverLimit, scan};

pub(crate) use head::{field_of, fields, instant, parse_head, received_at};
