//! What the harness itself asks: bringing a store up after a start, looking at all of it, and closing it.

use super::client::ALL;
use super::{HARNESS, Runner};
use crate::base::decide::Site;
use crate::history::{Ask, Place, Told};
use crate::hosts::{AnyHost, AnyStore};
use crate::scenario::{Action, Payload, Style};
use asl_host::ErrorKind;
use std::sync::Arc;

/// How many blocks, and how many snapshots, an audit reads whole.
const BLOCKS_READ_MAX: usize = 6;
const SNAPSHOTS_READ_MAX: usize = 2;

impl Runner<'_> {
    /// Opens the store; creates it if it was never acknowledged and is not there.
    pub(super) async fn bring_up(
        &self,
        host: &dyn AnyHost,
        site: Site,
        create: bool,
    ) -> Option<Arc<dyn AnyStore>> {
        if !create {
            let (told, store) = self.open_place(host, Place::Main, site, HARNESS, false).await;
            let absent = matches!(told, Told::Failed { kind: ErrorKind::NotFound, .. });
            if store.is_some() || !absent || self.created.get() {
                self.created.set(self.created.get() || store.is_some());
                return store;
            }
        }
        let (told, mut store) = self.create_place(host, Place::Main, site, HARNESS).await;
        let is_there = matches!(told, Told::Failed { kind: ErrorKind::Exists, .. });
        if is_there && self.history.borrow().late_requests {
            // An earlier creation has landed meanwhile.
            store = self.open(host, site).await;
        }
        self.created.set(self.created.get() || store.is_some());
        store
    }

    pub(super) async fn open(&self, host: &dyn AnyHost, site: Site) -> Option<Arc<dyn AnyStore>> {
        self.open_place(host, Place::Main, site, HARNESS, false).await.1
    }

    pub(super) async fn close(&self, store: &dyn AnyStore, site: Site) -> Told {
        self.known.borrow_mut().open.iter_mut().for_each(Vec::clear);
        self.ask(site, HARNESS, Ask::Close { place: Place::Main }, store.close(), |_, ()| Told::Done).await
    }

    pub(super) async fn read_all(&self, store: &dyn AnyStore, site: Site) {
        let told = self.read(store, Place::Main, site, HARNESS, 1, 0).await;
        if let Told::Records(records) = told {
            self.known.borrow_mut().next =
                records.last().map_or(1, |&(seq, _)| seq.saturating_add(1)).min(ALL as u64);
        }
    }

    /// Looks at everything that the store holds.
    pub(super) async fn audit(&self, host: &dyn AnyHost, store: &dyn AnyStore, site: Site) {
        self.read_all(store, site).await;
        let capabilities = self.history.borrow().capabilities;
        if capabilities.blocks {
            self.audit_blocks(store, site).await;
        }
        if capabilities.snapshots {
            self.audit_snapshots(store, site).await;
        }
        if self.known.borrow().marks {
            self.marks(host, &Action::Identity, site, HARNESS).await;
            self.marks(host, &Action::Now, site, HARNESS).await;
        }
    }

    async fn audit_blocks(&self, store: &dyn AnyStore, site: Site) {
        let Told::Names(blocks) = self.list_blocks(store, site, HARNESS).await else { return };
        // The newest are the ones that a crash may have hurt; names are numbered in the order of their first mention.
        let mut newest = blocks.clone();
        newest.sort_unstable();
        for &block in newest.iter().rev().take(BLOCKS_READ_MAX) {
            self.read_block(store, site, HARNESS, block).await;
        }
        self.known.borrow_mut().sealed = blocks;
    }

    async fn audit_snapshots(&self, store: &dyn AnyStore, site: Site) {
        let Told::Names(snapshots) = self.list_snapshots(store, site, HARNESS).await else { return };
        let mut newest = snapshots.clone();
        newest.sort_unstable();
        for &snapshot in newest.iter().rev().take(SNAPSHOTS_READ_MAX) {
            self.inspect(store, site, HARNESS, snapshot).await;
        }
        self.known.borrow_mut().snapshots = snapshots;
    }

    /// A store that was opened must take an append.
    pub(super) async fn probe(&self, store: &dyn AnyStore) {
        let payload = Payload { style: Style::Unique, len: 24 };
        self.append(store, Place::Main, Site::Closing, HARNESS, payload, None).await;
    }
}
