//! What was acknowledged, what was durable at the crash, and what came back: of records, blocks, snapshots and the store itself.

use super::moments::{CrashMoment, Moments, time};
use crate::chronicle::{Effect, What};
use crate::decide::Site;
use crate::history::{Ask, Event, Name, Place, Span, Told};
use crate::report::story::{concerned, numbers, place_in_run};
use crate::run::HARNESS;
use crate::scenario::CrashKind;
use crate::scenario::payload::operations_in;
use crate::world::fs::fate::Files;
use asl_host::Durability as Mode;
use serde::Serialize;
use std::collections::BTreeSet;
use std::ops::Range;

/// Something that a client asked the host to keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What it is called.
    pub name: String,
    /// A record's number, if it was told one.
    pub number: Option<u64>,
    /// Who asked for it, and in which operation.
    pub by: String,
    /// Where in the scenario that was.
    #[serde(skip)]
    pub site: Option<Site>,
    /// When it was asked for, in simulated time.
    pub asked_ns: u64,
    /// When it was acknowledged, if it was.
    pub acknowledged_ns: Option<u64>,
    /// The same in words, or why it was not.
    pub acknowledged: String,
    /// What of it was durable at the crash.
    pub durability: Durability,
    /// What came back.
    pub back: Back,
    /// Whether the invariant broke over it.
    pub concerned: bool,
}

/// How much of something a crash could not take. Paths name the file that it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[expect(missing_docs, reason = "a path is the file that it is in")]
pub enum Durability {
    /// There was no crash, or it came first.
    NoCrash,
    /// It cannot be recognised on the medium.
    Unknown,
    /// It is in no file whole.
    NotWritten,
    /// It is in the page cache, which a kill leaves.
    Cached { path: String },
    /// Nothing of it can be lost.
    Durable { path: String },
    /// Its bytes are durable, and this name on the way to them is not.
    NameAtRisk { path: String, name: String },
    /// Its name is durable, and its bytes are not.
    BytesAtRisk { path: String },
    /// Neither is.
    BothAtRisk { path: String, name: String },
}

/// What came back after the crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Back {
    /// It did, whole.
    Whole,
    /// Nothing did.
    Nothing,
    /// Something else did; what, in words.
    Other(String),
    /// Nobody looked.
    NotRead,
}

impl Durability {
    /// In words, short.
    pub fn in_words(&self) -> String {
        let words = match self {
            Durability::NoCrash => "-",
            Durability::Unknown => "cannot be told",
            Durability::NotWritten => "not written whole",
            Durability::Cached { .. } => "in the page cache",
            Durability::Durable { .. } => "yes",
            Durability::NameAtRisk { .. } => "bytes yes, name no",
            Durability::BytesAtRisk { .. } => "name yes, bytes no",
            Durability::BothAtRisk { .. } => "neither bytes nor name",
        };
        words.to_owned()
    }
}

impl Back {
    /// In words, short.
    pub fn in_words(&self) -> String {
        match self {
            Back::Whole => "yes".to_owned(),
            Back::Nothing => "no".to_owned(),
            Back::Other(what) => what.clone(),
            Back::NotRead => "-".to_owned(),
        }
    }
}

/// The items that a story is about, by what was asked when it broke.
pub(super) fn items(moments: &Moments<'_>) -> Vec<Item> {
    match moments.asked_by(moments.last) {
        Some(
            Ask::CreateBlock
            | Ask::WriteBlock { .. }
            | Ask::SealBlock { .. }
            | Ask::ReadBlock { .. }
            | Ask::ListBlocks,
        ) => blocks(moments),
        Some(Ask::CreateSnapshot | Ask::ListSnapshots | Ask::DeleteSnapshot { .. }) => snapshots(moments),
        Some(Ask::InspectSnapshot { .. }) => {
            let mut all = snapshots(moments);
            all.extend(records(moments));
            all.extend(blocks(moments));
            all
        }
        Some(Ask::Now | Ask::Identity) => Vec::new(),
        Some(Ask::Open { .. } | Ask::Create { .. }) => {
            let mut all = stores(moments);
            all.extend(records(moments));
            all
        }
        _ => records(moments),
    }
}

