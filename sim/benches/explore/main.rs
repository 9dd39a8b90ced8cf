//! Exhaustive search beside the naive loop: enumerate, recover, check, each state from the very beginning.
//!
//! Both explore all words of a length, with one crash each, on one thread, and must come to the same outcomes; rounds are
//! interleaved, and what counts is the ratio of the processor's time within a round. Then the search proper on one thread and on
//! two, by the clock on the wall.
//!
//! `--quick`: shorter words and fewer rounds, to see that it works.

use asl_sim::explore::{Options, Progress, explore, naive::naive};
use asl_sim::target;
use mimalloc::MiMalloc;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// As in the command.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What the search may take of the naive loop's time.
const SHARE_WANTED: f64 = 0.25;

fn seconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    let whole = u64::try_from(time.tv_sec).expect("clocks start at 0");
    let rest = u32::try_from(time.tv_nsec).expect("it is below a second");
    Duration::new(whole, rest).as_secs_f64()
}

fn timed<T>(clock: ClockId, work: impl FnOnce() -> T) -> (f64, T) {
    let start = seconds(clock);
    let result = work();
    (seconds(clock) - start, result)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let (ops, rounds) = if quick { (1, 3) } else { (2, 5) };
    for host in [target::posix(), target::sim()] {
        let name = host.name();
        let options = Options { ops, crashes: 1, ..Options::default() };
        let (mut shares, mut speedups) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let (naive_s, naive) = timed(ClockId::ProcessCPUTime, || naive(&host, &options));
            let (clever_s, clever) =
                timed(ClockId::ProcessCPUTime, || explore(&host, &options, &Progress::default()));
            assert_eq!(naive.outcomes, clever.outcomes, "both find the same");
            shares.push(clever_s / naive_s);
            if round == 0 {
                println!("{name}, all words of {ops}, one crash");
                println!("  naive    {:>9} states recovered  {naive_s:>7.3} s", naive.recovered);
                println!("  search   {:>9} states recovered  {clever_s:>7.3} s", clever.counts.recovered);
                println!("  outcomes {:>9}, the same", clever.outcomes.len());
            }
            let wall = |jobs| {
                let options = Options { jobs, ..options.clone() };
                timed(ClockId::Monotonic, || explore(&host, &options, &Progress::default())).0
            };
            speedups.push(wall(1) / wall(2));
        }
        let share = median(shares);
        let verdict = if share <= SHARE_WANTED { "reached" } else { "NOT reached" };
        println!("  share of the naive loop's time {share:.3} (wanted: at most {SHARE_WANTED}, {verdict})");
        println!("  two threads are {:.2} times as fast as one", median(speedups));
    }
}
