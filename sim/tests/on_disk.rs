//! Every case of the contract, on a real disk: as shipped, with short segments, and in worse surroundings.
//!
//! On the operating system's file system no call ever waits, so an operation ends with its first poll. The third arm makes
//! every call wait once before and once after its effect, so that concurrent callers interleave and a future can be
//! dropped between any two steps, and has a wall clock that runs backwards. A case that does not end within its deadline fails by name, whatever it is doing.
//!
//! Not covered here: crashes and faults, for which the disk would have to be told to fail.

use asl_host::env::{Env, OsEnv};
use asl_host::fs::{File, FileSystem, Metadata, OpenMode, OsFile, OsFileSystem};
use asl_host::{Durability, Host, PosixHost, PosixOptions, StoreLocation};
use asl_sim::conform::cases::{Context, Run, cases};
use asl_sim::conform::{Ended, block_on, within};
use libtest_mimic::{Arguments, Failed, Trial};
use std::ffi::OsString;
use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;
use tempfile::TempDir;

/// How long a case may take. Far more than any needs, so that a slow disk is not a failure.
const DEADLINE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let short = PosixOptions {
        segment_len_max: 256,
        record_len_max: 1 << 20,
        clock_reserve_ns: 1,
        durability: Durability::OnAppend,
    };
    let on_flush = PosixOptions { durability: Durability::OnFlush, ..PosixOptions::default() };
    let short_on_flush = PosixOptions { durability: Durability::OnFlush, ..short };
    let mut trials = arm::<_, OsEnv>("disk", &OsFileSystem, PosixOptions::default());
    trials.extend(arm::<_, OsEnv>("disk_with_short_segments", &OsFileSystem, short));
    trials.extend(arm::<_, Backwards>("disk_that_waits", &Waiting, short));
    trials.extend(arm::<_, OsEnv>("disk_on_flush", &OsFileSystem, on_flush));
    trials.extend(arm::<_, Backwards>("disk_that_waits_on_flush", &Waiting, short_on_flush));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// One trial for each case, named after the arm and the case.
fn arm<F: FileSystem, E: Env + Default>(name: &str, fs: &F, options: PosixOptions) -> Vec<Trial> {
    let capabilities = PosixHost::with_seams(fs.clone(), E::default(), ".", options).capabilities();
    let trials = cases::<Disk<F, E>>().into_iter().map(|case| {
        let fs = fs.clone();
        let ignored = case.lacking(&capabilities).is_some();
        Trial::test(format!("{name}::{}", case.name), move || carry_out(case.name, fs, options, case.run))
            .with_ignored_flag(ignored)
    });
    trials.collect()
}

/// A host on a temporary directory of its own.
struct Disk<F, E> {
    fs: F,
    env: PhantomData<E>,
    options: PosixOptions,
    dir: TempDir,
}

impl<F: FileSystem, E: Env + Default> Context for Disk<F, E> {
    type Host = PosixHost<F, E>;

    fn boot(&self) -> Self::Host {
        PosixHost::with_seams(self.fs.clone(), E::default(), self.dir.path(), self.options)
    }

    fn location(&self, name: &str) -> StoreLocation {
        StoreLocation::new(
            self.dir.path().join(name).to_str().expect("temporary directories have plain names"),
        )
    }
}

fn carry_out<F: FileSystem, E: Env + Default>(
    case: &str,
    fs: F,
    options: PosixOptions,
    run: Run<Disk<F, E>>,
) -> Result<(), Failed> {
    let dir = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let disk = Disk { fs, env: PhantomData, options, dir };
    match within(DEADLINE, &AtomicBool::new(false), case, move || block_on(run(&disk))) {
        Ended::Done(()) => Ok(()),
        Ended::Panicked(text) => Err(text.into()),
        Ended::Hung | Ended::Stopped => Err(format!("still running after {} s", DEADLINE.as_secs()).into()),
    }
}

/// A wall clock that is set back at every reading, and at every boot to where it was at the first.
struct Backwards(AtomicU64);

impl Default for Backwards {
    fn default() -> Backwards {
        Backwards(AtomicU64::new(1 << 60))
    }
}

impl Env for Backwards {
    fn now_ns(&self) -> u64 {
        self.0.fetch_sub(1_000_000, Ordering::Relaxed)
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        OsEnv.fill_random(buffer);
    }

    async fn sleep(&self, _duration: Duration) {
        turn().await;
    }
}

/// The operating system's file system, with every call waiting before and after its effect.
#[derive(Clone, Copy)]
struct Waiting;

struct WaitingFile(OsFile);

/// Is not ready the first time that it is polled.
async fn turn() {
    let mut waited = false;
    poll_fn(|context| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn waiting<T>(call: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    turn().await;
    let result = call.await;
    turn().await;
    result
}

impl FileSystem for Waiting {
    type File = WaitingFile;

    async fn open(&self, path: &Path, mode: OpenMode) -> io::Result<WaitingFile> {
        waiting(OsFileSystem.open(path, mode)).await.map(WaitingFile)
    }

    async fn create_dir(&self, path: &Path) -> io::Result<()> {
        waiting(OsFileSystem.create_dir(path)).await
    }

    async fn remove_dir(&self, path: &Path) -> io::Result<()> {
        waiting(OsFileSystem.remove_dir(path)).await
    }

    async fn unlink(&self, path: &Path) -> io::Result<()> {
        waiting(OsFileSystem.unlink(path)).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        waiting(OsFileSystem.rename(from, to)).await
    }

    async fn link(&self, original: &Path, link: &Path) -> io::Result<()> {
        waiting(OsFileSystem.link(original, link)).await
    }

    async fn read_dir(&self, path: &Path) -> io::Result<Vec<OsString>> {
        waiting(OsFileSystem.read_dir(path)).await
    }

    async fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        waiting(OsFileSystem.metadata(path)).await
    }

    async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        waiting(OsFileSystem.sync_dir(path)).await
    }
}

impl File for WaitingFile {
    async fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        waiting(self.0.read_at(buffer, offset)).await
    }

    /// Writes at most half of what is asked for, so that a record can be cut short in its middle.
    async fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        waiting(self.0.write_at(&data[..data.len().div_ceil(2)], offset)).await
    }

    async fn sync_data(&self) -> io::Result<()> {
        waiting(self.0.sync_data()).await
    }

    async fn sync_all(&self) -> io::Result<()> {
        waiting(self.0.sync_all()).await
    }

    async fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        waiting(self.0.allocate(offset, len)).await
    }

    async fn set_len(&self, len: u64) -> io::Result<()> {
        waiting(self.0.set_len(len)).await
    }

    async fn metadata(&self) -> io::Result<Metadata> {
        waiting(self.0.metadata()).await
    }

    async fn try_lock(&self) -> io::Result<bool> {
        waiting(self.0.try_lock()).await
    }
}
