//! What the probe says of buckets in this process.

use crate::buckets::{Harm, Harmed};
use crate::{names, quick, row};
use asl_probe::{
    AXIOMS, Finding, NOT_CHECKED, Options, Refused, RefusedKind, Report, Status, Verdict, probe, probe_bucket,
};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("there is a runtime");
    runtime.block_on(future)
}

/// Probes a bucket, which is then as empty as before.
fn probed(harm: Harm) -> Report {
    let bucket = Harmed::new(harm);
    let report = probe_bucket(bucket.clone(), "test", &quick(), &mut |_| {}).expect("it begins");
    if harm != Harm::ReadsDeleted {
        assert_eq!(block_on(bucket.keys()), [""; 0]);
        assert_eq!(report.tidied.why, None);
    }
    report
}

const ON_S3_ONLY: [&str; 10] = [
    "create-over-marker",
    "delete-stale",
    "list-pages",
    "versioning",
    "overwrite-keeps-version",
    "delete-leaves-marker",
    "upload-listed",
    "upload-aborted",
    "complete-present",
    "complete-racing",
];

#[test]
fn a_bucket_in_memory_keeps_all_that_can_be_asked_of_it() {
    let report = probe("memory://probed", &quick(), &mut |_| {}).expect("it begins");
    assert_eq!(report.status, Status::Passed);
    assert_eq!(names(&report, Verdict::NotOffered), ON_S3_ONLY);
    assert_eq!(names(&report, Verdict::Kept).len(), AXIOMS.len() - ON_S3_ONLY.len());
    assert_eq!((report.tidied.left, report.tidied.why), (0, None));
}

#[test]
fn a_bucket_in_files_has_no_updates_and_its_directory_is_empty_afterwards() {
    let directory = tempfile::tempdir().expect("there is a directory");
    let url = format!("file://{}", directory.path().display());
    let report = probe(&url, &quick(), &mut |_| {}).expect("it begins");
    assert_eq!(report.status, Status::Passed);
    for name in ["update-current", "update-stale", "update-absent", "update-racing"] {
        assert_eq!(row(&report, name).verdict, Verdict::NotOffered, "{name}");
    }
    let left = std::fs::read_dir(directory.path()).expect("it can be read").count();
    assert_eq!(left, 0, "{:?}", report.tidied);
}

#[test]
fn a_bucket_that_ignores_conditions_is_found_without_a_race_and_with_one() {
    let report = probed(Harm::IgnoresConditions);
    assert_eq!(report.status, Status::Broken);
    let broken = ["create-present", "update-stale", "update-absent", "create-racing", "update-racing"];
    assert_eq!(names(&report, Verdict::Broken), broken);
    assert_eq!(row(&report, "create-present").seen, "accepted, and carried out");
    assert_eq!(row(&report, "create-racing").seen, "16 of 16 won on 20 of 20 keys");
}

#[test]
fn a_bucket_that_checks_and_then_acts_passes_each_condition_and_loses_the_race() {
    let report = probed(Harm::ChecksThenActs);
    assert_eq!(report.status, Status::Broken);
    assert_eq!(names(&report, Verdict::Broken), ["create-racing", "update-racing"]);
    assert_eq!(row(&report, "create-present").verdict, Verdict::Kept);
    let seen = &row(&report, "create-racing").seen;
    assert!(seen.contains("of 16 won on"), "{seen}");
}

#[test]
fn a_bucket_that_checks_before_the_body_has_come_is_found_by_a_longer_body() {
    let report = probed(Harm::ChecksBeforeTheBody);
    assert_eq!(names(&report, Verdict::Broken), ["create-racing", "update-racing"]);
}

#[test]
fn a_bucket_that_refuses_and_puts_nevertheless_is_found_by_what_stands_there() {
    let report = probed(Harm::RefusesAndPuts);
    assert_eq!(row(&report, "create-present").seen, "refused, and carried out nevertheless");
    assert_eq!(row(&report, "update-stale").verdict, Verdict::Broken);
    let seen = &row(&report, "create-racing").seen;
    assert!(seen.starts_with("something else than the winner's stands on "), "{seen}");
}

#[test]
fn a_list_that_is_late_is_broken_and_not_what_the_host_relies_on() {
    let report = probed(Harm::ListsLate);
    assert_eq!(report.status, Status::Passed);
    assert_eq!(names(&report, Verdict::Broken), ["list-after-write", "list-after-delete"]);
    let lists = report.follows.iter().find(|follow| follow.name == "end-by-list").expect("it is among them");
    assert_eq!((lists.verdict, lists.lacks.as_slice()), (Verdict::Broken, ["list-after-write"].as_slice()));
}

#[test]
fn what_cannot_be_removed_is_named() {
    let report = probed(Harm::ReadsDeleted);
    assert_eq!(row(&report, "read-after-delete").seen, "still there on 10 of 10 keys");
    assert!(report.tidied.left > 20, "{:?}", report.tidied);
    assert_eq!(report.tidied.left_names.len(), 20);
    assert!(report.text(100).contains("stay: object "), "{}", report.text(100));
}

