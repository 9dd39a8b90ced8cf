//! The traits of asl-host, object-safe, and the way back: hosts and stores ([`AnyHost`], [`AnyStore`]), files ([`AnyFiles`]), clock and
//! entropy ([`AnyEnv`]), whose types are not known.
//!
//! Whoever drives hosts is compiled once with these, and not once for each host; a host that is made on [`AnyFiles`] is compiled once, and
//! not once for each file system. A call through a mirror is the same call, and its future is boxed: that costs an allocation, and changes
//! nothing of what is asked in which order.
//!
//! Not for production: a host that knows its file system by type is faster.

mod back;
mod env;
mod files;
mod host;

pub use back::{BoxedHost, BoxedStore};
pub use env::AnyEnv;
pub use files::{AnyFile, AnyFiles};
pub use host::{AnyHost, AnyStore, Boxed, Own, SharedStore};
