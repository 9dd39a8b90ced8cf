//! A program for each property that sets file systems apart, with the whole set of states that each profile allows.
//!
//! The table of profiles in the documentation, row by row, as something that runs: the tests here compare the model's sets
//! with those written beside the programs; `sim/reality` compares them with what the kernel's file systems do. Where the
//! medium may hold garbage, `?` stands for it.

use super::{Program, Step};

/// A program and what it is about.
#[derive(Clone, Debug)]
pub struct Litmus {
    /// Its name.
    pub name: &'static str,
    /// The property that it shows.
    pub property: &'static str,
    /// What it does.
    pub program: Program,
}

const BLOCK: u64 = 4096;

fn create(path: &str) -> Step {
    Step::Create(path.to_owned())
}

fn mkdir(path: &str) -> Step {
    Step::Mkdir(path.to_owned())
}

/// Fills blocks with a letter.
fn write(path: &str, block: u64, blocks: u64, letter: u8) -> Step {
    Step::Write { path: path.to_owned(), offset: block * BLOCK, len: blocks * BLOCK, letter }
}

fn truncate(path: &str, blocks: u64) -> Step {
    Step::Truncate { path: path.to_owned(), len: blocks * BLOCK }
}

fn fsync(path: &str) -> Step {
    Step::Fsync(path.to_owned())
}

fn fdatasync(path: &str) -> Step {
    Step::Fdatasync(path.to_owned())
}

fn fsync_dir(path: &str) -> Step {
    Step::FsyncDir(path.to_owned())
}

fn rename(from: &str, to: &str) -> Step {
    Step::Rename(from.to_owned(), to.to_owned())
}

fn writeback(path: &str, block: u64) -> Step {
    Step::Writeback { path: path.to_owned(), offset: block * BLOCK, len: BLOCK }
}

/// A durable file.
fn durable(path: &str, blocks: u64) -> Program {
    vec![create(path), write(path, 0, blocks, b'a'), Step::Sync]
}

fn then(mut before: Program, steps: impl IntoIterator<Item = Step>) -> Program {
    before.extend(steps);
    before
}

/// The programs.
pub fn litmus() -> Vec<Litmus> {
    let mut list = names();
    list.extend(renames());
    list.extend(data());
    list
}

fn names() -> Vec<Litmus> {
    let l = |name, property, program| Litmus { name, property, program };
    vec![
        l(
            "fsync-new-file",
            "fsync of a new file makes its name durable",
            vec![create("f"), write("f", 0, 1, b'n'), fsync("f")],
        ),
        l(
            "fsync-new-file-in-new-dir",
            "fsync of a new file makes the names of the new directories above it durable",
            vec![mkdir("d"), create("d/f"), write("d/f", 0, 1, b'n'), fsync("d/f")],
        ),
        l(
            "fsync-new-dir",
            "fsync of a new directory makes its own name durable",
            vec![mkdir("d"), fsync_dir("d")],
        ),
        l(
            "fsync-other-file",
            "fsync of a file that grew after a name was made commits that name",
            then(durable("log", 1), [create("f"), write("log", 1, 1, b'b'), fsync("log")]),
        ),
        l(
            "fsync-other-file-that-grew-before",
            "fsync of a file that had been written back before a name was made need not commit that name",
            then(
                durable("log", 1),
                [write("log", 1, 1, b'b'), writeback("log", 1), Step::Settle, create("f"), fsync("log")],
            ),
        ),
        l(
            "fdatasync-overwritten-file",
            "fdatasync of a file that was only overwritten commits nothing else",
            then(durable("log", 1), [create("f"), write("log", 0, 1, b'b'), fdatasync("log")]),
        ),
    ]
}

fn renames() -> Vec<Litmus> {
    let l = |name, property, program| Litmus { name, property, program };
    vec![
        l(
            "rename-unsynced-over",
            "an unsynced file is renamed over another, and the directory is synced",
            then(
                durable("f", 1),
                [create("tmp"), write("tmp", 0, 1, b'n'), rename("tmp", "f"), fsync_dir("")],
            ),
        ),
        l(
            "rename-unsynced-to-new-name",
            "an unsynced file is renamed to a free name, and the directory is synced",
            vec![create("tmp"), write("tmp", 0, 1, b'n'), rename("tmp", "f"), fsync_dir("")],
        ),
        l(
            "rename-over-synced",
            "a rename replaces its target atomically",
            then(
                durable("f", 1),
                [create("tmp"), write("tmp", 0, 1, b'n'), fsync("tmp"), rename("tmp", "f")],
            ),
        ),
        l(
            "rename-across",
            "rename across directories, and only the destination is synced",
            vec![
                mkdir("a"),
                mkdir("b"),
                create("a/f"),
                write("a/f", 0, 1, b'n'),
                Step::Sync,
                rename("a/f", "b/f"),
                fsync_dir("b"),
            ],
        ),
        l(
            "rename-then-fsync-file",
            "fsync of a file that was renamed makes its new name durable",
            then(durable("f", 1), [rename("f", "g"), fsync("g")]),
        ),
        l(
            "rename-then-fdatasync-file",
            "fdatasync of a file that was renamed makes its new name durable",
            then(durable("f", 1), [rename("f", "g"), fdatasync("g")]),
        ),
        l(
            "name-used-again-and-renamed",
            "a new file takes an old one's name, is synced and renamed",
            then(
                durable("f", 1),
                [
                    Step::Unlink("f".to_owned()),
                    create("f"),
                    write("f", 0, 1, b'n'),
                    fsync("f"),
                    rename("f", "g"),
                    create("h"),
                    fsync("h"),
                ],
            ),
        ),
        l(
            "link-then-fsync-file",
            "fsync of a file that was given a second name makes that durable",
            then(durable("f", 1), [Step::Link("f".to_owned(), "g".to_owned()), fsync("f")]),
        ),
    ]
}

