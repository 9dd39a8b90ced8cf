//! When a run crashes, which calls fail, and what happens to the medium.
//!
//! A fault is meant for a place where it can do something: one that reads for operations that read, damage for what is read at a
//! start or written by operations, a shorn write for what is in flight when the power goes.

use super::{Dice, Wishes};
use crate::base::decide::Site;
use crate::scenario::{
    Action, ClockJump, CrashKind, CrashPlan, Cut, FaultClass, FaultKind, FaultPlan, FullPlan, Op, Scenario,
    When,
};

fn cut(dice: &mut Dice, change_max: u32) -> Cut {
    let kind = if dice.chance(30) { CrashKind::Kill } else { CrashKind::Power };
    let when = dice.one_of(&[When::Before, When::After, When::After, When::Within]);
    Cut::new(dice.below(change_max), when, kind)
}

fn inside(dice: &mut Dice) -> Vec<Cut> {
    let count = if dice.chance(35) { 1 + dice.below(2) } else { 0 };
    (0..count)
        .map(|_| {
            let change_max = dice.one_of(&[3, 12]);
            cut(dice, change_max)
        })
        .collect()
}

pub(super) fn crashes(dice: &mut Dice, wishes: &Wishes, scenario: &mut Scenario) {
    let count = wishes.crashes.unwrap_or_else(|| 1 + dice.below(4));
    if dice.chance(15) && wishes.crashes != Some(0) {
        let plan = CrashPlan { op: None, at: cut(dice, 14), inside: inside(dice) };
        scenario.crashes.push(plan);
    }
    let ops = scenario.ops.len() as u32;
    if ops == 0 {
        return;
    }
    let mut at: Vec<u32> = (0..count).map(|_| dice.below(ops)).collect();
    at.sort_unstable();
    at.dedup();
    for op in at {
        let change_max = dice.one_of(&[2, 4, 8]);
        let plan = CrashPlan { op: Some(op), at: cut(dice, change_max), inside: inside(dice) };
        scenario.crashes.push(plan);
    }
    if wishes.dies_alone {
        alone(dice, scenario);
    }
}

/// Of the crashes while a second process takes the store over, most end one process only, be it the first or the second.
fn alone(dice: &mut Dice, scenario: &mut Scenario) {
    let Scenario { ops, crashes, .. } = scenario;
    for plan in crashes {
        let op = ops.iter().find(|op| Some(op.id) == plan.op);
        if op.is_some_and(|op| matches!(op.action, Action::TakeOver(_))) && dice.chance(75) {
            (plan.at.kind, plan.at.process) = (CrashKind::Kill, Some(u16::from(dice.chance(50))));
        }
    }
}

pub(super) fn faults(dice: &mut Dice, wishes: &Wishes, scenario: &mut Scenario) {
    let class = scenario.setup.class;
    let wanted = |kind: FaultKind| wishes.kinds.is_empty() || wishes.kinds.contains(&kind);
    let kinds: Vec<FaultKind> = FaultKind::ALL
        .iter()
        .filter(|&&(kind, of, _)| of == class && wanted(kind) && wishes.profile.can_suffer(kind))
        .map(|&(kind, ..)| kind)
        .filter(|_| dice.chance(60))
        .collect();
    let ops = scenario.ops.len() as u32;
    if ops == 0 {
        return;
    }
    let count = match class {
        FaultClass::Error => 1 + dice.below(6),
        FaultClass::Media => 1 + dice.below(2),
        // Clients that stop waiting.
        _ => u32::from(dice.chance(30)) * (1 + dice.below(3)),
    };
    for _ in 0..count {
        if class == FaultClass::Media && !kinds.is_empty() {
            let kind = dice.one_of(&kinds);
            let fault = damage(dice, kind, ops, &scenario.crashes);
            scenario.faults.push(fault);
            continue;
        }
        if !kinds.is_empty() {
            let kind = dice.one_of(&kinds);
            let fault = failing(dice, kind, &scenario.ops);
            scenario.faults.push(fault);
        }
    }
    if class == FaultClass::Error && wishes.kinds.is_empty() && dice.chance(35) {
        let from_op = dice.below(ops);
        let until_op = from_op + 1 + dice.below(12);
        let bytes = dice.one_of(&[0, 10, 100, 600, 3_000]);
        if wishes.profile.has_limited_space() {
            scenario.full.push(FullPlan { from_op, until_op, bytes });
        }
    }
    if wishes.kinds.is_empty() && dice.chance(15) {
        let size = dice.one_of(&[1_000, 5_000_000, 60_000_000_000]);
        let by_ns = if dice.chance(50) { size } else { -size };
        scenario.clock_jumps.push(ClockJump { op: dice.below(ops), by_ns });
    }
}

/// A call that fails. A fault that only reads can have is wasted on most operations: half of those are meant for one that
/// reads, if there is any.
fn failing(dice: &mut Dice, kind: FaultKind, ops: &[Op]) -> FaultPlan {
    if dice.chance(25) {
        let site = Site::Boot { nth: dice.below(5) as u16, attempt: dice.one_of(&[0, 0, 1]) };
        // Starting up makes many more calls than an operation does, and what follows it looks at everything.
        let skip_max = dice.one_of(&[12, 12, 12, 40]);
        return FaultPlan { site, skip: dice.below(skip_max), kind };
    }
    let mut op = ops[dice.below(ops.len() as u32) as usize].id;
    let of_reads = matches!(kind, FaultKind::ReadEio | FaultKind::ShortRead);
    if of_reads && dice.chance(50) {
        let reading: Vec<u32> = ops.iter().filter(|op| op.action.reads()).map(|op| op.id).collect();
        if !reading.is_empty() {
            op = dice.one_of(&reading);
        }
    }
    FaultPlan { site: Site::Op(op), skip: dice.one_of(&[0, 0, 0, 1, 2]), kind }
}

/// What is on the medium is read when a store is opened and looked at, and written by operations.
fn damage(dice: &mut Dice, kind: FaultKind, ops: u32, crashes: &[CrashPlan]) -> FaultPlan {
    if kind == FaultKind::ShornWrite && !crashes.is_empty() && dice.chance(80) {
        // It tears what is in flight when the power goes.
        let op = crashes[dice.below(crashes.len() as u32) as usize].op;
        let site = op.map_or(Site::Boot { nth: 0, attempt: 0 }, Site::Op);
        return FaultPlan { site, skip: dice.one_of(&[0, 0, 0, 1, 2]), kind };
    }
    let of_reads = matches!(kind, FaultKind::BitRot | FaultKind::LatentError | FaultKind::MisdirectedRead);
    if dice.chance(if of_reads { 85 } else { 20 }) {
        let attempt = dice.one_of(&[0, 0, 0, 1, 9]);
        let site = Site::Boot { nth: 1 + dice.below(4) as u16, attempt };
        return FaultPlan { site, skip: dice.below(10), kind };
    }
    FaultPlan { site: Site::Op(dice.below(ops)), skip: dice.one_of(&[0, 0, 0, 1, 2]), kind }
}
