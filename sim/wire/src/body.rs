//! Where a body ends, and how its bytes go from one side to the other.

use crate::head::{Head, invalid};
use std::io::{self, BufRead, Read, Write};

/// The most bytes that the line before a chunk, or one line of a trailer, may have.
const LINE_LEN_MAX: u64 = 16 << 10;

/// How a message says where its body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many bytes; 0 also if there can be no body.
    Length(u64),
    /// With an empty chunk and a trailer.
    Chunked,
    /// With the connection. Only answers.
    UntilClose,
}

impl Framing {
    /// A request's.
    ///
    /// Errors: `InvalidData` if it does not say where the body ends.
    pub(crate) fn of_request(head: &Head) -> io::Result<Framing> {
        match stated(head)? {
            Some(Framing::UntilClose) => Err(invalid("the request does not say where its body ends")),
            Some(framing) => Ok(framing),
            None => Ok(Framing::Length(0)),
        }
    }

    /// That of an answer to a request of this method.
    ///
    /// Errors: `InvalidData` if it contradicts itself.
    pub(crate) fn of_answer(head: &Head, method: &[u8]) -> io::Result<Framing> {
        if method == b"HEAD" || matches!(head.status(), Some(100..200 | 204 | 304)) {
            return Ok(Framing::Length(0));
        }
        Ok(stated(head)?.unwrap_or(Framing::UntilClose))
    }
}

/// What the headers say.
fn stated(head: &Head) -> io::Result<Option<Framing>> {
    if let Some(coding) = head.elements("transfer-encoding").last() {
        let chunked = coding.eq_ignore_ascii_case(b"chunked");
        return Ok(Some(if chunked { Framing::Chunked } else { Framing::UntilClose }));
    }
    let mut lengths = head.elements("content-length");
    let Some(first) = lengths.next() else { return Ok(None) };
    let length = number(first, 10).ok_or_else(|| invalid("the content-length is not a number"))?;
    if lengths.any(|other| other != first) {
        return Err(invalid("there are two content-lengths"));
    }
    Ok(Some(Framing::Length(length)))
}

/// Digits only: no sign, no space.
fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| u64::from_str_radix(text, radix).ok())?
}

/// A body that did not get across.
#[derive(Debug)]
pub(crate) enum Broken {
    /// It could not be read to its end, or is malformed.
    Source(io::Error),
    /// It could not be handed on.
    Sink,
}

/// Hands a body on as the bytes that come, chunk sizes and trailer included, as soon as they come.
pub(crate) fn copy(from: &mut impl BufRead, framing: Framing, to: &mut impl Write) -> Result<(), Broken> {
    match framing {
        Framing::Length(length) => copy_exactly(from, length, to),
        Framing::Chunked => copy_chunks(from, to),
        Framing::UntilClose => {
            while copy_some(from, u64::MAX, to)? > 0 {}
            Ok(())
        }
    }
}

fn copy_chunks(from: &mut impl BufRead, to: &mut impl Write) -> Result<(), Broken> {
    loop {
        let line = copy_line(from, to)?;
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        match number(digits, 16) {
            None => return Err(Broken::Source(invalid("a chunk has no size"))),
            Some(0) => break,
            Some(length) => copy_exactly(from, length, to)?,
        }
        if !copy_line(from, to)?.trim_ascii().is_empty() {
            return Err(Broken::Source(invalid("a chunk is longer than its size")));
        }
    }
    while !copy_line(from, to)?.trim_ascii().is_empty() {}
    Ok(())
}

fn copy_line(from: &mut impl BufRead, to: &mut impl Write) -> Result<Vec<u8>, Broken> {
    let mut line = Vec::new();
    from.by_ref().take(LINE_LEN_MAX).read_until(b'\n', &mut line).map_err(Broken::Source)?;
    if !line.ends_with(b"\n") {
        return Err(Broken::Source(io::ErrorKind::UnexpectedEof.into()));
    }
    to.write_all(&line).map_err(|_| Broken::Sink)?;
    Ok(line)
}

fn copy_exactly(from: &mut impl BufRead, length: u64, to: &mut impl Write) -> Result<(), Broken> {
    let mut left = length;
    while left > 0 {
        match copy_some(from, left, to)? {
            0 => return Err(Broken::Source(io::ErrorKind::UnexpectedEof.into())),
            count => left -= count,
        }
    }
    Ok(())
}

