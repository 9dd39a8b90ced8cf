//! Small programs with exactly the outcomes that each bucket's row allows: each test asserts the *whole* set.
//!
//! A program runs under every combination of decisions: when a request lands whose answer was lost, how far behind a list is. What it saw
//! is written down as text. Where requests race it runs under many seeds.

use super::SimObjectStore;
use crate::base::decide::{Decider, Decisions, Site};
use crate::media::{MediumSetup, Profile, Sandbox};
use crate::plan::{FaultKind, FaultPlan, Plan};
use futures_util::TryStreamExt;
use futures_util::future::join;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutResult, UpdateVersion,
};
use std::collections::BTreeSet;

/// Those that carry the contract, as far as conditions go.
const ATOMIC: [Profile; 4] = [Profile::Aws, Profile::Seaweedfs, Profile::Azure, Profile::StaleList];

/// All that a program can come to on a bucket where these calls fail, in the order of calls that can fail so.
fn outcomes(
    profile: Profile,
    faults: &[(u32, FaultKind)],
    program: impl AsyncFn(SimObjectStore) -> String,
) -> BTreeSet<String> {
    let faults: Vec<_> =
        faults.iter().map(|&(skip, kind)| FaultPlan { site: Site::Op(0), skip, kind }).collect();
    let mut outcomes = BTreeSet::new();
    let mut next = Some(Decider::replaying(Decisions::new()).trailing());
    let mut combinations = 0;
    while let Some(decide) = next {
        combinations += 1;
        assert!(combinations < 20_000, "the program is too long to be tried whole");
        let plan = Plan { faults: faults.clone(), ..Plan::default() };
        let sandbox = Sandbox::deciding(MediumSetup::plain(profile), plan, decide);
        outcomes.insert(sandbox.run(program(sandbox.object_store())));
        next = sandbox.into_decider().next();
    }
    outcomes
}

/// All that a program comes to whose requests race, under many seeds: which of two takes longer is drawn, and is no decision.
#[track_caller]
fn assert_races(profiles: &[Profile], program: impl AsyncFn(SimObjectStore) -> String, expected: &[&str]) {
    for &profile in profiles {
        let run = |seed| {
            let sandbox = Sandbox::on(profile, seed);
            sandbox.run(program(sandbox.object_store()))
        };
        let seen: BTreeSet<String> = (0..300).map(run).collect();
        let expected: BTreeSet<String> = expected.iter().map(|&outcome| outcome.to_owned()).collect();
        assert_eq!(seen, expected, "{profile:?}");
    }
}

#[track_caller]
fn assert_outcomes(
    profiles: &[Profile],
    faults: &[(u32, FaultKind)],
    program: impl AsyncFn(SimObjectStore) -> String,
    expected: &[&str],
) {
    for &profile in profiles {
        let expected: BTreeSet<String> = expected.iter().map(|&outcome| outcome.to_owned()).collect();
        assert_eq!(outcomes(profile, faults, &program), expected, "{profile:?}");
    }
}

fn name() -> Path {
    Path::from("a/b")
}

async fn create(bucket: &SimObjectStore, bytes: &'static str) -> object_store::Result<PutResult> {
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    bucket.put_opts(&name(), bytes.into(), options).await
}

async fn update(bucket: &SimObjectStore, tag: Option<String>) -> object_store::Result<PutResult> {
    let mode = PutMode::Update(UpdateVersion { e_tag: tag, version: None });
    bucket.put_opts(&name(), "new".into(), PutOptions { mode, ..PutOptions::default() }).await
}

/// What stands there.
async fn shown(bucket: &SimObjectStore) -> String {
    match async { bucket.get(&name()).await?.bytes().await }.await {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => said(&Err(error)),
    }
}

fn said(result: &object_store::Result<PutResult>) -> String {
    let said = match result {
        Ok(_) => "done",
        Err(Error::AlreadyExists { .. }) => "exists",
        Err(Error::Precondition { .. }) => "changed",
        Err(Error::NotFound { .. }) => "absent",
        Err(_) => "failed",
    };
    said.to_owned()
}

#[test]
fn of_two_that_create_an_object_at_once_one_does() {
    let race = async |bucket: SimObjectStore| {
        let (one, other) = join(create(&bucket, "one"), create(&bucket, "other")).await;
        format!("{} {} {}", said(&one), said(&other), shown(&bucket).await)
    };
    assert_races(&ATOMIC, race, &["done exists one", "exists done other"]);
    let both = ["done done one", "done done other"];
    let apart = [&both[..], &["done exists one", "exists done other"]].concat();
    assert_races(&[Profile::NotAtomicConditions], race, &apart);
    assert_races(&[Profile::IgnoresConditions], race, &both);
}

