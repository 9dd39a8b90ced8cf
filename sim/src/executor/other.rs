//! Another runtime in the place of this executor's tasks and time: hosts are in nodes of it, where they may spawn tasks and wait for
//! timers. Faults, crash points and media are the same.
//!
//! Not modelled there: requests that outlive their caller, and processes that die alone.

use super::Sim;
use super::call::{Call, Class};
use super::medium::Medium;
use super::process::Process;
use madsim::runtime::Handle;
use madsim::task::NodeId;
use std::fmt::Debug;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

/// What moves the tasks and the time.
pub(crate) trait Other: Debug + Send + Sync {
    /// Lets its time pass.
    fn sleep(&self, duration_ns: u64) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Its time since the run began.
    fn now_ns(&self) -> u64;

    /// Whoever polls the clients is to look: a task that nobody who looks for crashes polls has come to one.
    fn wake(&self);
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

    /// Waits for a call's simulated time; `None` for a process that is dead.
    pub(super) async fn gate_of(
        &self,
        other: &Arc<dyn Other>,
        process: Process,
        class: &'static Class,
        extra_ns: u64,
    ) -> Option<Call> {
        let (call, latency_ns, goes_round) = {
            let mut world = self.lock();
            if !world.is_alive(process) {
                return None;
            }
            let mark = world.medium.mark();
            let executor = &mut world.executor;
            let call = executor.register(class, mark);
            let latency_ns = executor.latency_ns(&call, extra_ns);
            (call, latency_ns, executor.goes_round())
        };
        if goes_round {
            std::future::pending::<()>().await;
        }
        if self.lock().executor.blocking {
            // A call that cannot wait takes no time here.
            return self.lock().is_alive(process).then_some(call);
        }
        other.sleep(latency_ns).await;
        let mut world = self.lock();
        world.executor.now_ns = other.now_ns();
        world.executor.current = call.task;
        world.is_alive(process).then_some(call)
    }
}

/// The nodes beside the host's, other machines that it talks to, in the order in which they were started. They have no disks.
#[derive(Debug, Default)]
pub(crate) struct Neighbours(Mutex<Vec<(String, NodeId)>>);

impl Neighbours {
    /// Starts a node, unless one of that name is there.
    pub(crate) fn start<F>(&self, name: &str, address: IpAddr, serve: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future + 'static,
    {
        let is_there = self.locked().iter().any(|(known, _)| known == name);
        if !is_there {
            let node = Handle::current().create_node().name(name).ip(address).init(serve).build();
            self.locked().push((name.to_owned(), node.id()));
        }
    }

    pub(crate) fn all(&self) -> Vec<NodeId> {
        self.locked().iter().map(|&(_, node)| node).collect()
    }

    fn locked(&self) -> MutexGuard<'_, Vec<(String, NodeId)>> {
        self.0.lock().expect("nothing panics while it is held")
    }
}
