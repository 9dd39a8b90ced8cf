//! Snapshots: what they hold, that they stay, and that nothing can be written through them.
//!
//! Not covered here: a creation or deletion that a crash or a fault cuts short.

use super::{Context, Must, append_all, contents, created, refused, reopened};
use asl_host::{BlockId, ErrorKind, LogSeq, SnapshotId, Store};
use std::slice::from_ref;

async fn taken<S: Store>(store: &S) -> SnapshotId {
    store.create_snapshot().await.must("create a snapshot")
}

async fn mounted<S: Store>(store: &S, snapshot: &SnapshotId) -> S {
    store.mount_snapshot(snapshot).await.must("mount the snapshot")
}

pub(super) async fn a_snapshot_stays_as_it_was_while_the_store_goes_on<C: Context>(context: &C) {
    let store = created(context).await;
    append_all(&store, &["one", "two"]).await;
    let snapshot = taken(&store).await;
    let early = mounted(&store, &snapshot).await;
    for round in 0..30 {
        assert_eq!(contents(&store).await.len(), 2 + round);
        append_all(&store, &["and on"]).await;
        for view in [&early, &mounted(&store, &snapshot).await] {
            assert_eq!(contents(view).await, [b"one", b"two"]);
            assert_eq!(view.durable_upto().await.must("ask"), LogSeq(2));
            assert!(view.read(LogSeq(3), 1).await.must("read beyond its end").is_empty());
            assert_eq!(view.read(LogSeq(2), 9).await.must("read its end").len(), 1);
        }
    }
}

pub(super) async fn a_snapshot_survives_reopening<C: Context>(context: &C) {
    let store = created(context).await;
    append_all(&store, &["one"]).await;
    let first = taken(&store).await;
    let store = reopened(context, store).await;
    append_all(&store, &["two"]).await;
    let second = taken(&store).await;
    assert_ne!(first, second);
    let store = reopened(context, store).await;
    append_all(&store, &["three"]).await;
    assert_eq!(contents(&mounted(&store, &first).await).await, [b"one"]);
    assert_eq!(contents(&mounted(&store, &second).await).await, [b"one", b"two"]);
}

pub(super) async fn a_snapshot_of_an_empty_store_is_empty<C: Context>(context: &C) {
    let store = created(context).await;
    let snapshot = taken(&store).await;
    append_all(&store, &["later"]).await;
    let store = reopened(context, store).await;
    let view = mounted(&store, &snapshot).await;
    assert!(contents(&view).await.is_empty());
    assert_eq!(view.durable_upto().await.must("ask"), LogSeq::NONE);
}

pub(super) async fn snapshots_are_listed_in_the_order_of_their_identifiers<C: Context>(context: &C) {
    let store = created(context).await;
    let mut expected = Vec::new();
    for _ in 0..6 {
        expected.push(taken(&store).await);
    }
    expected.sort_unstable();
    assert_eq!(store.list_snapshots().await.must("list"), expected);
    assert_eq!(reopened(context, store).await.list_snapshots().await.must("list"), expected);
}

pub(super) async fn a_snapshot_that_does_not_exist_is_not_found<C: Context>(context: &C) {
    let store = created(context).await;
    for name in ["", "none", "../STORE", "/"] {
        refused(store.mount_snapshot(&SnapshotId::new(name)).await, ErrorKind::NotFound);
        refused(store.delete_snapshot(&SnapshotId::new(name)).await, ErrorKind::NotFound);
    }
    append_all(&store, &["the handle works"]).await;
}

pub(super) async fn a_deleted_snapshot_is_gone_and_takes_nothing_else_with_it<C: Context>(context: &C) {
    let store = created(context).await;
    append_all(&store, &["one"]).await;
    let (deleted, kept) = (taken(&store).await, taken(&store).await);
    store.delete_snapshot(&deleted).await.must("delete");
    let mut store = store;
    for _ in 0..2 {
        refused(store.mount_snapshot(&deleted).await, ErrorKind::NotFound);
        refused(store.delete_snapshot(&deleted).await, ErrorKind::NotFound);
        assert_eq!(store.list_snapshots().await.must("list"), from_ref(&kept));
        assert_eq!(contents(&mounted(&store, &kept).await).await, [b"one"]);
        assert_eq!(contents(&store).await, [b"one"]);
        store = reopened(context, store).await;
    }
}

