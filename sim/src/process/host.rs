//! The contract's traits over the lines of the driver protocol.
//!
//! A process is started by the first question, since a host that is made and asked nothing should cost nothing, and is killed
//! when the host is dropped. Inside of a run, the executor waits for answers; outside of one, whoever polls does, which blocks
//! its thread, as operating-system hosts do.

use super::UNKNOWN;
use super::outside::{Outside, Turn};
use super::preloaded::Probe;
use super::protocol::{
    self, Block, Blocks, Data, Durable, Hello, Identity, Nothing, Now, Records, Refusal, Request, Seq,
    Snapshot, Snapshots, StoreNumber, encoded,
};
use crate::base::block_on;
use crate::executor::{Process, Waited};
use crate::media::Sim;
use crate::media::files::ROOT;
use asl_host::{
    BlockId, Capabilities, ErrorKind, Host, HostIdentity, HostTime, LogSeq, Operation, Record, Result,
    SnapshotId, Store, StoreError, StoreLocation,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How often a thread that waits outside of a run looks whether another thread was told its answer.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Who waits for answers.
enum Way {
    /// The runtime of a run, and the incarnation that the process belongs to.
    InRun(Arc<Sim>, Process),
    /// Whoever polls.
    OnDisk,
}

/// What a host and its stores share.
struct Link {
    outside: Arc<Outside>,
    way: Way,
    capabilities: Capabilities,
    /// The process, once it was started, and whether it has said what it offers.
    process: Mutex<Stage>,
}

#[derive(Clone, Copy)]
enum Stage {
    NotStarted,
    Started(u64),
    Ended,
}

/// A host that is a process.
pub(super) struct ProcessHost {
    link: Arc<Link>,
}

/// A store that a process has open.
pub(super) struct ProcessStore {
    link: Arc<Link>,
    location: String,
    number: u64,
    /// Whether the process was asked to close it.
    closed: AtomicBool,
}

impl ProcessStore {
    fn new(link: &Arc<Link>, location: &str, number: u64) -> ProcessStore {
        let closed = AtomicBool::new(false);
        ProcessStore { link: link.clone(), location: location.to_owned(), number, closed }
    }
}

impl Drop for ProcessStore {
    /// A handle that is dropped is released, as those of hosts in this process are.
    fn drop(&mut self) {
        if !self.closed.load(Ordering::Relaxed) {
            self.link.release(self.number);
        }
    }
}

/// Starts the program once, and asks it what it offers; of one that does not say so, nothing is known. `None` if it answers, and has
/// not loaded the library that it is probed for.
pub(super) fn ask_what_it_offers(
    outside: &Outside,
    probe: Option<&Probe>,
) -> io::Result<Option<Capabilities>> {
    let environment = probe.map_or(&Vec::new(), Probe::environment).clone();
    let child = outside.start(&environment)?;
    let id = outside.ask(child, 0, &Request::Hello { protocol: protocol::VERSION, root: outside.root() });
    let answer = block_on(poll_fn(|context| {
        loop {
            match outside.poll_turn(id, context) {
                Poll::Ready(Turn::Answer(answer)) => return Poll::Ready(Some(answer)),
                Poll::Ready(Turn::Call(..)) => unreachable!("no file is simulated"),
                Poll::Pending => {
                    if !matches!(outside.wait(), Waited::Woken) || outside.take_fault().is_some() {
                        return Poll::Ready(None);
                    }
                }
            }
        }
    }));
    let pid = outside.pid(child).unwrap_or(0);
    let is_led = answer.is_none() || probe.is_none_or(|probe| probe.is_led(pid));
    outside.end(child, None);
    if !is_led {
        return Ok(None);
    }
    let said = answer
        .and_then(std::result::Result::ok)
        .and_then(|value| serde_json::from_value::<Hello>(value).ok());
    Ok(Some(said.map_or(UNKNOWN, Capabilities::from)))
}

impl ProcessHost {
    /// A host in a run.
    pub(super) fn in_run(
        outside: Arc<Outside>,
        sim: Arc<Sim>,
        process: Process,
        capabilities: Capabilities,
    ) -> ProcessHost {
        ProcessHost::new(outside, Way::InRun(sim, process), capabilities)
    }

    /// A host outside of any run.
    pub(super) fn on_disk(outside: Arc<Outside>, capabilities: Capabilities) -> ProcessHost {
        ProcessHost::new(outside, Way::OnDisk, capabilities)
    }

    fn new(outside: Arc<Outside>, way: Way, capabilities: Capabilities) -> ProcessHost {
        let process = Mutex::new(Stage::NotStarted);
        ProcessHost { link: Arc::new(Link { outside, way, capabilities, process }) }
    }
}

impl Drop for ProcessHost {
    fn drop(&mut self) {
        // In a run the host is the process; elsewhere the stores that it has opened may go on without it.
        if let Way::InRun(..) = self.link.way {
            self.link.end();
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.end();
    }
}

/// A question that is forgotten if nobody waits for its answer any more.
struct Asked<'a> {
    outside: &'a Outside,
    id: u64,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.outside.forget(self.id);
    }
}

