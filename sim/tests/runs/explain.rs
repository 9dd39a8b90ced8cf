//! Stories of stored cases: as they read, what they say of cases that cannot be read or do not show any more what they were stored
//! for, and that being watched changes nothing.

use asl_host::env::Env;
use asl_host::{
    BlockId, Capabilities, Host, HostIdentity, HostTime, LogSeq, Record, Result, SnapshotId, Store,
    StoreLocation,
};
use asl_sim::case::Case;
use asl_sim::explain::{Explanation, Mark, explain};
use asl_sim::report::explain::text::text;
use asl_sim::target::{Target, find};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn stored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories").join(format!("{name}.json"))
}

fn explained(name: &str) -> Explanation {
    let case = Case::load(&stored(name)).expect("it can be read");
    let target = find(&case.target).expect("a built-in target");
    explain(&target, &case).1
}

/// As a terminal of so many columns shows it, without its colours.
fn plain(explanation: &Explanation, columns: usize, all: bool) -> String {
    anstream::adapter::strip_str(&text(explanation, columns, all)).to_string()
}

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
    command.args(args).env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command.output().expect("it can be started")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it is text")
}

#[test]
fn stories_read_as_they_do() {
    for name in ["name-not-synced", "bytes-left-by-no-space", "store-gone-on-btrfs", "misdirected-read"] {
        let explanation = explained(name);
        insta::assert_snapshot!(format!("{name}_80"), plain(&explanation, 80, false));
    }
    insta::assert_snapshot!("name-not-synced_100", plain(&explained("name-not-synced"), 100, false));
    insta::assert_snapshot!("name-not-synced_all", plain(&explained("name-not-synced"), 100, true));
}

#[test]
fn no_line_is_wider_than_the_terminal_and_no_word_is_broken() {
    for name in ["name-not-synced", "bytes-left-by-no-space", "store-gone-on-btrfs", "misdirected-read"] {
        let explanation = explained(name);
        for columns in [60, 72, 80, 100, 110] {
            for line in plain(&explanation, columns, true).lines() {
                // What names a whole file, or a command, stays one word.
                let is_field = line.starts_with("  files") || line.contains(" is 0000");
                assert!(is_field || line.chars().count() <= columns, "{name} at {columns}: {line}");
            }
        }
    }
}

#[test]
fn a_story_says_what_was_acknowledged_what_was_durable_and_what_came_back() {
    let explanation = explained("name-not-synced");
    let told = explanation.sentences.join("\n");
    for part in ["Record 1 was acknowledged", "nothing synced its directory (store) after that", "was lost"] {
        assert!(told.contains(part), "{part:?} in {told}");
    }
    let marks: Vec<Mark> = explanation.rows.iter().map(|row| row.mark).collect();
    let place = |mark| marks.iter().position(|&of| of == mark).expect("it is there");
    let (crash, lost) = (place(Mark::Crash), place(Mark::Lost));
    assert!(place(Mark::Acknowledged) < crash && crash < lost && lost < place(Mark::Violation));
}

#[test]
fn a_told_story_has_status_0_and_one_that_does_not_reproduce_has_5() {
    let case = stored("name-not-synced");
    let case = case.to_string_lossy();
    let told = run(&["explain", &case]);
    assert_eq!(told.status.code(), Some(0), "{}", stdout(&told));
    assert!(!stdout(&told).contains('\u{1b}'), "no escape codes where no terminal is");
    let other = run(&["explain", &case, "--target", "specimen:control"]);
    assert_eq!(other.status.code(), Some(5));
    assert!(stdout(&other).contains("append-durable was expected, and it passed"), "{}", stdout(&other));
    let json = run(&["explain", &case, "--format", "json"]);
    let object: Value = serde_json::from_str(&stdout(&json)).expect("one object");
    assert_eq!(
        (&object["type"], &object["facts"]["broken"]),
        (&"explanation".into(), &"append-durable".into())
    );
    assert_eq!(object["items"][0]["durability"]["state"], "name_at_risk");
}

