//! How many scenarios a second one core runs, beside two yardsticks measured in the same minute.
//!
//! ```text
//! cargo run --release --manifest-path sim/throughput/Cargo.toml              # about ten seconds
//! cargo run --release --manifest-path sim/throughput/Cargo.toml -- --quick   # one, to see that it works
//! ```
//!
//! The floor is a loop over memory that writes, tears, scans and compares the same frames, with no simulator around it.
//! The other yardstick is the same loop on turmoil's simulated file system ([`media`] says what that leaves out). All take
//! turns in short rounds, time is the processor's time of the one thread, and a ratio is the median of the rounds' ratios:
//! a machine that is busy with something else slows both sides of one.
//!
//! Not measured: several threads, memory, other hosts, runs that fail. Targets are printed, not asserted.

mod media;
mod workload;

use asl_sim::campaign::{capabilities, run_seed};
use asl_sim::scenario::generate::Wishes;
use asl_sim::target::posix;
use media::{Memory, TurmoilFile};
use mimalloc::MiMalloc;
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::time::Duration;
use workload::{Medium, Workload};

/// The allocator of the command, for all arms.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Scenarios a second on one core that are wanted.
const PER_SECOND_WANTED: f64 = 10_000.0;
/// How many times as long as the floor a scenario may take.
const RATIO_WANTED_MAX: f64 = 20.0;

/// Scenarios between two looks at the clock.
const BATCH: u32 = 8;

/// How long the processor has worked for this thread.
fn worked() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("it does not go below zero")
}

/// Something that is measured: runs the scenario of a seed, and says whether all was well.
struct Arm {
    name: &'static str,
    scenario: Box<dyn FnMut(u64) -> bool>,
    seed: u64,
    failed: u64,
    /// How long a scenario took, in microseconds, round by round.
    rounds_us: Vec<f64>,
}

impl Arm {
    fn new(name: &'static str, scenario: impl FnMut(u64) -> bool + 'static) -> Arm {
        Arm { name, scenario: Box::new(scenario), seed: 0, failed: 0, rounds_us: Vec::new() }
    }

    /// Runs the scenarios of the next seeds for about as long as told; returns microseconds each.
    fn round(&mut self, length: Duration) -> f64 {
        let (start, mut scenarios) = (worked(), 0);
        while worked().saturating_sub(start) < length {
            for _ in 0..BATCH {
                self.failed += u64::from(!black_box((self.scenario)(self.seed)));
                self.seed += 1;
            }
            scenarios += BATCH;
        }
        worked().saturating_sub(start).as_secs_f64() * 1e6 / f64::from(scenarios)
    }
}

fn simulated(name: &'static str, wishes: Wishes) -> Arm {
    let target = posix();
    let capabilities = capabilities(&target, &wishes);
    Arm::new(name, move |seed| run_seed(&target, seed, &wishes, &capabilities, false).passed())
}

fn bare<M: Medium + 'static>() -> impl FnMut(u64) -> bool {
    let mut workload = Workload::<M>::default();
    move |seed| workload.run(seed)
}

fn arms() -> Vec<Arm> {
    let same = Wishes { ops: Some(50), crashes: Some(3), clients: Some(1), ..Wishes::default() };
    vec![
        Arm::new("floor: 50 appends, 3 crashes, in memory", bare::<Memory>()),
        simulated("asl-sim: posix, 50 operations, 3 crashes", same),
        simulated("asl-sim: posix, as `run` draws them", Wishes::default()),
        Arm::new("turmoil-fs: 50 appends, 3 crashes", bare::<TurmoilFile>()),
    ]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What is printed of an arm.
struct Row {
    name: &'static str,
    us: f64,
    /// How many times as long as the floor.
    ratio: f64,
}

fn rows(arms: &[Arm]) -> Vec<Row> {
    let floor = &arms[0].rounds_us;
    let row = |arm: &Arm| {
        let ratios = arm.rounds_us.iter().zip(floor).map(|(us, floor_us)| us / floor_us).collect();
        Row { name: arm.name, us: median(arm.rounds_us.clone()), ratio: median(ratios) }
    };
    arms.iter().map(row).collect()
}

fn print_targets(row: &Row) {
    let per_second = 1e6 / row.us;
    let word = |reached: bool| if reached { "reached" } else { "not reached" };
    println!("targets, for {}", row.name);
    println!(
        "  at least {PER_SECOND_WANTED:.0} a second on one core: {per_second:.0}, {}",
        word(per_second >= PER_SECOND_WANTED)
    );
    println!(
        "  at most {RATIO_WANTED_MAX:.0} times the floor: {:.1}, {}",
        row.ratio,
        word(row.ratio <= RATIO_WANTED_MAX)
    );
}

fn main() {
    let given = |name: &str| std::env::args().any(|argument| argument == name);
    let full = !given("--quick");
    let (rounds, length) =
        if full { (7, Duration::from_millis(300)) } else { (3, Duration::from_millis(50)) };
    let mut arms = arms();
    for arm in &mut arms {
        arm.round(length / 4);
    }
    for _ in 0..rounds {
        for arm in &mut arms {
            let us = arm.round(length);
            arm.rounds_us.push(us);
        }
    }
    let note = if full { "" } else { "; quick: figures mean little" };
    println!("one core, medians of {rounds} interleaved rounds of {} ms each{note}\n", length.as_millis());
    println!("{:<42} {:>12} {:>12} {:>10}", "", "per second", "us each", "x floor");
    let rows = rows(&arms);
    for Row { name, us, ratio } in &rows {
        println!("{name:<42} {:>12.0} {us:>12.1} {ratio:>10.1}", 1e6 / us);
    }
    println!();
    print_targets(&rows[1]);
    for arm in arms.iter().filter(|arm| arm.failed > 0) {
        println!(
            "{}: {} of {} scenarios failed, so the figures are not of what they say",
            arm.name, arm.failed, arm.seed
        );
    }
}
