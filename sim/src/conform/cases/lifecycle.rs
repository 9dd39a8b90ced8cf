//! Making, opening, closing and destroying stores, and what outlives them: the host's clock and identity.
//!
//! Not covered here: what a crash or a fault in the middle of these leaves behind.

use super::{Context, Must, all, append_all, contents, created, here, opened, refused, reopened};
use asl_host::{BlockId, Code, ErrorKind, Exclusion, Host, LogSeq, Operation, SnapshotId, Store};

pub(super) async fn a_new_store_is_empty<C: Context>(context: &C) {
    let store = created(context).await;
    assert!(contents(&store).await.is_empty());
    assert_eq!(store.durable_upto().await.must("ask"), LogSeq::NONE);
    assert_eq!(store.flush().await.must("flush"), LogSeq::NONE);
    assert!(store.append_unit() >= 1);
    let store = reopened(context, store).await;
    assert!(contents(&store).await.is_empty());
}

pub(super) async fn an_open_of_nothing_says_not_found_and_leaves_nothing_behind<C: Context>(context: &C) {
    for _ in 0..2 {
        refused(context.boot().open_store(&here(context)).await, ErrorKind::NotFound);
    }
    refused(context.boot().destroy_store(&here(context)).await, ErrorKind::NotFound);
    created(context).await;
}

pub(super) async fn creating_an_existing_store_says_so_and_leaves_it_as_it_is<C: Context>(context: &C) {
    let store = created(context).await;
    append_all(&store, &["kept"]).await;
    store.close().await.must("close");
    drop(store);
    let error = context.boot().create_store(&here(context)).await.err().must("it exists");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Exists, Code::Exists));
    assert_eq!(contents(&opened(context).await).await, [b"kept"]);
}

pub(super) async fn creating_a_store_that_is_open_says_that_it_exists<C: Context>(context: &C) {
    let store = created(context).await;
    refused(context.boot().create_store(&here(context)).await, ErrorKind::Exists);
    append_all(&store, &["still ours"]).await;
    assert_eq!(contents(&store).await, [b"still ours"]);
}

pub(super) async fn a_second_open_is_refused_while_the_first_lives<C: Context>(context: &C) {
    let host = context.boot();
    let first = host.create_store(&here(context)).await.must("create");
    append_all(&first, &["before"]).await;
    for other in [host, context.boot()] {
        let error = other.open_store(&here(context)).await.err().must("it is open");
        assert_eq!(error.code(), Code::ConcurrentModification);
        assert_eq!(error.code().as_str(), "STORE_CONCURRENT_MODIFICATION");
    }
    append_all(&first, &["after"]).await;
    assert_eq!(contents(&first).await, [&b"before"[..], b"after"]);
    let second = reopened(context, first).await;
    assert_eq!(contents(&second).await.len(), 2);
}

pub(super) async fn the_newest_open_wins_and_older_handles_write_no_more<C: Context>(context: &C) {
    let host = context.boot();
    let mut older = vec![host.create_store(&here(context)).await.must("create")];
    let fenced = ErrorKind::ConcurrentModification;
    let mut expected = Vec::new();
    for (other, record) in [(&host, "same process"), (&context.boot(), "another"), (&host, "and back")] {
        let newest = other.open_store(&here(context)).await.must("open what is open");
        for handle in &older {
            refused(handle.append(b"stale").await, fenced);
            refused(handle.append_if(LogSeq(1 + expected.len() as u64), b"stale").await, fenced);
            if host.capabilities().snapshots {
                refused(handle.create_snapshot().await, fenced);
            }
        }
        append_all(&newest, &[record]).await;
        newest.flush().await.must("flush");
        expected.push(record.as_bytes().to_vec());
        assert_eq!(contents(&newest).await, expected);
        older.push(newest);
    }
    let newest = older.pop().must("the last one");
    drop(older);
    assert_eq!(contents(&reopened(context, newest).await).await, expected);
}

pub(super) async fn a_store_destroyed_elsewhere_fences_off_its_writer<C: Context>(context: &C) {
    let writer = created(context).await;
    append_all(&writer, &["one"]).await;
    if let Err(error) = context.boot().destroy_store(&here(context)).await {
        // It may be that the host takes the other for a part of its own process.
        assert_eq!(error.kind(), ErrorKind::ConcurrentModification);
        append_all(&writer, &["two"]).await;
        assert_eq!(contents(&reopened(context, writer).await).await, [b"one", b"two"]);
        return;
    }
    refused(writer.append(b"stale").await, ErrorKind::ConcurrentModification);
    refused(context.boot().open_store(&here(context)).await, ErrorKind::NotFound);
    let new = created(context).await;
    refused(writer.append(b"stale").await, ErrorKind::ConcurrentModification);
    append_all(&new, &["new"]).await;
    drop(writer);
    assert_eq!(contents(&reopened(context, new).await).await, [b"new"]);
}

