//! When things happened: the history's events at their places in the log, the event at which the run broke, and the crash
//! that has to do with it.

use super::names::Names;
use crate::executor::call_log::{CallLog, Entry, Survivors, What};
use crate::history::{Ask, Event, History, Place, Told};
use crate::scenario::CrashKind;
use crate::trial::Trial;

/// A crash of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct CrashMoment<'a> {
    pub(super) kind: CrashKind,
    pub(super) time_ns: u64,
    /// The history's event.
    pub(super) event: usize,
    /// Its place in the log.
    pub(super) entry: usize,
    pub(super) survivors: &'a Survivors,
}

/// A run with the times of what happened in it.
#[derive(Debug)]
pub(super) struct Moments<'a> {
    pub(super) trial: &'a Trial,
    pub(super) history: &'a History,
    pub(super) log: &'a CallLog,
    /// Per event, the place in the log at which it comes.
    entries: Vec<usize>,
    crashes: Vec<CrashMoment<'a>>,
    names: Names,
    /// The event at which the run broke; the last one if it hung.
    pub(super) last: usize,
}

impl<'a> Moments<'a> {
    pub(super) fn new(trial: &'a Trial, log: &'a CallLog) -> Moments<'a> {
        let history = &trial.outcome.history;
        let events = history.events();
        let mut entries = vec![0; events.len()];
        let mut crashes = Vec::new();
        let mut next = 0;
        let mut place = |event: usize, entry: usize| {
            // What the log was not told of (space, say) comes with the event before it.
            let upto = (event + 1).max(next);
            let from = next.min(entries.len());
            entries[from..upto.min(events.len())].fill(entry);
            next = upto;
        };
        let mut crash_events =
            (0..events.len()).filter(|&event| matches!(events[event], Event::Crash { .. }));
        for (at, entry) in log.entries.iter().enumerate() {
            match &entry.what {
                What::Event(event) => place(*event, at),
                What::Crash(kind, survivors) => {
                    let Some(event) = crash_events.next() else { continue };
                    place(event, at);
                    crashes.push(CrashMoment {
                        kind: *kind,
                        time_ns: entry.time_ns,
                        event,
                        entry: at,
                        survivors,
                    });
                }
                _ => {}
            }
        }
        place(events.len(), log.entries.len().saturating_sub(1));
        let broken = trial.verdict.primary().map(|violation| violation.event);
        let last = broken.unwrap_or_else(|| events.len().saturating_sub(1));
        Moments { trial, history, log, entries, crashes, names: Names::of(log), last }
    }

    /// A path as the story tells it.
    pub(super) fn short(&self, path: &str) -> String {
        self.names.short(path)
    }

    /// Names that are told short, with the whole of each.
    pub(super) fn shortened(&self) -> Vec<(String, String)> {
        self.names.shortened()
    }

    /// Where in the log an event comes.
    pub(super) fn entry_of(&self, event: usize) -> usize {
        self.entries.get(event).copied().unwrap_or(0)
    }

    /// When an event was, in simulated time.
    pub(super) fn time_of(&self, event: usize) -> u64 {
        self.log.entries.get(self.entry_of(event)).map_or(0, |entry| entry.time_ns)
    }

    /// What was asked for, if the event is an answer.
    pub(super) fn asked_by(&self, event: usize) -> Option<&'a Ask> {
        let Event::Told { asked, .. } = self.history.events().get(event)? else { return None };
        match &self.history.events()[*asked] {
            Event::Asked { ask, .. } => Some(ask),
            _ => None,
        }
    }

    /// The crash that stands between what broke and what was last seen to be in order: of those since the log was last read, the
    /// last loss of power outside of recovery, else the last loss of power, else the last.
    pub(super) fn crash(&self) -> Option<&CrashMoment<'a>> {
        let read = (0..self.last).rev().find(|&event| self.is_whole_read(event)).unwrap_or(0);
        let before = |crash: &&CrashMoment<'_>| crash.event <= self.last;
        let since: Vec<&CrashMoment<'a>> =
            self.crashes.iter().filter(before).filter(|crash| crash.event > read).collect();
        let power = |crash: &&&CrashMoment<'_>| crash.kind == CrashKind::Power;
        let first = since.iter().rev().filter(power).find(|crash| !self.is_in_recovery(crash));
        let any = since.iter().rev().find(power);
        let earlier = self.crashes.iter().rev().find(before);
        first.or(any).or(since.last()).copied().or(earlier)
    }

    /// Whether a crash came while the store was being opened after another one.
    pub(super) fn is_in_recovery(&self, crash: &CrashMoment<'_>) -> bool {
        matches!(self.history.events()[crash.event], Event::Crash { in_recovery: true, .. })
    }

    fn is_whole_read(&self, event: usize) -> bool {
        let whole = |ask: &Ask| matches!(ask, Ask::Read { place: Place::Main, from: 1, limit: 0 });
        matches!(&self.history.events()[event], Event::Told { told: Told::Records(_), .. })
            && self.asked_by(event).is_some_and(whole)
    }

    /// The read that shows what the log came to: the one that broke the invariant, or the last whole one before it.
    pub(super) fn read(&self) -> Option<usize> {
        let reads = |event: &usize| {
            matches!(self.asked_by(*event), Some(Ask::Read { place: Place::Main, .. }))
                && matches!(self.history.events()[*event], Event::Told { told: Told::Records(_), .. })
        };
        let since = self.crash().map_or(0, |crash| crash.event);
        let broke = Some(self.last).filter(reads);
        broke.or_else(|| (since..=self.last).rev().find(|&event| self.is_whole_read(event)))
    }

    /// The entries from one place in the log up to another, with their places.
    pub(super) fn between(&self, from: usize, to: usize) -> impl Iterator<Item = (usize, &'a Entry)> {
        let entries = &self.log.entries;
        let to = to.min(entries.len());
        entries[from.min(to)..to].iter().enumerate().map(move |(at, entry)| (from + at, entry))
    }
}

/// A time as it is told: in milliseconds, to the microsecond.
pub(crate) fn time(time_ns: u64) -> String {
    let micros = time_ns / 1_000;
    format!("{}.{:03} ms", crate::base::words::count(micros / 1_000), micros % 1_000)
}
