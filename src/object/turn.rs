//! One at a time: a lock for tasks that needs no runtime. Whoever waits may be dropped, and so may whoever has it.
//!
//! Not fair: who waits longest has no better claim.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Lets one task in at a time.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    taken: bool,
    waiters: Vec<Waker>,
}

/// The right to be inside; dropping it lets the next one in.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody is inside.
    pub(super) async fn enter(&self) -> Turn<'_> {
        let entered = self.enter_unless(|| false).await;
        entered.expect("it waits for nothing else")
    }

    /// Waits until nobody is inside, or until there is no need to enter any more. That may come about only while somebody is inside.
    pub(super) async fn enter_unless(&self, needless: impl Fn() -> bool) -> Option<Turn<'_>> {
        let entered = poll_fn(|context| {
            if needless() {
                return Poll::Ready(false);
            }
            let mut queue = self.queue();
            if queue.taken {
                if !queue.waiters.iter().any(|waker| waker.will_wake(context.waker())) {
                    queue.waiters.push(context.waker().clone());
                }
                return Poll::Pending;
            }
            queue.taken = true;
            Poll::Ready(true)
        });
        entered.await.then(|| Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.taken = false;
        let waiters = std::mem::take(&mut queue.waiters);
        drop(queue);
        // All of them: one that was dropped meanwhile would not pass it on.
        waiters.into_iter().for_each(Waker::wake);
    }
}
