//! The stepped runtime: tasks, simulated time, and the one place where a call becomes an effect, a fault or a crash.
//!
//! Tasks are futures polled one at a time on the calling thread. A call of a host registers here, waits for its simulated
//! time to pass while other tasks go on, and takes effect at one instant; where several tasks are ready, the decision map
//! picks. A call made when nothing else could run takes effect at once. There are no threads, no wall clock and no flags.
//!
//! A crash stops everything at an instant inside a call: the tasks are dropped, and whatever a process that is dead still
//! asks for (from a `Drop`, say) changes nothing.
//!
//! Not modelled: a task that blocks its thread inside `poll`, and effects of one call that others see half done.

use crate::decide::{Address, Decider, Lean, Question, Site, mix};
use crate::history::Hit;
use crate::scenario::payload::operations_in;
use crate::scenario::{CrashKind, Cut, FaultClass, FaultKind, Scenario, When};
use crate::trace::Trace;
use crate::world::fs::file::Tick;
use crate::world::fs::media::Harm;
use crate::world::fs::{EINTR, EIO, Fs, Ino, Medium, errno};
use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

/// A task of a run.
pub(crate) type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// No run needs as many calls; a host that makes them goes round in circles.
const CALLS_MAX: u64 = 300_000;
/// The wall clock at the start of a run: some time in 2026.
const WALL_START_NS: u64 = 1_790_000_000_000_000_000;
const STALL_NS: u64 = 5_000_000_000;

/// One process of one incarnation of the world: after a crash, its calls do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    incarnation: u32,
}

/// Kinds of calls, as far as time, faults and crash points tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    Open,
    Create,
    Name,
    Look,
    Read,
    Write,
    SetLen,
    Sync,
    SyncDir,
    Lock,
    Pause,
}

impl CallKind {
    /// Whether the call changes the file system, or what of it is durable: then it can be where a crash comes.
    fn is_change(self) -> bool {
        use CallKind::{Create, Name, SetLen, Sync, SyncDir, Write};
        matches!(self, Create | Name | Write | SetLen | Sync | SyncDir)
    }

    fn latency_ns(self) -> u64 {
        match self {
            CallKind::Sync | CallKind::SyncDir => 100_000,
            CallKind::Write | CallKind::Create | CallKind::Name | CallKind::SetLen => 10_000,
            CallKind::Open | CallKind::Look | CallKind::Read | CallKind::Lock => 2_000,
            CallKind::Pause => 5_000,
        }
    }

    /// Whether this kind of fault can hit this kind of call.
    fn suffers(self, fault: FaultKind) -> bool {
        use CallKind::{Create, Look, Name, Open, Read, SetLen, Sync, SyncDir, Write};
        match fault {
            FaultKind::ReadEio
            | FaultKind::ShortRead
            | FaultKind::BitRot
            | FaultKind::LatentError
            | FaultKind::MisdirectedRead => self == Read,
            FaultKind::WriteEio | FaultKind::ShortWrite => self == Write,
            FaultKind::Interrupt => matches!(self, Read | Write | Sync | SyncDir | Open | Create),
            FaultKind::SyncEio | FaultKind::MisdirectedWrite | FaultKind::PhantomWrite => self == Sync,
            FaultKind::DirSyncEio => self == SyncDir,
            FaultKind::LyingFlush => matches!(self, Sync | SyncDir),
            FaultKind::NameEio => matches!(self, Open | Create | Name | SetLen | Look),
            FaultKind::Stall | FaultKind::Cancel => self.is_change(),
        }
    }
}

/// A call on its way to taking effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    kind: CallKind,
    task: usize,
    site: Site,
    /// Which call of its site it is.
    index: u32,
    /// Changes up to here are covered, if it is a sync.
    pub(crate) mark: Tick,
    fault: Option<FaultKind>,
    cut: Option<Cut>,
}

impl Call {
    /// Where a question about this call stands.
    pub(crate) fn address(&self, question: Question) -> Address {
        Address::new(question, self.site.code(), self.index, 0)
    }

