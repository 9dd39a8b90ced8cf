//! What a run did, as its clients saw it: the one thing that the oracle judges.
//!
//! A history is a list of events in the order in which they happened: calls and their returns, crashes, faults, times
//! without space. Bytes that were written or read lie in one arena, identifiers that hosts chose are interned, so that an
//! event is small.
//!
//! A history holds nothing from inside the medium, since an oracle that looked there would not fit a real disk. There is one
//! exception: an event of damage says whose bytes were hit ([`Hit`]). Nobody but the simulator knows that, and a host need not
//! notice damage that left no evidence.

pub use crate::base::decide::Site;
pub use crate::base::payload::Hit;
pub(crate) use crate::base::payload::operations_in;
#[cfg(test)]
pub(crate) use crate::base::payload::{Payload, Style};
pub use crate::plan::{CrashKind, FaultClass, FaultKind};
use asl_host::{Capabilities, Code, ErrorKind};

/// The client that stands for the harness itself.
pub(crate) const HARNESS: u16 = u16::MAX;
/// The client that stands for a second process, which has a handle of its own.
pub(crate) const SECOND: u16 = u16::MAX - 1;

/// A range of a history's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// How many bytes it is.
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// Whether it is none.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// An identifier of a block, a snapshot or a host, interned in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(pub u32);

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The one that all clients share.
    Main,
    /// Another, which comes and goes.
    Side,
    /// A location where there never was one.
    Nowhere,
}

impl Place {
    /// How stories name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Place::Main => "the store",
            Place::Side => "the second store",
            Place::Nowhere => "a location without a store",
        }
    }
}

/// What a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the operation of the same name, with its arguments")]
pub enum Ask {
    Create {
        place: Place,
    },
    /// `second`: from another process, while the store should be open.
    Open {
        place: Place,
        second: bool,
    },
    Close {
        place: Place,
    },
    Destroy {
        place: Place,
        open: bool,
    },
    Append {
        place: Place,
        data: Span,
        unique: bool,
        expected: Option<u64>,
    },
    Flush {
        place: Place,
    },
    DurableUpto {
        place: Place,
    },
    /// `limit` 0: all.
    Read {
        place: Place,
        from: u64,
        limit: u64,
    },
    CreateBlock,
    WriteBlock {
        block: Name,
        data: Span,
    },
    SealBlock {
        block: Name,
    },
    ReadBlock {
        block: Name,
    },
    ListBlocks,
    CreateSnapshot,
    /// Mount, read everything, try each operation that writes.
    InspectSnapshot {
        snapshot: Name,
    },
    ListSnapshots,
    DeleteSnapshot {
        snapshot: Name,
    },
    Now,
    Identity,
    /// An operation of the host's own.
    Own {
        operation: Name,
        input: u32,
    },
}

impl Ask {
    /// The operation's name.
    pub fn name(&self) -> &'static str {
        match self {
            Ask::Create { .. } => "create_store",
            Ask::Open { .. } => "open_store",
            Ask::Close { .. } => "close",
            Ask::Destroy { .. } => "destroy_store",
            Ask::Append { expected: None, .. } => "append",
            Ask::Append { .. } => "append_if",
            Ask::Flush { .. } => "flush",
            Ask::DurableUpto { .. } => "durable_upto",
            Ask::Read { .. } => "read",
            Ask::CreateBlock => "create_block",
            Ask::WriteBlock { .. } => "write_block",
            Ask::SealBlock { .. } => "seal_block",
            Ask::ReadBlock { .. } => "read_block",
            Ask::ListBlocks => "list_blocks",
            Ask::CreateSnapshot => "create_snapshot",
            Ask::InspectSnapshot { .. } => "mount_snapshot",
            Ask::ListSnapshots => "list_snapshots",
            Ask::DeleteSnapshot { .. } => "delete_snapshot",
            Ask::Now => "now",
            Ask::Identity => "identity",
            Ask::Own { .. } => "own",
        }
    }
}

