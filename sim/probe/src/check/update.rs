//! Conditional updates (If-Match; by the generation on Google's buckets), one request after the other.

use super::{Found, acceptance, body, has_tag, refusal};
use crate::ask::Bench;
use crate::report::Seen;

const NO_TAG: &str = "a PUT is answered without a tag";

pub(crate) async fn current(bench: &Bench) -> Found {
    let (key, second) = (bench.key("update-current"), body("second"));
    let tag = bench.put(&key, &body("first")).await?;
    if !has_tag(&tag) {
        return Ok(Seen::not_offered(NO_TAG));
    }
    let answer = bench.update(&key, &second, &tag).await;
    acceptance(answer, bench.standing(&key).await? == Some(second))
}

pub(crate) async fn stale(bench: &Bench) -> Found {
    let (key, second) = (bench.key("update-stale"), body("second"));
    let stale = bench.put(&key, &body("first")).await?;
    if !has_tag(&stale) {
        return Ok(Seen::not_offered(NO_TAG));
    }
    bench.put(&key, &second).await?;
    let answer = bench.update(&key, &body("third"), &stale).await;
    refusal(answer, bench.standing(&key).await? == Some(second))
}

pub(crate) async fn absent(bench: &Bench) -> Found {
    let (elsewhere, key) = (bench.key("update-elsewhere"), bench.key("update-absent"));
    let tag = bench.put(&elsewhere, &body("elsewhere")).await?;
    if !has_tag(&tag) {
        return Ok(Seen::not_offered(NO_TAG));
    }
    let answer = bench.update(&key, &body("first"), &tag).await;
    refusal(answer, bench.standing(&key).await?.is_none())
}
