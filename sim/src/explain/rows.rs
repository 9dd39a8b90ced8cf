//! The swim-lane's rows: one for each question, answer, call, crash, and thing that the medium turned out to hold, in order.
//!
//! A row says which parts of it matter to the story; which rows are left out in the end is for whoever shows them.

use super::items::{Durability, Item, group};
use super::moments::Moments;
use crate::base::decide::Site;
use crate::base::words::things;
use crate::executor::call_log::{Call, Concerns, Effect, End, Fate, What};
use crate::history::{Ask, Event, HARNESS, SECOND, Told};
use crate::scenario::{CrashKind, When};
use crate::tell::story::{answer, request};
use serde::Serialize;
use std::collections::BTreeSet;

/// What a row stands out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Nothing.
    Plain,
    /// A client is told that something is done.
    Acknowledged,
    /// A call fails, or does not do what it says, as planned.
    Fault,
    /// The medium came to hold something else than was written.
    Lost,
    /// The processes or the power fail.
    Crash,
    /// Here the invariant broke, or the run ended.
    Violation,
}

/// One event. Lanes that have no part in it are empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// When, in simulated time.
    pub time_ns: u64,
    /// What a client asks or is told.
    pub client: String,
    /// Who that client is, in short.
    pub who: String,
    /// The number of the request that goes on its way here, if it lands later or is lost.
    pub sent: Option<u32>,
    /// The number of the request that lands here, or is lost.
    pub landed: Option<u32>,
    /// What the host does.
    pub host: String,
    /// What comes of it on the disk.
    pub disk: String,
    /// What fails.
    pub fault: String,
    /// What it stands out for.
    pub mark: Mark,
    /// Whether the story needs it.
    pub matters: bool,
}

impl Row {
    fn new(time_ns: u64) -> Row {
        let (client, who, host, disk, fault) = Default::default();
        let (sent, landed) = (None, None);
        Row { time_ns, client, who, sent, landed, host, disk, fault, mark: Mark::Plain, matters: false }
    }
}

/// What a story is about, so far as rows are concerned.
struct About {
    /// Files and names that the items which broke were in.
    paths: BTreeSet<String>,
    /// Questions about such items, and the one that broke.
    asked: BTreeSet<usize>,
    /// Where they were asked.
    sites: Vec<Site>,
    /// From the first of these questions on, in the log; everything, if there is none.
    since: usize,
    /// From here on, names were made that they need.
    made: usize,
    /// Up to the crash, if there is one.
    upto: usize,
}

pub(super) fn rows(moments: &Moments<'_>, items: &[Item]) -> Vec<Row> {
    let about = About::new(moments, items);
    let mut rows = Vec::new();
    let mut flights = Flights::default();
    let mut next_event = 0;
    for (at, entry) in moments.between(0, usize::MAX) {
        let mut row = Row::new(entry.time_ns);
        if let What::Event(event) = &entry.what {
            let since = std::mem::replace(&mut next_event, event + 1);
            for untold in since..*event {
                surroundings(moments, untold, &mut rows);
            }
        }
        match &entry.what {
            What::Event(event) => {
                if !event_row(moments, *event, &about, &mut row, &mut rows) {
                    continue;
                }
            }
            What::Call(call) => {
                call_row(at, call, &about, moments, &mut row);
                if call.end == End::Sent {
                    flights.sent(call, rows.len());
                }
            }
            What::Fate(fate) => {
                fate_row(moments, at, fate, &about, &mut row);
                flights.ended(fate, &mut rows, &mut row);
            }
            What::Died(process) => {
                row.fault = format!("process {process} is killed, and the others go on");
                (row.mark, row.matters) = (Mark::Crash, true);
            }
            What::Crash(kind, _) => {
                row.fault = match kind {
                    CrashKind::Kill => "the process is killed".to_owned(),
                    CrashKind::Power => "the power goes".to_owned(),
                };
                (row.mark, row.matters) = (Mark::Crash, true);
            }
        }
        rows.push(row);
    }
    end(moments, &mut rows);
    rows
}

/// Requests that are on their way, with the rows in which they were sent.
#[derive(Default)]
struct Flights {
    open: Vec<(Site, String, usize)>,
    ended: u32,
}

