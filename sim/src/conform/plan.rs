//! The checks, all of them, in the order in which they are carried out.

use super::cases::{self, Context, cases};
use super::part::Came;
use super::real::Real;
use super::{Site, exclusion, fencing, processes, read_only, space};
#[cfg(feature = "vendors")]
use super::{server, wire};
use crate::base::block_on;
use asl_host::{Capabilities, Exclusion, Host};

/// What comes at the end of all, whatever was chosen.
pub(super) const LAST: (&str, &str) = ("afterwards", "nothing_is_left_behind");

/// What is true when the checks of a group pass.
const GROUPS: [(&str, &str); 12] = [
    ("lifecycle", "making, opening, closing and destroying stores"),
    ("log", "records and their numbers"),
    ("blocks", "blocks, invisible until sealed, immutable from then on"),
    ("snapshots", "snapshots, and that they stay as they were"),
    ("concurrent", "several callers at once"),
    ("cancelled", "operations that are dropped half-way"),
    ("processes", "writers that are killed, and second writers"),
    ("server", "a bucket's server that is killed"),
    ("wire", "what lies between a host and its bucket"),
    ("space", "a disk that is full"),
    ("read-only", "a directory that cannot be written"),
    (LAST.0, "what is left"),
];

/// The groups of checks in their order, and what each is about.
pub fn groups() -> impl Iterator<Item = (&'static str, &'static str)> {
    GROUPS.into_iter()
}

/// The names of all checks that can be chosen.
pub fn check_names() -> impl Iterator<Item = &'static str> {
    all().into_iter().map(|check| check.name)
}

/// What a check can be carried out on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Both,
    Directory,
    #[cfg(feature = "vendors")]
    Bucket,
}

/// How a check is carried out.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// A case of the contract.
    Case(cases::Run<Real>),
    /// Something that only processes and real media can show.
    Disk(fn(&Site) -> Came),
}

/// Something to be tried.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    run: Run,
    on: On,
    /// Whether a host that offers this can be asked for it.
    offered: fn(&Capabilities) -> bool,
    /// Why not.
    lacking: &'static str,
}

impl Check {
    /// On a site of its own. Panics if it fails.
    pub(super) fn carry_out(&self, site: &Site) -> Came {
        if !self.is_for(site.here.is_bucket()) {
            let bucket = site.here.is_bucket();
            return Came::NotOffered(if bucket { "it is about directories" } else { "it is about buckets" });
        }
        if !(self.offered)(&site.here.boot().capabilities()) {
            return Came::NotOffered(self.lacking);
        }
        match self.run {
            Run::Case(case) => {
                block_on(case(&site.here));
                Came::passed()
            }
            Run::Disk(check) => check(site),
        }
    }

    /// Whether it can be carried out on a bucket, or on a directory.
    fn is_for(&self, bucket: bool) -> bool {
        match self.on {
            On::Both => true,
            On::Directory => !bucket,
            #[cfg(feature = "vendors")]
            On::Bucket => bucket,
        }
    }
}

/// What only processes and real media can show.
macro_rules! on_disk {
    ($($group:literal on $on:ident: $lacking:literal unless $offered:expr => { $($module:ident::$name:ident,)* })*) => {
        vec![$($(Check {
            group: $group,
            name: stringify!($name),
            run: Run::Disk($module::$name),
            on: On::$on,
            offered: $offered,
            lacking: $lacking,
        },)*)*]
    };
}

