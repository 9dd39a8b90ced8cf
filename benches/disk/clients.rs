//! Clients at work: threads that append one record after the other, and the executor that each of them has.

use crate::rounds::now;
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// Has this many threads repeat an operation for about as long as told; returns operations a second, of all together.
///
/// All begin at once. Each ends the operation that it is at when the time is over: it counts, and so does its time.
pub(crate) fn per_second(clients: usize, length: Duration, operation: impl Fn() + Sync) -> f64 {
    let start = Barrier::new(clients);
    let client = || {
        start.wait();
        let (began, mut done) = (now(), 0_u32);
        while began.elapsed() < length {
            operation();
            done += 1;
        }
        (began, now(), done)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        let ran = threads.into_iter().map(|thread| thread.join().expect("no client panics"));
        let whole = ran.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1), all.2 + one.2));
        let (began, ended, done) = whole.expect("there is a client");
        f64::from(done) / (ended - began).as_secs_f64()
    })
}

/// Runs a future on this thread, which sleeps while the future waits.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = thread_waker();
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            // A wake that came before this makes it return at once.
            Poll::Pending => thread::park(),
        }
    }
}

/// A waker of this thread: one for all its futures, as executors have it.
fn thread_waker() -> Waker {
    thread_local!(static WAKER: Waker = Arc::new(Unpark(thread::current())).into());
    WAKER.with(Waker::clone)
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
