//! Which of the axioms that a log on an object store needs a bucket keeps.
//!
//! [`probe`] asks a real bucket: it puts small objects below a prefix of its own, tries each condition, races for keys, and removes what it
//! put. Each axiom of [`AXIOMS`] becomes a [`Row`] with a verdict and what was seen; [`Report::text`] shows them as a table.
//!
//! # What is checked
//!
//! Conditional creates, updates and deletions, one request after the other and in races; reads, HEADs and lists after writes and deletions;
//! lists in pages; objects without bytes and of 8 MiB; versions and delete markers; uploads in parts, their abortion, and conditions on
//! their completion. For versions, uploads, pages and conditional deletions the crate `object_store` has no calls: these rows are asked on
//! S3, by requests that we sign ourselves, and are "not offered" elsewhere.
//!
//! # What is not
//!
//! See [`NOT_CHECKED`]. Above all: durability, and what other clients see. An axiom that is "kept" was kept each time that we tried; a
//! violation that is rare, or needs a server that fails, is not found.
//!
//! # What it leaves
//!
//! All that it writes lies below one prefix, told before the first request ([`Finding::Begins`]). It notes each key before it writes it,
//! removes what it noted and nothing else, and tells what stays. A probe that is killed leaves what lies below that prefix, and uploads in
//! parts to keys there.
#![cfg_attr(not(feature = "vendors"), allow(rustdoc::broken_intra_doc_links))]
#![cfg(feature = "vendors")]

mod ask;
mod axioms;
mod check;
mod clock;
mod contact;
mod credentials;
mod follows;
mod open;
mod refused;
mod report;
mod s3;
mod said;
mod speed;
mod text;
mod tidy;
mod xml;

pub use axioms::{AXIOMS, Axiom};
pub use follows::Follow;
pub use refused::{Refused, RefusedKind};
pub use report::{FORMAT, Measured, NOT_CHECKED, Puts, Report, Row, Status, Tidied, Verdict};

use ask::Bench;
use asl_host::env::{Env, OsEnv};
use clock::Stopwatch;
use object_store::ObjectStore;
use object_store::path::Path;
use open::Bucket;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How to probe.
#[derive(Clone, Debug)]
pub struct Options {
    /// Below which name in the bucket to work; it must be empty. Default: `asl-sim-probe-` and 16 random digits.
    pub prefix: Option<String>,
    /// How many race for a key. Default 16.
    pub racers: usize,
    /// On how many keys races must end well for a verdict of "kept". Default 10.
    pub keys: usize,
    /// On how many keys to race, if the bucket is quick enough. Default 100.
    pub keys_max: usize,
    /// How long each of the checks that race may go on to a further key. Default 15 s. What is not finished by then is told as that.
    pub race_time_max: Duration,
    /// How long to wait for an answer. Default 10 s. An object of 8 MiB gets at least 20 s.
    pub request_timeout: Duration,
    /// For how long to count PUTs, with each number of clients. Default 1 s.
    pub measure_time: Duration,
    /// Settings of the vendor's client that go before those of the environment: names as the crate `object_store` has them
    /// (`aws_endpoint`), and values. Default: none.
    pub settings: Vec<(String, String)>,
    /// Becomes true when the probe is to stop. It then removes what it put, and returns.
    pub stop: Arc<AtomicBool>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            prefix: None,
            racers: 16,
            keys: 10,
            keys_max: 100,
            race_time_max: Duration::from_secs(15),
            request_timeout: Duration::from_secs(10),
            measure_time: Duration::from_secs(1),
            settings: Vec::new(),
            stop: Arc::default(),
        }
    }
}

/// What a probe tells while it works.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// Before the first request: all that is written lies below `prefix`.
    Begins {
        /// The bucket's URL as it was given.
        url: String,
        /// The URL below which all that is written lies.
        prefix: String,
    },
    /// An axiom was checked.
    Axiom(Row),
    /// It was measured how fast the bucket is. What was put is removed next.
    Measured(Measured),
}

/// Probes the bucket that a URL names: `s3://`, `az://`, `gs://`, `file:///` or `memory://`, with what the environment says. Blocks, and
/// must not be called from within a tokio runtime.
///
/// # Errors
///
/// If the probe could not begin: the URL or the environment cannot be used, or the bucket does not let us write. Once the first object
/// was written and read, whatever happens is a finding.
pub fn probe(url: &str, options: &Options, tell: &mut dyn FnMut(&Finding)) -> Result<Report, Refused> {
    run(open::bucket(url, &options.settings)?, options, tell)
}

