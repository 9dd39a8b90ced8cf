//! The proxy between a client and a server of these tests: what passes unharmed, each fault, the end, and the
//! command.
//!
//! Nothing here measures time. Where something shall not happen, a later event that is sure to happen shows
//! that it did not. Time limits only turn a test that would hang into one that fails.

mod client;
mod command;
mod faults;
mod life;
mod passing;
mod server;

use std::time::Duration;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(20);
