//! The log: group commit led by a caller, and reading back.
//!
//! An append puts its record into the queue. If nobody leads, it takes the whole queue as a batch, numbers and frames it,
//! writes it at the end of the segment, syncs, and wakes the others; those who arrive meanwhile form the next batch. There
//! is no background task. A leader whose future is dropped leaves the batch where it is: the next caller writes the same
//! bytes at the same place. A record that is cancelled while queued is withdrawn; one that is cancelled while its batch is
//! being written is in doubt, and a read waits until that doubt is settled.
//!
//! A host that is durable on flush leaves out the sync. What it has written and not synced lies at the end of one segment:
//! before another is begun, the leader syncs. A flush leads as an append does, so that nothing is written while it syncs.
//! If its future is dropped, an error of that sync may have gone unheard and its pages be marked clean: the next one
//! writes those frames again before it syncs.

use super::layout::Paths;
use crate::env::Env;
use crate::error::ErrorKind;
use crate::frame;
use crate::fs::{File, FileSystem, OpenMode, read_full_at, retry, write_all_at};
use crate::host::Durability;
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
    /// The last number that is in the log.
    written: u64,
    /// The last number that is durable; the same, if appends are durable.
    durable: u64,
    unsynced: Option<Unsynced>,
    queue: Batch,
    in_flight: Option<InFlight>,
    leading: bool,
    refusing: Option<ErrorKind>,
    waiters: Vec<Waker>,
}

/// Frames that are written and not synced.
#[derive(Clone, Copy, Debug)]
struct Unsynced {
    /// The segment that holds them: its first number.
    first: u64,
    /// Where they begin; they reach to the segment's end.
    from: u64,
    /// Whether a sync was begun of which nobody knows how it went.
    in_doubt: bool,
}

/// What a leader needs to sync what is written.
struct SyncPlan<F> {
    first: u64,
    salt: u64,
    file: Arc<F>,
    from: u64,
    len: u64,
    in_doubt: bool,
    name_durable: bool,
    upto: u64,
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
            written: durable,
            durable,
            unsynced: None,
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

    /// The last number that a read shows.
    pub(super) fn written(&self) -> u64 {
        self.state().written
    }

    pub(super) fn durable(&self) -> u64 {
        self.state().durable
    }

