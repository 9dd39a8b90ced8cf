//! The settings of a run's medium, as a scenario holds them: which medium it is, and what may differ from run to run.

use super::Profile;
use super::files::fs::Fill;
use super::profile::Kind;
use serde::{Deserialize, Serialize};

/// Which medium a run has, and how it is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MediumSetup {
    /// A file system, and a block device beside it.
    Files(FilesSetup),
    /// A bucket of an object store.
    Objects(BucketSetup),
    /// Named cells behind a network, for the tests of the simulator itself.
    Cells,
}

/// Settings of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BucketSetup {
    /// What it promises.
    pub profile: Profile,
}

/// Settings of a file system and the block device beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FilesSetup {
    /// Which file system it is.
    pub profile: Profile,
    /// What the medium writes atomically, in bytes: 512 or 4096.
    pub sector_len: u32,
    /// What lost sectors hold.
    pub fill: Fill,
}

impl FilesSetup {
    /// The plainest there is of a profile.
    pub(crate) const fn plain(profile: Profile) -> FilesSetup {
        FilesSetup { profile, sector_len: 512, fill: Fill::Zeros }
    }
}

impl MediumSetup {
    /// The plainest there is of a profile.
    pub fn plain(profile: Profile) -> MediumSetup {
        match profile.kind() {
            Kind::Files(_) => MediumSetup::Files(FilesSetup::plain(profile)),
            Kind::Objects(_) => MediumSetup::Objects(BucketSetup { profile }),
            Kind::Cells => MediumSetup::Cells,
        }
    }

    /// One that is drawn; `below` draws a number below another.
    pub(crate) fn drawn(profile: Profile, mut below: impl FnMut(u32) -> u32) -> MediumSetup {
        match profile.kind() {
            Kind::Files(_) => {
                let sector_len = [512, 512, 512, 4096][below(4) as usize];
                let fill = [Fill::Zeros, Fill::Garbage, Fill::Stale, Fill::Mixed][below(4) as usize];
                MediumSetup::with(profile, sector_len, fill)
            }
            Kind::Objects(_) | Kind::Cells => MediumSetup::plain(profile),
        }
    }

    /// One with sectors of this length and what they hold, as far as there are sectors and they may hold it.
    pub(crate) fn with(profile: Profile, sector_len: u32, fill: Fill) -> MediumSetup {
        match profile.kind() {
            Kind::Files(axioms) => {
                let fill = if axioms.stale_fill { fill } else { Fill::Zeros };
                MediumSetup::Files(FilesSetup { profile, sector_len, fill })
            }
            Kind::Objects(_) | Kind::Cells => MediumSetup::plain(profile),
        }
    }

    /// The one of which an exhaustive search tries all states: whatever a lost sector may hold, it holds.
    pub(crate) fn for_search(profile: Profile) -> MediumSetup {
        match MediumSetup::plain(profile) {
            MediumSetup::Files(files) if profile.has_stale_fill() => {
                MediumSetup::Files(FilesSetup { fill: Fill::Mixed, ..files })
            }
            plain => plain,
        }
    }

    /// What is promised of it.
    pub fn profile(self) -> Profile {
        match self {
            MediumSetup::Files(files) => files.profile,
            MediumSetup::Objects(bucket) => bucket.profile,
            MediumSetup::Cells => Profile::Cells,
        }
    }

    /// Each way to make it plainer by one setting.
    pub(crate) fn plainer(self) -> Vec<MediumSetup> {
        match self {
            MediumSetup::Files(files) => {
                let plainer =
                    [FilesSetup { fill: Fill::Zeros, ..files }, FilesSetup { sector_len: 512, ..files }];
                plainer.into_iter().filter(|other| *other != files).map(MediumSetup::Files).collect()
            }
            MediumSetup::Objects(_) | MediumSetup::Cells => Vec::new(),
        }
    }

    /// Whether one from outside can be used.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub(crate) fn validate(self) -> Result<(), String> {
        match self {
            MediumSetup::Files(files) if files.profile.axioms().is_none() => {
                Err(format!("the profile {:?} is not a file system's", files.profile.as_str()))
            }
            MediumSetup::Files(files) if !matches!(files.sector_len, 512 | 4096) => {
                Err(format!("a sector of {} bytes: it has 512 or 4096", files.sector_len))
            }
            MediumSetup::Objects(bucket) if bucket.profile.bucket().is_none() => {
                Err(format!("the profile {:?} is not a bucket's", bucket.profile.as_str()))
            }
            MediumSetup::Files(_) | MediumSetup::Objects(_) | MediumSetup::Cells => Ok(()),
        }
    }
}
