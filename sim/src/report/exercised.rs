//! What a campaign did *not* do although it was asked to: faults that were never injected, states of the medium that never
//! came up, invariants that were never in a position to break. A campaign that passes proves nothing about those.

use crate::campaign::Summary;
use crate::check::{INVARIANTS, OwnInvariant};
use crate::hosts::Target;
use crate::media::files::fs::axioms::{Axioms, FailedSync, Order};
use crate::run::Exercised;
use crate::scenario::generate::Wishes;
use crate::scenario::{FaultClass, FaultKind};
use asl_host::Capabilities;

/// What can be expected of a campaign.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    wishes: &'a Wishes,
    capabilities: &'a Capabilities,
    /// The target's own invariants, which are expected to be checked whatever the campaign.
    own: &'a [OwnInvariant],
}

impl<'a> Expected<'a> {
    pub(crate) fn new(
        wishes: &'a Wishes,
        capabilities: &'a Capabilities,
        own: &'a [OwnInvariant],
    ) -> Expected<'a> {
        Expected { wishes, capabilities, own }
    }

    fn class(&self, class: FaultClass) -> bool {
        self.wishes.classes.contains(&class)
    }

    /// Whether power is lost at all: at the end of each run, if nowhere else.
    fn power_loss(&self) -> bool {
        self.class(FaultClass::Crash) || self.class(FaultClass::Error) || self.class(FaultClass::Media)
    }

    /// Whether there are crashes besides the one at the end.
    fn crashes(&self) -> bool {
        self.power_loss() && self.wishes.crashes != Some(0)
    }

    fn all_kinds(&self) -> bool {
        self.wishes.kinds.is_empty()
    }

    fn kind(&self, kind: FaultKind, class: FaultClass) -> bool {
        self.class(class)
            && self.wishes.profile.can_suffer(kind)
            && (self.all_kinds() || self.wishes.kinds.contains(&kind))
    }

    fn no_space(&self) -> bool {
        self.class(FaultClass::Error) && self.all_kinds() && self.wishes.profile.has_limited_space()
    }

    /// Whether something of this name should have happened. A name that is not known here should.
    fn happens(&self, name: &str) -> bool {
        if let Some(&(kind, class, _)) = FaultKind::ALL.iter().find(|(kind, ..)| kind.as_str() == name) {
            return self.kind(kind, class);
        }
        let axioms = self.wishes.profile.axioms();
        let is = |asked: fn(&Axioms) -> bool| axioms.is_some_and(asked);
        match name {
            "calls" | "crash-states" => false,
            "power-loss" => self.power_loss(),
            "no-space" => self.no_space(),
            "clock-jump" => self.power_loss() && self.all_kinds(),
            "sync-reverted" => {
                let reverts = |axioms: &Axioms| {
                    matches!(axioms.failed_sync, FailedSync::Reverted | FailedSync::AnyOfThese)
                };
                is(reverts) && self.kind(FaultKind::SyncEio, FaultClass::Error)
            }
            "garbage-fill" | "stale-fill" => self.crashes() && is(|axioms| axioms.stale_fill),
            "name-lost" => self.crashes() && is(|axioms| axioms.order == Order::None),
            "commit-lost" => self.crashes() && is(|axioms| axioms.order != Order::None),
            "sector-lost" | "sector-between" | "size-lost" | "zero-fill" => {
                self.crashes() && is(|axioms| axioms.order != Order::Everything)
            }
            "kill-within-write" => self.crashes() && axioms.is_some(),
            "landed-late" | "never-landed" => self.crashes() && self.wishes.profile.has_late_requests(),
            "died-alone" => self.crashes() && self.wishes.dies_alone,
            // Other crashes: after an orderly close nothing is left to lose.
            _ => self.crashes(),
        }
    }

    /// Whether an invariant should have been checked.
    pub(crate) fn checks(&self, invariant: usize) -> bool {
        let Some(invariant) = INVARIANTS.get(invariant) else { return true };
        let media_only = self.wishes.classes == [FaultClass::Media];
        let occasion = match invariant.name {
            "corruption-detected" => self.class(FaultClass::Media),
            "error-honest" => true,
            _ if media_only => false,
            "no-space-safe" => self.no_space(),
            "recovery-idempotent" => self.crashes(),
            "recovery-available" | "create-atomic" => self.power_loss(),
            _ => true,
        };
        occasion && (invariant.applies)(self.capabilities)
    }

    /// How many invariants were checked, and how many should have been.
    pub(crate) fn invariants(&self, summary: &Summary) -> (usize, usize) {
        let armed = |at: &usize| summary.armed.get(*at).is_some_and(|&count| count > 0);
        let due = (0..INVARIANTS.len() + self.own.len()).filter(|&at| self.checks(at));
        (due.clone().filter(armed).count(), due.count())
    }

    /// The names of what should have happened and did not.
    pub(crate) fn missing(&self, summary: &Summary) -> Vec<&'static str> {
        let mut missing = Vec::new();
        Exercised::default().each(|name, _| {
            if self.happens(name) && summary.totals.get(name) == 0 {
                missing.push(name);
            }
        });
        let never = |at: &usize| summary.armed.get(*at).is_none_or(|&count| count == 0);
        let names = INVARIANTS.iter().map(|invariant| invariant.name);
        let names = names.chain(self.own.iter().map(|invariant| invariant.name));
        let unchecked = names.enumerate().filter(|(at, _)| self.checks(*at) && never(at));
        missing.extend(unchecked.map(|(_, name)| name));
        missing
    }
}

