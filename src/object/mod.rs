//! A host on an object store: what it promises, on any bucket whose conditional creates are atomic.
//!
//! # Objects
//!
//! ```text
//! ROOT/identity  ROOT/clock/N               the host's name; stretches of time that processes took
//! LOCATION/entries/N                        the store's numbered sequence, from 1: see below
//! LOCATION/states/N                         a checkpoint: what the entries up to this one come to
//! LOCATION/blocks/ID/PART                   parts of blocks
//! LOCATION/unsealed/ID                      a block that is open, while its parts are put
//! LOCATION/probes/NONCE                     what was put twice, to see that the bucket knows conditions
//! ```
//!
//! # Invariants
//!
//! - All that happens to a store is an entry of one sequence: its creation, each open, each batch of records, each seal, each snapshot
//!   and deletion, its destruction. An entry is put under the next number by a conditional create, and never removed or replaced. So of two
//!   who put the same number one is refused, and reads what the other has put.
//! - To open a store is to put an entry (a fence). Whoever had it open before finds it at the next number, is refused there, and refuses
//!   everything from then on. A request of theirs that lands late finds its number taken.
//! - A writer has one entry in flight, no more. So no entry of an older writer stands behind a fence, and readers have nothing to skip.
//! - That an object is there makes nothing visible: blocks and snapshots are what entries say. No object that an entry names is ever
//!   replaced, so that a snapshot needs no versions of the bucket's.
//! - The numbers go on when a store is destroyed and created again at the same location, so that nothing that was sent to the one before can
//!   show in it. We do not remove what stands there: until the bucket's owner does, it takes up space.
//! - An answer that is lost is settled by reading back. Where it stays open, the handle refuses all work until the store is opened again.
//! - The end of the sequence is found by reading; what a list shows is a hint.
//!
//! # Assumptions about the bucket
//!
//! What was answered with success is durable, and a read after it shows it; a conditional create never replaces anything, also if two make
//! it at once. The first time that a store is created at a location we try that, one request after the other, and refuse a bucket that
//! ignores the condition. **A check that is not atomic cannot be seen this way**: two writers may then lose records.
//!
//! # What it costs, in requests
//!
//! | | |
//! |---|---|
//! | append | 1 put for all records that wait |
//! | open | 2 lists, 1 read of a checkpoint, at most `checkpoint_every` reads of entries, 1 put; what it removes of open blocks |
//! | create | as open, and 2 puts to try conditions |
//! | read | a read for each batch, and one each time that the number of entries is halved until the first is found |
//! | seal | 1 put for each part, 2 puts, 1 deletion |
//! | snapshot, deletion of one | 1 put; to mount one takes none |
//! | now | 1 read; the first time, and every `clock_reserve_ns`, 1 list, 2 reads and 1 put |

mod blocks;
mod clock;
mod entry;
mod log;
mod requests;
mod sequence;
mod store;
mod turn;
#[cfg(feature = "object-url")]
pub mod url;

use crate::env::Env;
use crate::error::{ErrorKind, Operation, Result, StoreError};
use crate::host::{Capabilities, Durability, Exclusion, Host, HostIdentity, HostTime, StoreLocation};
use entry::What;
use object_store::ObjectStore;
use object_store::path::Path;
use requests::{Failure, Put, Requests};
use sequence::{Names, State};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

pub use store::ObjectHandle;

/// Limits of an [`ObjectHost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectOptions {
    /// The longest record in bytes. Default 8 MiB.
    pub record_len_max: u32,
    /// How many bytes of a block are put as one object. Default 8 MiB.
    pub part_len: usize,
    /// How long an answer is waited for. Default 30 s.
    pub request_timeout: Duration,
    /// How often a request is made, at most, until it is known what came of it. Default 6.
    pub attempts_max: u32,
    /// How long to wait before the second attempt, at most; twice as long before each further one. Default 100 ms.
    pub backoff: Duration,
    /// How long the caller that puts a batch waits for others to join it, if the batch before had more records than wait now. It makes
    /// batches larger where many append at once, and a lone caller waits once at most. Default 0: nobody waits.
    pub linger: Duration,
    /// Every how many entries of a store's sequence a checkpoint is put: an open reads no more entries than that. Default 64.
    pub checkpoint_every: u64,
    /// How far ahead, in nanoseconds, a process takes the clock: a restart may jump ahead by as much. Default 10 s.
    pub clock_reserve_ns: u64,
}

impl Default for ObjectOptions {
    fn default() -> ObjectOptions {
        ObjectOptions {
            record_len_max: 8 << 20,
            part_len: 8 << 20,
            request_timeout: Duration::from_secs(30),
            attempts_max: 6,
            backoff: Duration::from_millis(100),
            linger: Duration::ZERO,
            checkpoint_every: 64,
            clock_reserve_ns: 10_000_000_000,
        }
    }
}

/// A host on a bucket, generic over the bucket and the clock. The bucket's client must not repeat requests by itself, and the clock's
/// sleep must not block the thread.
#[derive(Debug)]
pub struct ObjectHost<S: ObjectStore, E: Env> {
    requests: Arc<Requests<S, E>>,
    root: Path,
    clock: clock::Clock,
    /// Handles of this process that are not closed, by location.
    open: Mutex<BTreeMap<String, Weak<AtomicBool>>>,
}

