//! Requests that outlive their caller: on their way when the process that sent them dies, or its client stops waiting, they land
//! later, or never, as the decision map has it.
//!
//! Whoever sent such a request hears nothing more of it, so that *when* it lands shows only in what later calls find. So it is
//! asked at each later call, of anybody, that could tell: has it landed by now ([`Question::Landing`])? 0 says yes. The first
//! yes is the place where it lands; two places that no call tells apart are one. After [`LANDINGS_MAX`] times no it never lands.
//! Of several on their way, each may land before or after each other that could tell.
//!
//! A request whose caller is alive lands at the end of its simulated time, as any call, and its caller is told.
//!
//! Not modelled: a request that lands twice, and one that lands after [`LANDINGS_MAX`] calls that could tell.

use super::Executor;
use super::World;
use super::call::Call;
use super::call_log::{Concerns, Fate, What, Words};
use super::medium::{Flight, Medium, Request};
use crate::base::decide::{Lean, Question};
use std::hash::{Hash, Hasher};
use xxhash_rust::xxh3::Xxh3;

/// How many calls that could tell a request stays on its way for, at most.
const LANDINGS_MAX: u32 = 8;

/// The requests that are on their way.
#[derive(Clone, Debug)]
pub(super) struct Flights<M: Medium>(Vec<OnItsWay<M>>);

#[derive(Clone, Debug)]
struct OnItsWay<M: Medium> {
    /// The number of the process that sent it; none if nobody waits for it any more.
    sender: Option<u16>,
    call: Call,
    request: M::Flight,
    /// How many calls that could tell found that it had not landed.
    missed: u32,
}

impl<M: Medium> Default for Flights<M> {
    fn default() -> Flights<M> {
        Flights(Vec::new())
    }
}

impl<M: Medium> Flights<M> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A request is sent; `sender` is the number of the process that waits for it, if one does.
    pub(super) fn send(&mut self, sender: Option<u16>, call: Call, request: M::Flight) {
        self.0.push(OnItsWay { sender, call, request, missed: 0 });
    }

    /// Its time has come: it is not on its way any more.
    pub(super) fn arrives(&mut self, call: &Call) {
        self.0.retain(|flight| !flight.is_of(call));
    }

    /// Whoever sent this request does not wait for it any more.
    pub(super) fn forget_sender(&mut self, call: &Call) {
        if let Some(flight) = self.0.iter_mut().find(|flight| flight.is_of(call)) {
            flight.sender = None;
        }
    }

    /// The requests that the process of this number, or any, waits for, with the name that each is about.
    pub(super) fn waited_for(&self, process: Option<u16>) -> Vec<(Call, String)> {
        let waits = |flight: &&OnItsWay<M>| {
            flight.sender.is_some() && (process.is_none() || flight.sender == process)
        };
        self.0.iter().filter(waits).map(|flight| (flight.call, flight.request.about().0)).collect()
    }

    /// The process of this number is dead, or all are.
    pub(super) fn abandon(&mut self, process: Option<u16>) {
        for flight in &mut self.0 {
            if process.is_none() || flight.sender == process {
                flight.sender = None;
            }
        }
    }

    /// A hash of those that nobody waits for: what they may still do.
    pub(super) fn digest(&self) -> u64 {
        let mut state = Xxh3::new();
        for flight in self.0.iter().filter(|flight| flight.sender.is_none()) {
            (flight.call.site.code(), flight.call.index, flight.missed).hash(&mut state);
            flight.request.digest().hash(&mut state);
        }
        state.finish()
    }

    /// In how many ways those that nobody waits for may land.
    pub(super) fn states(&self) -> u128 {
        let open = self.0.iter().filter(|flight| flight.sender.is_none());
        open.map(|flight| u128::from(LANDINGS_MAX + 1 - flight.missed)).fold(1, u128::saturating_mul)
    }
}

impl<M: Medium> OnItsWay<M> {
    fn is_of(&self, call: &Call) -> bool {
        self.sender.is_some() && self.call.site == call.site && self.call.index == call.index
    }
}

impl<M: Medium> World<M> {
    /// Before a call takes effect that could tell, some of what is on its way lands.
    pub(super) fn land_what_tells<R: Request<M>>(&mut self, request: &R) {
        let all = self.flights.0.len();
        self.land_before(all, |flight| request.can_tell(flight));
    }

    /// Those of the first so many that land before something that could tell. The last one sent is asked first, and what lands
    /// before it with it, so that all orders can come up, and the order in which they were sent is the simplest. Says how many
    /// of the first so many are still on their way.
    fn land_before(&mut self, upto: usize, can_tell: impl Fn(&M::Flight) -> bool) -> usize {
        let mut left = upto;
        let mut at = upto;
        while at > 0 {
            at -= 1;
            let flight = &self.flights.0[at];
            if flight.sender.is_some() || !can_tell(&flight.request) {
                continue;
            }
            let address = flight.call.nth_address(Question::Landing, flight.missed);
            if self.executor.decide.choose(address, 2, Lean::Mood) != 0 {
                left -= usize::from(self.misses(at));
                continue;
            }
            let landing = self.flights.0.remove(at);
            let earlier = self.land_earlier_than(at, &landing.request);
            left -= 1 + at - earlier;
            at = earlier;
            self.executor.injected.landed_late += u32::from(landing.missed > 0);
            landing.tell(&mut self.executor, true);
            landing.request.land(&mut self.medium, &mut self.executor, &landing.call);
        }
        left
    }

    /// It has not landed, though a call could tell. Says whether it never will.
    fn misses(&mut self, at: usize) -> bool {
        self.flights.0[at].missed += 1;
        let never = self.flights.0[at].missed == LANDINGS_MAX;
        if never {
            let lost = self.flights.0.remove(at);
            self.executor.injected.never_landed += 1;
            lost.tell(&mut self.executor, false);
        }
        never
    }

    fn land_earlier_than(&mut self, upto: usize, request: &M::Flight) -> usize {
        let can_tell: &dyn Fn(&M::Flight) -> bool = &|earlier| request.can_tell(earlier);
        self.land_before(upto, can_tell)
    }
}

impl<M: Medium> OnItsWay<M> {
    /// For a story, what became of it.
    fn tell(&self, executor: &mut Executor, landed: bool) {
        executor.log(|| {
            let (name, what) = self.request.about();
            let of = format!(" that {} had sent ", self.call.site);
            let came = if landed { "lands now" } else { "is lost on its way" };
            let then = if landed { "landed only then" } else { "was lost on its way" };
            let begin =
                || Words::default().text(format!("the {what} of ")).name(name.clone()).text(of.clone());
            What::Fate(Fate {
                name: name.clone(),
                concerns: Concerns::Request(self.call.site),
                lost: true,
                lane: begin().text(came),
                sentence: begin().text(then),
            })
        });
    }
}
