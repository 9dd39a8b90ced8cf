//! Requests to the bucket: asked again where that does no harm, until it is known what came of them, or given up.
//!
//! A request may have been carried out although its answer was lost, and may be carried out later. So everything that is put is put
//! under a name that only these bytes are meant for: to put it again changes nothing. Who finds the name taken reads what stands
//! there: the same bytes are its own (each entry has a nonce), others are somebody else's. That is why the bucket's own client must not
//! repeat requests: it would say "taken" of its own first attempt, and that is seen to here.
//!
//! Waiting is [`Env::sleep`], which must not block the thread: a request that takes too long is given up by a race of the two.

use super::ObjectOptions;
use crate::env::Env;
use crate::error::{ErrorKind, Operation, StoreError};
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// What became of bytes that were to be put under a name of their own.
#[derive(Debug)]
pub(super) enum Put {
    /// They stand there.
    Done,
    /// Others stand there, and these never will.
    Taken(Vec<u8>),
}

/// Why a request failed for good. Unless it was refused, it may still be carried out.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    detail: String,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, detail: impl Into<String>) -> Failure {
        Failure { kind, detail: detail.into() }
    }

    pub(super) fn in_operation(self, operation: Operation, location: &str) -> StoreError {
        StoreError::new(self.kind, operation, location).with_detail(self.detail)
    }
}

/// Requests of one host.
pub(super) struct Requests<S, E> {
    bucket: S,
    pub(super) env: E,
    pub(super) options: ObjectOptions,
}

/// As buckets are shown to people: their clients hold credentials.
impl<S: ObjectStore, E> fmt::Debug for Requests<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("bucket", &self.bucket.to_string()).finish_non_exhaustive()
    }
}

/// How an attempt ended that did not succeed.
enum Ended {
    /// It was refused, and would be again.
    Refused(Failure),
    /// Nothing stands under this name.
    Absent,
    /// Something stands there, or it was being changed at the same time.
    Conflict,
    /// Nobody knows; ask again.
    Unknown(String),
}

impl<S: ObjectStore, E: Env> Requests<S, E> {
    pub(super) fn new(bucket: S, env: E, options: ObjectOptions) -> Requests<S, E> {
        Requests { bucket, env, options }
    }

    /// Puts bytes that belong under this name and no others do. `is_whole` tells what may stand there from what was damaged on its way.
    pub(super) async fn put_new(
        &self,
        name: &Path,
        bytes: &[u8],
        is_whole: impl Fn(&[u8]) -> bool,
    ) -> Result<Put, Failure> {
        let mut attempts = Attempts::new(self);
        loop {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            let payload = PutPayload::from(bytes.to_vec());
            match self.in_time(self.bucket.put_opts(name, payload, options)).await {
                Ok(_) => return Ok(Put::Done),
                Err(Ended::Conflict) => match self.get_whole(name, &is_whole).await? {
                    Some(there) if there == bytes => return Ok(Put::Done),
                    Some(there) => return Ok(Put::Taken(there)),
                    // Two were putting at once, and neither did.
                    None => attempts.again("refused while somebody else put").await?,
                },
                Err(ended) => attempts.after(ended).await?,
            }
        }
    }

    /// Puts bytes under a name at which nobody looks yet, or at which any bytes will do.
    pub(super) async fn put(&self, name: &Path, bytes: &[u8]) -> Result<(), Failure> {
        let mut attempts = Attempts::new(self);
        loop {
            let payload = PutPayload::from(bytes.to_vec());
            match self.in_time(self.bucket.put(name, payload)).await {
                Ok(_) => return Ok(()),
                Err(ended) => attempts.after(ended).await?,
            }
        }
    }

    /// What stands under a name.
    pub(super) async fn get(&self, name: &Path) -> Result<Option<Vec<u8>>, Failure> {
        self.get_with(name, GetOptions::default).await
    }

