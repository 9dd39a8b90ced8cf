//! The log: group commit led by a caller, and reading back.
//!
//! An append puts its record into the queue. If nobody leads, it takes the whole queue as a batch, numbers and frames it,
//! writes it at the end of the segment, syncs, and wakes the others; those who arrive meanwhile form the next batch. There
//! is no background task. A leader whose future is dropped leaves the batch where it is: the next caller writes the same
//! bytes at the same place. A record that is cancelled while queued is withdrawn; one that is cancelled while its batch is
//! being written is in doubt, and a read waits until that doubt is settled.

use super::layout::Paths;
use crate::env::Env;
use crate::error::ErrorKind;
use crate::frame;
use crate::fs::{File, FileSystem, OpenMode, uninterrupted, write_all_at};
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Poll, Waker};

/// Every how many records a segment's index notes an offset.
pub(super) const INDEX_STRIDE: u64 = 64;

/// One segment file.
#[derive(Debug)]
pub(super) struct Segment<F> {
    pub(super) first: u64,
    pub(super) salt: u64,
    /// Length of its durable frames in bytes; of an earlier segment, known once its file is opened.
    pub(super) len: u64,
    pub(super) file: Option<Arc<F>>,
    pub(super) name_durable: bool,
    /// Number and offset of every `INDEX_STRIDE`th record, as far as known.
    pub(super) index: Vec<(u64, u64)>,
}

impl<F> Segment<F> {
    /// A segment whose file is not open yet.
    pub(super) fn new(first: u64, salt: u64) -> Segment<F> {
        Segment { first, salt, len: 0, file: None, name_durable: true, index: Vec::new() }
    }
}

/// What became of each record of a batch: its number, or `None` where the number was not the one expected.
type Outcome = Result<Vec<Option<u64>>, ErrorKind>;

#[derive(Debug)]
struct Entry {
    end: usize,
    expected: Option<u64>,
    withdrawn: bool,
}

/// Records that are committed together.
#[derive(Debug, Default)]
struct Batch {
    payloads: Vec<u8>,
    entries: Vec<Entry>,
    outcome: Arc<OnceLock<Outcome>>,
}

/// A batch that has its numbers and is being written.
#[derive(Debug)]
struct InFlight {
    outcome: Arc<OnceLock<Outcome>>,
    numbers: Vec<Option<u64>>,
    frames: Arc<Vec<u8>>,
    index: Vec<(u64, u64)>,
    last: u64,
    /// Whether somebody who waited for it has gone.
    orphaned: bool,
    /// Whether it ran out of space and what was written is being cut off again.
    rolling_back: bool,
}

#[derive(Debug)]
struct State<F> {
    segments: Vec<Segment<F>>,
    /// Whether the last segment is ours to append to.
    writing: bool,
    durable: u64,
    queue: Batch,
    in_flight: Option<InFlight>,
    leading: bool,
    refusing: Option<ErrorKind>,
    waiters: Vec<Waker>,
}

/// The log of one open store.
#[derive(Debug)]
pub(super) struct Log<F>(Mutex<State<F>>);

/// What a leader needs to write a batch.
struct Plan<F> {
    first: u64,
    salt: u64,
    file: Option<Arc<F>>,
    offset: u64,
    name_durable: bool,
    frames: Arc<Vec<u8>>,
    rolling_back: bool,
}

impl<F: File> Log<F> {
    pub(super) fn empty() -> Log<F> {
        Log::recovered(Vec::new(), 0)
    }

