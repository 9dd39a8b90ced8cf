//! The decision map: every choice that a run makes, at an address that stays put.
//!
//! A run that could go several ways asks the [`Decider`] at an [`Address`]: which version of sector 3 of inode 5 survived
//! crash 2? The answer is a number below a count; 0 is always the simplest (nothing lost, no delay), and an address that
//! the map does not hold answers 0. A seeded run draws instead from the pair of seed and address, so that no answer
//! depends on how many questions came before: deleting an operation, or mending the host, does not shift the rest.
//!
//! Addresses are made of *where in the scenario* something happens (a [`Site`]), never of counters that run through a
//! whole run. Not covered: two questions at one address get one answer; callers see to it that there is none.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Where in a scenario something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "String"))]
#[serde(into = "String", try_from = "String")]
pub enum Site {
    /// In the operation of this number.
    Op(u32),
    /// While starting up for the `nth` time after a crash (0: the first start), and opening, for the `attempt`th time.
    Boot {
        /// Crashes outside of recovery before this start.
        nth: u16,
        /// Crashes and failures inside this recovery so far.
        attempt: u8,
    },
    /// In the orderly close at the end.
    Closing,
}

impl Site {
    /// A number below 2^20 that tells sites apart.
    pub(crate) fn code(self) -> u32 {
        match self {
            Site::Op(id) => id & 0x7_ffff,
            Site::Boot { nth, attempt } => {
                0x8_0000 | (u32::from(nth) << 4 & 0x7_fff0) | u32::from(attempt & 15)
            }
            Site::Closing => 0xf_ffff,
        }
    }

    pub(crate) fn of_code(code: u32) -> Site {
        match code {
            0xf_ffff => Site::Closing,
            code if code & 0x8_0000 != 0 => {
                Site::Boot { nth: (code >> 4 & 0x7fff) as u16, attempt: (code & 15) as u8 }
            }
            code => Site::Op(code),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Site::Op(id) => write!(f, "op {id}"),
            Site::Boot { nth, attempt } => write!(f, "boot {nth}.{attempt}"),
            Site::Closing => f.write_str("closing"),
        }
    }
}

impl From<Site> for String {
    fn from(site: Site) -> String {
        site.to_string()
    }
}

impl TryFrom<String> for Site {
    type Error = String;

    fn try_from(text: String) -> Result<Site, String> {
        let parsed = match text.split_once(' ') {
            None if text == "closing" => Some(Site::Closing),
            Some(("op", id)) => id.parse().ok().filter(|&id: &u32| id <= 0x7_ffff).map(Site::Op),
            Some(("boot", place)) => place.split_once('.').and_then(|(nth, attempt)| {
                let site = Site::Boot { nth: nth.parse().ok()?, attempt: attempt.parse().ok()? };
                (Site::of_code(site.code()) == site).then_some(site)
            }),
            _ => None,
        };
        parsed.ok_or_else(|| format!("no such place in a scenario: {text:?}"))
    }
}

/// What a choice is about; with it, the meaning of an address's three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// How long the call took. (site, call)
    Latency,
    /// Which of several ready tasks went on. (boot, pick)
    Pick,
    /// How much of a write that a kill interrupted was done. (site, call)
    Partial,
    /// Which version of a sector the medium held after a crash; 0: the newest. (crash, inode, sector)
    Sector,
    /// Which size the medium held; 0: the newest. (crash, inode, 0)
    Size,
    /// What stood in a sector of which no version was on the medium: zeros, garbage, or an old sector. (crash, inode, sector)
    Fill,
    /// Whether a change of names was lost; 0: kept. (crash, inode, change)
    Name,
    /// Whether a name that was taken away stands for what it stood for before; 0: it is gone. (crash, inode, change)
    StaleName,
    /// How many of the last changes that have an order a crash lost. (crash, 0, 0)
    Commit,
    /// Whether a failed sync reverted what it should have made durable; 0: it is clean in the cache. (site, call)
    Reverted,
    /// Which of several places damage hit. (site, call, nth)
    Damage,
    /// Which mode, owner and extended attributes an inode had; 0: the newest. (crash, inode, 0)
    Attributes,
    /// Whether a node beside the host's was killed and started again with it; 0: it went on. (boot, node, 0)
    Neighbour,
    /// Whether a request whose caller is gone had landed before the nth later call that could tell; 0: it had. (site, call, nth)
    Landing,
    /// How many changes a list of a bucket was behind. (site, call)
    Behind,
}