#[test]
fn what_is_no_case_is_refused_as_a_replay_does() {
    let dir = tempfile::tempdir().expect("there is room");
    let whole = std::fs::read(stored("name-not-synced")).expect("it is there");
    let cut = dir.path().join("cut.json");
    std::io::Write::write_all(
        &mut std::fs::File::create(&cut).expect("it can be made"),
        &whole[..whole.len() / 2],
    )
    .expect("there is room");
    for path in [cut.to_string_lossy().as_ref(), "/nowhere", "posix", "/"] {
        let (told, replayed) = (run(&["explain", path]), run(&["replay", path]));
        assert_eq!((told.status.code(), replayed.status.code()), (Some(2), Some(2)));
        assert_eq!(told.stderr, replayed.stderr);
    }
}

/// A host whose store cannot be made: it says so in its own way.
struct Broken<E> {
    env: E,
    how: fn() -> bool,
}

struct NoStore;

impl<E: Env> Host for Broken<E> {
    type Store = NoStore;

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durability: asl_host::Durability::OnAppend,
            exclusion: asl_host::Exclusion::Refuse,
            blocks: false,
            snapshots: false,
            append_unit: 1,
            max_record_len: 1 << 20,
        }
    }

    async fn create_store(&self, _location: &StoreLocation) -> Result<NoStore> {
        self.env.sleep(std::time::Duration::from_millis(3)).await;
        assert!((self.how)(), "the shelf fell down");
        std::future::pending().await
    }

    async fn open_store(&self, _location: &StoreLocation) -> Result<NoStore> {
        std::future::pending().await
    }

    async fn destroy_store(&self, _location: &StoreLocation) -> Result<()> {
        Ok(())
    }

    async fn now(&self) -> Result<HostTime> {
        std::future::pending().await
    }

    async fn identity(&self) -> Result<HostIdentity> {
        std::future::pending().await
    }
}

#[rustfmt::skip]
impl Store for NoStore {
    async fn append(&self, _: &[u8]) -> Result<LogSeq> { unreachable!() }
    async fn append_if(&self, _: LogSeq, _: &[u8]) -> Result<LogSeq> { unreachable!() }
    async fn flush(&self) -> Result<LogSeq> { unreachable!() }
    async fn durable_upto(&self) -> Result<LogSeq> { unreachable!() }
    async fn read(&self, _: LogSeq, _: usize) -> Result<Vec<Record>> { unreachable!() }
    async fn close(&self) -> Result<()> { unreachable!() }
    async fn create_block(&self) -> Result<BlockId> { unreachable!() }
    async fn write_block(&self, _: &BlockId, _: &[u8]) -> Result<()> { unreachable!() }
    async fn seal_block(&self, _: &BlockId) -> Result<()> { unreachable!() }
    async fn read_block(&self, _: &BlockId) -> Result<Vec<u8>> { unreachable!() }
    async fn list_blocks(&self) -> Result<Vec<BlockId>> { unreachable!() }
    async fn create_snapshot(&self) -> Result<SnapshotId> { unreachable!() }
    async fn mount_snapshot(&self, _: &SnapshotId) -> Result<NoStore> { unreachable!() }
    async fn list_snapshots(&self) -> Result<Vec<SnapshotId>> { unreachable!() }
    async fn delete_snapshot(&self, _: &SnapshotId) -> Result<()> { unreachable!() }
    fn append_unit(&self) -> u32 { 1 }
}

fn story_of(how: fn() -> bool) -> String {
    let target = Target::new("broken", "it is", move |machine| Broken { env: machine.env(), how });
    let case = Case::load(&stored("name-not-synced")).expect("it can be read");
    plain(&explain(&target, &case).1, 80, false)
}

#[test]
fn a_hang_and_a_panic_have_a_story_too() {
    insta::assert_snapshot!("a_hang", story_of(|| true));
    insta::assert_snapshot!("a_panic", story_of(|| false));
}