    pub(crate) fn fails_sync(&self) -> bool {
        matches!(self.fault, Some(FaultKind::SyncEio | FaultKind::DirSyncEio))
    }

    /// How much of a read is done.
    pub(crate) fn shortened(&self, len: usize) -> usize {
        if self.fault == Some(FaultKind::ShortRead) && len > 1 { len / 2 } else { len }
    }
}

/// What a task is at.
#[derive(Debug)]
struct TaskState {
    site: Site,
    calls: u32,
    changes: u32,
    creations: u32,
    /// Faults planned for the site: how many more calls to let pass, and the kind.
    faults: Vec<(u32, FaultKind)>,
    cut: Option<Cut>,
    cancelled: bool,
}

#[derive(Debug)]
struct Waiting {
    time_ns: u64,
    token: u64,
    waker: Waker,
}

/// How the tasks came to an end.
#[derive(Debug)]
pub(crate) enum Ended {
    /// All are done.
    Done,
    /// A crash was due.
    Crashed(CrashKind, Site),
    /// Nothing can go on, or goes on for ever.
    Stuck,
    /// The host panicked; what it said.
    Panicked(String),
}

/// Something that a history has to tell besides what clients asked and were told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Fault(Site, FaultKind),
    /// The medium was damaged.
    Damage(Site, FaultKind, Hit),
    /// Space is limited from now on.
    Full,
    /// There is space again.
    Freed,
}

/// Counts of what happened to a run's hosts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Injected {
    pub(crate) faults: [u32; FaultKind::ALL.len()],
    pub(crate) no_space: u32,
    pub(crate) clock_jumps: u32,
    pub(crate) killed_within_write: u32,
    pub(crate) calls: u64,
}

/// Everything that a run shares.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) fs: Fs,
    pub(crate) decide: Decider,
    pub(crate) trace: Trace,
    pub(crate) injected: Injected,
    /// What happened since it was last collected.
    notices: Vec<Notice>,
    scenario: Arc<Scenario>,
    now_ns: u64,
    wall_offset_ns: i64,
    randoms: u32,
    incarnation: u32,
    boot: u32,
    picks: u32,
    tasks: Vec<TaskState>,
    live: usize,
    current: usize,
    waiting: Vec<Waiting>,
    passed: Vec<u64>,
    next_token: u64,
    halted: Option<(CrashKind, Site)>,
    /// Per handle, how many failed syncs of its file it has been told of.
    handles: Vec<u32>,
}

/// The shared world behind its lock. Runs are single-threaded; the lock is there because hosts are `Send`.
#[derive(Debug)]
pub(crate) struct Sim {
    world: Mutex<World>,
    ready: Arc<AtomicU64>,
}

struct TaskWaker {
    ready: Arc<AtomicU64>,
    bit: u64,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.fetch_or(self.bit, Ordering::Relaxed);
    }
}

impl Sim {
    pub(crate) fn new(scenario: Arc<Scenario>, decide: Decider) -> Arc<Sim> {
        let medium = Medium::new(scenario.setup.sector_len, scenario.setup.fill);
        let world = World {
            fs: Fs::new(scenario.setup.profile, medium),
            decide,
            trace: Trace::default(),
            injected: Injected::default(),
            notices: Vec::new(),
            scenario,
            now_ns: 0,
            wall_offset_ns: 0,
            randoms: 0,
            incarnation: 0,
            boot: 0,
            picks: 0,
            tasks: Vec::new(),
            live: 0,
            current: 0,
            waiting: Vec::new(),
            passed: Vec::new(),
            next_token: 0,
            halted: None,
            handles: Vec::new(),
        };
        Arc::new(Sim { world: Mutex::new(world), ready: Arc::default() })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("a panic inside the simulator is passed on at once")
    }

