//! One run: boots hosts, lets clients work, crashes, recovers, looks at everything, and records the history.
//!
//! A run is a pure function of its scenario and the decision map. It goes: create, work, crash, recover (perhaps crashing
//! inside recovery), audit, work on, ..., and ends with an orderly close, a power loss, and a last audit. A client that is
//! told of an error has the store closed and opened again, since a host may refuse work after one.
//!
//! Nothing is judged here.

mod audit;
mod client;

use crate::decide::{Decider, Decisions, Site};
use crate::history::{Ask, Event, History, Name, Place, Told};
use crate::runtime::{Ended, Injected, Notice, Process, Sim, Task};
use crate::scenario::generate::{Wishes, generate};
use crate::scenario::{Action, CrashKind, Cut, FaultClass, FaultKind, Scenario};
use crate::target::{AnyHost, AnyStore, Machine, ROOT, Target};
use crate::trace::{Step, TraceHash};
use crate::world::fs::MediaStates;
use asl_host::{Capabilities, Durability, Exclusion, StoreLocation};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

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
    run_in(Sim::new(scenario.clone(), decider), target, scenario)
}

/// The same run, with each step of its trace kept.
pub(crate) fn run_in_full(target: &Target, scenario: &Arc<Scenario>, decider: Decider) -> Outcome {
    let sim = Sim::new(scenario.clone(), decider);
    sim.lock().trace.keep_steps();
    run_in(sim, target, scenario)
}

fn run_in(sim: Arc<Sim>, target: &Target, scenario: &Arc<Scenario>) -> Outcome {
    make_root(&sim);
    let capabilities = {
        let process = sim.lock().process();
        target.boot(&Machine { sim: sim.clone(), process, setup: &scenario.setup }).capabilities()
    };
    let mut runner = Runner::new(target, scenario, sim, History::new(capabilities, scenario.setup.class));
    runner.drive();
    runner.finish()
}

/// What a host offers, asked in a world of its own.
pub(crate) fn capabilities(target: &Target, wishes: &Wishes) -> Capabilities {
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
    let sim = Sim::new(scenario.clone(), Decider::seeded(0));
    make_root(&sim);
    let process = sim.lock().process();
    target.boot(&Machine { sim, process, setup: &scenario.setup }).capabilities()
}

/// The host's root outlives everything.
pub(crate) fn make_root(sim: &Sim) {
    let mut world = sim.lock();
    let world = &mut *world;
    world.fs.create_dir(ROOT, 1, &mut world.decide).expect("the file system is empty");
    let mark = world.fs.mark();
    world.fs.sync(0, mark, false);
}

/// What the clients know.
#[derive(Debug, Default)]
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

struct Runner<'a> {
    target: &'a Target,
    scenario: Arc<Scenario>,
    sim: Arc<Sim>,
    history: RefCell<History>,
    known: RefCell<Known>,
    /// Per client, the operations that are its own, and how many of them were begun.
    queues: Vec<(Vec<usize>, Cell<usize>)>,
    /// Set when the store is to be closed and opened again: by an operation, or after an error.
    reopen: Cell<Option<Reopen>>,
    /// Per client, what it is waiting for.
    waiting: RefCell<Vec<Option<usize>>>,
    created: Cell<bool>,
    nth: u16,
    attempt: u8,
    heals: u8,
    last_crash: Option<CrashKind>,
    exercised: Exercised,
    can_cancel: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reopen {
    Asked(u32),
    AfterError,
}

/// A host with the store open.
struct Up {
    host: Box<dyn AnyHost>,
    store: Arc<dyn AnyStore>,
    process: Process,
}

/// Attempts to recover that are numbered apart from reopenings within a start.
const ATTEMPTS_MAX: u8 = 8;
/// Times that a store is opened again after errors, before the next crash.
const HEALS_MAX: u8 = 7;
/// The client that stands for the harness itself in histories.
pub(crate) const HARNESS: u16 = u16::MAX;

