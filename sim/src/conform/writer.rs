//! A writer that goes on whatever its medium does: when an append fails it opens the store again, until that succeeds, and looks whether
//! all that it was told is there, once, and whole.
//!
//! What it does not check: how long it takes, and that errors say what happened.

use super::cases::{Context, all, in_full};
use super::part::pause;
use super::processes::{Known, TOGETHER_MAX, record, store};
use super::real::Real;
use crate::base::block_on;
use crate::hosts::BoxedHost;
use asl_host::{Durability, Host, LogSeq, Result, Store};
use std::time::Duration;

/// How often a store is opened, at most, until that succeeds, and how long is waited in between.
const OPENS_MAX: u32 = 240;
const OPEN_PAUSE: Duration = Duration::from_millis(250);

/// The writer of a store, and what it knows of it.
pub(super) struct Writer {
    here: Real,
    durability: Durability,
    handle: Option<<BoxedHost as Host>::Store>,
    known: Known,
    next_id: u64,
    acknowledged: u64,
    reopened: u64,
}

impl Writer {
    /// The writer of a store that does not exist yet.
    pub(super) fn create(here: &Real) -> Writer {
        let durability = here.boot().capabilities().durability;
        let handle = None;
        let mut writer = Writer {
            here: here.clone(),
            durability,
            handle,
            known: Known::default(),
            next_id: 1,
            acknowledged: 0,
            reopened: 0,
        };
        writer.until_it_succeeds("make the store", |here| {
            let host = here.boot();
            match block_on(host.create_store(&store(here))) {
                // An answer that was lost.
                Err(error) if error.code() == asl_host::Code::Exists => Ok(()),
                made => made.map(drop),
            }
        });
        writer
    }

    fn until_it_succeeds<T>(&mut self, attempted: &str, attempt: impl Fn(&Real) -> Result<T>) -> T {
        let mut last = None;
        for _ in 0..OPENS_MAX {
            match attempt(&self.here) {
                Ok(done) => return done,
                Err(error) => last = Some(error),
            }
            pause(OPEN_PAUSE);
        }
        let why = last.map(|error| in_full(&error)).unwrap_or_default();
        panic!("{attempted}, tried {OPENS_MAX} times: {why}")
    }

    /// Opens the store if it is not open, and looks at its log.
    fn opened(&mut self) -> <BoxedHost as Host>::Store {
        if let Some(open) = self.handle.take() {
            return open;
        }
        self.reopened += 1;
        let (open, log) = self.until_it_succeeds("open the store and read it", |here| {
            let open = block_on(here.boot().open_store(&store(here)))?;
            let log = block_on(open.read(LogSeq::FIRST, usize::MAX))?;
            Ok((open, log))
        });
        self.known.check(&log);
        open
    }

    /// Appends one record, then several at once, and keeps the handle as long as none fails.
    pub(super) fn append_some(&mut self) {
        for together in [1, TOGETHER_MAX] {
            let open = self.opened();
            let ids = self.next_id..self.next_id + together;
            self.next_id = ids.end;
            let records: Vec<Vec<u8>> = ids.clone().map(record).collect();
            let numbers = block_on(all(records.iter().map(|record| open.append(record))));
            let failed = numbers.iter().any(Result::is_err);
            for (id, number) in ids.zip(numbers) {
                if let Ok(LogSeq(number)) = number {
                    self.known.acknowledged(number, id, self.durability);
                    self.acknowledged += 1;
                }
            }
            if !failed {
                self.handle = Some(open);
            }
        }
    }

    /// Seals a block with what is in it, and reads it back; tries until both succeed.
    pub(super) fn seal_some(&mut self) {
        if !self.here.boot().capabilities().blocks {
            return;
        }
        let content = record(self.next_id * 13);
        let block = self.until_it_succeeds("seal a block", |here| {
            block_on(async {
                let open = here.boot().open_store(&store(here)).await?;
                let block = open.create_block().await?;
                open.write_block(&block, &content).await?;
                open.seal_block(&block).await?;
                Ok(block)
            })
        });
        // Another handle opened it: this one may be fenced off.
        self.handle = None;
        let read = self.until_it_succeeds("read a sealed block", |here| {
            block_on(async { here.boot().open_store(&store(here)).await?.read_block(&block).await })
        });
        assert!(read == content, "sealed block {block} is torn: it has {} bytes", read.len());
    }

    /// Opens the store once more, and looks at its log.
    pub(super) fn check_all(&mut self) {
        self.handle = None;
        self.handle = Some(self.opened());
    }

    /// What it did.
    pub(super) fn told(&self) -> String {
        format!("{} records acknowledged, opened {} times", self.acknowledged, self.reopened)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(open) = self.handle.take() {
            // What was acknowledged needs no close.
            let _ = block_on(open.close());
        }
    }
}
