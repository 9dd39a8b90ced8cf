//! What is durable: the order that a profile gives to changes, what syncs and their failures do, and the loss of power.
//!
//! Where metadata have an order, each such change is noted in the journal until a sync commits it. A loss of power decides one
//! thing at once, how much of the end of the journal is lost; what then remains open is independent and decided when somebody
//! looks (see `crash` and `dir`).

use super::axioms::{FailedSync, NamesSynced, Order};
use super::crash::PowerCut;
use super::fate::{Fate, What};
use super::file::Tick;
use super::{Fs, Ino, Inode, Node, Ordered, ROOT};
use crate::base::decide::{Address, Decider, Lean, Question};

impl Fs {
    /// The next change, which is one of names.
    pub(super) fn next_tick_of_names(&mut self) -> Tick {
        let tick = self.next_tick();
        if self.axioms.order != Order::None {
            self.journal.push(Ordered { tick, of_names: true });
        }
        tick
    }

    /// The next change, which is one of a file: of its data, or its size and blocks alone.
    pub(super) fn next_tick_of_file(&mut self, of_data: bool) -> Tick {
        let tick = self.next_tick();
        let has_order = match self.axioms.order {
            Order::None => false,
            Order::Metadata => !of_data,
            Order::Everything => true,
        };
        if has_order {
            self.journal.push(Ordered { tick, of_names: false });
        }
        tick
    }

    /// An inode's own metadata change.
    pub(super) fn metadata_changes(&mut self, ino: Ino, tick: Tick, links_only: bool) {
        if self.axioms.file_sync == NamesSynced::UpToOwnChange {
            let changes = &mut self.inodes[ino].changes;
            if changes.first().is_some_and(|(first, _)| *first <= self.committed) {
                changes.retain(|(change, _)| *change > self.committed);
            }
            changes.push((tick, links_only));
        }
    }

    pub(crate) fn sync(&mut self, ino: Ino, mark: Tick, data_only: bool) {
        let (sector_len, file_sync) = (self.surface.sector_len, self.axioms.file_sync);
        if self.sync_device(ino, mark) {
            return;
        }
        if !data_only {
            self.inodes[ino].sync_attributes(mark);
        }
        match &mut self.inodes[ino].node {
            Node::File(file) => {
                file.sync(mark, data_only && file_sync == NamesSynced::None, sector_len);
            }
            Node::Dir(dir) if self.axioms.order == Order::None => dir.sync(mark),
            Node::Dir(_) => {}
        }
        match file_sync {
            NamesSynced::None => {}
            NamesSynced::OwnOfNewInode => self.persist_new(ino),
            NamesSynced::UpToOwnChange => {
                let changes = self.inodes[ino].changes.iter();
                let passes_links = data_only && self.axioms.links_need_fsync;
                let own = changes.rev().find(|(change, links)| *change <= mark && !(passes_links && *links));
                self.commit(own.map_or(0, |(change, _)| *change));
            }
            NamesSynced::AllEarlier => self.commit(mark),
        }
    }

    /// Makes durable what has an order, up to here; where data have one too, the names only: a file's data take a sync of it.
    pub(super) fn commit(&mut self, upto: Tick) {
        if upto > self.committed {
            self.committed = upto;
            let names_only = self.axioms.order == Order::Everything;
            self.journal.retain(|change| change.tick > upto || (names_only && !change.of_names));
        }
    }

    /// Makes the names of an inode durable, unless it has a durable one, and those of the directories above it likewise.
    pub(super) fn persist_new(&mut self, ino: Ino) {
        let is_known = |inode: &Inode| matches!(&inode.node, Node::Dir(dir) if dir.has_durable(ino));
        if ino == ROOT || self.inodes.iter().any(is_known) {
            return;
        }
        let mut parents = Vec::new();
        for parent in 0..self.inodes.len() as Ino {
            let Node::Dir(dir) = &self.inodes[parent].node else { continue };
            if dir.names_of(ino).next().is_none() {
                continue;
            }
            let Node::Dir(dir) = &mut self.inodes[parent].node else { continue };
            let names: Vec<Box<str>> = dir.names_of(ino).map(Into::into).collect();
            for name in &names {
                dir.persist(name);
            }
            parents.push(parent);
        }
        for parent in parents {
            self.persist_new(parent);
        }
    }

