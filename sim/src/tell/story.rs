//! The story of a run: what clients asked and were told, what failed and crashed, one line an event.
//!
//! A question that is answered before anything but a fault comes between is one line with its answer. What is told is what
//! the history says, nothing of the world's inside; the same history always makes the same story.

use crate::base::decide::Site;
use crate::base::words::things;
use crate::check::Violation;
use crate::history::{Ask, Event, HARNESS, History, Hit, Name, Place, SECOND, Told};
use crate::scenario::{CrashKind, FaultKind};
use crate::trial::Trial;
use std::collections::BTreeSet;

/// Lines before the violation that a story keeps whatever they say.
const LAST_LINES: usize = 18;
/// Lines that it keeps from before those, because they matter.
const EARLIER_LINES: usize = 10;
/// Identifiers that are listed before the rest is counted.
const NAMES_SHOWN: usize = 4;

/// A line of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The event that it tells of.
    pub event: usize,
    /// What happened.
    pub text: String,
}

/// Everything that happened, one line an event.
pub fn whole(history: &History) -> Vec<Line> {
    let answers = Answers::of(history);
    let lines = history.events().iter().enumerate().filter_map(|(at, event)| {
        let text = match event {
            Event::Asked { site, client, ask } => match answers.of[at] {
                Answer::Next => return None,
                Answer::Later => format!("{} ...", question(history, *site, *client, ask)),
                Answer::Never => format!("{} -> never told", question(history, *site, *client, ask)),
            },
            Event::Told { asked, told } => {
                let Event::Asked { site, client, ask } = &history.events()[*asked] else { return None };
                let question = question(history, *site, *client, ask);
                let late = matches!(answers.of[*asked], Answer::Later);
                let late = if late { format!(" (asked at {asked})") } else { String::new() };
                format!("{question} -> {}{late}", answer(history, ask, told))
            }
            Event::Crash { kind, in_recovery } => {
                let what = match kind {
                    CrashKind::Kill => "CRASH: the process is killed",
                    CrashKind::Power => "CRASH: the power goes",
                };
                if *in_recovery { format!("{what}, inside recovery") } else { what.to_owned() }
            }
            Event::Died { second: true } => {
                "CRASH: the second process is killed, and the first goes on".to_owned()
            }
            Event::Died { second: false } => {
                "CRASH: the first process is killed, and the second goes on".to_owned()
            }
            Event::Fault { site, kind } => format!("FAULT: {kind}, in {}", place_in_run(*site)),
            Event::Damage { site, kind, hit } => damage(*site, *kind, hit),
            Event::Full => "FAULT: space runs out".to_owned(),
            Event::Left { place, name } => {
                format!("LEFT BEHIND: {:?}, at {}", history.name(*name), place.as_str())
            }
            Event::Freed => "there is space again".to_owned(),
        };
        Some(Line { event: at, text })
    });
    lines.collect()
}

/// The story of a failure, as lines: what led to it, with what does not matter left out, and the event that broke the
/// invariant marked with `>`. Of a run that passed, the end.
pub fn story(trial: &Trial) -> Vec<String> {
    abridged(&trial.outcome.history, trial.verdict.primary())
}

fn abridged(history: &History, violation: Option<&Violation>) -> Vec<String> {
    let lines = whole(history);
    let last = violation.map_or(usize::MAX, |violation| violation.event);
    let upto = lines.iter().take_while(|line| line.event <= last).count();
    let first = upto.saturating_sub(LAST_LINES);
    let concerned = violation
        .map_or_else(BTreeSet::new, |violation| concerned(history, violation.event, &violation.text));
    let mut earlier: Vec<usize> = (0..first)
        .rev()
        .filter(|&at| matters(history, lines[at].event, &concerned))
        .take(EARLIER_LINES)
        .collect();
    earlier.reverse();
    let width = lines.last().map_or(1, |line| line.event.to_string().len());
    let mut out = Vec::new();
    let mut next = 0;
    for at in earlier.into_iter().chain(first..upto) {
        leave_out(&mut out, at - next, "more");
        let mark = if lines[at].event == last { '>' } else { ' ' };
        out.push(format!("{mark} {:>width$}  {}", lines[at].event, lines[at].text));
        next = at + 1;
    }
    leave_out(&mut out, lines.len() - upto, "later");
    if let (None, Some(why)) = (violation, history.stuck()) {
        out.push(format!("> hang: {why}"));
    }
    out
}

