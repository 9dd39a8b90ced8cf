//! The head of a message: its first line and its headers, kept as the bytes that came.
//!
//! The proxy reads of a head what it needs to find the end of the message and to choose a rule. It does not
//! judge the rest.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

/// The most bytes that the head of a request or of an answer may have.
pub const HEAD_LEN_MAX: usize = 64 << 10;

/// The first line of a message and its headers, up to and with the empty line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    bytes: Vec<u8>,
}

impl Head {
    /// Reads one, or `None` if the connection ends before its first byte. Empty lines before it are dropped.
    ///
    /// Errors: `InvalidData` if it is too long; `UnexpectedEof` if the connection ends within it; whatever
    /// reading ends with.
    pub(crate) fn read(from: &mut impl BufRead) -> io::Result<Option<Head>> {
        let mut bytes = Vec::new();
        loop {
            let line_start = bytes.len();
            let room = HEAD_LEN_MAX - line_start;
            let read = from.by_ref().take(room as u64).read_until(b'\n', &mut bytes)?;
            let line = &bytes[line_start..];
            if !line.ends_with(b"\n") {
                return match read {
                    0 if room > 0 && line_start == 0 => Ok(None),
                    _ if bytes.len() == HEAD_LEN_MAX => Err(invalid("the head is too long")),
                    _ => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
            if !line.trim_ascii().is_empty() {
                continue;
            }
            if line_start > 0 {
                return Ok(Some(Head { bytes }));
            }
            bytes.clear();
        }
    }

    /// As it came.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same without this header.
    pub(crate) fn without(&self, name: &str) -> Head {
        let mut lines = self.bytes.split_inclusive(|byte| *byte == b'\n');
        let mut bytes = lines.next().unwrap_or_default().to_vec();
        for line in lines.filter(|line| !has_name(line, name)) {
            bytes.extend_from_slice(line);
        }
        Head { bytes }
    }

    /// Part of the first line.
    fn word(&self, number: usize) -> &[u8] {
        let line = self.bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        line.trim_ascii().split(|byte| *byte == b' ').nth(number).unwrap_or_default()
    }

    /// A request's method.
    pub(crate) fn method(&self) -> &[u8] {
        self.word(0)
    }

    /// A request's target: path and query.
    pub(crate) fn target(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.word(1))
    }

    /// Whether the first line is a request's.
    pub(crate) fn is_request(&self) -> bool {
        !self.word(1).is_empty() && self.word(2).starts_with(b"HTTP/1.") && self.word(3).is_empty()
    }

    /// An answer's status, or `None` if the first line is not an answer's.
    pub(crate) fn status(&self) -> Option<u16> {
        let digits = self.word(1);
        let well_formed = self.word(0).starts_with(b"HTTP/1.") && digits.len() == 3;
        std::str::from_utf8(digits).ok().filter(|_| well_formed)?.parse().ok()
    }

    /// The values of all headers of this name.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.bytes.split(|byte| *byte == b'\n').skip(1);
        lines.filter(move |line| has_name(line, name)).map(move |line| line[name.len() + 1..].trim_ascii())
    }

    /// The elements of all headers of this name, whose values are lists.
    pub(crate) fn elements<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.values(name).flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
    }

    /// Whether one of those elements is this word.
    pub(crate) fn has_element(&self, name: &str, word: &str) -> bool {
        self.elements(name).any(|element| element.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Whether the message is of HTTP/1.0, a request's or an answer's.
    pub(crate) fn is_old(&self) -> bool {
        self.word(0) == b"HTTP/1.0" || self.word(2) == b"HTTP/1.0"
    }

    /// Whether its sender closes the connection after this exchange.
    pub(crate) fn closes(&self) -> bool {
        self.has_element("connection", "close")
            || self.is_old() && !self.has_element("connection", "keep-alive")
    }
}

fn has_name(line: &[u8], name: &str) -> bool {
    line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        && line.get(name.len()) == Some(&b':')
}

pub(crate) fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn head(text: &str) -> Head {
        Head::read(&mut Cursor::new(text)).expect("it can be read").expect("it is there")
    }

    #[test]
    fn a_head_ends_with_the_empty_line_and_what_follows_is_left() {
        let mut from = Cursor::new("\r\nGET /a?b HTTP/1.1\r\nHost: x\r\n\r\nbody");
        let head = Head::read(&mut from).expect("it can be read").expect("it is there");
        assert_eq!(head.bytes(), b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!((head.method(), &*head.target()), (&b"GET"[..], "/a?b"));
        assert!(head.is_request() && head.status().is_none());
        let mut rest = String::new();
        from.read_to_string(&mut rest).expect("it is text");
        assert_eq!(rest, "body");
    }

    #[test]
    fn a_connection_that_ends_between_messages_is_no_error_and_within_one_it_is() {
        assert_eq!(Head::read(&mut Cursor::new("")).expect("no error"), None);
        for text in ["GET", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n"] {
            let error = Head::read(&mut Cursor::new(text)).expect_err(text);
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn a_head_that_is_too_long_is_refused() {
        let endless = "x".repeat(HEAD_LEN_MAX + 1);
        let many_lines = "GET / HTTP/1.1\r\n".repeat(HEAD_LEN_MAX / 16 + 1);
        for text in [endless, many_lines] {
            let error = Head::read(&mut Cursor::new(text)).expect_err("it is too long");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn a_header_is_dropped_wherever_it_stands_and_others_stay() {
        let whole = head(
            "PUT / HTTP/1.1\r\nIf-None-Match: *\r\nA: 1\r\nif-none-match: b\r\nIf-None-Matches: c\r\n\r\n",
        );
        let less = whole.without("IF-NONE-MATCH");
        assert_eq!(less.bytes(), b"PUT / HTTP/1.1\r\nA: 1\r\nIf-None-Matches: c\r\n\r\n");
    }

    #[test]
    fn an_answer_has_a_status_and_what_is_not_an_answer_has_none() {
        assert_eq!(head("HTTP/1.1 204 No Content\r\n\r\n").status(), Some(204));
        assert_eq!(head("HTTP/1.1 200\r\n\r\n").status(), Some(200));
        for text in ["SSH-2.0-x\r\n\r\n", "HTTP/1.1 20 x\r\n\r\n", "HTTP/2 200\r\n\r\n"] {
            assert_eq!(head(text).status(), None);
        }
    }

    #[test]
    fn who_closes_is_said_by_the_version_and_by_the_header() {
        assert!(!head("GET / HTTP/1.1\r\n\r\n").closes());
        assert!(head("GET / HTTP/1.1\r\nConnection: TE, Close\r\n\r\n").closes());
        assert!(head("HTTP/1.0 200 OK\r\n\r\n").closes());
        assert!(!head("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n").closes());
    }
}