    /// What stands under a name, read again while it arrives damaged: what is wrong may be the way, or who answered, and not the object.
    /// If it stays so, the damaged bytes.
    pub(super) async fn get_whole(
        &self,
        name: &Path,
        is_whole: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Vec<u8>>, Failure> {
        self.get_whole_with(name, GetOptions::default, is_whole).await
    }

    /// The same of the first bytes.
    pub(super) async fn get_first(
        &self,
        name: &Path,
        len: usize,
        is_whole: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let range = GetRange::Bounded(0..len as u64);
        let first = || GetOptions { range: Some(range.clone()), ..GetOptions::default() };
        self.get_whole_with(name, first, is_whole).await
    }

    async fn get_whole_with(
        &self,
        name: &Path,
        how: impl Fn() -> GetOptions,
        is_whole: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let mut attempts = Attempts::new(self);
        loop {
            let Some(bytes) = self.get_with(name, &how).await? else { return Ok(None) };
            if is_whole(&bytes) || attempts.again("damaged").await.is_err() {
                return Ok(Some(bytes));
            }
        }
    }

    async fn get_with(&self, name: &Path, how: impl Fn() -> GetOptions) -> Result<Option<Vec<u8>>, Failure> {
        let mut attempts = Attempts::new(self);
        loop {
            let whole = async { self.bucket.get_opts(name, how()).await?.bytes().await };
            match self.in_time(whole).await {
                Ok(bytes) => return Ok(Some(bytes.to_vec())),
                Err(Ended::Absent) => return Ok(None),
                Err(ended) => attempts.after(ended).await?,
            }
        }
    }

    /// The names below this one that the bucket shows: perhaps not all, and perhaps some that are gone.
    pub(super) async fn list(&self, below: &Path) -> Result<Vec<Path>, Failure> {
        let mut attempts = Attempts::new(self);
        loop {
            let all = self.bucket.list(Some(below)).map_ok(|meta| meta.location).try_collect();
            match self.in_time(all).await {
                Ok(names) => return Ok(names),
                Err(Ended::Absent) => return Ok(Vec::new()),
                Err(ended) => attempts.after(ended).await?,
            }
        }
    }

    /// The same, asked once.
    pub(super) async fn list_once(&self, below: &Path) -> Vec<Path> {
        let all = self.bucket.list(Some(below)).map_ok(|meta| meta.location).try_collect();
        self.in_time(all).await.unwrap_or_default()
    }

    /// Removes what nobody needs any more; if that fails it takes up space, and that is all.
    pub(super) async fn remove(&self, name: &Path) {
        let _ = self.in_time(self.bucket.delete(name)).await;
    }

    /// One attempt, which is given up when it takes too long.
    async fn in_time<T>(&self, request: impl Future<Output = object_store::Result<T>>) -> Result<T, Ended> {
        let (mut request, mut late) = (pin!(request), pin!(self.env.sleep(self.options.request_timeout)));
        let answer = poll_fn(|context| match request.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => late.as_mut().poll(context).map(|()| None),
        });
        match answer.await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => Err(ended(&error)),
            None => Err(Ended::Unknown(format!("no answer within {:?}", self.options.request_timeout))),
        }
    }
}

fn ended(error: &object_store::Error) -> Ended {
    use object_store::Error;
    let refused = |kind| Ended::Refused(Failure::new(kind, without_secrets(error)));
    match error {
        Error::NotFound { .. } => Ended::Absent,
        Error::AlreadyExists { .. } | Error::Precondition { .. } => Ended::Conflict,
        Error::NotSupported { .. } | Error::NotImplemented { .. } => refused(ErrorKind::Unsupported),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } | Error::InvalidPath { .. } => {
            refused(ErrorKind::Io)
        }
        other => Ended::Unknown(without_secrets(other)),
    }
}

/// What an error says, without the queries of its URLs: signatures may stand there.
fn without_secrets(error: &object_store::Error) -> String {
    let said = error.to_string();
    let words = said
        .split(' ')
        .map(|word| if word.contains("://") { word.split('?').next().unwrap_or("") } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// How often a request was made, and how long to wait before the next time.
pub(super) struct Attempts<'a, S, E> {
    requests: &'a Requests<S, E>,
    made: u32,
}

impl<S: ObjectStore, E: Env> Attempts<'_, S, E> {
    pub(super) fn new(requests: &Requests<S, E>) -> Attempts<'_, S, E> {
        Attempts { requests, made: 0 }
    }

    async fn after(&mut self, ended: Ended) -> Result<(), Failure> {
        match ended {
            Ended::Refused(failure) => Err(failure),
            Ended::Absent => self.again("there is no such bucket").await,
            Ended::Conflict => self.again("refused while somebody else put").await,
            Ended::Unknown(why) => self.again(&why).await,
        }
    }

    /// Waits before the next attempt, longer each time, and not as long as others do; or gives up.
    pub(super) async fn again(&mut self, why: &str) -> Result<(), Failure> {
        self.made += 1;
        let ObjectOptions { attempts_max, backoff, .. } = self.requests.options;
        if self.made >= attempts_max.max(1) {
            return Err(Failure::new(ErrorKind::Io, format!("{why} (asked {} times)", self.made)));
        }
        let longest = backoff.saturating_mul(1 << self.made.min(10));
        let share = (self.requests.env.random_u64() >> 32) as u32;
        self.requests.env.sleep(longest / 2 + share_of(longest / 2, share)).await;
        Ok(())
    }
}

/// A share of a duration, out of 2^32.
fn share_of(duration: Duration, share: u32) -> Duration {
    Duration::from_nanos(((duration.as_nanos() * u128::from(share)) >> 32) as u64)
}
