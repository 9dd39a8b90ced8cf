//! Carries a program out, on any bucket: all clients at once, or in an order that somebody gives.
//!
//! What comes of it is text, the same for the model and for a real bucket: what each client was told, and what stands there afterwards.

use super::program::{KEYS, Key, Program, Step};
use asl_host::TimerEnv;
use asl_host::env::Env;
use futures_util::TryStreamExt;
use futures_util::future::join_all;
use object_store::path::Path;
use object_store::{
    Error, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutResult, UpdateVersion,
};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What a request says whose answer was lost, or which the server could not carry out.
pub const FAILED: &str = "failed";

/// How long a client waits at most before a step, in microseconds: about as long as a request takes.
const WAIT_US_MAX: u64 = 12_000;

/// What came of a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    /// What each client was told, step by step.
    pub told: Vec<Vec<String>>,
    /// What stands there afterwards, for each key.
    pub after: Vec<String>,
}

impl Outcome {
    /// Whether a client did not hear what became of a request.
    pub fn has_failures(&self) -> bool {
        self.told.iter().flatten().chain(&self.after).any(|said| said == FAILED)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients: Vec<String> = self.told.iter().map(|told| told.join(", ")).collect();
        let after: Vec<String> =
            KEYS.iter().zip(&self.after).map(|(key, held)| format!("{key}={held}")).collect();
        write!(f, "{}; then {}", clients.join(" | "), after.join(" "))
    }
}

/// A client of a bucket: the tags that it knows.
#[derive(Clone, Debug, Default)]
struct Client {
    tags: BTreeMap<Key, Option<String>>,
}

/// A tag that no object has.
const NO_TAG: &str = "\"00000000000000000000000000000000\"";

impl Client {
    /// Takes a step, and says what it was told. `content` is what it puts.
    async fn step(&mut self, bucket: &dyn ObjectStore, below: &Path, step: Step, content: &str) -> String {
        let name = |key: Key| below.clone().join(KEYS[usize::from(key)]);
        let bytes = content.to_owned();
        match step {
            Step::Put(key) => {
                let put = bucket.put(&name(key), bytes.into()).await;
                self.put(key, put)
            }
            Step::Create(key) => {
                let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
                let put = bucket.put_opts(&name(key), bytes.into(), options).await;
                self.put(key, put)
            }
            Step::Update(key) => {
                let e_tag = self.tags.get(&key).cloned().unwrap_or_else(|| Some(NO_TAG.to_owned()));
                let mode = PutMode::Update(UpdateVersion { e_tag, version: None });
                let options = PutOptions { mode, ..PutOptions::default() };
                let put = bucket.put_opts(&name(key), bytes.into(), options).await;
                self.put(key, put)
            }
            Step::Get(key) => self.get(bucket, &name(key), key).await,
            Step::Delete(key) => match bucket.delete(&name(key)).await {
                Ok(()) => "done".to_owned(),
                Err(error) => said(&error),
            },
            Step::Upload(key) => {
                let begun = begun(bucket, &name(key), content).await;
                self.completed(key, begun).await
            }
            Step::List => {
                let all: object_store::Result<Vec<_>> = bucket.list(Some(below)).try_collect().await;
                match all {
                    Ok(all) => {
                        let mut names: Vec<String> = all
                            .iter()
                            .filter_map(|found| found.location.filename().map(str::to_owned))
                            .collect();
                        names.sort_unstable();
                        format!("[{}]", names.join(" "))
                    }
                    Err(error) => said(&error),
                }
            }
        }
    }

    async fn completed(&mut self, key: Key, begun: Begun) -> String {
        let put = match begun {
            Ok(mut upload) => upload.complete().await,
            Err(error) => Err(error),
        };
        self.put(key, put)
    }

    fn put(&mut self, key: Key, put: object_store::Result<PutResult>) -> String {
        match put {
            Ok(put) => {
                self.tags.insert(key, put.e_tag);
                "done".to_owned()
            }
            Err(error) => said(&error),
        }
    }

