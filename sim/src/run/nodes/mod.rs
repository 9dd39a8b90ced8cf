//! The second runtime: a host in a node of madsim, where it may spawn tasks, wait for timers, and talk to other nodes.
//!
//! Scenario, faults, crash points, file system, history and oracle are those of the stepped executor; what differs is what moves the
//! tasks and the time. Clients are polled by the supervisor's future. What they ask of a host is carried out by a task of the host's
//! node, so that whatever the host spawns belongs to that node and dies with it. A crash kills the node; the next incarnation gets a
//! node of its own, at another address. Nodes that the host talks to outlive it, and are killed with some crashes, which the decision map
//! says. madsim drops the futures of a killed node later than it kills it: until then, and in their `Drop`s, their calls
//! find that their process is dead, and change nothing.
//!
//! - A run has a thread and a runtime of its own: the order of hash maps is seeded once a thread, and so is whatever else is kept there.
//! - `tokio::select!` is tokio's own under madsim, and draws on a seed that is made once a thread from a counter of the process. So runs
//!   are made inside of a runtime of tokio's that has their seed, and that carries out nothing.
//! - Calls of a task that no client waits for count as calls of the operation that was asked last.
//! - Time passes as madsim has it: a call takes a millisecond at least, the finest that tokio's timers know; one that cannot wait
//!   takes none.
//! - What madsim decides (which task is next, delays of the network) is drawn from the scenario's entropy, and is no decision of the
//!   map: the shrinker can change it as a whole only.
//!
//! Not modelled: clients that stop waiting, madsim's own file system, threads of the host's own (madsim refuses them).

mod host;

use crate::base::decide::{Address, Lean, Question};
use crate::executor::other::Other;
use crate::executor::{Ended, Halt, Task};
use crate::hosts::{AnyHost, Machine, Target};
use crate::media::Sim;
use crate::scenario::Scenario;
use asl_host::Capabilities;
use host::{Here, NodeHost, boot_of};
use madsim::runtime::{NodeHandle, Runtime};
use madsim::task::NodeId;
use madsim::time::{Sleep, TimeHandle, sleep};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Simulated time after which clients that are still at work wait for something that never happens. Background tasks of a host may
/// go on for ever.
const STUCK_AFTER: Duration = Duration::from_mins(10);

#[cfg(not(tokio_unstable))]
compile_error!(
    "with the feature madsim, RUSTFLAGS is to be \"--cfg madsim --cfg tokio_unstable\": tokio::select! cannot be seeded else"
);

/// Does this in a thread that nothing has run in.
pub(crate) fn in_a_fresh_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let done = std::thread::scope(|scope| scope.spawn(|| crate::base::panics::caught(work)).join());
    match done.expect("panics are caught") {
        Ok(done) => done,
        Err(said) => panic!("{said}"),
    }
}

/// The nodes of one run.
pub(crate) struct Nodes {
    runtime: Runtime,
    /// Has no task and no timer: all that is wanted of it is what `select!` draws.
    seeded: tokio::runtime::Runtime,
    mover: Arc<Mover>,
    /// How many processes there were.
    processes: Cell<u16>,
    /// Neighbours that are to be killed and started again.
    restarts: RefCell<Vec<NodeId>>,
}

impl Nodes {
    /// From now on this is what moves the tasks of the run.
    pub(crate) fn new(sim: &Sim, scenario: &Scenario) -> Nodes {
        let config = madsim::Config::default();
        let entropy = scenario.setup.entropy;
        let runtime = Runtime::with_seed_and_config(entropy, config);
        let seed = tokio::runtime::RngSeed::from_bytes(&entropy.to_le_bytes());
        let seeded = tokio::runtime::Builder::new_current_thread().rng_seed(seed).build();
        let mover = Arc::new(Mover::default());
        sim.move_by(mover.clone());
        let seeded = seeded.expect("it asks the system for nothing");
        Nodes { runtime, seeded, mover, processes: Cell::default(), restarts: RefCell::default() }
    }

    /// A node for a process; each has an address of its own.
    fn node(&self) -> NodeHandle {
        let [high, low] = self.processes.get().to_be_bytes();
        self.processes.set(self.processes.get() + 1);
        self.runtime.create_node().ip([10, 1, high, low].into()).build()
    }

    /// Decides which neighbours go down and come back while this boot begins.
    pub(crate) fn restart_some(&self, sim: &Sim, boot: u32) {
        let mut world = sim.lock();
        for (nth, node) in (0..).zip(sim.neighbours.all()) {
            let address = Address::new(Question::Neighbour, boot, nth, 0);
            if world.executor.decide.choose(address, 2, Lean::Even) == 1 {
                self.restarts.borrow_mut().push(node);
            }
        }
    }

    /// Kills the neighbours that are to be killed, and starts them again when nothing is left of them: what a future of theirs closes
    /// as it is dropped must not be a socket of their successors.
    async fn restart(&self) {
        let restarts = self.restarts.take();
        if restarts.is_empty() {
            return;
        }
        for &node in &restarts {
            self.runtime.handle().kill(node);
        }
        sleep(Duration::from_millis(1)).await;
        for node in restarts {
            self.runtime.handle().restart(node);
        }
    }

