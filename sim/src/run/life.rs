//! The lives of a host's processes: start, work, crash, and so on until the end.

use super::{ATTEMPTS_MAX, HARNESS, HEALS_MAX, Reopen, Runner, Up};
use crate::base::decide::Site;
use crate::executor::{Ended, Task};
use crate::history::{Ask, Event, Place, Told};
use crate::hosts::AnyStore;
use crate::scenario::generate::Reach;
use crate::scenario::{Action, CrashKind, Cut, FaultClass};
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

impl Runner<'_> {
    /// One life of a process, from its start to its end. False if it was the last: the run is over, or the host cannot be brought
    /// up any more.
    pub(crate) fn live(&mut self) -> bool {
        match self.start() {
            Started::Up(up) if self.ending => {
                self.last_look(&up);
                false
            }
            Started::Up(up) => self.go_on(up),
            Started::Again => true,
            Started::Never => false,
        }
    }

    /// What a process does that has started. Says whether there is another start to come.
    pub(crate) fn go_on(&mut self, up: Up) -> bool {
        match self.work(up) {
            Work::Finished(up) => self.close_and_cut(up),
            Work::Crashed(op) => {
                let plan = self.scenario.crashes.iter().find(|plan| plan.op == op);
                let cuts = plan.map_or_else(VecDeque::new, |plan| plan.inside.iter().copied().collect());
                self.begin_start(cuts);
                true
            }
            Work::Dead => false,
        }
    }

    fn begin_start(&mut self, cuts: VecDeque<Cut>) {
        (self.attempt, self.heals, self.cuts) = (0, 0, cuts);
    }

    /// One attempt to start the host and to open the store (or to create it).
    pub(crate) fn start(&mut self) -> Started {
        let boot = u32::from(self.nth) << 4 | u32::from(self.attempt);
        self.sim.lock().executor.begin_boot(boot);
        if let Some(nodes) = &self.nodes {
            nodes.restart_some(&self.sim, boot);
        }
        let opened: Cell<Option<Arc<dyn AnyStore>>> = Cell::new(None);
        let create = self.nth == 0 && self.attempt == 0;
        let cut = self.cuts.pop_front();
        let (ended, host, process) = {
            let machine = self.machine();
            let host = self.boot(&machine);
            let process = machine.process;
            let ended = {
                let (this, host, opened) = (&*self, &*host, &opened);
                let site = Site::Boot { nth: self.nth, attempt: self.attempt };
                let task: Task<'_> = Box::pin(async move {
                    this.sim.lock().enter(site, cut);
                    if let Some(store) = this.bring_up(host, site, create).await {
                        this.audit(host, &*store, site).await;
                        opened.set(Some(store));
                    }
                    this.leave().await;
                });
                self.drive(vec![Some(task)])
            };
            (ended, host, process)
        };
        match self.settle_end(ended, !create) {
            End::Done => match opened.take() {
                Some(store) => return Started::Up(Up { host, store, process }),
                // An error: whether it was excused is for the oracle to say. A disk that is full is not left so.
                None => {
                    self.sim.lock().limit_space(None);
                    self.collect_notices();
                }
            },
            End::Crashed(_) => {}
            End::Dead => return Started::Never,
        }
        self.attempt += 1;
        if self.attempt == ATTEMPTS_MAX || (self.cuts.is_empty() && !self.may_retry()) {
            Started::Never
        } else {
            Started::Again
        }
    }

    /// The worst that can be done at the end.
    fn last_crash_kind(&self) -> CrashKind {
        if self.target.reach() == Reach::Kills { CrashKind::Kill } else { CrashKind::Power }
    }

    /// Whether the last failure to open may be answered by trying again: a fault or a crash came since the one before.
    fn may_retry(&self) -> bool {
        let history = self.history.borrow();
        let mut failures = 0;
        for event in history.events().iter().rev() {
            match event {
                Event::Fault { .. } | Event::Damage { .. } | Event::Crash { .. } | Event::Freed => {
                    return failures <= 1;
                }
                Event::Told { asked, told: Told::Failed { .. } } => {
                    let asked = &history.events()[*asked];
                    failures += u32::from(matches!(
                        asked,
                        Event::Asked { ask: Ask::Open { second: false, .. } | Ask::Create { .. }, .. }
                    ));
                }
                _ => {}
            }
        }
        false
    }

    /// Lets the clients work until all is done, a crash comes, or the host cannot go on.
    fn work(&mut self, mut up: Up) -> Work {
        loop {
            let ended = {
                let this = &*self;
                let tasks = (0..self.queues.len())
                    .map(|client| Some(Box::pin(this.client(client, &up)) as Task<'_>))
                    .collect();
                self.drive(tasks)
            };
            match self.settle_end(ended, false) {
                End::Done => {}
                End::Crashed(op) => return Work::Crashed(op),
                End::Dead => return Work::Dead,
            }
            let mut why = self.reopen.take();
            if let Some(Reopen::TakenOver(op)) = why {
                match self.take_over(&up, op) {
                    End::Done => why = Some(Reopen::AfterError),
                    End::Crashed(_) => return Work::Crashed(Some(op)),
                    End::Dead => return Work::Dead,
                }
            }
            match why {
                None => return Work::Finished(up),
                Some(why) => match self.open_again(up, why) {
                    Reopened::Up(again) => up = again,
                    Reopened::Crashed(op) => return Work::Crashed(op),
                    Reopened::Dead => return Work::Dead,
                },
            }
        }
    }

    /// Closes the store and opens it again in the same process, then audits.
    fn open_again(&mut self, up: Up, why: Reopen) -> Reopened {
        let mut tries = 0;
        let Up { host, store, process } = up;
        let mut store = Some(store);
        loop {
            let (site, cut) = match why {
                Reopen::Asked(op) if tries == 0 => (Site::Op(op), self.cut_of(op)),
                _ => {
                    self.heals += 1;
                    (Site::Boot { nth: self.nth, attempt: ATTEMPTS_MAX + self.heals.min(HEALS_MAX) }, None)
                }
            };
            let opened: Cell<Option<Arc<dyn AnyStore>>> = Cell::new(None);
            let ended = {
                let (this, host, opened, first) = (&*self, &*host, &opened, Cell::new(store.take()));
                let task: Task<'_> = Box::pin(async move {
                    this.sim.lock().enter(site, cut);
                    if let Some(store) = first.take()
                        && this.close(&*store, site).await == Told::Done
                    {
                        this.use_closed(&*store, site, why).await;
                    }
                    if let Some(store) = this.open(host, site).await {
                        this.audit(host, &*store, site).await;
                        opened.set(Some(store));
                    }
                    this.leave().await;
                });
                self.drive(vec![Some(task)])
            };
            match self.settle_end(ended, false) {
                End::Done => {}
                End::Crashed(op) => return Reopened::Crashed(op),
                End::Dead => return Reopened::Dead,
            }
            if let Some(store) = opened.take() {
                return Reopened::Up(Up { host, store, process });
            }
            tries += 1;
            self.sim.lock().limit_space(None);
            self.collect_notices();
            if tries > 3 || !self.may_retry() {
                return Reopened::Dead;
            }
        }
    }

    /// Tries to append through the handle that was just closed, if that is what was asked for.
    async fn use_closed(&self, store: &dyn AnyStore, site: Site, why: Reopen) {
        let Reopen::Asked(id) = why else { return };
        let op = self.scenario.ops.iter().find(|op| op.id == id);
        if let Some(Action::UseClosed(payload)) = op.map(|op| &op.action) {
            self.append(store, Place::Main, site, HARNESS, *payload, None).await;
        }
    }

    /// After the last operation: an orderly close, and then the power goes; nothing may be lost by that. Says whether there is
    /// a start to come.
    fn close_and_cut(&mut self, up: Up) -> bool {
        self.sim.lock().limit_space(None);
        self.collect_notices();
        let ended = {
            let (this, up) = (&*self, &up);
            let task: Task<'_> = Box::pin(async move {
                this.sim.lock().enter(Site::Closing, None);
                this.close(&*up.store, Site::Closing).await;
                this.leave().await;
            });
            self.drive(vec![Some(task)])
        };
        if !matches!(self.settle_end(ended, false), End::Done) {
            return false;
        }
        if self.scenario.setup.class == FaultClass::None {
            drop(up);
            self.nth += 1;
        } else {
            self.sim.lock().die();
            drop(up);
            self.crash(self.last_crash_kind(), false);
        }
        self.begin_start(VecDeque::new());
        self.ending = true;
        true
    }

    /// The last open store must still take an append, and be in order after it.
    pub(crate) fn last_look(&mut self, up: &Up) {
        let ended = {
            let this = &*self;
            let task: Task<'_> = Box::pin(async move {
                this.sim.lock().enter(Site::Closing, None);
                this.probe(&*up.store).await;
                this.read_all(&*up.store, Site::Closing).await;
                this.close(&*up.store, Site::Closing).await;
                this.leave().await;
            });
            self.drive(vec![Some(task)])
        };
        self.settle_end(ended, false);
    }

    /// Records how tasks ended; after a crash, what is left of the world is what the crash leaves.
    pub(super) fn settle_end(&mut self, ended: Ended, in_recovery: bool) -> End {
        self.collect_notices();
        match ended {
            Ended::Done => End::Done,
            Ended::Crashed(kind, site) => {
                self.crash(kind, in_recovery);
                End::Crashed(if let Site::Op(op) = site { Some(op) } else { None })
            }
            Ended::Stuck => {
                let text = "the host waits for something that never happens, or calls without end".to_owned();
                self.history.borrow_mut().stuck = Some(text);
                End::Dead
            }
            Ended::Silent(duration) => {
                let text = format!("the host process has not answered for {duration:?}");
                self.history.borrow_mut().stuck = Some(text);
                End::Dead
            }
            Ended::Panicked(text) => {
                self.history.borrow_mut().panic = Some(text);
                self.gave_no_answer();
                End::Dead
            }
            Ended::Faulty(what) => {
                self.history.borrow_mut().fault = Some(what);
                self.gave_no_answer();
                End::Dead
            }
        }
    }

    /// The host ended instead of answering the task that ran, or the harness.
    fn gave_no_answer(&self) {
        let task = self.sim.lock().executor.current_task();
        let waiting = self.waiting.borrow();
        let asked = waiting[task].or(*waiting.last().expect("one for the harness"));
        if let Some(asked) = asked {
            self.history.borrow_mut().push(Event::Told { asked, told: Told::Panicked });
        }
    }

    fn crash(&mut self, kind: CrashKind, in_recovery: bool) {
        if self.logged {
            self.sim.lock().log_crash(kind);
        }
        if in_recovery {
            self.exercised.crashes_in_recovery += 1;
        } else {
            self.nth += 1;
        }
        match kind {
            CrashKind::Kill => self.exercised.kills += 1,
            CrashKind::Power => {
                self.exercised.power_after_kill += u32::from(self.last_crash == Some(CrashKind::Kill));
                self.lose_power(if in_recovery { self.attempt + 1 } else { 0 });
            }
        }
        self.last_crash = Some(kind);
        self.forget_clients();
        self.died.set(None);
        self.history.borrow_mut().push(Event::Crash { kind, in_recovery });
        // What it tore.
        self.collect_notices();
    }

    /// The first of two processes was killed while the second went on: a new start comes.
    pub(super) fn first_died(&mut self) {
        self.nth += 1;
        self.exercised.kills += 1;
        self.last_crash = Some(CrashKind::Kill);
        self.forget_clients();
    }

    /// No client of a process that is dead waits for anything, or has a block open.
    fn forget_clients(&mut self) {
        self.known.borrow_mut().open.iter_mut().for_each(Vec::clear);
        self.waiting.borrow_mut().fill(None);
        self.reopen.set(None);
    }

    /// The power goes before this attempt to start. It is numbered so that taking out one crash does not rename what the others
    /// decide.
    pub(super) fn lose_power(&mut self, attempt: u8) {
        self.exercised.power_losses += 1;
        self.sim.lock().power_loss(u32::from(self.nth) << 4 | u32::from(attempt));
    }

    pub(super) fn cut_of(&self, op: u32) -> Option<Cut> {
        if self.scenario.setup.class == FaultClass::None {
            return None;
        }
        self.scenario.crashes.iter().find(|plan| plan.op == Some(op)).map(|plan| plan.at)
    }

    /// Leaves the site; if a crash was due in it, it comes now.
    pub(super) async fn leave(&self) {
        let crashes = self.sim.lock().leave();
        if crashes {
            std::future::pending::<()>().await;
        }
    }

    /// What the client does from here to the end, or until the store is to be opened again.
    async fn client(&self, client: usize, up: &Up) {
        let (queue, next) = &self.queues[client];
        while let Some(&index) = queue.get(next.get()) {
            if self.reopen.get().is_some() {
                return;
            }
            next.set(next.get() + 1);
            let op = &self.scenario.ops[index];
            if matches!(op.action, Action::Reopen | Action::UseClosed(_)) {
                self.reopen.set(Some(Reopen::Asked(op.id)));
                return;
            }
            if matches!(op.action, Action::TakeOver(_)) {
                self.reopen.set(Some(Reopen::TakenOver(op.id)));
                return;
            }
            self.sim.lock().enter(Site::Op(op.id), self.cut_of(op.id));
            self.collect_notices();
            self.sim.pause(up.process).await;
            let went_well = self.execute(client as u16, op, up).await;
            self.leave().await;
            if !went_well && self.heals < HEALS_MAX {
                self.reopen.set(Some(Reopen::AfterError));
                return;
            }
        }
    }
}

/// What came of an attempt to start.
pub(crate) enum Started {
    /// The store is open, and was looked at.
    Up(Up),
    /// It crashed or failed, and is to be tried again.
    Again,
    /// It cannot be brought up.
    Never,
}

enum Work {
    Finished(Up),
    Crashed(Option<u32>),
    Dead,
}

enum Reopened {
    Up(Up),
    Crashed(Option<u32>),
    Dead,
}

pub(super) enum End {
    Done,
    Crashed(Option<u32>),
    Dead,
}
