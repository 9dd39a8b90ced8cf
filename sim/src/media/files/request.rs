//! The calls on files as data: what a host in this process asks of a file system, and what it is told.

use super::effects::At;
use super::fs::{EINTR, EIO, Ino, errno};
use super::{classes, fs};
use crate::executor::call_log::About;
use crate::executor::medium::{self, Failure};
use crate::executor::{Call, Class, Executor};
use crate::media::Media;
use crate::plan::FaultKind;
use asl_host::fs::{Metadata, OpenMode};
use std::io;

/// A handle, and the inode that it was opened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) handle: u64,
    pub(crate) ino: Ino,
}

/// A call. Those with a path are the file system's, the others a file's.
#[derive(Debug)]
pub(crate) enum Request<'a> {
    Open { path: &'a str, mode: OpenMode },
    MakeDir { path: &'a str },
    RemoveDir { path: &'a str },
    Unlink { path: &'a str },
    Rename { from: &'a str, to: &'a str },
    Link { original: &'a str, link: &'a str },
    List { path: &'a str },
    StatAt { path: &'a str },
    SyncDir { path: &'a str },
    Read { file: Opened, buffer: &'a mut [u8], offset: u64 },
    Write { file: Opened, data: &'a [u8], offset: u64 },
    Sync { file: Opened, data_only: bool },
    SetLen { file: Opened, len: u64 },
    Allocate { file: Opened, offset: u64, len: u64 },
    Stat { file: Opened },
    Lock { file: Opened },
}

/// What came of a call that did not fail.
#[derive(Debug)]
pub(crate) enum Reply {
    Done,
    Opened(Opened),
    Names(Vec<String>),
    Metadata(Metadata),
    /// Bytes that were read or written.
    Count(usize),
    /// Whether the lock was taken.
    Locked(bool),
}

impl Reply {
    /// How many bytes were read or written, if that was asked for.
    pub(crate) fn count(self) -> usize {
        match self {
            Reply::Count(count) => count,
            other => unreachable!("bytes are counted, and this is {other:?}"),
        }
    }
}

impl medium::Request<Media> for Request<'_> {
    type Reply = io::Result<Reply>;

    fn class(&self) -> &'static Class {
        match self {
            Request::Open { mode: OpenMode::Read | OpenMode::ReadWrite, .. } => &classes::OPEN,
            Request::Open { mode: OpenMode::Create | OpenMode::CreateNew, .. } => &classes::CREATE,
            Request::MakeDir { .. }
            | Request::RemoveDir { .. }
            | Request::Unlink { .. }
            | Request::Rename { .. }
            | Request::Link { .. } => &classes::NAME,
            Request::List { .. } | Request::StatAt { .. } | Request::Stat { .. } => &classes::LOOK,
            Request::SyncDir { .. } => &classes::SYNC_DIR,
            Request::Read { .. } => &classes::READ,
            Request::Write { .. } => &classes::WRITE,
            Request::Sync { .. } => &classes::SYNC,
            Request::SetLen { .. } | Request::Allocate { .. } => &classes::SET_LEN,
            Request::Lock { .. } => &classes::LOCK,
        }
    }

    fn about(&self, media: &Media) -> About {
        let at = |verb, path: &str| About { verb, path: path.to_owned(), ..About::default() };
        let on =
            |verb, file: &Opened| About { verb, path: media.files.path_of(file.handle), ..About::default() };
        let range = |about, offset: u64, len: u64| About { range: Some((offset, len)), ..about };
        match self {
            Request::Open { path, .. } if *self.class() == classes::CREATE => at("create", path),
            Request::Open { path, .. } => at("open", path),
            Request::MakeDir { path } => at("mkdir", path),
            Request::RemoveDir { path } => at("rmdir", path),
            Request::Unlink { path } => at("unlink", path),
            Request::Rename { from, to } => About { to: Some((*to).to_owned()), ..at("rename", from) },
            Request::Link { original, link } => {
                About { to: Some((*link).to_owned()), ..at("link", original) }
            }
            Request::List { path } => at("list", path),
            Request::StatAt { path } => at("stat", path),
            Request::SyncDir { path } => at("fsync", path),
            Request::Read { file, buffer, offset } => range(on("read", file), *offset, buffer.len() as u64),
            Request::Write { file, data, offset } => range(on("write", file), *offset, data.len() as u64),
            Request::Sync { file, data_only: true } => on("fdatasync", file),
            Request::Sync { file, .. } => on("fsync", file),
            Request::SetLen { file, len } => range(on("ftruncate", file), 0, *len),
            Request::Allocate { file, offset, len } => range(on("fallocate", file), *offset, *len),
            Request::Stat { file } => on("stat", file),
            Request::Lock { file } => on("flock", file),
        }
    }

    fn apply(&mut self, media: &mut Media, executor: &mut Executor, call: &Call) -> io::Result<Reply> {
        let mut at = At { files: &mut media.files, executor };
        match *self {
            Request::Read { file, ref mut buffer, offset } => {
                at.read(call, file.ino, buffer, offset).map(Reply::Count)
            }
            Request::Write { file, data, offset } => at.write(call, file.ino, data, offset).map(Reply::Count),
            Request::Sync { file, data_only } => at.sync_file(call, file, data_only).map(|()| Reply::Done),
            Request::SetLen { file, len } => at.set_len(call, file.ino, len).map(|()| Reply::Done),
            Request::Allocate { file, offset, len } => {
                at.allocate(call, file.ino, (offset, len), false).map(|()| Reply::Done)
            }
            Request::Stat { file } => {
                let metadata = at.files.fs.metadata(file.ino, &mut at.executor.decide);
                at.note(call, metadata.inode, metadata.len);
                Ok(Reply::Metadata(metadata))
            }
            Request::Lock { file } => {
                let locked = at.files.fs.try_lock(file.ino, file.handle);
                at.note(call, u64::from(file.ino), u64::from(locked));
                Ok(Reply::Locked(locked))
            }
            _ => self.apply_at(&mut at, call),
        }
    }

    #[inline]
    fn refusal(&self, fault: FaultKind) -> Option<io::Result<Reply>> {
        refusal(fault).map(Err)
    }

    fn dead() -> io::Result<Reply> {
        Err(errno(EIO))
    }

    #[inline]
    fn failure(reply: &io::Result<Reply>) -> Option<Failure> {
        failure(reply)
    }
}

impl Request<'_> {
    /// What a call by path comes to.
    fn apply_at(&mut self, at: &mut At<'_>, call: &Call) -> io::Result<Reply> {
        let (fs, decide) = (&mut at.files.fs, &mut at.executor.decide);
        match *self {
            Request::Open { path, mode } => {
                let key = at.executor.next_key(call);
                let (ino, made) = at.files.fs.open(path, mode, key, &mut at.executor.decide)?;
                at.note(call, u64::from(ino), 0);
                let handle = at.add_handle(ino, path, made);
                Ok(Reply::Opened(Opened { handle, ino }))
            }
            Request::MakeDir { path } => {
                let key = at.executor.next_key(call);
                let ino = at.files.fs.create_dir(path, key, &mut at.executor.decide)?;
                at.files.is_named(ino, path);
                Ok(Reply::Done)
            }
            Request::RemoveDir { path } => fs.remove_dir(path, decide).map(|()| Reply::Done),
            Request::Unlink { path } => fs.unlink(path, decide).map(|()| Reply::Done),
            Request::Rename { from, to } => {
                fs.rename(from, to, decide)?;
                at.files.is_renamed(from, to);
                Ok(Reply::Done)
            }
            Request::Link { original, link } => fs.link(original, link, decide).map(|()| Reply::Done),
            Request::List { path } => {
                let names = fs.read_dir(path, decide)?;
                at.note(call, names.len() as u64, 0);
                Ok(Reply::Names(names))
            }
            Request::StatAt { path } => {
                let metadata = fs.metadata_at(path, decide)?;
                at.note(call, metadata.inode, metadata.len);
                Ok(Reply::Metadata(metadata))
            }
            Request::SyncDir { path } => {
                let ino = fs.dir_at(path, decide)?;
                at.sync_dir(call, ino).map(|()| Reply::Done)
            }
            _ => unreachable!("it is a file's"),
        }
    }
}

/// The error that a planned fault stands for, where the call then does nothing.
pub(crate) fn refusal(fault: FaultKind) -> Option<io::Error> {
    match fault {
        FaultKind::ReadEio | FaultKind::WriteEio | FaultKind::NameEio => Some(errno(EIO)),
        FaultKind::Interrupt => Some(errno(EINTR)),
        FaultKind::SyncNoSpace => Some(errno(fs::ENOSPC)),
        _ => None,
    }
}

/// How a call failed, as the operating system says it.
pub(crate) fn failure<T>(reply: &io::Result<T>) -> Option<Failure> {
    let error = reply.as_ref().err()?;
    let number = error.raw_os_error().unwrap_or(0).unsigned_abs();
    let no_space = error.kind() == io::ErrorKind::StorageFull;
    Some(Failure { number, no_space, words: in_words })
}

/// The name that errno(3) has for an error, where we know it.
fn in_words(number: u32) -> String {
    let number = number.cast_signed();
    let names = [
        (EIO, "EIO"),
        (fs::ENOENT, "ENOENT"),
        (fs::EEXIST, "EEXIST"),
        (fs::ENOSPC, "ENOSPC"),
        (EINTR, "EINTR"),
        (fs::EINVAL, "EINVAL"),
        (fs::EISDIR, "EISDIR"),
        (fs::ENOTDIR, "ENOTDIR"),
        (fs::ENOTEMPTY, "ENOTEMPTY"),
        (fs::EFBIG, "EFBIG"),
    ];
    let known = names.iter().find(|(errno, _)| *errno == number);
    known.map_or_else(|| errno(number).to_string(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::decide::{Decider, Decisions, Site};
    use crate::executor::{Ended, Medium};
    use crate::media::files::make_root;
    use crate::media::{MediumSetup, Profile, Sim, SimFileSystem};
    use crate::plan::{FaultPlan, Plan};
    use asl_host::fs::{File, FileSystem};
    use std::path::Path;
    use std::sync::Arc;

    const SITE: Site = Site::Op(0);

    /// A world in which these calls of the only site fail.
    fn world(profile: Profile, kinds: &[FaultKind]) -> Arc<Sim> {
        let faults = kinds.iter().map(|&kind| FaultPlan { site: SITE, skip: 0, kind });
        let plan = Plan { faults: faults.collect(), ..Plan::default() };
        let sim =
            Sim::new(Media::new(MediumSetup::plain(profile)), plan, Decider::replaying(Decisions::new()));
        make_root(&sim);
        sim
    }

    fn run(sim: &Arc<Sim>, life: impl AsyncFn(SimFileSystem)) -> Ended {
        let files = SimFileSystem::new(sim.clone(), sim.lock().process());
        sim.run(vec![Some(Box::pin(async {
            sim.lock().enter(SITE, None);
            life(files).await;
        }))])
    }

    /// What of the file a loss of power could not take.
    fn durable(sim: &Sim) -> Option<Vec<u8>> {
        let world = sim.lock();
        world.medium.survivors(&world.executor.decide).durable.get("/root/f").cloned()
    }

    /// Unlike after an EIO, which marks the pages clean, another sync does what the first could not.
    #[test]
    fn what_a_sync_had_no_space_for_is_still_to_be_written_and_another_sync_writes_it() {
        for &(profile, _) in Profile::ALL {
            let sim = world(profile, &[FaultKind::SyncNoSpace]);
            let ended = run(&sim, async |files| {
                let file = files.open(Path::new("/root/f"), OpenMode::CreateNew).await.expect("it is made");
                files.sync_dir(Path::new("/root")).await.expect("names take no space");
                assert_eq!(file.write_at(b"bytes", 0).await.expect("it is cached"), 5);
                let refused = file.sync_data().await.expect_err("there is no space");
                assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
                let mut seen = [0; 5];
                assert_eq!(file.read_at(&mut seen, 0).await.expect("it is in the cache"), 5);
                assert_eq!(&seen, b"bytes");
                assert_ne!(durable(&sim).as_deref(), Some(&b"bytes"[..]), "on {}", profile.as_str());
                file.sync_data().await.expect("there is space now");
                assert_eq!(durable(&sim).as_deref(), Some(&b"bytes"[..]), "on {}", profile.as_str());
            });
            assert!(matches!(ended, Ended::Done), "{ended:?}");
            assert_eq!(sim.lock().executor.injected.no_space, 1);
        }
    }

    /// Nothing else was at work, so that each call took effect at once, and nobody looked how many there were.
    #[test]
    fn a_host_that_calls_without_end_is_stopped_though_it_is_alone() {
        let sim = world(Profile::Posix, &[]);
        let ended = run(&sim, async |files| {
            loop {
                files.metadata(Path::new("/root")).await.expect("it is there");
            }
        });
        assert!(matches!(ended, Ended::Stuck), "{ended:?}");
    }
}
