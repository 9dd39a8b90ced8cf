//! The model of a profile, asked about one program: what may a loss of power leave now?
//!
//! Two file systems take the same steps: one with sectors of 512 bytes, which is what may tear, for the question whether a
//! state is possible; one with sectors of a block, for lists of states that people can read.
//!
//! Whether a state is possible is decided without listing all of them: choices of names and of how far a journal had come are
//! tried one by one, and for each that gives the names that were seen, every sector is compared with its own versions, since
//! they are independent.

use super::{Entry, State, Step};
use crate::base::decide::{Decider, Decisions};
use crate::media::Profile;
use crate::media::files::fs::{Fill, Fs, Ino, Surface};
use asl_host::fs::OpenMode;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// A file system of a profile, in the middle of a program.
#[derive(Clone, Debug)]
pub struct Model {
    fine: Fs,
    coarse: Fs,
    decide: Decider,
    files: u32,
}

/// What a choice of names gives: each path, with its inode and whether it is a directory.
type Tree = BTreeMap<String, (Ino, bool)>;

impl Model {
    /// An empty file system.
    pub fn new(profile: Profile) -> Model {
        let fill = if profile.has_stale_fill() { Fill::Mixed } else { Fill::Zeros };
        Model {
            fine: Fs::new(profile, Surface::new(512, fill)),
            coarse: Fs::new(profile, Surface::new(4096, fill)),
            decide: Decider::replaying(Decisions::new()),
            files: 0,
        }
    }

    /// Takes a step.
    ///
    /// # Errors
    ///
    /// Those of the call that it stands for.
    pub fn apply(&mut self, step: &Step) -> io::Result<()> {
        self.files += 1;
        let Model { fine, coarse, decide, files } = self;
        [fine, coarse].into_iter().try_for_each(|fs| take(fs, step, *files, decide))
    }

    /// A step was begun, and may have had its effect or not. A sync that was not completed promises nothing; of anything else,
    /// a loss of power may leave all or none.
    pub fn begin(&mut self, step: &Step) {
        let is_sync = matches!(step, Step::Fsync(_) | Step::Fdatasync(_) | Step::FsyncDir(_) | Step::Sync);
        if !is_sync {
            // A step that fails has no effect.
            let _ = self.apply(step);
        }
    }

    /// Whether a loss of power now may leave this state.
    ///
    /// # Errors
    ///
    /// What of it is not possible, in words.
    pub fn allows(&self, seen: &State) -> Result<(), String> {
        let mut why = "no choice of what was durable gives these names".to_owned();
        let mut next = Some(Decider::replaying(Decisions::new()).trailing());
        while let Some(mut decide) = next {
            let mut fs = self.fine.clone();
            fs.power_loss(1, &mut decide);
            let tree = tree_of(&mut fs, &mut decide);
            match compare(&fs, &tree, seen) {
                Compared::Same => return Ok(()),
                Compared::OtherContent(text) => why = text,
                Compared::OtherNames => {}
            }
            next = decide.next();
        }
        Err(why)
    }

    /// All states that a loss of power may leave now, as they are printed, with sectors of 4096 bytes; `None` if more than
    /// `limit` combinations of decisions lead to them.
    pub fn states(&self, limit: usize) -> Option<BTreeSet<String>> {
        let mut states = BTreeSet::new();
        let mut next = Some(Decider::replaying(Decisions::new()).trailing());
        for _ in 0..limit {
            let Some(mut decide) = next else { return Some(states) };
            let mut fs = self.coarse.clone();
            fs.power_loss(1, &mut decide);
            states.insert(state_of(&mut fs, &mut decide).to_string());
            next = decide.next();
        }
        next.is_none().then_some(states)
    }
}

fn take(fs: &mut Fs, step: &Step, key: u32, decide: &mut Decider) -> io::Result<()> {
    let file = |fs: &mut Fs, path: &str, decide: &mut Decider| {
        fs.open(path, OpenMode::ReadWrite, key, decide).map(|(ino, _)| ino)
    };
    match step {
        Step::Create(path) => fs.open(path, OpenMode::CreateNew, key, decide).map(|_| ()),
        Step::Mkdir(path) => fs.create_dir(path, key, decide).map(drop),
        Step::Write { path, offset, len, letter } => {
            let ino = file(fs, path, decide)?;
            let data = vec![*letter; usize::try_from(*len).map_err(|_| io::ErrorKind::FileTooLarge)?];
            fs.write(ino, &data, *offset, decide).map(|_| ())
        }
        Step::Truncate { path, len } => {
            let ino = file(fs, path, decide)?;
            fs.set_len(ino, *len, decide)
        }
        Step::Allocate { path, offset, len } => {
            let ino = file(fs, path, decide)?;
            fs.allocate(ino, (*offset, *len), false, decide)
        }
        Step::Fsync(path) | Step::Fdatasync(path) => {
            let ino = file(fs, path, decide)?;
            fs.sync(ino, fs.mark(), matches!(step, Step::Fdatasync(_)));
            Ok(())
        }
        Step::FsyncDir(path) => {
            let ino = fs.dir_at(path, decide)?;
            fs.sync(ino, fs.mark(), false);
            Ok(())
        }
        Step::Rename(from, to) => fs.rename(from, to, decide),
        Step::Link(original, link) => fs.link(original, link, decide),
        Step::Unlink(path) => fs.unlink(path, decide),
        Step::Rmdir(path) => fs.remove_dir(path, decide),
        Step::Sync => {
            fs.sync_all();
            Ok(())
        }
        Step::Writeback { .. } | Step::Settle => Ok(()),
    }
}

