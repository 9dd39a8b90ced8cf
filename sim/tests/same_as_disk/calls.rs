//! Calls on files, drawn from a seed, and what each of them gives in one directory.
//!
//! A call is drawn without looking at what is there: a good part of them fail, and the error counts as a result. Names come
//! from a small set, so that they are made, moved and removed over and over; offsets lie close to the ends of sectors and pages.
//!
//! Not drawn: what file systems answer differently and may (sizes and link counts of directories, blocks, holes, the order of
//! names), and mappings.

use rustix::fs::{self as sys, FileType};
use rustix::fs::{AtFlags, CWD, FallocateFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps, XattrFlags};
use rustix::io::{Errno, pread, pwrite, write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Numbers drawn from a seed (`SplitMix64`).
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.word() % bound
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A file's name, or a directory's.
    fn name(&mut self) -> String {
        let dirs = ["", "", "d/", "d/e/", "d2/"];
        let last = ["f", "g", "h", "i", "d", "e", "d2", "longer name"];
        format!("{}{}", self.of(&dirs), self.of(&last))
    }

    fn offset(&mut self) -> u64 {
        let grid = self.of(&[1, 512, 4096, 16384]);
        (self.below(8) * grid).saturating_add(self.below(3)).saturating_sub(self.below(2))
    }

    fn len(&mut self) -> u64 {
        match self.below(4) {
            0 => self.below(20),
            1 => self.below(1025),
            2 => 512 * self.below(9),
            _ => self.below(20_000),
        }
    }
}

/// How many files may be open at a time.
pub(crate) const SLOTS: usize = 8;

#[derive(Clone, Debug)]
pub(crate) enum Call {
    Open {
        slot: usize,
        name: String,
        flags: OFlags,
    },
    Close {
        slot: usize,
    },
    Write {
        slot: usize,
        offset: u64,
        len: u64,
        byte: u8,
    },
    /// At the descriptor's own position, which is the end for those that append.
    Append {
        slot: usize,
        len: u64,
        byte: u8,
    },
    Read {
        slot: usize,
        offset: u64,
        len: u64,
    },
    SetLen {
        slot: usize,
        len: u64,
    },
    Allocate {
        slot: usize,
        offset: u64,
        len: u64,
        flags: FallocateFlags,
    },
    Sync {
        slot: usize,
        data_only: bool,
    },
    StatOpen {
        slot: usize,
    },
    Stat {
        name: String,
        follows: bool,
    },
    Rename {
        from: String,
        to: String,
        flags: RenameFlags,
    },
    Link {
        from: String,
        to: String,
    },
    Symlink {
        target: String,
        name: String,
    },
    ReadLink {
        name: String,
    },
    Unlink {
        name: String,
    },
    MkDir {
        name: String,
    },
    RmDir {
        name: String,
    },
    List {
        name: String,
    },
    Chmod {
        name: String,
        mode: u32,
    },
    Touch {
        name: String,
        seconds: i64,
    },
    SetXattr {
        name: String,
        key: &'static str,
        value: u8,
        flags: XattrFlags,
    },
    GetXattr {
        name: String,
        key: &'static str,
    },
    ListXattr {
        name: String,
    },
    RemoveXattr {
        name: String,
        key: &'static str,
    },
}

const KEYS: [&str; 3] = ["user.a", "user.b", "user.long name"];

impl Call {
    pub(crate) fn draw(draw: &mut Draw) -> Call {
        let slot = draw.below(SLOTS as u64) as usize;
        match draw.below(100) {
            0..12 => {
                let how = [OFlags::CREATE, OFlags::CREATE | OFlags::EXCL, OFlags::CREATE | OFlags::TRUNC];
                let plain = [OFlags::empty(), OFlags::TRUNC, OFlags::NOFOLLOW, OFlags::CREATE];
                let append = draw.of(&[OFlags::empty(), OFlags::empty(), OFlags::APPEND]);
                let access = draw.of(&[OFlags::RDWR, OFlags::RDWR, OFlags::RDONLY, OFlags::WRONLY]);
                let flags = if draw.below(2) == 0 { draw.of(&how) } else { draw.of(&plain) };
                Call::Open { slot, name: draw.name(), flags: flags | append | access }
            }
            12..14 => Call::Close { slot },
            14..32 => {
                Call::Write { slot, offset: draw.offset(), len: draw.len(), byte: draw.below(256) as u8 }
            }
            32..38 => Call::Append { slot, len: draw.len(), byte: draw.below(256) as u8 },
            38..50 => Call::Read { slot, offset: draw.offset(), len: draw.len() },
            50..55 => Call::SetLen { slot, len: draw.offset() },
            55..60 => {
                let keeps = FallocateFlags::KEEP_SIZE;
                let (punches, zeros) = (FallocateFlags::PUNCH_HOLE | keeps, FallocateFlags::ZERO_RANGE);
                let flags = draw.of(&[FallocateFlags::empty(), keeps, punches, zeros, zeros | keeps]);
                Call::Allocate { slot, offset: draw.offset(), len: draw.len(), flags }
            }
            60..63 => Call::Sync { slot, data_only: draw.below(2) == 0 },
            63..66 => Call::StatOpen { slot },
            66..70 => Call::Stat { name: draw.name(), follows: draw.below(2) == 0 },
            _ => Call::draw_of_names(draw),
        }
    }

