//! Another runtime in the place of this executor's tasks and time: whoever calls is polled by it, may spawn tasks and wait for timers.
//! Faults, crash points and media are the same. The second runtime is one (`run::nodes`); whatever polls a bucket that stands alone is
//! another (`media::objects::alone`).
//!
//! A request that outlives its caller is on its way while its time passes, as it is here (`gate`).

use super::Sim;
use super::call::{Call, Class};
use super::medium::Medium;
use super::process::Process;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What moves the tasks and the time.
pub(crate) trait Other: Debug + Send + Sync {
    /// Lets its time pass.
    fn sleep(&self, duration_ns: u64) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Its time since the run began.
    fn now_ns(&self) -> u64;

    /// Whoever polls the clients is to look: a task that nobody who looks for crashes polls has come to one.
    fn wake(&self);

    /// Whether there is no run that could have no end.
    fn is_endless(&self) -> bool {
        false
    }
}

/// The time of a call, which this executor lets pass, or another runtime. No async function: each call of a run waits for one.
pub(super) enum Turn<'a, G> {
    Own(G),
    Other(Pin<Box<dyn Future<Output = Option<Call>> + Send + 'a>>),
}

impl<G: Future<Output = Option<Call>> + Unpin> Future for Turn<'_, G> {
    type Output = Option<Call>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Call>> {
        match self.get_mut() {
            Turn::Own(gate) => Pin::new(gate).poll(context),
            Turn::Other(other) => other.as_mut().poll(context),
        }
    }
}

impl<M: Medium> Sim<M> {
    /// From now on, this moves tasks and time.
    pub(crate) fn move_by(&self, other: Arc<dyn Other>) {
        self.lock().executor.elsewhere = true;
        self.other.set(other).expect("nothing else does yet");
    }

    pub(super) fn wake_other(&self) {
        if let Some(other) = self.other.get() {
            other.wake();
        }
    }

    /// A call that is made, with how long it takes. `None` for a process that is dead.
    async fn begin_of(
        &self,
        other: &Arc<dyn Other>,
        process: Process,
        class: &'static Class,
        extra_ns: u64,
    ) -> Option<(Call, u64)> {
        let (call, latency_ns, goes_round) = {
            let mut world = self.lock();
            if !world.is_alive(process) {
                return None;
            }
            let mark = world.medium.mark();
            let executor = &mut world.executor;
            if other.is_endless() {
                executor.allow_more_calls();
            }
            let call = executor.register(class, mark);
            let latency_ns = executor.latency_ns(&call, extra_ns);
            (call, latency_ns, executor.goes_round())
        };
        if goes_round {
            std::future::pending::<()>().await;
        }
        Some((call, latency_ns))
    }

    /// The time of a call has passed.
    fn end_of(&self, other: &Arc<dyn Other>, process: Process, call: Call) -> Option<Call> {
        let mut world = self.lock();
        world.executor.now_ns = other.now_ns();
        world.executor.current = call.task;
        world.is_alive(process).then_some(call)
    }

    /// Waits for a call's simulated time; `None` for a process that is dead.
    pub(super) async fn gate_of(
        &self,
        other: &Arc<dyn Other>,
        process: Process,
        class: &'static Class,
        extra_ns: u64,
    ) -> Option<Call> {
        let (call, latency_ns) = self.begin_of(other, process, class, extra_ns).await?;
        if self.lock().executor.blocking {
            // A call that cannot wait takes no time here.
            return self.lock().is_alive(process).then_some(call);
        }
        other.sleep(latency_ns).await;
        self.end_of(other, process, call)
    }

    /// The same for a request that outlives its caller.
    pub(super) async fn sent_gate_of(
        &self,
        other: &Arc<dyn Other>,
        process: Process,
        class: &'static Class,
        request: M::Flight,
    ) -> Option<Call> {
        let (call, latency_ns) = self.begin_of(other, process, class, 0).await?;
        self.lock().flights.send(Some(process.number()), call, request);
        let waits = Waits { sim: self, call };
        other.sleep(latency_ns).await;
        // If its sender is dead by now, it is not waited for, and stays on its way.
        self.lock().flights.arrives(&call);
        drop(waits);
        self.end_of(other, process, call)
    }
}

/// Whoever waits for a request's answer. Dropped, it waits no more.
struct Waits<'a, M: Medium> {
    sim: &'a Sim<M>,
    call: Call,
}

impl<M: Medium> Drop for Waits<'_, M> {
    fn drop(&mut self) {
        if let Some(mut world) = self.sim.lock_unless_poisoned() {
            world.flights.forget_sender(&self.call);
        }
    }
}
