//! Small programs with exactly the crash states that the model says: each test asserts the *whole* set.
//!
//! A program runs on an empty file system, the power goes, and everything is read back under every combination of
//! decisions. A state is written as the names that are there with what they hold.

use super::{Fill, Fs, Ino, Surface};
use crate::base::decide::{Address, Decider, Decisions, Question};
use crate::media::Profile;
use asl_host::fs::OpenMode;
use std::collections::BTreeSet;

const SECTOR: usize = 512;

/// A program's hold on the file system.
struct Machine {
    fs: Fs,
    decide: Decider,
    files: u32,
}

impl Machine {
    fn new(decisions: Decisions, fill: Fill) -> Machine {
        Machine::deciding(Decider::replaying(decisions), fill)
    }

    fn deciding(decide: Decider, fill: Fill) -> Machine {
        Machine { fs: Fs::new(Profile::Posix, Surface::new(SECTOR as u32, fill)), decide, files: 0 }
    }

    fn create(&mut self, path: &str) -> Ino {
        self.files += 1;
        self.fs.open(path, OpenMode::Create, self.files, &mut self.decide).expect("a valid path").0
    }

    fn mkdir(&mut self, path: &str) {
        self.files += 1;
        self.fs.create_dir(path, self.files, &mut self.decide).expect("a valid path");
    }

    /// Fills sectors with a letter.
    fn write(&mut self, ino: Ino, sector: usize, sectors: usize, letter: u8) {
        let data = vec![letter; sectors * SECTOR];
        let count =
            self.fs.write(ino, &data, (sector * SECTOR) as u64, &mut self.decide).expect("there is space");
        assert_eq!(count, data.len());
    }

    fn set_len(&mut self, ino: Ino, sectors: usize) {
        self.fs.set_len(ino, (sectors * SECTOR) as u64, &mut self.decide).expect("it is a file");
    }

    fn fsync(&mut self, ino: Ino) {
        let mark = self.fs.mark();
        self.fs.sync(ino, mark, false);
    }

    fn fdatasync(&mut self, ino: Ino) {
        let mark = self.fs.mark();
        self.fs.sync(ino, mark, true);
    }

    fn fsync_dir(&mut self, path: &str) {
        let ino = self.fs.dir_at(path, &mut self.decide).expect("it is a directory");
        self.fsync(ino);
    }

    fn rename(&mut self, from: &str, to: &str) {
        self.fs.rename(from, to, &mut self.decide).expect("it is there");
    }

    fn unlink(&mut self, path: &str) {
        self.fs.unlink(path, &mut self.decide).expect("it is there");
    }

    fn link(&mut self, original: &str, link: &str) {
        self.fs.link(original, link, &mut self.decide).expect("it is there");
    }

    /// Everything below the root: `name=content`, a letter for each sector, `.` for zeros, `?` for anything else.
    fn state(&mut self) -> String {
        let mut found = Vec::new();
        self.look("", &mut found);
        found.join(" ")
    }

    fn look(&mut self, dir: &str, found: &mut Vec<String>) {
        for name in self.fs.read_dir(&format!("/{dir}"), &mut self.decide).expect("it is a directory") {
            let path = format!("{dir}{name}");
            let metadata = self.fs.metadata_at(&path, &mut self.decide).expect("it was listed");
            if metadata.is_dir {
                found.push(format!("{path}/"));
                self.look(&format!("{path}/"), found);
                continue;
            }
            let mut content = vec![0; metadata.len as usize];
            let count =
                self.fs.read(metadata.inode as Ino, &mut content, 0, &mut self.decide).expect("it is a file");
            assert_eq!(count, content.len());
            let letters: String = content.chunks(SECTOR).map(letter_of).collect();
            found.push(format!("{path}={letters}"));
        }
    }
}

fn letter_of(sector: &[u8]) -> char {
    match sector {
        [0, ..] if sector.iter().all(|&byte| byte == 0) => '.',
        [first, ..] if sector.iter().all(|byte| byte == first) => char::from(*first),
        _ => '?',
    }
}

