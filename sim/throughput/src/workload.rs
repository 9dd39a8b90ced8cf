//! Append, crash, recover, compare: what a simulated scenario comes down to, with nothing around it.
//!
//! Fifty records are appended, each synced; at three of the appends the power goes. Recovery reads what is left, scans it
//! for frames, compares each record with what was appended, and cuts the rest. Frames are those of [`asl_host::frame`],
//! payloads those of [`asl_sim::scenario`], their lengths drawn from the same mix as a scenario's.
//!
//! Not here, and the price of a simulator: other operations, clients that interleave, a file system that decides sector by
//! sector, failing calls, a history and an oracle.

use asl_host::frame::{self, HEADER_LEN};
use asl_sim::scenario::{Payload, Style};

const APPENDS: u32 = 50;
const CRASHES: usize = 3;
const SALT: u64 = 0x5eed_5a17_0000_0001;

/// Where the frames go.
pub(crate) trait Medium: Default {
    /// Makes it empty, for the scenario of a seed.
    fn restart(&mut self, seed: u64);
    /// Writes at the end, and makes it durable.
    fn append(&mut self, end: u64, bytes: &[u8]);
    /// Writes at the end, and loses power before it is durable.
    fn append_and_crash(&mut self, end: u64, bytes: &[u8], draws: &mut Draws);
    /// Replaces what is in `image` by a copy of everything there is.
    fn read(&mut self, image: &mut Vec<u8>);
    /// Cuts what is behind `len`, durably.
    fn cut(&mut self, len: u64);
}

/// Numbers from a seed (`SplitMix64`).
pub(crate) struct Draws(u64);

impl Draws {
    fn new(seed: u64) -> Draws {
        Draws(seed)
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (((mixed >> 32) * u64::from(count)) >> 32) as u32
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }
}

/// Lengths and styles of payloads, drawn as `scenario::generate` does.
struct Mix {
    len_max: u32,
    odd_percent: u32,
}

impl Mix {
    fn payload(&self, draws: &mut Draws) -> Payload {
        if draws.below(100) < self.odd_percent {
            let style = draws.one_of(&[Style::Zeros, Style::Zeros, Style::FrameLike]);
            return Payload { style, len: draws.one_of(&[0, 0, 1, 16, 100]).min(self.len_max) };
        }
        Payload { style: Style::Unique, len: 8 + draws.below(self.len_max) }
    }
}

/// What was appended, as long as it must be there.
#[derive(Default)]
struct Told {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Told {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn push(&mut self, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        self.ends.push(self.bytes.len());
    }

    fn record(&self, index: usize) -> Option<&[u8]> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.ends.get(index).map(|&end| &self.bytes[start..end])
    }
}

/// A medium and what scenarios on it use, kept from one to the next: a floor should not measure the allocator.
#[derive(Default)]
pub(crate) struct Workload<M> {
    medium: M,
    told: Told,
    /// Where the log ends, as far as it is acknowledged.
    end: u64,
    payload: Vec<u8>,
    framed: Vec<u8>,
    image: Vec<u8>,
}

impl<M: Medium> Workload<M> {
    /// Runs the scenario of a seed; whether everything acknowledged was there after every crash, and nothing else.
    pub(crate) fn run(&mut self, seed: u64) -> bool {
        let mut draws = Draws::new(seed);
        let mix = Mix {
            len_max: draws.one_of(&[24, 100, 300, 900, 5_000]),
            odd_percent: draws.one_of(&[0, 0, 10, 40]),
        };
        let crashes: [u32; CRASHES] = std::array::from_fn(|_| draws.below(APPENDS));
        self.medium.restart(seed);
        self.told.clear();
        self.end = 0;
        let mut well = true;
        for op in 0..APPENDS {
            self.payload.clear();
            self.framed.clear();
            mix.payload(&mut draws).write(op, &mut self.payload);
            let seq = self.told.ends.len() as u64 + 1;
            frame::encode(&mut self.framed, SALT, seq, seq - 1, &self.payload);
            if crashes.contains(&op) {
                self.medium.append_and_crash(self.end, &self.framed, &mut draws);
                well &= self.recover();
            } else {
                self.medium.append(self.end, &self.framed);
                self.told.push(&self.payload);
                self.end += self.framed.len() as u64;
            }
        }
        well
    }

    /// Scans what the crash left. The record that was in flight may be there, whole.
    fn recover(&mut self) -> bool {
        self.medium.read(&mut self.image);
        let scan = frame::scan(&self.image, SALT, 1);
        let (found, told) = (scan.offsets.len(), self.told.ends.len());
        let mut well = found == told || found == told + 1;
        for (index, &at) in scan.offsets.iter().enumerate() {
            let next = scan.offsets.get(index + 1).copied().unwrap_or(scan.end);
            let record = &self.image[at as usize + HEADER_LEN..next as usize];
            well &= record == self.told.record(index).unwrap_or(&self.payload);
        }
        if found > told {
            self.told.push(&self.payload);
        }
        self.end = scan.end;
        self.medium.cut(scan.end);
        well
    }
}
