//! A process that takes a mount away when the one that serves it is gone, however it ended: a mount that nobody serves makes
//! its directory useless.
//!
//! It is this program again, with a pipe from the one that serves as its input. When that ends it unmounts what has the
//! source that it was told, which is nobody else's, and goes. It is in a process group of its own, so that what is sent to the
//! other's from a terminal does not end it.

use rustix::mount::{UnmountFlags, unmount};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A process that watches this one. When this is dropped, it has looked after what is left, and is gone.
#[derive(Debug)]
pub struct Watchdog {
    child: Child,
}

impl Watchdog {
    /// Starts it: `command` is the arguments that make this program call [`unmount_when_input_ends`].
    pub fn start(command: &[&str]) -> io::Result<Watchdog> {
        let child = Command::new("/proc/self/exe")
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()?;
        Ok(Watchdog { child })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It ends by itself, whatever it finds.
        let _ = self.child.wait();
    }
}

/// Waits until the input ends, and then takes away every mount that has this source.
pub fn unmount_when_input_ends(mut input: impl Read, source: &str) -> io::Result<()> {
    input.read_to_end(&mut Vec::new())?;
    let table = fs::read("/proc/self/mountinfo")?;
    for dir in table.split(|byte| *byte == b'\n').filter_map(|line| dir_with_source(line, source)) {
        unmount(&dir, UnmountFlags::DETACH)?;
    }
    Ok(())
}

/// The mount's directory in a line of `/proc/self/mountinfo`, if it has the source.
fn dir_with_source(line: &[u8], source: &str) -> Option<PathBuf> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let separator = fields.iter().position(|field| *field == b"-")?;
    let has_it = *fields.get(separator + 2)? == source.as_bytes();
    has_it.then(|| PathBuf::from(OsStr::from_bytes(&unescaped(fields[4]))))
}

/// Spaces and the like are written as a backslash and three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), field);
    while let Some((&first, behind)) = rest.split_first() {
        let digits =
            behind.get(..3).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        match digits {
            Some(digits) if first == b'\\' => {
                let value = digits.iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                bytes.push(value as u8);
                rest = &behind[3..];
            }
            _ => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_known_by_its_source_and_its_directory_is_read_back_whatever_its_name() {
        let line = br"61 28 0:44 / /tmp/a\040b\134c rw,nosuid shared:1 - fuse.asl-sim asl-sim:7 rw,user_id=0";
        let dir = dir_with_source(line, "asl-sim:7");
        assert_eq!(dir, Some(PathBuf::from(r"/tmp/a b\c")));
        assert_eq!(dir_with_source(line, "asl-sim:8"), None);
        assert_eq!(dir_with_source(b"", "asl-sim:7"), None);
    }
}
