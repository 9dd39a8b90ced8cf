//! What fuzzers have found worth keeping is replayed without a fuzzer, and changed a little; what they find becomes a case.
//!
//! `ASL_FUZZ_RUNS` says how many changed inputs each target gets, and `ASL_FUZZ_SEED` which. Not done here: looking at what is covered.

use asl_sim::fuzz::image::image;
use asl_sim::fuzz::mutate::mutate;
use asl_sim::fuzz::readers::{case_file, frames};
use asl_sim::fuzz::{Counts, Fuzzed};
use asl_sim::report::story::story;
use asl_sim::target::find;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where inputs are kept that are runs, and of which target.
const HOSTS: [(&str, &str); 6] = [
    ("posix", "posix"),
    ("posix_on_flush", "posix:on-flush"),
    ("sim", "sim"),
    ("sim_on_flush", "sim:on-flush"),
    ("sim_fence", "sim:fence"),
    ("object", "object"),
];

/// Where images are kept, and of which target.
const IMAGES: [(&str, &str); 2] = [("posix_image", "posix"), ("sim_image", "sim")];

/// No run has a longer input, as `fuzz/options` has it.
const INPUT_LEN_MAX: usize = 152;

/// The inputs that are kept for a fuzz target, in the order of their names.
fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/fuzz").join(target);
    let entries = dir.read_dir().unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("it is a file"))).collect()
}

fn fuzzed(target: &str) -> Fuzzed {
    let target = find(target).expect("a built-in target");
    let wishes = target.wishes();
    Fuzzed::new(target, wishes)
}

#[test]
fn hosts_keep_the_contract_on_every_input_that_is_kept() {
    for (corpus, target) in HOSTS {
        let mut fuzzed = fuzzed(target);
        for (path, bytes) in inputs(corpus) {
            let trial = fuzzed.run(&bytes);
            assert!(trial.passed(), "{}: {:#?}", path.display(), story(&trial));
        }
        let Counts { runs, ops, crashes } = fuzzed.counts();
        assert!(
            runs >= 50 && ops > 2 * runs && crashes > runs / 2,
            "{corpus}: {runs} runs, {ops} operations, {crashes} crashes"
        );
    }
}

#[test]
fn readers_and_recovery_answer_on_every_input_that_is_kept() {
    for (corpus, target) in IMAGES {
        let target = find(target).expect("a built-in target");
        for (path, bytes) in inputs(corpus) {
            assert_eq!(image(&target, &bytes), Ok(()), "{}", path.display());
        }
    }
    for (_, bytes) in inputs("frame") {
        frames(&bytes);
    }
    for (_, bytes) in inputs("case") {
        case_file(&bytes);
    }
}

/// The seeds of changed inputs: those that the environment asks for.
fn seeds() -> Range<u64> {
    let number = |name: &str, otherwise| {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
    };
    let first = number("ASL_FUZZ_SEED", 1);
    first..first + number("ASL_FUZZ_RUNS", 300)
}

/// One of the inputs that are kept, and dice for what becomes of it.
fn drawn(kept: &[(PathBuf, Vec<u8>)], seed: u64) -> (Vec<u8>, ChaCha8Rng) {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let nth = below(kept.len(), &mut dice);
    (kept[nth].1.clone(), dice)
}

fn below(count: usize, dice: &mut ChaCha8Rng) -> usize {
    dice.next_u32() as usize % count
}

#[test]
fn hosts_keep_the_contract_on_changed_inputs() {
    for (corpus, name) in HOSTS {
        let mut fuzzed = fuzzed(name);
        let kept = inputs(corpus);
        for seed in seeds() {
            let (mut input, mut dice) = drawn(&kept, seed);
            for _ in 0..=below(3, &mut dice) {
                mutate(&mut input, INPUT_LEN_MAX, dice.next_u64());
            }
            let trial = fuzzed.run(&input);
            if !trial.passed() {
                let path = stored(corpus, seed, &input);
                panic!("asl-sim fuzz-case {name} {}: {:#?}", path.display(), story(&trial));
            }
        }
    }
}

