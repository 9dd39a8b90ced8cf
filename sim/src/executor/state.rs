//! What the executor keeps of one run: its tasks, its time, its plans, and what has happened. It knows no medium.

use super::call::{Call, Class, PAUSE};
use super::call_log::{CallLog, What};
use super::process::{Process, Processes};
use crate::base::decide::{Address, Decider, Lean, Question, Site, mix};
use crate::base::payload::Hit;
use crate::base::trace::{Called, Trace};
use crate::plan::{CrashKind, Cut, FaultClass, FaultKind, Plan};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

/// The wall clock at the start of a run: some time in 2026.
const WALL_START_NS: u64 = 1_790_000_000_000_000_000;
const STALL_NS: u64 = 5_000_000_000;
/// No run needs as many calls, or sleeps; a host that makes them goes round in circles.
const CALLS_MAX: u64 = 300_000;

/// What a task is at.
#[derive(Clone, Debug)]
pub(super) struct TaskState {
    /// The number of the process whose task it is.
    pub(super) process: u16,
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
    /// The number of the process that waits.
    pub(super) process: u16,
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
    /// The process of this number was killed, and others go on.
    Died(u16),
}

/// Counts of what happened to a run's hosts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Injected {
    pub(crate) faults: [u32; FaultKind::ALL.len()],
    pub(crate) no_space: u32,
    pub(crate) clock_jumps: u32,
    pub(crate) killed_within_write: u32,
    pub(crate) calls: u64,
    /// Requests that landed after another call could have told, and those that never did.
    pub(crate) landed_late: u32,
    pub(crate) never_landed: u32,
    /// Processes that were killed while others went on.
    pub(crate) died_alone: u32,
}

/// A crash that has come, and that nobody has seen to yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Halt {
    pub(crate) kind: CrashKind,
    pub(crate) site: Site,
    /// The process that dies, if not all do.
    pub(crate) process: Option<u16>,
}

/// All that is the executor's of one run.
#[derive(Clone, Debug)]
pub(crate) struct Executor {
    pub(crate) decide: Decider,
    pub(crate) trace: Trace,
    pub(crate) injected: Injected,
    /// What happened since it was last collected.
    notices: Vec<Notice>,
    pub(super) plan: Arc<Plan>,
    /// Time since the run began.
    pub(crate) now_ns: u64,
    pub(super) wall_offset_ns: i64,
    pub(super) processes: Processes,
    boot: u32,
    picks: u32,
    /// What was drawn and made at each site: a site can be entered more than once.
    sites: BTreeMap<Site, Drawn>,
    /// The calls of each site, if somebody wants each of them to crash or to fail.
    pub(crate) calls: Option<BTreeMap<Site, Vec<&'static Class>>>,
    /// How often hosts and clients slept.
    pub(super) pauses: u64,
    /// A run that makes more calls, or sleeps more often, has no end.
    calls_max: u64,
    pub(super) tasks: Vec<TaskState>,
    pub(crate) live: usize,
    pub(crate) current: usize,
    pub(super) waiting: Vec<Waiting>,
    pub(super) passed: Vec<u64>,
    next_token: u64,
    pub(crate) halted: Option<Halt>,
    /// The process that was killed while others go on, until its tasks are dropped.
    pub(super) died: Option<u16>,
    /// A call is being made that cannot wait.
    pub(super) blocking: bool,
    /// Hosts are in nodes of another runtime, where others may always be at work.
    pub(super) elsewhere: bool,
    /// What goes on, if it is to be explained.
    pub(super) log: Option<Box<CallLog>>,
}

/// How many random words were drawn, and things made, at a site.
#[derive(Clone, Copy, Debug, Default)]
struct Drawn {
    randoms: u32,
    creations: u32,
}

