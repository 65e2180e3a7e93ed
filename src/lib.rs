//! Barometer reads the client and vendor mail that a firm's staff copy to a
//! service inbox, and tells managers in time.

pub mod calendar;
pub mod config;
pub mod edge;
pub mod judge;
pub mod read;
pub mod store;