/// The states in which a power loss after the program can leave the file system, and how many combinations of decisions
/// lead to them.
fn crash_states(fill: Fill, program: impl Fn(&mut Machine)) -> (BTreeSet<String>, usize) {
    let mut states = BTreeSet::new();
    let mut next = Some(Decider::replaying(Decisions::new()).trailing());
    let mut combinations = 0;
    while let Some(decide) = next {
        combinations += 1;
        let mut machine = Machine::deciding(decide, fill);
        program(&mut machine);
        machine.fs.power_loss(1, &mut machine.decide);
        states.insert(machine.state());
        next = machine.decide.next();
    }
    (states, combinations)
}

#[track_caller]
fn assert_states(program: impl Fn(&mut Machine), expected: &[&str]) {
    let (states, _) = crash_states(Fill::Zeros, program);
    let expected: BTreeSet<String> = expected.iter().map(|&state| state.to_owned()).collect();
    assert_eq!(states, expected);
}

/// A durable file of four sectors.
fn durable(machine: &mut Machine) -> Ino {
    let file = machine.create("/f");
    machine.write(file, 0, 4, b'a');
    machine.fsync(file);
    machine.fsync_dir("/");
    file
}

#[test]
fn an_unsynced_overwrite_of_four_blocks_has_sixteen_states() {
    let program = |machine: &mut Machine| {
        let file = durable(machine);
        machine.write(file, 0, 4, b'b');
    };
    let (states, combinations) = crash_states(Fill::Zeros, program);
    let expected: BTreeSet<String> = (0..16)
        .map(|bits| {
            let letters: String =
                (0..4).map(|sector| if bits >> sector & 1 == 1 { 'b' } else { 'a' }).collect();
            format!("f={letters}")
        })
        .collect();
    assert_eq!((states, combinations), (expected, 16));
}

#[test]
fn a_synced_overwrite_has_one_state() {
    assert_states(
        |machine| {
            let file = durable(machine);
            machine.write(file, 0, 4, b'b');
            machine.fdatasync(file);
        },
        &["f=bbbb"],
    );
}

#[test]
fn a_sector_written_twice_may_be_any_of_its_versions() {
    assert_states(
        |machine| {
            let file = durable(machine);
            machine.write(file, 1, 1, b'b');
            machine.write(file, 1, 1, b'c');
        },
        &["f=aaaa", "f=abaa", "f=acaa"],
    );
}

#[test]
fn an_unsynced_append_may_have_its_size_without_its_data() {
    assert_states(
        |machine| {
            let file = durable(machine);
            machine.write(file, 4, 2, b'b');
        },
        &["f=aaaa", "f=aaaa..", "f=aaaab.", "f=aaaa.b", "f=aaaabb"],
    );
}

#[test]
fn sizes_between_two_writes_are_states_too() {
    assert_states(
        |machine| {
            let file = durable(machine);
            machine.write(file, 4, 1, b'b');
            machine.write(file, 5, 1, b'c');
        },
        &["f=aaaa", "f=aaaa.", "f=aaaab", "f=aaaa..", "f=aaaab.", "f=aaaa.c", "f=aaaabc"],
    );
}

#[test]
fn lost_sectors_are_filled_as_the_medium_has_it() {
    let program = |machine: &mut Machine| {
        let file = durable(machine);
        machine.write(file, 4, 1, b'b');
    };
    let states = |fill| crash_states(fill, program).0.into_iter().collect::<Vec<_>>();
    assert_eq!(states(Fill::Zeros), ["f=aaaa", "f=aaaa.", "f=aaaab"]);
    assert_eq!(states(Fill::Garbage), ["f=aaaa", "f=aaaa?", "f=aaaab"]);
    // The lost sector itself is the only old one there is.
    assert_eq!(states(Fill::Mixed).len(), 4);
    let recycled = |machine: &mut Machine| {
        let old = machine.create("/old");
        machine.write(old, 0, 1, b'z');
        machine.fsync(old);
        machine.unlink("/old");
        program(machine);
    };
    let found = crash_states(Fill::Stale, recycled).0;
    assert!(found.contains("f=aaaaz"), "{found:?}");
}

