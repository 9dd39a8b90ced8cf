//! The specimens as targets: hosts with one planted bug each, the invariant that it breaks, and the faults that it needs.
//!
//! The list, and all that is said of one, is in the crate `asl-specimens`, which knows nothing of the simulator.

use crate::hosts::Target;
#[cfg(feature = "objects")]
use crate::media::Profile;
use crate::plan::FaultClass;
use asl_mirrors::{AnyEnv, AnyFiles};
use asl_specimens::Specimen;
#[cfg(feature = "objects")]
use asl_specimens::bucket::Needs;
#[cfg(feature = "objects")]
use std::sync::Arc;

/// All of them, in the order of the list.
pub(super) fn targets() -> Vec<Target> {
    let all = asl_specimens::ALL.iter().map(target);
    #[cfg(feature = "objects")]
    let all = all.chain(asl_specimens::bucket::ALL.iter().map(on_bucket));
    all.collect()
}

/// Those whose bug takes too many coincidences for a campaign.
#[cfg(feature = "objects")]
pub(super) fn rare() -> impl Iterator<Item = Target> {
    asl_specimens::bucket::RARE.iter().map(on_bucket)
}

#[cfg(feature = "objects")]
fn on_bucket(specimen: &'static asl_specimens::bucket::Specimen) -> Target {
    let profile = match specimen.on {
        Needs::Nothing => Profile::Aws,
        Needs::StaleLists => Profile::StaleList,
        Needs::ConditionsTestedApart => Profile::NotAtomicConditions,
    };
    let target = Target::simulated(format!("specimen:{}", specimen.name), specimen.bug, |machine| {
        (specimen.host)(Arc::new(machine.object_store()), AnyEnv::new(machine.env()), machine.root())
    });
    let mut target = target.on_medium_of(profile).with_processes_that_die_alone();
    if specimen.on == Needs::ConditionsTestedApart {
        // Its bug takes no fault, and others have consequences of their own there.
        target = target.with_usual_faults(vec![FaultClass::None]);
    }
    if let Some(invariant) = specimen.breaks { target.that_breaks(invariant) } else { target }
}

fn target(&Specimen { name, bug, breaks, needs_damage, host }: &Specimen) -> Target {
    let target = Target::boxed(
        format!("specimen:{name}"),
        bug,
        move |machine| host(AnyFiles::new(machine.file_system()), AnyEnv::new(machine.env()), machine.root()),
        move |disk| host(AnyFiles::new(disk.file_system()), AnyEnv::new(disk.env()), disk.root()),
    );
    let target = if let Some(invariant) = breaks { target.that_breaks(invariant) } else { target };
    if needs_damage { target.with_usual_faults(vec![FaultClass::Media]) } else { target }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::INVARIANTS;

    #[test]
    fn every_specimen_says_which_invariant_it_breaks_and_those_without_a_bug_break_none() {
        for target in targets() {
            match target.breaks() {
                None => assert!(target.name().starts_with("specimen:control"), "{}", target.name()),
                Some(name) => assert!(INVARIANTS.iter().any(|invariant| invariant.name == name), "{name}"),
            }
        }
    }
}
