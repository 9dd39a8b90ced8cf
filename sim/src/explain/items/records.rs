//! The records of the log.

use super::survival::{durability, of_writes};
use super::{Back, Durability, Item, Question, questions};
use crate::base::decide::Site;
use crate::base::payload::operations_in;
use crate::explain::moments::Moments;
use crate::history::{Ask, Event, Place, Span, Told};
use crate::tell::story::concerned;
use asl_host::Durability as Mode;
use std::collections::BTreeSet;

pub(super) fn records(moments: &Moments<'_>) -> Vec<Item> {
    let history = moments.history;
    let named = moments
        .trial
        .verdict
        .primary()
        .map_or_else(BTreeSet::new, |violation| concerned(history, violation.event, &violation.text));
    let shown = moments.read().map(|event| Shown::new(moments, event));
    let all = questions(moments);
    let covered = covered(&all);
    let mut items = Vec::new();
    let mut known: Vec<Span> = Vec::new();
    for question in &all {
        let Ask::Append { place: Place::Main, data, unique, .. } = *question.ask else { continue };
        let mut item = appended(moments, question, data, unique, covered);
        let back = shown.as_ref().filter(|shown| shown.event > question.event);
        item.back = back.map_or(Back::NotRead, |shown| shown.back(moments, item.number, data, unique));
        let must_be_there = item.number.is_some()
            && (history.capabilities.durability == Mode::OnAppend || item.acknowledged.ends_with(FLUSHED));
        let is_wrong = must_be_there && matches!(item.back, Back::Nothing | Back::Other(_));
        item.concerned = is_wrong || item.number.is_some_and(|number| named.contains(&number));
        known.push(data);
        items.push(item);
    }
    if let Some(shown) = &shown {
        add_strangers(moments, shown, &known, &mut items);
    }
    items
}

const FLUSHED: &str = ", flushed";

/// The item of an append, but for what came back.
fn appended(moments: &Moments<'_>, question: &Question<'_>, data: Span, unique: bool, covered: u64) -> Item {
    let number = match question.told {
        Some((_, Told::Seq(number))) => Some(*number),
        _ => None,
    };
    let name = number.map_or_else(|| "a record".to_owned(), |number| format!("record {number}"));
    let mut item = question.item(name, moments, number.is_some());
    item.number = number;
    if moments.history.capabilities.durability == Mode::OnFlush
        && let Some(number) = number
    {
        item.acknowledged.push_str(if covered >= number { FLUSHED } else { ", not flushed" });
    }
    item.durability = durability(moments, question.event, data, unique);
    if item.durability == Durability::Unknown {
        item.durability = of_writes(moments, question.site, question.event).unwrap_or(Durability::Unknown);
    }
    item
}

/// Records that came back with bytes that nobody appended. A record that came back in pieces is what the story is about, too.
fn add_strangers(moments: &Moments<'_>, shown: &Shown<'_>, known: &[Span], items: &mut Vec<Item>) {
    let strange = shown.strange(moments, known);
    let pieces: BTreeSet<u32> =
        strange.iter().flat_map(|(_, span)| operations_in(moments.history.bytes(*span))).collect();
    for item in &mut *items {
        let is_in_pieces = matches!(item.site, Some(Site::Op(op)) if pieces.contains(&op));
        item.concerned |= is_in_pieces && item.back != Back::Whole;
    }
    let untold = strange.iter().filter(|(number, _)| !items.iter().any(|item| item.number == Some(*number)));
    let strangers: Vec<Item> = untold.map(|record| shown.stranger(moments, *record)).collect();
    items.extend(strangers);
}

/// The last number that a flush, a close, a snapshot or a question about durability covers.
fn covered(questions: &[Question<'_>]) -> u64 {
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

pub(super) fn other_bytes(bytes: &[u8]) -> String {
    let of = operations_in(bytes);
    let len = crate::base::words::things(bytes.len() as u64, "byte", "bytes");
    if of.is_empty() {
        return format!("{len} that no record has");
    }
    let ops: Vec<String> = of.iter().map(u32::to_string).collect();
    format!("{len}, with bytes of op {}", ops.join(", "))
}
