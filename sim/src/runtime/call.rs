//! Calls of hosts, as far as time, faults and crash points tell them apart.

use crate::decide::{Address, Question, Site};
use crate::scenario::{Cut, FaultKind};
use crate::world::fs::file::Tick;

/// Kinds of calls, as far as time, faults and crash points tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    Open,
    Create,
    Name,
    Look,
    Read,
    Write,
    SetLen,
    Sync,
    SyncDir,
    Lock,
    Pause,
}

impl CallKind {
    /// Whether the call changes the file system, or what of it is durable: then it can be where a crash comes.
    pub(crate) fn is_change(self) -> bool {
        use CallKind::{Create, Name, SetLen, Sync, SyncDir, Write};
        matches!(self, Create | Name | Write | SetLen | Sync | SyncDir)
    }

    pub(super) fn latency_ns(self) -> u64 {
        match self {
            CallKind::Sync | CallKind::SyncDir => 100_000,
            CallKind::Write | CallKind::Create | CallKind::Name | CallKind::SetLen => 10_000,
            CallKind::Open | CallKind::Look | CallKind::Read | CallKind::Lock => 2_000,
            CallKind::Pause => 5_000,
        }
    }

    /// Whether this kind of fault can hit this kind of call.
    pub(crate) fn suffers(self, fault: FaultKind) -> bool {
        use CallKind::{Create, Look, Name, Open, Read, SetLen, Sync, SyncDir, Write};
        match fault {
            FaultKind::ReadEio
            | FaultKind::ShortRead
            | FaultKind::BitRot
            | FaultKind::LatentError
            | FaultKind::MisdirectedRead => self == Read,
            FaultKind::WriteEio | FaultKind::ShortWrite | FaultKind::ShornWrite => self == Write,
            FaultKind::Interrupt => matches!(self, Read | Write | Sync | SyncDir | Open | Create),
            FaultKind::SyncEio | FaultKind::MisdirectedWrite | FaultKind::PhantomWrite => self == Sync,
            FaultKind::DirSyncEio => self == SyncDir,
            FaultKind::LyingFlush => matches!(self, Sync | SyncDir),
            FaultKind::NameEio => matches!(self, Open | Create | Name | SetLen | Look),
            FaultKind::Stall | FaultKind::Cancel => self.is_change(),
        }
    }
}

/// A call on its way to taking effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(super) kind: CallKind,
    pub(super) task: usize,
    pub(super) site: Site,
    /// Which call of its site it is.
    pub(super) index: u32,
    /// Changes up to here are covered, if it is a sync.
    pub(crate) mark: Tick,
    pub(super) fault: Option<FaultKind>,
    pub(super) cut: Option<Cut>,
}

impl Call {
    /// Where a question about this call stands.
    pub(crate) fn address(&self, question: Question) -> Address {
        Address::new(question, self.site.code(), self.index, 0)
    }

    pub(crate) fn fails_sync(&self) -> bool {
        matches!(self.fault, Some(FaultKind::SyncEio | FaultKind::DirSyncEio))
    }

    /// How much of a read is done.
    pub(crate) fn shortened(&self, len: usize) -> usize {
        if self.fault == Some(FaultKind::ShortRead) && len > 1 { len / 2 } else { len }
    }
}
