//! The end of the journal: where the next frames go, and what of them has to be written.
//!
//! Frames that were not flushed yet form a *batch*. A batch begins at a sector of its own, so that nothing that is written
//! later shares a sector with what is durable; inside of it, a sector that is written again begins with the same bytes.

use super::frame::{ALIGNMENT, Chain, Entry};

/// The end of the journal.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    pub(super) sector_len: u64,
    /// Frames are padded to multiples of this.
    pub(super) unit: u64,
    /// Where what is durable ends.
    pub(super) watermark: u64,
    /// Where the batch begins: at the first sector behind that.
    pub(super) batch_start: u64,
    /// The batch so far, padding included.
    pub(super) batch: Vec<u8>,
    pub(super) salt: u64,
    pub(super) previous: u32,
}

/// What is to be written, whole sectors, and where.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
}

impl Journal {
    /// Where the next frame goes.
    pub(super) fn end(&self) -> u64 {
        self.batch_start + self.batch.len() as u64
    }

    /// Adds frames to the batch. Says where each stands, and what is to be written.
    pub(super) fn add(&mut self, entries: &[Entry]) -> (Vec<u64>, Write) {
        let from = self.batch.len() / self.sector_len as usize * self.sector_len as usize;
        let mut positions = Vec::new();
        for entry in entries {
            let (position, chain) = (self.end(), self.chain());
            positions.push(position);
            self.previous = entry.encode(&mut self.batch, position, chain);
            if let Entry::Format { salt, unit, .. } | Entry::Start { salt, unit } = entry {
                (self.salt, self.unit) = (*salt, u64::from(*unit));
            }
            let padded = padded_len(self.batch.len() as u64 + self.batch_start - position, self.unit);
            self.batch.resize((position - self.batch_start + padded) as usize, 0);
        }
        let mut bytes = self.batch[from..].to_vec();
        bytes.resize(bytes.len().next_multiple_of(self.sector_len as usize), 0);
        (positions, Write { offset: self.batch_start + from as u64, bytes })
    }

    fn chain(&self) -> Chain {
        Chain { salt: self.salt, previous: self.previous, watermark: self.watermark }
    }

    /// The batch is durable; another begins.
    pub(super) fn is_flushed(&mut self) {
        self.watermark = self.end();
        self.batch_start = self.watermark.next_multiple_of(self.sector_len);
        self.batch.clear();
    }
}

/// The length of a frame with its padding.
pub(super) fn padded_len(len: u64, unit: u64) -> u64 {
    len.next_multiple_of(unit.max(1)).next_multiple_of(ALIGNMENT)
}
