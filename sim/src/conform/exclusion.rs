//! Several processes and one store: a second writer is refused while the first lives, and not longer.
//!
//! For hosts that refuse; not covered here are those that fence older writers off.

use super::Site;
use super::cases::{Context, Must};
use super::part::{Came, NO_HELPER, Other, say, wait_for_the_other_side};
use super::real::Real;
use crate::base::block_on;
use asl_host::{Code, Host, LogSeq, Result, Store, StoreLocation};

/// How many processes open a store at once.
const RIVALS: usize = 4;

fn store(here: &Real) -> StoreLocation {
    here.location("store")
}

/// In another process: holds the store open until it is let go, then writes and closes.
pub(super) async fn hold(here: &Real) -> Result<()> {
    let store = here.boot().open_store(&store(here)).await?;
    say("holding", &store.durable_upto().await?.to_string());
    wait_for_the_other_side();
    store.append(b"written while others were refused").await?;
    store.close().await
}

/// Nobody else can open, make or destroy the store.
fn assert_refused(here: &Real) {
    let host = here.boot();
    for _ in 0..2 {
        let code = block_on(host.open_store(&store(here))).err().map(|error| error.code());
        assert_eq!(code, Some(Code::ConcurrentModification), "what an open is told");
        let code = block_on(host.destroy_store(&store(here))).err().map(|error| error.code());
        assert_eq!(code, Some(Code::ConcurrentModification), "what a destruction is told");
        let code = block_on(host.create_store(&store(here))).err().map(|error| error.code());
        assert_eq!(code, Some(Code::Exists), "what a creation is told");
    }
}

pub(super) fn a_second_process_is_refused_while_the_first_lives(site: &Site) -> Came {
    let here = &site.here;
    drop(block_on(here.boot().create_store(&store(here))).must("create the store"));
    let Some(mut other) = Other::start(site, "hold") else {
        return Came::Skipped(NO_HELPER.to_owned());
    };
    assert_eq!(other.expect("holding"), "0");
    assert_refused(here);
    other.let_go();
    let store = block_on(here.boot().open_store(&store(here))).must("open what the other one has closed");
    assert_eq!(block_on(store.durable_upto()).must("ask"), LogSeq(1));
    Came::passed()
}

pub(super) fn the_store_of_a_killed_process_opens_at_once(site: &Site) -> Came {
    let here = &site.here;
    drop(block_on(here.boot().create_store(&store(here))).must("create the store"));
    for _ in 0..3 {
        let Some(mut other) = Other::start(site, "hold") else {
            return Came::Skipped(NO_HELPER.to_owned());
        };
        other.expect("holding");
        assert_refused(here);
        other.kill();
        drop(
            block_on(here.boot().open_store(&store(here)))
                .must("open the store of a process that was killed"),
        );
    }
    Came::passed()
}

/// In another process: opens the store as soon as all are let go, and keeps it until killed if it gets it.
pub(super) async fn race(here: &Real) -> Result<()> {
    let host = here.boot();
    say("ready", "to open");
    wait_for_the_other_side();
    match host.open_store(&store(here)).await {
        Ok(store) => {
            say("opened", &store.durable_upto().await?.to_string());
            loop {
                std::thread::park();
            }
        }
        Err(error) if error.code() == Code::ConcurrentModification => {
            say("refused", "as one of several");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

pub(super) fn of_several_processes_that_open_at_once_one_gets_the_store(site: &Site) -> Came {
    let here = &site.here;
    drop(block_on(here.boot().create_store(&store(here))).must("create the store"));
    for _ in 0..3 {
        let rivals: Option<Vec<Other>> = (0..RIVALS).map(|_| Other::start(site, "race")).collect();
        let Some(mut rivals) = rivals else {
            return Came::Skipped(NO_HELPER.to_owned());
        };
        for rival in &mut rivals {
            rival.expect("ready");
        }
        for rival in &mut rivals {
            drop(rival.child.stdin.take());
        }
        let said =
            rivals.iter_mut().map(|rival| rival.hear().must("another process ended without an answer"));
        let opened = said.filter(|(word, _)| word == "opened").count();
        assert_eq!(opened, 1, "how many of {RIVALS} processes have the store open");
        // Whoever has it is killed with the others, as they go out of scope.
    }
    Came::passed()
}