    pub(crate) fn lock_unless_poisoned(&self) -> Option<MutexGuard<'_, World>> {
        self.world.lock().ok()
    }

    /// Runs tasks until all are done, or something ends them. They are dropped in any case.
    ///
    /// Panics if the simulator itself does; a panic of the host's is an [`Ended::Panicked`].
    pub(crate) fn run(&self, mut tasks: Vec<Option<Task<'_>>>) -> Ended {
        assert!(tasks.len() <= 64, "ready tasks are bits of a word");
        self.lock().start_tasks(tasks.len());
        let wakers: Vec<Waker> = (0..tasks.len())
            .map(|task| Waker::from(Arc::new(TaskWaker { ready: self.ready.clone(), bit: 1 << task })))
            .collect();
        self.ready
            .store(if tasks.len() == 64 { u64::MAX } else { (1 << tasks.len()) - 1 }, Ordering::Relaxed);
        loop {
            let task = match self.next_ready() {
                Next::Task(task) => task,
                Next::Ended(ended) => return ended,
            };
            let Some(future) = &mut tasks[task] else { continue };
            let mut context = Context::from_waker(&wakers[task]);
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context))) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(())) => {
                    tasks[task] = None;
                    self.lock().live -= 1;
                }
                Err(panic) => return self.host_panicked(panic),
            }
            let mut world = self.lock();
            if let Some((kind, site)) = world.halted.take() {
                world.die();
                drop(world);
                return Ended::Crashed(kind, site);
            }
        }
    }

    fn host_panicked(&self, panic: Box<dyn Any + Send>) -> Ended {
        if self.world.is_poisoned() {
            // It was not the host.
            std::panic::resume_unwind(panic);
        }
        self.lock().die();
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Ended::Panicked(text.to_owned())
    }

    fn next_ready(&self) -> Next {
        loop {
            let ready = self.ready.load(Ordering::Relaxed);
            if ready != 0 {
                let mut world = self.lock();
                let task =
                    if ready.is_power_of_two() { ready.trailing_zeros() as usize } else { world.pick(ready) };
                world.current = task;
                drop(world);
                self.ready.fetch_and(!(1 << task), Ordering::Relaxed);
                return Next::Task(task);
            }
            let mut world = self.lock();
            if world.live == 0 {
                return Next::Ended(Ended::Done);
            }
            if world.injected.calls > CALLS_MAX {
                world.die();
                return Next::Ended(Ended::Stuck);
            }
            let Some(waker) = world.pass_time() else {
                world.die();
                return Next::Ended(Ended::Stuck);
            };
            drop(world);
            waker.wake();
        }
    }

    /// One call of a host: waits its time, then takes effect, fails as planned, or is where the crash comes (then it
    /// never returns).
    pub(crate) async fn perform<T>(
        &self,
        process: Process,
        kind: CallKind,
        effect: impl FnOnce(&mut World, &Call) -> io::Result<T>,
    ) -> io::Result<T> {
        let Some(call) = (Gate { sim: self, process, kind, extra_ns: 0, state: GateState::New }).await else {
            return Err(errno(EIO));
        };
        let result = self.lock().carry_out(&call, effect);
        match result {
            Some(result) => result,
            None => std::future::pending().await,
        }
    }

    /// Lets simulated time pass.
    pub(crate) async fn sleep(&self, process: Process, duration_ns: u64) {
        Gate { sim: self, process, kind: CallKind::Pause, extra_ns: duration_ns, state: GateState::New }
            .await;
    }

    /// Lets other tasks go first, if there are any.
    pub(crate) async fn pause(&self, process: Process) {
        self.sleep(process, 0).await;
    }
}

enum Next {
    Task(usize),
    Ended(Ended),
}

/// Waits for a call's simulated time. Yields `None` for a process that is dead.
struct Gate<'a> {
    sim: &'a Sim,
    process: Process,
    kind: CallKind,
    extra_ns: u64,
    state: GateState,
}

enum GateState {
    New,
    Waiting(u64, Call),
}

impl Future for Gate<'_> {
    type Output = Option<Call>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Call>> {
        let mut world = self.sim.lock();
        if !world.is_alive(self.process) {
            return Poll::Ready(None);
        }
        match self.state {
            GateState::New => {
                let call = world.register(self.kind);
                let latency_ns = world.latency_ns(&call, self.extra_ns);
                if world.is_alone() {
                    world.now_ns += latency_ns;
                    return Poll::Ready(Some(call));
                }
                let token = world.wait(latency_ns, context.waker().clone());
                drop(world);
                self.state = GateState::Waiting(token, call);
                Poll::Pending
            }
            GateState::Waiting(token, call) => {
                match world.passed.iter().position(|&passed| passed == token) {
                    Some(at) => {
                        world.passed.swap_remove(at);
                        Poll::Ready(Some(call))
                    }
                    None => Poll::Pending,
                }
            }
        }
    }
}

