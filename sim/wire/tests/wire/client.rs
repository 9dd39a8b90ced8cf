//! A tiny client, on one connection.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("the proxy takes connections");
        stream.set_read_timeout(Some(crate::PATIENCE)).expect("a time limit can be set");
        Client { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).expect("the proxy takes a request");
    }

    /// Sends a `PUT` of this body to this path, and returns what is sent.
    pub(crate) fn put(&mut self, path: &str, body: &str) -> String {
        let request = put(path, body);
        self.send(&request);
        request
    }

    /// The head of the next answer.
    pub(crate) fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let count = self.stream.read_line(&mut head).expect("there is an answer");
            assert!(count > 0, "the connection closed within a head: {head:?}");
        }
        head
    }

    /// So many bytes of a body.
    pub(crate) fn body(&mut self, length: usize) -> String {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("there is a body");
        String::from_utf8(body).expect("it is text")
    }

    /// The first line of the next answer, and its body, whose length the head has to say.
    pub(crate) fn answer(&mut self) -> (String, String) {
        let head = self.head();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let body = self.body(length.expect("it has a length").parse().expect("it is a number"));
        (head.lines().next().expect("it has a first line").to_owned(), body)
    }

    /// Whether the connection is open, and nothing has come on it.
    pub(crate) fn is_silent(&self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).expect("it can be asked");
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).expect("it can be asked");
        peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// All that comes until the connection closes.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let read = self.stream.read_to_end(&mut rest);
        assert!(!read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "the connection stays open");
        String::from_utf8(rest).expect("it is text")
    }
}

pub(crate) fn put(path: &str, body: &str) -> String {
    let length = body.len();
    format!("PUT {path} HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\nContent-Length: {length}\r\n\r\n{body}")
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}
