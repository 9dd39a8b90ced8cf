//! Recovery of arbitrary images: a store is made, what lies on its medium is changed as bytes have it, and the host is started on that,
//! twice.
//!
//! Whatever is on the medium, the host must come back with an answer: it may not panic and not go on for ever. What the first start
//! shows, the second shows too: recovery that accepts an image has settled it.
//!
//! Not checked: *what* is shown. Bytes from outside may be anything, a whole store with other records as well; that damage of a
//! medium's kind is noticed is for runs with faults of the class `media`.
//!
//! An input is a list of changes: `nth u8 | kind u8 | at u16 | len u8`, then so many bytes. On files `nth` counts the files there are,
//! sorted by path; where a host has none, its device is changed.

use crate::base::decide::{Decider, Decisions, Site};
use crate::executor::{Ended, Task};
use crate::hosts::{AnyStore, Machine, Target};
use crate::media::Sim;
use crate::media::SimFileSystem;
use crate::media::files::ROOT;
use crate::run::new_sim;
use crate::scenario::FaultClass;
use crate::scenario::generate::{Wishes, generate};
use asl_host::fs::{File, FileSystem, OpenMode, write_all_at};
use asl_host::{LogSeq, Result, StoreLocation};
use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Changes of an input; what more there are is not read.
const CHANGES_MAX: usize = 24;
/// No image becomes longer by a change than this, in bytes.
const LEN_MAX: u64 = 1 << 20;
/// The part of the device that is changed: its beginning, where the journal is.
const DEVICE_LEN: u64 = 16 << 10;

/// What a store shows: its records, its blocks, and those of its snapshots. Where it answers with an error, the error.
type View = Vec<(String, String)>;

/// Makes a store, changes its medium, and starts the host on it twice.
///
/// # Errors
///
/// What the host did that it must not do, in words.
///
/// # Panics
///
/// If the simulator has a bug.
pub fn image(target: &Target, bytes: &[u8]) -> std::result::Result<(), String> {
    let wishes = Wishes { classes: vec![FaultClass::None], ops: Some(0), ..target.wishes() };
    let offered = crate::trial::capabilities(target, &wishes);
    let scenario = Arc::new(generate(1, &wishes, &offered));
    let sim = new_sim(&scenario, Decider::replaying(Decisions::new()));
    let world = Image { target, sim, setup: &scenario.setup, boots: Cell::new(0) };
    world.start(true)?;
    world.change(bytes);
    let first = world.start(false)?;
    settled(first, world.start(false)?)
}

/// What two starts showed, if they opened the store.
fn settled(first: Option<View>, second: Option<View>) -> std::result::Result<(), String> {
    match (first, second) {
        (Some(first), None) => Err(format!("it opened once, and then no more; it showed {first:?}")),
        (Some(first), Some(second)) if first != second => {
            Err(format!("it showed {first:?}, and when it was opened again {second:?}"))
        }
        _ => Ok(()),
    }
}

struct Image<'a> {
    target: &'a Target,
    sim: Arc<Sim>,
    setup: &'a crate::scenario::Setup,
    boots: Cell<u32>,
}

impl Image<'_> {
    fn machine(&self) -> Machine<'_> {
        let process = self.sim.lock().process();
        Machine { sim: self.sim.clone(), process, setup: self.setup }
    }

    /// Starts a process that makes the store and fills it, or opens it and looks at it; and closes it, as far as it is let.
    fn start(&self, create: bool) -> std::result::Result<Option<View>, String> {
        let boot = self.boots.replace(self.boots.get() + 1);
        self.sim.lock().executor.begin_boot(boot << 4);
        let machine = self.machine();
        let host = self.target.boot(&machine);
        let location = StoreLocation::new(format!("{ROOT}/store"));
        let seen = Cell::new(None);
        let task: Task<'_> = Box::pin(async {
            self.sim.lock().enter(Site::Boot { nth: boot as u16, attempt: 0 }, None);
            if create {
                let made = host.create_store(&location).await;
                fill(&*made.expect("nothing is in its way")).await.expect("nothing fails here");
            } else if let Ok(store) = host.open_store(&location).await {
                seen.set(Some(look(&*store).await));
                // An error is an answer.
                let _ = store.close().await;
            }
            self.sim.lock().leave();
        });
        match self.sim.run(vec![Some(task)]) {
            Ended::Done => Ok(seen.take()),
            Ended::Panicked(said) => Err(format!("the host panicked: {said}")),
            Ended::Stuck => {
                Err("the host waits for something that never happens, or calls without end".to_owned())
            }
            other => unreachable!("nothing crashes here, and the host is in this process: {other:?}"),
        }
    }

    fn change(&self, bytes: &[u8]) {
        let machine = self.machine();
        let task: Task<'_> = Box::pin(async {
            self.sim.lock().enter(Site::Closing, None);
            change(&machine, bytes).await.expect("nothing fails in a world without faults");
            self.sim.lock().leave();
        });
        let ended = self.sim.run(vec![Some(task)]);
        assert!(matches!(ended, Ended::Done), "the harness alone is at work: {ended:?}");
    }
}

/// A store with something of each kind.
async fn fill(store: &dyn AnyStore) -> Result<()> {
    for record in [&b"the first"[..], b"", b"the third, which is longer than the others"] {
        store.append(record).await?;
    }
    let block = store.create_block().await?;
    store.write_block(&block, b"bytes of a block").await?;
    store.seal_block(&block).await?;
    store.create_snapshot().await?;
    store.append(b"after the snapshot").await?;
    store.close().await
}

