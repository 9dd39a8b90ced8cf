//! An explanation as a page for a browser: one file that asks for nothing from anywhere, without scripts, in dark and in light,
//! readable on a narrow screen and by a screen reader.
//!
//! It shows what the terminal shows. What is left out there is folded away here.

use super::strip::strip;
use super::{Piece, items, left_out, rows};
use crate::explain::{Back, Durability, Explanation, Item, Mark, Row, time};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");
/// The browser is told to load nothing, whatever a host has put into its names.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The page. `case` names the case, `command` replays it.
pub fn page(explanation: &Explanation, case: &str, command: &str) -> String {
    let facts = &explanation.facts;
    let broken = facts.broken.unwrap_or("passed");
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (broken) ": " (facts.target) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (head_of(explanation, broken))
                    section aria-labelledby="why" {
                        h2 id="why" { "What went wrong" }
                        ol.sentences { @for sentence in &explanation.sentences { li { (sentence) } } }
                    }
                    (table(explanation))
                    (timeline(explanation))
                    (facts_of(explanation, case, command))
                }
            }
        }
    };
    markup.into_string()
}

fn head_of(explanation: &Explanation, broken: &str) -> Markup {
    let facts = &explanation.facts;
    html! {
        header {
            p.kind { @if facts.broken.is_some() { "The host broke" } @else { "The run" } }
            h1 { (broken) }
            @if let Some(sentence) = facts.sentence { p.promise { "The contract: " q { (sentence) } } }
            @if let Some(seen) = &facts.seen { p.seen { (seen) } }
        }
    }
}

fn table(explanation: &Explanation) -> Markup {
    if explanation.items.is_empty() {
        return html! {};
    }
    let at = explanation.crash.map(|crash| format!("Durable at the crash, {}", time(crash.time_ns)));
    html! {
        section aria-labelledby="items" {
            h2 id="items" { "Acknowledged, durable, came back" }
            table.items {
                thead { tr {
                    th scope="col" { "What" }
                    th scope="col" { "By" }
                    th scope="col" { "Acknowledged" }
                    th scope="col" { (at.as_deref().unwrap_or("Durable")) }
                    th scope="col" { "Came back" }
                } }
                tbody {
                    @for piece in items(&explanation.items, false) {
                        @match piece {
                            Piece::Shown(item) => (item_row(item)),
                            Piece::LeftOut(items) => tr.more { td colspan="5" { "… " (items.len()) " more" } },
                        }
                    }
                }
            }
        }
    }
}

fn item_row(item: &Item) -> Markup {
    let acknowledged = if item.acknowledged_ns.is_some() { "good" } else { "none" };
    let durable = match item.durability {
        Durability::Durable { .. } | Durability::Cached { .. } => "good",
        Durability::NoCrash | Durability::Unknown => "none",
        _ => "bad",
    };
    let back = match &item.back {
        Back::Whole => "good",
        Back::NotRead => "none",
        Back::Nothing if !item.concerned => "none",
        Back::Nothing | Back::Other(_) => "bad",
    };
    html! {
        tr.broken[item.concerned] {
            th scope="row" { (item.name) }
            td data-lane="by" { (item.by) }
            td data-lane="acknowledged" { span class=(acknowledged) { (item.acknowledged) } }
            td data-lane="durable" { span class=(durable) { (item.durability.in_words()) } }
            td data-lane="came back" { span class=(back) { (item.back.in_words()) } }
        }
    }
}

fn timeline(explanation: &Explanation) -> Markup {
    let pieces = rows(&explanation.rows, false);
    html! {
        section aria-labelledby="timeline" {
            h2 id="timeline" { "Timeline" }
            (strip(&pieces, explanation.facts.lane()))
            table.lanes {
                caption { "In simulated time. What does not matter to the story is folded away." }
                thead { tr {
                    th scope="col" { "Time" }
                    th scope="col" { "Client" }
                    th scope="col" { "Host" }
                    th.medium scope="col" { (explanation.facts.lane()) }
                    th scope="col" { "Fault" }
                } }
                tbody {
                    @for piece in &pieces {
                        @match piece {
                            Piece::Shown(row) => (lane(row)),
                            Piece::LeftOut(rows) => (folded(rows)),
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn class_of(mark: Mark) -> &'static str {
    match mark {
        Mark::Plain => "plain",
        Mark::Acknowledged => "acknowledged",
        Mark::Fault => "fault",
        Mark::Lost => "lost",
        Mark::Crash => "crash",
        Mark::Violation => "violation",
    }
}

fn lane(row: &Row) -> Markup {
    if row.mark == Mark::Crash {
        return html! {
            tr.crash { th scope="row" { (time(row.time_ns)) } td colspan="4" { "Crash: " (row.fault) } }
        };
    }
    html! {
        tr class=(class_of(row.mark)) {
            th scope="row" { (time(row.time_ns)) }
            td data-lane="client" { (row.client) }
            td data-lane="host" { (row.host) }
            td data-lane="disk" { (row.disk) }
            td data-lane="fault" { (row.fault) }
        }
    }
}

fn folded(rows: &[Row]) -> Markup {
    html! {
        tr.more {
            td colspan="5" {
                details {
                    summary { "… " (left_out(rows)) }
                    ol { @for row in rows { li { (one_line(row)) } } }
                }
            }
        }
    }
}

fn one_line(row: &Row) -> String {
    let cells = [&row.client, &row.host, &row.disk, &row.fault].map(String::as_str);
    let told: Vec<&str> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
    format!("{}  {}", time(row.time_ns), told.join(" · "))
}

fn facts_of(explanation: &Explanation, case: &str, command: &str) -> Markup {
    let facts = &explanation.facts;
    let told =
        |short: &str| explanation.rows.iter().any(|row| row.host.contains(short) || row.disk.contains(short));
    html! {
        section aria-labelledby="case" {
            h2 id="case" { "The case" }
            dl {
                (fact("Target", &facts.target))
                (fact("Case", case))
                @if let Some(seed) = &facts.seed { (fact("Seed", seed)) }
                (fact(if facts.medium == "files" { "File system" } else { "Profile" }, facts.profile))
                (fact("Trouble", facts.class))
                (fact("Operations", &facts.ops.to_string()))
                (fact("Clients", &facts.clients.to_string()))
                @if !facts.also.is_empty() { (fact("Broke too", &facts.also.join(", "))) }
                @if let Some(signature) = &facts.signature { (fact("Signature", signature)) }
                (fact("Trace", &facts.trace_hash))
                @if !facts.lost.is_empty() { (fact("Lost", &facts.lost.join("; "))) }
                @for (short, whole) in facts.shortened.iter().filter(|(short, _)| told(short)) { (fact(short, whole)) }
            }
            h2 { "See it again" }
            pre { code { (command) } }
        }
    }
}

fn fact(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}
