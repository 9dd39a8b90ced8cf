//! Invariants of a user's own: functions over the same history that the contract's are judged by.
//!
//! They come after the contract's in a verdict, in the order in which a target was given them, and are treated alike from
//! there on: in signatures, cases, replays and summaries. They are asked in runs of every class, also where a medium was
//! damaged.
//!
//! Not checked: that such a function depends on nothing but the history. One that does not makes verdicts that cannot be
//! replayed.

use super::{INVARIANTS, Verdict, Violation};
use crate::history::History;

/// An invariant of a user's own.
#[derive(Clone, Copy, Debug)]
pub struct OwnInvariant {
    /// Its name, in lower case with hyphens, as those of the contract; different from theirs.
    pub name: &'static str,
    /// What holds when it is kept, in one sentence.
    pub sentence: &'static str,
    /// What it does not check.
    pub not_checked: &'static str,
    /// Looks at a history, and says what it found.
    pub look: fn(&History, &mut Looks),
}

/// What a look at a history found.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    count: u32,
    broken: Option<(usize, String)>,
}

impl Looks {
    /// Notes that the invariant was in a position to break at an event, and whether it was kept. Only the first breach is
    /// told; one that was never looked for is listed as not exercised.
    ///
    /// `event` is the number of an event in [`History::events`]. Of a reply ([`Told`](crate::history::Event::Told)), the
    /// signature names the operation.
    ///
    /// # Panics
    ///
    /// When the verdict is made, if the history has no such event.
    pub fn expect(&mut self, kept: bool, event: usize, text: impl FnOnce() -> String) {
        self.count = self.count.saturating_add(1);
        if !kept && self.broken.is_none() {
            self.broken = Some((event, text()));
        }
    }
}

/// Adds what these invariants say of a history to its verdict.
pub(super) fn add(verdict: &mut Verdict, own: &[OwnInvariant], history: &History) {
    for (index, invariant) in own.iter().enumerate() {
        let mut looks = Looks::default();
        (invariant.look)(history, &mut looks);
        verdict.armed.push(looks.count);
        if let Some((event, text)) = looks.broken {
            let (name, events) = (invariant.name, history.events().len());
            assert!(event < events, "{name} names event {event}, and the history has {events}");
            let OwnInvariant { name, sentence, .. } = *invariant;
            verdict.violations.push(Violation {
                invariant: INVARIANTS.len() + index,
                event,
                text,
                name,
                sentence,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::judge;
    use crate::check::testing::Story;
    use crate::history::{Event, Told};

    /// Every number that is told is below 3.
    const SMALL: OwnInvariant = OwnInvariant {
        name: "small-numbers",
        sentence: "numbers stay below 3",
        not_checked: "numbers that only a read shows",
        look: |history, looks| {
            for (at, event) in history.events().iter().enumerate() {
                if let Event::Told { told: Told::Seq(seq), .. } = event {
                    looks.expect(*seq < 3, at, || format!("number {seq}"));
                }
            }
        },
    };

    fn verdict(story: &Story) -> Verdict {
        let mut verdict = judge(&story.history);
        add(&mut verdict, &[SMALL], &story.history);
        verdict
    }

    #[test]
    fn what_a_users_own_invariant_finds_comes_after_what_the_contracts_find() {
        let mut story = Story::new();
        story.append(1, 1).append(2, 2);
        let kept = verdict(&story);
        assert_eq!((kept.violations.len(), kept.armed.last()), (0, Some(&2)));
        story.append(3, 3).append(4, 4).crash_and_open().read(&[1]);
        let broken = verdict(&story);
        let names: Vec<&str> = broken.violations.iter().map(Violation::name).collect();
        assert_eq!(names, ["append-durable", "small-numbers"]);
        assert_eq!(broken.violations[1].text, "number 3", "the first is told");
        assert_eq!(broken.violations[1].sentence(), "numbers stay below 3");
    }
}
