//! Makes a program of a host: the other end of the driver protocol, for everything that implements asl-host's traits.
//!
//! ```no_run
//! use asl_host::PosixHost;
//!
//! fn main() -> std::io::Result<()> {
//!     asl_driver::serve(|root| PosixHost::new(root))
//! }
//! ```
//!
//! That program is a target of the simulator: `asl-sim run exec -- PROGRAM`. The protocol is in `docs/reference/driver-protocol.md`.
//!
//! Requests are begun in the order in which they come, all on the thread that calls [`serve`]. A host that blocks that thread
//! inside `poll`, as hosts on the operating system's files do, therefore works on one after the other, which makes its runs
//! repeatable. A host whose futures wait for something else has as many of them under way as were asked for, and answers come as
//! they are ready.
//!
//! Not here: threads of its own for hosts that block (such a host never meets two clients at once), and a runtime (a host that
//! needs one enters it in the closure, and keeps it alive).

mod answer;
mod protocol;
mod serve;

pub use serve::serve;
