//! `asl-sim list`: what there is.

use super::Status;
use super::args::{ListArgs, Listed};
use super::out::Out;
use super::targets::Targets;
use super::wishes::CLASSES;
use crate::base::words::{program, wrapped};
use crate::check::INVARIANTS;
use crate::conform;
use crate::report::json::{Line, Source};
use crate::scenario::{FaultKind, Profile};
use crate::tell::style::{BOLD, DIM};

pub(super) fn list(args: &ListArgs, all: &Targets, out: &mut Out) -> Status {
    match args.what {
        Listed::Targets => targets(all, out),
        Listed::Invariants => invariants(out),
        Listed::Faults => faults(out),
        Listed::Profiles => profiles(out),
        Listed::Cases => cases(out),
    }
    Status::Passed
}

/// Names in one column, what they are in another.
fn table(rows: &[(&str, &str)], out: &mut Out) {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, about) in rows {
        out.text(&format!(
            "{BOLD}{name:<width$}{BOLD:#}  {}\n",
            wrapped(about, width + 2, out.list_columns())
        ));
    }
}

fn targets(all: &Targets, out: &mut Out) {
    let targets = all.listed();
    let mut rows: Vec<(&str, &str)> = targets.iter().map(|target| (target.name(), target.about())).collect();
    // The target that is not built in.
    let about = format!(
        "a program in any language that answers the driver protocol: `{} run exec -- PROGRAM ARGS`",
        program()
    );
    let specimens = rows.iter().position(|(name, _)| name.starts_with("specimen:")).unwrap_or(rows.len());
    rows.insert(specimens, ("exec", &about));
    table(&rows, out);
    for (name, about) in rows {
        out.json(&Line::Target { name, about });
    }
}

fn invariants(out: &mut Out) {
    let width = INVARIANTS.iter().map(|invariant| invariant.name.len()).max().unwrap_or(0);
    for invariant in INVARIANTS {
        let (name, indent) = (invariant.name, width + 2);
        let sentence = wrapped(invariant.sentence, indent, out.list_columns());
        out.text(&format!("{BOLD}{name:<width$}{BOLD:#}  {sentence}\n"));
        let sources = invariant.sentences().map(|source| format!("from {}: {}", source.number, source.text));
        for dimmed in sources.chain([format!("not checked: {}", invariant.not_checked)]) {
            let dimmed = wrapped(&dimmed, indent, out.list_columns());
            out.text(&format!("{:indent$}{DIM}{dimmed}{DIM:#}\n", ""));
        }
        let (sentence, not_checked) = (invariant.sentence, invariant.not_checked);
        let sources =
            invariant.sentences().map(|source| Source { number: source.number, sentence: source.text });
        out.json(&Line::Invariant { name, sentence, not_checked, sources: sources.collect() });
    }
}

fn faults(out: &mut Out) {
    for (at, (class, about)) in CLASSES.into_iter().enumerate() {
        let name = class.as_str();
        out.json(&Line::FaultClass { name, about });
        let heading = format!("{}class {BOLD}{name}{BOLD:#}: ", if at == 0 { "" } else { "\n" });
        out.text(&format!(
            "{heading}{}\n",
            wrapped(about, 2, out.list_columns().saturating_sub(name.len() + 6))
        ));
        let kinds = FaultKind::ALL.iter().filter(|(_, of, _)| *of == class);
        let rows: Vec<(&str, &str)> = kinds.map(|(kind, _, about)| (kind.as_str(), about.trim())).collect();
        let width = FaultKind::ALL.iter().map(|(kind, ..)| kind.as_str().len()).max().unwrap_or(0);
        for (kind, about) in rows {
            let text = wrapped(about, width + 4, out.list_columns());
            out.text(&format!("  {BOLD}{kind:<width$}{BOLD:#}  {text}\n"));
            out.json(&Line::Fault { class: name, name: kind, about });
        }
    }
}

fn profiles(out: &mut Out) {
    let all = || Profile::ALL.iter().chain(Profile::BUCKETS);
    let rows: Vec<(&str, &str)> = all().map(|&(profile, about)| (profile.as_str(), about.trim())).collect();
    table(&rows, out);
    for ((name, about), (profile, _)) in rows.into_iter().zip(all()) {
        out.json(&Line::Profile { medium: profile.medium(), name, about });
    }
}

fn cases(out: &mut Out) {
    for name in conform::check_names() {
        out.text(&format!("{name}\n"));
        out.json(&Line::Case { name });
    }
}
