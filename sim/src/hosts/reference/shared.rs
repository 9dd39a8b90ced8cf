//! What a host and its stores share: the device, the state of the journal in memory, and the turns in which it changes.
//!
//! One operation at a time has the turn. What it wants to write is *pending* until it is done; if its caller stops waiting, the
//! next turn does it first, so that the doubt is settled before anybody sees anything. After a write or flush that failed,
//! nothing is sure: the state is thrown away, the handles of that *epoch* refuse work, and whoever comes next reads the
//! device again.
//!
//! The device's lock is held as long as a store is open, or somebody has the turn. A host that fences takes it by force when it opens
//! a store; the process that had it finds out by its next write or flush.

use super::SimOptions;
use super::contents::{Contents, StoreContents};
use super::frame::Entry;
use super::io_calls;
use super::journal::{Journal, Write};
use super::recover::{Failure, has_store, recover};
use crate::hosts::gate::{Gate, Pass};
use crate::media::files::fs::EBADE;
use crate::media::{SimDisk, SimEnv};
use asl_host::{ErrorKind, Operation, Result, StoreError};
use std::collections::BTreeMap;
use std::io;
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
    /// The stores that have a handle, even if that refuses work, by location: it is released by closing or dropping it.
    open: BTreeMap<String, Handle>,
    handles: u64,
    /// Handles of epochs up to this one were fenced off by another process.
    fenced: u64,
}

/// What tells one handle that writes from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle {
    epoch: u64,
    number: u64,
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
            let locked = io_calls::try_lock(&self.disk).await;
            if !locked.map_err(|error| StoreError::io(operation, location, error))? {
                return Err(StoreError::new(ErrorKind::ConcurrentModification, operation, location));
            }
            turn.start(operation, location).await?;
        }
        turn.settle(operation, location).await?;
        Ok(turn)
    }

    /// The same, with the device taken from whoever has it. What this process has in memory is read again, since it may have lost
    /// the device without having noticed.
    pub(super) async fn turn_by_force(&self, operation: Operation, location: &str) -> Result<Turn<'_>> {
        let turn = self.bare_turn().await;
        if self.state().up.is_some() && turn.settle(operation, location).await.is_ok() {
            // Nobody else has it if a flush is let through.
            match io_calls::flush(&self.disk).await {
                Ok(()) => return Ok(turn),
                Err(error) => turn.failed(&error),
            }
        }
        let taken = io_calls::preempt(&self.disk).await;
        taken.map_err(|error| StoreError::io(operation, location, error))?;
        // A flush of the other process that failed is told to each handle once. What it should have covered, recovery writes again.
        let _heard = io_calls::flush(&self.disk).await;
        turn.start(operation, location).await?;
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

    /// The turn for a handle: only if it is of this epoch, and the last that was given out.
    pub(super) async fn turn_of(
        &self,
        handle: Handle,
        operation: Operation,
        location: &str,
    ) -> Result<Turn<'_>> {
        let turn = self.bare_turn().await;
        if let Some(kind) = self.state().refuses(handle, location) {
            return Err(StoreError::new(kind, operation, location));
        }
        turn.settle(operation, location).await?;
        Ok(turn)
    }

    /// A handle is gone without having been closed.
    pub(super) fn abandon(&self, location: &str, handle: Handle) {
        self.state().closes(location, handle);
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
        self.shared.state().open.contains_key(location)
    }

    /// A handle to the store is given out. If it has one already, that one is fenced off.
    pub(super) fn opens(&self, location: &str) -> Handle {
        let mut state = self.shared.state();
        state.handles += 1;
        let handle = Handle { epoch: state.epoch, number: state.handles };
        state.open.insert(location.to_owned(), handle);
        handle
    }

    /// The handle to the store is closed.
    pub(super) fn closes(&self, location: &str, handle: Handle) {
        self.shared.state().closes(location, handle);
    }

    /// Makes durable what is there of a store.
    pub(super) async fn flush(&self, operation: Operation, location: &str) -> Result<()> {
        let is_due = |store: &StoreContents| store.durable < store.records.len();
        if self.with(|up| up.contents.stores.get(location).is_some_and(is_due)) {
            self.commit(Vec::new(), true, operation, location).await?;
        }
        Ok(())
    }

    /// A write or flush failed: nothing is sure any more.
    fn failed(&self, error: &io::Error) {
        let mut state = self.shared.state();
        if error.raw_os_error() == Some(EBADE) {
            state.fenced = state.epoch;
        }
        state.fail();
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
            self.failed(&error);
            return Err(StoreError::new(kind_of(&error), operation, location).with_source(error));
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

    /// Why a handle may not do anything, if it may not.
    fn refuses(&self, handle: Handle, location: &str) -> Option<ErrorKind> {
        if handle.epoch <= self.fenced || self.open.get(location) != Some(&handle) {
            return Some(ErrorKind::ConcurrentModification);
        }
        (handle.epoch != self.epoch || self.up.is_none()).then_some(ErrorKind::Closed)
    }

    fn closes(&mut self, location: &str, handle: Handle) {
        if self.open.get(location) == Some(&handle) {
            self.open.remove(location);
        }
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

/// What an error of the device is to clients: one that is shut out is told that somebody else writes.
pub(super) fn kind_of(error: &io::Error) -> ErrorKind {
    if error.raw_os_error() == Some(EBADE) {
        ErrorKind::ConcurrentModification
    } else {
        ErrorKind::of_io(error)
    }
}

fn told(failure: Failure, operation: Operation, location: &str) -> StoreError {
    let error = StoreError::new(failure.kind, operation, location).with_detail(failure.detail);
    match failure.cause {
        Some(cause) => error.with_source(cause),
        None => error,
    }
}
