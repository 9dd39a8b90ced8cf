//! Why something was not durable at a crash, as far as the calls before it show.

use super::moments::{CrashMoment, Moments, time};
use crate::base::decide::Site;
use crate::executor::call_log::{Call, Effect, End, What};
use crate::scenario::{FaultKind, When};

/// What was done for a name: when it was made, and which syncs of its directory came after that.
pub(super) fn of_name(moments: &Moments<'_>, crash: &CrashMoment<'_>, name: &str) -> Option<String> {
    let name = name.trim_end_matches('/');
    let (dir, _) = name.rsplit_once('/')?;
    let calls = || calls(moments, 0, crash.entry);
    let makes = |call: &Call| match call.effect {
        Effect::Names if took_effect(call) => {
            let made = if call.to.is_some() { call.to.as_deref() } else { Some(call.path.as_str()) };
            made == Some(name) && (call.made || call.verb != "create")
        }
        _ => false,
    };
    let (at, made_ns, call) = calls().filter(|(_, _, call)| makes(call)).last()?;
    let made = match call.verb {
        "rename" => format!("was given by the rename at {}", time(made_ns)),
        "link" => format!("was given by the link at {}", time(made_ns)),
        _ => format!("was made at {}", time(made_ns)),
    };
    let of_dir = calls().filter(|(later, _, call)| {
        *later > at && call.effect == Effect::SyncsNames && call.path.trim_end_matches('/') == dir
    });
    let dir = moments.short(dir);
    Some(match tried(of_dir) {
        Tried::Never => {
            format!("{} {made}, and nothing synced its directory ({dir}) after that", moments.short(name))
        }
        Tried::Failed { at_ns, .. } => {
            format!(
                "{} {made}, and the sync of its directory ({dir}) failed at {}",
                moments.short(name),
                time(at_ns)
            )
        }
        Tried::Lied(at_ns) => format!(
            "{} {made}; the sync of its directory ({dir}) at {} said that it was done, and had done nothing",
            moments.short(name),
            time(at_ns)
        ),
        Tried::Done => return None,
    })
}

/// What was done for bytes of a file from `offset` on: when they were written, and which syncs came after that.
pub(super) fn of_bytes(
    moments: &Moments<'_>,
    crash: &CrashMoment<'_>,
    path: &str,
    offset: u64,
) -> Option<String> {
    let calls = || calls(moments, 0, crash.entry);
    let covers = |call: &Call| {
        let range =
            call.range.map(|(start, len)| start..start + call.moved.map_or(len, |moved| moved as u64));
        call.effect == Effect::Writes
            && took_effect(call)
            && call.path == path
            && range.is_some_and(|range| range.contains(&offset))
    };
    let (at, written_ns, _) = calls().filter(|(_, _, call)| covers(call)).last()?;
    let of_file = calls().filter(|(later, ..)| *later > at);
    let of_file = of_file.filter(|(_, _, call)| call.effect == Effect::Syncs && call.path == path);
    let file = moments.short(path);
    let written = format!("written to {file} at {}", time(written_ns));
    Some(match tried(of_file) {
        Tried::Never => format!("{written}, and nothing synced {file} after that"),
        Tried::Failed { at_ns, again_ns: None } => {
            format!("{written}, and the sync of {file} failed at {}", time(at_ns))
        }
        Tried::Failed { at_ns, again_ns: Some(again_ns) } => format!(
            "{written}; the sync of {file} failed at {}, and the one at {} said yes without them",
            time(at_ns),
            time(again_ns)
        ),
        Tried::Lied(at_ns) => {
            format!("{written}; the sync of {file} at {} said that it was done, and was not", time(at_ns))
        }
        Tried::Done => return None,
    })
}

/// Where in a file an operation wrote first.
pub(super) fn first_write(
    moments: &Moments<'_>,
    crash: &CrashMoment<'_>,
    site: Site,
    path: &str,
) -> Option<u64> {
    calls(moments, 0, crash.entry).find_map(|(_, _, call)| {
        let writes = call.site == site && call.effect == Effect::Writes && call.path == path;
        call.range.filter(|_| writes && took_effect(call)).map(|(offset, _)| offset)
    })
}

/// What came of trying to sync something.
enum Tried {
    Never,
    /// The first failed; and if a later one did not, when that was.
    Failed {
        at_ns: u64,
        again_ns: Option<u64>,
    },
    /// The medium broke its word.
    Lied(u64),
    Done,
}

fn tried<'a>(syncs: impl Iterator<Item = (usize, u64, &'a Call)>) -> Tried {
    let mut outcome = Tried::Never;
    for (_, time_ns, call) in syncs {
        let lies = matches!(
            call.fault,
            Some(FaultKind::LyingFlush | FaultKind::PhantomWrite | FaultKind::MisdirectedWrite)
        );
        outcome = match (&call.end, outcome) {
            (End::Failed(_), Tried::Never) => Tried::Failed { at_ns: time_ns, again_ns: None },
            (End::Done | End::Abandoned, Tried::Failed { at_ns, again_ns: None }) => {
                Tried::Failed { at_ns, again_ns: Some(time_ns) }
            }
            (End::Done | End::Abandoned, Tried::Never) if lies => Tried::Lied(time_ns),
            (End::Done | End::Abandoned, Tried::Never) => Tried::Done,
            (_, known) => known,
        };
    }
    outcome
}

fn took_effect(call: &Call) -> bool {
    matches!(call.end, End::Done | End::Abandoned | End::Cut(When::Within | When::After))
}

fn calls<'a>(moments: &Moments<'a>, from: usize, to: usize) -> impl Iterator<Item = (usize, u64, &'a Call)> {
    moments.between(from, to).filter_map(|(at, entry)| match &entry.what {
        What::Call(call) => Some((at, entry.time_ns, call)),
        _ => None,
    })
}
