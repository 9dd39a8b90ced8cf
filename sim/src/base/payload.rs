//! The bytes of records and blocks, and where bytes that turn up came from.
//!
//! A unique payload says in each of its 8-byte words which operation it belongs to and which word it is, so that even a
//! torn piece of it tells where it came from. A share of payloads is not unique on purpose: empty, all the same, or made to
//! look like a log's frames; those can be judged by count and position only.

use serde::{Deserialize, Serialize};

/// What a payload's bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Names its operation in every word; at least 8 bytes long unless cut by `len`.
    Unique,
    /// The same bytes every time: zeros.
    Zeros,
    /// Looks like frames, lines and lengths that a host might take for its own.
    FrameLike,
}

/// A payload as a scenario holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// What it looks like.
    pub style: Style,
    /// Its length in bytes.
    pub len: u32,
}

/// Marks the words of unique payloads.
const TAG: u64 = 0xa5;
const OP_MAX: u32 = (1 << 24) - 1;

impl Payload {
    /// Whether no other operation has the same bytes.
    pub fn is_unique(&self) -> bool {
        self.style == Style::Unique && self.len >= 8
    }

    /// Appends the bytes of this payload, as this operation's, to `out`.
    pub fn write(&self, op: u32, out: &mut Vec<u8>) {
        let len = self.len as usize;
        let start = out.len();
        match self.style {
            Style::Unique => {
                let words = len.div_ceil(8);
                out.reserve(words * 8);
                for index in 0..words as u64 {
                    out.extend_from_slice(&word(op, index).to_le_bytes());
                }
                out.truncate(start + len);
            }
            Style::Zeros => out.resize(start + len, 0),
            Style::FrameLike => {
                while out.len() < start + len {
                    asl_host::frame::encode(out, 1, 2, 1, b"\n{\"seq\":1}\n\x04\0\0\0\0\0\0\0");
                }
                out.truncate(start + len);
            }
        }
    }
}

const WORD_BITS: usize = 64;

fn word(op: u32, index: u64) -> u64 {
    TAG << 56 | u64::from(op & OP_MAX) << 32 | (index & 0xffff_ffff)
}

/// The operations whose unique payloads a piece of bytes holds words of, at any offset, without repetitions.
pub(crate) fn operations_in(bytes: &[u8]) -> Vec<u32> {
    let mut found = Vec::new();
    for window in bytes.windows(8) {
        let word = u64::from_le_bytes(window.try_into().expect("windows of eight"));
        let op = (word >> 32) as u32 & OP_MAX;
        // Word numbers are small: random bytes rarely look like one.
        if word >> 56 == TAG
            && word & 0xffff_ffff < 1 << 20
            && found.last() != Some(&op)
            && !found.contains(&op)
        {
            found.push(op);
        }
    }
    found
}

