//! Both ends of the pipe: where mail comes from and where our e-mails go.
//!
//! Here stands all input and output but the store. No clock and no randomness.

pub mod files;
pub mod folder;
pub mod login;
