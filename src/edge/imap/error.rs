//! What can go wrong with a mailbox, by what the one who reads it can do.

use std::io;

use async_imap::imap_proto::ResponseCode;

use super::super::tls::TlsError;

/// The most characters of a server's words that are kept.
const WORDS: usize = 200;

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The log-in was refused: ask rarely, or the account is locked.
    Credentials,
    /// A person must mend settings or server.
    Settings,
    /// The server asks for patience.
    Busy,
    /// The connection broke: make it anew.
    Lost,
    /// The server said what no client can take.
    Protocol,
}

/// Why a step with a mailbox failed. Words of servers are cut short, and addresses in them masked.
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    /// TLS cannot be set up here.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The name of the host leads nowhere.
    #[error("there is no host {host:?} to be found; check `host`")]
    Host {
        /// The name.
        host: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Without TLS, and not to this machine.
    #[error("{place} is not this machine: what is said without TLS could be read by others; see `tls`")]
    Exposed {
        /// Host and port.
        place: String,
    },
    /// No connection.
    #[error("cannot connect to {place}; check `host` and `port`, and that the server runs")]
    Connect {
        /// Host and port.
        place: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The handshake failed.
    #[error("no TLS with {place}; {remedy}")]
    Handshake {
        /// Host and port.
        place: String,
        /// What to do.
        remedy: &'static str,
        /// What the library said.
        #[source]
        source: io::Error,
    },
    /// STARTTLS is not offered, was refused, or was answered with more than an answer.
    #[error("{place} offers no safe STARTTLS ({words}); use `tls = \"implicit\"` with port 993")]
    NoStartTls {
        /// Host and port.
        place: String,
        /// What it said.
        words: String,
    },
    /// What came first was no greeting of an IMAP server.
    #[error("{place} does not greet as an IMAP server ({words}); is `port` another service's, or one without TLS?")]
    Greeting {
        /// Host and port.
        place: String,
        /// What it said.
        words: String,
    },
    /// There is no way to log in that both sides know.
    #[error("the server takes no {wanted} here (it offers {offered}); see `auth` and `tls` of the mailbox")]
    NoMechanism {
        /// What we would use.
        wanted: &'static str,
        /// What it offers.
        offered: String,
    },
    /// The settings name no secret.
    #[error("the mailbox needs a password or a token; add `password` or `token`")]
    NoSecret,
    /// The log-in was refused.
    #[error("the server refuses the log-in ({words}); check `user` and the secret of the mailbox")]
    Login {
        /// The code in brackets, if there was one.
        code: String,
        /// What it said.
        words: String,
    },
    /// The folder cannot be opened.
    #[error("the folder {folder:?} cannot be opened ({words}); check `folder`, or create it on the server")]
    Folder {
        /// Its name.
        folder: String,
        /// The code in brackets, if there was one.
        code: String,
        /// What the server said.
        words: String,
    },
    /// Messages cannot be moved there.
    #[error("messages cannot be moved to {folder:?} ({words}); check `after`, or create it on the server")]
    Target {
        /// Its name.
        folder: String,
        /// The code in brackets, if there was one.
        code: String,
        /// What the server said.
        words: String,
    },
    /// One message cannot be had, though the server lists it and hands out others.
    #[error("the server refuses to hand out the message with UID {uid} ({words}); look at it with a mail program")]
    Message {
        /// Its UID.
        uid: u32,
        /// The code in brackets, if there was one.
        code: String,
        /// What the server said.
        words: String,
    },
    /// Without it no UID means anything.
    #[error("the server gives no UIDVALIDITY for the folder {folder:?}; it cannot be read safely")]
    NoUidValidity {
        /// Its name.
        folder: String,
    },
    /// The server refused a command.
    #[error("the server refuses to {step} ({words})")]
    No {
        /// What was asked.
        step: &'static str,
        /// The code in brackets, if there was one.
        code: String,
        /// What it said.
        words: String,
    },
    /// The server did not understand a command.
    #[error("the server does not understand our asking to {step} ({words})")]
    Bad {
        /// What was asked.
        step: &'static str,
        /// What it said.
        words: String,
    },
    /// The server said good-bye.
    #[error("the server ended the connection ({words}) when asked to {step}")]
    Bye {
        /// What was asked.
        step: &'static str,
        /// What it said.
        words: String,
    },
    /// The connection ended.
    #[error("the connection ended when the server was asked to {step}")]
    Ended {
        /// What was asked.
        step: &'static str,
    },
    /// The connection broke.
    #[error("the connection broke when the server was asked to {step}")]
    Broke {
        /// What was asked.
        step: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No answer in time.
    #[error("the server did not answer in time when asked to {step}")]
    Slow {
        /// What was asked.
        step: &'static str,
    },
    /// What the server sent is no IMAP, or more than we take.
    #[error("what the server sent when asked to {step} cannot be taken: {reason}")]
    Garbled {
        /// What was asked.
        step: &'static str,
        /// What is wrong with it; none of its words.
        reason: String,
    },
}

impl ImapError {
    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Login { code, words } | Self::Folder { code, words, .. } | Self::Target { code, words, .. }
                if is_busy(code, words) =>
            {
                Class::Busy
            }
            Self::Bye { words, .. } if is_busy(&code(words), words) => Class::Busy,
            Self::Host { source, .. } if is_passing(source) => Class::Lost,
            Self::No { code, .. } if matches!(code.as_str(), "NOPERM" | "NONEXISTENT" | "CANNOT") => Class::Settings,
            Self::No { .. } | Self::Message { .. } => Class::Busy,
            Self::NoSecret | Self::Login { .. } => Class::Credentials,
            Self::Tls(_)
            | Self::Host { .. }
            | Self::Exposed { .. }
            | Self::Handshake { .. }
            | Self::NoStartTls { .. }
            | Self::Greeting { .. }
            | Self::NoMechanism { .. }
            | Self::Folder { .. }
            | Self::Target { .. }
            | Self::NoUidValidity { .. } => Class::Settings,
            Self::Bad { .. } | Self::Garbled { .. } => Class::Protocol,
            Self::Connect { .. } | Self::Bye { .. } | Self::Ended { .. } | Self::Broke { .. } | Self::Slow { .. } => {
                Class::Lost
            }
        }
    }

    /// What an error of the stream means. The library quotes all that it could not parse: that is cut away.
    pub(super) fn of_stream(step: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::UnexpectedEof => Self::Ended { step },
            io::ErrorKind::InvalidData => Self::Garbled { step, reason: source.to_string() },
            io::ErrorKind::Other if source.to_string().contains("during parsing of") => {
                Self::Garbled { step, reason: "it is no IMAP".to_owned() }
            }
            io::ErrorKind::Other if source.to_string().contains("too long") => {
                Self::Garbled { step, reason: "it is too long".to_owned() }
            }
            _ => Self::Broke { step, source },
        }
    }
}