fn on_disk() -> impl Iterator<Item = Check> {
    let checks = on_disk! {
        "processes" on Both: "" unless |_| true => {
            processes::a_killed_writer_loses_nothing_that_was_acknowledged,
            processes::a_process_killed_at_making_or_destroying_leaves_a_store_or_room_for_one,
            processes::the_clock_goes_on_where_a_killed_process_left_it,
        }
        "processes" on Both: "the host has not both blocks and snapshots" unless |host| host.blocks && host.snapshots => {
            processes::a_killed_writer_leaves_blocks_and_snapshots_whole_or_absent,
        }
        "processes" on Both: "the host does not refuse a second writer" unless |host| host.exclusion == Exclusion::Refuse => {
            exclusion::a_second_process_is_refused_while_the_first_lives,
            exclusion::the_store_of_a_killed_process_opens_at_once,
            exclusion::of_several_processes_that_open_at_once_one_gets_the_store,
        }
        "processes" on Both: "the host does not fence off older writers" unless |host| host.exclusion == Exclusion::Fence => {
            fencing::a_writer_that_another_process_fences_off_writes_no_more,
            fencing::a_writer_that_was_stopped_changes_nothing_once_it_goes_on,
            fencing::of_several_processes_that_open_at_once_the_newest_writes,
            fencing::a_store_that_another_process_destroys_takes_nothing_from_its_writer,
        }
        "space" on Directory: "" unless |_| true => {
            space::running_out_of_space_loses_no_record_that_was_acknowledged,
            space::work_goes_on_once_there_is_space,
            space::a_creation_without_space_leaves_room_for_one,
        }
        "space" on Directory: "the host has not both blocks and snapshots" unless |host| host.blocks && host.snapshots => {
            space::a_full_disk_harms_no_block_and_no_snapshot,
        }
        "read-only" on Directory: "" unless |_| true => {
            read_only::a_read_only_directory_gives_errors_that_say_so_and_changes_nothing,
            read_only::a_store_works_again_once_its_directory_is_writable,
        }
    };
    checks.into_iter().chain(on_buckets())
}

#[cfg(not(feature = "vendors"))]
fn on_buckets() -> Vec<Check> {
    Vec::new()
}

/// What only real object stores can show.
#[cfg(feature = "vendors")]
fn on_buckets() -> Vec<Check> {
    on_disk! {
        "server" on Bucket: "" unless |_| true => {
            server::a_server_that_is_killed_loses_nothing_that_was_acknowledged,
        }
        "wire" on Bucket: "" unless |_| true => {
            wire::answers_that_are_lost_lose_and_repeat_nothing,
            wire::requests_that_are_cut_lose_and_repeat_nothing,
            wire::requests_that_arrive_twice_repeat_nothing,
            wire::requests_that_arrive_late_lose_and_repeat_nothing,
            wire::answers_that_never_come_lose_and_repeat_nothing,
            wire::a_server_that_is_busy_loses_nothing,
            wire::a_page_in_place_of_an_answer_is_an_error,
            wire::a_page_with_status_200_is_not_taken_for_an_answer,
            wire::bodies_that_end_too_early_are_not_taken_for_whole,
            wire::a_bucket_whose_conditions_are_lost_on_the_way_is_refused,
        }
    }
}

fn all() -> Vec<Check> {
    let contract = cases::<Real>().into_iter().map(|case| Check {
        group: case.group,
        name: case.name,
        run: Run::Case(case.run),
        on: On::Both,
        offered: case.offered,
        lacking: case.lacking,
    });
    let mut checks: Vec<Check> = contract.chain(on_disk()).collect();
    checks.sort_by_key(|check| GROUPS.iter().position(|(group, _)| *group == check.group));
    checks
}

/// The checks of these names, all that can be carried out there if there are none; or a name that there is not. Blanks may stand for
/// underscores.
pub(super) fn chosen(names: &[String], bucket: bool) -> Result<Vec<Check>, String> {
    let wanted: Vec<String> = names.iter().map(|name| name.trim().replace(' ', "_")).collect();
    let mut checks = all();
    if let Some(unknown) = wanted.iter().position(|name| !checks.iter().any(|check| check.name == name)) {
        return Err(names[unknown].clone());
    }
    if wanted.is_empty() {
        checks.retain(|check| check.is_for(bucket));
    } else {
        checks.retain(|check| wanted.iter().any(|name| name == check.name));
    }
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_check_has_a_name_of_its_own_and_a_group_that_is_known() {
        let checks = all();
        let names: BTreeSet<&str> = checks.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), checks.len());
        for check in &checks {
            assert!(groups().any(|(group, _)| group == check.group), "{}", check.group);
            assert!(check.name.contains('_') && !check.name.contains(' '), "{}", check.name);
        }
    }

    #[test]
    fn checks_are_chosen_by_name_with_blanks_or_underscores() {
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
            chosen(&wanted, false).map(|checks| checks.iter().map(|check| check.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["an empty record is a record"]), Ok(vec!["an_empty_record_is_a_record"]));
        assert_eq!(names(&["a_new_store_is_empty", "nothing"]), Err("nothing".to_owned()));
        let directories = all().iter().filter(|check| check.is_for(false)).count();
        assert_eq!(names(&[]).map(|names| names.len()), Ok(directories));
    }
}
