//! A ledger on the disk: append, close, reopen, read, seal a block, take a snapshot, mount it.
//!
//! ```text
//! cargo run --example ledger            # in a new directory below the system's directory for temporary files
//! cargo run --example ledger -- DIR     # in DIR, which is made if need be; run it again to see the ledger grow
//! ```
//!
//! Everything that fails ends with one line that says what was attempted, where, and why, and with exit status 1.
//! Not shown here: other hosts, and appending from several tasks at once.

use asl_host::env::{Env, OsEnv};
use asl_host::{Code, Host, LogSeq, PosixHost, Result as StoreResult, Store, StoreError, StoreLocation};
use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::task::{Context, Poll, Waker};
use std::{env, fs};

/// What is booked at every run.
const ENTRIES: [&str; 3] = ["alice pays 7 to bob", "bob pays 3 to carol", "carol pays 1 to alice"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ledger: {}", on_one_line(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let dir = directory()?;
    fs::create_dir_all(&dir).map_err(|error| format!("cannot make {}: {error}", dir.display()))?;
    block_on(keep_books(&dir, &mut io::stdout().lock()))
}

/// The directory to work in: the one argument, or a new one.
fn directory() -> Result<PathBuf, String> {
    let mut arguments = env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (None, _) => Ok(env::temp_dir().join(format!("asl-ledger-{:016x}", OsEnv.random_u64()))),
        (Some(dir), None) if !dir.is_empty() && !dir.as_encoded_bytes().starts_with(b"-") => Ok(dir.into()),
        _ => Err("usage: ledger [DIR]".to_owned()),
    }
}

async fn keep_books(dir: &Path, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    // The host keeps its clock and its identity in the directory; the store gets a directory of its own below.
    let host = PosixHost::new(dir);
    let location = dir.join("ledger");
    let location = location.to_str().ok_or_else(|| format!("{} is not UTF-8", dir.display()))?;
    let location = StoreLocation::new(location);
    writeln!(out, "host      {}", host.identity().await?)?;
    writeln!(out, "store     {location}")?;

    // Each append returns when the record is durable, with the record's number.
    let store = open_or_create(&host, &location).await?;
    for entry in ENTRIES {
        let seq = store.append(entry.as_bytes()).await?;
        writeln!(out, "appended  {seq}: {entry}")?;
    }

    // A store is open for one writer at a time: while this handle lives, another open is refused.
    match host.open_store(&location).await {
        Err(error) if error.code() == Code::ConcurrentModification => {
            writeln!(out, "refused   a second writer: {}", error.code())?;
        }
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("the store was opened twice".into()),
    }

    // After a restart, everything is there.
    store.close().await?;
    let store = host.open_store(&location).await?;
    let last = store.durable_upto().await?;
    writeln!(out, "reopened  with {last} records")?;
    let first_shown = LogSeq(last.0 + 1 - ENTRIES.len() as u64);
    for record in store.read(first_shown, ENTRIES.len()).await? {
        writeln!(out, "read      {}: {}", record.seq, String::from_utf8_lossy(&record.data))?;
    }

    // A block is written in parts, and invisible until it is sealed; from then on it never changes.
    let block = store.create_block().await?;
    store.write_block(&block, b"statement ").await?;
    store.write_block(&block, format!("up to record {last}").as_bytes()).await?;
    store.seal_block(&block).await?;
    let content = store.read_block(&block).await?;
    writeln!(out, "sealed    block {block}: {}", String::from_utf8_lossy(&content))?;

    // A snapshot stays as it is while the store goes on. A mounted one is a store that can only be read.
    let snapshot = store.create_snapshot().await?;
    let after = store.append(b"booked after the snapshot").await?;
    let view = store.mount_snapshot(&snapshot).await?;
    writeln!(
        out,
        "snapshot  {snapshot}: records {}, blocks {}; the store is at record {after}",
        view.durable_upto().await?,
        view.list_blocks().await?.len()
    )?;
    match view.append(b"never booked").await {
        Err(error) => writeln!(out, "refused   {error}")?,
        Ok(_) => return Err("a snapshot was written to".into()),
    }
    store.close().await?;
    writeln!(out, "closed    at host time {}", host.now().await?.0)?;
    Ok(())
}

/// The store at the location, which is made if there is none.
async fn open_or_create<H: Host>(host: &H, location: &StoreLocation) -> StoreResult<H::Store> {
    match host.open_store(location).await {
        Err(error) if error.code() == Code::NotFound => host.create_store(location).await,
        result => result,
    }
}

/// Runs a future on this thread. The operating system's file system blocks instead of waiting, so nothing has to be
/// woken; with an async runtime, use its own way to run a future.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

/// Whether whoever reads our output has seen enough.
fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// An error with its causes, and the specification's code if it has one.
fn on_one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    match error.downcast_ref::<StoreError>() {
        Some(error) => format!("{text} ({})", error.code()),
        None => text,
    }
}
