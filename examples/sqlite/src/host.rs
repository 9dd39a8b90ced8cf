//! The host: what it offers, and which stores it makes. Clock and identity are asl-host's own, which keeps them in plain files:
//! they take no database.

use crate::database::{self, Place, Synchronous};
use crate::store::SqliteStore;
use asl_host::{
    Capabilities, Durability, Exclusion, Host, HostIdentity, HostTime, Operation, PosixHost, Result,
    StoreLocation,
};
use std::path::Path;

/// The longest record.
pub(crate) const RECORD_LEN_MAX: u32 = 1 << 20;

/// A host that keeps each store in a database of its own.
pub(crate) struct SqliteHost {
    marks: PosixHost,
    synchronous: Synchronous,
}

impl SqliteHost {
    pub(crate) fn new(root: &Path, synchronous: Synchronous) -> SqliteHost {
        SqliteHost { marks: PosixHost::new(root), synchronous }
    }
}

impl Host for SqliteHost {
    type Store = SqliteStore;

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durability: Durability::OnAppend,
            exclusion: Exclusion::Refuse,
            blocks: true,
            snapshots: true,
            append_unit: 1,
            max_record_len: RECORD_LEN_MAX,
        }
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<SqliteStore> {
        let place = Place::new(location.as_str(), Operation::CreateStore);
        SqliteStore::writer(location, database::create(&place, self.synchronous)?)
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<SqliteStore> {
        let place = Place::new(location.as_str(), Operation::OpenStore);
        SqliteStore::writer(location, database::open(&place, self.synchronous)?)
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        database::destroy(&Place::new(location.as_str(), Operation::DestroyStore))
    }

    async fn now(&self) -> Result<HostTime> {
        self.marks.now().await
    }

    async fn identity(&self) -> Result<HostIdentity> {
        self.marks.identity().await
    }
}
