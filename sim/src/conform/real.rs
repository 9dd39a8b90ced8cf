//! A target on a directory of a real disk, as the cases see it.

use super::cases::Context;
use crate::hosts::{BoxedHost, Disk, Target};
use asl_host::StoreLocation;

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