#[test]
fn of_two_that_change_the_same_version_one_does() {
    let race = async |bucket: SimObjectStore| {
        let tag = create(&bucket, "old").await.expect("nothing is there").e_tag;
        let (one, other) = join(update(&bucket, tag.clone()), update(&bucket, tag)).await;
        format!("{} {}", said(&one), said(&other))
    };
    assert_races(&ATOMIC, race, &["done changed", "changed done"]);
    let apart = ["done done", "done changed", "changed done"];
    assert_races(&[Profile::NotAtomicConditions], race, &apart);
}

#[test]
fn one_after_the_other_all_but_one_bucket_know_conditions() {
    let twice = async |bucket: SimObjectStore| {
        let first = create(&bucket, "one").await;
        format!("{} {} {}", said(&first), said(&create(&bucket, "other").await), shown(&bucket).await)
    };
    let all_but_one = [&ATOMIC[..], &[Profile::NotAtomicConditions]].concat();
    assert_outcomes(&all_but_one, &[], twice, &["done exists one"]);
    assert_outcomes(&[Profile::IgnoresConditions], &[], twice, &["done done other"]);
}

#[test]
fn what_is_to_be_changed_and_is_not_there_fails_as_a_condition() {
    // The row of AWS said "not found", as S3 does; a comparison with moto showed that the crate's client makes a failed condition of it.
    let update = async |bucket: SimObjectStore| said(&update(&bucket, Some("7".to_owned())).await);
    assert_outcomes(&ATOMIC, &[], update, &["changed"]);
}

#[test]
fn a_removal_of_nothing_is_told_by_azure_only() {
    // A comparison with Azurite showed it.
    let remove = async |bucket: SimObjectStore| match bucket.delete(&name()).await {
        Ok(()) => "done".to_owned(),
        Err(error) => said(&Err(error)),
    };
    assert_outcomes(&[Profile::Azure], &[], remove, &["absent"]);
    assert_outcomes(&[Profile::Aws, Profile::Seaweedfs, Profile::StaleList], &[], remove, &["done"]);
}

#[test]
fn an_upload_that_was_begun_takes_its_name_in_azure_only() {
    // A comparison with Azurite showed it: a create said that the object exists, and a read that it does not.
    let begun = async |bucket: SimObjectStore| {
        let mut upload = bucket.put_multipart(&name()).await.expect("it is begun");
        upload.put_part("ab".into()).await.expect("it is put");
        let (created, shown) = (said(&create(&bucket, "new").await), shown(&bucket).await);
        // What takes the name can be removed, as far as the answer goes.
        format!("{created} {shown} {}", bucket.delete(&name()).await.is_ok())
    };
    assert_outcomes(&[Profile::Azure], &[], begun, &["exists absent true"]);
    assert_outcomes(&[Profile::Aws, Profile::Seaweedfs, Profile::StaleList], &[], begun, &["done new true"]);
}

#[test]
fn a_request_whose_answer_was_lost_was_carried_out_or_will_be_or_never_is() {
    let looks_twice = async |bucket: SimObjectStore| {
        let put = create(&bucket, "new").await;
        let (first, second) = (shown(&bucket).await, shown(&bucket).await);
        format!("{}: {first}, {second}", said(&put))
    };
    let expected = ["failed: new, new", "failed: absent, new", "failed: absent, absent"];
    assert_outcomes(&ATOMIC, &[(0, FaultKind::Unanswered)], looks_twice, &expected);
    // A second creation of the same finds its own, or is there first.
    let again = async |bucket: SimObjectStore| {
        let puts = [create(&bucket, "new").await, create(&bucket, "new").await];
        format!("{}, {}: {}", said(&puts[0]), said(&puts[1]), shown(&bucket).await)
    };
    let expected = ["failed, exists: new", "failed, done: new"];
    assert_outcomes(&ATOMIC, &[(0, FaultKind::Unanswered)], again, &expected);
}

#[test]
fn an_unconditional_put_whose_answer_was_lost_may_replace_what_came_after_it() {
    let replaced = async |bucket: SimObjectStore| {
        let lost = bucket.put(&name(), "late".into()).await;
        let put = bucket.put(&name(), "new".into()).await;
        format!("{}, {}: {}", said(&lost), said(&put), shown(&bucket).await)
    };
    let expected = ["failed, done: new", "failed, done: late"];
    assert_outcomes(&ATOMIC, &[(0, FaultKind::Unanswered)], replaced, &expected);
}

