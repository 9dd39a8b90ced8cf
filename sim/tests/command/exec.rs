//! Hosts that are programs of their own. The one in Python keeps the contract; those below do not even keep the protocol, and
//! each of them is told of in a report, with its status, in bounded time.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

const PYTHON_HOST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/python/host.py");
const C_HOST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/c/host.c");

/// The interpreter itself. `python3` may be a script that looks for it, which takes ten times as long as the interpreter takes to start.
fn python() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| {
        let output =
            Command::new("python3").args(["-c", "import sys; print(sys.executable, end='')"]).output();
        String::from_utf8(output.expect("there is Python").stdout).expect("it is text")
    })
}

fn asl_sim(place: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
    command.args(args).current_dir(place).stdin(Stdio::null()).output().expect("it can be started")
}

fn place() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room")
}

fn write(path: &Path, text: &str) {
    let file = std::fs::File::create(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("there is room");
}

/// What `run` makes of a host that is this Python program.
fn run(program: &str, options: &[&str]) -> (Option<i32>, Vec<Value>) {
    let place = place();
    write(&place.path().join("host.py"), program);
    let mut args = vec![
        "run",
        "exec",
        "--world",
        "none",
        "--seed",
        "1",
        "--seeds",
        "1",
        "--shrink-for",
        "0",
        "--format",
        "json",
    ];
    args.extend(options);
    args.extend(["--", python(), "host.py"]);
    let output = asl_sim(place.path(), &args);
    let text = String::from_utf8(output.stdout).expect("it is text");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON"));
    (output.status.code(), lines.collect())
}

/// A host that answers `hello`, and then what these lines of Python do with each request.
fn after_hello(then: &str) -> String {
    format!(
        r#"
import json, os, sys, time
def answer(id, ok):
    print(json.dumps({{"id": id, "ok": ok}}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["op"] == "hello":
        answer(request["id"], {{"name": "bad", "capabilities": {{"durability": "append", "exclusion": "refuse",
            "snapshots": False, "blocks": False, "append_unit": 1, "max_record_len": 4096}}}})
        continue
{then}
"#
    )
}

/// The story of the violation that is told, which is one of `error-honest`.
fn violation(program: &str) -> String {
    let (status, lines) = run(program, &["--hang-timeout", "10s"]);
    assert_eq!(status, Some(10), "{lines:?}");
    let told = lines.iter().find(|line| line["type"] == "violation").expect("it is told");
    assert_eq!(told["invariant"], "error-honest");
    told["signature"].as_str().expect("a text").to_owned()
}

#[test]
fn the_host_in_python_keeps_the_contract_and_its_runs_can_be_repeated() {
    let args = [
        "run",
        "exec",
        "--world",
        "none",
        "--seed",
        "1",
        "--seeds",
        "3",
        "--format",
        "json",
        "--",
        python(),
        PYTHON_HOST,
    ];
    let place = place();
    let output = asl_sim(place.path(), &args);
    let text = String::from_utf8(output.stdout).expect("it is text");
    assert_eq!(output.status.code(), Some(0), "{text}");
    let summary: Value = serde_json::from_str(text.lines().last().expect("a summary")).expect("it is JSON");
    assert_eq!(
        (&summary["runs"], &summary["repeated"], &summary["nondeterministic"]),
        (&3.into(), &3.into(), &0.into())
    );
}

#[test]
fn a_host_that_says_what_is_no_json_is_told_of_with_the_line() {
    let place = place();
    let program = r#"print("ready to serve", flush=True); import sys; sys.stdin.read()"#;
    let args =
        ["run", "exec", "--world", "none", "--seed", "1", "--seeds", "1", "--", python(), "-c", program];
    let output = asl_sim(place.path(), &args);
    let text = String::from_utf8(output.stdout).expect("it is text");
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(text.contains("error-honest") && text.contains("ready to serve"), "{text}");
    // The case carries the program.
    let case = std::fs::read_dir(place.path().join("asl-sim-out"))
        .expect("there is one")
        .next()
        .expect("there is one");
    let case = case.expect("it can be read").path();
    let replayed = asl_sim(place.path(), &["replay", &case.to_string_lossy()]);
    let text = String::from_utf8(replayed.stdout).expect("it is text");
    assert_eq!(replayed.status.code(), Some(10), "{text}");
    assert!(text.contains("the same as in the case"), "{text}");
}

#[test]
fn a_host_that_exits_at_once_is_told_of_with_its_last_words() {
    let place = place();
    let program = r#"import sys; sys.exit("no disk, no fun")"#;
    let args =
        ["run", "exec", "--world", "none", "--seed", "1", "--seeds", "1", "--", python(), "-c", program];
    let output = asl_sim(place.path(), &args);
    let text = String::from_utf8(output.stdout).expect("it is text");
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(text.contains("exited unasked") && text.contains("no disk, no fun"), "{text}");
}

#[test]
fn a_host_that_lies_is_told_of() {
    violation(&after_hello("    answer(4711, {})"));
    violation(&after_hello("    answer(request['id'], {'store': 'one'})"));
    violation(&after_hello("    answer(request['id'], {'store': 1}); answer(request['id'], {'store': 1})"));
    violation(&after_hello(
        "    print(json.dumps({'id': request['id'], 'err': {'code': 'ENOENT'}}), flush=True)",
    ));
    violation(&after_hello("    os._exit(3)"));
}

#[test]
fn a_host_that_floods_is_ended() {
    violation(&after_hello("    while True: print('{}', flush=True)"));
    violation("import sys\nwhile True: sys.stdout.write('x' * 65536)");
    violation(&after_hello("    print('\"' + 'x' * (17 << 20) + '\"', flush=True); time.sleep(60)"));
}

#[test]
fn a_host_that_is_silent_hangs_and_is_ended() {
    for program in [
        after_hello("    time.sleep(600)"),
        "import time; time.sleep(600)".to_owned(),
        // It never reads either.
        "import signal; signal.pause()".to_owned(),
    ] {
        let (status, lines) = run(&program, &["--hang-timeout", "300ms"]);
        assert_eq!(status, Some(11), "{lines:?}");
        assert!(lines.iter().any(|line| line["type"] == "hang"), "{lines:?}");
    }
}

#[test]
fn what_a_host_does_not_offer_is_not_asked_for() {
    // A host that would end the run if it was asked for a block or a snapshot.
    let place = place();
    let text = std::fs::read_to_string(PYTHON_HOST).expect("it is there");
    let text = text
        .replace("\"blocks\": True", "\"blocks\": False")
        .replace("\"snapshots\": True", "\"snapshots\": False");
    let text = text.replace("        self.check()\n        name = new_id()", "        os._exit(1)");
    write(&place.path().join("host.py"), &text);
    let args = ["run", "exec", "--world", "none", "--seed", "1", "--seeds", "4", "--", python(), "host.py"];
    let output = asl_sim(place.path(), &args);
    let text = String::from_utf8(output.stdout).expect("it is text");
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains("snapshot-frozen"), "{text}");
}

#[test]
fn what_cannot_be_started_or_is_not_built_is_wrong_usage() {
    let place = place();
    for (args, part) in [
        (&["run", "exec", "--", "./not-there"] as &[&str], "cannot start the program"),
        (&["run", "exec"], "needs a program"),
        (&["run", "exec", "--world", "moon", "--", "true"], "there are fuse, preload, none"),
        (&["run", "posix", "--", "true"], "go with the target exec"),
        (&["run", "exec", "--hang-timeout", "soon", "--", "true"], "a time is expected"),
    ] {
        let output = asl_sim(place.path(), args);
        let said = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    }
}

/// The processes whose command line has this word in it.
fn processes_with(word: &str) -> Vec<PathBuf> {
    let all =
        std::fs::read_dir("/proc").expect("it is there").filter_map(Result::ok).map(|entry| entry.path());
    all.filter(|path| {
        let line = std::fs::read(path.join("cmdline")).unwrap_or_default();
        line.windows(word.len()).any(|part| part == word.as_bytes())
    })
    .collect()
}

#[expect(clippy::disallowed_methods, reason = "processes end in the time of this world")]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what} has not come");
}

#[test]
fn no_process_and_no_directory_outlives_a_simulator_that_is_killed() {
    let place = place();
    let word = format!("outlives-{}", std::process::id());
    // It ignores the end of its input, as no host should, and has a child.
    let program =
        after_hello("    os.fork() or time.sleep(600)\n    open('forked', 'w')\n    time.sleep(600)");
    write(&place.path().join("host.py"), &program);
    let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
    command.args([
        "run",
        "exec",
        "--world",
        "none",
        "--jobs",
        "1",
        "--check-determinism",
        "off",
        "--",
        python(),
        "host.py",
        &word,
    ]);
    let temporary = place.path().join("temporary");
    std::fs::create_dir(&temporary).expect("there is room");
    let mut simulator = command
        .current_dir(place.path())
        .env("TMPDIR", &temporary)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    // Once this stood on the number of processes, and scripts that start Python made it up before the host had a child; that it was
    // not killed by /bin/sh, whose `kill` did not understand what it was told, went unnoticed.
    wait_until("a host with its child", || place.path().join("forked").exists());
    simulator.kill().expect("it is ours");
    simulator.wait().expect("it was killed");
    wait_until("the end of all of them", || processes_with(&word).is_empty());
    let left = || std::fs::read_dir(&temporary).expect("it is there").count();
    wait_until("the end of their directories", || left() == 0);
}

/// Whether there is a world to mount here; without it the tests that need one say so.
fn can_mount() -> bool {
    let place = place();
    let output = asl_sim(
        place.path(),
        &["run", "exec", "--seeds", "1", "--seed", "1", "--ops", "0", "--", python(), PYTHON_HOST],
    );
    let missing = output.status.code() == Some(13);
    if missing {
        eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
    }
    !missing
}

/// A host that is an example, to have a bug planted in it.
#[derive(Clone, Copy)]
enum Example {
    Python,
    C,
}

impl Example {
    fn source(self) -> &'static Path {
        Path::new(match self {
            Example::Python => PYTHON_HOST,
            Example::C => C_HOST,
        })
    }

    /// Puts this program where it can be run, and says how.
    fn install(self, text: &str, place: &Path) -> String {
        match self {
            Example::Python => {
                write(&place.join("host.py"), text);
                format!("{} -S host.py", python())
            }
            Example::C => {
                write(&place.join("host.c"), text);
                compile(place, "host.c");
                "./host".to_owned()
            }
        }
    }

    /// With this in the place of that it is found out within so many runs, made small, and replayed. What it breaks first depends on
    /// where the bug bites.
    fn is_found_out(self, that: &str, this: &str, faults: &str) {
        let text = std::fs::read_to_string(self.source()).expect("it is there");
        assert_eq!(text.matches(that).count(), 1, "it stands there once: {that}");
        let text = text.replace(that, this);
        for world in worlds() {
            let place = place();
            let command = self.install(&text, place.path());
            is_found_out_in(place.path(), world, faults, &command);
        }
    }
}

