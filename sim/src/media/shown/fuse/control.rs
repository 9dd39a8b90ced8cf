//! A Unix socket that takes commands, one a line, and answers each with one line of JSON: `{"ok":true,...}`, or `{"ok":false,
//! "error":"..."}`.
//!
//! Commands are `crash`, `fail next CALL` and `stats`. A thread waits for connections, and one for each of them for its lines;
//! whoever serves the mount takes the commands one by one. Lines are limited in length.

use crate::plan::FaultKind;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// The power fails.
    Crash,
    /// The next call of a kind fails with EIO.
    FailNext(FaultKind),
    Stats,
}

/// A command, or why there is none, and where the answer goes.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) command: Result<Command, String>,
    pub(super) answer: Sender<Value>,
}

/// The socket. It is removed when this is dropped.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    asked: Receiver<Asked>,
}

const LINE_LEN_MAX: u64 = 4096;

/// Calls that can be made to fail, by their names.
const FAILING: [(&str, FaultKind); 5] = [
    ("fsync", FaultKind::SyncEio),
    ("fsyncdir", FaultKind::DirSyncEio),
    ("read", FaultKind::ReadEio),
    ("write", FaultKind::WriteEio),
    ("name", FaultKind::NameEio),
];

impl Control {
    /// Begins to listen at a path where nothing is yet.
    pub fn listen(path: &Path) -> io::Result<Control> {
        let listener = UnixListener::bind(path)?;
        let (sender, asked) = unbounded();
        // It waits for connections as long as the process lives.
        thread::Builder::new().name("control".to_owned()).spawn(move || accept(&listener, &sender))?;
        Ok(Control { path: path.to_owned(), asked })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn asked(&self) -> &Receiver<Asked> {
        &self.asked
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Somebody may have removed it.
        let _ = fs::remove_file(&self.path);
    }
}

fn accept(listener: &UnixListener, sender: &Sender<Asked>) {
    for stream in listener.incoming().map_while(Result::ok) {
        let sender = sender.clone();
        let converse = move || {
            // A connection that breaks is over.
            let _ = converse(&stream, &sender);
        };
        // Without a thread the connection is closed, which its other end sees.
        let _ = thread::Builder::new().name("control connection".to_owned()).spawn(converse);
    }
}

fn converse(stream: &UnixStream, sender: &Sender<Asked>) -> io::Result<()> {
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if lines.by_ref().take(LINE_LEN_MAX).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let (answer, answered) = bounded(1);
        let command = command(line.trim());
        let lost = || json!({ "ok": false, "error": "the mount is no longer served" });
        let sent = sender.send(Asked { command, answer });
        let answer = sent.ok().and_then(|()| answered.recv().ok()).unwrap_or_else(lost);
        let mut stream = stream;
        stream.write_all(format!("{answer}\n").as_bytes())?;
    }
}

fn command(line: &str) -> Result<Command, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["crash"] => Ok(Command::Crash),
        ["stats"] => Ok(Command::Stats),
        ["fail", "next", call] => {
            let found = FAILING.iter().find(|(name, _)| *name == call);
            let names = FAILING.map(|(name, _)| name).join(", ");
            let unknown = || format!("no call {call:?} can be made to fail: {names} can");
            found.map(|(_, fault)| Command::FailNext(*fault)).ok_or_else(unknown)
        }
        _ => Err(format!("no command {line:?}: there are crash, fail next CALL, and stats")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_there_is_not_is_answered_with_those_that_there_are() {
        assert_eq!(command("fail next fsync"), Ok(Command::FailNext(FaultKind::SyncEio)));
        assert_eq!(command(" crash "), Ok(Command::Crash));
        let wrong = command("fail next dance").expect_err("there is no such call");
        assert_eq!(wrong, "no call \"dance\" can be made to fail: fsync, fsyncdir, read, write, name can");
        assert!(command("").expect_err("it is empty").contains("crash"));
    }
}