impl Link {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills the process, if there is one.
    fn end(&self) {
        let stage = std::mem::replace(&mut *self.stage(), Stage::Ended);
        if let Stage::Started(child) = stage {
            let sim = match &self.way {
                Way::InRun(sim, _) => Some(&**sim),
                Way::OnDisk => None,
            };
            self.outside.end(child, sim);
        }
    }

    /// Closes a store that nobody has a handle to any more, unless the process is dead or about to be.
    fn release(&self, store: u64) {
        let alive = match &self.way {
            Way::InRun(sim, process) => {
                sim.lock_unless_poisoned().is_some_and(|world| world.is_alive(*process))
            }
            Way::OnDisk => true,
        };
        let (true, Stage::Started(child)) = (alive, *self.stage()) else { return };
        match &self.way {
            Way::InRun(..) => self.outside.tell(child, &Request::CloseStore { store }),
            // Another process may open the store next, which this one has until it says so. Whether it went well nobody asked.
            Way::OnDisk => {
                let id = self.outside.ask(child, 0, &Request::CloseStore { store });
                let asked = Asked { outside: &self.outside, id };
                drop(self.wait_here(asked.id, &Context::from_waker(Waker::noop())));
            }
        }
    }

    /// The directory that a location of the contract is in the process's world.
    fn place(&self, location: &StoreLocation) -> String {
        match (&self.way, location.as_str().strip_prefix(ROOT)) {
            (Way::InRun(..), Some(rest)) => format!("{}{rest}", self.outside.root()),
            _ => location.as_str().to_owned(),
        }
    }

    fn task(&self) -> usize {
        match &self.way {
            Way::InRun(sim, _) => sim.lock().executor.current_task(),
            Way::OnDisk => 0,
        }
    }

    /// Asks for something, and waits for the answer.
    async fn ask<T: DeserializeOwned>(
        &self,
        operation: Operation,
        at: &str,
        request: Request<'_>,
    ) -> Result<T> {
        let child = self.started(operation, at).await?;
        let answer = self.exchange(operation, at, child, &request).await?;
        self.understood(child, answer)
            .await
            .map_err(|refusal| StoreError::new(refusal.kind, operation, at).with_detail(refusal.message))
    }

    /// The number of the process, which is started if it was not.
    async fn started(&self, operation: Operation, at: &str) -> Result<u64> {
        let stage = *self.stage();
        match stage {
            Stage::Started(child) => return Ok(child),
            Stage::Ended => {
                return Err(StoreError::new(ErrorKind::Io, operation, at).with_detail("the process is gone"));
            }
            Stage::NotStarted => {}
        }
        let started = match &self.way {
            Way::InRun(sim, process) => self.outside.start_in(sim, *process),
            Way::OnDisk => self.outside.start(&Vec::new()),
        };
        let child = match started {
            Ok(child) => child,
            Err(error) => return self.fails(0, &format!("cannot be started: {error}"), operation, at).await,
        };
        *self.stage() = Stage::Started(child);
        let hello = Request::Hello { protocol: protocol::VERSION, root: self.outside.root() };
        let answer = self.exchange(operation, at, child, &hello).await?;
        let offer = match self.understood::<Hello>(child, answer).await {
            Ok(hello) => Capabilities::from(hello),
            Err(refusal) => {
                let text = format!("answered hello with an error: {} {}", refusal.kind, refusal.message);
                return self.fails(child, &text, operation, at).await;
            }
        };
        if offer != self.capabilities {
            return self
                .fails(child, "offers something else than when it was asked first", operation, at)
                .await;
        }
        Ok(child)
    }

