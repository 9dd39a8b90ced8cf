//! What was acknowledged, what was durable at the crash, and what came back: of records, blocks, snapshots and the store itself.
//!
//! What is durable is told by the files that the crash found, so that bytes which a host encodes otherwise than they were given
//! are told of as far as their writes are known, or as "cannot be told".

mod others;
mod records;
mod survival;

use super::moments::{Moments, time};
use crate::base::decide::Site;
use crate::history::{Ask, Event, HARNESS, Told};
use crate::tell::story::{numbers, place_in_run};
use others::{blocks, snapshots, stores};
use records::records;
use serde::Serialize;

pub(super) use survival::find;

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
        Some(Ask::Now | Ask::Identity | Ask::Own { .. }) => Vec::new(),
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
            (Some((_, Told::Panicked)), _) if moments.history.fault.is_some() => {
                "no: the host failed".to_owned()
            }
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