    fn draw_of_names(draw: &mut Draw) -> Call {
        let name = draw.name();
        match draw.below(30) {
            0..6 => {
                let flags = [RenameFlags::empty(), RenameFlags::empty(), RenameFlags::NOREPLACE];
                let flags = if draw.below(4) == 0 { RenameFlags::EXCHANGE } else { draw.of(&flags) };
                Call::Rename { from: name, to: draw.name(), flags }
            }
            6..8 => Call::Link { from: name, to: draw.name() },
            8..10 => Call::Symlink { target: draw.name(), name },
            10 => Call::ReadLink { name },
            11..15 => Call::Unlink { name },
            15..18 => Call::MkDir { name },
            18..20 => Call::RmDir { name },
            20..23 => Call::List { name: draw.of(&["", "d", "d/e", "d2"]).to_owned() },
            23 => Call::Chmod { name, mode: draw.of(&[0o600, 0o644, 0o755, 0o4711]) },
            24 => Call::Touch { name, seconds: draw.below(1 << 31).cast_signed() },
            25 | 26 => {
                let flags = draw.of(&[XattrFlags::empty(), XattrFlags::CREATE, XattrFlags::REPLACE]);
                Call::SetXattr { name, key: draw.of(&KEYS), value: draw.below(256) as u8, flags }
            }
            27 => Call::GetXattr { name, key: draw.of(&KEYS) },
            28 => Call::ListXattr { name },
            _ => Call::RemoveXattr { name, key: draw.of(&KEYS) },
        }
    }
}

/// What a call gives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Done,
    Count(usize),
    Bytes(Vec<u8>),
    Text(String),
    Names(Vec<String>),
    Status {
        kind: String,
        mode: u32,
        /// Of directories, 0.
        size: i64,
        /// Of directories, 0.
        links: u64,
    },
}

/// A directory in which calls are made, and the files that are open.
pub(crate) struct Place {
    root: PathBuf,
    syncs: bool,
    open: [Option<OwnedFd>; SLOTS],
}

