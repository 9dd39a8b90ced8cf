//! The adversarial double: what a store *above* a host is tested against.
//!
//! You give what your store does (the work) and what must be so afterwards (the check), as two async closures over a host and
//! a model that you choose. The [`Double`] runs the work once undisturbed, and then again and again, each time with one
//! [`Trouble`]: the processes are killed or the power goes before, within and after *every* call below the host that changes
//! something; every kind of such call fails once, at every place; every call of the contract answers with every error that it
//! may answer with, done or not; the disk is full, sooner or later. After each of them a new incarnation of the host is handed
//! to the check, often crashed in the middle of it too, and then twice more. What the medium lost is decided anew for every seed, or, up to
//! a bound, in every way that there is ([`Double::every_state`]).
//!
//! So the store meets every freedom of the contract: append units, torn writes, suffix loss on hosts that are
//! durable on flush, appends in doubt that come out either way, lost open blocks, each error code.
//!
//! ```
//! use asl_host::{Code, Host, LogSeq, Store, StoreLocation};
//! use asl_sim::double::{Double, DoubleHost, Checked};
//! use std::cell::Cell;
//!
//! #[derive(Default)]
//! struct Model { acknowledged: Cell<u64>, tried: Cell<u64> }
//!
//! // A counter: its value is the number of records.
//! async fn work(host: &DoubleHost, model: &Model) -> Checked {
//!     let store = host.create_store(&StoreLocation::new("/root/counter")).await?;
//!     for _ in 0..3 {
//!         model.tried.set(model.tried.get() + 1);
//!         store.append(b"+1").await?;
//!         model.acknowledged.set(model.tried.get());
//!     }
//!     Ok(())
//! }
//!
//! async fn check(host: &DoubleHost, model: &Model) -> Checked {
//!     let count = match host.open_store(&StoreLocation::new("/root/counter")).await {
//!         Ok(store) => store.read(LogSeq::FIRST, 100).await?.len() as u64,
//!         Err(error) if error.code() == Code::NotFound => 0,
//!         Err(error) => return Err(error.into()),
//!     };
//!     if count < model.acknowledged.get() || count > model.tried.get() {
//!         return Err(format!("the counter is at {count}").into());
//!     }
//!     Ok(())
//! }
//!
//! let report = Double::new(asl_sim::target::posix()).seeds(0..2).check(work, check)?;
//! assert!(report.crashes > 100);
//!
//! // The same counter loses what it has acknowledged on a host whose appends are durable when they are flushed.
//! let failure = Double::new(asl_sim::target::posix_on_flush()).check(work, check).expect_err("it never flushes");
//! assert!(failure.said.contains("the counter is at"));
//! # Ok::<(), Box<asl_sim::double::Failure>>(())
//! ```
//!
//! Everything happens on the calling thread and depends on nothing but the plan: a failure prints the [`Plan`] that
//! [`Double::replay`] takes back. Not done: two troubles in one run (but for a crash in the check), several processes at once,
//! damage to the medium, and making a failure smaller. A work that makes 4096 files or more has some of them share a place in the
//! decision map.

mod failure;
mod host;
mod plan;
mod refusal;
mod trial;

pub use failure::{Checked, Failure, Report};
pub use host::{DoubleHost, DoubleStore};
pub use plan::{Plan, Trouble};
pub use refusal::{Form, Refusal};

use crate::base::decide::{Address, Decider, Decisions, Question, mix};
use crate::hosts::Target;
use crate::scenario::{CrashKind, Cut, FaultClass, FaultKind, Profile, When};
use std::ops::Range;
use trial::{Trial, Undisturbed};

/// More places for one fault, or sizes of a disk, than any work has: a store that never gets through would go on for ever.
const PLACES_MAX: u32 = 100_000;

/// Tests a store above a host. See the [module](self).
#[derive(Clone, Debug)]
pub struct Double {
    target: Target,
    seeds: Range<u64>,
    profile: Profile,
    states_max: Option<u32>,
}

impl Double {
    /// A double of this host, on the weakest file system there is or its usual bucket, for four seeds.
    pub fn new(target: Target) -> Double {
        let profile = target.wishes().profile;
        Double { target, seeds: 0..4, profile, states_max: None }
    }

    /// For these seeds instead. A seed decides what survives each crash, which calls of the check are crashed in, and how the world is
    /// made: the length of sectors and segments, what lost sectors hold.
    #[must_use]
    pub fn seeds(mut self, seeds: Range<u64>) -> Double {
        self.seeds = seeds;
        self
    }