/// What a snapshot showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Its records.
    pub records: Vec<(u64, Span)>,
    /// Its blocks.
    pub blocks: Vec<(Name, Span)>,
    /// Operations that write and that it let happen, or refused for another reason than being read-only.
    pub let_write: Vec<asl_host::Operation>,
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is done.
    Done,
    /// A record's number, or the last durable one.
    Seq(u64),
    /// Records with their numbers.
    Records(Vec<(u64, Span)>),
    /// An identifier.
    Named(Name),
    /// Identifiers.
    Names(Vec<Name>),
    /// Bytes of a block.
    Bytes(Span),
    /// What a snapshot showed.
    View(Box<View>),
    /// A reading of the clock.
    Time(u64),
    /// An error.
    Failed {
        /// What went wrong, in the host's words.
        kind: ErrorKind,
        /// The code that it reported.
        code: Code,
    },
    /// Nothing: the host panicked.
    Panicked,
    /// Nothing: the client stopped waiting.
    Cancelled,
}

impl Told {
    /// A few bits of it, for the trace; bytes are in the trace by themselves.
    pub(crate) fn digest(&self) -> u64 {
        match self {
            Told::Done => 1,
            Told::Seq(seq) => 2 + (seq << 3),
            Told::Records(records) => 3 + ((records.len() as u64) << 3),
            Told::Named(name) => 4 + (u64::from(name.0) << 3),
            Told::Names(names) => {
                names.iter().fold(5, |sum: u64, name| sum.wrapping_mul(31).wrapping_add(u64::from(name.0)))
            }
            Told::Bytes(span) => 6 + (u64::from(span.len) << 3),
            Told::View(view) => 7 + ((view.records.len() as u64) << 3),
            Told::Time(time) => 8 + (time << 4),
            Told::Failed { kind, code } => 9 + ((*kind as u64) << 4) + ((*code as u64) << 12),
            Told::Panicked => 10,
            Told::Cancelled => 11,
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client asks.
    Asked {
        /// Where in the scenario.
        site: Site,
        /// Who.
        client: u16,
        /// For what.
        ask: Ask,
    },
    /// A client is told.
    Told {
        /// Which event asked.
        asked: usize,
        /// What it was told.
        told: Told,
    },
    /// Processes or power fail. Whoever was not told yet never is.
    Crash {
        /// What failed.
        kind: CrashKind,
        /// Whether the store was being opened after an earlier crash.
        in_recovery: bool,
    },
    /// One of two processes is killed, and the other goes on. What clients of the dead one were not told, they never are.
    Died {
        /// Whether it is the second one, which opened the store while the first had it.
        second: bool,
    },
    /// A call failed as planned.
    Fault {
        /// Where.
        site: Site,
        /// How.
        kind: FaultKind,
    },
    /// The medium was damaged.
    Damage {
        /// Where.
        site: Site,
        /// How.
        kind: FaultKind,
        /// Whose bytes were hit.
        hit: Hit,
    },
    /// There is a file or directory of this name where an open found no store.
    Left {
        /// The location that was opened.
        place: Place,
        /// Its name, in the directory that the location is in.
        name: Name,
    },
    /// Space is limited from now on.
    Full,
    /// There is space again.
    Freed,
}

/// The history of one run.
#[derive(Clone, Debug)]
pub struct History {
    /// What the host says it offers.
    pub capabilities: Capabilities,
    /// The kind of trouble that there was.
    pub class: FaultClass,
    /// Whether requests of the host's may take effect after the death of the process that made them, as on a medium behind a
    /// network.
    pub(crate) late_requests: bool,
    events: Vec<Event>,
    bytes: Vec<u8>,
    names: Vec<String>,
    /// Per store and number, where the record's bytes were last kept: most reads show what is kept already.
    records: [Vec<Span>; 3],
    /// How the run ended if it could not go on.
    pub(crate) stuck: Option<String>,
    /// What the host said when it panicked, if it did.
    pub(crate) panic: Option<String>,
    /// What the host's process did that the driver protocol does not allow, if it did.
    pub(crate) fault: Option<String>,
}

/// What a run of some fifty operations needs.
const EVENTS_USUAL: usize = 256;
const BYTES_USUAL: usize = 32 << 10;

impl History {
    /// An empty history.
    pub fn new(capabilities: Capabilities, class: FaultClass) -> History {
        History {
            capabilities,
            class,
            late_requests: false,
            events: Vec::with_capacity(EVENTS_USUAL),
            bytes: Vec::with_capacity(BYTES_USUAL),
            names: Vec::new(),
            records: Default::default(),
            stuck: None,
            panic: None,
            fault: None,
        }
    }

    /// How a host ended that gave no answer, in words.
    pub(crate) fn last_words(&self) -> String {
        match (&self.fault, &self.panic) {
            (Some(what), _) => format!("the host process {what}"),
            (None, said) => format!("the host panicked: {}", said.as_deref().unwrap_or("no message")),
        }
    }

    /// The same, of the operation in which it did.
    pub(crate) fn last_words_in(&self, operation: &str) -> String {
        match (&self.fault, &self.panic) {
            (Some(what), _) => format!("asked for {operation}, the host process {what}"),
            (None, said) => {
                format!("the host panicked in {operation}: {}", said.as_deref().unwrap_or("no message"))
            }
        }
    }

    /// The events so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Why the run hung, if it did.
    pub fn stuck(&self) -> Option<&str> {
        self.stuck.as_deref()
    }

    /// The bytes of a span.
    pub fn bytes(&self, span: Span) -> &[u8] {
        &self.bytes[span.start as usize..(span.start + span.len) as usize]
    }

    /// The text of an identifier.
    pub fn name(&self, name: Name) -> &str {
        &self.names[name.0 as usize]
    }

    /// The kill that came last was a loss of power after all. Says whether it came in recovery.
    pub(crate) fn kill_was_power_loss(&mut self) -> bool {
        match self.events.last_mut() {
            Some(Event::Crash { kind, in_recovery }) if *kind == CrashKind::Kill => {
                *kind = CrashKind::Power;
                *in_recovery
            }
            other => panic!("the last event is a kill, not {other:?}"),
        }
    }

    /// Adds an event, and says which number it has.
    pub fn push(&mut self, event: Event) -> usize {
        self.events.push(event);
        self.events.len() - 1
    }

    /// Keeps bytes.
    pub fn keep(&mut self, bytes: &[u8]) -> Span {
        self.keep_with(|out| out.extend_from_slice(bytes))
    }

    /// Keeps a record's bytes; if they are the bytes that the number had before, that span is given again.
    pub fn keep_record(&mut self, place: Place, seq: u64, bytes: &[u8]) -> Span {
        let known = usize::try_from(seq).ok().and_then(|seq| self.records[place as usize].get(seq)).copied();
        match known {
            Some(span) if self.bytes(span) == bytes => span,
            _ => {
                let span = self.keep(bytes);
                self.remember(place, seq, span);
                span
            }
        }
    }

    /// Says that a record of this number has these bytes.
    pub fn remember(&mut self, place: Place, seq: u64, span: Span) {
        let records = &mut self.records[place as usize];
        // A host may name any number; only those that a run can have written are worth remembering.
        if let Ok(seq) = usize::try_from(seq)
            && seq <= self.events.len()
        {
            records.resize(records.len().max(seq + 1), Span::default());
            records[seq] = span;
        }
    }

    /// Keeps what the function appends.
    pub fn keep_with(&mut self, append: impl FnOnce(&mut Vec<u8>)) -> Span {
        let start = self.bytes.len() as u32;
        append(&mut self.bytes);
        Span { start, len: self.bytes.len() as u32 - start }
    }

    /// Keeps an identifier; the same text gets the same name.
    pub fn intern(&mut self, text: &str) -> Name {
        let at = self.names.iter().position(|known| known == text).unwrap_or_else(|| {
            self.names.push(text.to_owned());
            self.names.len() - 1
        });
        Name(at as u32)
    }
}
