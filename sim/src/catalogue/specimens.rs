//! The specimens as targets: hosts with one planted bug each, the invariant that it breaks, and the faults that it needs.
//!
//! The list, and all that is said of one, is in the crate `asl-specimens`, which knows nothing of the simulator.

use crate::hosts::Target;
use crate::plan::FaultClass;
use asl_mirrors::{AnyEnv, AnyFiles};
use asl_specimens::Specimen;

/// All of them, in the order of the list.
pub(super) fn targets() -> Vec<Target> {
    asl_specimens::ALL.iter().map(target).collect()
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