fn compile(place: &Path, source: &str) {
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o", "host", source]).current_dir(place);
    assert!(compiler.status().expect("there is a compiler").success());
}

/// The worlds in which calls of files are simulated, as far as they can be had here.
fn worlds() -> Vec<&'static str> {
    if can_mount() { vec!["fuse", "preload"] } else { vec!["preload"] }
}

fn is_found_out_in(place: &Path, world: &str, faults: &str, command: &str) {
    let words = format!(
        "run exec --world {world} --seed 1 --seeds 200 --shrink-for 1s --format json --faults {faults} -- {command}"
    );
    let output = asl_sim(place, &words.split(' ').collect::<Vec<_>>());
    let text = String::from_utf8(output.stdout).expect("it is text");
    assert_eq!(output.status.code(), Some(10), "{text}");
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"));
    let told = lines.find(|line| line["type"] == "violation").expect("it is told");
    assert!(told["ops"].as_u64() <= told["ops_before"].as_u64(), "{told}");
    let case = told["case"].as_str().expect("it was stored");
    let replayed = asl_sim(place, &["replay", case]);
    let text = String::from_utf8(replayed.stdout).expect("it is text");
    assert_eq!(replayed.status.code(), Some(10), "{text}");
    assert!(text.contains("the same as in the case"), "{text}");
}

