//! The targets that come with the simulator, by name: its hosts, and the specimens with one planted bug each.
//!
//! Nothing below the commands and the doors of the library names a host of these: whoever brings hosts of their own needs none.

mod hidden;
mod late;
#[cfg(feature = "specimens")]
mod specimens;

use crate::base::words::nearest;
use crate::hosts::Target;
use crate::hosts::reference::{SimHost, SimOptions};
#[cfg(feature = "objects")]
use crate::media::Profile;
use asl_host::{Durability, Exclusion, PosixHost, PosixOptions};
#[cfg(feature = "objects")]
use asl_host::{ObjectHost, ObjectOptions};
#[cfg(feature = "objects")]
use std::time::Duration;

/// The host on POSIX file systems.
pub fn posix() -> Target {
    posix_with("posix", "the host on POSIX file systems that asl-host ships", Durability::OnAppend)
}

/// The same host, whose appends are durable when they are flushed.
pub fn posix_on_flush() -> Target {
    posix_with("posix:on-flush", "the same, with appends that are durable when flushed", Durability::OnFlush)
}

fn posix_with(name: &str, about: &str, durability: Durability) -> Target {
    Target::new(name, about, move |machine| {
        let options = PosixOptions {
            segment_len_max: machine.segment_len_max(),
            // Short, so that a run has several.
            clock_reserve_ns: 2_000_000,
            durability,
            ..PosixOptions::default()
        };
        PosixHost::with_seams(machine.file_system(), machine.env(), machine.root(), options)
    })
    .on_disk(move |disk| {
        let segment_len_max = disk.segment_len_max();
        let options = PosixOptions { segment_len_max, durability, ..PosixOptions::default() };
        PosixHost::with_seams(disk.file_system(), disk.env(), disk.root(), options)
    })
}

/// The reference host, on a block device.
pub fn sim() -> Target {
    let options = SimOptions::default();
    sim_with("sim", "the reference host, on a simulated block device", options)
}

/// The same host, whose appends are durable when they are flushed.
pub fn sim_on_flush() -> Target {
    let options = SimOptions { durability: Durability::OnFlush, ..SimOptions::default() };
    sim_with("sim:on-flush", "the same, with appends that are durable when flushed", options)
}

/// The same host, which fences off whoever has a store open when it opens it.
pub fn sim_fence() -> Target {
    let options = SimOptions { exclusion: Exclusion::Fence, ..SimOptions::default() };
    sim_with("sim:fence", "the same, where the newest open fences off older writers", options)
}

fn sim_with(name: &str, about: &str, options: SimOptions) -> Target {
    Target::new(name, about, move |machine| {
        let options = SimOptions {
            append_unit: machine.append_unit(),
            record_len_max: 4 << 10,
            // Short, so that a run has several.
            clock_reserve_ns: 2_000_000,
            ..options
        };
        SimHost::new(machine.disk(), machine.env(), options)
    })
}

/// The host on buckets of object stores.
#[cfg(feature = "objects")]
pub fn object() -> Target {
    let target = Target::new("object", "the host on object stores that asl-host ships", |machine| {
        let options = ObjectOptions {
            // Small, so that a run has several of each.
            part_len: 700,
            checkpoint_every: 8,
            clock_reserve_ns: 300_000_000,
            request_timeout: Duration::from_secs(2),
            attempts_max: 4,
            ..ObjectOptions::default()
        };
        ObjectHost::new(machine.object_store(), machine.env(), machine.root(), options)
    })
    .on_medium_of(Profile::Aws)
    .with_processes_that_die_alone();
    #[cfg(feature = "vendors")]
    let target = target.on_bucket(|bucket| {
        let options = ObjectOptions {
            part_len: 64 << 10,
            checkpoint_every: 16,
            request_timeout: Duration::from_secs(10),
            attempts_max: 10,
            ..ObjectOptions::default()
        };
        ObjectHost::new(bucket.object_store(), bucket.env(), bucket.root(), options)
    });
    target
}

/// The targets that come with the simulator: its hosts, and the specimens with one planted bug each.
pub fn built_in() -> Vec<Target> {
    let hosts = [posix(), posix_on_flush(), sim(), sim_on_flush(), sim_fence()].into_iter();
    #[cfg(feature = "objects")]
    let hosts = hosts.chain([object()]);
    #[cfg(feature = "specimens")]
    let hosts = hosts.chain(specimens::targets());
    hosts.collect()
}

/// Hosts that are there for the tests of the simulator, and that [`find`] knows: some that a campaign cannot rely on, because they
/// depend on more than their seams or take their process with them, and some on a medium that is there for tests only.
/// They are no specimens, because nobody has a host like them; but for those whose bug a campaign cannot be relied on to find.
pub fn hidden() -> Vec<Target> {
    let all = hidden::targets().into_iter().chain(late::targets());
    #[cfg(all(feature = "objects", feature = "specimens"))]
    let all = all.chain(specimens::rare());
    all.collect()
}

/// The target of this name, or the nearest names there are.
pub fn find(name: &str) -> Result<Target, Vec<String>> {
    let targets = built_in();
    if let Some(target) = targets.iter().chain(&hidden()).find(|target| target.name() == name) {
        return Ok(target.clone());
    }
    Err(nearest(name, targets.iter().map(Target::name)))
}
