//! Futures that are dropped before they are ready: the operation is in doubt, the handle usable.
//!
//! Each case cuts its operation short after 0, 1, 2 ... polls, until it gets to its end; each time on a store of its own. On
//! a host that never waits an operation ends with its first poll, so little is cut there. Not covered here: a process that
//! dies, since dropped futures clean up behind themselves.

use super::{Context, Must, StoreOf, append_all, contents, cut_short, refused};
use asl_host::{ErrorKind, Host, LogSeq, Result, Store, StoreLocation};

/// More polls than any operation takes.
const POLLS_MAX: u32 = 500;

/// The cuts to try, each with the location of a store of its own.
fn cuts<C: Context>(context: &C) -> impl Iterator<Item = (u32, StoreLocation)> {
    (0..=POLLS_MAX).map(|polls| {
        assert!(polls < POLLS_MAX, "the operation never ends");
        (polls, context.location(&format!("store-{polls}")))
    })
}

async fn store_with<C: Context>(context: &C, location: &StoreLocation, records: &[&str]) -> StoreOf<C> {
    let store = context.boot().create_store(location).await.must("create");
    append_all(&store, records).await;
    store
}

async fn contents_at<C: Context>(context: &C, location: &StoreLocation) -> Vec<Vec<u8>> {
    contents(&context.boot().open_store(location).await.must("open again")).await
}

pub(super) async fn a_cancelled_append_is_whole_or_absent_and_leaves_the_handle_usable<C: Context>(
    context: &C,
) {
    for (polls, location) in cuts(context) {
        let store = store_with(context, &location, &["before"]).await;
        let outcome = cut_short(store.append(b"in doubt"), polls).await;
        let after = store.append(b"after").await.must("the handle is usable");
        let log = contents(&store).await;
        match after {
            LogSeq(2) => assert_eq!(log, [&b"before"[..], b"after"]),
            _ => assert_eq!(log, [&b"before"[..], b"in doubt", b"after"], "cut at {polls}"),
        }
        store.close().await.must("close");
        assert_eq!(contents_at(context, &location).await, log, "cut at {polls}");
        if let Some(result) = outcome {
            assert_eq!(result.must("append"), LogSeq(2));
            return;
        }
    }
}

/// Three appends, of which the first leads while the others wait, and the second is cut short once the first is done.
/// What became of the second and the third, the latter being awaited after `meanwhile`.
async fn with_leader_cut<S: Store>(
    store: &S,
    polls: u32,
    meanwhile: impl AsyncFnOnce(),
) -> (Option<Result<LogSeq>>, Result<LogSeq>) {
    let mut first = Box::pin(store.append(b"first"));
    let mut leader = Box::pin(store.append(b"leader"));
    let mut other = Box::pin(store.append(b"other"));
    let first_early = cut_short(first.as_mut(), 1).await;
    let leader_early = cut_short(leader.as_mut(), 1).await;
    let other_early = cut_short(other.as_mut(), 1).await;
    match first_early {
        Some(outcome) => outcome,
        None => first.await,
    }
    .must("the first append");
    let led = match leader_early {
        Some(outcome) => Some(outcome),
        None => cut_short(leader.as_mut(), polls).await,
    };
    drop(leader);
    meanwhile().await;
    let other = match other_early {
        Some(outcome) => outcome,
        None => other.await,
    };
    (led, other)
}

pub(super) async fn an_append_whose_leader_is_cancelled_still_completes<C: Context>(context: &C) {
    for (polls, location) in cuts(context) {
        let store = store_with(context, &location, &[]).await;
        let (led, other) = with_leader_cut(&store, polls, async || ()).await;
        let other = other.must("nothing failed");
        let log = contents(&store).await;
        assert_eq!(log[0], b"first");
        assert_eq!(log[other.0 as usize - 1], b"other", "cut at {polls}");
        assert!(log.len() == 2 || log.contains(&b"leader".to_vec()), "cut at {polls}: {log:?}");
        store.close().await.must("close");
        assert_eq!(contents_at(context, &location).await, log, "cut at {polls}");
        if led.is_some() {
            return;
        }
    }
}