impl<S: ObjectStore, E: Env> ObjectHost<S, E> {
    /// A host on this bucket, with its clock and its name below `root`. Nothing is asked before the first operation.
    pub fn new(bucket: S, env: E, root: &str, options: ObjectOptions) -> ObjectHost<S, E> {
        ObjectHost {
            requests: Arc::new(Requests::new(bucket, env, options)),
            root: Path::from(root),
            clock: clock::Clock::default(),
            open: Mutex::default(),
        }
    }

    /// A handle to the store that the sequence has come to.
    fn handle(&self, location: &StoreLocation, state: State) -> ObjectHandle<S, E> {
        let closed = Arc::new(AtomicBool::new(false));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(location.as_str().to_owned(), Arc::downgrade(&closed));
        ObjectHandle::writer(
            self.requests.clone(),
            location.as_str(),
            Names::of(location.as_str()),
            state,
            closed,
        )
    }

    fn has_open(&self, location: &StoreLocation) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = open.get(location.as_str()).and_then(Weak::upgrade);
        handle.is_some_and(|closed| !closed.load(Ordering::Relaxed))
    }

    /// Puts the same name twice: a bucket that lets that happen cannot be used.
    async fn try_conditions(&self, names: &Names) -> Result<(), Failure> {
        let probe = names.probe(self.requests.nonce());
        let is_whole = |bytes: &[u8]| [&b"first"[..], b"second"].contains(&bytes);
        self.requests.put_new(&probe, b"first", is_whole).await?;
        match self.requests.put_new(&probe, b"second", is_whole).await? {
            Put::Taken(_) => Ok(()),
            Put::Done => Err(Failure::new(
                ErrorKind::Unsupported,
                "this bucket ignores conditions: it replaced an object that was only to be created",
            )),
        }
    }
}

fn failed(operation: Operation, location: &StoreLocation) -> impl Fn(Failure) -> StoreError + '_ {
    move |failure| failure.in_operation(operation, location.as_str())
}

impl<S: ObjectStore, E: Env> Host for ObjectHost<S, E> {
    type Store = ObjectHandle<S, E>;

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durability: Durability::OnAppend,
            exclusion: Exclusion::Fence,
            blocks: true,
            snapshots: true,
            append_unit: 1,
            max_record_len: self.requests.options.record_len_max,
        }
    }

    /// `location` is a name in the bucket, below which all of the store lies.
    async fn create_store(&self, location: &StoreLocation) -> Result<ObjectHandle<S, E>> {
        let (names, failed) = (Names::of(location.as_str()), failed(Operation::CreateStore, location));
        let absent = |state: &State| if state.made.is_some() { Err(ErrorKind::Exists) } else { Ok(()) };
        let before = self.requests.state(&names).await.map_err(&failed)?;
        absent(&before).map_err(|kind| failed(Failure::new(kind, "")))?;
        if before.last == 0 {
            self.try_conditions(&names).await.map_err(&failed)?;
        }
        let state = self.requests.put_at_end(&names, before, What::Created, absent).await.map_err(failed)?;
        Ok(self.handle(location, state))
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<ObjectHandle<S, E>> {
        let (names, failed) = (Names::of(location.as_str()), failed(Operation::OpenStore, location));
        let there = |state: &State| if state.made.is_none() { Err(ErrorKind::NotFound) } else { Ok(()) };
        let before = self.requests.state(&names).await.map_err(&failed)?;
        let state = self.requests.put_at_end(&names, before, What::Opened, there).await.map_err(failed)?;
        blocks::sweep(&self.requests, &names, &state).await;
        Ok(self.handle(location, state))
    }

    /// Leaves the objects where they are, and says in the sequence that they are no store any more.
    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        let (names, failed) = (Names::of(location.as_str()), failed(Operation::DestroyStore, location));
        if self.has_open(location) {
            return Err(failed(Failure::new(ErrorKind::ConcurrentModification, "this process has it open")));
        }
        let before = self.requests.state(&names).await.map_err(&failed)?;
        let was_there = AtomicBool::new(false);
        // Where there is no store, one may be on its way, and must not come once that was said.
        let note = |state: &State| {
            was_there.store(state.made.is_some(), Ordering::Relaxed);
            Ok(())
        };
        self.requests.put_at_end(&names, before, What::Destroyed, note).await.map_err(&failed)?;
        if was_there.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err(failed(Failure::new(ErrorKind::NotFound, "")))
        }
    }

    async fn now(&self) -> Result<HostTime> {
        let failed = |failure: Failure| failure.in_operation(Operation::Now, self.root.as_ref());
        self.clock.now(&self.requests, &self.root).await.map(HostTime).map_err(failed)
    }

    async fn identity(&self) -> Result<HostIdentity> {
        let failed = |failure: Failure| failure.in_operation(Operation::Identity, self.root.as_ref());
        clock::identity(&self.requests, &self.root).await.map(HostIdentity::new).map_err(failed)
    }
}