pub(super) async fn a_mounted_snapshot_outlives_the_closing_of_its_store<C: Context>(context: &C) {
    let store = created(context).await;
    append_all(&store, &["one", "two"]).await;
    let snapshot = taken(&store).await;
    let view = mounted(&store, &snapshot).await;
    let store = reopened(context, store).await;
    append_all(&store, &["three"]).await;
    assert_eq!(contents(&view).await, [b"one", b"two"]);
}

pub(super) async fn a_closed_view_refuses_work_and_its_store_goes_on<C: Context>(context: &C) {
    let store = created(context).await;
    append_all(&store, &["one"]).await;
    let snapshot = taken(&store).await;
    let (view, other) = (mounted(&store, &snapshot).await, mounted(&store, &snapshot).await);
    view.close().await.must("close the view");
    append_all(&store, &["two"]).await;
    assert_eq!(contents(&other).await, [b"one"]);
    assert_eq!(contents(&store).await, [b"one", b"two"]);
    refused(view.read(LogSeq::FIRST, 1).await, ErrorKind::Closed);
    refused(view.durable_upto().await, ErrorKind::Closed);
}

pub(super) async fn a_snapshot_holds_sealed_blocks_only<C: Context>(context: &C) {
    let store = created(context).await;
    let sealed = store.create_block().await.must("create a block");
    store.write_block(&sealed, b"sealed").await.must("write it");
    store.seal_block(&sealed).await.must("seal it");
    let open = store.create_block().await.must("create another");
    store.write_block(&open, b"open").await.must("write it");
    let snapshot = taken(&store).await;
    let view = mounted(&store, &snapshot).await;
    // Sealing it later does not bring it in.
    for seal in [false, true] {
        if seal {
            store.seal_block(&open).await.must("seal it");
        }
        assert_eq!(view.list_blocks().await.must("list"), from_ref(&sealed));
        assert_eq!(view.read_block(&sealed).await.must("read"), b"sealed");
        refused(view.read_block(&open).await, ErrorKind::NotFound);
    }
    assert_eq!(store.list_blocks().await.must("list").len(), 2);
    let store = reopened(context, store).await;
    let view = mounted(&store, &snapshot).await;
    assert_eq!(view.list_blocks().await.must("list"), from_ref(&sealed));
    refused(view.read_block(&BlockId::new("none")).await, ErrorKind::NotFound);
}

pub(super) async fn a_mounted_snapshot_refuses_every_operation_that_writes<C: Context>(context: &C) {
    let store = created(context).await;
    append_all(&store, &["one"]).await;
    let block = store.create_block().await.must("create a block");
    let snapshot = taken(&store).await;
    let view = mounted(&store, &snapshot).await;
    let read_only = ErrorKind::ReadOnly;
    refused(view.append(b"x").await, read_only);
    refused(view.append(&vec![0; 100_000]).await, read_only);
    refused(view.append_if(LogSeq(2), b"x").await, read_only);
    refused(view.append_if(LogSeq(9), b"x").await, read_only);
    refused(view.create_block().await, read_only);
    refused(view.write_block(&block, b"x").await, read_only);
    refused(view.seal_block(&block).await, read_only);
    refused(view.create_snapshot().await, read_only);
    refused(view.delete_snapshot(&snapshot).await, read_only);
    assert_eq!(contents(&view).await, [b"one"]);
    assert_eq!(contents(&store).await, [b"one"]);
    assert_eq!(store.list_snapshots().await.must("list"), [snapshot]);
    assert_eq!(store.read_block(&block).await.must("read the open block"), b"");
    store.seal_block(&block).await.must("seal it");
}
