//! What comes of calls through a handle that a later open has fenced off.
//!
//! A write must be refused with `STORE_CONCURRENT_MODIFICATION`, and change nothing. A host that is durable on flush may learn of
//! the fence at its next flush only: until then it may go on acknowledging what is lost.
//!
//! Not judged: what such a handle still reads, and whether it can be closed.

use super::log::Log;
use super::{Breach, Exchange, Findings};
use crate::history::{Ask, History, Told};
use asl_host::Durability;

/// Judges the call, and says whether that was all: what the handle was told has no bearing on the store then.
pub(super) fn judge(
    history: &History,
    exchange: &Exchange<'_>,
    log: &mut Log<'_>,
    out: &mut Findings,
) -> bool {
    let let_through = matches!(exchange.told, Told::Seq(_) | Told::Done | Told::Named(_));
    let mut judge_write = || {
        out.expect(!let_through, Breach::SecondWriter, exchange.told_at, || {
            format!("{} was done through a handle that a later open had fenced off", exchange.ask.name())
        });
    };
    match exchange.ask {
        Ask::Append { .. } if history.capabilities.durability == Durability::OnFlush => {
            if let_through {
                log.never_there(exchange.asked_at);
            }
            let_through
        }
        Ask::Append { .. } => {
            judge_write();
            if let_through {
                log.in_doubt(exchange.asked_at, exchange.told_at);
            }
            let_through
        }
        Ask::SealBlock { .. } | Ask::CreateSnapshot | Ask::DeleteSnapshot { .. } => {
            judge_write();
            false
        }
        _ => true,
    }
}