const QUESTIONS: [(Question, [&str; 3]); 15] = [
    (Question::Latency, ["site", "call", "latency"]),
    (Question::Pick, ["boot", "pick", "task"]),
    (Question::Partial, ["site", "call", "partial"]),
    (Question::Sector, ["crash", "inode", "sector"]),
    (Question::Size, ["crash", "inode", "size"]),
    (Question::Fill, ["crash", "inode", "fill"]),
    (Question::Name, ["crash", "inode", "name"]),
    (Question::StaleName, ["crash", "inode", "stale"]),
    (Question::Commit, ["crash", "journal", "commit"]),
    (Question::Reverted, ["site", "call", "reverted"]),
    (Question::Damage, ["site", "call", "damage"]),
    (Question::Attributes, ["crash", "inode", "attributes"]),
    (Question::Neighbour, ["boot", "node", "restarted"]),
    (Question::Landing, ["site", "call", "landing"]),
    (Question::Behind, ["site", "call", "behind"]),
];

/// Where a choice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "String"))]
#[serde(into = "String", try_from = "String")]
pub struct Address {
    question: Question,
    at: [u32; 3],
}

impl Address {
    /// The address of a question; see [`Question`] for what the numbers mean.
    pub fn new(question: Question, first: u32, second: u32, third: u32) -> Address {
        Address { question, at: [first, second, third] }
    }

    pub(crate) fn question(&self) -> Question {
        self.question
    }

    pub(crate) fn at(&self) -> [u32; 3] {
        self.at
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, labels) =
            QUESTIONS.iter().find(|(question, _)| *question == self.question).expect("all are listed");
        let [a, b, c] = self.at;
        write!(f, "{} {a}/{} {b}/{} {c}", labels[0], labels[1], labels[2])
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let wrong = || format!("no such decision: {text:?}");
        let parts: Vec<(&str, u32)> = text
            .split('/')
            .map(|part| part.split_once(' ').and_then(|(label, number)| Some((label, number.parse().ok()?))))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        let [a, b, c] = <[(&str, u32); 3]>::try_from(parts).map_err(|_| wrong())?;
        let labels = [a.0, b.0, c.0];
        let (question, _) = QUESTIONS.iter().find(|(_, known)| *known == labels).ok_or_else(wrong)?;
        Ok(Address { question: *question, at: [a.1, b.1, c.1] })
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.to_string()
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Address, String> {
        text.parse()
    }
}

/// How often a seeded run draws 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lean {
    /// All values alike.
    Even,
    /// As the crash's mood has it: some crashes keep nearly everything, some lose it, some mix. Without moods, states in
    /// which *all* of many sectors are lost would never come up.
    Mood,
}

/// The choices of a case: those that are not 0.
pub type Decisions = BTreeMap<Address, u32>;

#[derive(Clone, Debug)]
enum Source {
    Seed(u64),
    Map(Decisions),
    /// Drawn from the seed, and what crashes lose from one more number for each, in their order.
    Salted(u64, Vec<u32>),
    /// From the map, and drawn from the seed what it does not hold.
    MapThenSeed(Decisions, u64),
    /// As another source, but one crash loses as much as it may of what some questions are about.
    Losing {
        of: Box<Source>,
        crash: u32,
        what: fn(Question) -> bool,
    },
}

impl Source {
    fn answer(&self, address: Address, count: u32, lean: Lean) -> u32 {
        match self {
            // A case may come from another build, where there was more to choose from.
            Source::Map(decisions) => decisions.get(&address).copied().unwrap_or(0).min(count - 1),
            Source::Seed(seed) => draw(*seed, address, count, lean),
            Source::Salted(seed, salts) => draw(seed ^ salt(salts, address), address, count, lean),
            Source::MapThenSeed(decisions, seed) => match decisions.get(&address) {
                Some(&answer) => answer.min(count - 1),
                None => draw(*seed, address, count, lean),
            },
            Source::Losing { crash, what, .. } if address.at[0] == *crash && what(address.question) => {
                count - 1
            }
            Source::Losing { of, .. } => of.answer(address, count, lean),
        }
    }
}