impl Flights {
    fn sent(&mut self, call: &Call, row: usize) {
        self.open.push((call.site, call.path.clone(), row));
    }

    /// A request landed, or was lost: both rows are told the same number.
    fn ended(&mut self, fate: &Fate, rows: &mut [Row], row: &mut Row) {
        let Concerns::Request(site) = fate.concerns else { return };
        let Some(at) = self.open.iter().position(|(from, path, _)| *from == site && *path == fate.name)
        else {
            return;
        };
        let (_, _, sent) = self.open.remove(at);
        self.ended += 1;
        let number = self.ended;
        let sent = &mut rows[sent];
        (sent.sent, row.landed) = (Some(number), Some(number));
        sent.fault = format!("{} [{number}]", sent.fault);
        row.disk = format!("[{number}] {}", row.disk);
        (sent.matters, row.matters) = (true, true);
    }
}

/// A change that no client is told of: of the space that there is, which has a row; or of bytes on the medium, which is told in the
/// row of the call that it hit.
fn surroundings(moments: &Moments<'_>, event: usize, rows: &mut Vec<Row>) {
    // Whether want of space matters, the calls say that fail for it.
    let fault = match &moments.history.events()[event] {
        Event::Full => "space runs out",
        Event::Freed => "space again",
        Event::Damage { kind, hit, .. } if !hit.operations.is_empty() => {
            if let Some(row) = rows.iter_mut().rev().find(|row| row.fault == kind.as_str()) {
                let ops: Vec<String> = hit.operations.iter().map(u32::to_string).collect();
                row.fault = format!("{kind} hits bytes of op {}", ops.join(", "));
            }
            return;
        }
        _ => return,
    };
    let mut row = Row::new(moments.time_of(event));
    fault.clone_into(&mut row.fault);
    rows.push(row);
}

/// A run that hung or panicked ends with a row that says so.
fn end(moments: &Moments<'_>, rows: &mut Vec<Row>) {
    let history = moments.history;
    let time_ns = rows.last().map_or(0, |row| row.time_ns);
    if moments.trial.verdict.primary().is_none()
        && let Some(why) = history.stuck()
    {
        let mut row = Row::new(time_ns);
        row.fault = format!("hang: {why}");
        (row.mark, row.matters) = (Mark::Violation, true);
        rows.push(row);
    } else if let Some(said) = &history.panic
        && rows.iter().all(|row| row.mark != Mark::Violation)
    {
        let mut row = Row::new(time_ns);
        row.client = format!("panic: {said}");
        (row.mark, row.matters) = (Mark::Violation, true);
        rows.push(row);
    }
}

impl About {
    /// The first and the last of the items that share a fate stand for all.
    fn new(moments: &Moments<'_>, items: &[Item]) -> About {
        let upto = moments.crash().map_or(usize::MAX, |crash| crash.entry);
        let mut about = About {
            paths: BTreeSet::new(),
            asked: BTreeSet::new(),
            sites: Vec::new(),
            since: 0,
            made: 0,
            upto,
        };
        let group = group(items);
        let last = items.iter().rfind(|item| item.concerned && item.acknowledged_ns.is_some());
        let ends: Vec<&Item> = group.first().into_iter().chain(group.last()).copied().chain(last).collect();
        for item in &ends {
            about.concerns(&item.durability);
        }
        let events = moments.history.events();
        for (at, event) in events.iter().enumerate() {
            let Event::Asked { ask, site, .. } = event else { continue };
            let is_of_item =
                ends.iter().any(|item| item.site == Some(*site) && item.asked_ns == moments.time_of(at));
            let writes = matches!(
                ask,
                Ask::Append { .. } | Ask::SealBlock { .. } | Ask::CreateSnapshot | Ask::WriteBlock { .. }
            );
            if is_of_item && writes {
                about.asked.insert(at);
                about.sites.push(*site);
            }
        }
        about.since = about.asked.first().map_or(0, |&event| moments.entry_of(event));
        about.made = about.made_at(moments).unwrap_or(about.since).min(about.since);
        if let Some(Event::Told { asked, .. }) = events.get(moments.last) {
            about.asked.insert(*asked);
        }
        about
    }

