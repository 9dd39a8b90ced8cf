//! Clock, entropy and sleep, whatever their type.

use asl_host::env::Env;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

trait Mirror: Send + Sync {
    fn now_ns(&self) -> u64;
    fn fill_random(&self, buffer: &mut [u8]);
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<E: Env> Mirror for E {
    fn now_ns(&self) -> u64 {
        Env::now_ns(self)
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        Env::fill_random(self, buffer);
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(Env::sleep(self, duration))
    }
}

/// An environment whose type is not known.
#[derive(Clone)]
pub struct AnyEnv(Arc<dyn Mirror>);

impl fmt::Debug for AnyEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyEnv")
    }
}

impl AnyEnv {
    /// This one.
    pub fn new(env: impl Env) -> AnyEnv {
        AnyEnv(Arc::new(env))
    }
}

impl Env for AnyEnv {
    fn now_ns(&self) -> u64 {
        self.0.now_ns()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        self.0.fill_random(buffer);
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}
