//! What a campaign keeps on disk while it goes on, so that one that was killed, at any moment, can go on and loses nothing.
//!
//! In a directory, two files that are named after the campaign. `NAME.json` holds what was merged up to some chunk, with what
//! was asked for; it is replaced as a whole (written aside, synced, renamed, the directory synced) from time to time. Runs
//! after that chunk are made again, which costs time and changes nothing, because runs depend on their seeds only.
//! `NAME.seeds` has a line for each worker with the seed that it is at, written before the run begins (a write of 24 bytes,
//! which outlives the process and not the power), so that a run that takes the whole process with it is known by name. That
//! file is locked while the campaign lives. Both are gone when it has ended in good order.
//!
//! Not covered: two machines that share the directory through a file system without locks.

use super::{Stopwatch, Summary};
use crate::check::INVARIANTS;
use crate::determinism::Ending;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What the file calls itself.
const FORMAT: &str = "asl-sim-campaign";
/// Keeping takes no more than a share of the time: so many times as long as it takes passes before the next time.
const PAUSE_FACTOR: u32 = 100;
/// And no less than this.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// Bytes of the line in which a worker names its seed.
const LINE_LEN: usize = 24;

/// What was kept of a campaign.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    format: String,
    /// The program that began it: what seeds mean may be different in another.
    build: String,
    /// What was asked for, in the words of the command line.
    pub words: Vec<String>,
    /// How long it has taken so far.
    pub elapsed_ms: u64,
    /// The next chunk.
    pub(super) next: u64,
    /// What came of those before.
    pub summary: Summary,
    /// Seeds whose runs end the process that makes them.
    fatal: BTreeMap<u64, Ending>,
}

/// A campaign that was kept, as it is found.
#[derive(Debug)]
pub struct Found {
    /// What was kept.
    pub begun: Begun,
    /// The seeds at work when it ended.
    pub at_work: Vec<u64>,
    path: PathBuf,
    seeds: File,
}

/// Why there is nothing to be found in a file.
#[derive(Debug)]
pub enum NotFound {
    /// It cannot be read.
    Io(io::Error),
    /// It is not what a campaign keeps, or only a part of it.
    Damaged(String),
    /// Another build of the program has begun the campaign.
    OtherBuild,
    /// The campaign goes on at this moment.
    Alive,
}

/// Keeps a campaign.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    seeds: File,
    begun: Begun,
    watch: Stopwatch,
    state: Mutex<Due>,
}

/// When to keep next, and what went wrong the last time.
#[derive(Debug)]
struct Due {
    at: Duration,
    failed: Option<io::Error>,
}

/// What tells this build of the program from others, without reading all of it.
fn build() -> String {
    let program = std::fs::metadata("/proc/self/exe");
    let file = program.map_or_else(
        |_| "unknown".to_owned(),
        |file| format!("{}-{}.{}", file.size(), file.mtime(), file.mtime_nsec()),
    );
    format!("asl-sim {} {file}", env!("CARGO_PKG_VERSION"))
}

fn seeds_path(path: &Path) -> PathBuf {
    path.with_extension("seeds")
}

