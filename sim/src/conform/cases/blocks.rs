//! Blocks: invisible until sealed, immutable from then on.
//!
//! Not covered here: a seal that a crash or a fault cuts short.

use super::{Context, Must, append_all, contents, created, opened, refused, reopened};
use asl_host::{BlockId, ErrorKind, Store};
use std::slice::from_ref;

/// A sealed block with this content.
async fn sealed<S: Store>(store: &S, content: &[u8]) -> BlockId {
    let block = store.create_block().await.must("create a block");
    store.write_block(&block, content).await.must("write it");
    store.seal_block(&block).await.must("seal it");
    block
}

pub(super) async fn a_sealed_block_is_read_back_exactly_across_reopening<C: Context>(context: &C) {
    let store = created(context).await;
    let block = store.create_block().await.must("create a block");
    let mut expected = Vec::new();
    for part in [&b"first"[..], b"", &[0; 5000], &[0xff; 3]] {
        store.write_block(&block, part).await.must("write a part");
        expected.extend_from_slice(part);
    }
    store.seal_block(&block).await.must("seal");
    assert_eq!(store.list_blocks().await.must("list"), from_ref(&block));
    assert_eq!(store.read_block(&block).await.must("read"), expected);
    let store = reopened(context, store).await;
    assert_eq!(store.list_blocks().await.must("list"), from_ref(&block));
    assert_eq!(store.read_block(&block).await.must("read"), expected);
    assert!(contents(&store).await.is_empty(), "blocks are not in the log");
}

pub(super) async fn an_open_block_is_seen_by_nobody_but_its_writer<C: Context>(context: &C) {
    let store = created(context).await;
    let block = store.create_block().await.must("create a block");
    assert_eq!(store.read_block(&block).await.must("read back"), b"");
    store.write_block(&block, b"so far").await.must("write");
    assert_eq!(store.read_block(&block).await.must("read back"), b"so far");
    store.write_block(&block, b", and on").await.must("write on after reading");
    assert_eq!(store.read_block(&block).await.must("read back"), b"so far, and on");
    assert!(store.list_blocks().await.must("list").is_empty());
    store.seal_block(&block).await.must("seal");
    assert_eq!(store.read_block(&block).await.must("read"), b"so far, and on");
}

pub(super) async fn an_unsealed_block_is_gone_after_reopening<C: Context>(context: &C) {
    let store = created(context).await;
    let kept = sealed(&store, b"kept").await;
    let lost = store.create_block().await.must("create a block");
    store.write_block(&lost, b"lost").await.must("write");
    let store = reopened(context, store).await;
    assert_eq!(store.list_blocks().await.must("list"), [kept]);
    refused(store.read_block(&lost).await, ErrorKind::NotFound);
    refused(store.write_block(&lost, b"more").await, ErrorKind::NotFound);
    refused(store.seal_block(&lost).await, ErrorKind::NotFound);
}

pub(super) async fn a_sealed_block_is_immutable<C: Context>(context: &C) {
    let mut store = created(context).await;
    let block = sealed(&store, b"for ever").await;
    for _ in 0..2 {
        refused(store.write_block(&block, b"more").await, ErrorKind::ReadOnly);
        refused(store.seal_block(&block).await, ErrorKind::ReadOnly);
        assert_eq!(store.read_block(&block).await.must("read"), b"for ever");
        store = reopened(context, store).await;
    }
}

pub(super) async fn an_empty_block_can_be_sealed<C: Context>(context: &C) {
    let store = created(context).await;
    let block = store.create_block().await.must("create a block");
    store.seal_block(&block).await.must("seal");
    let store = reopened(context, store).await;
    assert_eq!(store.read_block(&block).await.must("read"), b"");
}

pub(super) async fn a_block_that_does_not_exist_is_not_found<C: Context>(context: &C) {
    let store = created(context).await;
    for name in ["", "none", "../STORE", "/", "a/b", "."] {
        let block = BlockId::new(name);
        refused(store.read_block(&block).await, ErrorKind::NotFound);
        refused(store.write_block(&block, b"x").await, ErrorKind::NotFound);
        refused(store.seal_block(&block).await, ErrorKind::NotFound);
    }
    append_all(&store, &["the handle works"]).await;
}

pub(super) async fn block_identifiers_are_never_used_again<C: Context>(context: &C) {
    let mut known: Vec<BlockId> = Vec::new();
    let mut store = created(context).await;
    for _ in 0..4 {
        for seal in [true, false] {
            let block = store.create_block().await.must("create a block");
            assert!(!known.contains(&block), "{block} was used before");
            if seal {
                store.seal_block(&block).await.must("seal");
            }
            known.push(block);
        }
        drop(store);
        store = opened(context).await;
    }
    assert_eq!(store.list_blocks().await.must("list").len(), 4);
}

pub(super) async fn blocks_are_listed_in_the_order_of_their_identifiers<C: Context>(context: &C) {
    let store = created(context).await;
    let mut expected = Vec::new();
    for content in 0..8_u8 {
        expected.push(sealed(&store, &[content]).await);
    }
    expected.sort_unstable();
    assert_eq!(store.list_blocks().await.must("list"), expected);
    assert_eq!(reopened(context, store).await.list_blocks().await.must("list"), expected);
}

pub(super) async fn blocks_written_side_by_side_do_not_mix<C: Context>(context: &C) {
    let store = created(context).await;
    let left = store.create_block().await.must("create a block");
    let right = store.create_block().await.must("create another");
    for part in 0..5_u8 {
        store.write_block(&left, &[b'l', part]).await.must("write to the left one");
        append_all(&store, &["between"]).await;
        store.write_block(&right, &[b'r', part]).await.must("write to the right one");
    }
    store.seal_block(&right).await.must("seal the right one");
    assert_eq!(store.list_blocks().await.must("list"), from_ref(&right));
    store.seal_block(&left).await.must("seal the left one");
    let store = reopened(context, store).await;
    let expected = |letter| (0..5).flat_map(|part| [letter, part]).collect::<Vec<u8>>();
    assert_eq!(store.read_block(&left).await.must("read"), expected(b'l'));
    assert_eq!(store.read_block(&right).await.must("read"), expected(b'r'));
}