pub(super) async fn an_append_whose_leader_is_cancelled_ends_when_the_handle_is_closed<C: Context>(
    context: &C,
) {
    for (polls, location) in cuts(context) {
        let store = store_with(context, &location, &[]).await;
        let close = async || store.close().await.must("close");
        let (led, other) = with_leader_cut(&store, polls, close).await;
        let log = contents_at(context, &location).await;
        assert_eq!(log[0], b"first");
        match other {
            Ok(seq) => assert_eq!(log[seq.0 as usize - 1], b"other", "cut at {polls}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Closed, "cut at {polls}: {error}"),
        }
        if led.is_some() {
            return;
        }
    }
}

pub(super) async fn what_is_read_after_a_cancelled_append_is_there_after_reopening<C: Context>(context: &C) {
    for (polls, location) in cuts(context) {
        let store = store_with(context, &location, &["before"]).await;
        let outcome = cut_short(store.append(b"in doubt"), polls).await;
        let seen = contents(&store).await;
        let durable = store.durable_upto().await.must("ask");
        assert!(durable <= LogSeq(seen.len() as u64));
        drop(store);
        assert_eq!(contents_at(context, &location).await, seen, "cut at {polls}");
        if outcome.is_some() {
            return;
        }
    }
}

pub(super) async fn a_cancelled_creation_leaves_a_store_or_room_for_one<C: Context>(context: &C) {
    for (polls, location) in cuts(context) {
        let host = context.boot();
        let outcome = cut_short(host.create_store(&location), polls).await;
        let ended = outcome.is_some();
        drop(outcome);
        let store = match host.create_store(&location).await {
            Ok(store) => store,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Exists, "cut at {polls}: {error}");
                host.open_store(&location).await.must("a valid empty store")
            }
        };
        assert_eq!(append_all(&store, &["first"]).await, LogSeq::FIRST);
        drop(store);
        assert_eq!(contents_at(context, &location).await, [b"first"]);
        if ended {
            return;
        }
    }
}

pub(super) async fn a_cancelled_open_can_be_repeated<C: Context>(context: &C) {
    for (polls, location) in cuts(context) {
        drop(store_with(context, &location, &["one", "two"]).await);
        let host = context.boot();
        let ended = cut_short(host.open_store(&location), polls).await.is_some();
        assert_eq!(contents_at(context, &location).await, [b"one", b"two"], "cut at {polls}");
        if ended {
            return;
        }
    }
}

pub(super) async fn a_cancelled_destruction_leaves_all_or_nothing<C: Context>(context: &C) {
    for (polls, location) in cuts(context) {
        drop(store_with(context, &location, &["one", "two"]).await);
        let host = context.boot();
        let outcome = cut_short(host.destroy_store(&location), polls).await;
        match host.open_store(&location).await {
            Ok(store) => {
                assert!(outcome.is_none(), "it was destroyed");
                assert_eq!(contents(&store).await, [b"one", b"two"], "cut at {polls}");
                drop(store);
                host.destroy_store(&location).await.must("destroy it after all");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "cut at {polls}: {error}"),
        }
        let store = host.create_store(&location).await.must("there is room for another");
        assert!(contents(&store).await.is_empty(), "cut at {polls}");
        if outcome.is_some() {
            return;
        }
    }
}

pub(super) async fn a_cancelled_close_can_be_repeated<C: Context>(context: &C) {
    for (polls, location) in cuts(context) {
        let store = store_with(context, &location, &["one"]).await;
        let outcome = cut_short(store.close(), polls).await;
        match store.close().await {
            Ok(()) => assert!(outcome.is_none(), "it was closed"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Closed, "cut at {polls}: {error}"),
        }
        refused(store.append(b"lost").await, ErrorKind::Closed);
        assert_eq!(contents_at(context, &location).await, [b"one"], "cut at {polls}");
        if outcome.is_some() {
            return;
        }
    }
}

