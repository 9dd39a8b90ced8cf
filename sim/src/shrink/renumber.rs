//! What becomes of places in a run, and of the decisions that stand at them, when something is taken out before them.
//!
//! Operations keep their numbers, but starts and crashes are counted: after the second of three crashes is taken out, what was
//! decided about the third stands at the second. A start's own calls, the inodes that it made and the faults that are planned
//! in it move with it.

use crate::base::decide::{Address, Decisions, Question, Site};
use crate::scenario::{FaultPlan, Scenario};
use std::collections::BTreeMap;

/// What was taken out or renamed.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// This crash, counted from 1, and with it the start that followed.
    Crash(u16),
    /// In the recovery from a crash, the attempt of this number.
    Attempt(u16, u8),
    /// Operations have other numbers.
    Ops(BTreeMap<u32, u32>),
}

impl Change {
    /// Where a place is afterwards; `None` if it is gone.
    pub(super) fn site(&self, site: Site) -> Option<Site> {
        match (self, site) {
            (Change::Ops(names), Site::Op(id)) => Some(Site::Op(*names.get(&id)?)),
            (Change::Crash(_) | Change::Attempt(..), Site::Boot { nth, attempt }) => {
                let (nth, attempt) = self.start(nth, attempt)?;
                Some(Site::Boot { nth, attempt })
            }
            _ => Some(site),
        }
    }

    fn start(&self, nth: u16, attempt: u8) -> Option<(u16, u8)> {
        match *self {
            Change::Crash(gone) if nth == gone => None,
            Change::Crash(gone) => Some((nth - u16::from(nth > gone), attempt)),
            // Attempts from 8 on are reopenings, counted by themselves.
            Change::Attempt(crash, gone) if nth == crash && attempt < 8 => {
                (attempt != gone).then(|| (nth, attempt - u8::from(attempt > gone)))
            }
            Change::Attempt(..) | Change::Ops(_) => Some((nth, attempt)),
        }
    }

    /// A start or a crash as the decision map numbers it: a crash inside an attempt has the number after the attempt's.
    fn counted(&self, number: u32, of_crash: bool) -> Option<u32> {
        let (nth, low) = (u16::try_from(number >> 4).ok()?, (number & 15) as u8);
        let (nth, low) = match (of_crash, low) {
            (true, 0) if matches!(self, Change::Attempt(..)) => (nth, 0),
            (true, 1..) => {
                let (nth, attempt) = self.start(nth, low - 1)?;
                (nth, attempt + 1)
            }
            _ => self.start(nth, low)?,
        };
        Some(u32::from(nth) << 4 | u32::from(low))
    }

    fn address(&self, address: Address) -> Option<Address> {
        let (question, [first, second, third]) = (address.question(), address.at());
        let site = |code: u32| Some(self.site(Site::of_code(code))?.code());
        Some(match question {
            Question::Latency
            | Question::Partial
            | Question::Reverted
            | Question::Damage
            | Question::Landing
            | Question::Behind => Address::new(question, site(first)?, second, third),
            Question::Pick | Question::Neighbour => {
                Address::new(question, self.counted(first, false)?, second, third)
            }
            Question::Commit => Address::new(question, self.counted(first, true)?, second, third),
            Question::Sector
            | Question::Size
            | Question::Fill
            | Question::Name
            | Question::StaleName
            | Question::Attributes => {
                // An inode is named by the place that made it, and by its number there.
                let inode =
                    if second == u32::MAX { second } else { site(second >> 12)? << 12 | (second & 0xfff) };
                Address::new(question, self.counted(first, true)?, inode, third)
            }
        })
    }

    pub(super) fn decisions(&self, decisions: &Decisions) -> Decisions {
        decisions.iter().filter_map(|(&at, &answer)| Some((self.address(at)?, answer))).collect()
    }

    pub(super) fn faults(&self, scenario: &mut Scenario) {
        let moved = |fault: &FaultPlan| Some(FaultPlan { site: self.site(fault.site)?, ..*fault });
        scenario.faults = scenario.faults.iter().filter_map(moved).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(change: &Change, text: &str) -> Option<String> {
        change.address(text.parse().expect("it is an address")).map(|address| address.to_string())
    }

    #[test]
    fn when_a_crash_is_taken_out_those_behind_it_move_up() {
        let change = Change::Crash(2);
        let is = |before: &str, after: Option<&str>| {
            assert_eq!(moved(&change, before).as_deref(), after, "{before}");
        };
        is("crash 16/inode 4096/sector 3", Some("crash 16/inode 4096/sector 3"));
        is("crash 32/inode 4096/sector 3", None);
        is("crash 33/inode 4096/sector 3", None);
        is("crash 48/inode 4096/sector 3", Some("crash 32/inode 4096/sector 3"));
        is("crash 49/inode 4294967295/name 0", Some("crash 33/inode 4294967295/name 0"));
        // An inode that the third start made is one of the second.
        let made_by = |nth| u64::from(Site::Boot { nth, attempt: 0 }.code() << 12 | 1);
        is(
            &format!("crash 48/inode {}/size 0", made_by(3)),
            Some(&format!("crash 32/inode {}/size 0", made_by(2))),
        );
        is("boot 48/pick 1/task 0", Some("boot 32/pick 1/task 0"));
        is("site 7/call 1/latency 0", Some("site 7/call 1/latency 0"));
    }

    #[test]
    fn when_an_attempt_is_taken_out_the_crash_before_it_stays() {
        let change = Change::Attempt(2, 0);
        let is = |before: &str, after: Option<&str>| {
            assert_eq!(moved(&change, before).as_deref(), after, "{before}");
        };
        is("crash 32/journal 0/commit 0", Some("crash 32/journal 0/commit 0"));
        is("crash 33/journal 0/commit 0", None);
        is("crash 34/journal 0/commit 0", Some("crash 33/journal 0/commit 0"));
        is("crash 18/journal 0/commit 0", Some("crash 18/journal 0/commit 0"));
    }

    #[test]
    fn what_an_operation_made_keeps_its_maker_when_operations_have_new_numbers() {
        let change = Change::Ops([(17, 0), (40, 1)].into());
        let inode = |op: u32| op << 12 | 2;
        let before = format!("crash 16/inode {}/name 0", inode(40));
        assert_eq!(moved(&change, &before), Some(format!("crash 16/inode {}/name 0", inode(1))));
        assert_eq!(moved(&change, "site 17/call 3/partial 0").as_deref(), Some("site 0/call 3/partial 0"));
        assert_eq!(moved(&change, "site 18/call 3/partial 0"), None);
    }
}