#[test]
fn create_write_rename_fsync_in_each_order() {
    // Right: the file before the rename, the directory after it.
    assert_states(
        |machine| {
            let file = machine.create("/tmp");
            machine.write(file, 0, 1, b'n');
            machine.fsync(file);
            machine.rename("/tmp", "/f");
            machine.fsync_dir("/");
        },
        &["f=n"],
    );
    // The directory was not synced: neither name, the old one, or the new one; never both.
    assert_states(
        |machine| {
            let file = machine.create("/tmp");
            machine.write(file, 0, 1, b'n');
            machine.fsync(file);
            machine.rename("/tmp", "/f");
        },
        &["", "tmp=n", "f=n"],
    );
    // The file was not synced: its new name may hold anything.
    assert_states(
        |machine| {
            let file = machine.create("/tmp");
            machine.write(file, 0, 1, b'n');
            machine.rename("/tmp", "/f");
            machine.fsync_dir("/");
        },
        &["f=", "f=.", "f=n"],
    );
    // The directory was synced before the rename: the rename may be lost.
    assert_states(
        |machine| {
            let file = machine.create("/tmp");
            machine.write(file, 0, 1, b'n');
            machine.fsync(file);
            machine.fsync_dir("/");
            machine.rename("/tmp", "/f");
        },
        &["tmp=n", "f=n"],
    );
}

#[test]
fn a_rename_over_a_file_leaves_the_old_one_or_the_new_one() {
    assert_states(
        |machine| {
            durable(machine);
            let file = machine.create("/tmp");
            machine.write(file, 0, 1, b'n');
            machine.fsync(file);
            machine.fsync_dir("/");
            machine.rename("/tmp", "/f");
        },
        &["f=aaaa tmp=n", "f=n"],
    );
}

#[test]
fn two_names_and_one_inode_share_its_data() {
    assert_states(
        |machine| {
            let file = durable(machine);
            machine.link("/f", "/g");
            machine.write(file, 0, 1, b'b');
        },
        &["f=aaaa", "f=baaa", "f=aaaa g=aaaa", "f=baaa g=baaa"],
    );
    assert_states(
        |machine| {
            durable(machine);
            machine.link("/f", "/g");
            machine.unlink("/f");
        },
        &["", "f=aaaa", "f=aaaa g=aaaa", "g=aaaa"],
    );
}

#[test]
fn data_synced_through_one_name_is_durable_under_the_other() {
    assert_states(
        |machine| {
            let file = machine.create("/tmp");
            machine.write(file, 0, 1, b'n');
            machine.rename("/tmp", "/f");
            machine.fsync(file);
            machine.fsync_dir("/");
        },
        &["f=n"],
    );
}

#[test]
fn truncate_then_extend() {
    assert_states(
        |machine| {
            let file = durable(machine);
            machine.set_len(file, 2);
            machine.set_len(file, 3);
        },
        &["f=aa", "f=aaa", "f=aa.", "f=aaaa", "f=aaa.", "f=aa.a", "f=aa.."],
    );
    assert_states(
        |machine| {
            let file = durable(machine);
            machine.set_len(file, 2);
            machine.set_len(file, 3);
            machine.fsync(file);
        },
        &["f=aa."],
    );
}

#[test]
fn a_cut_needs_fsync_and_fdatasync_is_not_enough() {
    let cut = |machine: &mut Machine| {
        let file = durable(machine);
        machine.set_len(file, 3);
        file
    };
    assert_states(
        |machine| {
            let file = cut(machine);
            machine.fdatasync(file);
        },
        &["f=aaa", "f=aaaa", "f=aaa."],
    );
    assert_states(
        |machine| {
            let file = cut(machine);
            machine.fsync(file);
        },
        &["f=aaa"],
    );
}

