//! The side that asks, and waits for no answer longer than it says.

use super::{Answer, COMMAND, Question, server, to_state};
use crate::arm::Arm;
use asl_sim::world::program::{State, Step};
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long the kernel may take for anything. Far more than it needs.
const ANSWER_WAIT_MAX: Duration = Duration::from_mins(1);
/// How long it may take to detach and end.
const QUIT_WAIT_MAX: Duration = Duration::from_secs(20);

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The kernel refused the mount, and said why.
    Unmountable(String),
    /// What was mounted could not be read.
    Unreadable(String),
    /// There was no answer in time; what was being done.
    Hung(String),
    /// Anything else.
    Failed(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Unmountable(why) => write!(f, "the file system could not be mounted: {why}"),
            Trouble::Unreadable(why) => write!(f, "the file system could not be read: {why}"),
            Trouble::Hung(what) => {
                write!(f, "the kernel did not answer within {} s: {what}", ANSWER_WAIT_MAX.as_secs())
            }
            Trouble::Failed(why) => f.write_str(why),
        }
    }
}

/// The process that touches mounts. When this is dropped, it has detached and ended.
#[derive(Debug)]
pub struct Hands {
    child: Child,
    /// `None` once there is nothing more to ask.
    questions: Option<ChildStdin>,
    answers: Receiver<Answer>,
}

/// Makes the directories that the hands work in, and says where the disk is to be served.
pub fn make_directories(home: &Path) -> io::Result<PathBuf> {
    let disk = home.join(server::DISK);
    std::fs::create_dir(&disk)?;
    std::fs::create_dir(home.join(server::ROOT))?;
    Ok(disk)
}

impl Hands {
    /// Starts the process, in a process group of its own so that Ctrl-C reaches only us.
    pub fn start(arm: &Arm, home: &Path) -> Result<Hands, Trouble> {
        let failed =
            |error: io::Error| Trouble::Failed(format!("cannot start the process that mounts: {error}"));
        let mut child = Command::new("/proc/self/exe")
            .args([COMMAND, arm.file_system.as_str(), arm.options])
            .arg(home)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let questions = child.stdin.take();
        let stdout = child.stdout.take().ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        let (sender, answers) = channel();
        let read = move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let Ok(answer) = serde_json::from_str(&line) else { return };
                if sender.send(answer).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("answers".to_owned()).spawn(read).map_err(failed)?;
        Ok(Hands { child, questions, answers })
    }

    /// Attaches a loop device to the disk.
    pub fn attach(&mut self) -> Result<(), Trouble> {
        self.ask(&Question::Attach, "attaching a loop device")
    }

    /// Mounts.
    pub fn mount(&mut self) -> Result<(), Trouble> {
        self.ask(&Question::Mount, "mounting")
    }

    /// Makes what is in every base image.
    pub fn prepare(&mut self) -> Result<(), Trouble> {
        self.ask(&Question::Prepare, "preparing the file system")
    }

    /// Unmounts.
    pub fn unmount(&mut self) -> Result<(), Trouble> {
        self.ask(&Question::Unmount, "unmounting")
    }

    /// Carries out a step.
    pub fn step(&mut self, step: &Step) -> Result<(), Trouble> {
        self.ask(&Question::Step(step.clone()), &format!("{step:?}"))
    }

    /// Has the file system write something that nobody asked for.
    pub fn nudge(&mut self, number: u64) -> Result<(), Trouble> {
        self.ask(&Question::Nudge(number), "writing a page back")
    }

    /// Has the file system commit.
    pub fn pulse(&mut self) -> Result<(), Trouble> {
        self.ask(&Question::Pulse, "committing")
    }

    /// Mounts, reads all that there is, and unmounts.
    pub fn look(&mut self) -> Result<State, Trouble> {
        match self.answer(&Question::Look, "mounting and reading a crash image")? {
            Answer::Seen(names) => Ok(to_state(names)),
            other => Err(unexpected(other)),
        }
    }

    fn ask(&mut self, question: &Question, what: &str) -> Result<(), Trouble> {
        match self.answer(question, what)? {
            Answer::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    fn answer(&mut self, question: &Question, what: &str) -> Result<Answer, Trouble> {
        let gone = || Trouble::Failed(format!("the process that mounts has ended; it was {what}"));
        let line = serde_json::to_string(question).expect("a question is plain data");
        let questions = self.questions.as_mut().ok_or_else(gone)?;
        writeln!(questions, "{line}").map_err(|_| gone())?;
        match self.answers.recv_timeout(ANSWER_WAIT_MAX) {
            Ok(answer) => Ok(answer),
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
            Err(RecvTimeoutError::Timeout) => Err(Trouble::Hung(what.to_owned())),
        }
    }
}

fn unexpected(answer: Answer) -> Trouble {
    match answer {
        Answer::Unmountable(why) => Trouble::Unmountable(why),
        Answer::Unreadable(why) => Trouble::Unreadable(why),
        Answer::Failed(why) => Trouble::Failed(why),
        Answer::Done | Answer::Seen(_) => {
            Trouble::Failed("the process that mounts answered something else".to_owned())
        }
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        if let Some(mut questions) = self.questions.take() {
            let quit = serde_json::to_string(&Question::Quit).expect("a question is plain data");
            let _ = writeln!(questions, "{quit}");
        }
        // It closes its output when it ends. Answers that nobody wanted may come first.
        while self.answers.recv_timeout(QUIT_WAIT_MAX).is_ok() {}
        match self.answers.recv_timeout(Duration::ZERO) {
            Err(RecvTimeoutError::Disconnected) => drop(self.child.wait()),
            // It hangs in the kernel. It ends by itself when the disk goes, with our process at the latest.
            _ => drop(self.child.kill()),
        }
    }
}
