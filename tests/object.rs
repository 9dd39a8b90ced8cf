//! The host on object stores, on a bucket in memory: what a client of it sees, and that one which waits stops no other.

use asl_host::env::Env;
use asl_host::{
    ErrorKind, Host, LogSeq, ObjectHandle, ObjectHost, ObjectOptions, Result, Store, StoreLocation, TimerEnv,
};
use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

struct Rings(mpsc::Sender<()>);

impl Wake for Rings {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let (rings, rang) = mpsc::channel();
    let waker = Waker::from(Arc::new(Rings(rings)));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        rang.recv().expect("the waker lives");
    }
}

/// A bucket in memory that is busy: so many writes below one name are refused with an error that says nothing. Or each third read is
/// answered with something else, as by whoever stands in between.
#[derive(Debug)]
struct Busy {
    bucket: Arc<InMemory>,
    name: &'static str,
    refusals: AtomicU32,
    reads: Option<AtomicU32>,
    takes_time: bool,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("busy bucket")
    }
}

#[async_trait]
impl ObjectStore for Busy {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let less = |left: u32| left.checked_sub(1);
        if at.as_ref().starts_with(self.name)
            && self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
        {
            return Err(Error::Generic { store: "busy bucket", source: "503 Slow Down".into() });
        }
        if self.takes_time {
            TimerEnv::default().sleep(Duration::from_millis(2)).await;
        }
        self.bucket.put_opts(at, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.bucket.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        let nth = self.reads.as_ref().map_or(1, |reads| reads.fetch_add(1, Ordering::Relaxed));
        if nth.is_multiple_of(3) && !options.head {
            return self.bucket.get_opts(&Path::from("page"), GetOptions::default()).await;
        }
        self.bucket.get_opts(at, options).await
    }

    fn delete_stream(
        &self,
        all: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.bucket.delete_stream(all)
    }

    fn list(&self, below: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.bucket.list(below)
    }

    async fn list_with_delimiter(&self, below: Option<&Path>) -> object_store::Result<ListResult> {
        self.bucket.list_with_delimiter(below).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.bucket.copy_opts(from, to, options).await
    }
}

fn host<S: ObjectStore>(bucket: S, options: ObjectOptions) -> ObjectHost<S, TimerEnv> {
    ObjectHost::new(bucket, TimerEnv::default(), "host", options)
}

async fn contents<S: ObjectStore>(store: &ObjectHandle<S, TimerEnv>) -> Result<Vec<Vec<u8>>> {
    let records = store.read(LogSeq::FIRST, usize::MAX).await?;
    Ok(records.into_iter().map(|record| record.data).collect())
}

#[test]
fn what_one_process_wrote_another_opens_and_fences_it_off() {
    let bucket = Arc::new(InMemory::new());
    let at = StoreLocation::new("ledger");
    block_on(async {
        let first = host(bucket.clone(), ObjectOptions::default()).create_store(&at).await?;
        // More entries than between two checkpoints.
        for number in 0..150_u64 {
            assert_eq!(first.append(&number.to_le_bytes()).await?, LogSeq(number + 1));
        }
        let block = first.create_block().await?;
        first.write_block(&block, b"sealed").await?;
        first.seal_block(&block).await?;
        let second = host(bucket.clone(), ObjectOptions::default()).open_store(&at).await?;
        assert_eq!(
            first.append(b"stale").await.expect_err("it is fenced off").kind(),
            ErrorKind::ConcurrentModification
        );
        let all: Vec<Vec<u8>> = (0..150_u64).map(|number| number.to_le_bytes().to_vec()).collect();
        assert_eq!(contents(&second).await?, all);
        assert_eq!(second.read(LogSeq(149), 10).await?.len(), 2);
        assert_eq!(second.read_block(&block).await?, b"sealed");
        Result::<()>::Ok(())
    })
    .expect("nothing fails");
}

#[test]
fn sixteen_clients_share_a_thread_and_one_that_backs_off_stops_no_other() {
    let bucket = Arc::new(InMemory::new());
    let busy = || Busy {
        bucket: bucket.clone(),
        name: "busy",
        refusals: AtomicU32::new(3),
        reads: None,
        takes_time: false,
    };
    let options = ObjectOptions { backoff: Duration::from_millis(40), ..ObjectOptions::default() };
    let mut clients: Vec<Pin<Box<dyn Future<Output = Result<usize>>>>> = Vec::new();
    for client in 0..16 {
        let (host, bucket) = (host(busy(), options), if client == 0 { "busy" } else { "free" });
        clients.push(Box::pin(async move {
            let store = host.create_store(&StoreLocation::new(format!("{bucket}/{client}"))).await?;
            for _ in 0..50 {
                store.append(b"record").await?;
            }
            Ok(contents(&store).await?.len())
        }));
    }
    let mut ended: Vec<usize> = Vec::new();
    block_on(poll_fn(|context| {
        for (client, future) in clients.iter_mut().enumerate() {
            if !ended.contains(&client)
                && let Poll::Ready(records) = future.as_mut().poll(context)
            {
                assert_eq!(records.expect("nothing fails for good"), 50);
                ended.push(client);
            }
        }
        if ended.len() == 16 { Poll::Ready(()) } else { Poll::Pending }
    }));
    assert_eq!(ended.last(), Some(&0), "whoever waits ends last: {ended:?}");
}

