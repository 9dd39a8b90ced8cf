//! A small content-addressed store above any host of the contract: `put` bytes, get an id, `get` the bytes of an id.
//!
//! A put writes the bytes to an open block and seals it, writes an index entry to a segment and seals that, appends a
//! `SEGMENT_SEAL` record to the log (and flushes it, if the host is durable on flush), and only then acknowledges. What a crash leaves
//! before the record is garbage that nobody sees. Opening replays the log to CURRENT and verifies the chain, the hash of every visible
//! segment, and that every extent lies in a sealed block.
//!
//! Segment ids are readings of the host's clock, which never repeats one; the log does not say which block a segment is, so opening
//! hashes all sealed blocks to find it. A real store would group many entries in a segment, collect garbage, and keep a snapshot.

use super::log::{CHAIN_START, Entry, Hash, decode, encode, sha256};
use super::segment::{self, Extent, Location};
use asl_host::{BlockId, Code, Durability, Host, LogSeq, Store, StoreError, StoreLocation};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Artifacts are cut into extents of at most this many bytes, to have locations with several.
const EXTENT_LEN_MAX: usize = 1000;
/// Records that are read at a time.
const BATCH: usize = 64;

/// The order of a put's steps: the right one, and two classic mistakes, which the tests must catch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discipline {
    /// Seal all, log, flush if need be, acknowledge.
    Right,
    /// The log record is written before the segment that it speaks of is sealed.
    LogBeforeSeal,
    /// The log record is acknowledged as soon as it is appended, whatever the host's durability.
    NoFlush,
}

/// What goes wrong in the store. An I/O error is never told as an integrity error.
#[derive(Debug)]
pub(crate) enum CasError {
    /// The host said so.
    Host(StoreError),
    /// What is stored is not what was.
    Integrity(String),
    /// After an error in the log it is not known what its end is: the store has to be opened again.
    Reopen,
}

impl fmt::Display for CasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CasError::Host(error) => write!(f, "host: {error}"),
            CasError::Integrity(what) => write!(f, "integrity: {what}"),
            CasError::Reopen => f.write_str("the log failed before: open the store again"),
        }
    }
}

impl std::error::Error for CasError {}

impl From<StoreError> for CasError {
    fn from(error: StoreError) -> CasError {
        CasError::Host(error)
    }
}

/// What the log says up to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Current {
    /// Number of the last record.
    pub(crate) last: u64,
    /// Its hash.
    pub(crate) chain: Hash,
    /// Artifacts and where they are, in hidden ones too.
    pub(crate) index: BTreeMap<Hash, Location>,
    /// Artifacts under a tombstone.
    pub(crate) hidden: BTreeSet<Hash>,
}

/// An open store.
pub(crate) struct CasStore<'h, H: Host> {
    host: &'h H,
    store: H::Store,
    discipline: Discipline,
    current: Current,
    failed: bool,
}

