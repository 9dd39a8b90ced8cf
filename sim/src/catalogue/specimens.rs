//! The specimens as targets: hosts with one planted bug each, the invariant that it breaks, and the faults that it needs.
//!
//! Each is a module of the crate `asl-specimens`, which knows nothing of the simulator. What is said here of one is its name
//! only, and in which list it stands.

use crate::hosts::Target;
use crate::plan::FaultClass;

/// All of them, in the order in which they were thought of, and the hosts that they are made from.
pub(super) fn targets() -> Vec<Target> {
    let mut targets = Vec::new();
    macro_rules! target {
        ($module:ident) => {
            Target::new(
                format!("specimen:{}", asl_specimens::$module::NAME),
                asl_specimens::$module::BUG,
                |machine| asl_specimens::$module::host(machine.file_system(), machine.env(), machine.root()),
            )
            .on_disk(|disk| asl_specimens::$module::host(disk.file_system(), disk.env(), disk.root()))
        };
    }
    macro_rules! specimens {
        ($($module:ident),* $(,)?) => {
            $(targets.push(target!($module).that_breaks(asl_specimens::$module::BREAKS));)*
        };
    }
    specimens!(
        segment_dir_not_synced,
        store_parent_not_synced,
        rename_unsynced_tmp,
        seal_rename_not_synced,
        fsync_error_ignored,
        fsync_retried,
        ack_then_timer_flush,
        commit_mark_unchecked,
        crc_omits_length,
        garbage_tail_accepted,
        torn_body_aborts_replay,
        prealloc_tail_unrepairable,
        hole_then_valid_wedges,
        seq_restarts,
        gap_between_segments,
        failed_append_leaves_bytes,
        header_before_extension,
        recovery_crash_rolls_back,
        torn_create_blocks_open,
        deleted_comes_back,
        pid_lock_stale,
        snapshot_takes_open_block,
        mark_left_to_journal,
        fenced_writer_goes_on,
        open_makes_directory,
        canary,
    );
    let from_crashes = targets.len();
    // What is wrong with these shows when the medium is damaged.
    specimens!(torn_middle_is_eof, truncates_below_watermark);
    for target in &mut targets[from_crashes..] {
        *target = target.clone().with_usual_faults(vec![FaultClass::Media]);
    }
    targets.push(target!(control));
    targets.push(target!(control_single));
    targets.push(target!(control_claim));
    targets
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
