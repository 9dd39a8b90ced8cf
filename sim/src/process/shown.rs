//! How the simulated file system is shown to the processes of one incarnation: mounted, or by the library that is loaded into them.

use super::mounted::Mounted;
use super::preloaded::{Environment, Preloaded};
use crate::media::Sim;
use crate::media::shown::fuse;
use crate::media::shown::preload::Reply;
use asl_preload_wire::Call;
use crossbeam_channel::Select;

/// A call of a file, and where its answer goes; if it is dropped instead, the answer is EIO.
#[derive(Debug)]
pub(super) enum FileCall {
    /// The kernel's, for some process.
    Kernel(fuse::Incoming),
    /// That of the process with this connection.
    Library(u64, Call, Reply),
}

/// One of the ways.
#[derive(Debug)]
pub(super) enum Shown {
    Mounted(Mounted),
    Preloaded(Preloaded),
}

impl Shown {
    /// Waits for calls, too.
    pub(super) fn watch<'a>(&'a self, select: &mut Select<'a>) {
        match self {
            Shown::Mounted(mounted) => select.recv(mounted.incoming()),
            Shown::Preloaded(preloaded) => select.recv(preloaded.incoming()),
        };
    }

    /// Whether something has come in.
    pub(super) fn has_some(&self) -> bool {
        match self {
            Shown::Mounted(mounted) => !mounted.incoming().is_empty(),
            Shown::Preloaded(preloaded) => !preloaded.incoming().is_empty(),
        }
    }

    /// The next call, and the process that it comes from, if that can be told.
    pub(super) fn take(&self, is_alive: impl Fn(u64) -> bool) -> Option<(Option<u64>, FileCall)> {
        match self {
            Shown::Mounted(mounted) => {
                mounted.incoming().try_recv().ok().map(|call| (None, FileCall::Kernel(call)))
            }
            Shown::Preloaded(preloaded) => preloaded.take(is_alive).map(|(child, call)| (Some(child), call)),
        }
    }

    /// What a process that is about to be started needs in its environment.
    pub(super) fn environment(&self, child: u64) -> Environment {
        match self {
            Shown::Mounted(_) => Vec::new(),
            Shown::Preloaded(preloaded) => preloaded.environment(child),
        }
    }

    /// Has a call done, on the way to the answer of a question.
    pub(super) async fn carry_out(&self, sim: &Sim, call: FileCall) {
        // If the crash comes there, the reply is dropped with this, which answers EIO.
        match (self, call) {
            (Shown::Mounted(mounted), FileCall::Kernel(call)) => mounted.carry_out(sim, call).await,
            (Shown::Preloaded(preloaded), FileCall::Library(connection, call, reply)) => {
                let answer = preloaded.calls().carry_out(sim, connection, call).await;
                reply.answer(&answer);
            }
            _ => unreachable!("calls come back where they came from"),
        }
    }
}
