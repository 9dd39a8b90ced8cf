//! One of several parts of a campaign, for machines that share the work.

use std::fmt;
use std::str::FromStr;

/// The `nth` of `of` parts, counted from 1: it has the runs i with i = nth-1 mod of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    nth: u64,
    of: u64,
}

/// The whole.
impl Default for Shard {
    fn default() -> Shard {
        Shard { nth: 1, of: 1 }
    }
}

impl Shard {
    /// How many of so many runs it has.
    pub fn count(self, seeds: u64) -> u64 {
        if seeds < self.nth { 0 } else { (seeds - self.nth) / self.of + 1 }
    }

    /// Which run is its `place`th, from 0.
    pub fn index(self, place: u64) -> u64 {
        place * self.of + self.nth - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.nth, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
        let parts = text.split_once('/').filter(|(nth, of)| digits(nth) && digits(of));
        let parsed = parts.and_then(|(nth, of)| Some(Shard { nth: nth.parse().ok()?, of: of.parse().ok()? }));
        let shard = parsed.filter(|shard| (1..=shard.of).contains(&shard.nth));
        shard.ok_or_else(|| {
            "a part is expected as I/N, with I from 1 to N: 2/4 is the second of four".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn shards_have_each_run_once() {
        for (seeds, of) in [(10, 3), (3, 10), (12, 4), (1, 1), (0, 2)] {
            let shards = (1..=of).map(|nth| format!("{nth}/{of}").parse::<Shard>().expect("it is one"));
            let indices: Vec<u64> = shards
                .flat_map(|shard| (0..shard.count(seeds)).map(move |place| shard.index(place)))
                .collect();
            assert_eq!(indices.iter().copied().collect::<BTreeSet<_>>(), (0..seeds).collect());
            assert_eq!(indices.len() as u64, seeds);
        }
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        for text in ["0/4", "5/4", "1", "1/0", "-1/4", "a/b", "1/2/3", "+1/2", "", "/"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
