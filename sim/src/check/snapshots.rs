//! Snapshots as the contract allows them: complete or absent after a crash in their creation, holding at least what was
//! acknowledged before the call and at most what was issued before its return, never an open block, the same for ever, and
//! read-only.

use super::blocks::{self, Blocks};
use super::log::Log;
use super::{Breach, Exchange, Findings};
use crate::history::{Ask, Event, HARNESS, History, Name, Span, Told, View};

/// What a snapshot may hold.
#[derive(Clone, Debug, Default)]
struct Bounds {
    /// At least these numbers,
    records_min: u64,
    /// at most these,
    records_max: u64,
    /// at least these blocks,
    blocks_min: Vec<Name>,
    /// and at most these, once that is certain.
    blocks_max: Option<Vec<Name>>,
    /// Blocks that were open all the while.
    blocks_open: Vec<Name>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Present,
    MaybeDeleted,
    Deleted,
}

#[derive(Debug)]
struct Snapshot {
    name: Name,
    stage: Stage,
    /// Deletions that were asked for, and may have happened.
    deletions: u32,
    bounds: Bounds,
    /// What it showed when it was first looked at.
    first: Option<View>,
}

#[derive(Debug, Default)]
pub(super) struct Snapshots {
    known: Vec<Snapshot>,
    /// Creations that go on: the event that asked, and what they must hold.
    creating: Vec<(usize, Bounds)>,
    /// Creations that nobody was told of.
    in_doubt: Vec<InDoubt>,
}

/// A creation that nobody was told of.
#[derive(Debug)]
struct InDoubt {
    bounds: Bounds,
    /// Whether the store was opened since.
    opened: bool,
}

impl Snapshots {
    /// A creation begins: what it must hold is what is acknowledged now.
    pub(super) fn asked(&mut self, at: usize, log: &Log<'_>, blocks: &Blocks) {
        let bounds =
            Bounds { records_min: log.known_last(at), blocks_min: blocks.sealed(), ..Bounds::default() };
        self.creating.push((at, bounds));
    }

    pub(super) fn delete_asked(&mut self, name: Name) {
        if let Some(snapshot) = self.known.iter_mut().find(|snapshot| snapshot.name == name) {
            snapshot.deletions += 1;
            if snapshot.stage == Stage::Present {
                snapshot.stage = Stage::MaybeDeleted;
            }
        }
    }

    /// Whether a call may be told that there is no such snapshot: one that deletes it, only if it is not the only one.
    pub(super) fn may_be_gone(&self, name: Name, deleting: bool) -> bool {
        let known = self.known.iter().find(|snapshot| snapshot.name == name);
        known.is_none_or(|snapshot| {
            snapshot.stage == Stage::Deleted || snapshot.deletions > u32::from(deleting)
        })
    }

    pub(super) fn crash(&mut self, log: &Log<'_>, blocks: &Blocks) {
        for (_, bounds) in std::mem::take(&mut self.creating) {
            self.in_doubt.push(InDoubt { bounds: close_bounds(bounds, log, blocks), opened: false });
        }
    }

    /// Nobody will be told what came of the creations that these events asked for.
    pub(super) fn given_up(&mut self, asked: &[usize], log: &Log<'_>, blocks: &Blocks) {
        let (dead, alive) =
            std::mem::take(&mut self.creating).into_iter().partition(|(at, _)| asked.contains(at));
        self.creating = alive;
        let dead: Vec<(usize, Bounds)> = dead;
        for (_, bounds) in dead {
            self.in_doubt.push(InDoubt { bounds: close_bounds(bounds, log, blocks), opened: false });
        }
    }

    /// The store was opened: what was in doubt is there now, or never.
    pub(super) fn opened(&mut self) {
        self.in_doubt.iter_mut().for_each(|creation| creation.opened = true);
    }