#[test]
fn the_host_in_python_without_an_fsync_is_found_out() {
    let without = "        write_all(self.log, data, self.end)\n";
    Example::Python.is_found_out(&format!("{without}        sync(self.log)\n"), without, "crash");
}

#[test]
fn the_host_in_python_without_an_fsync_of_a_directory_is_found_out() {
    let without = "    retried(os.rename, aside, path)\n";
    Example::Python.is_found_out(
        &format!("{without}    sync_dir(os.path.dirname(path))\n"),
        without,
        "crash",
    );
}

#[test]
fn the_host_in_python_that_takes_each_write_for_whole_is_found_out() {
    let that = "    while data:\n        count = retried(os.pwrite, fd, data, offset)\n        \
                data, offset = data[count:], offset + count\n";
    Example::Python.is_found_out(that, "    retried(os.pwrite, fd, data, offset)\n", "short-write");
}

#[test]
fn the_host_in_python_that_numbers_its_blocks_again_is_found_out() {
    let create = "    def create_block(self):\n        self.check()\n        name = ";
    let this = format!("{create}str(len(os.listdir(self.path + \"/blocks\")))\n");
    Example::Python.is_found_out(&format!("{create}new_id()\n"), &this, "crash");
}

#[test]
fn the_host_in_c_without_an_fsync_is_found_out() {
    let without = "    Kind kind = write_all(store->log, head, frame, (off_t)store->end);\n";
    let that = format!("{without}    if (kind == OK && RETRIED(fsync(store->log)) < 0) kind = of_errno();\n");
    Example::C.is_found_out(&that, without, "crash");
}

