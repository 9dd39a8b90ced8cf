//! Errors that nothing calls for. A host may refuse work after a fault, for as long as the store is open; without one it
//! may only say what is so. Whether a *particular* answer fits is for the models; here it is whether there may be an error
//! at all, and whether it is told in the right code.

use super::log::Log;
use super::snapshots::Snapshots;
use super::stores::{Life, Stores};
use super::{Breach, Circumstances, Exchange, Findings};
use crate::history::{Ask, History, Told};
use asl_host::{Capabilities, Code, ErrorKind};

pub(super) fn judge(
    history: &History,
    exchange: &Exchange<'_>,
    now: &Circumstances,
    stores: &Stores,
    snapshots: &Snapshots,
    logs: &[Log<'_>; 2],
    out: &mut Findings,
) {
    let at = exchange.told_at;
    let what = exchange.ask.name();
    let (kind, code) = match exchange.told {
        Told::Failed { kind, code } => (*kind, *code),
        Told::Panicked => {
            let said = history.panic.as_deref().unwrap_or("no message");
            return out.broken(Breach::Panicked, at, format!("the host panicked in {what}: {said}"));
        }
        _ => {
            look_at_success(exchange, now, out);
            return;
        }
    };
    out.expect(code == kind.code() && code != Code::Ok, Breach::WrongCode, at, || {
        format!("{what} failed with \"{kind}\" and the code {code}, which is {}", kind.code())
    });
    if is_called_for(exchange, kind, stores, snapshots, logs, &history.capabilities) {
        return out.looked(Breach::WrongAnswer);
    }
    if exchange.excused {
        // No medium was damaged, so nothing is corrupt, whatever else went wrong.
        out.expect(kind != ErrorKind::Corrupt, Breach::FaultMisnamed, at, || {
            format!("an I/O fault was told as corruption by {what}")
        });
        return;
    }
    let text = || format!("{what} failed ({kind}) without any fault since the store was opened");
    match exchange.ask {
        // The models of stores and snapshots have something more precise to say of these.
        Ask::Open { place, .. } if matches!(stores.life(place), Life::MaybeCreated | Life::MaybeReplaced) => {
        }
        Ask::InspectSnapshot { .. } => {}
        Ask::ReadBlock { .. } if matches!(kind, ErrorKind::NotFound | ErrorKind::Corrupt) => {}
        Ask::Open { .. } | Ask::Destroy { .. }
            if matches!(kind, ErrorKind::NotFound | ErrorKind::ConcurrentModification) => {}
        _ if exchange.after_crash => {
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
    }
    if works && now.was_ever_full && !exchange.excused {
        out.looked(Breach::FailsAfterFull);
    }
}

/// Whether the contract asks for this error here, or allows it whatever happened.
fn is_called_for(
    exchange: &Exchange<'_>,
    kind: ErrorKind,
    stores: &Stores,
    snapshots: &Snapshots,
    logs: &[Log<'_>; 2],
    capabilities: &Capabilities,
) -> bool {
    match (exchange.ask, kind) {
        (Ask::Create { .. }, ErrorKind::Exists) => true,
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
