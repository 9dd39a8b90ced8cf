//! One run of a store's work under one trouble, and of its check after that.

use super::failure::{Checked, Failure};
use super::host::DoubleHost;
use super::plan::{Plan, Trouble};
use super::refusal::Calls;
use super::{Double, Refusal};
use crate::base::decide::{Decider, Decisions, Site};
use crate::executor::{Ended, Task};
use crate::hosts::{Machine, Target};
use crate::media::Sim;
use crate::run::new_sim;
use crate::scenario::generate::{Wishes, generate};
use crate::scenario::{CrashKind, Cut, FaultClass, FaultPlan, Scenario};
use asl_host::{Capabilities, Durability, Exclusion, Operation};
use std::cell::RefCell;
use std::sync::Arc;

/// How often the check is run after the work, besides the time that it is crashed in.
const CHECKS: u16 = 2;

/// A run that did not fail.
pub(super) struct Trial {
    /// With what it was asked.
    pub(super) decider: Decider,
    /// Whether what was planned besides a crash came to pass.
    pub(super) hit: bool,
    undisturbed: Undisturbed,
}

/// What a work does when nothing goes wrong.
pub(super) struct Undisturbed {
    /// Calls below the host that change something.
    pub(super) changes: u32,
    /// Calls to the host and its stores.
    pub(super) calls: Vec<Operation>,
}

impl Trial {
    /// Runs the work, lets it end as planned, and runs the check on new incarnations of the host.
    pub(super) fn run<M: Default>(
        double: &Double,
        plan: &Plan,
        decider: Decider,
        work: &impl AsyncFn(&DoubleHost, &M) -> Checked,
        check: &impl AsyncFn(&DoubleHost, &M) -> Checked,
    ) -> Result<Trial, Box<Failure>> {
        let scenario = scenario(double, plan);
        let sim = new_sim(&scenario, decider.recording());
        let mut world = World { target: &double.target, scenario, sim, crashes: 0 };
        let model = M::default();
        let calls = Arc::new(Calls::new(refusal(plan)));
        let told = world.work(plan, &calls, &model, work);
        let changes = world.sim.lock().executor.changes();
        let hit = world.is_hit(plan, &calls);
        let told = told.and_then(|told| match told {
            Err(said) if !hit => Err(format!("the work failed, though nothing had: {said}")),
            _ => world.checks(plan, &model, check),
        });
        let decider = world.end();
        let undisturbed = Undisturbed { changes, calls: calls.seen() };
        match told {
            Ok(()) => Ok(Trial { decider, hit, undisturbed }),
            Err(said) => Err(Box::new(failure(said, plan, &undisturbed.calls, decider))),
        }
    }

    pub(super) fn undisturbed(self) -> Undisturbed {
        self.undisturbed
    }
}

fn failure(said: String, plan: &Plan, calls: &[Operation], decider: Decider) -> Failure {
    let decisions = decider.into_record();
    let given = plan.decisions.is_some().then(|| decisions.clone());
    Failure {
        said,
        plan: Plan { decisions: given, ..plan.clone() },
        last_call: calls.len().checked_sub(1).map(|last| (last, calls[last])),
        decisions,
    }
}

fn refusal(plan: &Plan) -> Option<Refusal> {
    if let Trouble::Refusal(refusal) = plan.trouble { Some(refusal) } else { None }
}

/// The world of a seed, with what fails in it.
fn scenario(double: &Double, plan: &Plan) -> Arc<Scenario> {
    let wishes = Wishes {
        profile: double.profile,
        classes: vec![FaultClass::Error],
        ops: Some(0),
        clients: Some(1),
        ..Wishes::default()
    };
    let nothing = Capabilities {
        durability: Durability::OnAppend,
        exclusion: Exclusion::Refuse,
        blocks: false,
        snapshots: false,
        append_unit: 1,
        max_record_len: 0,
    };
    let mut scenario = generate(plan.seed, &wishes, &nothing);
    scenario.crashes.clear();
    scenario.faults.clear();
    scenario.full.clear();
    scenario.clock_jumps.clear();
    if let Trouble::Fault { kind, skip } = plan.trouble {
        scenario.faults.push(FaultPlan { site: WORK, skip, kind });
    }
    Arc::new(scenario)
}

/// Where the work is done; checks are starts.
const WORK: Site = Site::Op(0);

struct World<'a> {
    target: &'a Target,
    scenario: Arc<Scenario>,
    sim: Arc<Sim>,
    crashes: u32,
}

