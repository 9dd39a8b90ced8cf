//! One run: boots hosts, lets clients work, crashes, recovers, looks at everything, and records the history.
//!
//! A run is a pure function of its scenario and the decision map. It goes: create, work, crash, recover (perhaps crashing
//! inside recovery), audit, work on, ..., and ends with an orderly close, a power loss, and a last audit. A client that is
//! told of an error has the store closed and opened again, since a host may refuse work after one; in some runs it first goes on
//! with the handle, until that does refuse.
//!
//! What is there between two processes (the world, and what clients know) is plain data: a run can be *forked* there, and each
//! fork carried on with other operations, crashes and decisions. Exhaustive search does that.
//!
//! Nothing is judged here.

mod ask;
mod audit;
mod client;
mod life;
#[cfg(not(all(feature = "madsim", madsim)))]
#[path = "no_nodes.rs"]
mod nodes;
#[cfg(all(feature = "madsim", madsim))]
mod nodes;
mod search;
mod take_over;

use crate::base::decide::{Decider, Decisions};
use crate::base::trace::{Step, TraceHash};
use crate::executor::call_log::CallLog;
use crate::executor::{Ended, Injected, Process, Task};
use crate::history::{HARNESS, History, Name, SECOND};
use crate::hosts::{AnyHost, AnyStore, Machine, Target};
use crate::media::files::fs::MediaStates;
use crate::media::files::make_root;
use crate::media::{Media, Sim};
use crate::scenario::generate::{Wishes, generate};
use crate::scenario::{CrashKind, Cut, FaultClass, FaultKind, Runtime, Scenario};
use asl_host::{Capabilities, Durability, Exclusion};
pub(crate) use life::Started;
use nodes::{Nodes, in_a_fresh_thread};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// What clients saw.
    pub history: History,
    /// The hash over everything that happened.
    pub trace: TraceHash,
    /// What happened to the host.
    pub exercised: Exercised,
    /// The decisions that were not 0, if the decider was recording.
    pub decisions: Decisions,
    /// What went into the trace, of a run that was made [in full](run_in_full).
    pub(crate) steps: Vec<Step>,
}

/// Counts of what happened to the host in a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exercised {
    pub(crate) kills: u32,
    pub(crate) power_losses: u32,
    pub(crate) crashes_in_recovery: u32,
    pub(crate) power_after_kill: u32,
    pub(crate) injected: Injected,
    pub(crate) media: MediaStates,
}

