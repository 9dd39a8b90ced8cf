//! What went wrong, in a few sentences, each of which the log or the history shows.

use super::items::{Durability, Item, find, group, named};
use super::moments::{CrashMoment, Moments, time};
use super::syncs;
use crate::base::words::things;
use crate::executor::call_log::{Concerns, End, Fate, What};
use crate::history::{Ask, Event};
use crate::scenario::{CrashKind, FaultKind};
use crate::tell::story::{place_in_run, request};
use std::ops::Range;

/// Faults that are told of.
const FAULTS_MAX: usize = 2;
/// Things that the medium lost that are told of.
const LOSSES_MAX: usize = 3;

pub(super) fn sentences(moments: &Moments<'_>, items: &[Item]) -> Vec<String> {
    let group = group(items);
    let mut told = Vec::new();
    let then = match (moments.crash(), group.first()) {
        (Some(crash), Some(first)) => at_the_crash(moments, crash, first, group.len() > 1)
            .map(|said| (said, losses(moments, crash, first))),
        _ => None,
    };
    let said = then.as_ref().map_or("", |(said, _)| said);
    let since_ns = group.iter().map(|item| item.asked_ns).min().unwrap_or(0);
    let (first, last) = (0, moments.entry_of(moments.last) + 1);
    let crash_at = moments.crash().map_or(last, |crash| crash.entry);
    told.extend(faults(moments, first..crash_at, since_ns, said));
    told.extend(acknowledged(&group));
    match (then, moments.crash()) {
        (Some((said, lost)), _) => told.extend([Some(said), lost].into_iter().flatten()),
        (None, Some(crash)) => {
            told.push(format!("{}.", crash_in_words(moments, crash)));
            told.extend(all_losses(moments, crash));
        }
        (None, None) => {}
    }
    told.extend(faults(moments, crash_at..last, since_ns, ""));
    let told_already = told.join(" ");
    told.extend(late(moments, last, &told_already));
    told.push(outcome(moments));
    told
}

/// Requests that came to their end when nobody waited for them any more, but for those that are told already.
fn late(moments: &Moments<'_>, upto: usize, told: &str) -> Vec<String> {
    let fates = moments.between(0, upto).filter_map(|(_, entry)| match &entry.what {
        What::Fate(fate) if matches!(fate.concerns, Concerns::Request(_)) => Some((entry.time_ns, fate)),
        _ => None,
    });
    let said = fates.map(|(at_ns, fate)| (at_ns, fate.sentence.told(|name| moments.short(name))));
    let said = said.filter(|(_, said)| !told.contains(&**said)).take(LOSSES_MAX);
    said.map(|(at_ns, said)| format!("{}: that was at {}.", capital(&said), time(at_ns))).collect()
}

