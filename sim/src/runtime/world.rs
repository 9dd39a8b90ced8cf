//! Everything that a run shares: the file system, the clock, and what is planned to go wrong, at the call where it does.

use super::Process;
use super::call::{Call, CallKind};
use crate::chronicle::{About, Chronicle};
use crate::decide::{Address, Decider, Lean, Question, Site, mix};
use crate::history::Hit;
use crate::scenario::{CrashKind, Cut, FaultClass, FaultKind, Scenario, When};
use crate::trace::Trace;
use crate::world::fs::{EINTR, EIO, Fs, Ino, errno};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::task::Waker;

/// The wall clock at the start of a run: some time in 2026.
const WALL_START_NS: u64 = 1_790_000_000_000_000_000;
/// Places inside of a long write at which a crash may have stopped it, besides its beginning.
const PARTIAL_ENDS_MAX: u64 = 15;
const STALL_NS: u64 = 5_000_000_000;

/// What a task is at.
#[derive(Clone, Debug)]
pub(super) struct TaskState {
    pub(super) site: Site,
    pub(super) calls: u32,
    pub(super) changes: u32,
    /// Faults planned for the site: how many more calls to let pass, and the kind.
    pub(super) faults: Vec<(u32, FaultKind)>,
    pub(super) cut: Option<Cut>,
    pub(super) cancelled: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) time_ns: u64,
    pub(super) token: u64,
    pub(super) waker: Waker,
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
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) fs: Fs,
    pub(crate) decide: Decider,
    pub(crate) trace: Trace,
    pub(crate) injected: Injected,
    /// What happened since it was last collected.
    pub(super) notices: Vec<Notice>,
    pub(super) scenario: Arc<Scenario>,
    pub(super) now_ns: u64,
    pub(super) wall_offset_ns: i64,
    pub(super) incarnation: u32,
    pub(super) boot: u32,
    pub(super) picks: u32,
    /// What was drawn and made at each site: a site can be entered more than once.
    pub(super) sites: BTreeMap<Site, Drawn>,
    /// The calls of each site, if somebody wants each of them to crash or to fail.
    pub(crate) calls: Option<BTreeMap<Site, Vec<CallKind>>>,
    /// How often hosts and clients slept.
    pub(super) pauses: u64,
    pub(super) tasks: Vec<TaskState>,
    pub(super) live: usize,
    pub(super) current: usize,
    pub(super) waiting: Vec<Waiting>,
    pub(super) passed: Vec<u64>,
    pub(super) next_token: u64,
    pub(super) halted: Option<(CrashKind, Site)>,
    /// What the next loss of power tears inside.
    pub(super) shorn: Vec<super::damage::Shorn>,
    /// Per handle, how many failed syncs of its file it has been told of.
    pub(super) handles: Vec<u32>,
    /// A call is being made that cannot wait.
    pub(super) blocking: bool,
    /// Hosts are in nodes of the second runtime, where others may always be at work.
    pub(super) on_nodes: bool,
    /// What goes on, if it is to be explained.
    pub(super) chronicle: Option<Box<Chronicle>>,
}

/// How many random words were drawn, and inodes made, at a site.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Drawn {
    randoms: u32,
    creations: u32,
}

impl World {
    pub(crate) fn is_alive(&self, process: Process) -> bool {
        process.incarnation == self.incarnation
    }

    /// The process that may call now.
    pub(crate) fn process(&self) -> Process {
        Process { incarnation: self.incarnation }
    }

    /// The process makes a call that cannot wait. False if it is dead, or dies as soon as the runtime has control again.
    pub(crate) fn begin_blocking(&mut self, process: Process) -> bool {
        self.blocking = self.is_alive(process) && self.halted.is_none();
        self.blocking
    }

    pub(crate) fn end_blocking(&mut self) {
        self.blocking = false;
    }

    /// Whether a crash has come that the runtime has not seen to yet: nobody is told of anything any more.
    pub(crate) fn is_halted(&self) -> bool {
        self.halted.is_some()
    }

