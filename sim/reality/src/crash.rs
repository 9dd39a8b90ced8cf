//! Losses of power: where in a recording, and which of the writes since the last flush the medium kept.
//!
//! At every position the medium holds all that the last flush covers, and of the writes since then none, all, those up to
//! one of them, or a random share, in which a write may also be torn: of its sectors, some are on the medium and some not.
//! Kept writes are put on the medium in the order of the recording; so a sector may be of any version since the flush.
//!
//! The same recording and seed give the same losses.
//!
//! Not covered: bytes that tear inside of a sector, garbage, and losses of what was flushed.

use crate::image::Image;
use crate::recording::{Recording, Write};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::fmt;

/// Which of the writes since the last flush are on the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// None of them.
    Nothing,
    /// All of them.
    Everything,
    /// So many, the oldest.
    First(usize),
    /// Those that this seed gives.
    Some(u64),
}

/// A loss of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// So many events had come.
    pub position: usize,
    /// What the medium kept.
    pub keep: Keep,
}

/// What became of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is on the medium.
    Kept,
    /// It is not.
    Lost,
    /// Pieces of so many bytes are on the medium where it says true.
    Torn {
        /// How long a piece is.
        piece_len: usize,
        /// One for each piece.
        kept: Vec<bool>,
    },
}

/// Least number of random shares to choose from at each position.
const SHARES_PER_POSITION_MIN: usize = 4;

/// Chooses at most so many of the losses that a recording offers from a position on. Half of them are random shares, as far
/// as there are enough of both; a loss of nothing and of everything at the end are always among them.
pub fn choose(recording: &Recording, from: usize, seed: u64, crashes_max: usize) -> Vec<Crash> {
    let (mut plain, mut random) = (Vec::new(), Vec::new());
    let positions = from..=recording.events.len();
    let shares = SHARES_PER_POSITION_MIN.max(crashes_max / positions.clone().count().max(1)) as u64;
    for position in positions {
        let writes = recording.window(position).len();
        let at = |keep| Crash { position, keep };
        plain.push(at(Keep::Everything));
        if writes > 0 {
            plain.push(at(Keep::Nothing));
            plain.extend((1..writes).map(|first| at(Keep::First(first))));
            let seeds = (0..shares).map(|share| mix(&[seed, position as u64, share]));
            random.extend(seeds.map(|seed| at(Keep::Some(seed))));
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let end = recording.events.len();
    let mut chosen: Vec<Crash> =
        [Keep::Everything, Keep::Nothing].map(|keep| Crash { position: end, keep }).to_vec();
    plain.retain(|crash| !chosen.contains(crash));
    shuffle(&mut plain, &mut rng);
    shuffle(&mut random, &mut rng);
    let room = crashes_max.saturating_sub(chosen.len());
    let of_random = random.len().min((room / 2).max(room.saturating_sub(plain.len())));
    chosen.extend(plain.into_iter().take(room - of_random));
    chosen.extend(random.into_iter().take(of_random));
    chosen.truncate(crashes_max);
    chosen.sort_by_key(|crash| crash.position);
    chosen
}

/// What became of each write since the last flush. The unit is what the medium writes as a whole, in bytes.
pub fn fates(recording: &Recording, crash: Crash, unit_len: usize) -> Vec<Fate> {
    let window = recording.window(crash.position);
    match crash.keep {
        Keep::Nothing => vec![Fate::Lost; window.len()],
        Keep::Everything => vec![Fate::Kept; window.len()],
        Keep::First(first) => {
            (0..window.len()).map(|at| if at < first { Fate::Kept } else { Fate::Lost }).collect()
        }
        Keep::Some(seed) => {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            // Some losses keep nearly all, some lose nearly all.
            let kept_of_8 = 1 + rng.next_u64() % 7;
            let torn_of_8 = rng.next_u64() % 9;
            window.iter().map(|write| draw(write, kept_of_8, torn_of_8, unit_len, &mut rng)).collect()
        }
    }
}

fn draw(write: &Write, kept_of_8: u64, torn_of_8: u64, unit_len: usize, rng: &mut ChaCha8Rng) -> Fate {
    let whole = |kept| if kept { Fate::Kept } else { Fate::Lost };
    let piece_len = if rng.next_u64().is_multiple_of(2) { unit_len } else { unit_len.max(4096) };
    let pieces = write.bytes.len().div_ceil(piece_len);
    if pieces < 2 || rng.next_u64() % 8 >= torn_of_8 {
        return whole(rng.next_u64() % 8 < kept_of_8);
    }
    let middle = (rng.next_u64() % pieces as u64) as usize;
    let kept: Vec<bool> = match rng.next_u64() % 4 {
        0 => (0..pieces).map(|piece| piece < middle).collect(),
        1 => (0..pieces).map(|piece| piece >= middle).collect(),
        _ => (0..pieces).map(|_| rng.next_u64().is_multiple_of(2)).collect(),
    };
    match kept.iter().filter(|&&kept| kept).count() {
        0 => Fate::Lost,
        count if count == pieces => Fate::Kept,
        _ => Fate::Torn { piece_len, kept },
    }
}

/// What the medium holds: on top of what was flushed, what was kept of the writes since then.
///
/// # Panics
///
/// If there is not one fate for each write.
pub fn medium(mut flushed: Image, window: &[&Write], fates: &[Fate]) -> Image {
    assert_eq!(window.len(), fates.len(), "each write has a fate");
    for (write, fate) in window.iter().zip(fates) {
        match fate {
            Fate::Kept => flushed.write(write.offset, &write.bytes),
            Fate::Lost => (),
            Fate::Torn { piece_len, kept } => {
                for (at, piece) in write.bytes.chunks(*piece_len).enumerate().filter(|&(at, _)| kept[at]) {
                    flushed.write(write.offset + (at * piece_len) as u64, piece);
                }
            }
        }
    }
    flushed
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} events, keeping ", self.position)?;
        match self.keep {
            Keep::Nothing => write!(f, "nothing since the last flush"),
            Keep::Everything => write!(f, "everything"),
            Keep::First(first) => write!(f, "the first {first} writes since the last flush"),
            Keep::Some(seed) => write!(f, "a random share (seed {seed:#x}) since the last flush"),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fate::Kept => write!(f, "kept"),
            Fate::Lost => write!(f, "lost"),
            Fate::Torn { piece_len, kept } => {
                let pieces: String = kept.iter().map(|&kept| if kept { '+' } else { '-' }).collect();
                write!(f, "torn, in pieces of {piece_len}: {pieces}")
            }
        }
    }
}

