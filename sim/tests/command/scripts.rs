//! What continuous integration reads of a campaign: a JUnit report, GitHub's annotations and step summary, and the workflow
//! that is there to be copied.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

fn command(place: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
    command.args(args).current_dir(place.path()).stdin(Stdio::null());
    for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command
}

fn run(place: &TempDir, args: &[&str]) -> Output {
    command(place, args).output().expect("it can be started")
}

fn place() -> TempDir {
    tempfile::tempdir().expect("there is room")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("it is there")
}

const FAILING: [&str; 10] = [
    "run",
    "specimen:segment-dir-not-synced",
    "--seed",
    "1",
    "--seeds",
    "20",
    "--keep-going",
    "--shrink-for",
    "0",
    "--format=json",
];

fn signatures(output: &Output) -> BTreeSet<String> {
    let text = String::from_utf8(output.stdout.clone()).expect("it is text");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
    lines.filter_map(|line| line["signature"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_junit_report_has_a_case_for_each_signature_and_one_for_the_campaign() {
    let place = place();
    let output = run(&place, &[&FAILING[..], &["--junit", "report.xml"]].concat());
    assert_eq!(output.status.code(), Some(10));
    let (xml, signatures) = (read(&place.path().join("report.xml")), signatures(&output));
    assert!(!signatures.is_empty());
    assert_eq!(xml.matches("<testcase ").count(), signatures.len() + 1, "{xml}");
    for signature in &signatures {
        assert!(xml.contains(&format!("<testcase name=\"{signature}\"")), "{signature}: {xml}");
    }
    assert!(xml.contains("asl-sim replay specimen:segment-dir-not-synced --seed 0x1"), "{xml}");
    assert!(!xml.contains('\u{1b}'), "no escape codes");
    // Known failures are not failures of the test, and what was there before is replaced.
    let known = signatures.iter().cloned().collect::<Vec<_>>().join("\n");
    let mut file = std::fs::File::create(place.path().join("known")).expect("it can be written");
    std::io::Write::write_all(&mut file, known.as_bytes()).expect("there is room");
    let output = run(&place, &[&FAILING[..], &["--junit", "report.xml", "--known", "known"]].concat());
    assert_eq!(output.status.code(), Some(0));
    let xml = read(&place.path().join("report.xml"));
    assert_eq!(
        (xml.matches("<failure").count(), xml.matches("<skipped").count()),
        (0, signatures.len()),
        "{xml}"
    );
    let names =
        place.path().read_dir().expect("it is there").map(|entry| entry.expect("it is there").file_name());
    assert_eq!(names.collect::<BTreeSet<_>>(), ["asl-sim-out", "known", "report.xml"].map(Into::into).into());
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_anything_is_run() {
    let place = place();
    for path in ["absent/report.xml", ".", "/proc/report.xml"] {
        let output = run(&place, &["run", "posix", "--junit", path]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.starts_with("error: cannot write the report") && output.stdout.is_empty(), "{text}");
    }
}

#[test]
fn github_is_told_of_each_failure_once_and_standard_output_stays_json() {
    let place = place();
    let summary = place.path().join("summary.md");
    let on_github = |args: &[&str]| {
        let mut command = command(&place, args);
        command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary);
        command.output().expect("it can be started")
    };
    let output = on_github(&FAILING);
    let (said, signatures) = (String::from_utf8_lossy(&output.stderr).into_owned(), signatures(&output));
    let commands: Vec<&str> = said.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(commands.len(), signatures.len(), "{said}");
    for signature in &signatures {
        let title = format!("::error title=asl-sim specimen%3Asegment-dir-not-synced%3A {signature}::");
        assert!(commands.iter().any(|line| line.starts_with(&title)), "{title} in {said}");
    }
    assert!(commands[0].contains("%0Aasl-sim replay specimen:segment-dir-not-synced --seed 0x1"), "{said}");
    let passed = on_github(&["run", "posix", "--seed", "1", "--seeds", "20", "--shard", "1/2"]);
    assert_eq!((passed.status.code(), passed.stderr.as_slice()), (Some(0), &b""[..]));
    let text = read(&summary);
    assert!(text.starts_with("### asl-sim specimen:segment-dir-not-synced: failed\n"), "{text}");
    assert!(text.contains("\n### asl-sim posix, shard 1/2: passed\n"), "what steps say is appended: {text}");
    for signature in &signatures {
        assert!(text.contains(&format!("| `{signature}` | ")), "{text}");
    }
    assert!(text.contains("Not exercised: "), "{text}");
}

/// Every text in a document that a shell runs.
fn scripts<'a>(yaml: &'a Yaml, found: &mut Vec<&'a str>) {
    match yaml {
        Yaml::Hash(hash) => {
            for (key, value) in hash {
                match (key.as_str(), value.as_str()) {
                    (Some("run"), Some(script)) => found.push(script),
                    _ => scripts(value, found),
                }
            }
        }
        Yaml::Array(array) => array.iter().for_each(|value| scripts(value, found)),
        _ => {}
    }
}

#[test]
fn the_workflow_to_copy_is_yaml_and_asks_for_nothing_that_there_is_not() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/github-actions.yml");
    let documents = YamlLoader::load_from_str(&read(&path)).expect("it is YAML");
    let mut found = Vec::new();
    for document in &documents {
        scripts(document, &mut found);
    }
    let ours: Vec<&str> = found.into_iter().filter(|script| script.contains("/asl-sim ")).collect();
    assert_eq!(ours.len(), 1);
    // As a machine would run it, for less long.
    let shards = documents[0]["jobs"]["campaign"]["strategy"]["matrix"]["shard"].as_vec().expect("a list");
    let script = ours[0].replace("--for 30m", "--seeds 40").replace("${{ matrix.shard }}", "2");
    let program = Path::new(env!("CARGO_BIN_EXE_asl-sim"));
    let script = script.replace("target/release/asl-sim", &program.to_string_lossy());
    assert!(!script.contains("${{") && script.contains(&format!("--shard 2/{}", shards.len())), "{script}");
    let place = place();
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &script]).current_dir(place.path());
    let output = bash.env("GITHUB_RUN_NUMBER", "123456").output().expect("it can be started");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("base seed 0x704857068000"),
        "the seed of the night"
    );
    assert!(place.path().join("asl-sim-junit.xml").exists());
}

/// What cargo builds of each crate, by its features, for a command.
fn built(args: &[&str]) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--prefix", "none", "--format", "{p} {f}"]).args(args);
    let output = tree.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("there is a cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("it is text");
    text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

/// A test needed one more feature of a crate that the command is made of, and from then on that crate and all above it, the simulator
/// among them, were built twice: once for the command and once for the tests.
#[test]
fn the_command_is_built_of_the_same_for_itself_and_for_the_tests() {
    let command = built(&["--package", "asl-sim", "--edges", "normal,build"]);
    let tests = built(&["--workspace", "--edges", "normal,build,dev"]);
    let twice: Vec<&String> = command.difference(&tests).collect();
    assert!(twice.is_empty(), "built once more for the tests, with other features: {twice:#?}");
}
