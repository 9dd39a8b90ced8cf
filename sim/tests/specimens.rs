//! Every specimen is found, by the invariant that its bug breaks, within a number of runs that a debug build can make.

use asl_sim::campaign::{Campaign, Progress, run};
use asl_sim::scenario::generate::Wishes;
use asl_sim::target::{Target, built_in};

/// No specimen may need more runs than this. In a seed's order the slowest needs a few hundred.
const RUNS_MAX: u64 = 3_000;

/// What the first failing run broke first, from this seed on.
fn killed_by(target: &Target, base_seed: u64) -> Option<String> {
    let wishes = Wishes { classes: target.usual_faults().to_vec(), ..Wishes::default() };
    let campaign =
        Campaign { target: target.clone(), wishes, base_seed, seeds: RUNS_MAX, jobs: 2, keep_going: false };
    let summary = run(&campaign, &Progress::default());
    assert_eq!(summary.bug, None, "{}", target.name());
    let signature = &summary.failures.first()?.signature;
    Some(signature.split('/').next().unwrap_or_default().to_owned())
}

#[test]
fn every_specimen_is_killed_by_the_invariant_that_its_bug_breaks() {
    let specimens: Vec<Target> = built_in().into_iter().filter(|target| target.breaks().is_some()).collect();
    let mut wrong = Vec::new();
    for target in &specimens {
        for base_seed in [1, 1 << 32] {
            let killer = killed_by(target, base_seed);
            if killer.as_deref() != target.breaks() {
                wrong.push((target.name(), base_seed, target.breaks(), killer));
            }
        }
    }
    assert!(specimens.len() > 20, "there are specimens");
    assert!(wrong.is_empty(), "not killed as expected: {wrong:#?}");
}