async fn look(store: &dyn AnyStore) -> View {
    let mut view = vec![("log".to_owned(), said(store.read(LogSeq::FIRST, usize::MAX).await))];
    let blocks = store.list_blocks().await;
    for block in blocks.iter().flatten() {
        view.push((format!("block {}", block.as_str()), said(store.read_block(block).await)));
    }
    view.push(("blocks".to_owned(), said(blocks)));
    let snapshots = store.list_snapshots().await;
    for snapshot in snapshots.iter().flatten() {
        let records = match store.mount_snapshot(snapshot).await {
            Ok(mounted) => said(mounted.read(LogSeq::FIRST, usize::MAX).await),
            Err(error) => said::<()>(Err(error)),
        };
        view.push((format!("snapshot {}", snapshot.as_str()), records));
    }
    view.push(("snapshots".to_owned(), said(snapshots)));
    view
}

/// An answer in words; of an error its kind, since its text may name what differs from start to start.
fn said<T: std::fmt::Debug>(answer: Result<T>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => format!("{}", error.kind()),
    }
}

/// One change.
struct Change<'a> {
    nth: u8,
    kind: u8,
    at: u64,
    data: &'a [u8],
}

/// Takes the next change off the bytes; none if they are at an end.
fn next_change<'a>(bytes: &mut &'a [u8]) -> Option<Change<'a>> {
    let (head, rest) = bytes.split_first_chunk::<5>()?;
    let (data, rest) = rest.split_at(usize::from(head[4]).min(rest.len()));
    *bytes = rest;
    Some(Change { nth: head[0], kind: head[1], at: u64::from(u16::from_le_bytes([head[2], head[3]])), data })
}

async fn change(machine: &Machine<'_>, mut bytes: &[u8]) -> io::Result<()> {
    let files = machine.file_system();
    for _ in 0..CHANGES_MAX {
        let Some(change) = next_change(&mut bytes) else { return Ok(()) };
        let mut there = files_below(&files, Path::new(ROOT)).await?;
        there.sort();
        if there.is_empty() {
            change_device(machine, &change).await?;
        } else {
            change_file(&files, &there, &change).await?;
        }
    }
    Ok(())
}

async fn files_below(files: &SimFileSystem, root: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut dirs, mut found) = (vec![root.to_owned()], Vec::new());
    while let Some(dir) = dirs.pop() {
        for name in files.read_dir(&dir).await? {
            let path = dir.join(name);
            if files.metadata(&path).await?.is_dir { dirs.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

async fn change_file(files: &SimFileSystem, there: &[PathBuf], change: &Change<'_>) -> io::Result<()> {
    let path = &there[usize::from(change.nth) % there.len()];
    let other = &there[change.at as usize % there.len()];
    match change.kind % 8 {
        0..4 => {
            let file = files.open(path, OpenMode::ReadWrite).await?;
            write_all_at(&file, change.data, change.at.min(LEN_MAX)).await
        }
        4 => files.open(path, OpenMode::ReadWrite).await?.set_len(change.at).await,
        5 => files.unlink(path).await,
        6 if path != other => files.rename(path, other).await,
        6 => Ok(()),
        _ => {
            let name = String::from_utf8_lossy(change.data).replace(['/', '\0'], "-");
            let beside = path.with_file_name(if name.is_empty() || name.starts_with('.') {
                "new".to_owned()
            } else {
                name
            });
            // Names that are taken, or too long, are no change.
            let _ = files.open(&beside, OpenMode::CreateNew).await;
            Ok(())
        }
    }
}

/// The sectors that the bytes are in are read, changed and written.
async fn change_device(machine: &Machine<'_>, change: &Change<'_>) -> io::Result<()> {
    let disk = machine.disk();
    let sector_len = disk.sector_len() as u64;
    let offset = (u64::from(change.nth) * 64 + change.at) % DEVICE_LEN;
    let (start, within) = (offset / sector_len * sector_len, (offset % sector_len) as usize);
    let end = (offset + change.data.len() as u64).next_multiple_of(sector_len);
    let mut sectors = vec![0; (end - start) as usize];
    disk.read_at(&mut sectors, start).await?;
    for (there, byte) in sectors[within..].iter_mut().zip(change.data) {
        *there = if change.kind.is_multiple_of(2) { *byte } else { *there ^ byte };
    }
    disk.write_at(&sectors, start).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{posix, sim};

    #[test]
    fn an_image_that_nobody_changed_is_shown_twice() {
        for target in [posix(), sim()] {
            assert_eq!(image(&target, &[]), Ok(()), "{}", target.name());
        }
    }

    #[test]
    fn damage_is_answered_and_what_the_host_has_accepted_stays() {
        for target in [posix(), sim()] {
            for nth in 0..=255 {
                let result = image(&target, &[nth, 0, nth, 0, 4, 255, 0, 255, 0, nth, 1, 9, 1, 2, 3, 3]);
                assert_eq!(result, Ok(()), "{}, {nth}", target.name());
            }
        }
    }

    #[test]
    fn what_was_shown_once_is_to_be_shown_again() {
        let view = |log: &str| Some(vec![("log".to_owned(), log.to_owned())]);
        assert_eq!(settled(None, view("a")), Ok(()));
        assert_eq!(settled(view("a"), view("a")), Ok(()));
        assert!(settled(view("a"), view("b")).is_err());
        assert!(settled(view("a"), None).is_err());
    }
}
