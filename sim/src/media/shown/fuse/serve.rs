//! A simulated file system that is mounted for whoever comes, until somebody ends it.
//!
//! One thread carries out what the kernel asks and what comes over the control socket, one after the other. At a crash the mount
//! is cut, the world loses its power, and another mount takes the place of the first; programs that have files of the first
//! open get EIO from them for ever.

use super::control::{Asked, Command, Control};
use super::{Incoming, Mount};
use crate::media::shown::vfs::Served;
use crossbeam_channel::{Receiver, select, unbounded};
use serde_json::{Value, json};
use std::io;
use std::path::Path;

/// Why serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServingEnded {
    /// Somebody asked for it.
    Stopped,
    /// The mount was taken away from outside.
    Unmounted,
}

/// Mounts a world over a directory and serves it. `mounted` is called when that can be seen for the first time.
pub fn serve(
    world: &mut Served,
    (dir, source): (&Path, &str),
    control: &Control,
    stop: &Receiver<()>,
    mounted: impl FnOnce(),
) -> io::Result<ServingEnded> {
    let (sender, mut incoming) = unbounded();
    let mut mount = Mount::new(dir, source, sender)?;
    mounted();
    loop {
        select! {
            recv(incoming) -> request => match request {
                Ok(Incoming { request, reply }) => reply.answer(world.carry_out(request)),
                Err(_) => return Ok(ServingEnded::Unmounted),
            },
            recv(control.asked()) -> asked => {
                let Ok(Asked { command, answer }) = asked else { return Ok(ServingEnded::Stopped) };
                if command == Ok(Command::Crash) {
                    mount.cut();
                    // What is waiting is dropped, which answers it.
                    let sender;
                    (sender, incoming) = unbounded();
                    mount.unmount()?;
                    world.crash()?;
                    mount = Mount::new(dir, source, sender)?;
                }
                let done = command.map(|command| obey(world, command));
                // Whoever asked may be gone.
                let _ = answer.send(done.unwrap_or_else(|error| json!({ "ok": false, "error": error })));
            },
            recv(stop) -> _ => {
                mount.unmount()?;
                return Ok(ServingEnded::Stopped);
            }
        }
    }
}

fn obey(world: &mut Served, command: Command) -> Value {
    match command {
        Command::Crash => json!({ "ok": true, "crash": world.stats().crashes }),
        Command::FailNext(fault) => {
            world.fail_next(fault);
            json!({ "ok": true })
        }
        Command::Stats => {
            let mut stats = serde_json::to_value(world.stats()).expect("they are plain data");
            stats["ok"] = Value::Bool(true);
            stats
        }
    }
}
