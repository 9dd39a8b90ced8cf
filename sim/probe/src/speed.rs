//! How fast a bucket is, from where the probe runs: unconditional PUTs of new keys by one client and by many, and a create without rivals.
//! A short look, not a benchmark.

use crate::Options;
use crate::ask::{Bench, goes_on};
use crate::clock::{Stopwatch, now};
use crate::report::{Measured, Puts};
use bytes::Bytes;
use futures_util::future::join_all;
use object_store::PutMode;
use std::sync::Arc;
use std::time::Duration;

const CLIENTS: [usize; 2] = [1, 16];
const BODY_LEN: usize = 256;
/// Enough to tell, and not more than can be removed again.
const PUTS_MAX: u32 = 4_000;
const CREATES: usize = 25;
const CREATES_TIME: Duration = Duration::from_secs(2);

pub(crate) async fn measure(bench: &Arc<Bench>, options: &Options) -> Measured {
    let mut measured = Measured { puts: Vec::new(), create_ms_median: create_ms_median(bench).await };
    for clients in CLIENTS {
        if !bench.stopped() {
            measured.puts.extend(puts(bench, clients, options.measure_time).await);
        }
    }
    measured
}

async fn puts(bench: &Arc<Bench>, clients: usize, time: Duration) -> Option<Puts> {
    let watch = Stopwatch::bounded(time);
    let each = |client| {
        tokio::spawn(client_puts(
            bench.clone(),
            format!("puts-by-{clients}/{client:02}"),
            watch,
            PUTS_MAX / clients as u32,
        ))
    };
    let came = join_all((0..clients).map(each)).await;
    let (done, failed) = came.into_iter().flatten().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let seconds = watch.elapsed().as_secs_f64();
    if done == 0 || seconds <= 0.0 {
        return None;
    }
    Some(Puts { clients, body_len: BODY_LEN, per_s: rounded(f64::from(done) / seconds), failed })
}

/// How many puts of one client were answered with success, and how many were not: it ends with the first of those.
async fn client_puts(bench: Arc<Bench>, name: String, watch: Stopwatch, most: u32) -> (u32, u32) {
    let body = Bytes::from(vec![b'x'; BODY_LEN]);
    let mut done = 0;
    while done < most && goes_on(&bench, &watch) {
        let key = bench.key(&format!("{name}-{done:06}"));
        match bench.put_in_crowd(&key, &body, PutMode::Overwrite).await {
            Ok(_) => done += 1,
            Err(_) => return (done, 1),
        }
    }
    (done, 0)
}

async fn create_ms_median(bench: &Bench) -> Option<f64> {
    let (watch, body, mut took) =
        (Stopwatch::bounded(CREATES_TIME), Bytes::from(vec![b'x'; BODY_LEN]), Vec::new());
    while took.len() < CREATES && goes_on(bench, &watch) {
        let key = bench.key(&format!("creates/{:02}", took.len()));
        let began = now();
        bench.create(&key, &body).await.ok()?;
        took.push(now().saturating_duration_since(began));
    }
    took.sort();
    took.get(took.len() / 2).map(|median| rounded(median.as_secs_f64() * 1_000.0))
}

/// One decimal is more than a short look can tell.
fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
