//! The simulated file system for the processes of one incarnation, by the library that is loaded into them.
//!
//! The directory is not there on the real disk, so that a call that the library does not catch fails there and changes nothing.
//! Each incarnation has a socket of its own, and what was open goes with it.

use super::shown::FileCall;
use crate::executor::Process;
use crate::media::Sim;
use crate::media::shown::preload::{Calls, Event, Incoming, Library, Listener, find_library};
use asl_preload_wire::{CHILD, ROOT, SOCKET};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// How long it may take until what a process said at its start is heard, when it has answered already.
const HELLO_PATIENCE: Duration = Duration::from_secs(1);

/// What a process needs in its environment to have its calls led.
pub(super) type Environment = Vec<(&'static str, Option<OsString>)>;

/// A world that processes are led into.
#[derive(Debug)]
pub(super) struct Preloaded {
    calls: Calls,
    listener: Listener,
    library: Library,
    root: String,
    socket: PathBuf,
    /// The processes that have the library: by connection, whose each is.
    connections: Mutex<BTreeMap<u64, u64>>,
}

impl Preloaded {
    /// Shows the host's root below `root`, for processes that ask over a socket at a path.
    pub(super) fn new(root: &str, socket: &Path, sim: &Sim, process: Process) -> io::Result<Preloaded> {
        let library = find_library().map_err(io::Error::other)?;
        let calls = Calls::new(root, sim, process)?;
        let (listener, connections) = (Listener::new(socket)?, Mutex::default());
        Ok(Preloaded {
            calls,
            listener,
            library,
            root: root.to_owned(),
            socket: socket.to_owned(),
            connections,
        })
    }

    /// The environment of a process of this number.
    pub(super) fn environment(&self, child: u64) -> Environment {
        environment(&self.library, &self.socket, child, Some(&self.root))
    }

    pub(super) fn incoming(&self) -> &Receiver<Incoming> {
        self.listener.incoming()
    }

    fn connections(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.connections.lock().expect("a panic here is a bug of ours, and passed on")
    }

    /// Takes what came in next. What a process only tells is noted at once; a call of a process that was ended is dropped.
    pub(super) fn take(&self, is_alive: impl Fn(u64) -> bool) -> Option<(u64, FileCall)> {
        let Incoming { connection, child, event } = self.incoming().try_recv().ok()?;
        match event {
            Event::Begun { inherits, pid } => {
                self.connections().insert(connection, child);
                self.calls.begun(connection, inherits, pid);
                None
            }
            Event::Gone => {
                self.connections().remove(&connection);
                self.calls.gone(connection);
                None
            }
            Event::Asked(call, reply) => {
                is_alive(child).then_some((child, FileCall::Library(connection, call, reply)))
            }
        }
    }

    /// A process was ended, with all that it started: what they had open is closed.
    pub(super) fn ended(&self, child: u64) {
        self.connections().retain(|connection, of| {
            if *of == child {
                self.calls.gone(*connection);
            }
            *of != child
        });
    }

    pub(super) fn calls(&self) -> &Calls {
        &self.calls
    }
}

fn environment(library: &Library, socket: &Path, child: u64, root: Option<&str>) -> Environment {
    vec![
        ("LD_PRELOAD", Some(library.preloaded())),
        (SOCKET, Some(socket.as_os_str().to_owned())),
        (CHILD, Some(child.to_string().into())),
        (ROOT, root.map(OsString::from)),
    ]
}

/// Finds out whether a program loads the library, which leads nothing meanwhile.
#[derive(Debug)]
pub(super) struct Probe {
    listener: Listener,
    environment: Environment,
}

impl Probe {
    pub(super) fn new(library: &Library, socket: &Path) -> io::Result<Probe> {
        let listener = Listener::new(socket)?;
        Ok(Probe { listener, environment: environment(library, socket, 1, None) })
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Whether a process that has answered has the library, or something that it started.
    pub(super) fn is_led(&self, pid: i32) -> bool {
        let said = loop {
            match self.listener.incoming().recv_timeout(HELLO_PATIENCE) {
                Ok(Incoming { event: Event::Begun { .. }, .. }) => break true,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break false,
            }
        };
        // It may have become another program since, one that does not.
        let maps = std::fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
        let name = b"libasl_preload";
        said && (maps.is_empty() || maps.windows(name.len()).any(|window| window == name))
    }
}