/// The same, where the bytes may also be text that hosts write payloads as: hexadecimal, or base64 of either alphabet, in one
/// piece. What is wrapped into lines, compressed or encrypted is not recognised.
pub(crate) fn operations_written_in(bytes: &[u8]) -> Vec<u32> {
    let mut found = operations_in(bytes);
    for (digit, bits) in [(hex_digit as fn(u8) -> Option<u8>, 4), (base64_digit, 6)] {
        // Most pieces of bytes that are no text are too short for a word.
        let pieces = bytes.split(|&byte| digit(byte).is_none());
        for digits in pieces.filter(|digits| digits.len() * bits >= WORD_BITS) {
            // Where it was cut, nobody knows where a byte begins.
            for skipped in 0..8 / (8 - bits) {
                let values = digits.iter().skip(skipped).filter_map(|&byte| digit(byte));
                found.extend(operations_in(&packed(values, bits)));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Digits of so many bits each, the first one highest, as bytes.
fn packed(digits: impl Iterator<Item = u8>, bits: usize) -> Vec<u8> {
    let (mut bytes, mut held, mut held_bits) = (Vec::new(), 0_u32, 0);
    for digit in digits {
        held = held << bits | u32::from(digit);
        held_bits += bits;
        if held_bits >= 8 {
            held_bits -= 8;
            bytes.push((held >> held_bits) as u8);
            held &= (1 << held_bits) - 1;
        }
    }
    bytes
}

fn hex_digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

fn base64_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// The bytes around a piece of damage, as they had been: the sector that it is in and a little more. A host may check as a whole,
/// and overwrite in place, what the medium writes as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Harm {
    pub(crate) near: Vec<u8>,
    /// Which of these bytes were hit.
    pub(crate) hit: std::ops::Range<usize>,
}

/// Whose bytes a piece of damage hit, as far as those on the medium tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hit {
    /// Operations whose records were hit, or what a host keeps beside them, or of which the medium said that they were written.
    pub operations: Vec<u32>,
    /// Whether anything but a record's own bytes was hit.
    pub others: bool,
    /// Operations whose records can be recognised on the medium. Of others nobody can tell whether they were hit.
    pub visible: Vec<u32>,
}

impl Hit {
    /// Judges by the bytes around the damage.
    pub(crate) fn of(harm: &Harm, visible: Vec<u32>) -> Hit {
        // A bit inside of a record hits that record and nothing else; a sector may hold anything.
        let word = harm.hit.start.saturating_sub(7)..harm.near.len().min(harm.hit.end + 7);
        let others = harm.hit.len() != 1 || operations_written_in(&harm.near[word]).is_empty();
        Hit { operations: operations_written_in(&harm.near), others, visible }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn bytes(style: Style, len: u32, op: u32) -> Vec<u8> {
        let mut out = Vec::new();
        Payload { style, len }.write(op, &mut out);
        out
    }

    #[test]
    fn any_piece_of_a_unique_payload_names_its_operation() {
        let whole = bytes(Style::Unique, 300, 77);
        assert_eq!(whole.len(), 300);
        assert_eq!(operations_in(&whole[100..120]), [77]);
        let mut mixed = whole[..64].to_vec();
        mixed.extend(bytes(Style::Unique, 64, 12));
        assert_eq!(operations_in(&mixed), [77, 12]);
        assert_eq!(operations_in(&bytes(Style::Zeros, 100, 5)), Vec::<u32>::new());
        assert_eq!(operations_in(b"short"), Vec::<u32>::new());
    }

    #[test]
    fn a_payload_is_recognised_in_text_too() {
        // A host that keeps lines of hexadecimal digits ended its log at a damaged one in the middle, and nobody missed the rest:
        // no later record was recognised as evidence.
        let mut line = "9c3f0a11 3 ".to_owned();
        for byte in bytes(Style::Unique, 80, 77) {
            write!(line, "{byte:02x}").expect("text takes all");
        }
        line.push('\n');
        assert_eq!(operations_written_in(line.as_bytes()), [77]);
        assert_eq!(operations_written_in(line.to_uppercase().as_bytes()), [77]);
        let (one_half, other_half) = line.as_bytes().split_at(52);
        assert_eq!(operations_written_in(one_half), [77]);
        assert_eq!(operations_written_in(&other_half[1..]), [77]);
        // Two words of operation 77: 00000000 4d0000a5 01000000 4d0000a5.
        assert_eq!(operations_written_in(b"AAAAAE0AAKUBAAAATQAApQ=="), [77]);
        assert_eq!(operations_written_in(b"{\"data\":\"AAAAAE0AAKU\"}"), [77]);
        assert_eq!(operations_written_in(b"no such thing as a word, 0123456789abcdef"), Vec::<u32>::new());
    }

    #[test]
    fn payloads_have_their_length_and_repeat() {
        for style in [Style::Unique, Style::Zeros, Style::FrameLike] {
            for len in [0, 1, 7, 8, 9, 1000] {
                assert_eq!(bytes(style, len, 3).len(), len as usize);
                assert_eq!(bytes(style, len, 3), bytes(style, len, 3));
            }
        }
        assert_ne!(bytes(Style::Unique, 8, 3), bytes(Style::Unique, 8, 4));
        assert!(!Payload { style: Style::Unique, len: 7 }.is_unique());
    }
}
