//! What the double tries when every state of the medium is asked for.

use asl_host::{Code, Host, LogSeq, Store, StoreLocation};
use asl_sim::double::{Checked, Double, DoubleHost, Report};
use asl_sim::target::{self, Target};
use std::cell::RefCell;
use std::collections::BTreeSet;

const RECORDS: usize = 3;

fn location() -> StoreLocation {
    StoreLocation::new("/root/log")
}

/// Appends and never flushes.
async fn append_all(host: &DoubleHost, (): &()) -> Checked {
    let store = host.create_store(&location()).await?;
    for _ in 0..RECORDS {
        store.append(&[7; 40]).await?;
    }
    Ok(())
}

async fn records_left(host: &DoubleHost) -> Result<usize, asl_host::StoreError> {
    match host.open_store(&location()).await {
        Ok(store) => Ok(store.read(LogSeq::FIRST, 100).await?.len()),
        Err(error) if error.code() == Code::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// How many records checks found, and what the double did.
fn tried(double: &Double) -> (BTreeSet<usize>, Report) {
    let seen = RefCell::new(BTreeSet::new());
    let report = double.check(append_all, async |host: &DoubleHost, (): &()| {
        let left = records_left(host).await?;
        seen.borrow_mut().insert(left);
        Ok(())
    });
    let report = report.unwrap_or_else(|failure| panic!("nothing is asked for: {failure}"));
    (seen.into_inner(), report)
}

fn durable_on_flush() -> Target {
    target::sim_on_flush()
}

#[test]
fn every_state_reaches_each_number_of_records_that_a_loss_of_power_may_leave() {
    let double = Double::new(durable_on_flush()).seeds(0..1);
    let (_, one_state_each) = tried(&double);
    let (seen, report) = tried(&double.clone().every_state(1_000));
    assert_eq!(seen, (0..=RECORDS).collect());
    assert!(report.crashes > one_state_each.crashes, "{report:?} {one_state_each:?}");
    assert_eq!(report.crash_points_cut_short, 0, "{report:?}");
}

#[test]
fn crash_points_with_more_states_than_the_bound_are_counted() {
    let (_, report) = tried(&Double::new(durable_on_flush()).seeds(0..1).every_state(1));
    assert!(report.crash_points_cut_short > 0, "{report:?}");
}

#[test]
fn a_store_above_a_host_on_a_bucket_meets_its_requests_that_fail_and_land_late() {
    let (seen, report) = tried(&Double::new(target::object()).seeds(0..2));
    // What is acknowledged is durable there; a crash between two appends leaves what was appended.
    assert_eq!(seen, (0..=RECORDS).collect());
    assert!(report.crashes > 20 && report.faults > 10, "{report:?}");
}
