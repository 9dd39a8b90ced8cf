//! The cases of the contract, on the simulated file system, block device and bucket: the same list that runs on the real disk.
//!
//! Each case runs in several worlds, whose schedules differ. Crashes and faults are what campaigns are for.

use asl_host::{
    Durability, Exclusion, Host, ObjectHost, ObjectOptions, PosixHost, PosixOptions, StoreLocation,
};
use asl_sim::conform::cases::{Context, Run, cases};
use asl_sim::host::{SimHost, SimOptions};
use asl_sim::world::{Sandbox, SimEnv, SimFileSystem, SimObjectStore};
use libtest_mimic::{Arguments, Failed, Trial};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// How many worlds a case runs in.
const WORLDS: u64 = 20;
/// The same for a host that reads its whole journal, and as far behind it as a record can be long, at each start.
const WORLDS_OF_SIM: u64 = 4;

fn main() -> ExitCode {
    let mut trials = arm("simulated", posix, WORLDS, Durability::OnAppend);
    trials.extend(arm("simulated_on_flush", posix, WORLDS, Durability::OnFlush));
    trials.extend(arm("sim_host", sim, WORLDS_OF_SIM, Durability::OnAppend));
    trials.extend(arm("sim_host_on_flush", sim, WORLDS_OF_SIM, Durability::OnFlush));
    trials.extend(arm("sim_host_fence", sim_fence, WORLDS_OF_SIM, Durability::OnAppend));
    trials.extend(arm("sim_host_fence_on_flush", sim_fence, WORLDS_OF_SIM, Durability::OnFlush));
    trials.extend(arm("object", object, WORLDS, Durability::OnAppend));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

type Boot<H> = fn(&Sandbox, Durability) -> H;

/// One trial for each case, named after the arm and the case.
fn arm<H: Host>(name: &str, boot: Boot<H>, worlds: u64, durability: Durability) -> Vec<Trial> {
    let capabilities = boot(&Sandbox::new(0), durability).capabilities();
    let trials = cases::<Simulated<H>>().into_iter().map(|case| {
        let ignored = case.lacking(&capabilities).is_some();
        Trial::test(format!("{name}::{}", case.name), move || run(case.run, boot, worlds, durability))
            .with_ignored_flag(ignored)
    });
    trials.collect()
}

/// A host in a world of its own.
struct Simulated<H> {
    world: Sandbox,
    boot: Boot<H>,
    durability: Durability,
}

impl<H: Host> Context for Simulated<H> {
    type Host = H;

    fn boot(&self) -> H {
        (self.boot)(&self.world, self.durability)
    }

    fn location(&self, name: &str) -> StoreLocation {
        StoreLocation::new(format!("{}/{name}", self.world.root()))
    }
}

fn posix(world: &Sandbox, durability: Durability) -> PosixHost<SimFileSystem, SimEnv> {
    let options =
        PosixOptions { segment_len_max: 256, record_len_max: 1 << 20, clock_reserve_ns: 1_000, durability };
    PosixHost::with_seams(world.file_system(), world.env(), world.root(), options)
}

fn sim(world: &Sandbox, durability: Durability) -> SimHost {
    sim_with(world, SimOptions { durability, ..SimOptions::default() })
}

fn sim_fence(world: &Sandbox, durability: Durability) -> SimHost {
    sim_with(world, SimOptions { durability, exclusion: Exclusion::Fence, ..SimOptions::default() })
}

fn sim_with(world: &Sandbox, options: SimOptions) -> SimHost {
    let options =
        SimOptions { append_unit: 100, record_len_max: 300_000, clock_reserve_ns: 1_000, ..options };
    SimHost::new(world.disk(), world.env(), options)
}

fn object(world: &Sandbox, _: Durability) -> ObjectHost<SimObjectStore, SimEnv> {
    // Small, so that blocks have several parts, and a few entries make a checkpoint.
    let options = ObjectOptions {
        part_len: 1_000,
        checkpoint_every: 4,
        record_len_max: 1 << 20,
        clock_reserve_ns: 50_000_000,
        ..ObjectOptions::default()
    };
    ObjectHost::new(world.object_store(), world.env(), world.root(), options)
}

fn run<H: Host>(
    case: Run<Simulated<H>>,
    boot: Boot<H>,
    worlds: u64,
    durability: Durability,
) -> Result<(), Failed> {
    for seed in 0..worlds {
        let simulated = Simulated { world: Sandbox::new(seed), boot, durability };
        catch_unwind(AssertUnwindSafe(|| simulated.world.run(case(&simulated)))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked");
            Failed::from(format!("in world {seed}: {text}"))
        })?;
    }
    Ok(())
}
