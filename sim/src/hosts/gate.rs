//! One at a time: a lock for tasks that needs no runtime. Whoever waits may be dropped, and so may whoever has it.
//!
//! Not fair: who waits longest has no better claim.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard};
use std::task::{Poll, Waker};

/// Lets one task in at a time.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    taken: bool,
    waiters: Vec<Waker>,
}

/// The right to be inside; dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Pass<'a>(&'a Gate);

impl Gate {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().expect("nothing panics while holding the gate's lock")
    }

    /// Waits until nobody is inside.
    pub(crate) async fn enter(&self) -> Pass<'_> {
        poll_fn(|context| {
            let mut queue = self.queue();
            if queue.taken {
                if !queue.waiters.iter().any(|waker| waker.will_wake(context.waker())) {
                    queue.waiters.push(context.waker().clone());
                }
                return Poll::Pending;
            }
            queue.taken = true;
            Poll::Ready(())
        })
        .await;
        Pass(self)
    }

    /// Goes in if nobody is inside.
    pub(crate) fn try_enter(&self) -> Option<Pass<'_>> {
        let mut queue = self.queue();
        if queue.taken {
            return None;
        }
        queue.taken = true;
        Some(Pass(self))
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.taken = false;
        let waiters = std::mem::take(&mut queue.waiters);
        drop(queue);
        // All of them: one that was dropped meanwhile would not pass it on.
        waiters.into_iter().for_each(Waker::wake);
    }
}
