//! The stepped executor: tasks, simulated time, and the one place where a call becomes an effect, a fault or a crash. It knows no
//! medium, no host and no target: what a call does is behind the seam in `medium`.
//!
//! Tasks are futures polled one at a time on the calling thread. A call of a host registers here, waits for its simulated
//! time to pass while other tasks go on, and takes effect at one instant; where several tasks are ready, the decision map
//! picks. A call made when nothing else could run takes effect at once. There are no threads, no wall clock and no flags.
//!
//! A crash stops everything at an instant inside a call: the tasks are dropped, and whatever a process that is dead still
//! asks for (from a `Drop`, say) changes nothing. A crash may also stop one process, whose tasks are dropped while those of the
//! others go on. A request that was [sent](Sim::send) may land after its caller's death (`flights`).
//!
//! A host may be a process of its own. What comes from there is waited for when no task is ready and no simulated time can
//! pass, so that the order of everything else stays decided here.
//!
//! Not modelled: a task that blocks its thread inside `poll`, and effects of one call that others see half done.

mod call;
pub(crate) mod call_log;
mod flights;
mod gate;
pub(crate) mod medium;
#[cfg(all(feature = "madsim", madsim))]
mod neighbours;
#[cfg(any(feature = "objects", madsim))]
pub(crate) mod other;
mod outside;
mod process;
mod state;
mod tasks;
mod world;

pub(crate) use call::{Call, Class, Within};
pub(crate) use medium::Medium;
pub(crate) use outside::{Fault, Outside, Waited};
pub(crate) use process::{PROCESSES, Process};
#[cfg(all(feature = "madsim", madsim))]
pub(crate) use state::Halt;
pub(crate) use state::{Executor, Injected, Notice};
pub(crate) use tasks::{Ended, Task};
pub(crate) use world::World;

use crate::base::decide::Decider;
use crate::plan::Plan;
use call::PAUSE;
use flights::Flights;
use gate::{Gate, SentGate};
use medium::Request;
use std::future::{Future, Pending, pending};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// The shared world behind its lock. Runs are single-threaded; the lock is there because hosts are `Send`.
#[derive(Debug)]
pub(crate) struct Sim<M: Medium> {
    world: Mutex<World<M>>,
    ready: Arc<AtomicU64>,
    /// Where processes live, if the hosts are some.
    outside: OnceLock<Arc<dyn Outside>>,
    /// What moves tasks and time, if that is not this executor.
    #[cfg(any(feature = "objects", madsim))]
    other: OnceLock<Arc<dyn other::Other>>,
    /// The nodes beside the host's, by name.
    #[cfg(all(feature = "madsim", madsim))]
    pub(crate) neighbours: neighbours::Neighbours,
}

/// What became of a call that was to be made when nothing else could run.
enum Alone<T> {
    /// It took effect; the reply, if somebody is to hear of it.
    Done(Option<T>),
    /// It has to take a turn, and nothing was done.
    Not,
}

impl<M: Medium> Sim<M> {
    pub(crate) fn new(medium: M, plan: Plan, decide: Decider) -> Arc<Sim<M>> {
        Arc::new(Sim::of(World {
            executor: Executor::new(plan, decide),
            medium,
            flights: Flights::default(),
        }))
    }

    fn of(world: World<M>) -> Sim<M> {
        Sim {
            world: Mutex::new(world),
            ready: Arc::default(),
            outside: OnceLock::new(),
            #[cfg(any(feature = "objects", madsim))]
            other: OnceLock::new(),
            #[cfg(all(feature = "madsim", madsim))]
            neighbours: neighbours::Neighbours::default(),
        }
    }

    /// From now on hosts are processes, which live there.
    pub(crate) fn attach(&self, outside: Arc<dyn Outside>) {
        self.lock().executor.trace.leave_out_details();
        self.outside.set(outside).expect("nothing is attached yet");
    }

    /// Where processes live, if the hosts are some.
    pub(crate) fn outside(&self) -> Option<&Arc<dyn Outside>> {
        self.outside.get()
    }

    /// A copy of the world between two processes, with other plans and decisions.
    pub(crate) fn fork(&self, plan: Plan, decide: Decider) -> Arc<Sim<M>> {
        let mut world = self.lock().clone();
        (world.executor.plan, world.executor.decide) = (Arc::new(plan), decide);
        let sim = Sim::of(world);
        if let Some(outside) = self.outside.get() {
            sim.attach(outside.another().expect("there was a place for this one"));
        }
        Arc::new(sim)
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, World<M>> {
        self.world.lock().expect("a panic inside the simulator is passed on at once")
    }

    pub(crate) fn lock_unless_poisoned(&self) -> Option<MutexGuard<'_, World<M>>> {
        self.world.lock().ok()
    }