impl<'a> Runner<'a> {
    fn new(target: &'a Target, scenario: &Arc<Scenario>, sim: Arc<Sim>, history: History) -> Runner<'a> {
        let clients = scenario.setup.clients.max(1);
        let queues = (0..clients)
            .map(|client| {
                let own = scenario.ops.iter().enumerate().filter(|(_, op)| op.client % clients == client);
                (own.map(|(index, _)| index).collect(), Cell::new(0))
            })
            .collect();
        let known = Known { next: 1, open: vec![Vec::new(); clients as usize], ..Known::default() };
        let can_cancel = scenario.faults.iter().any(|fault| fault.kind == FaultKind::Cancel);
        Runner {
            target,
            scenario: scenario.clone(),
            sim,
            history: RefCell::new(history),
            known: RefCell::new(known),
            queues,
            reopen: Cell::new(None),
            waiting: RefCell::new(vec![None; clients as usize + 1]),
            created: Cell::new(false),
            nth: 0,
            attempt: 0,
            heals: 0,
            last_crash: None,
            exercised: Exercised::default(),
            can_cancel,
        }
    }

    fn finish(self) -> Outcome {
        let mut exercised = self.exercised;
        let mut world = self.sim.lock();
        exercised.injected = world.injected;
        exercised.media = world.fs.states();
        let decider = std::mem::replace(&mut world.decide, Decider::replaying(Decisions::new()));
        let (trace, steps) = (world.trace.finish(), world.trace.take_steps());
        drop(world);
        let decisions = decider.into_record();
        Outcome { history: self.history.into_inner(), trace, exercised, decisions, steps }
    }

    /// The whole run. It ends early when the host cannot be brought up any more.
    fn drive(&mut self) {
        let first = self.scenario.crashes.iter().find(|plan| plan.op.is_none());
        let mut cuts: Vec<Cut> = first.map_or_else(Vec::new, |plan| {
            std::iter::once(plan.at).chain(plan.inside.iter().copied()).collect()
        });
        loop {
            let Some(up) = self.boot(&cuts) else { return };
            match self.work(up) {
                Work::Finished(up) => {
                    if let Some(up) = self.close_and_cut(up) {
                        self.last_look(&up);
                    }
                    return;
                }
                Work::Crashed(op) => {
                    let plan = self.scenario.crashes.iter().find(|plan| plan.op == op);
                    cuts = plan.map_or_else(Vec::new, |plan| plan.inside.clone());
                }
                Work::Dead => return,
            }
        }
    }

    fn machine(&self) -> Machine<'_> {
        let process = self.sim.lock().process();
        Machine { sim: self.sim.clone(), process, setup: &self.scenario.setup }
    }