#[test]
fn a_bucket_that_stops_answering_is_given_up_soon_and_what_is_left_is_unknown() {
    let options = Options { request_timeout: Duration::from_millis(100), ..quick() };
    let bucket = Harmed::new(Harm::FallsSilentAfter(12));
    let report = probe_bucket(bucket, "test", &options, &mut |_| {}).expect("it begins");
    assert_eq!(report.status, Status::Undecided);
    assert_eq!(names(&report, Verdict::Broken), [""; 0]);
    let seen = &row(&report, "create-racing").seen;
    assert_eq!(seen, "not asked: the bucket stopped answering");
    assert!(report.took_ms < 5_000, "{} ms", report.took_ms);
    assert!(report.tidied.left > 10 && !report.tidied.looked, "{:?}", report.tidied);
    assert!(report.text(1_000).contains(" may stay: object "), "{}", report.text(1_000));
}

#[test]
fn a_probe_that_is_interrupted_removes_what_it_put_and_says_so() {
    let (options, bucket) = (quick(), Harmed::new(Harm::None));
    let mut tell = |finding: &Finding| {
        if matches!(finding, Finding::Axiom(row) if row.name == "read-absent") {
            options.stop.store(true, Ordering::Relaxed);
        }
    };
    let report = probe_bucket(bucket.clone(), "test", &options, &mut tell).expect("it begins");
    assert_eq!((report.status, report.status.code()), (Status::Interrupted, 130));
    assert_eq!(row(&report, "create-racing").verdict, Verdict::Unknown);
    assert_eq!(report.axioms.len(), AXIOMS.len());
    assert!(report.tidied.removed > 0);
    assert_eq!(block_on(bucket.keys()), [""; 0]);
}

#[test]
fn a_probe_that_is_interrupted_before_it_begins_puts_nothing() {
    let (options, bucket) = (quick(), Harmed::new(Harm::None));
    options.stop.store(true, Ordering::Relaxed);
    let refused = probe_bucket(bucket.clone(), "test", &options, &mut |_| {}).expect_err("it does not begin");
    assert_eq!((refused.kind, refused.code()), (RefusedKind::Interrupted, 130));
    assert!(bucket.put_keys().is_empty());
}

#[test]
fn the_prefix_is_told_before_the_first_request_and_all_lies_below_it() {
    let bucket = Harmed::new(Harm::None);
    let mut told = String::new();
    let mut tell = |finding: &Finding| {
        if let Finding::Begins { prefix, .. } = finding {
            assert!(bucket.put_keys().is_empty());
            prefix.clone_into(&mut told);
        }
    };
    probe_bucket(bucket.clone(), "test", &quick(), &mut tell).expect("it begins");
    let name = told.strip_prefix("test/").expect("it lies in the bucket");
    assert!(name.starts_with("asl-sim-probe-") && name.len() == "asl-sim-probe-".len() + 16, "{name}");
    let (put, below) = (bucket.put_keys(), format!("{name}/"));
    assert!(put.len() > 100 && put.iter().all(|key| key.starts_with(&below)), "{put:?}");
}

fn with_prefix(bucket: &Arc<dyn ObjectStore>, prefix: &str) -> Result<Report, Refused> {
    let options = Options { prefix: Some(prefix.to_owned()), ..quick() };
    probe_bucket(bucket.clone(), "test", &options, &mut |_| {})
}

#[test]
fn a_prefix_that_was_chosen_is_used_if_nothing_stands_below_it() {
    let bucket: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let report = with_prefix(&bucket, "a/b").expect("it begins");
    assert_eq!(report.prefix, "test/a/b");
    let mine = Path::from("a/b/contact");
    block_on(bucket.put(&mine, "mine".into())).expect("it is in memory");
    let refused = with_prefix(&bucket, "a/b").expect_err("something stands there");
    assert_eq!(refused.kind, RefusedKind::Usage);
    assert!(refused.line.contains("1 objects stand below it"), "{refused}");
    assert!(block_on(bucket.head(&mine)).is_ok());
    for prefix in ["", "/", "a//b", "../b"] {
        assert_eq!(with_prefix(&bucket, prefix).expect_err(prefix).kind, RefusedKind::Usage, "{prefix}");
    }
}

#[test]
fn as_json_the_names_of_fields_stay() {
    let report = probe("memory://json", &quick(), &mut |_| {}).expect("it begins");
    let json = serde_json::to_value(&report).expect("it is JSON");
    let fields: Vec<_> = json.as_object().expect("it is an object").keys().cloned().collect();
    let names = "axioms follows format measured not_checked prefix status tidied took_ms url";
    assert_eq!(fields.join(" "), names);
    let first = &json["axioms"][0];
    assert_eq!((first["name"].as_str(), first["verdict"].as_str()), (Some("create-absent"), Some("kept")));
    assert_eq!((json["status"].as_str(), json["format"].as_u64()), (Some("passed"), Some(1)));
    assert_eq!(json["axioms"][3]["verdict"].as_str(), Some("not-offered"));
}

#[test]
fn as_text_each_axiom_and_what_was_not_checked_is_there_and_lines_fit() {
    let report = probed(Harm::IgnoresConditions);
    for width in [60, 100, 140] {
        let text = report.text(width);
        assert!(text.lines().skip(1).all(|line| line.chars().count() <= width), "{text}");
        assert!(AXIOMS.iter().all(|axiom| text.contains(axiom.name)), "{text}");
    }
    let text = report.text(1_000);
    assert!(NOT_CHECKED.iter().all(|sentence| text.contains(sentence)), "{text}");
    assert!(text.contains("broken: ObjectHost relies on create-present, create-racing"), "{text}");
}
