//! ASL-HOST: the contract between an append-only store and whatever keeps its bytes, and hosts that keep it.
//!
//! [`Host`] and [`Store`] are the contract; [`PosixHost`] keeps it on any POSIX file system. Hosts reach the world
//! through two seams, [`fs::FileSystem`] and [`env::Env`], so that the code that runs in production is the code that a
//! simulator breaks. Nothing here names an async runtime or spawns a task, and nothing starts a thread but
//! [`TimerEnv`], whose sleep does not block.
//!
//! ```
//! use asl_host::{Host, LogSeq, PosixHost, Store, StoreLocation};
//! # fn block_on<T>(future: impl Future<Output = T>) -> T {
//! #     let mut future = std::pin::pin!(future);
//! #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! #     loop { if let std::task::Poll::Ready(out) = future.as_mut().poll(&mut context) { return out } }
//! # }
//! # let dir = tempfile::tempdir()?;
//! # let root = dir.path();
//! # block_on(async {
//! let host = PosixHost::new(root);
//! let store = host.create_store(&StoreLocation::new(root.join("ledger").to_string_lossy())).await?;
//! let seq = store.append(b"paid 7 to alice").await?;
//! assert_eq!(store.read(LogSeq::FIRST, 10).await?[0].seq, seq);
//! store.close().await?;
//! # Ok::<(), asl_host::StoreError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod env;
pub mod error;
pub mod frame;
pub mod fs;
pub mod host;
#[cfg(feature = "object")]
pub mod object;
pub mod posix;
mod timer;

pub use error::{Code, ErrorKind, Operation, Result, StoreError};
pub use host::{
    BlockId, Capabilities, Durability, Exclusion, Host, HostIdentity, HostTime, LogSeq, Record, SnapshotId,
    Store, StoreLocation,
};
#[cfg(feature = "object")]
pub use object::{ObjectHandle, ObjectHost, ObjectOptions};
pub use posix::{PosixHost, PosixOptions, PosixStore};
pub use timer::TimerEnv;
