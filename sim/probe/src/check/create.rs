//! Conditional creates, one request after the other.

use super::{Found, acceptance, body, refusal};
use crate::ask::Bench;

pub(crate) async fn on_absent(bench: &Bench) -> Found {
    let (key, first) = (bench.key("create-absent"), body("first"));
    let answer = bench.create(&key, &first).await;
    let done = bench.standing(&key).await? == Some(first);
    acceptance(answer, done)
}

pub(crate) async fn on_present(bench: &Bench) -> Found {
    let (key, first, second) = (bench.key("create-present"), body("first"), body("second"));
    bench.put(&key, &first).await?;
    let answer = bench.create(&key, &second).await;
    refusal(answer, bench.standing(&key).await? == Some(first))
}

pub(crate) async fn on_deleted(bench: &Bench) -> Found {
    let (key, first, second) = (bench.key("create-deleted"), body("first"), body("second"));
    bench.put(&key, &first).await?;
    bench.delete(&key).await?;
    let answer = bench.create(&key, &second).await;
    acceptance(answer, bench.standing(&key).await? == Some(second))
}
