//! A write of 512 B by `std::fs`, led into the world and on tmpfs, in one run; and what a crash that is simulated so costs.
//!
//! Both are the same code in the same program: a host whose append writes its record many times. What counts is the ratio of medians
//! of rounds that alternate.

#![expect(clippy::cast_precision_loss, reason = "times and counts are far below 2^52")]

use asl_host::{
    Capabilities, Durability, Exclusion, Host, HostIdentity, HostTime, LogSeq, Record, Result, Store,
    StoreLocation,
};
use asl_sim::campaign::{capabilities, run_seed};
use asl_sim::scenario::FaultClass;
use asl_sim::scenario::generate::Wishes;
use rustix::time::{ClockId, clock_gettime};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;

const WRITES: u64 = 20_000;
const ROUNDS: usize = 7;
/// What an interposed write may take of one on tmpfs.
const SHARE_WANTED: f64 = 0.2;

static TIMES_NS: Mutex<Vec<f64>> = Mutex::new(Vec::new());

/// The processor's time, in nanoseconds; asked of the kernel past the C library, whose clock is the world's in a run.
fn now_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Writes so often, and syncs now and then, as hosts do; says how long one write took.
fn write(dir: &Path) -> f64 {
    let path = dir.join("written");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path);
    let file: File = file.expect("it can be made");
    let data = [7; 512];
    let mut time_ns = 0.0;
    for batch in 0..WRITES / 100 {
        let start = now_ns();
        for at in 0..100 {
            file.write_all_at(&data, (batch % 8 * 100 + at) * 512).expect("it is written");
        }
        time_ns += now_ns() - start;
        file.sync_data().expect("it is synced");
    }
    time_ns / WRITES as f64
}

struct Writer;
struct Nothing;

impl Host for Writer {
    type Store = Nothing;

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durability: Durability::OnAppend,
            exclusion: Exclusion::Refuse,
            blocks: false,
            snapshots: false,
            append_unit: 1,
            max_record_len: 1,
        }
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<Nothing> {
        std::fs::create_dir(location.as_str()).expect("it can be made");
        let time_ns = write(Path::new(location.as_str()));
        TIMES_NS.lock().expect("nothing panics while it is held").push(time_ns);
        Ok(Nothing)
    }

    async fn open_store(&self, _location: &StoreLocation) -> Result<Nothing> {
        Ok(Nothing)
    }

    async fn destroy_store(&self, _location: &StoreLocation) -> Result<()> {
        Ok(())
    }

    async fn now(&self) -> Result<HostTime> {
        Ok(HostTime(0))
    }

    async fn identity(&self) -> Result<HostIdentity> {
        Ok(HostIdentity::new("bench"))
    }
}

impl Store for Nothing {
    async fn append(&self, _record: &[u8]) -> Result<LogSeq> {
        Ok(LogSeq(1))
    }

    async fn append_if(&self, _expected_next: LogSeq, _record: &[u8]) -> Result<LogSeq> {
        Ok(LogSeq(1))
    }

    async fn flush(&self) -> Result<LogSeq> {
        Ok(LogSeq(1))
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        Ok(LogSeq(1))
    }

    async fn read(&self, _from: LogSeq, _limit: usize) -> Result<Vec<Record>> {
        Ok(Vec::new())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }

    fn append_unit(&self) -> u32 {
        1
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let target = asl_interpose::target("writer", "writes", |_| Writer);
    let wishes = Wishes { classes: vec![FaultClass::None], ops: Some(0), ..Wishes::default() };
    let offered = capabilities(&target, &wishes);
    let tmpfs = Path::new("/dev/shm").join(format!("asl-interpose-{}", std::process::id()));
    std::fs::create_dir(&tmpfs).expect("/dev/shm can be written");
    let mut on_tmpfs = Vec::new();
    for round in 0..ROUNDS {
        // What becomes of the run is nothing: the host keeps no log.
        run_seed(&target, round as u64, &wishes, &offered, false);
        on_tmpfs.push(write(&tmpfs));
    }
    std::fs::remove_dir_all(&tmpfs).expect("it was made");
    let mut led = std::mem::take(&mut *TIMES_NS.lock().expect("nothing panics while it is held"));
    let (led, on_tmpfs) = (median(&mut led), median(&mut on_tmpfs));
    let verdict = if led / on_tmpfs <= SHARE_WANTED { "reached" } else { "NOT reached" };
    println!("a write of 512 B: {led:.0} ns led into the world, {on_tmpfs:.0} ns on tmpfs");
    println!("  share of tmpfs {:.2} (wanted: at most {SHARE_WANTED}, {verdict})", led / on_tmpfs);
}
