//! Random bytes that nobody can guess, from the system.

use rustls::crypto::ring::default_provider;

/// Bytes for a token; `None` where the system has none to give. What they are for does not matter.
pub fn bytes(_purpose: &str) -> Option<[u8; 20]> {
    let mut bytes = [0; 20];
    default_provider().secure_random.fill(&mut bytes).ok()?;
    Some(bytes)
}
