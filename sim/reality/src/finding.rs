//! A loss of power that left what the model says it cannot leave, with all that is known about it.

use crate::crash::{Crash, Fate};
use crate::hands::runs;
use crate::judge::Instant;
use crate::recording::{Event, Mark, Recording, Write};
use asl_sim::world::program::{Entry, Program, State};
use std::fmt::{self, Write as _};

/// What was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The state is outside of the model.
    Outside {
        /// Where the program was.
        instant: Instant,
        /// The state.
        seen: State,
        /// What the model says about it.
        why: String,
    },
    /// The kernel refused the mount.
    Unmountable(String),
    /// Not everything could be read.
    Unreadable(String),
}

/// Something that was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The arm's name.
    pub arm: &'static str,
    /// The program's name.
    pub program: String,
    /// How to see it again.
    pub command: String,
    /// The program.
    pub steps: Program,
    /// Which of several runs of the program.
    pub round: u64,
    /// Where power was lost.
    pub crash: Crash,
    /// What the disk was asked for up to there, and what became of it, a line each.
    pub events: Vec<String>,
    /// What came of it.
    pub wrong: Wrong,
}

impl Finding {
    /// Its headline.
    pub fn headline(&self) -> String {
        let what = match &self.wrong {
            Wrong::Outside { .. } => "a state outside of the model",
            Wrong::Unmountable(_) => "a file system that could not be mounted",
            Wrong::Unreadable(_) => "a file system that could not be read",
        };
        format!("{}, {}: {what}", self.arm, self.program)
    }
}

/// What the disk was asked for up to the crash, a line each: what was flushed, then each write with its fate.
///
/// # Panics
///
/// If there is not one fate for each write since the flush.
pub fn describe_events(recording: &Recording, crash: Crash, fates: &[Fate]) -> Vec<String> {
    let flushed = recording.flushed(crash.position);
    let mut fates = fates.iter();
    let mut lines = Vec::new();
    for (at, event) in recording.events[..crash.position].iter().enumerate() {
        lines.extend(describe_marks(&recording.marks, at));
        lines.push(match event {
            Event::Flush => format!("{at:>6} flush"),
            Event::Write(write) if at < flushed => format!("{at:>6} {}", describe_write(write)),
            Event::Write(write) => {
                let fate = fates.next().expect("each write since the flush has a fate");
                format!("{at:>6} {}: {fate}", describe_write(write))
            }
        });
    }
    lines.extend(describe_marks(&recording.marks, crash.position));
    lines
}

/// Which steps begin and end at a position.
fn describe_marks(marks: &[Mark], position: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for (step, mark) in (1..).zip(marks) {
        match (mark.begin == position, mark.end == position) {
            (true, true) => lines.push(format!("       step {step} writes nothing")),
            (true, false) => lines.push(format!("       step {step} begins")),
            (false, true) => lines.push(format!("       step {step} is done")),
            (false, false) => (),
        }
    }
    lines
}

fn describe_write(write: &Write) -> String {
    let runs = runs(&write.bytes);
    let content = match runs.as_slice() {
        [(_, 0)] => " of zeros".to_owned(),
        [(_, letter)] if letter.is_ascii_graphic() => format!(" of {}", *letter as char),
        _ => String::new(),
    };
    format!("write at {:#x}, {} bytes{content}", write.offset, write.bytes.len())
}

/// A state in full: lengths in bytes, content as runs.
fn describe_state(state: &State) -> String {
    let mut text = String::new();
    for (path, entry) in &state.0 {
        let line = match entry {
            Entry::Dir => format!("  {path}/\n"),
            Entry::File { inode, content } => {
                let runs = runs(content).into_iter().map(|(len, byte)| match byte {
                    0 => format!("{len} zeros"),
                    byte if byte.is_ascii_graphic() => format!("{len} times {}", byte as char),
                    byte => format!("{len} times {byte:#04x}"),
                });
                let runs: Vec<String> = runs.take(32).collect();
                format!("  {path}: inode {inode}, {} bytes: {}\n", content.len(), runs.join(", "))
            }
        };
        text.push_str(&line);
    }
    if text.is_empty() { "  nothing\n".to_owned() } else { text }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n\nprogram (round {}):", self.headline(), self.round)?;
        for (at, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>6} {step:?}", at + 1)?;
        }
        writeln!(f, "\npower was lost {}", self.crash)?;
        match &self.wrong {
            Wrong::Outside { instant, seen, why } => {
                writeln!(f, "the program was {instant}\n\nseen: {seen}\n{}", describe_state(seen))?;
                writeln!(f, "the model says: {why}")?;
            }
            Wrong::Unmountable(why) | Wrong::Unreadable(why) => writeln!(f, "\nthe kernel says: {why}")?,
        }
        let mut events = String::new();
        for line in &self.events {
            writeln!(events, "{line}")?;
        }
        write!(f, "\nwhat the disk was asked for:\n{events}\nto run the program again: {}\n", self.command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crash::{Keep, fates};
    use crate::recording::testing::two_and_two;
    use asl_sim::world::program::Step;

    #[test]
    fn a_finding_tells_the_steps_the_writes_with_their_fates_and_the_state() {
        let recording = two_and_two();
        let crash = Crash { position: 5, keep: Keep::First(1) };
        let content = [vec![b'a'; 3], vec![0; 2]].concat();
        let seen = State([("f".to_owned(), Entry::File { inode: 12, content })].into());
        let finding = Finding {
            arm: "xfs",
            program: "random program 3".to_owned(),
            command: "asl-reality --seed 3".to_owned(),
            steps: vec![Step::Create("f".to_owned()), Step::Settle],
            round: 1,
            crash,
            events: describe_events(&recording, crash, &fates(&recording, crash, 512)),
            wrong: Wrong::Outside { instant: Instant::Between(2), seen, why: "f is longer".to_owned() },
        };
        insta::assert_snapshot!(finding.to_string());
    }
}
