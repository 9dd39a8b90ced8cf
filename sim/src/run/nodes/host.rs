//! A host in a node: what a client asks of it is carried out there, by a task that dies with the node.
//!
//! Not modelled: a handle that is dropped without being closed is dropped where its client is, not in the node.

use crate::hosts::{AnyHost, AnyStore, Machine, Target};
use crate::media::Sim;
use crate::scenario::Scenario;
use asl_host::{
    BlockId, Capabilities, HostIdentity, HostTime, LogSeq, Record, Result, SnapshotId, StoreLocation,
};
use asl_mirrors::Own;
use madsim::runtime::{Handle, NodeHandle};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

type Boot = dyn Fn() -> Arc<dyn AnyHost> + Send + Sync;

/// Makes the host, whenever that is called.
pub(super) fn boot_of(
    machine: &Machine<'_>,
    target: &Target,
    scenario: &Arc<Scenario>,
) -> impl Fn() -> Arc<dyn AnyHost> + use<> {
    let (sim, process) = (machine.sim.clone(), machine.process);
    let (target, scenario) = (target.clone(), scenario.clone());
    move || Arc::from(target.boot(&Machine { sim: sim.clone(), process, setup: &scenario.setup }))
}

/// Where a host's code runs.
pub(super) struct Here {
    pub(super) sim: Arc<Sim>,
    pub(super) handle: Handle,
    pub(super) node: NodeHandle,
}

impl Drop for Here {
    fn drop(&mut self) {
        self.handle.kill(self.node.id());
    }
}

type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Here {
    /// Has a task of the node carry this out, as asked by the client that is being polled. Whoever drops the answer ends the task.
    fn carry_out<'a, T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Asked<'a, T> {
        let asked = AskedBy {
            sim: self.sim.clone(),
            task: self.sim.lock().executor.current_task(),
            call: Box::pin(call),
        };
        let answer = self.node.spawn(asked).cancel_on_drop();
        Box::pin(async move {
            match answer.await {
                Some(answer) => answer,
                // The node was killed: nobody is told of anything any more.
                None => std::future::pending().await,
            }
        })
    }
}

/// A call of a host's, which is the work of the client that asked for it.
struct AskedBy<F> {
    sim: Arc<Sim>,
    task: usize,
    call: Pin<Box<F>>,
}

impl<F: Future> Future for AskedBy<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.sim.lock().executor.current = self.task;
        self.call.as_mut().poll(context)
    }
}

/// A host in a node.
pub(super) struct NodeHost {
    here: Arc<Here>,
    boot: Arc<Boot>,
    /// Made by the first call, so that it is made in the node.
    host: Arc<OnceLock<Arc<dyn AnyHost>>>,
    offered: Capabilities,
}

impl NodeHost {
    pub(super) fn new(
        here: Here,
        boot: impl Fn() -> Arc<dyn AnyHost> + Send + Sync + 'static,
        offered: Capabilities,
    ) -> NodeHost {
        NodeHost { here: Arc::new(here), boot: Arc::new(boot), host: Arc::default(), offered }
    }

    fn host(&self) -> impl Fn() -> Arc<dyn AnyHost> + Send + use<> {
        let (host, boot) = (self.host.clone(), self.boot.clone());
        move || host.get_or_init(|| boot()).clone()
    }

    fn store<'a>(&self, opened: Asked<'a, Arc<dyn AnyStore>>) -> Asked<'a, Arc<dyn AnyStore>> {
        let here = self.here.clone();
        Box::pin(async move { Ok(Arc::new(NodeStore { here, store: opened.await? }) as Arc<dyn AnyStore>) })
    }
}

impl AnyHost for NodeHost {
    fn capabilities(&self) -> Capabilities {
        self.offered
    }

    fn create_store<'a>(&'a self, at: &'a StoreLocation) -> Asked<'a, Arc<dyn AnyStore>> {
        let (host, at) = (self.host(), at.clone());
        self.store(self.here.carry_out(async move { host().create_store(&at).await }))
    }

    fn open_store<'a>(&'a self, at: &'a StoreLocation) -> Asked<'a, Arc<dyn AnyStore>> {
        let (host, at) = (self.host(), at.clone());
        self.store(self.here.carry_out(async move { host().open_store(&at).await }))
    }

    fn destroy_store<'a>(&'a self, at: &'a StoreLocation) -> Asked<'a, ()> {
        let (host, at) = (self.host(), at.clone());
        self.here.carry_out(async move { host().destroy_store(&at).await })
    }

    fn now(&self) -> Asked<'_, HostTime> {
        let host = self.host();
        self.here.carry_out(async move { host().now().await })
    }

    fn identity(&self) -> Asked<'_, HostIdentity> {
        let host = self.host();
        self.here.carry_out(async move { host().identity().await })
    }
}

/// A store that a host in a node has opened.
struct NodeStore {
    here: Arc<Here>,
    store: Arc<dyn AnyStore>,
}

/// Calls of a store, each with its own copy of what it is given.
macro_rules! on_the_node {
    ($($name:ident($($arg:ident: $type:ty => $own:ident),*) -> $out:ty;)*) => {
        $(
            fn $name<'a>(&'a self, $($arg: $type),*) -> Asked<'a, $out> {
                let store = self.store.clone();
                $(let $arg = $arg.$own();)*
                self.here.carry_out(async move { store.$name($(on_the_node!(@lend $own $arg)),*).await })
            }
        )*
    };
    (@lend to_owned $arg:ident) => { &$arg };
    (@lend clone $arg:ident) => { $arg };
}

#[expect(
    clippy::elidable_lifetime_names,
    reason = "where an argument borrows, the lifetime has to have a name"
)]
impl AnyStore for NodeStore {
    on_the_node! {
        append(record: &'a [u8] => to_owned) -> LogSeq;
        append_if(expected: LogSeq => clone, record: &'a [u8] => to_owned) -> LogSeq;
        flush() -> LogSeq;
        durable_upto() -> LogSeq;
        read(from: LogSeq => clone, limit: usize => clone) -> Vec<Record>;
        close() -> ();
        create_block() -> BlockId;
        write_block(id: &'a BlockId => to_owned, data: &'a [u8] => to_owned) -> ();
        seal_block(id: &'a BlockId => to_owned) -> ();
        read_block(id: &'a BlockId => to_owned) -> Vec<u8>;
        list_blocks() -> Vec<BlockId>;
        create_snapshot() -> SnapshotId;
        list_snapshots() -> Vec<SnapshotId>;
        delete_snapshot(id: &'a SnapshotId => to_owned) -> ();
    }

    fn mount_snapshot<'a>(&'a self, id: &'a SnapshotId) -> Asked<'a, Arc<dyn AnyStore>> {
        let (store, id, here) = (self.store.clone(), id.clone(), self.here.clone());
        let mounted = self.here.carry_out(async move { store.mount_snapshot(&id).await });
        Box::pin(async move { Ok(Arc::new(NodeStore { here, store: mounted.await? }) as Arc<dyn AnyStore>) })
    }

    fn append_unit(&self) -> u32 {
        self.store.append_unit()
    }

    fn own<'a>(&'a self, operation: &'a Arc<Own>, input: u32) -> Asked<'a, ()> {
        let (store, operation) = (self.store.clone(), operation.clone());
        self.here.carry_out(async move { store.own(&operation, input).await })
    }
}
