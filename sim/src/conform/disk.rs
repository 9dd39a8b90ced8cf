//! A target on a directory of a real disk, as the cases see it; and how its futures are run.

use super::cases::Context;
use crate::target::{BoxedHost, Disk, Target};
use asl_host::StoreLocation;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::thread::{self, Thread};

/// A target, and a directory that is its own.
#[derive(Clone, Debug)]
pub(super) struct OnDisk {
    pub(super) target: Target,
    pub(super) disk: Disk,
}

impl OnDisk {
    pub(super) fn new(target: &Target, root: &str) -> OnDisk {
        OnDisk { target: target.clone(), disk: Disk::new(root) }
    }
}

impl Context for OnDisk {
    type Host = BoxedHost;

    fn boot(&self) -> BoxedHost {
        self.target.boot_on_disk(&self.disk).expect("a target that cannot is refused before anything begins")
    }

    fn location(&self, name: &str) -> StoreLocation {
        StoreLocation::new(format!("{}/{name}", self.disk.root()))
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Unpark>) {
        self.0.unpark();
    }
}

/// Runs a future to its end on this thread, which sleeps while nothing wakes it.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}
