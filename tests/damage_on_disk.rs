//! What a host on a real disk says of a store whose files were damaged: the error of the contract, and never wrong bytes.
//!
//! The store under test has three segments, a sealed block and a snapshot, and ends with a batch of two records. The
//! sweeps damage every byte of every file of it, and cut every file at every length.
//!
//! Not detected, by the contract: damage to the last batch, which looks like a torn write, and a cut that takes all the
//! evidence of what was there with it. Not covered here: a medium that fails instead of lying.

mod sample;

use asl_host::{BlockId, Code, ErrorKind, Host, LogSeq, Operation, Result, Store};
use sample::{
    ALONE, FRAME_LEN, RECORDS, SEGMENT_RECORDS, SNAPSHOT_RECORDS, Sample, block_on, cut, flip, put, read,
    records, tree,
};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn a_sample_without_damage_holds_everything() {
    Sample::new().assert_holds(RECORDS);
}

#[test]
fn a_bad_record_that_a_later_one_covers_is_corruption() {
    for number in [9, 10] {
        let sample = Sample::new();
        sample.damage_record(number);
        let error = sample.assert_corrupt();
        assert!(error.to_string().contains(&format!("record {number} is damaged")), "{error}");
    }
}

#[test]
fn the_torn_tail_of_the_last_batch_is_cut_and_the_earlier_records_stay() {
    for (number, stay) in [(12, 11), (11, 10)] {
        let sample = Sample::new();
        sample.damage_record(number);
        sample.assert_holds(stay);
        let sample = Sample::new();
        let (path, at) = sample.place(number);
        cut(&path, at + FRAME_LEN - 1);
        sample.assert_holds(stay);
    }
}

#[test]
fn damage_in_an_earlier_segment_is_corruption_to_whoever_reads_it() {
    let sample = Sample::new();
    sample.damage_record(6);
    sample.assert_corrupt();
    block_on(async {
        let store = sample.host().open_store(&sample.location()).await?;
        assert_eq!(store.read(LogSeq::FIRST, 5).await?.len(), 5);
        assert_eq!(store.read(LogSeq(9), 9).await?.len(), 4);
        let error = store.read(LogSeq(6), 1).await.expect_err("it is damaged");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        store.close().await
    })
    .expect("the rest is there");
}

#[test]
fn a_missing_segment_that_others_follow_is_corruption() {
    for index in [0, 1] {
        let sample = Sample::new();
        fs::remove_file(sample.segment(index)).expect("remove the segment");
        sample.assert_corrupt();
    }
}

#[test]
fn a_manifest_that_names_more_records_than_the_log_has_is_corruption() {
    let sample = Sample::new();
    cut(&sample.segment(2), 0);
    assert_eq!(sample.assert_corrupt().operation(), Operation::OpenStore);
    let sample = Sample::new();
    fs::remove_file(sample.segment(2)).expect("remove the segment");
    assert_eq!(sample.assert_corrupt().operation(), Operation::OpenStore);
}

#[test]
fn a_damaged_manifest_is_corruption() {
    let sample = Sample::new();
    flip(&sample.file(".snap"), 9);
    let error = sample.assert_corrupt();
    assert_eq!(error.operation(), Operation::OpenStore);
    assert!(error.to_string().contains("manifest"), "{error}");
}

#[test]
fn a_manifest_that_names_a_block_that_is_missing_is_corruption() {
    let sample = Sample::new();
    fs::remove_file(sample.file(".sealed")).expect("remove the block");
    assert_eq!(sample.assert_corrupt().operation(), Operation::OpenStore);
}

#[test]
fn a_damaged_block_is_corruption_and_the_log_stays_readable() {
    let sample = Sample::new();
    flip(&sample.file(".sealed"), 2);
    sample.assert_corrupt();
    block_on(async {
        let store = sample.host().open_store(&sample.location()).await?;
        assert_eq!(read(&store).await?, records(RECORDS));
        let blocks: Vec<BlockId> = store.list_blocks().await?;
        assert_eq!(blocks.len(), 1);
        assert_eq!(store.read_block(&blocks[0]).await.map_err(|error| error.kind()), Err(ErrorKind::Corrupt));
        store.close().await
    })
    .expect("the log is readable");
}

#[test]
fn a_store_with_a_damaged_mark_is_neither_opened_nor_replaced_nor_destroyed() {
    let sample = Sample::new();
    flip(&sample.file("STORE"), 9);
    let before = tree(&sample.store());
    sample.assert_corrupt();
    let created = block_on(sample.host().create_store(&sample.location()));
    assert_eq!(created.err().map(|error| error.kind()), Some(ErrorKind::Exists));
    let destroyed = block_on(sample.host().destroy_store(&sample.location()));
    assert_eq!(destroyed.map_err(|error| error.kind()), Err(ErrorKind::Corrupt));
    assert_eq!(tree(&sample.store()), before);
}

#[test]
fn a_store_of_a_future_format_is_unsupported_and_says_which() {
    let sample = Sample::new();
    let mut mark = b"ASLPOSIX\x2a\0\0\0and what the future adds".to_vec();
    mark.extend_from_slice(&crc32c::crc32c(&mark).to_le_bytes());
    put(&sample.file("STORE"), &mark);
    let before = tree(&sample.store());
    let error = sample.look().expect_err("nobody knows that format yet");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unsupported, Code::IoError));
    assert!(error.to_string().contains("version 42"), "{error}");
    assert_eq!(tree(&sample.store()), before, "it is left to a program that knows it");
}

