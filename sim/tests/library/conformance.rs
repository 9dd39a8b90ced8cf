//! The door of `cargo test`: what passes, what is told of a failure, and that what the message says to do does it.

use asl_sim::case::Case;
use asl_sim::conformance::Conformance;
use asl_sim::target::{find, hidden, posix};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn check(target: &str) -> Conformance {
    let target = find(target).expect("a built-in target");
    Conformance::of(target).seeds(300)
}

/// What a check says when it panics.
fn told(check: &Conformance) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| check.check())).expect_err("it fails");
    panic.downcast_ref::<String>().expect("a text").clone()
}

/// Not a test: the one that the others start, each in a process and a place of its own.
#[test]
#[ignore = "the others start it"]
fn child() {
    let Ok(target) = std::env::var("ASL_TEST_TARGET") else { return };
    let usual = std::env::var_os("ASL_TEST_USUAL").is_some();
    let check = if usual { Conformance::of(find(&target).expect("it is built in")) } else { check(&target) };
    check.regressions("kept").check();
}

/// Runs [`child`] for this target with these variables, in this directory.
fn child_in(place: &Path, target: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    command.args(["conformance::child", "--exact", "--ignored", "--nocapture"]).current_dir(place);
    command
        .env("ASL_TEST_TARGET", target)
        .env("CARGO_PKG_NAME", "mine")
        .env("ASL_SIM_OUT", place.join("out"));
    command.env_remove("RUST_BACKTRACE").envs(variables.iter().copied()).output().expect("it can be started")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn cases(dir: &Path) -> Vec<PathBuf> {
    let entries = dir.read_dir().map(|all| all.map(|entry| entry.expect("it can be read").path()));
    entries.map_or_else(
        |_| Vec::new(),
        |all| {
            let mut all: Vec<PathBuf> = all.collect();
            all.sort();
            all
        },
    )
}

const BUGGY: &str = "specimen:segment-dir-not-synced";

#[test]
fn a_host_that_keeps_the_contract_passes() {
    check("posix").check();
    check("sim:fence").regressions("not/there").check();
}

#[test]
fn a_failure_is_told_with_its_story_its_case_and_the_command_that_replays_it() {
    let place = tempfile::tempdir().expect("there is room");
    let output = child_in(place.path(), BUGGY, &[]);
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    let case = cases(&place.path().join("out"));
    let [case] = &case[..] else { panic!("one case: {case:?}") };
    // The place is another one each time, and so is the hash of a trace in another build.
    let told: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("violation: ")).collect();
    let last = told.iter().position(|line| line.contains("asl-sim replay")).expect("the last line");
    let told = told[..=last].join(
        "
",
    );
    let is_trace = |line: &str| line.trim_start().starts_with("trace ");
    let told: Vec<&str> = told.lines().filter(|line| !is_trace(line)).collect();
    let told = told.join("\n").replace(&place.path().display().to_string(), "PLACE");
    // The option is that of the profile which this test was built with, and debug builds have none.
    let told = told.replace(" --release conformance", " conformance");
    insta::assert_snapshot!("a_failure_as_cargo_test_tells_it", told);
    // As the message has it, but for Cargo: the same test with the case.
    let again = child_in(place.path(), BUGGY, &[("ASL_SIM_REPLAY", &case.to_string_lossy())]);
    assert!(!again.status.success() && said(&again).contains("it fails as it did"), "{}", said(&again));
    // The test of another host leaves it alone, whatever it would find.
    let other =
        child_in(place.path(), "specimen:fsync-retried", &[("ASL_SIM_REPLAY", &case.to_string_lossy())]);
    assert!(other.status.success() && said(&other).contains("left alone"), "{}", said(&other));
    let by_command = Command::new(env!("CARGO_BIN_EXE_asl-sim")).arg("replay").arg(case).output();
    assert_eq!(by_command.expect("it can be started").status.code(), Some(10));
}

#[test]
fn a_seed_is_run_alone() {
    let place = tempfile::tempdir().expect("there is room");
    let output = child_in(place.path(), BUGGY, &[("ASL_SIM_REPLAY", "0x1")]);
    assert!(said(&output).contains("seed       0x1\n"), "{}", said(&output));
    let output = child_in(
        place.path(),
        BUGGY,
        &[("ASL_SIM_SEED", "2"), ("ASL_SIM_SEEDS", "1"), ("ASL_SIM_JOBS", "1")],
    );
    assert!(output.status.success() || said(&output).contains("seed       0x2\n"), "{}", said(&output));
}

#[test]
fn a_check_that_passes_says_what_it_did_and_what_it_did_not_get_to_do() {
    let place = tempfile::tempdir().expect("there is room");
    let output = child_in(place.path(), "posix", &[("ASL_SIM_SEEDS", "1"), ("ASL_SIM_SEED", "0x2a")]);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("posix: passed: 1 run from seed 0x2a in ") && text.contains(" crash"), "{text}");
    // One run cannot do everything.
    let missing = text.lines().find(|line| line.contains("not exercised: ")).expect("it is told");
    assert!(!missing.contains("nothing"), "{text}");
}

