//! The rolling hash over everything that happens in a run: calls, times, choices' effects, bytes read and written, and
//! what clients were told. Two runs with the same hash and length did the same.
//!
//! Only the hash is kept, unless a run is to be compared with another one that should be the same: then each step is, too.
//!
//! Of hosts that are processes, which draw identifiers and read clocks of their own, only the operations, which calls changed
//! something, and the outcomes go in: no bytes, no times.
//!
//! Not covered: what hosts do without calling anybody.

use crate::base::decide::Site;
use serde::{Deserialize, Serialize};
use std::fmt;
use xxhash_rust::xxh3::xxh3_64;

/// A hash of a run so far, and how many words went into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    hash: u64,
    words: u64,
    steps: Option<Vec<Step>>,
    /// Whether calls that look, bytes and times are left out.
    coarse: bool,
}

/// A class of calls, as far as traces tell classes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) number: u8,
    pub(crate) name: &'static str,
    /// Whether it changes something.
    pub(crate) changes: bool,
}

/// What went into the hash at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A call takes effect; which call of its site it is, and when.
    Call { site: Site, index: u32, name: &'static str, at_ns: u64 },
    /// What the call was about, or what it came to: two numbers whose meaning is the call's.
    Saw { first: u64, second: u64 },
    /// What the call read or wrote.
    Bytes(Vec<u8>),
    /// The call failed with this error number.
    Failed(u32),
    /// The question that is this event of the history was answered; with a few bits of the answer.
    Told { asked: usize, digest: u64 },
}

impl Trace {
    /// Keeps each step from now on, for [`Trace::take_steps`].
    pub(crate) fn keep_steps(&mut self) {
        self.steps = Some(Vec::new());
    }

    /// The steps that were kept.
    pub(crate) fn take_steps(&mut self) -> Vec<Step> {
        self.steps.take().unwrap_or_default()
    }

    /// From now on, what may differ although the host does the same is left out.
    pub(crate) fn leave_out_details(&mut self) {
        self.coarse = true;
    }

    /// Whether it is.
    pub(crate) fn leaves_out_details(&self) -> bool {
        self.coarse
    }

    fn keep(&mut self, step: impl FnOnce() -> Step) {
        if let Some(steps) = &mut self.steps {
            steps.push(step());
        }
    }

    fn word(&mut self, word: u64) {
        self.hash = (self.hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.words += 1;
    }

    #[inline]
    pub(crate) fn call(&mut self, site: Site, index: u32, called: Called, at_ns: u64) {
        let Called { number, name, changes } = called;
        if self.coarse {
            if changes {
                self.word(u64::from(site.code()) << 32 | u64::from(number));
                self.keep(|| Step::Call { site, index: 0, name, at_ns: 0 });
            }
            return;
        }
        self.word(u64::from(site.code()) << 32 | u64::from(index) << 8 | u64::from(number));
        self.word(at_ns);
        self.keep(|| Step::Call { site, index, name, at_ns });
    }

    pub(crate) fn saw(&mut self, index: u32, first: u64, second: u64) {
        if self.coarse {
            return;
        }
        self.word(u64::from(index) ^ first << 32);
        self.word(second);
        self.keep(|| Step::Saw { first, second });
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.coarse {
            return;
        }
        self.word(xxh3_64(bytes));
        self.keep(|| Step::Bytes(bytes.to_vec()));
    }

    pub(crate) fn failed(&mut self, errno: u32) {
        self.word(u64::from(errno));
        self.keep(|| Step::Failed(errno));
    }

    pub(crate) fn told(&mut self, asked: usize, digest: u64) {
        self.word((asked as u64) << 16 | digest);
        self.keep(|| Step::Told { asked, digest });
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "String"))]
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
