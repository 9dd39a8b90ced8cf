//! Property tests with proptest: strategies for runs, which shrink as proptest's own do, and whose failures are cases.
//!
//! An [`Attempt`] is a scenario and where its decisions are drawn from. Each operation carries the crash and the fault that are
//! meant for it, and keeps its number when others are taken away, so that deleting one leaves the rest as it was. That is what makes
//! attempts shrink well: proptest cuts off the end, takes out operations, crashes and faults, then makes what is left plainer. What the
//! medium lost in a crash is drawn by address, for several ways in which the same run may go: with one way only, a run with an
//! operation less loses something else and often passes. `asl-sim shrink` makes a case smaller still.
//!
//! Seeded campaigns find bugs faster, since their runs differ in kind (swarm testing). Strategies are for those who want to say
//! what a run is like: mix operations of their own with the contract's, fix some, or derive them from values of their own.
//!
//! Not drawn: a crash that ends one of two processes while the other goes on.
//!
//! Attempts do not stop: a run whose host never returns without asking its seams for anything hangs the test, as in any property test.

mod parts;

pub use parts::{actions, own, payloads};

use crate::base::decide::{Decider, Decisions, Site};
use crate::base::words;
use crate::catalogue::find;
use crate::conformance::{cases_dir, replay_command, shown, test_name};
use crate::failing::Found;
use crate::hosts::Target;
use crate::scenario::generate::Reach;
use crate::scenario::{
    Action, ClockJump, CrashPlan, FaultClass, FaultKind, FaultPlan, Fill, FullPlan, MediumSetup, Op, Profile,
    Runtime, Scenario, Setup,
};
use crate::tell::story::story;
use crate::trial::capabilities;
use crate::trial::{Trial, trial};
use asl_host::Capabilities;
use parts::{Crash, Fault, Step, clock_jumps, crashes, faults, steps, times_without_space};
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Faults in one run at most, besides those at starts: more of them only hide each other.
const FAULTS_MAX: usize = 6;

/// What attempts are like; what is not said is as a campaign has it.
#[derive(Clone, Debug)]
pub struct Attempts {
    offered: Capabilities,
    reach: Reach,
    runtime: Runtime,
    profile: Profile,
    classes: Vec<FaultClass>,
    clients_max: u16,
    ops_max: u32,
    ways: u32,
    actions: BoxedStrategy<Action>,
}

impl Attempts {
    /// Attempts on this host: with its usual faults, every operation that it offers, and its own.
    pub fn on(target: &Target) -> Attempts {
        let wishes = target.wishes();
        let offered = capabilities(target, &wishes);
        let mut kinds = vec![(10, actions(&offered))];
        kinds.extend(target.operations().iter().map(|operation| (1, own(operation.name()).boxed())));
        Attempts {
            offered,
            reach: wishes.reach,
            runtime: wishes.runtime,
            profile: wishes.profile,
            classes: wishes.classes,
            clients_max: 3,
            ops_max: 40,
            ways: 8,
            actions: proptest::strategy::Union::new_weighted(kinds).boxed(),
        }
    }

    /// What the host offers, for [`actions`].
    pub fn capabilities(&self) -> &Capabilities {
        &self.offered
    }

    /// On this file system.
    #[must_use]
    pub fn profile(self, profile: Profile) -> Attempts {
        Attempts { profile, ..self }
    }

    /// Each with trouble of one of these classes; none means that nothing goes wrong.
    #[must_use]
    pub fn classes(self, classes: &[FaultClass]) -> Attempts {
        Attempts { classes: classes.to_vec(), ..self }
    }

    /// With at most so many clients, from 1 to [`Scenario::CLIENTS_MAX`].
    #[must_use]
    pub fn clients_max(self, clients_max: u16) -> Attempts {
        Attempts { clients_max: clients_max.clamp(1, Scenario::CLIENTS_MAX), ..self }
    }

    /// With at most so many operations, from 1 to [`Scenario::OPS_MAX`].
    #[must_use]
    pub fn ops_max(self, ops_max: u32) -> Attempts {
        Attempts { ops_max: ops_max.clamp(1, Scenario::OPS_MAX), ..self }
    }

    /// With what crashes lose, and whatever else is open, drawn anew so many times for each; 8 unless said, and at least 1.
    #[must_use]
    pub fn ways(self, ways: u32) -> Attempts {
        Attempts { ways: ways.max(1), ..self }
    }

    /// With these operations, in place of all that the host offers:
    /// `prop_oneof![9 => actions(&offered), 1 => own("compact")]`, say.
    #[must_use]
    pub fn actions(self, actions: impl Strategy<Value = Action> + 'static) -> Attempts {
        Attempts { actions: actions.boxed(), ..self }
    }