/// A thousand runs take half a second, and a bug that one run in two thousand shows passed each time.
#[test]
fn a_check_that_is_told_nothing_goes_on_for_seconds_and_a_thousand_runs() {
    let place = tempfile::tempdir().expect("there is room");
    let output = child_in(place.path(), "posix", &[("ASL_TEST_USUAL", "1"), ("ASL_SIM_JOBS", "1")]);
    let text = said(&output);
    let runs =
        text.split_once("posix: passed: ").and_then(|(_, rest)| rest.split_once(" runs from seed 0x1"));
    let runs = runs.unwrap_or_else(|| panic!("{text}")).0.replace(',', "");
    assert!(runs.parse::<u64>().expect("a number") >= 1_000, "{text}");
}

#[test]
fn a_failure_is_explained_in_words_and_as_a_page() {
    let place = tempfile::tempdir().expect("there is room");
    let html = place.path().join("pages");
    let explained = [("ASL_SIM_EXPLAIN", "1"), ("ASL_SIM_HTML", html.to_str().expect("it is text"))];
    let text = said(&child_in(place.path(), BUGGY, &explained));
    assert!(text.contains("what went wrong") && text.contains("durable at the crash"), "{text}");
    let pages = cases(&html);
    let [page] = &pages[..] else { panic!("one page: {pages:?}") };
    assert!(text.contains(&format!(
        "page       {}",
        page.strip_prefix(place.path()).expect("it is below").display()
    )));
    let page = std::fs::read_to_string(page).expect("it is there");
    assert!(
        page.contains("What went wrong") && page.contains("ASL_SIM_REPLAY="),
        "it says how to see it again"
    );
}

#[test]
fn what_the_environment_says_wrong_is_told_in_a_line() {
    let place = tempfile::tempdir().expect("there is room");
    for (name, value, part) in [
        ("ASL_SIM_SEEDS", "none", "ASL_SIM_SEEDS=none: a whole number from 1 is expected"),
        ("ASL_SIM_FOR", "5", "ASL_SIM_FOR=5: a time is expected"),
        ("ASL_SIM_REPLAY", "no/such.json", "cannot read the case no/such.json"),
        ("ASL_SIM_TIME", "10h", "ASL_SIM_TIME: there is no such variable"),
    ] {
        let output = child_in(place.path(), "posix", &[(name, value)]);
        assert!(!output.status.success());
        let text = said(&output);
        let line = text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{text}"));
        assert!(line.starts_with(part), "it stands alone: {line}");
    }
}

#[test]
fn a_case_that_was_promoted_must_pass_before_anything_else() {
    let place = tempfile::tempdir().expect("there is room");
    assert!(!child_in(place.path(), BUGGY, &[]).status.success());
    let found = cases(&place.path().join("out"));
    let promote = |case: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
        let output =
            command.arg("promote").arg(case).args(["--to", "kept"]).current_dir(place.path()).output();
        output.expect("it can be started")
    };
    let promoted = promote(&found[0]);
    assert_eq!(promoted.status.code(), Some(0), "{}", said(&promoted));
    let kept = cases(&place.path().join("kept"));
    assert_eq!(
        kept[0].file_name().expect("it has one"),
        "specimen-segment-dir-not-synced-append-durable-read-error.json"
    );
    assert!(
        said(&promoted).contains(&kept[0].file_name().expect("it has one").to_string_lossy().into_owned())
    );
    // Once more changes nothing, and what is no case is refused.
    assert!(said(&promote(&found[0])).contains("(it was there)"));
    assert_eq!(cases(&place.path().join("kept")), kept);
    assert_eq!(promote(Path::new("not-there.json")).status.code(), Some(2));
    // Not one run of the campaign is made as long as it fails.
    let output = child_in(place.path(), BUGGY, &[("ASL_SIM_SEEDS", "1"), ("ASL_SIM_SEED", "999")]);
    assert!(!output.status.success() && said(&output).contains("(a regression)"), "{}", said(&output));
    // Of a host that was mended, it passes.
    let case = Case::load(&kept[0]).expect("it is whole");
    assert_eq!(case.target, BUGGY);
    Conformance::of(posix()).seeds(1).regressions(place.path().join("kept")).check();
}

#[test]
fn a_host_that_does_not_do_the_same_twice_is_told_of() {
    let target = hidden().into_iter().find(|target| target.name() == "nondeterministic:hash-map");
    let told = told(&Conformance::of(target.expect("it is there")).seeds(20));
    assert!(told.starts_with("nondeterminism: the run of seed 0x1 did different things"), "{told}");
    assert!(told.contains("once: ") && told.contains("and again: "), "{told}");
}

#[test]
fn failures_that_are_known_fail_nothing() {
    let told = told(&check("specimen:canary").seeds(500));
    let signature =
        told.lines().find_map(|line| line.trim().strip_prefix("signature")).expect("it is told").trim();
    let all = ["error", "crash"].map(|class| format!("append-durable/read/{class}"));
    assert!(all.iter().any(|known| known == signature), "{told}");
    let check = all.iter().fold(check("specimen:canary").seeds(500), Conformance::known);
    check.check();
}
