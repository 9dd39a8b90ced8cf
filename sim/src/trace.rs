//! The rolling hash over everything that happens in a run: calls, times, choices' effects, bytes read and written, and
//! what clients were told. Two runs with the same hash and length did the same.
//!
//! Not covered: what hosts do without calling anybody.

use serde::{Deserialize, Serialize};
use std::fmt;
use xxhash_rust::xxh3::xxh3_64;

/// A hash of a run so far, and how many words went into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    hash: u64,
    words: u64,
}

impl Trace {
    pub(crate) fn word(&mut self, word: u64) {
        self.hash = (self.hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.words += 1;
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.word(xxh3_64(bytes));
    }

    /// The hash as reports and cases show it.
    pub fn finish(&self) -> TraceHash {
        let mut hash = self.hash ^ self.words;
        hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        TraceHash { hash: hash ^ (hash >> 32), words: self.words }
    }
}

/// A finished hash, with the length of what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TraceHash {
    hash: u64,
    words: u64,
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.hash, self.words)
    }
}

impl From<TraceHash> for String {
    fn from(hash: TraceHash) -> String {
        hash.to_string()
    }
}

impl TryFrom<String> for TraceHash {
    type Error = String;

    fn try_from(text: String) -> Result<TraceHash, String> {
        let parsed = text.split_once('-').and_then(|(hash, words)| {
            Some(TraceHash { hash: u64::from_str_radix(hash, 16).ok()?, words: words.parse().ok()? })
        });
        parsed.ok_or_else(|| format!("not a trace hash: {text:?}"))
    }
}
