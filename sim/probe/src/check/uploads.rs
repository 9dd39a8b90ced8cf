//! Uploads in parts: listed, aborted, completed on a condition. The crate has no calls for that, so we ask on S3 only.

use super::{Found, body, refusal};
use crate::ask::{Answer, Bench, Upload};
use crate::report::{Seen, Verdict};
use crate::s3::{Ask, Reply};
use crate::said::{Kind, Said};
use crate::xml;
use bytes::Bytes;
use object_store::path::Path;
use object_store::signer::Method;

/// An upload of one part, ready to be completed.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) upload: Upload,
    tag: String,
}

async fn begin(bench: &Bench, key: &Path) -> Answer<Upload> {
    let reply = bench.request(Ask::new(Method::POST, key).query("uploads", "")).await?;
    let id = xml::text_of(&reply.body, "UploadId").map(xml::plain);
    let id = id.ok_or_else(|| Said::unable("an upload is begun without an id"))?;
    let upload = Upload { key: key.clone(), id };
    bench.note_upload(upload.clone());
    Ok(upload)
}

/// Begins an upload and puts its only part.
pub(crate) async fn prepare(bench: &Bench, key: &Path, body: &Bytes) -> Answer<Ready> {
    put_part(bench, begin(bench, key).await?, body).await
}

async fn put_part(bench: &Bench, upload: Upload, body: &Bytes) -> Answer<Ready> {
    let part = Ask::new(Method::PUT, &upload.key).query("partNumber", "1").query("uploadId", &upload.id);
    let tag = bench.request(part.body(body.clone())).await?.tag;
    let tag = tag.ok_or_else(|| Said::unable("a part is answered without a tag"))?;
    Ok(Ready { upload, tag })
}

/// Ends an upload: by aborting it, or else by making an object of it, which can be deleted.
pub(crate) async fn end(bench: &Bench, upload: &Upload) -> Answer<()> {
    match abort(bench, upload).await {
        Err(said) if said.is(Kind::Unable) => {}
        other => return other,
    }
    let ready = put_part(bench, upload.clone(), &body("part")).await?;
    bench.request(completion(&ready)).await?;
    bench.forget_upload(upload);
    Ok(())
}

/// The request that makes an object of an upload.
fn completion(ready: &Ready) -> Ask {
    let body = format!(
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part>\
         <PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        ready.tag
    );
    let ask = Ask::new(Method::POST, &ready.upload.key).query("uploadId", &ready.upload.id);
    ask.header("content-type", "application/xml").body(body)
}

/// The same, if nothing stands there.
pub(crate) fn create_by_completion(ready: &Ready) -> Ask {
    completion(ready).header("if-none-match", "*")
}

pub(crate) async fn abort(bench: &Bench, upload: &Upload) -> Answer<()> {
    let ask = Ask::new(Method::DELETE, &upload.key).query("uploadId", &upload.id);
    match bench.request(ask).await {
        Err(said) if !said.is(Kind::Absent) => Err(said),
        _ => {
            bench.forget_upload(upload);
            Ok(())
        }
    }
}

/// Whether a list shows an upload.
async fn is_listed(bench: &Bench, upload: &Upload) -> Answer<bool> {
    let ask = Ask::of_bucket().query("uploads", "").query("prefix", upload.key.as_ref());
    let Reply { body, .. } = bench.request(ask).await?;
    if !body.contains("ListMultipartUploadsResult") {
        return Err(Said::unable("the server has no such call: it answers something else"));
    }
    Ok(xml::all(&body, "UploadId").any(|id| xml::plain(id) == upload.id))
}

pub(crate) async fn listed(bench: &Bench) -> Found {
    let upload = begin(bench, &bench.key("upload-listed")).await?;
    let listed = is_listed(bench, &upload).await;
    abort(bench, &upload).await?;
    Ok(if listed? { Seen::kept("listed") } else { Seen::broken("not listed") })
}

pub(crate) async fn aborted(bench: &Bench) -> Found {
    let key = bench.key("upload-aborted");
    let ready = prepare(bench, &key, &body("part")).await?;
    abort(bench, &ready.upload).await?;
    // A list that we cannot read leaves the other half of the sentence.
    let listed = is_listed(bench, &ready.upload).await.ok();
    let completed = bench.request(completion(&ready)).await;
    match (completed, listed) {
        (Err(said), _) if said.is(Kind::Lost) || said.is(Kind::Stopped) => Err(said),
        (Ok(_), _) => Ok(Seen::broken("completed although it was aborted")),
        (Err(said), Some(true)) => Ok(Seen::broken(format!("still listed; its completion: {said}"))),
        (Err(said), Some(false)) => Ok(Seen::kept(format!("not listed; its completion: {said}"))),
        (Err(said), None) => {
            Ok(Seen::kept(format!("its completion: {said}; lists of uploads are not offered")))
        }
    }
}

pub(crate) async fn complete_present(bench: &Bench) -> Found {
    let (key, first) = (bench.key("complete-present"), body("first"));
    let ready = prepare(bench, &key, &body("second")).await?;
    bench.put(&key, &first).await?;
    let answer = bench.request(create_by_completion(&ready)).await;
    let found = refusal(answer, bench.standing(&key).await? == Some(first));
    match &found {
        Ok(seen) if seen.verdict == Verdict::Broken => bench.forget_upload(&ready.upload),
        _ => {
            let _ = abort(bench, &ready.upload).await;
        }
    }
    found
}
