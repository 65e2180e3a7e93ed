//! Why a relay cannot be used, and what to do about it.

use std::io;

use super::super::login::LoginError;
use super::super::tls::TlsError;
use crate::notify::retry::Outcome;

/// Why a relay cannot be used. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The secret cannot be had.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No connection.
    #[error("cannot connect to the relay at {place}: {reason}; check `host` and `port` of [relay], and that it runs")]
    Connect {
        /// Host and port.
        place: String,
        /// What happened.
        reason: String,
    },
    /// No private connection.
    #[error("no TLS with the relay at {place}: {reason}; {remedy}")]
    Handshake {
        /// Host and port.
        place: String,
        /// What happened.
        reason: String,
        /// What to do.
        remedy: &'static str,
        /// Whether it may be gone by itself.
        passing: bool,
    },
    /// It would let us talk in the open only.
    #[error(
        "the relay at {place} offers no STARTTLS ({reason}); use `tls = \"implicit\"` with port 465, or ask whoever runs it"
    )]
    NoStartTls {
        /// Host and port.
        place: String,
        /// What it said.
        reason: String,
    },
    /// None of the ways it lets people in is one of ours.
    #[error("the relay at {place} takes no {kind}; see `auth` and `tls` of [relay]")]
    NoMechanism {
        /// Host and port.
        place: String,
        /// Password or token.
        kind: &'static str,
    },
    /// It refuses a step.
    #[error("the relay at {place} refuses {step}: {reason}; {remedy}")]
    Refused {
        /// Host and port.
        place: String,
        /// Which step.
        step: &'static str,
        /// What it said.
        reason: String,
        /// What to do.
        remedy: &'static str,
        /// Whether it asks for patience only.
        passing: bool,
    },
    /// A step took too long.
    #[error(
        "the relay at {place} did not answer in time ({step}); is it overloaded, or do `port` and `tls` of [relay] not fit?"
    )]
    Slow {
        /// Host and port.
        place: String,
        /// Which step.
        step: &'static str,
    },
    /// The connection broke.
    #[error("the relay at {place} cut the connection ({step}): {reason}; check `port` and `tls` of [relay]")]
    Lost {
        /// Host and port.
        place: String,
        /// Which step.
        step: &'static str,
        /// What happened.
        reason: String,
    },
    /// What it says is no SMTP.
    #[error("what answers at {place} speaks no SMTP ({step}): {reason}; is `port` that of a mail relay?")]
    Garbled {
        /// Host and port.
        place: String,
        /// Which step.
        step: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl RelayError {
    /// Whether it may be gone at the next try, though nobody mends anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Login(_)
            | Self::Tls(_)
            | Self::NoStartTls { .. }
            | Self::NoMechanism { .. }
            | Self::Garbled { .. } => false,
            Self::Connect { .. } | Self::Slow { .. } | Self::Lost { .. } => true,
            Self::Handshake { passing, .. } | Self::Refused { passing, .. } => *passing,
        }
    }

    /// What it is to an e-mail that was to leave.
    pub(super) fn into_outcome(self) -> Outcome {
        let reason = self.to_string();
        if self.is_passing() { Outcome::Deferred { reason } } else { Outcome::RelayFault { reason } }
    }

    /// What a stream that failed means for a step.
    pub(super) fn of_stream(place: &str, step: &'static str, error: &io::Error) -> Self {
        let (place, reason) = (place.to_owned(), crate::notify::retry::words(&error.to_string()));
        if error.kind() == io::ErrorKind::InvalidData {
            Self::Garbled { place, step, reason }
        } else {
            Self::Lost { place, step, reason }
        }
    }
}
