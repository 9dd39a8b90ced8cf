//! Damage to the medium at the call that was planned for it, and whose bytes it hit.

use super::call::Call;
use super::world::{Notice, World};
use crate::decide::{Address, Question};
use crate::history::Hit;
use crate::scenario::payload::operations_written_in;
use crate::scenario::{FaultClass, FaultKind};
use crate::world::fs::Ino;
use crate::world::fs::media::Harm;
use std::io;

impl World {
    /// What a call reads is damaged, as planned; the buffer then holds what a read of it gives.
    pub(crate) fn damage_read(
        &mut self,
        call: &Call,
        ino: Ino,
        offset: u64,
        buffer: &mut [u8],
    ) -> io::Result<()> {
        let Some(kind) = call.fault else { return Ok(()) };
        let (start, len) = (offset, buffer.len());
        let at = |nth| Address::new(Question::Damage, call.site.code(), call.index, nth);
        let harm = match kind {
            FaultKind::BitRot => self.fs.rot(ino, start, len, at, &mut self.decide),
            FaultKind::LatentError => self.fs.lose_sector(ino, start, len, at, &mut self.decide),
            FaultKind::MisdirectedRead => self.fs.misread(ino, start, buffer, at, &mut self.decide),
            _ => None,
        };
        let Some(harm) = harm else { return Ok(()) };
        self.is_damaged(call, kind, &harm, &[], false);
        if kind != FaultKind::MisdirectedRead {
            self.fs.read(ino, buffer, offset, &mut self.decide)?;
        }
        Ok(())
    }

    /// A sync of a file or directory, which may not do what it says.
    pub(crate) fn sync(&mut self, call: &Call, ino: Ino, data_only: bool) {
        let at = |nth| Address::new(Question::Damage, call.site.code(), call.index, nth);
        let Some(kind) = call.fault.filter(|kind| kind.class() == FaultClass::Media) else {
            return self.fs.sync(ino, call.mark, data_only);
        };
        let unwritten = operations_written_in(&self.fs.unwritten(ino, call.mark));
        let harm = if kind == FaultKind::LyingFlush {
            Some(Harm::default())
        } else {
            let elsewhere = kind == FaultKind::MisdirectedWrite;
            self.fs.sync_astray(ino, call.mark, elsewhere, at, &mut self.decide)
        };
        match harm {
            Some(harm) => {
                let names_too = self.fs.is_dir(ino);
                self.is_damaged(call, kind, &harm, &unwritten, names_too);
            }
            None => self.fs.sync(ino, call.mark, data_only),
        }
    }

    /// Has it noted whose bytes were hit: those around the damage, and those of a write that the medium lied about. If names
    /// were concerned, nobody can tell.
    fn is_damaged(&mut self, call: &Call, kind: FaultKind, harm: &Harm, unwritten: &[u32], names_too: bool) {
        self.injected.faults[kind as usize] += 1;
        let mut visible: Vec<u32> = self.fs.contents().into_iter().flat_map(operations_written_in).collect();
        visible.sort_unstable();
        visible.dedup();
        if names_too {
            visible.clear();
        }
        let mut hit = Hit::of(harm, visible);
        hit.operations.extend(unwritten);
        self.notices.push(Notice::Damage(call.site, kind, hit));
    }
}
