//! `asl-sim mount` as programs see it: what they do on a real disk works there too, a loss of power takes what was not synced
//! and nothing else, and no end of the simulator leaves a mount behind.
//!
//! Where nothing can be mounted the tests are ignored, by name.

use asl_sim::fuse::available;
use libtest_mimic::{Arguments, Failed, Trial};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

type Test = fn();

const TESTS: &[(&str, Test)] = &[
    ("programs_that_copy_move_link_and_find_work", programs_that_copy_move_link_and_find_work),
    ("git_keeps_a_repository_there", git_keeps_a_repository_there),
    ("sqlite_keeps_a_database_there_in_wal_mode", sqlite_keeps_a_database_there_in_wal_mode),
    ("sqlite_finds_its_database_sound_after_each_crash", sqlite_is_sound_after_crashes),
    ("a_crash_loses_what_was_not_synced_and_keeps_what_was", a_crash_loses_what_was_not_synced),
    ("a_failed_fsync_is_reported_once", a_failed_fsync_is_reported_once),
    ("an_unlinked_file_lives_as_long_as_it_is_open", an_unlinked_file_lives_as_long_as_it_is_open),
    ("appends_of_two_descriptors_do_not_overwrite_each_other", appends_do_not_overwrite_each_other),
    ("pipes_sockets_and_devices_have_names_there", pipes_sockets_and_devices_have_names_there),
    ("a_name_of_more_than_255_bytes_is_refused", a_long_name_is_refused),
    ("a_large_directory_is_listed_whole", a_large_directory_is_listed_whole),
    ("a_descriptor_from_before_a_crash_is_dead", a_descriptor_from_before_a_crash_is_dead),
    ("the_simulator_killed_by_sigkill_leaves_no_mount", the_simulator_killed_leaves_no_mount),
    ("a_signal_to_end_unmounts_and_so_does_umount", a_signal_to_end_unmounts),
    ("without_dev_fuse_the_status_is_13_and_the_error_a_line", without_dev_fuse_the_status_is_13),
];

fn main() -> ExitCode {
    let can = available();
    if let Err(why) = can {
        eprintln!("all tests of the mount are ignored: {why}");
    }
    let trial = |(name, test): &(&str, Test)| {
        let test = *test;
        Trial::test(*name, move || {
            test();
            Result::<(), Failed>::Ok(())
        })
        .with_ignored_flag(can.is_err())
    };
    libtest_mimic::run(&Arguments::from_args(), TESTS.iter().map(trial).collect()).exit_code()
}

/// A mount, and the process that serves it.
struct Mounted {
    child: Child,
    dir: PathBuf,
    control: PathBuf,
    place: TempDir,
}

impl Mounted {
    fn new(seed: u64) -> Mounted {
        Mounted::with(seed, "posix")
    }

    fn with(seed: u64, profile: &str) -> Mounted {
        let place = tempfile::tempdir().expect("there is room");
        let (dir, control) = (place.path().join("a b"), place.path().join("control"));
        fs::create_dir(&dir).expect("it is new");
        let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
        command.arg("mount").arg(&dir).args(["--seed", &seed.to_string(), "--profile", profile]);
        command.arg("--control").arg(&control).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it can be started");
        let mut told = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut told).expect("it tells");
        assert!(told.contains("mounted"), "{told}");
        Mounted { child, dir, control, place }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The answer to a command.
    fn ask(&self, command: &str) -> serde_json::Value {
        let mut stream = UnixStream::connect(&self.control).expect("it listens");
        writeln!(stream, "{command}").expect("it reads");
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).expect("it answers");
        serde_json::from_str(&answer).expect("it is JSON")
    }

    fn crash(&self) {
        let answer = self.ask("crash");
        assert_eq!(answer["ok"], true, "{answer}");
    }

    /// Runs a script in the mount; it must succeed.
    fn shell(&self, script: &str) -> String {
        run(Command::new("sh").args(["-euc", script]).current_dir(&self.dir))
    }

    fn python(&self, script: &str) -> String {
        run(Command::new("python3").args(["-c", script]).current_dir(&self.dir))
    }

    fn end(&mut self, signal: &str) {
        run(Command::new("kill").arg(signal).arg(self.child.id().to_string()));
        self.child.wait().expect("it ends");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.end("-TERM");
        }
    }
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("it can be started");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
    out.into_owned()
}

