//! The disk: one file of a FUSE file system, with the content of an image, which notes what it is asked for.
//!
//! The file is opened for direct access only, so nothing is kept between a loop device on it and this server, and every
//! flush of that device arrives as an fsync. One thread serves one request after the other; the order in which it takes them
//! is the order of the recording.
//!
//! Not offered: discarding and zeroing of ranges (file systems then write zeros, or go without), and anything that fails.

use crate::image::Image;
use crate::recording::{Event, Write};
use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, KernelConfig, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyWrite, Request, WriteFlags,
};
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

/// The name of the only file.
pub const NAME: &str = "disk";

const FILE: INodeNo = INodeNo(2);
const WRITE_LEN_MAX: u32 = 1 << 20;
/// Nothing changes but what the kernel changes itself.
const VALID: Duration = Duration::from_hours(1);

/// What the server and its owner share.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mutex<Content>>);

#[derive(Debug)]
struct Content {
    image: Image,
    /// `None` while nothing is recorded.
    events: Option<Vec<Event>>,
}

impl Disk {
    /// A disk with this content.
    pub fn new(image: Image) -> Disk {
        Disk(Arc::new(Mutex::new(Content { image, events: None })))
    }

    /// Serves the disk's file in a directory until the session ends.
    pub fn serve(&self, directory: &Path) -> io::Result<BackgroundSession> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("asl-reality".to_owned()), MountOption::NoAtime];
        fuser::spawn_mount(Server(self.clone()), directory, &config)
    }

    /// Replaces the content. Nobody may be using the disk.
    pub fn load(&self, image: Image) {
        self.content().image = image;
    }

    /// What the disk holds now.
    pub fn image(&self) -> Image {
        self.content().image.clone()
    }

    /// From now on, what comes is recorded.
    pub fn record(&self) {
        self.content().events = Some(Vec::new());
    }

    /// How many events were recorded so far.
    pub fn position(&self) -> usize {
        self.content().events.as_ref().map_or(0, Vec::len)
    }

    /// Ends the recording and hands it over. What comes later is done, but not recorded.
    pub fn cut(&self) -> Vec<Event> {
        self.content().events.take().unwrap_or_default()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().expect("nothing panics while it holds the disk")
    }
}

impl Content {
    fn note(&mut self, event: impl FnOnce() -> Event) {
        if let Some(events) = &mut self.events {
            events.push(event());
        }
    }
}

/// The FUSE side of a disk.
#[derive(Debug)]
struct Server(Disk);

impl Server {
    fn attributes(&self, inode: INodeNo) -> FileAttr {
        let is_file = inode == FILE;
        let size = if is_file { self.0.content().image.len() } else { 0 };
        FileAttr {
            ino: inode,
            size,
            blocks: size / 512,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: if is_file { FileType::RegularFile } else { FileType::Directory },
            perm: if is_file { 0o600 } else { 0o700 },
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Filesystem for Server {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // A smaller limit is the kernel's choice; writes then come in more pieces.
        let _ = config.set_max_write(WRITE_LEN_MAX);
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if parent == INodeNo::ROOT && name == NAME {
            reply.entry(&VALID, &self.attributes(FILE), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _request: &Request, inode: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&VALID, &self.attributes(inode));
    }

    fn open(&self, _request: &Request, _inode: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _request: &Request,
        _inode: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let content = self.0.content();
        let len = content.image.len().saturating_sub(offset).min(u64::from(size)) as usize;
        let mut bytes = vec![0; len];
        content.image.read(offset, &mut bytes);
        drop(content);
        reply.data(&bytes);
    }

    fn write(
        &self,
        _request: &Request,
        _inode: INodeNo,
        _handle: FileHandle,
        offset: u64,
        bytes: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut content = self.0.content();
        content.image.write(offset, bytes);
        content.note(|| Event::Write(Write { offset, bytes: bytes.into() }));
        drop(content);
        reply.written(bytes.len() as u32);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // It comes when a descriptor is closed, and promises nothing.
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        self.0.content().note(|| Event::Flush);
        reply.ok();
    }
}
