//! Locks of files: those of flock(2), which belong to an open file, and those of fcntl(2), which belong to a process or to an open file
//! and cover a part of it. All of them are gone with whom they belong to. Nobody waits here: who wants to asks again.

use super::{EAGAIN, EINVAL};
use asl_preload_wire::Held;

/// Of flock(2).
const LOCK_SH: i32 = 1;
const LOCK_EX: i32 = 2;
const LOCK_UN: i32 = 8;
const LOCK_NB: i32 = 4;
/// Of fcntl(2).
const F_RDLCK: i32 = 0;
const F_WRLCK: i32 = 1;
const F_UNLCK: i32 = 2;

/// Whose a lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The process of this connection, with its number for others to see.
    Process(u64, i32),
    /// An open file.
    File(u64),
}

#[derive(Clone, Copy, Debug)]
struct Lock {
    node: u64,
    owner: Owner,
    begin: u64,
    /// One behind its last byte.
    end: u64,
    exclusive: bool,
}

/// All locks of one world.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// Of whole files: node, open file, exclusive.
    whole: Vec<(u64, u64, bool)>,
    ranges: Vec<Lock>,
}

impl Locks {
    /// flock(2).
    pub(super) fn flock(&mut self, node: u64, file: u64, operation: i32) -> Result<(), i32> {
        let exclusive = match operation & !LOCK_NB {
            LOCK_EX => true,
            LOCK_SH => false,
            LOCK_UN => {
                self.whole.retain(|(_, other, _)| *other != file);
                return Ok(());
            }
            _ => return Err(EINVAL),
        };
        let in_the_way = |(other_node, other, other_exclusive): &(u64, u64, bool)| {
            *other_node == node && *other != file && (exclusive || *other_exclusive)
        };
        let is_taken = self.whole.iter().any(in_the_way);
        // Linux gives up the old one before it asks for the new one.
        self.whole.retain(|(_, other, _)| *other != file);
        if is_taken {
            return Err(EAGAIN);
        }
        self.whole.push((node, file, exclusive));
        Ok(())
    }

    /// fcntl(2): what is in the way of a lock.
    pub(super) fn query(
        &self,
        node: u64,
        owner: Owner,
        kind: i32,
        range: (u64, u64),
    ) -> Result<Option<Held>, i32> {
        let wanted = lock_of(node, owner, kind, range)?.ok_or(EINVAL)?;
        Ok(self.in_the_way(&wanted).map(|lock| Held {
            exclusive: lock.exclusive,
            begin: lock.begin,
            len: if lock.end == u64::MAX { 0 } else { lock.end - lock.begin },
            pid: if let Owner::Process(_, pid) = lock.owner { pid } else { -1 },
        }))
    }

    /// fcntl(2): takes a lock, or gives up what is held of a range.
    pub(super) fn set(&mut self, node: u64, owner: Owner, kind: i32, range: (u64, u64)) -> Result<(), i32> {
        let wanted = lock_of(node, owner, kind, range)?;
        if wanted.is_some_and(|wanted| self.in_the_way(&wanted).is_some()) {
            return Err(EAGAIN);
        }
        let (begin, end) = ends(range)?;
        let mut kept = Vec::new();
        for lock in self.ranges.drain(..) {
            if lock.node != node || lock.owner != owner {
                kept.push(lock);
                continue;
            }
            // What sticks out on either side stays.
            let before = Lock { end: lock.end.min(begin), ..lock };
            let behind = Lock { begin: lock.begin.max(end), ..lock };
            kept.extend([before, behind].into_iter().filter(|lock| lock.begin < lock.end));
        }
        kept.extend(wanted);
        self.ranges = kept;
        Ok(())
    }

    fn in_the_way(&self, wanted: &Lock) -> Option<&Lock> {
        self.ranges.iter().find(|lock| {
            lock.node == wanted.node
                && lock.owner != wanted.owner
                && lock.begin < wanted.end
                && wanted.begin < lock.end
                && (lock.exclusive || wanted.exclusive)
        })
    }

