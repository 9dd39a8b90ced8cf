//! The table of specimens: which invariant killed each, and how soon.

use crate::base::words::{count, duration, things};
use crate::hunt::past::is_much_slower;
use crate::hunt::{Hunted, Options, median};
use crate::report::json;
use crate::tell::style::{BAD, BOLD, DIM, GOOD, WARN};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// One specimen, and what is known of it besides.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) hunted: &'a Hunted,
    /// How many runs it took the last time.
    pub(crate) before: Option<u64>,
    /// Where its smallest case was stored.
    pub(crate) case: Option<PathBuf>,
}

impl Row<'_> {
    fn is_much_slower(&self) -> bool {
        self.before.is_some_and(|before| is_much_slower(before, self.hunted.runs_to_kill()))
    }
}

/// What is going to be done.
pub(crate) fn heading(options: &Options) -> String {
    let Options { base_seed, seeds, ops, rounds, jobs, .. } = *options;
    let ops = ops
        .map_or_else(String::new, |ops| format!(" of {}", things(u64::from(ops), "operation", "operations")));
    format!(
        "{BOLD}specimens{BOLD:#}  {} of at most {}{ops}, from seed {}, {}\n\n",
        things(rounds, "round", "rounds"),
        things(seeds, "run", "runs"),
        json::seed(base_seed),
        things(jobs as u64, "job", "jobs")
    )
}

const TITLES: [&str; 8] = ["specimen", "broke", "expected", "runs", "before", "seconds", "ops", "crashes"];

