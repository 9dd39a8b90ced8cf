//! What the contract asks of a host whose medium is damaged: that it notices.
//!
//! In runs of class `media` this model stands in for the others: what a host cannot survive, it is not asked to. It knows
//! which records were acknowledged at which number, which of them are evidence of earlier ones, and judges bytes.
//!
//! Where a loss that nothing gives away is allowed (the last sync batch), the model goes on from what is there: the lost
//! records are in doubt again, and their numbers free. What may be gone after an open is covered by no later flush or snapshot until it
//! is seen again: of a host that is durable on flush what it had not flushed, of any host what such damage hit.

use super::blocks::Blocks;
use super::{Breach, Exchange, Fence, Findings};
use crate::history::{Ask, Event, FaultKind, History, Hit, Name, Place, Span, Told, operations_in};
use asl_host::{Durability, ErrorKind};

#[derive(Debug)]
struct Append {
    asked_at: usize,
    data: Span,
    /// The operation, if its bytes say so.
    op: Option<u32>,
    /// The last number that was acknowledged when it began.
    after: u64,
    /// Its number, and when it was told.
    acked: Option<(u64, usize)>,
    /// When it was told that it is durable: with its number, or by a flush, a close or a snapshot.
    durable_at: Option<usize>,
    /// The number that it ever had.
    had: Option<u64>,
}

/// A snapshot, which names all records up to a number.
#[derive(Debug)]
struct Manifest {
    snapshot: Name,
    covers: u64,
    told_at: usize,
}

/// The model.
#[derive(Debug)]
pub(super) struct Media<'a> {
    history: &'a History,
    appends: Vec<Append>,
    /// Which append each number names, from 1, as far as that is known.
    slots: Vec<Option<usize>>,
    blocks: Blocks,
    /// What flushes, closes and snapshots that were asked for cover.
    syncs_asked: Vec<(usize, u64)>,
    /// Numbers up to here are durable, as far as a host that is durable on flush has said so.
    flushed: u64,
    /// The same, as far as it was said before the medium first lied.
    flushed_truly: u64,
    /// Numbers up to here are in the log that is open, as far as anybody was told since it was opened.
    seen: u64,
    /// Numbers up to here were in the log when it was opened: where nothing gave a loss away, the open may have lost more without a word.
    sure: u64,
    manifests: Vec<Manifest>,
    /// When there was damage, and whose bytes it hit.
    hits: Vec<(usize, &'a Hit)>,
    /// When the medium first lied about a write or flush.
    lied_at: Option<usize>,
    /// What damage there was.
    kinds: Vec<FaultKind>,
    created: bool,
}