/// Whether a refusal asks for patience: by its code (RFC 5530), or by words of large providers that
/// give none, or give `[ALERT]`.
pub(super) fn is_busy(code: &str, words: &str) -> bool {
    let words = words.to_lowercase();
    let too_many = words.contains("too many") && (words.contains("connection") || words.contains("session"));
    matches!(code, "UNAVAILABLE" | "INUSE" | "LIMIT" | "SERVERBUG" | "OVERQUOTA")
        || too_many
        || ["temporar", "unavailable", "server busy", "exceeded", "throttl"].iter().any(|w| words.contains(w))
}

/// Whether no name can be looked up now, which says nothing of the one that was asked for.
fn is_passing(error: &io::Error) -> bool {
    let text = error.to_string().to_lowercase();
    error.kind() == io::ErrorKind::TimedOut || text.contains("temporary") || text.contains("try again")
}

/// A server's words in one short line, without addresses.
pub(super) fn words(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = plain.split_whitespace().map(|word| if word.contains('@') { "(address)" } else { word });
    let words: String = words.collect::<Vec<_>>().join(" ").chars().take(WORDS).collect();
    if words.is_empty() { "no reason given".to_owned() } else { words }
}

/// The code in brackets at the beginning of a server's words, in capitals; empty where there is none.
/// The library knows some codes and leaves the others in the text.
pub(super) fn code(text: &str) -> String {
    let inside = text.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(code, _)| code);
    inside.and_then(|code| code.split(' ').next()).unwrap_or("").to_ascii_uppercase()
}

/// The code of an answer, in capitals: known to the library, or left in the text by it.
pub(super) fn code_of(known: Option<&ResponseCode<'_>>, text: &str) -> String {
    match known {
        Some(ResponseCode::TryCreate) => "TRYCREATE".to_owned(),
        Some(ResponseCode::Alert) => "ALERT".to_owned(),
        // The others belong to success.
        Some(_) | None => code(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_log_in_is_told_from_a_busy_server() {
        #[rustfmt::skip]
        let cases = [
            ("AUTHENTICATIONFAILED", "Authentication failed.",                          Class::Credentials),
            ("UNAVAILABLE",          "",                                                Class::Busy),
            ("",                     "LOGIN failed.",                                   Class::Credentials),
            ("ALERT",                "Too many simultaneous connections. (Failure)",    Class::Busy),
            ("ALERT",                "Account exceeded command or bandwidth limits.",   Class::Busy),
            ("",                     "Too many failed attempts",                        Class::Credentials),
            ("",                     "Temporary authentication failure",                Class::Busy),
        ];
        for (code, words, class) in cases {
            assert_eq!(ImapError::Login { code: code.into(), words: words.into() }.class(), class, "{code} {words}");
        }
    }

    #[test]
    fn a_host_that_cannot_be_found_is_told_from_an_outage() {
        let host = |text: &str| ImapError::Host { host: "mail".into(), source: io::Error::other(text) }.class();
        assert_eq!(host("failed to lookup address information: Name or service not known"), Class::Settings);
        assert_eq!(host("failed to lookup address information: Temporary failure in name resolution"), Class::Lost);
    }

    #[test]
    fn codes_are_read_and_addresses_masked() {
        assert_eq!(code("[UNAVAILABLE] Temporary failure"), "UNAVAILABLE");
        assert_eq!(code(" [overquota x y] full"), "OVERQUOTA");
        assert_eq!(code("no code [HERE]"), "");
        assert_eq!(words("user ann@acme.example\r\nis unknown"), "user (address) is unknown");
        assert_eq!(words(" "), "no reason given");
    }

    #[test]
    fn what_could_not_be_parsed_is_not_repeated() {
        let source = io::Error::other("Error(..) during parsing of \"* 1 FETCH secret words\"");
        let told = ImapError::of_stream("fetch", source).to_string();
        assert!(!told.contains("secret"), "{told}");
    }
}