    /// Makes everything durable that is written now, and says how many records are durable then.
    pub(super) async fn flush<S, E>(&self, seams: &Seams<'_, S, E>) -> Result<u64, ErrorKind>
    where
        S: FileSystem<File = F>,
        E: Env,
    {
        let target = self.written();
        loop {
            let lead = {
                let mut state = self.state();
                if let Some(kind) = state.refusing {
                    return Err(kind);
                }
                if state.durable >= target {
                    return Ok(state.durable);
                }
                let free = !std::mem::replace(&mut state.leading, true);
                free.then(|| Lead { log: self })
            };
            match lead {
                Some(lead) => lead.flush(seams).await?,
                None => self.until(|state| !state.leading).await,
            }
        }
    }

    /// Waits until nobody writes, makes everything durable, and refuses further work. What is still queued fails.
    pub(super) async fn close<S, E>(&self, seams: &Seams<'_, S, E>) -> Result<(), ErrorKind>
    where
        S: FileSystem<File = F>,
        E: Env,
    {
        loop {
            self.until(|state| !state.leading).await;
            let flushed = self.flush(seams).await;
            let mut state = self.state();
            // What was appended while it was flushed is acknowledged too.
            if flushed.is_ok() && (state.leading || state.durable < state.written) {
                continue;
            }
            state.refuse();
            return flushed.map(|_| ());
        }
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
            state.segments.get(at + 1).map_or(state.written, |next| (next.first - 1).min(state.written));
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
    pub(super) durability: Durability,
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
                Ok(()) => return self.log.state().committed(seams.durability),
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

    async fn flush<S, E>(self, seams: &Seams<'_, S, E>) -> Result<(), ErrorKind>
    where
        S: FileSystem<File = F>,
        E: Env,
    {
        self.sync(seams, false).await.map(|_| ()).map_err(|error| {
            tracing::warn!(%error, location = %seams.paths.dir.display(), "flush failed: the handle refuses further work");
            self.log.state().refuse();
            ErrorKind::Io
        })
    }

    /// Makes durable what is written and not synced; with `cut`, also that its file ends there. False if there is nothing.
    async fn sync<S, E>(&self, seams: &Seams<'_, S, E>, cut: bool) -> io::Result<bool>
    where
        S: FileSystem<File = F>,
        E: Env,
    {
        let Some(plan) = self.log.state().begin_sync() else { return Ok(false) };
        if plan.in_doubt {
            write_again(&plan).await?;
        }
        if cut {
            retry!(plan.file.sync_all())?;
        } else {
            retry!(plan.file.sync_data())?;
        }
        if !plan.name_durable {
            retry!(seams.fs.sync_dir(&seams.paths.dir))?;
        }
        self.log.state().synced(plan.upto);
        Ok(true)
    }

    async fn write<S, E>(&self, seams: &Seams<'_, S, E>, plan: &Plan<F>) -> Result<(), WriteError>
    where
        S: FileSystem<File = F>,
        E: Env,
    {
        let file = match &plan.file {
            Some(file) => file.clone(),
            None => {
                // A segment is begun when the one before it is complete.
                self.sync(seams, false).await.map_err(WriteError::Failed)?;
                let path = seams.paths.segment(plan.first, plan.salt);
                let file = retry!(seams.fs.open(&path, OpenMode::Create)).map_err(WriteError::of)?;
                let file = Arc::new(file);
                self.log.opened(plan.first, &file, 0);
                file
            }
        };
        write_all_at(&*file, &plan.frames, plan.offset).await.map_err(WriteError::of)?;
        if seams.durability == Durability::OnFlush {
            return Ok(());
        }
        retry!(file.sync_data()).map_err(WriteError::Failed)?;
        if !plan.name_durable {
            retry!(seams.fs.sync_dir(&seams.paths.dir)).map_err(WriteError::Failed)?;
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
        // The next batch begins another segment, so that what this one holds must be durable too.
        if !self.sync(seams, true).await? {
            retry!(place.sync_all())?;
        }
        if plan.offset == 0 {
            match retry!(seams.fs.unlink(&seams.paths.segment(plan.first, plan.salt))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            retry!(seams.fs.sync_dir(&seams.paths.dir))?;
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

/// Writes again what a sync may have failed to, whose error nobody heard: its pages may be clean, and newer than the disk.
async fn write_again<F: File>(plan: &SyncPlan<F>) -> io::Result<()> {
    let mut bytes = vec![0; usize::try_from(plan.len - plan.from).expect("a segment fits in memory")];
    let filled = read_full_at(&*plan.file, &mut bytes, plan.from).await?;
    let mut at = 0;
    let mut last = None;
    while let Some(frame) = frame::decode(&bytes[at..filled], plan.salt) {
        at += frame.len();
        last = Some(frame.seq);
    }
    // A file system may have taken back what it could not write.
    if at != bytes.len() || last != Some(plan.upto) {
        let text = format!("the segment of record {} does not hold what was written to it", plan.first);
        return Err(io::Error::other(text));
    }
    write_all_at(&*plan.file, &bytes, plan.from).await
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
        let mut next = self.written + 1;
        let numbers: Vec<Option<u64>> = entries
            .iter()
            .map(|entry| {
                let written = !entry.withdrawn && entry.expected.is_none_or(|expected| expected == next);
                next += u64::from(written);
                written.then_some(next - 1)
            })
            .collect();
        if next == self.written + 1 {
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
            self.segments.push(Segment { name_durable: false, ..Segment::new(self.written + 1, salt) });
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

    fn committed(&mut self, durability: Durability) {
        let batch = self.in_flight.take().expect("a leader has a batch");
        let segment = self.segments.last_mut().expect("a batch has a segment");
        let (first, from) = (segment.first, segment.len);
        segment.len += batch.frames.len() as u64;
        segment.index.extend(batch.index);
        self.written = batch.last;
        match durability {
            Durability::OnAppend => {
                segment.name_durable = true;
                self.durable = batch.last;
            }
            Durability::OnFlush => {
                self.unsynced.get_or_insert(Unsynced { first, from, in_doubt: false });
            }
        }
        let _ = batch.outcome.set(Ok(batch.numbers));
    }

    /// What there is to sync, if there is anything; until it is known how that went, it is in doubt.
    fn begin_sync(&mut self) -> Option<SyncPlan<F>> {
        let unsynced = self.unsynced.as_mut()?;
        let segment = self.segments.iter().rfind(|segment| segment.first == unsynced.first);
        let segment = segment.expect("what is written is in a segment");
        let in_doubt = std::mem::replace(&mut unsynced.in_doubt, true);
        Some(SyncPlan {
            first: segment.first,
            salt: segment.salt,
            file: segment.file.clone().expect("it was written to"),
            from: unsynced.from,
            len: segment.len,
            in_doubt,
            name_durable: segment.name_durable,
            upto: self.written,
        })
    }

    fn synced(&mut self, upto: u64) {
        if let Some(unsynced) = self.unsynced.take()
            && let Some(segment) = self.segments.iter_mut().rfind(|segment| segment.first == unsynced.first)
        {
            segment.name_durable = true;
        }
        self.durable = upto;
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