    /// An open file is closed for good.
    pub(super) fn file_closed(&mut self, file: u64) {
        self.whole.retain(|(_, other, _)| *other != file);
        self.ranges.retain(|lock| lock.owner != Owner::File(file));
    }

    /// A process has closed one of its descriptors of a file: its locks of that file are gone, all of them.
    pub(super) fn closed_by(&mut self, connection: u64, node: u64) {
        let is_its = |owner| matches!(owner, Owner::Process(other, _) if other == connection);
        self.ranges.retain(|lock| lock.node != node || !is_its(lock.owner));
    }
}

/// The lock that is asked for; `None` if one is given up.
fn lock_of(node: u64, owner: Owner, kind: i32, range: (u64, u64)) -> Result<Option<Lock>, i32> {
    let (begin, end) = ends(range)?;
    let exclusive = match kind {
        F_WRLCK => true,
        F_RDLCK => false,
        F_UNLCK => return Ok(None),
        _ => return Err(EINVAL),
    };
    Ok(Some(Lock { node, owner, begin, end, exclusive }))
}

/// Where a range begins and ends; no length is no end.
fn ends((begin, len): (u64, u64)) -> Result<(u64, u64), i32> {
    if begin > i64::MAX as u64 {
        return Err(EINVAL);
    }
    Ok((begin, if len == 0 { u64::MAX } else { begin.saturating_add(len) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Owner = Owner::Process(1, 100);
    const THERE: Owner = Owner::Process(2, 200);

    #[test]
    fn a_lock_of_a_whole_file_keeps_other_open_files_out_until_its_own_is_closed() {
        let mut locks = Locks::default();
        assert_eq!(locks.flock(7, 1, LOCK_EX | LOCK_NB), Ok(()));
        assert_eq!(locks.flock(7, 2, LOCK_SH | LOCK_NB), Err(EAGAIN));
        assert_eq!(locks.flock(8, 2, LOCK_EX), Ok(()), "another file");
        assert_eq!(locks.flock(7, 1, LOCK_SH), Ok(()), "its own is changed");
        assert_eq!(locks.flock(7, 3, LOCK_SH), Ok(()));
        locks.file_closed(1);
        assert_eq!(locks.flock(7, 3, LOCK_EX), Ok(()));
        assert_eq!(locks.flock(7, 3, 64), Err(EINVAL));
    }

    #[test]
    fn a_record_lock_can_be_given_up_in_the_middle() {
        let mut locks = Locks::default();
        assert_eq!(locks.set(7, HERE, F_WRLCK, (0, 100)), Ok(()));
        assert_eq!(locks.set(7, HERE, F_UNLCK, (40, 20)), Ok(()));
        assert_eq!(locks.set(7, THERE, F_WRLCK, (40, 20)), Ok(()));
        assert_eq!(locks.set(7, THERE, F_RDLCK, (59, 2)), Err(EAGAIN));
        let held = Held { exclusive: true, begin: 60, len: 40, pid: 100 };
        assert_eq!(locks.query(7, THERE, F_RDLCK, (60, 0)), Ok(Some(held)));
        assert_eq!(locks.query(7, HERE, F_WRLCK, (0, 40)), Ok(None), "one's own is not in the way");
    }

    #[test]
    fn the_record_locks_of_a_process_are_gone_when_it_closes_any_descriptor_of_the_file() {
        let mut locks = Locks::default();
        assert_eq!(locks.set(7, HERE, F_WRLCK, (0, 0)), Ok(()));
        assert_eq!(locks.set(7, Owner::File(5), F_RDLCK, (1 << 40, 1)), Err(EAGAIN));
        locks.closed_by(1, 8);
        assert_eq!(locks.set(7, THERE, F_WRLCK, (0, 1)), Err(EAGAIN));
        locks.closed_by(1, 7);
        assert_eq!(locks.set(7, THERE, F_WRLCK, (0, 1)), Ok(()));
        assert_eq!(locks.set(7, Owner::File(5), F_RDLCK, (1, 1)), Ok(()));
    }
}