impl Executor {
    pub(super) fn new(plan: Plan, decide: Decider) -> Executor {
        Executor {
            decide,
            trace: Trace::default(),
            injected: Injected::default(),
            notices: Vec::new(),
            plan: Arc::new(plan),
            now_ns: 0,
            wall_offset_ns: 0,
            processes: Processes::default(),
            boot: 0,
            picks: 0,
            sites: BTreeMap::new(),
            calls: None,
            pauses: 0,
            calls_max: CALLS_MAX,
            tasks: Vec::new(),
            live: 0,
            current: 0,
            waiting: Vec::new(),
            passed: Vec::new(),
            next_token: 0,
            halted: None,
            died: None,
            blocking: false,
            elsewhere: false,
            log: None,
        }
    }

    #[inline]
    pub(crate) fn is_alive(&self, process: Process) -> bool {
        self.processes.is_alive(process)
    }

    /// Whether a crash has come that ends the running task, and that nobody has seen to yet: it is told of nothing any more.
    pub(crate) fn is_halted(&self) -> bool {
        let ends_this = |process: u16| process == self.running_process();
        self.halted.is_some_and(|halt| halt.process.is_none_or(ends_this))
    }

    /// A new start; `boot` numbers it for the decision map.
    pub(crate) fn begin_boot(&mut self, boot: u32) {
        self.boot = boot;
        self.picks = 0;
    }

    /// Tasks of the processes of these numbers begin.
    pub(crate) fn start_tasks(&mut self, owners: impl Iterator<Item = u16>) {
        self.tasks.clear();
        self.tasks.extend(owners.map(|process| TaskState {
            process,
            site: Site::Closing,
            calls: 0,
            changes: 0,
            faults: Vec::new(),
            cut: None,
            cancelled: false,
        }));
        self.live = self.tasks.len();
        self.current = 0;
        self.waiting.clear();
        self.passed.clear();
    }

    /// The next call of the running task that this fault can hit suffers it.
    pub(crate) fn plan(&mut self, fault: FaultKind) {
        self.tasks[self.current].faults.push((0, fault));
    }

    /// The crash comes at this call.
    pub(super) fn halt(&mut self, call: &Call, cut: Cut) {
        self.halted = Some(Halt { kind: cut.kind, site: call.site, process: cut.process });
        self.tasks[call.task].cut = None;
    }

    /// The crash that has come, and the process that was killed while the running one goes on; each is told once.
    pub(super) fn take_crash(&mut self) -> (Option<Halt>, Option<u16>) {
        (self.halted.take(), self.died.take())
    }

    /// How many calls that change something the only task made in the site that it is in, or was in last.
    pub(crate) fn changes(&self) -> u32 {
        self.tasks.first().map_or(0, |task| task.changes)
    }

    /// The number of the running task.
    pub(crate) fn current_task(&self) -> usize {
        self.current
    }

    /// The number of the process whose task is running.
    #[inline]
    pub(crate) fn running_process(&self) -> u16 {
        self.tasks.get(self.current).map_or(0, |task| task.process)
    }