fn leave_out(out: &mut Vec<String>, count: usize, which: &str) {
    if count > 0 {
        out.push(format!(
            "  ... {} ...",
            things(count as u64, &format!("{which} event"), &format!("{which} events"))
        ));
    }
}

/// Crashes, faults, and the acknowledgements that the violation is about.
fn matters(history: &History, event: usize, concerned: &BTreeSet<u64>) -> bool {
    match &history.events()[event] {
        Event::Crash { .. }
        | Event::Died { .. }
        | Event::Fault { .. }
        | Event::Damage { .. }
        | Event::Left { .. }
        | Event::Full
        | Event::Freed => true,
        Event::Told { asked, told: Told::Seq(seq) } => {
            let of_append = matches!(history.events()[*asked], Event::Asked { ask: Ask::Append { .. }, .. });
            of_append && concerned.contains(seq)
        }
        _ => false,
    }
}

/// The numbers of the records that a violation is about, as far as its text names them.
pub(crate) fn concerned(history: &History, event: usize, text: &str) -> BTreeSet<u64> {
    let about_log = match &history.events()[event] {
        Event::Told { asked, .. } => {
            let Event::Asked { ask, .. } = &history.events()[*asked] else { return BTreeSet::new() };
            matches!(
                ask,
                Ask::Append { .. } | Ask::Read { .. } | Ask::InspectSnapshot { .. } | Ask::Flush { .. }
            )
        }
        _ => false,
    };
    if !about_log {
        return BTreeSet::new();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let named = words.windows(2).filter(|pair| matches!(pair[0], "record" | "number" | "numbers"));
    named.filter_map(|pair| pair[1].trim_end_matches([',', ':']).parse().ok()).collect()
}

/// When a question was answered.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Never,
    /// Nothing but faults came between.
    Next,
    Later,
}

struct Answers {
    of: Vec<Answer>,
}

impl Answers {
    fn of(history: &History) -> Answers {
        let mut of = vec![Answer::Never; history.events().len()];
        for (at, event) in history.events().iter().enumerate() {
            if let Event::Told { asked, .. } = event {
                let between = &history.events()[asked + 1..at];
                let quiet = |event: &Event| {
                    matches!(event, Event::Fault { .. } | Event::Damage { .. } | Event::Full | Event::Freed)
                };
                of[*asked] = if between.iter().all(quiet) { Answer::Next } else { Answer::Later };
            }
        }
        Answers { of }
    }
}

fn damage(site: Site, kind: FaultKind, hit: &Hit) -> String {
    let operations: Vec<String> = hit.operations.iter().map(u32::to_string).collect();
    let whose = match operations.is_empty() {
        true if kind == FaultKind::LyingFlush => String::new(),
        true => ", near no record".to_owned(),
        false => format!(", at the bytes of op {}", operations.join(", ")),
    };
    format!("DAMAGE: {kind}, in {}{whose}", place_in_run(site))
}

pub(crate) fn place_in_run(site: Site) -> String {
    match site {
        Site::Op(id) => format!("op {id}"),
        Site::Boot { attempt, .. } if attempt >= 8 => "reopening".to_owned(),
        Site::Boot { nth: 0, attempt: 0 } => "start".to_owned(),
        Site::Boot { nth: 0, attempt } => format!("start, attempt {}", attempt + 1),
        Site::Boot { nth, attempt: 0 } => format!("recovery {nth}"),
        Site::Boot { nth, attempt } => format!("recovery {nth}, attempt {}", attempt + 1),
        Site::Closing => "the end".to_owned(),
    }
}

fn question(history: &History, site: Site, client: u16, ask: &Ask) -> String {
    let who = match client {
        HARNESS => "audit".to_owned(),
        SECOND => "second process".to_owned(),
        client => format!("client {client}"),
    };
    format!("{who}: {} ({})", request(history, ask), place_in_run(site))
}