#[test]
fn after_a_cut_fdatasync_still_makes_durable_what_was_appended_behind_it() {
    assert_states(
        |machine| {
            let file = durable(machine);
            machine.set_len(file, 1);
            machine.write(file, 1, 1, b'b');
            machine.fdatasync(file);
        },
        // The cut itself may be undone; what was behind it is then there again, or is not.
        &["f=ab", "f=ab..", "f=ab.a", "f=aba.", "f=abaa"],
    );
}

#[test]
fn fdatasync_makes_the_size_durable_that_the_data_needs() {
    assert_states(
        |machine| {
            let file = durable(machine);
            machine.write(file, 4, 1, b'b');
            machine.fdatasync(file);
        },
        &["f=aaaab"],
    );
}

#[test]
fn a_sync_covers_what_was_written_before_it_was_issued() {
    assert_states(
        |machine| {
            let file = durable(machine);
            machine.write(file, 0, 1, b'b');
            let mark = machine.fs.mark();
            machine.write(file, 0, 2, b'c');
            machine.write(file, 4, 1, b'd');
            machine.fs.sync(file, mark, true);
        },
        &[
            "f=baaa", "f=bcaa", "f=caaa", "f=ccaa", "f=baaa.", "f=bcaa.", "f=caaa.", "f=ccaa.", "f=baaad",
            "f=bcaad", "f=caaad", "f=ccaad",
        ],
    );
}

#[test]
fn a_rename_across_directories_with_one_parent_synced() {
    let moved = |machine: &mut Machine| {
        machine.mkdir("/a");
        machine.mkdir("/b");
        let file = machine.create("/a/f");
        machine.write(file, 0, 1, b'n');
        machine.fsync(file);
        machine.fsync_dir("/a");
        machine.fsync_dir("/");
        machine.rename("/a/f", "/b/f");
    };
    assert_states(moved, &["a/ a/f=n b/", "a/ a/f=n b/ b/f=n", "a/ b/", "a/ b/ b/f=n"]);
    assert_states(
        |machine| {
            moved(machine);
            machine.fsync_dir("/b");
        },
        &["a/ a/f=n b/ b/f=n", "a/ b/ b/f=n"],
    );
    assert_states(
        |machine| {
            moved(machine);
            machine.fsync_dir("/a");
        },
        &["a/ b/", "a/ b/ b/f=n"],
    );
}

#[test]
fn a_directory_whose_own_name_was_not_synced_goes_with_all_it_holds() {
    assert_states(
        |machine| {
            machine.mkdir("/d");
            let file = machine.create("/d/f");
            machine.write(file, 0, 1, b'n');
            machine.fsync(file);
            machine.fsync_dir("/d");
        },
        &["", "d/ d/f=n"],
    );
}

#[test]
fn changes_of_one_name_are_ordered_and_changes_of_two_are_not() {
    assert_states(
        |machine| {
            machine.create("/f");
            machine.unlink("/f");
            let again = machine.create("/f");
            machine.write(again, 0, 1, b'n');
            machine.fsync(again);
        },
        &["", "f=", "f=n"],
    );
    assert_states(
        |machine| {
            machine.create("/f");
            machine.create("/g");
        },
        &["", "f=", "f= g=", "g="],
    );
}

#[test]
fn after_a_failed_sync_another_says_yes_and_makes_nothing_durable() {
    let failed = |machine: &mut Machine| {
        let file = durable(machine);
        machine.write(file, 3, 2, b'b');
        let mark = machine.fs.mark();
        let address = Address::new(Question::Reverted, 0, 0, 0);
        machine.fs.fail_sync(file, mark, address, &mut machine.decide);
        machine.fdatasync(file);
        file
    };
    assert_states(
        |machine| {
            failed(machine);
        },
        &["f=aaaa", "f=aaab", "f=aaaa.", "f=aaab.", "f=aaaab", "f=aaabb"],
    );
    // Written again, the pages are dirty again, and the size that they need comes with them.
    assert_states(
        |machine| {
            let file = failed(machine);
            machine.write(file, 3, 2, b'b');
            machine.fdatasync(file);
        },
        &["f=aaabb"],
    );
}

