//! `SimHost`, the reference host: deterministic, complete, and on a simulated block device.
//!
//! Stores that are to be tested above a host can be run on it: it keeps the whole contract, with any append unit, and the faults
//! are those of its [`SimDisk`]. It shows by its own code how little it takes to be correct, and it is a target like others.
//!
//! The device holds one append-only journal of checksummed frames (see `frame`), and nothing else. At a start the
//! journal is read from its beginning and replayed into memory (`recover`); from then on reads are served from memory.
//! Frames are made durable in batches that share no sector, so that what is written later cannot tear what is durable.
//!
//! - Records of any length up to [`SimOptions::record_len_max`] are atomic whatever the append unit: a frame counts whole or not
//!   at all. Open blocks are in memory only. A snapshot is its place in the journal.
//! - Several stores share the device, each under its location, which may be any text. One process at a time has the
//!   device. With [`Exclusion::Refuse`], opening a store is refused while another process has one open, and opening an open one
//!   always. With [`Exclusion::Fence`], an open takes the device from the process that has it, whichever stores that had open, and
//!   the store from the handle that has it; writes through these fail from then on, and change nothing. Reading the clock, creating
//!   and destroying take nothing from anybody: they are refused while another process has the device.
//! - Readings of the clock are reserved ahead of time, in the journal, like the identity.
//! - After a write or flush that failed all open handles refuse work; opening a store reads the device again.
//!
//! Not offered: space is never reclaimed, so that a device has an end.

mod contents;
mod frame;
mod io_calls;
mod journal;
mod recover;
mod shared;
mod store;

use crate::media::{SimDisk, SimEnv};
use asl_host::env::Env;
use asl_host::{
    Capabilities, Durability, ErrorKind, Exclusion, Host, HostIdentity, HostTime, Operation, Result,
    StoreError, StoreLocation,
};
use frame::Entry;
use shared::{Shared, Turn};
use std::sync::Arc;

pub use store::SimStore;

/// Settings of a [`SimHost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimOptions {
    /// When an acknowledged append is durable.
    pub durability: Durability,
    /// What happens when a store that is open is opened again.
    pub exclusion: Exclusion,
    /// Frames, records among them, are padded to multiples of this many bytes. Any number; 0 counts as 1.
    pub append_unit: u32,
    /// The longest record, in bytes; more than 1 MiB counts as that. It must not be less than when the journal was written: a
    /// frame that is longer is still read, but damage behind which only such frames stand may not be noticed.
    pub record_len_max: u32,
    /// How far ahead readings of the clock are reserved: about how far the clock jumps at a restart, in nanoseconds.
    pub clock_reserve_ns: u64,
}

impl Default for SimOptions {
    fn default() -> SimOptions {
        SimOptions {
            durability: Durability::OnAppend,
            exclusion: Exclusion::Refuse,
            append_unit: 512,
            record_len_max: 64 << 10,
            clock_reserve_ns: 10_000_000_000,
        }
    }
}

/// The reference host. See the module's documentation.
#[derive(Debug)]
pub struct SimHost {
    shared: Arc<Shared>,
}

impl SimHost {
    /// A host on this device, which is read when it is first needed; a device without a journal is given one.
    pub fn new(disk: SimDisk, env: SimEnv, options: SimOptions) -> SimHost {
        let record_len_max = options.record_len_max.min(frame::RECORD_LEN_MAX);
        SimHost { shared: Shared::new(disk, env, SimOptions { record_len_max, ..options }) }
    }

    /// A handle to a store that is there; it is open from now on.
    fn opened(&self, turn: &Turn<'_>, location: &str) -> SimStore {
        let handle = turn.opens(location);
        SimStore::new(self.shared.clone(), handle, location)
    }
}

impl Host for SimHost {
    type Store = SimStore;

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durability: self.shared.options.durability,
            exclusion: self.shared.options.exclusion,
            blocks: true,
            snapshots: true,
            append_unit: self.shared.options.append_unit.max(1),
            max_record_len: self.shared.options.record_len_max,
        }
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<SimStore> {
        let (operation, location) = (Operation::CreateStore, location.as_str());
        if location.len() > self.shared.options.record_len_max as usize {
            let error = StoreError::new(ErrorKind::TooLarge, operation, location);
            return Err(error.with_detail("the location is longer than a record"));
        }
        let turn = match self.shared.turn(operation, location).await {
            Err(error) if error.kind() == ErrorKind::ConcurrentModification => {
                // Another process has the device; that a store is there can be said all the same.
                let is_there = self.shared.has_store(operation, location).await?;
                return Err(if is_there {
                    StoreError::new(ErrorKind::Exists, operation, location)
                } else {
                    error
                });
            }
            turn => turn?,
        };
        if turn.with(|up| up.contents.stores.contains_key(location)) {
            return Err(StoreError::new(ErrorKind::Exists, operation, location));
        }
        let entry = Entry::Create { location: location.to_owned() };
        turn.commit_witnessed(vec![entry], operation, location).await?;
        Ok(self.opened(&turn, location))
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<SimStore> {
        let (operation, location) = (Operation::OpenStore, location.as_str());
        let turn = match self.shared.options.exclusion {
            Exclusion::Refuse => {
                let turn = self.shared.turn(operation, location).await?;
                check_closed(&turn, operation, location)?;
                turn
            }
            Exclusion::Fence => self.shared.turn_by_force(operation, location).await?,
        };
        number_of(&turn, operation, location)?;
        // Of a handle that was dropped, or is fenced off now: what an open shows is durable.
        turn.flush(operation, location).await?;
        Ok(self.opened(&turn, location))
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        let (operation, location) = (Operation::DestroyStore, location.as_str());
        let turn = self.shared.turn(operation, location).await?;
        let store = check_closed(&turn, operation, location)?;
        turn.commit_witnessed(vec![Entry::Destroy { store }], operation, location).await
    }

    async fn now(&self) -> Result<HostTime> {
        let operation = Operation::Now;
        let turn = self.shared.turn(operation, "clock").await?;
        let (time, reserved) = turn.with(|up| {
            let time = self.shared.env.now_ns().max(up.last_time.saturating_add(1));
            (time, up.contents.reserved)
        });
        if time >= reserved {
            let reserved = time.saturating_add(self.shared.options.clock_reserve_ns.max(1));
            turn.commit_witnessed(vec![Entry::Clock { reserved }], operation, "clock").await?;
        }
        turn.with(|up| up.last_time = time);
        Ok(HostTime(time))
    }

    async fn identity(&self) -> Result<HostIdentity> {
        let turn = self.shared.turn(Operation::Identity, "identity").await?;
        Ok(HostIdentity::new(format!("{:032x}", turn.with(|up| up.contents.identity))))
    }
}

/// The number of a store that is there and not open.
fn check_closed(turn: &Turn<'_>, operation: Operation, location: &str) -> Result<u64> {
    if turn.is_open(location) {
        return Err(StoreError::new(ErrorKind::ConcurrentModification, operation, location));
    }
    number_of(turn, operation, location)
}

/// The number of a store that is there.
fn number_of(turn: &Turn<'_>, operation: Operation, location: &str) -> Result<u64> {
    let number = turn.with(|up| up.contents.stores.get(location).map(|store| store.number));
    number.ok_or_else(|| StoreError::new(ErrorKind::NotFound, operation, location))
}
