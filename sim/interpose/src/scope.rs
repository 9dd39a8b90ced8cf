//! Which world this thread's calls are led into: that of the host whose operation is being polled.

use crate::ROOT;
use asl_sim::world::Blocking;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// One incarnation's way into its world.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) world: Blocking,
    /// What `st_dev` says: never the same twice, since libraries keep what they know of a file by device and inode.
    pub(crate) device: u64,
}

impl Scope {
    pub(crate) fn new(world: Blocking) -> Arc<Scope> {
        static DEVICES: AtomicU64 = AtomicU64::new(0x00a5_0000);
        Arc::new(Scope { world, device: DEVICES.fetch_add(1, Ordering::Relaxed) })
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Scope>>> = const { RefCell::new(None) };
}

/// The scope that this thread is in. While a call is being served there is none: what serves it calls the C library as ever.
pub(crate) fn current() -> Option<Arc<Scope>> {
    CURRENT.try_with(|current| current.try_borrow().ok()?.clone()).ok()?
}

/// The scope, and the path in its world, if a path leads there.
pub(crate) fn led(path: &str) -> Option<(Arc<Scope>, String)> {
    let rest = path.strip_prefix(ROOT)?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    Some((current()?, if rest.is_empty() { "/".to_owned() } else { rest.to_owned() }))
}

/// Puts the scope in place until it is dropped.
#[derive(Debug)]
pub(crate) struct Entered(Option<Arc<Scope>>);

pub(crate) fn enter(scope: Option<Arc<Scope>>) -> Entered {
    Entered(CURRENT.with(|current| current.replace(scope)))
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.0.take();
        let _ = CURRENT.try_with(|current| current.replace(before));
    }
}

/// A future that is polled, and dropped, in a scope.
#[derive(Debug)]
pub(crate) struct Inside<F> {
    scope: Arc<Scope>,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Inside<F> {
    pub(crate) fn new(scope: &Arc<Scope>, future: F) -> Inside<F> {
        Inside { scope: scope.clone(), future: Some(Box::pin(future)) }
    }
}

impl<F: Future> Future for Inside<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _entered = enter(Some(self.scope.clone()));
        self.future.as_mut().expect("it is there until it is dropped").as_mut().poll(context)
    }
}

impl<F> Drop for Inside<F> {
    fn drop(&mut self) {
        let _entered = enter(Some(self.scope.clone()));
        self.future = None;
    }
}