/// Probes a bucket that is open already; its client must not repeat requests by itself. What is asked on S3 only is not asked.
///
/// # Errors
///
/// As [`probe`].
pub fn probe_bucket(
    bucket: Arc<dyn ObjectStore>,
    name: &str,
    options: &Options,
    tell: &mut dyn FnMut(&Finding),
) -> Result<Report, Refused> {
    run(Bucket::opened(bucket, name), options, tell)
}

/// Whether a bucket can be used: an object is put below a fresh prefix, read and removed.
///
/// # Errors
///
/// If it cannot, and why. Takes no longer than a few times the usual time limit of a request.
pub fn reachable(url: &str) -> Result<(), Refused> {
    let (options, bucket) = (Options::default(), open::bucket(url, &[])?);
    let (name, root) = root(&bucket, &options)?;
    let runtime = runtime()?;
    let prefix = format!("{}/{name}", bucket.name.trim_end_matches('/'));
    let directory = bucket.directory.map(|directory| directory.join(&name));
    let opened = (bucket.store, bucket.s3);
    let bench = Arc::new(Bench::new(opened, root, options.request_timeout, options.stop.clone()));
    let place = contact::Place { url: &bucket.name, at: &bucket.at, prefix: &prefix };
    runtime.block_on(async {
        contact::first(&bench, &place, false).await?;
        tidy::tidy(&bench).await;
        remove_directories(&bench, directory);
        Ok(())
    })
}

/// Threads for the bucket's client.
fn runtime() -> Result<tokio::runtime::Runtime, Refused> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.worker_threads(2).thread_name("asl-probe").enable_all().build();
    built.map_err(|why| Refused::unavailable(format!("cannot start threads: {why}"), ""))
}

fn run(bucket: Bucket, options: &Options, tell: &mut dyn FnMut(&Finding)) -> Result<Report, Refused> {
    let (name, root) = root(&bucket, options)?;
    let runtime = runtime()?;
    let prefix = format!("{}/{name}", bucket.name.trim_end_matches('/'));
    tell(&Finding::Begins { url: bucket.name.clone(), prefix: prefix.clone() });
    let directory = bucket.directory.map(|directory| directory.join(&name));
    let opened = (bucket.store, bucket.s3);
    let bench = Arc::new(Bench::new(opened, root, options.request_timeout, options.stop.clone()));
    let place = contact::Place { url: &bucket.name, at: &bucket.at, prefix: &prefix };
    runtime.block_on(async {
        let watch = Stopwatch::unbounded();
        contact::first(&bench, &place, options.prefix.is_some()).await?;
        let rows = check::all(&bench, options, &mut |row| tell(&Finding::Axiom(row.clone()))).await;
        let measured = speed::measure(&bench, options).await;
        tell(&Finding::Measured(measured.clone()));
        let mut report = Report::new((&bucket.name, &prefix), rows, measured, bench.stopped());
        report.tidied = tidy::tidy(&bench).await;
        remove_directories(&bench, directory);
        report.took_ms = watch.elapsed_ms();
        Ok(report)
    })
}

/// The name below which the probe works, and the key that this is.
fn root(bucket: &Bucket, options: &Options) -> Result<(String, Path), Refused> {
    let name = options.prefix.clone();
    let name = name.unwrap_or_else(|| format!("asl-sim-probe-{:016x}", OsEnv.random_u64()));
    let refused = |why: String| {
        Refused::usage(
            format!("{name:?} cannot be a prefix: {why}"),
            "use letters, digits, dashes and slashes",
        )
    };
    let below = Path::parse(&name).map_err(|why| refused(said::innermost(&why)))?;
    if below.as_ref().is_empty() {
        return Err(refused("it is empty".to_owned()));
    }
    let root = below.parts().fold(bucket.prefix.clone(), Path::join);
    Ok((below.as_ref().to_owned(), root))
}

/// Removes the directories that a bucket in files leaves behind. Those that are not empty stay.
fn remove_directories(bench: &Bench, root: Option<PathBuf>) {
    let Some(root) = root else { return };
    let written = bench.written();
    let below =
        written.iter().filter_map(|key| bench.name_of(key).split_once('/').map(|(name, _)| root.join(name)));
    for directory in below.chain([root.clone()]) {
        let _ = std::fs::remove_dir(directory);
    }
}
