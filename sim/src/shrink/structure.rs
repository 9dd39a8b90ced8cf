//! Takes operations, crashes, faults, full disks and clock jumps out of a scenario, in chunks that get smaller.

use super::renumber::Change;
use super::search::{Candidate, Search};
use crate::base::decide::{Decisions, Site};
use crate::scenario::{CrashPlan, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Chunks that are tried at once: bounds the memory that a long scenario takes.
const CHUNKS_AT_ONCE: usize = 64;
/// Ways for decisions to fall when operations get other numbers, and with them other bytes.
const RENUMBER_WAYS: u32 = 24;

/// Up to so many operations are also taken out two at a time, wherever they stand.
const PAIRS_OPS_MAX: usize = 12;

/// Takes out what is not needed, until nothing more can be.
pub(super) fn take_out(search: &mut Search<'_>, ways: u32) {
    loop {
        let before = search.weight();
        one_client(search, ways);
        operations(search, ways);
        crashes(search, ways);
        troubles(search, ways);
        pairs(search, ways);
        if search.weight() == before || !search.goes_on() {
            return;
        }
    }
}

/// All that clients do is done by one.
fn one_client(search: &mut Search<'_>, ways: u32) {
    if search.scenario().setup.clients > 1 {
        let best = search.best();
        let mut scenario = Scenario::clone(&best.scenario);
        scenario.setup.clients = 1;
        scenario.ops.iter_mut().for_each(|op| op.client = 0);
        search.first(&[Candidate::new(scenario, best.decisions.clone())], ways);
    }
}

/// Chunks of half of the operations, then of a quarter, down to single ones.
fn operations(search: &mut Search<'_>, ways: u32) {
    let mut chunk = search.scenario().ops.len().div_ceil(2);
    while chunk > 0 {
        let mut from = 0;
        while from < search.scenario().ops.len() && search.goes_on() {
            from = one_chunk(search, chunk, from, ways);
        }
        chunk /= 2;
    }
}

/// Takes out the first chunk from there on that is not needed, among the next few. Says where to go on.
fn one_chunk(search: &mut Search<'_>, chunk: usize, from: usize, ways: u32) -> usize {
    let best = search.best();
    let count = best.scenario.ops.len();
    let upto = count.min(from + chunk * CHUNKS_AT_ONCE);
    let mut candidates = Vec::new();
    let mut starts = Vec::new();
    for start in (from..upto).step_by(chunk) {
        let gone: BTreeSet<usize> = (start..count.min(start + chunk)).collect();
        for candidate in without_ops(best, &gone) {
            starts.push(start);
            candidates.push(candidate);
        }
    }
    search.first(&candidates, ways).map_or(upto, |found| starts[found])
}

/// Every two operations, wherever they stand: one may be there only for the other.
fn pairs(search: &mut Search<'_>, ways: u32) {
    let count = search.scenario().ops.len();
    if count > PAIRS_OPS_MAX {
        return;
    }
    let best = search.best();
    let all = (0..count).flat_map(|first| (first + 1..count).map(move |second| [first, second]));
    let candidates: Vec<Candidate> = all.flat_map(|pair| without_ops(best, &pair.into())).collect();
    search.first(&candidates, ways);
}

/// The run without the operations at these places: once without the crashes in them, and, if there are such, once with the last
/// of those in the next operation that is left.
fn without_ops(best: &Candidate, gone: &BTreeSet<usize>) -> Vec<Candidate> {
    let ops = &best.scenario.ops;
    let Some(&last) = gone.last() else { return Vec::new() };
    let ids: BTreeSet<u32> = gone.iter().map(|&at| ops[at].id).collect();
    let heir =
        (last + 1..ops.len()).chain((0..last).rev()).find(|at| !gone.contains(at)).map(|at| ops[at].id);
    let within = |plan: &CrashPlan| plan.op.is_some_and(|op| ids.contains(&op));
    let crashes: Vec<usize> =
        (0..best.scenario.crashes.len()).rev().filter(|&at| within(&best.scenario.crashes[at])).collect();
    let without = crashes.iter().fold(best.clone(), |candidate, &at| without_crash(&candidate, at));
    let mut candidates = vec![without];
    if let (Some((&kept, others)), Some(heir)) = (crashes.split_first(), heir)
        && !best.scenario.crashes.iter().any(|plan| plan.op == Some(heir))
    {
        let mut moved = best.clone();
        Arc::make_mut(&mut moved.scenario).crashes[kept].op = Some(heir);
        candidates.push(others.iter().fold(moved, |candidate, &at| without_crash(&candidate, at)));
    }
    for candidate in &mut candidates {
        forget_ops(Arc::make_mut(&mut candidate.scenario), &ids, heir);
    }
    candidates
}

/// Takes out operations, and what is planned for them. A full disk begins with the next one instead.
fn forget_ops(scenario: &mut Scenario, ids: &BTreeSet<u32>, heir: Option<u32>) {
    scenario.ops.retain(|op| !ids.contains(&op.id));
    scenario.faults.retain(|fault| !matches!(fault.site, Site::Op(id) if ids.contains(&id)));
    scenario.clock_jumps.retain(|jump| !ids.contains(&jump.op));
    scenario.full.retain_mut(|full| {
        if ids.contains(&full.from_op) {
            let Some(heir) = heir else { return false };
            full.from_op = heir;
        }
        full.from_op < full.until_op
    });
}

/// The run without one of its crashes, and without those inside the recovery from it.
fn without_crash(from: &Candidate, at: usize) -> Candidate {
    let mut scenario = Scenario::clone(&from.scenario);
    scenario.crashes.remove(at);
    changed(scenario, &from.decisions, &Change::Crash(number(at)))
}

/// Crashes are counted from 1.
fn number(plan: usize) -> u16 {
    plan as u16 + 1
}

fn changed(mut scenario: Scenario, decisions: &Decisions, change: &Change) -> Candidate {
    change.faults(&mut scenario);
    Candidate::new(scenario, change.decisions(decisions))
}

/// Crashes, the last first; and crashes inside of recovery.
fn crashes(search: &mut Search<'_>, ways: u32) {
    for at in (0..search.scenario().crashes.len()).rev() {
        let best = search.best();
        let mut candidates = vec![without_crash(best, at)];
        let plan = &best.scenario.crashes[at];
        // The first attempt is the one that creates the store, if the crash is in that.
        let first = u8::from(plan.op.is_none());
        for inside in 0..plan.inside.len() {
            let mut scenario = Scenario::clone(&best.scenario);
            scenario.crashes[at].inside.remove(inside);
            let change = Change::Attempt(number(at), first + inside as u8);
            candidates.push(changed(scenario, &best.decisions, &change));
        }
        search.first(&candidates, ways);
    }
}

/// Faults, full disks and clock jumps, one at a time.
fn troubles(search: &mut Search<'_>, ways: u32) {
    without_each(search, ways, |scenario| &mut scenario.faults);
    without_each(search, ways, |scenario| &mut scenario.full);
    without_each(search, ways, |scenario| &mut scenario.clock_jumps);
}

fn without_each<T>(search: &mut Search<'_>, ways: u32, list: fn(&mut Scenario) -> &mut Vec<T>) {
    loop {
        let best = search.best();
        let count = list(&mut Scenario::clone(&best.scenario)).len();
        let without = |at: usize| {
            let mut scenario = Scenario::clone(&best.scenario);
            list(&mut scenario).remove(at);
            Candidate::new(scenario, best.decisions.clone())
        };
        let candidates: Vec<Candidate> = (0..count).map(without).collect();
        if search.first(&candidates, ways).is_none() {
            return;
        }
    }
}

/// Operations get the numbers 0, 1, 2 ..., if the failure is the same then.
pub(super) fn renumber(search: &mut Search<'_>) {
    let best = search.best();
    let mut scenario = Scenario::clone(&best.scenario);
    let names: BTreeMap<u32, u32> = scenario.ops.iter().zip(0..).map(|(op, name)| (op.id, name)).collect();
    let name_from = |id: u32| names.range(id..).next().map_or(names.len() as u32, |(_, &name)| name);
    scenario.ops.iter_mut().for_each(|op| op.id = names[&op.id]);
    for plan in &mut scenario.crashes {
        plan.op = plan.op.and_then(|op| names.get(&op).copied());
    }
    for full in &mut scenario.full {
        (full.from_op, full.until_op) = (name_from(full.from_op), name_from(full.until_op));
    }
    scenario.clock_jumps.iter_mut().for_each(|jump| jump.op = name_from(jump.op));
    let candidate = changed(scenario, &best.decisions, &Change::Ops(names));
    search.first(&[candidate], RENUMBER_WAYS);
}
