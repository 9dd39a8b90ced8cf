//! A fresh prefix in a bucket of a real object store.

use super::fresh::strange;
use super::{Outcome, PREFIX, Refused};
use crate::base::block_on;
use asl_host::env::{Env, OsEnv};
use asl_host::object::url;
use futures_util::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use object_store::path::Path;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How often all that is listed is removed, until nothing is.
const REMOVALS_MAX: u32 = 5;

/// A prefix that nobody else uses.
#[derive(Debug)]
pub(super) struct Prefix {
    /// The bucket and the prefix.
    url: String,
    bucket: Arc<dyn ObjectStore>,
}

impl Prefix {
    /// A fresh prefix below this URL, in a bucket in which something can be made, read and removed.
    pub(super) fn in_bucket(location: &str) -> Result<Prefix, Refused> {
        if location.starts_with("memory:") {
            let why = "a bucket in memory is seen by one process only, and conform starts others".to_owned();
            return Err(Refused::Bucket(
                why,
                "name a bucket (s3://, az://, gs://) or a directory (file:///DIR)".to_owned(),
            ));
        }
        asl_probe::reachable(location).map_err(Refused::Unreachable)?;
        let mut random = [0; 8];
        OsEnv.fill_random(&mut random);
        let url = format!("{}/{PREFIX}{:016x}", location.trim_end_matches('/'), u64::from_le_bytes(random));
        let bucket = url::bucket(&url).map_err(|why| Refused::Bucket(why.to_string(), String::new()))?;
        Ok(Prefix { url, bucket })
    }

    /// The bucket and the prefix.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// A prefix for a check.
    pub(super) fn below(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    /// Removes all objects, and makes sure that the host kept to the prefixes that it was given.
    pub(super) fn clean_up(&self) -> Outcome {
        let mut beside = None;
        for _ in 0..REMOVALS_MAX {
            let names = match block_on(self.names()) {
                Ok(names) if names.is_empty() => {
                    self.remove_directories();
                    return beside.map_or(Outcome::Passed, |strange| {
                        Outcome::Failed(format!("the host made {strange} beside its prefix"))
                    });
                }
                Ok(names) => names,
                Err(error) => return self.left(&error),
            };
            let first = names.iter().filter_map(|name| name.parts().next());
            let first: BTreeSet<String> = first.map(|part| part.as_ref().to_owned()).collect();
            beside = beside.or_else(|| strange(first.into_iter()));
            if let Err(error) = block_on(self.remove(names)) {
                return self.left(&error);
            }
        }
        Outcome::Failed(format!("objects below {} come back as they are removed", self.url))
    }

    /// Directories that a bucket in files was made of.
    fn remove_directories(&self) {
        if let Some(directory) = self.url.strip_prefix("file://") {
            // One that is left is empty.
            let _ = std::fs::remove_dir_all(directory);
        }
    }

    fn left(&self, error: &object_store::Error) -> Outcome {
        Outcome::Failed(format!("objects are left below {}: {error}", self.url))
    }

    async fn names(&self) -> object_store::Result<Vec<Path>> {
        self.bucket.list(None).map_ok(|found| found.location).try_collect().await
    }

    async fn remove(&self, names: Vec<Path>) -> object_store::Result<()> {
        let names = futures_util::stream::iter(names.into_iter().map(Ok)).boxed();
        let mut removed = self.bucket.delete_stream(names);
        while let Some(one) = removed.next().await {
            match one {
                Err(object_store::Error::NotFound { .. }) | Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
