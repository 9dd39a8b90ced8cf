//! A scenario and its decisions from bytes, so that what a fuzzer changes in them changes one thing in the run.
//!
//! ```text
//! input   settings, then records; all are 8 bytes, and what is missing at the end is zeros
//! record  tag u8, then by the tag: an operation | a crash in the operation before | a cut inside the recovery from it
//!         | a call that fails | a time without space | a jump of the clock
//! ```
//!
//! Every input means something. A record that is inserted, taken out or copied leaves the others as they were, and each crash has a
//! salt of its own that what it loses is drawn from: changing that leaves all other crashes as they were. Zeros are the simplest.
//!
//! Not reached from bytes: single decisions (a salt draws all of a crash's), operations of a host's own, crashes that end one of two
//! processes while the other goes on, more than 48 operations.

use crate::base::decide::{Decider, Site};
use crate::scenario::generate::Wishes;
use crate::scenario::{
    Action, ClockJump, CrashKind, CrashPlan, Cut, FaultClass, FaultKind, FaultPlan, Fill, FullPlan,
    MediumSetup, Op, Payload, Scenario, Setup, Style, When,
};
use asl_host::{Capabilities, Exclusion};
use std::ops::RangeInclusive;

/// Operations of an input; what more there are is not read.
const OPS_MAX: usize = 48;
/// Crashes of an input, besides those inside recovery.
const CRASHES_MAX: usize = 6;
/// Cuts inside one recovery.
const INSIDE_MAX: usize = 3;
/// Faults of an input.
const FAULTS_MAX: usize = 6;

/// Bytes of a record.
pub(super) const RECORD_LEN: usize = 8;
pub(super) type Record = [u8; RECORD_LEN];

/// The records of an input. What is missing of the last one is zeros.
pub(super) fn records(input: &[u8]) -> impl Iterator<Item = Record> {
    input.chunks(RECORD_LEN).map(|chunk| {
        let mut record = [0; RECORD_LEN];
        record[..chunk.len()].copy_from_slice(chunk);
        record
    })
}

/// The tags of records.
pub(super) const OPERATIONS: RangeInclusive<u8> = 0..=175;
pub(super) const CRASHES: RangeInclusive<u8> = 176..=207;
pub(super) const CUTS_INSIDE: RangeInclusive<u8> = 208..=223;
pub(super) const FAULTS: RangeInclusive<u8> = 224..=243;
pub(super) const FULL: RangeInclusive<u8> = 244..=249;
pub(super) const CLOCK_JUMPS: RangeInclusive<u8> = 250..=255;
/// What the sixth byte of a payload that is unique may be.
pub(super) const UNIQUE_PAYLOADS: RangeInclusive<u8> = 0..=223;

/// What the fifth byte of a payload is at least, so that it is short, of about a sector, of some sectors.
pub(super) const SHORT: u8 = 0;
pub(super) const SECTOR: u8 = 176;
pub(super) const SECTORS: u8 = 240;

/// A run, as bytes have it.
#[derive(Clone, Debug)]
pub struct Input {
    /// What is done.
    pub scenario: Scenario,
    /// Seeds what is decided outside of crashes.
    seed: u64,
    /// Of each crash, in their order, what it loses.
    salts: Vec<u32>,
}

impl Input {
    /// Reads an input, for a host that offers this. Of the wishes, the file system, the classes of faults and what can be made to
    /// happen count.
    pub fn read(bytes: &[u8], wishes: &Wishes, offered: &Capabilities) -> Input {
        let mut records = records(bytes);
        let settings = records.next().unwrap_or_default();
        let scenario = Scenario::of_nothing(setup(settings, wishes));
        let seed = scenario.setup.entropy;
        let mut reader = Reader { offered, input: Input { scenario, seed, salts: Vec::new() } };
        records.for_each(|record| reader.read(record));
        let mut input = reader.input;
        input.scenario.leave_out(wishes.reach);
        input
    }

    /// Answers every question as the bytes have it.
    pub fn decider(&self) -> Decider {
        Decider::salted(self.seed, self.salts.clone())
    }
}

fn setup(bytes: Record, wishes: &Wishes) -> Setup {
    let of = |choices: &[u32], byte: u8| choices[usize::from(byte) % choices.len()];
    let class = wishes.classes.get(usize::from(bytes[0]) % wishes.classes.len().max(1));
    let fills = [Fill::Zeros, Fill::Garbage, Fill::Stale, Fill::Mixed];
    let sector_len = of(&[512, 512, 512, 512, 512, 512, 512, 4096], bytes[1]);
    Setup {
        medium: MediumSetup::with(wishes.profile, sector_len, fills[usize::from(bytes[2]) % fills.len()]),
        class: class.copied().unwrap_or(FaultClass::None),
        clients: of(&[1, 1, 1, 1, 2, 3], bytes[3]) as u16,
        segment_len_max: u64::from(of(&[64 << 20, 8_000, 2_000, 600], bytes[4])),
        entropy: u64::from(u16::from_le_bytes([bytes[5], bytes[6]])),
        goes_on_after_errors: bytes[7] & 1 == 1,
        runtime: wishes.runtime,
    }
}

