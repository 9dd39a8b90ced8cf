//! The host, crashed a thousand times by `cargo test` with `--cfg madsim`.
#![cfg(madsim)]

use asl_sim::conformance::Conformance;
use asl_sim::scenario::Runtime;
use tokio_host::TokioHost;

#[test]
fn the_host_keeps_the_contract() {
    Conformance::new("tokio-host", |machine| {
        TokioHost::new(machine.file_system(), machine.env(), machine.root())
    })
    .runtime(Runtime::Madsim)
    .check();
}
