//! Buckets in memory, each of which breaks one axiom. What they break is in `Harm`; the rest is right.

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, iter, pending};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a bucket does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    None,
    /// Puts whatever the condition says.
    IgnoresConditions,
    /// Tests the condition, waits a moment, and puts.
    ChecksThenActs,
    /// Tests the condition when a request begins, and puts when its body has come: a longer one comes later.
    ChecksBeforeTheBody,
    /// Refuses, and puts nevertheless.
    RefusesAndPuts,
    /// A list is one change behind.
    ListsLate,
    /// A read shows an object that was deleted.
    ReadsDeleted,
    /// After so many puts it does not answer any more.
    FallsSilentAfter(usize),
}

#[derive(Debug)]
pub(crate) struct Harmed {
    pub(crate) inner: InMemory,
    harm: Harm,
    puts: AtomicUsize,
    /// All keys that were ever put.
    put: Mutex<BTreeSet<String>>,
    /// What a list shows that is late.
    shown: Arc<Mutex<Vec<ObjectMeta>>>,
}

impl Harmed {
    pub(crate) fn new(harm: Harm) -> Arc<Harmed> {
        Arc::new(Harmed {
            inner: InMemory::new(),
            harm,
            puts: AtomicUsize::new(0),
            put: Mutex::default(),
            shown: Arc::default(),
        })
    }

    /// The keys that stand there.
    pub(crate) async fn keys(&self) -> Vec<String> {
        self.inner.list(None).map(|meta| meta.expect("it is in memory").location.to_string()).collect().await
    }

    /// All keys that were ever put.
    pub(crate) fn put_keys(&self) -> BTreeSet<String> {
        self.put.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_silent(&self) -> bool {
        matches!(self.harm, Harm::FallsSilentAfter(most) if self.puts.load(Ordering::Relaxed) > most)
    }

    async fn note_list(&self) {
        let all: Vec<ObjectMeta> =
            self.inner.list(None).map(|meta| meta.expect("it is in memory")).collect().await;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// The answer that the condition asks for now, as an error, if it does not hold.
    async fn test(&self, key: &Path, mode: &PutMode) -> Result<()> {
        let there = self.inner.head(key).await.ok().and_then(|meta| meta.e_tag);
        let holds = match mode {
            PutMode::Overwrite => true,
            PutMode::Create => there.is_none(),
            PutMode::Update(version) => there.is_some() && there == version.e_tag,
        };
        let (path, source) = (key.to_string(), "the condition does not hold".into());
        if holds { Ok(()) } else { Err(Error::Precondition { path, source }) }
    }
}

impl fmt::Display for Harmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.harm)
    }
}

#[async_trait]
impl ObjectStore for Harmed {
    async fn put_opts(&self, key: &Path, body: PutPayload, options: PutOptions) -> Result<PutResult> {
        let (mode, len) = (options.mode.clone(), body.content_length());
        let puts = self.puts.fetch_add(1, Ordering::Relaxed);
        self.put.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_string());
        self.note_list().await;
        let anyway = self.inner.put(key, body.clone());
        match self.harm {
            Harm::IgnoresConditions => anyway.await,
            Harm::ChecksThenActs => {
                self.test(key, &mode).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
                anyway.await
            }
            Harm::ChecksBeforeTheBody if len > 1_000 => {
                self.test(key, &mode).await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
                anyway.await
            }
            Harm::RefusesAndPuts => {
                let tested = self.test(key, &mode).await;
                let put = anyway.await;
                tested.and(put)
            }
            Harm::FallsSilentAfter(most) if puts >= most => std::future::pending().await,
            _ => self.inner.put_opts(key, body, options).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        key: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(key, options).await
    }

    async fn get_opts(&self, key: &Path, options: GetOptions) -> Result<GetResult> {
        if self.is_silent() {
            std::future::pending::<()>().await;
        }
        self.inner.get_opts(key, options).await
    }

    fn delete_stream(&self, keys: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        if self.is_silent() {
            return pending().boxed();
        }
        let (harm, inner, shown) = (self.harm, self.inner.clone(), self.shown.clone());
        let deleted = keys.then(move |key| {
            let (inner, shown) = (inner.clone(), shown.clone());
            async move {
                let key = key?;
                let all: Vec<_> = inner.list(None).filter_map(|meta| async { meta.ok() }).collect().await;
                *shown.lock().unwrap_or_else(PoisonError::into_inner) = all;
                if harm != Harm::ReadsDeleted {
                    inner.delete(&key).await?;
                }
                Ok(key)
            }
        });
        deleted.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.is_silent() {
            return pending().boxed();
        }
        if self.harm != Harm::ListsLate {
            return self.inner.list(prefix);
        }
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let prefix = prefix.cloned().unwrap_or_default();
        iter(shown.into_iter().filter(move |meta| meta.location.prefix_matches(&prefix)).map(Ok)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