/// Every name, without looking into files: their sizes and contents stay undecided.
fn tree_of(fs: &mut Fs, decide: &mut Decider) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![String::new()];
    while let Some(dir) = open.pop() {
        for name in fs.read_dir(&dir, decide).expect("it is a directory") {
            let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            let ino = fs.inode_at(&path, decide).expect("it was listed");
            let is_dir = fs.is_dir(ino);
            if is_dir {
                open.push(path.clone());
            }
            tree.insert(path, (ino, is_dir));
        }
    }
    tree
}

/// Everything, decided.
fn state_of(fs: &mut Fs, decide: &mut Decider) -> State {
    let mut state = State::default();
    for (path, (ino, is_dir)) in tree_of(fs, decide) {
        let entry = if is_dir {
            Entry::Dir
        } else {
            let len = fs.metadata(ino, decide).len;
            let mut content = vec![0; usize::try_from(len).expect("it fits into memory")];
            fs.read(ino, &mut content, 0, decide).expect("it is a file");
            Entry::File { inode: u64::from(ino), content }
        };
        state.0.insert(path, entry);
    }
    state
}

enum Compared {
    Same,
    OtherNames,
    OtherContent(String),
}

fn compare(fs: &Fs, tree: &Tree, seen: &State) -> Compared {
    if tree.len() != seen.0.len() {
        return Compared::OtherNames;
    }
    let mut inodes = BTreeMap::new();
    for ((path, &(ino, is_dir)), (seen_path, entry)) in tree.iter().zip(&seen.0) {
        let same = match entry {
            Entry::Dir => is_dir,
            // Two names of one file in one are two names of one file in the other.
            Entry::File { inode, .. } => !is_dir && *inodes.entry(*inode).or_insert(ino) == ino,
        };
        if path != seen_path || !same {
            return Compared::OtherNames;
        }
    }
    let distinct: BTreeSet<Ino> = inodes.values().copied().collect();
    if distinct.len() != inodes.len() {
        return Compared::OtherNames;
    }
    for ((path, &(ino, _)), entry) in tree.iter().zip(seen.0.values()) {
        let Entry::File { content, .. } = entry else { continue };
        if let Err(text) = fs.may_hold(ino, content) {
            return Compared::OtherContent(format!("{path}: {text}"));
        }
    }
    Compared::Same
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::files::program::random;

    #[test]
    fn every_state_that_the_model_lists_it_also_allows() {
        for &(profile, _) in Profile::ALL {
            for seed in 0..150 {
                let mut model = Model::new(profile);
                for step in random(seed) {
                    model.apply(&step).expect("no step of a program fails");
                }
                let mut next = Some(Decider::replaying(Decisions::new()).trailing());
                for _ in 0..40 {
                    let Some(mut decide) = next else { break };
                    let mut fs = model.fine.clone();
                    fs.power_loss(1, &mut decide);
                    let state = state_of(&mut fs, &mut decide);
                    assert_eq!(model.allows(&state), Ok(()), "seed {seed}, {}: {state}", profile.as_str());
                    next = decide.next();
                }
            }
        }
    }

    #[test]
    fn a_state_that_no_choice_leads_to_is_refused_with_a_reason() {
        let mut model = Model::new(Profile::Posix);
        let write = |letter| Step::Write { path: "f".to_owned(), offset: 0, len: 4096, letter };
        for step in [Step::Create("f".to_owned()), write(b'a'), Step::Fsync("f".to_owned())] {
            model.apply(&step).expect("it is a valid step");
        }
        let file = |letter, len| {
            let entry = Entry::File { inode: 9, content: vec![letter; len] };
            State(BTreeMap::from([("f".to_owned(), entry)]))
        };
        assert_eq!(model.allows(&file(b'a', 4096)), Ok(()));
        assert_eq!(model.allows(&State::default()), Ok(()), "the directory was not synced");
        assert_eq!(
            model.allows(&file(b'b', 4096)),
            Err("f: byte 0 on is no version that was written".to_owned())
        );
        assert_eq!(
            model.allows(&file(b'a', 10)),
            Err("f: 10 bytes long, and it was synced with 4096".to_owned())
        );
        let other = State(BTreeMap::from([("g".to_owned(), Entry::Dir)]));
        assert!(model.allows(&other).expect_err("there never was such a name").contains("names"));
    }
}
