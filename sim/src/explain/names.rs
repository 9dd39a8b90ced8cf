//! How files are called in a story: by their path in the store, and long runs of digits in their names cut short.
//!
//! Hosts like names such as `00000000000000000011-3197f87b2fb65bd5.log`, which no lane of a terminal holds. Zeros that lead a number
//! are left out, and so is the end of a long hexadecimal number, as long as no two names of the run then look alike.

use crate::executor::call_log::{CallLog, What};
use std::collections::{BTreeMap, BTreeSet};

/// So many zeros are left out.
const ZEROS_MIN: usize = 4;
/// A hexadecimal number of so many digits is cut to its first ones.
const DIGITS_MIN: usize = 12;
const DIGITS_KEPT: usize = 4;

/// The names of one run.
#[derive(Debug, Default)]
pub(super) struct Names {
    short: BTreeMap<String, String>,
}

impl Names {
    pub(super) fn of(log: &CallLog) -> Names {
        let mut whole = BTreeSet::new();
        for entry in &log.entries {
            if let What::Call(call) = &entry.what {
                whole.extend(
                    [Some(&call.path), call.to.as_ref()].into_iter().flatten().map(|path| inside(path)),
                );
            }
            if let What::Crash(_, survivors) = &entry.what {
                whole.extend(survivors.seen.keys().map(|path| inside(path)));
            }
        }
        Names::of_names(whole)
    }

    fn of_names<'a>(whole: impl IntoIterator<Item = &'a str>) -> Names {
        let mut by_short: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for name in whole {
            by_short.entry(cut(name)).or_default().push(name);
        }
        let alone = by_short.into_iter().filter(|(short, names)| names.len() == 1 && short != names[0]);
        Names { short: alone.map(|(short, names)| (names[0].to_owned(), short)).collect() }
    }

    /// How a path is told.
    pub(super) fn short(&self, path: &str) -> String {
        let inside = inside(path);
        self.short.get(inside).cloned().unwrap_or_else(|| inside.to_owned())
    }

    pub(super) fn shortened(&self) -> Vec<(String, String)> {
        self.short.iter().map(|(whole, short)| (short.clone(), whole.clone())).collect()
    }
}

/// What a path is called where the store's own files are what is talked about.
fn inside(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    match path.strip_prefix("/root/store/").or_else(|| path.strip_prefix("/root/")) {
        Some(inside) => inside,
        None if path == "/root" => "the root",
        None => path,
    }
}

fn cut(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while !rest.is_empty() {
        let run = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(run);
        out.push_str(&cut_number(digits));
        let other = after.find(|c: char| c.is_ascii_hexdigit()).unwrap_or(after.len());
        let (between, next) = after.split_at(other);
        out.push_str(between);
        rest = next;
    }
    out
}

fn cut_number(digits: &str) -> String {
    let number = digits.trim_start_matches('0');
    let zeros = digits.len() - number.len();
    if zeros >= ZEROS_MIN && zeros < digits.len() {
        return format!("…{number}");
    }
    if digits.len() >= DIGITS_MIN {
        return format!("{}…", &digits[..DIGITS_KEPT]);
    }
    digits.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_cut_where_that_leaves_names_apart() {
        let segment = "00000000000000000011-3197f87b2fb65bd5.log";
        let alike = ["x-3197f87b2fb65bd5", "x-3197f87b2fb65bd6"];
        let names = Names::of_names([segment, "LOCK", alike[0], alike[1]]);
        assert_eq!(names.short(&format!("/root/store/{segment}")), "…11-3197….log");
        assert_eq!(names.short("/root/store/LOCK"), "LOCK");
        assert_eq!(alike.map(|name| names.short(name)), alike);
        assert_eq!(names.shortened(), [("…11-3197….log".to_owned(), segment.to_owned())]);
    }
}
