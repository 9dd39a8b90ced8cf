//! Hosts that call the C library, in the simulated world: no change to their code, and no second process.
//!
//! This crate defines the C library's file calls (`open64`, `pwrite64`, `fsync`, `rename`, ...) under their own names, so that a
//! program that links it calls them instead. While an operation of a host made by [`target`] is being polled, paths below [`ROOT`] lead
//! into the world of its run, and so do the files that are open there; everything else goes on to the C library. Clock, entropy and
//! sleep are the run's as well. `std::fs` and C code that is linked into the program call these functions, and so are caught.
//!
//! A call takes effect at once: nothing else of the run goes on inside of it, which is how much less is tried than of a host that is
//! written against the seams. It fails as the scenario has planned, and may be where the crash comes. From then on every call of that
//! incarnation fails with EIO, until its operation has returned; what it returns is not looked at.
//!
//! Not caught: calls that do not go through the program's symbols (raw system calls, as `rustix` makes them by default; those that the C
//! library makes itself, such as the opening of a `FILE`; `io_uring`), and programs that are linked statically with a C library that
//! defines them too. Such calls do not find [`ROOT`], which is nowhere on a real disk: they fail with ENOENT. Refused: mmap (ENODEV),
//! symbolic links (EOPNOTSUPP), and files that another thread uses than the one that opened them (EBADF). Record locks of fcntl(2)
//! always succeed, since they keep out other processes only, and there is none. A lock of flock(2) is exclusive, and goes with the
//! descriptor: to give it up before is refused (EOPNOTSUPP).

mod calls;
mod host;
mod open;
mod real;
mod scope;

use asl_host::Host;
use asl_sim::target::Target;

/// Where a host finds its root: `ROOT/root`, and the stores below it.
pub const ROOT: &str = "/asl-sim-world";

/// A target whose host is made by `boot`, with the path of its root, each time that a process starts, and whose file calls are led
/// into the run. `boot` itself must make none.
pub fn target<H: Host>(
    name: impl Into<String>,
    about: impl Into<String>,
    boot: impl Fn(&str) -> H + Send + Sync + 'static,
) -> Target {
    Target::new(name, about, move |machine| {
        let root = format!("{ROOT}{}", machine.root());
        host::Interposed::new(boot(&root), scope::Scope::new(machine.blocking()))
    })
}
