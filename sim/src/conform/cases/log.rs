//! The log, one caller at a time: numbers, bytes, limits.
//!
//! Not covered here: callers at the same time (`concurrent`) and callers that go away (`cancelled`).

use super::{Context, Must, append_all, contents, created, here, refused, reopened};
use asl_host::{Durability, ErrorKind, Host, LogSeq, Record, Store, frame};

pub(super) async fn a_record_is_read_back_exactly_as_appended<C: Context>(context: &C) {
    let store = created(context).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let long: Vec<u8> = (0..300_000_u32).map(|i| (i % 251) as u8).collect();
    let records = [&b"a"[..], &every_byte, &long, &[0; 64], &[0xff; 33]];
    for record in records {
        let seq = store.append(record).await.must("append");
        let read = store.read(seq, 1).await.must("read");
        assert_eq!(read, [Record { seq, data: record.to_vec() }]);
    }
    assert_eq!(contents(&reopened(context, store).await).await, records);
}

pub(super) async fn an_empty_record_is_a_record<C: Context>(context: &C) {
    let store = created(context).await;
    assert_eq!(append_all(&store, &["", "", "x", ""]).await, LogSeq(4));
    let expected = [&b""[..], b"", b"x", b""];
    assert_eq!(contents(&store).await, expected);
    assert_eq!(contents(&reopened(context, store).await).await, expected);
}

pub(super) async fn identical_records_are_told_apart_by_their_numbers<C: Context>(context: &C) {
    let store = created(context).await;
    for number in 1..=5 {
        assert_eq!(store.append(b"same").await.must("append"), LogSeq(number));
    }
    assert_eq!(contents(&reopened(context, store).await).await, vec![b"same"; 5]);
}

pub(super) async fn a_record_that_looks_like_a_frame_is_only_a_record<C: Context>(context: &C) {
    let store = created(context).await;
    let mut frames = Vec::new();
    for seq in 1..=3 {
        frame::encode(&mut frames, 1, seq, seq - 1, b"not a record");
    }
    for _ in 0..3 {
        store.append(&frames).await.must("append");
    }
    assert_eq!(contents(&reopened(context, store).await).await, vec![frames; 3]);
}

pub(super) async fn numbers_are_dense_from_one_across_reopening<C: Context>(context: &C) {
    let mut store = created(context).await;
    let mut expected = LogSeq::NONE;
    for _ in 0..3 {
        for _ in 0..3 {
            expected = expected.next();
            assert_eq!(store.append(b"record").await.must("append"), expected);
        }
        store = reopened(context, store).await;
        assert_eq!(store.durable_upto().await.must("ask"), expected);
    }
}

pub(super) async fn append_if_takes_only_the_next_number<C: Context>(context: &C) {
    let store = created(context).await;
    let mismatch = ErrorKind::ConcurrentModification;
    for wrong in [LogSeq::NONE, LogSeq(2), LogSeq(u64::MAX)] {
        refused(store.append_if(wrong, b"never").await, mismatch);
    }
    assert_eq!(store.append_if(LogSeq(1), b"one").await.must("it is the next"), LogSeq(1));
    refused(store.append_if(LogSeq(1), b"never").await, mismatch);
    assert_eq!(store.append(b"two").await.must("append"), LogSeq(2));
    let store = reopened(context, store).await;
    refused(store.append_if(LogSeq(2), b"never").await, mismatch);
    assert_eq!(store.append_if(LogSeq(3), b"three").await.must("it is the next"), LogSeq(3));
    assert_eq!(contents(&store).await, [&b"one"[..], b"two", b"three"]);
}

pub(super) async fn a_read_begins_where_it_is_told_and_keeps_to_its_limit<C: Context>(context: &C) {
    let store = created(context).await;
    append_all(&store, &["one", "two", "three", "four"]).await;
    let numbers = |records: Vec<Record>| records.iter().map(|record| record.seq.0).collect::<Vec<_>>();
    for (from, limit, expected) in [
        (1, 2, vec![1, 2]),
        (3, 1, vec![3]),
        (3, 2, vec![3, 4]),
        (2, usize::MAX, vec![2, 3, 4]),
        (1, 0, vec![]),
        (4, 1, vec![4]),
    ] {
        let read = store.read(LogSeq(from), limit).await.must("read");
        assert_eq!(numbers(read), expected, "at most {limit} from {from}");
    }
}

