//! One directory's names: as the process sees them, as the medium holds them, and the changes in between.
//!
//! Every create, unlink, mkdir, rmdir, link and rename is a change of names in a directory, pending until the directory is
//! synced (F4). After a power loss any set of pending changes may have survived, as long as it is a *down-set*: changes of
//! one name are ordered among themselves, changes of different names are not. A rename inside one directory is one change
//! of two names, so that it is whole or absent; across directories it is two, which are independent where the profile has no
//! order of metadata. Where it has one, the changes up to some point of it have survived, and nothing is left to decide. A replaced target holds the old inode or the new one, never neither, because it is one name with two versions.
//!
//! Where a sync of a new file is logged apart from its directory (btrfs), and the file is renamed or removed after that, replaying
//! the log brings the file to its new name and may leave at the old one what stood there before: nobody had synced that away.
//!
//! The whole directory is decided when recovery first looks at a name that is undecided, or lists it.
//!
//! Not modelled: names that turn to garbage, and directories whose own sectors tear.

use super::Ino;
use super::axioms::Order;
use super::crash::PowerCut;
use super::fate::{Fate, What};
use super::file::{Resolve, Tick};
use crate::base::decide::{Address, Lean, Question};

/// A directory's names, sorted.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Vec<(Box<str>, Ino)>);

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<Ino> {
        self.find(name).ok().map(|at| self.0[at].1)
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name))
    }

    fn set(&mut self, name: &str, target: Option<Ino>) {
        match (self.find(name), target) {
            (Ok(at), Some(ino)) => self.0[at].1 = ino,
            (Ok(at), None) => {
                self.0.remove(at);
            }
            (Err(at), Some(ino)) => self.0.insert(at, (name.into(), ino)),
            (Err(_), None) => {}
        }
    }
}

/// One change: up to two names and what they stand for afterwards.
#[derive(Clone, Debug)]
struct Change {
    tick: Tick,
    edits: [Option<(Box<str>, Option<Ino>)>; 2],
    /// A name that it takes away, and what may stand there again: what stood there before a sync of a file was logged.
    stale: Option<(Box<str>, Ino)>,
}

impl Change {
    fn edits(&self) -> impl Iterator<Item = (&str, Option<Ino>)> {
        self.edits.iter().flatten().map(|(name, target)| (name.as_ref(), *target))
    }

    fn meanings(&self, sense: u8) -> impl Iterator<Item = (u8, Tick, &str, Option<Ino>)> {
        let edits = self.edits().map(move |(name, target)| (sense, self.tick, name, target));
        edits.chain(self.stale.iter().map(move |(name, ino)| (sense + 2, self.tick, &**name, Some(*ino))))
    }

    fn apply(&self, names: &mut Names) {
        self.edits().for_each(|(name, target)| names.set(name, target));
    }

    /// For an explanation: the names, and whether they stand for something afterwards.
    fn what(&self, lost: bool) -> What {
        What::Names {
            names: self.edits().map(|(name, target)| (name.to_owned(), target.is_some())).collect(),
            lost,
        }
    }

    fn touches(&self, name: &str) -> bool {
        self.edits().any(|(known, _)| known == name)
    }
}

/// A directory.
#[derive(Clone, Debug, Default)]
pub(super) struct DirData {
    names: Names,
    durable: Names,
    pending: Vec<Change>,
    /// What names stood for on the medium before syncs of new files were logged, which gave them another meaning.
    before_log: Vec<(Box<str>, Ino)>,
    /// The crash, and the changes that it left undecided.
    undecided: Option<(u32, Vec<Change>)>,
}

impl DirData {
    pub(super) fn lookup(&mut self, name: &str, cx: &mut Resolve<'_>) -> Option<Ino> {
        if self
            .undecided
            .as_ref()
            .is_some_and(|(_, changes)| changes.iter().any(|change| change.touches(name)))
        {
            self.resolve(cx);
        }
        self.names.get(name)
    }

    pub(super) fn list(&mut self, cx: &mut Resolve<'_>) -> impl Iterator<Item = &str> {
        self.entries(cx).map(|(name, _)| name)
    }

    pub(super) fn entries(&mut self, cx: &mut Resolve<'_>) -> impl Iterator<Item = (&str, Ino)> {
        self.resolve(cx);
        self.names.0.iter().map(|(name, ino)| (name.as_ref(), *ino))
    }

    pub(super) fn is_empty(&mut self, cx: &mut Resolve<'_>) -> bool {
        self.resolve(cx);
        self.names.0.is_empty()
    }

    /// Makes a name stand for an inode, or for nothing.
    pub(super) fn change(&mut self, name: &str, target: Option<Ino>, tick: Tick, cx: &mut Resolve<'_>) {
        let stale = if target.is_none() { self.before_log(name) } else { None };
        self.push(Change { tick, edits: [Some((name.into(), target)), None], stale }, cx);
    }

    /// Moves a name inside the directory.
    pub(super) fn rename(&mut self, from: &str, to: &str, ino: Ino, tick: Tick, cx: &mut Resolve<'_>) {
        let edits = [Some((from.into(), None)), Some((to.into(), Some(ino)))];
        self.push(Change { tick, edits, stale: self.before_log(from) }, cx);
    }

    /// Makes two names inside the directory stand for each other's inode.
    pub(super) fn exchange(
        &mut self,
        (one, one_ino): (&str, Ino),
        (other, other_ino): (&str, Ino),
        tick: Tick,
        cx: &mut Resolve<'_>,
    ) {
        let edits = [Some((one.into(), Some(other_ino))), Some((other.into(), Some(one_ino)))];
        self.push(Change { tick, edits, stale: None }, cx);
    }