impl<'h, H: Host> CasStore<'h, H> {
    /// Opens the store, or makes it if it is not there.
    pub(crate) async fn open(
        host: &'h H,
        location: &StoreLocation,
        discipline: Discipline,
    ) -> Result<CasStore<'h, H>, CasError> {
        let store = match host.open_store(location).await {
            Err(error) if error.code() == Code::NotFound => host.create_store(location).await?,
            opened => opened?,
        };
        let current = replay(&store).await?;
        Ok(CasStore { host, store, discipline, current, failed: false })
    }

    /// What is visible.
    pub(crate) fn current(&self) -> &Current {
        &self.current
    }

    /// The host's handle, to look below.
    pub(crate) fn host_store(&self) -> &H::Store {
        &self.store
    }

    /// Stores an artifact. Putting it again is the same as putting it once.
    pub(crate) async fn put(&mut self, bytes: &[u8]) -> Result<Hash, CasError> {
        let id = sha256(&[bytes]);
        if self.failed {
            return Err(CasError::Reopen);
        }
        if self.current.index.contains_key(&id) {
            return Ok(id);
        }
        let block = self.write(bytes).await?;
        self.store.seal_block(&block).await?;
        let mut location: Location = Vec::new();
        for offset in (0..bytes.len().max(1)).step_by(EXTENT_LEN_MAX) {
            let len = (bytes.len() - offset).min(EXTENT_LEN_MAX) as u64;
            location.push(Extent { block: block.clone(), offset: offset as u64, len });
        }
        let segment = self.host.now().await?.0;
        let entries = segment::encode(segment, &[(id, location.clone())]);
        let segment_block = self.write(&entries).await?;
        let seal = Entry::SegmentSeal { segment, hash: sha256(&[&entries]) };
        if self.discipline == Discipline::LogBeforeSeal {
            self.log(&seal).await?;
            self.store.seal_block(&segment_block).await?;
        } else {
            self.store.seal_block(&segment_block).await?;
            self.log(&seal).await?;
        }
        self.current.index.insert(id, location);
        Ok(id)
    }

    /// The bytes of a visible artifact.
    pub(crate) async fn get(&self, id: &Hash) -> Result<Option<Vec<u8>>, CasError> {
        if self.current.hidden.contains(id) {
            return Ok(None);
        }
        let Some(location) = self.current.index.get(id) else { return Ok(None) };
        let mut bytes = Vec::new();
        for extent in location {
            let block = self.store.read_block(&extent.block).await?;
            let range = extent.offset as usize..(extent.offset + extent.len) as usize;
            let part = block.get(range).ok_or_else(|| integrity("an extent lies outside of its block"))?;
            bytes.extend(part);
        }
        if sha256(&[&bytes]) == *id {
            Ok(Some(bytes))
        } else {
            Err(integrity("an artifact is not what its id says"))
        }
    }

    /// Hides an artifact.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the tests hide artifacts"))]
    pub(crate) async fn hide(&mut self, id: Hash) -> Result<(), CasError> {
        self.log(&Entry::Tombstone(id)).await?;
        self.current.hidden.insert(id);
        Ok(())
    }

    /// Shows it again.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the tests hide artifacts"))]
    pub(crate) async fn lift(&mut self, id: Hash) -> Result<(), CasError> {
        self.log(&Entry::Lift(id)).await?;
        self.current.hidden.remove(&id);
        Ok(())
    }

    /// Writes bytes to a new open block.
    async fn write(&self, bytes: &[u8]) -> Result<BlockId, CasError> {
        let block = self.store.create_block().await?;
        self.store.write_block(&block, bytes).await?;
        Ok(block)
    }

    /// Appends a record and makes it durable. After an error nobody knows whether it is there.
    pub(crate) async fn log(&mut self, entry: &Entry) -> Result<(), CasError> {
        if self.failed {
            return Err(CasError::Reopen);
        }
        self.failed = true;
        let (kind, payload) = entry.parts();
        let seq = self.current.last + 1;
        let (record, hash) = encode(&self.current.chain, seq, kind, &payload);
        self.store.append_if(LogSeq(seq), &record).await?;
        let on_flush = self.host.capabilities().durability == Durability::OnFlush;
        if on_flush && self.discipline != Discipline::NoFlush {
            self.store.flush().await?;
        }
        self.failed = false;
        (self.current.last, self.current.chain) = (seq, hash);
        Ok(())
    }
}

fn integrity(what: &str) -> CasError {
    CasError::Integrity(what.to_owned())
}

/// Reads the log to its end, and verifies all that it makes visible.
async fn replay<S: Store>(store: &S) -> Result<Current, CasError> {
    let mut current = Current { chain: CHAIN_START, ..Current::default() };
    let mut sealed = BTreeMap::new();
    for block in store.list_blocks().await? {
        let bytes = store.read_block(&block).await?;
        sealed.insert(block, bytes);
    }
    let by_hash: BTreeMap<Hash, &BlockId> =
        sealed.iter().map(|(block, bytes)| (sha256(&[bytes]), block)).collect();
    loop {
        let records = store.read(LogSeq(current.last + 1), BATCH).await?;
        if records.is_empty() {
            return Ok(current);
        }
        for record in records {
            let (entry, hash) =
                decode(&current.chain, current.last + 1, &record.data).map_err(CasError::Integrity)?;
            (current.last, current.chain) = (current.last + 1, hash);
            match entry {
                Entry::SegmentSeal { segment, hash } => {
                    let block = by_hash.get(&hash).ok_or_else(|| {
                        CasError::Integrity(format!("segment {segment}: no sealed block has its hash"))
                    })?;
                    current.index.extend(entries(segment, &sealed[*block], &sealed)?);
                }
                Entry::Tombstone(id) => {
                    current.hidden.insert(id);
                }
                Entry::Lift(id) => {
                    current.hidden.remove(&id);
                }
                Entry::Unknown(_) => {}
            }
        }
    }
}

/// The entries of a segment, each of whose extents lies in a sealed block.
fn entries(
    segment: u64,
    bytes: &[u8],
    sealed: &BTreeMap<BlockId, Vec<u8>>,
) -> Result<Vec<(Hash, Location)>, CasError> {
    let (id, entries) = segment::decode(bytes).ok_or_else(|| integrity("a segment cannot be read"))?;
    let extents = || entries.iter().flat_map(|(_, location)| location);
    let lies = |extent: &Extent| {
        let end = extent.offset.checked_add(extent.len);
        sealed.get(&extent.block).is_some_and(|block| end.is_some_and(|end| end <= block.len() as u64))
    };
    if id != segment || !extents().all(lies) {
        return Err(CasError::Integrity(format!("segment {segment}: an entry points nowhere")));
    }
    Ok(entries)
}
