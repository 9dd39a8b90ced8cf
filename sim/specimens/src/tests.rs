//! On a real disk, where nothing fails, every specimen does what the contract says: a planted bug that shows without a
//! fault would measure nothing.

use asl_host::env::OsEnv;
use asl_host::fs::OsFileSystem;
use asl_host::{ErrorKind, Exclusion, Host, LogSeq, Result, Store, StoreLocation};
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

fn location(root: &Path, name: &str) -> StoreLocation {
    StoreLocation::new(root.join(name).to_string_lossy())
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("it is refused").kind()
}

/// Lengths that cross sectors, and a record of nothing; enough of them for several segments.
fn record(number: u64) -> Vec<u8> {
    let len = [5, 0, 700, 90][number as usize % 4];
    vec![number as u8; len]
}

async fn contents(store: &impl Store) -> Vec<Vec<u8>> {
    let records = store.read(LogSeq::FIRST, usize::MAX).await.expect("it can be read");
    assert!(records.iter().map(|record| record.seq.0).eq(1..=records.len() as u64), "numbers are dense");
    records.into_iter().map(|record| record.data).collect()
}

async fn keeps_records(host: impl Host, root: &Path) {
    let at = location(root, "store");
    assert_eq!(kind(host.open_store(&at).await), ErrorKind::NotFound);
    let store = host.create_store(&at).await.expect("it can be made");
    assert_eq!(kind(host.create_store(&at).await), ErrorKind::Exists);
    if host.capabilities().exclusion == Exclusion::Refuse {
        assert_eq!(kind(host.open_store(&at).await), ErrorKind::ConcurrentModification);
    }
    assert_eq!(kind(host.destroy_store(&at).await), ErrorKind::ConcurrentModification);
    for number in 1..=20 {
        assert_eq!(store.append(&record(number)).await.expect("it is appended"), LogSeq(number));
    }
    assert_eq!(kind(store.append_if(LogSeq(20), b"late").await), ErrorKind::ConcurrentModification);
    let too_long = vec![0; host.capabilities().max_record_len as usize + 1];
    assert_eq!(kind(store.append(&too_long).await), ErrorKind::TooLarge);
    assert_eq!(store.flush().await.expect("it is flushed"), LogSeq(20));
    store.close().await.expect("it is closed");
    assert_eq!(kind(store.read(LogSeq::FIRST, 1).await), ErrorKind::Closed);

    let store = host.open_store(&at).await.expect("it can be opened");
    let expected: Vec<_> = (1..=20).map(record).collect();
    assert_eq!(contents(&store).await, expected);
    assert_eq!(store.flush().await.expect("it is flushed"), LogSeq(20));
    assert_eq!(store.durable_upto().await.expect("it is known"), LogSeq(20));
    assert_eq!(store.append_if(LogSeq(21), b"next").await.expect("it is appended"), LogSeq(21));
    let tail = store.read(LogSeq(21), 9).await.expect("it can be read");
    assert_eq!((tail.len(), &*tail[0].data), (1, b"next".as_slice()));
    // Dropped without being closed, as by a process that is killed.
    drop(store);
    let store = host.open_store(&at).await.expect("it can be opened");
    assert_eq!(contents(&store).await.len(), 21);
    store.close().await.expect("it is closed");
    host.destroy_store(&at).await.expect("it is destroyed");
    assert_eq!(kind(host.open_store(&at).await), ErrorKind::NotFound);
    let store = host.create_store(&at).await.expect("it can be made again");
    assert_eq!(contents(&store).await, [[0; 0]; 0]);
}

async fn keeps_blocks(host: impl Host, root: &Path) {
    let at = location(root, "store");
    let store = host.create_store(&at).await.expect("it can be made");
    let (kept, lost) = (store.create_block().await.expect("made"), store.create_block().await.expect("made"));
    store.write_block(&kept, b"some ").await.expect("written");
    store.write_block(&kept, b"bytes").await.expect("written");
    assert_eq!(store.read_block(&kept).await.expect("read back"), b"some bytes");
    assert_eq!(store.list_blocks().await.expect("listed"), []);
    store.seal_block(&kept).await.expect("sealed");
    assert_eq!(kind(store.write_block(&kept, b"!").await), ErrorKind::ReadOnly);
    store.close().await.expect("closed");
    let store = host.open_store(&at).await.expect("opened");
    assert_eq!(store.list_blocks().await.expect("listed"), std::slice::from_ref(&kept));
    assert_eq!(store.read_block(&kept).await.expect("read"), b"some bytes");
    assert_eq!(kind(store.read_block(&lost).await), ErrorKind::NotFound);
}

