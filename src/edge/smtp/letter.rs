//! What goes out, checked: addresses that can stand in an envelope, lines that any relay takes.

use lettre::Address;

use crate::notify::retry::Outcome;

/// The longest line that may go out, without its end (RFC 5321 4.5.3.1.6).
const LONGEST_LINE: usize = 998;
/// The longest address (RFC 5321 4.5.3.1.3).
const LONGEST_ADDRESS: usize = 254;

/// One message to one recipient.
pub(super) struct Letter {
    pub(super) from: Address,
    pub(super) to: Address,
    /// Every line ended by CRLF but the last, which the library ends.
    pub(super) wire: Vec<u8>,
}

impl Letter {
    pub(super) fn new(from: &str, to: &str, bytes: &[u8]) -> Result<Self, Outcome> {
        let from = parsed(from).ok_or_else(|| Outcome::RelayFault {
            reason: "the address of the service inbox cannot stand in an envelope; mend `address` of [service]"
                .to_owned(),
        })?;
        let to = parsed(to)
            .ok_or_else(|| Outcome::Refused { reason: "the recipient's address cannot be written to".to_owned() })?;
        let mut wire = canonical(bytes);
        if wire.split(|b| *b == b'\n').any(|line| line.len() > LONGEST_LINE + 1) {
            return Err(Outcome::ContentRefused { reason: "a line of it is too long for any relay".to_owned() });
        }
        wire.truncate(wire.len().saturating_sub(2));
        Ok(Self { from, to, wire })
    }
}

/// An address that can stand in an envelope: ASCII, no blanks, brackets or quotes.
fn parsed(address: &str) -> Option<Address> {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\');
    (address.len() <= LONGEST_ADDRESS && address.bytes().all(plain)).then(|| address.parse().ok()).flatten()
}

/// The bytes with every line ended by CRLF, whatever ended it: a lone CR or LF would let a
/// message end itself early (RUSTSEC-2026-0561).
fn canonical(bytes: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(bytes.len() + bytes.len() / 32 + 2);
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\r' => {
                rest.next_if_eq(&b'\n');
                wire.extend_from_slice(b"\r\n");
            }
            b'\n' => wire.extend_from_slice(b"\r\n"),
            byte => wire.push(byte),
        }
    }
    if !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_ends_in_crlf() {
        #[rustfmt::skip]
        let cases: [(&[u8], &[u8]); 6] = [
            (b"",               b"\r\n"),
            (b"a",              b"a\r\n"),
            (b"a\nb\r\nc\rd",   b"a\r\nb\r\nc\r\nd\r\n"),
            (b"a\n.\nb",        b"a\r\n.\r\nb\r\n"),
            (b"a\r\r\nb\r\n",   b"a\r\n\r\nb\r\n"),
            (b"a\r\n\r\n",      b"a\r\n\r\n"),
        ];
        for (bytes, wire) in cases {
            assert_eq!(canonical(bytes), wire, "{bytes:?}");
        }
    }

    #[test]
    fn a_line_may_have_998_bytes() {
        let line = |n: usize| Letter::new("a@b.example", "c@d.example", &vec![b'x'; n]);
        assert!(line(998).is_ok());
        assert!(matches!(line(999), Err(Outcome::ContentRefused { .. })));
    }

    #[test]
    fn only_plain_addresses_stand_in_an_envelope() {
        let long = format!("{}@acme.example", "a".repeat(250));
        for bad in ["", "x", "a b@c.example", "a@b\r\nRCPT TO:<x@y>", "jané@acme.example", "<a@b.example>", &long] {
            assert!(parsed(bad).is_none(), "{bad:?}");
        }
        assert!(parsed("dana@northlight.example").is_some());
    }
}
