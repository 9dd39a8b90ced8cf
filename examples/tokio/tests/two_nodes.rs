//! The host with a second node to talk to, which is killed and started again with some crashes.
#![cfg(madsim)]

use asl_sim::campaign::{capabilities, run_seed};
use asl_sim::scenario::Runtime;
use asl_sim::scenario::generate::Wishes;
use asl_sim::target::Target;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_host::TokioHost;
use tokio_host::standby::Standby;

/// What became of the standbys of all runs.
#[derive(Default)]
struct Tally {
    starts: AtomicUsize,
    records: AtomicUsize,
}

/// A standby whose records are counted when it dies.
struct Counted(Standby, Arc<Tally>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.records.fetch_add(self.0.records(), Ordering::Relaxed);
    }
}

/// madsim resets the sockets of a node that is killed, not of one that is only restarted; and the futures of a killed one, which close
/// their sockets as they are dropped, live a little longer. A standby that comes back gets its port all the same.
#[test]
fn a_standby_is_killed_and_comes_back_and_the_contract_is_kept() {
    const RUNS: usize = 1000;
    let address: SocketAddr = ([10, 0, 0, 1], 7000).into();
    let all = Arc::new(Tally::default());
    let tally = all.clone();
    let target = Target::new("tokio-host-standby", "a host with a standby in another node", move |machine| {
        let tally = tally.clone();
        machine.neighbour("standby", address.ip(), move || {
            tally.starts.fetch_add(1, Ordering::Relaxed);
            let counted = Counted(Standby::default(), tally.clone());
            async move { counted.0.serve(address).await.expect("its port is free") }
        });
        TokioHost::new(machine.file_system(), machine.env(), machine.root()).with_standby(address)
    });
    let wishes = Wishes { runtime: Runtime::Madsim, ..target.wishes() };
    let offered = capabilities(&target, &wishes);
    for seed in 1..=RUNS as u64 {
        let trial = run_seed(&target, seed, &wishes, &offered, false);
        assert!(trial.passed(), "seed {seed} fails: {:?}", trial.signature());
    }
    let (starts, records) = (all.starts.load(Ordering::Relaxed), all.records.load(Ordering::Relaxed));
    assert!(starts > 2 * RUNS, "{starts} starts in {RUNS} runs");
    assert!(records > 10 * RUNS, "{records} records in {RUNS} runs");
}
