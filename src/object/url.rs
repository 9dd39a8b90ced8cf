//! A host on the bucket that a URL names.
//!
//! | URL | bucket | credentials and options |
//! |---|---|---|
//! | `memory://NAME` | in this process's memory, and gone with it | none |
//! | `file:///DIRECTORY` | files, which are synced; one machine | none |
//! | `s3://BUCKET/PREFIX` | S3, and what speaks like it | `AWS_*`, as the crate `object_store` has them |
//! | `az://CONTAINER/PREFIX` | Azure's blobs | `AZURE_*` |
//! | `gs://BUCKET/PREFIX` | Google's | `GOOGLE_*` |
//!
//! The last three need the feature `object-vendors`. Their clients do not repeat requests by themselves, since that would hide whether
//! a create was the first (`object::requests`). They wait on a thread of tokio's, which begins with the first of them and stays until the
//! process ends; whoever polls the host may use any runtime, or none.

use super::{ObjectHost, ObjectOptions};
use crate::timer::TimerEnv;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreScheme};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

/// The host's own objects lie below this name.
const ROOT: &str = "asl-host";

/// A host on a bucket of any kind.
pub type UrlHost = ObjectHost<Arc<dyn ObjectStore>, TimerEnv>;

/// Why a URL names no bucket that can be used. Holds no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlError(String);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UrlError {}

/// Opens the bucket that a URL names, below the prefix that it names.
///
/// # Errors
///
/// If it is no URL of a bucket, holds credentials, or the environment lacks what the client needs.
pub fn bucket(url: &str) -> Result<Arc<dyn ObjectStore>, UrlError> {
    bucket_with(url, &[])
}

/// The same, with options that go before those of the environment: names as the crate `object_store` has them (`aws_endpoint`), and
/// values. A bucket in memory or in files has none.
///
/// # Errors
///
/// As [`bucket`], and if the vendor's client has no such option.
pub fn bucket_with(url: &str, options: &[(&str, &str)]) -> Result<Arc<dyn ObjectStore>, UrlError> {
    let parsed = Url::parse(url).map_err(|why| UrlError(format!("this is no URL: {why}")))?;
    if !parsed.username().is_empty() || parsed.password().is_some() || parsed.query().is_some() {
        let text = "credentials and options belong into the environment, not into the URL";
        return Err(UrlError(text.to_owned()));
    }
    let (scheme, prefix) = match parsed.scheme() {
        "memory" => return Ok(in_memory(&parsed)),
        "file" => return on_disk(&parsed),
        _ => ObjectStoreScheme::parse(&parsed).map_err(|_| unknown(parsed.scheme()))?,
    };
    let bucket = vendors::bucket(&parsed, &scheme, options)?;
    Ok(if prefix.as_ref().is_empty() { bucket } else { Arc::new(PrefixStore::new(bucket, prefix)) })
}

/// A host on the bucket that a URL names. Nothing is asked of it before the first operation.
///
/// # Errors
///
/// As [`bucket`].
pub fn host(url: &str, options: ObjectOptions) -> Result<UrlHost, UrlError> {
    Ok(ObjectHost::new(bucket(url)?, TimerEnv::default(), ROOT, options))
}

fn unknown(scheme: &str) -> UrlError {
    UrlError(format!("{scheme}:// names no bucket: use memory://, file://, s3://, az:// or gs://"))
}

/// The bucket of this name, which the process has as long as it lives.
fn in_memory(url: &Url) -> Arc<dyn ObjectStore> {
    static BUCKETS: Mutex<BTreeMap<String, Arc<InMemory>>> = Mutex::new(BTreeMap::new());
    let mut buckets = BUCKETS.lock().unwrap_or_else(PoisonError::into_inner);
    buckets.entry(url.as_str().to_owned()).or_default().clone()
}

fn on_disk(url: &Url) -> Result<Arc<dyn ObjectStore>, UrlError> {
    let refused = |why: &dyn fmt::Display| UrlError(format!("{}: {why}", url.path()));
    let directory =
        url.to_file_path().map_err(|()| refused(&"this is no absolute path (file:///DIRECTORY)"))?;
    std::fs::create_dir_all(&directory).map_err(|why| refused(&why))?;
    let bucket = LocalFileSystem::new_with_prefix(directory).map_err(|why| refused(&why))?;
    Ok(Arc::new(bucket.with_fsync(true)))
}

#[cfg(not(feature = "object-vendors"))]
mod vendors {
    use super::{Arc, ObjectStore, ObjectStoreScheme, Url, UrlError};