/// Waits for what comes soon.
#[track_caller]
fn soon(what: &str, is_so: impl Fn() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "the other process lives in real time")]
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(10), "{what}");
        #[expect(clippy::disallowed_methods, reason = "the other process lives in real time")]
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_mounted(dir: &Path) -> bool {
    let table = fs::read_to_string("/proc/self/mountinfo").expect("it can be read");
    let dir = dir.to_str().expect("it is text").replace(' ', "\\040");
    table.lines().any(|line| line.split(' ').nth(4) == Some(&dir))
}

fn write_synced(path: &Path, bytes: &[u8]) {
    let mut file = File::create(path).expect("it can be made");
    file.write_all(bytes).expect("it can be written");
    file.sync_all().expect("it can be synced");
    let parent = path.parent().expect("it has one");
    File::open(parent).and_then(|dir| dir.sync_all()).expect("it can be synced");
}

fn programs_that_copy_move_link_and_find_work() {
    let mounted = Mounted::new(1);
    let told = mounted.shell(
        "seq 1 20000 > numbers; cp numbers copy; cmp numbers copy; mkdir -p d/e; mv copy d/e/moved; ln -s d/e/moved soft
         ln numbers hard; cmp soft numbers; chmod 600 hard; stat -c '%a %h' numbers; readlink soft
         dd if=/dev/zero of=zeros bs=64k count=40 conv=fsync 2>/dev/null; stat -c %s zeros; truncate -s 5 zeros
         fallocate -l 1M zeros; stat -c %s zeros; cp -a d d2; diff -r d d2; touch -d '2020-01-02 03:04:05 UTC' numbers
         find . -type f -newermt 2026-01-01 | sort; rm -r d; tar cf all.tar d2; tar tf all.tar; stat -c %Y numbers",
    );
    let wanted = "600 2\nd/e/moved\n2621440\n1048576\n./d/e/moved\n./d2/e/moved\n./zeros\nd2/\nd2/e/\nd2/e/moved\n1577934245\n";
    assert_eq!(told, wanted);
}

fn git_keeps_a_repository_there() {
    let mounted = Mounted::new(2);
    let told = mounted.shell(
        "git init -q r; cd r; git config user.name n; git config user.email e; seq 1 500 > f; git add f; git commit -qm one
         seq 1 400 > f; git commit -qam two; git gc -q; git fsck --strict 2>&1; git log --format=%s",
    );
    assert_eq!(told, "two\none\n");
}

const DATABASE: &str = "
import sqlite3
c = sqlite3.connect('db')
assert c.execute('pragma journal_mode=wal').fetchone() == ('wal',)
c.execute('pragma synchronous=full')
c.execute('create table if not exists t(a integer primary key, b)')
";

fn sqlite_keeps_a_database_there_in_wal_mode() {
    let mounted = Mounted::new(3);
    let told = mounted.python(&format!(
        "{DATABASE}
for i in range(100):
    c.execute('insert into t(b) values(?)', (str(i) * 50,)); c.commit()
other = sqlite3.connect('db')
print(other.execute('select count(*) from t').fetchone(), c.execute('pragma integrity_check').fetchone())"
    ));
    assert_eq!(told, "(100,) ('ok',)\n");
}

