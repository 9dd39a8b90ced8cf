//! Programs drawn from a seed, none of whose steps fails: for comparing the model with real file systems.
//!
//! A handful of names in three directories, files of a few blocks, writes that begin and end anywhere, and syncs in between.
//! Not drawn: large files, many names, and anything that has to do with time.

use super::{Program, Step};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;

/// Directories that a program may have.
const DIRS: [&str; 2] = ["d", "e"];
/// Names that a file may have in a directory.
const NAMES: [&str; 4] = ["f", "g", "h", "log"];
const LEN_MAX: u64 = 20_000;

/// What a program has so far: file numbers by path, lengths by file number.
#[derive(Debug, Default)]
struct Names {
    dirs: Vec<&'static str>,
    files: BTreeMap<String, u32>,
    lens: BTreeMap<u32, u64>,
    made: u32,
    letter: u8,
}

struct Draw {
    rng: ChaCha8Rng,
    now: Names,
}

/// The program of a seed: 4 to 14 steps, the first of which make a file that is durable in two of three programs.
pub fn random(seed: u64) -> Program {
    let mut draw = Draw { rng: ChaCha8Rng::seed_from_u64(seed), now: Names::default() };
    let mut program = Program::new();
    if draw.below(3) > 0 {
        program.extend([draw.make_file("f".to_owned()), draw.write("f".to_owned()), Step::Sync]);
    }
    let count = program.len() as u32 + 4 + draw.below(9);
    while (program.len() as u32) < count {
        if let Some(step) = draw.step() {
            program.push(step);
        }
    }
    program
}

impl Draw {
    fn below(&mut self, count: u32) -> u32 {
        ((u64::from(self.rng.next_u32()) * u64::from(count)) >> 32) as u32
    }

    fn one_of<T: Clone>(&mut self, choices: &[T]) -> Option<T> {
        let count = choices.len() as u32;
        (count > 0).then(|| choices[self.below(count) as usize].clone())
    }

    /// A file that there is.
    fn file(&mut self) -> Option<String> {
        let paths: Vec<String> = self.now.files.keys().cloned().collect();
        self.one_of(&paths)
    }

    /// A name that is not taken, or any.
    fn name(&mut self, free: bool) -> Option<String> {
        let dirs: Vec<&str> = std::iter::once("").chain(self.now.dirs.iter().copied()).collect();
        let dir = self.one_of(&dirs)?;
        let name = self.one_of(&NAMES)?;
        let path = if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") };
        (!free || !self.now.files.contains_key(&path)).then_some(path)
    }

    fn make_file(&mut self, path: String) -> Step {
        self.now.made += 1;
        self.now.files.insert(path.clone(), self.now.made);
        self.now.lens.insert(self.now.made, 0);
        Step::Create(path)
    }

    fn len(&self, path: &str) -> u64 {
        self.now.files.get(path).and_then(|file| self.now.lens.get(file)).copied().unwrap_or(0)
    }

    fn set_len(&mut self, path: &str, len: u64) {
        let file = self.now.files[path];
        self.now.lens.insert(file, len);
    }

    fn write(&mut self, path: String) -> Step {
        let old = self.len(&path);
        let offset = match self.below(5) {
            0..2 => old,
            2 => old / 4096 * 4096,
            3 => u64::from(self.below(old as u32 + 1)),
            _ => u64::from(self.below(3)) * 4096,
        };
        let len = match self.below(4) {
            0 => u64::from(1 + self.below(600)),
            1 => 4096,
            2 => 4096 * u64::from(1 + self.below(3)),
            _ => u64::from(1 + self.below(9000)),
        };
        self.now.letter = self.now.letter % 26 + 1;
        self.set_len(&path, old.max(offset + len));
        Step::Write { path, offset, len, letter: b'a' + self.now.letter - 1 }
    }

    fn step(&mut self) -> Option<Step> {
        match self.below(32) {
            0..4 => {
                let path = self.name(true)?;
                Some(self.make_file(path))
            }
            4..12 => {
                let path = self.file().filter(|path| self.len(path) < LEN_MAX)?;
                Some(self.write(path))
            }
            12..16 => self.file().map(Step::Fsync),
            16..18 => self.file().map(Step::Fdatasync),
            18..21 => {
                let dirs: Vec<&str> = std::iter::once("").chain(self.now.dirs.iter().copied()).collect();
                self.one_of(&dirs).map(|dir| Step::FsyncDir(dir.to_owned()))
            }
            21..24 => self.rename(),
            24 => {
                let (original, link) = (self.file()?, self.name(true)?);
                let file = self.now.files[&original];
                self.now.files.insert(link.clone(), file);
                Some(Step::Link(original, link))
            }
            25 => {
                let path = self.file()?;
                self.now.files.remove(&path);
                Some(Step::Unlink(path))
            }
            26 => {
                let dirs: Vec<&'static str> =
                    DIRS.into_iter().filter(|dir| !self.now.dirs.contains(dir)).collect();
                let dir = self.one_of(&dirs)?;
                self.now.dirs.push(dir);
                Some(Step::Mkdir(dir.to_owned()))
            }
            27..29 => {
                let path = self.file()?;
                let len = u64::from(self.below(self.len(&path) as u32 + 4096));
                self.set_len(&path, len);
                Some(Step::Truncate { path, len })
            }
            29 => {
                let path = self.file()?;
                let offset = self.len(&path);
                let len = u64::from(1 + self.below(8192));
                self.set_len(&path, offset + len);
                Some(Step::Allocate { path, offset, len })
            }
            _ => {
                let path = self.file()?;
                let len = self.len(&path);
                let offset = u64::from(self.below(len as u32 + 1)) / 4096 * 4096;
                (len > offset).then_some(Step::Writeback { path, offset, len: 4096 })
            }
        }
    }

    /// Over another file or to a free name, of a file.
    fn rename(&mut self) -> Option<Step> {
        let (from, to) = (self.file()?, self.name(false)?);
        let file = self.now.files[&from];
        // Two names of one file: rename(2) does nothing then.
        if self.now.files.get(&to) == Some(&file) {
            return None;
        }
        self.now.files.remove(&from);
        self.now.files.insert(to.clone(), file);
        Some(Step::Rename(from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Profile;
    use crate::media::files::program::Model;

    #[test]
    fn no_step_of_any_program_fails() {
        for seed in 0..3_000 {
            let mut model = Model::new(Profile::Posix);
            for step in random(seed) {
                model.apply(&step).unwrap_or_else(|error| panic!("seed {seed}, {step}: {error}"));
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_program() {
        assert_eq!(random(3), random(3));
        assert_ne!(random(3), random(4));
    }
}
