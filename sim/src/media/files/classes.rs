//! The classes of calls on files and on the block device.

use crate::executor::call_log::Effect;
use crate::executor::{Class, Within};
use crate::plan::FaultKind::{
    BitRot, Cancel, DirSyncEio, Interrupt, LatentError, LyingFlush, MisdirectedRead, MisdirectedWrite,
    NameEio, PhantomWrite, ReadEio, ShornWrite, ShortRead, ShortWrite, Stall, SyncEio, SyncNoSpace, WriteEio,
};

/// A call that looks, and changes nothing.
const LOOKS: Class = Class {
    number: 0,
    name: "look",
    effect: Effect::Looks,
    latency_ns: 2_000,
    changes: false,
    within: Within::Nothing,
    suffers: &[],
};

/// A call that changes something, and is done as a whole.
const CHANGES: Class = Class { latency_ns: 10_000, changes: true, ..LOOKS };

pub(crate) static OPEN: Class = Class { number: 0, name: "open", suffers: &[Interrupt, NameEio], ..LOOKS };

pub(crate) static CREATE: Class = Class {
    number: 1,
    name: "create",
    effect: Effect::Names,
    suffers: &[Interrupt, NameEio, Stall, Cancel],
    ..CHANGES
};

pub(crate) static NAME: Class = Class {
    number: 2,
    name: "change names",
    effect: Effect::Names,
    suffers: &[NameEio, Stall, Cancel],
    ..CHANGES
};

pub(crate) static LOOK: Class = Class { number: 3, name: "look", suffers: &[NameEio], ..LOOKS };

pub(crate) static READ: Class = Class {
    number: 4,
    name: "read",
    suffers: &[ReadEio, ShortRead, BitRot, LatentError, MisdirectedRead, Interrupt],
    ..LOOKS
};

/// A crash in its middle leaves a beginning of it.
pub(crate) static WRITE: Class = Class {
    number: 5,
    name: "write",
    effect: Effect::Writes,
    within: Within::Part,
    suffers: &[WriteEio, ShortWrite, ShornWrite, Interrupt, Stall, Cancel],
    ..CHANGES
};

pub(crate) static SET_LEN: Class = Class {
    number: 6,
    name: "resize",
    effect: Effect::Resizes,
    suffers: &[NameEio, Stall, Cancel],
    ..CHANGES
};

pub(crate) static SYNC: Class = Class {
    number: 7,
    name: "sync",
    effect: Effect::Syncs,
    latency_ns: 100_000,
    suffers: &[SyncEio, SyncNoSpace, MisdirectedWrite, PhantomWrite, LyingFlush, Interrupt, Stall, Cancel],
    ..CHANGES
};

pub(crate) static SYNC_DIR: Class = Class {
    number: 8,
    name: "sync names",
    effect: Effect::SyncsNames,
    latency_ns: 100_000,
    suffers: &[DirSyncEio, LyingFlush, Interrupt, Stall, Cancel],
    ..CHANGES
};

pub(crate) static LOCK: Class = Class { number: 9, name: "lock", ..LOOKS };
