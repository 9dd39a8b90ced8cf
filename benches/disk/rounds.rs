//! Arms that take turns, and what is made of their rounds.
//!
//! Each round runs every arm once, every other round in the opposite order, so that no arm always follows the same one: what
//! one leaves to the disk to do, another may have to wait for.

use std::time::{Duration, Instant};

/// How many rounds, and how long an arm's part of one is.
#[derive(Clone, Copy)]
pub(crate) struct Rounds {
    pub(crate) count: usize,
    pub(crate) length: Duration,
}

/// What is measured: for about as long as it is told, then it says how much was one unit: a rate or a time.
type Measure<'a> = Box<dyn FnMut(Duration) -> f64 + 'a>;

/// Something that is measured beside others.
pub(crate) struct Arm<'a> {
    measure: Measure<'a>,
    /// What each round measured.
    measured: Vec<f64>,
}

impl<'a> Arm<'a> {
    pub(crate) fn new(measure: impl FnMut(Duration) -> f64 + 'a) -> Arm<'a> {
        Arm { measure: Box::new(measure), measured: Vec::new() }
    }

    pub(crate) fn median(&self) -> f64 {
        Spread::of(self.measured.clone()).median
    }

    /// What this arm measured in each round, divided by what the other measured in the same round.
    pub(crate) fn over(&self, other: &Arm<'_>) -> Spread {
        Spread::of(self.measured.iter().zip(&other.measured).map(|(own, other)| own / other).collect())
    }
}

impl Rounds {
    /// Lets all arms take turns, after a short turn each that does not count.
    pub(crate) fn interleave(self, arms: &mut [Arm<'_>]) {
        for arm in &mut *arms {
            (arm.measure)(self.length / 4);
        }
        for round in 0..self.count {
            let mut turn = |arm: &mut Arm<'_>| arm.measured.push((arm.measure)(self.length));
            if round % 2 == 0 {
                arms.iter_mut().for_each(&mut turn);
            } else {
                arms.iter_mut().rev().for_each(&mut turn);
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is measured here is the real time that a real disk takes"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A median, and between which values the middle half lies: how much the machine's noise leaves to say.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Spread {
        values.sort_by(f64::total_cmp);
        let at = |quarters: usize| values[(values.len() - 1) * quarters / 4];
        Spread { low: at(1), median: at(2), high: at(3) }
    }
}