    fn before_log(&self, name: &str) -> Option<(Box<str>, Ino)> {
        self.before_log.iter().find(|(known, _)| known.as_ref() == name).cloned()
    }

    fn push(&mut self, change: Change, cx: &mut Resolve<'_>) {
        self.resolve(cx);
        change.apply(&mut self.names);
        self.pending.push(change);
    }

    /// Makes the changes up to `mark` durable.
    pub(super) fn sync(&mut self, mark: Tick) {
        self.before_log.clear();
        let covered = self.pending.partition_point(|change| change.tick <= mark);
        for change in self.pending.drain(..covered) {
            change.apply(&mut self.durable);
        }
    }

    /// Everything that a name here stands for, or may turn out to stand for: in which sense, the name, and the inode.
    pub(super) fn meanings(&self) -> impl Iterator<Item = (u8, Tick, &str, Option<Ino>)> {
        let now = self.names.0.iter().map(|(name, ino)| (0, 0, &**name, Some(*ino)));
        let durable = self.durable.0.iter().map(|(name, ino)| (1, 0, &**name, Some(*ino)));
        let before = self.before_log.iter().map(|(name, ino)| (2, 0, &**name, Some(*ino)));
        let pending = self.pending.iter().flat_map(|change| change.meanings(3));
        let undecided = self.undecided.iter().flat_map(|(_, changes)| changes);
        let undecided = undecided.flat_map(|change| change.meanings(4));
        now.chain(durable).chain(before).chain(pending).chain(undecided)
    }

    /// Whether a loss of power left anything to decide.
    pub(super) fn is_undecided(&self) -> bool {
        self.undecided.is_some()
    }

    /// The names that stand for an inode now.
    pub(super) fn names_of(&self, ino: Ino) -> impl Iterator<Item = &str> {
        self.names.0.iter().filter(move |(_, target)| *target == ino).map(|(name, _)| name.as_ref())
    }

    /// The inodes that have a name here now.
    pub(super) fn inodes(&self) -> impl Iterator<Item = Ino> {
        self.names.0.iter().map(|(_, ino)| *ino)
    }

    /// Whether the medium has a name for the inode.
    pub(super) fn has_durable(&self, ino: Ino) -> bool {
        self.durable.0.iter().any(|(_, target)| *target == ino)
    }

    /// Makes a name durable as it stands, with all changes that must come before that.
    pub(super) fn persist(&mut self, name: &str) {
        let Some(last) = self.pending.iter().rposition(|change| change.touches(name)) else { return };
        let mut needed = vec![false; last + 1];
        needed[last] = true;
        for at in (0..last).rev() {
            needed[at] = (at + 1..=last).any(|later| {
                needed[later] && self.pending[at].edits().any(|(name, _)| self.pending[later].touches(name))
            });
        }
        for (change, _) in self.pending.iter().zip(&needed).filter(|(_, needed)| **needed) {
            for (name, _) in change.edits() {
                if let Some(ino) = self.durable.get(name)
                    && !self.before_log.iter().any(|(known, _)| known.as_ref() == name)
                {
                    self.before_log.push((name.into(), ino));
                }
            }
        }
        let mut at = 0;
        self.pending.retain(|change| {
            let goes = needed.get(at).copied().unwrap_or(false);
            at += 1;
            if goes {
                change.apply(&mut self.durable);
            }
            !goes
        });
    }

    /// Whether a loss of power changes anything here.
    pub(super) fn loses_in_power_loss(&self) -> bool {
        !self.before_log.is_empty() || !self.pending.is_empty()
    }

    pub(super) fn power_loss(&mut self, cut: &PowerCut) {
        self.before_log.clear();
        if self.pending.is_empty() {
            return;
        }
        debug_assert!(self.undecided.is_none(), "whoever changes a name has decided the directory");
        let pending = std::mem::take(&mut self.pending);
        if cut.axioms.order == Order::None {
            self.names.0.clone_from(&self.durable.0);
            self.undecided = Some((cut.crash, pending));
            return;
        }
        pending
            .iter()
            .filter(|change| change.tick <= cut.names_upto)
            .for_each(|change| change.apply(&mut self.durable));
        self.names.0.clone_from(&self.durable.0);
    }

    /// For an explanation: the changes that a loss of power settles by their order.
    pub(super) fn settled_by(&self, cut: &PowerCut) -> Vec<What> {
        self.pending.iter().map(|change| change.what(change.tick > cut.names_upto)).collect()
    }

    pub(super) fn resolve(&mut self, cx: &mut Resolve<'_>) {
        let Some((crash, changes)) = self.undecided.take() else { return };
        let mut lost: Vec<&str> = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            cx.surface.states.decided += 1;
            let blocked = change.edits().any(|(name, _)| lost.contains(&name));
            let address = Address::new(Question::Name, crash, cx.inode_key, index as u32);
            let is_lost = blocked || cx.decide.choose(address, 2, Lean::Mood) == 1;
            let ino = cx.ino;
            cx.surface.note(|| Fate { crash, ino, what: change.what(is_lost) });
            if is_lost {
                cx.surface.states.names_lost += 1;
                lost.extend(change.edits().map(|(name, _)| name));
            } else {
                change.apply(&mut self.names);
                change.apply(&mut self.durable);
                let address = Address::new(Question::StaleName, crash, cx.inode_key, index as u32);
                if let Some((name, ino)) = &change.stale
                    && cx.decide.choose(address, 2, Lean::Even) == 1
                {
                    self.names.set(name, Some(*ino));
                    self.durable.set(name, Some(*ino));
                }
            }
        }
    }
}
