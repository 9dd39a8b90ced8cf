//! Starts and stops a proxy, and takes its connections.

use crate::connection::Connection;
use crate::fault::Rule;
use crate::plan::Told;
use crate::shared::Shared;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, JoinHandle, Scope};
use std::time::Duration;

/// The proxy's own connection to itself is made within this time.
const WAKE_TIME_MAX: Duration = Duration::from_secs(1);
/// If no connection can be taken, for want of file descriptors, the proxy tries again after this time.
const RETRY_TIME: Duration = Duration::from_millis(10);

/// A proxy that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The thread that takes connections, and ends after those that serve them. `None` = stopped.
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// Starts a proxy on a free port of 127.0.0.1. `upstream` is the server: a `SocketAddr` or `"host:port"`,
    /// resolved once, here; nothing has to listen there yet. `seed` chooses which requests the rules harm.
    ///
    /// Errors: `InvalidInput` if `upstream` has no port; whatever resolving it ends with; the port cannot be
    /// bound, or no thread can be started.
    pub fn start(upstream: impl ToSocketAddrs, rules: Vec<Rule>, seed: u64) -> io::Result<Wire> {
        Wire::start_on(0, upstream, rules, seed)
    }

    /// The same on this port of 127.0.0.1; 0 = a free one.
    ///
    /// Errors: as those of [`Wire::start`].
    pub fn start_on(
        port: u16,
        upstream: impl ToSocketAddrs,
        rules: Vec<Rule>,
        seed: u64,
    ) -> io::Result<Wire> {
        let upstream = upstream.to_socket_addrs()?.collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(upstream, seed, rules));
        let served = shared.clone();
        let work = move || thread::scope(|scope| take_all(&listener, &served, scope));
        let thread = thread::Builder::new().name("asl-wire".to_owned()).spawn(work)?;
        Ok(Wire { address, shared, thread: Some(thread) })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the proxy has done so far. A fault is counted before it is done: once a client has seen it, it is
    /// in here.
    pub fn told(&self) -> Told {
        self.shared.told()
    }

    /// Other rules from the next request on. Their `times` start anew. The numbers of requests go on, so the
    /// same requests may meet other faults than after a start.
    pub fn set_rules(&self, rules: Vec<Rule>) {
        self.shared.plan(|plan| plan.set_rules(rules));
    }

    /// Stops taking connections, closes those there are, ends its threads, and says what it has done.
    /// Requests and answers that are under way are cut where they are. Dropping a `Wire` does the same.
    ///
    /// It takes moments. If a connection to the server is just being made, it takes until that is made or
    /// fails: ten seconds for each address of the server at most.
    ///
    /// # Panics
    ///
    /// If a thread of the proxy has panicked, which is a fault in this crate.
    pub fn stop(mut self) -> Told {
        self.end();
        self.shared.told()
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.stop();
        // The thread waits for a connection, so it gets one.
        let woken = TcpStream::connect_timeout(&self.address, WAKE_TIME_MAX);
        if woken.is_err_and(|error| error.kind() != io::ErrorKind::TimedOut) && !thread.is_finished() {
            // Without file descriptors it cannot be woken. It ends with the next connection, or with the
            // process.
            return;
        }
        if let Err(panic) = thread.join()
            && !thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.end();
    }
}

/// Takes connections until the proxy stops, each on a thread of its own. The scope waits for these.
fn take_all<'scope>(listener: &TcpListener, shared: &'scope Shared, scope: &'scope Scope<'scope, '_>) {
    for client in listener.incoming() {
        if shared.is_stopping() {
            return;
        }
        let started = client.and_then(|client| start_connection(client, shared, scope));
        // A client may have gone before it was taken; that needs no wait, but it is rare.
        if started.is_err() && !shared.wait(RETRY_TIME) {
            return;
        }
    }
}

fn start_connection<'scope>(
    client: TcpStream,
    shared: &'scope Shared,
    scope: &'scope Scope<'scope, '_>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let open = shared.register(&client)?;
    let serve = move || {
        Connection::new(client, shared).serve();
        drop(open);
    };
    thread::Builder::new().name("asl-wire client".to_owned()).spawn_scoped(scope, serve)?;
    Ok(())
}
