//! Several processes and one store, for hosts that fence: the newest open wins, and an older writer changes nothing any more,
//! however late it goes on.
//!
//! A writer is stopped by a signal wherever it happens to be, a request on its way or not. Not covered here: a process that
//! stands still for longer than the medium keeps its connection, and writers on several machines.

use super::Site;
use super::cases::{Context, Must};
use super::part::{Came, NO_HELPER, Other, say, wait_for_the_other_side};
use super::processes::{Known, append_until_killed, record, store};
use super::real::Real;
use crate::base::block_on;
use asl_host::{Code, Durability, Host, LogSeq, Result, Store};
use rustix::process::{Pid, Signal, kill_process};

/// How many processes open a store at once.
const RIVALS: u64 = 4;
/// How many records each of them appends.
const RECORDS: u64 = 5;
/// After how many acknowledgements a writer is fenced off.
const BEFORE: u64 = 10;
/// Records of ours begin with this identifier; those of other processes have greater ones, or smaller ones.
const OURS: u64 = 1 << 50;

/// In another process: appends until it is fenced off.
pub(super) async fn append_until_fenced(here: &Real) -> Result<()> {
    match append_until_killed(here).await {
        Err(error) if error.code() == Code::ConcurrentModification => {
            say("fenced", "off");
            Ok(())
        }
        ended => ended,
    }
}

/// A writer in another process, the part of its log that we have heard of, and our own records behind it.
struct Writer {
    other: Other,
    known: Known,
    durability: Durability,
}

impl Writer {
    /// Starts it on a store that exists, and waits until it has written something.
    fn start(site: &Site, known: Known) -> Option<Writer> {
        let durability = site.here.boot().capabilities().durability;
        let mut writer = Writer { other: Other::start(site, "append-until-fenced")?, known, durability };
        for _ in 0..BEFORE {
            let text = writer.other.expect("acknowledged");
            writer.known.hear("acknowledged", &text, durability);
        }
        Some(writer)
    }

    fn signal(&self, signal: Signal) {
        let process = Pid::from_child(&self.other.child);
        kill_process(process, signal).expect("a child can be sent a signal");
    }

    /// It finds that it was fenced off, and says until then what it was told.
    fn goes_on_until_fenced(&mut self) {
        loop {
            match self.other.hear() {
                Some((word, _)) if word == "fenced" => return,
                Some((word, text)) => self.known.hear(&word, &text, self.durability),
                None => panic!("a writer that was fenced off ended without being told"),
            }
        }
    }
}

/// Opens the store, which fences off whoever has it open, and appends some records.
fn take_over(site: &Site, known: &mut Known, first_id: u64) -> <crate::hosts::BoxedHost as Host>::Store {
    let host = site.here.boot();
    let durability = host.capabilities().durability;
    let ours = block_on(host.open_store(&store(&site.here))).must("open a store that another process writes");
    for id in first_id..first_id + RECORDS {
        let LogSeq(number) = block_on(ours.append(&record(id))).must("append as the newest writer");
        known.acknowledged(number, id, durability);
    }
    block_on(ours.flush()).must("flush as the newest writer");
    ours
}

fn check_log(site: &Site, known: &mut Known) {
    let log = block_on(async {
        let store = site.here.boot().open_store(&store(&site.here)).await?;
        store.read(LogSeq::FIRST, usize::MAX).await
    });
    known.check(&log.must("open the store and read it"));
}

pub(super) fn a_writer_that_another_process_fences_off_writes_no_more(site: &Site) -> Came {
    drop(block_on(site.here.boot().create_store(&store(&site.here))).must("create the store"));
    let Some(mut writer) = Writer::start(site, Known::default()) else {
        return Came::Skipped(NO_HELPER.to_owned());
    };
    // What it was told before we opened stands before what we append: so its words are taken in first, and the numbers tell.
    let mut ours = Known::default();
    let held = take_over(site, &mut ours, OURS);
    writer.goes_on_until_fenced();
    writer.known.merge(ours);
    drop(held);
    check_log(site, &mut writer.known);
    Came::passed()
}