pub(super) async fn a_cancelled_reading_of_the_clock_stops_no_other<C: Context>(context: &C) {
    let mut last = context.boot().now().await.must("read the clock");
    let mut identity = None;
    for (polls, _) in cuts(context) {
        let host = context.boot();
        let ended = cut_short(host.now(), polls).await.is_some();
        let ended = cut_short(host.identity(), polls).await.is_some() && ended;
        for host in [host, context.boot()] {
            let now = host.now().await.must("read the clock");
            assert!(now > last, "cut at {polls}");
            last = now;
            let known = host.identity().await.must("ask for the identity");
            assert_eq!(identity.get_or_insert_with(|| known.clone()), &known);
        }
        if ended {
            return;
        }
    }
}

pub(super) async fn a_cancelled_seal_leaves_the_block_whole_or_absent<C: Context>(context: &C) {
    for (polls, location) in cuts(context) {
        let store = store_with(context, &location, &["one"]).await;
        let block = store.create_block().await.must("create a block");
        store.write_block(&block, b"content").await.must("write it");
        let outcome = cut_short(store.seal_block(&block), polls).await;
        let shown = store.list_blocks().await.must("list");
        append_all(&store, &["two"]).await;
        store.close().await.must("close");
        let store = context.boot().open_store(&location).await.must("open again");
        let found = store.list_blocks().await.must("list");
        assert!(found == [block.clone()] || (found.is_empty() && shown.is_empty()), "cut at {polls}");
        assert!(outcome.is_none() || !found.is_empty(), "it was sealed");
        match store.read_block(&block).await {
            Ok(content) => assert!(content == b"content" && !found.is_empty(), "cut at {polls}"),
            Err(error) => assert!(error.kind() == ErrorKind::NotFound && found.is_empty(), "{error}"),
        }
        if outcome.is_some() {
            return;
        }
    }
}

pub(super) async fn a_cancelled_snapshot_is_complete_or_absent<C: Context>(context: &C) {
    for (polls, location) in cuts(context) {
        let store = store_with(context, &location, &["one"]).await;
        let outcome = cut_short(store.create_snapshot(), polls).await;
        append_all(&store, &["two"]).await;
        store.close().await.must("close");
        let store = context.boot().open_store(&location).await.must("open again");
        assert_eq!(contents(&store).await, [b"one", b"two"]);
        let found = store.list_snapshots().await.must("list");
        for snapshot in &found {
            let view = store.mount_snapshot(snapshot).await.must("mount");
            assert_eq!(contents(&view).await, [b"one"], "cut at {polls}");
        }
        if let Some(made) = outcome {
            assert_eq!(found, [made.must("create a snapshot")]);
            return;
        }
    }
}

pub(super) async fn a_cancelled_deletion_of_a_snapshot_can_be_repeated<C: Context>(context: &C) {
    for (polls, location) in cuts(context) {
        let store = store_with(context, &location, &["one"]).await;
        let snapshot = store.create_snapshot().await.must("create a snapshot");
        let outcome = cut_short(store.delete_snapshot(&snapshot), polls).await;
        match store.mount_snapshot(&snapshot).await {
            Ok(view) => assert_eq!(contents(&view).await, [b"one"], "cut at {polls}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "cut at {polls}: {error}"),
        }
        if let Err(error) = store.delete_snapshot(&snapshot).await {
            assert_eq!(error.kind(), ErrorKind::NotFound, "cut at {polls}: {error}");
        }
        append_all(&store, &["two"]).await;
        assert!(store.list_snapshots().await.must("list").is_empty());
        store.close().await.must("close");
        let store = context.boot().open_store(&location).await.must("open again");
        assert!(store.list_snapshots().await.must("list").is_empty(), "cut at {polls}");
        if outcome.is_some() {
            return;
        }
    }
}