    /// On this file system instead.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Double {
        self.profile = profile;
        self
    }

    /// After each power loss, every state that the medium may be left in, as far as the check can tell them apart, and not only
    /// the seed's: at most so many at each crash point. [`Report::crash_points_cut_short`] counts where there were more.
    #[must_use]
    pub fn every_state(mut self, states_max_per_crash_point: u32) -> Double {
        self.states_max = Some(states_max_per_crash_point);
        self
    }

    /// Runs work and check under every trouble, and stops at the first failure. Each run has a model of its own.
    ///
    /// An error that the work returns ends the work, and is in order if a call failed; the check must always succeed.
    ///
    /// # Errors
    ///
    /// What the check said, or the work although nothing had failed; a panic of either; that one waits for ever.
    ///
    /// # Panics
    ///
    /// If the simulator has a bug.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over closures, as everywhere")]
    pub fn check<M: Default>(
        &self,
        work: impl AsyncFn(&DoubleHost, &M) -> Checked,
        check: impl AsyncFn(&DoubleHost, &M) -> Checked,
    ) -> Result<Report, Box<Failure>> {
        let mut report = Report::default();
        for seed in self.seeds.clone() {
            let mut one = |plan: &Plan, decider: Decider| {
                report.runs += 1;
                Trial::run(self, plan, decider, &work, &check)
            };
            let undisturbed = one(&Plan::new(seed, Trouble::Nothing), Decider::seeded(seed))?.undisturbed();
            let (crashes, cut_short) = self.crashes(seed, &undisturbed, &mut one)?;
            let faults = faults(seed, &mut one)?;
            let refusals = refusals(seed, &undisturbed, &mut one)?;
            let full = full(seed, &mut one)?;
            report.crashes += crashes;
            report.crash_points_cut_short += cut_short;
            report.faults += faults;
            report.refusals += refusals;
            report.full += full;
        }
        Ok(report)
    }

    /// Runs work and check once, as a failure's [`Plan`] has it; it is read from its text.
    ///
    /// # Errors
    ///
    /// As for [`check`](Double::check).
    ///
    /// # Panics
    ///
    /// If the text is not a plan's.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over closures, as everywhere")]
    pub fn replay<M: Default>(
        &self,
        plan: &str,
        work: impl AsyncFn(&DoubleHost, &M) -> Checked,
        check: impl AsyncFn(&DoubleHost, &M) -> Checked,
    ) -> Result<(), Box<Failure>> {
        let plan: Plan = plan.parse().unwrap_or_else(|why| panic!("{why}"));
        let decider = match &plan.decisions {
            Some(decisions) => Decider::replaying(decisions.clone()),
            None => Decider::seeded(plan.seed),
        };
        Trial::run(self, &plan, decider, &work, &check).map(drop)
    }

    /// A crash at every point. Gives the number of crashes, and of points at which not every state was tried.
    fn crashes(
        &self,
        seed: u64,
        undisturbed: &Undisturbed,
        one: &mut impl FnMut(&Plan, Decider) -> Result<Trial, Box<Failure>>,
    ) -> Result<(u64, u64), Box<Failure>> {
        let (mut crashes, mut cut_short) = (0, 0);
        // One more than there are: the crash comes when the work is done.
        for change in 0..=undisturbed.changes {
            for when in [When::Before, When::Within, When::After] {
                for kind in [CrashKind::Kill, CrashKind::Power] {
                    let at = Cut::new(change, when, kind);
                    let trouble = Trouble::Crash { at, again: again(seed, at) };
                    one(&Plan::new(seed, trouble), Decider::seeded(seed))?;
                    crashes += 1;
                    if let (Some(states_max), CrashKind::Power) = (self.states_max, kind) {
                        let plan = Plan::new(seed, Trouble::Crash { at, again: None });
                        let (tried, all) = every_state(plan, states_max, one)?;
                        crashes += tried;
                        cut_short += u64::from(!all);
                    }
                }
            }
        }
        Ok((crashes, cut_short))
    }
}

/// Whether, and where, the check after this crash is crashed in too: every other time.
fn again(seed: u64, at: Cut) -> Option<Cut> {
    let bits = mix(seed, Address::new(Question::Pick, at.change, at.when as u32, at.kind as u32));
    let when = [When::Before, When::Within, When::After][(bits >> 8) as usize % 3];
    let kind = [CrashKind::Kill, CrashKind::Power][(bits >> 16) as usize % 2];
    (bits & 1 == 0).then_some(Cut::new((bits >> 24) as u32 % 16, when, kind))
}

/// Every way for decisions to fall after one crash, up to a bound. Gives their number, and whether those were all.
fn every_state(
    mut plan: Plan,
    states_max: u32,
    one: &mut impl FnMut(&Plan, Decider) -> Result<Trial, Box<Failure>>,
) -> Result<(u64, bool), Box<Failure>> {
    plan.decisions = Some(Decisions::new());
    let mut decider = Decider::replaying(Decisions::new()).trailing();
    for tried in 1..=states_max {
        match one(&plan, decider)?.decider.next() {
            Some(next) => decider = next,
            None => return Ok((u64::from(tried), true)),
        }
    }
    Ok((u64::from(states_max), false))
}

/// Every kind of call below the host fails once, at every place.
fn faults(
    seed: u64,
    one: &mut impl FnMut(&Plan, Decider) -> Result<Trial, Box<Failure>>,
) -> Result<u64, Box<Failure>> {
    let mut count = 0;
    for &(kind, class, _) in FaultKind::ALL {
        if class != FaultClass::Error {
            continue;
        }
        for skip in 0..PLACES_MAX {
            if !one(&Plan::new(seed, Trouble::Fault { kind, skip }), Decider::seeded(seed))?.hit {
                break;
            }
            count += 1;
        }
    }
    Ok(count)
}

/// Every call of the contract answers with every error that it may.
fn refusals(
    seed: u64,
    undisturbed: &Undisturbed,
    one: &mut impl FnMut(&Plan, Decider) -> Result<Trial, Box<Failure>>,
) -> Result<u64, Box<Failure>> {
    let mut count = 0;
    for (call, &operation) in (0..).zip(&undisturbed.calls) {
        for &form in Form::of(operation) {
            let refusal = Refusal { call, form };
            one(&Plan::new(seed, Trouble::Refusal(refusal)), Decider::seeded(seed))?;
            count += 1;
        }
    }
    Ok(count)
}

/// The disk is full, ever later.
fn full(
    seed: u64,
    one: &mut impl FnMut(&Plan, Decider) -> Result<Trial, Box<Failure>>,
) -> Result<u64, Box<Failure>> {
    let (mut bytes, mut count) = (0_u64, 0);
    while count < u64::from(PLACES_MAX)
        && one(&Plan::new(seed, Trouble::Full { bytes }), Decider::seeded(seed))?.hit
    {
        bytes += 1 + bytes / 2;
        count += 1;
    }
    Ok(count)
}