struct Reader<'a> {
    offered: &'a Capabilities,
    input: Input,
}

impl Reader<'_> {
    fn read(&mut self, record: Record) {
        let class = self.input.scenario.setup.class;
        match record[0] {
            tag if OPERATIONS.contains(&tag) => self.operation(record),
            tag if CRASHES.contains(&tag) && class != FaultClass::None => self.crash(record),
            tag if CUTS_INSIDE.contains(&tag) => self.inside(record),
            tag if FAULTS.contains(&tag) => self.fault(record, class),
            tag if FULL.contains(&tag) && class == FaultClass::Error => self.full(record),
            tag if CLOCK_JUMPS.contains(&tag) && class != FaultClass::None => self.clock_jump(record),
            _ => {}
        }
    }

    fn last_op(&self) -> Option<u32> {
        self.input.scenario.ops.last().map(|op| op.id)
    }

    fn operation(&mut self, record: Record) {
        let scenario = &mut self.input.scenario;
        if scenario.ops.len() == OPS_MAX {
            return;
        }
        let action = action(record, self.offered);
        let side = matches!(action, Action::SideCreate(_) | Action::SideUse(_) | Action::SideDestroy);
        // The second store has one user at a time.
        let client = if side { 0 } else { u16::from(record[2]) % scenario.setup.clients };
        scenario.ops.push(Op { id: scenario.ops.len() as u32, client, action });
    }

    /// In the operation before, or in the creation of the store; the first one counts.
    fn crash(&mut self, record: Record) {
        let op = self.last_op();
        let Input { scenario, salts, .. } = &mut self.input;
        if scenario.crashes.len() < CRASHES_MAX && scenario.crashes.last().is_none_or(|plan| plan.op != op) {
            scenario.crashes.push(CrashPlan { op, at: cut(record), inside: Vec::new() });
            salts.push(u32::from_le_bytes([record[4], record[5], record[6], record[7]]));
        }
    }

    fn inside(&mut self, record: Record) {
        if let Some(plan) =
            self.input.scenario.crashes.last_mut().filter(|plan| plan.inside.len() < INSIDE_MAX)
        {
            plan.inside.push(cut(record));
        }
    }

    fn fault(&mut self, record: Record, class: FaultClass) {
        let kinds = FaultKind::ALL.iter().filter(|(_, of, _)| *of == class);
        let kinds: Vec<FaultKind> = kinds.map(|(kind, ..)| *kind).collect();
        let last = self.last_op().filter(|_| record[2] < 160);
        let site = match last {
            Some(op) => Site::Op(op),
            None => Site::Boot {
                nth: u16::from(record[3]) % 5,
                attempt: [0, 0, 1, 9][usize::from(record[4]) % 4],
            },
        };
        let skip = u32::from(record[5]) % if last.is_some() { 4 } else { 40 };
        let faults = &mut self.input.scenario.faults;
        if !kinds.is_empty() && faults.len() < FAULTS_MAX {
            faults.push(FaultPlan { site, skip, kind: kinds[usize::from(record[1]) % kinds.len()] });
        }
    }

    fn full(&mut self, record: Record) {
        let from_op = self.last_op().unwrap_or(0);
        let bytes = [0, 10, 100, 600, 3_000][usize::from(record[2]) % 5];
        let until_op = from_op + 1 + u32::from(record[1]) % 12;
        if self.input.scenario.full.is_empty() {
            self.input.scenario.full.push(FullPlan { from_op, until_op, bytes });
        }
    }

    fn clock_jump(&mut self, record: Record) {
        let sizes = [1_000, -1_000, 5_000_000, -5_000_000, 60_000_000_000, -60_000_000_000];
        let by_ns = sizes[usize::from(record[1]) % sizes.len()];
        if self.input.scenario.clock_jumps.is_empty() {
            self.input.scenario.clock_jumps.push(ClockJump { op: self.last_op().unwrap_or(0), by_ns });
        }
    }
}

fn cut(record: Record) -> Cut {
    let when = [When::Before, When::After, When::After, When::Within][usize::from(record[2]) % 4];
    let kind = if record[3] % 10 < 3 { CrashKind::Kill } else { CrashKind::Power };
    Cut::new(u32::from(record[1]) % 16, when, kind)
}