/// All specimens, a line each, and the hosts without a bug.
pub(crate) fn table(rows: &[Row<'_>]) -> String {
    let lines: Vec<[String; 8]> = rows.iter().map(cells).collect();
    let has_past = rows.iter().any(|row| row.before.is_some());
    let mut widths = TITLES.map(str::len);
    for line in &lines {
        widths.iter_mut().zip(line).for_each(|(width, cell)| *width = (*width).max(cell.len()));
    }
    let text = |cells: [&str; 8]| {
        let columns = cells.iter().zip(widths).enumerate().filter(|(at, _)| has_past || *at != 4);
        let padded = columns.map(|(at, (cell, width))| match at {
            0..3 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        padded.collect::<Vec<_>>().join("  ")
    };
    let lines = rows.iter().zip(&lines).map(|(row, line)| {
        let style = match (row.hunted.is_as_expected(), row.is_much_slower()) {
            (false, _) => BAD,
            (true, true) => WARN,
            (true, false) => anstyle::Style::new(),
        };
        let line = text(std::array::from_fn(|at| &*line[at]));
        format!("{style}{}{style:#}\n", line.trim_end())
    });
    format!("{BOLD}{}{BOLD:#}\n{}\n", text(TITLES).trim_end(), lines.collect::<String>())
}

fn cells(row: &Row<'_>) -> [String; 8] {
    let hunted = row.hunted;
    let none = || "-".to_owned();
    let broke = match (hunted.killer(), hunted.expected) {
        (Some(killer), _) => killer.to_owned(),
        (None, Some(_)) => "nothing: it survived".to_owned(),
        (None, None) => "nothing, it has no bug".to_owned(),
    };
    let runs = if hunted.expected.is_some() { hunted.runs_to_kill() } else { Some(hunted.runs()) };
    let smallest = hunted.smallest.as_ref();
    [
        hunted.name.clone(),
        broke,
        if hunted.is_as_expected() { "yes".to_owned() } else { "NO".to_owned() },
        runs.map_or_else(none, count),
        row.before.map_or_else(none, count),
        format!("{:.2}", hunted.time_to_kill().as_secs_f64()),
        smallest.map_or_else(none, |smallest| count(smallest.ops)),
        smallest.map_or_else(none, |smallest| count(smallest.crashes)),
    ]
}

/// What to make of the table.
pub(crate) fn summary(rows: &[Row<'_>], elapsed: Duration) -> String {
    let (specimens, controls): (Vec<&Row<'_>>, Vec<&Row<'_>>) =
        rows.iter().partition(|row| row.hunted.expected.is_some());
    let well = |rows: &[&Row<'_>]| rows.iter().filter(|row| row.hunted.is_as_expected()).count();
    let (killed, passed) = (well(&specimens), well(&controls));
    let (style, verdict) = if killed == specimens.len() && passed == controls.len() {
        (GOOD, "passed")
    } else {
        (BAD, "failed")
    };
    let alarms = controls
        .iter()
        .filter(|row| !row.hunted.is_as_expected())
        .map(|row| format!("{BAD}false alarm{BAD:#}: {} has no bug, and did not pass\n", row.hunted.name));
    let remarks: String = specimens.iter().map(|row| remarks(row)).chain(alarms).collect();
    let small = smallest(&specimens);
    let specimens = things(specimens.len() as u64, "specimen", "specimens");
    let controls = match controls.len() {
        0 => String::new(),
        all => format!(", {passed} of {all} without a bug passed"),
    };
    let elapsed = duration(elapsed);
    format!(
        "{small}{remarks}{style}{verdict}{style:#}: {killed} of {specimens} killed as expected{controls}, in {elapsed}\n"
    )
}

/// How small failures have become.
fn smallest(specimens: &[&Row<'_>]) -> String {
    let smallest = || specimens.iter().filter_map(|row| row.hunted.smallest.as_ref());
    if smallest().next().is_none() {
        return String::new();
    }
    let ops = things(median(smallest().map(|case| case.ops)), "operation", "operations");
    let crashes = things(median(smallest().map(|case| case.crashes)), "crash", "crashes");
    format!("smallest cases, median: {ops}, {crashes} besides the loss of power at the end of each run\n")
}

/// What is wrong with one specimen's result, and how to see it.
fn remarks(row: &Row<'_>) -> String {
    let Hunted { name, rounds, .. } = row.hunted;
    let expected = row.hunted.expected.unwrap_or_default();
    let mut lines = Vec::new();
    let survived = row.hunted.killers().filter(Option::is_none).count() as u64;
    if survived > 0 {
        let times = things(survived, "round", "rounds");
        lines.push(format!("{BAD}survived{BAD:#}: {name} in {times}; it should break {expected}\n"));
    }
    let killed = rounds.iter().filter_map(|round| round.killed.as_ref());
    for (seed, killer) in killed.filter(|(_, killer)| killer != expected) {
        lines.push(format!(
            "{BAD}killed by another{BAD:#}: {name} broke {killer}, and should break {expected}\n  \
             {DIM}asl-sim replay specimen:{name} --seed {}{DIM:#}\n",
            json::seed(*seed)
        ));
    }
    if let (true, Some(before), Some(now)) = (row.is_much_slower(), row.before, row.hunted.runs_to_kill()) {
        let (before, now) = (count(before), count(now));
        lines.push(format!("{WARN}slower{WARN:#}: {name} took {before} runs before, and now {now}\n"));
    }
    lines.concat()
}

/// The first line of JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Start {
    r#type: &'static str,
    base_seed: String,
    seeds: u64,
    rounds: u64,
    jobs: usize,
}

impl Start {
    pub(crate) fn new(options: &Options) -> Start {
        let Options { base_seed, seeds, rounds, jobs, .. } = *options;
        Start { r#type: "start", base_seed: json::seed(base_seed), seeds, rounds, jobs }
    }
}

/// A specimen as a line of JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    r#type: &'static str,
    name: &'a str,
    /// Null for a host without a bug.
    expected: Option<&'a str>,
    /// What it broke; null if nothing.
    invariant: Option<&'a str>,
    as_expected: bool,
    /// By round; null where it survived.
    runs_to_kill: Vec<Option<u64>>,
    median_runs: Option<u64>,
    median_s: f64,
    runs: u64,
    /// Of the smallest case.
    ops: Option<u64>,
    crashes: Option<u64>,
    case: Option<String>,
    runs_before: Option<u64>,
    slower: bool,
}

/// The line of a specimen.
pub(crate) fn line<'a>(row: &Row<'a>) -> Line<'a> {
    let hunted = row.hunted;
    let smallest = hunted.smallest.as_ref();
    Line {
        r#type: "specimen",
        name: &hunted.name,
        expected: hunted.expected,
        invariant: hunted.killer(),
        as_expected: hunted.is_as_expected(),
        runs_to_kill: hunted.rounds.iter().map(|round| round.killed.as_ref().map(|_| round.runs)).collect(),
        median_runs: hunted.runs_to_kill(),
        median_s: rounded(hunted.time_to_kill()),
        runs: hunted.runs(),
        ops: smallest.map(|smallest| smallest.ops),
        crashes: smallest.map(|smallest| smallest.crashes),
        case: row.case.as_ref().map(|path| path.to_string_lossy().into_owned()),
        runs_before: row.before,
        slower: row.is_much_slower(),
    }
}

/// The last line of JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    r#type: &'static str,
    specimens: usize,
    as_expected: usize,
    false_alarms: usize,
    slower: usize,
    elapsed_s: f64,
}

impl Summary {
    pub(crate) fn new(rows: &[Row<'_>], elapsed: Duration) -> Summary {
        let with_bug = |row: &&Row<'_>| row.hunted.expected.is_some();
        Summary {
            r#type: "summary",
            specimens: rows.iter().filter(with_bug).count(),
            as_expected: rows.iter().filter(with_bug).filter(|row| row.hunted.is_as_expected()).count(),
            false_alarms: rows.iter().filter(|row| !with_bug(row) && !row.hunted.is_as_expected()).count(),
            slower: rows.iter().filter(|row| row.is_much_slower()).count(),
            elapsed_s: rounded(elapsed),
        }
    }
}

/// Seconds, to the millisecond.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunt::Round;

    fn hunted(name: &str, expected: Option<&'static str>, rounds: &[(u64, Option<&str>)]) -> Hunted {
        let rounds = rounds.iter().map(|&(runs, killer)| Round {
            runs,
            elapsed: Duration::from_millis(runs / 5),
            killed: killer.map(|killer| (0x2a, killer.to_owned())),
        });
        Hunted { name: name.to_owned(), expected, rounds: rounds.collect(), smallest: None, others_max: 0 }
    }

    #[test]
    fn the_table_says_what_killed_each_specimen_and_what_is_wrong_with_it() {
        let durable = Some("append-durable");
        let all = [
            (hunted("canary", durable, &[(213, durable), (90, durable), (1_100, durable)]), Some(200)),
            (hunted("seq-restarts", Some("logseq-stable"), &[(80, Some("logseq-stable")); 3]), None),
            (hunted("slow-one", durable, &[(2_000, durable)]), Some(30)),
            (hunted("tough-one", durable, &[(10_000, None), (70, durable)]), Some(70)),
            (hunted("odd-one", durable, &[(70, durable), (5, Some("error-honest"))]), None),
            (hunted("control", None, &[(10_000, None)]), None),
        ];
        let rows: Vec<Row<'_>> =
            all.iter().map(|(hunted, before)| Row { hunted, before: *before, case: None }).collect();
        let options = Options { base_seed: 1, seeds: 10_000, ops: None, rounds: 3, others_max: 0, jobs: 2 };
        let elapsed = Duration::from_secs(12);
        let text = [heading(&options), table(&rows), summary(&rows, elapsed)].concat();
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
        let well = summary(&rows[..2], elapsed);
        assert_eq!(
            anstream::adapter::strip_str(&well).to_string(),
            "passed: 2 of 2 specimens killed as expected, in 12 s\n"
        );
        let lines: Vec<_> = rows.iter().map(line).collect();
        assert_eq!(lines[3].runs_to_kill, [None, Some(70)]);
        assert_eq!((lines[4].invariant, lines[4].as_expected), (Some("error-honest"), false));
        let Summary { specimens, as_expected, false_alarms, slower, .. } = Summary::new(&rows, elapsed);
        assert_eq!((specimens, as_expected, false_alarms, slower), (5, 3, 0, 2));
    }
}