#[test]
fn the_host_in_c_without_an_fsync_of_a_directory_is_found_out() {
    let renamed = "RETRIED(rename(aside, path)) < 0) kind = of_errno();\n    return kind";
    let that = format!("{renamed} == OK ? sync_parent(path) : kind;");
    Example::C.is_found_out(&that, &format!("{renamed};"), "crash");
}

#[test]
fn the_host_in_c_that_takes_each_write_for_whole_is_found_out() {
    let that = "data += count, len -= (size_t)count, offset += count;";
    Example::C.is_found_out(that, "len = 0;", "short-write");
}

#[test]
fn the_host_in_c_that_numbers_its_records_again_after_a_restart_is_found_out() {
    let that = "uint64_t seq = store->count + 1;\n    memcpy";
    let this = "static uint64_t appended;\n    uint64_t seq = ++appended;\n    memcpy";
    Example::C.is_found_out(that, this, "crash");
}

#[test]
fn the_hosts_that_are_examples_keep_the_contract_in_the_simulated_file_system() {
    let place = place();
    compile(place.path(), C_HOST);
    for world in worlds() {
        for (seeds, program) in [("40", &["./host"] as &[&str]), ("6", &[python(), "-S", PYTHON_HOST])] {
            let mut args = vec!["run", "exec", "--world", world, "--seed", "1", "--seeds", seeds, "--"];
            args.extend(program);
            let output = asl_sim(place.path(), &args);
            let text = String::from_utf8(output.stdout).expect("it is text");
            assert_eq!(output.status.code(), Some(0), "{world}: {text}");
        }
    }
}
