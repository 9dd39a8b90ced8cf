//! The stepped runtime: tasks, simulated time, and the one place where a call becomes an effect, a fault or a crash.
//!
//! Tasks are futures polled one at a time on the calling thread. A call of a host registers here, waits for its simulated
//! time to pass while other tasks go on, and takes effect at one instant; where several tasks are ready, the decision map
//! picks. A call made when nothing else could run takes effect at once. There are no threads, no wall clock and no flags.
//!
//! A crash stops everything at an instant inside a call: the tasks are dropped, and whatever a process that is dead still
//! asks for (from a `Drop`, say) changes nothing.
//!
//! A host may be a process of its own. What comes from there is waited for when no task is ready and no simulated time can
//! pass, so that the order of everything else stays decided here.
//!
//! Not modelled: a task that blocks its thread inside `poll`, and effects of one call that others see half done.

mod call;
mod chronicling;
mod damage;
#[cfg(not(all(feature = "madsim", madsim)))]
#[path = "no_nodes.rs"]
mod nodes;
#[cfg(all(feature = "madsim", madsim))]
mod nodes;
mod world;

pub(crate) use call::{Call, CallKind};
pub(crate) use nodes::{BUILT_IN as HAS_NODES, Nodes, in_a_fresh_thread};
pub(crate) use world::{Injected, Notice, World};

use crate::chronicle::About;
use crate::decide::{Decider, Site};
use crate::process::{Outside, Waited};
use crate::scenario::{CrashKind, Scenario};
use crate::trace::Trace;
use crate::world::fs::{EIO, Fs, Medium, errno};
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A task of a run.
pub(crate) type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What to do about a build without the second runtime.
pub(crate) const HOW_TO_BUILD_NODES: &str = "this build has no madsim: build with RUSTFLAGS=\"--cfg madsim --cfg tokio_unstable\" and the feature madsim of asl-sim";

/// No run needs as many calls; a host that makes them goes round in circles.
const CALLS_MAX: u64 = 300_000;

/// One process of one incarnation of the world: after a crash, its calls do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    incarnation: u32,
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
    /// A host that is a process has not answered for so long.
    Silent(Duration),
    /// The host panicked; what it said.
    Panicked(String),
    /// A host that is a process did what the protocol does not allow.
    Faulty(String),
}

