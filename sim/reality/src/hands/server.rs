//! The side that does what it is asked, one question after the other.

use super::{Answer, Question, steps, to_names, tree};
use crate::disk;
use rustix::fs::{Advice, fadvise};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How often an unmount is tried again while the kernel says that the mount is in use.
const UNMOUNTS_MAX: u32 = 200;

/// Where things are, as the command line says.
#[derive(Debug)]
struct Place {
    file_system: String,
    options: String,
    /// The directory of all others.
    home: PathBuf,
    /// The loop device, once it is attached.
    device: Option<PathBuf>,
    mounted: bool,
}

/// The directory in which the disk is served.
pub(super) const DISK: &str = "disk";
/// The directory on which the disk's file system is mounted.
pub(super) const ROOT: &str = "root";

/// Answers the questions on standard input until there are no more. The arguments are the file system, its options and the
/// directory of all others.
pub fn serve(arguments: &[String]) -> Result<(), String> {
    let [file_system, options, home] = arguments else {
        return Err(format!("{} is for asl-reality itself", super::COMMAND));
    };
    let (file_system, options) = (file_system.clone(), options.clone());
    let mut place = Place { file_system, options, home: home.into(), device: None, mounted: false };
    let orphaned = converse(&mut place);
    place.tidy(orphaned);
    Ok(())
}

/// Says whether the other side went without a word.
fn converse(place: &mut Place) -> bool {
    for line in io::stdin().lock().lines() {
        let Ok(question) = line.and_then(|line| Ok(serde_json::from_str(&line)?)) else { return true };
        if matches!(question, Question::Quit) {
            return false;
        }
        let answer = place.answer(&question).unwrap_or_else(Answer::Failed);
        let answer = serde_json::to_string(&answer).expect("an answer is plain data");
        let mut out = io::stdout().lock();
        if writeln!(out, "{answer}").and_then(|()| out.flush()).is_err() {
            return true;
        }
    }
    true
}

impl Place {
    fn answer(&mut self, question: &Question) -> Result<Answer, String> {
        let root = self.home.join(ROOT);
        let told = |what: &str, result: io::Result<()>| {
            result.map(|()| Answer::Done).map_err(|error| format!("{what}: {error}"))
        };
        match question {
            Question::Attach => self.attach().map(|()| Answer::Done),
            Question::Mount => Ok(self
                .mount()
                .map_or_else(|error| Answer::Unmountable(error.to_string()), |()| Answer::Done)),
            Question::Prepare => told("cannot prepare the file system", steps::prepare(&root)),
            Question::Step(step) => told(&format!("{step:?}"), steps::take(&root, step)),
            Question::Nudge(number) => told("cannot nudge", steps::nudge(&root, *number)),
            Question::Pulse => told("cannot fsync the pulse", steps::pulse(&root)),
            Question::Unmount => told("cannot unmount", self.unmount()),
            Question::Look => self.look(&root),
            Question::Quit => Ok(Answer::Done),
        }
    }

    fn attach(&mut self) -> Result<(), String> {
        let file = self.home.join(DISK).join(disk::NAME);
        let attached = Command::new("losetup").args(["--find", "--show"]).arg(&file).output();
        let attached = attached.map_err(|error| format!("cannot run losetup: {error}"))?;
        if !attached.status.success() {
            let said = String::from_utf8_lossy(&attached.stderr);
            return Err(format!("cannot attach a loop device: {}", said.trim()));
        }
        self.device = Some(PathBuf::from(String::from_utf8_lossy(&attached.stdout).trim()));
        Ok(())
    }

    /// The device's pages are those of the disk that was there before. The kernel drops them when the last one who has it open
    /// closes it; if somebody else looks at it just then, this drops them.
    fn forget_pages(device: &Path) -> io::Result<()> {
        fadvise(File::open(device)?, 0, None, Advice::DontNeed)?;
        Ok(())
    }

    fn mount(&mut self) -> io::Result<()> {
        let device = self.device.as_deref().ok_or_else(|| io::Error::other("no device is attached"))?;
        Self::forget_pages(device)?;
        let options = std::ffi::CString::new(self.options.as_str())?;
        let root = self.home.join(ROOT);
        mount(
            device,
            root,
            self.file_system.as_str(),
            MountFlags::NOATIME | MountFlags::NODEV,
            options.as_c_str(),
        )?;
        self.mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> io::Result<()> {
        let root = self.home.join(ROOT);
        for _ in 0..UNMOUNTS_MAX {
            match unmount(&root, UnmountFlags::empty()) {
                Err(Errno::BUSY) => steps::sleep_ms(10),
                result => {
                    self.mounted = false;
                    return Ok(result?);
                }
            }
        }
        Err(io::Error::other("it stays in use"))
    }

    fn look(&mut self, root: &Path) -> Result<Answer, String> {
        if let Err(error) = self.mount() {
            return Ok(Answer::Unmountable(error.to_string()));
        }
        let seen = tree::read(root);
        self.unmount().map_err(|error| format!("cannot unmount: {error}"))?;
        Ok(seen.map_or_else(Answer::Unreadable, |state| Answer::Seen(to_names(&state))))
    }

    /// Leaves nothing behind. What cannot be undone here is gone with the mount namespace, or was never there.
    fn tidy(&mut self, orphaned: bool) {
        if self.mounted && self.unmount().is_err() {
            let _ = unmount(self.home.join(ROOT), UnmountFlags::DETACH);
        }
        if let Some(device) = self.device.take() {
            let _ = Command::new("losetup").arg("--detach").arg(device).status();
        }
        if orphaned {
            let _ = unmount(self.home.join(DISK), UnmountFlags::DETACH);
            let _ = fs::remove_file(self.home.join(super::MADE));
            for directory in [self.home.join(DISK), self.home.join(ROOT), self.home.clone()] {
                let _ = fs::remove_dir(directory);
            }
        }
    }
}
