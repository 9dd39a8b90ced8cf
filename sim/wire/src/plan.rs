//! Which request is harmed, and what has been done so far.
//!
//! Requests are numbered from 0, in the order in which the proxy has read them to the end. For rule `r` (its
//! place in the list, from 0) and request `n` the number drawn is
//!
//! ```text
//! mix(mix(seed ^ mix(n)) ^ r)
//! ```
//!
//! where `mix(x)` is the first output of `SplitMix64` from the state `x`. The rule hits if that number is
//! divisible by `every`. The first rule that matches the request and hits is carried out, and no other. Thus
//! one client that sends one request after the other meets the same faults each time. With several clients at
//! once the numbers depend on who comes first.

use crate::fault::{Fault, Rule};
use crate::head::Head;
use std::collections::BTreeMap;

/// What a proxy has done since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    requests: u64,
    faults: BTreeMap<Fault, u64>,
    unplanned: u64,
}

impl Told {
    /// Requests that were read to their end, harmed or not.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Requests that a fault was drawn for. A request is counted before it is harmed.
    pub fn harmed(&self) -> u64 {
        self.faults.values().sum()
    }

    /// How often each fault was drawn. A fault that was never drawn is not in it.
    pub fn faults(&self) -> &BTreeMap<Fault, u64> {
        &self.faults
    }

    /// How often this fault was drawn.
    pub fn of(&self, fault: &Fault) -> u64 {
        self.faults.get(fault).copied().unwrap_or(0)
    }

    /// How often something went wrong though no rule asked for it. The server could not be reached, closed
    /// the connection before its answer was complete, or sent something that is not HTTP; or a client sent
    /// something that is not HTTP, or that is too long. A client that goes away is not counted.
    pub fn unplanned(&self) -> u64 {
        self.unplanned
    }

    pub(crate) fn note_unplanned(&mut self) {
        self.unplanned += 1;
    }
}

/// The rules in force, and what came of them.
#[derive(Debug)]
pub(crate) struct Plan {
    seed: u64,
    rules: Vec<(Rule, u32)>,
    pub(crate) told: Told,
}

impl Plan {
    pub(crate) fn new(seed: u64, rules: Vec<Rule>) -> Plan {
        let mut plan = Plan { seed, rules: Vec::new(), told: Told::default() };
        plan.set_rules(rules);
        plan
    }

    /// Other rules from the next request on; none of them has harmed anything yet. The numbers of requests go
    /// on.
    pub(crate) fn set_rules(&mut self, rules: Vec<Rule>) {
        self.rules = rules.into_iter().map(|rule| (rule, 0)).collect();
    }

    /// Counts a request, and says what is done to it.
    pub(crate) fn draw(&mut self, head: &Head) -> Option<Fault> {
        let number = self.told.requests;
        self.told.requests += 1;
        for (place, (rule, times)) in (0..).zip(&mut self.rules) {
            let spent = rule.times.is_some_and(|limit| *times >= limit);
            if spent || !rule.matches(head) || !hits(self.seed, number, place, rule.every) {
                continue;
            }
            *times = times.saturating_add(1);
            *self.told.faults.entry(rule.fault.clone()).or_insert(0) += 1;
            return Some(rule.fault.clone());
        }
        None
    }
}

fn hits(seed: u64, request: u64, rule: u64, every: u32) -> bool {
    every != 0 && mix(mix(seed ^ mix(request)) ^ rule).is_multiple_of(u64::from(every))
}

/// The first output of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014) from this state.
fn mix(state: u64) -> u64 {
    let mut word = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn head(text: &str) -> Head {
        let read = Head::read(&mut Cursor::new(format!("{text} HTTP/1.1\r\nIf-Match: x\r\n\r\n")));
        read.expect("it is one").expect("it is there")
    }

    fn drawn(seed: u64, rules: Vec<Rule>, requests: usize) -> Vec<Option<Fault>> {
        let mut plan = Plan::new(seed, rules);
        let put = head("PUT /bucket/key");
        (0..requests).map(|_| plan.draw(&put)).collect()
    }

    #[test]
    fn mix_is_the_first_output_of_splitmix64() {
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let rules = || vec![Rule::new(Fault::Html, 3), Rule::new(Fault::Silence, 3)];
        assert_eq!(drawn(1, rules(), 100), drawn(1, rules(), 100));
        assert_ne!(drawn(1, rules(), 100), drawn(2, rules(), 100));
    }

    #[test]
    fn each_rule_harms_about_its_share() {
        let all = drawn(5, vec![Rule::new(Fault::Html, 4), Rule::new(Fault::Silence, 2)], 8000);
        let count = |fault: &Fault| all.iter().flatten().filter(|one| *one == fault).count();
        assert!((1850..2150).contains(&count(&Fault::Html)));
        // Half of the three quarters that the first rule leaves.
        assert!((2850..3150).contains(&count(&Fault::Silence)));
    }

    #[test]
    fn a_rule_harms_as_often_as_it_may_and_then_the_next_one_does() {
        let rules = vec![Rule::new(Fault::Html, 1).times(2), Rule::new(Fault::Silence, 1).times(1)];
        let expected = [Some(Fault::Html), Some(Fault::Html), Some(Fault::Silence), None];
        assert_eq!(drawn(0, rules, 4), expected);
    }

    #[test]
    fn a_rule_of_none_harms_none() {
        assert_eq!(drawn(0, vec![Rule::new(Fault::Html, 0)], 3), [None, None, None]);
    }

    #[test]
    fn method_path_and_header_narrow_a_rule() {
        let hit = |rule: Rule, text: &str| Plan::new(0, vec![rule]).draw(&head(text)).is_some();
        let rule = Rule::new(Fault::Html, 1).methods(&["PUT", "POST"]).path_contains("/log/");
        assert!(hit(rule.clone(), "PUT /bucket/log/1"));
        assert!(!hit(rule.clone(), "GET /bucket/log/1"));
        assert!(!hit(rule, "PUT /bucket/1"));
        assert!(hit(Rule::new(Fault::DropHeader("if-match".to_owned()), 1), "PUT /"));
        assert!(!hit(Rule::new(Fault::DropHeader("if-none-match".to_owned()), 1), "PUT /"));
    }

    #[test]
    fn what_says_where_the_body_ends_is_never_dropped() {
        for name in ["Content-Length", "transfer-encoding"] {
            let mut plan = Plan::new(0, vec![Rule::new(Fault::DropHeader(name.to_owned()), 1)]);
            assert_eq!(plan.draw(&head(&format!("PUT / HTTP/1.1\r\n{name}: 1\r\nX:"))), None);
        }
    }

    #[test]
    fn counts_go_on_under_other_rules() {
        let mut plan = Plan::new(0, vec![Rule::new(Fault::Html, 1)]);
        plan.draw(&head("GET /"));
        plan.set_rules(Vec::new());
        plan.draw(&head("GET /"));
        assert_eq!((plan.told.requests(), plan.told.harmed(), plan.told.of(&Fault::Silence)), (2, 1, 0));
    }
}
