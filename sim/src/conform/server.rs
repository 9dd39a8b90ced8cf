//! An object store's server that is killed in the middle of appends, as by kill -9, and started again: nothing that was acknowledged
//! is lost, and nothing is there twice.
//!
//! The command that starts it, in the foreground, is the user's. It runs in a process group of its own, which is killed as a whole;
//! if we are killed, so is it. Not covered here: the loss of power on the server's machine, and servers of several machines.

use super::Site;
use super::part::{Came, Helper, NO_HELPER, Other, pause, say};
use super::writer::Writer;
use crate::base::block_on;
use asl_host::object::url;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::BufRead;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often it is looked whether a server answers, and how long is waited in between.
const LOOKS_MAX: u32 = 300;
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Longest time from when a writer goes on until the server is killed, in turns of a millisecond.
const SPREAD_MS: u64 = 150;

/// A server that is running, and what keeps it: another process, which starts and kills it as it is told.
#[derive(Clone)]
pub(super) struct Server(Arc<Mutex<Other>>);

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl Server {
    /// Starts it with this command.
    pub(super) fn start(helper: &Helper, command: &str) -> Result<Server, String> {
        let mut keeper = Other::keeping(helper, "serve", command);
        match keeper.listen() {
            Some((word, _)) if word == "started" => Ok(Server(Arc::new(Mutex::new(keeper)))),
            Some((_, why)) => Err(why),
            None => Err("the process that was to start the server ended".to_owned()),
        }
    }

    fn keeper(&self) -> MutexGuard<'_, Other> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills it, as by kill -9, and starts it again; does not wait until it answers.
    fn kill_and_start(&self) {
        let mut keeper = self.keeper();
        for word in ["killed", "started"] {
            keeper.ask(word);
            keeper.expect(word);
        }
    }
}

/// Waits until the bucket of this URL answers, and what it answers is right: that there is no object of this name.
pub(super) fn wait_for(location: &str) -> Result<(), String> {
    let bucket = url::bucket(location).map_err(|why| why.to_string())?;
    let mut last = String::new();
    for _ in 0..LOOKS_MAX {
        match block_on(bucket.head(&Path::from("asl-sim-conform-nothing"))) {
            Err(object_store::Error::NotFound { .. }) => return Ok(()),
            Ok(_) => return Err("there is an object that nobody has put".to_owned()),
            Err(error) => last = error.to_string(),
        }
        pause(LOOK_EVERY);
    }
    let seconds = (LOOK_EVERY * LOOKS_MAX).as_secs();
    Err(format!("it does not answer, {seconds} s after it was started: {last}"))
}

/// In another process: starts the server, kills it and starts it again as it is told, and kills it when whoever started this is gone.
pub(super) fn serve(command: &str) -> Result<(), String> {
    let words = shlex::split(command).filter(|words| !words.is_empty());
    let words = words.ok_or("the command that starts the server cannot be taken apart as a shell would")?;
    let mut server = start(&words)?;
    say("started", "");
    // An error is an end too.
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match line.as_str() {
            "killed" => kill(&mut server),
            _ => server = start(&words)?,
        }
        say(&line, "");
    }
    kill(&mut server);
    Ok(())
}

/// Starts it in a process group of its own. What it prints goes nowhere: a server that does not start does not answer.
fn start(words: &[String]) -> Result<Child, String> {
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().map_err(|error| format!("cannot start {}: {error}", words[0]))
}

fn kill(server: &mut Child) {
    // It may have ended by itself.
    let _ = kill_process_group(Pid::from_child(server), Signal::KILL);
    let _ = server.wait();
}

pub(super) fn a_server_that_is_killed_loses_nothing_that_was_acknowledged(site: &Site) -> Came {
    if site.helper.is_none() {
        return Came::Skipped(NO_HELPER.to_owned());
    }
    let Some(server) = site.server.clone() else {
        return Came::Skipped("nobody said how to start the server (--server COMMAND)".to_owned());
    };
    let mut writer = Writer::create(&site.here);
    for round in 0..site.kills {
        // Anywhere in what the writer does, and early and late.
        let wait = Duration::from_millis(round * 37 % SPREAD_MS);
        let server = server.clone();
        let killer = std::thread::Builder::new().spawn(move || {
            pause(wait);
            server.kill_and_start();
        });
        let killer = killer.expect("there are threads to be had");
        while !killer.is_finished() {
            writer.append_some();
        }
        killer.join().expect("it kills a server and starts it again");
        writer.append_some();
    }
    writer.check_all();
    Came::Passed(format!("killed {} times, {}", site.kills, writer.told()))
}
