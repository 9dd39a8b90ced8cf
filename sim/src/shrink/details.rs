//! Makes what is left of a scenario plainer: crashes and faults at simpler points, short payloads, ordinary settings.
//!
//! Every change makes [`plainness`] smaller or payloads shorter, so that this ends.

use super::search::{Candidate, Search};
use crate::scenario::{Action, CrashKind, Cut, Payload, Scenario, Style, When};

/// The segment length that is no limit for a short run.
const SEGMENT_LEN_PLAIN: u64 = 64 << 20;

/// How much there is to a scenario besides how many things are in it, and how long payloads are; 0 for the plainest.
pub(super) fn plainness(scenario: &Scenario) -> usize {
    let setup = &scenario.setup;
    let settings = [
        setup.clients > 1,
        setup.segment_len_max != SEGMENT_LEN_PLAIN,
        setup.entropy != 0,
        setup.goes_on_after_errors,
    ];
    let special = settings.into_iter().filter(|special| *special).count() + setup.medium.plainer().len();
    let mut sum = special * 100;
    for plan in &scenario.crashes {
        sum += std::iter::once(&plan.at).chain(&plan.inside).map(|cut| cut_weight(*cut)).sum::<usize>();
    }
    sum += scenario.faults.iter().map(|fault| fault.skip as usize).sum::<usize>();
    sum + scenario.ops.iter().map(|op| action_weight(&op.action)).sum::<usize>()
}

fn cut_weight(cut: Cut) -> usize {
    let when = match cut.when {
        When::Before => 0,
        When::After => 1,
        When::Within => 2,
    };
    let kind = match cut.kind {
        CrashKind::Kill => 0,
        CrashKind::Power => 20,
    };
    // That all processes die is plainer than that one does while others go on.
    let alone = if cut.process.is_some() { 10 } else { 0 };
    when + kind + alone + 3 * cut.change.min(1 << 16) as usize
}

fn action_weight(action: &Action) -> usize {
    let style = action.payload().map_or(0, |payload| usize::from(payload.style != Style::Unique));
    let own = match *action {
        Action::AppendIf { off_by, .. } => 2 + usize::from(off_by),
        Action::Read { from_percent, limit } => from_percent as usize + limit.min(1 << 16) as usize,
        Action::WriteBlock { nth, .. }
        | Action::WriteSealed { nth, .. }
        | Action::SealBlock { nth }
        | Action::ReadBlock { nth }
        | Action::InspectSnapshot { nth }
        | Action::DeleteSnapshot { nth }
        | Action::Own { input: nth, .. } => nth.min(1 << 16) as usize,
        _ => 0,
    };
    style + own
}

/// The shortest payload that names its operation, in bytes.
const NAMED_LEN: u32 = 8;

/// What a payload weighs: its length, and more where a reader cannot tell from its bytes whose it is.
pub(super) fn payload_weight(payload: Payload) -> u64 {
    let is_named = payload.style == Style::Unique && payload.len >= NAMED_LEN;
    u64::from(payload.len) + if is_named { 0 } else { 2 * u64::from(NAMED_LEN) }
}

/// Makes everything plainer that can be.
pub(super) fn simplify(search: &mut Search<'_>, ways: u32) {
    cuts(search, ways);
    skips(search, ways);
    actions(search, ways);
    payloads(search, ways);
    settings(search, ways);
}

/// The run with its scenario changed by each of these; those that change nothing are left out.
fn changes(search: &mut Search<'_>, ways: u32, edits: &[&dyn Fn(&mut Scenario)]) -> bool {
    let best = search.best();
    let edited = edits.iter().filter_map(|edit| {
        let mut scenario = Scenario::clone(&best.scenario);
        edit(&mut scenario);
        (scenario != *best.scenario).then(|| Candidate::new(scenario, best.decisions.clone()))
    });
    let candidates: Vec<Candidate> = edited.collect();
    search.first(&candidates, ways).is_some()
}

fn cuts(search: &mut Search<'_>, ways: u32) {
    for plan in 0..search.scenario().crashes.len() {
        for place in 0..=search.scenario().crashes[plan].inside.len() {
            simpler_cut(search, ways, plan, place);
        }
    }
}

/// Place 0 is the crash itself, the others are inside the recovery from it.
fn cut_mut(scenario: &mut Scenario, plan: usize, place: usize) -> &mut Cut {
    let plan = &mut scenario.crashes[plan];
    if place == 0 { &mut plan.at } else { &mut plan.inside[place - 1] }
}

fn simpler_cut(search: &mut Search<'_>, ways: u32, plan: usize, place: usize) {
    loop {
        let cut = *cut_mut(&mut Scenario::clone(search.scenario()), plan, place);
        let edits: Vec<_> = simpler_than(cut)
            .into_iter()
            .map(|cut| move |it: &mut Scenario| *cut_mut(it, plan, place) = cut)
            .collect();
        let edits: Vec<&dyn Fn(&mut Scenario)> = edits.iter().map(|edit| edit as _).collect();
        if !changes(search, ways, &edits) {
            return;
        }
    }
}

