//! Several callers of one handle, or of one location, at the same time.
//!
//! The callers are futures polled by turns, so they interleave where the host waits. Where a host never waits they run one
//! after the other, and these cases say little. Not covered here: parallel threads, and other processes.

use super::{Context, Must, all, append_all, contents, created, here, opened, reopened};
use asl_host::{ErrorKind, Host, LogSeq, Result, Store};
use std::pin::Pin;

pub(super) async fn two_appends_at_once_get_distinct_dense_numbers<C: Context>(context: &C) {
    let store = created(context).await;
    let numbers = all([store.append(b"left"), store.append(b"right")]).await;
    let mut numbers: Vec<LogSeq> = numbers.into_iter().map(|seq| seq.must("append")).collect();
    let left = numbers[0];
    numbers.sort_unstable();
    assert_eq!(numbers, [LogSeq(1), LogSeq(2)]);
    let read = store.read(left, 1).await.must("read");
    assert_eq!(read[0].data, b"left", "each is read under the number that its caller got");
}

pub(super) async fn many_appends_at_once_all_get_the_number_they_are_read_under<C: Context>(context: &C) {
    let store = created(context).await;
    let mut expected = Vec::new();
    for round in 0..5_u8 {
        let records: Vec<[u8; 2]> = (0..20).map(|writer| [round, writer]).collect();
        let numbers = all(records.iter().map(|record| store.append(record))).await;
        for (number, record) in numbers.into_iter().zip(records) {
            expected.push((number.must("append"), record));
        }
    }
    expected.sort_unstable();
    let store = reopened(context, store).await;
    let read = store.read(LogSeq::FIRST, usize::MAX).await.must("read");
    assert_eq!(read.len(), 100);
    for (record, (number, data)) in read.iter().zip(expected) {
        assert_eq!((record.seq, &record.data[..]), (number, &data[..]));
    }
}

pub(super) async fn of_two_appends_for_the_same_number_one_wins<C: Context>(context: &C) {
    let store = created(context).await;
    for number in (1..=10).map(LogSeq) {
        let outcomes = all([store.append_if(number, b"left"), store.append_if(number, b"right")]).await;
        one_won(&outcomes, |seq| assert_eq!(*seq, number));
    }
    assert_eq!(contents(&store).await.len(), 10);
}

pub(super) async fn a_read_during_appends_shows_whole_records_in_order<C: Context>(context: &C) {
    let store = created(context).await;
    let write = async {
        for number in 0..30_u8 {
            store.append(&[number; 9]).await.must("append");
        }
        Vec::new()
    };
    let read = async {
        let mut seen = Vec::new();
        for _ in 0..30 {
            let now = contents(&store).await;
            assert!(now.starts_with(&seen), "what was read once is read again");
            seen = now;
        }
        seen
    };
    // Both are boxed, so that they are of one type.
    let tasks: [Pin<Box<dyn Future<Output = _>>>; 2] = [Box::pin(write), Box::pin(read)];
    let seen = all(tasks).await.pop().must("two tasks");
    let written = contents(&store).await;
    assert!(written.starts_with(&seen));
    assert_eq!(written, (0..30).map(|number| vec![number; 9]).collect::<Vec<_>>());
}

pub(super) async fn two_creations_at_once_make_one_store<C: Context>(context: &C) {
    let (host, other, location) = (context.boot(), context.boot(), here(context));
    let outcomes = all([host.create_store(&location), other.create_store(&location)]).await;
    let won: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(won.len(), 1, "one of them makes it");
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        let kind = error.kind();
        assert!(matches!(kind, ErrorKind::Exists | ErrorKind::ConcurrentModification), "{error}");
    }
    append_all(won[0], &["one"]).await;
    won[0].close().await.must("close");
    drop(outcomes);
    assert_eq!(contents(&opened(context).await).await, [b"one"]);
}

pub(super) async fn of_two_opens_at_once_one_is_refused<C: Context>(context: &C) {
    let store = created(context).await;
    append_all(&store, &["one"]).await;
    store.close().await.must("close");
    drop(store);
    let (host, other, location) = (context.boot(), context.boot(), here(context));
    let outcomes = all([host.open_store(&location), other.open_store(&location)]).await;
    one_won(&outcomes, |_| ());
    let store = outcomes.into_iter().find_map(Result::ok).must("one is open");
    assert_eq!(contents(&store).await, [b"one"]);
}

pub(super) async fn of_two_opens_at_once_one_handle_writes<C: Context>(context: &C) {
    let store = created(context).await;
    append_all(&store, &["one"]).await;
    let (host, other, location) = (context.boot(), context.boot(), here(context));
    let opened = all([host.open_store(&location), other.open_store(&location)]).await;
    // The older one may be told that it was overtaken while it opens, or when it writes.
    let mut newest = None;
    for (handle, record) in opened.into_iter().zip(["left", "right"]) {
        let appended = match &handle {
            Ok(handle) => handle.append(record.as_bytes()).await.map(|seq| assert_eq!(seq, LogSeq(2))),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConcurrentModification);
                continue;
            }
        };
        match appended {
            Ok(()) => assert!(newest.replace((handle, record)).is_none(), "one of the two writes"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConcurrentModification),
        }
    }
    let (newest, record) = newest.must("one of the two writes");
    drop(store);
    let kept = contents(&reopened(context, newest.must("open")).await).await;
    assert_eq!(kept, [b"one", record.as_bytes()]);
}

pub(super) async fn a_snapshot_during_appends_holds_what_was_acknowledged_before_it<C: Context>(context: &C) {
    let store = created(context).await;
    append_all(&store, &["before"]).await;
    let numbers = all((0..6_u8).map(|turn| {
        let store = &store;
        async move {
            let acknowledged = store.append(&[turn]).await.must("append");
            let snapshot = store.create_snapshot().await.must("create a snapshot");
            let log = contents(&store.mount_snapshot(&snapshot).await.must("mount")).await;
            assert!(log.len() as u64 >= acknowledged.0 && log.len() <= 7, "{acknowledged} of {log:?}");
            (acknowledged, log)
        }
    }))
    .await;
    let whole = contents(&store).await;
    for (number, log) in numbers {
        assert!(whole.starts_with(&log), "the snapshot taken after {number}");
    }
}

pub(super) async fn of_two_deletions_at_once_neither_harms_the_store<C: Context>(context: &C) {
    let store = created(context).await;
    let snapshot = store.create_snapshot().await.must("create a snapshot");
    let outcomes = all([store.delete_snapshot(&snapshot), store.delete_snapshot(&snapshot)]).await;
    assert!(outcomes.iter().any(Result::is_ok), "one of them deletes it: {outcomes:?}");
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        let kind = error.kind();
        assert!(matches!(kind, ErrorKind::NotFound | ErrorKind::ConcurrentModification), "{error}");
    }
    append_all(&store, &["the handle works"]).await;
    assert!(reopened(context, store).await.list_snapshots().await.must("list").is_empty());
}

/// One of two outcomes is a success, the other says that somebody else was there first.
fn one_won<T>(outcomes: &[Result<T>], check: impl Fn(&T)) {
    let mut won = 0;
    for outcome in outcomes {
        match outcome {
            Ok(value) => {
                won += 1;
                check(value);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConcurrentModification, "{error}"),
        }
    }
    assert_eq!(won, 1, "one of {} wins", outcomes.len());
}
