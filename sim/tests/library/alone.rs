//! A bucket that stands alone, in tests of code that spawns tasks on a runtime of its own: here tokio's, on one thread, with time that
//! is paused.

use asl_host::env::{Env, OsEnv};
use asl_host::{ErrorKind, Host, LogSeq, ObjectHost, ObjectOptions, Store, StoreError, StoreLocation};
use asl_sim::scenario::{FaultKind, Profile};
use asl_sim::world::SimObjectStore;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::time::Instant;

/// The runtime's timer; entropy that is the same each time.
#[derive(Clone, Debug, Default)]
struct TokioEnv(Arc<AtomicU64>);

impl Env for TokioEnv {
    fn now_ns(&self) -> u64 {
        OsEnv.now_ns()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        for byte in buffer {
            let drawn = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            *byte = (drawn ^ (drawn >> 29)).to_le_bytes()[4];
        }
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }
}

fn bucket(seed: u64, faults: &[(FaultKind, u32)]) -> SimObjectStore {
    SimObjectStore::alone(Profile::Aws, seed, faults, tokio::time::sleep)
}

/// Creates the next object that is free, and says under which number.
async fn add(bucket: &SimObjectStore, who: usize) -> u32 {
    for number in 0.. {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match bucket.put_opts(&Path::from(format!("log/{number:04}")), who.to_string().into(), options).await
        {
            Ok(_) => return number,
            Err(Error::AlreadyExists { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    unreachable!("there are enough numbers")
}

#[tokio::test(start_paused = true)]
async fn tasks_that_race_for_the_next_object_get_one_each() {
    let bucket = bucket(7, &[]);
    let tasks: Vec<_> = (0..16)
        .map(|who| {
            let bucket = bucket.clone();
            tokio::spawn(async move { add(&bucket, who).await })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(task.await.expect("it does not panic"));
    }
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..16), "{numbers:?}");
    let listed: Vec<_> = bucket.list(None).try_collect().await.expect("it is listed");
    assert_eq!(listed.len(), 16);
}

#[tokio::test(start_paused = true)]
async fn a_put_that_was_given_up_lands_later_or_never_under_some_seed() {
    let (mut there, mut absent) = (0, 0);
    for seed in 0..40 {
        let bucket = bucket(seed, &[]);
        let name = Path::from("a");
        let put = tokio::time::timeout(Duration::from_micros(1), bucket.put(&name, "late".into()));
        assert!(put.await.is_err(), "a put takes longer");
        match bucket.get(&name).await {
            Ok(_) => there += 1,
            Err(_) => absent += 1,
        }
    }
    assert!(there > 5 && absent > 5, "{there} and {absent}");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_fails_in_the_same_places() {
    let failures = async |seed| {
        let bucket = bucket(seed, &[(FaultKind::Unanswered, 5), (FaultKind::ReadEio, 5)]);
        let mut failures = Vec::new();
        for number in 0..60 {
            let name = Path::from(format!("{number}"));
            let put = bucket.put(&name, "some".into()).await.is_err();
            failures.push((put, bucket.get(&name).await.is_err()));
        }
        failures
    };
    let first = failures(3).await;
    assert_eq!(first, failures(3).await);
    assert_ne!(first, failures(4).await);
    let failed = first.iter().filter(|(put, get)| *put || *get).count();
    assert!((5..40).contains(&failed), "{failed}");
}

fn host(bucket: SimObjectStore, env: &TokioEnv) -> ObjectHost<SimObjectStore, TokioEnv> {
    ObjectHost::new(bucket, env.clone(), "host", ObjectOptions::default())
}

#[tokio::test(start_paused = true)]
async fn of_sixteen_clients_on_one_thread_one_backs_off_and_the_others_go_on() {
    let (env, began) = (TokioEnv::default(), Instant::now());
    let (well, ill) = (bucket(1, &[]), bucket(2, &[(FaultKind::WriteEio, 1)]));
    let client = |number: usize| {
        let (bucket, env) = (if number == 0 { ill.clone() } else { well.clone() }, env.clone());
        tokio::spawn(async move {
            let host = host(bucket, &env);
            let store = host.create_store(&StoreLocation::new(format!("s{number}"))).await?;
            for _ in 0..5 {
                store.append(b"some").await?;
            }
            asl_host::Result::Ok(Instant::now())
        })
    };
    let tasks: Vec<_> = (0..16).map(client).collect();
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(task.await.expect("it does not panic"));
    }
    let others: Vec<Duration> =
        ended.iter().skip(1).map(|ended| *ended.as_ref().expect("nothing fails there") - began).collect();
    assert_eq!(ended[0].as_ref().map_err(StoreError::kind).err(), Some(ErrorKind::Io));
    let slowest = others.iter().max().expect("there are some");
    // The one waited longer between its attempts than the others took for all that they had to do.
    assert!(*slowest < Duration::from_secs(3), "{slowest:?}");
    assert!(began.elapsed() > *slowest, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_stalled_comes_back_after_two_others_have_written_and_changes_nothing() {
    let (env, bucket) = (TokioEnv::default(), bucket(5, &[]));
    let at = StoreLocation::new("s");
    let (first, second, third) = (host(bucket.clone(), &env), host(bucket.clone(), &env), host(bucket, &env));
    let stalled = first.create_store(&at).await.expect("it is created");
    assert_eq!(stalled.append(b"first").await.expect("it is appended"), LogSeq(1));
    // It sends a put, and its thread does not run for a while.
    let mut append = pin!(stalled.append(b"late"));
    assert!(append.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    for (host, record, seq) in [(&second, b"second", 2), (&third, b"third.", 3)] {
        let store = host.open_store(&at).await.expect("it is opened");
        assert_eq!(store.append(record).await.expect("it is appended"), LogSeq(seq));
    }
    let refused = append.await.expect_err("others have it");
    assert_eq!(refused.kind(), ErrorKind::ConcurrentModification);
    let again = stalled.append(b"again").await.expect_err("others have it");
    assert_eq!(again.kind(), ErrorKind::ConcurrentModification);
    let store = first.open_store(&at).await.expect("it is opened");
    let records = store.read(LogSeq::FIRST, usize::MAX).await.expect("it is read");
    let records: Vec<&[u8]> = records.iter().map(|record| &*record.data).collect();
    assert_eq!(records, [&b"first"[..], b"second", b"third."]);
}