impl<'a> Media<'a> {
    pub(super) fn new(history: &'a History) -> Media<'a> {
        Media {
            history,
            appends: Vec::new(),
            slots: Vec::new(),
            blocks: Blocks::default(),
            syncs_asked: Vec::new(),
            flushed: 0,
            flushed_truly: 0,
            seen: 0,
            sure: 0,
            manifests: Vec::new(),
            hits: Vec::new(),
            lied_at: None,
            kinds: Vec::new(),
            created: false,
        }
    }

    pub(super) fn step(&mut self, at: usize, event: &'a Event, out: &mut Findings) {
        match event {
            Event::Asked { ask, .. } => self.asked(at, *ask),
            Event::Told { asked, told } => {
                let Event::Asked { client, ask, .. } = self.history.events()[*asked] else {
                    unreachable!("a reply is to a question");
                };
                let exchange = Exchange {
                    asked_at: *asked,
                    told_at: at,
                    client,
                    ask,
                    told,
                    excused: true,
                    faulted: true,
                    after_crash: false,
                    fence: Fence::Open,
                };
                self.told(&exchange, out);
            }
            Event::Damage { kind, hit, .. } => self.damage(at, *kind, hit),
            Event::Crash { .. } | Event::Died { second: false } => self.blocks.writer_gone(),
            Event::Died { second: true }
            | Event::Fault { .. }
            | Event::Left { .. }
            | Event::Full
            | Event::Freed => {}
        }
    }

    fn damage(&mut self, at: usize, kind: FaultKind, hit: &'a Hit) {
        self.kinds.push(kind);
        self.hits.push((at, hit));
        let lies = [FaultKind::MisdirectedWrite, FaultKind::PhantomWrite, FaultKind::LyingFlush];
        if lies.contains(&kind) {
            self.lied_at.get_or_insert(at);
        }
    }

    /// Numbers up to here are durable as far as their clients know.
    fn durable(&self) -> u64 {
        match self.history.capabilities.durability {
            Durability::OnAppend => self.slots.len() as u64,
            Durability::OnFlush => self.flushed,
        }
    }

    fn flushed_to(&mut self, seq: u64, at: usize) {
        self.flushed = self.flushed.max(seq);
        for append in &mut self.appends {
            if append.durable_at.is_none() && append.acked.is_some_and(|(acked, _)| acked <= seq) {
                append.durable_at = Some(at);
            }
        }
        if self.lied_at.is_none() {
            self.flushed_truly = self.flushed_truly.max(seq);
        }
    }

    /// Numbers up to here are covered by a sync that is asked for now.
    fn certain(&self) -> u64 {
        match self.history.capabilities.durability {
            Durability::OnAppend => self.sure.max(self.seen),
            Durability::OnFlush => self.flushed.max(self.seen),
        }
    }

    fn covered_by(&self, asked_at: usize) -> u64 {
        self.syncs_asked.iter().find(|(at, _)| *at == asked_at).map_or(0, |(_, covers)| *covers)
    }

    fn asked(&mut self, at: usize, ask: Ask) {
        match ask {
            // What it covers is settled when it is asked for, its name when it is there.
            Ask::CreateSnapshot | Ask::Flush { place: Place::Main } | Ask::Close { place: Place::Main } => {
                self.syncs_asked.push((at, self.certain()));
            }
            Ask::DeleteSnapshot { snapshot } => {
                self.manifests.retain(|manifest| manifest.snapshot != snapshot);
            }
            Ask::Append { place: Place::Main, data, unique, .. } => {
                let op = if unique { operations_in(self.history.bytes(data)).first().copied() } else { None };
                let after = self.durable();
                self.appends.push(Append {
                    asked_at: at,
                    data,
                    op,
                    after,
                    acked: None,
                    durable_at: None,
                    had: None,
                });
            }
            Ask::SealBlock { block } => self.blocks.seal_asked(block),
            _ => {}
        }
    }

    fn told(&mut self, exchange: &Exchange<'_>, out: &mut Findings) {
        if let Told::Failed { kind, code } = exchange.told {
            out.expect(*code == kind.code(), Breach::WrongCode, exchange.told_at, || {
                format!("{} failed with \"{kind}\" and the code {code}", exchange.ask.name())
            });
            self.judge_error(*kind, exchange, out);
        }
        if *exchange.told == Told::Panicked {
            let text = self.history.last_words_in(exchange.ask.name());
            out.broken(Breach::Panicked, exchange.told_at, text);
        }
        match (exchange.ask, exchange.told) {
            (Ask::Create { place: Place::Main } | Ask::Open { place: Place::Main, .. }, Told::Done) => {
                self.created = true;
                self.seen = 0;
                let all = self.slots.len() as u64;
                let evident = |covered: Option<(u64, String)>| covered.map_or(0, |(covered, _)| covered);
                self.sure = if self.hits.is_empty() { all } else { evident(self.covered()).min(all) };
            }
            (Ask::Append { place: Place::Main, data, .. }, Told::Seq(seq)) => {
                self.acknowledged(data, *seq, exchange.told_at, out);
            }
            (Ask::Flush { place: Place::Main }, Told::Seq(_))
            | (Ask::Close { place: Place::Main }, Told::Done) => {
                self.flushed_to(self.covered_by(exchange.asked_at), exchange.told_at);
            }
            (Ask::CreateSnapshot, Told::Named(snapshot)) => {
                let covers = self.covered_by(exchange.asked_at);
                self.flushed_to(covers, exchange.told_at);
                self.manifests.push(Manifest { snapshot: *snapshot, covers, told_at: exchange.told_at });
            }
            (Ask::Read { place: Place::Main, from, limit }, Told::Records(records)) => {
                self.read_told(from.max(1), limit, records, exchange.told_at, out);
            }
            (Ask::ReadBlock { block }, Told::Bytes(bytes)) => {
                self.judge_block(block, *bytes, exchange.told_at, out);
            }
            (Ask::InspectSnapshot { .. }, Told::View(view)) => {
                for &(seq, data) in &view.records {
                    // A snapshot may hold what the log has lost since, and whose number another record has now.
                    let bytes = self.bytes(data);
                    let had = |append: &Append| append.had == Some(seq) && self.bytes(append.data) == bytes;
                    if !self.appends.iter().any(had) {
                        self.judge_record(seq, data, exchange.told_at, out);
                    }
                }
                for &(block, bytes) in &view.blocks {
                    self.judge_block(block, bytes, exchange.told_at, out);
                }
            }
            _ => {}
        }
        // Only what it knows of contents is of interest: the rest may break without anybody's fault.
        self.blocks.told(self.history, exchange, &mut Findings::new());
    }

    /// An unreadable sector is neither corruption nor absence, and a store that was created is not absent.
    fn judge_error(&self, kind: ErrorKind, exchange: &Exchange<'_>, out: &mut Findings) {
        let at = exchange.told_at;
        let what = exchange.ask.name();
        let only_unreadable = self.kinds.iter().all(|&kind| kind == FaultKind::LatentError);
        if !self.kinds.is_empty() && only_unreadable {
            out.expect(kind != ErrorKind::Corrupt, Breach::FaultMisnamed, at, || {
                format!("a sector that cannot be read was told as corruption by {what}")
            });
        }
        if let Ask::Open { place: Place::Main, .. } | Ask::Read { place: Place::Main, .. } = exchange.ask
            && !self.kinds.is_empty()
        {
            // It was noticed.
            out.looked(Breach::SilentLoss);
        }
        if let Ask::Open { place: Place::Main, .. } = exchange.ask
            && self.created
            && self.lied_at.is_none()
            // Where nothing is left that gives a store away, its creation may not have come to its end. What cannot be read at
            // all is never absent.
            && (self.covered().is_some() || self.kinds.iter().all(|kind| *kind == FaultKind::LatentError))
        {
            out.expect(kind != ErrorKind::NotFound, Breach::FaultMisnamed, at, || {
                "the store was created, its medium is damaged, and open_store says that there is none"
                    .to_owned()
            });
        }
    }

    fn acknowledged(&mut self, data: Span, seq: u64, at: usize, out: &mut Findings) {
        let Some(own) = self.appends.iter().rposition(|append| append.data == data) else { return };
        if seq > self.certain() && seq <= self.slots.len() as u64 {
            // Of a record that was not flushed.
            self.ends_at(seq - 1, at, out);
        }
        if seq <= self.appends[own].after {
            // A number that was known already is given out again: the log had come to end before it.
            self.ends_at(seq.saturating_sub(1), at, out);
            // What else is gone of those before it, nobody has looked.
            self.appends[own].after = 0;
        }
        self.appends[own].acked = Some((seq, at));
        if self.history.capabilities.durability == Durability::OnAppend {
            self.appends[own].durable_at = Some(at);
        }
        self.appends[own].had = Some(seq);
        self.set_slot(seq, own);
        self.seen = self.seen.max(seq);
    }

    fn set_slot(&mut self, seq: u64, append: usize) {
        let Some(at) = usize::try_from(seq).ok().filter(|&seq| seq > 0 && seq <= self.appends.len() + 1)
        else {
            return;
        };
        self.slots.resize(self.slots.len().max(at), None);
        self.slots[at - 1] = Some(append);
    }

    fn bytes(&self, span: Span) -> &[u8] {
        self.history.bytes(span)
    }

    /// Which append a record is that a read shows; notes a breach if it is none that may stand there.
    fn judge_record(&mut self, seq: u64, data: Span, at: usize, out: &mut Findings) -> Option<usize> {
        out.looked(Breach::WrongBytes);
        let bytes = self.bytes(data);
        let slot = usize::try_from(seq).ok().and_then(|seq| *self.slots.get(seq.checked_sub(1)?)?);
        if let Some(slot) = slot
            && self.bytes(self.appends[slot].data) == bytes
        {
            return Some(slot);
        }
        let in_doubt = |append: &Append| append.acked.is_none() && self.bytes(append.data) == bytes;
        let found = self.appends.iter().position(in_doubt);
        match (slot, found) {
            // The record of that number was lost, and one that was in doubt has got it.
            (Some(_), Some(found)) if self.appends[found].had.is_none() => self.ends_at(seq - 1, at, out),
            (None, Some(_)) => {}
            (Some(_), _) => {
                let text = format!("record {seq} reads as {} bytes that are not the record's", bytes.len());
                out.broken(Breach::WrongBytes, at, text);
            }
            (None, None) => {
                let text = format!("a read shows record {seq}, and there is none of that number and content");
                out.broken(Breach::WrongBytes, at, text);
            }
        }
        found
    }

    fn judge_block(&self, block: Name, bytes: Span, at: usize, out: &mut Findings) {
        let right = self.blocks.has_content(self.history, block, self.bytes(bytes));
        out.expect(right, Breach::WrongBytes, at, || {
            format!("block {:?} reads as other bytes than were written to it", self.history.name(block))
        });
    }

    fn read_told(&mut self, from: u64, limit: u64, records: &[(u64, Span)], at: usize, out: &mut Findings) {
        let mut next = from;
        for &(seq, data) in records {
            if seq != next {
                let text = format!("a read shows number {seq} where {next} should be");
                return out.broken(Breach::WrongBytes, at, text);
            }
            if let Some(append) = self.judge_record(seq, data, at, out) {
                self.set_slot(seq, append);
            }
            next = seq + 1;
        }
        if !records.is_empty() {
            self.seen = self.seen.max(next - 1);
        }
        let reached_end = limit == 0 || (records.len() as u64) < limit;
        if !reached_end {
            return;
        }
        let last = next - 1;
        if last < from && from > self.slots.len() as u64 {
            return;
        }
        self.ends_at(last, at, out);
    }

    /// The log turns out to end here, and nobody was told of an error.
    fn ends_at(&mut self, last: u64, at: usize, out: &mut Findings) {
        out.looked(Breach::SilentLoss);
        if let Some((covered, witness)) = self.covered().filter(|(covered, _)| *covered > last) {
            let text = format!(
                "the log ends at {last} without an error, and record {covered} was acknowledged before {witness} was \
                 begun, which no damage hit"
            );
            out.broken(Breach::SilentLoss, at, text);
        }
        self.manifests.retain(|manifest| manifest.covers <= last);
        self.flushed = self.flushed.min(last);
        self.flushed_truly = self.flushed_truly.min(last);
        self.seen = self.seen.min(last);
        for lost in self.slots.drain((last as usize).min(self.slots.len())..).flatten() {
            self.appends[lost].acked = None;
            self.appends[lost].durable_at = None;
        }
    }

    /// The last number that was acknowledged before something was begun that is still evidence of it, and what that is.
    fn covered(&self) -> Option<(u64, String)> {
        // Without damage, what is missing is for runs of other classes to find.
        if self.hits.is_empty() {
            return None;
        }
        let honest = |told_at: usize| self.lied_at.is_none_or(|lied_at| told_at < lied_at);
        let since =
            |told_at: usize| self.hits.iter().filter(move |(at, _)| *at > told_at).map(|(_, hit)| hit);
        // What was not flushed may be gone itself.
        let evident = match self.history.capabilities.durability {
            Durability::OnAppend => u64::MAX,
            Durability::OnFlush => self.flushed_truly,
        };
        let records = self.appends.iter().filter_map(|append| {
            let (seq, told_at) = append.acked.filter(|&(seq, _)| seq <= evident)?;
            let op = append.op?;
            // What was not durable at the same time may share a write, and so a checksum, with it.
            let durable_at = append.durable_at.unwrap_or(usize::MAX);
            let batch = |other: &&Append| {
                other.asked_at < durable_at
                    && other.durable_at.is_none_or(|durable| append.asked_at < durable)
            };
            let is_intact = |hit: &&Hit| {
                let hits = |other: &Append| other.op.is_some_and(|op| hit.operations.contains(&op));
                hit.visible.contains(&op) && !self.appends.iter().filter(batch).any(hits)
            };
            let intact = honest(told_at) && since(told_at).all(is_intact);
            intact.then_some((append.after, Some(seq)))
        });
        let intact =
            |manifest: &&Manifest| honest(manifest.told_at) && !since(manifest.told_at).any(|hit| hit.others);
        let manifests = self.manifests.iter().filter(intact).map(|manifest| (manifest.covers, None));
        let (covered, witness) = records.chain(manifests).max()?;
        Some((covered, witness.map_or_else(|| "a snapshot".to_owned(), |seq| format!("record {seq}"))))
    }
}
