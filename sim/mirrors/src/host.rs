//! The contract's traits, object-safe: each method returns a boxed future. What they mean, [`asl_host::host`] says.

use asl_host::{
    BlockId, Capabilities, Host, HostIdentity, HostTime, LogSeq, Record, Result, SnapshotId, Store,
    StoreLocation,
};
use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A future of a host, boxed.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;
/// An open store, shared by the clients.
pub type SharedStore = Arc<dyn AnyStore>;

/// An operation of a host's own: given the store, whose type it knows, and a number, to make of it what it likes.
pub type Own = dyn for<'a> Fn(&'a (dyn Any + Sync), u32) -> Boxed<'a, ()> + Send + Sync;

macro_rules! mirror {
    ($trait:ident, $bound:ident, $($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        #[expect(clippy::elidable_lifetime_names, reason = "where an argument borrows, the lifetime has to have a name")]
        impl<T: $bound> $trait for T {
            $(fn $name<'a>(&'a self, $($arg: $type),*) -> Boxed<'a, $out> {
                Box::pin($bound::$name(self, $($arg),*))
            })*
            mirror!(@extra $trait);
        }
    };
    (@extra AnyStore) => {
        fn mount_snapshot<'a>(&'a self, id: &'a SnapshotId) -> Boxed<'a, SharedStore> {
            Box::pin(async move { Ok(Arc::new(Store::mount_snapshot(self, id).await?) as SharedStore) })
        }
        fn append_unit(&self) -> u32 {
            Store::append_unit(self)
        }
        fn own<'a>(&'a self, operation: &'a Arc<Own>, input: u32) -> Boxed<'a, ()> {
            operation(self, input)
        }
    };
    (@extra AnyHost) => {
        fn capabilities(&self) -> Capabilities {
            Host::capabilities(self)
        }
        fn create_store<'a>(&'a self, at: &'a StoreLocation) -> Boxed<'a, SharedStore> {
            Box::pin(async move { Ok(Arc::new(Host::create_store(self, at).await?) as SharedStore) })
        }
        fn open_store<'a>(&'a self, at: &'a StoreLocation) -> Boxed<'a, SharedStore> {
            Box::pin(async move { Ok(Arc::new(Host::open_store(self, at).await?) as SharedStore) })
        }
    };
}

/// [`Store`], object-safe.
pub trait AnyStore: Send + Sync {
    /// [`Store::append`].
    fn append<'a>(&'a self, record: &'a [u8]) -> Boxed<'a, LogSeq>;
    /// [`Store::append_if`].
    fn append_if<'a>(&'a self, expected: LogSeq, record: &'a [u8]) -> Boxed<'a, LogSeq>;
    /// [`Store::flush`].
    fn flush(&self) -> Boxed<'_, LogSeq>;
    /// [`Store::durable_upto`].
    fn durable_upto(&self) -> Boxed<'_, LogSeq>;
    /// [`Store::read`].
    fn read(&self, from: LogSeq, limit: usize) -> Boxed<'_, Vec<Record>>;
    /// [`Store::close`].
    fn close(&self) -> Boxed<'_, ()>;
    /// [`Store::create_block`].
    fn create_block(&self) -> Boxed<'_, BlockId>;
    /// [`Store::write_block`].
    fn write_block<'a>(&'a self, id: &'a BlockId, data: &'a [u8]) -> Boxed<'a, ()>;
    /// [`Store::seal_block`].
    fn seal_block<'a>(&'a self, id: &'a BlockId) -> Boxed<'a, ()>;
    /// [`Store::read_block`].
    fn read_block<'a>(&'a self, id: &'a BlockId) -> Boxed<'a, Vec<u8>>;
    /// [`Store::list_blocks`].
    fn list_blocks(&self) -> Boxed<'_, Vec<BlockId>>;
    /// [`Store::create_snapshot`].
    fn create_snapshot(&self) -> Boxed<'_, SnapshotId>;
    /// [`Store::list_snapshots`].
    fn list_snapshots(&self) -> Boxed<'_, Vec<SnapshotId>>;
    /// [`Store::delete_snapshot`].
    fn delete_snapshot<'a>(&'a self, id: &'a SnapshotId) -> Boxed<'a, ()>;
    /// [`Store::mount_snapshot`].
    fn mount_snapshot<'a>(&'a self, id: &'a SnapshotId) -> Boxed<'a, SharedStore>;
    /// [`Store::append_unit`].
    fn append_unit(&self) -> u32;
    /// An operation of the host's own, on the store by its type.
    fn own<'a>(&'a self, operation: &'a Arc<Own>, input: u32) -> Boxed<'a, ()>;
}

/// [`Host`], object-safe.
pub trait AnyHost: Send + Sync {
    /// [`Host::capabilities`].
    fn capabilities(&self) -> Capabilities;
    /// [`Host::create_store`].
    fn create_store<'a>(&'a self, at: &'a StoreLocation) -> Boxed<'a, SharedStore>;
    /// [`Host::open_store`].
    fn open_store<'a>(&'a self, at: &'a StoreLocation) -> Boxed<'a, SharedStore>;
    /// [`Host::destroy_store`].
    fn destroy_store<'a>(&'a self, at: &'a StoreLocation) -> Boxed<'a, ()>;
    /// [`Host::now`].
    fn now(&self) -> Boxed<'_, HostTime>;
    /// [`Host::identity`].
    fn identity(&self) -> Boxed<'_, HostIdentity>;
}

mirror! { AnyStore, Store,
    append(record: &'a [u8]) -> LogSeq;
    append_if(expected: LogSeq, record: &'a [u8]) -> LogSeq;
    flush() -> LogSeq;
    durable_upto() -> LogSeq;
    read(from: LogSeq, limit: usize) -> Vec<Record>;
    close() -> ();
    create_block() -> BlockId;
    write_block(id: &'a BlockId, data: &'a [u8]) -> ();
    seal_block(id: &'a BlockId) -> ();
    read_block(id: &'a BlockId) -> Vec<u8>;
    list_blocks() -> Vec<BlockId>;
    create_snapshot() -> SnapshotId;
    list_snapshots() -> Vec<SnapshotId>;
    delete_snapshot(id: &'a SnapshotId) -> ();
}

mirror! { AnyHost, Host,
    destroy_store(at: &'a StoreLocation) -> ();
    now() -> HostTime;
    identity() -> HostIdentity;
}
