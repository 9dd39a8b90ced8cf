//! An explanation in a terminal: what broke, what went wrong in sentences, the swim-lane, and the table of what was
//! acknowledged, what was durable and what came back.

use super::{Piece, items, left_out, rows};
use crate::base::words::{count, wrapped};
use crate::explain::{Explanation, Item, Mark, Row, time};
use crate::report::columns::{SEPARATOR, len, lines, widths};
use crate::tell::failure::field;
use crate::tell::style::{BAD, BOLD, DIM, GOOD, WARN};
use anstyle::Style;

/// The marks at the left of rows.
const GUTTER_LEN: usize = 2;
/// The lanes, of which the fourth is the medium's.
fn lanes_of(medium: &str) -> [&str; 5] {
    ["time", "client", "host", medium, "fault"]
}

/// Narrower than this, words would have to be cut.
const COLUMNS_MIN: usize = 60;

/// The whole explanation, in lines of at most so many columns.
///
/// `all`: nothing is left out.
pub fn text(explanation: &Explanation, columns: usize, all: bool) -> String {
    let columns = columns.max(COLUMNS_MIN);
    let parts = [
        headline(explanation, columns),
        sentences(explanation, columns),
        lanes(explanation, columns, all),
        table(explanation, columns, all),
        fields(explanation, columns),
    ];
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n")
}

fn headline(explanation: &Explanation, columns: usize) -> String {
    let facts = &explanation.facts;
    let head = match (facts.broken, facts.sentence) {
        (Some(name), Some(sentence)) => {
            format!("{BAD}violation: {name}{BAD:#}\n  {DIM}{}{DIM:#}\n", wrapped(sentence, 2, columns))
        }
        (Some(name), None) => format!("{BAD}{name}{BAD:#}\n"),
        (None, _) => format!("{GOOD}passed{GOOD:#}\n"),
    };
    let seen = facts.seen.iter().map(|seen| format!("  {}\n", wrapped(seen, 2, columns)));
    head + &seen.collect::<Vec<_>>().concat()
}

fn sentences(explanation: &Explanation, columns: usize) -> String {
    let told = explanation.sentences.iter();
    let told: Vec<String> = told.map(|sentence| format!("  {}\n", wrapped(sentence, 2, columns))).collect();
    format!("{BOLD}what went wrong{BOLD:#}\n{}", told.concat())
}

fn cells(row: &Row) -> [String; 5] {
    [time(row.time_ns), row.client.clone(), row.host.clone(), row.disk.clone(), row.fault.clone()]
}

/// Widths of the columns of a table. The first one's cells stay on one line.
fn table_widths(heads: &[&str; 5], rows: &[[String; 5]], columns: usize) -> Vec<usize> {
    let first = rows.iter().map(|row| len(&row[0])).chain([len(heads[0])]).max().unwrap_or(0);
    let rest = std::iter::once(heads[1..].to_vec())
        .chain(rows.iter().map(|row| row[1..].iter().map(String::as_str).collect::<Vec<&str>>()));
    let room = columns.saturating_sub(GUTTER_LEN + first + len(SEPARATOR));
    let mut all = vec![first];
    all.extend(widths(heads.len() - 1, rest, room));
    all
}

fn lanes(explanation: &Explanation, columns: usize, all: bool) -> String {
    let pieces = rows(&explanation.rows, all);
    let shown: Vec<[String; 5]> = pieces
        .iter()
        .filter_map(|piece| match piece {
            // A crash takes the whole width.
            Piece::Shown(row) if row.mark != Mark::Crash => Some(cells(row)),
            _ => None,
        })
        .collect();
    let heads = lanes_of(explanation.facts.lane());
    let widths = table_widths(&heads, &shown, columns);
    let line_len = widths.iter().sum::<usize>() + 3 * (widths.len() - 1) + GUTTER_LEN;
    let lines = pieces.iter().map(|piece| match piece {
        Piece::LeftOut(rows) => {
            let indent = GUTTER_LEN + widths[0] + len(SEPARATOR);
            format!("{DIM}{:indent$}… {}{DIM:#}\n", "", left_out(rows))
        }
        Piece::Shown(row) if row.mark == Mark::Crash => crash(row, &widths, line_len),
        Piece::Shown(row) => lane(row, &widths),
    });
    line(&heads.map(str::to_owned), &widths, ' ', BOLD, true) + &lines.collect::<Vec<_>>().concat()
}

