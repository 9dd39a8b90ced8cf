//! Manifests of snapshots. One is text: a line with the snapshot's identifier and its last number, a line for each block,
//! and the CRC32C of all that.

use super::files::retry;
use asl_host::fs::{FileSystem, OpenMode, read_whole};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// The bytes of a manifest.
pub(super) fn encode(id: &str, last: usize, blocks: &BTreeSet<String>) -> Vec<u8> {
    let mut text = format!("{id} {last}\n");
    for block in blocks {
        text.push_str(block);
        text.push('\n');
    }
    let crc = crc32c::crc32c(text.as_bytes());
    format!("{text}{crc:08x}").into_bytes()
}

fn decode(bytes: &[u8], id: &str) -> Option<(usize, BTreeSet<String>)> {
    let (text, crc) = bytes.split_last_chunk::<8>()?;
    if format!("{:08x}", crc32c::crc32c(text)).as_bytes() != crc {
        return None;
    }
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    // An old manifest's sector must not be taken for this one's.
    let last = lines.next()?.strip_prefix(id)?.trim_start().parse().ok()?;
    Some((last, lines.map(str::to_owned).collect()))
}

/// What a snapshot holds: its last number and its blocks. Of a manifest that is not whole it says `InvalidData`.
pub(super) async fn load<F: FileSystem>(
    fs: &F,
    path: &Path,
    id: &str,
) -> io::Result<(usize, BTreeSet<String>)> {
    let file = retry!(fs.open(path, OpenMode::Read))?;
    let bytes = read_whole(&file).await?;
    decode(&bytes, id).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the manifest is not whole"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_written_and_not_at_all_otherwise() {
        let blocks: BTreeSet<String> = ["a".to_owned(), "b".to_owned()].into();
        let bytes = encode("id", 7, &blocks);
        assert_eq!(decode(&bytes, "id"), Some((7, blocks)));
        assert_eq!(decode(&bytes, "other"), None);
        for len in 0..bytes.len() {
            assert_eq!(decode(&bytes[..len], "id"), None, "cut at {len}");
        }
        assert_eq!(decode(&vec![0; bytes.len()], "id"), None);
    }
}
