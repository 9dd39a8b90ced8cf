//! Other processes: this program once more, with a part to take, until it has done or is killed.
//!
//! What it has to say goes to its standard output, a line each: `> word text`. It ends when its standard input does, or
//! when the thread that started it does, however that comes about, so that none outlives a conform that was killed.

use super::cases::in_full;
use super::real::Real;
use super::{Site, exclusion, fencing, processes, read_only, space};
use crate::base::block_on;
use crate::base::panics;
use crate::hosts::Target;
use crate::surroundings::{self, find_program};
use rustix::process::{Signal, set_parent_process_death_signal};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::os::unix::process::{CommandExt, parent_id};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// How to start another process in which the same target can take a part.
///
/// It is started with these arguments and three more, and hands those three to [`take_part`].
#[derive(Clone, Debug)]
pub struct Helper {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Helper {
    /// A program, and what its arguments begin with.
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Helper {
        Helper { program: program.into(), arguments: arguments.into_iter().map(Into::into).collect() }
    }
}

/// Takes the part that a conform in another process wants taken; for programs that are a [`Helper`]. Returns when that is
/// done, or is killed before.
pub fn take_part(target: &Target, arguments: &[OsString]) -> Result<(), String> {
    let words: Option<Vec<&str>> = arguments.iter().map(|argument| argument.to_str()).collect();
    let Some([part, root, parent]) = words.as_deref() else {
        return Err("a part, a directory and a process are expected: asl-sim conform starts this".to_owned());
    };
    // It ends with its standard input: whoever asks for a server does so in threads that end before it is to.
    #[cfg(feature = "vendors")]
    if *part == "serve" {
        if let Err(why) = super::server::serve(root) {
            say("failed", &why);
        }
        return Ok(());
    }
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| error.to_string())?;
    if parent_id().to_string() != *parent {
        return Err("the process that started this has gone".to_owned());
    }
    let here = Real::new(target, root);
    if !here.can_boot() {
        return Err(format!("{} cannot be started there", target.name()));
    }
    match panics::caught(|| play(part, &here)) {
        Ok(result) => result,
        Err(text) => {
            say("failed", &super::deadline::in_one_line(&text));
            Ok(())
        }
    }
}

fn play(part: &str, here: &Real) -> Result<(), String> {
    let played = match part {
        "append" => block_on(processes::append_until_killed(here)),
        "seal" => block_on(processes::seal_until_killed(here)),
        "churn" => block_on(processes::churn_until_killed(here)),
        "hold" => block_on(exclusion::hold(here)),
        "race" => block_on(exclusion::race(here)),
        "append-until-fenced" => block_on(fencing::append_until_fenced(here)),
        "race-to-write" => block_on(fencing::race_to_write(here)),
        _ => {
            let mut parts = space::PARTS.iter().chain(read_only::PARTS);
            let (_, check) = parts.find(|(name, _)| *name == part).ok_or("there is no such part")?;
            match check(here) {
                Came::Passed(note) => say("passed", &note),
                Came::NotOffered(what) => say("skipped", what),
                Came::Skipped(why) => say("skipped", &why),
                Came::Failed(why) => say("failed", &why),
            }
            return Ok(());
        }
    };
    if let Err(error) = played {
        say("failed", &in_full(&error));
    }
    Ok(())
}

/// What comes of a check. One that fails here panics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// With a note on what it was carried out on, or an empty one.
    Passed(String),
    /// Because the host does not offer what it is about, and what that is.
    NotOffered(&'static str),
    /// And why.
    Skipped(String),
    /// In another process, and what was said there.
    Failed(String),
}

impl Came {
    pub(super) fn passed() -> Came {
        Came::Passed(String::new())
    }
}