    /// The strategy.
    pub fn strategy(&self) -> BoxedStrategy<Attempt> {
        let this = self.clone();
        let steps = steps(self.actions.clone(), self.clients_max);
        // In the order in which they are made smaller.
        let parts = (
            0..=self.ops_max,
            vec(weighted(0.9, steps), self.ops_max as usize),
            (weighted(0.15, crashes()), vec((0..5_u16, select(vec![0_u8, 1]), faults(12)), 0..3)),
            (weighted(0.2, times_without_space(self.ops_max)), weighted(0.1, clock_jumps(self.ops_max))),
            weighted(0.97, any::<u64>().no_shrink()),
            self.setups(),
        );
        parts
            .prop_map(move |(len, steps, (first_crash, at_starts), (full, clock_jump), lost, setup)| {
                let steps = steps.into_iter().take(len as usize);
                let parts = Parts { setup, steps: steps.collect(), first_crash, at_starts, full, clock_jump };
                Attempt { scenario: Arc::new(this.scenario(parts)), lost, ways: this.ways }
            })
            .boxed()
    }

    fn setups(&self) -> impl Strategy<Value = Setup> + use<> {
        let classes = if self.classes.is_empty() { vec![FaultClass::None] } else { self.classes.clone() };
        let fills = vec![Fill::Zeros, Fill::Garbage, Fill::Stale, Fill::Mixed];
        let fills = if self.profile.has_stale_fill() { fills } else { vec![Fill::Zeros] };
        let (profile, clients_max, runtime) = (self.profile, self.clients_max, self.runtime);
        let segments = select(vec![64_u64 << 20, 8_000, 2_000, 600]);
        (
            select(classes),
            select(vec![512_u32, 4096]),
            select(fills),
            1..=clients_max,
            segments,
            of(any::<u64>()),
            any::<bool>(),
        )
            .prop_map(
                move |(class, sector_len, fill, clients, segment_len_max, entropy, goes_on_after_errors)| {
                    Setup {
                        medium: MediumSetup::with(profile, sector_len, fill),
                        class,
                        clients,
                        segment_len_max,
                        entropy: entropy.unwrap_or(0),
                        goes_on_after_errors,
                        runtime,
                    }
                },
            )
    }

    /// Operations keep the number of their place, whichever others there are.
    fn scenario(&self, parts: Parts) -> Scenario {
        let class = parts.setup.class;
        let kinds = kinds_of(class, parts.setup.profile());
        let mut scenario = Scenario::of_nothing(parts.setup);
        let first = parts.first_crash.map(|Crash { at, inside }| CrashPlan { op: None, at, inside });
        scenario.crashes.extend(first);
        for (id, step) in (0..).zip(parts.steps) {
            let Some(Step { client, action, crash, fault }) = step else { continue };
            let side = matches!(action, Action::SideCreate(_) | Action::SideUse(_) | Action::SideDestroy);
            // The second store has one user at a time.
            let client = if side { 0 } else { client % scenario.setup.clients };
            scenario.ops.push(Op { id, client, action });
            scenario.crashes.extend(crash.map(|Crash { at, inside }| CrashPlan { op: Some(id), at, inside }));
            if scenario.faults.len() < FAULTS_MAX {
                scenario.faults.extend(fault.and_then(|fault| planned(&fault, Site::Op(id), &kinds)));
            }
        }
        let at_starts = parts.at_starts.iter();
        let at_starts = at_starts.filter_map(|(nth, attempt, fault)| {
            planned(fault, Site::Boot { nth: *nth, attempt: *attempt }, &kinds)
        });
        scenario.faults.extend(at_starts);
        match class {
            FaultClass::None => scenario.crashes.clear(),
            FaultClass::Error => scenario.full.extend(parts.full),
            FaultClass::Crash | FaultClass::Media => {}
        }
        if class != FaultClass::None {
            scenario.clock_jumps.extend(parts.clock_jump);
        }
        scenario.leave_out(self.reach);
        scenario
    }
}

/// What is put together to a scenario.
struct Parts {
    setup: Setup,
    steps: Vec<Option<Step>>,
    first_crash: Option<Crash>,
    at_starts: Vec<(u16, u8, Fault)>,
    full: Option<FullPlan>,
    clock_jump: Option<ClockJump>,
}

/// The kinds of this class that there are calls for.
fn kinds_of(class: FaultClass, profile: Profile) -> Vec<FaultKind> {
    let of = |(kind, of, _): &&(FaultKind, FaultClass, &str)| *of == class && profile.can_suffer(*kind);
    FaultKind::ALL.iter().filter(of).map(|(kind, ..)| *kind).collect()
}

