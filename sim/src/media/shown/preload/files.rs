//! Open files of programs: what a kernel keeps of each, and which processes have it.
//!
//! A file is open as long as any descriptor of any process stands for it. Processes are known by their connections; a fork holds what
//! the new process will have, until that says hello.

use super::EBADF;
use super::locks::Locks;
use std::collections::BTreeMap;

/// Numbers of forks have this bit, so that they are no connection's.
const FORK: u64 = 1 << 63;

/// An open file or directory.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) node: u64,
    /// The file system's number for it.
    pub(super) handle: u64,
    pub(super) is_dir: bool,
    /// As for open(2).
    pub(super) flags: i32,
    /// Where the next read or write goes that says nothing else, in bytes.
    pub(super) position: u64,
    /// The names that led there, from the root.
    pub(super) names: Vec<String>,
    /// How many descriptors each process has, by connection.
    holders: BTreeMap<u64, u32>,
}

/// All of them, and the locks.
#[derive(Debug, Default)]
pub(super) struct Files {
    open: BTreeMap<u64, Open>,
    opened: u64,
    forks: u64,
    /// The processes' numbers, by connection.
    pids: BTreeMap<u64, i32>,
    pub(super) locks: Locks,
}

impl Open {
    pub(super) fn new(node: u64, handle: u64, is_dir: bool, flags: i32, names: Vec<String>) -> Open {
        Open { node, handle, is_dir, flags, position: 0, names, holders: BTreeMap::new() }
    }
}

impl Files {
    /// A process has opened something: its number from now on.
    pub(super) fn add(&mut self, connection: u64, mut open: Open) -> u64 {
        open.holders.insert(connection, 1);
        self.opened += 1;
        self.open.insert(self.opened, open);
        self.opened
    }

    pub(super) fn get(&self, file: u64) -> Result<&Open, i32> {
        self.open.get(&file).ok_or(EBADF)
    }

    pub(super) fn get_mut(&mut self, file: u64) -> Result<&mut Open, i32> {
        self.open.get_mut(&file).ok_or(EBADF)
    }

    /// Another descriptor of the process stands for it.
    pub(super) fn duplicate(&mut self, connection: u64, file: u64) -> Result<(), i32> {
        *self.get_mut(file)?.holders.entry(connection).or_default() += 1;
        Ok(())
    }

    /// One descriptor less does. If it was the last one of all: what the file system has to let go.
    pub(super) fn close(&mut self, connection: u64, file: u64) -> Result<Option<u64>, i32> {
        let open = self.get_mut(file)?;
        let node = open.node;
        let count = open.holders.get_mut(&connection).ok_or(EBADF)?;
        *count -= 1;
        if *count == 0 {
            open.holders.remove(&connection);
        }
        self.locks.closed_by(connection, node);
        Ok(self.release(file))
    }

    fn release(&mut self, file: u64) -> Option<u64> {
        let open = self.open.get(&file).filter(|open| open.holders.is_empty())?;
        let handle = open.handle;
        self.open.remove(&file);
        self.locks.file_closed(file);
        Some(handle)
    }

    /// A process is about to fork: the number that stands for the new one until it says hello.
    pub(super) fn fork(&mut self, connection: u64) -> u64 {
        self.forks += 1;
        let fork = FORK | self.forks;
        for open in self.open.values_mut() {
            if let Some(count) = open.holders.get(&connection).copied() {
                open.holders.insert(fork, count);
            }
        }
        fork
    }

    /// A process has said hello.
    pub(super) fn begun(&mut self, connection: u64, inherits: u64, pid: i32) {
        self.pids.insert(connection, pid);
        if inherits & FORK == 0 {
            return;
        }
        for open in self.open.values_mut() {
            if let Some(count) = open.holders.remove(&inherits) {
                open.holders.insert(connection, count);
            }
        }
    }

    pub(super) fn pid(&self, connection: u64) -> i32 {
        self.pids.get(&connection).copied().unwrap_or(-1)
    }

    /// A process is gone, and with it its locks and what only it had open.
    pub(super) fn gone(&mut self, connection: u64) {
        self.pids.remove(&connection);
        let held = self.open.iter_mut().filter_map(|(file, open)| {
            open.holders.remove(&connection)?;
            Some((*file, open.node))
        });
        let held: Vec<(u64, u64)> = held.collect();
        for (file, node) in held {
            self.locks.closed_by(connection, node);
            self.release(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Open {
        Open::new(3, 77, false, 0, Vec::new())
    }

    #[test]
    fn a_file_is_let_go_when_the_last_descriptor_of_the_last_process_is_closed() {
        let mut files = Files::default();
        let file = files.add(1, open());
        files.duplicate(1, file).expect("it is open");
        let fork = files.fork(1);
        assert_eq!(files.close(1, file), Ok(None));
        assert_eq!(files.close(1, file), Ok(None), "the child to be has it");
        assert_eq!(files.close(1, file), Err(EBADF), "the parent has it no more");
        files.begun(2, fork, 4711);
        assert_eq!(files.close(2, file), Ok(None), "it has two");
        files.gone(2);
        assert_eq!(files.get(file).err(), Some(EBADF));
    }

    #[test]
    fn hello_with_a_number_of_nothing_inherits_nothing() {
        let mut files = Files::default();
        let file = files.add(1, open());
        // The number of a connection is no fork's.
        files.begun(2, 1, 4711);
        assert_eq!(files.close(2, file), Err(EBADF));
        assert_eq!(files.close(1, file), Ok(Some(77)));
    }
}