/// Where an input that fails is found afterwards.
fn stored(corpus: &str, seed: u64, input: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{corpus}-{seed}"));
    keep(&path, input);
    path
}

/// Overwrites, inserts or takes out a few bytes.
fn change(bytes: &mut Vec<u8>, dice: &mut ChaCha8Rng) {
    for _ in 0..=below(4, dice) {
        let at = below(bytes.len() + 1, dice);
        let end = bytes.len().min(at + below(3, dice));
        let new: Vec<u8> = (0..below(3, dice)).map(|_| dice.next_u32() as u8).collect();
        bytes.splice(at..end, new);
    }
}

#[test]
fn readers_and_recovery_answer_on_changed_inputs() {
    let on_each = |corpus: &str, answers: &dyn Fn(&[u8])| {
        let kept = inputs(corpus);
        for seed in seeds() {
            let (mut input, mut dice) = drawn(&kept, seed);
            change(&mut input, &mut dice);
            let answered = catch_unwind(AssertUnwindSafe(|| answers(&input)));
            assert!(answered.is_ok(), "cargo fuzz run {corpus} {}", stored(corpus, seed, &input).display());
        }
    };
    for (corpus, target) in IMAGES {
        let target = find(target).expect("a built-in target");
        on_each(corpus, &|input| assert_eq!(image(&target, input), Ok(())));
    }
    on_each("frame", &frames);
    on_each("case", &case_file);
}

fn asl_sim(place: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_asl-sim"))
        .args(args)
        .current_dir(place)
        .output()
        .expect("it can be started")
}

/// One append, and the loss of power at the end, of which the sixth byte says what it loses.
fn one_append(lost: u8) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[5] = lost;
    bytes
}

#[test]
fn an_input_that_fails_becomes_a_case_that_replays() {
    let place = tempfile::tempdir().expect("there is room");
    let mut fuzzed = fuzzed("specimen:segment-dir-not-synced");
    let failing = (0..=255).map(one_append).find(|bytes| !fuzzed.run(bytes).passed());
    keep(&place.path().join("crash-1"), &failing.expect("the name of the segment is lost half of the time"));
    let made = asl_sim(place.path(), &["fuzz-case", "specimen:segment-dir-not-synced", "crash-1"]);
    let text = String::from_utf8(made.stdout).expect("it is text");
    assert_eq!(made.status.code(), Some(10), "{text}");
    assert!(text.contains("violation: append-durable"), "{text}");
    assert!(
        text.contains("asl-sim fuzz-case specimen:segment-dir-not-synced crash-1"),
        "it says how to begin anew: {text}"
    );
    let case = "asl-sim-out/specimen-segment-dir-not-synced-crash-1.json";
    let replayed = asl_sim(place.path(), &["replay", case]);
    let text = String::from_utf8(replayed.stdout).expect("it is text");
    assert_eq!(replayed.status.code(), Some(10), "{text}");
    assert!(text.contains("the same as in the case"), "{text}");
}

fn keep(path: &Path, bytes: &[u8]) {
    let file = std::fs::File::create(path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, bytes)).expect("there is room");
}

#[test]
fn an_input_that_does_not_fail_is_no_case() {
    let place = tempfile::tempdir().expect("there is room");
    keep(&place.path().join("input"), &one_append(0));
    for (args, status, part) in [
        (["fuzz-case", "posix", "input"], 5, "does not fail on posix"),
        (["fuzz-case", "posix", "not-there"], 2, "cannot read the input"),
        (["fuzz-case", "posit", "input"], 2, "posix"),
    ] {
        let output = asl_sim(place.path(), &args);
        let said = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.starts_with("error: ") && said.contains(part) && said.lines().count() <= 2, "{said}");
        assert!(!place.path().join("asl-sim-out").exists());
    }
}
