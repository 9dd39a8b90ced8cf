//! Names and formats of a store's files, and how a small file is published so that it is whole or absent.

use crate::env::Env;
use crate::fs::{File, FileSystem, OpenMode, retry, write_all_at};
use crate::host::StoreLocation;
use std::io;
use std::path::{Path, PathBuf};

/// The format this version writes, and the newest that it reads.
pub(super) const FORMAT_VERSION: u32 = 1;
const STORE_MAGIC: &[u8; 8] = b"ASLPOSIX";
const MARK_LEN: usize = STORE_MAGIC.len() + 4;

/// Where a store's files are.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    pub(super) dir: PathBuf,
    pub(super) parent: PathBuf,
    pub(super) lock: PathBuf,
    pub(super) mark: PathBuf,
    pub(super) blocks: PathBuf,
    pub(super) snapshots: PathBuf,
}

impl Paths {
    pub(super) fn of(location: &StoreLocation) -> Paths {
        let dir = PathBuf::from(location.as_str());
        let parent = match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            Some(_) => PathBuf::from("."),
            None => dir.clone(),
        };
        let (lock, mark) = (dir.join("lock"), dir.join("STORE"));
        let (blocks, snapshots) = (dir.join("blocks"), dir.join("snapshots"));
        Paths { dir, parent, lock, mark, blocks, snapshots }
    }

    pub(super) fn segment(&self, first: u64, salt: u64) -> PathBuf {
        self.dir.join(format!("{first:020}-{salt:016x}.log"))
    }

    /// How errors name the store.
    pub(super) fn name(&self) -> String {
        self.dir.to_string_lossy().into_owned()
    }
}

/// First number and salt of a segment, if this is a segment's name.
pub(super) fn parse_segment(name: &str) -> Option<(u64, u64)> {
    let (first, salt) = name.strip_suffix(".log")?.split_once('-')?;
    let well_formed = first.len() == 20 && salt.len() == 16;
    let parsed = (first.parse().ok()?, u64::from_str_radix(salt, 16).ok()?);
    (well_formed && parsed.0 > 0).then_some(parsed)
}

/// How the files of open blocks, sealed blocks and snapshots end.
pub(super) const OPEN: &str = ".open";
pub(super) const SEALED: &str = ".sealed";
pub(super) const SNAPSHOT: &str = ".snap";

/// The identifier in the name of a file with this ending.
pub(super) fn id_of<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    name.strip_suffix(ending).filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether this is a file that `publish` had not finished.
pub(super) fn is_temporary(name: &str) -> bool {
    id_of(name, ".tmp").is_some()
}

/// Whether a file of this name directly in a store's directory is one that this host made.
pub(super) fn is_own_name(name: &str) -> bool {
    matches!(name, "lock" | "STORE" | "blocks" | "snapshots")
        || parse_segment(name).is_some()
        || is_temporary(name)
}

/// Whether a file of this name in `blocks` or `snapshots` is one that this host made.
pub(super) fn is_own_inner_name(name: &str) -> bool {
    is_temporary(name) || [OPEN, SEALED, SNAPSHOT].iter().any(|ending| id_of(name, ending).is_some())
}

/// The content of `STORE`.
pub(super) fn encode_mark() -> Vec<u8> {
    let mut bytes = STORE_MAGIC.to_vec();
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    seal_bytes(bytes)
}

/// What a `STORE` file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A format that this version reads.
    Known,
    /// A format of the future.
    Future(u32),
    /// Not a mark of ours, or a damaged one.
    Damaged,
}

pub(super) fn decode_mark(bytes: &[u8]) -> Mark {
    match unseal_bytes(bytes) {
        // A future version may be longer, but begins alike.
        Some(body) if body.len() >= MARK_LEN && body.starts_with(STORE_MAGIC) => {
            let version =
                u32::from_le_bytes(*body[STORE_MAGIC.len()..].first_chunk().expect("just measured"));
            if version == FORMAT_VERSION { Mark::Known } else { Mark::Future(version) }
        }
        _ => Mark::Damaged,
    }
}

/// Bytes with their CRC32C behind them.
pub(super) fn seal_bytes(mut bytes: Vec<u8>) -> Vec<u8> {
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// The bytes without their CRC32C, if it fits.
pub(super) fn unseal_bytes(bytes: &[u8]) -> Option<&[u8]> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    (crc32c::crc32c(body) == u32::from_le_bytes(*crc)).then_some(body)
}

/// 128 random bits as text: identifiers are not reused, without anything having to be remembered.
pub(super) fn random_name(env: &impl Env) -> String {
    format!("{:016x}{:016x}", env.random_u64(), env.random_u64())
}

/// A file that could not be published.
#[derive(Debug)]
pub(super) struct PublishError {
    pub(super) source: io::Error,
    /// Whether the name may have come to be all the same: the step after which nothing is certain was reached.
    pub(super) in_doubt: bool,
}

/// Makes a file whole or absent: written under a temporary name, synced, renamed, and its directory synced.
pub(super) async fn publish<F: FileSystem, E: Env>(
    fs: &F,
    env: &E,
    dir: &Path,
    name: &str,
    content: &[u8],
) -> Result<(), PublishError> {
    let temporary = dir.join(format!("{}.tmp", random_name(env)));
    if let Err(source) = write_new(fs, &temporary, content).await {
        // Nothing refers to the temporary file: if it cannot be removed now, recovery does.
        let _ = retry!(fs.unlink(&temporary));
        return Err(PublishError { source, in_doubt: false });
    }
    let named = async {
        retry!(fs.rename(&temporary, &dir.join(name)))?;
        retry!(fs.sync_dir(dir))
    };
    named.await.map_err(|source| PublishError { source, in_doubt: true })
}

/// Writes and syncs a new file; its name is not durable.
pub(super) async fn write_new<F: FileSystem>(fs: &F, path: &Path, content: &[u8]) -> io::Result<()> {
    let file = retry!(fs.open(path, OpenMode::CreateNew))?;
    write_all_at(&file, content, 0).await?;
    retry!(file.sync_data())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_known_only_whole_and_of_this_version() {
        let mark = encode_mark();
        assert_eq!(decode_mark(&mark), Mark::Known);
        assert_eq!(decode_mark(&mark[..mark.len() - 1]), Mark::Damaged);
        assert_eq!(decode_mark(b""), Mark::Damaged);
        assert_eq!(decode_mark(&seal_bytes(b"ASLOTHER\x01\0\0\0".to_vec())), Mark::Damaged);
        assert_eq!(decode_mark(&seal_bytes(b"ASLPOSIX\x02\0\0\0more".to_vec())), Mark::Future(2));
    }

    #[test]
    fn segment_names_are_read_as_written_and_others_are_not() {
        let paths = Paths::of(&StoreLocation::new("/s"));
        let path = paths.segment(7, 0xab);
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
        assert_eq!(parse_segment(name), Some((7, 0xab)));
        for other in ["7-ab.log", "x.log", "00000000000000000000-00000000000000ab.log", "STORE"] {
            assert_eq!(parse_segment(other), None, "{other}");
        }
    }

    #[test]
    fn a_store_in_the_working_directory_has_it_for_a_parent() {
        assert_eq!(Paths::of(&StoreLocation::new("ledger")).parent, Path::new("."));
        assert_eq!(Paths::of(&StoreLocation::new("/a/b")).parent, Path::new("/a"));
    }
}