impl World<'_> {
    /// What the work said, or that the run failed.
    fn work<M>(
        &mut self,
        plan: &Plan,
        calls: &Arc<Calls>,
        model: &M,
        work: &impl AsyncFn(&DoubleHost, &M) -> Checked,
    ) -> Result<Result<(), String>, String> {
        if let Trouble::Full { bytes } = plan.trouble {
            self.sim.lock().limit_space(Some(bytes));
        }
        let cut = if let Trouble::Crash { at, .. } = plan.trouble { Some(at) } else { None };
        let lived = self.live(WORK, cut, calls, model, work);
        self.sim.lock().limit_space(None);
        match lived? {
            Lived::Through(said) => {
                self.power_loss();
                Ok(said)
            }
            Lived::Crashed => Ok(Ok(())),
        }
    }

    fn checks<M>(
        &mut self,
        plan: &Plan,
        model: &M,
        check: &impl AsyncFn(&DoubleHost, &M) -> Checked,
    ) -> Result<(), String> {
        let again = if let Trouble::Crash { again, .. } = plan.trouble { again } else { None };
        for nth in 0..=CHECKS {
            let cut = again.filter(|_| nth == 0);
            if nth == 0 && cut.is_none() {
                continue;
            }
            let calls = Arc::new(Calls::new(None));
            match self.live(Site::Boot { nth: nth + 1, attempt: 0 }, cut, &calls, model, check)? {
                Lived::Through(said) => said.map_err(|said| format!("the check failed: {said}"))?,
                Lived::Crashed => {}
            }
        }
        Ok(())
    }

    /// One process of the host, from its start to its end. A crash, too, has happened when this returns.
    fn live<M>(
        &mut self,
        site: Site,
        cut: Option<Cut>,
        calls: &Arc<Calls>,
        model: &M,
        life: &impl AsyncFn(&DoubleHost, &M) -> Checked,
    ) -> Result<Lived, String> {
        self.sim.lock().executor.begin_boot(site.code());
        let process = self.sim.lock().process();
        let machine = Machine { sim: self.sim.clone(), process, setup: &self.scenario.setup };
        let host = DoubleHost::new(self.target.boot(&machine), calls.clone());
        let told = RefCell::new(Ok(()));
        let task: Task<'_> = Box::pin(async {
            self.sim.lock().enter(site, cut);
            let said = life(&host, model).await;
            *told.borrow_mut() = said.map_err(|error| in_words(&*error));
            let crashes = self.sim.lock().leave();
            if crashes {
                std::future::pending::<()>().await;
            }
        });
        let ended = self.sim.run(vec![Some(task)]);
        let what = if site == WORK { "work" } else { "check" };
        match ended {
            Ended::Done => {
                self.sim.lock().die();
                Ok(Lived::Through(told.into_inner()))
            }
            Ended::Crashed(kind, _) => {
                drop(host);
                if kind == CrashKind::Power {
                    self.power_loss();
                }
                // What the closure said before a crash at its end counts, if it was an error.
                told.into_inner().map_err(|said| format!("the {what} failed: {said}"))?;
                Ok(Lived::Crashed)
            }
            Ended::Stuck => {
                Err(format!("the {what} waits for something that never happens, or calls without end"))
            }
            Ended::Panicked(text) => Err(format!("the {what} panicked: {text}")),
            Ended::Silent(_) | Ended::Faulty(_) => unreachable!("nothing is outside of it"),
        }
    }

    fn power_loss(&mut self) {
        self.crashes += 1;
        self.sim.lock().power_loss(self.crashes << 4);
    }

    /// Whether what was planned to fail did.
    fn is_hit(&self, plan: &Plan, calls: &Calls) -> bool {
        let world = self.sim.lock();
        match plan.trouble {
            Trouble::Nothing | Trouble::Crash { .. } => false,
            Trouble::Fault { kind, .. } => world.executor.injected.faults[kind as usize] > 0,
            Trouble::Refusal(_) => calls.is_hit(),
            Trouble::Full { .. } => world.executor.injected.no_space > 0,
        }
    }

    fn end(self) -> Decider {
        let mut world = self.sim.lock();
        std::mem::replace(&mut world.executor.decide, Decider::replaying(Decisions::new()))
    }
}

/// How a process ended.
enum Lived {
    /// Its closure returned, and said this.
    Through(Result<(), String>),
    Crashed,
}

/// An error with its causes.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
