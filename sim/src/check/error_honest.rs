//! `error-honest`: errors carry the specification's codes, and say what is so
//!
//! Source: C1.9, C1.13, C2.14, C2.15, C2.17, C4.1, C5.1, C8.1, C8.2, C8.3, C8.4, C8.5, C8.6, C8.7, C8.9, C8.13, C8.14,
//! C8.15, C10.7, C10.8 (docs/spec/contract.md); ASL-HOST sections 5 and 8.
//!
//! Broken by an error whose code is not its kind's, an answer that the state of things does not call for (absent,
//! existing, conflicting), an I/O fault told as corruption or absence, an error that no fault explains, and a
//! panic.
//!
//! Not checked: the wording of messages, and that the same faults give the same error (replaying compares traces)

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "error-honest",
    sentence: "errors carry the specification's codes, and say what is so",
    sources: &[
        "C1.9", "C1.13", "C2.14", "C2.15", "C2.17", "C4.1", "C5.1", "C8.1", "C8.2", "C8.3", "C8.4", "C8.5",
        "C8.6", "C8.7", "C8.9", "C8.13", "C8.14", "C8.15", "C10.7", "C10.8",
    ],
    not_checked: "the wording of messages, and that the same faults give the same error (replaying compares traces)",
    applies: super::always,
    breaches: &[
        Breach::WrongCode,
        Breach::WrongAnswer,
        Breach::FaultMisnamed,
        Breach::CauselessError,
        Breach::Panicked,
    ],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::FaultKind;
    use crate::history::Site;
    use crate::history::{Ask, Event, Place, Told};
    use asl_host::{Code, ErrorKind, Exclusion};

    #[test]
    fn an_io_fault_may_be_told_as_such_but_not_as_corruption() {
        let mut story = Story::new();
        story.fault();
        let asked = story.begin_append(0, 1);
        story.tell(asked, failed(ErrorKind::Io)).keeps("error-honest");
        let mut story = Story::new();
        story.fault();
        let asked = story.begin_append(0, 1);
        story.tell(asked, failed(ErrorKind::Corrupt)).breaks("error-honest");
    }

    #[test]
    fn an_io_fault_is_not_absence() {
        let mut story = Story::new();
        story.crash();
        let asked = story.begin(9, Ask::Open { place: MAIN, second: false });
        story.fault().tell(asked, failed(ErrorKind::NotFound)).breaks("error-honest");
        let mut story = Story::new();
        story.crash();
        let asked = story.begin(9, Ask::Destroy { place: MAIN, open: false });
        story.fault().tell(asked, failed(ErrorKind::NotFound)).breaks("error-honest");
    }

    #[test]
    fn what_is_open_or_was_sealed_is_not_absent_because_a_read_failed() {
        // A host that keeps a file for each record told a read that failed with EIO as "not found".
        let read = Ask::Read { place: MAIN, from: 1, limit: 0 };
        let told = |kind| {
            let mut story = Story::new();
            let block = story.append(1, 1).block("b", 2, Some(Told::Done));
            let asked = story.begin(0, Ask::ReadBlock { block });
            story.fault().tell(asked, failed(kind));
            story
        };
        told(ErrorKind::Io).keeps("error-honest");
        told(ErrorKind::NotFound).breaks("error-honest");
        // Where nothing failed while the host looked, the block is gone.
        let mut story = Story::new();
        let block = story.append(1, 1).block("b", 2, Some(Told::Done));
        story
            .fault()
            .ask(read, failed(ErrorKind::Io))
            .ask(Ask::ReadBlock { block }, failed(ErrorKind::NotFound));
        story.breaks("seal-durable");
        let mut story = Story::new();
        story.append(1, 1).fault().ask(read, failed(ErrorKind::NotFound)).breaks("error-honest");
        let mut story = Story::new();
        let block = story.block("b", 1, None);
        story.fault().ask(Ask::SealBlock { block }, failed(ErrorKind::NotFound)).keeps("error-honest");
    }

    #[test]
    fn a_closed_handle_acknowledges_nothing() {
        let appends = |close: Told, told: Told| {
            let mut story = Story::new();
            story.append(1, 1).ask(Ask::Close { place: MAIN }, close);
            let data = story.payload(2);
            story.ask(Ask::Append { place: MAIN, data, unique: true, expected: None }, told);
            story
        };
        appends(Told::Done, failed(ErrorKind::Closed)).keeps("error-honest");
        appends(Told::Done, Told::Seq(2)).breaks("error-honest");
        appends(Told::Cancelled, Told::Seq(2)).keeps("error-honest");
        let mut story = Story::new();
        story.append(1, 1).close().open().append(2, 2).keeps("error-honest");
    }

    #[test]
    fn a_record_that_is_longer_than_the_host_takes_is_refused_as_too_long() {
        // A host that took 2,000 bytes at most was accused of an error without a cause when a campaign appended 2,500.
        let told = |max_record_len, told| {
            let mut story = Story::new();
            story.history.capabilities.max_record_len = max_record_len;
            let asked = story.begin_append(0, 1);
            story.tell(asked, told);
            story
        };
        told(4, failed(ErrorKind::TooLarge)).keeps("error-honest");
        told(1 << 20, failed(ErrorKind::TooLarge)).breaks("error-honest");
    }

    #[test]
    fn a_stall_excuses_nothing() {
        let mut story = Story::new();
        story.history.push(Event::Fault { site: Site::Op(1), kind: FaultKind::Stall });
        let asked = story.begin_append(0, 1);
        story.tell(asked, failed(ErrorKind::Io)).breaks("error-honest");
    }

    #[test]
    fn an_error_without_a_fault_is_not_honest() {
        let mut story = Story::new();
        let asked = story.begin_append(0, 1);
        story.tell(asked, failed(ErrorKind::Io)).breaks("error-honest");
    }

    #[test]
    fn a_fault_in_an_earlier_session_is_no_excuse() {
        let mut story = Story::new();
        story.fault().close().open();
        let asked = story.begin_append(0, 1);
        story.tell(asked, failed(ErrorKind::Io)).breaks("error-honest");
    }

    #[test]
    fn a_code_is_its_kinds() {
        let mut story = Story::new();
        story.fault();
        let asked = story.begin_append(0, 1);
        let told = Told::Failed { kind: ErrorKind::NoSpace, code: Code::NotFound };
        story.tell(asked, told).breaks("error-honest");
    }

    #[test]
    fn existence_and_absence_are_told_as_they_are() {
        let nowhere = Ask::Open { place: Place::Nowhere, second: false };
        let mut story = Story::new();
        story.ask(Ask::Create { place: MAIN }, failed(ErrorKind::Exists));
        story.ask(nowhere, failed(ErrorKind::NotFound));
        story
            .ask(Ask::Destroy { place: Place::Side, open: false }, failed(ErrorKind::NotFound))
            .keeps("error-honest");
        Story::blank().ask(nowhere, Told::Done).breaks("error-honest");
        Story::blank().ask(Ask::Create { place: MAIN }, failed(ErrorKind::Exists)).breaks("error-honest");
        Story::blank().ask(Ask::Destroy { place: MAIN, open: false }, Told::Done).breaks("error-honest");
        Story::blank().ask(nowhere, failed(ErrorKind::Io)).breaks("error-honest");
    }

    #[test]
    fn append_if_is_refused_only_when_the_next_number_may_be_another() {
        let conditional = |story: &mut Story, expected, told| {
            let data = story.payload(7);
            story.ask(Ask::Append { place: MAIN, data, unique: true, expected: Some(expected) }, told);
        };
        let mut story = Story::new();
        story.append(1, 1);
        conditional(&mut story, 2, failed(ErrorKind::ConcurrentModification));
        story.breaks("error-honest");
        let mut story = Story::new();
        story.append(1, 1);
        conditional(&mut story, 1, failed(ErrorKind::ConcurrentModification));
        story.keeps("error-honest");
        let mut story = Story::new();
        story.append_in_doubt(1);
        conditional(&mut story, 1, failed(ErrorKind::ConcurrentModification));
        story.keeps("error-honest");
        let mut story = Story::new();
        story.append(1, 1);
        conditional(&mut story, 1, Told::Seq(2));
        story.breaks("error-honest");
    }

    #[test]
    fn a_conflict_may_be_with_an_append_that_came_meanwhile() {
        let mut story = Story::new();
        let data = story.payload(7);
        let asked = story.begin(1, Ask::Append { place: MAIN, data, unique: true, expected: Some(1) });
        story.append(2, 1);
        story.tell(asked, failed(ErrorKind::ConcurrentModification)).keeps("error-honest");
    }

    #[test]
    fn what_a_host_does_not_offer_it_may_refuse() {
        let mut story = Story::new();
        story.ask(Ask::ListBlocks, failed(ErrorKind::Unsupported)).breaks("error-honest");
        let mut story = Story::new();
        story.ask(Ask::ListSnapshots, failed(ErrorKind::Unsupported)).breaks("error-honest");
        let mut story = Story::new();
        story.history.capabilities.blocks = false;
        story.history.capabilities.snapshots = false;
        story.ask(Ask::ListBlocks, failed(ErrorKind::Unsupported));
        story.ask(Ask::ListSnapshots, failed(ErrorKind::Unsupported)).keeps("error-honest");
    }

    #[test]
    fn an_operation_of_the_hosts_own_may_refuse_but_not_fail_without_a_cause() {
        let own = |story: &mut Story| Ask::Own { operation: story.history.intern("compact"), input: 0 };
        for kind in [ErrorKind::NotFound, ErrorKind::Unsupported, ErrorKind::ConcurrentModification] {
            let mut story = Story::new();
            let ask = own(&mut story);
            story.ask(ask, failed(kind)).keeps("error-honest");
        }
        for kind in [ErrorKind::Io, ErrorKind::Corrupt, ErrorKind::NoSpace, ErrorKind::Closed] {
            let mut story = Story::new();
            let ask = own(&mut story);
            story.ask(ask, failed(kind)).breaks("error-honest");
        }
    }

    #[test]
    fn a_panic_is_not_an_answer() {
        let mut story = Story::new();
        let asked = story.begin_append(0, 1);
        story.tell(asked, Told::Panicked).breaks("error-honest");
    }

    #[test]
    fn a_creation_may_say_that_the_store_is_in_use() {
        let mut story = Story::new();
        story
            .ask(Ask::Create { place: MAIN }, failed(ErrorKind::ConcurrentModification))
            .keeps("error-honest");
    }

    #[test]
    fn a_creation_that_is_refused_begins_no_session() {
        let mut story = Story::new();
        story.fault().ask(Ask::Create { place: MAIN }, failed(ErrorKind::Exists));
        let asked = story.begin_append(0, 1);
        story.tell(asked, failed(ErrorKind::Closed)).keeps("error-honest");
    }

    #[test]
    fn a_fault_excuses_the_session_that_it_came_in_and_no_other_stores() {
        let mut story = Story::new();
        story.fault().ask(Ask::Create { place: Place::Side }, Told::Done);
        let data = story.payload(1);
        let ask = Ask::Append { place: Place::Side, data, unique: true, expected: None };
        story.ask(ask, failed(ErrorKind::Io)).breaks("error-honest");
    }

    #[test]
    fn a_stall_is_no_cause_of_an_error_unless_its_request_can_be_given_up() {
        // Four requests of an append to a bucket stalled for longer than the host waited, and it was blamed for saying so.
        let stalled = |late: bool| {
            let mut story = Story::new();
            story.history.late_requests = late;
            story.history.push(Event::Fault { site: Site::Op(1), kind: FaultKind::Stall });
            let append = story.begin_append(0, 1);
            story.tell(append, failed(ErrorKind::Io));
            story
        };
        stalled(true).keeps("error-honest");
        stalled(false).breaks("error-honest");
    }

    #[test]
    fn nobody_is_blamed_for_a_lost_answer_who_was_not_there() {
        // A writer put a record once more after its answer was lost, found its number taken by its own object, and said that somebody
        // else had the store. The fault passed for the cause.
        let blames = |before: &dyn Fn(&mut Story)| {
            let mut story = Story::new();
            story.history.late_requests = true;
            before(&mut story);
            let append = story.begin_append(0, 1);
            story.fault().tell(append, failed(ErrorKind::ConcurrentModification));
            story
        };
        blames(&|_| {}).breaks("error-honest");
        blames(&|story| {
            // What a dead process had sent may be in the way.
            story.append_in_doubt(2).crash_and_open();
        })
        .keeps("error-honest");
        blames(&|story| {
            story.history.capabilities.exclusion = Exclusion::Fence;
            story.ask(Ask::Open { place: MAIN, second: true }, Told::Done);
        })
        .keeps("error-honest");
    }

    #[test]
    fn a_conflict_is_a_cause_only_when_it_comes_again_and_again() {
        let after = |conflicts: u32| {
            let mut story = Story::new();
            for _ in 0..conflicts {
                story.history.push(Event::Fault { site: Site::Op(1), kind: FaultKind::Conflict });
            }
            let append = story.begin_append(0, 1);
            story.tell(append, failed(ErrorKind::Io));
            story
        };
        after(1).breaks("error-honest");
        after(3).keeps("error-honest");
    }
}