impl Exercised {
    /// Each count, by name: what is called a fault here is listed as not exercised if its sum stays 0.
    pub(crate) fn each(&self, mut visit: impl FnMut(&'static str, u64)) {
        let injected = &self.injected;
        for (index, (kind, ..)) in FaultKind::ALL.iter().enumerate() {
            visit(kind.as_str(), u64::from(injected.faults[index]));
        }
        let media = &self.media;
        for (name, count) in [
            ("kill", self.kills),
            ("power-loss", self.power_losses),
            ("crash-in-recovery", self.crashes_in_recovery),
            ("power-loss-after-kill", self.power_after_kill),
            ("kill-within-write", injected.killed_within_write),
            ("no-space", injected.no_space),
            ("clock-jump", injected.clock_jumps),
            ("landed-late", injected.landed_late),
            ("never-landed", injected.never_landed),
            ("died-alone", injected.died_alone),
            ("sector-lost", media.sectors_lost),
            ("sector-between", media.sectors_between),
            ("size-lost", media.sizes_lost),
            ("name-lost", media.names_lost),
            ("commit-lost", media.commits_lost),
            ("sync-reverted", media.reverted),
            ("zero-fill", media.filled_with_zeros),
            ("garbage-fill", media.filled_with_garbage),
            ("stale-fill", media.filled_with_stale),
        ] {
            visit(name, u64::from(count));
        }
        visit("calls", injected.calls);
        visit("crash-states", media.decided);
    }
}

/// Runs a scenario against a target.
///
/// # Panics
///
/// If the simulator has a bug. A host that panics is recorded in the history.
pub fn run(target: &Target, scenario: &Arc<Scenario>, decider: Decider) -> Outcome {
    in_its_runtime(scenario, || run_to_end(Runner::new(target, scenario, decider)))
}

/// Where a run of this scenario has to be made: madsim wants a thread in which nothing was run.
fn in_its_runtime<T: Send>(scenario: &Scenario, work: impl FnOnce() -> T + Send) -> T {
    match scenario.setup.runtime {
        Runtime::Stepped => work(),
        Runtime::Madsim => in_a_fresh_thread(work),
    }
}

/// The same run, with each step of its trace kept.
pub(crate) fn run_in_full(target: &Target, scenario: &Arc<Scenario>, decider: Decider) -> Outcome {
    in_its_runtime(scenario, || {
        let runner = Runner::new(target, scenario, decider);
        runner.sim.lock().executor.trace.keep_steps();
        run_to_end(runner)
    })
}

/// The same run, with a log of all that goes on below the host.
pub(crate) fn run_logged(target: &Target, scenario: &Arc<Scenario>, decider: Decider) -> (Outcome, CallLog) {
    in_its_runtime(scenario, || {
        let mut runner = Runner::new(target, scenario, decider);
        let sim = runner.sim.clone();
        sim.lock().begin_log();
        runner.logged = true;
        let outcome = run_to_end(runner);
        let log = sim.lock().end_log();
        (outcome, log.expect("it was begun"))
    })
}

fn run_to_end(mut runner: Runner<'_>) -> Outcome {
    while runner.live() {}
    runner.finish()
}

/// The world of a scenario, in which nothing has happened yet but that the hosts' root is there.
pub(crate) fn new_sim(scenario: &Scenario, decider: Decider) -> Arc<Sim> {
    let sim = Sim::new(Media::new(scenario.setup.medium), scenario.plan(), decider);
    make_root(&sim);
    sim
}

/// What a host offers, asked in a world of its own.
pub(crate) fn capabilities(target: &Target, wishes: &Wishes) -> Capabilities {
    if let Some(capabilities) = target.said_capabilities() {
        return capabilities;
    }
    let wishes = Wishes { classes: vec![FaultClass::None], ops: Some(0), ..wishes.clone() };
    let nothing = Capabilities {
        durability: Durability::OnAppend,
        exclusion: Exclusion::Refuse,
        blocks: false,
        snapshots: false,
        append_unit: 1,
        max_record_len: 0,
    };
    let scenario = Arc::new(generate(0, &wishes, &nothing));
    in_its_runtime(&scenario, || {
        let sim = new_sim(&scenario, Decider::seeded(0));
        offers(target, &sim, nodes(&sim, &scenario).as_ref(), &scenario)
    })
}

/// The nodes that hosts are in, if the scenario is for the second runtime.
fn nodes(sim: &Sim, scenario: &Scenario) -> Option<Nodes> {
    (scenario.setup.runtime == Runtime::Madsim).then(|| Nodes::new(sim, scenario))
}

/// What a host says that it offers.
fn offers(target: &Target, sim: &Arc<Sim>, nodes: Option<&Nodes>, scenario: &Arc<Scenario>) -> Capabilities {
    let process = sim.lock().process();
    let machine = Machine { sim: sim.clone(), process, setup: &scenario.setup };
    match nodes {
        None => target.boot(&machine).capabilities(),
        Some(nodes) => nodes.capabilities(&machine, target, scenario),
    }
}

/// What the clients know.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The number that the next append should get, if nobody else appends.
    next: u64,
    sealed: Vec<Name>,
    snapshots: Vec<Name>,
    /// Open blocks, by client.
    open: Vec<Vec<Name>>,
    /// Whether clock and identity were asked for, so that audits ask again.
    marks: bool,
}

/// A run between two steps of it.
pub(crate) struct Runner<'a> {
    target: &'a Target,
    scenario: Arc<Scenario>,
    sim: Arc<Sim>,
    /// What moves hosts and clients, if it is not the simulation itself.
    nodes: Option<Nodes>,
    history: RefCell<History>,
    known: RefCell<Known>,
    /// Per client, the operations that are its own, and how many of them were begun.
    queues: Vec<(Vec<usize>, Cell<usize>)>,
    /// Set when the store is to be closed and opened again: by an operation, or after an error.
    reopen: Cell<Option<Reopen>>,
    /// The process that was killed while another went on, until that is seen to.
    died: Cell<Option<u16>>,
    /// Per client, what it is waiting for.
    waiting: RefCell<Vec<Option<usize>>>,
    created: Cell<bool>,
    nth: u16,
    attempt: u8,
    heals: u8,
    /// Where the next starts are to be cut.
    cuts: VecDeque<Cut>,
    /// Whether the next start is the last one.
    ending: bool,
    last_crash: Option<CrashKind>,
    exercised: Exercised,
    can_cancel: bool,
    /// Whether the world keeps a log, which has to know when the history's events were.
    logged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reopen {
    Asked(u32),
    /// After another process has had it.
    TakenOver(u32),
    AfterError,
}

/// A host with the store open.
pub(crate) struct Up {
    host: Box<dyn AnyHost>,
    store: Arc<dyn AnyStore>,
    process: Process,
}

/// Attempts to recover that are numbered apart from reopenings within a start.
const ATTEMPTS_MAX: u8 = 8;
/// The number of the process that opens the store while the first has it.
const SECOND_PROCESS: u16 = 1;
/// Times that a store is opened again after errors, before the next crash.
const HEALS_MAX: u8 = 7;