/// Answers the questions of one run.
#[derive(Clone, Debug)]
pub struct Decider {
    source: Source,
    record: Option<Decisions>,
    trail: Option<Vec<Asked>>,
    /// How many questions, the first of the trail, have their answer for good.
    settled: usize,
}

/// A question that came up, how many answers there were, and the one that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    address: Address,
    count: u32,
    answer: u32,
}

impl Decider {
    /// Draws every answer from the seed.
    pub fn seeded(seed: u64) -> Decider {
        Decider::of(Source::Seed(seed))
    }

    /// Draws every answer from the seed, and what crashes lose from one more number for each, in their order.
    pub(crate) fn salted(seed: u64, salts: Vec<u32>) -> Decider {
        Decider::of(Source::Salted(seed, salts))
    }

    /// Answers from the map, and 0 elsewhere.
    pub fn replaying(decisions: Decisions) -> Decider {
        Decider::of(Source::Map(decisions))
    }

    /// Answers from the map, and draws the others from the seed.
    pub(crate) fn completing(decisions: Decisions, seed: u64) -> Decider {
        Decider::of(Source::MapThenSeed(decisions, seed))
    }

    fn of(source: Source) -> Decider {
        Decider { source, record: None, trail: None, settled: 0 }
    }

    /// The same answers, but that this crash loses as much as it may of what these questions are about.
    pub(crate) fn losing(&self, crash: u32, what: fn(Question) -> bool) -> Decider {
        Decider::of(Source::Losing { of: Box::new(self.source.clone()), crash, what })
    }

    /// Keeps the answers that are not 0, for [`Decider::into_record`].
    #[must_use]
    pub fn recording(mut self) -> Decider {
        self.record = Some(Decisions::new());
        self
    }

    /// Keeps every question, for [`Decider::next`]; but for those of the schedule, whose combinations are too many.
    #[must_use]
    pub(crate) fn trailing(mut self) -> Decider {
        self.trail = Some(Vec::new());
        self
    }

    /// Answers from the map, keeps its trail, and leaves the first `settled` answers of it as they are.
    pub(crate) fn branching(decisions: Decisions, settled: usize) -> Decider {
        Decider { settled, ..Decider::replaying(decisions).trailing() }
    }

    /// Goes on from here, and leaves the answers so far as they are.
    pub(crate) fn settled(self) -> Decider {
        Decider { settled: self.asked(), ..self }
    }

    /// How many questions came up, if the trail is kept.
    pub(crate) fn asked(&self) -> usize {
        self.trail.as_ref().map_or(0, Vec::len)
    }

    /// The answers of the trail that are not 0.
    pub(crate) fn answers(&self) -> Decisions {
        let trail = self.trail.iter().flatten();
        trail.filter(|asked| asked.answer != 0).map(|asked| (asked.address, asked.answer)).collect()
    }

    /// The next combination of answers after those that this one gave, if it kept its trail: the last answer that can grow
    /// grows, and what was asked after it is asked anew. `None` when all combinations were given.
    pub(crate) fn next(self) -> Option<Decider> {
        let mut trail = self.trail.expect("whoever wants the next combination keeps the trail");
        while trail.len() > self.settled {
            let Asked { address, count, answer } = trail.pop().expect("it is longer than what is settled");
            if answer + 1 < count {
                let mut decisions: Decisions =
                    trail.iter().map(|asked| (asked.address, asked.answer)).collect();
                decisions.insert(address, answer + 1);
                return Some(Decider::branching(decisions, self.settled));
            }
        }
        None
    }

    /// The answers that were not 0; empty unless recording.
    pub fn into_record(self) -> Decisions {
        self.record.unwrap_or_default()
    }

    /// An answer below `count`, which is at least 1.
    pub fn choose(&mut self, address: Address, count: u32, lean: Lean) -> u32 {
        debug_assert!(count > 0, "a choice has at least one answer");
        if count == 1 {
            return 0;
        }
        let answer = self.source.answer(address, count, lean);
        if let Some(trail) = &mut self.trail
            && !matches!(address.question, Question::Latency | Question::Pick)
        {
            trail.push(Asked { address, count, answer });
        }
        if answer != 0
            && let Some(record) = &mut self.record
        {
            record.insert(address, answer);
        }
        answer
    }
}

