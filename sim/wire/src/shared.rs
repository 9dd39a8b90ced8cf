//! What all threads of one proxy share: the plan, the open connections, and whether it is time to stop.

use crate::fault::Rule;
use crate::plan::{Plan, Told};
use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Shared {
    /// Where the server may be reached; the first that can be connected to is taken.
    pub(crate) upstream: Vec<SocketAddr>,
    state: Mutex<State>,
    /// It is time to stop.
    stop: Condvar,
}

#[derive(Debug)]
struct State {
    plan: Plan,
    stopping: bool,
    /// Second handles of connections, by which they are closed from outside.
    open: BTreeMap<u64, TcpStream>,
    opened: u64,
}

impl Shared {
    pub(crate) fn new(upstream: Vec<SocketAddr>, seed: u64, rules: Vec<Rule>) -> Shared {
        let plan = Plan::new(seed, rules);
        let state = State { plan, stopping: false, open: BTreeMap::new(), opened: 0 };
        Shared { upstream, state: Mutex::new(state), stop: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the plan, which nobody else does at that time.
    pub(crate) fn plan<T>(&self, work: impl FnOnce(&mut Plan) -> T) -> T {
        work(&mut self.state().plan)
    }

    pub(crate) fn told(&self) -> Told {
        self.state().plan.told.clone()
    }

    /// Counts what no rule asked for. What breaks because the proxy stops is not counted.
    pub(crate) fn note_unplanned(&self) {
        let mut state = self.state();
        if !state.stopping {
            state.plan.told.note_unplanned();
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    /// Waits, and says whether the time has passed: false = the proxy stops.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let waited = self.stop.wait_timeout_while(self.state(), time, |state| !state.stopping);
        !waited.unwrap_or_else(PoisonError::into_inner).0.stopping
    }

    /// Ends all waits, and closes all connections; none opens any more.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        for stream in state.open.values() {
            close(stream);
        }
        self.stop.notify_all();
    }

    /// Lets a connection be closed when the proxy stops.
    ///
    /// Errors: the proxy stops already, or there are no more file descriptors.
    pub(crate) fn register(&self, stream: &TcpStream) -> io::Result<Open<'_>> {
        let second = stream.try_clone()?;
        let mut state = self.state();
        if state.stopping {
            return Err(io::Error::other("the proxy stops"));
        }
        let number = state.opened;
        state.opened += 1;
        state.open.insert(number, second);
        Ok(Open { shared: self, number })
    }
}

/// A connection is open as long as this lives. Dropping a stream alone does not close it, as there are two
/// handles.
#[derive(Debug)]
pub(crate) struct Open<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(stream) = self.shared.state().open.remove(&self.number) {
            close(&stream);
        }
    }
}

/// Whoever reads or writes there is woken. The other side may have closed it already, which is as good.
fn close(stream: &TcpStream) {
    drop(stream.shutdown(Shutdown::Both));
}