/// What was asked for, in words.
pub(crate) fn request(history: &History, ask: &Ask) -> String {
    let name = |name: Name| history.name(name);
    let of = |place: Place, preposition: &str| match place {
        Place::Main => String::new(),
        place => format!(" {preposition} {}", place.as_str()),
    };
    match *ask {
        Ask::Create { place } => format!("create {}", place.as_str()),
        Ask::Open { place, second: false } => format!("open {}", place.as_str()),
        Ask::Open { place, second: true } => format!("open {} from a second process", place.as_str()),
        Ask::Close { place } => format!("close {}", place.as_str()),
        Ask::Destroy { place, open: false } => format!("destroy {}", place.as_str()),
        Ask::Destroy { place, open: true } => format!("destroy {} while it is open", place.as_str()),
        Ask::Append { place, data, expected, .. } => {
            let condition = expected.map_or_else(String::new, |seq| format!(" if it gets number {seq}"));
            format!("append {}{}{condition}", bytes(data.len()), of(place, "to"))
        }
        Ask::Flush { place } => format!("flush{}", of(place, "of")),
        Ask::DurableUpto { place } => format!("ask what is durable{}", of(place, "in")),
        Ask::Read { place, from: 1, limit: 0 } => format!("read all{}", of(place, "of")),
        Ask::Read { place, from, limit: 0 } => format!("read from number {from}{}", of(place, "of")),
        Ask::Read { place, from, limit } => format!("read {limit} from number {from}{}", of(place, "of")),
        Ask::CreateBlock => "create a block".to_owned(),
        Ask::WriteBlock { block, data } => format!("write {} to block {:?}", bytes(data.len()), name(block)),
        Ask::SealBlock { block } => format!("seal block {:?}", name(block)),
        Ask::ReadBlock { block } => format!("read block {:?}", name(block)),
        Ask::ListBlocks => "list blocks".to_owned(),
        Ask::CreateSnapshot => "create a snapshot".to_owned(),
        Ask::InspectSnapshot { snapshot } => format!("mount snapshot {:?}", name(snapshot)),
        Ask::ListSnapshots => "list snapshots".to_owned(),
        Ask::DeleteSnapshot { snapshot } => format!("delete snapshot {:?}", name(snapshot)),
        Ask::Now => "read the clock".to_owned(),
        Ask::Identity => "ask who the host is".to_owned(),
        Ask::Own { operation, input } => format!("{} {input}", history.name(operation)),
    }
}

/// What was told, in words.
pub(crate) fn answer(history: &History, ask: &Ask, told: &Told) -> String {
    match told {
        Told::Done => "done".to_owned(),
        Told::Seq(seq) => match ask {
            Ask::Append { .. } => format!("number {seq}"),
            _ => format!("durable up to {seq}"),
        },
        Told::Records(records) => numbers(&records.iter().map(|(seq, _)| *seq).collect::<Vec<_>>()),
        Told::Named(name) => format!("{:?}", history.name(*name)),
        Told::Names(names) => listed(history, names),
        Told::Bytes(span) => bytes(span.len()),
        Told::View(view) => {
            let (records, blocks) = (view.records.len() as u64, view.blocks.len() as u64);
            let shown =
                format!("{}, {}", things(records, "record", "records"), things(blocks, "block", "blocks"));
            let wrote: Vec<&str> = view.let_write.iter().map(|operation| operation.as_str()).collect();
            if wrote.is_empty() { shown } else { format!("{shown}; it let through {}", wrote.join(", ")) }
        }
        Told::Time(time) => format!("{time} ns"),
        Told::Failed { kind, code } if *code == kind.code() => format!("error: {kind}"),
        Told::Failed { kind, code } => format!("error: {kind}, with the code {code}"),
        Told::Panicked if history.fault.is_some() => history.last_words(),
        Told::Panicked => format!("panic: {}", history.panic.as_deref().unwrap_or("no message")),
        Told::Cancelled => "stopped waiting".to_owned(),
    }
}

fn bytes(len: usize) -> String {
    things(len as u64, "byte", "bytes")
}

