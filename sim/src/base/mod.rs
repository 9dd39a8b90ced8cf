//! What everything else stands on: the decision map, the trace of a run, payloads that name their operation, words and numbers for
//! people, files that are written whole. Nothing here knows what is simulated.

pub(crate) mod atomic_file;
mod block_on;
pub mod decide;
pub(crate) mod panics;
pub mod payload;
pub(crate) mod quantities;
pub(crate) mod status;
mod stopwatch;
pub mod trace;
pub(crate) mod words;

pub use block_on::block_on;
pub use status::Status;
pub use stopwatch::Stopwatch;