    pub(super) fn told(
        &mut self,
        history: &History,
        exchange: &Exchange<'_>,
        log: &mut Log<'_>,
        blocks: &Blocks,
        out: &mut Findings,
    ) {
        match (exchange.ask, exchange.told) {
            (Ask::CreateSnapshot, told) => {
                let Some(at) = self.creating.iter().position(|(asked, _)| *asked == exchange.asked_at) else {
                    return;
                };
                let bounds = close_bounds(self.creating.swap_remove(at).1, log, blocks);
                match told {
                    Told::Named(name) => {
                        log.cover(exchange.asked_at);
                        // A list may have shown it before its creation was told.
                        match self.known.iter_mut().find(|known| known.name == *name) {
                            Some(known) => known.bounds = bounds,
                            None => self.known.push(Snapshot {
                                name: *name,
                                stage: Stage::Present,
                                bounds,
                                first: None,
                                deletions: 0,
                            }),
                        }
                    }
                    _ => self.in_doubt.push(InDoubt { bounds, opened: false }),
                }
            }
            (Ask::DeleteSnapshot { snapshot }, Told::Done) => {
                if let Some(snapshot) = self.known.iter_mut().find(|known| known.name == snapshot) {
                    snapshot.stage = Stage::Deleted;
                }
            }
            (Ask::ListSnapshots, Told::Names(names)) => self.judge_list(history, names, exchange, out),
            (Ask::InspectSnapshot { snapshot }, Told::View(view)) => {
                self.judge_view(history, snapshot, view, log, blocks, exchange.told_at, out);
                // One that nobody was told of is whole if it is there, and so are the records that it covers.
                log.snapshot_shows(view.records.len() as u64, exchange.told_at, out);
            }
            (Ask::InspectSnapshot { snapshot }, Told::Failed { kind, .. }) => {
                let well = exchange.excused || self.may_be_gone(snapshot, false);
                out.expect(well, Breach::SnapshotIncomplete, exchange.told_at, || {
                    format!("snapshot {:?} exists and cannot be read: {kind}", history.name(snapshot))
                });
            }
            _ => {}
        }
    }

    /// What a snapshot may hold of which it cannot be told whose creation made it: one in doubt, or one that goes on.
    fn possible_bounds(&self) -> Option<Bounds> {
        let going_on =
            self.creating.iter().map(|(_, bounds)| Bounds { records_max: u64::MAX, ..bounds.clone() });
        let in_doubt = self.in_doubt.iter().map(|creation| creation.bounds.clone());
        let candidates = in_doubt.chain(going_on);
        candidates.reduce(|one, other| Bounds {
            records_min: one.records_min.min(other.records_min),
            records_max: one.records_max.max(other.records_max),
            // What every one of them must hold, and whatever one of them may hold.
            blocks_min: one.blocks_min.into_iter().filter(|block| other.blocks_min.contains(block)).collect(),
            blocks_max: one.blocks_max.zip(other.blocks_max).map(|(one, other)| [one, other].concat()),
            blocks_open: one
                .blocks_open
                .into_iter()
                .filter(|block| other.blocks_open.contains(block))
                .collect(),
        })
    }