pub(crate) fn numbers(seqs: &[u64]) -> String {
    match seqs {
        [] => "no records".to_owned(),
        [one] => format!("record {one}"),
        [first, .., last] if seqs.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])) => {
            format!("records {first} to {last}")
        }
        _ => format!("records {}", seqs.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn listed(history: &History, names: &[Name]) -> String {
    let shown: Vec<String> =
        names.iter().take(NAMES_SHOWN).map(|&name| format!("{:?}", history.name(name))).collect();
    match names.len() {
        0 => "none".to_owned(),
        len if len > NAMES_SHOWN => format!("{} and {} more", shown.join(", "), len - NAMES_SHOWN),
        _ => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::judge;
    use crate::scenario::FaultClass;
    use asl_host::{Capabilities, Durability, ErrorKind, Exclusion};

    const START: Site = Site::Boot { nth: 0, attempt: 0 };

    fn empty() -> History {
        let capabilities = Capabilities {
            durability: Durability::OnAppend,
            exclusion: Exclusion::Refuse,
            blocks: false,
            snapshots: false,
            append_unit: 1,
            max_record_len: 1 << 20,
        };
        History::new(capabilities, FaultClass::Error)
    }

    fn ask(history: &mut History, site: Site, client: u16, ask: Ask) -> usize {
        history.push(Event::Asked { site, client, ask })
    }

    fn append(history: &mut History, op: u32, client: u16) -> usize {
        let data = history.keep(&[op as u8; 300]);
        let append = Ask::Append { place: Place::Main, data, unique: true, expected: None };
        ask(history, Site::Op(op), client, append)
    }

    fn tell(history: &mut History, asked: usize, told: Told) {
        history.push(Event::Told { asked, told });
    }

    /// Forty appends, of which the last crash loses all but three.
    fn losing() -> History {
        let mut history = empty();
        let creating = ask(&mut history, START, HARNESS, Ask::Create { place: Place::Main });
        tell(&mut history, creating, Told::Done);
        for op in 0..40 {
            let asked = append(&mut history, op, 0);
            tell(&mut history, asked, Told::Seq(u64::from(op) + 1));
        }
        let slow = append(&mut history, 40, 1);
        let failing = append(&mut history, 41, 0);
        history.push(Event::Fault { site: Site::Op(41), kind: FaultKind::WriteEio });
        tell(&mut history, failing, Told::Failed { kind: ErrorKind::Io, code: ErrorKind::Io.code() });
        tell(&mut history, slow, Told::Seq(41));
        append(&mut history, 42, 1);
        history.push(Event::Crash { kind: CrashKind::Power, in_recovery: false });
        let site = Site::Boot { nth: 1, attempt: 0 };
        let opening = ask(&mut history, site, HARNESS, Ask::Open { place: Place::Main, second: false });
        tell(&mut history, opening, Told::Done);
        let reading = ask(&mut history, site, HARNESS, Ask::Read { place: Place::Main, from: 1, limit: 0 });
        let records = (0..3).map(|op| (u64::from(op) + 1, history.keep(&[op; 300]))).collect();
        tell(&mut history, reading, Told::Records(records));
        let closing = ask(&mut history, Site::Closing, HARNESS, Ask::Close { place: Place::Main });
        tell(&mut history, closing, Told::Done);
        history
    }

    #[test]
    fn a_story_keeps_what_matters_and_marks_what_broke() {
        let history = losing();
        let verdict = judge(&history);
        insta::assert_snapshot!(abridged(&history, verdict.primary()).join("\n"));
    }

    #[test]
    fn a_whole_story_has_every_event() {
        let history = losing();
        let events: BTreeSet<usize> = whole(&history).iter().map(|line| line.event).collect();
        for (at, event) in history.events().iter().enumerate() {
            let question = matches!(event, Event::Asked { .. });
            assert!(question || events.contains(&at), "event {at} is not told of");
        }
    }

    #[test]
    fn a_hang_ends_the_story() {
        let mut history = empty();
        ask(&mut history, START, HARNESS, Ask::Create { place: Place::Main });
        history.stuck = Some("nothing happens any more".to_owned());
        let lines = abridged(&history, None);
        assert_eq!(
            lines,
            ["  0  audit: create the store (start) -> never told", "> hang: nothing happens any more"]
        );
    }
}