    async fn get(&mut self, bucket: &dyn ObjectStore, name: &Path, key: Key) -> String {
        let read = async {
            let got = bucket.get(name).await?;
            let tag = got.meta.e_tag.clone();
            object_store::Result::Ok((got.bytes().await?, tag))
        };
        match read.await {
            Ok((bytes, tag)) => {
                self.tags.insert(key, tag);
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Err(error) => said(&error),
        }
    }
}

/// An upload with its part, or why there is none.
type Begun = object_store::Result<Box<dyn MultipartUpload>>;

async fn begun(bucket: &dyn ObjectStore, name: &Path, content: &str) -> Begun {
    let mut upload = bucket.put_multipart(name).await?;
    upload.put_part(content.to_owned().into()).await?;
    Ok(upload)
}

fn said(error: &Error) -> String {
    let said = match error {
        Error::AlreadyExists { .. } => "exists",
        Error::Precondition { .. } => "changed",
        Error::NotFound { .. } => "absent",
        _ => FAILED,
    };
    said.to_owned()
}

/// What a client puts with a step; client 0 is the one before the others.
fn content(client: usize, step: usize) -> String {
    format!("{client}.{}", step + 1)
}

async fn begin(bucket: &dyn ObjectStore, below: &Path, program: &Program) -> Client {
    let mut first = Client::default();
    for (nth, &step) in program.before.iter().enumerate() {
        first.step(bucket, below, step, &content(0, nth)).await;
    }
    first
}

async fn end(bucket: &dyn ObjectStore, below: &Path, told: Vec<Vec<String>>) -> Outcome {
    let mut after = Vec::new();
    for key in 0..KEYS.len() {
        after.push(Client::default().step(bucket, below, Step::Get(key as Key), "").await);
    }
    Outcome { told, after }
}

/// All clients at once, each of which waits for a moment before each step, as the seed says: else they would always come in one order. The
/// program's objects lie below a name that nobody else uses.
/// Before and after go by another way to the same bucket, on which nothing is lost.
pub async fn at_once(
    bucket: &dyn ObjectStore,
    unharmed: &dyn ObjectStore,
    below: &Path,
    program: &Program,
    seed: u64,
) -> Outcome {
    let first = begin(unharmed, below, program).await;
    let timer = TimerEnv::default();
    let clients = program.clients.iter().zip(1..).map(|(steps, number)| {
        let mut client = first.clone();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number as u64);
        let timer = timer.clone();
        async move {
            let mut told = Vec::new();
            for (nth, &step) in steps.iter().enumerate() {
                let wait = Duration::from_micros(u64::from(random.next_u32()) % WAIT_US_MAX);
                // Half of them do not wait at all, so that requests meet.
                if random.next_u32().is_multiple_of(2) {
                    timer.sleep(wait).await;
                }
                told.push(client.step(bucket, below, step, &content(number, nth)).await);
            }
            told
        }
    });
    let told = join_all(clients).await;
    end(unharmed, below, told).await
}

/// A client's step, or a part of it: an upload is put (0), and completed (1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Whose.
    pub client: usize,
    /// Which of its steps.
    pub nth: usize,
    /// Which part of it.
    pub part: usize,
}

/// One request after the other, in this order. A step that is not named is not taken, and told as failed, as are those of which `unheard`
/// says so.
///
/// # Panics
///
/// If the order names a step that the program has not, or completes an upload that was not begun.
pub async fn in_order(
    bucket: &dyn ObjectStore,
    below: &Path,
    program: &Program,
    order: &[Place],
    unheard: &dyn Fn(&Place) -> bool,
) -> Outcome {
    let first = begin(bucket, below, program).await;
    // What each client knew before each of its steps, as far as it got: a request that takes effect late says what it said when it was sent.
    let mut knew: Vec<Vec<Option<Client>>> =
        program.clients.iter().map(|steps| vec![None; steps.len() + 1]).collect();
    for client in &mut knew {
        client[0] = Some(first.clone());
    }
    let mut told: Vec<Vec<String>> =
        program.clients.iter().map(|steps| vec![FAILED.to_owned(); steps.len()]).collect();
    let mut uploads = BTreeMap::new();
    for place in order {
        let Place { client, nth, part } = *place;
        let known = knew[client][..=nth].iter().rev().flatten().next();
        let mut asking = known.expect("it knew something before its first step").clone();
        let (step, content) = (program.clients[client][nth], content(client + 1, nth));
        let answer = match step {
            Step::Upload(key) if part == 0 => {
                let name = below.clone().join(KEYS[usize::from(key)]);
                uploads.insert((client, nth), begun(bucket, &name, &content).await);
                continue;
            }
            Step::Upload(key) => {
                let upload = uploads.remove(&(client, nth)).expect("it is begun before it is completed");
                asking.completed(key, upload).await
            }
            step => asking.step(bucket, below, step, &content).await,
        };
        if !unheard(place) {
            knew[client][nth + 1] = Some(asking);
            told[client][nth] = answer;
        }
    }
    end(bucket, below, told).await
}
