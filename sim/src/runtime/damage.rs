//! Damage to the medium at the call that was planned for it, and whose bytes it hit.

use super::call::Call;
use super::world::{Notice, World};
use crate::decide::{Address, Question, Site};
use crate::history::Hit;
use crate::scenario::payload::operations_written_in;
use crate::scenario::{FaultClass, FaultKind};
use crate::world::fs::Ino;
use crate::world::fs::media::Harm;
use std::io;

/// A sector that the next loss of power tears inside, if it is in flight then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shorn {
    /// Of the write that was planned to be torn.
    site: Site,
    ino: Ino,
    sector: u32,
    /// How many bytes of what is new it gets.
    kept: usize,
}

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
        self.is_damaged(call.site, kind, &harm, &[], false);
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
                self.is_damaged(call.site, kind, &harm, &unwritten, names_too);
            }
            None => self.fs.sync(ino, call.mark, data_only),
        }
    }

    /// A write that was just done may be torn inside of a sector by the next loss of power.
    pub(crate) fn note_shorn(&mut self, call: &Call, ino: Ino, offset: u64, len: usize) {
        if call.fault == Some(FaultKind::ShornWrite) {
            let at = |nth| Address::new(Question::Damage, call.site.code(), call.index, nth);
            let planned = self.fs.plan_shorn(offset, len, at, &mut self.decide);
            self.shorn.extend(planned.map(|(sector, kept)| Shorn { site: call.site, ino, sector, kept }));
        }
    }

    /// The power goes, and tears what was planned to be torn and is still in flight.
    pub(crate) fn power_loss(&mut self, crash: u32) {
        for Shorn { site, ino, sector, kept } in std::mem::take(&mut self.shorn) {
            if let Some((harm, before)) = self.fs.shear(ino, sector, kept) {
                self.is_damaged(site, FaultKind::ShornWrite, &harm, &operations_written_in(&before), false);
            }
        }
        self.fs.power_loss(crash, &mut self.decide);
    }

    /// Has it noted whose bytes were hit: those around the damage, and those of a write that the medium lied about. If names
    /// were concerned, nobody can tell.
    fn is_damaged(&mut self, site: Site, kind: FaultKind, harm: &Harm, unwritten: &[u32], names_too: bool) {
        self.injected.faults[kind as usize] += 1;
        let mut visible: Vec<u32> = self.fs.contents().into_iter().flat_map(operations_written_in).collect();
        visible.sort_unstable();
        visible.dedup();
        if names_too {
            visible.clear();
        }
        let mut hit = Hit::of(harm, visible);
        hit.operations.extend(unwritten);
        self.notices.push(Notice::Damage(site, kind, hit));
    }
}