#[test]
fn a_conflict_says_that_the_object_exists_and_nothing_was_done() {
    let conflict = async |bucket: SimObjectStore| {
        format!("{} {}", said(&create(&bucket, "new").await), shown(&bucket).await)
    };
    assert_outcomes(
        &[Profile::Aws, Profile::StaleList],
        &[(0, FaultKind::Conflict)],
        conflict,
        &["exists absent"],
    );
    for profile in [Profile::Seaweedfs, Profile::Azure] {
        assert!(!profile.can_suffer(FaultKind::Conflict), "{profile:?}");
    }
}

#[test]
fn a_list_shows_what_was_put_before_it_unless_it_may_be_behind() {
    let listed = async |bucket: SimObjectStore| {
        create(&bucket, "new").await.expect("nothing is there");
        let all: Vec<_> = bucket.list(None).try_collect().await.expect("it is answered");
        format!("{} {}", all.len(), shown(&bucket).await)
    };
    let strict = [Profile::Aws, Profile::Seaweedfs, Profile::Azure, Profile::NotAtomicConditions];
    assert_outcomes(&strict, &[], listed, &["1 new"]);
    assert_outcomes(&[Profile::StaleList], &[], listed, &["1 new", "0 new"]);
}

#[test]
fn versions_stay_where_they_are_kept_also_under_a_mark_of_deletion() {
    let versions = async |bucket: SimObjectStore| {
        let old = bucket.put(&name(), "old".into()).await.expect("it is put").version;
        bucket.put(&name(), "new".into()).await.expect("it is put");
        bucket.delete(&name()).await.expect("it is deleted");
        let options = GetOptions { version: old.clone(), ..GetOptions::default() };
        let read = async { bucket.get_opts(&name(), options).await?.bytes().await };
        let read =
            read.await.map_or_else(|_| "none".to_owned(), |bytes| String::from_utf8_lossy(&bytes).into());
        format!("{} {} {read}", old.is_some(), shown(&bucket).await)
    };
    assert_outcomes(&[Profile::Seaweedfs], &[], versions, &["true absent old"]);
    assert_outcomes(&[Profile::Aws, Profile::Azure], &[], versions, &["false absent none"]);
}

/// Uploads two parts, and says what came of it.
async fn upload(bucket: &SimObjectStore) -> String {
    let mut upload = bucket.put_multipart(&name()).await.expect("it is begun");
    for part in ["ab", "cd"] {
        if upload.put_part(part.into()).await.is_err() {
            return "a part failed".to_owned();
        }
    }
    said(&upload.complete().await)
}

async fn upload_and_look(bucket: SimObjectStore) -> String {
    let came_of_it = upload(&bucket).await;
    format!("{came_of_it}: {}, {} left", shown(&bucket).await, bucket.uploads_left().len())
}

#[test]
fn an_upload_is_there_as_a_whole_or_not_at_all_and_stays_until_it_is_completed() {
    assert_outcomes(&ATOMIC, &[], upload_and_look, &["done: abcd, 0 left"]);
    let part_failed = &["a part failed: absent, 1 left"];
    assert_outcomes(&ATOMIC, &[(0, FaultKind::Unanswered)], upload_and_look, part_failed);
    assert_outcomes(&ATOMIC, &[(2, FaultKind::ErrorInBody)], upload_and_look, &["done: abcd, 0 left"]);
    assert_outcomes(&ATOMIC, &[(0, FaultKind::ErrorInBody)], upload_and_look, &["failed: absent, 1 left"]);
    let lost = &["failed: abcd, 0 left", "failed: absent, 1 left"];
    assert_outcomes(&ATOMIC, &[(2, FaultKind::Unanswered)], upload_and_look, lost);
}

#[test]
fn an_upload_that_was_aborted_or_lacks_a_part_cannot_be_completed() {
    let aborted = async |bucket: SimObjectStore| {
        let mut upload = bucket.put_multipart(&name()).await.expect("it is begun");
        upload.put_part("ab".into()).await.expect("it is put");
        upload.abort().await.expect("it is aborted");
        format!("{} {}", said(&upload.complete().await), bucket.uploads_left().len())
    };
    assert_outcomes(&ATOMIC, &[], aborted, &["absent 0"]);
    let lacking = async |bucket: SimObjectStore| {
        let mut upload = bucket.put_multipart(&name()).await.expect("it is begun");
        let part = upload.put_part("ab".into()).await;
        format!("{} {}", part.is_ok(), said(&upload.complete().await))
    };
    let lost = &["false done", "false absent"];
    assert_outcomes(&ATOMIC, &[(0, FaultKind::Unanswered)], lacking, lost);
    assert_outcomes(&ATOMIC, &[(1, FaultKind::WriteEio)], lacking, &["false absent"]);
}