    /// Where the first of the names was made that it needs.
    fn made_at(&self, moments: &Moments<'_>) -> Option<usize> {
        moments.between(0, self.upto).find_map(|(at, entry)| match &entry.what {
            What::Call(call) if call.effect == Effect::Names => {
                let names = call.to.as_deref().unwrap_or(&call.path);
                ((call.made || call.verb != "create") && self.is_about(names)).then_some(at)
            }
            _ => None,
        })
    }

    fn concerns(&mut self, durability: &Durability) {
        match durability {
            Durability::Cached { path } | Durability::Durable { path } | Durability::BytesAtRisk { path } => {
                self.add(path);
            }
            Durability::NameAtRisk { path, name } | Durability::BothAtRisk { path, name } => {
                self.add(path);
                self.add(name);
            }
            _ => {}
        }
    }

    fn add(&mut self, path: &str) {
        self.paths.insert(path.trim_end_matches('/').to_owned());
    }

    fn is_about(&self, path: &str) -> bool {
        self.paths.contains(path.trim_end_matches('/'))
    }

    /// Whether a call was made for what the story is about: it made a file that that is in, or wrote or synced it.
    fn needs(&self, at: usize, call: &Call) -> bool {
        if at > self.upto || at < self.made {
            return false;
        }
        let on = |path: &str| self.is_about(path);
        match call.effect {
            Effect::Looks => false,
            Effect::SyncsNames => self.holds_name(&call.path),
            Effect::Names if call.verb == "create" => {
                call.made && (on(&call.path) || self.sites.contains(&call.site))
            }
            Effect::Names if on(&call.path) || call.to.as_deref().is_some_and(on) => true,
            _ => self.sites.contains(&call.site),
        }
    }

    /// Whether a directory is the one that a name is in.
    fn holds_name(&self, dir: &str) -> bool {
        self.paths
            .iter()
            .any(|path| path.rsplit_once('/').is_some_and(|(parent, _)| parent == dir.trim_end_matches('/')))
    }
}

/// The row of an event. One that only answers the row before it is put there; then there is no row of its own.
fn event_row(moments: &Moments<'_>, event: usize, about: &About, row: &mut Row, rows: &mut [Row]) -> bool {
    let (history, at) = (moments.history, moments.entry_of(event));
    match &history.events()[event] {
        Event::Asked { client, ask, .. } => {
            row.client = format!("{}{}", who(moments, *client), request(history, ask));
            row.who = lane_of(*client);
            row.matters = about.asked.contains(&event) || (opens(ask) && at > about.upto);
        }
        Event::Told { asked, told } => {
            let Event::Asked { client, ask, .. } = &history.events()[*asked] else { return false };
            let said = answer(history, ask, told);
            let acknowledges = matches!(told, Told::Seq(_) | Told::Done | Told::Named(_))
                && !matches!(ask, Ask::Open { .. } | Ask::Close { .. });
            let broke = event == moments.last && moments.trial.verdict.primary().is_some();
            let of_item = about.asked.contains(asked);
            if let Some(question) = rows.last_mut()
                && moments.entry_of(*asked) + 1 == moments.entry_of(event)
                && question.mark == Mark::Plain
            {
                question.client = format!("{} -> {said}", question.client);
                question.mark = if broke { Mark::Violation } else { Mark::Plain };
                question.matters |= broke || of_item;
                return false;
            }
            row.client = format!("{}-> {said}", who(moments, *client));
            row.who = lane_of(*client);
            let failed = matches!(told, Told::Failed { .. } | Told::Panicked);
            row.matters =
                of_item || broke || (failed && at >= about.since) || (opens(ask) && at > about.upto);
            row.mark = match (broke, of_item && acknowledges) {
                (true, _) => Mark::Violation,
                (false, true) => Mark::Acknowledged,
                (false, false) => Mark::Plain,
            };
        }
        _ => return false,
    }
    true
}

fn opens(ask: &Ask) -> bool {
    matches!(ask, Ask::Open { .. })
}

fn lane_of(client: u16) -> String {
    match client {
        HARNESS => "audit".to_owned(),
        SECOND => "second".to_owned(),
        client => format!("client {client}"),
    }
}

fn who(moments: &Moments<'_>, client: u16) -> String {
    match client {
        HARNESS => "audit: ".to_owned(),
        SECOND => "second process: ".to_owned(),
        _ if moments.trial.scenario.setup.clients > 1 => format!("{client}: "),
        _ => String::new(),
    }
}

