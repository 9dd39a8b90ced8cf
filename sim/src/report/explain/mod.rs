//! How an explanation looks: in a terminal, and as a page for a browser. Both show the same rows and say the same sentences.

pub mod page;
mod strip;
pub mod text;

use crate::base::words::things;
use crate::explain::{Item, Mark, Row};

/// A story with no more rows than this is shown with all that clients did.
const ROWS_FEW: usize = 40;
/// Items beside each one that the invariant broke over.
const ITEMS_BESIDE: usize = 1;
/// A table with no more items is shown whole.
const ITEMS_FEW: usize = 8;

/// Some of a list, and how much of it is left out in between.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a, T> {
    /// One of the list.
    Shown(&'a T),
    /// These are left out.
    LeftOut(&'a [T]),
}

/// The rows of a story: those that matter; those of clients too, if they are few; all, if that is wanted.
pub(crate) fn rows(rows: &[Row], all: bool) -> Vec<Piece<'_, Row>> {
    let end = rows.iter().position(|row| row.mark == Mark::Violation).map_or(rows.len(), |at| at + 1);
    let count = |keep: &dyn Fn(&Row) -> bool| rows[..end].iter().filter(|row| keep(row)).count();
    let of_client = |row: &Row| row.matters || !row.client.is_empty();
    let keep = |at: usize| {
        all || at < end
            && (rows[at].matters
                || (count(&of_client) <= ROWS_FEW && of_client(&rows[at]))
                || count(&|_| true) <= ROWS_FEW / 2)
    };
    pieces(rows, keep)
}

/// The items of a table: those that the invariant broke over, with their neighbours; all, if they are few or that is wanted.
pub(crate) fn items(items: &[Item], all: bool) -> Vec<Piece<'_, Item>> {
    let near = |at: usize| {
        let from = at.saturating_sub(ITEMS_BESIDE);
        items[from..items.len().min(at + ITEMS_BESIDE + 1)].iter().any(|item| item.concerned)
    };
    // Of many that broke alike, the first and the last say enough.
    let first = items.iter().position(|item| item.concerned);
    let last = items.iter().rposition(|item| item.concerned);
    let edge = |at: usize| [first, last].into_iter().flatten().any(|edge| at.abs_diff(edge) <= ITEMS_BESIDE);
    let few = items.len() <= ITEMS_FEW;
    let broken = items.iter().filter(|item| item.concerned).count();
    pieces(items, |at| all || few || (near(at) && (broken <= ITEMS_FEW || edge(at))))
}

fn pieces<T>(list: &[T], keep: impl Fn(usize) -> bool) -> Vec<Piece<'_, T>> {
    let kept: Vec<bool> = (0..list.len()).map(keep).collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < list.len() {
        if kept[at] {
            pieces.push(Piece::Shown(&list[at]));
            at += 1;
            continue;
        }
        let end = (at..list.len()).find(|&later| kept[later]).unwrap_or(list.len());
        pieces.push(Piece::LeftOut(&list[at..end]));
        at = end;
    }
    pieces
}

/// What rows that are left out were.
pub(crate) fn left_out(rows: &[Row]) -> String {
    let count = |of: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| of(row)).count() as u64;
    let calls = count(&|row| !row.host.is_empty());
    let requests = count(&|row| !row.client.is_empty() && !row.client.contains("-> "));
    let answers = count(&|row| row.client.contains("-> "));
    let found = count(&|row| row.host.is_empty() && row.client.is_empty());
    let parts = [
        (calls, things(calls, "call of the host", "calls of the host")),
        (requests.max(answers), things(requests.max(answers), "request", "requests")),
        (found, things(found, "thing found on the disk", "things found on the disk")),
    ];
    let told: Vec<String> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
    told.join(", ")
}