    /// Whether the running task's operation is to be abandoned.
    pub(crate) fn take_cancelled(&mut self) -> bool {
        std::mem::take(&mut self.tasks[self.current].cancelled)
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
            let word = mix(self.plan.entropy, address).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// A number for something that a call makes, which is the same in every replay.
    pub(crate) fn next_key(&mut self, call: &Call) -> u32 {
        let drawn = self.sites.entry(call.site).or_default();
        drawn.creations += 1;
        call.site.code() << 12 | (drawn.creations & 0xfff)
    }

    /// Puts what a call saw into the trace.
    #[inline]
    pub(crate) fn note(&mut self, call: &Call, first: u64, second: u64) {
        self.trace.saw(call.index, first, second);
    }

    /// Puts what a call read or wrote into the trace.
    #[inline]
    pub(crate) fn note_bytes(&mut self, call: &Call, first: u64, second: u64, bytes: &[u8]) {
        self.note(call, first, second);
        self.trace.bytes(bytes);
        if let Some(log) = &mut self.log {
            log.has_moved(bytes.len());
        }
    }

    /// The call that goes on has made what it names.
    pub(crate) fn note_made(&mut self) {
        if let Some(log) = &mut self.log {
            log.has_made();
        }
    }

    /// Something that the history has to tell.
    pub(crate) fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// What happened since the last time this was asked.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Something for the log of calls, if one is kept.
    pub(crate) fn log(&mut self, what: impl FnOnce() -> What) {
        if let Some(log) = &mut self.log {
            log.add(self.now_ns, what());
        }
    }

    pub(super) fn register(&mut self, class: &'static Class, mark: u64) -> Call {
        let task_number = self.current;
        let task = &mut self.tasks[task_number];
        let (site, index) = (task.site, task.calls);
        let mut call =
            Call { class, task: task_number, site, index, mark, fault: None, cut: None, ends_another: false };
        if *class == PAUSE {
            call.index = u32::MAX;
            self.pauses += 1;
            return call;
        }
        self.injected.calls += 1;
        task.calls += 1;
        if let Some(calls) = &mut self.calls {
            calls.entry(task.site).or_default().push(class);
        }
        if class.changes {
            let due = task.cut.filter(|cut| cut.change == task.changes);
            let ends_this = |cut: &Cut| ends(*cut, task.process);
            call.cut = due.filter(ends_this);
            call.ends_another = due.is_some() && call.cut.is_none();
            task.changes += 1;
        }
        for planned in 0..task.faults.len() {
            let (skip, fault) = &mut task.faults[planned];
            if !class.suffers(*fault) {
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

    /// The call takes effect.
    #[inline]
    pub(super) fn trace_call(&mut self, call: &Call) {
        let Class { number, name, changes, .. } = *call.class;
        self.trace.call(call.site, call.index, Called { number, name, changes }, self.now_ns);
    }

    /// Whether hosts and clients have slept or called so often that the run has no end: nobody wakes them any more, and it is stuck.
    #[inline]
    pub(crate) fn goes_round(&self) -> bool {
        self.pauses > self.calls_max || self.injected.calls > self.calls_max
    }

    /// Whether the next call may be the one from which on the run goes round.
    #[inline]
    pub(super) fn may_go_round(&self) -> bool {
        self.pauses >= self.calls_max || self.injected.calls >= self.calls_max
    }

    /// The world lives on, and as many calls may be made from now on as in a run.
    #[cfg(any(feature = "programs", feature = "objects", madsim))]
    pub(crate) fn allow_more_calls(&mut self) {
        self.calls_max = self.pauses.max(self.injected.calls).saturating_add(CALLS_MAX);
    }

    pub(super) fn latency_ns(&mut self, call: &Call, extra_ns: u64) -> u64 {
        let mut latency_ns = call.class.latency_ns.saturating_add(extra_ns);
        if !self.is_alone() {
            let address = call.address(Question::Latency);
            let share = u64::from(self.decide.choose(address, 16, Lean::Even));
            latency_ns = latency_ns.saturating_add(share * call.class.latency_ns / 4);
        }
        if call.fault == Some(FaultKind::Stall) {
            latency_ns = latency_ns.saturating_add(STALL_NS);
        }
        latency_ns
    }

    #[inline]
    pub(super) fn is_alone(&self) -> bool {
        self.blocking || (self.live == 1 && self.waiting.is_empty() && !self.elsewhere)
    }

    pub(super) fn wait(&mut self, process: u16, latency_ns: u64, waker: Waker) -> u64 {
        self.next_token += 1;
        let (time_ns, token) = (self.now_ns.saturating_add(latency_ns), self.next_token);
        self.waiting.push(Waiting { time_ns, token, waker, process });
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
    pub(crate) fn pick(&mut self, ready: u64) -> usize {
        let address = Address::new(Question::Pick, self.boot, self.picks, 0);
        self.picks += 1;
        let mut rest = ready;
        for _ in 0..self.decide.choose(address, ready.count_ones(), Lean::Even) {
            rest &= rest - 1;
        }
        rest.trailing_zeros() as usize
    }
}

/// Whether a crash ends the process of this number.
pub(super) fn ends(cut: Cut, process: u16) -> bool {
    cut.kind == CrashKind::Power || cut.process.is_none_or(|number| number == process)
}
