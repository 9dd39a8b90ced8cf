//! Which method of a host answers which request, and the numbers that its open stores go by.
//!
//! A store is forgotten when it is closed, whether that succeeds or not: what is asked of its number then is refused as `closed`.

use crate::protocol::{Answer, Base64, Refusal, Request, VERSION, encoded, offer};
use asl_host::{BlockId, ErrorKind, Host, LogSeq, SnapshotId, Store, StoreLocation};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

/// The host, once `hello` was said, and what it has open.
pub(crate) struct Server<H: Host, F> {
    state: RefCell<State<H, F>>,
}

struct State<H: Host, F> {
    /// Makes the host, and is gone then.
    make: Option<F>,
    host: Option<Rc<H>>,
    stores: BTreeMap<u64, Rc<H::Store>>,
    last_store: u64,
}

impl<H: Host, F: FnOnce(&Path) -> H> Server<H, F> {
    pub(crate) fn new(make: F) -> Server<H, F> {
        let state = State { make: Some(make), host: None, stores: BTreeMap::new(), last_store: 0 };
        Server { state: RefCell::new(state) }
    }

    /// Does what was asked.
    pub(crate) async fn answer(&self, request: Request) -> Answer {
        match request {
            Request::Hello { protocol, root } => self.hello(protocol, &root),
            Request::CreateStore { location } => {
                let host = self.host()?;
                Ok(self.keep(host.create_store(&StoreLocation::new(location)).await?))
            }
            Request::OpenStore { location } => {
                let host = self.host()?;
                Ok(self.keep(host.open_store(&StoreLocation::new(location)).await?))
            }
            Request::DestroyStore { location } => {
                self.host()?.destroy_store(&StoreLocation::new(location)).await?;
                Ok(json!({}))
            }
            Request::Now => Ok(json!({ "now": self.host()?.now().await?.0 })),
            Request::Identity => Ok(json!({ "identity": self.host()?.identity().await?.as_str() })),
            request => self.answer_of_a_store(request).await,
        }
    }

    async fn answer_of_a_store(&self, request: Request) -> Answer {
        match request {
            Request::CloseStore { store } => {
                let open = self.store(store)?;
                self.state.borrow_mut().stores.remove(&store);
                open.close().await?;
                Ok(json!({}))
            }
            Request::Append { store, data: Base64(data), expected } => {
                let store = self.store(store)?;
                let seq = match expected {
                    Some(expected) => store.append_if(LogSeq(expected), &data).await?,
                    None => store.append(&data).await?,
                };
                Ok(json!({ "seq": seq.0 }))
            }
            Request::Flush { store } => Ok(json!({ "durable": self.store(store)?.flush().await?.0 })),
            Request::DurableUpto { store } => {
                Ok(json!({ "seq": self.store(store)?.durable_upto().await?.0 }))
            }
            Request::Read { store, from, limit } => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                let records = self.store(store)?.read(LogSeq(from), limit).await?;
                let records = records
                    .iter()
                    .map(|record| json!({ "seq": record.seq.0, "data": encoded(&record.data) }));
                Ok(json!({ "records": records.collect::<Vec<_>>() }))
            }
            request => self.answer_of_blocks_and_snapshots(request).await,
        }
    }

    async fn answer_of_blocks_and_snapshots(&self, request: Request) -> Answer {
        Ok(match request {
            Request::CreateBlock { store } => {
                json!({ "block": self.store(store)?.create_block().await?.as_str() })
            }
            Request::WriteBlock { store, block, data: Base64(data) } => {
                self.store(store)?.write_block(&BlockId::new(block), &data).await?;
                json!({})
            }
            Request::SealBlock { store, block } => {
                self.store(store)?.seal_block(&BlockId::new(block)).await?;
                json!({})
            }
            Request::ReadBlock { store, block } => {
                json!({ "data": encoded(&self.store(store)?.read_block(&BlockId::new(block)).await?) })
            }
            Request::ListBlocks { store } => {
                let blocks = self.store(store)?.list_blocks().await?;
                json!({ "blocks": blocks.iter().map(BlockId::as_str).collect::<Vec<_>>() })
            }
            Request::CreateSnapshot { store } => {
                json!({ "snapshot": self.store(store)?.create_snapshot().await?.as_str() })
            }
            Request::MountSnapshot { store, snapshot } => {
                let store = self.store(store)?;
                self.keep(store.mount_snapshot(&SnapshotId::new(snapshot)).await?)
            }
            Request::ListSnapshots { store } => {
                let snapshots = self.store(store)?.list_snapshots().await?;
                json!({ "snapshots": snapshots.iter().map(SnapshotId::as_str).collect::<Vec<_>>() })
            }
            Request::DeleteSnapshot { store, snapshot } => {
                self.store(store)?.delete_snapshot(&SnapshotId::new(snapshot)).await?;
                json!({})
            }
            other => unreachable!("answered before: {other:?}"),
        })
    }

    fn hello(&self, protocol: u32, root: &str) -> Answer {
        if protocol != VERSION {
            let message = format!("protocol {protocol}: this program speaks {VERSION}");
            return Err(Refusal::new(ErrorKind::Unsupported, message));
        }
        let mut state = self.state.borrow_mut();
        if let Some(make) = state.make.take() {
            state.host = Some(Rc::new(make(Path::new(root))));
        }
        let host = state.host.as_ref().expect("it was made by the first hello");
        Ok(offer(&name_of_this_program(), host.capabilities()))
    }

    fn host(&self) -> Result<Rc<H>, Refusal> {
        let host = self.state.borrow().host.clone();
        host.ok_or_else(|| Refusal::new(ErrorKind::Unsupported, "the first request has to be hello"))
    }

    fn store(&self, number: u64) -> Result<Rc<H::Store>, Refusal> {
        let store = self.state.borrow().stores.get(&number).cloned();
        store.ok_or_else(|| Refusal::new(ErrorKind::Closed, format!("store {number}")))
    }

    fn keep(&self, store: H::Store) -> Value {
        let mut state = self.state.borrow_mut();
        state.last_store += 1;
        let number = state.last_store;
        state.stores.insert(number, Rc::new(store));
        json!({ "store": number })
    }
}

fn name_of_this_program() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