#[test]
fn a_bucket_that_is_out_of_order_is_an_io_error_and_the_handle_refuses_work_until_it_is_opened_again() {
    let bucket = Arc::new(InMemory::new());
    let at = StoreLocation::new("ledger");
    let options =
        ObjectOptions { attempts_max: 2, backoff: Duration::from_millis(1), ..ObjectOptions::default() };
    block_on(async {
        let broken = Busy {
            bucket: bucket.clone(),
            name: "ledger",
            refusals: AtomicU32::new(0),
            reads: None,
            takes_time: false,
        };
        let broken = Arc::new(broken);
        let store = host(broken.clone(), options).create_store(&at).await?;
        store.append(b"one").await?;
        broken.refusals.store(2, Ordering::Relaxed);
        assert_eq!(store.append(b"two").await.expect_err("nobody answers").kind(), ErrorKind::Io);
        assert_eq!(store.append(b"three").await.expect_err("its end is open").kind(), ErrorKind::Closed);
        let again = host(bucket.clone(), options).open_store(&at).await?;
        assert_eq!(contents(&again).await?, [b"one"]);
        Result::<()>::Ok(())
    })
    .expect("nothing else fails");
}

#[test]
fn a_page_in_place_of_an_object_is_no_damage_and_is_read_again() {
    // A server stood behind a balancer that answered some requests with a page and status 200. Each log of some length had one in its way,
    // and could not be opened: "entry 60 is damaged".
    let at = StoreLocation::new("ledger");
    let inner = Arc::new(InMemory::new());
    let page = PutPayload::from_static(b"<html>Please sign in</html>");
    block_on(inner.put_opts(&Path::from("page"), page, PutOptions::default())).expect("there is room");
    let bucket = Arc::new(Busy {
        bucket: inner,
        name: "nothing",
        refusals: AtomicU32::new(0),
        reads: Some(AtomicU32::new(0)),
        takes_time: false,
    });
    let options =
        ObjectOptions { backoff: Duration::from_millis(1), part_len: 3, ..ObjectOptions::default() };
    block_on(async {
        let first = host(bucket.clone(), options).create_store(&at).await?;
        let mut all = Vec::new();
        for number in 0..30_u8 {
            first.append(&[number]).await?;
            all.push(vec![number]);
        }
        let block = first.create_block().await?;
        first.write_block(&block, b"sealed").await?;
        first.seal_block(&block).await?;
        let second = host(bucket.clone(), options).open_store(&at).await?;
        assert_eq!(contents(&second).await?, all);
        assert_eq!(second.read_block(&block).await?, b"sealed");
        let identity = host(bucket.clone(), options).identity().await?;
        assert_eq!(host(bucket.clone(), options).identity().await?, identity);
        Result::<()>::Ok(())
    })
    .expect("nothing fails");
}

/// How many entries so many clients need, who each append so many records.
fn entries(clients: u64, each: u64, linger: Duration) -> u64 {
    let inner = Arc::new(InMemory::new());
    let (name, refusals) = ("nothing", AtomicU32::new(0));
    let bucket = Arc::new(Busy { bucket: inner.clone(), name, refusals, reads: None, takes_time: true });
    let options = ObjectOptions { linger, ..ObjectOptions::default() };
    block_on(async {
        let store = host(bucket, options).create_store(&StoreLocation::new("ledger")).await?;
        let client = || async {
            for _ in 0..each {
                store.append(b"record").await?;
            }
            Result::<()>::Ok(())
        };
        futures_util::future::try_join_all((0..clients).map(|_| client())).await?;
        assert_eq!(contents(&store).await?.len() as u64, clients * each);
        Result::<()>::Ok(())
    })
    .expect("nothing fails");
    let below = Path::from("ledger/entries");
    block_on(inner.list_with_delimiter(Some(&below))).expect("it answers").objects.len() as u64
}

#[test]
fn records_that_arrive_while_a_batch_is_put_share_the_next_one() {
    // Each went alone: the first in line led a batch of its own record, and so did each behind it.
    let entries = entries(16, 20, Duration::ZERO);
    assert!(entries <= 1 + 3 * 20, "{entries} entries for 16 times 20 records");
}

#[test]
fn a_leader_that_lingers_puts_what_all_clients_append_together() {
    let entries = entries(16, 4, Duration::from_millis(200));
    assert!(entries <= 1 + 4 + 2, "{entries} entries for 16 times 4 records");
}