impl Summary {
    /// The names of faults that the wishes ask for and that were never injected, of states of the medium that never came up, and
    /// of invariants that were never in a position to break: what a campaign that passed says nothing about.
    pub fn not_exercised(
        &self,
        target: &Target,
        wishes: &Wishes,
        capabilities: &Capabilities,
    ) -> Vec<&'static str> {
        Expected::new(wishes, capabilities, target.invariants()).missing(self)
    }
}

/// The sums of the faults that were injected, each by its name: calls that fail, want of space, jumps of the clock.
pub(crate) fn faults(summary: &Summary) -> Vec<(&'static str, u64)> {
    let others = ["no-space", "clock-jump"];
    let names = FaultKind::ALL.iter().map(|(kind, ..)| kind.as_str()).chain(others);
    names.map(|name| (name, summary.totals.get(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Profile;
    use asl_host::{Durability, Exclusion};

    const CAPABILITIES: Capabilities = Capabilities {
        durability: Durability::OnAppend,
        exclusion: Exclusion::Refuse,
        blocks: false,
        snapshots: false,
        append_unit: 1,
        max_record_len: 1 << 20,
    };

    fn missing(wishes: &Wishes) -> Vec<&'static str> {
        Expected::new(wishes, &CAPABILITIES, &[]).missing(&Summary::default())
    }

    #[test]
    fn without_faults_nothing_but_checks_is_expected() {
        let missing = missing(&Wishes { classes: vec![FaultClass::None], ..Wishes::default() });
        assert!(missing.contains(&"log-prefix"));
        assert!(!missing.iter().any(|name| ["kill", "read-eio", "sector-lost", "clock-jump", "no-space-safe"].contains(name)));
    }

    #[test]
    fn only_the_faults_that_were_asked_for_are_expected() {
        let wishes =
            Wishes { classes: vec![FaultClass::Error], kinds: vec![FaultKind::SyncEio], ..Wishes::default() };
        let missing = missing(&wishes);
        assert!(missing.contains(&"sync-eio") && missing.contains(&"kill"));
        assert!(!missing.iter().any(|name| ["read-eio", "no-space", "clock-jump", "cancel"].contains(name)));
    }

    #[test]
    fn what_the_host_does_not_offer_is_not_expected() {
        let missing = missing(&Wishes::default());
        assert!(missing.contains(&"append-durable") && !missing.contains(&"seal-durable"));
    }

    #[test]
    fn a_campaign_over_ones_own_target_says_what_it_did_not_do() {
        let target = crate::catalogue::posix();
        let wishes = Wishes { classes: vec![FaultClass::None], ops: Some(1), ..Wishes::default() };
        let campaign = crate::campaign::Campaign {
            target: target.clone(),
            wishes: wishes.clone(),
            base_seed: 1,
            seeds: 3,
            jobs: 1,
            keep_going: false,
        };
        let summary = crate::campaign::run(&campaign, &crate::campaign::Progress::default());
        let capabilities = crate::trial::capabilities(&target, &wishes);
        let missing = summary.not_exercised(&target, &wishes, &capabilities);
        assert!(missing.contains(&"snapshot-frozen") && !missing.contains(&"error-honest"), "{missing:?}");
        let wishes = Wishes { classes: vec![FaultClass::Error], ..wishes };
        assert!(summary.not_exercised(&target, &wishes, &capabilities).contains(&"sync-eio"));
    }

    #[test]
    fn every_name_is_expected_by_some_campaign_or_is_no_fault() {
        let mut expected: Vec<&str> = vec!["calls", "crash-states"];
        for &(profile, _) in Profile::ALL.iter().chain(Profile::BUCKETS) {
            let classes = vec![FaultClass::Crash, FaultClass::Error, FaultClass::Media];
            expected.extend(missing(&Wishes { profile, classes, ..Wishes::default() }));
        }
        let late = Wishes { profile: Profile::Aws, dies_alone: true, ..Wishes::default() };
        expected.extend(missing(&late));
        Exercised::default().each(|name, _| assert!(expected.contains(&name), "{name}"));
    }
}
