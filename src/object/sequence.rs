//! The numbered sequence of a store: what is read of it, and how the next entry is put.
//!
//! Entries have numbers from 1, without a gap, over all lives of a location: each is put where none is, by a conditional create, and
//! none is ever removed. What an entry means follows from those before it ([`State`]), so whoever puts number N has seen all of them, and
//! a request that lands late finds its number taken. The end is found by reading; lists are a hint, which only says where to begin.
//!
//! Every `checkpoint_every` entries their state is put beside them, and the one before the last is removed. To open a store therefore takes
//! a list, one read, and at most so many more, as long as the list is not stale; a stale one costs reads.

use super::entry::{self, Block, Entry, HEADER_LEN, What};
use super::requests::{Failure, Put, Requests};
use crate::env::Env;
use crate::error::ErrorKind;
use object_store::ObjectStore;
use object_store::path::Path;
use std::collections::BTreeMap;

/// What a sequence comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The number of the last entry.
    pub(super) last: u64,
    /// The entry that made the store, if there is one.
    pub(super) made: Option<u64>,
    /// How many records there are.
    pub(super) records: u64,
    /// Sealed blocks by name, with the numbers of their entries.
    pub(super) blocks: BTreeMap<String, (u64, Block)>,
    /// Snapshots by the numbers of their entries, with how many records they show.
    pub(super) snapshots: BTreeMap<u64, u64>,
}

impl State {
    /// The next entry is added. False if it makes no sense there.
    pub(super) fn add(&mut self, entry: &Entry) -> bool {
        let number = self.last + 1;
        let fits = match entry.what {
            What::Created => self.made.is_none(),
            What::Destroyed => true,
            _ => self.made.is_some(),
        };
        if !fits || entry.first != self.records + 1 {
            return false;
        }
        self.last = number;
        match &entry.what {
            What::Created => self.made = Some(number),
            What::Opened => {}
            What::Batch(records) => self.records += records.len() as u64,
            What::Sealed(block) => {
                self.blocks.insert(block.name.clone(), (number, block.clone()));
            }
            What::Snapshot => {
                self.snapshots.insert(number, self.records);
            }
            What::SnapshotDeleted(snapshot) => {
                self.snapshots.remove(snapshot);
            }
            What::Destroyed => *self = State { last: number, ..State::default() },
        }
        true
    }

    /// The sealed block of this name.
    pub(super) fn sealed(&self, name: &str) -> Option<Block> {
        self.blocks.get(name).map(|(_, block)| block.clone())
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let counts = [self.blocks.len() as u64, self.snapshots.len() as u64];
        for word in [self.last, self.made.unwrap_or(0), self.records].into_iter().chain(counts) {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for (number, block) in self.blocks.values() {
            out.extend_from_slice(&number.to_le_bytes());
            block.encode(&mut out);
        }
        for (number, records) in &self.snapshots {
            out.extend_from_slice(&number.to_le_bytes());
            out.extend_from_slice(&records.to_le_bytes());
        }
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Option<State> {
        let (mut rest, crc) = bytes.split_last_chunk()?;
        if crc32c::crc32c(rest) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (last, made, records) = (word(&mut rest)?, word(&mut rest)?, word(&mut rest)?);
        let (blocks, snapshots) = (word(&mut rest)?, word(&mut rest)?);
        let mut state =
            State { last, made: Some(made).filter(|made| *made > 0), records, ..State::default() };
        for _ in 0..blocks {
            let number = word(&mut rest)?;
            let (block, after) = Block::decode(rest)?;
            rest = after;
            state.blocks.insert(block.name.clone(), (number, block));
        }
        for _ in 0..snapshots {
            let number = word(&mut rest)?;
            state.snapshots.insert(number, word(&mut rest)?);
        }
        rest.is_empty().then_some(state)
    }
}

fn word(bytes: &mut &[u8]) -> Option<u64> {
    let (word, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*word))
}

/// Where the objects of a location are.
#[derive(Clone, Debug)]
pub(super) struct Names {
    base: Path,
}

impl Names {
    pub(super) fn of(location: &str) -> Names {
        Names { base: Path::from(location) }
    }

    fn entry(&self, number: u64) -> Path {
        self.base.clone().join("entries").join(format!("{number:020}"))
    }

    fn states(&self) -> Path {
        self.base.clone().join("states")
    }

    fn state(&self, number: u64) -> Path {
        self.states().join(format!("{number:020}"))
    }

    pub(super) fn part(&self, block: &str, part: u32) -> Path {
        self.base.clone().join("blocks").join(block).join(format!("{part:08}"))
    }

    pub(super) fn parts(&self, block: &str) -> Path {
        self.base.clone().join("blocks").join(block)
    }

    /// The marks of blocks that are open.
    pub(super) fn marks(&self) -> Path {
        self.base.clone().join("unsealed")
    }

    pub(super) fn mark(&self, block: &str) -> Path {
        self.marks().join(block)
    }

    pub(super) fn probe(&self, nonce: u128) -> Path {
        self.base.clone().join("probes").join(format!("{nonce:032x}"))
    }
}

impl<S: ObjectStore, E: Env> Requests<S, E> {
    /// A number that nobody else draws.
    pub(super) fn nonce(&self) -> u128 {
        u128::from(self.env.random_u64()) << 64 | u128::from(self.env.random_u64())
    }

    /// What the sequence comes to, as far as it can be read.
    pub(super) async fn state(&self, names: &Names) -> Result<State, Failure> {
        let mut state = self.checkpoint(names).await?.unwrap_or_default();
        while self.read_next(names, &mut state).await? {}
        Ok(state)
    }