    /// Simulated time since the run began.
    pub(crate) fn elapsed_ns(&self) -> u64 {
        self.now_ns
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

    pub(super) fn start_tasks(&mut self, count: usize) {
        self.live = count;
        self.current = 0;
        self.tasks.clear();
        self.tasks.extend((0..count).map(|_| TaskState {
            site: Site::Closing,
            calls: 0,
            changes: 0,
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
        (task.site, task.cut, task.calls, task.changes) = (site, cut, 0, 0);
        task.cancelled = false;
        if let Site::Op(id) = site {
            self.change_surroundings(id);
        }
    }

    /// The next call of the running task that this fault can hit suffers it.
    pub(crate) fn plan(&mut self, fault: FaultKind) {
        self.tasks[self.current].faults.push((0, fault));
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

    /// How many calls that change something the only task made in the site that it is in, or was in last.
    pub(crate) fn changes(&self) -> u32 {
        self.tasks.first().map_or(0, |task| task.changes)
    }

    /// The number of the running task.
    pub(crate) fn current_task(&self) -> usize {
        self.current
    }

    /// Whether the running task's operation is to be abandoned.
    pub(crate) fn take_cancelled(&mut self) -> bool {
        std::mem::take(&mut self.tasks[self.current].cancelled)
    }

    pub(super) fn change_surroundings(&mut self, op: u32) {
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

    /// Random bytes for a host: a function of the site that draws them, so that taking out one operation does not change what
    /// others get.
    pub(crate) fn fill_random(&mut self, buffer: &mut [u8]) {
        let site = self.tasks.get(self.current).map_or(Site::Closing, |task| task.site);
        let drawn = self.sites.entry(site).or_default();
        for chunk in buffer.chunks_mut(8) {
            drawn.randoms += 1;
            let address = Address::new(Question::Pick, u32::MAX, site.code(), drawn.randoms);
            let word = mix(self.scenario.setup.entropy, address).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// A number for a new inode that is the same in every replay.
    pub(crate) fn next_inode_key(&mut self, call: &Call) -> u32 {
        let drawn = self.sites.entry(call.site).or_default();
        drawn.creations += 1;
        call.site.code() << 12 | (drawn.creations & 0xfff)
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
    pub(crate) fn written_share(&mut self, call: &Call, ino: Ino, offset: u64, len: usize) -> usize {
        if call.fault == Some(FaultKind::ShortWrite) && len > 1 {
            return len / 2;
        }
        if call.cut.is_some_and(|cut| cut.when == When::Within) {
            self.injected.killed_within_write += 1;
            // What the medium, or the page cache, takes as a whole is not torn: a write ends where such a piece does.
            let piece = self.fs.atomic_len(ino);
            let first = offset / piece;
            let inside = (offset + (len as u64).max(1) - 1) / piece - first;
            let ends = inside.min(PARTIAL_ENDS_MAX);
            let answer = self.decide.choose(call.address(Question::Partial), ends as u32 + 1, Lean::Even);
            return match u64::from(answer) {
                0 => 0,
                answer => {
                    let end = (first + answer * inside / ends) * piece;
                    usize::try_from(end - offset).expect("it is below the length")
                }
            };
        }
        len
    }

    /// Puts what a call saw into the trace.
    pub(crate) fn note(&mut self, call: &Call, first: u64, second: u64) {
        self.trace.saw(call.index, first, second);
    }

    /// Puts what a call read or wrote into the trace.
    pub(crate) fn note_bytes(&mut self, call: &Call, ino: Ino, offset: u64, bytes: &[u8]) {
        self.note(call, u64::from(ino), offset);
        self.trace.bytes(bytes);
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.has_moved(bytes.len());
        }
    }

    /// The names that begin with this path, in the directory that it is in; for the harness, which makes no calls.
    pub(crate) fn names_beginning_with(&mut self, path: &str) -> Vec<String> {
        let (dir, first) = path.rsplit_once('/').expect("paths of the harness are absolute");
        let names = self.fs.read_dir(dir, &mut self.decide).expect("the host's root is there");
        names.into_iter().filter(|name| name.starts_with(first)).collect()
    }

    /// What happened since the last time this was asked.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Limits or frees the space that is left, and has it noted.
    pub(crate) fn limit_space(&mut self, bytes: Option<u64>) {
        if self.fs.limit_space(bytes) {
            self.notices.push(if bytes.is_some() { Notice::Full } else { Notice::Freed });
        }
    }

    pub(super) fn register(&mut self, kind: CallKind) -> Call {
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
            self.pauses += 1;
            return call;
        }
        self.injected.calls += 1;
        task.calls += 1;
        if let Some(calls) = &mut self.calls {
            calls.entry(task.site).or_default().push(kind);
        }
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

    pub(super) fn latency_ns(&mut self, call: &Call, extra_ns: u64) -> u64 {
        let mut latency_ns = call.kind.latency_ns().saturating_add(extra_ns);
        if !self.is_alone() {
            let address = call.address(Question::Latency);
            let share = u64::from(self.decide.choose(address, 16, Lean::Even));
            latency_ns = latency_ns.saturating_add(share * call.kind.latency_ns() / 4);
        }
        if call.fault == Some(FaultKind::Stall) {
            latency_ns = latency_ns.saturating_add(STALL_NS);
        }
        latency_ns
    }

    pub(super) fn is_alone(&self) -> bool {
        self.blocking || (self.live == 1 && self.waiting.is_empty() && !self.on_nodes)
    }

    pub(super) fn wait(&mut self, latency_ns: u64, waker: Waker) -> u64 {
        self.next_token += 1;
        self.waiting.push(Waiting {
            time_ns: self.now_ns.saturating_add(latency_ns),
            token: self.next_token,
            waker,
        });
        self.next_token
    }

    /// Moves time to the next call that is due.
    pub(super) fn pass_time(&mut self) -> Option<Waker> {
        let (at, _) =
            self.waiting.iter().enumerate().min_by_key(|(_, waiting)| (waiting.time_ns, waiting.token))?;
        let waiting = self.waiting.swap_remove(at);
        // Calls that could not wait may have come further.
        self.now_ns = self.now_ns.max(waiting.time_ns);
        self.passed.push(waiting.token);
        Some(waiting.waker)
    }

    /// One of several ready tasks.
    pub(super) fn pick(&mut self, ready: u64) -> usize {
        let address = Address::new(Question::Pick, self.boot, self.picks, 0);
        self.picks += 1;
        let mut rest = ready;
        for _ in 0..self.decide.choose(address, ready.count_ones(), Lean::Even) {
            rest &= rest - 1;
        }
        rest.trailing_zeros() as usize
    }

    /// The instant of a call. `None` if nobody will hear of it.
    pub(super) fn carry_out<T>(
        &mut self,
        call: &Call,
        about: About<'_>,
        effect: impl FnOnce(&mut World, &Call) -> io::Result<T>,
    ) -> Option<io::Result<T>> {
        self.trace.call(call.site, call.index, call.kind, self.now_ns);
        if let Some(cut) = call.cut
            && (cut.when == When::Before || (cut.when == When::Within && call.kind != CallKind::Write))
        {
            self.halted = Some((cut.kind, call.site));
            self.tasks[call.task].cut = None;
            self.chronicle_call(call, about, None);
            return None;
        }
        let result = match call.fault {
            Some(FaultKind::ReadEio | FaultKind::WriteEio | FaultKind::NameEio) => Err(errno(EIO)),
            Some(FaultKind::Interrupt) => Err(errno(EINTR)),
            _ => effect(self, call),
        };
        if let Err(error) = &result {
            self.trace.failed(error.raw_os_error().unwrap_or(0).unsigned_abs());
            self.injected.no_space += u32::from(error.kind() == io::ErrorKind::StorageFull);
        }
        self.chronicle_call(call, about, result.as_ref().err());
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
