//! What attempts are made of: payloads, operations, points of crashes, as strategies that can be mixed with one's own.
//!
//! Each shrinks towards what is plainer: appends, short payloads that name their operation, the first of what there is, a crash before
//! the first call.

use crate::scenario::{Action, ClockJump, CrashKind, Cut, FullPlan, Payload, Style, When};
use asl_host::{Capabilities, Exclusion};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// The shortest payload that names its operation, in bytes.
const NAMED_LEN: u32 = 8;

/// Bytes to write, mostly short. One in ten does not name its operation: all zeros, or made to look like a host's frames.
pub fn payloads() -> impl Strategy<Value = Payload> + Clone {
    let named = prop_oneof![4 => NAMED_LEN..100, 2 => 100_u32..700, 1 => 700_u32..2_500];
    let odd = (select(vec![Style::Zeros, Style::FrameLike]), select(vec![0_u32, 1, 16, 100]));
    prop_oneof![
        9 => named.prop_map(|len| Payload { style: Style::Unique, len }),
        1 => odd.prop_map(|(style, len)| Payload { style, len }),
    ]
}

/// Every operation of the contract that a host of these capabilities offers, appends most of all.
pub fn actions(offered: &Capabilities) -> BoxedStrategy<Action> {
    let mut kinds: Vec<(u32, BoxedStrategy<Action>)> = vec![
        (60, payloads().prop_map(Action::Append).boxed()),
        (10, conditional_appends().boxed()),
        (5, select(vec![Action::Flush, Action::DurableUpto]).boxed()),
        (6, reads().boxed()),
        (4, prop_oneof![3 => Just(Action::Reopen), 1 => payloads().prop_map(Action::UseClosed)].boxed()),
        (3, intrusions(offered.exclusion)),
        (4, side_stores().boxed()),
        (3, select(vec![Action::Now, Action::Identity]).boxed()),
    ];
    if offered.blocks {
        kinds.push((14, blocks().boxed()));
    }
    if offered.snapshots {
        kinds.push((10, snapshots().boxed()));
    }
    proptest::strategy::Union::new_weighted(kinds).boxed()
}

/// An operation of the host's own, of this name ([`OwnOperation`](crate::hosts::OwnOperation)).
pub fn own(name: &'static str) -> impl Strategy<Value = Action> + Clone {
    (0..Action::OWN_INPUTS).prop_map(move |input| Action::Own { name: name.to_owned(), input })
}

fn conditional_appends() -> impl Strategy<Value = Action> {
    let off_by = prop_oneof![3 => Just(0), 1 => Just(1)];
    (payloads(), off_by).prop_map(|(payload, off_by)| Action::AppendIf { payload, off_by })
}

fn reads() -> impl Strategy<Value = Action> {
    (select(vec![0_u8, 50, 90, 100]), select(vec![0_u32, 1, 3, 20]))
        .prop_map(|(from_percent, limit)| Action::Read { from_percent, limit })
}

/// What others try while the store is open, and where there is none.
fn intrusions(exclusion: Exclusion) -> BoxedStrategy<Action> {
    let others = select(vec![Action::OpenNothing, Action::CreateExisting, Action::DestroyOpen]);
    match exclusion {
        Exclusion::Fence => prop_oneof![others, payloads().prop_map(Action::TakeOver)].boxed(),
        Exclusion::Refuse => prop_oneof![others, Just(Action::OpenSecond)].boxed(),
    }
}

fn side_stores() -> impl Strategy<Value = Action> {
    prop_oneof![
        2 => payloads().prop_map(Action::SideCreate),
        2 => payloads().prop_map(Action::SideUse),
        1 => Just(Action::SideDestroy),
    ]
}

fn blocks() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => Just(Action::CreateBlock),
        3 => (0..4_u32, payloads()).prop_map(|(nth, payload)| Action::WriteBlock { nth, payload }),
        3 => (0..4_u32).prop_map(|nth| Action::SealBlock { nth }),
        2 => (0..8_u32).prop_map(|nth| Action::ReadBlock { nth }),
        1 => Just(Action::ListBlocks),
        1 => (0..8_u32, payloads()).prop_map(|(nth, payload)| Action::WriteSealed { nth, payload }),
    ]
}

fn snapshots() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => Just(Action::CreateSnapshot),
        3 => (0..8_u32).prop_map(|nth| Action::InspectSnapshot { nth }),
        1 => (0..8_u32).prop_map(|nth| Action::DeleteSnapshot { nth }),
        1 => Just(Action::ListSnapshots),
    ]
}

/// A crash, with the crashes inside the recovery from it.
#[derive(Clone, Debug)]
pub(super) struct Crash {
    pub(super) at: Cut,
    pub(super) inside: Vec<Cut>,
}

pub(super) fn crashes() -> impl Strategy<Value = Crash> + Clone {
    let inside = prop_oneof![2 => vec(cuts(3), 0..2), 1 => vec(cuts(12), 0..3)];
    (cuts(6), inside).prop_map(|(at, inside)| Crash { at, inside })
}

fn cuts(change_max: u32) -> impl Strategy<Value = Cut> + Clone {
    let when = prop_oneof![1 => Just(When::Before), 2 => Just(When::After), 1 => Just(When::Within)];
    let kind = prop_oneof![3 => Just(CrashKind::Kill), 7 => Just(CrashKind::Power)];
    (0..change_max, when, kind).prop_map(|(change, when, kind)| Cut::new(change, when, kind))
}

/// A fault, of a kind that the run's class has.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) kind: Index,
    pub(super) skip: u32,
}

pub(super) fn faults(skip_max: u32) -> impl Strategy<Value = Fault> + Clone {
    (any::<Index>(), 0..skip_max).prop_map(|(kind, skip)| Fault { kind, skip })
}

/// When the disk is full, or nearly.
pub(super) fn times_without_space(ops_max: u32) -> impl Strategy<Value = FullPlan> + Clone {
    (0..ops_max, 1..12_u32, select(vec![0_u64, 10, 100, 600, 3_000]))
        .prop_map(|(from_op, len, bytes)| FullPlan { from_op, until_op: from_op + len, bytes })
}

pub(super) fn clock_jumps(ops_max: u32) -> impl Strategy<Value = ClockJump> + Clone {
    (0..ops_max, select(vec![1_000_i64, -1_000, 5_000_000, -5_000_000, 60_000_000_000, -60_000_000_000]))
        .prop_map(|(op, by_ns)| ClockJump { op, by_ns })
}

/// What one client does, and what goes wrong with it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) client: u16,
    pub(super) action: Action,
    pub(super) crash: Option<Crash>,
    pub(super) fault: Option<Fault>,
}

pub(super) fn steps(actions: BoxedStrategy<Action>, clients_max: u16) -> impl Strategy<Value = Step> + Clone {
    (weighted(0.12, crashes()), weighted(0.1, faults(3)), 0..clients_max, actions)
        .prop_map(|(crash, fault, client, action)| Step { client, action, crash, fault })
}
