//! The cases of the contract: one list, run on every host and on every medium that a host can stand on.
//!
//! A case is an async function over a [`Context`], which boots incarnations of one host on one medium. Cases know only
//! the traits of the contract: no files, no clock, no threads, no runtime. So the list that runs on a real disk is the
//! list that runs in a simulation. Their names are sentences, and say what holds when they pass.
//!
//! Not covered here: crashes and faults, which need a medium that can be told to fail, and damaged media.

mod blocks;
mod cancelled;
mod concurrent;
mod lifecycle;
mod log;
mod snapshots;

use asl_host::{Capabilities, ErrorKind, Exclusion, Host, LogSeq, Result, Store, StoreLocation};
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

/// One host on one medium. Every case gets a medium of its own, which is empty.
pub trait Context: 'static {
    /// The host under test.
    type Host: Host;

    /// A new incarnation of the host on the medium, as after a restart of its process.
    fn boot(&self) -> Self::Host;

    /// A place on the medium where a store can be made.
    fn location(&self, name: &str) -> StoreLocation;
}

/// The handle type of a context's host.
type StoreOf<C> = <<C as Context>::Host as Host>::Store;

/// How a case is carried out; it panics if it fails.
pub type Run<C> = for<'a> fn(&'a C) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// A case, ready to be run on a context.
pub struct Case<C> {
    /// What it is about, in a word.
    pub group: &'static str,
    /// What holds when it passes, with underscores for blanks.
    pub name: &'static str,
    /// Carries it out; a panic is a failure.
    pub run: Run<C>,
    pub(super) offered: fn(&Capabilities) -> bool,
    pub(super) lacking: &'static str,
}

impl<C> Case<C> {
    /// Why it is to be skipped, by name, on a host that offers this; `None` if it is to be run.
    pub fn lacking(&self, capabilities: &Capabilities) -> Option<&'static str> {
        (!(self.offered)(capabilities)).then_some(self.lacking)
    }
}

impl<C> fmt::Debug for Case<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("group", &self.group).field("name", &self.name).finish_non_exhaustive()
    }
}

/// The table of cases; a case that stands in no line of it is unused, and the compiler says so.
macro_rules! cases {
    ($($lacking:literal unless $offered:expr => { $($group:ident::$name:ident,)* })*) => {
        /// All cases, in a fixed order.
        pub fn cases<C: Context>() -> Vec<Case<C>> {
            vec![$($(Case {
                group: stringify!($group),
                name: stringify!($name),
                run: |context: &C| Box::pin($group::$name(context)),
                offered: $offered,
                lacking: $lacking,
            },)*)*]
        }
    };
}

cases! {
    "" unless |_| true => {
        lifecycle::a_new_store_is_empty,
        lifecycle::an_open_of_nothing_says_not_found_and_leaves_nothing_behind,
        lifecycle::creating_an_existing_store_says_so_and_leaves_it_as_it_is,
        lifecycle::creating_a_store_that_is_open_says_that_it_exists,
        lifecycle::dropping_a_handle_releases_its_store,
        lifecycle::a_closed_store_opens_with_all_its_records,
        lifecycle::a_closed_handle_refuses_everything,
        lifecycle::opening_and_closing_changes_nothing,
        lifecycle::destroying_nothing_says_not_found,
        lifecycle::destroying_an_open_store_is_refused_and_leaves_it_as_it_is,
        lifecycle::a_destroyed_store_does_not_come_back,
        lifecycle::two_stores_of_one_host_do_not_mix,
        lifecycle::an_error_says_what_was_attempted_and_where,
        lifecycle::the_clock_strictly_increases_across_boots,
        lifecycle::readings_of_the_clock_at_once_are_all_different,
        lifecycle::the_identity_is_the_same_across_boots,
        lifecycle::the_capabilities_are_the_same_across_boots,
        log::a_record_is_read_back_exactly_as_appended,
        log::an_empty_record_is_a_record,
        log::identical_records_are_told_apart_by_their_numbers,
        log::a_record_that_looks_like_a_frame_is_only_a_record,
        log::numbers_are_dense_from_one_across_reopening,
        log::append_if_takes_only_the_next_number,
        log::a_read_begins_where_it_is_told_and_keeps_to_its_limit,
        log::a_read_beyond_the_end_gives_nothing,
        log::what_a_flush_covers_is_durable_and_nothing_is_durable_that_is_not_there,
        log::a_record_of_the_greatest_length_is_taken_whole,
        log::a_record_that_is_too_long_is_refused_and_changes_nothing,
        log::a_long_log_is_read_back_whole_and_in_parts,
        concurrent::two_appends_at_once_get_distinct_dense_numbers,
        concurrent::many_appends_at_once_all_get_the_number_they_are_read_under,
        concurrent::of_two_appends_for_the_same_number_one_wins,
        concurrent::a_read_during_appends_shows_whole_records_in_order,
        concurrent::two_creations_at_once_make_one_store,
        cancelled::a_cancelled_append_is_whole_or_absent_and_leaves_the_handle_usable,
        cancelled::an_append_whose_leader_is_cancelled_still_completes,
        cancelled::an_append_whose_leader_is_cancelled_ends_when_the_handle_is_closed,
        cancelled::what_is_read_after_a_cancelled_append_is_there_after_reopening,
        cancelled::a_cancelled_creation_leaves_a_store_or_room_for_one,
        cancelled::a_cancelled_open_can_be_repeated,
        cancelled::a_cancelled_destruction_leaves_all_or_nothing,
        cancelled::a_cancelled_close_can_be_repeated,
        cancelled::a_cancelled_reading_of_the_clock_stops_no_other,
    }
    "the host does not refuse a second writer" unless |host| host.exclusion == Exclusion::Refuse => {
        lifecycle::a_second_open_is_refused_while_the_first_lives,
        concurrent::of_two_opens_at_once_one_is_refused,
    }
    "the host does not fence off older writers" unless |host| host.exclusion == Exclusion::Fence => {
        lifecycle::the_newest_open_wins_and_older_handles_write_no_more,
        lifecycle::what_a_fenced_handle_had_acknowledged_is_there,
        lifecycle::a_store_destroyed_elsewhere_fences_off_its_writer,
        concurrent::of_two_opens_at_once_one_handle_writes,
    }
    "the host has no blocks" unless |host| host.blocks => {
        blocks::a_sealed_block_is_read_back_exactly_across_reopening,
        blocks::an_open_block_is_seen_by_nobody_but_its_writer,
        blocks::an_unsealed_block_is_gone_after_reopening,
        blocks::a_sealed_block_is_immutable,
        blocks::an_empty_block_can_be_sealed,
        blocks::a_block_that_does_not_exist_is_not_found,
        blocks::block_identifiers_are_never_used_again,
        blocks::blocks_are_listed_in_the_order_of_their_identifiers,
        blocks::blocks_written_side_by_side_do_not_mix,
        cancelled::a_cancelled_seal_leaves_the_block_whole_or_absent,
    }
    "the host has no snapshots" unless |host| host.snapshots => {
        snapshots::a_snapshot_stays_as_it_was_while_the_store_goes_on,
        snapshots::a_snapshot_survives_reopening,
        snapshots::a_snapshot_of_an_empty_store_is_empty,
        snapshots::snapshots_are_listed_in_the_order_of_their_identifiers,
        snapshots::a_snapshot_that_does_not_exist_is_not_found,
        snapshots::a_deleted_snapshot_is_gone_and_takes_nothing_else_with_it,
        snapshots::a_mounted_snapshot_outlives_the_closing_of_its_store,
        snapshots::a_closed_view_refuses_work_and_its_store_goes_on,
        concurrent::a_snapshot_during_appends_holds_what_was_acknowledged_before_it,
        concurrent::of_two_deletions_at_once_neither_harms_the_store,
        cancelled::a_cancelled_snapshot_is_complete_or_absent,
        cancelled::a_cancelled_deletion_of_a_snapshot_can_be_repeated,
    }
    "the host has not both blocks and snapshots" unless |host| host.blocks && host.snapshots => {
        snapshots::a_snapshot_holds_sealed_blocks_only,
        snapshots::a_mounted_snapshot_refuses_every_operation_that_writes,
    }
}

