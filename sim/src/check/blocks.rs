//! Blocks as the contract allows them: open ones belong to their writer and may be lost; a sealed one is visible, durable
//! and immutable; a seal that nobody was told of leaves the block sealed, whole, or gone.

use super::{Breach, Exchange, Findings};
use crate::history::{Ask, Event, HARNESS, History, Name, Span, Told};
use asl_host::ErrorKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    /// Its writer is gone, or its content undefined: it can never be seen again.
    Gone,
    /// It was seen though it was not sealed. That was said, and what follows is judged from what is there.
    Shown,
    /// A seal was begun, and nobody was told how it went.
    Sealing,
    Sealed,
}

#[derive(Debug)]
struct Block {
    name: Name,
    stage: Stage,
    content: Vec<Span>,
}

#[derive(Debug, Default)]
pub(super) struct Blocks(Vec<Block>);

impl Blocks {
    pub(super) fn stage(&self, name: Name) -> Option<Stage> {
        self.0.iter().find(|block| block.name == name).map(|block| block.stage)
    }

    pub(super) fn sealed(&self) -> Vec<Name> {
        self.0.iter().filter(|block| block.stage == Stage::Sealed).map(|block| block.name).collect()
    }

    pub(super) fn open(&self) -> Vec<Name> {
        self.0.iter().filter(|block| block.stage == Stage::Open).map(|block| block.name).collect()
    }

    pub(super) fn sealed_or_sealing(&self) -> Vec<Name> {
        let visible = self.0.iter().filter(|block| matches!(block.stage, Stage::Sealed | Stage::Sealing));
        visible.map(|block| block.name).collect()
    }

    /// Whether the block has exactly these bytes.
    pub(super) fn has_content(&self, history: &History, name: Name, bytes: &[u8]) -> bool {
        self.0.iter().find(|block| block.name == name).is_some_and(|block| {
            let mut rest = bytes;
            let begins = block.content.iter().all(|&span| match rest.strip_prefix(history.bytes(span)) {
                Some(after) => {
                    rest = after;
                    true
                }
                None => false,
            });
            begins && rest.is_empty()
        })
    }

    fn find(&mut self, name: Name) -> Option<&mut Block> {
        self.0.iter_mut().find(|block| block.name == name)
    }

    fn set(&mut self, name: Name, stage: Stage) {
        if let Some(block) = self.find(name) {
            block.stage = stage;
        }
    }

    pub(super) fn seal_asked(&mut self, name: Name) {
        self.set(name, Stage::Sealing);
    }

    /// Those who could write to open blocks are gone.
    pub(super) fn writer_gone(&mut self) {
        self.0
            .iter_mut()
            .filter(|block| block.stage == Stage::Open)
            .for_each(|block| block.stage = Stage::Gone);
    }

    pub(super) fn told(&mut self, history: &History, exchange: &Exchange<'_>, out: &mut Findings) {
        let at = exchange.told_at;
        match (exchange.ask, exchange.told) {
            (Ask::CreateBlock, Told::Named(name)) => {
                out.expect(self.stage(*name).is_none(), Breach::BlockIdReused, at, || {
                    format!("the identifier {:?} was given to a second block", history.name(*name))
                });
                self.0.retain(|block| block.name != *name);
                self.0.push(Block { name: *name, stage: Stage::Open, content: Vec::new() });
            }
            (Ask::WriteBlock { block, .. }, told) if self.stage(block) == Some(Stage::Sealed) => {
                out.expect(*told != Told::Done, Breach::BlockChanged, at, || {
                    format!("a write to the sealed block {:?} was done", history.name(block))
                });
            }
            (Ask::WriteBlock { block, data }, told) => {
                if let Some(block) = self.find(block) {
                    match told {
                        Told::Done => block.content.push(data),
                        _ if block.stage == Stage::Shown => {}
                        _ => block.stage = Stage::Gone,
                    }
                }
            }
            (Ask::SealBlock { block }, Told::Done) => self.set(block, Stage::Sealed),
            (Ask::ReadBlock { block }, Told::Bytes(bytes)) => {
                self.judge_content(history, block, *bytes, at, out);
            }
            // A fault may keep a host from working; that nothing is there, it says of what it has looked for.
            (Ask::ReadBlock { block }, Told::Failed { kind, .. })
                if !exchange.excused || (*kind == ErrorKind::NotFound && !exchange.faulted) =>
            {
                out.expect(self.stage(block) != Some(Stage::Sealed), Breach::SealedLost, at, || {
                    format!("the sealed block {:?} cannot be read: {kind}", history.name(block))
                });
            }
            (Ask::ListBlocks, Told::Names(names)) => self.judge_list(history, names, exchange, out),
            _ => {}
        }
    }

    fn judge_content(&mut self, history: &History, block: Name, bytes: Span, at: usize, out: &mut Findings) {
        out.expect(self.has_content(history, block, history.bytes(bytes)), Breach::BlockChanged, at, || {
            format!(
                "block {:?} reads as {} bytes that are not what was written to it",
                history.name(block),
                bytes.len()
            )
        });
        match self.stage(block) {
            Some(Stage::Sealing) => self.set(block, Stage::Sealed),
            Some(Stage::Gone) | None => {
                out.broken(
                    Breach::OpenBlockSeen,
                    at,
                    format!("block {:?} was not sealed, and can be read", history.name(block)),
                );
            }
            _ => {}
        }
    }

    fn judge_list(&mut self, history: &History, names: &[Name], exchange: &Exchange<'_>, out: &mut Findings) {
        let at = exchange.told_at;
        out.looked(Breach::OpenBlockSeen);
        for &name in names {
            match self.stage(name) {
                Some(Stage::Sealed | Stage::Shown) => {}
                Some(Stage::Sealing) => self.set(name, Stage::Sealed),
                Some(Stage::Open | Stage::Gone) | None => {
                    out.broken(
                        Breach::OpenBlockSeen,
                        at,
                        format!("block {:?} was not sealed, and is listed", history.name(name)),
                    );
                    self.set(name, Stage::Shown);
                }
            }
        }
        let events = &history.events()[exchange.asked_at..at];
        for block in &mut self.0 {
            // A seal that was told while the list was being made need not be in it.
            let meanwhile = events.iter().any(|event| match event {
                Event::Told { asked, .. } => {
                    matches!(history.events()[*asked], Event::Asked { ask: Ask::SealBlock { block: sealed }, .. } if sealed == block.name)
                }
                _ => false,
            });
            if meanwhile || names.contains(&block.name) {
                continue;
            }
            match block.stage {
                Stage::Sealed => {
                    out.broken(
                        Breach::SealedLost,
                        at,
                        format!(
                            "block {:?} was sealed, and is not listed any more",
                            history.name(block.name)
                        ),
                    );
                    block.stage = Stage::Gone;
                }
                // Seals of the harness's own session are over when it lists; one of another client may still go on.
                Stage::Sealing if exchange.client == HARNESS => block.stage = Stage::Gone,
                _ => {}
            }
        }
        if self.0.iter().any(|block| block.stage == Stage::Sealed) {
            out.looked(Breach::SealedLost);
        }
    }
}
