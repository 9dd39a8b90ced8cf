//! A world of its own behind one mount, served request by request: for programs that nobody drives, and for comparisons.
//!
//! Requests are carried out in the order in which they come, each at once; the simulated clock moves on by what they take.
//! Faults come when they are asked for, and so does the loss of power; what that leaves is drawn from the seed.

use super::{Answer, Owner, Request, Vfs};
use crate::base::decide::{Decider, Site};
use crate::executor::Ended;
use crate::media::Profile;
use crate::media::files::fs::Fill;
use crate::media::files::{ROOT, make_root};
use crate::media::{FilesSetup, Media, MediumSetup, Sim};
use crate::plan::{CrashKind, FaultKind, Plan};
use serde::Serialize;
use std::cell::RefCell;
use std::io;
use std::sync::Arc;

/// A world that one mount shows.
#[derive(Debug)]
pub struct Served {
    sim: Arc<Sim>,
    vfs: Vfs,
    owner: Owner,
    requests: u32,
    crashes: u32,
    failing: Vec<FaultKind>,
}

/// What went on so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Calls that took a turn.
    pub calls: u64,
    /// Calls that were made to fail.
    pub failed: u32,
    /// Losses of power.
    pub crashes: u32,
    /// Crash states that were decided: sizes, sectors, changes of names.
    pub decided: u64,
    /// Sectors that were lost.
    pub sectors_lost: u32,
    /// Sizes that were lost.
    pub sizes_lost: u32,
    /// Changes of names that were lost.
    pub names_lost: u32,
}

impl Served {
    /// An empty file system, whose root belongs to `owner`.
    ///
    /// # Panics
    ///
    /// Only for a bug of ours.
    pub fn new(profile: Profile, seed: u64, owner: Owner) -> Served {
        let fill = [Fill::Zeros, Fill::Garbage, Fill::Stale, Fill::Mixed][seed as usize % 4];
        let media = Media::new(MediumSetup::Files(FilesSetup { profile, sector_len: 512, fill }));
        let sim = Sim::new(media, Plan { entropy: seed, ..Plan::default() }, Decider::seeded(seed));
        make_root(&sim);
        let vfs = Vfs::new(&sim, ROOT, owner).expect("the root is there");
        Served { sim, vfs, owner, requests: 0, crashes: 0, failing: Vec::new() }
    }

    /// Has a request done, and gives the answer, or the error's number in errno(3).
    ///
    /// # Panics
    ///
    /// Only for a bug of ours.
    pub fn carry_out(&mut self, request: Request) -> Result<Answer, i32> {
        let fault = request.class().and_then(|class| {
            let at = self.failing.iter().position(|fault| class.suffers(*fault))?;
            Some(self.failing.remove(at))
        });
        // Inodes are named by the site that makes them: each request that makes one is a site.
        self.requests = self.requests.wrapping_add(1) & Self::SITES_MASK;
        let answer = RefCell::new(None);
        self.sim.lock().executor.allow_more_calls();
        let process = self.sim.lock().process();
        let ended = self.sim.run(vec![Some(Box::pin(async {
            self.sim.lock().enter(Site::Op(self.requests), None);
            if let Some(fault) = fault {
                self.sim.lock().executor.plan(fault);
            }
            *answer.borrow_mut() = Some(self.vfs.carry_out(&self.sim, process, request).await);
        }))]);
        match ended {
            Ended::Done => answer.into_inner().expect("the task is done"),
            ended => panic!("a request did not come to an end: {ended:?}"),
        }
    }

    /// Operations' numbers have to fit into what names inodes.
    const SITES_MASK: u32 = 0x7_ffff;

    /// The next call of this kind fails, once.
    pub fn fail_next(&mut self, fault: FaultKind) {
        self.failing.push(fault);
    }

    /// The power goes and comes back: what may be lost is lost as the seed has it, and the file system is mounted again.
    pub fn crash(&mut self) -> io::Result<()> {
        self.crashes += 1;
        {
            let mut world = self.sim.lock();
            world.log_crash(CrashKind::Power);
            world.die();
            world.power_loss(self.crashes << 4);
        }
        self.vfs = Vfs::new(&self.sim, ROOT, self.owner)?;
        Ok(())
    }

    /// What went on so far.
    pub fn stats(&self) -> Stats {
        let world = self.sim.lock();
        let states = world.medium.states();
        Stats {
            calls: world.executor.injected.calls,
            failed: world.executor.injected.faults.iter().sum(),
            crashes: self.crashes,
            decided: states.decided,
            sectors_lost: states.sectors_lost,
            sizes_lost: states.sizes_lost,
            names_lost: states.names_lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_that_lives_long_is_no_run_without_end() {
        // A program that had made 300,000 calls on a mount found its database malformed: what ends a run that goes round ended the
        // world behind the mount.
        let mut served = Served::new(Profile::Posix, 1, Owner { uid: 0, gid: 0 });
        for request in 0..300_100 {
            let answer = served.carry_out(Request::GetAttr { node: 1 });
            assert!(answer.is_ok(), "request {request}: {answer:?}");
        }
        assert!(served.stats().calls > 300_000);
    }
}