/// With `synchronous=FULL` what was committed is there after every crash, in the weakest profile too. How many crashes there are
/// says `ASL_SQLITE_CRASHES`.
fn sqlite_is_sound_after_crashes() {
    let crashes =
        std::env::var("ASL_SQLITE_CRASHES").map_or(50, |text| text.parse().expect("it is a number"));
    let mounted = Mounted::new(4);
    let script = format!(
        "
import os, signal, socket
s = socket.socket(socket.AF_UNIX); s.connect({:?}); control = s.makefile('rw')
dir = os.getcwd()
def live(crash, expected, told):
    os.chdir(dir)
    {}
    if crash == 0:
        os.fsync(os.open('.', os.O_RDONLY))
    check = c.execute('pragma integrity_check').fetchone()
    count = c.execute('select count(*) from t').fetchone()[0]
    assert check == ('ok',) and expected <= count <= expected + 1, (crash, expected, count, check)
    for i in range(crash % 7 + 1):
        c.execute('insert into t(b) values(?)', ('x' * (100 + 37 * crash % 3000),)); c.commit()
        count += 1
    c.execute('insert into t(b) values(?)', ('never committed',))
    os.write(told, str(count).encode())
    os.kill(os.getpid(), signal.SIGKILL)
expected = 0
os.chdir('/')
for crash in range({crashes}):
    read, told = os.pipe()
    child = os.fork()
    if child == 0:
        live(crash, expected, told)
    os.waitpid(child, 0)
    os.close(told)
    expected = int(os.read(read, 100))
    os.close(read)
    control.write('crash\\n'); control.flush()
    assert '\"ok\":true' in control.readline()
print(expected)",
        mounted.control.display().to_string(),
        DATABASE.trim().replace('\n', "\n    ")
    );
    let told = mounted.python(&script);
    let committed: u64 = (0..crashes).map(|crash| crash % 7 + 1).sum();
    let found: u64 = told.trim().parse().expect("it is a number");
    // A transaction that was in flight may have been committed all the same.
    assert!(
        (committed..=committed + crashes).contains(&found),
        "{found} rows, and {committed} were committed"
    );
    assert_eq!(mounted.ask("stats")["crashes"], crashes);
}

/// They were refused with EPERM, so that no program with a socket in its directory could be run there.
fn pipes_sockets_and_devices_have_names_there() {
    let mounted = Mounted::new(5);
    let told = mounted.shell("mkfifo pipe; (echo through > pipe &); cat pipe; stat -c '%F %a' pipe; mknod zero c 1 5; stat -c '%F %Hr %Lr' zero");
    assert_eq!(told, "through\nfifo 644\ncharacter special file 1 5\n");
    let told = mounted.python(
        "
import os, socket
server = socket.socket(socket.AF_UNIX); server.bind('socket'); server.listen()
client = socket.socket(socket.AF_UNIX); client.connect('socket'); client.send(b'through')
print(server.accept()[0].recv(9).decode(), oct(os.stat('socket').st_mode >> 12))
os.fsync(os.open('.', os.O_RDONLY))",
    );
    assert_eq!(told, "through 0o14\n");
    mounted.crash();
    let told = mounted.shell("stat -c '%n %F %Hr %Lr' *");
    assert_eq!(told, "pipe fifo 0 0\nsocket socket 0 0\nzero character special file 1 5\n");
}

/// statfs(2) said 255, and longer names were taken all the same.
fn a_long_name_is_refused() {
    let mounted = Mounted::new(6);
    let told = mounted.python(
        "
import errno, os
longest, longer = 'n' * 255, 'n' * 256
open(longest, 'x')
for call in (lambda: open(longer, 'x'), lambda: os.mkdir(longer), lambda: os.rename(longest, longer), lambda: os.stat(longer),
             lambda: os.link(longest, longer), lambda: os.symlink(longest, longer), lambda: os.unlink(longer)):
    try: call()
    except OSError as error: print(errno.errorcode[error.errno])
print(os.listdir() == [longest])",
    );
    assert_eq!(told, "ENAMETOOLONG\n".repeat(7) + "True\n");
}

/// Any set of what was not synced may be lost: over some seeds, a file is lost whole, its name only or its content only.
fn a_crash_loses_what_was_not_synced() {
    let mut outcomes = Vec::new();
    for seed in 0..24 {
        let mounted = Mounted::new(seed);
        write_synced(&mounted.path("synced"), b"stays");
        let mut unsynced = File::create(mounted.path("unsynced")).expect("it can be made");
        unsynced.write_all(&[b'u'; 512]).expect("it can be written");
        drop(unsynced);
        symlink("synced", mounted.path("link")).expect("it is new");
        mounted.crash();
        assert_eq!(fs::read(mounted.path("synced")).expect("it is there"), b"stays");
        let left = fs::read(mounted.path("unsynced"));
        outcomes.push(match left {
            Err(_) => "no name",
            Ok(bytes) if bytes == [b'u'; 512] => "whole",
            Ok(_) => "damaged",
        });
        if let Ok(target) = fs::read_link(mounted.path("link")) {
            assert_eq!(target, Path::new("synced"));
        }
    }
    for outcome in ["no name", "whole", "damaged"] {
        assert!(outcomes.contains(&outcome), "{outcome}: {outcomes:?}");
    }
}

