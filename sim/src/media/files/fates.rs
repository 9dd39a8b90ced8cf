//! What files turned out to hold, in words: few for a lane, more for a sentence.

use super::fs::Fill;
use super::fs::fate::{Came, Fate, What};
use super::names::Names;
use crate::base::words::count;
use crate::executor::call_log::{self, Concerns, Words};

/// Whether it is something else than had been written.
fn is_loss(what: &What) -> bool {
    match what {
        What::Size { kept, newest } => kept != newest,
        What::Sector { came, .. } => *came != Came::Newest,
        What::Names { lost, .. } => *lost,
        What::Order { lost, .. } => *lost > 0,
    }
}

/// The path of an entry of a directory.
fn entry(dir: &str, name: &str) -> String {
    format!("{}/{name}", dir.trim_end_matches('/'))
}

/// A fate as the log of calls keeps it.
pub(super) fn told(fate: &Fate, names: &Names) -> call_log::Fate {
    let known = names.of(fate.ino);
    let name = if known.is_empty() { "a file".to_owned() } else { known };
    let concerns = match &fate.what {
        What::Size { .. } | What::Sector { .. } => Concerns::Content,
        What::Names { names, .. } => {
            Concerns::Names(names.iter().map(|(inside, _)| entry(&name, inside)).collect())
        }
        What::Order { .. } => Concerns::AllNames,
    };
    let (lane, sentence) = (in_a_lane(&fate.what, &name), in_a_sentence(&fate.what, &name));
    call_log::Fate { concerns, lost: is_loss(&fate.what), lane, sentence, name }
}

fn in_a_lane(what: &What, name: &str) -> Words {
    let file = || Words::default().name(name);
    match what {
        What::Size { kept, newest } if kept == newest => file().text(format!(": size {} kept", count(*kept))),
        What::Size { kept, newest } => {
            file().text(format!(": size {}, was {}", count(*kept), count(*newest)))
        }
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
            file().text(format!(": sector {sector} {came}"))
        }
        What::Names { names, lost } => listed(names, ", ", |told, inside, stands| {
            let came = match (stands, lost) {
                (true, true) => "lost",
                (true, false) => "kept",
                (false, true) => "is back",
                (false, false) => "gone",
            };
            told.text("name ").name(entry(name, inside)).text(format!(" {came}"))
        }),
        What::Order { lost: 0, of } => Words::default().text(format!("journal: all {of} changes kept")),
        What::Order { lost, of } => {
            Words::default().text(format!("journal: last {lost} of {of} changes lost"))
        }
    }
}

fn in_a_sentence(what: &What, name: &str) -> Words {
    let file = || Words::default().name(name);
    match what {
        What::Size { kept, newest } => {
            file().text(format!(" was {} bytes long, not {}", count(*kept), count(*newest)))
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
            let of = Words::default().text(format!("sector {sector} of "));
            of.name(name).text(format!(" held {came}"))
        }
        What::Names { names, .. } => listed(names, " and ", |told, inside, stands| {
            let came = if stands { " was lost" } else { " was back" };
            told.text("the name ").name(entry(name, inside)).text(came)
        }),
        What::Order { lost, of } => {
            Words::default().text(format!("the last {lost} of {of} changes in the journal were lost"))
        }
    }
}

/// Each of some names in words, with something between them.
fn listed(names: &[(String, bool)], between: &str, tell: impl Fn(Words, &str, bool) -> Words) -> Words {
    names.iter().enumerate().fold(Words::default(), |told, (nth, (inside, stands))| {
        tell(if nth > 0 { told.text(between) } else { told }, inside, *stands)
    })
}
