//! What an inode has besides its content: mode, owner, extended attributes and times.
//!
//! Mode, owner and extended attributes change together, one version a call; the newest that a sync of the inode covered is
//! durable, and after a loss of power it is that one or any later (where metadata have an order: the last that was
//! committed). Which it was is decided at the moment of the loss. What an inode is made with is durable with it.
//!
//! Times are those of the simulated clock. Hosts that run inside this process never ask for any of this, and pay for none of
//! it: an inode has attributes from the first call that gives it some.
//!
//! Not modelled: times that a loss of power takes back (those of the last call are kept, which it may leave, too), access
//! times (a read changes none, as with `noatime`), permissions (who asks is checked by the kernel of a mount), and limits on
//! the size of attributes. Explanations do not tell of attributes that were lost.

use super::crash::PowerCut;
use super::file::Tick;
use super::{Fs, Ino, Inode};
use crate::base::decide::{Address, Decider, Lean, Question};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What only calls change that are made for it. They are one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owned {
    /// Permissions, without the type.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
    /// Never changes.
    pub(crate) form: Form,
}

/// What an inode is that is no directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    #[default]
    Regular,
    Symlink,
    /// It has no content: whoever opens it talks to the kernel.
    Special(Special),
}

/// What is no more than a name and attributes to a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are what mknod(2) calls them")]
pub enum Special {
    Fifo,
    Socket,
    /// With the device's number, as the kernel hands it over.
    CharDevice(u32),
    /// With the device's number, as the kernel hands it over.
    BlockDevice(u32),
}

/// In nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "units are last in names")]
pub(crate) struct Times {
    pub(crate) accessed_ns: u64,
    pub(crate) modified_ns: u64,
    pub(crate) changed_ns: u64,
}

/// The attributes of one inode.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    now: Arc<Owned>,
    durable: Arc<Owned>,
    pending: Vec<(Tick, Arc<Owned>)>,
    times: Times,
}

impl Attributes {
    fn sync(&mut self, mark: Tick) {
        let covered = self.pending.partition_point(|(tick, _)| *tick <= mark);
        if let Some((_, newest)) = self.pending.drain(..covered).next_back() {
            self.durable = newest;
        }
    }

    /// The power goes. `choose` is asked for one of so many, of which the first is the newest.
    fn power_loss(&mut self, cut: &PowerCut, choose: impl FnOnce(u32) -> u32) {
        if cut.is_ordered(true) {
            self.sync(cut.names_upto);
        } else {
            let choice = choose(self.pending.len() as u32 + 1) as usize;
            let kept = self.pending.len() - choice;
            if kept > 0 {
                self.durable = self.pending[kept - 1].1.clone();
            }
        }
        self.pending.clear();
        self.now.clone_from(&self.durable);
    }
}

impl Inode {
    /// What a new inode has from the beginning.
    pub(super) fn begins_with(&mut self, owned: Owned) {
        let owned = Arc::new(owned);
        let attributes = Attributes { now: owned.clone(), durable: owned, ..Attributes::default() };
        self.attributes = Some(Box::new(attributes));
    }

    pub(super) fn sync_attributes(&mut self, mark: Tick) {
        if let Some(attributes) = &mut self.attributes {
            attributes.sync(mark);
        }
    }

    pub(super) fn has_pending_attributes(&self) -> bool {
        self.attributes.as_ref().is_some_and(|attributes| !attributes.pending.is_empty())
    }

    pub(super) fn attributes_lost(&mut self, cut: &PowerCut, decide: &mut Decider) {
        let address = Address::new(Question::Attributes, cut.crash, self.key, 0);
        if let Some(attributes) = &mut self.attributes
            && !attributes.pending.is_empty()
        {
            attributes.power_loss(cut, |count| decide.choose(address, count, Lean::Mood));
        }
    }
}

impl Fs {
    /// What an inode has; `None` if nobody ever gave it anything.
    pub(crate) fn owned(&self, ino: Ino) -> Option<&Owned> {
        self.inodes[ino].attributes.as_deref().map(|attributes| &*attributes.now)
    }

    /// What an inode is, if it is no directory.
    pub(crate) fn form(&self, ino: Ino) -> Form {
        self.owned(ino).map_or(Form::Regular, |owned| owned.form)
    }

    pub(crate) fn times(&self, ino: Ino) -> Times {
        self.inodes[ino].attributes.as_deref().map_or_else(Times::default, |attributes| attributes.times)
    }

    pub(crate) fn set_times(&mut self, ino: Ino, times: Times) {
        self.inodes[ino].attributes.get_or_insert_default().times = times;
    }

    /// Gives an inode the attributes that it is to have had from the beginning.
    pub(crate) fn begin_owned(&mut self, ino: Ino, owned: Owned) {
        self.inodes[ino].begins_with(owned);
    }

    /// Gives an inode other attributes, which a loss of power may take back until it is synced.
    pub(crate) fn set_owned(&mut self, ino: Ino, owned: Owned) {
        let tick = self.next_tick_of_file(false);
        self.metadata_changes(ino, tick, false);
        let attributes = self.inodes[ino].attributes.get_or_insert_default();
        attributes.now = Arc::new(owned);
        attributes.pending.push((tick, attributes.now.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::calls_at::New;
    use super::super::{Fill, ROOT, Surface};
    use super::*;
    use crate::base::decide::Decisions;
    use crate::media::Profile;

    fn modes_after_loss(profile: Profile, syncs: bool, answer: u32) -> u32 {
        let address = Address::new(Question::Attributes, 1, 7, 0);
        let commit = Address::new(Question::Commit, 1, 0, 0);
        let mut decide = Decider::replaying(Decisions::from_iter([(address, answer), (commit, answer)]));
        let mut fs = Fs::new(profile, Surface::new(512, Fill::Zeros));
        let owned = |mode| Owned { mode, ..Owned::default() };
        let ino =
            fs.make_at((ROOT, "f"), 7, New::File, Some(owned(0o600)), &mut decide).expect("there is none");
        fs.sync_all();
        fs.set_owned(ino, owned(0o640));
        fs.set_owned(ino, owned(0o644));
        if syncs {
            let mark = fs.mark();
            fs.sync(ino, mark, false);
        }
        fs.power_loss(1, &mut decide);
        fs.owned(ino).expect("it has some").mode
    }

    #[test]
    fn attributes_that_were_not_synced_are_any_since_the_last_sync() {
        for profile in [Profile::Posix, Profile::Ext4Ordered] {
            let found: Vec<u32> = (0..3).map(|answer| modes_after_loss(profile, false, answer)).collect();
            assert_eq!(found, [0o644, 0o640, 0o600], "{profile:?}");
            assert!((0..3).all(|answer| modes_after_loss(profile, true, answer) == 0o644), "{profile:?}");
        }
    }

    #[test]
    fn a_symbolic_link_loses_its_name_or_nothing() {
        let mut decide = Decider::replaying(Decisions::new());
        let mut fs = Fs::new(Profile::Posix, Surface::new(512, Fill::Garbage));
        let owned = Owned { form: Form::Symlink, ..Owned::default() };
        fs.make_at((ROOT, "l"), 7, New::Symlink("a/b"), Some(owned), &mut decide).expect("there is none");
        fs.power_loss(1, &mut decide);
        let ino = fs.look_up((ROOT, "l"), &mut decide).expect("its name was kept");
        assert_eq!(fs.link_target(ino, &mut decide).expect("it is a link"), "a/b");
    }
}