/// A check that is carried out in a process that has mounts of its own.
pub(super) type PrivateCheck = (&'static str, fn(&Real) -> Came);

/// Tells the other side something. If that has gone, there is nobody to work for.
pub(super) fn say(word: &str, text: &str) {
    let mut out = io::stdout().lock();
    if writeln!(out, "> {word} {text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Waits until the other side closes our standard input.
pub(super) fn wait_for_the_other_side() {
    // An error is an end too.
    let _ = io::stdin().lock().read_to_end(&mut Vec::new());
}

/// Another process; killed when this goes out of scope.
pub(super) struct Other {
    pub(super) child: Child,
    lines: BufReader<ChildStdout>,
    errors: File,
}

/// Why there is no other process.
pub(super) const NO_HELPER: &str = "this program cannot be started again to take a part in another process";

impl Other {
    /// Starts a part, if there is a program for it.
    pub(super) fn start(site: &Site, part: &str) -> Option<Other> {
        let helper = site.helper.as_ref()?;
        Some(Other::spawn(Command::new(&helper.program), helper, part, site.here.root()))
    }

    /// Starts one that keeps something that is not a target: a server.
    #[cfg(feature = "vendors")]
    pub(super) fn keeping(helper: &Helper, part: &str, what: &str) -> Other {
        Other::spawn(Command::new(&helper.program), helper, part, what)
    }

    /// Writes a line to its standard input.
    #[cfg(feature = "vendors")]
    pub(super) fn ask(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        writeln!(stdin, "{line}").unwrap_or_else(|error| panic!("another process does not listen: {error}"));
    }

    /// Starts a part in mounts of its own; or says why that cannot be.
    fn start_privately(site: &Site, part: &str) -> Result<Other, String> {
        let helper = site.helper.as_ref().ok_or(NO_HELPER)?;
        let namespaces = surroundings::namespaces();
        let arguments = namespaces.arguments().ok_or_else(|| {
            let surroundings::Namespaces::None(why) = &namespaces else {
                unreachable!("the others have arguments")
            };
            format!("no mount namespace of its own to be had: {why}")
        })?;
        let unshare = find_program("unshare").ok_or("there is no program unshare")?;
        let mut command = Command::new(unshare);
        command.args(arguments).arg(&helper.program);
        Ok(Other::spawn(command, helper, part, site.here.root()))
    }

    fn spawn(mut command: Command, helper: &Helper, part: &str, root: &str) -> Other {
        let errors = tempfile::tempfile().expect("there is room for a temporary file");
        let mut child = command
            .args(&helper.arguments)
            .args([part, root, &std::process::id().to_string()].map(OsStr::new))
            // Of its own, so that Ctrl-C reaches us only.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone().expect("a file can be had twice"))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start another process: {error}"));
        let out = child.stdout.take().expect("it is piped");
        Other { child, lines: BufReader::new(out), errors }
    }

    /// What it says next: a word and a text. `None` once it is gone.
    pub(super) fn listen(&mut self) -> Option<(String, String)> {
        loop {
            let mut line = String::new();
            // What a kill cut off was not said.
            if !self.lines.read_line(&mut line).is_ok_and(|_| line.ends_with('\n')) {
                return None;
            }
            let said = line.trim_end_matches('\n').strip_prefix("> ").and_then(|line| line.split_once(' '));
            if let Some((word, text)) = said {
                return Some((word.to_owned(), text.to_owned()));
            }
        }
    }

    /// What it says next, as long as it does not say that it failed.
    ///
    /// # Panics
    ///
    /// With what went wrong, if that is what it says.
    pub(super) fn hear(&mut self) -> Option<(String, String)> {
        let said = self.listen();
        if let Some((word, text)) = &said {
            assert!(word != "failed", "in another process: {text}");
        }
        said
    }

    /// The text behind the next such word.
    ///
    /// # Panics
    ///
    /// If it ends without saying it.
    pub(super) fn expect(&mut self, word: &str) -> String {
        loop {
            match self.hear() {
                Some((said, text)) if said == word => return text,
                Some(_) => {}
                None => panic!("another process ended before it said {word:?}: {}", self.last_words()),
            }
        }
    }

    /// How it ended, and what it left on standard error.
    fn last_words(&mut self) -> String {
        let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        let mut text = String::new();
        let read = self.errors.rewind().and_then(|()| self.errors.read_to_string(&mut text));
        if read.is_err() || text.trim().is_empty() { status } else { format!("{status}, {}", text.trim()) }
    }

    pub(super) fn kill(&mut self) {
        let children = children(self.child.id());
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child that was killed ends");
        // A host that is a program is a process of its own, which a watchdog kills a moment later.
        for _ in 0..GONE_LOOKS {
            if !children.iter().any(|child| is_there(child)) {
                return;
            }
            pause(GONE_LOOK_EVERY);
        }
        panic!("what a process that was killed had started is still there");
    }

    /// Ends its wait, and waits for its end.
    pub(super) fn let_go(&mut self) {
        drop(self.child.stdin.take());
        while self.hear().is_some() {}
        let status = self.child.wait().expect("a child can be waited for");
        assert!(status.success(), "another process ended badly: {}", self.last_words());
    }
}

/// How long what a killed process had started may take to be gone.
const GONE_LOOKS: u32 = 1_000;
const GONE_LOOK_EVERY: Duration = Duration::from_millis(5);

#[expect(clippy::disallowed_methods, reason = "processes end in the time of this world")]
pub(super) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Whether a process is there, and not only its status for whoever waits for that. It has its files, and the locks of those, as
/// long as one of its threads has not ended; its memory, its command line with that, goes earlier.
fn is_there(process: &str) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().filter_map(Result::ok);
    let mut states = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    states.any(|stat| stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X'])))
}

/// The numbers of the processes that a process has started, if the kernel tells.
fn children(process: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().filter_map(Result::ok);
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has a check carried out in a process that has mounts of its own, which are gone with it.
pub(super) fn privately(site: &Site, check: &str) -> Came {
    let mut other = match Other::start_privately(site, check) {
        Ok(other) => other,
        Err(why) => return Came::Skipped(why),
    };
    match other.listen() {
        Some((word, text)) if word == "passed" => Came::Passed(text),
        Some((word, text)) if word == "skipped" => Came::Skipped(text),
        Some((word, text)) if word == "failed" => Came::Failed(text),
        _ => panic!("another process ended before it was done: {}", other.last_words()),
    }
}