    /// Runs this until it is done, and all that is spawned.
    fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        // Without the bound on what one task may do in a row, which would be one for all of the run.
        let all = tokio::task::unconstrained(async { self.runtime.block_on(work) });
        let done = self.seeded.handle().block_on(all);
        let lost = self.seeded.handle().metrics().num_alive_tasks();
        assert_eq!(lost, 0, "tasks were spawned with tokio instead of madsim-tokio, where nobody runs them");
        done
    }

    /// What the host offers, asked in a node.
    pub(crate) fn capabilities(
        &self,
        machine: &Machine<'_>,
        target: &Target,
        scenario: &Arc<Scenario>,
    ) -> Capabilities {
        let node = self.node();
        let boot = boot_of(machine, target, scenario);
        // What it spawns may make calls already.
        machine.sim.lock().executor.start_tasks(std::iter::once(0));
        let asked = self.block_on(async { node.spawn(async move { boot().capabilities() }).await });
        machine.sim.lock().die();
        self.runtime.handle().kill(node.id());
        asked.expect("nobody killed it before")
    }

    /// A host in a node of its own, which dies with it.
    pub(crate) fn boot(
        &self,
        machine: &Machine<'_>,
        target: &Target,
        scenario: &Arc<Scenario>,
        offered: Capabilities,
    ) -> Box<dyn AnyHost> {
        let node = self.node();
        let boot = boot_of(machine, target, scenario);
        let here = Here { sim: machine.sim.clone(), handle: self.runtime.handle().clone(), node };
        Box::new(NodeHost::new(here, boot, offered))
    }

    /// Runs tasks until all are done, or something ends them, as [`Sim::run`] does.
    pub(crate) fn run(&self, sim: &Sim, tasks: Vec<Option<Task<'_>>>) -> Ended {
        assert!(tasks.len() <= 64, "ready tasks are bits of a word");
        sim.lock().executor.start_tasks(tasks.iter().map(|_| 0));
        let all = if tasks.len() == 64 { u64::MAX } else { (1 << tasks.len()) - 1 };
        let ready = Arc::new(Ready { tasks: AtomicU64::new(all), driver: Mutex::new(None) });
        self.mover.polls(Some(ready.clone()));
        let wakers =
            (0..tasks.len()).map(|task| Waker::from(Arc::new(TaskWaker { ready: ready.clone(), task })));
        let wakers: Vec<Waker> = wakers.collect();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            self.block_on(async {
                self.restart().await;
                let limit = sleep(STUCK_AFTER);
                Driver { sim, tasks, ready, wakers, limit: Box::pin(limit) }.await
            })
        }));
        self.mover.polls(None);
        match ended {
            Ok(ended) => ended,
            Err(panic) => sim.host_panicked(panic),
        }
    }
}

/// madsim, as the executor knows it.
#[derive(Debug, Default)]
struct Mover {
    /// Who polls the clients, while somebody does.
    ready: Mutex<Option<Arc<Ready>>>,
}

impl Mover {
    fn polls(&self, ready: Option<Arc<Ready>>) {
        *self.ready.lock().expect("nothing panics while it is held") = ready;
    }
}

impl Other for Mover {
    fn sleep(&self, duration_ns: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(sleep(Duration::from_nanos(duration_ns)))
    }

    fn now_ns(&self) -> u64 {
        TimeHandle::current().elapsed().as_nanos() as u64
    }

    fn wake(&self) {
        if let Some(ready) = &*self.ready.lock().expect("nothing panics while it is held") {
            ready.wake_driver();
        }
    }
}

/// Which tasks are ready, and who polls them.
#[derive(Debug)]
pub(crate) struct Ready {
    tasks: AtomicU64,
    driver: Mutex<Option<Waker>>,
}

impl Ready {
    /// The supervisor looks at what has come of things.
    pub(crate) fn wake_driver(&self) {
        let driver = self.driver.lock().expect("nothing panics while it is held").clone();
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

struct TaskWaker {
    ready: Arc<Ready>,
    task: usize,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.tasks.fetch_or(1 << self.task, Ordering::Relaxed);
        self.ready.wake_driver();
    }
}

/// Polls the clients.
struct Driver<'a> {
    sim: &'a Sim,
    tasks: Vec<Option<Task<'a>>>,
    ready: Arc<Ready>,
    wakers: Vec<Waker>,
    limit: Pin<Box<Sleep>>,
}

impl Future for Driver<'_> {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        let this = &mut *self;
        *this.ready.driver.lock().expect("nothing panics while it is held") = Some(context.waker().clone());
        loop {
            // A host's task may have come to the crash.
            if let Some(ended) = this.crashed() {
                return Poll::Ready(ended);
            }
            let ready = this.ready.tasks.load(Ordering::Relaxed);
            if ready == 0 {
                break;
            }
            let task = if ready.is_power_of_two() {
                ready.trailing_zeros() as usize
            } else {
                this.sim.lock().executor.pick(ready)
            };
            this.ready.tasks.fetch_and(!(1 << task), Ordering::Relaxed);
            this.poll_task(task);
        }
        if this.sim.lock().executor.live == 0 {
            return Poll::Ready(Ended::Done);
        }
        let too_long = this.limit.as_mut().poll(context).is_ready();
        if too_long || this.sim.lock().executor.goes_round() {
            this.sim.lock().die();
            return Poll::Ready(Ended::Stuck);
        }
        Poll::Pending
    }
}

impl Driver<'_> {
    fn poll_task(&mut self, task: usize) {
        let Some(future) = &mut self.tasks[task] else { return };
        self.sim.lock().executor.current = task;
        let mut context = Context::from_waker(&self.wakers[task]);
        if future.as_mut().poll(&mut context).is_ready() {
            self.tasks[task] = None;
            self.sim.lock().executor.live -= 1;
        }
    }

    fn crashed(&self) -> Option<Ended> {
        let mut world = self.sim.lock();
        let Halt { kind, site, .. } = world.executor.halted.take()?;
        world.die();
        Some(Ended::Crashed(kind, site))
    }
}
