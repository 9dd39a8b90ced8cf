//! The bucket as code sees it that takes an [`object_store::ObjectStore`].
//!
//! The times of objects are those of the changes, a second apart. A version's name is the number of the change that made it.

use super::axioms::{Axioms, Conditions};
use super::request::{Reply, Request, When};
use super::state::Object;
use crate::executor::Process;
use crate::media::Sim;
use crate::plan::FaultKind;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    Attributes, CopyMode, CopyOptions, Error, Extensions, GetOptions, GetResult, GetResultPayload,
    ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result, UploadPart,
};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

const NAME: &str = "simulated bucket";

/// The bucket as one process sees it.
#[derive(Clone, Debug)]
pub struct SimObjectStore {
    sim: Arc<Sim>,
    process: Process,
}

impl fmt::Display for SimObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)
    }
}

fn failed(fault: FaultKind) -> Error {
    let why = match fault {
        FaultKind::Unanswered => "no answer came",
        FaultKind::ErrorInBody => "the server says 200, with an error in the body",
        _ => "the server says 500",
    };
    Error::Generic { store: NAME, source: why.into() }
}

fn not_found(path: &str) -> Error {
    Error::NotFound { path: path.to_owned(), source: "there is no such object".into() }
}

fn meta(name: &str, object: &Object, versioned: bool) -> ObjectMeta {
    ObjectMeta {
        location: Path::from(name),
        last_modified: time(object.change),
        size: object.bytes.len() as u64,
        e_tag: Some(object.change.to_string()),
        version: versioned.then(|| object.change.to_string()),
    }
}

fn time(change: u64) -> DateTime<Utc> {
    let seconds = 1_790_000_000 + i64::try_from(change).unwrap_or(0);
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

impl SimObjectStore {
    pub(crate) fn new(sim: Arc<Sim>, process: Process) -> SimObjectStore {
        SimObjectStore { sim, process }
    }

    async fn put(&self, path: &Path, bytes: Arc<[u8]>, when: When) -> Result<PutResult> {
        let name = path.to_string();
        if when != When::Always && self.tests_apart() {
            let looked = self.sim.perform(self.process, Request::Look { name: name.clone() }).await;
            let holds = match (looked, &when) {
                (Reply::Held(held), When::Absent) => held.is_none(),
                (Reply::Held(held), When::Is(change)) => held.is_some_and(|object| object.change == *change),
                (Reply::Failed(fault), _) => return Err(failed(fault)),
                _ => true,
            };
            return if holds {
                self.send_put(name, bytes, When::Always, &when).await
            } else {
                Err(refused(&name, &when))
            };
        }
        self.send_put(name, bytes, when.clone(), &when).await
    }

    fn axioms(&self) -> &'static Axioms {
        self.sim.lock().medium.objects.axioms()
    }

    fn tests_apart(&self) -> bool {
        self.axioms().conditions == Conditions::Before
    }

    fn put_result(&self, change: u64) -> PutResult {
        let version = self.axioms().versioned.then(|| change.to_string());
        PutResult { e_tag: Some(change.to_string()), version, extensions: Extensions::default() }
    }

    /// The names of uploads that were begun, and neither completed nor aborted: a bucket charges for them until a rule removes them, and
    /// the trait has no way to see them.
    pub fn uploads_left(&self) -> Vec<String> {
        self.sim.lock().medium.objects.uploads_left()
    }

    async fn send_put(&self, name: String, bytes: Arc<[u8]>, when: When, asked: &When) -> Result<PutResult> {
        match self.sim.send(self.process, Request::Put { name: name.clone(), bytes, when }).await {
            Reply::Done(change) => Ok(self.put_result(change)),
            Reply::Failed(fault) => Err(failed(fault)),
            _ => Err(refused(&name, asked)),
        }
    }

    async fn object(&self, path: &Path, version: Option<&str>) -> Result<Object> {
        // No change has the number 0.
        let version = version.map(|version| version.parse().unwrap_or(0));
        match self.sim.perform(self.process, Request::Get { name: path.to_string(), version }).await {
            Reply::Held(Some(object)) => Ok(object),
            Reply::Held(None) => Err(not_found(path.as_ref())),
            Reply::Failed(fault) => Err(failed(fault)),
            _ => unreachable!("what is held is asked for"),
        }
    }

    async fn listed(&self, first: String) -> Result<Vec<ObjectMeta>> {
        match self.sim.perform(self.process, Request::List { first }).await {
            Reply::Names(names) => {
                let versioned = self.axioms().versioned;
                Ok(names.iter().map(|(name, object)| meta(name, object, versioned)).collect())
            }
            Reply::Failed(fault) => Err(failed(fault)),
            _ => unreachable!("names are asked for"),
        }
    }
}

