//! The bench: a bucket, the part of it that is ours, and requests that take a bounded time.
//!
//! We note each key before it is written, and each upload when it was begun, so that we can remove them at the end, and remove nothing else.
//! A bucket that stops answering is given up: after [`SILENT_MAX`] requests in a row without an answer, the rest are not sent.

use crate::clock::{Stopwatch, seconds};
use crate::s3::{Ask, Reply, S3};
use crate::said::{Kind, Said};
use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::signer::Method;
use object_store::{GetOptions, ObjectMeta, ObjectStore, PutMode, PutOptions, PutPayload, UpdateVersion};
use std::collections::BTreeSet;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many requests in a row may go unanswered.
const SILENT_MAX: u32 = 3;
/// How often we look whether we are to stop.
const STOP_POLL: Duration = Duration::from_millis(50);

/// What came of a request.
pub(crate) type Answer<T> = Result<T, Said>;

/// A request on its way. Boxed: the futures of checks would be large.
type Request<'a, T> = Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>;

/// A request of the crate's, whose errors are told shortly.
fn told<'a, T>(request: impl Future<Output = object_store::Result<T>> + Send + 'a) -> Request<'a, T> {
    Box::pin(async { request.await.map_err(|error| Said::of(&error)) })
}

/// An upload in parts that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) key: Path,
    pub(crate) id: String,
}

/// A bucket under test.
#[derive(Debug)]
pub(crate) struct Bench {
    store: Arc<dyn ObjectStore>,
    s3: Option<S3>,
    root: Path,
    request_timeout: Duration,
    stop: Arc<AtomicBool>,
    /// While we tidy up we do not stop.
    tidying: AtomicBool,
    silent: AtomicU32,
    written: Mutex<BTreeSet<Path>>,
    uploads: Mutex<Vec<Upload>>,
}

impl Bench {
    pub(crate) fn new(
        (store, s3): (Arc<dyn ObjectStore>, Option<S3>),
        root: Path,
        request_timeout: Duration,
        stop: Arc<AtomicBool>,
    ) -> Bench {
        let (tidying, silent) = (AtomicBool::default(), AtomicU32::default());
        let (written, uploads) = (Mutex::default(), Mutex::default());
        Bench { store, s3, root, request_timeout, stop, tidying, silent, written, uploads }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A key of ours: `name` may have several parts, with slashes between them.
    pub(crate) fn key(&self, name: &str) -> Path {
        let key = name.split('/').fold(self.root.clone(), Path::join);
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        key
    }

    /// The name of a key below the root.
    pub(crate) fn name_of(&self, key: &Path) -> String {
        let parts = key.prefix_match(&self.root).into_iter().flatten();
        parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/")
    }

    /// All keys that may have been written.
    pub(crate) fn written(&self) -> BTreeSet<Path> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes an upload that was begun.
    pub(crate) fn note_upload(&self, upload: Upload) {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).push(upload);
    }

