//! What the world tells the chronicle of a run, if one is kept. Nothing here changes the run.

use super::call::{Call, CallKind};
use super::world::World;
use crate::chronicle::{self, About, Chronicle, Effect, End, What};
use crate::scenario::{CrashKind, FaultKind, When};
use crate::world::fs::Ino;
use std::io;

impl World {
    /// From now on, all that goes on is kept.
    pub(crate) fn begin_chronicle(&mut self) {
        self.fs.keep_fates();
        self.chronicle = Some(Box::new(Chronicle::new()));
    }

    /// The chronicle so far, if one is kept; none is kept from now on.
    pub(crate) fn end_chronicle(&mut self) -> Option<Chronicle> {
        self.chronicle.take().map(|chronicle| *chronicle)
    }

    /// An event was added to the history.
    pub(crate) fn chronicle_event(&mut self, event: usize) {
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.add(self.now_ns, What::Event(event));
        }
    }

    /// The processes or the power fail, and nothing is lost yet.
    pub(crate) fn chronicle_crash(&mut self, kind: CrashKind) {
        if let Some(chronicle) = &mut self.chronicle {
            let survivors = Box::new(self.fs.survivors(&self.decide));
            chronicle.add(self.now_ns, What::Crash(kind, survivors));
        }
    }

    /// A file was opened, and perhaps made.
    pub(crate) fn chronicle_open(&mut self, handle: u64, ino: Ino, path: &str, made: bool) {
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.is_opened(handle, ino, path, made);
        }
    }

    /// A directory was made.
    pub(crate) fn chronicle_dir(&mut self, path: &str) {
        if self.chronicle.is_none() {
            return;
        }
        let made = self.fs.inode_at(path, &mut self.decide);
        if let (Some(chronicle), Ok(ino)) = (&mut self.chronicle, made) {
            chronicle.is_named(ino, path);
        }
    }

    /// A call took effect, failed, or was where the crash came.
    pub(super) fn chronicle_call(&mut self, call: &Call, about: About<'_>, error: Option<&io::Error>) {
        let Some(chronicle) = &mut self.chronicle else { return };
        let end = match (call.cut, error) {
            (Some(cut), _) if cut.when == When::Within && call.kind != CallKind::Write => {
                End::Cut(When::Before)
            }
            (Some(cut), _) => End::Cut(cut.when),
            (None, Some(error)) => End::Failed(in_words(error)),
            (None, None) if call.fault == Some(FaultKind::Cancel) => End::Abandoned,
            (None, None) => End::Done,
        };
        let entry = chronicle::Call {
            site: call.site,
            verb: call.kind.as_str(),
            effect: call.kind.effect(),
            path: String::new(),
            to: None,
            range: None,
            moved: None,
            made: false,
            fault: call.fault,
            end,
        };
        chronicle.ended(self.now_ns, about, self.fs.take_fates(), entry);
    }
}

/// The name that errno(3) has for an error, where we know it.
fn in_words(error: &io::Error) -> String {
    use crate::world::fs::{EEXIST, EFBIG, EINTR, EINVAL, EIO, EISDIR, ENOENT, ENOSPC, ENOTDIR, ENOTEMPTY};
    let names = [
        (EIO, "EIO"),
        (ENOENT, "ENOENT"),
        (EEXIST, "EEXIST"),
        (ENOSPC, "ENOSPC"),
        (EINTR, "EINTR"),
        (EINVAL, "EINVAL"),
        (EISDIR, "EISDIR"),
        (ENOTDIR, "ENOTDIR"),
        (ENOTEMPTY, "ENOTEMPTY"),
        (EFBIG, "EFBIG"),
    ];
    let number = error.raw_os_error();
    let known = names.iter().find(|(errno, _)| number == Some(*errno));
    known.map_or_else(|| error.to_string(), |(_, name)| (*name).to_owned())
}

impl CallKind {
    /// What it is called where nobody says more.
    fn as_str(self) -> &'static str {
        match self {
            CallKind::Open => "open",
            CallKind::Create => "create",
            CallKind::Name => "change names",
            CallKind::Look => "look",
            CallKind::Read => "read",
            CallKind::Write => "write",
            CallKind::SetLen => "resize",
            CallKind::Sync => "sync",
            CallKind::SyncDir => "sync names",
            CallKind::Lock => "lock",
            CallKind::Pause => "sleep",
        }
    }

    fn effect(self) -> Effect {
        match self {
            CallKind::Open | CallKind::Look | CallKind::Read | CallKind::Lock | CallKind::Pause => {
                Effect::Looks
            }
            CallKind::Create | CallKind::Name => Effect::Names,
            CallKind::Write => Effect::Writes,
            CallKind::SetLen => Effect::Resizes,
            CallKind::Sync => Effect::Syncs,
            CallKind::SyncDir => Effect::SyncsNames,
        }
    }
}
