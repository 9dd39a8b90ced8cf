//! The host's clock and identity: readings grow from one call to the next, and the name stays.

use super::{Breach, Exchange, Findings};
use crate::history::{Ask, History, Name, Told};

#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Readings, with the event at which each was told.
    readings: Vec<(usize, u64)>,
    identity: Option<Name>,
}

impl Marks {
    pub(super) fn told(&mut self, history: &History, exchange: &Exchange<'_>, out: &mut Findings) {
        let at = exchange.told_at;
        match (exchange.ask, exchange.told) {
            (Ask::Now, Told::Time(now)) => {
                let before = self
                    .readings
                    .iter()
                    .filter(|(told, _)| *told < exchange.asked_at)
                    .map(|(_, time)| *time)
                    .max();
                if let Some(before) = before {
                    out.expect(*now > before, Breach::ClockBackwards, at, || {
                        format!("the clock read {now} after it had read {before}")
                    });
                }
                self.readings.push((at, *now));
            }
            (Ask::Identity, Told::Named(name)) => match self.identity {
                None => self.identity = Some(*name),
                Some(first) => out.expect(*name == first, Breach::IdentityChanged, at, || {
                    format!("the host was {:?} and now is {:?}", history.name(first), history.name(*name))
                }),
            },
            _ => {}
        }
    }
}
