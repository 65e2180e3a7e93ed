//! How we prove who we are: the mechanism that both sides know, and what it says (RFC 4616, RFC 7628,
//! and XOAUTH2 of the large providers).

use secrecy::ExposeSecret as _;

use super::super::login::{Login, Proof};
use super::error::{ImapError, words};
use crate::config::Server;

/// The longest answer that goes out with the command itself (RFC 4959); what is longer, as tokens
/// are, waits until it is asked for: lines of commands are short with some servers.
const LONGEST_AT_ONCE: usize = 512;

/// A command, and what it answers when it is asked for more. Neither is ever shown.
pub(super) struct Way {
    command: String,
    answer: Option<String>,
}

impl Way {
    /// The way for this login with a server of these abilities.
    pub(super) fn of(login: &Login, abilities: &[String], server: &Server) -> Result<Self, ImapError> {
        let can = |ability: &str| abilities.iter().any(|a| a == ability);
        let user = &login.user;
        let (mechanism, proof) = match &login.proof {
            Proof::Password(secret) if can("AUTH=PLAIN") => ("PLAIN", format!("\0{user}\0{}", secret.expose_secret())),
            Proof::Password(secret) if !can("LOGINDISABLED") => {
                return Self::bare(user, secret.expose_secret()).ok_or_else(|| unknown("password", abilities));
            }
            Proof::Password(_) => return Err(unknown("password", abilities)),
            Proof::Token(secret) if can("AUTH=XOAUTH2") => {
                ("XOAUTH2", format!("user={user}\x01auth=Bearer {}\x01\x01", secret.expose_secret()))
            }
            Proof::Token(secret) if can("AUTH=OAUTHBEARER") => {
                ("OAUTHBEARER", bearer(server, user, secret.expose_secret()))
            }
            Proof::Token(_) => return Err(unknown("token", abilities)),
        };
        let answer = base64(proof.as_bytes());
        Ok(if can("SASL-IR") && answer.len() <= LONGEST_AT_ONCE {
            Self { command: format!("AUTHENTICATE {mechanism} {answer}"), answer: None }
        } else {
            Self { command: format!("AUTHENTICATE {mechanism}"), answer: Some(answer) }
        })
    }

    /// The command that every server knows which does not forbid it; it takes ASCII only.
    fn bare(user: &str, password: &str) -> Option<Self> {
        let quoted = |text: &str| {
            let plain = text.bytes().all(|b| (b' '..=b'~').contains(&b));
            plain.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
        };
        Some(Self { command: format!("LOGIN {} {}", quoted(user)?, quoted(password)?), answer: None })
    }

    /// The command that begins it.
    pub(super) fn command(&self) -> String {
        self.command.clone()
    }

    /// The proof when it is first asked for; then nothing.
    pub(super) fn answer(&mut self) -> String {
        self.answer.take().unwrap_or_default()
    }
}

fn bearer(server: &Server, user: &str, token: &str) -> String {
    // RFC 7628 3.1; in names `,` and `=` are written otherwise (RFC 5801).
    let user = user.replace('=', "=3D").replace(',', "=2C");
    format!("n,a={user},\x01host={}\x01port={}\x01auth=Bearer {token}\x01\x01", server.host, server.port)
}

fn unknown(wanted: &'static str, abilities: &[String]) -> ImapError {
    let offered: Vec<&str> = abilities.iter().filter_map(|a| a.strip_prefix("AUTH=")).collect();
    let offered = if offered.is_empty() { "nothing".to_owned() } else { words(&offered.join(", ")) };
    ImapError::NoMechanism { wanted, offered }
}

/// Base64 with padding (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, n| (bits << 8) | u32::from(chunk.get(n).copied().unwrap_or(0)));
        for n in 0..4 {
            let digit = usize::try_from((bits >> (18 - 6 * n)) & 63).ok().and_then(|d| DIGITS.get(d));
            text.push(if n > chunk.len() { '=' } else { digit.map_or('=', |d| char::from(*d)) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tls;

    fn server() -> Server {
        Server {
            host: "mail.firm.example".to_owned(),
            port: 993,
            tls: Tls::Implicit,
            ca_file: None,
            user: String::new(),
            auth: None,
        }
    }

    fn way(proof: Proof, abilities: &str) -> Result<(String, String), String> {
        let abilities: Vec<String> = abilities.split(' ').map(str::to_owned).collect();
        let way = Way::of(&Login { user: "ann".to_owned(), proof }, &abilities, &server());
        way.map(|mut way| (way.command(), way.answer())).map_err(|error| error.to_string())
    }

    #[test]
    fn bytes_in_base64_are_as_the_rfc_shows() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn the_mechanism_is_one_that_the_server_offers() {
        let password = || Proof::Password("p\"w".to_owned().into());
        let token = || Proof::Token("t".to_owned().into());
        let long = || Proof::Token("t".repeat(2_000).into());
        #[rustfmt::skip]
        let cases = [
            (password(), "AUTH=PLAIN SASL-IR",               Ok("AUTHENTICATE PLAIN AGFubgBwInc=")),
            (password(), "AUTH=PLAIN LOGINDISABLED",         Ok("AUTHENTICATE PLAIN")),
            (password(), "IMAP4REV1",                        Ok("LOGIN \"ann\" \"p\\\"w\"")),
            (password(), "LOGINDISABLED AUTH=GSSAPI",        Err("GSSAPI")),
            (token(),    "AUTH=PLAIN AUTH=XOAUTH2",          Ok("AUTHENTICATE XOAUTH2")),
            (token(),    "AUTH=OAUTHBEARER",                 Ok("AUTHENTICATE OAUTHBEARER")),
            (token(),    "AUTH=PLAIN",                       Err("PLAIN")),
            (token(),    "",                                 Err("nothing")),
            (long(),     "AUTH=XOAUTH2 SASL-IR",             Ok("AUTHENTICATE XOAUTH2")),
        ];
        for (proof, abilities, expected) in cases {
            match (way(proof, abilities), expected) {
                (Ok((command, _)), Ok(expected)) => assert_eq!(command, expected, "{abilities}"),
                (Err(told), Err(expected)) => assert!(told.contains(expected), "{abilities}: {told}"),
                (outcome, _) => panic!("{abilities}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn a_proof_is_given_once() {
        let abilities = ["AUTH=PLAIN".to_owned()];
        let login = Login { user: "ann".to_owned(), proof: Proof::Password("pw".to_owned().into()) };
        let mut way = Way::of(&login, &abilities, &server()).unwrap();
        assert_eq!((way.answer(), way.answer()), ("AGFubgBwdw==".to_owned(), String::new()));
    }
}