async fn keeps_snapshots(host: impl Host, root: &Path) {
    let at = location(root, "store");
    let store = host.create_store(&at).await.expect("it can be made");
    store.append(b"one").await.expect("appended");
    let (snapshot, other) =
        (store.create_snapshot().await.expect("made"), store.create_snapshot().await.expect("made"));
    store.append(b"two").await.expect("appended");
    store.delete_snapshot(&other).await.expect("deleted");
    store.close().await.expect("closed");
    let store = host.open_store(&at).await.expect("opened");
    assert_eq!(store.list_snapshots().await.expect("listed"), std::slice::from_ref(&snapshot));
    let view = store.mount_snapshot(&snapshot).await.expect("mounted");
    assert_eq!(contents(&view).await, [b"one"]);
    assert_eq!(kind(view.append(b"three").await), ErrorKind::ReadOnly);
    assert_eq!(kind(store.mount_snapshot(&other).await), ErrorKind::NotFound);
}

macro_rules! specimens {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            let fresh = || tempfile::tempdir().expect("a directory");
            let host = |root: &Path| crate::$name::host(OsFileSystem, OsEnv, root.to_str().expect("text"));
            let (records, blocks, snapshots) = (fresh(), fresh(), fresh());
            assert_eq!(crate::$name::NAME.replace('-', "_"), stringify!($name));
            assert!(!crate::$name::BUG.is_empty());
            block_on(keeps_records(host(records.path()), records.path()));
            let offered = host(blocks.path()).capabilities();
            if offered.blocks {
                block_on(keeps_blocks(host(blocks.path()), blocks.path()));
            }
            if offered.snapshots {
                block_on(keeps_snapshots(host(snapshots.path()), snapshots.path()));
            }
        })*
    };
}

specimens! {
    control,
    control_claim,
    control_on_flush,
    control_single,
    ack_then_timer_flush,
    canary,
    commit_mark_unchecked,
    crc_omits_length,
    deleted_comes_back,
    failed_append_leaves_bytes,
    fenced_writer_goes_on,
    fsync_error_ignored,
    fsync_retried,
    gap_between_segments,
    garbage_tail_accepted,
    header_before_extension,
    hole_then_valid_wedges,
    mark_left_to_journal,
    open_makes_directory,
    pid_lock_stale,
    prealloc_tail_unrepairable,
    recovery_crash_rolls_back,
    rename_unsynced_tmp,
    seal_rename_not_synced,
    segment_dir_not_synced,
    seq_restarts,
    snapshot_takes_open_block,
    store_parent_not_synced,
    torn_body_aborts_replay,
    torn_create_blocks_open,
    torn_middle_is_eof,
    truncates_below_watermark,
}

/// On a bucket in memory, where nothing fails, they do what the contract says too; but for two whose bugs take no fault.
#[cfg(feature = "objects")]
mod on_a_bucket {
    use super::*;
    use asl_mirrors::AnyEnv;
    use object_store::memory::InMemory;
    use std::sync::Arc;

    macro_rules! specimens {
        ($($name:ident),* $(,)?) => {
            $(#[test]
            fn $name() {
                use crate::bucket::$name::{BUG, NAME, host};
                let host = || host(Arc::new(InMemory::new()), AnyEnv::new(OsEnv), "host");
                assert_eq!(NAME.trim_end_matches("-bucket").replace('-', "_"), stringify!($name));
                assert!(!BUG.is_empty());
                block_on(keeps_records(host(), Path::new("/s")));
                if host().capabilities().blocks && stringify!($name) != "seal_before_complete" {
                    block_on(keeps_blocks(host(), Path::new("/s")));
                }
            })*
        };
    }

    specimens! {
        control,
        conditions_tested_apart,
        conflict_409_is_exists,
        fence_without_read,
        freed_number_created_again,
        late_put_into_new_store,
        list_is_truth,
        multipart_200_error,
        own_412_is_rival,
        own_put_is_conflict,
        plain_put_log,
        retry_appends_twice,
        seal_before_complete,
        usable_after_lost_put,
    }
}

#[test]
fn clock_and_identity_go_on_after_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let host = || crate::control::host(OsFileSystem, OsEnv, dir.path().to_str().expect("text"));
    block_on(async {
        let first = host();
        let name = first.identity().await.expect("it has one");
        let mut last = first.now().await.expect("it can be read");
        drop(first);
        for _ in 0..3 {
            let host = host();
            for _ in 0..3 {
                let now = host.now().await.expect("it can be read");
                assert!(now > last, "{now:?} after {last:?}");
                last = now;
            }
            assert_eq!(host.identity().await.expect("it has one"), name);
        }
    });
}
