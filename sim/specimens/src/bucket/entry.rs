//! What stands under a number, and what the numbers of a location come to.

/// How an entry begins: with its kind (a byte), a nonce and a number (eight bytes each).
const HEADER_LEN: usize = 17;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its number is the one at which the store begins.
    Creation = b'c' as isize,
    /// A record; its number is the record's.
    Record = b'r' as isize,
    /// Whoever opened the store says how many records it found.
    Claim = b'o' as isize,
    /// The store was closed in good order.
    End = b'e' as isize,
    /// A block: its name.
    Block = b'b' as isize,
    Destruction = b'd' as isize,
}

/// The bytes of an entry.
pub(super) fn encode(kind: Kind, nonce: u64, number: u64, bytes: &[u8]) -> Vec<u8> {
    [&[kind as u8][..], &nonce.to_le_bytes(), &number.to_le_bytes(), bytes].concat()
}

fn decode(entry: &[u8]) -> Option<(u8, u64, &[u8])> {
    let number = entry.get(9..HEADER_LEN)?.first_chunk()?;
    Some((*entry.first()?, u64::from_le_bytes(*number), entry.get(HEADER_LEN..)?))
}

/// What stands at a location.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The first number that nothing stands at.
    pub(super) next: u64,
    /// The store, if there is one.
    pub(super) store: Option<Contents>,
    /// Where the store began: what its creation says.
    pub(super) began: u64,
    /// The same as `next`, of what stands elsewhere.
    pub(super) next_elsewhere: u64,
    /// Whether whoever had the store open last has closed it.
    pub(super) is_closed: bool,
    /// Whether whoever had it open last was the one to find it so.
    pub(super) was_recovered: bool,
}

/// The bytes of the record that an entry is.
pub(super) fn record(entry: &[u8]) -> Option<&[u8]> {
    decode(entry).filter(|(kind, ..)| *kind == Kind::Record as u8).map(|(_, _, bytes)| bytes)
}

/// The nonce of an entry.
pub(super) fn nonce(entry: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*entry.get(1..)?.first_chunk()?))
}

/// What a store holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) records: Vec<Vec<u8>>,
    pub(super) blocks: Vec<String>,
}

impl Default for Row {
    fn default() -> Row {
        Row { next: 1, store: None, began: 1, next_elsewhere: 1, is_closed: true, was_recovered: false }
    }
}

impl Row {
    /// How many records there are.
    pub(super) fn count(&self) -> u64 {
        self.store.as_ref().map_or(0, |store| store.records.len() as u64)
    }

    /// The entry that stands under the next number.
    pub(super) fn add(&mut self, entry: &[u8]) {
        self.next += 1;
        let Some((kind, number, bytes)) = decode(entry) else { return };
        if [Kind::Creation as u8, Kind::Claim as u8].contains(&kind) {
            self.was_recovered = kind == Kind::Claim as u8 && !self.is_closed;
        }
        self.is_closed = [Kind::End as u8, Kind::Destruction as u8].contains(&kind);
        match (kind, &mut self.store) {
            (b'c', store) => (self.began, *store) = (number, Some(Contents::default())),
            (b'd', store) => *store = None,
            (b'r', Some(store)) => store.records.push(bytes.to_vec()),
            (b'o', Some(store)) => store.records.truncate(usize::try_from(number).unwrap_or(usize::MAX)),
            (b'b', Some(store)) => store.blocks.push(String::from_utf8_lossy(bytes).into_owned()),
            _ => {}
        }
    }

    /// A record that is to stand where its number says.
    pub(super) fn put_in_place(&mut self, entry: &[u8]) {
        if let (Some((b'r', number, bytes)), Some(store)) = (decode(entry), &mut self.store)
            && let Some(place) = store.records.get_mut((number as usize).wrapping_sub(1))
        {
            *place = bytes.to_vec();
        }
    }

    /// All of it, as one object.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.next.to_le_bytes().to_vec();
        let Some(store) = &self.store else { return out };
        for list in [&store.records, &store.blocks.iter().map(|name| name.clone().into_bytes()).collect()] {
            out.extend_from_slice(&(list.len() as u64).to_le_bytes());
            for item in list {
                out.extend_from_slice(&(item.len() as u64).to_le_bytes());
                out.extend_from_slice(item);
            }
        }
        out
    }

    /// What [`Row::encode`] made.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Row> {
        let next = word(&mut bytes)?;
        if bytes.is_empty() {
            return Some(Row { next, ..Row::default() });
        }
        let records = list(&mut bytes)?;
        let blocks = list(&mut bytes)?.into_iter().map(|name| String::from_utf8(name).ok());
        let store = Contents { records, blocks: blocks.collect::<Option<_>>()? };
        Some(Row { next, store: Some(store), is_closed: false, ..Row::default() })
    }
}

fn word(bytes: &mut &[u8]) -> Option<u64> {
    let (word, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*word))
}

fn list(bytes: &mut &[u8]) -> Option<Vec<Vec<u8>>> {
    let count = word(bytes)?;
    let item = |bytes: &mut &[u8]| {
        let len = usize::try_from(word(bytes)?).ok()?;
        let (item, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        Some(item.to_vec())
    };
    (0..count).map(|_| item(bytes)).collect()
}