/// Hands on what is there, at most so much, and says how much. 0 = the source has ended.
fn copy_some(from: &mut impl BufRead, most: u64, to: &mut impl Write) -> Result<u64, Broken> {
    let there = match from.fill_buf() {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return copy_some(from, most, to),
        Err(error) => return Err(Broken::Source(error)),
    };
    let count = (there.len() as u64).min(most);
    to.write_all(&there[..count as usize]).map_err(|_| Broken::Sink)?;
    from.consume(count as usize);
    Ok(count)
}

/// Keeps what is written to it, up to so many bytes.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) bytes: Vec<u8>,
    len_max: usize,
}

impl Kept {
    pub(crate) fn new(len_max: usize) -> Kept {
        Kept { bytes: Vec::new(), len_max }
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.len_max - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn head(text: &str) -> Head {
        let read = Head::read(&mut Cursor::new(format!("{text}\r\n\r\n")));
        read.expect("it can be read").expect("it is there")
    }

    fn copied(from: &str, framing: Framing) -> Result<(String, String), Broken> {
        let (mut from, mut to) = (Cursor::new(from), Vec::new());
        copy(&mut from, framing, &mut to)?;
        let mut rest = String::new();
        from.read_to_string(&mut rest).expect("it is text");
        Ok((String::from_utf8(to).expect("it is text"), rest))
    }

    #[test]
    fn a_request_without_a_length_has_no_body() {
        let framing = |text: &str| Framing::of_request(&head(text)).ok();
        assert_eq!(framing("GET / HTTP/1.1"), Some(Framing::Length(0)));
        assert_eq!(framing("PUT / HTTP/1.1\r\nContent-Length: 12"), Some(Framing::Length(12)));
        assert_eq!(framing("PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2"), None);
        for text in ["-1", "+1", "1 2", "x", "", "99999999999999999999"] {
            assert_eq!(framing(&format!("PUT / HTTP/1.1\r\nContent-Length: {text}")), None, "{text}");
        }
    }

    #[test]
    fn chunks_come_before_a_length() {
        let both = head("PUT / HTTP/1.1\r\nContent-Length: 12\r\nTransfer-Encoding: gzip, Chunked");
        assert_eq!(Framing::of_request(&both).ok(), Some(Framing::Chunked));
        assert!(Framing::of_request(&head("PUT / HTTP/1.1\r\nTransfer-Encoding: gzip")).is_err());
    }

    #[test]
    fn an_answer_without_a_length_ends_with_the_connection_unless_it_can_have_no_body() {
        let framing = |text, method| Framing::of_answer(&head(text), method).ok();
        assert_eq!(framing("HTTP/1.1 200 OK", b"GET"), Some(Framing::UntilClose));
        assert_eq!(framing("HTTP/1.1 200 OK\r\nContent-Length: 5", b"GET"), Some(Framing::Length(5)));
        assert_eq!(framing("HTTP/1.1 200 OK\r\nContent-Length: 5", b"HEAD"), Some(Framing::Length(0)));
        assert_eq!(
            framing("HTTP/1.1 304 Not Modified\r\nContent-Length: 5", b"GET"),
            Some(Framing::Length(0))
        );
        assert_eq!(framing("HTTP/1.1 204 No Content", b"DELETE"), Some(Framing::Length(0)));
    }

    #[test]
    fn chunks_pass_with_their_sizes_extensions_and_trailer() {
        let body = "4;a=b\r\nabcd\r\n0A\r\n0\r\n\r\n12345\r\n0\r\nSum: 1\r\n\r\n";
        let (passed, rest) = copied(&format!("{body}GET"), Framing::Chunked).expect("it is well formed");
        assert_eq!((passed.as_str(), rest.as_str()), (body, "GET"));
    }

    #[test]
    fn a_body_that_ends_early_or_is_malformed_is_the_sources_fault() {
        let chunked = ["", "4\r\nab", "4\r\nabcdef\r\n", "x\r\n", "\r\n", "0\r\n", "-1\r\n\r\n"];
        for text in chunked {
            assert!(matches!(copied(text, Framing::Chunked), Err(Broken::Source(_))), "{text:?}");
        }
        assert!(matches!(copied("abc", Framing::Length(4)), Err(Broken::Source(_))));
    }

    #[test]
    fn what_is_kept_has_a_limit() {
        let mut kept = Kept::new(3);
        copy(&mut Cursor::new("abc"), Framing::Length(3), &mut kept).expect("it fits");
        let more = copy(&mut Cursor::new("d"), Framing::Length(1), &mut kept);
        assert!(matches!(more, Err(Broken::Sink)));
        assert_eq!(kept.bytes, b"abc");
    }
}