/// A question that had been asked before the run broke, and what came of it.
struct Question<'a> {
    event: usize,
    site: Site,
    client: u16,
    ask: &'a Ask,
    told: Option<(usize, &'a Told)>,
}

fn questions<'a>(moments: &'a Moments<'_>) -> Vec<Question<'a>> {
    let events =
        &moments.history.events()[..=moments.last.min(moments.history.events().len().saturating_sub(1))];
    let mut asked: Vec<Question<'_>> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Asked { site, client, ask } => {
                asked.push(Question { event: at, site: *site, client: *client, ask, told: None });
            }
            Event::Told { asked: question, told } => {
                if let Some(found) = asked.iter_mut().find(|known| known.event == *question) {
                    found.told = Some((at, told));
                }
            }
            _ => {}
        }
    }
    asked
}

impl Question<'_> {
    fn by(&self) -> String {
        if self.client == HARNESS {
            return format!("audit, {}", place_in_run(self.site));
        }
        place_in_run(self.site)
    }

    /// An item for what was asked, with nothing known yet but when it was acknowledged.
    fn item(&self, name: String, moments: &Moments<'_>, acknowledged: bool) -> Item {
        let told = self.told.filter(|_| acknowledged).map(|(at, _)| moments.time_of(at));
        let words = match (&self.told, told) {
            (_, Some(at)) => format!("at {}", time(at)),
            (None, _) => "no: never told".to_owned(),
            (Some((_, Told::Failed { kind, .. })), _) => format!("no: error: {kind}"),
            (Some((_, Told::Cancelled)), _) => "no: stopped waiting".to_owned(),
            (Some((_, Told::Panicked)), _) => "no: the host panicked".to_owned(),
            (Some(_), None) => "no".to_owned(),
        };
        Item {
            name,
            number: None,
            by: self.by(),
            site: Some(self.site),
            asked_ns: moments.time_of(self.event),
            acknowledged_ns: told,
            acknowledged: words,
            durability: Durability::NoCrash,
            back: Back::NotRead,
            concerned: false,
        }
    }
}

fn records(moments: &Moments<'_>) -> Vec<Item> {
    let history = moments.history;
    let named = moments
        .trial
        .verdict
        .primary()
        .map_or_else(BTreeSet::new, |violation| concerned(history, violation.event, &violation.text));
    let read = moments.read();
    let shown = read.map(|event| Shown::new(moments, event));
    let all = questions(moments);
    let covered = covered(moments, &all);
    let mut items = Vec::new();
    let mut known: Vec<Span> = Vec::new();
    for question in &all {
        let Ask::Append { place: Place::Main, data, unique, .. } = *question.ask else { continue };
        let number = match question.told {
            Some((_, Told::Seq(number))) => Some(*number),
            _ => None,
        };
        let name = number.map_or_else(|| "a record".to_owned(), |number| format!("record {number}"));
        let mut item = question.item(name, moments, number.is_some());
        item.number = number;
        if history.capabilities.durability == Mode::OnFlush && number.is_some() {
            let flushed = number.is_some_and(|number| covered >= number);
            item.acknowledged.push_str(if flushed { ", flushed" } else { ", not flushed" });
        }
        item.durability = durability(moments, question.event, data, unique);
        if item.durability == Durability::Unknown {
            item.durability =
                of_writes(moments, question.site, question.event).unwrap_or(Durability::Unknown);
        }
        if let Some(shown) = &shown
            && shown.event > question.event
        {
            item.back = shown.back(moments, number, data, unique);
        }
        let must_be_there = number.is_some()
            && (history.capabilities.durability == Mode::OnAppend
                || item.acknowledged.ends_with(", flushed"));
        let is_wrong = must_be_there && matches!(item.back, Back::Nothing | Back::Other(_));
        item.concerned = is_wrong || number.is_some_and(|number| named.contains(&number));
        known.push(data);
        items.push(item);
    }
    if let Some(shown) = &shown {
        let strange = shown.strange(moments, &known);
        let pieces: BTreeSet<u32> =
            strange.iter().flat_map(|(_, span)| operations_in(history.bytes(*span))).collect();
        // A record that came back in pieces is what the story is about, too.
        for item in &mut items {
            let is_in_pieces = matches!(item.site, Some(Site::Op(op)) if pieces.contains(&op));
            item.concerned |= is_in_pieces && item.back != Back::Whole;
        }
        let untold =
            strange.iter().filter(|(number, _)| !items.iter().any(|item| item.number == Some(*number)));
        let strangers: Vec<Item> = untold.map(|record| shown.stranger(moments, *record)).collect();
        items.extend(strangers);
    }
    items
}

