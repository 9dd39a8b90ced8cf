//! The other process that repeats some runs of a campaign, which is this program once more; and what is told of a run that
//! did something else there.

use super::Status;
use super::args::RepeatArgs;
use super::error::Error;
use super::failure::report_bug;
use super::out::Out;
use super::targets::Targets;
use super::wishes::{option_words, wishes};
use crate::base::panics;
use crate::base::trace::TraceHash;
use crate::base::words::count;
use crate::determinism::{Difference, Elsewhere, Sample, difference, serve};
use crate::failing::Subject;
use crate::report::json::{self, Line};
use crate::tell::failure::field;
use crate::tell::style::{BAD, DIM};
use rustix::process::{Signal, set_parent_process_death_signal};
use std::process::Command;

/// What the command is called that the other process is started with.
const REPEAT: &str = "repeat-runs";
/// Characters that are shown of a step, about the first one that differs.
const SHOWN: usize = 90;

/// Starts the other process, unless nothing is to be repeated.
pub(super) fn elsewhere(subject: &Subject, sample: Sample) -> Option<Elsewhere> {
    if sample == Sample::Nothing {
        return None;
    }
    // The very program that runs, even if another was put in its place meanwhile.
    let mut command = Command::new("/proc/self/exe");
    command.arg(REPEAT).arg(subject.target.name()).args(option_words(&subject.wishes, &subject.target));
    Some(Elsewhere::start(&mut command))
}

/// Is the other process.
pub(super) fn repeat_runs(args: &RepeatArgs, targets: &Targets) -> Result<Status, Error> {
    // It ends when its standard input does, too; but not while a run goes on.
    let tied = set_parent_process_death_signal(Some(Signal::KILL));
    tied.map_err(|error| Error::new(format!("cannot be tied to another process: {error}")))?;
    let target = targets.find(&args.target)?;
    let wishes = wishes(&args.world, &target)?;
    serve(&target, &wishes)
        .map_err(|error| Error::new(format!("cannot talk to another process: {error}")))?;
    Ok(Status::Passed)
}

/// Tells that a run is not a function of its seed, and where the two that differed part.
pub(super) fn report_divergence(
    subject: &Subject,
    seed: u64,
    hashes: &[TraceHash],
    elsewhere: Option<&Elsewhere>,
    out: &mut Out,
) -> Status {
    let Subject { target, wishes, capabilities } = subject;
    let command = subject.replay_command(seed);
    let found = match panics::caught(|| difference(target, seed, wishes, capabilities, elsewhere)) {
        Ok(found) => found,
        Err(said) => return report_bug(Some(seed), &said, &command, out),
    };
    let where_again = if elsewhere.is_some() { "in another process" } else { "when it was made again" };
    out.text(&format!(
        "{BAD}nondeterminism{BAD:#}: the run of seed {} did different things {where_again}\n{}\n",
        json::seed(seed),
        found.as_ref().map_or_else(unrepeatable, |found| parting(found, elsewhere.is_some())),
    ));
    let hashes: Vec<String> = hashes.iter().map(TraceHash::to_string).collect();
    out.text(&field("traces", &hashes.join(", ")));
    out.text(&format!("{}\n", field("replay", &command)));
    out.json(&Line::Nondeterminism {
        seed: json::seed(seed),
        trace_hashes: hashes,
        step: found.as_ref().map(|found| found.step),
        here: found.as_ref().and_then(|found| found.here.as_deref()),
        there: found.as_ref().and_then(|found| found.there.as_deref()),
    });
    Status::Nondeterminism
}

const CAUSE: &str = "  the host depends on something besides its seams: an address, the order of a hash map, a static\n  \
     variable, threads, a clock\n";

fn unrepeatable() -> String {
    format!(
        "  made again several times, it did the same each time, so that where they parted is not known\n{CAUSE}"
    )
}

/// Where two runs part, in lines.
fn parting(found: &Difference, elsewhere: bool) -> String {
    let (one, other) = if elsewhere { ("here", "there") } else { ("once", "again") };
    let (here, there) = about_the_difference(found.here.as_deref(), found.there.as_deref());
    let before = found.before.as_ref().map(|before| field("before", &cut(before, 0)));
    let lines = [before.unwrap_or_default(), field(one, &here), field(other, &there)].concat();
    format!(
        "{CAUSE}  {DIM}the first difference is step {} of the run{DIM:#}\n\n{lines}",
        count(found.step as u64 + 1)
    )
}

/// Both steps, cut to what is about the first character that differs.
fn about_the_difference(here: Option<&str>, there: Option<&str>) -> (String, String) {
    let (one, other) = (here.unwrap_or_default(), there.unwrap_or_default());
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let shown = |step: Option<&str>| step.map_or("it had ended".to_owned(), |step| cut(step, same));
    (shown(here), shown(there))
}

/// A line with what is far from a character left out. Where the line says that something happens stays.
fn cut(line: &str, about: usize) -> String {
    let chars: Vec<char> = line.chars().collect();
    if chars.len() <= SHOWN {
        return line.to_owned();
    }
    let head = chars.iter().position(|&c| c == ':').map_or(0, |at| at + 1).min(SHOWN / 2);
    let from = about.saturating_sub(SHOWN / 4).max(head);
    let upto = (from + SHOWN - head).min(chars.len());
    let text = |range: &[char]| range.iter().collect::<String>();
    let left_out = |any: bool| if any { "..." } else { "" };
    let (start, rest) = (text(&chars[..head]), text(&chars[from..upto]));
    format!("{start}{}{rest}{}", left_out(from > head), left_out(upto < chars.len()))
}
