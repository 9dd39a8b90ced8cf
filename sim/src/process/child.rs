//! One process of a host: started in a process group of its own, read line by line, killed with all that it started.
//!
//! Three threads carry bytes to and from its pipes, so that neither a process that does not read nor one that writes without
//! end can hold us up: what waits is bounded (a few lines, the end of standard error), and threads end with the pipes. They
//! touch nothing else; what was read is acted on by the run's thread, when the run waits for it.

use super::protocol::LINE_LEN_MAX;
use super::watchdog;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Lines that wait to be acted on, before the process has to wait with more.
const LINES_WAITING_MAX: usize = 4;
/// Bytes of standard error that are kept: the last ones.
const ERRORS_LEN_MAX: usize = 2 << 10;
/// Stack of a thread that carries bytes.
const STACK_LEN: usize = 128 << 10;
/// How long a process that closed its output may take to exit, before it is told as one that did not.
const EXIT_PATIENCE_MS: u64 = 1_000;

/// What was heard from a process.
#[derive(Debug)]
pub(super) enum Heard {
    /// A line, without its end.
    Line(Vec<u8>),
    /// A line that is longer than any may be; its beginning.
    TooLong(Vec<u8>),
    /// Nothing comes any more.
    End,
}

/// A process and its pipes.
#[derive(Debug)]
pub(super) struct Child {
    process: std::process::Child,
    group: Pid,
    requests: Option<Sender<Vec<u8>>>,
    pub(super) heard: Receiver<Heard>,
    errors: Arc<Mutex<VecDeque<u8>>>,
    errors_thread: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts a program.
    pub(super) fn start(words: &[String]) -> io::Result<Child> {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).process_group(0);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = piped.spawn()?;
        let group = Pid::from_child(&process);
        watchdog::watch(group.as_raw_nonzero().get())?;
        let (requests, to_write) = unbounded();
        let (say, heard) = bounded(LINES_WAITING_MAX);
        let errors = Arc::new(Mutex::new(VecDeque::new()));
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take());
        let (kept, stderr) = (errors.clone(), process.stderr.take());
        carrier("requests", move || write_all(stdin, &to_write))?;
        carrier("answers", move || read_lines(stdout, &say))?;
        let errors_thread = carrier("errors", move || keep_last(stderr, &kept))?;
        let (requests, errors_thread) = (Some(requests), Some(errors_thread));
        Ok(Child { process, group, requests, heard, errors, errors_thread })
    }

    /// Sends a line. One that is gone is told of when it is waited for.
    pub(super) fn send(&self, line: Vec<u8>) {
        if let Some(requests) = &self.requests {
            let _ = requests.send(line);
        }
    }

    /// Whether it has exited. It is not waited for yet.
    pub(super) fn has_exited(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.group), options), Ok(None))
    }

    /// Kills it with all that it started. It may take a moment to be gone.
    pub(super) fn kill(&self) {
        // It fails if all of them are gone.
        let _ = kill_process_group(self.group, Signal::KILL);
    }

    /// How it came to say nothing more, and what it said last on standard error.
    pub(super) fn last_words(&mut self) -> String {
        for _ in 0..EXIT_PATIENCE_MS {
            if self.has_exited() {
                break;
            }
            pause(Duration::from_millis(1));
        }
        let ended = self.has_exited();
        self.kill();
        let how = match self.process.wait() {
            Ok(status) if ended => format!("exited unasked ({status})"),
            _ => "closed its standard output".to_owned(),
        };
        format!("{how}{}", self.complaints())
    }

    /// The end of what it wrote to standard error, for people; the process has ended or is about to.
    pub(super) fn complaints(&mut self) -> String {
        self.kill();
        // Something that left the group may hold the pipe open for ever.
        let thread = self.errors_thread.take();
        for _ in 0..100 {
            if thread.as_ref().is_none_or(JoinHandle::is_finished) {
                break;
            }
            pause(Duration::from_millis(1));
        }
        let kept: Vec<u8> =
            self.errors.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        let text = String::from_utf8_lossy(&kept);
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        last.map_or_else(String::new, |line| {
            let line: String = line.chars().filter(|c| !c.is_control()).take(200).collect();
            format!("; its last words on standard error: {line}")
        })
    }
}

impl Drop for Child {
    /// Nothing is left of it.
    fn drop(&mut self) {
        self.requests = None;
        self.kill();
        // It cannot be refused: it is our child, and killed.
        let _ = self.process.wait();
        watchdog::forget(self.group.as_raw_nonzero().get());
    }
}

fn carrier(what: &str, carry: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(format!("host {what}")).stack_size(STACK_LEN).spawn(carry)
}

#[expect(clippy::disallowed_methods, reason = "a process of this world ends in the time of this world")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

fn write_all(stdin: Option<ChildStdin>, lines: &Receiver<Vec<u8>>) {
    let mut stdin = stdin.expect("it is piped");
    for line in lines {
        if stdin.write_all(&line).is_err() {
            return;
        }
    }
}

fn read_lines(stdout: Option<ChildStdout>, say: &Sender<Heard>) {
    let mut stdout = BufReader::with_capacity(64 << 10, stdout.expect("it is piped"));
    loop {
        let mut line = Vec::new();
        let read = stdout.by_ref().take(LINE_LEN_MAX as u64 + 1).read_until(b'\n', &mut line);
        let heard = if read.is_err() || line.is_empty() {
            Heard::End
        } else if line.ends_with(b"\n") {
            line.pop();
            Heard::Line(line)
        } else if line.len() > LINE_LEN_MAX {
            line.truncate(1 << 10);
            Heard::TooLong(line)
        } else {
            // The last line has no end: it was cut off.
            Heard::Line(line)
        };
        let last = !matches!(heard, Heard::Line(_));
        if say.send(heard).is_err() || last {
            return;
        }
    }
}

fn keep_last(stderr: Option<ChildStderr>, kept: &Mutex<VecDeque<u8>>) {
    let mut stderr = stderr.expect("it is piped");
    let mut buffer = [0; 1 << 10];
    while let Ok(count @ 1..) = stderr.read(&mut buffer) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&buffer[..count]);
        let surplus = kept.len().saturating_sub(ERRORS_LEN_MAX);
        kept.drain(..surplus);
    }
}