/// The last number that a flush, a close, a snapshot or a question about durability covers.
fn covered(moments: &Moments<'_>, questions: &[Question<'_>]) -> u64 {
    let told = questions.iter().filter_map(|question| match (question.ask, question.told?.1) {
        (Ask::Flush { place: Place::Main } | Ask::DurableUpto { place: Place::Main }, Told::Seq(number)) => {
            Some(*number)
        }
        (Ask::Close { place: Place::Main } | Ask::CreateSnapshot, Told::Done | Told::Named(_)) => {
            let before = questions.iter().filter(|other| other.event < question.event);
            before
                .filter_map(|other| match (other.ask, other.told) {
                    (Ask::Append { place: Place::Main, .. }, Some((at, Told::Seq(number))))
                        if at < question.event =>
                    {
                        Some(*number)
                    }
                    _ => None,
                })
                .max()
        }
        _ => None,
    });
    let _ = moments;
    told.max().unwrap_or(0)
}

/// What a read of the log showed.
struct Shown<'a> {
    event: usize,
    from: u64,
    limit: u64,
    records: &'a [(u64, Span)],
}

impl<'a> Shown<'a> {
    fn new(moments: &'a Moments<'_>, event: usize) -> Shown<'a> {
        let Event::Told { told: Told::Records(records), .. } = &moments.history.events()[event] else {
            unreachable!("it is an answer to a read");
        };
        let (from, limit) = match moments.asked_by(event) {
            Some(Ask::Read { from, limit, .. }) => (*from, *limit),
            _ => (1, 0),
        };
        Shown { event, from, limit, records }
    }

    /// What of a record this read shows.
    fn back(&self, moments: &Moments<'_>, number: Option<u64>, data: Span, unique: bool) -> Back {
        let bytes = |span: Span| moments.history.bytes(span);
        let Some(number) = number else {
            // Nobody knows its number: it is recognised by its bytes, if it can be.
            let found = self.records.iter().find(|(_, span)| unique && bytes(*span) == bytes(data));
            return match found {
                Some((number, _)) => Back::Other(format!("yes, as record {number}")),
                None if unique && self.limit == 0 => Back::Nothing,
                None => Back::NotRead,
            };
        };
        match self.records.iter().find(|(seq, _)| *seq == number) {
            Some((_, span)) if bytes(*span) == bytes(data) => Back::Whole,
            Some((_, span)) => Back::Other(other_bytes(bytes(*span))),
            None if number < self.from => Back::NotRead,
            None if self.limit > 0 && self.records.len() as u64 >= self.limit => Back::NotRead,
            None => Back::Nothing,
        }
    }

    /// Records with bytes that nobody appended.
    fn strange(&self, moments: &Moments<'_>, known: &[Span]) -> Vec<(u64, Span)> {
        let bytes = |span: Span| moments.history.bytes(span);
        let is_known = |span: Span| known.iter().any(|data| bytes(*data) == bytes(span));
        self.records.iter().filter(|(_, span)| !is_known(*span)).copied().collect()
    }

    /// The item of such a record.
    fn stranger(&self, moments: &Moments<'_>, (number, span): (u64, Span)) -> Item {
        Item {
            name: format!("record {number}"),
            number: Some(number),
            by: "nobody".to_owned(),
            site: None,
            asked_ns: moments.time_of(self.event),
            acknowledged_ns: None,
            acknowledged: "-".to_owned(),
            durability: Durability::NoCrash,
            back: Back::Other(other_bytes(moments.history.bytes(span))),
            concerned: true,
        }
    }
}

