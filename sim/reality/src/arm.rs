//! What is compared: a file system of the kernel, mounted in one way, with a profile of the model.

use asl_sim::scenario::Profile;
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum FileSystem {
    /// In the modes data=ordered and data=writeback.
    Ext4,
    /// As it is mounted by default.
    Xfs,
    /// As it is mounted by default.
    Btrfs,
}

/// A file system, mounted in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arm {
    /// The name of the model's profile.
    pub name: &'static str,
    /// The kernel's file system.
    pub file_system: FileSystem,
    /// The options with which it is mounted. Commits that come by themselves come every second where that can be said.
    pub options: &'static str,
    /// What the medium writes as a whole: a sector, or more where the file system asks for more.
    pub unit_len: usize,
}

/// All that is compared.
pub const ARMS: [Arm; 4] = [
    Arm {
        name: "ext4-ordered",
        file_system: FileSystem::Ext4,
        options: "data=ordered,commit=1",
        unit_len: 512,
    },
    Arm {
        name: "ext4-writeback",
        file_system: FileSystem::Ext4,
        options: "data=writeback,commit=1",
        unit_len: 512,
    },
    Arm { name: "xfs", file_system: FileSystem::Xfs, options: "", unit_len: 512 },
    // It writes its superblock in place, with a checksum over 4096 bytes: one that is torn inside cannot be mounted, and is not
    // what the model is about.
    Arm { name: "btrfs", file_system: FileSystem::Btrfs, options: "commit=1,nodiscard", unit_len: 4096 },
];

impl Arm {
    /// The profile that says what this arm may do.
    ///
    /// # Panics
    ///
    /// If the model has no profile of the arm's name.
    pub fn profile(&self) -> Profile {
        let profiles = Profile::ALL.iter().map(|&(profile, _)| profile);
        profiles
            .into_iter()
            .find(|profile| profile.as_str() == self.name)
            .expect("each arm is named after a profile")
    }
}

impl FileSystem {
    /// As mount(2) calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            FileSystem::Ext4 => "ext4",
            FileSystem::Xfs => "xfs",
            FileSystem::Btrfs => "btrfs",
        }
    }

    /// How large a disk it is made on, in bytes: little more than the least it takes.
    pub fn disk_len(self) -> u64 {
        let mebibytes = match self {
            FileSystem::Ext4 => 64,
            FileSystem::Xfs => 300,
            FileSystem::Btrfs => 256,
        };
        mebibytes << 20
    }

    /// The program that makes one, if it is there.
    pub fn mkfs(self) -> Option<PathBuf> {
        let name = format!("mkfs.{}", self.as_str());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
        places.map(|place| place.join(&name)).find(|program| program.exists())
    }

    /// Makes one on a file.
    pub fn make(self, file: &Path) -> Result<(), String> {
        let program = self.mkfs().ok_or_else(|| format!("mkfs.{} is not installed", self.as_str()))?;
        let options: &[&str] = match self {
            // Tables and journal are written now and not by the kernel later, among what is recorded.
            FileSystem::Ext4 => {
                &["-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"]
            }
            FileSystem::Xfs | FileSystem::Btrfs => &["-q", "-f", "-K"],
        };
        let made = Command::new(&program).args(options).arg(file).output();
        let made = made.map_err(|error| format!("cannot run {}: {error}", program.display()))?;
        if made.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&made.stderr);
        let said = said.lines().find(|line| !line.is_empty()).unwrap_or("it said nothing");
        Err(format!("{} failed: {said}", program.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_arm_is_named_after_a_profile_of_the_model() {
        for arm in ARMS {
            assert_eq!(arm.profile().as_str(), arm.name);
        }
    }
}
