//! Reads requests, keeps what they started going, and writes answers.
//!
//! One channel has all that can happen: a line has come, a future wants to be polled again, the input has ended. A thread reads
//! lines, since a read cannot be waited for together with anything else; everything of the host's is done on the caller's thread.

use crate::answer::Server;
use crate::protocol::{self, Answer, LINE_LEN_MAX};
use asl_host::Host;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};

/// Answers the driver protocol on standard input and output, until the input ends. `make` is given the root directory that
/// `hello` names, and makes the host.
///
/// Standard output belongs to the protocol as long as this runs: what a host has to say goes to standard error.
///
/// Errors: standard input cannot be read or standard output cannot be written, or a line came that is no request.
///
/// Panics: as the host does, which ends the program; the simulator reports that as the host's.
pub fn serve<H: Host>(make: impl FnOnce(&Path) -> H) -> io::Result<()> {
    let (sender, events) = channel();
    let lines = sender.clone();
    // It is not waited for: it may be in the middle of a read when an error ends the program.
    std::thread::Builder::new().name("requests".to_owned()).spawn(move || read_lines(io::stdin(), &lines))?;
    answer_all(&Server::new(make), &sender, &events, &mut io::stdout())
}

enum Event {
    Line(Vec<u8>),
    Woken(u64),
    End(io::Result<()>),
}

/// Hands over each line, and the end. Nobody may be there any more to take them.
fn read_lines(input: impl Read, events: &Sender<Event>) {
    let mut input = BufReader::new(input);
    let end = loop {
        let mut line = Vec::new();
        match (&mut input).take(LINE_LEN_MAX as u64 + 1).read_until(b'\n', &mut line) {
            Ok(0) => break Ok(()),
            Ok(_) if line.len() > LINE_LEN_MAX && !line.ends_with(b"\n") => {
                break Err(invalid(format!("a request of more than {LINE_LEN_MAX} bytes")));
            }
            Ok(_) => {
                if events.send(Event::Line(line)).is_err() {
                    return;
                }
            }
            Err(error) => break Err(error),
        }
    };
    drop(events.send(Event::End(end)));
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Wakes one future, by its number.
struct Alarm {
    task: u64,
    events: Sender<Event>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        // If nobody listens, the program is about to end.
        drop(self.events.send(Event::Woken(self.task)));
    }
}

/// A request that is being worked on.
struct Task<'a> {
    id: u64,
    work: Pin<Box<dyn Future<Output = Answer> + 'a>>,
    waker: Waker,
}

fn answer_all<H: Host, F: FnOnce(&Path) -> H>(
    server: &Server<H, F>,
    sender: &Sender<Event>,
    events: &Receiver<Event>,
    output: &mut impl Write,
) -> io::Result<()> {
    let mut tasks: BTreeMap<u64, Task<'_>> = BTreeMap::new();
    for number in 0.. {
        let task = match events.recv().expect("this thread has a sender itself") {
            Event::End(end) => return end,
            Event::Woken(task) => task,
            Event::Line(line) => match protocol::read(&line).map_err(invalid)? {
                (id, Err(refusal)) => {
                    output.write_all(&protocol::line(id, Err(refusal)))?;
                    output.flush()?;
                    continue;
                }
                (id, Ok(request)) => {
                    let waker = Waker::from(Arc::new(Alarm { task: number, events: sender.clone() }));
                    tasks.insert(number, Task { id, work: Box::pin(server.answer(request)), waker });
                    number
                }
            },
        };
        // A future may be woken after it was ready.
        let Some(Task { id, work, waker }) = tasks.get_mut(&task) else { continue };
        if let Poll::Ready(answer) = work.as_mut().poll(&mut Context::from_waker(waker)) {
            output.write_all(&protocol::line(*id, answer))?;
            output.flush()?;
            tasks.remove(&task);
        }
    }
    unreachable!("more than 2^64 events")
}
