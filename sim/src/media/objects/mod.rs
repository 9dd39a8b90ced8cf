//! A simulated bucket: what a request comes to, at the instant at which it takes effect.
//!
//! A request that changes something is on its way from when it is made. It lands when its time has come, and is answered then; if its
//! caller is dead by then, does not wait any more, or is told an error (`unanswered`), it lands later, or never (`executor::flights`).
//! It is never answered with success before it has landed.
//!
//! What differs from vendor to vendor is a row of [`axioms`]. What is put is durable when it lands: neither a kill nor the power takes
//! it. Uploads in parts that nobody completes stay, and so do versions where a bucket keeps them.
//!
//! Not modelled: redirections, bodies that are cut off (a client counts bytes, and a read fails as a whole), refusals for want of capacity
//! apart from errors (to a client of the crate `object_store` they are the same), limits of size and of requests a second, a request that
//! lands twice, events, access rights, clocks of the bucket.

#[cfg(feature = "objects")]
mod alone;
pub(crate) mod axioms;
#[cfg(all(test, feature = "objects"))]
mod litmus;
mod request;
mod state;
#[cfg(feature = "objects")]
mod store;

#[cfg(feature = "objects")]
pub use store::SimObjectStore;

pub(super) use request::{Request, can_suffer};
pub(super) use state::Objects;
