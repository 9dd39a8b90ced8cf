//! The example's store above a host, on the adversarial double: right in both durability modes, and caught when it is not.

#[path = "../../examples/cas_store/check.rs"]
mod check;
#[path = "../../examples/cas_store/log.rs"]
mod log;
#[path = "../../examples/cas_store/segment.rs"]
mod segment;
#[path = "../../examples/cas_store/store.rs"]
mod store;

use asl_sim::double::{Double, DoubleHost, Failure, Report};
use asl_sim::target::{self, Target};
use asl_sim::world::Sandbox;
use check::{Model, check, location, work};
use store::{CasStore, Discipline};

fn tested(target: Target, discipline: Discipline) -> Result<Report, Box<Failure>> {
    let work = async move |host: &DoubleHost, model: &Model| work(host, model, discipline).await;
    Double::new(target).seeds(0..1).check(work, check)
}

#[test]
fn a_put_is_all_or_nothing_under_every_trouble() {
    for target in [target::sim(), target::sim_on_flush(), target::posix(), target::posix_on_flush()] {
        let report = tested(target, Discipline::Right).expect("the store is right");
        assert!(
            report.crashes > 200 && report.faults > 50 && report.refusals > 100 && report.full > 5,
            "{report}"
        );
    }
}

#[test]
fn logging_before_sealing_is_caught() {
    let failure =
        tested(target::sim(), Discipline::LogBeforeSeal).expect_err("the log speaks of what is not sealed");
    assert!(failure.said.contains("no sealed block has its hash"), "{failure}");
    // And it can be seen again.
    let work = async |host: &DoubleHost, model: &Model| work(host, model, Discipline::LogBeforeSeal).await;
    let again =
        Double::new(target::sim()).replay(&failure.plan.to_string(), work, check).expect_err("the same");
    assert_eq!(again.to_string(), failure.to_string());
}

#[test]
fn acknowledging_without_a_flush_is_caught_on_a_host_that_needs_one() {
    tested(target::sim(), Discipline::NoFlush).expect("appends are durable there");
    let failure = tested(target::sim_on_flush(), Discipline::NoFlush).expect_err("a crash loses the record");
    assert_eq!(failure.said, "the check failed: an artifact whose put was acknowledged is gone");
}

#[test]
fn any_single_bit_that_changes_in_a_record_is_noticed() {
    let (first, hash) = log::encode(&log::CHAIN_START, 1, 0x01, &[5; 40]);
    let (second, _) = log::encode(&hash, 2, 0x77, b"of a type that nobody knows");
    assert_eq!(log::decode(&hash, 2, &second).expect("it is whole").0, log::Entry::Unknown(0x77));
    for bit in 0..first.len() * 8 {
        let mut changed = first.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(log::decode(&log::CHAIN_START, 1, &changed).is_err(), "bit {bit}");
    }
    for bit in 0..256 {
        let mut other = hash;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(log::decode(&other, 2, &second).is_err(), "the chain holds records together");
    }
}

#[test]
fn tombstones_hide_lifts_show_and_unknown_records_are_skipped() {
    let sandbox = Sandbox::new(1);
    let options = asl_host::PosixOptions::default();
    let host =
        || asl_host::PosixHost::with_seams(sandbox.file_system(), sandbox.env(), sandbox.root(), options);
    sandbox.run(async {
        let host = host();
        let mut store = CasStore::open(&host, &location(), Discipline::Right).await.expect("it is made");
        let id = store.put(b"bytes").await.expect("put");
        store.hide(id).await.expect("hidden");
        assert_eq!(store.get(&id).await.expect("no error"), None);
        store.log(&log::Entry::Unknown(0x99)).await.expect("appended");
        store.lift(id).await.expect("lifted");
        asl_host::Store::close(store.host_store()).await.expect("closed");
        let again = CasStore::open(&host, &location(), Discipline::Right).await.expect("it is there");
        assert_eq!(again.current(), store.current());
        assert_eq!(again.get(&id).await.expect("no error").as_deref(), Some(&b"bytes"[..]));
    });
}