/// Cuts to try in place of this one, each of them simpler, the simplest first.
fn simpler_than(cut: Cut) -> Vec<Cut> {
    let points = [0, cut.change / 2, cut.change.saturating_sub(1), cut.change];
    let all = points.iter().flat_map(|&change| {
        [When::Before, When::After, When::Within].into_iter().flat_map(move |when| {
            let [killed, without_power] =
                [CrashKind::Kill, CrashKind::Power].map(|kind| Cut::new(change, when, kind));
            [killed, without_power, Cut { process: cut.process, ..killed }]
        })
    });
    let mut simpler: Vec<Cut> = all.filter(|other| cut_weight(*other) < cut_weight(cut)).collect();
    simpler.sort_by_key(|cut| cut_weight(*cut));
    simpler.dedup();
    simpler
}

/// Faults hit the first call that they can.
fn skips(search: &mut Search<'_>, ways: u32) {
    for at in 0..search.scenario().faults.len() {
        let skip = search.scenario().faults[at].skip;
        let smaller = [0, skip / 2, skip.saturating_sub(1)];
        let edits = smaller.map(|skip| move |scenario: &mut Scenario| scenario.faults[at].skip = skip);
        changes(search, ways, &[&edits[0], &edits[1], &edits[2]]);
    }
}

/// Plain appends in place of conditional ones, reads of everything, the first of what there is.
fn actions(search: &mut Search<'_>, ways: u32) {
    for at in 0..search.scenario().ops.len() {
        let plain = plainest(&search.scenario().ops[at].action);
        changes(search, ways, &[&|scenario: &mut Scenario| scenario.ops[at].action = plain.clone()]);
        while changes(search, ways, &[&|scenario: &mut Scenario| halve_input(&mut scenario.ops[at].action)]) {
        }
    }
}

fn plainest(action: &Action) -> Action {
    match action {
        Action::AppendIf { payload, .. } => Action::Append(*payload),
        Action::Read { .. } => Action::Read { from_percent: 0, limit: 0 },
        Action::WriteBlock { payload, .. } => Action::WriteBlock { nth: 0, payload: *payload },
        Action::WriteSealed { payload, .. } => Action::WriteSealed { nth: 0, payload: *payload },
        Action::UseClosed(_) => Action::Reopen,
        Action::TakeOver(_) => Action::OpenSecond,
        Action::SealBlock { .. } => Action::SealBlock { nth: 0 },
        Action::ReadBlock { .. } => Action::ReadBlock { nth: 0 },
        Action::InspectSnapshot { .. } => Action::InspectSnapshot { nth: 0 },
        Action::DeleteSnapshot { .. } => Action::DeleteSnapshot { nth: 0 },
        Action::Own { name, .. } => Action::Own { name: name.clone(), input: 0 },
        other => other.clone(),
    }
}

fn halve_input(action: &mut Action) {
    if let Action::Own { input, .. } = action {
        *input /= 2;
    }
}

/// Payloads that name their operation, as short as can be; where the failure needs one that does not, the shortest of those.
fn payloads(search: &mut Search<'_>, ways: u32) {
    for at in 0..search.scenario().ops.len() {
        while let Some(payload) = search.scenario().ops[at].action.payload() {
            let edits: Vec<_> = lighter(payload)
                .into_iter()
                .map(|payload| {
                    move |it: &mut Scenario| *it.ops[at].action.payload_mut().expect("it has one") = payload
                })
                .collect();
            let edits: Vec<&dyn Fn(&mut Scenario)> = edits.iter().map(|edit| edit as _).collect();
            if !changes(search, ways, &edits) || !search.goes_on() {
                break;
            }
        }
    }
}

/// Payloads to try in place of this one, each of them lighter.
fn lighter(payload: Payload) -> Vec<Payload> {
    let unique = |len| Payload { style: Style::Unique, len };
    let shorter = [
        NAMED_LEN,
        payload.len / 2,
        payload.len - payload.len / 4,
        payload.len.saturating_sub(NAMED_LEN),
        payload.len.saturating_sub(1),
    ];
    let named = [unique(NAMED_LEN), unique(payload.len)];
    let all = named.into_iter().chain(shorter.map(|len| Payload { len, ..payload }));
    all.filter(|other| payload_weight(*other) < payload_weight(payload)).collect()
}

fn settings(search: &mut Search<'_>, ways: u32) {
    let mut refused = 0;
    while let Some(&plainer) = search.scenario().setup.medium.plainer().get(refused) {
        refused += usize::from(!changes(search, ways, &[&|scenario| scenario.setup.medium = plainer]));
    }
    let edits: [fn(&mut Scenario); 3] = [
        |scenario| scenario.setup.segment_len_max = SEGMENT_LEN_PLAIN,
        |scenario| scenario.setup.entropy = 0,
        |scenario| scenario.setup.goes_on_after_errors = false,
    ];
    for edit in edits {
        changes(search, ways, &[&edit]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_dies_alone_is_tried_at_simpler_points_alone_and_with_the_others() {
        // Once, such a crash was made simpler only by one that ended all processes, so that it stayed where it had been drawn.
        let alone = |change, when| Cut { process: Some(1), ..Cut::new(change, when, CrashKind::Kill) };
        let simpler = simpler_than(alone(5, When::After));
        for cut in [alone(0, When::Before), alone(2, When::After), alone(5, When::Before)] {
            assert!(simpler.contains(&cut), "{cut:?} is not tried");
        }
        assert!(simpler.contains(&Cut::new(5, When::After, CrashKind::Kill)), "that all die is simpler");
        assert!(
            !simpler_than(Cut::new(5, When::After, CrashKind::Kill)).iter().any(|cut| cut.process.is_some())
        );
    }
}
