//! An [`Env`] whose sleep does not block: for hosts that wait for answers, many of them on one thread.
//!
//! One thread of its own wakes whoever waits. It begins with the first sleep, and ends when the last clone is gone. No runtime is named:
//! the futures can be polled by any.

use crate::env::{Env, OsEnv};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The operating system's clock and entropy, and sleeps that leave the calling thread free.
#[derive(Clone, Debug, Default)]
pub struct TimerEnv {
    timer: Arc<Timer>,
}

/// Ends the thread when nobody can sleep any more.
#[derive(Debug, Default)]
struct Timer {
    shared: Arc<Shared>,
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.shared.sleepers().state = State::Ending;
        self.shared.changed.notify_one();
    }
}

#[derive(Debug, Default)]
struct Shared {
    sleepers: Mutex<Sleepers>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    NotStarted,
    Running,
    Ending,
}

#[derive(Debug, Default)]
struct Sleepers {
    state: State,
    /// Whom to wake, by when and in the order of their coming.
    waiting: BTreeMap<(Instant, u64), Waker>,
    came: u64,
}

impl Shared {
    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes sleepers until the end.
    fn serve(&self) {
        let mut sleepers = self.sleepers();
        while sleepers.state != State::Ending {
            let Some((&(until, _), _)) = sleepers.waiting.first_key_value() else {
                sleepers = self.changed.wait(sleepers).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(now());
            if left.is_zero() {
                let due = sleepers.waiting.pop_first();
                drop(sleepers);
                if let Some((_, waker)) = due {
                    waker.wake();
                }
                sleepers = self.sleepers();
            } else {
                let waited = self.changed.wait_timeout(sleepers, left);
                sleepers = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a timer goes by the clock")]
fn now() -> Instant {
    Instant::now()
}

/// One sleep.
#[derive(Debug)]
struct Sleep {
    shared: Arc<Shared>,
    until: Instant,
    /// Its place among those that sleep until then, once it waits.
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if now() >= self.until {
            return Poll::Ready(());
        }
        let shared = self.shared.clone();
        let mut sleepers = shared.sleepers();
        let number = *self.number.get_or_insert_with(|| {
            sleepers.came += 1;
            sleepers.came
        });
        sleepers.waiting.insert((self.until, number), context.waker().clone());
        if sleepers.state == State::NotStarted {
            sleepers.state = State::Running;
            drop(sleepers);
            start(shared.clone());
        } else {
            drop(sleepers);
        }
        shared.changed.notify_one();
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.shared.sleepers().waiting.remove(&(self.until, number));
        }
    }
}

/// # Panics
///
/// If the operating system gives no thread.
fn start(shared: Arc<Shared>) {
    let thread = std::thread::Builder::new().name("asl-timer".to_owned());
    thread.spawn(move || shared.serve()).expect("there is a thread for the timer");
}

impl Env for TimerEnv {
    fn now_ns(&self) -> u64 {
        OsEnv.now_ns()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        OsEnv.fill_random(buffer);
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        let until = now().checked_add(duration).unwrap_or_else(|| now() + Duration::from_hours(24 * 365));
        Sleep { shared: self.timer.shared.clone(), until, number: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::Wake;

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

    #[test]
    fn of_several_that_sleep_on_one_thread_each_is_woken_in_its_turn() {
        let env = TimerEnv::default();
        let mut sleeps: Vec<_> =
            [30, 1, 15].map(|ms| Box::pin(env.sleep(Duration::from_millis(ms)))).into_iter().collect();
        let mut woken = Vec::new();
        block_on(poll_fn(|context| {
            for (at, sleep) in sleeps.iter_mut().enumerate() {
                if !woken.contains(&at) && sleep.as_mut().poll(context).is_ready() {
                    woken.push(at);
                }
            }
            if woken.len() == 3 { Poll::Ready(()) } else { Poll::Pending }
        }));
        woken.sort_unstable();
        assert_eq!(woken, [0, 1, 2]);
    }

    #[test]
    fn a_sleep_that_is_dropped_is_forgotten_and_the_thread_ends_with_the_last_clone() {
        let env = TimerEnv::default();
        let shared = env.timer.shared.clone();
        block_on(poll_fn(|context| {
            let mut long = Box::pin(env.sleep(Duration::from_hours(1)));
            assert!(long.as_mut().poll(context).is_pending());
            assert_eq!(shared.sleepers().waiting.len(), 1);
            Poll::Ready(())
        }));
        assert!(shared.sleepers().waiting.is_empty());
        drop(env.clone());
        assert_eq!(shared.sleepers().state, State::Running);
        drop(env);
        // The thread has a clone of what is shared until it ends.
        while Arc::strong_count(&shared) > 1 {
            std::thread::yield_now();
        }
    }
}