    /// Everything is durable (sync(2)).
    pub(crate) fn sync_all(&mut self) {
        let mark = self.mark();
        for ino in 0..self.inodes.len() {
            self.sync(ino as Ino, mark, false);
        }
        self.commit(mark);
        self.journal.clear();
    }

    /// A sync that fails. Of a file: what becomes of its data is the profile's (F7), or the answer to `address` where all is
    /// possible. Of a directory: pending changes of names stay pending, so that syncing it again does make them durable.
    pub(crate) fn fail_sync(&mut self, ino: Ino, mark: Tick, address: Address, decide: &mut Decider) {
        let mut mode = if self.is_device(ino) { FailedSync::AnyOfThese } else { self.axioms.failed_sync };
        let inode = &mut self.inodes[ino];
        inode.sync_errors += 1;
        let Node::File(file) = &mut inode.node else { return };
        if mode == FailedSync::AnyOfThese && decide.choose(address, 2, Lean::Even) == 1 {
            mode = FailedSync::Reverted;
        }
        self.surface.states.reverted += u32::from(mode == FailedSync::Reverted);
        file.fail_sync(mark, mode, self.surface.sector_len);
    }

    /// The power goes.
    pub(crate) fn power_loss(&mut self, crash: u32, decide: &mut Decider) {
        self.walked.clear();
        self.surface.power_loss();
        let upto = self.decide_commit(crash, decide);
        let cut = PowerCut { crash, upto, names_upto: upto.max(self.committed), axioms: self.axioms };
        self.note_settled(&cut);
        let sector_len = self.surface.sector_len;
        let loses = |inode: &Inode| {
            !inode.changes.is_empty()
                || inode.has_pending_attributes()
                || match &inode.node {
                    Node::File(file) => file.loses_in_power_loss(),
                    Node::Dir(dir) => dir.loses_in_power_loss(),
                }
        };
        self.inodes.change_where(loses, |inode| {
            inode.changes.clear();
            inode.attributes_lost(&cut, decide);
            match &mut inode.node {
                Node::File(file) if file.is_device => {
                    file.power_loss(&PowerCut::without_order(crash), sector_len);
                }
                Node::File(file) => file.power_loss(&cut, sector_len),
                Node::Dir(dir) => dir.power_loss(&cut),
            }
        });
        self.committed = self.tick;
        self.journal.clear();
    }

    /// How far what has an order had come to be durable.
    pub(super) fn decide_commit(&mut self, crash: u32, decide: &mut Decider) -> Tick {
        let count = self.journal.len();
        let address = Address::new(Question::Commit, crash, 0, 0);
        let lost = decide.choose(address, count as u32 + 1, Lean::Mood) as usize;
        self.surface.states.decided += u64::from(count > 0);
        self.surface.states.commits_lost += u32::from(lost > 0);
        if count > 0 {
            let what = What::Order { lost: lost as u32, of: count as u32 };
            self.surface.note(|| Fate { crash, ino: ROOT, what });
        }
        if lost == 0 { Tick::MAX } else { self.journal[count - lost].tick - 1 }
    }

    /// Notes what becomes of names whose order settles it, if that is to be explained.
    fn note_settled(&mut self, cut: &PowerCut) {
        if self.surface.fates.is_none() || !self.orders_names() {
            return;
        }
        for (ino, inode) in self.inodes.iter().enumerate() {
            let Node::Dir(dir) = &inode.node else { continue };
            for what in dir.settled_by(cut) {
                self.surface.note(|| Fate { crash: cut.crash, ino: ino as Ino, what });
            }
        }
    }
}
