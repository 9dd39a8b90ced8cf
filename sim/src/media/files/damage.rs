//! Damage to the medium at the call that was planned for it, and whose bytes it hit.

use super::Files;
use super::effects::At;
use super::fs::Ino;
use crate::base::decide::{Question, Site};
use crate::base::payload::{Harm, Hit, operations_written_in};
use crate::executor::{Call, Executor, Notice};
use crate::plan::{FaultClass, FaultKind};
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

impl At<'_> {
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
        let at = |nth| call.nth_address(Question::Damage, nth);
        let (fs, decide) = (&mut self.files.fs, &mut self.executor.decide);
        let harm = match kind {
            FaultKind::BitRot => fs.rot(ino, start, len, at, decide),
            FaultKind::LatentError => fs.lose_sector(ino, start, len, at, decide),
            FaultKind::MisdirectedRead => fs.misread(ino, start, buffer, at, decide),
            _ => None,
        };
        let Some(harm) = harm else { return Ok(()) };
        self.files.is_damaged(self.executor, (call.site, kind), &harm, &[], false);
        if kind != FaultKind::MisdirectedRead {
            self.files.fs.read(ino, buffer, offset, &mut self.executor.decide)?;
        }
        Ok(())
    }

    /// A sync of a file or directory, which may not do what it says.
    pub(crate) fn sync(&mut self, call: &Call, ino: Ino, data_only: bool) {
        let at = |nth| call.nth_address(Question::Damage, nth);
        let Some(kind) = call.fault.filter(|kind| kind.class() == FaultClass::Media) else {
            return self.files.fs.sync(ino, call.mark, data_only);
        };
        let unwritten = operations_written_in(&self.files.fs.unwritten(ino, call.mark));
        let harm = if kind == FaultKind::LyingFlush {
            Some(Harm::default())
        } else {
            let elsewhere = kind == FaultKind::MisdirectedWrite;
            self.files.fs.sync_astray(ino, call.mark, elsewhere, at, &mut self.executor.decide)
        };
        match harm {
            Some(harm) => {
                let names_too = self.files.fs.is_dir(ino);
                self.files.is_damaged(self.executor, (call.site, kind), &harm, &unwritten, names_too);
            }
            None => self.files.fs.sync(ino, call.mark, data_only),
        }
    }

    /// A write that was just done may be torn inside of a sector by the next loss of power.
    pub(crate) fn note_shorn(&mut self, call: &Call, ino: Ino, offset: u64, len: usize) {
        if call.fault == Some(FaultKind::ShornWrite) {
            let at = |nth| call.nth_address(Question::Damage, nth);
            let planned = self.files.fs.plan_shorn(offset, len, at, &mut self.executor.decide);
            self.files.shorn.extend(planned.map(|(sector, kept)| Shorn {
                site: call.site,
                ino,
                sector,
                kept,
            }));
        }
    }
}

impl Files {
    /// The power goes, and tears what was planned to be torn and is still in flight.
    pub(super) fn shear_what_is_planned(&mut self, executor: &mut Executor) {
        for Shorn { site, ino, sector, kept } in std::mem::take(&mut self.shorn) {
            if let Some((harm, before)) = self.fs.shear(ino, sector, kept) {
                let at = (site, FaultKind::ShornWrite);
                self.is_damaged(executor, at, &harm, &operations_written_in(&before), false);
            }
        }
    }

    /// Has it noted whose bytes were hit: those around the damage, and those of a write that the medium lied about. If names
    /// were concerned, nobody can tell.
    fn is_damaged(
        &self,
        executor: &mut Executor,
        (site, kind): (Site, FaultKind),
        harm: &Harm,
        unwritten: &[u32],
        names_too: bool,
    ) {
        executor.injected.faults[kind as usize] += 1;
        let mut visible: Vec<u32> = self.fs.contents().into_iter().flat_map(operations_written_in).collect();
        visible.sort_unstable();
        visible.dedup();
        if names_too {
            visible.clear();
        }
        let mut hit = Hit::of(harm, visible);
        hit.operations.extend(unwritten);
        executor.notice(Notice::Damage(site, kind, hit));
    }
}
