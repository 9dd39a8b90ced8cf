//! The store that the damage is done to, and the tools to do it with.
//!
//! It has three segments, a sealed block and a snapshot, and ends with a batch of two records. Not a test by itself.

use asl_host::env::OsEnv;
use asl_host::fs::OsFileSystem;
use asl_host::{
    Code, ErrorKind, Host, LogSeq, PosixHost, PosixOptions, Result, Store, StoreError, StoreLocation, frame,
};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tempfile::TempDir;

/// Every record of the sample is this long, and so is every frame.
pub(crate) const RECORD_LEN: usize = 9;
pub(crate) const FRAME_LEN: usize = frame::HEADER_LEN + RECORD_LEN;
/// Segments 1 and 2 hold four records each; the third goes on to the end.
pub(crate) const SEGMENT_RECORDS: usize = 4;
/// Records that were appended one by one; the last batch holds two more.
pub(crate) const ALONE: usize = 10;
pub(crate) const RECORDS: usize = ALONE + 2;
/// What the snapshot holds.
pub(crate) const SNAPSHOT_RECORDS: usize = 9;
pub(crate) const BLOCK: &[u8] = b"what the block holds";

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

pub(crate) fn record(number: usize) -> Vec<u8> {
    format!("record {number:02}").into_bytes()
}

pub(crate) fn records(count: usize) -> Vec<Vec<u8>> {
    (1..=count).map(record).collect()
}

pub(crate) fn put(path: &Path, bytes: &[u8]) {
    let mut file = fs::File::create(path).expect("create a file");
    file.write_all(bytes).expect("write a file");
}

/// The names below a directory, with the content of those that are files.
pub(crate) fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("list a directory") {
        let path = entry.expect("list a directory").path();
        if path.is_dir() {
            found.extend(tree(&path));
            found.insert(path, Vec::new());
        } else {
            let content = fs::read(&path).expect("read a file");
            found.insert(path, content);
        }
    }
    found
}

/// A directory with a host's root in it, and the sample store.
pub(crate) struct Sample {
    pub(crate) dir: TempDir,
}

impl Sample {
    pub(crate) fn new() -> Sample {
        let sample = Sample::empty();
        block_on(async {
            let store = sample.host().create_store(&sample.location()).await?;
            for number in 1..=ALONE {
                if number == SNAPSHOT_RECORDS + 1 {
                    let block = store.create_block().await?;
                    store.write_block(&block, BLOCK).await?;
                    store.seal_block(&block).await?;
                    store.create_snapshot().await?;
                }
                store.append(&record(number)).await?;
            }
            store.close().await
        })
        .expect("make the sample store");
        sample.add_batch();
        sample
    }

    pub(crate) fn empty() -> Sample {
        Sample { dir: tempfile::tempdir().expect("make a temporary directory") }
    }

    pub(crate) fn host(&self) -> PosixHost {
        let segment_len_max = (SEGMENT_RECORDS * FRAME_LEN) as u64;
        let options = PosixOptions { segment_len_max, ..PosixOptions::default() };
        PosixHost::with_seams(OsFileSystem, OsEnv, self.dir.path(), options)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub(crate) fn location(&self) -> StoreLocation {
        StoreLocation::new(self.store().to_str().expect("temporary directories have plain names"))
    }

    /// Two records in one batch, as two callers at the same time leave them.
    fn add_batch(&self) {
        let path = self.segment(2);
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let salt = u64::from_str_radix(&name[name.len() - 16..], 16).expect("the name ends with the salt");
        let mut bytes = fs::read(&path).expect("read the segment");
        for number in ALONE + 1..=RECORDS {
            frame::encode(&mut bytes, salt, number as u64, ALONE as u64, &record(number));
        }
        put(&path, &bytes);
    }

    /// The only file in the store whose name ends like this.
    pub(crate) fn file(&self, ending: &str) -> PathBuf {
        let mut files =
            tree(&self.store()).into_keys().filter(|path| path.to_string_lossy().ends_with(ending));
        let file = files.next().expect("there is such a file");
        assert_eq!(files.next(), None, "there is one such file");
        file
    }

    pub(crate) fn segment(&self, index: usize) -> PathBuf {
        let is_segment = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "log");
        let segments: Vec<PathBuf> = tree(&self.store()).into_keys().filter(is_segment).collect();
        assert_eq!(segments.len(), 3);
        segments[index].clone()
    }

    /// Where a record's frame begins in its segment.
    pub(crate) fn place(&self, number: usize) -> (PathBuf, usize) {
        let index = ((number - 1) / SEGMENT_RECORDS).min(2);
        (self.segment(index), (number - 1 - index * SEGMENT_RECORDS) * FRAME_LEN)
    }

    /// Flips a bit in the middle of a record.
    pub(crate) fn damage_record(&self, number: usize) {
        let (path, at) = self.place(number);
        flip(&path, at + frame::HEADER_LEN + 3);
    }

    /// All records, after all blocks and snapshots were read too and found to be right.
    pub(crate) fn look(&self) -> Result<Vec<Vec<u8>>> {
        block_on(async {
            let store = self.host().open_store(&self.location()).await?;
            let log = read(&store).await?;
            for block in store.list_blocks().await? {
                assert_eq!(store.read_block(&block).await?, BLOCK);
            }
            for snapshot in store.list_snapshots().await? {
                let view = store.mount_snapshot(&snapshot).await?;
                assert_eq!(read(&view).await?, records(SNAPSHOT_RECORDS));
            }
            Ok(log)
        })
    }

    pub(crate) fn assert_corrupt(&self) -> StoreError {
        let error = self.look().expect_err("the damage is found");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, Code::IoError), "{error}");
        let again = self.look().expect_err("the damage is found again");
        assert_eq!(again.to_string(), error.to_string(), "the same damage gives the same error");
        error
    }

    /// The store opens with so many records, and from there on works like any other.
    pub(crate) fn assert_holds(&self, count: usize) {
        assert_eq!(self.look().expect("it opens"), records(count));
        block_on(async {
            let store = self.host().open_store(&self.location()).await?;
            assert_eq!(store.append(b"goes on").await?, LogSeq(count as u64 + 1));
            store.close().await
        })
        .expect("work goes on");
        let mut expected = records(count);
        expected.push(b"goes on".to_vec());
        assert_eq!(self.look().expect("it opens again"), expected);
    }
}

pub(crate) async fn read<S: Store>(store: &S) -> Result<Vec<Vec<u8>>> {
    let records = store.read(LogSeq::FIRST, usize::MAX).await?;
    assert!(records.iter().zip(1..).all(|(record, number)| record.seq == LogSeq(number)));
    Ok(records.into_iter().map(|record| record.data).collect())
}

pub(crate) fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("read a file");
    bytes[at] ^= 1 << (at % 8);
    put(path, &bytes);
}

pub(crate) fn cut(path: &Path, len: usize) {
    let bytes = fs::read(path).expect("read a file");
    put(path, &bytes[..len]);
}