    /// Starts the host and opens the store (or creates it), as often as crashes and faults make it necessary.
    fn boot(&mut self, cuts: &[Cut]) -> Option<Up> {
        let mut cuts = cuts.iter().copied();
        self.attempt = 0;
        self.heals = 0;
        loop {
            let boot = u32::from(self.nth) << 4 | u32::from(self.attempt);
            self.sim.lock().begin_boot(boot);
            let machine = self.machine();
            let host = self.target.boot(&machine);
            let process = machine.process;
            let site = Site::Boot { nth: self.nth, attempt: self.attempt };
            let opened: Cell<Option<Arc<dyn AnyStore>>> = Cell::new(None);
            let create = self.nth == 0 && self.attempt == 0;
            let cut = cuts.next();
            let ended = {
                let (this, host, opened) = (&*self, &*host, &opened);
                let task: Task<'_> = Box::pin(async move {
                    this.sim.lock().enter(site, cut);
                    if let Some(store) = this.bring_up(host, site, create).await {
                        this.audit(host, &*store, site).await;
                        opened.set(Some(store));
                    }
                    this.leave().await;
                });
                self.sim.run(vec![Some(task)])
            };
            let in_recovery = !create;
            match self.settle_end(ended, in_recovery) {
                End::Done => match opened.take() {
                    Some(store) => return Some(Up { host, store, process }),
                    // An error: whether it was excused is for the oracle to say. A disk that is full is not left so.
                    None => {
                        self.sim.lock().limit_space(None);
                        self.collect_notices();
                    }
                },
                End::Crashed(_) => {}
                End::Dead => return None,
            }
            self.attempt += 1;
            if self.attempt == ATTEMPTS_MAX || (cuts.len() == 0 && !self.may_retry()) {
                return None;
            }
        }
    }

    /// Whether the last failure to open may be answered by trying again: a fault or a crash came since the one before.
    fn may_retry(&self) -> bool {
        let history = self.history.borrow();
        let mut failures = 0;
        for event in history.events().iter().rev() {
            match event {
                Event::Fault { .. } | Event::Damage { .. } | Event::Crash { .. } | Event::Freed => {
                    return failures <= 1;
                }
                Event::Told { asked, told: Told::Failed { .. } } => {
                    let asked = &history.events()[*asked];
                    failures += u32::from(matches!(
                        asked,
                        Event::Asked { ask: Ask::Open { second: false, .. } | Ask::Create { .. }, .. }
                    ));
                }
                _ => {}
            }
        }
        false
    }

    /// Lets the clients work until all is done, a crash comes, or the host cannot go on.
    fn work(&mut self, mut up: Up) -> Work {
        loop {
            let ended = {
                let this = &*self;
                let tasks = (0..self.queues.len())
                    .map(|client| Some(Box::pin(this.client(client, &up)) as Task<'_>))
                    .collect();
                self.sim.run(tasks)
            };
            match self.settle_end(ended, false) {
                End::Done => {}
                End::Crashed(op) => return Work::Crashed(op),
                End::Dead => return Work::Dead,
            }
            match self.reopen.take() {
                None => return Work::Finished(up),
                Some(why) => match self.open_again(up, why) {
                    Reopened::Up(again) => up = again,
                    Reopened::Crashed(op) => return Work::Crashed(op),
                    Reopened::Dead => return Work::Dead,
                },
            }
        }
    }

    /// Closes the store and opens it again in the same process, then audits.
    fn open_again(&mut self, up: Up, why: Reopen) -> Reopened {
        let mut tries = 0;
        let Up { host, store, process } = up;
        let mut store = Some(store);
        loop {
            let (site, cut) = match why {
                Reopen::Asked(op) if tries == 0 => (Site::Op(op), self.cut_of(op)),
                _ => {
                    self.heals += 1;
                    (Site::Boot { nth: self.nth, attempt: ATTEMPTS_MAX + self.heals.min(HEALS_MAX) }, None)
                }
            };
            let opened: Cell<Option<Arc<dyn AnyStore>>> = Cell::new(None);
            let ended = {
                let (this, host, opened, first) = (&*self, &*host, &opened, Cell::new(store.take()));
                let task: Task<'_> = Box::pin(async move {
                    this.sim.lock().enter(site, cut);
                    if let Some(store) = first.take() {
                        this.close(&*store, site).await;
                    }
                    if let Some(store) = this.open(host, site).await {
                        this.audit(host, &*store, site).await;
                        opened.set(Some(store));
                    }
                    this.leave().await;
                });
                self.sim.run(vec![Some(task)])
            };
            match self.settle_end(ended, false) {
                End::Done => {}
                End::Crashed(op) => return Reopened::Crashed(op),
                End::Dead => return Reopened::Dead,
            }
            if let Some(store) = opened.take() {
                return Reopened::Up(Up { host, store, process });
            }
            tries += 1;
            self.sim.lock().limit_space(None);
            self.collect_notices();
            if tries > 3 || !self.may_retry() {
                return Reopened::Dead;
            }
        }
    }

    /// After the last operation: an orderly close, and then the power goes; nothing may be lost by that.
    fn close_and_cut(&mut self, up: Up) -> Option<Up> {
        self.sim.lock().limit_space(None);
        self.collect_notices();
        let ended = {
            let (this, up) = (&*self, &up);
            let task: Task<'_> = Box::pin(async move {
                this.sim.lock().enter(Site::Closing, None);
                this.close(&*up.store, Site::Closing).await;
                this.leave().await;
            });
            self.sim.run(vec![Some(task)])
        };
        if !matches!(self.settle_end(ended, false), End::Done) {
            return None;
        }
        if self.scenario.setup.class == FaultClass::None {
            self.nth += 1;
        } else {
            self.sim.lock().die();
            drop(up);
            self.crash(CrashKind::Power, false);
        }
        self.boot(&[])
    }

    /// The last open store must still take an append, and be in order after it.
    fn last_look(&mut self, up: &Up) {
        let ended = {
            let this = &*self;
            let task: Task<'_> = Box::pin(async move {
                this.sim.lock().enter(Site::Closing, None);
                this.probe(&*up.store).await;
                this.read_all(&*up.store, Site::Closing).await;
                this.close(&*up.store, Site::Closing).await;
                this.leave().await;
            });
            self.sim.run(vec![Some(task)])
        };
        self.settle_end(ended, false);
    }

    /// Records how tasks ended; after a crash, what is left of the world is what the crash leaves.
    fn settle_end(&mut self, ended: Ended, in_recovery: bool) -> End {
        self.collect_notices();
        match ended {
            Ended::Done => End::Done,
            Ended::Crashed(kind, site) => {
                self.crash(kind, in_recovery);
                End::Crashed(if let Site::Op(op) = site { Some(op) } else { None })
            }
            Ended::Stuck => {
                let text = "the host waits for something that never happens, or calls without end".to_owned();
                self.history.borrow_mut().stuck = Some(text);
                End::Dead
            }
            Ended::Panicked(text) => {
                let task = self.sim.lock().current_task();
                let asked = self.waiting.borrow()[task].or(*self
                    .waiting
                    .borrow()
                    .last()
                    .expect("one for the harness"));
                let mut history = self.history.borrow_mut();
                if let Some(asked) = asked {
                    history.push(Event::Told { asked, told: Told::Panicked });
                }
                history.panic = Some(text);
                End::Dead
            }
        }
    }

    fn crash(&mut self, kind: CrashKind, in_recovery: bool) {
        if in_recovery {
            self.exercised.crashes_in_recovery += 1;
        } else {
            self.nth += 1;
        }
        match kind {
            CrashKind::Kill => self.exercised.kills += 1,
            CrashKind::Power => {
                self.exercised.power_losses += 1;
                self.exercised.power_after_kill += u32::from(self.last_crash == Some(CrashKind::Kill));
                // Numbered so that taking out one crash does not rename what the others decide.
                let attempt = if in_recovery { u32::from(self.attempt) + 1 } else { 0 };
                let mut world = self.sim.lock();
                let world = &mut *world;
                world.fs.power_loss(u32::from(self.nth) << 4 | attempt, &mut world.decide);
            }
        }
        self.last_crash = Some(kind);
        self.known.borrow_mut().open.iter_mut().for_each(Vec::clear);
        self.waiting.borrow_mut().fill(None);
        self.reopen.set(None);
        self.history.borrow_mut().push(Event::Crash { kind, in_recovery });
    }

    fn cut_of(&self, op: u32) -> Option<Cut> {
        if self.scenario.setup.class == FaultClass::None {
            return None;
        }
        self.scenario.crashes.iter().find(|plan| plan.op == Some(op)).map(|plan| plan.at)
    }

    /// Leaves the site; if a crash was due in it, it comes now.
    async fn leave(&self) {
        let crashes = self.sim.lock().leave();
        if crashes {
            std::future::pending::<()>().await;
        }
    }

    fn collect_notices(&self) {
        let notices = self.sim.lock().take_notices();
        let mut history = self.history.borrow_mut();
        for notice in notices {
            history.push(match notice {
                Notice::Fault(site, kind) => Event::Fault { site, kind },
                Notice::Damage(site, kind, hit) => Event::Damage { site, kind, hit },
                Notice::Full => Event::Full,
                Notice::Freed => Event::Freed,
            });
        }
    }

    /// Asks the host for something, waits, and records both.
    async fn ask<T>(
        &self,
        site: Site,
        client: u16,
        ask: Ask,
        call: impl Future<Output = asl_host::Result<T>> + Send,
        tell: impl FnOnce(&mut History, T) -> Told,
    ) -> Told {
        let slot = usize::from(client).min(self.queues.len());
        let asked = self.history.borrow_mut().push(Event::Asked { site, client, ask });
        self.waiting.borrow_mut()[slot] = Some(asked);
        let answer = if self.can_cancel {
            Abandonable { sim: &self.sim, call: Box::pin(call) }.await
        } else {
            Some(call.await)
        };
        self.waiting.borrow_mut()[slot] = None;
        self.collect_notices();
        let mut history = self.history.borrow_mut();
        let told = match answer {
            Some(Ok(value)) => tell(&mut history, value),
            Some(Err(error)) => Told::Failed { kind: error.kind(), code: error.code() },
            None => Told::Cancelled,
        };
        let mut world = self.sim.lock();
        world.trace.told(asked, told.digest());
        drop(world);
        history.push(Event::Told { asked, told: told.clone() });
        told
    }

    fn location(place: Place) -> StoreLocation {
        StoreLocation::new(match place {
            Place::Main => "/root/store",
            Place::Side => "/root/side",
            Place::Nowhere => "/root/nowhere",
        })
    }

    /// What the client does from here to the end, or until the store is to be opened again.
    async fn client(&self, client: usize, up: &Up) {
        let (queue, next) = &self.queues[client];
        while let Some(&index) = queue.get(next.get()) {
            if self.reopen.get().is_some() {
                return;
            }
            next.set(next.get() + 1);
            let op = &self.scenario.ops[index];
            if op.action == Action::Reopen {
                self.reopen.set(Some(Reopen::Asked(op.id)));
                return;
            }
            self.sim.lock().enter(Site::Op(op.id), self.cut_of(op.id));
            self.collect_notices();
            self.sim.pause(up.process).await;
            let went_well = self.execute(client as u16, op, up).await;
            self.leave().await;
            if !went_well && self.heals < HEALS_MAX {
                self.reopen.set(Some(Reopen::AfterError));
                return;
            }
        }
    }
}

enum Work {
    Finished(Up),
    Crashed(Option<u32>),
    Dead,
}

enum Reopened {
    Up(Up),
    Crashed(Option<u32>),
    Dead,
}

enum End {
    Done,
    Crashed(Option<u32>),
    Dead,
}

/// Waits for a host's answer, unless the client is to stop waiting: then the call is dropped.
struct Abandonable<'a, F: ?Sized> {
    sim: &'a Sim,
    call: Pin<Box<F>>,
}

impl<F: Future + ?Sized> Future for Abandonable<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        match self.call.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.sim.lock().take_cancelled() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