    async fn exchange(
        &self,
        operation: Operation,
        at: &str,
        child: u64,
        request: &Request<'_>,
    ) -> Result<protocol::Answer> {
        let id = self.outside.ask(child, self.task(), request);
        let asked = Asked { outside: &self.outside, id };
        match &self.way {
            Way::InRun(sim, _) => loop {
                match poll_fn(|context| self.outside.poll_turn(asked.id, context)).await {
                    Turn::Answer(answer) => return Ok(answer),
                    Turn::Call(call, shown) => shown.carry_out(sim, call).await,
                }
            },
            Way::OnDisk => {
                let waited = poll_fn(|context| Poll::Ready(self.wait_here(asked.id, context))).await;
                waited.map_err(|what| {
                    StoreError::new(ErrorKind::Io, operation, at)
                        .with_detail(format!("the host process {what}"))
                })
            }
        }
    }

    /// Waits outside of a run, on this thread; or what the process did instead of answering.
    fn wait_here(&self, id: u64, context: &Context<'_>) -> std::result::Result<protocol::Answer, String> {
        let mut silent = Duration::ZERO;
        loop {
            if let Poll::Ready(Turn::Answer(answer)) = self.outside.poll_turn(id, context) {
                return Ok(answer);
            }
            if let Waited::Silence(..) = self.outside.wait_for(LOOK_EVERY) {
                silent += LOOK_EVERY;
            }
            if let Some(fault) = self.outside.take_fault() {
                return Err(fault.what);
            }
            if silent >= self.outside.hang_timeout() {
                return Err(format!("was silent for {silent:?}"));
            }
        }
    }

    /// What an answer says, if it has the fields that it should. If not, that is a fault of the host's.
    async fn understood<T: DeserializeOwned>(
        &self,
        child: u64,
        answer: protocol::Answer,
    ) -> std::result::Result<T, Refusal> {
        let value = match answer? {
            // There is nothing to say beyond that it went well.
            Value::Null => Value::Object(serde_json::Map::new()),
            value => value,
        };
        let shown = protocol::shown(value.to_string().as_bytes());
        match serde_json::from_value(value) {
            Ok(told) => Ok(told),
            Err(why) => {
                let what = format!("gave an answer of the wrong type, {why}: {shown}");
                self.outside.blame(child, self.task(), &what);
                self.end_of_the_run().await;
                Err(Refusal { kind: ErrorKind::Io, message: format!("the host process {what}") })
            }
        }
    }

    /// The host is at fault. A run ends here; elsewhere it is an error.
    async fn fails<T>(&self, child: u64, what: &str, operation: Operation, at: &str) -> Result<T> {
        self.outside.blame(child, self.task(), what);
        self.end_of_the_run().await;
        Err(StoreError::new(ErrorKind::Io, operation, at).with_detail(format!("the host process {what}")))
    }

    /// In a run, nothing comes after a fault.
    async fn end_of_the_run(&self) {
        match self.way {
            Way::InRun(..) => std::future::pending().await,
            Way::OnDisk => drop(self.outside.take_fault()),
        }
    }
}

impl ProcessHost {
    async fn open(&self, operation: Operation, at: &StoreLocation) -> Result<ProcessStore> {
        let location = self.link.place(at);
        let request = match operation {
            Operation::CreateStore => Request::CreateStore { location: &location },
            _ => Request::OpenStore { location: &location },
        };
        let StoreNumber { store } = self.link.ask(operation, at.as_str(), request).await?;
        Ok(ProcessStore::new(&self.link, at.as_str(), store))
    }
}

impl Host for ProcessHost {
    type Store = ProcessStore;

