//! The host on object stores: appends beside raw conditional puts of the same bytes, and what an open takes.
//!
//! On the simulated bucket (profile `aws`), with time that is the simulator's; and, where `ASL_BUCKET_URL` names one and the feature `vendors`
//! is built, on that bucket, with time of the clock on the wall. Rounds are interleaved, and what counts is the ratio within a round.
//!
//! `--quick`: fewer rounds and shorter logs, to see that it works.

#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

mod counted;

use asl_host::env::{Env, OsEnv};
use asl_host::{Host, LogSeq, ObjectHandle, ObjectHost, ObjectOptions, Store, StoreLocation};
use asl_sim::scenario::Profile;
use asl_sim::world::SimObjectStore;
use counted::Counted;
use futures_util::future::join_all;
use object_store::path::Path;
use object_store::{ObjectStore, PutMode, PutOptions};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const RECORD: [u8; 256] = [7; 256];
/// What a batch of one such record has in bytes, so that a raw put has as many.
const ENTRY_LEN: usize = 256 + 48;
const CLIENTS: usize = 16;
/// What is hoped for: of raw puts with one client; of one client's appends with 16, without a linger and with one.
const WANTED: (f64, f64, f64) = (0.95, 5.0, 8.0);
const LINGER: Duration = Duration::from_millis(2);

/// The runtime's timer.
#[derive(Clone, Debug)]
struct TokioEnv;

impl Env for TokioEnv {
    fn now_ns(&self) -> u64 {
        OsEnv.now_ns()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        OsEnv.fill_random(buffer);
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }
}

type Handle = ObjectHandle<Counted, TokioEnv>;

/// A bucket, and names that nobody else uses.
struct Bench {
    bucket: Counted,
    below: String,
    /// Drawn again for each log and each raw series.
    drawn: u64,
}

/// How much is measured.
#[derive(Clone, Copy)]
struct Size {
    rounds: usize,
    /// Appends of a client in a round.
    appends: usize,
    /// Records of logs that are opened, and how many of them share a batch.
    logs: &'static [(usize, usize)],
}

impl Bench {
    fn fresh(&mut self) -> String {
        self.drawn += 1;
        format!("{}/{}", self.below, self.drawn)
    }

    fn host(&self, linger: Duration) -> ObjectHost<Counted, TokioEnv> {
        let options = ObjectOptions { linger, ..ObjectOptions::default() };
        ObjectHost::new(self.bucket.clone(), TokioEnv, &format!("{}/host", self.below), options)
    }

    async fn log(&mut self, linger: Duration) -> (Handle, StoreLocation) {
        let at = StoreLocation::new(self.fresh());
        let host = self.host(linger);
        (host.create_store(&at).await.expect("there is room"), at)
    }

    /// Raw conditional puts, one after the other: how many a second.
    async fn raw(&mut self, puts: usize) -> f64 {
        let below = self.fresh();
        let start = Instant::now();
        for number in 0..puts {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            let name = Path::from(format!("{below}/{number:020}"));
            self.bucket.put_opts(&name, vec![7; ENTRY_LEN].into(), options).await.expect("it is put");
        }
        puts as f64 / start.elapsed().as_secs_f64()
    }

    /// Appends of so many clients: how many a second, in all; and what one took in requests and in bytes.
    async fn appends(&mut self, clients: usize, each: usize, linger: Duration) -> (f64, f64, f64) {
        let (log, _) = self.log(linger).await;
        self.bucket.take();
        let start = Instant::now();
        let client = || async {
            for _ in 0..each {
                log.append(&RECORD).await.expect("it is appended");
            }
        };
        join_all((0..clients).map(|_| client())).await;
        let elapsed = start.elapsed().as_secs_f64();
        let (requests, bytes) = self.bucket.take();
        let all = (clients * each) as f64;
        (all / elapsed, requests as f64 / all, bytes as f64 / all)
    }

