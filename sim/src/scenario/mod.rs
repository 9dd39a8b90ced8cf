//! What a run does, as data: concrete operations, crashes, faults, and the settings of the world.
//!
//! A seed generates a scenario ([`generate`]), a case stores one, a shrinker edits one. Operations keep their numbers when
//! others are deleted, and everything else refers to those numbers, so that what remains means the same.
//!
//! References that cannot be known beforehand (which snapshot to mount) are ordinals, taken modulo what exists when the
//! operation runs.

pub mod generate;
pub mod payload;

use crate::decide::Site;
use crate::world::fs::Fill;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

pub use crate::world::fs::Profile;
pub use payload::{Payload, Style};

/// Everything that a run depends on, besides the decision map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The world.
    pub setup: Setup,
    /// What the clients do; each client does its own in this order.
    pub ops: Vec<Op>,
    /// When the processes or the power fail, in the order of the crashes.
    pub crashes: Vec<CrashPlan>,
    /// Which calls fail.
    pub faults: Vec<FaultPlan>,
    /// When the file system is full.
    pub full: Vec<FullPlan>,
    /// When the wall clock jumps.
    pub clock_jumps: Vec<ClockJump>,
}

impl Scenario {
    /// One in which nothing is done and nothing goes wrong, unless somebody asks for it.
    pub(crate) fn of_nothing(setup: Setup) -> Scenario {
        Scenario {
            setup,
            ops: Vec::new(),
            crashes: Vec::new(),
            faults: Vec::new(),
            full: Vec::new(),
            clock_jumps: Vec::new(),
        }
    }

    /// Whether a scenario from outside can be run.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn validate(&self) -> Result<(), String> {
        if !matches!(self.setup.sector_len, 512 | 4096) {
            return Err(format!("a sector of {} bytes: it has 512 or 4096", self.setup.sector_len));
        }
        if !(1..=Scenario::CLIENTS_MAX).contains(&self.setup.clients) {
            return Err(format!("{} clients: there are 1 to {}", self.setup.clients, Scenario::CLIENTS_MAX));
        }
        let mut ids: Vec<u32> = self.ops.iter().map(|op| op.id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("two operations have the same number".to_owned());
        }
        if ids.last().is_some_and(|&id| id >= Scenario::OPS_MAX) {
            return Err(format!("operations are numbered below {}", Scenario::OPS_MAX));
        }
        let longest = self.ops.iter().filter_map(|op| op.action.payload()).map(|payload| payload.len).max();
        match longest {
            Some(len) if len > Scenario::PAYLOAD_LEN_MAX => {
                Err(format!("a payload of {len} bytes: at most {}", Scenario::PAYLOAD_LEN_MAX))
            }
            _ => Ok(()),
        }
    }

    /// Most clients that share a store.
    pub const CLIENTS_MAX: u16 = 32;
    /// Most operations: every audit reads the whole log, so that a run's time grows with their square.
    pub const OPS_MAX: u32 = 10_000;
    /// Longest payload, in bytes.
    pub const PAYLOAD_LEN_MAX: u32 = 1 << 20;
}

/// What moves the tasks and the time of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// The simulator's own, for hosts that wait for nothing but their seams.
    #[default]
    Stepped,
    /// madsim, for hosts on tokio with tasks, timers and nodes of their own; in builds that have it.
    Madsim,
}

impl Runtime {
    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Runtime::Stepped => "stepped",
            Runtime::Madsim => "madsim",
        }
    }

    /// Whether this build has it.
    pub fn is_built_in(self) -> bool {
        self == Runtime::Stepped || crate::runtime::HAS_NODES
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_stepped(&self) -> bool {
        *self == Runtime::Stepped
    }
}

/// Settings of the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Which file system it is.
    pub profile: Profile,
    /// Which kind of trouble there is.
    pub class: FaultClass,
    /// What the medium writes atomically, in bytes: 512 or 4096.
    pub sector_len: u32,
    /// What lost sectors hold.
    pub fill: Fill,
    /// How many clients share the store.
    pub clients: u16,
    /// A host that keeps segments is asked to begin another after this many bytes.
    pub segment_len_max: u64,
    /// Seeds what hosts get as random bytes.
    pub entropy: u64,
    /// Whether clients go on with the handle that told them of an error, until it says that it refuses work. If not, the
    /// store is closed and opened again at once.
    #[serde(default)]
    pub goes_on_after_errors: bool,
    /// What moves tasks and time.
    #[serde(default, skip_serializing_if = "Runtime::is_stepped")]
    pub runtime: Runtime,
}

/// Kinds of trouble that are not mixed within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FaultClass {
    /// No crash, no fault: stores are closed and opened again in good order.
    None,
    /// Kill and power loss; calls succeed.
    Crash,
    /// Calls fail, and processes and power fail too.
    Error,
    /// The medium breaks its own contract, and processes and power fail too. A host must notice; it cannot survive it.
    Media,
}

