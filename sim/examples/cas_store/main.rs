//! A content-addressed store above a host, tested on the adversarial double: `cargo run -p asl-sim --example cas_store`.
//!
//! `store.rs`, `log.rs` and `segment.rs` are the store, for any host; `check.rs` is what its author writes to test it. Here it is
//! tested in both durability modes on two hosts, the reference host `SimHost` first; `sim/tests/library/cas_store.rs` does so too, and shows that stores with the steps of a put in another order are
//! caught.

mod check;
mod log;
mod segment;
mod store;

use asl_sim::double::Double;
use asl_sim::target;
use std::process::ExitCode;
use store::Discipline;

fn main() -> ExitCode {
    let work = async |host: &_, model: &_| check::work(host, model, Discipline::Right).await;
    for target in [target::sim(), target::sim_on_flush(), target::posix(), target::posix_on_flush()] {
        let name = target.name().to_owned();
        match Double::new(target).seeds(0..2).check(work, check::check) {
            Ok(report) => println!("{name}: {report}"),
            Err(failure) => {
                println!("{name}: {failure}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
