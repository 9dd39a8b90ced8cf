//! Specimens: hosts with one planted bug each. They measure the simulator, which proves nothing until it has found them.
//!
//! Every specimen is a real class of bug. Its module says what is wrong, where it was seen, which invariant of the
//! contract it breaks and which fault that needs; `NAME` is its name, `BUG` what is wrong in one line, and `host` makes
//! it on the two seams of asl-host, with the host's own files in a directory that exists. Everything but the one step that
//! is wrong is shared with [`control`], [`control_on_flush`], [`control_single`] or [`control_claim`], in which nothing is.
//!
//! [`ALL`] has them as data, with hosts that are compiled in this crate. Those on a bucket are in `bucket` (feature `objects`).
//!
//! Not for production: correct as it is meant to be, [`control`] keeps a whole log in memory.

mod claim;
mod list;
mod plain;
mod single;

pub mod ack_then_timer_flush;
#[cfg(feature = "objects")]
pub mod bucket;
pub mod canary;
pub mod commit_mark_unchecked;
pub mod control;
pub mod control_claim;
pub mod control_on_flush;
pub mod control_single;
pub mod crc_omits_length;
pub mod deleted_comes_back;
pub mod failed_append_leaves_bytes;
pub mod fenced_writer_goes_on;
pub mod fsync_error_ignored;
pub mod fsync_retried;
pub mod gap_between_segments;
pub mod garbage_tail_accepted;
pub mod header_before_extension;
pub mod hole_then_valid_wedges;
pub mod mark_left_to_journal;
pub mod open_makes_directory;
pub mod pid_lock_stale;
pub mod prealloc_tail_unrepairable;
pub mod recovery_crash_rolls_back;
pub mod rename_unsynced_tmp;
pub mod seal_rename_not_synced;
pub mod segment_dir_not_synced;
pub mod seq_restarts;
pub mod snapshot_takes_open_block;
pub mod store_parent_not_synced;
pub mod torn_body_aborts_replay;
pub mod torn_create_blocks_open;
pub mod torn_middle_is_eof;
pub mod truncates_below_watermark;

#[cfg(test)]
mod tests;

pub use list::{ALL, Specimen};