fn call_row(at: usize, call: &Call, about: &About, moments: &Moments<'_>, row: &mut Row) {
    let several = moments.trial.scenario.setup.clients > 1;
    let whose = match call.site {
        Site::Op(id) if several => {
            let op = moments.trial.scenario.ops.iter().find(|op| op.id == id);
            op.map_or_else(String::new, |op| format!("{}: ", op.client))
        }
        _ => String::new(),
    };
    let range = match (call.range, call.effect) {
        (Some((_, len)), Effect::Resizes) if call.verb == "ftruncate" => format!(" to {len}"),
        (Some((offset, len)), _) => format!(" {offset}..{}", offset.saturating_add(len)),
        (None, _) => String::new(),
    };
    let to = call.to.as_deref().map_or_else(String::new, |to| format!(" to {}", moments.short(to)));
    let path = if call.path.is_empty() { String::new() } else { format!(" {}", moments.short(&call.path)) };
    row.host = format!("{whose}{}{path}{to}{range}", call.verb);
    row.disk = on_disk(call);
    if let Some(fault) = call.fault {
        fault.as_str().clone_into(&mut row.fault);
        (row.mark, row.matters) = (Mark::Fault, at >= about.since);
    }
    if call.end == End::Failed("ENOSPC".to_owned()) {
        "no space".clone_into(&mut row.fault);
        (row.mark, row.matters) = (Mark::Fault, at >= about.since);
    }
    if let End::Cut(when) = call.end {
        let when = match when {
            When::Before => "crash before",
            When::Within => "crash within",
            When::After => "crash after",
        };
        when.clone_into(&mut row.fault);
        row.matters = at >= about.since;
    }
    if call.end == End::Sent {
        "on its way".clone_into(&mut row.fault);
        row.matters = at >= about.since;
    }
    row.matters |= about.needs(at, call);
}

/// What comes of a call on the disk, as far as it returned at all.
fn on_disk(call: &Call) -> String {
    let bytes = |count: usize| things(count as u64, "byte", "bytes");
    match &call.end {
        End::Failed(error) => return error.clone(),
        End::Cut(When::Before) => return "nothing done".to_owned(),
        End::Sent => return "not there yet".to_owned(),
        _ => {}
    }
    match (call.effect, call.moved) {
        (Effect::Looks, Some(count)) => bytes(count),
        (Effect::Looks, None) => String::new(),
        (Effect::Writes, Some(count)) if call.range.is_some_and(|(_, len)| count as u64 != len) => {
            format!("{count} of {} cached", bytes(call.range.map_or(0, |(_, len)| len as usize)))
        }
        (Effect::Writes, Some(count)) => format!("{} cached", bytes(count)),
        (Effect::Writes, None) => "cached".to_owned(),
        (Effect::Puts, _) if call.verb == "delete" => "gone".to_owned(),
        (Effect::Puts, _) if !call.made => "refused".to_owned(),
        (Effect::Puts, count) => format!("{} stored", bytes(count.unwrap_or(0))),
        (Effect::Syncs, _) => "bytes synced".to_owned(),
        (Effect::SyncsNames, _) => "names synced".to_owned(),
        (Effect::Names, _) if call.verb == "create" && !call.made => "is there already".to_owned(),
        (Effect::Names, _) if matches!(call.verb, "unlink" | "rmdir") => "name gone, cached".to_owned(),
        (Effect::Names, _) => "new name, cached".to_owned(),
        (Effect::Resizes, _) => "new size, cached".to_owned(),
    }
}

fn fate_row(moments: &Moments<'_>, at: usize, fate: &Fate, about: &About, row: &mut Row) {
    row.disk = fate.lane.told(|name| moments.short(name));
    row.mark = if fate.lost { Mark::Lost } else { Mark::Plain };
    let of_names = match &fate.concerns {
        Concerns::Names(names) => names.iter().any(|name| about.is_about(name)),
        Concerns::AllNames => true,
        Concerns::Content | Concerns::Request(_) => false,
    };
    let lost_alone = fate.lost && about.paths.is_empty();
    row.matters = at > about.upto && (of_names || about.is_about(&fate.name) || lost_alone);
}