    fn capabilities(&self) -> Capabilities {
        self.link.capabilities
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<ProcessStore> {
        self.open(Operation::CreateStore, location).await
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<ProcessStore> {
        self.open(Operation::OpenStore, location).await
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        let place = self.link.place(location);
        let request = Request::DestroyStore { location: &place };
        let Nothing {} = self.link.ask(Operation::DestroyStore, location.as_str(), request).await?;
        Ok(())
    }

    async fn now(&self) -> Result<HostTime> {
        let Now { now } = self.link.ask(Operation::Now, "clock", Request::Now).await?;
        Ok(HostTime(now))
    }

    async fn identity(&self) -> Result<HostIdentity> {
        let Identity { identity } = self.link.ask(Operation::Identity, "identity", Request::Identity).await?;
        Ok(HostIdentity::new(identity))
    }
}

impl ProcessStore {
    async fn ask<T: DeserializeOwned>(&self, operation: Operation, request: Request<'_>) -> Result<T> {
        self.link.ask(operation, &self.location, request).await
    }

    async fn add(&self, record: &[u8], expected: Option<u64>) -> Result<LogSeq> {
        let request = Request::Append { store: self.number, data: encoded(record), expected };
        let Seq { seq } = self.ask(Operation::Append, request).await?;
        Ok(LogSeq(seq))
    }
}

impl Store for ProcessStore {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.add(record, None).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.add(record, Some(expected_next.0)).await
    }

    async fn flush(&self) -> Result<LogSeq> {
        let Durable { durable } = self.ask(Operation::Flush, Request::Flush { store: self.number }).await?;
        Ok(LogSeq(durable))
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        let Seq { seq } =
            self.ask(Operation::DurableUpto, Request::DurableUpto { store: self.number }).await?;
        Ok(LogSeq(seq))
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        let request = Request::Read { store: self.number, from: from.0, limit: limit as u64 };
        let Records { records } = self.ask(Operation::Read, request).await?;
        Ok(records.into_iter().map(Record::from).collect())
    }

    async fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::Relaxed);
        let Nothing {} = self.ask(Operation::Close, Request::CloseStore { store: self.number }).await?;
        Ok(())
    }

    async fn create_block(&self) -> Result<BlockId> {
        let Block { block } =
            self.ask(Operation::CreateBlock, Request::CreateBlock { store: self.number }).await?;
        Ok(BlockId::new(block))
    }

    async fn write_block(&self, block: &BlockId, data: &[u8]) -> Result<()> {
        let request = Request::WriteBlock { store: self.number, block: block.as_str(), data: encoded(data) };
        let Nothing {} = self.ask(Operation::WriteBlock, request).await?;
        Ok(())
    }

    async fn seal_block(&self, block: &BlockId) -> Result<()> {
        let request = Request::SealBlock { store: self.number, block: block.as_str() };
        let Nothing {} = self.ask(Operation::SealBlock, request).await?;
        Ok(())
    }

    async fn read_block(&self, block: &BlockId) -> Result<Vec<u8>> {
        let request = Request::ReadBlock { store: self.number, block: block.as_str() };
        let Data { data } = self.ask(Operation::ReadBlock, request).await?;
        Ok(data.0)
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>> {
        let Blocks { blocks } =
            self.ask(Operation::ListBlocks, Request::ListBlocks { store: self.number }).await?;
        Ok(blocks.into_iter().map(BlockId::new).collect())
    }

    async fn create_snapshot(&self) -> Result<SnapshotId> {
        let request = Request::CreateSnapshot { store: self.number };
        let Snapshot { snapshot } = self.ask(Operation::CreateSnapshot, request).await?;
        Ok(SnapshotId::new(snapshot))
    }

    async fn mount_snapshot(&self, snapshot: &SnapshotId) -> Result<ProcessStore> {
        let request = Request::MountSnapshot { store: self.number, snapshot: snapshot.as_str() };
        let StoreNumber { store } = self.ask(Operation::MountSnapshot, request).await?;
        Ok(ProcessStore::new(&self.link, &self.location, store))
    }

    async fn list_snapshots(&self) -> Result<Vec<SnapshotId>> {
        let request = Request::ListSnapshots { store: self.number };
        let Snapshots { snapshots } = self.ask(Operation::ListSnapshots, request).await?;
        Ok(snapshots.into_iter().map(SnapshotId::new).collect())
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        let request = Request::DeleteSnapshot { store: self.number, snapshot: snapshot.as_str() };
        let Nothing {} = self.ask(Operation::DeleteSnapshot, request).await?;
        Ok(())
    }

    fn append_unit(&self) -> u32 {
        self.link.capabilities.append_unit
    }
}
