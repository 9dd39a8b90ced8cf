//! DELETE with If-Match: the crate has no call for it, so we ask on S3 only.

use super::{Found, body, refusal};
use crate::ask::Bench;
use crate::report::{Seen, Verdict};
use crate::s3::Ask;
use object_store::path::Path;
use object_store::signer::Method;

pub(crate) async fn stale(bench: &Bench) -> Found {
    bench.s3()?;
    let (key, second) = (bench.key("delete-stale"), body("second"));
    let stale = bench.put(&key, &body("first")).await?.e_tag;
    let current = bench.put(&key, &second).await?.e_tag;
    let (Some(stale), Some(current)) = (stale, current) else {
        return Ok(Seen::not_offered("a PUT is answered without a tag"));
    };
    let answer = bench.request(delete_if(&key, stale)).await;
    let found = refusal(answer, bench.standing(&key).await? == Some(second))?;
    if found.verdict != Verdict::Kept {
        return Ok(found);
    }
    // A server that refuses every condition keeps the sentence, and is of no use.
    match bench.request(delete_if(&key, current)).await {
        Ok(_) if bench.standing(&key).await?.is_none() => Ok(found),
        Ok(_) => {
            Ok(Seen::unknown(format!("{}; with the current tag: accepted, and not carried out", found.seen)))
        }
        Err(said) => Ok(Seen::unknown(format!("{}; with the current tag: {said}", found.seen))),
    }
}

fn delete_if(key: &Path, tag: String) -> Ask {
    Ask::new(Method::DELETE, key).header("if-match", tag)
}
