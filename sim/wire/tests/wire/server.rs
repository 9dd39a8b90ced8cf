//! A tiny server. It tells the test each request that it got, whole or not, and answers what the test says.
//!
//! It reads HTTP by code of its own, so that the proxy's reading is checked by another.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;

/// What the server got of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The connection it came on, from 0.
    pub(crate) connection: usize,
    pub(crate) head: String,
    /// As it came: chunks are still chunks.
    pub(crate) body: Vec<u8>,
    /// Whether it came to its end.
    pub(crate) is_whole: bool,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Receiver<Seen>,
}

impl Server {
    /// A server that answers a request with these bytes, and closes if they say so, or if there are none.
    pub(crate) fn start(answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let (sender, seen) = channel();
        let answer = Arc::new(answer);
        // It lives as long as the test's process.
        let accept = move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (answer, sender) = (answer.clone(), sender.clone());
                let stream = stream.expect("a connection can be taken");
                let serve = move || serve(number, &stream, &*answer, &sender);
                Builder::new().spawn(serve).expect("a thread can be started");
            }
        };
        Builder::new().spawn(accept).expect("a thread can be started");
        Server { address, seen }
    }

    /// A server that says `yes` to everything.
    pub(crate) fn kind() -> Server {
        Server::start(|_| b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 3\r\n\r\nyes".to_vec())
    }

    /// The next request it got.
    pub(crate) fn next(&self) -> Seen {
        self.seen.recv_timeout(crate::PATIENCE).expect("the server gets a request")
    }

    /// The first line of the next request that it got whole.
    pub(crate) fn next_line(&self) -> String {
        let seen = self.next();
        assert!(seen.is_whole, "{seen:?}");
        seen.head.lines().next().expect("it has a first line").to_owned()
    }
}

fn serve(connection: usize, stream: &TcpStream, answer: &dyn Fn(&Seen) -> Vec<u8>, sender: &Sender<Seen>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut seen = Seen { connection, ..Seen::default() };
        seen.is_whole = read(&mut reader, &mut seen).is_some();
        if seen.head.is_empty() {
            return;
        }
        let bytes = answer(&seen);
        let is_whole = seen.is_whole;
        // The test may be over.
        drop(sender.send(seen));
        if !is_whole {
            return;
        }
        let (mut writer, text) = (stream, String::from_utf8_lossy(&bytes));
        if writer.write_all(&bytes).is_err() || bytes.is_empty() || text.contains("Connection: close") {
            return;
        }
    }
}

/// `None` if the connection ended within it.
fn read(from: &mut impl BufRead, seen: &mut Seen) -> Option<()> {
    while !seen.head.ends_with("\r\n\r\n") {
        line(from, &mut seen.head)?;
    }
    let head = seen.head.to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        // Enough for bodies that do not contain the mark of their own end.
        while !seen.body.ends_with(b"0\r\n\r\n") {
            from.read_until(b'\n', &mut seen.body).ok().filter(|count| *count > 0)?;
        }
        return Some(());
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: u64 = length.map_or(0, |digits| digits.parse().expect("it is a number"));
    from.take(length).read_to_end(&mut seen.body).ok()?;
    (seen.body.len() as u64 == length).then_some(())
}

fn line(from: &mut impl BufRead, to: &mut String) -> Option<()> {
    let count = from.read_line(to).ok()?;
    (count > 0 && to.ends_with('\n')).then_some(())
}
