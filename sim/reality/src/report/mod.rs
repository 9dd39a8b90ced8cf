//! What came of it: for a terminal, and as Markdown for the documentation.

mod markdown;
mod text;

pub use markdown::markdown;
pub use text::text;

use crate::examine::{Tally, Witness};
use std::process::Command;

/// Unwitnessed states that are named; more are counted.
const UNWITNESSED_NAMED_MAX: usize = 6;

/// Where and when it was.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The kernel's release.
    pub kernel: String,
    /// The day.
    pub date: String,
    /// The first seed.
    pub seed: u64,
    /// What was left out, and why.
    pub skipped: Vec<String>,
}

impl Surroundings {
    /// Those of this process.
    pub fn here(seed: u64, skipped: Vec<String>) -> Surroundings {
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let date = Command::new("date").args(["--utc", "+%Y-%m-%d"]).output();
        let date = date.map_or_else(
            |_| "day unknown".to_owned(),
            |out| String::from_utf8_lossy(&out.stdout).trim().to_owned(),
        );
        Surroundings { kernel, date, seed, skipped }
    }
}

/// Milliseconds that a mounted image took.
fn ms_per_image(tally: &Tally) -> u128 {
    tally.look_time.as_millis() / u128::from(tally.images.max(1))
}

/// How many states a litmus program may leave, how many of them were seen, and which not.
fn witnessed(witness: &Witness) -> (String, String, String) {
    let Some(allowed) = &witness.allowed else {
        return ("many".to_owned(), witness.seen.len().to_string(), String::new());
    };
    let seen = allowed.intersection(&witness.seen).count();
    let missing: Vec<&String> = allowed.difference(&witness.seen).collect();
    let mut named: Vec<String> =
        missing.iter().take(UNWITNESSED_NAMED_MAX).map(|state| shown(state)).collect();
    if missing.len() > UNWITNESSED_NAMED_MAX {
        named.push(format!("and {} more", missing.len() - UNWITNESSED_NAMED_MAX));
    }
    (allowed.len().to_string(), seen.to_string(), named.join("; "))
}

fn shown(state: &str) -> String {
    if state.is_empty() { "(nothing)".to_owned() } else { state.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::time::Duration;

    fn states(states: &[&str]) -> BTreeSet<String> {
        states.iter().map(|&state| state.to_owned()).collect()
    }

    fn tallies() -> Vec<Tally> {
        let overwrite = Witness {
            name: "overwrite",
            property: "an overwrite tears across pages",
            allowed: Some(states(&["f=aa", "f=ab", "f=ba", "f=bb"])),
            seen: states(&["f=aa", "f=bb", "f=?b"]),
        };
        let create = Witness {
            name: "create",
            property: "a name may be lost",
            allowed: Some(states(&["", "f="])),
            seen: states(&["f="]),
        };
        let large = Witness { name: "large", property: "many states", allowed: None, seen: states(&["f="]) };
        let full = Tally {
            arm: "ext4-ordered",
            programs: 12,
            crash_points: 300,
            images: 120,
            states: 40,
            look_time: Duration::from_millis(1_230),
            litmus: vec![overwrite, create, large],
            ..Tally::default()
        };
        vec![full, Tally { arm: "xfs", interrupted: true, ..Tally::default() }]
    }

    fn surroundings() -> Surroundings {
        Surroundings {
            kernel: "6.18.0".to_owned(),
            date: "2026-01-31".to_owned(),
            seed: 1,
            skipped: vec!["btrfs: mkfs.btrfs is not installed".to_owned()],
        }
    }

    #[test]
    fn the_text_names_what_was_never_seen_and_what_was_left_out() {
        insta::assert_snapshot!(text(&surroundings(), &tallies()));
    }

    #[test]
    fn the_markdown_says_the_same() {
        insta::assert_snapshot!(markdown(&surroundings(), &tallies()));
    }
}
