//! The connection to the server that belongs to one connection of a client.

use crate::body::Framing;
use crate::head::{Head, invalid};
use crate::request::Request;
use crate::shared::{Open, Shared};
use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Within this time a connection is made, or the server cannot be reached.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// An open connection, on which no answer is outstanding.
#[derive(Debug)]
pub(crate) struct Server<'a> {
    /// What the server sends; requests are written to the stream below.
    pub(crate) reader: BufReader<TcpStream>,
    _open: Open<'a>,
}

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) head: Head,
    pub(crate) framing: Framing,
}

impl Begun {
    /// Whether the connection ends with this answer.
    pub(crate) fn closes(&self) -> bool {
        self.framing == Framing::UntilClose || self.head.closes() || self.head.status() == Some(101)
    }
}

impl<'a> Server<'a> {
    /// Errors: the server cannot be reached, or the proxy stops.
    pub(crate) fn connect(shared: &'a Shared) -> io::Result<Server<'a>> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the server has no address");
        for address in &shared.upstream {
            match TcpStream::connect_timeout(address, CONNECT_TIME_MAX) {
                Err(error) => last = error,
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    let open = shared.register(&stream)?;
                    return Ok(Server { reader: BufReader::new(stream), _open: open });
                }
            }
        }
        Err(last)
    }

    /// Whether another request can be sent: the server has not closed an idle connection, nor said anything
    /// unasked.
    pub(crate) fn is_idle(&self) -> bool {
        let stream = self.reader.get_ref();
        let peeked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
        let silent = peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        silent && self.reader.buffer().is_empty() && stream.set_nonblocking(false).is_ok()
    }

    /// Sends a request, and reads the answer up to its body.
    ///
    /// Errors: the server breaks off, or what it sends is not HTTP.
    pub(crate) fn send(&mut self, request: &Request) -> io::Result<Begun> {
        // A server that needs no more of a request answers, closes, and the rest cannot be written. The
        // answer counts.
        let sent = self.write(request.head.bytes(), &request.body);
        self.begun(request.head.method()).map_err(|error| sent.err().unwrap_or(error))
    }

    pub(crate) fn write(&mut self, head: &[u8], body: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(head)?;
        self.reader.get_mut().write_all(body)
    }

    /// The next answer that is not an interim one.
    fn begun(&mut self, method: &[u8]) -> io::Result<Begun> {
        loop {
            let head = Head::read(&mut self.reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let status =
                head.status().ok_or_else(|| invalid("the first line is not that of an answer of HTTP/1"))?;
            if !(100..200).contains(&status) || status == 101 {
                let framing = Framing::of_answer(&head, method)?;
                return Ok(Begun { head, framing });
            }
        }
    }
}