    pub(super) fn bucket(
        url: &Url,
        _: &ObjectStoreScheme,
        _: &[(&str, &str)],
    ) -> Result<Arc<dyn ObjectStore>, UrlError> {
        Err(UrlError(format!("{}:// needs a build with the feature object-vendors", url.scheme())))
    }
}

#[cfg(feature = "object-vendors")]
mod vendors {
    use super::{Arc, ObjectStore, ObjectStoreScheme, Url, UrlError, unknown};
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
    use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
    use object_store::client::SpawnedReqwestConnector;
    use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
    use object_store::{Result, RetryConfig};
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;
    use tokio::runtime::{Builder, Handle, Runtime};

    /// A builder of a vendor's client: environment, then URL, then options.
    macro_rules! client {
        ($builder:ident, $key:ident, $url:expr, $options:expr) => {{
            let none =
                RetryConfig { max_retries: 0, retry_timeout: Duration::ZERO, ..RetryConfig::default() };
            let mut builder = $builder::from_env().with_url($url.as_str()).with_retry(none);
            for (name, value) in $options {
                let key: $key = name.parse().map_err(|why| UrlError(format!("{name}: {why}")))?;
                builder = builder.with_config(key, *value);
            }
            shared(builder.with_http_connector(SpawnedReqwestConnector::new(runtime()?)).build())
        }};
    }

    pub(super) fn bucket(
        url: &Url,
        scheme: &ObjectStoreScheme,
        options: &[(&str, &str)],
    ) -> Result<Arc<dyn ObjectStore>, UrlError> {
        let bucket = match scheme {
            ObjectStoreScheme::AmazonS3 => {
                // The crate panics if it is none.
                let endpoint = AmazonS3Builder::from_env().get_config_value(&AmazonS3ConfigKey::Endpoint);
                if let Some(why) = endpoint.and_then(|endpoint| Url::parse(&endpoint).err()) {
                    return Err(UrlError(format!("AWS_ENDPOINT is no URL: {why}")));
                }
                client!(AmazonS3Builder, AmazonS3ConfigKey, url, options)
            }
            ObjectStoreScheme::MicrosoftAzure => client!(MicrosoftAzureBuilder, AzureConfigKey, url, options),
            ObjectStoreScheme::GoogleCloudStorage => {
                client!(GoogleCloudStorageBuilder, GoogleConfigKey, url, options)
            }
            _ => return Err(unknown(url.scheme())),
        };
        bucket.map_err(|why| UrlError(format!("{}: {why}", url.as_str())))
    }

    fn shared(bucket: Result<impl ObjectStore>) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(bucket?))
    }

    /// The thread on which clients wait.
    fn runtime() -> Result<Handle, UrlError> {
        static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);
        let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*runtime {
            return Ok(runtime.handle().clone());
        }
        let begun = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("asl-object-store")
            .enable_all()
            .build()
            .map_err(|why| UrlError(format!("cannot start a thread for the bucket's client: {why}")))?;
        Ok(runtime.insert(begun).handle().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(url: &str) -> String {
        bucket(url).expect_err("it is refused").to_string()
    }

    #[test]
    fn what_is_no_bucket_is_refused_with_a_way_out_and_without_the_secrets_in_it() {
        assert!(why("nothing").contains("no URL"));
        assert!(why("ftp://there/x").contains("use memory://, file://, s3://"), "{}", why("ftp://there/x"));
        for secret in ["s3://key:hidden@bucket/x", "s3://bucket/x?token=hidden"] {
            let why = why(secret);
            assert!(why.contains("environment") && !why.contains("hidden"), "{why}");
        }
    }

    #[cfg(not(feature = "object-vendors"))]
    #[test]
    fn a_vendor_that_was_not_built_is_named() {
        assert!(why("s3://bucket/x").contains("object-vendors"));
    }

    #[cfg(feature = "object-vendors")]
    #[test]
    fn vendors_buckets_are_opened_without_asking_them() {
        for url in ["s3://bucket/x", "gs://bucket/x"] {
            assert!(bucket(url).is_ok(), "{url}: {}", why(url));
        }
        // Azure's name of the account is in the environment only.
        if std::env::var_os("AZURE_STORAGE_ACCOUNT_NAME").is_none() {
            assert!(why("az://container/x").contains("az://container/x: "), "{}", why("az://container/x"));
        }
    }

    #[test]
    fn what_is_in_memory_is_found_again_by_its_name() {
        let (one, same, other) = ("memory://a", "memory://a", "memory://b");
        let buckets = [one, same, other].map(|url| bucket(url).expect("it is one"));
        assert!(Arc::ptr_eq(&buckets[0], &buckets[1]));
        assert!(!Arc::ptr_eq(&buckets[0], &buckets[2]));
    }
}
