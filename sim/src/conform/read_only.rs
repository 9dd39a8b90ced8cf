//! A directory that cannot be written: errors say so and are neither absence nor damage, nothing changes, and all is as it
//! was once it can be written again.
//!
//! Root is not bound by permission bits, so for root the directory is mounted read-only, in a process that has mounts of
//! its own; for others the bits are changed. Not covered here: a file system that becomes read-only under an open store.

use super::Site;
use super::cases::{Context, Must};
use super::mounts::Switch;
use super::part::{Came, PrivateCheck, privately};
use super::processes::record;
use super::real::Real;
use crate::base::block_on;
use crate::surroundings::is_root;
use asl_host::{Code, ErrorKind, Host, LogSeq, Result, Store, StoreLocation};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const NAMES: [&str; 2] = [
    "a_read_only_directory_gives_errors_that_say_so_and_changes_nothing",
    "a_store_works_again_once_its_directory_is_writable",
];

pub(super) const PARTS: &[PrivateCheck] =
    &[(NAMES[0], |here| mounted(here, errors_are_honest)), (NAMES[1], |here| mounted(here, works_again))];

/// Makes the directory read-only, or writable.
type Set<'a> = &'a dyn Fn(bool);

pub(super) fn a_read_only_directory_gives_errors_that_say_so_and_changes_nothing(site: &Site) -> Came {
    if is_root() { privately(site, NAMES[0]) } else { with_bits(&site.here, errors_are_honest) }
}

pub(super) fn a_store_works_again_once_its_directory_is_writable(site: &Site) -> Came {
    if is_root() { privately(site, NAMES[1]) } else { with_bits(&site.here, works_again) }
}

fn mounted(here: &Real, check: fn(&Real, Set<'_>)) -> Came {
    let root = Path::new(here.root());
    let switch = match Switch::over(root) {
        Ok(switch) => switch,
        Err(why) => return Came::Skipped(why),
    };
    let tried = switch.set_read_only(true).and_then(|()| switch.set_read_only(false));
    if let Err(error) = tried {
        return Came::Skipped(format!("cannot mount a directory read-only: {error}"));
    }
    check(here, &|read_only| switch.set_read_only(read_only).expect("it worked a moment ago"));
    Came::Passed("mounted read-only".to_owned())
}

fn with_bits(here: &Real, check: fn(&Real, Set<'_>)) -> Came {
    let root = Path::new(here.root());
    check(here, &|read_only| set_bits(root, read_only).expect("what is ours can be changed"));
    Came::Passed("without the permission to write".to_owned())
}

/// Takes the permission to write from everything below, or gives it back.
fn set_bits(path: &Path, read_only: bool) -> io::Result<()> {
    let is_dir = path.is_dir();
    let mode = if is_dir { 0o755 } else { 0o644 } & if read_only { 0o555 } else { 0o777 };
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    if is_dir {
        for entry in fs::read_dir(path)? {
            set_bits(&entry?.path(), read_only)?;
        }
    }
    Ok(())
}

/// Names and contents of all that is below a directory.
fn tree(dir: &Path) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(tree(&path)?);
            found.insert(path, Vec::new());
        } else {
            let content = fs::read(&path)?;
            found.insert(path, content);
        }
    }
    Ok(found)
}

fn store(here: &Real) -> StoreLocation {
    here.location("store")
}

/// A closed store with some records; the host's clock and identity have been asked for.
fn begun(here: &Real) {
    block_on(async {
        let host = here.boot();
        host.identity().await?;
        host.now().await?;
        let store = host.create_store(&store(here)).await?;
        for id in 0..10 {
            store.append(&record(id)).await?;
        }
        store.close().await
    })
    .must("make a store while the directory is writable");
}

/// An operation cannot be carried out: it says so, without calling it absence or damage, and says it again.
fn assert_refused<T>(what: &str, attempt: impl Fn() -> Result<T>) {
    let [first, second] = [attempt(), attempt()].map(|result| match result {
        Ok(_) => panic!("{what} succeeds in a read-only directory"),
        Err(error) => error,
    });
    assert_eq!(first.code(), Code::IoError, "{what}: {first}");
    assert_ne!(first.kind(), ErrorKind::Corrupt, "{what}: {first}");
    assert_eq!(first.kind(), second.kind(), "{what}: the same failure gives the same error");
}

fn errors_are_honest(here: &Real, set_read_only: Set<'_>) {
    begun(here);
    let root = Path::new(here.root());
    let before = tree(root).expect("it can be listed");
    set_read_only(true);
    let new = here.location("new");
    assert_refused("making a store", || block_on(here.boot().create_store(&new)));
    assert_refused("destroying a store", || block_on(here.boot().destroy_store(&store(here))));
    // A host may open what it cannot write, and show what is there, as long as it lets nothing be written.
    assert_refused("opening a store and appending to it", || {
        block_on(async {
            let store = here.boot().open_store(&store(here)).await?;
            assert_eq!(store.read(LogSeq::FIRST, usize::MAX).await?.len(), 10, "records that are shown");
            store.append(&record(11)).await
        })
    });
    for error in
        [block_on(here.boot().now()).err(), block_on(here.boot().identity()).err()].into_iter().flatten()
    {
        assert_eq!(error.code(), Code::IoError, "{error}");
        assert_ne!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
    let existing = block_on(here.boot().create_store(&store(here))).err().must("the store exists");
    assert!(
        matches!(existing.code(), Code::Exists | Code::IoError),
        "making a store that exists: {existing}"
    );
    assert!(
        tree(root).expect("it can be listed") == before,
        "something has changed in a read-only directory"
    );
    set_read_only(false);
}

fn works_again(here: &Real, set_read_only: Set<'_>) {
    begun(here);
    let clock = block_on(here.boot().now()).must("read the clock");
    let identity = block_on(here.boot().identity()).must("ask for the identity");
    set_read_only(true);
    // What comes of these is another check's business.
    drop(block_on(here.boot().open_store(&store(here))));
    drop(block_on(here.boot().create_store(&here.location("new"))));
    drop(block_on(here.boot().destroy_store(&store(here))));
    drop(block_on(here.boot().now()));
    set_read_only(false);
    block_on(async {
        let host = here.boot();
        let store = host.open_store(&store(here)).await?;
        let log = store.read(LogSeq::FIRST, usize::MAX).await?;
        assert!(
            log.iter().map(|found| &found.data).eq(&(0..10).map(record).collect::<Vec<_>>()),
            "the records"
        );
        assert_eq!(store.append(&record(10)).await?, LogSeq(11));
        store.close().await?;
        host.create_store(&here.location("new")).await?.close().await?;
        assert!(host.now().await? > clock, "the clock goes on");
        assert_eq!(host.identity().await?, identity);
        host.destroy_store(&self::store(here)).await
    })
    .must("work in the directory once it is writable");
}
