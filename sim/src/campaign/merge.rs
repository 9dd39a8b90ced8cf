//! Chunks of runs put together in the order of their seeds, whichever thread was done first.

use super::keep::Begun;
use super::{FAILURES_MAX, Summary};
use crate::check::INVARIANTS;
use std::collections::BTreeMap;

/// What came of a chunk.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) summary: Summary,
    /// Whether all of its runs were made, as far as nothing that was found ended it.
    pub(super) whole: bool,
}

/// Chunks put together in their order.
pub(super) struct Merged {
    /// All chunks before the next one.
    pub(super) total: Summary,
    waiting: BTreeMap<u64, Chunk>,
    /// The next chunk to be put in.
    pub(super) next: u64,
    /// Whether what was found ends the campaign.
    pub(super) done: bool,
}

impl Merged {
    /// Begins with nothing, or where another process was.
    pub(super) fn new(begun: Option<&Begun>, keep_going: bool) -> Merged {
        let nothing = || Summary { armed: vec![0; INVARIANTS.len()], ..Summary::default() };
        let (next, total) = begun.map_or_else(|| (0, nothing()), |begun| (begun.next, begun.summary.clone()));
        let done = total.ends(keep_going);
        Merged { total, waiting: BTreeMap::new(), next, done }
    }

    /// A chunk that is not whole waits for the end, so that what is put together can always go on from the next chunk.
    pub(super) fn add(&mut self, chunk: u64, result: Chunk, keep_going: bool) {
        self.waiting.insert(chunk, result);
        while let Some(result) = self.waiting.remove(&self.next) {
            if self.done {
                continue;
            }
            if !result.whole {
                self.waiting.insert(self.next, result);
                return;
            }
            self.next += 1;
            self.done = result.summary.ends(keep_going);
            self.put_in(result.summary);
        }
    }

    fn put_in(&mut self, result: Summary) {
        let total = &mut self.total;
        total.runs += result.runs;
        total.failed += result.failed;
        total.failures.extend(result.failures);
        total.failures.truncate(FAILURES_MAX);
        for (sums, counts) in [(&mut total.signatures, result.signatures), (&mut total.known, result.known)] {
            for (signature, count) in counts {
                *sums.entry(signature).or_default() += count;
            }
        }
        total.repeated += result.repeated;
        total.diverged.extend(result.diverged);
        total.diverged.truncate(FAILURES_MAX);
        total.fatal.extend(result.fatal);
        total.totals.merge(&result.totals);
        total.count_checks(result.armed.into_iter());
        total.bug = total.bug.take().or(result.bug);
    }

    /// What an early end left behind a gap counts too, up to what ends the campaign.
    pub(super) fn finish(mut self, keep_going: bool) -> Summary {
        for result in std::mem::take(&mut self.waiting).into_values() {
            if self.total.ends(keep_going) {
                break;
            }
            self.put_in(result.summary);
        }
        self.total
    }
}
