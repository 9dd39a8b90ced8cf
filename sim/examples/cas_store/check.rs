//! What the store is put through on the double, and what must be so afterwards: the test of a store's author.
//!
//! The work puts a few artifacts, some of them twice, and goes on after errors as a program would: it opens the store again and
//! puts the artifact again. The model is what was acknowledged and what was tried. The check asks that a put is all or nothing, that nothing
//! acknowledged is gone, that nothing else is there, and that CURRENT is the same however often the log is replayed.

use super::log::{Hash, sha256};
use super::store::{CasError, CasStore, Current, Discipline};
use asl_host::{Store, StoreLocation};
use asl_sim::double::{Checked, DoubleHost};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What the store's user knows.
#[derive(Debug, Default)]
pub(crate) struct Model {
    tried: RefCell<BTreeMap<Hash, Vec<u8>>>,
    acknowledged: RefCell<Vec<Hash>>,
    /// What the last check that got through saw.
    settled: RefCell<Option<Current>>,
}

/// One that is put again, an empty one, one of three extents.
fn artifacts() -> [Vec<u8>; 5] {
    [b"first".to_vec(), Vec::new(), vec![7; 2_500], b"first".to_vec(), b"last".to_vec()]
}

pub(crate) fn location() -> StoreLocation {
    StoreLocation::new("/root/cas")
}

/// Puts all, and each once more if it failed.
pub(crate) async fn work(host: &DoubleHost, model: &Model, discipline: Discipline) -> Checked {
    let mut store = CasStore::open(host, &location(), discipline).await?;
    for artifact in artifacts() {
        model.tried.borrow_mut().insert(sha256(&[&artifact]), artifact.clone());
        let id = match store.put(&artifact).await {
            Ok(id) => id,
            Err(CasError::Integrity(what)) => return Err(what.into()),
            Err(_) => {
                // The handle may be good for nothing but this, and not even for this.
                let _ = store.host_store().close().await;
                drop(store);
                store = CasStore::open(host, &location(), discipline).await?;
                store.put(&artifact).await?
            }
        };
        model.acknowledged.borrow_mut().push(id);
    }
    Ok(())
}

/// Opens the store and compares it with the model.
pub(crate) async fn check(host: &DoubleHost, model: &Model) -> Checked {
    let store = CasStore::open(host, &location(), Discipline::Right).await?;
    let tried = model.tried.borrow().clone();
    let acknowledged = model.acknowledged.borrow().clone();
    for id in &acknowledged {
        if store.get(id).await?.as_ref() != tried.get(id) {
            return Err("an artifact whose put was acknowledged is gone".into());
        }
    }
    for id in store.current().index.keys() {
        if store.get(id).await? != tried.get(id).cloned() {
            return Err("an artifact that nobody put is visible".into());
        }
    }
    // Left open: the next incarnation must not see it.
    let block = store.host_store().create_block().await?;
    store.host_store().write_block(&block, b"never sealed").await?;
    if store.host_store().list_blocks().await?.contains(&block) {
        return Err("an open block is listed".into());
    }
    let current = store.current().clone();
    let before = model.settled.replace(Some(current.clone()));
    if before.is_some_and(|before| before != current) {
        return Err("replaying the log again gave another CURRENT".into());
    }
    Ok(())
}
