//! Appends: one client beside a bare loop, and many clients at once beside a bare group commit.
//!
//! A record of the bare arms is as long as the host's frame, so that all write the same number of bytes ([`crate::bare`]).
//! Every arm goes on where it stopped in the round before, in a file of its own; the host goes on to another segment after
//! 64 MiB, as it does elsewhere.

use crate::bare::{LeaderCommit, Loop};
use crate::clients::{block_on, per_second};
use crate::place::Place;
use crate::rounds::{Arm, Rounds, Spread};
use asl_host::frame::HEADER_LEN;
use asl_host::{Host, PosixHost, Store, StoreLocation};
use std::sync::Mutex;

const CLIENTS: usize = 16;
const RECORD_LENS: [usize; 3] = [128, 1024, 4096];

/// What is wanted: of the bare loop's rate for one client; of the bare group commit's for many; and how many times the bare
/// loop's rate many clients get together.
const ALONE_WANTED_MIN: f64 = 0.9;
const MANY_WANTED_MIN: f64 = 0.75;
const GROUP_WANTED_MIN: f64 = 4.0;

/// What was measured with records of one length.
struct Measured {
    record_len: usize,
    /// Appends a second: the bare loop, the host with one client, the bare group commit, the host with many clients.
    rates: [f64; 4],
    ratios: [Spread; 3],
}

/// Measures, and prints two tables.
pub(crate) fn measure(place: &Place, rounds: Rounds) {
    let measured = RECORD_LENS.map(|record_len| measure_records(place, rounds, record_len));
    print_rates(&measured);
    print_ratios(&measured);
}

/// With many clients, what an append takes is the time divided by all appends: its share, not how long a client waits.
fn print_rates(measured: &[Measured]) {
    println!("\n{:<44} {:>10} {:>12} {:>10}", "append, durable", "record", "per second", "us each");
    let names = [
        "1 client: pwrite, fdatasync".to_owned(),
        "1 client: PosixHost".to_owned(),
        format!("{CLIENTS} clients: bare group commit"),
        format!("{CLIENTS} clients: PosixHost"),
    ];
    for (at, name) in names.iter().enumerate() {
        for Measured { record_len, rates, .. } in measured {
            println!("{name:<44} {record_len:>8} B {:>12.0} {:>10.1}", rates[at], 1e6 / rates[at]);
        }
    }
}

fn print_ratios(measured: &[Measured]) {
    println!("\n{:<44} {:>10} {:>12} {:>15} {:>6}", "ratio", "record", "median", "middle half", "wanted");
    let ratios = [
        ("1 client: PosixHost / pwrite, fdatasync".to_owned(), ALONE_WANTED_MIN),
        (format!("{CLIENTS} clients: PosixHost / bare group commit"), MANY_WANTED_MIN),
        (format!("PosixHost, {CLIENTS} / pwrite, fdatasync, 1 client"), GROUP_WANTED_MIN),
    ];
    for (at, (name, wanted_min)) in ratios.iter().enumerate() {
        for Measured { record_len, ratios, .. } in measured {
            let Spread { low, median, high } = ratios[at];
            let word = if median >= *wanted_min { "reached" } else { "NOT reached" };
            let doubt = if (low..high).contains(wanted_min) { ", by noisy rounds" } else { "" };
            println!(
                "{name:<44} {record_len:>8} B {median:>12.2} {low:>6.2} to {high:<5.2} {wanted_min:>6.2}  {word}{doubt}"
            );
        }
    }
}

fn measure_records(place: &Place, rounds: Rounds, record_len: usize) -> Measured {
    let path = |name: &str| place.join(&format!("{name}-{record_len}"));
    let host = PosixHost::new(place.path());
    let store = |name: &str| {
        let location = StoreLocation::new(path(name).to_string_lossy());
        block_on(host.create_store(&location)).expect("a store can be made where the benchmark runs")
    };
    let record = vec![0x5a; record_len];
    let framed = vec![0x5a; HEADER_LEN + record_len];
    let (bare, alone) = (Mutex::new(Loop::new(&path("bare"))), store("alone"));
    let (group, many) = (LeaderCommit::new(&path("group")), store("many"));
    let append = |store: &<PosixHost as Host>::Store| {
        block_on(store.append(&record)).expect("there is space, and the disk works");
    };
    let mut arms = [
        Arm::new(|length| per_second(1, length, || bare.lock().expect("one client").append(&framed))),
        Arm::new(|length| per_second(1, length, || append(&alone))),
        Arm::new(|length| per_second(CLIENTS, length, || group.append(&framed))),
        Arm::new(|length| per_second(CLIENTS, length, || append(&many))),
    ];
    rounds.interleave(&mut arms);
    let [bare, alone, group, many] = &arms;
    Measured {
        record_len,
        rates: [bare, alone, group, many].map(Arm::median),
        ratios: [alone.over(bare), many.over(group), many.over(bare)],
    }
}
