//! Both ends of the pipe: where mail comes from and where our e-mails go.
//!
//! Here stands all input and output but the store. No clock and no randomness.

pub mod files;
pub mod folder;
pub mod health;
pub mod imap;
pub mod login;
pub mod metrics;
pub mod smtp;
pub mod systemd;
pub mod tls;
