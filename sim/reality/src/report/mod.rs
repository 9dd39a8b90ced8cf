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
        let date = date.map_or_else(|_| "day unknown".to_owned(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
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