fn data() -> Vec<Litmus> {
    let l = |name, property, program| Litmus { name, property, program };
    vec![
        l(
            "append-two-blocks",
            "an unsynced append: sizes, interior holes, and what lies in blocks that were lost",
            then(durable("f", 1), [write("f", 1, 2, b'b')]),
        ),
        l(
            "append-second-block-written-back",
            "of an unsynced append, the last block was written back and time passed",
            then(durable("f", 1), [write("f", 1, 2, b'b'), writeback("f", 2), Step::Settle]),
        ),
        l(
            "append-with-a-gap",
            "of two appends with gaps before them, the first was written back and time passed",
            then(
                durable("f", 1),
                [write("f", 2, 1, b'b'), write("f", 4, 1, b'c'), writeback("f", 2), Step::Settle],
            ),
        ),
        l(
            "write-below-a-short-end",
            "of a file that ends inside a block, an earlier block was written back and time passed",
            vec![
                create("f"),
                Step::Write { path: "f".to_owned(), offset: 0, len: 100, letter: b'a' },
                Step::Sync,
                Step::Write { path: "f".to_owned(), offset: 2 * BLOCK, len: 100, letter: b'b' },
                write("f", 1, 1, b'c'),
                writeback("f", 1),
                Step::Settle,
            ],
        ),
        l(
            "overwrite-four-blocks",
            "an unsynced overwrite tears between blocks",
            then(
                durable("f", 4),
                [write("f", 0, 4, b'b'), writeback("f", 0), writeback("f", 2), Step::Settle],
            ),
        ),
        l(
            "append-fdatasync",
            "fdatasync makes the size durable that the data needs",
            then(durable("f", 1), [write("f", 1, 1, b'b'), fdatasync("f")]),
        ),
        l(
            "append-sync-file-range",
            "sync_file_range alone makes no append durable",
            then(durable("f", 1), [write("f", 1, 1, b'b'), writeback("f", 1)]),
        ),
        l(
            "preallocated-tail",
            "preallocated space reads as zeros where nothing was written",
            vec![
                create("f"),
                Step::Allocate { path: "f".to_owned(), offset: 0, len: 2 * BLOCK },
                Step::Sync,
                write("f", 0, 2, b'b'),
                writeback("f", 1),
            ],
        ),
        l("cut", "a cut is durable after fsync only", then(durable("f", 2), [truncate("f", 1)])),
        l(
            "cut-and-commit",
            "a cut is durable with the metadata that came after it",
            then(durable("f", 2), [truncate("f", 1), create("g"), fsync("g")]),
        ),
        l(
            "cut-and-grow",
            "what is written behind a cut does not stand before it",
            then(durable("f", 2), [truncate("f", 0), write("f", 0, 1, b'b')]),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Profile;
    use crate::media::files::program::Model;
    use std::collections::BTreeMap;
    use std::fmt::Write;

    /// Each program with its whole set of states, profiles with the same set together.
    fn table() -> String {
        let mut table = String::new();
        for Litmus { name, property, program } in litmus() {
            let steps: Vec<String> = program.iter().map(Step::to_string).collect();
            writeln!(table, "{name}: {property}\n  {}", steps.join("; ")).expect("it is a string");
            let mut sets: BTreeMap<Vec<String>, Vec<&str>> = BTreeMap::new();
            for &(profile, _) in Profile::ALL {
                let mut model = Model::new(profile);
                for step in &program {
                    model.apply(step).expect("no step fails");
                }
                let states = model.states(100_000).expect("few enough to list");
                let states = states.into_iter().map(|state| format!("{{{state}}}")).collect();
                sets.entry(states).or_default().push(profile.as_str());
            }
            let mut sets: Vec<_> = sets.into_iter().collect();
            sets.sort_by_key(|(states, _)| states.len());
            for (states, profiles) in sets {
                writeln!(table, "    {}: {}", profiles.join(", "), states.join(" ")).expect("it is a string");
            }
        }
        table
    }

    #[test]
    fn every_profile_has_exactly_these_states() {
        insta::assert_snapshot!(table());
    }
}
