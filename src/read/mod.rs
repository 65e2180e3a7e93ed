//! Second stage: bytes → [`Message`].
//!
//! Finds the author behind a BCC, a redirect or a forward, and parts the new
//! text from quotes, signature and disclaimer. Defined for every input: never
//! panics, never fails, linear in the size of the input.

mod message;

pub use message::{
    Address, Attachment, Automatic, Carrier, Direction, Facts, Layer, Message, Reading, Texts, Wrapping,
};

/// Who we are, as far as reading must know it.
#[derive(Debug, Clone, Default)]
pub struct Ours {
    /// The service inbox, lower case.
    pub service: String,
    /// Our domains, lower case; sub-domains count.
    pub domains: Vec<String>,
    /// Members at other domains, lower case.
    pub members: Vec<String>,
    /// Domains whose "automatic" headers are not believed.
    pub people_domains: Vec<String>,
    /// Zone for dates that name none.
    pub time_zone: Option<jiff::tz::TimeZone>,
}
pub fn read(_: &[u8], _: &Ours) -> Message {
    unimplemented!()
}