#[test]
fn what_one_crash_decided_the_next_one_keeps() {
    let decided = |machine: &mut Machine| {
        let file = durable(machine);
        machine.write(file, 0, 1, b'b');
        machine.fs.power_loss(7, &mut machine.decide);
        file
    };
    // Whether anybody looked in between or not.
    assert_states(
        |machine| {
            decided(machine);
        },
        &["f=aaaa", "f=baaa"],
    );
    assert_states(
        |machine| {
            let file = decided(machine);
            machine.write(file, 1, 1, b'c');
        },
        &["f=aaaa", "f=acaa", "f=baaa", "f=bcaa"],
    );
}

#[test]
fn half_a_sector_is_never_torn_and_what_lies_behind_the_end_is_zeros() {
    let (states, _) = crash_states(Fill::Garbage, |machine| {
        let file = durable(machine);
        let half = [b'b'; SECTOR / 2];
        machine.fs.write(file, &half, (4 * SECTOR) as u64, &mut machine.decide).expect("there is space");
        machine.fdatasync(file);
        machine.set_len(file, 5);
        machine.fsync(file);
    });
    // The half that was written, and zeros: a sector of two kinds of bytes.
    assert_eq!(states.into_iter().collect::<Vec<_>>(), ["f=aaaa?"]);
}

#[test]
fn a_full_file_system_takes_what_fits() {
    let mut machine = Machine::new(Decisions::new(), Fill::Zeros);
    let file = machine.create("/f");
    machine.fs.limit_space(Some(700));
    let written = machine.fs.write(file, &[1; 1_000], 0, &mut machine.decide).expect("some fits");
    assert_eq!(written, 700);
    let error = machine.fs.write(file, &[1; 10], 700, &mut machine.decide).expect_err("nothing fits");
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(machine.fs.write(file, &[2; 700], 0, &mut machine.decide).expect("it grows by nothing"), 700);
    machine.fs.set_len(file, 600, &mut machine.decide).expect("a cut needs no space");
    assert_eq!(
        machine.fs.write(file, &[1; 200], 600, &mut machine.decide).expect("what the cut freed fits"),
        100
    );
}

/// What a process sees, and what a crash may leave, after a failed sync of an overwrite and an append, and after another
/// sync of it that goes well.
fn after_failed_sync(profile: Profile) -> (String, BTreeSet<String>) {
    let mut states = BTreeSet::new();
    let mut seen = None;
    let mut next = Some(Decider::replaying(Decisions::new()).trailing());
    while let Some(decide) = next {
        let mut machine = Machine::deciding(decide, Fill::Zeros);
        machine.fs = Fs::new(profile, Surface::new(SECTOR as u32, Fill::Zeros));
        let file = durable(&mut machine);
        machine.write(file, 3, 2, b'b');
        let mark = machine.fs.mark();
        let address = Address::new(Question::Reverted, 0, 0, 0);
        machine.fs.fail_sync(file, mark, address, &mut machine.decide);
        seen.get_or_insert_with(|| machine.state());
        machine.fsync(file);
        machine.fs.power_loss(1, &mut machine.decide);
        states.insert(machine.state());
        next = machine.decide.next();
    }
    (seen.expect("there is a first time"), states)
}

