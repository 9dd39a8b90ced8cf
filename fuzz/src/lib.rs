//! What the fuzz targets share: a host that runs input after input, and what becomes of a run that fails.
//!
//! A failure is a panic, which libFuzzer takes for a crash and stores the input of; `asl-sim fuzz-case` makes a case of that. A panic of
//! the *host* ends the process too, since libfuzzer-sys aborts on any: it is a failure in any case (error-honest).

use asl_sim::fuzz::{Counts, Fuzzed};
use asl_sim::report::story::story;
use asl_sim::target::{Target, find};
use std::io::Write;
use std::sync::{Mutex, OnceLock};

/// As the command has it: a run makes thousands of small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// So many runs, and the counts are written once more.
const COUNTED_EVERY: u64 = 4096;

/// Makes the run of an input against this target, the same one in each call. It is made here instead of found by name, so that the fuzzer
/// has no other host in it, whose branches libFuzzer would look through after each run.
///
/// # Panics
///
/// If the host breaks the contract, with the story.
pub fn host(target: fn() -> Target, bytes: &[u8]) {
    static FUZZED: OnceLock<Mutex<Fuzzed>> = OnceLock::new();
    let fuzzed = FUZZED.get_or_init(|| {
        let target = target();
        let wishes = target.wishes();
        Mutex::new(Fuzzed::new(target, wishes))
    });
    let mut fuzzed = fuzzed.lock().expect("the process ends with the first panic");
    let trial = fuzzed.run(bytes);
    if fuzzed.counts().runs % COUNTED_EVERY == 0 {
        tell(fuzzed.counts());
    }
    if let Some(signature) = trial.signature() {
        tell(fuzzed.counts());
        let said = trial.verdict.primary().map_or("it hung", |violation| &violation.text);
        panic!("{signature}: {said}\n{}", story(&trial).join("\n"));
    }
}

/// For targets whose inputs are runs: [`asl_sim::fuzz::mutate`] in the place of libFuzzer's own mutations of bytes.
#[macro_export]
macro_rules! mutator {
    () => {
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            let mut input = data[..size].to_vec();
            asl_sim::fuzz::mutate::mutate(&mut input, max_size, seed.into());
            data[..input.len()].copy_from_slice(&input);
            input.len()
        });

        libfuzzer_sys::fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
            let child = asl_sim::fuzz::mutate::cross(one, other, out.len(), seed.into());
            out[..child.len()].copy_from_slice(&child);
            child.len()
        });
    };
}

/// Has this target recover from an image ([`asl_sim::fuzz::image`]).
///
/// # Panics
///
/// If the host does what it must not do.
pub fn image(target: fn() -> Target, bytes: &[u8]) {
    static TARGET: OnceLock<Target> = OnceLock::new();
    let target = TARGET.get_or_init(target);
    if let Err(what) = asl_sim::fuzz::image::image(target, bytes) {
        panic!("{}: {what}", target.name());
    }
}

/// The target that the environment names.
///
/// # Panics
///
/// If it names none, or there is no such target.
pub fn named() -> Target {
    let name =
        std::env::var("ASL_FUZZ_TARGET").expect("ASL_FUZZ_TARGET names the target, specimen:canary say");
    find(&name).unwrap_or_else(|near| panic!("no target {name:?}; there are {near:?}"))
}

/// Writes what the runs came to where `ASL_FUZZ_COUNTS` says, for scripts.
fn tell(counts: Counts) {
    static PATH: OnceLock<Option<String>> = OnceLock::new();
    let Some(path) = PATH.get_or_init(|| std::env::var("ASL_FUZZ_COUNTS").ok()) else { return };
    let Counts { runs, ops, crashes } = counts;
    let file = std::fs::File::create(path);
    let written = file.and_then(|mut file| writeln!(file, "{runs} {ops} {crashes}"));
    written.unwrap_or_else(|error| panic!("ASL_FUZZ_COUNTS={path}: {error}"));
}