/// What is mixed into the seed for a question about a crash; crashes are numbered from 1, and 16 numbers are one crash with those
/// inside the recovery from it.
fn salt(salts: &[u32], address: Address) -> u64 {
    let crash = match address.question {
        Question::Latency
        | Question::Pick
        | Question::Partial
        | Question::Reverted
        | Question::Damage
        | Question::Landing => None,
        _ => (address.at[0] >> 4).checked_sub(1),
    };
    let salt = crash.and_then(|crash| salts.get(crash as usize));
    salt.map_or(0, |&salt| u64::from(salt) << 24)
}

fn draw(seed: u64, address: Address, count: u32, lean: Lean) -> u32 {
    let bits = mix(seed, address);
    let below = |bits: u64, count: u32| (((bits & 0xffff_ffff) * u64::from(count)) >> 32) as u32;
    match lean {
        Lean::Even => below(bits, count),
        Lean::Mood => {
            if (bits >> 56) < mood(seed, address) {
                0
            } else {
                1 + below(bits, count - 1)
            }
        }
    }
}

/// How likely, in 256ths, a thing survives this crash: one mood for data, one for sizes, one for names.
fn mood(seed: u64, address: Address) -> u64 {
    let drawn = mix(seed ^ 0x6d6f_6f64, Address::new(address.question, address.at[0], u32::MAX, 0));
    [0, 32, 128, 128, 224, 256][(drawn % 6) as usize]
}

/// 64 well-mixed bits from a seed and an address (multiply-xorshift rounds in the manner of `SplitMix64`'s finaliser).
pub(crate) fn mix(seed: u64, address: Address) -> u64 {
    let [a, b, c] = address.at.map(u64::from);
    let mut x = seed ^ ((address.question as u64) << 56) ^ (c << 20);
    for word in [a | b << 32, 0x9e37_79b9_7f4a_7c15] {
        x = (x ^ (x >> 30) ^ word).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    }
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_does_not_depend_on_the_questions_before_it() {
        let address = Address::new(Question::Sector, 2, 5, 3);
        let mut asked_first = Decider::seeded(7);
        let mut asked_last = Decider::seeded(7);
        for sector in 0..100 {
            asked_last.choose(Address::new(Question::Sector, 2, 4, sector), 3, Lean::Mood);
        }
        assert_eq!(
            asked_first.choose(address, 1000, Lean::Even),
            asked_last.choose(address, 1000, Lean::Even)
        );
    }

    #[test]
    fn a_recorded_run_replays_from_its_record_alone() {
        let addresses: Vec<Address> =
            (0..200).map(|i| Address::new(Question::Name, i % 5, i, i * 7)).collect();
        let mut seeded = Decider::seeded(1234).recording();
        let first: Vec<u32> = addresses.iter().map(|&at| seeded.choose(at, 4, Lean::Mood)).collect();
        let record = seeded.into_record();
        assert!(record.values().all(|&answer| answer != 0));
        let mut replayed = Decider::replaying(record);
        let second: Vec<u32> = addresses.iter().map(|&at| replayed.choose(at, 4, Lean::Mood)).collect();
        assert_eq!(first, second);
    }

    #[test]
    fn what_is_not_in_the_map_is_the_simplest() {
        let mut decider = Decider::replaying(Decisions::new());
        assert_eq!(decider.choose(Address::new(Question::Fill, 1, 2, 3), 9, Lean::Even), 0);
    }

    #[test]
    fn draws_reach_every_answer_and_none_beyond() {
        let mut seen = [0; 5];
        for i in 0..1000 {
            seen[draw(99, Address::new(Question::Pick, 0, i, 0), 5, Lean::Even) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| count > 120), "{seen:?}");
    }

    #[test]
    fn addresses_and_sites_are_read_as_written() {
        for (question, _) in QUESTIONS {
            let address = Address::new(question, 1, 2, 3);
            assert_eq!(address.to_string().parse(), Ok(address));
        }
        for site in [Site::Op(12), Site::Boot { nth: 3, attempt: 1 }, Site::Closing] {
            assert_eq!(Site::try_from(site.to_string()), Ok(site));
            assert_eq!(Site::of_code(site.code()), site);
        }
        assert!("crash 1/inode x/sector 2".parse::<Address>().is_err());
        assert!("crash 1/sector 2".parse::<Address>().is_err());
        assert!(Site::try_from("op -1".to_owned()).is_err());
    }
}
