//! A scenario from a seed.
//!
//! Generation is swarm-like (Groce et al., ISSTA 2012): each seed switches kinds of operations and faults off or on and
//! weighs those that are on, so that runs differ in kind and not only in detail. Every subsystem draws from a stream of its
//! own (`ChaCha8`), so that a change in how faults are drawn leaves the operations as they were.

mod troubles;

use super::{
    Action, CrashKind, FaultClass, FaultKind, MediumSetup, Op, Payload, Profile, Runtime, Scenario, Setup,
    Style,
};
use asl_host::{Capabilities, Durability, Exclusion};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::VecDeque;
use troubles::{crashes, faults};

/// What a campaign wants of its scenarios; what is not said is drawn for each seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// The file system.
    pub profile: Profile,
    /// Each run draws one of these.
    pub classes: Vec<FaultClass>,
    /// If not empty, only these kinds of faults are injected.
    pub kinds: Vec<FaultKind>,
    /// How many clients.
    pub clients: Option<u16>,
    /// How many operations.
    pub ops: Option<u32>,
    /// How many crashes, besides those inside recovery and the one at the end.
    pub crashes: Option<u32>,
    /// What the world of the host can make happen.
    pub reach: Reach,
    /// Operations of the host's own, by name.
    pub own: Vec<String>,
    /// What moves tasks and time.
    pub runtime: Runtime,
    /// Whether one of two processes may be killed while the other goes on.
    pub dies_alone: bool,
}

/// What of a scenario can be made to happen to a host; the rest is left out of it, and listed as not exercised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// All of it.
    #[default]
    Everything,
    /// Its files are simulated, its clock is not, and it cannot be told that a client stopped waiting.
    Files,
    /// Processes are killed between operations, and that is all.
    Kills,
}

impl Default for Wishes {
    fn default() -> Wishes {
        let classes = vec![FaultClass::Crash, FaultClass::Error];
        Wishes {
            profile: Profile::Posix,
            classes,
            kinds: Vec::new(),
            clients: None,
            ops: None,
            crashes: None,
            reach: Reach::Everything,
            own: Vec::new(),
            runtime: Runtime::Stepped,
            dies_alone: false,
        }
    }
}

/// A stream of draws.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64, stream: u64) -> Dice {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Dice(rng)
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(count)) >> 32) as u32
    }

    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }
}

/// The scenario of a seed, for a host that offers these capabilities.
pub fn generate(seed: u64, wishes: &Wishes, capabilities: &Capabilities) -> Scenario {
    let setup = setup(&mut Dice::new(seed, 0), wishes, seed);
    let class = setup.class;
    let ops = operations(&mut Dice::new(seed, 1), wishes, &setup, capabilities);
    let mut scenario = Scenario {
        setup,
        ops,
        crashes: Vec::new(),
        faults: Vec::new(),
        full: Vec::new(),
        clock_jumps: Vec::new(),
    };
    if class != FaultClass::None {
        crashes(&mut Dice::new(seed, 2), wishes, &mut scenario);
        faults(&mut Dice::new(seed, 3), wishes, &mut scenario);
    }
    scenario.leave_out(wishes.reach);
    scenario
}

impl Scenario {
    /// Takes away what cannot be made to happen.
    pub(crate) fn leave_out(&mut self, reach: Reach) {
        if self.setup.runtime == Runtime::Madsim {
            // Nobody tells a task of another node that its client has stopped waiting.
            self.faults.retain(|fault| fault.kind != FaultKind::Cancel);
        }
        if self.setup.runtime == Runtime::Madsim || reach != Reach::Everything {
            // There, a crash ends all that is simulated at once.
            self.crashes.iter_mut().for_each(|plan| plan.at.process = None);
        }
        if reach == Reach::Everything {
            return;
        }
        self.clock_jumps.clear();
        self.faults.retain(|fault| reach == Reach::Files && fault.kind != FaultKind::Cancel);
        if reach == Reach::Kills {
            self.full.clear();
            let kinds = self.crashes.iter_mut();
            kinds
                .flat_map(|plan| std::iter::once(&mut plan.at).chain(&mut plan.inside))
                .for_each(|cut| cut.kind = CrashKind::Kill);
        }
    }
}

fn setup(dice: &mut Dice, wishes: &Wishes, seed: u64) -> Setup {
    let class = if wishes.classes.is_empty() { FaultClass::None } else { dice.one_of(&wishes.classes) };
    let medium = MediumSetup::drawn(wishes.profile, |count| dice.below(count));
    Setup {
        medium,
        class,
        clients: wishes.clients.unwrap_or_else(|| dice.one_of(&[1, 1, 1, 2, 3, 4])),
        segment_len_max: dice.one_of(&[600, 2_000, 8_000, 64 << 20]),
        entropy: seed ^ 0x0065_6e74_726f_7079,
        goes_on_after_errors: dice.chance(50),
        runtime: wishes.runtime,
    }
}

