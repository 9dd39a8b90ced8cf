//! The host on object stores from a URL, on a real disk and in memory: what is acknowledged is found again by another host, which fences
//! the first one off.

use asl_host::object::url::host;
use asl_host::{ErrorKind, Host, LogSeq, ObjectOptions, Store, StoreLocation};
use std::future::Future;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};

struct Rings(mpsc::Sender<()>);

impl Wake for Rings {
    fn wake(self: std::sync::Arc<Self>) {
        let _ = self.0.send(());
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let (rings, rang) = mpsc::channel();
    let waker = Waker::from(std::sync::Arc::new(Rings(rings)));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        rang.recv().expect("the waker lives");
    }
}

async fn keeps_what_it_says(url: &str) {
    let open = || host(url, ObjectOptions::default()).expect("it is a bucket");
    let at = StoreLocation::new("ledger");
    let (first, second) = (open(), open());
    let store = first.create_store(&at).await.expect("it is created");
    assert_eq!(store.append(b"one").await.expect("it is appended"), LogSeq(1));
    let block = store.create_block().await.expect("it is made");
    store.write_block(&block, b"some bytes").await.expect("they are written");
    store.seal_block(&block).await.expect("it is sealed");
    let newer = second.open_store(&at).await.expect("it is opened");
    assert_eq!(newer.append(b"two").await.expect("it is appended"), LogSeq(2));
    let refused = store.append(b"three").await.expect_err("another one has it");
    assert_eq!(refused.kind(), ErrorKind::ConcurrentModification);
    let records = newer.read(LogSeq::FIRST, 9).await.expect("they are read");
    assert!(records.iter().map(|record| &*record.data).eq([&b"one"[..], b"two"]));
    assert_eq!(newer.read_block(&block).await.expect("it is read"), b"some bytes");
    let (one, same) =
        (first.identity().await.expect("it has one"), second.identity().await.expect("it has one"));
    assert_eq!(one, same);
}

#[test]
fn a_directory_is_a_bucket() {
    let directory = tempfile::tempdir().expect("there is room");
    let below = directory.path().join("made with the first store");
    block_on(keeps_what_it_says(&format!("file://{}", below.display().to_string().replace(' ', "%20"))));
    assert!(below.join("ledger/entries").is_dir());
}

#[test]
fn memory_is_a_bucket_for_one_process() {
    block_on(keeps_what_it_says("memory://one"));
}