impl<'a> Runner<'a> {
    /// A run that has not begun. The host's root is there.
    pub(crate) fn new(target: &'a Target, scenario: &Arc<Scenario>, decider: Decider) -> Runner<'a> {
        let sim = new_sim(scenario, decider);
        if let Some(programs) = target.programs() {
            sim.attach(programs.place().expect("there was a place for the files of the first one"));
        }
        let nodes = nodes(&sim, scenario);
        let capabilities = offers(target, &sim, nodes.as_ref(), scenario);
        let clients = usize::from(scenario.setup.clients.max(1));
        let first = scenario.crashes.iter().find(|plan| plan.op.is_none());
        let mut history = History::new(capabilities, scenario.setup.class);
        history.late_requests = scenario.setup.profile().has_late_requests();
        let cuts =
            first.into_iter().flat_map(|plan| std::iter::once(plan.at).chain(plan.inside.iter().copied()));
        Runner {
            target,
            scenario: scenario.clone(),
            sim,
            nodes,
            history: RefCell::new(history),
            known: RefCell::new(Known { next: 1, open: vec![Vec::new(); clients], ..Known::default() }),
            queues: queues(scenario, &vec![0; clients]),
            reopen: Cell::new(None),
            died: Cell::new(None),
            waiting: RefCell::new(vec![None; clients + 1]),
            created: Cell::new(false),
            nth: 0,
            attempt: 0,
            heals: 0,
            cuts: cuts.collect(),
            ending: false,
            last_crash: None,
            exercised: Exercised::default(),
            can_cancel: can_cancel(scenario),
            logged: false,
        }
    }

    /// A copy of a run between two processes, to be carried on with another scenario, which has the same operations as far as
    /// they were begun, and with other decisions.
    pub(crate) fn fork(&self, scenario: &Arc<Scenario>, decider: Decider) -> Runner<'a> {
        let begun: Vec<usize> = self.queues.iter().map(|(_, begun)| begun.get()).collect();
        debug_assert!(self.reopen.get().is_none(), "no process is alive");
        assert!(self.nodes.is_none(), "a runtime of others cannot be copied");
        Runner {
            target: self.target,
            scenario: scenario.clone(),
            sim: self.sim.fork(scenario.plan(), decider),
            nodes: None,
            history: self.history.clone(),
            known: self.known.clone(),
            queues: queues(scenario, &begun),
            reopen: Cell::new(None),
            died: Cell::new(None),
            waiting: self.waiting.clone(),
            created: self.created.clone(),
            nth: self.nth,
            attempt: self.attempt,
            heals: self.heals,
            cuts: self.cuts.clone(),
            ending: self.ending,
            last_crash: self.last_crash,
            exercised: self.exercised,
            can_cancel: can_cancel(scenario),
            logged: false,
        }
    }

    pub(crate) fn finish(self) -> Outcome {
        let mut exercised = self.exercised;
        let mut world = self.sim.lock();
        exercised.media = world.medium.states();
        let executor = &mut world.executor;
        exercised.injected = executor.injected;
        let decider = std::mem::replace(&mut executor.decide, Decider::replaying(Decisions::new()));
        let (trace, steps) = (executor.trace.finish(), executor.trace.take_steps());
        drop(world);
        let decisions = decider.into_record();
        Outcome { history: self.history.into_inner(), trace, exercised, decisions, steps }
    }

    /// Runs tasks until all are done, or something ends them.
    fn drive(&self, tasks: Vec<Option<Task<'_>>>) -> Ended {
        match &self.nodes {
            None => self.sim.run(tasks),
            Some(nodes) => nodes.run(&self.sim, tasks),
        }
    }

    /// The same of tasks of two processes, the first one's first.
    fn drive_two(&self, first: Task<'_>, second: Task<'_>) -> Ended {
        match &self.nodes {
            None => self.sim.run_processes(vec![(0, first), (SECOND_PROCESS, second)]),
            Some(nodes) => nodes.run(&self.sim, vec![Some(first), Some(second)]),
        }
    }

    /// A new incarnation of the host.
    fn boot(&self, machine: &Machine<'_>) -> Box<dyn AnyHost> {
        match &self.nodes {
            None => self.target.boot(machine),
            Some(nodes) => {
                let offered = self.history.borrow().capabilities;
                nodes.boot(machine, self.target, &self.scenario, offered)
            }
        }
    }

    fn machine(&self) -> Machine<'_> {
        self.machine_of(0)
    }

    /// The machine of the process of this number.
    fn machine_of(&self, number: u16) -> Machine<'_> {
        let process = self.sim.lock().process_of(number);
        Machine { sim: self.sim.clone(), process, setup: &self.scenario.setup }
    }
}

/// Per client, the operations that are its own, and how many of them were begun.
fn queues(scenario: &Scenario, begun: &[usize]) -> Vec<(Vec<usize>, Cell<usize>)> {
    let clients = begun.len() as u16;
    let own = |client: u16| {
        let ops = scenario.ops.iter().enumerate().filter(move |(_, op)| op.client % clients == client);
        ops.map(|(index, _)| index).collect()
    };
    begun.iter().enumerate().map(|(client, &begun)| (own(client as u16), Cell::new(begun))).collect()
}

fn can_cancel(scenario: &Scenario) -> bool {
    scenario.faults.iter().any(|fault| fault.kind == FaultKind::Cancel)
}
