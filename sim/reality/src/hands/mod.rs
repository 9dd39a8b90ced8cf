//! The process that touches mounts: it attaches the loop device, mounts, carries out steps, reads trees.
//!
//! It is a process of its own because whoever waits for a disk must not be the one who serves it. A thread that waits inside
//! mount(2) cannot be killed, and keeps the FUSE device of its process open; if the server died in that process, the wait
//! would have no end. So the server's process touches no mount, and when it dies, however it does, the kernel gives up
//! on the disk at once, all waits end with an error, and this process cleans up and ends.
//!
//! Questions and answers are lines of JSON on its standard input and output. When its input ends without a
//! word that it is to end, its parent is gone, and it also unmounts the disk and removes the directories.

mod client;
mod server;
mod steps;
mod tree;

pub use client::{Hands, Trouble, make_directories};
pub use server::serve;

use asl_sim::world::program::{Entry, State, Step};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The first argument of the command that makes it this process.
pub const COMMAND: &str = "hands";
/// The name of the file on which a file system is made.
pub const MADE: &str = "made";
/// A file that is in every base image and no part of any state; to fsync it makes a file system commit.
const PULSE: &str = ".pulse";
/// What ext4 makes, and no part of any state.
const LOST_AND_FOUND: &str = "lost+found";

/// What the hands are to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Question {
    /// Attaches a loop device to the disk.
    Attach,
    /// Mounts.
    Mount,
    /// Makes the file that is no part of any state.
    Prepare,
    /// Carries out a step.
    Step(Step),
    /// Has the file system write something that nobody asked for: a page, if there is one, else a commit.
    Nudge(u64),
    /// Has the file system commit, by an fsync of a file that is no part of any state.
    Pulse,
    /// Unmounts.
    Unmount,
    /// Mounts, reads all that there is, and unmounts.
    Look,
    /// Detaches and ends.
    Quit,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Answer {
    Done,
    /// The kernel refused the mount.
    Unmountable(String),
    /// It was mounted, but not everything could be read.
    Unreadable(String),
    Seen(Vec<Named>),
    Failed(String),
}

/// A name of a state, with content as runs of equal bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Named {
    path: String,
    file: Option<(u64, Vec<(u64, u8)>)>,
}

fn to_names(state: &State) -> Vec<Named> {
    let name = |(path, entry): (&String, &Entry)| Named {
        path: path.clone(),
        file: match entry {
            Entry::Dir => None,
            Entry::File { inode, content } => Some((*inode, runs(content))),
        },
    };
    state.0.iter().map(name).collect()
}

fn to_state(names: Vec<Named>) -> State {
    let entry = |named: Named| {
        let file = named.file.map(|(inode, runs)| {
            let content = runs.iter().flat_map(|&(len, byte)| std::iter::repeat_n(byte, len as usize));
            Entry::File { inode, content: content.collect() }
        });
        (named.path, file.unwrap_or(Entry::Dir))
    };
    State(names.into_iter().map(entry).collect::<BTreeMap<_, _>>())
}

/// Bytes as runs of equal ones.
pub(crate) fn runs(bytes: &[u8]) -> Vec<(u64, u8)> {
    let mut runs: Vec<(u64, u8)> = Vec::new();
    for &byte in bytes {
        match runs.last_mut() {
            Some((len, last)) if *last == byte => *len += 1,
            _ => runs.push((1, byte)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_survives_being_sent() {
        let file = |inode, content: &[u8]| Entry::File { inode, content: content.to_vec() };
        let names = [
            ("d", Entry::Dir),
            ("d/f", file(7, b"aab\0\0a")),
            ("g", file(7, b"aab\0\0a")),
            ("h", file(8, b"")),
        ];
        let state = State(names.map(|(path, entry)| (path.to_owned(), entry)).into());
        assert_eq!(to_state(to_names(&state)), state);
    }
}
