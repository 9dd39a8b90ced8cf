//! Operations of a host's own: what its stores do besides the contract (compacting, verifying, moving to another tier), mixed in with
//! the contract's, crashed and failed like them.
//!
//! The oracle knows nothing of what such an operation is for. It holds all invariants of the contract around it (so it may change
//! nothing of the log, the blocks and the snapshots that a client could tell), and that an error has a cause: a call that failed,
//! a disk that is full. What an operation refuses by the other kinds of errors ([`ErrorKind::NotFound`](asl_host::ErrorKind),
//! say) is its own affair. What it promises besides is for an invariant of one's own ([`OwnInvariant`](crate::check::OwnInvariant)).

use asl_host::{Result, Store};
use asl_mirrors::Own;
use std::any::{Any, type_name};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What an operation of one's own returns.
pub type OwnFuture<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// An operation of a host's own.
#[derive(Clone)]
pub struct OwnOperation {
    name: &'static str,
    carry: Arc<Own>,
}

impl fmt::Debug for OwnOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnOperation").field("name", &self.name).finish_non_exhaustive()
    }
}

impl OwnOperation {
    /// An operation of this name on stores of this type. It is given a number below 256, to make of it what it likes (how much,
    /// which one); the shrinker makes that smaller.
    ///
    /// # Panics
    ///
    /// When it is carried out, if the host's stores are of another type.
    pub fn new<S: Store>(
        name: &'static str,
        carry: impl for<'a> Fn(&'a S, u32) -> OwnFuture<'a> + Send + Sync + 'static,
    ) -> OwnOperation {
        let carry: Arc<Own> = Arc::new(move |store, input| {
            // The store of a target that hands out another type than the operation is for: its author learns it in the first run.
            let Some(store) = (store as &dyn Any).downcast_ref::<S>() else {
                panic!(
                    "the operation {name} is for stores of the type {}, and this is another",
                    type_name::<S>()
                )
            };
            carry(store, input)
        });
        OwnOperation { name, carry }
    }

    /// Its name, in cases and stories.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it does to a store of the host's.
    pub(crate) fn carry(&self) -> &Arc<Own> {
        &self.carry
    }
}
