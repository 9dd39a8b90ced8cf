//! All specimens, as data. Each host is made on file systems whose type is not known, so that it is compiled once, and here: whoever tries
//! them all is not compiled anew for each.

use asl_mirrors::{AnyEnv, AnyFiles, AnyHost};

/// A host with one planted bug, or with none.
#[derive(Clone, Copy, Debug)]
pub struct Specimen {
    /// Its name.
    pub name: &'static str,
    /// What is wrong with it.
    pub bug: &'static str,
    /// The invariant that it breaks, if anything is wrong.
    pub breaks: Option<&'static str>,
    /// Whether the bug shows only when the medium is damaged.
    pub needs_damage: bool,
    /// Makes the host, in a directory that exists.
    pub host: fn(AnyFiles, AnyEnv, &str) -> Box<dyn AnyHost>,
}

macro_rules! specimen {
    ($module:ident, $breaks:expr, $needs_damage:expr) => {
        Specimen {
            name: crate::$module::NAME,
            bug: crate::$module::BUG,
            breaks: $breaks,
            needs_damage: $needs_damage,
            host: |files, env, root| Box::new(crate::$module::host(files, env, root)),
        }
    };
}

macro_rules! list {
    (crashes: $($crash:ident),*; damage: $($damage:ident),*; sound: $($sound:ident),*;) => {
        &[
            $(specimen!($crash, Some(crate::$crash::BREAKS), false),)*
            $(specimen!($damage, Some(crate::$damage::BREAKS), true),)*
            $(specimen!($sound, None, false),)*
        ]
    };
}

/// All of them, in the order in which they were thought of, and then the hosts that they are made from.
pub static ALL: &[Specimen] = list! {
    crashes:
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
        canary;
    damage: torn_middle_is_eof, truncates_below_watermark;
    sound: control, control_on_flush, control_single, control_claim;
};
