//! What the bare workload runs on: a vector, and a file of turmoil's simulated file system.
//!
//! `turmoil-fs` 0.1 stands here for the simulated file systems that there are. It is used at its smallest: one file in the
//! root directory, `block_size` 512 so that writes tear, no latency, no page cache, no random errors, and none of
//! turmoil's hosts, network or scheduler. It keeps what is pending by path, and does *not* model, of what asl-sim does:
//! sectors that survive independently (a torn write is a prefix of its blocks), names that survive without a sync, sizes
//! apart from data, garbage or old content in lost sectors, failed syncs that mark pages clean, kills apart from power
//! losses, crash points inside a call. Nor does this loop judge anything beyond the comparison in [`crate::workload`].

use crate::workload::{Draws, Medium};
use std::os::unix::fs::FileExt;
use turmoil_fs::shim::std::fs::{self, File, OpenOptions};
use turmoil_fs::{Fs, FsEnterGuard};

/// Bytes in memory; a crash cuts the last write at any place.
#[derive(Default)]
pub(crate) struct Memory(Vec<u8>);

impl Medium for Memory {
    fn restart(&mut self, _seed: u64) {
        self.0.clear();
    }

    fn append(&mut self, _end: u64, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn append_and_crash(&mut self, _end: u64, bytes: &[u8], draws: &mut Draws) {
        let kept = draws.below(bytes.len() as u32 + 1) as usize;
        self.0.extend_from_slice(&bytes[..kept]);
    }

    fn read(&mut self, image: &mut Vec<u8>) {
        image.clear();
        image.extend_from_slice(&self.0);
    }

    fn cut(&mut self, len: u64) {
        self.0.truncate(len as usize);
    }
}

const PATH: &str = "/log";

/// A file of turmoil's.
#[derive(Default)]
pub(crate) struct TurmoilFile(Option<Entered>);

/// A file system that shims on this thread use as long as this lives.
struct Entered {
    // Dropped in this order: the file while its file system is the current one.
    file: File,
    fs: Fs,
    _guard: FsEnterGuard,
}

fn open() -> File {
    OpenOptions::new().read(true).write(true).create(true).open(PATH).expect("no errors are injected")
}

impl TurmoilFile {
    fn entered(&mut self) -> &mut Entered {
        self.0.as_mut().expect("a scenario begins with a restart")
    }
}

impl Medium for TurmoilFile {
    fn restart(&mut self, seed: u64) {
        // The last one must be left before another is entered.
        self.0 = None;
        let fs = Fs::builder().seed(seed).block_size(512).build();
        let guard = fs.enter();
        let file = open();
        fs::sync_dir("/").expect("no errors are injected");
        self.0 = Some(Entered { file, fs, _guard: guard });
    }

    fn append(&mut self, end: u64, bytes: &[u8]) {
        let file = &self.entered().file;
        file.write_all_at(bytes, end).expect("no errors are injected");
        file.sync_data().expect("no errors are injected");
    }

    fn append_and_crash(&mut self, end: u64, bytes: &[u8], _draws: &mut Draws) {
        let entered = self.entered();
        entered.file.write_all_at(bytes, end).expect("no errors are injected");
        entered.fs.crash();
        entered.file = open();
    }

    fn read(&mut self, image: &mut Vec<u8>) {
        *image = fs::read(PATH).expect("no errors are injected");
    }

    fn cut(&mut self, len: u64) {
        let file = &self.entered().file;
        file.set_len(len).expect("no errors are injected");
        file.sync_all().expect("no errors are injected");
    }
}