    /// One call of a host: waits its time, then takes effect, fails as planned, or is where the crash comes (then it
    /// never returns). If the caller dies before, it has done nothing.
    pub(crate) async fn perform<R: Request<M>>(&self, process: Process, mut request: R) -> R::Reply {
        let reply = match self.perform_alone(process, &mut request) {
            Alone::Done(reply) => reply,
            Alone::Not => match self.gate(process, request.class(), 0).await {
                Some(call) => self.lock().carry_out(&call, &mut request),
                None => return R::dead(),
            },
        };
        match reply {
            Some(reply) => reply,
            None => self.never_heard().await,
        }
    }

    /// The same for the call of the only task that could run, which most calls are: it takes no turn, and the lock once.
    #[inline]
    fn perform_alone<R: Request<M>>(&self, process: Process, request: &mut R) -> Alone<R::Reply> {
        // Elsewhere no call is alone but one that cannot wait, which takes no time there.
        #[cfg(all(feature = "madsim", madsim))]
        if self.other.get().is_some() {
            return Alone::Not;
        }
        let mut world = self.lock();
        match world.begin_alone(process, request.class()) {
            Some(call) => Alone::Done(world.carry_out(&call, request)),
            None => Alone::Not,
        }
    }

    /// The same of a request that outlives its caller: it is on its way from when it is made, and if the caller dies, or stops
    /// waiting, it may land later, or never.
    pub(crate) async fn send<R>(&self, process: Process, request: R) -> R::Reply
    where
        R: Request<M> + Clone + Into<M::Flight>,
    {
        let flight = request.clone().into();
        let Some(call) = self.sent_gate(process, request.class(), flight).await else {
            return R::dead();
        };
        let reply = self.lock().carry_out_sent(&call, request);
        match reply {
            Some(reply) => reply,
            None => self.never_heard().await,
        }
    }

    /// In the place of a reply that nobody is to hear of.
    #[cfg_attr(
        not(any(feature = "objects", madsim)),
        expect(clippy::unused_self, reason = "another runtime is to be woken")
    )]
    fn never_heard<T>(&self) -> Pending<T> {
        #[cfg(any(feature = "objects", madsim))]
        self.wake_other();
        pending()
    }

    /// Waits for a call's simulated time; `None` for a process that is dead.
    #[cfg(not(any(feature = "objects", madsim)))]
    fn gate(&self, process: Process, class: &'static Class, extra_ns: u64) -> Gate<'_, M> {
        Gate::new(self, process, class, extra_ns)
    }

    #[cfg(any(feature = "objects", madsim))]
    fn gate(&self, process: Process, class: &'static Class, extra_ns: u64) -> other::Turn<'_, Gate<'_, M>> {
        match self.other.get() {
            Some(other) => other::Turn::Other(Box::pin(self.gate_of(other, process, class, extra_ns))),
            None => other::Turn::Own(Gate::new(self, process, class, extra_ns)),
        }
    }

    /// The same for a request that outlives its caller.
    #[cfg(not(any(feature = "objects", madsim)))]
    fn sent_gate(&self, process: Process, class: &'static Class, request: M::Flight) -> SentGate<'_, M> {
        SentGate::new(self, process, class, request)
    }

    #[cfg(any(feature = "objects", madsim))]
    fn sent_gate(
        &self,
        process: Process,
        class: &'static Class,
        request: M::Flight,
    ) -> other::Turn<'_, SentGate<'_, M>> {
        match self.other.get() {
            Some(other) => other::Turn::Other(Box::pin(self.sent_gate_of(other, process, class, request))),
            None => other::Turn::Own(SentGate::new(self, process, class, request)),
        }
    }

    /// Lets simulated time pass.
    pub(crate) async fn sleep(&self, process: Process, duration_ns: u64) {
        self.gate(process, &PAUSE, duration_ns).await;
    }

    /// Lets other tasks go first, if there are any.
    pub(crate) fn pause(&self, process: Process) -> impl Future<Output = ()> {
        self.sleep(process, 0)
    }

    /// A hash of what the next process can see.
    pub(crate) fn digest(&self) -> u128 {
        let world = self.lock();
        let flights = if world.flights.is_empty() { 0 } else { u128::from(world.flights.digest()) };
        world.medium.digest() ^ flights
    }

    /// How many states crashes may have left. Saturates.
    pub(crate) fn crash_states(&self) -> u128 {
        let world = self.lock();
        world.medium.crash_states().saturating_mul(world.flights.states())
    }
}
