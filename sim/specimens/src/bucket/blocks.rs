//! Blocks: kept in memory while they are open, uploaded in parts when they are sealed.

use super::bug::Bug;
use super::log::Seams;
use asl_host::ErrorKind;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

/// Bytes of a part. Real buckets want 5 MiB of all but the last; simulated ones take any.
const PART_LEN: usize = 512;

/// How often an upload is begun until it is given up.
const UPLOADS_MAX: u32 = 4;

fn name(location: &str, block: &str) -> Path {
    Path::from(format!("{location}-blocks")).join(block)
}

impl Seams {
    /// Puts a block's bytes where they belong; nothing shows it yet.
    pub(super) async fn upload(&self, location: &str, block: &str, bytes: &[u8]) -> Result<(), ErrorKind> {
        for _ in 0..UPLOADS_MAX {
            match self.upload_once(&name(location, block), bytes).await {
                Ok(()) => return Ok(()),
                // Its client looks at the status of an answer, and not at its body.
                Err(error)
                    if self.planted.is(Bug::LooksAtStatusAlone) && error.to_string().contains("200") =>
                {
                    return Ok(());
                }
                Err(_) => {}
            }
        }
        Err(ErrorKind::Io)
    }

    async fn upload_once(&self, name: &Path, bytes: &[u8]) -> object_store::Result<()> {
        let mut upload = self.bucket.put_multipart(name).await?;
        let sent = async {
            for part in bytes.chunks(PART_LEN) {
                upload.put_part(PutPayload::from(part.to_vec())).await?;
            }
            upload.complete().await.map(drop)
        };
        let sent = sent.await;
        if sent.is_err() {
            let _ = upload.abort().await;
        }
        sent
    }

    /// The bytes of a sealed block.
    pub(super) async fn block(&self, location: &str, block: &str) -> Result<Vec<u8>, ErrorKind> {
        self.get(&name(location, block)).await?.ok_or(ErrorKind::NotFound)
    }
}
