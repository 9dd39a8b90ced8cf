//! What runs do, compared with what they did in earlier builds: `data/pinned.txt` holds the trace hashes of the stored cases and
//! of some seeds, and the outcomes of an exhaustive search.
//!
//! A change of structure leaves every line as it is. A change that means to alter what a seed or a case does writes the file
//! anew (`UPDATE_PINNED=1 cargo test -p asl-sim --test runs pinned`), and its commit says which lines changed and why.
//!
//! Not pinned: verdicts (the other tests judge those), hosts that are programs, the second runtime.

use asl_sim::campaign::{capabilities, run_seed};
use asl_sim::case::Case;
use asl_sim::explore::{Options, Progress, explore};
use asl_sim::target::{self, Target};
use asl_sim::trial::trial;
use std::fmt::Write as _;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

const SEEDS: u64 = 200;
const TARGETS: [&str; 3] = ["posix", "sim", "sim:fence"];

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn target(name: &str) -> Target {
    target::find(name).unwrap_or_else(|near| panic!("{name} is a target, as {near:?} are"))
}

fn cases(out: &mut String) {
    let dir = std::fs::read_dir(here("../corpus/cases")).expect("the corpus is there");
    let mut paths: Vec<PathBuf> = dir.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.sort();
    for path in paths {
        let case = Case::load(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        let trial = trial(&target(&case.target), &Arc::new(case.scenario.clone()), &case.decider());
        let name = path.file_stem().expect("a file has a name").to_string_lossy();
        writeln!(out, "case {name} {}", trial.outcome.trace).expect("a string takes all");
    }
}

fn seeds(out: &mut String) {
    for name in TARGETS {
        let target = target(name);
        let wishes = target.wishes();
        let capabilities = capabilities(&target, &wishes);
        for seed in 0..SEEDS {
            let trial = run_seed(&target, seed, &wishes, &capabilities, false);
            writeln!(out, "seed {name} {seed} {}", trial.outcome.trace).expect("a string takes all");
        }
    }
}

fn explored(out: &mut String) {
    let options = Options { ops: 2, failing_calls: true, jobs: 2, ..Options::default() };
    let report = explore(&target("posix"), &options, &Progress::default());
    assert!(report.complete(), "{:?}", report.bug);
    let mut digest = Xxh3::new();
    report.outcomes.hash(&mut digest);
    let counts = &report.counts;
    writeln!(
        out,
        "explore posix ops 2: {} outcomes {:016x}, {} crash points, {} recovered, {} deduced",
        report.outcomes.len(),
        digest.finish(),
        counts.crash_points,
        counts.recovered,
        counts.deduced
    )
    .expect("a string takes all");
}

#[test]
fn stored_cases_seeds_and_searches_do_what_they_did_in_earlier_builds() {
    let mut now = String::new();
    cases(&mut now);
    seeds(&mut now);
    explored(&mut now);
    let path = here("tests/data/pinned.txt");
    if std::env::var_os("UPDATE_PINNED").is_some() {
        let mut file = File::create(&path).expect("it can be made");
        file.write_all(now.as_bytes()).expect("it can be written");
        return;
    }
    let before = std::fs::read_to_string(&path).expect("the file is there");
    let changed: Vec<String> = before
        .lines()
        .zip(now.lines())
        .filter(|(before, now)| before != now)
        .map(|(before, now)| format!("- {before}\n+ {now}"))
        .collect();
    assert!(changed.is_empty(), "{} lines changed:\n{}", changed.len(), changed.join("\n"));
    assert_eq!(before.lines().count(), now.lines().count(), "something was added or taken away");
}
