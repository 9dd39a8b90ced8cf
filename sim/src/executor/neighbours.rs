//! The nodes beside a host's in the second runtime: other machines that it talks to.

use madsim::runtime::Handle;
use madsim::task::NodeId;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

/// The nodes beside the host's, in the order in which they were started. They have no disks.
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
