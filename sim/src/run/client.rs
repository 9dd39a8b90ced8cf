//! Carrying out one operation of a client: finding what its ordinals mean, asking, and remembering what clients know.

use super::{Runner, SECOND, SECOND_PROCESS, Up};
use crate::base::decide::Site;
use crate::history::{Ask, Event, Name, Place, Told, View};
use crate::hosts::{AnyHost, AnyStore, OwnOperation};
use crate::scenario::{Action, Op, Payload};
use asl_host::{BlockId, ErrorKind, Exclusion, LogSeq, Operation, Record, SnapshotId};
use std::sync::Arc;

/// More records than any run writes.
pub(super) const ALL: usize = 1 << 30;

impl Runner<'_> {
    /// Carries out an operation. False if the store should be opened again before going on.
    pub(super) async fn execute(&self, client: u16, op: &Op, up: &Up) -> bool {
        let (site, store) = (Site::Op(op.id), &*up.store);
        let told = match op.action {
            Action::Own { ref name, input } => match self.target.operation(name) {
                Some(operation) => self.own(operation, store, site, client, input).await,
                None => return true,
            },
            Action::Append(payload) => self.append(store, Place::Main, site, client, payload, None).await,
            Action::AppendIf { payload, off_by } => {
                let expected = self.known.borrow().next + u64::from(off_by);
                self.append(store, Place::Main, site, client, payload, Some(expected)).await
            }
            Action::Flush => {
                let ask = Ask::Flush { place: Place::Main };
                self.ask(site, client, ask, store.flush(), |_, seq| Told::Seq(seq.0)).await
            }
            Action::DurableUpto => {
                let ask = Ask::DurableUpto { place: Place::Main };
                self.ask(site, client, ask, store.durable_upto(), |_, seq| Told::Seq(seq.0)).await
            }
            Action::Read { from_percent, limit } => {
                let from = 1 + (self.known.borrow().next - 1) * u64::from(from_percent) / 100;
                self.read(store, Place::Main, site, client, from, limit as usize).await
            }
            Action::OpenNothing => self.open_nothing(&*up.host, site, client).await,
            Action::OpenSecond => return self.open_second(site, client).await,
            Action::CreateExisting => self.create_place(&*up.host, Place::Main, site, client).await.0,
            Action::DestroyOpen => self.destroy(&*up.host, Place::Main, true, site, client).await,
            Action::SideCreate(payload) => return self.side(&*up.host, site, client, payload, true).await,
            Action::SideUse(payload) => return self.side(&*up.host, site, client, payload, false).await,
            Action::SideDestroy => self.destroy(&*up.host, Place::Side, false, site, client).await,
            Action::Now | Action::Identity => self.marks(&*up.host, &op.action, site, client).await,
            Action::Reopen | Action::UseClosed(_) | Action::TakeOver(_) => {
                unreachable!("the runner does it when nobody else is at work")
            }
            _ => self.blocks_and_snapshots(store, client, op).await,
        };
        self.goes_on(&told)
    }

    async fn own(
        &self,
        operation: &OwnOperation,
        store: &dyn AnyStore,
        site: Site,
        client: u16,
        input: u32,
    ) -> Told {
        let ask = Ask::Own { operation: self.history.borrow_mut().intern(operation.name()), input };
        self.ask(site, client, ask, store.own(operation.carry(), input), |_, ()| Told::Done).await
    }

    async fn blocks_and_snapshots(&self, store: &dyn AnyStore, client: u16, op: &Op) -> Told {
        let site = Site::Op(op.id);
        match op.action {
            Action::CreateBlock => self.create_block(store, site, client).await,
            Action::WriteBlock { nth, payload } => match self.own_block(client, nth) {
                Some(block) => self.write_block(store, site, client, block, op.id, payload).await,
                None => self.create_block(store, site, client).await,
            },
            Action::WriteSealed { nth, payload } => {
                let sealed = pick(&self.known.borrow().sealed, nth);
                match sealed {
                    Some(block) => self.write_block(store, site, client, block, op.id, payload).await,
                    None => self.list_blocks(store, site, client).await,
                }
            }
            Action::SealBlock { nth } => match self.own_block(client, nth) {
                Some(block) => self.seal_block(store, site, client, block).await,
                None => self.create_block(store, site, client).await,
            },
            Action::ReadBlock { nth } => {
                let block = {
                    let known = self.known.borrow();
                    let open = &known.open[usize::from(client)];
                    pick(&known.sealed.iter().chain(open).copied().collect::<Vec<_>>(), nth)
                };
                match block {
                    Some(block) => self.read_block(store, site, client, block).await,
                    None => self.list_blocks(store, site, client).await,
                }
            }
            Action::ListBlocks => self.list_blocks(store, site, client).await,
            Action::CreateSnapshot => self.create_snapshot(store, site, client).await,
            Action::InspectSnapshot { nth } => match self.a_snapshot(nth) {
                Some(snapshot) => self.inspect(store, site, client, snapshot).await,
                None => self.list_snapshots(store, site, client).await,
            },
            Action::DeleteSnapshot { nth } => match self.a_snapshot(nth) {
                Some(snapshot) => {
                    let id = SnapshotId::new(self.text(snapshot));
                    let ask = Ask::DeleteSnapshot { snapshot };
                    self.known.borrow_mut().snapshots.retain(|&known| known != snapshot);
                    self.ask(site, client, ask, store.delete_snapshot(&id), |_, ()| Told::Done).await
                }
                None => self.list_snapshots(store, site, client).await,
            },
            _ => self.list_snapshots(store, site, client).await,
        }
    }

    fn text(&self, name: Name) -> String {
        self.history.borrow().name(name).to_owned()
    }

    fn own_block(&self, client: u16, nth: u32) -> Option<Name> {
        pick(&self.known.borrow().open[usize::from(client)], nth)
    }

    fn a_snapshot(&self, nth: u32) -> Option<Name> {
        pick(&self.known.borrow().snapshots, nth)
    }

    pub(super) async fn append(
        &self,
        store: &dyn AnyStore,
        place: Place,
        site: Site,
        client: u16,
        payload: Payload,
        expected: Option<u64>,
    ) -> Told {
        let mut record = Vec::with_capacity(payload.len as usize + 64);
        payload.write(self.payload_id(site), &mut record);
        let data = self.history.borrow_mut().keep(&record);
        let ask = Ask::Append { place, data, unique: payload.is_unique(), expected };
        let tell = |history: &mut crate::history::History, seq: LogSeq| {
            history.remember(place, seq.0, data);
            Told::Seq(seq.0)
        };
        let told = match expected {
            None => self.ask(site, client, ask, store.append(&record), tell).await,
            Some(seq) => self.ask(site, client, ask, store.append_if(LogSeq(seq), &record), tell).await,
        };
        if let (Told::Seq(seq), Place::Main) = (&told, place) {
            let mut known = self.known.borrow_mut();
            known.next = known.next.max(seq + 1);
        }
        told
    }

    /// Names a unique payload: the operation's number, and for what the harness appends, one that no operation has.
    fn payload_id(&self, site: Site) -> u32 {
        match site {
            Site::Op(id) => id,
            _ => 0xf0_0000 + self.history.borrow().events().len() as u32,
        }
    }

    pub(super) async fn read(
        &self,
        store: &dyn AnyStore,
        place: Place,
        site: Site,
        client: u16,
        from: u64,
        limit: usize,
    ) -> Told {
        let ask = Ask::Read { place, from, limit: limit as u64 };
        let limit = if limit == 0 { ALL } else { limit };
        self.ask(site, client, ask, store.read(LogSeq(from), limit), |h, records| {
            Told::Records(keep(h, place, &records))
        })
        .await
    }

    async fn create_block(&self, store: &dyn AnyStore, site: Site, client: u16) -> Told {
        let tell = |h: &mut crate::history::History, id: BlockId| Told::Named(h.intern(id.as_str()));
        let told = self.ask(site, client, Ask::CreateBlock, store.create_block(), tell).await;
        if let Told::Named(block) = told {
            self.known.borrow_mut().open[usize::from(client)].push(block);
        }
        told
    }

    async fn write_block(
        &self,
        store: &dyn AnyStore,
        site: Site,
        client: u16,
        block: Name,
        op: u32,
        payload: Payload,
    ) -> Told {
        let mut bytes = Vec::new();
        payload.write(op, &mut bytes);
        let data = self.history.borrow_mut().keep(&bytes);
        let id = BlockId::new(self.text(block));
        let ask = Ask::WriteBlock { block, data };
        let told = self.ask(site, client, ask, store.write_block(&id, &bytes), |_, ()| Told::Done).await;
        if told != Told::Done {
            // Its content is undefined now.
            self.forget_open(client, block);
        }
        told
    }

    async fn seal_block(&self, store: &dyn AnyStore, site: Site, client: u16, block: Name) -> Told {
        let id = BlockId::new(self.text(block));
        self.forget_open(client, block);
        let told =
            self.ask(site, client, Ask::SealBlock { block }, store.seal_block(&id), |_, ()| Told::Done).await;
        if told == Told::Done {
            self.known.borrow_mut().sealed.push(block);
        }
        told
    }

    fn forget_open(&self, client: u16, block: Name) {
        self.known.borrow_mut().open[usize::from(client)].retain(|&open| open != block);
    }

    pub(super) async fn read_block(
        &self,
        store: &dyn AnyStore,
        site: Site,
        client: u16,
        block: Name,
    ) -> Told {
        let id = BlockId::new(self.text(block));
        let tell = |h: &mut crate::history::History, bytes: Vec<u8>| Told::Bytes(h.keep(&bytes));
        self.ask(site, client, Ask::ReadBlock { block }, store.read_block(&id), tell).await
    }

    pub(super) async fn list_blocks(&self, store: &dyn AnyStore, site: Site, client: u16) -> Told {
        let tell = |h: &mut crate::history::History, ids: Vec<BlockId>| {
            self.names(ids.iter().map(|id| h.intern(id.as_str())).collect())
        };
        self.ask(site, client, Ask::ListBlocks, store.list_blocks(), tell).await
    }

    pub(super) async fn create_snapshot(&self, store: &dyn AnyStore, site: Site, client: u16) -> Told {
        let tell = |h: &mut crate::history::History, id: SnapshotId| Told::Named(h.intern(id.as_str()));
        let told = self.ask(site, client, Ask::CreateSnapshot, store.create_snapshot(), tell).await;
        if let Told::Named(snapshot) = told {
            self.known.borrow_mut().snapshots.push(snapshot);
        }
        told
    }

    pub(super) async fn list_snapshots(&self, store: &dyn AnyStore, site: Site, client: u16) -> Told {
        let tell = |h: &mut crate::history::History, ids: Vec<SnapshotId>| {
            self.names(ids.iter().map(|id| h.intern(id.as_str())).collect())
        };
        self.ask(site, client, Ask::ListSnapshots, store.list_snapshots(), tell).await
    }

    /// A list of names. The identifiers of a process may be drawn anew in each run, and its lists are in their order: then they
    /// are put in the order in which they were first heard of.
    fn names(&self, mut names: Vec<Name>) -> Told {
        if self.target.is_a_program() {
            names.sort_unstable();
        }
        Told::Names(names)
    }

    /// Mounts a snapshot, reads all of it, and tries to write to it.
    pub(super) async fn inspect(
        &self,
        store: &dyn AnyStore,
        site: Site,
        client: u16,
        snapshot: Name,
    ) -> Told {
        let id = SnapshotId::new(self.text(snapshot));
        let has_blocks = self.history.borrow().capabilities.blocks;
        let look = async {
            let view = store.mount_snapshot(&id).await?;
            let records = view.read(LogSeq::FIRST, ALL).await?;
            let mut blocks = Vec::new();
            let listed = if has_blocks { view.list_blocks().await? } else { Vec::new() };
            for block in listed {
                let bytes = view.read_block(&block).await?;
                blocks.push((block, bytes));
            }
            let sealed = blocks.first().map(|(block, _)| block);
            let let_write = writes_let_through(&*view, sealed, &id).await;
            view.close().await?;
            Ok((records, blocks, let_write))
        };
        let look = Box::pin(look);
        self.ask(site, client, Ask::InspectSnapshot { snapshot }, look, |h, (records, blocks, let_write)| {
            let records = keep(h, Place::Main, &records);
            let blocks = blocks.iter().map(|(id, bytes)| (h.intern(id.as_str()), h.keep(bytes))).collect();
            Told::View(Box::new(View { records, blocks, let_write }))
        })
        .await
    }

    pub(super) async fn open_place(
        &self,
        host: &dyn AnyHost,
        place: Place,
        site: Site,
        client: u16,
        second: bool,
    ) -> (Told, Option<Arc<dyn AnyStore>>) {
        let location = Self::location(place);
        let mut opened = None;
        let ask = Ask::Open { place, second };
        let tell = |_: &mut _, store| {
            opened = Some(store);
            Told::Done
        };
        let told = self.ask(site, client, ask, host.open_store(&location), tell).await;
        (told, opened)
    }

    /// Opens a location where there is no store, and looks whether there is something afterwards.
    async fn open_nothing(&self, host: &dyn AnyHost, site: Site, client: u16) -> Told {
        let location = Self::location(Place::Nowhere);
        let names = || self.sim.lock().names_beginning_with(location.as_str());
        let (before, asked_at) = (names(), self.history.borrow().events().len());
        let (told, _) = self.open_place(host, Place::Nowhere, site, client, false).await;
        let faulted = |event: &Event| matches!(event, Event::Fault { .. } | Event::Full);
        let excused = self.history.borrow().events()[asked_at..].iter().any(faulted);
        if !excused && matches!(told, Told::Failed { kind: ErrorKind::NotFound, .. }) {
            let mut history = self.history.borrow_mut();
            for name in names().into_iter().filter(|name| !before.contains(name)) {
                let name = history.intern(&name);
                history.push(Event::Left { place: Place::Nowhere, name });
            }
        }
        told
    }

    pub(super) async fn create_place(
        &self,
        host: &dyn AnyHost,
        place: Place,
        site: Site,
        client: u16,
    ) -> (Told, Option<Arc<dyn AnyStore>>) {
        let location = Self::location(place);
        let mut created = None;
        let tell = |_: &mut _, store| {
            created = Some(store);
            Told::Done
        };
        let told = self.ask(site, client, Ask::Create { place }, host.create_store(&location), tell).await;
        (told, created)
    }

    async fn destroy(&self, host: &dyn AnyHost, place: Place, open: bool, site: Site, client: u16) -> Told {
        let location = Self::location(place);
        let ask = Ask::Destroy { place, open };
        self.ask(site, client, ask, host.destroy_store(&location), |_, ()| Told::Done).await
    }

    /// Another process tries to open the store. If it is let in, the history shows it; it leaves again at once. A host that
    /// fences has shut the first one out then.
    async fn open_second(&self, site: Site, client: u16) -> bool {
        let second = self.boot(&self.machine_of(SECOND_PROCESS));
        let (told, store) = self.open_place(&*second, Place::Main, site, client, true).await;
        let fences = self.history.borrow().capabilities.exclusion == Exclusion::Fence;
        if let Some(store) = store {
            self.ask(site, SECOND, Ask::Close { place: Place::Main }, store.close(), |_, ()| Told::Done)
                .await;
            return !fences;
        }
        self.goes_on(&told)
    }

    /// A short session with the second store.
    async fn side(
        &self,
        host: &dyn AnyHost,
        site: Site,
        client: u16,
        payload: Payload,
        create: bool,
    ) -> bool {
        let place = Place::Side;
        let (told, store) = if create {
            self.create_place(host, place, site, client).await
        } else {
            self.open_place(host, place, site, client, false).await
        };
        let Some(store) = store else { return self.goes_on(&told) };
        self.read(&*store, place, site, client, 1, 0).await;
        self.append(&*store, place, site, client, payload, None).await;
        let closed = self.ask(site, client, Ask::Close { place }, store.close(), |_, ()| Told::Done).await;
        closed != Told::Cancelled
    }

    pub(super) async fn marks(&self, host: &dyn AnyHost, action: &Action, site: Site, client: u16) -> Told {
        self.known.borrow_mut().marks = true;
        if *action == Action::Now {
            self.ask(site, client, Ask::Now, host.now(), |_, now| Told::Time(now.0)).await
        } else {
            let tell = |h: &mut crate::history::History, id: asl_host::HostIdentity| {
                Told::Named(h.intern(id.as_str()))
            };
            self.ask(site, client, Ask::Identity, host.identity(), tell).await
        }
    }

    /// Whether the client works on with the same handle: an error that says no more than "no" does not spoil it, and in some
    /// runs clients go on whatever they are told, until the handle refuses work.
    pub(super) fn goes_on(&self, told: &Told) -> bool {
        match told {
            Told::Failed { kind: ErrorKind::Closed, .. } => false,
            Told::Failed { kind: ErrorKind::Io | ErrorKind::Corrupt, .. } => {
                self.scenario.setup.goes_on_after_errors
            }
            _ => true,
        }
    }
}

