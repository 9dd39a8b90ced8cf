//! A store that changes hands: a second process opens it while the first goes on appending.
//!
//! Of a host that fences, the second is let in, and whatever the first writes after that must be refused and change nothing. Both
//! are at work at once, so that appends of the first are on their way while the second recovers. Then the first process opens the
//! store again, and looks.
//!
//! One of the two may be killed while the other goes on. If it is the first, a new incarnation of it starts when the second is done.
//!
//! A host that refuses a second writer is asked for the same; it is the first that goes on then.

use super::life::End;
use super::{ATTEMPTS_MAX, HEALS_MAX, Runner, SECOND, SECOND_PROCESS, Up};
use crate::base::decide::Site;
use crate::executor::Task;
use crate::history::{Ask, Place, Told};
use crate::scenario::{Action, Payload, Style};

/// The number of the process that every run has.
const FIRST_PROCESS: u16 = 0;
/// How often the first process appends meanwhile.
const APPENDS: usize = 4;

impl Runner<'_> {
    /// Lets a second process open the store while the first appends.
    pub(super) fn take_over(&mut self, up: &Up, id: u32) -> End {
        self.heals += 1;
        let first = Site::Boot { nth: self.nth, attempt: ATTEMPTS_MAX + self.heals.min(HEALS_MAX) };
        let cut = self.cut_of(id);
        let ended = {
            let this = &*self;
            let old: Task<'_> = Box::pin(async move {
                this.sim.lock().enter(first, None);
                this.go_on_appending(up, first).await;
                this.leave().await;
            });
            let new: Task<'_> = Box::pin(async move {
                this.sim.lock().enter(Site::Op(id), cut);
                this.second_session(id).await;
                this.leave().await;
            });
            self.drive_two(old, new)
        };
        match self.settle_end(ended, false) {
            End::Done if self.died.take() == Some(FIRST_PROCESS) => {
                self.first_died();
                End::Crashed(Some(id))
            }
            end => end,
        }
    }

    async fn go_on_appending(&self, up: &Up, site: Site) {
        let payload = Payload { style: Style::Unique, len: 24 };
        for nth in 0..APPENDS {
            // The other one has to come to something in between.
            self.sim.sleep(up.process, 40_000 * nth as u64).await;
            let told = self.append(&*up.store, Place::Main, site, 0, payload, None).await;
            if !self.goes_on(&told) {
                return;
            }
        }
        if self.history.borrow().capabilities.snapshots {
            self.create_snapshot(&*up.store, site, 0).await;
        }
    }

    async fn second_session(&self, id: u32) {
        let op = self.scenario.ops.iter().find(|op| op.id == id);
        let Some(Action::TakeOver(payload)) = op.map(|op| &op.action) else { return };
        let process = self.sim.lock().process_of(SECOND_PROCESS);
        let site = Site::Op(id);
        let host = self.boot(&self.machine_of(SECOND_PROCESS));
        let (_, store) = self.open_place(&*host, Place::Main, site, SECOND, true).await;
        let Some(store) = store else { return };
        self.read(&*store, Place::Main, site, SECOND, 1, 0).await;
        let told = self.append(&*store, Place::Main, site, SECOND, *payload, None).await;
        self.sim.sleep(process, 300_000).await;
        if self.goes_on(&told) {
            self.read(&*store, Place::Main, site, SECOND, 1, 0).await;
        }
        self.ask(site, SECOND, Ask::Close { place: Place::Main }, store.close(), |_, ()| Told::Done).await;
    }
}
