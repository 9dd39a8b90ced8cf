//! Compares one arm with the model: first the litmus programs, then random ones, as many as there are crash points for.
//!
//! Half of the crash points go to the litmus programs, so that allowed states have a chance to be seen; the rest goes to
//! random programs, a fixed number each, so that a program's share depends on its seed only.
//!
//! Not judged: states that the model allows and that were never seen. They are counted, and named for litmus programs; a
//! kernel need not do all that it may.

use crate::arm::Arm;
use crate::crash::{Crash, choose, fates, medium, mix};
use crate::finding::{Finding, Wrong, describe_events};
use crate::hands::Trouble;
use crate::image::Image;
use crate::judge::{Instant, Judge, instants};
use crate::lab::Lab;
use crate::recording::Recording;
use asl_sim::campaign::Stopwatch;
use asl_sim::world::program::{self, Program, State, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Crash points of a random program.
const RANDOM_PROGRAM_CRASHES: u64 = 30;
/// Crash points that make one more run of a program worth its time.
const ROUND_CRASHES: u64 = 24;
/// Most runs of a program.
const ROUNDS_MAX: u64 = 40;
/// Findings that are kept in full; more are counted.
const FINDINGS_MAX: usize = 200;
/// States of a litmus program that are told apart by name.
const STATES_MAX: usize = 4_096;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many crash points there are to be.
    pub crash_points: u64,
    /// The first random program's seed.
    pub seed: u64,
    /// Whether litmus programs are left out.
    pub random_only: bool,
    /// The only program, if it is given.
    pub program: Option<Program>,
}

/// How far it is. Shared with whoever shows it, and with who wants it to stop.
#[derive(Debug, Default)]
pub struct Progress {
    /// Crash points that were judged.
    pub crash_points: AtomicU64,
    /// Findings so far.
    pub findings: AtomicU64,
    /// Somebody wants it to stop.
    pub stop: AtomicBool,
}

/// What came of an arm.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The arm's name.
    pub arm: &'static str,
    /// Programs, a litmus program once however often it ran.
    pub programs: u64,
    /// Losses of power that were judged.
    pub crash_points: u64,
    /// Different media that were mounted.
    pub images: u64,
    /// Different states that were seen, program by program.
    pub states: u64,
    /// How long it took to mount, read and unmount all of them.
    pub look_time: Duration,
    /// What is wrong, as far as it is kept.
    pub findings: Vec<Finding>,
    /// What is wrong, counted: once for each program, state and instant.
    pub findings_count: u64,
    /// What became of each litmus program.
    pub litmus: Vec<Witness>,
    /// It was told to stop.
    pub interrupted: bool,
}

/// Which of the allowed states a litmus program has shown, with all its steps done.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The litmus program's name.
    pub name: &'static str,
    /// What it shows.
    pub property: &'static str,
    /// All that the model allows; `None` if that is too much.
    pub allowed: Option<BTreeSet<String>>,
    /// What was seen.
    pub seen: BTreeSet<String>,
}

/// A program with all that is known of it.
struct Case {
    name: String,
    command: String,
    steps: Program,
    seed: u64,
    judge: Judge,
    /// What was made of each medium, by its digest.
    looks: BTreeMap<u128, Result<State, Trouble>>,
    /// What was judged already.
    judged: BTreeSet<(u128, Option<Instant>)>,
    /// States that were seen after the last step.
    last: BTreeSet<String>,
}

/// Compares an arm with the model. What is found is told at once, with its number.
pub fn examine(
    arm: &Arm,
    plan: &Plan,
    progress: &Progress,
    tell: &dyn Fn(u64, &Finding),
) -> Result<Tally, Trouble> {
    let lab = Lab::open(arm)?;
    let tally = Tally { arm: arm.name, ..Tally::default() };
    let mut examiner = Examiner { arm: *arm, lab, progress, tell, tally, known: BTreeSet::new() };
    if let Some(program) = &plan.program {
        examiner.given(plan, program)?;
    } else {
        if !plan.random_only {
            examiner.litmus(plan)?;
        }
        examiner.random(plan)?;
    }
    Ok(examiner.tally)
}