    pub(super) fn recovered(segments: Vec<Segment<F>>, durable: u64) -> Log<F> {
        Log(Mutex::new(State {
            segments,
            writing: false,
            durable,
            queue: Batch::default(),
            in_flight: None,
            leading: false,
            refusing: None,
            waiters: Vec::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State<F>> {
        self.0.lock().expect("nothing panics while holding the log's lock")
    }

    /// Why the handle refuses work, if it does.
    pub(super) fn refusing(&self) -> Option<ErrorKind> {
        self.state().refusing
    }

    /// Makes the handle refuse all further work.
    pub(super) fn refuse(&self) {
        self.state().refuse();
    }

    pub(super) fn durable(&self) -> u64 {
        self.state().durable
    }

    /// Waits until nobody writes, then refuses further work. What is still queued fails.
    pub(super) async fn close(&self) {
        self.until(|state| !state.leading).await;
        self.state().refuse();
    }

    pub(super) async fn append<S, E>(
        &self,
        seams: &Seams<'_, S, E>,
        record: &[u8],
        expected: Option<u64>,
    ) -> Result<Option<u64>, ErrorKind>
    where
        S: FileSystem<File = F>,
        E: Env,
    {
        let ticket = self.enqueue(record, expected)?;
        loop {
            if let Some(outcome) = ticket.outcome.get() {
                return match outcome {
                    Ok(numbers) => Ok(numbers[ticket.index]),
                    Err(kind) => Err(*kind),
                };
            }
            match self.try_lead(seams) {
                Some(lead) => lead.commit(seams).await,
                None => self.until(|state| !state.leading || ticket.outcome.get().is_some()).await,
            }
        }
    }

    /// Finishes a batch that somebody who waited for it has left: what it becomes must be known before a read returns.
    pub(super) async fn settle<S, E>(&self, seams: &Seams<'_, S, E>)
    where
        S: FileSystem<File = F>,
        E: Env,
    {
        loop {
            let (orphaned, leading) = {
                let state = self.state();
                let orphaned = state.in_flight.as_ref().is_some_and(|batch| batch.orphaned);
                (orphaned && state.refusing.is_none(), state.leading)
            };
            match (orphaned, leading) {
                (false, _) => return,
                (true, true) => self.until(|state| !state.leading).await,
                (true, false) => {
                    if let Some(lead) = self.try_lead(seams) {
                        lead.commit(seams).await;
                    }
                }
            }
        }
    }

    fn enqueue(&self, record: &[u8], expected: Option<u64>) -> Result<Ticket<'_, F>, ErrorKind> {
        let mut state = self.state();
        if let Some(kind) = state.refusing {
            return Err(kind);
        }
        let queue = &mut state.queue;
        queue.payloads.extend_from_slice(record);
        queue.entries.push(Entry { end: queue.payloads.len(), expected, withdrawn: false });
        let (outcome, index) = (queue.outcome.clone(), queue.entries.len() - 1);
        Ok(Ticket { log: self, outcome, index })
    }

    /// Becomes the leader, if nobody is and there is something to write.
    fn try_lead<S, E: Env>(&self, seams: &Seams<'_, S, E>) -> Option<Lead<'_, F>> {
        let mut state = self.state();
        if state.leading || state.refusing.is_some() {
            return None;
        }
        if state.in_flight.is_none() && !state.take_batch(seams.env, seams.segment_len_max) {
            return None;
        }
        state.leading = true;
        Some(Lead { log: self })
    }

    /// Waits until the condition holds; it is looked at whenever a leader is done.
    async fn until(&self, done: impl Fn(&State<F>) -> bool) {
        poll_fn(|context| {
            let mut state = self.state();
            if done(&state) {
                return Poll::Ready(());
            }
            if !state.waiters.iter().any(|waker| waker.will_wake(context.waker())) {
                state.waiters.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Where the records from `from` on are: the segment's last number, and from which record and offset to look.
    pub(super) fn locate(&self, from: u64) -> Option<Place<F>> {
        let state = self.state();
        let at = state.segments.partition_point(|segment| segment.first <= from).checked_sub(1)?;
        let segment = &state.segments[at];
        let last =
            state.segments.get(at + 1).map_or(state.durable, |next| (next.first - 1).min(state.durable));
        let entry = segment.index.partition_point(|&(seq, _)| seq <= from).checked_sub(1);
        let (seq, offset) = entry.map_or((segment.first, 0), |entry| segment.index[entry]);
        (from <= last).then(|| Place {
            first: segment.first,
            salt: segment.salt,
            file: segment.file.clone(),
            len: segment.len,
            last,
            seq,
            offset,
        })
    }

    /// Remembers the open file of a segment, and its length.
    pub(super) fn opened(&self, first: u64, file: &Arc<F>, len: u64) {
        if let Some(segment) = self.state().segments.iter_mut().find(|segment| segment.first == first) {
            segment.file.get_or_insert_with(|| file.clone());
            segment.len = len;
        }
    }
}

/// Where to find records.
pub(super) struct Place<F> {
    pub(super) first: u64,
    pub(super) salt: u64,
    pub(super) file: Option<Arc<F>>,
    /// Known if the file is open.
    pub(super) len: u64,
    pub(super) last: u64,
    pub(super) seq: u64,
    pub(super) offset: u64,
}

/// The seams, and where the store is.
pub(super) struct Seams<'a, S, E> {
    pub(super) fs: &'a S,
    pub(super) env: &'a E,
    pub(super) paths: &'a Paths,
    pub(super) segment_len_max: u64,
}

/// A record that was queued; dropped before it has an outcome, it is withdrawn or left in doubt.
struct Ticket<'a, F: File> {
    log: &'a Log<F>,
    outcome: Arc<OnceLock<Outcome>>,
    index: usize,
}

impl<F: File> Drop for Ticket<'_, F> {
    fn drop(&mut self) {
        if self.outcome.get().is_some() {
            return;
        }
        let mut state = self.log.state();
        if Arc::ptr_eq(&state.queue.outcome, &self.outcome) {
            state.queue.entries[self.index].withdrawn = true;
        } else if let Some(batch) = &mut state.in_flight {
            batch.orphaned = true;
        }
    }
}

/// The right to write. Dropped, however that comes about, it lets the next caller lead.
struct Lead<'a, F: File> {
    log: &'a Log<F>,
}

impl<F: File> Drop for Lead<'_, F> {
    fn drop(&mut self) {
        let mut state = self.log.state();
        state.leading = false;
        // A batch that was left behind is for the next leader, unless there will be none.
        if state.refusing.is_some() {
            state.refuse();
        }
        let waiters = std::mem::take(&mut state.waiters);
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
    }
}

impl<F: File> Lead<'_, F> {
    async fn commit<S, E>(self, seams: &Seams<'_, S, E>)
    where
        S: FileSystem<File = F>,
        E: Env,
    {
        let plan = self.log.state().plan();
        if !plan.rolling_back {
            match self.write(seams, &plan).await {
                Ok(()) => return self.log.state().committed(),
                Err(WriteError::NoSpace) => self.log.state().begin_roll_back(),
                Err(WriteError::Failed(error)) => {
                    tracing::warn!(%error, location = %seams.paths.dir.display(), "append failed: the handle refuses further work");
                    return self.log.state().failed();
                }
            }
        }
        match self.roll_back(seams, &plan).await {
            Ok(()) => self.log.state().rolled_back(),
            Err(error) => {
                tracing::warn!(%error, location = %seams.paths.dir.display(), "append could not be undone: the handle refuses further work");
                self.log.state().failed();
            }
        }
    }

    async fn write<S, E>(&self, seams: &Seams<'_, S, E>, plan: &Plan<F>) -> Result<(), WriteError>
    where
        S: FileSystem<File = F>,
        E: Env,
    {
        let file = match &plan.file {
            Some(file) => file.clone(),
            None => {
                let path = seams.paths.segment(plan.first, plan.salt);
                let file = uninterrupted!(seams.fs.open(&path, OpenMode::Create)).map_err(WriteError::of)?;
                let file = Arc::new(file);
                self.log.opened(plan.first, &file, 0);
                file
            }
        };
        write_all_at(&*file, &plan.frames, plan.offset).await.map_err(WriteError::of)?;
        uninterrupted!(file.sync_data()).map_err(WriteError::Failed)?;
        if !plan.name_durable {
            uninterrupted!(seams.fs.sync_dir(&seams.paths.dir)).map_err(WriteError::Failed)?;
        }
        Ok(())
    }

    /// Cuts off what was written of a batch for which there was no space.
    async fn roll_back<S, E>(&self, seams: &Seams<'_, S, E>, plan: &Plan<F>) -> io::Result<()>
    where
        S: FileSystem<File = F>,
        E: Env,
    {
        let Some(place) = self.log.locate_writing() else { return Ok(()) };
        place.set_len(plan.offset).await?;
        uninterrupted!(place.sync_all())?;
        if plan.offset == 0 {
            match uninterrupted!(seams.fs.unlink(&seams.paths.segment(plan.first, plan.salt))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            uninterrupted!(seams.fs.sync_dir(&seams.paths.dir))?;
        }
        Ok(())
    }
}

impl<F: File> Log<F> {
    /// The file of the segment being written, if it came to be created.
    fn locate_writing(&self) -> Option<Arc<F>> {
        self.state().segments.last().and_then(|segment| segment.file.clone())
    }
}

/// Why a batch could not be written.
enum WriteError {
    /// Before anything had to be synced: it can be undone.
    NoSpace,
    /// Nothing is certain any more.
    Failed(io::Error),
}

impl WriteError {
    fn of(error: io::Error) -> WriteError {
        match ErrorKind::of_io(&error) {
            ErrorKind::NoSpace => WriteError::NoSpace,
            _ => WriteError::Failed(error),
        }
    }
}

impl<F> State<F> {
    fn refuse(&mut self) {
        self.refusing.get_or_insert(ErrorKind::Closed);
        let _ = self.queue.outcome.set(Err(ErrorKind::Closed));
        self.queue = Batch::default();
        // Nobody will finish a batch whose leader is gone; one that is being led gets its outcome from the leader.
        if !self.leading
            && let Some(batch) = self.in_flight.take()
        {
            let _ = batch.outcome.set(Err(ErrorKind::Closed));
        }
        self.wake();
    }

    fn wake(&mut self) {
        self.waiters.drain(..).for_each(Waker::wake);
    }

    /// Numbers and frames the queued records. False if there is nothing to write.
    fn take_batch(&mut self, env: &impl Env, segment_len_max: u64) -> bool {
        if self.queue.entries.is_empty() {
            return false;
        }
        let Batch { payloads, entries, outcome } = std::mem::take(&mut self.queue);
        let mut next = self.durable + 1;
        let numbers: Vec<Option<u64>> = entries
            .iter()
            .map(|entry| {
                let written = !entry.withdrawn && entry.expected.is_none_or(|expected| expected == next);
                next += u64::from(written);
                written.then_some(next - 1)
            })
            .collect();
        if next == self.durable + 1 {
            let _ = outcome.set(Ok(numbers));
            self.wake();
            return false;
        }
        let watermark = self.durable;
        let segment = self.segment(env, segment_len_max);
        let mut frames = Vec::with_capacity(payloads.len() + entries.len() * frame::HEADER_LEN);
        let mut index = Vec::new();
        let mut start = 0;
        for (entry, number) in entries.iter().zip(&numbers) {
            if let Some(seq) = *number {
                if (seq - segment.first).is_multiple_of(INDEX_STRIDE) {
                    index.push((seq, segment.len + frames.len() as u64));
                }
                frame::encode(&mut frames, segment.salt, seq, watermark, &payloads[start..entry.end]);
            }
            start = entry.end;
        }
        let frames = Arc::new(frames);
        let last = next - 1;
        self.in_flight =
            Some(InFlight { outcome, numbers, frames, index, last, orphaned: false, rolling_back: false });
        true
    }

    /// The segment that the next batch goes into: the one being written, or a new one with a salt of its own.
    fn segment(&mut self, env: &impl Env, segment_len_max: u64) -> &Segment<F> {
        let full = self.segments.last().is_none_or(|segment| segment.len >= segment_len_max);
        if full || !self.writing {
            let salt = env.random_u64().max(1);
            self.segments.push(Segment { name_durable: false, ..Segment::new(self.durable + 1, salt) });
            self.writing = true;
        }
        self.segments.last().expect("just made sure")
    }

    fn plan(&self) -> Plan<F> {
        let batch = self.in_flight.as_ref().expect("a leader has a batch");
        let segment = self.segments.last().expect("a batch has a segment");
        Plan {
            first: segment.first,
            salt: segment.salt,
            file: segment.file.clone(),
            offset: segment.len,
            name_durable: segment.name_durable,
            frames: batch.frames.clone(),
            rolling_back: batch.rolling_back,
        }
    }

    fn committed(&mut self) {
        let batch = self.in_flight.take().expect("a leader has a batch");
        let segment = self.segments.last_mut().expect("a batch has a segment");
        segment.len += batch.frames.len() as u64;
        segment.name_durable = true;
        segment.index.extend(batch.index);
        self.durable = batch.last;
        let _ = batch.outcome.set(Ok(batch.numbers));
    }

    fn begin_roll_back(&mut self) {
        self.in_flight.as_mut().expect("a leader has a batch").rolling_back = true;
    }

    /// The batch is gone; the next one starts a new segment, since this one was cut.
    fn rolled_back(&mut self) {
        let batch = self.in_flight.take().expect("a leader has a batch");
        if self.segments.last().is_some_and(|segment| segment.len == 0) {
            self.segments.pop();
        }
        self.writing = false;
        let _ = batch.outcome.set(Err(ErrorKind::NoSpace));
    }

    fn failed(&mut self) {
        let batch = self.in_flight.take().expect("a leader has a batch");
        let _ = batch.outcome.set(Err(ErrorKind::Io));
        self.refuse();
    }
}
