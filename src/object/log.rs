//! The log of an open store: appends that share batches, led by a caller.
//!
//! An append puts its record into the queue and waits for its turn. Whoever has the turn takes the whole queue as a batch, numbers it and
//! puts it as the next entry; those who arrive meanwhile form the next batch. So there is one put in flight, no more. There is no
//! background task: if the future of whoever leads is dropped, the entry stays where it is, and the next one who has the turn puts the
//! same bytes under the same number, which does no harm if they stand there already.
//!
//! If the host's options say so, the leader lingers before it takes the queue (`ObjectOptions::linger`); a record is put no later for that
//! than the option says, once a batch.
//!
//! A record that is cancelled while queued is withdrawn; one that is cancelled while its batch is being put is in doubt until the next
//! operation has settled it.

use super::entry::{Entry, What};
use super::requests::{Failure, Requests};
use super::sequence::{Names, State};
use super::turn::{Turn, Turns};
use crate::env::Env;
use crate::error::ErrorKind;
use object_store::ObjectStore;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A batch is closed when it has so many bytes, though one record may be longer.
const BATCH_LEN_MAX: usize = 8 << 20;

/// What became of a record: its number.
type Outcome = Arc<OnceLock<Result<u64, ErrorKind>>>;

#[derive(Debug)]
struct Queued {
    record: Vec<u8>,
    expected: Option<u64>,
    outcome: Outcome,
    withdrawn: Arc<AtomicBool>,
}

/// An entry that is being put, or was when its leader was dropped.
#[derive(Debug)]
struct InFlight {
    entry: Entry,
    /// The records' outcomes, if it is a batch.
    outcomes: Vec<Outcome>,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    queue: VecDeque<Queued>,
    in_flight: Option<Arc<InFlight>>,
    /// How many records the last batch had.
    last_len: usize,
    /// Why everything is refused, if it is.
    refusing: Option<ErrorKind>,
}

/// The sequence as its writer sees it.
#[derive(Debug, Default)]
pub(super) struct Log {
    turns: Turns,
    inner: Mutex<Inner>,
}