pub(super) async fn a_read_beyond_the_end_gives_nothing<C: Context>(context: &C) {
    let store = created(context).await;
    assert!(store.read(LogSeq::FIRST, 1).await.must("read an empty log").is_empty());
    append_all(&store, &["one", "two"]).await;
    for from in [3, 4, 1000, u64::MAX] {
        assert!(store.read(LogSeq(from), 5).await.must("read").is_empty(), "from {from}");
    }
    let store = reopened(context, store).await;
    assert!(store.read(LogSeq(3), 5).await.must("read").is_empty());
}

pub(super) async fn what_a_flush_covers_is_durable_and_nothing_is_durable_that_is_not_there<C: Context>(
    context: &C,
) {
    let host = context.boot();
    let store = host.create_store(&here(context)).await.must("create");
    for number in 1..=3 {
        let seq = store.append(b"record").await.must("append");
        if host.capabilities().durability == Durability::OnAppend {
            assert_eq!(store.durable_upto().await.must("ask"), seq, "acknowledged is durable");
        }
        assert!(store.durable_upto().await.must("ask") <= LogSeq(number));
        assert_eq!(store.flush().await.must("flush"), seq);
        assert_eq!(store.durable_upto().await.must("ask"), seq);
    }
}

pub(super) async fn a_record_of_the_greatest_length_is_taken_whole<C: Context>(context: &C) {
    let host = context.boot();
    let longest = host.capabilities().max_record_len as usize;
    let store = host.create_store(&here(context)).await.must("create");
    let record: Vec<u8> = (0..longest).map(|i| (i % 249) as u8).collect();
    append_all(&store, &["before"]).await;
    store.append(&record).await.must("append");
    append_all(&store, &["after"]).await;
    for store in [store.read(LogSeq(2), 1).await, reopened(context, store).await.read(LogSeq(2), 1).await] {
        let read = store.must("read");
        assert!(read.len() == 1 && read[0].data == record, "the record of {longest} bytes is whole");
    }
}

pub(super) async fn a_record_that_is_too_long_is_refused_and_changes_nothing<C: Context>(context: &C) {
    let host = context.boot();
    let record = vec![7; host.capabilities().max_record_len as usize + 1];
    let store = host.create_store(&here(context)).await.must("create");
    append_all(&store, &["one"]).await;
    refused(store.append(&record).await, ErrorKind::TooLarge);
    refused(store.append_if(LogSeq(2), &record).await, ErrorKind::TooLarge);
    assert_eq!(append_all(&store, &["two"]).await, LogSeq(2));
    assert_eq!(contents(&reopened(context, store).await).await, [b"one", b"two"]);
}

/// Long enough to fill several segments where segments are short, and several entries of an index.
pub(super) async fn a_long_log_is_read_back_whole_and_in_parts<C: Context>(context: &C) {
    const COUNT: u64 = 150;
    let record = |number: u64| vec![number as u8; (number % 40) as usize];
    let mut store = created(context).await;
    for number in 1..=COUNT {
        assert_eq!(store.append(&record(number)).await.must("append"), LogSeq(number));
    }
    for _ in 0..2 {
        let expected: Vec<Vec<u8>> = (1..=COUNT).map(record).collect();
        assert_eq!(contents(&store).await, expected);
        for from in 1..=COUNT {
            let read = store.read(LogSeq(from), 7).await.must("read a part");
            let expected: Vec<Record> = (from..=COUNT.min(from + 6))
                .map(|number| Record { seq: LogSeq(number), data: record(number) })
                .collect();
            assert_eq!(read, expected, "from {from}");
        }
        store = reopened(context, store).await;
    }
}
