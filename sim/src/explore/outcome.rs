//! What makes two outcomes of a crash the same: clients asked the same and were told the same.
//!
//! How the crash came about, at which simulated time, and what a clock showed make no difference.

use crate::history::{Ask, Event, History, Span, Told};
use std::hash::{Hash, Hasher};
use xxhash_rust::xxh3::Xxh3;

/// A hash of what clients saw.
pub(super) fn digest(history: &History) -> u128 {
    let mut state = Xxh3::new();
    for event in history.events() {
        match event {
            Event::Asked { site, client, ask } => {
                (1_u8, site.code(), client, ask.name()).hash(&mut state);
                if let Ask::Append { data, .. } | Ask::WriteBlock { data, .. } = ask {
                    bytes(history, *data, &mut state);
                }
            }
            Event::Told { asked, told: answer } => {
                (2_u8, asked).hash(&mut state);
                told(history, answer, &mut state);
            }
            Event::Crash { in_recovery, .. } => (3_u8, in_recovery).hash(&mut state),
            Event::Died { second } => (9_u8, second).hash(&mut state),
            Event::Fault { site, kind } => (4_u8, site.code(), kind.as_str()).hash(&mut state),
            Event::Damage { site, kind, .. } => (5_u8, site.code(), kind.as_str()).hash(&mut state),
            Event::Left { place, name } => (8_u8, *place as u8, name.0).hash(&mut state),
            Event::Full => 6_u8.hash(&mut state),
            Event::Freed => 7_u8.hash(&mut state),
        }
    }
    history.stuck().hash(&mut state);
    state.digest128()
}

fn bytes(history: &History, span: Span, state: &mut impl Hasher) {
    history.bytes(span).hash(state);
}

fn records(history: &History, records: &[(u64, Span)], state: &mut impl Hasher) {
    for &(seq, span) in records {
        seq.hash(state);
        bytes(history, span, state);
    }
    u64::MAX.hash(state);
}

fn told(history: &History, told: &Told, state: &mut impl Hasher) {
    match told {
        Told::Done => 1_u8.hash(state),
        Told::Seq(seq) => (2_u8, seq).hash(state),
        Told::Records(shown) => records(history, shown, state),
        Told::Named(name) => (3_u8, history.name(*name)).hash(state),
        Told::Names(names) => {
            for &name in names {
                history.name(name).hash(state);
            }
            u8::MAX.hash(state);
        }
        Told::Bytes(span) => bytes(history, *span, state),
        Told::View(view) => {
            records(history, &view.records, state);
            for &(name, span) in &view.blocks {
                history.name(name).hash(state);
                bytes(history, span, state);
            }
            view.let_write.hash(state);
        }
        Told::Time(_) => 4_u8.hash(state),
        Told::Failed { kind, code } => (5_u8, kind, code).hash(state),
        Told::Panicked => 6_u8.hash(state),
        Told::Cancelled => 7_u8.hash(state),
    }
}