/// Withdraws a record whose caller stopped waiting.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Log {
    /// A log whose sequence has come to this.
    pub(super) fn new(state: State) -> Log {
        Log { turns: Turns::default(), inner: Mutex::new(Inner { state, ..Inner::default() }) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything is refused from now on.
    pub(super) fn refuse(&self, kind: ErrorKind) {
        self.inner().refusing.get_or_insert(kind);
    }

    fn refusing(&self) -> Result<(), Failure> {
        self.inner().refusing.map_or(Ok(()), |kind| Err(Failure::new(kind, "")))
    }

    /// Looks at what the sequence has come to, with nothing in flight.
    pub(super) async fn settled<S: ObjectStore, E: Env, T>(
        &self,
        requests: &Requests<S, E>,
        names: &Names,
        look: impl FnOnce(&State) -> T + Send,
    ) -> Result<T, Failure> {
        let _turn = self.enter(requests, names).await?;
        Ok(look(&self.inner().state))
    }

    /// Waits for the turn, and until it is known what became of what was in flight.
    async fn enter<S: ObjectStore, E: Env>(
        &self,
        requests: &Requests<S, E>,
        names: &Names,
    ) -> Result<Turn<'_>, Failure> {
        let turn = self.turns.enter().await;
        self.refusing()?;
        self.drive(requests, names).await?;
        Ok(turn)
    }

    /// Appends a record, if it gets the number that is expected.
    pub(super) async fn append<S: ObjectStore, E: Env>(
        &self,
        requests: &Requests<S, E>,
        names: &Names,
        record: &[u8],
        expected: Option<u64>,
    ) -> Result<u64, Failure> {
        self.refusing()?;
        let (outcome, withdrawn) = (Outcome::default(), Arc::new(AtomicBool::new(false)));
        let _waiting = Waiting(withdrawn.clone());
        let queued = Queued { record: record.to_vec(), expected, outcome: outcome.clone(), withdrawn };
        self.inner().queue.push_back(queued);
        loop {
            // Whose record was put with others needs no turn to hear of it: else whoever has just appended would be the next to lead, with
            // one record, for ever.
            let turn = self.turns.enter_unless(|| outcome.get().is_some()).await;
            if let Some(outcome) = outcome.get() {
                return outcome.map_err(|kind| Failure::new(kind, ""));
            }
            self.lead(requests, names).await?;
            drop(turn);
        }
    }

    /// Puts what is in flight, or else what is queued.
    async fn lead<S: ObjectStore, E: Env>(
        &self,
        requests: &Requests<S, E>,
        names: &Names,
    ) -> Result<(), Failure> {
        self.refusing()?;
        self.drive(requests, names).await?;
        let linger = requests.options.linger;
        if !linger.is_zero() && self.inner().waits_for_more() {
            requests.env.sleep(linger).await;
            // A handle that was closed meanwhile takes no more.
            self.refusing()?;
        }
        let nonce = requests.nonce();
        {
            let mut inner = self.inner();
            let batch = inner.batch(nonce);
            inner.in_flight = batch.map(Arc::new);
        }
        self.drive(requests, names).await
    }

    /// Puts an entry of another kind, unless it is not wanted; says which number it has.
    pub(super) async fn put<S: ObjectStore, E: Env>(
        &self,
        requests: &Requests<S, E>,
        names: &Names,
        what: What,
        is_wanted: impl Fn(&State) -> Result<(), ErrorKind> + Send,
    ) -> Result<u64, Failure> {
        let _turn = self.enter(requests, names).await?;
        let nonce = requests.nonce();
        {
            let mut inner = self.inner();
            is_wanted(&inner.state).map_err(|kind| Failure::new(kind, ""))?;
            let entry = Entry { nonce, first: inner.state.records + 1, what };
            inner.in_flight = Some(Arc::new(InFlight { entry, outcomes: Vec::new() }));
        }
        self.drive(requests, names).await?;
        Ok(self.inner().state.last)
    }

    /// Puts what is in flight, if something is.
    async fn drive<S: ObjectStore, E: Env>(
        &self,
        requests: &Requests<S, E>,
        names: &Names,
    ) -> Result<(), Failure> {
        let (in_flight, number) = {
            let inner = self.inner();
            let Some(in_flight) = inner.in_flight.clone() else { return Ok(()) };
            (in_flight, inner.state.last + 1)
        };
        let put = requests.put_entry(names, number, &in_flight.entry).await;
        let failed = match put {
            Ok(None) => {
                let due = {
                    let mut inner = self.inner();
                    inner.is_put(&in_flight);
                    requests.is_checkpoint(&inner.state).then(|| inner.state.clone())
                };
                if let Some(state) = due {
                    requests.keep(names, &state).await;
                }
                return Ok(());
            }
            // Somebody else has opened the store, or destroyed it. What stands there is never ours.
            Ok(Some(_)) => Failure::new(ErrorKind::ConcurrentModification, "opened by somebody else since"),
            // Nobody knows whether it will stand there.
            Err(failure) => failure,
        };
        let mut inner = self.inner();
        inner.in_flight = None;
        for outcome in &in_flight.outcomes {
            let _ = outcome.set(Err(failed.kind));
        }
        inner.refusing = Some(match failed.kind {
            ErrorKind::ConcurrentModification => ErrorKind::ConcurrentModification,
            _ => ErrorKind::Closed,
        });
        Err(failed)
    }
}

impl Inner {
    /// The entry stands there.
    fn is_put(&mut self, in_flight: &InFlight) {
        self.in_flight = None;
        assert!(self.state.add(&in_flight.entry), "an entry of our own makes sense");
        for (number, outcome) in (in_flight.entry.first..).zip(&in_flight.outcomes) {
            let _ = outcome.set(Ok(number));
        }
    }

    /// Whether more appended together than do now: those who were told that their records stand there are about to append the next.
    fn waits_for_more(&self) -> bool {
        self.queue.len() < self.last_len
    }

    /// What is queued, as the next entry. Those who expected another number are told so.
    fn batch(&mut self, nonce: u128) -> Option<InFlight> {
        let (first, mut len) = (self.state.records + 1, 0);
        let (mut records, mut outcomes) = (Vec::new(), Vec::new());
        while let Some(queued) = self.queue.front() {
            if !records.is_empty() && len + queued.record.len() > BATCH_LEN_MAX {
                break;
            }
            let queued = self.queue.pop_front().expect("it was there");
            if queued.withdrawn.load(Ordering::Relaxed) {
                continue;
            }
            let number = first + records.len() as u64;
            if queued.expected.is_some_and(|expected| expected != number) {
                let _ = queued.outcome.set(Err(ErrorKind::ConcurrentModification));
                continue;
            }
            len += queued.record.len();
            records.push(queued.record);
            outcomes.push(queued.outcome);
        }
        self.last_len = outcomes.len();
        let entry = Entry { nonce, first, what: What::Batch(records) };
        (!outcomes.is_empty()).then_some(InFlight { entry, outcomes })
    }
}