pub(super) fn a_writer_that_was_stopped_changes_nothing_once_it_goes_on(site: &Site) -> Came {
    drop(block_on(site.here.boot().create_store(&store(&site.here))).must("create the store"));
    let mut known = Known::default();
    for round in 0..site.kills {
        let Some(mut writer) = Writer::start(site, known) else {
            return Came::Skipped(NO_HELPER.to_owned());
        };
        writer.signal(Signal::STOP);
        let mut ours = Known::default();
        let held = take_over(site, &mut ours, OURS + round * RECORDS);
        writer.signal(Signal::CONT);
        writer.goes_on_until_fenced();
        writer.known.merge(ours);
        drop(held);
        check_log(site, &mut writer.known);
        known = writer.known;
    }
    Came::passed()
}

/// In another process: opens the store as soon as all are let go, and writes a little.
pub(super) async fn race_to_write(here: &Real) -> Result<()> {
    let host = here.boot();
    say("ready", "to open");
    wait_for_the_other_side();
    let refused = |error: &asl_host::StoreError| error.code() == Code::ConcurrentModification;
    let store = match host.open_store(&store(here)).await {
        Err(error) if refused(&error) => {
            say("fenced", "off");
            return Ok(());
        }
        opened => opened?,
    };
    let first_id = u64::from(std::process::id()) << 20;
    for id in first_id..first_id + RECORDS {
        match store.append(&record(id)).await {
            Ok(number) => say("acknowledged", &format!("{number} {id}")),
            Err(error) if refused(&error) => {
                say("fenced", "off");
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
    let flushed = store.flush().await;
    say(if flushed.is_ok() { "written" } else { "fenced" }, "all");
    Ok(())
}

pub(super) fn of_several_processes_that_open_at_once_the_newest_writes(site: &Site) -> Came {
    drop(block_on(site.here.boot().create_store(&store(&site.here))).must("create the store"));
    let durability = site.here.boot().capabilities().durability;
    let mut known = Known::default();
    for _ in 0..3 {
        let rivals: Option<Vec<Other>> = (0..RIVALS).map(|_| Other::start(site, "race-to-write")).collect();
        let Some(mut rivals) = rivals else {
            return Came::Skipped(NO_HELPER.to_owned());
        };
        for rival in &mut rivals {
            rival.expect("ready");
        }
        for rival in &mut rivals {
            drop(rival.child.stdin.take());
        }
        let mut written = 0;
        for rival in &mut rivals {
            while let Some((word, text)) = rival.hear() {
                written += u64::from(word == "written");
                known.hear(&word, &text, durability);
            }
        }
        assert!(written > 0, "of {RIVALS} processes that opened the store none could write");
        check_log(site, &mut known);
    }
    Came::passed()
}

pub(super) fn a_store_that_another_process_destroys_takes_nothing_from_its_writer(site: &Site) -> Came {
    let here = &site.here;
    drop(block_on(here.boot().create_store(&store(here))).must("create the store"));
    for round in 0..3 {
        let Some(mut writer) = Writer::start(site, Known::default()) else {
            return Came::Skipped(NO_HELPER.to_owned());
        };
        writer.signal(Signal::STOP);
        if let Err(error) = block_on(here.boot().destroy_store(&store(here))) {
            // It may be that the host refuses to destroy what anybody has open.
            assert_eq!(error.code(), Code::ConcurrentModification, "{error}");
            return Came::passed();
        }
        let new =
            block_on(here.boot().create_store(&store(here))).must("make a store where one was destroyed");
        writer.signal(Signal::CONT);
        writer.goes_on_until_fenced();
        block_on(new.append(&record(round))).must("append to the new store");
        drop(new);
        let again = block_on(here.boot().open_store(&store(here))).must("open the new store");
        let log = block_on(again.read(LogSeq::FIRST, usize::MAX)).must("read the new store");
        assert_eq!(log.len(), 1, "the new store holds what was written to the destroyed one");
        assert_eq!(log[0].data, record(round), "the new store holds what was appended to it");
        // The next writer begins with an empty store, so that all it says is all there is.
        drop(again);
        block_on(here.boot().destroy_store(&store(here))).must("destroy the new store");
        drop(block_on(here.boot().create_store(&store(here))).must("make the next store"));
    }
    Came::passed()
}
