//! What a host and its stores share: the device, the state of the journal in memory, and the turns in which it changes.
//!
//! One operation at a time has the turn. What it wants to write is *pending* until it is done; if its caller stops waiting, the
//! next turn does it first, so that the doubt is settled before anybody sees anything. After a write or flush that failed,
//! nothing is sure: the state is thrown away, the handles of that *epoch* refuse work, and whoever comes next reads the
//! device again.
//!
//! The device's lock is held as long as a store is open, or somebody has the turn.

use super::SimOptions;
use super::contents::Contents;
use super::frame::Entry;
use super::gate::{Gate, Pass};
use super::io_calls;
use super::journal::{Journal, Write};
use super::recover::{Failure, has_store, recover};
use crate::world::{SimDisk, SimEnv};
use asl_host::{ErrorKind, Operation, Result, StoreError};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a host and its stores share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) disk: SimDisk,
    pub(super) env: SimEnv,
    pub(super) options: SimOptions,
    gate: Gate,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Handles of earlier epochs refuse work.
    pub(super) epoch: u64,
    pub(super) up: Option<Up>,
    /// The locations of stores that have a handle, even if that refuses work: it is released by closing or dropping it.
    pub(super) open: BTreeSet<String>,
}

/// The journal in memory, while the device's lock is held.
#[derive(Debug)]
pub(super) struct Up {
    pub(super) contents: Contents,
    journal: Journal,
    /// The clock's last reading.
    pub(super) last_time: u64,
    pending: Option<Pending>,
}

/// What was begun.
#[derive(Clone, Debug)]
struct Pending {
    write: Option<Write>,
    is_flush: bool,
    /// What has come to be once it is done.
    entries: Vec<(u64, Entry)>,
}

impl Shared {
    pub(super) fn new(disk: SimDisk, env: SimEnv, options: SimOptions) -> Arc<Shared> {
        Arc::new(Shared { disk, env, options, gate: Gate::default(), state: Mutex::default() })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while holding the host's lock")
    }

    /// Waits for the turn, with the journal in memory and nothing pending.
    pub(super) async fn turn(&self, operation: Operation, location: &str) -> Result<Turn<'_>> {
        let turn = self.bare_turn().await;
        if self.state().up.is_none() {
            turn.start(operation, location).await?;
        }
        turn.settle(operation, location).await?;
        Ok(turn)
    }

    /// Whether a store is there, for one who was told that another process has the device.
    pub(super) async fn has_store(&self, operation: Operation, location: &str) -> Result<bool> {
        let found = has_store(&self.disk, &self.options, location).await;
        found.map_err(|failure| told(failure, operation, location))
    }

    /// Waits for the turn and nothing else, to give something back.
    pub(super) async fn bare_turn(&self) -> Turn<'_> {
        Turn { shared: self, _pass: self.gate.enter().await }
    }

    /// The turn for a handle: only if it is of this epoch.
    pub(super) async fn turn_of(&self, epoch: u64, operation: Operation, location: &str) -> Result<Turn<'_>> {
        let turn = self.bare_turn().await;
        let is_current = {
            let state = self.state();
            state.epoch == epoch && state.up.is_some()
        };
        if !is_current {
            return Err(StoreError::new(ErrorKind::Closed, operation, location));
        }
        turn.settle(operation, location).await?;
        Ok(turn)
    }

    /// A handle is gone without having been closed.
    pub(super) fn abandon(&self, location: &str) {
        self.state().open.remove(location);
        if let Some(pass) = self.gate.try_enter() {
            drop(Turn { shared: self, _pass: pass });
        }
    }
}

/// The right to change things. Dropped while no store is open, it gives the device's lock back.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    shared: &'a Shared,
    _pass: Pass<'a>,
}

impl Turn<'_> {
    async fn start(&self, operation: Operation, location: &str) -> Result<()> {
        let shared = self.shared;
        let locked = io_calls::try_lock(&shared.disk).await;
        if !locked.map_err(|error| StoreError::io(operation, location, error))? {
            return Err(StoreError::new(ErrorKind::ConcurrentModification, operation, location));
        }
        let recovered = recover(&shared.disk, &shared.env, &shared.options).await;
        let recovered = recovered.map_err(|failure| told(failure, operation, location))?;
        let mut state = shared.state();
        // A new epoch too: a handle that was abandoned by others must not find its store open again.
        state.epoch += 1;
        state.up = Some(Up {
            last_time: recovered.contents.reserved,
            contents: recovered.contents,
            journal: recovered.journal,
            pending: None,
        });
        Ok(())
    }

    /// Works on the state, which is there.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Up) -> T) -> T {
        work(self.shared.state().up.as_mut().expect("whoever has the turn has the state"))
    }

    pub(super) fn is_open(&self, location: &str) -> bool {
        self.shared.state().open.contains(location)
    }

    /// A handle to the store is given out.
    pub(super) fn opens(&self, location: &str) {
        self.shared.state().open.insert(location.to_owned());
    }

    /// The handle to the store is closed.
    pub(super) fn closes(&self, location: &str) {
        self.shared.state().open.remove(location);
    }

    pub(super) fn epoch(&self) -> u64 {
        self.shared.state().epoch
    }

    /// Writes frames, and flushes if asked to, and then lets them have come to be.
    pub(super) async fn commit(
        &self,
        entries: Vec<Entry>,
        is_flush: bool,
        operation: Operation,
        location: &str,
    ) -> Result<()> {
        self.with(|up| {
            debug_assert!(up.pending.is_none(), "whoever has the turn has settled what was pending");
            let (positions, write) = up.journal.add(&entries);
            let write = (!entries.is_empty()).then_some(write);
            let entries = positions.into_iter().zip(entries).collect();
            up.pending = Some(Pending { write, is_flush, entries });
        });
        self.settle(operation, location).await
    }

    /// The same, durably, and with a witness behind it: what is lost of this by damage is then missed.
    pub(super) async fn commit_witnessed(
        &self,
        entries: Vec<Entry>,
        operation: Operation,
        location: &str,
    ) -> Result<()> {
        self.commit(entries, true, operation, location).await?;
        self.commit(vec![Entry::Mark], true, operation, location).await
    }

    /// Does what is pending.
    async fn settle(&self, operation: Operation, location: &str) -> Result<()> {
        let Some(pending) = self.with(|up| up.pending.clone()) else { return Ok(()) };
        let disk = &self.shared.disk;
        let done = async {
            if let Some(write) = &pending.write {
                io_calls::write(disk, write).await?;
            }
            if pending.is_flush { io_calls::flush(disk).await } else { Ok(()) }
        };
        if let Err(error) = done.await {
            self.shared.state().fail();
            return Err(StoreError::io(operation, location, error));
        }
        self.with(|up| {
            up.pending = None;
            for (position, entry) in pending.entries {
                let makes_sense = up.contents.apply(position, entry);
                debug_assert!(makes_sense, "whoever wrote it had looked");
            }
            if pending.is_flush {
                up.contents.is_durable();
                up.journal.is_flushed();
            }
        });
        Ok(())
    }
}

impl State {
    /// Nothing is sure any more.
    fn fail(&mut self) {
        self.epoch += 1;
        self.up = None;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if state.open.is_empty() {
            state.up = None;
            self.shared.disk.unlock();
        }
    }
}

fn told(failure: Failure, operation: Operation, location: &str) -> StoreError {
    let error = StoreError::new(failure.kind, operation, location).with_detail(failure.detail);
    match failure.cause {
        Some(cause) => error.with_source(cause),
        None => error,
    }
}
