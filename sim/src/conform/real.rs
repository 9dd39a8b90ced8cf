//! A target on a real medium, a directory or a bucket, as the cases see it.

use super::cases::Context;
use crate::hosts::{BoxedHost, Place, Target};
use asl_host::StoreLocation;

/// A target, and a place that is its own.
#[derive(Clone, Debug)]
pub(super) struct Real {
    pub(super) target: Target,
    pub(super) place: Place,
}

impl Real {
    /// The target at this root: a directory, or a URL of a bucket.
    pub(super) fn new(target: &Target, root: &str) -> Real {
        Real { target: target.clone(), place: Place::new(root) }
    }

    /// Whether the target can be started there.
    pub(super) fn can_boot(&self) -> bool {
        match &self.place {
            Place::Disk(_) => self.target.runs_on_disk(),
            #[cfg(feature = "vendors")]
            Place::Bucket(_) => self.target.runs_on_buckets(),
        }
    }

    /// Whether it is a bucket.
    pub(super) fn is_bucket(&self) -> bool {
        !matches!(self.place, Place::Disk(_))
    }

    /// The directory or the URL.
    pub(super) fn root(&self) -> &str {
        self.place.root()
    }
}

impl Context for Real {
    type Host = BoxedHost;

    fn boot(&self) -> BoxedHost {
        self.target.boot_at(&self.place).expect("a target that cannot is refused before anything begins")
    }

    fn location(&self, name: &str) -> StoreLocation {
        StoreLocation::new(self.place.location(name))
    }
}
