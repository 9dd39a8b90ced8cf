//! What it costs to open a store, by the length of its log, beside reading the same bytes.
//!
//! An open reads the last segment and checks every frame in it; of earlier segments it sees the names only. So its cost is
//! bounded by the length of a segment (64 MiB by default), not by that of the log. It also writes the last batch again,
//! and syncs the segment and four directories: what the shortest log costs is that.
//!
//! Logs are made by writing segments of valid frames, each appended alone as its watermark says, in the layout that
//! `asl_host::posix` documents: appending a million durable records would take minutes. The open is asked for the last
//! number, so a log that is not as the host would have left it shows. Everything was read before and is in the page
//! cache: the cost is the processor's and the syncs', not the disk's. Above 32 MiB the C library takes memory from the kernel
//! and gives it back every time, so that page faults, in both arms, are most of what a full segment costs. Not measured: a
//! cold cache, a torn tail, blocks and snapshots (an open reads every manifest).

use crate::clients::block_on;
use crate::place::Place;
use crate::rounds::{Arm, Rounds, now};
use asl_host::{Host, LogSeq, PosixHost, PosixOptions, Store, StoreLocation, frame};
use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const RECORD_LEN: usize = 64;
const FRAME_LEN: usize = frame::HEADER_LEN + RECORD_LEN;
/// How many records a segment holds where there are to be many segments.
const FEW_RECORDS: usize = 100;

/// A store that is there to be opened.
struct Log {
    location: StoreLocation,
    records: usize,
    segments: usize,
    /// The segment that an open reads, and how many records it holds.
    last_segment: PathBuf,
    last_records: u32,
}

/// Measures logs of up to this many records, one that fills a segment and one of many segments among them; prints a table.
pub(crate) fn measure(place: &Place, rounds: Rounds, records_max: usize) {
    println!(
        "\n{:<26} {:>8} {:>10} {:>10} {:>10} {:>9} {:>12}",
        "open, by records", "segments", "read KiB", "open ms", "read ms", "open/read", "ns a record"
    );
    let host = PosixHost::new(place.path());
    let full = (PosixOptions::default().segment_len_max as usize).div_ceil(FRAME_LEN);
    let mut logs = [1_000, 10_000, 100_000, 1_000_000, full].map(|records| (records, full)).to_vec();
    logs.push((records_max / 10, FEW_RECORDS));
    logs.retain(|(records, _)| *records <= records_max);
    for (records, segment_records) in logs {
        measure_log(&host, rounds, &Log::make(&host, place, records, segment_records));
    }
}

fn measure_log(host: &PosixHost, rounds: Rounds, log: &Log) {
    let mut arms = [
        Arm::new(|length| ms_each(length, || drop(black_box(read(&log.last_segment))))),
        Arm::new(|length| ms_each(length, || log.open(host))),
    ];
    rounds.interleave(&mut arms);
    let [read, open] = &arms;
    println!(
        "{:<26} {:>8} {:>10} {:>10.2} {:>10.2} {:>9.1} {:>12.0}",
        log.records,
        log.segments,
        log.last_records * FRAME_LEN as u32 / 1024,
        open.median(),
        read.median(),
        open.over(read).median,
        open.median() * 1e6 / f64::from(log.last_records),
    );
}

/// Milliseconds that an operation takes, repeated for about as long as told.
fn ms_each(length: Duration, mut operation: impl FnMut()) -> f64 {
    let (began, mut count) = (now(), 0);
    while count == 0 || began.elapsed() < length {
        operation();
        count += 1;
    }
    began.elapsed().as_secs_f64() * 1e3 / f64::from(count)
}

fn read(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).expect("it was just written");
    bytes
}

impl Log {
    fn make(host: &PosixHost, place: &Place, records: usize, segment_records: usize) -> Log {
        let dir = place.join(&format!("log-{records}-{segment_records}"));
        let location = StoreLocation::new(dir.to_string_lossy());
        let store = block_on(host.create_store(&location)).expect("a store can be made here");
        block_on(store.close()).expect("it works");
        let firsts: Vec<usize> = (1..=records).step_by(segment_records).collect();
        let (mut last_segment, mut last_records) = (PathBuf::new(), 0);
        for &first in &firsts {
            let next = (first + segment_records).min(records + 1);
            last_segment = write_segment(&dir, first as u64, next as u64);
            last_records = (next - first) as u32;
        }
        Log { location, records, segments: firsts.len(), last_segment, last_records }
    }

    fn open(&self, host: &PosixHost) {
        let store = block_on(host.open_store(&self.location)).expect("the log is whole");
        assert_eq!(block_on(store.durable_upto()).expect("it works"), LogSeq(self.records as u64));
    }
}

/// A segment with the records from `first` up to `next`.
fn write_segment(dir: &Path, first: u64, next: u64) -> PathBuf {
    let (salt, record) = (first, [0x5a; RECORD_LEN]);
    let mut bytes = Vec::new();
    for seq in first..next {
        frame::encode(&mut bytes, salt, seq, seq - 1, &record);
    }
    let path = dir.join(format!("{first:020}-{salt:016x}.log"));
    let mut file = File::create_new(&path).expect("a segment can be made here");
    file.write_all(&bytes).and_then(|()| file.sync_all()).expect("there is space, and the disk works");
    path
}