/// Byte 3 is a length, 4 says how long lengths are, 5 says what they look like; 6 and 7 are what else there is to say.
fn action(record: Record, offered: &Capabilities) -> Action {
    let payload = payload(record);
    let (nth, other) = (u32::from(record[6]), record[7]);
    let fences = offered.exclusion == Exclusion::Fence;
    match record[1] {
        128..=139 => Action::AppendIf { payload, off_by: u8::from(other % 4 == 3) },
        140..=147 => Action::Flush,
        148..=151 => Action::DurableUpto,
        152..=159 => Action::Read {
            from_percent: [0, 50, 90, 100][usize::from(record[6]) % 4],
            limit: [0, 1, 3, 20][usize::from(other) % 4],
        },
        160..=167 => [Action::Reopen, Action::UseClosed(payload)][usize::from(other % 4 == 3)].clone(),
        168..=171 if fences => Action::TakeOver(payload),
        168..=171 => Action::OpenSecond,
        172 | 173 => Action::OpenNothing,
        174 => Action::CreateExisting,
        175 => Action::DestroyOpen,
        176..=183 => Action::SideCreate(payload),
        184..=191 => Action::SideUse(payload),
        192..=195 => Action::SideDestroy,
        196..=199 => Action::Now,
        200..=203 => Action::Identity,
        204..=231 if offered.blocks => match other % 13 {
            0..3 => Action::CreateBlock,
            3..6 => Action::WriteBlock { nth: nth % 4, payload },
            6..9 => Action::SealBlock { nth: nth % 4 },
            9..11 => Action::ReadBlock { nth: nth % 8 },
            11 => Action::ListBlocks,
            _ => Action::WriteSealed { nth: nth % 8, payload },
        },
        232..=251 if offered.snapshots => match other % 8 {
            0..3 => Action::CreateSnapshot,
            3..6 => Action::InspectSnapshot { nth: nth % 8 },
            6 => Action::DeleteSnapshot { nth: nth % 8 },
            _ => Action::ListSnapshots,
        },
        _ => Action::Append(payload),
    }
}

fn payload(record: Record) -> Payload {
    let len = u32::from(record[3]);
    // What is long takes longer to run, and has little more to say.
    let unique_len = match record[4] {
        SHORT..SECTOR => len % 100,
        SECTOR..SECTORS => len * 3,
        SECTORS.. => len * 10,
    };
    match record[5] {
        style if UNIQUE_PAYLOADS.contains(&style) => Payload { style: Style::Unique, len: 8 + unique_len },
        ..240 => Payload { style: Style::Zeros, len: len % 120 },
        _ => Payload { style: Style::FrameLike, len: len % 120 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{posix, sim_fence};
    use crate::trial::capabilities;

    fn read(bytes: &[u8]) -> Input {
        Input::read(bytes, &Wishes::default(), &capabilities(&posix(), &Wishes::default()))
    }

    const APPEND: Record = [0; 8];
    const CRASH: Record = [176, 1, 1, 9, 7, 0, 0, 0];

    #[test]
    fn no_bytes_are_a_run_in_which_nothing_is_done() {
        let Input { scenario, salts, .. } = read(&[]);
        assert!(scenario.ops.is_empty() && scenario.crashes.is_empty() && salts.is_empty());
        assert_eq!(scenario.validate(), Ok(()));
    }

    #[test]
    fn a_record_that_is_taken_out_leaves_the_others_as_they_were() {
        let whole = [[0; 8], APPEND, CRASH, [0, 130, 0, 9, 0, 0, 0, 0], CRASH].concat();
        let less = [[0; 8], APPEND, [0, 130, 0, 9, 0, 0, 0, 0], CRASH].concat();
        let (whole, less) = (read(&whole), read(&less));
        assert_eq!(whole.scenario.ops, less.scenario.ops);
        assert_eq!((whole.salts, less.salts), (vec![7, 7], vec![7]));
        assert_eq!(whole.scenario.crashes[1], less.scenario.crashes[0]);
    }

    #[test]
    fn any_bytes_are_a_scenario_that_can_be_run() {
        let mut state = 1_u64;
        for target in [posix(), sim_fence()] {
            let offered = capabilities(&target, &Wishes::default());
            for len in 0..400 {
                let bytes: Vec<u8> = std::iter::repeat_with(|| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                })
                .take(len)
                .collect();
                let input = Input::read(&bytes, &Wishes::default(), &offered);
                assert_eq!(input.scenario.validate(), Ok(()));
                assert_eq!(input.scenario.crashes.len(), input.salts.len());
            }
        }
    }
}
