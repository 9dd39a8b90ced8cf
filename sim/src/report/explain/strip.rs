//! The timeline at a glance: a drawing with a lane for each client, for the host and for its medium, lines where crashes come, and lines
//! from where a request was sent to where it landed late.
//!
//! Its places are those of the table's rows below it, one after the other; it is no scale of time.

use super::Piece;
use crate::explain::{Mark, Row, time};
use maud::{Markup, html};
use std::collections::BTreeSet;

const WIDTH: usize = 1_000;
/// Where the drawing begins: left of it, the lanes have their names.
const LEFT: usize = 72;
/// Between its edges and the first and last row.
const MARGIN: usize = 12;
/// Where the first lane is, and how far apart they are.
const TOP: usize = 40;
const APART: usize = 32;
/// More clients than these share a lane.
const CLIENTS_MAX: usize = 6;

/// The lanes, from above: those of clients, of the host, and of the medium.
struct Lanes(Vec<String>);

impl Lanes {
    fn of(marks: &[(usize, &Row)], medium: &str) -> Lanes {
        let who: BTreeSet<&str> =
            marks.iter().map(|(_, row)| &*row.who).filter(|who| !who.is_empty()).collect();
        let of_clients = if who.len() > CLIENTS_MAX { BTreeSet::from(["clients"]) } else { who };
        let of_clients = if of_clients.is_empty() { BTreeSet::from(["client"]) } else { of_clients };
        Lanes(of_clients.into_iter().chain(["host", medium]).map(str::to_owned).collect())
    }

    fn height(&self) -> usize {
        TOP + APART * self.0.len()
    }

    fn y(lane: usize) -> usize {
        TOP + APART * lane
    }

    fn host(&self) -> usize {
        Lanes::y(self.0.len() - 2)
    }

    fn medium(&self) -> usize {
        Lanes::y(self.0.len() - 1)
    }

    /// Where a row has something.
    fn of_row(&self, row: &Row) -> Vec<usize> {
        let own = self.0.iter().position(|lane| *lane == row.who).unwrap_or(0);
        let client = (!row.client.is_empty()).then(|| Lanes::y(own));
        let host = (!row.host.is_empty()).then(|| self.host());
        let medium = (row.host.is_empty() && !row.disk.is_empty()).then(|| self.medium());
        [client, host, medium].into_iter().flatten().collect()
    }
}

/// The drawing of some rows, and of the gaps between them.
pub(super) fn strip(pieces: &[Piece<'_, Row>], medium: &str) -> Markup {
    let room = WIDTH - LEFT - 2 * MARGIN;
    let x = |at: usize| LEFT + MARGIN + room * at / pieces.len().max(1);
    let marks = pieces.iter().enumerate().filter_map(|(at, piece)| match piece {
        Piece::Shown(row) => Some((at, *row)),
        Piece::LeftOut(_) => None,
    });
    let marks: Vec<(usize, &Row)> = marks.collect();
    let lanes = Lanes::of(&marks, medium);
    let height = lanes.height();
    html! {
        figure.strip {
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(label(&marks)) {
                @for (lane, name) in lanes.0.iter().enumerate() {
                    line.lane x1=(LEFT) y1=(Lanes::y(lane)) x2=(WIDTH) y2=(Lanes::y(lane)) {}
                    text x="0" y=(Lanes::y(lane) + 4) { (name) }
                }
                @for (from, to, number) in flights(&marks) {
                    line.flight x1=(x(from)) y1=(lanes.host()) x2=(x(to)) y2=(lanes.medium()) {
                        title { "request " (number) ", from where it was sent to where it ended" }
                    }
                }
                @for (at, row) in &marks {
                    @if row.mark == Mark::Crash || row.mark == Mark::Violation {
                        line class=(super::page::class_of(row.mark)) x1=(x(*at)) y1="20" x2=(x(*at)) y2=(height - 6) {}
                        text class=(super::page::class_of(row.mark)) x=(x(*at)) y="14" text-anchor="middle" {
                            (if row.mark == Mark::Crash { "crash" } else { "broke" })
                        }
                    }
                    @for y in lanes.of_row(row) {
                        circle class=(super::page::class_of(row.mark)) cx=(x(*at)) cy=(y) r="6" {}
                    }
                }
            }
        }
    }
}

/// Requests that landed late, or were lost: the places where they were sent and where they ended.
fn flights(marks: &[(usize, &Row)]) -> Vec<(usize, usize, u32)> {
    let ended = marks.iter().filter_map(|(to, row)| Some((*to, row.landed?)));
    let sent = |number: u32| marks.iter().find(|(_, row)| row.sent == Some(number)).map(|(from, _)| *from);
    ended.filter_map(|(to, number)| Some((sent(number)?, to, number))).collect()
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