    /// The last checkpoint that a list shows and that can be read.
    async fn checkpoint(&self, names: &Names) -> Result<Option<State>, Failure> {
        let mut shown = self.list(&names.states()).await?;
        shown.sort_unstable();
        while let Some(name) = shown.pop() {
            // One that is damaged is not needed; one that is gone was replaced by a later one.
            let found = self.get(&name).await?.and_then(|bytes| State::decode(&bytes));
            if let Some(state) = found.filter(|state| names.state(state.last) == name) {
                return Ok(Some(state));
            }
        }
        Ok(None)
    }

    /// Adds the next entry to the state, if there is one.
    pub(super) async fn read_next(&self, names: &Names, state: &mut State) -> Result<bool, Failure> {
        let name = names.entry(state.last + 1);
        let Some(bytes) = self.get_whole(&name, is_entry).await? else { return Ok(false) };
        let fits = Entry::decode(&bytes).is_some_and(|entry| state.add(&entry));
        if fits { Ok(true) } else { Err(damaged(state.last + 1)) }
    }

    /// The entry of this number, which there is.
    pub(super) async fn entry(&self, names: &Names, number: u64) -> Result<Entry, Failure> {
        let bytes = self.get_whole(&names.entry(number), is_entry).await?;
        bytes.and_then(|bytes| Entry::decode(&bytes)).ok_or_else(|| damaged(number))
    }

    /// The number that the next record got when the entry of this number began.
    pub(super) async fn first_of(&self, names: &Names, number: u64) -> Result<u64, Failure> {
        let is_header = |bytes: &[u8]| entry::first(bytes).is_some();
        let header = self.get_first(&names.entry(number), HEADER_LEN, is_header).await?;
        header.and_then(|header| entry::first(&header)).ok_or_else(|| damaged(number))
    }

    /// Puts an entry under this number. If another stands there, gives that.
    pub(super) async fn put_entry(
        &self,
        names: &Names,
        number: u64,
        entry: &Entry,
    ) -> Result<Option<Entry>, Failure> {
        match self.put_new(&names.entry(number), &entry.encode(), is_entry).await? {
            Put::Done => Ok(None),
            Put::Taken(bytes) => Entry::decode(&bytes).map(Some).ok_or_else(|| damaged(number)),
        }
    }

    /// Puts what is wanted behind all that there is, of which `state` was read. `is_wanted` may say that it is not, each time that
    /// something else came first.
    pub(super) async fn put_at_end(
        &self,
        names: &Names,
        mut state: State,
        what: What,
        is_wanted: impl Fn(&State) -> Result<(), ErrorKind> + Send,
    ) -> Result<State, Failure> {
        let nonce = self.nonce();
        loop {
            is_wanted(&state).map_err(|kind| Failure::new(kind, ""))?;
            let entry = Entry { nonce, first: state.records + 1, what: what.clone() };
            let taken = self.put_entry(names, state.last + 1, &entry).await?;
            let is_ours = taken.is_none();
            if !state.add(&taken.unwrap_or(entry)) {
                return Err(damaged(state.last + 1));
            }
            if is_ours {
                if self.is_checkpoint(&state) {
                    self.keep(names, &state).await;
                }
                return Ok(state);
            }
            while self.read_next(names, &mut state).await? {}
        }
    }

    /// Whether this state is one of those that are kept.
    pub(super) fn is_checkpoint(&self, state: &State) -> bool {
        state.last.is_multiple_of(self.options.checkpoint_every.max(1))
    }

    /// Keeps a checkpoint. Without it, opening takes longer, and that is all.
    pub(super) async fn keep(&self, names: &Names, state: &State) {
        let before = 2 * self.options.checkpoint_every.max(1);
        if self.put(&names.state(state.last), &state.encode()).await.is_ok() && state.last > before {
            self.remove(&names.state(state.last - before)).await;
        }
    }
}

fn is_entry(bytes: &[u8]) -> bool {
    Entry::decode(bytes).is_some()
}

fn damaged(number: u64) -> Failure {
    Failure::new(ErrorKind::Corrupt, format!("entry {number} is damaged"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(state: &mut State, what: What) -> bool {
        let entry = Entry { nonce: 1, first: state.records + 1, what };
        state.add(&entry)
    }

    #[test]
    fn a_store_that_is_made_again_holds_nothing_of_the_one_before() {
        let mut state = State::default();
        for what in [What::Created, What::Batch(vec![vec![1], vec![2]]), What::Snapshot, What::Destroyed] {
            assert!(add(&mut state, what));
        }
        assert_eq!(state, State { last: 4, ..State::default() });
        assert!(!add(&mut state, What::Batch(vec![vec![3]])), "there is no store");
        assert!(add(&mut state, What::Created));
        assert_eq!((state.made, state.records), (Some(5), 0));
    }

    #[test]
    fn a_state_is_read_back_as_it_was_kept() {
        let mut state = State::default();
        let block = Block { name: "ab".to_owned(), parts: 2, len: 9, crc: 4 };
        for what in
            [What::Created, What::Batch(vec![vec![1]]), What::Sealed(block), What::Snapshot, What::Opened]
        {
            assert!(add(&mut state, what));
        }
        let bytes = state.encode();
        assert_eq!(State::decode(&bytes), Some(state));
        for len in 0..bytes.len() {
            assert_eq!(State::decode(&bytes[..len]), None);
        }
    }
}