impl FaultClass {
    /// Its name on the command line and in signatures.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultClass::None => "none",
            FaultClass::Crash => "crash",
            FaultClass::Error => "error",
            FaultClass::Media => "media",
        }
    }
}

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Op {
    /// Names the operation; unique in the scenario.
    pub id: u32,
    /// Who does it, from 0.
    pub client: u16,
    /// What is done.
    pub action: Action,
}

/// What an operation does. Numbers called `nth` count modulo what exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Appends a record.
    Append(Payload),
    /// Appends a record if it gets the number that the client expects: the next one it knows of, plus `off_by`.
    AppendIf {
        /// The record.
        payload: Payload,
        /// 0 for the number that is right as far as the client knows.
        off_by: u8,
    },
    /// Makes everything acknowledged durable.
    Flush,
    /// Asks for the last durable number.
    DurableUpto,
    /// Reads `limit` records from a point that is `from_percent` of the way into the log.
    Read {
        /// 0: from the first record.
        from_percent: u8,
        /// 0: all.
        limit: u32,
    },
    /// Opens a block for writing.
    CreateBlock,
    /// Writes to one of the client's open blocks.
    WriteBlock {
        /// Which one.
        nth: u32,
        /// What.
        payload: Payload,
    },
    /// Tries to write to a sealed block.
    WriteSealed {
        /// Which one.
        nth: u32,
        /// What.
        payload: Payload,
    },
    /// Seals one of the client's open blocks.
    SealBlock {
        /// Which one.
        nth: u32,
    },
    /// Reads a sealed block, or an open one of the client's own.
    ReadBlock {
        /// Which one.
        nth: u32,
    },
    /// Lists the sealed blocks.
    ListBlocks,
    /// Takes a snapshot.
    CreateSnapshot,
    /// Mounts a snapshot, reads all of it, and tries to write to it.
    InspectSnapshot {
        /// Which one.
        nth: u32,
    },
    /// Lists the snapshots.
    ListSnapshots,
    /// Deletes a snapshot.
    DeleteSnapshot {
        /// Which one.
        nth: u32,
    },
    /// Closes the store, opens it again and looks at everything.
    Reopen,
    /// Closes the store, tries to append through the closed handle, opens the store again and looks at everything.
    UseClosed(Payload),
    /// Tries to open the store from a second process while it is open.
    OpenSecond,
    /// A second process opens the store, which fences off the first if the host excludes writers so, and both append.
    TakeOver(Payload),
    /// Tries to create a store where there is one.
    CreateExisting,
    /// Tries to destroy the store while it is open.
    DestroyOpen,
    /// Opens a location where there never was a store.
    OpenNothing,
    /// Creates a second store, appends to it and closes it.
    SideCreate(Payload),
    /// Opens the second store, reads it, appends to it and closes it.
    SideUse(Payload),
    /// Destroys the second store.
    SideDestroy,
    /// Reads the host's clock.
    Now,
    /// Asks the host who it is.
    Identity,
    /// Carries out an operation of the host's own; a host that has none of this name is asked nothing.
    Own {
        /// Its name.
        name: String,
        /// What it is given.
        input: u32,
    },
}

impl Action {
    /// Operations of a host's own are given a number below this.
    pub const OWN_INPUTS: u32 = 256;

    /// Whether it is about what the host reads.
    pub(crate) fn reads(&self) -> bool {
        matches!(self, Action::Read { .. } | Action::ReadBlock { .. } | Action::InspectSnapshot { .. })
    }

    /// What it writes, if it writes.
    pub fn payload(&self) -> Option<Payload> {
        match self {
            Action::Append(payload)
            | Action::AppendIf { payload, .. }
            | Action::WriteBlock { payload, .. }
            | Action::WriteSealed { payload, .. }
            | Action::UseClosed(payload)
            | Action::TakeOver(payload)
            | Action::SideCreate(payload)
            | Action::SideUse(payload) => Some(*payload),
            _ => None,
        }
    }

    /// What it writes, to be changed.
    pub(crate) fn payload_mut(&mut self) -> Option<&mut Payload> {
        match self {
            Action::Append(payload)
            | Action::AppendIf { payload, .. }
            | Action::WriteBlock { payload, .. }
            | Action::WriteSealed { payload, .. }
            | Action::UseClosed(payload)
            | Action::TakeOver(payload)
            | Action::SideCreate(payload)
            | Action::SideUse(payload) => Some(payload),
            _ => None,
        }
    }

    /// Its name in reports.
    pub fn as_str(&self) -> &'static str {
        match self {
            Action::Append(_) => "append",
            Action::AppendIf { .. } => "append_if",
            Action::Flush => "flush",
            Action::DurableUpto => "durable_upto",
            Action::Read { .. } => "read",
            Action::CreateBlock => "create_block",
            Action::WriteBlock { .. } => "write_block",
            Action::WriteSealed { .. } => "write_sealed",
            Action::SealBlock { .. } => "seal_block",
            Action::ReadBlock { .. } => "read_block",
            Action::ListBlocks => "list_blocks",
            Action::CreateSnapshot => "create_snapshot",
            Action::InspectSnapshot { .. } => "inspect_snapshot",
            Action::ListSnapshots => "list_snapshots",
            Action::DeleteSnapshot { .. } => "delete_snapshot",
            Action::Reopen => "reopen",
            Action::UseClosed(_) => "use_closed",
            Action::OpenSecond => "open_second",
            Action::TakeOver(_) => "take_over",
            Action::CreateExisting => "create_existing",
            Action::DestroyOpen => "destroy_open",
            Action::OpenNothing => "open_nothing",
            Action::SideCreate(_) => "side_create",
            Action::SideUse(_) => "side_use",
            Action::SideDestroy => "side_destroy",
            Action::Now => "now",
            Action::Identity => "identity",
            Action::Own { .. } => "own",
        }
    }
}

