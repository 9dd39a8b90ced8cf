//! Histories told by hand, for the tests of the invariants.

use super::{INVARIANTS, judge};
use crate::history::{
    Ask, CrashKind, Event, FaultClass, FaultKind, HARNESS, History, Name, Payload, Place, Site, Span, Style,
    Told, View,
};
use asl_host::{Capabilities, Durability, ErrorKind, Exclusion};

/// A history in the making.
pub(super) struct Story {
    pub(super) history: History,
}

pub(super) const MAIN: Place = Place::Main;
const CAPABILITIES: Capabilities = Capabilities {
    durability: Durability::OnAppend,
    exclusion: Exclusion::Refuse,
    blocks: true,
    snapshots: true,
    append_unit: 1,
    max_record_len: 1 << 20,
};

impl Story {
    /// Nothing has happened yet.
    pub(super) fn blank() -> Story {
        Story { history: History::new(CAPABILITIES, FaultClass::Crash) }
    }

    /// A store was created.
    pub(super) fn new() -> Story {
        let mut story = Story::blank();
        story.ask(Ask::Create { place: MAIN }, Told::Done);
        story
    }

    /// A store was created by a host that is durable on flush.
    pub(super) fn on_flush() -> Story {
        let mut story = Story::new();
        story.history.capabilities.durability = Durability::OnFlush;
        story
    }

    pub(super) fn begin(&mut self, client: u16, ask: Ask) -> usize {
        self.history.push(Event::Asked { site: Site::Op(0), client, ask })
    }

    pub(super) fn tell(&mut self, asked: usize, told: Told) -> &mut Story {
        self.history.push(Event::Told { asked, told });
        self
    }

    /// The harness asks and is told.
    pub(super) fn ask(&mut self, ask: Ask, told: Told) -> &mut Story {
        let asked = self.begin(HARNESS, ask);
        self.tell(asked, told)
    }

    pub(super) fn payload(&mut self, op: u32) -> Span {
        self.history.keep_with(|out| Payload { style: Style::Unique, len: 40 }.write(op, out))
    }

    /// An append of operation `op`'s record that goes on.
    pub(super) fn begin_append(&mut self, client: u16, op: u32) -> usize {
        let data = self.payload(op);
        self.begin(client, Ask::Append { place: MAIN, data, unique: true, expected: None })
    }

    /// An append of operation `op`'s record that is told `seq`.
    pub(super) fn append(&mut self, op: u32, seq: u64) -> &mut Story {
        let asked = self.begin_append(0, op);
        self.tell(asked, Told::Seq(seq))
    }

    pub(super) fn append_in_doubt(&mut self, op: u32) -> &mut Story {
        let asked = self.begin_append(0, op);
        self.tell(asked, Told::Cancelled)
    }

    /// A read of everything shows these operations' records, from number 1.
    pub(super) fn read(&mut self, ops: &[u32]) -> &mut Story {
        let records: Vec<(u64, u32)> = ops.iter().enumerate().map(|(i, &op)| (i as u64 + 1, op)).collect();
        self.read_numbered(&records)
    }

    pub(super) fn read_numbered(&mut self, records: &[(u64, u32)]) -> &mut Story {
        let records = records.iter().map(|&(seq, op)| (seq, self.payload(op))).collect();
        self.ask(Ask::Read { place: MAIN, from: 1, limit: 0 }, Told::Records(records))
    }

    pub(super) fn read_bytes(&mut self, records: &[&[u8]]) -> &mut Story {
        let records =
            records.iter().enumerate().map(|(i, bytes)| (i as u64 + 1, self.history.keep(bytes))).collect();
        self.ask(Ask::Read { place: MAIN, from: 1, limit: 0 }, Told::Records(records))
    }

    pub(super) fn crash(&mut self) -> &mut Story {
        self.history.push(Event::Crash { kind: CrashKind::Power, in_recovery: false });
        self
    }

    pub(super) fn crash_in_recovery(&mut self) -> &mut Story {
        self.history.push(Event::Crash { kind: CrashKind::Power, in_recovery: true });
        self
    }

    pub(super) fn fault(&mut self) -> &mut Story {
        self.history.push(Event::Fault { site: Site::Op(0), kind: FaultKind::SyncEio });
        self
    }

    pub(super) fn open(&mut self) -> &mut Story {
        self.ask(Ask::Open { place: MAIN, second: false }, Told::Done)
    }

    pub(super) fn close(&mut self) -> &mut Story {
        self.ask(Ask::Close { place: MAIN }, Told::Done)
    }

    pub(super) fn crash_and_open(&mut self) -> &mut Story {
        self.crash();
        self.open()
    }

    pub(super) fn name(&mut self, text: &str) -> Name {
        self.history.intern(text)
    }

    /// A block with operation `op`'s bytes, sealed or in doubt.
    pub(super) fn block(&mut self, text: &str, op: u32, sealed: Option<Told>) -> Name {
        let block = self.name(text);
        self.ask(Ask::CreateBlock, Told::Named(block));
        let data = self.payload(op);
        self.ask(Ask::WriteBlock { block, data }, Told::Done);
        if let Some(told) = sealed {
            self.ask(Ask::SealBlock { block }, told);
        }
        block
    }

    pub(super) fn list_blocks(&mut self, blocks: &[Name]) -> &mut Story {
        self.ask(Ask::ListBlocks, Told::Names(blocks.to_vec()))
    }

    pub(super) fn snapshot(&mut self, text: &str) -> Name {
        let snapshot = self.name(text);
        self.ask(Ask::CreateSnapshot, Told::Named(snapshot));
        snapshot
    }

    pub(super) fn list_snapshots(&mut self, snapshots: &[Name]) -> &mut Story {
        self.ask(Ask::ListSnapshots, Told::Names(snapshots.to_vec()))
    }

    /// A snapshot shows these operations' records and these blocks.
    pub(super) fn inspect(&mut self, snapshot: Name, ops: &[u32], blocks: &[(Name, u32)]) -> &mut Story {
        let records = ops.iter().enumerate().map(|(i, &op)| (i as u64 + 1, self.payload(op))).collect();
        let blocks = blocks.iter().map(|&(name, op)| (name, self.payload(op))).collect();
        let view = View { records, blocks, let_write: Vec::new() };
        self.ask(Ask::InspectSnapshot { snapshot }, Told::View(Box::new(view)))
    }

    pub(super) fn broken(&self) -> Vec<&'static str> {
        judge(&self.history).violations.iter().map(super::Violation::name).collect()
    }

    /// The history breaks this invariant, and it is the primary one.
    #[track_caller]
    pub(super) fn breaks(&self, name: &str) {
        assert_eq!(self.broken().first().copied(), Some(name), "{:#?}", judge(&self.history).violations);
    }

    /// The history breaks this invariant among others.
    #[track_caller]
    pub(super) fn breaks_also(&self, name: &str) {
        assert!(self.broken().contains(&name), "{:#?}", judge(&self.history).violations);
    }

    /// The history breaks nothing, and this invariant was checked.
    #[track_caller]
    pub(super) fn keeps(&self, name: &str) {
        let verdict = judge(&self.history);
        assert_eq!(verdict.violations, []);
        let at =
            INVARIANTS.iter().position(|invariant| invariant.name == name).expect("a name of an invariant");
        assert!(verdict.armed[at] > 0, "{name} was not checked");
    }
}

/// An error of this kind, with its code.
pub(super) fn failed(kind: ErrorKind) -> Told {
    Told::Failed { kind, code: kind.code() }
}