/// Opens the file of seeds and locks it; `None` if a campaign that lives holds it.
fn lock_seeds(path: &Path) -> io::Result<Option<File>> {
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
    let file = options.open(seeds_path(path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// The files in a directory that campaigns of a name were kept in. A directory that is not there has none.
pub fn kept(dir: &Path, name: &str) -> io::Result<Vec<PathBuf>> {
    let entries = match dir.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if file.starts_with(name) && path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

impl Found {
    /// Reads what was kept in a file, and holds the campaign so that nobody else goes on with it.
    pub fn read(path: &Path) -> Result<Found, NotFound> {
        let text = std::fs::read_to_string(path).map_err(NotFound::Io)?;
        let begun: Begun =
            serde_json::from_str(&text).map_err(|error| NotFound::Damaged(error.to_string()))?;
        if begun.format != FORMAT {
            return Err(NotFound::Damaged(format!("its format is {:?}, not {FORMAT:?}", begun.format)));
        }
        if begun.build != build() {
            return Err(NotFound::OtherBuild);
        }
        let seeds = lock_seeds(path).map_err(NotFound::Io)?.ok_or(NotFound::Alive)?;
        let text = io::read_to_string(&seeds).map_err(NotFound::Io)?;
        let at_work =
            text.lines().filter_map(|line| u64::from_str_radix(line.trim().strip_prefix("0x")?, 16).ok());
        Ok(Found { at_work: at_work.collect(), begun, path: path.to_owned(), seeds })
    }

    /// Goes on with it, without these seeds, whose runs end the process that makes them.
    pub fn go_on(self, fatal: BTreeMap<u64, Ending>) -> io::Result<Keeper> {
        let Found { mut begun, path, seeds, .. } = self;
        begun.fatal.extend(fatal);
        let keeper = Keeper::of(path, seeds, begun);
        keeper.write(keeper.begun.next, &keeper.begun.summary)?;
        // Not before what was found out about them is kept.
        keeper.seeds.set_len(0)?;
        Ok(keeper)
    }
}

impl Keeper {
    /// Keeps a campaign that begins, in a directory that is made if need be: `words` say what was asked for. `None` if one
    /// of the same name goes on there at this moment.
    pub fn begin(dir: &Path, name: &str, words: Vec<String>) -> io::Result<Option<Keeper>> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join(format!("{name}.json"));
        let Some(seeds) = lock_seeds(&path)? else { return Ok(None) };
        seeds.set_len(0)?;
        let begun = Begun {
            format: FORMAT.to_owned(),
            build: build(),
            words,
            elapsed_ms: 0,
            next: 0,
            summary: Summary { armed: vec![0; INVARIANTS.len()], ..Summary::default() },
            fatal: BTreeMap::new(),
        };
        let keeper = Keeper::of(path, seeds, begun);
        keeper.write(0, &keeper.begun.summary)?;
        Ok(Some(keeper))
    }

    fn of(path: PathBuf, seeds: File, begun: Begun) -> Keeper {
        let state = Mutex::new(Due { at: PAUSE_MIN, failed: None });
        Keeper { path, seeds, begun, watch: Stopwatch::start(), state }
    }

    /// What was done before.
    pub fn begun(&self) -> &Begun {
        &self.begun
    }

    /// How long the campaign has taken, with what it took before.
    pub fn elapsed(&self) -> Duration {
        self.elapsed_before() + self.watch.elapsed()
    }

    /// How long it had taken before.
    pub fn elapsed_before(&self) -> Duration {
        Duration::from_millis(self.begun.elapsed_ms)
    }

    /// How the run of a seed ends the process that makes it, if it is known to.
    pub(super) fn fatal(&self, seed: u64) -> Option<&Ending> {
        self.begun.fatal.get(&seed)
    }

    /// Notes which seed a worker is at. What cannot be noted is not worth stopping for.
    pub(super) fn at_work(&self, worker: usize, seed: Option<u64>) {
        let mut line = seed.map_or_else(|| "idle".to_owned(), |seed| format!("{seed:#018x}"));
        line.extend(std::iter::repeat_n(' ', LINE_LEN - 1 - line.len()));
        line.push('\n');
        let _ = self.seeds.write_all_at(line.as_bytes(), (worker * LINE_LEN) as u64);
    }

    /// Keeps what was done, if it is time to.
    pub(super) fn keep_if_due(&self, next: u64, summary: &Summary) {
        let is_due = self.watch.elapsed() >= self.lock().at;
        if is_due {
            self.keep(next, summary);
        }
    }

    /// Keeps what was done.
    pub(super) fn keep(&self, next: u64, summary: &Summary) {
        let begun = self.watch.elapsed();
        let failed = self.write(next, summary).err();
        let now = self.watch.elapsed();
        *self.lock() = Due { at: now + PAUSE_MIN.max(now.saturating_sub(begun) * PAUSE_FACTOR), failed };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Due> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, next: u64, summary: &Summary) -> io::Result<()> {
        let begun = Begun {
            elapsed_ms: u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX),
            next,
            summary: summary.clone(),
            ..self.begun.clone()
        };
        let text = serde_json::to_vec(&begun).expect("what is kept is plain data");
        // Nobody else writes it, because the seeds are locked; one that a kill left behind is written over.
        let aside = self.path.with_extension("tmp");
        let mut file = File::create(&aside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&aside, &self.path)?;
        File::open(self.path.parent().unwrap_or(Path::new("/")))?.sync_all()
    }

    /// Why the last attempt to keep what was done failed, if it did.
    pub fn failed(&self) -> Option<String> {
        self.lock().failed.as_ref().map(io::Error::to_string)
    }

    /// The campaign has ended, and all was told: nothing of it need be kept.
    pub fn forget(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)?;
        std::fs::remove_file(seeds_path(&self.path))
    }
}