#[test]
fn what_a_failed_sync_leaves_is_the_profiles_own() {
    let expect = |profile, seen: &str, states: &[&str]| {
        let states: BTreeSet<String> = states.iter().map(|&state| state.to_owned()).collect();
        assert_eq!(after_failed_sync(profile), (seen.to_owned(), states), "{}", profile.as_str());
    };
    // The cache keeps what was written, and calls it clean: the next sync says yes without it.
    let any = ["f=aaaa", "f=aaab", "f=aaaa.", "f=aaab.", "f=aaaab", "f=aaabb"];
    expect(Profile::Posix, "f=aaabb", &any);
    expect(Profile::Ext4Ordered, "f=aaabb", &any);
    expect(Profile::Ext4Writeback, "f=aaabb", &any);
    expect(Profile::Xfs, "f=aaabb", &["f=aaaa", "f=aaab", "f=aaaab", "f=aaabb"]);
    // Content and size go back.
    expect(Profile::Btrfs, "f=aaaa", &["f=aaaa"]);
    // It is still to be written, and the next sync does it.
    expect(Profile::Zfs, "f=aaabb", &["f=aaabb"]);
}

#[test]
fn preallocated_space_reads_as_zeros_where_nothing_was_written() {
    let program = |machine: &mut Machine| {
        let file = machine.create("/f");
        machine
            .fs
            .allocate(file, (0, 2 * SECTOR as u64), false, &mut machine.decide)
            .expect("there is space");
        machine.fsync(file);
        machine.fsync_dir("/");
        machine.write(file, 0, 2, b'b');
    };
    let (states, _) = crash_states(Fill::Garbage, program);
    assert_eq!(states.into_iter().collect::<Vec<_>>(), ["f=..", "f=.b", "f=b.", "f=bb"]);
}

#[test]
fn preallocating_and_cutting_a_gigabyte_takes_no_memory_and_no_time() {
    let mut machine = Machine::new(Decisions::new(), Fill::Garbage);
    let file = machine.create("/f");
    let len = 1 << 30;
    machine.fs.allocate(file, (0, len), false, &mut machine.decide).expect("there is space");
    machine.write(file, 1, 1, b'b');
    machine.fsync(file);
    machine.fsync_dir("/");
    machine.write(file, 2, 1, b'c');
    machine.fs.power_loss(1, &mut machine.decide);
    assert_eq!(machine.fs.metadata(file, &mut machine.decide).len, len);
    let mut tail = [9; 3 * SECTOR];
    let read = machine.fs.read(file, &mut tail, len - SECTOR as u64, &mut machine.decide);
    assert_eq!((read.expect("it is a file"), &tail[..SECTOR]), (SECTOR, [0; SECTOR].as_slice()));
    machine.set_len(file, 3);
    assert_eq!(machine.state(), "f=.bc");
}

/// The states of a sector that a loss of power tears inside: its first and last letter under every combination of decisions.
fn shorn_states(fill: Fill, device: bool, program: impl Fn(&mut Machine, Ino)) -> BTreeSet<String> {
    let mut states = BTreeSet::new();
    let mut next = Some(Decider::replaying(Decisions::new()).trailing());
    while let Some(decide) = next {
        let mut machine = Machine::deciding(decide, fill);
        let file =
            if device { machine.fs.device(1 << 20, &mut machine.decide) } else { machine.create("/f") };
        program(&mut machine, file);
        machine.fs.shear(file, 0, 100);
        machine.fs.power_loss(1, &mut machine.decide);
        let mut bytes = [0; SECTOR];
        let count = machine.fs.read(file, &mut bytes, 0, &mut machine.decide).expect("it is a file");
        let letters = [letter_of(&bytes[..100]), letter_of(&bytes[100..])];
        states.insert(if count == 0 { String::new() } else { letters.iter().collect() });
        next = machine.decide.next();
    }
    states
}

#[test]
fn a_shorn_sector_begins_with_the_newest_version_and_goes_on_with_any_earlier_one() {
    let overwritten = |machine: &mut Machine, file| {
        machine.write(file, 0, 1, b'a');
        machine.fsync(file);
        machine.write(file, 0, 1, b'b');
        machine.write(file, 0, 1, b'c');
    };
    for device in [false, true] {
        assert_eq!(shorn_states(Fill::Garbage, device, overwritten), ["ca", "cb"].map(str::to_owned).into());
    }
}

