//! Runs to kill as they were before, kept in a file: what gets slower shows.
//!
//! ```json
//! {"format": "asl-sim-seeds-to-kill", "version": 1, "entries": [
//!   {"base_seed": "0x1", "seeds": 10000, "rounds": 5, "runs_to_kill": {"canary": 213, "fsync-retried": 17}}]}
//! ```
//!
//! Entries stand in the order in which they were made, the last one last. Only those of the same base seed, budget and
//! number of rounds are compared. An entry is added when something has changed, so that unchanged code leaves the file as it
//! is. Seconds are not kept: they are the machine's.

use super::{Hunted, Options};
use crate::base::atomic_file::publish_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

const FORMAT: &str = "asl-sim-seeds-to-kill";
const VERSION: u32 = 1;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    format: String,
    version: u32,
    entries: Vec<Entry>,
}

/// One measurement of all specimens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    base_seed: String,
    seeds: u64,
    rounds: u64,
    /// By name, the median; a specimen that survived is not in it.
    runs_to_kill: BTreeMap<String, u64>,
}

impl Default for Past {
    fn default() -> Past {
        Past { format: FORMAT.to_owned(), version: VERSION, entries: Vec::new() }
    }
}

impl Past {
    /// Reads a file; one that is not there holds nothing.
    ///
    /// # Errors
    ///
    /// Why it cannot be read, in words.
    pub fn load(path: &Path) -> Result<Past, String> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Past::default()),
            Err(error) => return Err(error.to_string()),
        };
        let past: Past = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if past.format != FORMAT || past.version != VERSION {
            return Err(format!("it is {:?}, version {}", past.format, past.version));
        }
        Ok(past)
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Panics
    ///
    /// Never: it is plain data.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(self).expect("it is plain data");
        text.push('\n');
        publish_file(path, text.as_bytes())
    }

    fn last(&self, options: &Options) -> Option<&Entry> {
        let base_seed = format!("{:#x}", options.base_seed);
        self.entries.iter().rev().find(|entry| {
            entry.base_seed == base_seed && entry.seeds == options.seeds && entry.rounds == options.rounds
        })
    }

    /// How many runs it took the last time.
    pub fn runs_to_kill(&self, options: &Options, name: &str) -> Option<u64> {
        self.last(options)?.runs_to_kill.get(name).copied()
    }

    /// Adds what was found, if anything of it is new. Says whether it was. Specimens that were not hunted stay as they were.
    pub fn add(&mut self, options: &Options, hunted: &[Hunted]) -> bool {
        let before = self.last(options).map(|entry| entry.runs_to_kill.clone());
        let mut runs_to_kill = before.clone().unwrap_or_default();
        for hunted in hunted.iter().filter(|hunted| hunted.expected.is_some()) {
            match hunted.runs_to_kill() {
                Some(runs) => runs_to_kill.insert(hunted.name.clone(), runs),
                None => runs_to_kill.remove(&hunted.name),
            };
        }
        let is_new = before.as_ref() != Some(&runs_to_kill);
        if is_new {
            let Options { base_seed, seeds, rounds, .. } = *options;
            self.entries.push(Entry { base_seed: format!("{base_seed:#x}"), seeds, rounds, runs_to_kill });
        }
        is_new
    }
}

/// Whether a specimen takes much longer than it did. By how much a median jumps when seeds come to mean something else is a
/// matter of luck: what is found within this many runs is found soon enough.
pub fn is_much_slower(before: u64, now: Option<u64>) -> bool {
    const SOON: u64 = 100;
    now.is_none_or(|now| now > SOON + 2 * before)
}

#[cfg(test)]
mod tests {
    use super::super::Round;
    use super::*;
    use std::time::Duration;

    const OPTIONS: Options =
        Options { base_seed: 1, seeds: 1000, ops: None, rounds: 1, others_max: 0, jobs: 2 };

    fn hunted(name: &str, runs: u64, killed: bool) -> Hunted {
        let killed = killed.then(|| (1, "append-durable".to_owned()));
        let rounds = vec![Round { runs, elapsed: Duration::ZERO, killed }];
        Hunted {
            name: name.to_owned(),
            expected: Some("append-durable"),
            rounds,
            smallest: None,
            others_max: 0,
        }
    }

    #[test]
    fn what_changed_is_added_and_what_did_not_is_not() {
        let mut past = Past::default();
        assert!(past.add(&OPTIONS, &[hunted("a", 5, true), hunted("b", 7, true)]));
        assert!(!past.add(&OPTIONS, &[hunted("a", 5, true), hunted("b", 7, true)]));
        assert!(!past.add(&OPTIONS, &[hunted("a", 5, true)]), "b was not hunted");
        assert!(past.add(&OPTIONS, &[hunted("b", 9, true)]));
        assert_eq!(["a", "b", "c"].map(|name| past.runs_to_kill(&OPTIONS, name)), [Some(5), Some(9), None]);
        assert!(past.add(&OPTIONS, &[hunted("a", 1000, false)]));
        assert_eq!(past.runs_to_kill(&OPTIONS, "a"), None);
        let elsewhere = Options { base_seed: 2, ..OPTIONS };
        assert_eq!(past.runs_to_kill(&elsewhere, "b"), None, "other seeds say nothing of these");
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_one_that_is_something_else_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("seeds-to-kill.json");
        assert_eq!(Past::load(&path), Ok(Past::default()));
        let mut past = Past::default();
        past.add(&OPTIONS, &[hunted("a", 5, true)]);
        past.save(&path).expect("it is written");
        assert_eq!(Past::load(&path), Ok(past));
        for text in ["", "{}", r#"{"format":"other","version":1,"entries":[]}"#] {
            let mut file = std::fs::File::create(&path).expect("it is made");
            io::Write::write_all(&mut file, text.as_bytes()).expect("it is written");
            assert!(Past::load(&path).is_err(), "{text:?}");
        }
    }

    #[test]
    fn twice_as_long_is_slower_unless_it_is_soon_enough_anyway() {
        assert!(!is_much_slower(5, Some(80)));
        assert!(!is_much_slower(300, Some(700)));
        assert!(is_much_slower(300, Some(701)));
        assert!(is_much_slower(5, None));
    }
}