fn other_bytes(bytes: &[u8]) -> String {
    let of = operations_in(bytes);
    let len = crate::report::layout::things(bytes.len() as u64, "byte", "bytes");
    if of.is_empty() {
        return format!("{len} that no record has");
    }
    let ops: Vec<String> = of.iter().map(u32::to_string).collect();
    format!("{len}, with bytes of op {}", ops.join(", "))
}

/// What of some bytes that were written in an operation a crash could not take.
fn durability(moments: &Moments<'_>, asked: usize, data: Span, unique: bool) -> Durability {
    let Some(crash) = moments.crash().filter(|crash| crash.event > asked) else { return Durability::NoCrash };
    if !unique {
        return Durability::Unknown;
    }
    let bytes = moments.history.bytes(data);
    let find = |files: &Files| find(files, bytes).map(|(path, _)| path.to_owned());
    let survivors = crash.survivors;
    let Some(path) = find(&survivors.seen) else { return Durability::NotWritten };
    if crash.kind == CrashKind::Kill {
        return Durability::Cached { path };
    }
    if let Some(path) = find(&survivors.durable) {
        return Durability::Durable { path };
    }
    let name = missing(&survivors.names_synced, &path);
    match (find(&survivors.bytes_synced), name) {
        (Some(path), Some(name)) => Durability::NameAtRisk { path, name },
        (None, Some(name)) => Durability::BothAtRisk { path, name },
        (_, None) => Durability::BytesAtRisk { path },
    }
}

/// The same of what the host wrote while it carried out an operation, for records that cannot be recognised; `None` if it wrote
/// nothing then.
fn of_writes(moments: &Moments<'_>, site: Site, asked: usize) -> Option<Durability> {
    let crash = moments.crash().filter(|crash| crash.event > asked)?;
    let writes =
        moments.between(moments.entry_of(asked), crash.entry).filter_map(|(_, entry)| match &entry.what {
            What::Call(call) if call.site == site && call.effect == Effect::Writes => Some(call),
            _ => None,
        });
    let written = writes.filter_map(|call| {
        let (offset, len) = (usize::try_from(call.range?.0).ok()?, call.moved?);
        (len > 0).then_some((call.path.clone(), offset..offset + len))
    });
    let states = written.map(|(path, range)| of_range(crash, path, range));
    let durable = |state: &Durability| matches!(state, Durability::Durable { .. });
    let states: Vec<Durability> = states.collect();
    states.iter().find(|state| !durable(state)).or(states.first()).cloned()
}

fn of_range(crash: &CrashMoment<'_>, path: String, range: Range<usize>) -> Durability {
    let survivors = crash.survivors;
    let Some(seen) = survivors.seen.get(&path).and_then(|content| content.get(range.clone())) else {
        return Durability::NotWritten;
    };
    let holds = |files: &Files| files.get(&path).and_then(|content| content.get(range.clone())) == Some(seen);
    if crash.kind == CrashKind::Kill {
        return Durability::Cached { path };
    }
    if holds(&survivors.durable) {
        return Durability::Durable { path };
    }
    match (holds(&survivors.bytes_synced), missing(&survivors.names_synced, &path)) {
        (true, Some(name)) => Durability::NameAtRisk { path, name },
        (false, Some(name)) => Durability::BothAtRisk { path, name },
        (_, None) => Durability::BytesAtRisk { path },
    }
}

