//! What a run does, as data: concrete operations, crashes, faults, and the settings of the world.
//!
//! A seed generates a scenario ([`generate`]), a case stores one, a shrinker edits one. Operations keep their numbers when
//! others are deleted, and everything else refers to those numbers, so that what remains means the same.
//!
//! References that cannot be known beforehand (which snapshot to mount) are ordinals, taken modulo what exists when the
//! operation runs.

pub mod generate;

use crate::plan::Plan;
use serde::{Deserialize, Serialize};

use crate::executor::PROCESSES;

pub use crate::base::payload::{self, Payload, Style};
pub use crate::media::files::fs::Fill;
pub use crate::media::{FilesSetup, MediumSetup, Profile};
pub use crate::plan::{
    ClockJump, CrashKind, CrashPlan, Cut, FaultClass, FaultKind, FaultPlan, FullPlan, When,
};

/// Everything that a run depends on, besides the decision map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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

    /// What the executor carries out by itself.
    pub(crate) fn plan(&self) -> Plan {
        let Scenario { setup, faults, full, clock_jumps, .. } = self;
        let (faults, full, clock_jumps) = (faults.clone(), full.clone(), clock_jumps.clone());
        Plan { faults, full, clock_jumps, entropy: setup.entropy }
    }

    /// Whether a scenario from outside can be run.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn validate(&self) -> Result<(), String> {
        self.setup.medium.validate()?;
        if !(1..=Scenario::CLIENTS_MAX).contains(&self.setup.clients) {
            return Err(format!("{} clients: there are 1 to {}", self.setup.clients, Scenario::CLIENTS_MAX));
        }
        let inside = self.crashes.iter().flat_map(|plan| &plan.inside);
        let mut cuts = self.crashes.iter().map(|plan| &plan.at).chain(inside);
        if let Some(number) = cuts.find_map(|cut| cut.process.filter(|&process| process >= PROCESSES)) {
            return Err(format!("a crash of process {number}: they are numbered below {PROCESSES}"));
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// The simulator's own, for hosts that wait for nothing but their seams.
    #[default]
    Stepped,
    /// madsim, for hosts on tokio with tasks, timers and nodes of their own; in builds that have it.
    Madsim,
}

impl Runtime {
    /// What to do about a build without the second runtime.
    pub(crate) const HOW_TO_BUILD: &str = "this build has no madsim: build with RUSTFLAGS=\"--cfg madsim --cfg tokio_unstable\" and the feature madsim of asl-sim";

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Runtime::Stepped => "stepped",
            Runtime::Madsim => "madsim",
        }
    }

    /// Whether this build has it.
    pub fn is_built_in(self) -> bool {
        self == Runtime::Stepped || cfg!(all(feature = "madsim", madsim))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_stepped(&self) -> bool {
        *self == Runtime::Stepped
    }
}

/// Settings of the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// What hosts keep their bytes on.
    pub medium: MediumSetup,
    /// Which kind of trouble there is.
    pub class: FaultClass,
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

impl Setup {
    /// What is promised of the medium.
    pub fn profile(&self) -> Profile {
        self.medium.profile()
    }
}

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
