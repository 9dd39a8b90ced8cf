//! Operations of a host's own, mixed with the contract's: drawn, crashed, judged, made small, stored and replayed.

use asl_host::{
    BlockId, Capabilities, ErrorKind, Host, HostIdentity, HostTime, LogSeq, Operation, PosixHost,
    PosixOptions, PosixStore, Record, Result, SnapshotId, Store, StoreError, StoreLocation,
};
use asl_sim::campaign::{Campaign, Progress, Summary, capabilities, run, settle_seed};
use asl_sim::case::Case;
use asl_sim::scenario::Action;
use asl_sim::scenario::generate::generate;
use asl_sim::shrink::{self, shrink};
use asl_sim::target::{Machine, OwnOperation, Target, posix};
use asl_sim::trial::trial;
use asl_sim::world::{SimEnv, SimFileSystem};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Inner = PosixHost<SimFileSystem, SimEnv>;

/// The host on POSIX file systems, with stores that can do one thing more: be scrubbed, by reading everything. One that is
/// `careless` says that it found damage when it is scrubbed with a number from 100.
struct Scrubbed {
    host: Inner,
    careless: bool,
}

struct ScrubbedStore {
    store: PosixStore<SimFileSystem, SimEnv>,
    careless: bool,
    scrubs: AtomicU64,
}

impl ScrubbedStore {
    async fn scrub(&self, input: u32) -> Result<()> {
        let refused = |kind| StoreError::new(kind, Operation::Read, "the store");
        self.store.read(LogSeq::FIRST, 1 + input as usize).await?;
        if self.scrubs.fetch_add(1, Ordering::Relaxed) > 6 {
            // It has been scrubbed enough: a refusal of its own.
            return Err(refused(ErrorKind::Unsupported));
        }
        if self.careless && input >= 100 { Err(refused(ErrorKind::Corrupt)) } else { Ok(()) }
    }
}

impl Scrubbed {
    fn store(&self, store: PosixStore<SimFileSystem, SimEnv>) -> ScrubbedStore {
        ScrubbedStore { store, careless: self.careless, scrubs: AtomicU64::new(0) }
    }
}

impl Host for Scrubbed {
    type Store = ScrubbedStore;

    fn capabilities(&self) -> Capabilities {
        self.host.capabilities()
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<ScrubbedStore> {
        Ok(self.store(self.host.create_store(location).await?))
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<ScrubbedStore> {
        Ok(self.store(self.host.open_store(location).await?))
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        self.host.destroy_store(location).await
    }

    async fn now(&self) -> Result<HostTime> {
        self.host.now().await
    }

    async fn identity(&self) -> Result<HostIdentity> {
        self.host.identity().await
    }
}

/// Hands these calls on to the store that is wrapped.
macro_rules! handed_on {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(async fn $name(&self, $($arg: $type),*) -> Result<$out> {
            self.store.$name($($arg),*).await
        })*
    };
}

impl Store for ScrubbedStore {
    handed_on! {
        append(record: &[u8]) -> LogSeq;
        append_if(expected_next: LogSeq, record: &[u8]) -> LogSeq;
        flush() -> LogSeq;
        durable_upto() -> LogSeq;
        read(from: LogSeq, limit: usize) -> Vec<Record>;
        close() -> ();
        create_block() -> BlockId;
        write_block(block: &BlockId, data: &[u8]) -> ();
        seal_block(block: &BlockId) -> ();
        read_block(block: &BlockId) -> Vec<u8>;
        list_blocks() -> Vec<BlockId>;
        create_snapshot() -> SnapshotId;
        list_snapshots() -> Vec<SnapshotId>;
        delete_snapshot(snapshot: &SnapshotId) -> ();
    }

    async fn mount_snapshot(&self, snapshot: &SnapshotId) -> Result<Self> {
        let store = self.store.mount_snapshot(snapshot).await?;
        Ok(ScrubbedStore { store, careless: self.careless, scrubs: AtomicU64::new(0) })
    }

    fn append_unit(&self) -> u32 {
        self.store.append_unit()
    }
}

fn scrub() -> OwnOperation {
    OwnOperation::new("scrub", |store: &ScrubbedStore, input| Box::pin(store.scrub(input)))
}

fn target(careless: bool) -> Target {
    let boot = move |machine: &Machine<'_>| {
        let (files, env, options) = (machine.file_system(), machine.env(), PosixOptions::default());
        Scrubbed { host: PosixHost::with_seams(files, env, machine.root(), options), careless }
    };
    Target::new("scrubbed", "a host whose stores are scrubbed", boot).with_operation(scrub())
}

fn campaign(target: &Target) -> Summary {
    let wishes = target.wishes();
    run(
        &Campaign { target: target.clone(), wishes, base_seed: 1, seeds: 300, jobs: 2, keep_going: false },
        &Progress::default(),
    )
}

#[test]
fn they_are_drawn_and_a_host_that_does_them_right_passes() {
    let target = target(false);
    let summary = campaign(&target);
    assert_eq!((summary.runs, summary.failed, &summary.bug), (300, 0, &None), "{:?}", summary.failures);
    let offered = capabilities(&target, &target.wishes());
    let drawn = (0..300).flat_map(|seed| generate(seed, &target.wishes(), &offered).ops);
    assert!(drawn.filter(|op| matches!(op.action, Action::Own { .. })).count() > 300);
}

#[test]
fn one_that_fails_without_a_cause_is_found_made_small_and_replayed() {
    let target = target(true);
    let summary = campaign(&target);
    let failure = summary.failures.first().expect("it is careless");
    assert_eq!(failure.signature.split('/').take(2).collect::<Vec<_>>(), ["error-honest", "own"]);
    let offered = capabilities(&target, &target.wishes());
    let (failing, other) = settle_seed(&target, failure.seed, &target.wishes(), &offered);
    assert!(other.is_none(), "the seed depends on nothing else");
    let small = shrink(&target, &failing, &shrink::Options::default(), &shrink::Progress::default());
    let ops: Vec<&Action> = small.trial.scenario.ops.iter().map(|op| &op.action).collect();
    let Action::Own { name, input } = ops[0] else { panic!("{ops:?}") };
    assert_eq!((ops.len(), name.as_str()), (1, "scrub"));
    assert!((100..200).contains(input), "a half of {input} is not enough to fail");

    let case = Case::of_shrunk(&small, target.name(), Some(failure.seed), Vec::new());
    let read = Case::parse(&case.to_json()).expect("it was written by this version");
    let again = trial(&target, &Arc::new(read.scenario.clone()), &read.decider());
    assert_eq!(again.outcome.trace, read.trace_hash);
    // A host without the operation is not asked.
    let other = trial(&posix(), &Arc::new(read.scenario.clone()), &read.decider());
    assert!(other.passed());
}

#[test]
#[should_panic(expected = "two operations are called scrub")]
fn a_name_is_taken_once() {
    drop(target(false).with_operation(scrub()));
}
