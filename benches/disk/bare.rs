//! What the host is measured beside: the same system calls with as little as possible around them.
//!
//! Both write as many bytes a record as the host's frame has, at the end of a file that grows from empty, exactly as a
//! segment of the host does: nothing is preallocated or written over, so each fdatasync also commits the new size (on ext4,
//! a transaction of the journal). The bytes are always the same ones. Nothing is framed, checksummed, numbered or indexed,
//! no error is survived, nothing is there to read it back.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Condvar, Mutex};

fn create(path: &Path) -> File {
    File::create_new(path).expect("a file can be made where the benchmark runs")
}

fn write_and_sync(file: &File, bytes: &[u8], at: u64) {
    file.write_all_at(bytes, at).expect("there is space, and the disk works");
    file.sync_data().expect("the disk works");
}

/// One client: pwrite, fdatasync.
pub(crate) struct Loop {
    file: File,
    end: u64,
}

impl Loop {
    pub(crate) fn new(path: &Path) -> Loop {
        Loop { file: create(path), end: 0 }
    }

    pub(crate) fn append(&mut self, record: &[u8]) {
        write_and_sync(&self.file, record, self.end);
        self.end += record.len() as u64;
    }
}

/// Several clients: whoever finds nobody writing takes the whole queue, writes it, syncs, and wakes the others.
pub(crate) struct LeaderCommit {
    file: File,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What waits for the next leader.
    queue: Vec<u8>,
    /// The empty one of the two buffers that take turns as the queue.
    spare: Vec<u8>,
    /// How many batches were taken from the queue, and how many of them are durable.
    taken: u64,
    durable: u64,
    end: u64,
    leading: bool,
}

impl LeaderCommit {
    pub(crate) fn new(path: &Path) -> LeaderCommit {
        LeaderCommit { file: create(path), state: Mutex::default(), changed: Condvar::new() }
    }

    pub(crate) fn append(&self, record: &[u8]) {
        let mut state = self.state.lock().expect("no client panics");
        state.queue.extend_from_slice(record);
        let batch = state.taken + 1;
        while state.durable < batch {
            if state.leading {
                state = self.changed.wait(state).expect("no client panics");
                continue;
            }
            state.leading = true;
            state.taken += 1;
            let spare = std::mem::take(&mut state.spare);
            let mut bytes = std::mem::replace(&mut state.queue, spare);
            let at = state.end;
            drop(state);
            write_and_sync(&self.file, &bytes, at);
            state = self.state.lock().expect("no client panics");
            state.end = at + bytes.len() as u64;
            bytes.clear();
            state.spare = bytes;
            state.durable = state.taken;
            state.leading = false;
            drop(state);
            self.changed.notify_all();
            return;
        }
    }
}
