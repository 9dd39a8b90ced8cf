//! Objects without bytes, of 8 MiB, and parts of objects.

use super::{Found, acceptance, body};
use crate::ask::Bench;
use crate::report::Seen;
use asl_host::env::{Env, OsEnv};
use bytes::Bytes;
use std::time::Duration;

const LARGE_LEN: usize = 8 << 20;
/// How long 8 MiB may take, each way: half of a MiB each second and more is served.
const LARGE_TIME: Duration = Duration::from_secs(20);

pub(crate) async fn empty(bench: &Bench) -> Found {
    let key = bench.key("empty");
    let answer = bench.create(&key, &Bytes::new()).await;
    acceptance(answer, bench.standing(&key).await?.is_some_and(|there| there.is_empty()))
}

pub(crate) async fn large(bench: &Bench) -> Found {
    let key = bench.key("large");
    let mut bytes = vec![0; LARGE_LEN];
    OsEnv.fill_random(&mut bytes);
    let bytes = Bytes::from(bytes);
    bench.put_large(&key, &bytes, LARGE_TIME).await?;
    let there = bench.get_large(&key, LARGE_TIME).await?;
    Ok(if there == bytes {
        Seen::kept("read back as it was")
    } else {
        Seen::broken(format!("{} bytes read back, which are not those", there.len()))
    })
}

pub(crate) async fn range(bench: &Bench) -> Found {
    let (key, bytes) = (bench.key("range"), body("a body of which a part is read"));
    bench.put(&key, &bytes).await?;
    let there = bench.get_range(&key, 7..11).await?;
    Ok(if there == bytes[7..11] {
        Seen::kept("these bytes")
    } else {
        Seen::broken(format!("{} bytes, which are not those", there.len()))
    })
}
