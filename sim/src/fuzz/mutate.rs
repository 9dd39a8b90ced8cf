//! A mutator that knows what an input is: it changes records, not bytes ([`input`](super::input) says what they mean).
//!
//! A mutant differs from its parent in one, two or four things: an operation more or less, a crash elsewhere, or one that loses something
//! else. Every fifth has no parent: it is drawn whole, a few operations with what goes wrong in them, as `asl-sim run` draws runs. So a
//! fuzzer that has learned nothing yet does what plain random search does.
//!
//! Not done: what a mutant means is not looked at, so that some say the same as their parents.

use super::input::{
    CLOCK_JUMPS, CRASHES, CUTS_INSIDE, FAULTS, FULL, OPERATIONS, RECORD_LEN, Record, SECTOR, SECTORS, SHORT,
    UNIQUE_PAYLOADS, records,
};
use crate::scenario::generate::Dice;
use std::ops::RangeInclusive;

/// Kinds of operations besides appends, by the byte that says so, as often as runs have them.
const KINDS: [u8; 16] = [128, 128, 128, 140, 148, 152, 152, 160, 168, 176, 196, 204, 204, 204, 232, 232];

/// How long payloads are, as often as they are so.
const LENS: [u8; 8] = [SHORT, SHORT, SHORT, SHORT, SHORT, SECTOR, SECTOR, SECTORS];

/// Changes an input, to one of at most `len_max` bytes. The same seed does the same.
pub fn mutate(input: &mut Vec<u8>, len_max: usize, seed: u64) {
    let mut dice = Dice::new(seed, 0);
    let mut records: Vec<Record> = records(input).collect();
    if records.len() < 2 || dice.chance(20) {
        records = fresh(&mut dice);
    } else {
        for _ in 0..dice.one_of(&[1, 1, 2, 4]) {
            change(&mut dice, &mut records);
        }
    }
    records.truncate(len_max / RECORD_LEN);
    *input = records.concat();
}

/// The beginning of one input and the end of another, of at most `len_max` bytes.
pub fn cross(one: &[u8], other: &[u8], len_max: usize, seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed, 1);
    let (mut one, other): (Vec<Record>, Vec<Record>) = (records(one).collect(), records(other).collect());
    one.truncate(dice.below(one.len() as u32 + 1) as usize);
    let rest = dice.below(other.len() as u32 + 1) as usize;
    one.extend(&other[rest..]);
    one.truncate(len_max / RECORD_LEN);
    one.concat()
}

/// An input of its own: settings, operations of a few kinds, and what goes wrong in them.
fn fresh(dice: &mut Dice) -> Vec<Record> {
    let mut records = vec![drawn(dice, 0..=255)];
    let kinds: [u8; 3] = std::array::from_fn(|_| dice.one_of(&KINDS));
    let (rare_percent, fault_percent) = (dice.one_of(&[10, 30, 60]), dice.one_of(&[0, 10, 25]));
    let crash_percent = dice.one_of(&[8, 15, 30]);
    let lens = dice.one_of(&LENS);
    for _ in 0..4 + dice.below(12) {
        let kind = if dice.chance(rare_percent) { dice.one_of(&kinds) } else { 0 };
        records.push(operation(dice, kind, lens));
        if dice.chance(crash_percent) {
            records.push(drawn(dice, CRASHES));
            if dice.chance(30) {
                records.push(drawn(dice, CUTS_INSIDE));
            }
        }
        if dice.chance(fault_percent) {
            records.push(drawn(dice, FAULTS));
        }
    }
    records
}

