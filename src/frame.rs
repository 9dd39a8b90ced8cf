//! Record framing that recovery can judge, shared by hosts that keep records in files.
//!
//! A frame is, little-endian and packed:
//!
//! ```text
//! crc u32 | length u32 | salt u64 | seq u64 | watermark u64 | payload (length bytes)
//! ```
//!
//! `crc` is the CRC32C of everything after it. `salt` is fresh for each segment, so that a frame of another segment,
//! or of this one before it was cut, is never taken for a frame of this one (recycled sectors read as old valid
//! records). `watermark` is the last number known durable when the frame was written.
//!
//! The watermark is what tells a torn tail from corruption: writes after the last sync may be lost in any order, so a
//! bad frame proves nothing; but a valid frame behind it whose watermark covers it proves that it was durable once.
//! Damage to the last synced batch has no such witness, and looks exactly like a torn tail.

/// Bytes of a frame before its payload.
pub const HEADER_LEN: usize = 32;

/// A frame found in a segment; the payload lies behind the header in the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The record's number.
    pub seq: u64,
    /// The last number known durable when the frame was written.
    pub watermark: u64,
    /// Length of the payload in bytes.
    pub payload_len: usize,
}

impl Frame {
    /// Length of the frame in bytes, header included.
    pub fn len(&self) -> usize {
        HEADER_LEN + self.payload_len
    }

    /// Always false: a frame has a header.
    pub fn is_empty(&self) -> bool {
        false
    }
}

/// Appends a frame to `out`.
///
/// # Panics
///
/// If the payload is longer than `u32::MAX` bytes, which `max_record_len` excludes.
pub fn encode(out: &mut Vec<u8>, salt: u64, seq: u64, watermark: u64, payload: &[u8]) {
    debug_assert!(watermark < seq, "a record is not durable before it is written");
    let len = u32::try_from(payload.len()).expect("a record is at most max_record_len bytes long");
    let mut header = [0; HEADER_LEN];
    header[4..8].copy_from_slice(&len.to_le_bytes());
    header[8..16].copy_from_slice(&salt.to_le_bytes());
    header[16..24].copy_from_slice(&seq.to_le_bytes());
    header[24..32].copy_from_slice(&watermark.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[4..]), payload);
    header[..4].copy_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
}

/// The frame at the beginning of `bytes`, if a whole, valid one of this segment stands there.
pub fn decode(bytes: &[u8], salt: u64) -> Option<Frame> {
    let header: &[u8; HEADER_LEN] = bytes.first_chunk()?;
    if u64_at(header, 8) != salt {
        return None;
    }
    let payload_len = u32_at(header, 4) as usize;
    let body = bytes.get(4..HEADER_LEN.checked_add(payload_len)?)?;
    if crc32c::crc32c(body) != u32_at(header, 0) {
        return None;
    }
    Some(Frame { seq: u64_at(header, 16), watermark: u64_at(header, 24), payload_len })
}

/// The frames of a segment from its beginning, and what follows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Where each valid frame begins, in order, numbered densely from the segment's first number.
    pub offsets: Vec<u64>,
    /// The greatest watermark among them, 0 if there is none.
    pub watermark: u64,
    /// Where the valid frames end.
    pub end: u64,
    /// Greatest watermark of a valid frame found *behind* the end; a bad frame whose number it covers was durable once.
    pub watermark_behind: u64,
}

/// Scans a segment whose first frame should have the number `first`.
///
/// Does not see: a frame behind the end whose own salt or checksum is damaged too.
pub fn scan(bytes: &[u8], salt: u64, first: u64) -> Scan {
    let mut scan = Scan::default();
    let mut at = 0;
    let mut expected = first;
    while let Some(frame) = decode(&bytes[at..], salt).filter(|frame| frame.seq == expected) {
        scan.offsets.push(at as u64);
        scan.watermark = scan.watermark.max(frame.watermark);
        at += frame.len();
        expected += 1;
    }
    scan.end = at as u64;
    scan.watermark_behind = witnesses_behind(&bytes[at..], salt);
    scan
}

/// The greatest watermark of any valid frame in bytes that do not begin with one.
fn witnesses_behind(bytes: &[u8], salt: u64) -> u64 {
    let needle = salt.to_le_bytes();
    let mut greatest = 0;
    for (at, window) in bytes.windows(needle.len()).enumerate() {
        // The salt stands 8 bytes into its frame.
        if at >= 8
            && window == needle
            && let Some(frame) = decode(&bytes[at - 8..], salt)
        {
            greatest = greatest.max(frame.watermark);
        }
    }
    greatest
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("the header is long enough"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("the header is long enough"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: u64 = 0x5eed_5a17_0000_0001;

    fn segment(payloads: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, payload) in payloads.iter().enumerate() {
            let seq = 1 + index as u64;
            encode(&mut bytes, SALT, seq, seq - 1, payload);
        }
        bytes
    }

    #[test]
    fn frames_written_are_the_frames_read() {
        let bytes = segment(&[b"one", b"", b"three"]);
        let scan = scan(&bytes, SALT, 1);
        assert_eq!(scan.offsets, [0, 35, 67]);
        assert_eq!((scan.end, scan.watermark, scan.watermark_behind), (bytes.len() as u64, 2, 0));
        let frame = decode(&bytes[67..], SALT).expect("a frame");
        assert_eq!(frame, Frame { seq: 3, watermark: 2, payload_len: 5 });
        assert_eq!(&bytes[67 + HEADER_LEN..67 + frame.len()], b"three");
        assert!(!frame.is_empty());
    }

    #[test]
    fn any_single_flipped_bit_ends_the_valid_prefix_at_its_frame() {
        let whole = segment(&[b"first", b"second", b"third"]);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let damaged = [37, 37 + 38].iter().filter(|&&start| bit / 8 >= start).count();
            assert_eq!(scan(&bytes, SALT, 1).offsets.len(), damaged, "bit {bit}");
        }
    }

    #[test]
    fn any_cut_leaves_the_whole_frames_before_it() {
        let whole = segment(&[b"first", b"second"]);
        for len in 0..=whole.len() {
            let expected = [37, 75].iter().filter(|&&end| len >= end).count();
            assert_eq!(scan(&whole[..len], SALT, 1).offsets.len(), expected, "cut at {len}");
        }
    }

    #[test]
    fn a_bad_frame_is_witnessed_only_by_a_later_watermark() {
        let mut bytes = segment(&[b"first", b"second", b"third"]);
        bytes[40] ^= 1;
        let found = scan(&bytes, SALT, 1);
        assert_eq!(
            (found.offsets.len(), found.watermark_behind),
            (1, 2),
            "the third frame covers the second"
        );
        let mut unsynced = Vec::new();
        for seq in 1..=3 {
            encode(&mut unsynced, SALT, seq, 0, b"batch");
        }
        unsynced[40] ^= 1;
        assert_eq!(scan(&unsynced, SALT, 1).watermark_behind, 0, "one batch witnesses nothing of itself");
    }

    #[test]
    fn frames_of_another_segment_or_out_of_place_are_not_taken() {
        let bytes = segment(&[b"first", b"second"]);
        assert_eq!(scan(&bytes, SALT + 1, 1).offsets.len(), 0);
        assert_eq!(scan(&bytes, SALT, 2).offsets.len(), 0);
        assert_eq!(scan(&[0; 4096], SALT, 1), Scan::default());
    }
}
