//! Where a host stands in the real world: a directory of the operating system's, or a bucket that a URL names.

#[cfg(feature = "vendors")]
use asl_host::TimerEnv;
use asl_host::env::OsEnv;
use asl_host::fs::OsFileSystem;
#[cfg(feature = "vendors")]
use object_store::ObjectStore;
#[cfg(feature = "vendors")]
use std::sync::Arc;

/// A directory on a real disk, for a host to run in, with the operating system's file system, clock and entropy.
#[derive(Clone, Debug)]
pub struct Disk {
    root: String,
}

impl Disk {
    /// The file system.
    pub fn file_system(&self) -> OsFileSystem {
        OsFileSystem
    }

    /// Clock and entropy.
    pub fn env(&self) -> OsEnv {
        OsEnv
    }

    /// The directory that is the host's own; it exists. Stores are made in it.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// How many bytes a segment should have before another is begun, for hosts that keep segments: small, so that few
    /// records fill several.
    pub fn segment_len_max(&self) -> u64 {
        4 << 10
    }
}

/// A bucket that a URL names, for a host to run on, with the operating system's clock and entropy.
#[cfg(feature = "vendors")]
#[derive(Clone, Debug)]
pub struct Bucket {
    url: String,
    options: Vec<(String, String)>,
}

#[cfg(feature = "vendors")]
impl Bucket {
    /// A client of the bucket, which does not repeat requests; the host's names lie below a prefix that nobody else uses.
    ///
    /// # Panics
    ///
    /// If the environment changed since it was looked at first.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        let options: Vec<(&str, &str)> =
            self.options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        asl_host::object::url::bucket_with(&self.url, &options)
            .unwrap_or_else(|why| panic!("the bucket could be opened before: {why}"))
    }

    /// Clock and entropy, and a sleep that blocks no thread.
    pub fn env(&self) -> TimerEnv {
        TimerEnv::default()
    }

    /// What names of objects that belong to no store begin with.
    pub fn root(&self) -> &'static str {
        "host"
    }
}

/// Either.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Disk(Disk),
    #[cfg(feature = "vendors")]
    Bucket(Bucket),
}

impl Place {
    /// A directory that exists, or the URL of a bucket with a prefix.
    pub(crate) fn new(root: &str) -> Place {
        #[cfg(feature = "vendors")]
        if is_url(root) {
            return Place::Bucket(Bucket { url: root.to_owned(), options: Vec::new() });
        }
        Place::Disk(Disk { root: root.to_owned() })
    }

    /// The same bucket, whose client has these options; a directory has none.
    #[cfg(feature = "vendors")]
    pub(crate) fn with_options(self, options: Vec<(String, String)>) -> Place {
        match self {
            Place::Bucket(bucket) => Place::Bucket(Bucket { options, ..bucket }),
            disk @ Place::Disk(_) => disk,
        }
    }

    /// The directory or the URL.
    pub(crate) fn root(&self) -> &str {
        match self {
            Place::Disk(disk) => &disk.root,
            #[cfg(feature = "vendors")]
            Place::Bucket(bucket) => &bucket.url,
        }
    }

    /// Where a store of this name is, in the words of the host.
    pub(crate) fn location(&self, name: &str) -> String {
        match self {
            Place::Disk(disk) => format!("{}/{name}", disk.root),
            #[cfg(feature = "vendors")]
            Place::Bucket(_) => name.to_owned(),
        }
    }
}

/// Whether a location names a bucket.
pub(crate) fn is_url(location: &str) -> bool {
    location.contains("://")
}