    fn judge_list(&mut self, history: &History, names: &[Name], exchange: &Exchange<'_>, out: &mut Findings) {
        let at = exchange.told_at;
        for &name in names {
            match self.known.iter_mut().find(|snapshot| snapshot.name == name) {
                Some(snapshot) if snapshot.stage == Stage::Deleted => {
                    out.broken(
                        Breach::DeletedCameBack,
                        at,
                        format!("snapshot {:?} was deleted, and is listed again", history.name(name)),
                    );
                }
                Some(_) => {}
                None => match self.possible_bounds() {
                    Some(bounds) => self.known.push(Snapshot {
                        name,
                        stage: Stage::Present,
                        bounds,
                        first: None,
                        deletions: 0,
                    }),
                    None => {
                        out.broken(
                            Breach::SnapshotIncomplete,
                            at,
                            format!("snapshot {:?} is listed, and was never made", history.name(name)),
                        );
                    }
                },
            }
        }
        if exchange.client == HARNESS {
            // The harness lists when nobody else is at work: what it does not find then will never be there.
            self.in_doubt.retain(|creation| !creation.opened);
        }
        let deleted = |snapshot: &Snapshot| snapshot.stage == Stage::Deleted;
        if self.known.iter().any(deleted) {
            out.looked(Breach::DeletedCameBack);
        }
        for snapshot in &mut self.known {
            let listed = names.contains(&snapshot.name);
            let asked_before = history.events()[..exchange.asked_at].iter().any(|event| {
                matches!(event, Event::Told { told: Told::Named(name), .. } if *name == snapshot.name)
            });
            match snapshot.stage {
                Stage::Present if !listed && asked_before => {
                    out.broken(
                        Breach::SnapshotChanged,
                        at,
                        format!(
                            "snapshot {:?} was made, and is not listed any more",
                            history.name(snapshot.name)
                        ),
                    );
                    snapshot.stage = Stage::Deleted;
                }
                // The harness lists when nobody else is at work.
                Stage::MaybeDeleted if exchange.client == HARNESS => {
                    snapshot.stage = if listed { Stage::Present } else { Stage::Deleted };
                    snapshot.deletions = 0;
                }
                _ => {}
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a view is judged against everything that was in the store"
    )]
    fn judge_view(
        &mut self,
        history: &History,
        name: Name,
        view: &View,
        log: &Log<'_>,
        contents: &Blocks,
        at: usize,
        out: &mut Findings,
    ) {
        let text = history.name(name);
        out.expect(view.let_write.is_empty(), Breach::SnapshotWritable, at, || {
            format!("a mounted snapshot let these through: {:?}", view.let_write)
        });
        let Some(snapshot) = self.known.iter_mut().find(|snapshot| snapshot.name == name) else { return };
        out.looked(Breach::SnapshotTookOpenBlock);
        for (block, _) in &view.blocks {
            let is_sealed =
                matches!(contents.stage(*block), Some(blocks::Stage::Sealed | blocks::Stage::Sealing));
            // A block that was sealed later was an open one when the snapshot was taken.
            if !is_sealed || snapshot.bounds.blocks_open.contains(block) {
                let block = history.name(*block);
                out.broken(
                    Breach::SnapshotTookOpenBlock,
                    at,
                    format!("snapshot {text:?} holds block {block:?}, which was not sealed"),
                );
            }
        }
        out.looked(Breach::SnapshotIncomplete);
        if let Some(problem) = incomplete(&snapshot.bounds, view, log, history, contents) {
            out.broken(Breach::SnapshotIncomplete, at, format!("snapshot {text:?} {problem}"));
        }
        if let Some(problem) = too_much(&snapshot.bounds, view) {
            out.broken(Breach::SnapshotChanged, at, format!("snapshot {text:?} {problem}"));
        }
        match &snapshot.first {
            None => snapshot.first = Some(view.clone()),
            Some(first) => {
                let same = same_bytes(history, &first.records, &view.records)
                    && same_bytes(history, &first.blocks, &view.blocks);
                out.expect(same, Breach::SnapshotChanged, at, || {
                    let (before, now) = (first.records.len(), view.records.len());
                    format!("snapshot {text:?} showed {before} records once and now {now}, or other bytes or blocks")
                });
            }
        }
    }
}

/// Whether two lists name the same things with the same bytes.
fn same_bytes<T: PartialEq>(history: &History, first: &[(T, Span)], second: &[(T, Span)]) -> bool {
    let same = |(a, b): (&(T, Span), &(T, Span))| a.0 == b.0 && history.bytes(a.1) == history.bytes(b.1);
    first.len() == second.len() && first.iter().zip(second).all(same)
}

/// The upper bounds, once nothing more can get in.
fn close_bounds(mut bounds: Bounds, log: &Log<'_>, blocks: &Blocks) -> Bounds {
    bounds.records_max = log.most();
    bounds.blocks_max = Some(blocks.sealed_or_sealing());
    bounds.blocks_open = blocks.open();
    bounds
}

/// What a view lacks, or has otherwise than the log.
fn incomplete(
    bounds: &Bounds,
    view: &View,
    log: &Log<'_>,
    history: &History,
    blocks: &Blocks,
) -> Option<String> {
    for (index, &(seq, data)) in view.records.iter().enumerate() {
        if seq != index as u64 + 1 {
            return Some(format!("shows number {seq} as record {}", index + 1));
        }
        if log.known(seq).is_some_and(|known| known != history.bytes(data)) {
            return Some(format!("shows other bytes at number {seq} than the log"));
        }
    }
    let shown = view.records.len() as u64;
    if shown < bounds.records_min {
        return Some(format!(
            "shows {shown} records, and {} were acknowledged before it was made",
            bounds.records_min
        ));
    }
    let missing = bounds.blocks_min.iter().find(|block| view.blocks.iter().all(|(shown, _)| shown != *block));
    if let Some(block) = missing {
        return Some(format!("lacks block {:?}, which was sealed before it was made", history.name(*block)));
    }
    let changed = view.blocks.iter().find(|(block, bytes)| {
        blocks.stage(*block).is_some() && !blocks.has_content(history, *block, history.bytes(*bytes))
    });
    changed
        .map(|(block, _)| format!("shows other bytes in block {:?} than were sealed", history.name(*block)))
}

/// What a view has that came after it was made.
fn too_much(bounds: &Bounds, view: &View) -> Option<String> {
    let shown = view.records.len() as u64;
    if shown > bounds.records_max {
        return Some(format!(
            "shows {shown} records, and no more than {} were begun before it was made",
            bounds.records_max
        ));
    }
    let most = bounds.blocks_max.as_ref()?;
    let later = view.blocks.iter().find(|(block, _)| !most.contains(block));
    later.map(|(block, _)| format!("shows block number {}, which was sealed after it was made", block.0))
}