/// Kinds of operations, with the greatest weight that a run may give them.
const KINDS: &[(Kind, u32)] = &[
    (Kind::Append, 60),
    (Kind::AppendIf, 12),
    (Kind::Flush, 4),
    (Kind::DurableUpto, 4),
    (Kind::Read, 6),
    (Kind::Block, 16),
    (Kind::Snapshot, 10),
    (Kind::Reopen, 4),
    (Kind::Intrude, 3),
    (Kind::Side, 4),
    (Kind::Marks, 4),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Append,
    AppendIf,
    Flush,
    DurableUpto,
    Read,
    Block,
    Snapshot,
    Reopen,
    /// What others try while the store is open, and where there is none.
    Intrude,
    Side,
    Marks,
    /// The host's own.
    Own,
}

fn operations(dice: &mut Dice, wishes: &Wishes, setup: &Setup, capabilities: &Capabilities) -> Vec<Op> {
    let count = wishes.ops.unwrap_or_else(|| {
        let most = dice.one_of(&[8, 16, 40, 60]);
        4 + dice.below(most)
    });
    let mut total = 0;
    // Where a host has operations of its own they are part of what it is about; the draws of all others stay as they were.
    let own = (!wishes.own.is_empty()).then_some((Kind::Own, 12));
    let weights: Vec<(Kind, u32)> = KINDS
        .iter()
        .chain(&own)
        .map(|&(kind, most)| {
            let offered = match kind {
                Kind::Block => capabilities.blocks,
                Kind::Snapshot => capabilities.snapshots,
                _ => true,
            };
            // Appends are what it is about; the others are off in half of the runs, and flushes in fewer where they count.
            let flushes = kind == Kind::Flush && capabilities.durability == Durability::OnFlush;
            let on = offered && (kind == Kind::Append || dice.chance(if flushes { 80 } else { 50 }));
            // A takeover is what a fence is for.
            let fences = kind == Kind::Intrude && capabilities.exclusion == Exclusion::Fence;
            let most = if flushes || fences { 3 * most } else { most };
            total += if on { 1 + dice.below(most) } else { 0 };
            (kind, total)
        })
        .collect();
    let sizes = Sizes::draw(dice);
    let mut planned: VecDeque<Action> = VecDeque::new();
    (0..count)
        .map(|id| {
            if let Some(action) = planned.pop_front() {
                return Op { id, client: 0, action };
            }
            let at = dice.below(total);
            let kind = weights.iter().find(|(_, upto)| at < *upto).expect("appends are always on").0;
            let client = dice.below(u32::from(setup.clients)) as u16;
            // The second store has one user at a time.
            let client = if kind == Kind::Side { 0 } else { client };
            // What was sent to a store may land once it was destroyed and created again, if nobody opens it before.
            if kind == Kind::Side && wishes.profile.has_late_requests() && dice.chance(40) {
                planned.extend([
                    Action::SideDestroy,
                    Action::SideCreate(sizes.payload(dice)),
                    Action::SideUse(sizes.payload(dice)),
                ]);
                return Op { id, client, action: Action::SideUse(sizes.payload(dice)) };
            }
            let action = match action(dice, kind, &sizes, &wishes.own) {
                Action::OpenSecond if capabilities.exclusion == Exclusion::Fence => {
                    Action::TakeOver(sizes.payload(dice))
                }
                action => action,
            };
            Op { id, client, action }
        })
        .collect()
}

/// How long payloads are in a run, and how many are not unique.
struct Sizes {
    len_max: u32,
    odd_percent: u32,
}

impl Sizes {
    fn draw(dice: &mut Dice) -> Sizes {
        Sizes { len_max: dice.one_of(&[24, 100, 250, 700, 2_500]), odd_percent: dice.one_of(&[0, 0, 10, 40]) }
    }

    fn payload(&self, dice: &mut Dice) -> Payload {
        if dice.chance(self.odd_percent) {
            let style = dice.one_of(&[Style::Zeros, Style::Zeros, Style::FrameLike]);
            let len = dice.one_of(&[0, 0, 1, 16, 100]);
            return Payload { style, len: len.min(self.len_max) };
        }
        Payload { style: Style::Unique, len: 8 + dice.below(self.len_max) }
    }
}

