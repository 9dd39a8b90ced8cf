//! The time that a call takes: it is registered, waits while other tasks go on, and is then due. A call made when nothing else
//! could run takes no turn.

use super::Sim;
use super::call::{Call, Class};
use super::medium::Medium;
use super::process::Process;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Waits for a call's simulated time. Yields `None` for a process that is dead.
pub(super) struct Gate<'a, M: Medium> {
    sim: &'a Sim<M>,
    process: Process,
    class: &'static Class,
    extra_ns: u64,
    state: GateState,
}

enum GateState {
    New,
    Waiting(u64, Call),
}

impl<'a, M: Medium> Gate<'a, M> {
    pub(super) fn new(
        sim: &'a Sim<M>,
        process: Process,
        class: &'static Class,
        extra_ns: u64,
    ) -> Gate<'a, M> {
        Gate { sim, process, class, extra_ns, state: GateState::New }
    }
}

impl<M: Medium> Future for Gate<'_, M> {
    type Output = Option<Call>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Call>> {
        let mut world = self.sim.lock();
        if !world.is_alive(self.process) {
            return Poll::Ready(None);
        }
        match self.state {
            GateState::New => {
                let mark = world.medium.mark();
                let executor = &mut world.executor;
                let call = executor.register(self.class, mark);
                let latency_ns = executor.latency_ns(&call, self.extra_ns);
                if executor.goes_round() {
                    return Poll::Pending;
                }
                if executor.is_alone() {
                    executor.now_ns = executor.now_ns.saturating_add(latency_ns);
                    return Poll::Ready(Some(call));
                }
                let token = executor.wait(self.process.number(), latency_ns, context.waker().clone());
                drop(world);
                self.state = GateState::Waiting(token, call);
                Poll::Pending
            }
            GateState::Waiting(token, call) => {
                let passed = &mut world.executor.passed;
                match passed.iter().position(|&passed| passed == token) {
                    Some(at) => {
                        passed.swap_remove(at);
                        Poll::Ready(Some(call))
                    }
                    None => Poll::Pending,
                }
            }
        }
    }
}

/// The same for a request that outlives its caller: while it waits it is on its way, and stays there if nobody waits any more.
pub(super) struct SentGate<'a, M: Medium> {
    gate: Gate<'a, M>,
    request: Option<M::Flight>,
}

impl<'a, M: Medium> SentGate<'a, M> {
    pub(super) fn new(sim: &'a Sim<M>, process: Process, class: &'static Class, request: M::Flight) -> Self {
        SentGate { gate: Gate::new(sim, process, class, 0), request: Some(request) }
    }
}

impl<M: Medium> Unpin for SentGate<'_, M> {}

impl<M: Medium> Future for SentGate<'_, M> {
    type Output = Option<Call>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Call>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.gate).poll(context);
        match (&polled, &this.gate.state) {
            (Poll::Pending, GateState::Waiting(_, call)) => {
                if let Some(request) = this.request.take() {
                    let sender = Some(this.gate.process.number());
                    this.gate.sim.lock().flights.send(sender, *call, request);
                }
            }
            (Poll::Ready(Some(call)), GateState::Waiting(..)) => {
                this.gate.sim.lock().flights.arrives(call);
                this.gate.state = GateState::New;
            }
            // It took no turn, or whoever sent it is dead and the request on its way already.
            _ => {}
        }
        polled
    }
}

impl<M: Medium> Drop for SentGate<'_, M> {
    /// Nobody waits for the answer any more.
    fn drop(&mut self) {
        if let (GateState::Waiting(_, call), Some(mut world)) =
            (&self.gate.state, self.gate.sim.lock_unless_poisoned())
        {
            world.flights.forget_sender(call);
        }
    }
}