    /// Uploads that were begun and, as far as we know, are still under way.
    pub(crate) fn uploads(&self) -> Vec<Upload> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn forget_upload(&self, upload: &Upload) {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| other != upload);
    }

    /// Whether the probe was told to stop.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn must_stop(&self) -> bool {
        self.stopped() && !self.tidying.load(Ordering::Relaxed)
    }

    /// From now on, requests remove what we wrote: they are sent also if we were told to stop.
    pub(crate) fn begin_to_tidy(&self) {
        self.tidying.store(true, Ordering::Relaxed);
        // A bucket that we gave up gets one more chance.
        self.silent.fetch_min(SILENT_MAX - 1, Ordering::Relaxed);
    }

    pub(crate) fn is_s3(&self) -> bool {
        self.s3.is_some()
    }

    pub(crate) fn s3(&self) -> Answer<&S3> {
        self.s3.as_ref().ok_or_else(|| Said::unable("this probe asks it on S3 only"))
    }

    /// Waits for an answer, but no longer than there is time.
    async fn in_time<T>(&self, time: Duration, request: Request<'_, T>) -> Answer<T> {
        if self.silent.load(Ordering::Relaxed) >= SILENT_MAX {
            return Err(Said::lost("not asked: the bucket stopped answering"));
        }
        if self.must_stop() {
            return Err(Said::stopped());
        }
        let late = Said::lost(format!("no answer within {}", seconds(time)));
        let answer = async { tokio::time::timeout(time, request).await.unwrap_or(Err(late)) };
        match select(pin!(answer), pin!(self.stop())).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(Said::stopped()),
        }
    }

    /// Ends when the probe is to stop.
    async fn stop(&self) {
        while !self.must_stop() {
            tokio::time::sleep(STOP_POLL).await;
        }
    }

    /// A request of those that come one after the other: unanswered ones are counted.
    async fn one<T>(&self, time: Duration, request: Request<'_, T>) -> Answer<T> {
        let answer = self.in_time(time, request).await;
        match &answer {
            Err(said) if said.is(Kind::Lost) => {
                self.silent.fetch_add(1, Ordering::Relaxed);
            }
            Err(said) if said.is(Kind::Stopped) => {}
            _ => self.silent.store(0, Ordering::Relaxed),
        }
        answer
    }

    async fn ask<T>(&self, request: impl Future<Output = object_store::Result<T>> + Send) -> Answer<T> {
        self.one(self.request_timeout, told(request)).await
    }

    async fn put_as(&self, key: &Path, body: &Bytes, mode: PutMode) -> object_store::Result<UpdateVersion> {
        let options = PutOptions { mode, ..PutOptions::default() };
        let put = self.store.put_opts(key, PutPayload::from_bytes(body.clone()), options).await?;
        Ok(UpdateVersion { e_tag: put.e_tag, version: put.version })
    }

    pub(crate) async fn put(&self, key: &Path, body: &Bytes) -> Answer<UpdateVersion> {
        self.ask(self.put_as(key, body, PutMode::Overwrite)).await
    }

    pub(crate) async fn create(&self, key: &Path, body: &Bytes) -> Answer<UpdateVersion> {
        self.ask(self.put_as(key, body, PutMode::Create)).await
    }

    pub(crate) async fn update(
        &self,
        key: &Path,
        body: &Bytes,
        over: &UpdateVersion,
    ) -> Answer<UpdateVersion> {
        self.ask(self.put_as(key, body, PutMode::Update(over.clone()))).await
    }

    /// A put of those that are made at once: that one of them is not answered does not say that the bucket is gone.
    pub(crate) async fn put_in_crowd(
        &self,
        key: &Path,
        body: &Bytes,
        mode: PutMode,
    ) -> Answer<UpdateVersion> {
        self.in_time(self.request_timeout, told(self.put_as(key, body, mode))).await
    }

    /// A put or a read that may take as much longer as it is larger than others.
    pub(crate) async fn put_large(&self, key: &Path, body: &Bytes, time: Duration) -> Answer<UpdateVersion> {
        self.one(time.max(self.request_timeout), told(self.put_as(key, body, PutMode::Create))).await
    }

    pub(crate) async fn get_large(&self, key: &Path, time: Duration) -> Answer<Bytes> {
        let get = async { self.store.get_opts(key, GetOptions::default()).await?.bytes().await };
        self.one(time.max(self.request_timeout), told(get)).await
    }

    pub(crate) async fn get(&self, key: &Path) -> Answer<Bytes> {
        self.ask(async { self.store.get_opts(key, GetOptions::default()).await?.bytes().await }).await
    }

    /// What stands at a key, if anything does.
    pub(crate) async fn standing(&self, key: &Path) -> Answer<Option<Bytes>> {
        absent_is_none(self.get(key).await)
    }

    pub(crate) async fn head(&self, key: &Path) -> Answer<Option<ObjectMeta>> {
        absent_is_none(
            self.ask(async { Ok(self.store.get_opts(key, GetOptions::new().with_head(true)).await?.meta) })
                .await,
        )
    }

    pub(crate) async fn get_range(&self, key: &Path, range: std::ops::Range<u64>) -> Answer<Bytes> {
        let options = GetOptions::new().with_range(Some(range));
        self.ask(async { self.store.get_opts(key, options).await?.bytes().await }).await
    }

    /// On S3 a DELETE of this key: not every server has the request that deletes many, which the crate makes also of one.
    pub(crate) async fn delete(&self, key: &Path) -> Answer<()> {
        let deleted = match self.s3 {
            Some(_) => self.request(Ask::new(Method::DELETE, key)).await.map(|_| ()),
            None => self.ask(self.delete_one(key)).await,
        };
        // Who deletes what is not there may be told so.
        absent_is_none(deleted).map(|_| ())
    }

    /// What the crate's `delete` does, as a future that can be sent between threads.
    async fn delete_one(&self, key: &Path) -> object_store::Result<()> {
        let key = key.clone();
        let one = futures_util::stream::once(async move { Ok(key) }).boxed();
        self.store.delete_stream(one).try_for_each(|_| std::future::ready(Ok(()))).await
    }

    /// The names below this one that a list shows.
    pub(crate) async fn list(&self, below: &Path) -> Answer<BTreeSet<Path>> {
        let shown = self.store.list(Some(below)).map_ok(|meta| meta.location);
        self.ask(shown.boxed().try_collect()).await
    }

    /// A signed request of our own.
    pub(crate) async fn request(&self, ask: Ask) -> Answer<Reply> {
        self.one(self.request_timeout, Box::pin(self.s3()?.send(ask))).await
    }

    /// The same, of those that are made at once.
    pub(crate) async fn request_in_crowd(&self, ask: Ask) -> Answer<Reply> {
        self.in_time(self.request_timeout, Box::pin(self.s3()?.send(ask))).await
    }

    /// A page of a list, on S3.
    pub(crate) async fn list_page(
        &self,
        below: &Path,
        keys_max: usize,
        token: Option<String>,
    ) -> Answer<Page> {
        use object_store::list::{PaginatedListOptions, PaginatedListStore};
        let options = PaginatedListOptions {
            max_keys: Some(keys_max),
            page_token: token,
            ..PaginatedListOptions::default()
        };
        let prefix = format!("{below}/");
        let page = self.ask(self.s3()?.client.list_paginated(Some(&prefix), options)).await?;
        let keys = page.result.objects.into_iter().map(|meta| meta.location).collect();
        Ok(Page { keys, next: page.page_token })
    }
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) keys: Vec<Path>,
    /// What to ask for the next one with.
    pub(crate) next: Option<String>,
}

fn absent_is_none<T>(answer: Answer<T>) -> Answer<Option<T>> {
    match answer {
        Ok(there) => Ok(Some(there)),
        Err(said) if said.is(Kind::Absent) => Ok(None),
        Err(said) => Err(said),
    }
}

/// A time after which no further request of a check is made, which also ends when the probe is to stop.
pub(crate) fn goes_on(bench: &Bench, watch: &Stopwatch) -> bool {
    !watch.is_over() && !bench.stopped()
}
