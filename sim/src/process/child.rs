//! One process of a host: started in a process group of its own, read line by line, killed with all that it started.
//!
//! Three threads carry bytes to and from its pipes, so that neither a process that does not read nor one that writes without
//! end can hold us up: what waits is bounded (a few lines, the end of standard error), and threads end with the pipes. They
//! touch nothing else; what was read is acted on by the run's thread, when the run waits for it.

use super::preloaded::Environment;
use super::protocol::LINE_LEN_MAX;
use super::watchdog;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// The pipe that lines come from, to see whether any are in it, and whether the thread that reads it has some in its hands.
    output: OwnedFd,
    is_reading: Arc<AtomicBool>,
    errors: Arc<Mutex<VecDeque<u8>>>,
    errors_thread: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts a program, with this in its environment, or not in it.
    pub(super) fn start(words: &[String], environment: &Environment) -> io::Result<Child> {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).process_group(0);
        for (name, value) in environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = piped.spawn()?;
        let group = Pid::from_child(&process);
        watchdog::watch(group.as_raw_nonzero().get())?;
        let (requests, to_write) = unbounded();
        let (say, heard) = bounded(LINES_WAITING_MAX);
        let errors = Arc::new(Mutex::new(VecDeque::new()));
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take().expect("it is piped"));
        let output = stdout.as_fd().try_clone_to_owned()?;
        let is_reading = Arc::new(AtomicBool::new(false));
        let reading = is_reading.clone();
        let (kept, stderr) = (errors.clone(), process.stderr.take());
        carrier("requests", move || write_all(stdin, &to_write))?;
        carrier("answers", move || read_lines(stdout, &say, &reading))?;
        let errors_thread = carrier("errors", move || keep_last(stderr, &kept))?;
        let (requests, errors_thread) = (Some(requests), Some(errors_thread));
        Ok(Child { process, group, requests, heard, output, is_reading, errors, errors_thread })
    }

    /// Whether all that it has written so far can be heard.
    pub(super) fn is_heard_out(&self) -> bool {
        // In this order: the thread says that it reads before it empties the pipe.
        ioctl_fionread(&self.output).is_ok_and(|waiting| waiting == 0)
            && !self.is_reading.load(Ordering::SeqCst)
    }

    /// Sends a line. One that is gone is told of when it is waited for.
    pub(super) fn send(&self, line: Vec<u8>) {
        if let Some(requests) = &self.requests {
            let _ = requests.send(line);
        }
    }

    /// The number of the process.
    pub(super) fn pid(&self) -> i32 {
        self.group.as_raw_nonzero().get()
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

fn read_lines(mut stdout: ChildStdout, say: &Sender<Heard>, is_reading: &AtomicBool) {
    let mut line = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        // It fails if a signal comes, and then the read waits.
        let _ = poll(&mut [PollFd::new(&stdout, PollFlags::IN)], None);
        is_reading.store(true, Ordering::SeqCst);
        let count = stdout.read(&mut buffer).unwrap_or(0);
        let goes_on = if count == 0 {
            // The last line may have no end: it was cut off.
            let rest = std::mem::take(&mut line);
            let said = rest.is_empty() || say.send(Heard::Line(rest)).is_ok();
            let _ = said && say.send(Heard::End).is_ok();
            false
        } else {
            pass_on(&buffer[..count], &mut line, say)
        };
        is_reading.store(false, Ordering::SeqCst);
        if !goes_on {
            return;
        }
    }
}

/// Adds what was read to the line that is not whole yet, and passes on those that are. False if there is no more to be heard.
fn pass_on(mut read: &[u8], line: &mut Vec<u8>, say: &Sender<Heard>) -> bool {
    while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
        line.extend_from_slice(&read[..end]);
        read = &read[end + 1..];
        let whole = std::mem::take(line);
        if whole.len() > LINE_LEN_MAX {
            return too_long(whole, say);
        }
        if say.send(Heard::Line(whole)).is_err() {
            return false;
        }
    }
    line.extend_from_slice(read);
    line.len() <= LINE_LEN_MAX || too_long(std::mem::take(line), say)
}

fn too_long(mut line: Vec<u8>, say: &Sender<Heard>) -> bool {
    line.truncate(1 << 10);
    // Whoever does not want to hear it any more is not told.
    let _ = say.send(Heard::TooLong(line));
    false
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