impl World {
    pub(crate) fn is_alive(&self, process: Process) -> bool {
        process.incarnation == self.incarnation
    }

    /// The process that may call now.
    pub(crate) fn process(&self) -> Process {
        Process { incarnation: self.incarnation }
    }

    /// All processes are gone.
    pub(crate) fn die(&mut self) {
        self.incarnation += 1;
        self.fs.processes_die();
        self.waiting.clear();
        self.passed.clear();
    }

    /// A new start; `boot` numbers it for the decision map.
    pub(crate) fn begin_boot(&mut self, boot: u32) {
        self.boot = boot;
        self.picks = 0;
    }

    fn start_tasks(&mut self, count: usize) {
        self.live = count;
        self.tasks.clear();
        self.tasks.extend((0..count).map(|_| TaskState {
            site: Site::Closing,
            calls: 0,
            changes: 0,
            creations: 0,
            faults: Vec::new(),
            cut: None,
            cancelled: false,
        }));
        self.waiting.clear();
        self.passed.clear();
    }

    /// The running task enters a site: what is planned for it is armed.
    pub(crate) fn enter(&mut self, site: Site, cut: Option<Cut>) {
        let faults = self.scenario.faults.iter().filter(|fault| fault.site == site);
        let task = &mut self.tasks[self.current];
        task.faults.clear();
        task.faults.extend(faults.map(|fault| (fault.skip, fault.kind)));
        (task.site, task.cut, task.calls, task.changes, task.creations) = (site, cut, 0, 0, 0);
        task.cancelled = false;
        if let Site::Op(id) = site {
            self.change_surroundings(id);
        }
    }

    /// The running task leaves its site. If a crash was due in it and did not find its call, it comes now.
    pub(crate) fn leave(&mut self) -> bool {
        let task = &mut self.tasks[self.current];
        task.faults.clear();
        if let Some(cut) = task.cut.take() {
            self.halted = Some((cut.kind, task.site));
        }
        self.halted.is_some()
    }

    /// The number of the running task.
    pub(crate) fn current_task(&self) -> usize {
        self.current
    }

    /// Whether the running task's operation is to be abandoned.
    pub(crate) fn take_cancelled(&mut self) -> bool {
        std::mem::take(&mut self.tasks[self.current].cancelled)
    }

    fn change_surroundings(&mut self, op: u32) {
        let scenario = self.scenario.clone();
        for full in &scenario.full {
            if full.from_op == op {
                self.limit_space(Some(full.bytes));
            } else if op >= full.until_op {
                self.limit_space(None);
            }
        }
        for jump in scenario.clock_jumps.iter().filter(|jump| jump.op == op) {
            self.wall_offset_ns = self.wall_offset_ns.saturating_add(jump.by_ns);
            self.injected.clock_jumps += 1;
        }
    }

    pub(crate) fn wall_ns(&self) -> u64 {
        WALL_START_NS.saturating_add(self.now_ns).saturating_add_signed(self.wall_offset_ns)
    }

