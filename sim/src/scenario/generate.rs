//! A scenario from a seed.
//!
//! Generation is swarm-like (Groce et al., ISSTA 2012): each seed switches kinds of operations and faults off or on and
//! weighs those that are on, so that runs differ in kind and not only in detail. Every subsystem draws from a stream of its
//! own (`ChaCha8`), so that a change in how faults are drawn leaves the operations as they were.

use super::{
    Action, ClockJump, CrashKind, CrashPlan, Cut, FaultClass, FaultKind, FaultPlan, FullPlan, Op, Payload,
    Profile, Scenario, Setup, Style, When,
};
use crate::decide::Site;
use crate::world::fs::Fill;
use asl_host::{Capabilities, Durability};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

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
        }
    }
}

/// A stream of draws.
struct Dice(ChaCha8Rng);

impl Dice {
    fn new(seed: u64, stream: u64) -> Dice {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Dice(rng)
    }

    /// A number below `count`.
    fn below(&mut self, count: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(count)) >> 32) as u32
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
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
    scenario
}

fn setup(dice: &mut Dice, wishes: &Wishes, seed: u64) -> Setup {
    let mut setup = Setup {
        profile: wishes.profile,
        class: if wishes.classes.is_empty() { FaultClass::None } else { dice.one_of(&wishes.classes) },
        sector_len: dice.one_of(&[512, 512, 512, 4096]),
        fill: dice.one_of(&[Fill::Zeros, Fill::Garbage, Fill::Stale, Fill::Mixed]),
        clients: wishes.clients.unwrap_or_else(|| dice.one_of(&[1, 1, 1, 2, 3, 4])),
        segment_len_max: dice.one_of(&[600, 2_000, 8_000, 64 << 20]),
        entropy: seed ^ 0x0065_6e74_726f_7079,
        goes_on_after_errors: dice.chance(50),
    };
    if !setup.profile.axioms().stale_fill {
        setup.fill = Fill::Zeros;
    }
    setup
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
}

fn operations(dice: &mut Dice, wishes: &Wishes, setup: &Setup, capabilities: &Capabilities) -> Vec<Op> {
    let count = wishes.ops.unwrap_or_else(|| {
        let most = dice.one_of(&[8, 16, 40, 60]);
        4 + dice.below(most)
    });
    let mut total = 0;
    let weights: Vec<(Kind, u32)> = KINDS
        .iter()
        .map(|&(kind, most)| {
            let offered = match kind {
                Kind::Block => capabilities.blocks,
                Kind::Snapshot => capabilities.snapshots,
                _ => true,
            };
            // Appends are what it is about; the others are off in half of the runs, and flushes in fewer where they count.
            let flushes = kind == Kind::Flush && capabilities.durability == Durability::OnFlush;
            let on = offered && (kind == Kind::Append || dice.chance(if flushes { 80 } else { 50 }));
            let most = if flushes { 3 * most } else { most };
            total += if on { 1 + dice.below(most) } else { 0 };
            (kind, total)
        })
        .collect();
    let sizes = Sizes::draw(dice);
    (0..count)
        .map(|id| {
            let at = dice.below(total);
            let kind = weights.iter().find(|(_, upto)| at < *upto).expect("appends are always on").0;
            let client = dice.below(u32::from(setup.clients)) as u16;
            // The second store has one user at a time.
            let client = if kind == Kind::Side { 0 } else { client };
            Op { id, client, action: action(dice, kind, &sizes) }
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

fn action(dice: &mut Dice, kind: Kind, sizes: &Sizes) -> Action {
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

fn cut(dice: &mut Dice, change_max: u32) -> Cut {
    let kind = if dice.chance(30) { CrashKind::Kill } else { CrashKind::Power };
    let when = dice.one_of(&[When::Before, When::After, When::After, When::Within]);
    Cut { change: dice.below(change_max), when, kind }
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

fn crashes(dice: &mut Dice, wishes: &Wishes, scenario: &mut Scenario) {
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
}

fn faults(dice: &mut Dice, wishes: &Wishes, scenario: &mut Scenario) {
    let class = scenario.setup.class;
    let wanted = |kind: FaultKind| wishes.kinds.is_empty() || wishes.kinds.contains(&kind);
    let kinds: Vec<FaultKind> = FaultKind::ALL
        .iter()
        .filter(|&&(kind, of, _)| of == class && wanted(kind))
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
        scenario.full.push(FullPlan { from_op, until_op, bytes: dice.one_of(&[0, 10, 100, 600, 3_000]) });
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
        let reads = |op: &&Op| {
            matches!(
                op.action,
                Action::Read { .. } | Action::ReadBlock { .. } | Action::InspectSnapshot { .. }
            )
        };
        let reading: Vec<u32> = ops.iter().filter(reads).map(|op| op.id).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use asl_host::Exclusion;

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
            let reads = |op: &Op| {
                matches!(
                    op.action,
                    Action::Read { .. } | Action::ReadBlock { .. } | Action::InspectSnapshot { .. }
                )
            };
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