#[test]
fn the_rest_of_a_shorn_sector_that_was_never_written_is_what_fills_it() {
    let written = |machine: &mut Machine, file| machine.write(file, 0, 1, b'c');
    // On a device nothing but the sector can be lost; a file may also not have grown.
    assert_eq!(shorn_states(Fill::Zeros, true, written), ["c."].map(str::to_owned).into());
    assert_eq!(shorn_states(Fill::Garbage, true, written), ["c?"].map(str::to_owned).into());
    assert_eq!(shorn_states(Fill::Zeros, false, written), ["", "c."].map(str::to_owned).into());
    let after_old = |machine: &mut Machine, file| {
        let old = machine.create("/old");
        machine.write(old, 0, 1, b'z');
        machine.fsync(old);
        machine.unlink("/old");
        machine.write(file, 0, 1, b'c');
    };
    assert_eq!(shorn_states(Fill::Stale, false, after_old), ["", "cz"].map(str::to_owned).into());
}

/// SQLite lost committed transactions on a mount: a loss of power had left its index of the log, a file that it cuts to three bytes
/// and extends at each start, three bytes long, and the sector's old content came up behind them when the file grew again.
#[test]
fn a_file_that_grows_after_a_crash_reads_as_zeros_behind_its_old_end() {
    for grow in [
        |machine: &mut Machine, file| machine.fs.write(file, b"x", 4095, &mut machine.decide).map(drop),
        |machine: &mut Machine, file| machine.fs.set_len(file, 4096, &mut machine.decide),
        |machine: &mut Machine, file| machine.fs.allocate(file, (0, 4096), false, &mut machine.decide),
    ] {
        let mut next = Some(Decider::replaying(Decisions::new()).trailing());
        let mut met_the_short_one = false;
        while let Some(decide) = next {
            let mut machine = Machine::deciding(decide, Fill::Zeros);
            let file = machine.create("/f");
            machine.fs.set_len(file, 3, &mut machine.decide).expect("it is a file");
            machine.fsync(file);
            machine.write(file, 0, 1, b'a');
            machine.fs.power_loss(1, &mut machine.decide);
            let len = machine.fs.metadata(file, &mut machine.decide).len as usize;
            met_the_short_one |= len == 3;
            grow(&mut machine, file).expect("there is space");
            let mut bytes = [1; SECTOR];
            machine.fs.read(file, &mut bytes, 0, &mut machine.decide).expect("it is a file");
            assert!(bytes[len..].iter().all(|byte| *byte == 0), "{len}: {bytes:?}");
            next = machine.decide.next();
        }
        assert!(met_the_short_one);
    }
}

#[test]
fn what_is_durable_is_not_shorn() {
    let synced = |machine: &mut Machine, file| {
        machine.write(file, 0, 1, b'c');
        machine.fsync(file);
    };
    for device in [false, true] {
        assert_eq!(shorn_states(Fill::Zeros, device, synced), ["cc"].map(str::to_owned).into());
    }
}

/// docs/spec/fault-model.md says for each line of the model where it is and which tests show it.
#[test]
fn every_file_test_and_program_of_the_fault_model_is_there() {
    let spec = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/spec");
    let read = |path: &str| {
        let path = spec.join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let document = read("fault-model.md");
    let mut sources = read("../../sim/tests/runs/late.rs");
    let links = document.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
    for link in links.filter(|link| !link.starts_with("contract.md#")) {
        sources += &read(link);
    }
    // A test's name is a sentence; those of functions, settings and faults are short.
    let is_a_test = |name: &&str| name.matches('_').count() > 3 && !name.contains(['/', ' ']);
    let tests: Vec<&str> = document.split('`').skip(1).step_by(2).filter(is_a_test).collect();
    assert!(tests.len() > 30, "{tests:?}");
    for test in tests {
        assert!(sources.contains(&format!("fn {test}()")), "no test is called {test}");
    }
    for program in crate::media::files::program::litmus() {
        assert!(document.contains(&format!("`{}`", program.name)), "no line names {}", program.name);
    }
}