pub(super) async fn what_a_fenced_handle_had_acknowledged_is_there<C: Context>(context: &C) {
    let first = created(context).await;
    append_all(&first, &["one", "two"]).await;
    first.flush().await.must("flush");
    let second = opened(context).await;
    assert_eq!(contents(&second).await, [b"one", b"two"]);
    drop(first);
    // The older handle's end is not the newer one's.
    append_all(&second, &["three"]).await;
    assert_eq!(contents(&reopened(context, second).await).await.len(), 3);
}

pub(super) async fn dropping_a_handle_releases_its_store<C: Context>(context: &C) {
    let store = created(context).await;
    append_all(&store, &["one"]).await;
    store.flush().await.must("flush");
    drop(store);
    assert_eq!(contents(&opened(context).await).await, [b"one"]);
}

pub(super) async fn a_closed_store_opens_with_all_its_records<C: Context>(context: &C) {
    let mut store = created(context).await;
    let mut expected: Vec<Vec<u8>> = Vec::new();
    for round in 0..4_u8 {
        for record in 0..3_u8 {
            expected.push(vec![round, record]);
            store.append(&[round, record]).await.must("append");
        }
        store = reopened(context, store).await;
        assert_eq!(contents(&store).await, expected);
    }
}

pub(super) async fn a_closed_handle_refuses_everything<C: Context>(context: &C) {
    let (block, snapshot) = (BlockId::new("none"), SnapshotId::new("none"));
    let host = context.boot();
    let offered = host.capabilities();
    let store = host.create_store(&here(context)).await.must("create");
    append_all(&store, &["kept"]).await;
    store.close().await.must("close");
    let closed = ErrorKind::Closed;
    refused(store.append(b"lost").await, closed);
    refused(store.append_if(LogSeq(2), b"lost").await, closed);
    refused(store.flush().await, closed);
    refused(store.durable_upto().await, closed);
    refused(store.read(LogSeq::FIRST, 1).await, closed);
    refused(store.close().await, closed);
    if offered.blocks {
        refused(store.create_block().await, closed);
        refused(store.write_block(&block, b"lost").await, closed);
        refused(store.seal_block(&block).await, closed);
        refused(store.read_block(&block).await, closed);
        refused(store.list_blocks().await, closed);
    }
    if offered.snapshots {
        refused(store.create_snapshot().await, closed);
        refused(store.mount_snapshot(&snapshot).await, closed);
        refused(store.list_snapshots().await, closed);
        refused(store.delete_snapshot(&snapshot).await, closed);
    }
    // The closed handle still exists, and is in nobody's way.
    let next = opened(context).await;
    assert_eq!(contents(&next).await, [b"kept"]);
    append_all(&next, &["next"]).await;
    refused(store.append(b"lost").await, closed);
    assert_eq!(contents(&next).await, [b"kept", b"next"]);
}

pub(super) async fn opening_and_closing_changes_nothing<C: Context>(context: &C) {
    let mut store = created(context).await;
    append_all(&store, &["one", "two"]).await;
    for _ in 0..3 {
        store = reopened(context, store).await;
        assert_eq!(contents(&store).await, [b"one", b"two"]);
        assert_eq!(store.durable_upto().await.must("ask"), LogSeq(2));
    }
}

pub(super) async fn destroying_nothing_says_not_found<C: Context>(context: &C) {
    let error = context.boot().destroy_store(&here(context)).await.expect_err("nothing is there");
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, Code::NotFound));
    refused(context.boot().open_store(&here(context)).await, ErrorKind::NotFound);
}

pub(super) async fn destroying_an_open_store_is_refused_and_leaves_it_as_it_is<C: Context>(context: &C) {
    let host = context.boot();
    let store = host.create_store(&here(context)).await.must("create the store");
    append_all(&store, &["one"]).await;
    // A host that fences refuses what it has open itself; from elsewhere, whoever has it open is fenced off.
    let fences = host.capabilities().exclusion == Exclusion::Fence;
    let other = if fences { host } else { context.boot() };
    let error = other.destroy_store(&here(context)).await.expect_err("it is open");
    assert_eq!(error.code(), Code::ConcurrentModification);
    append_all(&store, &["two"]).await;
    assert_eq!(contents(&reopened(context, store).await).await, [b"one", b"two"]);
}

