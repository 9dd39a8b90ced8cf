//! What a writing handle keeps, and the turns in which operations change it.

use super::gate::{Gate, Pass};
use super::recover::Recovered;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

/// The state of a writing handle.
#[derive(Debug)]
pub(super) struct Writer<F> {
    gate: Gate,
    state: Mutex<State<F>>,
}

#[derive(Debug)]
pub(super) struct State<F> {
    /// Everything acknowledged, record 1 first. One that is missing was skipped by a recovery that has a bug.
    pub(super) records: Vec<Option<Arc<[u8]>>>,
    /// How many of them are known to be durable.
    pub(super) durable: u64,
    /// Segments that were left without a sync for the present one, oldest first.
    pub(super) behind: Vec<Arc<F>>,
    /// The segment that this handle appends to.
    pub(super) segment: Option<Segment<F>>,
    pub(super) sealed: BTreeSet<String>,
    pub(super) open_blocks: BTreeMap<String, OpenBlock<F>>,
    pub(super) snapshots: BTreeSet<String>,
    /// The store's lock; gone once the handle is closed.
    pub(super) lock: Option<F>,
    /// Closed, or stopped by a failure.
    pub(super) refuses: bool,
}

/// A segment being written.
#[derive(Debug)]
pub(super) struct Segment<F> {
    pub(super) file: Arc<F>,
    pub(super) first: u64,
    pub(super) salt: u64,
    pub(super) end: u64,
}

/// A block that is not sealed.
#[derive(Debug)]
pub(super) struct OpenBlock<F> {
    pub(super) file: Arc<F>,
    pub(super) len: u64,
}

// Derived, these would ask for `F: Clone`.
impl<F> Clone for Segment<F> {
    fn clone(&self) -> Segment<F> {
        Segment { file: self.file.clone(), ..*self }
    }
}

impl<F> Clone for OpenBlock<F> {
    fn clone(&self) -> OpenBlock<F> {
        OpenBlock { file: self.file.clone(), ..*self }
    }
}

impl<F> Writer<F> {
    pub(super) fn new(lock: F, recovered: Recovered) -> Writer<F> {
        let Recovered { records, durable, sealed, snapshots } = recovered;
        let state = State {
            records,
            durable,
            behind: Vec::new(),
            segment: None,
            sealed,
            open_blocks: BTreeMap::new(),
            snapshots,
            lock: Some(lock),
            refuses: false,
        };
        Writer { gate: Gate::default(), state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<F>> {
        self.state.lock().expect("nothing panics while holding the writer's lock")
    }

    /// Waits until no other operation writes.
    pub(super) async fn turn(&self) -> Turn<'_, F> {
        let pass = self.gate.enter().await;
        Turn { writer: self, _pass: pass, in_doubt: false }
    }
}

/// The right to write. Dropped between `begin` and `finish`, by an error or because nobody waits for the operation any
/// more, it leaves a handle that refuses further work: what the operation came to, the next open says.
#[derive(Debug)]
pub(super) struct Turn<'a, F> {
    writer: &'a Writer<F>,
    _pass: Pass<'a>,
    in_doubt: bool,
}

impl<F> Turn<'_, F> {
    /// From here on the outcome is uncertain.
    pub(super) fn begin(&mut self) {
        self.in_doubt = true;
    }

    /// It is certain again.
    pub(super) fn finish(&mut self) {
        self.in_doubt = false;
    }
}

impl<F> Drop for Turn<'_, F> {
    fn drop(&mut self) {
        if self.in_doubt {
            self.writer.state().refuses = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn one_turn_at_a_time_and_one_left_in_doubt_stops_the_handle() {
        let writer = Writer::new((), Recovered::default());
        let mut turn = ready(writer.turn()).expect("nobody has it");
        assert!(
            ready(writer.turn()).is_none(),
            "somebody has it, and one that stops waiting changes nothing"
        );
        turn.begin();
        turn.finish();
        drop(turn);
        assert!(!writer.state().refuses);
        let mut turn = ready(writer.turn()).expect("nobody has it");
        turn.begin();
        drop(turn);
        assert!(writer.state().refuses);
        assert!(ready(writer.turn()).is_some(), "closing still gets its turn");
    }
}
