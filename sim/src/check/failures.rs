//! Errors that nothing calls for. A host may refuse work after a fault, for as long as the store is open; without one it
//! may only say what is so. Whether a *particular* answer fits is for the models; here it is whether there may be an error
//! at all, and whether it is told in the right code.

use super::blocks::{Blocks, Stage};
use super::log::Log;
use super::snapshots::Snapshots;
use super::stores::Stores;
use super::{Breach, Circumstances, Exchange, Fence, Findings};
use crate::history::{Ask, History, Place, Span, Told};
use asl_host::{Code, ErrorKind};

/// What is known of the state of things, to tell what an answer should be.
#[derive(Clone, Copy)]
pub(super) struct Models<'a> {
    pub(super) stores: &'a Stores,
    pub(super) blocks: &'a Blocks,
    pub(super) snapshots: &'a Snapshots,
    pub(super) logs: &'a [Log<'a>; 2],
}

pub(super) fn judge(
    history: &History,
    exchange: &Exchange<'_>,
    now: &Circumstances,
    models: Models<'_>,
    out: &mut Findings,
) {
    let at = exchange.told_at;
    let what = exchange.ask.name();
    let (kind, code) = match exchange.told {
        Told::Failed { kind, code } => (*kind, *code),
        Told::Panicked => {
            return out.broken(Breach::Panicked, at, history.last_words_in(what));
        }
        told => {
            if now.closed && matches!(exchange.ask, Ask::Append { place: Place::Main, .. }) {
                out.expect(!matches!(told, Told::Seq(_)), Breach::WrongAnswer, at, || {
                    "an append was acknowledged by a handle that was closed".to_owned()
                });
            }
            return look_at_success(exchange, now, out);
        }
    };
    out.expect(code == kind.code() && code != Code::Ok, Breach::WrongCode, at, || {
        format!("{what} failed with \"{kind}\" and the code {code}, which is {}", kind.code())
    });
    if is_called_for(exchange, kind, now, models, history) {
        return out.looked(Breach::WrongAnswer);
    }
    if exchange.excused {
        // A fault is nobody, and this says that somebody else was there.
        let blames = kind == ErrorKind::ConcurrentModification && goes_by_handle(exchange.ask);
        out.expect(!blames || now.may_have_rivals(history), Breach::WrongAnswer, at, || {
            format!("{what} says that somebody else has the store, and nobody else was there")
        });
        // No medium was damaged, so nothing is corrupt, whatever else went wrong.
        out.expect(kind != ErrorKind::Corrupt, Breach::FaultMisnamed, at, || {
            format!("an I/O fault was told as corruption by {what}")
        });
        // What came of a block that cannot be found without a fault, the model of blocks says.
        let is_block = matches!(exchange.ask, Ask::ReadBlock { .. }) && !exchange.faulted;
        let absence = kind == ErrorKind::NotFound && !is_block && is_there(exchange.ask, models);
        out.expect(!absence, Breach::FaultMisnamed, at, || {
            format!("an I/O fault was told as absence by {what}")
        });
        return;
    }
    let text = || format!("{what} failed ({kind}) without any fault since the store was opened");
    match exchange.ask {
        // The models of stores and snapshots have something more precise to say of these.
        Ask::Open { place, .. } if models.stores.life(place).may_be_torn() => {}
        Ask::InspectSnapshot { .. } => {}
        Ask::ReadBlock { .. } if matches!(kind, ErrorKind::NotFound | ErrorKind::Corrupt) => {}
        Ask::Open { .. } | Ask::Destroy { .. }
            if matches!(kind, ErrorKind::NotFound | ErrorKind::ConcurrentModification) => {}
        _ if exchange.after_crash => {
            if now.crashed_in_recovery && matches!(exchange.ask, Ask::Open { place: Place::Main, .. }) {
                let text = format!("after a crash inside recovery, {}", text());
                out.broken(Breach::FailsAfterCrashInRecovery, at, text);
            }
            out.broken(Breach::NotAvailable, at, format!("after a crash, {}", text()));
        }
        _ if now.was_ever_full => {
            out.broken(Breach::FailsAfterFull, at, format!("there is space again, but {}", text()));
        }
        _ => out.broken(Breach::CauselessError, at, text()),
    }
}