fn action(dice: &mut Dice, kind: Kind, sizes: &Sizes, own: &[String]) -> Action {
    match kind {
        Kind::Append => Action::Append(sizes.payload(dice)),
        Kind::AppendIf => {
            Action::AppendIf { payload: sizes.payload(dice), off_by: u8::from(!dice.chance(75)) }
        }
        Kind::Flush => Action::Flush,
        Kind::DurableUpto => Action::DurableUpto,
        Kind::Read => Action::Read {
            from_percent: dice.one_of(&[0, 0, 50, 90, 100]),
            limit: dice.one_of(&[0, 0, 1, 3, 20]),
        },
        Kind::Block => match dice.below(13) {
            0..3 => Action::CreateBlock,
            3..6 => Action::WriteBlock { nth: dice.below(4), payload: sizes.payload(dice) },
            6..9 => Action::SealBlock { nth: dice.below(4) },
            9..11 => Action::ReadBlock { nth: dice.below(8) },
            11 => Action::ListBlocks,
            _ => Action::WriteSealed { nth: dice.below(8), payload: sizes.payload(dice) },
        },
        Kind::Snapshot => match dice.below(8) {
            0..3 => Action::CreateSnapshot,
            3..6 => Action::InspectSnapshot { nth: dice.below(8) },
            6 => Action::DeleteSnapshot { nth: dice.below(8) },
            _ => Action::ListSnapshots,
        },
        Kind::Own => {
            let name = own[dice.below(own.len() as u32) as usize].clone();
            Action::Own { name, input: dice.below(Action::OWN_INPUTS) }
        }
        Kind::Reopen if dice.chance(75) => Action::Reopen,
        Kind::Reopen => Action::UseClosed(sizes.payload(dice)),
        Kind::Intrude => match dice.below(4) {
            0 => Action::OpenSecond,
            1 => Action::CreateExisting,
            2 => Action::DestroyOpen,
            _ => Action::OpenNothing,
        },
        Kind::Side => match dice.below(5) {
            0..2 => Action::SideCreate(sizes.payload(dice)),
            2..4 => Action::SideUse(sizes.payload(dice)),
            _ => Action::SideDestroy,
        },
        Kind::Marks => {
            if dice.chance(50) {
                Action::Now
            } else {
                Action::Identity
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::decide::Site;

    const CAPABILITIES: Capabilities = Capabilities {
        durability: Durability::OnAppend,
        exclusion: Exclusion::Refuse,
        blocks: true,
        snapshots: true,
        append_unit: 1,
        max_record_len: 1 << 20,
    };

    #[test]
    fn the_same_seed_gives_the_same_scenario_and_another_seed_another() {
        let wishes = Wishes::default();
        assert_eq!(generate(5, &wishes, &CAPABILITIES), generate(5, &wishes, &CAPABILITIES));
        assert_ne!(generate(5, &wishes, &CAPABILITIES), generate(6, &wishes, &CAPABILITIES));
    }

    #[test]
    fn wishes_are_kept() {
        let wishes = Wishes {
            classes: vec![FaultClass::Error],
            kinds: vec![FaultKind::SyncEio],
            clients: Some(3),
            ops: Some(50),
            crashes: Some(0),
            ..Wishes::default()
        };
        for seed in 0..200 {
            let scenario = generate(seed, &wishes, &CAPABILITIES);
            assert_eq!((scenario.ops.len(), scenario.setup.clients, scenario.crashes.len()), (50, 3, 0));
            assert!(scenario.faults.iter().all(|fault| fault.kind == FaultKind::SyncEio));
            assert!(scenario.full.is_empty());
        }
    }

    #[test]
    fn a_run_without_faults_has_none() {
        let wishes = Wishes { classes: vec![FaultClass::None], ..Wishes::default() };
        for seed in 0..100 {
            let scenario = generate(seed, &wishes, &CAPABILITIES);
            assert!(scenario.crashes.is_empty() && scenario.faults.is_empty() && scenario.full.is_empty());
        }
    }

    #[test]
    fn faults_of_reads_are_meant_for_operations_that_read_where_there_are_any() {
        // A host that took a short read of a block for all of it was found after 41,000 runs.
        let wishes = Wishes {
            classes: vec![FaultClass::Error],
            kinds: vec![FaultKind::ShortRead],
            ..Wishes::default()
        };
        let (mut meant, mut all) = (0, 0);
        for seed in 0..500 {
            let scenario = generate(seed, &wishes, &CAPABILITIES);
            let reads = |op: &Op| op.action.reads();
            if !scenario.ops.iter().any(reads) {
                continue;
            }
            for fault in &scenario.faults {
                let Site::Op(id) = fault.site else { continue };
                all += 1;
                meant += u32::from(scenario.ops.iter().any(|op| op.id == id && reads(op)));
            }
        }
        assert!(all > 100 && meant * 2 > all, "{meant} of {all}");
    }

    #[test]
    fn a_scenario_survives_being_stored() {
        for seed in 0..50 {
            let scenario = generate(seed, &Wishes::default(), &CAPABILITIES);
            let text = serde_json::to_string(&scenario).expect("plain data");
            assert_eq!(serde_json::from_str::<Scenario>(&text).expect("what was written"), scenario);
        }
    }
}
