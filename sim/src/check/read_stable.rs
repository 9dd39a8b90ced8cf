//! `read-stable`: what a reader saw after recovery is still there after the next crash
//!
//! Source: C3.12, C3.15, C3.16 (docs/spec/contract.md); ASL-HOST section 3.2.
//!
//! A record in doubt that a read showed is settled: it survives like an acknowledged one.
//!
//! Not checked: what readers of an open block saw

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "read-stable",
    sentence: "what a reader saw after recovery is still there after the next crash",
    sources: &["C3.12", "C3.15", "C3.16"],
    not_checked: "what readers of an open block saw",
    applies: super::always,
    breaches: &[Breach::ShownLost],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story};
    use crate::history::{Ask, Place, Told};

    #[test]
    fn what_was_shown_stays() {
        let mut story = Story::new();
        story.append_in_doubt(1).crash_and_open().read(&[1]).crash_and_open().read(&[1]).keeps("read-stable");
        let mut story = Story::new();
        story.append_in_doubt(1).crash_and_open().read(&[1]).crash_and_open().read(&[]).breaks("read-stable");
    }

    #[test]
    fn what_an_open_found_unflushed_and_a_read_showed_is_there_after_the_next_crash() {
        let shown = |story: &mut Story| {
            story.append(1, 1).append(2, 2).crash_and_open().read(&[1, 2]);
        };
        let mut story = Story::on_flush();
        shown(&mut story);
        story.crash_and_open().read(&[1, 2]).keeps("read-stable");
        let mut story = Story::on_flush();
        shown(&mut story);
        story.crash_and_open().read(&[1]).breaks("read-stable");
        // Of the first open it was not seen what it found.
        Story::on_flush().append(1, 1).crash_and_open().crash_and_open().read(&[]).keeps("read-stable");
    }

    #[test]
    fn a_read_in_the_session_of_an_unflushed_append_exposes_nothing() {
        let mut story = Story::on_flush();
        story.append(1, 1).read(&[1]).crash_and_open().read(&[]).append(2, 1).keeps("read-stable");
        let mut story = Story::on_flush();
        story.append_in_doubt(1).read(&[1]).crash_and_open().read(&[]).keeps("read-stable");
        Story::new().append_in_doubt(1).read(&[1]).crash_and_open().read(&[]).breaks("read-stable");
    }

    #[test]
    fn what_was_in_doubt_and_shown_is_covered_by_the_next_flush() {
        let flush = Ask::Flush { place: MAIN };
        let mut story = Story::on_flush();
        story.append_in_doubt(1).read(&[1]).ask(flush, Told::Seq(1)).crash_and_open().read(&[1]);
        story.keeps("read-stable");
        let mut story = Story::on_flush();
        story.append_in_doubt(1).read(&[1]).ask(flush, Told::Seq(1)).crash_and_open().read(&[]);
        story.breaks("append-durable");
    }

    #[test]
    fn each_store_has_crashes_and_sessions_of_its_own() {
        let side = Place::Side;
        let append = |story: &mut Story| {
            let data = story.payload(1);
            story.ask(Ask::Create { place: side }, Told::Done);
            let ask = Ask::Append { place: side, data, unique: true, expected: None };
            story.ask(ask, Told::Seq(1));
        };
        let read = |story: &mut Story, shown: bool| {
            let records = if shown { vec![(1, story.payload(1))] } else { Vec::new() };
            story.ask(Ask::Read { place: side, from: 1, limit: 0 }, Told::Records(records));
        };
        // That the main store is read whole says nothing of the other one.
        let mut story = Story::on_flush();
        append(&mut story);
        story.crash_and_open().read(&[]).ask(Ask::Open { place: side, second: false }, Told::Done);
        read(&mut story, false);
        story.keeps("append-durable");
        // Nor does opening it.
        let mut story = Story::on_flush();
        append(&mut story);
        story.close().open();
        read(&mut story, false);
        story.breaks("append-durable");
    }
}
