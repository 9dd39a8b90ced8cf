//! The simulated file system, mounted for the processes of one incarnation.
//!
//! The mount is in a namespace of mounts of the thread that makes the run: nobody else sees it, and it is gone with that thread
//! and the processes it started, however they end. Each incarnation has a mount of its own, so that nothing that the kernel
//! keeps survives a crash.

use crate::executor::Process;
use crate::media::Sim;
use crate::media::files::ROOT;
use crate::media::shown::fuse::{Incoming, Mount, available, enter_private_namespace};
use crate::media::shown::vfs::{Owner, Vfs};
use crossbeam_channel::{Receiver, unbounded};
use std::cell::Cell;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How often it is looked whether a process that was killed is gone.
const LOOK_EVERY: Duration = Duration::from_micros(200);
/// How many looks calls that may be another process's wait, before they are answered because the killed one may need it.
const LOOKS_MAX: u32 = 1_000;

thread_local! {
    static PRIVATE: Cell<bool> = const { Cell::new(false) };
}

/// Gives this thread, and what it starts, mounts of their own.
pub(super) fn be_private() -> io::Result<()> {
    if !PRIVATE.get() {
        enter_private_namespace()?;
        PRIVATE.set(true);
    }
    Ok(())
}

/// Whether a mount can be made here, found out by making one.
pub(super) fn try_to_mount() -> io::Result<()> {
    available().map_err(|why| io::Error::other(why.to_string()))?;
    be_private()?;
    let dir = tempfile::tempdir()?;
    let (sender, _incoming) = unbounded();
    Mount::new(dir.path(), "asl-sim", sender)?.unmount()
}

/// A mount of a run's world.
#[derive(Debug)]
pub(super) struct Mounted {
    vfs: Vfs,
    process: Process,
    incoming: Receiver<Incoming>,
    _mount: Mount,
}

impl Mounted {
    /// Mounts the host's root over an existing directory.
    pub(super) fn new(dir: &Path, sim: &Sim, process: Process) -> io::Result<Mounted> {
        be_private()?;
        let owner =
            Owner { uid: rustix::process::getuid().as_raw(), gid: rustix::process::getgid().as_raw() };
        let vfs = Vfs::new(sim, ROOT, owner)?;
        let (sender, incoming) = unbounded();
        let mount = Mount::new(dir, "asl-sim", sender)?;
        Ok(Mounted { vfs, process, incoming, _mount: mount })
    }

    /// Where calls of files come in.
    pub(super) fn incoming(&self) -> &Receiver<Incoming> {
        &self.incoming
    }

    /// Has a call done, on the way to the answer of a question.
    pub(super) async fn carry_out(&self, sim: &Sim, Incoming { request, reply }: Incoming) {
        // If the crash comes there, the reply is dropped with this, which answers EIO.
        let answer = self.vfs.carry_out(sim, self.process, request).await;
        reply.answer(answer);
    }

    /// Answers what a process that was killed still asks, until it is gone, and returns what may be others' calls.
    pub(super) fn serve_until(&self, sim: Option<&Sim>, mut is_gone: impl FnMut() -> bool) -> Vec<Incoming> {
        let crashed = sim.is_none_or(|sim| !sim.lock().is_alive(self.process));
        let (mut others, mut looks) = (Vec::new(), 0);
        while !is_gone() {
            let Ok(call) = self.incoming.recv_timeout(LOOK_EVERY) else {
                looks += 1;
                if looks > LOOKS_MAX {
                    others.clear();
                }
                continue;
            };
            match sim {
                // Nobody is alive, or it is a file that is closed, which changes nothing.
                Some(sim) if call.request.class().is_none() => {
                    let done = pin!(self.carry_out(sim, call)).poll(&mut Context::from_waker(Waker::noop()));
                    debug_assert!(matches!(done, Poll::Ready(())), "it takes no turn");
                }
                _ if crashed => drop(call),
                _ => others.push(call),
            }
        }
        others
    }
}
