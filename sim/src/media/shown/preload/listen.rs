//! The socket that programs' libraries ask over: one thread reads all of their connections, so that what one process did before
//! another is heard before it.
//!
//! Nothing that a program sends can do harm here: a message that is none, or too long, ends its connection; what is not worked on yet
//! is bounded; and an answer that is not taken in time is given up.

use crate::media::files::fs::EIO;
use asl_preload_wire::{Answer, Call, MESSAGE_LEN_MAX, VERSION, len_of, write_answer};
use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{RecvFlags, recv};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Events that wait to be acted on, before whoever asks has to wait with more.
const WAITING_MAX: usize = 64;
/// How long an answer may wait for somebody who does not take it.
const PATIENCE: Duration = Duration::from_secs(10);
const STACK_LEN: usize = 256 << 10;

/// What happened on a connection, and whose it is.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// The connection's number: one process's.
    pub(crate) connection: u64,
    /// The number of the process that the simulator started, which this one is or comes from.
    pub(crate) child: u64,
    pub(crate) event: Event,
}

#[derive(Debug)]
pub(crate) enum Event {
    /// A process has the library; it may have inherited open files.
    Begun {
        inherits: u64,
        pid: i32,
    },
    Asked(Call, Reply),
    /// The process is gone, or another program.
    Gone,
}

/// Where the answer to one call goes. One that is dropped is answered EIO.
#[derive(Debug)]
pub(crate) struct Reply(Option<Arc<UnixStream>>);

impl Reply {
    pub(crate) fn answer(mut self, answer: &Result<Answer, i32>) {
        self.send(answer);
    }

    fn send(&mut self, answer: &Result<Answer, i32>) {
        if let Some(stream) = self.0.take() {
            let mut message = Vec::new();
            write_answer(answer, &mut message);
            // Whoever asked may be gone.
            let _ = (&*stream).write_all(&message);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.send(&Err(EIO));
    }
}

/// A socket at a path, and the thread that reads it.
#[derive(Debug)]
pub(crate) struct Listener {
    incoming: Option<Receiver<Incoming>>,
    /// The thread ends when the other end of this is gone.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Listens at a path where nothing is, or where one listened before.
    pub(crate) fn new(path: &Path) -> io::Result<Listener> {
        // It fails if there is none.
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        let (stop, stopped) = UnixStream::pair()?;
        let (sender, incoming) = bounded(WAITING_MAX);
        let mut reader = Reader { listener, stopped, sender, connections: Vec::new(), begun: 0 };
        let builder = Builder::new().name("preload".to_owned()).stack_size(STACK_LEN);
        let thread = builder.spawn(move || while reader.round() {})?;
        Ok(Listener { incoming: Some(incoming), stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn incoming(&self) -> &Receiver<Incoming> {
        self.incoming.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.incoming = None;
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell; if it panicked, that was said.
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Reader {
    listener: UnixListener,
    stopped: UnixStream,
    sender: Sender<Incoming>,
    connections: Vec<Connection>,
    begun: u64,
}

#[derive(Debug)]
struct Connection {
    number: u64,
    stream: Arc<UnixStream>,
    /// Known once it has said hello.
    child: Option<u64>,
    read: Vec<u8>,
    is_gone: bool,
}

impl Reader {
    /// Waits for something, and acts on all that there is. False if it is over.
    fn round(&mut self) -> bool {
        let Some(ready) = self.wait() else { return false };
        if ready[0] {
            while let Ok((stream, _)) = self.listener.accept() {
                self.begun += 1;
                // If it cannot be set, one that does not read is waited for.
                let _ = stream.set_write_timeout(Some(PATIENCE));
                let (stream, read) = (Arc::new(stream), Vec::new());
                self.connections.push(Connection {
                    number: self.begun,
                    stream,
                    child: None,
                    read,
                    is_gone: false,
                });
            }
        }
        for (connection, is_ready) in self.connections.iter_mut().zip(&ready[1..]) {
            if *is_ready {
                connection.receive();
            }
        }
        self.say_who_is_gone() && self.connections.iter_mut().all(|connection| connection.say(&self.sender))
    }

    /// Which of the listener and the connections have something; `None` if it is over.
    fn wait(&self) -> Option<Vec<bool>> {
        let sources = [self.stopped.as_fd(), self.listener.as_fd()].into_iter();
        let sources = sources.chain(self.connections.iter().map(|connection| connection.stream.as_fd()));
        let mut polled: Vec<PollFd<'_>> =
            sources.map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN)).collect();
        // It fails if a signal comes; then nothing is ready.
        let _ = poll(&mut polled, None);
        let mut ready = polled.iter().map(|source| !source.revents().is_empty());
        let is_over = ready.next().unwrap_or(true);
        (!is_over).then(|| ready.collect())
    }

    /// A process that is gone was so before others could see it: before anything that they ask.
    fn say_who_is_gone(&mut self) -> bool {
        let (gone, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.connections).into_iter().partition(|connection| connection.is_gone);
        self.connections = left;
        gone.into_iter().all(|Connection { number, child, .. }| {
            let Some(child) = child else { return true };
            self.sender.send(Incoming { connection: number, child, event: Event::Gone }).is_ok()
        })
    }
}

impl Connection {
    /// Reads what there is, up to a message.
    fn receive(&mut self) {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let (spare, flags) = (&mut buffer[..], RecvFlags::DONTWAIT);
            match recv(&*self.stream, spare, flags) {
                Ok((_, 0)) => self.is_gone = true,
                Ok((_, count)) => {
                    self.read.extend_from_slice(&buffer[..count]);
                    let wanted = len_of(&self.read).unwrap_or(0);
                    if wanted > MESSAGE_LEN_MAX {
                        self.is_gone = true;
                    } else if self.read.len() < wanted + 4 {
                        continue;
                    }
                }
                Err(error) if error == rustix::io::Errno::AGAIN || error == rustix::io::Errno::INTR => {}
                Err(_) => self.is_gone = true,
            }
            return;
        }
    }

    /// Hands on the messages that are whole. False if nobody is there.
    fn say(&mut self, sender: &Sender<Incoming>) -> bool {
        while let Some(len) = len_of(&self.read).filter(|len| self.read.len() >= len + 4) {
            let call = Call::read(&self.read[4..len + 4]);
            self.read.drain(..len + 4);
            let (child, event) = match (self.child, call) {
                (None, Some(Call::Hello { version: VERSION, child, inherits, pid })) => {
                    self.child = Some(child);
                    (child, Event::Begun { inherits, pid })
                }
                (Some(child), Some(call)) => (child, Event::Asked(call, Reply(Some(self.stream.clone())))),
                _ => {
                    // It is gone in the next round.
                    let _ = self.stream.shutdown(std::net::Shutdown::Both);
                    return true;
                }
            };
            if sender.send(Incoming { connection: self.number, child, event }).is_err() {
                return false;
            }
        }
        true
    }
}
