//! Every command of asl-sim for this host: runs, replays, exhaustive search, stories, the contract on a real disk. Beside the host as it
//! is there is one that forgets a sync, so that there is something to find.
//!
//! ```text
//! cargo run --release -p own-host-sim -- run own-host --seeds 10000
//! ```

#[path = "../../tests/forgetful/mod.rs"]
mod forgetful;

use asl_sim::target::Target;
use forgetful::Forgetful;
use own_host::OwnHost;
use std::process::ExitCode;

fn main() -> ExitCode {
    asl_sim::cli::main_with_targets([own_host(), that_forgets()])
}

fn own_host() -> Target {
    Target::new("own-host", "a log and nothing else, for every POSIX file system", |machine| {
        OwnHost::new(machine.file_system(), machine.env(), machine.root())
    })
    .on_disk(|disk| OwnHost::new(disk.file_system(), disk.env(), disk.root()))
}

fn that_forgets() -> Target {
    Target::new("own-host-forgetful", "the same, which forgets to sync a new store's name", |machine| {
        OwnHost::new(Forgetful(machine.file_system()), machine.env(), machine.root())
    })
}
