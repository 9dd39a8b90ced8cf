//! A file system looked at as a whole, for exhaustive search: which states are the same, how many a loss of power left open, and
//! all of them decided at once.
//!
//! Two file systems with the same digest behave the same from now on, but for what their inodes are called in the decision map.
//! The other way round it does not hold: changes that are pending count with the time at which they were made.

use super::{Fs, Ino, Node, ROOT};
use crate::base::decide::{Decider, Decisions};
use std::hash::{Hash, Hasher};
use xxhash_rust::xxh3::Xxh3;

impl Fs {
    /// The inodes that have, or may turn out to have, a name; each once, in the order in which a walk from the root meets them.
    fn reachable(&self) -> Vec<Ino> {
        let mut met = vec![false; self.inodes.len()];
        let mut found = vec![ROOT];
        met[ROOT as usize] = true;
        let mut at = 0;
        while let Some(&ino) = found.get(at) {
            at += 1;
            let Node::Dir(dir) = &self.inodes[ino].node else { continue };
            for ino in dir.meanings().filter_map(|(.., ino)| ino) {
                if !std::mem::replace(&mut met[ino as usize], true) {
                    found.push(ino);
                }
            }
        }
        found
    }

    /// A hash of all that a host can see from now on, and of all that a crash may leave.
    pub(crate) fn digest(&self) -> u128 {
        let mut state = Xxh3::new();
        let reachable = self.reachable();
        let mut place = vec![u32::MAX; self.inodes.len()];
        for (at, &ino) in reachable.iter().enumerate() {
            place[ino as usize] = at as u32;
        }
        for &ino in &reachable {
            let inode = &self.inodes[ino];
            inode.changes.hash(&mut state);
            match &inode.node {
                Node::File(file) => file.hash(&mut state),
                Node::Dir(dir) => {
                    for (sense, tick, name, target) in dir.meanings() {
                        (sense, tick, name, target.map(|ino| place[ino as usize])).hash(&mut state);
                    }
                    u8::MAX.hash(&mut state);
                }
            }
        }
        self.surface.stale.hash(&mut state);
        self.surface.freed.hash(&mut state);
        self.surface.lost.hash(&mut state);
        self.journal.len().hash(&mut state);
        state.write_u8(0);
        state.digest128()
    }

    /// How many states the last loss of power may have left, as far as that is still open. Saturates.
    pub(crate) fn crash_states(&self) -> u128 {
        let of_inode = |ino: Ino| match &self.inodes[ino].node {
            Node::File(file) => file.crash_states(&self.surface),
            Node::Dir(dir) if dir.is_undecided() => self.states_of_dir(ino),
            Node::Dir(_) => 1,
        };
        self.reachable().into_iter().map(of_inode).fold(1, u128::saturating_mul)
    }

    /// Which changes of names survived is no product: a change that was lost takes later ones of its names with it.
    fn states_of_dir(&self, ino: Ino) -> u128 {
        let mut count = 0;
        let mut next = Some(Decider::branching(Decisions::new(), 0));
        while let Some(mut decide) = next {
            let mut fs = self.clone();
            fs.decide_inode(ino, &mut decide);
            count += 1;
            next = decide.next();
        }
        count
    }

    /// Decides everything that the last loss of power left open.
    pub(crate) fn decide_all(&mut self, decide: &mut Decider) {
        for ino in self.reachable() {
            self.decide_inode(ino, decide);
        }
    }

    fn decide_inode(&mut self, ino: Ino, decide: &mut Decider) {
        let (node, mut cx) = self.parts(ino, decide);
        match node {
            Node::File(file) => {
                let len = file.len(&mut cx);
                file.resolve_sectors(0, usize::try_from(len).expect("it was a size once"), &mut cx);
            }
            Node::Dir(dir) => dir.resolve(&mut cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Profile;
    use crate::media::files::fs::{Fill, Surface};
    use asl_host::fs::OpenMode;

    /// A file of four sectors that are durable, overwritten and not synced, and a new name beside it.
    fn overwritten(fill: Fill) -> (Fs, Decider) {
        let mut decide = Decider::replaying(Decisions::new());
        let mut fs = Fs::new(Profile::Posix, Surface::new(512, fill));
        let (ino, _) = fs.open("/f", OpenMode::Create, 1, &mut decide).expect("it can be made");
        fs.write(ino, &[b'a'; 2048], 0, &mut decide).expect("there is space");
        fs.sync_all();
        fs.write(ino, &[b'b'; 2048], 0, &mut decide).expect("there is space");
        fs.open("/g", OpenMode::Create, 2, &mut decide).expect("it can be made");
        (fs, decide)
    }

    #[test]
    fn as_many_states_are_counted_as_there_are() {
        for fill in [Fill::Zeros, Fill::Mixed] {
            let (mut fs, mut decide) = overwritten(fill);
            // And an append that is not synced: three sizes, and a sector that may hold anything.
            let (ino, _) = fs.open("/f", OpenMode::ReadWrite, 3, &mut decide).expect("it is there");
            fs.write(ino, &[b'c'; 600], 2048, &mut decide).expect("there is space");
            fs.power_loss(1, &mut decide);
            let mut enumerated = 0;
            let mut next = Some(Decider::branching(Decisions::new(), 0));
            while let Some(mut decide) = next {
                fs.clone().decide_all(&mut decide);
                enumerated += 1;
                next = decide.next();
            }
            assert_eq!(fs.crash_states(), enumerated, "{fill:?}");
        }
    }

    #[test]
    fn an_unsynced_overwrite_of_four_sectors_and_a_name_has_thirty_two_states() {
        let (mut fs, mut decide) = overwritten(Fill::Zeros);
        assert_eq!(fs.crash_states(), 1, "nothing is lost as long as the power is on");
        fs.power_loss(1, &mut decide);
        assert_eq!(fs.crash_states(), 32);
        fs.decide_all(&mut decide);
        assert_eq!(fs.crash_states(), 1);
    }

    #[test]
    fn the_same_content_has_the_same_digest_and_any_change_another() {
        let (fs, mut decide) = overwritten(Fill::Zeros);
        let (other, _) = overwritten(Fill::Zeros);
        assert_eq!(fs.digest(), other.digest());
        let mut changed = other.clone();
        let (ino, _) = changed.open("/g", OpenMode::ReadWrite, 9, &mut decide).expect("it is there");
        changed.write(ino, b"x", 0, &mut decide).expect("there is space");
        assert_ne!(fs.digest(), changed.digest());
        let mut renamed = other.clone();
        renamed.rename("/g", "/h", &mut decide).expect("it is there");
        assert_ne!(fs.digest(), renamed.digest());
        let mut lost = other;
        lost.power_loss(1, &mut decide);
        assert_ne!(fs.digest(), lost.digest());
    }
}
