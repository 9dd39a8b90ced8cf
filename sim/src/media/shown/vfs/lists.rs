//! Requests that are answered at once, and the reading of directories.

use super::calls::{SPACE, kind_of};
use super::request::{Answer, Entry, NodeKind, Request};
use super::{DIR_HANDLE, Open, State};
use crate::executor::Call;
use crate::media::files::At;
use crate::media::files::fs::{EINVAL, ENOTDIR, Ino, errno};
use std::io;

const ENXIO: i32 = 6;
const SEEK_DATA: i32 = 3;
const SEEK_HOLE: i32 = 4;
/// No kernel takes more at once.
const ENTRIES_MAX: usize = 2048;

impl State {
    /// A request that nothing can happen to.
    pub(super) fn at_once(&mut self, world: &mut At<'_>, request: &Request) -> io::Result<Answer> {
        match request {
            Request::OpenDir { node } => self.open_dir(world, *node),
            Request::ReadDir { handle, offset } => self.read_dir(world, None, *handle, *offset),
            Request::Lseek { handle, offset, whence } => self.seek(world, *handle, *offset, *whence),
            Request::StatFs => {
                let free = world.files.fs.space_left().unwrap_or(SPACE).min(SPACE);
                Ok(Answer::Space { total: SPACE, free })
            }
            Request::Flush { handle } => self.open(*handle).map(|_| Answer::Done),
            Request::Release { handle } => {
                self.handles.remove(handle);
                Ok(Answer::Done)
            }
            _ => unreachable!("it takes its turn as a call"),
        }
    }

    fn open_dir(&mut self, world: &At<'_>, node: u64) -> io::Result<Answer> {
        let ino = self.ino(world, node)?;
        if !world.files.fs.is_dir(ino) {
            return Err(errno(ENOTDIR));
        }
        self.last_dir += 1;
        let handle = DIR_HANDLE | self.last_dir;
        self.handles.insert(handle, Open { ino, append: false, entries: Vec::new() });
        Ok(Answer::Opened(handle))
    }

    /// All of a file counts as data.
    fn seek(&mut self, world: &mut At<'_>, handle: u64, offset: u64, whence: i32) -> io::Result<Answer> {
        let ino = self.open(handle)?.ino;
        let len = world.files.fs.metadata(ino, &mut world.executor.decide).len;
        match whence {
            SEEK_DATA | SEEK_HOLE if offset >= len => Err(errno(ENXIO)),
            SEEK_DATA => Ok(Answer::Offset(offset)),
            SEEK_HOLE => Ok(Answer::Offset(len)),
            _ => Err(errno(EINVAL)),
        }
    }

    /// Entries from an offset on. Read from the beginning, the directory is looked at anew; further on, it is what it was
    /// then, so that no entry comes twice or is left out while others come and go.
    pub(super) fn read_dir(
        &mut self,
        world: &mut At<'_>,
        call: Option<&Call>,
        handle: u64,
        offset: u64,
    ) -> io::Result<Answer> {
        let ino = self.open(handle)?.ino;
        if offset == 0 {
            let entries = self.entries_of(world, ino)?;
            if let Some(call) = call {
                world.note(call, entries.len() as u64, 0);
            }
            self.handles.entry(handle).and_modify(|open| open.entries = entries);
        }
        let entries = &self.open(handle)?.entries;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(entries.len());
        let end = entries.len().min(start + ENTRIES_MAX);
        Ok(Answer::Entries(entries[start..end].to_vec()))
    }

    fn entries_of(&self, world: &mut At<'_>, ino: Ino) -> io::Result<Vec<Entry>> {
        let above = self.tree.parent(ino);
        let itself = [(".".to_owned(), ino), ("..".to_owned(), above)];
        let names = world.files.fs.names_in(ino, &mut world.executor.decide)?;
        let entries = itself.into_iter().chain(names).enumerate().map(|(nth, (name, ino))| Entry {
            node: self.node(ino),
            kind: if nth < 2 { NodeKind::Dir } else { kind_of(world, ino) },
            name,
            offset: nth as u64 + 1,
        });
        Ok(entries.collect())
    }
}