struct Examiner<'a> {
    arm: Arm,
    lab: Lab,
    progress: &'a Progress,
    tell: &'a dyn Fn(u64, &Finding),
    tally: Tally,
    /// What was found already: program, state and instant, as one number.
    known: BTreeSet<u64>,
}

impl Examiner<'_> {
    fn litmus(&mut self, plan: &Plan) -> Result<(), Trouble> {
        let litmus = program::litmus();
        let share = (plan.crash_points / 2 / (litmus.len() as u64).max(1)).max(1);
        for litmus in litmus {
            let seed = mix(&[plan.seed, xxhash_rust::xxh3::xxh3_64(litmus.name.as_bytes())]);
            self.rounds(plan, litmus.name, litmus.property, litmus.program, seed, share)?;
            if self.stopped() {
                break;
            }
        }
        Ok(())
    }

    fn given(&mut self, plan: &Plan, program: &[Step]) -> Result<(), Trouble> {
        self.rounds(plan, "given", "a program that was given", program.to_vec(), plan.seed, plan.crash_points)
    }

    /// Runs a program several times, and notes which of its last states were seen.
    fn rounds(
        &mut self,
        plan: &Plan,
        name: &'static str,
        property: &'static str,
        steps: Program,
        seed: u64,
        share: u64,
    ) -> Result<(), Trouble> {
        let mut case = self.case(name.to_owned(), self.command(plan), steps, seed)?;
        let rounds = (share / ROUND_CRASHES).clamp(1, ROUNDS_MAX);
        for round in 0..rounds {
            self.run(&mut case, round, share / rounds)?;
        }
        let allowed = case.judge.last_states(STATES_MAX);
        self.tally.litmus.push(Witness { name, property, allowed, seen: case.last.clone() });
        self.close(&case);
        Ok(())
    }

    fn random(&mut self, plan: &Plan) -> Result<(), Trouble> {
        for seed in plan.seed.. {
            if self.stopped() || self.tally.crash_points >= plan.crash_points {
                break;
            }
            let command = format!("{} --random-only", self.command_of(seed, RANDOM_PROGRAM_CRASHES));
            let mut case =
                self.case(format!("random program {seed}"), command, program::random(seed), seed)?;
            // Every other program is left alone by nudges.
            self.run(&mut case, seed % 2, RANDOM_PROGRAM_CRASHES)?;
            self.close(&case);
        }
        Ok(())
    }

    /// How to do it again. A program that was given is in the file beside the finding.
    fn command(&self, plan: &Plan) -> String {
        let command = self.command_of(plan.seed, plan.crash_points);
        if plan.program.is_some() { command + " --program FILE" } else { command }
    }

    fn command_of(&self, seed: u64, crash_points: u64) -> String {
        let file_system = self.arm.file_system.as_str();
        format!("asl-reality --file-system {file_system} --seed {seed} --crash-points {crash_points}")
    }

    fn case(&self, name: String, command: String, steps: Program, seed: u64) -> Result<Case, Trouble> {
        let judge = Judge::new(self.arm.profile(), &steps);
        let judge = judge.map_err(|why| Trouble::Failed(format!("{name}: {why}")))?;
        let (looks, judged, last) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Ok(Case { name, command, steps, seed, judge, looks, judged, last })
    }

    /// Runs a program once, and judges so many crash points of it.
    fn run(&mut self, case: &mut Case, round: u64, crashes_max: u64) -> Result<(), Trouble> {
        if self.stopped() {
            return Ok(());
        }
        let recording = self.lab.run(&case.steps, case.seed, round).map_err(|trouble| match trouble {
            Trouble::Failed(why) => Trouble::Failed(format!("{}: {}: {why}", self.arm.name, case.name)),
            other => other,
        })?;
        let mut flushed = (usize::MAX, Image::default());
        // Every third run is looked at where all steps were done, so that the states after the last one are seen.
        let from = if round % 3 == 2 { recording.last_position() } else { recording.first_position() };
        for crash in choose(&recording, from, mix(&[case.seed, round]), crashes_max as usize) {
            let up_to = recording.flushed(crash.position);
            if flushed.0 != up_to {
                flushed = (up_to, recording.flushed_image(crash.position));
            }
            self.crash(case, &recording, round, crash, flushed.1.clone())?;
            if self.stopped() {
                break;
            }
        }
        Ok(())
    }

    /// Judges one crash point.
    fn crash(
        &mut self,
        case: &mut Case,
        recording: &Recording,
        round: u64,
        crash: Crash,
        flushed: Image,
    ) -> Result<(), Trouble> {
        let fates = fates(recording, crash, self.arm.unit_len);
        let image = medium(flushed, &recording.window(crash.position), &fates);
        let digest = image.digest();
        self.look(case, digest, image)?;
        for (instant, wrong) in judge(case, digest, &instants(&recording.marks, crash.position)) {
            if case.judged.insert((digest, instant)) {
                let events = describe_events(recording, crash, &fates);
                self.found(case, round, crash, events, wrong);
            }
        }
        self.tally.crash_points += 1;
        self.progress.crash_points.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Has the medium mounted and read, unless an equal one was.
    fn look(&mut self, case: &mut Case, digest: u128, image: Image) -> Result<(), Trouble> {
        if case.looks.contains_key(&digest) {
            return Ok(());
        }
        let watch = Stopwatch::start();
        let seen = self.lab.look(image);
        self.tally.look_time += watch.elapsed();
        self.tally.images += 1;
        if let Err(trouble @ (Trouble::Hung(_) | Trouble::Failed(_))) = seen {
            return Err(trouble);
        }
        case.looks.insert(digest, seen);
        Ok(())
    }

    fn found(&mut self, case: &Case, round: u64, crash: Crash, events: Vec<String>, wrong: Wrong) {
        let known = format!("{} {wrong:?}", case.name);
        if !self.known.insert(xxhash_rust::xxh3::xxh3_64(known.as_bytes())) {
            return;
        }
        self.tally.findings_count += 1;
        self.progress.findings.fetch_add(1, Ordering::Relaxed);
        if self.tally.findings.len() < FINDINGS_MAX {
            let steps = case.steps.clone();
            let (program, command) = (case.name.clone(), case.command.clone());
            let arm = self.arm.name;
            let finding = Finding { arm, program, command, steps, round, crash, events, wrong };
            (self.tell)(self.tally.findings_count, &finding);
            self.tally.findings.push(finding);
        }
    }

    /// Counts what a program has shown.
    fn close(&mut self, case: &Case) {
        let states: BTreeSet<String> = case.looks.values().flatten().map(ToString::to_string).collect();
        self.tally.programs += 1;
        self.tally.states += states.len() as u64;
    }

    fn stopped(&mut self) -> bool {
        self.tally.interrupted = self.progress.stop.load(Ordering::Relaxed);
        self.tally.interrupted
    }
}

/// What is wrong with a medium at these instants, each with the instant if it depends on that.
fn judge(case: &mut Case, digest: u128, instants: &[Instant]) -> Vec<(Option<Instant>, Wrong)> {
    let seen = match &case.looks[&digest] {
        Ok(seen) => seen,
        Err(Trouble::Unreadable(why)) => return vec![(None, Wrong::Unreadable(why.clone()))],
        Err(other) => return vec![(None, Wrong::Unmountable(other.to_string()))],
    };
    if instants.contains(&Instant::Between(case.steps.len())) {
        case.last.insert(seen.to_string());
    }
    let outside = |&instant: &Instant| {
        let why = case.judge.allows(instant, seen).err()?;
        Some((Some(instant), Wrong::Outside { instant, seen: seen.clone(), why }))
    };
    instants.iter().filter_map(outside).collect()
}
