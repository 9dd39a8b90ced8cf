//! Transfers to and from the device, to their end: interrupted calls are made again, short ones carried on.

use super::journal::Write;
use crate::media::SimDisk;
use std::io;

macro_rules! retry {
    ($call:expr) => {
        loop {
            match $call.await {
                Err(error) if std::io::Error::kind(&error) == std::io::ErrorKind::Interrupted => {}
                result => break result,
            }
        }
    };
}

/// Reads what there is in one call, and says how much that was.
pub(super) async fn read(disk: &SimDisk, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    retry!(disk.read_at(buffer, offset))
}

pub(super) async fn write(disk: &SimDisk, write: &Write) -> io::Result<()> {
    let mut done = 0;
    while done < write.bytes.len() {
        match retry!(disk.write_at(&write.bytes[done..], write.offset + done as u64))? {
            0 => return Err(io::Error::from(io::ErrorKind::WriteZero)),
            count => done += count,
        }
    }
    Ok(())
}

pub(super) async fn flush(disk: &SimDisk) -> io::Result<()> {
    retry!(disk.flush())
}

pub(super) async fn try_lock(disk: &SimDisk) -> io::Result<bool> {
    retry!(disk.try_lock())
}

pub(super) async fn preempt(disk: &SimDisk) -> io::Result<()> {
    retry!(disk.preempt())
}