impl Place {
    pub(crate) fn new(root: &Path, syncs: bool) -> Place {
        Place { root: root.to_owned(), syncs, open: [const { None }; SLOTS] }
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root.clone() } else { self.root.join(name) }
    }

    fn slot(&self, slot: usize) -> Result<&OwnedFd, Errno> {
        self.open[slot].as_ref().ok_or(Errno::BADF)
    }

    pub(crate) fn make(&mut self, call: &Call) -> Result<Seen, Errno> {
        match call {
            Call::Open { slot, name, flags } => {
                let file = sys::open(self.path(name), *flags | OFlags::CLOEXEC, Mode::from(0o644))?;
                self.open[*slot] = Some(file);
                Ok(Seen::Done)
            }
            Call::Close { slot } => {
                self.open[*slot] = None;
                Ok(Seen::Done)
            }
            Call::StatOpen { slot } => sys::fstat(self.slot(*slot)?).map(|stat| seen_stat(&stat)),
            Call::Write { .. }
            | Call::Append { .. }
            | Call::Read { .. }
            | Call::SetLen { .. }
            | Call::Allocate { .. }
            | Call::Sync { .. } => self.make_with_data(call),
            _ => self.make_with_names(call),
        }
    }

    fn make_with_data(&self, call: &Call) -> Result<Seen, Errno> {
        match call {
            Call::Write { slot, offset, len, byte } => {
                pwrite(self.slot(*slot)?, &content(*len, *byte), *offset).map(Seen::Count)
            }
            Call::Append { slot, len, byte } => {
                write(self.slot(*slot)?, &content(*len, *byte)).map(Seen::Count)
            }
            Call::Read { slot, offset, len } => {
                let mut bytes = vec![0; *len as usize];
                let count = pread(self.slot(*slot)?, &mut bytes[..], *offset)?;
                bytes.truncate(count);
                Ok(Seen::Bytes(bytes))
            }
            Call::SetLen { slot, len } => sys::ftruncate(self.slot(*slot)?, *len).map(|()| Seen::Done),
            Call::Allocate { slot, offset, len, flags } => {
                sys::fallocate(self.slot(*slot)?, *flags, *offset, *len).map(|()| Seen::Done)
            }
            // The disk would take most of the test's time for this, and nothing of it shows.
            Call::Sync { slot, .. } if !self.syncs => self.slot(*slot).map(|_| Seen::Done),
            Call::Sync { slot, data_only: true } => sys::fdatasync(self.slot(*slot)?).map(|()| Seen::Done),
            Call::Sync { slot, .. } => sys::fsync(self.slot(*slot)?).map(|()| Seen::Done),
            _ => unreachable!("it is about no open file"),
        }
    }

    fn make_with_names(&self, call: &Call) -> Result<Seen, Errno> {
        let done = |()| Seen::Done;
        match call {
            Call::Stat { name, follows: true } => sys::stat(self.path(name)).map(|stat| seen_stat(&stat)),
            Call::Stat { name, .. } => sys::lstat(self.path(name)).map(|stat| seen_stat(&stat)),
            Call::Rename { from, to, flags } => {
                sys::renameat_with(CWD, self.path(from), CWD, self.path(to), *flags).map(done)
            }
            Call::Link { from, to } => sys::link(self.path(from), self.path(to)).map(done),
            Call::Symlink { target, name } => sys::symlink(target, self.path(name)).map(done),
            Call::ReadLink { name } => {
                let target = sys::readlink(self.path(name), Vec::new())?;
                Ok(Seen::Text(target.into_string().expect("it was text")))
            }
            Call::Unlink { name } => sys::unlink(self.path(name)).map(done),
            Call::MkDir { name } => sys::mkdir(self.path(name), Mode::from(0o755)).map(done),
            Call::RmDir { name } => sys::rmdir(self.path(name)).map(done),
            Call::List { name } => list(&self.path(name)).map(Seen::Names),
            Call::Chmod { name, mode } => sys::chmod(self.path(name), Mode::from(*mode)).map(done),
            Call::Touch { name, seconds } => touch(&self.path(name), *seconds),
            _ => self.make_with_xattrs(call),
        }
    }

    fn make_with_xattrs(&self, call: &Call) -> Result<Seen, Errno> {
        let mut bytes = [0; 1024];
        match call {
            Call::SetXattr { name, key, value, flags } => {
                let value = content(u64::from(*value), *value);
                sys::setxattr(self.path(name), *key, &value, *flags).map(|()| Seen::Done)
            }
            Call::GetXattr { name, key } => {
                let len = sys::getxattr(self.path(name), *key, &mut bytes[..])?;
                Ok(Seen::Bytes(bytes[..len].to_vec()))
            }
            Call::ListXattr { name } => {
                let len = sys::listxattr(self.path(name), &mut bytes[..])?;
                let names = bytes[..len].split(|byte| *byte == 0).map(String::from_utf8_lossy);
                let mut names: Vec<String> = names.map(std::borrow::Cow::into_owned).collect();
                names.sort();
                Ok(Seen::Names(names.into_iter().filter(|name| name.starts_with("user.")).collect()))
            }
            Call::RemoveXattr { name, key } => sys::removexattr(self.path(name), *key).map(|()| Seen::Done),
            _ => unreachable!("all others are made elsewhere"),
        }
    }

    /// Everything below a directory: names, what they stand for, and what is in it.
    pub(crate) fn tree(&self, below: &str) -> Vec<(String, Seen, Vec<u8>)> {
        let mut tree = Vec::new();
        for name in list(&self.path(below)).expect("it is a directory") {
            let name = if below.is_empty() { name } else { format!("{below}/{name}") };
            let path = self.path(&name);
            let stat = seen_stat(&sys::lstat(&path).expect("it is there"));
            let Seen::Status { kind, .. } = &stat else { unreachable!("it is a status") };
            let content = match kind.as_str() {
                "RegularFile" => std::fs::read(&path).expect("it can be read"),
                _ => Vec::new(),
            };
            let below = if kind == "Directory" { self.tree(&name) } else { Vec::new() };
            tree.push((name, stat, content));
            tree.extend(below);
        }
        tree
    }
}

fn touch(path: &Path, seconds: i64) -> Result<Seen, Errno> {
    let at = Timespec { tv_sec: seconds, tv_nsec: 5_000 };
    let times = Timestamps { last_access: at, last_modification: at };
    sys::utimensat(CWD, path, &times, AtFlags::empty())?;
    Ok(Seen::Count(sys::stat(path)?.st_mtime.unsigned_abs() as usize))
}

/// Bytes that are not all the same.
fn content(len: u64, byte: u8) -> Vec<u8> {
    (0..len).map(|at| byte.wrapping_add((at / 100) as u8)).collect()
}

fn list(path: &Path) -> Result<Vec<String>, Errno> {
    let dir = sys::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut names = Vec::new();
    for entry in sys::Dir::read_from(dir)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name != "." && name != "..");
    names.sort();
    Ok(names)
}

fn seen_stat(stat: &sys::Stat) -> Seen {
    let kind = FileType::from_raw_mode(stat.st_mode);
    let is_dir = kind == FileType::Directory;
    Seen::Status {
        kind: format!("{kind:?}"),
        mode: stat.st_mode & 0o7777,
        size: if is_dir { 0 } else { stat.st_size },
        links: if is_dir { 0 } else { stat.st_nlink },
    }
}
