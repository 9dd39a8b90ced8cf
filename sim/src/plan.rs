//! What goes wrong in a run, as data: which calls fail, where crashes come, when space runs out, when the clock jumps.
//!
//! A scenario holds these plans, the executor carries them out, media say what they come to, and histories name them. Where in a
//! run a plan strikes is said by a [`Site`] and counts within it, so that taking one operation away does not move the rest.
//!
//! Not here: what is lost in a crash, which the decision map decides.

use crate::base::decide::Site;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Kinds of trouble that are not mixed within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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

/// What fails in a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CrashKind {
    /// The processes are killed; the page cache stays.
    Kill,
    /// The power goes; what is not durable may be lost.
    Power,
}

/// Where in a call the crash comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before it did anything.
    Before,
    /// In the middle: of a write a prefix was done, and a request that outlives its caller is on its way. Nothing of other calls.
    Within,
    /// After it was done, before the host heard of it.
    After,
}

/// A point among the calls that change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Which such call, counted from 0 within its site; if there are fewer, the end of the site.
    pub change: u32,
    /// Where in it.
    pub when: When,
    /// What fails.
    pub kind: CrashKind,
    /// The number of the process that is killed, while the others go on; without it, all are. 0 is the one that every run has,
    /// 1 a second one that takes the store over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<u16>,
}

impl Cut {
    /// One that ends all processes.
    pub fn new(change: u32, when: When, kind: CrashKind) -> Cut {
        Cut { change, when, kind, process: None }
    }
}

/// A crash, and the crashes inside the recovery from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// An fsync or fdatasync fails with ENOSPC, where space is sought for what was written (delayed allocation); it stays to be written.
    SyncNoSpace "sync-no-space" Error,
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
    /// A request to a bucket gets no answer, or an error: it may have been carried out, may be later, or never is.
    Unanswered "unanswered" Error,
    /// A conditional request meets another one that changes the same object (409), and nothing is done.
    Conflict "conflict" Error,
    /// The completion of an upload is answered 200, with an error in the body, and nothing was done.
    ErrorInBody "error-in-body" Error,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClockJump {
    /// When this operation begins.
    pub op: u32,
    /// By how much; backwards if negative.
    pub by_ns: i64,
}

/// What the executor carries out of a run's plans by itself: crashes are armed one by one, by whoever knows which comes next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) faults: Vec<FaultPlan>,
    pub(crate) full: Vec<FullPlan>,
    pub(crate) clock_jumps: Vec<ClockJump>,
    /// Seeds what hosts get as random bytes.
    pub(crate) entropy: u64,
}
