//! The bytes of records and blocks, and where bytes that turn up came from.
//!
//! A unique payload says in each of its 8-byte words which operation it belongs to and which word it is, so that even a
//! torn piece of it tells where it came from. A share of payloads is not unique on purpose: empty, all the same, or made to
//! look like a log's frames; those can be judged by count and position only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a payload's bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

#[cfg(test)]
mod tests {
    use super::*;

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