/// A number that depends on all of these.
pub fn mix(numbers: &[u64]) -> u64 {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    xxhash_rust::xxh3::xxh3_64(&bytes)
}

fn shuffle<T>(list: &mut [T], rng: &mut ChaCha8Rng) {
    for last in (1..list.len()).rev() {
        let other = (rng.next_u64() % (last as u64 + 1)) as usize;
        list.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::testing::two_and_two;
    use crate::recording::{Event, Mark};
    use std::collections::BTreeSet;

    fn first_bytes(recording: &Recording, crash: Crash) -> [u8; 3] {
        let fates = fates(recording, crash, 512);
        let flushed = recording.flushed_image(crash.position);
        let image = medium(flushed, &recording.window(crash.position), &fates);
        [0, 1, 2].map(|block| {
            let mut byte = [0];
            image.read(block * 4096, &mut byte);
            byte[0]
        })
    }

    #[test]
    fn what_was_flushed_is_always_kept_and_the_rest_as_it_was_drawn() {
        let recording = two_and_two();
        let at = |keep| first_bytes(&recording, Crash { position: 5, keep });
        assert_eq!(at(Keep::Nothing), [1, 2, 0]);
        assert_eq!(at(Keep::First(1)), [3, 2, 0]);
        assert_eq!(at(Keep::Everything), [3, 2, 4]);
    }

    #[test]
    fn random_shares_come_to_every_subset_of_two_writes() {
        let recording = two_and_two();
        let of = |seed| first_bytes(&recording, Crash { position: 5, keep: Keep::Some(seed) });
        let seen: BTreeSet<[u8; 3]> = (0..200).map(of).collect();
        let all = [[1, 2, 0], [3, 2, 0], [1, 2, 4], [3, 2, 4]];
        assert_eq!(seen, BTreeSet::from(all));
    }

    #[test]
    fn a_write_tears_between_sectors_and_never_inside_of_one() {
        let bytes = vec![1; 8192].into();
        let recording = Recording {
            base: Image::zeros(1 << 20),
            events: vec![Event::Write(Write { offset: 0, bytes })],
            marks: vec![Mark { begin: 0, end: 1 }],
        };
        let mut torn = 0;
        for seed in 0..100 {
            let crash = Crash { position: 1, keep: Keep::Some(seed) };
            let fates = fates(&recording, crash, 512);
            torn += usize::from(matches!(fates[0], Fate::Torn { .. }));
            let image = medium(recording.flushed_image(1), &recording.window(1), &fates);
            let mut content = vec![0; 8192];
            image.read(0, &mut content);
            assert!(content.chunks(512).all(|sector| sector.iter().all(|&byte| byte == sector[0])));
        }
        assert!(torn > 5, "{torn}");
    }

    #[test]
    fn the_same_seed_chooses_the_same_and_the_end_is_among_them() {
        let recording = two_and_two();
        let chosen = choose(&recording, 0, 1, 9);
        assert_eq!(chosen, choose(&recording, 0, 1, 9));
        assert_ne!(chosen, choose(&recording, 0, 2, 9));
        assert_eq!(chosen.len(), 9);
        for keep in [Keep::Everything, Keep::Nothing] {
            assert!(chosen.contains(&Crash { position: 5, keep }));
        }
    }

    #[test]
    fn earlier_positions_are_not_chosen() {
        let recording = two_and_two();
        assert!(choose(&recording, 3, 1, 1_000).iter().all(|crash| crash.position >= 3));
    }
}
