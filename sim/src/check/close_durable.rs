//! `close-durable`: any crash after close loses nothing
//!
//! Source: C1.12 (docs/spec/contract.md); ASL-HOST section 3.3.
//!
//! What was acknowledged when a store was closed in good order survives, also for a host that is durable on flush.
//!
//! Not checked: a close that returned an error

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "close-durable",
    sentence: "any crash after close loses nothing",
    sources: &["C1.12"],
    not_checked: "a close that returned an error",
    applies: super::always,
    breaches: &[Breach::LostAfterClose],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;

    #[test]
    fn a_closed_store_loses_nothing() {
        Story::on_flush().append(1, 1).close().crash_and_open().read(&[1]).keeps("close-durable");
        Story::on_flush().append(1, 1).close().crash_and_open().read(&[]).breaks_also("close-durable");
    }

    #[test]
    fn a_store_that_was_not_closed_may_lose_what_was_not_flushed() {
        Story::on_flush()
            .append(1, 1)
            .crash_and_open()
            .read(&[])
            .append(2, 1)
            .read(&[2])
            .keeps("append-durable");
    }
}