fn a_failed_fsync_is_reported_once() {
    let mounted = Mounted::new(5);
    let file = File::create(mounted.path("f")).expect("it can be made");
    file.write_at(b"lost", 0).expect("it can be written");
    assert_eq!(mounted.ask("fail next fsync")["ok"], true);
    assert_eq!(file.sync_data().expect_err("it fails").raw_os_error(), Some(5));
    file.sync_data().expect("it has been told");
    assert_eq!(mounted.ask("stats")["failed"], 1);
    let refused = mounted.ask("fail next dance");
    assert_eq!(refused["ok"], false, "{refused}");
}

fn an_unlinked_file_lives_as_long_as_it_is_open() {
    let mounted = Mounted::new(6);
    let path = mounted.path("f");
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).expect("it is new");
    file.write_at(b"here", 0).expect("it can be written");
    fs::remove_file(&path).expect("it is there");
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, 0).expect("it lives");
    assert_eq!((&bytes, file.metadata().expect("it lives").nlink()), (b"here", 0));
    assert!(!path.exists());
}

fn appends_do_not_overwrite_each_other() {
    let mounted = Mounted::new(7);
    let open =
        || OpenOptions::new().append(true).create(true).open(mounted.path("log")).expect("it can be opened");
    let (mut one, mut other) = (open(), open());
    for _ in 0..100 {
        one.write_all(b"1").expect("it can be written");
        other.write_all(b"2").expect("it can be written");
    }
    assert_eq!(fs::read(mounted.path("log")).expect("it is there"), b"12".repeat(100));
}

fn a_large_directory_is_listed_whole() {
    let mounted = Mounted::new(8);
    mounted.python("for i in range(10000): open(f'file number {i}', 'w').close()");
    let mut names: Vec<_> = fs::read_dir(&mounted.dir)
        .expect("it can be listed")
        .map(|entry| entry.expect("it can be read").file_name())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 10_000);
    mounted.shell("rm -f file*[13579]; : > n; ls | wc -l > n; grep -qx 5001 n");
}

fn a_descriptor_from_before_a_crash_is_dead() {
    let mounted = Mounted::new(9);
    let file = File::create(mounted.path("f")).expect("it can be made");
    mounted.crash();
    assert_eq!(file.write_at(b"x", 0).expect_err("it is dead").raw_os_error(), Some(5));
    write_synced(&mounted.path("g"), b"new");
}

fn the_simulator_killed_leaves_no_mount() {
    let mut mounted = Mounted::new(10);
    write_synced(&mounted.path("f"), b"x");
    assert!(is_mounted(&mounted.dir));
    mounted.end("-KILL");
    soon("it is unmounted", || !is_mounted(&mounted.dir));
    assert_eq!(fs::read_dir(&mounted.dir).expect("it can be used").count(), 0);
    fs::remove_dir(&mounted.dir).expect("it is an empty directory like any other");
}

fn a_signal_to_end_unmounts() {
    for signal in ["-TERM", "-INT"] {
        let mut mounted = Mounted::new(11);
        mounted.end(signal);
        assert!(!is_mounted(&mounted.dir) && !mounted.control.exists());
    }
    let mut mounted = Mounted::new(12);
    run(Command::new("umount").arg(&mounted.dir));
    assert!(mounted.child.wait().expect("it ends").success());
    assert_eq!(fs::read_dir(mounted.place.path()).expect("it is there").count(), 1);
}

fn without_dev_fuse_the_status_is_13() {
    let dir = tempfile::tempdir().expect("there is room");
    let script = format!(
        "mount -t tmpfs none /dev && exec {:?} mount {:?}",
        env!("CARGO_BIN_EXE_asl-sim"),
        dir.path().display().to_string()
    );
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output();
    let output = output.expect("it can be started");
    assert_eq!(output.status.code(), Some(13));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.starts_with("error: cannot mount over") && told.contains("there is no /dev/fuse"), "{told}");
}