/// Success arms what an error would have broken.
fn look_at_success(exchange: &Exchange<'_>, now: &Circumstances, out: &mut Findings) {
    out.looked(Breach::CauselessError);
    let works = matches!(exchange.ask, Ask::Open { second: false, .. } | Ask::Append { .. });
    if works && exchange.after_crash {
        out.looked(Breach::NotAvailable);
        if now.crashed_in_recovery {
            out.looked(Breach::FailsAfterCrashInRecovery);
        }
    }
    if works && now.was_ever_full && !exchange.excused {
        out.looked(Breach::FailsAfterFull);
    }
}

/// Whether a call is made through a handle to the main store.
fn goes_by_handle(ask: Ask) -> bool {
    match ask {
        Ask::Append { place, .. }
        | Ask::Flush { place }
        | Ask::DurableUpto { place }
        | Ask::Read { place, .. } => place == Place::Main,
        Ask::CreateBlock
        | Ask::WriteBlock { .. }
        | Ask::SealBlock { .. }
        | Ask::ReadBlock { .. }
        | Ask::ListBlocks
        | Ask::CreateSnapshot
        | Ask::InspectSnapshot { .. }
        | Ask::ListSnapshots
        | Ask::DeleteSnapshot { .. } => true,
        _ => false,
    }
}

/// Whether a record is longer than the host says that it takes.
fn is_too_long(history: &History, record: Span) -> bool {
    record.len() > history.capabilities.max_record_len as usize
}

/// Whether what a call is about is there for certain. Of stores another model has something more precise to say.
fn is_there(ask: Ask, models: Models<'_>) -> bool {
    match ask {
        // An open block is abandoned by a write that failed or was cut off.
        Ask::Create { .. }
        | Ask::Open { .. }
        | Ask::Destroy { .. }
        | Ask::DeleteSnapshot { .. }
        | Ask::WriteBlock { .. }
        | Ask::SealBlock { .. } => false,
        Ask::ReadBlock { block } => models.blocks.stage(block) == Some(Stage::Sealed),
        Ask::InspectSnapshot { snapshot } => !models.snapshots.may_be_gone(snapshot, false),
        // An open store.
        _ => true,
    }
}

/// Whether the contract asks for this error here, or allows it whatever happened.
fn is_called_for(
    exchange: &Exchange<'_>,
    kind: ErrorKind,
    now: &Circumstances,
    models: Models<'_>,
    history: &History,
) -> bool {
    let Models { stores, blocks, snapshots, logs } = models;
    let capabilities = &history.capabilities;
    match (exchange.ask, kind) {
        (Ask::Append { data, .. }, ErrorKind::TooLarge) => is_too_long(history, data),
        (_, ErrorKind::ConcurrentModification) if exchange.fence != Fence::Open => true,
        (Ask::Append { place: Place::Main, .. }, ErrorKind::Closed) if now.closed => true,
        (Ask::WriteBlock { block, .. }, ErrorKind::ReadOnly | ErrorKind::NotFound) => {
            matches!(blocks.stage(block), Some(Stage::Sealed | Stage::Shown))
        }
        (Ask::Create { .. }, ErrorKind::Exists) => true,
        // What an operation of the host's own refuses is its own affair; that it fails is not.
        (Ask::Own { .. }, kind) => {
            !matches!(kind, ErrorKind::Io | ErrorKind::Corrupt | ErrorKind::NoSpace | ErrorKind::Closed)
        }
        (
            Ask::Create { place } | Ask::Open { place, .. } | Ask::Destroy { place, .. },
            ErrorKind::ConcurrentModification,
        ) => stores.is_open(place),
        (Ask::Append { place, expected: Some(expected), .. }, ErrorKind::ConcurrentModification) => {
            logs.get(place as usize).is_none_or(|log| log.may_refuse(exchange.asked_at, expected))
        }
        (Ask::InspectSnapshot { snapshot }, ErrorKind::NotFound) => snapshots.may_be_gone(snapshot, false),
        (Ask::DeleteSnapshot { snapshot }, ErrorKind::NotFound) => snapshots.may_be_gone(snapshot, true),
        (
            Ask::CreateBlock
            | Ask::WriteBlock { .. }
            | Ask::SealBlock { .. }
            | Ask::ReadBlock { .. }
            | Ask::ListBlocks,
            ErrorKind::Unsupported,
        ) => !capabilities.blocks,
        (
            Ask::CreateSnapshot
            | Ask::InspectSnapshot { .. }
            | Ask::ListSnapshots
            | Ask::DeleteSnapshot { .. },
            ErrorKind::Unsupported,
        ) => !capabilities.snapshots,
        _ => false,
    }
}