/// The file in which some bytes are, and where in it.
pub(super) fn find<'a>(files: &'a Files, bytes: &[u8]) -> Option<(&'a str, usize)> {
    if bytes.is_empty() {
        return None;
    }
    files.iter().find_map(|(path, content)| {
        let at = content.windows(bytes.len()).position(|window| window == bytes)?;
        Some((path.as_str(), at))
    })
}

/// The first name on the way to a file that is not there.
fn missing(files: &Files, path: &str) -> Option<String> {
    let inner = path.match_indices('/').skip(1).map(|(at, _)| &path[..=at]);
    inner.chain([path]).find(|name| !files.contains_key(*name)).map(str::to_owned)
}

fn blocks(moments: &Moments<'_>) -> Vec<Item> {
    let all = questions(moments);
    let mut items = Vec::new();
    for question in &all {
        let Ask::SealBlock { block } = *question.ask else { continue };
        let sealed = matches!(question.told, Some((_, Told::Done)));
        let name = format!("block {}", moments.history.name(block));
        let mut item = question.item(name, moments, sealed);
        let writes = all.iter().filter_map(|write| match *write.ask {
            Ask::WriteBlock { block: of, data } if of == block && data.len() >= 8 => {
                Some((write.event, data))
            }
            _ => None,
        });
        // As durable as the least durable of its bytes.
        let states: Vec<Durability> =
            writes.map(|(event, data)| durability(moments, event, data, true)).collect();
        let durable = |state: &&Durability| matches!(state, Durability::Durable { .. });
        let crashed = moments.crash().is_some_and(|crash| crash.event > question.event);
        item.durability = match states.iter().find(|state| !durable(state)).or(states.first()) {
            _ if !crashed => Durability::NoCrash,
            Some(state) => state.clone(),
            None => Durability::Unknown,
        };
        item.back = block_back(moments, &all, block);
        item.concerned = sealed && matches!(item.back, Back::Nothing | Back::Other(_));
        items.push(item);
    }
    items
}

fn block_back(moments: &Moments<'_>, all: &[Question<'_>], block: Name) -> Back {
    let since = moments.crash().map_or(0, |crash| crash.event);
    for question in all.iter().rev().filter(|question| question.event > since) {
        match (question.ask, question.told.map(|(_, told)| told)) {
            (Ask::ListBlocks, Some(Told::Names(names))) if names.contains(&block) => return Back::Whole,
            (Ask::ListBlocks, Some(Told::Names(_))) => return Back::Nothing,
            (Ask::ReadBlock { block: of }, Some(Told::Failed { kind, .. })) if *of == block => {
                return Back::Other(format!("error: {kind}"));
            }
            (Ask::ReadBlock { block: of }, Some(Told::Bytes(span))) if *of == block => {
                let written: Vec<u8> = all
                    .iter()
                    .filter_map(|write| match *write.ask {
                        Ask::WriteBlock { block: of, data } if of == block => {
                            Some(moments.history.bytes(data))
                        }
                        _ => None,
                    })
                    .flatten()
                    .copied()
                    .collect();
                let bytes = moments.history.bytes(*span);
                return if bytes == written { Back::Whole } else { Back::Other(other_bytes(bytes)) };
            }
            _ => {}
        }
    }
    Back::NotRead
}

fn snapshots(moments: &Moments<'_>) -> Vec<Item> {
    let all = questions(moments);
    let since = moments.crash().map_or(0, |crash| crash.event);
    let listed = all.iter().rev().filter(|question| question.event > since).find_map(|question| {
        match (question.ask, question.told?.1) {
            (Ask::ListSnapshots, Told::Names(names)) => Some(names),
            _ => None,
        }
    });
    let made = all.iter().filter(|question| *question.ask == Ask::CreateSnapshot);
    made.map(|question| {
        let name = match question.told {
            Some((_, Told::Named(name))) => Some(*name),
            _ => None,
        };
        let text = name.map_or_else(
            || "a snapshot".to_owned(),
            |name| format!("snapshot {}", moments.history.name(name)),
        );
        let mut item = question.item(text, moments, name.is_some());
        if moments.crash().is_some_and(|crash| crash.event > question.event) {
            item.durability = Durability::Unknown;
        }
        item.back = match (name, listed) {
            (Some(name), Some(listed)) if listed.contains(&name) => Back::Whole,
            (Some(_), Some(_)) => Back::Nothing,
            _ => Back::NotRead,
        };
        let about = match moments.asked_by(moments.last) {
            Some(Ask::InspectSnapshot { snapshot }) => Some(*snapshot) == name,
            _ => item.back == Back::Nothing,
        };
        item.concerned = about && name.is_some();
        item
    })
    .collect()
}