fn lane(row: &Row, widths: &[usize]) -> String {
    let (mark, style) = match row.mark {
        Mark::Plain => (' ', Style::new()),
        Mark::Acknowledged => ('+', GOOD),
        Mark::Fault => ('!', WARN),
        Mark::Lost => ('-', WARN),
        Mark::Crash | Mark::Violation => ('>', BAD),
    };
    line(&cells(row), widths, mark, style, false)
}

fn crash(row: &Row, widths: &[usize], line_len: usize) -> String {
    let said = format!(" CRASH: {} ", row.fault);
    let head = format!("{:>width$} ", time(row.time_ns), width = widths[0] + GUTTER_LEN);
    let rule = line_len.saturating_sub(len(&head) + len(&said));
    let (left, right) = (rule.min(3), rule.saturating_sub(3));
    format!("{BAD}{head}{}{said}{}{BAD:#}\n", "━".repeat(left), "━".repeat(right))
}

/// A row of cells, on as many lines as they take.
fn line(cells: &[String], widths: &[usize], mark: char, style: Style, is_head: bool) -> String {
    let wrapped: Vec<Vec<String>> = cells
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(column, (cell, &width))| if column == 0 { vec![cell.clone()] } else { lines(cell, width) })
        .collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(1);
    let mut parts = Vec::new();
    for at in 0..height {
        let mark = if at == 0 { mark } else { ' ' };
        parts.push(format!("{style}{mark}{style:#} "));
        for (column, (cell, &width)) in wrapped.iter().zip(widths).enumerate() {
            let cell = cell.get(at).map_or("", String::as_str);
            let is_last = column + 1 == widths.len();
            let is_time = column == 0 && !is_head;
            if column > 0 {
                let separator = if is_last && cell.is_empty() { SEPARATOR.trim_end() } else { SEPARATOR };
                parts.push(format!("{DIM}{separator}{DIM:#}"));
            }
            let blank = " ".repeat(if is_last { 0 } else { width.saturating_sub(len(cell)) });
            let style = if is_time { DIM } else { style };
            let styled = if cell.is_empty() { String::new() } else { format!("{style}{cell}{style:#}") };
            // Times stand at the right of their column.
            parts.extend(if is_time { [blank, styled] } else { [styled, blank] });
        }
        parts.push("\n".to_owned());
    }
    parts.concat()
}

const COLUMNS: [&str; 5] = ["what", "by", "acknowledged", "durable at the crash", "came back"];

fn item_cells(item: &Item) -> [String; 5] {
    [
        item.name.clone(),
        item.by.clone(),
        item.acknowledged.clone(),
        item.durability.in_words(),
        item.back.in_words(),
    ]
}

fn table(explanation: &Explanation, columns: usize, all: bool) -> String {
    if explanation.items.is_empty() {
        return String::new();
    }
    let pieces = items(&explanation.items, all);
    let shown: Vec<[String; 5]> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Shown(item) => Some(item_cells(item)),
            Piece::LeftOut(_) => None,
        })
        .collect();
    let widths = table_widths(&COLUMNS, &shown, columns);
    let lines = pieces.iter().map(|piece| match piece {
        Piece::LeftOut(items) => format!("{DIM}  … {} more{DIM:#}\n", count(items.len() as u64)),
        Piece::Shown(item) => {
            let (mark, style) = if item.concerned { ('>', BAD) } else { (' ', Style::new()) };
            line(&item_cells(item), &widths, mark, style, true)
        }
    });
    line(&COLUMNS.map(str::to_owned), &widths, ' ', BOLD, true) + &lines.collect::<Vec<_>>().concat()
}

fn fields(explanation: &Explanation, columns: usize) -> String {
    let facts = &explanation.facts;
    let mut out = String::new();
    if !facts.also.is_empty() {
        out.push_str(&field("also", &wrapped(&facts.also.join(", "), 13, columns)));
    }
    let told = |short: &str| explanation.sentences.iter().any(|sentence| sentence.contains(short));
    for (at, (short, whole)) in facts.shortened.iter().filter(|(short, _)| told(short)).enumerate() {
        out.push_str(&field(if at == 0 { "files" } else { "" }, &format!("{short} is {whole}")));
    }
    if let Some(signature) = &facts.signature {
        out.push_str(&field("signature", signature));
    }
    if let Some(seed) = &facts.seed {
        out.push_str(&field("seed", seed));
    }
    out
}
