//! Takes decisions out of the map, so that a case lists no loss and no delay but those that the failure needs.

use super::search::{Candidate, Search};
use crate::base::decide::{Address, Decisions};

/// Takes decisions out, all of them at first, then chunks down to single ones; those that must stay become as small as can be.
pub(super) fn clear(search: &mut Search<'_>) {
    let mut chunk = search.best().decisions.len();
    while chunk > 0 {
        let mut from = 0;
        while from < search.best().decisions.len() && search.goes_on() {
            let addresses: Vec<Address> = search.best().decisions.keys().copied().collect();
            let chunks: Vec<&[Address]> = addresses[from..].chunks(chunk).collect();
            let candidates: Vec<Candidate> = chunks.iter().map(|gone| without(search.best(), gone)).collect();
            match search.first(&candidates, 0) {
                Some(found) => from += found * chunk,
                None => break,
            }
        }
        chunk /= 2;
    }
    make_smaller(search);
}

fn without(best: &Candidate, gone: &[Address]) -> Candidate {
    let mut candidate = best.clone();
    candidate.decisions.retain(|address, _| !gone.contains(address));
    candidate
}

/// The first of several versions, the shortest of several delays.
fn make_smaller(search: &mut Search<'_>) {
    let addresses: Vec<Address> = search.best().decisions.keys().copied().collect();
    for address in addresses {
        let Some(&answer) = search.best().decisions.get(&address) else { continue };
        let smaller = |smaller: u32| {
            let mut decisions: Decisions = search.best().decisions.clone();
            decisions.insert(address, smaller);
            Candidate { decisions, scenario: search.best().scenario.clone() }
        };
        let candidates: Vec<Candidate> = [1, answer / 2, answer - 1]
            .into_iter()
            .filter(|it| (1..answer).contains(it))
            .map(smaller)
            .collect();
        search.first(&candidates, 0);
    }
}