/// What fails in a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CrashKind {
    /// The processes are killed; the page cache stays.
    Kill,
    /// The power goes; what is not durable may be lost.
    Power,
}

/// Where in a call the crash comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before it did anything.
    Before,
    /// In the middle, if it is a write: a prefix was done.
    Within,
    /// After it was done, before the host heard of it.
    After,
}

/// A point among the calls that change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Which such call, counted from 0 within its site; if there are fewer, the end of the site.
    pub change: u32,
    /// Where in it.
    pub when: When,
    /// What fails.
    pub kind: CrashKind,
}

/// A crash, and the crashes inside the recovery from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrashPlan {
    /// In which operation; `None`: in the very first start, while the store is created.
    pub op: Option<u32>,
    /// Where in it.
    pub at: Cut,
    /// Where the following attempts to recover are cut.
    pub inside: Vec<Cut>,
}

/// A call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// Where.
    pub site: Site,
    /// How many calls that this fault could hit go well before.
    pub skip: u32,
    /// How it fails.
    pub kind: FaultKind,
}

macro_rules! fault_kinds {
    ($($(#[doc = $doc:literal])* $name:ident $text:literal $class:ident),* $(,)?) => {
        /// How a call, or a client's waiting for it, fails.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum FaultKind { $($(#[doc = $doc])* $name),* }

        impl FaultKind {
            /// All kinds, with the class that they belong to and what they do.
            pub const ALL: &'static [(FaultKind, FaultClass, &'static str)] =
                &[$((FaultKind::$name, FaultClass::$class, concat!($($doc),*))),*];

            /// Its name on the command line and in reports.
            pub fn as_str(self) -> &'static str {
                match self { $(FaultKind::$name => $text),* }
            }

            /// The class that it belongs to.
            pub fn class(self) -> FaultClass {
                match self { $(FaultKind::$name => FaultClass::$class),* }
            }
        }
    };
}

fault_kinds! {
    /// A read fails with EIO.
    ReadEio "read-eio" Error,
    /// A write fails with EIO; nothing was written.
    WriteEio "write-eio" Error,
    /// A read returns fewer bytes than asked for.
    ShortRead "short-read" Error,
    /// A write writes fewer bytes than given.
    ShortWrite "short-write" Error,
    /// A read, write, sync or open is interrupted (EINTR); nothing was done.
    Interrupt "interrupt" Error,
    /// An fsync or fdatasync fails with EIO once, and marks the pages clean that it did not write.
    SyncEio "sync-eio" Error,
    /// An fsync of a directory fails with EIO; the changes stay pending.
    DirSyncEio "dir-sync-eio" Error,
    /// An open, create, rename, link, unlink, mkdir, rmdir, truncate, stat or readdir fails with EIO.
    NameEio "name-eio" Error,
    /// A call takes seconds.
    Stall "stall" Error,
    /// A bit of what is about to be read flips on the medium, for good.
    BitRot "bit-rot" Media,
    /// A sector of what is about to be read cannot be read any more (EIO), until it is written whole.
    LatentError "latent-error" Media,
    /// One read is given another sector's content.
    MisdirectedRead "misdirected-read" Media,
    /// Of what an fsync or fdatasync writes, one sector lands on another one's place.
    MisdirectedWrite "misdirected-write" Media,
    /// Of what an fsync or fdatasync writes, one sector is not written.
    PhantomWrite "phantom-write" Media,
    /// An fsync of a file or directory says that it is done, and has done nothing.
    LyingFlush "lying-flush" Media,
    /// If the power goes before a sector of a write is durable, it holds a beginning of what is new, and the rest of what was there before.
    ShornWrite "shorn-write" Media,
    /// A client stops waiting and drops the operation's future.
    Cancel "cancel" Crash,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FaultKind {
    type Err = ();

    fn from_str(text: &str) -> Result<FaultKind, ()> {
        FaultKind::ALL.iter().map(|&(kind, ..)| kind).find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// A time during which files can grow by no more than so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FullPlan {
    /// It begins when this operation does,
    pub from_op: u32,
    /// and ends when this one does, or any later one, or with the last operation.
    pub until_op: u32,
    /// Bytes that are left.
    pub bytes: u64,
}

/// A jump of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockJump {
    /// When this operation begins.
    pub op: u32,
    /// By how much; backwards if negative.
    pub by_ns: i64,
}