/// The shared world behind its lock. Runs are single-threaded; the lock is there because hosts are `Send`.
#[derive(Debug)]
pub(crate) struct Sim {
    world: Mutex<World>,
    ready: Arc<AtomicU64>,
    /// Where processes live, if the hosts are some.
    outside: OnceLock<Arc<Outside>>,
    /// Who polls the clients, if the hosts are in nodes.
    #[cfg(all(feature = "madsim", madsim))]
    driver: Mutex<Option<Arc<nodes::Ready>>>,
    /// The nodes beside the host's, by name.
    #[cfg(all(feature = "madsim", madsim))]
    pub(crate) neighbours: nodes::Neighbours,
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
            incarnation: 0,
            boot: 0,
            picks: 0,
            sites: BTreeMap::new(),
            calls: None,
            pauses: 0,
            tasks: Vec::new(),
            live: 0,
            current: 0,
            waiting: Vec::new(),
            passed: Vec::new(),
            next_token: 0,
            halted: None,
            shorn: Vec::new(),
            handles: Vec::new(),
            blocking: false,
            on_nodes: false,
            chronicle: None,
        };
        Arc::new(Sim::of(world))
    }

    fn of(world: World) -> Sim {
        Sim {
            world: Mutex::new(world),
            ready: Arc::default(),
            outside: OnceLock::new(),
            #[cfg(all(feature = "madsim", madsim))]
            driver: Mutex::default(),
            #[cfg(all(feature = "madsim", madsim))]
            neighbours: nodes::Neighbours::default(),
        }
    }

    /// From now on hosts are processes, which live there.
    pub(crate) fn attach(&self, outside: Outside) {
        self.lock().trace.leave_out_details();
        self.outside.set(Arc::new(outside)).expect("nothing is attached yet");
    }

    /// Where processes live, if the hosts are some.
    pub(crate) fn outside(&self) -> Option<&Arc<Outside>> {
        self.outside.get()
    }

    /// A copy of the world between two processes, with other plans and decisions.
    pub(crate) fn fork(&self, scenario: Arc<Scenario>, decide: Decider) -> Arc<Sim> {
        let mut world = self.lock().clone();
        (world.scenario, world.decide) = (scenario, decide);
        let sim = Sim::of(world);
        if let Some(outside) = self.outside.get() {
            sim.attach(outside.another().expect("there was a place for this one"));
        }
        Arc::new(sim)
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
            if let Some(ended) = self.is_at_fault() {
                return ended;
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

    /// Waits for something from outside, where a process may do what the others wait for.
    fn wait_outside(&self) -> Option<Ended> {
        let outside = self.outside.get();
        match outside.map_or(Waited::Nobody, |outside| outside.wait()) {
            Waited::Woken => self.is_at_fault(),
            Waited::Nobody => {
                self.lock().die();
                Some(Ended::Stuck)
            }
            Waited::Silence(duration, task) => {
                let mut world = self.lock();
                world.current = task;
                world.die();
                Some(Ended::Silent(duration))
            }
        }
    }

    /// How the run ends if a process did what the protocol does not allow.
    fn is_at_fault(&self) -> Option<Ended> {
        let fault = self.outside.get()?.take_fault()?;
        let mut world = self.lock();
        world.current = fault.task;
        world.die();
        Some(Ended::Faulty(fault.what))
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
            let waker = world.pass_time();
            drop(world);
            match waker {
                Some(waker) => waker.wake(),
                None => {
                    if let Some(ended) = self.wait_outside() {
                        return Next::Ended(ended);
                    }
                }
            }
        }
    }

    /// One call of a host: waits its time, then takes effect, fails as planned, or is where the crash comes (then it
    /// never returns).
    ///
    /// `about` says what it is about, to whoever keeps a chronicle; the default says nothing.
    pub(crate) async fn perform<T>(
        &self,
        process: Process,
        kind: CallKind,
        about: About<'_>,
        effect: impl FnOnce(&mut World, &Call) -> io::Result<T>,
    ) -> io::Result<T> {
        let Some(call) = self.gate(process, kind, 0).await else {
            return Err(errno(EIO));
        };
        let result = self.lock().carry_out(&call, about, effect);
        match result {
            Some(result) => result,
            None => {
                #[cfg(all(feature = "madsim", madsim))]
                self.tell_driver();
                std::future::pending().await
            }
        }
    }

    /// Waits for a call's simulated time; `None` for a process that is dead.
    #[cfg(not(all(feature = "madsim", madsim)))]
    fn gate(&self, process: Process, kind: CallKind, extra_ns: u64) -> Gate<'_> {
        Gate { sim: self, process, kind, extra_ns, state: GateState::New }
    }

    #[cfg(all(feature = "madsim", madsim))]
    async fn gate(&self, process: Process, kind: CallKind, extra_ns: u64) -> Option<Call> {
        if self.lock().on_nodes {
            nodes::gate(self, process, kind, extra_ns).await
        } else {
            Gate { sim: self, process, kind, extra_ns, state: GateState::New }.await
        }
    }

    /// A host's task, which nobody who looks for crashes polls, has come to one.
    #[cfg(all(feature = "madsim", madsim))]
    fn tell_driver(&self) {
        if let Some(ready) = &*self.driver.lock().expect("nothing panics while it is held") {
            ready.wake_driver();
        }
    }

    /// Lets simulated time pass.
    pub(crate) async fn sleep(&self, process: Process, duration_ns: u64) {
        self.gate(process, CallKind::Pause, duration_ns).await;
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
                if world.pauses > CALLS_MAX {
                    // It sleeps and wakes without end. Nobody wakes it any more, and the run is stuck.
                    return Poll::Pending;
                }
                if world.is_alone() {
                    world.now_ns = world.now_ns.saturating_add(latency_ns);
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
