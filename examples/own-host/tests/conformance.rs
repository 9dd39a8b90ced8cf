//! The host, crashed a thousand times by plain `cargo test`.

mod forgetful;

use asl_sim::conformance::Conformance;
use forgetful::Forgetful;
use own_host::OwnHost;

#[test]
fn the_host_keeps_the_contract() {
    Conformance::new("own-host", |machine| {
        OwnHost::new(machine.file_system(), machine.env(), machine.root())
    })
    .regressions("tests/cases")
    .check();
}

/// What it is told like when a sync is forgotten, of the directory that a new store's name is in.
#[test]
#[should_panic(expected = "violation: create-durable")]
fn a_sync_that_is_forgotten_is_found() {
    Conformance::new("own-host-forgetful", |machine| {
        OwnHost::new(Forgetful(machine.file_system()), machine.env(), machine.root())
    })
    .check();
}
