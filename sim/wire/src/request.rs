//! One request of a client, read to its end.

use crate::body::{self, Broken, Framing, Kept};
use crate::head::{Head, invalid};
use std::io::{self, BufRead, BufReader, Read, Write};

/// The most bytes that the body of a request may have on the wire, chunk sizes included.
pub const REQUEST_BODY_LEN_MAX: usize = 256 << 20;

/// The first byte of a TLS connection. The rest may have no line end, and would be waited for.
const TLS_HANDSHAKE: u8 = 0x16;

/// A head, and a body as it came: the chunks of a chunked one are still chunks.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

/// Why there is no request.
#[derive(Debug)]
pub(crate) enum NoRequest {
    /// The client has gone, in the middle of a request or between two.
    Gone,
    /// What came is not a request that passes: the status of the answer, and what is wrong.
    Refused(&'static str, String),
}

impl Request {
    /// Waits for the next one. Tells a client that asks whether it may send the body that it may.
    pub(crate) fn read<S: Read + Write>(client: &mut BufReader<S>) -> Result<Request, NoRequest> {
        if client.fill_buf().map_err(|_| NoRequest::Gone)?.first() == Some(&TLS_HANDSHAKE) {
            return Err(refused(&invalid("this is TLS, and the proxy speaks HTTP only")));
        }
        let head = Head::read(client).map_err(|error| refused(&error))?.ok_or(NoRequest::Gone)?;
        if !head.is_request() {
            return Err(refused(&invalid("the first line is not that of a request of HTTP/1")));
        }
        let framing = Framing::of_request(&head).map_err(|error| refused(&error))?;
        let waits = head.has_element("expect", "100-continue") && framing != Framing::Length(0);
        if waits && !head.is_old() {
            let go_on = client.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
            go_on.map_err(|_| NoRequest::Gone)?;
        }
        let mut body = Kept::new(REQUEST_BODY_LEN_MAX);
        match body::copy(client, framing, &mut body) {
            Ok(()) => Ok(Request { head, body: body.bytes }),
            Err(Broken::Source(error)) => Err(refused(&error)),
            Err(Broken::Sink) => {
                let message = format!("the body has more than {REQUEST_BODY_LEN_MAX} bytes");
                Err(NoRequest::Refused("413 Content Too Large", message))
            }
        }
    }

    /// The same without this header.
    pub(crate) fn without(&self, name: &str) -> Request {
        Request { head: self.head.without(name), body: self.body.clone() }
    }

    /// The parts that a server gets if the request is cut in half: head and body.
    pub(crate) fn half(&self) -> (&[u8], &[u8]) {
        let head = self.head.bytes();
        if self.body.is_empty() {
            (&head[..head.len() / 2], &[])
        } else {
            (head, &self.body[..self.body.len() / 2])
        }
    }
}

fn refused(error: &io::Error) -> NoRequest {
    if error.kind() == io::ErrorKind::InvalidData {
        NoRequest::Refused("400 Bad Request", error.to_string())
    } else {
        NoRequest::Gone
    }
}
