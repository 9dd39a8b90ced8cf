//! What is started, and in which world it lives, as one line that can be read back: the name of the target, so that a case
//! carries it.
//!
//! `exec --world none --hang-timeout 2s -- python3 host.py` is such a line; what is as usual is left out.

use crate::base::quantities;
use crate::base::words::shell_word;
use crate::scenario::generate::Reach;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Silence of a host that is taken for a hang, if nothing else was said.
const HANG_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a process finds its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum World {
    /// A fresh directory on the real disk: processes are killed, but the power cannot be cut and no call fails.
    None,
    /// The simulated file system, mounted where only this program's processes see it.
    #[default]
    Fuse,
    /// The simulated file system, by a library that is loaded into the program and leads the C library's calls there.
    Preload,
}

impl World {
    /// All of them, by name.
    pub const ALL: &[(World, &str)] =
        &[(World::Fuse, "fuse"), (World::Preload, "preload"), (World::None, "none")];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            World::None => "none",
            World::Fuse => "fuse",
            World::Preload => "preload",
        }
    }

    /// What of a scenario can be made to happen there.
    pub(crate) fn reach(self) -> Reach {
        match self {
            World::None => Reach::Kills,
            World::Fuse | World::Preload => Reach::Files,
        }
    }
}

/// A program and how it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments; never empty.
    pub words: Vec<String>,
    /// Where it finds its files.
    pub world: World,
    /// How long it may be silent when something was asked.
    pub hang_timeout: Duration,
}

impl Program {
    /// A program with its arguments, in the usual world.
    ///
    /// # Panics
    ///
    /// If there are no words.
    pub fn new(words: Vec<String>) -> Program {
        assert!(!words.is_empty(), "a program has a name");
        Program { words, world: World::default(), hang_timeout: HANG_TIMEOUT }
    }

    /// Whether a target of this name is a program, as opposed to something built in.
    pub fn is_one(name: &str) -> bool {
        name == "exec" || name.starts_with("exec ")
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("exec")?;
        if self.world != World::default() {
            write!(f, " --world {}", self.world.as_str())?;
        }
        if self.hang_timeout != HANG_TIMEOUT {
            write!(f, " --hang-timeout {}ms", self.hang_timeout.as_millis())?;
        }
        f.write_str(" --")?;
        self.words.iter().try_for_each(|word| write!(f, " {}", shell_word(word)))
    }
}

impl FromStr for Program {
    type Err = String;

    fn from_str(text: &str) -> Result<Program, String> {
        let all = shlex::split(text).ok_or("a quotation mark is not closed")?;
        let mut words = all.into_iter().skip(1);
        let (mut world, mut hang_timeout) = (World::default(), HANG_TIMEOUT);
        loop {
            match words.next().as_deref() {
                Some("--") => break,
                Some("--world") => world = words.next().unwrap_or_default().parse()?,
                Some("--hang-timeout") => hang_timeout = timeout(&words.next().unwrap_or_default())?,
                Some(other) => return Err(format!("{other:?} stands before the \"--\"")),
                None => return Err("no program is given".to_owned()),
            }
        }
        let words: Vec<String> = words.collect();
        if words.is_empty() {
            return Err("no program is given".to_owned());
        }
        Ok(Program { words, world, hang_timeout })
    }
}

impl FromStr for World {
    type Err = String;

    fn from_str(name: &str) -> Result<World, String> {
        let found = World::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(world, _)| *world).ok_or_else(|| {
            let names: Vec<&str> = World::ALL.iter().map(|(_, name)| *name).collect();
            format!("no world named {name:?}; there are {}", names.join(", "))
        })
    }
}

/// A time as `10s` or `500ms`.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    quantities::time(text).ok_or_else(|| "a time is expected, as 10s or 500ms".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_read_as_it_is_written() {
        for name in [
            "exec -- python3 examples/python/host.py",
            "exec --world preload -- ./host",
            "exec --world none --hang-timeout 300ms -- ./host 'an argument' '' -- --world",
        ] {
            let program: Program = name.parse().expect("it is one");
            assert_eq!(program.to_string(), name);
        }
        let program: Program = "exec --hang-timeout 10s -- a".parse().expect("it is one");
        assert_eq!(program.to_string(), "exec -- a", "what is as usual is left out");
    }

    #[test]
    fn what_is_no_program_is_refused() {
        for name in [
            "exec",
            "exec --",
            "exec a",
            "exec --world moon -- a",
            "exec --hang-timeout 3 -- a",
            "exec -- 'a",
        ] {
            assert!(name.parse::<Program>().is_err(), "{name}");
        }
    }
}
