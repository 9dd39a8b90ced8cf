//! Reads that begin after a write was answered, on a few keys each. We read from where we wrote: other clients may see less.

use super::{Found, ROW_TIME, body};
use crate::ask::{Answer, Bench};
use crate::clock::Stopwatch;
use crate::report::Seen;
use crate::said::Kind;
use bytes::Bytes;
use object_store::path::Path;

const KEYS: usize = 10;

/// Tries something on a few keys, on fewer if the bucket is slow; `right` and `wrong` say what was seen there.
async fn on_keys(
    bench: &Bench,
    name: &str,
    (right, wrong): (&str, &str),
    is_right: impl AsyncFn(&Path) -> Answer<bool>,
) -> Found {
    let (watch, mut tried, mut failed) = (Stopwatch::bounded(ROW_TIME), 0, 0);
    while tried < KEYS && !watch.is_over() {
        let key = bench.key(&format!("{name}/{tried:02}"));
        failed += usize::from(!is_right(&key).await?);
        tried += 1;
    }
    Ok(match failed {
        0 => Seen::kept(format!("{right} on {tried} keys")),
        failed => Seen::broken(format!("{wrong} on {failed} of {tried} keys")),
    })
}

async fn put(bench: &Bench, key: &Path) -> Answer<Bytes> {
    let body = body(key.as_ref());
    bench.put(key, &body).await?;
    Ok(body)
}

pub(crate) async fn absent(bench: &Bench) -> Found {
    let key = bench.key("read-absent");
    let read = match bench.standing(&key).await {
        // S3 says so to those who may not list: they cannot tell what is absent from what they may not read.
        Err(said) if said.is(Kind::Denied) => {
            return Ok(Seen::broken(format!("{said}: the right to list may be missing")));
        }
        read => read?,
    };
    match (read, bench.head(&key).await?) {
        (None, None) => Ok(Seen::kept("absent, by GET and HEAD")),
        (Some(_), _) => Ok(Seen::broken("a GET reads something")),
        (None, Some(_)) => Ok(Seen::broken("a HEAD tells of something")),
    }
}

pub(crate) async fn after_write(bench: &Bench) -> Found {
    on_keys(bench, "read-after-write", ("what was put", "not what was put"), async |key| {
        // A cache may hold on to the answer that nothing stands there.
        bench.standing(key).await?;
        let body = put(bench, key).await?;
        Ok(bench.standing(key).await? == Some(body))
    })
    .await
}

pub(crate) async fn head_after_write(bench: &Bench) -> Found {
    let seen = ("the size of what was put", "not the size of what was put");
    on_keys(bench, "head-after-write", seen, async |key| {
        bench.head(key).await?;
        let len = put(bench, key).await?.len() as u64;
        Ok(bench.head(key).await?.map(|meta| meta.size) == Some(len))
    })
    .await
}

pub(crate) async fn after_overwrite(bench: &Bench) -> Found {
    on_keys(bench, "read-after-overwrite", ("the new object", "not the new object"), async |key| {
        put(bench, key).await?;
        bench.standing(key).await?;
        let new = put(bench, key).await?;
        Ok(bench.standing(key).await? == Some(new))
    })
    .await
}

pub(crate) async fn after_delete(bench: &Bench) -> Found {
    on_keys(bench, "read-after-delete", ("absent, by GET and HEAD,", "still there"), async |key| {
        put(bench, key).await?;
        bench.standing(key).await?;
        bench.delete(key).await?;
        Ok(bench.standing(key).await?.is_none() && bench.head(key).await?.is_none())
    })
    .await
}
