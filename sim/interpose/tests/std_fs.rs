//! The example host on `std::fs` is found right, and with a bug planted in how it uses the disk, wrong.

#![expect(clippy::duplicate_mod, reason = "the host stands on one disk after the other")]
#![expect(clippy::unnecessary_wraps, reason = "what is wrong has the shape of what is right")]

use asl_sim::campaign::{Campaign, Progress, Summary, capabilities, run, settle_seed};
use asl_sim::case::Case;
use asl_sim::scenario::generate::Wishes;
use asl_sim::scenario::{FaultClass, Profile};
use asl_sim::shrink::{self, shrink};
use asl_sim::target::Target;
use asl_sim::trial::trial;
use std::io::Write;
use std::sync::Arc;

/// The host on a module `disk` that may be wrong.
macro_rules! host_on {
    ($name:ident { $($wrong:item)* }) => {
        #[expect(unreachable_pub, reason = "it is a program's")]
        #[path = "../examples/std_fs"]
        mod $name {
            pub mod disk {
                pub use super::super::right::disk::*;
                #[allow(unused_imports, clippy::allow_attributes, reason = "some of what is wrong needs them")]
                use std::{fs::File, io, os::unix::fs::FileExt, path::Path};
                $($wrong)*
            }
            pub mod host;
        }
    };
}

#[expect(unreachable_pub, reason = "it is a program's")]
#[path = "../examples/std_fs"]
mod right {
    pub mod disk;
    pub mod host;
}

host_on!(no_sync { pub fn sync(_file: &File) -> io::Result<()> { Ok(()) } });
host_on!(no_dir_sync { pub fn sync_dir(_dir: &Path) -> io::Result<()> { Ok(()) } });
host_on!(sync_errors_ignored {
    pub fn sync(file: &File) -> io::Result<()> {
        let _ = file.sync_all();
        Ok(())
    }
});
host_on!(short_writes_ignored {
    pub fn write(file: &File, data: &[u8], offset: u64) -> io::Result<()> {
        file.write_at(data, offset).map(drop)
    }
});

fn campaign(target: &Target, wishes: Wishes, seeds: u64) -> Summary {
    let campaign =
        Campaign { target: target.clone(), wishes, base_seed: 1, seeds, jobs: 2, keep_going: false };
    let summary = run(&campaign, &Progress::default());
    assert_eq!(summary.bug, None);
    summary
}

macro_rules! target {
    ($module:ident) => {
        asl_interpose::target(stringify!($module), "the example host", |root| {
            $module::host::StdHost::new(root)
        })
    };
}

#[test]
fn a_host_on_std_fs_is_right_in_every_profile() {
    for (profile, ..) in Profile::ALL {
        let wishes = Wishes { profile: *profile, ..Wishes::default() };
        let summary = campaign(&target!(right), wishes, 400);
        assert!(summary.failures.is_empty(), "{profile:?}: {:?}", summary.failures);
    }
}

#[test]
fn each_planted_bug_is_found_made_small_and_replayed() {
    let wishes = Wishes { classes: vec![FaultClass::Crash, FaultClass::Error], ..Wishes::default() };
    for target in
        [target!(no_sync), target!(no_dir_sync), target!(sync_errors_ignored), target!(short_writes_ignored)]
    {
        let summary = campaign(&target, wishes.clone(), 200);
        let failure = summary.failures.first();
        let seed = failure.unwrap_or_else(|| panic!("{} was not found", target.name())).seed;
        let offered = capabilities(&target, &wishes);
        let (found, other) = settle_seed(&target, seed, &wishes, &offered);
        assert!(other.is_none(), "{}: seed {seed} did another thing", target.name());
        let small = shrink(&target, &found, &shrink::Options::default(), &shrink::Progress::default());
        let ops = small.trial.scenario.ops.len();
        assert!(ops <= 4, "{}: from {} to {ops} operations", target.name(), small.ops_before);

        let dir = tempfile::tempdir().expect("there is room");
        let case = Case::of_shrunk(&small, target.name(), Some(seed), Vec::new());
        let case = Case::load(&case.save(dir.path()).expect("it is stored")).expect("it is read");
        let again = trial(&target, &Arc::new(case.scenario.clone()), &case.decider());
        assert_eq!(again.signature().as_ref(), Some(&case.signature), "{}", target.name());
        assert_eq!(again.outcome.trace, case.trace_hash, "{}", target.name());
        // The host without the bug comes through the same.
        let mended = trial(&target!(right), &Arc::new(case.scenario.clone()), &case.decider());
        assert!(mended.passed(), "{}: {:?}", target.name(), mended.signature());
    }
}

#[test]
fn the_same_seed_comes_to_the_same_trace() {
    let target = target!(right);
    let wishes = Wishes::default();
    let capabilities = capabilities(&target, &wishes);
    for seed in 0..50 {
        let trace =
            || asl_sim::campaign::run_seed(&target, seed, &wishes, &capabilities, false).outcome.trace;
        assert_eq!(trace(), trace(), "seed {seed}");
    }
}

#[test]
fn outside_of_a_run_files_are_the_operating_systems() {
    let dir = std::env::temp_dir().join(format!("asl-interpose-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory of the disk's");
    let mut file = std::fs::File::create(dir.join("file")).expect("it is made");
    file.write_all(b"content").expect("it is written");
    assert_eq!(std::fs::read(dir.join("file")).expect("it is read"), b"content");
    assert_eq!(std::fs::read_dir(&dir).expect("it is listed").count(), 1);
    std::fs::remove_dir_all(&dir).expect("it is removed");
    assert!(std::fs::metadata(asl_interpose::ROOT).is_err(), "the world is nowhere on the disk");
}
