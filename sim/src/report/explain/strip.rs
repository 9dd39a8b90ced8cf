//! The timeline at a glance: a drawing with a lane each for clients, host and disk, and lines where crashes come.
//!
//! Its places are those of the table's rows below it, one after the other; it is no scale of time.

use super::Piece;
use crate::explain::{Mark, Row, time};
use maud::{Markup, html};

const WIDTH: usize = 1_000;
const HEIGHT: usize = 128;
/// Where the drawing begins: left of it, the lanes have their names.
const LEFT: usize = 64;
/// Between its edges and the first and last row.
const MARGIN: usize = 12;
const LANES: [(&str, usize); 3] = [("client", 40), ("host", 72), ("disk", 104)];

/// The drawing of some rows, and of the gaps between them.
pub(super) fn strip(pieces: &[Piece<'_, Row>]) -> Markup {
    let room = WIDTH - LEFT - 2 * MARGIN;
    let x = |at: usize| LEFT + MARGIN + room * at / pieces.len().max(1);
    let marks = pieces.iter().enumerate().filter_map(|(at, piece)| match piece {
        Piece::Shown(row) => Some((at, *row)),
        Piece::LeftOut(_) => None,
    });
    let marks: Vec<(usize, &Row)> = marks.collect();
    html! {
        figure.strip {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label(&marks)) {
                @for (name, y) in LANES {
                    line.lane x1=(LEFT) y1=(y) x2=(WIDTH) y2=(y) {}
                    text x="0" y=(y + 4) { (name) }
                }
                @for (at, row) in &marks {
                    @if row.mark == Mark::Crash || row.mark == Mark::Violation {
                        line class=(super::page::class_of(row.mark)) x1=(x(*at)) y1="20" x2=(x(*at)) y2=(HEIGHT - 6) {}
                        text class=(super::page::class_of(row.mark)) x=(x(*at)) y="14" text-anchor="middle" {
                            (if row.mark == Mark::Crash { "crash" } else { "broke" })
                        }
                    }
                    @for y in lanes_of(row) { circle class=(super::page::class_of(row.mark)) cx=(x(*at)) cy=(y) r="6" {} }
                }
            }
        }
    }
}

/// The lanes in which a row has something.
fn lanes_of(row: &Row) -> Vec<usize> {
    let has = [!row.client.is_empty(), !row.host.is_empty(), row.host.is_empty() && !row.disk.is_empty()];
    LANES.iter().zip(has).filter(|(_, has)| *has).map(|((_, y), _)| *y).collect()
}

fn label(marks: &[(usize, &Row)]) -> String {
    let at = |mark: Mark| -> Vec<String> {
        marks.iter().filter(|(_, row)| row.mark == mark).map(|(_, row)| time(row.time_ns)).collect()
    };
    let told = [
        ("acknowledged at", at(Mark::Acknowledged)),
        ("crash at", at(Mark::Crash)),
        ("found lost at", at(Mark::Lost)),
        ("broken at", at(Mark::Violation)),
    ];
    let told = told.into_iter().filter(|(_, times)| !times.is_empty());
    let told: Vec<String> = told.map(|(what, times)| format!("{what} {}", times.join(", "))).collect();
    format!("The timeline at a glance: {}", told.join("; "))
}
