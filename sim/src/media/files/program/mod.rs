//! Small file programs as data, and the states in which a loss of power may leave them: the model, asked from outside.
//!
//! A [`Program`] is a list of steps. A [`Model`] takes the steps on the simulated file system of a profile and says, at any
//! point, which [`State`]s a loss of power could leave: all of them for small programs, and for any program whether one that
//! was seen on a real disk is among them. [`litmus`] is the list of programs whose sets of states are known, one for each
//! property that sets the profiles apart; [`random`] makes others.
//!
//! Not modelled: what two processes do at once, and steps that fail.

mod litmus;
mod model;
mod random;

pub use litmus::{Litmus, litmus};
pub use model::Model;
pub use random::random;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One step: a system call, with a path from the root of the file system, without a slash in front.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Makes an empty file (open(2) with `O_CREAT | O_EXCL`).
    Create(String),
    /// Makes a directory.
    Mkdir(String),
    /// Writes `len` times the letter at an offset (pwrite(2)).
    Write {
        /// The file.
        path: String,
        /// Where, in bytes.
        offset: u64,
        /// How many bytes.
        len: u64,
        /// What each of them is.
        letter: u8,
    },
    /// Cuts or extends (ftruncate(2)).
    Truncate {
        /// The file.
        path: String,
        /// Its new length in bytes.
        len: u64,
    },
    /// Allocates, extending the file if need be (fallocate(2), mode 0).
    Allocate {
        /// The file.
        path: String,
        /// From here, in bytes.
        offset: u64,
        /// So many bytes.
        len: u64,
    },
    /// fsync(2) on a file.
    Fsync(String),
    /// fdatasync(2) on a file.
    Fdatasync(String),
    /// fsync(2) on a directory; the root's path is empty.
    FsyncDir(String),
    /// rename(2).
    Rename(String, String),
    /// link(2): the original, and its new name.
    Link(String, String),
    /// unlink(2).
    Unlink(String),
    /// rmdir(2).
    Rmdir(String),
    /// Starts writing a range back and waits for it (`sync_file_range(2)`): promises nothing.
    Writeback {
        /// The file.
        path: String,
        /// From here, in bytes.
        offset: u64,
        /// So many bytes.
        len: u64,
    },
    /// sync(2).
    Sync,
    /// Time in which a file system may commit what it likes: promises nothing.
    Settle,
}

impl Step {
    /// The paths that it names.
    pub fn paths(&self) -> Vec<&str> {
        match self {
            Step::Create(path)
            | Step::Mkdir(path)
            | Step::Write { path, .. }
            | Step::Truncate { path, .. }
            | Step::Allocate { path, .. }
            | Step::Fsync(path)
            | Step::Fdatasync(path)
            | Step::FsyncDir(path)
            | Step::Unlink(path)
            | Step::Rmdir(path)
            | Step::Writeback { path, .. } => vec![path],
            Step::Rename(first, second) | Step::Link(first, second) => vec![first, second],
            Step::Sync | Step::Settle => Vec::new(),
        }
    }

    /// How far into a file it reaches, in bytes; 0 if it does not concern its content.
    pub fn end(&self) -> u64 {
        match self {
            Step::Write { offset, len, .. }
            | Step::Allocate { offset, len, .. }
            | Step::Writeback { offset, len, .. } => offset.saturating_add(*len),
            Step::Truncate { len, .. } => *len,
            _ => 0,
        }
    }
}

/// A list of steps, on an empty file system.
pub type Program = Vec<Step>;

/// What a name is in a state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// A directory.
    Dir,
    /// A file.
    File {
        /// Equal for names of the same file.
        inode: u64,
        /// All its bytes.
        content: Vec<u8>,
    },
}

/// All that a file system holds, by path from the root, without a slash in front.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct State(pub BTreeMap<String, Entry>);

/// The unit in which states are printed.
const PRINTED_LEN: usize = 4096;

impl fmt::Display for State {
    /// The names, each with what it holds: a letter for each 4096 bytes that are all alike, `.` for zeros, `?` for anything
    /// else, and the length of the last piece if it is shorter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (path, entry)) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            match entry {
                Entry::Dir => write!(f, "{space}{path}/")?,
                Entry::File { content, .. } => {
                    write!(f, "{space}{path}=")?;
                    for piece in content.chunks(PRINTED_LEN) {
                        write!(f, "{}", letter_of(piece))?;
                    }
                    let rest = content.len() % PRINTED_LEN;
                    if rest != 0 {
                        write!(f, ":{rest}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn letter_of(piece: &[u8]) -> char {
    match piece {
        [first, ..] if piece.iter().all(|byte| byte == first) => match first {
            0 => '.',
            byte if byte.is_ascii_graphic() => char::from(*byte),
            _ => '?',
        },
        _ => '?',
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Create(path) => write!(f, "create {path}"),
            Step::Mkdir(path) => write!(f, "mkdir {path}"),
            Step::Write { path, offset, len, letter } => {
                write!(f, "write {path} {}*{len} at {offset}", char::from(*letter))
            }
            Step::Truncate { path, len } => write!(f, "truncate {path} to {len}"),
            Step::Allocate { path, offset, len } => write!(f, "allocate {path} {len} at {offset}"),
            Step::Fsync(path) => write!(f, "fsync {path}"),
            Step::Fdatasync(path) => write!(f, "fdatasync {path}"),
            Step::FsyncDir(path) => write!(f, "fsync {path}/"),
            Step::Rename(from, to) => write!(f, "rename {from} to {to}"),
            Step::Link(original, link) => write!(f, "link {original} as {link}"),
            Step::Unlink(path) => write!(f, "unlink {path}"),
            Step::Rmdir(path) => write!(f, "rmdir {path}"),
            Step::Writeback { path, offset, len } => {
                write!(f, "sync_file_range {path} {len} at {offset}")
            }
            Step::Sync => f.write_str("sync"),
            Step::Settle => f.write_str("wait"),
        }
    }
}