fn planned(fault: &Fault, site: Site, kinds: &[FaultKind]) -> Option<FaultPlan> {
    (!kinds.is_empty()).then(|| FaultPlan { site, skip: fault.skip, kind: *fault.kind.get(kinds) })
}

/// One run to be made.
#[derive(Clone)]
pub struct Attempt {
    scenario: Arc<Scenario>,
    /// Seeds what crashes lose, how long calls take, and what else is open; if there is none, all that may survive does.
    lost: Option<u64>,
    /// In how many ways.
    ways: u32,
}

impl Attempt {
    /// What is done.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Makes the run, in one way after the other until it fails; else it is the last that is returned. What it decided is recorded.
    ///
    /// # Panics
    ///
    /// If the simulator has a bug.
    pub fn trial(&self, target: &Target) -> Trial {
        let made = |decider: Decider| trial(target, &self.scenario, &decider.recording());
        let Some(seed) = self.lost else { return made(Decider::replaying(Decisions::new())) };
        let mut last = made(Decider::seeded(seed));
        for way in 1..u64::from(self.ways) {
            if !last.passed() {
                break;
            }
            last = made(Decider::seeded(seed.wrapping_add(way)));
        }
        last
    }

    /// Makes the run, and fails with its story if the host breaks the contract. The case is stored in `target/asl-sim`, under the name
    /// of the test that is running: of a test that shrinks, the last one that failed is the smallest, and the one that stays.
    ///
    /// # Errors
    ///
    /// The failure, for proptest.
    ///
    /// # Panics
    ///
    /// If the simulator has a bug, or the case cannot be stored.
    pub fn check(&self, target: &Target) -> Result<(), TestCaseError> {
        self.check_in(target, &cases_dir())
    }

    /// The same, with the case stored in this directory.
    ///
    /// # Errors
    ///
    /// The failure, for proptest.
    ///
    /// # Panics
    ///
    /// If the simulator has a bug, or the case cannot be stored.
    pub fn check_in(&self, target: &Target, dir: &Path) -> Result<(), TestCaseError> {
        let trial = self.trial(target);
        if trial.passed() {
            return Ok(());
        }
        let found = Found::AsItWas(trial);
        let name = test_name().map_or_else(|| "attempt".to_owned(), |name| name.replace("::", "-"));
        let case = found.case(target.name(), None, story(found.trial()));
        let saved = case.save_as(dir, &name);
        let path = saved.unwrap_or_else(|error| panic!("cannot store a case in {}: {error}", dir.display()));
        let known = find(target.name()).is_ok();
        let replay = format!("{} replay {}", words::program(), words::shell_word(&path.to_string_lossy()));
        let replay = if known { replay } else { replay_command(&path.to_string_lossy()) };
        let more = [("case", shown(&path)), ("replay", replay)];
        let told = found.told(None, &more, words::PIPE_COLUMNS);
        Err(TestCaseError::fail(anstream::adapter::strip_str(&told).to_string()))
    }
}

/// What is done, an operation a line, since proptest prints it.
impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { setup, ops, crashes, faults, full, clock_jumps } = &*self.scenario;
        write!(
            f,
            "{} on {}",
            words::things(ops.len() as u64, "operation", "operations"),
            setup.profile().as_str()
        )?;
        for plan in crashes.iter().filter(|plan| plan.op.is_none()) {
            write!(f, "\n  creation: {:?}{}", plan.at, inside(plan))?;
        }
        for op in ops {
            write!(f, "\n  op {} of client {}: {:?}", op.id, op.client, op.action)?;
            for plan in crashes.iter().filter(|plan| plan.op == Some(op.id)) {
                write!(f, "\n    crash: {:?}{}", plan.at, inside(plan))?;
            }
        }
        for fault in faults {
            write!(f, "\n  {} in {}, after {}", fault.kind, fault.site, fault.skip)?;
        }
        for plan in full {
            write!(f, "\n  {} bytes left from op {} to op {}", plan.bytes, plan.from_op, plan.until_op)?;
        }
        for jump in clock_jumps {
            write!(f, "\n  the clock jumps by {} ns at op {}", jump.by_ns, jump.op)?;
        }
        match self.lost {
            Some(seed) => write!(
                f,
                "\n  what crashes lose: drawn {} from {seed:#x}",
                words::things(self.ways.into(), "time", "times")
            ),
            None => f.write_str("\n  crashes lose nothing that may survive"),
        }
    }
}

fn inside(plan: &CrashPlan) -> String {
    if plan.inside.is_empty() { String::new() } else { format!(", then in recovery {:?}", plan.inside) }
}