#[test]
fn corruption_that_was_reported_once_is_not_forgotten() {
    // A segment that was begun says that the one before it was complete, even if nothing was written to it yet.
    let sample = Sample::new();
    fs::remove_file(sample.file(".snap")).expect("remove the snapshot");
    sample.damage_record(8);
    cut(&sample.segment(2), 0);
    sample.assert_corrupt();
}

#[test]
fn an_open_that_reports_damage_leaves_the_files_as_they_are() {
    for break_it in [
        |sample: &Sample| sample.damage_record(9),
        |sample: &Sample| cut(&sample.segment(2), FRAME_LEN - 1),
        |sample: &Sample| flip(&sample.file(".snap"), 9),
    ] {
        let sample = Sample::new();
        cut(&sample.segment(2), FRAME_LEN);
        break_it(&sample);
        let before = tree(&sample.store());
        let error = sample.look().expect_err("the damage is found");
        assert!(tree(&sample.store()) == before, "what could be repaired is still there after: {error}");
    }
}

#[test]
fn a_store_that_lost_a_file_of_its_own_is_not_reported_as_absent() {
    for name in ["lock", "blocks", "snapshots"] {
        let sample = Sample::new();
        let path = sample.store().join(name);
        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.expect("remove it");
        if let Err(error) = sample.look() {
            assert_ne!(error.kind(), ErrorKind::NotFound, "without {name}: {error}");
        }
    }
}

/// Has a creation refused in a directory that holds these files, one of which is no store's. What it holds then.
fn creation_refused_among(names: &[&str]) -> Vec<String> {
    let sample = Sample::empty();
    for name in names {
        let path = sample.store().join(name);
        fs::create_dir_all(path.parent().expect("it is in the store's directory")).expect("make directories");
        put(&path, b"mine");
    }
    let created = block_on(sample.host().create_store(&sample.location()));
    let error = created.err().unwrap_or_else(|| panic!("{names:?} were taken for a store's remains"));
    assert_eq!(error.code(), Code::IoError, "{names:?}: {error}");
    let files = tree(&sample.store()).into_iter().filter(|(path, _)| path.is_file());
    let names = files.map(|(path, content)| {
        assert!(content == b"mine" || content.is_empty());
        path.strip_prefix(sample.store()).expect("it is in there").to_string_lossy().into_owned()
    });
    names.collect()
}

#[test]
fn a_creation_leaves_somebody_elses_files_alone() {
    for names in [&["notes.txt"][..], &["STORED", "notes.txt"], &["lock", "notes.txt"]] {
        let left = creation_refused_among(names);
        assert!(names.iter().all(|name| left.iter().any(|left| left == name)), "{names:?} became {left:?}");
    }
}

#[test]
fn a_creation_does_not_take_somebody_elses_files_for_the_remains_of_a_store() {
    for names in [&["thesis.tmp"][..], &["blocks/of wood"], &["snapshots/of the sea"]] {
        assert_eq!(creation_refused_among(names), names);
    }
}

#[test]
fn a_creation_that_is_refused_leaves_nothing_behind() {
    assert_eq!(creation_refused_among(&["notes.txt"]), ["notes.txt"]);
}

/// What has to come of damage to one file of the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Corrupt,
    Holds(usize),
}

/// The verdict on a last segment of which so many records are left, and maybe something behind them.
fn verdict_on_tail(path: &Path, sample: &Sample, left: usize, is_cut: bool) -> Verdict {
    let count = 2 * SEGMENT_RECORDS + left;
    // A flipped bit leaves the later frames, whose watermark covers all but the last batch; a cut leaves the manifest.
    let covered = if is_cut { SNAPSHOT_RECORDS } else { ALONE };
    if path == sample.segment(2) && count >= covered { Verdict::Holds(count) } else { Verdict::Corrupt }
}

/// Damages every file of the store in turn, in every way, each time from the sound state.
fn sweep(is_cut: bool) {
    let sample = Sample::new();
    let sound = tree(&sample.store());
    for (path, bytes) in &sound {
        for at in 0..bytes.len() {
            let damage = if is_cut { cut } else { flip };
            damage(path, at);
            let expected = verdict_on_tail(path, &sample, at / FRAME_LEN, is_cut);
            let found = match sample.look() {
                Ok(log) => {
                    assert_eq!(log, records(log.len()), "{} at {at}: wrong bytes", path.display());
                    Verdict::Holds(log.len())
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{} at {at}: {error}", path.display());
                    Verdict::Corrupt
                }
            };
            assert_eq!(found, expected, "{} at {at}", path.display());
            put(path, bytes);
            // An open may have cut the segment, or removed it, but nothing else.
            let is_sound = |(name, content): (_, &Vec<u8>)| sound.get::<PathBuf>(name) == Some(content);
            assert!(tree(&sample.store()).iter().all(is_sound), "{} at {at} damaged others", path.display());
        }
    }
}

#[test]
fn any_flipped_bit_gives_a_legal_log_or_corruption_and_never_wrong_bytes() {
    sweep(false);
}

#[test]
fn any_cut_gives_a_legal_log_or_corruption_and_never_wrong_bytes() {
    sweep(true);
}

#[test]
fn a_damaged_clock_or_identity_is_corruption_and_never_another_one() {
    let sample = Sample::empty();
    let ask = || block_on(async { Ok((sample.host().now().await?, sample.host().identity().await?)) });
    let (_, identity) = ask().expect("both are there");
    for (path, bytes) in tree(sample.dir.path()) {
        for at in 0..bytes.len() {
            for damage in [flip, cut] {
                damage(&path, at);
                let result: Result<_> = ask();
                let error = result.expect_err("the damage is found");
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{} at {at}: {error}", path.display());
                put(&path, &bytes);
            }
        }
    }
    assert_eq!(ask().expect("both are sound again").1, identity);
}
