//! The host, crashed a thousand times by `cargo test` with `--cfg madsim`.
#![cfg(madsim)]

mod hasty;

use asl_sim::conformance::Conformance;
use asl_sim::scenario::Runtime;
use hasty::Hasty;
use tokio_host::TokioHost;

#[test]
fn the_host_keeps_the_contract() {
    Conformance::new("tokio-host", |machine| {
        TokioHost::new(machine.file_system(), machine.env(), machine.root())
    })
    .runtime(Runtime::Madsim)
    .check();
}

/// What it is told like when appends are acknowledged before the flusher has done its work.
#[test]
#[should_panic(expected = "violation: append-durable")]
fn an_acknowledgement_before_the_flush_is_found() {
    Conformance::new("tokio-host-hasty", |machine| {
        Hasty(TokioHost::new(machine.file_system(), machine.env(), machine.root()))
    })
    .runtime(Runtime::Madsim)
    .check();
}