fn change(dice: &mut Dice, records: &mut Vec<Record>) {
    let what = dice.below(100);
    match what {
        0..24 => {
            let kind = if dice.chance(40) { 0 } else { dice.one_of(&KINDS) };
            let lens = dice.one_of(&LENS);
            let operation = operation(dice, kind, lens);
            insert(dice, records, operation);
        }
        24..54 => {
            let tags = match what {
                24..36 => CRASHES,
                36..41 => CUTS_INSIDE,
                41..50 => FAULTS,
                50..52 => FULL,
                _ => CLOCK_JUMPS,
            };
            let record = drawn(dice, tags);
            insert(dice, records, record);
        }
        // What a crash loses.
        54..66 => edit(dice, records, CRASHES, |dice, crash| {
            crash[4..].copy_from_slice(&drawn(dice, CRASHES)[4..]);
        }),
        // Where it comes, and whether the power goes with it.
        66..73 => edit(dice, records, CRASHES, |dice, crash| {
            crash[1..4].copy_from_slice(&drawn(dice, CRASHES)[1..4]);
        }),
        73..77 => edit(dice, records, 0..=255, |dice, record| {
            let at = 1 + dice.below(RECORD_LEN as u32 - 1) as usize;
            record[at] = byte(dice);
        }),
        77..92 if records.len() > 2 => {
            let at = place(dice, records);
            records.remove(at);
        }
        92..96 => {
            let copied = records[place(dice, records)];
            insert(dice, records, copied);
        }
        _ => {
            let at = dice.below(RECORD_LEN as u32) as usize;
            records[0][at] = byte(dice);
        }
    }
}

/// Changes one of the records with such a tag, if there is one.
fn edit(
    dice: &mut Dice,
    records: &mut [Record],
    tags: RangeInclusive<u8>,
    change: impl FnOnce(&mut Dice, &mut Record),
) {
    let mut those: Vec<&mut Record> =
        records.iter_mut().skip(1).filter(|record| tags.contains(&record[0])).collect();
    let count = those.len() as u32;
    if count > 0 {
        let nth = dice.below(count) as usize;
        change(dice, those[nth]);
    }
}

fn insert(dice: &mut Dice, records: &mut Vec<Record>, record: Record) {
    let at = 1 + dice.below(records.len() as u32) as usize;
    records.insert(at, record);
}

/// One of the records behind the settings.
fn place(dice: &mut Dice, records: &[Record]) -> usize {
    1 + dice.below(records.len() as u32 - 1) as usize
}

fn byte(dice: &mut Dice) -> u8 {
    dice.below(256) as u8
}

fn drawn(dice: &mut Dice, tags: RangeInclusive<u8>) -> Record {
    let mut record: Record = std::array::from_fn(|_| byte(dice));
    record[0] = tags.start() + dice.below(u32::from(tags.end() - tags.start()) + 1) as u8;
    record
}

/// An operation of this kind, with a payload of about such a length, which is unique in most.
fn operation(dice: &mut Dice, kind: u8, lens: u8) -> Record {
    let mut record = drawn(dice, OPERATIONS);
    record[1] = kind;
    record[4] = lens;
    if dice.chance(90) {
        record[5] = UNIQUE_PAYLOADS.start() + dice.below(u32::from(*UNIQUE_PAYLOADS.end())) as u8;
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;
    use crate::fuzz::Fuzzed;

    #[test]
    fn mutants_are_whole_records_within_the_bound_and_the_same_for_the_same_seed() {
        let mut input = b"no whole record".to_vec();
        for seed in 0..2_000 {
            let mut again = input.clone();
            mutate(&mut input, 100, seed);
            mutate(&mut again, 100, seed);
            assert_eq!(input, again, "seed {seed}");
            assert!(input.len() <= 96 && input.len().is_multiple_of(RECORD_LEN), "{} bytes", input.len());
            assert!(cross(&input, &[7; 300], 100, seed).len() <= 96);
        }
    }

    #[test]
    fn what_is_drawn_whole_is_a_run_with_operations_and_crashes() {
        let target = find("posix").expect("a built-in target");
        let wishes = target.wishes();
        let mut fuzzed = Fuzzed::new(target, wishes);
        for seed in 0..300 {
            let mut input = Vec::new();
            mutate(&mut input, 152, seed);
            assert!(fuzzed.run(&input).passed(), "seed {seed}");
        }
        let counts = fuzzed.counts();
        assert!(counts.ops > 6 * counts.runs && counts.crashes > counts.runs, "{counts:?}");
    }

    #[test]
    fn a_mutant_of_an_input_is_mostly_that_input() {
        let parent = [[0; 8], [0, 0, 0, 5, 0, 0, 0, 0], [176, 1, 1, 9, 7, 0, 0, 0]].concat();
        let kept = (0..1_000).filter(|&seed| {
            let mut mutant = parent.clone();
            mutate(&mut mutant, 152, seed);
            records(&mutant).any(|record| record == [0, 0, 0, 5, 0, 0, 0, 0])
        });
        assert!(kept.count() > 600);
    }
}
