//! Barometer reads the client and vendor mail that a firm's staff copy to a
//! service inbox, and tells managers in time.
//!
//! Mail runs one way: **intake → read → filing → judge → watch → notify**; what a
//! manager answers is read by `command`, and skips filing and judging.
//! Each stage is pure and uses only the stages before it: no file, no network,
//! no clock, no randomness. Input and output stand at the two ends (`edge`) and
//! in the ledger (`store`); `pipeline` tells the whole in one page.

pub mod calendar;
pub mod config;

pub mod command;
pub mod filing;
pub mod intake;
pub mod judge;
pub mod notify;
pub mod read;
pub mod watch;

pub mod pipeline;

pub mod edge;
pub mod store;

pub mod daemon;