fn acknowledged(group: &[&Item]) -> Option<String> {
    let acknowledged: Vec<u64> = group.iter().filter_map(|item| item.acknowledged_ns).collect();
    let names = capital(&named(group));
    match acknowledged[..] {
        [] => match group {
            [one] if one.number.is_none() => Some(format!(
                "The record of {} was not acknowledged ({}): it may be there whole, or not at all.",
                one.by,
                one.acknowledged.trim_start_matches("no: ")
            )),
            _ => None,
        },
        [at] => Some(format!("{names} was acknowledged at {} ({}).", time(at), group[0].by)),
        [.., last] => Some(format!("{names} were acknowledged, the last of them at {}.", time(last))),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Calls that failed as planned, since some moment and in a part of the log; but for those whose time is told already.
fn faults(moments: &Moments<'_>, entries: Range<usize>, since_ns: u64, told: &str) -> Vec<String> {
    let failed: Vec<String> = moments
        .between(entries.start, entries.end)
        .filter(|(_, entry)| entry.time_ns >= since_ns)
        .filter(|(_, entry)| !told.contains(&time(entry.time_ns)))
        .filter_map(|(_, entry)| {
            let What::Call(call) = &entry.what else { return None };
            let no_space = call.end == End::Failed("ENOSPC".to_owned());
            let fault = call.fault.map_or_else(|| "the disk was full".to_owned(), |fault| fault.to_string());
            // A stall is only slow.
            if call.fault == Some(FaultKind::Stall) || (call.fault.is_none() && !no_space) {
                return None;
            }
            let path = if call.path.is_empty() {
                String::new()
            } else {
                format!(" of {}", moments.short(&call.path))
            };
            let how = match &call.end {
                End::Failed(error) => format!("failed with {error} ({fault})"),
                _ => format!("was hit by {fault}"),
            };
            Some(format!("The {}{path} at {} {how}.", call.verb, time(entry.time_ns)))
        })
        .collect();
    let more = failed.len().saturating_sub(FAULTS_MAX);
    let mut told: Vec<String> = failed.into_iter().take(FAULTS_MAX).collect();
    if more > 0 {
        told.push(format!(
            "{} came before that.",
            capital(&things(more as u64, "more fault", "more faults"))
        ));
    }
    told
}

fn crash_in_words(moments: &Moments<'_>, crash: &CrashMoment<'_>) -> String {
    let what = match crash.kind {
        CrashKind::Kill => "the process was killed",
        CrashKind::Power => "the power went",
    };
    let inside = if moments.is_in_recovery(crash) { ", inside recovery" } else { "" };
    format!("{} at {}{inside}", capital(what), time(crash.time_ns))
}

/// What was durable then. `several`: the first item stands for others, whose bytes are in the same file.
fn at_the_crash(
    moments: &Moments<'_>,
    crash: &CrashMoment<'_>,
    item: &Item,
    several: bool,
) -> Option<String> {
    let when = format!("When {}", crash_in_words(moments, crash).replacen("The ", "the ", 1));
    let (its, it_was) = if several { ("their", "they were") } else { ("its", "it was") };
    let said = match &item.durability {
        Durability::NoCrash | Durability::Unknown => return None,
        Durability::NotWritten => format!("{when}, {its} bytes were in no file whole."),
        Durability::Cached { path } => {
            let file = moments.short(path);
            format!("{when}, {its} bytes were in the page cache, in {file}: a kill loses nothing there.")
        }
        Durability::Durable { path } => format!("{when}, {it_was} durable, in {}.", moments.short(path)),
        Durability::NameAtRisk { path, name } => {
            let file = moments.short(path);
            let name_of = if name == path {
                "the name of that file was not".to_owned()
            } else {
                format!("the name {} was not", moments.short(name))
            };
            let why = syncs::of_name(moments, crash, name).map_or_else(String::new, |why| format!(": {why}"));
            format!("{when}, {its} bytes in {file} were durable, and {name_of}{why}.")
        }
        Durability::BytesAtRisk { path } => {
            let why = bytes_why(moments, crash, item, path);
            let why = why.map_or_else(String::new, |why| format!(": they had been {why}"));
            format!("{when}, {its} bytes in {} were not durable{why}.", moments.short(path))
        }
        Durability::BothAtRisk { path, name } => {
            let why = bytes_why(moments, crash, item, path);
            let why = why.map_or_else(String::new, |why| format!(": they had been {why}"));
            format!("{when}, neither {its} bytes nor the name {} were durable{why}.", moments.short(name))
        }
    };
    Some(said)
}

/// When an item's bytes in a file were written, and why they were not durable.
fn bytes_why(moments: &Moments<'_>, crash: &CrashMoment<'_>, item: &Item, path: &str) -> Option<String> {
    let bytes = moments.history.events().iter().enumerate().find_map(|(at, event)| match event {
        Event::Asked { site, ask: Ask::Append { data, .. } | Ask::WriteBlock { data, .. }, .. }
            if Some(*site) == item.site && moments.time_of(at) == item.asked_ns =>
        {
            Some(moments.history.bytes(*data))
        }
        _ => None,
    })?;
    let found = find(&crash.survivors.seen, bytes).map(|(_, offset)| offset as u64);
    // What cannot be recognised is where its operation wrote.
    let offset = found.or_else(|| syncs::first_write(moments, crash, item.site?, path))?;
    syncs::of_bytes(moments, crash, path, offset)
}

/// What the medium turned out not to hold, of what an item needs.
fn losses(moments: &Moments<'_>, crash: &CrashMoment<'_>, item: &Item) -> Option<String> {
    let (path, name) = match &item.durability {
        Durability::NameAtRisk { path, name } | Durability::BothAtRisk { path, name } => (path, Some(name)),
        Durability::BytesAtRisk { path } => (path, None),
        _ => return None,
    };
    let concerns = |fate: &Fate| match &fate.concerns {
        Concerns::Names(names) => {
            names.iter().any(|entry| name.is_some_and(|name| name.trim_end_matches('/') == entry))
        }
        Concerns::AllNames => name.is_some(),
        Concerns::Content | Concerns::Request(_) => fate.name == *path,
    };
    in_one(lost(moments, crash, concerns))
}

fn all_losses(moments: &Moments<'_>, crash: &CrashMoment<'_>) -> Option<String> {
    in_one(lost(moments, crash, |_| true))
}

fn lost(moments: &Moments<'_>, crash: &CrashMoment<'_>, concerns: impl Fn(&Fate) -> bool) -> Vec<String> {
    let upto = moments.entry_of(moments.last);
    let fates = moments.between(crash.entry, upto + 1).filter_map(|(_, entry)| match &entry.what {
        What::Fate(fate) => Some(fate),
        _ => None,
    });
    let lost = fates.filter(|fate| fate.lost && concerns(fate));
    lost.map(|fate| fate.sentence.told(|name| moments.short(name))).collect()
}

fn in_one(lost: Vec<String>) -> Option<String> {
    if lost.is_empty() {
        return None;
    }
    let more = lost.len().saturating_sub(LOSSES_MAX);
    let shown: Vec<String> = lost.into_iter().take(LOSSES_MAX).collect();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Some(format!("Recovery found that {}{more}.", shown.join("; ")))
}

/// What was seen at the end.
fn outcome(moments: &Moments<'_>) -> String {
    let Some(violation) = moments.trial.verdict.primary() else {
        return match (moments.history.stuck(), last_question(moments)) {
            (Some(why), Some(question)) => format!("{}: {question} was never answered.", capital(why)),
            (Some(why), None) => format!("{}.", capital(why)),
            (None, _) => "Nothing went wrong.".to_owned(),
        };
    };
    let text = violation.text.trim_end_matches('.');
    format!("At {} this showed: {text}.", time(moments.time_of(violation.event)))
}

/// The last question that nobody answered.
fn last_question(moments: &Moments<'_>) -> Option<String> {
    let events = moments.history.events();
    let answered = |asked: usize| {
        events.iter().any(|event| matches!(event, Event::Told { asked: of, .. } if *of == asked))
    };
    events.iter().enumerate().rev().find_map(|(at, event)| match event {
        Event::Asked { ask, site, .. } if !answered(at) => {
            Some(format!("\"{}\" ({})", request(moments.history, ask), place_in_run(*site)))
        }
        _ => None,
    })
}