/// The store itself.
fn stores(moments: &Moments<'_>) -> Vec<Item> {
    let all = questions(moments);
    let Some(question) = all.iter().find(|question| *question.ask == Ask::Create { place: Place::Main })
    else {
        return Vec::new();
    };
    let mut item =
        question.item("the store".to_owned(), moments, matches!(question.told, Some((_, Told::Done))));
    if let Some(crash) = moments.crash().filter(|crash| crash.event > question.event) {
        item.durability = store_durability(crash);
    }
    if let Event::Told { told, .. } = &moments.history.events()[moments.last]
        && matches!(moments.asked_by(moments.last), Some(Ask::Open { .. }))
    {
        item.back = match told {
            Told::Done => Back::Whole,
            Told::Failed { kind, .. } => Back::Other(format!("error: {kind}")),
            _ => Back::NotRead,
        };
    }
    item.concerned = matches!(item.back, Back::Other(_));
    vec![item]
}

/// Of all files of the store, the first that is not durable as it is seen.
fn store_durability(crash: &CrashMoment<'_>) -> Durability {
    const STORE: &str = "/root/store/";
    let survivors = crash.survivors;
    let mut files = survivors.seen.iter().filter(|(path, _)| path.starts_with(STORE)).peekable();
    if files.peek().is_none() {
        return Durability::NotWritten;
    }
    if crash.kind == CrashKind::Kill {
        return Durability::Cached { path: STORE.to_owned() };
    }
    for (path, content) in files {
        if survivors.durable.get(path) == Some(content) {
            continue;
        }
        let path = path.clone();
        let name = missing(&survivors.names_synced, &path);
        return match (survivors.bytes_synced.get(&path) == Some(content), name) {
            (true, Some(name)) => Durability::NameAtRisk { path, name },
            (false, Some(name)) => Durability::BothAtRisk { path, name },
            (_, None) => Durability::BytesAtRisk { path },
        };
    }
    Durability::Durable { path: STORE.to_owned() }
}

/// The records of these items, as a list of numbers in words.
pub(super) fn named(items: &[&Item]) -> String {
    match items {
        [one] => one.name.clone(),
        _ => {
            let seqs: Vec<u64> = items.iter().filter_map(|item| item.number).collect();
            if let [first, second] = seqs[..]
                && items.len() == 2
            {
                return format!("records {first} and {second}");
            }
            if seqs.len() == items.len() {
                numbers(&seqs)
            } else {
                items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

/// The items that a story is about: of those that the invariant broke over, the first that the crash could take, else the first;
/// and the others that share its fate.
pub(super) fn group(items: &[Item]) -> Vec<&Item> {
    let broken = || items.iter().filter(|item| item.concerned);
    let at_risk = |item: &&Item| {
        use Durability::{BothAtRisk, BytesAtRisk, NameAtRisk};
        matches!(item.durability, NameAtRisk { .. } | BytesAtRisk { .. } | BothAtRisk { .. })
    };
    let Some(first) = broken().find(at_risk).or_else(|| broken().next()) else { return Vec::new() };
    let is_alike = |item: &&Item| {
        item.durability == first.durability
            && item.acknowledged_ns.is_some() == first.acknowledged_ns.is_some()
    };
    broken().filter(is_alike).collect()
}
