//! The example host on `std::fs` is found right, and with a bug planted in how it uses the disk, wrong.

#![expect(clippy::duplicate_mod, reason = "the host stands on one disk after the other")]
#![expect(clippy::unnecessary_wraps, reason = "what is wrong has the shape of what is right")]

use asl_sim::campaign::{Campaign, Progress, Summary, run};
use asl_sim::scenario::generate::Wishes;
use asl_sim::scenario::{FaultClass, Profile};
use asl_sim::target::Target;
use std::io::Write;

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
fn each_planted_bug_is_found() {
    let classes = vec![FaultClass::Crash, FaultClass::Error];
    for target in
        [target!(no_sync), target!(no_dir_sync), target!(sync_errors_ignored), target!(short_writes_ignored)]
    {
        let summary = campaign(&target, Wishes { classes: classes.clone(), ..Wishes::default() }, 400);
        assert!(!summary.failures.is_empty(), "{} was not found", target.name());
    }
}

#[test]
fn the_same_seed_comes_to_the_same_trace() {
    let target = target!(right);
    let wishes = Wishes::default();
    let capabilities = asl_sim::campaign::capabilities(&target, &wishes);
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