fn pick(names: &[Name], nth: u32) -> Option<Name> {
    (!names.is_empty()).then(|| names[nth as usize % names.len()])
}

/// The operations that a view should refuse and did not.
async fn writes_let_through(
    view: &dyn AnyStore,
    sealed: Option<&BlockId>,
    snapshot: &SnapshotId,
) -> Vec<Operation> {
    let mut through = Vec::new();
    if view.append(b"written to a snapshot").await.is_ok() {
        through.push(Operation::Append);
    }
    if let Some(block) = sealed {
        if view.write_block(block, b"written to a snapshot").await.is_ok() {
            through.push(Operation::WriteBlock);
        }
        if view.seal_block(block).await.is_ok() {
            through.push(Operation::SealBlock);
        }
    }
    if view.delete_snapshot(snapshot).await.is_ok() {
        through.push(Operation::DeleteSnapshot);
    }
    if view.create_block().await.is_ok() {
        through.push(Operation::CreateBlock);
    }
    if view.create_snapshot().await.is_ok() {
        through.push(Operation::CreateSnapshot);
    }
    through
}

fn keep(
    history: &mut crate::history::History,
    place: Place,
    records: &[Record],
) -> Vec<(u64, crate::history::Span)> {
    records
        .iter()
        .map(|record| (record.seq.0, history.keep_record(place, record.seq.0, &record.data)))
        .collect()
}
