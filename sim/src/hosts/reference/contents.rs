//! What the journal says, replayed: the clock, the identity, and every store with its records, blocks and snapshots.
//!
//! Replaying a journal and working on change this in the same way, by [`Contents::apply`].

use super::frame::Entry;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A block's bytes, shared with snapshots.
pub(super) type Blocks = BTreeMap<u128, Arc<[u8]>>;

/// Everything that the journal says.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) identity: u128,
    /// Readings of the clock are below this.
    pub(super) reserved: u64,
    /// The stores, by location.
    pub(super) stores: BTreeMap<String, StoreContents>,
    /// The location of each store, by its number.
    locations: BTreeMap<u64, String>,
    /// Parts of blocks that are not sealed.
    parts: BTreeMap<(u64, u128), Vec<u8>>,
}

/// What one store holds.
#[derive(Clone, Debug, Default)]
pub(super) struct StoreContents {
    /// Where it was made: its number.
    pub(super) number: u64,
    pub(super) records: Vec<Arc<[u8]>>,
    /// How many of them are durable.
    pub(super) durable: usize,
    pub(super) blocks: Arc<Blocks>,
    pub(super) snapshots: BTreeMap<u128, Snapshot>,
}

/// A snapshot: a prefix of the log, and the blocks that were sealed.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) count: usize,
    pub(super) blocks: Arc<Blocks>,
}

impl Contents {
    /// What a frame at this position says has come to be. False if it makes no sense there.
    pub(super) fn apply(&mut self, position: u64, entry: Entry) -> bool {
        match entry {
            Entry::Format { identity, .. } => self.identity = identity,
            Entry::Start { .. } => self.parts.clear(),
            Entry::Clock { reserved } => self.reserved = reserved,
            Entry::Mark => {}
            Entry::Create { location } => {
                let store = StoreContents { number: position, ..StoreContents::default() };
                self.locations.insert(position, location.clone());
                return self.stores.insert(location, store).is_none();
            }
            Entry::Destroy { store } => {
                let location = self.locations.remove(&store);
                return location.is_some_and(|location| self.stores.remove(&location).is_some());
            }
            Entry::Part { store, block, data } => {
                self.parts.entry((store, block)).or_default().extend_from_slice(&data);
            }
            Entry::Seal { store, block } => {
                let bytes = self.parts.remove(&(store, block)).unwrap_or_default();
                let Some(store) = self.numbered(store) else { return false };
                Arc::make_mut(&mut store.blocks).insert(block, Arc::from(bytes));
            }
            Entry::Record { store, data } => match self.numbered(store) {
                Some(store) => store.records.push(data),
                None => return false,
            },
            Entry::Snapshot { store, snapshot } => {
                let Some(store) = self.numbered(store) else { return false };
                let content = Snapshot { count: store.records.len(), blocks: store.blocks.clone() };
                store.snapshots.insert(snapshot, content);
            }
            Entry::DeleteSnapshot { store, snapshot } => {
                let Some(store) = self.numbered(store) else { return false };
                return store.snapshots.remove(&snapshot).is_some();
            }
        }
        true
    }

    /// Everything so far is durable.
    pub(super) fn is_durable(&mut self) {
        for store in self.stores.values_mut() {
            store.durable = store.records.len();
        }
    }

    fn numbered(&mut self, number: u64) -> Option<&mut StoreContents> {
        self.stores.get_mut(self.locations.get(&number)?)
    }
}