/// Takes what went well. What did not ends the case, and says what was attempted and why it failed.
pub(super) trait Must<T> {
    fn must(self, attempted: &str) -> T;
}

impl<T> Must<T> for Result<T> {
    #[track_caller]
    fn must(self, attempted: &str) -> T {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{attempted}: {}", in_full(&error)),
        }
    }
}

impl<T> Must<T> for Option<T> {
    #[track_caller]
    fn must(self, attempted: &str) -> T {
        match self {
            Some(value) => value,
            None => panic!("{attempted}"),
        }
    }
}

/// An error with its causes.
pub(super) fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The location that most cases use.
fn here<C: Context>(context: &C) -> StoreLocation {
    context.location("store")
}

/// A new store, made by a fresh incarnation.
async fn created<C: Context>(context: &C) -> StoreOf<C> {
    context.boot().create_store(&here(context)).await.must("create the store")
}

/// The store, opened by a fresh incarnation.
async fn opened<C: Context>(context: &C) -> StoreOf<C> {
    context.boot().open_store(&here(context)).await.must("open the store")
}

/// Closes a handle and opens the store again in a fresh incarnation.
async fn reopened<C: Context>(context: &C, store: StoreOf<C>) -> StoreOf<C> {
    store.close().await.must("close the store");
    drop(store);
    opened(context).await
}

/// Appends the records, in order, and returns the last number.
async fn append_all<S: Store>(store: &S, records: &[&str]) -> LogSeq {
    let mut last = LogSeq::NONE;
    for record in records {
        last = store.append(record.as_bytes()).await.must("append");
    }
    last
}

/// All records, after making sure that they are numbered densely from 1.
async fn contents<S: Store>(store: &S) -> Vec<Vec<u8>> {
    let records = store.read(LogSeq::FIRST, usize::MAX).await.must("read the log");
    for (record, number) in records.iter().zip(1..) {
        assert_eq!(record.seq, LogSeq(number), "numbers are dense from 1");
    }
    records.into_iter().map(|record| record.data).collect()
}

/// The error of an operation that had to fail with this kind.
#[track_caller]
fn refused<T>(result: Result<T>, kind: ErrorKind) {
    match result {
        Ok(_) => panic!("succeeded, though it had to fail with {kind:?}"),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
}

/// Runs futures at once, by turns, until all are done.
pub(super) async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        for (future, output) in &mut running {
            if output.is_none()
                && let Poll::Ready(done) = future.as_mut().poll(context)
            {
                *output = Some(done);
            }
        }
        if running.iter().all(|(_, output)| output.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}

/// Polls a future at most this many times, then drops it: its output, if it came to one.
async fn cut_short<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
