//! What a doctor prints, for people.

use crate::base::words::{things, wrapped};
use crate::doctor::{Findings, Item, State};
use crate::tell::style::{BAD, BOLD, DIM, GOOD, WARN};

/// Where what was found begins in its line.
const INDENT: usize = 29;

/// The machine in a line, then what was looked at, and how much of it is missing.
pub(crate) fn text(findings: &Findings, columns: usize) -> String {
    let Findings { os, kernel, architecture, cores, location, items, .. } = findings;
    let cores = things(*cores as u64, "core", "cores");
    let machine = format!(
        "{BOLD}machine{BOLD:#}   {os} {kernel} on {architecture}, {cores}; asl-sim runs on Linux only\n"
    );
    let lines: String = items.iter().map(|item| line(item, columns)).collect();
    let wanting = items.iter().filter(|item| item.state != State::Ok).count();
    let last = match wanting {
        0 => format!("{GOOD}nothing is skipped on this machine{GOOD:#}\n"),
        _ => format!(
            "{WARN}missing or limited{WARN:#}: {wanting} of {}; simulation needs none of them\n",
            items.len()
        ),
    };
    format!("{machine}{BOLD}location{BOLD:#}  {location}\n\n{lines}\n{last}")
}

fn line(item: &Item, columns: usize) -> String {
    let style = match item.state {
        State::Ok => GOOD,
        State::Limited => WARN,
        State::Missing => BAD,
    };
    let found = wrapped(&item.found, INDENT, columns);
    let first =
        format!("  {style}{:<7}{style:#}  {BOLD}{:<16}{BOLD:#}  {found}\n", item.state.as_str(), item.name);
    let more =
        [("skipped", &item.skipped), ("to get it", &item.remedy)].into_iter().filter_map(|(label, more)| {
            let more = wrapped(&format!("{label}: {}", more.as_ref()?), INDENT, columns);
            Some(format!("{:INDENT$}{DIM}{more}{DIM:#}\n", ""))
        });
    first + &more.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_lacks_something_reads_as_it_does() {
        let item = |name, state, found: &str, skipped: Option<&str>, remedy: Option<&str>| Item {
            name,
            state,
            found: found.to_owned(),
            skipped: skipped.map(str::to_owned),
            remedy: remedy.map(str::to_owned),
        };
        let mut findings = Findings {
            os: "Linux".to_owned(),
            kernel: "6.1.0".to_owned(),
            architecture: "x86_64".to_owned(),
            cores: 2,
            location: "/data".to_owned(),
            file_system: "ext4".to_owned(),
            device: "/dev/x".to_owned(),
            items: vec![
                item("user", State::Limited, "not root", Some("loop devices"), Some("run it as root")),
                item("mount namespaces", State::Ok, "can be made inside a user namespace", None, None),
                item(
                    "xfs",
                    State::Missing,
                    "there is no mkfs.xfs",
                    Some("xfs"),
                    Some("apt-get install xfsprogs"),
                ),
            ],
        };
        let plain = |findings: &Findings| anstream::adapter::strip_str(&text(findings, 80)).to_string();
        insta::assert_snapshot!(plain(&findings));
        findings.items.retain(|item| item.state == State::Ok);
        assert!(plain(&findings).ends_with("\nnothing is skipped on this machine\n"));
    }
}