    pub(crate) fn fill_random(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            self.randoms += 1;
            let address = Address::new(Question::Pick, u32::MAX, self.randoms, 0);
            let word = mix(self.scenario.setup.entropy, address).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// A number for a new inode that is the same in every replay.
    pub(crate) fn next_inode_key(&mut self, call: &Call) -> u32 {
        let task = &mut self.tasks[call.task];
        task.creations += 1;
        call.site.code() << 12 | (task.creations & 0xfff)
    }

    pub(crate) fn add_handle(&mut self, ino: Ino) -> u64 {
        self.handles.push(self.fs.sync_errors(ino));
        self.handles.len() as u64
    }

    /// Whether the handle has not heard yet of a failed sync of its file. It has then.
    pub(crate) fn hear_of_errors(&mut self, handle: u64, errors: u32) -> bool {
        let heard = &mut self.handles[handle as usize - 1];
        std::mem::replace(heard, errors) < errors
    }

    /// How much of a write is done: all, half, or what a kill in its middle let through.
    pub(crate) fn written_share(&mut self, call: &Call, len: usize) -> usize {
        if call.fault == Some(FaultKind::ShortWrite) && len > 1 {
            return len / 2;
        }
        if call.cut.is_some_and(|cut| cut.when == When::Within) {
            self.injected.killed_within_write += 1;
            let address = call.address(Question::Partial);
            return len * self.decide.choose(address, 16, Lean::Even) as usize / 16;
        }
        len
    }

    /// Puts what a call saw into the trace.
    pub(crate) fn note(&mut self, call: &Call, first: u64, second: u64) {
        self.trace.word(u64::from(call.index) ^ first << 32);
        self.trace.word(second);
    }

    /// Puts what a call read or wrote into the trace.
    pub(crate) fn note_bytes(&mut self, call: &Call, ino: Ino, offset: u64, bytes: &[u8]) {
        self.note(call, u64::from(ino), offset);
        self.trace.bytes(bytes);
    }

    /// What happened since the last time this was asked.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// What a call reads is damaged, as planned. Says whether the read is to be done again.
    pub(crate) fn damage_read(
        &mut self,
        call: &Call,
        ino: Ino,
        offset: u64,
        buffer: &mut [u8],
    ) -> io::Result<()> {
        let Some(kind) = call.fault else { return Ok(()) };
        let (start, len) = (offset, buffer.len());
        let at = |nth| Address::new(Question::Damage, call.site.code(), call.index, nth);
        let harm = match kind {
            FaultKind::BitRot => self.fs.rot(ino, start, len, at, &mut self.decide),
            FaultKind::LatentError => self.fs.lose_sector(ino, start, len, at, &mut self.decide),
            FaultKind::MisdirectedRead => self.fs.misread(ino, start, buffer, at, &mut self.decide),
            _ => None,
        };
        let Some(harm) = harm else { return Ok(()) };
        self.is_damaged(call, kind, &harm);
        if kind != FaultKind::MisdirectedRead {
            self.fs.read(ino, buffer, offset, &mut self.decide)?;
        }
        Ok(())
    }

    /// A sync of a file or directory, which may not do what it says.
    pub(crate) fn sync(&mut self, call: &Call, ino: Ino, data_only: bool) {
        let at = |nth| Address::new(Question::Damage, call.site.code(), call.index, nth);
        let harm = match call.fault {
            Some(FaultKind::LyingFlush) => Some(Harm { near: Vec::new(), hit: 0..0 }),
            Some(kind @ (FaultKind::MisdirectedWrite | FaultKind::PhantomWrite)) => {
                let elsewhere = kind == FaultKind::MisdirectedWrite;
                self.fs.sync_astray(ino, call.mark, elsewhere, at, &mut self.decide)
            }
            _ => None,
        };
        match (harm, call.fault) {
            (Some(harm), Some(kind)) => self.is_damaged(call, kind, &harm),
            _ => self.fs.sync(ino, call.mark, data_only),
        }
    }

    fn is_damaged(&mut self, call: &Call, kind: FaultKind, harm: &Harm) {
        self.injected.faults[kind as usize] += 1;
        let is_plain = self.fs.any_content(|content| !operations_in(content).is_empty());
        self.notices.push(Notice::Damage(call.site, kind, Hit::of(harm, is_plain)));
    }

    /// Limits or frees the space that is left, and has it noted.
    pub(crate) fn limit_space(&mut self, bytes: Option<u64>) {
        if self.fs.limit_space(bytes) {
            self.notices.push(if bytes.is_some() { Notice::Full } else { Notice::Freed });
        }
    }

    fn register(&mut self, kind: CallKind) -> Call {
        let task_number = self.current;
        let task = &mut self.tasks[task_number];
        let mut call = Call {
            kind,
            task: task_number,
            site: task.site,
            index: task.calls,
            mark: self.fs.mark(),
            fault: None,
            cut: None,
        };
        if kind == CallKind::Pause {
            call.index = u32::MAX;
            return call;
        }
        self.injected.calls += 1;
        task.calls += 1;
        if kind.is_change() {
            call.cut = task.cut.filter(|cut| cut.change == task.changes);
            task.changes += 1;
        }
        for planned in 0..task.faults.len() {
            let (skip, fault) = &mut task.faults[planned];
            if !kind.suffers(*fault) {
                continue;
            }
            if *skip == 0 {
                call.fault = Some(*fault);
                task.faults.remove(planned);
                break;
            }
            *skip -= 1;
        }
        // Damage counts when it is done: there may be nothing to damage.
        if let Some(fault) = call.fault.filter(|fault| fault.class() != FaultClass::Media) {
            self.injected.faults[fault as usize] += 1;
            self.notices.push(Notice::Fault(call.site, fault));
        }
        call
    }

    fn latency_ns(&mut self, call: &Call, extra_ns: u64) -> u64 {
        let mut latency_ns = call.kind.latency_ns() + extra_ns;
        if !self.is_alone() {
            let address = call.address(Question::Latency);
            latency_ns += u64::from(self.decide.choose(address, 16, Lean::Even)) * call.kind.latency_ns() / 4;
        }
        if call.fault == Some(FaultKind::Stall) {
            latency_ns += STALL_NS;
        }
        latency_ns
    }

    fn is_alone(&self) -> bool {
        self.live == 1 && self.waiting.is_empty()
    }

    fn wait(&mut self, latency_ns: u64, waker: Waker) -> u64 {
        self.next_token += 1;
        self.waiting.push(Waiting { time_ns: self.now_ns + latency_ns, token: self.next_token, waker });
        self.next_token
    }

    /// Moves time to the next call that is due.
    fn pass_time(&mut self) -> Option<Waker> {
        let (at, _) =
            self.waiting.iter().enumerate().min_by_key(|(_, waiting)| (waiting.time_ns, waiting.token))?;
        let waiting = self.waiting.swap_remove(at);
        self.now_ns = waiting.time_ns;
        self.passed.push(waiting.token);
        Some(waiting.waker)
    }

    /// One of several ready tasks.
    fn pick(&mut self, ready: u64) -> usize {
        let address = Address::new(Question::Pick, self.boot, self.picks, 0);
        self.picks += 1;
        let mut rest = ready;
        for _ in 0..self.decide.choose(address, ready.count_ones(), Lean::Even) {
            rest &= rest - 1;
        }
        rest.trailing_zeros() as usize
    }

    /// The instant of a call. `None` if nobody will hear of it.
    fn carry_out<T>(
        &mut self,
        call: &Call,
        effect: impl FnOnce(&mut World, &Call) -> io::Result<T>,
    ) -> Option<io::Result<T>> {
        self.trace.word(u64::from(call.site.code()) << 32 | u64::from(call.index) << 8 | call.kind as u64);
        self.trace.word(self.now_ns);
        if let Some(cut) = call.cut
            && (cut.when == When::Before || (cut.when == When::Within && call.kind != CallKind::Write))
        {
            self.halted = Some((cut.kind, call.site));
            self.tasks[call.task].cut = None;
            return None;
        }
        let result = match call.fault {
            Some(FaultKind::ReadEio | FaultKind::WriteEio | FaultKind::NameEio) => Err(errno(EIO)),
            Some(FaultKind::Interrupt) => Err(errno(EINTR)),
            _ => effect(self, call),
        };
        if let Err(error) = &result {
            self.trace.word(u64::from(error.raw_os_error().unwrap_or(0).unsigned_abs()));
            self.injected.no_space += u32::from(error.kind() == io::ErrorKind::StorageFull);
        }
        if let Some(cut) = call.cut {
            self.halted = Some((cut.kind, call.site));
            self.tasks[call.task].cut = None;
            return None;
        }
        if call.fault == Some(FaultKind::Cancel) {
            self.tasks[call.task].cancelled = true;
            return None;
        }
        Some(result)
    }
}
