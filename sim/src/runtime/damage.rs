//! Damage to the medium at the call that was planned for it, and whose bytes it hit.

use super::call::Call;
use super::world::{Notice, World};
use crate::decide::{Address, Question};
use crate::history::Hit;
use crate::scenario::FaultKind;
use crate::scenario::payload::operations_in;
use crate::world::fs::Ino;
use crate::world::fs::media::Harm;
use std::io;

impl World {
    /// What a call reads is damaged, as planned. Says whether the read is to be done again.
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
        self.is_damaged(call, kind, &harm);
        if kind != FaultKind::MisdirectedRead {
            self.fs.read(ino, buffer, offset, &mut self.decide)?;
        }
        Ok(())
    }

    /// A sync of a file or directory, which may not do what it says.
    pub(crate) fn sync(&mut self, call: &Call, ino: Ino, data_only: bool) {
        let at = |nth| Address::new(Question::Damage, call.site.code(), call.index, nth);
        let harm = match call.fault {
            Some(FaultKind::LyingFlush) => Some(Harm { near: Vec::new(), hit: 0..0 }),
            Some(kind @ (FaultKind::MisdirectedWrite | FaultKind::PhantomWrite)) => {
                let elsewhere = kind == FaultKind::MisdirectedWrite;
                self.fs.sync_astray(ino, call.mark, elsewhere, at, &mut self.decide)
            }
            _ => None,
        };
        match (harm, call.fault) {
            (Some(harm), Some(kind)) => self.is_damaged(call, kind, &harm),
            _ => self.fs.sync(ino, call.mark, data_only),
        }
    }

    pub(super) fn is_damaged(&mut self, call: &Call, kind: FaultKind, harm: &Harm) {
        self.injected.faults[kind as usize] += 1;
        let is_plain = self.fs.any_content(|content| !operations_in(content).is_empty());
        self.notices.push(Notice::Damage(call.site, kind, Hit::of(harm, is_plain)));
    }
}
