//! The letters of which exhaustive search makes its workloads.
//!
//! A letter is one thing that a store does with a host, in one to three operations: few enough letters that all short
//! workloads can be tried, and among them each operation that changes what is durable. What only looks is left out, since
//! everything is looked at after each crash; so are appends that expect a number, and payloads that are not unique.

use crate::scenario::{Action, Op, Payload, Style};
use asl_host::Capabilities;

/// A letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// What it is called in reports.
    pub name: &'static str,
    /// What is done, in this order.
    pub actions: Vec<Action>,
}

impl Letter {
    /// Whether two processes are at work in it, of which one may die.
    pub(super) fn has_two_processes(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::TakeOver(_)))
    }
}

/// A payload that fits into a sector with its frame, and one that does not.
const SHORT: Payload = Payload { style: Style::Unique, len: 24 };
const LONG: Payload = Payload { style: Style::Unique, len: 600 };

/// The letters for a host that offers these capabilities.
pub fn alphabet(capabilities: &Capabilities) -> Vec<Letter> {
    let always = [
        ("append", vec![Action::Append(SHORT)]),
        ("append-long", vec![Action::Append(LONG)]),
        ("flush", vec![Action::Flush]),
        ("reopen", vec![Action::Reopen]),
        ("side-create", vec![Action::SideCreate(SHORT)]),
        ("side-destroy", vec![Action::SideDestroy]),
        ("now", vec![Action::Now]),
    ];
    let write = Action::WriteBlock { nth: 0, payload: SHORT };
    let of_blocks = [
        ("open-block", vec![Action::CreateBlock, write.clone()]),
        ("seal-block", vec![Action::CreateBlock, write, Action::SealBlock { nth: 0 }]),
    ];
    let of_snapshots = [
        ("snapshot", vec![Action::CreateSnapshot]),
        ("delete-snapshot", vec![Action::DeleteSnapshot { nth: 0 }]),
    ];
    let blocks = of_blocks.into_iter().filter(|_| capabilities.blocks);
    let snapshots = of_snapshots.into_iter().filter(|_| capabilities.snapshots);
    let letters = always.into_iter().chain(blocks).chain(snapshots);
    letters.map(|(name, actions)| Letter { name, actions }).collect()
}

/// The letter for a host that fences, and of whose processes one may die alone.
pub(super) fn take_over() -> Letter {
    Letter { name: "take-over", actions: vec![Action::TakeOver(SHORT)] }
}

/// A workload's operations, numbered from `first`.
pub(super) fn spell(letters: &[&Letter], first: u32) -> Vec<Op> {
    let actions = letters.iter().flat_map(|letter| &letter.actions);
    actions.zip(first..).map(|(action, id)| Op { id, client: 0, action: action.clone() }).collect()
}
