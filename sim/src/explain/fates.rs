//! What the medium turned out to hold, in words: few for a lane, more for a sentence.

use super::moments::Moments;
use crate::report::layout::count;
use crate::world::fs::Fill;
use crate::world::fs::fate::{Came, Fate, What};

/// Whether it is something else than had been written.
pub(super) fn is_loss(what: &What) -> bool {
    match what {
        What::Size { kept, newest } => kept != newest,
        What::Sector { came, .. } => *came != Came::Newest,
        What::Names { lost, .. } => *lost,
        What::Order { lost, .. } => *lost > 0,
    }
}

/// The path of an entry of a directory.
pub(super) fn entry(dir: &str, name: &str) -> String {
    format!("{}/{name}", dir.trim_end_matches('/'))
}

/// For a lane. `path` is the inode's.
pub(super) fn in_a_lane(moments: &Moments<'_>, fate: &Fate, path: &str) -> String {
    let file = moments.short(path);
    match &fate.what {
        What::Size { kept, newest } if kept == newest => format!("{file}: size {} kept", count(*kept)),
        What::Size { kept, newest } => format!("{file}: size {}, was {}", count(*kept), count(*newest)),
        What::Sector { sector, came, .. } => {
            let came = match came {
                Came::Newest => "kept",
                Came::Between => "an older version",
                Came::Durable => "as last synced",
                Came::Shorn => "torn inside",
                Came::Filled(Fill::Zeros) => "lost, zeros",
                Came::Filled(Fill::Stale) => "lost, old bytes",
                Came::Filled(_) => "lost, garbage",
            };
            format!("{file}: sector {sector} {came}")
        }
        What::Names { names, lost } => {
            let told = names.iter().map(|(name, stands)| {
                let name = moments.short(&entry(path, name));
                match (stands, lost) {
                    (true, true) => format!("name {name} lost"),
                    (true, false) => format!("name {name} kept"),
                    (false, true) => format!("name {name} is back"),
                    (false, false) => format!("name {name} gone"),
                }
            });
            told.collect::<Vec<_>>().join(", ")
        }
        What::Order { lost: 0, of } => format!("journal: all {of} changes kept"),
        What::Order { lost, of } => format!("journal: last {lost} of {of} changes lost"),
    }
}

/// For a sentence about a loss: what follows "recovery found that".
pub(super) fn in_a_sentence(moments: &Moments<'_>, fate: &Fate, path: &str) -> String {
    let file = moments.short(path);
    match &fate.what {
        What::Size { kept, newest } => {
            format!("{file} was {} bytes long, not {}", count(*kept), count(*newest))
        }
        What::Sector { sector, came, .. } => {
            let came = match came {
                Came::Newest => "what was written last",
                Came::Between => "an older version than the last",
                Came::Durable => "what had been synced before",
                Came::Shorn => "a beginning of what was written last, and the rest of what was there before",
                Came::Filled(Fill::Zeros) => "zeros",
                Came::Filled(Fill::Stale) => "old bytes that had been elsewhere",
                Came::Filled(_) => "garbage",
            };
            format!("sector {sector} of {file} held {came}")
        }
        What::Names { names, .. } => {
            let told = names.iter().map(|(name, stands)| {
                let name = moments.short(&entry(path, name));
                if *stands {
                    format!("the name {name} was lost")
                } else {
                    format!("the name {name} was back")
                }
            });
            told.collect::<Vec<_>>().join(" and ")
        }
        What::Order { lost, of } => format!("the last {lost} of {of} changes in the journal were lost"),
    }
}
