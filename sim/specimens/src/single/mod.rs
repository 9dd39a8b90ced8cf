//! The single-file host: a store in one file with two headers, as embedded databases have it. For bugs that need that.
//!
//! ```text
//! ROOT/host/      clock and identity, as the plain host keeps them
//! LOCATION        the store; its being there says that there is one
//!   0             header \  one sector each, written in turn; the valid one of the greater generation counts
//!   4096          header /
//!   8192          frames, from number 1 on, and zeros behind them
//! ```
//!
//! A header says how long the file is, whether it was closed in good order, and how many records there were when the header
//! was written. After an orderly close that number is right; else the frames are counted, what is no frame behind them is
//! overwritten with zeros, and all of it is written again (it may be in the page cache only, marked clean by a failed fsync).
//!
//! Like the plain host it keeps the whole log in memory, takes one operation at a time, and refuses further work after one that
//! failed. It is correct in the fault classes `crash` and `error`, and does not look for damage by the medium.

mod header;
mod lifecycle;
mod store;

use crate::plain::marks::Marks;
use crate::plain::{Shared, retry};
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use asl_host::{Capabilities, Durability, Exclusion, Host, HostIdentity, HostTime, Result, StoreLocation};
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

pub(crate) use header::Header;
pub(crate) use store::SingleStore;

/// The longest record in bytes.
const RECORD_LEN_MAX: u32 = 1 << 20;

/// The steps that a bug can be planted in. As they stand here they are right.
pub(crate) trait Steps: Default + Send + Sync + 'static {
    /// Makes the file as long as the header is to say, and writes the header.
    fn grow<F: File>(&self, file: &F, header: Header) -> impl Future<Output = io::Result<()>> + Send {
        async move {
            retry!(file.set_len(header.len))?;
            retry!(file.sync_all())?;
            header.write(file).await?;
            retry!(file.sync_data())
        }
    }

    /// Before the frames of a file are counted that was not closed in good order.
    fn begin_repair<F: File>(
        &self,
        _file: &F,
        _header: &mut Header,
    ) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// After a repair that an error ended.
    fn give_up_repair<F: File>(&self, _file: &F, _header: &mut Header) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// The single-file host with these steps.
#[derive(Debug)]
pub(crate) struct Single<F, E, S> {
    shared: Arc<Shared<F, E>>,
    marks: Marks,
    steps: PhantomData<fn() -> S>,
}

impl<F: FileSystem, E: Env, S: Steps> Single<F, E, S> {
    pub(crate) fn new(fs: F, env: E, root: &str) -> Single<F, E, S> {
        Single { shared: Shared::new(fs, env, root), marks: Marks::default(), steps: PhantomData }
    }
}

impl<F: FileSystem, E: Env, S: Steps> Host for Single<F, E, S> {
    type Store = SingleStore<F, S>;

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durability: Durability::OnAppend,
            exclusion: Exclusion::Refuse,
            blocks: false,
            snapshots: false,
            append_unit: 1,
            max_record_len: RECORD_LEN_MAX,
        }
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<SingleStore<F, S>> {
        lifecycle::create(&self.shared, Path::new(location.as_str())).await
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<SingleStore<F, S>> {
        lifecycle::open(&self.shared.fs, Path::new(location.as_str())).await
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        lifecycle::destroy(&self.shared.fs, Path::new(location.as_str())).await
    }

    async fn now(&self) -> Result<HostTime> {
        self.marks.now(&self.shared).await
    }

    async fn identity(&self) -> Result<HostIdentity> {
        self.marks.identity(&self.shared).await
    }
}
