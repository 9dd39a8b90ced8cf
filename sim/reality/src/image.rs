//! The content of a disk: blocks in memory, those that differ from a shared base apart.
//!
//! A copy of an image shares all blocks, so that one image for each crash costs little. What was never written reads as
//! zeros.
//!
//! Not modelled: a medium that holds garbage where nothing was written, and sectors that cannot be read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3Default;

/// How many bytes are kept together.
pub const BLOCK_LEN: usize = 4096;

type Blocks = BTreeMap<u64, Arc<[u8; BLOCK_LEN]>>;

/// What a disk holds.
#[derive(Clone, Debug, Default)]
pub struct Image {
    len: u64,
    base: Arc<Blocks>,
    over: Blocks,
}

impl Image {
    /// A disk of so many bytes, all of them zero.
    pub fn zeros(len: u64) -> Image {
        Image { len, ..Image::default() }
    }

    /// What a file holds, as the base of images to come.
    pub fn of_file(file: &File) -> io::Result<Image> {
        let len = file.metadata()?.len();
        let mut image = Image::zeros(len);
        let mut bytes = vec![0; 256 * BLOCK_LEN];
        let mut offset = 0;
        while offset < len {
            let part = &mut bytes
                [..usize::try_from(len - offset).map_or(256 * BLOCK_LEN, |left| left.min(256 * BLOCK_LEN))];
            file.read_exact_at(part, offset)?;
            for (at, block) in (offset..).step_by(BLOCK_LEN).zip(part.chunks(BLOCK_LEN)) {
                if block.iter().any(|&byte| byte != 0) {
                    image.write(at, block);
                }
            }
            offset += part.len() as u64;
        }
        Ok(image.as_base())
    }

    /// How many bytes the disk has.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the disk has no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The same disk, as the base of images to come.
    #[must_use]
    pub fn as_base(&self) -> Image {
        let mut base = (*self.base).clone();
        base.extend(self.over.iter().map(|(&at, block)| (at, block.clone())));
        Image { len: self.len, base: Arc::new(base), over: Blocks::new() }
    }

    /// Reads into the buffer; what lies behind the end reads as zeros.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) {
        let mut rest = buffer;
        let mut offset = offset;
        while !rest.is_empty() {
            let (number, within, len) = piece(offset, rest.len());
            let (part, left) = rest.split_at_mut(len);
            match self.block(number) {
                Some(block) => part.copy_from_slice(&block[within..within + len]),
                None => part.fill(0),
            }
            rest = left;
            offset += len as u64;
        }
    }

    /// Writes the bytes.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        let mut rest = bytes;
        let mut offset = offset;
        while !rest.is_empty() {
            let (number, within, len) = piece(offset, rest.len());
            let (part, left) = rest.split_at(len);
            let base = &self.base;
            let block = self
                .over
                .entry(number)
                .or_insert_with(|| base.get(&number).cloned().unwrap_or_else(|| Arc::new([0; BLOCK_LEN])));
            Arc::make_mut(block)[within..within + len].copy_from_slice(part);
            rest = left;
            offset += len as u64;
        }
    }

    /// A name for what differs from the base: equal for images of one base that hold the same.
    pub fn digest(&self) -> u128 {
        let zeros = [0; BLOCK_LEN];
        let mut hasher = Xxh3Default::new();
        for (number, block) in &self.over {
            let before = self.base.get(number).map_or(&zeros, |block| block);
            if **block != *before {
                hasher.update(&number.to_le_bytes());
                hasher.update(&block[..]);
            }
        }
        hasher.digest128()
    }

    fn block(&self, number: u64) -> Option<&[u8; BLOCK_LEN]> {
        self.over.get(&number).or_else(|| self.base.get(&number)).map(|block| &**block)
    }
}

/// The block that holds the byte at the offset, the byte's place in it, and how many of so many bytes it holds.
fn piece(offset: u64, len: usize) -> (u64, usize, usize) {
    let within = (offset % BLOCK_LEN as u64) as usize;
    (offset / BLOCK_LEN as u64, within, len.min(BLOCK_LEN - within))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(image: &Image, offset: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![7; len];
        image.read(offset, &mut bytes);
        bytes
    }

    #[test]
    fn a_write_across_blocks_is_read_back_and_its_surroundings_are_zeros() {
        let mut image = Image::zeros(1 << 20);
        image.write(4_000, &[1; 5_000]);
        assert_eq!(read(&image, 3_999, 5_002), [vec![0], vec![1; 5_000], vec![0]].concat());
    }

    #[test]
    fn a_copy_does_not_see_what_is_written_to_the_other() {
        let mut image = Image::zeros(1 << 20);
        image.write(0, &[1; 10]);
        let copy = image.clone();
        image.write(5, &[2; 10]);
        assert_eq!(read(&copy, 0, 15), [vec![1; 10], vec![0; 5]].concat());
    }

    #[test]
    fn the_digest_forgets_what_was_written_as_it_was() {
        let mut base = Image::zeros(1 << 20);
        base.write(4_096, &[3; 4_096]);
        let base = base.as_base();
        let (mut same, mut other) = (base.clone(), base.clone());
        same.write(4_096, &[3; 100]);
        same.write(40_960, &[0; 512]);
        other.write(4_096, &[4]);
        assert_eq!(same.digest(), base.digest());
        assert_ne!(other.digest(), base.digest());
    }

    #[test]
    fn a_file_is_read_in_as_it_is() {
        let file = tempfile::tempfile().expect("a temporary file can be made");
        file.set_len(3 << 20).expect("it can be extended");
        file.write_all_at(&[9; 600], 2_000_000).expect("it can be written");
        let image = Image::of_file(&file).expect("it can be read");
        assert_eq!(image.len(), 3 << 20);
        assert_eq!(read(&image, 1_999_999, 602), [vec![0], vec![9; 600], vec![0]].concat());
    }
}
