//! What the executor knows of hosts that are processes of the operating system: something outside that it waits for when no task
//! is ready and no simulated time can pass.

use std::any::Any;
use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Where such processes live.
pub(crate) trait Outside: Any + Debug + Send + Sync {
    /// Waits for one thing from outside, and wakes whom it concerns.
    fn wait(&self) -> Waited;

    /// What a host did wrong, if anything, since this was last asked.
    fn take_fault(&self) -> Option<Fault>;

    /// Another place of the same kind, with nothing in it.
    fn another(&self) -> io::Result<Arc<dyn Outside>>;

    /// Itself, for whoever knows what it really is.
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// What came of waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// Something happened; whoever waits for it was woken.
    Woken,
    /// Nobody waits for anything outside.
    Nobody,
    /// Nothing was heard for so long; the task that waits longest.
    Silence(Duration, usize),
}

/// What a host did that the protocol does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// In words that follow "the host process".
    pub(crate) what: String,
    /// The task that asked for what it should have done.
    pub(crate) task: usize,
}