/// What the clients of the crate make of 412 and of 409.
fn refused(name: &str, when: &When) -> Error {
    let (path, source) = (name.to_owned(), "the condition does not hold".into());
    match when {
        When::Is(_) => Error::Precondition { path, source },
        _ => Error::AlreadyExists { path, source },
    }
}

/// What all names below this one begin with.
fn below(prefix: Option<&Path>) -> String {
    prefix.filter(|path| !path.as_ref().is_empty()).map_or(String::new(), |path| format!("{path}/"))
}

fn whole(payload: &PutPayload) -> Arc<[u8]> {
    let mut bytes = Vec::with_capacity(payload.content_length());
    payload.iter().for_each(|piece| bytes.extend_from_slice(piece));
    bytes.into()
}

#[async_trait]
impl ObjectStore for SimObjectStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let when = match options.mode {
            PutMode::Overwrite => When::Always,
            PutMode::Create => When::Absent,
            // No change has the number 0.
            PutMode::Update(version) => When::Is(version.e_tag.and_then(|tag| tag.parse().ok()).unwrap_or(0)),
        };
        self.put(location, whole(&payload), when).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        match self.sim.perform(self.process, Request::Begin { name: location.to_string() }).await {
            Reply::Begun(upload) => Ok(Box::new(Upload {
                store: self.clone(),
                name: location.to_string(),
                number: upload,
                parts: 0,
            })),
            Reply::Failed(fault) => Err(failed(fault)),
            _ => unreachable!("an upload is begun, or that fails"),
        }
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let object = self.object(location, options.version.as_deref()).await?;
        let meta = meta(location.as_ref(), &object, self.axioms().versioned);
        options.check_preconditions(&meta)?;
        let range = match &options.range {
            Some(range) => range
                .as_range(meta.size)
                .map_err(|source| Error::Generic { store: NAME, source: Box::new(source) })?,
            None => 0..meta.size,
        };
        let bytes = Bytes::copy_from_slice(&object.bytes[range.start as usize..range.end as usize]);
        let payload = GetResultPayload::Stream(stream::once(async move { Ok(bytes) }).boxed());
        let (attributes, extensions) = (Attributes::default(), Extensions::default());
        Ok(GetResult { payload, meta, range, attributes, extensions })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let each = move |location: Result<Path>| {
            let store = store.clone();
            async move {
                let location = location?;
                let request = Request::Delete { name: location.to_string() };
                match store.sim.send(store.process, request).await {
                    Reply::Failed(fault) => Err(failed(fault)),
                    Reply::Refused => Err(not_found(location.as_ref())),
                    _ => Ok(location),
                }
            }
        };
        locations.then(each).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, first) = (self.clone(), below(prefix));
        let all = async move {
            match store.listed(first).await {
                Ok(all) => stream::iter(all).map(Ok).boxed(),
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        };
        stream::once(all).flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let first = below(prefix);
        let (mut common, mut objects) = (BTreeSet::new(), Vec::new());
        for meta in self.listed(first.clone()).await? {
            match meta.location.as_ref()[first.len()..].split_once('/') {
                Some((folder, _)) => {
                    common.insert(Path::from(format!("{first}{folder}")));
                }
                None => objects.push(meta),
            }
        }
        Ok(ListResult {
            common_prefixes: common.into_iter().collect(),
            objects,
            extensions: Extensions::default(),
        })
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let object = self.object(from, None).await?;
        let when = match options.mode {
            CopyMode::Overwrite => When::Always,
            CopyMode::Create => When::Absent,
        };
        self.put(to, object.bytes, when).await.map(drop)
    }
}

/// An upload in parts.
#[derive(Debug)]
struct Upload {
    store: SimObjectStore,
    name: String,
    number: u64,
    parts: u32,
}

impl Upload {
    async fn send(&self, request: Request) -> Result<u64> {
        match self.store.sim.send(self.store.process, request).await {
            Reply::Done(change) => Ok(change),
            Reply::Failed(fault) => Err(failed(fault)),
            _ => Err(not_found(&self.name)),
        }
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (store, name, upload, number) = (self.store.clone(), self.name.clone(), self.number, self.parts);
        self.parts += 1;
        Box::pin(async move {
            let of = Upload { store, name: name.clone(), number: upload, parts: 0 };
            of.send(Request::Part { name, upload, number, bytes: whole(&data) }).await.map(drop)
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let Upload { number: upload, parts, .. } = *self;
        let change = self.send(Request::Complete { name: self.name.clone(), upload, parts }).await?;
        Ok(self.store.put_result(change))
    }

    async fn abort(&mut self) -> Result<()> {
        let upload = self.number;
        self.send(Request::Abort { name: self.name.clone(), upload }).await.map(drop)
    }
}