pub(super) async fn a_destroyed_store_does_not_come_back<C: Context>(context: &C) {
    let offered = context.boot().capabilities();
    let store = created(context).await;
    append_all(&store, &["one", "two"]).await;
    if offered.blocks {
        let block = store.create_block().await.must("create a block");
        store.seal_block(&block).await.must("seal it");
    }
    if offered.snapshots {
        store.create_snapshot().await.must("create a snapshot");
    }
    store.close().await.must("close");
    drop(store);
    context.boot().destroy_store(&here(context)).await.must("destroy");
    refused(context.boot().open_store(&here(context)).await, ErrorKind::NotFound);
    refused(context.boot().destroy_store(&here(context)).await, ErrorKind::NotFound);
    let store = created(context).await;
    assert!(contents(&store).await.is_empty());
    assert_eq!(append_all(&store, &["anew"]).await, LogSeq::FIRST);
    if offered.blocks {
        assert!(store.list_blocks().await.must("list").is_empty());
    }
    if offered.snapshots {
        assert!(store.list_snapshots().await.must("list").is_empty());
    }
}

pub(super) async fn two_stores_of_one_host_do_not_mix<C: Context>(context: &C) {
    let host = context.boot();
    let (left_at, right_at) = (context.location("left"), context.location("right"));
    let left = host.create_store(&left_at).await.must("create the left one");
    let right = host.create_store(&right_at).await.must("create the right one");
    append_all(&left, &["left"]).await;
    append_all(&right, &["right", "right"]).await;
    left.close().await.must("close");
    host.destroy_store(&left_at).await.must("destroy the left one");
    assert_eq!(contents(&right).await, [b"right", b"right"]);
    drop(right);
    let right = host.open_store(&right_at).await.must("open the right one");
    assert_eq!(contents(&right).await.len(), 2);
}

pub(super) async fn an_error_says_what_was_attempted_and_where<C: Context>(context: &C) {
    let location = here(context);
    let error = context.boot().open_store(&location).await.err().must("nothing is there");
    assert_eq!(error.operation(), Operation::OpenStore);
    assert!(error.location().contains(location.as_str()), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("open_store: ") && !text.contains('\n'), "{text}");
    let error = context.boot().destroy_store(&location).await.expect_err("nothing is there");
    assert_eq!(error.operation(), Operation::DestroyStore);
}

pub(super) async fn the_clock_strictly_increases_across_boots<C: Context>(context: &C) {
    let mut last = None;
    for _ in 0..4 {
        let host = context.boot();
        for _ in 0..50 {
            let now = Some(host.now().await.must("read the clock"));
            assert!(now > last, "{now:?} after {last:?}");
            last = now;
        }
    }
}

pub(super) async fn readings_of_the_clock_at_once_are_all_different<C: Context>(context: &C) {
    let host = context.boot();
    let before = host.now().await.must("read the clock");
    let readings = all((0..5).map(|_| host.now())).await;
    let mut readings: Vec<_> = readings.into_iter().map(|now| now.must("read the clock")).collect();
    readings.sort_unstable();
    readings.dedup();
    assert!(readings.len() == 5 && readings[0] > before, "{readings:?} after {before:?}");
    assert!(host.now().await.must("read the clock") > readings[4]);
}

pub(super) async fn the_identity_is_the_same_across_boots<C: Context>(context: &C) {
    let host = context.boot();
    let identity = host.identity().await.must("ask");
    assert!(!identity.as_str().is_empty());
    assert_eq!(host.identity().await.must("ask again"), identity);
    drop(created(context).await);
    host.destroy_store(&here(context)).await.must("destroy");
    assert_eq!(context.boot().identity().await.must("ask another incarnation"), identity);
}

pub(super) async fn the_capabilities_are_the_same_across_boots<C: Context>(context: &C) {
    let capabilities = context.boot().capabilities();
    let store = created(context).await;
    assert_eq!(store.append_unit(), capabilities.append_unit);
    assert_eq!(context.boot().capabilities(), capabilities);
    assert!(capabilities.append_unit >= 1 && capabilities.max_record_len >= 1);
}