    /// What an open takes of a log of so many records, of which so many share a batch.
    async fn open(&mut self, records: usize, together: usize) -> String {
        let (log, at) = self.log(Duration::ZERO).await;
        for _ in 0..records / together {
            join_all((0..together).map(|_| log.append(&RECORD))).await;
        }
        drop(log);
        self.bucket.take();
        let start = Instant::now();
        let open = self.host(Duration::ZERO).open_store(&at).await.expect("it is opened");
        let (elapsed, (requests, _)) = (start.elapsed(), self.bucket.take());
        assert_eq!(open.durable_upto().await.expect("it is open"), LogSeq(records as u64));
        format!(
            "  open of {records:>6} records ({together:>3} a batch)  {requests:>3} requests  {:>8.1} ms",
            elapsed.as_secs_f64() * 1000.0
        )
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn verdict(ratio: f64, wanted: f64) -> String {
    let word = if ratio >= wanted { "reached" } else { "NOT reached" };
    format!("{ratio:.2} times (wanted: {wanted}, {word})")
}

async fn measure(name: &str, bucket: Arc<dyn ObjectStore>, size: Size) {
    let mut bench =
        Bench { bucket: Counted::new(bucket), below: format!("bench-{:016x}", OsEnv.random_u64()), drawn: 0 };
    println!("{name}, records of {} bytes", RECORD.len());
    let [mut one, mut many, mut lingering] = [const { Vec::new() }; 3];
    for round in 0..size.rounds {
        let raw = bench.raw(size.appends).await;
        let alone = bench.appends(1, size.appends, Duration::ZERO).await;
        let together = bench.appends(CLIENTS, size.appends, Duration::ZERO).await;
        let with_linger = bench.appends(CLIENTS, size.appends, LINGER).await;
        one.push(alone.0 / raw);
        many.push(together.0 / alone.0);
        lingering.push(with_linger.0 / alone.0);
        if round + 1 == size.rounds {
            println!("  raw conditional puts, 1 client     {raw:>9.1}/s");
            let all = [(1, "", alone), (CLIENTS, "", together), (CLIENTS, ", 2 ms linger", with_linger)];
            for (clients, how, (rate, requests, bytes)) in all {
                let label = format!("appends, {clients} clients{how}");
                println!(
                    "  {label:<34} {rate:>9.1}/s  {requests:.3} requests and {bytes:.0} bytes an append"
                );
            }
        }
    }
    println!("  1 client, of raw puts:             {}", verdict(median(one), WANTED.0));
    println!("  16 clients, of 1 client:           {}", verdict(median(many), WANTED.1));
    println!("  16 clients that linger, of 1:      {}", verdict(median(lingering), WANTED.2));
    for &(records, together) in size.logs {
        println!("{}", bench.open(records, together).await);
    }
    remove(&bench).await;
}

async fn remove(bench: &Bench) {
    use futures_util::{StreamExt, TryStreamExt};
    let below = Path::from(bench.below.as_str());
    let all = bench.bucket.list(Some(&below)).map_ok(|found| found.location).boxed();
    let removed = bench.bucket.delete_stream(all).try_for_each(|_| async { Ok(()) }).await;
    if let Err(why) = removed {
        println!("  some objects are left below {below}: {why}");
    }
}

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let runtime = |paused| {
        let built = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(paused).build();
        built.expect("there is a runtime to be had")
    };
    let logs: &[(usize, usize)] =
        if quick { &[(10, 1), (100, 1)] } else { &[(10, 1), (1_000, 1), (100_000, 1), (100_000, 100)] };
    let size =
        if quick { Size { rounds: 1, appends: 10, logs } } else { Size { rounds: 5, appends: 100, logs } };
    let simulated = SimObjectStore::alone(Profile::Aws, 1, &[], tokio::time::sleep);
    runtime(true).block_on(measure("the simulated bucket", Arc::new(simulated), size));
    match std::env::var("ASL_BUCKET_URL") {
        #[cfg(feature = "vendors")]
        Ok(url) => {
            let bucket = asl_host::object::url::bucket(&url).unwrap_or_else(|why| panic!("{why}"));
            let logs: &[(usize, usize)] =
                if quick { &[(10, 1)] } else { &[(10, 1), (1_000, 1), (100_000, 100)] };
            runtime(false).block_on(measure(&url, bucket, Size { logs, ..size }));
        }
        #[cfg(not(feature = "vendors"))]
        Ok(url) => println!("{url}: this needs a build with --features vendors"),
        Err(_) => println!("a real bucket: not measured, ASL_BUCKET_URL names none"),
    }
}
