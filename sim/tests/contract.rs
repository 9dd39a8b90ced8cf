//! The cases of the contract, on the simulated file system: the same list that runs on the real disk.
//!
//! Each case runs in several worlds, whose schedules differ. Crashes and faults are what campaigns are for.

use asl_host::{Durability, Host, PosixHost, PosixOptions, StoreLocation};
use asl_sim::conform::cases::{Context, Run, cases};
use asl_sim::world::{Sandbox, SimEnv, SimFileSystem};
use libtest_mimic::{Arguments, Failed, Trial};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// How many worlds a case runs in.
const WORLDS: u64 = 20;

fn main() -> ExitCode {
    let mut trials = arm("simulated", Durability::OnAppend);
    trials.extend(arm("simulated_on_flush", Durability::OnFlush));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// One trial for each case, named after the arm and the case.
fn arm(name: &str, durability: Durability) -> Vec<Trial> {
    let capabilities = boot(&Sandbox::new(0), durability).capabilities();
    let trials = cases::<Simulated>().into_iter().map(|case| {
        let ignored = case.lacking(&capabilities).is_some();
        Trial::test(format!("{name}::{}", case.name), move || run(case.run, durability))
            .with_ignored_flag(ignored)
    });
    trials.collect()
}

/// A host in a world of its own.
struct Simulated(Sandbox, Durability);

impl Context for Simulated {
    type Host = PosixHost<SimFileSystem, SimEnv>;

    fn boot(&self) -> Self::Host {
        boot(&self.0, self.1)
    }

    fn location(&self, name: &str) -> StoreLocation {
        StoreLocation::new(format!("{}/{name}", self.0.root()))
    }
}

fn boot(sandbox: &Sandbox, durability: Durability) -> PosixHost<SimFileSystem, SimEnv> {
    let options =
        PosixOptions { segment_len_max: 256, record_len_max: 1 << 20, clock_reserve_ns: 1_000, durability };
    PosixHost::with_seams(sandbox.file_system(), sandbox.env(), sandbox.root(), options)
}

fn run(case: Run<Simulated>, durability: Durability) -> Result<(), Failed> {
    for seed in 0..WORLDS {
        let simulated = Simulated(Sandbox::new(seed), durability);
        catch_unwind(AssertUnwindSafe(|| simulated.0.run(case(&simulated)))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked");
            Failed::from(format!("in world {seed}: {text}"))
        })?;
    }
    Ok(())
}
